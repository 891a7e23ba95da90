//! PC machines: boot sectors and kernels made of bytes here, IPLed from every place that they can come from.

use std::fs;

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

#[test]
fn a_machine_that_spins_is_stopped_by_attention_and_holds_nobody_up() {
    let system = system(DEVICES, &[("spin", &sector(&[0xfa, 0xeb, 0xfe]))]);
    let mut spinning = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    spinning.until_cp_read();
    spinning.type_line("ipl spin");
    let mut other = system.log_on("CMSUSER");
    assert_line(&other.command("identify"), "CMSUSER");
    spinning.attention();
    spinning.until_cp_read();
    spinning.type_line("display psw");
    spinning.until("PSW = 00000000 00000002 0000000000007C01");
    spinning.type_line("begin");
    spinning.type_line("#cp system reset");
    spinning.until("SYSTEM RESET");
    spinning.type_line("begin");
    spinning.until("HCPBEG163E");
    assert_no_line(&spinning.shown(), "HCPMCP9151W");
}
