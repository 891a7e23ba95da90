//! The statements of the directory: their names, shortest abbreviations, where each may stand and what becomes of it.

use super::scan::abbreviates;

/// What to do with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    User,
    Profile,
    Include,
    Ipl,
    Machine,
    Share,
    Class,
    Storage,
    MaxStorage,
    Option,
    Account,
    SpoolFile,
    Autolog,
    LogonBy,
    Command,
    Console,
    Spool,
    Mdisk,
    Link,
    /// Taken with a warning; its first operand is a device number that it uses up.
    AbsentDevice,
    /// Taken with a warning.
    NoEffect,
    /// Refused, and why.
    Unsupported(&'static str),
}

/// Where a statement may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Before the first entry.
    Header,
    /// It begins an entry.
    Entry,
    /// In an entry, before its device statements.
    General,
    /// In an entry, behind its general statements.
    Device,
}

/// One statement of the language.
#[derive(Debug)]
pub(super) struct StatementKind {
    /// Full name.
    pub(super) name: &'static str,
    /// Shortest abbreviation, in characters.
    min: usize,
    pub(super) section: Section,
    pub(super) verb: Verb,
}

const fn kind(name: &'static str, min: usize, section: Section, verb: Verb) -> StatementKind {
    StatementKind { name, min, section, verb }
}

const fn whole(name: &'static str, section: Section, verb: Verb) -> StatementKind {
    kind(name, name.len(), section, verb)
}

const SINGLE_SYSTEM: &str = "this is one system, not a cluster; write a USER entry";

/// Searched in this order; the first that a word abbreviates is taken.
static STATEMENTS: [StatementKind; 61] = [
    kind("USER", 1, Section::Entry, Verb::User),
    whole("PROFILE", Section::Entry, Verb::Profile),
    whole("INCLUDE", Section::General, Verb::Include),
    // Honoured.
    kind("IPL", 1, Section::General, Verb::Ipl),
    kind("MACHINE", 2, Section::General, Verb::Machine),
    kind("SHARE", 2, Section::General, Verb::Share),
    kind("CLASS", 2, Section::General, Verb::Class),
    kind("STORAGE", 3, Section::General, Verb::Storage),
    kind("MAXSTORAGE", 6, Section::General, Verb::MaxStorage),
    kind("OPTION", 1, Section::General, Verb::Option),
    kind("ACCOUNT", 2, Section::General, Verb::Account),
    whole("AUTOLOG", Section::General, Verb::Autolog),
    whole("XAUTOLOG", Section::General, Verb::Autolog),
    whole("LOGONBY", Section::General, Verb::LogonBy),
    whole("COMMAND", Section::General, Verb::Command),
    kind("CONSOLE", 1, Section::Device, Verb::Console),
    kind("SPOOL", 2, Section::Device, Verb::Spool),
    kind("MDISK", 1, Section::Device, Verb::Mdisk),
    kind("LINK", 1, Section::Device, Verb::Link),
    // Taken with a warning.
    kind("DEDICATE", 3, Section::Device, Verb::AbsentDevice),
    kind("SPECIAL", 3, Section::Device, Verb::AbsentDevice),
    whole("NICDEF", Section::Device, Verb::NoEffect),
    whole("DASDOPT", Section::Device, Verb::NoEffect),
    whole("MINIOPT", Section::Device, Verb::NoEffect),
    whole("ACIGROUP", Section::General, Verb::NoEffect),
    whole("ADJUNCT", Section::General, Verb::NoEffect),
    whole("CPU", Section::General, Verb::NoEffect),
    whole("CRYPTO", Section::General, Verb::NoEffect),
    whole("D8ONECMD", Section::General, Verb::NoEffect),
    whole("DATEFORMAT", Section::General, Verb::NoEffect),
    whole("IUCV", Section::General, Verb::NoEffect),
    whole("LOADDEV", Section::General, Verb::NoEffect),
    whole("NAMESAVE", Section::General, Verb::NoEffect),
    whole("NOPDATA", Section::General, Verb::NoEffect),
    whole("POSIXGLIST", Section::General, Verb::NoEffect),
    whole("POSIXINFO", Section::General, Verb::NoEffect),
    whole("POSIXOPT", Section::General, Verb::NoEffect),
    whole("SCREEN", Section::General, Verb::NoEffect),
    kind("SPOOLFILE", 6, Section::General, Verb::SpoolFile),
    whole("STDEVOPT", Section::General, Verb::NoEffect),
    whole("SYSAFFIN", Section::General, Verb::NoEffect),
    whole("VMRELOCATE", Section::General, Verb::NoEffect),
    whole("XCONFIG", Section::General, Verb::NoEffect),
    whole("XSTORE", Section::General, Verb::NoEffect),
    whole("DIRECTORY", Section::Header, Verb::NoEffect),
    whole("GLOBALDEFS", Section::Header, Verb::NoEffect),
    whole("GLOBALOPTS", Section::Header, Verb::NoEffect),
    whole("POSIXGROUP", Section::Header, Verb::NoEffect),
    // Refused: ignoring these would give somebody the wrong machine or the wrong disks.
    kind("IDENTITY", 3, Section::Entry, Verb::Unsupported(SINGLE_SYSTEM)),
    whole("SUBCONFIG", Section::Entry, Verb::Unsupported(SINGLE_SYSTEM)),
    whole("BUILD", Section::General, Verb::Unsupported(SINGLE_SYSTEM)),
    whole("APPCPASS", Section::General, Verb::Unsupported("it would keep a password in clear text")),
    whole("POOL", Section::General, Verb::Unsupported("write one USER entry for each member")),
    whole("SECLABEL", Section::General, Verb::Unsupported("there is no mandatory access control")),
    whole("NOPASS", Section::General, Verb::Unsupported("write it as the password operand of USER")),
    whole("NOLOG", Section::General, Verb::Unsupported("write it as the password operand of USER")),
    whole("AUTOONLY", Section::General, Verb::Unsupported("write it as the password operand of USER")),
    whole("LBYONLY", Section::General, Verb::Unsupported("write it as the password operand of USER")),
    whole("PRIORITY", Section::General, Verb::Unsupported("use SHARE")),
    whole("VMGROUP", Section::General, Verb::Unsupported("use SHARE")),
    whole("CTCA", Section::Device, Verb::Unsupported("there are no channel-to-channel adapters")),
];

