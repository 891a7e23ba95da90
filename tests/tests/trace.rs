//! TRACE, ADSTOP and DISPLAY I, in PC machines and in CMS machines.

use std::fs;

use tests::{System, Terminal, assert_line, assert_no_line, lab};

/// A terminal at a PC machine with the teaching kernels, nothing loaded.
fn pc() -> (System, Terminal) {
    pc_of(System::start())
}

fn pc_of(system: System) -> (System, Terminal) {
    let source = system.directory().join("user.direct");
    let user = "USER PCUSER AUTOONLY 16M 16M G\n  MACHINE PC 1\n  CONSOLE 0009 3215\n  SPOOL 000E 1403 A\n";
    fs::write(&source, fs::read_to_string(&source).unwrap() + user).unwrap();
    system.cp("DIRECTXA").succeeded();
    fs::create_dir(system.directory().join("pc")).unwrap();
    for name in ["hello", "timer", "user"] {
        fs::copy(lab(name), system.directory().join("pc").join(name)).unwrap();
    }
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    terminal.until_cp_read();
    (system, terminal)
}

/// Types a CP command in CP READ.
fn cp(terminal: &mut Terminal, command: &str) {
    terminal.until_cp_read();
    terminal.type_line(command);
}

/// Types a CP command, whatever the machine does.
fn cp_anywhere(terminal: &mut Terminal, command: &str) {
    terminal.type_line(&format!("#cp {command}"));
}

#[test]
fn a_pc_machine_is_followed_instruction_by_instruction_and_stopped_at_an_address() {
    followed_and_stopped(System::start());
}

#[test]
fn a_pc_machine_on_kvm_is_followed_and_stopped_just_so() {
    followed_and_stopped(System::start_with(&["--processor", "kvm"]));
}

fn followed_and_stopped(system: System) {
    let (_system, mut terminal) = pc_of(system);
    cp(&mut terminal, "trace i");
    cp(&mut terminal, "ipl timer");
    terminal.until(r"^-> 0000000000100000  cld +FC$");
    cp(&mut terminal, "begin");
    terminal.until(r"^-> 0000000000100001  mov esp,[0-9A-F]+h +BC[0-9A-F]{8}$");
    cp(&mut terminal, "query trace");
    terminal.until("^1        INSTRUCT NORUN$");
    cp(&mut terminal, "display i100000");
    terminal.until(r"^0000000000100000  cld +FC$");
    cp(&mut terminal, "trace end");
    terminal.until("^Trace ended$");
    // Exceptions and interrupts, without stopping; the machine does what it does otherwise.
    cp(&mut terminal, "trace id faults prog run");
    cp(&mut terminal, "trace id ticks external run skip 1 pass 98");
    cp(&mut terminal, "begin");
    terminal.until(r"^\*\*\* 0000000000[0-9A-F]{6}  PROG 06 -> 0000000000[0-9A-F]{6}'$");
    terminal.until("^exception 6: go on behind the instruction$");
    terminal.until(r"^\*\*\* 0000000000[0-9A-F]{6}  EXT 20 -> 0000000000[0-9A-F]{6}'$");
    terminal.until("^3 s$");
    terminal.until("HCPGIR450W CP entered; the guest switched the machine off");
    cp(&mut terminal, "trace end all");
    terminal.until("^Trace ended$");
    // At full speed to an address, once.
    cp(&mut terminal, "adstop 100001");
    cp(&mut terminal, "ipl timer");
    terminal.until("^ADSTOP AT 100001$");
    cp(&mut terminal, "display psw");
    terminal.until("^PSW = [0-9A-F]{8} [0-9A-F]{8} 0000000000100001$");
    cp(&mut terminal, "begin");
    terminal.until("^1 s$");
    assert_no_line(&terminal.shown(), "HCPMCP9151W");
}

#[test]
fn ports_calls_branches_and_stores_are_shown_and_commands_follow() {
    shown_and_commands_follow(System::start());
}

#[test]
fn on_kvm_ports_calls_branches_and_stores_are_shown_just_so() {
    shown_and_commands_follow(System::start_with(&["--processor", "kvm"]));
}

