//! What a machine has no business executing ends as a program interruption of that machine (or does no harm), on every host.
//!
//! Hosts differ in the exception they raise, so the outcome is what is tested: never a failure of the processor, and a
//! neighbour on the same processor computes right afterwards.

use std::time::Duration;

use abi::program;
use cp_monitor::processor::{Exit, Registers};

use crate::machines::{CODE, Host, Machine, SIZE, guest};

guest! {
    /// The neighbour: adds up in SSE, x87 and general registers, checks its storage, and answers the sum.
    neighbour:
        "2:"
        "mov eax, 20"
        "cvtsi2sd xmm0, rax"
        "addsd xmm0, xmm0"
        "cvttsd2si rax, xmm0"
        "mov [0x9000], rax"
        "fild qword ptr [0x9000]"
        "fld1"
        "faddp"
        "fistp qword ptr [0x9000]"
        "mov rax, [0x9000]"
        "push rax"
        "pop rcx"
        "add rax, [0xa000]"
        "out 0x83, eax"
        "jmp 2b";
    /// Calls CP.
    call_cp:
        "out 0x83, eax";
    /// Steps one instruction at a time.
    single_step:
        "pushfq"
        "or qword ptr [rsp], 0x100"
        "popfq"
        "nop"
        "nop";
    divide_by_zero: "xor ecx, ecx" "div ecx";
    divide_overflow: "mov rax, 1 << 63" "cqo" "mov rcx, -1" "idiv rcx";
    cmpxchg16b: "mov esi, 0x9000" "lock cmpxchg16b [rsi]";
    misaligned_sse: "mov esi, 0x9001" "movaps xmm0, [rsi]";
    unmasked_sse: "mov dword ptr [0x9000], 0x1f00" "ldmxcsr [0x9000]" "xorps xmm0, xmm0" "divss xmm0, xmm0";
    bad_mxcsr: "mov dword ptr [0x9000], 0xffffffff" "ldmxcsr [0x9000]";
    unmasked_x87: "mov dword ptr [0x9000], 0x0340" "fldcw [0x9000]" "fldz" "fldz" "fdivp" "fwait";
    noncanonical_load: "mov rax, 0x8000000000000000" "mov rax, [rax]";
    noncanonical_jump: "mov rax, 0x8000000000000000" "jmp rax";
    noncanonical_call: "mov rax, 0x123456789abcdef0" "call rax";
    noncanonical_stack: "mov rsp, 0x8000000000000000" "push rax";
    stack_outside: "mov rsp, 0x7000000000" "push rax";
    fault_with_wild_stack: "mov rsp, -16" "ud2";
    load_assist: "mov rax, 0xffffff8000006000" "mov rax, [rax]";
    store_assist: "mov rax, 0xffffff8000006000" "mov [rax], rax";
    jump_assist: "mov rax, 0xffffff80000060e0" "jmp rax";
    call_assist_tss: "mov rax, 0xffffff8000010000" "call rax";
    jump_kernel: "mov rax, 0xffffffff81000000" "jmp rax";
    call_vsyscall: "mov rax, 0xffffffffff600000" "call rax";
    far_return_ring_0: "push 0x10" "push 0x1000" "retfq";
    far_return_compatibility: "push 0x23" "push 0x1000" "retfq";
    far_return_null: "push 0" "push 0x1000" "retfq";
    far_jump: "mov qword ptr [0x9000], 0x1000" "mov dword ptr [0x9008], 0x23" "jmp fword ptr [0x9000]";
    far_call: "mov dword ptr [0x9000], 0x1000" "mov dword ptr [0x9004], 0x10" "call fword ptr [0x9000]";
    far_call_tss: "mov dword ptr [0x9000], 0x1000" "mov dword ptr [0x9004], 0x40" "call fword ptr [0x9000]";
    iret_ring_0: "push 0x18" "push 0x8000" "push 0x202" "push 0x10" "push 0x1000" "iretq";
    iret_compatibility: "push 0x2b" "push 0x8000" "push 0x202" "push 0x23" "push 0x1000" "iretq";
    iret_iopl: "push 0x2b" "push 0x8000" "push 0x3302" "push 0x33" "push 0x1000" "iretq";
    load_ss_null: "xor eax, eax" "mov ss, eax";
    load_ds_ring_0: "mov eax, 0x18" "mov ds, eax";
    load_fs_tss: "mov eax, 0x40" "mov fs, eax";
    load_gs_ldt: "mov eax, 0x0f" "mov gs, eax";
    out_wide: "mov edx, 0x3f8" "out dx, al";
    out_last: "mov edx, 0xffff" "out dx, eax";
    rep_outs: "mov edx, 0x83" "mov esi, 0x9000" "mov ecx, 5000" "rep outsd";
    rep_ins: "mov edx, 0x83" "mov edi, 0x9000" "mov ecx, 5000" "rep insd";
    outs_outside: "mov edx, 0x83" "mov esi, 0x70000000" "outsd";
    ins_outside: "mov edx, 0x83" "mov edi, 0x70000000" "insd";
    popf_everything: "push -1" "popfq" "pushfq" "popfq";
    xsetbv: "xor ecx, ecx" "mov eax, 7" "xor edx, edx" "xsetbv";
    wrmsr_efer: "mov ecx, 0xc0000080" "xor eax, eax" "xor edx, edx" "wrmsr";
    rdmsr_lstar: "mov ecx, 0xc0000082" "rdmsr";
    write_cr3: "mov eax, 0x1000" "mov cr3, rax";
    write_dr7: "mov eax, 0x401" "mov dr7, rax";
    hypercall_kvm: "mov eax, 1" "vmcall";
    hypercall_amd: "mov eax, 1" "vmmcall";
    hypercall_pvm: "mov eax, 0x17088200" "syscall";
    syscall_exit: "mov eax, 60" "xor edi, edi" "syscall";
    invalid_prefix: ".byte 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0x90";
    forced_emulation: ".byte 0x0f, 0x0b, 0x6b, 0x76, 0x6d, 0xf4";
    pvm_cpuid: ".byte 0x0f, 0x0b, 0x50, 0x56, 0x4d, 0x0f, 0xa2";
}

