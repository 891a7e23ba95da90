//! Commands about accounting: ACNT, RECORDING, QUERY RECORDING.

use serde_json::json;

use super::Invocation;
use super::answer::{Answer, Outcome, invalid_operand, operand_missing};
use crate::accounting::Why;
use crate::accounting::ledger::KEPT;

/// ACNT {ALL | userid...}
pub(super) fn acnt(invocation: &mut Invocation<'_>) -> Outcome {
    let by = invocation.issuer();
    let mut users = Vec::new();
    if invocation.operands.take("ALL") {
        invocation.operands.end()?;
        users = invocation.cp.users.all();
    } else {
        while !invocation.operands.is_empty() {
            let id = invocation.operands.userid()?;
            users.push(invocation.logged_on(&id)?);
        }
    }
    if users.is_empty() {
        return Err(operand_missing());
    }
    let lost = invocation.cp.ledger.status().lost;
    for user in &users {
        let resident_pages = user.with_machine(|machine| machine.space.resident_pages());
        user.account(Why::Acnt, Some(&by), resident_pages);
    }
    invocation.cp.ledger.wait_settled();
    let status = invocation.cp.ledger.status();
    if status.lost > lost {
        return Err(super::error("ACU", 9440, format!("{} accounting records are lost; the operator is told why", status.lost - lost)));
    }
    let count = if status.on { users.len() } else { 0 };
    Ok(Answer::line(json!({ "records": count }), format!("ACCOUNTING RECORDS WRITTEN: {count}")))
}

/// RECORDING ACCOUNT {ON | OFF}
pub(super) fn recording(invocation: &mut Invocation<'_>) -> Outcome {
    if !invocation.operands.take("ACCOUNT") {
        return Err(invocation.operands.peek().map_or_else(operand_missing, invalid_operand));
    }
    let on = invocation.operands.on_off()?;
    invocation.operands.end()?;
    invocation.cp.ledger.record(on);
    invocation.cp.say_to_operator(&format!("RECORDING ACCOUNT {} BY {}", if on { "ON" } else { "OFF" }, invocation.issuer()));
    Ok(state(invocation))
}

/// QUERY RECORDING
pub(super) fn query_recording(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    Ok(state(invocation))
}

fn state(invocation: &Invocation<'_>) -> Answer {
    let status = invocation.cp.ledger.status();
    let lines = vec![
        "RECORDING    COUNT    LOST     LMT".to_string(),
        format!("ACCOUNT {:<3}  {:08} {:08} {KEPT:03}", if status.on { "ON" } else { "OFF" }, status.written, status.lost),
    ];
    Answer::of(json!({ "account": status.on, "written": status.written, "lost": status.lost, "files": KEPT }), lines)
}
