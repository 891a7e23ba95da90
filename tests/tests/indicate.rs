//! INDICATE as scripts parse it, who may ask for which form, abbreviations and nonsense.

use regex::Regex;
use tests::{System, assert_line, wait_for};

/// INDICATE LOAD on two processors, line for line; JSON says more.
const LOAD: &[&str] = &[
    r"^AVGPROC-\d{3}% 02$",
    r"^MDC READS-000000/SEC WRITES-000000/SEC HIT RATIO-000%$",
    r"^PAGING-\d+/SEC$",
    r"^Q0-\d{5}\(\d{5}\)                           DORMANT-\d{5}$",
    r"^Q1-\d{5}\(\d{5}\)           E1-\d{5}\(\d{5}\)$",
    r"^Q2-\d{5}\(\d{5}\) EXPAN-\d{3} E2-\d{5}\(\d{5}\)$",
    r"^Q3-\d{5}\(\d{5}\) EXPAN-\d{3} E3-\d{5}\(\d{5}\)$",
    r"^$",
    r"^PROC 0000-\d{3}% CP     PROC 0001-\d{3}% CP$",
    r"^$",
    r"^LIMITED-\d{5}$",
];

#[test]
fn load_queues_and_activity_have_the_lines_of_zvm() {
    let system = System::start_with(&["--processors", "2"]);
    let load = system.cp_says("INDICATE LOAD");
    let lines: Vec<_> = load.lines().collect();
    assert_eq!(lines.len(), LOAD.len(), "{load}");
    for (line, shape) in lines.iter().zip(LOAD) {
        assert!(Regex::new(shape).unwrap().is_match(line), "{line} is not {shape}");
    }
    let users = system.add_users(3);
    let mut loops: Vec<_> = users.iter().map(|user| system.log_on(user)).collect();
    loops.iter_mut().for_each(|terminal| terminal.type_line("abend loop"));
    wait_for("two to run and one to be ready", || {
        let queues = system.cp_says("INDICATE QUEUES");
        // Two entries on a line.
        let shape = r"^U000\d +Q[123] R\d\d +\d{8}/\d{8}, U000\d +Q[123] R\S* +\d{8}/\d{8}$";
        Regex::new(&format!("(?m){shape}")).unwrap().is_match(&queues).then_some(())
    });
    let expanded = system.cp_says("INDICATE QUEUES EXP");
    assert_line(&expanded, r"^U000\d +Q[123] R\S* +\d{8}/\d{8} \.[I.]\.\. +-?\d*\.\d{4} A0[01]$");
    assert_line(&system.cp_says("INDICATE ACTIVE 30 SEC"), r"^0000\d USERS, 0000\d DISP, 00000 ELIG, 0000\d DORM$");
    let load = system.cp_json("INDICATE LOAD")["data"].clone();
    assert!(load["in_queue"].as_u64() >= Some(3) && load["expansion"].as_u64() >= Some(2), "{load}");
}

#[test]
fn a_general_user_sees_the_load_and_itself() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.attention();
    terminal.until_cp_read();
    let mut answer = |command: &str| {
        terminal.look();
        terminal.type_line(command);
        terminal.type_line("QUERY USERID");
        terminal.until("^CMSUSER +AT ")
    };
    assert_line(&answer("INDICATE"), r"^AVGPROC-\d{3}% \d\d$");
    assert_line(&answer("IND LOAD"), r"^AVGPROC-\d{3}% \d\d$");
    for own in ["IND U", "IND USER *", "IND US CMSUSER"] {
        assert_line(&answer(own), "^USERID=CMSUSER  MACH=CMS ");
    }
    for own in ["IND U EXP", "IND U * EXP", "IND USER CMSUSER EXP"] {
        assert_line(&answer(own), "^Userid=CMSUSER  Machine=CMS ");
    }
    for refused in ["QUEUES", "Q EXP", "ACTIVE", "ACT 5 MIN", "I/O", "PAGING", "PAG ALL"] {
        assert_line(&answer(&format!("INDICATE {refused}")), &format!("^HCPCMD002E Invalid operand - {}", &refused[..1]));
    }
    assert_line(&answer("INDICATE USER OPERATOR"), "^HCPCMD002E Invalid operand - OPERATOR$");
}

#[test]
fn forms_are_abbreviated_as_on_zvm_and_nonsense_is_named() {
    let system = System::start();
    for (command, first) in [
        ("IND", "AVGPROC-"),
        ("INDICATE LOAD", "AVGPROC-"),
        ("IND U OPERATOR", "USERID=OPERATOR "),
        ("IND USER OPERATOR EXP", "Userid=OPERATOR "),
        ("IND PAG", "No users in page wait"),
        ("IND PAGING WAIT", "No users in page wait"),
        ("IND PAG ALL", "No users have pages on the paging file"),
        ("IND ACT", "0000"),
        ("IND ACTIVE 9999 HRS", "0000"),
        ("IND I/O", "No users in I/O wait"),
    ] {
        let said = system.cp_says(command);
        assert!(said.starts_with(first), "{command}: {said}");
    }
    for (command, code) in [
        ("IN", 1),
        ("IND LOA", 2),
        ("IND LOAD X", 2),
        ("IND PA", 2),
        ("IND PAG SOME", 2),
        ("IND AC", 2),
        ("IND ACT 0 SEC", 2),
        ("IND ACT 10000 SEC", 2),
        ("IND ACT -1 SEC", 2),
        ("IND ACT 10", 26),
        ("IND ACT 10 DAYS", 2),
        ("IND ACT 10 SEC X", 2),
        ("IND Q X", 2),
        ("IND Q EXP X", 2),
        ("IND I", 2),
        ("IND U NOBODY", 45),
        ("IND U OPERATOR X", 2),
        ("IND U OPERATOR EXP X", 2),
    ] {
        assert_eq!(system.cp_json(command)["code"], code, "{command}");
    }
}
