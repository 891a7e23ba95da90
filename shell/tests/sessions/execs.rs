//! EXECs of the kinds that people have, run on CMS: files read, changed and written, the program stack, sessions of interactive trace.

use crate::double::User;

/// A user whose A-disk has these EXECs and a file, IPLed.
fn user_with(execs: &[(&str, &[&str])]) -> User {
    User::with(execs, &[("MEMBERS DATA", &["Ada;Lovelace;1815", "Charles;Babbage;1791", "Grace;Hopper;1906"])])
}

/// What an EXEC of these lines shows.
fn shows(lines: &[&str]) -> Vec<String> {
    user_with(&[("TEST", lines)]).does("test")
}

#[test]
fn a_file_is_read_changed_and_written_in_the_same_order() {
    let lines = [
        "address command",
        "'EXECIO * DISKR MEMBERS DATA A (FINIS STEM m.'",
        "if rc <> 0 then exit rc",
        "do i = 1 to m.0",
        "  parse var m.i first ';' last ';' year",
        "  m.i = left(last, 10) left(first, 8) 2026 - year",
        "end",
        "'ERASE MEMBERS DATA A'",
        "'EXECIO' m.0 'DISKW MEMBERS DATA A (FINIS STEM m.'",
        "say rc; exit rc",
    ];
    let mut user = user_with(&[("TEST", &lines)]);
    assert_eq!(user.does("test"), ["0"]);
    assert_eq!(user.file_on(0x191, "MEMBERS DATA"), ["Lovelace   Ada      211", "Babbage    Charles  235", "Hopper     Grace    120"]);
}

#[test]
fn letters_are_made_of_a_form_and_a_file() {
    let lines = [
        "'EXECIO 0 DISKR MEMBERS DATA A (FINIS'",
        "do forever",
        "  'EXECIO 1 DISKR MEMBERS DATA A (VAR line'",
        "  if rc <> 0 then leave",
        "  parse var line first';'last';'year",
        "  queue 'Dear' first','; queue 'born' year 'as' last; queue ''",
        "  'EXECIO * DISKW' last 'LETTER A (FINIS'",
        "end",
        "say rc; 'EXECIO 0 DISKR MEMBERS DATA A (FINIS'",
        "'LISTFILE * LETTER A'",
    ];
    let mut user = user_with(&[("TEST", &lines)]);
    assert_eq!(user.does("test"), ["2", "BABBAGE  LETTER   A1", "HOPPER   LETTER   A1", "LOVELACE LETTER   A1"]);
    assert_eq!(user.file_on(0x191, "HOPPER LETTER"), ["Dear Grace,", "born 1906 as Hopper"]);
}

#[test]
fn buffers_keep_the_lines_of_one_exec_from_those_of_another() {
    let mut user = user_with(&[
        (
            "TEST",
            &[
                "queue 'mine'; before = queued()",
                "'MAKEBUF'; buffer = rc",
                "queue 'a'; push 'b'; call OTHER",
                "say queued() buffer result",
                "'DROPBUF' buffer; say rc queued()",
                "parse pull line; say line; 'DROPBUF 7'; say rc; 'SENTRIES'; say rc",
                "do 3; 'MAKEBUF'; end; say rc; 'DESBUF'; 'MAKEBUF'; say rc; 'DROPBUF'",
            ],
        ),
        ("OTHER", &["'MAKEBUF'", "queue 'x'", "lines = queued() - 3", "'DROPBUF' rc", "return lines"]),
    ]);
    assert_eq!(user.does("test"), ["3 1 1", "0 1", "mine", "2", "0", "3", "1"]);
}

