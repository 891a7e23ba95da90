//! LINK as a person meets it: passwords asked for, options of the directory, and every response.

use console::wire::ConsoleState;
use tests::{System, Terminal, assert_line, assert_no_line};

/// A terminal of a user in CP READ who has no IPLed system.
fn bare(system: &System, user: &str) -> Terminal {
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), user);
    terminal.until("^LOGON AT ");
    terminal.until_cp_read();
    terminal
}

/// Changes a line of the directory.
fn edit(system: &System, of: &str, change: impl Fn(&str) -> String) {
    let source = system.directory().join("user.direct");
    let text = std::fs::read_to_string(&source).unwrap();
    let line = text.lines().find(|line| line.contains(of)).unwrap_or_else(|| panic!("no line with {of} in\n{text}"));
    std::fs::write(&source, text.replace(line, &change(line))).unwrap();
    system.cp("DIRECTXA").succeeded();
}

/// Gives CMSUSER's 191 these passwords.
fn passwords(system: &System, passwords: &str) {
    edit(system, "USR001", |line| {
        let end = line.find(" MR").map_or(line.len(), |at| at + 3);
        format!("{} {passwords}", &line[..end])
    });
}

/// Gives OTHER an option, behind the INCLUDE of its entry.
fn option(system: &System, option: &str) {
    let source = system.directory().join("user.direct");
    let text = std::fs::read_to_string(&source).unwrap();
    let entry = text.find("USER OTHER ").expect("its entry");
    let include = entry + text[entry..].find("INCLUDE ").expect("an INCLUDE");
    let end = include + text[include..].find('\n').expect("the end of the line");
    std::fs::write(&source, format!("{}\n  OPTION {option}{}", &text[..end], &text[end..])).unwrap();
    system.cp("DIRECTXA").succeeded();
}

/// Types a command in CP READ; everything shown up to the answer of QUERY USERID behind it.
fn answer(terminal: &mut Terminal, line: &str) -> String {
    terminal.look();
    terminal.type_line(line);
    terminal.type_line("query userid");
    terminal.until(r"^\w+ +AT ")
}

/// Types LINK, and the password that CP asks for.
fn with_password(terminal: &mut Terminal, line: &str, prompt: &str, password: &str) -> String {
    terminal.look();
    terminal.type_line(line);
    terminal.until(&format!("^{prompt}$"));
    terminal.until_state(|state| state == ConsoleState::VmRead { hidden: true });
    terminal.type_line(password);
    terminal.until_cp_read();
    answer(terminal, "query virtual 391")
}

#[test]
fn a_password_is_asked_for_and_never_shown_or_kept() {
    let system = System::start();
    passwords(&system, "RSESAME WSESAME MSESAME");
    system.add_user("OTHER");
    let mut other = bare(&system, "OTHER");
    let started = answer(&mut other, "spool console start to cmsuser");
    assert_no_line(&started, "^HCP");
    for (mode, prompt, password) in [
        ("rr", "ENTER READ PASSWORD:", "rsesame"),
        ("W", "ENTER WRITE PASSWORD:", "WSESAME"),
        ("mr", "ENTER MULT PASSWORD:", "MSESAME and more"),
    ] {
        let wrong = with_password(&mut other, &format!("link cmsuser 191 391 {mode}"), prompt, "nosesame");
        assert_line(&wrong, "^HCPQVD040E Device 0391 does not exist$");
        assert_line(&other.shown(), "^HCPLNM114E CMSUSER 0191 not linked; mode or password incorrect$");
        let linked = with_password(&mut other, &format!("link cmsuser 191 391 {mode}"), prompt, password);
        assert_line(&linked, "^DASD 0391 3390 USR001 ");
        assert_line(&answer(&mut other, "detach 391"), "^DASD 0391 DETACHED$");
    }
    // The attention key answers with nothing.
    other.look();
    other.type_line("link cmsuser 191 391 rr");
    other.until("^ENTER READ PASSWORD:$");
    other.attention();
    other.until("^HCPLNM114E ");
    other.until_cp_read();
    // A machine is asked as well, and waits; a program that wants the response itself is not.
    other.type_line("ipl cms parm autocr");
    other.ready();
    other.look();
    other.type_line("cp link cmsuser 191 391 rr");
    other.until("^ENTER READ PASSWORD:$");
    other.until_state(|state| state == ConsoleState::VmRead { hidden: true });
    other.type_line("rsesame");
    assert_no_line(&other.ready(), "^HCP|sesame");
    assert_line(&other.command("cp query virtual 391"), "^DASD 0391 3390 USR001 R/O");
    assert_line(&other.command("cp spool console stop close"), "^Ready;");
    // From the host there is nobody to ask.
    let refused = system.cp("LINK CMSUSER 191 391 RR");
    assert_eq!(refused.code, 114, "{refused:?}");

    let spid = &system.cp_json("QUERY READER CMSUSER ALL")["data"][0]["spid"];
    system.session("CMSUSER", &format!("receive {spid} kept console\n"));
    let kept = String::from_utf8(system.disk_get("CMSUSER", "KEPT", "CONSOLE")).unwrap();
    assert_line(&kept, "^ENTER READ PASSWORD:");
    assert!(!kept.to_lowercase().contains("sesame"), "a password is in the file:\n{kept}");
    let shown = other.shown().to_lowercase();
    assert!(!shown.contains("sesame"), "a password is shown:\n{shown}");
}

