//! Copies that cost only what differs: clones, snapshots, and going back to a snapshot.
//!
//! To *freeze* a minidisk is to make the file under its name a layer, which never changes again, and to put an empty overlay on it under that
//! name. A clone is another empty overlay on the same layer, and a snapshot is one that nobody writes to, `USERID.VDEV~NAME`. A crash in the
//! middle of a freeze leaves the file under both names; whoever opens the disk for writing next takes the layer's name away again.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use super::error::{ExtentError, io_error, shown};
use super::header::{Header, LayerId};
use super::layer::Layer;
use super::{Access, Extent, LAYERS_MAX, build, folder_of, lock, publish, sync_folder, temporary};
use crate::edf::BLOCK_SIZE;

/// The folder of layers, beside the minidisks.
const LAYERS: &str = "layers";
/// What stands between a minidisk's file name and a snapshot's name.
const SNAPSHOT: char = '~';
/// Blocks that are copied at once.
const PIECE: u32 = 256;

/// A snapshot of a minidisk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub taken: SystemTime,
}

/// The file of a snapshot of the minidisk in that file. The name has 1 to 32 letters, digits, `-` and `_`.
pub fn snapshot_file(path: &Path, name: &str) -> Result<PathBuf, ExtentError> {
    let good = (1..=32).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c));
    if !good {
        return Err(ExtentError::SnapshotName(String::from(name)));
    }
    let mut file = path.file_name().unwrap_or_default().to_os_string();
    file.push(format!("{SNAPSHOT}{name}"));
    Ok(path.with_file_name(file))
}

pub(super) fn is_snapshot(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&(SNAPSHOT as u8)))
}

/// The snapshots of the minidisk in that file, the oldest first.
pub fn snapshots(path: &Path) -> Result<Vec<Snapshot>, ExtentError> {
    let folder = folder_of(path);
    let told = |source| io_error(folder, source);
    let prefix = format!("{}{SNAPSHOT}", path.file_name().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_prefix(&prefix)).filter(|name| !name.contains('.')) {
            let taken = entry.metadata().and_then(|metadata| metadata.modified()).map_err(told)?;
            found.push(Snapshot { name: String::from(name), taken });
        }
    }
    found.sort_by(|one, other| (one.taken, &one.name).cmp(&(other.taken, &other.name)));
    Ok(found)
}

impl Extent {
    /// Makes what the minidisk holds now a layer that never changes, on which this extent goes on and clones can be built. Others may read
    /// and write through this extent meanwhile; they wait for an instant.
    pub fn freeze(&self) -> Result<LayerId, ExtentError> {
        let ledger = Ledger::hold(folder_of(&self.path))?;
        self.freeze_under(&ledger)
    }

    fn freeze_under(&self, ledger: &Ledger) -> Result<LayerId, ExtentError> {
        // Most of the waiting is done before anybody is held up.
        self.flush()?;
        let id = ledger.unused_id()?;
        let below = temporary(&self.path);
        let done = build(&below, &self.header, Some(id), true).and_then(|file| {
            let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
            layers[0].flush().map_err(|source| io_error(&self.path, source))?;
            if let Some(base) = layers[0].base.filter(|_| layers[0].is_empty()) {
                return Ok(base);
            }
            if layers.len() >= LAYERS_MAX {
                return Err(ExtentError::TooDeep(shown(&self.path)));
            }
            let layer = ledger.file(id);
            fs::hard_link(&self.path, &layer).map_err(|source| io_error(&layer, source))?;
            sync_folder(&layer)?;
            fs::rename(&below, &self.path).map_err(|source| io_error(&self.path, source)).inspect_err(|_| drop(fs::remove_file(&layer)))?;
            lock(&file, &self.path, self.access())?;
            let top = Layer::load(file, &self.header, Some(id), &self.path)?;
            // Nobody writes to it any more, so nobody needs to be kept out.
            let _ = layers[0].file.unlock();
            layers.insert(0, Arc::new(top));
            sync_folder(&self.path)?;
            Ok(id)
        });
        if done.as_ref().ok() != Some(&id) {
            let _ = fs::remove_file(&below);
        }
        done
    }

