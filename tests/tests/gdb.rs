//! The gdb server of a machine, with the gdb of the host.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use console::wire::ConsoleState;
use tests::gdb::{Gdb, server, spins};
use tests::{System, Terminal, assert_line, lab};

/// A system whose user PCUSER has a PC machine of so many processors and the teaching kernels, logged on, with a gdb server.
fn machine(processors: usize) -> (System, Terminal, SocketAddr) {
    machine_of(System::start(), processors)
}

fn machine_of(system: System, processors: usize) -> (System, Terminal, SocketAddr) {
    let source = system.directory().join("user.direct");
    let user = format!("USER PCUSER AUTOONLY 16M 16M G\n  MACHINE PC {processors}\n  CONSOLE 0009 3215\n");
    fs::write(&source, fs::read_to_string(&source).unwrap() + &user).unwrap();
    system.cp("DIRECTXA").succeeded();
    fs::create_dir(system.directory().join("pc")).unwrap();
    for name in ["hello", "timer", "tasks"] {
        fs::copy(lab(name), system.directory().join("pc").join(name)).unwrap();
    }
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    terminal.until_cp_read();
    let address = server(&mut terminal);
    (system, terminal, address)
}

/// Gdb, connected to a machine that runs `hello` and waits for a name.
fn attached(terminal: &mut Terminal, address: SocketAddr) -> Gdb {
    terminal.type_line("ipl hello");
    terminal.until("Who are you?");
    let mut gdb = Gdb::start();
    gdb.ask(&format!("file {}", lab("hello").display()));
    let said = gdb.ask(&format!("target remote {address}"));
    assert!(said.contains("labs::serial::receive") || said.contains("labs::port::read_byte"), "it polls for a byte: {said}");
    terminal.until("HCPGDB6001I gdb at 127.0.0.1:");
    gdb
}

#[test]
fn gdb_stops_steps_looks_changes_and_lets_go() {
    stops_steps_looks_changes_and_lets_go(System::start());
}

#[test]
fn gdb_does_the_same_with_a_machine_on_kvm() {
    stops_steps_looks_changes_and_lets_go(System::start_with(&["--processor", "kvm"]));
}

fn stops_steps_looks_changes_and_lets_go(system: System) {
    let (system, mut terminal, address) = machine_of(system, 1);
    let mut gdb = attached(&mut terminal, address);
    // Registers and storage, read and changed.
    let before = gdb.ask("print/x $rip");
    gdb.ask("stepi");
    assert_ne!(before.split('=').nth(1), gdb.ask("print/x $rip").split('=').nth(1), "one instruction on");
    gdb.ask("set $kept = $r15");
    gdb.ask("set $r15 = 0x1234567890");
    assert_line(&gdb.ask("print/x $r15"), r"= 0x1234567890$");
    gdb.ask("set $r15 = $kept");
    assert_line(&gdb.ask("print $xmm0.uint128"), r"= ");
    gdb.ask("set {int}0x300000 = 4711");
    assert_line(&gdb.ask("x/dw 0x300000"), r"^0x300000:\s+4711$");
    assert_line(&gdb.ask("x/4xb 0xffffff00000000"), "Cannot access memory at address 0xffffff00000000");
    assert_line(&gdb.ask("x/i $rip"), r"=> 0x1[0-9a-f]+ <.*labs");
    assert_line(&gdb.ask("monitor registers"), "^CR0 0000000080010033 ");
    // While it waits for a name it runs until somebody stops it.
    gdb.go_on_spinning(&mut terminal, &system);
    gdb.interrupt();
    assert!(gdb.prompt().contains("SIGINT"), "Ctrl-C");
    // A software breakpoint: the name is sent back byte by byte.
    gdb.ask("break labs::serial::send");
    gdb.go_on_spinning(&mut terminal, &system);
    terminal.type_line("Ada");
    assert_line(&gdb.prompt(), "Breakpoint 1, ");
    assert_line(&gdb.ask("print/c $dil"), "65 'A'");
    let calls = gdb.ask("backtrace");
    assert_line(&calls, "labs::serial::send");
    assert_line(&calls, "hello::main");
    assert!(gdb.ask("continue").contains("Breakpoint 1"), "the next byte");
    assert_line(&gdb.ask("print/c $dil"), "100 'd'");
    gdb.ask("delete");
    // Detached it goes on without stopping. The server has its own thread: what it says stands before or behind what the kernel says.
    gdb.ask("detach");
    terminal.until_all(&["Hello, Ada.", "HCPGDB6002I gdb is gone", "HCPGIR450W CP entered; the guest switched the machine off"]);
}

