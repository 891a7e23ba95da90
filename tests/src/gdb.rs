//! The gdb of the host, typed at, and the gdb servers of machines.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use console::wire::ConsoleState;

use crate::{PATIENCE, System, Terminal};

const PROMPT: &str = "(gdb) ";

/// A gdb that is typed at.
pub struct Gdb {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    said: String,
}

impl Gdb {
    /// Starts one, without anything to debug yet.
    ///
    /// # Panics
    /// When there is none.
    pub fn start() -> Self {
        // What it complains of is part of what it says.
        let mut command = Command::new("sh");
        command.args(["-c", "exec gdb \"$@\" 2>&1", "gdb"]);
        command.args([
            "-q",
            "-nx",
            "-ex",
            "set pagination off",
            "-ex",
            "set confirm off",
            "-ex",
            "set width 0",
            "-ex",
            "set debuginfod enabled off",
            "-ex",
            "set language c",
        ]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("gdb is needed");
        let input = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut gdb = Self { child, input, output, said: String::new() };
        gdb.prompt();
        gdb
    }

    /// Reads until gdb asks for a command; what it said before.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn prompt(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.said.find(PROMPT) {
                let rest = self.said.split_off(at + PROMPT.len());
                let mut said = std::mem::replace(&mut self.said, rest);
                said.truncate(at);
                return said;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.output.recv_timeout(left) else { panic!("gdb said only {:?}", self.said) };
            self.said.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Gives it a command.
    ///
    /// # Panics
    /// When it is gone.
    pub fn begin(&mut self, command: &str) {
        writeln!(self.input, "{command}").unwrap();
    }

    /// Gives it a command; what it says to that.
    #[track_caller]
    pub fn ask(&mut self, command: &str) -> String {
        self.begin(command);
        self.prompt()
    }

    /// Ctrl-C.
    ///
    /// # Panics
    /// When it is gone.
    pub fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// Kills it, as the kernel would.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn kill(mut self) {
        self.child.kill().expect("gdb runs");
    }

    /// `continue`, until the machine runs.
    ///
    /// # Panics
    /// When it does not.
    pub fn go_on(&mut self, terminal: &mut Terminal) {
        self.begin("continue");
        let deadline = Instant::now() + PATIENCE;
        while !self.said.contains("Continuing.") {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left).expect("gdb says that it continues");
            self.said.push_str(&String::from_utf8_lossy(&bytes));
        }
        terminal.until_state(|state| state != ConsoleState::CpRead);
    }

    /// The same with PCUSER's machine, which waits in a loop. Gdb says that it continues before it takes Ctrl-C and before CP hears of it, and
    /// the terminal may not have been told yet of the stop before: only then is what is typed the machine's.
    pub fn go_on_spinning(&mut self, terminal: &mut Terminal, system: &System) {
        self.go_on(terminal);
        spins(system);
    }
}

impl Drop for Gdb {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until PCUSER's machine, which waits in a loop, has run for a while from now on.
///
/// # Panics
/// When it does not.
pub fn spins(system: &System) {
    let before = system.processor_times()["PCUSER"].0;
    system.wait_until_it_ran("PCUSER", before + 20_000);
}

/// SET GDB ON; where it listens.
///
/// # Panics
/// When CP does not say so.
pub fn server(terminal: &mut Terminal) -> SocketAddr {
    terminal.type_line("set gdb on");
    let said = terminal.until("GDB ON 127.0.0.1:");
    said.lines().rev().find_map(|line| line.strip_prefix("GDB ON ")).unwrap().trim().parse().unwrap()
}
