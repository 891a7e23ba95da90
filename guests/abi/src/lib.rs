//! What a CMS machine and CP agree on: the DIAGNOSE codes, the layouts they carry, and low storage.
//!
//! This is the whole contract. CP and every guest for `MACHINE CMS` are built against it and nothing else.
//!
//! **The machine.** Ring 3, flat 64-bit addresses, storage from address 0 to the size that DIAGNOSE X'60' answers.
//! x87 and SSE2 are promised and no other vector extension. FS and GS bases are zero and are not kept.
//!
//! **DIAGNOSE** is `out 0x83, eax`: the code in EAX, up to six operands in RDI, RSI, RDX, RCX, R8, R9 (the order of the
//! System V C convention). RAX answers with a return code and RDX with a value; every other general register is kept.
//! Vector registers and flags are undefined afterwards, except for LOAD PSW which keeps them.
//! An operand that names storage outside the machine is an addressing exception, one that names storage it may not
//! write a protection exception, an unknown code a specification exception: program interruptions of the machine.
//!
//! **Interruptions** are reflected as on System/370: CP stores the interrupted state in low storage, with a code,
//! and loads the new PSW of that class. See [`LowStorage`].
//!
//! Codes keep the numbers of VM where VM has one; X'100' to X'1FC' are the codes VM leaves to installations.
//! Integers are little-endian, names are ASCII upper case padded with blanks.
#![no_std]

pub mod services;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Version of this contract; answered by DIAGNOSE X'00' and checked by CMS when it is IPLed.
pub const VERSION: u32 = 2;

/// The I/O port whose write is DIAGNOSE (`out 0x83, eax`; X'83' is the DIAGNOSE operation code of System/370).
pub const DIAGNOSE_PORT: u8 = 0x83;

/// Bytes in a page of storage.
pub const PAGE: u64 = 4096;

/// DIAGNOSE codes. Operands are named in the order RDI, RSI, RDX, RCX, R8, R9.
pub mod code {
    /// Store extended identification: (buffer, length). Stores up to `length` bytes of [`super::Identification`]; RDX = bytes stored.
    pub const IDENTIFICATION: u32 = 0x00;
    /// CP command: (command, length, response buffer, response buffer length). With a buffer length of 0 the response goes to the
    /// console. RAX = the number of the CP message (0 when all is well), RDX = bytes of the whole response, lines ended by LF; when that
    /// is more than the buffer holds, the buffer holds its beginning. Commands are separated by X'15' (or LF); blanks alone enter CP READ. At most [`super::COMMAND_MAX`] bytes.
    pub const COMMAND: u32 = 0x08;
    /// Pseudo timer: (buffer). Stores one [`super::PseudoTimer`].
    pub const PSEUDO_TIMER: u32 = 0x0c;
    /// Release pages: (first address, last address). Whole pages between them read as zero afterwards.
    pub const RELEASE_PAGES: u32 = 0x10;
    /// Input spool file manipulation: (subcode, reader device, buffer, buffer length, spool id or number). Subcodes in [`super::spool_input`].
    pub const SPOOL_INPUT: u32 = 0x14;
    /// Device type and features: (device number or -1 for the console, buffer). Stores one [`super::DeviceInfo`]. RAX = 0, or 3 for no such device.
    pub const DEVICE_TYPE: u32 = 0x24;
    /// Give up the rest of the time slice: ().
    pub const YIELD: u32 = 0x44;
    /// Full-screen console: (operation of [`super::full_screen`], buffer, length, flags). Operations that write take a 3270 data stream from
    /// the buffer, those that read store one; RDX = bytes there are to store. RAX = 0 or a [`super::full_screen`] code.
    pub const FULL_SCREEN: u32 = 0x58;
    /// Storage size: (). RDX = bytes.
    pub const STORAGE_SIZE: u32 = 0x60;
    /// What the terminal can show: (buffer, length). Stores up to `length` bytes of a [`super::DisplayInfo`] and behind it the terminal's
    /// answer to a query, AID and structured fields; RDX = bytes there are. RAX = 0 or [`super::full_screen::NO_DISPLAY`].
    pub const DISPLAY_DATA: u32 = 0x8c;
    /// Spool file attributes: (device, buffer, spool id or 0). For a reader stores one [`super::SpoolFileBlock`] of that file of the
    /// machine's reader queue, or with 0 of the file being read, else of the next one; for a punch or printer of the file in progress,
    /// whose spool id is 0. RAX = 0, or [`super::spool_input::NO_FILE`].
    pub const SPOOL_ATTRIBUTES: u32 = 0xbc;
    /// Load PSW: (saved state). Loads the [`super::SavedState`] at that address: PSW and general registers. Vector registers are kept.
    /// A PSW with the wait bit makes the machine wait for an interruption it is enabled for.
    pub const LOAD_PSW: u32 = 0x100;
    /// Set system mask: (mask of [`super::mask`]). RDX = the old mask.
    pub const SET_MASK: u32 = 0x104;
    /// Console write: (line, length, flags of [`super::console`]). One line, without its end; at most [`super::CONSOLE_LINE_MAX`] bytes are shown.
    pub const CONSOLE_WRITE: u32 = 0x108;
    /// Console read: (buffer, buffer length, flags of [`super::console`]). The machine waits in VM READ until a line is typed.
    /// RAX = 0, or [`super::console::NO_LINE`] when told not to wait; RDX = bytes of the line (cut to the buffer).
    pub const CONSOLE_READ: u32 = 0x10c;
    /// Unit record output: (device number, buffer, length). The buffer holds records, each a [`super::RecordHeader`] and its data.
    /// RAX = 0, or a [`super::unit_record`] code; RDX = records taken.
    pub const UNIT_RECORD_WRITE: u32 = 0x110;
    /// Block I/O: (subcode of [`super::block_io`], device number, buffer, count, parameter).
    pub const BLOCK_IO: u32 = 0x250;
}

