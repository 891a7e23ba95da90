//! What the spool takes beside the bare cost: a long print file against a plain file, many small files against a sync each and against SQLite,
//! a query and a start with 100,000 files, a printer beside which 100,000 files wait, and reading back. `--mib N` sets the size of the print
//! file, `--files N` the number of small files, `--only print|close|many|device` leaves the others out.
//!
//! Baseline and spool take turns in one directory below the target directory, so what else the host does falls on both.

#[path = "common/mod.rs"]
mod common;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{figure, median};
use console::client::Connection;
use console::wire::{Reply, Request};
use rusqlite::{Connection as Database, params};
use rustix::fs::{Advice, fadvise};
use spool::{Attributes, Destination, Device, Hold, NewFile, Queue, Selection, Spool, StartMode, Userid};
use tests::System;

/// A print line.
const LINE: [u8; 132] = [b'x'; 132];
/// A card.
const CARD: [u8; 80] = [b'x'; 80];
/// Cards of a small file.
const CARDS: usize = 10;
/// Users who close at the same time.
const USERS: usize = 1000;
/// MiB of the long file, and its turns.
const MIB: usize = 1024;
const ROUNDS: usize = 5;
/// Small files in the system that is queried.
const FILES: usize = 100_000;
/// Bytes that a plain program reads and writes at a time.
const BUFFER: usize = 128 << 10;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let option = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, default: usize| option(name).map_or(default, |number| number.parse().expect("a number"));
    let wanted = |part: &str| option("--only").is_none_or(|only| only == part);
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target directory can be written");
    if wanted("print") {
        print(place.path(), number("--mib", MIB));
    }
    if wanted("close") {
        close_together(place.path());
    }
    if wanted("many") {
        among_many(number("--files", FILES));
    }
    if wanted("device") {
        print_among_many(number("--files", FILES));
    }
}

fn userid(number: usize) -> Userid {
    Userid::new(&format!("U{number:04}")).expect("a userid")
}

fn open(directory: &Path) -> Spool {
    Spool::open(directory, StartMode::Warm).expect("the spool starts").0
}

fn close(spool: &Spool, user: usize, records: usize, record: &[u8]) {
    let new = NewFile { origin: userid(user), device: Device::Printer, created: 1_700_000_000, attributes: Attributes::default() };
    let mut file = spool.create(new);
    for _ in 0..records {
        file.append(9, record).expect("there is room");
    }
    spool.close(file, Destination { owner: userid(user), queue: Queue::Reader }).expect("the file is closed");
}

/// MiB a second.
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1_048_576.0 / time.as_secs_f64()
}

/// The middle one.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What one turn of the long file took.
#[derive(Default)]
struct Turns {
    plain: Vec<f64>,
    spooled: Vec<f64>,
    plain_read: Vec<f64>,
    read: Vec<f64>,
    plain_cached: Vec<f64>,
    /// The same with a checksum over every buffer.
    summed_cached: Vec<f64>,
    /// The same line by line, as they were written.
    lines_cached: Vec<f64>,
    cached: Vec<f64>,
}

/// Ratios turn by turn, because a shared host is not equally fast all the time.
fn ratio(of: &[f64], to: &[f64]) -> f64 {
    middle(of.iter().zip(to).map(|(of, to)| of / to).collect())
}

