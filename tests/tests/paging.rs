//! More users than real storage has room for, and what happens when pages cannot go anywhere or do not come back.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::{System, Terminal, in_namespace, wait_for};

/// As little real storage as CP starts with: room for about 145 idle CMS users.
const SMALL: &str = "16M";
/// Where the tests keep a user's own bytes: far from anything that CMS uses.
const OWN: u64 = 0x180_0000;
/// DIAGNOSE X'108'.
const CONSOLE_WRITE: u32 = 0x108;

fn paging(system: &System) -> Value {
    system.cp_json("QUERY FRAMES")["data"]["paging"].clone()
}

fn count(figures: &Value, what: &str) -> u64 {
    figures[what].as_u64().unwrap_or_else(|| panic!("{what} in {figures}"))
}

/// Pages of this user that are on the paging file.
fn paged_out(system: &System, user: &str) -> u64 {
    count(&system.cp_json(&format!("INDICATE USER {user}"))["data"]["pages"], "paged_out")
}

/// Stores the user's number into pages of its own.
fn mark(terminal: &mut Terminal, number: usize, pages: u64) {
    for page in 0..pages {
        terminal.type_line(&format!("#CP STORE {:X} {number:08X}{page:08X}", OWN + page * 0x1000));
        terminal.until("^STORE COMPLETE");
    }
}

/// Finds it there again.
#[track_caller]
fn check(terminal: &mut Terminal, number: usize, pages: u64) {
    for page in 0..pages {
        terminal.look();
        terminal.type_line(&format!("#CP DISPLAY {:X}", OWN + page * 0x1000));
        let shown = terminal.until(&format!("^{:08X} ", OWN + page * 0x1000));
        assert!(shown.contains(&format!("{number:08X} {page:08X} 00000000")), "page {page} of user {number}: {shown}");
    }
}

#[test]
fn many_more_users_than_fit_each_keep_their_own_and_answer() {
    const USERS: usize = 270;
    let system = System::start_with(&["--storage", SMALL, "--paging", "256M"]);
    let names = system.add_users(USERS);
    let mut terminals: Vec<Terminal> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let mut terminal = system.log_on(name);
            mark(&mut terminal, number, 3);
            terminal
        })
        .collect();
    let figures = paging(&system);
    assert!(count(&figures, "slots_used") > 2000, "they do not fit: {figures}");
    // Twice around, from the one that was away longest.
    for round in 0..2 {
        for (number, terminal) in terminals.iter_mut().enumerate() {
            let answer = terminal.command("identify");
            assert!(answer.contains(&format!("{:<8} AT CP64", names[number])), "round {round}: {answer}");
            check(terminal, number, 3);
        }
    }
    let figures = paging(&system);
    assert!(count(&figures, "reads") > 2000, "{figures}");
    assert_eq!((count(&figures, "read_errors"), count(&figures, "write_errors"), count(&figures, "waiting")), (0, 0, 0), "{figures}");
    // All at once: nobody is served at the cost of another's page.
    for terminal in &mut terminals {
        terminal.look();
        terminal.type_line("identify");
    }
    for (number, terminal) in terminals.iter_mut().enumerate() {
        let answer = terminal.ready();
        assert!(answer.contains(&names[number]), "{answer}");
    }
    let alloc = system.cp_says("QUERY ALLOC PAGE");
    assert!(alloc.contains("PAGING ----          0      65535  65536"), "{alloc}");
    let all = system.cp_says("INDICATE PAGING ALL");
    // Some 27 pages each, 4096 frames: at least a hundred are away, three in a line.
    assert!(all.lines().count() > 30 && all.contains(" 000000:0000"), "{all}");
    drop(terminals);
    // Their slots go with them, and what was paged is on record.
    for name in &names {
        console::client::command(&system.socket(), &format!("FORCE {name}")).expect("CP answers");
    }
    let record = system.cp64(&["accounting", "--json", "--user", &names[0]], b"").succeeded().output;
    let record: Value = serde_json::from_str(record.trim()).expect("one record");
    assert!(count(&record, "page_reads") > 0 && count(&record, "page_writes") > 10, "{record}");
    wait_for("the slots to come free", || (count(&paging(&system), "slots_used") == 0).then_some(()));
    let on_disk = std::os::unix::fs::MetadataExt::blocks(&system.directory().join("paging").metadata().unwrap()) * 512;
    assert!(on_disk < 1 << 20, "{on_disk} bytes of the host's disk are still taken");
}

