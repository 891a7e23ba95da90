//! A guest that is no CMS reads and writes spool files by DIAGNOSE X'14', X'BC' and X'110', as `vmur` does on the mainframe.
//!
//! The guest is machine code that CP's STORE puts into a stopped machine, beside the CMS that was IPLed there: DIAGNOSEs one behind
//! the other, whose answers it keeps in storage, and a disabled wait. DISPLAY shows what it found.

use abi::{block_io, code, mask, spool_input, unit_record};
use tests::{System, Terminal, assert_line, assert_no_line};

/// Where the code begins, where what it names is, and where answers go.
const CODE: u64 = 0x100_0000;
const DATA: u64 = 0x102_0000;
const ANSWERS: u64 = 0x103_0000;
const PAGES: u64 = 0x104_0000;
const PAGE: u64 = abi::PAGE;

/// A program being written.
struct Guest {
    code: Vec<u8>,
    data: Vec<u8>,
    answers: u64,
}

impl Guest {
    fn new() -> Self {
        Self { code: Vec::new(), data: Vec::new(), answers: 0 }
    }

    /// `mov register, value` for one of the operand registers.
    fn load(&mut self, register: [u8; 2], value: u64) {
        self.code.extend(register);
        self.code.extend(value.to_le_bytes());
    }

    /// A DIAGNOSE; its RAX and RDX are kept as the next two answers.
    fn diagnose(&mut self, code: u32, operands: [u64; 6]) {
        const REGISTERS: [[u8; 2]; 6] = [[0x48, 0xbf], [0x48, 0xbe], [0x48, 0xba], [0x48, 0xb9], [0x49, 0xb8], [0x49, 0xb9]];
        for (register, operand) in REGISTERS.into_iter().zip(operands) {
            self.load(register, operand);
        }
        self.load([0x48, 0xb8], code.into());
        self.code.extend([0xe7, 0x83]);
        for _ in 0..2 {
            self.load([0x48, 0xa3], ANSWERS + 8 * self.answers);
            self.code.extend([0x48, 0x89, 0xd0]);
            self.answers += 1;
        }
    }

    /// Bytes that the program names; answers where they will be.
    fn name(&mut self, bytes: &[u8]) -> u64 {
        let at = DATA + self.data.len() as u64;
        self.data.extend(bytes);
        at
    }

    /// A CP command without a response.
    fn command(&mut self, text: &str) {
        let address = self.name(text.as_bytes());
        self.diagnose(code::COMMAND, [address, text.len() as u64, PAGES - PAGE, 16, 0, 0]);
    }

    /// X'14' on the reader with a whole page at that place of [`PAGES`].
    fn input(&mut self, subcode: u64, page: u64, value: u64) {
        self.diagnose(code::SPOOL_INPUT, [subcode, 0xc, PAGES + page * PAGE, PAGE, value, 0]);
    }

    /// Records for a device, each with its channel command.
    fn write(&mut self, vdev: u64, records: &[(u16, &[u8])]) {
        let mut bytes = Vec::new();
        for (command, data) in records {
            bytes.extend((data.len() as u16).to_le_bytes());
            bytes.extend(command.to_le_bytes());
            bytes.extend(*data);
        }
        let address = self.name(&bytes);
        self.diagnose(code::UNIT_RECORD_WRITE, [vdev, address, bytes.len() as u64, 0, 0, 0]);
    }

    /// Runs it in a stopped machine; answers RAX and RDX of each DIAGNOSE.
    fn run(mut self, terminal: &mut Terminal) -> Vec<(u64, u64)> {
        let mut state = [0; 152];
        state[20..24].copy_from_slice(&mask::WAIT.to_le_bytes());
        let wait = self.name(&state);
        let answers = self.answers;
        self.diagnose(code::LOAD_PSW, [wait, 0, 0, 0, 0, 0]);
        for (place, bytes) in [(CODE, &self.code), (DATA, &self.data)] {
            for (number, part) in bytes.chunks(256).enumerate() {
                let digits: String = part.iter().map(|byte| format!("{byte:02X}")).collect();
                terminal.type_line(&format!("STORE {:X} {digits}", place + 256 * number as u64));
                terminal.until("^STORE COMPLETE");
            }
        }
        terminal.type_line(&format!("BEGIN {CODE:X}"));
        terminal.until("HCPGIR450W");
        terminal.until_cp_read();
        let bytes = storage(terminal, ANSWERS, 8 * answers);
        let words: Vec<u64> = bytes.chunks(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes"))).collect();
        words.chunks(2).map(|pair| (pair[0], pair[1])).collect()
    }
}

/// Storage of the machine, by DISPLAY.
fn storage(terminal: &mut Terminal, address: u64, length: u64) -> Vec<u8> {
    terminal.look();
    terminal.type_line(&format!("DISPLAY {address:X}.{length:X}"));
    let last = (address + length - 1) & !0xf;
    let shown = terminal.until(&format!("^{last:08X}  "));
    let mut bytes = Vec::new();
    for line in shown.lines().filter(|line| line.get(8..10) == Some("  ")) {
        let digits: String = line[10..].split('*').next().unwrap_or_default().split_whitespace().collect();
        bytes.extend((0..digits.len() / 2).filter_map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()));
    }
    bytes.truncate(length as usize);
    bytes
}

