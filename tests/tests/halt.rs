//! HX at every moment: whatever a command was doing, the user gets a prompt back and the disk is the old one or the new one.

use std::thread::sleep;
use std::time::Duration;

use tests::{System, assert_line};

/// What HX falls into: reading, writing, several disks, the spool, output.
const COMMANDS: [&str; 6] = [
    "copyfile big file a copy file a (replace",
    "erase copy file a",
    "sendfile big file a to cmsuser",
    "listfile * * s (alloc",
    "type big file a",
    "rename big file a big file a",
];

#[test]
fn hx_at_any_moment_leaves_a_prompt_and_a_sound_disk() {
    let mut system = System::start();
    let contents: Vec<u8> = (0..20_000u32).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    system.disk_put("CMSUSER", "BIG", "FILE", &contents).succeeded();
    let mut terminal = system.log_on("CMSUSER");
    for command in COMMANDS {
        // Later and later: the first ones hit the start of a command, the last ones its end.
        for step in 0..12u64 {
            terminal.type_line(command);
            sleep(Duration::from_micros(step * step * 100));
            terminal.type_line("hx");
            // HX takes away what is typed ahead. When it was too late it is a command of its own, or halts CMS between two of them.
            if !terminal.ready().contains("halted by HX") {
                terminal.ready();
            }
            let mark = format!("mark {step} of {}", command.len());
            terminal.type_line(&format!("tell cmsuser {mark}"));
            terminal.until(&mark);
            terminal.ready();
        }
    }
    assert!(terminal.shown().contains("halted by HX"), "HX never met a command");
    // Nothing is left half done: files can be used, and the disk is sound.
    terminal.type_line("#cp purge reader all");
    assert_line(&terminal.command("listfile big file a"), "^BIG +FILE +A1");
    assert_line(&terminal.command("identify"), "^CMSUSER  AT CP64");
    terminal.type_line("#cp logoff");
    terminal.ending();
    assert!(system.disk_get("CMSUSER", "BIG", "FILE") == contents, "the file is not what it was");
    system.shut_down();
    assert_line(&system.check().succeeded().output, r"^minidisk CMSUSER\.0191: \d files, sound$");
}
