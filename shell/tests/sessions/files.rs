//! LISTFILE, TYPE, STATE, ERASE, RENAME, COPYFILE.

use minidisk::edf::RecordFormat;

use crate::double::User;

/// A user with two files on A.
fn user() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "HELLO EXEC", 1, &["say hello", " ", "exit"]);
    user.has_records(0x191, "CARDS DATA", 1, RecordFormat::Fixed(8), &["ABCDEFGH", "12345678"]);
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn listfile_shows_what_is_asked_for_in_the_columns_of_cms() {
    let mut user = user();
    assert_eq!(user.does("listfile"), ["CARDS    DATA     A1", "HELLO    EXEC     A1"]);
    assert_eq!(user.does("l h* *"), ["HELLO    EXEC     A1"]);
    assert_eq!(user.does("l * * a (fname"), ["CARDS", "HELLO"]);
    assert_eq!(user.does("l * * a (ft h"), ["FILENAME FILETYPE", "CARDS    DATA", "HELLO    EXEC"]);
    assert_eq!(
        user.does("listfile * * a (label"),
        [
            "FILENAME FILETYPE FM FORMAT LRECL       RECS     BLOCKS     DATE     TIME LABEL",
            "CARDS    DATA     A1 F          8          2          1 11/22/26 14:41:41 MNT191",
            "HELLO    EXEC     A1 V          9          3          1 11/22/26 14:41:41 MNT191",
        ]
    );
    assert!(user.does("listfile * * a (label").iter().all(|line| line.len() <= 80));
    assert_eq!(user.does("l hello exec a (al noh"), ["HELLO    EXEC     A1 V          9          3          1"]);
}

#[test]
fn listfile_makes_an_exec_of_the_list_and_adds_up() {
    let mut user = user();
    user.does("listfile * * a (exec");
    assert_eq!(user.file_on(0x191, "CMS EXEC"), ["&1 &2 CARDS    DATA     A1", "&1 &2 HELLO    EXEC     A1"]);
    user.does("l cards * a (append ft");
    assert_eq!(user.file_on(0x191, "CMS EXEC")[2..], ["&1 &2 CARDS    DATA"]);
    assert_eq!(user.does("l h* * a (noh total"), ["HELLO    EXEC     A1", "1 files, 3 records, 1 blocks"]);
    // What is stacked is read by whoever reads the console next.
    user.does("l cards * a (lifo ft");
    user.does("filedef term terminal");
    user.does("filedef out disk stacked lines a");
    user.types(&[""]);
    user.does("movefile term out");
    assert_eq!(user.file_on(0x191, "STACKED LINES"), ["CARDS    DATA"]);
}

#[test]
fn listfile_says_what_is_wrong() {
    let mut user = user();
    assert_eq!(user.fails("l x* *"), (28, vec!["DMSLST002E File not found".into()]));
    assert_eq!(user.fails("l * * b"), (36, vec!["DMSLST069E Filemode B not accessed".into()]));
    assert_eq!(user.fails("l * * 1"), (24, vec!["DMSLST048E Invalid filemode 1".into()]));
    assert_eq!(user.fails("l (wrong"), (24, vec!["DMSLST003E Invalid option: WRONG".into()]));
    assert_eq!(user.fails("l * * a b").0, 24);
}

#[test]
fn type_shows_records_ranges_columns_and_hexadecimal() {
    let mut user = user();
    assert_eq!(user.does("type hello exec"), ["", "say hello", " ", "exit", ""]);
    assert_eq!(user.does("t hello exec a 3 *"), ["", "exit", ""]);
    assert_eq!(user.does("t cards data * 1 1"), ["", "ABCDEFGH", ""]);
    assert_eq!(user.does("t cards data a (col 3-5"), ["", "CDE", "345", ""]);
    assert_eq!(user.does("t cards data a 2 2 (hex col 1 6"), ["", "31323334 3536", ""]);
    assert_eq!(user.fails("type hello"), (24, vec!["DMSTYP054E Incomplete fileid specified".into()]));
    assert_eq!(user.fails("type no file"), (28, vec!["DMSTYP002E File NO FILE * not found".into()]));
    assert_eq!(user.fails("type hello exec a 9"), (32, vec!["DMSTYP049E Invalid line number 9".into()]));
    assert_eq!(user.fails("type hello exec a 3 2").0, 24);
    assert_eq!(user.fails("type he?lo exec").0, 20);
}