/// A page of the guest's, taken apart as `vmur` does: by the counts and lengths at their fixed offsets.
fn records(terminal: &mut Terminal, page: u64) -> (u16, Vec<(u8, Vec<u8>)>) {
    let page = storage(terminal, PAGES + page * PAGE, PAGE);
    let half = |at: usize| u16::from_le_bytes([page[at], page[at + 1]]);
    assert_eq!(page[..4], [0; 4]);
    let count = u32::from_le_bytes([page[12], page[13], page[14], page[15]]);
    let mut at = 16;
    let mut records = Vec::new();
    for _ in 0..count {
        if page[at + 4] & 0x10 != 0 {
            records.push((page[at], Vec::new()));
            at += 8;
            continue;
        }
        let data = usize::from(half(at + 6));
        records.push((page[at], page[at + 12..at + 12 + data].to_vec()));
        at += usize::from(half(at + 10));
    }
    (half(0xff8), records)
}

/// A machine that is stopped and whose program interruptions are handled by nobody.
fn stopped(system: &System) -> Terminal {
    let mut terminal = system.log_on("CMSUSER");
    terminal.attention();
    terminal.until_cp_read();
    terminal.type_line(&format!("STORE {:X} {}", abi::LOW_STORAGE, "00".repeat(size_of::<abi::Psw>())));
    terminal.until("^STORE COMPLETE");
    terminal
}

/// Cards that fill a buffer and a half.
fn deck() -> Vec<String> {
    (0..100).map(|number| format!("card {number:03} {}", "x".repeat(50))).collect()
}

#[test]
fn a_guest_reads_a_reader_file_buffer_by_buffer_as_vmur_does() {
    let system = System::start();
    system.punch("CMSUSER", "FIRST.DECK", "not this one\n").succeeded();
    system.punch("CMSUSER", "JOB.DECK", &(deck().join("\n") + "\n")).succeeded();
    let mut terminal = stopped(&system);
    let mut guest = Guest::new();
    for command in ["CLOSE C HOLD", "ORDER * READER 0002", "CHANGE * READER 0002 NOHOLD"] {
        guest.command(command);
    }
    for page in 0..3 {
        guest.input(spool_input::READ_BUFFER, page, 0);
    }
    guest.input(spool_input::BACKSPACE, 3, 0);
    guest.input(spool_input::BACKSPACE, 3, 0);
    guest.input(spool_input::POSITION, 0, 2);
    guest.input(spool_input::READ_BUFFER, 4, 0);
    guest.input(spool_input::POSITION, 0, 3);
    guest.input(spool_input::POSITION, 0, 9);
    guest.input(spool_input::RESTART, 5, 0);
    guest.command("CLOSE C NOHOLD NOKEEP");
    let answers = guest.run(&mut terminal);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.0).collect();
    let (end, whole) = (spool_input::END_OF_FILE, 0);
    assert_eq!(statuses, [0, 0, 0, 0, 0, end, whole, end, 0, 0, 0, end, 0, 0], "{answers:?}");
    let (spid, mut first) = records(&mut terminal, 0);
    assert_eq!(spid, 2);
    for again in [3, 5] {
        assert_eq!(records(&mut terminal, again).1, first);
    }
    let (_, second) = records(&mut terminal, 1);
    assert_eq!(records(&mut terminal, 4).1, second);
    first.extend(second);
    let expected: Vec<_> = deck().into_iter().map(|card| (0x41, card.into_bytes())).collect();
    assert_eq!(first, expected);
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES: 0001 RDR,");
}