#[test]
fn handlers_tell_where_and_what_went_wrong() {
    let novalue = ["signal on novalue", "total = 1", "say total + missing", "novalue: say sigl condition('D') sourceline(sigl)"];
    assert_eq!(shows(&novalue), ["4 MISSING say total + missing"]);
    let syntax =
        ["signal on syntax", "call risky 0; exit", "risky: return 1 / arg(1)", "syntax: say rc sigl errortext(rc)'/'sourceline(sigl)"];
    assert_eq!(shows(&syntax), ["42 4 Arithmetic overflow/underflow/risky: return 1 / arg(1)"]);
    let error = ["signal on error", "address command 'STATE NO FILE A'", "error: say rc sigl condition('C') condition('D')"];
    assert_eq!(shows(&error)[1], "28 3 ERROR STATE NO FILE A");
}

#[test]
fn what_a_user_types_is_interpreted() {
    let mut user = user_with(&[(
        "CALC",
        &[
            "signal on syntax",
            "next: parse pull line; if line = 'quit' then exit",
            "interpret 'say' line; signal next",
            "syntax: say 'No:' errortext(rc); signal on syntax; signal next",
        ],
    )]);
    user.types(&["2 ** 10", "1 +", "copies('ab', 3)", "1 / 0", "quit"]);
    assert_eq!(user.does("calc"), ["1024", "No: Invalid expression", "ababab", "No: Arithmetic overflow/underflow"]);
}

#[test]
fn interactive_trace_is_a_session_at_the_console() {
    let mut user = user_with(&[("TEST", &["parse arg n", "trace ?r", "n = n + 1", "'STATE NO FILE A'", "say 'done' n"])]);
    user.types(&["say 'n is' n; n = 10", "=", "", "'STATE NONE HERE A'", "trace off"]);
    let first = "       +++ Interactive trace. TRACE OFF to end debug, ENTER to continue. +++";
    #[rustfmt::skip]
    assert_eq!(user.does("test 5"), [
        "     4 *-* n = n + 1", "       >>>   \"6\"", first, "n is 6", "     4 *-* n = n + 1", "       >>>   \"11\"",
        "     5 *-* 'STATE NO FILE A'", "       >>>   \"STATE NO FILE A\"", "DMSSTT002E File NO FILE A not found", "       +++ RC(28) +++",
        "DMSSTT002E File NONE HERE A not found", "       +++ RC(28) +++", "done 11",
    ]);
}

#[test]
fn functions_that_are_not_there_are_an_error_by_name() {
    let mut user = user_with(&[
        ("ONE", &["call csl 'DMSEXIST rc reason'"]),
        ("TWO", &["x = socket('Initialize', 'me')"]),
        ("THREE", &["say apiload('VMREXMPL')"]),
        ("FOUR", &["signal on syntax; call csl 'DMSERP rc reason'", "syntax: say rc condition('D')"]),
    ]);
    for (exec, name) in [("one", "CSL"), ("two", "SOCKET"), ("three", "APILOAD")] {
        let (code, shown) = user.fails(exec);
        assert_eq!((code, shown[2].as_str()), (20043, format!("DMSREX478E Error 43.1: Could not find routine \"{name}\"").as_str()));
    }
    assert_eq!(user.does("four"), ["43 Could not find routine \"CSL\""]);
}

#[test]
fn execio_tells_that_lines_were_cut() {
    let lines = [
        "'EXECIO 1 DISKW SHORT DATA A 1 F 5 (FINIS STRING 12345'; say rc",
        "'EXECIO 1 DISKW SHORT DATA A (FINIS STRING 1234567'; say rc",
        "'EXECIO 1 DISKW SHORT DATA A 1 (FINIS STRING abcdefg'; say rc",
        "say date('J', '20261126', 'S') date('S', '26330', 'J') date('J', '24 Feb 2000')",
        "trace !; 'ERASE SHORT DATA A'; say rc; trace !; say cmsflag('EXECTRAC')",
    ];
    let mut user = user_with(&[("TEST", &lines)]);
    assert_eq!(user.does("test"), ["0", "1", "1", "26330 20261126 00055", "0", "0"]);
    assert_eq!(user.file_on(0x191, "SHORT DATA"), ["abcde", "12345"]);
}
