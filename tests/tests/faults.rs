//! What goes wrong: programs, hosts, disks and power. Nothing that was acknowledged is lost and nobody else notices.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::{Program, System, assert_line, assert_no_line, cp64, in_namespace, wait_for};

#[test]
fn a_failing_program_ends_in_a_message_and_the_next_command_works() {
    let system = System::start();
    system.disk_put("CMSUSER", "KEEP", "TEXT", b"kept\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    let mut neighbour = system.log_on("MAINT");
    for (failure, message, code) in [
        ("addressing", "Addressing exception occurred at", 197),
        ("operation", "Operation exception occurred at", 193),
        ("divide", "Divide exception occurred at", 201),
        ("protection", "Protection exception occurred at", 196),
        ("privileged", "Privileged operation exception occurred at", 194),
        ("stack", "Stack overflow exception occurred at", 196),
        ("panic", "ABEND PANIC was asked for", 254),
        ("storage", "Virtual storage capacity exceeded", 104),
    ] {
        let shown = terminal.command(&format!("abend {failure}"));
        assert_line(&shown, &format!("^DMS[A-Z]{{3}}\\d{{3}}[TS] .*{message}"));
        assert_line(&shown, &format!(r"^Ready\({code:05}\); T="));
        assert_line(&terminal.command("type keep text a"), "^kept$");
    }
    // Heap and stack are given back: it can go on like this.
    for _ in 0..20 {
        assert_line(&terminal.command("abend storage"), r"^Ready\(00104\)");
        assert_line(&terminal.command("abend stack"), r"^Ready\(00196\)");
    }
    assert_line(&terminal.command("copyfile keep text a other text a"), "^Ready;");
    assert_line(&neighbour.command("cp query userid"), "^MAINT");
    terminal.type_line("#cp logoff");
    terminal.ending();
    assert_eq!(system.disk_get("CMSUSER", "OTHER", "TEXT"), b"kept\n");
    assert_line(&system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded().output, "sound");
}

#[test]
fn a_second_cp_is_refused_and_told_who_runs() {
    let system = System::start();
    let refused = system.cp64(&["start", "--headless"], b"").failed(1);
    assert_line(&refused.errors, &format!(r"already running in .*\(process {}\)$", system.pid()));
    system.cp64(&["start", "--headless", "--detach"], b"").failed(1);
    assert_line(&system.cp_says("QUERY USERS"), "^ *1 USERS");
    // Neither do the tools for systems that do not run touch it.
    assert_line(&system.check().failed(1).errors, "already running");
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let mut system = System::prepare(&[]);
    fs::create_dir(system.directory()).unwrap();
    fs::write(system.directory().join("thesis.tex"), "years of work").unwrap();
    assert!(!system.try_run(), "CP started in a directory of somebody else");
    assert_line(&system.complaints(), r"thesis\.tex.*nothing was changed");
    let names: Vec<_> = fs::read_dir(system.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.tex"], "something was written");
    assert_eq!(fs::read_to_string(system.directory().join("thesis.tex")).unwrap(), "years of work");
    // No tool takes it for a system either.
    for tool in [&["check"][..], &["disk", "ls", "CMSUSER", "191"], &["user", "add", "SOMEONE"], &["cp", "QUERY TIME"]] {
        assert_eq!(system.cp64(tool, b"").code, 1, "{tool:?}");
    }
    assert_eq!(fs::read_dir(system.directory()).unwrap().count(), 1, "a tool wrote something");
}

/// Writes `bytes` over the beginning of a file, and answers what is in it then.
fn damage(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
    drop(file);
    fs::read(path).unwrap()
}

#[test]
fn a_torn_minidisk_is_named_and_not_overwritten() {
    let mut system = System::start();
    system.shut_down();
    let extent = system.directory().join("minidisks/CMSUSER.0191");
    for (how, contents) in [("foreign", damage(&extent, b"%PDF-1.7 not a minidisk")), ("empty", Vec::new()), ("cut", vec![b'C'; 100])] {
        fs::write(&extent, &contents).unwrap();
        let check = system.check().failed(1);
        assert_line(&check.output, r"^minidisk CMSUSER\.0191: .*CMSUSER\.0191");
        assert_line(&check.output, r"^minidisk MAINT\.0190: \d+ files, sound$");
        system.run();
        let session = system.session("CMSUSER", "listfile\nquery disk\n");
        assert_line(&session, r"^HCPLNM108E CMSUSER 0191 not linked; its host file cannot be used; the operator is told why$");
        assert_line(&system.complaints(), r"CMSUSER 0191 not linked for CMSUSER: .*minidisks/CMSUSER\.0191: .*minidisk");
        assert_line(&session, r"190 +S +R/O");
        system.cp64(&["disk", "put", "CMSUSER", "191", "-", "A", "FILE"], b"x\n").failed(1);
        system.shut_down();
        assert!(fs::read(&extent).unwrap() == contents, "the {how} file was changed");
    }
}

#[test]
fn a_torn_store_stops_the_start_and_is_named_and_not_overwritten() {
    let mut system = System::start();
    system.punch("MAINT", "A.DECK", "one\ntwo\n").succeeded();
    system.shut_down();
    for name in ["system.toml", "directory.online", "spool/index.redb"] {
        let path = system.directory().join(name);
        let good = fs::read(&path).unwrap();
        let bad = damage(&path, b"\0\0\0 torn \0\0\0");
        assert!(!system.try_run(), "CP started with a torn {name}");
        let file = Path::new(name).file_name().unwrap().to_string_lossy().into_owned();
        assert_line(&system.complaints(), &regex(&file));
        assert!(fs::read(&path).unwrap() == bad, "{name} was overwritten");
        let check = system.check().failed(1);
        assert_line(&(check.output + &check.errors), &regex(&file.replace("directory.online", "directory")));
        fs::write(&path, good).unwrap();
    }
    system.run();
    assert_line(&system.cp_says("QUERY READER MAINT ALL"), r"^OPERATOR 0001 A \w{3} 00000002 ");
}

fn regex(text: &str) -> String {
    text.replace('.', r"\.")
}

#[test]
fn a_damaged_spool_file_is_named_and_the_others_are_kept() {
    let mut system = System::start();
    for name in ["FIRST.DECK", "SECOND.DECK"] {
        system.punch("MAINT", name, &format!("{name} card\n").repeat(50)).succeeded();
    }
    system.shut_down();
    let segment = fs::read_dir(system.directory().join("spool"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("segment"))
        .expect("the spool has a segment");
    let mut bytes = fs::read(&segment).unwrap();
    let card = b"SECOND.DECK card";
    let at = bytes.windows(card.len()).rposition(|window| window == card).expect("cards are stored as they are");
    bytes[at] ^= 0x20;
    fs::write(&segment, &bytes).unwrap();
    let check = system.check().failed(1);
    assert_line(&check.output, "^spool .*segment");
    // A warm start keeps what is whole; the damaged file is named to whoever reads it, not passed off as good.
    system.run();
    let session = system.session("MAINT", "peek 1\nreceive 2\n");
    assert_line(&session, "FIRST.DECK card");
    assert!(!session.contains("File SECOND DECK A1 received"), "a damaged file was taken for good:\n{session}");
    system.shut_down();
    // A repair takes it out of its queue, and every later check still names it.
    let repaired = system.cp64(&["check", "--repair"], b"").succeeded().output;
    assert_line(
        &repaired,
        r"^spool .*File 0002 of MAINT: .* \(Taken out of the queue; 0 of 50 records are in .*aside-0001/MAINT\.RDR\.0002\)$",
    );
    let withheld = r"^spool: RDR file 0002 of MAINT \(50 records\) is in no queue since it could not be read; its records are kept$";
    assert_line(&system.check().succeeded().output, withheld);
    system.run();
    let session = system.session("MAINT", "receive 1\nquery reader all\n");
    assert_line(&session, r"^File FIRST DECK A1 received");
    assert_no_line(&session, r"^OPERATOR 0002 ");
    system.shut_down();
    assert_line(&system.check().succeeded().output, withheld);
}

#[test]
fn a_spool_whose_index_is_lost_is_repaired_and_its_records_are_copied_out() {
    let mut system = System::start();
    for name in ["FIRST.DECK", "SECOND.DECK"] {
        system.punch("MAINT", name, &format!("{name} card\n").repeat(50)).succeeded();
    }
    system.shut_down();
    let spool = system.directory().join("spool");
    fs::remove_file(spool.join("index.redb")).unwrap();
    assert!(!system.try_run(), "CP started without the index of its spool files");
    assert_line(&system.check().failed(1).output, r"^spool .*index\.redb: is missing; .*check --repair");
    assert!(!spool.join("index.redb").exists(), "a check made an index");
    let repaired = system.cp64(&["check", "--repair"], b"").succeeded().output;
    assert_line(
        &repaired,
        r"\(The whole spool was set aside in .*aside-0001; 1\d\d records of \d files were found and are in its files FILE\.\*",
    );
    let aside = fs::read_dir(spool.join("aside-0001")).unwrap().map(|entry| entry.unwrap().path());
    let found = aside.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("FILE."));
    // The file of the operator's console is among them.
    let mut texts: Vec<_> = found.map(|path| fs::read_to_string(path).unwrap()).filter(|text| text.contains("DECK card")).collect();
    texts.sort();
    assert_eq!(texts, ["FIRST.DECK card\n".repeat(50), "SECOND.DECK card\n".repeat(50)]);
    assert_line(&system.check().succeeded().output, "^All stores are sound$");
    system.run();
    assert_line(&system.cp_says("QUERY FILES MAINT"), "^FILES:   NO RDR, ");
    system.punch("MAINT", "THIRD.DECK", "a card\n").succeeded();
    assert_line(&system.cp_says("QUERY READER MAINT ALL"), r"^OPERATOR 0001 ");
}

/// Commands of the writing session of one round: each file is written, then punched to MAINT.
fn writing(round: usize) -> String {
    let mut lines = String::from("cp spool punch to maint\n");
    for number in 0..400 {
        let name = format!("R{round}F{number}");
        lines += &format!("copyfile seed data a {name} data a\npunch {name} data a (noheader\n");
    }
    lines
}

/// What CP has acknowledged in all rounds.
#[derive(Default)]
struct Acknowledged {
    /// Files on the 191 disk of CMSUSER.
    files: Vec<String>,
    /// Files in the reader of MAINT, by name.
    decks: Vec<String>,
}

impl Acknowledged {
    /// Counts the Ready messages of a session of [`writing`] that was cut off somewhere.
    fn of_session(&mut self, round: usize, output: &str) {
        assert!(!output.contains("Ready("), "a command failed:\n{output}");
        // The first two are of IPL and of SPOOL.
        let done = output.matches("Ready;").count().saturating_sub(2);
        for number in 0..done {
            let name = format!("R{round}F{}", number / 2);
            if number % 2 == 0 { self.files.push(name) } else { self.decks.push(name) }
        }
    }
}

/// Writes from CMS and from the host until CP is gone; answers what was acknowledged.
fn write_until_killed(system: &mut System, round: usize, after: Duration, seed: &str) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let gone = AtomicBool::new(false);
    let kill = {
        let pid = rustix::process::Pid::from_raw(system.pid() as i32).unwrap();
        move || rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap()
    };
    let system = &*system;
    std::thread::scope(|scope| {
        let session = scope.spawn(|| system.script("CMSUSER", &writing(round)).output);
        let host = scope.spawn(|| {
            let names = (0..).map(|number| format!("H{round}N{number}"));
            let punched = |name: &String| system.punch("MAINT", &format!("{name}.DATA"), seed).code == 0;
            names.take_while(|name| punched(name) && !gone.load(Ordering::Relaxed)).collect::<Vec<_>>()
        });
        // Both are at work.
        wait_for("three decks of each", || {
            let queue = system.cp_json("QUERY READER MAINT ALL");
            let names: Vec<&str> = queue["data"].as_array().into_iter().flatten().filter_map(|file| file["name"].as_str()).collect();
            let of = |who: &str| names.iter().filter(|name| name.starts_with(&format!("{who}{round}"))).count();
            (of("R") >= 3 && of("H") >= 3).then_some(())
        });
        std::thread::sleep(after);
        kill();
        gone.store(true, Ordering::Relaxed);
        acknowledged.of_session(round, &session.join().unwrap());
        acknowledged.decks.extend(host.join().unwrap());
    });
    acknowledged
}

#[test]
fn whatever_was_acknowledged_survives_kill_9() {
    let mut system = System::start();
    let seed: String = (0..60).map(|line| format!("line {line} of the seed, {}\n", "x".repeat(line % 40))).collect();
    system.disk_put("CMSUSER", "SEED", "DATA", seed.as_bytes()).succeeded();
    let mut all = Acknowledged::default();
    for round in 0..6 {
        // Not in step with anything: the kill comes where it comes.
        let after = Duration::from_millis(37 * round as u64);
        let mut acknowledged = write_until_killed(&mut system, round, after, &seed);
        system.kill();
        all.files.append(&mut acknowledged.files);
        all.decks.append(&mut acknowledged.decks);
        let check = system.check();
        assert_eq!(check.code, 0, "after round {round}:\n{}{}", check.output, check.errors);
        system.run();
        everything_is_there(&system, &all, &seed);
    }
    assert!(all.files.len() > 10 && all.decks.len() > 10, "too little was written to mean anything");
}

fn everything_is_there(system: &System, all: &Acknowledged, seed: &str) {
    for name in &all.files {
        assert!(system.disk_get("CMSUSER", name, "DATA") == seed.as_bytes(), "{name} is not what was written");
    }
    let queue = system.cp_json("QUERY READER MAINT ALL");
    let records: BTreeMap<&str, u64> = queue["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|file| (file["name"].as_str().unwrap_or_default(), file["records"].as_u64().unwrap_or(0)))
        .collect();
    for name in &all.decks {
        assert_eq!(records.get(name.as_str()), Some(&(seed.lines().count() as u64)), "spool file {name}");
    }
}

#[test]
fn a_first_start_that_is_killed_is_begun_again() {
    for after in [1, 5, 10, 20, 40, 80] {
        let mut system = System::prepare(&[]);
        let mut start = Command::new(cp64())
            .args(["start", "--headless", "--system"])
            .arg(system.directory())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(after));
        start.kill().unwrap();
        start.wait().unwrap();
        system.run();
        assert_line(&system.session("CMSUSER", "query disk a\n"), " 191 +A +R/W");
        system.shut_down();
        system.check().succeeded();
    }
}

fn mount(arguments: &[&str], target: &Path) {
    Program::run(Command::new("mount").args(arguments).arg(target), b"").succeeded();
}

#[test]
fn kvm_that_was_asked_for_and_is_not_usable_is_one_message_and_nothing_is_written() {
    in_namespace("kvm_that_was_asked_for_and_is_not_usable_is_one_message_and_nothing_is_written", |place| {
        cp64();
        let root = place.join("system");
        let refused = |why: &str| {
            for detach in [&[][..], &["--detach"]] {
                let mut command = Command::new(cp64());
                command.args(["start", "--headless", "--processor", "kvm", "--system"]).arg(&root).args(detach);
                let run = Program::run(&mut command, b"").failed(1);
                assert_eq!(run.errors.lines().count(), 1, "not one message: {}", run.errors);
                assert_line(&run.errors, why);
                assert!(!root.exists(), "something was written");
            }
        };
        // A device that opens and is no KVM, then none at all.
        mount(&["--bind", "/dev/null"], Path::new("/dev/kvm"));
        refused("^cp64: .*/dev/kvm.*");
        mount(&["-t", "tmpfs", "none"], Path::new("/dev"));
        File::create("/dev/null").unwrap();
        refused("^cp64: There is no /dev/kvm ");
    });
}

/// Takes all the room there is.
fn fill(volume: &Path) -> PathBuf {
    let path = volume.join("filler");
    let mut filler = File::create(&path).unwrap();
    let block = vec![0xf1; 4096];
    while filler.write_all(&block).is_ok() {}
    path
}

/// A system on a small volume of its own.
fn on_a_small_volume(place: &Path) -> System {
    cp64();
    mount(&["-t", "tmpfs", "-o", "size=24m", "none"], place);
    let mut system = System::prepare_at(&place.join("system"));
    system.run();
    system
}

#[test]
fn a_full_host_disk_fails_the_write_to_a_minidisk_and_loses_nothing() {
    in_namespace("a_full_host_disk_fails_the_write_to_a_minidisk_and_loses_nothing", |place| {
        let system = on_a_small_volume(place);
        let seed: String = (0..5000).map(|line| format!("line {line} of the seed\n")).collect();
        system.disk_put("CMSUSER", "SEED", "DATA", seed.as_bytes()).succeeded();
        let mut operator = tests::Terminal::observe(&system.socket(), "OPERATOR");
        let mut terminal = system.log_on("CMSUSER");
        assert_line(&terminal.command("copyfile seed data a before data a"), "^Ready;");
        let filler = fill(place);
        let shown = terminal.command("copyfile seed data a toomuch data a");
        assert_line(&shown, r"^DMSCPY\d{3}S .*A\(191\)");
        assert_line(&shown, r"^Ready\(00100\); T=");
        operator.until(r"(?i)CMSUSER.*(space|full)");
        assert_line(&terminal.command("state toomuch data a"), r"^Ready\(00028\)");
        assert_line(&terminal.command("state before data a"), "^Ready;");
        fs::remove_file(filler).unwrap();
        assert_line(&terminal.command("copyfile seed data a after data a"), "^Ready;");
        terminal.type_line("#cp logoff");
        terminal.ending();
        for name in ["SEED", "BEFORE", "AFTER"] {
            assert!(system.disk_get("CMSUSER", name, "DATA") == seed.as_bytes(), "{name} is not what was written");
        }
        system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
        // From the host side as well.
        let filler = fill(place);
        let refused = system.disk_put("CMSUSER", "TOOMUCH", "DATA", seed.as_bytes()).failed(1);
        assert_line(&refused.errors, "^cp64: ");
        fs::remove_file(filler).unwrap();
        system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
        assert!(system.disk_get("CMSUSER", "SEED", "DATA") == seed.as_bytes());
    });
}

#[test]
fn a_full_host_disk_fails_the_spool_file_and_loses_nothing() {
    in_namespace("a_full_host_disk_fails_the_spool_file_and_loses_nothing", |place| {
        let mut system = on_a_small_volume(place);
        let cards = "a card of the deck\n".repeat(20_000);
        system.disk_put("CMSUSER", "BIG", "DECK", cards.as_bytes()).succeeded();
        system.punch("MAINT", "BEFORE.DECK", &cards).succeeded();
        let mut operator = tests::Terminal::observe(&system.socket(), "OPERATOR");
        let mut terminal = system.log_on("CMSUSER");
        terminal.command("cp spool punch to maint");
        let filler = fill(place);
        let refused = system.punch("MAINT", "TOOMUCH.DECK", &cards);
        assert!(refused.code != 0 && refused.errors.contains("HCP"), "{refused:?}");
        let shown = terminal.command("punch big deck a (noheader");
        assert_line(&shown, r"^(DMSPUN123S|HCP\w{3}\d+E) ");
        assert_line(&shown, r"^Ready\(\d{5}\); T=");
        operator.until(r"(?i)spool.*(space|full)");
        fs::remove_file(filler).unwrap();
        assert_line(&terminal.command("punch big deck a (noheader"), "^Ready;");
        system.kill();
        system.check().succeeded();
        system.run();
        let queue = system.cp_json("QUERY READER MAINT ALL");
        let files: Vec<_> = queue["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| (file["name"].as_str().unwrap().to_string(), file["records"].as_u64().unwrap()))
            .collect();
        assert_eq!(files, [("BEFORE".to_string(), 20_000), ("BIG".to_string(), 20_000)]);
    });
}
