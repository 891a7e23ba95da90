//! Call gates and virtual-8086 mode: the parts of protected mode that old systems live in.

use soft_processor::{Exit, State};

use super::machine::{CODE_32, HANDLERS, Machine, STACK_0, USER, USER_32, USER_DATA, code};

const GDT: u64 = 0x1000;
/// Selector of a call gate, in the last place of the table.
const GATE: u16 = 72;

code!(
    enter_user_32,
    r#"
    .code32
    pushl $(32 + 3)
    pushl $0x7f000
    pushl $0x3202                   # IOPL 3: its ports are open
    pushl $(24 + 3)
    pushl $0x70000
    iretl
    .code64
    "#
);
code!(
    call_gate_user,
    r#"
    .code32
    pushl $0x1111                   # two parameters
    pushl $0x2222
    lcall $72, $0xdead              # the offset does not count
    outl %eax, $0xe9
    movl %esp, %eax
    outl %eax, $0xf4
    .code64
    "#
);
code!(
    call_gate_target,
    r#"
    .code32
    movl %esp, %eax
    outl %eax, $0xe9
    movl 4(%esp), %eax              # CS
    outl %eax, $0xe9
    movl 8(%esp), %eax              # the last parameter
    outl %eax, $0xe9
    movl 12(%esp), %eax
    outl %eax, $0xe9
    movl 16(%esp), %eax             # ESP of the caller
    outl %eax, $0xe9
    movl 20(%esp), %eax
    outl %eax, $0xe9
    movl $0x77, %eax
    lret $8
    .code64
    "#
);

/// A call gate of 32 bits to `target` with two parameters.
fn gate(target: u64, level: u64, present: u64) -> u64 {
    target & 0xffff | u64::from(CODE_32) << 16 | (0x0c02 | level << 13 | present << 15) << 32 | target >> 16 << 48
}

#[test]
fn a_call_gate_leads_to_the_inner_stack_with_the_parameters_and_back() {
    let mut machine = Machine::protected(&enter_user_32());
    machine.put(USER, &call_gate_user());
    machine.put(HANDLERS, &call_gate_target());
    machine.put_u64(GDT + u64::from(GATE), gate(HANDLERS, 3, 1));
    let stack = machine.answer();
    let (inner, outer) = (STACK_0 as u32 - 24, 0x7f000 - 8);
    assert_eq!(machine.bus.notes, [inner, u32::from(USER_32), 0x2222, 0x1111, outer, u32::from(USER_DATA), 0x77]);
    assert_eq!(stack, 0x7f000, "RET took the parameters off both stacks");
}

#[test]
fn a_call_gate_that_is_closed_or_absent_is_an_exception_with_its_selector() {
    for (descriptor, vector) in [(gate(HANDLERS, 0, 1), 13), (gate(HANDLERS, 3, 0), 11), (0x0000_8500_0000_0000, 13)] {
        let mut machine = Machine::protected(&enter_user_32());
        machine.put(USER, &call_gate_user());
        machine.put_u64(GDT + u64::from(GATE), descriptor);
        // popl %eax: the error code.
        machine.gate(vector, &[0x58, 0xe7, 0xf4], 0, 0);
        assert_eq!(machine.answer(), u32::from(GATE), "{descriptor:x}");
    }
}

#[test]
fn a_jump_through_a_gate_stays_at_its_level() {
    // ljmp $72, $0 from level 0.
    let mut machine = Machine::protected(&[0xea, 0, 0, 0, 0, 72, 0]);
    machine.put(HANDLERS, &[0x89, 0xe0, 0xe7, 0xf4]);
    machine.put_u64(GDT + u64::from(GATE), gate(HANDLERS, 0, 1));
    assert_eq!(u64::from(machine.answer()), super::machine::STACK);
    assert_eq!(machine.cpu.state().segments[State::CS].selector, CODE_32);
}

code!(
    long_gate,
    r#"
    lcall *1f(%rip)
    outl %eax, $0xf4
1:  .long 0
    .word 72
    "#
);

#[test]
fn a_call_gate_of_long_mode_has_sixteen_bytes() {
    let mut machine = Machine::long(&long_gate());
    // mov eax, [rsp+8]; retfq
    machine.put(HANDLERS, &[0x8b, 0x44, 0x24, 8, 0x48, 0xcb]);
    machine.put_u64(GDT + u64::from(GATE), HANDLERS & 0xffff | 8 << 16 | 0x8c00 << 32 | HANDLERS >> 16 << 48);
    machine.put_u64(GDT + u64::from(GATE) + 8, 0);
    let mut state = machine.cpu.state();
    state.gdtr.limit = 0x5f;
    machine.cpu.set_state(&state);
    assert_eq!(machine.answer(), 8, "CS of the caller");
}

