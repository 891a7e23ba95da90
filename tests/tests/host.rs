//! An honest guest of its host: what the host allows is said and kept to, and what the host takes is charged to nobody.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tests::{Program, System, Terminal, assert_line, cp64, wait_for};

/// Programs that use a whole processor each until they are dropped.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start(count: usize) -> Self {
        let hog = |_| Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().expect("a shell");
        Self((0..count).map(hog).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            drop(hog.kill());
            drop(hog.wait());
        }
    }
}

/// Thread ids of CP's threads whose name begins so.
fn threads(pid: u32, name: &str) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("CP runs");
    let id = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let named = |id: &u32| fs::read_to_string(format!("/proc/{pid}/task/{id}/comm")).is_ok_and(|comm| comm.starts_with(name));
    threads.filter_map(id).filter(named).collect()
}

/// Processor time that the host gave CP's threads of that name, in microseconds.
fn given_us(pid: u32, name: &str) -> u64 {
    let of = |id: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{id}/schedstat")).expect("the host counts what threads get");
        text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).expect("nanoseconds") / 1000
    };
    threads(pid, name).into_iter().map(of).sum()
}

fn sum(system: &System, field: &str) -> u64 {
    let processors = system.cp_json("QUERY PROCESSORS");
    let of = |processor: &serde_json::Value| processor[field].as_u64().expect("QUERY PROCESSORS counts it");
    processors["data"].as_array().expect("a list").iter().map(of).sum()
}

#[test]
fn what_the_host_takes_is_shown_and_charged_to_nobody() {
    let mut system = System::prepare(&["--processors", "2"]);
    let mut polite = Command::new("nice");
    polite.args(["-n", "10"]).arg(cp64()).args(["start", "--headless", "--system"]).arg(system.directory()).args(["--processors", "2"]);
    assert!(system.run_command(polite.stderr(Stdio::null())));
    let mut terminal = system.log_on("CMSUSER");
    let _hogs = Hogs::start(4);
    terminal.type_line("abend loop");
    let figure = |name: &str| system.cp_json("INDICATE USER CMSUSER")["data"][name].as_u64().expect("it is counted");
    wait_for("the host to take half a second of the loop", || (sum(&system, "stolen_us") > 500_000).then_some(()));
    // In this order: what is read first cannot have grown beyond what is read after it.
    let (virtual_us, total_us) = (figure("virtual_us"), figure("total_us"));
    let busy = sum(&system, "busy_us");
    let (given, of_workers) = (given_us(system.pid(), "processor-"), given_us(system.pid(), "worker-"));
    assert!(virtual_us > 0 && virtual_us <= total_us, "VIRTCPU {virtual_us} TOTCPU {total_us}");
    assert!(virtual_us <= busy, "VIRTCPU {virtual_us} us of {busy} us of the real processors");
    assert!(total_us <= busy + of_workers, "charged {total_us} us for {busy} us of the real processors and {of_workers} us of workers");
    assert!(busy <= given, "{busy} us used of {given} us that the host gave");
    let shown = wait_for("the share that is taken to show", || {
        let shown = system.cp_says("QUERY PROCESSORS");
        shown.lines().any(|line| line.contains("STOLEN-") && !line.contains("STOLEN-000%")).then_some(shown)
    });
    assert_line(&shown, r"^PROCESSOR 0[01] (MASTER|ALTERNATE) CP +\w+ +STOLEN-\d\d\d%$");
    // Somebody at a terminal is served all the same.
    let mut person = system.log_on("MAINT");
    assert_line(&person.command("cp query userid"), "^MAINT");
}

