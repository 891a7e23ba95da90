//! Operators: arithmetic, comparison, concatenation, logic.

use core::cmp::Ordering;

use super::super::code::{Condition, Op, Operand, Quick, Unit};
use super::super::error::{Error, Result};
use super::super::number::{self, Fault, Number, Numeric, small};
use super::super::scanner::Operator;
use super::super::value::{Scratch, Value};
use super::{Flow, Interpreter};

/// The logical value that a value is.
pub fn logical(value: &Value) -> Option<bool> {
    match value {
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::Short(1, bytes) if bytes[0] == b'0' => Some(false),
        Value::Short(1, bytes) if bytes[0] == b'1' => Some(true),
        _ => None,
    }
}

/// The whole number of at most 18 digits that a value is.
pub fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        value => Number::of(value)?.to_int(),
    }
}

impl Interpreter<'_> {
    /// Does a binary operation on whole numbers in place, on the stack; false when it is not that simple.
    #[inline]
    pub(super) fn quick(&mut self, operator: Operator) -> bool {
        let [.., Some(Value::Int(left)), Some(Value::Int(right))] = self.stack[..] else {
            return false;
        };
        if self.tracing.intermediates {
            return false;
        }
        let Some(result) = on_whole(operator, left, right, self.settings.whole_limit) else {
            return false;
        };
        self.stack.pop();
        if let Some(top) = self.stack.last_mut() {
            *top = Some(Value::Int(result));
        }
        true
    }

    /// Concatenates the two values on the stack, where they are.
    #[inline]
    pub(super) fn concatenate(&mut self, blank: bool) -> Result<Flow> {
        if let [.., Some(left), Some(right)] = &mut self.stack[..] {
            left.append(right, blank, &mut self.spare)?;
        }
        if let Some(Some(right @ Value::Long(_))) = self.stack.pop() {
            self.recycle(right);
        }
        if self.tracing.intermediates
            && let Some(Some(joined)) = self.stack.last()
        {
            let joined = joined.clone();
            self.trace_intermediate("O", &joined);
        }
        Ok(Flow::Next)
    }

    /// Does a whole concatenation whose operands stand ready; false when it is traced, or the first is one that may be appended to in place.
    #[inline]
    pub(super) fn join_operands(&mut self, unit: &Unit, quick: &Quick) -> Result<bool> {
        let operand = |operand: Operand| match operand {
            Operand::Variable(name) => self.variables.pools.get(name),
            Operand::Constant(number) => unit.constants.get(number as usize),
            Operand::Top => None,
        };
        let (Some(left), Some(right)) = (operand(quick.left), operand(quick.right)) else {
            return Ok(false);
        };
        if matches!(left, Value::Long(_)) || self.tracing.intermediates {
            return Ok(false);
        }
        Value::join(left, right, quick.operator == Operator::Blank, &mut self.spare, |joined| self.stack.push(Some(joined)))?;
        self.pc += 2;
        Ok(true)
    }

    /// Appends an operand that stands ready to the value on the stack; false when it has no value, or when it is traced.
    #[inline]
    pub(super) fn append_operand(&mut self, unit: &Unit, quick: &Quick) -> Result<bool> {
        let right = match quick.right {
            _ if self.tracing.intermediates => None,
            Operand::Variable(name) => self.variables.pools.get(name),
            Operand::Constant(number) => unit.constants.get(number as usize),
            Operand::Top => None,
        };
        let (Some(right), Some(Some(left))) = (right, self.stack.last_mut()) else {
            return Ok(false);
        };
        left.append(right, quick.operator == Operator::Blank, &mut self.spare)?;
        self.pc += 1;
        Ok(true)
    }

    /// Does a whole operation whose operands stand ready, and the assignment or the jump that follows; false when it is not that simple.
    #[inline]
    pub(super) fn quick_operation(&mut self, unit: &Unit, quick: &Quick) -> bool {
        if self.tracing.results {
            return false;
        }
        let operand = |operand: Operand| match operand {
            Operand::Variable(name) => self.variables.pools.get(name),
            Operand::Constant(number) => unit.constants.get(number as usize),
            Operand::Top => self.stack.last().and_then(Option::as_ref),
        };
        let (Some(left), Some(right)) = (operand(quick.left), operand(quick.right)) else {
            return false;
        };
        if let (Value::Int(left), Value::Int(right)) = (left, right)
            && let Some(number) = on_whole(quick.operator, *left, *right, self.settings.whole_limit)
        {
            self.pass(quick.left);
            match unit.code[self.pc] {
                Op::Assign(name) => {
                    self.pc += 1;
                    self.variables.pools.set_whole(name, number);
                }
                Op::If(_) | Op::When(_) | Op::While(_) if number == 1 => self.pc += 1,
                Op::If(target) | Op::When(target) | Op::While(target) if number == 0 => self.pc = target as usize,
                _ => self.stack.push(Some(Value::Int(number))),
            }
            return true;
        }
        let Some(result) = on_small(quick.operator, left, right, self.settings.numeric) else {
            return false;
        };
        self.pass(quick.left);
        match (unit.code[self.pc], &result) {
            (Op::Assign(name), _) => {
                self.pc += 1;
                self.variables.pools.set(name, result);
            }
            (Op::If(_) | Op::When(_) | Op::While(_), Value::Int(1)) => self.pc += 1,
            (Op::If(target) | Op::When(target) | Op::While(target), Value::Int(0)) => self.pc = target as usize,
            _ => self.push(result),
        }
        true
    }

    /// Passes over the operations that a quick one has done, and takes its first operand from the stack when that is there.
    #[inline(always)]
    fn pass(&mut self, left: Operand) {
        match left {
            Operand::Top => {
                self.stack.pop();
                self.pc += 1;
            }
            _ => self.pc += 2,
        }
    }

    /// A binary operation that is not concatenation.
    #[inline]
    pub(super) fn binary(&mut self, operator: Operator, left: &Value, right: &Value) -> Result<Value> {
        use Operator as O;
        match operator {
            O::Plus | O::Minus | O::Times | O::Divide | O::IntegerDivide | O::Remainder | O::Power => self.calculate(operator, left, right),
            O::Equal | O::NotEqual | O::Greater | O::Less | O::GreaterEqual | O::LessEqual => {
                Ok(Value::logical(holds(operator, self.compare(left, right)?)))
            }
            O::StrictEqual => Ok(Value::logical(left == right)),
            O::StrictNotEqual => Ok(Value::logical(left != right)),
            O::StrictGreater | O::StrictLess | O::StrictGreaterEqual | O::StrictLessEqual => {
                Ok(Value::logical(holds(operator, strict(left, right))))
            }
            O::And | O::Or | O::Xor => logic(operator, left, right),
            O::Concatenate | O::Abuttal | O::Blank | O::Not => unreachable!("done elsewhere"),
        }
    }

    /// Arithmetic at the current settings: in machine numbers when they are exact.
    pub(super) fn calculate(&mut self, operator: Operator, left: &Value, right: &Value) -> Result<Value> {
        if let Some(result) = on_small(operator, left, right, self.settings.numeric) {
            return Ok(result);
        }
        self.calculate_long(operator, left, right)
    }

    /// Arithmetic on numbers of any length.
    fn calculate_long(&mut self, operator: Operator, left: &Value, right: &Value) -> Result<Value> {
        use Operator as O;
        let digits = self.settings.numeric.digits;
        let name = operator.name().as_bytes();
        let (mut one, mut other) = core::mem::take(&mut self.numbers);
        if !one.take(left) {
            return Err(Error::new(41, 1, &[&left.to_vec(), name]));
        }
        if !other.take(right) {
            return Err(Error::new(41, 2, &[&right.to_vec(), name]));
        }
        self.note_lost_digits(&one, left);
        self.note_lost_digits(&other, right);
        let result = match operator {
            O::Plus => number::add(&one, &other, digits),
            O::Minus => number::subtract(&one, &other, digits),
            O::Times => number::multiply(&one, &other, digits),
            O::Divide => number::divide(&one, &other, digits),
            O::IntegerDivide => number::integer_divide(&one, &other, digits),
            O::Remainder => number::remainder(&one, &other, digits),
            _ => {
                let exponent = other.clone().rounded(digits).to_int().filter(|power| power.abs() <= number::EXPONENT_MAX);
                let Some(exponent) = exponent else {
                    return Err(Error::new(26, 8, &[&right.to_vec()]));
                };
                number::power(&one, exponent, digits)
            }
        };
        self.numbers = (one, other);
        match result {
            Ok(number) => Ok(self.shown(&number)),
            Err(fault) => Err(self.fault(fault, operator, left, right)),
        }
    }

    /// LOSTDIGITS: a number that has more digits than NUMERIC DIGITS, when that is trapped.
    fn note_lost_digits(&mut self, number: &Number, value: &Value) {
        if number.digits.len() > self.settings.numeric.digits as usize && self.lost.is_none() && self.trapped(Condition::LostDigits) {
            self.lost = Some(value.clone());
        }
    }

    /// The value with the characters that show a number.
    fn shown(&mut self, number: &Number) -> Value {
        let numeric = self.settings.numeric;
        let mut text = self.spare.take().unwrap_or_default();
        match alloc::rc::Rc::get_mut(&mut text) {
            None => Value::from_vec(number.format(numeric.digits, numeric.engineering)),
            Some(bytes) => {
                bytes.clear();
                number.write(bytes, numeric.digits, numeric.engineering);
                Value::from_shared(text)
            }
        }
    }

    /// The error that a fault of arithmetic is.
    fn fault(&self, fault: Fault, operator: Operator, left: &Value, right: &Value) -> Error {
        let (left, right) = (left.to_vec(), right.to_vec());
        let name = operator.name().as_bytes();
        match fault {
            Fault::Overflow => Error::new(42, 1, &[&left, name, &right]),
            Fault::Underflow => Error::new(42, 2, &[&left, name, &right]),
            Fault::DivideByZero => Error::new(42, 3, &[]),
            Fault::TooLong => {
                let sub = if operator == Operator::Remainder { 12 } else { 11 };
                Error::new(26, sub, &[&left, &right, alloc::format!("{}", self.settings.numeric.digits).as_bytes()])
            }
        }
    }

    /// Which is the greater: as numbers when both are, else as strings without the blanks around them, the shorter padded with blanks.
    pub(super) fn compare(&mut self, left: &Value, right: &Value) -> Result<Ordering> {
        let numeric = self.settings.numeric;
        let digits = numeric.digits - numeric.fuzz;
        if let (Some(one), Some(other)) = (small::of(left), small::of(right))
            && let Some(ordering) = small::compare(one, other, digits)
        {
            return Ok(ordering);
        }
        let (mut room, mut other_room) = (Scratch::new(), Scratch::new());
        let (one, other) = (left.bytes(&mut room), right.bytes(&mut other_room));
        if may_be_number(one)
            && may_be_number(other)
            && let (Some(first), Some(second)) = (Number::parse(one), Number::parse(other))
        {
            return number::compare(&first, &second, digits).map_err(|fault| self.fault(fault, Operator::Minus, left, right));
        }
        Ok(loose(one, other))
    }

    /// A prefix operation.
    pub(super) fn prefix(&mut self, operator: Operator, value: Value) -> Result<Value> {
        if operator == Operator::Not {
            return match logical(&value) {
                Some(truth) => Ok(Value::logical(!truth)),
                None => Err(Error::new(34, 6, &[b"\\", &value.to_vec()])),
            };
        }
        if small::of(&value).is_none() && Number::of(&value).is_none() {
            return Err(Error::new(41, 3, &[&value.to_vec(), operator.name().as_bytes()]));
        }
        self.calculate(operator, &Value::Int(0), &value)
    }
}

