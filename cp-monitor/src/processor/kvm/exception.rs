//! What an exception in the assist area means to the machine that raised it. Decides only; nothing here touches a vCPU.

use vm_memory::mmap::MmapRegion;
use vm_memory::{Bytes, VolatileMemory};

use super::assist;
use crate::processor::classify::program_code;
use crate::processor::{Context, Exit, MACHINE_FLAGS, Registers};
use crate::storage::AddressSpace;

/// What an exception pushed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    error: u64,
    rip: u64,
    rflags: u64,
    rsp: u64,
}

impl Frame {
    /// Reads what processor `number` pushed for exception `vector`, its stack pointer being `rsp` now. None when there is no frame of
    /// an exception in ring 3.
    pub(super) fn read(assist: &MmapRegion, number: usize, vector: u8, rsp: u64) -> Option<Self> {
        let has_error = matches!(vector, 8 | 10..=14 | 17 | 21 | 29 | 30);
        let words = if has_error { 6 } else { 5 };
        let offset = assist::stack_offset(number, rsp)?;
        assist::stack_offset(number, rsp + words * 8 - 1)?;
        let word = |index: usize| assist.as_volatile_slice().read_obj::<u64>(offset + index * 8).ok();
        let first = usize::from(has_error);
        let cs = word(first + 1)?;
        // An exception of ring 0 itself: the assist area never has one.
        if cs & 3 != 3 {
            return None;
        }
        Some(Frame { error: if has_error { word(0)? } else { 0 }, rip: word(first)?, rflags: word(first + 2)?, rsp: word(first + 3)? })
    }
}

/// Decides what an exception is to the machine and puts its registers back as they were.
pub(super) fn exception(context: &mut Context, space: &mut AddressSpace, vector: u8, frame: Frame, cr2: u64) -> Exit {
    const STORE: u64 = 1 << 1;
    const FETCH: u64 = 1 << 4;
    context.registers.rip = frame.rip;
    context.registers.rflags = frame.rflags & MACHINE_FLAGS;
    context.registers[Registers::RSP] = frame.rsp;
    context.vectors_live = true;
    if vector == 14 {
        if frame.error & FETCH != 0 && assist::syscall_targets().contains(&frame.rip) {
            // Some hosts let SYSCALL jump to its target while still in ring 3.
            return refused_syscall(context);
        }
        if cr2 < space.size() {
            return Exit::PageFault { address: cr2, write: frame.error & STORE != 0 };
        }
        return Exit::Program { code: abi::program::ADDRESSING, vector: 14, address: cr2 };
    }
    let mut instruction = [0; 15];
    let length = (0..=15).rev().find(|&length| space.read(frame.rip, &mut instruction[..length]).is_ok()).unwrap_or(0);
    let code = program_code(u32::from(vector), frame.error, &instruction[..length]);
    Exit::Program { code, vector: u32::from(vector), address: 0 }
}

/// SYSCALL got as far as its target: RCX and R11 hold where it came from. It is no instruction of a CMS machine.
pub(super) fn refused_syscall(context: &mut Context) -> Exit {
    const LENGTH: u64 = 2;
    context.registers.rip = context.registers[Registers::RCX].wrapping_sub(LENGTH);
    context.registers.rflags = context.registers[11] & MACHINE_FLAGS;
    context.vectors_live = true;
    Exit::Program { code: abi::program::OPERATION, vector: 6, address: 0 }
}
