use super::*;
use crate::MemoryStorage;
use crate::disk::Failed;

const DRIVE: Drive = Drive { sectors: 100, read_only: false };
const DESCRIPTORS: u64 = 0x1000;
const AVAILABLE: u64 = 0x2000;
const USED: u64 = 0x3000;
const HEADER: u64 = 0x4000;
const DATA: u64 = 0x5000;
const STATUS: u64 = 0x6000;

/// A device whose driver has set it up with a queue of 8.
fn ready(mut device: Virtio) -> (Virtio, MemoryStorage) {
    let ram = MemoryStorage::new(0x1_0000);
    for (offset, value) in [
        (register::STATUS, 3),
        (register::DRIVER_FEATURES_SELECT, 1),
        (register::DRIVER_FEATURES, 1),
        (register::STATUS, 11),
        (register::QUEUE_SELECT, 0),
        (register::QUEUE_SIZE, 8),
        (register::QUEUE_DESCRIPTORS, DESCRIPTORS as u32),
        (register::QUEUE_DRIVER, AVAILABLE as u32),
        (register::QUEUE_DEVICE, USED as u32),
        (register::QUEUE_READY, 1),
        (register::STATUS, 15),
    ] {
        assert_eq!(device.write(offset, value, &ram), None);
    }
    assert_eq!(device.read(register::STATUS, 4), 15);
    (device, ram)
}

fn put(ram: &MemoryStorage, address: u64, words: &[u32]) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert!(ram.store(address, &bytes));
}

fn byte(ram: &MemoryStorage, address: u64) -> u8 {
    let mut bytes = [0];
    assert!(ram.load(address, &mut bytes));
    bytes[0]
}

/// Descriptors from number 0 on: address, length, flags; each leads to the next one that has the flag.
fn offer(ram: &MemoryStorage, descriptors: &[(u64, u32, u16)]) {
    for (number, (address, length, flags)) in descriptors.iter().enumerate() {
        let last = u32::from(*flags) | (number as u32 + 1) << 16;
        put(ram, DESCRIPTORS + 16 * number as u64, &[*address as u32, (*address >> 32) as u32, *length, last]);
    }
    put(ram, AVAILABLE, &[1 << 16, 0]);
}

fn request(ram: &MemoryStorage, kind: u32, sector: u32, data: (u64, u32, u16)) {
    put(ram, HEADER, &[kind, 0, sector, 0]);
    offer(ram, &[(HEADER, 16, 1), data, (STATUS, 1, 2)]);
}

#[test]
fn a_driver_finds_what_it_is_and_may_not_want_what_is_not_there() {
    let ram = MemoryStorage::new(0);
    let mut device = Virtio::block(DRIVE, 0);
    assert_eq!((device.read(0, 4), device.read(4, 4), device.read(8, 4)), (0x7472_6976, 2, 2));
    assert_eq!((device.read(register::CONFIG, 8), device.read(register::CONFIG + 8, 4)), (100, 64 << 10));
    device.write(register::DEVICE_FEATURES_SELECT, 1, &ram);
    assert_eq!(device.read(register::DEVICE_FEATURES, 4), 1, "version 1");
    device.write(register::STATUS, 11, &ram);
    assert_eq!(device.read(register::STATUS, 4), 3, "a legacy driver");
    device.write(register::DRIVER_FEATURES, 0xffff_ffff, &ram);
    device.write(register::STATUS, 11, &ram);
    assert_eq!(device.read(register::STATUS, 4), 3);
    assert_eq!(Virtio::block(Drive { read_only: true, ..DRIVE }, 0).features() & spec::block::READ_ONLY, spec::block::READ_ONLY);
}

#[test]
fn a_read_asks_the_disk_and_its_end_is_in_the_used_ring() {
    let (mut device, ram) = ready(Virtio::block(DRIVE, 0));
    request(&ram, 0, 7, (DATA, 1024, 3));
    assert_eq!(device.write(register::QUEUE_NOTIFY, 0, &ram), Some(Work::Disk(Operation::Read { sector: 7, count: 2 })));
    assert!(!device.interrupts());
    assert_eq!(device.disk_ended(Ok(vec![0x5a; 1024]), &ram), None);
    assert!(device.interrupts());
    assert_eq!((byte(&ram, DATA + 1023), byte(&ram, STATUS), byte(&ram, USED + 2)), (0x5a, 0, 1));
    assert_eq!(u16::from_le_bytes([byte(&ram, USED + 8), byte(&ram, USED + 9)]), 1025);
    device.write(register::INTERRUPT_ACK, 1, &ram);
    assert!(!device.interrupts());
}

