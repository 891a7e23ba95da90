//! Real mode, and the way from it to protected and long mode.

use soft_processor::{Exit, State};

use super::machine::{CODE, Machine, code};

code!(
    real,
    r#"
    .code16
    cli
    xorw %ax, %ax
    movw %ax, %ss
    movw $0x7000, %sp
    movw %ax, %ds
    movw $0x0055, 0x20*4            # INT 20 goes to 1000:0055... which is set below
    movw $(2f - soft_real), 0x20*4
    movw $0x1000, 0x20*4+2
    movw $0x2000, %ax
    movw %ax, %es
    movw $0x1000, %ax
    movw %ax, %ds
    movw $(3f - soft_real), %si
    xorw %di, %di
    movw $4, %cx
    cld
    rep movsb                       # from 1000: to 2000:
    movb $7, %bl
    int $0x20
    cmpw $0x7000, %sp
    jne 9f
    movb %es:1, %al                 # 'O'
    cbtw
    addb %bl, %al
    outb %al, $0xf4
9:  movb $0, %al
    outb %al, $0xf4
2:  pushw %bp
    movw %sp, %bp
    testw $0x200, 6(%bp)            # flags were pushed with interrupts off
    jnz 9b
    addb $3, %bl
    popw %bp
    iret
3:  .ascii "POST"
    .code64
    "#
);

#[test]
fn real_mode_has_segments_of_64_kib_and_interrupts_through_the_vector_table() {
    let mut machine = Machine::new();
    machine.put(0x1_0000, &real());
    let mut state = State::reset();
    (state.segments[State::CS].selector, state.segments[State::CS].base, state.rip) = (0x1000, 0x1_0000, 0);
    machine.cpu.set_state(&state);
    assert_eq!(machine.answer(), u32::from(b'O') + 10);
}

#[test]
fn beyond_a_real_mode_segment_is_an_exception() {
    let mut machine = Machine::new();
    machine.cpu.intercept_exceptions(true);
    // mov ax, [0xffff]: the second byte is outside.
    machine.put(0x1_0000, &[0xa1, 0xff, 0xff]);
    let mut state = State::reset();
    (state.segments[State::CS].selector, state.segments[State::CS].base, state.rip) = (0x1000, 0x1_0000, 0);
    machine.cpu.set_state(&state);
    assert!(matches!(machine.run(), Exit::Exception(exception) if exception.vector == 13));
    assert_eq!(machine.cpu.state().rip, 0);
}

code!(
    to_long,
    r#"
    .code16
    cli
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl 0x7e00
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $8, $(0x7c00 + (2f - soft_to_long))
    .code32
2:  movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x7c00, %esp
    pushl $0x12345678               # 32 bits wide
    popl %ebx
    movl $0x20000, %edi             # tables at 20000: 2 MiB pages
    movl $0x21003, (%edi)
    movl $0x22003, 0x1000(%edi)
    movl $0x83, 0x2000(%edi)
    movl $0x20, %eax
    movl %eax, %cr4
    movl %edi, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    rdmsr
    testl $0x400, %eax              # long mode is active, in its compatibility mode
    jz 9f
    ljmp $24, $(0x7c00 + (3f - soft_to_long))
9:  movb $0, %al
    outb %al, $0xf4
    .code64
3:  movabs $0x8877665544332211, %rax
    movq %rax, %r15
    shrq $56, %r15
    pushq %r15
    popq %rax
    cmpl $0x12345678, %ebx
    jne 9b
    outb %al, $0xf4
    "#
);

#[test]
fn a_boot_sector_gets_to_long_mode() {
    let mut machine = Machine::new();
    machine.put(0x7c00, &to_long());
    let table = [0_u64, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x0020_9b00_0000_0000];
    for (n, descriptor) in table.into_iter().enumerate() {
        machine.put_u64(0x7e10 + 8 * n as u64, descriptor);
    }
    machine.put(0x7e00, &[31, 0, 0x10, 0x7e, 0, 0]);
    let mut state = State::reset();
    (state.segments[State::CS].selector, state.segments[State::CS].base, state.rip) = (0, 0, 0x7c00);
    machine.cpu.set_state(&state);
    assert_eq!(machine.answer(), 0x88);
    assert_eq!(machine.cpu.state().efer & 0x500, 0x500);
}

#[test]
fn power_on_is_at_the_last_paragraph_below_4_gib_and_cpuid_is_what_is_there() {
    let mut machine = Machine::new();
    assert_eq!(machine.cpu.state().rip, 0xfff0);
    // cpuid; cpuid of leaf 1; each noted.
    let code = [0x31, 0xc0, 0x0f, 0xa2, 0x93, 0xe7, 0xe9, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x92, 0xe7, 0xe9, 0xb8, 0, 0, 0, 0, 0xe7, 0xf4];
    machine = Machine::protected(&code);
    machine.answer();
    assert_eq!(machine.bus.notes[0], u32::from_le_bytes(*b"Genu"));
    let features = machine.bus.notes[1];
    for (bit, name) in
        [(0, "FPU"), (4, "TSC"), (5, "MSR"), (6, "PAE"), (8, "CX8"), (9, "APIC"), (15, "CMOV"), (24, "FXSR"), (25, "SSE"), (26, "SSE2")]
    {
        assert!(features >> bit & 1 == 1, "{name}");
    }
    assert_eq!(features >> 23 & 1, 0, "MMX is not offered");
}

code!(
    decimal,
    r#"
    .code32
    movb $0x38, %al
    addb $0x45, %al
    daa
    outl %eax, $0xe9                # 83
    movb $0x23, %al
    subb $0x47, %al
    das
    outl %eax, $0xe9                # 76, borrowed
    movw $0x0008, %ax
    addb $0x09, %al
    aaa
    outl %eax, $0xe9                # 0107
    movw $0x0205, %ax
    subb $0x09, %al
    aas
    outl %eax, $0xe9                # 0106
    movb $63, %al
    aam
    outl %eax, $0xe9                # 0603
    aad
    outl %eax, $0xe9                # 63
    movl $0x11111111, %ebx
    pushal
    xorl %ebx, %ebx
    popal
    movl %ebx, %eax
    outl %eax, $0xe9
    lcall $48, $(0x10000 + (2f - soft_decimal))
    outl %eax, $0xf4
2:  movl (%esp), %eax
    lret
    .code64
    "#
);

#[test]
fn instructions_that_64_bit_mode_has_not() {
    let mut machine = Machine::protected(&decimal());
    let returned = machine.answer();
    assert_eq!(machine.bus.notes.iter().map(|note| note & 0xffff).collect::<Vec<_>>(), [0x83, 0x76, 0x107, 0x106, 0x603, 63, 0x1111]);
    assert!(u64::from(returned) > CODE, "the far call pushed its return address");
}
