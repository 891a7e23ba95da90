//! Instructions to code.

use alloc::vec::Vec;

use super::super::code::*;
use super::super::error::Error;
use super::super::scanner::{Kind, Located, Operator, Token};
use super::expression::TO_END;
use super::{Block, Compiler, Select};

/// What SIGNAL ON and CALL ON may name.
const SIGNAL_CONDITIONS: &str = "ERROR FAILURE HALT LOSTDIGITS NOTREADY NOVALUE SYNTAX";
const CALL_CONDITIONS: &str = "ERROR FAILURE HALT NOTREADY";

impl Compiler<'_> {
    /// One instruction, an assignment or a command.
    pub(super) fn instruction(&mut self) -> Located<()> {
        let token = self.peek();
        if let Some(Block::Select(select)) = self.blocks.last()
            && !select.otherwise
            && !["WHEN", "OTHERWISE", "END"].iter().any(|word| self.is_word(token, word))
        {
            let sub = if select.ends.is_empty() { 1 } else { 2 };
            let line = self.line_text(select.clause);
            return self.wrong(token, 7, sub, &[&line]);
        }
        if token.kind == Kind::Symbol {
            let next = self.peek_at(1);
            if next.kind == Kind::Operator(Operator::Equal) {
                return self.assignment(token);
            }
            let word = self.symbol(token);
            if let Some(result) = self.keyword(&word) {
                return result;
            }
        }
        let clause = self.begin_clause(false);
        self.expression(TO_END)?;
        self.finish_clause(clause);
        self.emit(Op::Command);
        self.end_of_clause()?;
        self.complete()
    }

    fn assignment(&mut self, token: Token) -> Located<()> {
        let clause = self.begin_clause(false);
        let name = self.symbol(token);
        if name.first().is_some_and(|first| first.is_ascii_digit() || *first == b'.') {
            return self.wrong(token, 31, if name[0] == b'.' { 3 } else { 1 }, &[]);
        }
        let variable = self.reference(&name);
        self.at += 2;
        self.optional()?;
        self.finish_clause(clause);
        self.emit(match variable {
            Reference::Simple(number) => Op::Assign(number),
            Reference::Stem(number) => Op::AssignStem(number),
            Reference::Compound(number) => Op::AssignCompound(number),
        });
        self.end_of_clause()?;
        self.complete()
    }

    /// An expression, or the null string when the clause ends.
    fn optional(&mut self) -> Located<()> {
        if self.at_end() {
            let null = self.constant(b"");
            self.emit(Op::Constant(null));
            return Ok(());
        }
        self.expression(TO_END)
    }

    /// The instruction that a keyword begins; none when it is no keyword.
    fn keyword(&mut self, word: &[u8]) -> Option<Located<()>> {
        let simple: fn(&mut Self) -> Located<()> = match word {
            b"ADDRESS" => Self::address,
            b"ARG" => Self::arg,
            b"CALL" => Self::call,
            b"DROP" => Self::drop_list,
            b"EXIT" => |this| this.with_result(Op::Exit(true), Op::Exit(false)),
            b"INTERPRET" => |this| this.with_expression(Op::Interpret),
            b"ITERATE" => |this| this.leave_or_iterate(true),
            b"LEAVE" => |this| this.leave_or_iterate(false),
            b"NOP" => |this| {
                this.emit(Op::Nop);
                Ok(())
            },
            b"NUMERIC" => Self::numeric,
            b"OPTIONS" => |this| this.with_expression(Op::Options),
            b"PARSE" => Self::parse,
            b"PROCEDURE" => Self::procedure,
            b"PULL" => |this| this.pull(),
            b"PUSH" => |this| this.with_optional(Op::Push),
            b"QUEUE" => |this| this.with_optional(Op::Queue),
            b"RETURN" => |this| this.with_result(Op::Return(true), Op::Return(false)),
            b"SAY" => |this| this.with_optional(Op::Say),
            b"SIGNAL" => Self::signal,
            b"TRACE" => Self::trace,
            b"UPPER" => Self::upper,
            b"DO" => return Some(self.do_instruction()),
            b"ELSE" => return Some(self.stray(8, 2)),
            b"END" => return Some(self.end()),
            b"IF" => return Some(self.if_instruction()),
            b"OTHERWISE" => return Some(self.otherwise()),
            b"SELECT" => return Some(self.select()),
            b"THEN" => return Some(self.stray(8, 1)),
            b"WHEN" => return Some(self.when()),
            _ => return None,
        };
        Some(self.simple(simple))
    }

    /// An instruction of one clause.
    fn simple(&mut self, instruction: fn(&mut Self) -> Located<()>) -> Located<()> {
        let clause = self.begin_clause(false);
        self.at += 1;
        instruction(self)?;
        self.finish_clause(clause);
        self.end_of_clause()?;
        self.complete()
    }

    /// A keyword where it may not be.
    fn stray(&mut self, number: u16, sub: u16) -> Located<()> {
        Err((Error::new(number, sub, &[]), self.peek().start))
    }

    fn with_expression(&mut self, op: Op) -> Located<()> {
        self.expression(TO_END)?;
        self.emit(op);
        Ok(())
    }

    fn with_optional(&mut self, op: Op) -> Located<()> {
        self.optional()?;
        self.emit(op);
        Ok(())
    }

    fn with_result(&mut self, with: Op, without: Op) -> Located<()> {
        if self.at_end() {
            self.emit(without);
            return Ok(());
        }
        self.with_expression(with)
    }

    // IF and SELECT

    fn if_instruction(&mut self) -> Located<()> {
        let clause = self.begin_clause(false);
        self.at += 1;
        self.expression(&["THEN"])?;
        self.finish_clause(clause);
        let jump = self.emit(Op::If(0));
        self.then(clause, 1)?;
        self.blocks.push(Block::Then { jump });
        Ok(())
    }

    fn when(&mut self) -> Located<()> {
        if !matches!(self.blocks.last(), Some(Block::Select(_))) {
            return self.stray(9, 1);
        }
        if matches!(self.blocks.last(), Some(Block::Select(select)) if select.otherwise) {
            return self.stray(9, 1);
        }
        let clause = self.begin_clause(false);
        self.at += 1;
        self.expression(&["THEN"])?;
        self.finish_clause(clause);
        let jump = self.emit(Op::When(0));
        self.then(clause, 2)?;
        self.blocks.push(Block::When { jump });
        Ok(())
    }

    /// THEN, perhaps after ends of lines.
    fn then(&mut self, clause: u32, sub: u16) -> Located<()> {
        let found = self.peek();
        while self.peek().kind == Kind::End {
            self.at += 1;
        }
        let token = self.peek();
        if !self.is_word(token, "THEN") {
            let line = self.line_text(clause);
            let token = if found.kind == Kind::End { token } else { found };
            return self.wrong(token, 18, sub, &[&line]);
        }
        let clause = self.begin_clause(true);
        self.at += 1;
        self.finish_clause(clause);
        Ok(())
    }

    fn select(&mut self) -> Located<()> {
        let clause = self.begin_clause(false);
        self.at += 1;
        self.finish_clause(clause);
        self.end_of_clause()?;
        self.groups += 1;
        self.blocks.push(Block::Select(Select { clause, ends: Vec::new(), otherwise: false }));
        Ok(())
    }

    fn otherwise(&mut self) -> Located<()> {
        let Some(Block::Select(select)) = self.blocks.last_mut() else {
            return self.stray(9, 2);
        };
        if select.otherwise {
            return self.stray(9, 2);
        }
        if select.ends.is_empty() {
            let clause = select.clause;
            let line = self.line_text(clause);
            return self.wrong(self.peek(), 7, 1, &[&line]);
        }
        select.otherwise = true;
        let clause = self.begin_clause(true);
        self.at += 1;
        self.finish_clause(clause);
        Ok(())
    }

    fn end(&mut self) -> Located<()> {
        let token = self.peek();
        match self.blocks.last() {
            Some(Block::Then { .. } | Block::When { .. }) => self.stray(10, 5),
            Some(Block::Else { .. }) => self.stray(10, 6),
            None => self.stray(10, 1),
            Some(Block::Select(_)) => self.end_of_select(token),
            Some(Block::Do(_)) => self.end_of_do(),
        }
    }

    fn end_of_select(&mut self, token: Token) -> Located<()> {
        let Some(Block::Select(select)) = self.blocks.pop() else {
            return self.stray(10, 1);
        };
        self.groups -= 1;
        if select.ends.is_empty() {
            let line = self.line_text(select.clause);
            return self.wrong(token, 7, 1, &[&line]);
        }
        if !select.otherwise {
            self.emit(Op::NoOtherwise(select.clause));
        }
        for end in &select.ends {
            self.patch(*end, self.here());
        }
        let clause = self.begin_clause(true);
        self.at += 1;
        self.finish_clause(clause);
        if !self.at_end() {
            let line = self.line_text(select.clause);
            return self.wrong(self.peek(), 10, 4, &[&line]);
        }
        self.end_of_clause()?;
        self.complete()
    }

    // Single clauses

    fn address(&mut self) -> Located<()> {
        if self.at_end() {
            self.emit(Op::AddressToggle);
            return Ok(());
        }
        let token = self.peek();
        if self.is_word(token, "VALUE") {
            self.at += 1;
            return self.with_expression(Op::AddressValue);
        }
        match token.kind {
            Kind::Symbol | Kind::String(_) => {
                self.at += 1;
                let name = self.shown(token);
                let name = self.constant(&name);
                if self.at_end() {
                    self.emit(Op::Address(name));
                    return Ok(());
                }
                self.with_expression(Op::CommandTo(name))
            }
            Kind::Open | Kind::Operator(_) => self.with_expression(Op::AddressValue),
            _ => self.wrong(token, 19, 1, &[]),
        }
    }

    fn arg(&mut self) -> Located<()> {
        self.templates_of_arguments(true)
    }

    fn pull(&mut self) -> Located<()> {
        self.emit(Op::ParseSource(ParseItem::Pull));
        self.templates(true)
    }

    fn call(&mut self) -> Located<()> {
        let token = self.peek();
        if self.is_word(token, "ON") || self.is_word(token, "OFF") {
            return self.trap(true);
        }
        match token.kind {
            Kind::Symbol | Kind::String(_) => {
                self.at += 1;
                let site = self.site(token);
                let count = self.arguments()?;
                self.emit(Op::Call(site, count));
                Ok(())
            }
            Kind::Open if !self.at_end() => {
                self.at += 1;
                self.expression(TO_END)?;
                if self.peek().kind != Kind::Close {
                    return Err((Error::new(36, 0, &[]), token.start));
                }
                self.at += 1;
                let count = self.arguments()?;
                self.emit(Op::CallValue(count));
                Ok(())
            }
            _ => self.wrong(token, 19, 2, &[]),
        }
    }

    fn signal(&mut self) -> Located<()> {
        let token = self.peek();
        if self.is_word(token, "ON") || self.is_word(token, "OFF") {
            return self.trap(false);
        }
        if self.is_word(token, "VALUE") {
            self.at += 1;
            return self.with_expression(Op::SignalValue);
        }
        match token.kind {
            Kind::Symbol | Kind::String(_) => {
                self.at += 1;
                let name = self.shown(token);
                let name = self.constant(&name);
                self.emit(Op::Signal(name));
                Ok(())
            }
            Kind::Open | Kind::Operator(_) => self.with_expression(Op::SignalValue),
            _ => self.wrong(token, 19, 4, &[]),
        }
    }

    /// SIGNAL or CALL, ON or OFF.
    fn trap(&mut self, by_call: bool) -> Located<()> {
        let word = self.advance();
        let on = self.is_word(word, "ON");
        let token = self.advance();
        let word = if token.kind == Kind::Symbol { self.symbol(token) } else { Vec::new() };
        let allowed = if by_call { CALL_CONDITIONS } else { SIGNAL_CONDITIONS };
        let condition = Condition::ALL.into_iter().find(|condition| condition.name().as_bytes() == word);
        let Some(condition) = condition.filter(|condition| allowed.contains(condition.name())) else {
            let sub = if by_call { 1 } else { 3 } + u16::from(!on);
            return self.wrong(token, 25, sub, &[allowed.as_bytes()]);
        };
        let mut label = condition.name().as_bytes().to_vec();
        if on && self.take_word("NAME") {
            let token = self.advance();
            if !matches!(token.kind, Kind::Symbol | Kind::String(_)) {
                return self.wrong(token, 19, 3, &[]);
            }
            label = self.shown(token);
        }
        let label = self.constant(&label);
        self.unit.traps.push(TrapSetting { condition, on, by_call, label });
        self.emit(Op::Trap(self.unit.traps.len() as u32 - 1));
        Ok(())
    }

    /// The names in a list. With `indirect`, a name in parentheses stands for the names in its value.
    fn names(&mut self, indirect: bool) -> Located<u32> {
        let mut list = Vec::new();
        while !self.at_end() {
            let token = self.advance();
            if token.kind == Kind::Open && indirect {
                let inner = self.advance();
                let name = self.variable(inner)?;
                let close = self.advance();
                if close.kind != Kind::Close {
                    return self.wrong(close, 46, 1, &[]);
                }
                list.push(ListItem { name, indirect: true });
                continue;
            }
            let name = self.variable(token)?;
            list.push(ListItem { name, indirect: false });
        }
        if list.is_empty() {
            return self.wrong(self.peek(), 20, 1, &[]);
        }
        self.unit.lists.push(list);
        Ok(self.unit.lists.len() as u32 - 1)
    }

    fn drop_list(&mut self) -> Located<()> {
        let list = self.names(true)?;
        self.emit(Op::Drop(list));
        Ok(())
    }

    fn upper(&mut self) -> Located<()> {
        let list = self.names(false)?;
        self.emit(Op::Upper(list));
        Ok(())
    }

    fn procedure(&mut self) -> Located<()> {
        let list = match self.at_end() {
            true => {
                self.unit.lists.push(Vec::new());
                self.unit.lists.len() as u32 - 1
            }
            false if self.take_word("EXPOSE") => self.names(true)?,
            false => return self.wrong(self.peek(), 25, 17, &[]),
        };
        self.emit(Op::Procedure(list));
        Ok(())
    }

    fn numeric(&mut self) -> Located<()> {
        let token = self.advance();
        let item = match self.shown(token).as_slice() {
            b"DIGITS" => NumericItem::Digits,
            b"FUZZ" => NumericItem::Fuzz,
            b"FORM" => NumericItem::Form,
            _ => return self.wrong(token, 25, 15, &[b"DIGITS FORM FUZZ"]),
        };
        if self.at_end() {
            self.emit(Op::Numeric(item, false));
            return Ok(());
        }
        let next = self.peek();
        if item == NumericItem::Form && next.kind == Kind::Symbol {
            for (word, engineering) in [("SCIENTIFIC", false), ("ENGINEERING", true)] {
                if self.take_word(word) {
                    self.emit(Op::FormEngineering(engineering));
                    return Ok(());
                }
            }
            if !self.take_word("VALUE") {
                return self.wrong(next, 25, 11, &[b"ENGINEERING SCIENTIFIC VALUE"]);
            }
        }
        self.with_expression(Op::Numeric(item, true))
    }

    fn trace(&mut self) -> Located<()> {
        if self.at_end() {
            let null = self.constant(b"");
            self.emit(Op::Trace(null));
            return Ok(());
        }
        let token = self.peek();
        if self.take_word("VALUE") {
            return self.with_expression(Op::TraceValue);
        }
        // A sign before a number belongs to the setting; a question mark is part of a symbol.
        let alone = matches!(self.peek_at(1).kind, Kind::End | Kind::Eof);
        match token.kind {
            Kind::Symbol | Kind::String(_) if alone => {
                self.at += 1;
                let setting = self.shown(token);
                let setting = self.constant(&setting);
                self.emit(Op::Trace(setting));
                Ok(())
            }
            Kind::Comma | Kind::Close | Kind::Colon => self.wrong(token, 19, 6, &[]),
            _ => self.with_expression(Op::TraceValue),
        }
    }
}
