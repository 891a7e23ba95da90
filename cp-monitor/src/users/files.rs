//! What CP reads of the CMS files on a user's disks. Commits replace a disk's directory whole, so what is read is the old one or the new one, or an error.

use std::collections::BTreeSet;
use std::sync::Arc;

use minidisk::edf::{BlockDevice, FileSystem};
use minidisk::extent::{Extent, ExtentError};

use super::{Device, User};

/// A disk that is only read, for the files on it.
pub struct ReadOnly(pub Arc<Extent>);

impl BlockDevice for ReadOnly {
    type Error = ExtentError;

    fn blocks(&self) -> u32 {
        Extent::blocks(&self.0)
    }

    fn read_only(&self) -> bool {
        true
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), ExtentError> {
        self.0.read_at(first, into)
    }

    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), ExtentError> {
        Err(ExtentError::ReadOnly("the disk".to_string()))
    }

    fn flush(&mut self) -> Result<(), ExtentError> {
        Ok(())
    }
}

impl User {
    /// Names and types of the files on the user's disks, in order, at most so many. Disks without a file system, and damaged ones, have none.
    pub fn file_names(&self, most: usize) -> Vec<(String, String)> {
        let disks: Vec<Arc<Extent>> = {
            let devices = self.devices.lock();
            devices
                .iter()
                .filter_map(|(_, device)| if let Device::Disk(disk) = device { Some(Arc::clone(&disk.extent)) } else { None })
                .collect()
        };
        let mut names = BTreeSet::new();
        for disk in disks {
            let Ok(system) = FileSystem::open(ReadOnly(disk)) else { continue };
            names.extend(system.files().map(|file| (file.id.name().to_string(), file.id.file_type().to_string())));
        }
        names.into_iter().take(most).collect()
    }
}