/// Longest CP command that DIAGNOSE X'08' takes, in bytes.
pub const COMMAND_MAX: u64 = 4096;
/// Longest line that one console write shows, in bytes.
pub const CONSOLE_LINE_MAX: u64 = 4096;
/// Most bytes one unit-record write or spool read moves.
pub const RECORD_BUFFER_MAX: u64 = 1 << 20;
/// Most blocks one block-I/O request moves.
pub const BLOCK_REQUEST_MAX: u64 = 256;
/// Most lists of block I/O that are under way beside a machine, until it takes the interruptions that tell their ends.
pub const LISTS_MAX: usize = 64;

/// Interruption classes a machine may be enabled for ([`Psw::mask`]). Program interruptions cannot be held off.
pub mod mask {
    /// External interruptions.
    pub const EXTERNAL: u32 = 1 << 0;
    /// Input/output interruptions.
    pub const IO: u32 = 1 << 1;
    /// Console attention: a line was typed, or a key pressed on a full screen, while no read was up.
    pub const ATTENTION: u32 = 1 << 2;
    /// The machine waits. With no class enabled this is a disabled wait and the machine is placed in CP mode.
    pub const WAIT: u32 = 1 << 31;
}

/// Flags and return codes of console read and write.
pub mod console {
    /// Write: the line is a prompt; the input that follows stands on the same line of a terminal.
    pub const PROMPT: u64 = 1;
    /// Read: answer [`NO_LINE`] at once when no line is waiting.
    pub const NO_WAIT: u64 = 1;
    /// Read: what is typed is a secret; it is not shown and not kept.
    pub const HIDDEN: u64 = 2;
    /// Return code: no line was waiting.
    pub const NO_LINE: u64 = 4;
}

