//! PRINT, PUNCH, SENDFILE, RECEIVE, READCARD, TELL.

use minidisk::edf::RecordFormat;

use crate::double::User;

/// A user with a text whose lines are long, empty, or end in blanks.
fn sender() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    let long = "x".repeat(3000);
    user.has_file(0x191, "README MD", 1, &["# Title", " ", &long, "ends in blanks   "]);
    user.has_records(0x191, "CARDS DATA", 2, RecordFormat::Fixed(8), &["ABCDEFGH", "12345678"]);
    user.ipl("AUTOCR", &[]);
    user
}

/// What one user has sent arrives in the reader of another.
fn receiver(from: &User) -> User {
    let mut user = User::before_ipl("MAINT");
    user.add_disk(0x191, "MNT191", 900);
    user.ipl("AUTOCR", &[]);
    let sent = std::mem::take(&mut from.world.borrow_mut().sent);
    user.world.borrow_mut().reader.extend(sent.into_iter().map(|(_, file)| file));
    user
}

#[test]
fn a_file_that_is_sent_arrives_as_it_was() {
    let mut cmsuser = sender();
    let shown = cmsuser.does("sendfile readme md a to maint");
    assert_eq!(shown, ["File README MD A1 sent to MAINT at NODE1 on 11/22/26 14:41:41"]);
    cmsuser.does("sf cards data a maint (notype");
    assert_eq!(cmsuser.world.borrow().commands[0], "CLOSE 00D TO MAINT NAME README MD");
    assert!(cmsuser.world.borrow().sent.iter().all(|(_, file)| file.records().iter().all(|card| card.len() == 80)));

    let mut maint = receiver(&cmsuser);
    assert_eq!(maint.does("receive"), ["File README MD A1 received from CMSUSER at NODE1"]);
    assert_eq!(maint.file_on(0x191, "README MD"), cmsuser.file_on(0x191, "README MD"));
    maint.does("receive");
    assert_eq!(maint.does("l cards * a (format noh"), ["CARDS    DATA     A2 F          8"]);
    assert_eq!(maint.fails("receive"), (8, vec!["DMSRCV205E Reader empty or not ready".into()]));
}

#[test]
fn sendfile_needs_no_mode() {
    let mut cmsuser = sender();
    for line in ["sendfile readme md to maint", "sendfile readme md maint", "sf readme md maint at node1", "sf readme md * maint"] {
        let shown = cmsuser.does(line);
        assert_eq!(shown, ["File README MD A1 sent to MAINT at NODE1 on 11/22/26 14:41:41"], "{line}");
    }
}

#[test]
fn a_string_of_bytes_is_printed_and_punched_by_its_lines_and_sent_byte_for_byte() {
    let mut cmsuser = User::before_ipl("CMSUSER");
    cmsuser.add_disk(0x191, "MNT191", 900);
    let binary: Vec<u8> = (0..=255).cycle().take(3000).collect();
    cmsuser.has_bytes(0x191, "DATA BIN", &binary);
    cmsuser.has_bytes(0x191, "NOTE TXT", b"first\nlast");
    cmsuser.ipl("AUTOCR", &[]);
    let too_long = |command: &str, most| (32, vec![format!("DMS{command}044E Record exceeds allowable maximum of {most} bytes")]);
    assert_eq!(cmsuser.fails("print data bin"), too_long("PRT", 132));
    assert_eq!(cmsuser.fails("punch data bin"), too_long("PUN", 80));
    assert!(cmsuser.world.borrow().sent.is_empty());
    cmsuser.does("print note txt");
    assert_eq!(cmsuser.world.borrow_mut().printed.remove(0).records(), [b"first".to_vec(), b"last".to_vec()]);
    cmsuser.does("punch note txt (noheader");
    let cards = cmsuser.world.borrow_mut().sent.remove(0).1.records();
    assert_eq!(cards, [format!("{:<80}", "first").into_bytes(), format!("{:<80}", "last").into_bytes()]);
    cmsuser.does("sendfile data bin to maint");
    let mut maint = receiver(&cmsuser);
    maint.does("receive");
    assert_eq!(maint.bytes_on(0x191, "DATA BIN"), binary);
    assert_eq!(maint.does("listfile data bin a (format noh"), ["DATA     BIN      A1 F          1"]);
}

