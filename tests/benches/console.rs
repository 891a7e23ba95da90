//! The console from elsewhere: what CP-64 adds to a keystroke over SSH, how fast output drains, and what an idle terminal costs.
//!
//! The baseline is OpenSSH's own server on the same host: to `cat` for keystrokes, and `cat` of a file for output (`apt-get install -y
//! openssh-server`). The operator screen's processor time at 10,000 machines is `screen_cpu_pct` of the benchmark `storm`.

#[path = "common/mod.rs"]
mod common;
#[path = "../../console/tests/openssh/mod.rs"]
mod openssh;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use common::{figure, many_files};
use openssh::Server;
use tests::{System, Terminal};

/// Keys pressed one after the other.
const KEYS: usize = 400;
/// Lines drained, and bytes of each with its end: 100 MB.
const LINES: usize = 100_000;
const LINE: usize = 1000;
/// Terminals that do nothing.
const IDLE: usize = 2000;

/// A system with SSH, OpenSSH's server, and a key that both know.
struct Servers {
    system: System,
    key: PathBuf,
    ours: u16,
    theirs: Server,
}

impl Servers {
    fn new() -> Self {
        let system = System::start_with(&["--ssh", "127.0.0.1:0"]);
        let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
        let line = operator.until("SSH is served at ");
        let ours =
            line.rsplit("served at ").next().and_then(|rest| rest.split(';').next()?.rsplit(':').next()?.parse().ok()).expect("a port");
        let room = system.directory().to_path_buf();
        let key = room.join("key");
        openssh::key_pair(&key, "typist");
        let public = key.with_extension("pub");
        system.cp64(&["user", "key", "add", "CMSUSER", &public.display().to_string()], b"").succeeded();
        let theirs = Server::start(&room, &public, "");
        Self { system, key, ours, theirs }
    }

    fn ssh(&self, port: u16, user: &str, arguments: &[&str]) -> Command {
        let mut command = openssh::client_with_key(port, self.system.directory(), &self.key);
        command.args(["-tt", &format!("{user}@127.0.0.1")]).args(arguments);
        command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

/// A terminal over SSH.
struct Typist {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Typist {
    fn new(mut command: Command, until: &str) -> Self {
        let mut child = command.spawn().expect("ssh");
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut typist = Self { child, input, output };
        typist.see(until.as_bytes());
        typist
    }

    fn see(&mut self, wanted: &[u8]) {
        let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
        while !seen.windows(wanted.len().max(1)).any(|part| part == wanted) && !wanted.is_empty() {
            let count = self.output.read(&mut bytes).expect("a pipe");
            assert!(count > 0, "the session ended");
            seen.extend_from_slice(&bytes[..count]);
        }
    }

    /// Milliseconds from each key to its echo, sorted.
    fn echoes(&mut self) -> Vec<f64> {
        let mut times: Vec<f64> = (0..KEYS)
            .map(|number| {
                // A person's pace, so that no two keys are under way together; a new line now and then.
                std::thread::sleep(Duration::from_millis(20));
                let key = b'a' + (number % 26) as u8;
                let start = Instant::now();
                self.input.write_all(&[key]).expect("a pipe");
                self.see(&[key]);
                let time = start.elapsed().as_secs_f64() * 1e3;
                if number % 50 == 49 {
                    // Ctrl-U: the line editor and the host's terminal forget the line.
                    self.input.write_all(&[0x15]).expect("a pipe");
                    std::thread::sleep(Duration::from_millis(100));
                    self.input.write_all(b"~").expect("a pipe");
                    self.see(b"~");
                    self.input.write_all(&[0x15]).expect("a pipe");
                    std::thread::sleep(Duration::from_millis(100));
                }
                time
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds until `bytes` bytes of output have come.
fn drained(mut command: Command, bytes: usize) -> f64 {
    let start = Instant::now();
    let mut child = command.spawn().expect("ssh");
    let mut output = child.stdout.take().expect("a pipe");
    let (mut seen, mut piece) = (0, vec![0; 64 << 10]);
    while seen < bytes {
        let count = output.read(&mut piece).expect("a pipe");
        assert!(count > 0, "{seen} of {bytes} bytes came");
        seen += count;
    }
    let time = start.elapsed().as_secs_f64();
    let _ = child.kill();
    let _ = child.wait();
    time
}

/// Resident storage of a process in KiB.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn main() {
    many_files();
    let servers = Servers::new();
    let system = &servers.system;
    let exec = format!("/* */\nline = copies('x', {})\ndo {LINES}\nsay line\nend\n", LINE - 1);
    system.disk_put("CMSUSER", "POUR", "EXEC", exec.as_bytes()).succeeded();

    let theirs = Typist::new(servers.ssh(servers.theirs.port, &openssh::account(), &["echo there; exec cat"]), "there").echoes();
    let ours = Typist::new(servers.ssh(servers.ours, "cmsuser", &[]), "Ready;").echoes();
    for (name, at) in [("p50", KEYS / 2), ("p99", KEYS * 99 / 100)] {
        figure(&format!("ssh_echo_openssh_ms_{name}"), theirs[at], "ms", None);
        figure(&format!("ssh_echo_ms_{name}"), ours[at], "ms", Some((&format!("ssh_echo_openssh_ms_{name}"), theirs[at])));
        figure(&format!("ssh_echo_added_ms_{name}"), ours[at] - theirs[at], "ms", None);
    }
    system.cp("FORCE CMSUSER").succeeded();

    let file = system.directory().join("poured");
    std::fs::write(&file, [&vec![b'x'; LINE - 1][..], b"\n"].concat().repeat(LINES)).expect("room");
    let bytes = LINE * LINES;
    let cat = drained(servers.ssh(servers.theirs.port, &openssh::account(), &[&format!("cat {}", file.display())]), bytes);
    let pour = drained(servers.ssh(servers.ours, "cmsuser", &["pour"]), bytes);
    figure("drain_openssh_s", cat, "s", None);
    figure("drain_s", pour, "s", None);
    figure("drain_ratio", pour / cat, "x", None);

    let users = system.add_users(IDLE);
    for user in &users {
        system.cp(&format!("XAUTOLOG {user}")).succeeded();
    }
    let ready = || system.cp_says("QUERY USERS").split_whitespace().next().and_then(|count| count.parse().ok()).unwrap_or(0);
    while ready() < IDLE {
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(Duration::from_secs(3));
    let before = resident(system.pid());
    let terminals: Vec<_> = users.iter().map(|user| Terminal::log_on(&system.socket(), user)).collect();
    std::thread::sleep(Duration::from_secs(3));
    figure("idle_console_kib", (resident(system.pid()) - before) / IDLE as f64, "KiB", None);
    drop(terminals);
}
