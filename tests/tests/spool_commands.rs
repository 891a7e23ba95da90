//! The spool commands with every option: what they change, what they answer, who may.

use std::fs;

use tests::{System, assert_line, assert_no_line};

/// The lines of an answer behind its heading.
fn listed(system: &System, command: &str) -> Vec<String> {
    system.cp_says(command).lines().skip(1).map(str::to_string).collect()
}

#[test]
fn a_spool_operator_sees_all_files_and_a_general_user_only_his() {
    let system = System::start();
    system.punch("CMSUSER", "ONE.X", "a card\n").succeeded();
    system.punch("MAINT", "TWO.X", "a card\n").succeeded();
    let all = system.cp_says("QUERY READER ALL");
    assert_line(&all, "^OWNERID  FILE CLASS RECORDS  CPY HOLD DATE  TIME     NAME      TYPE     DIST$");
    assert_line(&all, r"^CMSUSER  0001 A RDR 00000001 001 NONE \d\d/\d\d \d\d:\d\d:\d\d ONE       X        OFF$");
    assert_line(&all, r"^MAINT    0001 A RDR ");
    assert_eq!(listed(&system, "QUERY READER USERID MAINT ALL").len(), 1);
    assert_eq!(listed(&system, "QUERY READER U CMSUSER").len(), 1);
    assert_eq!(listed(&system, "QUERY READER SYSTEM CLASS A").len(), 2);
    assert_line(&system.cp_says("QUERY READER *"), "^NO READER FILES$");
    let session = system.session("CMSUSER", "cp query reader all\ncp query reader maint\ncp query reader system\n");
    assert_line(&session, "^ORIGINID FILE CLASS");
    assert_line(&session, "^HCPCMD002E Invalid operand - (maint|MAINT)$");
    assert_line(&session, "^HCPCMD002E Invalid operand - (system|SYSTEM)$");
    assert_no_line(&session, " TWO ");
}

#[test]
fn files_are_found_by_hold_form_destination_and_maker_and_shown_as_asked() {
    let system = System::start();
    for number in 1..=4 {
        system.punch("CMSUSER", &format!("N{number}.X"), "a card\n").succeeded();
    }
    system.cp("CHANGE CMSUSER READER 1 HOLD").succeeded();
    system.cp("CHANGE CMSUSER READER 2 SYSHOLD").succeeded();
    system.cp("CHANGE CMSUSER READER 3 FORM LABELS DEST ROOM2 DIST BOX7 KEEP NOMSG COPY *3").succeeded();
    let spids = |options: &str| -> Vec<String> {
        listed(&system, &format!("QUERY READER CMSUSER {options}")).iter().map(|line| line[9..13].to_string()).collect()
    };
    assert_eq!(spids("HOLD"), ["0001", "0002"]);
    assert_eq!(spids("NOHOLD"), ["0003", "0004"]);
    assert_eq!(spids("AVAIL"), ["0003", "0004"]);
    assert_eq!(spids("USERHOLD"), ["0001"]);
    assert_eq!(spids("SYSHOLD"), ["0002"]);
    assert_eq!(spids("FORM LABELS"), ["0003"]);
    assert_eq!(spids("FORM STANDARD"), ["0001", "0002", "0004"]);
    assert_eq!(spids("DEST ROOM2"), ["0003"]);
    assert_eq!(spids("2 4"), ["0002", "0004"]);
    assert_line(&system.cp_says("QUERY READER CMSUSER 3"), "^OPERATOR 0003 A RDR 00000001 003 NONE LABELS   ROOM2    ON   OFF$");
    let full = system.cp_says("QUERY READER CMSUSER 3 ALL FULLDATE");
    assert_line(&full, "^ORIGINID FILE CLASS RECORDS  CPY HOLD DATE       TIME     NAME      TYPE     DIST$");
    assert_line(&full, r"^OPERATOR 0003 A RDR 00000001 003 NONE \d\d/\d\d/20\d\d \d\d:\d\d:\d\d N3        X        BOX7$");
    assert_line(&system.cp_says("QUERY READER CMSUSER 3 ALL ISODATE"), r" NONE 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d N3 ");
    let short = system.cp_says("QUERY READER CMSUSER 3 ALL NODIST");
    assert_line(&short, "NAME      TYPE$");
    assert_line(&short, " N3        X$");
    let data = &system.cp_json("QUERY READER CMSUSER 3")["data"][0];
    for (name, value) in [("form", "LABELS"), ("dest", "ROOM2"), ("dist", "BOX7"), ("hold", "NONE")] {
        assert_eq!(data[name], value);
    }
    assert_eq!((&data["collated"], &data["keep"], &data["msg"], &data["copies"]), (&true.into(), &true.into(), &false.into(), &3.into()));
    // The user cannot take away the operator's hold.
    let session = system.session("CMSUSER", "cp change reader 2 nosyshold\ncp change reader 2 nohold\ncp change reader 1 hold nohold\n");
    assert_line(&session, "^HCPCMD003E Invalid option - (nosyshold|NOSYSHOLD)$");
    assert_line(&session, "^HCPCSP013E Conflicting option - (nohold|NOHOLD)$");
    assert_eq!(spids("SYSHOLD"), ["0002"]);
}

