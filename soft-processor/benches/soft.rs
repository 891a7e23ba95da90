//! Millions of instructions a second on integer, memory and branch code in 64-bit mode, and the same kernel under QEMU's translator (TCG).
//!
//! The kernel is one flat multiboot image. What QEMU needs to start is measured with an iteration count of nearly nothing, and taken off. Times
//! are processor time, so that what else the host does counts for neither.
#![allow(unsafe_code)]

use std::arch::global_asm;
use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::time::Duration;

use soft_processor::{Bus, Cpu, Cycle, Exit, Flow, Memory, Region, Segment, State};

/// Where the image is loaded.
const LOAD: u64 = 0x10_0000;
/// Turns, of which the median counts.
const TURNS: usize = 5;
/// Instructions in a slice of a machine with several processors.
const SLICE: u64 = 2000;

global_asm!(
    r#"
    .pushsection .rodata.soft_bench, "a"
    .globl soft_bench_start, soft_bench_end, soft_bench_parameters
    .set LOAD, 0x100000
soft_bench_start:
    .code32
    .balign 4
soft_bench_header:
    .long 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
    .long LOAD, LOAD, 0, 0, LOAD + (soft_bench_entry - soft_bench_start)
soft_bench_parameters:
    .long 0                         # which loop
    .long 1                         # how often
soft_bench_entry:
    movl $0x200000, %edi            # page tables: one of each level, 2 MiB pages for 1 GiB
    xorl %eax, %eax
    movl $0xc00, %ecx
    cld
    rep stosl
    movl $0x201003, 0x200000
    movl $0x202003, 0x201000
    movl $0x202000, %edi
    movl $0x83, %eax
    movl $512, %ecx
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    loop 1b
    movl $0x20, %eax
    movl %eax, %cr4
    movl $0x200000, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    lgdt LOAD + (soft_bench_gdtr - soft_bench_start)
    movl $0x80000001, %eax
    movl %eax, %cr0
    ljmp $8, $(LOAD + (soft_bench_long - soft_bench_start))
    .balign 8
soft_bench_gdt:
    .quad 0, 0x00209b0000000000, 0x00cf93000000ffff
soft_bench_gdtr:
    .word 23
    .long LOAD + (soft_bench_gdt - soft_bench_start)

    .code64
soft_bench_long:
    movl $16, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    movl $0x400000, %esp
    movl $0x500000, %esi
    movl LOAD + (soft_bench_parameters - soft_bench_start), %eax
    movl LOAD + (soft_bench_parameters - soft_bench_start) + 4, %ecx
    cmpl $1, %eax
    je soft_bench_memory
    ja soft_bench_branch

soft_bench_integer:                 # 16 instructions a turn
    movl $12345, %eax
    movl $67890, %edx
1:  addq %rax, %rbx
    xorq %rbx, %rdx
    leaq 7(%rdx, %rax, 2), %rdi
    subq %rdi, %rbp
    shlq $3, %rbx
    orq $1, %rbx
    imulq %rbx, %rdx
    andq $0xffffff, %rdi
    rolq $5, %rax
    addq $99, %rbp
    movzwl %bp, %r8d
    sarq $2, %rdi
    adcq %r8, %rax
    notq %rdx
    decl %ecx
    jnz 1b
    jmp soft_bench_done

soft_bench_memory:                  # 16 instructions a turn, over 1 MiB
    xorl %edi, %edi
1:  movq (%rsi, %rdi), %rax
    movq 64(%rsi, %rdi), %rbx
    addq %rax, %rbx
    movq %rbx, 8(%rsi, %rdi)
    movl 16(%rsi, %rdi), %edx
    addl %edx, 24(%rsi, %rdi)
    pushq %rax
    movzbl 33(%rsi, %rdi), %r8d
    movb %r8b, 34(%rsi, %rdi)
    incq 40(%rsi, %rdi)
    popq %r9
    movq %r9, 48(%rsi, %rdi)
    addl $264, %edi
    andl $0xffff8, %edi
    decl %ecx
    jnz 1b
    jmp soft_bench_done

soft_bench_branch:                  # some 20 instructions a turn, a third of them branches
    movl $1, %ebx
1:  imull $1103515245, %ebx, %ebx
    addl $12345, %ebx
    testl $0x10000, %ebx
    jz 2f
    call 5f
2:  testl $0x60000, %ebx
    jnz 3f
    addl $3, %eax
3:  cmpl $0, %ebx
    jl 4f
    call 5f
4:  movl %ebx, %edx
    shrl $28, %edx
    cmpl $8, %edx
    jae 6f
    incl %eax
6:  decl %ecx
    jnz 1b
    jmp soft_bench_done
5:  xorl %ebx, %eax
    ret

soft_bench_done:
    movl $0, %eax
    outb %al, $0xf4
7:  hlt
    jmp 7b
soft_bench_end:
    .popsection
"#,
    options(att_syntax)
);

unsafe extern "C" {
    static soft_bench_start: u8;
    static soft_bench_end: u8;
    static soft_bench_parameters: u8;
}

