//! Each target over its seeds and variations of them: bits flipped, parts cut out, doubled and swapped, rubbish put in.
//!
//! `CP64_FUZZ_VARIATIONS=1000000` asks for more than the suite has time for.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuzz::{MemoryDisk, SPOOL, cms, debuggers, decks, disks, dumps, pc, soft, terminals};
use minidisk::edf::{ATTRIBUTES, FileEntry, FileId, RecordFormat};
use shell::dump::Dumper;
use shell::netdata::{Acknowledgement, Encoder, Envelope, FileControl, acknowledgement};
use spool::{Attributes, Destination, Device, DumpOptions, NewFile, Options, Queue, Selection, Spool, StartMode, Userid};

/// Variations of each seed.
fn variations() -> u64 {
    std::env::var("CP64_FUZZ_VARIATIONS").map_or(1000, |number| number.parse().expect("CP64_FUZZ_VARIATIONS is a number"))
}

/// A number below `below`, the same in every run.
fn chance(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as usize % below.max(1)
}

fn vary(seed: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance(state, 4) {
        let (from, to) = (chance(state, bytes.len()), chance(state, bytes.len()));
        let (from, to) = (from.min(to), from.max(to));
        match chance(state, 5) {
            0 if !bytes.is_empty() => bytes[from] ^= 1 << chance(state, 8),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let part = bytes[from..to].to_vec();
                bytes.splice(to..to, part);
            }
            3 => bytes.truncate(to),
            _ => {
                let rubbish: Vec<u8> = (0..chance(state, 60)).map(|_| chance(state, 256) as u8).collect();
                bytes.splice(from..from, rubbish);
            }
        }
    }
    bytes
}

fn run(target: fn(&[u8]), seeds: &[Vec<u8>]) {
    run_some(target, seeds, variations());
}

fn run_some(target: fn(&[u8]), seeds: &[Vec<u8>], variations: u64) {
    target(&[]);
    for (number, seed) in seeds.iter().enumerate() {
        target(seed);
        let mut state = number as u64 + 1;
        (0..variations).for_each(|_| target(&vary(seed, &mut state)));
    }
}

/// A spool with a few files, and its archive.
fn spooled() -> MemoryDisk {
    let disk = MemoryDisk::default();
    let options = Options { disk: Arc::new(disk.clone()), ..Options::default() };
    let (spool, _) = Spool::open_with(Path::new(SPOOL), StartMode::Warm, &options).unwrap();
    let alice = Userid::new("ALICE").unwrap();
    for n in 0..4_u8 {
        let mut file = spool.create(NewFile { origin: alice, device: Device::Punch, created: 7, attributes: Attributes::default() });
        (0..n).for_each(|record| file.append(0x41, &[record; 80]).unwrap());
        spool.close(file, Destination { owner: alice, queue: Queue::Reader }).unwrap();
    }
    let how = DumpOptions { system: alice, now: 9, purge: false, replace: false };
    spool.dump(&tape(), &Selection::default(), &how, &mut |_| ControlFlow::Continue(())).unwrap();
    disk
}

fn tape() -> PathBuf {
    PathBuf::from("/tape")
}

#[test]
fn no_bytes_are_too_much_for_an_archives_reader() {
    let whole = spooled().bytes(&tape()).unwrap();
    run(fuzz::archive, &[whole.clone(), whole[..64].to_vec()]);
}

#[test]
fn no_bytes_are_too_much_for_the_scan_of_a_segment() {
    let whole = spooled().bytes(&Path::new(SPOOL).join("segment-00000001")).unwrap();
    run(fuzz::segment_scan, &[whole.clone(), whole[..64].to_vec()]);
}

