//! Which dump is meant, and where it is: a file of the host, a spool that nobody uses, or a running system, which archives it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use console::client;
use cp_monitor::debug::vmdump::Dump;
use cp_monitor::debug::vmdump::format::MAGIC;
use cp_monitor::directory::UserId;
use cp_monitor::system::{DataDirectory, DataError};
use spool::{ArchiveReader, FileInfo, Queue, Selection, Spid, Spool, StartMode, Userid};

use super::super::spool::Passage;
use super::super::{Place, because};
use super::Options;

/// Reads the dump that is meant.
pub(super) fn find(place: &Place, options: &Options) -> Result<Dump, String> {
    if let Some(path) = &options.file {
        let shown = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut beginning = Vec::new();
        File::open(path)
            .map_err(|error| shown(&error))?
            .take(MAGIC.len() as u64)
            .read_to_end(&mut beginning)
            .map_err(|error| shown(&error))?;
        if beginning == MAGIC {
            let input = BufReader::new(File::open(path).map_err(|error| shown(&error))?);
            return Dump::read(input).map_err(|error| shown(&error));
        }
        return of_archive(path, options);
    }
    let user = options.user.ok_or("Name a file, or whose dump it is with --user")?;
    let root = place.existing()?;
    match DataDirectory::hold_existing(&root) {
        Ok(held) => of_spool(&held, user, options),
        Err(DataError::Running { .. }) => of_system(place, &root, user, options),
        Err(error) => Err(because(error)),
    }
}

/// The spool is opened here.
fn of_spool(held: &DataDirectory, user: UserId, options: &Options) -> Result<Dump, String> {
    let (spool, _) = Spool::open(&held.spool(), StartMode::Warm).map_err(because)?;
    let owner = Userid::new(user.as_str()).map_err(because)?;
    let files = spool.list(&Selection::of(owner).on(Queue::Reader)).map_err(because)?;
    let file = chosen(files, options)?;
    let mut records = spool.reader(file.owner, file.queue, file.spid).map_err(because)?;
    read(|| records.next_record().map(|record| record.map(|record| record.data.to_vec())).map_err(io::Error::other))
}

/// The running system archives it, by way of its own folder of archives.
fn of_system(place: &Place, root: &Path, user: UserId, options: &Options) -> Result<Dump, String> {
    let passage = Passage::new(root)?;
    let spid = options.spid.map_or_else(String::new, |spid| format!(" {spid:04}"));
    let command = format!("SPXTAPE DUMP {} USERID {user} RDR{spid} REPLACE", passage.name);
    let answer = client::command(&place.socket()?, &command).map_err(because)?;
    if answer.code == 0 { of_archive(&passage.path, options) } else { Err(answer.lines.join("\n")) }
}

fn of_archive(path: &Path, options: &Options) -> Result<Dump, String> {
    let shown = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let open = || {
        let file = File::open(path).map_err(|error| shown(&error))?;
        ArchiveReader::new(BufReader::new(file))
            .map_err(|error| format!("{}: neither a dump of VMDUMP nor an archive: {error}", path.display()))
    };
    let (mut files, mut archive) = (Vec::new(), open()?);
    while let Some(file) = archive.next_file().map_err(|error| shown(&error))? {
        files.push(file);
    }
    let wanted = chosen(files, options)?;
    let mut archive = open()?;
    while let Some(file) = archive.next_file().map_err(|error| shown(&error))? {
        if file == wanted {
            return read(|| archive.next_record().map(|record| record.map(|record| record.data.to_vec())).map_err(io::Error::other))
                .map_err(|error| shown(&error));
        }
    }
    Err(shown(&"the file changed while it was read"))
}

/// The dump that is meant among these files: the one with that number, or the newest.
fn chosen(files: Vec<FileInfo>, options: &Options) -> Result<FileInfo, String> {
    let spid = options.spid.map(Spid::new).transpose().map_err(because)?;
    let of_user = |file: &FileInfo| options.user.is_none_or(|user| file.owner.as_str() == user.as_str());
    let is_meant = |file: &FileInfo| match spid {
        Some(spid) => file.spid == spid,
        None => file.attributes.name.file_type() == "VMDUMP",
    };
    let found = files.into_iter().filter(|file| of_user(file) && is_meant(file)).max_by_key(|file| (file.created, file.serial));
    found.ok_or_else(|| "There is no such dump".to_string())
}

/// Reads a dump out of records.
fn read(next: impl FnMut() -> io::Result<Option<Vec<u8>>>) -> Result<Dump, String> {
    Dump::read(Records { next, record: Vec::new(), taken: 0 }).map_err(because)
}

/// Records one behind the other.
struct Records<F> {
    next: F,
    record: Vec<u8>,
    taken: usize,
}

impl<F: FnMut() -> io::Result<Option<Vec<u8>>>> Read for Records<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.record.len() {
            let Some(record) = (self.next)()? else { return Ok(0) };
            (self.record, self.taken) = (record, 0);
        }
        let length = into.len().min(self.record.len() - self.taken);
        into[..length].copy_from_slice(&self.record[self.taken..self.taken + length]);
        self.taken += length;
        Ok(length)
    }
}
