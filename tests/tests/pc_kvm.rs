//! PC machines on KVM: the same images as in software, on whatever KVM this host has.

use std::fs;

use console::wire::ConsoleState;
use tests::pc::{c_kernel, prepare, sector};
use tests::{System, Terminal, assert_line, assert_no_line};

const DEVICES: &str = "  CONSOLE 0009 3215\n  SPOOL 000C 2540 READER *\n  SPOOL 000D 2540 PUNCH A\n  SPOOL 000E 1403 A\n";

/// 16 bits: prints `key? `, waits for a key, prints the character after it and a line end, and halts with interrupts disabled.
const KEYS: &[u8] = &[
    0xfc, 0xbe, 0x21, 0x7c, // cld; mov si, text
    0xac, 0x84, 0xc0, 0x74, 0x06, // next: lodsb; test al, al; jz key
    0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf5, // mov ah, 0e; int 10; jmp next
    0x31, 0xc0, 0xcd, 0x16, 0xfe, 0xc0, // key: xor ax, ax; int 16; inc al
    0xb4, 0x0e, 0xcd, 0x10, 0xb0, 0x0a, 0xcd, 0x10, // mov ah, 0e; int 10; mov al, 0a; int 10
    0xfa, 0xf4, 0xeb, 0xfc, // cli; hlt; jmp
    b'k', b'e', b'y', b'?', b' ', 0,
];

/// 16 bits: sets the timer to 100 Hz, counts ten of its interrupts in HLT, and exits with 0.
const TEN_TICKS: &[u8] = &[
    0xfa, 0xb0, 0x36, 0xe6, 0x43, // cli; mov al, 36; out 43, al
    0xb0, 0x9c, 0xe6, 0x40, 0xb0, 0x2e, 0xe6, 0x40, // 11932
    0xc7, 0x06, 0x20, 0x00, 0x26, 0x7c, // mov word [8*4], 7c26: the handler
    0xc7, 0x06, 0x22, 0x00, 0x00, 0x00, // mov word [8*4+2], 0
    0xb9, 0x0a, 0x00, // mov cx, 10
    0xfb, 0xf4, 0xe2, 0xfc, // again: sti; hlt; loop again
    0xb0, 0x00, 0xe6, 0xf4, // mov al, 0; out f4, al
    0xf4, 0x90, // hlt; nop
    0xb0, 0x20, 0xe6, 0x20, 0xcf, // 7c26: mov al, 20; out 20, al; iret
];

/// 16 bits: lets interrupts of the timer in while it spins, until the handler has counted five; then exits with 0.
const SPINS_UNTIL_TICKS: &[u8] = &[
    0xfa, 0xc7, 0x06, 0x20, 0x00, 0x1d, 0x7c, // cli; mov word [8*4], 7c1d
    0xc7, 0x06, 0x22, 0x00, 0x00, 0x00, // mov word [8*4+2], 0
    0x31, 0xdb, 0xfb, // xor bx, bx; sti
    0x83, 0xfb, 0x05, 0x72, 0xfb, // again: cmp bx, 5; jb again
    0x30, 0xc0, 0xe6, 0xf4, // xor al, al; out f4, al
    0xeb, 0xfe, 0x90, 0x90, // jmp $; nop; nop
    0x43, 0xb0, 0x20, 0xe6, 0x20, 0xcf, // 7c1d: inc bx; mov al, 20; out 20, al; iret
];

/// 16 bits: instructions that some hosts' KVM cannot execute in ring 0: fninit; fnclex; int3 with a handler that returns; then exits with 0.
const ODD: &[u8] = &[
    0xc7, 0x06, 0x0c, 0x00, 0x18, 0x7c, // mov word [3*4], 7c18
    0xc7, 0x06, 0x0e, 0x00, 0x00, 0x00, // mov word [3*4+2], 0
    0xdb, 0xe3, 0xdb, 0xe2, 0xcc, // fninit; fnclex; int3
    0x30, 0xc0, 0xe6, 0xf4, 0xeb, 0xfe, 0x90, // xor al, al; out f4, al; jmp $; nop
    0xcf, // 7c18: iret
];

/// 32 bits, a flat image: prints `A` on the serial line and divides by zero without an interrupt table.
const FAULTS: &[u8] = &[0x66, 0xba, 0xf8, 0x03, 0xb0, b'A', 0xee, 0x31, 0xc9, 0xf7, 0xf1];

fn system(statements: &str, images: &[(&str, &[u8])]) -> System {
    let system = System::start_with(&["--processor", "kvm"]);
    prepare(&system, statements, images);
    system
}

