//! Vector registers, x87, MXCSR and segment bases belong to one machine each.

use std::time::Duration;

use cp_monitor::processor::{Exit, Registers};

use crate::machines::{Host, Machine, guest};

guest! {
    /// Loads x87, SSE and MXCSR with the word in RBX, then spins.
    mark_and_spin:
        "movq xmm0, rbx"
        "punpcklqdq xmm0, xmm0"
        "movdqa xmm7, xmm0"
        "movdqa xmm15, xmm0"
        "mov qword ptr [0x7000], rbx"
        "fild qword ptr [0x7000]"
        "mov dword ptr [0x7008], 0x3f80"
        "ldmxcsr [0x7008]"
        "mov dword ptr [0x7010], 1"
        "2:"
        "cmp dword ptr [0x7018], 0"
        "je 2b"
        "fistp qword ptr [0x7020]"
        "movdqu [0x7030], xmm7"
        "stmxcsr [0x7040]"
        "out 0x83, eax";
    /// The same, but calls CP instead of spinning.
    mark_and_call:
        "movq xmm0, rbx"
        "punpcklqdq xmm0, xmm0"
        "movdqa xmm7, xmm0"
        "movdqa xmm15, xmm0"
        "out 0x83, eax"
        "movq rax, xmm7"
        "out 0x83, eax";
    /// Fills the upper halves of the AVX registers, then spins.
    mark_avx:
        "movq xmm0, rbx"
        "vpbroadcastq ymm0, xmm0"
        "vmovdqa ymm7, ymm0"
        "vmovdqa ymm15, ymm0"
        "mov dword ptr [0x7010], 1"
        "2: jmp 2b";
    /// Fills AVX-512 and mask registers, then spins.
    mark_avx512:
        "vpbroadcastq zmm0, rbx"
        "vmovdqa64 zmm7, zmm0"
        "vmovdqa64 zmm31, zmm0"
        "kmovw k1, ebx"
        "mov dword ptr [0x7010], 1"
        "2: jmp 2b";
    /// Sets the bases of FS and GS, then spins.
    mark_bases:
        "wrfsbase rbx"
        "wrgsbase rbx"
        "mov dword ptr [0x7010], 1"
        "2: jmp 2b";
    /// Stores what it finds in x87, SSE and MXCSR at X'6000'.
    dump:
        "fxsave64 [0x6000]"
        "out 0x83, eax";
    /// Answers the OR of the upper halves of the AVX registers.
    dump_avx:
        "vextracti128 xmm1, ymm0, 1"
        "vextracti128 xmm2, ymm7, 1"
        "vextracti128 xmm3, ymm15, 1"
        "vpor xmm1, xmm1, xmm2"
        "vpor xmm1, xmm1, xmm3"
        "vmovq rax, xmm1"
        "out 0x83, eax";
    /// Answers the OR of an AVX-512 register, an upper half and a mask register.
    dump_avx512:
        "vextracti64x4 ymm1, zmm7, 1"
        "vmovdqa64 ymm2, ymm31"
        "vporq ymm1, ymm1, ymm2"
        "vmovq rax, xmm1"
        "kmovw ecx, k1"
        "or rax, rcx"
        "out 0x83, eax";
    /// Answers the OR of the bases of FS and GS.
    dump_bases:
        "rdfsbase rax"
        "rdgsbase rcx"
        "or rax, rcx"
        "out 0x83, eax";
}

const SECRET: u64 = 0x00de_c0de_5ec2_e700;

/// Runs a machine in slices until it says at X'7010' that its registers are marked, and once more after that.
fn until_marked(host: &mut Host, machine: &mut Machine) -> bool {
    for _ in 0..200 {
        host.processor.start_slice(Duration::from_millis(2));
        match host.run(machine) {
            Exit::SliceEnd if machine.word(0x7010) & 1 == 1 => return true,
            Exit::SliceEnd => {}
            // The host does not let a machine have these registers at all.
            Exit::Program { code: abi::program::OPERATION, .. } => return false,
            other => panic!("{other:?}"),
        }
    }
    panic!("the machine never marked its registers");
}

#[track_caller]
fn assert_pristine(host: &mut Host) {
    host.processor.start_slice(Duration::from_secs(10));
    let mut other = host.machine(dump());
    host.answer(&mut other);
    host.release(&mut other);
    let mut area = [0; 512];
    other.space.read(0x6000, &mut area).unwrap();
    assert_eq!(&area[..6], &[0x7f, 3, 0, 0, 0, 0], "x87 control, status and tag words");
    assert_eq!(&area[24..28], &0x1f80u32.to_le_bytes(), "MXCSR");
    assert!(area[32..416].iter().all(|&byte| byte == 0), "x87 and SSE registers: {:02x?}", &area[32..416]);
}

