//! PC machines: boot sectors and kernels made of bytes here, IPLed from every place that they can come from.

use std::fs;

use console::wire::ConsoleState;
use tests::pc::{sector, system};
use tests::{Terminal, assert_line, assert_no_line};

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

/// 16 bits: adds 1 to the first byte of sector 1 of its disk, prints it, and exits with 0.
const COUNTS: &[u8] = &[
    0xb8, 0x01, 0x02, 0xbb, 0x00, 0x80, 0xb9, 0x02, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13, // read it to 8000
    0xfe, 0x06, 0x00, 0x80, 0xb8, 0x01, 0x03, 0xcd, 0x13, // inc byte [8000]; write it
    0xa0, 0x00, 0x80, 0xb4, 0x0e, 0xcd, 0x10, // print it
    0xb0, 0x00, 0xe6, 0xf4, 0xf4, // exit
];

/// 32 bits, a flat image: prints `A` on the serial line and divides by zero without an interrupt table.
const FAULTS: &[u8] = &[0x66, 0xba, 0xf8, 0x03, 0xb0, b'A', 0xee, 0x31, 0xc9, 0xf7, 0xf1];

/// 32 bits: switches off.
const SWITCHES_OFF: &[u8] = &[0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef, 0xf4];

const DEVICES: &str = "  CONSOLE 0009 3215\n  SPOOL 000C 2540 READER *\n";

#[test]
fn a_named_image_starts_at_logon_and_a_script_types_to_it() {
    let system = system(&format!("  IPL KEYS\n{DEVICES}"), &[("keys", &sector(KEYS))]);
    let said = system.session("PCUSER", "x\nquery virtual storage\n");
    assert_line(&said, "^key\\? ");
    assert_line(&said, "^y$");
    assert_line(&said, "^HCPGIR450W CP entered; disabled wait, processor 0 at 0000:0000000000007C");
    assert_line(&said, "^STORAGE = 8M$");
}

#[test]
fn a_minidisk_is_booted_and_keeps_what_was_written() {
    let system = system(&format!("{DEVICES}  MDISK 0200 FB-512 1 800 PCVOL1 MR\n"), &[]);
    let image = system.directory().join("image");
    let mut bytes = sector(COUNTS);
    bytes.resize(400 << 10, b'A');
    fs::write(&image, &bytes).unwrap();
    system.cp64(&["disk", "import", "PCUSER", "200", image.to_str().unwrap(), "--as", "raw"], b"").succeeded();
    let said = system.session("PCUSER", "ipl 200\nipl 200\n");
    assert_line(&said, "^B$");
    assert_line(&said, "^C$");
    assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 1$");
    let copy = system.directory().join("copy");
    system.cp64(&["disk", "export", "PCUSER", "200", copy.to_str().unwrap(), "--as", "raw"], b"").succeeded();
    bytes[512] = b'C';
    assert!(fs::read(copy).unwrap() == bytes, "one byte has changed");
}

#[test]
fn a_kernel_comes_from_the_reader_and_from_a_cms_disk() {
    let system = system(&format!("{DEVICES}  LINK CMSUSER 191 191 RR\n"), &[]);
    system.disk_put("CMSUSER", "FAULTS", "KERNEL", FAULTS).succeeded();
    let kernel = system.directory().join("kernel");
    fs::write(&kernel, SWITCHES_OFF).unwrap();
    system.cp64(&["punch", kernel.to_str().unwrap(), "--to", "PCUSER"], b"").succeeded();
    let said = system.session("PCUSER", "ipl 191 file faults kernel\ndisplay psw\ndisplay 100000.8\nipl 00c\n");
    assert_line(&said, "^A$");
    assert_line(&said, "^HCPGIR450W CP entered; triple fault, processor 0 at 0010:0000000000100009");
    assert_line(&said, "^PSW = 00000000 [0-9A-F]{8} 0000000000100009$");
    assert_line(&said, "^00100000  66BAF803 B041EE31");
    assert_line(&said, "^HCPGIR450W CP entered; the guest switched the machine off$");
}

#[test]
fn what_cannot_be_loaded_is_said_in_the_numbers_of_ipl() {
    let system = system(&format!("{DEVICES}  MDISK 0200 FB-512 1 800 PCVOL1 MR\n"), &[("broken", b"\x7fELF\x01"), ("empty", b"")]);
    let said = system
        .session("PCUSER", "ipl nothing\nipl 300\nipl 009\nipl 00c\nipl 200\nipl broken\nipl empty\nipl 200 file no such\nipl ../x\n");
    for line in [
        "^HCPVMI044E NOTHING not found$",
        "^HCPVMI040E Device 0300 does not exist$",
        "^HCPVMI232E IPL unit error; device 0009 is no disk and no reader$",
        "^HCPVMI232E The reader 000C is empty$",
        "^HCPIPL174E The first sector of the disk does not end with 55 AA",
        "^HCPIPL174E The image is damaged: its ELF header$",
        "^HCPIPL174E The image is empty$",
        "^HCPVMI232E 0200 cannot be read: ",
        "^HCPCMD002E Invalid operand - ../X$",
    ] {
        assert_line(&said, line);
    }
}

