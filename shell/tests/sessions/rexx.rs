//! REXX EXECs in CMS: how they are called, what they reach, and how they end.

use crate::double::User;

/// What an EXEC of these lines shows.
fn shows(lines: &[&str]) -> Vec<String> {
    User::with_execs(&[("TEST", lines)]).does("test")
}

#[test]
fn an_exec_gets_what_is_typed_behind_its_name() {
    let mut user = User::with_execs(&[("TEST", &["parse arg a b", "say arg() '['a'][' || b || ']'", "parse source s", "say s"])]);
    assert_eq!(user.does("test One  two  three"), ["1 [One][ two  three]", "CMS COMMAND TEST EXEC A1 TEST CMS"]);
    assert_eq!(user.does("exec test x")[0], "1 [x][]");
    assert_eq!(user.does("TEST")[0], "0 [][]");
}

#[test]
fn the_value_of_exit_is_the_return_code() {
    let mut user = User::with_execs(&[("TEST", &["arg n", "exit n"])]);
    assert!(user.enters("test 4")[0].starts_with("Ready(00004);"));
    assert!(user.enters("test -3")[0].starts_with("Ready(-0003);"));
    assert!(user.enters("test 0")[0].starts_with("Ready;"));
    assert!(user.enters("test")[0].starts_with("Ready;"));
    let (code, shown) = user.fails("test abc");
    assert_eq!((code, shown[0].as_str()), (20026, "DMSREX466E Error 26 running TEST EXEC, line 1: Invalid whole number"));
}

#[test]
fn an_error_shows_the_clauses_that_were_active() {
    let mut user = User::with_execs(&[("TEST", &["call sub 0", "exit", "sub: arg n", "  return 5 / n"])]);
    let (code, shown) = user.fails("test");
    assert_eq!(code, 20042);
    let message = "DMSREX477E Error 42 running TEST EXEC, line 5: Arithmetic overflow/underflow";
    let detail = "DMSREX477E Error 42.3: Arithmetic overflow; divisor must not be zero";
    assert_eq!(shown, ["     5 +++ return 5 / n", "     2 +++ call sub 0", message, detail]);
    let mut user = User::with_execs(&[("TEST", &["say 'never'", "do i=1 to 3"])]);
    let (code, shown) = user.fails("test");
    assert_eq!(code, 20014);
    assert_eq!(shown[1], "DMSREX461E Error 14 running TEST EXEC, line 3: Incomplete DO/SELECT/IF");
}

#[test]
fn commands_go_to_their_environments_and_set_rc() {
    let mut user = User::with_execs(&[
        (
            "TEST",
            &[
                "say address()",
                "'state no file a'; say rc",
                "address command 'STATE NO FILE A'; say rc",
                "address command 'query impcp'; say rc",
                "address command 'QUERY IMPCP'; say rc",
                "address command 'MESSAGE NOBODY x'; say rc",
                "trace off; 'message nobody x'; say rc",
                "address command 'CP MESSAGE NOBODY x'; say rc",
                "nonsense; say rc",
                "address xedit 'TOP'; say rc",
                "address command 'EXEC OTHER 7'; say rc",
                "other 8; say rc",
            ],
        ),
        ("OTHER", &["arg n; return n"]),
    ]);
    let shown = user.does("test");
    let no_file = "DMSSTT002E File NO FILE A not found";
    let nobody = "HCPMSG045E NOBODY not logged on";
    #[rustfmt::skip]
    let expected = [
        "CMS", no_file, "28", no_file, "28",
        "     5 *-* address command 'query impcp'", "       +++ RC(-3) +++", "-3",
        "IMPCP    = ON", "0",
        "     7 *-* address command 'MESSAGE NOBODY x'", "       +++ RC(-3) +++", "-3",
        nobody, "45", nobody, "45", "-3", "-3", "7", "8",
    ];
    assert_eq!(shown, expected);
    assert_eq!(user.does("query impex"), ["IMPEX    = ON"]);
}

