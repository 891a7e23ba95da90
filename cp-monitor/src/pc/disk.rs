//! Minidisks as the disks of a PC machine: every request is a worker's, and the machine waits for it.

use std::sync::{Arc, Weak};

use minidisk::extent::{Extent, ExtentError};
use pc_platform::disk::{Disk, Ended, Failed, Operation, SECTOR, Ticket};

use crate::directory::DeviceNumber;
use crate::users::User;

/// Bytes of a block of a minidisk.
const BLOCK: usize = 4096;
/// Sectors in one.
const SECTORS: u64 = (BLOCK / SECTOR) as u64;

/// A minidisk of a user.
pub(super) struct Minidisk {
    pub(super) user: Weak<User>,
    pub(super) vdev: DeviceNumber,
    pub(super) extent: Arc<Extent>,
    pub(super) read_only: bool,
}

impl Disk for Minidisk {
    fn sectors(&self) -> u64 {
        u64::from(self.extent.blocks()) * SECTORS
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn begin(&mut self, ticket: Ticket, operation: Operation) -> Option<Ended> {
        let Some(user) = self.user.upgrade() else { return Some(Err(Failed)) };
        let (vdev, extent) = (self.vdev, Arc::clone(&self.extent));
        let cp = Arc::clone(user.cp());
        cp.workers.submit(Box::new(move || {
            let ended = carry_out(&user, vdev, &extent, operation);
            user.with_machine(|machine| machine.disk_ended(ticket, ended));
        }));
        None
    }
}

/// A worker's part. The devices stay locked meanwhile: DETACH and LOGOFF wait for it, and a disk that was detached is gone.
fn carry_out(user: &User, vdev: DeviceNumber, extent: &Arc<Extent>, operation: Operation) -> Ended {
    let devices = user.devices.lock();
    let disk = devices.disk(vdev).filter(|disk| Arc::ptr_eq(&disk.extent, extent)).ok_or(Failed)?;
    user.usage.count_io();
    let done = match operation {
        Operation::Read { sector, count } => read(extent, sector, count as usize * SECTOR),
        Operation::Write { sector, data } => write(extent, sector, &data).map(|()| Vec::new()),
        Operation::Flush => extent.flush().map(|()| Vec::new()),
    };
    done.map_err(|error| {
        user.cp().disk_trouble(user, &disk, &error);
        Failed
    })
}

/// The blocks that hold so many bytes from a sector on: the first one, and all their bytes.
fn around(sector: u64, length: usize) -> (u32, usize, usize) {
    let offset = (sector % SECTORS) as usize * SECTOR;
    // Blocks of a minidisk count from 1.
    ((sector / SECTORS) as u32 + 1, offset, (offset + length).next_multiple_of(BLOCK))
}

/// Reads sectors.
pub(super) fn read(extent: &Extent, sector: u64, length: usize) -> Result<Vec<u8>, ExtentError> {
    let (first, offset, whole) = around(sector, length);
    let mut bytes = vec![0; whole];
    extent.read_at(first, &mut bytes)?;
    Ok(bytes[offset..offset + length].to_vec())
}

/// Writes sectors, together with the rest of the blocks that they lie in.
fn write(extent: &Extent, sector: u64, data: &[u8]) -> Result<(), ExtentError> {
    let (first, offset, whole) = around(sector, data.len());
    if whole == data.len() {
        return extent.write_at(first, data);
    }
    let mut bytes = vec![0; whole];
    extent.read_at(first, &mut bytes)?;
    bytes[offset..offset + data.len()].copy_from_slice(data);
    extent.write_at(first, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_are_parts_of_blocks() {
        let header = minidisk::extent::Header {
            owner: "TEST".to_string(),
            vdev: 0x191,
            device: minidisk::extent::DeviceType::Fb512 { blocks: 800 },
        };
        let folder = tempfile::tempdir().unwrap();
        let extent = Extent::temporary(Some(folder.path()), &header).unwrap();
        write(&extent, 0, &[1; 4 * BLOCK]).unwrap();
        write(&extent, 7, &[2; 3 * SECTOR]).unwrap();
        assert_eq!(read(&extent, 6, SECTOR).unwrap(), [1; SECTOR]);
        assert_eq!(read(&extent, 7, 3 * SECTOR).unwrap(), [2; 3 * SECTOR]);
        assert_eq!(read(&extent, 10, 6 * SECTOR).unwrap(), [1; 6 * SECTOR]);
        assert!(read(&extent, 799, 2 * SECTOR).is_err(), "beyond the end");
    }
}