/// What must become of it.
enum Outcome {
    /// A program interruption with this code.
    Code(u32),
    /// A program interruption.
    Interruption,
    /// A program interruption, or nothing worth mentioning: hosts differ.
    Harmless,
}
use Outcome::{Code, Harmless, Interruption};

/// Single instructions of one form.
fn instructions() -> Vec<(&'static str, &'static [u8], Outcome)> {
    vec![
        ("hlt", &[0xf4], Code(program::PRIVILEGED)),
        ("cli", &[0xfa], Code(program::PRIVILEGED)),
        ("sti", &[0xfb], Code(program::PRIVILEGED)),
        ("in al, 0x83", &[0xe4, 0x83], Code(program::PRIVILEGED)),
        ("in eax, 0x83", &[0xe5, 0x83], Code(program::PRIVILEGED)),
        ("in al, dx", &[0xec], Code(program::PRIVILEGED)),
        ("out 0x83, al", &[0xe6, 0x83], Code(program::PRIVILEGED)),
        ("out 0x83, ax", &[0x66, 0xe7, 0x83], Code(program::PRIVILEGED)),
        ("out 0x84, al", &[0xe6, 0x84], Code(program::PRIVILEGED)),
        ("out 0x84, eax", &[0xe7, 0x84], Code(program::PRIVILEGED)),
        ("out 0x80, al", &[0xe6, 0x80], Code(program::PRIVILEGED)),
        ("out 0xf5, al", &[0xe6, 0xf5], Code(program::PRIVILEGED)),
        ("mov rax, cr0", &[0x0f, 0x20, 0xc0], Code(program::PRIVILEGED)),
        ("mov rax, cr3", &[0x0f, 0x20, 0xd8], Code(program::PRIVILEGED)),
        ("mov cr4, rax", &[0x0f, 0x22, 0xe0], Code(program::PRIVILEGED)),
        ("mov rax, dr7", &[0x0f, 0x21, 0xf8], Code(program::PRIVILEGED)),
        ("lgdt", &[0x0f, 0x01, 0x14, 0x25, 0, 0x90, 0, 0], Code(program::PRIVILEGED)),
        ("lidt", &[0x0f, 0x01, 0x1c, 0x25, 0, 0x90, 0, 0], Code(program::PRIVILEGED)),
        ("lldt", &[0x0f, 0x00, 0xd0], Code(program::PRIVILEGED)),
        ("ltr", &[0x0f, 0x00, 0xd8], Code(program::PRIVILEGED)),
        ("lmsw", &[0x0f, 0x01, 0xf0], Code(program::PRIVILEGED)),
        ("clts", &[0x0f, 0x06], Code(program::PRIVILEGED)),
        ("rdmsr", &[0x0f, 0x32], Code(program::PRIVILEGED)),
        ("wrmsr", &[0x0f, 0x30], Code(program::PRIVILEGED)),
        ("rdpmc", &[0x0f, 0x33], Interruption),
        ("invlpg", &[0x0f, 0x01, 0x38], Code(program::PRIVILEGED)),
        ("invd", &[0x0f, 0x08], Code(program::PRIVILEGED)),
        ("wbinvd", &[0x0f, 0x09], Code(program::PRIVILEGED)),
        ("swapgs", &[0x0f, 0x01, 0xf8], Interruption),
        ("sysret", &[0x48, 0x0f, 0x07], Interruption),
        ("sysexit", &[0x48, 0x0f, 0x35], Interruption),
        ("monitor", &[0x0f, 0x01, 0xc8], Interruption),
        ("mwait", &[0x0f, 0x01, 0xc9], Interruption),
        ("vmrun", &[0x0f, 0x01, 0xd8], Interruption),
        ("vmxoff", &[0x0f, 0x01, 0xc4], Interruption),
        ("rsm", &[0x0f, 0xaa], Interruption),
        ("clac", &[0x0f, 0x01, 0xca], Interruption),
        ("stac", &[0x0f, 0x01, 0xcb], Interruption),
        ("int 0x0d", &[0xcd, 0x0d], Interruption),
        ("int 0x0e", &[0xcd, 0x0e], Interruption),
        ("int 0x08", &[0xcd, 0x08], Interruption),
        ("int 0x20", &[0xcd, 0x20], Interruption),
        ("int 0x80", &[0xcd, 0x80], Interruption),
        ("int 0xff", &[0xcd, 0xff], Interruption),
        ("int3", &[0xcc], Code(program::DEBUG_EVENT)),
        ("int 3", &[0xcd, 0x03], Code(program::DEBUG_EVENT)),
        ("into", &[0xce], Code(program::OPERATION)),
        ("int1", &[0xf1], Interruption),
        ("syscall", &[0x0f, 0x05], Code(program::OPERATION)),
        ("sysenter", &[0x0f, 0x34], Interruption),
        ("iretq of nothing", &[0x48, 0xcf], Interruption),
        ("ud2", &[0x0f, 0x0b], Code(program::OPERATION)),
        ("ud1", &[0x0f, 0xb9, 0xc0], Code(program::OPERATION)),
        ("bound", &[0x62, 0x00], Interruption),
        ("sgdt", &[0x0f, 0x01, 0x04, 0x25, 0, 0x90, 0, 0], Harmless),
        ("sidt", &[0x0f, 0x01, 0x0c, 0x25, 0, 0x90, 0, 0], Harmless),
        ("sldt", &[0x0f, 0x00, 0xc0], Harmless),
        ("str", &[0x0f, 0x00, 0xc8], Harmless),
        ("smsw", &[0x0f, 0x01, 0xe0], Harmless),
        ("cpuid", &[0x0f, 0xa2], Harmless),
        ("rdtsc", &[0x0f, 0x31], Harmless),
        ("xgetbv", &[0x31, 0xc9, 0x0f, 0x01, 0xd0], Harmless),
        ("rdpkru", &[0x31, 0xc9, 0x0f, 0x01, 0xee], Harmless),
        ("wrpkru", &[0x31, 0xc9, 0x31, 0xd2, 0x31, 0xc0, 0x0f, 0x01, 0xef], Harmless),
        ("umonitor", &[0xf3, 0x0f, 0xae, 0xf0], Harmless),
        ("xsave", &[0x0f, 0xae, 0x24, 0x25, 0, 0x90, 0, 0], Harmless),
        ("enclu", &[0x0f, 0x01, 0xd7], Interruption),
        ("xabort", &[0xc6, 0xf8, 0x00], Harmless),
    ]
}

