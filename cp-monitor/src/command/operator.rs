//! Commands of the operator: FORCE XAUTOLOG SHUTDOWN DIRECTXA.

use std::sync::Arc;

use console::wire::Ending;
use serde_json::json;

use super::answer::{Answer, Outcome, error, invalid_operand, not_in_directory};
use super::{Invocation, Message};
use crate::directory::{Password, UserEntry};
use crate::users::{LogonError, User, Way, log_off, log_on, start_up};

/// FORCE userid [LOGOFF|DISCONNECT] [IMMED]
pub(super) fn force(invocation: &mut Invocation<'_>) -> Outcome {
    let id = invocation.user_operand()?;
    let disconnect = invocation.operands.take("DISConnect");
    invocation.operands.take("LOGoff");
    invocation.operands.take("IMMED");
    invocation.operands.end()?;
    let user = invocation.logged_on(&id)?;
    if disconnect {
        user.disconnect("forced");
    } else {
        log_off(&user, Some(&invocation.issuer()), Ending::LoggedOff);
    }
    Ok(Answer::silent())
}

/// XAUTOLOG userid [NOIPL]
pub(super) fn xautolog(invocation: &mut Invocation<'_>) -> Outcome {
    let id = invocation.operands.userid()?;
    let no_ipl = invocation.operands.take("NOIpl");
    // AUTOLOG has a password before anything else; its classes A and B need none.
    if invocation.word.to_ascii_uppercase().starts_with('X') {
        invocation.operands.end()?;
    }
    let directory = invocation.cp.directory();
    let entry = directory.user(&id).ok_or_else(|| not_in_directory(id))?;
    authorize(invocation, entry)?;
    let user = match log_on(invocation.cp, &directory, entry, Way::Autolog) {
        Ok(user) => user,
        Err(LogonError::Present(user)) => return Err(already_on(&user)),
        Err(problem) => return Err(error("LGA", 59, format!("LOGON unsuccessful--{problem}"))),
    };
    let logged_on = Arc::clone(&user);
    invocation.cp.workers.submit(Box::new(move || start_up(&logged_on, no_ipl)));
    Ok(Answer::line(json!({ "userid": id, "users": invocation.cp.users.count() }), "Command accepted"))
}

fn already_on(user: &User) -> Message {
    error("LGA", 54, format!("Already logged on {}", user.session.lock().line))
}

/// Class G needs to be named on the target's AUTOLOG statement. A user who can never log on cannot be autologged either.
fn authorize(invocation: &Invocation<'_>, entry: &UserEntry) -> Result<(), Message> {
    if entry.password == Password::NoLog {
        return Err(error("LGA", 50, "LOGON unsuccessful--incorrect userid and/or password"));
    }
    let named = entry.autolog_by.contains(&invocation.issuer());
    if named || invocation.has_class("AB") {
        return Ok(());
    }
    Err(error("XAL", 57, format!("{} does not let you XAUTOLOG it", entry.userid)))
}

/// SHUTDOWN
pub(super) fn shutdown(invocation: &mut Invocation<'_>) -> Outcome {
    if let Some(word) = invocation.operands.next_word() {
        return Err(invalid_operand(word));
    }
    let users = invocation.cp.users.count();
    invocation.cp.shut_down();
    Ok(Answer::line(json!({ "users": users }), "SYSTEM SHUTDOWN STARTED"))
}

/// DIRECTXA: `user.direct` goes on line, all or nothing.
pub(super) fn directxa(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    match invocation.cp.compile_directory() {
        Ok(warnings) => {
            let mut lines = warnings.clone();
            lines.push("EOJ DIRECTORY UPDATED AND ON LINE".to_string());
            Ok(Answer::of(json!({ "warnings": warnings }), lines))
        }
        Err(reason) => Err(error("DIR", 758, format!("EOJ DIRECTORY NOT UPDATED\n{reason}"))),
    }
}
