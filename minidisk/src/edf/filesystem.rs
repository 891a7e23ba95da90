//! The file system as its users see it: open, find, erase, rename. Reading, writing, committing and checking have files of their own.

use alloc::collections::BTreeSet;

use super::bitmap::Bitmap;
use super::directory::Directory;
use super::entry::FileEntry;
use super::label::{DIRECTORY_HOMES, LABEL_BLOCK, LabelBlock};
use super::pointers::{Pointer, Visit, walk};
use super::space::{Runs, Space};
use super::{BLOCK_SIZE, BlockDevice, DateTime, EdfError, FileId, MAX_BLOCKS, MIN_BLOCKS, Result, VolumeLabel, zero_block};

/// An open file system. Changes are visible at once and durable after [`commit`](FileSystem::commit).
///
/// It assumes that nobody else writes to the device while it is open, as the link modes of CP see to.
pub struct FileSystem<D> {
    pub(super) device: D,
    pub(super) label: LabelBlock,
    pub(super) directory: Directory,
    pub(super) space: Space,
    /// There is something to commit.
    pub(super) changed: bool,
    /// A label was written and the device failed then.
    pub(super) uncertain: bool,
    /// Versions of files given out so far.
    versions: u64,
    rollbacks: u64,
}

impl<D: BlockDevice> FileSystem<D> {
    /// Formats the device: an empty file system under that label (1 to 6 characters). Durable on return.
    ///
    /// `cylinders` is what the label says of the size, 0 for a disk without cylinders; all of the device's blocks are used.
    /// After a failure the device may hold no file system.
    pub fn format(device: D, label: &str, cylinders: u32, now: DateTime) -> Result<Self, D> {
        let blocks = device.blocks();
        if !(MIN_BLOCKS..=MAX_BLOCKS).contains(&blocks) {
            return Err(EdfError::DiskSize(blocks));
        }
        let label = LabelBlock::new(VolumeLabel::new(label, cylinders, blocks, now)?);
        let mut space = Space::new(Bitmap::new(blocks), blocks);
        (1..=DIRECTORY_HOMES[1]).for_each(|block| space.mark_used(block));
        let directory = Directory::empty(now);
        let mut system = FileSystem { device, label, directory, space, changed: true, uncertain: false, versions: 0, rollbacks: 0 };
        system.writable()?;
        // A label of the old file system must not lead into the new one's blocks.
        let wiped = system.device.write(LABEL_BLOCK, &zero_block()[..]).and_then(|()| system.device.flush());
        wiped.map_err(EdfError::Device)?;
        system.commit_empty()?;
        Ok(system)
    }

    /// Opens the file system on the device.
    pub fn open(mut device: D) -> Result<Self, D> {
        let (label, directory, space) = load(&mut device)?;
        Ok(FileSystem { device, label, directory, space, changed: false, uncertain: false, versions: 0, rollbacks: 0 })
    }

    /// Gives the device back. What was not committed is forgotten.
    pub fn into_device(self) -> D {
        self.device
    }

    /// The device.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The volume label. Its count of used blocks is the one last committed.
    pub fn label(&self) -> &VolumeLabel {
        &self.label.label
    }

    /// Blocks in use, counting what is not committed yet.
    pub fn blocks_used(&self) -> u32 {
        self.space.used()
    }

    /// Number of files.
    pub fn file_count(&self) -> usize {
        self.directory.file_count()
    }