#[test]
fn what_a_guest_prints_and_punches_is_what_its_devices_take() {
    let system = System::start();
    let mut terminal = stopped(&system);
    let mut guest = Guest::new();
    guest.write(0xe, &[(0x8b, b""), (0x09, b"title"), (0x11, b"a line")]);
    guest.write(0xe, &[(0x09, &[b'x'; 132]), (0x09, &[b'x'; 133])]);
    guest.write(0xe, &[(0x41, b"a card in the printer")]);
    guest.write(0xd, &[(0x41, &[b'y'; 81])]);
    guest.write(0xd, &[(0x09, b"a line in the punch")]);
    guest.write(0xc, &[(0x41, b"a reader")]);
    // A header that promises more than the buffer has.
    let cut = guest.name(&[200, 0, 0x41, 0, b'x']);
    guest.diagnose(code::UNIT_RECORD_WRITE, [0xd, cut, 5, 0, 0, 0]);
    guest.diagnose(code::SPOOL_ATTRIBUTES, [0xe, PAGES + 2 * PAGE, 0, 0, 0, 0]);
    guest.diagnose(code::SPOOL_ATTRIBUTES, [0xd, PAGES + 2 * PAGE, 0, 0, 0, 0]);
    guest.command("TAG DEV E BOSTON OPERATOR");
    guest.command("CLOSE E TO * RDR NAME A LISTING");
    guest.input(spool_input::READ_BUFFER, 0, 0);
    guest.input(spool_input::NEXT_PUNCH, 1, 0);
    guest.input(spool_input::NEXT_PRINT, 1, 0);
    guest.input(spool_input::NEXT_PRINT, 1, 0);
    guest.input(spool_input::NEXT_DESCRIPTOR, 1, 0);
    guest.input(spool_input::NEXT_DESCRIPTOR, 3, 1);
    guest.input(spool_input::NEXT_BLOCK, 3, 77);
    let answers = guest.run(&mut terminal);
    let (bad, other) = (unit_record::BAD_RECORD, unit_record::BAD_COMMAND);
    let written = [(0, 3), (bad, 1), (other, 0), (bad, 0), (other, 0), (unit_record::NOT_AN_OUTPUT_DEVICE, 0), (bad, 0)];
    assert_eq!(answers[..7], written);
    let (end, none) = (spool_input::END_OF_FILE, spool_input::NO_FILE);
    let rest: Vec<_> = answers[7..].iter().map(|answer| answer.0).collect();
    assert_eq!(rest, [0, none, 0, 0, 0, none, 0, end, 0, end, none], "{answers:?}");
    let open = storage(&mut terminal, PAGES + 2 * PAGE, 128);
    assert_eq!((u32::from_le_bytes(open[..4].try_into().expect("four bytes")), open[8], open[81]), (0, 4, b'P'));
    let (_, lines) = records(&mut terminal, 0);
    let expected: [(u8, &[u8]); 5] = [(3, b"BOSTON OPERATOR"), (0x8b, b""), (9, b"title"), (0x11, b"a line"), (9, &[b'x'; 132])];
    assert_eq!(lines, expected.map(|(command, data)| (command, data.to_vec())));
    let descriptor = storage(&mut terminal, PAGES + PAGE, 264);
    assert_eq!((&descriptor[40..42], &descriptor[128..143]), (&b"A "[..], &b"BOSTON OPERATOR"[..]));
}

#[test]
fn several_files_read_as_one_under_spool_cont_and_go_as_they_are_read() {
    let system = System::start();
    for name in ["A.DECK", "B.DECK"] {
        system.punch("CMSUSER", name, &format!("of {name}\n")).succeeded();
    }
    let mut terminal = stopped(&system);
    let mut guest = Guest::new();
    guest.command("SPOOL C CONT NOEOF");
    guest.input(spool_input::READ_BUFFER, 0, 0);
    guest.input(spool_input::REPEAT, 0, 2);
    for page in 1..4 {
        guest.input(spool_input::READ_BUFFER, page, 0);
    }
    guest.command("SPOOL C NOCONT EOF");
    guest.input(spool_input::READ_BUFFER, 4, 0);
    let answers = guest.run(&mut terminal);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.0).collect();
    assert_eq!(statuses, [0, 0, 0, 0, 0, spool_input::NO_FILE, 0, spool_input::END_OF_FILE], "{answers:?}");
    let read: Vec<_> = (0..3).map(|page| records(&mut terminal, page)).collect();
    let file = |spid, text: &str| (spid, vec![(0x41, text.as_bytes().to_vec())]);
    assert_eq!(read, [file(1, "of A.DECK"), file(1, "of A.DECK"), file(2, "of B.DECK")]);
    // The first file went when the second one began; the second is still being read.
    let files = system.cp_says("QUERY READER CMSUSER ALL");
    assert_no_line(&files, r" 0001 A ");
    assert_line(&files, r" 0002 A ");
}

