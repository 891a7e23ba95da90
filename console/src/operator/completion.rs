//! Abbreviated command names and what they stand for. Pure.

/// A command name and how much of it must be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The full name in capitals: `QUERY`.
    pub name: String,
    /// Fewest letters CP takes for it: 1 for `Query`.
    pub minimum: usize,
}

impl Word {
    fn begins_with(&self, typed: &str) -> bool {
        self.name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
    }
}

/// The command that CP takes `typed` for: the first in the table that it abbreviates.
pub fn meaning<'a>(words: &'a [Word], typed: &str) -> Option<&'a str> {
    let found = words.iter().find(|word| typed.len() >= word.minimum.max(1) && word.begins_with(typed));
    found.map(|word| word.name.as_str())
}

/// What TAB offers for `typed`: the command it already means first, then the others that begin so.
pub fn candidates(words: &[Word], typed: &str) -> Vec<String> {
    if typed.is_empty() {
        return Vec::new();
    }
    let meant = meaning(words, typed);
    let others = words.iter().filter(|word| word.begins_with(typed)).map(|word| word.name.as_str());
    let mut found: Vec<String> = Vec::new();
    for name in meant.into_iter().chain(others) {
        if !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found
}

/// Where the command name stands in a line: behind blanks and a `CP` or `#CP` in front.
pub fn command_at(line: &str) -> std::ops::Range<usize> {
    let start = line.len() - line.trim_start().len();
    let word = |from: usize| line[from..].find(char::is_whitespace).map_or(line.len(), |n| from + n);
    let end = word(start);
    let first = &line[start..end];
    if end < line.len() && (first.eq_ignore_ascii_case("cp") || first.eq_ignore_ascii_case("#cp")) {
        let next = line.len() - line[end..].trim_start().len();
        return next..word(next);
    }
    start..end
}

/// Whether a command carries a password, so that its line has no place in a history file.
pub fn carries_secret(words: &[Word], line: &str) -> bool {
    let command = &line[command_at(line)];
    let secret = |name: &str| match name {
        "LOGON" | "LOGIN" | "AUTOLOG" | "XAUTOLOG" => true,
        // LINK user vdev vdev mode password
        "LINK" => line.split_whitespace().count() >= 6,
        _ => false,
    };
    meaning(words, command).is_some_and(secret) || line.to_ascii_lowercase().contains("password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vec<Word> {
        [("QUERY", 1), ("DISPLAY", 1), ("DISCONN", 4), ("DEFINE", 3), ("FORCE", 5), ("LOGON", 1)]
            .map(|(name, minimum)| Word { name: name.into(), minimum })
            .into()
    }

    #[test]
    fn the_first_command_in_the_table_that_is_abbreviated_wins() {
        let words = words();
        assert_eq!(meaning(&words, "q"), Some("QUERY"));
        assert_eq!(meaning(&words, "dis"), Some("DISPLAY"));
        assert_eq!(meaning(&words, "disc"), Some("DISCONN"));
        assert_eq!(meaning(&words, "de"), None, "too short for DEFINE");
        assert_eq!(meaning(&words, "forc"), None, "dangerous commands are written out");
        assert_eq!(meaning(&words, "queryy"), None);
        assert_eq!(meaning(&words, ""), None);
    }

    #[test]
    fn tab_offers_what_is_meant_before_what_might_be() {
        assert_eq!(candidates(&words(), "disc"), ["DISCONN"]);
        assert_eq!(candidates(&words(), "d"), ["DISPLAY", "DISCONN", "DEFINE"]);
        assert_eq!(candidates(&words(), "forc"), ["FORCE"]);
        assert!(candidates(&words(), "zz").is_empty());
        assert!(candidates(&words(), "é").is_empty(), "no cut inside a character");
    }

    #[test]
    fn the_command_is_found_behind_cp() {
        for (line, command) in [("q names", "q"), ("  msg op x", "msg"), ("cp q", "q"), ("#CP  ind load", "ind"), ("cp", "cp"), ("", "")] {
            assert_eq!(&line[command_at(line)], command, "{line}");
        }
    }

    #[test]
    fn passwords_stay_out_of_the_history_file() {
        assert!(carries_secret(&words(), "l maint sesame"));
        assert!(carries_secret(&words(), "set Password x"));
        assert!(!carries_secret(&words(), "q names"));
    }
}
