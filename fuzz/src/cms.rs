//! What users type and put on their disks: REXX programs, command lines, executables.

use abi::{DeviceInfo, Identification, PseudoTimer, SpoolFileBlock};
use minidisk::edf::{DateTime, FileId, FileSystem, MemoryDisk, RecordFormat};
use shell::cp::{Cp, DiskUnusable, Failure, Response};
use shell::immediate::OwnImmediates;
use shell::module::ProgramServices;
use shell::rexx::{CallKind, Clock, CommandResult, Environment, External, Interrupt, Invocation, Program, Value, Variables, run};
use shell::session::{Session, Shell};

/// Looks at the environment, each after some hundred clauses, after which a program is abandoned.
const LOOKS: u32 = 20;

/// The world of a REXX program: nothing is there, and it ends the program after a while.
#[derive(Default)]
struct Nothing {
    looks: u32,
    lines: Vec<Vec<u8>>,
}

impl Environment for Nothing {
    fn say(&mut self, _: &[u8]) {}

    fn trace(&mut self, _: &[u8]) {}

    fn pull(&mut self) -> Vec<u8> {
        self.lines.pop().unwrap_or_default()
    }

    fn read_console(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn push(&mut self, line: Vec<u8>) {
        self.lines.push(line);
    }

    fn queue(&mut self, line: Vec<u8>) {
        self.lines.insert(0, line);
    }

    fn queued(&mut self) -> usize {
        self.lines.len()
    }

    fn command(&mut self, _: &[u8], command: &[u8], _: &mut Variables) -> CommandResult {
        CommandResult::of(command.len() as i32 - 5)
    }

    fn call(&mut self, _: &[u8], _: &[Option<Value>], _: CallKind) -> External {
        External::NotFound
    }

    fn clock(&mut self) -> Clock {
        Clock { unix_us: 1_795_358_501_000_000, zone_seconds: 3600 }
    }

    fn poll(&mut self) -> Interrupt {
        self.looks += 1;
        if self.looks < LOOKS { Interrupt::None } else { Interrupt::Abandon }
    }

    fn userid(&mut self) -> Vec<u8> {
        b"CMSUSER".to_vec()
    }
}

/// A REXX program: compiled, and run for a bounded number of steps.
///
/// # Panics
/// When an error names a line that the program does not have.
pub fn rexx(bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
    let report = match Program::compile(bytes.to_vec()) {
        Err(report) => Some(report),
        Ok(program) => {
            let invocation = Invocation {
                kind: CallKind::Command,
                arguments: vec![Some(Value::string(b"an argument"))],
                source: b"TEST EXEC A1 TEST CMS".to_vec(),
                address: b"CMS".to_vec(),
                system: b"CMS".to_vec(),
                seed: 1,
            };
            run(&program, invocation, &mut Nothing::default()).err()
        }
    };
    if let Some(report) = report {
        assert!(report.line <= lines, "line {} of {lines}", report.line);
        assert!((1..=99).contains(&report.error.number()));
    }
}

/// CP with one disk and a user who types what is left of the bytes.
struct Alone {
    disk: Option<MemoryDisk>,
    typed: Vec<Vec<u8>>,
}

impl Cp for Alone {
    type Disk = MemoryDisk;

    fn identification(&mut self) -> Identification {
        Identification {
            system_name: *b"CP-64   ",
            version: abi::VERSION,
            reserved: 0,
            userid: *b"CMSUSER ",
            system_id: *b"CP64    ",
            release: *b"0               ",
        }
    }

    fn timer(&mut self) -> PseudoTimer {
        PseudoTimer { unix_seconds: 1_795_358_501, ..Default::default() }
    }

    fn write_line(&mut self, _: &[u8]) {}

    fn read_line(&mut self) -> Option<Vec<u8>> {
        self.typed.pop()
    }

    fn command(&mut self, _: &[u8]) -> Response {
        Response { code: 1, text: b"HCPCMD001E Unknown CP command\n".to_vec() }
    }

    fn command_to_console(&mut self, _: &[u8]) -> u32 {
        1
    }

    fn device(&mut self, _: u32) -> Option<DeviceInfo> {
        None
    }

