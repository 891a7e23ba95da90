//! A minidisk as a folder of host files: what is in it, what is open, and what changes become of it. Knows nothing of FUSE but its numbers.
//!
//! A file is read whole when it is opened and written whole when it is closed, since records and bytes have no common places. Every
//! change is committed at once: after a failure the disk holds the old file, and whoever closed the new one is told.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use fuser::Errno;
use minidisk::edf::{BlockDevice, DateTime, EdfError, FileEntry, FileId, FileSystem};
use minidisk::folder::cms_name;
use minidisk::text::{self, Export, ExportError, Import, ImportError};

/// The number of the folder itself.
pub(super) const ROOT: u64 = 1;
/// Largest file that is shown, in bytes: its bytes are in storage while it is open.
const LARGEST: usize = 1 << 30;

pub(super) type Result<T> = std::result::Result<T, Errno>;

/// What a file is to the host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) number: u64,
    pub(super) size: u64,
    /// Bytes that its blocks have.
    pub(super) allocated: u64,
    pub(super) modified: Option<SystemTime>,
}

/// How bytes become records and back, and what time is to a minidisk.
pub(super) struct Conversion {
    pub(super) import: Import,
    pub(super) export: Export,
    pub(super) now: fn() -> DateTime,
    pub(super) host_time: fn(DateTime) -> Option<SystemTime>,
}

/// The files of a minidisk.
pub(super) struct Tree<D> {
    disk: FileSystem<D>,
    conversion: Conversion,
    /// Numbers are given to files as they are asked for, and never again to another.
    files: BTreeMap<u64, FileId>,
    numbers: HashMap<FileId, u64>,
    next: u64,
    open: HashMap<u64, Open>,
    /// Sizes that were found by reading.
    sizes: HashMap<FileId, u64>,
}

/// The bytes of a file that somebody has open.
struct Open {
    bytes: Vec<u8>,
    changed: bool,
    times: usize,
}

/// What the host is told of an error of the disk.
fn told<E: std::fmt::Debug + std::fmt::Display>(error: &EdfError<E>) -> Errno {
    match error {
        EdfError::ReadOnly => Errno::EROFS,
        EdfError::NotFound(_) => Errno::ENOENT,
        EdfError::Exists(_) => Errno::EEXIST,
        EdfError::Full | EdfError::TooManyFiles => Errno::ENOSPC,
        EdfError::TooManyRecords => Errno::EFBIG,
        _ => Errno::EIO,
    }
}

fn shown_name(id: &FileId) -> String {
    format!("{}.{}", id.name(), id.file_type())
}

impl<D: BlockDevice> Tree<D> {
    pub(super) fn new(disk: FileSystem<D>, conversion: Conversion) -> Self {
        let (files, numbers, open, sizes) = (BTreeMap::new(), HashMap::new(), HashMap::new(), HashMap::new());
        Self { disk, conversion, files, numbers, next: ROOT + 1, open, sizes }
    }

    /// Blocks in all, blocks free, bytes of a block, files.
    pub(super) fn room(&self) -> (u64, u64, u32, u64) {
        let label = self.disk.label();
        let blocks = u64::from(label.blocks);
        (blocks, blocks.saturating_sub(u64::from(self.disk.blocks_used())), label.block_size, self.disk.file_count() as u64)
    }

    /// The file of that name.
    pub(super) fn look_up(&mut self, name: &str) -> Result<Shown> {
        let id = self.find(name).ok_or(Errno::ENOENT)?;
        let number = self.number(id);
        self.show(number)
    }

    /// Names as CMS has them in capitals, and those of other systems as they are.
    fn find(&self, name: &str) -> Option<FileId> {
        let folded = cms_name(name.as_ref()).ok().and_then(|id| self.disk.find(&id));
        folded.or_else(|| self.disk.files().find(|file| shown_name(&file.id) == name)).map(|file| file.id)
    }

    fn number(&mut self, id: FileId) -> u64 {
        *self.numbers.entry(id).or_insert_with(|| {
            let number = self.next;
            self.next += 1;
            self.files.insert(number, id);
            number
        })
    }

    fn entry(&self, number: u64) -> Result<&FileEntry> {
        self.files.get(&number).and_then(|id| self.disk.find(id)).ok_or(Errno::ENOENT)
    }

