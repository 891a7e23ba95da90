//! INDICATE LOAD: how busy the system is.

use serde_json::json;

use crate::command::Invocation;
use crate::command::answer::{Answer, Outcome};

pub(super) fn load(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let cp = invocation.cp;
    let lanes = cp.dispatcher.lanes();
    let counts = cp.dispatcher.with_policy(|policy, now| policy.counts(now));
    let in_queue = counts.ready + lanes.iter().filter(|lane| lane.running().is_some()).count();
    // How many times longer than alone something takes now.
    let expansion = in_queue.div_ceil(lanes.len().max(1)).clamp(1, 999);
    let load = cp.load.lock();
    let listed = |name: char, class: usize, members: usize, loading: usize| format!("{name}{class}-{members:05}({loading:05})");
    let inside = |class: usize| listed('Q', class, counts.dispatch[class], counts.loading[class]);
    let outside = |class: usize| listed('E', class, counts.eligible[class - 1], 0);
    let mut lines = vec![
        format!("AVGPROC-{:03.0}% {:02}", load.average(), lanes.len()),
        "MDC READS-000000/SEC WRITES-000000/SEC HIT RATIO-000%".to_string(),
        format!("PAGING-{}/SEC", cp.pager.figures().rate),
        format!("{}                           DORMANT-{:05}", inside(0), counts.dormant),
        format!("{}           {}", inside(1), outside(1)),
        format!("{} EXPAN-{expansion:03} {}", inside(2), outside(2)),
        format!("{} EXPAN-{expansion:03} {}", inside(3), outside(3)),
        String::new(),
    ];
    // Before the first sample nothing is known, which is nothing used.
    let busy = |number: usize| load.processors.get(number).copied().unwrap_or(0.0);
    let each: Vec<_> = (0..lanes.len()).map(|number| format!("PROC {number:04}-{:03.0}% CP", busy(number))).collect();
    lines.extend(each.chunks(2).map(|two| two.join("     ")));
    lines.extend([String::new(), format!("LIMITED-{:05}", counts.limited)]);
    let data = json!({
        "average_percent": load.average(),
        "processors": load.processors,
        "average_stolen_percent": load.average_stolen(),
        "stolen": load.stolen,
        "in_queue": in_queue,
        "dispatch": counts.dispatch,
        "eligible": counts.eligible,
        "loading": counts.loading,
        "limited": counts.limited,
        "dormant": counts.dormant,
        "expansion": expansion,
    });
    Ok(Answer::of(data, lines))
}
