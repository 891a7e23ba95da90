//! IPL, the Ready message, the order in which commands are searched, EXECs, and recovery.

use crate::double::{Double, User};
use shell::session::Shell;

#[test]
fn ipl_shows_the_banner_accesses_the_disks_and_reads_a_line() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x190, "CMS190", 180);
    user.add_disk(0x19e, "TOOLS", 180);
    user.add_disk(0x191, "MNT191", 180);
    let shown = user.ipl("", &["query accessed"]);
    assert_eq!(shown[0], concat!("CP-64 CMS V", env!("CARGO_PKG_VERSION"), "    2026-11-22 14:41"));
    assert_eq!(
        shown[1..5],
        [
            "Mode  Stat     Files  Vdev  Label/Directory",
            "A      R/W         0  191   MNT191",
            "S      R/O         0  190   CMS190",
            "Y/S    R/O         0  19E   TOOLS",
        ]
    );
    assert!(shown[5].starts_with("Ready; T="));
}

#[test]
fn ipl_says_what_is_wrong_with_a_disk_and_goes_on() {
    let mut user = User::before_ipl("CMSUSER");
    user.attach(0x191, minidisk::edf::MemoryDisk::new(180));
    let shown = user.ipl("AUTOCR", &[]);
    assert_eq!(shown[1], "DMSACC112S A(191) device error: The disk is not CMS formatted");
    assert!(shown[2].starts_with("Ready;"));
}

#[test]
fn the_profile_runs_before_the_first_line_unless_told_otherwise() {
    let with_profile = || {
        let mut user = User::before_ipl("CMSUSER");
        user.add_disk(0x191, "MNT191", 180);
        user.has_file(0x191, "PROFILE EXEC", 1, &["* mine", "set impcp off", "query impcp"]);
        user
    };
    let shown = with_profile().ipl("AUTOCR", &[]);
    assert_eq!(shown[1], "IMPCP    = OFF");
    assert!(shown[2].starts_with("Ready;"));
    let shown = with_profile().ipl("", &["query rdymsg"]);
    assert_eq!(shown[1..3], ["IMPCP    = OFF", "RDYMSG   = LMSG"]);
    let mut skipped = with_profile();
    assert!(skipped.ipl("", &["access (noprof"])[1].starts_with("Ready;"));
    assert_eq!(skipped.does("query impcp"), ["IMPCP    = ON"]);
}

#[test]
fn the_ready_message_has_the_times_since_the_last_one_and_the_return_code() {
    let mut user = User::new();
    assert_eq!(user.enters("* nothing"), ["Ready; T=0.01/0.02 14:41:41"]);
    assert_eq!(user.enters("state no file a")[1], "Ready(00028); T=0.01/0.02 14:41:41");
    assert_eq!(user.enters("nonsense")[1], "Ready(-0003); T=0.01/0.02 14:41:41");
    user.does("set rdymsg smsg");
    assert_eq!(user.enters("state no file a")[1], "Ready(00028);");
    assert_eq!(user.enters(""), ["CMS"]);
}

#[test]
fn commands_are_searched_as_execs_then_as_commands_then_by_cp() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "LISTFILE EXEC", 1, &["identify"]);
    user.ipl("AUTOCR", &[]);
    assert!(user.does("listfile")[0].starts_with("CMSUSER  AT NODE1"));
    // An abbreviation is no EXEC.
    assert_eq!(user.does("list * * a"), ["LISTFILE EXEC     A1"]);
    user.does("set impex off");
    assert_eq!(user.does("listfile * * a"), ["LISTFILE EXEC     A1"]);
    assert_eq!(user.does("sleep"), [""; 0]);
    assert_eq!(user.fails("nonsense 1 2"), (-3, vec!["Unknown CP/CMS command".into()]));
}

