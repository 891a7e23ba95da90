//! Messages of commands that meet a limit, a damaged file or a device that fails: the whole text, the return code, and what is left.

use abi::spool_input;
use minidisk::edf::{FileId, MemoryDisk, RecordFormat};

use crate::double::User;
use crate::foreign::{cards, data, data_follows, e, file, header, name, trailer};
use crate::programs::executable;

/// Fails as it should, and neither a disk nor the reader has changed.
fn refused(user: &mut User, command: &str, code: i32, message: &str) {
    let before = (user.does("listfile * * * (date"), user.world.borrow().reader.len());
    let (rc, shown) = user.fails(command);
    assert_eq!((rc, shown.last().map(String::as_str)), (code, Some(message)), "{command}");
    assert_eq!((user.does("listfile * * * (date"), user.world.borrow().reader.len()), before, "{command}");
}

/// A user with a file.
fn user() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "ONE DATA", 1, &["one"]);
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn a_deck_has_at_most_a_hundred_files() {
    let mut user = user();
    user.does("disk dump one data");
    let dumped = user.world.borrow_mut().sent.remove(0).1.records();
    let many: Vec<&[u8]> = (0..101).flat_map(|_| dumped.iter().map(Vec::as_slice)).collect();
    user.world.borrow_mut().arrives(b'U', "ONE", "DATA", &many);
    refused(&mut user, "disk load", 88, "DMSDSK682E More than 100 files in one deck");
    refused(&mut user, "receive", 88, "DMSRCV682E More than 100 files in one deck");
    user.world.borrow_mut().reader.clear();
    let headers: Vec<String> = (0..101).map(|number| format!(":READ  F{number}  DATA")).collect();
    let many: Vec<&[u8]> = headers.iter().map(String::as_bytes).collect();
    user.world.borrow_mut().arrives(b'U', "DECK", "CARDS", &many);
    refused(&mut user, "readcard *", 88, "DMSRDC682E More than 100 files in one deck");
}

#[test]
fn transmissions_of_others_that_cms_does_not_take_stay_in_the_reader() {
    let mut user = user();
    let two = [
        header(&[]),
        file(1, "INMCOPY", 0x5002, 80, &[name(&["A", "FIRST", "FILE"])]),
        file(2, "INMCOPY", 0x5002, 80, &[name(&["A", "SECOND", "FILE"])]),
        data_follows(),
        data(&e("one")),
        data_follows(),
        data(&e("two")),
        trailer(),
    ];
    let unloaded = [header(&[]), file(1, "IEBCOPY", 0x5002, 80, &[]), data_follows(), trailer()];
    for (stream, code, message) in [
        (&two[..], 88, "682E Spool file 0001 holds more than one file"),
        (&unloaded, 88, "685E Spool file 0001 cannot be received by CMS: It is a data set unloaded by IEBCOPY"),
    ] {
        let cards = cards(stream);
        let cards: Vec<&[u8]> = cards.iter().map(Vec::as_slice).collect();
        let spid = user.world.borrow_mut().arrives(b'U', "A", "FILE", &cards);
        let message = message.replace("0001", &format!("{spid:04}"));
        refused(&mut user, "receive", code, &format!("DMSRCV{message}"));
        refused(&mut user, "peek", code, &format!("DMSPEK{message}"));
        user.world.borrow_mut().reader.clear();
    }
}

#[test]
fn a_deck_that_is_none_is_named() {
    let mut user = user();
    user.world.borrow_mut().arrives(b'P', "A", "LISTING", &[b"a line"]);
    refused(&mut user, "readcard *", 32, "DMSRDC078E Spool file 0001 is no deck of cards; use RECEIVE");
    refused(&mut user, "disk load", 32, "DMSDSK078E Invalid card in input deck: it was not made by DISK DUMP");
    refused(&mut user, "cmsbatch", 32, "DMSBTC105E Spool file 0001 is no job: it has no /JOB card");
}