/// One print file, written with one sync at its end and read back from the disk and from the host's cache, against a plain file.
fn print(place: &Path, mib: usize) {
    let records = (mib << 20) / LINE.len();
    let bytes = records as u64 * LINE.len() as u64;
    let mut turns = Turns::default();
    // One that is longer than usual is for its memory, not for its speed.
    for turn in 0..if mib > MIB { 1 } else { ROUNDS } {
        let plain = place.join("plain");
        let begun = Instant::now();
        let mut file = BufWriter::with_capacity(BUFFER, File::create(&plain).expect("a plain file"));
        for _ in 0..records {
            file.write_all(&LINE).expect("there is room");
        }
        file.into_inner().expect("there is room").sync_data().expect("the host syncs");
        turns.plain.push(rate(bytes, begun.elapsed()));

        let home = place.join("print");
        let spool = open(&home);
        let begun = Instant::now();
        close(&spool, 1, records, &LINE);
        turns.spooled.push(rate(bytes, begun.elapsed()));

        turns.plain_cached.push(rate(bytes, read_plain(&plain, |_| ())));
        turns.summed_cached.push(rate(bytes, read_plain(&plain, |bytes| _ = black_box(crc32fast::hash(bytes)))));
        turns.lines_cached.push(rate(bytes, read_lines(&plain)));
        turns.cached.push(rate(bytes, read_back(&spool, records)));
        // Who reads second may find the disk, or what is below it, still warm: they change places.
        for first in [turn % 2 == 0, turn % 2 != 0] {
            forget(place);
            if first {
                turns.plain_read.push(rate(bytes, read_plain(&plain, |_| ())));
            } else {
                turns.read.push(rate(bytes, read_back(&spool, records)));
            }
        }
        spool.purge(&Selection::of(userid(1))).expect("the file goes");
        fs::remove_file(&plain).expect("the plain file goes");
    }
    let plain = middle(turns.plain.clone());
    figure("plain_append", plain, "MiB/s", None);
    figure("print", middle(turns.spooled.clone()), "MiB/s", Some(("plain_append", plain)));
    figure("print_ratio", ratio(&turns.spooled, &turns.plain), "of plain_append, turn by turn", None);
    let plain = middle(turns.plain_read.clone());
    figure("plain_read", plain, "MiB/s", None);
    figure("read", middle(turns.read.clone()), "MiB/s", Some(("plain_read", plain)));
    figure("read_ratio", ratio(&turns.read, &turns.plain_read), "of plain_read, turn by turn", None);
    let plain = middle(turns.plain_cached.clone());
    figure("plain_read_cached", plain, "MiB/s", None);
    for (name, rates) in
        [("plain_read_and_crc_cached", &turns.summed_cached), ("plain_lines_cached", &turns.lines_cached), ("read_cached", &turns.cached)]
    {
        figure(name, middle(rates.clone()), "MiB/s", Some(("plain_read_cached", plain)));
    }
    figure("read_cached_ratio", ratio(&turns.cached, &turns.plain_cached), "of plain_read_cached, turn by turn", None);
    figure("read_cached_to_crc", ratio(&turns.cached, &turns.summed_cached), "of plain_read_and_crc_cached, turn by turn", None);
    figure("read_cached_to_lines", ratio(&turns.cached, &turns.lines_cached), "of plain_lines_cached, turn by turn", None);
    let status = fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<f64>().ok());
    figure("print_memory", most.expect("the kernel tells") / 1024.0, "MiB at most", None);
}

/// Has the host forget what it has in its cache of the files below.
fn forget(place: &Path) {
    for entry in fs::read_dir(place).expect("the directory can be read") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            forget(&path);
        } else {
            let file = File::open(&path).expect("the file can be read");
            fadvise(&file, 0, None, Advice::DontNeed).expect("the host takes advice");
        }
    }
}

fn read_plain(path: &Path, each: impl Fn(&[u8])) -> Duration {
    let begun = Instant::now();
    let mut file = File::open(path).expect("the plain file");
    let mut buffer = vec![0; BUFFER];
    while let length @ 1.. = file.read(&mut buffer).expect("the plain file can be read") {
        each(&buffer[..length]);
    }
    begun.elapsed()
}

/// What a plain program does that looks at the lines, as whoever reads spool files does.
fn read_lines(path: &Path) -> Duration {
    let begun = Instant::now();
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).expect("the plain file"));
    let mut line = LINE;
    while file.read_exact(&mut line).is_ok() {
        black_box(&line);
    }
    begun.elapsed()
}