#[test]
fn gdb_follows_a_kernel_from_its_first_instruction_and_watches_storage() {
    let (_system, mut terminal, address) = machine(1);
    let mut gdb = attached(&mut terminal, address);
    gdb.go_on(&mut terminal);
    terminal.type_line("#cp ipl timer");
    assert!(gdb.prompt().contains("SIGTRAP"), "stopped when it was loaded");
    gdb.ask(&format!("file {}", lab("timer").display()));
    assert_line(&gdb.ask("print $rip == (long)&start"), "= 1$");
    gdb.ask("hbreak timer::handler");
    assert!(gdb.ask("continue").contains("timer::handler"), "a hardware breakpoint, at the exception");
    gdb.ask("delete");
    gdb.ask("watch *(unsigned long*)&timer::TICKS");
    for tick in 1..=3 {
        assert_line(&gdb.ask("continue"), &format!("^New value = {tick}$"));
    }
    gdb.ask("delete");
    gdb.ask("awatch *(unsigned long*)&timer::TICKS");
    assert_line(&gdb.ask("continue"), "^Value = 3$|^New value = 4$");
    gdb.ask("delete");
    // It ends, and gdb hears of it.
    assert!(gdb.ask("continue").contains("exited normally"));
    terminal.until("3 s");
}

#[test]
fn processors_are_threads_and_watching_stops_with_the_server() {
    let (system, mut terminal, address) = machine(2);
    let mut gdb = attached(&mut terminal, address);
    let threads = gdb.ask("info threads");
    assert_eq!(threads.matches("Thread ").count(), 2, "{threads}");
    gdb.ask("thread 2");
    // The second processor waits for start-up: after a reset it is at FFF0.
    assert_line(&gdb.ask("print/x $rip"), "= 0xfff0$");
    terminal.type_line("query gdb");
    terminal.until(&format!("GDB ON {address} CONNECTED"));
    terminal.type_line("set gdb off");
    terminal.until("HCPGDB6002I gdb is gone: the server is switched off");
    terminal.type_line("#cp query gdb");
    terminal.until("GDB OFF");
    assert!(TcpStream::connect(address).is_err(), "nobody listens");
    spins(&system);
    terminal.type_line("Bob");
    terminal.until("Hello, Bob.");
}

#[test]
fn a_peer_that_speaks_nonsense_harms_nobody() {
    let (system, mut terminal, address) = machine(1);
    // Before there is anything to look at.
    let mut early = TcpStream::connect(address).unwrap();
    early.write_all(b"+$qSupported#37").unwrap();
    terminal.until("HCPGDB163E gdb is refused");
    terminal.type_line("ipl hello");
    terminal.until("Who are you?");
    let mut state = 88_172_645_463_325_252_u64;
    let mut chance = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % below
    };
    let packets: [&[u8]; 14] = [
        b"$#00",
        b"$g#67",
        b"$m0,ffffffffffffffff#00",
        b"$mffffffffffffffff,10#00",
        b"$M100000,4:zz#00",
        b"$Z0,0,0#00",
        b"$Z2,0,ffffffffffffffff#00",
        b"$vCont;s:ffff#00",
        b"$vCont;c#a8",
        b"\x03",
        b"$H g99999999#00",
        b"$P0=#00",
        b"$qXfer:features:read:target.xml:0,fff#00",
        b"}}}}####$$$$",
    ];
    for _ in 0..40 {
        let mut peer = TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        for _ in 0..chance(6) {
            let mut bytes = packets[chance(packets.len())].to_vec();
            if let Some(place) = bytes.iter().rposition(|&byte| byte == b'#').filter(|_| chance(3) > 0) {
                // With the sum that makes it a packet.
                let sum = bytes[1..place].iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
                bytes.truncate(place);
                bytes.extend(format!("#{sum:02x}").bytes());
            } else {
                bytes.iter_mut().for_each(|byte| *byte ^= if chance(4) == 0 { 1 << chance(8) } else { 0 });
            }
            if peer.write_all(&bytes).is_err() {
                break;
            }
            let _ = peer.read(&mut [0; 512]);
        }
    }
    // One that says nothing holds the door for so long and no longer, and then gdb comes in.
    let _silent = TcpStream::connect(address).unwrap();
    let mut gdb = Gdb::start();
    gdb.ask("set tcp connect-timeout 60");
    gdb.ask("set remotetimeout 60");
    let said = gdb.ask(&format!("target remote {address}"));
    assert!(said.contains("Remote debugging using"), "{said}");
    gdb.ask("detach");
    assert!(!terminal.until("HCPGDB6002I gdb is gone").contains("HCPMCP9151W"));
    spins(&system);
    terminal.type_line("Eve");
    assert_line(&system.cp_says("query names"), "PCUSER");
}

