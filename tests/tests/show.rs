//! What a person types first: from an empty data directory to a file in somebody else's reader and back, byte for byte.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tests::{Program, assert_line, cp64, wait_for};

/// A document with what documents have: empty lines, trailing blanks, tabs, long lines, more than ASCII.
const README: &str = "# CP-64\n\nA *time-sharing* virtual machine monitor.  \n\n\tcp64 start\n\n\
    | KVM | Grüße — ✓ |\n|---|---|\n\nA line of two hundred characters follows: \
    0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
    0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n";

/// Ends the detached system whatever becomes of the test.
struct Detached<'a>(&'a Path);

impl Detached<'_> {
    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.0.join("cp64.lock")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }
}

impl Drop for Detached<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(pid) = self.pid()
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// One line of a shell session: `cp64` is the program, `$D` the data directory.
fn shell(line: &str, directory: &Path, work: &Path) -> Program {
    let programs = cp64().parent().expect("the program is in a directory");
    let path = std::env::join_paths(
        std::iter::once(programs.to_path_buf()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("D", directory).env("PATH", path.expect("a path")).current_dir(work);
    Program::run(&mut command, b"")
}

#[test]
fn from_an_empty_directory_to_a_file_sent_and_received() {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("new").join("system");
    let running = Detached(&directory);
    let type_in = |line: &str| shell(line, &directory, work.path()).succeeded().output;
    fs::write(work.path().join("README.md"), README).unwrap();

    assert_line(&type_in("cp64 start --system $D --headless --detach"), r"^CP-64 .* is running in .*\(process \d+\)$");
    let pid = running.pid().expect("the lock file names the process");
    assert_eq!(type_in("cp64 disk put --system $D CMSUSER 191 README.md README MD"), "");

    let session = type_in(
        r"printf 'listfile * * a\ntype readme md a\ncp query virtual dasd\nsendfile readme md a to maint\nquery disk\n' | cp64 logon CMSUSER --system $D",
    );
    assert_line(&session, r"^LOGON AT \d\d:\d\d:\d\d \S+ [A-Z]+DAY \d\d/\d\d/\d\d$");
    assert_line(&session, r"^README   MD       A1$");
    // A terminal shows a tab as the blanks it stands for.
    for line in README.replace('\t', "        ").lines().map(str::trim_end) {
        assert!(session.lines().any(|shown| shown.trim_end() == line), "TYPE left out {line:?} in\n{session}");
    }
    assert_line(&session, r"^DASD 0190 3390 \S+ R/O +\d+ CYL ON DASD +\S+ \S+ SUBCHANNEL = \w{4}$");
    assert_line(&session, r"^DASD 0191 3390 \S+ R/W +\d+ CYL ON DASD +\S+ \S+ SUBCHANNEL = \w{4}$");
    assert_line(&session, r"^File README MD A1 sent to MAINT");
    assert_line(&session, r"^LABEL  VDEV M  STAT   CYL TYPE BLKSZ   FILES  BLKS USED-\(%\) BLKS LEFT  BLK TOTAL$");
    // The file, and the log of what was sent.
    assert_line(&session, r"^\S+ +191 +A +R/W +\d+ 3390 4096 +2 ");
    assert_eq!(session.lines().filter(|line| line.starts_with("Ready; T=")).count(), 6, "{session}");
    assert_line(&session, r"^CONNECT= \d\d:\d\d:\d\d VIRTCPU= \d{3}:\d\d\.\d\d TOTCPU= \d{3}:\d\d\.\d\d$");
    assert_line(session.lines().last().unwrap_or_default(), r"^LOGOFF AT \d\d:\d\d:\d\d \S+ [A-Z]+DAY \d\d/\d\d/\d\d$");

    let session = type_in(r"printf 'query reader *\nreceive\nlistfile readme md a\n' | cp64 logon MAINT --system $D");
    assert_line(&session, r"^FILES: 0001 RDR,   NO PRT,   NO PUN$");
    assert_line(&session, r"^CMSUSER  0001 A PUN \d{8} 001 NONE ");
    assert_line(&session, r"^File README MD A1 received from CMSUSER");
    assert_line(&session, r"^README   MD       A1$");

    type_in("cp64 disk get --system $D MAINT 191 README MD out.md");
    assert_eq!(fs::read_to_string(work.path().join("out.md")).unwrap(), README, "not the bytes that went in");

    let names: serde_json::Value = serde_json::from_str(&type_in("cp64 cp --system $D --json query names")).unwrap();
    assert_eq!(names["code"], 0);
    assert_eq!(names["data"][0]["userid"], "OPERATOR");
    assert_eq!(names["data"].as_array().map(Vec::len), Some(1), "everyone else has logged off");

    type_in("cp64 cp --system $D SHUTDOWN");
    wait_for("the process to end", || test_kill_process(pid).is_err().then_some(()));
    assert_line(&type_in("cp64 check --system $D"), "^All stores are sound$");
    let after = shell("cp64 cp --system $D query time", &directory, work.path()).failed(1);
    assert_line(&after.errors, "No CP is running here");
}

#[test]
fn exit_codes_are_the_numbers_of_the_messages() {
    let system = tests::System::start();
    assert_eq!(system.cp("query time").code, 0);
    let unknown = system.cp("frobnicate").failed(1);
    assert_eq!((unknown.output.as_str(), unknown.errors.as_str()), ("", "HCPCMD001E Unknown CP command: FROBNICATE\n"));
    assert_line(&system.cp("query nobody").failed(53).errors, "^HCP...053E NOBODY not in CP directory$");
    assert_line(&system.cp("query cmsuser").failed(45).errors, "^HCPCQU045E CMSUSER not logged on$");
    let answer = system.cp_json("query cmsuser");
    assert_eq!(answer["code"], 45);
    assert_eq!(answer["lines"][0], "HCPCQU045E CMSUSER not logged on");
    assert_eq!(system.cp64(&["logon", "NOBODY"], b"").code, 53);
    assert_eq!(system.cp64(&["frobnicate"], b"").code, 2, "the command line is wrong");
    assert_eq!(system.cp64(&["cp"], b"").code, 2);
}

#[test]
fn a_signal_ends_the_system_in_order() {
    let mut system = tests::System::start();
    let mut terminal = system.log_on("CMSUSER");
    kill_process(Pid::from_raw(system.pid() as i32).unwrap(), Signal::TERM).unwrap();
    assert_eq!(terminal.ending(), console::wire::Ending::Shutdown);
    assert_eq!(system.wait_ended(), 0);
    assert_line(&system.check().succeeded().output, "^All stores are sound$");
}