    /// Takes a snapshot: what the minidisk holds now, under that name. It may be in use.
    pub fn snapshot(&self, name: &str) -> Result<(), ExtentError> {
        let file = snapshot_file(&self.path, name)?;
        if file.exists() {
            return Err(ExtentError::Exists(shown(&file)));
        }
        let ledger = Ledger::hold(folder_of(&self.path))?;
        let base = self.freeze_under(&ledger)?;
        make_clones(base, [(file.as_path(), &self.header)], false)
    }

    /// Makes clones of what the minidisk holds now: for each a file, which must not exist, and what its header says, of the same size.
    /// All of them are durable with one wait for the host's disk.
    pub fn clone_to<'a>(&self, clones: impl IntoIterator<Item = (&'a Path, &'a Header)>) -> Result<(), ExtentError> {
        self.clones(clones, false)
    }

    /// As [`clone_to`](Extent::clone_to), but the clones take the places of files that exist, each at once. The caller holds those.
    pub fn clone_over<'a>(&self, clones: impl IntoIterator<Item = (&'a Path, &'a Header)>) -> Result<(), ExtentError> {
        self.clones(clones, true)
    }

    fn clones<'a>(&self, clones: impl IntoIterator<Item = (&'a Path, &'a Header)>, over: bool) -> Result<(), ExtentError> {
        let ledger = Ledger::hold(folder_of(&self.path))?;
        let base = self.freeze_under(&ledger)?;
        let same = |(path, header): (&'a Path, &'a Header)| match header.device.blocks() == self.blocks() {
            true => Ok((path, header)),
            false => Err(ExtentError::BadHeader { path: shown(path), what: "another size than what it is cloned from" }),
        };
        let clones = clones.into_iter().map(same).collect::<Result<Vec<_>, _>>()?;
        make_clones(base, clones, over)
    }

    /// Puts a minidisk that nobody uses back to a snapshot. What it held is kept as the snapshot `kept`.
    pub fn restore(path: &Path, name: &str, kept: &str) -> Result<(), ExtentError> {
        let from = snapshot_file(path, name)?;
        if !from.exists() {
            return Err(ExtentError::NoSnapshot(shown(&from)));
        }
        // Held until the other file is in its place, so that nobody writes to a file that is about to lose its name.
        let now = Extent::open(path, Access::Write)?;
        let wanted = Extent::open(&from, Access::Read)?;
        now.snapshot(kept)?;
        let base = wanted.layers()[0].base.ok_or_else(|| ExtentError::NoSnapshot(shown(&from)))?;
        let _ledger = Ledger::hold(folder_of(path))?;
        let new = temporary(path);
        build(&new, &now.header, Some(base), true)
            .and_then(|_| fs::rename(&new, path).map_err(|source| io_error(path, source)))
            .inspect_err(|_| drop(fs::remove_file(&new)))?;
        sync_folder(path)
    }

    /// Deletes a snapshot, and the layers that nothing needs any more. Answers how many layers those were.
    pub fn delete_snapshot(path: &Path, name: &str) -> Result<usize, ExtentError> {
        let file = snapshot_file(path, name)?;
        match fs::remove_file(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ExtentError::NoSnapshot(shown(&file))),
            removed => removed.map_err(|source| io_error(&file, source))?,
        }
        sync_folder(&file)?;
        collect(folder_of(path))
    }

    /// Gives a minidisk that nobody uses new content: `fill` writes it into a disk of zeros of the same size, which takes the name then. The
    /// minidisk is the old one or the new one, whatever happens.
    pub fn replace<E: From<ExtentError>>(path: &Path, fill: impl FnOnce(&Extent) -> Result<(), E>) -> Result<(), E> {
        Extent::replace_with(path, |_, new| fill(new).map(|()| true))
    }

    /// As [`replace`](Extent::replace); `fill` sees the disk as it is too, and answers whether it is to be replaced.
    fn replace_with<E: From<ExtentError>>(path: &Path, fill: impl FnOnce(&Extent, &Extent) -> Result<bool, E>) -> Result<(), E> {
        // Held until the other file is in its place.
        let now = Extent::open(path, Access::Write)?;
        let new = temporary(path);
        let filled = build(&new, &now.header, None, false).map_err(E::from).and_then(|file| {
            let layer = Layer::load(file, &now.header, None, &new)?;
            let extent = Extent::assembled(&new, &now.header, Access::Write, vec![Arc::new(layer)]);
            if !fill(&now, &extent)? {
                return Ok(false);
            }
            extent.layers()[0].file.sync_all().map_err(|source| io_error(&new, source))?;
            fs::rename(&new, path).map_err(|source| io_error(path, source))?;
            Ok(true)
        });
        if !matches!(filled, Ok(true)) {
            let _ = fs::remove_file(&new);
            return filled.map(drop);
        }
        sync_folder(path)?;
        drop(now);
        collect(folder_of(path))?;
        Ok(())
    }

    /// Makes a minidisk that nobody uses hold all its blocks itself again.
    pub fn flatten(path: &Path) -> Result<(), ExtentError> {
        Extent::replace_with(path, |now, new| {
            if now.layers_below() == 0 { Ok(false) } else { now.each_data(|first, bytes| new.write_at(first, bytes)).map(|()| true) }
        })
    }

    /// Hands out every run of blocks that may hold something else than zeros, at most 1 MiB at a time, in order. Runs of zeros that are
    /// 4096 bytes long or longer may be among them.
    pub fn each_data<E: From<ExtentError>>(&self, mut each: impl FnMut(u32, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut bytes = vec![0; PIECE as usize * BLOCK_SIZE];
        let mut at = 1;
        while let Some(range) = self.next_data(at)? {
            at = *range.start();
            while at <= *range.end() {
                let count = (range.end() - at + 1).min(PIECE);
                let piece = &mut bytes[..count as usize * BLOCK_SIZE];
                self.read_at(at, piece)?;
                each(at, piece)?;
                at += count;
            }
        }
        Ok(())
    }
}

