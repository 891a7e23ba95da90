//! Looking into one's own machine: DISPLAY STORE EXTERNAL.

use serde_json::{Value, json};
use soft_processor::{Segment, State, Table};

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, invalid_operand, operand_missing};
use super::storage::{Refused, outside, with_pages};
use crate::debug::registers::settled;
use crate::debug::show::{self, Named};
use crate::debug::trace::{Range, disassemble};
use crate::machine::Machine;

/// Most bytes one DISPLAY shows, all its operands together.
const DISPLAY_MAX: u64 = 64 << 10;

/// DISPLAY {[I]address[-end|.length] ... | G[n] | X | Y[n] | V[n] | AR | MSR | PSW | ALL}
pub(super) fn display(invocation: &mut Invocation<'_>) -> Outcome {
    if invocation.operands.is_empty() {
        return Err(operand_missing());
    }
    let user = invocation.user()?.clone();
    let mut answers = Vec::new();
    let mut room = DISPLAY_MAX;
    while let Some(word) = invocation.operands.next_word() {
        let mut attempt = |machine: &mut Machine| {
            let mut left = room;
            let shown = display_one(machine, word, &mut left);
            if shown.is_ok() {
                room = left;
            }
            shown
        };
        answers.push(with_pages(&user, &mut attempt)?);
    }
    Ok(Answer::join(answers))
}

fn display_one(machine: &mut Machine, word: &str, room: &mut u64) -> Result<Answer, Refused> {
    let upper = word.to_ascii_uppercase();
    if let Some(registers) = registers(machine, &upper) {
        return Ok(registers.ok_or_else(|| invalid_operand(word))?);
    }
    match upper.strip_prefix('I') {
        Some(text) => {
            let (start, last) = ends(text)?;
            let length = (last - start).saturating_add(1).max(INSTRUCTION).min(*room);
            *room -= length;
            instructions(machine, start, length)
        }
        None => {
            let (start, length) = range(&upper)?;
            let length = length.min(*room);
            *room -= length;
            dump(machine, start, length)
        }
    }
}

/// Registers by the letters of DISPLAY: nothing when the word is about storage, nothing within when a number is wrong.
fn registers(machine: &Machine, word: &str) -> Option<Option<Answer>> {
    let shown = |kind: &str, word: &str| {
        let state = machine.state(0);
        match kind {
            "PSW" => Some(psw(machine)),
            "MSR" => Some(named(&show::SPECIFIC, &state, show::specific(&state))),
            "AR" => Some(Answer::of(segment_data(&state), show::segments(&state))),
            "X" => Some(named(&show::CONTROL, &state, show::control(&state))),
            "G" => numbers(word, 16).map(|(first, last)| {
                let values = machine.saved_state().registers;
                let data: serde_json::Map<String, Value> =
                    (first..=last).map(|number| (show::GENERAL[number].to_string(), json!(values[number]))).collect();
                Answer::of(data, show::general(&values, first, last))
            }),
            "Y" => numbers(word, 8).map(|(first, last)| {
                let lines = show::floating(&state, first, last);
                Answer::of(json!({ "x87": lines }), lines)
            }),
            _ => numbers(word, 16).map(|(first, last)| {
                let lines = show::vectors(&state, first, last);
                Answer::of(json!({ "sse": lines }), lines)
            }),
        }
    };
    match word {
        "PSW" | "MSR" | "AR" | "X" => Some(shown(word, "")),
        "ALL" => Some(Some(Answer::join(["PSW", "G", "X", "AR", "MSR", "Y", "V"].iter().filter_map(|kind| shown(kind, "")).collect()))),
        _ => ["G", "Y", "V"].iter().find_map(|kind| word.strip_prefix(kind).map(|rest| shown(kind, rest))),
    }
}

