//! DIAL: terminals at which nobody is logged on, at the second serial port of a PC machine.

#[path = "../../console/tests/s3270/mod.rs"]
mod s3270;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use regex::Regex;
use s3270::Emulator;
use tests::{System, Terminal, assert_line, wait_for};

/// 32 bits, a flat image: opens COM2, prompts there with `>`, echoes what comes and says `ok` to each line; `q` lets the port go for a moment.
const ANSWERS: &[u8] = &[
    0x66, 0xba, 0xfc, 0x02, 0xb0, 0x03, 0xee, // begin: mov dx, 2fc; mov al, DTR and RTS; out
    0x66, 0xba, 0xf8, 0x02, // mov dx, 2f8
    0xb0, b'>', 0xee, // prompt: mov al, '>'; out
    0x66, 0xba, 0xfd, 0x02, 0xec, 0xa8, 0x01, 0x74, 0xf7, // wait: mov dx, 2fd; in; test al, 1; jz wait
    0x66, 0xba, 0xf8, 0x02, 0xec, // mov dx, 2f8; in
    0x3c, b'q', 0x74, 0x13, // cmp al, 'q'; je hang up
    0xee, 0x3c, 0x0d, 0x75, 0xe9, // out; cmp al, 13; jne wait
    0xb0, 0x0a, 0xee, 0xb0, b'o', 0xee, 0xb0, b'k', 0xee, 0xb0, 0x0a, 0xee, 0xeb, 0xd8, // "\nok\n"; jmp prompt
    0x66, 0xba, 0xfc, 0x02, 0x30, 0xc0, 0xee, 0xeb, 0xc4, // hang up: mov dx, 2fc; xor al, al; out; jmp begin
];

/// What CP says of LINUX's line; before its IPL that there is none.
fn line_of(system: &System) -> String {
    system.cp("FOR LINUX CMD QUERY VIRTUAL LINES").output
}

/// A system that serves 3270 terminals, with LINUX logged on and answering on its line, and where.
fn system() -> (System, Terminal, SocketAddr) {
    let system = System::start_with(&["--tn3270", "127.0.0.1:0"]);
    let source = system.directory().join("user.direct");
    let user = "USER LINUX AUTOONLY 8M 8M G\n  MACHINE PC 1\n  IPL ANSWERS\n  CONSOLE 0009 3215\n";
    let text = fs::read_to_string(&source).unwrap() + user;
    fs::write(source, text).unwrap();
    system.cp("DIRECTXA").succeeded();
    fs::create_dir(system.directory().join("pc")).unwrap();
    fs::write(system.directory().join("pc/answers"), ANSWERS).unwrap();
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let line = operator.until("3270 terminals are served at ");
    let address = Regex::new(r"served at (\S+)").unwrap().captures(line.trim_end()).unwrap()[1].parse().unwrap();
    let terminal = Terminal::connect(&system.socket(), "LINUX");
    wait_for("the line", || line_of(&system).contains("LINE 02F8 ENABLED").then_some(()));
    (system, terminal, address)
}

/// A Telnet of lines.
struct Telnet {
    stream: TcpStream,
    shown: String,
}

