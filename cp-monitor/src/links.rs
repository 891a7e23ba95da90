//! Who is linked to which minidisk, and the rules of LINK.
//!
//! The rules ([`grant`]) are pure. [`LinkTable`] keeps one open [`Extent`] for each minidisk in use, whoever uses it, and with it
//! the host's lock on the file: shared while everyone only reads, exclusive while somebody may write, so that `cp64 disk` and CP
//! never write to the same disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use minidisk::extent::{Access, Extent, ExtentError, Header};
use parking_lot::Mutex;

use crate::directory::{DeviceNumber, LinkMode, UserId};

/// A minidisk: its owner and the number it has with the owner.
pub type DiskName = (UserId, DeviceNumber);

/// What the others have on a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Links that only read.
    pub readers: usize,
    /// Links that may write.
    pub writers: usize,
    /// Somebody holds a stable link: no new writers.
    pub stable: bool,
    /// Somebody holds an exclusive link: no new links.
    pub exclusive: bool,
}

/// What a link mode comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Read and write.
    ReadWrite,
    /// Read only, as asked.
    ReadOnly,
    /// Read only although write was asked for.
    ForcedReadOnly,
    /// Not linked.
    Refused,
}

/// The table of LINK modes (z/VM CP Commands, LINK): what `mode` gives when `others` have the disk.
pub fn grant(mode: LinkMode, others: Others) -> Grant {
    use LinkMode::{Er, Ew, M, Mr, Mw, R, Rr, Sm, Sr, Sw, W, Wr};
    let Others { readers, writers, stable, exclusive } = others;
    let anyone = readers + writers > 0;
    let write_if = |free: bool, otherwise: Grant| if free && !stable { Grant::ReadWrite } else { otherwise };
    if exclusive {
        return Grant::Refused;
    }
    match mode {
        Rr => Grant::ReadOnly,
        R | Sr if writers > 0 => Grant::Refused,
        R | Sr => Grant::ReadOnly,
        Er if anyone => Grant::Refused,
        Er => Grant::ReadOnly,
        W | Sw | Ew => write_if(!anyone, Grant::Refused),
        Wr => write_if(!anyone, Grant::ForcedReadOnly),
        M | Sm => write_if(writers == 0, Grant::Refused),
        Mr => write_if(writers == 0, Grant::ForcedReadOnly),
        Mw => write_if(true, Grant::Refused),
    }
}

/// One user's link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub userid: UserId,
    /// At which number.
    pub vdev: DeviceNumber,
    /// It may write.
    pub writes: bool,
    /// How it was linked.
    pub mode: LinkMode,
}

struct InUse {
    extent: Arc<Extent>,
    holders: Vec<Holder>,
}

/// A granted link.
pub struct Linked {
    /// The disk.
    pub extent: Arc<Extent>,
    /// It may only be read.
    pub read_only: bool,
    /// Write was asked for and not given.
    pub forced: bool,
    /// The others who are linked.
    pub others: Vec<Holder>,
}

/// On what a disk is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    /// Layers below its own file.
    pub layers: usize,
    /// Blocks that its own file holds; `None` for all of them.
    pub own_blocks: Option<u32>,
}

/// Why a disk was not linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The mode does not go with what others have.
    #[error("In use")]
    InUse(Vec<Holder>),
    /// The host's file.
    #[error(transparent)]
    Extent(#[from] ExtentError),
}

/// Every minidisk that somebody is linked to.
pub struct LinkTable {
    directory: PathBuf,
    disks: Mutex<HashMap<DiskName, InUse>>,
    /// The V-DISKs there are.
    in_storage: Mutex<Vec<Weak<Extent>>>,
    /// How block I/O went.
    pub block_io: BlockIoCounts,
}

/// Blocks that machines moved since the start of the system.
#[derive(Debug, Default)]
pub struct BlockIoCounts {
    /// Read from the host's cache, at once.
    pub found: AtomicU64,
    /// Read by a worker, while the machine waited.
    pub waited: AtomicU64,
    /// Written.
    pub written: AtomicU64,
}

/// Most 4096-byte blocks of all V-DISKs together: 1 GiB. They live in the host's storage, so somebody must bound them.
const V_DISK_BLOCKS_MAX: u32 = 1 << 18;

