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
        Self::with(&[])
    }

    /// The same with more options of a start.
    fn with(options: &[&str]) -> Self {
        let system = System::start_with(&[&["--ssh", "127.0.0.1:0"], options].concat());
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

    /// Lets CMSUSER log on with the key.
    fn know_key(&self) {
        let public = self.key.with_extension("pub").display().to_string();
        self.system.cp64(&["user", "key", "add", "CMSUSER", &public], b"").succeeded();
    }

    /// What is on record.
    fn record(&self) -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(self.system.directory().join("audit.log")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
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
}

#[test]
fn who_came_what_was_issued_and_who_was_refused_is_on_record() {
    let served = Served::new();
    served.run(&[], "");
    served.know_key();
    let lines = "#cp query userid\n#cp link maint 190 1190 rr sesame\n#cp shutdown\n#cp sesame\ncp query time\n";
    served.run(&[], lines);
    served.system.cp64(&["cp", "query", "names"], b"").succeeded();
    let mut maint = served.system.log_on("MAINT");
    maint.command("force nobody");
    maint.type_line("#CP DISCONNECT");
    maint.ending();
    let record = wait_for("the disconnect", || {
        let record = served.record();
        record.iter().any(|kept| kept["event"] == "disconnect" && kept["userid"] == "MAINT").then_some(record)
    });
    let has = |fields: &[(&str, &str)]| record.iter().any(|kept| fields.iter().all(|(name, value)| kept[name] == *value));
    for fields in [
        &[("event", "refused"), ("userid", "CMSUSER"), ("from", "127.0.0.1"), ("how", "publickey")][..],
        &[("event", "accepted"), ("userid", "CMSUSER"), ("from", "127.0.0.1"), ("how", "publickey")],
        &[("event", "logon"), ("userid", "CMSUSER")],
        &[("event", "logoff"), ("userid", "CMSUSER")],
        &[("event", "command"), ("userid", "CMSUSER"), ("from", "console"), ("command", "QUERY"), ("class", "ANY")],
        &[("event", "command"), ("userid", "CMSUSER"), ("from", "console"), ("command", "LINK"), ("class", "G")],
        &[("event", "command-refused"), ("userid", "CMSUSER"), ("from", "console"), ("command", "SHUTDOWN"), ("class", "A")],
        &[("event", "command"), ("userid", "OPERATOR"), ("from", "host"), ("command", "QUERY"), ("class", "ANY")],
        // CMS passed it on: a program's, kept because not everybody may.
        &[("event", "command"), ("userid", "MAINT"), ("from", "program"), ("command", "FORCE"), ("class", "A")],
    ] {
        assert!(has(fields), "{fields:?} in {record:#?}");
    }
    let text = std::fs::read_to_string(served.system.directory().join("audit.log")).unwrap();
    assert!(!text.to_lowercase().contains("sesame"), "no operand, and nothing that may be a password: {text}");
}

/// The codes of the authenticator that holds this secret, now and half a minute later.
fn codes_of(secret: &str) -> [String; 2] {
    let secret = totp_rs::Secret::Encoded(secret.into()).to_bytes().expect("base 32");
    let codes = totp_rs::TOTP::new(totp_rs::Algorithm::SHA1, 6, 0, 30, secret).expect("long enough");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    [now, now + 30].map(|time| codes.generate(time))
}

/// Logs CMSUSER on by a Telnet of lines with that typed as password; answers what is shown.
fn by_telnet(address: SocketAddr, password: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(tests::PATIENCE)).unwrap();
    let (mut shown, mut seen) = (String::new(), 0);
    // What is shown behind the last text up to and with one of these.
    let mut see = |stream: &mut std::net::TcpStream, texts: &[&str]| loop {
        let found = texts.iter().filter_map(|text| shown[seen..].find(text).map(|at| seen + at + text.len())).min();
        if let Some(end) = found {
            let from = std::mem::replace(&mut seen, end);
            return shown[from..end].to_string();
        }
        let mut bytes = [0; 2000];
        let count = stream.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: none of {texts:?} in {shown}"));
        assert!(count > 0, "none of {texts:?} in {shown}");
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
    };
    // It is no 3270: WONT TN3270E, WONT TERMINAL-TYPE.
    stream.write_all(&[255, 252, 40, 255, 252, 24]).unwrap();
    see(&mut stream, &["Enter LOGON userid"]);
    stream.write_all(b"LOGON CMSUSER\r\n").unwrap();
    see(&mut stream, &["Enter your password"]);
    stream.write_all(format!("{password}\r\n").as_bytes()).unwrap();
    see(&mut stream, &["LOGON AT", "RECONNECTED AT", "HCPLGA050E LOGON unsuccessful--"]) + &see(&mut stream, &["\n"])
}