#[test]
fn type_shows_a_string_of_bytes_as_the_lines_in_it() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_bytes(0x191, "NOTE TXT", b"first\n\nlast, not ended");
    user.has_bytes(0x191, "DATA BIN", &[b'x'; 40]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.does("type note txt"), ["", "first", "", "last, not ended", ""]);
    assert_eq!(user.does("type note txt a 3 *"), ["", "last, not ended", ""]);
    assert_eq!(user.does("type note txt a 1 1 (col 2-3"), ["", "ir", ""]);
    assert_eq!(user.fails("type note txt a 9"), (32, vec!["DMSTYP049E Invalid line number 9".into()]));
    assert_eq!(user.does("type note txt a 1 1 (hex col 1-8"), ["", "66697273 740A0A6C", ""]);
    assert_eq!(user.does("type data bin"), ["", &"x".repeat(40), ""]);
    user.does("copyfile note txt a copy = =");
    assert_eq!(user.does("listfile copy txt a (format noh"), ["COPY     TXT      A1 F          1"]);
    assert_eq!(user.file_on(0x191, "COPY TXT").concat(), "first\n\nlast, not ended");
}

#[test]
fn state_answers_by_its_return_code() {
    let mut user = user();
    assert!(user.does("state hello exec").is_empty());
    assert!(user.does("state * data a").is_empty());
    assert!(user.does("statew hello exec a").is_empty());
    assert_eq!(user.fails("estate hello nothing *").0, 28);
    assert_eq!(user.fails("state hello exec b").0, 36);
    user.make_read_only(0x191);
    user.does("access 191 a");
    assert_eq!(user.fails("statew hello exec a").0, 36);
}

#[test]
fn erase_takes_patterns_and_makes_it_durable() {
    let mut user = user();
    assert_eq!(user.does("erase h* * a (type"), ["HELLO EXEC A1"]);
    assert!(!user.disk_has(0x191, "HELLO EXEC"));
    assert_eq!(user.fails("erase hello exec a"), (28, vec!["DMSERS002E File HELLO EXEC A not found".into()]));
    assert_eq!(user.fails("erase * *"), (24, vec!["DMSERS054E Incomplete fileid specified".into()]));
    user.make_read_only(0x191);
    user.does("access 191 a");
    assert_eq!(user.fails("erase cards data"), (36, vec!["DMSERS037E Filemode A(191) is accessed as read/only".into()]));
}

#[test]
fn rename_takes_over_parts_with_equal_signs() {
    let mut user = user();
    user.does("rename hello exec a = oldexec =");
    assert!(user.disk_has(0x191, "HELLO OLDEXEC"));
    assert_eq!(user.does("rename * * a old= = = (type"), ["OLDCARDS DATA A1", "OLDHELLO OLDEXEC A1"]);
    user.does("rename oldhello oldexec a1 = = a2");
    assert_eq!(user.does("listfile old* old*"), ["OLDHELLO OLDEXEC  A2"]);
    let exists = user.fails("rename oldhello oldexec a oldcards data a");
    assert_eq!(exists, (28, vec!["DMSRNM024E File OLDCARDS DATA A already exists".into()]));
    assert_eq!(user.fails("rename oldhello oldexec a x y b").0, 24);
    assert_eq!(user.fails("rename oldhello oldexec a = = =").0, 24);
    assert_eq!(user.fails("rename * * a same name a").0, 20);
}