#[test]
fn a_reader_that_fails_is_told_and_keeps_its_file() {
    let mut user = user();
    user.world.borrow_mut().arrives(b'U', "A", "DECK", &[b"a card"]);
    let damaged = "124S Spool file 0001 cannot be read back";
    for (status, message) in [(spool_input::DAMAGED, damaged), (77, "124S Error 77 reading spool file 0001")] {
        user.world.borrow_mut().reader_status = Some(status);
        for (command, letters) in [("receive", "RCV"), ("peek", "PEK"), ("readcard *", "RDC"), ("disk load", "DSK")] {
            refused(&mut user, command, 100, &format!("DMS{letters}{message}"));
            assert_eq!(user.world.borrow().commands.last().map(String::as_str), Some("CLOSE 00C KEEP"), "{command}");
        }
    }
}

#[test]
fn lists_and_notes_that_never_end_are_refused() {
    let mut user = user();
    let line = format!("{}++", "1-2 3 ".repeat(2000));
    user.types(&[line.as_str(); 6]);
    refused(&mut user, "copyfile one data a two data a (specs noprompt", 24, "DMSCPY065E A list has at most 65536 bytes");
    user.world.borrow_mut().typed.clear();
    let line = "x".repeat(100_000);
    user.types(&[line.as_str(); 11]);
    refused(&mut user, "note bob", 32, "DMSNOT640E A note has at most 1048576 bytes");
    assert!(user.world.borrow().sent.is_empty());
}

#[test]
fn a_note_that_cannot_be_kept_is_sent_all_the_same() {
    let mut user = user();
    user.make_read_only(0x191);
    user.does("access 191 a");
    user.types(&["hello", "."]);
    let shown = user.does("note bob");
    assert_eq!(shown[1], "Note sent to BOB at NODE1 on 11/22/26 14:41:41 UTC");
    let last = "DMSNOT687W The note was not kept in ALL NOTEBOOK A0: there is no read/write A-disk";
    assert_eq!(shown.last().map(String::as_str), Some(last));
    assert_eq!(user.world.borrow().sent.len(), 1);
}

const NO_STORAGE: &str = "109S Virtual storage capacity exceeded";

#[test]
fn there_are_only_so_many_buffers_synonyms_and_definitions() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    let synonyms: Vec<String> = (0..501).map(|number| format!("ERASE RM{number}")).collect();
    user.has_records(0x191, "MANY SYNONYM", 1, RecordFormat::Variable, &synonyms);
    user.has_file(0x191, "FEW SYNONYM", 1, &["ERASE RM"]);
    user.ipl("AUTOCR", &[]);
    for number in 1..=1000 {
        assert_eq!(user.fails("makebuf").0, number);
    }
    refused(&mut user, "makebuf", 104, &format!("DMSMKB{NO_STORAGE}"));
    user.does("synonym few");
    let in_force = user.does("query synonym user");
    refused(&mut user, "synonym many", 104, &format!("DMSSYN{NO_STORAGE}"));
    assert_eq!(user.does("query synonym user"), in_force);
    (0..100).for_each(|number| drop(user.does(&format!("filedef dd{number} dummy"))));
    refused(&mut user, "filedef more dummy", 104, "DMSFLD109S There are at most 100 FILEDEFs");
    user.does("filedef dd7 terminal");
    assert_eq!(user.does("query filedef").len(), 100);
}

#[test]
fn storage_holds_a_hundred_execs_and_replaces_one_of_them() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "HELLO EXEC", 1, &["/* */ say 'hello'"]);
    user.has_file(0x191, "OTHER EXEC", 1, &["/* */ say 'other'"]);
    user.has_file(0x191, "WRONG EXEC", 1, &["/* */ say 'never closed"]);
    user.ipl("AUTOCR", &[]);
    (0..100).for_each(|number| drop(user.does(&format!("execload hello exec a e{number} exec"))));
    refused(&mut user, "execload hello exec", 104, &format!("DMSEXL{NO_STORAGE}"));
    user.does("execload other exec a e7 exec (push");
    assert_eq!(user.does("e7"), ["other"]);
    // What cannot be loaded leaves the one that is there.
    assert_ne!(user.fails("execload wrong exec a e7 exec (push").0, 0);
    assert_eq!(user.does("e7"), ["other"]);
    user.does("execdrop *");
    user.does("execload hello exec a hello exec");
    user.does("copyfile other exec a hello exec a (replace olddate");
    user.does("execload hello exec a copy exec");
    assert_eq!((user.does("hello"), user.does("copy")), (vec!["hello".into()], vec!["other".into()]), "the file was loaded, not the copy");
}

