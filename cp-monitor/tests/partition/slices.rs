//! Slices end by the clock, by a kick, and only then; processors run side by side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cp_monitor::processor::{Exit, Processors, Registers};

use crate::machines::{Host, Machine, flush_page_tables, guest, kind, run};

guest! {
    /// Counts in RAX for ever.
    spin:
        "2: inc rax"
        "jmp 2b";
    /// Calls CP for ever, counting in RBX.
    call:
        "2: inc rbx"
        "out 0x83, eax"
        "jmp 2b";
    /// Counts to RCX at X'9000', then calls CP.
    count:
        "2: inc qword ptr [0x9000]"
        "dec rcx"
        "jnz 2b"
        "out 0x83, eax";
}

#[test]
fn a_slice_ends_a_machine_that_never_calls_cp() {
    let mut host = Host::new();
    let mut machine = host.machine(spin());
    for _ in 0..20 {
        let start = Instant::now();
        host.processor.start_slice(Duration::from_millis(5));
        assert_eq!(host.run(&mut machine), Exit::SliceEnd);
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(5), "ended early, after {took:?}");
        assert!(took < Duration::from_secs(60), "ended late, after {took:?}");
    }
    assert!(machine.context.registers[Registers::RAX] > 100_000, "the machine hardly ran");
}

#[test]
fn a_slice_ends_a_machine_that_always_calls_cp() {
    let mut host = Host::new();
    let mut machine = host.machine(call());
    let start = Instant::now();
    host.processor.start_slice(Duration::from_millis(20));
    let mut calls = 0;
    while host.run(&mut machine) == Exit::Diagnose {
        calls += 1;
        assert!(start.elapsed() < Duration::from_secs(60), "the slice never ended");
    }
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert!(machine.context.registers[Registers::RBX].abs_diff(calls) <= 1, "no call is lost or doubled");
}

#[test]
fn a_slice_that_is_over_before_the_machine_runs_changes_nothing() {
    let mut host = Host::new();
    let (mut one, mut two) = (host.machine(count()), host.machine(count()));
    for machine in [&mut one, &mut two] {
        machine.context.registers[Registers::RCX] = 5;
        let before = machine.context.registers;
        host.processor.start_slice(Duration::ZERO);
        assert_eq!(host.run(machine), Exit::SliceEnd);
        assert_eq!(machine.context.registers, before);
        host.processor.start_slice(Duration::from_secs(10));
        host.answer(machine);
        assert_eq!(machine.word(0x9000), 5);
        host.release(machine);
    }
}

#[test]
fn a_kick_ends_the_run_from_another_thread_every_time() {
    let mut host = Host::new();
    let mut machine = host.machine(spin());
    host.processor.start_slice(Duration::from_secs(600));
    let kicker = host.processor.kicker();
    let (asked, done) = (std::sync::mpsc::channel::<()>(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A kick as soon as the run before has ended: it lands before, at, or in the next KVM_RUN.
            for _ in asked.1 {
                kicker.kick();
            }
            done.store(true, Ordering::SeqCst);
        });
        let start = Instant::now();
        for _ in 0..2000 {
            asked.0.send(()).unwrap();
            assert_eq!(host.run(&mut machine), Exit::SliceEnd);
        }
        drop(asked.0);
        assert!(start.elapsed() < Duration::from_secs(60), "kicks were slow: {:?}", start.elapsed());
    });
}

