//! Floating point on the host's own units: exact in every rounding mode, with every flag, and of all 80 bits, for it is the same hardware.
//!
//! Each function loads the guest's control word, executes one instruction on given values and reads the flags. Nothing traps here: SSE exceptions
//! are masked, those of x87 would wait for the next instruction that waits, and none does. The host's own control words are put back.
#![allow(unsafe_code)]

use std::arch::asm;
use std::arch::x86_64::__m128i;

/// Operation of SSE on two registers, the second of which may have come from storage; flags are added to the control and status register.
pub(crate) type Vector = fn(u128, u128, &mut u32) -> u128;

fn register(value: u128) -> __m128i {
    // SAFETY: both are 16 plain bytes.
    unsafe { std::mem::transmute::<u128, __m128i>(value) }
}

fn number(value: __m128i) -> u128 {
    // SAFETY: both are 16 plain bytes.
    unsafe { std::mem::transmute::<__m128i, u128>(value) }
}

/// Operation on integers in two vectors, with an immediate byte.
pub(crate) type Packed = fn(u128, u128, u8) -> u128;

/// Exceptions of MXCSR and the x87 status word.
pub(crate) const FLAGS: u32 = 0x3f;
/// All exceptions masked, in MXCSR.
const MASKED: u32 = 0x1f80;

macro_rules! vector {
    ($($name:ident $text:literal,)*) => { $(
        #[doc = $text]
        pub(crate) fn $name(a: u128, b: u128, mxcsr: &mut u32) -> u128 {
            let mut result = register(a);
            let mut control = *mxcsr & !FLAGS | MASKED;
            let mut saved = 0_u32;
            // SAFETY: touches the named registers, the two words and MXCSR, which is put back.
            unsafe {
                asm!(
                    "stmxcsr [{saved}]", "ldmxcsr [{control}]", $text, "stmxcsr [{control}]", "ldmxcsr [{saved}]",
                    saved = in(reg) &mut saved, control = in(reg) &mut control, a = inout(xmm_reg) result, b = in(xmm_reg) register(b),
                    options(nostack),
                );
            }
            *mxcsr |= control & FLAGS;
            number(result)
        }
    )* };
}

vector! {
    addss "addss {a}, {b}", addsd "addsd {a}, {b}", addps "addps {a}, {b}", addpd "addpd {a}, {b}",
    subss "subss {a}, {b}", subsd "subsd {a}, {b}", subps "subps {a}, {b}", subpd "subpd {a}, {b}",
    mulss "mulss {a}, {b}", mulsd "mulsd {a}, {b}", mulps "mulps {a}, {b}", mulpd "mulpd {a}, {b}",
    divss "divss {a}, {b}", divsd "divsd {a}, {b}", divps "divps {a}, {b}", divpd "divpd {a}, {b}",
    minss "minss {a}, {b}", minsd "minsd {a}, {b}", minps "minps {a}, {b}", minpd "minpd {a}, {b}",
    maxss "maxss {a}, {b}", maxsd "maxsd {a}, {b}", maxps "maxps {a}, {b}", maxpd "maxpd {a}, {b}",
    sqrtss "sqrtss {a}, {b}", sqrtsd "sqrtsd {a}, {b}", sqrtps "sqrtps {a}, {b}", sqrtpd "sqrtpd {a}, {b}",
    rcpss "rcpss {a}, {b}", rcpps "rcpps {a}, {b}", rsqrtss "rsqrtss {a}, {b}", rsqrtps "rsqrtps {a}, {b}",
    cvtss2sd "cvtss2sd {a}, {b}", cvtsd2ss "cvtsd2ss {a}, {b}", cvtps2pd "cvtps2pd {a}, {b}", cvtpd2ps "cvtpd2ps {a}, {b}",
    cvtdq2ps "cvtdq2ps {a}, {b}", cvtps2dq "cvtps2dq {a}, {b}", cvttps2dq "cvttps2dq {a}, {b}",
    cvtdq2pd "cvtdq2pd {a}, {b}", cvtpd2dq "cvtpd2dq {a}, {b}", cvttpd2dq "cvttpd2dq {a}, {b}",
    cmpss0 "cmpss {a}, {b}, 0", cmpss1 "cmpss {a}, {b}, 1", cmpss2 "cmpss {a}, {b}, 2", cmpss3 "cmpss {a}, {b}, 3", cmpss4 "cmpss {a}, {b}, 4", cmpss5 "cmpss {a}, {b}, 5", cmpss6 "cmpss {a}, {b}, 6", cmpss7 "cmpss {a}, {b}, 7",
    cmpsd0 "cmpsd {a}, {b}, 0", cmpsd1 "cmpsd {a}, {b}, 1", cmpsd2 "cmpsd {a}, {b}, 2", cmpsd3 "cmpsd {a}, {b}, 3", cmpsd4 "cmpsd {a}, {b}, 4", cmpsd5 "cmpsd {a}, {b}, 5", cmpsd6 "cmpsd {a}, {b}, 6", cmpsd7 "cmpsd {a}, {b}, 7",
    cmpps0 "cmpps {a}, {b}, 0", cmpps1 "cmpps {a}, {b}, 1", cmpps2 "cmpps {a}, {b}, 2", cmpps3 "cmpps {a}, {b}, 3", cmpps4 "cmpps {a}, {b}, 4", cmpps5 "cmpps {a}, {b}, 5", cmpps6 "cmpps {a}, {b}, 6", cmpps7 "cmpps {a}, {b}, 7",
    cmppd0 "cmppd {a}, {b}, 0", cmppd1 "cmppd {a}, {b}, 1", cmppd2 "cmppd {a}, {b}, 2", cmppd3 "cmppd {a}, {b}, 3", cmppd4 "cmppd {a}, {b}, 4", cmppd5 "cmppd {a}, {b}, 5", cmppd6 "cmppd {a}, {b}, 6", cmppd7 "cmppd {a}, {b}, 7",
}