#[test]
fn set_impcp_and_abbrev_act() {
    let mut user = User::new();
    user.does("set impcp off");
    assert_eq!(user.fails("sleep").0, -3);
    assert_eq!(user.does("cp query time"), ["TIME IS 14:41:41 UTC SUNDAY 11/22/26"]);
    user.does("set abbrev off");
    assert_eq!(user.fails("q impcp").0, -3);
    assert_eq!(user.does("query abbrev"), ["ABBREV   = OFF"]);
}

#[test]
fn set_says_what_is_missing() {
    let mut user = User::new();
    assert_eq!(user.fails("set rdymsg"), (24, vec!["DMSSET386E Missing operand(s)".into()]));
    assert_eq!(user.fails("set impcp maybe"), (24, vec!["DMSSET070E Invalid parameter MAYBE".into()]));
}

#[test]
fn what_query_and_set_do_not_know_goes_to_cp() {
    let mut user = User::new();
    assert_eq!(user.does("q time"), ["TIME IS 14:41:41 UTC SUNDAY 11/22/26"]);
    assert_eq!(user.fails("set nonsense on").0, 1);
    assert_eq!(user.world.borrow().commands, ["QUERY time", "SET nonsense on"]);
}

#[test]
fn an_exec_goes_on_after_a_failure_and_ends_with_its_code() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "OUTER EXEC", 1, &["state no file a", "exec inner", "query impcp"]);
    user.has_file(0x191, "INNER EXEC", 1, &["* comment", " ", "query impex"]);
    user.ipl("AUTOCR", &[]);
    let (code, shown) = user.fails("exec outer");
    assert_eq!(code, 28);
    assert_eq!(shown, ["DMSSTT002E File NO FILE A not found", "state no file a", "+++ R(00028) +++", "IMPEX    = ON", "IMPCP    = ON",]);
    assert_eq!(user.fails("exec missing").0, 28);
}

#[test]
fn a_line_that_is_longer_than_a_command_can_be_is_refused() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    let line = "message maint ".to_string() + &"x".repeat(5000);
    user.has_file(0x191, "LONG EXEC", 1, &[&line]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.fails("long").1[0], "DMSEXC083E A command line has at most 4096 bytes");
    assert!(user.world.borrow().commands.is_empty());
}

#[test]
fn an_exec_that_calls_itself_comes_to_an_end() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "AGAIN EXEC", 1, &["again"]);
    user.ipl("AUTOCR", &[]);
    let (code, shown) = user.fails("again");
    assert_eq!(code, 32);
    assert_eq!(shown[0], "DMSEXC081E More than 20 EXECs within each other");
    // The depth is counted anew for the next line.
    assert_eq!(user.fails("again").0, 32);
}

#[test]
fn an_exec_may_erase_itself_while_it_runs() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "ONCE EXEC", 1, &["erase once exec", "query impcp"]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.does("once"), ["IMPCP    = ON"]);
    assert!(!user.disk_has(0x191, "ONCE EXEC"));
}

#[test]
fn abend_fails_in_the_way_that_is_asked_for() {
    use shell::cp::Failure;
    let mut user = User::new();
    // The double lets the failure pass, and CMS says so.
    assert_eq!(user.fails("abend divide").0, 8);
    assert_eq!(user.fails("abend privileged").0, 8);
    assert_eq!(user.fails("abend nonsense"), (24, vec!["DMSABE070E Invalid parameter NONSENSE".into()]));
    assert_eq!(user.world.borrow().failures, [Failure::Divide, Failure::Privileged]);
}

