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

#[test]
fn interactive_trace_pauses_executes_what_is_typed_and_repeats() {
    let text = "x = 0\ntrace ?a\nx = x + 1\ny = 2\nsay x y\n";
    let shown = interactively(text, &["", "", ""]);
    assert_eq!(shown, ["     3 *-* x = x + 1", "     4 *-* y = 2", "     5 *-* say x y", "1 2"]);
    // The clause is executed again, a variable changed and an error shown.
    let shown = interactively(text, &["=", "say x", "x = 10; say 1/0", "", "", ""]);
    #[rustfmt::skip]
    assert_eq!(shown, [
        "     3 *-* x = x + 1", "     3 *-* x = x + 1", "2", "+++ Error 42 in interactive trace: Arithmetic overflow/underflow",
        "     4 *-* y = 2", "     5 *-* say x y", "10 2",
    ]);
    assert_eq!(interactively(text, &["trace o"]), ["     3 *-* x = x + 1", "1 2"]);
}
