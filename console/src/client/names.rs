//! The CMS files that a session knows of, for TAB: those on the user's disks as CP told them, and what LISTFILE and messages named since. Pure.

use std::collections::BTreeSet;

/// Most files remembered; when there are more, those seen so far are forgotten.
const FILES: usize = 5000;
/// Longest name or type.
const PART: usize = 8;

/// Names and types of files that were seen.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<(String, String)>);

fn is_part(word: &str) -> bool {
    (1..=PART).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"$#@+-:_".contains(&byte))
}

fn is_mode(word: &str) -> bool {
    matches!(word.as_bytes(), [b'A'..=b'Z'] | [b'A'..=b'Z', b'0'..=b'6'])
}

impl Names {
    /// Looks for files in a line that the machine wrote: name, type and mode, one behind the other.
    pub(super) fn learn(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).take(40).collect();
        for three in words.windows(3) {
            if is_part(three[0]) && is_part(three[1]) && is_mode(three[2]) {
                if self.0.len() >= FILES {
                    self.0.clear();
                }
                self.0.insert((three[0].into(), three[1].into()));
            }
        }
    }

    /// These are the files on the user's disks now.
    pub(super) fn replace(&mut self, files: impl IntoIterator<Item = (String, String)>) {
        self.0 = files.into_iter().filter(|(name, file_type)| is_part(name) && is_part(file_type)).take(FILES).collect();
    }

    /// What `word` could be behind `before`, in capitals: the type of the file named before it, else the name of a file.
    pub(super) fn complete(&self, before: &str, word: &str) -> Vec<String> {
        let (before, word) = (before.to_ascii_uppercase(), word.to_ascii_uppercase());
        let types =
            self.0.iter().filter(|(name, file_type)| *name == before && file_type.starts_with(&word)).map(|(_, file_type)| file_type);
        let mut found: Vec<String> = types.cloned().collect();
        if found.is_empty() {
            found = self.0.iter().map(|(name, _)| name).filter(|name| name.starts_with(&word)).cloned().collect();
            found.dedup();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_learned_from_what_was_shown_and_nothing_else_is() {
        let mut names = Names::default();
        for line in [
            "FILENAME FILETYPE FM FORMAT LRECL",
            "MEMO     COPY     A1 F          3",
            "DMSXYZ002E File PROFILE EXEC A1 not found",
            "MEMO TXT A",
            "say hello A1",
        ] {
            names.learn(line);
        }
        assert_eq!(names.complete("listfile", "m"), ["MEMO"]);
        assert_eq!(names.complete("memo", ""), ["COPY", "TXT"]);
        assert_eq!(names.complete("type", "PRO"), ["PROFILE"]);
        assert_eq!((names.complete("type", "say").len(), names.complete("type", "FILEN").len()), (0, 0));
    }

    #[test]
    fn what_cp_tells_takes_the_place_of_what_was_known() {
        let mut names = Names::default();
        names.learn("OLD      EXEC     A1");
        let told = [("MEMO", "TXT"), ("PROFILE", "EXEC"), ("\u{1b}[2J", "X"), ("LONGERTHAN8", "X")];
        names.replace(told.map(|(name, file_type)| (name.to_string(), file_type.to_string())));
        assert_eq!((names.complete("type", ""), names.complete("type", "OLD").len()), (vec!["MEMO".to_string(), "PROFILE".into()], 0));
        assert_eq!(names.complete("profile", ""), ["EXEC"]);
    }

    #[test]
    fn a_flood_of_files_costs_bounded_memory() {
        let mut names = Names::default();
        (0..3 * FILES).for_each(|number| names.learn(&format!("F{number} DATA A1")));
        assert!(names.0.len() <= FILES);
    }
}
