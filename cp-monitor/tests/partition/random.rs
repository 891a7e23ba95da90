//! A machine that executes random bytes, beside machines that notice whatever it could do to them.
//!
//! `CP64_RANDOM_SECONDS` says how long (10 by default), `CP64_RANDOM_SEED` where to start; the seed is printed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cp_monitor::processor::{Exit, Processor, Registers};

use crate::machines::{CODE, Host, Machine, SIZE, guest, run};

guest! {
    /// Fills 32 pages from X'20000' from the seed in RBX and adds them up again in SSE and general registers, for ever.
    checker:
        "4:"
        "mov edi, 0x20000"
        "mov ecx, 32 * 512"
        "mov rax, rbx"
        "2:"
        "imul rax, rax, 0x5851f42d"
        "inc rax"
        "mov [rdi], rax"
        "add rdi, 8"
        "dec ecx"
        "jnz 2b"
        "mov esi, 0x20000"
        "mov ecx, 32 * 256"
        "pxor xmm3, xmm3"
        "3:"
        "paddq xmm3, [rsi]"
        "add rsi, 16"
        "dec ecx"
        "jnz 3b"
        "movhlps xmm4, xmm3"
        "paddq xmm3, xmm4"
        "movq rax, xmm3"
        "out 0x83, eax"
        "jmp 4b";
}

/// What the checker answers for a seed.
fn checksum(seed: u64) -> u64 {
    let next = |word: &u64| Some(word.wrapping_mul(0x5851_f42d).wrapping_add(1));
    std::iter::successors(next(&seed), next).take(32 * 512).fold(0, u64::wrapping_add)
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.word() % limit
    }

    /// A page of bytes: plain noise, or noise with what is interesting strewn in.
    fn page(&mut self) -> Vec<u8> {
        const INTERESTING: [&[u8]; 24] = [
            &[0x0f, 0x01],
            &[0x0f, 0x05],
            &[0x0f, 0x34],
            &[0x0f, 0x0b],
            &[0x0f, 0x00],
            &[0x0f, 0xae],
            &[0x0f, 0xc7],
            &[0xe7, 0x83],
            &[0xcd],
            &[0xcc],
            &[0xcf],
            &[0xca],
            &[0xcb],
            &[0xff],
            &[0x8e],
            &[0x9d],
            &[0x6f],
            &[0x6d],
            &[0xe5, 0x83],
            &[0xf4],
            &[0xc5],
            &[0xc4],
            &[0x62],
            &[0x48],
        ];
        let mut page: Vec<u8> = (0..512).flat_map(|_| self.word().to_le_bytes()).collect();
        for _ in 0..self.below(600) {
            let piece = INTERESTING[self.below(INTERESTING.len() as u64) as usize];
            let at = self.below(4096 - 8) as usize;
            page[at..at + piece.len()].copy_from_slice(piece);
        }
        page
    }

    /// A register: anything, an address in storage, or a small number.
    fn register(&mut self) -> u64 {
        match self.below(4) {
            0 => self.word(),
            1 => self.below(256),
            _ => self.below(SIZE),
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Checks itself until told to stop; answers how often.
fn keep_checking(processor: &mut dyn Processor, machine: &mut Machine, seed: u64, until: &AtomicBool) -> u64 {
    let mut checks = 0;
    machine.context.registers[Registers::RBX] = seed;
    while !until.load(Ordering::SeqCst) {
        processor.start_slice(Duration::from_millis(5));
        match run(processor, machine) {
            Exit::SliceEnd => {}
            Exit::Diagnose => {
                assert_eq!(machine.context.registers[Registers::RAX], checksum(seed), "a neighbour's sum");
                checks += 1;
            }
            exit => panic!("a neighbour: {exit:?}"),
        }
    }
    checks
}

#[derive(Debug, Default)]
struct Tally {
    rounds: u64,
    programs: u64,
    diagnoses: u64,
    faults: u64,
    slices: u64,
}

/// One life of the random machine: code, registers, and up to 200 exits.
fn live(host: &mut Host, random: &mut Random, tally: &mut Tally) {
    let mut wild = host.machine(&[]);
    for page in 0..4 {
        wild.space.write(CODE + page * 0x1000, &random.page()).unwrap();
    }
    wild.context.registers.general = std::array::from_fn(|_| random.register());
    wild.context.registers.rip = CODE + random.below(0x4000);
    wild.context.registers.rflags = random.word();
    host.processor.start_slice(Duration::from_millis(3));
    tally.rounds += 1;
    for _ in 0..200 {
        match host.processor.run(&mut wild.context, &mut wild.space) {
            Exit::SliceEnd => {
                tally.slices += 1;
                break;
            }
            Exit::PageFault { address, write } => {
                tally.faults += 1;
                wild.space.fault(address, write).expect("private storage, and enough of it");
            }
            Exit::Diagnose => {
                tally.diagnoses += 1;
                wild.context.registers[Registers::RAX] = random.word();
            }
            Exit::Program { .. } => {
                tally.programs += 1;
                wild.context.registers.rip = CODE + random.below(0x4000);
                if random.below(4) == 0 {
                    wild.context.registers.general = std::array::from_fn(|_| random.register());
                }
            }
            Exit::Failed(reason) => panic!("the processor gave up: {reason}"),
        }
    }
    host.release(&mut wild);
}

#[test]
fn a_machine_of_random_bytes_harms_nobody() {
    let length = Duration::from_secs(setting("CP64_RANDOM_SECONDS", 10));
    let seed = setting("CP64_RANDOM_SEED", std::process::id().into()) | 1;
    println!("seed {seed}");
    let mut host = Host::with_frames(4096);
    let mut random = Random(seed);
    let stop = AtomicBool::new(false);
    let mut near = host.machine(checker());
    let mut far = host.machine(checker());
    near.context.registers[Registers::RBX] = 0x1234_5678;
    let canary = random.page();
    near.space.write(0x80000, &canary).unwrap();
    let partition = std::sync::Arc::clone(&host.partition);
    let mut tally = Tally::default();
    let far_checks = std::thread::scope(|scope| {
        let far = scope.spawn(|| {
            let mut other = partition.processor(1).expect("a second processor");
            keep_checking(&mut *other, &mut far, 0x8765_4321, &stop)
        });
        let start = Instant::now();
        while start.elapsed() < length && !far.is_finished() {
            live(&mut host, &mut random, &mut tally);
            if tally.rounds % 8 == 0 {
                host.processor.start_slice(Duration::from_secs(10));
                assert_eq!(host.answer(&mut near), checksum(0x1234_5678), "the neighbour on the same processor");
                host.release(&mut near);
                let mut page = vec![0; canary.len()];
                near.space.read(0x80000, &mut page).unwrap();
                assert!(page == canary, "the neighbour's page changed");
            }
        }
        stop.store(true, Ordering::SeqCst);
        far.join().expect("the neighbour on the other processor")
    });
    println!("{tally:?}, {far_checks} checks on the other processor");
    assert!(far_checks > 0 && tally.programs > 0 && tally.faults > 0, "{tally:?}");
}
