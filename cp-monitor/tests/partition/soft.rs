//! The same machines on the software processor. The tests of slices, which count to hundreds of millions, are left to `CP64_TEST_PROCESSOR=soft`.

use std::process::Command;

/// Runs these tests again, on the software processor: those of a room, as cargo names them.
fn again(room: &str) {
    let this = std::env::current_exe().expect("the path of this test");
    let run = Command::new(this).arg(room).env("CP64_TEST_PROCESSOR", "soft").output().expect("this test runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{room} on the software processor:\n{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(!said.contains(" 0 passed"), "{room} is the name of no test:\n{said}");
}

#[test]
fn it_keeps_the_contract() {
    again("contract::");
}

#[test]
fn it_keeps_machines_apart() {
    again("isolation::");
    again("vectors::");
}

#[test]
fn it_lives_with_the_pager() {
    again("paging::");
}
