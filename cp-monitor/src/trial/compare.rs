//! Whether a console said what was expected. Pure.

use regex::Regex;

/// How the expected lines are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Each is a regular expression for a whole line.
    pub regex: bool,
    /// Other lines may stand between them.
    pub in_order: bool,
}

/// Where what was said first differs from what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Line of the output, from 1.
    pub line: usize,
    /// What was expected there; nothing more when there is none.
    pub expected: Option<String>,
    /// What was said there; nothing more when there is none.
    pub found: Option<String>,
}

/// The lines of a console's output: without carriage returns, and without empty lines at the end.
pub fn lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output).replace('\r', "");
    text.trim_end_matches('\n').split('\n').map(str::to_string).collect()
}

/// Expected lines, ready to be compared.
pub struct Expected {
    lines: Vec<(String, Option<Regex>)>,
    meaning: Meaning,
}

impl Expected {
    /// Takes the text of a file.
    ///
    /// # Errors
    /// A line that is no regular expression, and why.
    pub fn new(text: &[u8], meaning: Meaning) -> Result<Self, String> {
        let compile = |(number, line): (usize, String)| {
            let regex = match meaning.regex {
                true => Some(Regex::new(&format!("^(?:{line})$")).map_err(|error| format!("line {}: {error}", number + 1))?),
                false => None,
            };
            Ok((line, regex))
        };
        let lines = lines(text).into_iter().enumerate().map(compile).collect::<Result<_, String>>()?;
        Ok(Self { lines, meaning })
    }

    /// The first difference, if there is one.
    pub fn compare(&self, output: &[u8]) -> Option<Difference> {
        let said = lines(output);
        let mut at = 0;
        for (line, regex) in &self.lines {
            let is_it = |said: &String| regex.as_ref().map_or_else(|| said == line, |regex| regex.is_match(said));
            let found = match self.meaning.in_order {
                true => said[at..].iter().position(is_it).map(|skipped| at + skipped),
                false => said.get(at).filter(|said| is_it(said)).map(|_| at),
            };
            match found {
                Some(place) => at = place + 1,
                None => return Some(Difference { line: at + 1, expected: Some(line.clone()), found: said.get(at).cloned() }),
            }
        }
        let more = said.get(at).filter(|_| !self.meaning.in_order);
        more.map(|more| Difference { line: at + 1, expected: None, found: Some(more.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(expected: &str, said: &str, regex: bool, in_order: bool) -> Option<(usize, Option<String>)> {
        let expected = Expected::new(expected.as_bytes(), Meaning { regex, in_order }).unwrap();
        expected.compare(said.as_bytes()).map(|difference| (difference.line, difference.found))
    }

    #[test]
    fn exact_lines_and_the_end_of_line_does_not_matter() {
        assert_eq!(difference("a\nb\n", "a\r\nb", false, false), None);
        assert_eq!(difference("a\nb", "a\nc", false, false), Some((2, Some("c".to_string()))));
        assert_eq!(difference("a\nb", "a", false, false), Some((2, None)));
        assert_eq!(difference("a", "a\nb", false, false), Some((2, Some("b".to_string()))));
    }

    #[test]
    fn patterns_are_for_whole_lines_and_others_may_stand_between() {
        assert_eq!(difference("task [AB]", "task A", true, false), None);
        assert_eq!(difference("task", "task A", true, false), Some((1, Some("task A".to_string()))));
        assert_eq!(difference("b\nd", "a\nb\nc\nd\ne", false, true), None);
        assert_eq!(difference("d\nb", "a\nb\nc\nd", false, true), Some((5, None)));
        assert!(Expected::new(b"ok\n(", Meaning { regex: true, in_order: false }).is_err_and(|why| why.starts_with("line 2: ")));
    }
}
