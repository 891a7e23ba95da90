//! Disk device types: how many 4096-byte blocks CP gives for what a directory says in cylinders or 512-byte blocks.
//!
//! | type | unit | 4 KiB blocks | the unit of the real device |
//! |---|---|---|---|
//! | 3390 | cylinder | 180 | 15 tracks of 12 |
//! | 9345, 3380 | cylinder | 150 | 15 tracks of 10 |
//! | 3375 | cylinder | 96 | 12 tracks of 8 |
//! | 3350 | cylinder | 120 | 30 tracks of 4 |
//! | 3330 | cylinder | 57 | 19 tracks of 3 |
//! | 3340 | cylinder | 24 | 12 tracks of 2 |
//! | 2305 | cylinder | 24 | 8 tracks of 3 |
//! | 2314, 2319 | cylinder | 20 | 20 tracks of 1 |
//! | FB-512, FBA, 3310, 3370, 9313, 9332, 9335, 9336 | 512-byte block | 1/8 | 8 blocks make one |

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A type of disk that a directory may name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeviceType(&'static Geometry);

#[derive(PartialEq, Eq)]
struct Geometry {
    name: &'static str,
    /// 4 KiB blocks on a cylinder; 0 for a fixed-block device.
    blocks_per_cylinder: u32,
    /// Cylinders or 512-byte blocks of the model people have most, which is what `END` means.
    volume: u32,
}

const fn device(name: &'static str, blocks_per_cylinder: u32, volume: u32) -> Geometry {
    Geometry { name, blocks_per_cylinder, volume }
}

static TYPES: [Geometry; 18] = [
    device("3390", 180, 3339),
    device("9345", 150, 1440),
    device("3380", 150, 885),
    device("3375", 96, 959),
    device("3350", 120, 555),
    device("3330", 57, 404),
    device("3340", 24, 348),
    device("2305", 24, 96),
    device("2314", 20, 200),
    device("2319", 20, 200),
    device("FB-512", 0, 1_672_881),
    device("FBA", 0, 1_672_881),
    device("3310", 0, 126_016),
    device("3370", 0, 558_000),
    device("9313", 0, 246_240),
    device("9332", 0, 360_036),
    device("9335", 0, 804_714),
    device("9336", 0, 1_672_881),
];

impl DeviceType {
    /// Largest cylinder count of a volume.
    pub const CYLINDERS_MAX: u32 = 65_520;
    /// Largest count of 512-byte blocks of a fixed-block volume (1 TiB).
    pub const FIXED_BLOCKS_MAX: u32 = 2_147_483_640;

    /// The 3390, on which CP puts the disks that it makes itself.
    pub fn default_type() -> Self {
        Self(&TYPES[0])
    }

    /// The name as written in the directory.
    pub fn as_str(self) -> &'static str {
        self.0.name
    }

    /// Whether it is measured in cylinders.
    pub fn is_ckd(self) -> bool {
        self.0.blocks_per_cylinder != 0
    }

    /// 4096-byte blocks for `size` cylinders, or 512-byte blocks (a last part of a block is not given).
    pub fn blocks_of_4k(self, size: u32) -> u64 {
        if self.is_ckd() { u64::from(size) * u64::from(self.0.blocks_per_cylinder) } else { u64::from(size) / 8 }
    }

    /// The first cylinder or block that no volume of this type has.
    pub fn volume_limit(self) -> u32 {
        if self.is_ckd() { Self::CYLINDERS_MAX } else { Self::FIXED_BLOCKS_MAX }
    }

    /// The size of the common model, which `END` means: 3390-3, 3380-A, 3330-1, 9336-20 and so on.
    pub fn common_volume(self) -> u32 {
        self.0.volume
    }
}

/// The text is no disk type in the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Disk type is not known (3390, 3380, 3350, 3330, 3340, 2314, FB-512, 9336, ...)")]
pub struct UnknownDeviceType;

impl FromStr for DeviceType {
    type Err = UnknownDeviceType;

    fn from_str(text: &str) -> Result<Self, UnknownDeviceType> {
        let found = TYPES.iter().find(|geometry| geometry.name.eq_ignore_ascii_case(text));
        found.map(Self).ok_or(UnknownDeviceType)
    }
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.name)
    }
}

impl fmt::Debug for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Serialize for DeviceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cylinder_gives_what_a_formatted_disk_of_that_type_holds() {
        for (name, size, blocks) in
            [("3390", 50, 9000), ("3380", 10, 1500), ("3350", 115, 13800), ("3330", 2, 114), ("2314", 3, 60), ("fb-512", 17, 2)]
        {
            let device: DeviceType = name.parse().unwrap();
            assert_eq!(device.blocks_of_4k(size), blocks, "{name}");
        }
        assert_eq!("3391".parse::<DeviceType>(), Err(UnknownDeviceType));
    }

    #[test]
    fn block_numbers_of_the_largest_volume_fit_the_guest_contract() {
        for geometry in &TYPES {
            let device = DeviceType(geometry);
            assert!(device.common_volume() <= device.volume_limit(), "{device}");
            assert!(u32::try_from(device.blocks_of_4k(device.volume_limit())).is_ok(), "{device}");
        }
    }
}
