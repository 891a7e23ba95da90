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

/// Puts a file of those cards into a reader, as somebody's.
fn arrives_from(user: &User, origin: &str, cards: &[Vec<u8>]) -> u32 {
    let cards: Vec<&[u8]> = cards.iter().map(Vec::as_slice).collect();
    let mut world = user.world.borrow_mut();
    let spid = world.arrives(b'U', "SENT", "FILE", &cards);
    let file = world.reader.last_mut().expect("it arrived");
    file.block.origin = [b' '; 8];
    file.block.origin.iter_mut().zip(origin.bytes()).for_each(|(to, from)| *to = from);
    spid
}

/// What waits in a punch for that user.
fn sent_to(user: &User, receiver: &str) -> Vec<Vec<u8>> {
    let mut world = user.world.borrow_mut();
    let at = world.sent.iter().position(|(to, _)| to == receiver).unwrap_or_else(|| panic!("nothing was sent to {receiver}"));
    world.sent.remove(at).1.records()
}

#[test]
fn who_asks_is_told_that_the_file_was_received_or_discarded() {
    let mut cmsuser = sender();
    cmsuser.does("sendfile readme md a maint (ack");
    cmsuser.does("sendfile cards data a maint (ack notype");
    cmsuser.does("sendfile cards data a maint (nolog notype");
    assert_eq!(cmsuser.file_on(0x191, "CMSUSER NETLOG").len(), 2);
    let mut maint = receiver(&cmsuser);
    maint.does("receive");
    assert_eq!(maint.does("discard 2"), ["File CARDS DATA from CMSUSER at NODE1 has been discarded"]);
    assert_eq!(maint.world.borrow().commands.iter().filter(|command| command.starts_with("PURGE READER 2")).count(), 1);
    let answers: Vec<_> = (0..2).map(|_| sent_to(&maint, "CMSUSER")).collect();
    assert!(maint.world.borrow().sent.is_empty(), "who did not ask is told nothing");
    for answer in &answers {
        arrives_from(&cmsuser, "MAINT", answer);
    }
    let received = "File README MD A1 sent on 11/22/26 14:41:41 was received by MAINT at NODE1";
    assert_eq!(cmsuser.does("receive"), [received]);
    let discarded = "File CARDS DATA A2 sent on 11/22/26 14:41:41 was discarded by MAINT at NODE1";
    assert_eq!(cmsuser.does("receive"), [discarded]);
    assert!(cmsuser.world.borrow().reader.is_empty());
    let log = cmsuser.file_on(0x191, "CMSUSER NETLOG");
    assert_eq!(log[0], "File README MD A1 sent to MAINT at NODE1 on 11/22/26 14:41:41 UTC");
    assert_eq!(log[2..], [format!("Acknowledgment: {received}"), format!("Acknowledgment: {discarded}")]);
    let log = maint.file_on(0x191, "MAINT NETLOG");
    assert_eq!(log[0], "File README MD A1 received from CMSUSER at NODE1 on 11/22/26 14:41:41 UTC");
    assert_eq!(log[1], "File CARDS DATA from CMSUSER at NODE1 has been discarded on 11/22/26 14:41:41 UTC");
}

#[test]
fn the_log_is_no_condition() {
    let mut user = sender();
    user.make_read_only(0x191);
    user.does("access 191 a");
    let shown = user.does("sendfile readme md a maint");
    assert_eq!(shown[0], "File README MD A1 sent to MAINT at NODE1 on 11/22/26 14:41:41");
    assert_eq!(shown[1], "DMSSFI687W Log CMSUSER NETLOG A0 was not written: there is no read/write A-disk");
    assert_eq!(user.does("sendfile readme md a maint (nolog").len(), 1);
}

#[test]
fn text_from_a_mainframe_arrives_as_text_and_everything_else_as_it_is() {
    let mut cmsuser = sender();
    cmsuser.does("sendfile cards data a maint (ebcdic");
    let sent = sent_to(&cmsuser, "MAINT");
    let contains = |bytes: &[u8]| sent.concat().windows(bytes.len()).any(|part| part == bytes);
    assert!(contains(&[0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8]) && !contains(b"ABCDEFGH"));
    let mut maint = receiver(&cmsuser);
    for _ in 0..3 {
        arrives_from(&maint, "CMSUSER", &sent);
    }
    maint.does("receive");
    assert_eq!(maint.file_on(0x191, "CARDS DATA"), ["ABCDEFGH", "12345678"]);
    maint.does("receive 2 raw data (binary");
    assert_eq!(maint.bytes_on(0x191, "RAW DATA")[..2], [0xc1, 0xc2]);
    // A deck of a mainframe, its :READ card and all.
    let mut deck = [b":READ  JOB      JCL      A1".to_vec(), b"//JOB".to_vec()];
    deck.iter_mut().for_each(|card| {
        card.resize(80, b' ');
        minidisk::ebcdic::encode(card);
    });
    arrives_from(&maint, "CMSUSER", &deck);
    maint.does("receive 4");
    assert_eq!(maint.file_on(0x191, "JOB JCL"), [format!("{:<80}", "//JOB")]);
    assert_eq!(cmsuser.fails("sendfile readme md a maint (ebcdic ack old").0, 24);
}

