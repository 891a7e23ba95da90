//! Terminals: logging on, leaving and coming back, two at once, and who gets what is typed.

use console::wire::{ConsoleState, Ending};
use tests::{System, Terminal, assert_line, assert_no_line};

#[test]
fn a_user_is_logged_on_once() {
    let system = System::start();
    let mut first = system.log_on("CMSUSER");
    let (code, message) = Terminal::refusal(&system.socket(), "CMSUSER");
    assert_eq!(code, 54);
    assert_line(&message, r"^HCPLGA054E Already logged on (LDEV )?L\d{4}");
    let refused = system.script("CMSUSER", "query time\n").failed(54);
    assert_line(&refused.errors, "^HCPLGA054E Already logged on");
    assert!(refused.output.is_empty(), "it was let in: {}", refused.output);
    assert_line(&first.command("listfile"), "^Ready");
}

#[test]
fn unknown_users_are_refused_with_the_number_of_the_message() {
    let system = System::start();
    assert_line(&system.script("NOBODY", "").failed(53).errors, "NOBODY not in CP directory$");
    for user in ["", "TOOLONGNAME", "A B", "../x", "\u{1b}[2J"] {
        let refused = system.script(user, "query time\n");
        assert_ne!(refused.code, 0, "{user:?} logged on: {}", refused.output);
        assert!(!refused.errors.contains('\u{1b}'), "{:?}", refused.errors);
    }
    assert_line(&system.cp_says("query users"), "^ *1 USERS");
}

#[test]
fn logon_here_takes_the_session_over() {
    let system = System::start();
    let mut old = system.log_on("CMSUSER");
    old.command("abend operation");
    let mut new = Terminal::log_on_here(&system.socket(), "CMSUSER");
    assert_eq!(old.ending(), Ending::TakenOver);
    new.until(r"^RECONNECTED AT \d\d:\d\d:\d\d ");
    new.type_line("begin");
    assert_line(&new.command("query accessed"), "^Ready;");
    assert_line(&system.cp_says("query users"), "^ *2 USERS");
}

#[test]
fn the_shell_client_takes_over_with_here() {
    let system = System::start();
    let mut old = system.log_on("CMSUSER");
    let taken = system.cp64(&["logon", "CMSUSER", "--here"], b"begin\nquery disk a\n").succeeded();
    assert_eq!(old.ending(), Ending::TakenOver);
    assert_line(&taken.output, "^RECONNECTED AT ");
    assert_line(&taken.output, r"^LOGOFF AT ");
    assert_line(&taken.output, r" 191 +A +R/W");
}

#[test]
fn a_machine_goes_on_while_nobody_is_there_and_its_output_is_kept() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.command("cp set run on");
    terminal.type_line("#cp disconn");
    assert_eq!(terminal.ending(), Ending::Disconnected);
    assert_line(&terminal.shown(), r"^DISCONNECT AT \d\d:\d\d:\d\d ");
    assert_line(&system.cp_says("query names"), r"CMSUSER  - DSC");
    system.cp("message cmsuser while you were away").succeeded();

    let mut back = Terminal::log_on(&system.socket(), "CMSUSER");
    assert_line(&back.until("^RECONNECTED AT "), r"MSG FROM OPERATOR: while you were away$");
    assert_line(&system.cp_says("query names"), r"CMSUSER  - L\w{4}");
    assert_line(&back.command("query disk a"), r" 191 ");
}

#[test]
fn settings_outlive_a_disconnection() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.command("cp terminal linend !");
    terminal.command("cp set msg off");
    terminal.disconnect();
    let mut back = Terminal::log_on(&system.socket(), "CMSUSER");
    back.until("^RECONNECTED AT ");
    back.type_line("query set!query terminal");
    let shown = back.until("LINEND");
    assert_line(&shown, r"^MSG OFF *,");
    assert_line(&shown, r"^LINEND ! *,");
}

#[test]
fn two_users_work_at_the_same_time_and_see_their_own() {
    let system = System::start();
    let mut one = system.log_on("CMSUSER");
    let mut two = system.log_on("MAINT");
    one.type_line("query userid");
    two.type_line("query userid");
    let (first, second) = (one.ready(), two.ready());
    assert_line(&first, "^CMSUSER  AT CP64$");
    assert_line(&second, "^MAINT    AT CP64$");
    assert_no_line(&first, "MAINT");
    assert_no_line(&second, "CMSUSER");
    one.command("cp message maint are you there?");
    two.until(r"^\d\d:\d\d:\d\d +\* MSG FROM CMSUSER *: are you there\?$");
}

#[test]
fn a_line_that_begins_with_cp_behind_the_line_end_goes_to_cp() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.look();
    terminal.type_line("#cp query userid");
    terminal.until("^CMSUSER  AT CP64$");
    // What follows is CP's too.
    terminal.type_line("#cp query virtual storage#query time");
    terminal.until(r"^STORAGE = 32M$");
    terminal.until("^TIME IS ");
    // Elsewhere the line end only separates lines for whoever reads: here CMS, which has a CP command of its own.
    terminal.type_line("query disk a#cp query time#query accessed");
    for shape in ["^LABEL  VDEV", "^TIME IS ", "^Mode +Stat"] {
        assert_line(&terminal.until("^Ready"), shape);
    }
}

