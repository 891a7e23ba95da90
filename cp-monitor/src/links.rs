//! Who is linked to which minidisk, and the rules of LINK.
//!
//! The rules ([`grant`]) are pure. [`LinkTable`] keeps one open [`Extent`] for each minidisk in use, whoever uses it, and with it
//! the host's lock on the file: shared while everyone only reads, exclusive while somebody may write, so that `cp64 disk` and CP
//! never write to the same disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// One of those who only read.
    pub reader: Option<UserId>,
    /// One of those who may write.
    pub writer: Option<UserId>,
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
    let Others { readers, writers, stable, exclusive, .. } = others;
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
    holders: Holders,
}

/// Who is linked to one disk. The system disks have everybody as holders, so nothing that a link or its end asks for walks them.
#[derive(Default)]
struct Holders {
    all: BTreeMap<(UserId, DeviceNumber), Holder>,
    writers: BTreeSet<(UserId, DeviceNumber)>,
    stable: usize,
    exclusive: usize,
}

impl Holders {
    fn insert(&mut self, holder: Holder) {
        let key = (holder.userid, holder.vdev);
        self.stable += usize::from(holder.mode.is_stable());
        self.exclusive += usize::from(holder.mode.is_exclusive());
        if holder.writes {
            self.writers.insert(key);
        }
        self.all.insert(key, holder);
    }

    fn remove(&mut self, userid: UserId, vdev: DeviceNumber) -> Option<Holder> {
        let holder = self.all.remove(&(userid, vdev))?;
        self.writers.remove(&(userid, vdev));
        self.stable -= usize::from(holder.mode.is_stable());
        self.exclusive -= usize::from(holder.mode.is_exclusive());
        Some(holder)
    }

    fn others(&self) -> Others {
        Others {
            readers: self.all.len() - self.writers.len(),
            writers: self.writers.len(),
            stable: self.stable > 0,
            exclusive: self.exclusive > 0,
            // Writers are few: the first who is none of them is near.
            reader: self.all.keys().find(|key| !self.writers.contains(*key)).map(|(userid, _)| *userid),
            writer: self.writers.first().map(|(userid, _)| *userid),
        }
    }
}

/// A granted link.
pub struct Linked {
    /// The disk.
    pub extent: Arc<Extent>,
    /// It may only be read.
    pub read_only: bool,
    /// Write was asked for and not given.
    pub forced: bool,
    /// What the others have.
    pub others: Others,
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
    InUse(Others),
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
const V_DISK_BLOCKS_MAX: u64 = 1 << 18;
/// Most of them that one user may define: 256 MiB, so that one cannot take what is there for all.
const V_DISK_USER_BLOCKS_MAX: u64 = 1 << 16;

/// Why there is no temporary disk.
#[derive(Debug, thiserror::Error)]
pub enum TemporaryError {
    /// All V-DISKs together would be too large.
    #[error("V-DISK space is not available")]
    NoStorage,
    /// Those of one user would be.
    #[error("it would exceed the user limit of V-DISK space")]
    UserLimit,
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
        let others = disks.get(&disk).map(|entry| entry.holders.others()).unwrap_or_default();
        let granted = grant(mode, others);
        if granted == Grant::Refused {
            return Err(LinkError::InUse(others));
        }
        let open = |writes| match disks.get(&disk) {
            None => Extent::open(&host_file(&self.directory, &disk), access(writes)).map(Arc::new),
            Some(entry) => {
                if writes && others.writers == 0 {
                    entry.extent.set_access(Access::Write)?;
                }
                Ok(Arc::clone(&entry.extent))
            }
        };
        let mut writes = granted == Grant::ReadWrite;
        let extent = match open(writes) {
            Err(error) if writes && mode.settles_for_reading() && error.is_read_only() => {
                writes = false;
                open(writes)?
            }
            opened => opened?,
        };
        let entry = disks.entry(disk).or_insert_with(|| InUse { extent: Arc::clone(&extent), holders: Holders::default() });
        entry.holders.insert(Holder { userid, vdev, writes, mode });
        Ok(Linked { extent, read_only: !writes, forced: !writes && granted != Grant::ReadOnly, others })
    }

    /// Ends a link; the host's file is closed with the last one and its lock shared again with the last writer.
    pub fn unlink(&self, disk: DiskName, userid: UserId, vdev: DeviceNumber) {
        let mut disks = self.disks.lock();
        let Some(entry) = disks.get_mut(&disk) else { return };
        let Some(holder) = entry.holders.remove(userid, vdev) else { return };
        if entry.holders.all.is_empty() {
            disks.remove(&disk);
        } else if holder.writes
            && entry.holders.writers.is_empty()
            && let Err(error) = entry.extent.set_access(Access::Read)
        {
            tracing::warn!("The lock of {} {} stays exclusive: {error}", disk.0, disk.1);
        }
    }