#[test]
fn whatever_a_guest_asks_is_answered() {
    let system = System::start();
    system.punch("CMSUSER", "LONG.LINES", &("x".repeat(5000) + "\n")).succeeded();
    let mut terminal = stopped(&system);
    let mut guest = Guest::new();
    guest.input(spool_input::BACKSPACE, 0, 0);
    guest.input(spool_input::RESTART, 0, 0);
    guest.input(spool_input::REPEAT, 0, 5);
    guest.input(spool_input::SELECT, 0, 4711);
    guest.input(spool_input::SELECT, 0, u64::MAX);
    guest.input(spool_input::NEXT_BLOCK, 0, u64::MAX);
    guest.diagnose(code::SPOOL_INPUT, [spool_input::READ_BUFFER, 0x191, PAGES, PAGE, 0, 0]);
    guest.diagnose(code::SPOOL_INPUT, [spool_input::READ_BUFFER, u64::MAX, PAGES, PAGE, 0, 0]);
    guest.diagnose(code::SPOOL_INPUT, [spool_input::READ_BUFFER, 0xc, PAGES, PAGE - 1, 0, 0]);
    guest.diagnose(code::SPOOL_INPUT, [spool_input::NEXT_DESCRIPTOR, 0xc, PAGES, 100, 0, 0]);
    // A record that no buffer holds can be read by records.
    guest.input(spool_input::READ_BUFFER, 0, 0);
    guest.input(spool_input::POSITION, 0, 2);
    guest.input(spool_input::POSITION, 0, 0);
    guest.input(spool_input::POSITION, 0, u64::MAX);
    guest.input(spool_input::READ_RECORDS, 0, 0);
    guest.diagnose(code::SPOOL_INPUT, [spool_input::READ_RECORDS, 0xc, PAGES, 2 * PAGE, 0, 0]);
    guest.diagnose(code::SPOOL_INPUT, [spool_input::READ_RECORDS, 0xc, PAGES, 2 * PAGE, 0, 0]);
    // No disk is not a spool device either.
    guest.diagnose(code::BLOCK_IO, [block_io::INIT, 0xc, PAGES, 0, 0, 0]);
    let answers = guest.run(&mut terminal);
    let (end, none, short, other) = (spool_input::END_OF_FILE, spool_input::NO_FILE, spool_input::BUFFER_SHORT, spool_input::NOT_A_READER);
    let expected = [none, none, none, none, none, none, other, other, short, short, short, short, end, end, short, 0, end];
    let statuses: Vec<_> = answers.iter().map(|answer| answer.0).collect();
    assert_eq!(statuses[..17], expected, "{answers:?}");
    assert_eq!((answers[8].1, answers[9].1, answers[10].1), (PAGE, 264, 5012));
    assert_eq!(statuses[17], block_io::NO_DEVICE);

    // What is malformed is a program interruption, and a machine without a handler for it is in CP mode.
    for operands in [[0x99, 0xc, PAGES, PAGE, 0], [spool_input::REPEAT, 0xc, 0, 0, 0], [spool_input::REPEAT, 0xc, 0, 0, 256]] {
        let [subcode, reader, address, length, value] = operands;
        refused(&mut terminal, [subcode, reader, address, length, value, 0]);
    }
    refused(&mut terminal, [spool_input::NEXT_BLOCK, 0xc, 1 << 40, PAGE, 0, 0]);
    refused(&mut terminal, [spool_input::NEXT_BLOCK, 0xc, PAGES, u64::MAX, 0, 0]);
}

/// A single X'14' that ends as a program interruption.
fn refused(terminal: &mut Terminal, operands: [u64; 6]) {
    let mut guest = Guest::new();
    guest.diagnose(code::SPOOL_INPUT, operands);
    let digits: String = guest.code.iter().map(|byte| format!("{byte:02X}")).collect();
    terminal.type_line(&format!("STORE {CODE:X} {digits}"));
    terminal.until("^STORE COMPLETE");
    terminal.look();
    terminal.type_line(&format!("BEGIN {CODE:X}"));
    terminal.until("HCPGIR453W");
    terminal.until_cp_read();
}
