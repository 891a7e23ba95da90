use super::*;
use crate::MemoryStorage;
use crate::disk::{Ended, MemoryDisk, Operation, Ticket};

/// A board, its storage, and what time it is.
struct Machine {
    board: Board,
    ram: MemoryStorage,
    now: Nanoseconds,
}

impl Machine {
    fn new(processors: usize, disks: Vec<Box<dyn Disk>>) -> Self {
        let settings = Settings { storage: 64 << 20, processors, start_time: 0, disks, ports: Vec::new() };
        Self { board: Board::new(settings), ram: MemoryStorage::new(1 << 20), now: 0 }
    }

    fn access(&mut self) -> (&mut Board, Access<'_>) {
        (&mut self.board, Access { now: self.now, processor: 0, storage: &self.ram })
    }

    fn read(&mut self, port: u16) -> u8 {
        let (board, access) = self.access();
        board.port_in(access, port, 1) as u8
    }

    fn write(&mut self, port: u16, value: u8) {
        self.write_wide(port, 1, u32::from(value));
    }

    fn write_wide(&mut self, port: u16, size: u8, value: u32) {
        let (board, access) = self.access();
        board.port_out(access, port, size, value);
    }

    fn local(&mut self, offset: u64, value: u32) {
        let (board, access) = self.access();
        board.mmio_write(access, apic::LOCAL + offset, 4, u64::from(value));
    }

    fn pin(&mut self, pin: u32, low: u32, high: u32) {
        for (select, value) in [(0x11 + 2 * pin, high), (0x10 + 2 * pin, low)] {
            let (board, access) = self.access();
            board.mmio_write(access, apic::IO, 4, u64::from(select));
            board.mmio_write(access, apic::IO + 0x10, 4, u64::from(value));
        }
    }
}

#[test]
fn the_timer_interrupts_through_the_8259_at_its_rate() {
    let mut machine = Machine::new(1, Vec::new());
    machine.board.as_firmware_leaves_it();
    let period = 54_925_419;
    assert!(machine.board.next_event().is_some_and(|due| due.abs_diff(period) < 2000), "{:?}", machine.board.next_event());
    for tick in 1..4 {
        machine.now = machine.board.next_event().unwrap();
        assert!(machine.now.abs_diff(tick * period) < 3000);
        machine.board.advance(machine.now);
        assert!(machine.board.interrupt_pending(0));
        assert_eq!(machine.board.acknowledge(0), 8);
        machine.write(0x20, 0x20);
        assert!(!machine.board.interrupt_pending(0));
    }
}

#[test]
fn a_timer_that_nobody_hears_is_not_waited_for() {
    let mut machine = Machine::new(1, Vec::new());
    machine.board.as_firmware_leaves_it();
    machine.write(0x21, 0xff);
    assert_eq!(machine.board.next_event(), None);
    machine.pin(2, 0x30, 0);
    assert!(machine.board.next_event().is_some(), "pin 2 of the I/O APIC");
}

#[test]
fn typed_input_goes_to_the_keyboard_until_the_guest_speaks_on_the_serial_line() {
    let mut machine = Machine::new(1, Vec::new());
    machine.board.type_input(b"a");
    assert_eq!(machine.read(0x60), 0x1e);
    assert_eq!(machine.read(0x60), 0x9e);
    let mut machine = Machine::new(1, Vec::new());
    machine.write(0x3f8, b'$');
    assert_eq!(machine.board.take_output(), b"$");
    machine.board.type_input(b"a");
    assert_eq!((machine.read(0x3fd) & 1, machine.read(0x3f8), machine.read(0x64) & 1), (1, b'a', 0));
    machine.read(0x60);
    machine.board.type_input(b"b");
    assert_eq!(machine.read(0x64) & 1, 1, "it reads the keyboard itself");
    machine.write(0x3f9, 1);
    machine.board.type_input(b"c");
    assert_eq!(machine.read(0x3f8), b'c', "it wants interrupts of the serial port");
}

