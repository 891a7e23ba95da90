//! What a PC machine has of its user: ports to reader, punch and printer, its text screen on the console, a reset that loads it again.

#[path = "../../console/tests/s3270/mod.rs"]
mod s3270;

use std::fs;

use s3270::Emulator;
use tests::pc::{c_kernel, sector, system};
use tests::{Terminal, Tmux, assert_line, assert_no_line};

const DEVICES: &str = "  CONSOLE 0009 3215\n  SPOOL 000C 2540 READER *\n  SPOOL 000D 2540 PUNCH A\n  SPOOL 000E 1403 A\n";

/// 16 bits: prints `key? ` and then every key.
const ECHOES: &[u8] = &[
    0xfc, 0xbe, 0x19, 0x7c, // cld; mov si, text
    0xac, 0x84, 0xc0, 0x74, 0x06, // next: lodsb; test al, al; jz key
    0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf5, // mov ah, 0e; int 10; jmp next
    0x31, 0xc0, 0xcd, 0x16, // key: xor ax, ax; int 16
    0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf6, // mov ah, 0e; int 10; jmp key
    b'k', b'e', b'y', b'?', b' ', 0,
];

/// 16 bits: adds 1 to the first byte of sector 1 of its disk, prints it, and resets the machine by port CF9 until it is `C`; then it exits with 0.
const RESETS: &[u8] = &[
    0xb8, 0x01, 0x02, 0xbb, 0x00, 0x80, 0xb9, 0x02, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13, // read it to 8000
    0xfe, 0x06, 0x00, 0x80, 0xb8, 0x01, 0x03, 0xcd, 0x13, // inc byte [8000]; write it
    0xa0, 0x00, 0x80, 0xb4, 0x0e, 0xcd, 0x10, 0xb0, 0x0a, 0xcd, 0x10, // print it and a line end
    0xa0, 0x00, 0x80, 0x3c, b'C', 0x74, 0x07, // mov al, [8000]; cmp al, 'C'; je end
    0xb0, 0x06, 0xba, 0xf9, 0x0c, 0xee, 0xf4, // mov al, 6; mov dx, cf9; out dx, al; hlt
    0xb0, 0x00, 0xe6, 0xf4, 0xf4, // end: exit
];

/// 16 bits: resets the machine by the keyboard controller.
const ALWAYS_RESETS: &[u8] = &[0xb0, 0xfe, 0xe6, 0x64, 0xf4];

/// 16 bits: prints `a`, waits for 91 ticks of the BIOS (5 seconds), prints `b` and exits with 0.
const SLEEPS: &[u8] = &[
    0xb8, b'a', 0x0e, 0xcd, 0x10, 0xb8, 0x0a, 0x0e, 0xcd, 0x10, // print a and a line end
    0xfb, 0xb9, 0x5b, 0x00, 0xf4, 0xe2, 0xfd, // sti; mov cx, 91; again: hlt; loop again
    0xb8, b'b', 0x0e, 0xcd, 0x10, 0xb0, 0x00, 0xe6, 0xf4, 0xf4, // print b; exit
];

#[test]
fn a_guest_reads_its_reader_and_punches_through_ports() {
    let system = system(DEVICES, &[("ports", &c_kernel("ports.c"))]);
    let lines: String = (1..=500).map(|number| format!("this is line {number} of the file\n")).collect();
    system.punch("PCUSER", "LINES", &lines).succeeded();
    let said = system.session("PCUSER", "spool punch to cmsuser\nipl ports parm copy\nquery rdr all\nipl ports parm copy\n");
    assert_line(&said, "^this is line 500 of the file$");
    assert_line(&said, "^copied$");
    assert_line(&said, "^NO READER FILES$");
    assert_line(&said, "^nothing$");
    assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 1$");
    let mut other = system.log_on("CMSUSER");
    assert_line(&other.command("query reader all"), "^PCUSER +[0-9]{4} A PUN 00000500 ");
    assert_line(&other.command("readcard copied lines a"), "^Ready;");
    assert_line(&other.command("type copied lines a 500"), "^THIS IS LINE 500 OF THE FILE");
}

#[test]
fn many_records_and_printed_pages_are_whole() {
    let system = system(DEVICES, &[("ports", &c_kernel("ports.c"))]);
    let said = system.session("PCUSER", "spool punch to *\nipl ports parm many 2000\nquery rdr all\nquery prt all\n");
    assert_line(&said, "^PCUSER +[0-9]{4} A PUN 00002000 ");
    assert_line(&said, "^PCUSER +[0-9]{4} A PRT 0000000[0-9] ");
    assert_line(&said, "^punched$");
}