#[test]
fn copyfile_copies_within_a_disk_and_between_disks() {
    let mut user = user();
    user.add_disk(0x192, "WORK", 180);
    user.does("access 192 b");
    user.does("copyfile hello exec a = = b");
    assert_eq!(user.file_on(0x192, "HELLO EXEC"), ["say hello", " ", "exit"]);
    let again = user.fails("copyfile hello exec a = = b");
    assert_eq!(again, (28, vec!["DMSCPY024E File HELLO EXEC B1 already exists; specify REPLACE option".into()]));
    user.does("copyfile cards data a hello exec b (replace");
    assert_eq!(user.file_on(0x192, "HELLO EXEC"), ["ABCDEFGH", "12345678"]);
    assert_eq!(
        user.does("copy * * a = =bk b (type"),
        ["DMSCPY721I Copy CARDS DATA A1 CARDS DATABK B1 (new file)", "DMSCPY721I Copy HELLO EXEC A1 HELLO EXECBK B1 (new file)",]
    );
    assert!(user.disk_has(0x192, "CARDS DATABK"));
}

#[test]
fn copyfile_combines_appends_and_selects() {
    let mut user = user();
    user.does("copyfile hello exec a cards data a both file a");
    assert_eq!(user.file_on(0x191, "BOTH FILE"), ["say hello", " ", "exit", "ABCDEFGH", "12345678"]);
    user.does("copyfile cards data a both file a (append from 2");
    assert_eq!(user.file_on(0x191, "BOTH FILE").last().map(String::as_str), Some("12345678"));
    user.does("copyfile both file a part file a (frlabel exi tolabel 1234");
    assert_eq!(user.file_on(0x191, "PART FILE"), ["exit", "ABCDEFGH"]);
    user.does("copyfile both file a one file a (from 1 for 1");
    assert_eq!(user.file_on(0x191, "ONE FILE"), ["say hello"]);
    assert_eq!(user.fails("copyfile both file a no file a (frlabel zzz").0, 32);
    assert!(!user.disk_has(0x191, "NO FILE"));
}

#[test]
fn copyfile_converts_in_place() {
    let mut user = user();
    user.does("copyfile hello exec a (recfm f lrecl 12 upcase");
    assert_eq!(user.file_on(0x191, "HELLO EXEC"), ["SAY HELLO   ", "            ", "EXIT        "]);
    assert_eq!(user.does("l hello * a (fo noh"), ["HELLO    EXEC     A1 F         12"]);
    user.does("copyfile hello exec a (recfm v trunc lowcase");
    assert_eq!(user.file_on(0x191, "HELLO EXEC"), ["say hello", " ", "exit"]);
    user.does("copyfile hello exec a wide exec a (recfm f fill . lrecl 10");
    assert_eq!(user.file_on(0x191, "WIDE EXEC")[2], "exit......");
}

#[test]
fn copyfile_reads_cards_of_an_026_keypunch() {
    let mut user = user();
    user.has_file(0x191, "CARDS FORTRAN", 1, &["      A # B % I < & 1", "      C # @X'"]);
    user.does("access 191 a");
    user.does("copyfile cards fortran a new fortran a (ebcdic");
    assert_eq!(user.file_on(0x191, "NEW FORTRAN"), ["      A = B ( I ) + 1", "      C = 'X:"]);
    // A translation list is about what has become of them.
    user.types(&["= E # N"]);
    user.does("copyfile cards fortran a new fortran a (ebcdic translate replace");
    assert_eq!(user.file_on(0x191, "NEW FORTRAN"), ["      A E B ( I ) + 1", "      C E 'X:"]);
}

#[test]
fn movefile_moves_between_what_filedef_defines() {
    let mut user = user();
    assert_eq!(user.does("query filedef"), ["No user defined FILEDEFs in effect"]);
    user.does("filedef inmove disk hello exec a");
    user.does("filedef outmove disk copy data a (recfm f lrecl 12");
    assert_eq!(user.does("q filedef"), ["INMOVE   DISK     HELLO    EXEC     A", "OUTMOVE  DISK     COPY     DATA     A"]);
    user.does("movefile");
    assert_eq!(user.file_on(0x191, "COPY DATA"), ["say hello   ", " ".repeat(12).as_str(), "exit        "]);
    user.does("filedef log disk copy data a (disp mod");
    user.does("filedef term terminal");
    user.types(&["one more", ""]);
    assert_eq!(user.does("move term log"), ["DMSMVE706I Terminal input type null line for end of data"]);
    assert_eq!(user.file_on(0x191, "COPY DATA")[3], "one more    ");
    assert_eq!(user.does("movefile inmove term"), ["say hello", " ", "exit"]);
    user.does("filedef print printer");
    user.does("filedef punch punch (perm");
    user.does("movefile inmove print");
    user.does("movefile inmove punch");
    assert_eq!(user.world.borrow().printed[0].records(), [b"say hello".to_vec(), b" ".to_vec(), b"exit".to_vec()]);
    assert!(user.world.borrow().sent[0].1.records().iter().all(|card| card.len() == 80));
    user.world.borrow_mut().arrives(b'U', "A", "DECK", &[b"card"]);
    user.does("filedef rdr reader");
    assert_eq!(user.does("movefile rdr term"), ["card"]);
    assert!(user.world.borrow().reader.is_empty());
    user.does("filedef * clear");
    assert_eq!(user.does("filedef"), ["PUNCH    PUNCH"]);
}

