//! Random cases. Instructions are random bytes that decode to something both processors offer user programs; operands mostly point to storage.

use iced_x86::{Code, CpuidFeature, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use super::case::{CODE, CODE_BYTES, Case, DATA, DATA_BYTES, Registers, Width};

/// A reproducible row of numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What a run is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    Integer,
    Sse,
    X87,
}

const CORNERS: [u64; 12] = [0, 1, 2, 0x7f, 0x80, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, i64::MAX as u64, i64::MIN as u64, u64::MAX, 0x7fff];

fn value(random: &mut Random, width: Width) -> u64 {
    let data = width.data();
    match random.below(8) {
        0..3 => data + 256 + random.below(DATA_BYTES as u64 - 512) / 16 * 16,
        3 => data + 256 + random.below(DATA_BYTES as u64 - 512),
        4 => random.below(64),
        5 => random.next(),
        6 => CORNERS[random.below(CORNERS.len() as u64) as usize],
        _ => random.next() >> random.below(64),
    }
}

/// 80-bit numbers of all classes; most are plain.
pub fn extended(random: &mut Random) -> u128 {
    let fraction = match random.below(6) {
        0 => 1 << 63,
        1 => u64::MAX,
        2 => random.next() | 1 << 63,
        3 => (random.next() << 40) | 1 << 63,
        4 => (random.next() & 0xfff0_0000_0000_0000) | 1 << 63,
        _ => random.next(),
    };
    let exponent = match random.below(12) {
        0 => 0,
        1 => 0x7fff,
        2 => random.below(0x8000),
        3 => 1 + random.below(70),
        _ => 0x3fff - 40 + random.below(80),
    };
    let fraction = if exponent != 0 { fraction | 1 << 63 } else { fraction & !(1 << 63) };
    u128::from(fraction) | u128::from(exponent) << 64 | u128::from(random.below(2)) << 79
}

fn double(random: &mut Random) -> u64 {
    match random.below(8) {
        0 => random.next(),
        1 => (random.next() as i16 as f64).to_bits(),
        2 => f64::from(random.next() as i32).to_bits(),
        3 => [0, 1 << 63, 0x7ff0 << 48, 0xfff0 << 48, 0x7ff8 << 48, 0x7ff4 << 48, 1, 0x000f_ffff_ffff_ffff][random.below(8) as usize],
        _ => (0x3ff0 - 0x100 + random.below(0x200)) << 48 | random.next() >> 16,
    }
}

fn single(random: &mut Random) -> u64 {
    u64::from(match random.below(6) {
        0 => random.next() as u32,
        1 => f32::from(random.next() as i16).to_bits(),
        2 => [0, 1 << 31, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7fa0_0000, 1, 0x007f_ffff][random.below(8) as usize],
        _ => (0x3f80_0000 - 0x0800_0000 + random.below(0x1000_0000)) as u32,
    })
}

fn vector(random: &mut Random) -> u128 {
    match random.below(4) {
        0 => u128::from(random.next()) << 64 | u128::from(random.next()),
        1 => u128::from(double(random)) << 64 | u128::from(double(random)),
        _ => (0..4).fold(0, |all, _| all << 32 | u128::from(single(random))),
    }
}

fn offered(instruction: &Instruction) -> bool {
    use CpuidFeature as F;
    instruction.cpuid_features().iter().all(|feature| {
        matches!(
            feature,
            F::INTEL8086
                | F::INTEL186
                | F::INTEL286
                | F::INTEL386
                | F::INTEL486
                | F::X64
                | F::CMOV
                | F::CX8
                | F::MULTIBYTENOP
                | F::FPU
                | F::FPU287
                | F::FPU387
                | F::SSE
                | F::SSE2
                | F::PAUSE
                | F::INTEL8086_ONLY
        )
    })
}

