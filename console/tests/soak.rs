//! Connections that open, type and drop, many at once and over and over, at every front end: nothing may be left of them.
//!
//! The suite does it for a few seconds; `CP64_SOAK_SECONDS=600 CP64_SOAK_CONNECTIONS=2000 cargo test -p console --test soak -- --nocapture` for as long
//! and with as many as wanted. Of eight connections two are Telnets of lines, two TN3270E, two local, one SSH and one a browser.

mod fake;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cap::Cap;
use console::frame;
use console::wire::{ClientFrame, FRAME_MAX, Hello, Reply, Request, VERSION};
use fake::{PASSWORD, System};
use russh::client;
use russh::keys::PublicKeyOrCertificate;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client as web_socket};

/// Counts the bytes that this process, which is both ends of every connection, has allocated. Its resident storage is what the C library's allocator
/// keeps besides, and moves with how many threads were busy at once.
#[global_allocator]
static HEAP: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

/// How many more bytes may be allocated for each connection than after the second round: a console has more lines in it at one time than at another,
/// up to a bound.
const GROWTH: usize = 1 << 10;
/// Connections that do not log on at a time: one address may have no more that wait.
const STRANGERS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(90);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Resident storage of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Waits for these bytes.
fn see(stream: &mut impl Read, wanted: impl AsRef<[u8]>) {
    let (wanted, mut shown, mut bytes) = (wanted.as_ref(), Vec::new(), [0; 2048]);
    let deadline = Instant::now() + PATIENCE;
    while !shown.windows(wanted.len()).any(|part| part == wanted) {
        assert!(Instant::now() < deadline, "no {:?} in {:?}", String::from_utf8_lossy(wanted), String::from_utf8_lossy(&shown));
        let count = stream.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: no {wanted:x?} in {shown:x?}"));
        assert!(count > 0, "the line was cut after {shown:x?}");
        shown.extend_from_slice(&bytes[..count]);
    }
}

