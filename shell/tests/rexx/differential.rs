//! The corpus, run by our interpreter and by Regina, compared byte for byte.
//!
//! A file of the corpus holds many programs, each behind a line `=== name`. Regina runs them all in one go for each file.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::host::{self, Host};

/// One program of the corpus.
struct Case {
    name: String,
    text: String,
}

/// The programs of a file.
fn cases(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).expect("a file of the corpus");
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("=== "), cases.last_mut()) {
            (Some(name), _) => cases.push(Case { name: name.to_string(), text: String::new() }),
            (None, Some(case)) => {
                case.text.push_str(line);
                case.text.push('\n');
            }
            (None, None) => {}
        }
    }
    cases
}

/// What Regina shows when it runs a program in that directory.
fn regina(directory: &Path, text: &str) -> Vec<u8> {
    let path = directory.join("test");
    fs::write(&path, text).expect("a program");
    let mut child = Command::new("sh")
        .args(["-c", "exec regina ./test 2>&1"])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    child.stdin.take().expect("a pipe").write_all(b"").ok();
    let output = child.wait_with_output().expect("regina");
    output.stdout
}

/// The name of the program in messages is not the same: Regina shows the path. Messages of sub-codes are ours: Regina shows only some of them.
fn normal(shown: &[u8], directory: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(shown).replace(&format!("{}/", directory.display()), "");
    let sub_code = |line: &str| {
        line.strip_prefix("Error ")
            .and_then(|rest| rest.split_once(": "))
            .is_some_and(|(number, _)| number.contains('.') && !number.contains(' '))
    };
    // Regina indents the clauses of a traceback by how deeply the program was nested when it failed.
    let flat = |line: &str| match line.split_once(" +++ ") {
        Some((number, clause)) if number.trim().parse::<u32>().is_ok() => format!("{number} +++ {}", clause.trim_start()),
        _ => line.to_string(),
    };
    text.lines().filter(|line| !sub_code(line)).map(flat).collect()
}

/// The programs that are known to differ.
fn justified(directory: &Path) -> Vec<String> {
    let text = fs::read_to_string(directory.join("differences.txt")).expect("the list of differences");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no reason: {line}")).0.to_string()).collect()
}

/// Whether Regina can be run.
fn regina_is_there() -> bool {
    Command::new("regina").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Where and how two outputs part.
fn difference(case: &Case, theirs: &[String], ours: &[String]) -> String {
    let at = theirs.iter().zip(ours).take_while(|(one, other)| one == other).count();
    let show = |lines: &[String]| lines.iter().skip(at).take(3).cloned().collect::<Vec<_>>().join("\n      ");
    format!("{} line {}\n  Regina:\n      {}\n  ours:\n      {}", case.name, at + 1, show(theirs), show(ours))
}

#[test]
fn the_corpus_runs_as_under_regina() {
    assert!(regina_is_there(), "These tests compare with Regina; type: sudo apt-get install -y regina-rexx");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rexx");
    let directory = tempfile::tempdir().expect("a directory");
    let mut files: Vec<_> = fs::read_dir(here.join("corpus")).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let justified = justified(&here);
    let (mut count, mut wrong) = (0, Vec::new());
    // REXX_CASE names the programs to be run while one is being looked into.
    let wanted = std::env::var("REXX_CASE").unwrap_or_default();
    for case in files.iter().flat_map(|file| cases(file)).filter(|case| case.name.contains(&wanted)) {
        count += 1;
        let theirs = normal(&regina(directory.path(), &case.text), directory.path());
        let ours = normal(&host::output(case.text.as_bytes(), "test", Host::default()), directory.path());
        match (theirs == ours, justified.contains(&case.name)) {
            (true, true) => wrong.push(format!("{} does not differ any more", case.name)),
            (false, false) => wrong.push(difference(&case, &theirs, &ours)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {count} programs:\n{}", wrong.len(), wrong.join("\n"));
    assert!(!wanted.is_empty() || count > 533, "{count} programs");
}