#[test]
fn recovery_accesses_the_same_disks_with_the_same_settings() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x190, "CMS190", 180);
    user.add_disk(0x191, "MNT191", 180);
    user.add_disk(0x192, "MNT192", 180);
    user.has_file(0x192, "KEPT DATA", 1, &["x"]);
    user.has_file(0x192, "HIDDEN DATA", 1, &["x"]);
    user.ipl("AUTOCR", &[]);
    user.does("access 192 b/a kept *");
    user.does("set impcp off");
    let before = user.does("query disk");
    let session = user.world.borrow().remembered.expect("a session was kept");
    assert_eq!(session.routine(), "QUERY");
    user.shell = Shell::recover(Double(user.world.clone()), session, 197);
    // The time since the Ready message before the command that failed, not since IPL: the double counts one look at the clock for each.
    assert_eq!(user.shown(), ["Ready(00197); T=0.02/0.04 14:41:41"]);
    assert_eq!(user.does("query disk"), before);
    assert_eq!(user.does("listfile * * b"), ["KEPT     DATA     B1"]);
    assert_eq!(user.does("query impcp"), ["IMPCP    = OFF"]);
}

#[test]
fn recovery_purges_what_a_failed_command_was_punching() {
    let mut user = User::new();
    let mut session = user.world.borrow().remembered.expect("a session was kept");
    session.spooling = true;
    user.shell = Shell::recover(Double(user.world.clone()), session, 222);
    assert_eq!(user.world.borrow().commands, ["CLOSE 00D PURGE", "CLOSE 00E PURGE", "CLOSE 00C KEEP"]);
}

#[test]
fn lines_are_read_as_long_as_there_are_any() {
    let mut user = User::new();
    user.types(&["query impcp", "identify"]);
    user.shell.run();
    let shown = user.shown();
    assert_eq!(shown[0], "IMPCP    = ON");
    assert_eq!(shown[2], "CMSUSER  AT NODE1    VIA RSCS     2026-11-22 14:41:41 UTC      SUNDAY");
}

#[test]
fn the_system_profile_runs_before_the_users_and_only_from_the_system_disk() {
    let with_profiles = || {
        let mut user = User::before_ipl("CMSUSER");
        user.add_disk(0x190, "CMS190", 180);
        user.add_disk(0x191, "MNT191", 180);
        user.has_file(0x190, "SYSPROF EXEC", 2, &["/* */ say 'the system'; 'SET RDYMSG SMSG'; exit 4"]);
        user.has_file(0x191, "SYSPROF EXEC", 1, &["/* */ say 'not this one'"]);
        user.has_file(0x191, "PROFILE EXEC", 1, &["/* */ say 'the user'"]);
        user
    };
    assert_eq!(with_profiles().ipl("AUTOCR", &[])[1..], ["the system", "the user", "Ready;"]);
    let shown = with_profiles().ipl("NOSPROF AUTOCR", &[]);
    assert_eq!(shown[1], "the user");
    assert!(shown[2].starts_with("Ready; T="));
    assert_eq!(with_profiles().ipl("", &["access (noprof"])[1..], ["the system", "Ready;"]);
}

#[test]
fn settings_of_other_systems_are_kept_and_shown() {
    let mut user = User::new();
    assert_eq!(user.does("query relpage"), ["RELPAGE  = ON"]);
    user.does("set relpage off");
    user.does("set blip *");
    user.does("set autod all");
    assert_eq!(user.does("q relpage"), ["RELPAGE  = OFF"]);
    assert_eq!(user.does("q blip"), ["BLIP     = *"]);
    assert_eq!(user.does("q autodump"), ["AUTODUMP = ALL"]);
    assert_eq!(user.fails("set text maybe"), (24, vec!["DMSSET070E Invalid parameter MAYBE".into()]));
    assert_eq!(user.fails("set fullscreen on").0, 24);
    assert_eq!(user.fails("set blip"), (24, vec!["DMSSET386E Missing operand(s)".into()]));
    // They outlive an abnormal end.
    let session = user.shell_session();
    user.recovers(session);
    assert_eq!(user.does("q relpage"), ["RELPAGE  = OFF"]);
    assert!(user.world.borrow().commands.is_empty(), "nothing of it was for CP");
}

