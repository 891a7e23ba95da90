//! What the host allows this process: processors, memory and descriptors, by whichever limit is the narrowest; and how many users fit.
//!
//! Reads the host's tables once, at start. The decisions ([`capacity`], [`affinity`]) are pure.

use std::fmt;
use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What an idle CMS user takes. The benchmark `memory` measures it; a little more is allowed for.
mod user {
    /// Frames of the arena.
    pub const FRAMES: u64 = 28;
    /// Page-table frames.
    pub const TABLES: u64 = 4;
    /// Memory of the process and of the host's kernel for it, the frames included, in bytes.
    pub const BYTES: u64 = 192 << 10;
    /// A terminal, and a minidisk of their own.
    pub const DESCRIPTORS: u64 = 2;
}
/// What CP takes before anybody logs on.
const CP_BYTES: u64 = 96 << 20;
/// Descriptors that CP needs for itself.
const CP_DESCRIPTORS: u64 = 128;

/// An amount and the limit that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How much: bytes, descriptors.
    pub amount: u64,
    /// What says so, for people: `memory of the host`, `memory limit of the cgroup`, `RLIMIT_NOFILE`.
    pub by: &'static str,
}

/// Where the host shows its cgroups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Processors that this process may use: what its affinity, its cpuset and its cgroup's quota leave, at least 1.
pub fn processors() -> usize {
    processors_of(allowed_processors().len(), quota())
}

/// No more threads than can run all the time within the quota, in percent of one processor: one that is held up holds up its machine.
fn processors_of(allowed: usize, quota: Option<u64>) -> usize {
    let whole = quota.map_or(usize::MAX, |percent| usize::try_from(percent / 100).unwrap_or(usize::MAX));
    allowed.min(whole).max(1)
}

/// The processor quota of this process's cgroup, in percent of one processor.
pub fn quota() -> Option<u64> {
    cgroup_quota(Path::new(CGROUPS), &fs::read_to_string("/proc/self/cgroup").unwrap_or_default())
}

/// Memory that this process may use.
pub fn memory() -> Bound {
    let info = rustix::system::sysinfo();
    let host = Bound { amount: info.totalram as u64 * u64::from(info.mem_unit.max(1)), by: "memory of the host" };
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_process = |what| getrlimit(what).current;
    [
        Some(host),
        cgroup_memory(Path::new(CGROUPS), &groups).map(|amount| Bound { amount, by: "memory limit of the cgroup" }),
        of_process(Resource::As).map(|amount| Bound { amount, by: "RLIMIT_AS" }),
    ]
    .into_iter()
    .flatten()
    .min_by_key(|bound| bound.amount)
    .unwrap_or(Bound { amount: 1 << 30, by: "memory of the host" })
}

/// The narrowest memory limit from this process's cgroup up to the root.
fn cgroup_memory(root: &Path, groups: &str) -> Option<u64> {
    let limit = |file: &'static str| move |folder: &Path| number(&folder.join(file));
    // Version 1 says "no limit" by a number that no host has.
    narrowest(root, groups, "memory", limit("memory.max"), limit("memory.limit_in_bytes")).filter(|&limit| limit < 1 << 60)
}

/// The narrowest processor quota from this process's cgroup up to the root, in percent of one processor.
fn cgroup_quota(root: &Path, groups: &str) -> Option<u64> {
    let percent = |quota: u64, period: u64| quota.saturating_mul(100).checked_div(period);
    let version_2 = |folder: &Path| {
        let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
        let (quota, period) = text.trim().split_once(' ')?;
        percent(quota.parse().ok()?, period.parse().ok()?)
    };
    // No limit is -1, which is no number here.
    let version_1 = |folder: &Path| percent(number(&folder.join("cpu.cfs_quota_us"))?, number(&folder.join("cpu.cfs_period_us"))?);
    narrowest(root, groups, "cpu", version_2, version_1)
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The smallest of a controller's limits from this process's cgroup up to the root. `groups` is `/proc/self/cgroup`; both versions of cgroups are
/// known, and where the host shows another part of the tree than the process is in, what it shows counts.
fn narrowest(
    root: &Path,
    groups: &str,
    controller: &str,
    version_2: impl Fn(&Path) -> Option<u64>,
    version_1: impl Fn(&Path) -> Option<u64>,
) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        match controllers {
            "" => [root.to_path_buf(), root.join("unified")].iter().filter_map(|root| on_the_way_up(root, path, &version_2)).min(),
            _ if controllers.split(',').any(|name| name == controller) => on_the_way_up(&root.join(controller), path, &version_1),
            _ => None,
        }
    });
    limits.min()
}

