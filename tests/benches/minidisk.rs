//! Block I/O of a guest beside the same calls on the same host file; clones; and EDF beside the host's file system.
//!
//! A machine of the running system executes loops of DIAGNOSE X'250' that are stored into it with CP's own STORE command: 64 KiB a request in
//! order, and 4 KiB at random places. The baseline reads and writes the minidisk's host file by pread and pwrite in the same pieces, with
//! the same flush at the end. Turns alternate; the figures are medians.

#[path = "common/mod.rs"]
mod common;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{figure, median};
use minidisk::edf::{DateTime, FileId, FileSystem, RecordFormat};
use minidisk::extent::{Access, DeviceType, Extent, Header};
use tests::{System, Terminal, wait_for};

/// Blocks of a request in order: 64 KiB.
const BLOCKS: u32 = 16;
/// Requests of a turn in order: 64 MiB.
const IN_ORDER: u32 = 1024;
/// Requests of a turn at random places.
const RANDOM: u32 = 8192;
/// The random places lie among so many blocks: a power of two.
const AMONG: u32 = 16_384;
const TURNS: usize = 7;
/// Where the program, its request list and the blocks are: storage that an idle CMS does not use.
const CODE: u32 = 0x180_0000;
const WAIT_PSW: u32 = CODE + 0x200;
const LIST: u32 = CODE + 0x400;
const BUFFER: u32 = CODE + 0x1000;
const VDEV: u32 = 0x191;

/// What a program does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    RandomRead,
}

/// Machine code that is put together piece by piece.
struct Code(Vec<u8>);

impl Code {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// An instruction with a 32-bit operand at its end.
    fn with(&mut self, opcode: &[u8], operand: u32) {
        self.bytes(opcode);
        self.bytes(&operand.to_le_bytes());
    }

    /// `jnz` back to a place.
    fn back_to(&mut self, place: usize) {
        let distance = place as i64 - (self.0.len() as i64 + 6);
        self.with(&[0x0f, 0x85], distance as i32 as u32);
    }

    /// DIAGNOSE X'250': subcode, device, list, count.
    fn block_io(&mut self, subcode: u32, count: u32) {
        self.with(&[0xb8], 0x250); // mov eax
        self.with(&[0xbf], subcode); // mov edi
        self.with(&[0xbe], VDEV); // mov esi
        self.with(&[0xba], LIST); // mov edx
        self.with(&[0xb9], count); // mov ecx
        self.bytes(&[0xe7, 0x83]); // out 0x83, eax
    }
}

/// The whole program: requests, a flush after writing, a disabled wait.
fn program(kind: Kind) -> Vec<u8> {
    let mut code = Code(Vec::new());
    let requests = if kind == Kind::RandomRead { RANDOM } else { IN_ORDER };
    code.with(&[0xbb], requests); // mov ebx
    code.with(&[0x41, 0xbc], 1); // mov r12d: the random number
    let again = code.0.len();
    if kind == Kind::RandomRead {
        code.with(&[0x45, 0x69, 0xe4], 1_664_525); // imul r12d, r12d
        code.with(&[0x41, 0x81, 0xc4], 1_013_904_223); // add r12d
        code.bytes(&[0x44, 0x89, 0xe0, 0xc1, 0xe8, 0x08]); // mov eax, r12d; shr eax, 8
        code.with(&[0x25], AMONG - 1); // and eax
        code.bytes(&[0xff, 0xc0]); // inc eax
        code.with(&[0xba], LIST); // mov edx
        code.bytes(&[0x89, 0x42, 0x04]); // mov [rdx + 4], eax
        code.block_io(1, 1);
    } else {
        code.block_io(1, BLOCKS);
        code.with(&[0xba], LIST); // mov edx
        code.with(&[0xb9], BLOCKS); // mov ecx
        let next = code.0.len();
        code.bytes(&[0x83, 0x42, 0x04, BLOCKS as u8]); // add dword [rdx + 4], BLOCKS
        code.bytes(&[0x83, 0xc2, 0x10, 0xff, 0xc9]); // add edx, 16; dec ecx
        code.back_to(next);
    }
    code.bytes(&[0xff, 0xcb]); // dec ebx
    code.back_to(again);
    if kind == Kind::Write {
        code.block_io(2, 0);
    }
    code.with(&[0xb8], 0x100); // mov eax, LOAD PSW
    code.with(&[0xbf], WAIT_PSW); // mov edi
    code.bytes(&[0xe7, 0x83]);
    code.0
}