/// A transmission of records of several lengths, and an acknowledgement.
fn transmissions() -> Vec<Vec<u8>> {
    let from = (String::from("CMSUSER"), String::from("CP64"));
    let envelope = Envelope { to: from.clone(), from, sent: None, acknowledge: Some("ID".into()), files: 1 };
    let control = |format| FileControl {
        name: "PROFILE".into(),
        file_type: "EXEC".into(),
        mode: 1,
        format,
        lrecl: 80,
        changed: None,
        is_note: false,
    };
    let sent = |format, lengths: &[usize]| {
        let mut encoder = Encoder::new(&envelope, &control(format), 700);
        lengths.iter().for_each(|&length| encoder.record(&vec![b'x'; length]));
        // The first byte is the length of the cards.
        std::iter::once(80).chain(encoder.finish().concat()).collect()
    };
    let answer = Acknowledgement { outcome: "RECEIVED".into(), ..Acknowledgement::default() };
    let answered = std::iter::once(80).chain(acknowledgement(&envelope, &answer).concat()).collect();
    vec![sent(RecordFormat::Variable, &[3, 700, 0, 253, 254]), sent(RecordFormat::Fixed(10), &[10, 30, 5]), answered]
}

/// A deck of DISK DUMP.
fn dumped() -> Vec<u8> {
    let mut attributes = [0; ATTRIBUTES];
    // Mode number 1, varying records, three of them.
    (attributes[9], attributes[14], attributes[35]) = (0xf1, 0xe5, 3);
    let entry = FileEntry::from_attributes(FileId::new("A", "B").unwrap(), &attributes).unwrap();
    let mut dumper = Dumper::new(&entry);
    let mut cards: Vec<_> = [3, 400, 60].iter().flat_map(|&length| dumper.record(&vec![b'x'; length])).collect();
    cards.extend(dumper.finish());
    cards.concat()
}

#[test]
fn no_bytes_are_too_much_for_netdata() {
    run(decks::netdata, &transmissions());
}

#[test]
fn no_bytes_are_too_much_for_a_deck_of_disk_dump() {
    run(decks::disk_dump, &[dumped(), dumped().repeat(2)]);
}

#[test]
fn no_bytes_are_too_much_for_the_intake_of_decks() {
    let card: Vec<u8> = b"USERID CMSUSER CLASS A NAME JOB DECK TAG to Boston".to_vec();
    let mut ebcdic = card.clone();
    ebcdic.resize(80, b' ');
    minidisk::ebcdic::encode(&mut ebcdic);
    run(decks::deck_intake, &[[card, b"\na card\r\n\n".to_vec()].concat(), ebcdic.repeat(3), transmissions().remove(0)]);
}

#[test]
fn no_bytes_are_too_much_for_the_look_at_text() {
    let mut ebcdic = b"Hello, world".repeat(20);
    minidisk::ebcdic::encode(&mut ebcdic);
    run(decks::text_content, &[b"plain text\0and more".to_vec(), ebcdic, "gr\u{fc}n".as_bytes().to_vec()]);
}

#[test]
fn no_program_is_too_much_for_rexx() {
    let seeds = [
        "/* */ do i = 1 to 3; say i * 1.5 / 7 + i ** 2 // 5; end; exit i",
        "parse arg a 'b' c =3 d +2 e . (f) g; a.1 = c; a.c.d = left(d, 5) || right(c, 3); say a.1 a.c.d",
        "signal on syntax name s; x = f(3); say x; exit\nf: procedure; arg n; if n < 2 then return 1; return n * f(n - 1)\ns: say condition('C') rc",
        "select; when 1 = 2 then nop; otherwise say 'x'; end; interpret 'y = 2'; numeric digits 12; say 2/3 1e5 '01'x",
        "trace i; call on error; 'command'; push 1; queue 2; pull z; drop z; upper y; address cms; do until 1; leave; end",
    ];
    run(cms::rexx, &seeds.map(|seed| seed.as_bytes().to_vec()));
}

#[test]
fn no_line_is_too_much_for_any_command() {
    // Each command with operands that some command takes.
    for command in 0..=255_u8 {
        for operands in
            ["", "A DATA A", "A DATA A B DATA A", "/one/ A DATA (NUM", "SELECT G SET X 1", "2 A B C (APPLID DMS VAR", "* * * (X Y"]
        {
            cms::command(&[&[command], operands.as_bytes()].concat());
        }
    }
    let mut state = 7;
    for number in 0..variations() {
        let line = b"xA DATA A B DATA A (REPLACE FROM 1 FOR 2 SPECS\n1-3 1 /x/ 5\nquit\n";
        let mut bytes = vary(&line[1..], &mut state);
        bytes.insert(0, number as u8);
        cms::command(&bytes);
    }
}