#[test]
fn attention_enters_cp_and_begin_resumes() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.attention();
    terminal.until_cp_read();
    terminal.look();
    terminal.type_line("listfile");
    terminal.until("^HCPCMD001E Unknown CP command: LISTFILE$");
    terminal.type_line("query virtual storage");
    terminal.until(r"^STORAGE = 32M$");
    terminal.type_line("b");
    terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
    assert_line(&terminal.command("state profile exec"), r"^Ready\(00028\); T=");
}

#[test]
fn cp_alone_enters_cp_too() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    for way in ["cp", "#cp"] {
        terminal.type_line(way);
        terminal.until_cp_read();
        terminal.type_line("begin");
        terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
    }
}

#[test]
fn lines_typed_ahead_are_read_in_their_order() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.look();
    for number in 1..=20 {
        terminal.type_line(&format!("cp message * line {number}"));
    }
    let mut shown = String::new();
    (0..20).for_each(|_| shown += &terminal.until("^Ready"));
    let order: Vec<_> = shown.lines().filter_map(|line| line.split("line ").nth(1)?.parse::<u32>().ok()).collect();
    assert_eq!(order, (1..=20).collect::<Vec<_>>(), "{shown}");
}

#[test]
fn logoff_says_what_was_used() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("logoff");
    assert_eq!(terminal.ending(), Ending::LoggedOff);
    let shown = terminal.shown();
    let last: Vec<_> = shown.lines().rev().take(2).collect();
    assert_line(last[1], r"^CONNECT= \d\d:\d\d:\d\d VIRTCPU= \d{3}:\d\d\.\d\d TOTCPU= \d{3}:\d\d\.\d\d$");
    assert_line(last[0], r"^LOGOFF AT \d\d:\d\d:\d\d \S+ [A-Z]+DAY \d\d/\d\d/\d\d$");
    system.cp("query cmsuser").failed(45);
}

#[test]
fn the_end_of_the_input_logs_off_after_everything_was_read() {
    let system = System::start();
    let lines: String = (0..200).map(|number| format!("cp message * number {number}\n")).collect();
    let output = system.session("CMSUSER", &lines);
    assert_eq!(output.matches("MSG FROM CMSUSER").count(), 200, "{output}");
    assert_line(&output, r": number 199$");
    assert_line(output.lines().last().unwrap_or_default(), "^LOGOFF AT ");
    // Also out of ECHO, which repeats whatever is typed until END or attention.
    assert_line(&system.session("CMSUSER", "cp echo 2\ntest\n"), "^LOGOFF AT ");
    // Without a line end, and with no input at all.
    assert_line(&system.session("CMSUSER", "query userid"), "^CMSUSER  AT CP64$");
    assert_line(&system.session("CMSUSER", ""), "^LOGOFF AT ");
}

#[test]
fn an_observer_sees_what_the_owner_sees_and_may_type() {
    let system = System::start();
    let mut owner = system.log_on("CMSUSER");
    let mut observer = Terminal::observe(&system.socket(), "CMSUSER");
    owner.type_line("query disk a");
    observer.until(r" 191 ");
    owner.ready();
    observer.type_line("query userid");
    owner.until("^CMSUSER  AT CP64$");
    owner.ready();
    observer.disconnect();
    assert_line(&owner.command("query userid"), "^CMSUSER  AT CP64$");
}

#[test]
fn a_terminal_that_vanishes_leaves_its_machine_disconnected() {
    let system = System::start();
    let terminal = system.log_on("CMSUSER");
    drop(terminal);
    tests::wait_for("the disconnection", || system.cp_says("query names").contains("CMSUSER  - DSC").then_some(()));
    let mut back = Terminal::log_on(&system.socket(), "CMSUSER");
    back.until("^RECONNECTED AT ");
}

#[test]
fn force_logs_off_and_names_nobody_to_the_victim() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    operator.look();
    system.cp("FORCE CMSUSER").succeeded();
    assert_eq!(terminal.ending(), Ending::LoggedOff);
    operator.until(r"LOGOFF AS +CMSUSER +USERS = \d+ +FORCED BY OPERATOR$");
    system.cp("FORCE CMSUSER").failed(45);
}

#[test]
fn no_ipl_stops_at_cp() {
    let system = System::start();
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "CMSUSER");
    terminal.until("^LOGON AT ");
    terminal.until_cp_read();
    terminal.type_line("begin");
    terminal.until("^HCPBEG163E");
    terminal.type_line("ipl cms");
    terminal.until("^CP-64 CMS V");
    // Without PARM AUTOCR, CMS waits for a first line.
    terminal.type_line("");
    terminal.ready();
}