#[test]
fn a_guest_that_resets_the_machine_is_loaded_again_and_one_that_only_resets_is_stopped() {
    let system = system(&format!("{DEVICES}  MDISK 0200 FB-512 1 800 PCVOL1 MR\n"), &[("loops", &sector(ALWAYS_RESETS))]);
    let image = system.directory().join("image");
    let mut bytes = sector(RESETS);
    bytes.resize(400 << 10, b'A');
    fs::write(&image, &bytes).unwrap();
    system.cp64(&["disk", "import", "PCUSER", "200", image.to_str().unwrap(), "--as", "raw"], b"").succeeded();
    let said = system.session("PCUSER", "ipl 200\nipl loops\n");
    assert_line(&said, "^B$");
    assert_line(&said, "^HCPIPL9461I The guest reset the machine; IPL 0200$");
    assert_line(&said, "^C$");
    assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 1$");
    assert_eq!(said.lines().filter(|line| line.ends_with("IPL LOOPS")).count(), 4, "{said}");
    assert_line(&said, "^HCPGIR450W CP entered; the guest resets the machine again and again$");
}

#[test]
fn a_script_does_not_take_a_guest_that_sleeps_for_one_that_reads() {
    let system = system(DEVICES, &[("sleeps", &sector(SLEEPS))]);
    let said = system.session("PCUSER", "ipl sleeps\nquery virtual storage\n");
    assert_line(&said, "^b$");
    let (b, answer) = (said.find("\nb\n").expect("b"), said.find("STORAGE = 8M").expect("an answer"));
    assert!(b < answer, "{said}");
}

#[test]
fn the_text_screen_of_a_pc_is_on_a_3270_and_its_keyboard_too() {
    let devices = DEVICES.replace("3215", "3270");
    let system = system(&devices, &[("echoes", &sector(ECHOES))]);
    let lines = system.session("PCUSER", "ipl echoes\n");
    assert_line(&lines, "^key\\? ");
    let (system, address) = serving(system);
    system.cp64(&["user", "password", "PCUSER"], b"SECRET\n").succeeded();
    let mut terminal = Emulator::connect(address, &["-model", "3279-4-E"], "");
    terminal.fill_in("pcuser", "SECRET");
    terminal.wait_for("CP READ");
    terminal.type_line("ipl echoes");
    let screen = terminal.wait_for("key?");
    assert!(screen[0].trim_end() == "key?" && screen.len() == 43, "{screen:?}");
    terminal.act("Wait(60,Unlock)");
    terminal.type_line("abc");
    terminal.wait_for("key? abc");
    terminal.act("PA(1)");
    terminal.wait_for("CP READ");
    terminal.type_line("terminal conmode 3215#query terminal#begin");
    terminal.wait_for("CONMODE 3215");
    let screen = terminal.wait_for("key? abc");
    assert!(screen.concat().contains("CP"), "lines again: {screen:?}");
}

/// 16 bits: shows each scan code of port 60 in hexadecimal, with interrupts disabled.
const SCANS: &[u8] = &[
    0xfa, 0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa, // cli; again: in al, 64; test al, 1; jz again
    0xe4, 0x60, 0x88, 0xc3, 0xc0, 0xe8, 0x04, 0xe8, 0x0e, 0x00, // in al, 60; mov bl, al; shr al, 4; call digit
    0x88, 0xd8, 0x24, 0x0f, 0xe8, 0x07, 0x00, // mov al, bl; and al, 0f; call digit
    0xb0, 0x20, 0xe8, 0x0a, 0x00, 0xeb, 0xe2, // mov al, ' '; call put; jmp again
    0x04, 0x30, 0x3c, 0x3a, 0x72, 0x02, 0x04, 0x07, // digit: add al, '0'; cmp al, 3a; jb put; add al, 7
    0xb4, 0x0e, 0xcd, 0x10, 0xc3, // put: mov ah, 0e; int 10; ret
];

/// 32 bits, a flat image: receives on the first serial port and sends each byte back in hexadecimal, with interrupts disabled, until one is `.`.
const SERIAL_BYTES: &[u8] = &[
    0xbc, 0x00, 0x00, 0x20, 0x00, // mov esp, 200000
    0x66, 0xba, 0xfc, 0x03, 0xb0, 0x0b, 0xee, // mov dx, 3fc; mov al, 0b; out dx, al: the terminal is ready
    0x66, 0xba, 0xf9, 0x03, 0xb0, 0x01, 0xee, // mov dx, 3f9; mov al, 1; out dx, al: it is listened to
    0x66, 0xba, 0xf8, 0x03, 0xb0, b'>', 0xee, // print >
    0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf7, // again: mov dx, 3fd; in al, dx; test al, 1; jz again
    0x66, 0xba, 0xf8, 0x03, 0xec, 0x88, 0xc3, // mov dx, 3f8; in al, dx; mov bl, al
    0xc0, 0xe8, 0x04, 0xe8, 0x14, 0x00, 0x00, 0x00, // shr al, 4; call digit
    0x88, 0xd8, 0x24, 0x0f, 0xe8, 0x0b, 0x00, 0x00, 0x00, // mov al, bl; and al, 0f; call digit
    0x80, 0xfb, b'.', 0x75, 0xda, // cmp bl, '.'; jne again
    0xb0, 0x00, 0xe6, 0xf4, 0xf4, 0x90, // exit
    0x04, 0x30, 0x3c, 0x3a, 0x72, 0x02, 0x04, 0x07, 0xee,
    0xc3, // digit: add al, '0'; cmp al, 3a; jb put; add al, 7; put: out dx, al; ret
];

