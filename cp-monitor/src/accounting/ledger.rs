//! The files that CP appends records to.
//!
//! A record is written to the host when [`Ledger::append`] returns, so it outlives CP; [`Ledger::settle`], which a thread of CP's calls over
//! and over, makes what was written durable, all that came together by one sync. A host that takes no more costs the records that it did not take.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::record::{LINE_MAX, Record};
use super::{file_of, files};

/// From this length on a file gives way to the next, in bytes.
const FILE_MAX: u64 = 16 << 20;
/// Files that are kept.
pub const KEPT: usize = 64;

/// Why a record is lost, or may be.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The host did not take it.
    #[error("{path}: {source}")]
    Io {
        /// The file, or the folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What became of the files besides the record.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The oldest file, which had to go.
    pub dropped: Option<PathBuf>,
    /// Bytes of a record that a crash left unfinished, and that were cut off.
    pub cut: u64,
}

/// How the ledger stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// RECORDING ACCOUNT is ON.
    pub on: bool,
    /// Records written since CP started.
    pub written: u64,
    /// Records lost since CP started.
    pub lost: u64,
}

/// The file that is appended to.
struct Current {
    file: Arc<File>,
    path: PathBuf,
    length: u64,
}

struct State {
    status: Status,
    /// Opened with the first record, and again after the host failed.
    current: Option<Current>,
    /// Of the records written, those that are durable.
    settled: u64,
    stopping: bool,
}

/// The files of one system.
pub struct Ledger {
    folder: PathBuf,
    file_max: u64,
    state: Mutex<State>,
    /// There is something to settle, or something was settled.
    changed: Condvar,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_path_buf();
    |source| LedgerError::Io { path, source }
}

impl Ledger {
    /// The records in `folder`, which is made when there is something to write.
    pub fn new(folder: PathBuf) -> Self {
        Self::with_limit(folder, FILE_MAX)
    }

    fn with_limit(folder: PathBuf, file_max: u64) -> Self {
        let status = Status { on: true, ..Status::default() };
        let state = Mutex::new(State { status, current: None, settled: 0, stopping: false });
        Self { folder, file_max, state, changed: Condvar::new() }
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.state.lock().status
    }

    /// RECORDING ACCOUNT ON or OFF.
    pub fn record(&self, on: bool) {
        self.state.lock().status.on = on;
    }

    /// Writes a record, unless recording is off.
    ///
    /// # Errors
    /// The host did not take it: it is lost and counted. The file is as it was before.
    pub fn append(&self, record: &Record) -> Result<Appended, LedgerError> {
        let mut state = self.state.lock();
        if !state.status.on {
            return Ok(Appended::default());
        }
        let written = self.write(&mut state, record.line().as_bytes());
        match written {
            Ok(_) => state.status.written += 1,
            Err(_) => state.status.lost += 1,
        }
        self.changed.notify_all();
        written
    }

    fn write(&self, state: &mut State, line: &[u8]) -> Result<Appended, LedgerError> {
        let mut appended = Appended::default();
        let full = state.current.as_ref().is_some_and(|current| current.length >= self.file_max);
        if full && let Some(current) = state.current.take() {
            // The file behind which the next one comes is durable: only the last one is settled.
            current.file.sync_data().map_err(failed(&current.path))?;
        }
        if state.current.is_none() {
            let (current, cut) = self.open(full)?;
            appended = Appended { cut, dropped: self.drop_oldest() };
            state.current = Some(current);
        }
        let Some(current) = &mut state.current else { return Ok(appended) };
        let mut file = &*current.file;
        match file.write_all(line) {
            Ok(()) => current.length += line.len() as u64,
            Err(source) => {
                let error = failed(&current.path)(source);
                // What was taken of the record goes again. Should that fail too, opening the file anew cuts it.
                if current.file.set_len(current.length).is_err() {
                    state.current = None;
                }
                return Err(error);
            }
        }
        Ok(appended)
    }

