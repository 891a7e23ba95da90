//! A real reader: files dropped into its folder become reader files of their users.
//!
//! ```text
//! FOLDER/USERID/file    for that user                  FOLDER/file    with an ID card as its first card
//! FOLDER/.taken/        files between the spool and their end           FOLDER/refused/    files that cannot be taken
//! ```
//!
//! A file is taken when it has not changed for two looks, so one that is still being copied is left alone; names that begin with a full stop
//! or end with `.part`, `.tmp` or `~` never are. Symbolic links and everything but plain files are passed over. It is first moved to
//! `.taken` under the serial number of its spool file: after a crash one whose spool file is there is done with, and any other is taken again.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use spool::{Attributes, Destination, FileName, NewFile, OpenFile, Queue, Selection, SpoolError};

use super::ReaderState;
use super::deck::{Deck, DeckError, IdCard, name_of_host_file};
use crate::command;
use crate::directory::{DeviceNumber, UserId};
use crate::system::Cp;
use crate::users::spool_userid;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Most files taken at one look, so that DRAIN is heard.
const FILES_MAX: usize = 100;
/// Files on their way into the spool.
const TAKEN: &str = ".taken";
/// Files that cannot be taken.
const REFUSED: &str = "refused";
/// Characters kept of a host file's name while it is on its way, and when another one is refused under the same name.
const NAME_MAX: usize = 48;
/// The channel command of a card.
const CARD_COMMAND: u16 = 0x41;

/// What a file looked like: device, number, length and time of change. The same at two looks, it is complete.
type Looks = (u64, u64, u64, i64, i64);

/// Why a dropped file did not become a spool file.
enum Trouble {
    /// It never will; the sentence says why.
    File(String),
    /// It may later: it changed meanwhile.
    Busy,
    /// The reader cannot go on.
    Reader(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Reader(error.to_string())
    }
}

/// Works until the system ends.
pub(super) fn run(cp: &Arc<Cp>, number: DeviceNumber) {
    let mut seen = BTreeMap::new();
    let mut begun = false;
    while let Some(reader) = cp.real_devices.wait_for_reader(number, LOOK) {
        let mut look = Look { cp, reader: &reader, seen: &seen, now: BTreeMap::new(), left: FILES_MAX };
        let looked = if begun { Ok(()) } else { begin(cp, &reader) }.and_then(|()| look.everywhere());
        let now = look.now;
        begun = looked.is_ok();
        if let Err(Trouble::Reader(reason)) = looked {
            cp.real_devices.change_reader(number, |reader| reader.stopped = Some(reason.clone()));
            cp.say_to_operator(&format!("HCPRSR9436E RDR  {number} stopped: {reason}. START {number} goes on"));
        }
        seen = now;
    }
}

/// Makes the folders, and finishes what a crash interrupted.
fn begin(cp: &Cp, reader: &ReaderState) -> Result<(), Trouble> {
    let taken = reader.folder.join(TAKEN);
    fs::create_dir_all(&taken)?;
    for entry in fs::read_dir(&taken)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((serial, rest)) = name.split_once(',') else { continue };
        let Ok(serial) = u64::from_str_radix(serial, 16) else { continue };
        let known = cp.spool.list(&Selection { serial: Some(serial), ..Selection::default() });
        let known = known.map_err(|error| Trouble::Reader(error.to_string()))?;
        if !known.is_empty() {
            fs::remove_file(entry.path())?;
        } else if let Some((user, file)) = rest.split_once(',') {
            let folder = if user.is_empty() { reader.folder.clone() } else { reader.folder.join(user) };
            fs::create_dir_all(&folder)?;
            fs::rename(entry.path(), folder.join(file))?;
        }
    }
    Ok(())
}

/// One look at the folder and at those of its users.
struct Look<'a> {
    cp: &'a Arc<Cp>,
    reader: &'a ReaderState,
    /// What files looked like the last time.
    seen: &'a BTreeMap<PathBuf, Looks>,
    /// What those that were left look like now.
    now: BTreeMap<PathBuf, Looks>,
    /// Files that may still be taken.
    left: usize,
}

