//! A frame that the pager takes is never seen by its former owner again, and what was in it comes back.
//!
//! `CP64_PAGING_SECONDS` says how long the last test runs (5 by default), `CP64_PAGING_SEED` where it starts; the seed is printed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use cp_monitor::processor::{Exit, Processor, Registers};
use cp_monitor::storage::AccessError;
use cp_monitor::storage::paging::{PagingError, Steal};

use crate::machines::{CODE, Host, Machine, guest};

guest! {
    /// Answers the word at RBX, again and again.
    paged_look:
        "2:"
        "mov rax, [rbx]"
        "out 0x83, eax"
        "jmp 2b";
    /// Counts up the word at RBX for ever, answering it each time.
    paged_count:
        "2:"
        "inc qword ptr [rbx]"
        "mov rax, [rbx]"
        "out 0x83, eax"
        "jmp 2b";
    /// Counts in the first word of each of RCX pages from X'10000' and compares it with the count in R8; answers 0 after each round, or
    /// the address of the page that is not as it was left.
    paged_walk:
        "2:"
        "mov esi, 0x10000"
        "mov rdx, rcx"
        "3:"
        "cmp [rsi], r8"
        "jne 4f"
        "inc qword ptr [rsi]"
        "add rsi, 0x1000"
        "dec rdx"
        "jnz 3b"
        "inc r8"
        "xor eax, eax"
        "out 0x83, eax"
        "jmp 2b"
        "4:"
        "mov rax, rsi"
        "out 0x83, eax"
        "jmp 4b";
}

/// A word that the tests look at.
const WORD: u64 = 0x20000;

/// Runs, with pages brought in as needed. The machine must have the frames.
#[track_caller]
fn answer(processor: &mut dyn Processor, machine: &mut Machine) -> u64 {
    loop {
        match processor.run(&mut machine.context, &mut machine.space) {
            Exit::Diagnose => return machine.context.registers[Registers::RAX],
            Exit::PageFault { address, write } => match machine.space.fault(address, write) {
                Ok(()) => {}
                Err(AccessError::Paged(address)) => machine.space.page_in_now(address).expect("the paging file is fine"),
                Err(error) => panic!("{error}"),
            },
            exit => panic!("{exit:?}"),
        }
    }
}

fn looking(host: &Host, code: &[u8], word: u64) -> Machine {
    let mut machine = host.machine(code);
    machine.context.registers[Registers::RBX] = WORD;
    machine.put_word(WORD, word);
    machine
}

#[test]
fn a_stolen_frame_is_not_seen_by_its_former_owner() {
    let mut host = Host::with_paging(128);
    for round in 0..30 {
        let mut owner = looking(&host, paged_look(), 1000 + round);
        assert_eq!(answer(&mut *host.processor, &mut owner), 1000 + round);
        host.release(&mut owner);
        assert!(owner.space.page_out_now(100).unwrap() >= 2, "code and data");
        // Others get those frames and fill them.
        let mut others: Vec<Machine> = (0..8).map(|_| looking(&host, paged_look(), 0x5ec2_e700)).collect();
        for other in &mut others {
            assert_eq!(answer(&mut *host.processor, other), 0x5ec2_e700);
            host.release(other);
        }
        assert_eq!(answer(&mut *host.processor, &mut owner), 1000 + round, "round {round}");
        host.release(&mut owner);
    }
}

#[test]
fn a_page_is_on_the_paging_file_for_the_machine_too() {
    let mut host = Host::with_paging(128);
    let mut machine = looking(&host, paged_look(), 77);
    assert_eq!(answer(&mut *host.processor, &mut machine), 77);
    machine.space.page_out_now(100).unwrap();
    // Whatever the processor remembers of the page is gone.
    let exit = host.processor.run(&mut machine.context, &mut machine.space);
    assert!(matches!(exit, Exit::PageFault { .. }), "{exit:?}");
    assert_eq!(machine.space.fault(CODE, false), Err(AccessError::Paged(CODE)));
    assert_eq!(answer(&mut *host.processor, &mut machine), 77);
}