#[test]
fn a_character_that_ebcdic_does_not_have_is_named() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "EURO TEXT", 1, &["fine", "10 \u{20ac}"]);
    user.ipl("AUTOCR", &[]);
    let (code, shown) = user.fails("sendfile euro text a maint (ebcdic");
    assert_eq!((code, shown), (32, vec!["DMSSFI688E Record 2 has a character that EBCDIC does not have".into()]));
    assert!(user.world.borrow().sent.is_empty());
}

#[test]
fn notes_go_into_the_notebook() {
    let mut cmsuser = sender();
    cmsuser.does("sendfile cards data a maint (note");
    cmsuser.does("sendfile readme md a maint (note");
    let mut maint = receiver(&cmsuser);
    assert_eq!(maint.does("receive"), ["Note from CMSUSER at NODE1 added to ALL NOTEBOOK A0"]);
    maint.does("receive (notebook family");
    assert_eq!(maint.file_on(0x191, "ALL NOTEBOOK"), ["=".repeat(73), "ABCDEFGH".into(), "12345678".into()]);
    assert_eq!(maint.file_on(0x191, "FAMILY NOTEBOOK").len(), 5);
}

#[test]
fn peek_shows_a_file_and_leaves_it() {
    let mut cmsuser = sender();
    cmsuser.does("sendfile readme md a maint");
    cmsuser.does("punch cards data a");
    cmsuser.does("disk dump cards data a");
    let mut maint = receiver(&cmsuser);
    maint.world.borrow_mut().arrives(b'C', "", "", &[b"a line of a console   "]);
    maint.world.borrow_mut().reader[3].block.spid = 4;
    let shown = maint.does("peek");
    assert_eq!(shown[0], "File README MD from CMSUSER at NODE1. Format is NETDATA.");
    assert_eq!(shown[1..3], ["# Title", ""]);
    assert_eq!(maint.does("peek 1 (from 4 for 1")[1..], ["ends in blanks"]);
    let shown = maint.does("peek 2 (for 2");
    assert_eq!(shown[0], "File CARDS DATA from CMSUSER at NODE1. Format is PUNCH.");
    assert!(shown[1].starts_with(":READ  CARDS    DATA") && shown.len() == 3);
    assert_eq!(maint.does("peek 3"), ["File CARDS DATA from CMSUSER at NODE1. Format is DISK DUMP.", "ABCDEFGH", "12345678"]);
    assert_eq!(maint.does("peek 1 (for *").len(), 5);
    assert_eq!(maint.does("peek 4 (from 9").len(), 1);
    assert_eq!(maint.world.borrow().reader.len(), 4);
    assert_eq!(maint.fails("peek 9").0, 28);
    assert_eq!(maint.fails("peek 1 (for none").0, 24);
    assert_eq!(maint.fails("peek 1 2").0, 24);
}

#[test]
fn disk_dump_and_load_bring_a_file_back_exactly() {
    let mut cmsuser = sender();
    cmsuser.does("disk dump readme md");
    cmsuser.does("disk dump cards data a");
    let files: Vec<_> = std::mem::take(&mut cmsuser.world.borrow_mut().sent);
    // SPOOL PUNCH CONT makes one deck of both.
    let cards: Vec<_> = files.iter().flat_map(|(_, file)| file.records()).collect();
    let mut maint = User::before_ipl("MAINT");
    maint.add_disk(0x191, "MNT191", 900);
    maint.ipl("AUTOCR", &[]);
    arrives_from(&maint, "CMSUSER", &cards);
    assert_eq!(maint.does("disk load"), ["README MD A1", "CARDS DATA A2"]);
    assert_eq!(maint.file_on(0x191, "README MD"), cmsuser.file_on(0x191, "README MD"));
    assert_eq!(maint.does("l cards data a (format noh"), ["CARDS    DATA     A2 F          8"]);
    assert!(maint.world.borrow().reader.is_empty());
    arrives_from(&maint, "CMSUSER", &cards);
    let exists = "DMSDSK024E File README MD A1 already exists; specify REPLACE option";
    assert_eq!(maint.fails("disk load"), (28, vec![exists.into()]));
    maint.does("disk load = = a (replace notype");
    arrives_from(&maint, "CMSUSER", &cards[..cards.len() - 1]);
    let (code, shown) = maint.fails("disk load (replace");
    assert_eq!((code, shown), (32, vec!["DMSDSK077E End card missing from input deck".into()]));
    assert_eq!(maint.world.borrow().reader.len(), 1);
    maint.does("discard");
    maint.world.borrow_mut().reader.clear();
    arrives_from(&maint, "CMSUSER", &[&cards[..3], &cards[4..]].concat());
    let (code, shown) = maint.fails("disk load (replace");
    assert_eq!((code, shown[0].as_str()), (32, "DMSDSK078E Invalid card in input deck: Card 4 is missing or out of order"));
    maint.world.borrow_mut().reader.clear();
    arrives_from(&maint, "CMSUSER", &cards);
    maint.does("receive (replace");
    maint.world.borrow_mut().arrives(b'U', "A", "DECK", &[b"a card"]);
    assert_eq!(maint.fails("disk load").0, 32);
}

