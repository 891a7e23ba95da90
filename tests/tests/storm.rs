//! A thousand logons at the same moment, while other machines work.

use tests::{System, Terminal, assert_line};

/// Logons that begin together.
const USERS: usize = 1000;
/// Machines that loop meanwhile.
const LOOPING: usize = 2;

fn virtual_us(system: &System, user: &str) -> u64 {
    system.cp_json(&format!("INDICATE USER {user}"))["data"]["virtual_us"].as_u64().expect("INDICATE USER has it")
}

/// Processor time that the host gave CP, in microseconds: every thread of it, to a hundredth of a second.
fn given_us(system: &System) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", system.pid())).expect("the host counts what processes get");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks = |field: usize| fields.split_whitespace().nth(field).and_then(|ticks| ticks.parse::<u64>().ok()).expect("ticks");
    (ticks(11) + ticks(12)) * 10_000
}

#[test]
fn a_thousand_logons_at_once_are_all_served_and_starve_nobody() {
    let mut system = System::start();
    let users = system.add_users(USERS + LOOPING);
    let (looping, storm) = users.split_at(LOOPING);
    let mut loops: Vec<_> = looping.iter().map(|user| system.log_on(user)).collect();
    loops.iter_mut().for_each(|terminal| terminal.type_line("abend loop"));

    // Every connection is there before the first is waited for; each has the deadline of the harness.
    let before: Vec<_> = looping.iter().map(|user| virtual_us(&system, user)).collect();
    let given = given_us(&system);
    let mut terminals: Vec<_> = storm.iter().map(|user| Terminal::connect(&system.socket(), user)).collect();
    for (terminal, user) in terminals.iter_mut().zip(storm) {
        terminal.ready();
        if user == &storm[USERS / 2] {
            // Half way: who worked before works on.
            for (user, before) in looping.iter().zip(&before) {
                let now = virtual_us(&system, user);
                assert!(now > *before, "{user} did not run since the logons began");
            }
        }
    }
    // Of the time that CP had, however little of it the host gave.
    let given = given_us(&system) - given;
    let used: u64 = looping.iter().zip(&before).map(|(user, before)| virtual_us(&system, user) - before).sum();
    assert!(used * 3 > given, "machines that loop had {used} us of {given} us: logons took the rest");
    assert_line(&system.cp_says("QUERY USERS"), &format!("^ *{} USERS", USERS + LOOPING + 1));
    // Each of them answers, and they end together.
    for terminal in terminals.iter_mut().step_by(50) {
        assert_line(&terminal.command("cp query userid"), "^U\\d{4}");
    }
    system.shut_down();
    let records = system.cp64(&["accounting", "--totals", "--json"], b"").succeeded().output;
    assert_eq!(records.lines().count(), USERS + LOOPING + 1, "each session is on record");
    // SHUTDOWN logs off side by side, but for the operator, who is told of everybody.
    let records = system.cp64(&["accounting", "--json"], b"").succeeded().output;
    let last: serde_json::Value = serde_json::from_str(records.lines().last().expect("a record")).expect("JSON");
    assert_eq!(last["userid"], "OPERATOR");
}
