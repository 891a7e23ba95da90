//! DIAGNOSE X'250': block I/O to minidisks.
//!
//! Blocks go between the host's file and the machine's frames without a copy: `moves` makes sure that the frames stay where they are. What the
//! host has in its cache is read at once, on the dispatcher thread; everything else is a worker's, who waits for the host. The machine waits
//! meanwhile, or goes on and is interrupted at the end (`lists`).

mod lists;
mod moves;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use abi::{BLOCK_REQUEST_MAX, BlockInfo, LISTS_MAX, block_io, device};
use minidisk::extent::ExtentError;
use zerocopy::IntoBytes;

use super::deferred::Deferred;
use super::{Answer, Answered, Completion, Job, Refused, Step};
use crate::directory::DeviceNumber;
use crate::machine::Machine;
use crate::users::{Device, Devices, Disk, User};
pub(in crate::machine) use lists::Lists;
use moves::{List, Move};

/// Bytes of a block.
const BLOCK: usize = 4096;

/// (subcode, device number, buffer, count, parameter)
pub(super) fn block_io(user: &Arc<User>, machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [subcode, number, buffer, count, ..] = operands;
    match subcode {
        block_io::INIT => {
            let now = user.devices.try_lock().and_then(|devices| Some(Answer::Completed(init(disk_of(&devices, number)?, buffer))));
            Ok(now.unwrap_or_else(|| Answer::Worker(on_disk(number, move |_, disk| init(disk, buffer)))))
        }
        block_io::READ_WRITE | block_io::START if count > BLOCK_REQUEST_MAX => Ok(Answer::Now(block_io::TOO_MANY, 0)),
        block_io::READ_WRITE => match moves::take(machine, buffer, count)? {
            None => Ok(Answer::Now(block_io::BAD_BLOCK, 0)),
            Some(moves) if moves.iter().any(|request| request.write) => Ok(transfer(operands)),
            Some(moves) => {
                let list = moves::pin(machine, moves)?;
                Ok(read_cached(user, number, &list).unwrap_or_else(|| transfer(operands)))
            }
        },
        block_io::START => start(user, machine, operands),
        block_io::FLUSH => {
            let flush = |user: &User, disk: &Disk| Completion::status(status_of(user, disk, disk.extent.flush()));
            Ok(Answer::Worker(on_disk(number, flush)))
        }
        _ => Err(Refused::specification()),
    }
}

/// Leaves a list of requests to a worker, and lets the machine wait.
pub(super) fn transfer(operands: [u64; 6]) -> Answer {
    Answer::Deferred(Deferred { begin, operands })
}

/// Takes the requests of a machine that waits.
fn begin(machine: &mut Machine, operands: [u64; 6]) -> Result<Job, Refused> {
    let [_, number, list, count, ..] = operands;
    let Some(moves) = moves::take(machine, list, count)? else {
        return Ok(Box::new(|_| Step::Done(Completion::status(block_io::BAD_BLOCK))));
    };
    let list = moves::pin(machine, moves)?;
    Ok(on_disk(number, move |user, disk| move_blocks(user, disk, &list)))
}

/// Takes the requests of a machine that goes on. One that has too many under way waits.
fn start(user: &Arc<User>, machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [_, number, buffer, count, parameter, _] = operands;
    let under_way = machine.lists_under_way();
    if under_way >= LISTS_MAX || machine.space.much_is_pinned() {
        return Ok(transfer(operands));
    }
    let Some(moves) = moves::take(machine, buffer, count)? else { return Ok(Answer::Now(block_io::BAD_BLOCK, 0)) };
    let list = moves::pin(machine, moves)?;
    // What was begun earlier may be about the same blocks.
    if under_way == 0
        && let Some(answer) = read_cached(user, number, &list)
    {
        return Ok(answer);
    }
    lists::start(user, &machine.lists, number, list, parameter);
    Ok(Answer::Now(block_io::STARTED, 0))
}

