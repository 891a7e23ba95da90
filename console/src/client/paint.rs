//! How console lines look on a terminal: colour by who speaks. Pure.

use crate::text;
use crate::wire::{ConsoleState, Line, LineKind};

const END: &str = "\x1b[0m";

/// Columns of [`marker`].
pub(super) const MARKER: &str = "--> ";

/// One console line as terminal lines, each with its end.
pub(super) fn line(line: &Line, colour: bool) -> String {
    let begin = match line.kind {
        LineKind::Guest | LineKind::Prompt => "",
        LineKind::Cp => "\x1b[36m",
        LineKind::Message => "\x1b[1;32m",
        LineKind::Warning => "\x1b[1;31m",
        LineKind::Input => "\x1b[2m",
    };
    // The peer is our own CP, but what it passes on came from a guest.
    let mut shown = String::new();
    for text in text::lines(&line.text) {
        let typed = if line.kind == LineKind::Input { "> " } else { "" };
        if colour && !begin.is_empty() {
            shown.extend([begin, typed, &text, END, "\n"]);
        } else {
            shown.extend([typed, &text, "\n"]);
        }
    }
    shown
}

/// A remark of the client itself.
pub(super) fn remark(text: &str, colour: bool) -> String {
    if colour { format!("\x1b[2m{text}{END}\n") } else { format!("{text}\n") }
}

/// What stands before the line being typed. All are as wide as [`MARKER`], so that one can replace another while a line is typed.
pub(super) fn marker(state: ConsoleState, colour: bool) -> &'static str {
    match (state, colour) {
        (ConsoleState::Running, false) => "... ",
        (ConsoleState::Running, true) => "\x1b[2m...\x1b[0m ",
        (ConsoleState::VmRead { .. }, false) => "VM> ",
        (ConsoleState::VmRead { .. }, true) => "\x1b[32mVM>\x1b[0m ",
        (ConsoleState::CpRead, false) => "CP> ",
        (ConsoleState::CpRead, true) => "\x1b[1;33mCP>\x1b[0m ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, kind: LineKind, colour: bool) -> String {
        line(&Line { text: text.into(), kind }, colour)
    }

    #[test]
    fn guests_speak_plainly_and_cp_in_colour() {
        assert_eq!(shown("Ready;", LineKind::Guest, true), "Ready;\n");
        assert_eq!(shown("HCPCMD001E", LineKind::Cp, true), "\x1b[36mHCPCMD001E\x1b[0m\n");
        assert_eq!(shown("q time", LineKind::Input, false), "> q time\n");
    }

    #[test]
    fn without_colour_there_is_no_escape() {
        for kind in [LineKind::Cp, LineKind::Guest, LineKind::Prompt, LineKind::Message, LineKind::Warning, LineKind::Input] {
            assert!(!shown("te\u{1b}[2Jxt", kind, false).contains('\u{1b}'), "{kind:?}");
        }
        assert!(!remark("x", false).contains('\u{1b}'));
    }

    #[test]
    fn every_marker_is_as_wide_as_the_first() {
        for state in [ConsoleState::Running, ConsoleState::CpRead, ConsoleState::VmRead { hidden: true }] {
            assert_eq!(marker(state, false).len(), MARKER.len());
            let plain: String =
                marker(state, true).replace("\x1b[2m", "").replace("\x1b[32m", "").replace("\x1b[1;33m", "").replace(END, "");
            assert_eq!(plain, marker(state, false));
        }
    }
}
