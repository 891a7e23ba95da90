//! xv6, Linux and kvm-unit-tests in PC machines. None is part of CP-64: `CP64_XV6=FOLDER` has `xv6.img` and `fs.img`, `CP64_LINUX=FOLDER` what `guests/linux/build` made,
//! `CP64_CLOUD_LINUX=FOLDER` Debian's cloud kernel as `linux` beside the same `linux.initrd`, `CP64_KVM_UNIT_TESTS=FOLDER` what kvm-unit-tests made in `x86`. Without a
//! variable its test says that it did not run; with one, what is missing fails it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use console::wire::ConsoleState;
use tests::pc::prepare;
use tests::{System, Terminal, assert_line, assert_no_line};

const DEVICES: &str = "  CONSOLE 0009 3215\n  SPOOL 000C 2540 READER *\n  SPOOL 000D 2540 PUNCH A\n";

/// The folder that a variable names.
fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        println!("{variable} names no folder: this test did not run");
    }
    folder
}

/// A system in software with the user BOOTER, who has so much storage and so many processors.
fn system(storage: &str, processors: u8) -> System {
    let system = System::start_with(&["--processor", "soft"]);
    let user = format!(
        "{DEVICES}USER BOOTER AUTOONLY {storage} {storage} G\n  MACHINE PC {processors}\n{DEVICES}  MDISK 0200 FB-512 1 10000 PCVOL1 MR\n  MDISK 0201 FB-512 10001 1000 PCVOL1 MR\n"
    );
    prepare(&system, &user, &[]);
    system
}

/// xv6 on the user's minidisks.
fn import_xv6(system: &System, folder: &Path) {
    for (vdev, name) in [("200", "xv6.img"), ("201", "fs.img")] {
        let image = folder.join(name).to_string_lossy().into_owned();
        system.cp64(&["disk", "import", "BOOTER", vdev, &image, "--as", "raw"], b"").succeeded();
    }
}

/// How many instructions there were when the last QUERY CPUS was answered, up to the output before it.
fn count(said: &str) -> u64 {
    let line = said.lines().find(|line| line.starts_with("INSTRUCTIONS ")).expect("an answer of QUERY CPUS");
    line.split(", ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).expect("a count")
}

#[test]
fn xv6_comes_to_its_shell_in_the_same_count_of_instructions_each_time() {
    let Some(folder) = folder("CP64_XV6") else { return };
    for processors in [1, 4] {
        let boot = || {
            let system = system("256M", processors);
            import_xv6(&system, &folder);
            let said = system.session("BOOTER", "ipl 200\n#cp query cpus\nls\n#cp system reset\n");
            assert_line(&said, "^init: starting sh$");
            assert_line(&said, "^README +2 2 2286$");
            count(&said)
        };
        let (once, again) = (boot(), boot());
        println!("xv6 with {processors} processors is at its prompt after {once} instructions");
        assert_eq!(once, again);
    }
}

#[test]
fn xv6_passes_its_own_tests() {
    let Some(folder) = folder("CP64_XV6") else { return };
    for processors in [1, 4] {
        let system = system("256M", processors);
        import_xv6(&system, &folder);
        let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "BOOTER");
        terminal.until_cp_read();
        terminal.type_line("ipl 200");
        terminal.until("^\\$ $");
        terminal.type_line("usertests");
        // Seconds for one processor; several spin while one works.
        terminal.until_within(Duration::from_secs(800), "^ALL TESTS PASSED$");
        terminal.type_line("#cp query cpus");
        let said = terminal.until("^INSTRUCTIONS ");
        println!("xv6 with {processors} processors has passed its tests after {} instructions", count(&said));
    }
}

/// Tests of kvm-unit-tests, with what exit code each ends on a processor of this kind, and how many lines pass. 1 is success, 77 that it has not what is tested; SYSCALL in
/// 32-bit code, which ends that test with 127, only AMD's processors have. Those that need QEMU's test device (realmode, emulator) cannot run here.
const UNIT_TESTS: [(&str, u32, usize); 8] = [
    ("setjmp", 1, 10),
    ("syscall", 127, 1),
    ("idt_test", 1, 4),
    ("eventinj", 1, 13),
    ("smap", 77, 0),
    ("memory", 1, 4),
    ("umip", 1, 11),
    ("debug", 1, 25),
];

