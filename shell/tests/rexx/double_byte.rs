//! The DBCS functions: the examples of the language's manual, in its notation. `<` is SO, `>` is SI, a point and a letter a character of two bytes.

use crate::host::{self, Host};

/// A string in the notation of the manual as bytes: `.A` is X'42' and the letter in EBCDIC, `. ` is X'4040'.
fn bytes(text: &str) -> Vec<u8> {
    let (mut out, mut double, mut characters) = (Vec::new(), false, text.chars());
    while let Some(c) = characters.next() {
        match c {
            '<' | '>' => {
                double = c == '<';
                out.push(if double { 0x0e } else { 0x0f });
            }
            '.' if double => {
                let mut code = [characters.next().expect("a letter") as u8];
                minidisk::ebcdic::encode(&mut code);
                out.extend(if code == [0x40] { [0x40, 0x40] } else { [0x42, code[0]] });
            }
            c => out.push(c as u8),
        }
    }
    out
}

/// What a program says, as hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The value of a call with those arguments; an empty one is left out.
fn call(name: &str, arguments: &[&str]) -> String {
    let literals: Vec<String> = arguments
        .iter()
        .map(|argument| if argument.is_empty() { String::new() } else { format!("'{}'x", hexadecimal(&bytes(argument))) })
        .collect();
    let program = format!("/* */ signal on syntax; say c2x({name}({})); exit; syntax: say 'error' rc", literals.join(","));
    String::from_utf8(host::output(program.as_bytes(), "test", Host::default())).expect("text").trim_end().to_string()
}

