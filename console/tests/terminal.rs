//! The line client at a real (pseudo) terminal: what a person types and sees, and in what state the terminal is left.

mod fake;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use console::client::{self, Options};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcgetwinsize, tcsetwinsize};

use fake::{System, logon};

const SOCKET: &str = "CONSOLE_TEST_SOCKET";
const HISTORY: &str = "CONSOLE_TEST_HISTORY";
const PATIENCE: Duration = Duration::from_secs(90);

/// The program at the terminal: this test binary again, told by its environment to be the client.
#[test]
fn client_program() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return;
    };
    let options = Options {
        logon: logon("CMSUSER"),
        history: std::env::var_os(HISTORY).map(PathBuf::from),
        words: vec!["ECHO".into(), "LATER".into()],
        no_color: false,
    };
    let code = match client::logon(Path::new(&socket), options) {
        Ok(_) => 0,
        Err(error) => {
            eprintln!("{error}");
            i32::from(error.exit_code())
        }
    };
    std::process::exit(code);
}

/// A terminal with the client at it.
struct Person {
    terminal: File,
    client: Child,
    seen: Arc<Mutex<Vec<u8>>>,
    /// How much of what was seen has been waited for.
    looked: usize,
}

impl Person {
    fn sit_down(system: &System, more: &[(&str, OsString)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let slave = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let client = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "client_program", "--nocapture", "--test-threads=1"])
            .env(SOCKET, &system.socket)
            .env("TERM", "xterm")
            .envs(more.iter().map(|(name, value)| (name, value)))
            .stdin(slave())
            .stdout(slave())
            .stderr(slave())
            .spawn()
            .unwrap();
        let terminal = File::from(master);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, shared) = (terminal.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                shared.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        Self { terminal, client, seen, looked: 0 }
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Waits for `text` behind what was waited for before.
    fn see(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen.lock().unwrap();
            let found = seen[self.looked..].windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = found {
                self.looked += at + text.len();
                return;
            }
            assert!(Instant::now() < deadline, "{text:?} is not in {:?}", String::from_utf8_lossy(&seen[self.looked..]));
            drop(seen);
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn keys(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the client to end, and checks that the terminal is as it was.
    fn leave(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.client.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the client goes on: {:?}", self.screen());
            thread::sleep(Duration::from_millis(5));
        };
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG), "{modes:?}");
        // What the client wrote last may still be on its way through the terminal.
        let plain = || self.screen().rfind("\x1b[?2004l") > self.screen().rfind("\x1b[?2004h");
        while !plain() {
            assert!(Instant::now() < deadline, "bracketed paste is on");
            thread::sleep(Duration::from_millis(5));
        }
        status
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

const VM: &str = "\x1b[32mVM>\x1b[0m ";
const CP: &str = "\x1b[1;33mCP>\x1b[0m ";

#[test]
fn a_person_logs_on_types_sees_and_logs_off() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see("LOGON AT 10:00:00");
    person.see("Ready;");
    person.see(VM);
    person.keys("ech\t hello\r");
    person.see("hello\r\nReady;");
    person.see(VM);
    person.keys("#CP LOGOFF\r");
    person.see("LOGOFF AT 10:00:00");
    assert_eq!(person.leave().code(), Some(0));
    assert!(system.log().contains(&"CMSUSER in VmRead { hidden: false }: echo  hello".to_string()), "{:?}", system.log());
}

#[test]
fn a_size_that_changes_before_the_session_begins_is_told() {
    let system = System::start_guarded();
    let mut person = Person::sit_down(&system, &[]);
    person.see("Enter your password,");
    tcsetwinsize(&person.terminal, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    person.keys(&format!("{}\r", fake::PASSWORD));
    person.see("Ready;");
    system.wait_for(|log| log.contains(&"CMSUSER has 100 by 30".to_string()));
}

#[test]
fn a_secret_is_neither_shown_nor_remembered() {
    let system = System::start();
    let room = tempfile::tempdir().unwrap();
    let history = room.path().join("users").join("history");
    let mut person = Person::sit_down(&system, &[(HISTORY, history.clone().into())]);
    person.see(VM);
    person.keys("secret\r");
    person.see(VM);
    person.keys("xyzzy\r");
    person.see("5 characters");
    person.see(VM);
    person.keys("secret when told\r");
    person.see("...");
    // The read is hidden only after the first half is typed.
    person.keys("plu");
    person.see("plu");
    system.go_on();
    person.see(VM);
    person.keys("gh\r");
    person.see("5 characters");
    person.see(VM);
    person.keys("echo kept\r");
    person.see("kept\r\nReady;");
    person.keys("#CP LOGOFF\r");
    person.leave();
    assert!(!person.screen().contains("xyzzy") && !person.screen().contains("gh\r"));
    let kept = std::fs::read_to_string(history).unwrap();
    assert!(kept.contains("echo kept") && !kept.contains("xyzzy") && !kept.contains("plugh"), "{kept}");
}

#[test]
fn a_guests_prompt_stands_before_the_answer_however_late_it_comes() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    for command in ["prompt\r", "lateprompt\r"] {
        person.see(VM);
        person.keys(command);
        person.see("Your name: ");
        person.keys("Joe\r");
        person.see("Hello Joe");
    }
    let answered = system.log().into_iter().filter(|entry| entry.ends_with(": Joe")).count();
    assert_eq!(answered, 2);
}