#[test]
fn a_user_with_an_authenticator_logs_on_with_a_code_at_every_door() {
    let served = Served::with(&["--tn3270", "127.0.0.1:0"]);
    served.know_key();
    served.system.cp64(&["user", "password", "CMSUSER"], b"sesame\n").succeeded();
    let made = served.system.cp64(&["user", "totp", "CMSUSER"], b"").succeeded();
    let secret = made.output.lines().nth(1).unwrap().to_string();
    assert_line(&made.output, &format!("^otpauth://totp/CP64:CMSUSER\\?secret={secret}&issuer=CP64&algorithm=SHA1&digits=6&period=30$"));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(served.system.directory().join("totp/CMSUSER")).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "its owner's alone");
    let answers = served.system.directory().join("answers");
    let with_code = |code: &str| {
        std::fs::write(&answers, format!("#!/bin/sh\necho {code}\n")).unwrap();
        std::fs::set_permissions(&answers, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mut ssh = openssh::client(served.address.port(), served.system.directory());
        ssh.args(["-o", "NumberOfPasswordPrompts=1", "-i"])
            .arg(&served.key)
            .env("SSH_ASKPASS", &answers)
            .env("SSH_ASKPASS_REQUIRE", "force");
        ssh.args(["cmsuser@127.0.0.1", "query userid"]).output().unwrap()
    };
    let [now, next] = codes_of(&secret);
    assert_eq!(with_code("000000").status.code(), Some(255));
    let done = with_code(&now);
    assert_line(&text(&done.stdout), "^CMSUSER +AT CP64");
    assert_eq!(with_code(&now).status.code(), Some(255), "a code is right once");
    assert_eq!(served.run(&[], "").status.code(), Some(255), "the key alone is not enough");
    // A front end with one field: the code stands behind the password.
    let mut operator = Terminal::observe(&served.system.socket(), "OPERATOR");
    let line = operator.until("3270 terminals are served at ");
    let address = Regex::new(r"served at (\S+)").unwrap().captures(line.trim_end()).unwrap()[1].parse().unwrap();
    assert!(by_telnet(address, "sesame").contains("type your one-time code directly behind the password"));
    for wrong in [format!("sesame{now}"), format!("wrong{next}")] {
        assert!(by_telnet(address, &wrong).contains("incorrect userid and/or password"), "{wrong}");
    }
    assert!(by_telnet(address, &format!("sesame{next}")).contains("LOGON AT"));
    // The terminal that goes leaves the machine; whoever takes it over shows a proof as well.
    served.system.cp64(&["user", "totp", "CMSUSER", "--off"], b"").succeeded();
    served.system.cp64(&["user", "totp", "CMSUSER", "--off"], b"").failed(1);
    wait_for("the terminal is gone", || served.system.cp_says("QUERY NAMES").contains("CMSUSER  - DSC").then_some(()));
    assert_line(&text(&served.run(&["query userid"], "").stdout), "^CMSUSER +AT CP64");
}

#[test]
fn keys_and_codes_of_a_removed_user_are_nobodys() {
    let served = Served::new();
    let public = served.key.with_extension("pub").display().to_string();
    let user = |arguments: &[&str]| served.system.cp64(&[&["user"], arguments].concat(), b"");
    user(&["add", "PETER", "--cylinders", "0"]).succeeded();
    user(&["key", "add", "PETER", &public]).succeeded();
    user(&["totp", "PETER"]).succeeded();
    user(&["remove", "PETER"]).succeeded();
    user(&["totp", "PETER"]).failed(1);
    user(&["add", "PETER", "--cylinders", "0"]).succeeded();
    assert_eq!(user(&["key", "list", "PETER"]).succeeded().output, "");
    user(&["totp", "PETER", "--off"]).failed(1);
}

