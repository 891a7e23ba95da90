//! Every error that the language can raise, by number and sub-code: a program for each, and what message it ends with.

use shell::rexx::{Program, error_text, run};

use crate::host::{Host, invocation};

/// Error and sub-code that a program ends with.
fn raised(text: &str) -> Option<(u16, u16)> {
    let report = match Program::compile(text.as_bytes().to_vec()) {
        Err(report) => report,
        Ok(program) => run(&program, invocation(None), &mut Host::default()).err()?,
    };
    Some((report.error.number(), report.error.sub()))
}

/// Programs that end with that error.
#[rustfmt::skip]
const PROGRAMS: &[(u16, u16, &str)] = &[
    (5, 1, "say copies('x', 1e9)"),
    (6, 1, "say 1 /* no end"),
    (6, 2, "say 'no end"),
    (6, 3, "say \"no end"),
    (7, 1, "select; say 1; end"),
    (7, 2, "select; when 1 then nop; say 2; end"),
    (7, 3, "select; when 0 then nop; end"),
    (8, 1, "then say 1"),
    (8, 2, "else say 1"),
    (9, 1, "when 1 then nop"),
    (9, 2, "otherwise say 1"),
    (10, 1, "end"),
    (10, 2, "do i = 1 to 2; end j"),
    (10, 3, "do; end i"),
    (10, 4, "select; when 1 then nop; end x"),
    (10, 5, "if 1 then end"),
    (10, 6, "if 1 then nop; else end"),
    (11, 0, "call f; f: call f"),
    (13, 1, "say \u{1}"),
    (14, 1, "do"),
    (14, 2, "select; when 1 then nop"),
    (14, 3, "if 1 then"),
    (14, 4, "if 1 then nop; else"),
    (15, 1, "say ' ff'x"),
    (15, 2, "say ' 1'b"),
    (15, 3, "say 'fg'x"),
    (15, 4, "say '12'b"),
    (16, 1, "signal nowhere"),
    (17, 1, "procedure"),
    (18, 1, "if 1 say 1"),
    (18, 2, "select; when 1 say 1; end"),
    (19, 1, "address ,"),
    (19, 2, "call +"),
    (19, 3, "signal on error name +"),
    (19, 4, "signal ,"),
    (19, 6, "trace ,"),
    (19, 7, "parse arg (+)"),
    (20, 1, "drop +"),
    (20, 2, "iterate +"),
    (21, 1, "nop nop"),
    (24, 1, "trace x"),
    (25, 1, "call on nothing"),
    (25, 2, "call off nothing"),
    (25, 3, "signal on nothing"),
    (25, 4, "signal off nothing"),
    (25, 11, "numeric form nothing"),
    (25, 12, "parse nothing"),
    (25, 15, "numeric nothing"),
    (25, 16, "do forever nothing; end"),
    (25, 17, "f: procedure nothing"),
    (26, 2, "do 1.5; end"),
    (26, 3, "do i = 1 for -1; end"),
    (26, 4, "x = 'a'; parse value 'abc' with y =(x)"),
    (26, 5, "numeric digits 0"),
    (26, 6, "numeric fuzz -1"),
    (26, 7, "trace 1.5"),
    (26, 8, "say 2 ** 1.5"),
    (26, 11, "say 1e20 % 1"),
    (26, 12, "say 1e20 // 3"),
    (27, 1, "do i = 1 to 2 to 3; end"),
    (28, 1, "leave"),
    (28, 2, "iterate"),
    (28, 3, "do i = 1 to 2; leave j; end"),
    (28, 4, "do i = 1 to 2; iterate j; end"),
    (29, 1, "address environment"),
    (31, 1, "1 = 2"),
    (31, 2, "drop 1x"),
    (31, 3, "drop .x"),
    (33, 1, "numeric fuzz 9"),
    (33, 2, "numeric digits 1e9"),
    (33, 3, "numeric form value 'x'"),
    (34, 1, "if 2 then nop"),
    (34, 2, "select; when 2 then nop; end"),
    (34, 3, "do while 2; end"),
    (34, 4, "do until 2; end"),
    (34, 5, "say 2 & 1"),
    (34, 6, "say 1 & 2"),
    (35, 1, "say 1 +"),
    (36, 0, "say (1"),
    (37, 1, "say 1, 2"),
    (37, 2, "say 1)"),
    (38, 1, "parse arg x *"),
    (38, 2, "parse arg x = y"),
    (38, 3, "parse value 1"),
    (40, 3, "say left(1)"),
    (40, 4, "say length(1, 2)"),
    (40, 5, "say left(, 2)"),
    (40, 11, "say abs('x')"),
    (40, 12, "say left(1, 'x')"),
    (40, 13, "say left(1, -1)"),
    (40, 14, "say substr(1, 0)"),
    (40, 17, "say errortext(100)"),
    (40, 18, "say date('N', 9999999, 'B')"),
    (40, 19, "say date('B', 'x', 'N')"),
    (40, 21, "say datatype(1, '')"),
    (40, 23, "say left(1, 2, 'xx')"),
    (40, 24, "say b2x(2)"),
    (40, 25, "say x2c('g')"),
    (40, 26, "say value('+', 1)"),
    (40, 28, "say datatype(1, '?')"),
    (40, 29, "say time('R', '12:00:00', 'N')"),
    (40, 32, "say random(1, 1000000)"),
    (40, 33, "say random(2, 1)"),
    (40, 34, "say sourceline(9)"),
    (40, 35, "numeric digits 3; say c2d('ffff'x)"),
    (40, 37, "say value('x', 1, 'no pool')"),
    (40, 38, "say format(12345, 1)"),
    (40, 41, "say linein('stream', 1e12)"),
    (40, 39, "say linein('stream', 1, 2)"),
    (41, 1, "say 'x' + 1"),
    (41, 2, "say 1 + 'x'"),
    (41, 3, "say -'x'"),
    (41, 4, "do i = 1 to 'x'; end"),
    (41, 5, "do i = 1 by 'x'; end"),
    (41, 6, "do i = 'x'; end"),
    (42, 1, "say 9e999999999 * 9"),
    (42, 2, "say 1e-999999999 / 9"),
    (42, 3, "say 1 / 0"),
    (43, 1, "call nowhere"),
    (45, 1, "say f(); exit; f: return"),
    (46, 1, "drop (x y)"),
    (47, 1, "interpret 'x: nop'"),
    (51, 1, "say f.(1)"),
];

