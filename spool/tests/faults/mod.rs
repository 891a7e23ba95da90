//! A disk in memory that runs out of room, fails, counts, and loses power.
//!
//! It keeps for each file what a reader sees and what would be left after a loss of power: content as of the last sync plus
//! any part of the writes since, names as of the last sync of their directory or as they are now, whichever chance picks.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spool::{
    Attributes, Class, Copies, Destination, Device, Disk, DiskFile, FileInfo, FileName, FileReader, Hold, NewFile, Options, Queue,
    Selection, Spool, SpoolError, StartMode, Tag, Userid, Word,
};

const PAGE: usize = 512;

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync: offset and bytes.
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Names {
    now: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    durable: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
}

/// The switches and counters.
#[derive(Debug, Default)]
pub struct Faults {
    /// Syncs of files so far.
    pub syncs: AtomicU64,
    /// Bytes that can still be added to files; negative is no limit.
    pub room: AtomicI64,
    /// How many calls of the disk succeed before power is lost; negative is for ever.
    pub power: AtomicI64,
    /// Milliseconds that a sync takes.
    pub sync_takes: AtomicU64,
    /// Syncs of files whose path contains this fail.
    pub sync_fails: Mutex<Option<&'static str>>,
}

/// The disk.
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    names: Arc<Mutex<Names>>,
    pub faults: Arc<Faults>,
}

impl FaultyDisk {
    pub fn new() -> Self {
        let faults = Faults { room: AtomicI64::new(-1), power: AtomicI64::new(-1), ..Faults::default() };
        Self { names: Arc::default(), faults: Arc::new(faults) }
    }

    /// What a machine finds that starts after power was lost at this moment. `chance` answers a number below its argument.
    pub fn after_power_loss(&self, mut chance: impl FnMut(usize) -> usize) -> Self {
        let names = self.names.lock().unwrap();
        let mut left = BTreeMap::new();
        let all: BTreeMap<_, _> = names.now.iter().chain(&names.durable).collect();
        for path in all.into_keys() {
            let (now, durable) = (names.now.get(path), names.durable.get(path));
            let survivor = if chance(2) == 0 { durable } else { now };
            if let Some(content) = survivor {
                let bytes = content.lock().unwrap().after_power_loss(&mut chance);
                let content = Content { now: bytes.clone(), durable: bytes, unsynced: Vec::new() };
                left.insert(path.clone(), Arc::new(Mutex::new(content)));
            }
        }
        let disk = Self::new();
        *disk.names.lock().unwrap() = Names { now: left.clone(), durable: left };
        disk
    }

    /// What the next system finds when this one was killed: all that was written, synced or not.
    pub fn after_kill(&self) -> Self {
        let disk = Self::new();
        for (path, content) in &self.names.lock().unwrap().now {
            disk.put(path, &content.lock().unwrap().now);
        }
        disk
    }

    /// What is in a file.
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        self.names.lock().unwrap().now[path].lock().unwrap().now.clone()
    }

    pub fn file_names(&self) -> Vec<String> {
        let names = self.names.lock().unwrap();
        names.now.keys().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
    }

    /// Changes what is in a file behind the spool's back.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let names = self.names.lock().unwrap();
        let mut content = names.now[path].lock().unwrap();
        change(&mut content.now);
        content.durable = content.now.clone();
    }

    /// Puts a file on the disk.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let content = Content { now: bytes.to_vec(), durable: bytes.to_vec(), unsynced: Vec::new() };
        let content = Arc::new(Mutex::new(content));
        let mut names = self.names.lock().unwrap();
        names.now.insert(path.to_owned(), Arc::clone(&content));
        names.durable.insert(path.to_owned(), content);
    }

    fn alive(&self) -> io::Result<()> {
        let power = &self.faults.power;
        if power.load(Ordering::SeqCst) < 0 || power.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        power.store(0, Ordering::SeqCst);
        Err(io::Error::other("No power"))
    }

    fn file(&self, path: &Path, content: &Arc<Mutex<Content>>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { disk: self.clone(), path: path.to_owned(), content: Arc::clone(content) })
    }
}

