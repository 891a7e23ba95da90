//! Privilege levels: gates, stacks, IRET, SYSCALL, ports, and exceptions within exceptions.

use soft_processor::{Exit, State};

use super::machine::{CODE_64, DATA, HANDLERS, Machine, STACK_0, STACK_IST, USER, USER_32, USER_64, USER_DATA, code};

code!(
    to_user,
    r#"
    pushq $(32 + 3)                 # SS
    pushq $0x7f000                  # RSP
    pushq $0x202
    pushq $(40 + 3)                 # CS
    pushq $0x70000
    iretq
    "#
);
code!(
    user,
    r#"
    movl $0x1111, %eax
    int $0x80
    movl $0x2222, %eax
    pushfq                          # INT came back here with interrupts as they were
    popq %rbx
    int $0x80
    "#
);
code!(
    call_from_user,
    r#"
    outl %eax, $0xe9
    movl %esp, %eax
    outl %eax, $0xe9
    movl 8(%rsp), %eax              # CS of the user
    outl %eax, $0xe9
    cmpl $0x200, %ebx
    jae 1f
    iretq
1:  movl %ebx, %eax
    outl %eax, $0xf4
    "#
);

#[test]
fn a_user_calls_through_a_gate_and_the_stack_is_switched() {
    let mut machine = Machine::long(&to_user());
    machine.put(USER, &user());
    machine.gate(0x80, &call_from_user(), 3, 0);
    let flags = machine.answer();
    let top = STACK_0 as u32 - 40;
    assert_eq!(machine.bus.notes, [0x1111, top, u32::from(USER_64), 0x2222, top, u32::from(USER_64)]);
    assert_eq!(flags & 0x3202, 0x202);
    assert_eq!(machine.cpu.state().segments[State::SS].selector, 0, "SS is null with the level");
}

/// Runs code at level 3 and answers vector and error code of what it raises.
fn raised(code: &[u8], change: impl Fn(&mut State)) -> (u8, Option<u32>) {
    let mut machine = Machine::long(&[]);
    machine.put(USER, code);
    machine.cpu.intercept_exceptions(true);
    let mut state = machine.cpu.state();
    state.rip = USER;
    state.general[4] = USER + 0x8000;
    state.segments[State::CS].attributes |= 0x60;
    state.segments[State::SS].attributes |= 0x60;
    state.segments[State::CS].selector = USER_64;
    state.segments[State::SS].selector = USER_DATA;
    change(&mut state);
    machine.cpu.set_state(&state);
    let Exit::Exception(exception) = machine.run() else { panic!("an exception") };
    assert_eq!(machine.cpu.state().rip, USER, "{code:02x?} has no effect");
    (exception.vector, exception.error)
}