#[test]
fn a_script_gives_the_password_on_the_next_line() {
    let system = System::start();
    passwords(&system, "RSESAME WSESAME MSESAME");
    let shown = system.session("MAINT", "cp detach 391\ncp link cmsuser 191 391 rr pass= rsesame\ncp detach 391\nquery search\n");
    assert_no_line(&shown, "not linked");
    system.add_user("OTHER");
    let shown = system.session("OTHER", "cp link cmsuser 191 391 rr\nrsesame\naccess 391 e\n");
    assert_line(&shown, r"^DMSACC723I E \(391\) R/O$");
}

#[test]
fn stable_and_exclusive_links_need_an_option_and_keep_others_out() {
    let system = System::start();
    passwords(&system, "ALL ALL ALL");
    system.add_user("OTHER");
    system.add_user("THIRD");
    let mut other = bare(&system, "OTHER");
    for mode in ["SR", "SW", "SM"] {
        let refused = answer(&mut other, &format!("link cmsuser 191 391 {mode}"));
        assert_line(&refused, "^HCPLNM1157E CMSUSER 0191 not linked; stable access is not authorized$");
    }
    for mode in ["ER", "EW"] {
        let refused = answer(&mut other, &format!("link cmsuser 191 391 {mode}"));
        assert_line(&refused, "^HCPLNM1157E CMSUSER 0191 not linked; exclusive access is not authorized$");
    }
    option(&system, "LNKSTABL");
    drop(other);
    system.cp("FORCE OTHER");
    let mut other = bare(&system, "OTHER");
    let mut third = bare(&system, "THIRD");
    // What the third gets in each mode while the other holds the disk.
    let outcomes = |held: &str, other: &mut Terminal, third: &mut Terminal| {
        assert_no_line(&answer(other, &format!("link cmsuser 191 391 {held}")), "not linked");
        let outcome = |mode: &&str| {
            let shown = answer(third, &format!("link cmsuser 191 391 {mode}#query virtual 391#detach 391"));
            let got = ["R/W", "R/O"].into_iter().find(|how| shown.contains(&format!("USR001 {how}")));
            got.unwrap_or_else(|| {
                assert_line(&shown, "^HCPLNM10[4-6]E CMSUSER 0191 not linked; ");
                "no"
            })
        };
        let outcomes = ["RR", "R", "W", "M", "MR", "MW"].iter().map(outcome).collect::<Vec<_>>().join(" ");
        answer(other, "detach 391");
        outcomes
    };
    assert_eq!(outcomes("SR", &mut other, &mut third), "R/O R/O no no R/O no");
    assert_eq!(outcomes("SW", &mut other, &mut third), "R/O no no no R/O no");
    assert_eq!(outcomes("SM", &mut other, &mut third), "R/O no no no R/O no");
    let refused = answer(&mut other, "link cmsuser 191 391 EW");
    assert_line(&refused, "^HCPLNM1157E ");
    edit(&system, "OPTION LNKSTABL", |_| "  OPTION LNKEXCLU".to_string());
    drop(other);
    system.cp("FORCE OTHER");
    let mut other = bare(&system, "OTHER");
    assert_eq!(outcomes("ER", &mut other, &mut third), "no no no no no no");
    assert_eq!(outcomes("EW", &mut other, &mut third), "no no no no no no");
    assert_no_line(&answer(&mut third, "link cmsuser 191 391 rr"), "not linked");
    assert_line(&answer(&mut other, "link cmsuser 191 391 ER"), "^HCPLNM104E CMSUSER 0191 not linked; R/O BY THIRD$");
}

#[test]
fn lnknopas_opens_every_disk_without_a_password() {
    let system = System::start();
    passwords(&system, "RSESAME");
    system.add_user("OTHER");
    let mut other = bare(&system, "OTHER");
    assert_line(&answer(&mut other, "link cmsuser 191 391 w"), "^HCPLNM112E CMSUSER 0191 not linked; no write password$");
    assert_line(&answer(&mut other, "link cmsuser 191 391 mr"), "^HCPLNM113E CMSUSER 0191 not linked; no multiple password$");
    assert_line(&answer(&mut other, "link operator 191 391"), "^HCPLNM111E OPERATOR 0191 not linked; no read password$");
    option(&system, "LNKNOPAS");
    drop(other);
    system.cp("FORCE OTHER");
    let mut other = bare(&system, "OTHER");
    for mode in ["R", "W", "MW"] {
        let shown = answer(&mut other, &format!("link cmsuser 191 391 {mode}#query virtual 391#detach 391"));
        assert_line(&shown, "^DASD 0391 3390 USR001 ");
        assert_no_line(&shown, "ENTER|^HCP");
    }
}

