//! An ATA channel with up to two drives, in programmed I/O.
//!
//! Pure: a command that needs a disk answers with the [`Request`]; its end comes back by [`Channel::ended`]. Until then the channel is busy.

mod identify;
pub mod spec;

use crate::disk::{Ended, Operation, SECTOR};
use spec::{GEOMETRY, LBA, LBA28_MAX, MULTIPLE_MAX, SECOND, command, control, error, register, status};

/// What a drive is to the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drive {
    /// Its sectors.
    pub sectors: u64,
    /// Writes are aborted.
    pub read_only: bool,
}

/// A disk is to do something: the first (0) or second (1) drive of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which drive.
    pub drive: usize,
    /// What.
    pub operation: Operation,
}

/// What goes through the data port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Transfer {
    #[default]
    None,
    /// To the guest.
    In,
    /// From the guest, for the disk from that sector on.
    Out { sector: u64 },
}

/// One channel.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    drives: [Option<Drive>; 2],
    multiple: [u8; 2],
    /// Number of the first drive on the board, for its serial number.
    first: usize,
    error: u8,
    feature: u8,
    count: u8,
    address: [u8; 3],
    device: u8,
    status: u8,
    control: u8,
    transfer: Transfer,
    buffer: Vec<u8>,
    position: usize,
    /// Where the block that is being transferred ends, and the length of blocks.
    block_end: usize,
    block: usize,
    interrupt: bool,
}

impl Channel {
    /// A channel with these drives, of which the first has that number on the board.
    pub fn new(drives: [Option<Drive>; 2], first: usize) -> Self {
        let mut channel = Self { drives, first, ..Self::default() };
        channel.reset();
        channel
    }

    fn reset(&mut self) {
        self.transfer = Transfer::None;
        self.buffer = Vec::new();
        self.interrupt = false;
        self.device = 0;
        self.signature();
        self.status = status::IDLE;
    }

    fn signature(&mut self) {
        (self.error, self.count, self.address) = (1, 1, [1, 0, 0]);
    }

    fn selected(&self) -> usize {
        usize::from(self.device & SECOND != 0)
    }

    fn drive(&self) -> Option<Drive> {
        self.drives[self.selected()]
    }

    /// The interrupt line.
    pub fn interrupts(&self) -> bool {
        self.interrupt && self.control & control::NO_INTERRUPT == 0
    }

    fn is_empty(&self) -> bool {
        self.drives == [None, None]
    }

    fn shown_status(&self) -> u8 {
        match (self.drive(), self.is_empty()) {
            (Some(_), _) if self.control & control::RESET != 0 => status::BUSY,
            (Some(_), _) => self.status,
            // The bus floats when nobody is on it; for a drive that is not there, the other one answers with nothing.
            (None, true) => 0xff,
            (None, false) => 0,
        }
    }

    /// Reads the control port: the status, and the interrupt stays.
    pub fn read_alternate(&self) -> u8 {
        self.shown_status()
    }

    /// Writes the control port.
    pub fn write_control(&mut self, value: u8) {
        if self.control & control::RESET != 0 && value & control::RESET == 0 {
            self.reset();
        }
        self.control = value;
    }

    /// Reads a register: the data register by 1, 2 or 4 bytes, the others by one.
    pub fn read(&mut self, offset: u16, size: u8) -> u32 {
        if self.is_empty() {
            return u32::MAX;
        }
        u32::from(match offset {
            register::DATA => return self.read_data(usize::from(size)),
            register::ERROR => self.error,
            register::COUNT => self.count,
            register::LOW => self.address[0],
            register::MIDDLE => self.address[1],
            register::HIGH => self.address[2],
            register::DEVICE => self.device | 0xa0,
            _ => {
                self.interrupt = false;
                self.shown_status()
            }
        })
    }

    /// Writes a register.
    pub fn write(&mut self, offset: u16, size: u8, value: u32) -> Option<Request> {
        let byte = value as u8;
        if offset != register::DATA && self.status & status::BUSY != 0 {
            // The standard: the registers belong to the drive then.
            return None;
        }
        match offset {
            register::DATA => return self.write_data(usize::from(size), value),
            register::ERROR => self.feature = byte,
            register::COUNT => self.count = byte,
            register::LOW => self.address[0] = byte,
            register::MIDDLE => self.address[1] = byte,
            register::HIGH => self.address[2] = byte,
            register::DEVICE => self.device = byte,
            _ => return self.command(byte),
        }
        None
    }

