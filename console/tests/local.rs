//! The front end, the client and a scripted guest behind a real socket. Only the guest is pretended.

mod fake;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use console::client::{self, ClientError, Connection};
use console::wire::{self, Answer, ClientFrame, ConsoleState, Ending, LineKind, Reply, Request};

use fake::{PASSWORD, System, logon};

/// What one terminal is told until `enough`, as text: output lines as they are, other frames by name.
fn hear(connection: &mut Connection, mut enough: impl FnMut(&Reply) -> bool) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let reply = connection.receive().unwrap();
        heard.push(match &reply {
            Reply::Output(line) if line.kind == LineKind::Input => format!("typed: {}", line.text),
            Reply::Output(line) => line.text.clone(),
            Reply::State(state) => format!("{state:?}"),
            Reply::Ended(ending) => format!("{ending:?}"),
            Reply::Accepted { userid, system } => format!("{userid} at {system}"),
            Reply::Password(prompt) => prompt.clone(),
            other => format!("{other:?}"),
        });
        if enough(&reply) {
            return heard;
        }
    }
}

fn vm_read(reply: &Reply) -> bool {
    matches!(reply, Reply::State(ConsoleState::VmRead { .. }))
}

fn ended(reply: &Reply) -> bool {
    matches!(reply, Reply::Ended(_))
}

fn open(system: &System, userid: &str) -> Connection {
    Connection::open(&system.socket, Request::Logon(logon(userid))).unwrap()
}

fn enter(connection: &mut Connection, line: &str) {
    connection.send(&ClientFrame::Line(line.into())).unwrap();
}

#[test]
fn a_user_logs_on_types_sees_and_logs_off() {
    let system = System::start();
    let mut terminal = open(&system, "CMSUSER");
    assert_eq!(hear(&mut terminal, vm_read), ["CMSUSER at FAKE", "LOGON AT 10:00:00", "Ready;", "VmRead { hidden: false }"]);
    enter(&mut terminal, "echo hello");
    assert_eq!(hear(&mut terminal, vm_read).last().unwrap(), "VmRead { hidden: false }");
    enter(&mut terminal, "#CP LOGOFF");
    assert_eq!(hear(&mut terminal, ended).last().unwrap(), "LoggedOff");
    assert!(matches!(terminal.receive(), Err(ClientError::Lost)));
}

#[test]
fn a_cp_command_at_a_guests_read_leaves_the_read_up() {
    let system = System::start();
    let mut terminal = open(&system, "CMSUSER");
    hear(&mut terminal, vm_read);
    enter(&mut terminal, "#CP QUERY TIME");
    assert_eq!(hear(&mut terminal, vm_read), ["TIME IS 10:00:00", "VmRead { hidden: false }"]);
}

#[test]
fn attention_enters_cp_and_begin_goes_back() {
    let system = System::start();
    let mut terminal = open(&system, "CMSUSER");
    hear(&mut terminal, vm_read);
    terminal.send(&ClientFrame::Attention).unwrap();
    assert_eq!(hear(&mut terminal, |reply| matches!(reply, Reply::State(_))), ["CpRead"]);
    enter(&mut terminal, "QUERY TIME");
    assert_eq!(hear(&mut terminal, |reply| matches!(reply, Reply::State(_))), ["TIME IS 10:00:00", "CpRead"]);
    enter(&mut terminal, "BEGIN");
    hear(&mut terminal, vm_read);
}

#[test]
fn a_dropped_line_keeps_the_machine_and_its_output_for_the_next_logon() {
    let system = System::start();
    let mut terminal = open(&system, "CMSUSER");
    hear(&mut terminal, vm_read);
    enter(&mut terminal, "later while you were away");
    hear(&mut terminal, |reply| matches!(reply, Reply::State(ConsoleState::Running)));
    drop(terminal);
    system.wait_for(|log| log.iter().any(|entry| entry == "CMSUSER disconnected, line dropped"));
    thread::sleep(Duration::from_millis(200));
    let mut again = open(&system, "CMSUSER");
    let heard = hear(&mut again, vm_read);
    assert_eq!(heard[0], "CMSUSER at FAKE");
    assert!(heard.contains(&"while you were away".to_string()), "{heard:?}");
    assert!(heard.contains(&"RECONNECTED AT 10:00:00".to_string()), "{heard:?}");
    assert!(!heard.contains(&"LOGON AT 10:00:00".to_string()), "what was seen is not shown again: {heard:?}");
}

