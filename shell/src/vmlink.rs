//! VMLINK: links and accesses a disk in one command, by its owner or by a nickname; and lets it go again.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::disks::{Access, Mode};
use crate::message::{Outcome, Rc};
use crate::session::{Shell, rc};
use crate::words::{Words, is, vdev};

/// Device numbers that are taken when none is asked for.
const VDEVS: core::ops::RangeInclusive<u32> = 0x120..=0x18f;

/// One disk that is to be linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    userid: String,
    vdev: u32,
    /// What stands between `<` and `>`.
    own_vdev: Option<u32>,
    mode: Option<u8>,
    access: Option<String>,
    password: Option<String>,
}

impl<C: Cp> Shell<C> {
    /// VMLINK {userid vdev | nick} [< [vdev|.] [fm|.] [access|.] [password] >] ... [( options]
    pub(crate) fn vmlink_command(&mut self, words: &Words) -> Outcome {
        let (mut write, mut detach, mut show) = (false, false, true);
        for option in &words.options {
            match option.as_str() {
                option if is(option, "WRITE") => write = true,
                option if is(option, "NOWRITE") => write = false,
                option if is(option, "DETach") || is(option, "RELease") => detach = true,
                option if is(option, "TYPE") => show = true,
                option if is(option, "NOTYPE") => show = false,
                _ => return Err(self.bad_option(option)),
            }
        }
        let wanted = self.vmlink_operands(words)?;
        if wanted.is_empty() {
            return Err(self.bad_operand(""));
        }
        wanted.iter().try_for_each(|wanted| match detach {
            true => self.vmlink_detach(wanted, show),
            false => self.vmlink_one(wanted, write, show),
        })
    }

    /// What is to be linked. Nicknames are looked up in VMLINK NAMES.
    fn vmlink_operands(&mut self, words: &Words) -> Result<Vec<Wanted>, Rc> {
        let mut list: Vec<Wanted> = Vec::new();
        let mut rest = words.operands.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            if word == "<" {
                let Some(last) = list.last_mut() else {
                    return Err(self.bad_operand(word));
                };
                let bracket: Vec<&str> = rest.by_ref().take_while(|word| *word != ">").collect();
                if let Err(wrong) = last.bracket(&bracket) {
                    return Err(self.bad_operand(&wrong));
                }
                continue;
            }
            match rest.peek().and_then(|next| vdev(next)) {
                Some(number) => {
                    rest.next();
                    list.push(Wanted { userid: String::from(word), vdev: number, ..Wanted::default() });
                }
                None => {
                    let Some((userid, number)) = self.nickname_of_disk(word)? else {
                        return Err(self.fail(
                            28,
                            "2064E",
                            format!("{word} is no nickname in VMLINK NAMES and no userid with a device number"),
                        ));
                    };
                    list.push(Wanted { userid, vdev: number, ..Wanted::default() });
                }
            }
        }
        Ok(list)
    }

    /// Links and accesses one disk, unless it is accessed already.
    fn vmlink_one(&mut self, wanted: &Wanted, write: bool, show: bool) -> Outcome {
        let (own, mode) = self.vmlink_place(wanted)?;
        let access = wanted.access.clone().unwrap_or_else(|| String::from(if write { "MR" } else { "RR" }));
        let password = wanted.password.as_ref().map_or(String::new(), |password| format!(" {password}"));
        let response = self.cp.command(format!("LINK TO {} {:X} AS {own:X} {access}{password}", wanted.userid, wanted.vdev).as_bytes());
        if response.code != 0 {
            self.show(&response.text);
            return rc(response.code as i32);
        }
        if let Err(code) = self.access(mode, Access::of(own)) {
            self.cp.command(format!("DETACH {own:X}").as_bytes());
            return Err(code);
        }
        self.vmlinks.push((wanted.userid.clone(), wanted.vdev, own));
        if show {
            self.note("2060I", format!("{} {:X} linked as {own:04X} file mode {mode}", wanted.userid, wanted.vdev));
        }
        Ok(())
    }

    /// The device number and the mode letter: as asked for, else free ones.
    fn vmlink_place(&mut self, wanted: &Wanted) -> Result<(u32, Mode), Rc> {
        let own = match wanted.own_vdev {
            Some(own) => Some(own),
            None => VDEVS.into_iter().find(|own| self.cp.device(*own).is_none()),
        };
        let mode = match wanted.mode {
            Some(letter) => Mode::new(letter),
            None => (b'B'..=b'Z')
                .rev()
                .filter_map(Mode::new)
                .find(|mode| *mode != Mode::S && *mode != Mode::Y && self.disks.get(*mode).is_none()),
        };
        match (own, mode) {
            (Some(own), Some(mode)) => Ok((own, mode)),
            (None, _) => Err(self.fail(40, "2062E", "No device number is free")),
            (_, None) => Err(self.fail(36, "2062E", "No file mode is free")),
        }
    }

    /// Releases and detaches a disk that VMLINK has linked.
    fn vmlink_detach(&mut self, wanted: &Wanted, show: bool) -> Outcome {
        let linked = match wanted.own_vdev {
            Some(own) => Some(own),
            None => {
                let known = self.vmlinks.iter().find(|(userid, vdev, _)| *userid == wanted.userid && *vdev == wanted.vdev);
                known.map(|(_, _, own)| *own)
            }
        };
        let Some(own) = linked else {
            return Err(self.fail(28, "2063E", format!("{} {:X} is not linked", wanted.userid, wanted.vdev)));
        };
        let accessed: Vec<Mode> = self.disks.iter().filter(|disk| disk.access.vdev == own).map(|disk| disk.mode).collect();
        accessed.into_iter().for_each(|mode| self.release(mode));
        let response = self.cp.command(format!("DETACH {own:X}").as_bytes());
        if response.code != 0 {
            self.show(&response.text);
            return rc(response.code as i32);
        }
        self.vmlinks.retain(|(_, _, known)| *known != own);
        if show {
            self.note("2061I", format!("{} {:X} detached", wanted.userid, wanted.vdev));
        }
        Ok(())
    }
}