/// The request list: operation, block, storage address.
fn list(kind: Kind) -> Vec<u8> {
    let operation = if kind == Kind::Write { 1u32 } else { 2 };
    let entry = |number: u32| {
        let buffer = u64::from(BUFFER + number * 4096);
        [&operation.to_le_bytes()[..], &(number + 1).to_le_bytes(), &buffer.to_le_bytes()].concat()
    };
    (0..BLOCKS).flat_map(entry).collect()
}

fn store(terminal: &mut Terminal, at: u32, bytes: &[u8]) {
    for (at, part) in (at..).step_by(32).zip(bytes.chunks(32)) {
        let hex: String = part.iter().map(|byte| format!("{byte:02X}")).collect();
        terminal.look();
        terminal.type_line(&format!("STORE {at:X} {hex}"));
        terminal.until("^STORE COMPLETE");
    }
}

/// A machine in CP READ, out of a loop so that it waits for nothing.
fn machine(system: &System) -> Terminal {
    let mut terminal = system.log_on("BENCH");
    terminal.type_line("abend loop");
    let busy = || system.cp_json("INDICATE USER BENCH")["data"]["virtual_us"].as_f64().is_some_and(|us| us > 1000.0);
    wait_for("the loop to run", || busy().then_some(()));
    terminal.attention();
    terminal.until_cp_read();
    let psw = [u64::from(CODE).to_le_bytes(), u64::from(CODE).to_le_bytes(), (1_u64 << 63).to_le_bytes()].concat();
    store(&mut terminal, WAIT_PSW, &psw);
    terminal
}

/// One run of a program in the machine.
fn guest(terminal: &mut Terminal, kind: Kind) -> Duration {
    store(terminal, CODE, &program(kind));
    store(terminal, LIST, &list(kind));
    terminal.look();
    let start = Instant::now();
    terminal.type_line(&format!("BEGIN {CODE:X}"));
    terminal.until("disabled wait");
    start.elapsed()
}

/// The same work on the host file; block 1 stands behind the header.
fn host(path: &Path, kind: Kind) -> Duration {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("the minidisk's file");
    let mut buffer = vec![7; BLOCKS as usize * 4096];
    let mut random = 1u32;
    let start = Instant::now();
    match kind {
        Kind::RandomRead => (0..RANDOM).for_each(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let block = u64::from((random >> 8) & (AMONG - 1)) + 1;
            file.read_exact_at(&mut buffer[..4096], block * 4096).expect("it is read");
        }),
        Kind::Read => (0..IN_ORDER).for_each(|number| file.read_exact_at(&mut buffer, place(number)).expect("it is read")),
        Kind::Write => {
            (0..IN_ORDER).for_each(|number| file.write_all_at(&buffer, place(number)).expect("it is written"));
            file.sync_data().expect("it is flushed");
        }
    }
    start.elapsed()
}

fn place(number: u32) -> u64 {
    (u64::from(number * BLOCKS) + 1) * 4096
}

/// Guest and host by turns; both rates.
fn compare(name: &str, terminal: &mut Terminal, path: &Path, kind: Kind) {
    let (mut guests, mut hosts) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        hosts.push(host(path, kind));
        guests.push(guest(terminal, kind));
    }
    let work = if kind == Kind::RandomRead { f64::from(RANDOM) } else { f64::from(IN_ORDER * BLOCKS) * 4096.0 / 1e6 };
    let unit = if kind == Kind::RandomRead { "requests/s" } else { "MB/s" };
    let [guest, host] = [guests, hosts].map(|times| work / (median(times) / 1e6));
    figure(&format!("{name}_host"), host, unit, None);
    figure(&format!("{name}_ratio"), guest, unit, Some(("the same calls on the host file", host)));
}

