//! The operator screen over a pretended system: `cargo run -p console --example operator_demo -- [MACHINES] [attached]`.
//!
//! Answers the console protocol on a socket in a temporary folder with moving figures and a console that repeats what is typed. For
//! looking at the screen; nothing else uses it.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use console::operator::{self, Options, Word};
use console::picture::tell;
use console::wire::{
    Answer, ClientFrame, ConsoleState, DeviceView, Ending, Hello, Line, LineKind, MachineView, ProcessorView, Reply, Request, Snapshot,
    SpoolView, StorageView, Window,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let machines: u64 = env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(40);
    let folder = env::temp_dir().join(format!("operator-demo-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let socket = folder.join("console");
    let listener = UnixListener::bind(&socket)?;
    let started = Instant::now();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, machines, started));
        }
    });
    let words = [("QUERY", 1), ("MESSAGE", 1), ("DISPLAY", 1), ("DISCONN", 5), ("FORCE", 5), ("SHUTDOWN", 8), ("XAUTOLOG", 8)];
    let options = Options {
        owns_system: env::args().nth(2).is_none(),
        history: Some(folder.join("history")),
        words: words.map(|(name, minimum)| Word { name: name.to_owned(), minimum }).into(),
        help: |name| (name == "QUERY").then(|| "QUERY\n\nShows what there is.\n\nQuery Names".to_owned()),
        ..Options::default()
    };
    let ending = operator::run(&socket, options);
    fs::remove_dir_all(folder)?;
    println!("{ending:?}");
    Ok(())
}

fn receive<T: serde::de::DeserializeOwned>(stream: &mut UnixStream) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    postcard::from_bytes(&body).map_err(io::Error::other)
}

fn send(stream: &mut UnixStream, reply: &Reply) -> io::Result<()> {
    let body = postcard::to_stdvec(reply).map_err(io::Error::other)?;
    stream.write_all(&(body.len() as u32).to_le_bytes())?;
    stream.write_all(&body)
}

fn say(stream: &mut UnixStream, kind: LineKind, text: &str) -> io::Result<()> {
    send(stream, &Reply::Output(Line { text: text.to_owned(), kind }))
}

fn serve(mut stream: UnixStream, machines: u64, started: Instant) -> io::Result<()> {
    match receive::<Hello>(&mut stream)?.request {
        Request::Watch => loop {
            let ClientFrame::Poll(window) = receive::<ClientFrame>(&mut stream)? else { return Ok(()) };
            send(&mut stream, &Reply::Snapshot(Box::new(snapshot(machines, started.elapsed(), &window))))?;
        },
        Request::Logon(logon) => console(&mut stream, logon.userid),
        Request::Command(_) => {
            send(&mut stream, &Reply::Answer(Answer { code: 0, lines: vec!["System shutdown started".into()], json: String::new() }))?;
            thread::sleep(Duration::from_secs(1));
            process::exit(0)
        }
        Request::Punch(_) => Ok(()),
    }
}

fn console(stream: &mut UnixStream, userid: String) -> io::Result<()> {
    send(stream, &Reply::Accepted { system: "CP64DEMO".into(), userid: userid.clone() })?;
    say(stream, LineKind::Cp, "CP-64 0.1.0, built on Linux KVM")?;
    say(stream, LineKind::Cp, &format!("LOGON AT 14:00:00 UTC SUNDAY 11/22/26 - {userid}"))?;
    say(stream, LineKind::Guest, "CMS 0.1.0")?;
    say(stream, LineKind::Guest, "Ready; T=0.01/0.01 14:00:00")?;
    say(stream, LineKind::Message, "14:00:02  * MSG FROM MAINT   : the printer is out of \x1b[31mpaper")?;
    say(stream, LineKind::Warning, "14:00:03  * WNG FROM SYSTEM  : spool space is 90% full")?;
    send(stream, &Reply::State(ConsoleState::VmRead { hidden: false }))?;
    if userid == "OPERATOR" {
        let mut talk = stream.try_clone()?;
        thread::spawn(move || {
            for n in 13.. {
                thread::sleep(Duration::from_secs(7));
                if say(&mut talk, LineKind::Cp, &format!("GRAF L{n:04} LOGON  AS  USER{n:04} USERS = {n}")).is_err() {
                    return;
                }
            }
        });
    }
    loop {
        match receive::<ClientFrame>(stream)? {
            ClientFrame::Line(line) if line == "logoff" => {
                return send(stream, &Reply::Ended(Ending::LoggedOff));
            }
            ClientFrame::Line(line) if line == "secret" => send(stream, &Reply::State(ConsoleState::VmRead { hidden: true }))?,
            ClientFrame::Line(line) => {
                send(stream, &Reply::State(ConsoleState::Running))?;
                for n in 0..line.len() {
                    say(stream, LineKind::Guest, &format!("{n:3} {line}"))?;
                }
                say(stream, LineKind::Guest, "Ready; T=0.01/0.02 14:00:09")?;
                send(stream, &Reply::State(ConsoleState::VmRead { hidden: false }))?;
            }
            ClientFrame::Attention => send(stream, &Reply::State(ConsoleState::CpRead))?,
            _ => {}
        }
    }
}

