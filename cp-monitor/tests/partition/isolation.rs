//! A machine never sees a page that is not its own, whatever became of the frame, the table entry or the table.

use cp_monitor::processor::{Context, Exit, Registers};
use cp_monitor::storage::{AccessError, AddressSpace, SavedSystem, StorageError};

use crate::machines::{CODE, Host, Machine, SIZE, guest, run};

guest! {
    /// Computes, stores, calls CP twice.
    compute:
        "mov eax, 6"
        "imul eax, eax, 7"
        "mov [0x5000], eax"
        "out 0x83, eax"
        "inc eax"
        "out 0x83, eax";
    /// Fills 64 pages from X'10000' with the word in RBX, then answers 0.
    fill:
        "mov edi, 0x10000"
        "mov ecx, 64 * 512"
        "mov rax, rbx"
        "rep stosq"
        "xor eax, eax"
        "out 0x83, eax";
    /// Answers the OR of 64 pages from X'10000', again and again.
    scan:
        "2:"
        "mov esi, 0x10000"
        "mov ecx, 64 * 512"
        "xor eax, eax"
        "3:"
        "or rax, [rsi]"
        "add rsi, 8"
        "dec ecx"
        "jnz 3b"
        "out 0x83, eax"
        "jmp 2b";
    /// Answers the word at RBX, again and again.
    look:
        "2:"
        "mov rax, [rbx]"
        "out 0x83, eax"
        "jmp 2b";
    /// Stores RCX at RBX and answers what is there then, again and again.
    store:
        "2:"
        "mov [rbx], rcx"
        "mov rax, [rbx]"
        "out 0x83, eax"
        "jmp 2b";
}

/// Where the data of the saved system below is.
const DATA: u64 = 0x3000;

/// A saved system with `code` at [`CODE`] and a page of `DATA`, both copied when stored into.
fn system(host: &Host, code: &[u8], data: u64) -> std::sync::Arc<SavedSystem> {
    let mut image = vec![0; (DATA - CODE) as usize + 8];
    image[..code.len()].copy_from_slice(code);
    image[(DATA - CODE) as usize..].copy_from_slice(&data.to_le_bytes());
    let system = SavedSystem::from_image(&host.storage, "TEST", CODE, &image, CODE).expect("a saved system");
    // These tests want every page shared: nothing is learned.
    system.close_write_set();
    system
}

#[test]
fn a_machine_computes_and_calls_cp() {
    let mut host = Host::new();
    let mut machine = host.machine(compute());
    assert_eq!(host.answer(&mut machine), 42);
    assert_eq!(machine.context.registers.rip, CODE + compute().len() as u64 - 4);
    assert_eq!(machine.word(0x5000), 42);
    assert_eq!(host.answer(&mut machine), 43);
}

#[test]
fn a_recycled_frame_shows_nothing_of_its_former_owner() {
    // 200 frames, and each pair of machines uses more than 130: frames are reused at once.
    let mut host = Host::with_frames(200);
    for round in 0..20 {
        let mut writer = host.machine(fill());
        writer.context.registers[Registers::RBX] = 0x5ec2_e700 + round;
        assert_eq!(host.answer(&mut writer), 0);
        assert_eq!(writer.word(0x4_fff8), 0x5ec2_e700 + round);
        drop(writer);
        let mut reader = host.machine(scan());
        assert_eq!(host.answer(&mut reader), 0, "round {round}");
    }
    assert!(host.storage.counts().in_use <= 200);
}

#[test]
fn a_released_page_reads_as_zero_though_its_frame_is_anothers() {
    let mut host = Host::with_frames(200);
    let mut first = host.machine(look());
    first.context.registers[Registers::RBX] = 0x20000;
    first.put_word(0x20000, 77);
    assert_eq!(host.answer(&mut first), 77);
    host.release(&mut first);
    first.space.release(0x20000, 0x20fff).unwrap();
    // Another machine takes every frame that is left and fills it.
    let mut others = Vec::new();
    while host.storage.counts().in_use + 70 < 200 {
        let mut other = host.machine(fill());
        other.context.registers[Registers::RBX] = 0x5ec2_e700;
        assert_eq!(host.answer(&mut other), 0);
        host.release(&mut other);
        others.push(other);
    }
    assert_eq!(host.answer(&mut first), 0, "the page was released");
    assert_eq!(first.word(0x20000), 0);
}

