//! Each target over its seeds and variations of them: bits flipped, parts cut out, doubled and swapped, rubbish put in.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuzz::{MemoryDisk, SPOOL};
use spool::{Attributes, Destination, Device, DumpOptions, NewFile, Options, Queue, Selection, Spool, StartMode, Userid};

/// Variations of each seed.
const VARIATIONS: u64 = 3000;

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
    target(&[]);
    for (number, seed) in seeds.iter().enumerate() {
        target(seed);
        let mut state = number as u64 + 1;
        (0..VARIATIONS).for_each(|_| target(&vary(seed, &mut state)));
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
