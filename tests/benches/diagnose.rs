//! One DIAGNOSE round trip, through the processor and CP's handler, beside a bare port exit of a KVM guest in the same ring.
//!
//! A machine of the running system executes a loop that is stored into it with CP's own STORE command. What CP adds is the difference
//! between its two counters, TOTCPU and VIRTCPU: the time outside the guest.

#[path = "common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{figure, median};
use cp_monitor::processor::baseline::{BareGuest, Caller, Ring};
use tests::{System, Terminal, wait_for};

/// DIAGNOSEs in one loop.
const CALLS: u32 = 10_000;
/// Turns that each kind takes.
const TURNS: usize = 9;
/// Where the loop is stored: storage that an idle CMS does not use.
const CODE: u64 = 0x180_0000;
/// The PSW that ends it.
const WAIT_PSW: u64 = CODE + 0x100;

/// `CALLS` times DIAGNOSE `code`, then a disabled wait.
fn program(code: u32) -> Vec<u8> {
    let mut bytes = vec![0xbb]; // mov ebx, CALLS
    bytes.extend(CALLS.to_le_bytes());
    bytes.push(0xb8); // mov eax, code
    bytes.extend(code.to_le_bytes());
    bytes.extend([0xe7, 0x83, 0xff, 0xcb, 0x75, 0xf5]); // out 0x83, eax; dec ebx; jnz to the mov
    bytes.push(0xb8); // mov eax, LOAD PSW
    bytes.extend(0x100_u32.to_le_bytes());
    bytes.push(0xbf); // mov edi, WAIT_PSW
    bytes.extend((WAIT_PSW as u32).to_le_bytes());
    bytes.extend([0xe7, 0x83]);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A machine in CP READ, out of a loop so that it waits for nothing.
fn machine(system: &System) -> Terminal {
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("abend loop");
    wait_for("the loop to run", || (times(system).0 > 1000.0).then_some(()));
    terminal.attention();
    terminal.until_cp_read();
    // Address, stack, flags and mask of the PSW: wait, enabled for nothing.
    let psw = [CODE.to_le_bytes(), CODE.to_le_bytes(), (1_u64 << 63).to_le_bytes()].concat();
    terminal.type_line(&format!("STORE {WAIT_PSW:X} {}", hex(&psw)));
    terminal.until("^STORE COMPLETE");
    terminal
}

/// Virtual and total processor time of the machine, in microseconds.
fn times(system: &System) -> (f64, f64) {
    let data = &system.cp_json("INDICATE USER CMSUSER")["data"];
    let of = |name: &str| data[name].as_f64().expect("INDICATE USER counts it");
    (of("virtual_us"), of("total_us"))
}

/// One loop of that DIAGNOSE: mean round trip, and CP's part of it.
fn turn(system: &System, terminal: &mut Terminal, code: u32) -> (Duration, Duration) {
    terminal.type_line(&format!("STORE {CODE:X} {}", hex(&program(code))));
    terminal.until("^STORE COMPLETE");
    let before = times(system);
    terminal.look();
    let start = Instant::now();
    terminal.type_line(&format!("BEGIN {CODE:X}"));
    terminal.until("disabled wait");
    let wall = start.elapsed();
    let after = times(system);
    let own = ((after.1 - before.1) - (after.0 - before.0)).max(0.0);
    (wall / CALLS, Duration::from_secs_f64(own / 1e6 / f64::from(CALLS)))
}

fn main() {
    let system = System::start_with(&["--processors", "1"]);
    let mut terminal = machine(&system);
    let mut bare_guest = BareGuest::new(Ring::User).expect("KVM is usable");
    let mut caller = Caller::new().expect("KVM is usable");
    let codes = [("diagnose_60", 0x60), ("diagnose_44", 0x44)];
    let (mut bare, mut run) = (Vec::new(), Vec::new());
    let mut trips = vec![Vec::new(); codes.len()];
    let mut own = vec![Vec::new(); codes.len()];
    for _ in 0..TURNS {
        bare.push(bare_guest.port_exits(CALLS).expect("it runs"));
        run.push(caller.diagnoses(CALLS).expect("it runs"));
        for (at, (_, code)) in codes.iter().enumerate() {
            let (trip, handling) = turn(&system, &mut terminal, *code);
            trips[at].push(trip);
            own[at].push(handling);
        }
    }
    let bare = median(bare);
    let baseline = Some(("bare_port_exit", bare));
    figure("bare_port_exit", bare, "us", None);
    figure("processor_run", median(run), "us", baseline);
    for (at, (name, _)) in codes.iter().enumerate() {
        figure(name, median(std::mem::take(&mut trips[at])), "us", baseline);
        figure(&format!("{name}_in_cp"), median(std::mem::take(&mut own[at])), "us", baseline);
    }
}
