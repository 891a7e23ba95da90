//! Block I/O of a guest beside the same calls on the same host file; clones; and EDF beside the host's file system.
//!
//! A machine of the running system executes a program that is stored into it with CP's own STORE command: requests of 64 KiB in order, and of
//! 4 KiB at random places. It begins them by DIAGNOSE X'250' START, 256 blocks in a list, keeps four lists under way, and begins the next when
//! an external interruption tells the end of one. The baseline reads and writes the minidisk's host file by pread and pwrite, one
//! request after the other, with the same flush at the end. Turns alternate; the figures are medians.

#[path = "common/mod.rs"]
mod common;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{figure, median};
use minidisk::edf::{DateTime, FileId, FileSystem, RecordFormat};
use minidisk::extent::{Access, DeviceType, Extent, Header};
use tests::{GuestCode, System, Terminal};

/// Blocks of a request in order: 64 KiB.
const BLOCKS: u32 = 16;
/// Requests of a turn in order: 128 MiB.
const IN_ORDER: u32 = 2048;
/// Requests of a turn at random places.
const RANDOM: u32 = 65_536;
/// The random places lie among so many blocks: a power of two.
const AMONG: u32 = 32_768;
const TURNS: usize = 7;
/// Blocks of a list: all that one DIAGNOSE takes.
const LIST_BLOCKS: u32 = 256;
/// Lists under way.
const DEPTH: u32 = 4;
/// Where the program, what it keeps, its PSWs, lists and blocks are: storage that an idle CMS does not use.
const CODE: u32 = 0x180_0000;
const TO_START: u32 = CODE + 0x800;
const UNDER_WAY: u32 = CODE + 0x808;
const UNUSED: u32 = CODE + 0x810;
const NEXT: u32 = CODE + 0x818;
const ENABLED_WAIT: u32 = CODE + 0x900;
const DONE: u32 = CODE + 0xa00;
const FAILED: u32 = CODE + 0xb00;
const LIST: u32 = CODE + 0x1_0000;
const BUFFER: u32 = CODE + 0x10_0000;
const VDEV: u32 = 0x191;
/// Guests that share a disk.
const CLASS: usize = 1000;
/// Low storage: the external new PSW, and how and with which parameter a list ended.
const EXTERNAL_NEW: u32 = 0x218;
const STATUS: u32 = 0x4d8;
const PARAMETER: u32 = 0x4e0;

/// What a program does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    RandomRead,
}

/// DIAGNOSE X'250' with the list in R15, which is the parameter too.
fn block_io(code: &mut GuestCode, subcode: u32) {
    code.with(&[0xb8], 0x250); // mov eax
    code.with(&[0xbf], subcode); // mov edi
    code.with(&[0xbe], VDEV); // mov esi
    code.bytes(&[0x44, 0x89, 0xfa]); // mov edx, r15d
    code.with(&[0xb9], LIST_BLOCKS); // mov ecx
    code.bytes(&[0x4d, 0x89, 0xf8]); // mov r8, r15
    code.bytes(&[0xe7, 0x83]); // out 0x83, eax
}

/// What the program keeps, its PSWs, and the lists but for their block numbers.
fn set_up(code: &mut GuestCode, kind: Kind) {
    let lists = if kind == Kind::RandomRead { RANDOM / LIST_BLOCKS } else { IN_ORDER * BLOCKS / LIST_BLOCKS };
    for (place, value) in [(TO_START, lists), (UNDER_WAY, 0), (UNUSED, DEPTH - 1), (NEXT, 1)] {
        code.set(place, value);
    }
    for (place, address, mask) in
        [(ENABLED_WAIT, 1, 0x8000_0001), (DONE, CODE, 0x8000_0000), (FAILED, 0xbad, 0x8000_0000), (EXTERNAL_NEW, CODE, 0)]
    {
        code.set_psw(place, address, mask);
    }
    code.with(&[0xba], LIST); // mov edx
    code.with(&[0xb8], BUFFER); // mov eax
    code.with(&[0xb9], DEPTH * LIST_BLOCKS); // mov ecx
    let entry = code.here();
    code.with(&[0xc7, 0x02], if kind == Kind::Write { 1 } else { 2 }); // mov dword [rdx]
    code.bytes(&[0x48, 0x89, 0x42, 0x08]); // mov [rdx + 8], rax
    code.with(&[0x05], 4096); // add eax
    code.bytes(&[0x83, 0xc2, 0x10, 0xff, 0xc9]); // add edx, 16; dec ecx
    code.back(&[0x0f, 0x85], entry);
    code.with(&[0x41, 0xbf], LIST); // mov r15d
}