#[test]
fn every_key_of_a_terminal_that_shows_the_screen_is_a_key_of_the_pc_and_one_calls_cp() {
    let devices = DEVICES.replace("3215", "3270");
    let system = system(&devices, &[("scans", &sector(SCANS))]);
    let (program, place) = (tests::cp64().display().to_string(), system.directory().display().to_string());
    let tmux = Tmux::with_shell(100, 30);
    tmux.keys(&[&format!("{program} logon PCUSER --no-ipl --system {place}"), "Enter"]);
    tmux.shows("CP>");
    tmux.keys(&["ipl scans", "Enter"]);
    // The screen is there once it shows a key; those before it were the line editor's.
    tests::wait_for("its screen", || {
        tmux.keys(&["a"]);
        std::thread::sleep(std::time::Duration::from_millis(200));
        tmux.run(&["capture-pane", "-p", "-t", "screen"]).contains("1E 9E").then_some(())
    });
    for (key, codes) in [
        ("Up", "E0 48 E0 C8"),
        ("Left", "E0 4B E0 CB"),
        ("PPage", "E0 49 E0 C9"),
        ("End", "E0 4F E0 CF"),
        ("F1", "3B BB"),
        ("F12", "58 D8"),
        ("C-c", "1D 2E AE 9D"),
        ("Escape", "01 81"),
        ("M-x", "38 2D AD B8"),
        ("Enter", "1C 9C"),
    ] {
        tmux.keys(&[key]);
        // They go on from line to line.
        let codes: String = codes.split_whitespace().collect();
        tests::wait_for(key, || tmux.shows("Ctrl-] CP").split_whitespace().collect::<String>().contains(&codes).then_some(()));
    }
    tmux.keys(&["C-]"]);
    tmux.shows("CP>");
    tmux.keys(&["begin", "Enter"]);
    tmux.shows("Ctrl-] CP");
}

#[test]
fn control_sequences_reach_the_serial_port_as_they_are() {
    let system = system(DEVICES, &[("bytes", SERIAL_BYTES)]);
    let said = system.session("PCUSER", "ipl bytes\n^[[A\n^[[5~\n.\n");
    assert_line(&said, "1B5B41$");
    assert_line(&said, "1B5B357E$");
    assert_line(&said, "2E$");
    assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 1$");
}

/// The same system, started again so that it serves 3270 terminals.
fn serving(mut system: tests::System) -> (tests::System, std::net::SocketAddr) {
    system.shut_down();
    system.use_options(&["--tn3270", "127.0.0.1:0"]);
    system.run();
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let line = operator.until("3270 terminals are served at ");
    let address = line.trim_end().rsplit(' ').next().and_then(|word| word.parse().ok()).expect("an address");
    (system, address)
}

#[test]
fn storage_of_pc_machines_is_counted_and_processors_are_defined() {
    let system = system(DEVICES, &[("spin", &sector(&[0xfa, 0xeb, 0xfe]))]);
    let limit = system.cp_json("QUERY FRAMES")["data"]["pc_limit"].as_u64().expect("a limit");
    assert!(limit > 1 << 16, "{limit}");
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    terminal.until_cp_read();
    terminal.type_line("define cpu 1-3");
    terminal.until("CPU 03 defined");
    terminal.type_line("define cpu 5");
    terminal.until("HCPDFC040E CPU 04 does not exist");
    terminal.type_line("query virtual cpus");
    terminal.until(r"CPU 00 \(BASE\) CP");
    terminal.until("CPU 03 CP");
    terminal.type_line("ipl spin");
    tests::wait_for("it runs", || (system.cp_json("QUERY FRAMES")["data"]["pc_promised"] == 2048).then_some(()));
    system.cp("FORCE PCUSER").succeeded();
    tests::wait_for("it is gone", || (system.cp_json("QUERY FRAMES")["data"]["pc_promised"] == 0).then_some(()));
    assert_no_line(&terminal.shown(), "HCPMCP9151W");
}
