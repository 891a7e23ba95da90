//! Connections that open, type and drop, many at once and over and over: nothing may be left of them.
//!
//! The suite does it for a few seconds; `CP64_SOAK_SECONDS=600 CP64_SOAK_CONNECTIONS=2000 cargo test -p console --test soak -- --nocapture` for as long
//! and with as many as wanted.

mod fake;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fake::System;
use rustix::process::{Resource, getrlimit, setrlimit};

/// What this process, which is both ends of every connection, may have more of afterwards, in KiB.
const GROWTH: u64 = 48 << 10;
/// Connections that do not log on at a time: one address may have no more that wait.
const STRANGERS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Waits for that text on a Telnet of lines.
fn see(stream: &mut TcpStream, text: &str) {
    let (mut shown, mut bytes) = (Vec::new(), [0; 2048]);
    let deadline = Instant::now() + PATIENCE;
    while !shown.windows(text.len()).any(|part| part == text.as_bytes()) {
        assert!(Instant::now() < deadline, "no {text:?} in {:?}", String::from_utf8_lossy(&shown));
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "the line was cut after {:?}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&bytes[..count]);
    }
}

/// Somebody who logs on by lines and types something.
fn somebody(address: SocketAddr, userid: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
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
fn round(address: SocketAddr, count: usize) {
    const THREADS: usize = 8;
    let held: Vec<TcpStream> = thread::scope(|scope| {
        let begin =
            |first: usize| scope.spawn(move || (first..count).step_by(THREADS).map(|n| somebody(address, &format!("S{n:04}"))).collect());
        let begun: Vec<_> = (0..THREADS).map(begin).collect();
        begun.into_iter().flat_map(|thread| -> Vec<TcpStream> { thread.join().unwrap() }).collect()
    });
    let strangers: Vec<TcpStream> = (0..STRANGERS).map(|which| stranger(address, which)).collect();
    drop((held, strangers));
}

/// Waits until no more descriptors are open than before.
fn settle(most: usize) {
    let deadline = Instant::now() + PATIENCE;
    while descriptors() > most {
        assert!(Instant::now() < deadline, "{} descriptors are open, {most} were before", descriptors());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_left_of_connections_that_open_type_and_drop() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let (seconds, count) = (number("CP64_SOAK_SECONDS", 3), number("CP64_SOAK_CONNECTIONS", 100) as usize);
    let system = System::start();
    let address = system.listen_for_3270();
    let before = descriptors();
    // What is made once for each user is there after the first round, and what the allocator keeps after the second.
    round(address, count);
    settle(before);
    round(address, count);
    settle(before);
    let (begun, resident_before, mut rounds) = (Instant::now(), resident(), 2);
    while begun.elapsed() < Duration::from_secs(seconds) {
        round(address, count);
        settle(before);
        rounds += 1;
    }
    let after = resident();
    println!("{} connections in {rounds} rounds; resident {resident_before} KiB before, {after} KiB after", rounds * count);
    assert!(after < resident_before + GROWTH, "{resident_before} KiB were resident, {after} KiB are");
}