#[test]
fn a_preempted_machine_keeps_its_registers_and_shows_them_to_nobody() {
    let mut host = Host::new();
    let mut machines: Vec<Machine> = (0..3).map(|_| host.machine(mark_and_spin())).collect();
    for (number, machine) in machines.iter_mut().enumerate() {
        machine.context.registers[Registers::RBX] = SECRET + number as u64;
        assert!(until_marked(&mut host, machine));
        host.release(machine);
        assert_pristine(&mut host);
    }
    for (number, machine) in machines.iter_mut().enumerate() {
        machine.put_word(0x7018, 1);
        host.processor.start_slice(Duration::from_secs(10));
        host.answer(machine);
        host.release(machine);
        let expected = SECRET + number as u64;
        assert_eq!([0x7020, 0x7030, 0x7038].map(|at| machine.word(at)), [expected; 3]);
        assert_eq!(machine.word(0x7040) as u32, 0x3f80, "MXCSR");
    }
}

#[test]
fn a_machine_that_is_switched_at_a_diagnose_leaves_nothing_behind() {
    let mut host = Host::new();
    let mut machine = host.machine(mark_and_call());
    machine.context.registers[Registers::RBX] = SECRET;
    host.answer(&mut machine);
    host.release(&mut machine);
    assert_pristine(&mut host);
    assert_eq!(host.answer(&mut machine), 0, "a defined state after a DIAGNOSE that switched");
}

#[test]
fn a_context_that_was_never_released_leaves_nothing_behind() {
    let mut host = Host::new();
    let mut machine = host.machine(mark_and_spin());
    machine.context.registers[Registers::RBX] = SECRET;
    assert!(until_marked(&mut host, &mut machine));
    assert_pristine(&mut host);
}

#[test]
fn load_psw_keeps_vector_registers_through_a_switch() {
    let mut host = Host::new();
    let mut machine = host.machine(mark_and_call());
    machine.context.registers[Registers::RBX] = SECRET;
    host.answer(&mut machine);
    machine.context.keep_vectors();
    host.release(&mut machine);
    assert_pristine(&mut host);
    assert_eq!(host.answer(&mut machine), SECRET);
}

#[test]
fn vector_registers_go_with_the_machine_to_another_processor() {
    let mut host = Host::new();
    let mut machine = host.machine(mark_and_spin());
    machine.context.registers[Registers::RBX] = SECRET;
    assert!(until_marked(&mut host, &mut machine));
    host.release(&mut machine);
    machine.put_word(0x7018, 1);
    let partition = &host.partition;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut other = partition.processor(1).expect("a second processor");
            assert_eq!(crate::machines::run(&mut *other, &mut machine), Exit::Diagnose);
        });
    });
    assert_eq!(machine.word(0x7020), SECRET);
}

#[test]
fn registers_beyond_the_promise_do_not_leak_either() {
    let mut host = Host::new();
    let detected = |there: bool, mark: fn() -> &'static [u8], dump: fn() -> &'static [u8]| there.then_some((mark, dump));
    let sets = [
        ("AVX", detected(is_x86_feature_detected!("avx2"), mark_avx, dump_avx)),
        ("AVX-512", detected(is_x86_feature_detected!("avx512f"), mark_avx512, dump_avx512)),
        ("FS and GS bases", Some((mark_bases as fn() -> _, dump_bases as fn() -> _))),
    ];
    for (name, set) in sets {
        let Some((mark, dump)) = set else { continue };
        let mut machine = host.machine(mark());
        // A base must be a canonical address.
        machine.context.registers[Registers::RBX] = SECRET & 0xffff_ffff;
        let marked = until_marked(&mut host, &mut machine);
        println!("{name}: {}", if marked { "the host lets machines use them" } else { "not for machines" });
        host.release(&mut machine);
        host.processor.start_slice(Duration::from_secs(10));
        let mut other = host.machine(dump());
        match host.run(&mut other) {
            Exit::Diagnose => {
                assert_eq!(other.context.registers[Registers::RAX], 0, "{name} leaked")
            }
            Exit::Program { code: abi::program::OPERATION, .. } => assert!(!marked, "{name}"),
            exit => panic!("{name}: {exit:?}"),
        }
        host.release(&mut other);
    }
}
