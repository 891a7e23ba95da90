//! DIAGNOSE as safe calls: each passes only storage that it owns for the time of the call.

use alloc::vec::Vec;
use core::mem::MaybeUninit;

use abi::call::diagnose;
use abi::code;

/// Bytes in a page.
pub const PAGE: usize = abi::PAGE as usize;

/// The address of something as an operand.
fn address<T: ?Sized>(of: *const T) -> u64 {
    of.cast::<u8>() as u64
}

/// A structure of the contract that CP stores.
///
/// # Safety
/// Only for structures of integers and arrays of them: zeroes, and whatever CP stores, must be values.
unsafe trait Stored: Copy {}
// SAFETY: integers and arrays of them.
unsafe impl Stored for abi::Identification {}
// SAFETY: integers and arrays of them.
unsafe impl Stored for abi::PseudoTimer {}
// SAFETY: integers and arrays of them.
unsafe impl Stored for abi::DeviceInfo {}
// SAFETY: integers and arrays of them.
unsafe impl Stored for abi::DisplayInfo {}
// SAFETY: integers and arrays of them.
unsafe impl Stored for abi::SpoolFileBlock {}

/// Stores a structure that `code` fills in; `operands` puts its address in place. `None` when RAX is not 0.
fn stored<T: Stored>(code: u32, operands: impl FnOnce(u64) -> [u64; 6]) -> Option<T> {
    let mut answer = MaybeUninit::<T>::zeroed();
    // SAFETY: the buffer is ours and of the size that the contract gives the structure.
    let (status, _) = unsafe { diagnose(code, operands(address(answer.as_mut_ptr()))) };
    // SAFETY: zeroes and what CP stored are values, by the promise of Stored.
    (status == 0).then(|| unsafe { answer.assume_init() })
}

/// Who and where this machine is.
pub fn identification() -> abi::Identification {
    let length = size_of::<abi::Identification>() as u64;
    stored(code::IDENTIFICATION, |buffer| [buffer, length, 0, 0, 0, 0]).unwrap_or_default()
}

/// Date, time and processor time used.
pub fn pseudo_timer() -> abi::PseudoTimer {
    stored(code::PSEUDO_TIMER, |buffer| [buffer, 0, 0, 0, 0, 0]).unwrap_or_default()
}

/// Bytes of storage of this machine.
pub fn storage_size() -> u64 {
    // SAFETY: no storage is named.
    unsafe { diagnose(code::STORAGE_SIZE, [0; 6]) }.1
}

/// Makes the pages from `first` to the one that holds `last` read as zero, and gives them back.
///
/// # Safety
/// Nothing live may be in them.
pub unsafe fn release_pages(first: usize, last: usize) {
    // SAFETY: the caller gives this storage up.
    unsafe { diagnose(code::RELEASE_PAGES, [first as u64, last as u64, 0, 0, 0, 0]) };
}

/// Enables these classes of interruptions; answers the classes enabled before.
pub fn set_mask(mask: u32) -> u32 {
    // SAFETY: no storage is named; the handlers of every class that is ever enabled are in place before.
    unsafe { diagnose(code::SET_MASK, [u64::from(mask), 0, 0, 0, 0, 0]) }.1 as u32
}

/// Stops for good: a disabled wait, which places the machine in CP mode.
pub fn disabled_wait() -> ! {
    let mut state = abi::SavedState::default();
    state.psw.mask = abi::mask::WAIT;
    loop {
        // SAFETY: the state is ours; should CP resume the machine, the loop waits again.
        unsafe { diagnose(code::LOAD_PSW, [address(&raw const state), 0, 0, 0, 0, 0]) };
    }
}

/// Writes a line to the console.
pub fn console_write(line: &[u8], flags: u64) {
    // SAFETY: CP only reads the line.
    unsafe { diagnose(code::CONSOLE_WRITE, [address(line.as_ptr()), line.len() as u64, flags, 0, 0, 0]) };
}

/// Reads a line from the console into the buffer; answers its length, or `None` when none was waiting.
pub fn console_read(buffer: &mut [u8], flags: u64) -> Option<usize> {
    let operands = [address(buffer.as_mut_ptr()), buffer.len() as u64, flags, 0, 0, 0];
    // SAFETY: the buffer is ours to write.
    let (status, length) = unsafe { diagnose(code::CONSOLE_READ, operands) };
    (status == 0).then(|| (length as usize).min(buffer.len()))
}

/// What the terminal shows beside lines.
pub fn display() -> Option<abi::DisplayInfo> {
    let length = size_of::<abi::DisplayInfo>() as u64;
    stored(code::DISPLAY_DATA, |buffer| [buffer, length, 0, 0, 0, 0])
}

/// Writes a data stream to the screen; answers RAX.
pub fn write_screen(operation: u64, stream: &[u8]) -> u64 {
    // SAFETY: CP only reads the stream.
    unsafe { diagnose(code::FULL_SCREEN, [operation, address(stream.as_ptr()), stream.len() as u64, 0, 0, 0]) }.0
}

/// Waits for a key and takes what was typed, cut to the buffer; answers its length, or `None` when there is no screen.
pub fn read_screen(buffer: &mut [u8]) -> Option<usize> {
    let operands = [abi::full_screen::READ_MODIFIED, address(buffer.as_mut_ptr()), buffer.len() as u64, 0, 0, 0];
    // SAFETY: the buffer is ours to write.
    let (status, length) = unsafe { diagnose(code::FULL_SCREEN, operands) };
    (status == 0).then(|| (length as usize).min(buffer.len()))
}