    /// Opens the newest file, or begins the next one; answers also what was cut off its end.
    fn open(&self, next: bool) -> Result<(Current, u64), LedgerError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed(&self.folder))?;
        let newest = files(&self.folder).map_err(failed(&self.folder))?.pop();
        let mut number = newest.map_or(1, |(number, _)| if next { number + 1 } else { number });
        loop {
            let path = file_of(&self.folder, number);
            let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path);
            let mut file = opened.map_err(failed(&path))?;
            let length = file.metadata().map_err(failed(&path))?.len();
            let Some(whole) = whole_lines(&mut file, length).map_err(failed(&path))? else {
                // Not lines at all: it is left as it is, for `cp64 check` to name.
                number += 1;
                continue;
            };
            if whole < length {
                file.set_len(whole).and_then(|()| file.sync_data()).map_err(failed(&path))?;
            }
            if whole >= self.file_max {
                number += 1;
                continue;
            }
            // The name is durable when the folder that holds it is.
            File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed(&self.folder))?;
            return Ok((Current { file: Arc::new(file), path, length: whole }, length - whole));
        }
    }

    fn drop_oldest(&self) -> Option<PathBuf> {
        let all = files(&self.folder).ok()?;
        let (_, oldest) = all.get(..all.len().checked_sub(KEPT)?)?.first()?;
        fs::remove_file(oldest).ok().map(|()| oldest.clone())
    }

    /// Waits for records that are not durable and makes them so; `None` once the ledger was stopped and everything is.
    pub fn settle(&self) -> Option<Result<(), LedgerError>> {
        let mut state = self.state.lock();
        while state.settled == state.status.written {
            if state.stopping {
                return None;
            }
            self.changed.wait(&mut state);
        }
        let upto = state.status.written;
        let file = state.current.as_ref().map(|current| (Arc::clone(&current.file), current.path.clone()));
        drop(state);
        let synced = file.map_or(Ok(()), |(file, path)| file.sync_data().map_err(failed(&path)));
        // After a failed sync the host has forgotten what it had: a second one would say that all is well.
        self.state.lock().settled = upto;
        self.changed.notify_all();
        Some(synced)
    }

    /// Waits until every record that was written before is durable, or the host failed to make it so.
    pub fn wait_settled(&self) {
        let mut state = self.state.lock();
        let upto = state.status.written;
        while state.settled < upto && !state.stopping {
            self.changed.wait(&mut state);
        }
    }

    /// Ends [`Ledger::settle`] after what there is.
    pub fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }
}

/// How long the file is up to the end of its last whole line; `None` when no line ends where one must.
fn whole_lines(file: &mut File, length: u64) -> io::Result<Option<u64>> {
    let looked = length.min(LINE_MAX as u64);
    file.seek(SeekFrom::Start(length - looked))?;
    let mut tail = Vec::new();
    file.take(looked).read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|&byte| byte == b'\n').map(|at| length - looked + at as u64 + 1);
    Ok(end.or((looked == length).then_some(0)))
}

#[cfg(test)]
mod tests {
    use super::super::read::Records;
    use super::super::record::tests::record;
    use super::*;

    fn users(folder: &Path) -> Vec<Result<String, String>> {
        let of = |item: Result<Record, super::super::read::Unreadable>| item.map(|record| record.userid).map_err(|bad| bad.to_string());
        Records::in_folder(folder).unwrap().map(of).collect()
    }

