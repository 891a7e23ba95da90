//! The clock that is the count of instructions: interrupts at their time, halting, repeating exactly.

use soft_processor::{Exit, State};

use super::machine::{Machine, code};

code!(
    halting,
    r#"
    sti
1:  hlt
    jmp 1b
    "#
);
code!(
    tick,
    r#"
    rdtsc
    outl %eax, $0xe9
    iretq
    "#
);

#[test]
fn a_halted_processor_skips_to_the_next_event() {
    let mut machine = Machine::long(&halting());
    machine.gate(0x20, &tick(), 0, 0);
    machine.bus.interrupts = vec![(1000, 0x20), (5000, 0x20), (90_000, 0x20)];
    assert_eq!(machine.run(), Exit::Halt);
    assert!(machine.cpu.interrupts_enabled());
    let notes = &machine.bus.notes;
    assert_eq!(notes.len(), 3);
    for (note, due) in notes.iter().zip([1000, 5000, 90_000]) {
        assert!((due..due + 5).contains(note), "{note} for {due}");
    }
}

#[test]
fn an_interrupt_comes_at_its_instruction_and_not_within_the_shadow_of_sti() {
    // nops; then sti; nop; cli; and a note of the count at the interrupt.
    let mut code = vec![0x90; 10];
    code.extend([0xfb, 0x90, 0xfa, 0xf4]);
    let mut machine = Machine::long(&code);
    machine.gate(0x20, &tick(), 0, 0);
    machine.bus.interrupts = vec![(3, 0x20)];
    machine.run();
    // STI is the eleventh; the NOP after it is executed first; the interruption itself takes one.
    assert_eq!(machine.bus.notes, [13]);
}

#[test]
fn a_loop_is_interrupted_at_the_given_count() {
    let mut machine = Machine::long(&[0xfb, 0xeb, 0xfe]);
    machine.gate(0x21, &tick(), 0, 0);
    machine.bus.interrupts = vec![(777, 0x21), (778, 0x21)];
    assert_eq!(machine.run(), Exit::Budget);
    assert_eq!(machine.bus.notes, [778, 782]);
    assert_eq!(machine.cpu.now(), 1_000_000);
}

#[test]
fn an_nmi_comes_with_interrupts_disabled() {
    let mut machine = Machine::long(&[0xeb, 0xfe]);
    machine.gate(2, &[0xb0, 7, 0xe6, 0xf4], 0, 0);
    machine.bus.nmi_at = Some(50);
    assert_eq!(machine.answer(), 7);
}

#[test]
fn a_repeated_move_is_interrupted_between_two_iterations() {
    // sti; cld; rep movsb of 100,000 bytes; hlt
    let mut machine = Machine::long(&[0xfb, 0xfc, 0xf3, 0xa4, 0xf4]);
    machine.gate(0x20, &tick(), 0, 0);
    machine.bus.interrupts = vec![(500, 0x20)];
    let mut state = machine.cpu.state();
    (state.general[1], state.general[6], state.general[7]) = (100_000, 0x30000, 0x48000);
    machine.cpu.set_state(&state);
    machine.run();
    assert_eq!(machine.bus.notes, [501]);
    let state = machine.cpu.state();
    assert_eq!((state.general[1], state.general[6], state.general[7]), (0, 0x30000 + 100_000, 0x48000 + 100_000));
    // STI, CLD, 100,000 iterations, HLT, the interruption and the three instructions of its handler.
    assert_eq!(machine.cpu.now(), 100_007, "{:?}", machine.bus.notes);
}

#[test]
fn an_overlapping_move_repeats_its_pattern() {
    let mut machine = Machine::long(&[0xf3, 0xa4, 0xf4]);
    machine.put(0x30000, b"abc");
    let mut state = machine.cpu.state();
    (state.general[1], state.general[6], state.general[7]) = (6000, 0x30000, 0x30003);
    machine.cpu.set_state(&state);
    machine.run();
    let mut bytes = vec![0; 6003];
    machine.memory.read(0x30000, &mut bytes).unwrap();
    assert!(bytes.chunks(3).all(|part| part == b"abc"));
}

