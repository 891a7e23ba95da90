//! Looking into one's own machine: DISPLAY STORE EXTERNAL.

use serde_json::{Value, json};

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, invalid_operand, operand_missing};
use crate::debug::trace::disassemble;
use crate::machine::{Machine, Missing};
use crate::paging;
use crate::storage::AccessError;
use crate::users::User;

/// Most bytes one DISPLAY shows, all its operands together.
const DISPLAY_MAX: u64 = 64 << 10;
/// The general registers by x86-64 number.
const NAMES: [&str; 16] = ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"];

/// DISPLAY {[I]address[-end|.length] ... | G[n] | PSW | ALL}
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

/// Why something cannot be done with a machine's storage.
#[derive(Debug)]
enum Refused {
    Because(Message),
    /// A page must be brought in first.
    Missing(Missing),
}

impl From<Message> for Refused {
    fn from(message: Message) -> Self {
        Self::Because(message)
    }
}

impl Refused {
    fn access(address: u64, error: AccessError, write: bool) -> Self {
        Missing::of(error, write).map_or_else(|| Self::Because(outside(address)), Self::Missing)
    }
}

/// Does something with the machine's storage, bringing in the pages that it turns out to need. No lock is held while the disk works.
fn with_pages<T>(user: &User, attempt: &mut dyn FnMut(&mut Machine) -> Result<T, Refused>) -> Result<T, Message> {
    loop {
        match user.with_machine(&mut *attempt) {
            Ok(done) => return Ok(done),
            Err(Refused::Because(message)) => return Err(message),
            Err(Refused::Missing(missing)) => paging::bring_in(user.cp(), user, missing)
                .map_err(|why| error("PGX", 415, format!("Continuous paging errors at address {:X}; {why}", missing.address)))?,
        }
    }
}

fn display_one(machine: &mut Machine, word: &str, room: &mut u64) -> Result<Answer, Refused> {
    let upper = word.to_ascii_uppercase();
    match upper.as_str() {
        "PSW" => Ok(psw(machine)),
        "G" => Ok(registers(machine, 0, 15)),
        "ALL" => Ok(Answer::join(vec![psw(machine), registers(machine, 0, 15)])),
        text if text.starts_with('I') => {
            let (start, last) = ends(&text[1..])?;
            let length = (last - start).saturating_add(1).max(INSTRUCTION).min(*room);
            *room -= length;
            instructions(machine, start, length)
        }
        _ => match upper.strip_prefix('G').filter(|rest| !rest.is_empty()) {
            Some(rest) => Ok(register_range(machine, rest).ok_or_else(|| invalid_operand(word))?),
            None => {
                let (start, length) = range(&upper)?;
                let length = length.min(*room);
                *room -= length;
                dump(machine, start, length)
            }
        },
    }
}

fn psw(machine: &Machine) -> Answer {
    let state = machine.saved_state();
    let psw = state.psw;
    let data = json!({ "mask": psw.mask, "flags": psw.flags, "address": psw.address });
    Answer::line(data, format!("PSW = {:08X} {:08X} {:016X}", psw.mask, psw.flags, psw.address))
}

fn register_range(machine: &Machine, text: &str) -> Option<Answer> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| usize::from_str_radix(text, 16).ok().filter(|&number| number < 16);
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then(|| registers(machine, first, last))
}

fn registers(machine: &Machine, first: usize, last: usize) -> Answer {
    let values = machine.saved_state().registers;
    let lines = (first..=last).collect::<Vec<_>>();
    let lines = lines.chunks(2).map(|two| {
        let shown = two.iter().map(|&n| format!("{:<3} {:016X}", NAMES[n], values[n])).collect::<Vec<_>>().join("   ");
        format!("GRG {:2} =  {shown}", two[0])
    });
    let data: serde_json::Map<String, Value> = (first..=last).map(|n| (NAMES[n].to_string(), json!(values[n]))).collect();
    Answer::of(data, lines.collect())
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
    let bad = || error("CDB", 4, format!("Invalid hexloc - {text}"));
    let hex = |text: &str| u64::from_str_radix(text, 16).map_err(|_| bad());
    let (start, last) = match (text.split_once('-'), text.split_once('.')) {
        (Some((start, end)), _) => (hex(start)?, hex(end)?),
        (None, Some((start, length))) => {
            let start = hex(start)?;
            (start, start.saturating_add(hex(length)?.saturating_sub(1)))
        }
        (None, None) => (hex(text)?, hex(text)?),
    };
    if last < start {
        return Err(bad());
    }
    Ok((start, last))
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
        let words = bytes.chunks(4).map(|word| word.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
        let text: String = bytes.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { byte as char } else { '.' }).collect();
        lines.push(format!("{address:08X}  {}  *{text}*", words.collect::<Vec<_>>().join(" ")));
        all.extend(bytes.map(|byte| format!("{byte:02X}")));
    }
    Ok(Answer::of(json!({ "address": start, "bytes": all.concat() }), lines))
}

fn outside(address: u64) -> Message {
    error("CDB", 160, format!("Hexloc {address:X} exceeds storage"))
}

/// STORE {address bytes | Gn value | PSW address}
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
    let number = || u64::from_str_radix(value, 16).map_err(|_| invalid_operand(value));
    if target == "PSW" {
        machine.go_on_at(number()?);
        return Ok(());
    }
    if let Some(register) = target.strip_prefix('G').and_then(|digits| usize::from_str_radix(digits, 16).ok()).filter(|&n| n < 16) {
        match machine.pc_mut() {
            Some(pc) => pc.set_register(register, number()?),
            None => machine.context.registers.general[register] = number()?,
        }
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
    fn one_display_shows_so_much_and_no_more() {
        let storage = Storage::new(64).expect("real storage");
        let mut machine = Machine::new(AddressSpace::new(&storage, 1 << 20).expect("a machine's storage"));
        let mut room = DISPLAY_MAX;
        let shown: usize = (0..3).map(|_| display_one(&mut machine, "0-FFFFFFFFFFFFFFFF", &mut room).unwrap().lines.len()).sum();
        assert_eq!(shown as u64, DISPLAY_MAX / 16);
        assert!(display_one(&mut machine, "FFFFFFFFFFFFFFF0.20", &mut { DISPLAY_MAX }).is_err(), "there is nothing up there");
    }
}