/// Operations, flags and return codes of DIAGNOSE X'58'. The operations are the channel commands of a locally attached 3270 (GA23-0059).
///
/// The first write that erases takes the screen; a line that the machine writes or reads ends that. What CP has to say breaks in and the
/// screen comes back afterwards, without the machine having to do anything. Characters are code page 1047.
pub mod full_screen {
    /// Write: write control character and orders.
    pub const WRITE: u64 = 0x01;
    /// Read everything: AID, cursor address, characters and attributes.
    pub const READ_BUFFER: u64 = 0x02;
    /// Empty the screen, in its default size, and write.
    pub const ERASE_WRITE: u64 = 0x05;
    /// Wait for a key and read: AID, cursor address, and what was typed into each field behind its address.
    pub const READ_MODIFIED: u64 = 0x06;
    /// Empty the screen, in its alternate size, and write.
    pub const ERASE_WRITE_ALTERNATE: u64 = 0x0d;
    /// Empty what can be typed into.
    pub const ERASE_ALL_UNPROTECTED: u64 = 0x0f;
    /// Structured fields. The answer to a query is what is read next.
    pub const WRITE_STRUCTURED_FIELD: u64 = 0x11;
    /// Flag of the operations that read: answer [`NO_KEY`] at once when no key was pressed.
    pub const NO_WAIT: u64 = 1;
    /// Return code: no key was pressed.
    pub const NO_KEY: u64 = 4;
    /// Return code: the machine has not taken the screen, or has given it up by writing or reading a line. Begin with an operation that erases.
    pub const NOT_TAKEN: u64 = 8;
    /// Return code: the terminal shows lines only, or there is none.
    pub const NO_DISPLAY: u64 = 12;
    /// Longest data stream of a write, in bytes.
    pub const STREAM_MAX: u64 = 64 << 10;
    /// The code page of data streams.
    pub const CODE_PAGE: u32 = 1047;
    /// [`super::DisplayInfo::flags`]: extended colours and highlighting.
    pub const EXTENDED: u32 = 1;
}

/// Subcodes and return codes of DIAGNOSE X'14'. The subcodes are VM's; X'0100' is ours.
///
/// A file is read by buffers (X'0000', X'0014', X'0018', X'0028') or by records (X'0100'). Whoever changes from one to the other begins at
/// the file's first record again. Each subcode that reads opens the reader's next file when none is being read.
pub mod spool_input {
    /// Read the next buffer of the file being read: stores one [`super::SpoolBuffer`]. At the end of a file a reader with SPOOL CONT goes on
    /// with the next copy or the next file, the file that ended being closed.
    pub const READ_BUFFER: u64 = 0x0000;
    /// The next print file of the reader: stores one [`super::SpoolFileBlock`]. A call after anything else begins with the first one.
    pub const NEXT_PRINT: u64 = 0x0004;
    /// The same for files of cards.
    pub const NEXT_PUNCH: u64 = 0x0008;
    /// Select the file with that spool id for reading from its beginning.
    pub const SELECT: u64 = 0x000c;
    /// Set the copies of the file being read to the number in place of the spool id, 1 to 255.
    pub const REPEAT: u64 = 0x0010;
    /// Begin the file being read again and store its first buffer.
    pub const RESTART: u64 = 0x0014;
    /// Go back one buffer and store it: the one before that which was stored last.
    pub const BACKSPACE: u64 = 0x0018;
    /// Go to the buffer with the number in place of the spool id, from 1; the next read stores it.
    pub const POSITION: u64 = 0x0028;
    /// Read on by records: fills the buffer with whole records ([`super::RecordHeader`] + data). RDX = bytes stored. Never goes on to another
    /// file.
    pub const READ_RECORDS: u64 = 0x0100;
    /// The file behind the one with that spool id in the machine's reader queue, whatever its class and hold, or with 0 the first: stores
    /// one [`super::SpoolFileBlock`].
    pub const NEXT_BLOCK: u64 = 0x0ffe;
    /// The same with the tag: stores one [`super::SpoolDescriptor`].
    pub const NEXT_DESCRIPTOR: u64 = 0x0fff;
    /// Return code (condition code 1): no more records, or no more files. The file stays open until the reader is closed.
    pub const END_OF_FILE: u64 = 4;
    /// Return code (condition code 2): no such file, the reader is empty, or it is at the end of a file under SPOOL NOEOF.
    pub const NO_FILE: u64 = 8;
    /// Return code (condition code 3): the buffer cannot hold what there is; RDX = bytes that it needs. When that is more than a
    /// [`super::SpoolBuffer`] has, the record can only be read by records.
    pub const BUFFER_SHORT: u64 = 12;
    /// Return code (condition code 3): the file cannot be read back from the spool.
    pub const DAMAGED: u64 = 16;
    /// Return code (condition code 3): the device is no reader of this machine.
    pub const NOT_A_READER: u64 = 20;
}