#[test]
fn level_3_may_not_do_what_is_not_its_own() {
    let protection = (13, Some(0));
    let plain = |_: &mut State| {};
    for (code, what) in [
        (&[0xf4][..], "hlt"),
        (&[0xfa], "cli"),
        (&[0xfb], "sti"),
        (&[0x0f, 0x20, 0xc0], "mov rax, cr0"),
        (&[0x0f, 0x22, 0xd8], "mov cr3, rax"),
        (&[0x0f, 0x21, 0xc0], "mov rax, dr0"),
        (&[0x0f, 0x32], "rdmsr"),
        (&[0x0f, 0x30], "wrmsr"),
        (&[0x0f, 0x01, 0x17], "lgdt"),
        (&[0x0f, 0x01, 0x38], "invlpg"),
        (&[0x0f, 0x01, 0xf8], "swapgs"),
        (&[0x0f, 0x06], "clts"),
        (&[0x0f, 0x09], "wbinvd"),
        (&[0x0f, 0x00, 0xd8], "ltr ax"),
        (&[0x48, 0x0f, 0x07], "sysretq"),
        (&[0xe4, 0x60], "in al, 60"),
        (&[0xe6, 0x60], "out 60, al"),
        (&[0x6e], "outsb"),
    ] {
        assert_eq!(raised(code, plain), protection, "{what}");
    }
    assert_eq!(raised(&[0x0f, 0x0b], plain), (6, None), "ud2");
    assert_eq!(raised(&[0x0f, 0x77], plain), (6, None), "emms is not offered");
    assert_eq!(raised(&[0x0f, 0x58, 0xc0], |state| state.cr0 |= 8), (7, None), "addps after a task switch");
    assert_eq!(raised(&[0xd8, 0xc0], |state| state.cr0 |= 8), (7, None), "fadd after a task switch");
    assert_eq!(raised(&[0x0f, 0x58, 0xc0], |state| state.cr4 &= !(1 << 9)), (6, None), "addps without OSFXSR");
    assert_eq!(raised(&[0x8e, 0xd8], |state| state.general[0] = DATA.into()), (13, Some(DATA.into())), "level 0 data in DS");
    assert_eq!(raised(&[0x8e, 0xd8], |state| state.general[0] = 0x1000), (13, Some(0x1000)), "a selector beyond the table");
    assert_eq!(raised(&[0x8b, 0x00], |state| state.general[0] = 1 << 63), (13, Some(0)), "a non-canonical address");
    assert_eq!(raised(&[0x58], |state| state.general[4] = 1 << 63), (12, Some(0)), "a non-canonical stack");
    assert_eq!(raised(&[0x0f, 0x31], |state| state.cr4 |= 4), (13, Some(0)), "rdtsc with TSD");
}

code!(
    ports,
    r#"
    inl $0x40, %eax
    outl %eax, $0xf4
    "#
);

#[test]
fn the_permission_map_of_the_task_opens_ports() {
    let mut machine = Machine::long(&[]);
    machine.put(USER, &ports());
    // The map begins at 68 and has all ports closed but 40 to 43 and F4 to F7.
    let task = machine.cpu.state().tr.base;
    machine.put(task + 0x66, &[0x68, 0]);
    machine.put(task + 0x68, &[0xff; 32]);
    machine.put(task + 0x68 + 8, &[0xf0]);
    machine.put(task + 0x68 + 30, &[0x0f]);
    let mut state = machine.cpu.state();
    state.rip = USER;
    state.segments[State::CS].attributes |= 0x60;
    state.segments[State::SS].attributes |= 0x60;
    state.tr.limit = 0x67 + 33;
    machine.cpu.set_state(&state);
    assert_eq!(machine.answer(), 0x40_0004);
}

code!(
    syscalls,
    r#"
    movl $0xc0000081, %ecx
    xorl %eax, %eax
    movl $0x00180008, %edx          # STAR: return to 24 (32-bit), 32, 40; enter at 8
    wrmsr
    movl $0xc0000082, %ecx
    leaq 2f(%rip), %rax
    xorl %edx, %edx
    wrmsr
    movl $0xc0000084, %ecx
    movl $0x600, %eax               # interrupts and direction off
    wrmsr
    movl $0x70000, %ecx
    movl $0x602, %r11d
    sysretq
2:  pushfq
    popq %rax
    outl %eax, $0xe9
    movl %r11d, %eax
    outl %eax, $0xe9
    movl %ecx, %eax
    outl %eax, $0xe9
    movl %cs, %eax
    outl %eax, $0xe9
    movl %ss, %eax
    outl %eax, $0xf4
    "#
);

#[test]
fn syscall_and_sysret() {
    let mut machine = Machine::long(&syscalls());
    machine.put(USER, &[0x0f, 0x05]);
    assert_eq!(machine.answer(), u32::from(DATA));
    let notes = &machine.bus.notes;
    assert_eq!((notes[0] & 0x600, notes[1] & 0x600, notes[2], notes[3]), (0, 0x600, USER as u32 + 2, u32::from(CODE_64)));
}

