//! COMPARE: two files side by side.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, number};

impl<C: Cp> Shell<C> {
    /// COMPARE.
    pub(crate) fn compare_command(&mut self, words: &Words) -> Outcome {
        let [name, file_type, mode, other_name, other_type, other_mode] = words.operands.as_slice() else {
            return Err(match words.operands.get(6) {
                Some(surplus) => self.bad_operand(surplus),
                None => self.incomplete(),
            });
        };
        let columns = self.compare_columns(words)?;
        let first = self.locate(name, file_type, mode)?;
        let same = |word: &String, of: &str| if word == "=" { String::from(of) } else { word.clone() };
        let second =
            self.locate(&same(other_name, first.entry.id.name()), &same(other_type, first.entry.id.file_type()), &same(other_mode, mode))?;
        if first == second {
            return Err(self.fail(24, "019E", "Identical fileids"));
        }
        self.note("179I", format!("Comparing {first} with {second}"));
        let (mut one, mut two) = (self.open(&first)?, self.open(&second)?);
        let (mut record, mut other) = (Vec::new(), Vec::new());
        let mut differ = false;
        loop {
            let (more, other_more) = (self.next_record(&mut one, &mut record)?, self.next_record(&mut two, &mut other)?);
            match (more, other_more) {
                (false, false) => break,
                (true, false) | (false, true) => {
                    let shorter = if more { &second } else { &first };
                    return Err(self.fail(40, "010E", format!("Premature EOF on file {shorter}")));
                }
                (true, true) => {
                    let part = |record: &[u8]| {
                        let (from, to) = columns;
                        record.get(from - 1..to.min(record.len())).unwrap_or_default().to_vec()
                    };
                    let (left, right) = (part(&record), part(&other));
                    if left != right {
                        differ = true;
                        self.show_line(&left);
                        self.show_line(&right);
                    }
                }
            }
        }
        if differ {
            return Err(self.fail(4, "209W", format!("Files {first} and {second} do not compare")));
        }
        Ok(())
    }

    /// The columns of COMPARE: all, or those of `COL from-to`.
    fn compare_columns(&mut self, words: &Words) -> Result<(usize, usize), Rc> {
        match words.options.as_slice() {
            [] => Ok((1, usize::MAX)),
            [option, rest @ ..] if option == "COL" => {
                let (from, to) = match rest {
                    [range] => range.split_once('-').unwrap_or((range, "*")),
                    [from, to] => (from.as_str(), to.as_str()),
                    _ => ("", ""),
                };
                let to = if to == "*" { Some(usize::MAX) } else { number(to) };
                match (number(from), to) {
                    (Some(from), Some(to)) if from >= 1 && to >= from => Ok((from, to)),
                    _ => Err(self.bad_value("COL", rest.first().map_or("", String::as_str))),
                }
            }
            [option, ..] => Err(self.bad_option(option)),
        }
    }
}
