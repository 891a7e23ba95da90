//! A tape unit: which file is its tape, where it stands, and reading and writing there.
//!
//! The tape is a CMS file that is a string of bytes, so that `cp64 disk` takes it in and out as it is. Whatever is written makes an end of what stood
//! behind it, as on a tape; the file is the old or the new.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::{FileId, RecordFormat};

use super::aws::{self, BLOCK_MAX, BadImage, HEADER, Header, Kind};
use crate::cp::Cp;
use crate::disks::Mode;
use crate::filedef::tape_file;
use crate::fileid::Found;
use crate::message::{Outcome, Rc};
use crate::records::{Destination, Source, Target};
use crate::session::Shell;

/// Bytes of a tape that are read or written at once.
const RUN: usize = 64 * 1024;

/// A place on a tape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes before it.
    offset: u32,
    /// Bytes of data behind the header before it.
    previous: u16,
}

impl Place {
    /// The beginning of the tape.
    pub(super) const LOAD_POINT: Self = Self { offset: 0, previous: 0 };
}

/// The tape that a unit has, as it was when the unit last moved it, and where it stands.
pub(crate) struct Mounted {
    unit: u8,
    tape: Found,
    place: Place,
}

impl Mounted {
    /// Whether that file is the tape as it was left: the same file of the same length and date.
    fn holds(&self, unit: u8, tape: &Found) -> bool {
        let (own, other) = (&self.tape.entry, &tape.entry);
        self.unit == unit
            && (self.tape.mode, own.id) == (tape.mode, other.id)
            && (own.records, own.modified) == (other.records, other.modified)
    }
}

/// A tape unit at work.
pub(super) struct Unit {
    number: u8,
    target: Target,
    /// The tape; none: a new one, which is there once it is written.
    tape: Option<Found>,
    source: Option<Source>,
    /// Where the source stands.
    at: u32,
    pub place: Place,
}

impl Unit {
    /// The file that is its tape.
    pub(super) fn file(&self) -> (Mode, FileId) {
        (self.target.mode, self.target.id)
    }
}

/// What stands next on a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Block(Vec<u8>),
    Mark,
    /// Nothing was written there.
    End,
}

/// What is being written.
pub(super) struct Recording {
    to: Destination,
    pending: Vec<u8>,
    offset: u64,
    previous: u16,
}

impl Recording {
    /// Where it stands.
    pub(super) fn place(&self) -> Place {
        Place { offset: u32::try_from(self.offset).unwrap_or(u32::MAX), previous: self.previous }
    }
}

/// `TAP1(181)`; the units from TAP8 on are 288 and up.
pub(super) fn unit_name(number: u8) -> String {
    let vdev = if number < 8 { 0x180 + u32::from(number) } else { 0x280 + u32::from(number) };
    format!("TAP{number:X}({vdev:03X})")
}

impl<C: Cp> Shell<C> {
    /// The unit of that number with its tape, where the last command left it.
    pub(super) fn tape_unit(&mut self, number: u8) -> Result<Unit, Rc> {
        let Some((id, spec)) = tape_file(&self.definitions, number) else {
            return Err(self.fail(24, "027E", format!("Invalid device {}", unit_name(number))));
        };
        let tape = self.disks.locate(&id, spec).ok();
        if tape.is_none() {
            self.disks.check(spec.mode).map_err(|missing| self.missing(missing, ""))?;
        }
        if let Some(tape) = tape.as_ref().filter(|tape| tape.entry.format != RecordFormat::Fixed(1)) {
            return Err(self.fail(
                100,
                "110S",
                format!("Error reading {}: {tape} is no tape image: it must be RECFM F LRECL 1", unit_name(number)),
            ));
        }
        let mode = tape.as_ref().map_or(spec.mode.unwrap_or(Mode::A), |tape| tape.mode);
        let target = Target { mode, id, number: spec.number.unwrap_or(1), format: RecordFormat::Fixed(1) };
        // A tape that was changed or exchanged meanwhile begins at its load point.
        let stands = self.tapes.iter().find(|mounted| tape.as_ref().is_some_and(|tape| mounted.holds(number, tape)));
        let place = stands.map_or(Place::LOAD_POINT, |mounted| mounted.place);
        Ok(Unit { number, target, tape, source: None, at: 0, place })
    }