    /// What the file with that number is.
    pub(super) fn show(&mut self, number: u64) -> Result<Shown> {
        let (id, blocks, modified) = match self.entry(number) {
            Ok(entry) => (entry.id, entry.blocks, (self.conversion.host_time)(entry.modified)),
            // It was removed while it was open.
            Err(gone) => {
                let open = self.open.get(&number).ok_or(gone)?;
                return Ok(Shown { number, size: open.bytes.len() as u64, allocated: 0, modified: None });
            }
        };
        let size = match (self.open.get(&number), self.sizes.get(&id)) {
            (Some(open), _) => open.bytes.len() as u64,
            (None, Some(&size)) => size,
            (None, None) => {
                let mut size = 0;
                self.export(&id, |piece| size += piece.len())?;
                self.sizes.insert(id, size as u64);
                size as u64
            }
        };
        let allocated = u64::from(blocks) * u64::from(self.disk.label().block_size);
        Ok(Shown { number, size, allocated, modified })
    }

    /// Every file: its number and name.
    pub(super) fn list(&mut self) -> Vec<(u64, String)> {
        let ids: Vec<FileId> = self.disk.files().map(|file| file.id).collect();
        ids.into_iter().map(|id| (self.number(id), shown_name(&id))).collect()
    }

    /// Reads a file, but no more than [`LARGEST`] bytes.
    fn export(&mut self, id: &FileId, mut take: impl FnMut(&[u8])) -> Result<()> {
        let mut length = 0;
        let read = text::export(&mut self.disk, id, self.conversion.export, |piece| {
            length += piece.len();
            if length > LARGEST {
                return Err(Errno::EFBIG);
            }
            take(piece);
            Ok(())
        });
        read.map_err(|error| match error {
            ExportError::Disk(error) => told(&error),
            ExportError::Sink(errno) => errno,
        })
    }

    /// Opens a file.
    pub(super) fn open(&mut self, number: u64) -> Result<()> {
        if let Some(open) = self.open.get_mut(&number) {
            open.times += 1;
            return Ok(());
        }
        let id = self.entry(number)?.id;
        let mut bytes = Vec::new();
        self.export(&id, |piece| bytes.extend_from_slice(piece))?;
        self.open.insert(number, Open { bytes, changed: false, times: 1 });
        Ok(())
    }

    /// Part of an open file.
    pub(super) fn read(&self, number: u64, offset: u64, size: usize) -> Result<&[u8]> {
        let bytes = &self.open.get(&number).ok_or(Errno::EBADF)?.bytes;
        let from = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        Ok(&bytes[from..bytes.len().min(from + size)])
    }

    /// Changes part of an open file.
    pub(super) fn write(&mut self, number: u64, offset: u64, data: &[u8]) -> Result<()> {
        let open = self.open.get_mut(&number).ok_or(Errno::EBADF)?;
        let from = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        let end = from.checked_add(data.len()).filter(|&end| end <= LARGEST).ok_or(Errno::EFBIG)?;
        if open.bytes.len() < end {
            open.bytes.resize(end, 0);
        }
        open.bytes[from..end].copy_from_slice(data);
        open.changed = true;
        Ok(())
    }

    /// Cuts or lengthens a file, open or not.
    pub(super) fn resize(&mut self, number: u64, size: u64) -> Result<()> {
        let size = usize::try_from(size).ok().filter(|&size| size <= LARGEST).ok_or(Errno::EFBIG)?;
        self.writable()?;
        self.open(number)?;
        if let Some(open) = self.open.get_mut(&number) {
            open.changed |= open.bytes.len() != size;
            open.bytes.resize(size, 0);
        }
        let alone = self.open.get(&number).is_some_and(|open| open.times == 1);
        let saved = if alone { self.save(number) } else { Ok(()) };
        self.close(number);
        saved
    }

