//! What happens to a gdb that is connected when the machine resets, waits, ends, is cleared or goes, and when gdb itself comes and goes.

use std::net::SocketAddr;

use console::wire::{ConsoleState, Ending};
use tests::gdb::{Gdb, server};
use tests::{System, Terminal, assert_line, lab, pc};

/// A terminal at a machine that is at its first instruction, and where its gdb server listens.
fn loaded(system: &System, user: &str, ipl: &str) -> (Terminal, SocketAddr) {
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), user);
    terminal.until_cp_read();
    terminal.type_line("trace i");
    terminal.until_told(ConsoleState::CpRead);
    terminal.type_line(ipl);
    terminal.until("^-> [0-9A-F]{16}  ");
    terminal.until_cp_read();
    terminal.type_line("trace end");
    terminal.until("^Trace ended$");
    let address = server(&mut terminal);
    (terminal, address)
}

/// A gdb that is connected there.
fn attached(terminal: &mut Terminal, address: SocketAddr) -> Gdb {
    let mut gdb = Gdb::start();
    let said = gdb.ask(&format!("target remote {address}"));
    assert!(said.contains("Remote debugging using"), "{said}");
    terminal.until("HCPGDB6001I gdb at 127.0.0.1:");
    gdb
}

#[test]
fn what_ends_or_resets_a_pc_machine_in_the_middle_of_a_step_is_not_lost() {
    let images: [(&str, &[u8]); 4] = [
        // Of the keyboard controller, and of the chip set.
        ("KEYBOARD", &pc::sector(&[0xb0, 0xfe, 0xe6, 0x64, 0xeb, 0xfe])),
        ("CHIPSET", &pc::sector(&[0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xeb, 0xfe])),
        // 32 bits: an instruction that there is not, and no interrupt table.
        ("TRIPLE", &[0x90, 0x0f, 0x0b]),
        // The exit port of QEMU.
        ("EXIT", &pc::sector(&[0xb0, 0x10, 0xe6, 0xf4, 0xeb, 0xfe])),
    ];
    let system = pc::system("  CONSOLE 0009 3215\n", &images);
    let (mut terminal, address) = loaded(&system, "PCUSER", "ipl keyboard");
    let mut gdb = attached(&mut terminal, address);
    for name in ["keyboard", "chipset"] {
        terminal.until_cp_read();
        terminal.type_line(&format!("ipl {name}"));
        terminal.until_told(ConsoleState::CpRead);
        let said: String = (0..4).map(|_| gdb.ask("stepi")).collect();
        assert_line(&said, "^CP: a system was loaded$");
        terminal.until(&format!("HCPIPL9461I The guest reset the machine; IPL {}", name.to_uppercase()));
        gdb.ask("maintenance flush register-cache");
    }
    terminal.until_cp_read();
    terminal.type_line("ipl triple");
    terminal.until_told(ConsoleState::CpRead);
    gdb.ask("stepi");
    let said = gdb.ask("stepi");
    assert_line(&said, "^CP: triple fault, processor 0 at 0010:0000000000100001 ");
    assert!(said.contains("SIGSEGV"), "{said}");
    terminal.until("HCPGIR450W CP entered; triple fault");
    terminal.until_cp_read();
    terminal.type_line("ipl exit");
    terminal.until_told(ConsoleState::CpRead);
    let said: String = (0..3).map(|_| gdb.ask("stepi")).collect();
    assert_line(&said, "^CP: the guest ended with exit code 33$");
    assert!(said.contains("exited with code 041"), "in octal: {said}");
    terminal.until("HCPGIR450W CP entered; the guest ended with exit code 33");
}

#[test]
fn gdb_hears_what_becomes_of_a_cms_machine_on_both_kinds_of_processor() {
    for processor in ["auto", "soft"] {
        let system = System::start_with(&["--processor", processor]);
        system.cp64(&["punch", lab("diagnose").to_str().unwrap(), "--to", "CMSUSER"], b"").succeeded();
        let (mut terminal, address) = loaded(&system, "CMSUSER", "ipl 00c");
        let mut gdb = Gdb::start();
        gdb.ask(&format!("file {}", lab("diagnose").display()));
        gdb.ask(&format!("target remote {address}"));
        steps_over_reads_and_waits(&mut terminal, &mut gdb);
        is_cleared_and_loaded_again(&mut terminal, &mut gdb);
        is_gone(&mut terminal, gdb);
    }
}

/// Lets the machine go on until it reads.
fn to_its_read(terminal: &mut Terminal, gdb: &mut Gdb) {
    terminal.until_cp_read();
    gdb.go_on(terminal);
    terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
}

