//! Which program interruption an x86 exception becomes. Pure.

use abi::program;

/// The code of [`abi::program`] for exception `vector`, given the bytes of the instruction that raised it.
///
/// Hosts differ in the exceptions they raise for instructions that ring 3 may not execute, so a general protection
/// exception is judged by the instruction itself.
pub(super) fn program_code(vector: u32, error: u64, instruction: &[u8]) -> u32 {
    match vector {
        0 => program::DIVIDE,
        1 | 3 => program::DEBUG_EVENT,
        5 | 17 => program::SPECIFICATION,
        10 | 11 => program::SPECIFICATION,
        12 => program::ADDRESSING,
        13 => general_protection(error, instruction),
        14 => program::ADDRESSING,
        16 | 19 => program::DATA,
        _ => program::OPERATION,
    }
}

fn general_protection(error: u64, instruction: &[u8]) -> u32 {
    match strip_prefixes(instruction) {
        // INT n through a gate that is not for ring 3.
        [0xcd, ..] => program::OPERATION,
        // IN, OUT, INS, OUTS; HLT, CLI, STI.
        [0x6c..=0x6f | 0xe4..=0xe7 | 0xec..=0xef | 0xf4 | 0xfa | 0xfb, ..] => program::PRIVILEGED,
        // LLDT.., LGDT.., CLTS, SYSRET, INVD, WBINVD, moves of control and debug registers, WRMSR, RDMSR, RDPMC, SYSEXIT.
        [0x0f, 0x00 | 0x01 | 0x06..=0x09 | 0x20..=0x23 | 0x30 | 0x32 | 0x33 | 0x35, ..] => program::PRIVILEGED,
        // SSE forms with an operand in storage: most likely one that is not aligned to 16 bytes.
        [0x0f, 0x10..=0x17 | 0x28..=0x2f | 0x50..=0x7f | 0xc2 | 0xc6 | 0xd0..=0xff, ..] => program::SPECIFICATION,
        // A selector that names nothing useful (far transfers, moves to segment registers).
        _ if error != 0 => program::SPECIFICATION,
        // What is left is an address that no storage has.
        _ => program::ADDRESSING,
    }
}

/// The instruction from its opcode on.
fn strip_prefixes(mut instruction: &[u8]) -> &[u8] {
    while let [0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3, rest @ ..] = instruction {
        instruction = rest;
    }
    match instruction {
        [0x40..=0x4f, rest @ ..] => rest,
        _ => instruction,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_general_protection_exception_is_judged_by_its_instruction() {
        let cases: [(&[u8], u32); 7] = [
            (&[0xf4], program::PRIVILEGED),
            (&[0xf3, 0x48, 0x6d], program::PRIVILEGED),
            (&[0x0f, 0x22, 0xd8], program::PRIVILEGED),
            (&[0xcd, 0x80], program::OPERATION),
            (&[0x66, 0x0f, 0x6f, 0x03], program::SPECIFICATION),
            (&[0x48, 0x8b, 0x00], program::ADDRESSING),
            (&[], program::ADDRESSING),
        ];
        for (instruction, code) in cases {
            assert_eq!(program_code(13, 0, instruction), code, "{instruction:02x?}");
        }
        assert_eq!(program_code(13, 0x10, &[0x48, 0xcb]), program::SPECIFICATION);
    }

    #[test]
    fn every_vector_has_a_code() {
        for (vector, code) in [(0, program::DIVIDE), (1, program::DEBUG_EVENT), (6, program::OPERATION), (19, program::DATA)] {
            assert_eq!(program_code(vector, 0, &[]), code);
        }
    }
}