#[test]
fn what_was_sent_can_be_taken_back_and_nothing_else() {
    let system = System::start();
    system.disk_put("CMSUSER", "JOB", "DECK", b"a card\n").succeeded();
    system.session("CMSUSER", "cp spool punch to maint\npunch job deck a\npunch job deck a\n");
    system.punch("MAINT", "OTHER.X", "a card\n").succeeded();
    let mut maint = system.log_on("MAINT");
    let session = system.session(
        "CMSUSER",
        "cp query reader xfer\ncp transfer reader 3 from maint\ncp transfer reader 1 from maint\ncp transfer punch all from maint reader\n",
    );
    assert_line(&session, "^OWNERID  FILE");
    assert_line(&session, "^MAINT    0002 A PUN ");
    assert_no_line(&session, "^MAINT    0003 ");
    assert_line(&session, "^HCPCSU042E Spool file 0003 does not exist$");
    assert_line(&session, r"^RDR FILE \d{4} SENT FROM MAINT    RDR WAS 0001 RECS 0002 CPY  001 A NOHOLD NOKEEP$");
    assert_line(&session, "^0000001 FILE  TRANSFERRED$");
    assert_line(&session, r"^PUN FILE \d{4} SENT FROM MAINT    RDR WAS 0002 ");
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES: 0001 RDR,   NO PRT, 0001 PUN$");
    maint.until(r"^RDR FILE 0001 SENT TO   CMSUSER  RDR AS  \d{4} ");
    // The operator takes what he names.
    system.cp("TRANSFER CMSUSER READER 3 FROM MAINT").succeeded();
    assert_line(&system.cp_says("QUERY FILES MAINT"), "^FILES:   NO RDR");
    // TO SYSTEM: to the printers, still the owner's.
    system.cp("TRANSFER CMSUSER READER ALL TO SYSTEM PRINTER").succeeded();
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES:   NO RDR, 0002 PRT, 0001 PUN$");
}

#[test]
fn a_user_who_cannot_log_on_receives() {
    let system = System::start();
    let source = system.directory().join("user.direct");
    let text = fs::read_to_string(&source).expect("a directory");
    fs::write(&source, text + "\nUSER POSTBOX NOLOG\n").expect("it can be written");
    system.cp("DIRECTXA").succeeded();
    system.punch("POSTBOX", "A.X", "a card\n").succeeded();
    system.disk_put("CMSUSER", "JOB", "DECK", b"a card\n").succeeded();
    assert_line(
        &system.session("CMSUSER", "cp spool punch to postbox\npunch job deck a\n"),
        "^PUN FILE .* SENT TO   POSTBOX  RDR AS  0002 ",
    );
    assert_line(&system.cp_says("QUERY FILES POSTBOX"), "^FILES: 0002 RDR");
}

#[test]
fn cont_makes_one_file_until_it_is_ended_and_settings_go_with_it() {
    let system = System::start();
    system.disk_put("CMSUSER", "JOB", "DECK", b"a card\n").succeeded();
    let session = system.session(
        "CMSUSER",
        "cp spool punch cont class c dist * dest any form standard\npunch job deck a (noheader\npunch job deck a (noheader\ncp query files\ncp close punch eof name all of\ncp query punch all\n",
    );
    assert_line(&session, "^FILES:   NO RDR,   NO PRT,   NO PUN$");
    assert_line(&session, r"^CMSUSER  0001 C PUN 00000002 001 NONE .* ALL       OF       CMSUSER$");
}

#[test]
fn decks_with_an_id_card_find_their_user_in_any_coding() {
    let system = System::start();
    let text = b"ID cmsuser CLASS M NAME PAY ROLL TAG vm2 op\nfirst\nsecond\n";
    system.cp64(&["punch", "-"], text).succeeded();
    assert_line(&system.cp_says("QUERY READER CMSUSER ALL"), "^OPERATOR 0001 M RDR 00000002 001 NONE .* PAY       ROLL ");
    assert_eq!(system.cp_json("QUERY READER CMSUSER")["data"][0]["tag"], "vm2 op");
    let ebcdic = |card: &str| -> Vec<u8> {
        let code = |c: char| match c {
            'A'..='I' => 0xc1 + (c as u8 - b'A'),
            'J'..='R' => 0xd1 + (c as u8 - b'J'),
            'S'..='Z' => 0xe2 + (c as u8 - b'S'),
            _ => 0x40,
        };
        format!("{card:<80}").chars().map(code).collect()
    };
    let deck = [ebcdic("USERID MAINT"), ebcdic("HELLO FROM A MAINFRAME")].concat();
    system.cp64(&["punch", "-", "--name", "MVS.JOB"], &deck).succeeded();
    assert_line(&system.session("MAINT", "receive\ntype mvs job a\n"), "^HELLO FROM A MAINFRAME *$");
    for bad in [&b"no id card\n"[..], b"", b"ID NOBODY\ncard\n", b"ID A/B\ncard\n"] {
        assert_ne!(system.cp64(&["punch", "-"], bad).code, 0, "{bad:?}");
    }
}
