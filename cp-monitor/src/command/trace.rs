//! TRACE, QUERY TRACE and ADSTOP: see [`crate::debug`].

use serde_json::json;

use super::answer::{Answer, Message, Outcome, error, invalid_operand, operand_missing};
use super::{Invocation, Operands};
use crate::debug::trace::{Event, Range, Shown, Trace, Tracing, run::needs_range, run::printer};
use crate::directory::MachineKind;
use crate::users::User;

/// Names of events with their minimum abbreviations.
const EVENTS: [(&str, Event); 10] = [
    ("INSTruct", Event::Instruction),
    ("I", Event::Instruction),
    ("Branch", Event::Branch),
    ("PROG", Event::Program),
    ("EXTernal", Event::External),
    ("SVC", Event::Call),
    ("I/O", Event::Io),
    ("IO", Event::Io),
    ("STore", Event::Store),
    ("COUNT", Event::Count),
];

/// TRACE [ID name] event [RANGE|FROM|INTO range] [RUN|NORUN] [SKIP n] [PASS n] [STEP n] [TERMinal|PRinter|BOTH] [CMD command] | END [name|ALL] | DELete {name|ALL} | Query
pub(super) fn trace(invocation: &mut Invocation<'_>) -> Outcome {
    let user = invocation.user()?.clone();
    if invocation.operands.take("END") || invocation.operands.take("OFF") {
        let name = invocation.operands.next_word().map(str::to_uppercase);
        return end(invocation, &user, name);
    }
    if invocation.operands.take("DELete") {
        let name = invocation.operands.word()?.to_uppercase();
        return end(invocation, &user, Some(name));
    }
    if invocation.operands.take("Query") {
        return query(invocation);
    }
    let mut id = None;
    if invocation.operands.take("ID") {
        let word = invocation.operands.word()?;
        id = Some(Some(word.to_uppercase()).filter(|word| word.len() <= 8).ok_or_else(|| invalid_operand(word))?);
    }
    let mut trace = asked(&mut invocation.operands)?;
    if trace.shown != Shown::Terminal && !user.devices.lock().iter_mut().any(|(_, device)| printer(device).is_some()) {
        return Err(error("TRC", 40, "You have no printer"));
    }
    user.with_machine(|machine| {
        let tracing = &mut machine.tracing;
        let free = (1..).map(|number: usize| number.to_string()).find(|name| tracing.traces().iter().all(|known| known.id != *name));
        trace.id = id.or(free).unwrap_or_default();
        if tracing.traces().len() >= Tracing::MAX {
            return Err(error("TRC", 1016, "Too many traces"));
        }
        tracing.add(trace);
        Ok(())
    })?;
    Ok(Answer::silent())
}

/// TRACE END. What was counted is shown.
fn end(invocation: &mut Invocation<'_>, user: &User, name: Option<String>) -> Outcome {
    invocation.operands.end()?;
    let id = name.filter(|name| name != "ALL");
    let ended = user.with_machine(|machine| machine.tracing.end(id.as_deref()));
    if let (true, Some(id)) = (ended.is_empty(), id) {
        return Err(error("TRC", 1015, format!("Trace {id} does not exist")));
    }
    let counted = ended.iter().filter(|trace| trace.event == Event::Count).map(Trace::line);
    let lines = counted.chain(["Trace ended".to_string()]).collect();
    Ok(Answer::of(json!({ "ended": ended.len() }), lines))
}

/// What a trace is to do.
fn asked(operands: &mut Operands<'_>) -> Result<Trace, Message> {
    let word = operands.next_word().ok_or_else(operand_missing)?;
    let event =
        EVENTS.iter().find(|(name, _)| super::operands::is(word, name)).map(|(_, event)| *event).ok_or_else(|| invalid_operand(word))?;
    let mut trace = Trace::new("", event);
    let mut run = None;
    while !operands.is_empty() {
        if operands.take("RANGE") || operands.take("FROM") || operands.take("INto") {
            trace.range = Some(range(operands.word()?)?);
        } else if operands.take("RUN") {
            run = Some(true);
        } else if operands.take("NORUN") {
            run = Some(false);
        } else if operands.take("SKIP") {
            trace.skip = number(operands)?;
        } else if operands.take("PASS") {
            trace.pass = number(operands)?;
        } else if operands.take("STEP") {
            trace.step = number(operands)?.max(1);
        } else if operands.take("CMD") {
            trace.command = Some(operands.rest().to_string()).filter(|command| !command.is_empty());
            if trace.command.is_none() {
                return Err(operand_missing());
            }
            return complete(trace, run);
        } else if operands.take("TERMinal") {
            trace.shown = Shown::Terminal;
        } else if operands.take("PRinter") {
            trace.shown = Shown::Printer;
        } else if operands.take("BOTH") {
            trace.shown = Shown::Both;
        } else {
            return Err(invalid_operand(operands.word()?));
        }
    }
    complete(trace, run)
}