/// A system with these options and users on it whose pages have left for the paging file.
fn with_absent_users(options: &[&str], absent: usize, others: usize) -> (System, Vec<Terminal>) {
    let system = System::start_with(options);
    let names = system.add_users(absent + others);
    let mut terminals: Vec<Terminal> = names
        .iter()
        .map(|name| {
            let mut terminal = system.log_on(name);
            terminal.command("identify");
            terminal
        })
        .collect();
    terminals.truncate(absent);
    wait_for("the first user's pages to leave", || (paged_out(&system, &names[0]) > 10).then_some(()));
    // Pages that are still on their way would make a file that was cut off as long as it was.
    wait_for("no page to leave any more", || {
        let written = || count(&paging(&system), "writes");
        let before = written();
        std::thread::sleep(Duration::from_millis(300));
        (written() == before).then_some(())
    });
    (system, terminals)
}

/// Logs users on until one of them is stopped because there is no room: those who are there, and who was stopped with what was said.
fn log_on_until_one_is_stopped<'a>(system: &System, names: &'a [String]) -> (Vec<(&'a str, Terminal)>, Terminal, String) {
    let mut here = Vec::new();
    for name in names {
        let mut terminal = Terminal::log_on(&system.socket(), name);
        let said = terminal.until(r"^(Ready; T=|HCPPGF415W|HCP.*174E)");
        if !said.contains("Ready;") {
            return (here, terminal, said);
        }
        here.push((name.as_str(), terminal));
    }
    panic!("all {} users fit", names.len());
}

/// Room has come: whoever was stopped goes on, or is IPLed where there was not enough for an IPL.
fn goes_on(terminal: &mut Terminal, said: &str) {
    terminal.until_cp_read();
    terminal.type_line(if said.contains("415W") { "begin" } else { "ipl cms parm autocr" });
    terminal.ready();
    assert!(terminal.command("identify").contains("AT CP64"));
}

#[test]
fn a_paging_file_cut_off_under_the_system_stops_those_who_need_it_only() {
    let (system, mut terminals) = with_absent_users(&["--storage", SMALL, "--paging", "64M"], 2, 240);
    let file = OpenOptions::new().write(true).open(system.directory().join("paging")).unwrap();
    file.set_len(0).unwrap();
    let lost = &mut terminals[0];
    lost.look();
    lost.type_line("identify");
    let said = lost.until("^HCPPGX415E");
    assert!(said.contains("CP entered; continuous paging errors at address") && said.contains("cut off"), "{said}");
    lost.until_cp_read();
    // BEGIN tries again, and is told the same; a new IPL needs nothing of the old pages.
    lost.type_line("begin");
    lost.until("^HCPPGX415E");
    lost.until_cp_read();
    lost.type_line("ipl cms parm autocr");
    lost.ready();
    assert!(lost.command("identify").contains("AT CP64"));
    // CP and a newcomer live.
    system.add_user("ALICE");
    let mut alice = system.log_on("ALICE");
    assert!(alice.command("identify").contains("ALICE"));
    assert!(count(&paging(&system), "read_errors") > 0);
}

#[test]
fn damage_on_the_paging_file_is_noticed() {
    use std::os::unix::fs::FileExt;
    let (system, mut terminals) = with_absent_users(&["--storage", SMALL, "--paging", "64M"], 2, 240);
    let file = File::options().write(true).open(system.directory().join("paging")).unwrap();
    let length = file.metadata().unwrap().len();
    for at in (0..length).step_by(4096) {
        file.write_all_at(b"garbage", at + 2000).unwrap();
    }
    terminals[1].look();
    terminals[1].type_line("identify");
    let said = terminals[1].until("^HCPPGX415E");
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn without_room_on_the_paging_file_machines_stop_and_go_on_when_there_is() {
    let system = System::start_with(&["--storage", SMALL, "--paging", "1M"]);
    let names = system.add_users(220);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let (mut logged_on, mut terminal, said) = log_on_until_one_is_stopped(&system, &names);
    assert!(said.contains("paging file is full") || said.contains("Real storage is exhausted"), "{said}");
    // What they have together is most of what there is.
    let has = |name: &&str| {
        let pages = &system.cp_json(&format!("INDICATE USER {name}"))["data"]["pages"];
        count(pages, "resident") + count(pages, "paged_out")
    };
    let (frames, slots, had) = (16 << 8, 1 << 8, logged_on.iter().map(|(name, _)| has(name)).sum::<u64>());
    assert!(had > (frames + slots) * 3 / 4, "{} users fit, with {had} pages", logged_on.len());
    assert!(system.cp_says("QUERY NAMES").contains("OPERATOR"), "CP answers");
    operator.until(r"HCPPGT401I (9\d|100) percent of the paging file is in use");
    operator.until("HCPPGT400I Pages cannot be paged out; the paging file is full");
    // Those who are there go on: what they need is in storage.
    let (name, last) = logged_on.last_mut().unwrap();
    assert!(last.command("identify").contains(*name));
    // Room comes back.
    for (name, _) in logged_on.drain(..60) {
        assert_eq!(console::client::command(&system.socket(), &format!("FORCE {name}")).expect("CP answers").code, 0);
    }
    goes_on(&mut terminal, &said);
}

#[test]
fn reserved_pages_stay() {
    let system = System::start_with(&["--storage", SMALL, "--paging", "64M"]);
    let names = system.add_users(242);
    let mut kept = system.log_on(&names[0]);
    kept.command("identify");
    let said = system.cp_says(&format!("SET RESERVED {} 1000", names[0]));
    assert!(said.starts_with(&format!("{:<8} RSV-001000  ACT-0000", names[0])), "{said}");
    let mut given = system.log_on(&names[1]);
    given.command("identify");
    let others: Vec<Terminal> = names[2..].iter().map(|name| system.log_on(name)).collect();
    wait_for("pages to leave", || (paged_out(&system, &names[1]) > 10).then_some(()));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(paged_out(&system, &names[0]), 0);
    assert!(system.cp_says("QUERY RESERVED").contains("RSV-001000"));
    assert!(system.cp_says(&format!("INDICATE USER {}", names[0])).contains("RESVD=1000"));
    assert!(kept.command("identify").contains(&names[0]));
    // Too much, and nonsense.
    for (command, code) in [("99999999", 9436), ("-1", 2), ("", 26), ("5 6", 2)] {
        assert_eq!(system.cp_json(&format!("SET RESERVED {} {command}", names[1]))["code"], code, "{command}");
    }
    assert_eq!(system.cp_json("SET RESERVED NOBODY 5")["code"], 45);
    system.cp_says(&format!("SET RESERVED {} OFF", names[0]));
    assert_eq!(system.cp_says("QUERY RESERVED"), "No users have reserved pages\n");
    drop(others);
}

#[test]
fn an_old_paging_file_is_replaced_and_none_is_left_behind() {
    let mut system = System::prepare(&["--storage", SMALL, "--paging", "16M"]);
    system.run();
    system.kill();
    let file = system.directory().join("paging");
    std::fs::write(&file, b"pages of the system that was killed").unwrap();
    system.run();
    assert_eq!(file.metadata().unwrap().len(), 0, "a new one");
    assert_eq!(system.cp_says("INDICATE PAGING"), "No users in page wait\n");
    system.shut_down();
    assert!(!file.exists(), "it means nothing to anybody now");
    assert!(system.check().succeeded().output.len() < 10_000);
}

#[test]
fn killed_while_it_pages_cp_starts_warm_with_everything_but_the_machines() {
    let (mut system, terminals) = with_absent_users(&["--storage", SMALL, "--paging", "64M"], 2, 240);
    system.punch("U0001", "LETTER.TEXT", "kept\n").succeeded();
    system.disk_put("CMSUSER", "MY", "FILE", b"kept too\n").succeeded();
    assert!(count(&paging(&system), "slots_used") > 100);
    system.kill();
    drop(terminals);
    assert!(system.check().succeeded().output.len() < 10_000);
    system.run();
    assert_eq!(system.cp_says("QUERY NAMES").trim(), "OPERATOR - SYSC");
    assert_eq!(count(&paging(&system), "slots_used"), 0, "pages of machines that are no more");
    let mut terminal = system.log_on("U0001");
    assert!(terminal.command("cp query reader all").contains("LETTER"), "the spool is warm");
    assert_eq!(system.disk_get("CMSUSER", "MY", "FILE"), b"kept too\n");
}

/// A program that stores into each of these pages of its own, again and again.
fn touches(pages: u32) -> String {
    let (first, end) = (OWN as u32 + 0x1000, OWN as u32 + 0x1000 + pages * 0x1000);
    // mov edi, first; loop: mov [rdi], edi; add edi, 4096; cmp edi, end; jb loop; jmp to the start
    let mut code = vec![0xbf];
    code.extend(first.to_le_bytes());
    code.extend([0x89, 0x3f, 0x81, 0xc7, 0, 0x10, 0, 0, 0x81, 0xff]);
    code.extend(end.to_le_bytes());
    code.extend([0x72, 0xf0, 0xeb, 0xe9]);
    code.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn pages_that_a_guest_releases_cost_nothing_and_read_as_zero() {
    const PAGES: u32 = 500;
    const CODE: u64 = 0x170_0000;
    let system = System::start();
    let user = &system.add_users(1)[0];
    let mut terminal = system.log_on(user);
    let pages = || system.cp_json(&format!("INDICATE USER {user}"))["data"]["pages"].clone();
    let before = count(&pages(), "resident");
    terminal.attention();
    terminal.until_cp_read();
    // mov edi, first; mov esi, last; mov eax, X'10'; out 0x83, eax; then for ever
    let (first, last) = (OWN as u32 + 0x1000, OWN as u32 + PAGES * 0x1000 + 0xfff);
    let release: String = [&[0xbf][..], &first.to_le_bytes(), &[0xbe], &last.to_le_bytes(), &[0xb8, 0x10, 0, 0, 0, 0xe7, 0x83, 0xeb, 0xfe]]
        .concat()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    for (at, code) in [(OWN, touches(PAGES)), (CODE, release)] {
        terminal.look();
        terminal.type_line(&format!("STORE {at:X} {code}"));
        terminal.until("^STORE COMPLETE");
    }
    terminal.type_line(&format!("BEGIN {OWN:X}"));
    wait_for("the pages to be there", || (count(&pages(), "resident") >= before + u64::from(PAGES)).then_some(()));
    terminal.attention();
    terminal.until_cp_read();
    terminal.type_line(&format!("BEGIN {CODE:X}"));
    wait_for("the pages to be gone", || (count(&pages(), "resident") < before + 50).then_some(()));
    terminal.attention();
    terminal.until_cp_read();
    terminal.look();
    terminal.type_line(&format!("DISPLAY {first:X}"));
    assert!(terminal.until(&format!("^{first:08X} ")).contains("00000000 00000000 00000000 00000000"));
}

#[test]
fn who_does_not_fit_into_storage_waits_in_the_eligible_list_and_everybody_gets_on() {
    const GREEDY: usize = 8;
    // Each works in a third of all there is.
    const PAGES: u32 = 1300;
    let system = System::start_with(&["--storage", SMALL, "--paging", "256M", "--processors", "2"]);
    let names = system.add_users(GREEDY);
    let _greedy: Vec<Terminal> = names
        .iter()
        .map(|name| {
            let mut terminal = system.log_on(name);
            terminal.attention();
            terminal.until_cp_read();
            terminal.type_line(&format!("STORE {OWN:X} {}", touches(PAGES)));
            terminal.until("^STORE COMPLETE");
            terminal.type_line(&format!("BEGIN {OWN:X}"));
            terminal
        })
        .collect();
    let line = regex::Regex::new(r"U000\d +E[123] R +\d{8}/\d{8}").unwrap();
    let queues = wait_for("somebody to wait for storage", || {
        let queues = system.cp_says("INDICATE QUEUES");
        line.is_match(&queues).then_some(queues)
    });
    assert!(queues.contains(" Q"), "others are in: {queues}");
    let waiting = || {
        let load = system.cp_json("INDICATE LOAD")["data"]["eligible"].clone();
        load.as_array().expect("E1 to E3").iter().filter_map(Value::as_u64).sum::<u64>()
    };
    wait_for("INDICATE LOAD to count them", || (waiting() > 0).then_some(()));
    // Who waits gets in: all get on, and somebody at a terminal is answered meanwhile.
    let used = |name: &String| system.cp_json(&format!("INDICATE USER {name}"))["data"]["virtual_us"].as_u64().expect("it is counted");
    let before: Vec<u64> = names.iter().map(used).collect();
    let mut person = system.log_on("CMSUSER");
    assert!(person.command("identify").contains("AT CP64"));
    for (name, before) in names.iter().zip(before) {
        wait_for("everybody to get on", || (used(name) > before).then_some(()));
    }
    // With room for all again nobody is kept out.
    for name in &names[2..] {
        system.cp(&format!("FORCE {name}")).succeeded();
    }
    wait_for("the eligible list to be empty", || (waiting() == 0).then_some(()));
}

#[test]
fn a_diagnose_whose_operands_are_away_is_carried_out_once_when_they_are_there() {
    const CODE: u64 = 0x100_0000;
    let system = System::start_with(&["--storage", SMALL, "--paging", "64M"]);
    let names = system.add_users(242);
    let mut terminal = system.log_on(&names[0]);
    terminal.attention();
    terminal.until_cp_read();
    let mut store = |at: u64, bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        terminal.type_line(&format!("STORE {at:X} {hex}"));
        terminal.until("^STORE COMPLETE");
    };
    // mov edi, OWN + 4094; mov esi, 4; xor edx, edx; mov eax, CONSOLE_WRITE; out 0x83, eax; then for ever
    let mut code = vec![0xbf];
    code.extend((OWN as u32 + 4094).to_le_bytes());
    code.push(0xbe);
    code.extend(4_u32.to_le_bytes());
    code.extend([0x31, 0xd2, 0xb8]);
    code.extend(CONSOLE_WRITE.to_le_bytes());
    code.extend([0xe7, 0x83, 0xeb, 0xfe]);
    store(CODE, &code);
    // So many pages between code and operand that it does not come along, and the operand itself on two pages.
    for page in 0..40 {
        store(CODE + 0x10_0ffe + page * 0x2000, b"xxxx");
    }
    store(OWN + 4094, b"ONCE");
    let others: Vec<Terminal> = names[1..].iter().map(|name| system.log_on(name)).collect();
    wait_for("all pages to leave", || {
        (count(&system.cp_json(&format!("INDICATE USER {}", names[0]))["data"]["pages"], "resident") == 0).then_some(())
    });
    terminal.look();
    terminal.type_line(&format!("begin {CODE:X}"));
    let shown = terminal.until("^ONCE");
    assert_eq!(shown.matches("ONCE").count(), 1, "{shown}");
    std::thread::sleep(Duration::from_millis(200));
    terminal.attention();
    terminal.until_cp_read();
    terminal.look();
    terminal.type_line("display psw");
    let psw = terminal.until("^PSW = ");
    assert!(psw.trim_end().ends_with(&format!("{:016X}", CODE + code.len() as u64 - 2)) && !psw.contains("ONCE"), "{psw}");
    drop(others);
}

#[test]
fn a_full_host_disk_stops_those_who_need_a_page_and_begin_goes_on_when_there_is_room() {
    in_namespace("a_full_host_disk_stops_those_who_need_a_page_and_begin_goes_on_when_there_is_room", |place| {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "none"]).arg(place).status();
        assert!(mounted.is_ok_and(|status| status.success()), "a tmpfs can be mounted");
        let mut system = System::prepare_at(&place.join("system"));
        system.run();
        system.shut_down();
        let settings = system.directory().join("system.toml");
        let others = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, format!("storage = \"16M\"\npaging = \"64M\"\n{others}")).unwrap();
        system.run();
        let names = system.add_users(240);
        let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
        let filler = fs::File::create(place.join("filler")).map(|mut file| while file.write_all(&[0xf1; 4096]).is_ok() {});
        assert!(filler.is_ok());
        let (mut here, mut terminal, said) = log_on_until_one_is_stopped(&system, &names);
        operator.until("HCPPGT400I Pages cannot be paged out; the paging file cannot be written: No space left");
        let (name, last) = here.last_mut().unwrap();
        assert!(last.command("identify").contains(*name), "who has pages goes on");
        fs::remove_file(place.join("filler")).unwrap();
        goes_on(&mut terminal, &said);
        let (name, first) = here.first_mut().unwrap();
        assert!(first.command("identify").contains(*name));
    });
}