/// An operation on whole numbers below the limit that gives one.
#[inline(always)]
fn on_whole(operator: Operator, left: i64, right: i64, limit: i64) -> Option<i64> {
    use Operator as O;
    if left.abs() >= limit || right.abs() >= limit {
        return None;
    }
    let result = match operator {
        O::Plus => left + right,
        O::Minus => left - right,
        O::Times => left.checked_mul(right)?,
        O::IntegerDivide if right != 0 => left / right,
        O::Remainder if right != 0 => left % right,
        O::Equal | O::StrictEqual => i64::from(left == right),
        O::NotEqual | O::StrictNotEqual => i64::from(left != right),
        O::Greater => i64::from(left > right),
        O::Less => i64::from(left < right),
        O::GreaterEqual => i64::from(left >= right),
        O::LessEqual => i64::from(left <= right),
        _ => return None,
    };
    (result.abs() < limit).then_some(result)
}

/// An operation in machine numbers, when it is exact there.
fn on_small(operator: Operator, left: &Value, right: &Value, numeric: Numeric) -> Option<Value> {
    use Operator as O;
    let (left, right, digits) = (small::of(left)?, small::of(right)?, numeric.digits);
    let result = match operator {
        O::Plus => small::add(left, right, digits),
        O::Minus => small::add(left, small::Small { coefficient: -right.coefficient, ..right }, digits),
        O::Times => small::multiply(left, right, digits),
        O::Divide => small::divide(left, right, digits),
        O::IntegerDivide => small::integer_divide(left, right, digits),
        O::Remainder => small::remainder(left, right, digits),
        O::Power => small::power(left, right, digits),
        O::Equal | O::NotEqual | O::Greater | O::Less | O::GreaterEqual | O::LessEqual => {
            let ordering = small::compare(left, right, digits - numeric.fuzz)?;
            Some(Value::logical(holds(operator, ordering)))
        }
        _ => None,
    };
    // Machine numbers know scientific notation only.
    result.filter(|result| !numeric.engineering || !matches!(result, Value::Exponential(..)))
}