#[test]
fn gdb_looks_into_a_cms_machine_on_both_kinds_of_processor() {
    for processor in ["auto", "soft"] {
        let system = System::start_with(&["--processor", processor]);
        system.cp64(&["punch", lab("diagnose").to_str().unwrap(), "--to", "CMSUSER"], b"").succeeded();
        let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "CMSUSER");
        for (command, shown) in [("trace i", ""), ("ipl 00c", "lea rsp"), ("trace end", "Trace ended")] {
            terminal.until_cp_read();
            terminal.type_line(command);
            terminal.until(shown);
        }
        terminal.until_cp_read();
        let address = server(&mut terminal);
        let mut gdb = Gdb::start();
        gdb.ask(&format!("file {}", lab("diagnose").display()));
        assert_line(&gdb.ask(&format!("target remote {address}")), "in diagnose::kernel|kernel \\(\\)");
        // The call behind the first instruction stores its return address.
        gdb.ask("watch -l *(long*)($rsp-8)");
        assert_line(&gdb.ask("continue"), "^New value = [1-9]");
        gdb.ask("delete");
        assert_line(&gdb.ask("backtrace"), "diagnose::main");
        // Registers, storage, a step.
        gdb.ask("set $r15 = 0x1234567890");
        gdb.ask("set $xmm3.v2_int64[0] = 4711");
        let before = gdb.ask("print/x $rip");
        gdb.ask("stepi");
        assert_ne!(before.split('=').nth(1), gdb.ask("print/x $rip").split('=').nth(1), "one instruction on");
        assert_line(&gdb.ask("print/x $r15"), "= 0x1234567890$");
        assert_line(&gdb.ask("print $xmm3.v2_int64[0]"), "= 4711$");
        gdb.ask("set {int}0x300000 = 4711");
        assert_line(&gdb.ask("x/dw 0x300000"), r"^0x300000:\s+4711$");
        assert_line(&gdb.ask("x/xb 0xffffff00000000"), "Cannot access memory at address 0xffffff00000000");
        let code = gdb.ask("x/3i $rip");
        let address = code.lines().last().and_then(|line| line.split_whitespace().next()).expect("the third instruction");
        gdb.ask(&format!("tbreak *{address}"));
        assert_line(&gdb.ask("continue"), "^Temporary breakpoint ");
        assert_line(&gdb.ask("print/x $rip"), &format!("= {address}$"));
        gdb.go_on(&mut terminal);
        terminal.until("^Hello from ring 3");
        terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
        gdb.interrupt();
        assert!(gdb.prompt().contains("SIGINT"), "Ctrl-C");
        gdb.ask("detach");
        terminal.until("HCPGDB6002I gdb is gone");
    }
}

#[test]
fn the_server_is_for_the_loopback_and_wants_a_system() {
    let (system, mut terminal, _) = machine(1);
    terminal.type_line("set gdb on 0.0.0.0:0");
    terminal.until("HCPGDB003E Invalid option - 0.0.0.0:0; other interfaces than the loopback are for class A");
    terminal.type_line("set gdb on nowhere");
    terminal.until("HCPCMD002E Invalid operand - nowhere");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    terminal.type_line(&format!("set gdb on {}", taken.local_addr().unwrap()));
    terminal.until("HCPGDB6003E gdb cannot be listened for at 127.0.0.1:");
    let mut cms = Terminal::log_on_no_ipl(&system.socket(), "CMSUSER");
    cms.until_cp_read();
    let mut early = TcpStream::connect(server(&mut cms)).unwrap();
    early.write_all(b"+").unwrap();
    cms.until("HCPGDB163E gdb is refused: the virtual machine has no system; use IPL first");
}