impl Look<'_> {
    fn everywhere(&mut self) -> Result<(), Trouble> {
        for (path, metadata) in entries(&self.reader.folder)? {
            if metadata.is_file() {
                self.consider(None, path, &metadata)?;
            } else if metadata.is_dir() && !path.ends_with(REFUSED) {
                let user = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<UserId>().ok());
                let Some(user) = user.filter(|user| self.cp.directory().user(user).is_some()) else { continue };
                for (path, metadata) in entries(&path)?.into_iter().filter(|(_, metadata)| metadata.is_file()) {
                    self.consider(Some(user), path, &metadata)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a file when it looks as it did before; remembers it otherwise.
    fn consider(&mut self, user: Option<UserId>, path: PathBuf, metadata: &Metadata) -> Result<(), Trouble> {
        let looks = looks(metadata);
        if self.seen.get(&path) != Some(&looks) || self.left == 0 {
            self.now.insert(path, looks);
            return Ok(());
        }
        self.left -= 1;
        let dropped = Dropped { user, path: &path, looks };
        match dropped.take(self.cp, self.reader) {
            Ok(()) => Ok(()),
            Err(Trouble::Busy) => {
                self.now.insert(path, looks);
                Ok(())
            }
            Err(Trouble::File(reason)) => refuse(self.cp, self.reader, &path, &reason),
            Err(trouble) => Err(trouble),
        }
    }
}

/// What is in a folder, by name, without what is not finished or hidden; symbolic links are not followed.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, Metadata)>, Trouble> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || [".part", ".tmp", "~"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        // It may be gone by now.
        if let Ok(metadata) = entry.path().symlink_metadata() {
            found.push((entry.path(), metadata));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn looks(metadata: &Metadata) -> Looks {
    (metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// A file that is complete.
struct Dropped<'a> {
    /// Whose folder it is in.
    user: Option<UserId>,
    path: &'a Path,
    looks: Looks,
}

impl Dropped<'_> {
    fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Reads it into the spool.
    fn take(&self, cp: &Arc<Cp>, reader: &ReaderState) -> Result<(), Trouble> {
        // Opened so that neither a link put in its place nor a pipe without a writer is followed.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(self.path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => return Ok(()),
            Err(error) => return Err(Trouble::File(format!("it cannot be opened: {error}"))),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || looks(&metadata) != self.looks {
            return Err(Trouble::Busy);
        }
        let mut deck = Deck::new(BufReader::with_capacity(64 << 10, &file), None).map_err(failed)?;
        let card = match self.user {
            Some(user) => Card { owner: spool_userid(&user), attributes: named(&self.name()) },
            None => id_card(cp, &mut deck, &self.name())?,
        };
        let mut open = cp.spool.create(NewFile {
            origin: spool_userid(&cp.operator_id()),
            device: spool::Device::Reader,
            created: cp.clock.unix_seconds(),
            attributes: card.attributes,
        });
        while let Some(record) = deck.next_record().map_err(failed)? {
            open.append(CARD_COMMAND, &record).map_err(|error| Trouble::Reader(error.to_string()))?;
        }
        if looks(&file.metadata()?) != self.looks {
            return Err(Trouble::Busy);
        }
        self.keep(cp, reader, open, card.owner)
    }

    /// Closes the spool file and ends the host file, so that after a crash in between a start knows which of the two is there.
    fn keep(&self, cp: &Arc<Cp>, reader: &ReaderState, open: OpenFile, owner: spool::Userid) -> Result<(), Trouble> {
        let user = self.user.map_or_else(String::new, |user| user.to_string());
        // No userid has a comma. A long name is cut: the host takes no longer one.
        let name: String = self.name().chars().take(NAME_MAX).collect();
        let folder = reader.folder.join(TAKEN);
        let taken = folder.join(format!("{:x},{user},{name}", open.serial()));
        fs::rename(self.path, &taken)?;
        File::open(&folder)?.sync_all()?;
        match cp.spool.close(open, Destination { owner, queue: Queue::Reader }) {
            Ok(closed) => {
                fs::remove_file(&taken)?;
                cp.say_to_operator(&format!("RDR FILE {} HAS BEEN READ", closed.file.spid));
                command::announce(cp, None, &closed);
                Ok(())
            }
            Err(error) => {
                fs::rename(&taken, self.path)?;
                Err(match error.error {
                    // The user's own limit is no trouble of the reader's.
                    error @ (SpoolError::FileLimit { .. } | SpoolError::NoSpoolId(_)) => Trouble::File(error.to_string()),
                    error => Trouble::Reader(error.to_string()),
                })
            }
        }
    }
}

/// Whose a deck is, and what it is called.
struct Card {
    owner: spool::Userid,
    attributes: Attributes,
}

fn named(host_name: &str) -> Attributes {
    let (name, file_type) = name_of_host_file(host_name);
    Attributes { name: FileName::File(name, Some(file_type)), ..Attributes::default() }
}

fn id_card<R: std::io::BufRead>(cp: &Cp, deck: &mut Deck<R>, host_name: &str) -> Result<Card, Trouble> {
    let missing = || Trouble::File("id card missing or invalid".to_string());
    let first = deck.next_record().map_err(failed)?.ok_or_else(missing)?;
    let id = IdCard::parse(&first).ok_or_else(missing)?;
    let user: Option<UserId> = id.userid.as_str().parse().ok();
    if user.and_then(|user| cp.directory().user(&user).map(drop)).is_none() {
        return Err(Trouble::File(format!("{} not in CP directory", id.userid)));
    }
    let name = if id.name == FileName::None { named(host_name).name } else { id.name };
    Ok(Card { owner: id.userid, attributes: Attributes { class: id.class, name, tag: id.tag, ..Attributes::default() } })
}

fn failed(error: DeckError) -> Trouble {
    match error {
        DeckError::Io(error) => Trouble::Reader(error.to_string()),
        error => Trouble::File(error.to_string()),
    }
}

/// Puts a file aside that can never be taken.
fn refuse(cp: &Cp, reader: &ReaderState, path: &Path, reason: &str) -> Result<(), Trouble> {
    let folder = reader.folder.join(REFUSED);
    fs::create_dir_all(&folder)?;
    let name = path.file_name().unwrap_or_default();
    let mut target = folder.join(name);
    for number in 2.. {
        if target.symlink_metadata().is_err() {
            break;
        }
        let short: String = name.to_string_lossy().chars().take(NAME_MAX).collect();
        target = folder.join(format!("{short}.{number}"));
    }
    fs::rename(path, &target)?;
    let shown: String = name.to_string_lossy().chars().map(|c| if c.is_control() { '.' } else { c }).collect();
    cp.say_to_operator(&format!("HCPRSR431E Reader {} {reason}; {shown} was put into {REFUSED}", reader.number));
    Ok(())
}