#[test]
fn conditions_of_commands_are_trapped() {
    let lines = [
        "signal on error",
        "'state no file a'",
        "say 'not here'",
        "error: say 'error' rc sigl condition('D')",
        "call on failure name f; trace off",
        "'nonsense'",
        "say 'back'; exit",
        "f: say 'failure' rc condition('C'); return",
    ];
    let shown = shows(&lines);
    assert_eq!(shown[1..], ["error 28 3 state no file a", "failure -3 FAILURE", "back"]);
}

#[test]
fn execs_are_functions_and_subroutines() {
    let mut user = User::with_execs(&[
        (
            "TEST",
            &[
                "say twice(21) twice(4)",
                "call twice 5; say result",
                "call nothing; say symbol('RESULT')",
                "parse value twice() with x; say x",
            ],
        ),
        ("TWICE", &["parse arg n, m; if arg() = 0 then return 'no argument'", "return n * 2"]),
        ("NOTHING", &["exit"]),
        ("BAD", &["say nothing()"]),
        ("WORSE", &["say fails()"]),
        ("FAILS", &["return 1/0"]),
        ("MISSING", &["call nosuch"]),
    ]);
    assert_eq!(user.does("test"), ["42 8", "10", "LIT", "no argument"]);
    assert_eq!(user.fails("bad").0, 20044);
    let (code, shown) = user.fails("worse");
    assert_eq!(code, 20040);
    assert!(shown[1].contains("Error 42 running FAILS EXEC") && shown[4].contains("Error 40 running WORSE EXEC"), "{shown:?}");
    assert_eq!(user.fails("missing").0, 20043);
}

#[test]
fn the_program_stack_is_shared_by_execs_and_commands_and_what_is_left_is_executed() {
    let mut user = User::with_execs(&[
        (
            "TEST",
            &[
                "queue 'two'; push 'one'; call reader",
                "'MAKEBUF'; say rc",
                "queue 'x'; 'SENTRIES'; say rc",
                "'DROPBUF 1'; say rc queued()",
                "queue 'query impcp'",
            ],
        ),
        ("READER", &["do while queued() > 0; parse pull line; say line; end; return"]),
        ("ASK", &["pull name; say 'hello' name; parse external x; say x"]),
    ]);
    assert_eq!(user.does("test"), ["one", "two", "1", "1", "0 0"]);
    user.shell.run();
    assert_eq!(user.shown()[0], "IMPCP    = ON");
    user.types(&["fred", "typed"]);
    assert_eq!(user.does("ask"), ["hello FRED", "typed"]);
}

