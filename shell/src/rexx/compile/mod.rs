//! Tokens to code, in one pass and without recursion: however deep a program nests, only the heap grows.
//!
//! Here: clauses, labels, and the blocks (IF, SELECT, DO) that are open. Instructions, expressions and templates have files of their own.

mod expression;
mod instruction;
mod phrases;
mod template;

use alloc::rc::Rc;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::builtin;
use super::code::*;
use super::error::Error;
use super::number::small::{self, Small};
use super::scanner::{self, Kind, Located, Operator, Source, Token, Tokens};
use super::value::{Key, Value};
use super::variables::Names;

/// Compiles a program. Names are added to those of the program it belongs to.
///
/// # Errors
/// The first error in it, and the byte where it is.
pub fn program(source: &Rc<Source>, names: &mut Names) -> Located<Unit> {
    unit(source, names, None)
}

/// Compiles the string of INTERPRET: its calls may reach the labels of the program.
///
/// # Errors
/// The first error in it, and the byte where it is.
pub fn interpreted(source: &Rc<Source>, names: &mut Names, program: &Unit) -> Located<Unit> {
    unit(source, names, Some(program))
}

fn unit(source: &Rc<Source>, names: &mut Names, program: Option<&Unit>) -> Located<Unit> {
    let tokens = scanner::scan(&source.text)?;
    let mut compiler = Compiler {
        text: &source.text,
        tokens: &tokens,
        at: 0,
        unit: Unit::new(source.clone()),
        names,
        blocks: Vec::new(),
        constants: HashMap::new(),
        interpreted: program.is_some(),
        parentheses: 0,
        groups: 0,
    };
    compiler.clauses()?;
    let mut unit = compiler.unit;
    let labels = program.map_or(&unit.labels, |program| &program.labels);
    for site in &mut unit.sites {
        let name = site.name.to_vec();
        site.target = match labels.get(name.as_slice()) {
            Some(place) if !site.quoted => Target::Label(*place),
            _ => builtin::find(&name).map_or(Target::External, Target::BuiltIn),
        };
    }
    Ok(unit)
}

/// Something that is open.
#[derive(Debug)]
enum Block {
    /// THEN was seen; the jump to patch when it is over.
    Then {
        jump: usize,
    },
    /// ELSE was seen.
    Else {
        jump: usize,
    },
    /// A WHEN's instruction; the jump to the next WHEN.
    When {
        jump: usize,
    },
    Select(Select),
    Do(Do),
}

/// An open SELECT.
#[derive(Debug)]
struct Select {
    clause: u32,
    /// Jumps to its end.
    ends: Vec<usize>,
    otherwise: bool,
}

/// An open DO.
#[derive(Debug)]
struct Do {
    clause: u32,
    repetition: Option<Repetition>,
}

/// An open repetitive DO.
#[derive(Debug)]
struct Repetition {
    number: u32,
    /// Jumps to its exit, and to its next turn.
    exits: Vec<usize>,
    turns: Vec<usize>,
    /// The tokens of its UNTIL expression.
    until: Option<(usize, usize)>,
    /// Its control variable as written, in capitals.
    control: Option<Vec<u8>>,
}

struct Compiler<'a> {
    text: &'a [u8],
    tokens: &'a Tokens,
    at: usize,
    unit: Unit,
    names: &'a mut Names,
    blocks: Vec<Block>,
    constants: HashMap<Key, u32>,
    interpreted: bool,
    /// Parentheses that are open in the expression being compiled.
    parentheses: u32,
    /// DO and SELECT that are open.
    groups: u32,
}

impl<'a> Compiler<'a> {
    // Tokens

    fn peek(&self) -> Token {
        self.tokens.list[self.at.min(self.tokens.list.len() - 1)]
    }

