//! The system as displays see it: processor load and the operator screen's picture.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use console::picture::{Figure, Row, tell};
use console::wire::{
    ConsoleState, DeviceView, FileView, MachineDetail, MachineView, Order, ProcessorView, Snapshot, SpoolView, StorageView, TREND_MAX,
    TREND_SECONDS, Window,
};
use spool::{FileInfo, Queue, Selection};

use super::Cp;
use crate::command::{device_lines, share_text};
use crate::dispatcher::policy::admission::Capacity;
use crate::paging;
use crate::real_devices::settings::form_name;
use crate::users::User;
use crate::users::eyes::Kind;
use crate::users::trend::Intervals;

/// Weight of the newest second in the averages that INDICATE LOAD shows.
const NEWEST: f64 = 0.3;
/// Most spool files among which the newest are looked for: a screen asks twice a second.
const FILES_MAX: u64 = 5000;
/// Most console lines that are told of a machine.
const LINES_MAX: usize = 100;
/// Shortest time over which a user's percentage is worked out: screens that ask more often get the same again.
const USERS_INTERVAL: Duration = Duration::from_millis(400);

/// Processor load, sampled once a second. Only real processors are: nobody walks the users unless a screen asks for them.
#[derive(Default)]
pub struct Load {
    sampled: Option<Instant>,
    lanes: Vec<LaneTimes>,
    /// Percent of each real processor's time in machines, smoothed.
    pub processors: Vec<f64>,
    /// Percent of each real processor's time that the host took from its machines, smoothed.
    pub stolen: Vec<f64>,
    /// Percent of each real processor's time in machines over the last intervals, the oldest first.
    history: Vec<VecDeque<f32>>,
    /// What the processors' counters were when the last interval began.
    interval: Option<(Instant, Vec<u64>)>,
}

/// When the users were last looked at, and when figures of their histories are due.
#[derive(Default)]
pub(super) struct Watched {
    at: Option<Instant>,
    trends: Intervals,
}

/// What one processor's counters were at a sample, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct LaneTimes {
    busy: u64,
    stolen: u64,
}

/// The average of some percentages; of none it is zero (and not the negative zero that an empty sum is).
fn average(percentages: &[f64]) -> f64 {
    percentages.iter().fold(0.0, |sum, percent| sum + percent) / percentages.len().max(1) as f64
}

impl Load {
    /// Average load over the real processors.
    pub fn average(&self) -> f64 {
        average(&self.processors)
    }

    /// Average over the real processors of what the host took.
    pub fn average_stolen(&self) -> f64 {
        average(&self.stolen)
    }

    fn take(&mut self, now: Instant, lanes: Vec<LaneTimes>) {
        if let Some(before) = self.sampled {
            let interval = now.duration_since(before).as_nanos().max(1) as f64;
            let smooth = |smooth: &mut f64, new: u64, old: u64| {
                let latest = (new.saturating_sub(old) as f64 / interval * 100.0).min(100.0);
                *smooth = *smooth * (1.0 - NEWEST) + latest * NEWEST;
            };
            self.processors.resize(lanes.len(), 0.0);
            self.stolen.resize(lanes.len(), 0.0);
            for (number, new) in lanes.iter().enumerate() {
                let old = self.lanes.get(number).copied().unwrap_or_default();
                smooth(&mut self.processors[number], new.busy, old.busy);
                smooth(&mut self.stolen[number], new.stolen, old.stolen);
            }
        }
        self.sampled = Some(now);
        self.keep(now, &lanes);
        self.lanes = lanes;
    }

    /// Keeps a figure of each interval that is over, whoever looks.
    fn keep(&mut self, now: Instant, lanes: &[LaneTimes]) {
        let busy = || lanes.iter().map(|lane| lane.busy).collect::<Vec<_>>();
        let Some((begun, before)) = &self.interval else {
            self.interval = Some((now, busy()));
            return;
        };
        let elapsed = now.duration_since(*begun);
        // Samples come a second apart, and seldom to the millisecond.
        if elapsed + Duration::from_millis(100) < Duration::from_secs(TREND_SECONDS) {
            return;
        }
        self.history.resize(lanes.len(), VecDeque::new());
        for (number, history) in self.history.iter_mut().enumerate() {
            let used = lanes[number].busy.saturating_sub(before.get(number).copied().unwrap_or(0));
            if history.len() == TREND_MAX {
                history.pop_front();
            }
            history.push_back((used as f64 / elapsed.as_nanos().max(1) as f64 * 100.0).min(100.0) as f32);
        }
        self.interval = Some((now, busy()));
    }

    fn trend(&self, number: usize) -> Vec<f32> {
        self.history.get(number).map(|history| history.iter().copied().collect()).unwrap_or_default()
    }
}