fn shown_and_commands_follow(system: System) {
    let (_system, mut terminal) = pc_of(system);
    cp(&mut terminal, "trace io cmd display g2");
    cp(&mut terminal, "ipl hello");
    terminal.until(r"^-> [0-9A-F]{16}  in al,dx +EC  IN 03FD [0-9A-F]{2}$");
    terminal.until("^GRG  2 =  RDX +00000000000003FD");
    cp(&mut terminal, "trace end");
    cp(&mut terminal, "trace svc run");
    cp(&mut terminal, "trace branch into 100000.1000 run skip 10 pass 1000000");
    // The program stores 42 into a page of its own.
    cp(&mut terminal, "trace store into 4000200000.8");
    cp(&mut terminal, "ipl user");
    terminal.until(r"^-> [0-9A-F]{16}  .* -> 0000000000100[0-9A-F]{3}'");
    terminal.until(r"^-> 00000040000000[0-9A-F]{2}  int 80h +CD80  -> [0-9A-F]{16}'$");
    terminal.until(r"^-> 00000040000000[0-9A-F]{2}  mov qword ptr \[rbx\],2Ah +48C7032A000000  STORE 0000004000200000$");
    // With what is left it is in software on: KVM of some hosts has other exceptions for CLI in ring 3.
    cp(&mut terminal, "trace delete 3");
    cp(&mut terminal, "begin");
    terminal.until("^the program says: 42$");
    terminal.until("HCPGIR450W CP entered; the guest switched the machine off");
    cp(&mut terminal, "trace end");
    cp(&mut terminal, "trace end x");
    terminal.until("^HCPTRC1015E Trace X does not exist$");
    cp(&mut terminal, "trace store");
    terminal.until("^HCPCFC026E ");
}

#[test]
fn several_traces_count_and_print_and_end_one_by_one() {
    for processor in ["auto", "kvm"] {
        let (system, mut terminal) = pc_of(System::start_with(&["--processor", processor]));
        // To the page fault of a program in ring 3, which happens once.
        for command in ["trace id all count", "trace id few count range 100000-100001", "trace id faults prog printer norun", "ipl user"] {
            cp(&mut terminal, command);
        }
        terminal.until("^the program says: a program in ring 3$");
        cp(&mut terminal, "trace query");
        terminal.until(r"^ALL      COUNT     [0-9]{3,} INSTRUCTIONS$");
        terminal.until("^FEW      COUNT    100000-100001  2 INSTRUCTIONS$");
        terminal.until("^FAULTS   PROG     NORUN PRINTER$");
        cp(&mut terminal, "trace delete few");
        terminal.until("^FEW      COUNT    100000-100001  2 INSTRUCTIONS$");
        terminal.until("^Trace ended$");
        cp(&mut terminal, "trace delete few");
        terminal.until("^HCPTRC1015E Trace FEW does not exist$");
        cp(&mut terminal, "trace delete");
        terminal.until("^HCPCFC026E ");
        cp(&mut terminal, "trace end all");
        terminal.until(r"^ALL      COUNT     [0-9]{3,} INSTRUCTIONS$");
        terminal.until("^Trace ended$");
        cp(&mut terminal, "close printer");
        cp(&mut terminal, "query printer all");
        terminal.until("^PCUSER +[0-9]{4} A PRT 00000001 ");
        drop(terminal);
        drop(system);
    }
}

#[test]
fn registers_of_every_kind_are_shown_and_stored() {
    let (_system, mut terminal) = pc();
    cp(&mut terminal, "trace i");
    cp(&mut terminal, "ipl timer");
    terminal.until("^-> 0000000000100000  cld");
    cp(&mut terminal, "display x ar msr");
    terminal.until("^CRG =  CR0 0000000000000011   CR2 0000000000000000$");
    terminal.until("^ARG =  CS   [0-9A-F]{4}  BASE 0000000000000000  LIMIT FFFFFFFF  ATTR [0-9A-F]{4}$");
    terminal.until("^ARG =  GDTR       BASE [0-9A-F]{16}  LIMIT [0-9A-F]{4}$");
    terminal.until("^MSR =  EFER 0000000000000000   STAR 0000000000000000$");
    for (command, shown, line) in [
        ("store x4 20", "display x", "CR4 0000000000000020$"),
        ("store msr lstar ffffffff80000000", "display msr", "LSTAR FFFFFFFF80000000"),
        ("store ar gs 10 5000 ffffffff c093", "display ar", "^ARG =  GS   0010  BASE 0000000000005000  LIMIT FFFFFFFF  ATTR C093$"),
        ("store idtr 6000 fff", "display ar", "^ARG =  IDTR       BASE 0000000000006000  LIMIT 0FFF$"),
        ("store y0 4000c90fdaa22168c235", "display y0", "^FRG  0 =  4000 C90FDAA22168C235$"),
        ("store vF 1", "display vE-F", "^VRG 15 =  0000000000000000 0000000000000001$"),
        ("store g3 1234", "display g3", "^GRG  3 =  RBX 0000000000001234$"),
    ] {
        cp(&mut terminal, command);
        terminal.until("^STORE COMPLETE.$");
        cp(&mut terminal, shown);
        terminal.until(line);
    }
    cp(&mut terminal, "store x0 80000000");
    terminal.until("^HCPCDB005E Invalid hexdata - 80000000; paging needs protected mode$");
    // A CMS machine has its own vector registers, whatever runs it, and CP's system registers.
    for processor in ["auto", "soft"] {
        let system = System::start_with(&["--processor", processor]);
        system.cp64(&["punch", lab("diagnose").to_str().unwrap(), "--to", "CMSUSER"], b"").succeeded();
        let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "CMSUSER");
        cp(&mut terminal, "trace i");
        cp(&mut terminal, "ipl 00c");
        terminal.until(r"lea rsp");
        cp(&mut terminal, "store v5 123456789abcdef0 0fedcba987654321");
        terminal.until("^STORE COMPLETE.$");
        // Over an instruction, and so through the processor and back.
        cp(&mut terminal, "begin");
        terminal.until("  call ");
        cp(&mut terminal, "display v5");
        terminal.until("^VRG  5 =  123456789ABCDEF0 0FEDCBA987654321$");
        cp(&mut terminal, "store x0 11");
        terminal.until("^HCPCDB006E X0 of a CMS machine is CP's$");
    }
}

