//! The teaching kernels of `guests/labs`, each by the one command that its page names, and the autograder.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tests::{Program, System, assert_line, lab};

/// `cp64 run KERNEL` with lines typed at it.
fn run(name: &str, input: &str) -> String {
    let output = Program::cp64(["run".as_ref(), lab(name).as_os_str()], input.as_bytes()).succeeded().output;
    output.replace('\r', "")
}

#[test]
fn hello_greets_by_name() {
    assert_eq!(run("hello", "Ada\n"), "Hello from ring 0.\nWho are you? Ada\nHello, Ada.\n");
}

#[test]
fn the_timer_counts_seconds_and_an_exception_is_survived() {
    assert_eq!(run("timer", ""), "exception 6: go on behind the instruction\n1 s\n2 s\n3 s\n");
}

#[test]
fn a_program_in_ring_3_gets_services_and_a_page_and_nothing_else() {
    let said = run("user", "");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "to ring 3",
            "the program says: a program in ring 3",
            "page fault at 0x4000200000: here is a page",
            "the program says: 42",
            "ring 3 may not do that: skipped",
        ]
    );
    assert_eq!(lines[5..], ["page fault at 0x100000, error 0x5: the program is ended"]);
}

#[test]
fn two_tasks_take_turns() {
    let said = run("tasks", "");
    assert_line(&said, "^two tasks$");
    for task in ["A", "B"] {
        for round in ["one", "two", "three"] {
            assert_line(&said, &format!("^task {task}: {round}$"));
        }
    }
    assert_line(&said, "^both are done; turns differ by [01]$");
    let (a, b) = (said.find("task A: three").unwrap(), said.find("task B: one").unwrap());
    assert!(b < a, "B began before A had ended:\n{said}");
}

#[test]
fn a_kernel_for_a_cms_machine_is_loaded_from_the_reader_and_from_a_disk() {
    let system = System::start();
    let kernel = lab("diagnose");
    system.cp64(&["punch", kernel.to_str().unwrap(), "--to", "CMSUSER"], b"").succeeded();
    system.disk_put("CMSUSER", "DIAGNOSE", "KERNEL", &fs::read(&kernel).unwrap()).succeeded();
    let said =
        system.cp64(&["logon", "CMSUSER", "--no-ipl"], b"ipl 00c\nquery userid\nipl 191 file diagnose kernel\nno such command\n").output;
    assert_line(&said, "^Hello from ring 3. Type a CP command:$");
    assert_line(&said, "^CMSUSER  AT CP64$");
    assert_line(&said, "^CP has done it.$");
    assert_line(&said, "^CP refuses.$");
    assert_line(&said, "^HCPGIR450W CP entered; disabled wait PSW");
    let refused =
        system.cp64(&["logon", "CMSUSER", "--no-ipl"], b"ipl 191 file no such\nipl 191\nipl 191 file profile exec\nipl 009\n").output;
    assert_line(&refused, "^HCPVMI044E NO SUCH on 0191 not found$");
    assert_line(&refused, "^HCPVMI232E IPL unit error; device 0191 holds no system");
    assert_line(&refused, "^HCPVMI232E IPL unit error; device 0009 holds no system");
}

/// A folder with what a grader needs.
struct Exercise {
    folder: TempDir,
    kernel: PathBuf,
}

impl Exercise {
    fn of(name: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), kernel: lab(name) }
    }

    /// `cp64 grade` with files of these contents.
    fn grade(&self, input: &str, expect: &str, options: &[&str]) -> Program {
        self.grade_kernel(&self.kernel, input, expect, options)
    }

    fn grade_kernel(&self, kernel: &Path, input: &str, expect: &str, options: &[&str]) -> Program {
        let file = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_string()
        };
        let (input, expect) = (file("input", input), file("expect", expect));
        let mut arguments = vec!["grade", kernel.to_str().unwrap(), "--input", &input, "--expect", &expect];
        arguments.extend(options);
        Program::cp64(arguments, b"")
    }

    fn report(&self, input: &str, expect: &str, options: &[&str], code: i32) -> Value {
        let options: Vec<_> = options.iter().copied().chain(["--json"]).collect();
        let program = self.grade(input, expect, &options).failed(code);
        serde_json::from_str(&program.output).unwrap_or_else(|error| panic!("{error}: {program:?}"))
    }
}

const GREETING: &str = "Hello from ring 0.\nWho are you? Ada\nHello, Ada.\n";

#[test]
fn a_grade_is_told_by_the_exit_code_and_in_json() {
    let hello = Exercise::of("hello");
    assert_line(&hello.grade("Ada\n", GREETING, &[]).failed(0).output, "^pass: the guest switched the machine off; [0-9]+ instructions, ");
    let differs = hello.grade("Bob\n", GREETING, &[]).failed(1).output;
    assert_line(&differs, "^line 2: expected \"Who are you\\? Ada\", found \"Who are you\\? Bob\"$");
    hello.grade("Bob\n", "Hello from ring \\d.\nWho are you\\? .*\nHello, (Ada|Bob).", &["--regex"]).failed(0);
    hello.grade("Bob\n", "Hello, Bob.", &["--in-order"]).failed(0);
    let pass = hello.report("Ada\n", GREETING, &[], 0);
    assert_eq!((&pass["result"], pass["output"][2].as_str()), (&"pass".into(), Some("Hello, Ada.")));
    assert_eq!(pass["unread_input_lines"], 0);
    let again = hello.report("Ada\n", GREETING, &[], 0);
    assert_eq!(pass["instructions"], again["instructions"], "counts repeat");
    let differs = hello.report("Ada\n", "Hello from ring 0.\nno", &[], 1);
    assert_eq!(differs["first_difference"]["line"], 2);
    // It asks and nobody answers.
    let waits = hello.report("", GREETING, &["--idle", "1"], 1);
    assert_eq!(waits["why"], "it waits for input");
}

#[test]
fn limits_failures_and_wrong_files_have_codes_of_their_own() {
    let timer = Exercise::of("timer");
    let limit = timer.report("", "", &["--instructions", "10000"], 3);
    assert_eq!((&limit["instructions"], &limit["why"]), (&10_000.into(), &"10000 instructions".into()));
    timer.grade("", "", &["--time", "0"]).failed(3);
    let broken = timer.folder.path().join("broken");
    fs::write(&broken, [0x31, 0xc9, 0xf7, 0xf1]).unwrap();
    assert_line(&timer.grade_kernel(&broken, "", "", &[]).failed(4).output, "^failed: triple fault, processor 0 at 0010:");
    timer.grade("", "(", &["--regex"]).failed(2);
    timer.grade("", "", &["--idle", "-1"]).failed(2);
    let missing = timer.grade_kernel(&timer.folder.path().join("missing"), "", "", &[]).failed(2);
    assert_line(&missing.errors, "missing: No such file");
    fs::write(&broken, b"\x7fELF\x02").unwrap();
    assert_line(&timer.grade_kernel(&broken, "", "", &[]).failed(2).errors, "The image is damaged");
}
