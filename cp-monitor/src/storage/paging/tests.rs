//! Pages go out and come back byte for byte, whatever the file does.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::super::{AccessError, AddressSpace, SavedSystem, Storage};
use super::{PageFile, PagingError, PagingSpace, Steal};

/// A file in memory that fails as told.
#[derive(Default)]
struct Memory {
    bytes: Mutex<Vec<u8>>,
    /// The error number of each read, 0 is none.
    read_fails: AtomicU32,
    write_fails: AtomicU32,
}

impl Memory {
    fn fail(number: &AtomicU32) -> io::Result<()> {
        match number.load(Ordering::SeqCst) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno as i32)),
        }
    }
}

impl PageFile for Arc<Memory> {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        Memory::fail(&self.read_fails)?;
        let bytes = self.bytes.lock().unwrap();
        let range = offset as usize..offset as usize + into.len();
        into.copy_from_slice(bytes.get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, from: &[u8], offset: u64) -> io::Result<()> {
        Memory::fail(&self.write_fails)?;
        let mut bytes = self.bytes.lock().unwrap();
        let end = offset as usize + from.len();
        let length = bytes.len().max(end);
        bytes.resize(length, 0);
        bytes[offset as usize..end].copy_from_slice(from);
        Ok(())
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap();
        let end = ((offset + length) as usize).min(bytes.len());
        bytes[offset as usize..end].fill(0);
        Ok(())
    }
}

const PAGE: u64 = abi::PAGE;
const SIZE: u64 = 64 * PAGE;

fn storage(frames: usize, slots: u64) -> (Arc<Storage>, Arc<Memory>) {
    let file = Arc::new(Memory::default());
    let space = PagingSpace::new(Box::new(Arc::clone(&file)), slots * PAGE);
    (Storage::with_paging(frames, Some(space)).unwrap(), file)
}

/// A machine with a page of that byte at each of these pages.
fn machine(storage: &Arc<Storage>, pages: &[(u64, u8)]) -> AddressSpace {
    let mut space = AddressSpace::new(storage, SIZE).unwrap();
    for &(page, byte) in pages {
        space.write(page * PAGE, &[byte; PAGE as usize]).unwrap();
    }
    space
}

/// The first byte of a page, brought in if need be.
fn byte(space: &mut AddressSpace, page: u64) -> u8 {
    let mut byte = [0];
    while let Err(error) = space.read(page * PAGE + 5, &mut byte) {
        let AccessError::Paged(address) = error else { panic!("{error}") };
        space.page_in_now(address).unwrap();
    }
    byte[0]
}

#[test]
fn pages_go_out_and_come_back_with_what_went_out_beside_them() {
    let (storage, _) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4), (40, 5), (41, 6), (42, 7), (43, 8)]);
    assert_eq!(space.page_out_now(100).unwrap(), 8);
    assert_eq!((storage.counts().in_use, space.resident_pages()), (0, 0));
    let figures = space.gauge().figures();
    assert_eq!((figures.paged_out, figures.writes, figures.working_set), (8, 8, 8));
    assert_eq!(space.fault(40 * PAGE, false), Err(AccessError::Paged(40 * PAGE)));
    assert_eq!(byte(&mut space, 40), 5);
    assert_eq!(space.gauge().figures().reads, 8, "all eight went out together");
    for (page, value) in [(0, 1), (1, 2), (2, 3), (3, 4), (40, 5), (41, 6), (42, 7), (43, 8)] {
        assert_eq!(byte(&mut space, page), value);
    }
    storage.tidy_slots();
    assert_eq!(storage.paging_figures().slots_used, 0, "what is here needs no slot");
}

#[test]
fn pages_of_zeros_are_dropped_and_not_written() {
    let (storage, file) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 0), (1, 0), (2, 0), (3, 9)]);
    assert_eq!(space.page_out_now(100).unwrap(), 4);
    assert_eq!((storage.paging_figures().zero_pages, storage.paging_figures().writes), (3, 1));
    assert_eq!(file.bytes.lock().unwrap().len(), PAGE as usize);
    assert_eq!((byte(&mut space, 1), byte(&mut space, 3)), (0, 9));
}

#[test]
fn a_page_that_is_still_on_its_way_out_is_not_read_from_where_it_is_not_yet() {
    let (storage, _) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    let mut outgoing = space.page_out(100, 0, Steal::Any).unwrap();
    assert!(space.page_in(0).is_none(), "nothing was written that could be read");
    let mut first = [0];
    assert_eq!((space.read(0, &mut first), first), (Ok(()), [1]), "it is back");
    assert_eq!(outgoing.write().unwrap(), 3, "the others went");
    assert_eq!(space.fault(PAGE, false), Err(AccessError::Paged(PAGE)));
    assert_eq!((byte(&mut space, 0), byte(&mut space, 1)), (1, 2));
}

