//! Expressions to code in postfix order, by operator precedence with a stack of what is open.

use alloc::vec::Vec;

use super::super::code::{CallSite, Op, Operand, Quick, Reference, Target};
use super::super::error::Error;
use super::super::scanner::{Kind, Located, Operator, Token};
use super::super::value::Value;
use super::{Compiler, is_constant};

/// Keywords that end an expression, outside parentheses.
pub(super) type Stops = &'static [&'static str];

/// Ended by the end of the clause alone.
pub(super) const TO_END: Stops = &[];

/// What waits for its right operand or its parenthesis.
enum Open {
    Prefix(Operator),
    Binary(Operator),
    Parenthesis(u32),
    /// The arguments of a function: its site, how many so far, where it stands.
    Arguments(u32, u16, u32),
}

/// How tightly an operator binds.
fn precedence(operator: Operator) -> u8 {
    use Operator as O;
    match operator {
        O::Not => 9,
        O::Power => 8,
        O::Times | O::Divide | O::IntegerDivide | O::Remainder => 7,
        O::Plus | O::Minus => 6,
        O::Concatenate | O::Blank | O::Abuttal => 5,
        O::And => 3,
        O::Or | O::Xor => 2,
        _ => 4,
    }
}

impl Compiler<'_> {
    /// An expression, which must be there.
    pub(super) fn expression(&mut self, stops: Stops) -> Located<()> {
        let mut open = Vec::new();
        self.parentheses = 0;
        loop {
            if self.operand(&mut open, stops)? {
                continue;
            }
            // An operand is complete: an operator, a closing parenthesis, a comma or the end follows.
            loop {
                let token = self.peek();
                let inside = self.parentheses > 0;
                match token.kind {
                    // A term follows that begins with a prefix.
                    Kind::Operator(Operator::Not) => {
                        self.binary(&mut open, if token.blank { Operator::Blank } else { Operator::Abuttal });
                        break;
                    }
                    Kind::Operator(operator) => {
                        self.at += 1;
                        self.binary(&mut open, operator);
                        break;
                    }
                    Kind::Close if inside => {
                        self.at += 1;
                        self.close(&mut open);
                    }
                    Kind::Comma if inside => {
                        self.comma(&mut open, token)?;
                        break;
                    }
                    Kind::Symbol | Kind::String(_) | Kind::Open => {
                        if !inside && self.stops(token, stops) {
                            return self.finish(open);
                        }
                        self.binary(&mut open, if token.blank { Operator::Blank } else { Operator::Abuttal });
                        break;
                    }
                    Kind::Colon => return self.wrong(token, 35, 1, &[]),
                    _ => return self.finish(open),
                }
            }
        }
    }

    /// Takes what may stand where an operand is expected; whether one is still expected.
    fn operand(&mut self, open: &mut Vec<Open>, stops: Stops) -> Located<bool> {
        let token = self.peek();
        match token.kind {
            Kind::Operator(operator @ (Operator::Plus | Operator::Minus | Operator::Not)) => {
                self.at += 1;
                open.push(Open::Prefix(operator));
                Ok(true)
            }
            Kind::Open => {
                self.at += 1;
                self.parentheses += 1;
                open.push(Open::Parenthesis(token.start));
                Ok(true)
            }
            Kind::Symbol | Kind::String(_) => {
                let next = self.peek_at(1);
                if next.kind == Kind::Open && !next.blank {
                    return self.function(open, token);
                }
                if self.parentheses == 0 && self.stops(token, stops) {
                    return self.wrong(token, 35, 1, &[]);
                }
                self.at += 1;
                self.term(token);
                Ok(false)
            }
            // An argument that is left out.
            Kind::Comma | Kind::Close if matches!(open.last(), Some(Open::Arguments(..))) => {
                self.emit(Op::Omitted);
                if token.kind == Kind::Comma {
                    self.comma(open, token)?;
                    return Ok(true);
                }
                Ok(false)
            }
            Kind::Comma => Err((Error::new(37, 1, &[]), token.start)),
            Kind::Close => Err((Error::new(37, 2, &[]), token.start)),
            Kind::End | Kind::Eof if self.parentheses > 0 => self.finish(core::mem::take(open)).map(|()| false),
            _ => self.wrong(token, 35, 1, &[]),
        }
    }

    /// Whether a symbol is one of the keywords.
    fn stops(&self, token: Token, stops: Stops) -> bool {
        stops.iter().any(|word| self.is_word(token, word))
    }

    /// A term that is no function.
    fn term(&mut self, token: Token) {
        if let Kind::String(number) = token.kind {
            let constant = self.constant(&self.tokens.strings[number as usize].clone());
            self.emit(Op::Constant(constant));
            return;
        }
        let name = self.symbol(token);
        if is_constant(&name) {
            let constant = self.constant(&name);
            self.emit(Op::Constant(constant));
            return;
        }
        let op = match self.reference(&name) {
            Reference::Simple(number) => Op::Variable(number),
            Reference::Stem(number) => Op::Stem(number),
            Reference::Compound(number) => Op::Compound(number),
        };
        self.emit(op);
    }

    /// A site for calling a routine.
    pub(super) fn site(&mut self, token: Token) -> u32 {
        let (name, quoted) = match token.kind {
            Kind::String(number) => (self.tokens.strings[number as usize].clone(), true),
            _ => (self.symbol(token), false),
        };
        self.unit.sites.push(CallSite { name: Value::string(&name), quoted, target: Target::External });
        self.unit.sites.len() as u32 - 1
    }

    /// The beginning of a function call; whether an operand is expected now.
    fn function(&mut self, open: &mut Vec<Open>, token: Token) -> Located<bool> {
        if token.kind == Kind::Symbol && self.text_of(token).ends_with(b".") {
            return self.wrong(token, 51, 1, &[]);
        }
        let site = self.site(token);
        self.at += 2;
        if self.peek().kind == Kind::Close {
            self.at += 1;
            self.emit(Op::Function(site, 0));
            return Ok(false);
        }
        self.parentheses += 1;
        open.push(Open::Arguments(site, 0, token.start));
        Ok(true)
    }

    /// A binary operator: those that bind as tightly or more come first.
    fn binary(&mut self, open: &mut Vec<Open>, operator: Operator) {
        while let Some(Open::Prefix(waiting)) = open.last() {
            self.emit(Op::Prefix(*waiting));
            open.pop();
        }
        while let Some(Open::Binary(waiting)) = open.last() {
            if precedence(*waiting) < precedence(operator) {
                break;
            }
            self.operation(*waiting);
            open.pop();
            while let Some(Open::Prefix(waiting)) = open.last() {
                self.emit(Op::Prefix(*waiting));
                open.pop();
            }
        }
        open.push(Open::Binary(operator));
    }

    /// A binary operation. When what it works on is pushed directly before it, the push of its first operand is made one that may do it all.
    fn operation(&mut self, operator: Operator) {
        let operand = |op: Option<&Op>| match op {
            Some(Op::Variable(name)) => Some(Operand::Variable(*name)),
            Some(Op::Constant(number)) => Some(Operand::Constant(*number)),
            _ => None,
        };
        let code = &mut self.unit.code;
        let length = code.len();
        let number = self.unit.quicks.len() as u32;
        let left = operand(length.checked_sub(2).and_then(|at| code.get(at)));
        let right = operand(code.last());
        match (operator, right) {
            (Operator::Concatenate | Operator::Blank | Operator::Abuttal, Some(right)) => {
                code[length - 1] = Op::Append(number);
                self.unit.quicks.push(Quick { left: Operand::Top, right, operator });
                if let Some(left) = left {
                    code[length - 2] = Op::Join(number + 1);
                    self.unit.quicks.push(Quick { left, right, operator });
                }
            }
            (_, Some(right)) if operator.is_numeric() => {
                let at = if left.is_some() { length - 2 } else { length - 1 };
                code[at] = Op::Quick(number);
                self.unit.quicks.push(Quick { left: left.unwrap_or(Operand::Top), right, operator });
            }
            _ => {}
        }
        self.emit(Op::Binary(operator));
    }

    /// Emits what waits, down to a parenthesis.
    fn reduce(&mut self, open: &mut Vec<Open>) {
        loop {
            match open.last() {
                Some(Open::Prefix(operator)) => drop(self.emit(Op::Prefix(*operator))),
                Some(Open::Binary(operator)) => self.operation(*operator),
                _ => return,
            };
            open.pop();
        }
    }

    /// A closing parenthesis.
    fn close(&mut self, open: &mut Vec<Open>) {
        self.reduce(open);
        self.parentheses -= 1;
        if let Some(Open::Arguments(site, count, _)) = open.pop() {
            self.emit(Op::Function(site, count + 1));
        }
    }

    /// A comma between arguments.
    fn comma(&mut self, open: &mut Vec<Open>, token: Token) -> Located<()> {
        self.reduce(open);
        match open.last_mut() {
            Some(Open::Arguments(_, count, _)) if *count < ARGUMENTS => {
                self.at += 1;
                *count += 1;
                Ok(())
            }
            _ => Err((Error::new(37, 1, &[]), token.start)),
        }
    }

    /// The end of the expression.
    fn finish(&mut self, mut open: Vec<Open>) -> Located<()> {
        self.reduce(&mut open);
        match open.pop() {
            Some(Open::Parenthesis(start) | Open::Arguments(_, _, start)) => Err((Error::new(36, 0, &[]), start)),
            _ => Ok(()),
        }
    }

    /// The arguments of CALL, to the end of the clause; how many.
    pub(super) fn arguments(&mut self) -> Located<u16> {
        let mut count = 0;
        if self.at_end() {
            return Ok(0);
        }
        loop {
            match self.peek().kind {
                Kind::Comma => {
                    self.emit(Op::Omitted);
                }
                Kind::End | Kind::Eof => {
                    self.emit(Op::Omitted);
                    return Ok(count + 1);
                }
                _ => self.expression(TO_END)?,
            }
            count += 1;
            let token = self.peek();
            if token.kind != Kind::Comma || count == ARGUMENTS {
                return Ok(count);
            }
            self.at += 1;
        }
    }
}

/// Most arguments of one call.
const ARGUMENTS: u16 = 4096;
