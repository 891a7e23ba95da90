//! A CMS machine with a kernel, in a system of its own: no disks, no network, one user beside the operator, nobody else; the directory that it is in goes with it.
//!
//! A kernel for a CMS machine has no devices to be judged by, it asks CP, and CP says when it waits for a line. The system is the real one on the software processor, which counts
//! instructions; it is made anew for each kernel, so that one sees nothing of another and counts repeat.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use abi::mask;
use console::wire::LineKind;
use console::{Attachment, ConsoleEvent, Role};
use spool::StartMode;
use tempfile::TempDir;

use super::{End, Plan, Report, TrialError};
use crate::dispatcher::policy::Wakeup;
use crate::machine::Wait;
use crate::processor::Kind;
use crate::storage::SavedSystem;
use crate::system::{Config, Cp, DataDirectory};
use crate::users::{User, Way, log_on};

/// Whose machine it is.
const USER: &str = "KERNEL";
/// Real storage beside that of the machine: for CP's own saved system, and page tables.
const BESIDE: u64 = 64 << 20;
/// How often it is looked at.
pub const LOOK: Duration = Duration::from_millis(1);
/// Between the message number and the reason when a machine enters CP mode.
const ENTERED: &str = " CP entered; ";

/// What the machine does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It runs, or waits for something that comes by itself.
    Runs,
    /// It waits for a line.
    Reads,
    /// It is over.
    Over(End),
}

/// The machine and its system, which end with the value.
pub struct Alone {
    cp: Arc<Cp>,
    user: Arc<User>,
    screen: Attachment,
    /// What it wrote, line by line, and was not taken yet.
    output: Vec<u8>,
    /// Why it entered CP mode.
    entered: Option<String>,
    _place: TempDir,
}

impl Alone {
    /// Loads a kernel and lets it begin.
    ///
    /// # Errors
    /// [`TrialError`]: nothing runs.
    pub fn start(plan: &Plan<'_>) -> Result<Self, TrialError> {
        let place = tempfile::Builder::new().prefix("cp64-trial-").tempdir()?;
        let cp = system(plan, &place)?;
        let loaded = load(plan, &cp);
        let (user, screen) = loaded.inspect_err(|_| end(&cp))?;
        Ok(Self { cp, user, screen, output: Vec::new(), entered: None, _place: place })
    }

    /// What it wrote since the last time.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.hear();
        std::mem::take(&mut self.output)
    }

    /// Takes lines from the console. A prompt is a line, what was typed is none; why CP took the console is no output of the kernel.
    fn hear(&mut self) {
        while let Some(event) = self.screen.try_next() {
            let ConsoleEvent::Lines(lines) = event else {
                if matches!(event, ConsoleEvent::Ended(_)) {
                    return;
                }
                continue;
            };
            for line in lines.into_iter().filter(|line| line.kind != LineKind::Input) {
                match line.text.split_once(ENTERED).filter(|_| line.kind == LineKind::Cp) {
                    Some((_, why)) => self.entered = Some(why.to_string()),
                    None => self.output.extend([line.text.as_bytes(), b"\n"].concat()),
                }
            }
        }
    }

    /// What it does now.
    pub fn look(&mut self) -> Doing {
        if self.user.is_gone() {
            return Doing::Over(End::Ended("it logged off".to_string()));
        }
        // Held by a processor, it runs.
        let Some(machine) = self.user.machine.try_lock() else { return Doing::Runs };
        let over = |why: &str| Doing::Over(End::Ended(why.to_string()));
        if machine.is_stopped() {
            let limit = machine.context.limit.filter(|limit| machine.context.executed >= *limit);
            drop(machine);
            self.hear();
            return Doing::Over(ended(limit, self.entered.take()));
        }
        match machine.wait() {
            Some(Wait::ConsoleRead { .. }) => Doing::Reads,
            Some(Wait::ScreenRead { .. }) => over("it reads a full screen, and there is none"),
            Some(Wait::Psw) if machine.lists_under_way() > 0 => Doing::Runs,
            Some(Wait::Psw) if machine.mask() & mask::ATTENTION != 0 => Doing::Reads,
            Some(Wait::Psw) => over("it waits, and nothing will happen"),
            _ => Doing::Runs,
        }
    }

    /// Types a line.
    pub fn type_to_it(&self, line: &str) {
        self.user.with_machine_for(Wakeup::Console, |machine| machine.line_typed(line.to_string()));
    }

    /// Instructions so far. The machine comes back from its processor for that.
    pub fn instructions(&self) -> u64 {
        self.user.lock_machine().context.executed
    }

    /// Stops it.
    fn stop(&self) {
        self.user.with_machine(|machine| machine.stop());
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        end(&self.cp);
    }
}

