//! Paging out and in beside plain writes and reads of the same pages, and how long a user who was away waits for the first answer.
//!
//! The file is on the file system of the temporary directory; both kinds go through the host's cache, as CP's paging file does.

#[path = "common/mod.rs"]
mod common;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{figure, median};
use cp_monitor::storage::paging::{HostFile, PagingSpace};
use cp_monitor::storage::{AddressSpace, Storage};
use tests::{System, Terminal, wait_for};

const PAGE: usize = 4096;
/// Pages that are moved: 64 MiB.
const PAGES: u64 = 16_384;
/// Pages that CP moves at a time, out and in.
const OUT: usize = 64;
const IN: usize = 33;
const TURNS: usize = 5;
/// Users for whom 16 MiB have no room.
const USERS: usize = 240;

fn mib_per_second(time: Duration) -> f64 {
    PAGES as f64 * PAGE as f64 / f64::from(1 << 20) / time.as_secs_f64()
}

/// Pages that differ from each other and from zero.
fn fill(space: &mut AddressSpace) {
    for page in 0..PAGES {
        let bytes: Vec<u8> = (0..PAGE as u64).map(|at| (at.wrapping_mul(page + 3) >> 3) as u8 | 1).collect();
        space.write(page * PAGE as u64, &bytes).expect("there are frames for all");
    }
}

/// Out and in once; the times.
fn page_out_and_in(place: &Path) -> (Duration, Duration) {
    let file = HostFile::create(&place.join("paging")).expect("a paging file");
    let paging = PagingSpace::new(Box::new(file), PAGES * PAGE as u64);
    let storage = Storage::with_paging(PAGES as usize + 64, Some(paging)).expect("real storage");
    let mut space = AddressSpace::new(&storage, PAGES * PAGE as u64).expect("an address space");
    fill(&mut space);
    let start = Instant::now();
    while space.resident_pages() > 0 {
        space.page_out_now(OUT).expect("the disk has room");
    }
    let out = start.elapsed();
    let start = Instant::now();
    for page in 0..PAGES {
        space.page_in_now(page * PAGE as u64).expect("the pages are there");
    }
    (out, start.elapsed())
}

/// The same bytes written and read in pieces of the same size.
fn plain(place: &Path) -> (Duration, Duration) {
    let file: File = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(place.join("plain")).expect("a file");
    let bytes: Vec<u8> = (0..OUT * PAGE).map(|at| at as u8 | 1).collect();
    let start = Instant::now();
    for piece in 0..PAGES as usize / OUT {
        file.write_all_at(&bytes, (piece * OUT * PAGE) as u64).expect("the disk has room");
    }
    let out = start.elapsed();
    let mut bytes = vec![0; IN * PAGE];
    let start = Instant::now();
    for piece in 0..PAGES as usize / IN {
        file.read_exact_at(&mut bytes, (piece * IN * PAGE) as u64).expect("the bytes are there");
    }
    (out, start.elapsed())
}

fn throughput() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(page_out_and_in(place.path()));
        theirs.push(plain(place.path()));
    }
    let middle = |times: &[(Duration, Duration)], of: fn(&(Duration, Duration)) -> Duration| {
        mib_per_second(Duration::from_secs_f64(median(times.iter().map(of).collect()) / 1e6))
    };
    let (write, read) = (middle(&theirs, |times| times.0), middle(&theirs, |times| times.1));
    figure("plain_pwrite", write, "MiB/s", None);
    figure("page_out", middle(&ours, |times| times.0), "MiB/s", Some(("plain_pwrite", write)));
    figure("plain_pread", read, "MiB/s", None);
    figure("page_in", middle(&ours, |times| times.1), "MiB/s", Some(("plain_pread", read)));
}

fn answered(terminal: &mut Terminal) -> Duration {
    terminal.look();
    let start = Instant::now();
    terminal.command("identify");
    start.elapsed()
}

/// Users come back one after the other, each the one who was away longest.
fn come_back() {
    let system = System::start_with(&["--storage", "16M", "--paging", "256M"]);
    let names = system.add_users(USERS);
    let mut terminals: Vec<Terminal> = names.iter().map(|name| system.log_on(name)).collect();
    let moved = || system.cp_json("QUERY FRAMES")["data"]["paging"].clone();
    wait_for("pages to leave", || (moved()["slots_used"].as_u64() > Some(1000)).then_some(()));
    let before = moved();
    let (mut away, mut here) = (Vec::new(), Vec::new());
    for terminal in &mut terminals {
        away.push(answered(terminal));
        here.push(answered(terminal));
    }
    let after = moved();
    let of = |what: &str| (after[what].as_f64().unwrap_or(0.0) - before[what].as_f64().unwrap_or(0.0)) / USERS as f64;
    let here = median(here) / 1000.0;
    figure("answer_of_a_user_who_is_here", here, "ms", None);
    figure("answer_of_a_user_who_was_away", median(away) / 1000.0, "ms", Some(("answer_of_a_user_who_is_here", here)));
    figure("pages_read_for_it", of("reads"), "pages", None);
    figure("pages_written_for_it", of("writes"), "pages", None);
}

fn main() {
    common::many_files();
    throughput();
    come_back();
}
