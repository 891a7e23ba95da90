//! SPXTAPE and `cp64 spool`, MAXSPOOL, and the room of the spool.

use std::fs;

use tests::{System, assert_line, wait_for};

#[test]
fn an_archive_carries_files_to_another_system() {
    let mut one = System::start();
    for (name, cards) in [("ONE.X", 3), ("TWO.Y", 700)] {
        one.punch("CMSUSER", name, &"a card\n".repeat(cards)).succeeded();
    }
    one.punch("MAINT", "THREE.Z", "a card\n").succeeded();
    one.cp("CHANGE CMSUSER READER 2 CLASS Q COPY 3 HOLD").succeeded();
    let said = one.cp_says("SPXTAPE DUMP monday");
    assert_line(&said, "^0000003 FILES DUMPED$");
    assert_line(&said, "^SPXTAPE DUMP COMPLETE: monday, 704 RECORDS, ");
    assert_line(&one.cp("SPXTAPE DUMP monday").errors, "^HCPSPX9439E SPXTAPE DUMP failed: monday is there already$");
    let scan = one.cp_says("SPXTAPE SCAN monday USERID CMSUSER");
    assert_line(&scan, r"^CMSUSER  RDR 0002 Q RDR 00000700 003 USER TWO      Y$");
    assert_line(&scan, "^0000002 FILES SCANNED$");
    // Loaded twice it is there twice, but not with NODUP.
    assert_line(&one.cp_says("SPXTAPE LOAD monday USERID CMSUSER"), "^0000002 FILES LOADED$");
    assert_line(&one.cp_says("SPXTAPE LOAD monday NODUP"), "^NO FILES LOADED$");
    assert_line(&one.cp_says("QUERY FILES CMSUSER"), "^FILES: 0004 RDR");

    // The host's way, from a running system into one that is not.
    let place = tempfile::tempdir().expect("a directory");
    let archive = place.path().join("archive");
    let archive = archive.to_str().expect("a path");
    one.cp64(&["spool", "dump", archive, "--user", "MAINT"], b"").succeeded();
    assert_ne!(one.cp64(&["spool", "dump", archive], b"").code, 0, "an archive was replaced unasked");
    assert_line(&one.cp64(&["spool", "scan", archive], b"").succeeded().output, r"^MAINT    RDR 0001 A RDR 00000001 001 NONE THREE    Z$");
    one.shut_down();
    let mut two = System::start();
    two.shut_down();
    assert_line(&two.cp64(&["spool", "load", archive], b"").succeeded().output, "^1 files, 1 records, ");
    assert_line(&two.cp64(&["spool", "scan", archive], b"").succeeded().output, r"^MAINT    RDR 0001 A RDR 00000001 001 NONE THREE    Z$");
    two.run();
    assert_line(&two.cp_says("QUERY READER MAINT ALL"), r"^OPERATOR 0001 A RDR 00000001 001 NONE .* THREE     Z ");
    // Garbage is refused and changes nothing.
    fs::write(two.directory().join("spxtape/garbage"), b"no archive at all")
        .or_else(|_| {
            fs::create_dir(two.directory().join("spxtape")).and_then(|()| fs::write(two.directory().join("spxtape/garbage"), b"no archive"))
        })
        .expect("a file");
    assert_line(&two.cp("SPXTAPE LOAD garbage").errors, "^HCPSPX9440E SPXTAPE LOAD failed: ");
    assert_line(&two.cp("SPXTAPE LOAD absent").errors, "^HCPSPX9438E SPXTAPE LOAD failed: ");
    assert_line(&two.cp("SPXTAPE DUMP ../out").errors, "^HCPCMD002E Invalid operand - ../out$");
    assert_line(&two.cp("SPXTAPE SCAN garbage PURGE").errors, "^HCPCMD003E Invalid option - PURGE$");
}