    fn read_data(&mut self, size: usize) -> u32 {
        if self.transfer != Transfer::In || self.status & status::DATA_REQUEST == 0 {
            return 0;
        }
        let bytes = &self.buffer[self.position..(self.position + size).min(self.block_end)];
        let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        self.position += bytes.len();
        if self.position == self.block_end {
            if self.position == self.buffer.len() {
                self.finish();
            } else {
                self.next_block();
                self.interrupt = true;
            }
        }
        value
    }

    fn write_data(&mut self, size: usize, value: u32) -> Option<Request> {
        let Transfer::Out { sector } = self.transfer else { return None };
        if self.status & status::DATA_REQUEST == 0 {
            return None;
        }
        let end = (self.position + size).min(self.block_end);
        let length = end - self.position;
        self.buffer[self.position..end].copy_from_slice(&value.to_le_bytes()[..length]);
        self.position = end;
        if end < self.block_end {
            return None;
        }
        if end < self.buffer.len() {
            self.next_block();
            self.interrupt = true;
            return None;
        }
        self.status = status::BUSY;
        let data = std::mem::take(&mut self.buffer);
        Some(self.request(Operation::Write { sector, data }))
    }

    fn next_block(&mut self) {
        self.block_end = (self.position + self.block).min(self.buffer.len());
        self.status = status::IDLE | status::DATA_REQUEST;
    }

    fn finish(&mut self) {
        self.transfer = Transfer::None;
        self.buffer = Vec::new();
        self.status = status::IDLE;
    }

    fn request(&self, operation: Operation) -> Request {
        Request { drive: self.selected(), operation }
    }

    /// A request has ended.
    pub fn ended(&mut self, ended: Ended) {
        if self.status & status::BUSY == 0 {
            return;
        }
        match ended {
            Ok(data) if self.transfer == Transfer::In => self.give(data),
            Ok(_) => {
                self.count = 0;
                self.finish();
            }
            Err(_) => self.fail(error::UNCORRECTABLE),
        }
        self.interrupt = true;
    }

    fn give(&mut self, data: Vec<u8>) {
        self.transfer = Transfer::In;
        self.buffer = data;
        self.position = 0;
        self.next_block();
    }

    fn fail(&mut self, error: u8) {
        self.finish();
        self.error = error;
        self.status |= status::ERROR;
    }

    /// First sector and length of the command's range, if the drive has it.
    fn range(&self, drive: Drive) -> Option<(u64, u64)> {
        let [low, middle, high] = self.address.map(u64::from);
        let head = u64::from(self.device & 0xf);
        let count = if self.count == 0 { 256 } else { u64::from(self.count) };
        let sector = if self.device & LBA != 0 {
            head << 24 | high << 16 | middle << 8 | low
        } else {
            let (heads, per_track) = GEOMETRY;
            ((high << 8 | middle) * heads + head) * per_track + low.checked_sub(1)?
        };
        (sector + count <= drive.sectors.min(LBA28_MAX)).then_some((sector, count))
    }

    fn command(&mut self, command: u8) -> Option<Request> {
        self.interrupt = false;
        if command == command::DIAGNOSE {
            self.reset();
            self.interrupt = true;
            return None;
        }
        let drive = self.drive()?;
        self.finish();
        self.error = 0;
        let multiple = usize::from(self.multiple[self.selected()]);
        let is_multiple = matches!(command, command::READ_MULTIPLE | command::WRITE_MULTIPLE);
        self.block = SECTOR * if is_multiple { multiple } else { 1 };
        if is_multiple && multiple == 0 {
            return self.end_with(error::ABORTED);
        }
        match command {
            c if command::READ.contains(&c) || c == command::READ_MULTIPLE => self.begin_read(drive),
            c if command::WRITE.contains(&c) || c == command::WRITE_MULTIPLE => self.begin_write(drive),
            c if command::VERIFY.contains(&c) || command::SEEK.contains(&c) => {
                let found = self.range(drive).is_some() || command::SEEK.contains(&c);
                self.end_with(if found { 0 } else { error::NOT_FOUND })
            }
            command::FLUSH | command::FLUSH_EXT => {
                self.status = status::BUSY;
                Some(self.request(Operation::Flush))
            }
            command::IDENTIFY => {
                let data = identify::identify(drive.sectors, multiple as u8, self.first + self.selected());
                self.give(data);
                self.interrupt = true;
                None
            }
            command::SET_MULTIPLE => {
                let valid = self.count.is_power_of_two() && self.count <= MULTIPLE_MAX;
                if valid {
                    self.multiple[self.selected()] = self.count;
                }
                self.end_with(if valid { 0 } else { error::ABORTED })
            }
            command::CHECK_POWER => {
                self.count = 0xff;
                self.end_with(0)
            }
            command::SET_FEATURES => {
                // Write cache and look-ahead on or off, and PIO modes: nothing changes here.
                let known = matches!(self.feature, 0x02 | 0x03 | 0x55 | 0x82 | 0xaa | 0xcc | 0x66);
                self.end_with(if known { 0 } else { error::ABORTED })
            }
            c if command::RECALIBRATE.contains(&c) || command::STANDBY.contains(&c) || c == command::SET_GEOMETRY => self.end_with(0),
            _ => self.end_with(error::ABORTED),
        }
    }

