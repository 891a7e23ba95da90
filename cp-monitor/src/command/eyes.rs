//! More than one pair of eyes: SET and QUERY of SECUSER, OBSERVER, CONRECORD and IDLETIME, SEND and FOR.

use std::sync::Arc;
use std::time::Duration;

use console::wire::{ConsoleState, LineKind};
use serde_json::{Value, json};

use super::answer::{Answer, Message, Outcome, error, invalid_operand, not_in_directory, operand_missing};
use super::operands::is;
use super::{Invocation, Origin, execute};
use crate::directory::UserId;
use crate::users::User;
use crate::users::eyes::{Ears, Kind};
use crate::users::idle::{Limit, Then, spoken};
use crate::users::recording::{Begin, Recording};

/// Longest SET IDLETIME.
const IDLE_MAX: Duration = Duration::from_secs(99 * 3600);

/// SET SECUSER [targetid] {OFF|RESET|userid|*}
pub(super) fn set_secuser(invocation: &mut Invocation<'_>) -> Outcome {
    set_ears(invocation, Kind::Secondary)
}

/// SET OBSERVER [targetid] {OFF|RESET|userid|*}
pub(super) fn set_observer(invocation: &mut Invocation<'_>) -> Outcome {
    set_ears(invocation, Kind::Observer)
}

fn set_ears(invocation: &mut Invocation<'_>, kind: Kind) -> Outcome {
    let first = invocation.operands.word()?;
    let (target, what) = match invocation.operands.next_word() {
        Some(what) => (Some(first), what),
        None => (None, first),
    };
    invocation.operands.end()?;
    let issuer = invocation.issuer();
    let target = match target {
        None => Arc::clone(invocation.user()?),
        Some(word) => invocation.logged_on(&userid_of(word)?)?,
    };
    let may = target.id == issuer || invocation.has_class("AC");
    let gives_up = what.eq_ignore_ascii_case("OFF") && target.ears().of(kind) == Some(issuer);
    if !may && !gives_up {
        return Err(error("CFX", 6770, format!("You are not authorized to set the {} of {}", kind.name(), target.id)));
    }
    let ears = match what.to_ascii_uppercase().as_str() {
        "OFF" => Ears::Nobody,
        "RESET" => target.ears_of_directory(),
        "*" => kind.ears(issuer),
        _ => kind.ears(userid_of(what)?),
    };
    let heard_by = ears.of(Kind::Secondary).or(ears.of(Kind::Observer));
    if let Some(userid) = heard_by
        && invocation.cp.directory().user(&userid).is_none()
    {
        return Err(not_in_directory(userid));
    }
    // OFF of the one says nothing of the other.
    if ears == Ears::Nobody && target.ears().of(kind).is_none() {
        return Ok(Answer::silent());
    }
    let before = target.set_ears(ears);
    tell(invocation, &target, before, ears);
    Ok(Answer { data: json!({ "userid": target.id, "setting": ears_data(ears) }), lines: Vec::new() })
}

/// Those who begin or end to hear a console are told, and its user when somebody else set it.
fn tell(invocation: &Invocation<'_>, target: &User, before: Ears, after: Ears) {
    if before == after {
        return;
    }
    for (ears, what) in [(before, "terminated"), (after, "initiated")] {
        for kind in [Kind::Secondary, Kind::Observer] {
            if let Some(other) = ears.of(kind).and_then(|userid| invocation.cp.users.get(&userid)) {
                other.console.write(LineKind::Cp, &format!("HCPCFX6768I {} of {} {what} for {}.", kind.name(), other.id, target.id));
            }
        }
    }
    let issuer = invocation.issuer();
    if issuer != target.id {
        let kind = if after.of(Kind::Observer).or(before.of(Kind::Observer)).is_some() { Kind::Observer } else { Kind::Secondary };
        let set = match after.of(kind) {
            Some(userid) => format!("set to {userid}"),
            None => "terminated".to_string(),
        };
        target.console.write(LineKind::Cp, &format!("HCPCFX6769I Your {} {set} by {issuer}.", kind.name()));
    }
}

