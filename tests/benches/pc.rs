//! PC machines: what an exit costs on KVM beside a bare one, what a hundred idle ones cost, and how soon xv6 and a small Linux are at their prompts beside QEMU's TCG.
//!
//! xv6 and Linux are not part of CP-64: `CP64_XV6=FOLDER` has `xv6.img` and `fs.img`, `CP64_LINUX=FOLDER` what `guests/linux/build` made. Without them the bench says so.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use common::figure;
use console::wire::ConsoleState;
use cp_monitor::processor::baseline::{BareGuest, Ring, create_vm_and_vcpu};
use tests::pc::{prepare, sector};
use tests::{System, Terminal};

/// Port writes that are measured.
const EXITS: u32 = 50_000;
/// Idle machines, and for how long they are looked at.
const IDLE: usize = 100;
const LOOK: Duration = Duration::from_secs(5);
/// How long QEMU is waited for.
const QEMU_PATIENCE: Duration = Duration::from_secs(90);

/// 16 bits: so many OUTs to port 80, then exit.
fn writes(count: u32) -> Vec<u8> {
    let mut code = vec![0x66, 0xb9];
    code.extend(count.to_le_bytes());
    // again: out 80, al; dec ecx; jnz again; mov al, 0; out f4, al; hlt
    code.extend([0xe6, 0x80, 0x66, 0x49, 0x75, 0xfa, 0xb0, 0x00, 0xe6, 0xf4, 0xf4]);
    sector(&code)
}

fn run(terminal: &mut Terminal, image: &str) -> Duration {
    let begun = Instant::now();
    terminal.type_line(&format!("ipl {image}"));
    terminal.until("the guest ended with exit code 1");
    let took = begun.elapsed();
    terminal.until_told(ConsoleState::CpRead);
    took
}

fn exits() {
    let system = System::start_with(&["--processor", "kvm"]);
    prepare(&system, "  CONSOLE 0009 3215\n", &[("few", &writes(1)), ("many", &writes(EXITS))]);
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "PCUSER");
    terminal.until_cp_read();
    run(&mut terminal, "few");
    let mut bare = BareGuest::new(Ring::Supervisor).expect("KVM is usable");
    let (few, bare) = (run(&mut terminal, "few"), bare.port_exits(EXITS).expect("it runs").as_secs_f64() * 1e6);
    let many = run(&mut terminal, "many").saturating_sub(few).as_secs_f64() * 1e6 / f64::from(EXITS);
    figure("pc_exit_us", many, "us", Some(("bare_exit", bare)));
    let vm = create_vm_and_vcpu(20).expect("KVM is usable").as_secs_f64() * 1e6;
    let mut times: Vec<_> = (0..20).map(|_| run(&mut terminal, "few").as_secs_f64() * 1e6).collect();
    times.sort_by(f64::total_cmp);
    figure("pc_ipl_to_end_us", times[10], "us", Some(("create_vm_and_vcpu", vm)));
}

/// Seconds of processor time that CP has had.
fn used(system: &System) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", system.pid())).expect("CP runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// Processor time that CP takes while it is looked at, in percent of one processor.
fn looked_at(system: &System) -> f64 {
    let (before, begun) = (used(system), Instant::now());
    thread::sleep(LOOK);
    (used(system) - before) / begun.elapsed().as_secs_f64() * 100.0
}

fn idle() {
    let system = System::start_with(&["--processor", "soft"]);
    figure("pc_none_percent", looked_at(&system), "%", None);
    // sti; again: hlt; jmp again. As a flat image nothing interrupts it; a boot sector has the BIOS's timer, 18 times a second.
    let code = [0xfb, 0xf4, 0xeb, 0xfd];
    prepare(&system, "  CONSOLE 0009 3215\n", &[("idle", &code), ("ticking", &sector(&code))]);
    let source = system.directory().join("user.direct");
    for image in ["IDLE", "TICKING"] {
        let users: String =
            (1..=IDLE).map(|number| format!("USER {}{number:03} AUTOONLY 8M 8M G\n  MACHINE PC 1\n  IPL {image}\n", &image[..4])).collect();
        fs::write(&source, fs::read_to_string(&source).unwrap() + &users).unwrap();
        system.cp("DIRECTXA").succeeded();
        (1..=IDLE).for_each(|number| drop(system.cp(&format!("XAUTOLOG {}{number:03}", &image[..4])).succeeded()));
        figure(&format!("pc_{}_{IDLE}_percent", image.to_lowercase()), looked_at(&system), "%", None);
        (1..=IDLE).for_each(|number| drop(system.cp(&format!("FORCE {}{number:03}", &image[..4]))));
    }
}