#[test]
fn no_bytes_are_too_much_for_genmod() {
    let mut file = vec![0; 0x200];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    for (at, value) in [
        (16, 3_u8),
        (18, 62),
        (24, 0x80),
        (32, 64),
        (56, 2),
        (64, 1),
        (64 + 33, 2),
        (64 + 41, 4),
        (120, 2),
        (136, 0xb0),
        (160, 48),
        (0xb0, 7),
        (0xb9, 1),
        (0xc0, 8),
        (0xc8, 24),
        (0x108, 8),
    ] {
        file[at] = value;
    }
    run(cms::executable, &[file]);
}

#[test]
fn no_bytes_are_too_much_for_a_tape() {
    // A block of one card that ends a file of no records, a tape mark, a block in two parts, and what is none.
    let block = |flags: u8, previous: u16, data: &[u8]| {
        let lengths = [(data.len() as u16).to_le_bytes(), previous.to_le_bytes()].concat();
        [&lengths[..], &[flags, 0], data].concat()
    };
    let mut card = [0x40; 80];
    card[..5].copy_from_slice(&[2, 0xc3, 0xd4, 0xe2, 0xd5]);
    let whole = [block(0xa0, 0, &card), block(0x40, 80, b""), block(0x80, 0, &card[..9]), block(0x20, 9, &card[9..])].concat();
    // A file of a mainframe: a block of data, and the one behind it that says what file it is; and one of VMFPLC2.
    let mut entry = [0; 87];
    entry[..5].copy_from_slice(&[2, 0xc3, 0xd4, 0xe2, 0xd5]);
    entry[9..16].copy_from_slice(&[0xc1, 0xf1, 0, 1, 0, 0, 0xc6]);
    entry[20] = 4;
    entry[69..85].copy_from_slice(&[[0xc1; 8], [0xc2; 8]].concat());
    entry[85..].copy_from_slice(&[0xc1, 0xf1]);
    let foreign = [block(0xa0, 0, &[2, 0xc3, 0xd4, 0xe2, 0xe5, 0, 2, 0xc1, 0xc2]), block(0xa0, 9, &entry), block(0x40, 87, b"")].concat();
    let headed = [&[2, 0xd7, 0xd3, 0xc3, 0xc8][..], &[0xc1; 16], &[0; 8], &entry[9..25], &[0; 32]].concat();
    let headed = [block(0xa0, 0, &headed), block(0xa0, 77, &[2, 0xd7, 0xd3, 0xc3, 0xc4, 1, 2, 3, 4])].concat();
    run_some(cms::tape_image, &[whole, foreign, headed, card.to_vec(), Vec::new()], of_disks());
}

/// Variations of each part of a minidisk, which takes longer: each is opened, repaired and written to.
fn of_disks() -> u64 {
    variations() / 10
}

#[test]
fn no_bytes_are_too_much_for_a_label() {
    let label = disks::sound().bytes()[2 * 4096..2 * 4096 + 80].to_vec();
    run_some(disks::disk_label, &[label], of_disks());
}

#[test]
fn no_bytes_are_too_much_for_a_directory() {
    let homes = [3, 4].map(|block| disks::sound().bytes()[block * 4096..block * 4096 + 5 * 64].to_vec());
    run_some(disks::disk_directory, &homes, of_disks());
}

#[test]
fn no_bytes_are_too_much_for_files_and_their_pointers() {
    let files = disks::sound().bytes()[5 * 4096..].to_vec();
    run_some(disks::disk_file, &[files], of_disks());
}

#[test]
fn no_bytes_are_too_much_for_a_whole_disk() {
    let whole = disks::sound().bytes().to_vec();
    run_some(disks::disk_image, &[whole[..20 * 4096].to_vec(), whole], of_disks());
}

#[test]
fn whatever_is_imported_comes_back() {
    let lines = b"one\n\ntwo\n \nthree\n".to_vec();
    let mut writer = minidisk::dump::Writer::new(Vec::new()).unwrap();
    writer.begin(&minidisk::dump::Member { name: "CMSUSER.0191".into(), length: 8192, mode: 0o600 }).unwrap();
    writer.data(4096, &[7; 100]).unwrap();
    writer.end().unwrap();
    let dump = writer.finish().unwrap();
    run_some(disks::disk_import, &[lines, dump, "gr\u{fc}n\n".into(), vec![0, 1, 2]], of_disks());
}