#[test]
fn a_general_user_archives_only_what_is_his() {
    let system = System::start();
    system.punch("CMSUSER", "MINE.X", "a card\n").succeeded();
    system.punch("MAINT", "OTHER.X", "a card\n").succeeded();
    let session = system.session("CMSUSER", "cp spxtape dump mine\ncp spxtape dump theirs userid maint\ncp spxtape load mine\n");
    assert_line(&session, "^0000001 FILE  DUMPED$");
    assert_line(&session, "^HCPCMD002E Invalid operand - MAINT$");
    assert_line(&session, "^0000001 FILE  LOADED$");
    assert!(system.directory().join("spxtape/CMSUSER/mine").is_file());
    assert_line(&system.cp("SPXTAPE SCAN mine").errors, "^HCPSPX9438E ");
}

#[test]
fn maxspool_is_kept_by_close_transfer_and_punch() {
    let system = System::start();
    let source = system.directory().join("user.direct");
    let text = fs::read_to_string(&source).expect("a directory");
    fs::write(&source, text + "\nUSER SMALL AUTOONLY 32M 32M G\n  INCLUDE CMSDFLT\n  SPOOLFILE MAXSPOOL 2\n").expect("it can be written");
    system.cp("DIRECTXA").succeeded();
    assert_line(&system.cp_says("QUERY MAXSPOOL SMALL"), "^USERID SMALL    MAXSPOOL 0002 FILES 0000$");
    for _ in 0..2 {
        system.punch("SMALL", "A.X", "a card\n").succeeded();
    }
    assert_line(&system.punch("SMALL", "A.X", "a card\n").errors, "^HCPSPL439E Spool files of SMALL are at their maximum of 2$");
    system.disk_put("CMSUSER", "JOB", "DECK", b"a card\n").succeeded();
    let session = system.session("CMSUSER", "cp spool punch to small\npunch job deck a\n");
    assert_line(&session, "^HCPSPL439E Spool files of SMALL are at their maximum of 2$");
    system.punch("MAINT", "A.X", "a card\n").succeeded();
    assert_line(&system.cp("TRANSFER MAINT READER ALL TO SMALL").errors, "^HCPSPL439E ");
    assert_line(&system.cp_says("QUERY FILES MAINT"), "^FILES: 0001 RDR");
    system.cp("PURGE SMALL READER 1").succeeded();
    system.punch("SMALL", "A.X", "a card\n").succeeded();
    for bad in ["SPOOLFILE MAXSPOOL 0", "SPOOLFILE MAXSPOOL 10000", "SPOOLFILE", "SPOOLFILE MAXSPOOL 5 6"] {
        let text = fs::read_to_string(&source).expect("a directory").replace("SPOOLFILE MAXSPOOL 2", bad);
        let kept = fs::read_to_string(&source).expect("a directory");
        fs::write(&source, text).expect("it can be written");
        assert_ne!(system.cp("DIRECTXA").code, 0, "{bad}");
        fs::write(&source, kept).expect("it can be written");
    }
}

#[test]
fn the_operator_is_warned_before_the_spool_is_full() {
    let mut system = System::start();
    system.shut_down();
    let path = system.directory().join("system.toml");
    let text = fs::read_to_string(&path).expect("settings");
    fs::write(&path, format!("spool = \"16M\"\n{text}")).expect("settings can be written");
    system.run();
    let mut terminal = tests::Terminal::observe(&system.socket(), "OPERATOR");
    let megabyte = "x".repeat(1000) + "\n";
    let megabyte = megabyte.repeat(1000);
    let mut refused = 0;
    for _ in 0..20 {
        refused += i32::from(system.punch("CMSUSER", "BIG.X", &megabyte).code != 0);
    }
    assert!(refused > 0, "16 MiB hold 20 files of a megabyte");
    for percent in [80, 90, 95] {
        terminal.until(&format!("HCPSPL440W Spool space is {percent}% full$"));
    }
    system.cp("PURGE CMSUSER READER ALL").succeeded();
    terminal.until("HCPSPL441I Spool space is ");
    system.punch("CMSUSER", "BIG.X", &megabyte).succeeded();
    wait_for("the file", || system.cp_says("QUERY FILES CMSUSER").contains("0001 RDR").then_some(()));
}