#[test]
fn kvm_unit_tests_pass() {
    let Some(folder) = folder("CP64_KVM_UNIT_TESTS") else { return };
    let system = system("128M", 1);
    let place = system.directory().join("pc");
    fs::write(place.join("unit.initrd"), "NR_CPUS=1\nMEMSIZE=128\nBOOTLOADER=1\n").expect("the folder can be written");
    for (name, exit, passes) in UNIT_TESTS {
        fs::copy(folder.join(format!("{name}.flat")), place.join("unit")).expect("what kvm-unit-tests made");
        let said = system.session("BOOTER", "set vtod date 2026-01-01\nipl unit\nquery cpus\n");
        assert_no_line(&said, "^FAIL");
        assert_line(&said, &format!("^HCPGIR450W CP entered; the guest ended with exit code {exit}$"));
        assert_eq!(said.lines().filter(|line| line.starts_with("PASS")).count(), passes, "{name}: {said}");
        println!("kvm-unit-tests: {name} ended after {} instructions", count(&said));
    }
}

#[test]
fn the_cloud_kernel_of_debian_comes_to_its_shell() {
    let Some(folder) = folder("CP64_CLOUD_LINUX") else { return };
    let system = system("256M", 1);
    for name in ["linux", "linux.initrd"] {
        fs::copy(folder.join(name), system.directory().join("pc").join(name)).expect("the kernel of Debian, and an initial file system");
    }
    let boot = || {
        let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "BOOTER");
        terminal.until_cp_read();
        terminal.type_line("set vtod date 2026-01-01");
        terminal.until_told(ConsoleState::CpRead);
        terminal.type_line("ipl linux parm console=ttyS0 reboot=k panic=-1 cryptomgr.notests");
        for step in ["Linux version 6", "Run /init as init process", "^/ # $"] {
            terminal.until(step);
        }
        terminal.type_line("#cp query cpus");
        let count = count(&terminal.until("^INSTRUCTIONS "));
        terminal.type_line("echo $((6 * 7))");
        terminal.until("^42$");
        terminal.type_line("#cp logoff");
        terminal.ending();
        count
    };
    let (once, again) = (boot(), boot());
    println!("Debian's cloud kernel is at its prompt after {once} instructions");
    assert_eq!(once, again);
}

#[test]
fn a_small_linux_comes_to_its_shell_with_disks_ports_and_a_second_start() {
    let Some(folder) = folder("CP64_LINUX") else { return };
    let system = system("128M", 1);
    for name in ["linux", "linux.initrd"] {
        fs::copy(folder.join(name), system.directory().join("pc").join(name)).expect("what guests/linux/build made");
    }
    let boot = ["set vtod date 2026-01-01", "ipl linux parm console=ttyS0 reboot=k panic=-1", "#cp query cpus"];
    let once = count(&system.session("BOOTER", &boot.map(|line| format!("{line}\n")).concat()));
    let script = [
        "set vtod date 2026-01-01",
        "spool punch to *",
        "ipl linux parm console=ttyS0 reboot=k panic=-1",
        "#cp query cpus",
        "cat /proc/partitions",
        "head -c 5000 /bin/busybox > /dev/virtio-ports/punch",
        "head -c 5000 /bin/busybox | md5sum",
        "md5sum < /dev/virtio-ports/reader",
        "sleep 4; echo slept",
        "reboot -f",
        "echo second",
    ];
    let said = system.session("BOOTER", &script.map(|line| format!("{line}\n")).concat());
    println!("Linux is at its prompt after {once} instructions");
    assert_eq!(count(&said), once);
    assert_line(&said, "^ +254 +0 +5000 vda$");
    let sums: Vec<&str> = said.lines().filter(|line| line.ends_with("  -")).collect();
    assert!(sums.len() == 2 && sums[0] == sums[1], "{sums:?}");
    assert_line(&said, "^slept$");
    assert_line(&said, "^HCPIPL9461I The guest reset the machine; IPL LINUX$");
    assert_line(&said, "^second$");
}