/// Where everybody connects.
#[derive(Clone)]
struct Doors {
    telnet: SocketAddr,
    socket: PathBuf,
    ssh: SocketAddr,
    web: SocketAddr,
    /// Who is logged on in the browsers.
    cookie: String,
    /// What drives the clients for SSH.
    runtime: Arc<tokio::runtime::Runtime>,
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection; dropped, it is cut.
enum Held {
    Tcp(TcpStream),
    Local(UnixStream),
}

impl Drop for Held {
    fn drop(&mut self) {
        // Others may hold it too, and it may be gone.
        let _ = match self {
            Held::Tcp(stream) => stream.shutdown(std::net::Shutdown::Both),
            Held::Local(stream) => stream.shutdown(std::net::Shutdown::Both),
        };
    }
}

/// Somebody who comes in and types something.
fn somebody(doors: &Doors, number: usize) -> Held {
    let userid = format!("S{number:04}");
    match number % 8 {
        0 | 4 => Held::Tcp(by_lines(doors.telnet, &userid)),
        1 | 5 => Held::Tcp(by_3270(doors.telnet, &userid)),
        2 | 6 => Held::Local(locally(doors, &userid)),
        3 => Held::Tcp(by_ssh(doors)),
        _ => Held::Tcp(in_a_browser(doors)),
    }
}

/// TN3270E without functions, and the logo screen filled in.
fn by_3270(address: SocketAddr, userid: &str) -> TcpStream {
    const IS: u8 = 4;
    let mut stream = connect(address);
    see(&mut stream, [255, 253, 40]);
    stream.write_all(&[255, 251, 40]).unwrap();
    see(&mut stream, [255, 250, 40, 8, 2, 255, 240]);
    stream.write_all(&[&[255, 250, 40, 2, 7][..], b"IBM-3278-2", &[255, 240]].concat()).unwrap();
    see(&mut stream, [255, 250, 40, 2, IS]);
    stream.write_all(&[255, 250, 40, 3, 7, 255, 240]).unwrap();
    let page = console::presentation::CodePage::Cp1047;
    see(&mut stream, page.encode_text("RUNNING"));
    // ENTER, and behind the address of the USERID field, in 14 bits, who it is.
    let [high, low] = (console::presentation::Size::MODEL_2.at(24 - 7, 15) as u16).to_be_bytes();
    let field = [0x11, high, low];
    let typed = [&[0, 0, 0, 0, 0, 0x7d, 0x40, 0x40][..], &field, &page.encode_text(&userid.to_lowercase()), &[255, 239]].concat();
    stream.write_all(&typed).unwrap();
    see(&mut stream, page.encode_text("AT 10:00:00"));
    stream.write_all(&[0, 0, 0, 0, 0, 0x7d, 0x40, 0x40, 0x11]).unwrap();
    stream
}

/// A client at the socket.
fn locally(doors: &Doors, userid: &str) -> UnixStream {
    let mut stream = UnixStream::connect(&doors.socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let logon = console::wire::Logon { here: true, ..fake::logon(userid) };
    stream.write_all(&frame::encode(&Hello { version: VERSION, request: Request::Logon(logon) }).unwrap()).unwrap();
    let mut input = stream.try_clone().unwrap();
    loop {
        match frame::read::<Reply>(&mut input, FRAME_MAX).unwrap().expect("the line was cut") {
            Reply::Output(line) if line.text.contains("AT 10:00:00") => break,
            _ => {}
        }
    }
    let line = |text: &str| frame::encode(&ClientFrame::Line(text.into())).unwrap();
    stream.write_all(&[line("echo hello"), line("count 20"), line("half")[..3].to_vec()].concat()).unwrap();
    stream
}

/// A client that believes every host.
struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// A terminal over SSH.
fn by_ssh(doors: &Doors) -> TcpStream {
    let stream = connect(doors.ssh);
    let held = stream.try_clone().unwrap();
    doors.runtime.block_on(async {
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        let mut handle = client::connect_stream(Arc::new(client::Config::default()), stream, Trusting).await.unwrap();
        assert!(handle.authenticate_password("alan", PASSWORD).await.unwrap().success());
        let mut channel = handle.channel_open_session().await.unwrap();
        channel.request_pty(false, "xterm", 80, 24, 0, 0, &[]).await.unwrap();
        channel.request_shell(false).await.unwrap();
        channel.data(&b"hello\r"[..]).await.unwrap();
        let mut shown = Vec::new();
        while !shown.ends_with(b"hello\r\nhello\r\n") {
            if let russh::ChannelMsg::Data { data } = channel.wait().await.expect("the line was cut") {
                shown.extend_from_slice(&data);
            }
        }
        channel.data(&b"half a li"[..]).await.unwrap();
        // It goes on without anybody who looks, until the connection is cut.
        drop(tokio::spawn(async move {
            while channel.wait().await.is_some() {}
            drop(handle);
        }));
    });
    held
}

/// Logs on in a browser; the cookie.
fn log_on(address: SocketAddr) -> String {
    let mut stream = connect(address);
    let form = format!("userid=ALAN&password={}", PASSWORD.replace(' ', "+"));
    let request = format!(
        "POST /logon HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{answer}"));
    cookie.split(';').next().unwrap().to_string()
}

/// A console in a browser.
fn in_a_browser(doors: &Doors) -> TcpStream {
    let mut request = format!("ws://{}/console", doors.web).into_client_request().unwrap();
    request.headers_mut().insert("Origin", format!("http://{}", doors.web).parse().unwrap());
    request.headers_mut().insert("Cookie", doors.cookie.parse().unwrap());
    let (mut socket, _) = web_socket(request, connect(doors.web)).unwrap();
    socket.send(Message::Binary(b"hello\r".to_vec().into())).unwrap();
    let mut shown = Vec::new();
    while !shown.ends_with(b"hello\r\nhello\r\n") {
        if let Message::Binary(data) = socket.read().unwrap() {
            shown.extend_from_slice(&data);
        }
    }
    socket.get_ref().try_clone().unwrap()
}

/// A Telnet of lines.
fn by_lines(address: SocketAddr, userid: &str) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(&[255, 252, 40, 255, 252, 24]).unwrap();
    see(&mut stream, "Enter LOGON userid");
    stream.write_all(format!("LOGON {userid} HERE\r\n").as_bytes()).unwrap();
    // LOGON AT, or RECONNECTED AT from the second round on.
    see(&mut stream, "AT 10:00:00");
    stream.write_all(b"echo hello\r\ncount 20\r\nhalf a li").unwrap();
    stream
}