macro_rules! packed {
    ($($name:ident $text:literal,)*) => { $(
        #[doc = $text]
        pub(crate) fn $name(a: u128, b: u128, _: u8) -> u128 {
            let mut result = register(a);
            // SAFETY: touches the named registers only.
            unsafe {
                asm!($text, a = inout(xmm_reg) result, b = in(xmm_reg) register(b), options(pure, nomem, nostack, preserves_flags));
            }
            number(result)
        }
    )* };
}

packed! {
    paddb "paddb {a}, {b}", paddw "paddw {a}, {b}", paddd "paddd {a}, {b}", paddq "paddq {a}, {b}",
    paddsb "paddsb {a}, {b}", paddsw "paddsw {a}, {b}", paddusb "paddusb {a}, {b}", paddusw "paddusw {a}, {b}",
    psubb "psubb {a}, {b}", psubw "psubw {a}, {b}", psubd "psubd {a}, {b}", psubq "psubq {a}, {b}",
    psubsb "psubsb {a}, {b}", psubsw "psubsw {a}, {b}", psubusb "psubusb {a}, {b}", psubusw "psubusw {a}, {b}",
    pmullw "pmullw {a}, {b}", pmulhw "pmulhw {a}, {b}", pmulhuw "pmulhuw {a}, {b}", pmuludq "pmuludq {a}, {b}",
    pmaddwd "pmaddwd {a}, {b}", psadbw "psadbw {a}, {b}", pavgb "pavgb {a}, {b}", pavgw "pavgw {a}, {b}",
    pminub "pminub {a}, {b}", pmaxub "pmaxub {a}, {b}", pminsw "pminsw {a}, {b}", pmaxsw "pmaxsw {a}, {b}",
    pcmpeqb "pcmpeqb {a}, {b}", pcmpeqw "pcmpeqw {a}, {b}", pcmpeqd "pcmpeqd {a}, {b}", pcmpgtb "pcmpgtb {a}, {b}",
    pcmpgtw "pcmpgtw {a}, {b}", pcmpgtd "pcmpgtd {a}, {b}", packsswb "packsswb {a}, {b}", packssdw "packssdw {a}, {b}",
    packuswb "packuswb {a}, {b}", punpcklbw "punpcklbw {a}, {b}", punpcklwd "punpcklwd {a}, {b}", punpckldq "punpckldq {a}, {b}",
    punpcklqdq "punpcklqdq {a}, {b}", punpckhbw "punpckhbw {a}, {b}", punpckhwd "punpckhwd {a}, {b}", punpckhdq "punpckhdq {a}, {b}",
    punpckhqdq "punpckhqdq {a}, {b}", unpcklps "unpcklps {a}, {b}", unpcklpd "unpcklpd {a}, {b}", unpckhps "unpckhps {a}, {b}",
    unpckhpd "unpckhpd {a}, {b}", psllw "psllw {a}, {b}", pslld "pslld {a}, {b}", psllq "psllq {a}, {b}",
    psrlw "psrlw {a}, {b}", psrld "psrld {a}, {b}", psrlq "psrlq {a}, {b}", psraw "psraw {a}, {b}",
    psrad "psrad {a}, {b}",
}