#[test]
fn output_does_not_disturb_a_line_being_typed() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see(VM);
    person.keys("later some output\r");
    person.keys("echo to");
    person.see("some output");
    person.see(VM);
    person.keys("gether\r");
    person.see("together\r\nReady;");
}

#[test]
fn pasted_lines_all_arrive() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see(VM);
    person.keys("echo one\recho two\recho three\r");
    system.wait_for(|log| log.iter().any(|entry| entry.ends_with("echo three")));
    person.keys("\x1b[200~echo four\recho five\x1b[201~\r");
    system.wait_for(|log| log.iter().any(|entry| entry.ends_with("echo five")));
    let echoed: Vec<_> = system.log().iter().filter_map(|entry| Some(entry.split_once("echo ")?.1.to_string())).collect();
    assert_eq!(echoed, ["one", "two", "three", "four", "five"]);
}

#[test]
fn control_c_is_attention_and_control_d_twice_disconnects() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see(VM);
    person.keys("\x03");
    person.see("BEGIN lets it go on");
    person.see(CP);
    person.keys("QUERY TIME\r");
    person.see("TIME IS 10:00:00");
    person.see(CP);
    person.keys("\x04");
    person.see("Ctrl-D again disconnects");
    person.see(CP);
    person.keys("\x04");
    person.see("DISCONNECT AT 10:00:00");
    person.see("Log on again to reconnect");
    assert_eq!(person.leave().code(), Some(0));
    system.wait_for(|log| log.iter().any(|entry| entry == "CMSUSER disconnected, asked to"));
}

#[test]
fn control_d_twice_at_once_disconnects_too() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see(VM);
    person.keys("\x04\x04");
    person.see("DISCONNECT AT 10:00:00");
    assert_eq!(person.leave().code(), Some(0));
}

#[test]
fn what_is_typed_right_behind_a_control_d_is_a_line() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see(VM);
    person.keys("\x04echo still here\r\x04");
    person.see("still here\r\nReady;");
    person.see("Ctrl-D again disconnects");
    person.see(VM);
    person.keys("echo and here\r");
    person.see("and here\r\nReady;");
}

#[test]
fn bytes_that_are_no_text_are_refused_and_the_session_goes_on() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    for bytes in [&b"abc\xff\xfe"[..], b"\x1b[200~echo one\recho \xe4\xf6\recho two\x1b[201~\r", b"echo \xff\recho three\r"] {
        person.see(VM);
        person.terminal.write_all(bytes).unwrap();
        person.see("not UTF-8 text");
    }
    person.see(VM);
    person.keys("echo four\r");
    person.see("four\r\nReady;");
    let echoed: Vec<_> = system.log().iter().filter_map(|entry| Some(entry.split_once("echo ")?.1.to_string())).collect();
    assert_eq!(echoed, ["four"], "nothing of a line that was refused is sent");
}

impl Person {
    /// What stands on the terminal now, row after row.
    fn rows(&self) -> Vec<String> {
        let size = tcgetwinsize(&self.terminal).unwrap();
        let mut terminal = vt100::Parser::new(size.ws_row, size.ws_col, 1000);
        terminal.process(&self.seen.lock().unwrap());
        terminal.screen().rows(0, size.ws_col).map(|row| row.trim_end().to_string()).collect()
    }