fn read_back(spool: &Spool, records: usize) -> Duration {
    let file = spool.list(&Selection::of(userid(1))).expect("the index can be read").pop().expect("the file is there");
    let begun = Instant::now();
    let mut reader = spool.reader(file.owner, file.queue, file.spid).expect("the file can be opened");
    let mut found = 0;
    while let Some(record) = reader.next_record().expect("the file can be read") {
        assert_eq!(record.data.len(), LINE.len());
        found += 1;
    }
    assert_eq!(found, records);
    begun.elapsed()
}

/// `USERS` threads, each doing its work `each` times at the same time as the others; times a second of all.
fn together(each: usize, work: impl Fn(usize, usize) + Sync) -> f64 {
    let start = Barrier::new(USERS + 1);
    let mut begun = Instant::now();
    thread::scope(|scope| {
        for user in 0..USERS {
            let (start, work) = (&start, &work);
            let users = thread::Builder::new().stack_size(256 << 10);
            users
                .spawn_scoped(scope, move || {
                    start.wait();
                    (0..each).for_each(|n| work(user, n));
                })
                .expect("a thread for each user");
        }
        start.wait();
        begun = Instant::now();
    });
    (USERS * each) as f64 / begun.elapsed().as_secs_f64()
}

/// A thousand users closing files of ten cards, against a plain file and a sync each, and against SQLite.
fn close_together(place: &Path) {
    let cards = [CARD; CARDS].concat();
    let folder = place.join("plain-files");
    fs::create_dir(&folder).expect("a folder");
    let plain = |user: usize, n: usize| {
        let mut file = File::create(folder.join(format!("{user}-{n}"))).expect("a plain file");
        file.write_all(&cards).expect("there is room");
        file.sync_data().expect("the host syncs");
    };
    let begun = Instant::now();
    (0..200).for_each(|n| plain(USERS, n));
    let alone = 200.0 / begun.elapsed().as_secs_f64();
    figure("fsync_per_file", alone, "files/s", None);
    figure("fsync_per_file_by_all_users", together(2, plain), "files/s", Some(("fsync_per_file", alone)));

    let database = Mutex::new(sqlite(place.join("spool.sqlite")));
    let insert = |user: usize, n: usize| {
        let database = database.lock().expect("nobody panicked");
        let mut insert = database.prepare_cached(INSERT).expect("the table is there");
        let userid = userid(user);
        let (spid, records, bytes) = (n as i64, CARDS as i64, cards.len() as i64);
        let row = params![userid.as_str(), 0, spid, userid.as_str(), "A", "NONE", 1_700_000_000_i64, records, bytes, cards];
        insert.execute(row).expect("a row");
    };
    let sqlite = together(1, insert);
    figure("sqlite_inserts_together", sqlite, "files/s", Some(("fsync_per_file", alone)));

    let spool = open(&place.join("close"));
    let begun = Instant::now();
    (0..200).for_each(|_| close(&spool, USERS, CARDS, &CARD));
    figure("close_alone", 200.0 / begun.elapsed().as_secs_f64(), "files/s", Some(("fsync_per_file", alone)));
    let closes = together(20, |user, _| close(&spool, user, CARDS, &CARD));
    figure("close_files_per_s", closes, "files/s", Some(("fsync_per_file", alone)));
    figure("close_vs_sqlite", closes / sqlite, "of sqlite_inserts_together", None);
}

const INSERT: &str = "INSERT INTO files VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// A database that answers an insert when it is durable, as CLOSE does.
fn sqlite(path: PathBuf) -> Database {
    let database = Database::open(path).expect("SQLite opens a database");
    database.pragma_update(None, "journal_mode", "WAL").expect("SQLite has a write-ahead log");
    database.pragma_update(None, "synchronous", "FULL").expect("SQLite syncs");
    let create = "CREATE TABLE files (owner TEXT, queue INTEGER, spid INTEGER, origin TEXT, class TEXT, hold TEXT, created INTEGER,
        records INTEGER, bytes INTEGER, data BLOB, UNIQUE (owner, spid))";
    database.execute(create, []).expect("a table");
    database
}

