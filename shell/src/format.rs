//! FORMAT: makes a minidisk ready for files, or changes its label.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::{BLOCK_SIZE, BLOCK_SIZES, BlockDevice, DateTime, EdfError, FileSystem, Layout};

use crate::cp::Cp;
use crate::disks::{Access, Mode};
use crate::fileid::ModeSpec;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{self, Words, is, number};

/// What FORMAT is to do with the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// An empty file system.
    Format,
    /// Another label.
    Label,
    /// Another number of cylinders or blocks for the file system that is there.
    Recompute,
}

/// The options of FORMAT.
struct Options {
    task: Task,
    block_size: usize,
}

impl<C: Cp> Shell<C> {
    /// FORMAT.
    pub(crate) fn format_command(&mut self, words: &Words) -> Outcome {
        let options = self.format_options(words)?;
        let [address, letter, rest @ ..] = words.operands.as_slice() else {
            return Err(self.fail(24, "050E", "Parameter missing: specify a device address and a filemode"));
        };
        if let Some(surplus) = rest.get(1) {
            return Err(self.bad_operand(surplus));
        }
        let part = match rest.first() {
            None => None,
            Some(word) => match number::<u32>(word).filter(|&part| part > 0 && options.task != Task::Label) {
                Some(part) => Some(part),
                None => return Err(self.bad_operand(word)),
            },
        };
        let Some(vdev) = words::vdev(address) else {
            return Err(self.fail(24, "017E", format!("Invalid device address {address}")));
        };
        let mode = ModeSpec::parse(letter).filter(|spec| spec.number.is_none()).and_then(|spec| spec.mode);
        let Some(mode) = mode.filter(|&mode| mode != Mode::S) else {
            return Err(self.fail(24, "048E", format!("Invalid filemode {letter}")));
        };
        let device = self.format_device(mode, vdev)?;
        match options.task {
            Task::Format => self.format_disk(mode, vdev, device, options.block_size, part),
            Task::Label => {
                let label = self.ask_label()?;
                self.change_label(mode, vdev, device, |system| system.relabel(&label))
            }
            Task::Recompute => {
                self.change_label(mode, vdev, device, |system| system.recompute(part))?;
                self.formatted(mode, vdev);
                Ok(())
            }
        }
    }

    /// The options of FORMAT.
    fn format_options(&mut self, words: &Words) -> Result<Options, Rc> {
        let mut options = Options { task: Task::Format, block_size: BLOCK_SIZE };
        let mut rest = words.options.iter();
        while let Some(option) = rest.next() {
            if is(option, "Label") || is(option, "Recomp") {
                let task = if is(option, "Label") { Task::Label } else { Task::Recompute };
                if options.task != Task::Format && options.task != task {
                    return Err(self.fail(24, "066E", "LABEL and RECOMP are conflicting options"));
                }
                options.task = task;
            } else if is(option, "Blksize") {
                let size = rest.next().map_or("", String::as_str);
                let bytes = match size.strip_suffix('K') {
                    Some(kilobytes) => number::<usize>(kilobytes).and_then(|kilobytes| kilobytes.checked_mul(1024)),
                    None => number(size),
                };
                options.block_size = match bytes.filter(|bytes| BLOCK_SIZES.contains(bytes)) {
                    Some(bytes) => bytes,
                    None => return Err(self.bad_value("BLKSIZE", size)),
                };
            } else if !is(option, "Noerase") {
                // Nothing is erased block by block in any case.
                return Err(self.bad_option(option));
            }
        }
        Ok(options)
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

    /// Makes an empty file system on the disk, or on a part of it, and accesses it.
    fn format_disk(&mut self, mode: Mode, vdev: u32, device: C::Disk, block_size: usize, part: Option<u32>) -> Outcome {
        self.note("603R", format!("FORMAT will erase all files on disk {mode}({vdev:03X}). Do you wish to continue?"));
        self.say("Enter 1 (YES) or 0 (NO).");
        if !self.answer_is_yes()? {
            return Err(Rc(8));
        }
        let label = self.ask_label()?;
        let cylinders = self.cp.device(vdev).map_or(0, |device| device.cylinders);
        let now = self.now();
        self.note("733I", format!("Formatting disk {mode}"));
        self.release_device(vdev);
        let formatted = format_device(device, &Layout { label: &label, cylinders, block_size, part }, now);
        if let Err(error) = formatted {
            return Err(self.format_error(mode, vdev, &error));
        }
        self.access(mode, Access::of(vdev))?;
        self.formatted(mode, vdev);
        Ok(())
    }

    /// Says how much of an accessed disk is formatted.
    fn formatted(&mut self, mode: Mode, vdev: u32) {
        let Some(disk) = self.disks.get(mode) else { return };
        let label = disk.system.label();
        let (cylinders, blocks) = (label.formatted_cylinders, label.blocks);
        let size = if cylinders == 0 { format!("{blocks} blocks") } else { format!("{cylinders} cylinders") };
        self.note("732I", format!("{size} formatted on {mode}({vdev:03X})"));
    }

    /// Changes what the label of a formatted disk says, and accesses the disk.
    fn change_label(
        &mut self,
        mode: Mode,
        vdev: u32,
        device: C::Disk,
        change: impl FnOnce(&mut FileSystem<C::Disk>) -> Result<(), EdfError<<C::Disk as BlockDevice>::Error>>,
    ) -> Outcome {
        self.release_device(vdev);
        let changed = FileSystem::open(device).and_then(|mut system| change(&mut system).and_then(|()| system.commit()));
        match changed {
            Ok(()) => self.access(mode, Access::of(vdev)),
            Err(error) => Err(self.format_error(mode, vdev, &error)),
        }
    }

    /// What went wrong with a disk that FORMAT works on.
    fn format_error<E: core::fmt::Debug + core::fmt::Display>(&mut self, mode: Mode, vdev: u32, error: &EdfError<E>) -> Rc {
        match error {
            EdfError::InUse(_) => self.fail(8, "214W", format!("Cannot recompute without loss of data; no change ({error})")),
            EdfError::DiskSize(_) => self.fail(100, "216E", format!("Insufficient blocks on disk to support CMS disk structure ({error})")),
            _ => self.fail(100, "112S", format!("{mode}({vdev:03X}) device error: {error}")),
        }
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

    /// The answer to a question: its first word.
    fn answer(&mut self) -> Result<String, Rc> {
        let line = self.answer_line()?.ok_or(Rc(8))?;
        Ok(Words::parse(&line).command)
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

/// Formats a device and closes it.
fn format_device<D: BlockDevice>(device: D, layout: &Layout<'_>, now: DateTime) -> Result<(), EdfError<D::Error>> {
    FileSystem::format_as(device, layout, now).map(drop)
}
