//! Scripts at a console: input that is no terminal, against a guest that takes its time.

mod fake;

use std::io::{self, Cursor, ErrorKind, Write};

use console::client::{self, ClientError};
use console::wire::Ending;

use fake::{PASSWORD, System, logon};

/// Runs `input` as CMSUSER; the output as text, and how it ended.
fn run(system: &System, input: impl Into<Vec<u8>>) -> (String, String, Result<Ending, ClientError>) {
    let (mut output, mut notices) = (Vec::new(), Vec::new());
    let ended = client::script(&system.socket, logon("CMSUSER"), Cursor::new(input.into()), &mut output, &mut notices);
    (String::from_utf8(output).unwrap(), String::from_utf8(notices).unwrap(), ended)
}

#[test]
fn a_script_runs_and_is_logged_off_at_its_end() {
    let system = System::start();
    let (output, notices, ended) = run(&system, "echo one\nlater two\n#CP QUERY TIME\n");
    assert_eq!(ended.unwrap(), Ending::LoggedOff);
    assert_eq!(output, "LOGON AT 10:00:00\nReady;\none\nReady;\ntwo\nReady;\nTIME IS 10:00:00\nLOGOFF AT 10:00:00\n");
    assert_eq!(notices, "");
}

#[test]
fn a_line_is_sent_only_at_a_read() {
    let system = System::start();
    let (_, _, ended) = run(&system, "later a\nlater b\nsecret\nxyzzy\nprompt\nWorld\n");
    ended.unwrap();
    let entered: Vec<_> = system.log().into_iter().filter(|entry| entry.contains(" in ")).collect();
    assert_eq!(
        entered,
        [
            "CMSUSER in VmRead { hidden: false }: later a",
            "CMSUSER in VmRead { hidden: false }: later b",
            "CMSUSER in VmRead { hidden: false }: secret",
            "CMSUSER in VmRead { hidden: true }: xyzzy",
            "CMSUSER in VmRead { hidden: false }: prompt",
            "CMSUSER in VmRead { hidden: false }: World",
            "CMSUSER in VmRead { hidden: false }: #CP LOGOFF",
        ]
    );
}

#[test]
fn a_guest_that_eases_off_when_told_loses_nothing() {
    let system = System::start();
    let (output, notices, ended) = run(&system, "pour 100000\n");
    assert_eq!(ended.unwrap(), Ending::LoggedOff);
    assert_eq!(notices, "");
    let poured: Vec<_> = output.lines().filter(|line| line.starts_with("pour ")).collect();
    assert_eq!(poured.len(), 100_000);
    assert!(poured.iter().enumerate().all(|(number, line)| line.starts_with(&format!("pour {number} "))));
}

#[test]
fn an_empty_script_logs_on_and_off() {
    let system = System::start();
    let (output, _, ended) = run(&system, "");
    assert_eq!(ended.unwrap(), Ending::LoggedOff);
    assert_eq!(output, "LOGON AT 10:00:00\nReady;\nLOGOFF AT 10:00:00\n");
}

#[test]
fn a_last_line_without_an_end_is_run() {
    let system = System::start();
    assert!(run(&system, "echo one\necho two").0.contains("\ntwo\n"));
}

#[test]
fn binary_input_and_a_long_line_do_no_harm() {
    let system = System::start();
    let mut input: Vec<u8> = (0..=255).collect();
    input.extend(b"\necho ");
    input.extend(vec![b'y'; 100_000]);
    input.extend(b"\necho fine\n");
    let (output, notices, ended) = run(&system, input);
    assert_eq!(ended.unwrap(), Ending::LoggedOff);
    assert!(output.contains(&format!("\n{}\n", "y".repeat(4091))));
    assert!(output.contains("\nfine\n"));
    assert_eq!(notices, "cp64: Line 3 of the input is longer than 4096 bytes; the last 95909 are left out\n");
}

#[test]
fn a_script_in_cp_read_is_logged_off_too() {
    let system = System::start();
    let (output, _, ended) = run(&system, "attention\nQUERY TIME\n");
    assert_eq!(ended.unwrap(), Ending::LoggedOff);
    assert!(output.contains("TIME IS"), "{output}");
    assert!(system.log().contains(&"CMSUSER in CpRead: LOGOFF".to_string()), "{:?}", system.log());
}

#[test]
fn logging_off_works_when_line_end_is_another_character() {
    let system = System::start();
    let (_, _, ended) = run(&system, "nolinend\n");
    assert_eq!(ended.unwrap(), Ending::LoggedOff);
}

#[test]
fn a_session_the_script_ends_itself_ends_normally() {
    let system = System::start();
    assert_eq!(run(&system, "#CP LOGOFF\necho never\n").2.unwrap(), Ending::LoggedOff);
    assert!(!system.log().iter().any(|entry| entry.contains("never")));
}

#[test]
fn passwords_are_lines_of_the_script() {
    let system = System::start_guarded();
    assert_eq!(run(&system, format!("{PASSWORD}\necho in\n")).2.unwrap(), Ending::LoggedOff);
    assert!(matches!(run(&system, "").2, Err(ClientError::NoPassword)));
    let refused = run(&system, "a\nb\nc\nd\n").2.unwrap_err();
    assert_eq!(refused.exit_code(), 50);
    assert!(refused.to_string().starts_with("HCPLGA050E"));
}

#[test]
fn losing_cp_is_an_error() {
    let mut system = System::start();
    let socket = system.socket.clone();
    let session = std::thread::spawn(move || {
        let slow = io::Read::chain(Cursor::new("echo one\n"), Never);
        client::script(&socket, logon("CMSUSER"), slow, &mut Vec::new(), &mut Vec::new())
    });
    system.wait_for(|log| log.iter().any(|entry| entry.ends_with("echo one")));
    system.stop_rudely();
    assert!(matches!(session.join().unwrap(), Err(ClientError::Lost)));
}

#[test]
fn output_appears_before_the_script_goes_on() {
    // The writer is looked at while the guest is still busy with the next line.
    let system = System::start();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let output = io::BufWriter::with_capacity(1 << 20, Shared(std::sync::Arc::clone(&seen)));
    let socket = system.socket.clone();
    let session = std::thread::spawn(move || {
        let mut output = output;
        client::script(&socket, logon("CMSUSER"), Cursor::new("echo shown\nwait for the test\necho hidden\n"), &mut output, &mut Vec::new())
    });
    // It was sent when what came before it had been shown.
    system.wait_for(|log| log.iter().any(|entry| entry.ends_with("wait for the test")));
    let text = String::from_utf8(seen.lock().unwrap().clone()).unwrap();
    assert!(text.contains("shown") && !text.contains("hidden"), "{text}");
    system.go_on();
    session.join().unwrap().unwrap();
}

#[test]
fn a_closed_output_ends_the_script_quietly() {
    let system = System::start();
    let mut notices = Vec::new();
    let input = Cursor::new("echo one\necho two\necho three\n".repeat(100));
    let ended = client::script(&system.socket, logon("CMSUSER"), input, &mut Closed, &mut notices);
    assert_eq!(ended.unwrap(), Ending::LoggedOff);
    assert_eq!(notices, b"");
    assert!(system.log().iter().filter(|entry| entry.contains("echo")).count() < 10);
}

/// An input that stays open and says nothing.
struct Never;

impl io::Read for Never {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        loop {
            std::thread::park();
        }
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
