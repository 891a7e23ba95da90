//! Shares between machines that loop: as the directory says, as SET SHARE changes them, and whatever the machines do to get more.

use std::time::Instant;

use tests::{System, Terminal, assert_line, wait_for};

/// Total processor time of two users, in microseconds, at one moment.
fn total_us(system: &System, users: [&str; 2]) -> [u64; 2] {
    let times = system.processor_times();
    users.map(|user| times[user].1)
}

/// What each of two users gets from now on, until both together have had that much processor time, in microseconds.
fn divided(system: &System, users: [&str; 2], together: u64) -> [u64; 2] {
    let before = total_us(system, users);
    wait_for("the machines to have run for long enough", || {
        let now = total_us(system, users);
        let used = [now[0] - before[0], now[1] - before[1]];
        (used[0] + used[1] >= together).then_some(used)
    })
}

fn looping(system: &System, user: &str) -> Terminal {
    let mut terminal = system.log_on(user);
    terminal.type_line("abend loop");
    terminal
}

/// Asserts the first of two amounts to be so many percent of both, give or take five.
#[track_caller]
fn assert_percent(used: [u64; 2], percent: u64) {
    let first = used[0] * 100 / (used[0] + used[1]);
    assert!(first.abs_diff(percent) <= 5, "{first}% instead of {percent}% of {used:?}");
}

#[test]
fn two_that_loop_divide_a_processor_as_set_share_says() {
    let system = System::start_with(&["--processors", "1"]);
    let users = system.add_users(2);
    let users = [users[0].as_str(), users[1].as_str()];
    let _loops = users.map(|user| looping(&system, user));
    assert_percent(divided(&system, users, 800_000), 50);
    system.cp_says(&format!("SET SHARE {} RELATIVE 300", users[0]));
    assert_percent(divided(&system, users, 800_000), 75);
    system.cp_says(&format!("SET SHARE {} ABSOLUTE 20%", users[1]));
    assert_percent(divided(&system, users, 800_000), 80);
    system.cp_says(&format!("SET SHARE {} RELATIVE 100 ABSOLUTE 10% LIMITHARD", users[0]));
    // A maximum is one of the time that passes, however much of it the host gives to CP.
    let start = Instant::now();
    let used = divided(&system, users, 800_000);
    let most = start.elapsed().as_micros() as u64 / 10 + 20_000;
    assert!(used[0] > 0 && used[0] <= most, "{used:?}, at most {most}");
    assert_line(&system.cp_says("INDICATE LOAD"), r"^LIMITED-0000[01]$");
    let queues = system.cp_says("INDICATE QUEUES EXP");
    assert_line(&queues, &format!(r"^{} +[QL][123] R\S* +\d{{8}}/\d{{8}} \.[I.]\.\. +-?\d*\.\d{{4}} A00$", users[0]));
}

#[test]
fn absolute_shares_of_more_than_everything_are_taken_and_divide_it_in_proportion() {
    let system = System::start_with(&["--processors", "1"]);
    let users = system.add_users(2);
    let users = [users[0].as_str(), users[1].as_str()];
    let _loops = users.map(|user| looping(&system, user));
    for (user, percent) in users.into_iter().zip(["100%", "50%"]) {
        let said = system.cp_says(&format!("SET SHARE {user} ABSOLUTE {percent}"));
        assert_line(&said, &format!("^USER {user}   : ABSOLUTE SHARE = +{percent}$"));
    }
    assert_percent(divided(&system, users, 800_000), 66);
}

#[test]
fn the_share_in_the_directory_holds_from_logon_on() {
    let system = System::start_with(&["--processors", "1"]);
    let source = system.directory().join("user.direct");
    let text = std::fs::read_to_string(&source).unwrap();
    let entry = |user: &str, share: u32| format!("USER {user} AUTOONLY 32M 32M G\n  INCLUDE CMSDFLT\n  SHARE RELATIVE {share}\n");
    std::fs::write(&source, text + &entry("LIGHT", 100) + &entry("HEAVY", 400)).unwrap();
    system.cp("DIRECTXA").succeeded();
    let _loops = ["HEAVY", "LIGHT"].map(|user| looping(&system, user));
    assert_percent(divided(&system, ["HEAVY", "LIGHT"], 800_000), 80);
    assert_line(&system.cp_says("QUERY SHARE HEAVY"), "^USER HEAVY   : RELATIVE SHARE =   400$");
}

/// `mov eax, code; out 0x83, eax`, for ever.
fn calls_for_ever(code: u8) -> String {
    format!("B8{code:02X}000000E783EBF7")
}

/// A machine that executes this program for ever, in place of CMS.
fn executing(system: &System, user: &str, program: &str) -> Terminal {
    let mut terminal = system.log_on(user);
    terminal.attention();
    terminal.until_cp_read();
    terminal.type_line(&format!("STORE 1800000 {program}"));
    terminal.until("^STORE COMPLETE");
    terminal.type_line("BEGIN 1800000");
    terminal
}

#[test]
fn who_spins_in_diagnose_is_charged_for_cps_time_and_held_to_its_share() {
    let system = System::start_with(&["--processors", "1"]);
    let users = system.add_users(2);
    let users = [users[0].as_str(), users[1].as_str()];
    // X'60' is answered at once, X'44' gives up the slice.
    for code in [0x60, 0x44] {
        let calls = executing(&system, users[0], &calls_for_ever(code));
        let computes = looping(&system, users[1]);
        let used = divided(&system, users, 800_000);
        let percent = used[0] * 100 / (used[0] + used[1]);
        assert!(percent <= 55, "DIAGNOSE {code:X} got {percent}% of {used:?}");
        for (user, terminal) in users.into_iter().zip([calls, computes]) {
            system.cp(&format!("FORCE {user}")).succeeded();
            drop(terminal);
            wait_for("the user to be gone", || (system.cp(&format!("QUERY {user}")).code == 45).then_some(()));
        }
    }
}