/// A step takes as long as a line; a disabled wait is told, and told again.
fn steps_over_reads_and_waits(terminal: &mut Terminal, gdb: &mut Gdb) {
    to_its_read(terminal, gdb);
    gdb.interrupt();
    assert!(gdb.prompt().contains("SIGINT"));
    terminal.until_cp_read();
    // The same read again, from before the DIAGNOSE.
    assert_line(&gdb.ask("x/i $rip-2"), r"\bout\b.*\$0x83|\bout\b.*0x83");
    gdb.ask("tbreak *($rip-2) if $eax == 0x10c");
    gdb.begin("continue");
    terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
    terminal.type_line("#cp ipl 00c");
    assert_line(&gdb.prompt(), "^CP: a system was loaded$");
    assert_line(&gdb.ask("continue"), "^Temporary breakpoint 1, ");
    gdb.ask("set $before = $rip");
    terminal.until_cp_read();
    gdb.begin("stepi");
    terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
    gdb.interrupt();
    assert!(gdb.prompt().contains("SIGINT"), "a step that waits is broken off");
    terminal.until_cp_read();
    gdb.begin("stepi");
    terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
    terminal.type_line("query userid");
    gdb.prompt();
    assert_line(&gdb.ask("x/s &diagnose::LINE"), "\"query userid\"");
    terminal.until_cp_read();
    let said = gdb.ask("continue");
    assert_line(&said, "^CP: disabled wait PSW 80000000 [0-9A-F]{16}$");
    assert!(said.contains("SIGSTOP"), "{said}");
    terminal.until_all(&["^CP has done it.$", "^HCPGIR450W CP entered; disabled wait PSW"]);
    assert_line(&gdb.ask("print/x $rip"), "= 0x");
    assert_line(&gdb.ask("continue"), "^CP: disabled wait PSW 80000000 ");
}

/// SYSTEM CLEAR is told, and gdb follows the next system.
fn is_cleared_and_loaded_again(terminal: &mut Terminal, gdb: &mut Gdb) {
    terminal.until_cp_read();
    terminal.type_line("ipl 00c");
    terminal.until_told(ConsoleState::CpRead);
    to_its_read(terminal, gdb);
    terminal.type_line("#cp system clear");
    let said = gdb.prompt();
    assert_line(&said, "^CP: the virtual machine has no system; use IPL$");
    assert!(said.contains("SIGSTOP"), "{said}");
    terminal.until("^STORAGE CLEARED - SYSTEM RESET$");
    assert_line(&gdb.ask("continue"), "^CP: the virtual machine has no system; use IPL$");
    terminal.until_cp_read();
    terminal.type_line("ipl 00c");
    terminal.until_told(ConsoleState::CpRead);
    to_its_read(terminal, gdb);
    gdb.interrupt();
    gdb.prompt();
}

/// Another gdb is refused; this one leaves and comes back, is killed, and sees the user go.
fn is_gone(terminal: &mut Terminal, mut gdb: Gdb) {
    terminal.until_cp_read();
    terminal.type_line("query gdb");
    let said = terminal.until("^GDB ON .* CONNECTED$");
    let address: SocketAddr = said.lines().last().and_then(|line| line.split(' ').nth(2)).unwrap().parse().unwrap();
    let refused = Gdb::start().ask(&format!("target remote {address}"));
    assert!(refused.contains("another gdb is connected to this virtual machine"), "{refused}");
    terminal.until("^HCPGDB6004I gdb at 127.0.0.1:[0-9]+ is refused: another one is connected$");
    assert_line(&gdb.ask("print/x $rip"), "= 0x");
    gdb.ask("detach");
    terminal.until("^HCPGDB6002I gdb is gone$");
    gdb.ask(&format!("target remote {address}"));
    terminal.until("^HCPGDB6001I gdb at 127.0.0.1:");
    terminal.until_cp_read();
    // Every DIAGNOSE that follows the read would stop it.
    gdb.ask("break *($rip-2)");
    gdb.go_on(terminal);
    terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
    gdb.kill();
    terminal.until("^HCPGDB6002I gdb is gone");
    terminal.type_line("query userid");
    terminal.until_all(&["^CP has done it.$", "^HCPGIR450W CP entered; disabled wait PSW"]);
    terminal.until_told(ConsoleState::CpRead);
    terminal.type_line("ipl 00c");
    terminal.until("^Hello from ring 3");
    let mut gdb = attached(terminal, address);
    to_its_read(terminal, &mut gdb);
    // What ran when gdb came and cannot go on when it leaves is in CP mode, not RUNNING.
    terminal.type_line("query userid");
    assert!(gdb.prompt().contains("SIGSTOP"));
    terminal.until("^HCPGIR450W CP entered; disabled wait PSW");
    gdb.ask("detach");
    terminal.until_all(&["^HCPGIR450W CP entered; disabled wait PSW", "^HCPGDB6002I gdb is gone$"]);
    terminal.until_cp_read();
    terminal.type_line("ipl 00c");
    terminal.until("^Hello from ring 3");
    let mut gdb = attached(terminal, address);
    to_its_read(terminal, &mut gdb);
    terminal.type_line("#cp logoff");
    let said = gdb.prompt();
    assert_line(&said, "^CP: the user has logged off$");
    assert!(said.contains("exited normally"), "{said}");
    assert_eq!(terminal.ending(), Ending::LoggedOff);
}

#[test]
fn a_gdb_that_comes_too_early_is_told_why_it_is_refused() {
    let system = System::start();
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "CMSUSER");
    terminal.until_cp_read();
    let address = server(&mut terminal);
    let said = Gdb::start().ask(&format!("target remote {address}"));
    assert!(said.contains("the virtual machine has no system; use IPL first"), "{said}");
    terminal.until("^HCPGDB163E gdb is refused: the virtual machine has no system; use IPL first$");
}
