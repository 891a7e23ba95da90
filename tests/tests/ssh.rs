//! Users over SSH: the real OpenSSH client against the real program.

#[path = "../../console/tests/openssh/mod.rs"]
mod openssh;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use openssh::Server;
use regex::Regex;
use tests::{System, Terminal, assert_line, wait_for};

/// A system that serves SSH, and a key pair that CMSUSER may log on with.
struct Served {
    system: System,
    address: SocketAddr,
    key: PathBuf,
}

impl Served {
    fn new() -> Self {
        let system = System::start_with(&["--ssh", "127.0.0.1:0"]);
        let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
        let line = operator.until("SSH is served at ");
        let found = Regex::new(r"served at (\S+); the host key is SHA256:\S+$").unwrap();
        let address = found.captures(line.trim_end()).unwrap_or_else(|| panic!("{line}"))[1].parse().expect("an address");
        let key = system.directory().join("somebodys_key");
        openssh::key_pair(&key, "alan@home");
        Self { system, address, key }
    }

    fn ssh(&self, arguments: &[&str]) -> Command {
        let mut command = openssh::client_with_key(self.address.port(), self.system.directory(), &self.key);
        command.arg("cmsuser@127.0.0.1").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.ssh(arguments).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        child.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\r', "")
}

#[test]
fn a_key_logs_on_and_scripts_work_as_from_a_pipe() {
    let served = Served::new();
    let public = served.key.with_extension("pub");
    assert_eq!(served.run(&[], "").status.code(), Some(255), "nobody knows the key");
    let added = served.system.cp64(&["user", "key", "add", "CMSUSER", &public.display().to_string()], b"").succeeded();
    assert_line(&added.output, "^CMSUSER may log on with SHA256:");
    let done = served.run(&[], "query userid\nlistfile\n");
    let shown = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{shown}{}", text(&done.stderr));
    assert_line(&shown, "^CMSUSER +AT CP64");
    assert_line(&shown, "^LOGOFF AT ");
    assert_line(&text(&served.run(&["query", "time"], "").stdout), "^TIME IS ");
    // Taken away, it is worth nothing.
    let listed = served.system.cp64(&["user", "key", "list", "CMSUSER"], b"").succeeded();
    assert_line(&listed.output, r"^SHA256:\S+ ssh-ed25519 alan@home$");
    let fingerprint = listed.output.split_whitespace().next().unwrap().to_string();
    served.system.cp64(&["user", "key", "remove", "CMSUSER", &fingerprint], b"").succeeded();
    assert_eq!(served.run(&[], "").status.code(), Some(255));
    // It is all on record.
    let log = std::fs::read_to_string(served.system.directory().join("audit.log")).unwrap();
    let events: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let has =
        |event: &str, from: &str| events.iter().any(|kept| kept["event"] == event && kept["userid"] == "CMSUSER" && kept["from"] == from);
    assert!(has("accepted", "127.0.0.1"), "{log}");
    assert!(events.iter().any(|kept| kept["event"] == "logon" && kept["userid"] == "CMSUSER"), "{log}");
}

#[test]
fn a_terminal_that_is_cut_disconnects_the_user() {
    let served = Served::new();
    let public = served.key.with_extension("pub");
    served.system.cp64(&["user", "key", "add", "CMSUSER", &public.display().to_string()], b"").succeeded();
    let mut child = served.ssh(&["-tt"]).env("TERM", "xterm").spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = String::new();
    let mut until = |wanted: &str| {
        while !seen.contains(wanted) {
            let mut bytes = [0; 1000];
            let count = output.read(&mut bytes).unwrap();
            assert!(count > 0, "no {wanted} in {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        seen.clear();
    };
    until("Ready;");
    input.write_all(b"query userid\r").unwrap();
    until("CMSUSER  AT CP64");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("the user is disconnected", || served.system.cp_says("QUERY NAMES").contains("CMSUSER  - DSC").then_some(()));
}

#[test]
fn keys_that_are_none_are_refused() {
    let served = Served::new();
    let refused = served.system.cp64(&["user", "key", "add", "CMSUSER"], b"this is no key\n").failed(1);
    assert_line(&refused.errors, "no public key of OpenSSH");
    let refused = served.system.cp64(&["user", "key", "add", "NOBODY"], b"x y\n").failed(1);
    assert_line(&refused.errors, "NOBODY is not in the directory");
    served.system.cp64(&["user", "key", "add", "CMSUSER"], b"").failed(1);
    served.system.cp64(&["user", "key", "remove", "CMSUSER", "SHA256:x"], b"").failed(1);
}

#[test]
fn the_hosts_own_ssh_server_leads_to_the_machine_and_nowhere_else() {
    let served = Served::new();
    let (account, room) = (openssh::account(), served.system.directory());
    // As the operators' guide has it.
    let forced = format!(
        "AllowTcpForwarding no\nMatch User {account}\n    ForceCommand {} --system {} logon CMSUSER\n",
        tests::cp64().display(),
        room.display(),
    );
    let server = Server::start(room, &served.key.with_extension("pub"), &forced);
    let mut child = {
        let mut command = openssh::client_with_key(server.port, room, &served.key);
        // Whatever somebody asks for, what runs is the terminal client.
        command.args([&format!("{account}@127.0.0.1"), "sh -c id"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    child.stdin.take().unwrap().write_all(b"query userid\n").unwrap();
    let done = child.wait_with_output().unwrap();
    let shown = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{shown}{}", text(&done.stderr));
    assert_line(&shown, "^CMSUSER +AT CP64");
    assert!(!shown.contains("uid="), "{shown}");
}
