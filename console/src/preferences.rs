//! How a user wants a console to behave, whichever terminal shows it: kept by the console over DISCONNECT.

use std::collections::BTreeMap;

use crate::line_mode::More;
use crate::presentation::inbound::Aid;

/// PF keys of a terminal.
pub const PF_KEYS: u8 = 24;
/// Keys that bring earlier lines back unless the user says otherwise.
const RETRIEVING: [u8; 2] = [12, 24];

/// What a PF key does: SET PFnn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PfKey {
    /// Nothing: UNDEFINED.
    Undefined,
    /// Enters this line at once: IMMED.
    Immediate(String),
    /// Puts this line into the input area, to be changed and entered: DELAYED.
    Delayed(String),
    /// Brings the line entered before back: RETRIEVE.
    Retrieve,
    /// The same, forward: RETRIEVE FORWARD.
    RetrieveForward,
    /// Prints what the screen shows: COPY.
    Copy,
}

/// When CP's lines take the place of a program's screen: TERMINAL BREAKIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakIn {
    /// At once.
    #[default]
    Immediate,
    /// Warnings at once; others when the program is done or CP is called.
    GuestControl,
}

/// How a console behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// TERMINAL MORE.
    pub more: More,
    /// TERMINAL BREAKIN.
    pub break_in: BreakIn,
    /// The key that calls CP: TERMINAL BRKKEY. None: no key does.
    pub break_key: Option<Aid>,
    /// Columns of a line of output, TERMINAL LINESIZE; 0: as many as there are.
    pub line_size: u16,
    /// Each key goes to the machine by itself, where the terminal can: the full screen is that of a PC, whose keyboard is typed at.
    pub single_keys: bool,
    /// Keys that were set.
    keys: BTreeMap<u8, PfKey>,
}

impl Default for Preferences {
    /// CP breaks in at once, and PA1 calls it.
    fn default() -> Self {
        Self {
            more: More::default(),
            break_in: BreakIn::default(),
            break_key: Some(Aid::Pa(1)),
            line_size: 0,
            single_keys: false,
            keys: BTreeMap::new(),
        }
    }
}

impl Preferences {
    /// What the key does, 1 to 24.
    pub fn key(&self, number: u8) -> PfKey {
        match self.keys.get(&number) {
            Some(key) => key.clone(),
            None if RETRIEVING.contains(&number) => PfKey::Retrieve,
            None => PfKey::Undefined,
        }
    }

    /// Sets a key; one that a terminal does not have is nobody's.
    pub fn set_key(&mut self, number: u8, key: PfKey) {
        if (1..=PF_KEYS).contains(&number) {
            self.keys.insert(number, key);
        }
    }
}

/// Lines that were entered, for RETRIEVE.
#[derive(Debug, Default)]
pub(crate) struct Entered {
    lines: Vec<String>,
    /// How far back it has gone; 0 is not at all.
    back: usize,
}

/// Lines kept for RETRIEVE.
const RETRIEVABLE: usize = 50;

impl Entered {
    /// A line was entered.
    pub(crate) fn push(&mut self, line: &str) {
        self.back = 0;
        if line.trim().is_empty() || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == RETRIEVABLE {
            self.lines.remove(0);
        }
        self.lines.push(line.to_string());
    }

    /// The line before; from the first one on to the last again.
    pub(crate) fn earlier(&mut self) -> &str {
        self.back = if self.back < self.lines.len() { self.back + 1 } else { usize::from(!self.lines.is_empty()) };
        self.current()
    }

    /// The line after; from the last one on to the first again.
    pub(crate) fn later(&mut self) -> &str {
        self.back = if self.back > 1 { self.back - 1 } else { self.lines.len() };
        self.current()
    }

    fn current(&self) -> &str {
        self.lines.len().checked_sub(self.back).and_then(|at| self.lines.get(at)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_they_were_set() {
        let mut preferences = Preferences::default();
        assert_eq!((preferences.key(1), preferences.key(12)), (PfKey::Undefined, PfKey::Retrieve));
        preferences.set_key(12, PfKey::Immediate("QUERY TIME".into()));
        preferences.set_key(25, PfKey::Retrieve);
        assert_eq!(preferences.key(12), PfKey::Immediate("QUERY TIME".into()));
        assert_eq!(preferences.key(25), PfKey::Undefined);
    }

    #[test]
    fn lines_are_retrieved_around_the_ring() {
        let mut entered = Entered::default();
        assert_eq!(entered.earlier(), "");
        assert_eq!(entered.later(), "");
        for line in ["one", "two", "two", "  ", "three"] {
            entered.push(line);
        }
        assert_eq!(["three", "two", "one", "three"], [0; 4].map(|_| entered.earlier().to_string())[..]);
        assert_eq!(entered.later(), "one");
        entered.push("four");
        assert_eq!(entered.earlier(), "four");
    }
}
