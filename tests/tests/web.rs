//! A browser and a 3270 by TLS against the real program.

#[path = "../../console/tests/s3270/mod.rs"]
mod s3270;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use regex::Regex;
use s3270::Emulator;
use tests::{System, Terminal, assert_line, wait_for};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, connect};

fn address(operator: &mut Terminal, begins: &str, shape: &str) -> SocketAddr {
    let line = operator.until(begins);
    Regex::new(shape).unwrap().captures(line.lines().last().unwrap()).unwrap_or_else(|| panic!("{line}"))[1].parse().expect("an address")
}

#[test]
fn a_user_logs_on_in_a_browser_and_another_terminal_by_tls_takes_over() {
    let system = System::start_with(&["--web", "127.0.0.1:0", "--tn3270-tls", "127.0.0.1:0"]);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    operator.until("The TLS certificate is SHA256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$");
    let tls = address(&mut operator, "3270 terminals are served by TLS", "TLS at (.+)$");
    let web = address(&mut operator, "Browsers are served", "http://(.+)/$");
    let mode = |name: &str| std::fs::metadata(system.directory().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("tls_key.pem"), mode("tls_certificate.pem")), (0o600, 0o600));
    system.cp64(&["user", "password", "CMSUSER"], b"SECRET\n").succeeded();

    let mut stream = TcpStream::connect(web).unwrap();
    let form = "userid=cmsuser&password=SECRET";
    let request = format!(
        "POST /logon HTTP/1.1\r\nHost: {web}\r\nOrigin: http://{web}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{answer}"));
    let mut request = format!("ws://{web}/console").into_client_request().unwrap();
    request.headers_mut().insert("Origin", format!("http://{web}").parse().unwrap());
    request.headers_mut().insert("Cookie", cookie.split(';').next().unwrap().parse().unwrap());
    let (mut socket, _) = connect(request).unwrap();
    let mut shown = String::new();
    let mut until = |text: &str| {
        let deadline = Instant::now() + tests::PATIENCE;
        while !shown.contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in {shown}");
            match socket.read().unwrap() {
                Message::Binary(bytes) => shown.push_str(&String::from_utf8_lossy(&bytes)),
                Message::Close(frame) => panic!("{frame:?} after {shown}"),
                _ => {}
            }
        }
        socket.send(Message::Binary(b"query userid\r".to_vec().into())).unwrap();
    };
    until("Ready;");
    until("CMSUSER  AT CP64");

    let mut terminal = Emulator::connect(tls, &["-model", "3279-2-E", "-noverifycert"], "L:");
    terminal.wait_for("COMMAND");
    terminal.act("Wait(60,Unlock)");
    terminal.act("String(\"cmsuser\")");
    terminal.act("Tab()");
    terminal.act("String(\"SECRET\")");
    terminal.act("Enter()");
    // The console is the browser's.
    terminal.wait_for("HCPLGA054E");
    drop(socket);
    wait_for("the browser's console is free", || system.cp_says("QUERY NAMES").contains("CMSUSER  - DSC").then_some(()));
    let audit = std::fs::read_to_string(system.directory().join("audit.log")).unwrap();
    assert_line(&audit, r#""event":"accepted".*"userid":"CMSUSER".*|"userid":"CMSUSER".*web password"#);
}

#[test]
fn browsers_of_other_hosts_are_served_by_tls_only() {
    let mut system = System::start();
    system.shut_down();
    let refused = system.cp64(&["start", "--headless", "--web", "0.0.0.0:0"], b"").failed(1);
    assert_line(&refused.errors, "HTTP is not encrypted; serve browsers there with --web-tls$");
    let refused = system
        .cp64(&["start", "--headless", "--web-tls", "127.0.0.1:0", "--tls-certificate", "no.pem", "--tls-key", "no.pem"], b"")
        .failed(1);
    assert_line(&refused.errors, "no.pem");
}