#[test]
fn what_a_machine_stores_while_its_pages_are_being_written_is_kept() {
    let mut host = Host::with_paging(128);
    let mut machine = looking(&host, paged_count(), 0);
    for round in 1..50 {
        let mut outgoing = machine.space.page_out(100, 0, Steal::Any).unwrap();
        // The count is stored through a new translation or not at all, never into the frame that is on its way out.
        assert_eq!(answer(&mut *host.processor, &mut machine), 2 * round - 1);
        outgoing.write().unwrap();
        drop(outgoing);
        assert_eq!(answer(&mut *host.processor, &mut machine), 2 * round);
    }
}

#[test]
fn a_page_that_the_clock_passes_is_mapped_again_by_a_touch_of_the_machine() {
    let mut host = Host::with_paging(128);
    let mut machine = looking(&host, paged_count(), 0);
    machine.put_word(0x30000, 1);
    for round in 1..50 {
        let mut outgoing = machine.space.page_out(100, 0, Steal::Untouched).unwrap();
        outgoing.write().unwrap();
        assert_eq!(answer(&mut *host.processor, &mut machine), round);
    }
    let figures = machine.space.gauge().figures();
    assert_eq!((figures.reads, figures.writes), (0, 1), "what it uses never left, the page it does not use did");
}

#[test]
fn a_released_page_is_zero_wherever_it_was() {
    let mut host = Host::with_paging(128);
    let mut machine = looking(&host, paged_look(), 5);
    assert_eq!(answer(&mut *host.processor, &mut machine), 5);
    machine.space.page_out_now(100).unwrap();
    machine.space.release(WORD, WORD + 0xfff).unwrap();
    assert_eq!(answer(&mut *host.processor, &mut machine), 0);
}

/// Machines that any processor may run and the pager may rob, as users' machines are.
struct Crowd {
    machines: Vec<Mutex<Machine>>,
    rounds: AtomicU64,
    reads: AtomicU64,
    stop: AtomicBool,
}

/// Pages that each machine walks over.
const WALK: u64 = 24;

