//! The help files, as they stand in `docs/help`: shown by HELP in CMS, by the operator screen and by `cp64 help`.

/// Help files of CP commands: name and text.
pub const CP: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/help_cp.rs"));

/// Help files of CMS commands: name and text.
pub const CMS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/help_cms.rs"));

/// The help text of a CP command by its name, an abbreviation or a synonym.
pub fn of_cp_command(word: &str) -> Option<String> {
    let all = "ABCDEFG".parse().ok()?;
    let file = crate::command::find(word, all).map_or(word, |command| command.help);
    CP.iter().find(|(name, _)| name.eq_ignore_ascii_case(file)).map(|(_, text)| (*text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_cp_has_a_help_file() {
        for command in crate::command::TABLE {
            assert!(CP.iter().any(|(name, _)| *name == command.help), "docs/help/cp has no {}.md for {}", command.help, command.pattern);
        }
    }

    #[test]
    fn help_is_found_by_abbreviation_and_synonym() {
        assert_eq!(of_cp_command("q"), of_cp_command("QUERY"));
        assert_eq!(of_cp_command("MSG"), of_cp_command("message"));
        assert_eq!(of_cp_command("nonsense"), None);
    }
}