/// Short programs.
fn programs() -> Vec<(&'static str, &'static [u8], Outcome)> {
    vec![
        ("single step", single_step(), Code(program::DEBUG_EVENT)),
        ("divide by zero", divide_by_zero(), Code(program::DIVIDE)),
        ("divide overflow", divide_overflow(), Code(program::DIVIDE)),
        ("cmpxchg16b", cmpxchg16b(), Harmless),
        ("misaligned SSE operand", misaligned_sse(), Code(program::SPECIFICATION)),
        ("unmasked SSE exception", unmasked_sse(), Code(program::DATA)),
        ("reserved MXCSR bits", bad_mxcsr(), Interruption),
        ("unmasked x87 exception", unmasked_x87(), Code(program::DATA)),
        ("noncanonical load", noncanonical_load(), Code(program::ADDRESSING)),
        ("noncanonical jump", noncanonical_jump(), Code(program::ADDRESSING)),
        ("noncanonical call", noncanonical_call(), Code(program::ADDRESSING)),
        ("noncanonical stack", noncanonical_stack(), Code(program::ADDRESSING)),
        ("stack outside storage", stack_outside(), Code(program::ADDRESSING)),
        ("fault with a wild stack", fault_with_wild_stack(), Code(program::OPERATION)),
        ("load from the assist area", load_assist(), Code(program::ADDRESSING)),
        ("store into the assist area", store_assist(), Code(program::ADDRESSING)),
        ("jump to a stub", jump_assist(), Code(program::ADDRESSING)),
        ("call into a TSS", call_assist_tss(), Code(program::ADDRESSING)),
        ("jump into a kernel", jump_kernel(), Code(program::ADDRESSING)),
        ("call of vsyscall", call_vsyscall(), Code(program::ADDRESSING)),
        ("far return to ring 0", far_return_ring_0(), Interruption),
        ("far return to compatibility mode", far_return_compatibility(), Interruption),
        ("far return to nowhere", far_return_null(), Interruption),
        ("far jump", far_jump(), Interruption),
        ("far call", far_call(), Interruption),
        ("far call of a TSS", far_call_tss(), Interruption),
        ("iretq to ring 0", iret_ring_0(), Interruption),
        ("iretq to compatibility mode", iret_compatibility(), Interruption),
        ("iretq with a higher I/O privilege", iret_iopl(), Interruption),
        ("null stack segment", load_ss_null(), Interruption),
        ("ring 0 data segment", load_ds_ring_0(), Interruption),
        ("TSS as a data segment", load_fs_tss(), Interruption),
        ("local descriptor", load_gs_ldt(), Interruption),
        ("out dx", out_wide(), Code(program::PRIVILEGED)),
        ("out to the last port", out_last(), Code(program::PRIVILEGED)),
        ("rep outs", rep_outs(), Code(program::PRIVILEGED)),
        ("rep ins", rep_ins(), Code(program::PRIVILEGED)),
        ("outs from nowhere", outs_outside(), Interruption),
        ("ins to nowhere", ins_outside(), Interruption),
        ("popf of everything", popf_everything(), Code(program::DEBUG_EVENT)),
        ("xsetbv", xsetbv(), Interruption),
        ("wrmsr EFER", wrmsr_efer(), Code(program::PRIVILEGED)),
        ("rdmsr LSTAR", rdmsr_lstar(), Code(program::PRIVILEGED)),
        ("mov cr3", write_cr3(), Code(program::PRIVILEGED)),
        ("mov dr7", write_dr7(), Code(program::PRIVILEGED)),
        ("vmcall", hypercall_kvm(), Harmless),
        ("vmmcall", hypercall_amd(), Harmless),
        ("hypercall of PVM", hypercall_pvm(), Code(program::OPERATION)),
        ("system call", syscall_exit(), Code(program::OPERATION)),
        ("too long an instruction", invalid_prefix(), Interruption),
        ("forced emulation", forced_emulation(), Code(program::OPERATION)),
        ("synthetic CPUID", pvm_cpuid(), Code(program::OPERATION)),
    ]
}