#[test]
fn how_many_users_fit_is_said_at_the_start() {
    let mut system = System::start_with(&["--storage", "64M"]);
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    operator.until(r"Capacity: \d+ idle CMS users with a terminal and a minidisk each; the limit is real storage");
    system.shut_down();
    // Few descriptors are the limit, and one that can be had is not the cautious one.
    let limited = format!(
        "ulimit -Sn 256; ulimit -Hn 1128; exec {} start --headless --detach --system {}",
        cp64().display(),
        system.directory().display()
    );
    let detached = Program::run(Command::new("sh").args(["-c", &limited]), b"").succeeded();
    assert_line(&detached.output, r"^Capacity: 500 idle CMS users .*; the limit is RLIMIT_NOFILE$");
    assert_line(&system.cp_says("SHUTDOWN"), "^SYSTEM SHUTDOWN STARTED");
    wait_for("CP to end", || (system.check().code == 0).then_some(()));
    // Storage that the host does not have is given, with a word.
    let mut system = System::start_with(&["--storage", "480G"]);
    let complaint = r"Real storage of 491520M is more than the \d+M that CP may use \(";
    wait_for("the warning", || regex::Regex::new(complaint).unwrap().is_match(&system.complaints()).then_some(()));
    system.shut_down();
}

#[test]
fn processors_stay_where_they_are_told() {
    let mut system = System::start_with(&["--affinity=0", "--processors", "1"]);
    let pinned = |system: &System| {
        let threads = threads(system.pid(), "processor-");
        let status = |id: u32| fs::read_to_string(format!("/proc/{}/task/{id}/status", system.pid())).expect("CP runs");
        threads
            .into_iter()
            .map(|id| status(id).lines().find(|line| line.starts_with("Cpus_allowed_list:")).unwrap_or_default().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(pinned(&system), ["Cpus_allowed_list:\t0"]);
    assert_eq!(system.cp_json("QUERY PROCESSORS")["data"][0]["host_processor"], 0);
    let mut terminal = system.log_on("CMSUSER");
    assert_line(&terminal.command("cp query userid"), "^CMSUSER");
    system.shut_down();
    // system.toml says it for every start; the command line goes before it.
    let settings = system.directory().join("system.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("affinity = \"auto\"\nprocessors = 1\nstorage = \"256M\"\n{text}")).unwrap();
    system.use_options(&[]);
    system.run();
    assert_eq!(pinned(&system).len(), 1);
    assert_line(&system.cp_says("QUERY STORAGE"), "^STORAGE = 256M ");
    system.shut_down();
    for (wrong, why) in [("--affinity=4000", "4000"), ("--affinity=0,0", "auto, or numbers"), ("--affinity=x", "auto, or numbers")] {
        let refused = system.cp64(&["start", "--headless", wrong], b"").failed(1);
        assert!(refused.errors.contains(why), "{wrong}: {}", refused.errors);
    }
    let refused = system.cp64(&["start", "--headless", "--affinity=0", "--processors", "2"], b"").failed(1);
    assert_line(&refused.errors, "2 processors cannot stay on 1 host processors");
}

#[test]
fn a_narrow_cpuset_is_as_many_processors_as_it_has() {
    let mut system = System::prepare(&[]);
    let mut one = Command::new("taskset");
    one.args(["-c", "0"]).arg(cp64()).args(["start", "--headless", "--system"]).arg(system.directory());
    assert!(system.run_command(one.stderr(Stdio::null())));
    assert_eq!(system.cp_json("QUERY PROCESSORS")["data"].as_array().map(Vec::len), Some(1));
    system.shut_down();
}

/// A cgroup of the host for one test; goes with the value, after the processes in it.
struct Cgroup(PathBuf);

impl Cgroup {
    /// A new group of a controller, of either version; none where this process may not make one.
    fn new(controller: &str) -> Option<Self> {
        let unified = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].into_iter().find(|root| {
            let controllers = fs::read_to_string(Path::new(root).join("cgroup.subtree_control")).unwrap_or_default();
            controllers.split_whitespace().any(|name| name == controller)
        });
        let root = unified.map_or_else(|| Path::new("/sys/fs/cgroup").join(controller), PathBuf::from);
        let group = root.join(format!("cp64-test-{}-{controller}", std::process::id()));
        match root.join("cgroup.procs").exists().then(|| fs::create_dir(&group)) {
            Some(Ok(())) => Some(Self(group)),
            Some(Err(error)) if error.kind() == std::io::ErrorKind::AlreadyExists => Some(Self(group)),
            _ => {
                eprintln!("cgroups of {controller} cannot be made here: only the reading of limits was tested, in system::allowance");
                None
            }
        }
    }

    /// Sets the first of these files that the group has.
    fn limit(&self, choices: &[(&str, &str)]) {
        let (file, text) = choices.iter().find(|(file, _)| self.0.join(file).exists()).expect("a file for the limit");
        fs::write(self.0.join(file), text).unwrap_or_else(|error| panic!("{file} of a new cgroup cannot be written: {error}"));
    }

    /// CP, started in the groups.
    fn start(groups: &[&Self], system: &System) -> Command {
        let join: String = groups.iter().map(|group| format!("echo $$ > {}/cgroup.procs && ", group.0.display())).collect();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{join}exec \"$0\" start --headless --system \"$1\"")]).arg(cp64()).arg(system.directory());
        command.stderr(Stdio::null());
        command
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel takes its time over the processes that have just ended.
        wait_for("the cgroup to be empty", || (fs::remove_dir(&self.0).is_ok() || !self.0.exists()).then_some(()));
    }
}

