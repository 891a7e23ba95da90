//! The front end for 3270 terminals, driven by the real s3270 and by a plain Telnet.

mod fake;
mod s3270;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use fake::{PASSWORD, System};
use s3270::Emulator;

/// A person logged on to a system that wants no password, at a colour terminal of model 2.
fn logged_on(address: SocketAddr, prefix: &str, userid: &str) -> Emulator {
    let mut emulator = Emulator::connect(address, &["-model", "3279-2-E"], prefix);
    emulator.wait_for("COMMAND");
    emulator.act(&format!("String(\"{userid}\")"));
    emulator.act("Enter()");
    emulator.wait_for("VM READ");
    emulator
}

/// The models that a 3270 comes in, with the size of the line-mode screen.
const MODELS: [(&[&str], usize, usize); 7] = [
    (&["-model", "3278-2"], 24, 80),
    (&["-model", "3279-2-E"], 24, 80),
    (&["-model", "3279-3-E"], 32, 80),
    (&["-model", "3279-4-E"], 43, 80),
    (&["-model", "3279-5-E"], 27, 132),
    (&["-model", "3279-2-E", "-oversize", "160x62"], 62, 160),
    (&["-model", "3279-4-E", "-tn", "IBM-DYNAMIC", "-oversize", "100x50"], 50, 100),
];

#[test]
fn every_model_logs_on_and_fills_its_screen() {
    let system = System::start_guarded();
    let address = system.listen_for_3270();
    for (number, (options, rows, columns)) in MODELS.into_iter().enumerate() {
        for prefix in ["", "N:"] {
            let mut emulator = Emulator::connect(address, options, prefix);
            emulator.fill_in(&format!("USER{number}{}", prefix.len()), PASSWORD);
            emulator.wait_for("VM READ");
            let screen = emulator.screen();
            assert_eq!((screen.len(), screen[0].len()), (rows, columns), "{options:?} {prefix}");
            assert!(screen[rows - 1].trim_end().ends_with("VM READ    FAKE"), "{screen:?}");
            assert_eq!(emulator.state(), if prefix.is_empty() { "connected-tn3270e" } else { "connected-3270" });
        }
    }
}

#[test]
fn a_wrong_password_says_so_and_the_third_cuts_the_line() {
    let system = System::start_guarded();
    let mut emulator = Emulator::connect(system.listen_for_3270(), &["-model", "3279-2-E"], "");
    for _ in 0..2 {
        emulator.fill_in("ALAN", "wrong");
        let screen = emulator.wait_for("HCPLGA050E");
        assert!(!screen.concat().contains("wrong"), "{screen:?}");
    }
    emulator.fill_in("ALAN", "wrong");
    emulator.act("Wait(60,Disconnect)");
}

#[test]
fn a_command_at_the_logo_logs_on_too() {
    let system = System::start();
    let mut emulator = Emulator::connect(system.listen_for_3270(), &["-model", "3279-2-E"], "");
    emulator.wait_for("COMMAND");
    emulator.act("BackTab()");
    emulator.act("String(\"shutdown\")");
    emulator.act("Enter()");
    emulator.wait_for("HCPCFC015E");
    emulator.act("Wait(60,Unlock)");
    emulator.act("BackTab()");
    emulator.act("String(\"logon grace here\")");
    emulator.act("Enter()");
    emulator.wait_for("VM READ");
}

#[test]
fn lines_go_in_and_out_and_a_full_screen_waits_for_the_reader() {
    let system = System::start();
    let mut emulator = logged_on(system.listen_for_3270(), "", "ALAN");
    emulator.act("PA(2)");
    emulator.type_line("echo You said hello");
    let screen = emulator.wait_for("Ready;");
    assert!(screen.iter().any(|row| row.trim_end() == "You said hello"), "{screen:?}");
    assert!(screen.iter().any(|row| row.trim_end() == "echo You said hello"), "the line is shown above the answer: {screen:?}");
    assert!(screen[22].trim().is_empty(), "and is gone from the input area: {screen:?}");
    // PA2 gives a fresh screen, then more than a screen is written.
    emulator.act("PA(2)");
    emulator.type_line("count 50");
    let screen = emulator.wait_for("MORE...");
    assert!(screen[21].starts_with("line 20"), "{screen:?}");
    emulator.act("Enter()");
    emulator.wait_for("HOLDING");
    emulator.act("Clear()");
    let screen = emulator.wait_for("line 42");
    assert!(screen[0].starts_with("line 21") && screen[23].contains("MORE..."), "{screen:?}");
    emulator.act("PA(2)");
    emulator.wait_for("VM READ");
    // PF12 brings the line back, PF1 does nothing.
    emulator.act("PF(12)");
    emulator.wait_for_input("count 50");
    emulator.act("PF(1)");
    emulator.wait_for("PF01 UNDEFINED");
}