#[test]
fn filedef_and_movefile_say_what_is_wrong() {
    let mut user = user();
    for (line, code) in [
        ("filedef inmove", 24),
        ("filedef inmove drum", 24),
        ("filedef inmove disk name", 24),
        ("filedef inmove disk a b q9", 24),
        ("filedef inmove terminal x", 24),
        ("filedef inmove disk a b a (recfm x", 24),
        ("filedef inmove disk a b a (lrecl 0", 24),
        ("movefile a b c", 24),
        ("movefile nothing", 28),
    ] {
        assert_eq!(user.fails(line).0, code, "{line}");
    }
    user.does("filedef a disk hello exec a");
    user.does("filedef b disk hello exec a");
    assert_eq!(user.fails("movefile a b").0, 40);
    user.does("filedef b disk new file a (recfm f lrecl 3");
    assert_eq!(user.fails("movefile a b").0, 32);
    assert!(!user.disk_has(0x191, "NEW FILE"));
    user.does("filedef r reader");
    assert_eq!(user.fails("movefile a r").0, 40);
    // What cannot be written stays in the reader.
    user.world.borrow_mut().arrives(b'U', "A", "DECK", &[b"four"]);
    assert_eq!(user.fails("movefile r b").0, 32);
    assert_eq!(user.world.borrow_mut().reader.pop().map(|file| file.records()), Some(vec![b"four".to_vec()]));
    assert_eq!(user.fails("movefile r a").0, 8);
}

#[test]
fn compare_shows_the_records_that_differ() {
    let mut user = user();
    user.does("copyfile cards data a same data a");
    assert_eq!(user.does("compare cards data a same = ="), ["DMSCMP179I Comparing CARDS DATA A1 with SAME DATA A1"]);
    user.types(&["4 Q"]);
    user.does("copyfile cards data a other data a (translate");
    let (code, shown) = user.fails("compare cards data a other data a");
    let message = "DMSCMP209W Files CARDS DATA A1 and OTHER DATA A1 do not compare";
    assert_eq!((code, &shown[1..]), (4, &["12345678".to_string(), "123Q5678".into(), message.into()][..]));
    user.does("compare cards data a other data a (col 1-3");
    assert_eq!(user.fails("compare cards data a hello exec a").0, 40);
    assert_eq!(user.fails("compare cards data a cards data a").0, 24);
    assert_eq!(user.fails("compare cards data a same data a (col 3-1").0, 24);
    assert_eq!(user.fails("compare cards data a").0, 24);
}

/// Lines whose first five columns come in no order, many of them several times, with their place in the file behind.
fn shuffled(count: u32) -> Vec<String> {
    (0..count).map(|at| format!("{:05} {at:06} {}", at.wrapping_mul(48_271) % 7_919, "x".repeat(at as usize % 60))).collect()
}