/// Bits of [`SpoolRecord::flags`] and values of [`SpoolRecord::opcode`].
pub mod spool_record {
    /// Opcode: no operation. Its data is the file's tag; it stands at the beginning of the first buffer.
    pub const NOP: u8 = 0x03;
    /// Flag: a printer control without data; the next record follows the eight bytes up to `data_length`.
    pub const IMMEDIATE: u8 = 0x10;
}

/// Return codes of unit record output.
pub mod unit_record {
    /// The device is no punch or printer of this machine.
    pub const NOT_AN_OUTPUT_DEVICE: u64 = 4;
    /// A record header runs past the buffer or a record is longer than the device's ([`super::DeviceInfo::blocks`]).
    pub const BAD_RECORD: u64 = 8;
    /// The spool could not store it (full, or an I/O error); the file in progress is lost.
    pub const SPOOL_ERROR: u64 = 12;
    /// A channel command that the device does not have.
    pub const BAD_COMMAND: u64 = 16;
}

/// Subcodes and return codes of DIAGNOSE X'250'.
pub mod block_io {
    /// Begin using a device: (INIT, device, buffer). Stores one [`super::BlockInfo`].
    pub const INIT: u64 = 0;
    /// Move blocks: (READ_WRITE, device, array of [`super::BlockRequest`], count). RDX = requests done. The machine waits for the end.
    pub const READ_WRITE: u64 = 1;
    /// Make every block durable whose writing has ended: (FLUSH, device).
    pub const FLUSH: u64 = 2;
    /// Move blocks while the machine goes on: (START, device, array of [`super::BlockRequest`], count, parameter). RAX = [`STARTED`]: an
    /// external interruption [`EXTERNAL_CODE`] tells the end. Or it is done at once, or when [`super::LISTS_MAX`] are under way after a
    /// wait, and answered as [`READ_WRITE`] is. The array may be used again at once, the blocks at the end. What is under way together is
    /// done in any order.
    pub const START: u64 = 3;
    /// Return code of [`START`]: the end comes as an interruption.
    pub const STARTED: u64 = 8;
    /// External interruption code of block I/O, VM's. [`super::LowStorage::external_status`] holds the return code,
    /// [`super::LowStorage::external_count`] the requests done, [`super::LowStorage::external_parameter`] the parameter.
    pub const EXTERNAL_CODE: u32 = 0x2603;
    /// Return code: no such device or no disk.
    pub const NO_DEVICE: u64 = 16;
    /// Return code: a write to a read-only disk.
    pub const READ_ONLY: u64 = 20;
    /// Return code: a block number is 0 or beyond the end, or an operation is unknown.
    pub const BAD_BLOCK: u64 = 24;
    /// Return code: the host could not do it; nothing is known of the blocks from the failing request on.
    pub const IO_ERROR: u64 = 28;
    /// Return code: too many requests in one call.
    pub const TOO_MANY: u64 = 32;
    /// Return code: the host has no room for the block (disk full).
    pub const NO_SPACE: u64 = 36;
}

/// Program interruption codes ([`LowStorage::program_code`]), after z/Architecture Principles of Operation.
pub mod program {
    /// An instruction that does not exist for this machine.
    pub const OPERATION: u32 = 0x01;
    /// A privileged instruction, or port I/O other than DIAGNOSE.
    pub const PRIVILEGED: u32 = 0x02;
    /// A store into storage that may only be read.
    pub const PROTECTION: u32 = 0x04;
    /// An address outside the machine's storage.
    pub const ADDRESSING: u32 = 0x05;
    /// A malformed operand (alignment, unknown DIAGNOSE code).
    pub const SPECIFICATION: u32 = 0x06;
    /// A floating-point or SIMD exception.
    pub const DATA: u32 = 0x07;
    /// A division by zero or whose quotient does not fit.
    pub const DIVIDE: u32 = 0x09;
    /// A debugging event: breakpoint or single step.
    pub const DEBUG_EVENT: u32 = 0x80;
}