/// Instructions whose outcome is not the processor's alone, or that user programs of one of both may not have.
fn excluded(i: &Instruction, width: Width) -> bool {
    use Mnemonic as M;
    let uses_mmx = (0..i.op_count()).any(|n| i.op_kind(n) == OpKind::Register && i.op_register(n).is_mm());
    let special = (0..i.op_count()).any(|n| {
        i.op_kind(n) == OpKind::Register && {
            let r = i.op_register(n);
            r.is_segment_register() || r.is_cr() || r.is_dr() || r.is_tr()
        }
    });
    uses_mmx
        || special
        || i.segment_prefix() == Register::FS
        || matches!(
            i.mnemonic(),
            M::Syscall | M::Sysenter | M::Sysexit | M::Sysret | M::Sysretq | M::Sysexitq | M::Int | M::Int1 | M::Rdpmc | M::Rdtsc | M::Cpuid | M::Sgdt
                | M::Sidt | M::Sldt | M::Str | M::Smsw | M::Lar | M::Lsl | M::Verr | M::Verw | M::Iret | M::Iretd | M::Iretq | M::Retf | M::Lss | M::Lfs
                | M::Lgs | M::Enter | M::Ud0 | M::Ud1 | M::Reservednop | M::Cvtpi2ps | M::Cvtpi2pd | M::Fxsave | M::Fxrstor | M::Fxsave64 | M::Fxrstor64
                | M::Int3 | M::Wait | M::Fstenv | M::Fnstenv | M::Fnsave | M::Fsave | M::Fldenv | M::Frstor | M::Popf | M::Popfq
                | M::Fstdw | M::Fstsg | M::Fnstdw | M::Fnstsg | M::Feni | M::Fneni | M::Fdisi | M::Fndisi | M::Fnsetpm | M::Fsetpm | M::Frstpm
                | M::Maskmovq | M::Maskmovdqu | M::Ldmxcsr | M::Clflush | M::Popfd | M::Lds | M::Les
        )
        // Not offered in 64-bit mode.
        || width == Width::Bits64 && matches!(i.mnemonic(), M::Lahf | M::Sahf)
        // Branches leave the case, except small ones forward, which are made on purpose.
        || i.flow_control() != iced_x86::FlowControl::Next && !matches!(i.mnemonic(), M::Hlt | M::Ud2 | M::Loop | M::Loope | M::Loopne | M::Jrcxz | M::Jecxz | M::Jcxz | M::Into)
            && !i.is_jcc_short()
        || matches!(i.code(), Code::Fstpnce_sti | Code::Fcom_st0_sti_DCD0 | Code::Fcomp_st0_sti_DCD8 | Code::Fxch_st0_sti_DDC8 | Code::Fcomp_st0_sti_DED0
            | Code::Ffreep_sti | Code::Fxch_st0_sti_DFC8 | Code::Fstp_sti_DFD0 | Code::Fstp_sti_DFD8)
}

fn family(i: &Instruction) -> Family {
    use CpuidFeature as F;
    let features = i.cpuid_features();
    if features.iter().any(|f| matches!(f, F::SSE | F::SSE2)) {
        Family::Sse
    } else if features.iter().any(|f| matches!(f, F::FPU | F::FPU287 | F::FPU387)) {
        Family::X87
    } else {
        Family::Integer
    }
}

/// Bytes of one random instruction.
fn bytes(random: &mut Random, wanted: Family, width: Width) -> [u8; 15] {
    let mut bytes = [0; 15];
    for part in bytes.chunks_mut(8) {
        let number = random.next().to_le_bytes();
        let length = part.len();
        part.copy_from_slice(&number[..length]);
    }
    let mut at = 0;
    if random.one_in(4) {
        bytes[at] = [0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x65, 0x2e][random.below(7) as usize];
        at += 1;
    }
    if wanted == Family::Sse && random.one_in(2) {
        bytes[at] = [0x66, 0xf2, 0xf3][random.below(3) as usize];
        at += 1;
    }
    if width == Width::Bits64 && random.one_in(2) {
        bytes[at] = 0x40 | random.below(16) as u8;
        at += 1;
    }
    match wanted {
        Family::Sse => bytes[at] = 0x0f,
        Family::X87 => bytes[at] = 0xd8 | random.below(8) as u8,
        Family::Integer if random.one_in(3) => bytes[at] = 0x0f,
        Family::Integer => {}
    }
    bytes
}

/// One instruction of the family, ready to be put at `at`.
fn instruction(random: &mut Random, wanted: Family, width: Width, only: Option<Mnemonic>) -> (Vec<u8>, Instruction) {
    loop {
        let mut bytes = bytes(random, wanted, width);
        let mut decoder = Decoder::new(width as u32, &bytes, DecoderOptions::NONE);
        let i = decoder.decode();
        if i.is_invalid() || !offered(&i) || excluded(&i, width) || family(&i) != wanted || only.is_some_and(|only| only != i.mnemonic()) {
            continue;
        }
        // More than 16 places of 16 bits are undefined.
        if matches!(i.mnemonic(), Mnemonic::Shld | Mnemonic::Shrd) && i.op1_register().size() == 2 {
            continue;
        }
        // ESP beyond its 16 bits: the flags that are to be made zero cannot be reached.
        if width == Width::Bits16 && (0..i.op_count()).any(|n| i.op_kind(n) == OpKind::Register && i.op_register(n) == Register::ESP) {
            continue;
        }
        // With needless prefixes these are not the same on all processors.
        if i.mnemonic() == Mnemonic::Pause && i.len() > 2
            || i.is_loop() | i.is_loopcc() && (bytes[..i.len() - 2].contains(&0xf2) || bytes[..i.len() - 2].contains(&0xf3))
        {
            continue;
        }
        // AMD's processors cut the target to 16 bits then, Intel's, which this one is, do not.
        if i.flow_control() == iced_x86::FlowControl::ConditionalBranch && bytes[..i.len() - 2].contains(&0x66) {
            continue;
        }
        // Two random registers rarely make an address.
        if i.memory_index() != Register::None && !random.one_in(4) {
            continue;
        }
        let offsets = decoder.get_constant_offsets(&i);
        if wanted == Family::Sse && offsets.has_displacement() && offsets.displacement_size() == 1 && !random.one_in(4) {
            bytes[offsets.displacement_offset()] &= 0xf0;
        }
        let _length = i.len();
        if offsets.has_displacement() && offsets.displacement_size() >= 2 && !random.one_in(8) {
            let small = (random.below(512) as i64 - 256) & if random.one_in(2) { !15 } else { !0 };
            let displacement = if i.is_ip_rel_memory_operand() {
                (DATA as i64 - CODE as i64) + 2048 + small
            } else if i.memory_base() == Register::None && i.memory_index() == Register::None {
                width.data() as i64 + 2048 + small
            } else {
                small
            };
            let wide = displacement.to_le_bytes();
            let size = offsets.displacement_size();
            bytes[offsets.displacement_offset()..][..size].copy_from_slice(&wide[..size]);
        }
        let i = Decoder::new(width as u32, &bytes, DecoderOptions::NONE).decode();
        return (bytes[..i.len()].to_vec(), i);
    }
}