#[test]
fn a_store_into_shared_storage_is_the_machines_own() {
    let mut host = Host::new();
    let system = system(&host, store(), 1000);
    let (mut one, mut two) = (host.machine_of(&system), host.machine_of(&system));
    for (machine, value) in [(&mut one, 1), (&mut two, 2)] {
        machine.context.registers[Registers::RBX] = DATA;
        machine.context.registers[Registers::RCX] = value;
    }
    for _ in 0..3 {
        assert_eq!(host.answer(&mut one), 1);
        host.release(&mut one);
        assert_eq!(host.answer(&mut two), 2);
        host.release(&mut two);
    }
    let mut three = host.machine_of(&system);
    assert_eq!(three.word(DATA), 1000, "the shared page is as it was saved");
}

#[test]
fn what_cp_stores_is_seen_by_the_machine_and_by_no_other() {
    let mut host = Host::new();
    let system = system(&host, look(), 1000);
    let (mut one, mut two) = (host.machine_of(&system), host.machine_of(&system));
    for machine in [&mut one, &mut two] {
        machine.context.registers[Registers::RBX] = DATA;
        // Now KVM has a translation to the shared frame.
        assert_eq!(host.answer(machine), 1000);
        host.release(machine);
    }
    one.put_word(DATA, 2000);
    assert_eq!(host.answer(&mut one), 2000, "CP's store broke the sharing behind the machine's back");
    one.put_word(DATA, 2001);
    assert_eq!(host.answer(&mut one), 2001);
    host.release(&mut one);
    assert_eq!(host.answer(&mut two), 1000);
}

#[test]
fn what_cp_stores_after_a_copy_is_seen_although_the_machine_was_sent_elsewhere() {
    let mut host = Host::new();
    let system = system(&host, look(), 1000);
    let mut machine = host.machine_of(&system);
    machine.space.write(0x9000, store()).unwrap();
    machine.context.registers[Registers::RBX] = DATA;
    assert_eq!(host.answer(&mut machine), 1000);
    // A store faults; CP copies the page, stores into it itself, and has the machine do something else first.
    machine.context.registers.rip = 0x9000;
    let exit = host.processor.run(&mut machine.context, &mut machine.space);
    assert_eq!(exit, Exit::PageFault { address: DATA, write: true });
    machine.space.fault(DATA, true).unwrap();
    machine.put_word(DATA, 2000);
    machine.start();
    assert_eq!(host.answer(&mut machine), 2000);
}

#[test]
fn a_released_page_of_a_saved_system_reads_as_zero() {
    let mut host = Host::new();
    let system = system(&host, look(), 1000);
    let (mut one, mut two) = (host.machine_of(&system), host.machine_of(&system));
    for machine in [&mut one, &mut two] {
        machine.context.registers[Registers::RBX] = DATA;
        assert_eq!(host.answer(machine), 1000);
        host.release(machine);
    }
    one.space.release(DATA, DATA + 0xfff).unwrap();
    assert_eq!(host.answer(&mut one), 0);
    host.release(&mut one);
    assert_eq!(host.answer(&mut two), 1000);
}

#[test]
fn storage_that_may_only_be_read_stays_as_it_is() {
    let mut host = Host::new();
    // Text at CODE, read-only, and nothing else.
    let elf = crate::machines::elf(&[(CODE, store(), false)], CODE);
    let system = SavedSystem::from_elf(&host.storage, "TEXT", &elf).expect("a saved system");
    let (mut one, mut two) = (host.machine_of(&system), host.machine_of(&system));
    one.context.registers[Registers::RBX] = CODE;
    one.context.registers[Registers::RCX] = !0;
    let exit = host.run(&mut one);
    assert_eq!(exit, Exit::PageFault { address: CODE, write: true });
    assert_eq!(one.space.fault(CODE, true), Err(AccessError::Protection(CODE)));
    assert_eq!(one.space.write(CODE, &[0]), Err(AccessError::Protection(CODE)));
    host.release(&mut one);
    two.context.registers[Registers::RBX] = 0x9000;
    two.context.registers[Registers::RCX] = 5;
    assert_eq!(host.answer(&mut two), 5, "the other machine still executes the same text");
}

