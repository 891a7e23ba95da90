//! Spool files: between users, from the host, through every command that moves or changes them, and over a restart.

use std::io::Write;
use std::process::{Command, Stdio};

use tests::{System, assert_line, assert_no_line, wait_for};

/// The columns of QUERY RDR ALL that scripts cut out: name, first column, width.
const COLUMNS: &[(&str, usize, usize)] = &[
    ("origin", 0, 8),
    ("spid", 9, 4),
    ("class", 14, 1),
    ("device", 16, 3),
    ("records", 20, 8),
    ("copies", 29, 3),
    ("hold", 33, 4),
    ("date", 38, 5),
    ("time", 44, 8),
    ("name", 53, 9),
    ("type", 63, 8),
    ("dist", 72, 8),
];

fn column<'a>(line: &'a str, name: &str) -> &'a str {
    let &(_, from, width) = COLUMNS.iter().find(|column| column.0 == name).expect("a column");
    line.get(from..(from + width).min(line.len())).unwrap_or_default().trim_end()
}

/// The lines of a QUERY READER ALL behind the heading.
fn reader(system: &System, user: &str) -> Vec<String> {
    system.cp_says(&format!("QUERY READER {user} ALL")).lines().skip(1).map(str::to_string).collect()
}

#[test]
fn a_host_file_punched_to_a_user_stands_in_the_columns_that_scripts_read() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    let said = system.punch("CMSUSER", "JOB.DECK", "first card\nsecond card\n\nlast card\n").succeeded();
    assert_line(&said.output, r"^RDR FILE 0001 SENT TO CMSUSER");
    terminal.until(r"^RDR FILE 0001 SENT FROM OPERATOR \w{3} WAS \d{4} RECS 0004 CPY  001 A NOHOLD NOKEEP$");

    let shown = system.cp_says("QUERY READER CMSUSER ALL");
    let mut lines = shown.lines();
    assert_eq!(lines.next(), Some("ORIGINID FILE CLASS RECORDS  CPY HOLD DATE  TIME     NAME      TYPE     DIST"));
    let file = lines.next().expect("a file");
    for (name, value) in [
        ("origin", "OPERATOR"),
        ("spid", "0001"),
        ("class", "A"),
        ("records", "00000004"),
        ("copies", "001"),
        ("hold", "NONE"),
        ("name", "JOB"),
        ("type", "DECK"),
    ] {
        assert_eq!(column(file, name), value, "{name} in {file}");
    }
    assert_line(column(file, "date"), r"^\d\d/\d\d$");
    assert_line(column(file, "time"), r"^\d\d:\d\d:\d\d$");
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES: 0001 RDR,   NO PRT,   NO PUN$");
    assert_line(&system.cp_says("QUERY READER CMSUSER"), r"^OPERATOR 0001 A \w{3} 00000004 001 NONE STANDARD OFF +OFF +ON$");

    assert_line(&terminal.command("receive"), "^File JOB DECK A1 received from OPERATOR");
    let typed = terminal.command("type job deck a");
    assert_line(&typed, "^second card$");
    assert_line(&terminal.command("cp query reader"), "^NO READER FILES$");
}

#[test]
fn punch_refuses_what_it_cannot_deliver() {
    let system = System::start();
    assert_line(&system.punch("NOBODY", "A.DECK", "x\n").failed(53).errors, "NOBODY not in CP directory$");
    assert_ne!(system.cp64(&["punch", "/no/such/file", "--to", "MAINT"], b"").code, 0);
    assert_ne!(system.cp64(&["punch", "-", "--to", "MAINT", "--class", "?"], b"x\n").code, 0);
    let long = "x".repeat(70_000);
    assert_ne!(system.punch("MAINT", "A.DECK", &long).code, 0, "a record longer than any was taken");
    // Found only when half of the deck is there already.
    let late = "card\n".repeat(200_000) + &long;
    assert_line(&system.punch("MAINT", "A.DECK", &late).failed(1).errors, "Line 200001 is longer than 65535 bytes");
    assert_line(&system.cp_says("QUERY FILES MAINT"), "^FILES:   NO RDR");
}

/// Longer than a frame of the protocol between the programs.
const LONG_DECK: u64 = 110_000;