#[test]
fn sort_orders_files_that_storage_does_not_hold_and_keeps_equal_records_in_their_order() {
    for fixed in [false, true] {
        let mut user = User::before_ipl("CMSUSER");
        user.add_disk(0x191, "MNT191", 9000);
        let mut lines = shuffled(60_000);
        if fixed {
            lines.iter_mut().for_each(|line| *line = format!("{line:<72}"));
            user.has_records(0x191, "BIG DATA", 1, RecordFormat::Fixed(72), &lines);
        } else {
            user.has_file(0x191, "BIG DATA", 1, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        }
        user.ipl("AUTOCR", &[]);
        let used = user.does("query disk a");
        user.types(&["1 5"]);
        user.does("sort big data a sorted data a");
        let key = |line: &String| line[..5].to_string();
        lines.sort_by_key(key);
        assert!(user.file_on(0x191, "SORTED DATA") == lines, "ascending, fixed {fixed}");
        user.types(&["1 5 d"]);
        user.does("sort big data a sorted data a");
        lines.sort_by(|one, other| key(other).cmp(&key(one)).then(one[6..12].cmp(&other[6..12])));
        assert!(user.file_on(0x191, "SORTED DATA") == lines, "descending, fixed {fixed}");
        // Nothing of the work files is left.
        user.does("erase sorted data a");
        assert_eq!(user.does("query disk a"), used);
    }
}

#[test]
fn sort_merges_more_work_files_than_it_reads_at_once() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 3000);
    // A record of one byte takes much more than that in storage.
    let mut bytes: Vec<u8> = (0..1_300_000u32).map(|at| (at.wrapping_mul(48_271) % 251) as u8).collect();
    user.has_bytes(0x191, "BYTES DATA", &bytes);
    user.ipl("AUTOCR", &[]);
    user.types(&["1 1"]);
    user.does("sort bytes data a sorted data a");
    bytes.sort_unstable();
    assert!(user.bytes_on(0x191, "SORTED DATA") == bytes);
    assert_eq!(user.does("listfile * * a"), ["BYTES    DATA     A1", "SORTED   DATA     A1"]);
}

#[test]
fn sort_on_a_full_or_failing_disk_leaves_it_as_it_was() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 1500);
    let lines = shuffled(60_000);
    user.has_file(0x191, "BIG DATA", 1, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    user.has_file(0x191, "SORTED DATA", 1, &["old"]);
    user.ipl("AUTOCR", &[]);
    let before = user.does("listfile * * a (alloc");
    user.types(&["1 5"]);
    assert_eq!(user.fails("sort big data a sorted data a").1[1], "DMSSRT107S Disk A(191) is full");
    assert_eq!(user.does("listfile * * a (alloc"), before);
    assert_eq!(user.file_on(0x191, "SORTED DATA"), ["old"]);
    // A disk that fails somewhere in the middle.
    for writes in [0, 1, 5, 20] {
        user.breaks_after(0x191, Some(writes));
        user.types(&["1 5"]);
        assert_eq!(user.fails("sort big data a other data a").0, 100);
        user.breaks_after(0x191, None);
        user.enters("access 191 a");
        assert_eq!(user.does("listfile * * a (alloc"), before);
    }
}

#[test]
fn sort_puts_records_in_order_by_fields() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "PEOPLE DATA", 1, &["smith 20", "jones 30", "adams 20", "zoe"]);
    user.ipl("AUTOCR", &[]);
    user.types(&["7 8 d 1 5"]);
    assert_eq!(user.does("sort people data a sorted = a"), ["DMSSRT604R Enter sort fields:"]);
    assert_eq!(user.file_on(0x191, "SORTED DATA"), ["jones 30", "adams 20", "smith 20", "zoe"]);
    user.types(&["1"]);
    assert_eq!(
        user.fails("sort people data a other data a"),
        (24, vec!["DMSSRT604R Enter sort fields:".into(), "DMSSRT053E Invalid sort field pair defined at 1".into()])
    );
    user.types(&[""]);
    assert_eq!(user.fails("sort people data a other data a").0, 24);
    assert_eq!(user.fails("sort people data a = = a").0, 24);
    assert!(!user.disk_has(0x191, "OTHER DATA"));
}

