//! Accounting: every session leaves one record, whatever ends it, and what is on record stays.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tests::{Program, System, Terminal, assert_line, assert_no_line, cp64, in_namespace};

fn records(system: &System, options: &[&str]) -> Vec<Value> {
    let arguments = [&["accounting", "--json"], options].concat();
    let output = system.cp64(&arguments, b"").succeeded().output;
    output.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn ends(system: &System) -> Vec<(String, String)> {
    let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_string();
    records(system, &[]).iter().map(|record| (text(record, "userid"), text(record, "why"))).collect()
}

fn file(system: &System) -> PathBuf {
    system.directory().join("accounting/00000001.acct")
}

#[test]
fn logoff_force_acnt_and_shutdown_each_leave_what_was_used() {
    let mut system = System::start();
    system.punch("CMSUSER", "CARDS.DECK", "one\ntwo\nthree\n").succeeded();
    let session = "receive\npunch cards deck a (noheader\nlistfile\nquery disk\nprint cards deck a\n";
    assert_line(&system.session("CMSUSER", session), "^CONNECT= ");
    let used = &records(&system, &["--user", "cmsuser"])[0];
    assert_eq!((&used["userid"], &used["why"], &used["system"]), (&"CMSUSER".into(), &"logoff".into(), &"CP64".into()));
    assert_eq!((used["cards_punched"].as_u64(), used["lines_printed"].as_u64()), (Some(3), Some(3)), "{used}");
    // RECEIVE looks at the file before it takes it: every time counts.
    assert!(used["cards_read"].as_u64().is_some_and(|cards| cards >= 3 && cards % 3 == 0), "{used}");
    let number = |field: &str| used[field].as_u64().unwrap_or_else(|| panic!("{field} in {used}"));
    assert!(0 < number("virtual_us") && number("virtual_us") < number("total_us") && number("io") > 0 && number("resident_pages") > 10);
    assert!(number("from") <= number("to") && number("version") == 1);

    // ACNT and the end of a session share what was used between them.
    let mut terminal = system.log_on("CMSUSER");
    terminal.command("listfile");
    assert_line(&system.cp_says("ACNT CMSUSER"), "^ACCOUNTING RECORDS WRITTEN: 1$");
    terminal.command("listfile * * s");
    let total = system.cp_json("INDICATE USER CMSUSER")["data"]["total_us"].as_u64().unwrap();
    system.cp("FORCE CMSUSER").succeeded();
    let mine = records(&system, &["--user", "CMSUSER"]);
    assert_eq!((&mine[1]["why"], &mine[1]["by"]), (&"acnt".into(), &"OPERATOR".into()));
    assert_eq!((&mine[2]["why"], &mine[2]["by"]), (&"force".into(), &"OPERATOR".into()));
    assert_eq!(mine[1]["to"], mine[2]["from"]);
    let sum = mine[1]["total_us"].as_u64().unwrap() + mine[2]["total_us"].as_u64().unwrap();
    assert!(sum >= total, "{sum} us on record of {total}");

    let _stays = system.log_on("MAINT");
    system.shut_down();
    let all = ends(&system);
    let expected = [("CMSUSER", "logoff"), ("CMSUSER", "acnt"), ("CMSUSER", "force"), ("MAINT", "shutdown"), ("OPERATOR", "shutdown")];
    assert_eq!(all, expected.map(|(user, why)| (user.to_string(), why.to_string())));
    assert_line(&system.check().succeeded().output, "^accounting: 5 records in 1 files$");

    // As text, with sums, by day and by what is asked for.
    let text = |options: &[&str]| system.cp64(&[&["accounting"], options].concat(), b"").succeeded().output;
    assert_line(&text(&[]), r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d CMSUSER  CMSUSER  logoff +00:00:\d\d +\d{3}:\d\d\.\d\d ");
    assert_line(&text(&["--totals"]), r"^CMSUSER +3 ");
    assert_line(&text(&["--totals"]), r"^Total +5 ");
    assert_line(&text(&["--totals=day", "--user", "cmsuser"]), r"^\d{4}-\d\d-\d\d +3 ");
    let sums: Value = serde_json::from_str(text(&["--totals=account", "--json", "--account", "MAINT"]).trim()).unwrap();
    assert_eq!((&sums["account"], &sums["records"]), (&"MAINT".into(), &1.into()));
    assert_eq!(records(&system, &["--since", "2100-01-01"]).len() + records(&system, &["--until", "2000-01-01T00:00"]).len(), 0);
    assert_eq!(records(&system, &["--since", "2020-01-01", "--until", "2100-01-01"]).len(), 5);
    system.cp64(&["accounting", "--since", "yesterday"], b"").failed(2);
}

#[test]
fn what_is_on_record_outlives_kill_and_a_torn_end() {
    let mut system = System::start();
    let script = "query disk\n";
    system.session("CMSUSER", script);
    // The end of the session was shown: the record is there, whatever happens to CP now.
    system.kill();
    assert_eq!(ends(&system), [("CMSUSER".to_string(), "logoff".to_string())]);
    let whole = fs::read(file(&system)).unwrap();
    fs::write(file(&system), [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
    assert_eq!(ends(&system).len(), 1, "an unfinished record is passed over");
    assert_line(&system.check().succeeded().output, "^accounting .*00000001.acct, record 2: Its end is missing$");
    system.run();
    system.session("CMSUSER", script);
    assert_eq!(ends(&system).len(), 2);
    assert!(system.complaints().contains("bytes of an unfinished accounting record were cut off"));
    system.shut_down();
    // A byte in the middle: that record is named, the others are read, and nothing is written over.
    let mut damaged = fs::read(file(&system)).unwrap();
    damaged[30] ^= 1;
    fs::write(file(&system), &damaged).unwrap();
    let read = system.cp64(&["accounting", "--json"], b"").failed(1);
    assert_eq!(read.output.lines().count(), 2);
    assert_line(&read.errors, r"00000001.acct, record 1: It is damaged$");
    assert_line(&system.check().failed(1).output, "record 1: It is damaged$");
    system.run();
    assert!(fs::read(file(&system)).unwrap().starts_with(&damaged));
}

#[test]
fn a_full_disk_costs_the_record_and_nothing_else() {
    in_namespace("a_full_disk_costs_the_record_and_nothing_else", |place| {
        let root = place.join("system");
        let folder = root.join("accounting");
        let mut system = System::prepare_at(&root);
        system.run();
        fs::create_dir(&folder).unwrap();
        let mount = |options: &[&str]| assert!(Command::new("mount").args(options).arg(&folder).status().unwrap().success());
        mount(&["-t", "tmpfs", "-o", "size=4k", "tmpfs"]);
        let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
        // A page holds some ten records.
        for _ in 0..40 {
            let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "CMSUSER");
            terminal.until_cp_read();
            terminal.type_line("logoff");
            terminal.ending();
        }
        operator.until(r"HCPACU9440E Accounting record lost \(\d+ since start\): .*No space left on device");
        let status = system.cp_json("QUERY RECORDING");
        let count = |field: &str| status["data"][field].as_u64().unwrap();
        assert!(count("written") > 0 && count("lost") > 0 && count("written") + count("lost") == 40, "{status}");
        assert_eq!(records(&system, &[]).len() as u64, count("written"), "what was written is whole");
        system.cp("ACNT ALL").failed(9440 & 0xff);
        // With room again, records are written again.
        mount(&["-o", "remount,size=1m"]);
        assert_line(&system.session("CMSUSER", "query disk\n"), "^CONNECT= ");
        assert_eq!(records(&system, &[]).len() as u64, count("written") + 1);
    });
}

#[test]
fn recording_can_be_turned_off_and_on() {
    let system = System::start();
    assert_line(&system.cp_says("RECORDING ACCOUNT OFF"), "^ACCOUNT OFF  00000000 00000000 064$");
    system.session("CMSUSER", "query disk\n");
    assert_line(&system.cp_says("ACNT ALL"), "^ACCOUNTING RECORDS WRITTEN: 0$");
    assert_eq!(records(&system, &[]).len(), 0);
    assert_line(&system.cp_says("RECORDING ACCOUNT ON"), "^ACCOUNT ON ");
    assert_line(&system.cp_says("ACNT ALL"), "^ACCOUNTING RECORDS WRITTEN: 1$");
    assert_line(&system.cp_says("QUERY RECORDING"), "^ACCOUNT ON   00000001 00000000 064$");
    // Who has no class for it does not know it.
    let shown = system.session("CMSUSER", "cp acnt all\ncp recording account off\n");
    assert_line(&shown, "^HCPCMD001E Unknown CP command: ACNT");
    assert_line(&shown, "^HCPCMD001E Unknown CP command: RECORDING");
    for (command, code) in
        [("ACNT", 26), ("ACNT NOBODY", 45), ("ACNT ALL X", 2), ("RECORDING", 26), ("RECORDING EREP ON", 2), ("RECORDING ACCOUNT", 26)]
    {
        system.cp(command).failed(code);
    }
}

#[test]
fn listing_records_needs_a_system_and_no_running_cp() {
    let place = tempfile::tempdir().unwrap();
    let none = Program::run(Command::new(cp64()).arg("accounting").arg("--system").arg(place.path().join("none")), b"").failed(1);
    assert_line(&none.errors, "There is no CP-64 system");
    let mut system = System::start();
    system.shut_down();
    let output = system.cp64(&["accounting"], b"").succeeded().output;
    assert_no_line(&output, "CMSUSER");
    assert_line(&output, "OPERATOR OPERATOR shutdown");
}
