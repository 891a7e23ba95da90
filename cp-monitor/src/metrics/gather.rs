//! One look at the whole system. The users are walked once, for their counters alone: no machine is waited for.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Kind::{Counter, Gauge};
use super::{Family, Labels};
use crate::system::Cp;
use crate::users::Line;

/// Bytes of a frame.
const FRAME: f64 = abi::PAGE as f64;

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn count(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

/// Every figure. They are listed in the operator's guide.
pub fn families(cp: &Cp) -> Vec<Family> {
    let mut all = vec![
        Family::of(
            Gauge,
            "cp64_info",
            "The system, its release and what runs its machines",
            vec![(
                vec![
                    ("system", cp.config.system_id.clone()),
                    ("release", crate::RELEASE.to_string()),
                    ("processor", cp.dispatcher.lanes().first().map_or("none", |lane| lane.kind()).to_string()),
                ],
                1.0,
            )],
        ),
        Family::one(Gauge, "cp64_uptime_seconds", "Time since CP started", cp.started.elapsed().as_secs_f64()),
    ];
    all.extend(of_users(cp));
    all.extend(of_processors(cp));
    all.extend(of_storage(cp));
    all.extend(of_paging(cp));
    all.extend(of_stores(cp));
    all.extend(of_host());
    all
}

fn of_users(cp: &Cp) -> Vec<Family> {
    let (mut terminal, mut disconnected, mut system) = (0.0, 0.0, 0.0);
    for user in cp.users.all() {
        match user.session.lock().line {
            Line::Logical(_) => terminal += 1.0,
            Line::Disconnected => disconnected += 1.0,
            Line::System => system += 1.0,
        }
    }
    let used = cp.users.used();
    let running = cp.dispatcher.lanes().iter().filter(|lane| lane.running().is_some()).count();
    let queues = cp.dispatcher.with_policy(|policy, now| policy.counts(now));
    let counters = &cp.counters;
    vec![
        Family::by(
            Gauge,
            ("cp64_users", "Users who are logged on, by where their console is"),
            "console",
            [("terminal", terminal), ("disconnected", disconnected), ("system", system)],
        ),
        Family::one(Counter, "cp64_logons", "Logons, at terminals and by XAUTOLOG", count(&counters.logons)),
        Family::one(Counter, "cp64_logons_refused", "Logons that were refused", count(&counters.logons_refused)),
        Family::one(Counter, "cp64_logoffs", "Sessions that ended", count(&counters.logoffs)),
        Family::by(
            Gauge,
            ("cp64_machines", "Machines that run, are ready to, are over their limit, wait for storage; the others are dormant"),
            "state",
            [
                ("running", running),
                ("ready", queues.ready),
                ("limited", queues.limited),
                ("eligible", queues.eligible.iter().sum()),
                ("dormant", queues.dormant),
            ]
            .map(|(state, machines)| (state, machines as f64)),
        ),
        Family::one(Counter, "cp64_virtual_cpu_seconds", "Processor time of all machines (VIRTCPU)", seconds(used.virtual_us)),
        Family::one(Counter, "cp64_total_cpu_seconds", "The same with CP's work for them (TOTCPU)", seconds(used.total_us)),
        Family::one(Counter, "cp64_io_requests", "Disk and spool requests of machines", used.io as f64),
        Family::by(
            Counter,
            ("cp64_records", "Records of spool files that machines read, punched and printed"),
            "device",
            [("reader", used.cards_read as f64), ("punch", used.cards_punched as f64), ("printer", used.lines_printed as f64)],
        ),
    ]
}

fn of_processors(cp: &Cp) -> Vec<Family> {
    let each = |value: fn(&crate::dispatcher::Lane) -> f64| -> Vec<(Labels, f64)> {
        let lanes = cp.dispatcher.lanes().iter().enumerate();
        lanes.map(|(number, lane)| (vec![("processor", number.to_string())], value(lane))).collect()
    };
    vec![
        Family::of(
            Counter,
            "cp64_processor_busy_seconds",
            "Processor time that machines and their exits took",
            each(|lane| count(&lane.busy_ns) / 1e9),
        ),
        Family::of(
            Counter,
            "cp64_processor_stolen_seconds",
            "Time of slices in which the host ran something else",
            each(|lane| count(&lane.stolen_ns) / 1e9),
        ),
        Family::of(Counter, "cp64_slices", "Slices that were dispatched", each(|lane| count(&lane.slices))),
        Family::by(
            Counter,
            ("cp64_exits", "Times that a machine left its processor, by why"),
            "kind",
            cp.counters.exits().map(|(kind, exits)| (kind, exits as f64)),
        ),
        Family::one(Gauge, "cp64_worker_jobs_waiting", "Jobs that wait for a worker", cp.workers.waiting() as f64),
    ]
}

fn of_storage(cp: &Cp) -> Vec<Family> {
    let counts = cp.storage.counts();
    let uses = [
        ("machine", counts.in_use),
        ("saved_system", counts.shared),
        ("page_table", counts.page_tables),
        ("spare_table", counts.spare_tables),
        ("quarantine", counts.quarantined),
    ];
    vec![
        Family::one(Gauge, "cp64_storage_bytes", "Real storage for machines", counts.total as f64 * FRAME),
        Family::by(
            Gauge,
            ("cp64_frames", "Frames of 4096 bytes, by what they are used for"),
            "use",
            uses.map(|(what, frames)| (what, frames as f64)),
        ),
    ]
}

fn of_paging(cp: &Cp) -> Vec<Family> {
    let figures = cp.pager.figures();
    let space = figures.space;
    let by = |kinds: [(&'static str, u64); 2]| kinds.map(|(kind, count)| (kind, count as f64));
    vec![
        Family::one(Gauge, "cp64_frames_available", "Frames that are free or will be in a moment", space.available as f64),
        Family::one(Gauge, "cp64_paging_slots", "Pages that the paging file has room for", space.slots as f64),
        Family::one(Gauge, "cp64_paging_slots_used", "Pages on the paging file", space.slots_used as f64),
        Family::by(
            Counter,
            ("cp64_paging_pages", "Pages that came from the paging file and went there"),
            "direction",
            by([("in", space.reads), ("out", space.writes)]),
        ),
        Family::by(
            Counter,
            ("cp64_paging_errors", "Transfers of pages that failed"),
            "direction",
            by([("in", space.read_errors), ("out", space.write_errors)]),
        ),
        Family::one(Gauge, "cp64_page_waits", "Machines that wait for a page", figures.waiting as f64),
        Family::one(Gauge, "cp64_held_bytes", "Results that CP holds until the pages are there that they belong into", {
            let held = cp.storage.held();
            (held.coming + held.stuck) as f64
        }),
    ]
}

fn of_stores(cp: &Cp) -> Vec<Family> {
    let mut all = Vec::new();
    // A spool that cannot be asked has no figures, which is not the same as none.
    if let Ok(totals) = cp.spool.totals() {
        let files = [("reader", totals.files.reader), ("printer", totals.files.printer), ("punch", totals.files.punch)];
        let files = files.map(|(queue, files)| (queue, files as f64));
        all.push(Family::by(Gauge, ("cp64_spool_files", "Spool files"), "queue", files));
        all.push(Family::one(Gauge, "cp64_spool_bytes", "Room that spool data takes on the host", totals.on_disk as f64));
    }
    let status = cp.ledger.status();
    all.extend([
        Family::one(Gauge, "cp64_minidisks_linked", "Minidisks that somebody is linked to", cp.links.in_use() as f64),
        Family::one(Counter, "cp64_accounting_records", "Accounting records written", status.written as f64),
        Family::one(Counter, "cp64_accounting_records_lost", "Accounting records that the host did not take", status.lost as f64),
        Family::by(
            Counter,
            ("cp64_trouble", "Things that went wrong and that the operator was told of"),
            "kind",
            cp.counters.trouble().map(|(kind, times)| (kind, times as f64)),
        ),
    ]);
    all
}

/// What the host says of this process and of itself, by the names that Prometheus has for the first.
fn of_host() -> Vec<Family> {
    let mut all = Vec::new();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    if let Some(pages) = read("/proc/self/statm").split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()) {
        let page = rustix::param::page_size() as f64;
        all.push(Family::one(Gauge, "process_resident_memory_bytes", "Memory of CP, frames that machines touched among it", pages * page));
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    all.push(Family::one(Counter, "process_cpu_seconds", "Processor time of CP", time.tv_sec as f64 + time.tv_nsec as f64 / 1e9));
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        all.push(Family::one(Gauge, "process_open_fds", "Descriptors of CP", open.count() as f64));
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        all.push(Family::one(Gauge, "process_max_fds", "Most descriptors that CP may have", most as f64));
    }
    // The first line is the sum of the processors; its eighth figure is what a hypervisor below took, in hundredths of a second.
    if let Some(stolen) = read("/proc/stat").lines().next().and_then(|line| line.split_whitespace().nth(8)?.parse::<f64>().ok()) {
        all.push(Family::one(Counter, "cp64_host_steal_seconds", "Time that a hypervisor below took from this host", stolen / 100.0));
    }
    all
}