/// Why there is no temporary disk.
#[derive(Debug, thiserror::Error)]
pub enum TemporaryError {
    /// All V-DISKs together would be too large.
    #[error("V-DISK space is not available")]
    NoStorage,
    /// The host.
    #[error(transparent)]
    Extent(#[from] ExtentError),
}

impl LinkTable {
    /// A table for the minidisks whose host files are in `directory`.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, disks: Mutex::new(HashMap::new()), in_storage: Mutex::new(Vec::new()), block_io: BlockIoCounts::default() }
    }

    /// Links `userid` to a disk at `vdev`.
    pub fn link(&self, disk: DiskName, userid: UserId, vdev: DeviceNumber, mode: LinkMode) -> Result<Linked, LinkError> {
        let mut disks = self.disks.lock();
        let others = disks.get(&disk).map(|entry| entry.holders.clone()).unwrap_or_default();
        let granted = grant(mode, count(&others));
        if granted == Grant::Refused {
            return Err(LinkError::InUse(others));
        }
        let writes = granted == Grant::ReadWrite;
        let extent = match disks.get(&disk) {
            None => Arc::new(Extent::open(&host_file(&self.directory, &disk), access(writes))?),
            Some(entry) => {
                let had_writer = others.iter().any(|holder| holder.writes);
                if writes && !had_writer {
                    entry.extent.set_access(Access::Write)?;
                }
                Arc::clone(&entry.extent)
            }
        };
        let entry = disks.entry(disk).or_insert_with(|| InUse { extent: Arc::clone(&extent), holders: Vec::new() });
        entry.holders.push(Holder { userid, vdev, writes, mode });
        Ok(Linked { extent, read_only: !writes, forced: granted == Grant::ForcedReadOnly, others })
    }

    /// Ends a link; the host's file is closed with the last one and its lock shared again with the last writer.
    pub fn unlink(&self, disk: DiskName, userid: UserId, vdev: DeviceNumber) {
        let mut disks = self.disks.lock();
        let Some(entry) = disks.get_mut(&disk) else { return };
        let wrote = entry.holders.iter().any(|holder| holder.writes);
        entry.holders.retain(|holder| (holder.userid, holder.vdev) != (userid, vdev));
        if entry.holders.is_empty() {
            disks.remove(&disk);
        } else if wrote
            && !entry.holders.iter().any(|holder| holder.writes)
            && let Err(error) = entry.extent.set_access(Access::Read)
        {
            tracing::warn!("The lock of {} {} stays exclusive: {error}", disk.0, disk.1);
        }
    }

    /// Gives a link another number.
    pub fn renumber(&self, disk: DiskName, userid: UserId, from: DeviceNumber, to: DeviceNumber) {
        if let Some(entry) = self.disks.lock().get_mut(&disk) {
            for holder in entry.holders.iter_mut().filter(|holder| (holder.userid, holder.vdev) == (userid, from)) {
                holder.vdev = to;
            }
        }
    }

    /// Makes a disk of zeros that is gone when nobody has it any more: a T-DISK on the host's disk, or a V-DISK in its storage.
    pub fn temporary(&self, header: &Header, in_storage: bool) -> Result<Arc<Extent>, TemporaryError> {
        if !in_storage {
            return Ok(Arc::new(Extent::temporary(Some(&self.directory), header)?));
        }
        let mut disks = self.in_storage.lock();
        disks.retain(|disk| disk.strong_count() > 0);
        let taken: u64 = disks.iter().filter_map(Weak::upgrade).map(|disk| u64::from(disk.blocks())).sum();
        if taken + u64::from(header.device.blocks()) > u64::from(V_DISK_BLOCKS_MAX) {
            return Err(TemporaryError::NoStorage);
        }
        let disk = Arc::new(Extent::temporary(None, header)?);
        disks.push(Arc::downgrade(&disk));
        Ok(disk)
    }

    /// Gives a link to another user. False when there is no such link.
    pub fn give(&self, disk: DiskName, from: (UserId, DeviceNumber), to: (UserId, DeviceNumber)) -> bool {
        let mut disks = self.disks.lock();
        let holders = disks.get_mut(&disk).map(|entry| &mut entry.holders);
        let holder = holders.and_then(|holders| holders.iter_mut().find(|holder| (holder.userid, holder.vdev) == from));
        holder.map(|holder| (holder.userid, holder.vdev) = to).is_some()
    }

