//! What an idle CMS user costs: CP's process and the kernel, at 10, 100 and 1000 users, beside a KVM VM for each guest.
//!
//! The kernel's part is what the whole host's kernel memory grows by, so other work on the host disturbs it; the process's part is exact.

#[path = "common/mod.rs"]
mod common;

use std::fs;

use common::{figure, log_on, many_files};
use cp_monitor::processor::baseline::{BareGuest, Ring};
use tests::{System, wait_for};

/// KVM VMs for the comparison.
const BARE_GUESTS: usize = 100;

/// KiB in lines of a file of /proc that begin with one of these words.
fn kib(path: &str, words: &[&str]) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let of = |line: &str| line.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0);
    text.lines().filter(|line| words.iter().any(|word| line.starts_with(word))).map(of).sum()
}

/// Memory of a process and of the host's kernel, in KiB.
#[derive(Clone, Copy)]
struct Used {
    process: f64,
    kernel: f64,
}

impl Used {
    fn now(pid: u32) -> Self {
        let process = kib(&format!("/proc/{pid}/status"), &["VmRSS:"]);
        Self {
            process,
            kernel: kib("/proc/meminfo", &["Slab:", "PageTables:", "KernelStack:", "SecPageTables:", "VmallocUsed:", "Percpu:"]),
        }
    }

    /// Per user, since then.
    fn each_since(self, before: Self, users: usize) -> Self {
        let each = |now: f64, then: f64| (now - then) / users as f64;
        Self { process: each(self.process, before.process), kernel: each(self.kernel, before.kernel) }
    }

    fn all(self) -> f64 {
        self.process + self.kernel
    }
}

fn bare_guests() -> Used {
    let pid = std::process::id();
    // The first one pays for what all share.
    let first = BareGuest::new(Ring::User).expect("KVM is usable");
    let before = Used::now(pid);
    let mut guests: Vec<_> = (0..BARE_GUESTS).map(|_| BareGuest::new(Ring::User).expect("KVM is usable")).collect();
    for guest in &mut guests {
        guest.port_exits(1).expect("it runs");
    }
    let each = Used::now(pid).each_since(before, guests.len());
    drop(first);
    each
}

fn main() {
    many_files();
    let bare = bare_guests();
    figure("bare_kvm_vm_process", bare.process, "KiB", None);
    figure("bare_kvm_vm_kernel", bare.kernel, "KiB", None);
    let baseline = Some(("bare_kvm_vm", bare.all()));

    let system = System::start();
    let users = system.add_users(1001);
    let frames = || system.cp_json("QUERY STORAGE")["data"]["in_use"].as_f64().expect("QUERY STORAGE counts frames");
    let mut terminals = vec![log_on(&system.socket(), &users[1000]).0];
    let (before, frames_before) = (Used::now(system.pid()), frames());
    for level in [10, 100, 1000] {
        for user in &users[terminals.len() - 1..level] {
            terminals.push(log_on(&system.socket(), user).0);
        }
        wait_for("the machines to be idle", || {
            let load = system.cp_json("INDICATE LOAD");
            (load["data"]["in_queue"].as_u64() == Some(0)).then_some(())
        });
        let each = Used::now(system.pid()).each_since(before, level);
        figure(&format!("idle_user_process_at_{level}"), each.process, "KiB", None);
        figure(&format!("idle_user_kernel_at_{level}"), each.kernel, "KiB", None);
        figure(&format!("idle_user_frames_at_{level}"), (frames() - frames_before) * 4.0 / level as f64, "KiB", None);
        figure(&format!("idle_user_at_{level}"), each.all(), "KiB", baseline);
        if level == 1000 {
            figure("user_kib", each.all(), "KiB", baseline);
        }
    }
}