/// `n` or `n-n`, in hexadecimal; nothing is all of so many.
fn numbers(text: &str, count: usize) -> Option<(usize, usize)> {
    if text.is_empty() {
        return Some((0, count - 1));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| usize::from_str_radix(text, 16).ok().filter(|&number| number < count);
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

fn named(registers: &[Named], state: &State, lines: Vec<String>) -> Answer {
    let mut state = state.clone();
    let data: serde_json::Map<String, Value> =
        registers.iter().map(|register| (register.name.to_string(), json!(*(register.of)(&mut state)))).collect();
    Answer::of(data, lines)
}

fn segment_data(state: &State) -> Value {
    let one = |(number, name): (usize, &&str)| {
        let Segment { selector, base, limit, attributes } = show::segment(state, number);
        (name.to_string(), json!({ "selector": selector, "base": base, "limit": limit, "attributes": attributes }))
    };
    let mut data: serde_json::Map<String, Value> = show::SEGMENTS.iter().enumerate().map(one).collect();
    for (name, table) in [("GDTR", state.gdtr), ("IDTR", state.idtr)] {
        data.insert(name.to_string(), json!({ "base": table.base, "limit": table.limit }));
    }
    data.into()
}

fn psw(machine: &Machine) -> Answer {
    let state = machine.saved_state();
    let psw = state.psw;
    let data = json!({ "mask": psw.mask, "flags": psw.flags, "address": psw.address });
    Answer::line(data, format!("PSW = {:08X} {:08X} {:016X}", psw.mask, psw.flags, psw.address))
}

/// Longest instruction: so much is shown of an address alone.
const INSTRUCTION: u64 = 15;

/// Storage as instructions.
fn instructions(machine: &mut Machine, start: u64, length: u64) -> Result<Answer, Refused> {
    let mut code = vec![0; length as usize];
    let width = match machine.pc() {
        Some(pc) => {
            pc.read(start, &mut code).map_err(|_| outside(start))?;
            pc.processor(0).code_width()
        }
        None => {
            machine.space.read(start, &mut code).map_err(|error| Refused::access(start, error, false))?;
            64
        }
    };
    let lines = disassemble(start, &code, width);
    Ok(Answer::of(json!({ "address": start, "instructions": lines }), lines))
}

/// `address`, `address-end`, `address.length`, as the first byte and the length of the whole lines of 16 bytes that show it.
/// `T` or `L` before it and nothing are the same here, where code is ASCII.
fn range(text: &str) -> Result<(u64, u64), Message> {
    let (start, last) = ends(text.trim_start_matches(['T', 'L']))?;
    let start = start & !0xf;
    Ok((start, ((last - start) | 0xf).saturating_add(1)))
}

/// The first and the last byte that are meant.
fn ends(text: &str) -> Result<(u64, u64), Message> {
    let range = Range::parse(text).ok_or_else(|| error("CDB", 4, format!("Invalid hexloc - {text}")))?;
    Ok((range.first, range.last))
}

fn dump(machine: &mut Machine, start: u64, length: u64) -> Result<Answer, Refused> {
    let mut lines = Vec::new();
    let mut all = Vec::new();
    for address in (start..start.saturating_add(length)).step_by(16) {
        let mut bytes = [0; 16];
        match machine.pc() {
            Some(pc) => pc.read(address, &mut bytes).map_err(|_| outside(address))?,
            None => machine.space.read(address, &mut bytes).map_err(|error| Refused::access(address, error, false))?,
        }
        lines.push(show::storage(address, &bytes));
        all.extend(bytes.map(|byte| format!("{byte:02X}")));
    }
    Ok(Answer::of(json!({ "address": start, "bytes": all.concat() }), lines))
}

/// STORE {address bytes | Gn value | Xn value | Yn value | Vn value | MSR name value | AR name selector base limit attributes | GDTR base limit | IDTR base limit | PSW address}
pub(super) fn store(invocation: &mut Invocation<'_>) -> Outcome {
    let target = invocation.operands.word()?.to_ascii_uppercase();
    let value = invocation.operands.rest().to_string();
    if value.is_empty() {
        return Err(operand_missing());
    }
    let user = invocation.user()?;
    with_pages(user, &mut |machine| store_one(machine, &target, &value))?;
    Ok(Answer::text("STORE COMPLETE."))
}

fn store_one(machine: &mut Machine, target: &str, value: &str) -> Result<(), Refused> {
    if target == "PSW" {
        machine.go_on_at(hexadecimal(value, 64)? as u64);
        return Ok(());
    }
    let mut state = machine.state(0);
    if let Some(owner) = store_register(&mut state, target, value)? {
        if owner == Owner::System && machine.pc().is_none() {
            return Err(error("CDB", 6, format!("{target} of a CMS machine is CP's")).into());
        }
        let state = settled(state).map_err(|why| error("CDB", 5, format!("Invalid hexdata - {value}; {why}")))?;
        machine.set_state(0, &state);
        return Ok(());
    }
    let address = u64::from_str_radix(target, 16).map_err(|_| error("CDB", 4, format!("Invalid hexloc - {target}")))?;
    let digits: String = value.split(' ').collect();
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(error("CDB", 5, format!("Invalid hexdata - {value}")).into());
    }
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).filter_map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect();
    match machine.pc() {
        Some(pc) => Ok(pc.write(address, &bytes).map_err(|_| outside(address))?),
        None => machine.space.write(address, &bytes).map_err(|error| Refused::access(address, error, true)),
    }
}