/// Accesses that set devices up and use them, as [`pc::board`] reads them: operation, port by its place in the list, value.
fn board_seeds() -> Vec<Vec<u8>> {
    let out = |port: u8, value: u8| vec![2, port, 0, 0, 0, value];
    let identify = [out(26, 0xe0), out(27, 0xec), [0; 20].repeat(3)].concat();
    let read_slow = [out(26, 0xf0), out(22, 2), out(23, 1), out(27, 0x20), vec![13, 2], [0x10, 20].repeat(20)].concat();
    let write = [out(26, 0xe0), out(22, 1), out(27, 0x30), [0x22, 20, 1, 2, 3, 4].repeat(130)].concat();
    let timers = [vec![7, 0xc8, 0, 0, 0, 1, 0x20], vec![0x27, 0xe0, 0, 0, 0, 0x10, 0], [10, 0, 1, 0, 0, 11].repeat(8), vec![11]].concat();
    let typed = [vec![12, b'A'], out(15, 1), vec![12, b'b', 11, 0, 9, 0, 14, 11]].concat();
    let bios = [vec![14, 0, 0x0f, 0xdf, 0xf0, 0, 0x70, 0, 0], vec![14, 0, 0, 0x70, 0x24, 0x13, 0, 0, 0], vec![2, 35, 0, 0, 0, 0]].concat();
    // A queue at 1000, 2000 and 3000 with a chain of header, data and status, and a notification.
    let register = |offset: u8, value: u16| [vec![0x27, 2, offset / 4, 0, 0], value.to_be_bytes().to_vec()].concat();
    let store = |address: u16, value: u32| [vec![14, 0, 0], address.to_be_bytes().to_vec(), value.to_be_bytes().to_vec()].concat();
    let descriptor = |at: u16, address: u32, length: u32, last: u32| {
        [store(at, address), store(at + 4, 0), store(at + 8, length), store(at + 12, last)].concat()
    };
    let virtio = [
        [register(0x70, 3), register(0x24, 1), register(0x20, 1), register(0x70, 11), register(0x38, 8)].concat(),
        [register(0x80, 0x1000), register(0x90, 0x2000), register(0xa0, 0x3000), register(0x44, 1), register(0x70, 15)].concat(),
        [descriptor(0x1000, 0x4000, 16, 0x1_0001), descriptor(0x1010, 0x5000, 512, 0x2_0003), descriptor(0x1020, 0x6000, 1, 2)].concat(),
        [store(0x4008, 1), store(0x2000, 0x1_0000), register(0x50, 0), vec![11], register(0x64, 1)].concat(),
        [store(0x4000, 1), store(0x2000, 0x2_0000), register(0x50, 0), vec![11]].concat(),
    ];
    vec![identify, read_slow, write, timers, typed, bios, virtio.concat()]
}

#[test]
fn any_accesses_to_the_board_of_a_pc() {
    run(pc::board, &board_seeds());
}