macro_rules! from_integer {
    ($($name:ident $text:literal,)*) => { $(
        #[doc = $text]
        pub(crate) fn $name(a: u128, integer: u64, mxcsr: &mut u32) -> u128 {
            let mut result = register(a);
            let mut control = *mxcsr & !FLAGS | MASKED;
            let mut saved = 0_u32;
            // SAFETY: as in `vector`.
            unsafe {
                asm!(
                    "stmxcsr [{saved}]", "ldmxcsr [{control}]", $text, "stmxcsr [{control}]", "ldmxcsr [{saved}]",
                    saved = in(reg) &mut saved, control = in(reg) &mut control, a = inout(xmm_reg) result, b = in(reg) integer,
                    options(nostack),
                );
            }
            *mxcsr |= control & FLAGS;
            number(result)
        }
    )* };
}

from_integer! {
    cvtsi2ss_32 "cvtsi2ss {a}, {b:e}", cvtsi2ss_64 "cvtsi2ss {a}, {b:r}",
    cvtsi2sd_32 "cvtsi2sd {a}, {b:e}", cvtsi2sd_64 "cvtsi2sd {a}, {b:r}",
}

macro_rules! to_integer {
    ($($name:ident $text:literal,)*) => { $(
        #[doc = $text]
        pub(crate) fn $name(b: u128, mxcsr: &mut u32) -> u64 {
            let mut result = 0_u64;
            let mut control = *mxcsr & !FLAGS | MASKED;
            let mut saved = 0_u32;
            // SAFETY: as in `vector`.
            unsafe {
                asm!(
                    "stmxcsr [{saved}]", "ldmxcsr [{control}]", $text, "stmxcsr [{control}]", "ldmxcsr [{saved}]",
                    saved = in(reg) &mut saved, control = in(reg) &mut control, a = inout(reg) result, b = in(xmm_reg) register(b),
                    options(nostack),
                );
            }
            *mxcsr |= control & FLAGS;
            result
        }
    )* };
}

to_integer! {
    cvtss2si_32 "cvtss2si {a:e}, {b}", cvtss2si_64 "cvtss2si {a:r}, {b}", cvttss2si_32 "cvttss2si {a:e}, {b}", cvttss2si_64 "cvttss2si {a:r}, {b}",
    cvtsd2si_32 "cvtsd2si {a:e}, {b}", cvtsd2si_64 "cvtsd2si {a:r}, {b}", cvttsd2si_32 "cvttsd2si {a:e}, {b}", cvttsd2si_64 "cvttsd2si {a:r}, {b}",
}

macro_rules! order {
    ($($name:ident $text:literal,)*) => { $(
        #[doc = $text]
        ///
        /// RFLAGS after it.
        pub(crate) fn $name(a: u128, b: u128, mxcsr: &mut u32) -> u64 {
            let flags: u64;
            let mut control = *mxcsr & !FLAGS | MASKED;
            let mut saved = 0_u32;
            // SAFETY: as in `vector`; the stack is as before.
            unsafe {
                asm!(
                    "stmxcsr [{saved}]", "ldmxcsr [{control}]", $text, "pushfq", "pop {flags}", "stmxcsr [{control}]", "ldmxcsr [{saved}]",
                    saved = in(reg) &mut saved, control = in(reg) &mut control, a = in(xmm_reg) register(a), b = in(xmm_reg) register(b),
                    flags = out(reg) flags,
                );
            }
            *mxcsr |= control & FLAGS;
            flags
        }
    )* };
}

