//! A block device: requests of sectors, one after the other.

use super::queue::{Broken, Chain};
use super::spec::block;
use crate::Storage;
use crate::disk::{Ended, Operation, REQUEST_MAX, SECTOR};
use crate::ide::Drive;

/// Longest segment, and most of them in a request: so that no request is longer than a disk takes.
const SEGMENT: u32 = 64 << 10;
const SEGMENTS: u32 = REQUEST_MAX * SECTOR as u32 / SEGMENT;
const HEADER: usize = 16;

/// What a chain asks for.
pub(super) enum Asked {
    /// It is done: the status, and the data of the answer.
    Done(u8, Vec<u8>),
    /// The disk has to do it.
    Disk(Operation),
}

pub(super) fn features(drive: Drive) -> u64 {
    block::SIZE_MAX | block::SEGMENTS_MAX | block::FLUSH | if drive.read_only { block::READ_ONLY } else { 0 }
}

/// Capacity in sectors, longest segment, most segments.
pub(super) fn config(drive: Drive) -> Vec<u8> {
    [&drive.sectors.to_le_bytes()[..], &SEGMENT.to_le_bytes(), &SEGMENTS.to_le_bytes()].concat()
}

/// Takes a request apart.
pub(super) fn request(chain: &Chain, drive: Drive, number: usize, storage: &dyn Storage) -> Result<Asked, Broken> {
    // Room for the status, at least.
    let room = chain.room().checked_sub(1).ok_or(Broken)?;
    let mut bytes = chain.bytes(storage)?;
    if bytes.len() < HEADER {
        return Err(Broken);
    }
    let data = bytes.split_off(HEADER);
    let kind = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let sector = (8..16).rev().fold(0, |sector, at| sector << 8 | u64::from(bytes[at]));
    let length = if kind == block::OUT { data.len() } else { room };
    let count = (length / SECTOR) as u64;
    let fits = length.is_multiple_of(SECTOR)
        && (1..=u64::from(REQUEST_MAX)).contains(&count)
        && sector.checked_add(count).is_some_and(|end| end <= drive.sectors);
    Ok(match kind {
        block::IN if fits => Asked::Disk(Operation::Read { sector, count: count as u32 }),
        block::OUT if fits && !drive.read_only => Asked::Disk(Operation::Write { sector, data }),
        block::IN | block::OUT => Asked::Done(block::IO_ERROR, Vec::new()),
        block::DO_FLUSH => Asked::Disk(Operation::Flush),
        block::GET_ID => {
            let mut id = format!("CP64{number:04}").into_bytes();
            id.resize(20.min(room), 0);
            Asked::Done(block::OK, id)
        }
        _ => Asked::Done(block::UNSUPPORTED, Vec::new()),
    })
}

/// Stores the answer: data, and the status in the last byte. Answers how many bytes were written.
pub(super) fn answer(chain: &Chain, status: u8, data: &[u8], storage: &dyn Storage) -> Result<u32, Broken> {
    let last = chain.room().checked_sub(1).ok_or(Broken)?;
    let data = &data[..data.len().min(last)];
    chain.fill(0, data, storage)?;
    chain.fill(last, &[status], storage)?;
    Ok(data.len() as u32 + 1)
}

/// The same for what the disk did.
pub(super) fn answer_disk(chain: &Chain, ended: Ended, storage: &dyn Storage) -> Result<u32, Broken> {
    match ended {
        Ok(data) => answer(chain, block::OK, &data, storage),
        Err(_) => answer(chain, block::IO_ERROR, &[], storage),
    }
}
