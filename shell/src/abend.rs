//! ABEND: makes a command fail on purpose, for teaching and for the tests; and how a failure is shown by QUERY ABEND.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::SavedState;

use crate::cp::{Cp, Failure};
use crate::message::Outcome;
use crate::session::Shell;
use crate::words::Words;

/// The failures by name.
const FAILURES: [(&str, Failure); 9] = [
    ("OPERATIO", Failure::Operation),
    ("ADDRESSI", Failure::Addressing),
    ("PROTECTI", Failure::Protection),
    ("DIVIDE", Failure::Divide),
    ("PRIVILEG", Failure::Privileged),
    ("STACK", Failure::Stack),
    ("LOOP", Failure::Loop),
    ("PANIC", Failure::Panic),
    ("STORAGE", Failure::Storage),
];

impl<C: Cp> Shell<C> {
    /// ABEND.
    pub(crate) fn abend_command(&mut self, words: &Words) -> Outcome {
        let wanted = words.operands.first().map_or("OPERATIO", |word| word.as_str());
        // Words are cut to eight characters, and so are the names.
        let Some((_, failure)) = FAILURES.iter().find(|(name, _)| name.starts_with(wanted)) else {
            return Err(self.bad_operand(wanted));
        };
        self.cp.fail(*failure);
        Err(self.fail(8, "151E", "CP let the failure pass"))
    }
}

/// The general registers by their x86-64 numbers.
const REGISTERS: [&str; 16] =
    ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"];

/// What QUERY ABEND shows of a program interruption: where and why, and the registers as CP's DISPLAY G shows them. No line is wider than a terminal.
pub fn describe(state: &SavedState, code: u32, address: u64) -> Vec<String> {
    let psw = state.psw;
    let mut registers = state.registers;
    registers[4] = psw.stack;
    let mut lines = Vec::from([
        format!("PSW {:016X} STACK {:016X} FLAGS {:08X}", psw.address, psw.stack, psw.flags),
        format!("CODE {code:04X} ADDRESS {address:016X}"),
    ]);
    let named: Vec<_> = REGISTERS.iter().zip(registers).collect();
    lines.extend(named.chunks(2).enumerate().map(|(line, pair)| {
        let pair: Vec<_> = pair.iter().map(|(name, value)| format!("{name:<3} {value:016X}")).collect();
        format!("GRG {:2} =  {}", line * 2, pair.join("   "))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_shown_in_the_width_of_a_terminal() {
        let mut state = SavedState::default();
        state.psw.stack = 0x9_9530;
        state.registers[15] = u64::MAX;
        let lines = describe(&state, 4, u64::MAX);
        assert_eq!(lines[1], "CODE 0004 ADDRESS FFFFFFFFFFFFFFFF");
        assert_eq!(lines[4], "GRG  4 =  RSP 0000000000099530   RBP 0000000000000000", "the stack pointer is the PSW's");
        assert_eq!(lines[9], "GRG 14 =  R14 0000000000000000   R15 FFFFFFFFFFFFFFFF");
        assert!(lines.len() == 10 && lines.iter().all(|line| line.len() <= 79), "{lines:?}");
    }
}
