//! What systems execute from power-on to their prompts, instruction by instruction: Linux with busybox (64-bit) and xv6 (32- and 16-bit). Every name
//! of the lists is executed here at least once, by itself, and does not fault.

use std::collections::BTreeSet;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use soft_processor::{Exit, State};

use super::machine::{HANDLERS, Machine, USER, code};

/// Names as objdump writes them, of Linux 6.1 (two small configurations and Debian's for clouds) with busybox from glibc.
const LINUX: &str = "adc add addsd and andpd bsf bsr bswap bt btr bts call cdq cdqe cld cli cmova cmovae cmovb cmovbe cmove cmovg cmovge cmovl \
    cmovle cmovne cmovns cmovo cmovs cmp cmpxchg comisd cpuid cqo cvtsi2sd cvttsd2si dec div divsd endbr64 fninit fnstcw fwait fxrstor64 fxsave fxsave64 \
    hlt idiv imul in inc int3 invlpg iretq ja jae jb jbe je jg jge jl jle jmp jne jns jo jp js lea leave lfence lgdt lidt lldt lock_add lock_and lock_btr \
    lock_bts lock_cmpxchg lock_dec lock_inc lock_or lock_xadd ltr mfence mov movabs movapd movaps movd movdqa movdqu movhpd movhps movlpd movq movsd movsx \
    movsxd movups movzx mul mulsd neg nop not or out paddb pand pandn pause pcmpeqb pcmpeqd pcmpgtb pmaxub pminub pmovmskb pop popf por prefetcht0 pshufd \
    pslld pslldq psrldq psubb psubd punpckhdq punpcklbw punpckldq punpcklqdq punpcklwd push pushf pxor rdmsr rdtsc rep_movs rep_stos ret retfq rol ror sar \
    sbb seta setae setb setbe sete setg setge setl setle setne setns seto setp sets sfence sgdt shl shld shr shrd sti sub subsd swapgs syscall sysretq test \
    tzcnt ucomisd verw wrmsr xadd xchg xor xorps";

/// The same of xv6-public, boot sector, kernel and user programs.
const XV6: &str = "add and call cld cli cmova cmovae cmovb cmovbe cmove cmovg cmovne cmp dec div imul in int iret ja jae jb jbe je jg jge jl jle jmp jne \
    jns js lea leave lgdt lidt lock_or lock_xchg ltr mov movs movsx movzx mul neg nop not or out pop popa push pusha pushf rep_ins rep_movs rep_outs \
    rep_stos ret sar sbb setb sete setg setne shl shr sti sub test xchg xor";

/// The name of an instruction as objdump writes it, with an underscore behind its prefix.
fn name(i: &Instruction) -> String {
    let plain = format!("{:?}", i.mnemonic()).to_lowercase();
    let plain = match i.mnemonic() {
        Mnemonic::Wait => "fwait",
        Mnemonic::Mov if i.op1_kind() == OpKind::Immediate64 => "movabs",
        Mnemonic::Pushfq | Mnemonic::Pushfd => "pushf",
        Mnemonic::Popfq | Mnemonic::Popfd => "popf",
        Mnemonic::Pushad => "pusha",
        Mnemonic::Popad => "popa",
        Mnemonic::Iretd => "iret",
        Mnemonic::Retf if i.code() == Code::Retfq => "retfq",
        _ if i.is_string_instruction() => &plain[..plain.len() - 1],
        _ => &plain,
    };
    if i.has_lock_prefix() {
        format!("lock_{plain}")
    } else if i.is_string_instruction() && i.has_rep_prefix() {
        format!("rep_{plain}")
    } else {
        plain.to_string()
    }
}

