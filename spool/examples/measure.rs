//! Prints what the spool takes on this host beside the bare cost: `cargo run --release -p spool --example measure DIRECTORY`.
//!
//! Each figure is printed with its baseline, measured right before it in the same directory.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Instant;

use spool::{Attributes, Destination, Device, NewFile, Queue, Selection, Spool, SpoolError, StartMode, Userid};

const MIB: f64 = 1_048_576.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).ok_or("Name a directory to measure in")?;
    let directory = Path::new(&directory).join("measure-spool");
    fs::create_dir_all(&directory)?;
    stream(&directory)?;
    closes(&directory)?;
    starts(&directory)?;
    fs::remove_dir_all(&directory)?;
    Ok(())
}

fn userid(number: usize) -> Userid {
    Userid::new(&format!("USER{number}")).unwrap_or_else(|error| panic!("{error}"))
}

fn new_file(user: usize) -> NewFile {
    NewFile { origin: userid(user), device: Device::Printer, created: 0, attributes: Attributes::default() }
}

fn close(spool: &Spool, user: usize, records: usize, record: &[u8]) -> Result<(), SpoolError> {
    let mut file = spool.create(new_file(user));
    for _ in 0..records {
        file.append(9, record)?;
    }
    spool.close(file, Destination { owner: userid(user), queue: Queue::Reader })?;
    Ok(())
}

/// One print file of 256 MiB in records of 132 bytes, written and read, against a plain file with fdatasync.
fn stream(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let record = [b'x'; 132];
    let records = (256 << 20) / record.len();
    let mut ratios = Vec::new();
    for round in 0..7 {
        let plain = directory.join("plain");
        let begun = Instant::now();
        let mut file = std::io::BufWriter::with_capacity(128 << 10, File::create(&plain)?);
        for _ in 0..records {
            file.write_all(&record)?;
        }
        file.into_inner()?.sync_data()?;
        let bare = begun.elapsed().as_secs_f64();
        fs::remove_file(&plain)?;

        let (spool, _) = Spool::open(&directory.join("stream"), StartMode::Warm)?;
        let begun = Instant::now();
        close(&spool, 1, records, &record)?;
        let spooled = begun.elapsed().as_secs_f64();
        let file = spool.list(&Selection::of(userid(1)))?.pop().ok_or("The file is gone")?;
        let begun = Instant::now();
        let mut reader = spool.reader(file.owner, file.queue, file.spid)?;
        let mut bytes = 0;
        while let Some(record) = reader.next_record()? {
            bytes += record.data.len();
        }
        let read = begun.elapsed().as_secs_f64();
        drop(reader);
        let begun = Instant::now();
        spool.purge(&Selection::of(userid(1)))?;
        ratios.push(bare / spooled);
        println!(
            "stream {round}: plain {:.0} MiB/s, spool {:.0} MiB/s, ratio {:.2}; read back (cached) {:.0} MiB/s; purge {:.1} ms",
            256.0 / bare,
            256.0 / spooled,
            bare / spooled,
            bytes as f64 / MIB / read,
            begun.elapsed().as_secs_f64() * 1e3
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("stream: median ratio {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

/// Files of ten cards closed by one thread and by 64, against one plain file with fdatasync each.
fn closes(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    for n in 0..300 {
        let mut file = File::create(directory.join(format!("plain{n}")))?;
        file.write_all(&[b'x'; 800])?;
        file.sync_data()?;
    }
    let bare = 300.0 / begun.elapsed().as_secs_f64();
    let (spool, _) = Spool::open(&directory.join("closes"), StartMode::Warm)?;
    for threads in [1, 64, 1000] {
        let each = if threads == 1 { 300 } else { 64 * 30 / threads.min(64 * 30) + 1 };
        let begun = Instant::now();
        thread::scope(|scope| {
            for user in 0..threads {
                let spool = &spool;
                scope.spawn(move || (0..each).try_for_each(|_| close(spool, user, 10, &[b'x'; 80])).unwrap_or_else(|e| panic!("{e}")));
            }
        });
        let rate = (threads * each) as f64 / begun.elapsed().as_secs_f64();
        println!(
            "closes: {threads} threads {rate:.0} files/s, one plain file with fdatasync each {bare:.0} files/s, ratio {:.1}",
            rate / bare
        );
    }
    Ok(())
}

/// Start and list with 100,000 files of 1,000 users, after a shutdown and after a crash.
fn starts(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let home = directory.join("starts");
    let (spool, _) = Spool::open(&home, StartMode::Warm)?;
    thread::scope(|scope| {
        for worker in 0..250 {
            let spool = &spool;
            scope.spawn(move || {
                for n in 0..400 {
                    close(spool, worker * 4 + n % 4, 10, &[b'x'; 80]).unwrap_or_else(|e| panic!("{e}"));
                }
            });
        }
    });
    let crashed = directory.join("crashed");
    fs::create_dir_all(&crashed)?;
    for entry in fs::read_dir(&home)? {
        let entry = entry?;
        fs::copy(entry.path(), crashed.join(entry.file_name()))?;
    }
    let begun = Instant::now();
    let files = spool.list(&Selection::of(userid(500)))?.len();
    println!("list: {files} files of one user among 100,000 in {:.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    let begun = Instant::now();
    let files = spool.list(&Selection::default())?.len();
    println!("list: all {files} in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    drop(spool);
    for (how, place) in [("shutdown", &home), ("crash", &crashed)] {
        let begun = Instant::now();
        let (_spool, report) = Spool::open(place, StartMode::Warm)?;
        println!("start after {how}: {} files in {:.0} ms", report.files.all(), begun.elapsed().as_secs_f64() * 1e3);
    }
    let begun = Instant::now();
    let report = Spool::check(&home, false)?;
    println!("check: {} files, {} problems in {:.1} s", report.files, report.problems.len(), begun.elapsed().as_secs_f64());
    Ok(())
}