/// Seconds until QEMU, with one processor of TCG, has said that.
fn qemu(arguments: &[String], prompt: &str) -> Option<f64> {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg,thread=single", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot"]);
    let begun = Instant::now();
    let mut qemu = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut output = qemu.stdout.take()?;
    let (pieces, arrived) = channel();
    // It ends with QEMU's output.
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut piece) {
            if pieces.send(piece[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut said = Vec::new();
    let is_there = |said: &[u8]| said.windows(prompt.len()).any(|window| window == prompt.as_bytes());
    while !is_there(&said)
        && let Ok(piece) = arrived.recv_timeout(QEMU_PATIENCE.saturating_sub(begun.elapsed()))
    {
        said.extend(piece);
    }
    let took = begun.elapsed().as_secs_f64();
    let _ = (qemu.kill(), qemu.wait());
    is_there(&said).then_some(took)
}

/// IPLs and waits for the prompt: seconds, and millions of instructions up to there.
fn boot(system: &System, command: &str, prompt: &str) -> (f64, f64) {
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), "BOOTER");
    terminal.until_cp_read();
    let begun = Instant::now();
    terminal.type_line(command);
    terminal.until(prompt);
    let took = begun.elapsed().as_secs_f64();
    terminal.type_line("#cp query cpus");
    let line = terminal.until("INSTRUCTIONS [0-9]+, [0-9]+ AT");
    let count = line.split(", ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok()).expect("a count");
    terminal.type_line("#cp logoff");
    terminal.ending();
    (took, count / 1e6)
}

fn with_booter(storage: &str) -> System {
    let system = System::start_with(&["--processor", "soft"]);
    let user = format!(
        "  CONSOLE 0009 3215\nUSER BOOTER AUTOONLY {storage} {storage} G\n  MACHINE PC 1\n  CONSOLE 0009 3215\n  MDISK 0200 FB-512 1 10000 PCVOL1 MR\n  MDISK 0201 FB-512 10001 1000 PCVOL1 MR\n"
    );
    prepare(&system, &user, &[]);
    system
}

fn report(name: &str, (seconds, millions): (f64, f64), qemu: Option<f64>) {
    figure(&format!("{name}_prompt_s"), seconds, "s", qemu.map(|seconds| ("qemu_tcg", seconds)));
    figure(&format!("{name}_prompt_millions"), millions, "instructions", None);
}

fn xv6(folder: &Path) {
    let system = with_booter("256M");
    let image = |name: &str| folder.join(name).to_string_lossy().into_owned();
    for (vdev, name) in [("200", "xv6.img"), ("201", "fs.img")] {
        system.cp64(&["disk", "import", "BOOTER", vdev, &image(name), "--as", "raw"], b"").succeeded();
    }
    let booted = boot(&system, "ipl 200", "^\\$ ");
    let drive = |at: u8, name: &str| ["-drive".to_string(), format!("file={},index={at},media=disk,format=raw,snapshot=on", image(name))];
    let arguments: Vec<String> =
        drive(0, "xv6.img").into_iter().chain(drive(1, "fs.img")).chain(["-m".to_string(), "256".to_string()]).collect();
    report("xv6", booted, qemu(&arguments, "$ "));
}

fn linux(folder: &Path) {
    let system = with_booter("128M");
    let image = |name: &str| folder.join(name).to_string_lossy().into_owned();
    for name in ["linux", "linux.initrd"] {
        fs::copy(image(name), system.directory().join("pc").join(name)).expect("what guests/linux/build made");
    }
    let booted = boot(&system, "ipl linux parm console=ttyS0 reboot=k panic=-1", "^/ # ");
    let arguments = [
        "-M",
        "microvm",
        "-m",
        "128",
        "-kernel",
        &image("linux"),
        "-initrd",
        &image("linux.initrd"),
        "-append",
        "console=ttyS0 reboot=k panic=-1",
    ];
    report("linux", booted, qemu(&arguments.map(str::to_string), "/ # "));
}

fn main() {
    exits();
    idle();
    for (variable, measure) in [("CP64_XV6", xv6 as fn(&Path)), ("CP64_LINUX", linux)] {
        match std::env::var_os(variable) {
            Some(folder) => measure(Path::new(&folder)),
            None => println!("{variable} names no folder: not measured"),
        }
    }
}