/// A trace that nobody sees at the terminal lets the machine run, unless it is said otherwise.
fn complete(mut trace: Trace, run: Option<bool>) -> Result<Trace, Message> {
    trace.run = run.unwrap_or(trace.shown == Shown::Printer);
    if needs_range(trace.event) && trace.range.is_none() { Err(operand_missing()) } else { Ok(trace) }
}

fn number(operands: &mut Operands<'_>) -> Result<u64, Message> {
    let word = operands.word()?;
    word.parse().map_err(|_| invalid_operand(word))
}

fn address(text: &str) -> Result<u64, Message> {
    u64::from_str_radix(text, 16).map_err(|_| error("TRC", 4, format!("Invalid hexloc - {text}")))
}

fn range(text: &str) -> Result<Range, Message> {
    Range::parse(text).ok_or_else(|| error("TRC", 4, format!("Invalid hexloc - {text}")))
}

/// QUERY TRACE
pub(super) fn query(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let machine = invocation.user()?.lock_machine();
    let traces = machine.tracing.traces();
    let lines: Vec<_> = traces.iter().map(Trace::line).collect();
    let data: Vec<_> = traces.iter().map(|trace| json!({ "id": trace.id, "event": trace.event.name(), "run": trace.run })).collect();
    Ok(Answer::of(data, if lines.is_empty() { vec!["No traces are active".to_string()] } else { lines }))
}

/// ADSTOP {address|OFF}
pub(super) fn address_stop(invocation: &mut Invocation<'_>) -> Outcome {
    let word = invocation.operands.word()?;
    let at = if word.eq_ignore_ascii_case("OFF") { None } else { Some(address(word)?) };
    invocation.operands.end()?;
    let user = invocation.user()?;
    user.with_machine(|machine| {
        if user.entry.machine == MachineKind::Pc && machine.pc().is_none() {
            return Err(error("ADS", 163, "The virtual machine has no system; use IPL first"));
        }
        machine.set_address_stop(at);
        Ok(Answer::silent())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(text: &str) -> Result<String, u32> {
        asked(&mut Operands::new(text)).map(|trace| trace.line()).map_err(|message| message.number)
    }

    #[test]
    fn operands_are_those_of_the_manual() {
        assert_eq!(trace("i"), Ok("         INSTRUCT NORUN".to_string()));
        assert_eq!(trace("inst range 100-1ff run skip 2 pass 3"), Ok("         INSTRUCT 100-1FF RUN SKIP 2 PASS 3".to_string()));
        assert_eq!(
            trace("st into 100.10 step 2 cmd display psw"),
            Ok("         STORE    100-10F NORUN STEP 2 CMD display psw".to_string())
        );
        assert_eq!(trace("b term norun"), Ok("         BRANCH   NORUN".to_string()));
        assert_eq!(trace("i printer"), Ok("         INSTRUCT RUN PRINTER".to_string()));
        assert_eq!(trace("i norun pr cmd q time"), Ok("         INSTRUCT NORUN PRINTER CMD q time".to_string()));
        assert_eq!(trace("b both"), Ok("         BRANCH   NORUN BOTH".to_string()));
        assert_eq!(trace("count range 100-1ff"), Ok("         COUNT    100-1FF  0 INSTRUCTIONS".to_string()));
        for (wrong, number) in [("", 26), ("x", 2), ("store", 26), ("i range 2-1", 4), ("i skip x", 2), ("prog cmd", 26), ("i paper", 2)] {
            assert_eq!(trace(wrong), Err(number), "{wrong}");
        }
    }
}
