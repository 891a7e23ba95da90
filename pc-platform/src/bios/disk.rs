//! INT 13: disks by cylinder, head and sector, and by block (the Enhanced Disk Drive services).

use super::frame::{Frame, Register};
use crate::Storage;
use crate::disk::{Ended, Operation, SECTOR};

/// Most sectors of one call.
const COUNT_MAX: u16 = 128;
const FLOPPY: (u64, u64) = (2, 18);
const HARD: (u64, u64) = (16, 63);

/// Status codes in AH.
mod code {
    pub(super) const INVALID: u8 = 0x01;
    pub(super) const PROTECTED: u8 = 0x03;
    pub(super) const NOT_FOUND: u8 = 0x04;
    pub(super) const FAILED: u8 = 0x20;
}

/// A disk as INT 13 sees it.
#[derive(Clone, Copy, Debug)]
pub struct Drive {
    /// Its sectors.
    pub sectors: u64,
    /// Writes are refused.
    pub read_only: bool,
}

/// A request to a disk, and where the sectors of a read go.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) disk: usize,
    pub(super) operation: Operation,
    pub(super) to: u64,
}

/// Heads and sectors of a track.
fn geometry(number: u8) -> (u64, u64) {
    if number < 0x80 { FLOPPY } else { HARD }
}

fn succeed(frame: &mut Frame) {
    frame.set_high(Register::Ax, 0);
    frame.set_carry(false);
}

fn fail(frame: &mut Frame, code: u8) -> Option<Transfer> {
    frame.set_high(Register::Ax, code);
    frame.set_carry(true);
    None
}

/// Carries out a call, or answers with the transfer that it needs. Drive 0 is the first disk too, for boot sectors that were
/// written for a diskette.
pub(super) fn call(frame: &mut Frame, drives: &[Drive], storage: &dyn Storage) -> Option<Transfer> {
    let number = frame.low(Register::Dx);
    let disk = usize::from(number & 0x7f);
    let service = frame.high(Register::Ax);
    let Some(&drive) = drives.get(disk).filter(|_| number >= 0x80 || number == 0) else { return fail(frame, code::INVALID) };
    match service {
        0x00 | 0x0d | 0x11 => succeed(frame),
        0x02 | 0x03 => return by_geometry(frame, disk, drive, storage),
        0x08 => {
            let (heads, per_track) = geometry(number);
            let cylinders = (drive.sectors / (heads * per_track)).clamp(1, 1024) - 1;
            frame.set(Register::Cx, (cylinders as u16) << 8 | (cylinders as u16 >> 2 & 0xc0) | per_track as u16);
            frame.set_high(Register::Dx, heads as u8 - 1);
            frame.set_low(Register::Dx, if number < 0x80 { 1 } else { drives.len() as u8 });
            succeed(frame);
        }
        0x15 => {
            let sectors = drive.sectors as u32;
            succeed(frame);
            frame.set_high(Register::Ax, if number < 0x80 { 1 } else { 3 });
            frame.set(Register::Cx, (sectors >> 16) as u16);
            frame.set(Register::Dx, sectors as u16);
        }
        0x41 if frame.get(Register::Bx) == 0x55aa => {
            succeed(frame);
            frame.set(Register::Bx, 0xaa55);
            frame.set_high(Register::Ax, 0x21);
            frame.set(Register::Cx, 1);
        }
        0x42 | 0x43 => return by_block(frame, disk, drive, storage),
        0x48 => {
            let mut answer = [0; 26];
            answer[0] = 26;
            answer[16..24].copy_from_slice(&drive.sectors.to_le_bytes());
            answer[24..26].copy_from_slice(&(SECTOR as u16).to_le_bytes());
            if storage.store(frame.far(Register::Ds, Register::Si), &answer) {
                succeed(frame);
            } else {
                return fail(frame, code::INVALID);
            }
        }
        _ => return fail(frame, code::INVALID),
    }
    None
}

fn by_geometry(frame: &mut Frame, disk: usize, drive: Drive, storage: &dyn Storage) -> Option<Transfer> {
    let (heads, per_track) = geometry(frame.low(Register::Dx));
    let cx = frame.get(Register::Cx);
    let (cylinder, number) = (u64::from(cx >> 8 | cx << 2 & 0x300), u64::from(cx & 0x3f));
    let Some(number) = number.checked_sub(1) else { return fail(frame, code::INVALID) };
    let sector = (cylinder * heads + u64::from(frame.high(Register::Dx))) * per_track + number;
    let count = u16::from(frame.low(Register::Ax));
    let at = frame.far(Register::Es, Register::Bx);
    transfer(frame, disk, drive, storage, (sector, count, at))
}

fn by_block(frame: &mut Frame, disk: usize, drive: Drive, storage: &dyn Storage) -> Option<Transfer> {
    let mut packet = [0; 16];
    if !storage.load(frame.far(Register::Ds, Register::Si), &mut packet) || packet[0] < 16 {
        return fail(frame, code::INVALID);
    }
    let word = |at: usize| u16::from_le_bytes([packet[at], packet[at + 1]]);
    let sector = (0..4).fold(0, |sector, part| sector | u64::from(word(8 + 2 * part)) << (16 * part));
    let at = (u64::from(word(6)) << 4) + u64::from(word(4));
    transfer(frame, disk, drive, storage, (sector, word(2), at))
}

fn transfer(frame: &mut Frame, disk: usize, drive: Drive, storage: &dyn Storage, what: (u64, u16, u64)) -> Option<Transfer> {
    let (sector, count, at) = what;
    if count == 0 || count > COUNT_MAX {
        return fail(frame, code::INVALID);
    }
    if sector.checked_add(u64::from(count)).is_none_or(|end| end > drive.sectors) {
        return fail(frame, code::NOT_FOUND);
    }
    if frame.high(Register::Ax) & 1 == 0 {
        return Some(Transfer { disk, operation: Operation::Read { sector, count: u32::from(count) }, to: at });
    }
    if drive.read_only {
        return fail(frame, code::PROTECTED);
    }
    let mut data = vec![0; usize::from(count) * SECTOR];
    if !storage.load(at, &mut data) {
        return fail(frame, code::INVALID);
    }
    Some(Transfer { disk, operation: Operation::Write { sector, data }, to: at })
}

/// A transfer has ended: sectors that were read go to storage.
pub(super) fn ended(frame: &mut Frame, to: u64, ended: Ended, storage: &dyn Storage) {
    match ended {
        Ok(data) if data.is_empty() || storage.store(to, &data) => succeed(frame),
        _ => drop(fail(frame, code::FAILED)),
    }
}