/// The smallest limit of a group from `path` below `root` up to `root` itself.
fn on_the_way_up(root: &Path, path: &str, limit: impl Fn(&Path) -> Option<u64>) -> Option<u64> {
    let group = root.join(path.trim_start_matches('/'));
    group.ancestors().take_while(|folder| folder.starts_with(root)).filter_map(limit).min()
}

/// Bytes of a paging file beside so much storage: twice as much, but at most half of what the file system of `directory` has left. The spool and
/// the minidisks grow there too.
pub fn paging(storage: u64, directory: &Path) -> u64 {
    let free = rustix::fs::statvfs(directory).map_or(u64::MAX, |found| found.f_bavail.saturating_mul(found.f_frsize));
    paging_of(storage, free)
}

fn paging_of(storage: u64, free: u64) -> u64 {
    storage.saturating_mul(2).min(free / 2) & !((1 << 20) - 1)
}

/// Lets this process have as many descriptors as the host allows, not only its cautious default, and says how many that is.
pub fn descriptors() -> Bound {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused, the default stays, and a logon beyond it says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    Bound { amount: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), by: "RLIMIT_NOFILE" }
}

/// How many idle CMS users fit, each with a terminal and a minidisk, and what the first limit is that they meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Users.
    pub users: u64,
    /// The limit.
    pub by: &'static str,
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capacity: {} idle CMS users with a terminal and a minidisk each; the limit is {}", self.users, self.by)
    }
}

/// Where the pages of users are, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Frames of real storage.
    pub frames: u64,
    /// Slots of the paging file.
    pub slots: u64,
    /// Frames for page tables, which are never paged out.
    pub tables: u64,
}

/// [`Capacity`] of a process with so much memory, so many descriptors and such room for pages. An idle user's pages may all be on the paging file,
/// so with one the line says both.
pub fn capacity(memory: &Bound, descriptors: &Bound, room: Room) -> Capacity {
    let rest = memory.amount.saturating_sub(CP_BYTES);
    // Users beyond those whose frames fill real storage take no more of the host's memory for frames.
    let paged = rest.saturating_sub(room.frames.saturating_mul(abi::PAGE)) / (user::BYTES - user::FRAMES * abi::PAGE);
    let pages = if room.slots > 0 { "real storage and the paging file (--storage, --paging)" } else { "real storage (--storage)" };
    let each = [
        (paged.max(rest / user::BYTES), memory.by),
        (descriptors.amount.saturating_sub(CP_DESCRIPTORS) / user::DESCRIPTORS, descriptors.by),
        (room.frames.saturating_add(room.slots) / user::FRAMES, pages),
        (room.tables / user::TABLES, "real storage for page tables (--storage)"),
    ];
    let (users, by) = each.into_iter().min_by_key(|(users, _)| *users).unwrap_or((0, "unknown"));
    Capacity { users, by }
}

/// Which host processor each dispatcher thread stays on.
///
/// # Errors
/// The list is not one, names a processor twice or one that is not allowed, or has fewer than `wanted` (0: as many as there are).
pub fn affinity(list: &str, wanted: usize, allowed: &[usize]) -> Result<Vec<usize>, String> {
    let chosen = if list.eq_ignore_ascii_case("auto") { allowed.to_vec() } else { parse_list(list)? };
    if let Some(other) = chosen.iter().find(|number| !allowed.contains(number)) {
        return Err(format!("Host processor {other} is not one that this process may use ({})", said(allowed)));
    }
    if chosen.len() < wanted {
        return Err(format!("{wanted} processors cannot stay on {} host processors ({})", chosen.len(), said(&chosen)));
    }
    Ok(chosen)
}

/// `0,2-4`: numbers and ranges, each processor once.
fn parse_list(list: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("{list}: auto, or numbers of host processors and ranges, such as 0,2-3");
    let mut chosen = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (first, last): (usize, usize) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
        if first > last || last >= CpuSet::MAX_CPU || chosen.iter().any(|number| (first..=last).contains(number)) {
            return Err(wrong());
        }
        chosen.extend(first..=last);
    }
    Ok(chosen)
}

fn said(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Host processors that this process may use.
pub fn allowed_processors() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|&number| set.is_set(number)).collect()
}