#[test]
fn cleared_storage_reads_as_zero_and_the_next_system_is_seen() {
    let mut host = Host::new();
    let (old, new) = (system(&host, look(), 1000), system(&host, look(), 3000));
    let mut machine = host.machine_of(&old);
    for (system, value) in [(&new, 3000), (&old, 1000)] {
        machine.context.registers[Registers::RBX] = 0x40000;
        machine.put_word(0x40000, 9);
        assert_eq!(host.answer(&mut machine), 9);
        machine.space.clear().unwrap();
        machine.context.reset();
        assert_eq!((machine.space.resident_pages(), machine.word(0x40000)), (0, 0));
        machine.space.map_saved_system(system).unwrap();
        machine.start();
        machine.context.registers[Registers::RBX] = 0x40000;
        assert_eq!(host.answer(&mut machine), 0);
        machine.context.registers[Registers::RBX] = DATA;
        assert_eq!(host.answer(&mut machine), value);
    }
}

#[test]
fn a_machine_that_takes_over_page_tables_sees_nothing_old() {
    // Small trees are handed on whole, to machines of the same system: shared, stored into and untouched pages by turns.
    let mut host = Host::with_frames(4096);
    let systems = [1000, 2000].map(|data| system(&host, look(), data));
    for number in 0..1500u64 {
        let turn = number / 7 % 2;
        let mut machine = host.machine_of(&systems[turn as usize]);
        let page = 0x10000 + number % 32 * 0x1000;
        machine.put_word(page, number);
        let untouched = 0x10000 + (number + 1) % 32 * 0x1000;
        for (address, word) in [(page, number), (untouched, 0), (DATA, 1000 * (turn + 1))] {
            machine.context.registers[Registers::RBX] = address;
            assert_eq!(host.answer(&mut machine), word, "machine {number}, address {address:#x}");
        }
        if number % 3 == 0 {
            machine.put_word(DATA, 5);
            assert_eq!(host.answer(&mut machine), 5);
        }
        host.release(&mut machine);
    }
    let counts = host.storage.counts();
    assert!(counts.page_tables < 10, "{counts:?}");
    assert!(counts.spare_tables > 100 && counts.spare_tables < 2000, "{counts:?}");
}

#[test]
fn a_page_that_became_known_as_written_is_the_machines_own_in_page_tables_that_shared_it() {
    let mut host = Host::new();
    let system = SavedSystem::from_image(&host.storage, "LEARN", CODE, &[look(), &[0; 0x3000]].concat(), CODE).unwrap();
    let mut teacher = host.machine_of(&system);
    // Machines that read DATA while it is shared, and leave: their page tables wait for others.
    for _ in 0..200 {
        let mut machine = host.machine_of(&system);
        machine.context.registers[Registers::RBX] = DATA;
        assert_eq!(host.answer(&mut machine), 0);
        host.release(&mut machine);
    }
    teacher.put_word(DATA, 1);
    for number in 2..300 {
        let mut machine = host.machine_of(&system);
        machine.put_word(DATA, number);
        machine.context.registers[Registers::RBX] = DATA;
        assert_eq!(host.answer(&mut machine), number);
        host.release(&mut machine);
    }
}