/// Runs a CP command, its response to the spare capacity of `response`, cut to it; answers the number of CP's message.
pub fn command(text: &[u8], response: &mut Vec<u8>) -> u32 {
    response.clear();
    let room = response.spare_capacity_mut();
    let capacity = room.len();
    let operands = [address(text.as_ptr()), text.len() as u64, address(room.as_mut_ptr()), capacity as u64, 0, 0];
    // SAFETY: CP only reads the command; the spare capacity is ours to write.
    let (status, length) = unsafe { diagnose(code::COMMAND, operands) };
    // SAFETY: CP has stored that much of the response, at most the capacity.
    unsafe { response.set_len((length as usize).min(capacity)) };
    status as u32
}

/// Runs a CP command, its response to the console; answers the number of CP's message.
pub fn command_to_console(text: &[u8]) -> u32 {
    // SAFETY: CP only reads the command.
    unsafe { diagnose(code::COMMAND, [address(text.as_ptr()), text.len() as u64, 0, 0, 0, 0]) }.0 as u32
}

/// The virtual device with that number.
pub fn device(vdev: u32) -> Option<abi::DeviceInfo> {
    stored(code::DEVICE_TYPE, |buffer| [u64::from(vdev), buffer, 0, 0, 0, 0])
}

/// The reader file with that spool id, or with 0 the one being read or the next.
pub fn spool_attributes(reader: u32, spid: u32) -> Option<abi::SpoolFileBlock> {
    stored(code::SPOOL_ATTRIBUTES, |buffer| [u64::from(reader), buffer, u64::from(spid), 0, 0, 0])
}

/// Spool input: answers RAX and RDX.
pub fn spool_input(subcode: u64, reader: u32, buffer: &mut [u8], spid: u32) -> (u64, usize) {
    let operands = [subcode, u64::from(reader), address(buffer.as_mut_ptr()), buffer.len() as u64, u64::from(spid), 0];
    // SAFETY: the buffer is ours to write.
    let (status, length) = unsafe { diagnose(code::SPOOL_INPUT, operands) };
    (status, length as usize)
}

/// Writes records to a unit-record device; answers RAX.
pub fn unit_record_write(vdev: u32, records: &[u8]) -> u64 {
    let operands = [u64::from(vdev), address(records.as_ptr()), records.len() as u64, 0, 0, 0];
    // SAFETY: CP only reads the records.
    unsafe { diagnose(code::UNIT_RECORD_WRITE, operands) }.0
}

/// Begins block I/O on a disk.
///
/// # Errors
/// One of the [`abi::block_io`] codes.
pub fn block_init(vdev: u32) -> Result<abi::BlockInfo, u64> {
    let mut info = abi::BlockInfo::default();
    let operands = [abi::block_io::INIT, u64::from(vdev), address(&raw mut info), 0, 0, 0];
    // SAFETY: `info` is ours to write.
    match unsafe { diagnose(code::BLOCK_IO, operands) }.0 {
        0 => Ok(info),
        status => Err(status),
    }
}

/// Blocks that one request list of ours moves: the list stands on the stack.
const LIST: usize = 64;

/// Reads the blocks named into storage, 4096 bytes for each; both iterators stop with the shorter.
///
/// # Errors
/// One of the [`abi::block_io`] codes.
pub fn block_read(vdev: u32, mut blocks: impl Iterator<Item = u32>, into: &mut [u8]) -> Result<(), u64> {
    for part in into.chunks_mut(LIST * PAGE) {
        let buffers = part.chunks_exact_mut(PAGE).map(|block| address(block.as_mut_ptr()));
        // SAFETY: each request names a different block of a buffer that is ours to write.
        unsafe { block_requests(vdev, 2, &mut blocks, buffers) }?;
    }
    Ok(())
}

/// Writes the blocks named from storage, 4096 bytes for each.
///
/// # Errors
/// One of the [`abi::block_io`] codes.
pub fn block_write(vdev: u32, mut blocks: impl Iterator<Item = u32>, from: &[u8]) -> Result<(), u64> {
    for part in from.chunks(LIST * PAGE) {
        let buffers = part.chunks_exact(PAGE).map(|block| address(block.as_ptr()));
        // SAFETY: CP only reads the blocks.
        unsafe { block_requests(vdev, 1, &mut blocks, buffers) }?;
    }
    Ok(())
}

/// Moves up to [`LIST`] blocks between the buffers and the next blocks.
///
/// # Safety
/// Each buffer must be the address of a block's worth of storage, which for a read must be the caller's to write.
unsafe fn block_requests(
    vdev: u32,
    operation: u32,
    blocks: &mut impl Iterator<Item = u32>,
    buffers: impl Iterator<Item = u64>,
) -> Result<(), u64> {
    let mut list = [abi::BlockRequest::default(); LIST];
    let mut count = 0;
    for (slot, buffer) in list.iter_mut().zip(buffers) {
        let Some(block) = blocks.next() else { break };
        *slot = abi::BlockRequest { operation, block, buffer };
        count += 1;
    }
    let operands = [abi::block_io::READ_WRITE, u64::from(vdev), address(list.as_ptr()), count, 0, 0];
    // SAFETY: the caller vouches for the buffers.
    match unsafe { diagnose(code::BLOCK_IO, operands) }.0 {
        0 => Ok(()),
        status => Err(status),
    }
}

/// Makes every block written so far durable.
///
/// # Errors
/// One of the [`abi::block_io`] codes.
pub fn block_flush(vdev: u32) -> Result<(), u64> {
    // SAFETY: no storage is named.
    match unsafe { diagnose(code::BLOCK_IO, [abi::block_io::FLUSH, u64::from(vdev), 0, 0, 0, 0]) }.0 {
        0 => Ok(()),
        status => Err(status),
    }
}