#[test]
fn the_serial_interrupt_reaches_the_processor_that_the_i_o_apic_names() {
    let mut machine = Machine::new(2, Vec::new());
    let (board, access) = machine.access();
    board.mmio_write(Access { processor: 1, ..access }, apic::LOCAL + 0xf0, 4, 0x1ff);
    machine.pin(4, 0x24, 1 << 24);
    machine.write(0x3f9, 1);
    machine.write(0x3fc, 0x0b);
    machine.board.type_input(b"x");
    assert!(!machine.board.interrupt_pending(0) && machine.board.interrupt_pending(1));
    assert_eq!(machine.board.acknowledge(1), 0x24);
}

#[test]
fn processors_are_started_by_init_and_start_up() {
    let mut machine = Machine::new(4, Vec::new());
    machine.local(0x310, 2 << 24);
    machine.local(0x300, 0x4500);
    machine.local(0x300, 0x4607);
    assert!(machine.board.wants_out());
    assert_eq!(machine.board.take_signal(), Some(Signal::Init(2)));
    assert_eq!(machine.board.take_signal(), Some(Signal::StartUp(2, 7)));
    machine.local(0x300, 0x000c_4500);
    let all_others: Vec<Signal> = std::iter::from_fn(|| machine.board.take_signal()).collect();
    assert_eq!(all_others, [1, 2, 3].map(Signal::Init));
    machine.local(0x300, 0x000c_0400);
    assert_eq!([0, 1, 2, 3, 1].map(|number| machine.board.take_nmi(number)), [false, true, true, true, false]);
}

#[test]
fn the_keyboard_gives_each_byte_an_edge_of_its_own() {
    let mut machine = Machine::new(1, Vec::new());
    machine.board.as_firmware_leaves_it();
    machine.board.type_input(b"a");
    for code in [0x1e, 0x9e] {
        assert_eq!(machine.board.acknowledge(0), 9);
        machine.write(0x20, 0x20);
        assert_eq!(machine.read(0x60), code);
    }
    assert!(!machine.board.interrupt_pending(0));
}

#[test]
fn what_switches_off_and_what_resets() {
    let cases: [(u16, u8, u32, Signal); 9] = [
        (0xf4, 4, 0x10, Signal::Exit(0x21)),
        (0x501, 1, 0x31, Signal::Exit(0x63)),
        (0x604, 2, 0x2000, Signal::PowerOff),
        (0xb004, 2, 0x2000, Signal::PowerOff),
        (0x64, 1, 0xfe, Signal::Reset),
        (0x92, 1, 0x01, Signal::Reset),
        (0xcf9, 1, 0x06, Signal::Reset),
        (0xf4, 1, 0, Signal::Exit(1)),
        (0x604, 2, 0x3c00, Signal::PowerOff),
    ];
    for (port, size, value, signal) in cases {
        let mut machine = Machine::new(1, Vec::new());
        machine.write_wide(port, size, value);
        assert_eq!(machine.board.take_signal(), Some(signal), "{port:x}");
    }
    let mut machine = Machine::new(1, Vec::new());
    b"xShShutdown".iter().for_each(|&byte| machine.write(0x8900, byte));
    assert_eq!(machine.board.take_signal(), Some(Signal::PowerOff));
}

#[test]
fn nothing_answers_where_nothing_is_and_it_is_noted_once() {
    let mut machine = Machine::new(1, Vec::new());
    let (board, access) = machine.access();
    assert_eq!(board.port_in(access, 0x1234, 2), 0xffff);
    assert_eq!(board.port_in(access, 0xcfc, 4), u32::MAX);
    assert_eq!(board.mmio_read(access, 0xe000_0000, 8), u64::MAX);
    (0..100).for_each(|_| board.port_out(access, 0x1234, 1, 0));
    assert_eq!(board.take_notes(), [Odd::Port(0x1234), Odd::Address(0xe000_0000)]);
    (0..0x1_0000).for_each(|at| assert_eq!(board.mmio_read(access, 0xe000_0000 + at * 8, 8), u64::MAX));
    assert_eq!(board.take_notes().len(), NOTES_MAX);
}