    fn end_with(&mut self, error: u8) -> Option<Request> {
        if error != 0 {
            self.fail(error);
        }
        self.interrupt = true;
        None
    }

    fn begin_read(&mut self, drive: Drive) -> Option<Request> {
        let Some((sector, count)) = self.range(drive) else { return self.end_with(error::NOT_FOUND) };
        self.status = status::BUSY;
        self.transfer = Transfer::In;
        Some(self.request(Operation::Read { sector, count: count as u32 }))
    }

    fn begin_write(&mut self, drive: Drive) -> Option<Request> {
        if drive.read_only {
            return self.end_with(error::ABORTED);
        }
        let Some((sector, count)) = self.range(drive) else { return self.end_with(error::NOT_FOUND) };
        self.transfer = Transfer::Out { sector };
        self.buffer = vec![0; count as usize * SECTOR];
        self.position = 0;
        self.next_block();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Failed;

    const DRIVE: Drive = Drive { sectors: 10_000, read_only: false };

    fn channel() -> Channel {
        Channel::new([Some(DRIVE), Some(Drive { read_only: true, ..DRIVE })], 0)
    }

    fn issue(channel: &mut Channel, device: u8, sector: u32, count: u8, command: u8) -> Option<Request> {
        let [low, middle, high, top] = sector.to_le_bytes();
        for (offset, value) in [(6, device | top), (2, count), (3, low), (4, middle), (5, high)] {
            channel.write(offset, 1, u32::from(value));
        }
        channel.write(7, 1, u32::from(command))
    }

    fn status_of(channel: &mut Channel) -> u32 {
        channel.read(7, 1)
    }

    #[test]
    fn a_read_asks_the_disk_and_gives_sectors_with_an_interrupt_each() {
        let mut channel = channel();
        let request = issue(&mut channel, 0xe0, 4660, 2, 0x20).unwrap();
        assert_eq!(request, Request { drive: 0, operation: Operation::Read { sector: 4660, count: 2 } });
        assert_eq!((channel.read_alternate(), channel.interrupts()), (0x80, false));
        let data: Vec<u8> = (0..1024).map(|at| (at * 7 % 251) as u8).collect();
        channel.ended(Ok(data.clone()));
        let mut read = Vec::new();
        for sector in 0..2 {
            assert!(channel.interrupts(), "sector {sector}");
            assert_eq!(status_of(&mut channel), 0x58);
            assert!(!channel.interrupts(), "reading the status takes it away");
            (0..128).for_each(|_| read.extend(channel.read(0, 4).to_le_bytes()));
        }
        assert_eq!((read, status_of(&mut channel)), (data, 0x50));
        assert_eq!(channel.read(0, 2), 0, "there is no more");
    }

    #[test]
    fn a_write_collects_sectors_and_ends_when_the_disk_has_them() {
        let mut channel = channel();
        assert_eq!(issue(&mut channel, 0xe0, 5, 2, 0x30), None);
        assert_eq!((status_of(&mut channel), channel.interrupts()), (0x58, false));
        let last = (0..512).map(|word| channel.write(0, 2, word)).last().flatten().unwrap();
        let Operation::Write { sector: 5, data } = last.operation else { panic!("{last:?}") };
        assert_eq!((data.len(), &data[1020..]), (1024, &[0xfe, 1, 0xff, 1][..]));
        assert_eq!(channel.read_alternate(), 0x80);
        channel.ended(Ok(Vec::new()));
        assert!(channel.interrupts());
        assert_eq!(status_of(&mut channel), 0x50);
    }

    #[test]
    fn multiple_commands_move_blocks_and_are_aborted_without_one() {
        let mut channel = channel();
        assert_eq!(issue(&mut channel, 0xe0, 0, 8, 0xc4), None);
        assert_eq!((status_of(&mut channel), channel.read(1, 1)), (0x51, 4));
        issue(&mut channel, 0xe0, 0, 4, 0xc6);
        assert_eq!(status_of(&mut channel), 0x50);
        issue(&mut channel, 0xe0, 0, 6, 0xc4).unwrap();
        channel.ended(Ok(vec![1; 6 * 512]));
        let mut interrupts = 0;
        while status_of(&mut channel) & 8 != 0 {
            channel.read(0, 4);
            interrupts += u32::from(channel.interrupts());
        }
        assert_eq!(interrupts, 1, "a block of four, a block of two");
        issue(&mut channel, 0xe0, 0, 3, 0xc6);
        assert_eq!(status_of(&mut channel), 0x51);
    }

    #[test]
    fn identify_tells_size_model_and_geometry() {
        let mut channel = channel();
        issue(&mut channel, 0xf0, 0, 0, 0xec);
        assert!(channel.interrupts());
        let words: Vec<u16> = (0..256).map(|_| channel.read(0, 2) as u16).collect();
        assert_eq!((words[0], words[1], words[3], words[6], words[49]), (0x40, 9, 16, 63, 0x200));
        assert_eq!(u32::from(words[60]) | u32::from(words[61]) << 16, 10_000);
        assert_eq!(words[27..29], [u16::from_be_bytes(*b"CP"), u16::from_be_bytes(*b"-6")]);
        assert_eq!(status_of(&mut channel), 0x50);
    }

    #[test]
    fn cylinders_heads_and_sectors_are_blocks_too() {
        let mut channel = channel();
        // Cylinder 1, head 2, sector 3.
        for (offset, value) in [(6, 0xa2), (2, 1), (3, 3), (4, 1), (5, 0)] {
            channel.write(offset, 1, value);
        }
        let request = channel.write(7, 1, 0x20).unwrap();
        assert_eq!(request.operation, Operation::Read { sector: (16 + 2) * 63 + 2, count: 1 });
    }

    #[test]
    fn what_is_outside_the_disk_is_not_found_and_a_bad_disk_is_uncorrectable() {
        let mut channel = channel();
        assert_eq!(issue(&mut channel, 0xe0, 9_745, 0, 0x20), None, "256 sectors");
        assert_eq!((status_of(&mut channel), channel.read(1, 1)), (0x51, 0x10));
        assert!(issue(&mut channel, 0xe0, 9_744, 0, 0x20).is_some());
        channel.ended(Err(Failed));
        assert_eq!((channel.interrupts(), status_of(&mut channel), channel.read(1, 1)), (true, 0x51, 0x40));
        assert_eq!(issue(&mut channel, 0xf0, 0, 1, 0x30), None, "read only");
        assert_eq!((status_of(&mut channel), channel.read(1, 1)), (0x51, 4));
        assert_eq!(issue(&mut channel, 0xe0, 0, 1, 0xa1), None, "no packet device");
        assert_eq!(status_of(&mut channel), 0x51);
    }

    #[test]
    fn a_drive_that_is_not_there_shows_nothing_and_an_empty_channel_floats() {
        let mut channel = Channel::new([Some(DRIVE), None], 0);
        channel.write(6, 1, 0xf0);
        assert_eq!(status_of(&mut channel), 0);
        assert_eq!(issue(&mut channel, 0xf0, 0, 1, 0x20), None);
        channel.write(6, 1, 0xe0);
        assert_eq!(status_of(&mut channel), 0x50);
        assert_eq!(status_of(&mut Channel::default()) as u8, 0xff);
    }

    #[test]
    fn interrupts_can_be_switched_off_and_a_reset_shows_the_signature() {
        let mut channel = channel();
        channel.write_control(2);
        issue(&mut channel, 0xe0, 0, 0, 0xec);
        assert!(!channel.interrupts());
        channel.write_control(0);
        assert!(channel.interrupts());
        channel.write_control(4);
        assert_eq!(channel.read_alternate(), 0x80);
        channel.write_control(0);
        let signature: Vec<u32> = (1..7).map(|offset| channel.read(offset, 1)).collect();
        assert_eq!((signature, status_of(&mut channel)), (vec![1, 1, 1, 0, 0, 0xa0], 0x50));
    }

    #[test]
    fn a_flush_waits_for_the_disk() {
        let mut channel = channel();
        let request = issue(&mut channel, 0xe0, 0, 0, 0xe7).unwrap();
        assert_eq!((request.operation, channel.read_alternate()), (Operation::Flush, 0x80));
        assert_eq!(channel.write(7, 1, 0x20), None, "busy");
        channel.ended(Ok(Vec::new()));
        assert_eq!(status_of(&mut channel), 0x50);
    }
}