    #[test]
    fn records_stay_in_order_over_stops_and_files() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("accounting");
        for round in 0..4 {
            // A record is some 250 bytes: three to a file.
            let ledger = Ledger::with_limit(folder.clone(), 600);
            for number in 0..5 {
                ledger.append(&record(&format!("U{round}{number}"), 1000)).unwrap();
            }
            assert_eq!(ledger.status().written, 5);
        }
        let expected: Vec<_> = (0..4).flat_map(|round| (0..5).map(move |number| Ok(format!("U{round}{number}")))).collect();
        assert_eq!(users(&folder), expected);
        assert!(files(&folder).unwrap().len() > 4);
    }

    #[test]
    fn a_torn_tail_is_cut_and_nothing_else_is_lost() {
        let room = tempfile::tempdir().unwrap();
        let line = record("SECOND", 1000).line();
        for cut in 1..line.len() {
            let folder = room.path().join(cut.to_string());
            Ledger::new(folder.clone()).append(&record("FIRST", 1000)).unwrap();
            let path = file_of(&folder, 1);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, [&whole[..], &line.as_bytes()[..cut]].concat()).unwrap();
            let appended = Ledger::new(folder.clone()).append(&record("THIRD", 1000)).unwrap();
            assert_eq!(appended.cut, cut as u64);
            assert_eq!(users(&folder), [Ok("FIRST".to_string()), Ok("THIRD".to_string())]);
        }
    }

    #[test]
    fn zeroes_after_a_power_loss_are_a_torn_tail() {
        let room = tempfile::tempdir().unwrap();
        Ledger::new(room.path().to_path_buf()).append(&record("FIRST", 1000)).unwrap();
        let path = file_of(room.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([0; 700]);
        fs::write(&path, bytes).unwrap();
        assert_eq!(Ledger::new(room.path().to_path_buf()).append(&record("SECOND", 1000)).unwrap().cut, 700);
        assert_eq!(users(room.path()), [Ok("FIRST".to_string()), Ok("SECOND".to_string())]);
    }

    #[test]
    fn a_file_of_something_else_is_named_and_left_alone() {
        let room = tempfile::tempdir().unwrap();
        let path = file_of(room.path(), 1);
        fs::write(&path, vec![7; 10_000]).unwrap();
        let ledger = Ledger::new(room.path().to_path_buf());
        ledger.append(&record("FIRST", 1000)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), vec![7; 10_000]);
        let read = users(room.path());
        assert!(read[0].as_ref().is_err_and(|bad| bad.contains("00000001.acct")), "{read:?}");
        assert_eq!(read.last(), Some(&Ok("FIRST".to_string())));
    }

    #[test]
    fn the_oldest_file_goes_when_there_are_too_many() {
        let room = tempfile::tempdir().unwrap();
        let ledger = Ledger::with_limit(room.path().to_path_buf(), 1);
        let dropped: Vec<_> = (0..KEPT + 2).filter_map(|_| ledger.append(&record("A", 1000)).unwrap().dropped).collect();
        assert_eq!(dropped, [file_of(room.path(), 1), file_of(room.path(), 2)]);
        assert_eq!(users(room.path()).len(), KEPT);
    }

    #[test]
    fn a_record_that_the_host_does_not_take_is_counted_and_the_next_is_tried() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("accounting");
        fs::write(&folder, "not a folder").unwrap();
        let ledger = Ledger::new(folder.clone());
        assert!(ledger.append(&record("LOST", 1000)).is_err());
        fs::remove_file(&folder).unwrap();
        ledger.append(&record("KEPT", 1000)).unwrap();
        assert_eq!(ledger.status(), Status { on: true, written: 1, lost: 1 });
        ledger.record(false);
        ledger.append(&record("OFF", 1000)).unwrap();
        assert_eq!(users(&folder), [Ok("KEPT".to_string())]);
    }

    #[test]
    fn waiting_for_records_to_be_durable_ends_when_they_are() {
        let room = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::new(room.path().to_path_buf()));
        let settling = Arc::clone(&ledger);
        let thread = std::thread::spawn(move || while settling.settle().is_some_and(|settled| settled.is_ok()) {});
        for _ in 0..10 {
            ledger.append(&record("A", 1000)).unwrap();
        }
        ledger.wait_settled();
        assert_eq!(ledger.state.lock().settled, 10);
        ledger.append(&record("B", 1000)).unwrap();
        ledger.stop();
        thread.join().unwrap();
        assert_eq!(ledger.state.lock().settled, 11, "what was written before the stop is durable");
    }
}