#[test]
fn a_processor_quota_is_kept_to_shown_and_charged_to_nobody() {
    let Some(group) = Cgroup::new("cpu") else { return };
    group.limit(&[("cpu.max", "50000 100000"), ("cpu.cfs_quota_us", "50000")]);
    let mut system = System::prepare(&[]);
    assert!(system.run_command(&mut Cgroup::start(&[&group], &system)));
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    operator.until("The processor quota of the cgroup is 50% of one processor; time beyond it shows as stolen");
    assert_eq!(system.cp_json("QUERY PROCESSORS")["data"].as_array().map(Vec::len), Some(1), "one thread, however many the host has");
    let mut terminal = system.log_on("CMSUSER");
    let figure = |name: &str| system.cp_json("INDICATE USER CMSUSER")["data"][name].as_u64().expect("it is counted");
    terminal.type_line("abend loop");
    // The clock first and last, around what is read.
    let (start, before) = (Instant::now(), figure("virtual_us"));
    let used = wait_for("the loop to use its part", || Some(figure("virtual_us") - before).filter(|used| *used > 600_000));
    let elapsed = start.elapsed().as_micros() as u64;
    // A period at either end may count whole.
    assert!(used <= elapsed / 2 + 100_000, "{used} us of {elapsed} us with half a processor");
    assert!(sum(&system, "stolen_us") > 0);
    let (total, busy) = (figure("total_us"), sum(&system, "busy_us"));
    let given = given_us(system.pid(), "processor-") + given_us(system.pid(), "worker-");
    assert!(total <= given && busy <= given, "charged {total} us, busy {busy} us, given {given} us");
    let mut person = system.log_on("MAINT");
    assert_line(&person.command("cp query userid"), "^MAINT");
    system.shut_down();
}

#[test]
fn a_memory_limit_says_how_many_fit_and_how_much_real_storage_there_is() {
    let Some(group) = Cgroup::new("memory") else { return };
    group.limit(&[("memory.max", "402653184"), ("memory.limit_in_bytes", "402653184")]);
    let mut system = System::prepare(&[]);
    assert!(system.run_command(&mut Cgroup::start(&[&group], &system)));
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    operator.until(r"Capacity: 1\d{3} idle CMS users with a terminal and a minidisk each; the limit is memory limit of the cgroup");
    assert_line(&system.cp_says("QUERY STORAGE"), "^STORAGE = 288M ");
    system.shut_down();
}
