//! QUERY and IDENTIFY: what the user has set and what is there. What CMS does not know goes to CP.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::BlockDevice;

use crate::cp::Cp;
use crate::disks::Accessed;
use crate::fileid::ModeSpec;
use crate::message::{Outcome, Rc};
use crate::session::{LEVEL, Shell};
use crate::settings;
use crate::translation;
use crate::words::{Words, field, is};

impl<C: Cp> Shell<C> {
    /// QUERY. With STACK, LIFO or FIFO the answer of CMS goes to the program stack.
    pub(crate) fn query_command(&mut self, words: &Words) -> Outcome {
        let what = words.operand(0);
        if !is_cms(what) {
            let command = [b"QUERY ", words.text.as_slice()].concat();
            return self.cp_command(&command);
        }
        let order = self.stack_order(&words.options)?;
        self.answering(order, |shell| shell.query(words))
    }

    /// Where an answer goes: to the console, or with FIFO (or STACK) `Some(true)` and with LIFO `Some(false)` to the program stack.
    fn stack_order(&mut self, options: &[String]) -> Result<Option<bool>, Rc> {
        let mut order = None;
        for option in options {
            match option.as_str() {
                "STACK" => order = order.or(Some(true)),
                "FIFO" => order = Some(true),
                "LIFO" => order = Some(false),
                option if is(option, "TYPE") => order = None,
                option => return Err(self.bad_option(option)),
            }
        }
        Ok(order)
    }

    /// Does something whose lines are an answer, which goes where `order` says. Messages go to the console.
    fn answering(&mut self, order: Option<bool>, work: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        let Some(first_in_first_out) = order else { return work(self) };
        self.answer = Some(Vec::new());
        let outcome = work(self);
        for line in self.answer.take().unwrap_or_default() {
            self.stack_line(line, first_in_first_out);
        }
        outcome
    }

    /// What CMS itself answers.
    fn query(&mut self, words: &Words) -> Outcome {
        let what = words.operand(0);
        if let Some(line) = settings::shown(&mut self.session.settings, what) {
            self.say(line);
            return Ok(());
        }
        match what {
            "ABEND" => self.query_abend(),
            what if is(what, "ACcessed") => self.query_accessed(words),
            what if is(what, "CMSLevel") => {
                self.say(LEVEL);
                Ok(())
            }
            what if is(what, "DISK") => self.query_disk(words),
            what if is(what, "FILEDef") => self.query_filedef(),
            what if translation::is_translation(what) => self.query_translation(what),
            what if is(what, "SEarch") => self.query_search(),
            what if is(what, "TRacing") => self.query_tracing(),
            _ => self.query_synonym(words.operand(1)),
        }
    }

    /// QUERY ABEND: the last abnormal end.
    fn query_abend(&mut self) -> Outcome {
        let lines = self.cp.last_abend();
        if lines.is_empty() {
            self.say("No program interruption since IPL");
        }
        lines.iter().for_each(|line| self.show_line(line));
        Ok(())
    }

    /// QUERY ACCESSED [mode].
    fn query_accessed(&mut self, words: &Words) -> Outcome {
        let spec = self.mode_spec(words.operand(1), ModeSpec::ANY)?;
        let lines = self.disk_lines(spec, |disk| {
            let files = disk.system.files().filter(|entry| disk.shows(entry)).count();
            let label = disk.system.label().id();
            let vdev = format!("{:03X}", disk.access.vdev);
            format!("{:<6} {}{files:>10}  {vdev:<4}  {label}", disk.mode_text(), disk.status())
        })?;
        self.say("Mode  Stat     Files  Vdev  Label/Directory");
        lines.iter().for_each(|line| self.say(line));
        Ok(())
    }

