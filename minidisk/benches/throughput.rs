//! How fast a variable file goes to a minidisk and back, beside a plain file with the same durability in the same run.
//!
//! `cargo bench -p minidisk` prints lines of the form `figure NAME VALUE UNIT ratio R of BASELINE`. TMPDIR says where.
#![allow(missing_docs)]

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Instant;

use minidisk::edf::{DateTime, FileId, FileSystem, RecordFormat};
use minidisk::extent::{Access, DeviceType, Extent, Header};

const MIB: f64 = 1024.0 * 1024.0;
const ROUNDS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    // 64 MiB of lines of 1 to 159 bytes.
    let lines: Vec<Vec<u8>> = (0..).map(|n: usize| vec![b'a' + (n % 26) as u8; 1 + n * 7919 % 159]).take(840_000).collect();
    let size = lines.iter().map(|line| line.len() + 1).sum::<usize>() as f64 / MIB;
    let mut best = [f64::MAX; 4];
    for round in 0..ROUNDS {
        let plain = directory.path().join(format!("plain{round}"));
        let extent = directory.path().join(format!("extent{round}"));
        let system = format(&extent)?;
        let times = [
            timed(|| write_plain(&plain, &lines))?,
            timed(|| write_minidisk(system, &lines))?,
            timed(|| read_plain(&plain, &lines))?,
            timed(|| read_minidisk(&extent, &lines))?,
        ];
        best.iter_mut().zip(times).for_each(|(best, time)| *best = best.min(time));
        std::fs::remove_file(plain)?;
        std::fs::remove_file(extent)?;
    }
    println!("{best:?}");
    let [plain_write, write, plain_read, read] = best.map(|seconds| size / seconds);
    println!("figure minidisk_write {write:.0} MiB/s ratio {:.2} of plain_write {plain_write:.0}", write / plain_write);
    println!("figure minidisk_read {read:.0} MiB/s ratio {:.2} of plain_read {plain_read:.0}", read / plain_read);
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

fn now() -> DateTime {
    DateTime::default()
}

fn format(path: &Path) -> Result<FileSystem<Extent>, Box<dyn Error>> {
    let header = Header { owner: "BENCH".into(), vdev: 0x191, device: DeviceType::Ckd3390 { cylinders: 200 } };
    Ok(FileSystem::format(Extent::create(path, &header)?, "BENCH", 200, now())?)
}

fn write_plain(path: &Path, lines: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    let mut file = std::io::BufWriter::with_capacity(256 << 10, File::create(path)?);
    for line in lines {
        file.write_all(line)?;
        file.write_all(b"\n")?;
    }
    let f = file.into_inner()?;
    let t = Instant::now();
    f.sync_data()?;
    println!("sync {:?}", t.elapsed());
    Ok(())
}

fn write_minidisk(mut system: FileSystem<Extent>, lines: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    system.write(&FileId::new("BENCH", "DATA")?, 1, RecordFormat::Variable, now(), lines)?;
    Ok(system.commit()?)
}

fn read_plain(path: &Path, lines: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    let mut file = BufReader::with_capacity(256 << 10, File::open(path)?);
    let mut line = Vec::new();
    for expected in lines {
        line.clear();
        file.read_until(b'\n', &mut line)?;
        assert!(line.len() == expected.len() + 1);
    }
    Ok(())
}

fn read_minidisk(path: &Path, lines: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    let mut system = FileSystem::open(Extent::open(path, Access::Read)?)?;
    let mut records = system.read(&FileId::new("BENCH", "DATA")?)?;
    let mut record = Vec::new();
    for expected in lines {
        records.next_into(&mut record)?;
        assert!(record.len() == expected.len());
    }
    Ok(())
}
