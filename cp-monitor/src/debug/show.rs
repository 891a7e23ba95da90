//! Registers and storage as lines, for DISPLAY and for dumps. Pure.

use soft_processor::{Segment, State};

/// The general registers by x86-64 number.
pub const GENERAL: [&str; 16] =
    ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"];
/// Segment registers by number, LDTR and TR.
pub const SEGMENTS: [&str; 8] = ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"];

/// A register of at most 64 bits by its name.
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub of: fn(&mut State) -> &mut u64,
}

/// Control registers.
pub const CONTROL: [Named; 4] = [
    Named { name: "CR0", of: |state| &mut state.cr0 },
    Named { name: "CR2", of: |state| &mut state.cr2 },
    Named { name: "CR3", of: |state| &mut state.cr3 },
    Named { name: "CR4", of: |state| &mut state.cr4 },
];

/// Model-specific registers, with the names of the processor manuals.
pub const SPECIFIC: [Named; 12] = [
    Named { name: "EFER", of: |state| &mut state.efer },
    Named { name: "STAR", of: |state| &mut state.syscall[0] },
    Named { name: "LSTAR", of: |state| &mut state.syscall[1] },
    Named { name: "CSTAR", of: |state| &mut state.syscall[2] },
    Named { name: "FMASK", of: |state| &mut state.syscall[3] },
    Named { name: "SYSENTER_CS", of: |state| &mut state.sysenter[0] },
    Named { name: "SYSENTER_ESP", of: |state| &mut state.sysenter[1] },
    Named { name: "SYSENTER_EIP", of: |state| &mut state.sysenter[2] },
    Named { name: "FS_BASE", of: |state| &mut state.segments[State::FS].base },
    Named { name: "GS_BASE", of: |state| &mut state.segments[State::GS].base },
    Named { name: "KERNEL_GS_BASE", of: |state| &mut state.kernel_gs_base },
    Named { name: "PAT", of: |state| &mut state.pat },
];

/// General registers from the first to the last.
pub fn general(values: &[u64; 16], first: usize, last: usize) -> Vec<String> {
    let numbers: Vec<_> = (first..=last).collect();
    let line = |two: &[usize]| {
        let shown: Vec<_> = two.iter().map(|&number| format!("{:<3} {:016X}", GENERAL[number], values[number])).collect();
        format!("GRG {:2} =  {}", two[0], shown.join("   "))
    };
    numbers.chunks(2).map(line).collect()
}

fn named(prefix: &str, registers: &[Named], state: &State) -> Vec<String> {
    let mut state = state.clone();
    let mut shown = |register: &Named| format!("{:<3} {:016X}", register.name, *(register.of)(&mut state));
    registers.chunks(2).map(|two| format!("{prefix} =  {}", two.iter().map(&mut shown).collect::<Vec<_>>().join("   "))).collect()
}

/// Control registers.
pub fn control(state: &State) -> Vec<String> {
    named("CRG", &CONTROL, state)
}

/// Model-specific registers.
pub fn specific(state: &State) -> Vec<String> {
    named("MSR", &SPECIFIC, state)
}

/// A segment register of that number, LDTR 6, TR 7.
pub fn segment(state: &State, number: usize) -> Segment {
    match number {
        6 => state.ldtr,
        7 => state.tr,
        number => state.segments[number.min(5)],
    }
}

/// Segment registers and descriptor tables.
pub fn segments(state: &State) -> Vec<String> {
    let line = |(number, name): (usize, &&str)| {
        let Segment { selector, base, limit, attributes } = segment(state, number);
        format!("ARG =  {name:<4} {selector:04X}  BASE {base:016X}  LIMIT {limit:08X}  ATTR {attributes:04X}")
    };
    let mut lines: Vec<_> = SEGMENTS.iter().enumerate().map(line).collect();
    for (name, table) in [("GDTR", state.gdtr), ("IDTR", state.idtr)] {
        lines.push(format!("ARG =  {name}       BASE {:016X}  LIMIT {:04X}", table.base, table.limit));
    }
    lines
}

/// An x87 register, sign and exponent first.
fn extended(value: u128) -> String {
    format!("{:04X} {:016X}", (value >> 64) as u16, value as u64)
}

/// The x87, ST(first) to ST(last), and its control words when all are shown.
pub fn floating(state: &State, first: usize, last: usize) -> Vec<String> {
    let fpu = &state.fpu;
    let top = usize::from(fpu.status >> 11 & 7);
    let line = |place: usize| {
        let number = (top + place) % 8;
        let empty = if fpu.in_use >> number & 1 == 0 { "  EMPTY" } else { "" };
        format!("FRG {place:2} =  {}{empty}", extended(fpu.registers[number]))
    };
    let mut lines: Vec<_> = (first..=last).map(line).collect();
    if (first, last) == (0, 7) {
        lines.push(format!("FPC =  CONTROL {:04X}  STATUS {:04X}  MXCSR {:08X}", fpu.control, fpu.status, state.mxcsr));
    }
    lines
}

/// SSE registers from the first to the last.
pub fn vectors(state: &State, first: usize, last: usize) -> Vec<String> {
    (first..=last)
        .map(|number| format!("VRG {number:2} =  {:016X} {:016X}", (state.xmm[number] >> 64) as u64, state.xmm[number] as u64))
        .collect()
}

/// 16 bytes of storage.
pub fn storage(address: u64, bytes: &[u8; 16]) -> String {
    let words = bytes.chunks(4).map(|word| word.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
    let text: String = bytes.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { byte as char } else { '.' }).collect();
    format!("{address:08X}  {}  *{text}*", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_shown_with_their_names() {
        let mut state = State { cr3: 0x1000, efer: 0x500, ..State::reset() };
        state.fpu.status = 7 << 11;
        state.fpu.in_use = 1 << 7;
        state.fpu.registers[7] = 0x3fff_8000_0000_0000_0000;
        state.xmm[1] = 1 << 64 | 2;
        assert_eq!(control(&state)[1], "CRG =  CR3 0000000000001000   CR4 0000000000000000");
        assert_eq!(specific(&state)[0], "MSR =  EFER 0000000000000500   STAR 0000000000000000");
        assert_eq!(segments(&state)[1], "ARG =  CS   F000  BASE 00000000FFFF0000  LIMIT 0000FFFF  ATTR 009B");
        assert_eq!(segments(&state)[8], "ARG =  GDTR       BASE 0000000000000000  LIMIT FFFF");
        assert_eq!(floating(&state, 0, 1), ["FRG  0 =  3FFF 8000000000000000", "FRG  1 =  0000 0000000000000000  EMPTY"]);
        assert_eq!(vectors(&state, 1, 1), ["VRG  1 =  0000000000000001 0000000000000002"]);
    }
}