/// The case of a seed, with `length` instructions at most; which they are.
pub fn case(seed: u64, wanted: Family, width: Width, only: Option<Mnemonic>) -> (Case, Vec<Instruction>) {
    let mut random = Random(seed);
    let mut code = [0xcc; CODE_BYTES];
    let mut at = 0;
    let mut instructions = Vec::new();
    let mut branch = None;
    for _ in 0..1 + random.below(6) {
        let kind = if wanted != Family::Integer && random.one_in(4) { Family::Integer } else { wanted };
        let (bytes, i) = instruction(&mut random, kind, width, only.filter(|_| kind == wanted));
        code[at..at + bytes.len()].copy_from_slice(&bytes);
        at += bytes.len();
        // A branch goes over the next instruction.
        if let Some(branch) = branch.take() {
            code[branch] = (at - branch - 1) as u8;
        }
        if i.flow_control() == iced_x86::FlowControl::ConditionalBranch {
            branch = Some(at - 1);
            code[at - 1] = 0;
        }
        instructions.push(i);
        // What the manuals leave undefined is made zero: PUSHF, AND, POPF.
        let undefined = flags(i.rflags_undefined());
        if undefined != 0 {
            let wide = (!undefined).to_le_bytes();
            let fix = match width {
                Width::Bits64 => [&[0x9c, 0x48, 0x81, 0x24, 0x24], &wide[..], &[0x9d]].concat(),
                Width::Bits32 => [&[0x9c, 0x81, 0x24, 0x24], &wide[..], &[0x9d]].concat(),
                Width::Bits16 => [&[0x9c, 0x67, 0x81, 0x24, 0x24], &wide[..2], &[0x9d]].concat(),
            };
            code[at..at + fix.len()].copy_from_slice(&fix);
            at += fix.len();
        }
        if at + 40 > CODE_BYTES {
            break;
        }
    }
    let mut general = [0; 16];
    for register in &mut general {
        *register = value(&mut random, width) & width.mask();
    }
    general[4] = width.data() + 512 + random.below(DATA_BYTES as u64 - 1024);
    if random.one_in(2) {
        general[4] &= !15;
    }
    if random.one_in(2) {
        general[1] = random.below(40);
    }
    let mut data = [0; DATA_BYTES];
    for part in data.chunks_mut(8) {
        let number = match random.below(4) {
            0 => value(&mut random, width),
            1 => double(&mut random),
            _ => random.next(),
        };
        part.copy_from_slice(&number.to_le_bytes());
    }
    let mut xmm = [0; 16];
    for register in &mut xmm {
        *register = vector(&mut random);
    }
    let mut stack = [0; 8];
    let mut in_use = if wanted == Family::X87 { (random.next() | random.next() | random.next()) as u8 } else { 0 };
    if wanted == Family::X87 {
        for register in &mut stack {
            *register = extended(&mut random);
        }
    } else {
        in_use = 0;
    }
    let rounding = random.below(4) as u32;
    let registers = Registers {
        general,
        rip: if width == Width::Bits16 { 0 } else { CODE },
        rflags: random.next() & 0xcd5 & !0x400 | if random.one_in(8) { 0x400 } else { 0 } | 0x202,
        xmm,
        mxcsr: 0x1f80 & if random.one_in(8) { !(random.next() as u32 & 0x1780) } else { u32::MAX }
            | rounding << 13
            | if random.one_in(8) { 0x8040 } else { 0 },
        control: 0x40
            | 0x3f & if random.one_in(8) { random.next() as u16 } else { 0x3f }
            | [0x300, 0x300, 0x300, 0x200, 0][random.below(5) as usize]
            | (random.below(4) as u16) << 10,
        status: (random.below(8) as u16) << 11,
        in_use,
        stack,
    };
    (Case { width, registers, code, data }, instructions)
}

/// Flags by their places in RFLAGS, from the bits of iced-x86.
pub fn flags(rflags: u32) -> u32 {
    use iced_x86::RflagsBits as B;
    [(B::OF, 0x800), (B::SF, 0x80), (B::ZF, 0x40), (B::AF, 0x10), (B::CF, 1), (B::PF, 4)]
        .into_iter()
        .filter(|(bit, _)| rflags & bit != 0)
        .map(|(_, flag)| flag)
        .sum()
}
