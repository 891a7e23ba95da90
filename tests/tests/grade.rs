//! The autograder with kernels for CMS machines, and with a whole course at once. What it does with one kernel for a PC is in `labs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tests::{GuestCode, Program, assert_line, assert_no_line, cp64, lab, wait_for};

/// A static executable of this code at X'10000', for a CMS machine.
fn executable(code: &[u8]) -> Vec<u8> {
    const START: u64 = 0x10000;
    const OFFSET: usize = 0x1000;
    let mut file = vec![0; OFFSET];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    // ET_EXEC for x86-64, version 1; a header of 64 bytes, and one program header of 56 behind it.
    for (at, half) in [(16, 2_u16), (18, 62), (20, 1), (52, 64), (54, 56), (56, 1)] {
        put(at, &half.to_le_bytes());
    }
    put(24, &START.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    // PT_LOAD that may be read, written and executed.
    put(64, &1_u32.to_le_bytes());
    put(68, &7_u32.to_le_bytes());
    let length = code.len() as u64;
    for (number, word) in [OFFSET as u64, START, START, length, length, 0x1000].into_iter().enumerate() {
        put(72 + 8 * number, &word.to_le_bytes());
    }
    file.extend_from_slice(code);
    file
}

/// Has CP carry out a command, then loops.
fn commands(text: &str) -> Vec<u8> {
    let mut code = GuestCode::default();
    code.with(&[0xbf], 0x10100); // mov edi, the text
    code.with(&[0xbe], text.len() as u32); // mov esi, its length
    code.bytes(&[0x31, 0xd2, 0x31, 0xc9]); // xor edx, edx; xor ecx, ecx: the response goes to the console
    code.with(&[0xb8], 8); // mov eax, COMMAND
    code.bytes(&[0xe7, 0x83, 0xeb, 0xfe]); // out 0x83, eax; jmp $
    let mut bytes = code.code().to_vec();
    bytes.resize(0x100, 0);
    bytes.extend_from_slice(text.as_bytes());
    executable(&bytes)
}

/// Writes its own storage to the console for ever.
fn flood() -> Vec<u8> {
    let mut code = GuestCode::default();
    let begin = code.here();
    code.with(&[0xbf], 0x10100); // mov edi, a text
    code.with(&[0xbe], 2000); // mov esi, its length
    code.bytes(&[0x31, 0xd2]); // xor edx, edx
    code.with(&[0xb8], 0x108); // mov eax, CONSOLE WRITE
    code.bytes(&[0xe7, 0x83]); // out 0x83, eax
    code.back(&[0xe9], begin);
    let mut bytes = code.code().to_vec();
    bytes.resize(0x100 + 2000, b'A');
    bytes
}

/// A folder with what a grader needs.
struct Course {
    folder: TempDir,
}

impl Course {
    fn new(input: &str, expect: &str) -> Self {
        let course = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(course.path("input"), input).unwrap();
        fs::write(course.path("expect"), expect).unwrap();
        course
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn grade(&self, kernel: &Path, options: &[&str]) -> Program {
        let mut command = Command::new(cp64());
        command.arg("grade").arg(kernel).arg("--input").arg(self.path("input")).arg("--expect").arg(self.path("expect")).args(options);
        Program::run(&mut command, b"")
    }

    /// Of a kernel for a CMS machine, as JSON.
    fn report(&self, kernel: &Path, options: &[&str], code: i32) -> Value {
        let options: Vec<_> = ["--machine", "cms", "--json"].iter().chain(options).copied().collect();
        serde_json::from_str(&self.grade(kernel, &options).failed(code).output).unwrap()
    }

    fn kernel(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

const CMS_SAYS: &str = "Hello from ring 3. Type a CP command:\nKERNEL   AT CP64\nCP has done it.\n";

#[test]
fn a_kernel_for_a_cms_machine_is_graded_like_one_for_a_pc() {
    let course = Course::new("query userid\n", CMS_SAYS);
    let kernel = lab("diagnose");
    let said = course.grade(&kernel, &["--machine", "cms"]).failed(0).output;
    assert_line(&said, "^pass: disabled wait PSW 80000000 [0-9A-F]{16}; [0-9]+ instructions, ");
    let pass = course.report(&kernel, &[], 0);
    assert_eq!((&pass["result"], &pass["unread_input_lines"]), (&"pass".into(), &0.into()));
    assert_eq!(pass["output"][1], "KERNEL   AT CP64");
    assert_eq!(pass["instructions"], course.report(&kernel, &[], 0)["instructions"], "counts repeat");
    // One that asks, and is not answered.
    fs::write(course.path("input"), "").unwrap();
    let waits = course.report(&kernel, &[], 1);
    assert_eq!((&waits["why"], &waits["first_difference"]["line"]), (&"it waits for input".into(), &2.into()));
    let limit = course.report(&kernel, &["--instructions", "5"], 3);
    assert_eq!((&limit["why"], &limit["instructions"]), (&"5 instructions".into(), &5.into()));
    let loops = course.kernel("loops", &executable(&[0xeb, 0xfe]));
    assert_eq!(course.report(&loops, &["--instructions", "1000000"], 3)["instructions"], 1_000_000);
    assert_eq!(course.report(&loops, &["--time", "0.5"], 3)["why"], "0.5 seconds");
    let fails = course.kernel("fails", &executable(&[0x0f, 0x0b]));
    let failed = course.report(&fails, &[], 4);
    assert_eq!(failed["why"], "no program new PSW for operation exception at 0000000000010000");
    // What it has CP do to itself is an end.
    for (command, why) in [("LOGOFF", "it logged off"), ("SYSTEM RESET", "it is in CP mode")] {
        assert_eq!(course.report(&course.kernel("ends", &commands(command)), &[], 1)["why"], why);
    }
    let floods = course.report(&course.kernel("floods", &executable(&flood())), &[], 3);
    assert_eq!(floods["why"], "16777216 bytes of output");
    assert!(
        floods["output_bytes"].as_u64() > Some(16 << 20) && floods["output"].to_string().len() < 300_000,
        "the report has its beginning"
    );
}

#[test]
fn a_kernel_for_the_other_kind_of_machine_gets_nowhere() {
    let course = Course::new("", "");
    let said = course.grade(&lab("hello"), &["--machine", "cms"]).failed(4).output;
    assert_line(&said, "^failed: no program new PSW for privileged operation exception at ");
    assert_line(&course.grade(&lab("diagnose"), &[]).failed(2).errors, "diagnose: ");
    let text = course.kernel("text", b"#!/bin/sh\n");
    assert_line(&course.grade(&text, &["--machine", "cms"]).failed(2).errors, "text: .* is not an ELF-64 file that can be read: ");
    let odd = course.grade(&lab("diagnose"), &["--machine", "cms", "--processors", "2"]).failed(2).errors;
    assert_line(&odd, "^cp64: A CMS machine has one processor, and no --initrd$");
}

#[test]
fn a_kernel_for_a_cms_machine_runs_at_the_shell() {
    let ran = |input: &[u8]| Program::cp64(["run".as_ref(), "--machine".as_ref(), "cms".as_ref(), lab("diagnose").as_os_str()], input);
    let program = ran(b"query userid\n").succeeded();
    assert_eq!(program.output, CMS_SAYS);
    assert_line(&program.errors, "^cp64: disabled wait PSW 80000000 [0-9A-F]{16}; [0-9]+ instructions$");
    assert_eq!(ran(b"").succeeded().output.lines().count(), 1, "it waits for more than there is");
}

#[test]
fn a_course_is_graded_at_once() {
    let course = Course::new("Ada\n", "Hello from ring 0.\nWho are you? Ada\nHello, Ada.\n");
    let handed_in = course.path("in");
    fs::create_dir(&handed_in).unwrap();
    for (name, lab_kernel) in [("ada", "hello"), ("bob", "timer"), ("cy", "hello")] {
        fs::copy(lab(lab_kernel), handed_in.join(name)).unwrap();
    }
    let images: [(&str, &[u8]); 5] = [
        ("dan", b"\x7fELF\x02"),
        // Flat images in 32 bits: one that loops, one that floods its line, one that divides by zero without a table.
        ("eve", &[0xeb, 0xfe]),
        ("fay", &[0x66, 0xba, 0xf8, 0x03, 0xb0, b'A', 0xee, 0xeb, 0xfd]),
        ("gus", &[0x31, 0xc9, 0xf7, 0xf1]),
        (".hidden", b"no kernel"),
    ];
    for (name, bytes) in images {
        fs::write(handed_in.join(name), bytes).unwrap();
    }
    let report = course.path("report.json");
    let limits = ["--instructions", "40000000", "--report", report.to_str().unwrap()];
    let table = course.grade(&handed_in, &limits).failed(1).output;
    assert_line(&table, "^KERNEL  RESULT   INSTRUCTIONS  SECONDS  WHY$");
    assert_line(&table, r"^ada     pass     +[0-9]+  +[0-9]+\.[0-9]{3}  the guest switched the machine off$");
    assert_line(&table, "^bob     differs  .*  line 1: expected \"Hello from ring 0.\", found \"exception 6");
    assert_line(&table, "^dan     refused  +The image is damaged");
    assert_line(&table, "^eve     limit        40000000  .*  40000000 instructions$");
    assert_line(&table, "^fay     limit    .*  16777216 bytes of output$");
    assert_line(&table, "^gus     failed   .*  triple fault, processor 0 at 0010:");
    assert_line(&table, "^7 kernels: 2 pass, 1 differs, 2 limit, 1 failed, 1 refused$");
    assert_no_line(&table, "hidden");
    let read = || serde_json::from_slice::<Vec<Value>>(&fs::read(&report).unwrap()).unwrap();
    let kernels = read();
    let codes: Vec<_> = kernels.iter().map(|kernel| kernel["exit_code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [0, 1, 0, 2, 3, 3, 4], "in the order of their names");
    assert!(fs::metadata(&report).unwrap().len() < 1 << 20, "of the flood it has the beginning");
    assert_eq!(kernels[0]["instructions"], kernels[2]["instructions"]);
    // One at a time it is the same, but for the time.
    let again = course.grade(&handed_in, &[&limits[..], &["--jobs", "1", "--json"]].concat()).failed(1).output;
    let counts = |kernels: &[Value]| kernels.iter().map(|kernel| kernel["instructions"].clone()).collect::<Vec<_>>();
    assert_eq!(counts(&serde_json::from_str::<Vec<Value>>(&again).unwrap()), counts(&kernels));
    // All of them pass, or there is none.
    let two = course.grade(&handed_in.join("ada"), &[handed_in.join("cy").to_str().unwrap()]).failed(0).output;
    assert_line(&two, "^2 kernels: 2 pass$");
    fs::create_dir(course.path("none")).unwrap();
    assert_line(&course.grade(&course.path("none"), &[]).failed(2).errors, "^cp64: There is no kernel in .*none$");
}

#[test]
fn a_signal_ends_it_and_leaves_nothing_behind() {
    let course = Course::new("", "");
    let place = course.path("temporary");
    fs::create_dir(&place).unwrap();
    let loops = course.kernel("loops", &executable(&[0xeb, 0xfe]));
    for what in [vec!["run"], vec!["grade", "--expect", course.path("expect").to_str().unwrap()]] {
        let mut command = Command::new(cp64());
        command.args(&what).args(["--machine", "cms"]).arg(&loops).env("TMPDIR", &place);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let contents = || fs::read_dir(&place).unwrap().count();
        wait_for("the system around the machine", || (contents() == 1).then_some(()));
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(!child.wait().unwrap().success());
        assert_eq!(contents(), 0, "{what:?}");
    }
}
