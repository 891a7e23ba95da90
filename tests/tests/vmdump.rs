//! VMDUMP, `cp64 dump`, and the gdb of the host with the core files that it writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::{System, Terminal, assert_line, assert_no_line, lab};

/// What gdb says to commands about a core file.
fn gdb(program: &Path, core: &Path, commands: &[&str]) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["-q", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", "set language c"]);
    gdb.arg("-ex").arg(format!("file {}", program.display())).arg("-ex").arg(format!("core-file {}", core.display()));
    for command in commands {
        gdb.args(["-ex", command]);
    }
    let output = gdb.output().expect("gdb is needed");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A terminal at a PC machine of so many processors, with the teaching kernels.
fn pc(processors: usize) -> (System, Terminal) {
    let system = System::start();
    let source = system.directory().join("user.direct");
    let user = format!("USER PCUSER AUTOONLY 16M 16M G\n  MACHINE PC {processors}\n  CONSOLE 0009 3215\n  SPOOL 000C 2540 READER A\n");
    fs::write(&source, fs::read_to_string(&source).unwrap() + &user).unwrap();
    system.cp("DIRECTXA").succeeded();
    fs::create_dir(system.directory().join("pc")).unwrap();
    for name in ["timer", "user"] {
        fs::copy(lab(name), system.directory().join("pc").join(name)).unwrap();
    }
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    terminal.until_cp_read();
    (system, terminal)
}

#[test]
fn a_pc_machine_is_dumped_while_it_runs_and_gdb_reads_the_core_file() {
    let (mut system, mut terminal) = pc(2);
    terminal.type_line("vmdump");
    terminal.until("HCPVMD163E The virtual machine has no system; use IPL first");
    terminal.until_cp_read();
    terminal.type_line("ipl timer");
    terminal.until("^1 s$");
    terminal.type_line("#cp vmdump *it ticks");
    terminal.until("^HCPVMD150I VMDUMP TO PCUSER COMPLETE: RDR FILE 0001, [0-9]+ KiB of storage$");
    terminal.until("^3 s$");
    let folder = tempfile::tempdir().unwrap();
    let core = folder.path().join("core");
    let timer = lab("timer");
    let (core_name, timer_name) = (core.to_str().unwrap(), timer.to_str().unwrap());
    let said = system.cp64(&["dump", "--user", "PCUSER", "--symbols", timer_name, "--core", core_name], b"").succeeded().output;
    assert_line(&said, "^PCUSER: a PC machine with TIMER, dumped 20[0-9-]+ [0-9:]+ UTC, FORMAT PC$");
    assert_line(&said, "^Storage 16384 KiB, in the dump 0-FFFFFF; processors 2$");
    assert_line(&said, "^\"it ticks\"$");
    assert_line(&said, "^CRG =  CR0 [0-9A-F]{16}   CR2 ");
    assert_line(&said, "^PSW = [0-9A-F]{8} 00000000001[0-9A-F]{5}  .*timer");
    let found = gdb(&timer, &core, &["info threads", "x/i $rip", "print *(unsigned long*)&timer::TICKS > 50", "print/x *(int*)0x2000000"]);
    assert_line(&found, r"^\* 1 +LWP 1 ");
    assert_line(&found, "^  2 +LWP 2 +0x000000000000fff0 in");
    assert_line(&found, "^=> 0x1[0-9a-f]+ <.*>:");
    assert_line(&found, r"^\$1 = 1$");
    assert_line(&found, "Cannot access memory at address 0x2000000");
    // The file is not replaced unasked; other ways to the same dump say the same.
    system.cp64(&["dump", "--user", "PCUSER", "--core", core_name], b"").failed(1);
    let archive = folder.path().join("archive");
    system.cp64(&["spool", "dump", archive.to_str().unwrap()], b"").succeeded();
    assert_eq!(system.cp64(&["dump", archive.to_str().unwrap(), "--symbols", timer_name], b"").succeeded().output, said);
    drop(terminal);
    system.shut_down();
    assert_eq!(system.cp64(&["dump", "--user", "PCUSER", "--spid", "1", "--symbols", timer_name], b"").succeeded().output, said);
    let refused = system.cp64(&["dump", "--user", "PCUSER", "--spid", "2"], b"").failed(1);
    assert_line(&refused.errors, "^cp64: There is no such dump$");
}

#[test]
fn a_dump_is_read_through_the_page_tables_that_are_in_it() {
    let (system, mut terminal) = pc(1);
    // The program of this kernel stores 42 into a page of its own, far from where that is in storage.
    terminal.type_line("trace store into 4000200000.8");
    terminal.until_cp_read();
    terminal.type_line("ipl user");
    terminal.until("STORE 0000004000200000$");
    terminal.until_cp_read();
    terminal.type_line("vmdump");
    terminal.until("VMDUMP TO PCUSER COMPLETE");
    let folder = tempfile::tempdir().unwrap();
    let core = folder.path().join("core");
    let said = system
        .cp64(&["dump", "--user", "PCUSER", "--range", "4000200000", "--code", "4000000000.10", "--core", core.to_str().unwrap()], b"");
    let said = said.succeeded().output;
    assert_line(&said, r"^4000200000  2A000000 00000000 00000000 00000000  \*\*");
    assert_line(&said, "^0000004000000000  ");
    let found = gdb(&lab("user"), &core, &["print *(long*)0x4000200000", "x/i $rip", "info registers cs", "print $_siginfo"]);
    assert_line(&found, r"^\$1 = 42$");
    assert_line(&found, "^=> 0x40000000[0-9a-f]+:");
    assert_line(&found, r"^cs +0x[0-9a-f]*[37b] ");
    // By storage addresses there is nothing so far up.
    let physical = system.cp64(&["dump", "--user", "PCUSER", "--physical", "--range", "4000200000"], b"").succeeded().output;
    assert_line(&physical, "^4000200000  not in the dump$");
}

#[test]
fn cms_dumps_itself_and_goes_on_and_what_is_no_dump_is_told() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("#cp store 300000 48 45 4C 4C 4F");
    terminal.until("STORE COMPLETE.");
    assert_line(&terminal.command("cp vmdump 200-3ff 300000.10 format mine to * *from CMS"), "VMDUMP TO CMSUSER COMPLETE: RDR FILE 0001, ");
    assert_line(&terminal.command("cp query reader"), "^CMSUSER  0001 V PUN 00000007 ");
    assert_line(
        &terminal.command("cp vmdump 0-ffffffffff"),
        "^HCPCDB160E Hexloc FFFFFFFFFF exceeds storage|^HCPCDB160E Hexloc [0-9A-F]+ exceeds storage",
    );
    assert_line(&terminal.command("cp vmdump to nobody"), "^HCP...053E ");
    let folder = tempfile::tempdir().unwrap();
    let core = folder.path().join("core");
    let said = system.cp64(&["dump", "--user", "CMSUSER", "--range", "300000", "--range", "400000", "--core", core.to_str().unwrap()], b"");
    let said = said.succeeded().output;
    assert_line(&said, "^CMSUSER: a CMS machine with CMS, dumped .*, FORMAT MINE$");
    assert_line(&said, ", in the dump 0-FFF 300000-300FFF; processors 1$");
    assert_line(&said, r"^00300000  48454C4C 4F000000 00000000 00000000  \*HELLO\.+\*$");
    assert_line(&said, "^00400000  not in the dump$");
    assert_no_line(&said, "^CRG");
    let found = gdb(Path::new("/bin/true"), &core, &["x/s 0x300000", "print/x $cs"]);
    assert_line(&found, "^0x300000:\\s+\"HELLO\"$");
    assert_line(&found, r"^\$1 = 0x33$");
    // All of it, with the pages that the saved system shares.
    assert_line(&terminal.command("cp vmdump"), "COMPLETE: RDR FILE 0002, [0-9]{3,} KiB");
    let garbage = folder.path().join("garbage");
    for (bytes, reason) in
        [(&b"CP64DUMPxxxx"[..], "The dump is not whole: it ends at byte 12"), (&[7; 500], "neither a dump of VMDUMP nor an archive")]
    {
        fs::write(&garbage, bytes).unwrap();
        let refused = system.cp64(&["dump", garbage.to_str().unwrap()], b"").failed(1);
        assert_line(&refused.errors, reason);
    }
}