#[test]
fn programs_have_limits() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 9000);
    user.has_bytes(0x191, "HELLO PROGRAM", &executable());
    user.has_records(0x191, "HUGE PROGRAM", 1, RecordFormat::Fixed(4096), &vec![[0; 4096]; 4097]);
    user.has_records(0x191, "HUGE MODULE", 1, RecordFormat::Fixed(4096), &vec![[0; 4096]; 4097]);
    user.ipl("AUTOCR", &[]);
    user.does("genmod hello");
    for (command, letters) in [("genmod huge", "MOD"), ("loadmod huge", "LOD"), ("nucxload huge", "NXL")] {
        refused(&mut user, command, 104, &format!("DMS{letters}{NO_STORAGE}"));
    }
    let within = |depth: usize| format!("{}hello x", "hello command ".repeat(depth - 1));
    assert_eq!(user.fails(&within(8)), (1, vec!["called with x".into()]));
    refused(&mut user, &within(9), 32, "DMSMOD084E More than 8 programs within each other");
    assert_eq!(user.does("hello"), ["called with "]);
    user.does("nucxload e0 hello");
    let there = "DMSNXL624E E0 is a nucleus extension already; NUCXDROP drops it, PUSH replaces it";
    refused(&mut user, "nucxload e0 hello", 1, there);
    (1..100).for_each(|number| drop(user.does(&format!("nucxload e{number} hello"))));
    refused(&mut user, "nucxload more hello", 104, &format!("DMSNXL{NO_STORAGE}"));
    user.does("nucxload e7 hello (push");
    assert_eq!(user.does("nucxmap").len(), 101);
}

#[test]
fn global_variables_fill_a_quarter_of_a_megabyte() {
    let value = "v".repeat(255);
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    let records: Vec<String> = (0..1100).map(|number| format!("G       \u{4}{number:04}\u{7f}{}", "v".repeat(127))).collect();
    let long: Vec<String> = records.iter().cycle().take(2200).cloned().collect();
    user.has_records(0x191, "LASTING GLOBALV", 1, RecordFormat::Variable, &long);
    user.has_file(0x191, "ONE DATA", 1, &["one"]);
    user.ipl("AUTOCR", &[]);
    refused(&mut user, "globalv init", 104, "DMSGLB622E Insufficient free storage");
    refused(&mut user, "globalv setp a b", 104, "DMSGLB622E Insufficient free storage");
    user.does("erase lasting globalv a");
    user.does("globalv init");
    let fits = (0..2000).take_while(|number| user.enters(&format!("globalv set {number:04} {value}")).len() == 1).count();
    assert_eq!(fits, 256 * 1024 / 259);
    refused(&mut user, &format!("globalv set more {value}"), 104, "DMSGLB622E Insufficient free storage");
    refused(&mut user, &format!("globalv setp more {value}"), 104, "DMSGLB622E Insufficient free storage");
    assert_eq!(user.does("globalv list 0000 more"), ["SELECTED TABLE IS: UNNAMED".to_string(), format!(" 0000={value}"), " MORE=".into()]);
}

#[test]
fn vmlink_needs_a_free_device_number_and_a_free_mode() {
    let user_with = |vdevs: &[u32]| {
        let mut user = user();
        vdevs.iter().for_each(|vdev| user.add_disk(*vdev, "D", 20));
        user.add_disk(0x300, "TOOLS", 180);
        user.gives_away(0x300, "MAINT", 0x19e);
        user
    };
    let mut user = user_with(&(0x120..=0x18f).collect::<Vec<_>>());
    refused(&mut user, "vmlink maint 19e", 40, "DMSVML2062E No device number is free");
    let letters: Vec<char> = ('B'..='Z').filter(|letter| !"SY".contains(*letter)).collect();
    let vdevs: Vec<u32> = (0x200..).take(letters.len()).collect();
    let mut user = user_with(&vdevs);
    vdevs.iter().zip(&letters).for_each(|(vdev, letter)| drop(user.does(&format!("access {vdev:x} {letter}"))));
    refused(&mut user, "vmlink maint 19e", 36, "DMSVML2062E No file mode is free");
    assert!(!user.world.borrow().commands.iter().any(|command| command.starts_with("LINK")));
}

