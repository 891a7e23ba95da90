use super::*;
use crate::MemoryStorage;
use crate::disk::Failed;
use port::Operation as Ask;
use spec::console::event;

/// A driver's queues: descriptors, available ring, used ring and buffers of each.
const AREA: u64 = 0x4000;
const QUEUE_SIZE: u16 = 8;

/// A driver of a console with a reader (port 0) and a punch (port 1).
struct Driver {
    device: Virtio,
    ram: MemoryStorage,
    offered: [u16; 6],
}

impl Driver {
    fn new() -> Self {
        let device = Virtio::console([("reader".to_string(), true), ("punch".to_string(), false)]);
        let mut driver = Self { device, ram: MemoryStorage::new(0x20_0000), offered: [0; 6] };
        assert_eq!(driver.device.read(register::CONFIG + 4, 4), 2, "ports");
        for (offset, value) in [
            (register::STATUS, 3),
            (register::DRIVER_FEATURES, spec::console::MULTIPORT as u32),
            (register::DRIVER_FEATURES_SELECT, 1),
            (register::DRIVER_FEATURES, 1),
            (register::STATUS, 11),
        ] {
            driver.set(offset, value);
        }
        for queue in 0..6 {
            let base = Self::area(queue) as u32;
            for (offset, value) in [
                (register::QUEUE_SELECT, queue as u32),
                (register::QUEUE_SIZE, u32::from(QUEUE_SIZE)),
                (register::QUEUE_DESCRIPTORS, base),
                (register::QUEUE_DRIVER, base + 0x1000),
                (register::QUEUE_DEVICE, base + 0x2000),
                (register::QUEUE_READY, 1),
            ] {
                driver.set(offset, value);
            }
            assert_eq!(driver.device.read(register::QUEUE_SIZE_MAX, 4), u64::from(QUEUE_MAX));
        }
        driver.set(register::STATUS, 15);
        driver
    }

    fn area(queue: usize) -> u64 {
        0x1_0000 + queue as u64 * AREA
    }

    fn set(&mut self, offset: u64, value: u32) -> Option<Work> {
        self.device.write(offset, value, &self.ram)
    }

    fn put(&self, address: u64, bytes: &[u8]) {
        assert!(self.ram.store(address, bytes));
    }

    fn half(&self, address: u64) -> u16 {
        let mut bytes = [0; 2];
        assert!(self.ram.load(address, &mut bytes));
        u16::from_le_bytes(bytes)
    }

    /// Offers a buffer: with these bytes for the device, or of that length for it to write.
    fn offer(&mut self, queue: usize, bytes: &[u8], length: u32) -> Option<Work> {
        let (base, number) = (Self::area(queue), self.offered[queue]);
        let (slot, buffer) = (u64::from(number % QUEUE_SIZE), Self::area(queue) + 0x3000 + u64::from(number % QUEUE_SIZE) * 0x200);
        self.put(buffer, bytes);
        let (length, flags) = if length > 0 { (length, 2_u16) } else { (bytes.len() as u32, 0) };
        self.put(base + 16 * slot, &[&buffer.to_le_bytes()[..], &length.to_le_bytes(), &flags.to_le_bytes(), &[0; 2]].concat());
        self.put(base + 0x1004 + 2 * slot, &(slot as u16).to_le_bytes());
        self.offered[queue] = number.wrapping_add(1);
        self.put(base + 0x1002, &self.offered[queue].to_le_bytes());
        self.set(register::QUEUE_NOTIFY, queue as u32)
    }

    fn tell(&mut self, port: u32, event: u16, value: u16) -> Option<Work> {
        self.offer(3, &[&port.to_le_bytes()[..], &event.to_le_bytes(), &value.to_le_bytes()].concat(), 0)
    }

    /// How many chains came back on a queue.
    fn came_back(&self, queue: usize) -> u16 {
        self.half(Self::area(queue) + 0x2002)
    }

    /// What was written into the chain that came back as that one on a queue.
    fn received(&self, queue: usize, number: u16) -> Vec<u8> {
        let slot = u64::from(number % QUEUE_SIZE);
        let length = self.half(Self::area(queue) + 0x2008 + 8 * slot);
        let mut bytes = vec![0; usize::from(length)];
        assert!(self.ram.load(Self::area(queue) + 0x3000 + 0x200 * slot, &mut bytes));
        bytes
    }

    fn ended(&mut self, bytes: &[u8]) -> Option<Work> {
        self.device.port_ended(Ok(bytes.to_vec()), &self.ram)
    }
}