/// Whether a comparison is true of operands in that order.
fn holds(operator: Operator, ordering: Ordering) -> bool {
    use Operator as O;
    match operator {
        O::Equal | O::StrictEqual => ordering.is_eq(),
        O::NotEqual | O::StrictNotEqual => ordering.is_ne(),
        O::Greater | O::StrictGreater => ordering.is_gt(),
        O::Less | O::StrictLess => ordering.is_lt(),
        O::GreaterEqual | O::StrictGreaterEqual => ordering.is_ge(),
        _ => ordering.is_le(),
    }
}

/// Whether the first character is one that numbers begin with.
fn may_be_number(text: &[u8]) -> bool {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Orders strings as the comparisons that are not strict do.
pub fn loose(left: &[u8], right: &[u8]) -> Ordering {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let leading = |text: &[u8]| text.iter().take_while(|byte| blank(byte)).count();
    let (left, right) = (&left[leading(left)..], &right[leading(right)..]);
    let common = left.len().min(right.len());
    left[..common].cmp(&right[..common]).then_with(|| {
        let (rest, side) = if left.len() > common { (&left[common..], Ordering::Greater) } else { (&right[common..], Ordering::Less) };
        match rest.iter().find(|byte| **byte != b' ') {
            None => Ordering::Equal,
            Some(byte) if *byte > b' ' => side,
            Some(_) => side.reverse(),
        }
    })
}

/// Orders strings by their characters alone.
fn strict(left: &Value, right: &Value) -> Ordering {
    left.bytes(&mut Scratch::new()).cmp(right.bytes(&mut Scratch::new()))
}

/// And, or, exclusive or.
fn logic(operator: Operator, left: &Value, right: &Value) -> Result<Value> {
    let name = operator.name().as_bytes();
    let one = logical(left).ok_or_else(|| Error::new(34, 5, &[name, &left.to_vec()]))?;
    let other = logical(right).ok_or_else(|| Error::new(34, 6, &[name, &right.to_vec()]))?;
    Ok(Value::logical(match operator {
        Operator::And => one && other,
        Operator::Or => one || other,
        _ => one != other,
    }))
}
