//! Debug registers as the guest sees them, and breakpoints and watchpoints of a debugger outside.

use soft_processor::{Exit, NotMapped, State, Watch, WatchKind};

use super::machine::{CODE, Machine, STACK, TABLES, code};

code!(
    note_debug,
    r#"
    pushq %rax
    movq %dr6, %rax
    outl %eax, $0xe9
    movq 8(%rsp), %rax              # where it is
    outl %eax, $0xe9
    movl $0xffff0ff0, %eax
    movq %rax, %dr6
    orl $0x10000, 24(%rsp)          # RF: not again at this instruction
    popq %rax
    iretq
    "#
);

/// A machine whose debug registers are DR0 and DR7 as given and whose debug exceptions are noted: DR6 and the instruction address.
fn watched(code: &[u8], address: u64, control: u64) -> Machine {
    let mut machine = Machine::long(code);
    machine.gate(1, &note_debug(), 0, 0);
    let mut state = machine.cpu.state();
    (state.debug[0], state.debug[7]) = (address, control | 0x400);
    state.general[7] = 0x71000;
    machine.cpu.set_state(&state);
    machine
}

#[test]
fn an_instruction_breakpoint_comes_before_its_instruction_and_once_with_rf() {
    // inc eax; inc eax; inc eax; loop; hlt
    let code = [0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0, 0xe2, 0xf8, 0xf4];
    let mut machine = watched(&code, CODE + 2, 1);
    let mut state = machine.cpu.state();
    (state.general[0], state.general[1]) = (0, 3);
    machine.cpu.set_state(&state);
    assert_eq!(machine.run(), Exit::Halt);
    let at = CODE as u32 + 2;
    assert_eq!(machine.bus.notes, [0xffff_0ff1, at, 0xffff_0ff1, at, 0xffff_0ff1, at]);
    let state = machine.cpu.state();
    assert_eq!((state.general[0], state.rflags & 0x10000), (9, 0), "nothing is executed twice, and RF is gone");
}

#[test]
fn a_data_breakpoint_comes_after_the_instruction_that_stored() {
    // mov eax, [rdi+4]; mov [rdi+8], eax; mov [rdi+7], al; mov [rdi+6], ax; nop; hlt
    let code = [0x8b, 0x47, 0x04, 0x89, 0x47, 0x08, 0x88, 0x47, 0x07, 0x66, 0x89, 0x47, 0x06, 0x90, 0xf4];
    // Stores into 4 bytes from 71004 on.
    let mut machine = watched(&code, 0x71004, 1 | 0xd << 16);
    assert_eq!(machine.run(), Exit::Halt);
    assert_eq!(machine.bus.notes, [0xffff_0ff1, CODE as u32 + 9, 0xffff_0ff1, CODE as u32 + 13]);
    // Loads, too.
    let mut machine = watched(&code, 0x71004, 1 | 0xf << 16);
    assert_eq!(machine.run(), Exit::Halt);
    assert_eq!(machine.bus.notes.len(), 6);
    assert_eq!(machine.bus.notes[1], CODE as u32 + 3);
}

#[test]
fn a_repeated_store_is_stopped_after_the_iteration_that_met_the_breakpoint() {
    // rep stosb; hlt
    let mut machine = watched(&[0xf3, 0xaa, 0xf4], 0x71010, 1 | 1 << 16);
    let mut state = machine.cpu.state();
    (state.general[1], state.general[0]) = (0x20, 0x55);
    machine.cpu.set_state(&state);
    machine.gate(1, &[0x89, 0xc8, 0x91, 0xe7, 0xe9, 0x91, 0x0f, 0x23, 0xf8, 0x48, 0xcf], 0, 0);
    // The handler: mov eax, ecx; xchg; out; xchg; mov dr7, rax (which is not 0 here, but breaks nothing); iretq
    assert_eq!(machine.run(), Exit::Halt);
    assert_eq!(machine.bus.notes[0], 0xf, "fifteen iterations are left");
    assert_eq!(machine.cpu.state().general[7], 0x71020);
}

#[test]
fn access_to_debug_registers_is_detected_and_port_breakpoints_need_de() {
    // mov rax, dr7 with general detection; the handler sees it cleared and goes on.
    let mut machine = watched(&[0x0f, 0x21, 0xf8, 0xf4], 0, 1 << 13);
    assert_eq!(machine.run(), Exit::Halt);
    assert_eq!(machine.bus.notes, [0xffff_2ff0, CODE as u32]);
    assert_eq!(machine.cpu.state().general[0] & 1 << 13, 0);
    // out 80, al; hlt
    for (extensions, notes) in [(0, 0), (8, 2)] {
        let mut machine = watched(&[0xe6, 0x80, 0xf4], 0x80, 1 | 2 << 16);
        let mut state = machine.cpu.state();
        state.cr4 |= extensions;
        machine.cpu.set_state(&state);
        assert_eq!(machine.run(), Exit::Halt);
        assert_eq!(machine.bus.notes.len(), notes);
    }
}