impl Crowd {
    fn try_lock(&self, number: usize) -> Option<MutexGuard<'_, Machine>> {
        match self.machines[number].try_lock() {
            Ok(machine) => Some(machine),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(_)) => panic!("another thread failed"),
        }
    }

    /// Runs machines at random and checks every answer.
    fn run(&self, processor: &mut dyn Processor, random: &mut Random) {
        while !self.stop.load(Ordering::SeqCst) {
            let number = random.below(self.machines.len() as u64) as usize;
            let Some(mut machine) = self.try_lock(number) else { continue };
            processor.start_slice(Duration::from_millis(1 + random.below(5)));
            let wanted = self.slice(processor, &mut machine, number);
            processor.release(&mut machine.context);
            drop(machine);
            if let Some(address) = wanted {
                self.bring_in(number, address);
            }
        }
    }

    /// One slice; answers the page that the machine has to wait for.
    fn slice(&self, processor: &mut dyn Processor, machine: &mut Machine, number: usize) -> Option<u64> {
        loop {
            match processor.run(&mut machine.context, &mut machine.space) {
                Exit::SliceEnd => return None,
                Exit::Diagnose => {
                    let answer = machine.context.registers[Registers::RAX];
                    assert_eq!(answer, 0, "machine {number} found its page at {answer:#x} changed");
                    self.rounds.fetch_add(1, Ordering::SeqCst);
                }
                Exit::PageFault { address, write } => match machine.space.fault(address, write) {
                    Ok(()) => {}
                    Err(AccessError::Paged(address)) => return Some(address),
                    Err(AccessError::NoFrames(_)) => return None,
                    Err(error) => panic!("{error}"),
                },
                exit => panic!("{exit:?}"),
            }
        }
    }

    /// The three steps, with the machine's lock held for the first and the last only.
    fn bring_in(&self, number: usize, address: u64) {
        let Some(mut incoming) = self.machines[number].lock().unwrap().space.page_in(address) else { return };
        match incoming.read() {
            Ok(()) => {
                self.reads.fetch_add(1, Ordering::SeqCst);
                self.machines[number].lock().unwrap().space.arrive(incoming);
            }
            Err(PagingError::NoFrames) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes pages of machines at random until told to stop.
    fn rob(&self, random: &mut Random, pause: Duration) {
        while !self.stop.load(Ordering::SeqCst) {
            let number = random.below(self.machines.len() as u64) as usize;
            let steal = if random.below(3) == 0 { Steal::Any } else { Steal::Untouched };
            let Some(mut machine) = self.try_lock(number) else { continue };
            let mut outgoing = machine.space.page_out(1 + random.below(20) as usize, random.below(4), steal).unwrap();
            drop(machine);
            // Long enough for the machine to run meanwhile.
            std::thread::sleep(Duration::from_millis(random.below(4)));
            if random.below(8) == 0 {
                // As if the write had failed.
                self.machines[number].lock().unwrap().space.take_back(outgoing);
            } else {
                outgoing.write().expect("the paging file is fine");
            }
            std::thread::sleep(pause);
        }
    }
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn many_machines_on_few_frames_find_every_page_as_they_left_it() {
    let length = Duration::from_secs(setting("CP64_PAGING_SECONDS", 2));
    let seed = setting("CP64_PAGING_SEED", std::process::id().into()) | 1;
    println!("seed {seed}");
    // A dozen machines of some 26 pages each on frames for six.
    let mut host = Host::with_paging(160);
    let storage = std::sync::Arc::clone(&host.storage);
    let new = |number: u64| {
        let mut machine = host.machine(paged_walk());
        machine.context.registers[Registers::RCX] = WALK;
        // Each begins with a number of its own, so that no page of another will do.
        machine.context.registers[Registers::R8] = number << 32;
        for page in 0..WALK {
            machine.put_word(0x10000 + page * 0x1000, number << 32);
        }
        machine.space.page_out_now(100).unwrap();
        Mutex::new(machine)
    };
    let crowd =
        Crowd { machines: (1..=12).map(new).collect(), rounds: AtomicU64::new(0), reads: AtomicU64::new(0), stop: AtomicBool::new(false) };
    let partition = std::sync::Arc::clone(&host.partition);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut processor = partition.processor(1).expect("a second processor");
            crowd.run(&mut *processor, &mut Random(seed.wrapping_mul(3)));
        });
        let thief = scope.spawn(|| crowd.rob(&mut Random(seed.wrapping_mul(5)), Duration::ZERO));
        let second = scope.spawn(|| crowd.rob(&mut Random(seed.wrapping_mul(7)), Duration::from_micros(200)));
        let clock = scope.spawn(|| {
            let start = Instant::now();
            // On a host that gives little time it takes longer to try enough.
            let few = || crowd.rounds.load(Ordering::SeqCst) <= 100 || crowd.reads.load(Ordering::SeqCst) <= 100;
            while (start.elapsed() < length || few() && start.elapsed() < length + Duration::from_secs(60))
                && !crowd.stop.load(Ordering::SeqCst)
            {
                std::thread::sleep(Duration::from_millis(2));
                storage.tidy_slots();
                storage.tidy_frames();
            }
            crowd.stop.store(true, Ordering::SeqCst);
        });
        crowd.run(&mut *host.processor, &mut Random(seed));
        for thread in [other, thief, second, clock] {
            thread.join().expect("no thread failed");
        }
    });
    let (rounds, reads) = (crowd.rounds.load(Ordering::SeqCst), crowd.reads.load(Ordering::SeqCst));
    println!("{rounds} rounds, {reads} times pages were read, {:?}", host.storage.paging_figures());
    assert!(rounds > 100 && reads > 100, "{rounds} rounds and {reads} reads test nothing");
    drop(crowd);
    host.storage.tidy_frames();
    host.storage.tidy_slots();
    assert_eq!((host.storage.counts().in_use, host.storage.paging_figures().slots_used), (0, 0));
}