#[test]
fn a_single_step_is_trapped_after_the_instruction() {
    // pushf; or dword [rsp], 100h; popf; nop; nop
    let mut machine = Machine::long(&[0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90, 0x90, 0xf4]);
    // pop rax; out e9; push rax; and dword [rsp+16], ~100h; iretq
    machine.gate(1, &[0x58, 0xe7, 0xe9, 0x50, 0x81, 0x64, 0x24, 0x10, 0xff, 0xfe, 0xff, 0xff, 0x48, 0xcf], 0, 0);
    machine.run();
    assert_eq!(machine.bus.notes, [super::machine::CODE as u32 + 10]);
}

#[test]
fn breakpoints_and_budgets_stop_at_the_instruction() {
    let mut machine = Machine::long(&[0x90, 0x90, 0x90, 0x90, 0xeb, 0xfa]);
    let start = machine.cpu.state().rip;
    assert_eq!(machine.cpu.run(&machine.memory, &mut machine.bus, 3), Exit::Budget);
    assert_eq!((machine.cpu.state().rip, machine.cpu.now()), (start + 3, 3));
    machine.cpu.set_breakpoints(&[start + 2]);
    assert_eq!(machine.run(), Exit::Breakpoint);
    assert_eq!((machine.cpu.state().rip, machine.cpu.now()), (start + 2, 7));
    assert_eq!(machine.run(), Exit::Breakpoint, "the one it is at does not stop it");
    assert_eq!(machine.cpu.now(), 12);
}

code!(
    busy,
    r#"
    sti
    movl $0x71000, %edi
    movl $0xfee00000, %esi
1:  imull $1103515245, %ebx, %ebx
    addl $12345, %ebx
    movl %ebx, %eax
    andl $0xffc, %eax
    addl %ebx, (%rdi, %rax)
    testl $0x10000, %ebx
    jz 1b
    movb %bl, 2f+1(%rip)
2:  movb $0, %cl
    addl %ecx, (%rsi)
    jmp 1b
    "#
);

code!(
    beat,
    r#"
    pushq %rax
    pushq %rdx
    rdtsc
    outl %eax, $0xe9
    popq %rdx
    popq %rax
    iretq
    "#
);

/// State and storage after running in pieces of a given length.
fn after(pieces: &[u64]) -> (State, u64, Vec<u8>, Vec<u32>) {
    let mut machine = Machine::long(&busy());
    machine.gate(0x20, &beat(), 0, 0);
    machine.bus.interrupts = (1..200).map(|n| (n * 997, 0x20)).collect();
    for &piece in pieces {
        assert_eq!(machine.cpu.run(&machine.memory, &mut machine.bus, piece), Exit::Budget);
    }
    let mut storage = vec![0; 1 << 20];
    machine.memory.read(0, &mut storage).unwrap();
    (machine.cpu.state(), machine.cpu.now(), storage, machine.bus.notes)
}

#[test]
fn a_run_repeats_exactly_however_it_is_cut() {
    let whole = after(&[300_000]);
    assert!(whole.3.len() == 199);
    assert!(whole == after(&[300_000]), "the same again");
    assert!(whole == after(&[100_000; 3]), "in three");
    assert!(whole == after(&[7, 1, 92, 299_900]), "unevenly");
    let ones = vec![1; 3000];
    assert!(after(&[3000]) == after(&ones), "one by one");
}

#[test]
fn a_run_has_as_many_instructions_as_it_is_given_with_repetitions_among_them() {
    // MOV ECX,100; MOV EDI,70000; REP STOSB; 8 NOP; and again.
    let code = [0xb9, 100, 0, 0, 0, 0xbf, 0, 0, 7, 0, 0xf3, 0xaa, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xea];
    for instructions in 1..250 {
        let Machine { mut cpu, memory, mut bus } = Machine::long(&code);
        assert_eq!(cpu.run(&memory, &mut bus, instructions), Exit::Budget);
        assert_eq!(cpu.now(), instructions);
    }
}