/// Somebody who never does: garbage, half a negotiation, silence.
fn stranger(address: SocketAddr, which: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let says: &[u8] = match which % 4 {
        0 => &[255, 251, 40, 255, 250, 40, 2, 7, 73, 66],
        1 => &[0xff; 300],
        2 => b"GET / HTTP/1.1\r\n\r\n",
        _ => &[],
    };
    // It may have been cut already.
    let _ = stream.write_all(says);
    stream
}

/// Opens them all, a few threads at a time, and drops them; some in the middle of what they are sent.
fn round(doors: &Doors, count: usize) {
    // No divisor of the kinds: each thread opens some of each.
    const THREADS: usize = 7;
    let held: Vec<Held> = thread::scope(|scope| {
        let begin = |first: usize| scope.spawn(move || (first..count).step_by(THREADS).map(|number| somebody(doors, number)).collect());
        let begun: Vec<_> = (0..THREADS).map(begin).collect();
        begun.into_iter().flat_map(|thread| -> Vec<Held> { thread.join().unwrap() }).collect()
    });
    let strangers: Vec<TcpStream> = (0..STRANGERS).map(|which| stranger(doors.telnet, which)).collect();
    drop((held, strangers));
}

/// Waits until no more descriptors are open, and no more storage is allocated, than before.
fn settle(most: usize, heap: usize) {
    let deadline = Instant::now() + PATIENCE;
    while descriptors() > most || HEAP.allocated() > heap {
        assert!(
            Instant::now() < deadline,
            "{} descriptors are open and {} bytes allocated; {most} and {heap} were before",
            descriptors(),
            HEAP.allocated()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_left_of_connections_that_open_type_and_drop() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let (seconds, count) = (number("CP64_SOAK_SECONDS", 3), number("CP64_SOAK_CONNECTIONS", 100) as usize);
    let system = System::start();
    let room = tempfile::tempdir().unwrap();
    let web = system.listen_for_browsers("/bin/sh", &["-c", "cat"], Duration::from_secs(86400));
    let doors = Doors {
        telnet: system.listen_for_3270(),
        socket: system.socket.clone(),
        ssh: system.listen_for_ssh(room.path(), "/bin/sh", &["-c", "cat"]),
        web,
        cookie: log_on(web),
        runtime: Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()),
    };
    // What a process opens once is open after one of each.
    drop((0..8).map(|number| somebody(&doors, number)).collect::<Vec<_>>());
    thread::sleep(Duration::from_secs(1));
    let before = descriptors();
    // What is made once for each user is there after the first round, and what the runtimes keep after the second.
    for _ in 0..2 {
        round(&doors, count);
        settle(before, usize::MAX);
        system.clear_log();
    }
    thread::sleep(Duration::from_secs(1));
    let (begun, heap, resident_before, mut rounds) = (Instant::now(), HEAP.allocated(), resident(), 2);
    while begun.elapsed() < Duration::from_secs(seconds) {
        round(&doors, count);
        system.clear_log();
        settle(before, heap + count * GROWTH);
        rounds += 1;
        println!("after round {rounds}: {} KiB allocated, {} KiB resident", HEAP.allocated() >> 10, resident());
    }
    println!(
        "{} connections in {rounds} rounds in {} s; before and after: allocated {} and {} KiB, resident {resident_before} and {} KiB, descriptors {before} and {}",
        rounds * count,
        begun.elapsed().as_secs(),
        heap >> 10,
        HEAP.allocated() >> 10,
        resident(),
        descriptors()
    );
}
