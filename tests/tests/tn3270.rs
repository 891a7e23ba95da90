//! A person at a 3270: the real s3270 against the real program.

#[path = "../../console/tests/s3270/mod.rs"]
mod s3270;

use std::net::SocketAddr;

use regex::Regex;
use s3270::Emulator;
use tests::{System, Terminal, assert_line, wait_for};

/// A system that serves 3270 terminals, with a user whose password is SECRET.
fn system() -> (System, SocketAddr) {
    let system = System::start_with(&["--tn3270", "127.0.0.1:0"]);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let line = operator.until("3270 terminals are served at ");
    let address = Regex::new("served at (.+)$").unwrap().captures(line.trim_end()).expect("an address")[1].parse().expect("an address");
    system.cp64(&["user", "password", "CMSUSER"], b"SECRET\n").succeeded();
    (system, address)
}

#[test]
fn cms_at_a_3270() {
    let (system, address) = system();
    let mut terminal = Emulator::connect(address, &["-model", "3279-3-E"], "");
    terminal.fill_in("cmsuser", "wrong");
    terminal.wait_for("HCPLGA050E");
    terminal.fill_in("cmsuser", "SECRET");
    terminal.wait_for("Ready;");
    let screen = terminal.wait_for("VM READ");
    assert!(screen.iter().any(|row| row.starts_with("LOGON AT ")), "{screen:?}");
    // A key that CP knows.
    terminal.type_line("#CP SET PF03 IMMED QUERY USERID");
    terminal.type_line("#CP QUERY PF3");
    terminal.wait_for("PF03 IMMED     QUERY USERID");
    terminal.press("PF(3)");
    terminal.wait_for("CMSUSER  AT CP64");
    // A screen is full: it waits, and goes on when told to.
    terminal.act("PA(2)");
    terminal.type_line("help cms copyfile (noscreen");
    terminal.wait_for("MORE...");
    terminal.act("Enter()");
    terminal.wait_for("HOLDING");
    terminal.clear_until("Ready;");
    terminal.type_line("#CP TERMINAL MORE 0 0");
    terminal.type_line("#CP QUERY TERMINAL");
    terminal.wait_for("MORE 000 000");
    terminal.press("Clear()");
    terminal.type_line("help cms copyfile (noscreen");
    terminal.wait_for("Ready;");
    // PA1 stops the machine, BEGIN lets it go on.
    terminal.act("PA(1)");
    terminal.wait_for("CP READ");
    terminal.type_line("begin");
    terminal.wait_for("VM READ");
    // The line drops: the user stays, disconnected.
    drop(terminal);
    wait_for("the user is disconnected", || system.cp_says("QUERY NAMES").contains("CMSUSER  - DSC").then_some(()));
    let mut terminal = Emulator::connect(address, &["-model", "3279-5-E"], "N:");
    terminal.fill_in("CMSUSER", "SECRET");
    terminal.wait_for("RECONNECTED AT");
    terminal.type_line("#CP QUERY PF3");
    terminal.wait_for("PF03 IMMED     QUERY USERID");
    terminal.type_line("#CP LOGOFF");
    terminal.wait_for("Press ENTER or CLEAR to continue");
    terminal.act("Clear()");
    terminal.wait_for("USERID   ===>");
}

#[test]
fn pf_keys_are_set_in_every_form() {
    let (_system, address) = system();
    let mut terminal = Emulator::connect(address, &["-model", "3279-2-E"], "");
    terminal.fill_in("cmsuser", "SECRET");
    terminal.wait_for("VM READ");
    terminal.type_line("#CP TERM MORE 0 0");
    for (key, what) in [(1, "IMMED QUERY USERID"), (2, "DELAYED CP QUERY"), (4, "RETRIEVE"), (5, "RETRIEVE FORWARD"), (6, "COPY"), (7, "")]
    {
        terminal.type_line(&format!("#CP SET PF{key:02} {what}"));
    }
    terminal.type_line("#CP QUERY PF06");
    terminal.wait_for_row("PF06 COPY");
    terminal.press("PF(1)");
    terminal.wait_for("CMSUSER  AT CP64");
    // A delayed one stands in the input area until it is completed, and comes back from there.
    terminal.press("PF(2)");
    terminal.type_line(" cplevel");
    terminal.wait_for("IPL at ");
    terminal.act("Clear()");
    terminal.press("PF(4)");
    terminal.wait_for_input("CP QUERY cplevel");
    // The line before it, which a key entered, and forward again.
    terminal.press("PF(4)");
    terminal.wait_for_input("QUERY USERID");
    terminal.press("PF(5)");
    terminal.wait_for_input("CP QUERY cplevel");
    terminal.act("Enter()");
    terminal.wait_for("IPL at ");
    // The screen as it stands is a printer file.
    terminal.press("PF(6)");
    terminal.type_line("#CP QUERY PRINTER ALL");
    terminal.wait_for("SCREEN    COPY");
}

#[test]
fn lines_are_edited_and_shown_as_the_terminal_is_set() {
    let (_system, address) = system();
    let mut terminal = Emulator::connect(address, &["-model", "3279-2-E"], "");
    terminal.fill_in("cmsuser", "SECRET");
    terminal.wait_for("VM READ");
    terminal.type_line("#CP TERM MORE 0 0 CHARDEL ON LINEDEL %");
    terminal.type_line("nonsense%query impcx@p");
    terminal.wait_for("IMPCP    = ON");
    // An escaped line end is a character, and so is the old one when there is another.
    terminal.type_line("cp msg * one\\\"#two");
    terminal.wait_for("one#two");
    terminal.type_line("#CP TERM LINEND !");
    terminal.type_line("cp msg * three#four!query impex");
    terminal.wait_for("three#four");
    terminal.wait_for("IMPEX    = ON");
    terminal.type_line("!CP TERM LINESIZE 30");
    terminal.type_line("!CP QUERY TERMINAL");
    terminal.wait_for("LINESIZE 030");
    terminal.press("Clear()");
    terminal.type_line("cp query cplevel");
    let screen = terminal.wait_for("IPL at ");
    let row = screen.iter().find(|row| row.starts_with("CP-64 Version")).expect("the first line");
    assert!(row.trim_end().len() <= 30, "{screen:?}");
    // Another key calls CP.
    terminal.type_line("!CP TERM BRKKEY PF10 LINESIZE OFF");
    terminal.type_line("!CP QUERY TERMINAL");
    terminal.wait_for(", BRKKEY PF10");
    terminal.press("PF(10)");
    terminal.wait_for("CP READ");
    terminal.type_line("begin");
    terminal.wait_for("VM READ");
}

#[test]
fn shutdown_is_told_to_those_at_a_3270() {
    let (mut system, address) = system();
    let mut terminal = Emulator::connect(address, &["-model", "3279-2-E"], "");
    terminal.fill_in("cmsuser", "SECRET");
    terminal.wait_for("Ready;");
    system.shut_down();
    terminal.act("Wait(60,Disconnect)");
}

#[test]
fn an_address_that_other_hosts_reach_is_refused_unless_opened() {
    let mut system = System::start();
    assert!(!system.complaints().contains("3270 terminals are served"));
    system.shut_down();
    let refused = system.cp64(&["start", "--headless", "--tn3270", "0.0.0.0:0"], b"").failed(1);
    assert_line(&refused.errors, "Telnet is not encrypted; serve it there with --tn3270-open only$");
    let refused = system.cp64(&["start", "--headless", "--tn3270", "here"], b"").failed(1);
    assert_line(&refused.errors, "such as 127.0.0.1:3270, is where 3270 terminals are served$");
}