#[test]
fn two_bytes_at_once_are_two_registers() {
    let mut machine = Machine::new(1, Vec::new());
    machine.write_wide(0x3d4, 2, 0x120e);
    machine.write_wide(0x3d4, 2, 0x340f);
    assert_eq!(machine.board.display.cursor(), 0x1234);
}

/// A disk that takes its time.
struct Slow(std::sync::Arc<std::sync::Mutex<Vec<(Ticket, Operation)>>>);

impl Disk for Slow {
    fn sectors(&self) -> u64 {
        100
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn begin(&mut self, ticket: Ticket, operation: Operation) -> Option<Ended> {
        self.0.lock().unwrap().push((ticket, operation));
        None
    }
}

#[test]
fn a_disk_that_takes_time_is_waited_for_and_its_end_interrupts() {
    let asked = std::sync::Arc::default();
    let mut machine = Machine::new(1, vec![Box::new(Slow(std::sync::Arc::clone(&asked)))]);
    machine.board.as_firmware_leaves_it();
    machine.write(0x21, 0);
    machine.write(0xa1, 0);
    [(0x1f6, 0xe0), (0x1f2, 1), (0x1f3, 7), (0x1f7, 0x20)].into_iter().for_each(|(port, value)| machine.write(port, value));
    assert!(machine.board.waits_for_disk() && machine.board.wants_out());
    let (ticket, operation) = asked.lock().unwrap().pop().unwrap();
    assert_eq!(operation, Operation::Read { sector: 7, count: 1 });
    machine.board.disk_ended(ticket, Ok(vec![0x5a; 512]), &machine.ram);
    assert!(!machine.board.waits_for_disk());
    assert_eq!(machine.board.acknowledge(0), 0x76);
    let (board, access) = machine.access();
    assert_eq!(board.port_in(access, 0x1f0, 2), 0x5a5a);

    machine.write(0x1f7, 0xe7);
    let (ticket, _) = asked.lock().unwrap().pop().unwrap();
    machine.board.reset();
    assert!(!machine.board.waits_for_disk());
    machine.board.disk_ended(ticket, Ok(Vec::new()), &machine.ram);
    assert_eq!(machine.read(0x3f6), 0x50, "the request was of an earlier life");
}

/// Calls a service as the stub does: the registers lie on a stack at 0:7000.
fn bios(machine: &mut Machine, vector: u8, registers: [u16; 4]) -> ([u16; 4], u16) {
    let [ax, bx, cx, dx] = registers;
    let mut frame = vec![0; 44];
    for (at, value) in [(32, ax), (20, bx), (28, cx), (24, dx), (36, u16::from(vector)), (0, 0x1000), (2, 0x2000)] {
        frame[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    machine.ram.store(0x7000, &frame);
    machine.ram.store(bios::rom::MAIL, &[0x00, 0x70, 0, 0, 0]);
    machine.write(bios::rom::PORT, 0);
    machine.ram.load(0x7000, &mut frame);
    let word = |at: usize| u16::from_le_bytes([frame[at], frame[at + 1]]);
    ([word(32), word(20), word(28), word(24)], word(42))
}

#[test]
fn the_bios_writes_text_reads_disks_and_tells_of_storage() {
    let mut bytes = vec![0; 4 << 20];
    bytes[512 * 17..512 * 17 + 4].copy_from_slice(b"boot");
    let mut machine = Machine::new(1, vec![Box::new(MemoryDisk::new(bytes))]);
    for byte in b"Hi\r\n" {
        bios(&mut machine, 0x10, [0x0e00 | u16::from(*byte), 7, 0, 0]);
    }
    assert_eq!(machine.board.take_output(), b"Hi\r\n");
    let screen = machine.board.screen(&machine.ram);
    assert_eq!((screen.text(0), screen.cursor), ("Hi".to_string(), Some((1, 0))));

    let ([ax, ..], flags) = bios(&mut machine, 0x13, [0x0201, 0x40, 0x0012, 0x80]);
    assert_eq!((ax >> 8, flags & 1), (0, 0));
    let mut read = [0; 4];
    machine.ram.load(0x1_0040, &mut read);
    assert_eq!(&read, b"boot");
    let ([ax, ..], flags) = bios(&mut machine, 0x13, [0x0201, 0x40, 0xffff, 0x80]);
    assert_eq!((ax >> 8, flags & 1), (4, 1), "no such sector");
    let ([_, bx, cx, _], flags) = bios(&mut machine, 0x13, [0x4100, 0x55aa, 0, 0x80]);
    assert_eq!((bx, cx, flags & 1), (0xaa55, 1, 0));
    machine.ram.store(0x2_0000, &[16, 0, 1, 0, 0, 0, 0, 0x30, 17, 0, 0, 0, 0, 0, 0, 0]);
    bios(&mut machine, 0x13, [0x4200, 0, 0, 0x80]);
    machine.ram.load(0x3_0000, &mut read);
    assert_eq!(&read, b"boot");

    let ([ax, bx, ..], _) = bios(&mut machine, 0x15, [0xe801, 0, 0, 0]);
    assert_eq!((ax, bx), (15 << 10, 48 << 4));
    assert_eq!(bios(&mut machine, 0x15, [0x2401, 0, 0, 0]).1 & 1, 0);
    assert_eq!(bios(&mut machine, 0x15, [0x5300, 0, 0, 0]).1 & 1, 1);
    assert_eq!(bios(&mut machine, 0x12, [0; 4]).0[0], 639);
}

/// A machine with the BIOS's data area, whose keyboard nobody listens to but the BIOS.
fn with_keyboard() -> Machine {
    let mut machine = Machine::new(1, Vec::new());
    bios::rom::placed(0).into_iter().for_each(|(address, bytes)| assert!(machine.ram.store(address, &bytes)));
    machine.board.as_firmware_leaves_it();
    machine
}

/// Takes the keyboard's interrupts as long as there are any.
fn take_keys(machine: &mut Machine) {
    while machine.board.interrupt_pending(0) {
        assert_eq!(machine.board.acknowledge(0), 9);
        bios(machine, 9, [0; 4]);
    }
}

fn bios_answer(machine: &Machine) -> u8 {
    let mut byte = [0];
    machine.ram.load(bios::rom::MAIL + 4, &mut byte);
    byte[0]
}

#[test]
fn the_bios_keeps_typed_keys_until_they_are_asked_for() {
    let mut machine = with_keyboard();
    bios(&mut machine, 0x16, [0; 4]);
    assert_eq!(bios_answer(&machine), 1, "it waits for an interrupt and asks again");
    machine.board.type_input(b"Q");
    take_keys(&mut machine);
    let ([ax, ..], flags) = bios(&mut machine, 0x16, [0x0100, 0, 0, 0]);
    assert_eq!((ax, flags & 0x40), (0x1051, 0));
    assert_eq!((bios(&mut machine, 0x16, [0; 4]).0[0], bios_answer(&machine)), (0x1051, 0));
    assert_eq!(bios(&mut machine, 0x16, [0x0100, 0, 0, 0]).1 & 0x40, 0x40, "none is left");
}

/// What INT 16 with this service answers for what is typed.
fn codes(service: u16, typed: &[u8]) -> Vec<u16> {
    let mut machine = with_keyboard();
    machine.board.type_input(typed);
    take_keys(&mut machine);
    let is_there = |machine: &mut Machine| bios(machine, 0x16, [0x1100, 0, 0, 0]).1 & 0x40 == 0;
    let mut codes = Vec::new();
    while is_there(&mut machine) {
        codes.push(bios(&mut machine, 0x16, [service, 0, 0, 0]).0[0]);
    }
    codes
}

#[test]
fn every_character_that_is_typed_is_one_of_the_bios() {
    for byte in (b' '..=b'~').chain(1..=31) {
        let wanted = if byte == b'\n' { b'\r' } else { byte };
        let low: Vec<u8> = codes(0, &[byte]).into_iter().map(|code| code as u8).collect();
        assert_eq!(low, [wanted], "{byte:02x}");
    }
}

#[test]
fn keys_without_a_character_have_the_codes_of_the_at() {
    for (typed, old, enhanced) in [
        (&b"\x1b[A"[..], 0x4800, 0x48e0),
        (b"\x1b[B", 0x5000, 0x50e0),
        (b"\x1bOC", 0x4d00, 0x4de0),
        (b"\x1b[D", 0x4b00, 0x4be0),
        (b"\x1b[H", 0x4700, 0x47e0),
        (b"\x1b[4~", 0x4f00, 0x4fe0),
        (b"\x1b[5~", 0x4900, 0x49e0),
        (b"\x1b[6~", 0x5100, 0x51e0),
        (b"\x1b[2~", 0x5200, 0x52e0),
        (b"\x1b[3~", 0x5300, 0x53e0),
        (b"\x1b[1;5D", 0x7300, 0x73e0),
        (b"\x1b[1;5C", 0x7400, 0x74e0),
        (b"\x1b[1;3A", 0x9800, 0x9800),
        (b"\x1bOP", 0x3b00, 0x3b00),
        (b"\x1b[21~", 0x4400, 0x4400),
        (b"\x1b[1;2P", 0x5400, 0x5400),
        (b"\x1b[15;5~", 0x6200, 0x6200),
        (b"\x1b[15;3~", 0x6c00, 0x6c00),
        (b"\x1b[23~", 0x8500, 0x8500),
        (b"\x1b[24;2~", 0x8800, 0x8800),
        (b"\x1bx", 0x2d00, 0x2d00),
        (b"\x1b1", 0x7800, 0x7800),
        (b"\x7f", 0x0e08, 0x0e08),
        (b"\x1b", 0x011b, 0x011b),
    ] {
        assert_eq!((codes(0x0000, typed), codes(0x1000, typed)), (vec![old], vec![enhanced]), "{typed:x?}");
    }
}

#[test]
fn the_bios_tells_what_is_held_and_takes_keys_of_programs() {
    let mut machine = with_keyboard();
    machine.board.type_keys(b"A");
    let held: Vec<u16> = (0..4)
        .map(|_| {
            assert_eq!(machine.board.acknowledge(0), 9);
            bios(&mut machine, 9, [0; 4]);
            bios(&mut machine, 0x16, [0x0200, 0, 0, 0]).0[0] & 0xff
        })
        .collect();
    assert_eq!(held, [2, 2, 2, 0], "shift is held while A is pressed and released");
    let put = |machine: &mut Machine| bios(machine, 0x16, [0x0500, 0, 0x1234, 0]).0[0] & 0xff;
    let room = (0..20).take_while(|_| put(&mut machine) == 0).count();
    assert_eq!(room, 14, "of 15 one is taken");
    assert_eq!([0; 2].map(|_| bios(&mut machine, 0x16, [0; 4]).0[0]), [0x1e41, 0x1234]);
}

#[test]
fn a_boot_sector_that_finds_nothing_stops_the_machine_and_says_why() {
    let mut machine = Machine::new(1, Vec::new());
    bios(&mut machine, 0x18, [0; 4]);
    assert!(matches!(machine.board.take_signal(), Some(Signal::Stuck(why)) if why.contains("INT 18")));
    bios(&mut machine, 0x19, [0; 4]);
    assert_eq!(machine.board.take_signal(), Some(Signal::Reload));
    machine.ram.store(bios::rom::MAIL, &[0xff, 0xff, 0xff, 0xff]);
    machine.write(bios::rom::PORT, 0);
    assert!(matches!(machine.board.take_signal(), Some(Signal::Stuck(_))));
}
