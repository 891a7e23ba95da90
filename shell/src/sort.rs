//! SORT: the records of a file in order, however many there are.
//!
//! What does not fit into storage is sorted part by part into work files on the disk of the result, which are then merged. Nothing of it is committed
//! before the result is whole: the work files are never on the committed disk, and after an error, HX or a loss of power the disk is as it was.

use alloc::collections::BinaryHeap;
use alloc::format;
use alloc::rc::Rc as Shared;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use minidisk::edf::{FileId, RecordFormat};

use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::records::{Destination, Source, Target};
use crate::session::Shell;
use crate::words::{Words, number};

/// Bytes of records held at once: a quarter of storage, within these bounds.
const HELD: core::ops::RangeInclusive<usize> = (1 << 20)..=(256 << 20);
/// Work files merged at once. Each is read ahead.
const MERGED: usize = 16;
/// Names of work files: with the least storage enough for 10 GB.
const WORK_FILES: u32 = 10_000;
/// Bytes of fixed records read or written at once.
const RUN: usize = 64 * 1024;

impl<C: Cp> Shell<C> {
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
        let target = Pattern::new(new_name, new_type);
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
        let fields = Shared::from(self.sort_fields()?);
        let target = Target { mode, id, number: spec.number.unwrap_or(found.entry.mode), format: found.entry.format };
        let sorted = self.sort_file(&found, &target, &fields);
        if sorted.is_err() {
            self.forget_changes(mode);
        }
        sorted
    }

    /// Asks for the fields: pairs of columns, the more important ones first; after a pair D means descending, A ascending.
    fn sort_fields(&mut self) -> Result<Vec<Field>, Rc> {
        self.note("604R", "Enter sort fields:");
        let line = self.answer_line()?.unwrap_or_default();
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

    /// Writes the records of a file in order to the target.
    fn sort_file(&mut self, found: &Found, target: &Target, fields: &Shared<[Field]>) -> Outcome {
        let held = usize::try_from(self.cp.storage_size() / 4).unwrap_or(usize::MAX).clamp(*HELD.start(), *HELD.end());
        let mut input = Input::of(self.open(found)?, target.format);
        let mut work: Vec<FileId> = Vec::new();
        loop {
            let mut part = Part::default();
            let more = self.fill_part(&mut part, &mut input, held)?;
            part.sort(fields);
            let to = match more || !work.is_empty() {
                false => target.clone(),
                true => {
                    work.push(self.work_file(target.mode)?);
                    Target { id: work[work.len() - 1], ..target.clone() }
                }
            };
            let mut output = Output::of(self.begin_file(to, false)?, target.format);
            let written = part.order.iter().try_for_each(|place| self.put(&mut output, part.record(place)));
            drop(part);
            self.end_output(output, written)?;
            if !more {
                break;
            }
        }
        while work.len() > MERGED {
            // The parts that come first are merged first and stay first, so equal records keep their order.
            let merged = self.work_file(target.mode)?;
            let parts: Vec<FileId> = work.drain(..MERGED).collect();
            self.merge(&parts, &Target { id: merged, ..target.clone() }, fields)?;
            work.insert(0, merged);
        }
        if !work.is_empty() {
            self.merge(&work, target, fields)?;
        }
        self.change(target.mode, target, |_| Ok(()))
    }

    /// Reads records until that many bytes are held; whether there are more.
    fn fill_part(&mut self, part: &mut Part, input: &mut Input, held: usize) -> Result<bool, Rc> {
        let mut record = core::mem::take(&mut input.ahead);
        loop {
            if !record.is_empty() {
                if !part.order.is_empty() && part.size() + record.len() > held {
                    input.ahead = record;
                    return Ok(true);
                }
                part.add(&record);
            }
            if !self.take(input, &mut record)? {
                return Ok(false);
            }
        }
    }

    /// The next record.
    fn take(&mut self, input: &mut Input, record: &mut Vec<u8>) -> Result<bool, Rc> {
        let RecordFormat::Fixed(lrecl) = input.format else {
            return self.next_record(&mut input.source, record);
        };
        let lrecl = lrecl as usize;
        if input.at == input.run.len() {
            input.at = 0;
            if self.read_run(&mut input.source, (RUN / lrecl).max(1) as u32, &mut input.run)? == 0 {
                return Ok(false);
            }
        }
        record.clear();
        record.extend_from_slice(&input.run[input.at..input.at + lrecl]);
        input.at += lrecl;
        Ok(true)
    }

    /// Adds a record.
    fn put(&mut self, output: &mut Output, record: &[u8]) -> Outcome {
        if !output.fixed {
            return self.write_record(&mut output.to, record);
        }
        output.run.extend_from_slice(record);
        if output.run.len() < RUN {
            return Ok(());
        }
        let written = self.write_run(&mut output.to, &output.run);
        output.run.clear();
        written
    }

    /// Ends a file, which is on the disk with the next commit.
    fn end_output(&mut self, mut output: Output, written: Outcome) -> Outcome {
        let written = written.and_then(|()| if output.run.is_empty() { Ok(()) } else { self.write_run(&mut output.to, &output.run) });
        let date = self.now();
        self.finish_uncommitted(output.to, written, date)
    }

    /// A name that no file of the disk has.
    fn work_file(&mut self, mode: Mode) -> Result<FileId, Rc> {
        let taken = |shell: &Self, id: &FileId| shell.disks.get(mode).is_some_and(|disk| disk.system.find(id).is_some());
        let mut names = (0..WORK_FILES).filter_map(|number| file_id(&format!("SRT{number:05}"), "CMSUT1"));
        match names.find(|id| !taken(self, id)) {
            Some(id) => Ok(id),
            None => Err(self.fail(100, "105S", "No name is left for a work file")),
        }
    }

    /// Merges work files, the first ones first where records are equal, and erases them.
    fn merge(&mut self, parts: &[FileId], target: &Target, fields: &Shared<[Field]>) -> Outcome {
        let mut inputs = Vec::new();
        let mut heads = BinaryHeap::new();
        for (part, id) in parts.iter().enumerate() {
            let entry = self.disks.get(target.mode).and_then(|disk| disk.system.find(id)).cloned();
            let Some(entry) = entry else { return Err(self.not_found(id)) };
            let mut input = Input::of(self.open(&Found { mode: target.mode, entry })?, target.format);
            let mut record = Vec::new();
            if self.take(&mut input, &mut record)? {
                heads.push(Head { key: key(fields, &record), record, part, fields: fields.clone() });
            }
            inputs.push(input);
        }
        let mut output = Output::of(self.begin_file(target.clone(), false)?, target.format);
        let written = self.merge_into(&mut output, &mut inputs, &mut heads);
        self.end_output(output, written)?;
        drop(inputs);
        self.erase_uncommitted(target.mode, parts)
    }

    fn merge_into(&mut self, output: &mut Output, inputs: &mut [Input], heads: &mut BinaryHeap<Head>) -> Outcome {
        while let Some(mut head) = heads.pop() {
            self.put(output, &head.record)?;
            if self.take(&mut inputs[head.part], &mut head.record)? {
                head.key = key(&head.fields, &head.record);
                heads.push(head);
            }
        }
        Ok(())
    }
}

