//! Page tables of all kinds: rights, accessed and dirty bits, faults, and code that changes under the processor.

use soft_processor::{Exit, State};

use super::machine::{CODE, Machine, TABLES, USER, code};

const PTE: u64 = TABLES + 0x3000;

/// Runs `mov eax, [rdi]` (or a store, or a jump there) on a page whose entry is `entry`: the error code, if it faults.
fn access(entry: u64, kind: &str, user: bool, change: impl Fn(&mut State)) -> Option<u32> {
    let code: &[u8] = match kind {
        "read" => &[0x8b, 0x07, 0x0f, 0x0b],
        "write" => &[0x89, 0x07, 0x0f, 0x0b],
        _ => &[0xff, 0xe7],
    };
    let mut machine = Machine::long(&[]);
    machine.put(USER, code);
    let page = USER + 0x4000;
    machine.put(page, &[0x0f, 0x0b]);
    machine.put_u64(PTE + page / 4096 * 8, entry);
    machine.cpu.intercept_exceptions(true);
    let mut state = machine.cpu.state();
    state.rip = USER;
    state.general[7] = page;
    if user {
        state.segments[State::CS].attributes |= 0x60;
        state.segments[State::SS].attributes |= 0x60;
    }
    change(&mut state);
    machine.cpu.set_state(&state);
    let Exit::Exception(exception) = machine.run() else { panic!("an exception ends it") };
    match exception.vector {
        6 => None,
        14 => {
            assert_eq!(exception.address, page);
            exception.error
        }
        other => panic!("vector {other}"),
    }
}

#[test]
fn rights_are_those_of_the_manual() {
    const PAGE: u64 = USER + 0x4000;
    const NX: u64 = 1 << 63;
    let same = |_: &mut State| {};
    let no_wp = |state: &mut State| state.cr0 &= !(1 << 16);
    let no_nx = |state: &mut State| state.efer &= !(1 << 11);
    for (entry, kind, user, expected) in [
        (PAGE | 7, "read", true, None),
        (PAGE | 7, "write", true, None),
        (PAGE | 7, "fetch", true, None),
        (PAGE | 5, "read", true, None),
        (PAGE | 5, "write", true, Some(7)),
        (PAGE | 3, "read", true, Some(5)),
        (PAGE | 3, "write", true, Some(7)),
        (PAGE | 3, "fetch", true, Some(0x15)),
        (PAGE | 6, "read", true, Some(4)),
        (PAGE | 6, "write", false, Some(2)),
        (PAGE | 6, "fetch", false, Some(0x10)),
        (PAGE | 3, "write", false, None),
        (PAGE | 1, "write", false, Some(3)),
        (PAGE | 7 | NX, "fetch", true, Some(0x15)),
        (PAGE | 7 | NX, "read", true, None),
        (PAGE | 7 | 1 << 45, "read", true, Some(0xd)),
    ] {
        assert_eq!(access(entry, kind, user, same), expected, "{kind} of {entry:#x}, user {user}");
    }
    assert_eq!(access(PAGE | 1, "write", false, no_wp), None, "without WP level 0 writes anywhere");
    assert_eq!(access(PAGE | 5, "write", true, no_wp), Some(7), "level 3 does not");
    assert_eq!(access(PAGE | 7 | NX, "read", true, no_nx), Some(0xd), "without NX its bit is reserved");
}

#[test]
fn accessed_and_dirty_bits_are_set_by_what_happens() {
    // mov eax, [0x70000]; mov [0x71000], eax; ud2
    let mut machine = Machine::long(&[0x8b, 0x04, 0x25, 0, 0, 7, 0, 0x89, 0x04, 0x25, 0, 0x10, 7, 0, 0x0f, 0x0b]);
    machine.cpu.intercept_exceptions(true);
    machine.run();
    let bits = |page: u64| machine.get_u64(PTE + page * 8) & 0x60;
    assert_eq!((bits(0x70), bits(0x71), bits(0x72)), (0x20, 0x60, 0));
    assert_eq!(machine.get_u64(TABLES) & 0x60, 0x20);
}

code!(
    demand,
    r#"
    movl $0x71000, %edi
    movl $0x1234, %esi
    movl %esi, 8(%rdi)              # faults once, then goes on
    addl 8(%rdi), %esi
    movl %esi, %eax
    outl %eax, $0xf4
    "#
);
code!(
    map,
    r#"
    pushq %rax
    movq 8(%rsp), %rax              # the error code
    outl %eax, $0xe9
    movq %cr2, %rax
    outl %eax, $0xe9
    shrq $12, %rax
    orq $3, 0xb000(, %rax, 8)       # TABLES + 3000
    popq %rax
    addq $8, %rsp
    iretq
    "#
);