#[test]
fn cmstype_ht_hides_what_an_exec_shows_until_rt_or_its_end() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(
        0x191,
        "QUIET EXEC",
        1,
        &["/* */ 'SET CMSTYPE HT'; say 'hidden'; 'SET CMSTYPE RT'; say 'shown'; 'SET CMSTYPE HT'; say 'hidden too'"],
    );
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.does("quiet"), ["shown"]);
    assert_eq!(user.does("query cmstype"), ["CMSTYPE  = RT"]);
    assert_eq!(user.fails("set cmstype").0, 24);
}

#[test]
fn exectrac_traces_programs_from_their_first_clause() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "ONE EXEC", 1, &["/* */ n = 1", "say n"]);
    user.ipl("AUTOCR", &[]);
    user.does("set exectrac on");
    assert_eq!(user.does("query exectrac"), ["EXECTRAC = ON"]);
    user.types(&["", ""]);
    let shown = user.does("one");
    assert!(shown.contains(&"     1 *-* n = 1".to_string()) && shown.contains(&"1".to_string()), "{shown:?}");
    user.does("set exectrac off");
    assert_eq!(user.does("one"), ["1"]);
}

#[test]
fn the_line_end_character_is_cps() {
    let mut user = User::new();
    user.enters("set linend /");
    assert_eq!(user.world.borrow().commands, ["TERMINAL linend /"]);
}

#[test]
fn answers_of_query_and_identify_go_to_the_stack_when_asked() {
    let mut user = User::new();
    assert_eq!(user.does("query impcp (lifo"), [""; 0]);
    assert_eq!(user.does("identify (stack"), [""; 0]);
    user.does("query search (fifo");
    let next = |user: &mut User| {
        user.shell.run();
        user.shown()
    };
    // What is in the stack is read as commands: it is unknown, and named so in the history.
    let shown = next(&mut user);
    assert_eq!(shown.iter().filter(|line| line.starts_with("Unknown CP/CMS command")).count(), 3, "{shown:?}");
    assert_eq!(
        user.world.borrow().commands,
        ["IMPCP    = ON", "CMSUSER  AT NODE1    VIA RSCS     2026-11-22 14:41:41 UTC      SUNDAY", "MNT191  191  A    R/W"]
    );
    // A message is no answer.
    assert_eq!(user.fails("query disk q (stack"), (36, vec!["DMSQRY069E Filemode Q not accessed".into()]));
    assert_eq!(user.fails("query impcp (nonsense"), (24, vec!["DMSQRY003E Invalid option: NONSENSE".into()]));
    assert_eq!(user.fails("identify (nonsense").0, 24);
}

/// What SVCTRACE has printed, without the times.
fn printed(user: &User) -> Vec<Vec<String>> {
    let world = user.world.borrow();
    let lines =
        |file: &crate::double::SpoolFile| file.records().iter().map(|line| String::from_utf8_lossy(&line[9..]).into_owned()).collect();
    world.printed.iter().map(lines).collect()
}

#[test]
fn svctrace_prints_which_commands_were_called_and_ho_so_and_ro_act_meanwhile() {
    use shell::cp::Tracing::{Halt, Resume, Suspend};
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "WORK EXEC", 1, &["/* */ 'STATE NO FILE A'; 'DESBUF'; 'SENTRIES'; 'MAKEBUF'; 'DROPBUF'"]);
    user.ipl("AUTOCR", &[]);
    user.does("svctrace on");
    assert_eq!(user.does("query tracing"), ["SVCTRACE = ON"]);
    // Suspended before DESBUF, resumed before MAKEBUF, halted before DROPBUF: what was typed acts at the next call.
    user.world.borrow_mut().tracing = [None, None, Some(Suspend), None, Some(Resume), Some(Halt)].into();
    user.enters("work");
    let shown = printed(&user);
    let expected = [
        "N/D=001 CALL query tracing",
        "N/D=001 EXIT QUERY RC=0",
        "N/D=001 CALL work",
        "N/D=002 CALL STATE NO FILE A",
        "N/D=002 EXIT STATE RC=28",
        "N/D=002 CALL MAKEBUF",
        "N/D=002 EXIT MAKEBUF RC=1",
    ];
    assert_eq!(shown, [expected]);
    assert_eq!(user.does("query tracing"), ["SVCTRACE = OFF"]);
    // The same at the prompt.
    user.does("svctrace on");
    user.does("so");
    assert_eq!(user.does("query tracing"), ["SVCTRACE = SUSPENDED"]);
    user.does("ro");
    user.does("ho");
    assert_eq!(printed(&user).len(), 2);
    assert_eq!(user.fails("svctrace maybe").0, 24);
    user.does("svctrace off");
    assert_eq!(printed(&user).len(), 2, "nothing was recorded");
}