#[test]
fn a_write_carries_its_data_and_errors_are_a_status() {
    let (mut device, ram) = ready(Virtio::block(DRIVE, 0));
    put(&ram, DATA, &[0x0403_0201; 128]);
    request(&ram, 1, 99, (DATA, 512, 1));
    let Some(Work::Disk(Operation::Write { sector: 99, data })) = device.write(register::QUEUE_NOTIFY, 0, &ram) else { panic!("a write") };
    assert_eq!((data.len(), &data[..4]), (512, &[1, 2, 3, 4][..]));
    device.disk_ended(Err(Failed), &ram);
    assert_eq!(byte(&ram, STATUS), 1);
    for (kind, sector, expected) in [(0, 100, 1), (99, 0, 2), (8, 0, 0)] {
        let (mut device, ram) = ready(Virtio::block(DRIVE, 3));
        request(&ram, kind, sector, (DATA, 512, 3));
        assert_eq!(device.write(register::QUEUE_NOTIFY, 0, &ram), None);
        assert_eq!(byte(&ram, STATUS), expected, "{kind}");
    }
    let (mut device, ram) = ready(Virtio::block(Drive { read_only: true, ..DRIVE }, 0));
    request(&ram, 1, 0, (DATA, 512, 1));
    assert_eq!((device.write(register::QUEUE_NOTIFY, 0, &ram), byte(&ram, STATUS)), (None, 1));
}

#[test]
fn random_numbers_fill_the_buffer_and_follow_from_the_seed() {
    let run = |seed| {
        let (mut device, ram) = ready(Virtio::rng(seed));
        offer(&ram, &[(DATA, 64, 2)]);
        device.write(register::QUEUE_NOTIFY, 0, &ram);
        assert!(device.interrupts());
        (0..64).map(|at| byte(&ram, DATA + at)).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert!(run(1).iter().any(|byte| *byte != 0));
}

#[test]
fn a_hostile_queue_stops_the_device_until_it_is_reset() {
    type Damage = fn(&MemoryStorage);
    let damages: [Damage; 7] = [
        // A descriptor that leads to itself, one outside the table, buffers outside storage and too long, indirect, an index that ran away, readable behind writable.
        |ram| offer(ram, &[(HEADER, 16, 1), (DATA, 512, 3), (DATA, 512, 3), (DATA, 1, 3), (0, 1, 3), (0, 1, 3), (0, 1, 3), (0, 1, 3)]),
        |ram| put(ram, AVAILABLE, &[1 << 16, 9]),
        |ram| offer(ram, &[(u64::MAX - 4, 16, 1), (DATA, 512, 3), (STATUS, 1, 2)]),
        |ram| offer(ram, &[(HEADER, u32::MAX, 1), (DATA, u32::MAX, 3), (STATUS, 1, 2)]),
        |ram| offer(ram, &[(HEADER, 16, 4)]),
        |ram| put(ram, AVAILABLE, &[100 << 16, 0]),
        |ram| offer(ram, &[(STATUS, 1, 3), (HEADER, 16, 0)]),
    ];
    for (number, damage) in damages.iter().enumerate() {
        let (mut device, ram) = ready(Virtio::block(DRIVE, 0));
        damage(&ram);
        assert_eq!(device.write(register::QUEUE_NOTIFY, 0, &ram), None, "{number}");
        assert_eq!((device.read(register::STATUS, 4), device.interrupts()), (15 | 0x40, true), "{number}");
        request(&ram, 0, 0, (DATA, 512, 3));
        assert_eq!(device.write(register::QUEUE_NOTIFY, 0, &ram), None, "it stays so");
        device.write(register::STATUS, 0, &ram);
        assert_eq!((device.read(register::STATUS, 4), device.interrupts()), (0, false));
    }
}
