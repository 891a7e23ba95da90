//! The real s3270 as a terminal.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// s3270, which does as a script says.
pub struct Emulator {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
}

impl Emulator {
    pub fn connect(address: SocketAddr, options: &[&str], prefix: &str) -> Self {
        let mut child = Command::new("s3270")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests drive s3270; type: sudo apt-get install -y s3270");
        let input = child.stdin.take().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let (sender, output) = channel();
        thread::spawn(move || said.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut emulator = Self { child, input, output };
        emulator.act(&format!("Connect({prefix}{address})"));
        emulator
    }

    /// Carries an action out: the lines it answers, and the status line.
    pub fn act(&mut self, action: &str) -> (Vec<String>, String) {
        writeln!(self.input, "{action}").unwrap();
        let (mut data, mut status) = (Vec::new(), String::new());
        loop {
            let line = self.output.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("s3270 after {action}: {error}"));
            match line.as_str() {
                "ok" => return (data, status),
                "error" => panic!("{action}: {data:?}"),
                other => match other.strip_prefix("data: ") {
                    Some(text) => data.push(text.to_string()),
                    None => status = other.to_string(),
                },
            }
        }
    }

    pub fn screen(&mut self) -> Vec<String> {
        self.act("Ascii()").0
    }

    /// Waits until some row has that in it; answers the screen. What was typed stands on the screen, too.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> Vec<String> {
        self.wait_until(text, |screen| screen.iter().any(|row| row.contains(text)))
    }

    /// Waits until some row begins so: an answer of CP, and not the command that was typed.
    #[track_caller]
    pub fn wait_for_row(&mut self, text: &str) -> Vec<String> {
        self.wait_until(text, |screen| screen.iter().any(|row| row.starts_with(text)))
    }

    /// Waits until that stands in the input area of line mode.
    #[track_caller]
    pub fn wait_for_input(&mut self, text: &str) -> Vec<String> {
        self.wait_until(text, |screen| screen[screen.len() - 2..].iter().any(|row| row.contains(text)))
    }

    /// Clears one full screen after the other until one has that in it. A screen that does not wait is not cleared: what is wanted may come on it.
    #[track_caller]
    pub fn clear_until(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            let has = |text: &str| screen.iter().any(|row| row.contains(text));
            if has(text) {
                return;
            }
            assert!(Instant::now() < deadline, "no {text:?} in\n{}", screen.join("\n"));
            if has("MORE...") || has("HOLDING") {
                self.act("Clear()");
            } else {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    #[track_caller]
    fn wait_until(&mut self, text: &str, shows: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if shows(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {text:?} in\n{}", screen.join("\n"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub fn type_line(&mut self, text: &str) {
        self.act("Wait(60,Unlock)");
        self.act(&format!("String(\"{text}\")"));
        self.press("Enter()");
    }

    /// Presses a key of line mode, again if CP was too far behind to accept it, as a person would.
    #[track_caller]
    pub fn press(&mut self, key: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.act("Wait(60,Unlock)");
            self.act(key);
            self.act("Wait(60,Unlock)");
            if !self.is_refused() {
                return;
            }
            // It shows for three seconds: what stands there after the next key is about that one.
            while self.is_refused() {
                assert!(Instant::now() < deadline, "{key} is not accepted");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn is_refused(&mut self) -> bool {
        self.screen().iter().any(|row| row.contains("NOT ACCEPTED"))
    }

    /// Fills the logo in and presses ENTER.
    #[track_caller]
    pub fn fill_in(&mut self, userid: &str, password: &str) {
        self.wait_for("USERID");
        self.act("Wait(60,Unlock)");
        self.act(&format!("String(\"{userid}\")"));
        self.act("Tab()");
        self.act(&format!("String(\"{password}\")"));
        self.act("Enter()");
    }

    pub fn state(&mut self) -> String {
        self.act("Query(ConnectionState)").0.concat()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