#[test]
fn disconnect_by_the_client_is_answered_and_ends_the_connection() {
    let system = System::start();
    let mut terminal = open(&system, "CMSUSER");
    hear(&mut terminal, vm_read);
    terminal.send(&ClientFrame::Disconnect).unwrap();
    assert_eq!(hear(&mut terminal, ended), ["DISCONNECT AT 10:00:00", "Disconnected"]);
    system.wait_for(|log| log.iter().any(|entry| entry == "CMSUSER disconnected, asked to"));
}

#[test]
fn a_second_terminal_is_refused_unless_it_takes_over() {
    let system = System::start();
    let mut first = open(&system, "CMSUSER");
    hear(&mut first, vm_read);
    let refused = open(&system, "CMSUSER").receive();
    assert!(matches!(refused, Err(ClientError::Refused { code: 54, .. })), "{refused:?}");
    let mut second = Connection::open(&system.socket, Request::Logon(console::wire::Logon { here: true, ..logon("CMSUSER") })).unwrap();
    hear(&mut second, vm_read);
    assert_eq!(hear(&mut first, ended).last().unwrap(), "TakenOver");
    enter(&mut second, "echo mine now");
    assert!(hear(&mut second, vm_read).contains(&"mine now".to_string()));
    assert!(!system.log().iter().any(|entry| entry.contains("disconnected")), "a take-over is no disconnect: {:?}", system.log());
}

#[test]
fn two_observers_see_what_is_typed_and_may_type() {
    let system = System::start();
    let mut owner = open(&system, "CMSUSER");
    hear(&mut owner, vm_read);
    let attach = || Connection::open(&system.socket, Request::Logon(console::wire::Logon { attach: true, ..logon("CMSUSER") })).unwrap();
    let (mut one, mut two) = (attach(), attach());
    for observer in [&mut one, &mut two] {
        assert!(hear(observer, vm_read).contains(&"Ready;".to_string()), "an observer is shown the context");
    }
    enter(&mut owner, "echo hello");
    for observer in [&mut one, &mut two] {
        let heard = hear(observer, vm_read);
        let typed = heard.iter().position(|line| line == "typed: echo hello").unwrap();
        assert!(heard[typed..].contains(&"hello".to_string()), "{heard:?}");
    }
    hear(&mut owner, vm_read);
    enter(&mut one, "echo from aside");
    assert!(hear(&mut owner, vm_read).contains(&"typed: echo from aside".to_string()));
    drop(one);
    enter(&mut owner, "#CP LOGOFF");
    hear(&mut two, ended);
    assert!(!system.log().iter().any(|entry| entry.contains("disconnected")));
}

#[test]
fn a_secret_is_not_shown_to_others() {
    let system = System::start();
    let mut owner = open(&system, "CMSUSER");
    hear(&mut owner, vm_read);
    let mut observer = Connection::open(&system.socket, Request::Logon(console::wire::Logon { attach: true, ..logon("CMSUSER") })).unwrap();
    hear(&mut observer, vm_read);
    enter(&mut owner, "secret");
    hear(&mut owner, |reply| matches!(reply, Reply::State(ConsoleState::VmRead { hidden: true })));
    enter(&mut owner, "xyzzy");
    let heard = hear(&mut observer, |reply| matches!(reply, Reply::Output(line) if line.text == "5 characters"));
    assert!(!heard.iter().any(|line| line.contains("xyzzy")), "{heard:?}");
}