impl Content {
    fn write(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
        if bytes.len() < offset + data.len() {
            bytes.resize(offset + data.len(), 0);
        }
        bytes[offset..offset + data.len()].copy_from_slice(data);
    }

    /// The durable content with some of the pages written since, in no order: disks reorder, and stop in the middle.
    fn after_power_loss(&self, chance: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let keeps = chance(4);
        for (offset, data) in &self.unsynced {
            for (index, page) in data.chunks(PAGE).enumerate() {
                let kept = match keeps {
                    0 => false,
                    1 => true,
                    _ => chance(2) == 0,
                };
                if kept {
                    Self::write(&mut bytes, offset + index * PAGE, page);
                }
            }
        }
        bytes
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.alive()?;
        match self.names.lock().unwrap().now.get(path) {
            Some(content) => Ok(self.file(path, content)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.alive()?;
        let mut names = self.names.lock().unwrap();
        if names.now.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::new(Mutex::default());
        names.now.insert(path.to_owned(), Arc::clone(&content));
        Ok(self.file(path, &content))
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.alive()?;
        let names = self.names.lock().unwrap();
        let here = names.now.keys().filter_map(|path| path.strip_prefix(directory).ok()?.iter().next());
        let mut here: Vec<String> = here.map(|name| name.to_str().unwrap().to_owned()).collect();
        here.dedup();
        Ok(here)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.alive()?;
        let mut names = self.names.lock().unwrap();
        let content = names.now.remove(from).ok_or(io::ErrorKind::NotFound)?;
        names.now.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.alive()?;
        let content = self.names.lock().unwrap().now.remove(path).ok_or(io::ErrorKind::NotFound)?;
        self.give_back(content.lock().unwrap().now.len());
        Ok(())
    }

    fn make_directory(&self, _: &Path) -> io::Result<()> {
        self.alive()
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.alive()?;
        let mut names = self.names.lock().unwrap();
        let Names { now, durable } = &mut *names;
        durable.retain(|file, _| file.parent() != Some(path));
        durable.extend(now.iter().filter(|(f, _)| f.parent() == Some(path)).map(|(f, c)| (f.clone(), Arc::clone(c))));
        Ok(())
    }

    fn room(&self, _: &Path) -> io::Result<u64> {
        self.alive()?;
        Ok(u64::try_from(self.faults.room.load(Ordering::SeqCst)).unwrap_or(u64::MAX))
    }
}

impl FaultyDisk {
    fn take(&self, bytes: usize) -> io::Result<()> {
        let room = &self.faults.room;
        let now = room.load(Ordering::SeqCst);
        match i64::try_from(bytes).unwrap() {
            _ if now < 0 => Ok(()),
            bytes if bytes <= now => {
                room.fetch_sub(bytes, Ordering::SeqCst);
                Ok(())
            }
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn give_back(&self, bytes: usize) {
        if self.faults.room.load(Ordering::SeqCst) >= 0 {
            self.faults.room.fetch_add(i64::try_from(bytes).unwrap(), Ordering::SeqCst);
        }
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    content: Arc<Mutex<Content>>,
}

impl FaultyFile {
    fn grow(&self, content: &mut Content, length: usize) -> io::Result<()> {
        if length > content.now.len() {
            self.disk.take(length - content.now.len())?;
            content.now.resize(length, 0);
        }
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.alive()?;
        let content = self.content.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        match content.now.get(offset..offset + buffer.len()) {
            Some(bytes) => buffer.copy_from_slice(bytes),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.content.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let power = self.disk.alive();
        // Half of it gets through when power fails or room runs out in the middle: the worst a host does.
        let room = self.grow(&mut content, offset + bytes.len());
        let (data, outcome) = match (power, room) {
            (Ok(()), Ok(())) => (bytes, Ok(())),
            (Err(error), _) | (_, Err(error)) => (&bytes[..bytes.len() / 2], Err(error)),
        };
        Content::write(&mut content.now, offset, data);
        content.unsynced.push((offset, data.to_vec()));
        outcome
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.alive()?;
        self.disk.faults.syncs.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(self.disk.faults.sync_takes.load(Ordering::SeqCst)));
        let failing = *self.disk.faults.sync_fails.lock().unwrap();
        let mut content = self.content.lock().unwrap();
        if failing.is_some_and(|part| self.path.to_str().unwrap().contains(part)) {
            // As hosts do: what was not written out is forgotten to be unwritten.
            content.unsynced.clear();
            return Err(io::Error::other("Sync failed"));
        }
        let Content { now, durable, unsynced } = &mut *content;
        for (offset, data) in unsynced.drain(..) {
            Content::write(durable, offset, &data);
        }
        durable.resize(now.len(), 0);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.disk.alive()?;
        Ok(self.content.lock().unwrap().now.len() as u64)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.alive()?;
        let mut content = self.content.lock().unwrap();
        let length = usize::try_from(length).unwrap();
        self.grow(&mut content, length)?;
        self.disk.give_back(content.now.len() - length);
        content.now.truncate(length);
        for (offset, data) in &mut content.unsynced {
            data.truncate(length.saturating_sub(*offset));
        }
        Ok(())
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        self.disk.alive()?;
        let mut content = self.content.lock().unwrap();
        self.grow(&mut content, usize::try_from(length).unwrap())
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        self.disk.alive()?;
        let mut content = self.content.lock().unwrap();
        let offset = usize::try_from(offset).unwrap().min(content.now.len());
        let end = (offset + usize::try_from(length).unwrap()).min(content.now.len());
        let zeros = vec![0; end - offset];
        Content::write(&mut content.now, offset, &zeros);
        content.unsynced.push((offset, zeros));
        Ok(())
    }

    fn allocated(&self) -> io::Result<u64> {
        self.length()
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }
}

/// Where every test spool is.
pub fn directory() -> &'static Path {
    Path::new("/spool")
}

/// Options with small segments, so that a few files fill one.
pub fn on(disk: &FaultyDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), segment_bytes: 64 << 10 }
}

/// A warm start on that disk.
pub fn warm(disk: &FaultyDisk) -> Result<Spool, SpoolError> {
    Spool::open_with(directory(), StartMode::Warm, &on(disk)).map(|(spool, _)| spool)
}

pub fn userid(name: &str) -> Userid {
    Userid::new(name).unwrap()
}

/// Every attribute set to something.
pub fn every_attribute() -> Attributes {
    Attributes {
        class: Class::new('7').unwrap(),
        hold: Hold::Both,
        keep: true,
        msg: false,
        copies: Copies::new(255, true).unwrap(),
        form: Some(Word::new("GREENBAR").unwrap()),
        dest: Some(Word::new("ROOM12").unwrap()),
        dist: Some(Word::new("BIN-7").unwrap()),
        name: FileName::File(Word::new("profile").unwrap(), Some(Word::new("EXEC").unwrap())),
        tag: Tag::new("BOSTON OPERATOR 50").unwrap(),
    }
}

/// A punch file of that user, begun at second 1,000,000,000.
pub fn new_file(origin: &str) -> NewFile {
    NewFile { origin: userid(origin), device: Device::Punch, created: 1_000_000_000, attributes: Attributes::default() }
}

pub fn reader_of(owner: &str) -> Destination {
    Destination { owner: userid(owner), queue: Queue::Reader }
}

/// Writes and closes a file of these records into a user's reader.
pub fn send(spool: &Spool, to: &str, records: &[&[u8]]) -> Result<FileInfo, SpoolError> {
    let mut file = spool.create(new_file(to));
    for record in records {
        file.append(0x41, record)?;
    }
    Ok(spool.close(file, reader_of(to))?.file)
}

/// All records of a file.
pub fn records(mut reader: FileReader) -> Result<Vec<Vec<u8>>, SpoolError> {
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record.data.to_vec());
    }
    Ok(records)
}

/// The records of a file that is listed.
pub fn read(spool: &Spool, file: &FileInfo) -> Result<Vec<Vec<u8>>, SpoolError> {
    records(spool.reader(file.owner, file.queue, file.spid)?)
}

/// The numbers of a user's files in processing order.
pub fn numbers(spool: &Spool, owner: &str) -> Vec<u16> {
    spool.list(&Selection::of(userid(owner))).unwrap().iter().map(|file| file.spid.number()).collect()
}
