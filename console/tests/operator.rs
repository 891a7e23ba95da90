//! The operator screen as a program on a real (pseudo) terminal, against the real front end: what is seen, and that the terminal is given
//! back clean on every way out.

mod fake;

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use console::operator::{self, Options, Word};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

const SOCKET: &str = "OPERATOR_TEST_SOCKET";
const F1: &str = "\x1bOP";
const F3: &str = "\x1bOR";

/// The program that the tests below start on their terminals; started as a test of its own there is no socket and nothing to do.
#[test]
fn the_program() {
    let Some(socket) = env::var_os(SOCKET) else {
        return;
    };
    let options =
        Options { words: vec![Word { name: "PANIC".into(), minimum: 5 }], help: |_| panic!("help fell over"), ..Options::default() };
    let result = operator::run(Path::new(&socket), options);
    println!("left with {result:?}");
}

/// A terminal with the program on it.
struct Terminal {
    keyboard: Option<File>,
    looking: Option<JoinHandle<()>>,
    leaving: Arc<AtomicBool>,
    screen: Arc<Mutex<vt100::Parser>>,
    line: File,
    before: Termios,
    child: Child,
}

impl Terminal {
    fn start(system: &fake::System) -> Self {
        // The program must not have the master too: its terminal would never be gone.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master: OwnedFd = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let no_control = OpenptFlags::NOCTTY.bits().cast_signed();
        let name = name.to_str().unwrap();
        let line = OpenOptions::new().read(true).write(true).custom_flags(no_control).open(name).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&line, size).unwrap();
        let before = tcgetattr(&line).unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args(["the_program", "--exact", "--nocapture", "--test-threads=1"])
            .env(SOCKET, &system.socket)
            .env("TERM", "xterm-256color")
            .env("RUST_BACKTRACE", "0")
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line.try_clone().unwrap())
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
        let mut output = File::from(master.try_clone().unwrap());
        let shown = Arc::clone(&screen);
        let leaving = Arc::new(AtomicBool::new(false));
        let left = Arc::clone(&leaving);
        let looking = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while !left.load(Ordering::SeqCst)
                && let Ok(count @ 1..) = output.read(&mut bytes)
            {
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { keyboard: Some(File::from(master)), looking: Some(looking), leaving, screen, line, before, child }
    }

    fn types(&mut self, text: &str) {
        self.keyboard.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn shows(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !self.screen.lock().unwrap().screen().contents().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} on\n{}", self.screen.lock().unwrap().screen().contents());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn resize(&self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.line, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        // The program has no controlling terminal here, so the kernel does not tell it.
        self.signal(Signal::WINCH);
    }

    /// Takes the terminal away from under the program; says whether the program ends then.
    fn hang_up(mut self) -> bool {
        self.leaving.store(true, Ordering::SeqCst);
        // Whatever is shown now is the last that is looked at.
        self.resize(100, 30);
        self.looking.take().unwrap().join().unwrap();
        drop(self.keyboard.take());
        let deadline = Instant::now() + Duration::from_secs(90);
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The program has ended and the terminal is as it was before it.
    fn is_clean_and_says(&mut self, text: &str) {
        self.shows(text);
        self.child.wait().unwrap();
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert!(!screen.contents().contains("Userid"), "the screen is gone");
        let after = tcgetattr(&self.line).unwrap();
        let modes = |t: &Termios| (t.input_modes, t.output_modes, t.local_modes, t.control_modes);
        assert_eq!(modes(&after), modes(&self.before));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_command_is_typed_and_answered_and_the_operator_detaches() {
    let system = fake::System::start();
    let mut terminal = Terminal::start(&system);
    terminal.shows("VM READ");
    terminal.types("#cp query time\r");
    terminal.shows("TIME IS 10:00:00");
    terminal.types("echo from the guest\r");
    terminal.shows("from the guest");
    terminal.types("\x03");
    terminal.shows("Ctrl-C does not end the system");
    terminal.types(F3);
    terminal.shows("Leave the operator screen");
    terminal.types("d");
    terminal.is_clean_and_says("left with Ok(Detached)");
    system.wait_for(|log| log.iter().any(|entry| entry == "OPERATOR disconnected, asked to"));
}

#[test]
fn the_screen_follows_the_terminals_size() {
    let system = fake::System::start();
    let mut terminal = Terminal::start(&system);
    terminal.shows("VM READ");
    terminal.resize(132, 43);
    terminal.shows("F12 Retrieve");
    terminal.resize(40, 10);
    terminal.shows("Terminal too small");
    terminal.types(F3);
    terminal.shows("D Detach");
    terminal.types("d");
    terminal.is_clean_and_says("left with Ok(Detached)");
}

#[test]
fn keys_are_taken_at_the_moment_at_which_the_size_changes() {
    let system = fake::System::start();
    let mut terminal = Terminal::start(&system);
    terminal.shows("VM READ");
    let mut line = "===> ".to_string();
    for columns in 100..120 {
        terminal.resize(columns, 30);
        terminal.types("a");
        line.push('a');
        terminal.shows(&line);
    }
}

#[test]
fn signals_end_the_screen() {
    let system = fake::System::start();
    for (signal, says) in [(Signal::TERM, "Ok(Signal(15))"), (Signal::HUP, "Ok(Signal(1))"), (Signal::INT, "Ok(Signal(2))")] {
        let mut terminal = Terminal::start(&system);
        terminal.shows("VM READ");
        terminal.signal(signal);
        terminal.is_clean_and_says(says);
    }
}

/// Nobody has this terminal as the controlling one, so no signal comes: all that is left to notice is that reading fails.
#[test]
fn a_terminal_that_is_gone_ends_the_program_whatever_it_shows() {
    for down in [false, true] {
        let mut system = fake::System::start();
        let terminal = Terminal::start(&system);
        terminal.shows("VM READ");
        if down {
            system.stop();
            terminal.shows("The system is down");
        }
        assert!(terminal.hang_up(), "system down: {down}");
    }
}

#[test]
fn a_system_that_is_killed_ends_the_screen_with_the_reason() {
    let mut system = fake::System::start();
    let mut terminal = Terminal::start(&system);
    terminal.shows("VM READ");
    system.stop_rudely();
    terminal.shows("The connection to CP is gone: CP closed it");
    terminal.types(" ");
    terminal.is_clean_and_says("left with Ok(Lost(");
}

#[test]
fn a_shutdown_ends_the_screen() {
    let mut system = fake::System::start();
    let mut terminal = Terminal::start(&system);
    terminal.shows("VM READ");
    system.stop();
    terminal.shows("The system is down");
    terminal.is_clean_and_says("left with Ok(Shutdown)");
}

#[test]
fn a_panic_is_reported_on_a_clean_terminal() {
    let system = fake::System::start();
    let mut terminal = Terminal::start(&system);
    terminal.shows("VM READ");
    terminal.types("panic");
    terminal.types(F1);
    terminal.is_clean_and_says("help fell over");
}

#[test]
fn without_a_terminal_there_is_a_clear_error() {
    let error = Command::new(env::current_exe().unwrap())
        .args(["the_program", "--exact", "--nocapture", "--test-threads=1"])
        .env(SOCKET, "/nowhere")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&error.stdout).contains("left with Err(NotATerminal)"));
}

#[test]
fn a_flood_neither_hides_the_keys_nor_holds_the_exit() {
    let system = fake::System::start();
    let mut terminal = Terminal::start(&system);
    terminal.shows("VM READ");
    terminal.types("flood 1999999\r");
    // Nearly every line of it begins so, whichever of them the screen happens to draw.
    terminal.shows("flood 1");
    terminal.types(F3);
    terminal.shows("Leave the operator screen");
    terminal.types("d");
    terminal.is_clean_and_says("left with Ok(Detached)");
}