    fn disk(&mut self, vdev: u32) -> Result<MemoryDisk, DiskUnusable> {
        match vdev {
            0x191 => self.disk.take().ok_or(DiskUnusable::NotAttached),
            _ => Err(DiskUnusable::NotAttached),
        }
    }

    fn write_unit_record(&mut self, _: u32, _: &[u8]) -> Result<(), u64> {
        Ok(())
    }

    fn reader_file(&mut self, _: u32) -> Option<SpoolFileBlock> {
        None
    }

    fn select_reader_file(&mut self, _: u32) -> Result<(), u64> {
        Err(1)
    }

    fn read_reader(&mut self, _: &mut Vec<u8>) -> Result<bool, u64> {
        Ok(false)
    }

    fn own_immediates<T>(&mut self, work: impl FnOnce(&mut OwnImmediates) -> T) -> T {
        let mut none = OwnImmediates::NONE;
        work(&mut none)
    }

    fn halt_typing(&mut self, _: bool) {}

    fn call_program(_: usize, _: &[u8], _: &mut dyn ProgramServices) -> i32 {
        0
    }

    fn remember(&mut self, _: &Session) {}

    fn begin_command(&mut self, _: &Session) {}

    fn end_command(&mut self) {}

    fn halt(&mut self) {}

    fn fail(&mut self, _: Failure) {}

    fn last_abend(&mut self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// A small A-disk with a few files.
fn disk() -> MemoryDisk {
    let date = DateTime::from_unix_seconds(1_795_358_501);
    let mut system = FileSystem::format(MemoryDisk::new(120), "FUZZ", 1, date).expect("a disk");
    for (name, file_type, lines) in [
        ("A", "DATA", &["one line", "another"][..]),
        ("B", "DATA", &["one line", "a third"]),
        ("HELLO", "EXEC", &["/* */ parse arg x; return length(x)"]),
        ("CMSUSER", "NAMES", &[":nick.ME :userid.CMSUSER"]),
    ] {
        let id = FileId::new(name, file_type).expect("a name");
        system.write(&id, 1, RecordFormat::Variable, date, lines).expect("room");
    }
    system.commit().expect("a commit");
    system.into_device()
}

/// A command line: the first byte says which command, the first line is its operands, the others are typed when something is asked for.
///
/// # Panics
/// When CMS does.
pub fn command(bytes: &[u8]) {
    let names = shell::command_names::<Alone>();
    let (first, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (usize::from(*first), rest));
    let mut lines = rest.split(|byte| *byte == b'\n');
    let operands = lines.next().unwrap_or_default();
    let mut typed: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
    typed.reverse();
    let mut shell = Shell::new(Alone { disk: Some(disk()), typed: Vec::new() });
    shell.ipl(b"AUTOCR");
    assert!(shell.has_disks(), "the A-disk is accessed");
    shell.types(typed);
    shell.enter(&[names[first % names.len()].as_bytes(), b" ", operands].concat());
}

/// A tape image on the A-disk, which every function of TAPE works on.
///
/// # Panics
/// When CMS does.
pub fn tape_image(bytes: &[u8]) {
    let mut system = FileSystem::open(disk()).expect("a disk");
    let id = FileId::new("TAP1", "AWSTAPE").expect("a name");
    let image = &bytes[..bytes.len().min(64 * 1024)];
    system.write(&id, 1, RecordFormat::Fixed(1), DateTime::from_unix_seconds(0), image.chunks(1)).expect("room");
    system.commit().expect("a commit");
    let mut shell = Shell::new(Alone { disk: Some(system.into_device()), typed: Vec::new() });
    shell.ipl(b"AUTOCR");
    // Without the disk nothing would be tried.
    assert!(shell.has_disks(), "the A-disk is accessed");
    for line in ["scan (eot", "rew", "load * * a (eot", "fsr 3", "bsr 2", "bsf", "fsf", "dvol1", "dump a data a", "wtm", "rew", "scan (eot"]
    {
        shell.enter(format!("tape {line}").as_bytes());
    }
}

/// An executable for GENMOD.
///
/// # Panics
/// When an image has places outside of it.
pub fn executable(bytes: &[u8]) {
    let Ok(image) = shell::module::program_image(bytes) else { return };
    assert!((image.entry as usize) < image.data.len() && image.data.len() <= image.size as usize);
    assert!(image.relocations.iter().all(|place| *place as usize + 8 <= image.data.len()));
}