    fn peek_at(&self, ahead: usize) -> Token {
        self.tokens.list[(self.at + ahead).min(self.tokens.list.len() - 1)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// The characters of a token.
    fn text_of(&self, token: Token) -> &'a [u8] {
        &self.text[token.start as usize..token.end as usize]
    }

    /// A symbol in capitals.
    fn symbol(&self, token: Token) -> Vec<u8> {
        self.text_of(token).to_ascii_uppercase()
    }

    /// The token is that keyword.
    fn is_word(&self, token: Token, word: &str) -> bool {
        token.kind == Kind::Symbol && self.text_of(token).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Takes the next token when it is that keyword.
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(self.peek(), word);
        self.at += usize::from(found);
        found
    }

    /// Whether the clause ends here.
    fn at_end(&self) -> bool {
        matches!(self.peek().kind, Kind::End | Kind::Eof)
    }

    /// What a message shows of a token.
    fn shown(&self, token: Token) -> Vec<u8> {
        match token.kind {
            Kind::End | Kind::Eof => Vec::new(),
            Kind::String(number) => self.tokens.strings[number as usize].clone(),
            _ => self.symbol(token),
        }
    }

    /// An error at a token, whose message names it last.
    fn wrong<T>(&self, token: Token, number: u16, sub: u16, inserts: &[&[u8]]) -> Located<T> {
        let shown = self.shown(token);
        let mut all = inserts.to_vec();
        all.push(&shown);
        Err((Error::new(number, sub, &all), token.start.min(self.text.len() as u32)))
    }

    /// The line of a clause as text.
    fn line_text(&self, clause: u32) -> Vec<u8> {
        alloc::format!("{}", self.unit.clauses[clause as usize].line).into_bytes()
    }

    /// The clause must end here.
    fn end_of_clause(&mut self) -> Located<()> {
        let token = self.peek();
        match token.kind {
            Kind::End => {
                self.at += 1;
                Ok(())
            }
            Kind::Eof => Ok(()),
            Kind::Comma => Err((Error::new(37, 1, &[]), token.start)),
            Kind::Close => Err((Error::new(37, 2, &[]), token.start)),
            _ => self.wrong(token, 21, 1, &[]),
        }
    }

    // Code

    fn emit(&mut self, op: Op) -> usize {
        self.unit.code.push(op);
        self.unit.code.len() - 1
    }

    fn here(&self) -> u32 {
        self.unit.code.len() as u32
    }

    /// Sets the target of a jump.
    fn patch(&mut self, jump: usize, to: u32) {
        match &mut self.unit.code[jump] {
            Op::Jump(target) | Op::If(target) | Op::When(target) | Op::While(target) | Op::Until(target) => *target = to,
            other => unreachable!("{other:?} is no jump"),
        }
    }

    /// The number of a constant.
    fn constant(&mut self, bytes: &[u8]) -> u32 {
        if let Some(number) = self.constants.get(bytes) {
            return *number;
        }
        let number = self.unit.constants.len() as u32;
        self.unit.constants.push(literal(bytes));
        self.constants.insert(Key::new(bytes), number);
        number
    }

    /// Records the clause that begins at the next token.
    fn begin_clause(&mut self, trace_only: bool) -> u32 {
        let start = self.peek().start;
        let number = self.unit.clauses.len() as u32;
        let line = self.unit.source.line_of(start);
        let depth = self.groups.min(u32::from(u16::MAX)) as u16;
        self.unit.clauses.push(Clause { start, end: start, line, depth });
        self.emit(if trace_only { Op::Mark(number) } else { Op::Clause(number) });
        number
    }

    /// The clause ends before the next token.
    fn finish_clause(&mut self, clause: u32) {
        let end = self.at.checked_sub(1).map_or(0, |last| self.tokens.list[last].end);
        let clause = &mut self.unit.clauses[clause as usize];
        clause.end = end.max(clause.start);
    }

    // Structure

    fn clauses(&mut self) -> Located<()> {
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End => self.at += 1,
                Kind::Eof => break,
                Kind::Symbol | Kind::String(_) if self.peek_at(1).kind == Kind::Colon => self.label()?,
                _ => self.instruction()?,
            }
        }
        self.all_closed()?;
        self.emit(Op::Finish);
        Ok(())
    }

    fn label(&mut self) -> Located<()> {
        let token = self.peek();
        let name = match token.kind {
            Kind::String(number) => self.tokens.strings[number as usize].clone(),
            _ => self.symbol(token),
        };
        if self.interpreted {
            return Err((Error::new(47, 1, &[&name]), token.start));
        }
        let place = self.here();
        // The first of that name counts.
        self.unit.labels.entry(Key::new(&name)).or_insert(place);
        let clause = self.begin_clause(true);
        self.at += 2;
        self.finish_clause(clause);
        Ok(())
    }

    /// At the end of the source nothing may be open.
    fn all_closed(&mut self) -> Located<()> {
        let end = self.text.len() as u32;
        let number = |sub| Err((Error::new(14, sub, &[]), end));
        match self.blocks.last() {
            None => Ok(()),
            Some(Block::Then { .. } | Block::When { .. }) => number(3),
            Some(Block::Else { .. }) => number(4),
            Some(Block::Select(_)) => number(2),
            Some(Block::Do(_)) => number(1),
        }
    }

    /// An instruction is complete: so may be those that it ends.
    fn complete(&mut self) -> Located<()> {
        loop {
            match self.blocks.last() {
                Some(Block::Then { jump }) => {
                    let jump = *jump;
                    self.blocks.pop();
                    if self.begins_else() {
                        let over = self.emit(Op::Jump(0));
                        self.patch(jump, self.here());
                        let clause = self.begin_clause(true);
                        self.at += 1;
                        self.finish_clause(clause);
                        self.blocks.push(Block::Else { jump: over });
                        return Ok(());
                    }
                    self.patch(jump, self.here());
                }
                Some(Block::Else { jump }) => {
                    let jump = *jump;
                    self.blocks.pop();
                    self.patch(jump, self.here());
                }
                Some(Block::When { jump }) => {
                    let jump = *jump;
                    self.blocks.pop();
                    let over = self.emit(Op::Jump(0));
                    self.patch(jump, self.here());
                    if let Some(Block::Select(select)) = self.blocks.last_mut() {
                        select.ends.push(over);
                    }
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
    }

    /// Whether the next clause is an ELSE; takes the null clauses before it.
    fn begins_else(&mut self) -> bool {
        let mut at = self.at;
        while self.tokens.list.get(at).is_some_and(|token| token.kind == Kind::End) {
            at += 1;
        }
        let Some(token) = self.tokens.list.get(at).copied() else {
            return false;
        };
        let next = self.tokens.list.get(at + 1).map_or(Kind::Eof, |token| token.kind);
        let found = self.is_word(token, "ELSE") && !matches!(next, Kind::Operator(Operator::Equal) | Kind::Colon);
        if found {
            self.at = at;
        }
        found
    }

    // Names

    /// The variable that a symbol names; it is no constant symbol.
    fn reference(&mut self, name: &[u8]) -> Reference {
        match name.iter().position(|byte| *byte == b'.') {
            None => Reference::Simple(self.names.number(name)),
            Some(at) if at + 1 == name.len() => Reference::Stem(self.names.number(name)),
            Some(at) => {
                let stem = self.names.number(&name[..=at]);
                let tail = name[at + 1..].split(|byte| *byte == b'.').map(|part| self.tail_part(part)).collect();
                self.unit.compounds.push(CompoundName { stem, tail });
                Reference::Compound(self.unit.compounds.len() as u32 - 1)
            }
        }
    }

    fn tail_part(&mut self, part: &[u8]) -> TailPart {
        match part.first() {
            Some(first) if !first.is_ascii_digit() => TailPart::Variable(self.names.number(part)),
            _ => TailPart::Constant(literal(part)),
        }
    }

    /// The variable that a token names.
    fn variable(&mut self, token: Token) -> Located<Reference> {
        if token.kind != Kind::Symbol {
            return self.wrong(token, 20, 1, &[]);
        }
        let name = self.symbol(token);
        self.check_variable(token, &name)?;
        Ok(self.reference(&name))
    }

    /// A symbol that may have a value.
    fn check_variable(&self, token: Token, name: &[u8]) -> Located<()> {
        match name.first() {
            Some(b'.') => self.wrong(token, 31, 3, &[]),
            Some(first) if first.is_ascii_digit() => self.wrong(token, 31, 2, &[]),
            _ => Ok(()),
        }
    }
}

/// Whether a symbol is a constant: it begins with a digit or a period.
fn is_constant(name: &[u8]) -> bool {
    name.first().is_none_or(|first| first.is_ascii_digit() || *first == b'.')
}

/// The value of a literal: a number that would be shown with these characters is one from the start.
fn literal(bytes: &[u8]) -> Value {
    let plain = (1..=18).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) && (bytes[0] != b'0' || bytes.len() == 1);
    if plain {
        return Value::Int(bytes.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
    }
    let text = Value::string(bytes);
    match small::of(&text) {
        Some(Small { coefficient, scale: scale @ 1.. }) if Value::Decimal(scale as u8, coefficient) == text => {
            Value::Decimal(scale as u8, coefficient)
        }
        _ => text,
    }
}
