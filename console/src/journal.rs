//! What a console keeps for CP's console spooling: every line, in order, until CP takes it.
//!
//! CP takes it whenever it is told that there is something; a machine that writes faster than the host's disk is held up
//! ([`crate::VirtualConsole::congested`]), and what comes nevertheless is counted, never kept without bound.

use crate::wire::{Line, LineKind};

/// What a console does with its lines besides showing them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Journaling {
    /// Nothing.
    #[default]
    Off,
    /// Keeps them for the journal too.
    On,
    /// Keeps them, and does not show what the guest writes at the terminals.
    Only,
}

/// What a console wrote since the journal was last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Lines, oldest first; those that were typed have the kind [`LineKind::Input`].
    pub lines: Vec<Line>,
    /// Lines that came after these and found no room.
    pub lost: u64,
}

/// Most bytes of lines kept for CP.
pub(crate) const JOURNAL_MAX: usize = 1 << 20;

/// Bytes that a line costs besides its text.
const LINE_COST: usize = size_of::<Line>();

/// The journal as the console has it.
#[derive(Default)]
pub(crate) struct Keeper {
    pub mode: Journaling,
    journal: Journal,
    bytes: usize,
}

impl Keeper {
    /// Keeps a line if it is to; answers whether there was nothing before it.
    pub fn keep(&mut self, kind: LineKind, text: &str) -> bool {
        if self.mode == Journaling::Off {
            return false;
        }
        let first = self.is_empty();
        if self.journal.lost > 0 || self.bytes + text.len() + LINE_COST > JOURNAL_MAX {
            self.journal.lost += 1;
        } else {
            self.bytes += text.len() + LINE_COST;
            self.journal.lines.push(Line { text: text.to_owned(), kind });
        }
        first
    }

    /// Whether terminals are not to see a line of this kind.
    pub fn hides(&self, kind: LineKind) -> bool {
        self.mode == Journaling::Only && matches!(kind, LineKind::Guest | LineKind::Prompt)
    }

    /// Takes what was kept.
    pub fn take(&mut self) -> Journal {
        self.bytes = 0;
        std::mem::take(&mut self.journal)
    }

    /// Whether it is so full that the machine should wait.
    pub fn is_behind(&self) -> bool {
        self.bytes > JOURNAL_MAX / 2
    }

    fn is_empty(&self) -> bool {
        self.journal.lines.is_empty() && self.journal.lost == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nothing_comes_out_of_order() {
        let mut keeper = Keeper { mode: Journaling::On, ..Keeper::default() };
        let long = "x".repeat(JOURNAL_MAX / 2);
        assert!(keeper.keep(LineKind::Guest, &long));
        assert!(keeper.is_behind());
        assert!(!keeper.keep(LineKind::Guest, &long), "only the first line is told");
        assert!(!keeper.keep(LineKind::Guest, "short"), "a line behind a lost one must not come before it");
        let taken = keeper.take();
        assert_eq!((taken.lines.len(), taken.lost), (1, 2));
        assert!(keeper.keep(LineKind::Cp, "again"));
    }
}