/// The block numbers of the list in R15.
fn number_blocks(code: &mut GuestCode, kind: Kind) {
    code.with(&[0x8b, 0x04, 0x25], NEXT); // mov eax, [NEXT]
    code.bytes(&[0x44, 0x89, 0xfa]); // mov edx, r15d
    code.with(&[0xb9], LIST_BLOCKS); // mov ecx
    let entry = code.here();
    if kind == Kind::RandomRead {
        code.with(&[0x69, 0xc0], 1_664_525); // imul eax, eax
        code.with(&[0x05], 1_013_904_223); // add eax
        code.bytes(&[0x89, 0xc6, 0xc1, 0xee, 0x08]); // mov esi, eax; shr esi, 8
        code.with(&[0x81, 0xe6], AMONG - 1); // and esi
        code.bytes(&[0xff, 0xc6, 0x89, 0x72, 0x04]); // inc esi; mov [rdx + 4], esi
    } else {
        code.bytes(&[0x89, 0x42, 0x04, 0xff, 0xc0]); // mov [rdx + 4], eax; inc eax
    }
    code.bytes(&[0x83, 0xc2, 0x10, 0xff, 0xc9]); // add edx, 16; dec ecx
    code.back(&[0x0f, 0x85], entry);
    code.with(&[0x89, 0x04, 0x25], NEXT); // mov [NEXT], eax
}

/// The whole program: lists until all are done, a flush after writing, a disabled wait.
fn program(kind: Kind) -> GuestCode {
    let mut code = GuestCode::default();
    set_up(&mut code, kind);
    let next = code.here();
    code.with(&[0x83, 0x3c, 0x25], TO_START); // cmp dword [TO_START], 0
    code.bytes(&[0]);
    let all_started = code.ahead(&[0x0f, 0x84]);
    number_blocks(&mut code, kind);
    block_io(&mut code, 3);
    code.with(&[0xff, 0x0c, 0x25], TO_START); // dec dword [TO_START]
    code.bytes(&[0x85, 0xc0]); // test eax, eax: done at once
    code.back(&[0x0f, 0x84], next);
    code.bytes(&[0x83, 0xf8, 0x08]); // cmp eax, 8: started
    let refused = code.ahead(&[0x0f, 0x85]);
    code.with(&[0xff, 0x04, 0x25], UNDER_WAY); // inc dword [UNDER_WAY]
    code.with(&[0x83, 0x3c, 0x25], UNUSED); // cmp dword [UNUSED], 0
    code.bytes(&[0]);
    let wait_for_one = code.ahead(&[0x0f, 0x84]);
    code.with(&[0xff, 0x0c, 0x25], UNUSED); // dec dword [UNUSED]
    code.with(&[0x41, 0x81, 0xc7], LIST_BLOCKS * 16); // add r15d
    code.back(&[0xe9], next);
    code.land(wait_for_one);
    let wait = code.here();
    code.load_psw(ENABLED_WAIT);
    // The handler.
    let handler = code.here();
    code.with(&[0x83, 0x3c, 0x25], STATUS); // cmp dword [STATUS], 0
    code.bytes(&[0]);
    let ended_badly = code.ahead(&[0x0f, 0x85]);
    code.with(&[0xff, 0x0c, 0x25], UNDER_WAY); // dec dword [UNDER_WAY]
    code.with(&[0x44, 0x8b, 0x3c, 0x25], PARAMETER); // mov r15d, [PARAMETER]
    code.back(&[0xe9], next);
    code.land(all_started);
    code.with(&[0x83, 0x3c, 0x25], UNDER_WAY); // cmp dword [UNDER_WAY], 0
    code.bytes(&[0]);
    code.back(&[0x0f, 0x85], wait);
    if kind == Kind::Write {
        block_io(&mut code, 2);
    }
    code.load_psw(DONE);
    code.land(refused);
    code.land(ended_badly);
    code.load_psw(FAILED);
    // The address of the handler is known only now.
    code.set_psw_again(EXTERNAL_NEW, CODE + handler as u32);
    assert!(code.here() < (TO_START - CODE) as usize);
    code
}

