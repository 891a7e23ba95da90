//! What somebody has to answer: kept at the top of the messages until it is released, however much is said meanwhile. Pure.

use std::collections::VecDeque;

use crate::wire::{Line, LineKind};

/// Lines kept; the oldest go first.
const HELD_MAX: usize = 50;

/// A line that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HeldLine {
    /// The line, safe to show.
    line: Line,
    /// Who sent it, when it is a user's message.
    from: Option<String>,
}

/// Lines that wait for an answer, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Held {
    lines: VecDeque<HeldLine>,
}

impl Held {
    /// Takes a line if it is one that must be answered: a message of a user, a warning, or a message of CP that asks for an action or a
    /// reply.
    pub fn take(&mut self, line: &Line) {
        let wanted = matches!(line.kind, LineKind::Message | LineKind::Warning) || line.kind == LineKind::Cp && wants_answer(&line.text);
        if !wanted {
            return;
        }
        if self.lines.len() == HELD_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(HeldLine { line: line.clone(), from: sender(&line.text) });
    }

    /// Releases the oldest.
    pub fn release(&mut self) -> bool {
        self.lines.pop_front().is_some()
    }

    /// Releases all.
    pub fn release_all(&mut self) {
        self.lines.clear();
    }

    /// A user was answered: what that user sent is done.
    pub fn answered(&mut self, userid: &str) {
        self.lines.retain(|held| held.from.as_deref().is_none_or(|from| !from.eq_ignore_ascii_case(userid)));
    }

    /// The lines, the oldest first.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &Line> {
        self.lines.iter().map(|held| &held.line)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.lines.len()
    }
}

/// Whether a message of CP asks for an action (A) or a reply (R): `HCPRSS405A`, with or without the time in front.
fn wants_answer(text: &str) -> bool {
    text.split_whitespace().take(2).any(|word| {
        let Some(rest) = word.strip_prefix("HCP") else { return false };
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_uppercase());
        let letter = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() - digits.len() == 3 && (3..=4).contains(&(digits.len() - letter.len())) && matches!(letter, "A" | "R")
    })
}

/// The user who sent a message, of its header: `14:23:01  * MSG FROM MAINT   : text`.
fn sender(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("MSG FROM ")?;
    let (userid, _) = rest.split_once(':')?;
    let userid = userid.trim_end();
    (userid.len() <= 8 && !userid.is_empty() && !userid.contains(' ')).then(|| userid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: LineKind, text: &str) -> Line {
        Line { kind, text: text.to_owned() }
    }

    #[test]
    fn what_needs_an_answer_is_held_until_it_has_one() {
        let mut held = Held::default();
        for (kind, text) in [
            (LineKind::Cp, "14:00:00 GRAF L0001 LOGON  AS  MAINT    USERS = 2"),
            (LineKind::Cp, "14:00:01 HCPRSS405A Mount form BLUE for PRT 000E"),
            (LineKind::Cp, "HCPCQU045E MAINT not logged on"),
            (LineKind::Message, "14:00:02  * MSG FROM MAINT   : the printer is out of paper"),
            (LineKind::Message, "14:00:03  * MSG FROM CMSUSER : hello"),
            (LineKind::Guest, "HCPRSS405A is only said"),
        ] {
            held.take(&said(kind, text));
        }
        assert_eq!(held.len(), 3);
        held.answered("maint");
        assert_eq!(held.len(), 2);
        assert!(held.release());
        assert_eq!(held.lines().next().map(|line| line.kind), Some(LineKind::Message));
        (0..100).for_each(|_| held.take(&said(LineKind::Warning, "w")));
        assert_eq!(held.len(), HELD_MAX);
        held.release_all();
        assert!(!held.release());
    }
}