#[test]
fn batch_jobs_run_until_the_reader_is_empty_or_hb_is_typed() {
    let mut user = User::new();
    let job = |user: &User, name: &str, lines: &[&str]| {
        let head = format!("/JOB BOB 1 {name}");
        let cards: Vec<Vec<u8>> = [head.as_str()].iter().chain(lines).map(|line| format!("{line:<80}").into_bytes()).collect();
        let cards: Vec<&[u8]> = cards.iter().map(Vec::as_slice).collect();
        user.world.borrow_mut().arrives(b'U', name, "JOB", &cards)
    };
    job(&user, "ONE", &["state no file a", "query impcp", "/*", "never"]);
    job(&user, "TWO", &["query impex"]);
    let shown = user.does("cmsbatch");
    let expected = [
        "DMSBTC101I Job ONE started for BOB",
        "state no file a",
        "DMSSTT002E File NO FILE A not found",
        "+++ R(00028) +++",
        "query impcp",
        "IMPCP    = ON",
        "DMSBTC102I Job ONE ended with return code 0",
        "DMSBTC101I Job TWO started for BOB",
        "query impex",
        "IMPEX    = ON",
        "DMSBTC102I Job TWO ended with return code 0",
    ];
    assert_eq!(shown, expected);
    assert!(user.world.borrow().reader.is_empty());
    job(&user, "ONE", &["* nothing"]);
    job(&user, "TWO", &["* nothing"]);
    user.world.borrow_mut().batch_halted = true;
    assert_eq!(user.does("cmsbatch").last().map(String::as_str), Some("DMSBTC109I CMSBATCH ends: HB was typed"));
    assert_eq!(user.world.borrow().reader.len(), 1);
    // What is no job stays where it is.
    user.world.borrow_mut().reader.clear();
    user.world.borrow_mut().arrives(b'U', "A", "DECK", &[b"no job"]);
    assert_eq!(user.fails("cmsbatch").0, 32);
    assert_eq!(user.world.borrow().reader.len(), 1);
}

#[test]
fn an_exec_asks_for_immediate_commands_of_its_own() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    let lines = [
        "/* */ address cms",
        "'IMMCMD STATUS STOP'; say rc",
        "'IMMCMD SET STOP'; 'IMMCMD QUERY STOP'; say rc",
        "'IMMCMD STATUS STOP'; say rc",
        "'CP TYPED stop'; 'IMMCMD STATUS STOP'; say rc",
        "'IMMCMD ST STOP'; say rc",
        "'IMMCMD CLR STOP'; 'IMMCMD CLR STOP'; say rc",
        "'CP TYPED stop'; 'IMMCMD STATUS STOP'; say rc",
        "do i = 1 to 16; 'IMMCMD SET N'i; end; 'IMMCMD SET MORE'; say rc",
    ];
    user.has_file(0x191, "LOOP EXEC", 1, &lines);
    user.has_file(0x191, "AFTER EXEC", 1, &["/* */ 'IMMCMD QUERY N1'; exit rc"]);
    user.has_file(0x191, "WRONG EXEC", 1, &["/* */ parse arg what; 'IMMCMD' what; exit rc"]);
    user.ipl("AUTOCR", &[]);
    let shown = user.does("loop");
    assert_eq!(shown[..7], ["44", "0", "0", "1", "0", "44", "44"]);
    assert_eq!(shown[7..], ["DMSIMM109S There are 16 immediate commands already", "104"]);
    assert_eq!(user.fails("after").0, 44, "they end with the command that was typed");
    for (what, code, message) in [
        ("", 24, "047E No function specified"),
        ("nonsense x", 24, "014E Invalid function NONSENSE"),
        ("set", 24, "386E Missing operand(s)"),
        ("set hx", 24, "070E Invalid parameter HX"),
        ("set a b", 24, "070E Invalid parameter B"),
        ("set a (b", 24, "003E Invalid option: B"),
    ] {
        assert_eq!(user.fails(&format!("wrong {what}")), (code, vec![format!("DMSIMM{message}")]), "{what}");
    }
    assert_eq!(user.fails("immcmd set a"), (41, vec!["DMSIMM631E IMMCMD can only be executed from a REXX EXEC".into()]));
}