/// 16 bits: prints the last digit of the year that INT 1A tells, and exits with 0.
const TELLS_THE_YEAR: &[u8] = &[
    0xb4, 0x04, 0xcd, 0x1a, 0x88, 0xc8, 0x24, 0x0f, 0x04, b'0', // mov ah, 4; int 1a; mov al, cl; and al, 0f; add al, '0'
    0xb4, 0x0e, 0xcd, 0x10, 0xb0, 0x0a, 0xcd, 0x10, // print it and a line end
    0xb0, 0x00, 0xe6, 0xf4, 0xf4, // exit
];

#[test]
fn set_vtod_says_when_the_clock_of_the_machine_begins() {
    let system = system(DEVICES, &[("year", &sector(TELLS_THE_YEAR))]);
    let script = [
        "query vtod",
        "set vtod date 2007-03-31 time 23:59:58",
        "query vtod",
        "ipl year",
        "set vtod date 02/28/2003",
        "ipl year",
        "set vtod date 1979-12-31",
        "set vtod date 2003-02-29",
        "set vtod date 2003-02-28 time 24:00:00",
        "set vtod system",
        "query vtod",
    ];
    let said = system.session("PCUSER", &script.map(|line| format!("{line}\n")).concat());
    assert_eq!(said.lines().filter(|line| *line == "VTOD SYSTEM").count(), 2, "{said}");
    assert_line(&said, "^VTOD 2007-03-31 23:59:58 UTC AT EACH IPL$");
    let (seven, three) = (said.find("\n7\n").expect("2007"), said.find("\n3\n").expect("2003"));
    assert!(seven < three, "{said}");
    for operand in ["1979-12-31", "2003-02-29", "24:00:00"] {
        assert_line(&said, &format!("^HCPCMD002E Invalid operand - {operand}$"));
    }
}

/// A multiboot kernel that says what the first module holds: its bytes up to a zero.
const SHOWS_ITS_MODULE: &[u8] = &[
    0x02, 0xb0, 0xad, 0x1b, 0x00, 0x00, 0x01, 0x00, 0xfe, 0x4f, 0x51, 0xe4, // magic, flags: addresses below, checksum
    0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // header and load address 100000
    0x20, 0x00, 0x10, 0x00, // entry: 100020
    0x8b, 0x73, 0x18, 0x8b, 0x36, 0x66, 0xba, 0xf8, 0x03, // mov esi, [ebx+18]; mov esi, [esi]; mov dx, 3f8
    0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, // next: lodsb; test al, al; jz end; out dx, al; jmp next
    0xb0, 0x00, 0xe6, 0xf4, 0xf4, // end: exit
];

#[test]
fn a_kernel_and_its_initrd_come_from_a_cms_disk() {
    let system = system(&format!("{DEVICES}  LINK CMSUSER 191 191 RR\n"), &[]);
    system.disk_put("CMSUSER", "SHOWS", "KERNEL", SHOWS_ITS_MODULE).succeeded();
    // More than a block, and no whole number of them.
    let module = "a line of the initrd\n".repeat(500) + "its last line\n\0";
    system.disk_put("CMSUSER", "ROOT", "INITRD", module.as_bytes()).succeeded();
    let said =
        system.session("PCUSER", "ipl 191 file shows kernel initrd root initrd parm quiet\nipl 191 file shows kernel initrd no such\n");
    assert_eq!(said.lines().filter(|line| *line == "a line of the initrd").count(), 500, "{said}");
    assert_line(&said, "^its last line$");
    assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 1$");
    assert_line(&said, "^HCPVMI044E NO SUCH on 0191 not found$");
}

#[test]
fn a_machine_that_spins_is_stopped_by_attention_and_holds_nobody_up() {
    let system = system(DEVICES, &[("spin", &sector(&[0xfa, 0xeb, 0xfe]))]);
    let mut spinning = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    spinning.until_cp_read();
    spinning.type_line("ipl spin");
    let mut other = system.log_on("CMSUSER");
    assert_line(&other.command("identify"), "CMSUSER");
    system.wait_until_it_ran("PCUSER", 1000);
    spinning.attention();
    spinning.until_told(ConsoleState::CpRead);
    spinning.type_line("display psw");
    spinning.until("PSW = 00000000 00000002 0000000000007C01");
    spinning.type_line("begin");
    spinning.type_line("#cp system reset");
    spinning.until("SYSTEM RESET");
    spinning.type_line("begin");
    spinning.until("HCPBEG163E");
    assert_no_line(&spinning.shown(), "HCPMCP9151W");
}