#[test]
fn boot_sectors_use_services_timers_and_keys() {
    let images: [(&str, &[u8]); 5] = [
        ("keys", &sector(KEYS)),
        ("ticks", &sector(TEN_TICKS)),
        ("spins", &sector(SPINS_UNTIL_TICKS)),
        ("odd", &sector(ODD)),
        ("faults", FAULTS),
    ];
    let system = system(DEVICES, &images);
    let said = system.session("PCUSER", "ipl keys\nx\nipl ticks\nipl spins\nipl odd\nipl faults\ndisplay psw\n");
    assert_line(&said, "^key\\? ");
    assert_line(&said, "^y$");
    assert_line(&said, "^HCPGIR450W CP entered; disabled wait, processor 0 at 0000:0000000000007C");
    let exits = said.lines().filter(|line| *line == "HCPGIR450W CP entered; the guest ended with exit code 1").count();
    assert_eq!(exits, 3, "ticks, spins, odd: {said}");
    assert_line(&said, "^A$");
    assert_line(&said, "^HCPGIR450W CP entered; triple fault, processor 0 at ");
    assert_no_line(&said, "HCPMCP9151W|would run it");
    assert_line(&system.cp_says("QUERY PROCESSORS"), "^PC MACHINES ON KVM$");
}

#[test]
fn a_kernel_drives_virtio_devices_and_disks() {
    let system = system(&format!("{DEVICES}  MDISK 0200 FB-512 1 800 PCVOL1 MR\n"), &[("ports", &c_kernel("ports.c"))]);
    system.punch("PCUSER", "LINES", "one line\nanother line\n").succeeded();
    let said = system.session("PCUSER", "spool punch to *\nipl ports parm copy\nquery rdr all\n");
    assert_line(&said, "^another line$");
    assert_line(&said, "^copied$");
    assert_line(&said, "^PCUSER +[0-9]{4} A PUN 00000002 ");
    // Adds 1 to the first byte of sector 1, prints it, and exits.
    let counts = [
        0xb8, 0x01, 0x02, 0xbb, 0x00, 0x80, 0xb9, 0x02, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13, 0xfe, 0x06, 0x00, 0x80, 0xb8, 0x01, 0x03, 0xcd,
        0x13, 0xa0, 0x00, 0x80, 0xb4, 0x0e, 0xcd, 0x10, 0xb0, 0x00, 0xe6, 0xf4, 0xf4,
    ];
    let image = system.directory().join("image");
    let mut bytes = sector(&counts);
    bytes.resize(400 << 10, b'A');
    fs::write(&image, &bytes).unwrap();
    system.cp64(&["disk", "import", "PCUSER", "200", image.to_str().unwrap(), "--as", "raw"], b"").succeeded();
    assert_line(&system.session("PCUSER", "ipl 200\n"), "^B$");
}

#[test]
fn no_timer_is_lost_between_a_halt_and_the_look_at_what_ends_it() {
    let system = system(DEVICES, &[("oneshot", &c_kernel("oneshot.c"))]);
    // A terminal that stays: to one that has nothing more to say, a machine that halts for long is one that waits for input.
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    terminal.until_cp_read();
    terminal.type_line("ipl oneshot");
    terminal.until("^every timer came$");
    terminal.until("^HCPGIR450W CP entered; the guest ended with exit code 1$");
}

#[test]
fn a_machine_that_spins_is_stopped_holds_nobody_up_and_leaves_nothing_behind() {
    let system = system(DEVICES, &[("spin", &sector(&[0xfa, 0xeb, 0xfe]))]);
    let mut spinning = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    spinning.until_cp_read();
    for _ in 0..5 {
        let before = system.processor_times()["PCUSER"].0;
        spinning.type_line("ipl spin");
        let mut other = system.log_on("CMSUSER");
        assert_line(&other.command("identify"), "CMSUSER");
        other.type_line("#cp logoff");
        other.ending();
        // Several slices: the last one of the round before may not have been charged yet.
        system.wait_until_it_ran("PCUSER", before + 20_000);
        spinning.attention();
        spinning.until_told(ConsoleState::CpRead);
        spinning.type_line("display psw");
        spinning.until("PSW = 00000000 00000002 0000000000007C01");
    }
    system.cp("FORCE PCUSER").succeeded();
    tests::wait_for("its VM is gone", || {
        let open = fs::read_dir(format!("/proc/{}/fd", system.pid())).unwrap();
        let vms =
            open.flatten().filter(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.to_string_lossy().contains("kvm-vm"))).count();
        (vms == 1).then_some(())
    });
}

#[test]
fn left_to_itself_cp_says_where_pc_machines_run() {
    let system = System::start();
    prepare(&system, DEVICES, &[("ticks", &sector(TEN_TICKS))]);
    assert_no_line(&system.cp_says("QUERY PROCESSORS"), "PC MACHINES");
    let said = system.session("PCUSER", "ipl ticks\n");
    assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 1$");
    if system.cp_says("QUERY PROCESSORS").contains("KVM") {
        assert_line(&system.cp_says("QUERY PROCESSORS"), "^PC MACHINES ON (KVM|SOFT, KVM interprets their kernels)$");
    }
}
