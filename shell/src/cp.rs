//! What CMS asks of CP: one trait, so that the shell runs over DIAGNOSE in a machine and over a double in the tests.

use alloc::vec::Vec;

use abi::{DeviceInfo, DisplayInfo, Identification, PseudoTimer, SpoolFileBlock};
use minidisk::edf::BlockDevice;

use crate::immediate::OwnImmediates;
use crate::module::ProgramServices;
use crate::session::Session;

/// Device number of the virtual card reader.
pub const READER: u32 = 0x00c;
/// Device number of the virtual card punch.
pub const PUNCH: u32 = 0x00d;
/// Device number of the virtual printer.
pub const PRINTER: u32 = 0x00e;

/// CP, as a machine running CMS sees it.
pub trait Cp: 'static {
    /// A minidisk of the machine.
    type Disk: BlockDevice;

    /// Who and where this machine is (DIAGNOSE X'00').
    fn identification(&mut self) -> Identification;
    /// Date, time and processor time used (DIAGNOSE X'0C').
    fn timer(&mut self) -> PseudoTimer;

    /// Shows one line on the console. Nothing is shown while typing is halted (HT).
    fn write_line(&mut self, line: &[u8]);
    /// Waits for a line from the console; `None` when there will never be another.
    fn read_line(&mut self) -> Option<Vec<u8>>;
    /// A CP command whose response is wanted as text.
    fn command(&mut self, command: &[u8]) -> Response;
    /// A CP command whose response goes to the console; answers the number of CP's message, 0 when all is well.
    fn command_to_console(&mut self, command: &[u8]) -> u32;

    /// What the terminal shows beside lines (DIAGNOSE X'8C'); nothing when it shows lines only.
    fn display(&mut self) -> Option<DisplayInfo> {
        None
    }
    /// Writes a 3270 data stream to the screen (DIAGNOSE X'58', an operation of [`abi::full_screen`]); `false` when CP takes it not.
    fn write_screen(&mut self, operation: u64, stream: &[u8]) -> bool {
        let _ = (operation, stream);
        false
    }
    /// Waits for a key on the screen: AID, cursor and what was typed. `None` when there is no screen.
    fn read_screen(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// The virtual device with that number.
    fn device(&mut self, vdev: u32) -> Option<DeviceInfo>;
    /// Opens a minidisk for block I/O.
    ///
    /// # Errors
    /// [`DiskUnusable`] when it is not there, is no disk, or CP reports an error.
    fn disk(&mut self, vdev: u32) -> Result<Self::Disk, DiskUnusable>;

    /// Writes records, each an [`abi::RecordHeader`] in little-endian order and its data, to a punch or printer.
    ///
    /// # Errors
    /// One of the [`abi::unit_record`] codes.
    fn write_unit_record(&mut self, vdev: u32, records: &[u8]) -> Result<(), u64>;
    /// The reader file with that spool id; with 0 the one being read, else the next one.
    fn reader_file(&mut self, spid: u32) -> Option<SpoolFileBlock>;
    /// Selects the reader file with that spool id for reading from its beginning.
    ///
    /// # Errors
    /// One of the [`abi::spool_input`] codes.
    fn select_reader_file(&mut self, spid: u32) -> Result<(), u64>;
    /// Reads on in the file being read: fills the buffer with whole records in the form that
    /// [`Cp::write_unit_record`] takes. `false` at its end.
    ///
    /// # Errors
    /// One of the [`abi::spool_input`] codes.
    fn read_reader(&mut self, buffer: &mut Vec<u8>) -> Result<bool, u64>;

    /// The immediate command for the program that runs, typed since the last time it was asked for. Asked often: it costs next to nothing.
    fn immediate(&mut self) -> Immediate {
        Immediate::None
    }
    /// Does something with the immediate commands of EXECs, while no typed line can be noted in them.
    fn own_immediates<T>(&mut self, work: impl FnOnce(&mut OwnImmediates) -> T) -> T;
    /// The last of HO, SO and RO that was typed since the last time it was asked for.
    fn tracing(&mut self) -> Option<Tracing> {
        None
    }
    /// Whether HB was typed since the last time it was asked for.
    fn batch_halted(&mut self) -> bool {
        false
    }
    /// Whether lines are kept from being shown (HT) until the running command has ended.
    fn halt_typing(&mut self, halted: bool);
    /// Bytes of storage.
    fn storage_size(&mut self) -> u64 {
        0
    }
    /// What is in storage there; `None` when not all of it is there.
    fn storage(&mut self, address: u64, length: usize) -> Option<Vec<u8>> {
        let _ = (address, length);
        None
    }

    /// Puts bytes into storage; `false` when not all of it is there.
    fn store(&mut self, address: u64, bytes: &[u8]) -> bool {
        let _ = (address, bytes);
        false
    }
    /// Calls a program that was loaded at that entry point; its return code.
    fn call_program(entry: usize, arguments: &[u8], services: &mut dyn ProgramServices) -> i32
    where
        Self: Sized;

    /// Keeps what survives an abnormal end.
    fn remember(&mut self, session: &Session);
    /// A line begins to be executed: remembers, and from now on HX, HT and RT are acted on.
    fn begin_command(&mut self, session: &Session);
    /// It has ended: HT is over, its own immediate commands are gone, and storage that is not needed is given back.
    fn end_command(&mut self);
    /// Ends the running command and what has called it, as HX does that is typed while it runs. Where nothing can be abandoned it returns.
    fn halt(&mut self);
    /// Fails in that way (command ABEND).
    fn fail(&mut self, failure: Failure);
    /// The registers and the PSW of the last abnormal end as lines of text; none when there was none.
    fn last_abend(&mut self) -> Vec<Vec<u8>>;
}

/// Immediate commands that act on a REXX program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Immediate {
    /// None was typed.
    None,
    /// HI: the program ends, or its HALT condition is raised.
    HaltInterpretation,
    /// TS: tracing begins.
    TraceStart,
    /// TE: tracing ends.
    TraceEnd,
}

/// Immediate commands that act on SVCTRACE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// HO: tracing ends.
    Halt,
    /// SO: nothing is recorded until RO.
    Suspend,
    /// RO: recording goes on.
    Resume,
}

/// What CP answers to a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Number of CP's message, 0 when all is well.
    pub code: u32,
    /// The response, lines ended by LF.
    pub text: Vec<u8>,
}

/// Why a device cannot be used as a minidisk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskUnusable {
    /// The machine has no such device.
    #[error("Not attached")]
    NotAttached,
    /// CP reports an error, or the device is no disk.
    #[error("Device error")]
    DeviceError,
}

/// The ways in which the command ABEND makes a command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An instruction that does not exist.
    Operation,
    /// An address outside storage.
    Addressing,
    /// A store into read-only storage.
    Protection,
    /// A division by zero.
    Divide,
    /// A privileged instruction.
    Privileged,
    /// Recursion without end.
    Stack,
    /// A loop that only HX ends.
    Loop,
    /// A failed assertion in CMS itself.
    Panic,
    /// Storage runs out.
    Storage,
}
