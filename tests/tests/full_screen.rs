//! Programs that have the whole screen (DIAGNOSE X'58'): the SDK's example, BROWSE and HELP, at the real s3270.

#[path = "../../console/tests/s3270/mod.rs"]
mod s3270;

use std::net::SocketAddr;

use regex::Regex;
use s3270::Emulator;
use tests::{System, Terminal, assert_line, sdk_example};

/// A system that serves 3270 terminals, with the program ASK on CMSUSER's disk.
fn system() -> (System, SocketAddr) {
    let system = System::start_with(&["--tn3270", "127.0.0.1:0"]);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let line = operator.until("3270 terminals are served at ");
    let address = Regex::new("served at (.+)$").unwrap().captures(line.trim_end()).expect("an address")[1].parse().expect("an address");
    system.cp64(&["user", "password", "CMSUSER"], b"SECRET\n").succeeded();
    system.disk_put("CMSUSER", "ASK", "PROGRAM", &sdk_example("ask")).succeeded();
    system.log_on("CMSUSER").command("genmod ask");
    system.cp("FORCE CMSUSER").succeeded();
    (system, address)
}

fn logged_on(address: SocketAddr, model: &str) -> Emulator {
    let mut terminal = Emulator::connect(address, &["-model", model], "");
    terminal.fill_in("cmsuser", "SECRET");
    terminal.wait_for("VM READ");
    terminal
}

#[test]
fn a_program_asks_on_a_full_screen_and_cp_breaks_in() {
    let (system, address) = system();
    let mut terminal = logged_on(address, "3279-4-E");
    terminal.type_line("ask");
    let screen = terminal.wait_for("YOUR NAME");
    assert_eq!(screen.len(), 24, "the default size: {screen:?}");
    // Somebody speaks: it is held until it was seen; then the program's screen is there again.
    system.cp("MSG CMSUSER the soup is ready").succeeded();
    let screen = terminal.wait_for("HOLDING");
    assert!(screen.concat().contains("the soup is ready") && !screen.concat().contains("YOUR NAME"), "{screen:?}");
    terminal.act("Clear()");
    terminal.wait_for("YOUR NAME");
    // CP is called, and left again.
    terminal.act("PA(1)");
    terminal.wait_for("CP READ");
    terminal.type_line("query userid#terminal breakin guestctl#begin");
    terminal.wait_for("YOUR NAME");
    // Now it waits until the program is done.
    system.cp("MSG CMSUSER the soup is cold").succeeded();
    terminal.act("Wait(60,Unlock)");
    terminal.act("String(\"grace\")");
    terminal.act("Enter()");
    let screen = terminal.wait_for("43 by 80: grace");
    assert!(screen.concat().contains("the soup is cold"), "{screen:?}");
    terminal.wait_for("Ready;");
    // A PF key is the return code; HX ends a program that waits for a key.
    terminal.type_line("ask");
    terminal.wait_for("YOUR NAME");
    terminal.act("Wait(60,Unlock)");
    terminal.act("PF(3)");
    terminal.wait_for("Ready(00243);");
    terminal.type_line("ask");
    terminal.wait_for("YOUR NAME");
    terminal.act("PA(1)");
    terminal.wait_for("CP READ");
    terminal.type_line("begin#hx");
    terminal.wait_for("DMSABE222I ASK halted by HX");
    terminal.type_line("#cp query terminal");
    terminal.wait_for("BRKKEY PA1, BREAKIN GUESTCTL");
}

#[test]
fn a_wrong_data_stream_is_the_programs_error_and_a_terminal_of_lines_has_no_screen() {
    let (system, address) = system();
    let mut terminal = logged_on(address, "3279-2-E");
    for (operand, why) in
        [("wrong", "buffer address 4095 is not on the screen"), ("long", "the orders go over the screen more than 32 times")]
    {
        terminal.type_line(&format!("ask {}", operand.to_uppercase()));
        let screen = terminal.wait_for("DMSITP141T Specification exception").concat();
        assert!(screen.contains(&format!("HCPFSC9058E The program's 3270 data stream is not valid: {why}")), "{screen}");
        terminal.act("Clear()");
        terminal.clear_until("VM READ");
    }
    terminal.type_line("#cp logoff");
    terminal.wait_for("Press ENTER or CLEAR to continue");
    let mut lines = system.log_on("CMSUSER");
    let shown = lines.command("ask");
    assert_line(&shown, "^This terminal has no screen$");
    assert_line(&shown, r"^Ready\(00028\);");
    // HELP and BROWSE show lines there.
    assert_line(&lines.command("browse ask program"), "^Ready;");
    assert_line(&lines.command("help cms browse"), "^BROWSE$");
}

#[test]
fn text_is_browsed_and_a_program_that_waits_is_found_again_after_disconnect() {
    let (system, address) = system();
    let text: String = (1..=300).map(|number| format!("This is line {number} of [many]\n")).collect();
    system.disk_put("CMSUSER", "LONG", "TEXT", text.as_bytes()).succeeded();
    let mut terminal = logged_on(address, "3279-2-E");
    terminal.type_line("browse long text");
    let screen = terminal.wait_for("Line 1 of 300");
    assert!(screen[0].contains("LONG TEXT A1") && screen[1].starts_with(" This is line 1 of [many]"), "{screen:?}");
    terminal.act("Wait(60,Unlock)");
    terminal.act("PF(8)");
    terminal.wait_for("Line 21 of 300");
    terminal.type_line("/line 250/");
    terminal.wait_for("Line 250 of 300");
    terminal.type_line("top");
    terminal.wait_for("Line 1 of 300");
    // A line that drops, and another terminal, larger than the first.
    drop(terminal);
    tests::wait_for("the user is disconnected", || system.cp_says("QUERY NAMES").contains("CMSUSER  - DSC").then_some(()));
    let mut terminal = Emulator::connect(address, &["-model", "3279-5-E"], "N:");
    terminal.fill_in("cmsuser", "SECRET");
    terminal.wait_for("RECONNECTED");
    terminal.act("Clear()");
    let screen = terminal.wait_for("Line 1 of 300");
    assert_eq!((screen.len(), screen[0].len()), (27, 132));
    terminal.act("Wait(60,Unlock)");
    terminal.act("PF(3)");
    terminal.wait_for("Ready;");
    terminal.type_line("help cms listfile");
    terminal.wait_for("HELP LISTFILE");
    terminal.act("Wait(60,Unlock)");
    terminal.act("PF(3)");
    terminal.wait_for("Ready;");
}