fn userid_of(word: &str) -> Result<UserId, Message> {
    word.parse().map_err(|_| invalid_operand(word))
}

fn ears_data(ears: Ears) -> Value {
    json!({ "secuser": ears.of(Kind::Secondary), "observer": ears.of(Kind::Observer) })
}

/// QUERY SECUSER [*|ALL|userid]
pub(super) fn query_secuser(invocation: &mut Invocation<'_>) -> Outcome {
    query_ears(invocation, Kind::Secondary)
}

/// QUERY OBSERVER [*|ALL|userid]
pub(super) fn query_observer(invocation: &mut Invocation<'_>) -> Outcome {
    query_ears(invocation, Kind::Observer)
}

fn query_ears(invocation: &mut Invocation<'_>, kind: Kind) -> Outcome {
    let users = match asked_users(invocation)? {
        Asked::Own => {
            let user = Arc::clone(invocation.user()?);
            return Ok(Answer::line(user_ears(&user), ears_line(invocation, user.ears(), kind)));
        }
        Asked::One(user) => vec![user],
        Asked::All(users) => users.into_iter().filter(|user| user.ears().of(kind).is_some()).collect(),
    };
    if users.is_empty() {
        return Ok(Answer::line(json!([]), format!("NO {}S ARE DEFINED", kind.name())));
    }
    let lines = users.iter().map(|user| format!("{:<8} {}", user.id, ears_line(invocation, user.ears(), kind)));
    let lines = lines.collect();
    Ok(Answer::of(users.iter().map(|user| user_ears(user)).collect::<Vec<_>>(), lines))
}

fn user_ears(user: &User) -> Value {
    json!({ "userid": user.id, "setting": ears_data(user.ears()) })
}

fn ears_line(invocation: &Invocation<'_>, ears: Ears, kind: Kind) -> String {
    let Some(userid) = ears.of(kind) else { return format!("{} IS UNDEFINED", kind.name()) };
    let state = match invocation.cp.users.get(&userid) {
        None => "NOT LOGGED ON",
        Some(user) if user.session.lock().line == crate::users::Line::Disconnected => "DISCONNECTED",
        Some(_) => "LOGGED ON",
    };
    format!("{} {userid} IS {state}", kind.name())
}

/// Whom a question is about.
enum Asked {
    /// The one who asks.
    Own,
    /// Somebody else.
    One(Arc<User>),
    /// Everybody.
    All(Vec<Arc<User>>),
}

/// Whom a question is about: nobody named is the one who asks; others are for classes A, B and C.
fn asked_users(invocation: &mut Invocation<'_>) -> Result<Asked, Message> {
    let Some(word) = invocation.operands.next_word() else { return Ok(Asked::Own) };
    invocation.operands.end()?;
    if word == "*" {
        return Ok(Asked::Own);
    }
    let privileged = invocation.has_class("ABC");
    if word.eq_ignore_ascii_case("ALL") && privileged {
        return Ok(Asked::All(invocation.cp.users.all()));
    }
    let userid = userid_of(word)?;
    match userid == invocation.issuer() {
        true => Ok(Asked::Own),
        false if privileged => invocation.logged_on(&userid).map(Asked::One),
        false => Err(invalid_operand(word)),
    }
}

/// SEND [CP] userid [text]
pub(super) fn send(invocation: &mut Invocation<'_>) -> Outcome {
    let to_cp = invocation.operands.take("CP");
    let id = invocation.user_operand()?;
    let text = invocation.operands.rest().to_string();
    if text.is_empty() && !to_cp {
        return Err(operand_missing());
    }
    let target = invocation.logged_on(&id)?;
    if !invocation.has_class("C") {
        if target.ears().of(Kind::Secondary) != Some(invocation.issuer()) {
            return Err(error("SND", 68, format!("SEND failed; you are not the secondary user of {id}")));
        }
        if target.console.owner().is_some() {
            return Err(error("SND", 68, format!("SEND failed; {id} is not disconnected")));
        }
    }
    // Whoever else looks at that console sees what was typed there, unless it answers a question for a secret.
    if !text.is_empty() && target.console.state() != (ConsoleState::VmRead { hidden: true }) {
        target.console.write(LineKind::Input, &text);
    }
    match (to_cp, text.is_empty()) {
        (true, true) => target.enter_cp(),
        (true, false) => target.command_typed(&text),
        (false, _) => target.type_line(&text),
    }
    Ok(Answer::silent())
}