#[test]
fn characters_stand_for_others_when_they_are_typed_and_shown() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "ASK EXEC", 1, &["/* */ parse external x; say c2x(x) x"]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.does("query input"), ["No user-defined INPUT translate table in use"]);
    assert_eq!(user.does("q output"), ["No user-defined OUTPUT translate table in use"]);
    user.does("set input ! 5B");
    user.does("set inp ~ 7c");
    user.types(&["a!b~c"]);
    assert_eq!(user.does("ask"), ["615B627C63 a[b|c"]);
    assert_eq!(user.does("query input"), ["INPUT  !  5B", "INPUT  ~  7C"]);
    user.does("set output 5B (");
    user.does("set output 7c 21");
    user.types(&["a!b~c"]);
    assert_eq!(user.does("ask"), ["615B627C63 a(b!c"]);
    assert_eq!(user.does("query output"), ["OUTPUT 5B (", "OUTPUT 7C !"]);
    user.does("set input ! 21");
    assert_eq!(user.does("query input"), ["INPUT  ~  7C"]);
    user.does("set input");
    user.does("set output");
    user.types(&["[|!"]);
    assert_eq!(user.does("ask"), ["5B7C21 [|!"]);
    for (line, message) in [
        ("set input a", "061E No translation character specified"),
        ("set input a b", "026E Invalid parameter b for INPUT function"),
        ("set input ab7 20", "026E Invalid parameter ab7 for INPUT function"),
        ("set output a b", "026E Invalid parameter a for OUTPUT function"),
        ("set output 41 \u{fc}", "026E Invalid parameter \u{fc} for OUTPUT function"),
        ("set output 41 b c", "070E Invalid parameter C"),
    ] {
        assert_eq!(user.fails(line), (24, vec![format!("DMSSET{message}")]), "{line}");
    }
    assert_eq!(user.does("query output"), ["No user-defined OUTPUT translate table in use"]);
}

#[test]
fn the_list_of_listfile_does_something_with_every_file() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "ONE DATA", 1, &["1"]);
    user.has_file(0x191, "TWO DATA", 1, &["2"]);
    user.ipl("AUTOCR", &[]);
    user.does("listfile * data a (exec");
    assert_eq!(user.does("cms type"), ["", "1", "", "", "2", ""].map(String::from));
    user.does("listfile * data a (exec args trace");
    let arguments = " &3 &4 &5 &6 &7 &8 &9 &10 &11 &12 &13 &14 &15";
    assert_eq!(user.file_on(0x191, "CMS EXEC")[..2], ["&TRACE ALL".to_string(), format!("&1 &2 ONE      DATA     A1{arguments}")]);
    let shown = user.does("cms copyfile % = old a");
    assert_eq!(shown, ["copyfile ONE      DATA     A1 = old a", "copyfile TWO      DATA     A1 = old a"]);
    assert!(user.disk_has(0x191, "TWO OLD"));
    assert_eq!(user.fails("listfile * data a (trace"), (24, vec!["DMSLST066E ARGS and TRACE go only with EXEC".into()]));
}