#[test]
fn execio_reads_and_writes_files() {
    let lines = [
        "line.1 = 'first'; line.2 = ''; line.3 = 'Third line'; line.0 = 3",
        "'EXECIO * DISKW OUT DATA A (FINIS STEM line.'; say rc",
        "'EXECIO * DISKR OUT DATA A (FINIS STEM in.'; say rc in.0",
        "do i = 1 to in.0; say '<'in.i'>'; end",
        "'EXECIO 1 DISKR OUT DATA A 3 (VAR v'; say rc v",
        "'EXECIO 1 DISKR OUT DATA A (VAR v'; say rc",
        "'EXECIO 2 DISKR OUT DATA A 1 (LIFO FINIS'; say rc queued(); pull a; pull b; say a b",
        "'EXECIO 1 DISKW OUT DATA A (FINIS STRING the last one'; say rc",
        "'EXECIO * DISKR OUT DATA A 1 (FINIS LOCATE /last/ CASE U'; say rc; pull where; parse pull text; say where text",
        "'EXECIO * DISKR OUT DATA A 1 (FINIS LOCATE /absent/'; say rc",
        "'EXECIO 1 DISKW OUT DATA A 1 (FINIS STRING FIRST'; say rc",
        "'EXECIO 1 DISKR OUT DATA A 1 (FINIS VAR v MARGINS 2 4'; say rc v",
        "'EXECIO 1 CP (STEM r. STRING QUERY TIME'; say rc r.0 r.1",
        "'EXECIO 1 DISKR NO FILE A'; say rc",
        "'EXECIO x DISKR'; say rc",
        "'EXECIO 9 DISKR OUT DATA A 1 (FINIS SKIP'; say rc",
    ];
    let mut user = User::with_execs(&[("TEST", &lines)]);
    #[rustfmt::skip]
    assert_eq!(user.does("test"), [
        "0", "0 3", "<first>", "< >", "<Third line>", "0 Third line", "2", "0 2", "  FIRST", "0", "0", "4 4 THE LAST ONE", "3", "0", "0 IRS",
        "0 1 TIME IS 14:41:41 UTC SUNDAY 11/22/26", "DMSEIO002E File NO FILE A not found", "28",
        "DMSEIO621E Bad Plist: invalid number of lines X", "24", "2",
    ]);
    assert_eq!(user.file_on(0x191, "OUT DATA"), ["FIRST", " ", "Third line", "the last one"]);
    assert_eq!(user.fails("execio * diskr out data a (stem x.").0, 24);
}

#[test]
fn execio_on_a_full_disk_leaves_the_old_file() {
    let lines = [
        "'EXECIO 1 DISKW OUT DATA A (FINIS STRING old'; say rc",
        "do i = 1 to 5000; x.i = copies('much ', 200); end; x.0 = 5000",
        "'EXECIO * DISKW OUT DATA A (FINIS STEM x.'; say rc",
    ];
    let mut user = User::with_execs(&[("TEST", &lines)]);
    assert_eq!(user.does("test"), ["0", "DMSEIO107S Disk A(191) is full", "100"]);
    assert_eq!(user.file_on(0x191, "OUT DATA"), ["old"]);
}

#[test]
fn streams_are_cms_files() {
    let lines = [
        "call lineout 'my file', 'one'; call lineout 'my file', 'two'; call lineout 'my file'",
        "say lines('my file', 'C') linein('MY FILE A') linein('my file') lines('my file') '<'linein('my file')'>'",
        "signal on notready; x = linein('my file'); say 'not here'",
        "notready: say condition('C') condition('D')",
        "say stream('my file') stream('no file') stream('my file', 'C', 'QUERY EXISTS')",
        "say linein('my file', 1) charin('my file',, 2)",
        "call charout 'my file', 'th'; call charout 'my file', 'ree'",
    ];
    let mut user = User::with_execs(&[("TEST", &lines)]);
    let shown = user.does("test");
    assert_eq!(shown, ["2 one two 0 <>", "NOTREADY my file", "READY UNKNOWN MY FILE A1", "one tw"]);
    assert_eq!(user.file_on(0x191, "MY FILE"), ["one", "two", "three"]);
}

#[test]
fn functions_of_cms_are_there() {
    let lines = [
        "say userid() diag(8, 'QUERY TIME')",
        "parse value diagrc(8, 'MESSAGE NOBODY x') with code 10 . 11 cc 12 17 text '15'x",
        "say code'|'cc'|'text",
        "say cmsflag('IMPCP') cmsflag('DOS') linesize() externals() date('S') time()",
        "say queued() find('a b c', 'b') index('abc', 'c') justify('a b', 5)",
    ];
    #[rustfmt::skip]
    assert_eq!(shows(&lines), [
        "CMSUSER TIME IS 14:41:41 UTC SUNDAY 11/22/26\u{15}", "45       |1|HCPMSG045E NOBODY not logged on",
        "1 0 80 0 20261122 14:41:41", "0 2 3 a   b",
    ]);
}