/// Whose a register is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Any machine's own.
    Program,
    /// A system's: of a PC machine only.
    System,
}

/// A number of at most so many bits.
fn hexadecimal(text: &str, bits: u32) -> Result<u128, Message> {
    let number = u128::from_str_radix(text, 16).ok().filter(|&number| bits == 128 || number >> bits == 0);
    number.ok_or_else(|| invalid_operand(text))
}

/// Puts a value into a register of a state; nothing when the target is no register.
fn store_register(state: &mut State, target: &str, value: &str) -> Result<Option<Owner>, Message> {
    let number = |prefix: &str, count: usize| {
        target.strip_prefix(prefix).and_then(|digits| usize::from_str_radix(digits, 16).ok()).filter(|&number| number < count)
    };
    let words: Vec<_> = value.split_whitespace().collect();
    if let Some(register) = number("G", 16) {
        state.general[register] = hexadecimal(value, 64)? as u64;
    } else if let Some(place) = number("Y", 8) {
        let register = (usize::from(state.fpu.status >> 11 & 7) + place) % 8;
        state.fpu.registers[register] = hexadecimal(&words.concat(), 80)?;
        state.fpu.in_use |= 1 << register;
    } else if let Some(register) = number("V", 16) {
        state.xmm[register] = hexadecimal(&words.concat(), 128)?;
    } else if let Some(number) = target.strip_prefix('X') {
        let name = format!("CR{number}");
        let register = show::CONTROL.iter().find(|register| register.name == name).ok_or_else(|| invalid_operand(target))?;
        *(register.of)(state) = hexadecimal(value, 64)? as u64;
        return Ok(Some(Owner::System));
    } else if target == "MSR" {
        let &[name, value] = words.as_slice() else { return Err(operand_missing()) };
        let register =
            show::SPECIFIC.iter().find(|register| register.name.eq_ignore_ascii_case(name)).ok_or_else(|| invalid_operand(name))?;
        *(register.of)(state) = hexadecimal(value, 64)? as u64;
        return Ok(Some(Owner::System));
    } else if target == "GDTR" || target == "IDTR" {
        let &[base, limit] = words.as_slice() else { return Err(operand_missing()) };
        let table = if target == "GDTR" { &mut state.gdtr } else { &mut state.idtr };
        *table = Table { base: hexadecimal(base, 64)? as u64, limit: hexadecimal(limit, 16)? as u16 };
        return Ok(Some(Owner::System));
    } else if target == "AR" {
        store_segment(state, &words)?;
        return Ok(Some(Owner::System));
    } else {
        return Ok(None);
    }
    Ok(Some(Owner::Program))
}