code!(
    enter_virtual,
    r#"
    .code32
    pushl $0x6666                   # GS
    pushl $0x5555                   # FS
    pushl $0x7100                   # DS
    pushl $0x7200                   # ES
    pushl $0x7300                   # SS
    pushl $0x0800                   # SP
    pushl $0x23202                  # VM, IOPL 3
    pushl $0x7000                   # CS
    pushl $0                        # IP
    iretl
    .code64
    "#
);
code!(
    virtual_program,
    r#"
    .code16
    movw $0x1234, 0x10              # DS is 7100
    movw 0x10, %ax
    movw %ax, %es:0x20              # ES is 7200
    pushfw
    popw %bx
    movw %cs, %cx
    sti
    movw $0x7400, %dx
    movw %dx, %ds
    movw %ax, 0x30
    int $0x40
    .code64
    "#
);
code!(
    from_virtual,
    r#"
    .code32
    movl 16(%esp), %eax             # SS of the program
    outl %eax, $0xe9
    movl 20(%esp), %eax             # ES
    outl %eax, $0xe9
    movl 24(%esp), %eax             # DS
    outl %eax, $0xe9
    movl 32(%esp), %eax             # GS
    outl %eax, $0xe9
    movl 8(%esp), %eax              # EFLAGS
    outl %eax, $0xe9
    movl %ds, %eax                  # null
    outl %eax, $0xe9
    movl %ecx, %eax
    outl %eax, $0xf4
    .code64
    "#
);

#[test]
fn virtual_8086_mode_is_entered_by_iret_and_left_by_an_interrupt() {
    let mut machine = Machine::protected(&enter_virtual());
    machine.put(USER, &virtual_program());
    machine.gate(0x40, &from_virtual(), 3, 0);
    assert_eq!(machine.answer() & 0xffff, 0x7000);
    let notes = &machine.bus.notes;
    assert_eq!(notes[..4], [0x7300, 0x7200, 0x7400, 0x6666]);
    assert_eq!((notes[4] & 0x2_3202, notes[5]), (0x2_3202, 0));
    for at in [0x71010, 0x72020, 0x74030] {
        assert_eq!(machine.get_u64(at) & 0xffff, 0x1234, "{at:x}");
    }
    assert_eq!(machine.cpu.state().rflags & 1 << 17, 0);
    assert_eq!(u64::from(machine.cpu.state().general[4] as u32), STACK_0 - 36);
}

#[test]
fn without_iopl_3_what_touches_interrupts_is_the_monitors() {
    for (code, vector) in [
        (&[0xfa][..], 13),         // cli
        (&[0xfb], 13),             // sti
        (&[0x9c], 13),             // pushf
        (&[0x9d], 13),             // popf
        (&[0xcd, 0x21], 13),       // int 21
        (&[0xcf], 13),             // iret
        (&[0xf4], 13),             // hlt
        (&[0xe4, 0x60], 13),       // in: the permission map decides, whatever IOPL
        (&[0x0f, 0x00, 0xc0], 6),  // sldt is not there
        (&[0x0f, 0x02, 0xc0], 6),  // nor lar
        (&[0xa1, 0xff, 0xff], 13), // mov ax, [ffff]: beyond the segment
        (&[0xcc], 3),              // int3 is always possible
    ] {
        let mut machine = Machine::protected(&[]);
        machine.put(USER, code);
        machine.cpu.intercept_exceptions(true);
        let mut state = machine.cpu.state();
        for segment in &mut state.segments {
            *segment = soft_processor::Segment { selector: 0x7000, base: USER, limit: 0xffff, attributes: 0xf3 };
        }
        (state.rip, state.rflags, state.general[4]) = (0, 0x2_0202, 0x8000);
        machine.cpu.set_state(&state);
        let Exit::Exception(exception) = machine.run() else { panic!("{code:02x?}") };
        assert_eq!(exception.vector, vector, "{code:02x?}");
        assert_eq!(machine.cpu.privilege_level(), 3);
        assert_eq!(machine.cpu.code_width(), 16);
    }
}

/// A task state segment of 32 bits with the machine's flat segments.
fn task_state(machine: &Machine, at: u64, rip: u64) {
    machine.put(at, &[0; 0x68]);
    let field = |offset: u64, value: u32| machine.put(at + offset, &value.to_le_bytes());
    field(0x20, rip as u32);
    field(0x24, 2);
    field(0x28, 0xaaaa);
    field(0x38, 0x6_8000);
    field(0x4c, CODE_32.into());
    for offset in [0x48, 0x50, 0x54, 0x58, 0x5c] {
        field(offset, super::machine::DATA.into());
    }
}

