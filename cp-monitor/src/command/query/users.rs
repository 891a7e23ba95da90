//! QUERY NAMES USERS userid TIME CPLEVEL USERID LOGMSG.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::nothing_more;
use crate::clock;
use crate::command::Invocation;
use crate::command::answer::{Answer, Outcome, invalid_operand, not_in_directory, not_logged_on};
use crate::directory::UserId;
use crate::users::{User, usage_line};

fn name_entry(user: &User) -> String {
    format!("{:<8} - {:<4}", user.id, user.session.lock().line)
}

fn name_data(user: &User) -> serde_json::Value {
    json!({ "userid": user.id, "line": user.session.lock().line.to_string() })
}

/// `CMSUSER  - L0001, MAINT    - DSC , OPERATOR - SYSC`, four to a line.
pub(super) fn names(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let users = invocation.cp.users.all();
    let entries: Vec<_> = users.iter().map(|user| name_entry(user)).collect();
    let mut lines: Vec<String> = entries.chunks(4).map(|four| four.join(", ").trim_end().to_string()).collect();
    let last = lines.len().saturating_sub(1);
    lines.iter_mut().take(last).for_each(|line| line.push(','));
    Ok(Answer::of(users.iter().map(|user| name_data(user)).collect::<Vec<_>>(), lines))
}

/// `3 USERS, 0 DIALED, 0 NET`
pub(super) fn count(invocation: &mut Invocation<'_>) -> Outcome {
    if let Some(word) = invocation.operands.next_word() {
        nothing_more(invocation)?;
        return user(invocation, word);
    }
    let count = invocation.cp.users.count();
    let dialed = invocation.cp.dialed.load(Ordering::Relaxed);
    Ok(Answer::line(json!({ "users": count, "dialed": dialed }), format!("{count:>3} USERS, {dialed:>3} DIALED,   0 NET")))
}

/// `OPERATOR - DSC`, or 045E.
pub(super) fn user(invocation: &mut Invocation<'_>, word: &str) -> Outcome {
    nothing_more(invocation)?;
    let id: UserId = if word == "*" { invocation.user()?.id } else { word.parse().map_err(|_| invalid_operand(word))? };
    match invocation.cp.users.get(&id) {
        Some(user) => Ok(Answer::line(name_data(&user), name_entry(&user).trim_end())),
        None if invocation.cp.directory().user(&id).is_some() => Err(not_logged_on(id)),
        None => Err(not_in_directory(id)),
    }
}

/// `TIME IS hh:mm:ss zone WEEKDAY mm/dd/yy`, and what was used.
pub(super) fn time(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let now = invocation.cp.clock.now();
    let said = format!("TIME IS {}", clock::full(&now));
    // From the host without an operator there is the time alone.
    let Ok(user) = invocation.user() else { return Ok(Answer::line(json!({ "time": now.to_string() }), said)) };
    let data = json!({
        "time": now.to_string(),
        "connect_seconds": user.logged_on.elapsed().as_secs(),
        "virtual_us": user.usage.virtual_us(),
        "total_us": user.usage.total_us(),
    });
    Ok(Answer::of(data, vec![said, usage_line(user)]))
}

/// What CP this is and since when.
pub(super) fn level(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let cp = invocation.cp;
    let started = cp.clock.now().checked_sub(jiff::SignedDuration::from_secs(cp.started.elapsed().as_secs() as i64));
    let started = started.map_or_else(|_| String::new(), |at| clock::full(&at));
    let lines = vec![format!("CP-64 Version {}, {}", crate::RELEASE, crate::DESCRIPTION), format!("IPL at {started}")];
    Ok(Answer::of(json!({ "release": crate::RELEASE, "uptime_seconds": cp.started.elapsed().as_secs() }), lines))
}

/// `MAINT    AT CP64`
pub(super) fn userid(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let id = invocation.user()?.id;
    let system = &invocation.cp.config.system_id;
    Ok(Answer::line(json!({ "userid": id, "system": system }), format!("{id:<8} AT {system}")))
}

/// What LOGON shows.
pub(super) fn log_message(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let lines = invocation.cp.logmsg.lock().clone();
    let shown = if lines.is_empty() { vec!["There is no logmsg data".to_string()] } else { lines.clone() };
    Ok(Answer::of(lines, shown))
}
