//! INDICATE QUEUES, ACTIVE and I/O: who is on which list, who did something lately, who waits for a device.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::command::Invocation;
use crate::command::answer::{Answer, Outcome, invalid_operand, operand_missing};
use crate::dispatcher::policy::{List, MachineId, Standing, State};
use crate::users::User;

/// INDICATE QUEUES [EXP]: members of the dispatch list in the order in which they go, then of the eligible list.
pub(super) fn queues(invocation: &mut Invocation<'_>) -> Outcome {
    let expanded = invocation.operands.take("EXP");
    invocation.operands.end()?;
    let cp = invocation.cp;
    let standings = cp.dispatcher.with_policy(|policy, now| policy.standings(now));
    let lanes = cp.dispatcher.lanes();
    let runs_on = |id: MachineId| lanes.iter().position(|lane| lane.running() == Some(id));
    let users: HashMap<MachineId, Arc<User>> =
        cp.users.all().into_iter().filter_map(|user| Some((user.dispatch_number()?, user))).collect();
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for standing in standings {
        let Some(user) = users.get(&standing.id) else { continue };
        let processor = runs_on(standing.id);
        let (list, state, pages) = (list(&standing), state(&standing, processor, user), user.standing.figures());
        let lead = if standing.state == State::Idle { "99999".to_string() } else { seconds(standing.lead) };
        let short = format!("{:<12} {list} {state:<3} {:08}/{:08}", user.id, pages.resident, pages.working_set);
        let bias = if standing.bias { 'I' } else { '.' };
        let affinity = processor.unwrap_or(0);
        entries.push(if expanded { format!("{short} .{bias}.. {lead:>8} A{affinity:02}") } else { short });
        data.push(json!({
            "userid": user.id, "list": list, "state": state, "resident_pages": pages.resident, "working_set": pages.working_set, "bias": standing.bias, "lead_seconds": standing.lead,
        }));
    }
    if entries.is_empty() {
        entries.push("No users in the dispatch list or the eligible list".to_string());
    }
    let lines = if expanded { entries } else { entries.chunks(2).map(|two| two.join(", ")).collect() };
    Ok(Answer::of(data, lines))
}

fn list(standing: &Standing) -> String {
    let letter = match standing.list {
        List::Dispatch => 'Q',
        List::Limit => 'L',
        List::Eligible => 'E',
    };
    format!("{letter}{}", standing.class)
}

/// `R00` runs on processor 0, `R` is ready, `PG` waits for a page, `IO` for a device, `TI` is in test idle.
fn state(standing: &Standing, processor: Option<usize>, user: &User) -> String {
    match (standing.state, processor) {
        (State::Running, Some(number)) => format!("R{number:02}"),
        (State::Running | State::Ready, _) => "R".to_string(),
        (State::Idle, _) if user.standing.waits_for_page() => "PG".to_string(),
        (State::Idle, _) if user.machine.try_lock().is_some_and(|machine| machine.device_waited_for().is_some()) => "IO".to_string(),
        (State::Idle, _) => "TI".to_string(),
    }
}

/// `.0012`, `-1.2500`: no zero before the point.
fn seconds(value: f64) -> String {
    let text = format!("{:.4}", value.abs());
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", text.strip_prefix('0').unwrap_or(&text))
}

/// INDICATE ACTIVE [n SEC|MIN|HRS]: who was ready at any time in that interval, a minute without one.
pub(super) fn active(invocation: &mut Invocation<'_>) -> Outcome {
    let interval = match invocation.operands.next_word() {
        None => Duration::from_secs(60),
        Some(word) => {
            let count: u64 = word.parse().ok().filter(|count| (1..=9999).contains(count)).ok_or_else(|| invalid_operand(word))?;
            let unit = match () {
                () if invocation.operands.take("SEC") => 1,
                () if invocation.operands.take("MIN") => 60,
                () if invocation.operands.take("HRS") => 3600,
                () => return Err(invocation.operands.next_word().map_or_else(operand_missing, invalid_operand)),
            };
            Duration::from_secs(count * unit)
        }
    };
    invocation.operands.end()?;
    let active = invocation.cp.dispatcher.with_policy(|policy, now| policy.active(now.saturating_sub(interval), now));
    let line = format!(
        "{:05} USERS, {:05} DISP, {:05} ELIG, {:05} DORM",
        active.dispatch + active.eligible + active.dormant,
        active.dispatch,
        active.eligible,
        active.dormant
    );
    let data = json!({
        "seconds": interval.as_secs(), "dispatch": active.dispatch, "eligible": active.eligible, "dormant": active.dormant,
    });
    Ok(Answer::line(data, line))
}

/// INDICATE I/O: users whose machines wait for a device, and for which.
pub(super) fn io_wait(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    // A machine whose lock is taken runs, or is just being given what it waited for.
    let device = |user: &Arc<User>| user.machine.try_lock().and_then(|machine| machine.device_waited_for());
    let waiting: Vec<_> = invocation.cp.users.all().iter().filter_map(|user| Some((user.id, device(user)?))).collect();
    let entries: Vec<_> = waiting.iter().map(|(id, vdev)| format!("{id:<8} {vdev:04X}")).collect();
    let mut lines: Vec<_> = entries.chunks(5).map(|five| five.join(" ")).collect();
    if lines.is_empty() {
        lines.push("No users in I/O wait".to_string());
    }
    let data: Vec<_> = waiting.iter().map(|(id, vdev)| json!({ "userid": id, "vdev": format!("{vdev:04X}") })).collect();
    Ok(Answer::of(data, lines))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn priorities_are_written_without_a_leading_zero() {
        assert_eq!([0.0012, -0.25, 12.5, -3.0].map(seconds), [".0012", "-.2500", "12.5000", "-3.0000"]);
    }
}
