//! LOGON + IPL CMS to Ready, with 10, 100 and 1000 users logged on and staying (10,000 with `--most 10000`), beside the bare cost of a KVM VM
//! with one vCPU on the same host. The two take turns, so that what else the host does falls on both.

#[path = "common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{figure, log_off, log_on, many_files, median};
use console::client::Connection;
use console::wire::{ClientFrame, Reply};
use cp_monitor::processor::baseline::{BareGuest, Ring, create_vm_and_vcpu};
use tests::System;

/// Logons measured at each level.
const ROUNDS: usize = 61;

/// Users who keep their terminals; a host does not let one process open many more. The others stay disconnected.
const TERMINALS: usize = 4000;

/// Leaves a machine to itself.
fn disconnect(mut terminal: Connection) -> Option<Connection> {
    terminal.send(&ClientFrame::Disconnect).expect("CP listens");
    while !matches!(terminal.receive(), Ok(Reply::Ended(_)) | Err(_)) {}
    None
}

/// A KVM guest of its own from nothing to its first exit: what a monitor with a VM for each user would pay at least.
fn boot_bare_guest() -> Duration {
    let start = Instant::now();
    let mut guest = BareGuest::new(Ring::User).expect("KVM is usable");
    guest.port_exits(1).expect("it runs");
    start.elapsed()
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let most = arguments.iter().position(|word| word == "--most").and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(1000);
    many_files();
    let system = System::start();
    let users = system.add_users(most + ROUNDS);
    let mut staying = Vec::new();
    for level in [10, 100, 1000, 10_000].into_iter().filter(|&level| level <= most) {
        while staying.len() < level {
            let terminal = log_on(&system.socket(), &users[staying.len()]).0;
            staying.push(if staying.len() < TERMINALS { Some(terminal) } else { disconnect(terminal) });
        }
        let (mut logons, mut bare, mut booted) = (Vec::new(), Vec::new(), Vec::new());
        for user in &users[most..most + ROUNDS] {
            bare.push(create_vm_and_vcpu(1).expect("KVM is usable"));
            booted.push(boot_bare_guest());
            let (connection, time): (_, Duration) = log_on(&system.socket(), user);
            logons.push(time);
            log_off(connection);
        }
        let bare = median(bare);
        figure(&format!("create_vm_and_vcpu_at_{level}_users"), bare, "us", None);
        figure(&format!("bare_guest_to_first_exit_at_{level}_users"), median(booted), "us", Some(("create_vm_and_vcpu", bare)));
        figure(&format!("logon_ipl_cms_at_{level}_users"), median(logons), "us", Some(("create_vm_and_vcpu", bare)));
    }
}
