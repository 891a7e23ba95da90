//! Lines between users: MESSAGE MSGNOH WARNING SMSG.

use std::sync::Arc;

use console::wire::LineKind;
use serde_json::json;

use super::answer::{Answer, Message, Outcome, error, userid_missing};
use super::{Invocation, Operands};
use crate::directory::UserId;
use crate::machine::Wait;
use crate::users::User;

/// Whom a message is for.
enum To {
    One(UserId),
    Everyone,
}

/// Takes the receiver; the rest is the text.
fn receiver(invocation: &mut Invocation<'_>) -> Result<To, Message> {
    if invocation.has_class("AB") && invocation.operands.take("ALL") {
        return Ok(To::Everyone);
    }
    if invocation.operands.take("OPerator") {
        return Ok(To::One(invocation.cp.operator_id()));
    }
    invocation.user_operand().map(To::One)
}

fn text<'a>(operands: &Operands<'a>) -> Result<&'a str, Message> {
    match operands.rest() {
        "" => Err(error("MFS", 3, "Message text missing")),
        text => Ok(text),
    }
}

/// Gives a line to the receivers; `wants` says whether one takes it.
fn deliver(
    invocation: &Invocation<'_>,
    to: &To,
    kind: LineKind,
    (header, text): (&str, &str),
    wants: fn(&User) -> Option<&'static str>,
) -> Outcome {
    let receivers: Vec<Arc<User>> = match to {
        To::One(id) => {
            let user = invocation.cp.users.get(id).ok_or_else(|| error("MSG", 45, format!("{id} not logged on")))?;
            if let Some(what) = wants(&user) {
                return Err(error("MSG", 57, format!("{id} not receiving; {what} off")));
            }
            vec![user]
        }
        To::Everyone => invocation.cp.users.all().into_iter().filter(|user| wants(user).is_none()).collect(),
    };
    let line = format!("{header}{text}");
    for user in &receivers {
        user.console.write(kind, &line);
        if user.id == invocation.cp.operator_id() {
            invocation.cp.prop.hear(if kind == LineKind::Warning { 2 } else { 1 }, invocation.issuer(), text);
        }
    }
    Ok(Answer { data: json!({ "receivers": receivers.len() }), lines: Vec::new() })
}

fn header(invocation: &Invocation<'_>, what: &str) -> String {
    let time = invocation.cp.clock.now().strftime("%H:%M:%S").to_string();
    format!("{time}  * {what} FROM {:<8}: ", invocation.issuer())
}

fn wants_msg(user: &User) -> Option<&'static str> {
    (!user.session.lock().settings.msg).then_some("MSG")
}

/// MESSAGE {userid|*|OPERATOR|ALL} text
pub(super) fn message(invocation: &mut Invocation<'_>) -> Outcome {
    let to = receiver(invocation)?;
    let line = (&*header(invocation, "MSG"), text(&invocation.operands)?);
    deliver(invocation, &to, LineKind::Message, line, wants_msg)
}

/// MSGNOH userid text
pub(super) fn message_no_header(invocation: &mut Invocation<'_>) -> Outcome {
    let to = receiver(invocation)?;
    let line = ("", text(&invocation.operands)?);
    deliver(invocation, &to, LineKind::Message, line, wants_msg)
}

/// WARNING {userid|OPERATOR|ALL} text
pub(super) fn warning(invocation: &mut Invocation<'_>) -> Outcome {
    let to = receiver(invocation)?;
    let line = (&*header(invocation, "WNG"), text(&invocation.operands)?);
    deliver(invocation, &to, LineKind::Warning, line, |user| (!user.session.lock().settings.wng).then_some("WNG"))
}

/// SMSG userid text: for a program of the receiver that has SET SMSG ON; it reads it as a typed line.
pub(super) fn special(invocation: &mut Invocation<'_>) -> Outcome {
    let To::One(id) = receiver(invocation)? else { return Err(userid_missing()) };
    let line = text(&invocation.operands)?;
    let user = invocation.logged_on(&id)?;
    // PROP takes those of OPERATOR, whatever runs in that machine.
    if id == invocation.cp.operator_id() && invocation.cp.prop.standing().is_some() {
        invocation.cp.prop.hear(4, invocation.issuer(), line);
        return Ok(Answer::silent());
    }
    if !user.session.lock().settings.smsg {
        return Err(error("MSG", 57, format!("{id} not receiving; SMSG off")));
    }
    let accepted = user.with_machine(|machine| {
        // A password is typed by a person; nobody else answers for one.
        let secret = matches!(machine.wait(), Some(Wait::ConsoleRead { hidden: true, .. }));
        !secret && machine.line_typed(line.to_string())
    });
    if !accepted {
        return Err(error("MSG", 57, format!("{id} not receiving; it takes no line now")));
    }
    Ok(Answer::silent())
}