/// Keeps the calling thread on one host processor.
///
/// # Errors
/// The host has no such processor, or does not allow it.
pub fn stay_on(number: usize) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    set.set(number);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(amount: u64, by: &'static str) -> Bound {
        Bound { amount, by }
    }

    #[test]
    fn the_narrowest_limit_says_how_many_fit() {
        let plenty = bound(1 << 50, "memory");
        let many = bound(1 << 40, "descriptors");
        let frames = Room { frames: 1 << 30, slots: 0, tables: 1 << 30 };
        assert_eq!(capacity(&plenty, &bound(20_128, "descriptors"), frames), Capacity { users: 10_000, by: "descriptors" });
        assert_eq!(capacity(&bound((96 << 20) + (192 << 10) * 7, "memory"), &many, frames), Capacity { users: 7, by: "memory" });
        assert_eq!(capacity(&plenty, &many, Room { tables: 44, ..frames }).users, 11);
        let small = Room { frames: 2800, ..frames };
        assert_eq!(capacity(&plenty, &many, small), Capacity { users: 100, by: "real storage (--storage)" });
        let paging = capacity(&plenty, &many, Room { slots: 5600, ..small });
        assert_eq!(paging, Capacity { users: 300, by: "real storage and the paging file (--storage, --paging)" });
        // 100 users have frames in real storage; the 200 others take the host only the rest of what a user takes.
        let memory = bound((96 << 20) + 2800 * 4096 + (80 << 10) * 200, "memory");
        assert_eq!(capacity(&memory, &many, Room { slots: 1 << 30, ..small }), Capacity { users: 200, by: "memory" });
        assert_eq!(capacity(&bound(0, "memory"), &many, frames).users, 0);
    }

    #[test]
    fn a_limit_of_a_group_further_up_counts_in_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let make = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        make("a/memory.max", "4096\n");
        make("a/b/memory.max", "max\n");
        assert_eq!(cgroup_memory(root.path(), "0::/a/b\n"), Some(4096));
        make("memory/x/y/memory.limit_in_bytes", "8192\n");
        make("memory/x/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(cgroup_memory(root.path(), "4:memory:/x/y\n1:cpu:/\n"), Some(8192));
        assert_eq!(cgroup_memory(root.path(), "4:memory:/x\n"), None, "no limit is no limit");
        assert_eq!(cgroup_memory(root.path(), "0::/not/shown/here\ngarbage\n::\n"), None);
    }

    #[test]
    fn a_processor_quota_counts_in_both_versions_and_leaves_at_least_one_processor() {
        let root = tempfile::tempdir().unwrap();
        let make = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        make("a/cpu.max", "150000 100000\n");
        make("a/b/cpu.max", "max 100000\n");
        make("a/c/cpu.max", "5000 10000\n");
        make("a/d/cpu.max", "5 0\n");
        let quota = |groups: &str| cgroup_quota(root.path(), groups);
        assert_eq!([quota("0::/a/b\n"), quota("0::/a/c\n"), quota("0::/a/d\n"), quota("0::/z\n")], [Some(150), Some(50), Some(150), None]);
        make("cpu/x/cpu.cfs_quota_us", "-1\n");
        make("cpu/x/cpu.cfs_period_us", "100000\n");
        make("cpu/x/y/cpu.cfs_quota_us", "250000\n");
        make("cpu/x/y/cpu.cfs_period_us", "100000\n");
        assert_eq!([quota("3:cpu,cpuacct:/x/y\n0::/\n"), quota("3:cpu:/x\n"), quota("3:cpuset:/x/y\n")], [Some(250), None, None]);
        assert_eq!([Some(50), Some(100), Some(150), Some(250), None].map(|quota| processors_of(4, quota)), [1, 1, 1, 2, 4]);
        assert_eq!(processors_of(0, None), 1);
    }

    #[test]
    fn an_affinity_list_is_numbers_and_ranges() {
        let allowed = [0, 1, 2, 3, 6];
        assert_eq!(affinity("auto", 0, &allowed), Ok(allowed.to_vec()));
        assert_eq!(affinity("2-3,0", 3, &allowed), Ok(vec![2, 3, 0]));
        assert!(affinity("0,4", 0, &allowed).unwrap_err().contains("processor 4"));
        assert!(affinity("0,1", 3, &allowed).unwrap_err().starts_with("3 processors"));
        for wrong in ["", "1,", "3-2", "0,0", "0-2,1", "x", "-1", "99999999"] {
            assert!(affinity(wrong, 0, &allowed).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_paging_file_is_twice_the_storage_unless_the_disk_is_small() {
        assert_eq!(paging_of(4 << 30, 100 << 30), 8 << 30);
        assert_eq!(paging_of(4 << 30, 10 << 30), 5 << 30);
        assert_eq!(paging_of(4 << 30, 1 << 20), 0);
    }
}