fn disk_of(devices: &Devices, number: u64) -> Option<&Disk> {
    match devices.get(DeviceNumber(u16::try_from(number).ok()?)) {
        Some(Device::Disk(disk)) => Some(disk),
        _ => None,
    }
}

/// Reads of blocks that the host has in its cache, which is most of what a command reads: they need no worker and no wait. `None` when
/// it is anything else, an error too, or when the devices are busy at this moment.
fn read_cached(user: &User, number: u64, list: &List) -> Option<Answer> {
    let devices = user.devices.try_lock()?;
    let disk = disk_of(&devices, number)?;
    for (request, part) in list.each() {
        let whole = !request.write && request.on_disk(disk.blocks) == request.count;
        if !whole || !read(disk, list, request, part, request.count, true).unwrap_or(false) {
            return None;
        }
    }
    let blocks = u64::from(list.blocks());
    user.usage.count_io();
    user.cp().links.block_io.found.fetch_add(blocks, Ordering::Relaxed);
    Some(Answer::Now(0, blocks))
}

/// Reads the first `count` blocks of a move; with `cached` only what the host has in its cache, else false.
fn read(disk: &Disk, list: &List, request: &Move, part: &std::ops::Range<usize>, count: u32, cached: bool) -> Result<bool, ExtentError> {
    disk.extent.read_with(request.block, count, !cached, |file, at, bytes| list.pinned.read_from(part, bytes, file, at, cached))
}

/// A worker's job on the disk with that device number.
///
/// The devices stay locked meanwhile: DETACH and LOGOFF wait for it, and who links the disk next finds it and its host lock free.
fn on_disk(number: u64, job: impl FnOnce(&User, &Disk) -> Completion + Send + 'static) -> Job {
    Box::new(move |user| {
        let devices = user.devices.lock();
        Step::Done(match disk_of(&devices, number) {
            Some(disk) => {
                user.usage.count_io();
                job(user, disk)
            }
            None => Completion::status(block_io::NO_DEVICE),
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

/// Moves blocks in order until one fails; RDX counts those done.
fn move_blocks(user: &User, disk: &Disk, list: &List) -> Completion {
    let mut completion = Completion::default();
    if read_together(disk, list) {
        completion.value = u64::from(list.blocks());
        user.cp().links.block_io.waited.fetch_add(completion.value, Ordering::Relaxed);
        return completion;
    }
    for (request, part) in list.each() {
        let there = request.on_disk(disk.blocks);
        if there > 0
            && let Err(status) = move_run(user, disk, list, request, part, there)
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

/// Reads a list of several places that lie on the disk, all at once: the host's disk can put them in order. False when there is anything else
/// in the list, or something went wrong; doing it in order then finds out what.
fn read_together(disk: &Disk, list: &List) -> bool {
    let reads = |request: &Move| !request.write && request.on_disk(disk.blocks) == request.count;
    if list.moves.len() < 2 || !list.moves.iter().all(reads) {
        return false;
    }
    let requests: Vec<(u32, u32)> = list.moves.iter().map(|request| (request.block, request.count)).collect();
    let read = disk.extent.read_places(&requests, |places| {
        list.pinned.read_together(places.iter().map(|place| (&list.parts[place.request], place.bytes.clone(), place.file, place.at)))
    });
    read.unwrap_or(false)
}

/// Moves the first `count` blocks of a run, all of which are on the disk.
fn move_run(user: &User, disk: &Disk, list: &List, request: &Move, part: &std::ops::Range<usize>, count: u32) -> Result<(), u64> {
    let counts = &user.cp().links.block_io;
    if request.write && disk.read_only {
        return Err(block_io::READ_ONLY);
    }
    let moved = if request.write {
        counts.written.fetch_add(u64::from(count), Ordering::Relaxed);
        let bytes = 0..count as usize * BLOCK;
        disk.extent.write_with(request.block, count, |file, at| list.pinned.write_to(part, bytes, file, at))
    } else {
        counts.waited.fetch_add(u64::from(count), Ordering::Relaxed);
        read(disk, list, request, part, count, false).map(drop)
    };
    match status_of(user, disk, moved) {
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
