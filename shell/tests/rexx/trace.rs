//! TRACE in the form of The REXX Language, where Regina has another.

use crate::host::{Host, output, shows};

#[test]
fn results_show_the_value_of_each_expression() {
    let text = "trace r\nx = 1+2\nsay x\nif x = 3 then say 'three'\nparse value 'a b' with p .\ncall f x\nexit\nf: return\n";
    #[rustfmt::skip]
    let expected = [
        "     2 *-* x = 1+2", "       >>>   \"3\"", "     3 *-* say x", "       >>>   \"3\"", "3",
        "     4 *-* if x = 3", "       >>>   \"1\"", "       *-* then", "       *-* say 'three'", "       >>>   \"three\"", "three",
        "     5 *-* parse value 'a b' with p .", "       >>>   \"a\"",
        "     6 *-* call f x", "     8 *-*  f:", "       *-*  return", "     7 *-* exit",
    ];
    assert_eq!(shows(text).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn intermediates_show_every_step() {
    let text = "trace i\ni = 2; a.2 = 'x'\nsay a.i || left('abc', i) -1 zz\n";
    #[rustfmt::skip]
    let expected = [
        "     2 *-* i = 2", "       >L>   \"2\"", "       *-* a.2 = 'x'", "       >L>   \"x\"", "       >C>   \"A.2\"",
        "     3 *-* say a.i || left('abc', i) -1 zz",
        "       >V>   \"2\"", "       >C>   \"A.2\"", "       >V>   \"x\"", "       >L>   \"abc\"", "       >V>   \"2\"", "       >F>   \"ab\"",
    ];
    assert_eq!(shows(text).lines().take(12).collect::<Vec<_>>(), expected);
}

#[test]
fn a_failing_command_is_traced_without_being_asked_for() {
    assert_eq!(shows("'nonsense'\nsay rc\n"), "     1 *-* 'nonsense'\n       +++ RC(127) +++\n127\n");
    assert_eq!(shows("'exit 2'\nsay rc\n"), "2\n");
    assert_eq!(shows("trace e\n'exit 2'\n"), "     2 *-* 'exit 2'\n       +++ RC(2) +++\n");
    assert_eq!(shows("trace c\n'exit 2'\nx = 1\n"), "     2 *-* 'exit 2'\n       +++ RC(2) +++\n");
}

/// What a program shows when these lines are typed.
fn interactively(text: &str, typed: &[&str]) -> Vec<String> {
    let host = Host { typed: typed.iter().map(|line| line.as_bytes().to_vec()).collect(), ..Host::default() };
    String::from_utf8_lossy(&output(text.as_bytes(), "test", host)).lines().map(String::from).collect()
}

/// How a user is told, at the first pause, how to go on.
const FIRST: &str = "       +++ Interactive trace. TRACE OFF to end debug, ENTER to continue. +++";

#[test]
fn interactive_trace_pauses_executes_what_is_typed_and_repeats() {
    let text = "x = 0\ntrace ?a\nx = x + 1\ny = 2\nsay x y\n";
    let shown = interactively(text, &["", "", ""]);
    assert_eq!(shown, ["     3 *-* x = x + 1", FIRST, "     4 *-* y = 2", "     5 *-* say x y", "1 2"]);
    // The clause is executed again, a variable changed and an error shown.
    let shown = interactively(text, &["=", "say x", "x = 10; say 1/0", "", "", ""]);
    #[rustfmt::skip]
    assert_eq!(shown, [
        "     3 *-* x = x + 1", FIRST, "     3 *-* x = x + 1", "2", "+++ Error 42 in interactive trace: Arithmetic overflow/underflow",
        "     4 *-* y = 2", "     5 *-* say x y", "10 2",
    ]);
    assert_eq!(interactively(text, &["trace o"]), ["     3 *-* x = x + 1", FIRST, "1 2"]);
}

#[test]
fn interactive_trace_does_not_pause_where_a_clause_goes_on_elsewhere() {
    let text = "trace ?a\ncall f 1\ndo 2\nnop\nend\nx = f(2)\nexit\nf: arg n\nreturn n\n";
    // What is typed in the pauses tells where they are: behind the label, behind ARG, behind each NOP and behind the assignment.
    let typed: Vec<String> = (1..=12).map(|pause| format!("say 'pause' {pause}")).collect();
    let lines: Vec<&str> = typed.iter().flat_map(|line| [line.as_str(), ""]).collect();
    #[rustfmt::skip]
    assert_eq!(interactively(text, &lines), [
        "     2 *-* call f 1", "     8 *-*  f:", FIRST, "pause 1", "       *-*  arg n", "pause 2", "     9 *-*  return n",
        "     3 *-* do 2", "     4 *-*  nop", "pause 3", "     5 *-* end", "     3 *-* do 2", "     4 *-*  nop", "pause 4", "     5 *-* end",
        "     3 *-* do 2", "     6 *-* x = f(2)", "     8 *-*  f:", "pause 5", "       *-*  arg n", "pause 6", "     9 *-*  return n",
        "pause 7", "     7 *-* exit",
    ]);
}

#[test]
fn interactive_trace_pauses_at_what_its_letter_shows() {
    let text = "trace ?e\n'exit 0'\n'exit 2'\nx = 1\nsay 'on'\n";
    assert_eq!(
        interactively(text, &["say 'typed'", "="]),
        ["     3 *-* 'exit 2'", "       +++ RC(2) +++", FIRST, "typed", "     3 *-* 'exit 2'", "       +++ RC(2) +++", "on"]
    );
    let text = "trace ?c\n'exit 0'\nx = 1\nsay x\n";
    assert_eq!(interactively(text, &["x = 5; say x"]), ["     2 *-* 'exit 0'", FIRST, "5", "1"]);
    let text = "trace ?l\nx = 1\nhere: say x\nsay 'end'\n";
    assert_eq!(interactively(text, &["x = 2"]), ["     3 *-* here:", FIRST, "2", "end"]);
}

#[test]
fn a_program_that_is_traced_interactively_does_not_trace_itself() {
    // TRACE in it does nothing, the function TRACE does, and so does what is typed.
    let text = "trace ?a\nx = 1\ntrace o\nx = 2\ncall trace '?a'\nx = 3\nsay trace()\n";
    #[rustfmt::skip]
    assert_eq!(interactively(text, &[]), [
        "     2 *-* x = 1", FIRST, "     3 *-* trace o", "     4 *-* x = 2", "     5 *-* call trace '?a'", "     6 *-* x = 3",
        "     7 *-* say trace()", "A",
    ]);
    // A number lets pauses pass; a negative one traces.
    let shown = interactively("trace ?a\na = 1\na = 2\na = 3\na = 4\nsay a\n", &["trace 2", "say 'here' a"]);
    assert_eq!(shown[..6], ["     2 *-* a = 1", FIRST, "     3 *-* a = 2", "     4 *-* a = 3", "     5 *-* a = 4", "here 4"]);
    let shown = interactively("trace ?a\na = 1\na = 2\na = 3\na = 4\nsay a\n", &["trace -2", "trace o"]);
    assert_eq!(shown, ["     2 *-* a = 1", FIRST, "     5 *-* a = 4", "4"]);
}

#[test]
fn what_is_typed_leads_a_program_nowhere() {
    let text =
        "signal on novalue; signal on error; signal on syntax; trace ?a\nx = 1\nsay rc\nexit\nnovalue: error: syntax: say 'trapped'\n";
    let shown = interactively(text, &["say unset", "'exit 3'", "x = 1/0", "trace o; rc = 0"]);
    #[rustfmt::skip]
    assert_eq!(shown, [
        "     2 *-* x = 1", FIRST, "UNSET", "       +++ RC(3) +++", "+++ Error 42 in interactive trace: Arithmetic overflow/underflow", "0",
    ]);
    // A loop without end is halted, and the pause goes on.
    let host = Host { typed: [b"do forever; end".to_vec(), b"trace o".to_vec()].into(), halt_at: Some(3), ..Host::default() };
    let shown = String::from_utf8_lossy(&output(b"trace ?a\nx = 1\nsay 'on' x\n", "test", host)).into_owned();
    assert_eq!(shown, format!("     2 *-* x = 1\n{FIRST}\n+++ Error 4 in interactive trace: Program interrupted\non 1\n"));
}

#[test]
fn commands_may_be_traced_and_not_carried_out() {
    let text = "trace !c\n'exit 5'\nsay rc trace()\n'nonsense'\nsay rc\ntrace !\n'exit 5'\nsay rc trace()\ntrace o; say trace()\n";
    #[rustfmt::skip]
    assert_eq!(shows(text).lines().collect::<Vec<_>>(), [
        "     2 *-* 'exit 5'", "0 !C", "     4 *-* 'nonsense'", "0", "     7 *-* 'exit 5'", "       +++ RC(5) +++", "5 C", "O",
    ]);
    // What is typed is carried out.
    let shown = interactively("trace ?!a\nx = 1\n'exit 5'\nsay rc\n", &["'exit 6'", "trace"]);
    assert_eq!(shown, ["     2 *-* x = 1", FIRST, "       +++ RC(6) +++", "5"]);
}

#[test]
fn scan_shows_the_rest_of_a_program_and_executes_none_of_it() {
    let text = "say 'first'\ntrace s\nsay 'never'\nif x then do\n  y = 1 / 0\nend\nexit\nf: return\n";
    #[rustfmt::skip]
    assert_eq!(shows(text).lines().collect::<Vec<_>>(), [
        "first", "     3 *-* say 'never'", "     4 *-* if x", "       *-* then", "       *-* do", "     5 *-*  y = 1 / 0", "     6 *-* end",
        "     7 *-* exit", "     8 *-* f:", "       *-* return",
    ]);
    // Not from within a group, a routine or an interpreted string.
    for text in ["do; trace s; end\n", "call f; exit; f: trace s\n", "interpret 'trace s'\n"] {
        assert!(shows(text).contains("Error 24.1"), "{text}: {}", shows(text));
    }
}
