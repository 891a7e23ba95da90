//! The file system as its users see it: open, find, erase, rename. Reading, writing, committing and checking have files of their own.

use alloc::collections::BTreeSet;

use super::bitmap::Bitmap;
use super::directory::Directory;
use super::entry::FileEntry;
use super::label::{DIRECTORY_HOMES, LABEL_PIECES, LabelBlock, LabelError};
use super::pointers::{Pointer, Visit, walk};
use super::space::{Runs, Space};
use super::volume::{BLOCK_SIZES, Volume, first_bytes};
use super::{BLOCK_SIZE, BlockDevice, DateTime, EdfError, FileId, MAX_BLOCKS, MIN_BLOCKS, Result, VolumeLabel};

/// How a disk is to be formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout<'a> {
    /// The volume label, 1 to 6 characters.
    pub label: &'a str,
    /// Cylinders of the disk, 0 for one without cylinders.
    pub cylinders: u32,
    /// Bytes of a block, one of [`BLOCK_SIZES`].
    pub block_size: usize,
    /// Cylinders (512-byte blocks on a disk without cylinders) to use; `None` for all of it.
    pub part: Option<u32>,
}

/// An open file system. Changes are visible at once and durable after [`commit`](FileSystem::commit).
///
/// It assumes that nobody else writes to the device while it is open, as the link modes of CP see to.
pub struct FileSystem<D> {
    pub(super) volume: Volume<D>,
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
        FileSystem::format_as(device, &Layout { label, cylinders, block_size: BLOCK_SIZE, part: None }, now)
    }

    /// Formats the device as told. Durable on return; after a failure the device may hold no file system.
    pub fn format_as(device: D, layout: &Layout<'_>, now: DateTime) -> Result<Self, D> {
        if !BLOCK_SIZES.contains(&layout.block_size) {
            return Err(EdfError::BlockSize(layout.block_size));
        }
        let volume = Volume::new(device, layout.block_size);
        let blocks = part_of(&volume, layout.cylinders, layout.part);
        if !(MIN_BLOCKS..=MAX_BLOCKS).contains(&blocks) {
            return Err(EdfError::DiskSize(blocks));
        }
        let mut label = LabelBlock::new(VolumeLabel::new(layout.label, layout.cylinders, layout.block_size, blocks, now)?);
        label.resize(layout.part.filter(|_| layout.cylinders > 0).unwrap_or(layout.cylinders), blocks);
        let mut space = Space::new(Bitmap::new(blocks, layout.block_size), blocks);
        (1..=DIRECTORY_HOMES[1]).for_each(|block| space.mark_used(block));
        let directory = Directory::empty(layout.block_size, now);
        let mut system = FileSystem { volume, label, directory, space, changed: true, uncertain: false, versions: 0, rollbacks: 0 };
        system.writable()?;
        system.wipe_labels()?;
        system.commit_empty()?;
        Ok(system)
    }

    /// Wipes every place in which a label can stand: a label of the old file system must not lead into the new one's blocks.
    fn wipe_labels(&mut self) -> Result<(), D> {
        let places = (LABEL_PIECES as usize * BLOCK_SIZE / self.volume.block_size()) as u32;
        let zeros = alloc::vec![0; places.min(self.volume.blocks()) as usize * self.volume.block_size()];
        self.volume.write(1, &zeros).and_then(|()| self.volume.flush()).map_err(EdfError::Device)
    }

    /// Makes the file system use another part of its disk, as FORMAT with RECOMP does: so many cylinders (512-byte blocks on a disk without
    /// cylinders), or all of it. Durable with the next commit; what was changed before may be committed at once.
    ///
    /// # Errors
    /// [`EdfError::InUse`] when files lie beyond, [`EdfError::DiskSize`] when that is no size for a file system.
    pub fn recompute(&mut self, part: Option<u32>) -> Result<(), D> {
        self.writable()?;
        let cylinders = self.label().cylinders;
        let blocks = part_of(&self.volume, cylinders, part);
        if !(MIN_BLOCKS..=MAX_BLOCKS).contains(&blocks) {
            return Err(EdfError::DiskSize(blocks));
        }
        if self.space.last_busy() > blocks {
            // Perhaps it is only the directory or the map that lies there: a commit of all of them puts them further down.
            self.directory.touch_all();
            self.space.touch_all();
            self.changed = true;
            self.commit()?;
        }
        let last = self.space.last_busy();
        if last > blocks {
            return Err(EdfError::InUse(last));
        }
        self.space.resize(blocks);
        self.label.resize(part.filter(|_| cylinders > 0).unwrap_or(cylinders).min(cylinders), blocks);
        self.changed = true;
        Ok(())
    }

    /// Opens the file system on the device.
    pub fn open(device: D) -> Result<Self, D> {
        let (label, directory, space, volume) = load(device)?;
        Ok(FileSystem { volume, label, directory, space, changed: false, uncertain: false, versions: 0, rollbacks: 0 })
    }

    /// From parts that were found one by one; there is something to commit.
    pub(super) fn assembled(volume: Volume<D>, label: LabelBlock, directory: Directory, space: Space) -> Self {
        FileSystem { volume, label, directory, space, changed: true, uncertain: false, versions: 0, rollbacks: 0 }
    }

    /// Gives the device back. What was not committed is forgotten.
    pub fn into_device(self) -> D {
        self.volume.into_device()
    }

    /// The device.
    pub fn device(&self) -> &D {
        self.volume.device()
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
        let (label, mut directory, space, volume) = load(self.volume.device_mut())?;
        let block_size = volume.block_size();
        self.volume.set_block_size(block_size);
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
        if self.volume.read_only() {
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
        let walked = walk(&mut self.volume, self.space.blocks(), file, &mut |visit| {
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

/// The blocks that no file can have.
pub(super) fn own_blocks(directory: &Directory) -> impl Iterator<Item = u32> {
    (1..=DIRECTORY_HOMES[1]).chain(directory.own_blocks())
}

pub(super) fn check_mode<D: BlockDevice>(mode: u8) -> Result<(), D> {
    if mode > 6 { Err(EdfError::BadMode(mode)) } else { Ok(()) }
}

/// Blocks of the part of a disk that is said in cylinders, or in 512-byte blocks where there are none.
fn part_of<D: BlockDevice>(volume: &Volume<D>, cylinders: u32, part: Option<u32>) -> u32 {
    let all = volume.blocks();
    let wanted = match part {
        None => return all,
        Some(part) if cylinders > 0 => u64::from(part) * u64::from(all / cylinders),
        Some(part) => u64::from(part) * 512 / volume.block_size() as u64,
    };
    u32::try_from(wanted).map_or(all, |wanted| wanted.min(all))
}

type Loaded<D> = (LabelBlock, Directory, Space, Volume<D>);

fn load<D: BlockDevice>(mut device: D) -> Result<Loaded<D>, D> {
    // The label and both directory homes stand at the very start, whatever the size of the blocks.
    let first = first_bytes(&mut device, DIRECTORY_HOMES[1]).map_err(EdfError::Device)?;
    let label = match LabelBlock::find(&first, device.blocks()) {
        Err(LabelError::NotCms) if device.blocks() < MIN_BLOCKS => return Err(EdfError::DiskSize(device.blocks())),
        found => found?,
    };
    let (blocks, size, home) = (label.label.blocks, label.label.block_size as usize, label.label.directory);
    if blocks > MAX_BLOCKS {
        return Err(EdfError::DiskSize(blocks));
    }
    let mut volume = Volume::new(device, size);
    let start = &first[(home as usize - 1) * size..home as usize * size];
    let (directory, map) = Directory::read(&mut volume, (home, start), blocks)?;
    let mut space = Space::new(map, blocks);
    own_blocks(&directory).for_each(|block| space.protect(block));
    Ok((label, directory, space, volume))
}