code!(
    swap,
    r#"
    movl $0xc0000102, %ecx
    movl $0x71000, %eax
    xorl %edx, %edx
    wrmsr
    swapgs
    movl %gs:0x10, %eax
    outl %eax, $0xe9
    rdmsr
    outl %eax, $0xf4
    "#
);

#[test]
fn swapgs_exchanges_the_base() {
    let mut machine = Machine::long(&swap());
    machine.put(0x71010, &0x4242_u32.to_le_bytes());
    assert_eq!(machine.answer(), 0);
    assert_eq!(machine.bus.notes, [0x4242]);
}

code!(
    report,
    r#"
    popq %rax                       # error code
    outl %eax, $0xe9
    movl %esp, %eax
    outl %eax, $0xf4
    "#
);

#[test]
fn an_exception_within_an_exception_is_a_double_fault_on_its_own_stack() {
    // A division by zero, whose gate leads nowhere.
    let mut machine = Machine::long(&[0x31, 0xc9, 0xf7, 0xf1]);
    machine.gate(8, &report(), 0, 1);
    let stack = machine.answer();
    assert_eq!(machine.bus.notes, [0]);
    assert_eq!(u64::from(stack), STACK_IST - 40);
}

#[test]
fn a_triple_fault_shuts_down_with_the_state_of_its_cause() {
    let mut machine = Machine::long(&[0xb8, 7, 0, 0, 0, 0x0f, 0x0b]);
    assert_eq!(machine.run(), Exit::Shutdown);
    let state = machine.cpu.state();
    assert_eq!((state.rip, state.general[0]), (super::machine::CODE + 5, 7));
}

#[test]
fn a_page_fault_whose_stack_is_not_there_is_a_double_fault() {
    let mut machine = Machine::long(&[0x8b, 0x04, 0x25, 0, 0, 0xf0, 0]);
    machine.gate(14, &[0xf4], 0, 0);
    machine.gate(8, &report(), 0, 1);
    let mut state = machine.cpu.state();
    state.general[4] = 0xf0_0000;
    machine.cpu.set_state(&state);
    assert_eq!(u64::from(machine.answer()), STACK_IST - 40);
    assert_eq!(machine.cpu.state().cr2, 0xf0_0000 - 8, "the second fault is in CR2");
}

code!(
    to_user_32,
    r#"
    .code32
    pushl $(32 + 3)
    pushl $0x7f000
    pushl $0x202
    pushl $(24 + 3)
    pushl $0x70000
    iretl
    .code64
    "#
);
code!(
    from_user_32,
    r#"
    .code32
    outl %eax, $0xe9
    movl %esp, %eax
    outl %eax, $0xe9
    movl 4(%esp), %eax
    outl %eax, $0xe9
    movl 16(%esp), %eax
    outl %eax, $0xf4
    .code64
    "#
);

#[test]
fn protected_mode_switches_stacks_by_the_task_state() {
    let mut machine = Machine::protected(&to_user_32());
    machine.put(USER, &[0xb8, 5, 0, 0, 0, 0xcd, 0x40]);
    machine.gate(0x40, &from_user_32(), 3, 0);
    assert_eq!(machine.answer(), u32::from(USER_DATA));
    assert_eq!(machine.bus.notes, [5, STACK_0 as u32 - 20, u32::from(USER_32)]);
    assert_eq!(machine.cpu.state().rip, HANDLERS + 256 * 0x40 + from_user_32().len() as u64);
}

#[test]
fn a_gate_of_level_0_is_closed_to_level_3() {
    let mut machine = Machine::protected(&to_user_32());
    machine.put(USER, &[0xcd, 0x40]);
    machine.gate(0x40, &from_user_32(), 0, 0);
    // popl: the error code; then the answer.
    machine.gate(13, &[0x58, 0xe7, 0xf4], 0, 0);
    assert_eq!(machine.answer(), 0x40 * 8 + 2);
}
