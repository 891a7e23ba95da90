//! CP over DIAGNOSE: the shell's [`Cp`] in a real machine.

use alloc::vec::Vec;

use abi::{DeviceInfo, DisplayInfo, Identification, PseudoTimer, SpoolFileBlock, spool_input};
use shell::cp::{Cp, DiskUnusable, Failure, Immediate, READER, Response, Tracing};
use shell::immediate::OwnImmediates;
use shell::module::ProgramServices;
use shell::session::Session;

use crate::disk::Minidisk;
use crate::{diagnose, heap::HEAP, interruption, program, provoke};

/// Longest response to a CP command that is taken as text; a longer one is cut.
const RESPONSE: usize = 1 << 20;
/// Longest line read from the console.
const INPUT_LINE: usize = 1024;
/// What is taken of a key and what was typed with it, in bytes.
const SCREEN: usize = 4096;
/// Bytes of records read from a spool file at once.
const READER_BUFFER: usize = 32 * 1024;

/// CP, as this machine reaches it.
pub struct ControlProgram;

impl Cp for ControlProgram {
    type Disk = Minidisk;

    fn identification(&mut self) -> Identification {
        diagnose::identification()
    }

    fn timer(&mut self) -> PseudoTimer {
        diagnose::pseudo_timer()
    }

    fn write_line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return show(line);
        }
        // A longer record takes more than one line of the console.
        line.chunks(abi::CONSOLE_LINE_MAX as usize).for_each(show);
    }

    fn read_line(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; INPUT_LINE];
        let length = match interruption::take_typed_line(&mut buffer) {
            Some(length) => length,
            None => diagnose::console_read(&mut buffer, 0)?,
        };
        Some(buffer[..length].to_vec())
    }

    fn command(&mut self, command: &[u8]) -> Response {
        let mut text = Vec::new();
        // A machine too small for the whole buffer gets by with a page; storage that CP stores nothing in is not touched.
        if text.try_reserve_exact(RESPONSE).is_err() {
            text.reserve_exact(diagnose::PAGE);
        }
        let code = diagnose::command(command, &mut text);
        text.shrink_to_fit();
        Response { code, text }
    }

    fn command_to_console(&mut self, command: &[u8]) -> u32 {
        diagnose::command_to_console(command)
    }

    fn display(&mut self) -> Option<DisplayInfo> {
        diagnose::display()
    }

    fn write_screen(&mut self, operation: u64, stream: &[u8]) -> bool {
        diagnose::write_screen(operation, stream) == 0
    }

    fn read_screen(&mut self) -> Option<Vec<u8>> {
        let mut data = alloc::vec![0; SCREEN];
        let length = diagnose::read_screen(&mut data)?;
        data.truncate(length);
        Some(data)
    }

    fn device(&mut self, vdev: u32) -> Option<DeviceInfo> {
        diagnose::device(vdev)
    }

    fn disk(&mut self, vdev: u32) -> Result<Minidisk, DiskUnusable> {
        Minidisk::open(vdev)
    }

    fn write_unit_record(&mut self, vdev: u32, records: &[u8]) -> Result<(), u64> {
        match diagnose::unit_record_write(vdev, records) {
            0 => Ok(()),
            status => Err(status),
        }
    }

    fn reader_file(&mut self, spid: u32) -> Option<SpoolFileBlock> {
        diagnose::spool_attributes(READER, spid)
    }

    fn select_reader_file(&mut self, spid: u32) -> Result<(), u64> {
        match diagnose::spool_input(spool_input::SELECT, READER, &mut [], spid).0 {
            0 => Ok(()),
            status => Err(status),
        }
    }

    fn read_reader(&mut self, buffer: &mut Vec<u8>) -> Result<bool, u64> {
        buffer.resize(READER_BUFFER, 0);
        loop {
            let (status, length) = diagnose::spool_input(spool_input::READ_RECORDS, READER, buffer, 0);
            match status {
                0 => {
                    buffer.truncate(length);
                    return Ok(length > 0);
                }
                spool_input::END_OF_FILE => {
                    buffer.clear();
                    return Ok(false);
                }
                spool_input::BUFFER_SHORT if length > buffer.len() && length as u64 <= abi::RECORD_BUFFER_MAX => {
                    buffer.resize(length, 0);
                }
                status => return Err(status),
            }
        }
    }

    fn immediate(&mut self) -> Immediate {
        interruption::take_immediate()
    }

    fn own_immediates<T>(&mut self, work: impl FnOnce(&mut OwnImmediates) -> T) -> T {
        interruption::own_immediates(work)
    }

    fn tracing(&mut self) -> Option<Tracing> {
        interruption::take_tracing()
    }

    fn batch_halted(&mut self) -> bool {
        interruption::take_batch_halted()
    }

    fn halt_typing(&mut self, halted: bool) {
        interruption::halt_typing(halted);
    }

    fn storage_size(&mut self) -> u64 {
        diagnose::storage_size()
    }

    fn storage(&mut self, address: u64, length: usize) -> Option<Vec<u8>> {
        let end = address.checked_add(length as u64).filter(|end| *end <= diagnose::storage_size())?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).ok()?;
        // SAFETY: every byte of storage may be read, and a volatile read of a byte assumes nothing about who else uses it.
        bytes.extend((address..end).map(|at| unsafe { core::ptr::with_exposed_provenance::<u8>(at as usize).read_volatile() }));
        Some(bytes)
    }

    fn store(&mut self, address: u64, bytes: &[u8]) -> bool {
        let Some(end) = address.checked_add(bytes.len() as u64).filter(|end| *end <= diagnose::storage_size()) else {
            return false;
        };
        for (at, byte) in (address..end).zip(bytes) {
            // SAFETY: the address is in storage. What stands there may be anything, CMS itself included: that is what the user asked for.
            unsafe { core::ptr::with_exposed_provenance_mut::<u8>(at as usize).write_volatile(*byte) };
        }
        true
    }

    fn call_program(entry: usize, arguments: &[u8], services: &mut dyn ProgramServices) -> i32 {
        program::call(entry, arguments, services)
    }

    fn remember(&mut self, session: &Session) {
        interruption::remember(session);
    }

    fn begin_command(&mut self, session: &Session) {
        interruption::begin_command(session);
    }

    fn end_command(&mut self) {
        interruption::end_command();
        HEAP.trim();
    }

    fn halt(&mut self) {
        interruption::halt_execution()
    }

    fn fail(&mut self, failure: Failure) {
        provoke::provoke(failure);
    }

    fn last_abend(&mut self) -> Vec<Vec<u8>> {
        let Some(abend) = interruption::last_abend() else {
            return Vec::new();
        };
        let lines = shell::abend::describe(&abend.state, abend.code, abend.address);
        lines.into_iter().map(alloc::string::String::into_bytes).collect()
    }
}

/// Shows a line, unless HT was typed.
fn show(line: &[u8]) {
    if !interruption::typing_halted() {
        diagnose::console_write(line, 0);
    }
}