#[test]
fn sendfile_old_is_disk_dump() {
    let mut cmsuser = sender();
    cmsuser.does("sendfile cards data a maint (old");
    let mut maint = receiver(&cmsuser);
    assert_eq!(maint.does("receive"), ["File CARDS DATA A2 received from CMSUSER at NODE1"]);
}

#[test]
fn disk_says_what_is_wrong() {
    let mut user = sender();
    let fails = |user: &mut User, line: &str| user.fails(line).1.concat();
    assert_eq!(fails(&mut user, "disk"), "DMSDSK047E No function specified");
    assert_eq!(fails(&mut user, "disk format"), "DMSDSK014E Invalid function FORMAT");
    assert_eq!(user.fails("disk dump readme").0, 24);
    assert_eq!(user.fails("disk dump no file a").0, 28);
    assert_eq!(user.fails("disk dump readme md a (ack").0, 24);
    assert_eq!(fails(&mut user, "disk load"), "DMSDSK205W Reader empty or not ready");
    assert_eq!(user.fails("disk load name type a").0, 24);
    assert_eq!(user.fails("disk load = = q").0, 36);
}

#[test]
fn a_name_for_a_deck_is_for_its_first_file() {
    let mut user = User::new();
    let cards: [&[u8]; 4] = [b":READ  ONE      FILE     A1", b"1", b":READ  TWO      FILE     A1", b"22"];
    user.world.borrow_mut().arrives(b'U', "DECK", "CARDS", &cards);
    user.does("readcard first deck a");
    assert_eq!((user.file_on(0x191, "FIRST DECK"), user.file_on(0x191, "TWO FILE")), (vec!["1".into()], vec!["22".into()]));
    user.world.borrow_mut().arrives(b'U', "", "", &[b"no name at all"]);
    user.does("readcard *");
    assert_eq!(user.file_on(0x191, "READCARD CMSUT1"), ["no name at all"]);
    user.world.borrow_mut().arrives(b'P', "A", "LISTING", &[b"a line"]);
    assert_eq!(user.fails("readcard *").0, 32);
}

#[test]
fn print_makes_pages_headers_and_hexadecimal() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    let lines: Vec<_> = (0..60).map(|number| format!("line {number}")).collect();
    user.has_records(0x191, "LONG TEXT", 1, RecordFormat::Variable, &lines);
    user.ipl("AUTOCR", &[]);
    user.does("print long text");
    user.does("print long text a (linecoun 0");
    user.does("print long text a (linecoun 20 header");
    user.does("print long text a (hex linecoun 1");
    let world = user.world.borrow();
    let skips = |at: usize| {
        let framed = world.printed[at].framed();
        framed.iter().enumerate().filter(|(_, (command, _))| *command == 0x89).map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_eq!(skips(0), [54]);
    assert_eq!(skips(1), [0; 0]);
    assert_eq!(skips(2), [0, 20, 40, 60]);
    assert_eq!(world.printed[2].records()[0], b"FILE: LONG     TEXT     A1   CMSUSER   11/22/26 14:41:41");
    assert_eq!(world.printed[3].framed()[0], (0x89, b"6C696E65 2030".to_vec()));
    drop(world);
    assert_eq!(user.fails("print long text a (linecoun 145").0, 24);
    assert_eq!(user.fails("print long text a (cc hex").0, 24);
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
fn print_leaves_fonts_out_and_knows_no_libraries() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "REPORT LISTING", 1, &["10top", " 1next", " "]);
    user.has_file(0x191, "PLAIN TEXT", 1, &["0one", "3two"]);
    user.ipl("AUTOCR", &[]);
    user.does("print report listing a (trc");
    user.does("print plain text a (trc");
    user.does("print plain text a (trc notrc");
    let printed: Vec<_> = user.world.borrow().printed.iter().map(|file| file.records()).collect();
    assert_eq!(printed[0], [b"top".to_vec(), b"next".to_vec(), Vec::new()]);
    assert_eq!(printed[1], [b"one", b"two"]);
    assert_eq!(printed[2], [b"0one", b"3two"]);
    let fails = |user: &mut User, line: &str| user.fails(line);
    assert_eq!(fails(&mut user, "print plain text a (member main"), (32, vec!["DMSPRT033E File PLAIN TEXT A1 is not a library".into()]));
    assert_eq!(fails(&mut user, "print plain text a (member"), (24, vec!["DMSPRT005E No MEMBER specified".into()]));
    assert_eq!(fails(&mut user, "print plain text a (trc hex"), (24, vec!["DMSPRT066E TRC and HEX are conflicting options".into()]));
    assert_eq!(user.world.borrow().printed.len(), 3);
}