order! {
    comiss "comiss {a}, {b}", comisd "comisd {a}, {b}", ucomiss "ucomiss {a}, {b}", ucomisd "ucomisd {a}, {b}",
}

/// What an x87 instruction leaves: up to two values, and the status word with the flags and conditions of this instruction only.
#[derive(Clone, Copy, Default)]
pub(crate) struct Left {
    pub(crate) value: u128,
    /// What is below it on the stack.
    pub(crate) below: u128,
    pub(crate) status: u16,
}

/// Operation of x87: ST(0), ST(1), control word.
pub(crate) type Scalar = fn(u128, u128, u16) -> Left;

macro_rules! scalar {
    ($($name:ident $($text:literal)*;)*) => { $(
        #[doc = concat!($($text, " ",)*)]
        pub(crate) fn $name(a: u128, b: u128, control: u16) -> Left {
            let (control, masked) = (control & 0x1f3f | 0x40, 0x37f_u16);
            let status: u16;
            let (mut value, mut below) = (0_u128, 0_u128);
            // SAFETY: the x87 registers, all of which are given up, are empty as between any two functions; the operands are 16 bytes each.
            unsafe {
                asm!(
                    "fninit", "fldcw [{control}]", "fld tbyte ptr [{b}]", "fld tbyte ptr [{a}]", $($text,)* "fnstsw ax", "fnclex", "fldcw [{masked}]",
                    "fstp tbyte ptr [{value}]", "fstp tbyte ptr [{below}]", "fninit",
                    control = in(reg) &control, masked = in(reg) &masked, a = in(reg) &a, b = in(reg) &b, value = in(reg) &mut value, below = in(reg) &mut below,
                    out("ax") status, out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _, out("st(4)") _, out("st(5)") _,
                    out("st(6)") _, out("st(7)") _,
                    options(nostack),
                );
            }
            Left { value, below, status }
        }
    )* };
}

scalar! {
    // ST(0) and another register, which is ST(1) here.
    fadd "fadd st(0), st(1)"; fmul "fmul st(0), st(1)"; fsub "fsub st(0), st(1)"; fsubr "fsubr st(0), st(1)";
    fdiv "fdiv st(0), st(1)"; fdivr "fdivr st(0), st(1)";
    fcom "fcom st(1)"; fucom "fucom st(1)"; fxam "fxam";
    fchs "fchs"; fabs "fabs"; fsqrt "fsqrt"; frndint "frndint"; fscale "fscale"; fprem "fprem"; fprem1 "fprem1";
    f2xm1 "f2xm1"; fsin "fsin"; fcos "fcos";
    // These leave one value fewer, so that the second store finds nothing.
    fyl2x "fyl2x"; fyl2xp1 "fyl2xp1"; fpatan "fpatan";
    // These leave one more.
    fptan "fptan"; fsincos "fsincos"; fxtract "fxtract";
    fld1 "fld1"; fldl2t "fldl2t"; fldl2e "fldl2e"; fldpi "fldpi"; fldlg2 "fldlg2"; fldln2 "fldln2"; fldz "fldz";
}

macro_rules! with_storage {
    ($($name:ident $text:literal;)*) => { $(
        #[doc = $text]
        ///
        /// Of ST(0) and the bytes of an operand.
        pub(crate) fn $name(a: u128, b: u128, control: u16) -> Left {
            let (control, masked) = (control & 0x1f3f | 0x40, 0x37f_u16);
            let status: u16;
            let mut value = 0_u128;
            // SAFETY: as in `scalar`.
            unsafe {
                asm!(
                    "fninit", "fldcw [{control}]", "fld tbyte ptr [{a}]", $text, "fnstsw ax", "fnclex", "fldcw [{masked}]",
                    "fstp tbyte ptr [{value}]", "fninit",
                    control = in(reg) &control, masked = in(reg) &masked, a = in(reg) &a, b = in(reg) &b, value = in(reg) &mut value,
                    out("ax") status, out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _, out("st(4)") _, out("st(5)") _,
                    out("st(6)") _, out("st(7)") _,
                    options(nostack),
                );
            }
            Left { value, below: 0, status }
        }
    )* };
}