#[test]
fn an_instruction_that_faults_leaves_no_trace_and_is_executed_again() {
    let mut machine = Machine::long(&demand());
    machine.gate(14, &map(), 0, 0);
    machine.put_u64(PTE + 0x71 * 8, 0x71000);
    assert_eq!(machine.answer(), 0x2468);
    assert_eq!(machine.bus.notes, [2, 0x71008]);
}

code!(
    repeats,
    r#"
    movl $0x71ff0, %edi
    movl $0x30000, %esi
    movl $0x40, %ecx
    cld
    rep movsb                       # its 17th iteration faults
    movl %edi, %eax
    outl %eax, $0xf4
    "#
);
code!(
    map_and_note,
    r#"
    pushq %rax
    movl %ecx, %eax
    outl %eax, $0xe9
    movl %edi, %eax
    outl %eax, $0xe9
    movl %esi, %eax
    outl %eax, $0xe9
    movq 16(%rsp), %rax             # the instruction address
    outl %eax, $0xe9
    orq $3, 0xb000 + 0x72 * 8
    popq %rax
    addq $8, %rsp
    iretq
    "#
);

#[test]
fn a_repetition_that_faults_has_done_what_came_before_and_goes_on_from_there() {
    let mut machine = Machine::long(&repeats());
    machine.gate(14, &map_and_note(), 0, 0);
    machine.put_u64(PTE + 0x72 * 8, 0x72000);
    machine.put(0x30000, &(0..0x40).collect::<Vec<u8>>());
    assert_eq!(machine.answer(), 0x72030);
    assert_eq!(machine.bus.notes, [0x30, 0x72000, 0x30010, CODE as u32 + 16]);
    let mut moved = [0; 0x40];
    machine.memory.read(0x71ff0, &mut moved).unwrap();
    assert!(moved.into_iter().eq(0..0x40));
    // Four before it, 64 iterations of which one was tried twice, the handler, and two.
    assert_eq!(machine.cpu.now(), 4 + 64 + 1 + 13 + 2);
}

code!(
    old_paging,
    r#"
    .code32
    movl $0x20, %eax
    movl $0x70000, %edi             # directory; 4 MiB page for 0, a table at 71000 for 4 MiB
    movl $0x83, (%edi)
    movl $0x71003, 4(%edi)
    movl $0x72003, 0x1000(%edi)
    movl $0x10, %eax
    movl %eax, %cr4
    movl %edi, %cr3
    movl %cr0, %eax
    orl $0x80010000, %eax
    movl %eax, %cr0
    movl $0x600d, 0x72004
    movl 0x400004, %eax
    movl $0x73003, 0x71000
    movl $0xbeef, 0x73004
    outl %eax, $0xe9
    invlpg 0x400000
    movl 0x400004, %eax
    outl %eax, $0xf4
    .code64
    "#
);

#[test]
fn two_level_tables_with_large_pages() {
    let mut machine = Machine::protected(&old_paging());
    assert_eq!(machine.answer(), 0xbeef);
    assert_eq!(machine.bus.notes, [0x600d]);
}

/// The exception of a 32-bit instruction on 10 bytes at EAX, and its address if it is a page fault, where the last page of 4 GiB and the first one are mapped or not.
fn across_the_end(instruction: &[u8], address: u32, last: bool, first: bool) -> (u8, Option<u64>) {
    let mut machine = Machine::protected(&[instruction, &[0x0f, 0x0b]].concat());
    let put = |at: u64, entry: u32| machine.put(at, &entry.to_le_bytes());
    put(0x7_0000, 0x7_1003);
    put(0x7_0ffc, 0x7_2003);
    (0..0x80).for_each(|page: u32| put(0x7_1000 + u64::from(page) * 4, page << 12 | u32::from(page > 0 || first)));
    put(0x7_2ffc, 0x7_3002 | u32::from(last));
    machine.cpu.intercept_exceptions(true);
    let mut state = machine.cpu.state();
    state.general[0] = address.into();
    state.cr3 = 0x7_0000;
    state.cr0 |= 1 << 31;
    machine.cpu.set_state(&state);
    let Exit::Exception(exception) = machine.run() else { panic!("an exception ends it") };
    (exception.vector, (exception.vector == 14).then_some(exception.address))
}