#[test]
fn recycled_page_tables_lead_nowhere_old() {
    // Machines with more tables than are handed on: a hundred of them fill the quarantine of 2,048 tables. Three systems in no simple order, so
    // that a table which comes back belongs to another one than before. Much storage, so that KVM does not forget by itself.
    const LARGE: u64 = 64 << 20;
    let mut host = Host::with_frames(200_000);
    let systems = [1000, 2000, 3000].map(|data| system(&host, look(), data));
    for number in 0..400u64 {
        let turn = number * number % 7 % 3;
        let mut space = AddressSpace::new(&host.storage, LARGE).unwrap();
        space.map_saved_system(&systems[turn as usize]).unwrap();
        let mut machine = Machine { space, context: Context::new() };
        machine.start();
        for part in 1..20 {
            machine.put_word((part << 21) + ((number % 5) << 12), number + part);
        }
        let part = 1 + number % 19;
        let (touched, untouched) = ((part << 21) + ((number % 5) << 12), (part << 21) + (((number + 1) % 5) << 12));
        for (address, word) in [(touched, number + part), (untouched, 0), (DATA, 1000 * (turn + 1))] {
            machine.context.registers[Registers::RBX] = address;
            assert_eq!(host.answer(&mut machine), word, "machine {number}, address {address:#x}");
        }
        host.release(&mut machine);
    }
    let counts = host.storage.counts();
    assert!(counts.page_tables < 10, "{counts:?}");
    assert!(counts.quarantined < 2048 + 512, "{counts:?}");
}

#[test]
fn a_page_copied_on_one_processor_is_seen_on_the_other() {
    let mut host = Host::new();
    let system = system(&host, store(), 1000);
    for round in 1..10u64 {
        let mut machine = host.machine_of(&system);
        machine.space.write(0x9000, look()).unwrap();
        let look_at_data = |machine: &mut Machine| {
            machine.context.registers.rip = 0x9000;
            machine.context.registers[Registers::RBX] = DATA;
        };
        look_at_data(&mut machine);
        assert_eq!(host.answer(&mut machine), 1000);
        host.release(&mut machine);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut other = host.partition.processor(1).expect("a second processor");
                machine.start();
                machine.context.registers[Registers::RBX] = DATA;
                machine.context.registers[Registers::RCX] = round;
                assert_eq!(run(&mut *other, &mut machine), Exit::Diagnose);
                other.release(&mut machine.context);
            });
        });
        look_at_data(&mut machine);
        assert_eq!(host.answer(&mut machine), round, "the processor kept the shared page");
        host.release(&mut machine);
    }
}

#[test]
fn exhausted_storage_is_an_error_and_heals_when_frames_come_back() {
    let mut host = Host::with_frames(100);
    let mut one = host.machine(fill());
    one.context.registers[Registers::RBX] = 1;
    assert_eq!(host.answer(&mut one), 0);
    host.release(&mut one);
    let mut two = host.machine(fill());
    two.context.registers[Registers::RBX] = 2;
    let Exit::PageFault { address, write: true } = host.run(&mut two) else { panic!("storage must run out") };
    assert_eq!(two.space.fault(address, true), Err(AccessError::NoFrames(address)));
    drop(one);
    assert_eq!(host.answer(&mut two), 0, "the frames of the machine that is gone serve");
}

#[test]
fn a_machine_executes_and_touches_nothing_outside_its_storage() {
    let mut host = Host::new();
    let mut machine = host.machine(look());
    for address in [SIZE, SIZE + 0x1000, 1 << 38, 0x7fff_ffff_f000, 0xffff_ff80_0000_6000, !7] {
        machine.start();
        machine.context.registers[Registers::RBX] = address;
        let exit = host.run(&mut machine);
        assert_eq!(exit, Exit::Program { code: abi::program::ADDRESSING, vector: 14, address }, "load from {address:#x}");
        machine.context.registers.rip = address;
        let exit = host.run(&mut machine);
        assert_eq!(exit, Exit::Program { code: abi::program::ADDRESSING, vector: 14, address }, "jump to {address:#x}");
    }
}

#[test]
fn storage_sizes_are_checked() {
    let host = Host::new();
    for size in [0, 1, 4095, 4097, (1 << 39) + 4096, u64::MAX] {
        assert!(matches!(AddressSpace::new(&host.storage, size), Err(StorageError::Size(bad)) if bad == size));
    }
    // The largest machine costs no more than the smallest until it is touched.
    let mut large = AddressSpace::new(&host.storage, 1 << 39).unwrap();
    large.write((1 << 39) - 8, &[1; 8]).unwrap();
    assert!(large.resident_pages() <= 4);
    let _ = Machine::new(&host.storage, &[]);
}
