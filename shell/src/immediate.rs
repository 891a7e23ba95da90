//! IMMCMD: immediate commands of an EXEC's own, which it asks after while it runs.
//!
//! A name that was set is taken when it is typed while the EXEC runs: it is not typed ahead, but noted until IMMCMD STATUS asks for it.

use crate::cp::Cp;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, is};

/// Most names that are set at once.
const NAMES: usize = 16;

/// The immediate commands of EXECs: no pointers, so a handler of interruptions can note what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnImmediates {
    /// The names, padded with blanks, and whether each was typed since it was last asked for.
    names: [Option<([u8; 8], bool)>; NAMES],
}

impl OwnImmediates {
    /// No names.
    pub const NONE: Self = Self { names: [None; NAMES] };

    /// Notes a typed line whose first word is one of the names; `false` when it is none.
    pub fn typed(&mut self, line: &[u8]) -> bool {
        let line = line.trim_ascii_start();
        let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let Some(name) = padded(word) else { return false };
        match self.entry(name) {
            Some((_, typed)) => {
                *typed = true;
                true
            }
            None => false,
        }
    }

    /// Sets a name, as if it had not been typed; `false` when there is no room.
    fn set(&mut self, name: [u8; 8]) -> bool {
        if let Some((_, typed)) = self.entry(name) {
            *typed = false;
            return true;
        }
        let free = self.names.iter_mut().find(|entry| entry.is_none());
        free.map(|entry| *entry = Some((name, false))).is_some()
    }

    /// Forgets a name; `false` when it is not set.
    fn clear(&mut self, name: [u8; 8]) -> bool {
        let entry = self.names.iter_mut().find(|entry| entry.is_some_and(|(known, _)| known == name));
        entry.map(|entry| *entry = None).is_some()
    }

    /// Whether a name was typed since the last time it was asked for; `None` when it is not set.
    fn take(&mut self, name: [u8; 8]) -> Option<bool> {
        self.entry(name).map(|(_, typed)| core::mem::take(typed))
    }

    fn entry(&mut self, name: [u8; 8]) -> Option<&mut ([u8; 8], bool)> {
        self.names.iter_mut().flatten().find(|(known, _)| *known == name)
    }
}

impl Default for OwnImmediates {
    fn default() -> Self {
        Self::NONE
    }
}

/// A name in capitals, padded with blanks; none when it is too long.
fn padded(word: &[u8]) -> Option<[u8; 8]> {
    let mut name = [b' '; 8];
    name.get_mut(..word.len())?.copy_from_slice(word);
    name.make_ascii_uppercase();
    Some(name)
}

impl<C: Cp> Shell<C> {
    /// IMMCMD {SET | CLR | Query | STatus} name
    pub(crate) fn immcmd_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        if let Some(surplus) = words.operands.get(2) {
            return Err(self.bad_operand(surplus));
        }
        let (function, name) = (words.operand(0), words.operand(1));
        if !["SET", "CLR", "Query", "STatus"].iter().any(|known| is(function, known)) {
            return Err(match function {
                "" => self.fail(24, "047E", "No function specified"),
                _ => self.fail(24, "014E", alloc::format!("Invalid function {function}")),
            });
        }
        // HX is always what it is: nothing must keep a user from ending a program.
        let Some(padded) = padded(name.as_bytes()).filter(|_| !name.is_empty() && name != "HX") else {
            return Err(self.bad_operand(name));
        };
        if self.variables.is_none() {
            return Err(self.fail(41, "631E", "IMMCMD can only be executed from a REXX EXEC"));
        }
        const NOT_SET: Rc = Rc(44);
        match function {
            "SET" => match self.cp.own_immediates(|own| own.set(padded)) {
                true => Ok(()),
                false => Err(self.fail(104, "109S", "There are 16 immediate commands already")),
            },
            "CLR" => self.cp.own_immediates(|own| own.clear(padded)).then_some(()).ok_or(NOT_SET),
            function if is(function, "Query") => self.cp.own_immediates(|own| own.entry(padded).is_some()).then_some(()).ok_or(NOT_SET),
            _ => match self.cp.own_immediates(|own| own.take(padded)) {
                Some(false) => Ok(()),
                Some(true) => Err(Rc(1)),
                None => Err(NOT_SET),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_name_is_noted_once_each_time_it_is_asked_for() {
        let mut own = OwnImmediates::NONE;
        let name = padded(b"stop").expect("short");
        assert!(!own.typed(b"stop") && own.take(name).is_none());
        assert!(own.set(name));
        assert!(own.typed(b"  Stop now") && own.typed(b"STOP") && !own.typed(b"STOPP") && !own.typed(b"averylongword") && !own.typed(b""));
        assert_eq!((own.take(name), own.take(name)), (Some(true), Some(false)));
        assert!(own.clear(name) && !own.clear(name) && !own.typed(b"stop"));
        for number in 0..NAMES {
            assert!(own.set(padded(format!("N{number}").as_bytes()).expect("short")));
        }
        assert!(!own.set(name) && own.set(padded(b"N3").expect("short")));
    }
}