/// FOR userid CMD command: a CP command of another user, with that user's authority; what it answers comes here.
pub(super) fn for_user(invocation: &mut Invocation<'_>) -> Outcome {
    let id = invocation.user_operand()?;
    if !invocation.operands.take("CMD") {
        return Err(match invocation.operands.next_word() {
            Some(word) => invalid_operand(word),
            None => operand_missing(),
        });
    }
    let command = invocation.operands.rest();
    if command.is_empty() {
        return Err(operand_missing());
    }
    let target = invocation.logged_on(&id)?;
    if !invocation.has_class("C") && target.ears().of(Kind::Secondary) != Some(invocation.issuer()) && id != invocation.issuer() {
        return Err(error("FOR", 68, format!("FOR failed; you are not the secondary user of {id}")));
    }
    let reply = target.answered(|| execute(invocation.cp, Origin::user(&target), command), |_| ());
    if reply.asks.is_some() {
        return Err(error("FOR", 68, "FOR failed; the command asks for a password"));
    }
    invocation.code = reply.code;
    let lines = reply.lines.iter().map(|line| format!("{id:<8}: {line}")).collect();
    Ok(Answer { data: json!({ "userid": id, "code": reply.code, "data": reply.data, "lines": reply.lines }), lines })
}

/// AT sysid [CMD] command: a CP command at a system, with one's own authority there. There is this one; `*` is this one, too.
pub(super) fn at(invocation: &mut Invocation<'_>) -> Outcome {
    let system = invocation.operands.word()?.to_uppercase();
    let own = invocation.cp.config.system_id.clone();
    if system != own && system != "*" {
        return Err(error("ATC", 9465, format!("{system} is not known here; this system is {own} and knows no other")));
    }
    invocation.operands.take("CMD");
    let command = invocation.operands.rest();
    if command.is_empty() {
        return Err(operand_missing());
    }
    let reply = execute(invocation.cp, invocation.origin.clone(), command);
    if reply.asks.is_some() {
        return Err(error("ATC", 68, "AT failed; the command asks for a password"));
    }
    invocation.code = reply.code;
    let lines = reply.lines.iter().map(|line| format!("{own:<8}: {line}")).collect();
    Ok(Answer { data: json!({ "system": own, "code": reply.code, "data": reply.data, "lines": reply.lines }), lines })
}

/// SET CONRECORD [userid] {ON|OFF}
pub(super) fn set_recording(invocation: &mut Invocation<'_>) -> Outcome {
    let named = invocation.operands.peek().is_some_and(|word| !["ON", "OFF"].iter().any(|on| word.eq_ignore_ascii_case(on)));
    let target = if named { invocation.user_operand()? } else { invocation.user()?.id };
    let on = invocation.operands.on_off()?;
    invocation.operands.end()?;
    if target != invocation.issuer() && !invocation.has_class("AC") {
        return Err(error("REC", 6770, format!("You are not authorized to record the console of {target}")));
    }
    let user = invocation.logged_on(&target)?;
    let failed = |why: String| error("REC", 9450, format!("Console of {target} is not recorded; {why}"));
    if !on {
        let Some(recording) = user.set_recording(None) else { return Ok(Answer::silent()) };
        recording.finish().map_err(failed)?;
        return Ok(recording_answer(&user, &recording, "was recorded in"));
    }
    if let Some(recording) = user.recording() {
        return Ok(recording_answer(&user, &recording, "is recorded in"));
    }
    let columns = user.session.lock().settings.columns;
    let at = invocation.cp.clock.now();
    let begin = Begin { userid: user.id.as_str(), system: &invocation.cp.config.system_id, at: &at, columns };
    let recording = Arc::new(Recording::begin(&invocation.cp.data().recordings(), &begin).map_err(failed)?);
    drop(user.set_recording(Some(Arc::clone(&recording))));
    if target != invocation.issuer() {
        user.console.write(LineKind::Cp, &format!("HCPREC9454I This console is recorded by {}", invocation.issuer()));
    }
    Ok(recording_answer(&user, &recording, "is recorded in"))
}

