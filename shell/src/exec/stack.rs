//! The program stack: lines that EXECs leave for each other and for commands that read the console; MAKEBUF, DROPBUF, DESBUF, SENTRIES.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::{Outcome, Rc};
use crate::session::{HALTED, Shell, rc};
use crate::words::{Words, number};

/// Most buffers.
const BUFFERS: usize = 1000;

/// Lines in buffers, the newest buffer last. Buffer 0 is always there.
#[derive(Debug)]
pub(crate) struct ProgramStack {
    buffers: Vec<VecDeque<Vec<u8>>>,
}

impl ProgramStack {
    /// No lines.
    pub(crate) fn new() -> Self {
        Self { buffers: Vec::from([VecDeque::new()]) }
    }

    fn newest(&mut self) -> &mut VecDeque<Vec<u8>> {
        if self.buffers.is_empty() {
            self.buffers.push(VecDeque::new());
        }
        let last = self.buffers.len() - 1;
        &mut self.buffers[last]
    }

    /// Puts a line where it is read next.
    pub(crate) fn push(&mut self, line: Vec<u8>) {
        self.newest().push_front(line);
    }

    /// Puts a line where it is read last of its buffer.
    pub(crate) fn queue(&mut self, line: Vec<u8>) {
        self.newest().push_back(line);
    }

    /// Takes the next line. A buffer that is read to its end is gone.
    pub(crate) fn pull(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.newest().pop_front() {
                return Some(line);
            }
            if self.buffers.len() <= 1 {
                return None;
            }
            self.buffers.pop();
        }
    }

    /// How many lines.
    pub(crate) fn lines(&self) -> usize {
        self.buffers.iter().map(VecDeque::len).sum()
    }

    /// A new buffer; answers its number.
    fn make_buffer(&mut self) -> Option<usize> {
        if self.buffers.len() > BUFFERS {
            return None;
        }
        self.buffers.push(VecDeque::new());
        Some(self.buffers.len() - 1)
    }

    /// Drops the buffer of that number and those made after it.
    fn drop_buffer(&mut self, number: usize) -> bool {
        let there = number < self.buffers.len();
        self.buffers.truncate(number.max(1));
        if number == 0 {
            self.newest().clear();
        }
        there
    }
}

impl<C: Cp> Shell<C> {
    /// The next line for whoever reads the console: from the program stack, else typed.
    pub(crate) fn read_line(&mut self) -> Option<Vec<u8>> {
        self.program_stack.pull().or_else(|| self.console_line())
    }

    /// The next line for a command of CMS. HX, typed as that line, ends the command as it does while it runs; as a line of the stack it is data.
    pub(crate) fn answer_line(&mut self) -> Result<Option<Vec<u8>>, Rc> {
        match self.program_stack.pull() {
            Some(line) => Ok(Some(line)),
            None => self.typed_answer(),
        }
    }

    /// The next typed line, where HX ends the command.
    pub(super) fn typed_answer(&mut self) -> Result<Option<Vec<u8>>, Rc> {
        let line = self.console_line();
        if line.as_ref().is_some_and(|line| line.trim_ascii().eq_ignore_ascii_case(b"HX")) {
            self.cp.halt();
            return Err(HALTED);
        }
        Ok(line)
    }

    /// MAKEBUF: the return code is the number of the buffer.
    pub(crate) fn makebuf_command(&mut self, words: &Words) -> Outcome {
        self.no_operands(words, 0)?;
        match self.program_stack.make_buffer() {
            Some(number) => rc(number as i32),
            None => Err(self.no_storage()),
        }
    }

    /// DROPBUF [n]: the newest buffer, or that one and all made after it.
    pub(crate) fn dropbuf_command(&mut self, words: &Words) -> Outcome {
        self.no_operands(words, 1)?;
        let newest = self.program_stack.buffers.len() - 1;
        let wanted = match words.operand(0) {
            "" => newest,
            word => number(word).ok_or_else(|| self.bad_operand(word))?,
        };
        if self.program_stack.drop_buffer(wanted) { Ok(()) } else { Err(Rc(2)) }
    }

    /// DESBUF: no line is left.
    pub(crate) fn desbuf_command(&mut self, words: &Words) -> Outcome {
        self.no_operands(words, 0)?;
        self.program_stack = ProgramStack::new();
        Ok(())
    }

    /// SENTRIES: the return code is the number of lines.
    pub(crate) fn sentries_command(&mut self, words: &Words) -> Outcome {
        self.no_operands(words, 0)?;
        rc(self.program_stack.lines() as i32)
    }

    /// There must be at most that many operands, and no options.
    fn no_operands(&mut self, words: &Words, most: usize) -> Outcome {
        match words.operands.get(most).or(words.options.first()) {
            Some(surplus) => Err(self.bad_operand(surplus)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_read_newest_first_and_dropped_by_number() {
        let mut stack = ProgramStack::new();
        stack.queue(b"a".to_vec());
        stack.queue(b"b".to_vec());
        assert_eq!(stack.make_buffer(), Some(1));
        stack.queue(b"c".to_vec());
        stack.push(b"d".to_vec());
        assert_eq!(stack.lines(), 4);
        assert_eq!(stack.pull().as_deref(), Some(&b"d"[..]));
        assert!(stack.drop_buffer(1));
        assert!(!stack.drop_buffer(1));
        assert_eq!(stack.pull().as_deref(), Some(&b"a"[..]));
        assert_eq!(stack.pull().as_deref(), Some(&b"b"[..]));
        assert_eq!(stack.pull(), None);
    }
}
