//! EXECs: finding them, reading them, and running those of plain commands. What begins with a comment is REXX (`program.rs`).
//!
//! In an EXEC of plain commands a command that fails is named, with its return code, as CMS EXEC does, and the EXEC goes on. The return code of the EXEC is
//! that of the first command that failed.

mod execio;
mod functions;
mod load;
mod program;
mod report;
mod stack;
mod streams;

use alloc::format;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::disks::file_id;
use crate::fileid::{Found, ModeSpec};
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, first_word, number};

pub(crate) use execio::Positions;
pub(crate) use load::InStorage;
pub(crate) use program::Programs;
pub(crate) use stack::ProgramStack;

/// EXECs within EXECs, at most. Each level takes some kilobytes of the stack.
const DEPTH: u32 = 20;
/// Largest EXEC in bytes: it is in storage while it runs, as it may change or erase its own file.
const SIZE: usize = 1 << 20;

/// The EXEC of that name, in search order.
pub(crate) fn find<C: Cp>(shell: &Shell<C>, name: &str) -> Option<Found> {
    let id = file_id(name, "EXEC")?;
    if let Some(loaded) = shell.loaded.find(&id) {
        return Some(loaded);
    }
    shell.disks.locate(&id, ModeSpec::ANY).ok()
}

impl<C: Cp> Shell<C> {
    /// EXEC.
    pub(crate) fn exec_command(&mut self, words: &Words) -> Outcome {
        let Some(name) = words.operands.first() else {
            return Err(self.fail(24, "001E", "No filename specified"));
        };
        match find(self, name) {
            Some(exec) => {
                self.running(name, "EXC");
                self.run_exec(&exec, first_word(&words.text).1)
            }
            None => Err(self.not_found(format!("{name} EXEC *"))),
        }
    }

    /// Runs an EXEC with what was typed behind its name.
    pub(crate) fn run_exec(&mut self, exec: &Found, operands: &[u8]) -> Outcome {
        self.deeper(|shell| match shell.rexx_program(exec)? {
            Some(program) => shell.run_program(exec, &program, operands),
            None => shell.run_commands(exec, operands),
        })
    }

    /// Runs what an EXEC does, one level deeper.
    fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Rc>) -> Result<T, Rc> {
        self.code = "EXC";
        if self.exec_depth == DEPTH {
            return Err(self.fail(32, "081E", format!("More than {DEPTH} EXECs within each other")));
        }
        self.exec_depth += 1;
        let outcome = run(self);
        self.exec_depth -= 1;
        outcome
    }

    /// Runs an EXEC of plain commands: `&1`, `&2` and so on in them are the words of its operands, and `&TRACE ALL` shows them from there on.
    fn run_commands(&mut self, exec: &Found, operands: &[u8]) -> Outcome {
        let (mut first_failure, mut traced) = (Ok(()), false);
        let operands: Vec<&[u8]> = operands.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        for line in self.exec_lines(exec)? {
            let line = with_operands(line.trim_ascii_end(), &operands);
            let line = line.as_slice();
            if let Some(mode) = line.strip_prefix(b"&TRACE") {
                traced = !mode.trim_ascii().eq_ignore_ascii_case(b"OFF");
                continue;
            }
            if traced {
                self.show_line(line);
            }
            if let Err(Rc(code)) = self.execute(line) {
                if !traced {
                    self.show_line(line);
                }
                self.say(format!("+++ R({code:05}) +++"));
                first_failure = first_failure.and(Err(Rc(code)));
            }
        }
        first_failure
    }

    /// The lines of an EXEC.
    fn exec_lines(&mut self, exec: &Found) -> Result<Vec<Vec<u8>>, Rc> {
        if let Some(lines) = self.loaded.lines(exec) {
            return Ok(lines);
        }
        let mut source = self.open(exec)?;
        let (mut lines, mut record, mut size) = (Vec::new(), Vec::new(), 0);
        while self.next_line(&mut source, &mut record)? {
            size += record.len();
            if size > SIZE {
                return Err(self.fail(88, "082E", format!("{exec} is larger than {SIZE} bytes")));
            }
            lines.push(record.clone());
        }
        self.close(source)?;
        Ok(lines)
    }
}

/// A line with the operands put in for its words `&n`; a word whose operand was not given, or is `%`, is left out.
fn with_operands(line: &[u8], operands: &[&[u8]]) -> Vec<u8> {
    if !line.contains(&b'&') {
        return line.to_vec();
    }
    let mut out: Vec<u8> = Vec::new();
    for word in line.split(|byte| *byte == b' ') {
        let number = word.strip_prefix(b"&").and_then(|digits| core::str::from_utf8(digits).ok()).and_then(number::<usize>);
        let word = match number.filter(|number| *number > 0) {
            Some(number) => operands.get(number - 1).copied().filter(|operand| *operand != b"%"),
            None => Some(word),
        };
        if let Some(word) = word {
            if !out.is_empty() {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_stand_where_their_numbers_do() {
        let given = |line: &[u8]| with_operands(line, &[b"type", b"x", b"%"]);
        assert_eq!(given(b"&1 HELLO EXEC A1"), b"type HELLO EXEC A1");
        assert_eq!(given(b"&1 &2 HELLO    EXEC &3 &4"), b"type x HELLO    EXEC");
        for line in [&b"a & b"[..], b"&0 &x a&1", b"  two", b""] {
            assert_eq!(given(line), line, "{line:?}");
        }
    }
}