    /// The host file of a minidisk.
    pub fn file(&self, disk: &DiskName) -> PathBuf {
        host_file(&self.directory, disk)
    }

    /// The open extent of a disk in use, else one opened for reading.
    fn extent(&self, disk: &DiskName) -> Result<Arc<Extent>, ExtentError> {
        let in_use = self.disks.lock().get(disk).map(|entry| Arc::clone(&entry.extent));
        in_use.map_or_else(|| Extent::open(&self.file(disk), Access::Read).map(Arc::new), Ok)
    }

    /// Takes a snapshot of a disk, whether it is in use or not.
    pub fn snapshot(&self, disk: &DiskName, name: &str) -> Result<(), ExtentError> {
        self.extent(disk)?.snapshot(name)
    }

    /// On what a disk is built; `None` when its file cannot be read.
    pub fn built(&self, disk: &DiskName) -> Option<Built> {
        let extent = self.extent(disk).ok()?;
        Some(Built { layers: extent.layers_below(), own_blocks: extent.own_blocks() })
    }

    /// Minidisks that somebody is linked to.
    pub fn in_use(&self) -> usize {
        self.disks.lock().len()
    }

    /// Who is linked to a disk.
    pub fn holders(&self, disk: &DiskName) -> Vec<Holder> {
        self.disks.lock().get(disk).map(|entry| entry.holders.clone()).unwrap_or_default()
    }
}

/// The host file of a minidisk: `USERID.VDEV`.
pub fn host_file(directory: &Path, disk: &DiskName) -> PathBuf {
    directory.join(format!("{}.{}", disk.0, disk.1))
}

fn access(writes: bool) -> Access {
    if writes { Access::Write } else { Access::Read }
}

fn count(holders: &[Holder]) -> Others {
    Others {
        readers: holders.iter().filter(|holder| !holder.writes).count(),
        writers: holders.iter().filter(|holder| holder.writes).count(),
        stable: holders.iter().any(|holder| holder.mode.is_stable()),
        exclusive: holders.iter().any(|holder| holder.mode.is_exclusive()),
    }
}

/// How LINK and QUERY say who else has a disk: `R/O BY 3 USERS`, `R/W BY MAINT`, or both; `None` when nobody has.
pub fn described(others: &[Holder]) -> Option<String> {
    let side = |what: &str, who: Vec<&Holder>| match who.as_slice() {
        [] => None,
        [one] => Some(format!("{what} BY {}", one.userid)),
        many => Some(format!("{what} BY {} USERS", many.len())),
    };
    let writers = side("R/W", others.iter().filter(|holder| holder.writes).collect());
    let readers = side("R/O", others.iter().filter(|holder| !holder.writes).collect());
    match (writers, readers) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(writers), Some(readers)) => Some(format!("{writers}; {readers}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_modes_is_that_of_the_manual() {
        use Grant::{ForcedReadOnly as F, ReadOnly as R, ReadWrite as W, Refused as N};
        let none = Others::default();
        let readers = Others { readers: 2, ..none };
        let writer = Others { writers: 1, ..none };
        for (mode, expected) in [
            (LinkMode::R, [R, R, N]),
            (LinkMode::Rr, [R, R, R]),
            (LinkMode::W, [W, N, N]),
            (LinkMode::Wr, [W, F, F]),
            (LinkMode::M, [W, W, N]),
            (LinkMode::Mr, [W, W, F]),
            (LinkMode::Mw, [W, W, W]),
        ] {
            assert_eq!([none, readers, writer].map(|others| grant(mode, others)), expected, "{mode}");
        }
    }

    #[test]
    fn stable_links_keep_writers_out_and_exclusive_links_everyone() {
        let stable = Others { readers: 1, stable: true, ..Others::default() };
        assert_eq!(grant(LinkMode::Mw, stable), Grant::Refused);
        assert_eq!(grant(LinkMode::Mr, stable), Grant::ForcedReadOnly);
        assert_eq!(grant(LinkMode::Rr, stable), Grant::ReadOnly);
        let exclusive = Others { readers: 1, exclusive: true, ..Others::default() };
        assert_eq!(grant(LinkMode::Rr, exclusive), Grant::Refused);
    }
}