#[test]
fn int1_is_a_debug_exception() {
    let mut machine = watched(&[0xf1, 0xf4], 0, 0);
    assert_eq!(machine.run(), Exit::Halt);
    assert_eq!(machine.bus.notes, [0xffff_0ff0, CODE as u32 + 1]);
}

#[test]
fn a_watchpoint_from_outside_ends_the_run_after_the_access() {
    // push rax; mov [rdi], eax; add [rdi+4], eax; jmp back
    let code = [0x50, 0x89, 0x07, 0x01, 0x47, 0x04, 0xeb, 0xf8];
    let mut machine = watched(&code, 0, 0);
    assert_eq!(machine.cpu.run(&machine.memory, &mut machine.bus, 20), Exit::Budget, "translations are there");
    let start = machine.cpu.now();
    machine.cpu.set_watchpoints(&[Watch { address: 0x71004, length: 2, kind: WatchKind::Read }]);
    assert_eq!(machine.run(), Exit::Watchpoint { address: 0x71004, write: false });
    assert_eq!((machine.cpu.state().rip, machine.cpu.now()), (CODE + 6, start + 3));
    machine.cpu.set_watchpoints(&[Watch { address: 0x71003, length: 1, kind: WatchKind::Write }]);
    assert_eq!(machine.run(), Exit::Watchpoint { address: 0x71003, write: true });
    assert_eq!(machine.cpu.state().rip, CODE + 3);
    let top = machine.cpu.state().general[4] - 8;
    machine.cpu.set_watchpoints(&[Watch { address: top, length: 8, kind: WatchKind::Access }]);
    assert_eq!(machine.run(), Exit::Watchpoint { address: top, write: true });
    assert_eq!(machine.cpu.state().rip, CODE + 1);
    machine.cpu.set_watchpoints(&[]);
    assert_eq!(machine.cpu.run(&machine.memory, &mut machine.bus, 20), Exit::Budget);
}

#[test]
fn breakpoints_within_straight_code_stop_there_and_cost_nothing_elsewhere() {
    // Ten NOPs and a jump back.
    let mut code = vec![0x90; 10];
    code.extend([0xeb, 0xf4]);
    let mut machine = Machine::long(&code);
    machine.cpu.set_breakpoints(&[CODE + 7, CODE + 3]);
    for (at, now) in [(3, 3), (7, 7), (3, 14), (7, 18)] {
        assert_eq!(machine.run(), Exit::Breakpoint);
        assert_eq!((machine.cpu.state().rip, machine.cpu.now()), (CODE + at, now));
    }
}

#[test]
fn steps_are_single_instructions_and_a_step_into_an_interrupt_is_one() {
    // sti; nop; nop; hlt
    let mut machine = Machine::long(&[0xfb, 0x90, 0x90, 0xf4]);
    machine.gate(0x20, &[0x48, 0xcf], 0, 0);
    machine.bus.interrupts = vec![(2, 0x20)];
    let mut seen = Vec::new();
    for _ in 0..5 {
        assert_eq!(machine.cpu.run(&machine.memory, &mut machine.bus, 1), Exit::Budget);
        seen.push(machine.cpu.state().rip);
    }
    let handler = super::machine::HANDLERS + 256 * 0x20;
    assert_eq!(seen, [CODE + 1, CODE + 2, handler, CODE + 2, CODE + 3]);
}

#[test]
fn a_debugger_reads_and_writes_virtual_storage_and_leaves_no_trace() {
    let machine = Machine::long(&[0xf4]);
    machine.put_u64(TABLES + 0x3000 + 0x72 * 8, 0x73000 | 1);
    machine.put_u64(TABLES + 0x3000 + 0x74 * 8, 0);
    machine.put(0x73ffe, b"ab");
    machine.put(0x73000, b"cd");
    assert_eq!(machine.cpu.translate(&machine.memory, 0x72ffe), Some(0x73ffe));
    let mut bytes = [0; 4];
    assert_eq!(machine.cpu.read_virtual(&machine.memory, 0x72ffe, &mut bytes), Ok(()));
    assert_eq!(&bytes, b"abcd", "72FFE and 73000 are both in frame 73000");
    assert_eq!(machine.cpu.write_virtual(&machine.memory, 0x72001, b"xyz"), Ok(()), "whatever the rights");
    machine.memory.read(0x73000, &mut bytes).unwrap();
    assert_eq!(&bytes, b"cxyz");
    assert_eq!(machine.cpu.read_virtual(&machine.memory, 0x73ffe, &mut bytes), Err(NotMapped(0x74000)));
    assert_eq!(machine.cpu.read_virtual(&machine.memory, 1 << 47, &mut bytes), Err(NotMapped(1 << 47)));
    assert_eq!(machine.get_u64(TABLES + 0x3000 + 0x72 * 8) & 0x60, 0, "neither accessed nor dirty");
    assert_eq!((machine.cpu.code_width(), machine.cpu.privilege_level()), (64, 0));
    assert_eq!(machine.cpu.linear(State::SS, STACK), STACK);
}