/// Steps through the guest to its end and answers the names of all that was executed. Only system calls and the gate of vector 3 leave the line.
fn executed(machine: &mut Machine) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for _ in 0..10_000 {
        let State { rip, segments, .. } = machine.cpu.state();
        let at = machine.cpu.linear(State::CS, rip);
        let mut bytes = [0; 15];
        machine.cpu.read_virtual(&machine.memory, at, &mut bytes).unwrap();
        let i = Decoder::with_ip(machine.cpu.code_width(), &bytes, rip, DecoderOptions::NONE).decode();
        names.insert(name(&i));
        match machine.cpu.run(&machine.memory, &mut machine.bus, 1) {
            Exit::Budget => {}
            Exit::Halt => return names,
            other => panic!("{other:?} at {:x}:{rip:x} {i:?} {bytes:02x?} notes {:x?}", segments[State::CS].selector, machine.bus.notes),
        }
    }
    panic!("the guest does not come to its end, at {:x?}", machine.cpu.state())
}

/// Asserts that all names were executed.
fn assert_all(list: &str, executed: &BTreeSet<String>) {
    let missing: Vec<_> = list.split_whitespace().filter(|&name| !executed.contains(name)).collect();
    assert!(missing.is_empty(), "not executed: {missing:?}");
}

code!(
    linux_list,
    r#"
    endbr64
    movl $0x71000, %edi
    movabs $0x1122334455667788, %rax
    movl $7, %ecx
    movl $3, %ebx
    addl %ecx, %ebx; adcl %ecx, %ebx; subl $1, %ebx; sbbl %ecx, %ebx; andl $0xff, %ebx; orl $1, %ebx; xorl %edx, %edx; cmpl %ecx, %ebx; testl %ecx, %ecx
    bsfl %ecx, %edx; bsrl %ecx, %edx; tzcntl %ecx, %edx; bswapl %edx; btl $1, %ecx; btrl $1, %edx; btsl $1, %edx
    movl $100, %eax; cdq; cltq; cqto; divl %ecx; idivl %ecx; imull %ecx, %eax; mull %ecx; incl %eax; decl %eax; negl %eax; notl %eax
    cmova %ecx, %edx; cmovae %ecx, %edx; cmovb %ecx, %edx; cmovbe %ecx, %edx; cmove %ecx, %edx; cmovg %ecx, %edx; cmovge %ecx, %edx; cmovl %ecx, %edx
    cmovle %ecx, %edx; cmovne %ecx, %edx; cmovns %ecx, %edx; cmovo %ecx, %edx; cmovs %ecx, %edx
    seta %al; setae %al; setb %al; setbe %al; sete %al; setg %al; setge %al; setl %al; setle %al; setne %al; setns %al; seto %al; setp %al; sets %al
    ja 1f; 1: jae 1f; 1: jb 1f; 1: jbe 1f; 1: je 1f; 1: jg 1f; 1: jge 1f; 1: jl 1f; 1: jle 1f; 1: jne 1f; 1: jns 1f; 1: jo 1f; 1: jp 1f; 1: js 1f; 1: jmp 1f; 1:
    cmpxchgl %ecx, (%rdi); xaddl %eax, (%rdi); xchgl %eax, (%rdi)
    lock addl %ecx, (%rdi); lock andl %ecx, (%rdi); lock btrl $1, (%rdi); lock btsl $1, (%rdi); lock cmpxchgl %ecx, (%rdi); lock decl (%rdi); lock incl (%rdi)
    lock orl %ecx, (%rdi); lock xaddl %ecx, (%rdi)
    roll $3, %eax; rorl $3, %eax; sarl $1, %eax; shll $2, %eax; shrl $1, %eax; shldl $3, %eax, %edx; shrdl $3, %eax, %edx
    leaq 8(%rdi), %rsi; movsbl %al, %edx; movslq %eax, %rdx; movzbl %al, %edx
    pushq %rbp; movq %rsp, %rbp; leave
    pushq %rax; popq %rax; pushfq; popfq
    cld; movl $4, %ecx; movq %rdi, %rbx; rep stosl; movq %rbx, %rdi; movl $4, %ecx; rep movsb; movq %rbx, %rdi
    call 2f
    jmp 3f
2:  ret
3:  lfence; mfence; sfence; pause; nop; prefetcht0 (%rdi)
    fninit; fnstcw (%rdi); fwait
    fxsave 0x400(%rdi); fxsave64 0x400(%rdi); fxrstor64 0x400(%rdi)
    cvtsi2sd %eax, %xmm0; cvtsi2sd %ecx, %xmm1; addsd %xmm0, %xmm1; subsd %xmm0, %xmm1; mulsd %xmm0, %xmm1; divsd %xmm0, %xmm1; comisd %xmm0, %xmm1
    ucomisd %xmm0, %xmm1; cvttsd2si %xmm1, %eax; andpd %xmm0, %xmm1; xorps %xmm2, %xmm2
    movapd %xmm0, %xmm1; movaps %xmm0, (%rdi); movd %eax, %xmm0; movdqa (%rdi), %xmm1; movdqu 1(%rdi), %xmm1; movhpd (%rdi), %xmm1; movhps (%rdi), %xmm1
    movlpd (%rdi), %xmm1; movq %xmm1, %rax; movsd (%rdi), %xmm1; movups %xmm1, 3(%rdi)
    paddb %xmm0, %xmm1; pand %xmm0, %xmm1; pandn %xmm0, %xmm1; pcmpeqb %xmm0, %xmm1; pcmpeqd %xmm0, %xmm1; pcmpgtb %xmm0, %xmm1; pmaxub %xmm0, %xmm1
    pminub %xmm0, %xmm1; pmovmskb %xmm1, %eax; por %xmm0, %xmm1; pshufd $0x1b, %xmm0, %xmm1; pslld $3, %xmm1; pslldq $2, %xmm1; psrldq $2, %xmm1
    psubb %xmm0, %xmm1; psubd %xmm0, %xmm1; punpckhdq %xmm0, %xmm1; punpcklbw %xmm0, %xmm1; punpckldq %xmm0, %xmm1; punpcklqdq %xmm0, %xmm1
    punpcklwd %xmm0, %xmm1; pxor %xmm0, %xmm1
    xorl %eax, %eax; cpuid; rdtsc; inb $0x80, %al; outb %al, $0x80
    movl $0xc0000080, %ecx; rdmsr; wrmsr
    movl $0x71000, %edi
    sgdt (%rdi); lgdt (%rdi); sidt (%rdi); lidt (%rdi)
    xorl %eax, %eax; lldt %ax; movl $16, %eax; verw %ax
    movl $64, %eax; andb $0xfd, 0x1000+64+5; ltr %ax
    invlpg (%rdi); swapgs; swapgs; cli; sti; cli
    movq %cr0, %rax; movq %rax, %cr0; movq %cr2, %rax; movq %cr3, %rax; movq %rax, %cr3; movq %cr4, %rax; movq %rax, %cr4
    movq %dr0, %rax; movq %rax, %dr0; movq %dr6, %rax; movq %rax, %dr6; movq %dr7, %rax; movq %rax, %dr7
    movl $16, %eax; movl %eax, %ds; movl %eax, %ss; movl %gs:(%rdi), %ecx
    pushq $8; leaq 4f(%rip), %rax; pushq %rax; lretq
4:  int3
    movl $0xc0000081, %ecx; xorl %eax, %eax; movl $0x00180008, %edx; wrmsr
    movl $0xc0000082, %ecx; leaq 5f(%rip), %rax; xorl %edx, %edx; wrmsr
    movl $0xc0000084, %ecx; movl $0x600, %eax; wrmsr
    movl $0x70000, %ecx; movl $2, %r11d; sysretq
5:  hlt
    "#
);

