//! DIAGNOSE X'250': block I/O to minidisks.

use std::sync::atomic::Ordering;

use abi::{BLOCK_REQUEST_MAX, BlockInfo, BlockRequest, block_io, device};
use minidisk::extent::ExtentError;
use zerocopy::{FromBytes, IntoBytes};

use super::deferred::{Deferred, present};
use super::{Answer, Answered, Completion, Job, Refused, Step, fetch};
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
const CACHED_MAX: u32 = 16;

/// Neighbouring blocks to move to or from neighbouring storage: one request of the host, whatever the guest's list made of them.
struct Move {
    block: u32,
    count: u32,
    buffer: u64,
    write: bool,
}

impl Move {
    /// Takes a request in that continues this one.
    fn join(&mut self, block: u32, buffer: u64, write: bool) -> bool {
        let next = self.block.checked_add(self.count) == Some(block) && self.buffer.checked_add(self.length()) == Some(buffer);
        let joins = next && self.write == write;
        self.count += u32::from(joins);
        joins
    }

    /// Its length in bytes.
    fn length(&self) -> u64 {
        u64::from(self.count) * BLOCK as u64
    }

    /// How many of its blocks are on a disk of so many.
    fn on_disk(&self, blocks: u32) -> u32 {
        match self.block {
            0 => 0,
            first => blocks.saturating_add(1).saturating_sub(first).min(self.count),
        }
    }
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
        block_io::READ_WRITE => match take_requests(machine, buffer, count)? {
            None => Ok(Answer::Now(block_io::BAD_BLOCK, 0)),
            Some(moves) => match at_once(user, number, |disk| read_cached(user, disk, &moves)) {
                Some(answer) => Ok(answer),
                None => transfer(machine, operands),
            },
        },
        block_io::FLUSH => Ok(with_disk(number, |user, disk| Completion::status(status_of(user, disk, disk.extent.flush())))),
        _ => Err(Refused::specification()),
    }
}

/// Leaves a list of requests to a worker, when the data to be written is there.
pub(super) fn transfer(machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [_, _, list, count, ..] = operands;
    for write in take_requests(machine, list, count)?.iter().flatten().filter(|request| request.write) {
        present(machine, write.buffer, write.length())?;
    }
    Ok(Answer::Deferred(Deferred { begin, operands }))
}

/// Takes the requests and the data of the writes: one buffer for each [`Move`], empty for a read.
fn begin(machine: &mut Machine, operands: [u64; 6]) -> Result<Job, Refused> {
    let [_, number, list, count, ..] = operands;
    let moves = take_requests(machine, list, count)?;
    let mut data = Vec::new();
    for request in moves.iter().flatten() {
        let length = if request.write { request.length() } else { 0 };
        data.push(fetch(machine, request.buffer, length, length)?);
    }
    Ok(on_disk(number, move |user, disk| match moves {
        None => Completion::status(block_io::BAD_BLOCK),
        Some(moves) => move_blocks(user, disk, &moves, &data),
    }))
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
    let blocks: u32 = moves.iter().map(|request| request.count).sum();
    if blocks > CACHED_MAX {
        return None;
    }
    let mut completion = Completion::default();
    for request in moves {
        let whole = !request.write && request.on_disk(disk.blocks) == request.count;
        let mut bytes = vec![0; request.length() as usize];
        if !whole || !disk.extent.read_cached(request.block, &mut bytes).unwrap_or(false) {
            return None;
        }
        completion.stores.push((request.buffer, bytes));
    }
    completion.value = u64::from(blocks);
    user.usage.count_io();
    user.cp().links.block_io.found.fetch_add(completion.value, Ordering::Relaxed);
    Some(completion)
}

fn with_disk(number: u64, job: impl FnOnce(&User, &Disk) -> Completion + Send + 'static) -> Answer {
    Answer::Worker(on_disk(number, job))
}

/// A worker's job on the disk with that device number.
///
/// The devices stay locked meanwhile: DETACH and LOGOFF wait for it, and who links the disk next finds it and its host lock free.
fn on_disk(number: u64, job: impl FnOnce(&User, &Disk) -> Completion + Send + 'static) -> Job {
    Box::new(move |user| {
        let devices = user.devices.lock();
        Step::Done(match u16::try_from(number).ok().and_then(|number| devices.get(DeviceNumber(number))) {
            Some(Device::Disk(disk)) => {
                user.usage.count_io();
                job(user, disk)
            }
            _ => Completion::status(block_io::NO_DEVICE),
        })
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

/// Reads the request list; `None` for an unknown operation.
fn take_requests(machine: &mut Machine, list: u64, count: u64) -> Result<Option<Vec<Move>>, Refused> {
    let bytes = fetch(machine, list, count * size_of::<BlockRequest>() as u64, u64::MAX)?;
    let mut moves: Vec<Move> = Vec::new();
    for entry in bytes.chunks_exact(size_of::<BlockRequest>()) {
        let Ok(BlockRequest { operation, block, buffer }) = BlockRequest::read_from_bytes(entry) else { return Ok(None) };
        let write = match operation {
            WRITE => true,
            READ => false,
            _ => return Ok(None),
        };
        let joined = moves.last_mut().is_some_and(|last| last.join(block, buffer, write));
        if !joined {
            moves.push(Move { block, count: 1, buffer, write });
        }
    }
    Ok(Some(moves))
}

/// Moves blocks in order until one fails; RDX counts those done.
fn move_blocks(user: &User, disk: &Disk, moves: &[Move], data: &[Vec<u8>]) -> Completion {
    let mut completion = Completion::default();
    for (request, data) in moves.iter().zip(data) {
        let there = request.on_disk(disk.blocks);
        if there > 0
            && let Err(status) = move_run(user, disk, request, data, there, &mut completion)
        {
            completion.status = status;
            break;
        }
        completion.value += u64::from(there);
        if there < request.count {
            completion.status = block_io::BAD_BLOCK;
            break;
        }
    }
    completion
}

/// Moves the first `count` blocks of a run, all of which are on the disk.
fn move_run(user: &User, disk: &Disk, request: &Move, data: &[u8], count: u32, completion: &mut Completion) -> Result<(), u64> {
    let length = count as usize * BLOCK;
    let counts = &user.cp().links.block_io;
    match request.write {
        true if disk.read_only => Err(block_io::READ_ONLY),
        true => {
            counts.written.fetch_add(u64::from(count), Ordering::Relaxed);
            done(user, disk, disk.extent.write_at(request.block, &data[..length]))
        }
        false => {
            counts.waited.fetch_add(u64::from(count), Ordering::Relaxed);
            let mut bytes = vec![0; length];
            done(user, disk, disk.extent.read_at(request.block, &mut bytes))?;
            completion.stores.push((request.buffer, bytes));
            Ok(())
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
