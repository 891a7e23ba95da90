//! GLOBALV, VMLINK, NAMES and RDRLIST.

use minidisk::edf::RecordFormat;

use crate::double::User;

#[test]
fn globalv_keeps_variables_in_groups() {
    let mut user = User::with_execs(&[(
        "TEST",
        &[
            "x = 'from rexx'; 'GLOBALV SELECT MINE PUT X'; x = ''; 'GLOBALV SELECT MINE GET X'; say x",
            "'GLOBALV SELECT MINE GET NONE'; say '<'none'>'",
            "'GLOBALV SELECT MINE STACK X COLOR'; parse pull one; parse pull two; say one'/'two",
            "say value('color', 'blue', 'GLOBAL MINE') value('COLOR',, 'GLOBAL MINE')",
            "say value('x', 1, 'NOWHERE')",
        ],
    )]);
    user.does("globalv select mine set color red size 5");
    user.does("globalv select mine setl title Two words  here");
    assert_eq!(user.does("globalv select mine list"), ["SELECTED TABLE IS: MINE", " COLOR=red", " SIZE=5", " TITLE=Two words  here"]);
    assert_eq!(user.does("globalv list"), ["SELECTED TABLE IS: UNNAMED"]);
    user.does("globalv select mine");
    assert_eq!(user.does("globalv list size other"), ["SELECTED TABLE IS: MINE", " SIZE=5", " OTHER="]);
    let (code, shown) = user.fails("test");
    assert_eq!(shown.get(..4), Some(&["from rexx", "<>", "from rexx/red", "red blue"].map(String::from)[..]), "{shown:?}");
    assert_eq!(code, 20040);
    user.does("globalv select other set a b");
    assert_eq!(user.does("globalv grplist"), ["MINE", "OTHER"]);
    user.does("globalv select mine purge");
    assert_eq!(user.does("globalv grplist"), ["OTHER"]);
    user.does("globalv purge");
    assert_eq!(user.does("globalv grplist"), [""; 0]);
}

#[test]
fn what_is_permanent_outlives_ipl_and_what_is_for_the_session_does_not() {
    let mut user = User::with_execs(&[]);
    user.does("globalv select g setp keep for good");
    user.does("globalv select g sets stay awhile");
    user.does("globalv select g setpl line all of it");
    user.does("globalv select g set gone soon");
    assert_eq!(
        user.file_on(0x191, "LASTING GLOBALV"),
        ["G       \u{4}KEEP\u{3}for", "G       \u{4}GOOD\u{0}", "G       \u{4}LINE\u{9}all of it"]
    );
    let session = user.shell_session();
    user.recovers(session);
    assert_eq!(
        user.does("globalv select g list keep stay line gone"),
        ["SELECTED TABLE IS: G", " KEEP=for", " STAY=awhile", " LINE=all of it", " GONE="]
    );
    user.restarts();
    assert_eq!(user.does("globalv select g list keep stay gone"), ["SELECTED TABLE IS: G", " KEEP=for", " STAY=", " GONE="]);
    assert!(!user.disk_has(0x191, "SESSION GLOBALV"));
}

#[test]
fn globalv_says_what_is_wrong() {
    let mut user = User::with_execs(&[]);
    assert_eq!(user.fails("globalv"), (24, vec!["DMSGLB047E No function specified".into()]));
    assert_eq!(user.fails("globalv nonsense"), (24, vec!["DMSGLB014E Invalid function NONSENSE".into()]));
    assert_eq!(user.fails("globalv set"), (24, vec!["DMSGLB386E Missing operand(s)".into()]));
    assert_eq!(user.fails("globalv setl"), (24, vec!["DMSGLB386E Missing operand(s)".into()]));
    assert_eq!(user.fails("globalv stack"), (24, vec!["DMSGLB386E Missing operand(s)".into()]));
    assert_eq!(user.fails("globalv get x"), (41, vec!["DMSGLB631E GET can only be executed from a REXX EXEC".into()]));
    assert_eq!(user.fails("globalv put x"), (41, vec!["DMSGLB631E PUT can only be executed from a REXX EXEC".into()]));
    assert_eq!(user.fails("globalv select muchtoolong list").0, 24);
    let long = "x".repeat(256);
    assert_eq!(user.fails(&format!("globalv set a {long}")), (24, vec!["DMSGLB621E A name or value is longer than 255 characters".into()]));
    user.make_read_only(0x191);
    user.restarts();
    assert_eq!(user.fails("globalv setp a b"), (36, vec!["DMSGLB037E Filemode A(191) is accessed as read/only".into()]));
    assert_eq!(user.does("globalv list a"), ["SELECTED TABLE IS: UNNAMED", " A="], "what could not be kept is not set");
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_records(0x191, "LASTING GLOBALV", 1, RecordFormat::Variable, &["not one"]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.fails("globalv init"), (32, vec!["DMSGLB056E File LASTING GLOBALV A1 contains an invalid record format".into()]));
}

#[test]
fn a_full_disk_leaves_the_old_values() {
    let mut user = User::with_execs(&[]);
    user.does("globalv setp a old");
    user.breaks_after(0x191, Some(1));
    let (code, _) = user.fails("globalv setp a new");
    assert_eq!(code, 100);
    user.breaks_after(0x191, None);
    assert_eq!(user.does("globalv list a")[1], " A=old");
    assert_eq!(user.file_on(0x191, "LASTING GLOBALV"), ["UNNAMED \u{1}A\u{3}old"]);
}

