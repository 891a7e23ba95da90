//! Many machines on few processors: loops do not starve anybody, loops can be broken, and who does nothing costs nothing.

use std::time::{Duration, Instant};

use tests::{System, Terminal, assert_line, wait_for};

/// Machines that loop at the same time.
const LOOPING: usize = 40;

fn virtual_us(system: &System, user: &str) -> u64 {
    system.cp_json(&format!("INDICATE USER {user}"))["data"]["virtual_us"].as_u64().expect("INDICATE USER has it")
}

/// Virtual processor time of every user who is logged on, from one snapshot.
fn processor_times(system: &System) -> Vec<(String, u64)> {
    let mut watch = console::client::watch(&system.socket()).unwrap();
    watch
        .snapshot(&console::wire::Window::everything())
        .unwrap()
        .machines
        .into_iter()
        .map(|machine| (machine.userid, machine.virtual_us))
        .collect()
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
    let before = processor_times(&system);
    wait_for("every loop to be dispatched again", || {
        let now = processor_times(&system);
        let ran = |user: &String| {
            let of = |times: &[(String, u64)]| times.iter().find(|(name, _)| name == user).map_or(0, |(_, time)| *time);
            of(&now) > of(&before)
        };
        users.iter().all(ran).then_some(())
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
    wait_for("the loop to run", || (virtual_us(&system, "CMSUSER") > 20_000).then_some(()));
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
    wait_for("the loop to run", || (virtual_us(&system, "CMSUSER") > 0).then_some(()));
    terminal.attention();
    terminal.until_cp_read();
    let stopped = virtual_us(&system, "CMSUSER");
    terminal.type_line("query time");
    terminal.until("^CONNECT=");
    assert_eq!(virtual_us(&system, "CMSUSER"), stopped, "it ran in CP READ");
    terminal.type_line("begin");
    wait_for("the loop to go on", || (virtual_us(&system, "CMSUSER") > stopped).then_some(()));
    terminal.type_line("hx");
    terminal.ready();
}

#[test]
fn a_loop_goes_on_without_its_user_and_can_be_reset() {
    let system = System::start();
    let terminal = looping(&system, "CMSUSER");
    terminal.disconnect();
    let left = virtual_us(&system, "CMSUSER");
    wait_for("the loop to go on", || (virtual_us(&system, "CMSUSER") > left).then_some(()));
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
    // The prompt is on the screen before the slice that wrote it is over and charged.
    let before = wait_for("the last slice to be charged", || {
        let times = processor_times(&system);
        std::thread::sleep(Duration::from_millis(100));
        (processor_times(&system) == times).then_some(times)
    });
    // The measure is what happens within a second, not when it happens.
    let until = Instant::now() + Duration::from_secs(1);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
    assert_eq!(processor_times(&system), before, "idle machines ran");
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