impl Telnet {
    fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(tests::PATIENCE)).unwrap();
        stream.write_all(&[255, 252, 40, 255, 252, 24]).unwrap();
        let mut telnet = Self { stream, shown: String::new() };
        telnet.see("Enter LOGON userid");
        telnet
    }

    fn see(&mut self, text: &str) {
        let mut bytes = [0; 1000];
        while !self.shown.contains(text) {
            let count = self.stream.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: no {text:?} in {}", self.shown));
            assert!(count > 0, "the line was cut before {text:?}: {}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        let end = self.shown.find(text).unwrap() + text.len();
        self.shown.drain(..end);
    }

    fn type_line(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// Reads to the end of the connection.
    fn rest(mut self) -> String {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        self.shown + &String::from_utf8_lossy(&rest)
    }
}

#[test]
fn a_terminal_dials_a_line_works_there_and_leaves() {
    let (system, _linux, address) = system();
    let lines = || system.cp_says("FOR LINUX CMD QUERY VIRTUAL 2F8");
    let mut telnet = Telnet::connect(address);
    telnet.type_line("dial linux");
    telnet.see("DIALED TO LINUX 02F8");
    assert_line(&lines(), "^LINUX   : LINE 02F8 ON LDEV L[0-9A-F]{4}$");
    assert_line(&system.cp_says("QUERY USERS"), "^ *2 USERS, +1 DIALED, +0 NET$");
    telnet.type_line("hello");
    telnet.see("ok");
    // It is one line, and somebody is there.
    let mut other = Telnet::connect(address);
    for (line, answer) in [
        ("dial linux", "HCPDIA055E Line(s) not available on LINUX"),
        ("dial linux 2f8", "HCPDIA056E Line 02F8 busy on LINUX"),
        ("dial linux 3f8", "HCPDIA047E LINUX 03F8 does not exist"),
        ("dial maint", "HCPDIA045E MAINT not logged on"),
        ("dial operator", "HCPDIA055E Line(s) not available on OPERATOR"),
        ("dial linux x", "HCPDIA022E"),
    ] {
        other.type_line(line);
        other.see(answer);
    }
    // The attention key leaves; the machine goes on, and the next one begins anew.
    telnet.stream.write_all(&[255, 243]).unwrap();
    assert!(telnet.rest().contains("DROP FROM LINUX 02F8"));
    assert_line(&lines(), "LINE 02F8 ENABLED");
    other.type_line("dial linux 2f8");
    other.see("DIALED TO LINUX 02F8");
    other.type_line("again");
    other.see("ok");
    // The guest hangs up.
    other.type_line("q");
    assert!(other.rest().contains("DROP FROM LINUX 02F8"));
    // A terminal that drops frees the line.
    wait_for("the guest to take it up again", || lines().contains("ENABLED").then_some(()));
    let mut third = Telnet::connect(address);
    third.type_line("dial linux");
    third.see("DIALED TO LINUX 02F8");
    drop(third);
    wait_for("the line is free", || lines().contains("ENABLED").then_some(()));
    let log = fs::read_to_string(system.directory().join("audit.log")).unwrap();
    for event in ["\"dial\"", "\"dial-refused\"", "\"drop\""] {
        assert!(log.contains(event), "{event} in {log}");
    }
}

#[test]
fn a_3270_dials_and_comes_back_to_the_logo_and_what_ends_the_machine_ends_the_line() {
    let (system, mut linux, address) = system();
    let mut emulator = Emulator::connect(address, &["-model", "3279-2-E"], "");
    let dial = |emulator: &mut Emulator| {
        emulator.wait_for("COMMAND");
        // Past USERID and PASSWORD.
        emulator.act("Wait(60,Unlock)");
        emulator.act("Home()");
        emulator.act("Tab()");
        emulator.act("Tab()");
        emulator.act("String(\"dial linux\")");
        emulator.act("Enter()");
        emulator.wait_for("DIALED TO LINUX 02F8");
    };
    dial(&mut emulator);
    emulator.type_line("hello");
    emulator.wait_for("ok");
    emulator.act("PA(1)");
    let over = |emulator: &mut Emulator| {
        emulator.wait_for("DROP FROM LINUX 02F8");
        emulator.wait_for("Press ENTER or CLEAR to continue");
        emulator.act("Clear()");
        emulator.wait_for("COMMAND");
    };
    over(&mut emulator);
    dial(&mut emulator);
    linux.attention();
    linux.until_cp_read();
    linux.type_line("system reset");
    linux.until("SYSTEM RESET");
    over(&mut emulator);
    assert_line(&system.cp_says("QUERY USERS"), "^ *2 USERS, +0 DIALED, +0 NET$");
    linux.type_line("ipl answers");
    wait_for("the line", || line_of(&system).contains("LINE 02F8 ENABLED").then_some(()));
    dial(&mut emulator);
    system.cp("FORCE LINUX").succeeded();
    over(&mut emulator);
}