#[test]
fn a_terminal_that_does_not_read_loses_lines_and_holds_nobody_up() {
    let system = System::start();
    let mut slow = open(&system, "CMSUSER");
    hear(&mut slow, vm_read);
    // Far more than the socket and the console keep: 40 MB.
    enter(&mut slow, "flood 400000");
    system.wait_for(|log| log.iter().any(|entry| entry == "CMSUSER flood done"));
    let (mut lost, mut lines, mut last) = (0, 0, String::new());
    loop {
        match slow.receive().unwrap() {
            Reply::Lost(count) => lost += count,
            Reply::Output(line) if line.text.starts_with("flood ") => {
                lines += 1;
                last = line.text;
            }
            Reply::State(ConsoleState::VmRead { .. }) => break,
            _ => {}
        }
    }
    assert_eq!(lost + lines, 400_000, "every line is shown or counted as lost");
    assert!(lost > 0);
    assert!(last.starts_with("flood 399999 "), "the newest lines are the ones kept: {last}");
}

#[test]
fn the_guests_escape_sequences_do_not_arrive() {
    let system = System::start();
    let mut terminal = open(&system, "CMSUSER");
    hear(&mut terminal, vm_read);
    enter(&mut terminal, "evil");
    assert!(hear(&mut terminal, vm_read).contains(&".[31mred.]0;title.".to_string()));
}

#[test]
fn commands_and_watch_are_one_call_each() {
    let system = System::start();
    let answer = client::command(&system.socket, "QUERY NAMES").unwrap();
    assert_eq!(answer, Answer { code: 0, lines: vec!["did QUERY NAMES".into()], json: "{}".into() });
    let mut watch = client::watch(&system.socket).unwrap();
    assert_eq!(watch.snapshot(&wire::Window::everything()).unwrap().uptime_seconds, 1);
    let second = watch.snapshot(&wire::Window { first: 77, ..wire::Window::default() }).unwrap();
    assert_eq!((second.uptime_seconds, second.first), (2, 77), "CP is told what is wanted");
}

/// Punches cards of 80 bytes, of which `next` says whether there is another one.
fn punch(system: &System, to: &str, mut next: impl FnMut() -> Result<bool, ClientError>) -> Result<Answer, ClientError> {
    let file = wire::Punch { to: to.into(), name: "A".into(), file_type: "B".into(), class: 'A', tag: String::new() };
    client::punch(&system.socket, file, || Ok(next()?.then(|| vec![0; 80])))
}

/// So many of them.
fn cards(mut count: usize) -> impl FnMut() -> Result<bool, ClientError> {
    move || {
        let more = count > 0;
        count = count.saturating_sub(1);
        Ok(more)
    }
}

#[test]
fn a_deck_longer_than_any_frame_is_punched_and_an_unfinished_one_leaves_nothing() {
    let system = System::start();
    assert_eq!(punch(&system, "MAINT", cards(0)).unwrap().lines, ["0 bytes to MAINT"]);
    // Longer than a frame may be.
    assert_eq!(punch(&system, "MAINT", cards(110_000)).unwrap().lines, ["8800000 bytes to MAINT"]);
    assert_eq!(punch(&system, "NOBODY", cards(1)).unwrap().code, 53);
    // What CP says in the middle is heard.
    assert_eq!(punch(&system, "FULL", cards(1_000_000)).unwrap().lines, ["The spool is full"]);
    let mut first = cards(30_000);
    let broken = punch(&system, "LOST", || if first()? { Ok(true) } else { Err(ClientError::Unexpected) });
    assert!(matches!(broken, Err(ClientError::Unexpected)));
    system.wait_for(|log| log.iter().any(|entry| entry.starts_with("a deck to LOST is gone after ")));
}