#[test]
fn no_trap_is_lost_between_kicks() {
    const STEPS: u64 = 20_000;
    const TRAP_FLAG: u64 = 1 << 8;
    let mut host = Host::new();
    let mut machine = host.machine(spin());
    machine.context.registers.rflags = TRAP_FLAG;
    host.processor.start_slice(Duration::from_secs(600));
    let kicker = host.processor.kicker();
    let stop = AtomicBool::new(false);
    let (mut traps, mut kicks) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                kicker.kick();
                std::thread::sleep(Duration::from_micros(40));
            }
        });
        while traps < STEPS {
            match host.run(&mut machine) {
                Exit::SliceEnd => kicks += 1,
                Exit::Program { code: abi::program::DEBUG_EVENT, .. } => traps += 1,
                other => panic!("{other:?}"),
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    // Every second instruction counts.
    assert_eq!(machine.context.registers[Registers::RAX], STEPS / 2, "instructions without a trap, over {kicks} kicks");
    assert!(kicks > 10, "{kicks} kicks test nothing");
}

#[test]
fn signals_that_mean_nothing_change_nothing() {
    let mut host = Host::new();
    let mut machine = host.machine(count());
    machine.context.registers[Registers::RCX] = 300_000_000;
    host.processor.start_slice(Duration::from_secs(600));
    let stop = AtomicBool::new(false);
    // Refreshing the page tables interrupts every processor and is nobody's slice end.
    let storage = std::sync::Arc::clone(&host.storage);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                flush_page_tables(&storage);
            }
        });
        let exit = host.run(&mut machine);
        stop.store(true, Ordering::SeqCst);
        assert_eq!(exit, Exit::Diagnose);
    });
    assert_eq!(machine.word(0x9000), 300_000_000, "not a store was lost over the flushes");
}

#[test]
fn two_processors_run_at_once() {
    let mut host = Host::new();
    const COUNT: u64 = 50_000_000;
    let mut machines: Vec<Machine> = (0..2).map(|_| host.machine(count())).collect();
    machines.iter_mut().for_each(|machine| machine.context.registers[Registers::RCX] = COUNT);
    let [one, two] = &mut machines[..] else { unreachable!() };
    let partition = std::sync::Arc::clone(&host.partition);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut other = partition.processor(1).expect("a second processor");
            other.start_slice(Duration::from_secs(600));
            assert_eq!(run(&mut *other, two), Exit::Diagnose);
        });
        host.processor.start_slice(Duration::from_secs(600));
        assert_eq!(host.run(one), Exit::Diagnose);
    });
    assert_eq!(machines.iter_mut().map(|machine| machine.word(0x9000)).collect::<Vec<_>>(), [COUNT; 2]);
}

#[test]
fn a_machine_runs_in_any_partition_of_its_storage() {
    let mut host = Host::new();
    // A second partition with its own processor on this very thread, as for a machine with OPTION ISOLATE.
    let isolated = Processors::new(kind(), &host.storage, 1).expect("a second partition");
    let mut other = isolated.processor(0).expect("its processor");
    let mut machine = host.machine(spin());
    for _ in 0..10 {
        for processor in [&mut *host.processor, &mut *other] {
            let start = Instant::now();
            processor.start_slice(Duration::from_millis(3));
            assert_eq!(run(processor, &mut machine), Exit::SliceEnd);
            processor.release(&mut machine.context);
            assert!(start.elapsed() < Duration::from_secs(60), "the signal went to the other processor");
        }
    }
    assert!(machine.context.registers[Registers::RAX] > 100_000);
    // Page tables come back only after both partitions forgot them.
    for number in 0..200u64 {
        if number % 20 == 0 {
            flush_page_tables(&host.storage);
        }
        let mut machine = host.machine(count());
        machine.context.registers[Registers::RCX] = number + 1;
        let processor = if number % 2 == 0 { &mut *host.processor } else { &mut *other };
        processor.start_slice(Duration::from_secs(10));
        assert_eq!(run(processor, &mut machine), Exit::Diagnose);
        processor.release(&mut machine.context);
        assert_eq!(machine.word(0x9000), number + 1);
    }
}

#[test]
fn a_processor_number_is_given_once_at_a_time() {
    let host = Host::new();
    assert!(host.partition.processor(0).is_err(), "taken");
    assert!(host.partition.processor(2).is_err(), "out of range");
    let one = host.partition.processor(1).unwrap();
    drop(one);
    assert!(host.partition.processor(1).is_ok(), "free again");
}