impl Wanted {
    /// Takes what stands in the brackets; else the word that is wrong.
    fn bracket(&mut self, words: &[&str]) -> Result<(), String> {
        let given = |at: usize| words.get(at).copied().filter(|word| *word != "." && !word.is_empty());
        let wrong = |word: &str| String::from(word);
        if let Some(word) = given(0) {
            self.own_vdev = Some(vdev(word).ok_or_else(|| wrong(word))?);
        }
        if let Some(word) = given(1) {
            let letter = word.bytes().next().filter(|letter| word.len() == 1 && letter.is_ascii_uppercase());
            self.mode = Some(letter.ok_or_else(|| wrong(word))?);
        }
        if let Some(word) = given(2) {
            let known = ["R", "RR", "W", "WR", "M", "MR", "MW", "SR", "SW", "SM", "ER", "EW"].contains(&word);
            self.access = Some(known.then(|| String::from(word)).ok_or_else(|| wrong(word))?);
        }
        self.password = given(3).map(String::from);
        match words.get(4) {
            Some(surplus) => Err(wrong(surplus)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_say_where_the_disk_goes() {
        let mut wanted = Wanted::default();
        assert_eq!(wanted.bracket(&["222", "K", "MR", "SECRET"]), Ok(()));
        assert_eq!(
            (wanted.own_vdev, wanted.mode, wanted.access.as_deref(), wanted.password.as_deref()),
            (Some(0x222), Some(b'K'), Some("MR"), Some("SECRET"))
        );
        let mut wanted = Wanted::default();
        assert_eq!(wanted.bracket(&[".", "K"]), Ok(()));
        assert_eq!((wanted.own_vdev, wanted.mode), (None, Some(b'K')));
        for wrong in [&["XYZ"][..], &[".", "KK"], &[".", ".", "QQ"], &["1", "A", "RR", "P", "MORE"]] {
            assert!(Wanted::default().bracket(wrong).is_err(), "{wrong:?}");
        }
    }
}
