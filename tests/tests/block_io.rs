//! DIAGNOSE X'250' of a machine that goes on: the end of a list of blocks is an external interruption.

use std::fs;

use abi::block_io::{BAD_BLOCK, EXTERNAL_CODE, IO_ERROR, NO_DEVICE, READ_ONLY, START, STARTED};
use tests::{GuestCode, System, Terminal};

/// Where the program and what it uses are: storage that an idle CMS does not use.
const CODE: u32 = 0x180_0000;
const ENABLED_WAIT: u32 = CODE + 0x800;
const DONE: u32 = CODE + 0x900;
const ANSWER: u32 = CODE + 0xa00;
const LIST: u32 = CODE + 0x1000;
const BUFFER: u32 = CODE + 0x2000;
const EXTERNAL_NEW: u32 = 0x218;
/// Low storage from the external code on.
const EXTERNAL: u32 = 0x4d0;
const PARAMETER: u32 = 0xcafe;

/// What came of a list.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// Return code and count, at once.
    AtOnce(u64, u32),
    /// Status and count, by an interruption.
    Interrupted(u64, u32),
}

/// Begins a list and waits for the interruption when one is to come.
fn program(device: u32, count: u32) -> GuestCode {
    let mut code = GuestCode::default();
    code.set_psw(ENABLED_WAIT, 1, 0x8000_0001);
    code.set_psw(DONE, CODE, 0x8000_0000);
    code.set_psw(EXTERNAL_NEW, 1, 0);
    code.with(&[0xb8], 0x250); // mov eax
    code.with(&[0xbf], START as u32); // mov edi
    code.with(&[0xbe], device); // mov esi
    code.with(&[0xba], LIST); // mov edx
    code.with(&[0xb9], count); // mov ecx
    code.with(&[0x41, 0xb8], PARAMETER); // mov r8d
    code.bytes(&[0xe7, 0x83]); // out 0x83, eax
    code.with(&[0x89, 0x04, 0x25], ANSWER); // mov [ANSWER], eax
    code.with(&[0x89, 0x14, 0x25], ANSWER + 4); // mov [ANSWER + 4], edx
    code.bytes(&[0x83, 0xf8, STARTED as u8]); // cmp eax, STARTED
    let at_once = code.ahead(&[0x0f, 0x85]); // jnz
    code.load_psw(ENABLED_WAIT);
    let handler = code.here();
    code.land(at_once);
    code.load_psw(DONE);
    code.set_psw_again(EXTERNAL_NEW, CODE + handler as u32);
    code
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Carries out a list of (operation, block, buffer) on a device.
fn carry_out(terminal: &mut Terminal, device: u32, list: &[(u32, u32, u32)]) -> Came {
    terminal.store(CODE, program(device, list.len() as u32).code());
    let list: Vec<u8> = list.iter().flat_map(|entry| [entry.0, entry.1, entry.2, 0]).flat_map(u32::to_le_bytes).collect();
    terminal.store(LIST, &list);
    terminal.store(EXTERNAL, &[0xff; 24]);
    terminal.run_until_wait(CODE, CODE);
    let answer = words(&terminal.stored(ANSWER, 16));
    let external = words(&terminal.stored(EXTERNAL, 32));
    if u64::from(answer[0]) != STARTED {
        return Came::AtOnce(u64::from(answer[0]), answer[1]);
    }
    assert_eq!((external[0], external[4], external[5]), (EXTERNAL_CODE, PARAMETER, 0), "code and parameter");
    Came::Interrupted(u64::from(external[2]), external[3])
}

#[test]
fn the_end_of_a_list_is_an_interruption_that_says_how_it_went() {
    let system = System::start_with(&["--processors", "1"]);
    let mut terminal = Terminal::of_stopped_machine(&system, "CMSUSER");
    // Blocks far behind what the file system uses.
    terminal.store(BUFFER, b"written while the machine went on, it says");
    let write = [(1, 8001, BUFFER), (1, 8003, BUFFER + 0x1000)];
    assert_eq!(carry_out(&mut terminal, 0x191, &write), Came::Interrupted(0, 2));
    // What the host has in its cache needs no interruption.
    let read = [(2, 8001, BUFFER + 0x4000), (2, 8003, BUFFER + 0x5000), (2, 8002, BUFFER)];
    assert_eq!(carry_out(&mut terminal, 0x191, &read), Came::AtOnce(0, 3));
    assert_eq!(&terminal.stored(BUFFER + 0x4000, 48)[..42], b"written while the machine went on, it says");
    assert_eq!(terminal.stored(BUFFER, 16), [0; 16], "a block never written is zeros");
    // Reads mixed with writes, in the order of the list.
    let both = [(2, 8001, BUFFER + 0x6010), (1, 8005, BUFFER + 0x6010), (2, 8005, BUFFER + 0x8000)];
    assert_eq!(carry_out(&mut terminal, 0x191, &both), Came::Interrupted(0, 3));
    assert_eq!(&terminal.stored(BUFFER + 0x8000, 16)[..16], b"written while th");
    for (device, list, came) in [
        (0x190, vec![(1, 1, BUFFER)], Came::Interrupted(READ_ONLY, 0)),
        (0x191, vec![(1, 8001, BUFFER), (1, 9001, BUFFER)], Came::Interrupted(BAD_BLOCK, 1)),
        (0x191, vec![(2, 0, BUFFER)], Came::Interrupted(BAD_BLOCK, 0)),
        (0x191, vec![(3, 1, BUFFER)], Came::AtOnce(BAD_BLOCK, 0)),
        (0x999, vec![(2, 1, BUFFER)], Came::Interrupted(NO_DEVICE, 0)),
    ] {
        assert_eq!(carry_out(&mut terminal, device, &list), came, "{list:?}");
    }
}

#[test]
fn what_the_host_lost_is_an_error_for_the_guest_and_told_to_the_operator() {
    let system = System::start();
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    let mut terminal = Terminal::of_stopped_machine(&system, "CMSUSER");
    let path = system.directory().join("minidisks/CMSUSER.0191");
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(8000 * 4096).unwrap();
    assert_eq!(carry_out(&mut terminal, 0x191, &[(2, 7000, BUFFER), (2, 8100, BUFFER)]), Came::Interrupted(IO_ERROR, 1));
    operator.until("CMSUSER.*0191");
}

#[test]
fn storage_that_is_not_there_is_a_program_interruption_and_nothing_is_done() {
    let system = System::start();
    let mut terminal = Terminal::of_stopped_machine(&system, "CMSUSER");
    terminal.store(CODE, program(0x191, 1).code());
    let list: Vec<u8> = [2u32, 8001, 0xffff_f000, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    terminal.store(LIST, &list);
    terminal.store(0x200, &[0; 24]);
    terminal.look();
    terminal.type_line(&format!("BEGIN {CODE:X}"));
    terminal.until("no program new PSW for addressing exception");
}
