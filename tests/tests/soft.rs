//! Machines on the software processor: people work as with KVM, on hosts that have none.
//!
//! All end-to-end tests run on it with `CP64_TEST_PROCESSOR=soft`.

use std::process::Command;

use tests::{Program, System, assert_line, cp64, in_namespace};

/// A session with files and a REXX program.
fn works(system: &System) {
    system.disk_put("CMSUSER", "WORDS", "DATA", b"one\ntwo\nthree\n");
    system.disk_put("CMSUSER", "SEVENTH", "EXEC", b"/* */\narg n\nsay n / 7 length(copies('x', 3000))\n");
    let session = "\
copyfile words data a copy data a
type copy data a
erase words data a
exec seventh 1048576
listfile * data a
";
    let run = system.script("CMSUSER", session);
    for line in ["^one$", "^three$", "^149796.571 3000$", "^COPY +DATA +A1"] {
        assert_line(&run.output, line);
    }
}

#[test]
fn a_user_logs_on_ipls_cms_and_works_on_the_software_processor() {
    let system = System::start_with(&["--processor", "soft", "--processors", "2"]);
    works(&system);
    let processors = system.cp_says("query processors");
    assert_line(&processors, r"^PROCESSOR 00 MASTER CP +SOFT +STOLEN-\d+%$");
    assert_line(&processors, r"^PROCESSOR 01 ALTERNATE CP +SOFT ");
}

#[test]
fn a_loop_gives_way_to_others_and_is_ended_by_hx() {
    let system = System::start_with(&["--processor", "soft", "--processors", "1"]);
    let mut looping = system.log_on("MAINT");
    looping.type_line("abend loop");
    works(&system);
    looping.look();
    looping.type_line("hx");
    looping.ready();
    assert_line(&looping.command("query disk a"), r" 191 +A +R/W");
}

#[test]
fn without_kvm_it_is_the_software_processor_and_cp_says_so() {
    in_namespace("without_kvm_it_is_the_software_processor_and_cp_says_so", |place| {
        Program::run(Command::new("mount").args(["--bind", "/dev/null", "/dev/kvm"]), b"").succeeded();
        let mut system = System::prepare_at(&place.join("system"));
        system.use_options(&["--processor", "auto"]);
        system.run();
        assert_line(&system.complaints(), "^cp64: Machines run on the software processor, slower than with KVM. .*/dev/kvm");
        works(&system);
    });
}

#[test]
fn a_processor_that_there_is_not_is_refused() {
    let mut command = Command::new(cp64());
    let run = Program::run(command.args(["start", "--headless", "--processor", "quantum"]), b"").failed(2);
    assert_line(&run.errors, "possible values: auto, kvm, soft");
}