/// Where execution goes on: address, stack, flags and enabled interruption classes. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Psw {
    /// Instruction address (RIP).
    pub address: u64,
    /// Stack pointer (RSP).
    pub stack: u64,
    /// RFLAGS; only the status, direction and trap bits are taken.
    pub flags: u32,
    /// Classes of [`mask`].
    pub mask: u32,
}

/// A PSW and the sixteen general registers, in the order of the x86-64 encoding (RAX RCX RDX RBX RSP RBP RSI RDI R8..R15). 152 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SavedState {
    /// Address, stack, flags, mask. `psw.stack` wins over `registers[4]`.
    pub psw: Psw,
    /// General registers.
    pub registers: [u64; 16],
}

/// Address of [`LowStorage`] in every machine.
pub const LOW_STORAGE: u64 = 0x200;

/// The words at [`LOW_STORAGE`] through which CP and the machine exchange interruptions.
///
/// For each class CP stores the interrupted state into `*_old` and loads `*_new`. A class whose new PSW has address 0 is never reflected:
/// a program interruption then places the machine in CP mode with a message, the others stay pending.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LowStorage {
    /// Loaded for a program interruption.
    pub program_new: Psw,
    /// Loaded for an external interruption.
    pub external_new: Psw,
    /// Loaded for an I/O interruption.
    pub io_new: Psw,
    /// Loaded for a console attention.
    pub attention_new: Psw,
    /// State at a program interruption.
    pub program_old: SavedState,
    /// State at an external interruption.
    pub external_old: SavedState,
    /// State at an I/O interruption.
    pub io_old: SavedState,
    /// State at a console attention.
    pub attention_old: SavedState,
    /// One of [`program`].
    pub program_code: u32,
    /// The x86 exception vector that CP saw, for debugging only: hosts differ.
    pub program_vector: u32,
    /// The storage address that a protection or addressing exception is about.
    pub program_address: u64,
    /// Why the external interruption.
    pub external_code: u32,
    /// Which device interrupts.
    pub io_device: u32,
    /// Block I/O: how it ended.
    pub external_status: u32,
    /// Block I/O: requests done.
    pub external_count: u32,
    /// Block I/O: the parameter that was given with the list.
    pub external_parameter: u64,
}

/// DIAGNOSE X'00': who and where. 48 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Identification {
    /// `CP-64   `.
    pub system_name: [u8; 8],
    /// Version of the contract: [`VERSION`].
    pub version: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// The user.
    pub userid: [u8; 8],
    /// The system identifier.
    pub system_id: [u8; 8],
    /// CP's release as text.
    pub release: [u8; 16],
}

/// DIAGNOSE X'0C': date, time and processor time used. 64 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PseudoTimer {
    /// Local date `yyyy-mm-dd`, blank padded.
    pub date: [u8; 12],
    /// Name of the time zone, blank padded.
    pub zone: [u8; 12],
    /// Local time `hh:mm:ss`.
    pub time: [u8; 8],
    /// Seconds since 1970-01-01 UTC.
    pub unix_seconds: u64,
    /// Seconds that local time is ahead of UTC.
    pub zone_seconds: i64,
    /// Virtual processor time, in microseconds.
    pub virtual_us: u64,
    /// Virtual and CP's time for this machine, in microseconds.
    pub total_us: u64,
}

