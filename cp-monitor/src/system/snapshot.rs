//! The system as displays see it: processor load and the operator screen's picture.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use console::wire::{ConsoleState, MachineView, ProcessorView, Snapshot, SpoolView, StorageView};

use super::Cp;
use crate::command::share_text;
use crate::directory::UserId;
use crate::users::User;

/// Weight of the newest second in the average that INDICATE LOAD shows.
const NEWEST: f64 = 0.3;

/// Processor load, sampled once a second.
#[derive(Default)]
pub struct Load {
    sampled: Option<Instant>,
    busy_ns: Vec<u64>,
    users_ns: HashMap<UserId, u64>,
    /// Percent of each real processor's time in machines, smoothed.
    pub processors: Vec<f64>,
    /// Percent of one real processor that each user used in the last interval.
    pub users: HashMap<UserId, f64>,
}

impl Load {
    /// Average over the real processors.
    pub fn average(&self) -> f64 {
        if self.processors.is_empty() { 0.0 } else { self.processors.iter().sum::<f64>() / self.processors.len() as f64 }
    }

    fn take(&mut self, now: Instant, busy_ns: Vec<u64>, users_ns: HashMap<UserId, u64>) {
        if let Some(before) = self.sampled {
            let interval = now.duration_since(before).as_nanos().max(1) as f64;
            let percent = |new: u64, old: u64| (new.saturating_sub(old) as f64 / interval * 100.0).min(100.0);
            self.processors.resize(busy_ns.len(), 0.0);
            for (number, smooth) in self.processors.iter_mut().enumerate() {
                let latest = percent(busy_ns[number], self.busy_ns.get(number).copied().unwrap_or(0));
                *smooth = *smooth * (1.0 - NEWEST) + latest * NEWEST;
            }
            self.users = users_ns.iter().map(|(id, &ns)| (*id, percent(ns, self.users_ns.get(id).copied().unwrap_or(ns)))).collect();
        }
        self.sampled = Some(now);
        self.busy_ns = busy_ns;
        self.users_ns = users_ns;
    }
}

impl Cp {
    /// Takes a sample of who used what.
    pub(super) fn sample_load(&self) {
        let busy = self.dispatcher.lanes().iter().map(|lane| lane.busy_ns.load(Ordering::Relaxed)).collect();
        let users = self.users.all().iter().map(|user| (user.id, user.usage.total_ns.load(Ordering::Relaxed))).collect();
        self.load.lock().take(Instant::now(), busy, users);
    }

    /// A read-only picture of the system.
    pub fn snapshot(&self) -> Snapshot {
        let load = self.load.lock();
        let totals = self.spool.totals().unwrap_or_default();
        let counts = self.storage.counts();
        Snapshot {
            system: self.config.system_id.clone(),
            release: crate::RELEASE.to_string(),
            time: self.clock.now().strftime("%H:%M:%S").to_string(),
            uptime_seconds: self.started.elapsed().as_secs(),
            machines: self.users.all().iter().map(|user| machine_view(user, load.users.get(&user.id).copied().unwrap_or(0.0))).collect(),
            processors: self.processor_views(&load),
            spool: SpoolView {
                reader: totals.files.reader,
                printer: totals.files.printer,
                punch: totals.files.punch,
                bytes: totals.on_disk,
            },
            storage: StorageView { frames: counts.total as u64, in_use: counts.in_use as u64, shared: counts.shared as u64 },
        }
    }

    fn processor_views(&self, load: &Load) -> Vec<ProcessorView> {
        let view = |(number, lane): (usize, &crate::dispatcher::Lane)| ProcessorView {
            number: number as u32,
            kind: lane.kind().to_string(),
            busy_percent: load.processors.get(number).copied().unwrap_or(0.0) as f32,
            running: lane.running().and_then(|id| self.dispatcher.name(id)).unwrap_or_default(),
        };
        self.dispatcher.lanes().iter().enumerate().map(view).collect()
    }
}

fn machine_view(user: &User, cpu_percent: f64) -> MachineView {
    // A machine that runs at this moment is not waited for: its state is what the console shows.
    let (system, resident_pages) = match user.machine.try_lock() {
        Some(machine) => {
            let seen = (machine.system().unwrap_or_default().to_string(), machine.space.resident_pages());
            *user.last_seen.lock() = seen.clone();
            seen
        }
        None => user.last_seen.lock().clone(),
    };
    let state = match user.console.state() {
        ConsoleState::Running => "RUNNING",
        ConsoleState::VmRead { .. } => "VM READ",
        ConsoleState::CpRead => "CP READ",
    };
    MachineView {
        userid: user.id.to_string(),
        state: state.to_string(),
        console: user.session.lock().line.to_string(),
        system,
        cpu_percent: cpu_percent as f32,
        virtual_us: user.usage.virtual_us(),
        total_us: user.usage.total_us(),
        storage: user.storage.load(Ordering::Relaxed),
        resident_pages,
        share: share_text(&user.entry.share),
        connect_seconds: user.logged_on.elapsed().as_secs(),
    }
}
