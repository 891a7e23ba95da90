//! Programs that are wrong, enormous or without end: each ends in an error of the language, in bounded time and storage.

use proptest::prelude::*;
use shell::rexx::{Program, run};

use crate::host::{Host, invocation, shows};

/// The last line that a program shows before the message of the sub-code.
fn error(text: &str) -> String {
    let shown = shows(text);
    let line = shown.lines().find(|line| line.starts_with("Error ")).unwrap_or_else(|| panic!("no error: {shown}"));
    line.split(' ').nth(1).expect("a number").to_string()
}

#[test]
fn recursion_and_strings_without_end_are_errors() {
    assert_eq!(error("call f\nf: call f\n"), "11");
    assert_eq!(error("say f()\nf: procedure; return f()\n"), "11");
    assert_eq!(error("x = 'interpret x'; interpret x\n"), "11");
    assert_eq!(error("say copies('x', 1e9)\n"), "5");
    assert_eq!(error("x = 'x'; do forever; x = x || x; end\n"), "5");
    assert_eq!(error("say left('x', 999999999)\n"), "5");
    assert_eq!(error("say insert('x', 'y', 999999999)\n"), "5");
    assert_eq!(error("say d2x(1, 999999999)\n"), "5");
    assert_eq!(error("say space('a b', 999999999)\n"), "5");
    assert_eq!(error("say trunc(1e99999999)\n"), "5");
    assert_eq!(error("say format(1, 999999999)\n"), "5");
    assert_eq!(error("numeric digits 1e9\n"), "33");
}

#[test]
fn expressions_may_nest_a_hundred_thousand_deep() {
    let deep = 100_000;
    assert_eq!(shows(&format!("say {}1{}\n", "(".repeat(deep), ")".repeat(deep))), "1\n");
    assert_eq!(shows(&format!("say {}1{}\n", "(1+".repeat(deep), ")".repeat(deep))), format!("{}\n", deep + 1));
    assert_eq!(shows(&format!("say {}1{}\n", "abs(".repeat(deep), ")".repeat(deep))), "1\n");
    assert_eq!(shows(&format!("say {}1\n", "-".repeat(deep))), "1\n");
    assert_eq!(error(&format!("say {}1\n", "(".repeat(deep))), "36");
    let nested = format!("{}say 1;{}\n", "do;".repeat(deep), "end;".repeat(deep));
    assert_eq!(shows(&nested), "1\n");
    assert_eq!(shows(&format!("{}say 1\n", "if 1 then ".repeat(deep))), "1\n");
    assert_eq!(error(&format!("{}\n", "do;".repeat(deep))), "14");
}

#[test]
fn a_line_may_be_a_megabyte() {
    let long = "x".repeat(1 << 20);
    assert_eq!(shows(&format!("say length('{long}')\n")), format!("{}\n", 1 << 20));
    assert_eq!(shows(&format!("say length({long})\n")), format!("{}\n", 1 << 20));
    assert_eq!(shows(&format!("/* {long} */ say 1\n")), "1\n");
    assert_eq!(error(&format!("say '{long}\n")), "6");
    assert_eq!(shows(&format!("say 1{}\n", " + 1".repeat(200_000))), "200001\n");
}

#[test]
fn a_loop_without_end_is_halted_and_may_trap_that() {
    let halted = |text: &str| {
        let host = Host { halt_at: Some(3), ..Host::default() };
        String::from_utf8_lossy(&crate::host::output(text.as_bytes(), "test", host)).into_owned()
    };
    assert!(halted("do forever; end\n").contains("Error 4 running"));
    assert_eq!(halted("signal on halt\ndo forever; nop; end\nhalt: say 'halted' condition('C')\n"), "halted HALT\n");
    assert_eq!(halted("call on halt\ndo i=1 until done=1; nop; end; say 'on'; exit\nhalt: done=1; return\n"), "on\n");
}

/// Runs what compiles, for a bounded number of clauses.
fn survives(text: &[u8]) {
    if let Ok(program) = Program::compile(text.to_vec()) {
        let mut host = Host { polls_left: Some(40), ..Host::default() };
        let _ = run(&program, invocation(Some("an argument")), &mut host);
    }
}

/// What programs are made of.
const PIECES: &[&str] = &[
    "say",
    "x",
    "y.",
    "y.x",
    "=",
    "1",
    "0",
    "-3",
    "1.5",
    "1e9",
    "'a b'",
    "''",
    "'ff'x",
    "(",
    ")",
    ",",
    ";",
    "\n",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "||",
    "&",
    "|",
    "\\",
    ">",
    "<<",
    "do",
    "end",
    "if",
    "then",
    "else",
    "select",
    "when",
    "otherwise",
    "to",
    "by",
    "for",
    "while",
    "until",
    "forever",
    "leave",
    "iterate",
    "call",
    "return",
    "exit",
    "signal",
    "on",
    "off",
    "syntax",
    "novalue",
    "halt",
    "name",
    "f:",
    "f",
    "procedure",
    "expose",
    "parse",
    "arg",
    "value",
    "with",
    "var",
    "pull",
    "push",
    "queue",
    "drop",
    "interpret",
    "numeric",
    "digits",
    "fuzz",
    "trace",
    "?r",
    "i",
    "upper",
    "address",
    "left(",
    "substr(",
    "copies(",
    "word(",
    "format(",
    "d2x(",
    "date(",
    "value(",
    "translate(",
    " ",
    "/*",
    "*/",
    ".",
    ":",
    "options",
    "nop",
    "rc",
    "sigl",
    "result",
    "condition(",
    "arg(",
    "random(",
    "sourceline(",
    "linein(",
    "x2c(",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn programs_of_any_pieces_end_in_order(pieces in prop::collection::vec(0..PIECES.len(), 1..60)) {
        let text: String = pieces.iter().map(|piece| format!("{} ", PIECES[*piece])).collect();
        survives(text.as_bytes());
    }

    #[test]
    fn any_bytes_end_in_order(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }
}