    /// Waits until some row has that in it.
    #[track_caller]
    fn see_row(&self, text: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.rows();
            if rows.iter().any(|row| row.contains(text)) {
                return rows;
            }
            assert!(Instant::now() < deadline, "no {text:?} in\n{}", rows.join("\n"));
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_programs_screen_is_drawn_typed_into_and_left_again() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see("VM>");
    person.keys("screen hello\r");
    let rows = person.see_row("TITLE [CMSUSER]");
    assert!(rows.iter().all(|row| !row.contains("Ready;")), "it has the terminal to itself: {rows:?}");
    // F3 as xterm sends it is PF3; here first another one, behind what was typed. A click of the mouse places the cursor.
    person.keys("abXd\x1b[D\x1b[D\x1b[3~c\x1b[15~");
    person.see_row("Pf(5) at 84 abc");
    person.keys("\x1b[<0;5;2M\x1b[<0;5;2m!\r");
    person.see_row("Enter at 85 !");
    // Keys with Alt, and pasted text.
    person.keys("\x1b2");
    person.see_row("Pa(2) at 0");
    person.keys("\x1b[200~pasted\x1b[201~\r");
    person.see_row("pasted");
    person.keys("\x1bOR");
    // The lines from before are there again.
    let rows = person.see_row("Ready;");
    assert!(rows.iter().any(|row| row.contains("screen hello")) && rows.iter().all(|row| !row.contains("TITLE")), "{rows:?}");
    person.keys("#CP LOGOFF\r");
    assert!(person.leave().success());
}

#[test]
fn lines_and_cp_take_the_place_of_a_programs_screen_and_it_comes_back() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see("VM>");
    person.keys("screen hello\r");
    person.see_row("TITLE");
    person.keys("half");
    person.see_row("half");
    system.say("CMSUSER", "* MSG FROM OPERATOR: soon");
    let rows = person.see_row("ENTER goes back to the program's screen.");
    assert!(rows.iter().any(|row| row.contains("soon")) && rows.iter().all(|row| !row.contains("TITLE")), "{rows:?}");
    person.keys("\r");
    assert!(person.see_row("TITLE")[1].contains("half"), "what was being typed is still there");
    person.keys("\x03");
    person.see_row("BEGIN goes back to the program's screen.");
    person.keys("begin\r");
    assert!(person.see_row("TITLE")[1].contains("half"));
    // The window changes its size: the program makes its screen anew.
    tcsetwinsize(&person.terminal, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&person.client), rustix::process::Signal::WINCH).unwrap();
    person.see_row("Clear at 0");
    person.keys("\x1bOR");
    person.see_row("Ready;");
}

#[test]
fn however_a_programs_screen_ends_the_terminal_is_clean() {
    for how in ["term", "hup", "lost"] {
        let mut system = System::start();
        let mut person = Person::sit_down(&system, &[]);
        person.see("VM>");
        person.keys("screen hello\r");
        person.see_row("TITLE");
        let client = rustix::process::Pid::from_child(&person.client);
        match how {
            "term" => rustix::process::kill_process(client, rustix::process::Signal::TERM).unwrap(),
            "hup" => rustix::process::kill_process(client, rustix::process::Signal::HUP).unwrap(),
            _ => system.stop_rudely(),
        }
        person.leave();
        let screen = person.screen();
        let last = |text: &str| screen.rfind(text);
        for (on, off) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?1000h", "\x1b[?1000l"), ("\x1b[?1006h", "\x1b[?1006l")] {
            assert!(last(off) > last(on), "{how}: {on:?} is left on");
        }
    }
}

#[test]
fn signals_leave_the_terminal_clean_and_the_machine_running() {
    let system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see(VM);
    person.keys("half a line");
    person.see("half a line");
    let client = rustix::process::Pid::from_child(&person.client);
    rustix::process::kill_process(client, rustix::process::Signal::TERM).unwrap();
    assert_eq!(person.leave().signal(), Some(15));
    system.wait_for(|log| log.iter().any(|entry| entry == "CMSUSER disconnected, line dropped"));
}

#[test]
fn losing_cp_ends_the_client_with_a_sentence() {
    let mut system = System::start();
    let mut person = Person::sit_down(&system, &[]);
    person.see(VM);
    person.keys("half a line");
    system.stop_rudely();
    person.see("The connection to CP was lost");
    assert_eq!(person.leave().code(), Some(1));
}

#[test]
fn shutdown_and_escape_sequences_end_as_words() {
    let mut system = System::start();
    let mut person = Person::sit_down(&system, &[("NO_COLOR", "1".into())]);
    person.see("VM> ");
    person.keys("evil\r");
    person.see(".[31mred");
    person.see("VM> ");
    system.stop();
    person.see("The system is shut down.");
    assert_eq!(person.leave().code(), Some(0));
    assert!(!person.screen().contains("\x1b[31m") && !person.screen().contains("\x1b[32m"));
}
