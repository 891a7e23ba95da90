//! Programs for CMS, made with the host's compilers (gcc, and cargo for the Rust side) from the examples of `guests/sdk`, and run from the A-disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{System, assert_line, assert_no_line, sdk_example};

/// The software development kit.
fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/sdk")
}

fn run(command: &mut Command, needs: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{needs}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A C program as the header says how to compile it.
fn compiled(source: &Path, folder: &Path) -> Vec<u8> {
    let program = folder.join("program");
    let flags = "-Os -ffreestanding -fpie -fno-stack-protector -fcf-protection=none -nostdlib -static-pie -Wl,-e,cms_start -Wl,--build-id=none -Wl,-z,norelro";
    let mut gcc = Command::new("gcc");
    gcc.args(flags.split(' ')).arg("-I").arg(sdk().join("c")).arg(source).arg("-o").arg(&program);
    run(&mut gcc, "gcc is needed: apt-get install -y gcc");
    std::fs::read(program).expect("a program")
}

#[test]
fn programs_in_c_and_rust_run_from_the_a_disk_and_a_wild_pointer_ends_only_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let system = System::start();
    let hello = compiled(&sdk().join("examples/hello.c"), folder.path());
    system.disk_put("CMSUSER", "HELLO", "PROGRAM", &hello).succeeded();
    system.disk_put("CMSUSER", "GREET", "PROGRAM", &sdk_example("greet")).succeeded();
    system.disk_put("CMSUSER", "CALLS", "EXEC", b"/* */\n'GREET Exec'; say 'greet answers' rc\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    assert_no_line(&terminal.command("genmod hello"), "DMS");
    assert_no_line(&terminal.command("genmod greet"), "DMS");

    let shown = terminal.command("hello CMS user");
    assert_line(&shown, "^Hello, CMS user$");
    assert_line(&shown, "^IMPCP    = ON$");
    assert_line(&shown, r"^Ready\(00008\);");
    assert_line(&terminal.command("hello"), "^Hello, nobody$");
    let shown = terminal.command("greet Ann Ben");
    assert_line(&shown, "^Hello, Ben!$");
    assert_line(&shown, "^STATE says 28$");
    assert_line(&shown, r"^Ready\(00002\);");
    assert_line(&terminal.command("calls"), "^greet answers 1$");
    terminal.type_line("greet ?");
    terminal.until("^Your name[?]$");
    terminal.type_line("Somebody");
    assert_line(&terminal.ready(), "^Hello, Somebody!$");
    // As a nucleus extension and by START.
    terminal.command("nucxload hi hello");
    assert_line(&terminal.command("nucxmap"), "^HI +[0-9A-F]{16} ");
    terminal.command("loadmod greet");
    assert_line(&terminal.command("start * Again"), "^Hello, Again!$");

    let shown = terminal.command("greet WILD");
    assert_line(&shown, "^DMSITP141T Addressing exception occurred at [0-9A-F]{16} in routine GREET$");
    assert_line(&shown, "^PSW [0-9A-F]{16} STACK ");
    assert_line(&shown, "^GRG 14 =  R14 ");
    assert_line(&shown, r"^Ready\(00197\);");
    assert_line(&terminal.command("debug gpr"), "^GRG  0 =  RAX ");
    assert_line(&terminal.command("debug x 10000 10"), r"^000000010000  [0-9A-F ]{35}  \*");
    assert_line(&terminal.command("greet Back"), "^Hello, Back!$");
}

#[test]
fn a_module_of_garbage_and_a_program_that_loops_leave_cms_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("loop.c");
    std::fs::write(
        &source,
        "#include \"cms.h\"\nint cms_start(const struct cms *cms, const char *arguments, size_t length)\n{\n    cms_say(cms, \"looping\");\n    for (;;)\n        __asm__ volatile(\"\");\n}\n",
    )
    .expect("a source");
    let system = System::start();
    system.disk_put("CMSUSER", "LOOP", "PROGRAM", &compiled(&source, folder.path())).succeeded();
    system.disk_put("CMSUSER", "JUNK", "MODULE", &[0xff; 5000]).succeeded();
    // A module whose code is no code.
    let mut wrong = b"CMSMODUL".to_vec();
    for number in [1_u32, 0, 4096, 4096, 0] {
        wrong.extend_from_slice(&number.to_le_bytes());
    }
    wrong.resize(28 + 4096, 0x0f);
    system.disk_put("CMSUSER", "WRONG", "MODULE", &wrong).succeeded();
    let mut terminal = system.log_on("CMSUSER");
    assert_line(&terminal.command("junk"), "^DMSMOD116E File JUNK MODULE A1 is no module that GENMOD has made$");
    assert_line(&terminal.command("wrong"), "^DMSITP141T Operation exception occurred at [0-9A-F]{16} in routine WRONG$");
    terminal.command("genmod loop");
    terminal.type_line("loop");
    terminal.until("^looping$");
    terminal.type_line("hx");
    assert_line(&terminal.ready(), "^DMSABE222I LOOP halted by HX$");
    assert_line(&terminal.command("query impcp"), "^IMPCP    = ON$");
}
