//! However much is spooled, it takes no more memory. One test to a program, so that the peak is its own.

use spool::{Attributes, Destination, Device, NewFile, Queue, Spool, StartMode, Userid};

/// MiB of the print file, and how many a peak may rise by. The blocks being written, the host's answers and the index's cache fit many times.
const PRINTED: usize = 384;
const RISE: u64 = 32;

/// The most memory this process ever had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn a_long_print_file_and_one_never_closed_are_written_and_read_in_constant_memory() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (spool, _) = Spool::open(directory.path(), StartMode::Warm).unwrap();
    let alice = Userid::new("ALICE").unwrap();
    let new = || NewFile { origin: alice, device: Device::Printer, created: 0, attributes: Attributes::default() };
    let line = [b'x'; 4096];
    // What the first of all takes is not counted.
    let mut first = spool.create(new());
    first.append(9, &line).unwrap();
    let to = Destination { owner: alice, queue: Queue::Printer };
    spool.close(first, to).unwrap();
    let before = peak();
    let (mut print, mut never_closed) = (spool.create(new()), spool.create(new()));
    for _ in 0..PRINTED * 256 / 2 {
        print.append(9, &line).unwrap();
        never_closed.append(9, &line).unwrap();
    }
    let print = spool.close(print, to).unwrap().file;
    let mut reader = spool.reader(alice, Queue::Printer, print.spid).unwrap();
    let mut records = 0;
    while reader.next_record().unwrap().is_some() {
        records += 1;
    }
    assert_eq!(records, print.records);
    let rise = peak() - before;
    assert!(rise < RISE, "{rise} MiB for {PRINTED} MiB of print");
    drop(never_closed);
    assert!(spool.space().used < (PRINTED as u64 + 8) << 19, "what was never closed is given back");
}
