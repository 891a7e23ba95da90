//! The front end for SSH, driven by the real OpenSSH client.

mod fake;
mod openssh;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use fake::{CODE, CODED, PASSWORD, System};

/// A room with a key pair in it.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        let room = tempfile::tempdir().unwrap();
        openssh::key_pair(&room.path().join("key"), "somebody@somewhere");
        Self(room)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn public_key(&self) -> String {
        std::fs::read_to_string(self.path().join("key.pub")).unwrap()
    }

    /// ssh as somebody with the key, or with a program that answers a password.
    fn ssh(&self, address: SocketAddr, user: &str, password: Option<&str>) -> Command {
        let mut command = match password {
            None => openssh::client_with_key(address.port(), self.path(), &self.path().join("key")),
            Some(password) => {
                let mut command = openssh::client(address.port(), self.path());
                command
                    .args(["-o", "PubkeyAuthentication=no", "-o", "KbdInteractiveAuthentication=no"])
                    .env("SSH_ASKPASS", self.answers(password))
                    .env("SSH_ASKPASS_REQUIRE", "force");
                command
            }
        };
        command.args(["-o", "NumberOfPasswordPrompts=1", &format!("{user}@127.0.0.1")]);
        command
    }

    /// ssh as somebody who answers what is asked: password and code.
    fn ssh_with_answers(&self, address: SocketAddr, user: &str, methods: &str, (password, code): (&str, &str)) -> Command {
        let program = self.path().join(format!("answer-{code}"));
        let script = format!("#!/bin/sh\ncase \"$1\" in *assword*) echo '{password}';; *code*) echo '{code}';; esac\n");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = openssh::client(address.port(), self.path());
        command.arg("-i").arg(self.path().join("key")).env("SSH_ASKPASS", program).env("SSH_ASKPASS_REQUIRE", "force");
        command.args([
            "-o",
            "NumberOfPasswordPrompts=1",
            "-o",
            &format!("PreferredAuthentications={methods}"),
            &format!("{user}@127.0.0.1"),
        ]);
        command
    }

    fn answers(&self, password: &str) -> PathBuf {
        let program = self.path().join(format!("answer-{}", password.len()));
        std::fs::write(&program, format!("#!/bin/sh\necho '{password}'\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        program
    }
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let _ = pipe.write_all(input);
    drop(pipe);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A session that says what it is.
const SHOW: [&str; 2] = ["-c", "echo \"user $0 term $TERM lang $LANG\"; test -t 0 && stty size; cat; exit 7"];

#[test]
fn a_key_or_a_password_lets_in_and_nothing_else_does() {
    let (system, room) = (System::start(), Room::new());
    let address = system.listen_for_ssh(room.path(), "/bin/sh", &SHOW);
    let refused = run(&mut room.ssh(address, "alan", None), b"");
    assert_eq!(refused.status.code(), Some(255), "{}", text(&refused.stderr));
    system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
    let done = run(&mut room.ssh(address, "alan", None), b"some lines\nof a script\n");
    assert_eq!((text(&done.stdout).as_str(), done.status.code()), ("user ALAN term  lang \nsome lines\nof a script\n", Some(7)));
    let done = run(&mut room.ssh(address, "Alan", Some(PASSWORD)), b"x");
    assert!(text(&done.stdout).ends_with("\nx"), "{}", text(&done.stderr));
    let refused = run(&mut room.ssh(address, "alan", Some("wrong")), b"");
    assert_eq!(refused.status.code(), Some(255));
    let log = system.log().join("\n");
    assert!(
        log.contains("ALAN from 127.0.0.1: Accepted(\"publickey\")") && log.contains("ALAN from 127.0.0.1: Refused(\"password\")"),
        "{log}"
    );
}

#[test]
fn a_user_with_an_authenticator_shows_a_code_behind_password_or_key_once() {
    for (methods, method) in [
        ("keyboard-interactive", "keyboard-interactive"),
        ("publickey,keyboard-interactive", "publickey"),
        ("password,keyboard-interactive", "password"),
    ] {
        let (system, room) = (System::start(), Room::new());
        system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
        let address = system.listen_for_ssh(room.path(), "/bin/sh", &SHOW);
        // Wrong, right, and the same again.
        for (code, status) in [("000000", 255), (CODE, 7), (CODE, 255)] {
            let done = run(&mut room.ssh_with_answers(address, CODED, methods, (PASSWORD, code)), b"");
            assert_eq!(done.status.code(), Some(status), "{methods} {code}: {}{}", text(&done.stdout), text(&done.stderr));
        }
        let log = system.log().join("\n");
        for wanted in
            [format!("Accepted(\"{method}\")"), "Accepted(\"one-time code\")".to_string(), "Refused(\"one-time code\")".to_string()]
        {
            assert!(log.contains(&wanted), "{wanted} in {log}");
        }
    }
}

#[test]
fn a_user_without_an_authenticator_types_a_password_and_no_code() {
    let (system, room) = (System::start(), Room::new());
    let address = system.listen_for_ssh(room.path(), "/bin/sh", &SHOW);
    let status = |user: &str, methods: &str, password: &str| {
        run(&mut room.ssh_with_answers(address, user, methods, (password, CODE)), b"").status.code()
    };
    assert_eq!(status("alan", "keyboard-interactive", PASSWORD), Some(7));
    assert_eq!(status("alan", "keyboard-interactive", "wrong"), Some(255));
    // A password alone is not enough for who has one, and no key is no proof at all.
    assert_eq!(status(CODED, "password", PASSWORD), Some(255));
    assert_eq!(status(CODED, "publickey", PASSWORD), Some(255));
}

#[test]
fn a_command_is_a_line_of_a_script() {
    let (system, room) = (System::start(), Room::new());
    let address = system.listen_for_ssh(room.path(), "/bin/sh", &SHOW);
    system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
    let done = run(room.ssh(address, "alan", None).arg("listfile * exec"), b"not this");
    assert!(text(&done.stdout).ends_with("\nlistfile * exec\n"), "{}", text(&done.stdout));
}

#[test]
fn a_terminal_has_its_type_and_size() {
    let (system, room) = (System::start(), Room::new());
    let address = system.listen_for_ssh(room.path(), "/bin/sh", &["-c", "echo \"term $TERM\"; stty size; exit 3"]);
    system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
    let done = run(room.ssh(address, "alan", None).arg("-tt").env("TERM", "vt220"), b"");
    assert!(text(&done.stdout).starts_with("term vt220\r\n"), "{}", text(&done.stdout));
    assert_eq!(done.status.code(), Some(3));
}

#[test]
fn nothing_is_forwarded_and_there_are_no_subsystems() {
    let (system, room) = (System::start(), Room::new());
    let address = system.listen_for_ssh(room.path(), "/bin/sh", &["-c", "sleep 30"]);
    system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
    let refused = run(room.ssh(address, "alan", None).args(["-W", &format!("127.0.0.1:{}", address.port())]), b"SSH");
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{}", text(&refused.stdout));
    let refused = run(room.ssh(address, "alan", None).args(["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9"]), b"");
    assert!(!refused.status.success());
    let refused = run(room.ssh(address, "alan", None).args(["-s", "sftp"]), b"");
    assert!(!refused.status.success());
}

#[test]
fn a_user_whose_password_is_guessed_is_locked_but_not_for_keys() {
    let (system, room) = (System::start(), Room::new());
    let address = system.listen_for_ssh(room.path(), "/bin/sh", &SHOW);
    system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
    for _ in 0..10 {
        assert!(!run(&mut room.ssh(address, "alan", Some("guess")), b"").status.success());
    }
    assert_eq!(run(&mut room.ssh(address, "alan", Some(PASSWORD)), b"").status.code(), Some(255), "right, and too late");
    assert_eq!(run(&mut room.ssh(address, "alan", None), b"").status.code(), Some(7));
}

#[test]
fn the_host_key_stays_and_is_its_owners_alone() {
    let (system, room) = (System::start(), Room::new());
    system.listen_for_ssh(room.path(), "/bin/true", &[]);
    let key = std::fs::read(room.path().join("host_key")).unwrap();
    let mode = std::fs::metadata(room.path().join("host_key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    system.listen_for_ssh(room.path(), "/bin/true", &[]);
    assert_eq!(std::fs::read(room.path().join("host_key")).unwrap(), key);
}

#[test]
fn a_client_that_goes_takes_its_session_with_it() {
    let (system, room) = (System::start(), Room::new());
    system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
    // One that is quiet, and some that never are: it may be what they say or what they hear that notices first.
    for (number, work) in std::iter::once("sleep 0.1").chain(std::iter::repeat_n("echo more", 12)).enumerate() {
        let gone = room.path().join(format!("gone-{number}"));
        let script = format!("trap 'touch {}; exit' HUP; echo here; while :; do {work}; done", gone.display());
        let address = system.listen_for_ssh(room.path(), "/bin/sh", &["-c", &script]);
        let mut child = room.ssh(address, "alan", None).arg("-tt").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut first = [0; 4];
        output.read_exact(&mut first).unwrap();
        let taken = std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        std::thread::sleep(Duration::from_millis(100));
        child.kill().unwrap();
        child.wait().unwrap();
        taken.join().unwrap().unwrap();
        let begun = std::time::Instant::now();
        while !gone.exists() {
            assert!(begun.elapsed() < Duration::from_secs(90), "the session with {work} goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn garbage_harms_nobody() {
    let (system, room) = (System::start(), Room::new());
    let address = system.listen_for_ssh(room.path(), "/bin/sh", &SHOW);
    system.know(&console::ssh::public_key(&room.public_key()).unwrap().0);
    let quiet: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    for begin in [&b"SSH-2.0-x\r\n"[..], b"", b"GET / HTTP/1.1\r\n\r\n", &[0xff; 100]] {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(&[begin, &[0x5a; 5000]].concat());
    }
    drop(quiet);
    assert_eq!(run(&mut room.ssh(address, "alan", None), b"").status.code(), Some(7));
}
