//! Tools on files, names for commands, EXECs in storage, messages from a repository.

use crate::double::User;

#[test]
fn head_tail_and_wc_show_parts_and_sizes_of_files() {
    let lines: Vec<String> = (1..=12).map(|number| format!("line {number}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut user = User::with(&[], &[("LONG DATA", &lines), ("SHORT DATA", &["one two", " "])]);
    assert_eq!(user.does("head long data"), lines[..10]);
    assert_eq!(user.does("head long data a 2"), lines[..2]);
    assert_eq!(user.does("tail long data 3"), lines[9..]);
    assert_eq!(user.does("tail * data a 1"), ["==> LONG DATA A1 <==", "line 12", "==> SHORT DATA A1 <==", " "]);
    assert_eq!(user.does("wc short data"), ["       2        2          8 SHORT DATA A1"]);
    assert_eq!(user.does("wc * data a")[2], "      14       26         83 total");
    for (command, code) in [("head", "HED"), ("tail", "TAI"), ("wc", "WCN")] {
        assert_eq!(user.fails(&format!("{command} no file")), (28, vec![format!("DMS{code}002E File NO FILE * not found")]));
        assert_eq!(user.fails(&format!("{command} long")), (24, vec![format!("DMS{code}054E Incomplete fileid specified")]));
        assert_eq!(user.fails(&format!("{command} long data a (x")), (24, vec![format!("DMS{code}003E Invalid option: X")]));
        assert_eq!(user.fails(&format!("{command} long data a b c")), (24, vec![format!("DMS{code}070E Invalid parameter B")]));
        assert_eq!(user.fails(&format!("{command} long data q")), (36, vec![format!("DMS{code}069E Filemode Q not accessed")]));
    }
}

#[test]
fn grep_finds_words_and_strings() {
    let mut user = User::with(&[], &[("A EXEC", &["say hello", "call on error", "Say bye"]), ("B EXEC", &["nothing"])]);
    assert_eq!(user.does("grep say a exec"), ["say hello"]);
    assert_eq!(user.does("grep /say/ * exec a (any num"), ["A EXEC A1:1:say hello", "A EXEC A1:3:Say bye"]);
    assert_eq!(user.does("grep +call on+ a exec"), ["call on error"]);
    assert_eq!(user.does("grep say a exec (not"), ["call on error", "Say bye"]);
    assert_eq!(user.does("grep say * exec a (count"), ["       1 A EXEC A1", "       0 B EXEC A1"]);
    assert_eq!(user.fails("grep say b exec"), (4, vec![]));
    assert_eq!(user.fails("grep say no exec"), (28, vec!["DMSGRP002E File NO EXEC * not found".into()]));
    assert_eq!(user.fails("grep say a"), (24, vec!["DMSGRP054E Incomplete fileid specified".into()]));
    assert_eq!(user.fails("grep"), (24, vec!["DMSGRP386E Missing operand(s)".into()]));
    assert_eq!(user.fails("grep say a exec (x"), (24, vec!["DMSGRP003E Invalid option: X".into()]));
    assert_eq!(user.fails("grep say a exec a b"), (24, vec!["DMSGRP070E Invalid parameter B".into()]));
    assert_eq!(user.fails("grep say a exec q"), (36, vec!["DMSGRP069E Filemode Q not accessed".into()]));
}

#[test]
fn diff_finds_what_was_put_in_and_taken_out() {
    let mut user = User::with(
        &[],
        &[("OLD TEXT", &["a", "b", "c", "d"]), ("NEW TEXT", &["a", "x", "c", "d", "e"]), ("SAME TEXT", &["a", "b", "c", "d"])],
    );
    assert_eq!(
        user.fails("diff old text a new = ="),
        (4, vec!["2c2".into(), "< b".into(), "---".into(), "> x".into(), "4a5".into(), "> e".into()])
    );
    assert_eq!(user.does("diff old text a same text a"), [""; 0]);
    assert_eq!(user.fails("diff old text a = = ="), (24, vec!["DMSDIF019E Identical fileids".into()]));
    assert_eq!(user.fails("diff old text a no text a").0, 28);
    assert_eq!(user.fails("diff old text a"), (24, vec!["DMSDIF054E Incomplete fileid specified".into()]));
    assert_eq!(user.fails("diff old text a same text a b"), (24, vec!["DMSDIF070E Invalid parameter B".into()]));
    assert_eq!(user.fails("diff old text a same text q").0, 36);
    assert_eq!(user.fails("diff old text a same text a (x"), (24, vec!["DMSDIF003E Invalid option: X".into()]));
}

#[test]
fn diff_says_what_is_too_large_for_it() {
    let (one, other): (Vec<String>, Vec<String>) = (0..600).map(|n| (format!("a{n}"), format!("b{n}"))).unzip();
    let lines = |lines: &[String]| -> Vec<String> { lines.to_vec() };
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_records(0x191, "ONE TEXT", 1, minidisk::edf::RecordFormat::Variable, &lines(&one));
    user.has_records(0x191, "OTHER TEXT", 1, minidisk::edf::RecordFormat::Variable, &lines(&other));
    let long = vec!["x".repeat(30_000); 40];
    user.has_records(0x191, "LONG TEXT", 1, minidisk::edf::RecordFormat::Variable, &long);
    user.ipl("AUTOCR", &[]);
    let message = "DMSDIF213E Files ONE TEXT A1 and OTHER TEXT A1 differ in more than 1000 lines";
    assert_eq!(user.fails("diff one text a other text a"), (40, vec![message.into()]));
    let message = "DMSDIF212E File LONG TEXT A1 is larger than DIFF can hold (1048576 bytes)";
    assert_eq!(user.fails("diff one text a long text a"), (40, vec![message.into()]));
    assert_eq!(user.fails("tail long text a 40"), (104, vec!["DMSTAI109S Virtual storage capacity exceeded".into()]));
}

#[test]
fn which_follows_the_search_order_and_history_remembers() {
    let mut user = User::with(&[], &[("TOOL EXEC", &["* nothing"]), ("MY SYNONYM", &["listfile dir 2", "* comment", "tool tl"])]);
    assert_eq!(user.does("which tool"), ["TOOL is the EXEC TOOL EXEC A1"]);
    assert_eq!(user.does("which l"), ["L is the CMS command LISTFILE"]);
    assert_eq!(user.does("which dir"), ["DIR is passed to CP"]);
    user.does("synonym my");
    assert_eq!(user.does("which dir"), ["DIR is the CMS command LISTFILE"]);
    assert_eq!(user.does("which tl"), ["TL is the EXEC TOOL EXEC A1"]);
    user.does("execload tool exec");
    assert_eq!(user.does("which tool"), ["TOOL is the EXEC TOOL EXEC A1, in storage"]);
    user.does("set impcp off");
    assert_eq!(user.fails("which nosuch"), (28, vec!["DMSWHI002E Command NOSUCH not found".into()]));
    assert_eq!(user.fails("which"), (24, vec!["DMSWHI386E Missing operand(s)".into()]));
    assert_eq!(user.fails("which a b"), (24, vec!["DMSWHI070E Invalid parameter B".into()]));
    assert_eq!(user.fails("which a (x"), (24, vec!["DMSWHI003E Invalid option: X".into()]));
    let shown = user.does("history 2");
    assert!(shown[0].ends_with("  which a (x") && shown[1].ends_with("  history 2"), "{shown:?}");
    assert_eq!(user.fails("history x"), (24, vec!["DMSHIS070E Invalid parameter X".into()]));
    assert_eq!(user.fails("history 1 2"), (24, vec!["DMSHIS070E Invalid parameter 2".into()]));
    assert_eq!(user.fails("history (x"), (24, vec!["DMSHIS003E Invalid option: X".into()]));
    (0..60).for_each(|_| drop(user.does("* comment")));
    assert_eq!(user.does("history").len(), 50);
}

#[test]
fn synonyms_are_names_of_ones_own() {
    let mut user =
        User::with(&[], &[("MY SYNONYM", &["LISTFILE  DIR  2", "ERASE RM"]), ("BAD SYNONYM", &["LISTFILE"]), ("X DATA", &["text"])]);
    assert_eq!(user.does("synonym"), ["DMSSYN711I No system or user synonyms in effect"]);
    user.does("syn my");
    assert_eq!(user.does("dir x data"), ["X        DATA     A1"]);
    assert_eq!(user.does("di x data"), ["X        DATA     A1"]);
    assert_eq!(user.fails("d x data").0, -3);
    let shown = user.does("query synonym user");
    assert_eq!(shown, ["System    User      Shortest", "Command   Synonym   Form (if any)", "LISTFILE  DIR       DI", "ERASE     RM"]);
    assert!(user.does("query synonym").contains(&"LISTFILE            L".to_string()));
    user.does("rm x data a");
    assert!(!user.disk_has(0x191, "X DATA"));
    user.does("synonym (nostd");
    assert_eq!(user.fails("l * * a").0, -3);
    assert!(user.does("query synonym system").is_empty() || user.does("query synonym system")[0].contains("711I"));
    user.does("set synonym on");
    user.does("l * synonym a");
    user.does("set synonym off");
    assert_eq!(user.fails("set synonym x").0, 24);
    user.does("synonym (std");
    user.does("synonym (clear");
    assert_eq!(user.fails("dir my synonym").0, -3);
    assert_eq!(user.fails("synonym bad"), (32, vec!["DMSSYN056E File BAD SYNONYM A1 contains an invalid record format in line 1".into()]));
    assert_eq!(user.fails("synonym none"), (28, vec!["DMSSYN002E File NONE SYNONYM * not found".into()]));
    assert_eq!(user.fails("synonym my synonym q").0, 36);
    assert_eq!(user.fails("synonym my synonym a b"), (24, vec!["DMSSYN070E Invalid parameter B".into()]));
    assert_eq!(user.fails("synonym my (x"), (24, vec!["DMSSYN003E Invalid option: X".into()]));
    assert_eq!(user.fails("query synonym x"), (24, vec!["DMSQRY070E Invalid parameter X".into()]));
}

#[test]
fn execs_in_storage_stay_as_they_were() {
    let mut user = User::with(
        &[],
        &[
            ("HELLO EXEC", &["/* */ parse source . . n t m .; say 'hello' n t m"]),
            ("PLAIN EXEC", &["* comment", "query impcp"]),
            ("WRONG EXEC", &["/* */ say ("]),
        ],
    );
    user.does("execload hello exec");
    user.does("execload hello exec a other");
    user.does("execload plain");
    user.does("erase hello exec a");
    user.does("erase plain exec a");
    assert_eq!(user.does("hello"), ["hello HELLO EXEC A1"]);
    assert_eq!(user.does("other"), ["hello OTHER EXEC A1"]);
    assert_eq!(user.does("plain"), ["IMPCP    = ON"]);
    let map = user.does("execmap");
    assert_eq!(map[0], "Name      Type       Records      Bytes  From");
    assert_eq!(map[1], "HELLO     EXEC             1         49  HELLO EXEC A1");
    assert_eq!(user.fails("execload wrong exec").0, 20036);
    assert_eq!(user.fails("execload hello exec"), (28, vec!["DMSEXL002E File HELLO EXEC * not found".into()]));
    assert_eq!(user.fails("execload wrong exec a hello").0, 1);
    assert_eq!(user.fails("execload"), (24, vec!["DMSEXL054E Incomplete fileid specified".into()]));
    assert_eq!(user.fails("execload wrong exec q").0, 36);
    assert_eq!(user.fails("execload wrong exec a b c d"), (24, vec!["DMSEXL070E Invalid parameter D".into()]));
    assert_eq!(user.fails("execload wrong exec a .."), (20, vec!["DMSEXL062E Invalid character in fileid .. EXEC".into()]));
    assert_eq!(user.fails("execload wrong (x"), (24, vec!["DMSEXL003E Invalid option: X".into()]));
    user.does("execdrop hello exec");
    assert_eq!(user.fails("hello").0, -3);
    assert_eq!(user.fails("execdrop hello"), (28, vec!["DMSEXD416E HELLO EXEC is not in storage".into()]));
    assert_eq!(user.fails("execdrop"), (24, vec!["DMSEXD054E Incomplete fileid specified".into()]));
    assert_eq!(user.fails("execdrop a b c"), (24, vec!["DMSEXD070E Invalid parameter C".into()]));
    assert_eq!(user.fails("execdrop a (x"), (24, vec!["DMSEXD003E Invalid option: X".into()]));
    user.does("execdrop * *");
    assert_eq!(user.fails("execmap"), (28, vec!["DMSEXM416E * * is not in storage".into()]));
    assert_eq!(user.fails("execmap a b c"), (24, vec!["DMSEXM070E Invalid parameter C".into()]));
    assert_eq!(user.fails("execmap (x"), (24, vec!["DMSEXM003E Invalid option: X".into()]));
}

#[test]
fn messages_come_from_a_repository_and_emsg_says_how_much_is_shown() {
    let mut user = User::with(
        &[],
        &[
            ("ABCUME REPOS", &["* comment", "$", "00010101E Account $1 does not exist", "00010102E Ask $2", "00020101W Odd"]),
            ("TEST EXEC", &["/* */", "'XMITMSG 1 JOE BOB (APPLID ABC CALLER XYZ VAR NODISPLAY'", "say rc message.0 message.1'/'message.2"]),
        ],
    );
    assert_eq!(user.does("xmitmsg 2 'MY OWN' data a (caller abc"), ["DMSABC002E File MY OWN data a not found"]);
    assert_eq!(user.does("xmitmsg 386"), ["DMSMGM386E Missing operand(s)"]);
    assert_eq!(user.does("xmitmsg 3 x (noheader letter w"), ["Invalid option: x"]);
    assert_eq!(user.does("xmitmsg 3 x (letter w"), ["DMSMGM003W Invalid option: x"]);
    assert_eq!(user.does("xmitmsg 1 joe you (applid abc caller xyz"), ["ABCXYZ001E Account joe does not exist", "ABCXYZ001E Ask you"]);
    assert_eq!(user.does("xmitmsg 1 joe you (applid abc line 2"), ["ABCMGM001E Ask you"]);
    assert_eq!(user.does("test"), ["0 2 ABCXYZ001E Account JOE does not exist/ABCXYZ001E Ask BOB"]);
    let message = "DMSMGM814E Message number 0009, format 01, line 01 was not found in application ABC";
    assert_eq!(user.fails("xmitmsg 9 (applid abc"), (12, vec![message.into()]));
    let message = "DMSMGM813E XYZUME REPOS, the message repository, was not found: message 9 cannot be retrieved";
    assert_eq!(user.fails("xmitmsg 9 (applid xyz"), (28, vec![message.into()]));
    assert_eq!(user.fails("xmitmsg"), (24, vec!["DMSMGM386E Missing operand(s)".into()]));
    assert_eq!(user.fails("xmitmsg x"), (24, vec!["DMSMGM070E Invalid parameter X".into()]));
    assert_eq!(user.fails("xmitmsg 2 (x"), (24, vec!["DMSMGM003E Invalid option: X".into()]));
    assert_eq!(user.fails("xmitmsg 2 (line x"), (24, vec!["DMSMGM029E Invalid parameter X in the option LINE field".into()]));
    assert_eq!(user.fails("xmitmsg 2 (var"), (24, vec!["DMSMGM631E The option VAR can only be used from a REXX EXEC".into()]));
    for (setting, shown) in [
        ("on", vec!["DMSSTT002E File NO FILE A not found"]),
        ("text", vec!["File NO FILE A not found"]),
        ("code", vec!["DMSSTT002E"]),
        ("off", vec![]),
    ] {
        user.does(&format!("set emsg {setting}"));
        assert_eq!(user.fails("state no file a"), (28, shown.into_iter().map(String::from).collect()));
        assert_eq!(user.does("query emsg"), [format!("EMSG     = {}", setting.to_uppercase())]);
    }
    user.does("set emsg on");
    assert_eq!(user.fails("set emsg x").0, 24);
    assert!(user.world.borrow().commands.contains(&"SET EMSG TEXT".to_string()), "CP's messages too");
}

#[test]
fn packed_files_come_back_as_they_were() {
    let mut user = User::with(&[], &[("A TEXT", &["one      and      two", " ", "three"]), ("B TEXT", &["b"])]);
    user.does("copyfile a text a packed text a (pack");
    assert_eq!(user.does("listfile packed text a (format")[1], "PACKED   TEXT     A1 F       1024");
    user.does("copyfile packed text a again text a (unpack type");
    assert_eq!(user.file_on(0x191, "AGAIN TEXT"), user.file_on(0x191, "A TEXT"));
    user.does("copyfile a text a (pack");
    user.does("copyfile a text a (unpack");
    assert_eq!(user.file_on(0x191, "AGAIN TEXT"), user.file_on(0x191, "A TEXT"));
    assert_eq!(user.fails("copyfile b text a c text a (unpack"), (32, vec!["DMSCPY068E Input file B TEXT A1 not in packed format".into()]));
    assert!(!user.disk_has(0x191, "C TEXT"));
    assert_eq!(
        user.fails("copyfile a text a b text a c text a (pack"),
        (24, vec!["DMSCPY102S PACK and UNPACK take one file at a time".into()])
    );
    assert_eq!(user.fails("copyfile a text a c text a (pack recfm f").0, 24);
    assert_eq!(
        user.fails("copyfile a text a c text a (pack unpack"),
        (24, vec!["DMSCPY066E PACK and UNPACK are conflicting options".into()])
    );
}

#[test]
fn a_packed_file_that_is_cut_off_is_an_error_and_leaves_the_old_file() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    let lines: Vec<String> = (0..400).map(|number| format!("line {number} of a file that takes several records")).collect();
    user.has_records(0x191, "A TEXT", 1, minidisk::edf::RecordFormat::Variable, &lines);
    user.has_file(0x191, "OLD TEXT", 1, &["old"]);
    user.ipl("AUTOCR", &[]);
    user.does("copyfile a text a b text a (pack");
    user.does("copyfile b text a c text a (for 3");
    let message = "DMSCPY068E Input file C TEXT A1 not in packed format";
    assert_eq!(user.fails("copyfile c text a old text a (unpack replace"), (32, vec![message.into()]));
    assert_eq!(user.file_on(0x191, "OLD TEXT"), ["old"]);
}
