//! Guests, peers and terminals that mean no good, or are only slow, on every way to a console: nothing drives a terminal, nothing costs
//! unbounded memory, and the machine goes on.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use console::wire::{Hello, Logon, Request, Terminal as Size, VERSION};
use tests::{System, Terminal, assert_line, wait_for};

/// A system in which CMSUSER has this EXEC.
fn system_with(name: &str, text: &str) -> System {
    let system = System::start();
    system.disk_put("CMSUSER", name, "EXEC", format!("/* {name} */\n{text}").as_bytes()).succeeded();
    system
}

fn hello(attach: bool) -> Vec<u8> {
    let terminal = Size { columns: 80, rows: 24, script: false, draws: false };
    let logon = Logon { userid: "CMSUSER".into(), by: None, password: None, here: false, attach, observe: attach, no_ipl: false, terminal };
    framed(&postcard::to_stdvec(&Hello { version: VERSION, request: Request::Logon(logon) }).unwrap())
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat()
}

/// A terminal that watches and takes nothing.
fn deaf_watcher(system: &System) -> UnixStream {
    let mut stream = UnixStream::connect(system.socket()).expect("CP listens");
    stream.write_all(&hello(true)).expect("CP reads");
    let mut accepted = [0; 1];
    stream.read_exact(&mut accepted).expect("CP answers");
    stream
}

/// KiB of memory that CP has for itself.
fn memory(system: &System) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", system.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_guest_drives_nobodys_terminal_on_no_way() {
    let escapes =
        "say '1B'x || ']0;owned' || '07'x || '1B'x || '[2J' || '9B'x || '31m' || 'E280AE'x || 'evil' || '0D'x || 'FF'x; say 'end'\n";
    let system = system_with("EVIL", escapes);
    let (mut user, mut maint) = (system.log_on("CMSUSER"), system.log_on("MAINT"));
    maint.command("cp set observer cmsuser *");
    assert_line(&system.cp_says("set conrecord cmsuser on"), "is recorded in");
    let pipe = std::thread::scope(|scope| {
        let pipe = scope.spawn(|| system.cp64(&["logon", "CMSUSER", "--observe"], b"").succeeded().output);
        wait_for("the watcher", || {
            std::fs::read_to_string(system.directory().join("audit.log")).unwrap_or_default().contains("watches").then_some(())
        });
        user.command("evil");
        maint.until("^CMSUSER : end$");
        user.type_line("logoff");
        user.ending();
        pipe.join().unwrap()
    });
    let recordings = std::fs::read_dir(system.directory().join("recordings")).unwrap();
    let recorded: String = recordings.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let played = recorded.lines().skip(1).map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let played: String = played.map(|event| event[2].as_str().unwrap().replace("\r\n", "\n")).collect();
    for (way, text) in [("terminal", user.shown()), ("observer", maint.shown()), ("pipe", pipe), ("recording", played)] {
        assert!(text.contains("]0;owned") && text.contains("evil"), "{way}: {text}");
        let bad = text.chars().find(|&c| c != '\n' && console::is_control(c));
        assert_eq!(bad, None, "{way}: {text:?}");
    }
}

#[test]
fn watchers_who_take_nothing_cost_bounded_memory_and_hold_nobody() {
    let system = system_with("FLOOD", "do 10000; say copies('x', 2000); end\n");
    let mut user = system.log_on("CMSUSER");
    let watchers: Vec<_> = (0..20).map(|_| deaf_watcher(&system)).collect();
    let before = memory(&system);
    // 20 MB; its own terminal reads.
    user.command("flood");
    assert_line(&user.command("query userid"), "^CMSUSER  AT CP64$");
    let grown = memory(&system).saturating_sub(before);
    assert!(grown < 48 << 10, "{grown} KiB for 20 who take nothing");
    drop(watchers);
    assert_line(&user.command("query disk a"), " 191 ");
}

#[test]
fn a_thousand_connections_at_once_that_do_anything_harm_nobody() {
    let system = system_with("WORK", "say 'works'\n");
    let mut user = system.log_on("CMSUSER");
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", system.pid())).unwrap().count();
    let before = descriptors();
    let mut connections = Vec::new();
    for number in 0..1000_u32 {
        let Ok(mut stream) = UnixStream::connect(system.socket()) else { continue };
        let sent = match number % 5 {
            // Nothing; garbage; half a frame; a watcher that takes nothing; one that types what it must not.
            0 => Ok(()),
            1 => stream.write_all(b"GET / HTTP/1.1\r\n\xff\xfe\r\n"),
            2 => stream.write_all(&hello(true)[..9]),
            3 => stream.write_all(&hello(true)),
            _ => stream.write_all(
                &[hello(true), framed(&postcard::to_stdvec(&console::wire::ClientFrame::Line("logoff".into())).unwrap())].concat(),
            ),
        };
        // Some are cut off before they said it all.
        drop(sent);
        connections.push(stream);
    }
    assert!(connections.len() > 900, "{}", connections.len());
    assert_line(&user.command("work"), "^works$");
    drop(connections);
    wait_for("the connections to be gone", || (descriptors() <= before + 10).then_some(()));
    assert_line(&user.command("work"), "^works$");
    assert_line(&system.cp_says("query names"), "^CMSUSER  - L");
}

#[test]
fn a_megabyte_that_is_pasted_arrives_or_is_refused_whole_and_the_session_goes_on() {
    let system = System::start();
    // As lines: each is read, or the user is told that it was not.
    let lines: String = (0..7_000).map(|number| format!("cp msg * {number:06} {}\n", "y".repeat(140))).collect();
    assert!(lines.len() > 1 << 20);
    let output = system.session("CMSUSER", &lines);
    assert_eq!(output.matches("MSG FROM CMSUSER").count(), 7_000);
    // As one line: it is cut to a line's length, and said.
    let long = format!("cp msg * {}\nquery userid\n", "z".repeat(1 << 20));
    let cut = system.script("CMSUSER", &long);
    assert_line(&cut.output, "^CMSUSER  AT CP64$");
    assert_line(&cut.errors, "longer than 4096 bytes");
    // Bytes that are no text are shown as such, and nothing else breaks.
    let bytes = system.cp64(&["logon", "CMSUSER"], b"cp msg * \xff\xfe\x80 here\nquery userid\n");
    assert_line(&bytes.output, "here$");
    assert_line(&bytes.output, "^CMSUSER  AT CP64$");
    // A frame longer than a line ends the connection, not the machine.
    let terminal = Terminal::log_on(&system.socket(), "MAINT");
    let mut stream = UnixStream::connect(system.socket()).unwrap();
    stream.write_all(&hello(false)).unwrap();
    let long = framed(&postcard::to_stdvec(&console::wire::ClientFrame::Line("z".repeat(1 << 20))).unwrap());
    let _ = stream.write_all(&long);
    wait_for("the connection to be cut", || {
        let mut rest = [0; 4096];
        matches!(stream.read(&mut rest), Ok(0) | Err(_)).then_some(())
    });
    wait_for("the machine to be disconnected", || system.cp_says("query names").contains("CMSUSER  - DSC").then_some(()));
    terminal.disconnect();
}
