//! Repetitive DO.

use super::super::code::{Loop, Phrase, Reference, Unit};
use super::super::error::{Error, Result};
use super::super::number::{Number, small};
use super::super::scanner::Operator;
use super::super::value::Value;
use super::Interpreter;

/// A loop that is active.
#[derive(Debug)]
pub struct LoopState {
    /// Its number in its unit.
    number: u32,
    /// Turns left, when they are counted.
    left: Option<u64>,
    to: Option<Value>,
    by: Value,
    down: bool,
    /// How many routines were active when it began: it belongs to the innermost of them.
    routines: usize,
    /// When it counts in whole numbers.
    whole: Option<WholeSteps>,
}

/// The steps of a loop over whole numbers with a simple control variable and nothing else that ends it.
#[derive(Clone, Copy, Debug)]
struct WholeSteps {
    name: u32,
    by: i64,
    to: Option<i64>,
    /// The greater of the two, without sign.
    most: i64,
}

impl LoopState {
    /// A loop that begins.
    fn new(number: u32, routines: usize) -> Self {
        Self { number, left: None, to: None, by: Value::Int(1), down: false, routines, whole: None }
    }

    /// Its steps, when they are that simple.
    fn whole_steps(&self, control: Reference) -> Option<WholeSteps> {
        let (Reference::Simple(name), Value::Int(by), None) = (control, &self.by, self.left) else {
            return None;
        };
        match self.to {
            None => Some(WholeSteps { name, by: *by, to: None, most: by.abs() }),
            Some(Value::Int(to)) => Some(WholeSteps { name, by: *by, to: Some(to), most: by.abs().max(to.abs()) }),
            Some(_) => None,
        }
    }
}

