//! PC machines that mean harm: images that lie, devices that are misused, interrupts without end. One machine stops, says why, and nobody else notices.

use console::wire::ConsoleState;
use tests::pc::{c_kernel, prepare, sector};
use tests::{System, Terminal, assert_line, assert_no_line, lab};

const DEVICES: &str = "  CONSOLE 0009 3215\n";

/// 16 bits: fninit; fnclex; int3 with a handler that returns; then exits with 0. Some hosts' KVM executes none of them.
const ODD: &[u8] = &[
    0xc7, 0x06, 0x0c, 0x00, 0x18, 0x7c, // mov word [3*4], 7c18
    0xc7, 0x06, 0x0e, 0x00, 0x00, 0x00, // mov word [3*4+2], 0
    0xdb, 0xe3, 0xdb, 0xe2, 0xcc, // fninit; fnclex; int3
    0x30, 0xc0, 0xe6, 0xf4, 0xeb, 0xfe, 0x90, // xor al, al; out f4, al; jmp $; nop
    0xcf, // 7c18: iret
];

/// Both kinds of processor for PC machines.
const PROCESSORS: [&str; 2] = ["soft", "kvm"];

/// Somebody else, at work.
fn works(system: &System) {
    assert_line(&system.session("CMSUSER", "identify\n"), "^CMSUSER  AT CP64");
}

#[test]
fn images_that_are_cut_or_lie_are_refused_or_stop_their_own_machine() {
    let hello = std::fs::read(lab("hello")).unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut image = hello.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        image
    };
    let c = c_kernel("hostile.c");
    // A multiboot header that names its own addresses: 64 KiB before storage ends, and more than there is.
    let header = |flags: u32, words: [u32; 5]| {
        let sum = 0x1bad_b002_u32.wrapping_add(flags).wrapping_neg();
        [0x1bad_b002, flags, sum].into_iter().chain(words).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    let mut linux = vec![0x90; 4096];
    linux[0x1f1] = 200;
    linux[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    linux[0x202..0x206].copy_from_slice(b"HdrS");
    linux[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
    let images: Vec<(&str, Vec<u8>)> = vec![
        ("CUT64", hello[..64].to_vec()),
        ("CUTDATA", hello[..0x4800].to_vec()),
        ("HEADERS", changed(32, &[0xff; 8])),
        ("MANY", changed(56, &[0xff; 2])),
        ("CUTC", c[..200].to_vec()),
        ("OUTSIDE", header(1 << 16, [0xffff_0000, 0xffff_0000, 0xffff_ffff, 0xffff_ffff, 0xffff_fff0])),
        ("UPSIDE", header(1 << 16, [0x10_0000, 0x20_0000, 0x10_0000, 0, 0x30_0000])),
        ("LINUX", linux),
    ];
    let named: Vec<(&str, &[u8])> = images.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let system = System::start();
    prepare(&system, DEVICES, &named);
    for (name, _) in images {
        let said = system.session("PCUSER", &format!("ipl {name}\n"));
        assert_line(&said, "^HCPIPL174E The image |^HCPGIR450W CP entered; ");
        assert_no_line(&said, "HCPMCP9151W");
    }
    works(&system);
}

#[test]
fn a_triple_fault_is_cp_mode_with_the_state_shown() {
    for processor in PROCESSORS {
        let system = System::start_with(&["--processor", processor]);
        // 32 bits, a flat image: nop; ud2, without an interrupt table.
        prepare(&system, DEVICES, &[("TRIPLE", &[0x90, 0x0f, 0x0b])]);
        let said = system.session("PCUSER", "ipl triple\ndisplay psw\nbegin\n");
        assert_line(&said, "^HCPGIR450W CP entered; triple fault, processor 0 at 0010:0000000000100001 CR0 [0-9A-F]{8} CR3 0$");
        assert_line(&said, "^PSW = [0-9A-F]{8} [0-9A-F]{8} 0000000000100001$");
        works(&system);
    }
}

#[test]
fn devices_refuse_what_is_outside_of_storage_and_queues_that_lead_into_themselves() {
    for processor in PROCESSORS {
        let system = System::start_with(&["--processor", processor]);
        prepare(&system, DEVICES, &[("HOSTILE", &c_kernel("hostile.c"))]);
        for (parm, times) in [("dma", 3), ("ring", 6)] {
            let said = system.session("PCUSER", &format!("ipl hostile parm {parm}\n"));
            assert_eq!(said.lines().filter(|line| *line == "refused").count(), times, "{processor} {parm}: {said}");
            assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 7$");
        }
        works(&system);
    }
}

#[test]
fn machines_that_reprogram_everything_or_are_interrupted_for_ever_keep_it_to_themselves() {
    for processor in PROCESSORS {
        let system = System::start_with(&["--processor", processor]);
        let user = |name: &str| format!("USER {name} AUTOONLY 8M 8M G\n  MACHINE PC 1\n{DEVICES}");
        let statements = format!("{DEVICES}{}{}", user("STORM"), user("NESTED"));
        prepare(&system, &statements, &[("HOSTILE", &c_kernel("hostile.c"))]);
        let mut endless: Vec<Terminal> = [("STORM", "interrupts"), ("NESTED", "failures")]
            .into_iter()
            .map(|(name, says)| {
                let mut terminal = Terminal::log_on_no_ipl(&system.socket(), name);
                terminal.until_cp_read();
                terminal.type_line(&format!("ipl hostile parm {}", name.to_lowercase()));
                terminal.until(&format!("^{says}$"));
                let before = system.processor_times()[name].0;
                system.wait_until_it_ran(name, before + 20_000);
                terminal
            })
            .collect();
        let mut wild = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
        wild.until_cp_read();
        wild.type_line("ipl hostile parm wild");
        wild.until("^HCPGIR450W CP entered; ");
        assert_no_line(&wild.shown(), "HCPMCP9151W");
        works(&system);
        for terminal in &mut endless {
            terminal.attention();
            terminal.until_told(ConsoleState::CpRead);
            terminal.type_line("display psw");
            terminal.until("^PSW = ");
            assert_no_line(&terminal.shown(), "HCPMCP9151W");
        }
    }
}

#[test]
fn what_kvm_cannot_execute_is_named_and_the_machine_goes_on() {
    let system = System::start();
    prepare(&system, DEVICES, &[("ODD", &sector(ODD))]);
    // The first machine has CP find out.
    system.session("PCUSER", "ipl odd\n");
    let interprets = system.cp_says("QUERY PROCESSORS").contains("KVM interprets");
    drop(system);
    let system = System::start_with(&["--processor", "kvm"]);
    prepare(&system, DEVICES, &[("ODD", &sector(ODD))]);
    let said = system.session("PCUSER", "ipl odd\n");
    assert_line(&said, "^HCPGIR450W CP entered; the guest ended with exit code 1$");
    let named = r"^HCPKVM9462I KVM cannot execute [A-Z0-9]+ \([0-9A-F]+\), processor 0 at 0000:0000000000007C[0-9A-F]{2} .*; it is executed in software\. --processor soft runs the whole machine there$";
    if interprets {
        assert_line(&said, named);
    } else {
        assert_no_line(&said, "HCPKVM9462I");
    }
}