    /// The files, in the order of the directory.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.directory.files()
    }

    /// The file of that name.
    pub fn find(&self, id: &FileId) -> Option<&FileEntry> {
        self.directory.find(id)
    }

    /// Erases a file. Durable with the next commit.
    ///
    /// A file whose pointers are damaged is erased too, but its blocks stay allocated: which ones are its own cannot be trusted.
    pub fn erase(&mut self, id: &FileId) -> Result<(), D> {
        self.writable()?;
        let file = self.existing(id)?.clone();
        let blocks = self.blocks_of(&file)?;
        blocks.iter().for_each(|block| self.space.release(block));
        self.directory.remove(id);
        self.changed = true;
        Ok(())
    }

    /// Renames a file. Durable with the next commit.
    pub fn rename(&mut self, from: &FileId, to: &FileId) -> Result<(), D> {
        self.writable()?;
        self.existing(from)?;
        if from == to {
            return Ok(());
        }
        if self.find(to).is_some() {
            return Err(EdfError::Exists(*to));
        }
        self.directory.rename(from, to);
        self.changed = true;
        Ok(())
    }

    /// Changes the file mode number, 0 to 6. Durable with the next commit.
    pub fn set_mode(&mut self, id: &FileId, mode: u8) -> Result<(), D> {
        check_mode::<D>(mode)?;
        self.change_entry(id, |file| file.mode = mode)
    }

    /// Changes the date of last change. Durable with the next commit.
    pub fn set_modified(&mut self, id: &FileId, modified: DateTime) -> Result<(), D> {
        self.change_entry(id, |file| file.modified = modified)
    }

    fn change_entry(&mut self, id: &FileId, change: impl FnOnce(&mut FileEntry)) -> Result<(), D> {
        self.writable()?;
        let mut file = self.existing(id)?.clone();
        change(&mut file);
        self.directory.enter(file, None);
        self.changed = true;
        Ok(())
    }

    /// Gives the volume another label, 1 to 6 characters. Durable with the next commit.
    pub fn relabel(&mut self, label: &str) -> Result<(), D> {
        self.writable()?;
        self.label.rename(label)?;
        self.changed = true;
        Ok(())
    }

    /// Whether there are changes to commit.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Forgets every change since the last commit by reading the disk again. Files being read or written end with
    /// [`EdfError::Changed`].
    pub fn rollback(&mut self) -> Result<(), D> {
        // Until the disk has been read nothing may be written.
        self.uncertain = true;
        let (label, mut directory, space) = load(&mut self.device)?;
        self.rollbacks += 1;
        directory.renew_versions(self.new_version());
        directory.changes = self.directory.changes + 1;
        (self.label, self.directory, self.space) = (label, directory, space);
        (self.changed, self.uncertain) = (false, false);
        Ok(())
    }

    /// Whether changes are possible at all.
    pub(super) fn writable(&self) -> Result<(), D> {
        if self.uncertain {
            return Err(EdfError::Uncertain);
        }
        if self.device.read_only() {
            return Err(EdfError::ReadOnly);
        }
        Ok(())
    }

    pub(super) fn existing(&self, id: &FileId) -> Result<&FileEntry, D> {
        self.directory.find(id).ok_or(EdfError::NotFound(*id))
    }

    /// The number of a new version of a file.
    pub(super) fn new_version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    /// Rollbacks so far: writers begun before one are told by it.
    pub(super) fn rollbacks(&self) -> u64 {
        self.rollbacks
    }

    /// All blocks of a file; none when its pointers are damaged or claim what belongs to the file system itself.
    pub(super) fn blocks_of(&mut self, file: &FileEntry) -> Result<Runs, D> {
        let own: BTreeSet<u32> = self.directory.own_blocks().collect();
        let mut runs = Runs::default();
        let walked = walk(&mut self.device, self.space.blocks(), file, &mut |visit| {
            let (Visit::Pointers(block) | Visit::Data(_, Pointer { block, .. })) = visit;
            if own.contains(&block) {
                return Err(EdfError::Damaged("a file claims a block of the directory or of the map"));
            }
            if block != 0 {
                runs.push(block);
            }
            Ok(())
        });
        match walked {
            Ok(()) => Ok(runs),
            Err(EdfError::Damaged(_)) => Ok(Runs::default()),
            Err(other) => Err(other),
        }
    }
}

pub(super) fn check_mode<D: BlockDevice>(mode: u8) -> Result<(), D> {
    if mode > 6 { Err(EdfError::BadMode(mode)) } else { Ok(()) }
}

fn load<D: BlockDevice>(device: &mut D) -> Result<(LabelBlock, Directory, Space), D> {
    let blocks = device.blocks();
    if blocks < MIN_BLOCKS {
        return Err(EdfError::DiskSize(blocks));
    }
    // The label and both directory homes stand side by side.
    let mut bytes = alloc::vec![0; (1 + DIRECTORY_HOMES.len()) * BLOCK_SIZE];
    device.read(LABEL_BLOCK, &mut bytes).map_err(EdfError::Device)?;
    let (start, _) = bytes.as_chunks::<BLOCK_SIZE>();
    let label = LabelBlock::parse(&start[0], blocks)?;
    let blocks = label.label.blocks;
    if blocks > MAX_BLOCKS {
        return Err(EdfError::DiskSize(blocks));
    }
    let home = label.label.directory;
    let first = &start[(home - LABEL_BLOCK) as usize];
    let (directory, map) = Directory::read(device, (home, first), blocks)?;
    Ok((label, directory, Space::new(map, blocks)))
}
