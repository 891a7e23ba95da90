//! OpenSSH as people have it: key pairs, the client, and the server of the host.
#![allow(dead_code)]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Makes a key pair: `path`, and beside it `path.pub`.
pub fn key_pair(path: &Path, comment: &str) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path).status();
    assert!(made.expect("these tests drive OpenSSH; type: sudo apt-get install -y openssh-client").success());
}

/// The client of somebody who has no settings and no agent, and believes every host. Whom to be and what to ask for is still to be added.
pub fn client(port: u16, room: &Path) -> Command {
    let mut command = Command::new("ssh");
    command.args(["-F", "none", "-p", &port.to_string()]).env_remove("SSH_AUTH_SOCK");
    for option in ["StrictHostKeyChecking=no", "LogLevel=ERROR", "IdentitiesOnly=yes"] {
        command.args(["-o", option]);
    }
    command.arg("-o").arg(format!("UserKnownHostsFile={}", room.join("known").display()));
    command
}

/// The client of somebody who has this key and types nothing.
pub fn client_with_key(port: u16, room: &Path, key: &Path) -> Command {
    let mut command = client(port, room);
    command.args(["-o", "BatchMode=yes", "-i"]).arg(key);
    command
}

/// OpenSSH's own server, until it is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts it, with its files in `room`, for the account of this program and whoever has the key; `more` is the rest of its settings.
    pub fn start(room: &Path, public_key: &Path, more: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let key = room.join("hosts_own_key");
        key_pair(&key, "host");
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             AuthorizedKeysFile {}\n{more}",
            key.display(),
            public_key.display(),
        );
        std::fs::write(room.join("sshd_config"), settings).unwrap();
        // sshd of root wants this folder; the service makes it when it starts.
        let _ = std::fs::create_dir_all("/run/sshd");
        let child = Command::new("/usr/sbin/sshd").args(["-D", "-e", "-f"]).arg(room.join("sshd_config")).stderr(Stdio::null()).spawn();
        let server = Self { child: child.expect("OpenSSH's server is wanted; type: sudo apt-get install -y openssh-server"), port };
        let deadline = Instant::now() + Duration::from_secs(90);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The account that this program runs in.
pub fn account() -> String {
    let named = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8_lossy(&named.stdout).trim().to_string()
}