#[test]
fn copyfile_makes_records_of_parts_and_translates_characters() {
    let mut user = user();
    user.types(&["1-3 5 /<>/ ++", "1 h2e 9"]);
    let shown = user.does("copyfile hello exec a parts file a (specs");
    assert_eq!(shown, ["DMSCPY602R Enter specification list:"]);
    let hello = user.file_on(0x191, "HELLO EXEC");
    let expected: Vec<_> = hello.iter().map(|line| format!("<>  {:<3} .", line.chars().take(3).collect::<String>())).collect();
    let made: Vec<_> = user.file_on(0x191, "PARTS FILE");
    assert_eq!(made, expected);
    user.types(&["l L 65 2A"]);
    user.does("copyfile hello exec a trans file a (translate noprompt");
    let expected: Vec<_> = hello.iter().map(|line| line.replace('l', "L").replace('e', "*")).collect();
    assert_eq!(user.file_on(0x191, "TRANS FILE"), expected);
    // What is laid over a file leaves the rest of it.
    user.types(&["/##/ 2"]);
    user.does("copyfile hello exec a parts file a (ovly specs for 1");
    let laid = user.file_on(0x191, "PARTS FILE");
    assert_eq!((laid.len(), laid[0].as_str(), &laid[1..]), (made.len(), &*format!("<##{}", &made[0][3..]), &made[1..]));
    for (list, code) in [("1-3", "064E"), ("", "063E")] {
        user.types(&[list]);
        let (rc, shown) = user.fails("copyfile hello exec a no file a (specs");
        assert!(rc == 24 && shown[1].starts_with(&format!("DMSCPY{code}")), "{shown:?}");
    }
    assert!(!user.disk_has(0x191, "NO FILE"));
}

#[test]
fn copyfile_says_what_is_wrong() {
    let mut user = user();
    assert_eq!(user.fails("copyfile hello exec").0, 24);
    assert_eq!(user.fails("copyfile no file a = = b").0, 28);
    assert_eq!(user.fails("copyfile hello exec a = = b"), (36, vec!["DMSCPY069E Filemode B not accessed".into()]));
    assert_eq!(user.fails("copyfile hello exec a x y a (lrecl 0").0, 24);
    assert_eq!(user.fails("copyfile hello exec a x y a (lrecl 70000").0, 24);
    assert_eq!(user.fails("copyfile hello exec a x y a (append replace").0, 24);
    assert_eq!(user.fails("copyfile hello exec a * = a").0, 20);
    assert_eq!(user.fails("copyfile hello exec a x y *").0, 24);
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let mut user = user();
    user.add_disk(0x192, "SMALL", 12);
    user.add_disk(0x193, "BIG", 900);
    let line = "x".repeat(60_000);
    user.has_file(0x193, "BIG FILE", 1, &[line.as_str(); 10]);
    user.has_file(0x192, "BIG FILE", 1, &["old"]);
    user.does("access 192 b");
    user.does("access 193 c");
    let (code, shown) = user.fails("copyfile big file c = = b (replace");
    assert_eq!((code, shown), (100, vec!["DMSCPY107S Disk B(192) is full".into()]));
    assert_eq!(user.file_on(0x192, "BIG FILE"), ["old"]);
    user.does("copyfile hello exec a = = b");
    assert_eq!(user.does("type hello exec b")[1], "say hello");
}

#[test]
fn a_broken_disk_leaves_the_old_file() {
    let mut user = user();
    let (old, new) = (vec!["say hello", " ", "exit"], vec!["ABCDEFGH", "12345678"]);
    let mut failures = 0;
    for writes in 0.. {
        user.breaks_after(0x191, Some(writes));
        let shown = user.enters("copyfile cards data a hello exec a (replace");
        user.breaks_after(0x191, None);
        user.does("access 191 a");
        let now = user.file_on(0x191, "HELLO EXEC");
        if shown[0].starts_with("Ready;") {
            assert_eq!(now, new);
            break;
        }
        assert!(now == old || now == new, "after {writes} writes: {now:?}");
        failures += 1;
    }
    assert!(failures > 2, "only {failures} writes failed");
}

#[test]
fn mode_3_files_are_erased_once_they_were_read() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "NOTICE TEXT", 3, &["read me"]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.does("type notice text")[1], "read me");
    assert_eq!(user.fails("state notice text a").0, 28);
    assert!(!user.disk_has(0x191, "NOTICE TEXT"));
}