#[test]
fn ten_bytes_are_eight_and_two_across_the_end_of_4_gib() {
    // FLD and FSTP of 80 bits, FBLD, FLD in the segment of the code.
    for instruction in [&[0xdb, 0x28][..], &[0xdb, 0x38], &[0xdf, 0x20], &[0x2e, 0xdb, 0x28]] {
        let on = |address, last, first| across_the_end(instruction, address, last, first);
        for (address, mapped, unmapped) in [
            (0xffff_fff6, (6, None), (14, Some(0xffff_fff6))),
            (0xffff_fff7, (13, None), (14, Some(0xffff_fff7))),
            (0xffff_fff8, (14, Some(0)), (14, Some(0xffff_fff8))),
            (0xffff_fff9, (13, None), (13, None)),
        ] {
            assert_eq!((on(address, true, false), on(address, false, false)), (mapped, unmapped), "{instruction:x?} {address:x}");
        }
        assert_eq!(on(0xffff_fff8, true, true).0, 6, "the second part is at 0");
    }
}

code!(
    three_levels,
    r#"
    .code32
    movl $0x70000, %edi
    movl $0x71001, (%edi)           # pointers: present only
    movl $0x83, 0x1000(%edi)        # 2 MiB
    movl $0x72003, 0x1008(%edi)
    movl $0x73003, 0x2000(%edi)
    movl $0x20, %eax
    movl %eax, %cr4
    movl %edi, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    movl $0x7777, 0x73abc
    movl 0x200abc, %eax
    outl %eax, $0xf4
    .code64
    "#
);

#[test]
fn three_level_tables() {
    assert_eq!(Machine::protected(&three_levels()).answer(), 0x7777);
}

code!(
    self_modifying,
    r#"
    movl $3, %ecx
1:  movb %cl, 2f+1(%rip)            # the immediate of the instruction after the next
    nop
2:  movb $0x55, %al
    outb %al, $0xe9
    loop 1b
    movb %al, 3f+1(%rip)
3:  movb $0x55, %al                 # the very next one
    outb %al, $0xf4
    "#
);

#[test]
fn code_that_changes_itself_is_executed_as_changed() {
    let mut machine = Machine::long(&self_modifying());
    assert_eq!(machine.answer(), 1);
    assert_eq!(machine.bus.notes, [3, 2, 1]);
}

code!(
    changed_by_string,
    r#"
    leaq 2f(%rip), %rdi
    movl $4, %ecx
    movb $0x90, %al
    cld
    rep stosb                       # NOPs over what would be wrong
2:  ud2
    ud2
    movb $9, %al
    outb %al, $0xf4
    "#
);

#[test]
fn string_instructions_change_code_too() {
    assert_eq!(Machine::long(&changed_by_string()).answer(), 9);
}

#[test]
fn code_over_a_page_boundary_runs_and_its_second_page_faults() {
    let mut machine = Machine::long(&[]);
    // mov eax, imm32 over the boundary of 72000, then out.
    machine.put(0x71ffd, &[0xb8, 0x44, 0x33, 0x22, 0x11, 0xe7, 0xf4]);
    let mut state = machine.cpu.state();
    state.rip = 0x71ffd;
    machine.cpu.set_state(&state);
    assert_eq!(machine.answer(), 0x1122_3344);
    machine.put_u64(PTE + 0x72 * 8, 0);
    machine.cpu.intercept_exceptions(true);
    machine.cpu.set_state(&state);
    let Exit::Exception(exception) = machine.run() else { panic!("a fault") };
    assert_eq!((exception.vector, exception.address), (14, 0x72000));
    assert_eq!(machine.cpu.state().rip, 0x71ffd);
}

#[test]
fn what_the_host_stores_between_two_runs_is_seen() {
    let mut machine = Machine::long(&[0xb0, 1, 0xe6, 0xf4, 0xeb, 0xfa]);
    assert_eq!(machine.answer(), 1);
    machine.put(CODE + 1, &[2]);
    assert_eq!(machine.answer(), 2);
}

code!(
    recycled,
    r#"
    call 2f
    leaq 2f(%rip), %rdi
    movl $0x90909090, %edx
    movl $1000, %ecx
1:  movl %edx, (%rdi)               # data now, thousands of times
    decl %ecx
    jnz 1b
    call 2f
    outb %al, $0xf4
    .balign 128
2:  movb $1, %al
    ret
    .byte 0x90
    movb $2, %al
    ret
    "#
);

#[test]
fn a_page_that_was_code_and_becomes_data_is_executed_as_what_it_is_now() {
    assert_eq!(Machine::long(&recycled()).answer(), 2);
}