#[test]
fn every_response_is_that_of_the_manual() {
    let system = System::start();
    passwords(&system, "ALL ALL MSESAME");
    ["OTHER", "THIRD", "FOURTH"].iter().for_each(|user| system.add_user(user));
    let [mut other, mut third, mut fourth] = ["OTHER", "THIRD", "FOURTH"].map(|user| bare(&system, user));
    let mut owner = bare(&system, "CMSUSER");
    answer(&mut owner, "detach 191");
    answer(&mut other, "link cmsuser 191 391 rr");
    assert_line(&answer(&mut third, "link cmsuser 191 391 w"), "^HCPLNM104E CMSUSER 0191 not linked; R/O BY OTHER$");
    assert_line(&answer(&mut third, "link cmsuser 191 391 wr"), "^HCPLNM101W DASD 0391 forced R/O; R/O BY OTHER$");
    assert_line(&answer(&mut fourth, "link cmsuser 191 391 wr"), "^HCPLNM101W DASD 0391 forced R/O; R/O BY 2 USERS$");
    assert_line(
        &answer(&mut fourth, "link cmsuser 191 391 rr"),
        "^HCPLNM110E CMSUSER 0191 not linked; DASD 0391 ALREADY DEFINED$|already defined$",
    );
    answer(&mut fourth, "detach 391");
    // With the owner writing beside readers.
    answer(&mut owner, "link * 191 191 mw");
    assert_line(&answer(&mut fourth, "link cmsuser 191 391 w"), "^HCPLNM106E CMSUSER 0191 not linked; R/W BY CMSUSER; R/O BY 2 USERS$");
    assert_line(&answer(&mut fourth, "link cmsuser 191 391 wr"), "^HCPLNM103W DASD 0391 forced R/O; R/W BY CMSUSER; R/O BY 2 USERS$");
    [&mut other, &mut third, &mut fourth].into_iter().for_each(|terminal| drop(answer(terminal, "detach 391")));
    assert_line(&answer(&mut fourth, "link cmsuser 191 391 w"), "^HCPLNM105E CMSUSER 0191 not linked; R/W BY CMSUSER$");
    assert_line(&answer(&mut fourth, "link cmsuser 191 391 wr"), "^HCPLNM102W DASD 0391 forced R/O; R/W BY CMSUSER$");
    answer(&mut fourth, "detach 391");
    assert_line(&answer(&mut fourth, "link cmsuser 777 391"), "^HCPLNM107E CMSUSER 0777 not linked; not in CP directory$");
    assert_line(&answer(&mut fourth, "link nobody 191 391"), "^HCPLNM107E NOBODY 0191 not linked; not in CP directory$");
    // Its host file is no minidisk.
    answer(&mut owner, "detach 191");
    let file = system.directory().join("minidisks/CMSUSER.0191");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"%PDF-1.7").unwrap();
    assert_line(&answer(&mut fourth, "link cmsuser 191 391"), "^HCPLNM108E CMSUSER 0191 not linked; its host file cannot be used");
    std::fs::write(&file, whole).unwrap();
    // Ten wrong passwords, and not even the right one is taken any more.
    for _ in 0..10 {
        assert_line(&answer(&mut fourth, "link cmsuser 191 391 mr wrong"), "^HCPLNM114E ");
    }
    assert_line(&answer(&mut fourth, "link cmsuser 191 391 mr msesame"), "^HCPLNM115E LINK invalid; excessive incorrect passwords$");
    assert_line(&answer(&mut fourth, "link cmsuser 191 391 mr"), "^HCPLNM115E ");
}

#[test]
fn a_class_reads_one_disk_while_its_owner_writes() {
    let system = System::start();
    system.disk_put("CMSUSER", "LESSON", "TEXT", b"first lesson\n").succeeded();
    passwords(&system, "ALL");
    let class: Vec<String> = system.add_users(40);
    let mut teacher = system.log_on("CMSUSER");
    let mut class: Vec<Terminal> = class
        .iter()
        .map(|user| {
            let mut terminal = system.log_on(user);
            assert_no_line(&terminal.command("cp link cmsuser 191 391 rr"), "not linked");
            assert_line(&terminal.command("access 391 b"), r"^DMSACC723I B \(391\) R/O$");
            terminal
        })
        .collect();
    assert_line(&teacher.command("cp query links 191"), "CMSUSER  0191 R/W.*U0001    0391 R/O");
    for (number, student) in class.iter_mut().enumerate() {
        assert_line(&student.command("type lesson text b"), "^first lesson$");
        if number % 10 == 0 {
            assert_line(&teacher.command(&format!("copyfile lesson text a lesson{number} text a")), "^Ready;");
        }
    }
    // A student who accesses the disk again sees what came meanwhile.
    class[0].command("access 391 b");
    assert_line(&class[0].command("listfile lesson30 text b"), "^LESSON30 TEXT +B1$");
}
