//! Many machines on few processors: loops do not starve anybody, loops can be broken, and who does nothing costs nothing.

use std::time::Duration;

use tests::{System, Terminal, assert_line, wait_for};

/// Machines that loop at the same time.
const LOOPING: usize = 40;

fn virtual_us(system: &System, user: &str) -> u64 {
    system.processor_times()[user].0
}

/// Logs a user on and lets its machine loop.
fn looping(system: &System, user: &str) -> Terminal {
    let mut terminal = system.log_on(user);
    terminal.type_line("abend loop");
    terminal
}

#[test]
fn forty_loops_leave_the_forty_first_its_console() {
    let system = System::start();
    let users = system.add_users(LOOPING);
    let mut loops: Vec<_> = users.iter().map(|user| looping(&system, user)).collect();

    // All of them get somewhere, again and again: nobody is starved.
    let before = system.processor_times();
    wait_for("every loop to be dispatched again", || {
        let now = system.processor_times();
        users.iter().all(|user| now[user] > before[user]).then_some(())
    });

    // A person can log on and work among them; every wait inside has the deadline of the harness.
    let mut terminal = system.log_on("CMSUSER");
    for _ in 0..5 {
        assert_line(&terminal.command("query disk a"), r" 191 +A +R/W");
        assert_line(&terminal.command("cp query time"), "^TIME IS ");
    }
    // The host as well.
    assert_line(&system.cp_says("QUERY USERS"), &format!("^ *{} USERS", LOOPING + 2));
    assert_line(&system.cp_says("INDICATE LOAD"), "^AVGPROC-");

    // HX breaks a loop, and the machine is as good as before.
    for terminal in loops.iter_mut().take(3) {
        terminal.look();
        terminal.type_line("hx");
        assert_line(&terminal.ready(), r"^(DMSHEX|HX|CMS|Ready)");
        assert_line(&terminal.command("cp query userid"), "^U0");
    }
    // FORCE ends one that loops.
    system.cp(&format!("FORCE {}", users[LOOPING - 1])).succeeded();
    assert_eq!(loops[LOOPING - 1].ending(), console::wire::Ending::LoggedOff);
    system.cp(&format!("QUERY {}", users[LOOPING - 1])).failed(45);
}

#[test]
fn hx_ends_in_a_message_and_ready() {
    let system = System::start();
    let mut terminal = looping(&system, "CMSUSER");
    system.wait_until_it_ran("CMSUSER", 20_000);
    terminal.look();
    terminal.type_line("hx");
    let shown = terminal.ready();
    assert_line(&shown, r"^Ready(\(\d{5}\))?; T=\d+\.\d\d/\d+\.\d\d \d\d:\d\d:\d\d$");
    assert_line(&terminal.command("listfile * * s"), "HELPCMS");
}

#[test]
fn attention_stops_a_loop_and_begin_lets_it_go_on() {
    let system = System::start();
    let mut terminal = looping(&system, "CMSUSER");
    let before = virtual_us(&system, "CMSUSER");
    system.wait_until_it_ran("CMSUSER", before + 20_000);
    terminal.attention();
    terminal.until_cp_read();
    let stopped = system.settled_times()["CMSUSER"];
    terminal.type_line("query time");
    terminal.until("^CONNECT=");
    assert_eq!(virtual_us(&system, "CMSUSER"), stopped, "it ran in CP READ");
    terminal.type_line("begin");
    system.wait_until_it_ran("CMSUSER", stopped);
    terminal.type_line("hx");
    terminal.ready();
}

#[test]
fn a_loop_goes_on_without_its_user_and_can_be_reset() {
    let system = System::start();
    let terminal = looping(&system, "CMSUSER");
    terminal.disconnect();
    let left = virtual_us(&system, "CMSUSER");
    system.wait_until_it_ran("CMSUSER", left + 20_000);
    let mut back = Terminal::log_on(&system.socket(), "CMSUSER");
    back.until("^RECONNECTED AT ");
    back.attention();
    back.until_cp_read();
    back.type_line("system clear");
    back.until("^STORAGE CLEARED - SYSTEM RESET$");
    back.type_line("ipl cms parm autocr");
    back.ready();
    assert_line(&back.command("query disk a"), " 191 ");
}

#[test]
fn idle_machines_use_no_processor_time() {
    let system = System::start();
    let users = system.add_users(20);
    let terminals: Vec<_> = users.iter().map(|user| system.log_on(user)).collect();
    let before = system.settled_times();
    // The measure is what happens within a second, not when it happens.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(system.settled_times(), before, "idle machines ran");
    drop(terminals);
}

#[test]
fn machines_logged_on_without_a_terminal_come_up_and_wait() {
    let system = System::start();
    let users = system.add_users(10);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    for user in &users {
        assert_line(&system.cp_says(&format!("XAUTOLOG {user}")), "^Command accepted$");
        operator.until(&format!(r"AUTO LOGON +\*\*\* +{user} +USERS = \d+"));
    }
    assert_line(&system.cp_says("QUERY NAMES"), "U0010    - DSC");
    for user in &users {
        wait_for("CMS to come up", || (system.cp_json(&format!("INDICATE USER {user}"))["data"]["system"] == "CMS").then_some(()));
    }
    let mut terminal = Terminal::log_on(&system.socket(), &users[0]);
    terminal.until("^RECONNECTED AT ");
    assert_line(&terminal.shown(), "^CP-64 CMS V");
}