#[test]
fn an_empty_file_is_sent_too() {
    let mut cmsuser = User::before_ipl("CMSUSER");
    cmsuser.add_disk(0x191, "MNT191", 180);
    cmsuser.has_file(0x191, "EMPTY FILE", 1, &[]);
    cmsuser.ipl("AUTOCR", &[]);
    assert_eq!(cmsuser.does("type empty file"), ["", ""]);
    cmsuser.does("copyfile empty file a other file a");
    cmsuser.does("sendfile empty file a to maint");
    let mut maint = receiver(&cmsuser);
    maint.does("receive");
    assert!(maint.file_on(0x191, "EMPTY FILE").is_empty());
}

#[test]
fn receive_replaces_only_when_told_and_keeps_the_file_otherwise() {
    let mut cmsuser = sender();
    cmsuser.does("sendfile readme md a maint");
    let mut maint = receiver(&cmsuser);
    maint.does("receive 1 keep me a");
    cmsuser.does("sendfile cards data a maint");
    let sent = cmsuser.world.borrow_mut().sent.remove(0).1;
    maint.world.borrow_mut().reader.push(sent);
    let (code, shown) = maint.fails("receive 2 keep me a");
    let exists = "DMSRCV024E File KEEP ME A2 already exists; specify REPLACE option";
    assert_eq!((code, shown), (28, vec![exists.into()]));
    assert_eq!(maint.world.borrow().reader.len(), 1);
    assert_eq!(maint.does("receive 2 keep = a (replace"), ["File KEEP DATA A2 received from CMSUSER at NODE1 sent as CARDS DATA"]);
    assert!(maint.world.borrow().reader.is_empty());
}

#[test]
fn sendfile_says_what_is_wrong_and_leaves_nothing_in_the_punch() {
    let mut user = sender();
    assert_eq!(user.fails("sendfile readme").0, 24);
    assert_eq!(user.fails("sendfile readme md"), (24, vec!["DMSSFI646E Userid must be specified".into()]));
    assert_eq!(user.fails("sendfile readme md 9 to maint"), (24, vec!["DMSSFI048E Invalid filemode 9".into()]));
    assert_eq!(user.fails("sendfile no file a to maint").0, 28);
    assert_eq!(user.fails("sendfile readme md a to").0, 24);
    assert_eq!(user.fails("sendfile readme md a to maint at mars").0, 32);
    let (code, shown) = user.fails("sendfile readme md a to nobody");
    assert_eq!((code, shown), (53, vec!["HCPCLS053E NOBODY not in CP directory".into()]));
    assert_eq!(user.world.borrow().commands.last().map(String::as_str), Some("CLOSE 00D PURGE"));
    user.world.borrow_mut().spool_full = true;
    let (code, shown) = user.fails("sendfile readme md a to maint");
    assert_eq!((code, shown), (100, vec!["DMSSFI123S Error 12 on the virtual device 00D".into()]));
    assert!(user.world.borrow().sent.is_empty());
}

#[test]
fn netdata_that_is_cut_off_or_foreign_is_refused_and_stays_in_the_reader() {
    let mut cmsuser = sender();
    cmsuser.does("sendfile readme md a maint");
    let mut maint = receiver(&cmsuser);
    {
        let file = &mut maint.world.borrow_mut().reader[0];
        let keep = file.frames.len() - 84;
        file.frames.truncate(keep);
    }
    let (code, shown) = maint.fails("receive");
    assert_eq!((code, shown), (100, vec!["DMSRCV684E Spool file 0001 is no valid NETDATA: The end is missing".into()]));
    assert!(!maint.disk_has(0x191, "README MD"));
    assert_eq!(maint.world.borrow().reader.len(), 1);
}

#[test]
fn punched_files_come_back_by_their_header_cards() {
    let mut user = sender();
    user.does("punch cards data a");
    let punched = user.world.borrow_mut().sent.remove(0).1;
    assert!(punched.records()[0].starts_with(b":READ  CARDS    DATA     A2 MNT191 11/22/26 14:41:41"));
    user.world.borrow_mut().reader.push(punched.clone());
    assert_eq!(user.fails("receive").0, 28);
    assert_eq!(user.does("receive 1 = new a"), ["File CARDS NEW A1 received from CMSUSER at NODE1 sent as CARDS DATA"]);
    assert_eq!(user.file_on(0x191, "CARDS NEW")[0], format!("{:<80}", "ABCDEFGH"));
    user.world.borrow_mut().reader.push(punched);
    user.does("readcard deck file a");
    assert_eq!(user.file_on(0x191, "DECK FILE").len(), 2);
    assert!(user.world.borrow().reader.is_empty());
}