/// Makes empty overlays on a layer, durable on return, under names that nothing has unless they go `over` what is there.
fn make_clones<'a>(base: LayerId, clones: impl IntoIterator<Item = (&'a Path, &'a Header)>, over: bool) -> Result<(), ExtentError> {
    let mut made: Vec<(PathBuf, &Path)> = Vec::new();
    let mut last = None;
    let built = clones.into_iter().try_for_each(|(path, header)| {
        header.check(path)?;
        let new = temporary(path);
        made.push((new.clone(), path));
        last = Some(build(&new, header, Some(base), false)?);
        Ok(())
    });
    let published = built.and_then(|()| {
        // One wait for all of them: they are on one file system.
        if let (Some(file), Some((new, _))) = (&last, made.last()) {
            rustix::fs::syncfs(file).map_err(|error| io_error(new, error.into()))?;
        }
        made.iter().try_for_each(|(new, path)| match over {
            true => fs::rename(new, path).map_err(|source| io_error(path, source)),
            false => publish(new, path),
        })?;
        made.last().map_or(Ok(()), |(_, path)| sync_folder(path))
    });
    published.inspect_err(|_| made.iter().for_each(|(new, _)| drop(fs::remove_file(new))))
}

/// Opens the layers below a file, from the nearest to the one that holds every block.
pub(super) fn load_below(path: &Path, header: &Header, base: Option<LayerId>, layers: &mut Vec<Arc<Layer>>) -> Result<(), ExtentError> {
    let mut next = base;
    while let Some(layer) = next {
        if layers.len() >= LAYERS_MAX {
            return Err(ExtentError::TooDeep(shown(path)));
        }
        let file = layer_file(folder_of(path), layer);
        let wrong = |why: String| ExtentError::Layer { path: shown(path), layer, why };
        let open = File::open(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => wrong(String::from("is missing")),
            _ => wrong(format!("cannot be opened: {error}")),
        })?;
        let (its_header, base) = Header::read(&open, &file).map_err(|error| wrong(format!("cannot be used: {error}")))?;
        if its_header.device.blocks() != header.device.blocks() {
            return Err(wrong(String::from("has another size")));
        }
        layers.push(Arc::new(Layer::load(open, &its_header, base, &file)?));
        next = base;
    }
    Ok(())
}

