//! Templates of PARSE, ARG and PULL.

use alloc::vec::Vec;

use super::super::code::{Op, Pattern, Reference, Template};
use super::super::error::Error;
use super::super::scanner::{Kind, Located, Operator, Token};
use super::{Compiler, is_constant};

impl Compiler<'_> {
    /// ARG: a template for each argument.
    pub(super) fn templates_of_arguments(&mut self, upper: bool) -> Located<()> {
        let mut argument = 0;
        loop {
            self.emit(Op::ParseArgument(argument));
            self.template(upper)?;
            if self.peek().kind != Kind::Comma {
                return Ok(());
            }
            self.at += 1;
            argument += 1;
        }
    }

    /// The templates for one string: those behind the first get the null string.
    pub(super) fn templates(&mut self, upper: bool) -> Located<()> {
        self.template(upper)?;
        while self.peek().kind == Kind::Comma {
            self.at += 1;
            let null = self.constant(b"");
            self.emit(Op::Constant(null));
            self.template(upper)?;
        }
        Ok(())
    }

    /// One template, and the operation that applies it.
    fn template(&mut self, upper: bool) -> Located<()> {
        let mut template = Template { upper, ..Template::default() };
        let mut targets = Vec::new();
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End | Kind::Eof | Kind::Comma => break,
                Kind::Symbol => {
                    let name = self.symbol(token);
                    if name == b"." {
                        self.at += 1;
                        targets.push(None);
                    } else if is_constant(&name) {
                        self.at += 1;
                        let column = self.column(token)?;
                        template.parts.push((core::mem::take(&mut targets), Pattern::Column(column)));
                    } else {
                        self.at += 1;
                        targets.push(Some(self.reference(&name)));
                    }
                }
                _ => {
                    let pattern = self.pattern(token)?;
                    template.parts.push((core::mem::take(&mut targets), pattern));
                }
            }
        }
        if template.parts.is_empty() && !upper {
            let name = |target: &Option<Reference>| match target {
                None => Some(None),
                Some(Reference::Simple(name)) => Some(Some(*name)),
                Some(_) => None,
            };
            template.words = targets.iter().map(name).collect();
        }
        template.parts.push((targets, Pattern::End));
        self.unit.templates.push(template);
        self.emit(Op::Parse(self.unit.templates.len() as u32 - 1));
        Ok(())
    }

    /// A column number.
    fn column(&self, token: Token) -> Located<u32> {
        let text = self.text_of(token);
        let number = core::str::from_utf8(text).ok().and_then(|text| text.parse::<u32>().ok());
        match number {
            Some(number) => Ok(number),
            None => self.wrong(token, 26, 4, &[]),
        }
    }

    /// A variable in parentheses, the opening one already taken.
    fn in_parentheses(&mut self) -> Located<Reference> {
        let inner = self.advance();
        if inner.kind != Kind::Symbol || is_constant(self.text_of(inner)) {
            return self.wrong(inner, 19, 7, &[]);
        }
        let name = self.symbol(inner);
        let close = self.advance();
        if close.kind != Kind::Close {
            return self.wrong(close, 46, 1, &[]);
        }
        Ok(self.reference(&name))
    }

    /// A pattern that is no plain column.
    fn pattern(&mut self, token: Token) -> Located<Pattern> {
        self.at += 1;
        match token.kind {
            Kind::String(number) => {
                let literal = self.constant(&self.tokens.strings[number as usize].clone());
                Ok(Pattern::Literal(literal))
            }
            Kind::Open => Ok(Pattern::Variable(self.in_parentheses()?)),
            Kind::Operator(Operator::Equal) => {
                let next = self.advance();
                match next.kind {
                    Kind::Open => Ok(Pattern::ColumnVariable(self.in_parentheses()?)),
                    Kind::Symbol if is_constant(self.text_of(next)) => Ok(Pattern::Column(self.column(next)?)),
                    _ => self.wrong(next, 38, 2, &[]),
                }
            }
            Kind::Operator(operator @ (Operator::Plus | Operator::Minus)) => {
                let back = operator == Operator::Minus;
                let next = self.advance();
                match next.kind {
                    Kind::Open => Ok(Pattern::RelativeVariable(self.in_parentheses()?, back)),
                    Kind::Symbol if is_constant(self.text_of(next)) => {
                        let columns = i64::from(self.column(next)?);
                        Ok(Pattern::Relative(if back { -columns } else { columns }))
                    }
                    _ => self.wrong(next, 38, 2, &[]),
                }
            }
            Kind::Close => Err((Error::new(37, 2, &[]), token.start)),
            _ => self.wrong(token, 38, 1, &[]),
        }
    }
}
