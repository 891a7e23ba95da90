//! COMPARE and SORT: two files side by side, and the records of one in order.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use crate::cp::Cp;
use crate::fileid::ModeSpec;
use crate::message::{Outcome, Rc};
use crate::records::Target;
use crate::session::Shell;
use crate::words::{Words, number};

/// Bytes of records that SORT keeps in storage at once.
const SORT_MAX: usize = 8 << 20;

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
                        self.cp.write_line(&left);
                        self.cp.write_line(&right);
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
                    _ => Err(self.fail(24, "029E", "Invalid parameter in the option COL field")),
                }
            }
            [option, ..] => Err(self.bad_option(option)),
        }
    }

    /// SORT.
    pub(crate) fn sort_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        let [name, file_type, mode, new_name, new_type, new_mode] = words.operands.as_slice() else {
            return Err(match words.operands.get(6) {
                Some(surplus) => self.bad_operand(surplus),
                None => self.incomplete(),
            });
        };
        let found = self.locate(name, file_type, mode)?;
        let target = crate::fileid::Pattern::new(new_name, new_type);
        let Some(id) = target.derive(&found.entry.id) else {
            return Err(self.invalid_character(&format!("{target}")));
        };
        let spec = match new_mode.as_str() {
            "=" => ModeSpec { mode: Some(found.mode), number: None },
            word => self.mode_spec(word, ModeSpec::A)?,
        };
        let Some(mode) = spec.mode else { return Err(self.fail(24, "048E", "Invalid filemode *")) };
        if id == found.entry.id && mode == found.mode {
            return Err(self.fail(24, "019E", "Identical fileids"));
        }
        self.writable(mode)?;
        let fields = self.sort_fields()?;
        let mut records = Vec::new();
        let (mut size, mut record) = (0, Vec::new());
        let mut source = self.open(&found)?;
        while self.next_record(&mut source, &mut record)? {
            size += record.len() + size_of::<Vec<u8>>();
            if size > SORT_MAX {
                return Err(self.fail(40, "212E", format!("File {found} is larger than SORT can hold ({SORT_MAX} bytes)")));
            }
            records.push(record.clone());
        }
        // Equal records stay in the order in which they stand.
        records.sort_by(|one, other| compare(&fields, one, other));
        let format: RecordFormat = found.entry.format;
        let number = spec.number.unwrap_or(found.entry.mode);
        let mut to = self.begin_file(Target { mode, id, number, format }, false)?;
        let written = records.iter().try_for_each(|record| self.write_record(&mut to, record));
        let date = self.now();
        self.finish(to, written, date)
    }

    /// Asks for the fields: pairs of columns, the more important ones first; after a pair D means descending, A ascending.
    fn sort_fields(&mut self) -> Result<Vec<Field>, Rc> {
        self.note("604R", "Enter sort fields:");
        let line = self.read_line().unwrap_or_default();
        let text = String::from_utf8_lossy(&line).to_ascii_uppercase();
        let mut fields: Vec<Field> = Vec::new();
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let (from, to) = (number(word), words.next().and_then(number::<usize>));
            match (from, to) {
                (Some(from), Some(to)) if from >= 1 && to >= from => fields.push(Field { from, to, descending: false }),
                _ => return Err(self.fail(24, "053E", format!("Invalid sort field pair defined at {word}"))),
            }
            if let Some(order) = words.next_if(|word| matches!(*word, "A" | "D"))
                && let Some(field) = fields.last_mut()
            {
                field.descending = order == "D";
            }
        }
        if fields.is_empty() {
            return Err(self.fail(24, "063E", "No list entered"));
        }
        Ok(fields)
    }
}

/// A field that SORT compares.
struct Field {
    from: usize,
    to: usize,
    descending: bool,
}

/// Which record stands first. What a record does not have is blank.
fn compare(fields: &[Field], one: &[u8], other: &[u8]) -> core::cmp::Ordering {
    for Field { from, to, descending } in fields {
        let column = |record: &[u8], at: usize| record.get(at).copied().unwrap_or(b' ');
        let last = (*to).min(one.len().max(other.len()));
        let order = (from - 1..last).map(|at| column(one, at)).cmp((from - 1..last).map(|at| column(other, at)));
        let order = if *descending { order.reverse() } else { order };
        if order.is_ne() {
            return order;
        }
    }
    core::cmp::Ordering::Equal
}
