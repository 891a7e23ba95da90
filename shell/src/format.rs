//! FORMAT: makes a minidisk ready for files, or changes its label.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use minidisk::ebcdic;
use minidisk::edf::{BLOCK_SIZE, BlockDevice, FileSystem};

use crate::cp::Cp;
use crate::disks::{Access, Mode};
use crate::fileid::ModeSpec;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{self, Words, is};

/// Block that holds the volume label, and where the label's name stands in it.
const LABEL_BLOCK: u32 = 3;
const LABEL_ID: core::ops::Range<usize> = 4..10;

impl<C: Cp> Shell<C> {
    /// FORMAT.
    pub(crate) fn format_command(&mut self, words: &Words) -> Outcome {
        let label_only = self.format_options(words)?;
        let [number, letter, surplus @ ..] = words.operands.as_slice() else {
            return Err(self.fail(24, "050E", "Parameter missing: specify a device address and a filemode"));
        };
        if let Some(surplus) = surplus.first() {
            // A part of a disk cannot be formatted: a file system here has the size of its disk.
            return Err(self.bad_operand(surplus));
        }
        let Some(vdev) = words::vdev(number) else {
            return Err(self.fail(24, "017E", format!("Invalid device address {number}")));
        };
        let mode = ModeSpec::parse(letter).filter(|spec| spec.number.is_none()).and_then(|spec| spec.mode);
        let Some(mode) = mode.filter(|&mode| mode != Mode::S) else {
            return Err(self.fail(24, "048E", format!("Invalid filemode {letter}")));
        };
        let device = self.format_device(mode, vdev)?;
        if label_only { self.relabel(mode, vdev, device) } else { self.format_disk(mode, vdev, device) }
    }

    /// The options of FORMAT; answers whether only the label is meant.
    fn format_options(&mut self, words: &Words) -> Result<bool, Rc> {
        let mut label_only = false;
        let mut rest = words.options.iter();
        while let Some(option) = rest.next() {
            if is(option, "Label") {
                label_only = true;
            } else if is(option, "Blksize") {
                let size = rest.next().map_or("", String::as_str);
                if size != "4096" && size != "4K" {
                    return Err(self.fail(24, "029E", format!("Invalid parameter {size} in the option BLKSIZE field")));
                }
            } else if !is(option, "Noerase") {
                // Nothing is erased block by block in any case.
                return Err(self.bad_option(option));
            }
        }
        Ok(label_only)
    }

    /// The device, when it is a disk that may be written.
    fn format_device(&mut self, mode: Mode, vdev: u32) -> Result<C::Disk, Rc> {
        let device = self.cp.device(vdev);
        if device.is_some_and(|device| device.class != abi::device::DASD) {
            return Err(self.fail(88, "114S", format!("{mode}({vdev:03X}) is an unsupported device type")));
        }
        match self.cp.disk(vdev) {
            Ok(disk) if disk.read_only() => Err(self.fail(36, "037E", format!("Filemode {mode}({vdev:03X}) is accessed as read/only"))),
            Ok(disk) => Ok(disk),
            Err(error) => Err(self.disk_unusable(mode, vdev, error)),
        }
    }

    /// Formats the whole disk and accesses it.
    fn format_disk(&mut self, mode: Mode, vdev: u32, device: C::Disk) -> Outcome {
        self.note(
            "603R",
            format!("FORMAT will erase all files on disk {mode}({vdev:03X}). Do you wish to continue? Enter 1 (YES) or 0 (NO)."),
        );
        if !self.answer_is_yes()? {
            return Err(Rc(8));
        }
        let label = self.ask_label()?;
        let cylinders = self.cp.device(vdev).map_or(0, |device| device.cylinders);
        let blocks = device.blocks();
        let now = self.now();
        self.note("733I", format!("Formatting disk {mode}"));
        self.release_device(vdev);
        if let Err(error) = FileSystem::format(device, &label, cylinders, now) {
            return Err(self.fail(100, "112S", format!("{mode}({vdev:03X}) device error: {error}")));
        }
        self.access(mode, Access::of(vdev))?;
        let size = if cylinders == 0 { format!("{blocks} blocks") } else { format!("{cylinders} cylinders") };
        self.note("732I", format!("{size} formatted on {mode}({vdev:03X})"));
        Ok(())
    }

    /// Writes only the name into the label of a formatted disk.
    fn relabel(&mut self, mode: Mode, vdev: u32, mut device: C::Disk) -> Outcome {
        let mut block = vec![0; BLOCK_SIZE];
        let mut identifier = *b"CMS1";
        ebcdic::encode(&mut identifier);
        if device.blocks() < LABEL_BLOCK || device.read(LABEL_BLOCK, &mut block).is_err() {
            return Err(self.fail(100, "112S", format!("{mode}({vdev:03X}) device error")));
        }
        if block[..4] != identifier {
            return Err(self.fail(100, "112S", format!("{mode}({vdev:03X}) device error: The disk is not CMS formatted")));
        }
        let label = self.ask_label()?;
        let mut id = [b' '; 6];
        id[..label.len()].copy_from_slice(label.as_bytes());
        ebcdic::encode(&mut id);
        block[LABEL_ID].copy_from_slice(&id);
        self.release_device(vdev);
        // One block is written whole or not at all.
        let written = device.write(LABEL_BLOCK, &block).and_then(|()| device.flush());
        if let Err(error) = written {
            return Err(self.fail(100, "112S", format!("{mode}({vdev:03X}) device error: {error}")));
        }
        drop(device);
        self.access(mode, Access::of(vdev))
    }

    /// Releases every mode under which a device is accessed: what is known of its files is about to be wrong.
    fn release_device(&mut self, vdev: u32) {
        let modes: Vec<_> = self.disks.iter().filter(|disk| disk.access.vdev == vdev).map(|disk| disk.mode).collect();
        modes.into_iter().for_each(|mode| self.release(mode));
    }

    /// Reads answers until one is yes or no.
    fn answer_is_yes(&mut self) -> Result<bool, Rc> {
        loop {
            match self.answer()?.as_str() {
                "1" | "YES" | "Y" => return Ok(true),
                "0" | "NO" | "N" => return Ok(false),
                _ => self.note("604R", "Enter 1 (YES) or 0 (NO)."),
            }
        }
    }

    /// The answer to a question: its first word. HX, which at a read comes as an answer, ends FORMAT as NO does; it is no label.
    fn answer(&mut self) -> Result<String, Rc> {
        let line = self.cp.read_line().ok_or(Rc(8))?;
        let word = Words::parse(&line).command;
        if word == "HX" { Err(Rc(8)) } else { Ok(word) }
    }

    /// Asks for a label until one is good.
    fn ask_label(&mut self) -> Result<String, Rc> {
        loop {
            self.note("605R", "Enter disk label:");
            let label: String = self.answer()?.chars().take(6).collect();
            let good = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || b"#@$-".contains(&c);
            if !label.is_empty() && label.bytes().all(good) {
                return Ok(label);
            }
        }
    }
}
