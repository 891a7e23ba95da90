//! DIAGNOSE X'250': block I/O to minidisks.

use abi::{BLOCK_REQUEST_MAX, BlockInfo, BlockRequest, block_io, device};
use minidisk::extent::ExtentError;
use zerocopy::{FromBytes, IntoBytes};

use super::{Answer, Answered, Completion, Refused, fetch, worker};
use crate::directory::DeviceNumber;
use crate::machine::Machine;
use crate::users::{Device, Disk, User};

/// Bytes of a block.
const BLOCK: usize = 4096;
/// [`BlockRequest::operation`]: storage to disk.
const WRITE: u32 = 1;
/// [`BlockRequest::operation`]: disk to storage.
const READ: u32 = 2;

/// Most blocks that a dispatcher thread copies from the host's cache in one DIAGNOSE: some tens of microseconds.
const CACHED_MAX: usize = 16;

/// One block to move, with the bytes of a write already taken out of the machine.
struct Move {
    block: u32,
    buffer: u64,
    write: Option<Vec<u8>>,
}

/// (subcode, device number, buffer, count)
pub(super) fn block_io(user: &User, machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [subcode, number, buffer, count, ..] = operands;
    match subcode {
        block_io::INIT => {
            Ok(at_once(user, number, |disk| Some(init(disk, buffer)))
                .unwrap_or_else(|| with_disk(number, move |_, disk| init(disk, buffer))))
        }
        block_io::READ_WRITE if count > BLOCK_REQUEST_MAX => Ok(Answer::Now(block_io::TOO_MANY, 0)),
        block_io::READ_WRITE => {
            let moves = take_requests(machine, buffer, count)?;
            Ok(match moves {
                None => Answer::Now(block_io::BAD_BLOCK, 0),
                Some(moves) => at_once(user, number, |disk| read_cached(user, disk, &moves))
                    .unwrap_or_else(|| with_disk(number, move |user, disk| move_blocks(user, disk, moves))),
            })
        }
        block_io::FLUSH => Ok(with_disk(number, |user, disk| Completion::status(status_of(user, disk, disk.extent.flush())))),
        _ => Err(Refused::specification()),
    }
}

/// What can be done with a disk without a wait: nothing when the devices are busy at this moment, or there is no such disk.
fn at_once(user: &User, number: u64, job: impl FnOnce(&Disk) -> Option<Completion>) -> Option<Answer> {
    let devices = user.devices.try_lock()?;
    match devices.get(DeviceNumber(u16::try_from(number).ok()?)) {
        Some(Device::Disk(disk)) => job(disk).map(Answer::Completed),
        _ => None,
    }
}

/// A few reads of blocks that the host has in its cache, which is most of what a command reads: they need no worker and no wait.
/// `None` when it is anything else, an error too.
fn read_cached(user: &User, disk: &Disk, moves: &[Move]) -> Option<Completion> {
    if moves.len() > CACHED_MAX {
        return None;
    }
    let mut completion = Completion::default();
    for request in moves {
        let on_disk = request.write.is_none() && (1..=disk.blocks).contains(&request.block);
        let mut bytes = vec![0; BLOCK];
        if !on_disk || !disk.extent.read_cached(request.block, &mut bytes).unwrap_or(false) {
            return None;
        }
        completion.stores.push((request.buffer, bytes));
        completion.value += 1;
    }
    user.usage.count_io();
    Some(completion)
}

/// A worker's job on the disk with that device number.
///
/// The devices stay locked meanwhile: DETACH and LOGOFF wait for it, and who links the disk next finds it and its host lock free.
fn with_disk(number: u64, job: impl FnOnce(&User, &Disk) -> Completion + Send + 'static) -> Answer {
    worker(move |user| {
        let devices = user.devices.lock();
        match u16::try_from(number).ok().and_then(|number| devices.get(DeviceNumber(number))) {
            Some(Device::Disk(disk)) => {
                user.usage.count_io();
                job(user, disk)
            }
            _ => Completion::status(block_io::NO_DEVICE),
        }
    })
}

fn init(disk: &Disk, buffer: u64) -> Completion {
    let info = BlockInfo {
        block_size: BLOCK as u32,
        flags: if disk.read_only { device::READ_ONLY } else { 0 },
        blocks: u64::from(disk.blocks),
        cylinders: disk.cylinders,
        reserved: 0,
    };
    Completion { stores: vec![(buffer, info.as_bytes().to_vec())], ..Completion::default() }
}

/// Reads the request list and the data of its writes; `None` for an unknown operation.
fn take_requests(machine: &mut Machine, list: u64, count: u64) -> Result<Option<Vec<Move>>, Refused> {
    let bytes = fetch(machine, list, count * size_of::<BlockRequest>() as u64, u64::MAX)?;
    let mut moves = Vec::with_capacity(count as usize);
    for entry in bytes.chunks_exact(size_of::<BlockRequest>()) {
        let Ok(request) = BlockRequest::read_from_bytes(entry) else { return Ok(None) };
        let write = match request.operation {
            WRITE => Some(fetch(machine, request.buffer, BLOCK as u64, u64::MAX)?),
            READ => None,
            _ => return Ok(None),
        };
        moves.push(Move { block: request.block, buffer: request.buffer, write });
    }
    Ok(Some(moves))
}

/// Moves blocks in order until one fails; RDX counts those done.
fn move_blocks(user: &User, disk: &Disk, moves: Vec<Move>) -> Completion {
    let mut completion = Completion::default();
    for request in moves {
        match move_block(user, disk, &request) {
            Ok(read) => completion.stores.extend(read.map(|bytes| (request.buffer, bytes))),
            Err(status) => {
                completion.status = status;
                break;
            }
        }
        completion.value += 1;
    }
    completion
}

fn move_block(user: &User, disk: &Disk, request: &Move) -> Result<Option<Vec<u8>>, u64> {
    if request.block == 0 || request.block > disk.blocks {
        return Err(block_io::BAD_BLOCK);
    }
    match &request.write {
        Some(_) if disk.read_only => Err(block_io::READ_ONLY),
        Some(bytes) => done(user, disk, disk.extent.write_at(request.block, bytes)).map(|()| None),
        None => {
            let mut bytes = vec![0; BLOCK];
            done(user, disk, disk.extent.read_at(request.block, &mut bytes)).map(|()| Some(bytes))
        }
    }
}

fn done(user: &User, disk: &Disk, result: Result<(), ExtentError>) -> Result<(), u64> {
    match status_of(user, disk, result) {
        0 => Ok(()),
        status => Err(status),
    }
}

/// The return code for what the host said. What the guest cannot have caused is told to its user and the operator too.
fn status_of(user: &User, disk: &Disk, result: Result<(), ExtentError>) -> u64 {
    let Err(error) = result else { return 0 };
    let status = match error {
        ExtentError::NoSpace(_) => block_io::NO_SPACE,
        ExtentError::ReadOnly(_) => return block_io::READ_ONLY,
        _ => block_io::IO_ERROR,
    };
    user.cp().disk_trouble(user, disk, &error);
    status
}