/// A thousand clones of a disk of 100 MiB.
fn clones(folder: &Path) {
    let header = |owner: String| Header { owner, vdev: 0x191, device: DeviceType::Ckd3390 { cylinders: 143 } };
    let template = Extent::create(&folder.join("TEMPLATE.0191"), &header("TEMPLATE".into())).expect("a template");
    (1..=template.blocks()).step_by(16).for_each(|block| template.write_at(block, &[7; 4096]).expect("it is written"));
    template.flush().expect("it is flushed");
    let clones: Vec<(PathBuf, Header)> = (0..1000).map(|n| (folder.join(format!("C{n}.0191")), header(format!("C{n}")))).collect();
    let start = Instant::now();
    template.clone_to(clones.iter().map(|(path, header)| (path.as_path(), header))).expect("clones");
    let each = start.elapsed().as_secs_f64();
    figure("clone_ms", each, "ms", None);
    let largest = clones.iter().map(|(path, _)| fs::metadata(path).expect("a clone").blocks() * 512).max().unwrap_or(0);
    figure("clone_kib", largest as f64 / 1024.0, "KiB", None);
}

/// Ten thousand small files and a list of them, durable, on a minidisk and in a folder of the host.
fn files(folder: &Path) {
    let text = b"A small file of one line, as people have many of.\n";
    let (mut edf, mut host) = (Vec::new(), Vec::new());
    for turn in 0..3 {
        let inner = folder.join(format!("files{turn}"));
        fs::create_dir(&inner).expect("a folder");
        let start = Instant::now();
        for number in 0..10_000 {
            fs::write(inner.join(format!("F{number}.DATA")), text).expect("a file");
        }
        rustix::fs::syncfs(File::open(&inner).expect("the folder")).expect("it is durable");
        let listed = fs::read_dir(&inner).expect("the folder").map(|entry| entry.and_then(|entry| entry.metadata()).expect("a file").len());
        assert_eq!(listed.sum::<u64>(), 10_000 * text.len() as u64);
        host.push(start.elapsed());

        let path = folder.join(format!("EDF{turn}.0191"));
        let header = Header { owner: "EDF".into(), vdev: 0x191, device: DeviceType::Ckd3390 { cylinders: 100 } };
        drop(
            FileSystem::format(Extent::create(&path, &header).expect("a disk"), "FILES", 100, DateTime::default()).expect("a file system"),
        );
        let start = Instant::now();
        let mut disk = FileSystem::open(Extent::open(&path, Access::Write).expect("the disk")).expect("the file system");
        for number in 0..10_000 {
            let id = FileId::new(&format!("F{number}"), "DATA").expect("a name");
            disk.write(&id, 1, RecordFormat::Variable, DateTime::default(), [&text[..text.len() - 1]]).expect("a file");
        }
        disk.commit().expect("it is durable");
        assert_eq!(disk.files().map(|file| u64::from(file.records)).sum::<u64>(), 10_000);
        edf.push(start.elapsed());
    }
    let [edf, host] = [edf, host].map(|times| 1e10 / median(times));
    figure("ext4_create", host, "files/s", None);
    figure("edf_create_vs_ext4", edf, "files/s", Some(("the host's file system", host)));
}

fn main() {
    let system = System::start_with(&["--processors", "1"]);
    system.cp64(&["user", "add", "BENCH", "--cylinders", "400"], b"").succeeded();
    let mut terminal = machine(&system);
    let path = system.directory().join("minidisks/BENCH.0191");
    compare("seq_write", &mut terminal, &path, Kind::Write);
    compare("seq_read", &mut terminal, &path, Kind::Read);
    compare("rand4k", &mut terminal, &path, Kind::RandomRead);
    clones(&system.directory().join("minidisks"));
    let folder = system.directory().join("bench");
    fs::create_dir(&folder).expect("a folder");
    files(&folder);
}