#[test]
fn translations_stay_from_run_to_run_until_they_are_forgotten() {
    // mov eax, [71000]; out f4; mov cr3, rcx; jmp back
    let code = [0x8b, 0x04, 0x25, 0, 0x10, 7, 0, 0xe7, 0xf4, 0x0f, 0x22, 0xd9, 0xeb, 0xf2];
    let mut machine = Machine::long(&code);
    let mut state = machine.cpu.state();
    state.general[1] = TABLES;
    machine.cpu.set_state(&state);
    machine.put(0x71000, &[1]);
    machine.put(0x72000, &[2]);
    assert_eq!(machine.answer(), 1);
    // Before the new root is loaded the processor may use the old entry, and this one does.
    machine.put_u64(TABLES + 0x3000 + 0x71 * 8, 0x72003);
    let mut old = machine.cpu.state();
    assert_eq!(machine.answer(), 2);
    // Setting registers from outside forgets them, too; a thousand times is more than there are generations.
    old.rip = CODE;
    for turn in 0..1500_u64 {
        machine.put_u64(TABLES + 0x3000 + 0x71 * 8, 0x71003 + (turn & 1) * 0x1000);
        machine.cpu.set_state(&old);
        assert_eq!(u64::from(machine.answer()), (turn & 1) + 1, "turn {turn}");
    }
}

#[test]
fn code_that_one_processor_decodes_is_looked_at_when_another_one_stores() {
    // The first stores into 72000 over and over; the second executes what is there.
    let machine = Machine::long(&[0x88, 0x04, 0x25, 1, 0x20, 7, 0, 0xfe, 0xc0, 0xeb, 0xf5]);
    machine.put(0x72000, &[0xb0, 0, 0xe6, 0xe9, 0xeb, 0xfa]);
    let mut bus = machine.bus;
    let mut cpus = [machine.cpu, soft_processor::Cpu::new(1)];
    let mut state = cpus[0].state();
    state.general[0] = 1;
    cpus[0].set_state(&state);
    state.rip = 0x72000;
    cpus[1].set_state(&state);
    for _ in 0..5 {
        for cpu in &mut cpus {
            assert_eq!(cpu.run(&machine.memory, &mut bus, 3), Exit::Budget);
        }
    }
    assert_eq!(bus.notes.iter().map(|note| note & 0xff).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn a_handler_that_breaks_on_itself_does_not_hold_the_run() {
    let handler = super::machine::HANDLERS + 256;
    for control in [1, 1 | 1 << 16] {
        // The first breaks on its first instruction, the second on the stack that its interruption stores into.
        let address = if control == 1 { handler } else { super::machine::STACK_IST - 8 };
        let mut machine = watched(&[0xf1, 0xf4], address, control);
        machine.gate(1, &[0xeb, 0xfe], 0, 1);
        assert!(matches!(machine.run(), Exit::Budget | Exit::Shutdown), "{control:x}");
    }
}

#[test]
fn loading_ss_holds_debug_traps_for_an_instruction() {
    // pushfq; or dword [rsp], 100h; popfq; mov ss, eax; nop; nop; hlt
    let mut machine = watched(&[0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x8e, 0xd0, 0x90, 0x90, 0xf4], 0, 0);
    let mut state = machine.cpu.state();
    state.general[0] = super::machine::DATA.into();
    machine.cpu.set_state(&state);
    machine.cpu.run(&machine.memory, &mut machine.bus, 40);
    // The first trap is after the NOP, not after the load.
    assert_eq!(machine.bus.notes[..2], [0xffff_4ff0, CODE as u32 + 12]);
    // What the load itself met is said then, too: mov ss, [rdi]; nop; hlt
    let mut machine = watched(&[0x8e, 0x17, 0x90, 0xf4], 0x71000, 1 | 7 << 16);
    machine.put(0x71000, &super::machine::DATA.to_le_bytes());
    assert_eq!(machine.run(), Exit::Halt);
    assert_eq!(machine.bus.notes, [0xffff_0ff1, CODE as u32 + 3]);
}

#[test]
fn a_single_step_over_hlt_goes_on() {
    // pushfq; or dword [rsp], 100h; popfq; hlt; nop; hlt
    let mut machine = watched(&[0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0xf4, 0x90, 0xf4], 0, 0);
    machine.cpu.run(&machine.memory, &mut machine.bus, 40);
    assert_eq!(machine.bus.notes[..4], [0xffff_4ff0, CODE as u32 + 10, 0xffff_4ff0, CODE as u32 + 11]);
}