    /// Keeps where the unit stands.
    pub(super) fn leave_tape(&mut self, unit: Unit) {
        self.tapes.retain(|mounted| mounted.unit != unit.number);
        if let Some(tape) = unit.tape {
            self.tapes.push(Mounted { unit: unit.number, tape, place: unit.place });
        }
    }

    /// The tape must be there to be read.
    pub(super) fn tape_ready(&mut self, unit: &Unit) -> Outcome {
        match unit.tape {
            Some(_) => Ok(()),
            None => Err(self.fail(100, "113S", format!("{} not attached: there is no {}", unit_name(unit.number), unit.target))),
        }
    }

    fn bad_tape(&mut self, unit: &Unit, bad: BadImage) -> Rc {
        self.fail(100, "110S", format!("Error reading {}: {bad}", unit_name(unit.number)))
    }

    /// Reads bytes at a place; fewer at the end of the tape.
    fn tape_bytes(&mut self, unit: &mut Unit, offset: u32, count: u32, into: &mut Vec<u8>) -> Outcome {
        let Some(tape) = unit.tape.clone().filter(|tape| offset < tape.entry.records) else {
            into.clear();
            return Ok(());
        };
        let mut source = match unit.source.take() {
            Some(source) => source,
            None => {
                unit.at = 0;
                self.open(&tape)?
            }
        };
        if unit.at != offset {
            self.seek(&mut source, offset + 1)?;
        }
        let count = count.min(tape.entry.records - offset);
        self.read_run(&mut source, count, into)?;
        unit.at = offset + into.len() as u32;
        unit.source = Some(source);
        Ok(())
    }

    /// The header at an offset; `None` at the end of the tape.
    fn tape_header(&mut self, unit: &mut Unit, offset: u32) -> Result<Option<Header>, Rc> {
        let mut bytes = Vec::new();
        self.tape_bytes(unit, offset, HEADER, &mut bytes)?;
        match <[u8; HEADER as usize]>::try_from(bytes.as_slice()) {
            Ok(header) => Header::parse(header).map(Some).map_err(|bad| self.bad_tape(unit, bad)),
            Err(_) if bytes.is_empty() => Ok(None),
            Err(_) => Err(self.bad_tape(unit, BadImage::Torn)),
        }
    }

    /// Reads what stands next and goes behind it. At the end of the tape it stays.
    pub(super) fn read_tape(&mut self, unit: &mut Unit) -> Result<Next, Rc> {
        let mut block = Vec::new();
        let mut place = unit.place;
        loop {
            let Some(header) = self.tape_header(unit, place.offset)? else {
                // A block that has begun must end.
                return if block.is_empty() { Ok(Next::End) } else { Err(self.bad_tape(unit, BadImage::Torn)) };
            };
            match header.kind {
                Kind::Mark if block.is_empty() => {
                    unit.place = Place { offset: place.offset + HEADER, previous: 0 };
                    return Ok(Next::Mark);
                }
                Kind::Data { length, begins, ends } if begins == block.is_empty() => {
                    let mut part = Vec::new();
                    self.tape_bytes(unit, place.offset + HEADER, u32::from(length), &mut part)?;
                    if part.len() != usize::from(length) {
                        return Err(self.bad_tape(unit, BadImage::Torn));
                    }
                    if block.len() + part.len() > BLOCK_MAX {
                        return Err(self.bad_tape(unit, BadImage::Long));
                    }
                    block.append(&mut part);
                    place = Place { offset: place.offset + HEADER + u32::from(length), previous: length };
                    if ends {
                        unit.place = place;
                        return Ok(Next::Block(block));
                    }
                }
                _ => return Err(self.bad_tape(unit, BadImage::Parts)),
            }
        }
    }