    fn writable(&self) -> Result<()> {
        if self.disk.device().read_only() { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// Puts an open file that was changed on the disk.
    pub(super) fn save(&mut self, number: u64) -> Result<()> {
        let Some(open) = self.open.get_mut(&number).filter(|open| open.changed) else { return Ok(()) };
        let Some(&id) = self.files.get(&number) else { return Ok(()) };
        let mode = self.disk.find(&id).map_or(1, |file| file.mode);
        self.sizes.remove(&id);
        let stored = text::import(&mut self.disk, &id, mode, (self.conversion.now)(), &open.bytes, self.conversion.import);
        let stored = stored.map(drop).map_err(|error| match error {
            ImportError::LineTooLong(_) | ImportError::NotEbcdic(_) => Errno::EILSEQ,
            ImportError::Disk(error) => told(&error),
        });
        open.changed = false;
        stored.and_then(|()| self.disk.commit().map_err(|error| told(&error))).inspect_err(|_| self.undo())
    }

    /// The disk as it was before a change that failed.
    fn undo(&mut self) {
        // A disk that cannot even be read again says so at its next use.
        let _ = self.disk.rollback();
    }

    /// Closes a file that was opened.
    pub(super) fn close(&mut self, number: u64) {
        if let Some(open) = self.open.get_mut(&number) {
            open.times -= 1;
            if open.times == 0 {
                self.open.remove(&number);
            }
        }
    }

    /// Makes an empty file and opens it.
    pub(super) fn create(&mut self, name: &str) -> Result<Shown> {
        self.writable()?;
        if let Some(id) = self.find(name) {
            let number = self.number(id);
            self.open(number)?;
            return self.show(number);
        }
        let id = cms_name(name.as_ref()).map_err(|_| Errno::EINVAL)?;
        let made = text::import(&mut self.disk, &id, 1, (self.conversion.now)(), &[], self.conversion.import).map(drop);
        let made = made.map_err(|error| match error {
            ImportError::Disk(error) => told(&error),
            _ => Errno::EINVAL,
        });
        made.and_then(|()| self.disk.commit().map_err(|error| told(&error))).inspect_err(|_| self.undo())?;
        let number = self.number(id);
        self.open.insert(number, Open { bytes: Vec::new(), changed: false, times: 1 });
        self.show(number)
    }

    /// Removes a file. Whoever has it open goes on with its bytes.
    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        let id = self.find(name).ok_or(Errno::ENOENT)?;
        let erased = self.disk.erase(&id).and_then(|()| self.disk.commit());
        erased.map_err(|error| told(&error)).inspect_err(|_| self.undo())?;
        self.forget(&id);
        Ok(())
    }

    fn forget(&mut self, id: &FileId) {
        self.sizes.remove(id);
        if let Some(number) = self.numbers.remove(id) {
            self.files.remove(&number);
        }
    }

    /// Gives a file another name, in place of the file that has it.
    pub(super) fn rename(&mut self, from: &str, to: &str, replace: bool) -> Result<()> {
        let from = self.find(from).ok_or(Errno::ENOENT)?;
        let to = cms_name(to.as_ref()).map_err(|_| Errno::EINVAL)?;
        if from == to {
            return Ok(());
        }
        let there = self.disk.find(&to).is_some();
        if there && !replace {
            return Err(Errno::EEXIST);
        }
        let erased = if there { self.disk.erase(&to) } else { Ok(()) };
        let renamed = erased.and_then(|()| self.disk.rename(&from, &to)).and_then(|()| self.disk.commit());
        renamed.map_err(|error| told(&error)).inspect_err(|_| self.undo())?;
        self.forget(&to);
        self.sizes.remove(&from);
        if let Some(number) = self.numbers.remove(&from) {
            self.files.insert(number, to);
            self.numbers.insert(to, number);
        }
        Ok(())
    }

    /// Puts everything that is still open on the disk.
    pub(super) fn finish(&mut self) {
        let open: Vec<u64> = self.open.keys().copied().collect();
        for number in open {
            if let Err(errno) = self.save(number) {
                eprintln!("cp64: A file that was open at the end is as it was before: {}", std::io::Error::from_raw_os_error(errno.code()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use minidisk::edf::MemoryDisk;

    use super::*;

    fn tree() -> Tree<MemoryDisk> {
        let disk = FileSystem::format(MemoryDisk::new(60), "MOUNT", 0, DateTime::default()).unwrap();
        let conversion = Conversion { import: Import::Auto, export: Export::Auto, now: DateTime::default, host_time: |_| None };
        Tree::new(disk, conversion)
    }

    fn put(tree: &mut Tree<MemoryDisk>, name: &str, bytes: &[u8]) -> Result<u64> {
        let number = tree.create(name)?.number;
        tree.resize(number, 0)?;
        tree.write(number, 0, bytes)?;
        let saved = tree.save(number);
        tree.close(number);
        saved.map(|()| number)
    }

    fn get(tree: &mut Tree<MemoryDisk>, name: &str) -> Vec<u8> {
        let shown = tree.look_up(name).unwrap();
        tree.open(shown.number).unwrap();
        let bytes = tree.read(shown.number, 0, LARGEST).unwrap().to_vec();
        tree.close(shown.number);
        assert_eq!(shown.size, bytes.len() as u64);
        bytes
    }

    #[test]
    fn files_are_made_changed_renamed_and_removed() {
        let mut tree = tree();
        let number = put(&mut tree, "profile.exec", b"/* */\nsay hello\n").unwrap();
        assert_eq!(get(&mut tree, "PROFILE.EXEC"), b"/* */\nsay hello\n");
        tree.open(number).unwrap();
        tree.write(number, 10, b"again\n\0").unwrap();
        assert_eq!(tree.read(number, 6, 9).unwrap(), b"say again");
        tree.save(number).unwrap();
        tree.close(number);
        assert_eq!(get(&mut tree, "profile.exec"), b"/* */\nsay again\n\0", "no text any more, and the same bytes");
        put(&mut tree, "other.file", b"x\n").unwrap();
        assert_eq!(tree.rename("other.file", "profile.exec", false), Err(Errno::EEXIST));
        tree.rename("other.file", "profile.exec", true).unwrap();
        assert_eq!((tree.list().len(), get(&mut tree, "profile.exec")), (1, b"x\n".to_vec()));
        assert_eq!(tree.show(number).err(), Some(Errno::ENOENT), "that file is gone");
        tree.remove("profile.exec").unwrap();
        assert_eq!((tree.list().len(), tree.remove("profile.exec")), (0, Err(Errno::ENOENT)));
        assert_eq!(put(&mut tree, "name.with.points", b""), Err(Errno::EINVAL));
        assert_eq!(put(&mut tree, "much-too-long.txt", b""), Err(Errno::EINVAL));
        assert!(tree.disk.check().unwrap().is_clean() && !tree.disk.is_changed());
    }

    #[test]
    fn a_file_that_does_not_fit_leaves_the_old_one() {
        let mut tree = tree();
        put(&mut tree, "A.B", b"old\n").unwrap();
        assert_eq!(put(&mut tree, "A.B", &[0; 60 * 4096]), Err(Errno::ENOSPC));
        assert_eq!(get(&mut tree, "A.B"), b"old\n", "cut and written anew in one piece, or not at all");
        assert_eq!(tree.write(1, 0, b"x"), Err(Errno::EBADF));
        assert!(tree.disk.check().unwrap().is_clean());
    }

    #[test]
    fn a_disk_that_may_only_be_read_is_not_changed() {
        let mut disk = tree();
        put(&mut disk, "A.B", b"old\n").unwrap();
        let mut device = disk.disk.into_device();
        device.set_read_only(true);
        let conversion = Conversion { import: Import::Auto, export: Export::Auto, now: DateTime::default, host_time: |_| None };
        let mut tree = Tree::new(FileSystem::open(device).unwrap(), conversion);
        let number = tree.look_up("a.b").unwrap().number;
        assert_eq!(tree.resize(number, 0), Err(Errno::EROFS));
        assert_eq!(tree.create("C.D").err(), Some(Errno::EROFS));
        assert_eq!(tree.remove("A.B"), Err(Errno::EROFS));
        assert_eq!(tree.rename("A.B", "C.D", true), Err(Errno::EROFS));
        assert_eq!(get(&mut tree, "A.B"), b"old\n");
    }

    #[test]
    fn a_file_that_is_removed_while_it_is_open_is_not_made_again() {
        let mut tree = tree();
        let number = put(&mut tree, "A.B", b"old\n").unwrap();
        tree.open(number).unwrap();
        tree.remove("A.B").unwrap();
        tree.write(number, 0, b"new\n").unwrap();
        assert_eq!(tree.show(number).unwrap().size, 4);
        tree.save(number).unwrap();
        tree.close(number);
        assert_eq!(tree.list().len(), 0);
    }
}