impl Interpreter<'_> {
    /// Takes the values of the phrases from the stack, and assigns the control variable.
    pub(super) fn loop_begin(&mut self, unit: &Unit, number: u32) -> Result<()> {
        let info = &unit.loops[number as usize];
        let mut state = LoopState::new(number, self.frames.len());
        if info.counted {
            let count = self.pop();
            state.left = Some(self.count(&count, 2)?);
        }
        if let Some(control) = info.control {
            let values: alloc::vec::Vec<Value> = info.phrases.iter().map(|_| self.pop()).collect();
            let initial = self.pop();
            let initial = self.rounded(&initial, 6)?;
            for (phrase, value) in info.phrases.iter().zip(values.iter().rev()) {
                match phrase {
                    Phrase::To => state.to = Some(self.rounded(value, 4)?),
                    Phrase::By => state.by = self.rounded(value, 5)?,
                    Phrase::For => state.left = Some(self.count(value, 3)?),
                }
            }
            state.down = Number::of(&state.by).is_some_and(|by| by.negative);
            state.whole = state.whole_steps(control);
            self.assign(unit, control, initial)?;
        }
        self.loops.push(state);
        Ok(())
    }

    /// A count of turns; `sub` is the sub-code of error 26.
    fn count(&mut self, value: &Value, sub: u16) -> Result<u64> {
        let rounded = match Number::of(value) {
            Some(number) => number.rounded(self.settings.numeric.digits).to_int(),
            None => None,
        };
        if self.tracing.results {
            self.trace_result(value);
        }
        rounded.and_then(|count| u64::try_from(count).ok()).ok_or_else(|| Error::new(26, sub, &[&value.to_vec()]))
    }

    /// A number at the current settings; `sub` is the sub-code of error 41.
    fn rounded(&mut self, value: &Value, sub: u16) -> Result<Value> {
        if small::of(value).is_none() && Number::of(value).is_none() {
            return Err(Error::new(41, sub, &[&value.to_vec()]));
        }
        let rounded = self.calculate(Operator::Plus, &Value::Int(0), value)?;
        if self.tracing.results {
            self.trace_result(&rounded);
        }
        Ok(rounded)
    }

    /// The state of that loop, which SIGNAL may have ended.
    fn state(&mut self, number: u32) -> Result<&mut LoopState> {
        let routines = self.frames.len();
        match self.loops.last_mut().filter(|state| state.number == number && state.routines == routines) {
            Some(state) => Ok(state),
            None => Err(Error::new(10, 1, &[])),
        }
    }

    /// Whether there is another turn.
    #[inline]
    pub(super) fn loop_test(&mut self, unit: &Unit, number: u32) -> Result<()> {
        let info = &unit.loops[number as usize];
        let state = self.state(number)?;
        let done = match &state.to {
            None => false,
            Some(to) => {
                let (to, down) = (to.clone(), state.down);
                self.is_past(unit, info, &to, down)?
            }
        };
        let state = self.state(number)?;
        match &mut state.left {
            _ if done => self.pc = info.exit as usize,
            Some(0) => self.pc = info.exit as usize,
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }

    /// Whether the control variable is past the value of TO.
    #[inline]
    fn is_past(&mut self, unit: &Unit, info: &Loop, to: &Value, down: bool) -> Result<bool> {
        if let (Some(Reference::Simple(name)), Value::Int(to)) = (info.control, to)
            && let Some(Value::Int(value)) = self.variables.pools.get(name)
            && self.settings.numeric.fuzz == 0
        {
            return Ok(if down { value < to } else { value > to });
        }
        let Some(control) = info.control else {
            return Ok(false);
        };
        let value = self.value_of(unit, control);
        if small::of(&value).is_none() && Number::of(&value).is_none() {
            return Err(Error::new(41, 6, &[&value.to_vec()]));
        }
        let ordering = self.compare(&value, to)?;
        Ok(if down { ordering.is_lt() } else { ordering.is_gt() })
    }

    /// The step and the test of a loop over whole numbers; where the program goes on. None when it is not that simple.
    #[inline]
    fn quick_step(&mut self, info: &Loop, number: u32) -> Option<u32> {
        let state = self.loops.last()?;
        let WholeSteps { name, by, to, most } = state.whole?;
        if state.number != number || state.routines != self.frames.len() || self.tracing.clauses {
            return None;
        }
        let value = self.variables.pools.whole_mut(name)?;
        let (next, limit) = (*value + by, self.settings.whole_limit);
        if most >= limit || value.abs() >= limit || next.abs() >= limit {
            return None;
        }
        let done = match to {
            None => false,
            Some(to) => next != to && (next > to) == (by >= 0),
        };
        *value = next;
        // Behind the test, which has just been done.
        Some(if done { info.exit } else { info.top + 1 })
    }

    /// A turn is over: the control variable steps on.
    #[inline]
    pub(super) fn loop_step(&mut self, unit: &Unit, number: u32) -> Result<()> {
        let info = &unit.loops[number as usize];
        if let Some(next) = self.quick_step(info, number) {
            self.pc = next as usize;
            return Ok(());
        }
        self.state(number)?;
        if self.tracing.clauses {
            self.clause = info.clause;
            self.show_traced(info.clause);
        }
        self.pc = info.top as usize;
        let Some(control) = info.control else {
            // Nothing is counted: there is no test.
            self.pc += usize::from(!info.counted);
            return Ok(());
        };
        let by = self.state(number)?.by.clone();
        let value = match control {
            Reference::Simple(name) => self.variables.pools.get(name).cloned(),
            _ => None,
        };
        let value = match value {
            Some(value) => value,
            None => self.value_of(unit, control),
        };
        if !matches!(value, Value::Int(_)) && small::of(&value).is_none() && Number::of(&value).is_none() {
            return Err(Error::new(41, 6, &[&value.to_vec()]));
        }
        if self.tracing.intermediates {
            self.trace_intermediate("V", &value);
        }
        let next = self.calculate(Operator::Plus, &value, &by)?;
        if self.tracing.intermediates {
            self.trace_intermediate("V", &next);
        }
        self.assign(unit, control, next)
    }
}