#[test]
fn vmlink_links_accesses_and_lets_go() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "VMLINK NAMES", 1, &[":nick.TOOLS :userid.maint :vdev.19E"]);
    user.add_disk(0x300, "TOOLS", 180);
    user.has_file(0x300, "TOOL EXEC", 2, &["say tool"]);
    user.gives_away(0x300, "MAINT", 0x19e);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.does("vmlink maint 19e").last().map(String::as_str), Some("DMSVML2060I MAINT 19E linked as 0120 file mode Z"));
    assert!(user.world.borrow().commands.contains(&"LINK TO MAINT 19E AS 120 RR".to_string()));
    assert_eq!(user.does("listfile tool exec z"), ["TOOL     EXEC     Z2"]);
    assert_eq!(user.does("vmlink maint 19e (detach"), ["DMSVML2061I MAINT 19E detached"]);
    assert_eq!(user.fails("listfile tool exec z").0, 36);
    user.does("vmlink tools < 222 k mr > (notype");
    assert!(user.world.borrow().commands.contains(&"LINK TO MAINT 19E AS 222 MR".to_string()));
    assert_eq!(user.does("listfile tool exec k"), ["TOOL     EXEC     K2"]);
    user.does("vmlink tools (release notype");
    assert_eq!(user.fails("vmlink maint 19e (det"), (28, vec!["DMSVML2063E MAINT 19E is not linked".into()]));
    assert_eq!(user.fails("vmlink maint 500"), (107, vec!["HCPLNK107E MAINT 500 not linked; not in CP directory".into()]));
    assert_eq!(user.fails("vmlink nothing").0, 28);
    assert_eq!(user.fails("vmlink"), (24, vec!["DMSVML386E Missing operand(s)".into()]));
    assert_eq!(user.fails("vmlink maint 19e < xyz >"), (24, vec!["DMSVML070E Invalid parameter XYZ".into()]));
    assert_eq!(user.fails("vmlink < 222 >"), (24, vec!["DMSVML070E Invalid parameter <".into()]));
    assert_eq!(user.fails("vmlink maint 19e (x"), (24, vec!["DMSVML003E Invalid option: X".into()]));
}

#[test]
fn names_asks_for_an_entry_and_writes_the_file() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "CMSUSER NAMES", 0, &[":nick.OTTO :userid.OLD :fax.123", ":nick.TEAM :list.otto"]);
    user.ipl("AUTOCR", &[]);
    user.types(&["operator", "", "", "Otto Operator", ".", "", ""]);
    let shown = user.does("names otto");
    assert_eq!(shown[2], "Userid (OLD):");
    assert!(shown.iter().all(|line| line.len() < 80), "{shown:?}");
    assert_eq!(
        user.file_on(0x191, "CMSUSER NAMES"),
        [
            ":nick.OTTO",
            "           :fax.123",
            "           :userid.operator",
            "           :name.Otto Operator",
            ":nick.TEAM",
            "           :list.otto"
        ]
    );
    assert_eq!(user.does("namefind :nick otto :userid"), ["operator"]);
    user.types(&["new", "quit"]);
    user.does("names");
    assert_eq!(user.fails("namefind :nick new").0, 32);
    user.types(&[":nick.x"]);
    assert_eq!(user.fails("names otto").0, 24);
    assert_eq!(user.fails("names a b"), (24, vec!["DMSNAM070E Invalid parameter B".into()]));
    assert_eq!(user.fails("names otto (x"), (24, vec!["DMSNAM003E Invalid option: X".into()]));
    assert_eq!(user.fails("names otto (file"), (24, vec!["DMSNAM005E No FILE specified".into()]));
    user.types(&["u", "", "", "", "", "", ""]);
    user.does("names first (file team");
    assert_eq!(user.file_on(0x191, "TEAM NAMES"), [":nick.FIRST", "           :userid.u"]);
}

#[test]
fn rdrlist_does_commands_on_files_of_the_reader() {
    let mut user = User::with_execs(&[]);
    assert_eq!(user.does("rdrlist"), ["DMSRDL075I No reader files"]);
    let spid = user.world.borrow_mut().arrives(b'U', "ONE", "DATA", &[b"one"]);
    user.world.borrow_mut().arrives(b'U', "TWO", "DATA", &[b"two"]);
    user.types(&["1 receive / one data a", "query impcp", "9 peek", "", "quit"]);
    let shown = user.does("rl");
    assert!(shown[1].starts_with(&format!("  1  CMSUSER  {spid:04}")), "{shown:?}");
    assert!(shown.contains(&"IMPCP    = ON".to_string()) && shown.contains(&"+++ R(-0003) +++".to_string()), "{shown:?}");
    assert_eq!(user.file_on(0x191, "ONE DATA"), ["one"]);
    assert_eq!(user.world.borrow().reader.len(), 1);
    assert_eq!(user.fails("rdrlist x"), (24, vec!["DMSRDL070E Invalid parameter X".into()]));
    assert_eq!(user.fails("rdrlist (x"), (24, vec!["DMSRDL003E Invalid option: X".into()]));
}
