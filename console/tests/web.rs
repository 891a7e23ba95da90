//! The front end for browsers: pages over HTTP, and a console over a WebSocket.

mod fake;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use fake::{CODE, CODED, PASSWORD, System};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, connect};

const LONG: Duration = Duration::from_secs(600);

/// One request on a connection of its own: the answer's head and body.
fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.to_string(), body.to_string())
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn log_on(address: SocketAddr, userid: &str, password: &str) -> (String, String) {
    let origin = format!("http://{address}");
    let form = format!("userid={userid}&password={}", password.replace(' ', "+"));
    ask(address, "POST", "/logon", &[FORM, ("Origin", &origin)], &form)
}

/// The cookie of somebody who logs on.
fn cookie(address: SocketAddr, userid: &str) -> String {
    let (head, _) = log_on(address, userid, PASSWORD);
    assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    let line = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(line.contains("; HttpOnly; SameSite=Strict") && !line.contains("Secure"), "{line}");
    line.split(';').next().unwrap().to_string()
}

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

fn open(address: SocketAddr, cookie: &str, origin: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/console").into_client_request().unwrap();
    request.headers_mut().insert("Origin", origin.parse().unwrap());
    request.headers_mut().insert("Cookie", cookie.parse().unwrap());
    let (socket, _) = connect(request)?;
    let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("it is plain") };
    stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    Ok(socket)
}