/// A system that nobody reaches, with one user.
fn system(plan: &Plan<'_>, place: &TempDir) -> Result<Arc<Cp>, TrialError> {
    let storage = plan.storage >> 20;
    let source = format!(
        "USER OPERATOR AUTOONLY 1M 1M ABCDEG\n  CONSOLE 0009 3215\n\
         USER {USER} AUTOONLY {storage}M {storage}M G\n  CONSOLE 0009 3215\n  SPOOL 000C 2540 READER *\n  SPOOL 000D 2540 PUNCH A\n  SPOOL 000E 1403 A\n"
    );
    let root = place.path().join("system");
    std::fs::create_dir(&root)?;
    let data = DataDirectory::bare(&root, &source)?;
    let config = Config {
        directory: root,
        system_id: "CP64".to_string(),
        processors: 1,
        processor: Kind::Soft,
        insist_on_kvm: false,
        affinity: Vec::new(),
        storage: plan.storage + BESIDE,
        paging: 0,
        start: StartMode::Warm,
        spool_limit: Some(BESIDE),
        devices: crate::real_devices::settings::Statements::default(),
    };
    Ok(Cp::start(config, data)?)
}

fn load(plan: &Plan<'_>, cp: &Arc<Cp>) -> Result<(Arc<User>, Attachment), TrialError> {
    let kernel = SavedSystem::from_elf(&cp.storage, USER, plan.image)?;
    let directory = cp.directory();
    let cannot = |why: &dyn std::fmt::Display| TrialError::Cms(why.to_string());
    let id = USER.parse().map_err(|why| cannot(&why))?;
    let entry = directory.user(&id).ok_or_else(|| cannot(&"There is no user"))?;
    let user = log_on(cp, &directory, entry, Way::Autolog).map_err(|why| cannot(&why))?;
    let mut screen = user.console.attach(Role::Owner);
    // What LOGON says is not the kernel's.
    while screen.try_next().is_some() {}
    user.with_machine(|machine| {
        machine.context.limit = Some(plan.instructions);
        machine.ipl(&kernel, USER, plan.parm)
    })
    .map_err(|why| cannot(&why))?;
    Ok((user, screen))
}

fn end(cp: &Arc<Cp>) {
    cp.shut_down();
    while !cp.wait_finished(Duration::from_secs(60)) {}
}

/// What a machine in CP mode came to, with the reason that CP gave and the limit of instructions if it was reached.
fn ended(limit: Option<u64>, entered: Option<String>) -> End {
    match (limit, entered) {
        (Some(limit), _) => End::Limit(format!("{limit} instructions")),
        (None, Some(why)) if why.starts_with(crate::pc::DISABLED_WAIT) => End::Ended(why),
        (None, Some(why)) => End::Failed(why),
        (None, None) => End::Ended("it is in CP mode".to_string()),
    }
}

/// Runs a kernel until it ends or a limit is reached.
///
/// # Errors
/// [`TrialError`]: nothing was run.
pub fn run(plan: &Plan<'_>) -> Result<Report, TrialError> {
    let began = Instant::now();
    let mut alone = Alone::start(plan)?;
    let mut input = plan.input.iter();
    let mut output = Vec::new();
    let end = loop {
        output.extend(alone.take_output());
        if let Some(end) = plan.limit(began, output.len()) {
            break end;
        }
        match (alone.look(), input.len()) {
            (Doing::Over(end), _) => break end,
            (Doing::Reads, 0) => break End::Ended("it waits for input".to_string()),
            (Doing::Reads, _) => input.next().into_iter().for_each(|line| alone.type_to_it(line)),
            (Doing::Runs, _) => std::thread::sleep(LOOK),
        }
    };
    alone.stop();
    output.extend(alone.take_output());
    let (executed, unread) = {
        let machine = alone.user.lock_machine();
        (machine.context.executed, machine.lines_unread())
    };
    let machine_time = alone.user.usage.virtual_ns.load(Ordering::Relaxed);
    Ok(Report { end, output, instructions: executed, machine_time, time: began.elapsed(), unread: input.len() + unread })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cp_says_of_a_machine_is_how_the_kernel_ended() {
        let said = |text: &str| Some(text.to_string());
        assert!(matches!(ended(None, said("disabled wait PSW 80000000 0000000000010200")), End::Ended(why) if why.ends_with("10200")));
        assert!(matches!(ended(None, said("no program new PSW for specification exception at 0000000000010000")), End::Failed(_)));
        assert_eq!(ended(Some(7), said("the processor cannot run this machine")), End::Limit("7 instructions".to_string()));
        assert_eq!(ended(None, None), End::Ended("it is in CP mode".to_string()));
    }

    #[test]
    fn what_is_no_elf_file_is_refused_and_leaves_nothing() {
        let plan = Plan {
            kind: super::super::Kind::Cms,
            image: b"#!/bin/sh",
            module: &[],
            parm: "",
            storage: 8 << 20,
            processors: 1,
            input: Vec::new(),
            time: Duration::from_secs(60),
            instructions: 1_000_000,
            idle: 0,
            stop: &std::sync::atomic::AtomicBool::new(false),
        };
        assert!(matches!(run(&plan), Err(TrialError::Cms(why)) if why.contains("not an ELF-64 file")));
    }
}