/// Selector of the second task, and its segment.
const TASK_2: u16 = 56;
const TSS_2: u64 = 0x6000;

code!(
    calls_task,
    r#"
    .code32
    movl $0x1234, %ebx
    lcall $56, $0
    movl %ebx, %eax                 # as before
    outl %eax, $0xe9
    smsw %eax
    andl $8, %eax                   # TS is set by the switch
    outl %eax, $0xe9
    strw %ax
    movzwl %ax, %eax
    outl %eax, $0xf4
    .code64
    "#
);
code!(
    second_task,
    r#"
    .code32
    outl %eax, $0xe9                # EAX of its own
    pushfl
    popl %eax
    andl $0x4000, %eax              # NT
    outl %eax, $0xe9
    movl $0x9999, %ebx
    iretl
    movl $0x77, %eax                # called again it goes on here
    outl %eax, $0xe9
    iretl
    .code64
    "#
);

#[test]
fn a_task_is_called_and_returns() {
    let mut machine = Machine::protected(&calls_task());
    machine.put(HANDLERS, &second_task());
    task_state(&machine, TSS_2, HANDLERS);
    machine.put_u64(GDT + u64::from(TASK_2), 0x0000_8900_0000_0067 | TSS_2 << 16);
    machine.put(GDT + u64::from(super::machine::TASK) + 5, &[0x8b]);
    assert_eq!(machine.answer(), super::machine::TASK.into());
    assert_eq!(machine.bus.notes, [0xaaaa, 0x4000, 0x1234, 8]);
    let kind = |selector: u16| machine.get_u64(GDT + u64::from(selector)) >> 40 & 0xff;
    assert_eq!((kind(TASK_2), kind(super::machine::TASK)), (0x89, 0x8b), "only the running one is busy");
    assert_eq!(machine.get_u64(TSS_2 + 0x34) as u32, 0x9999, "its EBX was saved");
}

code!(
    faulty,
    r#"
    .code32
    ud2
    movl $5, %eax
    outl %eax, $0xf4
    .code64
    "#
);
code!(
    fault_task,
    r#"
    .code32
    movl 0x3020, %eax               # EIP of the other task
    outl %eax, $0xe9
    addl $2, 0x3020                 # over its instruction
    iretl
    .code64
    "#
);

#[test]
fn an_exception_through_a_task_gate_has_registers_of_its_own() {
    let mut machine = Machine::protected(&faulty());
    machine.put(HANDLERS, &fault_task());
    task_state(&machine, TSS_2, HANDLERS);
    machine.put_u64(GDT + u64::from(TASK_2), 0x0000_8900_0000_0067 | TSS_2 << 16);
    machine.put(GDT + u64::from(super::machine::TASK) + 5, &[0x8b]);
    machine.put_u64(0x2000 + 8 * 6, u64::from(TASK_2) << 16 | 0x8500 << 32);
    let mut state = machine.cpu.state();
    state.general[4] = 0;
    machine.cpu.set_state(&state);
    assert_eq!(machine.answer(), 5);
    assert_eq!(machine.bus.notes, [super::machine::CODE as u32], "even without a stack");
}

#[test]
fn a_task_that_cannot_be_is_refused() {
    // Busy, not present, too short: #GP, #NP, #TS with the selector. With a code segment that is none: #TS of the new task.
    for (descriptor, vector, code) in [
        (0x0000_8b00_0000_0067, 13, TASK_2),
        (0x0000_0900_0000_0067, 11, TASK_2),
        (0x0000_8900_0000_0066, 10, TASK_2),
        (0x0000_8900_0000_0067, 10, super::machine::DATA),
    ] {
        let mut machine = Machine::protected(&calls_task());
        task_state(&machine, TSS_2, HANDLERS);
        machine.put(TSS_2 + 0x4c, &[if vector == 10 && code != TASK_2 { super::machine::DATA as u8 } else { CODE_32 as u8 }]);
        machine.put_u64(GDT + u64::from(TASK_2), descriptor | TSS_2 << 16);
        machine.put(GDT + u64::from(super::machine::TASK) + 5, &[0x8b]);
        machine.cpu.intercept_exceptions(true);
        let Exit::Exception(exception) = machine.run() else { panic!("{descriptor:x}") };
        assert_eq!((exception.vector, exception.error), (vector, Some(code.into())), "{descriptor:x}");
        let at = machine.cpu.state().rip;
        assert_eq!(at == HANDLERS, code != TASK_2, "{at:x}");
    }
}