/// Waits until that was shown; answers the reason when it is closed before.
fn see(socket: &mut Socket, shown: &mut String, text: &str) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !shown.contains(text) {
        assert!(Instant::now() < deadline, "no {text:?} in {shown:?}");
        match socket.read() {
            Ok(Message::Binary(bytes)) => shown.push_str(&String::from_utf8_lossy(&bytes)),
            Ok(Message::Close(frame)) => {
                return Err(frame.map_or_else(String::new, |frame| format!("{} {}", u16::from(frame.code), frame.reason)));
            }
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

#[test]
fn a_person_logs_on_and_has_a_console_in_the_page() {
    let system = System::start();
    // The program shows its arguments and its terminal, then what is typed.
    let address = system.listen_for_browsers("/bin/sh", &["-c", "echo for $0 $1; read line; stty size; echo got $line", "client"], LONG);
    let (head, page) = ask(address, "GET", "/", &[], "");
    assert!(head.contains("content-security-policy: default-src 'none'") && head.contains("x-frame-options: DENY"), "{head}");
    // With "no-referrer" a browser says that our own form comes from nowhere.
    assert!(head.contains("referrer-policy: same-origin"), "{head}");
    assert!(page.contains("name=\"password\"") && !page.contains("xterm"));
    for (path, has) in [
        ("/xterm.js", "Terminal"),
        ("/addon-fit.js", "FitAddon"),
        ("/xterm.css", ".xterm"),
        ("/console.js", "WebSocket"),
        ("/licenses", "MIT"),
    ] {
        let (head, body) = ask(address, "GET", path, &[], "");
        assert!(head.starts_with("HTTP/1.1 200") && (body.contains(has) || path == "/licenses"), "{path}");
    }
    let cookie = cookie(address, "alan");
    let (_, page) = ask(address, "GET", "/", &[("Cookie", &cookie)], "");
    assert!(page.contains("ALAN at FAKE") && page.contains("/xterm.js"));
    let origin = format!("http://{address}");
    let mut socket = open(address, &cookie, &origin).unwrap();
    let mut shown = String::new();
    see(&mut socket, &mut shown, "for client --here").unwrap();
    socket.send(Message::Text("100x30".into())).unwrap();
    socket.send(Message::Binary(b"hello\n".to_vec().into())).unwrap();
    see(&mut socket, &mut shown, "got hello").unwrap();
    assert!(shown.contains("30 100"), "{shown}");
    assert_eq!(see(&mut socket, &mut shown, "nothing more"), Err("1000 The session is over".into()));
    // Logged off, the cookie is worth nothing.
    let (head, _) = ask(address, "POST", "/logoff", &[("Cookie", &cookie), ("Origin", &origin)], "");
    assert!(head.starts_with("HTTP/1.1 303") && head.contains("Max-Age=0"), "{head}");
    assert!(open(address, &cookie, &origin).is_err());
    assert!(ask(address, "GET", "/", &[("Cookie", &cookie)], "").1.contains("name=\"password\""));
}

#[test]
fn strangers_other_pages_and_guessers_get_nothing() {
    let system = System::start();
    let address = system.listen_for_browsers("/bin/echo", &[], LONG);
    let origin = format!("http://{address}");
    let (head, page) = log_on(address, "ALAN", "wrong");
    assert!(head.starts_with("HTTP/1.1 401") && page.contains("HCPLGA050E") && !head.contains("set-cookie"), "{head}");
    let form = format!("userid=ALAN&password={}", PASSWORD.replace(' ', "+"));
    for headers in [&[FORM][..], &[FORM, ("Origin", "http://evil.example")], &[FORM, ("Origin", "null")]] {
        assert!(ask(address, "POST", "/logon", headers, &form).0.starts_with("HTTP/1.1 403"));
    }
    let cookie = cookie(address, "ALAN");
    assert!(open(address, &cookie, "http://evil.example").is_err());
    assert!(open(address, "cp64=0123456789abcdef", &origin).is_err());
    // Names that are none, forms that are none, requests that are none.
    assert!(log_on(address, "%3Cscript%3E", PASSWORD).0.starts_with("HTTP/1.1 401"));
    assert!(ask(address, "POST", "/logon", &[FORM, ("Origin", &origin)], &"x".repeat(100_000)).0.starts_with("HTTP/1.1 4"));
    assert!(ask(address, "GET", "/../etc/passwd", &[], "").0.starts_with("HTTP/1.1 404"));
    let mut garbage = TcpStream::connect(address).unwrap();
    garbage.write_all(&[0xff; 3000]).unwrap();
    // The user is locked after so many failures, for the right password too.
    for _ in 0..10 {
        log_on(address, "GRACE", "wrong");
    }
    assert!(log_on(address, "GRACE", PASSWORD).0.starts_with("HTTP/1.1 401"));
    assert!(log_on(address, "ALAN", PASSWORD).0.starts_with("HTTP/1.1 303"), "others are not");
}

#[test]
fn a_user_with_an_authenticator_types_a_code_too_once() {
    let system = System::start();
    let address = system.listen_for_browsers("/bin/echo", &[], LONG);
    let origin = format!("http://{address}");
    let log_on = |password: &str, code: &str| {
        let form = format!("userid={CODED}&password={}&code={code}", password.replace(' ', "+"));
        ask(address, "POST", "/logon", &[FORM, ("Origin", &origin)], &form)
    };
    let (head, page) = log_on(PASSWORD, "");
    assert!(head.starts_with("HTTP/1.1 401") && page.contains("type your one-time code too"), "{head}");
    assert!(log_on(PASSWORD, "000000").0.starts_with("HTTP/1.1 401"));
    assert!(log_on("wrong", CODE).0.starts_with("HTTP/1.1 401"), "and the code is still good");
    assert!(log_on(PASSWORD, CODE).0.starts_with("HTTP/1.1 303"));
    let (head, _) = log_on(PASSWORD, CODE);
    assert!(head.starts_with("HTTP/1.1 401") && !head.contains("set-cookie"), "{head}");
}

#[test]
fn a_paste_of_a_megabyte_arrives_and_silence_ends_the_visit() {
    let system = System::start();
    let counted = "stty raw -echo; printf ready; head -c 1048576 | wc -c; sleep 600";
    let address = system.listen_for_browsers("/bin/sh", &["-c", counted], Duration::from_secs(10));
    let cookie = cookie(address, "ALAN");
    let mut socket = open(address, &cookie, &format!("http://{address}")).unwrap();
    socket.set_config(|config: &mut WebSocketConfig| config.max_write_buffer_size = usize::MAX);
    let mut shown = String::new();
    see(&mut socket, &mut shown, "ready").unwrap();
    for _ in 0..64 {
        socket.send(Message::Binary(vec![b'x'; 16 << 10].into())).unwrap();
    }
    see(&mut socket, &mut shown, "1048576").unwrap();
    let ended = see(&mut socket, &mut shown, "nothing more").unwrap_err();
    assert!(ended.starts_with("4001 "), "{ended}");
    assert!(ask(address, "GET", "/", &[("Cookie", &cookie)], "").1.contains("name=\"password\""));
}