    /// QUERY DISK [mode|*|R/W].
    fn query_disk(&mut self, words: &Words) -> Outcome {
        let writable_only = words.operand(1) == "R/W";
        let spec = match words.operand(1) {
            "R/W" | "MAX" => ModeSpec::ANY,
            word => self.mode_spec(word, ModeSpec::ANY)?,
        };
        let mut devices = Vec::new();
        for vdev in self.disks.iter().map(|disk| disk.access.vdev).collect::<Vec<_>>() {
            let device = self.cp.device(vdev);
            let name = device.map_or(String::from("?"), |device| field(&device.name));
            devices.push((vdev, name, device.map_or(0, |device| device.cylinders)));
        }
        let lines = self.disk_lines(spec, |disk| {
            let device = devices.iter().find(|(vdev, ..)| *vdev == disk.access.vdev);
            let (name, cylinders) = device.map_or(("?", 0), |(_, name, cylinders)| (name.as_str(), *cylinders));
            let keep = !writable_only || !disk.read_only;
            if keep { disk_line(disk, name, cylinders) } else { String::new() }
        })?;
        self.say("LABEL  VDEV M  STAT   CYL TYPE BLKSZ   FILES  BLKS USED-(%) BLKS LEFT  BLK TOTAL");
        lines.iter().filter(|line| !line.is_empty()).for_each(|line| self.say(line));
        Ok(())
    }

    /// QUERY SEARCH: the search order.
    fn query_search(&mut self) -> Outcome {
        let lines = self.disk_lines(ModeSpec::ANY, |disk| {
            let label = disk.system.label().id();
            format!("{label:<6}  {:03X}  {:<4} {}", disk.access.vdev, disk.mode_text(), disk.status())
        })?;
        lines.iter().for_each(|line| self.say(line));
        Ok(())
    }

    /// A line for each disk that is meant.
    fn disk_lines(&mut self, spec: ModeSpec, line: impl Fn(&Accessed<C::Disk>) -> String) -> Result<Vec<String>, Rc> {
        self.disks.check(spec.mode).map_err(|missing| self.missing(missing, ""))?;
        Ok(self.disks.iter().filter(|disk| spec.mode.is_none_or(|mode| mode == disk.mode)).map(line).collect())
    }

    /// IDENTIFY.
    pub(crate) fn identify_command(&mut self, words: &Words) -> Outcome {
        if let Some(surplus) = words.operands.first() {
            return Err(self.bad_operand(surplus));
        }
        let stack: Vec<String> = words.options.iter().filter(|option| !is(option, "ISOdate")).cloned().collect();
        let order = self.stack_order(&stack)?;
        let who = self.cp.identification();
        let timer = self.cp.timer();
        let local = (timer.unix_seconds as i64).saturating_add(timer.zone_seconds);
        let line = format!(
            "{:<8} AT {:<8} VIA {:<8} {} {} {:<8} {}",
            field(&who.userid),
            field(&who.system_id),
            "RSCS",
            field(&timer.date),
            field(&timer.time),
            field(&timer.zone),
            weekday(local)
        );
        self.answering(order, |shell| {
            shell.say(line);
            Ok(())
        })
    }
}

/// What QUERY answers from CMS itself, beside what SET sets.
const QUERIES: [&str; 10] = ["ABEND", "ACcessed", "CMSLevel", "DISK", "FILEDef", "INPut", "OUTput", "SEarch", "SYNonym", "TRacing"];

/// Whether a word of QUERY is for CMS.
fn is_cms(word: &str) -> bool {
    settings::is_setting(word) || QUERIES.iter().any(|form| is(word, form))
}

/// The line of QUERY DISK.
fn disk_line<D: BlockDevice>(disk: &Accessed<D>, device: &str, cylinders: u32) -> String {
    let system = &disk.system;
    let (used, total) = (u64::from(system.blocks_used()), u64::from(system.label().blocks));
    let percent = (used * 100 + total / 2) / total.max(1);
    let cylinders = if cylinders == 0 { String::from("FBA") } else { format!("{cylinders}") };
    let files = system.files().filter(|entry| disk.shows(entry)).count();
    format!(
        "{:<6} {:<4} {:<3} {}{cylinders:>6} {device:<4} {:>4}{files:>9}{:>14}{:>11}{total:>11}",
        system.label().id(),
        format!("{:03X}", disk.access.vdev),
        disk.mode_text(),
        disk.status(),
        system.label().block_size,
        format!("{used}-{percent:02}"),
        total.saturating_sub(used),
    )
}

/// The day of the week of a local time in seconds since 1970-01-01, a Thursday.
fn weekday(local_seconds: i64) -> &'static str {
    const DAYS: [&str; 7] = ["THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY"];
    DAYS[local_seconds.div_euclid(86_400).rem_euclid(7) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_is_counted_from_a_thursday() {
        assert_eq!(weekday(0), "THURSDAY");
        assert_eq!(weekday(1_795_358_501), "SUNDAY");
        assert_eq!(weekday(-1), "WEDNESDAY");
    }
}