#[test]
fn attention_enters_cp_however_it_is_pressed() {
    let system = System::start();
    let address = system.listen_for_3270();
    for (number, (prefix, key)) in
        [("", "PA(1)"), ("", "Attn()"), ("", "SysReq()"), ("N:", "PA(1)"), ("N:", "Attn()"), ("N:", "SysReq()")].into_iter().enumerate()
    {
        let mut emulator = logged_on(address, prefix, &format!("A{number}"));
        emulator.act(key);
        emulator.wait_for("CP READ");
        emulator.type_line("begin");
        emulator.wait_for("VM READ");
    }
}

#[test]
fn a_secret_does_not_show_and_logoff_leads_back_to_the_logo() {
    let system = System::start();
    let mut emulator = logged_on(system.listen_for_3270(), "", "ALAN");
    emulator.type_line("secret when told");
    emulator.wait_for("RUNNING");
    system.go_on();
    emulator.wait_for("VM READ");
    emulator.act("Wait(60,Unlock)");
    emulator.act("String(\"xyzzy\")");
    assert!(!emulator.screen().concat().contains("xyzzy"));
    emulator.act("Enter()");
    let screen = emulator.wait_for("5 characters");
    assert!(!screen.concat().contains("xyzzy"), "{screen:?}");
    emulator.act("PA(1)");
    emulator.wait_for("CP READ");
    emulator.type_line("logoff");
    emulator.wait_for("Press ENTER or CLEAR");
    emulator.act("Enter()");
    emulator.wait_for("USERID   ===>");
}

#[test]
fn a_terminal_that_is_cut_disconnects_and_another_goes_on() {
    let system = System::start();
    let address = system.listen_for_3270();
    drop(logged_on(address, "", "ALAN"));
    system.wait_for(|log| log.iter().any(|entry| entry.contains("disconnected")));
    let mut emulator = logged_on(address, "", "ALAN");
    emulator.type_line("echo there again");
    emulator.wait_for("there again");
}

#[test]
fn a_plain_telnet_gets_lines() {
    let system = System::start_guarded();
    let mut stream = TcpStream::connect(system.listen_for_3270()).unwrap();
    // WONT TN3270E, WONT TERMINAL-TYPE.
    stream.write_all(&[255, 252, 40, 255, 252, 24]).unwrap();
    let mut seen = Vec::new();
    let mut until = |stream: &mut TcpStream, text: &str| {
        stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        while !String::from_utf8_lossy(&seen).contains(text) {
            let mut bytes = [0; 1000];
            let count = stream.read(&mut bytes).unwrap_or(0);
            assert!(count > 0, "no {text:?} but {:?}", String::from_utf8_lossy(&seen));
            seen.extend(&bytes[..count]);
        }
        std::mem::take(&mut seen)
    };
    until(&mut stream, "Enter LOGON userid: ");
    stream.write_all(b"alan\r\n").unwrap();
    let asked = until(&mut stream, "Enter your password: ");
    assert!(asked.windows(3).any(|bytes| bytes == [255, 251, 1]), "the terminal is told not to echo");
    stream.write_all(format!("{PASSWORD}\r\0").as_bytes()).unwrap();
    until(&mut stream, "\r\n");
    stream.write_all(b"echo You said hello\r\n").unwrap();
    until(&mut stream, "You said hello");
    // Interrupt process is the attention key.
    stream.write_all(&[255, 244]).unwrap();
    stream.write_all(b"logoff\r\n").unwrap();
    until(&mut stream, "LOGOFF AT");
}

#[test]
fn garbage_and_silence_harm_nobody() {
    let system = System::start();
    let address = system.listen_for_3270();
    let mut quiet: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    for seed in 0..40_u32 {
        let mut stream = TcpStream::connect(address).unwrap();
        let bytes: Vec<u8> = (0..2000_u32)
            .map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed * 97) >> 13) as u8 | if at % 5 == 0 { 0xf0 } else { 0 })
            .collect();
        let _ = stream.write_all(&bytes);
    }
    let mut stream = TcpStream::connect(address).unwrap();
    // A record that never ends is cut.
    let _ = stream.write_all(&vec![0x40; 200 << 10]);
    let mut emulator = Emulator::connect(address, &["-model", "3279-2-E"], "");
    emulator.wait_for("COMMAND");
    quiet.clear();
}

/// The screen of a program, with its title and input field.
#[track_caller]
fn at_the_program(emulator: &mut Emulator, userid: &str) {
    emulator.wait_for(&format!("TITLE [{userid}]"));
    emulator.act("Wait(60,Unlock)");
}