impl Cp {
    /// Takes a sample of what the real processors did.
    pub(super) fn sample_load(&self) {
        let times = |lane: &crate::dispatcher::Lane| LaneTimes {
            busy: lane.busy_ns.load(Ordering::Relaxed),
            stolen: lane.stolen_ns.load(Ordering::Relaxed),
        };
        let lanes = self.dispatcher.lanes().iter().map(times).collect();
        self.load.lock().take(Instant::now(), lanes);
        self.pager.take_sample(Instant::now());
        // Who may enter the dispatch list matters from when CP pages out.
        let space = self.storage.paging_figures();
        let short = space.slots > 0 && space.available < space.high;
        let capacity = Capacity { pages: short.then_some(space.frames as u64), loading: paging::PAGE_IN_THREADS as u64 };
        self.dispatcher.with_policy(|policy, _| policy.set_capacity(capacity));
    }

    /// Works out what each user used of one processor since this was done last.
    fn sample_users(&self, users: &[Arc<User>]) {
        let mut watched = self.watched.lock();
        let interval = watched.at.map_or(self.started.elapsed(), |at| at.elapsed());
        if watched.at.is_some() && interval < USERS_INTERVAL {
            return;
        }
        watched.at = Some(Instant::now());
        let due = watched.trends.look(self.started.elapsed());
        for user in users {
            // A user who came meanwhile had only the time since.
            user.usage.sample(interval.min(user.logged_on.elapsed()));
            if let Some(due) = due {
                user.usage.trend.lock().take(user.usage.total_us(), due);
            }
        }
    }

    /// A read-only picture of the system, with the machines of the window. Of the others, however many they are, only what they are
    /// ordered and filtered by is looked at.
    pub fn snapshot(&self, window: &Window) -> Snapshot {
        let users = self.users.all();
        self.sample_users(&users);
        let totals = self.spool.totals().unwrap_or_default();
        let counts = self.storage.counts();
        let now = self.clock.now();
        let mut snapshot = Snapshot {
            system: self.config.system_id.clone(),
            release: crate::RELEASE.to_string(),
            time: now.strftime("%H:%M:%S").to_string(),
            now: now.timestamp().as_second().max(0).unsigned_abs(),
            utc_offset: now.offset().seconds(),
            uptime_seconds: self.started.elapsed().as_secs(),
            processors: self.processor_views(&self.load.lock()),
            spool: SpoolView {
                reader: totals.files.reader,
                printer: totals.files.printer,
                punch: totals.files.punch,
                bytes: totals.on_disk,
                files: if totals.files.all() <= FILES_MAX { self.file_views(window.files as usize) } else { Vec::new() },
            },
            devices: self.device_views(),
            storage: StorageView { frames: counts.total as u64, in_use: counts.in_use as u64, shared: counts.shared as u64 },
            ..Snapshot::default()
        };
        if let Some(user) = window.about.as_ref().and_then(|userid| self.users.get(&userid.parse().ok()?)) {
            snapshot.detail = machine_detail(&user, (window.lines as usize).min(LINES_MAX));
        }
        tell(&mut snapshot, &users, window, |user| machine_view(user, window.trend as usize));
        snapshot
    }

    /// The newest spool files of all users.
    fn file_views(&self, most: usize) -> Vec<FileView> {
        if most == 0 {
            return Vec::new();
        }
        let mut files = self.spool.list(&Selection::default()).unwrap_or_default();
        files.sort_by_key(|file| std::cmp::Reverse((file.created, file.serial)));
        let view = |file: &FileInfo| FileView {
            owner: file.owner.to_string(),
            spid: file.spid.to_string(),
            queue: file.queue.abbreviation().to_string(),
            class: file.attributes.class.as_char(),
            records: file.records,
            copies: file.attributes.copies.number().into(),
            hold: file.attributes.hold.abbreviation().to_string(),
            name: format!("{} {}", file.attributes.name.name(), file.attributes.name.file_type()).trim_end().to_string(),
            origin: file.origin.to_string(),
            created: file.created,
        };
        files.iter().take(most).map(view).collect()
    }

    /// In the order of QUERY UR: readers, punches, printers.
    fn device_views(&self) -> Vec<DeviceView> {
        let readers = self.real_devices.readers().into_iter().map(|reader| DeviceView {
            number: reader.number.to_string(),
            kind: "RDR".to_string(),
            state: reader.state().to_string(),
            stopped: reader.stopped.unwrap_or_default(),
            ..DeviceView::default()
        });
        let mut outputs = self.real_devices.devices();
        outputs.sort_by_key(|device| device.queue != Queue::Punch);
        let outputs = outputs.into_iter().map(|device| DeviceView {
            number: device.number.to_string(),
            kind: device.queue.abbreviation().to_string(),
            state: device.state().to_string(),
            classes: device.taking.classes.to_string(),
            form: form_name(device.taking.form).to_string(),
            file: device.active.as_ref().map(|file| format!("{} {}", file.owner, file.spid)).unwrap_or_default(),
            stopped: device.stopped.unwrap_or_default(),
        });
        readers.chain(outputs).collect()
    }