#[test]
fn a_deck_of_any_length_is_punched_whole() {
    let mut system = System::start();
    let card = |number: u64| format!("{number:>80}");
    let deck: String = (0..LONG_DECK).map(|number| card(number) + "\n").collect();
    assert_line(&system.punch("CMSUSER", "LONG.DECK", &deck).succeeded().output, "^RDR FILE 0001 SENT TO CMSUSER: 110000 records$");
    system.shut_down();
    let (spool, _) = spool::Spool::open(&system.directory().join("spool"), spool::StartMode::Warm).expect("the spool starts");
    let owner = spool::Userid::new("CMSUSER").expect("a userid");
    let mut file = spool.reader(owner, spool::Queue::Reader, spool::Spid::new(1).expect("a number")).expect("the file is there");
    for number in 0..LONG_DECK {
        assert_eq!(file.next_record().expect("it can be read").expect("a card").data, card(number).as_bytes());
    }
    assert_eq!(file.next_record().expect("it can be read"), None);
}

#[test]
fn a_punch_that_is_interrupted_leaves_nothing() {
    let system = System::start();
    let mut punch = Command::new(tests::cp64());
    punch.args(["punch", "-", "--to", "CMSUSER", "--name", "A.DECK", "--system"]).arg(system.directory());
    let mut punch = punch.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut input = punch.stdin.take().expect("a pipe");
    let used = || system.cp_json("QUERY ALLOC SPOOL")["data"]["used"].as_u64().expect("bytes");
    let before = used();
    input.write_all("card\n".repeat(1_000_000).as_bytes()).expect("it takes cards");
    wait_for("the deck in the spool", || (used() > before + (1 << 20)).then_some(()));
    // Ctrl-C.
    rustix::process::kill_process(rustix::process::Pid::from_child(&punch), rustix::process::Signal::INT).expect("it is there");
    assert!(!punch.wait().expect("it ends").success());
    wait_for("the room", || (used() < before + (1 << 20)).then_some(()));
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES:   NO RDR");
}

