//! Metrics: in the text format of Prometheus, true, and no way to harm CP.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use regex::Regex;
use tests::{System, Terminal, assert_line, wait_for};

/// A system that serves metrics at a port of the host's choice.
fn system() -> (System, SocketAddr) {
    let system = System::start_with(&["--metrics", "127.0.0.1:0"]);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let line = operator.until("Metrics are at http://");
    let address = Regex::new("http://([^/]+)/metrics").unwrap().captures(&line).expect("an address")[1].parse().expect("an address");
    (system, address)
}

/// What the server says to these bytes, until it closes.
fn said(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(tests::PATIENCE)).unwrap();
    // It may answer and close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status line and what follows the head.
fn get(address: SocketAddr, path: &str) -> (String, String) {
    let answer = said(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer of HTTP: {answer}"));
    (head.to_string(), body.to_string())
}

/// The samples of a scrape by name and labels, after a look at every line and at the order of them.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let help = Regex::new(r"^# HELP ([a-z_][a-z0-9_]*) [^ ].*$").unwrap();
    let kind = Regex::new(r"^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge)$").unwrap();
    let sample = Regex::new(r#"^(([a-z_][a-z0-9_]*)(?:\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})?) (\S+)$"#).unwrap();
    let (mut all, mut seen, mut current) = (BTreeMap::new(), BTreeSet::new(), String::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(found) = help.captures(line) {
            current = found[1].to_string();
            assert!(seen.insert(current.clone()), "{current} comes twice");
        } else if let Some(found) = kind.captures(line) {
            assert_eq!(found[1], current, "TYPE without HELP");
            assert_eq!(&found[2] == "counter", current.ends_with("_total"), "{line}");
        } else {
            let found = sample.captures(line).unwrap_or_else(|| panic!("no sample: {line}"));
            assert_eq!(found[2], current, "a sample among those of another family");
            let value: f64 = found[3].parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(value >= 0.0, "{line}");
            assert!(all.insert(found[1].to_string(), value).is_none(), "{line} comes twice");
        }
    }
    all
}

#[test]
fn a_scrape_is_prometheus_text_and_says_what_happened() {
    let (system, address) = system();
    let mut terminal = system.log_on("CMSUSER");
    terminal.command("listfile * * s");
    Terminal::refusal(&system.socket(), "CMSUSER");
    let (head, body) = get(address, "/metrics");
    assert_line(&head, "^HTTP/1.1 200 OK$");
    assert_line(&head, r"^content-type: text/plain; version=0\.0\.4; charset=utf-8$");
    let first = samples(&body);
    let value = |name: &str| *first.get(name).unwrap_or_else(|| panic!("no {name} in\n{body}"));
    assert_eq!((value(r#"cp64_users{console="terminal"}"#), value(r#"cp64_users{console="system"}"#)), (1.0, 1.0));
    assert_eq!((value("cp64_logons_total"), value("cp64_logons_refused_total")), (2.0, 1.0));
    for positive in [
        "cp64_virtual_cpu_seconds_total",
        "cp64_io_requests_total",
        "cp64_exits_total{kind=\"diagnose\"}",
        "cp64_storage_bytes",
        "process_open_fds",
    ] {
        assert!(value(positive) > 0.0, "{positive}");
    }
    let total = value("cp64_total_cpu_seconds_total");
    let busy: f64 = first.iter().filter(|(name, _)| name.starts_with("cp64_processor_busy_seconds_total")).map(|(_, value)| value).sum();
    // Beside the real processors, workers do things for machines that those are charged for.
    assert!(value("cp64_virtual_cpu_seconds_total") < total && value("cp64_virtual_cpu_seconds_total") <= busy, "{body}");
    assert!(total <= value("process_cpu_seconds_total"), "{body}");

    // Counters never become less, not even when the users they were counted for leave.
    terminal.type_line("#cp logoff");
    terminal.ending();
    let (_, body) = get(address, "/metrics");
    let second = samples(&body);
    for (name, before) in first.iter().filter(|(name, _)| name.split('{').next().is_some_and(|name| name.ends_with("_total"))) {
        assert!(second[name] >= *before, "{name} was {before} and is {}", second[name]);
    }
    assert_eq!((second[r#"cp64_users{console="terminal"}"#], second["cp64_logoffs_total"]), (0.0, 1.0));

    // Every family is in the guide.
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operators-guide.md")).unwrap();
    let undocumented: Vec<_> = body
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next())
        .filter(|name| !guide.contains(&format!("`{name}")))
        .collect();
    assert!(undocumented.is_empty(), "not in the operator's guide: {undocumented:?}");
}

#[test]
fn counters_never_fall_while_hundreds_log_on_and_off() {
    const EACH: usize = 40;
    let (system, address) = system();
    let names = system.add_users(8);
    let counters = |samples: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
        let counter = |name: &str| name.split('{').next().is_some_and(|name| name.ends_with("_total"));
        samples.iter().filter(|(name, _)| counter(name)).map(|(name, value)| (name.clone(), *value)).collect()
    };
    let (_, body) = get(address, "/metrics");
    let mut before = counters(&samples(&body));
    let mut scrapes = 0;
    thread::scope(|scope| {
        let sessions: Vec<_> = names
            .iter()
            .map(|name| {
                let socket = system.socket();
                scope.spawn(move || {
                    for _ in 0..EACH {
                        let mut terminal = Terminal::log_on_no_ipl(&socket, name);
                        terminal.until_cp_read();
                        terminal.type_line("logoff");
                        terminal.ending();
                    }
                })
            })
            .collect();
        while !sessions.iter().all(thread::ScopedJoinHandle::is_finished) {
            let (_, body) = get(address, "/metrics");
            let now = samples(&body);
            // Nobody chooses a label: there is no figure for each user.
            assert!(names.iter().all(|name| !body.contains(name)), "{body}");
            assert!(now[r#"cp64_users{console="terminal"}"#] <= names.len() as f64);
            let now = counters(&now);
            for (name, value) in &before {
                assert!(now[name] >= *value, "{name} was {value} and is {}", now[name]);
            }
            (before, scrapes) = (now, scrapes + 1);
        }
    });
    assert!(scrapes > 3, "only {scrapes} scrapes");
    let (_, body) = get(address, "/metrics");
    let last = samples(&body);
    let sessions = (names.len() * EACH) as f64;
    // OPERATOR was the first to log on, and stays.
    assert_eq!((last["cp64_logons_total"], last["cp64_logoffs_total"]), (sessions + 1.0, sessions));
    assert_eq!(last["cp64_accounting_records_total"] + last["cp64_accounting_records_lost_total"], sessions);
}

#[test]
fn what_is_no_scrape_is_refused_and_nobody_is_kept_out() {
    let (system, address) = system();
    assert_line(&get(address, "/").0, "^HTTP/1.1 404 Not Found$");
    assert_line(&said(address, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), "^HTTP/1.1 405 Method Not Allowed$");
    assert_line(&said(address, b"HEAD /metrics HTTP/1.0\r\n\r\n"), "^HTTP/1.[01] 200 OK$");
    assert!(!said(address, b"\x16\x03\x01\x02\x00garbage\r\n\r\n").contains("200 OK"));
    let long = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert!(!said(address, long.as_bytes()).contains("200 OK"));
    // More who say nothing, or a byte now and then, than are served at once: they are cut off, and then the next one is served.
    let idlers: Vec<_> = (0..20)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            if number % 2 == 0 {
                thread::spawn(move || {
                    while stream.write_all(b"G").is_ok() {
                        thread::sleep(Duration::from_millis(200));
                    }
                });
                None
            } else {
                Some(stream)
            }
        })
        .collect();
    let (head, body) = get(address, "/metrics");
    assert_line(&head, "200 OK$");
    assert!(samples(&body)["cp64_uptime_seconds"] > 0.0);
    drop(idlers);
    assert_line(&system.cp_says("QUERY USERS"), "^ *1 USERS");
}

#[test]
fn metrics_are_off_loopback_only_and_named_in_the_settings() {
    let mut system = System::start();
    assert!(!system.complaints().contains("Metrics are at"));
    system.shut_down();
    let refused = system.cp64(&["start", "--headless", "--metrics", "0.0.0.0:0"], b"").failed(1);
    assert_line(&refused.errors, "can be read by other hosts; --metrics-open allows that$");
    system.cp64(&["start", "--headless", "--metrics", "here"], b"").failed(1);
    let settings = system.directory().join("system.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("metrics = \"0.0.0.0:0\"\nmetrics_open = true\n{text}")).unwrap();
    system.run();
    wait_for("the address", || system.complaints().contains("Metrics are at http://0.0.0.0:").then_some(()));
    // A second system cannot have the same port, and says so.
    let port = Regex::new(r"http://0\.0\.0\.0:(\d+)/").unwrap().captures(&system.complaints()).unwrap()[1].to_string();
    let mut second = System::prepare(&["--metrics", &format!("127.0.0.1:{port}")]);
    assert!(!second.try_run(), "two systems serve at one port");
    assert_line(&second.complaints(), &format!(r"Metrics cannot be served at 127\.0\.0\.1:{port}: "));
    system.shut_down();
    assert!(TcpStream::connect(format!("127.0.0.1:{port}")).is_err(), "it serves after SHUTDOWN");
}