    /// Gives a link another number.
    pub fn renumber(&self, disk: DiskName, userid: UserId, from: DeviceNumber, to: DeviceNumber) {
        if let Some(entry) = self.disks.lock().get_mut(&disk)
            && let Some(holder) = entry.holders.remove(userid, from)
        {
            entry.holders.insert(Holder { vdev: to, ..holder });
        }
    }

    /// Makes a disk of zeros that is gone when nobody has it any more: a T-DISK on the host's disk, or a V-DISK in its storage.
    pub fn temporary(&self, header: &Header, in_storage: bool) -> Result<Arc<Extent>, TemporaryError> {
        if !in_storage {
            return Ok(Arc::new(Extent::temporary(Some(&self.directory), header)?));
        }
        let mut disks = self.in_storage.lock();
        disks.retain(|disk| disk.strong_count() > 0);
        let there: Vec<_> = disks.iter().filter_map(Weak::upgrade).collect();
        let with = |disks: &mut dyn Iterator<Item = &Arc<Extent>>| {
            disks.map(|disk| u64::from(disk.blocks())).sum::<u64>() + u64::from(header.device.blocks())
        };
        if with(&mut there.iter().filter(|disk| disk.header().owner == header.owner)) > V_DISK_USER_BLOCKS_MAX {
            return Err(TemporaryError::UserLimit);
        }
        if with(&mut there.iter()) > V_DISK_BLOCKS_MAX {
            return Err(TemporaryError::NoStorage);
        }
        let disk = Arc::new(Extent::temporary(None, header)?);
        disks.push(Arc::downgrade(&disk));
        Ok(disk)
    }

    /// Gives a link to another user. False when there is no such link.
    pub fn give(&self, disk: DiskName, from: (UserId, DeviceNumber), to: (UserId, DeviceNumber)) -> bool {
        let mut disks = self.disks.lock();
        let Some(entry) = disks.get_mut(&disk) else { return false };
        let Some(holder) = entry.holders.remove(from.0, from.1) else { return false };
        entry.holders.insert(Holder { userid: to.0, vdev: to.1, ..holder });
        true
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

    /// Who is linked to a disk, by userid.
    pub fn holders(&self, disk: &DiskName) -> Vec<Holder> {
        self.disks.lock().get(disk).map(|entry| entry.holders.all.values().cloned().collect()).unwrap_or_default()
    }

    /// What those have who are linked to a disk.
    pub fn others(&self, disk: &DiskName) -> Others {
        self.disks.lock().get(disk).map(|entry| entry.holders.others()).unwrap_or_default()
    }
}

/// The host file of a minidisk: `USERID.VDEV`.
pub fn host_file(directory: &Path, disk: &DiskName) -> PathBuf {
    directory.join(format!("{}.{}", disk.0, disk.1))
}

fn access(writes: bool) -> Access {
    if writes { Access::Write } else { Access::Read }
}

/// How LINK and QUERY say who else has a disk: `R/O BY 3 USERS`, `R/W BY MAINT`, or both; `None` when nobody has.
pub fn described(others: &Others) -> Option<String> {
    let side = |what: &str, count: usize, one: Option<UserId>| match (count, one) {
        (0, _) | (_, None) => None,
        (1, Some(one)) => Some(format!("{what} BY {one}")),
        (many, _) => Some(format!("{what} BY {many} USERS")),
    };
    let writers = side("R/W", others.writers, others.writer);
    let readers = side("R/O", others.readers, others.reader);
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

    #[test]
    fn what_the_others_have_is_right_through_links_new_numbers_and_ends() {
        let holder = |userid: &str, vdev, writes, mode| Holder { userid: userid.parse().unwrap(), vdev: DeviceNumber(vdev), writes, mode };
        let mut holders = Holders::default();
        holders.insert(holder("ANN", 0x191, true, LinkMode::Mr));
        holders.insert(holder("BOB", 0x291, false, LinkMode::Sr));
        holders.insert(holder("BOB", 0x391, false, LinkMode::Rr));
        let ann: UserId = "ANN".parse().unwrap();
        let bob: UserId = "BOB".parse().unwrap();
        let expected = Others { readers: 2, writers: 1, stable: true, exclusive: false, reader: Some(bob), writer: Some(ann) };
        assert_eq!(holders.others(), expected);
        assert_eq!(described(&holders.others()).unwrap(), "R/W BY ANN; R/O BY 2 USERS");
        assert!(holders.remove(bob, DeviceNumber(0x291)).is_some() && holders.remove(bob, DeviceNumber(0x291)).is_none());
        assert!(holders.remove(ann, DeviceNumber(0x191)).is_some());
        assert_eq!(holders.others(), Others { readers: 1, reader: Some(bob), ..Others::default() });
        assert_eq!(described(&holders.others()).unwrap(), "R/O BY BOB");
        assert!(holders.remove(bob, DeviceNumber(0x391)).is_some());
        assert_eq!(holders.others(), Others::default());
    }
}