/// Device classes of [`DeviceInfo::class`].
pub mod device {
    /// A console.
    pub const CONSOLE: u32 = 1;
    /// A card reader.
    pub const READER: u32 = 2;
    /// A card punch.
    pub const PUNCH: u32 = 3;
    /// A printer.
    pub const PRINTER: u32 = 4;
    /// A minidisk.
    pub const DASD: u32 = 5;
    /// [`super::DeviceInfo::flags`] and [`super::BlockInfo::flags`]: the disk may only be read.
    pub const READ_ONLY: u32 = 1;
}

/// DIAGNOSE X'24': one virtual device. 40 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct DeviceInfo {
    /// Device number.
    pub number: u32,
    /// One of [`device`].
    pub class: u32,
    /// [`device::READ_ONLY`].
    pub flags: u32,
    /// Disk: cylinders as defined, 0 for an FBA disk. Console: columns of the terminal.
    pub cylinders: u32,
    /// Disk: 4096-byte blocks. Unit record: record length.
    pub blocks: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Type as people name it: `3390`, `2540`, `1403`, `3215`.
    pub name: [u8; 8],
    /// Disk: volume label of the real volume, blanks otherwise.
    pub volume: [u8; 8],
}

/// DIAGNOSE X'8C': what the terminal can show. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct DisplayInfo {
    /// [`full_screen::EXTENDED`].
    pub flags: u32,
    /// [`full_screen::CODE_PAGE`].
    pub code_page: u32,
    /// Rows of the default size.
    pub default_rows: u16,
    /// Columns of the default size.
    pub default_columns: u16,
    /// Rows of the alternate size.
    pub rows: u16,
    /// Columns of the alternate size.
    pub columns: u16,
}

/// DIAGNOSE X'250' INIT: the disk. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BlockInfo {
    /// Bytes in a block: 4096.
    pub block_size: u32,
    /// [`device::READ_ONLY`].
    pub flags: u32,
    /// Blocks on the disk; they are numbered from 1.
    pub blocks: u64,
    /// Cylinders as defined, 0 for an FBA disk.
    pub cylinders: u32,
    /// Reserved, zero.
    pub reserved: u32,
}

/// One block to move. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BlockRequest {
    /// 1 = write, 2 = read (as in VM).
    pub operation: u32,
    /// Block number, from 1.
    pub block: u32,
    /// Storage address of the block's 4096 bytes.
    pub buffer: u64,
}

/// Stands before each record of a unit-record buffer. 4 bytes, no alignment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct RecordHeader {
    /// Bytes of the record that follows.
    pub length: u16,
    /// Channel command as on a 2540 (X'41' punch) or a 1403 (X'09' print and space one line); bit 8 marks a NETDATA control record.
    pub command: u16,
}

/// DIAGNOSE X'BC': attributes of a spool file. 128 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SpoolFileBlock {
    /// Spool id, 1 to 9999.
    pub spid: u32,
    /// Copies.
    pub copies: u32,
    /// Records.
    pub records: u64,
    /// Seconds since 1970-01-01 UTC when it was created.
    pub created: u64,
    /// Who made it.
    pub origin: [u8; 8],
    /// Whose it is.
    pub owner: [u8; 8],
    /// File name.
    pub name: [u8; 12],
    /// File type.
    pub file_type: [u8; 12],
    /// Distribution code.
    pub dist: [u8; 8],
    /// Form.
    pub form: [u8; 8],
    /// Class, A-Z or 0-9.
    pub class: u8,
    /// Device it came from: `R`, `P` (printer), `U` (punch), `C` (console).
    pub device: u8,
    /// `N` none, `U` user, `S` system, `B` both.
    pub hold: u8,
    /// `Y` when it survives being read.
    pub keep: u8,
    /// Reserved, zero.
    pub reserved: [u8; 44],
}

/// DIAGNOSE X'14' X'0FFF': attributes and tag of a spool file. 264 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SpoolDescriptor {
    /// The attributes.
    pub block: SpoolFileBlock,
    /// What TAG attached to the file, padded with blanks.
    pub tag: [u8; 136],
}