/// With many files in a system: QUERY READER ALL about one user's through CP, the spool's part of it, and a warm start.
fn among_many(files: usize) {
    let each = files / USERS;
    let mut system = System::start();
    system.add_users(USERS);
    system.shut_down();
    let home = system.directory().join("spool");
    let spool = open(&home);
    let closes = together(each, |user, _| close(&spool, user + 1, CARDS, &CARD));
    figure("fill", closes, "files/s", None);
    let list = |_| {
        let begun = Instant::now();
        assert_eq!(spool.list(&Selection::of(userid(500)).on(Queue::Reader)).expect("the index can be read").len(), each);
        begun.elapsed()
    };
    figure("list", median((0..100).map(list).collect()) / 1e3, "ms", None);
    drop(spool);
    let begun = Instant::now();
    let (spool, report) = Spool::open(&home, StartMode::Warm).expect("the spool starts");
    figure("start", begun.elapsed().as_secs_f64() * 1e3, "ms", None);
    assert!(report.files.all() >= files as u64);
    drop(spool);
    system.run();
    let query = |_| {
        let begun = Instant::now();
        assert!(ask(&system, "QUERY READER U0500 ALL").len() > each);
        begun.elapsed()
    };
    figure("query_ms", median((0..50).map(query).collect()) / 1e3, "ms", None);
}

/// What CP answers to a command.
fn ask(system: &System, command: &str) -> Vec<String> {
    let mut connection = Connection::open(&system.socket(), Request::Command(command.to_owned())).expect("CP listens");
    match connection.receive() {
        Ok(Reply::Answer(answer)) if answer.code == 0 => answer.lines,
        other => panic!("{command}: {other:?}"),
    }
}

/// Files that a printer is given one after the other.
const PRINTED: usize = 200;

/// A printer that is given one file after the other, alone and beside many that wait in its queue: files a second, each made durable.
fn print_among_many(files: usize) {
    let mut system = System::start();
    system.add_users(USERS);
    let alone = printed(&mut system, 0);
    figure("printed_alone", alone, "files/s", None);
    figure("printed_among_many", printed(&mut system, files / USERS), "files/s", Some(("printed_alone", alone)));
}

fn printed(system: &mut System, waiting_each: usize) -> f64 {
    system.shut_down();
    let spool = open(&system.directory().join("spool"));
    let held = |user: usize| {
        let attributes = Attributes { hold: Hold::User, ..Attributes::default() };
        let new = NewFile { origin: userid(user), device: Device::Printer, created: 1_700_000_000, attributes };
        let mut file = spool.create(new);
        file.append(9, &LINE).expect("there is room");
        spool.close(file, Destination { owner: userid(user), queue: Queue::Printer }).expect("the file is closed");
    };
    // The last of the users is the one whose files are printed.
    together(waiting_each, |user, _| held(user.max(1)));
    (0..PRINTED).for_each(|_| held(USERS));
    let spids: Vec<_> =
        spool.list(&Selection::of(userid(USERS)).on(Queue::Printer)).expect("the index can be read").iter().map(|file| file.spid).collect();
    drop(spool);
    system.run();
    ask(system, "START 00E");
    let begun = Instant::now();
    for spid in spids {
        ask(system, &format!("CHANGE {} PRINTER {spid} NOHOLD", userid(USERS)));
    }
    while !ask(system, &format!("QUERY FILES {}", userid(USERS))).concat().contains("NO PRT") {
        thread::sleep(Duration::from_millis(10));
    }
    PRINTED as f64 / begun.elapsed().as_secs_f64()
}