/// Runs `machine` until it calls CP, is interrupted, or loops for too long.
fn outcome(host: &mut Host, machine: &mut Machine) -> Exit {
    host.processor.start_slice(Duration::from_millis(200));
    match host.run(machine) {
        Exit::PageFault { .. } => panic!("storage is not exhausted"),
        exit => exit,
    }
}

struct Neighbour {
    machine: Machine,
    secret: u64,
}

impl Neighbour {
    fn new(host: &Host, secret: u64) -> Self {
        let mut machine = host.machine(neighbour());
        machine.put_word(0xa000, secret);
        Self { machine, secret }
    }

    /// The neighbour computes right.
    #[track_caller]
    fn check(&mut self, host: &mut Host, after: &str) {
        host.processor.start_slice(Duration::from_secs(10));
        for _ in 0..2 {
            let exit = host.run(&mut self.machine);
            assert_eq!(exit, Exit::Diagnose, "the neighbour after {after}");
            assert_eq!(self.machine.context.registers[Registers::RAX], 41 + self.secret, "the neighbour after {after}");
        }
        host.release(&mut self.machine);
    }
}

#[test]
fn out_of_contract_instructions_end_as_program_interruptions_of_their_machine() {
    let mut host = Host::new();
    let mut neighbour = Neighbour::new(&host, 1000);
    let mut wrong = Vec::new();
    for (name, code, expected) in instructions().into_iter().chain(programs()) {
        let mut machine = host.machine(&[code, call_cp()].concat());
        let exit = outcome(&mut host, &mut machine);
        let right = match (&exit, &expected) {
            (Exit::Program { code, .. }, Code(wanted)) => code == wanted,
            (Exit::Program { .. }, Interruption | Harmless) | (Exit::Diagnose | Exit::SliceEnd, Harmless) => true,
            _ => false,
        };
        if !right {
            wrong.push(format!("{name}: {exit:?}"));
        }
        // The machine itself is whole: it goes on where its own interruption handler would.
        machine.space.write(0x6000, &[0xb8, 9, 0, 0, 0, 0xe7, 0x83]).unwrap();
        machine.context.registers.rip = 0x6000;
        machine.context.registers.rflags = 0;
        machine.context.registers[Registers::RSP] = 0x8000;
        assert_eq!(outcome(&mut host, &mut machine), Exit::Diagnose, "the machine after {name}");
        assert_eq!(machine.context.registers[Registers::RAX], 9, "the machine after {name}");
        host.release(&mut machine);
        neighbour.check(&mut host, name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_fault_names_its_instruction_and_leaves_the_registers_alone() {
    let mut host = Host::new();
    let mut machine = host.machine(divide_by_zero());
    for register in 0..16 {
        machine.context.registers[register] = 0x1111 * register as u64;
    }
    machine.context.registers[Registers::RSP] = 0xdead_beef_0000;
    let before = machine.context.registers;
    assert_eq!(outcome(&mut host, &mut machine), Exit::Program { code: program::DIVIDE, vector: 0, address: 0 });
    let mut expected = before;
    expected.rip = CODE + 2;
    expected[Registers::RCX] = 0;
    expected.rflags = machine.context.registers.rflags;
    assert_eq!(machine.context.registers, expected);
    assert_ne!(machine.context.registers.rflags & 0x40, 0, "the zero flag of XOR");
}

#[test]
fn system_calls_do_not_reach_code_at_address_zero() {
    let mut host = Host::new();
    // Where an unset SYSCALL target would lead.
    let mut machine = host.machine(&[0x0f, 0x05]);
    machine.space.write(0, &[0xe7, 0x83]).unwrap();
    let exit = outcome(&mut host, &mut machine);
    assert_eq!(exit, Exit::Program { code: program::OPERATION, vector: 6, address: 0 });
    assert_eq!(machine.context.registers.rip, CODE);
}

#[test]
fn registers_out_of_range_are_refused_before_anything_runs() {
    let mut host = Host::new();
    let mut neighbour = Neighbour::new(&host, 5);
    for rip in [SIZE, 1 << 47, 0x8000_0000_0000_0000, 0xffff_ff80_0000_6000, u64::MAX] {
        let mut machine = host.machine(&[0x90]);
        machine.context.registers.rip = rip;
        let exit = outcome(&mut host, &mut machine);
        assert_eq!(exit, Exit::Program { code: program::ADDRESSING, vector: 14, address: rip });
        neighbour.check(&mut host, "a wild instruction address");
    }
}

#[test]
fn flags_that_are_not_the_machines_are_not_taken() {
    let mut host = Host::new();
    // pushfq; pop rax; out 0x83, eax
    let mut machine = host.machine(&[0x9c, 0x58, 0xe7, 0x83]);
    // IOPL, NT, VM, VIF, VIP: everything but the trap flag.
    machine.context.registers.rflags = !0x100;
    let flags = host.answer(&mut machine);
    assert_eq!(flags & 0x001b_7000, 0, "{flags:#x}");
    assert_eq!(flags & 0xcd5, 0xcd5, "{flags:#x}");
}

#[test]
fn code_that_runs_off_the_end_of_storage_is_an_addressing_exception() {
    let mut host = Host::new();
    let mut machine = host.machine(&[]);
    machine.space.write(SIZE - 4, &[0x90; 4]).unwrap();
    machine.context.registers.rip = SIZE - 4;
    assert_eq!(outcome(&mut host, &mut machine), Exit::Program { code: program::ADDRESSING, vector: 14, address: SIZE });
}
