//! The parts of a help text: sections by their titles, the entries in them, and what they refer to. Pure.

use crate::words::is;
use alloc::string::String;

/// A part of a help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// The title and the sentence behind it.
    Head,
    Format,
    Description,
    Parameters,
    Options,
    Errors,
    Examples,
    /// Anything else.
    Notes,
}

impl Section {
    /// The section with that title.
    pub(super) fn titled(title: &[u8]) -> Self {
        match title.trim_ascii_end() {
            b"Syntax" => Self::Format,
            b"What it does" => Self::Description,
            b"Operands" => Self::Parameters,
            b"Options" => Self::Options,
            b"Messages" | b"Return codes" => Self::Errors,
            b"Example" => Self::Examples,
            _ => Self::Notes,
        }
    }

    /// Whether it is made of entries: a word and what it means.
    pub(super) fn has_entries(self) -> bool {
        !matches!(self, Self::Head | Self::Description | Self::Examples | Self::Errors)
    }
}

/// What is shown of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layers {
    /// The sections chosen, by bits; none chosen: all of them.
    chosen: u8,
    /// And what the text refers to.
    pub related: bool,
    /// On a screen to look through, where the terminal has one.
    pub screen: bool,
}

impl Layers {
    /// The layers that options choose; `None` when one of them is none of HELP's.
    pub(super) fn of(options: &[String]) -> Option<Self> {
        let bit = |section: Section| 1 << section as u8;
        let mut layers = Self { screen: true, ..Self::default() };
        for option in options {
            match option.as_str() {
                option if is(option, "BRief") => layers.chosen |= bit(Section::Head) | bit(Section::Format) | bit(Section::Examples),
                option if is(option, "DETail") || is(option, "ALL") => layers.chosen = 0xff,
                option if is(option, "DEScript") => layers.chosen |= bit(Section::Description),
                option if is(option, "FORMat") => layers.chosen |= bit(Section::Format),
                option if is(option, "PARMs") => layers.chosen |= bit(Section::Parameters),
                option if is(option, "OPTions") => layers.chosen |= bit(Section::Options),
                option if is(option, "NOTEs") => layers.chosen |= bit(Section::Notes),
                option if is(option, "ERRors") => layers.chosen |= bit(Section::Errors),
                option if is(option, "RELated") => layers.related = true,
                option if is(option, "NOSCreen") || is(option, "TYPE") => layers.screen = false,
                option if is(option, "SCReen") || is(option, "EXTend") => {}
                _ => return None,
            }
        }
        Some(layers)
    }

    /// Whether sections were chosen.
    pub(super) fn is_chosen(self) -> bool {
        self.chosen != 0 || self.related
    }

    /// Whether a section is shown.
    pub(super) fn shows(self, section: Section) -> bool {
        !self.is_chosen() || self.chosen & (1 << section as u8) != 0
    }
}

/// The topics that a line refers to: HELP NAME.
pub(super) fn referred(line: &[u8]) -> impl Iterator<Item = &str> {
    let text = core::str::from_utf8(line).unwrap_or("");
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    core::iter::from_fn(move || {
        loop {
            if words.next()? == "HELP" {
                let name = words.next()?;
                if name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    return Some(name);
                }
            }
        }
    })
}

/// The lines of a section that are about one word: the line whose first words are it or what it abbreviates, and those indented further.
pub(super) struct Entries<'a> {
    wanted: &'a str,
    /// The indentation of the entry that is being taken.
    inside: Option<usize>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(wanted: &'a str) -> Self {
        Self { wanted, inside: None }
    }

    /// The section is over.
    pub(super) fn end(&mut self) {
        self.inside = None;
    }

    /// Whether a line belongs to the entry.
    pub(super) fn takes(&mut self, line: &[u8]) -> bool {
        let text = core::str::from_utf8(line).unwrap_or("").trim_end();
        let indent = text.len() - text.trim_start().len();
        if text.is_empty() || indent == 0 {
            self.inside = None;
            return false;
        }
        if self.inside.is_some_and(|inside| indent > inside + 1) {
            return true;
        }
        let named = text.split([' ', '|', '[', ']', '{', '}', '(']).filter(|word| !word.is_empty()).take(3);
        let meant = named.into_iter().any(|word| word.starts_with(|c: char| c.is_ascii_uppercase()) && is(self.wanted, word));
        self.inside = meant.then_some(indent);
        meant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn options_choose_sections() {
        let layers = |option: &str| Layers::of(&[String::from(option)]);
        assert!(layers("FORM").is_some_and(|layers| layers.shows(Section::Format) && !layers.shows(Section::Head)));
        assert!(layers("ALL").is_some_and(|layers| layers.shows(Section::Notes)));
        assert!(Layers::default().shows(Section::Errors));
        assert_eq!(layers("NONSENSE"), None);
    }

    #[test]
    fn references_are_the_names_behind_help() {
        let names: Vec<_> = referred(b"See HELP HT; HELP SYNONYM. help me, HELP topic").collect();
        assert_eq!(names, ["HT", "SYNONYM"]);
        assert_eq!(referred(b"\xff HELP").count(), 0);
    }

    #[test]
    fn an_entry_is_its_line_and_those_indented_further() {
        let mut entries = Entries::of("EMSG");
        let lines: [(&[u8], bool); 5] = [
            (b"    CMSTYPE    HT or RT", false),
            (b"    EMSG       messages with number", true),
            (b"               and text", true),
            (b"    EXECTRAC   trace", false),
            (b"", false),
        ];
        for (line, taken) in lines {
            assert_eq!(entries.takes(line), taken, "{line:?}");
        }
    }
}