/// A freeze that was interrupted left the file under a layer's name too; nothing is built on that yet.
pub(super) fn forget_interrupted_freeze(file: &File, path: &Path) -> Result<(), ExtentError> {
    let told = |source| io_error(path, source);
    let mine = file.metadata().map_err(told)?;
    let folder = folder_of(path).join(LAYERS);
    if mine.nlink() < 2 || !folder.is_dir() {
        return Ok(());
    }
    let ledger = Ledger::hold(folder_of(path))?;
    for entry in fs::read_dir(&ledger.folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        let its = entry.metadata().map_err(told)?;
        if (its.dev(), its.ino()) == (mine.dev(), mine.ino()) {
            fs::remove_file(entry.path()).map_err(told)?;
        }
    }
    Ok(())
}

/// Removes the layers on which nothing in the folder of minidisks is built any more. Answers how many.
///
/// While there is a file whose header cannot be read nothing is removed: nobody knows on what it is built.
pub fn collect(folder: &Path) -> Result<usize, ExtentError> {
    if !folder.join(LAYERS).is_dir() {
        return Ok(0);
    }
    let ledger = Ledger::hold(folder)?;
    let mut needed = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in files_of(&inner)? {
            if entry.is_dir() && entry != ledger.folder {
                folders.push(entry);
            } else if entry.is_file() {
                needed.extend(base_of(&entry)?);
            }
        }
    }
    let mut keep = std::collections::BTreeSet::new();
    while let Some(layer) = needed.pop() {
        if keep.insert(layer) && ledger.file(layer).exists() {
            needed.extend(base_of(&ledger.file(layer))?);
        }
    }
    let mut removed = 0;
    for entry in files_of(&ledger.folder)? {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let layer = u64::from_str_radix(name, 16).ok().filter(|_| name.len() == 16).map(LayerId);
        if layer.is_some_and(|layer| !keep.contains(&layer)) {
            fs::remove_file(&entry).map_err(|source| io_error(&entry, source))?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, ExtentError> {
    let read = || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>();
    read().map_err(|source| io_error(folder, source))
}

/// The layer on which a file is built; `None` for one that is no extent at all.
fn base_of(path: &Path) -> Result<Option<LayerId>, ExtentError> {
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    match Header::read(&file, path) {
        Ok((_, base)) => Ok(base),
        Err(ExtentError::Foreign(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn layer_file(folder: &Path, layer: LayerId) -> PathBuf {
    folder.join(LAYERS).join(layer.to_string())
}

/// The folder of layers, held by one program at a time: nobody removes a layer on which another is about to build.
struct Ledger {
    folder: PathBuf,
    _lock: File,
}

impl Ledger {
    /// Waits until nobody else holds it.
    fn hold(minidisks: &Path) -> Result<Ledger, ExtentError> {
        let folder = minidisks.join(LAYERS);
        let told = |source| io_error(&folder, source);
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => made.map_err(told)?,
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("lock")).map_err(told)?;
        lock.lock().map_err(told)?;
        Ok(Ledger { folder, _lock: lock })
    }

    fn file(&self, layer: LayerId) -> PathBuf {
        self.folder.join(layer.to_string())
    }

    /// A name that no layer has.
    fn unused_id(&self) -> Result<LayerId, ExtentError> {
        loop {
            let id = LayerId(RandomState::new().build_hasher().finish());
            if !self.file(id).try_exists().map_err(|source| io_error(&self.folder, source))? {
                return Ok(id);
            }
        }
    }
}