/// DIAGNOSE X'14' X'0000': a page of records, laid out as VM's SPLINK. 4096 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SpoolBuffer {
    /// Zero: records follow.
    pub magic: u32,
    /// Reserved, zero.
    pub reserved1: [u8; 8],
    /// Records in `data`.
    pub records: u32,
    /// The records, each a [`SpoolRecord`] and its data, one behind the other without alignment.
    pub data: [u8; SPOOL_DATA],
    /// Record length of the device the file came from, or of the longest record here if that is more. A record is shorter than this where
    /// blanks at its end were not stored.
    pub record_length: u16,
    /// Reserved, zero.
    pub reserved2: [u8; 22],
    /// Spool id.
    pub spid: u16,
    /// Reserved, zero.
    pub reserved3: [u8; 6],
}

/// Bytes of records in a [`SpoolBuffer`].
pub const SPOOL_DATA: usize = 4048;

/// Stands before each record of a [`SpoolBuffer`]: the channel command word that wrote it, and where the next one begins. 12 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SpoolRecord {
    /// Channel command, or [`spool_record::NOP`].
    pub opcode: u8,
    /// Reserved, zero.
    pub reserved1: [u8; 3],
    /// Bits of [`spool_record`].
    pub flags: u8,
    /// Reserved, zero.
    pub reserved2: u8,
    /// Bytes of data.
    pub data_length: u16,
    /// Reserved, zero.
    pub reserved3: [u8; 2],
    /// Bytes from the opcode to that of the next record.
    pub length: u16,
}

const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<Psw>() == 24);
    assert!(size_of::<SavedState>() == 152);
    assert!(size_of::<LowStorage>() == 4 * 24 + 4 * 152 + 40);
    assert!(offset_of!(LowStorage, program_old) == 96);
    assert!(offset_of!(LowStorage, program_code) == 704);
    assert!(offset_of!(LowStorage, external_status) == 728);
    assert!(LOW_STORAGE as usize + size_of::<LowStorage>() <= PAGE as usize);
    assert!(size_of::<Identification>() == 48);
    assert!(size_of::<PseudoTimer>() == 64);
    assert!(size_of::<DeviceInfo>() == 40);
    assert!(size_of::<DisplayInfo>() == 16);
    assert!(size_of::<BlockInfo>() == 24);
    assert!(size_of::<BlockRequest>() == 16);
    assert!(size_of::<RecordHeader>() == 4);
    assert!(size_of::<SpoolFileBlock>() == 128);
    assert!(size_of::<SpoolDescriptor>() == 264);
    assert!(size_of::<SpoolBuffer>() == PAGE as usize);
    assert!(offset_of!(SpoolBuffer, records) == 0x00c);
    assert!(offset_of!(SpoolBuffer, data) == 0x010);
    assert!(offset_of!(SpoolBuffer, record_length) == 0xfe0);
    assert!(offset_of!(SpoolBuffer, spid) == 0xff8);
    assert!(size_of::<SpoolRecord>() == 12);
    assert!(offset_of!(SpoolRecord, flags) == 4);
    assert!(offset_of!(SpoolRecord, data_length) == 6);
    assert!(offset_of!(SpoolRecord, length) == 10);
};

/// The calling side.
#[cfg(feature = "guest")]
#[allow(unsafe_code)]
pub mod call {
    /// Issues DIAGNOSE `code` and answers (RAX, RDX).
    ///
    /// # Safety
    /// The operands must mean what `code` says of them: storage that CP writes must be the caller's to give.
    #[inline]
    pub unsafe fn diagnose(code: u32, operands: [u64; 6]) -> (u64, u64) {
        let [a, b, c, d, e, f] = operands;
        let (status, value): (u64, u64);
        // SAFETY: CP keeps every register but RAX, RDX, the flags and the vector registers; the caller vouches for the operands.
        unsafe {
            core::arch::asm!(
                "out 0x83, eax",
                inlateout("rax") u64::from(code) => status,
                in("rdi") a, in("rsi") b, inlateout("rdx") c => value,
                in("rcx") d, in("r8") e, in("r9") f,
                clobber_abi("C"),
                options(nostack),
            );
        }
        (status, value)
    }
}