/// A file being read record by record, fixed ones many at a time.
struct Input {
    source: Source,
    format: RecordFormat,
    run: Vec<u8>,
    /// Where the next record stands in `run`.
    at: usize,
    /// A record that was read and did not fit into the part before.
    ahead: Vec<u8>,
}

impl Input {
    fn of(source: Source, format: RecordFormat) -> Self {
        Self { source, format, run: Vec::new(), at: 0, ahead: Vec::new() }
    }
}

/// A file being written, fixed records many at a time.
struct Output {
    to: Destination,
    fixed: bool,
    run: Vec<u8>,
}

impl Output {
    fn of(to: Destination, format: RecordFormat) -> Self {
        Self { to, fixed: matches!(format, RecordFormat::Fixed(_)), run: Vec::new() }
    }
}

/// A field that SORT compares.
#[derive(Clone, Copy, Debug)]
struct Field {
    from: usize,
    to: usize,
    descending: bool,
}

/// Where a record of a part stands, and the first bytes that are compared of it.
struct Place {
    key: u64,
    offset: u32,
    length: u32,
}

/// Records held in storage.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    order: Vec<Place>,
}

impl Part {
    fn size(&self) -> usize {
        self.bytes.len() + self.order.len() * size_of::<Place>()
    }

    fn add(&mut self, record: &[u8]) {
        // What is held is far below 4 GiB, and a record below 64 KiB.
        self.order.push(Place { key: 0, offset: self.bytes.len() as u32, length: record.len() as u32 });
        self.bytes.extend_from_slice(record);
    }