#[test]
fn any_bytes_as_an_image_of_a_pc() {
    let mut sector = vec![0x90; 512];
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let multiboot: Vec<u8> = [0x1bad_b002_u32, 0x1_0000, 0xe451_4ffe, 0x10_0000, 0x10_0000, 0, 0, 0x10_0000]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .chain([0x90; 64])
        .collect();
    let mut linux = vec![0; 2048];
    linux[0x1f1] = 1;
    linux[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    linux[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
    linux[0x211] = 1;
    linux[0x22c..0x230].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
    // This program itself is an ELF file: its headers, at least.
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    run(pc::pc_image, &[sector, multiboot, linux, own[..4096].to_vec()]);
}

#[test]
fn code_for_the_software_processor() {
    // Every mode with and without interruptions and interception, over instructions of all kinds.
    let kinds = (0..=255_u8).filter(|kind| kind & 7 < 7 && kind & 0x30 == 0);
    let seeds: Vec<Vec<u8>> = kinds
        .map(|kind| {
            let mut state = u64::from(kind) + 1;
            let mut bytes = vec![kind];
            bytes.extend((0..600).map(|_| chance(&mut state, 256) as u8));
            // Some of what random bytes rarely are: strings, far transfers, control registers, x87 and SSE.
            bytes.extend([
                0xf3, 0xa4, 0xf3, 0xab, 0x0f, 0x20, 0xc0, 0x0f, 0x22, 0xc0, 0xcf, 0xcb, 0x0f, 0x01, 0x10, 0xd8, 0xc1, 0x0f, 0xae, 0x00,
            ]);
            bytes.extend([
                0x0f, 0x30, 0x0f, 0x07, 0xc8, 0x10, 0x00, 0x05, 0x8e, 0xd8, 0x0f, 0x00, 0xd8, 0x9d, 0xf2, 0x6d, 0x66, 0x0f, 0x28, 0x00,
            ]);
            bytes
        })
        .collect();
    run_some(soft::code, &seeds, variations() / 30);
}

#[test]
fn no_bytes_are_too_much_for_telnet_and_its_negotiation() {
    // TN3270E with functions, TN3270 with its answer to a query, a plain terminal.
    let extended = [
        &[5, 255, 251, 40, 255, 250, 40, 2, 7][..],
        b"IBM-3278-4-E",
        &[255, 240, 255, 250, 40, 3, 7, 0, 2, 4, 255, 240, 0, 0, 0, 0, 0, 0x7d, 0x40, 0x40, 255, 239],
    ];
    let classic = [
        &[1, 255, 252, 40, 255, 251, 24, 255, 250, 24, 0][..],
        b"IBM-DYNAMIC",
        &[255, 240, 255, 251, 25, 255, 253, 25, 255, 251, 0, 255, 253, 0, 0x88, 0, 11, 0x81, 0x81, 1, 0, 0, 132, 0, 27, 0, 255, 239],
    ];
    let plain = [&[31, 255, 252, 40, 255, 251, 24, 255, 250, 24, 0][..], b"XTERM", &[255, 240], b"logon alan\r\n"];
    run(terminals::telnet, &[extended.concat(), classic.concat(), plain.concat()]);
}

#[test]
fn no_data_stream_of_a_program_is_too_much() {
    let orders = [
        0xc3, 0x11, 0x40, 0xc1, 0x1d, 0x40, 0x13, 0xc1, 0x29, 2, 0xc0, 0x60, 0x42, 0xf2, 0x28, 0x41, 0xf4, 0xc2, 0x08, 0xa2, 0x3c, 0x40,
        0x50, 0x7e, 0x12, 0x40, 0x40, 0x05, 0x2c, 1, 0x42, 0xf1,
    ];
    let around = [&[0xc3][..], &[0x3c, 0x40, 0x40, 0xf7].repeat(40)].concat();
    let fields = [0, 5, 1, 0xff, 2, 0, 4, 3, 0x80, 0, 9, 0x40, 0, 0xf1, 0xc3, 0x11, 0x40, 0x40];
    let seeds = [(0, 0x05, &orders[..]), (3, 0x7e, &orders), (5, 0x0d, &around), (4, 0xf1, &around), (1, 0x11, &fields), (2, 0x0f, &[])];
    run(terminals::outbound, &seeds.map(|(size, command, data)| [&[size, command][..], data].concat()));
}

#[test]
fn no_key_of_a_terminal_is_too_much() {
    let seeds = [
        &[0, 0x7d, 0x40, 0xc6, 0x11, 0x40, 0xc6, 0x81, 0x82, 0x11, 0xc2, 0x61, 0x83][..],
        &[3, 0x6d],
        &[5, 0xf3, 0x00, 0x06, 0x11, 0x00, 0x06, 0x08, 0xa2],
        &[1, 0x88, 0, 4, 0x81, 0x80],
    ];
    run(terminals::inbound, &seeds.map(<[u8]>::to_vec));
}

#[test]
fn no_frame_of_a_client_is_too_much() {
    use console::wire::{ClientFrame, Ending, Hello, Line, LineKind, Logon, Reply, Request, Terminal, VERSION};
    let logon = Logon {
        userid: "ALAN".into(),
        by: None,
        password: Some("secret".into()),
        here: true,
        attach: false,
        observe: false,
        no_ipl: false,
        terminal: Terminal { columns: 80, rows: 24, script: false, draws: true },
    };
    let encode = |bytes: Result<Vec<u8>, console::frame::FrameError>| bytes.expect("a frame");
    let client = [
        ClientFrame::Line("listfile".into()),
        ClientFrame::Key(vec![0x7d, 0x40, 0x40]),
        ClientFrame::Typed(b"\x1b[A".to_vec()),
        ClientFrame::Resize { columns: 132, rows: 43 },
        ClientFrame::Disconnect,
    ];
    let cp = [
        Reply::Output(Line { text: "Ready;".into(), kind: LineKind::Guest }),
        Reply::Screen { rows: 24, columns: 80, data: vec![0xf5, 0xc3], single_keys: true },
        Reply::Ended(Ending::LoggedOff),
    ];
    let hello = encode(console::frame::encode(&Hello { version: VERSION, request: Request::Logon(logon) }));
    let seeds = [
        hello[4..].to_vec(),
        client.iter().flat_map(|frame| encode(console::frame::encode(frame))).collect(),
        cp.iter().flat_map(|frame| encode(console::frame::encode(frame))).collect(),
    ];
    run(terminals::frames, &seeds);
}

#[test]
fn no_dump_of_a_machine_is_too_much() {
    use cp_monitor::debug::vmdump::{Head, Kind, Writer};
    use soft_processor::State;
    let head = Head {
        kind: Kind::Cms,
        processors: 1,
        storage: 1 << 20,
        seconds: 1_700_000_000,
        user: "ALAN".into(),
        system: "CMS".into(),
        format: "CMS".into(),
        identification: "it hangs".into(),
    };
    let (mut writer, first) = Writer::begin(&head);
    let records = [first, writer.registers(&State::reset()), writer.range(0, 0xfff), writer.pages(0, &[7; 100]), writer.end()];
    run(dumps::vmdump, &[records.concat()]);
    // Registers (CR0 CR3 CR4 EFER RIP), and page tables of long mode, of 32 bits with large pages, and one that names itself.
    let tables = |registers: [u64; 5], entries: &[(usize, u64)]| {
        let mut bytes = vec![0; 0x4000];
        registers.iter().enumerate().for_each(|(place, word)| bytes[place * 8..place * 8 + 8].copy_from_slice(&word.to_le_bytes()));
        entries.iter().for_each(|(at, entry)| bytes[*at..at + 8].copy_from_slice(&entry.to_le_bytes()));
        bytes
    };
    let long = [0x8000_0001, 0x1000, 0x20, 0x500, 0x20_0000];
    let seeds = [
        tables(long, &[(0x1000, 0x2003), (0x1ff8, 0x1003), (0x2000, 0x3003), (0x3000, 0x83), (0x3008, 0x1003)]),
        tables([0x8000_0001, 0x1000, 0x10, 0, 0x40_0000], &[(0x1000, 0x0000_0083_0000_2003), (0x2000, 0x0000_3003_0000_1003)]),
        tables(long, &[(0x1000, 0x1003)]),
    ];
    run_some(dumps::vmdump_storage, &seeds, variations() / 10);
}

#[test]
fn no_packet_of_a_debugger_is_too_much() {
    let packet = |text: &str| format!("${text}#{:02x}", text.bytes().fold(0_u8, u8::wrapping_add)).into_bytes();
    let session = |packets: &[&str]| packets.iter().flat_map(|text| [packet(text), b"+".to_vec()].concat()).collect::<Vec<_>>();
    let seeds = [
        session(&["qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+", "vMustReplyEmpty", "Hg0", "?", "g", "qfThreadInfo"]),
        session(&["?", "m100000,40", "M100000,4:01020304", "m100000,4", "X100008,0:", "P0=1122334455667788"]),
        session(&["?", "Z0,100004,1", "Z2,100100,8", "vCont?", "vCont;c", "z0,100004,1", "vCont;s:1", "vCont;s:p1.1"]),
        session(&["?", "qRcmd,726567697374657273", "qXfer:features:read:target.xml:0,fff", "k", "D"]),
        b"+$?#3f\x03\x03$vCont;c:p1.-1#00}}##$$".to_vec(),
    ];
    run_some(debuggers::gdb, &seeds, variations() / 4);
}