#[test]
fn sort_needs_a_name_for_its_work_files() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.add_disk(0x192, "MNT192", 9000);
    user.has_records(0x191, "BIG DATA", 1, RecordFormat::Fixed(4000), &vec![[b'x'; 4000]; 300]);
    user.has_empty_files(0x192, (0..10_000).filter_map(|number| FileId::new(&format!("SRT{number:05}"), "CMSUT1").ok()));
    user.ipl("AUTOCR", &[]);
    user.does("access 192 b");
    user.types(&["1 5"]);
    refused(&mut user, "sort big data a out data b", 100, "DMSSRT105S No name is left for a work file");
    user.does("erase srt04711 cmsut1 b");
    user.does("erase srt00815 cmsut1 b");
    user.types(&["1 5"]);
    user.does("sort big data a out data b");
    assert_eq!(user.file_on(0x192, "OUT DATA").len(), 300);
}

#[test]
fn format_leaves_what_it_cannot_format() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.add_disk(0x192, "MNT192", 900);
    user.has_records(0x192, "BIG DATA", 1, RecordFormat::Fixed(4000), &vec![[b'x'; 4000]; 400]);
    user.attach(0x194, MemoryDisk::new(3));
    user.ipl("AUTOCR", &[]);
    user.does("access 192 b");
    refused(&mut user, "format 00c c", 88, "DMSFOR114S C(00C) is an unsupported device type");
    let (code, shown) = user.fails("format 192 b 1 (recomp");
    let lost = "DMSFOR214W Cannot recompute without loss of data; no change (";
    assert!(code == 8 && shown.len() == 1 && shown[0].starts_with(lost), "{code} {shown:?}");
    user.does("access 192 b");
    assert_eq!(user.file_on(0x192, "BIG DATA").len(), 400);
    assert!(user.does("query disk b")[1].ends_with("        900"));
    let before = user.fails("access 194 c");
    user.types(&["yes", "tiny"]);
    let (code, shown) = user.fails("format 194 c");
    let small = "DMSFOR216E Insufficient blocks on disk to support CMS disk structure (";
    assert!(code == 100 && shown.last().is_some_and(|line| line.starts_with(small)), "{code} {shown:?}");
    assert_eq!(user.fails("access 194 c"), before);
}

#[test]
fn a_tape_whose_last_file_has_no_end_card_loads_nothing_of_it() {
    let mut user = user();
    user.does("tape dump one data (blksize 800");
    let image = user.bytes_on(0x191, "TAP1 AWSTAPE");
    // The data card alone, and a tape mark.
    let cut = [&[80, 0, 0, 0, 0xa0, 0][..], &image[6..86], &[0, 0, 80, 0, 0x40, 0]].concat();
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_bytes(0x191, "TAP1 AWSTAPE", &cut);
    user.has_file(0x191, "TAP2 AWSTAPE", 1, &["lines"]);
    user.ipl("AUTOCR", &[]);
    for command in ["tape load", "tape scan", "tape skip"] {
        user.does("tape rew");
        refused(&mut user, command, 32, "DMSTAP096E End card missing from tape: the file is incomplete");
    }
    let no_image = "DMSTAP110S Error reading TAP2(182): TAP2 AWSTAPE A1 is no tape image: it must be RECFM F LRECL 1";
    refused(&mut user, "tape load (tap2", 100, no_image);
    refused(&mut user, "tape wtm (tap2", 100, no_image);
}

#[test]
fn a_failure_that_cp_lets_pass_is_told() {
    let mut user = user();
    refused(&mut user, "abend divide", 8, "DMSABE151E CP let the failure pass");
    assert_eq!(user.world.borrow().failures, [shell::cp::Failure::Divide]);
}