    fn record(&self, place: &Place) -> &[u8] {
        &self.bytes[place.offset as usize..][..place.length as usize]
    }

    /// Equal records stay in the order in which they stand.
    fn sort(&mut self, fields: &[Field]) {
        let bytes = &self.bytes;
        let record = |place: &Place| &bytes[place.offset as usize..][..place.length as usize];
        self.order.iter_mut().for_each(|place| place.key = key(fields, record(place)));
        self.order.sort_unstable_by(|one, other| {
            one.key.cmp(&other.key).then_with(|| compare(fields, record(one), record(other))).then(one.offset.cmp(&other.offset))
        });
    }
}

/// The next record of a work file that is merged.
struct Head {
    key: u64,
    record: Vec<u8>,
    part: usize,
    fields: Shared<[Field]>,
}

impl Ord for Head {
    /// The greatest is taken first: the record that stands first.
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.key.cmp(&other.key).then_with(|| compare(&self.fields, &self.record, &other.record));
        order.then(self.part.cmp(&other.part)).reverse()
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// The first eight bytes of the first field as a number, which orders as they do: what most comparisons end with.
fn key(fields: &[Field], record: &[u8]) -> u64 {
    let Some(field) = fields.first() else { return 0 };
    let length = (field.to - field.from + 1).min(8);
    let mut bytes = [b' '; 8];
    let there = record.get(field.from - 1..).unwrap_or_default();
    let count = length.min(there.len());
    bytes[..count].copy_from_slice(&there[..count]);
    // Behind a short field nothing is compared.
    bytes[length..].fill(0);
    let key = u64::from_be_bytes(bytes);
    if field.descending { !key } else { key }
}

/// Which record stands first. What a record does not have is blank.
fn compare(fields: &[Field], one: &[u8], other: &[u8]) -> Ordering {
    for Field { from, to, descending } in fields {
        let part = |record: &[u8]| -> (usize, usize) { ((from - 1).min(record.len()), (*to).min(record.len())) };
        let ((one_from, one_to), (other_from, other_to)) = (part(one), part(other));
        let (left, right) = (&one[one_from..one_to], &other[other_from..other_to]);
        let common = left.len().min(right.len());
        let order = left[..common].cmp(&right[..common]).then_with(|| {
            // One of the two rests is empty: it counts as blanks.
            let blanks = |rest: &[u8]| rest.iter().find(|byte| **byte != b' ').map_or(Ordering::Equal, |byte| byte.cmp(&b' '));
            blanks(&left[common..]).then(blanks(&right[common..]).reverse())
        });
        let order = if *descending { order.reverse() } else { order };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(from: usize, to: usize, descending: bool) -> Field {
        Field { from, to, descending }
    }

    #[test]
    fn what_is_not_there_is_blank() {
        let fields = [field(1, 12, false)];
        assert_eq!(compare(&fields, b"ab", b"ab   "), Ordering::Equal);
        assert_eq!(compare(&fields, b"ab", b"ab  c"), Ordering::Less);
        assert_eq!(compare(&fields, b"ab", b"ab \x01"), Ordering::Greater);
        assert_eq!(compare(&[field(5, 6, true)], b"ab", b"abcdef"), Ordering::Greater);
    }

    #[test]
    fn the_key_orders_as_the_comparison_does() {
        let records: [&[u8]; 8] = [b"", b" ", b"a", b"a ", b"abcdefghi", b"abcdefgh", b"b\x00", b"\xff\xff"];
        for fields in [[field(1, 4, false)], [field(1, 20, false)], [field(2, 3, true)], [field(30, 40, false)]] {
            for one in records {
                for other in records {
                    let (order, keys) = (compare(&fields, one, other), key(&fields, one).cmp(&key(&fields, other)));
                    assert!(keys.is_eq() || keys == order, "{one:?} {other:?}");
                }
            }
        }
    }
}