#[test]
fn processors_wait_for_start_up_and_init_makes_them_wait_again() {
    let mut machine = Machine::new();
    machine.cpu = soft_processor::Cpu::new(1);
    assert_eq!(machine.run(), Exit::Halt);
    machine.put(0x7000, &[0x8c, 0xc8, 0xe7, 0xf4]);
    machine.cpu.start_up(7);
    assert_eq!(machine.answer(), 0x700);
    machine.cpu.start_up(9);
    assert_ne!(machine.cpu.state().segments[State::CS].selector, 0x900, "only one that waits is started");
    machine.cpu.init();
    assert_eq!(machine.run(), Exit::Halt);
}

#[test]
fn processors_in_turns_see_what_the_others_make_of_code() {
    // Both run the same loop, which notes the immediate that the first of them counts up.
    let first = [0xfe, 0x05, 0x11, 0, 0, 0, 0xe2, 0xf8, 0xf4];
    let machine = Machine::long(&first);
    machine.put(super::machine::CODE + 0x16, &[0xb0, 0, 0xe6, 0xe9, 0xeb, 0xfa]);
    let mut bus = machine.bus;
    let mut cpus = [machine.cpu, soft_processor::Cpu::new(1)];
    let mut state = cpus[0].state();
    state.general[1] = 1000;
    cpus[0].set_state(&state);
    state.rip += 0x16;
    cpus[1].set_state(&state);
    for _ in 0..4 {
        for (cpu, instructions) in cpus.iter_mut().zip([2, 3]) {
            assert_eq!(cpu.run(&machine.memory, &mut bus, instructions), Exit::Budget);
        }
    }
    assert_eq!(bus.notes.iter().map(|note| note & 0xff).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

code!(
    counted,
    r#"
    sti
    movl $20, %ebp
1:  hlt                             # a tick
    movl $0x71000, %edi
    movl $0x1000, %ecx
    movl %ebp, %eax
    cld
    rep stosb
    movl $500, %ecx
2:  imull $1103515245, %ebx, %ebx
    addl %ecx, %ebx
    adcl %ebx, 0x71000(, %rcx, 4)
    testl $0x1000, %ebx
    jz 3f
    cvtsi2sd %ebx, %xmm0
    addsd %xmm0, %xmm1
3:  loop 2b
    rdtsc
    outl %eax, $0xe9                # a marker
    decl %ebp
    jnz 1b
    cli
    hlt
    "#
);

/// FNV-1a of bytes.
fn checksum(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn counts_to_markers_and_what_comes_out_are_the_same_in_every_build() {
    for piece in [1_000_000, 2000, 777] {
        let mut machine = Machine::long(&counted());
        machine.gate(0x20, &[0x48, 0xcf], 0, 0);
        machine.bus.interrupts = (1..=20).map(|n| (n * 10_000, 0x20)).collect();
        // A halt whose tick is not within the piece is waited out by whoever runs the machine.
        loop {
            match machine.cpu.run(&machine.memory, &mut machine.bus, piece) {
                Exit::Budget => {}
                Exit::Halt if machine.cpu.interrupts_enabled() => {
                    let due = machine.bus.interrupts[0].0;
                    machine.cpu.set_now(due);
                }
                exit => break assert_eq!(exit, Exit::Halt),
            }
        }
        let notes = &machine.bus.notes;
        assert_eq!((notes.len(), notes[0], notes[19], machine.cpu.now()), MARKERS, "{notes:?}");
        let state = machine.cpu.state();
        let mut storage = vec![0; 1 << 20];
        machine.memory.read(0, &mut storage).unwrap();
        let registers = state.general.into_iter().flat_map(u64::to_le_bytes).chain(state.xmm.into_iter().flat_map(u128::to_le_bytes));
        assert_eq!(checksum(registers.chain(storage)), CHECKSUM, "in pieces of {piece}");
    }
}

/// How many markers, the counts at the first and at the last, and at the end.
const MARKERS: (usize, u32, u32, u64) = (20, 17_627, 207_629, 207_635);
const CHECKSUM: u64 = 5_746_506_231_417_276_298;
