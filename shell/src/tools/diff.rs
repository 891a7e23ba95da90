//! DIFF: what has to be changed in one file to make it another.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::fileid::Found;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::Words;

/// Bytes of lines that each file may have.
const FILE_MAX: usize = 1 << 20;
/// Most differences that are looked for: the search takes storage in proportion to their square.
const DIFFERENCES_MAX: usize = 1000;

impl<C: Cp> Shell<C> {
    /// DIFF: as COMPARE, but it finds lines that were put in or taken out. 0 when the files are the same, 4 when they are not.
    pub(crate) fn diff_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        let [name, file_type, mode, other_name, other_type, other_mode] = words.operands.as_slice() else {
            return Err(match words.operands.get(6) {
                Some(surplus) => self.bad_operand(surplus),
                None => self.incomplete(),
            });
        };
        let first = self.locate(name, file_type, mode)?;
        let same = |word: &String, of: &str| if word == "=" { String::from(of) } else { word.clone() };
        let (name, file_type) = (same(other_name, first.entry.id.name()), same(other_type, first.entry.id.file_type()));
        let second = self.locate(&name, &file_type, &same(other_mode, mode))?;
        if first == second {
            return Err(self.fail(24, "019E", "Identical fileids"));
        }
        let (one, other) = (self.diff_lines(&first)?, self.diff_lines(&second)?);
        let Some(edits) = edits(&one, &other) else {
            return Err(self.fail(40, "213E", format!("Files {first} and {second} differ in more than {DIFFERENCES_MAX} lines")));
        };
        for edit in &edits {
            let (taken, put) = (&one[edit.from..edit.to], &other[edit.other_from..edit.other_to]);
            self.say(edit.title());
            for (mark, lines) in [("< ", taken), ("> ", put)] {
                for line in lines {
                    self.show_line(&[mark.as_bytes(), line].concat());
                }
                if mark == "< " && !taken.is_empty() && !put.is_empty() {
                    self.say("---");
                }
            }
        }
        if edits.is_empty() { Ok(()) } else { Err(Rc(4)) }
    }

    fn diff_lines(&mut self, found: &Found) -> Result<Vec<Vec<u8>>, Rc> {
        let (mut lines, mut size) = (Vec::new(), 0);
        self.each_line(found, |shell, _, line| {
            size += line.len();
            if size > FILE_MAX {
                return Err(shell.fail(40, "212E", format!("File {found} is larger than DIFF can hold ({FILE_MAX} bytes)")));
            }
            lines.push(line.to_vec());
            Ok(true)
        })?;
        Ok(lines)
    }
}

/// Lines `from..to` of one file are replaced by lines `other_from..other_to` of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    from: usize,
    to: usize,
    other_from: usize,
    other_to: usize,
}

impl Edit {
    /// `3,4c5`: as diff shows it everywhere.
    fn title(&self) -> String {
        let range = |from: usize, to: usize| match to - from {
            0 => format!("{from}"),
            1 => format!("{}", from + 1),
            _ => format!("{},{to}", from + 1),
        };
        let letter = match (self.from == self.to, self.other_from == self.other_to) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        format!("{}{letter}{}", range(self.from, self.to), range(self.other_from, self.other_to))
    }
}

/// The fewest lines to take out and put in: Myers, An O(ND) Difference Algorithm. None when there are too many.
fn edits(one: &[Vec<u8>], other: &[Vec<u8>]) -> Option<Vec<Edit>> {
    let most = (one.len() + other.len()).min(DIFFERENCES_MAX);
    let middle = most + 1;
    // How far along each diagonal; and what that was before each round.
    let mut reach = vec![0_usize; 2 * middle + 1];
    let mut rounds = Vec::new();
    for round in 0..=most {
        rounds.push(reach[middle - round.min(middle)..=middle + round.min(middle)].to_vec());
        for diagonal in (middle - round..=middle + round).step_by(2) {
            let down = diagonal == middle - round || diagonal != middle + round && reach[diagonal - 1] < reach[diagonal + 1];
            let mut x = if down { reach[diagonal + 1] } else { reach[diagonal - 1] + 1 };
            // y = x - (diagonal - middle); below zero there is no such place.
            let Some(mut y) = (x + middle).checked_sub(diagonal) else { continue };
            while x < one.len() && y < other.len() && one[x] == other[y] {
                (x, y) = (x + 1, y + 1);
            }
            reach[diagonal] = x;
            if x >= one.len() && y >= other.len() {
                return Some(path(&rounds, one.len(), other.len()));
            }
        }
    }
    None
}

/// The edits that the rounds lead to, from the end back to the beginning.
fn path(rounds: &[Vec<usize>], mut x: usize, mut y: usize) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    for round in (1..rounds.len()).rev() {
        // In the copy of that round, diagonal 0 stands in the middle.
        let reach = &rounds[round];
        let middle = reach.len() / 2;
        let diagonal = x + middle - y;
        let down = diagonal == middle - round || diagonal != middle + round && reach[diagonal - 1] < reach[diagonal + 1];
        let before = if down { diagonal + 1 } else { diagonal - 1 };
        let (from_x, from_y) = (reach[before], reach[before] + middle - before);
        // What was equal behind the edit is passed over.
        let edit = match down {
            true => Edit { from: from_x, to: from_x, other_from: from_y, other_to: from_y + 1 },
            false => Edit { from: from_x, to: from_x + 1, other_from: from_y, other_to: from_y },
        };
        match edits.last_mut() {
            Some(last) if last.from == edit.to && last.other_from == edit.other_to => {
                (last.from, last.other_from) = (edit.from, edit.other_from);
            }
            _ => edits.push(edit),
        }
        (x, y) = (from_x, from_y);
    }
    edits.reverse();
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<Vec<u8>> {
        text.bytes().map(|byte| vec![byte]).collect()
    }

    fn titles(one: &str, other: &str) -> Vec<String> {
        edits(&lines(one), &lines(other)).expect("few").iter().map(Edit::title).collect()
    }

    #[test]
    fn edits_are_named_as_diff_names_them() {
        assert_eq!(titles("abc", "abc"), [""; 0]);
        assert_eq!(titles("abc", "axc"), ["2c2"]);
        assert_eq!(titles("abc", "abxyc"), ["2a3,4"]);
        assert_eq!(titles("abcd", "ad"), ["2,3d1"]);
        assert_eq!(titles("", "ab"), ["0a1,2"]);
        assert_eq!(titles("ab", ""), ["1,2d0"]);
    }

    proptest! {
        #[test]
        fn edits_make_one_the_other(one in "[ab]{0,30}", other in "[abc]{0,30}") {
            let (one, other) = (lines(&one), lines(&other));
            let (mut made, mut at) = (Vec::new(), 0);
            for edit in edits(&one, &other).expect("few") {
                made.extend_from_slice(&one[at..edit.from]);
                made.extend_from_slice(&other[edit.other_from..edit.other_to]);
                at = edit.to;
            }
            made.extend_from_slice(&one[at..]);
            prop_assert_eq!(made, other);
        }
    }
}
