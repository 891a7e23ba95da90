//! The architectural state of a processor as plain values: what a debugger, a saved machine or another back end reads and sets.

use crate::core::EFER_LMA;

/// A segment register with its hidden part, LDTR or TR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The visible part.
    pub selector: u16,
    /// Linear address of its first byte.
    pub base: u64,
    /// Highest offset, in bytes (granularity applied).
    pub limit: u32,
    /// Bits 8 to 23 of the descriptor's second word: type 0..3, S 4, DPL 5..6, P 7, AVL 12, L 13, D/B 14, G 15; 0 is unusable.
    pub attributes: u16,
}

/// GDTR or IDTR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Linear address.
    pub base: u64,
    /// Highest offset.
    pub limit: u16,
}

/// The x87 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fpu {
    /// R0 to R7 (physical, not ST(i)): 80-bit values in the low bits.
    pub registers: [u128; 8],
    /// Control word.
    pub control: u16,
    /// Status word, with TOP.
    pub status: u16,
    /// Which registers are in use: bit i for Ri.
    pub in_use: u8,
    /// Opcode of the last instruction (11 bits).
    pub opcode: u16,
    /// Its address.
    pub instruction: u64,
    /// Address of its operand.
    pub operand: u64,
}

impl Default for Fpu {
    /// As after FNINIT.
    fn default() -> Self {
        Self { registers: [0; 8], control: 0x37f, status: 0, in_use: 0, opcode: 0, instruction: 0, operand: 0 }
    }
}

/// All registers of a processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// RAX RCX RDX RBX RSP RBP RSI RDI R8..R15: the order of the encoding.
    pub general: [u64; 16],
    /// Instruction address.
    pub rip: u64,
    /// Flags.
    pub rflags: u64,
    /// ES CS SS DS FS GS: the order of the encoding.
    pub segments: [Segment; 6],
    /// Local descriptor table.
    pub ldtr: Segment,
    /// Task register.
    pub tr: Segment,
    /// Global descriptor table.
    pub gdtr: Table,
    /// Interrupt descriptor table.
    pub idtr: Table,
    /// Control register 0.
    pub cr0: u64,
    /// Page fault address.
    pub cr2: u64,
    /// Page table root.
    pub cr3: u64,
    /// Control register 4.
    pub cr4: u64,
    /// Extended features: SCE 0, LME 8, LMA 10, NXE 11.
    pub efer: u64,
    /// Debug registers 0 to 7.
    pub debug: [u64; 8],
    /// STAR, LSTAR, CSTAR, SFMASK.
    pub syscall: [u64; 4],
    /// IA32_SYSENTER_CS, ESP, EIP.
    pub sysenter: [u64; 3],
    /// KERNEL_GS_BASE.
    pub kernel_gs_base: u64,
    /// IA32_PAT.
    pub pat: u64,
    /// What was added to the instruction count to make the time stamp counter.
    pub tsc_offset: u64,
    /// x87.
    pub fpu: Fpu,
    /// XMM0 to XMM15.
    pub xmm: [u128; 16],
    /// SSE control and status.
    pub mxcsr: u32,
    /// In HLT, waiting for an interrupt.
    pub halted: bool,
    /// Waiting for a start-up interprocessor interrupt (an application processor after reset or INIT).
    pub waits_for_start_up: bool,
    /// An NMI was taken and IRET has not come yet.
    pub nmi_blocked: bool,
}

impl State {
    /// Index of ES in [`State::segments`].
    pub const ES: usize = 0;
    /// Index of CS.
    pub const CS: usize = 1;
    /// Index of SS.
    pub const SS: usize = 2;
    /// Index of DS.
    pub const DS: usize = 3;
    /// Index of FS.
    pub const FS: usize = 4;
    /// Index of GS.
    pub const GS: usize = 5;

    /// After power-on: real mode at F000:FFF0 with the base of CS at X'FFFF0000', as in the processor manuals.
    pub fn reset() -> Self {
        let data = Segment { selector: 0, base: 0, limit: 0xffff, attributes: 0x93 };
        let mut segments = [data; 6];
        segments[Self::CS] = Segment { selector: 0xf000, base: 0xffff_0000, limit: 0xffff, attributes: 0x9b };
        let mut general = [0; 16];
        general[2] = 0x0600;
        Self {
            general,
            rip: 0xfff0,
            rflags: 2,
            segments,
            ldtr: Segment { attributes: 0x82, limit: 0xffff, ..data },
            tr: Segment { attributes: 0x8b, limit: 0xffff, ..data },
            gdtr: Table { base: 0, limit: 0xffff },
            idtr: Table { base: 0, limit: 0xffff },
            cr0: 0x6000_0010,
            cr2: 0,
            cr3: 0,
            cr4: 0,
            efer: 0,
            debug: [0, 0, 0, 0, 0, 0, 0xffff_0ff0, 0x400],
            syscall: [0; 4],
            sysenter: [0; 3],
            kernel_gs_base: 0,
            pat: 0x0007_0406_0007_0406,
            tsc_offset: 0,
            fpu: Fpu { control: 0x40, ..Fpu::default() },
            xmm: [0; 16],
            mxcsr: 0x1f80,
            halted: false,
            waits_for_start_up: false,
            nmi_blocked: false,
        }
    }

    /// Bits of the code that CS selects: 16, 32 or 64.
    pub fn code_width(&self) -> u32 {
        const LONG: u16 = 1 << 13;
        const DEFAULT: u16 = 1 << 14;
        let code = self.segments[Self::CS].attributes;
        if self.efer & EFER_LMA != 0 && code & LONG != 0 {
            64
        } else if code & DEFAULT != 0 {
            32
        } else {
            16
        }
    }
}