#[test]
fn no_system_is_one_sentence() {
    let room = tempfile::tempdir().unwrap();
    let error = client::command(&room.path().join("console"), "QUERY TIME").unwrap_err();
    assert!(matches!(error, ClientError::NotRunning(_)));
    assert!(error.to_string().starts_with("No CP is running here"), "{error}");
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn a_wrong_password_is_asked_again_and_then_refused() {
    let system = System::start_guarded();
    let mut right = open(&system, "CMSUSER");
    assert_eq!(hear(&mut right, |_| true), ["Enter your password,"]);
    enter(&mut right, "nonsense");
    assert!(matches!(right.receive(), Ok(Reply::Output(line)) if line.text.starts_with("HCPLGA050E")));
    hear(&mut right, |reply| matches!(reply, Reply::Password(_)));
    enter(&mut right, PASSWORD);
    hear(&mut right, vm_read);

    let mut wrong = open(&system, "MAINT");
    let started = Instant::now();
    for _ in 0..3 {
        hear(&mut wrong, |reply| matches!(reply, Reply::Password(_)));
        enter(&mut wrong, "nonsense");
    }
    let refused = loop {
        match wrong.receive() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, ClientError::Refused { code: 50, .. }));
    assert_eq!(refused.exit_code(), 50);
    assert!(started.elapsed() >= system.bounds.delay * 3, "each wrong password costs time");
}

#[test]
fn a_storm_of_logons_is_carried_out_a_few_at_once_and_all_are_served() {
    let system = System::start();
    let mut terminals: Vec<_> = (0..100).map(|number| open(&system, &format!("SLOW{number}"))).collect();
    for terminal in &mut terminals {
        hear(terminal, vm_read);
    }
    let most = system.most_logons();
    assert!((2..=system.bounds.logons).contains(&most), "{most} at once");
}

#[test]
fn garbage_is_refused_or_cut_and_the_next_peer_served() {
    let system = System::start();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..200 {
        let mut peer = UnixStream::connect(&system.socket).unwrap();
        let bytes: Vec<u8> = (0..round)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0]
            })
            .collect();
        let framed = [u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec(), bytes].concat();
        // It may be cut while we write.
        let _ = peer.write_all(if round % 2 == 0 { &framed } else { &framed[4..] });
        let _ = peer.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = peer.read_to_end(&mut rest);
    }
    let mut terminal = open(&system, "CMSUSER");
    hear(&mut terminal, vm_read);
}

#[test]
fn a_silent_peer_and_another_protocol_version_are_turned_away() {
    let system = System::start();
    let mut silent = UnixStream::connect(&system.socket).unwrap();
    let started = Instant::now();
    assert_eq!(silent.read(&mut [0; 16]).unwrap(), 0);
    assert!(started.elapsed() >= system.bounds.hello);

    let mut other = UnixStream::connect(&system.socket).unwrap();
    other.write_all(&[3, 0, 0, 0, 99, 1, 2]).unwrap();
    let mut answer = Vec::new();
    other.read_to_end(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("version 99"), "{answer:?}");
}

#[test]
fn a_garbled_frame_in_a_session_drops_the_line_and_keeps_the_machine() {
    let system = System::start();
    let mut raw = UnixStream::connect(&system.socket).unwrap();
    let hello = postcard::to_allocvec(&console::wire::Hello { version: console::wire::VERSION, request: Request::Logon(logon("CMSUSER")) })
        .unwrap();
    raw.write_all(&u32::try_from(hello.len()).unwrap().to_le_bytes()).unwrap();
    raw.write_all(&hello).unwrap();
    raw.write_all(&[0xff, 0xff, 0xff, 0x7f]).unwrap();
    system.wait_for(|log| log.iter().any(|entry| entry == "CMSUSER disconnected, line dropped"));
    let mut again = open(&system, "CMSUSER");
    hear(&mut again, vm_read);
}

#[test]
fn shutdown_tells_every_terminal_and_removes_the_socket() {
    let mut system = System::start();
    let mut terminal = open(&system, "CMSUSER");
    hear(&mut terminal, vm_read);
    let socket = system.socket.clone();
    let stopping = thread::spawn(move || {
        system.stop();
        system
    });
    assert_eq!(hear(&mut terminal, ended), ["Shutdown"]);
    drop(stopping.join().unwrap());
    assert!(!socket.exists());
    assert!(matches!(client::watch(&socket), Err(ClientError::NotRunning(_))));
    let _ = Ending::Shutdown;
}