fn snapshot(machines: u64, up: Duration, window: &Window) -> Snapshot {
    let t = up.as_secs_f32();
    let machine = |n: u64| {
        let busy = n % 7 == 3;
        MachineView {
            userid: match n {
                0 => "OPERATOR".to_owned(),
                1 => "MAINT".to_owned(),
                n => format!("USER{n:04}"),
            },
            state: ["VM READ", "idle", "running", "CP READ", "I/O wait"][(if busy { 2 } else { n * 3 % 5 }) as usize].to_owned(),
            console: match n {
                0 => "SYSC".to_owned(),
                n if n.is_multiple_of(3) => "DSC".to_owned(),
                n => format!("L{n:04}"),
            },
            system: if n % 5 == 4 { String::new() } else { "CMS".to_owned() },
            cpu_percent: if busy { 20.0 + 10.0 * (t + n as f32).sin() } else { 0.0 },
            virtual_us: n * 12_345_678 + if busy { up.as_micros() as u64 / 5 } else { 0 },
            total_us: n * 13_345_678 + if busy { up.as_micros() as u64 / 4 } else { 0 },
            storage: (16 + n % 3 * 16) << 20,
            resident_pages: 40 + n * 13 % 4000,
            share: if n.is_multiple_of(11) { "A5%" } else { "R100" }.to_owned(),
            io: n * 7,
            logged_on: 1_795_000_000,
            trend: (0..window.trend).map(|k| if busy { 20.0 + 15.0 * (t / 2.0 - k as f32 + n as f32).sin() } else { 0.0 }).collect(),
        }
    };
    let mut all: Vec<_> = (0..machines).map(machine).collect();
    all.sort_by(|a, b| a.userid.cmp(&b.userid));
    let processor = |number: u32| ProcessorView {
        number,
        kind: "kvm".to_owned(),
        busy_percent: 50.0 + 45.0 * (t / 3.0 + number as f32).sin(),
        stolen_percent: number as f32 * 2.5,
        running: if number == 0 { "USER0003".to_owned() } else { String::new() },
        trend: Vec::new(),
    };
    let mut snapshot = Snapshot {
        system: "CP64DEMO".to_owned(),
        release: "0.1.0".to_owned(),
        time: format!("14:{:02}:{:02}", up.as_secs() / 60 % 60, up.as_secs() % 60),
        now: 1_795_010_000 + up.as_secs(),
        utc_offset: 0,
        uptime_seconds: up.as_secs(),
        processors: (0..2).map(processor).collect(),
        spool: SpoolView { reader: 12, printer: 3, punch: 0, bytes: 4_400_000, files: Vec::new() },
        devices: vec![DeviceView { number: "000E".into(), kind: "PRT".into(), state: "STARTED".into(), ..Default::default() }],
        storage: StorageView { frames: 262_144, in_use: 110_000, shared: 400 },
        ..Snapshot::default()
    };
    tell(&mut snapshot, &all, window, MachineView::clone);
    snapshot
}