with_storage! {
    fadd_f32 "fadd dword ptr [{b}]"; fadd_f64 "fadd qword ptr [{b}]"; fadd_i16 "fiadd word ptr [{b}]"; fadd_i32 "fiadd dword ptr [{b}]";
    fmul_f32 "fmul dword ptr [{b}]"; fmul_f64 "fmul qword ptr [{b}]"; fmul_i16 "fimul word ptr [{b}]"; fmul_i32 "fimul dword ptr [{b}]";
    fsub_f32 "fsub dword ptr [{b}]"; fsub_f64 "fsub qword ptr [{b}]"; fsub_i16 "fisub word ptr [{b}]"; fsub_i32 "fisub dword ptr [{b}]";
    fsubr_f32 "fsubr dword ptr [{b}]"; fsubr_f64 "fsubr qword ptr [{b}]"; fsubr_i16 "fisubr word ptr [{b}]"; fsubr_i32 "fisubr dword ptr [{b}]";
    fdiv_f32 "fdiv dword ptr [{b}]"; fdiv_f64 "fdiv qword ptr [{b}]"; fdiv_i16 "fidiv word ptr [{b}]"; fdiv_i32 "fidiv dword ptr [{b}]";
    fdivr_f32 "fdivr dword ptr [{b}]"; fdivr_f64 "fdivr qword ptr [{b}]"; fdivr_i16 "fidivr word ptr [{b}]"; fdivr_i32 "fidivr dword ptr [{b}]";
    fcom_f32 "fcom dword ptr [{b}]"; fcom_f64 "fcom qword ptr [{b}]"; fcom_i16 "ficom word ptr [{b}]"; fcom_i32 "ficom dword ptr [{b}]";
}

macro_rules! from_storage {
    ($($name:ident $text:literal;)*) => { $(
        #[doc = $text]
        ///
        /// Of the bytes of an operand.
        pub(crate) fn $name(operand: u128, control: u16) -> Left {
            let (control, masked) = (control & 0x1f3f | 0x40, 0x37f_u16);
            let status: u16;
            let mut value = 0_u128;
            // SAFETY: as in `scalar`.
            unsafe {
                asm!(
                    "fninit", "fldcw [{control}]", $text, "fnstsw ax", "fnclex", "fldcw [{masked}]", "fstp tbyte ptr [{value}]", "fninit",
                    control = in(reg) &control, masked = in(reg) &masked, operand = in(reg) &operand, value = in(reg) &mut value,
                    out("ax") status, out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _, out("st(4)") _, out("st(5)") _,
                    out("st(6)") _, out("st(7)") _,
                    options(nostack),
                );
            }
            Left { value, below: 0, status }
        }
    )* };
}

from_storage! {
    fld_32 "fld dword ptr [{operand}]"; fld_64 "fld qword ptr [{operand}]"; fld_80 "fld tbyte ptr [{operand}]";
    fild_16 "fild word ptr [{operand}]"; fild_32 "fild dword ptr [{operand}]"; fild_64 "fild qword ptr [{operand}]";
    fbld "fbld tbyte ptr [{operand}]";
}

macro_rules! to_storage {
    ($($name:ident $text:literal;)*) => { $(
        #[doc = $text]
        ///
        /// Into the bytes of an operand, which are the value that is left.
        pub(crate) fn $name(a: u128, control: u16) -> Left {
            let control = control & 0x1f3f | 0x40;
            let status: u16;
            let mut value = 0_u128;
            // SAFETY: as in `scalar`.
            unsafe {
                asm!(
                    "fninit", "fldcw [{control}]", "fld tbyte ptr [{a}]", $text, "fnstsw ax", "fninit",
                    control = in(reg) &control, a = in(reg) &a, value = in(reg) &mut value,
                    out("ax") status, out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _, out("st(4)") _, out("st(5)") _,
                    out("st(6)") _, out("st(7)") _,
                    options(nostack),
                );
            }
            Left { value, below: 0, status }
        }
    )* };
}

to_storage! {
    fst_32 "fst dword ptr [{value}]"; fst_64 "fst qword ptr [{value}]"; fstp_80 "fstp tbyte ptr [{value}]";
    fist_16 "fist word ptr [{value}]"; fist_32 "fist dword ptr [{value}]"; fistp_64 "fistp qword ptr [{value}]";
    fbstp "fbstp tbyte ptr [{value}]";
}
