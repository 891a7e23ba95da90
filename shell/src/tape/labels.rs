//! Volume labels of tapes: 80 bytes in EBCDIC, as the first block.

use alloc::format;
use alloc::string::String;

use minidisk::ebcdic;

use super::Options;
use super::unit::{Next, Place, Unit, unit_name};
use crate::cp::Cp;
use crate::message::Outcome;
use crate::session::Shell;

/// Bytes of a label.
const LABEL: usize = 80;

impl<C: Cp> Shell<C> {
    /// TAPE DVOL1: shows the volume label.
    pub(super) fn show_volume_label(&mut self, unit: &mut Unit, operands: &[String], options: &Options) -> Outcome {
        if let Some(surplus) = operands.first() {
            return Err(self.bad_operand(surplus));
        }
        self.tape_ready(unit)?;
        unit.place = Place::LOAD_POINT;
        let mut label = match self.read_tape(unit)? {
            Next::Block(block) => block,
            Next::Mark | Next::End => alloc::vec::Vec::new(),
        };
        if options.rewind {
            unit.place = Place::LOAD_POINT;
        }
        ebcdic::decode(&mut label);
        if label.len() != LABEL || !label.starts_with(b"VOL1") {
            return Err(self.fail(32, "431E", format!("{} VOL1 label missing", unit_name(options.unit))));
        }
        self.show_line(&label);
        Ok(())
    }

    /// TAPE WVOL1 volid [owner]: a label, an empty file behind it, and nothing else.
    pub(super) fn write_volume_label(&mut self, unit: &mut Unit, operands: &[String], options: &Options) -> Outcome {
        let (volume, owner) = match operands {
            [] => return Err(self.bad_operand("")),
            [volume] => (volume.as_str(), ""),
            [volume, owner] => (volume.as_str(), owner.as_str()),
            [_, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        if volume.len() > 6 || !volume.bytes().chain(owner.bytes()).all(|byte| byte.is_ascii_alphanumeric() || b"#@$".contains(&byte)) {
            return Err(self.bad_operand(volume));
        }
        unit.place = Place::LOAD_POINT;
        let volume_label = format!("VOL1{volume:<6}0{:30}{owner:<10}{:29}", "", "");
        let header_label = format!("HDR1{:76}", "");
        self.write_tape(unit, |shell, recording| {
            for label in [volume_label, header_label] {
                let mut label = label.into_bytes();
                label.resize(LABEL, b' ');
                ebcdic::encode(&mut label);
                shell.put_block(recording, &label)?;
            }
            shell.put_mark(recording)?;
            Ok(recording.place())
        })?;
        if options.rewind {
            unit.place = Place::LOAD_POINT;
        }
        Ok(())
    }
}