/// The statement that `word` names.
pub(super) fn find(word: &str) -> Option<&'static StatementKind> {
    STATEMENTS.iter().find(|statement| abbreviates(word, statement.name, statement.min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_abbreviations_name_the_statement_of_the_manual() {
        for (word, name) in [
            ("u", "USER"),
            ("I", "IPL"),
            ("ma", "MACHINE"),
            ("m", "MDISK"),
            ("c", "CONSOLE"),
            ("cons", "CONSOLE"),
            ("cl", "CLASS"),
            ("sp", "SPOOL"),
            ("spoolf", "SPOOLFILE"),
            ("spe", "SPECIAL"),
            ("sh", "SHARE"),
            ("l", "LINK"),
            ("ac", "ACCOUNT"),
            ("ded", "DEDICATE"),
            ("Command", "COMMAND"),
        ] {
            assert_eq!(find(word).map(|kind| kind.name), Some(name), "{word}");
        }
        for bad in ["", "INCL", "USERS", "LOGON", "COMM", "é", "A"] {
            assert!(find(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_help_file_shows_the_abbreviations_that_are_taken() {
        let help = include_str!("../../../docs/help/cp/DIRECTXA.md");
        let section = help.split("## The source").nth(1).and_then(|rest| rest.split("\n## ").next());
        let words = section.unwrap().lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
        let statements: Vec<_> = words
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| word.len() > 2 && word.bytes().all(|b| b.is_ascii_alphabetic()))
            .collect();
        assert!(statements.len() > 15, "{statements:?}");
        for word in statements {
            let min = word.bytes().take_while(u8::is_ascii_uppercase).count();
            let kind = find(&word[..min]).unwrap_or_else(|| panic!("{word}"));
            assert_eq!(kind.name, word.to_uppercase());
            assert_eq!(kind.min, min, "{word}");
        }
    }
}
