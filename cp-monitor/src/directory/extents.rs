//! Extents on volumes: that no two minidisks share cylinders, and where a new one finds room.
//!
//! z/VM lets extents overlap and leaves the damage to the owners; here an overlap keeps the directory off line. Allowed are minidisks that
//! cover a whole volume (`0 END`, or from 0 with the size of the common model), which installations define beside the others;
//! T-DISK, V-DISK and DEVNO take no cylinders of a volume.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostics, OwnedExtent, Position, Problem};
use super::geometry::DeviceType;
use super::model::{Directory, Extent, Minidisk};
use super::names::{UserId, Volid};

/// An extent of a volume and whose it is.
#[derive(Clone, Copy, Debug)]
struct Placed {
    device: DeviceType,
    extent: OwnedExtent,
}

/// First and last unit of a minidisk that takes room on a volume, full packs left out.
fn placed(owner: UserId, disk: &Minidisk) -> Option<(Volid, Placed)> {
    let (start, count) = match disk.extent {
        Extent::Cylinders { start, count } | Extent::Blocks { start, count } => (start, count),
        Extent::Temporary { .. } | Extent::Virtual { .. } | Extent::Device { .. } => return None,
    };
    if is_full_pack(disk) {
        return None;
    }
    let last = start.saturating_add(count).saturating_sub(1);
    let extent = OwnedExtent { owner, vdev: disk.vdev, first: start, last, line: disk.line };
    Some((disk.volid?, Placed { device: disk.device, extent }))
}

/// Whether a minidisk covers a whole volume.
pub(super) fn is_full_pack(disk: &Minidisk) -> bool {
    let (Extent::Cylinders { start, count } | Extent::Blocks { start, count }) = disk.extent else {
        return false;
    };
    start == 0 && count >= disk.device.common_volume()
}

fn by_volume(directory: &Directory) -> BTreeMap<Volid, Vec<Placed>> {
    let mut volumes: BTreeMap<Volid, Vec<Placed>> = BTreeMap::new();
    for entry in directory.users.values() {
        for (volid, extent) in entry.minidisks.iter().filter_map(|disk| placed(entry.userid, disk)) {
            volumes.entry(volid).or_default().push(extent);
        }
    }
    for extents in volumes.values_mut() {
        extents.sort_by_key(|placed| (placed.extent.first, placed.extent.line));
    }
    volumes
}

/// Names every extent that begins inside another one, and every volume that is said to be of two types.
pub(super) fn check(directory: &Directory, said: &mut Diagnostics) {
    for (volid, extents) in by_volume(directory) {
        let earliest = extents.iter().min_by_key(|placed| placed.extent.line);
        for placed in &extents {
            if let Some(named) = earliest.filter(|named| named.device != placed.device) {
                let (this, other, line) = (placed.device, named.device, named.extent.line);
                said.error(line_of(placed), Problem::VolumeType { volid, this, other, line });
            }
        }
        let mut reaching: Option<Placed> = None;
        for current in extents {
            if let Some(before) = reaching.filter(|before| before.extent.last >= current.extent.first) {
                let (this, other) = if before.extent.line > current.extent.line { (before, current) } else { (current, before) };
                said.error(line_of(&this), Problem::Overlap { volid, this: this.extent, other: other.extent });
            }
            if reaching.is_none_or(|before| before.extent.last < current.extent.last) {
                reaching = Some(current);
            }
        }
    }
}

fn line_of(placed: &Placed) -> Position {
    Position { line: placed.extent.line, column: 1 }
}

/// The first cylinder of a free range of `cylinders` on 3390 volume `volid`; cylinder 0 holds the label and is left alone.
///
/// `None` when the volume is full, or is of another type.
pub(super) fn free_cylinders(directory: &Directory, volid: Volid, cylinders: u32) -> Option<u32> {
    let limit = DeviceType::CYLINDERS_MAX;
    let extents = by_volume(directory).remove(&volid).unwrap_or_default();
    if extents.iter().any(|placed| placed.device != DeviceType::default_type()) {
        return None;
    }
    let mut start = 1;
    for placed in extents {
        if placed.extent.first >= start && placed.extent.first - start >= cylinders {
            break;
        }
        start = start.max(placed.extent.last.saturating_add(1));
    }
    (limit.saturating_sub(start) >= cylinders).then_some(start)
}
