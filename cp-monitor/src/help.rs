//! The help files, as they stand in `docs/help`: shown by HELP in CMS, by the operator screen and by `cp64 help`.

/// Help files of CP commands: name and text.
pub const CP: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/help_cp.rs"));

/// Help files of CMS commands: name and text.
pub const CMS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/help_cms.rs"));

/// The help text of a CP command by its full name or an abbreviation that the command table knows.
pub fn of_cp_command(word: &str) -> Option<String> {
    let word = word.to_uppercase();
    let exact = CP.iter().find(|(name, _)| *name == word);
    let found = exact.or_else(|| {
        let all = "ABCDEFG".parse().ok()?;
        let command = crate::command::find(&word, all)?;
        CP.iter().find(|(name, _)| command.pattern.eq_ignore_ascii_case(name))
    });
    found.map(|(_, text)| (*text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_cp_has_a_help_file() {
        for command in crate::command::TABLE {
            let word = if command.pattern == "*" { "COMMENT" } else { command.pattern };
            assert!(of_cp_command(word).is_some(), "docs/help/cp has nothing for {}", command.pattern);
        }
    }
}