    /// Goes back before what stands before the place; answers whether that was a tape mark, or `None` at the load point.
    pub(super) fn back_tape(&mut self, unit: &mut Unit) -> Result<Option<bool>, Rc> {
        let mut place = unit.place;
        loop {
            if place.offset == 0 {
                return Ok(None);
            }
            let Some(offset) = place.offset.checked_sub(HEADER + u32::from(place.previous)) else {
                return Err(self.bad_tape(unit, BadImage::Chain));
            };
            let Some(header) = self.tape_header(unit, offset)? else { return Err(self.bad_tape(unit, BadImage::Chain)) };
            let (length, mark, begins) = match header.kind {
                Kind::Mark => (0, true, true),
                Kind::Data { length, begins, .. } => (length, false, begins),
            };
            if length != place.previous {
                return Err(self.bad_tape(unit, BadImage::Chain));
            }
            place = Place { offset, previous: header.previous };
            if begins {
                unit.place = place;
                return Ok(Some(mark));
            }
        }
    }

    /// Writes at the place of the unit: `record` adds blocks and marks. What stood there and behind it is gone then, and the unit stands where `record` says.
    pub(super) fn write_tape(&mut self, unit: &mut Unit, record: impl FnOnce(&mut Self, &mut Recording) -> Result<Place, Rc>) -> Outcome {
        let mode = unit.target.mode;
        if self.disks.get(mode).is_some_and(|disk| disk.read_only) {
            return Err(self.fail(36, "043E", format!("{} is file protected", unit_name(unit.number))));
        }
        let whole = unit.tape.as_ref().map_or(0, |tape| tape.entry.records);
        let appends = unit.tape.is_some() && unit.place.offset == whole;
        let to = self.begin_file(unit.target.clone(), appends)?;
        let mut recording = Recording { to, pending: Vec::new(), offset: u64::from(unit.place.offset), previous: unit.place.previous };
        let kept = if appends { Ok(()) } else { self.keep_before(unit, &mut recording) };
        let place = kept.and_then(|()| record(self, &mut recording)).and_then(|place| self.write_pending(&mut recording).map(|()| place));
        let date = self.now();
        self.finish(recording.to, place.map(|_| ()), date)?;
        unit.source = None;
        unit.tape =
            self.disks.get(mode).and_then(|disk| disk.system.find(&unit.target.id)).map(|entry| Found { mode, entry: entry.clone() });
        unit.place = place?;
        Ok(())
    }

    /// Takes over what stands before the place.
    fn keep_before(&mut self, unit: &mut Unit, recording: &mut Recording) -> Outcome {
        let (mut offset, mut bytes) = (0, Vec::new());
        while offset < unit.place.offset {
            let count = (unit.place.offset - offset).min(RUN as u32);
            self.tape_bytes(unit, offset, count, &mut bytes)?;
            if bytes.is_empty() {
                return Err(self.bad_tape(unit, BadImage::Torn));
            }
            self.write_run(&mut recording.to, &bytes)?;
            offset += bytes.len() as u32;
        }
        Ok(())
    }

    /// Adds a block.
    pub(super) fn put_block(&mut self, recording: &mut Recording, block: &[u8]) -> Outcome {
        let before = recording.pending.len();
        aws::put_block(&mut recording.pending, block, &mut recording.previous);
        recording.offset += (recording.pending.len() - before) as u64;
        if recording.pending.len() >= RUN { self.write_pending(recording) } else { Ok(()) }
    }

    /// Adds a tape mark.
    pub(super) fn put_mark(&mut self, recording: &mut Recording) -> Outcome {
        aws::put_mark(&mut recording.pending, &mut recording.previous);
        recording.offset += u64::from(HEADER);
        Ok(())
    }

    fn write_pending(&mut self, recording: &mut Recording) -> Outcome {
        let bytes = core::mem::take(&mut recording.pending);
        if bytes.is_empty() { Ok(()) } else { self.write_run(&mut recording.to, &bytes) }
    }
}