fn recording_answer(user: &User, recording: &Recording, verb: &str) -> Answer {
    let file = recording.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Answer::line(json!({ "userid": user.id, "file": file }), format!("Console of {} {verb} recordings/{file}", user.id))
}

/// QUERY CONRECORD [*|ALL|userid]
pub(super) fn query_recording(invocation: &mut Invocation<'_>) -> Outcome {
    let users = match asked_users(invocation)? {
        Asked::Own => vec![Arc::clone(invocation.user()?)],
        Asked::One(user) => vec![user],
        Asked::All(users) => users,
    };
    let answers = users.iter().filter_map(|user| user.recording().map(|recording| recording_answer(user, &recording, "is recorded in")));
    let answers: Vec<_> = answers.collect();
    Ok(if answers.is_empty() { Answer::line(json!([]), "NO CONSOLES ARE RECORDED") } else { Answer::join(answers) })
}

/// SET IDLETIME {OFF|n [SEC|MIN|HRS] [DISCONNECT|LOGOFF]}
pub(super) fn set_idle_time(invocation: &mut Invocation<'_>) -> Outcome {
    if !invocation.has_class("A") {
        return Err(invalid_operand("IDLETIME"));
    }
    let operands = &mut invocation.operands;
    let limit = if operands.take("OFF") {
        None
    } else {
        let word = operands.word()?;
        let number: u64 = word.parse().map_err(|_| invalid_operand(word))?;
        let unit = [("SEC", 1), ("MIN", 60), ("HRS", 3600)].into_iter().find(|(unit, _)| operands.take(unit)).map_or(60, |(_, unit)| unit);
        let time = number.checked_mul(unit).map(Duration::from_secs).filter(|time| !time.is_zero() && *time <= IDLE_MAX);
        let time = time.ok_or_else(|| invalid_operand(word))?;
        let then = if operands.take("LOGoff") {
            Then::LogOff
        } else {
            operands.take("DISConnect");
            Then::Disconnect
        };
        Some(Limit { time, then })
    };
    operands.end()?;
    *invocation.cp.idle_limit.lock() = limit;
    if limit.is_some() {
        // The time before it was asked for does not count.
        invocation.cp.users.all().iter().for_each(|user| user.active());
    }
    Ok(idle_answer(limit))
}

/// QUERY IDLETIME
pub(super) fn query_idle_time(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    Ok(idle_answer(*invocation.cp.idle_limit.lock()))
}

fn idle_answer(limit: Option<Limit>) -> Answer {
    let Some(limit) = limit else { return Answer::line(json!({ "seconds": null }), "IDLETIME OFF") };
    let then = if limit.then == Then::LogOff { "LOGOFF" } else { "DISCONNECT" };
    Answer::line(
        json!({ "seconds": limit.time.as_secs(), "then": then.to_lowercase() }),
        format!("IDLETIME {} {then}", spoken(limit.time).to_uppercase()),
    )
}

/// Whether `word` names a setting of this file; what sets it.
pub(super) fn setting(word: &str) -> Option<fn(&mut Invocation<'_>) -> Outcome> {
    match word {
        word if is(word, "SECUSER") => Some(set_secuser),
        word if is(word, "OBServer") => Some(set_observer),
        word if is(word, "CONRECord") => Some(set_recording),
        word if is(word, "IDLETime") => Some(set_idle_time),
        _ => None,
    }
}