#[test]
fn a_terminal_at_which_nobody_types_ends_and_so_does_every_connection() {
    let served = Served::with(&["--ssh-idle", "4s", "--ssh-absolute", "7s"]);
    served.know_key();
    let begun = std::time::Instant::now();
    let quiet = served.ssh(&["-tt"]).env("TERM", "xterm").spawn().unwrap();
    assert!(quiet.wait_with_output().unwrap().status.code().is_some());
    assert!(begun.elapsed() >= std::time::Duration::from_secs(4));
    wait_for("the user is disconnected", || served.system.cp_says("QUERY NAMES").contains("CMSUSER  - DSC").then_some(()));
    // Somebody who types is not idle, and goes all the same when the time is over.
    let begun = std::time::Instant::now();
    let mut busy = served.ssh(&["-tt"]).env("TERM", "xterm").spawn().unwrap();
    let mut input = busy.stdin.take().unwrap();
    let mut output = busy.stdout.take().unwrap();
    let read = std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let status = loop {
        assert!(begun.elapsed() < tests::PATIENCE, "the connection goes on");
        if let Some(status) = busy.try_wait().unwrap() {
            break status;
        }
        let _ = input.write_all(b"x\x08");
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    drop(read.join());
    assert!(begun.elapsed() >= std::time::Duration::from_secs(6), "it ended as idle after {:?}", begun.elapsed());
    assert_ne!(status.code(), Some(0));
    // A time that is none is told before anything starts.
    let refused = tests::Program::cp64(["--system", "/nowhere", "start", "--headless", "--ssh", "127.0.0.1:0", "--ssh-idle", "soon"], b"");
    assert_line(&refused.failed(2).errors, "soon: a time is a number followed by s, m or h");
}

#[test]
fn tab_completes_files_that_nothing_has_shown() {
    let served = Served::new();
    served.know_key();
    served.system.disk_put("CMSUSER", "WEATHER", "REPORT", b"rain\n").succeeded();
    let mut child = served.ssh(&["-tt"]).env("TERM", "xterm").spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 1000];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            if said.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                return;
            }
        }
    });
    let mut seen = String::new();
    let mut until = |wanted: &str, key: &[u8]| {
        wait_for(wanted, || {
            seen.extend(heard.try_iter());
            let end = seen.find(wanted).map(|at| at + wanted.len());
            if let Some(end) = end {
                // What stands behind it may be what the next one is about: a key that was pressed twice completed that, too.
                seen.drain(..end);
            } else if !key.is_empty() {
                input.write_all(key).unwrap();
                // Far longer than an echo takes: pressed twice, it would complete the next word.
                std::thread::sleep(std::time::Duration::from_millis(1500));
            }
            end.map(drop)
        });
        input.write_all(b"").unwrap();
    };
    until("VM>", b"");
    // CP tells the names beside the session: until they are there, the key does nothing.
    until("type wea", b"type wea");
    until("weather ", b"\t");
    until("report ", b"\t");
    until("rain", b"\r");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn logon_here_takes_the_console_over() {
    let served = Served::new();
    served.know_key();
    let session = |arguments: &[&str]| served.ssh(arguments).env("TERM", "xterm").spawn().unwrap();
    let until = |child: &mut std::process::Child, wanted: &str| {
        let (mut seen, mut bytes) = (String::new(), [0; 1000]);
        while !seen.contains(wanted) {
            let count = child.stdout.as_mut().unwrap().read(&mut bytes).unwrap();
            assert!(count > 0, "no {wanted} in {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    let mut first = session(&["-tt"]);
    until(&mut first, "Ready;");
    let refused = session(&["-tt"]).wait_with_output().unwrap();
    assert!(text(&refused.stdout).contains("HCPLGA054E Already logged on"), "{}", text(&refused.stdout));
    let mut second = session(&["-tt", "logon", "here"]);
    until(&mut second, "RECONNECTED AT");
    // The first one is told and gone; the second has the machine.
    assert!(first.wait().unwrap().code().is_some());
    second.stdin.as_mut().unwrap().write_all(b"query userid\r").unwrap();
    until(&mut second, "CMSUSER  AT CP64");
    second.kill().unwrap();
    second.wait().unwrap();
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