#[test]
fn a_deck_may_hold_several_files() {
    let mut user = User::new();
    let cards: [&[u8]; 5] = [b":READ  ONE      FILE     A1", b"1", b":READ  TWO      FILE     A1", b"22", b"3"];
    user.world.borrow_mut().arrives(b'U', "DECK", "CARDS", &cards);
    user.does("readcard *");
    assert_eq!(user.file_on(0x191, "ONE FILE"), ["1"]);
    assert_eq!(user.file_on(0x191, "TWO FILE"), ["22", "3"]);
}

#[test]
fn plain_decks_and_printer_files_take_the_name_of_the_spool_file() {
    let mut user = User::new();
    user.world.borrow_mut().arrives(b'U', "plain", "deck", &[b"abcd", b"efgh"]);
    user.world.borrow_mut().arrives(b'C', "", "", &[b"one line   ", b"   ", b"two"]);
    user.does("receive");
    assert_eq!(user.does("l plain * a (format noh"), ["PLAIN    DECK     A1 F          4"]);
    let (code, shown) = user.fails("receive");
    let unnamed = "DMSRCV681E This is an unnamed file; specify filename and filetype";
    assert_eq!((code, shown), (88, vec![unnamed.into()]));
    let shown = user.does("receive 2 console log");
    assert_eq!(shown[0], "DMSRCV738I Record length is 11 bytes");
    assert_eq!(user.file_on(0x191, "CONSOLE LOG"), ["one line", " ", "two"]);
}

#[test]
fn receive_says_what_is_wrong() {
    let mut user = User::new();
    assert_eq!(user.fails("receive 77"), (28, vec!["DMSRCV655E Spool file 0077 does not exist".into()]));
    user.world.borrow_mut().arrives(b'U', "EMPTY", "FILE", &[]);
    assert_eq!(user.fails("receive"), (8, vec!["DMSRCV205E Spool file 0001 is empty".into()]));
    assert_eq!(user.fails("receive 1 name").0, 24);
    assert_eq!(user.fails("receive 1 a b c").0, 36);
    user.make_read_only(0x191);
    user.does("access 191 a");
    assert_eq!(user.fails("receive").0, 36);
}

#[test]
fn print_moves_the_paper_as_the_control_characters_say() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "REPORT LISTING", 1, &["1top", " next", "0after a gap", "-after two", "1page two"]);
    user.has_file(0x191, "PLAIN TEXT", 1, &["one", "two"]);
    user.ipl("AUTOCR", &[]);
    user.does("print report listing");
    user.does("print plain text a (upcase");
    let world = user.world.borrow();
    assert_eq!(world.commands, ["CLOSE 00E NAME REPORT LISTING", "CLOSE 00E NAME PLAIN TEXT"]);
    let report: Vec<_> = world.printed[0].framed().into_iter().map(|(command, line)| (command, String::from_utf8(line).unwrap())).collect();
    let expected = [(0x09, "top"), (0x11, "next"), (0x19, "after a gap"), (0x89, "after two"), (0x09, "page two")];
    assert_eq!(report, expected.map(|(command, line)| (command, line.to_string())));
    assert_eq!(world.printed[1].framed(), [(0x09, b"ONE".to_vec()), (0x09, b"TWO".to_vec())]);
}

#[test]
fn records_that_are_too_long_for_the_device_are_refused() {
    let mut user = sender();
    assert_eq!(user.fails("print readme md").0, 32);
    assert_eq!(user.fails("punch readme md").0, 32);
    user.does("print readme md a (oversize");
    assert!(user.world.borrow().printed[0].records().iter().all(|line| line.len() <= 132));
}

#[test]
fn tell_is_a_message_of_cp() {
    let mut user = User::new();
    user.does("tell maint Hello there");
    user.does("tell maint at node1 again");
    assert_eq!(user.world.borrow().commands, ["MESSAGE maint Hello there", "MESSAGE maint again"]);
    assert_eq!(user.fails("tell nobody hello").0, 45);
    assert_eq!(user.fails("tell maint").0, 24);
    assert_eq!(user.fails("tell maint at mars hello").0, 32);
}