/// One run of a program in the machine.
fn guest(terminal: &mut Terminal, kind: Kind) -> Duration {
    terminal.store(CODE, program(kind).code());
    let start = Instant::now();
    terminal.run_until_wait(CODE, CODE);
    start.elapsed()
}

/// The same work on the host file; block 1 stands behind the header.
fn host(path: &Path, kind: Kind) -> Duration {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("the minidisk's file");
    // As much storage as the guest moves its blocks to and from: a small buffer would stay in the processor's cache.
    let mut buffer = vec![7; (DEPTH * LIST_BLOCKS) as usize * 4096];
    let part = |number: u32, blocks: u32| {
        let from = (number * blocks % (DEPTH * LIST_BLOCKS)) as usize * 4096;
        from..from + blocks as usize * 4096
    };
    let mut random = 1u32;
    let start = Instant::now();
    match kind {
        Kind::RandomRead => (0..RANDOM).for_each(|number| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let block = u64::from((random >> 8) & (AMONG - 1)) + 1;
            file.read_exact_at(&mut buffer[part(number, 1)], block * 4096).expect("it is read");
        }),
        Kind::Read => {
            (0..IN_ORDER).for_each(|number| file.read_exact_at(&mut buffer[part(number, BLOCKS)], place(number)).expect("it is read"))
        }
        Kind::Write => {
            (0..IN_ORDER).for_each(|number| file.write_all_at(&buffer[part(number, BLOCKS)], place(number)).expect("it is written"));
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

/// A thousand guests read one shared disk, linked RR: what each gets when all have it, beside what the first ten got.
fn class() {
    let system = System::start();
    let lesson: String = (0..4000).map(|line| format!("line {line:05} of the lesson, which everybody reads\n")).collect();
    ["DATA", "COPY"].iter().for_each(|file_type| drop(system.disk_put("CMSUSER", "LESSON", file_type, lesson.as_bytes()).succeeded()));
    let users = system.add_users(CLASS);
    let source = system.directory().join("user.direct");
    let text = fs::read_to_string(&source).expect("the directory");
    let linked = text[text.find("USER U0001 ").expect("the class")..].replace("CMSDFLT\n", "CMSDFLT\n  LINK CMSUSER 191 391 RR\n");
    fs::write(&source, text[..text.find("USER U0001 ").expect("the class")].to_string() + &linked).expect("the directory");
    system.cp("DIRECTXA").succeeded();
    let read = |terminal: &mut Terminal| {
        let start = Instant::now();
        let shown = terminal.command("compare lesson data b lesson copy b");
        assert!(shown.contains("Ready;"), "{shown}");
        start.elapsed()
    };
    let (mut first, mut terminals) = (Vec::new(), Vec::new());
    for user in &users {
        let mut terminal = system.log_on(user);
        terminal.command("access 391 b");
        read(&mut terminal);
        terminals.push(terminal);
        if terminals.len() == 10 {
            first = (0..10).flat_map(|_| terminals.iter_mut().map(read).collect::<Vec<_>>()).collect();
        }
    }
    let all: Vec<Duration> = terminals.iter_mut().map(read).collect();
    let rate = |times: Vec<Duration>| 1e6 / median(times);
    let (first, all) = (rate(first), rate(all));
    figure("class_reads_10", first, "commands/s", None);
    figure("class_reads_1000", all, "commands/s", Some(("when ten had the disk", first)));
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
    let mut terminal = Terminal::of_stopped_machine(&system, "BENCH");
    let path = system.directory().join("minidisks/BENCH.0191");
    compare("seq_write", &mut terminal, &path, Kind::Write);
    compare("seq_read", &mut terminal, &path, Kind::Read);
    compare("rand4k", &mut terminal, &path, Kind::RandomRead);
    clones(&system.directory().join("minidisks"));
    let folder = system.directory().join("bench");
    fs::create_dir(&folder).expect("a folder");
    files(&folder);
    drop(terminal);
    class();
}