/// A driver that knows the ports.
fn introduced() -> Driver {
    let mut driver = Driver::new();
    (0..8).for_each(|_| assert_eq!(driver.offer(2, &[], 64), None));
    assert_eq!(driver.tell(u32::MAX, event::DEVICE_READY, 1), None);
    assert_eq!(driver.came_back(2), 2, "both ports are added");
    assert_eq!(driver.received(2, 1), [1, 0, 0, 0, 1, 0, 1, 0]);
    driver.tell(1, event::PORT_READY, 1);
    assert_eq!(driver.received(2, 2), b"\x01\0\0\0\x07\0\x01\0punch");
    assert_eq!(driver.received(2, 3), [1, 0, 0, 0, 6, 0, 1, 0], "the other end is there");
    driver
}

#[test]
fn what_is_written_to_a_port_goes_out_between_open_and_close() {
    let mut driver = introduced();
    assert_eq!(driver.offer(5, b"too early", 0), None);
    assert_eq!(driver.came_back(5), 1, "nobody opened it");
    assert_eq!(driver.tell(1, event::PORT_OPEN, 1), Some(Work::Port(1, Ask::Open)));
    assert_eq!(driver.ended(&[]), None);
    assert_eq!(driver.offer(5, b"one", 0), Some(Work::Port(1, Ask::Write(b"one".to_vec()))));
    assert_eq!(driver.offer(5, b"two", 0), None, "one after the other");
    assert_eq!(driver.tell(1, event::PORT_OPEN, 0), None);
    assert_eq!(driver.ended(&[]), Some(Work::Port(1, Ask::Write(b"two".to_vec()))));
    assert_eq!(driver.came_back(5), 2);
    assert_eq!(driver.device.port_ended(Err(Failed), &driver.ram), Some(Work::Port(1, Ask::Close)));
    assert_eq!(driver.came_back(5), 3, "what was lost comes back too");
    assert_eq!(driver.ended(&[]), None);
    assert_eq!(driver.received(2, driver.came_back(2) - 1), [1, 0, 0, 0, 6, 0, 1, 0], "it may be opened again");
    assert_eq!(driver.tell(1, event::PORT_OPEN, 0), None, "it is closed already");
}

#[test]
fn what_there_is_to_read_comes_into_the_buffers_and_ends() {
    let mut driver = introduced();
    driver.offer(0, &[], 4);
    assert_eq!(driver.tell(0, event::PORT_OPEN, 1), Some(Work::Port(0, Ask::Open)));
    assert_eq!(driver.ended(&[]), Some(Work::Port(0, Ask::Read)));
    assert_eq!(driver.ended(b"abcdef"), None, "two bytes have no buffer yet");
    assert_eq!(driver.received(0, 0), b"abcd");
    assert!(driver.device.interrupts());
    assert_eq!(driver.offer(0, &[], 100), Some(Work::Port(0, Ask::Read)));
    assert_eq!(driver.received(0, 1), b"ef");
    let told = driver.came_back(2);
    assert_eq!(driver.ended(&[]), None);
    assert_eq!(driver.received(2, told), [0, 0, 0, 0, 6, 0, 0, 0], "end of file");
    assert_eq!(driver.offer(0, &[], 100), None, "and no more");
    assert_eq!(driver.tell(0, event::PORT_OPEN, 0), Some(Work::Port(0, Ask::Close)));
    driver.ended(&[]);
    assert_eq!(driver.tell(0, event::PORT_OPEN, 1), Some(Work::Port(0, Ask::Open)));
    assert_eq!(driver.device.port_ended(Err(Failed), &driver.ram), Some(Work::Port(0, Ask::Read)));
    assert_eq!(driver.device.port_ended(Err(Failed), &driver.ram), None, "an error is the end");
}

#[test]
fn a_driver_without_ports_finds_no_console_and_one_that_rambles_stops_it() {
    let ram = MemoryStorage::new(0);
    let mut device = Virtio::console([("punch".to_string(), false)]);
    for (offset, value) in [(register::DRIVER_FEATURES_SELECT, 1), (register::DRIVER_FEATURES, 1), (register::STATUS, 11)] {
        device.write(offset, value, &ram);
    }
    assert_eq!(device.read(register::STATUS, 4), 3, "FEATURES_OK is off");
    let mut short = Driver::new();
    short.offer(3, &[1, 2, 3], 0);
    assert_eq!(short.device.read(register::STATUS, 4), 15 | 0x40, "a message of three bytes");
    let mut deaf = Driver::new();
    (0..40).for_each(|_| drop(deaf.tell(1, event::PORT_READY, 1)));
    assert_eq!(deaf.device.read(register::STATUS, 4), 15 | 0x40, "it takes no message and asks for more and more");
    deaf.set(register::STATUS, 0);
    assert_eq!((deaf.device.read(register::STATUS, 4), deaf.device.interrupts()), (0, false));
    let mut odd = introduced();
    assert_eq!(odd.tell(77, event::PORT_OPEN, 1), None, "no such port");
    assert_eq!(odd.offer(0, b"a reader takes nothing", 0), None);
    assert_eq!(odd.set(register::QUEUE_NOTIFY, 600), None);
}
