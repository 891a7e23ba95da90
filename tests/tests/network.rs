//! Files, notes and acknowledgements between users of a real system, and decks that keep files.

use tests::{System, assert_line, assert_no_line};

#[test]
fn who_sent_a_file_with_ack_hears_that_it_was_received() {
    let system = System::start();
    system.disk_put("CMSUSER", "README", "MD", b"# Title\n\nText\n").succeeded();
    let sent = system.session("CMSUSER", "sendfile readme md a to maint (ack\nsf readme md a maint (ack notype\n");
    assert_line(&sent, "^File README MD A1 sent to MAINT");
    let received = system.session("MAINT", "peek 1\nreceive\ndiscard\ntype maint netlog\n");
    assert_line(&received, r"^File README MD from CMSUSER at \S+\. Format is NETDATA\.$");
    assert_line(&received, "^# Title$");
    assert_line(&received, "^File README MD A1 received from CMSUSER");
    assert_line(&received, "^File README MD from CMSUSER at .* has been discarded$");
    let heard = system.session("CMSUSER", "receive\nreceive\ntype cmsuser netlog\n");
    assert_line(&heard, r"^File README MD A1 sent on \S+ \S+ was received by MAINT");
    assert_line(&heard, r"^File README MD A1 sent on \S+ \S+ was discarded by MAINT");
    assert_eq!(heard.matches("Acknowledgment: File README MD").count(), 2, "{heard}");
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "^FILES:   NO RDR");
    assert_eq!(system.disk_get("MAINT", "README", "MD"), b"# Title\n\nText\n");
}

#[test]
fn a_note_reaches_a_notebook_by_a_nickname() {
    let system = System::start();
    system.disk_put("CMSUSER", "CMSUSER", "NAMES", b":nick.boss :userid.MAINT :name.The maintainer\n").succeeded();
    let sent = system.session("CMSUSER", "namefind :nick boss :name\nnote boss\nHello there\n\n.\n");
    assert_line(&sent, "^The maintainer$");
    assert_line(&sent, "^Note sent to MAINT");
    let received = system.session("MAINT", "receive\ntype all notebook\n");
    assert_line(&received, "^Note from CMSUSER at .* added to ALL NOTEBOOK A0$");
    assert_line(&received, "^From: CMSUSER at ");
    assert_line(&received, "^Hello there$");
}

#[test]
fn a_dumped_deck_brings_files_back_and_a_damaged_one_stays_in_the_reader() {
    let system = System::start();
    let lines: String = (0..500).map(|number| format!("{number} {}\n", "wide ".repeat(number % 60))).collect();
    system.disk_put("CMSUSER", "MANY", "LINES", lines.as_bytes()).succeeded();
    system.disk_put("CMSUSER", "SOME", "BYTES", &[0, 255, 10, 7].repeat(100)).succeeded();
    let commands = "cp spool punch to maint cont\ndisk dump many lines a\ndisk dump some bytes a\ncp spool punch nocont close\n";
    assert_no_line(&system.session("CMSUSER", commands), r"^Ready\(");
    let loaded = system.session("MAINT", "disk load\n");
    assert_line(&loaded, "^MANY LINES A1$");
    assert_line(&loaded, "^SOME BYTES A1$");
    assert_eq!(system.disk_get("MAINT", "MANY", "LINES"), lines.as_bytes());
    assert_eq!(system.disk_get("MAINT", "SOME", "BYTES"), [0, 255, 10, 7].repeat(100));
    // A deck of text is none of these.
    system.punch("MAINT", "A.DECK", "a card\n").succeeded();
    let refused = system.session("MAINT", "disk load\n");
    assert_line(&refused, "^DMSDSK078E ");
    assert_line(&refused, r"^Ready\(00032\)");
    assert_line(&system.cp_says("QUERY FILES MAINT"), "^FILES: 0001 RDR");
}

#[test]
fn a_reader_on_hold_keeps_what_was_received() {
    let system = System::start();
    system.punch("CMSUSER", "A.DECK", "a card\n").succeeded();
    let received = system.session("CMSUSER", "cp spool reader hold\nreceive\n");
    assert_line(&received, "^File A DECK A1 received from OPERATOR");
    assert_line(&system.cp_says("QUERY READER CMSUSER ALL"), "^OPERATOR 0001 A RDR 00000001 001 USER ");
}
