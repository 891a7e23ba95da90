use pc_platform::disk::{Disk, MemoryDisk};
use pc_platform::image::{self, Source};

use super::terminal::Shown;
use super::*;

const STORAGE_SIZE: u64 = 8 << 20;

/// A machine with an image loaded.
fn machine(image: &[u8], processors: usize, disks: Vec<Box<dyn Disk>>) -> Pc {
    let mut pc = Pc::new(Settings { storage: STORAGE_SIZE, processors, start_time: 0, disks, ports: Vec::new() });
    let source = Source { image, module: &[], command_line: "", storage: STORAGE_SIZE };
    pc.place(&image::load(&source).expect("an image"));
    pc
}

/// Code as a boot sector.
fn sector(code: &[u8]) -> Vec<u8> {
    let mut sector = code.to_vec();
    sector.resize(512, 0);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// Runs until it is no longer just busy.
fn until_it_stops(pc: &mut Pc) -> Turn {
    for _ in 0..1000 {
        match pc.run(100_000) {
            Turn::Ran => {}
            turn => return turn,
        }
    }
    panic!("it goes on and on: {}", pc.shown(0, "busy"));
}

fn shown(pc: &mut Pc) -> Vec<Shown> {
    pc.terminal.end_prompt();
    std::iter::from_fn(|| pc.terminal.next()).collect()
}

/// Prints the text at the end by INT 10, waits for a key by INT 16, prints it, and halts for good.
const READS_A_KEY: &[u8] = &[
    0xfc, 0xbe, 0x1c, 0x7c, // cld; mov si, text
    0xac, 0x84, 0xc0, 0x74, 0x06, // next: lodsb; test al, al; jz key
    0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf5, // mov ah, 0e; int 10; jmp next
    0x31, 0xc0, 0xcd, 0x16, // key: xor ax, ax; int 16
    0xb4, 0x0e, 0xcd, 0x10, // mov ah, 0e; int 10
    0xfa, 0xf4, 0xeb, 0xfc, 0x90, // cli; hlt; jmp; nop
    b'k', b'e', b'y', b'?', b' ', 0,
];

#[test]
fn a_boot_sector_prints_and_reads_a_key_by_the_services_of_a_bios() {
    let mut pc = machine(&sector(READS_A_KEY), 1, Vec::new());
    let Turn::Halted(Some(length)) = until_it_stops(&mut pc) else { panic!("it waits for a key") };
    assert_eq!(shown(&mut pc), [Shown::Prompt("key? ".to_string())]);
    assert!(length <= 54_926_000, "the BIOS's timer ticks on: {length}");
    for _ in 0..3 {
        pc.skip(length);
        assert!(matches!(until_it_stops(&mut pc), Turn::Halted(Some(_))), "a tick is no key");
    }
    assert!(pc.type_line("x"));
    assert!(matches!(until_it_stops(&mut pc), Turn::Ended(why) if why.starts_with("disabled wait, processor 0 at 0000:")));
    let screen = pc.devices.board.screen(&Reached(&pc.memory));
    assert_eq!((screen.text(0), screen.cursor), ("key? x".to_string(), Some((0, 6))));
}

#[test]
fn a_machine_at_a_prompt_waits_for_one_line_though_timers_wake_it() {
    let mut pc = machine(&sector(READS_A_KEY), 1, Vec::new());
    let Turn::Halted(length) = until_it_stops(&mut pc) else { panic!("it waits for a key") };
    let halt = Halt { since: std::time::Instant::now(), length };
    assert!(!pc.reads(), "no halt and no silence yet");
    pc.halted = Some(halt);
    assert!(pc.reads());
    pc.terminal.end_prompt();
    pc.resume(false);
    assert!(pc.reads(), "awake for a moment, at the same prompt");
    assert!(pc.type_line("x"));
    assert!(!pc.reads());
    until_it_stops(&mut pc);
    assert!(!pc.reads(), "it read the line and has written");
}

#[test]
fn a_line_that_is_a_key_of_a_terminal_is_that_key_for_the_bios() {
    // mov ah, 10; int 16; mov [500], ax; cli; hlt
    const STORES_A_KEY: &[u8] = &[0xb4, 0x10, 0xcd, 0x16, 0xa3, 0x00, 0x05, 0xfa, 0xf4];
    for (line, code) in
        [("^[[A", 0x48e0_u16), ("^[OP", 0x3b00), ("^[[4~", 0x4fe0), ("^[[1;5D", 0x73e0), ("^[", 0x011b), ("^C", 0x2e03), ("", 0x1c0d)]
    {
        let mut pc = machine(&sector(STORES_A_KEY), 1, Vec::new());
        assert!(matches!(until_it_stops(&mut pc), Turn::Halted(_)), "it waits for a key");
        assert!(pc.type_line(line));
        assert!(matches!(until_it_stops(&mut pc), Turn::Ended(_)), "{line}");
        let mut stored = [0; 2];
        pc.read(0x500, &mut stored).unwrap();
        assert_eq!(u16::from_le_bytes(stored), code, "{line}: {:04x}", u16::from_le_bytes(stored));
    }
}

/// 32 bits, flat: prints `A` on the serial line, and loads an interrupt table of nothing before it divides by zero.
const TRIPLE_FAULT: &[u8] = &[
    0x66, 0xba, 0xf8, 0x03, 0xb0, b'A', 0xee, // mov dx, 3f8; mov al, 'A'; out dx, al
    0x31, 0xc9, 0xf7, 0xf1, // xor ecx, ecx; div ecx
];

#[test]
fn a_triple_fault_ends_the_run_and_says_where() {
    let mut pc = machine(TRIPLE_FAULT, 1, Vec::new());
    let Turn::Ended(why) = until_it_stops(&mut pc) else { panic!("it cannot go on") };
    assert!(why.starts_with("triple fault, processor 0 at 0010:0000000000100009"), "{why}");
    assert_eq!(shown(&mut pc), [Shown::Prompt("A".to_string())]);
}

/// 32 bits: starts processor 1 by INIT and start-up at 8000, where it adds 1 to the word at 9000 and halts; waits for it; exits by F4.
const STARTS_ANOTHER: &[u8] = &[
    0xbb, 0x00, 0x03, 0xe0, 0xfe, // mov ebx, fee00300
    0xc7, 0x43, 0x10, 0x00, 0x00, 0x00, 0x01, // mov [ebx+10], 01000000
    0xc7, 0x03, 0x00, 0x45, 0x00, 0x00, // mov [ebx], 4500: INIT
    0xc7, 0x03, 0x08, 0x46, 0x00, 0x00, // mov [ebx], 4608: start-up at 8000
    0x83, 0x3d, 0x00, 0x90, 0x00, 0x00, 0x01, // wait: cmp dword [9000], 1
    0x75, 0xf7, // jne wait
    0xb0, 0x10, 0xe6, 0xf4, // mov al, 10; out f4, al
    0xf4, // hlt
];

#[test]
fn a_processor_starts_another_one_and_they_share_storage() {
    let mut pc = machine(STARTS_ANOTHER, 2, Vec::new());
    // 16 bits: inc byte [9000]; hlt. Its segments are 0 but for CS.
    pc.write(0x8000, &[0xfe, 0x06, 0x00, 0x90, 0xf4]).unwrap();
    assert_eq!(until_it_stops(&mut pc), Turn::Ended("the guest ended with exit code 33".to_string()));
    let one = machine(STARTS_ANOTHER, 1, Vec::new()).run(1_000_000);
    assert_eq!(one, Turn::Ran, "there is nobody to start");
}

/// 16 bits: reads sector 1 of the second disk by INT 13 to 8000 and prints its first byte on the serial line.
const READS_A_DISK: &[u8] = &[
    0xb8, 0x01, 0x02, 0xbb, 0x00, 0x80, // mov ax, 0201; mov bx, 8000
    0xb9, 0x02, 0x00, 0xba, 0x81, 0x00, // mov cx, 0002; mov dx, 0081
    0xcd, 0x13, 0x72, 0x07, // int 13; jc end
    0xa0, 0x00, 0x80, 0xba, 0xf8, 0x03, 0xee, // mov al, [8000]; mov dx, 3f8; out dx, al
    0xfa, 0xf4, // end: cli; hlt
];

#[test]
fn a_boot_sector_reads_another_disk() {
    let mut second = vec![0; 4096];
    second[512] = b'!';
    let disks: Vec<Box<dyn Disk>> = vec![Box::new(MemoryDisk::new(vec![0; 512])), Box::new(MemoryDisk::new(second))];
    let mut pc = machine(&sector(READS_A_DISK), 1, disks);
    assert!(matches!(until_it_stops(&mut pc), Turn::Ended(_)));
    assert_eq!(shown(&mut pc), [Shown::Prompt("!".to_string())]);
}

/// 16 bits: sets the timer to 100 Hz, counts ten of its interrupts in HLT, and switches off.
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

#[test]
fn halts_last_as_long_as_the_timer_says_and_runs_repeat_exactly() {
    let run = || {
        let mut pc = machine(&sector(TEN_TICKS), 1, Vec::new());
        let mut waited = 0;
        loop {
            match until_it_stops(&mut pc) {
                Turn::Halted(Some(length)) => {
                    waited += length;
                    pc.skip(length);
                }
                Turn::Ended(why) => return (waited, pc.now, why),
                other => panic!("{other:?}"),
            }
        }
    };
    let (waited, instructions, why) = run();
    assert_eq!(why, "the guest ended with exit code 1");
    assert!(waited.abs_diff(100_000_000) < 1_000_000, "ten times 10 ms: {waited}");
    assert_eq!(run(), (waited, instructions, why));
}

/// 32 bits: the local APIC's timer interrupts once after so many nanoseconds; interrupts are let in and it halts.
const ONE_SHOT: &[u8] = &[
    0xbb, 0x00, 0x03, 0xe0, 0xfe, // mov ebx, fee00300
    0xc7, 0x43, 0x20, 0x40, 0x00, 0x00, 0x00, // mov [ebx+20], 40: once, vector 40
    0xc7, 0x83, 0xe0, 0x00, 0x00, 0x00, 0x0b, 0x00, 0x00, 0x00, // mov [ebx+e0], 0b: not divided
    0xc7, 0x83, 0x80, 0x00, 0x00, 0x00, 0x10, 0x27, 0x00, 0x00, // mov [ebx+80], 10000
    0xfb, 0xf4, // sti; hlt
];

#[test]
fn what_came_due_while_a_machine_halted_ends_the_halt() {
    let mut pc = machine(ONE_SHOT, 1, Vec::new());
    let Turn::Halted(Some(length)) = until_it_stops(&mut pc) else { panic!("the timer is awaited") };
    // As on KVM, whose clock goes on between the halt and the look at the devices.
    pc.now += length.div_ceil(NANOSECONDS);
    assert_eq!(pc.idle(), Turn::Ran, "nothing else will ever wake it");
}

#[test]
fn instructions_before_a_halt_take_time() {
    // sti; 100 times nop; hlt
    let mut pc = machine(&[&[0xfb][..], &[0x90; 100], &[0xf4]].concat(), 1, Vec::new());
    assert_eq!(until_it_stops(&mut pc), Turn::Halted(None));
    assert_eq!((pc.now, pc.executed), (102, 102));
}

/// 16 bits: a timer that interrupts every 2 microseconds, as fast as it can, and a serial port that wants attention and never gets it.
const STORM: &[u8] = &[
    0xfa, 0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x02, 0xe6, 0x40, 0xb0, 0x00, 0xe6, 0x40, // cli; mode 2, count 2
    0xc7, 0x06, 0x20, 0x00, 0x37, 0x7c, 0xc7, 0x06, 0x22, 0x00, 0x00, 0x00, // mov word [8*4], 7c37; mov word [8*4+2], 0
    0xc7, 0x06, 0x30, 0x00, 0x37, 0x7c, 0xc7, 0x06, 0x32, 0x00, 0x00, 0x00, // the same for [12*4]
    0xb0, 0x00, 0xe6, 0x21, // every interrupt is let through
    0xba, 0xf9, 0x03, 0xb0, 0x02, 0xee, // the serial port interrupts when it can send
    0xfb, 0xf4, 0xeb, 0xfc, 0x90, 0x90, 0x90, 0x90, // sti; again: hlt; jmp
    0xb0, 0x20, 0xe6, 0x20, 0xcf, // 7c37: mov al, 20; out 20, al; iret
];

#[test]
fn interrupts_without_end_leave_whoever_runs_the_machine_its_turn() {
    let mut pc = machine(&sector(STORM), 1, Vec::new());
    let mut turns = 0;
    while pc.executed < 1_000_000 {
        turns += 1;
        assert!(turns < 1_000_000, "nothing is executed");
        match pc.run(10_000) {
            Turn::Ran => {}
            Turn::Halted(Some(length)) => pc.skip(length),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_typed_line_ends_a_halt_and_the_time_that_passed_is_the_hosts() {
    let mut pc = machine(&sector(READS_A_KEY), 1, Vec::new());
    let Turn::Halted(length) = until_it_stops(&mut pc) else { panic!("it waits for a key") };
    let before = pc.now;
    pc.halted = Some(Halt { since: std::time::Instant::now(), length });
    assert!(pc.reads());
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert!(pc.type_line("x"));
    let passed = (pc.now - before) * NANOSECONDS;
    assert!((5_000_000..=length.unwrap() + NANOSECONDS).contains(&passed), "{passed}");
    assert!(!pc.reads(), "the line is not read yet");
}

#[test]
fn a_reset_leaves_storage_and_nothing_else() {
    let mut pc = machine(&sector(READS_A_KEY), 1, Vec::new());
    until_it_stops(&mut pc);
    pc.reset();
    let mut bytes = [0; 4];
    pc.read(0x7c00, &mut bytes).unwrap();
    assert_eq!(bytes, READS_A_KEY[..4]);
    assert_eq!(pc.registers().1, 0xfff0);
    assert!(pc.read(STORAGE_SIZE - 2, &mut bytes).is_err());
}