#[test]
fn shared_pages_of_a_saved_system_stay_where_they_are() {
    let (storage, _) = storage(64, 64);
    let system = SavedSystem::from_image(&storage, "SHARED", 0, &[7; 8 * PAGE as usize], 0).unwrap();
    system.close_write_set();
    let mut space = AddressSpace::new(&storage, SIZE).unwrap();
    space.map_saved_system(&system).unwrap();
    space.write(3 * PAGE, &[8]).unwrap();
    assert_eq!(space.page_out_now(100).unwrap(), 1, "only the page that was copied is the machine's");
    assert_eq!(storage.counts().shared, 8);
    assert_eq!((byte(&mut space, 2), byte(&mut space, 3)), (7, 7));
    let mut first = [0];
    space.read(3 * PAGE, &mut first).unwrap();
    assert_eq!(first, [8]);
}

#[test]
fn the_clock_takes_what_was_not_touched_and_a_touch_costs_no_read() {
    let (storage, _) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    let mut first = space.page_out(4, 0, Steal::Untouched).unwrap();
    assert_eq!(first.write().unwrap(), 0, "the hand passes for the first time");
    assert_eq!(space.fault(PAGE, true), Ok(()));
    let mut second = space.page_out(4, 0, Steal::Untouched).unwrap();
    assert_eq!(second.write().unwrap(), 3);
    assert_eq!(space.fault(PAGE, true), Ok(()), "it was touched in between, so it only gets another look");
    assert_eq!(space.gauge().figures().reads, 0);
    assert_eq!((byte(&mut space, 0), byte(&mut space, 1), byte(&mut space, 2), byte(&mut space, 3)), (1, 2, 3, 4));
}

#[test]
fn reserved_pages_are_left() {
    let (storage, _) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    assert_eq!(space.page_out(100, 3, Steal::Any).unwrap().write().unwrap(), 1);
    assert_eq!(space.page_out(100, 3, Steal::Any).unwrap().write().unwrap(), 0);
    assert_eq!(space.resident_pages(), 3);
}

#[test]
fn a_page_that_is_wanted_back_before_it_is_written_comes_at_once() {
    let (storage, _) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    let mut outgoing = space.page_out(100, 0, Steal::Any).unwrap();
    space.write(2 * PAGE, &[33; PAGE as usize]).unwrap();
    space.release(3 * PAGE, 4 * PAGE - 1).unwrap();
    assert_eq!(outgoing.write().unwrap(), 2, "two of the four are not the paging file's any more");
    drop(outgoing);
    assert_eq!((byte(&mut space, 2), byte(&mut space, 3), byte(&mut space, 0)), (33, 0, 1));
    storage.tidy_slots();
    assert_eq!(storage.paging_figures().slots_used as u64, space.gauge().figures().paged_out);
    assert_eq!(storage.counts().in_use as u64, space.resident_pages());
}

#[test]
fn what_is_read_while_its_machine_gives_it_up_goes_nowhere() {
    let (storage, _) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    space.page_out_now(100).unwrap();
    let mut incoming = space.page_in(0).unwrap();
    space.release(0, PAGE - 1).unwrap();
    // Another page of the same machine must not get that slot while it is read.
    space.write(5 * PAGE, &[55; PAGE as usize]).unwrap();
    storage.tidy_slots();
    space.page_out_now(100).unwrap();
    incoming.read().unwrap();
    space.arrive(incoming);
    assert_eq!((byte(&mut space, 0), byte(&mut space, 1), byte(&mut space, 5)), (0, 2, 55));
    drop(space);
    storage.tidy_slots();
    storage.tidy_frames();
    assert_eq!((storage.paging_figures().slots_used, storage.counts().in_use), (0, 0));
}

#[test]
fn a_write_that_fails_leaves_the_machine_as_it_was() {
    let (storage, file) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    for errno in [28, 5] {
        file.write_fails.store(errno, Ordering::SeqCst);
        let error = space.page_out_now(100).unwrap_err();
        assert!(matches!(error, PagingError::Host { what: "written", .. }), "{error}");
        assert_eq!((space.resident_pages(), space.gauge().figures().paged_out), (4, 0));
    }
    assert_eq!((byte(&mut space, 0), byte(&mut space, 3)), (1, 4));
    file.write_fails.store(0, Ordering::SeqCst);
    assert_eq!(space.page_out_now(100).unwrap(), 4, "it goes when there is room again");
    assert_eq!((byte(&mut space, 0), byte(&mut space, 3)), (1, 4));
}

