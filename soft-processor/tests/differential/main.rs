//! The software processor against the host's own: random user-mode code, registers, flags, storage and exceptions compared.
//!
//! `CP64_DIFFERENTIAL_CASES=1000000` runs so many of each family, `CP64_DIFFERENTIAL_SEED` begins elsewhere; a difference is printed with its seed.

mod case;
mod generator;
mod native;
mod soft;

use case::{Case, DATA_BYTES, Outcome, Width};
use generator::Family;
use iced_x86::Mnemonic;

/// Instructions after which a case has not ended.
const RUN: u64 = 100_000;
const BATCH: usize = 256;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text}")))
}

/// What is different, in words; x87 registers are compared when the case is about them.
fn difference(case: &Case, undefined: u64, native: &Outcome, soft: &Outcome, family: Family) -> Option<String> {
    let (n, s) = (&native.registers, &soft.registers);
    let mut texts = Vec::new();
    let mut compare = |what: String, native: u128, soft: u128| {
        if native != soft {
            texts.push(format!("{what}: host {native:#x}, soft {soft:#x}"));
        }
    };
    compare("vector".into(), native.vector.into(), soft.vector.into());
    let mask = case.width.mask();
    compare("rip".into(), (n.rip & mask).into(), (s.rip & mask).into());
    // The kernel keeps error codes and addresses from earlier exceptions where there is none.
    if matches!(native.vector, 10..=14) {
        // For the kernel's half of the addresses Linux says "present" in any case.
        let hidden = u32::from(native.vector == 14 && native.address >> 47 != 0);
        compare("error code".into(), (native.error & !hidden).into(), (soft.error & !hidden).into());
    }
    if native.vector == 14 && soft.vector == 14 {
        compare("address".into(), native.address.into(), soft.address.into());
    }
    for register in 0..16 {
        compare(format!("r{register}"), (n.general[register] & mask).into(), (s.general[register] & mask).into());
        compare(format!("xmm{register}"), n.xmm[register], s.xmm[register]);
    }
    // A fault may come before undefined flags are cleared.
    let flags = if native.vector == 3 { 0xcd5 } else { 0xcd5 & !undefined };
    compare("flags".into(), (n.rflags & flags).into(), (s.rflags & flags).into());
    // Whether an overflow that traps was inexact besides, only the hardware knows.
    let inexact = if native.vector == 19 && n.mxcsr & 8 != 0 { 0x20 } else { 0 };
    compare("mxcsr".into(), (n.mxcsr | inexact).into(), (s.mxcsr | inexact).into());
    if family == Family::X87 {
        compare("control word".into(), n.control.into(), s.control.into());
        // C0 to C3 after instructions that leave them undefined are compared, too: both are asked the same.
        compare("status word".into(), n.status.into(), s.status.into());
        compare("in use".into(), n.in_use.into(), s.in_use.into());
        for position in 0..8 {
            let register = ((n.status >> 11) as usize + position) & 7;
            if n.in_use >> register & 1 != 0 {
                compare(format!("st{position}"), n.stack[position] & ((1 << 80) - 1), s.stack[position] & ((1 << 80) - 1));
            }
        }
    }
    if let Some(at) = (0..DATA_BYTES).find(|&at| native.data[at] != soft.data[at]) {
        compare(format!("storage at {at:#x} (was {:#x})", case.data[at]), native.data[at].into(), soft.data[at].into());
    }
    (!texts.is_empty()).then(|| texts.join("\n  "))
}

fn run(family: Family, width: Width, cases: u64, only: Option<Mnemonic>) {
    let first = number("CP64_DIFFERENTIAL_SEED", 1);
    let mut batch = native::Batch::new(BATCH);
    let mut soft = soft::Soft::new();
    let mut different = 0;
    let mut faults = 0_u64;
    let tolerated = number("CP64_DIFFERENTIAL_SHOW", 5);
    let mut seed = first;
    while seed < first + cases {
        let seeds: Vec<u64> = (seed..(first + cases).min(seed + BATCH as u64)).collect();
        let made: Vec<_> = seeds.iter().map(|&seed| generator::case(seed, family, width, only)).collect();
        let inputs: Vec<Case> = made.iter().map(|(case, _)| *case).collect();
        let outcomes = batch.run(&inputs).unwrap_or_else(|at| {
            panic!("seed {}: the host's process did not survive {:?} {:02x?}", seeds[at], mnemonics(&made[at].1), &inputs[at].code[..64])
        });
        for ((&seed, (case, instructions)), native) in seeds.iter().zip(&made).zip(outcomes) {
            // Whole traces and single instructions go different ways.
            let (whole, stepped) = (soft.run(case, RUN), soft.run(case, 1));
            let undefined = instructions.iter().fold(0, |all, i| all | u64::from(generator::flags(i.rflags_undefined())));
            faults += u64::from(native.vector != 3);
            let found = difference(case, undefined, native, &whole, family)
                .or_else(|| difference(case, undefined, native, &stepped, family).map(|text| format!("in single steps {text}")));
            if let Some(text) = found {
                different += 1;
                println!("seed {seed} {:?}\n  code {:02x?}\n  {text}", mnemonics(instructions), &case.code[..48]);
                assert!(different < tolerated, "{different} differences in {family:?} {width:?}, the last at seed {seed}");
            }
        }
        seed += BATCH as u64;
    }
    println!("{family:?} {width:?}: {cases} cases from seed {first}, {faults} of them ended by a fault, {different} differences");
    assert_eq!(different, 0, "{family:?} {width:?}");
    assert!(faults > 0 && faults < cases, "cases of both kinds");
}

fn mnemonics(instructions: &[iced_x86::Instruction]) -> Vec<Mnemonic> {
    instructions.iter().map(|i| i.mnemonic()).collect()
}

#[test]
fn integer_code_does_what_the_host_does() {
    run(Family::Integer, Width::Bits64, number("CP64_DIFFERENTIAL_CASES", 20_000), None);
}

#[test]
fn vector_code_does_what_the_host_does() {
    run(Family::Sse, Width::Bits64, number("CP64_DIFFERENTIAL_CASES", 20_000), None);
}

#[test]
fn x87_code_does_what_the_host_does() {
    run(Family::X87, Width::Bits64, number("CP64_DIFFERENTIAL_CASES", 20_000), None);
}

#[test]
fn code_of_32_bits_does_what_the_host_does() {
    run(Family::Integer, Width::Bits32, number("CP64_DIFFERENTIAL_CASES", 10_000), None);
    run(Family::Sse, Width::Bits32, number("CP64_DIFFERENTIAL_CASES", 5_000), None);
    run(Family::X87, Width::Bits32, number("CP64_DIFFERENTIAL_CASES", 5_000), None);
}

#[test]
fn code_of_16_bits_does_what_the_host_does() {
    assert!(native::has_segments_16(), "the host's kernel has modify_ldt (CONFIG_MODIFY_LDT_SYSCALL)");
    run(Family::Integer, Width::Bits16, number("CP64_DIFFERENTIAL_CASES", 10_000), None);
}
