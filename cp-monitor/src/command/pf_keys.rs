//! SET PFnn and QUERY PF: what the PF keys of a 3270 do in line mode.

use console::{PF_KEYS, PfKey};
use serde_json::json;

use super::Invocation;
use super::answer::{Answer, Message, Outcome, invalid_operand};
use super::operands::is;

/// The number in `PFnn`; `None` when the word is not about a PF key, an error when there is no such key.
pub(super) fn number(word: &str) -> Option<Result<u8, Message>> {
    let digits = word.get(..2).filter(|start| start.eq_ignore_ascii_case("PF")).map(|_| &word[2..])?;
    if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().ok().filter(|number| (1..=PF_KEYS).contains(number)).ok_or_else(|| invalid_operand(word)))
}

/// SET PFnn [[DELayed|IMMed] line | RETrieve [BACKward|FORward] | COPY]
pub(super) fn set(invocation: &mut Invocation<'_>, number: u8) -> Outcome {
    let key = if invocation.operands.is_empty() {
        PfKey::Undefined
    } else if invocation.operands.take("RETrieve") {
        let key = if invocation.operands.take("FORward") {
            PfKey::RetrieveForward
        } else {
            invocation.operands.take("BACKward");
            PfKey::Retrieve
        };
        invocation.operands.end()?;
        key
    } else if invocation.operands.take("COPY") {
        invocation.operands.end()?;
        PfKey::Copy
    } else if invocation.operands.take("IMMed") {
        PfKey::Immediate(invocation.operands.rest().to_string())
    } else {
        invocation.operands.take("DELayed");
        PfKey::Delayed(invocation.operands.rest().to_string())
    };
    let user = invocation.user()?;
    user.console.prefer(|preferences| preferences.set_key(number, key));
    Ok(Answer::silent())
}

/// QUERY PF and QUERY PFnn.
pub(super) fn query(invocation: &mut Invocation<'_>, word: &str) -> Option<Outcome> {
    let keys = if is(word, "PFkey") || word.eq_ignore_ascii_case("PF") {
        Ok((1..=PF_KEYS).collect::<Vec<u8>>())
    } else {
        number(word)?.map(|number| vec![number])
    };
    Some(keys.and_then(|keys| {
        invocation.operands.end()?;
        let preferences = invocation.user()?.console.preferences();
        let (lines, data) = keys.into_iter().map(|number| described(number, preferences.key(number))).unzip::<_, _, Vec<_>, Vec<_>>();
        Ok(Answer::of(data, lines))
    }))
}

fn described(number: u8, key: PfKey) -> (String, serde_json::Value) {
    let (how, line) = match key {
        PfKey::Undefined => ("UNDEFINED", String::new()),
        PfKey::Delayed(line) => ("DELAYED", line),
        PfKey::Immediate(line) => ("IMMED", line),
        PfKey::Retrieve => ("RETRIEVE BACKWARD", String::new()),
        PfKey::RetrieveForward => ("RETRIEVE FORWARD", String::new()),
        PfKey::Copy => ("COPY", String::new()),
    };
    let shown = if line.is_empty() { format!("PF{number:02} {how}") } else { format!("PF{number:02} {how:<9} {line}") };
    (shown, json!({ "key": number, "how": how.to_lowercase(), "line": line }))
}