#[test]
fn what_is_sent_arrives_record_for_record() {
    let system = System::start();
    let lines: String = (0..3000).map(|number| format!("{number} {}\n", "wide ".repeat(number % 50))).collect();
    system.disk_put("CMSUSER", "MANY", "LINES", lines.as_bytes()).succeeded();
    let binary: Vec<u8> = (0..50_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    system.disk_put("CMSUSER", "SOME", "BYTES", &binary).succeeded();
    let sent = system.session("CMSUSER", "sendfile many lines a to maint\nsf some bytes a maint\n");
    assert_eq!(sent.matches(" sent to MAINT").count(), 2, "{sent}");
    let received = system.session("MAINT", "receive\nreceive\n");
    assert_line(&received, "^File MANY LINES A1 received from CMSUSER");
    assert_line(&received, "^File SOME BYTES A1 received from CMSUSER");
    assert!(system.disk_get("MAINT", "MANY", "LINES") == lines.as_bytes());
    assert!(system.disk_get("MAINT", "SOME", "BYTES") == binary);
    // A file that is there already is not replaced unasked.
    let again = system.session("CMSUSER", "sendfile many lines a to cmsuser\nreceive\nreceive (replace\n");
    assert_line(&again, r"^DMSRCV024E File MANY LINES A1 already exists");
    assert_line(&again, "^File MANY LINES A1 received");
}

#[test]
fn cards_go_round_by_punch_and_readcard() {
    let system = System::start();
    let cards: String = (0..500).map(|number| format!("card {number:05} of the deck\n")).collect();
    system.disk_put("CMSUSER", "JOB", "DECK", cards.as_bytes()).succeeded();
    let session = system.session(
        "CMSUSER",
        "cp spool punch to *\npunch job deck a\nreadcard *\nreadcard * (replace\npunch job deck a (noheader\nreadcard copy deck a\nlistfile * deck a\n",
    );
    assert_line(&session, r"^RDR FILE 0001 SENT FROM CMSUSER  PUN WAS \d{4} RECS 0501 CPY  001 A NOHOLD NOKEEP$");
    assert_line(&session, r"^DMSRDC024E File JOB DECK A1 already exists");
    assert_line(&session, r"^COPY     DECK     A1$");
    // Cards have 80 columns; the host gets lines without the blanks at their ends.
    let copy = String::from_utf8(system.disk_get("CMSUSER", "COPY", "DECK")).unwrap();
    assert_eq!(copy.lines().count(), 500);
    assert!(copy.lines().zip(cards.lines()).all(|(copy, card)| copy.trim_end() == card), "not the cards that went in");
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES:   NO RDR");
    // Too wide for a card.
    system.disk_put("CMSUSER", "WIDE", "DECK", "x".repeat(81).as_bytes()).succeeded();
    system.disk_put("CMSUSER", "WIDE", "TEXT", format!("{}\n", "x".repeat(81)).as_bytes()).succeeded();
    assert_line(&system.session("CMSUSER", "punch wide text a\n"), r"^DMSPUN044E Record exceeds allowable maximum");
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES:   NO RDR,   NO PRT,   NO PUN$");
}

#[test]
fn printing_makes_a_file_in_the_printer_queue() {
    let system = System::start();
    system.disk_put("CMSUSER", "REPORT", "TEXT", b"heading\nline\n").succeeded();
    let session =
        system.session("CMSUSER", "print report text a\ncp query printer all\ncp spool printer to maint class m\nprint report text a\n");
    assert_line(&session, r"^CMSUSER  \d{4} A PRT 0000000\d 001 NONE \d\d/\d\d \d\d:\d\d:\d\d REPORT    TEXT ");
    assert_line(&session, r"^PRT FILE \d{4} SENT TO   MAINT    RDR AS  \d{4} RECS 000\d CPY  001 M NOHOLD NOKEEP$");
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES:   NO RDR, 0001 PRT,   NO PUN$");
    assert_line(&system.session("MAINT", "receive\ntype report text a\n"), "^heading *$");
}

#[test]
fn files_are_changed_ordered_and_purged_by_class_number_and_all() {
    let system = System::start();
    for name in ["ONE.X", "TWO.X", "THREE.X", "FOUR.X"] {
        system.punch("CMSUSER", name, "card\n").succeeded();
    }
    let mut terminal = system.log_on("CMSUSER");
    let mut cp = |command: &str, shape: &str| assert_line(&terminal.command(&format!("cp {command}")), shape);
    cp("change reader 2 class b", "^0000001 FILE  CHANGED$");
    cp("change reader 3 hold", "^0000001 FILE  CHANGED$");
    cp("change reader 4 name new name", "^0000001 FILE  CHANGED$");
    cp("change reader all copy 3", "^0000004 FILES CHANGED$");
    cp("order reader 4 2", "^0000002 FILES ORDERED$");
    let files = reader(&system, "CMSUSER");
    assert_eq!(files.iter().map(|file| column(file, "spid")).collect::<Vec<_>>(), ["0004", "0002", "0001", "0003"]);
    assert_eq!(files.iter().map(|file| column(file, "class")).collect::<Vec<_>>(), ["A", "B", "A", "A"]);
    assert_eq!(files.iter().map(|file| column(file, "hold")).collect::<Vec<_>>(), ["NONE", "NONE", "NONE", "USER"]);
    assert!(files.iter().all(|file| column(file, "copies") == "003"), "{files:#?}");
    assert_eq!((column(&files[0], "name"), column(&files[0], "type")), ("NEW", "NAME"));
    cp("query reader class b", "^OPERATOR 0002 B ");
    cp("purge reader class b", "^0000001 FILE  PURGED$");
    cp("purge reader 2", "^HCP...042E Spool file 0002 does not exist$");
    cp("purge reader 1", "^0000001 FILE  PURGED$");
    cp("purge reader all", "^0000002 FILES PURGED$");
    cp("query files", "^FILES:   NO RDR,   NO PRT,   NO PUN$");
}

#[test]
fn a_held_file_is_passed_over() {
    let system = System::start();
    system.punch("CMSUSER", "HELD.X", "held card\n").succeeded();
    system.punch("CMSUSER", "FREE.X", "free card\n").succeeded();
    let session = system.session("CMSUSER", "cp change reader 1 hold\nreceive\nreceive\n");
    assert_line(&session, "^File FREE X A1 received");
    assert_line(&session, "^DMSRCV205E Reader empty or not ready$");
    assert_eq!(reader(&system, "CMSUSER").len(), 1, "the held file is gone");
    assert_line(&system.session("CMSUSER", "cp change reader 1 nohold\nreceive\n"), "^File HELD X A1 received");
}

#[test]
fn transfer_gives_a_file_a_new_number_and_tells_both() {
    let system = System::start();
    system.punch("MAINT", "OTHER.X", "x\n").succeeded();
    system.punch("CMSUSER", "MOVED.X", "one\ntwo\n").succeeded();
    let mut receiver = system.log_on("MAINT");
    let mut sender = system.log_on("CMSUSER");
    let shown = sender.command("cp transfer reader 1 to maint");
    assert_line(&shown, r"^RDR FILE 0001 SENT TO   MAINT    RDR AS  0002 RECS 0002 CPY  001 A NOHOLD NOKEEP$");
    assert_line(&shown, "^0000001 FILE  TRANSFERRED$");
    receiver.until(r"^RDR FILE 0002 SENT FROM CMSUSER  \w{3} WAS 0001 RECS 0002 CPY  001 A NOHOLD NOKEEP$");
    assert_eq!(reader(&system, "MAINT").len(), 2);
    assert!(reader(&system, "CMSUSER").is_empty());
    // A general user cannot take what is another's.
    assert_line(&sender.command("cp transfer maint reader all to cmsuser"), r"^Ready\(\d{5}\);");
    assert_eq!(reader(&system, "MAINT").len(), 2);
}

#[test]
fn a_tag_travels_with_the_file() {
    let system = System::start();
    system.disk_put("CMSUSER", "A", "DECK", b"card\n").succeeded();
    let session =
        system.session("CMSUSER", "cp tag dev punch NODE1 SOMEBODY 50\ncp query tag dev punch\ncp spool punch to maint\npunch a deck a\n");
    assert_line(&session, "^NODE1 SOMEBODY 50$");
    let session = system.session("MAINT", "cp tag query file 1\ncp tag file 1 other text\ncp tag query file 1\n");
    assert_line(&session, "^NODE1 SOMEBODY 50$");
    assert_line(&session, "^other text$");
    let long = "x".repeat(137);
    assert_line(&system.session("CMSUSER", &format!("cp tag dev punch {long}\n")), r"^Ready\(\d{5}\);");
}

#[test]
fn a_punch_file_is_closed_at_logoff_and_not_before() {
    let system = System::start();
    system.disk_put("CMSUSER", "A", "DECK", b"card\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    // CONT keeps several PUNCH commands in one file.
    terminal.command("cp spool punch cont to maint");
    terminal.command("punch a deck a (noheader");
    terminal.command("punch a deck a (noheader");
    assert!(reader(&system, "MAINT").is_empty(), "it was closed in spite of CONT");
    terminal.type_line("logoff");
    terminal.ending();
    let files = reader(&system, "MAINT");
    assert_eq!(files.len(), 1);
    assert_eq!(column(&files[0], "records"), "00000002");
}

#[test]
fn the_spool_survives_a_restart_and_a_cold_start_drops_it() {
    let mut system = System::start();
    for number in 0..20 {
        system.punch("CMSUSER", &format!("N{number}.X"), &"card\n".repeat(number + 1)).succeeded();
    }
    system.cp("CHANGE CMSUSER READER 7 CLASS Q HOLD").succeeded();
    system.cp("ORDER CMSUSER READER 15").succeeded();
    let before = reader(&system, "CMSUSER");
    system.shut_down();
    system.run();
    assert_eq!(reader(&system, "CMSUSER"), before, "after SHUTDOWN");
    system.kill();
    system.run();
    assert_eq!(reader(&system, "CMSUSER"), before, "after kill -9");
    assert_line(&system.session("CMSUSER", "receive 20\n"), "^File N19 X A1 received");
    system.shut_down();

    let cold = |mode: &str| {
        let arguments = ["start", "--headless", "--detach", mode];
        system.cp64(&arguments, b"").succeeded();
        let files = system.cp_says("QUERY FILES CMSUSER");
        system.cp("SHUTDOWN").succeeded();
        tests::wait_for("the end of the system", || (system.check().code == 0).then_some(()));
        files
    };
    assert_line(&cold("--warm"), "^FILES: 0019 RDR");
    assert_line(&cold("--force"), "^FILES: 0019 RDR");
    assert_line(&cold("--cold"), "^FILES:   NO RDR");
    assert_no_line(&system.check().succeeded().output, "lost");
}