#[test]
fn the_examples_of_the_manual() {
    let examples: &[(&str, &[&str], &str)] = &[
        ("DBADJUST", &["<.A><.B>a<>b", "B"], "<.A. .B>a  b"),
        ("DBADJUST", &["<.A><.B>a<>b", "R"], "<.A.B>ab"),
        ("DBADJUST", &["<><.A.B>", "B"], "<. .A.B>"),
        ("DBADJUST", &["<><.A.B>"], "<.A.B>"),
        ("DBCENTER", &["<.A.B.C>", "4"], " <.B> "),
        ("DBCENTER", &["<.A.B.C>", "3"], " <.B>"),
        ("DBCENTER", &["<.A.B.C>", "10", "e"], "ee<.A.B.C>ee"),
        ("DBCENTER", &["<.A.B.C>", "11", "e"], "ee<.A.B.C>eee"),
        ("DBCENTER", &["<.A.B.C>", "10", "<.e>"], "<.e.A.B.C.e>"),
        ("DBCENTER", &["<.A.B.C>", "11", "<.e>"], "<.e.A.B.C.e> "),
        ("DBLEFT", &["ab<.A.B>", "4"], "ab<.A>"),
        ("DBLEFT", &["ab<.A.B>", "3"], "ab "),
        ("DBLEFT", &["ab<.A.B>", "4", "x", "Y"], "abxx"),
        ("DBLEFT", &["ab<.A.B>", "3", "x", "Y"], "abx"),
        ("DBLEFT", &["ab<.A.B>", "8", "<.p>"], "ab<.A.B.p>"),
        ("DBLEFT", &["ab<.A.B>", "9", "<.p>"], "ab<.A.B.p> "),
        ("DBLEFT", &["ab<.A.B>", "8", "<.p>", "Y"], "ab<.A.B>"),
        ("DBLEFT", &["ab<.A.B>", "9", "<.p>", "Y"], "ab<.A.B> "),
        ("DBRIGHT", &["ab<.A.B>", "4"], "<.A.B>"),
        ("DBRIGHT", &["ab<.A.B>", "3"], " <.B>"),
        ("DBRIGHT", &["ab<.A.B>", "5", "x", "Y"], "x<.B>"),
        ("DBRIGHT", &["ab<.A.B>", "10", "x", "Y"], "xxab<.A.B>"),
        ("DBRIGHT", &["ab<.A.B>", "8", "<.p>"], "<.p>ab<.A.B>"),
        ("DBRIGHT", &["ab<.A.B>", "9", "<.p>"], " <.p>ab<.A.B>"),
        ("DBRIGHT", &["ab<.A.B>", "8", "<.p>", "Y"], "ab<.A.B>"),
        ("DBRIGHT", &["ab<.A.B>", "11", "<.p>", "Y"], "   ab<.A.B>"),
        ("DBRIGHT", &["ab<.A.B>", "12", "<.p>", "Y"], "<.p>ab<.A.B>"),
        ("DBRLEFT", &["ab<.A.B>", "4"], "<.B>"),
        ("DBRLEFT", &["ab<.A.B>", "3"], "<.A.B>"),
        ("DBRLEFT", &["ab<.A.B>", "4", "Y"], "<.A.B>"),
        ("DBRLEFT", &["ab<.A.B>", "3", "Y"], "<.A.B>"),
        ("DBRLEFT", &["ab<.A.B>", "8"], ""),
        ("DBRLEFT", &["ab<.A.B>", "9", "Y"], ""),
        ("DBRRIGHT", &["ab<.A.B>", "4"], "ab"),
        ("DBRRIGHT", &["ab<.A.B>", "3"], "ab<.A>"),
        ("DBRRIGHT", &["ab<.A.B>", "5"], "a"),
        ("DBRRIGHT", &["ab<.A.B>", "4", "Y"], "ab<.A>"),
        ("DBRRIGHT", &["ab<.A.B>", "5", "Y"], "ab<.A>"),
        ("DBRRIGHT", &["ab<.A.B>", "8"], ""),
        ("DBRRIGHT", &["ab<.A.B>", "8", "Y"], ""),
        ("DBTODBCS", &["Rexx 1988"], "<.R.e.x.x. .1.9.8.8>"),
        ("DBTODBCS", &["<.A. .B>"], "<.A. .B>"),
        ("DBTOSBCS", &["<.S.d>/<.2.-.1>"], "Sd/2-1"),
        ("DBUNBRACKET", &["<.A.B>"], ".A.B"),
        ("DBVALIDATE", &["abc<.d>"], "1"),
        ("DBVALIDATE", &["abc<de"], "0"),
        ("DBVALIDATE", &["abc>"], "0"),
        ("DBVALIDATE", &["abc<d>"], "0"),
        ("DBWIDTH", &["ab<.A.B>", "Y"], "8"),
        ("DBWIDTH", &["ab<.A.B>", "N"], "6"),
        ("DBWIDTH", &["ab<.A.B>"], "8"),
    ];
    for (name, arguments, expected) in examples {
        let wanted = match *name {
            "DBUNBRACKET" => bytes("<.A.B>")[1..5].to_vec(),
            _ => bytes(expected),
        };
        assert_eq!(call(name, arguments), hexadecimal(&wanted), "{name} {arguments:?}");
    }
}

#[test]
fn strings_that_are_no_mixed_strings_are_errors() {
    for (name, arguments) in [
        ("DBBRACKET", &["abc"][..]),
        ("DBBRACKET", &["<.A.B>"]),
        ("DBUNBRACKET", &["ab<.A>"]),
        ("DBLEFT", &["ab<.A", "3"]),
        ("DBWIDTH", &["a>"]),
        ("DBLEFT", &["a", "3", "xx"]),
    ] {
        assert_eq!(call(name, arguments), "error 40", "{name} {arguments:?}");
    }
    // Both bytes are looked at when that is asked for.
    let program = b"/* */ say dbvalidate('0E4131 0F'x) dbvalidate('0E4131 0F'x, 'C') (dbbracket('4241'x) == '0E42410F'x)";
    assert_eq!(host::output(program, "test", Host::default()), b"1 0 1\n");
    let program = b"/* */ say dbcjustify('a bb c', 9) dbcjustify('a bb c', 4)'|' length(dbcenter('x', 7, , 'Y'))";
    assert_eq!(host::output(program, "test", Host::default()), b"a   bb  c a bb| 7\n");
}
