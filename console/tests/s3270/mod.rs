//! The real s3270 as a terminal.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// s3270, which does as a script says.
pub struct Emulator {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Emulator {
    pub fn connect(address: SocketAddr, options: &[&str], prefix: &str) -> Self {
        let mut child = Command::new("s3270")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests drive s3270; type: sudo apt-get install -y s3270");
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut emulator = Self { child, input, output };
        emulator.act(&format!("Connect({prefix}{address})"));
        emulator
    }

    /// Carries an action out: the lines it answers, and the status line.
    pub fn act(&mut self, action: &str) -> (Vec<String>, String) {
        writeln!(self.input, "{action}").unwrap();
        let (mut data, mut status) = (Vec::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "s3270 is gone after {action}");
            match line.trim_end_matches('\n') {
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

    /// Waits until some row has that in it; answers the screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let screen = self.screen();
            if screen.iter().any(|row| row.contains(text)) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {text:?} in\n{}", screen.join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub fn type_line(&mut self, text: &str) {
        self.act("Wait(10,Unlock)");
        self.act(&format!("String(\"{text}\")"));
        self.press("Enter()");
    }

    /// Presses a key of line mode, again if CP was too far behind to accept it, as a person would.
    #[track_caller]
    pub fn press(&mut self, key: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            self.act("Wait(10,Unlock)");
            self.act(key);
            self.act("Wait(10,Unlock)");
            if !self.is_refused() {
                return;
            }
            // It shows for three seconds: what stands there after the next key is about that one.
            while self.is_refused() {
                assert!(Instant::now() < deadline, "{key} is not accepted");
                std::thread::sleep(Duration::from_millis(20));
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
        self.act("Wait(10,Unlock)");
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