/// The image that runs loop `which` so often.
fn image(which: u32, turns: u32) -> Vec<u8> {
    let start = &raw const soft_bench_start;
    // SAFETY: both labels are in the same piece of read-only data, which the assembler laid out.
    let mut image = unsafe { std::slice::from_raw_parts(start, (&raw const soft_bench_end).offset_from(start) as usize) }.to_vec();
    // SAFETY: as above.
    let at = unsafe { (&raw const soft_bench_parameters).offset_from(start) } as usize;
    image[at..at + 4].copy_from_slice(&which.to_le_bytes());
    image[at + 4..at + 8].copy_from_slice(&turns.to_le_bytes());
    image
}

/// Nothing but the port that ends it.
struct Nothing;

impl Bus for Nothing {
    fn port_in(&mut self, _: Cycle, _: u16, _: u8) -> u32 {
        u32::MAX
    }
    fn port_out(&mut self, _: Cycle, port: u16, _: u8, _: u32) -> Flow {
        if port == 0xf4 { Flow::Leave } else { Flow::Go }
    }
    fn mmio_read(&mut self, _: Cycle, _: u64, _: u8) -> u64 {
        u64::MAX
    }
    fn mmio_write(&mut self, _: Cycle, _: u64, _: u8, _: u64) -> Flow {
        Flow::Go
    }
    fn interrupt_pending(&mut self, _: Cycle) -> bool {
        false
    }
    fn acknowledge(&mut self, _: Cycle) -> u8 {
        unreachable!("no interrupt was announced")
    }
}

/// Processor time in user mode of this thread, or of the children that ended.
fn spent(who: libc::c_int) -> Duration {
    // SAFETY: the structure is plain numbers, filled by the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(who, &mut usage), 0);
        usage
    };
    Duration::new(usage.ru_utime.tv_sec as u64, usage.ru_utime.tv_usec as u32 * 1000)
}

/// Instructions and time of the image in software, in runs of so many instructions.
fn soft(image: &[u8], slice: u64) -> (u64, Duration) {
    let memory = Memory::new(vec![Region::owned(0, 16 << 20)]).expect("one region");
    memory.write(LOAD, image).expect("16 MiB are enough");
    let mut cpu = Cpu::new(0);
    let flat = Segment { selector: 16, base: 0, limit: u32::MAX, attributes: 0xc093 };
    let mut state = State { cr0: 0x11, ..State::reset() };
    state.segments = [flat; 6];
    state.segments[State::CS] = Segment { selector: 8, attributes: 0xc09b, ..flat };
    state.rip = u32::from_le_bytes([image[28], image[29], image[30], image[31]]).into();
    cpu.set_state(&state);
    let start = spent(libc::RUSAGE_THREAD);
    let exit = loop {
        match cpu.run(&memory, &mut Nothing, slice) {
            Exit::Budget => {}
            exit => break exit,
        }
    };
    assert_eq!(exit, Exit::Leave, "{:x?}", cpu.state());
    (cpu.now(), spent(libc::RUSAGE_THREAD) - start)
}

/// Time of the image under QEMU, start and all; None if there is no QEMU.
fn qemu(image: &[u8]) -> Option<Duration> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("kernel");
    std::fs::write(&path, image).expect("the image is written");
    let start = spent(libc::RUSAGE_CHILDREN);
    let status = Command::new("qemu-system-x86_64")
        .args(["-accel", "tcg", "-display", "none", "-serial", "none", "-monitor", "none", "-net", "none", "-no-reboot", "-m", "32"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel"])
        .arg(&path)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) => {
            assert_eq!(status.code(), Some(1), "the kernel ends by its port");
            Some(spent(libc::RUSAGE_CHILDREN) - start)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("QEMU: {error}"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let idle = image(0, 1);
    for (which, name, turns) in [(0, "soft_mips_int", 6_000_000), (1, "soft_mips_mem", 6_000_000), (2, "soft_mips_branch", 6_000_000)] {
        let kernel = image(which, turns);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let (instructions, time) = soft(&kernel, u64::MAX);
            ours.push(instructions as f64 / time.as_secs_f64() / 1e6);
            // QEMU gets ten times as many, so that its start does not drown them.
            let long = image(which, turns * 10);
            if let (Some(start), Some(time)) = (qemu(&idle), qemu(&long)) {
                let net = time.saturating_sub(start).as_secs_f64().max(1e-3);
                theirs.push(instructions as f64 * 10.0 / net / 1e6);
            }
        }
        let mips = median(ours);
        if theirs.is_empty() {
            println!("figure {name} {mips:.1} MIPS");
            println!("no ratio: QEMU is not installed (apt-get install -y qemu-system-x86)");
        } else {
            let tcg = median(theirs);
            println!("figure {name} {mips:.1} MIPS ratio {:.3} of QEMU TCG ({tcg:.0} MIPS)", mips / tcg);
        }
    }
    sliced();
}

/// What slices cost: the branching kernel in runs of some instructions, beside one run.
fn sliced() {
    let kernel = image(2, 2_000_000);
    let mips = |slice| {
        let runs = (0..TURNS).map(|_| soft(&kernel, slice)).map(|(instructions, time)| instructions as f64 / time.as_secs_f64() / 1e6);
        median(runs.collect())
    };
    let (whole, sliced) = (mips(u64::MAX), mips(SLICE));
    println!("figure soft_mips_sliced {sliced:.1} MIPS ratio {:.3} of one run ({whole:.0} MIPS)", sliced / whole);
}