/// Errors that no program raises here, and why.
#[rustfmt::skip]
const ELSEWHERE: &[(u16, &[u16], &str)] = &[
    (3, &[0, 1], "an EXEC that cannot be read is a message of the command that was to run it"),
    (4, &[0, 1], "HALT comes from the console: a_loop_without_end_is_halted_and_may_trap_that"),
    (12, &[0], "clauses have no longest length"),
    (16, &[2, 3], "a label within a group may be gone to"),
    (22, &[0, 1], "every byte is a character"),
    (23, &[0, 1], "as 22; DBCS strings that are wrong are error 40"),
    (25, &[5, 6, 7, 8, 9, 14], "ADDRESS WITH is not in the language of CMS"),
    (25, &[13], "PARSE UPPER with no word that may follow is 25.12, as under Regina"),
    (26, &[1], "each place where a whole number is wanted has a sub-code of its own"),
    (30, &[0, 1, 2], "names and literals have no longest length"),
    (32, &[0], "stems may stand wherever names may"),
    (39, &[0], "expressions nest on the heap; error 5 when that is full"),
    (40, &[1], "an external routine that fails ends with its own error"),
    (40, &[9], "exponents of arguments are numbers within the limits of the language, else 40.11"),
    (40, &[27, 36, 42], "names of streams and variables that cannot be are answered, not errors"),
    (40, &[31], "RANDOM is limited by the difference of its arguments"),
    (41, &[7], "a number whose exponent has more than nine digits is no number: 41.1 to 41.3"),
    (44, &[0, 1], "only an EXEC may end without data where a function is expected: execs_are_functions_and_subroutines"),
    (48, &[0, 1], "what CP or a command refuses is a return code"),
    (49, &[0], "the interpreter does not fail"),
    (50, &[0, 1], "no symbols are reserved"),
    (53, &[0, 1, 2, 3], "ADDRESS WITH is not in the language of CMS"),
];

#[test]
fn every_error_is_raised_by_some_program() {
    let wrong: Vec<String> = PROGRAMS
        .iter()
        .filter(|(number, sub, text)| raised(text) != Some((*number, *sub)))
        .map(|(number, sub, text)| format!("{number}.{sub}: {text} ends with {:?}", raised(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_message_belongs_to_an_error_that_is_raised_or_says_why_not() {
    // The message of the number alone belongs to each of its sub-codes.
    let raised = |number: u16, sub: u16| PROGRAMS.iter().any(|(one, other, _)| *one == number && (*other == sub || sub == 0));
    let elsewhere = |number: u16, sub: u16| ELSEWHERE.iter().any(|(one, subs, _)| *one == number && subs.contains(&sub));
    let all =
        (0..100).flat_map(|number| (0..100).map(move |sub| (number, sub))).filter(|(number, sub)| error_text(*number, *sub).is_some());
    let unknown: Vec<String> = all
        .filter(|(number, sub)| raised(*number, *sub) == elsewhere(*number, *sub))
        .map(|(number, sub)| format!("{number}.{sub}"))
        .collect();
    assert!(unknown.is_empty(), "neither raised nor listed, or both: {}", unknown.join(" "));
}
