//! COPYFILE with PACK and UNPACK: files to and from the form that [`super::pack`] describes.

use alloc::format;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use super::Options;
use super::pack::{self, Damaged, Unpacker};
use crate::cp::Cp;
use crate::fileid::Found;
use crate::message::{Outcome, Rc};
use crate::records::{Destination, Source, Target};
use crate::session::Shell;
use crate::words::{Words, is};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Pack,
    Unpack,
}

impl<C: Cp> Shell<C> {
    /// PACK and UNPACK copy whole files and change nothing else.
    pub(super) fn packing_alone(&mut self, words: &Words) -> Outcome {
        const WITH: [&str; 9] = ["PAck", "UNPack", "Type", "NOType", "REPlace", "NEWFile", "OLDDate", "NEWDate", "NOPRompt"];
        let both = words.options.iter().any(|option| is(option, "PAck")) && words.options.iter().any(|option| is(option, "UNPack"));
        let other = words.options.iter().find(|option| !WITH.iter().any(|known| is(option, known)));
        match other {
            _ if both => Err(self.fail(24, "066E", "PACK and UNPACK are conflicting options")),
            Some(other) => Err(self.fail(24, "066E", format!("PACK or UNPACK and {other} are conflicting options"))),
            None => Ok(()),
        }
    }

    /// Packs or unpacks a file.
    pub(super) fn repack(&mut self, packing: Packing, files: &[Found], target: Target, options: &Options) -> Outcome {
        let [file] = files else {
            return Err(self.fail(24, "102S", "PACK and UNPACK take one file at a time"));
        };
        let date = if options.old_date { file.entry.modified } else { self.now() };
        let mut source = self.open(file)?;
        let shown = format!("{target}");
        match packing {
            Packing::Pack => {
                let target = Target { format: RecordFormat::Fixed(pack::LRECL), ..target };
                let mut to = self.begin_file(target, false)?;
                let written = self.pack_records(file, &mut source, &mut to);
                self.finish(to, written, date)?;
            }
            Packing::Unpack => {
                let mut unpacker = Unpacker::default();
                let format = self.packed_format(file, &mut source, &mut unpacker)?;
                let mut to = self.begin_file(Target { format, ..target }, false)?;
                let written = self.unpack_records(file, &mut source, &mut unpacker, &mut to);
                self.finish(to, written, date)?;
            }
        }
        if options.show {
            self.note("721I", format!("Copy {file} {shown}"));
        }
        self.close(source)
    }

    fn pack_records(&mut self, file: &Found, source: &mut Source, to: &mut Destination) -> Outcome {
        let length = pack::LRECL as usize;
        let (mut record, mut packed) = (Vec::new(), pack::header(file.entry.format, file.entry.records));
        while self.next_record(source, &mut record)? {
            pack::pack(&record, &mut packed);
            let whole = packed.len() / length * length;
            packed[..whole].chunks(length).try_for_each(|piece| self.write_record(to, piece))?;
            packed.drain(..whole);
        }
        if !packed.is_empty() {
            packed.resize(length, 0);
            self.write_record(to, &packed)?;
        }
        Ok(())
    }

    /// The format that a packed file had.
    fn packed_format(&mut self, file: &Found, source: &mut Source, unpacker: &mut Unpacker) -> Result<RecordFormat, Rc> {
        let mut record = Vec::new();
        if file.entry.format == RecordFormat::Fixed(pack::LRECL) && self.next_record(source, &mut record)? {
            unpacker.give(&record);
        }
        match unpacker.format() {
            Ok(Some(format)) => Ok(format),
            Ok(None) | Err(Damaged) => Err(self.not_packed(file)),
        }
    }

    fn unpack_records(&mut self, file: &Found, source: &mut Source, unpacker: &mut Unpacker, to: &mut Destination) -> Outcome {
        let mut record = Vec::new();
        loop {
            match unpacker.next() {
                Ok(Some(unpacked)) => self.write_record(to, &unpacked)?,
                Ok(None) if unpacker.is_complete() => return Ok(()),
                Ok(None) if self.next_record(source, &mut record)? => unpacker.give(&record),
                Ok(None) | Err(Damaged) => return Err(self.not_packed(file)),
            }
        }
    }

    fn not_packed(&mut self, file: &Found) -> Rc {
        self.fail(32, "068E", format!("Input file {file} not in packed format"))
    }
}