#[test]
fn a_cms_machine_is_followed_on_both_kinds_of_processor() {
    for processor in ["auto", "soft"] {
        let system = System::start_with(&["--processor", processor]);
        system.cp64(&["punch", lab("diagnose").to_str().unwrap(), "--to", "CMSUSER"], b"").succeeded();
        let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "CMSUSER");
        cp(&mut terminal, "trace i");
        cp(&mut terminal, "ipl 00c");
        let shown = terminal.until(r"^-> [0-9A-F]{16}  lea rsp,\[[0-9A-F]+h\] +488D25[0-9A-F]{8}$");
        let first = shown.lines().rev().find_map(|line| line.strip_prefix("-> ")).unwrap();
        // The call behind it.
        let start = format!("{:X}", u64::from_str_radix(&first[..16], 16).unwrap() + 7);
        cp(&mut terminal, "begin");
        terminal.until(r"^-> [0-9A-F]{16}  call [0-9A-F]{16}h .* -> [0-9A-F]{16}'$");
        cp(&mut terminal, "trace end");
        cp(&mut terminal, "trace io run");
        cp(&mut terminal, "begin");
        terminal.until(r"^-> [0-9A-F]{16}  out 83h,eax +E783  DIAG 108$");
        terminal.until("^Hello from ring 3");
        terminal.until(r"DIAG 10C$");
        terminal.type_line("#cp trace end");
        terminal.until("^Trace ended$");
        terminal.type_line("query userid");
        terminal.until("^CP has done it.$");
        // What is traced to the printer lets the machine run, and is a spool file when the printer is closed.
        cp(&mut terminal, "trace i printer");
        cp(&mut terminal, "trace id ports io both run");
        cp(&mut terminal, "query trace");
        terminal.until("^1        INSTRUCT RUN PRINTER$");
        cp(&mut terminal, "ipl 00c");
        terminal.until("^Hello from ring 3");
        terminal.until("DIAG 10C$");
        terminal.type_line("#cp trace end");
        terminal.until("^Trace ended$");
        terminal.type_line("#cp close printer");
        terminal.type_line("#cp query printer all");
        let listed = terminal.until("^CMSUSER +[0-9]{4} A PRT [0-9]{8} ");
        let records: u64 = listed.lines().rev().find_map(|line| line.split(" A PRT ").nth(1)).unwrap()[..8].parse().unwrap();
        assert!(records > 10, "every instruction to the first read: {records}");
        // At an address that it comes to once, and goes on from.
        cp_anywhere(&mut terminal, &format!("adstop {start}"));
        cp_anywhere(&mut terminal, "ipl 00c");
        terminal.until(&format!("^ADSTOP AT {start}$"));
        cp(&mut terminal, "begin");
        terminal.until("^Hello from ring 3");
        // CMS itself runs under a trace as without one.
        cp_anywhere(&mut terminal, "trace prog run");
        cp_anywhere(&mut terminal, "ipl cms parm autocr");
        terminal.ready();
        assert_line(&terminal.command("identify"), "^CMSUSER  AT CP64");
        assert_no_line(&terminal.shown(), "HCPMCP9151W");
    }
}
