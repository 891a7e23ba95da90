//! PC machines: any sequence of accesses to the board, and any bytes as an image.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pc_platform::disk::{Disk, Ended, Failed, MemoryDisk, Operation, Ticket};
use pc_platform::image::{self, Source};
use pc_platform::port::{MemoryPort, Port};
use pc_platform::{Access, Board, MemoryStorage, Settings, Storage};

const STORAGE: u64 = 1 << 20;
/// Ports that devices are at; others are reached by their number.
const PORTS: [u16; 40] = [
    0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x40, 0x42, 0x43, 0x61, 0x60, 0x64, 0x70, 0x71, 0x92, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x1f0,
    0x1f1, 0x1f2, 0x1f3, 0x1f4, 0x1f5, 0x1f6, 0x1f7, 0x3f6, 0x177, 0x170, 0x3d4, 0x3d5, 0xcf8, 0xcfc, 0xcb64, 0x8900, 0x501, 0x604, 0xe9,
];

type Asked = Arc<Mutex<VecDeque<Ticket>>>;

/// A disk whose requests end later, and badly.
struct Slow(Asked);

impl Disk for Slow {
    fn sectors(&self) -> u64 {
        64
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn begin(&mut self, ticket: Ticket, operation: Operation) -> Option<Ended> {
        if let Operation::Read { sector, count } = operation {
            assert!(sector + u64::from(count) <= self.sectors(), "devices ask for what there is");
        }
        self.0.lock().expect("nobody panicked").push_back(ticket);
        None
    }
}

/// The bytes of a case, taken one by one.
struct Case<'a>(&'a [u8]);

impl Case<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn word(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |word, _| Some(word << 8 | u32::from(self.byte()?)))
    }

    fn port(&mut self) -> Option<u16> {
        let byte = self.byte()?;
        match PORTS.get(usize::from(byte)) {
            Some(&port) => Some(port),
            None => Some(u16::from(byte) << 8 | u16::from(self.byte()?)),
        }
    }

    fn address(&mut self) -> Option<u64> {
        let byte = self.byte()?;
        let base: u64 = [0xfee0_0000, 0xfec0_0000, 0xd000_0000, 0xe000_0000][usize::from(byte & 3)];
        // The virtio devices have a page each.
        let page = if base == 0xd000_0000 { u64::from(byte >> 2 & 3) << 12 } else { 0 };
        Some(base + page + (u64::from(byte & 0xfc) << 2) + (u64::from(self.byte()?) << 2))
    }
}

/// Drives a board by the bytes: what it is asked, when, and what its disks answer.
///
/// # Panics
/// When the board hands out an interrupt that it did not announce, or keeps more than it may.
pub fn board(bytes: &[u8]) {
    let asked = Asked::default();
    let disks: Vec<Box<dyn Disk>> = vec![Box::new(MemoryDisk::new(vec![0x5a; 64 * 512])), Box::new(Slow(Arc::clone(&asked)))];
    let ports: Vec<Box<dyn Port>> =
        vec![Box::new(MemoryPort::output("punch")), Box::new(MemoryPort::input("reader", &[&b"line\n"[..]; 3]))];
    let mut board = Board::new(Settings { storage: STORAGE, processors: 3, start_time: 0, disks, ports });
    let ram = MemoryStorage::new(STORAGE as usize);
    image::firmware(2, 3).iter().for_each(|(address, bytes)| assert!(ram.store(*address, bytes)));
    board.as_firmware_leaves_it();
    let mut case = Case(bytes);
    let mut now = 0;
    while let Some(()) = step(&mut case, &mut board, &ram, &asked, &mut now) {
        while board.take_signal().is_some() {}
        assert!(board.take_output().len() < 1 << 16);
        assert!(board.take_notes().len() < 100);
        assert!(board.next_event().is_none_or(|due| due > 0));
    }
    board.reset();
    assert!(!board.waits_for_disk());
    assert_eq!(board.screen(&ram).rows.len(), 25);
}

fn step(case: &mut Case<'_>, board: &mut Board, ram: &MemoryStorage, asked: &Asked, now: &mut u64) -> Option<()> {
    let operation = case.byte()?;
    let access = Access { now: *now, processor: usize::from(operation >> 6), storage: ram };
    let size = 1 << (operation >> 4 & 3);
    match operation & 0xf {
        0 | 1 => drop(board.port_in(access, case.port()?, size.min(4)).to_le_bytes().to_vec()),
        2..=5 => board.port_out(access, case.port()?, size.min(4), case.word()?),
        6 => drop(board.mmio_read(access, case.address()?, size).to_le_bytes().to_vec()),
        7..=9 => board.mmio_write(access, case.address()?, size, u64::from(case.word()?)),
        10 => {
            *now += u64::from(case.word()?) << (operation >> 4 & 7);
            board.advance(*now);
        }
        11 => {
            if board.interrupt_pending(access.processor) {
                board.acknowledge(access.processor);
            }
            board.take_nmi(access.processor);
        }
        12 => drop(board.type_input(&[case.byte()?; 20]).to_le_bytes()),
        13 => {
            let ticket = asked.lock().expect("nobody panicked").pop_front();
            let length = usize::from(case.byte()?) * 512;
            if let Some(ticket) = ticket {
                board.disk_ended(ticket, if length == 0 { Err(Failed) } else { Ok(vec![1; length]) }, ram);
            }
        }
        14 => {
            let address = case.word()? % (1 << 21);
            ram.store(u64::from(address), &case.word()?.to_le_bytes());
        }
        _ => board.reset(),
    }
    Some(())
}

/// Takes any bytes for an image: an error, or pieces that all lie in storage.
///
/// # Panics
/// When a piece does not.
pub fn pc_image(bytes: &[u8]) {
    for storage in [1 << 20, 16 << 20] {
        let source = Source { image: bytes, module: b"module", command_line: "console", storage };
        if let Ok(loaded) = image::load(&source) {
            assert!(loaded.placed.iter().all(|(address, piece)| address + piece.len() as u64 <= storage));
            assert!(u64::from(loaded.entry) < storage);
        }
    }
}