#[test]
fn storage_and_diagnose_codes_are_reached_by_functions() {
    let lines = [
        "say c2x(storage(10, 4)) c2x(storage(20, 3, 'ABC')) storage(20, 3) length(storage(0)) datatype(storage(), 'X')",
        "say length(diag(0)) length(diag('0C')) x2d(storage()) - c2d(diag(60)) left(diagrc(60), 15)'|'",
        "say qualify('my file') qualify('MY FILE B1')",
        "do i = 1 to 7; call attempt i; end; exit",
        "attempt: arg n; signal on syntax",
        "if n = 1 then x = storage('FFFFFF', 2); if n = 2 then x = storage('xyz'); if n = 3 then x = storage(10, -1)",
        "if n = 4 then x = storage('FFFFFF', 2, 'AB'); if n = 5 then x = diag(); if n = 6 then x = diag('FFF'); if n = 7 then x = cmsflag('x')",
        "say 'not here'; return",
        "syntax: say n rc; return",
    ];
    #[rustfmt::skip]
    assert_eq!(shows(&lines), [
        "10111213 202122 ABC 1 1", "16 36 0 0         0    |", "MY FILE A MY FILE B1",
        "1 40", "2 40", "3 40", "4 40", "5 40", "6 40", "7 40",
    ]);
}

#[test]
fn an_exec_that_changes_is_compiled_anew() {
    let mut user = User::with_execs(&[(
        "TEST",
        &["say 'old'", "'ERASE TEST EXEC A'", "'EXECIO 1 DISKW TEST EXEC A (FINIS STRING /* */ say ''new'''"],
    )]);
    assert_eq!(user.does("test"), ["old"]);
    assert_eq!(user.does("test"), ["new"]);
    assert_eq!(user.does("test"), ["new"]);
}

#[test]
fn what_asks_for_too_much_is_an_error_of_the_program() {
    let mut user = User::with_execs(&[
        ("BIG", &["say copies('x', 1e9)"]),
        ("DEEP", &["call deep; exit", "deep: call deep; return"]),
        ("AGAIN", &["'EXEC AGAIN'; say rc; exit rc"]),
        ("FOREVER", &["call again2"]),
    ]);
    assert_eq!(user.fails("big").0, 20005);
    assert_eq!(user.fails("deep").0, 20011);
    let (code, shown) = user.fails("again");
    assert_eq!((code, shown[0].as_str()), (32, "DMSEXC081E More than 20 EXECs within each other"));
}

#[test]
fn the_profile_may_be_rexx() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 180);
    user.has_file(0x191, "PROFILE EXEC", 1, &["/* mine */", "'SET IMPCP OFF'", "say 'Good day' userid()"]);
    assert_eq!(user.ipl("AUTOCR", &[])[1], "Good day CMSUSER");
    assert_eq!(user.does("query impcp"), ["IMPCP    = OFF"]);
}

#[test]
fn execio_reads_cards_of_the_next_file_in_the_reader() {
    let mut user = User::with_execs(&[(
        "TEST",
        &[
            "'EXECIO 1 CARD (VAR first'; say rc first",
            "'EXECIO * CARD (LOCATE /three/'; say rc queued(); pull where; pull line; say where'/'line",
            "'EXECIO * CARD (STEM rest.'; say rc rest.0 rest.1",
            "'EXECIO 5 CARD (STEM more.'; say rc more.0",
            "'EXECIO 1 CARD'; say rc",
        ],
    )]);
    user.world.borrow_mut().arrives(b'U', "ONE", "DATA", &[b"one", b"two", b"three", b"four"]);
    user.world.borrow_mut().arrives(b'U', "TWO", "DATA", &[b"another"]);
    let shown = user.does("test");
    assert_eq!(shown, ["0 one", "0 2", "2 3/THREE", "0 1 four", "2 1", "DMSEIO205E Reader empty or not ready", "8"]);
    assert!(user.world.borrow().reader.is_empty(), "what was read to its end is closed");
}