#[test]
fn a_full_paging_file_takes_what_it_can() {
    let (storage, _) = storage(64, 3);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    let mut outgoing = space.page_out(100, 0, Steal::Any).unwrap();
    assert!(outgoing.found_no_slots());
    assert_eq!(outgoing.write().unwrap(), 3);
    assert_eq!(space.page_out_now(100).unwrap(), 0);
    assert_eq!((0..4).map(|page| byte(&mut space, page)).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn a_read_that_fails_can_be_done_again() {
    let (storage, file) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    space.page_out_now(100).unwrap();
    file.read_fails.store(5, Ordering::SeqCst);
    assert!(matches!(space.page_in_now(0), Err(PagingError::Host { what: "read", .. })));
    assert_eq!(storage.paging_figures().read_errors, 1);
    file.read_fails.store(0, Ordering::SeqCst);
    assert_eq!(byte(&mut space, 0), 1);
    storage.tidy_frames();
    assert_eq!(storage.counts().in_use as u64, space.resident_pages());
}

#[test]
fn damage_is_found_and_is_one_pages_only() {
    let (storage, file) = storage(64, 64);
    let mut space = machine(&storage, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    let mut other = machine(&storage, &[(0, 9)]);
    space.page_out_now(100).unwrap();
    other.page_out_now(100).unwrap();
    file.bytes.lock().unwrap()[PAGE as usize + 100] ^= 1;
    assert!(matches!(space.page_in_now(PAGE), Err(PagingError::Damaged)));
    assert_eq!((byte(&mut space, 0), byte(&mut space, 2), byte(&mut other, 0)), (1, 3, 9));
    assert!(matches!(space.page_in_now(PAGE), Err(PagingError::Damaged)));
    // Two pages that changed places are damage too.
    space.page_out_now(100).unwrap();
    file.bytes.lock().unwrap().rotate_left(PAGE as usize);
    assert!(matches!(space.page_in_now(0), Err(PagingError::Damaged)));
    // The file is cut off under the system.
    file.bytes.lock().unwrap().clear();
    assert!(matches!(space.page_in_now(0), Err(PagingError::Host { what: "read", .. })));
}

/// What can be done to one of several machines.
#[derive(Clone, Debug)]
enum Step {
    Write {
        who: usize,
        address: u64,
        length: usize,
        byte: u8,
    },
    Read {
        who: usize,
        address: u64,
        length: usize,
    },
    Release {
        who: usize,
        first: u64,
        last: u64,
    },
    Clear {
        who: usize,
    },
    PageOut {
        who: usize,
        most: usize,
        any: bool,
    },
    /// Pages are taken, something is done, and only then they are written, or the write fails.
    Overlap {
        who: usize,
        address: u64,
        byte: u8,
        fails: bool,
    },
    /// The same for reading.
    ReadOverlap {
        who: usize,
        address: u64,
        first: u64,
        last: u64,
    },
}

const MACHINES: usize = 4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..MACHINES;
    let address = || 0..SIZE - 3 * PAGE;
    let length = 0usize..3 * PAGE as usize;
    prop::collection::vec(
        prop_oneof![
            8 => (who(), address(), length.clone(), any::<u8>())
                .prop_map(|(who, address, length, byte)| Step::Write { who, address, length, byte }),
            8 => (who(), address(), length).prop_map(|(who, address, length)| Step::Read { who, address, length }),
            2 => (who(), address(), address()).prop_map(|(who, first, last)| Step::Release { who, first, last }),
            1 => who().prop_map(|who| Step::Clear { who }),
            5 => (who(), 1usize..40, any::<bool>()).prop_map(|(who, most, any)| Step::PageOut { who, most, any }),
            3 => (who(), address(), any::<u8>(), any::<bool>()).prop_map(|(who, address, byte, fails)| Step::Overlap { who, address, byte, fails }),
            3 => (who(), address(), address(), address())
                .prop_map(|(who, address, first, last)| Step::ReadOverlap { who, address, first, last }),
        ],
        1..60,
    )
}

/// Machines on too few frames, and what each of them should hold.
struct World {
    storage: Arc<Storage>,
    file: Arc<Memory>,
    machines: Vec<(AddressSpace, Vec<u8>)>,
}

impl World {
    /// Does it, with pages brought in and frames made as they turn out to be needed.
    fn with_pages<T>(&mut self, who: usize, mut attempt: impl FnMut(&mut AddressSpace) -> Result<T, AccessError>) -> T {
        for _ in 0..200 {
            match attempt(&mut self.machines[who].0) {
                Ok(done) => return done,
                Err(AccessError::Paged(address)) => match self.machines[who].0.page_in_now(address) {
                    Ok(()) => {}
                    Err(PagingError::NoFrames) => self.make_room(who),
                    Err(error) => panic!("{error}"),
                },
                Err(AccessError::NoFrames(_)) => self.make_room(who),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no progress");
    }

    /// The others give first, or a machine would lose what it is just being given.
    fn make_room(&mut self, who: usize) {
        self.storage.tidy_slots();
        for other in (1..=MACHINES).map(|next| (who + next) % MACHINES) {
            if self.machines[other].0.page_out_now(4).unwrap() > 0 {
                return;
            }
        }
        panic!("nobody has a page to give");
    }

    fn write(&mut self, who: usize, address: u64, bytes: &[u8]) {
        self.with_pages(who, |space| space.write(address, bytes));
        self.machines[who].1[address as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn release(&mut self, who: usize, first: u64, last: u64) {
        self.machines[who].0.release(first, last).unwrap();
        let whole = |page: &u64| page * PAGE >= first && (page + 1) * PAGE - 1 <= last;
        for page in (0..SIZE / PAGE).filter(whole) {
            self.machines[who].1[(page * PAGE) as usize..][..PAGE as usize].fill(0);
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Write { who, address, length, byte } => self.write(who, address, &vec![byte; length]),
            Step::Read { who, address, length } => {
                let mut bytes = vec![0xee; length];
                self.with_pages(who, |space| space.read(address, &mut bytes));
                assert!(bytes == self.machines[who].1[address as usize..][..length], "{step:?}");
            }
            Step::Release { who, first, last } => self.release(who, first, last),
            Step::Clear { who } => {
                self.machines[who].0.clear().unwrap();
                self.machines[who].1.fill(0);
            }
            Step::PageOut { who, most, any } => {
                let steal = if any { Steal::Any } else { Steal::Untouched };
                let mut outgoing = self.machines[who].0.page_out(most, 0, steal).unwrap();
                outgoing.write().unwrap();
            }
            Step::Overlap { who, address, byte, fails } => {
                let mut outgoing = self.machines[who].0.page_out(64, 0, Steal::Any).unwrap();
                self.write(who, address, &[byte; 100]);
                self.file.write_fails.store(if fails { 28 } else { 0 }, Ordering::SeqCst);
                if outgoing.write().is_err() {
                    self.machines[who].0.take_back(outgoing);
                }
                self.file.write_fails.store(0, Ordering::SeqCst);
            }
            Step::ReadOverlap { who, address, first, last } => {
                let Some(mut incoming) = self.machines[who].0.page_in(address) else { return };
                self.release(who, first, last);
                let read = incoming.read();
                assert!(matches!(read, Ok(()) | Err(PagingError::NoFrames)), "{read:?}");
                self.machines[who].0.arrive(incoming);
            }
        }
    }

    fn check_counts(&self) {
        self.storage.tidy_slots();
        let resident: u64 = self.machines.iter().map(|(space, _)| space.resident_pages()).sum();
        let paged: u64 = self.machines.iter().map(|(space, _)| space.gauge().figures().paged_out).sum();
        assert_eq!(self.storage.counts().in_use as u64, resident);
        assert_eq!(self.storage.paging_figures().slots_used as u64, paged);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn storage_behaves_like_an_array_on_too_few_frames(steps in steps()) {
        let (storage, file) = storage(24, 4096);
        let new = |_| (AddressSpace::new(&storage, SIZE).unwrap(), vec![0; SIZE as usize]);
        let mut world = World { machines: (0..MACHINES).map(new).collect(), storage: Arc::clone(&storage), file };
        for step in steps {
            world.step(&step);
            world.check_counts();
        }
        for who in 0..MACHINES {
            let mut bytes = vec![0; SIZE as usize];
            for page in 0..SIZE / PAGE {
                let piece = &mut bytes[(page * PAGE) as usize..][..PAGE as usize];
                world.with_pages(who, |space| space.read(page * PAGE, piece));
            }
            prop_assert!(bytes == world.machines[who].1, "machine {}", who);
        }
        drop(world);
        storage.tidy_frames();
        storage.tidy_slots();
        prop_assert_eq!((storage.counts().in_use, storage.paging_figures().slots_used), (0, 0));
    }
}
