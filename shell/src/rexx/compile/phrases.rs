//! DO and its phrases, END, LEAVE, ITERATE.

use alloc::vec::Vec;

use super::super::code::*;
use super::super::error::Error;
use super::super::scanner::{Kind, Located, Operator};
use super::{Block, Compiler, Do, Repetition};

/// Keywords of DO.
const PHRASES: &[&str] = &["TO", "BY", "FOR", "WHILE", "UNTIL"];
const CONDITIONS: &[&str] = &["WHILE", "UNTIL"];

impl Compiler<'_> {
    pub(super) fn do_instruction(&mut self) -> Located<()> {
        let clause = self.begin_clause(false);
        self.at += 1;
        if self.at_end() {
            self.finish_clause(clause);
            self.end_of_clause()?;
            self.groups += 1;
            self.blocks.push(Block::Do(Do { clause, repetition: None }));
            return Ok(());
        }
        let number = self.unit.loops.len() as u32;
        self.unit.loops.push(Loop { clause, ..Loop::default() });
        let mut repetition = Repetition { number, exits: Vec::new(), turns: Vec::new(), until: None, control: None };
        self.repetitor(&mut repetition)?;
        self.emit(Op::LoopBegin(number));
        self.unit.loops[number as usize].top = self.here();
        self.emit(Op::LoopTest(number));
        self.condition(&mut repetition)?;
        self.finish_clause(clause);
        let token = self.peek();
        if PHRASES.iter().any(|word| self.is_word(token, word)) {
            return self.wrong(token, 27, 1, &[]);
        }
        self.end_of_clause()?;
        self.groups += 1;
        self.blocks.push(Block::Do(Do { clause, repetition: Some(repetition) }));
        Ok(())
    }

    /// What stands before WHILE and UNTIL.
    fn repetitor(&mut self, repetition: &mut Repetition) -> Located<()> {
        let token = self.peek();
        let number = repetition.number as usize;
        if token.kind == Kind::Symbol && self.peek_at(1).kind == Kind::Operator(Operator::Equal) {
            return self.controlled(repetition);
        }
        if self.is_word(token, "FOREVER") {
            self.at += 1;
            let next = self.peek();
            if !self.at_end() && !CONDITIONS.iter().any(|word| self.is_word(next, word)) {
                return self.wrong(next, 25, 16, &[b"WHILE UNTIL"]);
            }
            return Ok(());
        }
        if CONDITIONS.iter().any(|word| self.is_word(token, word)) {
            return Ok(());
        }
        self.expression(CONDITIONS)?;
        self.unit.loops[number].counted = true;
        Ok(())
    }

    /// `name = expression` and TO, BY, FOR in any order.
    fn controlled(&mut self, repetition: &mut Repetition) -> Located<()> {
        let number = repetition.number as usize;
        let token = self.advance();
        let control = self.variable(token)?;
        repetition.control = Some(self.symbol(token));
        self.at += 1;
        self.expression(PHRASES)?;
        let mut phrases = Vec::new();
        loop {
            let token = self.peek();
            let phrase = match () {
                () if self.is_word(token, "TO") => Phrase::To,
                () if self.is_word(token, "BY") => Phrase::By,
                () if self.is_word(token, "FOR") => Phrase::For,
                () => break,
            };
            if phrases.contains(&phrase) {
                return self.wrong(token, 27, 1, &[]);
            }
            self.at += 1;
            self.expression(PHRASES)?;
            phrases.push(phrase);
        }
        self.unit.loops[number].control = Some(control);
        self.unit.loops[number].phrases = phrases;
        Ok(())
    }

    /// WHILE is evaluated here; UNTIL at the end of each turn.
    fn condition(&mut self, repetition: &mut Repetition) -> Located<()> {
        if self.take_word("WHILE") {
            self.expression(CONDITIONS)?;
            let exit = self.emit(Op::While(0));
            repetition.exits.push(exit);
            let token = self.peek();
            if self.is_word(token, "UNTIL") || self.is_word(token, "WHILE") {
                return self.wrong(token, 27, 1, &[]);
            }
        } else if self.take_word("UNTIL") {
            // Compiled twice: here to find its end and its errors, and again where it is evaluated.
            let (begin, code) = (self.at, self.unit.code.len());
            self.expression(CONDITIONS)?;
            self.unit.code.truncate(code);
            repetition.until = Some((begin, self.at));
            let token = self.peek();
            if self.is_word(token, "UNTIL") || self.is_word(token, "WHILE") {
                return self.wrong(token, 27, 1, &[]);
            }
        }
        Ok(())
    }

    pub(super) fn end_of_do(&mut self) -> Located<()> {
        let Some(Block::Do(block)) = self.blocks.pop() else {
            return self.stray_end();
        };
        self.groups -= 1;
        let here = self.here();
        if let Some(repetition) = &block.repetition {
            for turn in &repetition.turns {
                self.patch(*turn, here);
            }
        }
        let clause = self.begin_clause(block.repetition.is_none());
        self.at += 1;
        if !self.at_end() {
            self.named_end(&block)?;
        }
        self.finish_clause(clause);
        self.end_of_clause()?;
        if let Some(repetition) = block.repetition {
            self.turn(repetition)?;
        }
        self.complete()
    }

    fn stray_end(&mut self) -> Located<()> {
        Err((Error::new(10, 1, &[]), self.peek().start))
    }

    /// The symbol behind END must be the control variable.
    fn named_end(&mut self, block: &Do) -> Located<()> {
        let token = self.peek();
        let line = self.line_text(block.clause);
        let Some(control) = block.repetition.as_ref().and_then(|repetition| repetition.control.as_ref()) else {
            return self.wrong(token, 10, 3, &[&line]);
        };
        if self.shown(token) != *control {
            return self.wrong(token, 10, 2, &[&line]);
        }
        self.at += 1;
        Ok(())
    }

    /// The end of a turn: UNTIL, the step, and the way out.
    fn turn(&mut self, mut repetition: Repetition) -> Located<()> {
        if let Some((begin, _)) = repetition.until {
            let behind = self.at;
            self.at = begin;
            self.expression(CONDITIONS)?;
            self.at = behind;
            let exit = self.emit(Op::Until(0));
            repetition.exits.push(exit);
        }
        self.emit(Op::LoopStep(repetition.number));
        let exit = self.here();
        for jump in &repetition.exits {
            self.patch(*jump, exit);
        }
        self.unit.loops[repetition.number as usize].exit = exit;
        self.emit(Op::LoopEnd);
        Ok(())
    }

    /// LEAVE goes to the exit of a loop, ITERATE to its next turn; the loops within it end.
    pub(super) fn leave_or_iterate(&mut self, iterate: bool) -> Located<()> {
        let sub = u16::from(iterate);
        let name = match self.at_end() {
            true => None,
            false => {
                let token = self.advance();
                if token.kind != Kind::Symbol {
                    return self.wrong(token, 20, 2, &[]);
                }
                Some(token)
            }
        };
        let wanted = name.map(|token| self.symbol(token));
        let mut inner = 0;
        let mut found = None;
        for (at, block) in self.blocks.iter().enumerate().rev() {
            if let Block::Do(Do { repetition: Some(repetition), .. }) = block {
                if wanted.is_none() || wanted == repetition.control {
                    found = Some(at);
                    break;
                }
                inner += 1;
            }
        }
        let Some(found) = found else {
            let error = match &wanted {
                Some(name) => Error::new(28, 3 + sub, &[name]),
                None => Error::new(28, 1 + sub, &[]),
            };
            self.unit.errors.push(error);
            self.emit(Op::Fail(self.unit.errors.len() as u32 - 1));
            return Ok(());
        };
        for _ in 0..inner {
            self.emit(Op::LoopEnd);
        }
        let jump = self.emit(Op::Jump(0));
        if let Block::Do(Do { repetition: Some(repetition), .. }) = &mut self.blocks[found] {
            if iterate { &mut repetition.turns } else { &mut repetition.exits }.push(jump);
        }
        Ok(())
    }

    /// PARSE and what it is about.
    pub(super) fn parse(&mut self) -> Located<()> {
        let upper = self.take_word("UPPER");
        let token = self.advance();
        match self.shown(token).as_slice() {
            b"ARG" => return self.templates_of_arguments(upper),
            b"EXTERNAL" | b"LINEIN" => self.emit(Op::ParseSource(ParseItem::External)),
            b"NUMERIC" => self.emit(Op::ParseSource(ParseItem::Numeric)),
            b"PULL" => self.emit(Op::ParseSource(ParseItem::Pull)),
            b"SOURCE" => self.emit(Op::ParseSource(ParseItem::Source)),
            b"VERSION" => self.emit(Op::ParseSource(ParseItem::Version)),
            b"VAR" => {
                let token = self.advance();
                let op = match self.variable(token)? {
                    Reference::Simple(number) => Op::Variable(number),
                    Reference::Stem(number) => Op::Stem(number),
                    Reference::Compound(number) => Op::Compound(number),
                };
                self.emit(op)
            }
            b"VALUE" => {
                self.value_of_parse()?;
                self.unit.code.len()
            }
            _ => return self.wrong(token, 25, 12, &[b"ARG EXTERNAL LINEIN NUMERIC PULL SOURCE UPPER VALUE VAR VERSION"]),
        };
        self.templates(upper)
    }

    fn value_of_parse(&mut self) -> Located<()> {
        if self.take_word("WITH") {
            let null = self.constant(b"");
            self.emit(Op::Constant(null));
            return Ok(());
        }
        if self.at_end() {
            return self.wrong(self.peek(), 38, 3, &[]);
        }
        self.expression(&["WITH"])?;
        if !self.take_word("WITH") {
            return self.wrong(self.peek(), 38, 3, &[]);
        }
        Ok(())
    }
}