#[test]
fn all_that_linux_and_busybox_execute() {
    let mut machine = Machine::long(&linux_list());
    machine.put(USER, &[0x0f, 0x05]);
    // iretq
    machine.gate(3, &[0x48, 0xcf], 0, 0);
    let executed = executed(&mut machine);
    assert_all(LINUX, &executed);
    assert!(executed.contains("sidt") && machine.cpu.state().segments[State::CS].selector == 8);
}

code!(
    xv6_list,
    r#"
    .code32
    movl $0x71000, %edi
    movl $7, %ecx
    movl $3, %ebx
    addl %ecx, %ebx; subl $1, %ebx; sbbl %ecx, %ebx; andl $0xff, %ebx; orl $1, %ebx; xorl %edx, %edx; cmpl %ecx, %ebx; testl %ecx, %ecx
    movl $100, %eax; divl %ecx; imull %ecx, %eax; mull %ecx; decl %eax; negl %eax; notl %eax
    cmova %ecx, %edx; cmovae %ecx, %edx; cmovb %ecx, %edx; cmovbe %ecx, %edx; cmove %ecx, %edx; cmovg %ecx, %edx; cmovne %ecx, %edx
    setb %al; sete %al; setg %al; setne %al
    ja 1f; 1: jae 1f; 1: jb 1f; 1: jbe 1f; 1: je 1f; 1: jg 1f; 1: jge 1f; 1: jl 1f; 1: jle 1f; 1: jne 1f; 1: jns 1f; 1: js 1f; 1: jmp 1f; 1:
    sarl $1, %eax; shll $2, %eax; shrl $1, %eax
    xchgl %eax, %ebx; lock xchgl %eax, (%edi); lock orl $0, (%edi)
    leal 8(%edi), %esi; movsbl %al, %edx; movzbl %al, %edx; nop
    pushl %ebp; movl %esp, %ebp; leave
    pushl %eax; popl %eax; pushfl; popl %eax; pushal; popal; pushl %ds; popl %ds
    cld; movl $4, %ecx; rep stosl; movl $0x71000, %edi; movl $4, %ecx; rep movsb; movsb
    movl $4, %ecx; movw $0x1f0, %dx; rep insl; movl $4, %ecx; rep outsl
    inb $0x60, %al; outb %al, $0x80; cli; sti; cli
    sgdt 0x71000; lgdt 0x71000; sidt 0x71000; lidt 0x71000
    movl $64, %eax; andb $0xfd, 0x1000+64+5; ltr %ax
    movl %cr0, %eax; movl %eax, %cr0; movl %cr3, %eax; movl %eax, %cr3; movl %cr4, %eax; movl %eax, %cr4; movl %cr2, %eax
    call 2f
    jmp 3f
2:  ret
3:  pushl $(32 + 3); pushl $0x7f000; pushl $0x202; pushl $(24 + 3); pushl $0x70000
    iret                            # to level 3, where an INT comes back from to the last gate
    .code64
    "#
);
code!(
    xv6_user,
    r#"
    .code32
    movl $1, %eax
    int $0x40
    .code64
    "#
);
code!(
    xv6_boot,
    r#"
    .code16
    cli
    xorw %ax, %ax
    movw %ax, %ds
    inb $0x64, %al
    testb $2, %al
    movb $0xd1, %al
    outb %al, $0x64
    lgdt 0x7e00
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $0x7d00
    .code64
    "#
);

#[test]
fn all_that_xv6_executes() {
    let mut machine = Machine::protected(&xv6_list());
    machine.put(USER, &xv6_user());
    // hlt
    machine.gate(0x40, &[0xf4], 3, 0);
    let mut all = executed(&mut machine);
    assert_eq!((machine.cpu.state().rip, machine.cpu.privilege_level()), (HANDLERS + 256 * 0x40 + 1, 0));
    let mut machine = Machine::new();
    machine.put(0x7c00, &xv6_boot());
    machine.put(0x7d00, &[0xf4]);
    for (n, descriptor) in [0_u64, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff].into_iter().enumerate() {
        machine.put_u64(0x7e10 + 8 * n as u64, descriptor);
    }
    machine.put(0x7e00, &[23, 0, 0x10, 0x7e, 0, 0]);
    let mut state = State::reset();
    (state.segments[State::CS].selector, state.segments[State::CS].base, state.rip) = (0, 0, 0x7c00);
    machine.cpu.set_state(&state);
    all.extend(executed(&mut machine));
    assert_eq!((machine.cpu.state().rip, machine.cpu.code_width()), (0x7d01, 32));
    assert_all(XV6, &all);
}