#[test]
fn records_that_are_too_long_for_the_device_are_refused() {
    let mut user = sender();
    assert_eq!(user.fails("print readme md").0, 32);
    assert_eq!(user.fails("punch readme md").0, 32);
    user.does("print readme md a (oversize");
    assert!(user.world.borrow().printed[0].records().iter().all(|line| line.len() <= 132));
}

/// A user with a NAMES file.
fn user_with_names() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    let names = [
        "* people",
        ":nick.op     :userid.OPERATOR :node.NODE1 :name.Otto Operator",
        "             :phone.1234",
        ":nick.far    :userid.OP1 :node.MARS",
        ":nick.team   :list.op maint op",
        ":nick.ring   :list.ring",
    ];
    user.has_file(0x191, "CMSUSER NAMES", 1, &names);
    user.has_file(0x191, "A FILE", 1, &["hello"]);
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn nicknames_and_lists_stand_for_users() {
    let mut user = user_with_names();
    user.does("tell team meeting now");
    assert_eq!(user.world.borrow().commands, ["MESSAGE OPERATOR meeting now", "MESSAGE MAINT meeting now"]);
    user.does("sendfile a file a to team (nolog");
    let receivers: Vec<_> = user.world.borrow_mut().sent.drain(..).map(|(to, _)| to).collect();
    assert_eq!(receivers, ["OPERATOR", "MAINT"]);
    let (code, shown) = user.fails("tell far hello");
    assert_eq!((code, shown), (32, vec!["DMSTEL645E Node MARS cannot be reached from NODE1".into()]));
    let (code, shown) = user.fails("tell ring hello");
    assert_eq!((code, shown), (32, vec!["DMSTEL639E Lists of names within RING go too deep".into()]));
    assert_eq!(user.does("namefind :nick op :name :phone"), ["Otto Operator", "1234"]);
    assert_eq!(user.does("namefind :userid op1"), [":nick.far", ":userid.OP1", ":node.MARS"]);
    assert_eq!(user.fails("namefind :nick nobody").0, 32);
    assert_eq!(user.fails("namefind :nick op (file other").0, 28);
    assert_eq!(user.fails("namefind").0, 24);
}

#[test]
fn a_note_is_typed_and_goes_into_both_notebooks() {
    let mut user = user_with_names();
    user.types(&["Dear all,", "", "it works.", "."]);
    let shown = user.does("note op");
    assert_eq!(shown[1], "Note sent to OPERATOR at NODE1 on 11/22/26 14:41:41 UTC");
    let kept = user.file_on(0x191, "ALL NOTEBOOK");
    let expected =
        ["Date: 22 November 2026, 14:41:41 UTC", "From: CMSUSER at NODE1", "To:   OPERATOR at NODE1", " ", "Dear all,", " ", "it works."];
    assert_eq!(kept[1..], expected);
    let mut operator = receiver(&user);
    operator.does("receive");
    assert_eq!(operator.file_on(0x191, "ALL NOTEBOOK"), kept);
    user.types(&["no, not this", "quit"]);
    assert_eq!(user.does("note op").last().map(String::as_str), Some("Note dropped"));
    user.types(&["nor this", "hx"]);
    assert_eq!(user.fails("note op").1.last().map(String::as_str), Some("DMSABE222I NOTE halted by HX"));
    assert!(user.world.borrow().sent.is_empty());
    assert_eq!(user.fails("note").0, 24);
}

#[test]
fn tell_is_a_message_of_cp() {
    let mut user = User::new();
    user.does("tell maint Hello there");
    user.does("tell maint at node1 again");
    assert_eq!(user.world.borrow().commands, ["MESSAGE MAINT Hello there", "MESSAGE MAINT again"]);
    assert_eq!(user.fails("tell nobody hello").0, 45);
    assert_eq!(user.fails("tell maint").0, 24);
    assert_eq!(user.fails("tell maint at mars hello").0, 32);
}