/// A segment register whole: the processor has loaded its descriptor, and looks at the table no more.
fn store_segment(state: &mut State, words: &[&str]) -> Result<(), Message> {
    let &[name, selector, base, limit, attributes] = words else { return Err(operand_missing()) };
    let number = show::SEGMENTS.iter().position(|known| known.eq_ignore_ascii_case(name)).ok_or_else(|| invalid_operand(name))?;
    let segment = match number {
        6 => &mut state.ldtr,
        7 => &mut state.tr,
        number => &mut state.segments[number],
    };
    *segment = Segment {
        selector: hexadecimal(selector, 16)? as u16,
        base: hexadecimal(base, 64)? as u64,
        limit: hexadecimal(limit, 32)? as u32,
        attributes: hexadecimal(attributes, 16)? as u16,
    };
    Ok(())
}

/// EXTERNAL [code]: the external interruption key.
pub(super) fn external(invocation: &mut Invocation<'_>) -> Outcome {
    let code = match invocation.operands.next_word() {
        None => 0x40,
        Some(word) => u32::from_str_radix(word, 16).map_err(|_| invalid_operand(word))?,
    };
    invocation.operands.end()?;
    invocation.user()?.with_machine(|machine| machine.external(code));
    Ok(Answer::silent())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{AddressSpace, Storage};

    #[test]
    fn a_range_is_shown_in_whole_lines() {
        for (text, lines) in [
            ("1000", (0x1000, 16)),
            ("L1008-1017", (0x1000, 32)),
            ("100F.2", (0x1000, 32)),
            ("1000.0", (0x1000, 16)),
            ("0-FFFFFFFFFFFFFFFF", (0, u64::MAX)),
            ("FFFFFFFFFFFFFFFF.FFFFFFFFFFFFFFFF", (u64::MAX - 15, 16)),
        ] {
            assert_eq!(range(text), Ok(lines), "{text}");
        }
        for bad in ["", "-", "2000-1000", "X", "1000-", "1.", "10000000000000000"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn registers_are_stored_by_their_letters() {
        let mut state = State::reset();
        let mut store = |target: &str, value: &str| {
            store_register(&mut state, target, value).map(|owner| owner.is_some()).map_err(|message| message.number)
        };
        for (target, value) in [
            ("GF", "1F"),
            ("X3", "1000"),
            ("Y0", "3FFF 8000000000000000"),
            ("V1", "0000000000000001 0000000000000002"),
            ("MSR", "lstar ffffffff80000000"),
            ("AR", "cs 8 0 ffffffff a09b"),
            ("GDTR", "5000 27"),
        ] {
            assert_eq!(store(target, value), Ok(true), "{target}");
        }
        for (target, value) in
            [("X1", "0"), ("G0", "x"), ("Y0", "100000000000000000000"), ("MSR", "lstar"), ("AR", "xs 0 0 0 0"), ("IDTR", "0 10000")]
        {
            assert!(store(target, value).is_err(), "{target}");
        }
        assert_eq!((store("1000", "00"), store("G10", "0")), (Ok(false), Ok(false)), "storage");
        assert_eq!((state.general[15], state.cr3, state.xmm[1], state.syscall[1]), (0x1f, 0x1000, 1 << 64 | 2, 0xffff_ffff_8000_0000));
        assert_eq!((state.segments[State::CS].attributes, state.gdtr), (0xa09b, Table { base: 0x5000, limit: 0x27 }));
        assert_eq!((state.fpu.registers[0], state.fpu.in_use), (0x3fff_8000_0000_0000_0000, 1));
    }

    #[test]
    fn one_display_shows_so_much_and_no_more() {
        let storage = Storage::new(64).expect("real storage");
        let mut machine = Machine::new(AddressSpace::new(&storage, 1 << 20).expect("a machine's storage"));
        let mut room = DISPLAY_MAX;
        let shown: usize = (0..3).map(|_| display_one(&mut machine, "0-FFFFFFFFFFFFFFFF", &mut room).unwrap().lines.len()).sum();
        assert_eq!(shown as u64, DISPLAY_MAX / 16);
        assert!(display_one(&mut machine, "FFFFFFFFFFFFFFF0.20", &mut { DISPLAY_MAX }).is_err(), "there is nothing up there");
    }
}