#[test]
fn a_program_has_the_screen_until_it_is_done() {
    let system = System::start();
    let address = system.listen_for_3270();
    for (number, (options, rows, columns)) in MODELS.into_iter().enumerate() {
        let userid = format!("FULL{number}");
        let mut emulator = Emulator::connect(address, options, if number % 2 == 0 { "" } else { "N:" });
        emulator.wait_for("COMMAND");
        emulator.act(&format!("String(\"{userid}\")"));
        emulator.act("Enter()");
        emulator.wait_for("VM READ");
        emulator.type_line("screen ready");
        at_the_program(&mut emulator, &userid);
        let screen = emulator.screen();
        assert_eq!((screen.len(), screen[0].len()), (rows, columns), "the alternate size");
        emulator.act("String(\"a[b]^\")");
        emulator.act("PF(13)");
        emulator.wait_for("Pf(13) at 86 a[b]^");
        emulator.act("Wait(60,Unlock)");
        emulator.act("Clear()");
        emulator.wait_for("Clear at 0");
        emulator.act("Wait(60,Unlock)");
        emulator.act("PA(2)");
        emulator.wait_for("Pa(2)");
        emulator.act("Wait(60,Unlock)");
        emulator.act("PF(3)");
        let screen = emulator.wait_for("Ready;");
        assert!(!screen.concat().contains("TITLE") && screen[0].starts_with("Ready;"), "line mode begins on an empty screen: {screen:?}");
    }
}

#[test]
fn cp_breaks_into_a_programs_screen_and_it_comes_back() {
    let system = System::start();
    let address = system.listen_for_3270();
    let mut emulator = logged_on(address, "", "BROKEN");
    emulator.type_line("screen first");
    at_the_program(&mut emulator, "BROKEN");
    // A message: it is held on a screen of its own until it was seen.
    system.say("BROKEN", "* MSG FROM OPERATOR: soon");
    let screen = emulator.wait_for("HOLDING");
    assert!(screen[0].starts_with("* MSG FROM OPERATOR: soon"), "{screen:?}");
    emulator.act("Clear()");
    at_the_program(&mut emulator, "BROKEN");
    assert!(emulator.screen().concat().contains("first"));
    // The key that calls CP, and back.
    emulator.act("PA(1)");
    emulator.wait_for("CP READ");
    emulator.type_line("begin");
    at_the_program(&mut emulator, "BROKEN");
    emulator.act("String(\"still here\")");
    emulator.act("Enter()");
    emulator.wait_for("Enter at 91 still here");
    // The line drops; whoever comes back with another size presses CLEAR by that, and has the program's screen in it.
    drop(emulator);
    let mut emulator = Emulator::connect(address, &["-model", "3279-4-E"], "");
    emulator.wait_for("COMMAND");
    emulator.act("String(\"BROKEN\")");
    emulator.act("Enter()");
    emulator.wait_for("RECONNECTED");
    emulator.act("Clear()");
    emulator.wait_for("Clear at 0");
    at_the_program(&mut emulator, "BROKEN");
    assert_eq!(emulator.screen().len(), 43);
    emulator.act("PF(3)");
    emulator.wait_for("Ready;");
}

#[test]
fn a_plain_telnet_has_no_screen() {
    let system = System::start();
    let mut stream = TcpStream::connect(system.listen_for_3270()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    let mut shown = String::new();
    let mut until = |stream: &mut TcpStream, text: &str| {
        let mut bytes = [0; 1024];
        while !shown.contains(text) {
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "{shown}");
            shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    stream.write_all(&[255, 252, 40, 255, 252, 24]).unwrap();
    until(&mut stream, "Enter LOGON userid");
    stream.write_all(b"PLAIN\r\n").unwrap();
    until(&mut stream, "Ready;");
    stream.write_all(b"screen x\r\n").unwrap();
    until(&mut stream, "The terminal shows no full screen");
}

#[test]
fn a_terminal_comes_in_by_tls_and_one_that_does_not_speak_it_is_cut() {
    let system = System::start();
    let room = tempfile::tempdir().unwrap();
    let files = console::tls::Files { certificate: room.path().join("certificate.pem"), key: room.path().join("key.pem") };
    let tls = console::tls::Tls::load(&files, Some(vec!["localhost".into()])).unwrap();
    let address = system.listen_for_3270_by(Some(&tls));
    let mut emulator = Emulator::connect(address, &["-model", "3279-2-E", "-noverifycert"], "L:");
    emulator.wait_for("COMMAND");
    emulator.act("String(\"ALAN\")");
    emulator.act("Enter()");
    emulator.wait_for("VM READ");
    let mut plain = TcpStream::connect(address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    plain.write_all(&[255, 251, 40, 255, 250, 40]).unwrap();
    let mut answer = Vec::new();
    // An alert, perhaps, and the end; never a word of Telnet.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(3).any(|part| part == [255, 253, 40]), "{answer:?}");
}