    fn processor_views(&self, load: &Load) -> Vec<ProcessorView> {
        let view = |(number, lane): (usize, &crate::dispatcher::Lane)| ProcessorView {
            number: number as u32,
            kind: lane.kind().to_string(),
            busy_percent: load.processors.get(number).copied().unwrap_or(0.0) as f32,
            stolen_percent: load.stolen.get(number).copied().unwrap_or(0.0) as f32,
            running: lane.running().and_then(|id| self.dispatcher.name(id)).unwrap_or_default(),
            trend: load.trend(number),
        };
        self.dispatcher.lanes().iter().enumerate().map(view).collect()
    }
}

/// Devices and console of one machine. Devices that are busy with a disk are not waited for.
fn machine_detail(user: &Arc<User>, lines: usize) -> MachineDetail {
    let ears = user.ears();
    let heard_by = [Kind::Secondary, Kind::Observer].into_iter().find_map(|kind| ears.of(kind).map(|id| format!("{} {id}", kind.name())));
    MachineDetail {
        devices: device_lines(user).unwrap_or_default(),
        heard_by: heard_by.unwrap_or_default(),
        recorded: user.recording().is_some(),
        recent: user.console.recent(lines),
    }
}

/// What is IPLed. A machine that runs at this moment is not waited for.
fn system_of(user: &User) -> String {
    let mut seen = user.last_seen.lock();
    if let Some(machine) = user.machine.try_lock() {
        let system = machine.system().unwrap_or_default();
        if *seen != system {
            *seen = system.to_string();
        }
    }
    seen.clone()
}

/// As a 3270 shows it. A machine that runs at this moment has the state that its console shows.
fn state_of(user: &User) -> &'static str {
    match user.console.state() {
        ConsoleState::Running => "RUNNING",
        ConsoleState::VmRead { .. } => "VM READ",
        ConsoleState::CpRead => "CP READ",
    }
}

impl Row for User {
    fn userid(&self) -> &str {
        self.id.as_str()
    }

    fn figure(&self, order: Order) -> Figure {
        match order {
            Order::Userid => Figure::Text(self.id.to_string()),
            Order::State => Figure::Text(state_of(self).to_string()),
            Order::Cpu => Figure::percent(self.usage.percent()),
            Order::VirtCpu => Figure::Number(self.usage.virtual_us()),
            Order::TotCpu => Figure::Number(self.usage.total_us()),
            Order::Storage => Figure::Number(self.storage.load(Ordering::Relaxed)),
            Order::Resident => Figure::Number(self.standing.figures().resident),
            Order::Share => Figure::share(&share_text(&self.entitlement().share)),
            Order::System => Figure::Text(system_of(self)),
            Order::Console => Figure::Text(self.session.lock().line.to_string()),
        }
    }

    fn has(&self, text: &str) -> bool {
        let line = self.session.lock().line;
        [self.id.as_str(), state_of(self), &system_of(self), &line.to_string()].into_iter().any(|of| of.to_lowercase().contains(text))
    }
}

/// Everything that the screen shows of a machine, with so many figures of its history.
fn machine_view(user: &User, trend: usize) -> MachineView {
    MachineView {
        userid: user.id.to_string(),
        state: state_of(user).to_string(),
        console: user.session.lock().line.to_string(),
        system: system_of(user),
        cpu_percent: user.usage.percent(),
        virtual_us: user.usage.virtual_us(),
        total_us: user.usage.total_us(),
        storage: user.storage.load(Ordering::Relaxed),
        resident_pages: user.standing.figures().resident,
        share: share_text(&user.entitlement().share),
        io: user.usage.io(),
        logged_on: u64::try_from(user.logged_on_at.timestamp().as_second()).unwrap_or(0),
        trend: user.usage.trend.lock().last(trend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_took_is_shown_beside_what_was_used() {
        let mut load = Load::default();
        let start = Instant::now();
        for second in 0..60 {
            let lane = LaneTimes { busy: second * 600_000_000, stolen: second * 300_000_000 };
            load.take(start + Duration::from_secs(second), vec![lane, LaneTimes::default()]);
        }
        assert!((load.processors[0] - 60.0).abs() < 0.1 && (load.stolen[0] - 30.0).abs() < 0.1, "{:?} {:?}", load.processors, load.stolen);
        assert!((load.average() - 30.0).abs() < 0.1 && (load.average_stolen() - 15.0).abs() < 0.1);
    }
}
