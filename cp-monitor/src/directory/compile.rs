//! From source to directory: every statement read, every rule between statements checked, every clear-text secret hashed.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::diagnostic::{Diagnostics, DirectoryError, EntryName, Position, Problem, Remark, Warning};
use super::entry::Draft;
use super::extents;
use super::grammar;
use super::model::{Directory, Extent, UserEntry};
use super::names::UserId;
use super::operands::{Operands, Parsed};
use super::password::{Password, SecretHash, SecretHasher};
use super::scan::{self, Scanner, Statement, Word};
use super::verbs::{self, Section, StatementKind, Verb};

/// What a good source makes.
#[derive(Debug)]
pub struct Compiled {
    /// The users.
    pub directory: Directory,
    /// What was taken and deserves a word, in source order.
    pub warnings: Vec<Warning>,
    /// The source byte for byte, but with a hash in the place of each clear-text secret.
    pub stored_source: String,
}

/// Compiles a directory source.
///
/// # Errors
/// Everything that is wrong with it, in source order (at most [`super::diagnostic::LISTED_MAX`] and a note that there is more).
/// No secret is hashed unless all of the source is good.
pub fn compile(source: &str, hasher: &dyn SecretHasher) -> Result<Compiled, Vec<DirectoryError>> {
    let read = Reading::of(source);
    if !read.said.errors.is_empty() {
        return Err(read.said.errors);
    }
    let warnings = read.said.warnings;
    if read.secrets.is_empty() {
        return Ok(Compiled { directory: read.directory, warnings, stored_source: source.to_owned() });
    }
    let hashes = hash_all(&read.secrets, hasher)?;
    let tokens = read.secrets.iter().zip(&hashes).map(|(word, hash)| (word.offset..word.end(), hash.token()));
    let stored_source = scan::splice(source, tokens);
    // Reading the stored text again gives the secrets their hashes and proves that it is accepted in its turn.
    let stored = Reading::of(&stored_source);
    if !stored.said.errors.is_empty() {
        return Err(stored.said.errors);
    }
    let directory = stored.directory;
    Ok(Compiled { directory, warnings, stored_source })
}

/// Reads a source that holds no clear-text secret, such as `directory.online`.
pub(super) fn parse_stored(source: &str) -> Result<Directory, Vec<DirectoryError>> {
    let mut read = Reading::of(source);
    for word in &read.secrets {
        read.said.error(word.at, Problem::ClearText);
    }
    if read.said.errors.is_empty() { Ok(read.directory) } else { Err(read.said.errors) }
}

/// Reads a source that may hold clear-text secrets, for its disks and users; what its secrets are stays unknown.
pub(super) fn parse_outline(source: &str) -> Result<Directory, Vec<DirectoryError>> {
    let read = Reading::of(source);
    if read.said.errors.is_empty() { Ok(read.directory) } else { Err(read.said.errors) }
}

/// Hashes on as many threads as the host has processors: each hash takes tens of milliseconds.
fn hash_all(secrets: &[Word], hasher: &dyn SecretHasher) -> Result<Vec<SecretHash>, Vec<DirectoryError>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(secrets.len());
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(word) = secrets.get(index) else {
                        break;
                    };
                    let outcome = hasher.hash(word.text);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, outcome);
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (mut hashes, mut errors) = (Vec::with_capacity(secrets.len()), Vec::new());
    for (outcome, word) in done.into_values().zip(secrets) {
        match outcome {
            Ok(hash) => hashes.push(hash),
            Err(error) => errors.push(DirectoryError { at: word.at, problem: Problem::Secret(error) }),
        }
    }
    if errors.is_empty() { Ok(hashes) } else { Err(errors) }
}

/// A source that has been read: what it says, and what is to be said about it.
struct Reading<'s> {
    directory: Directory,
    secrets: Vec<Word<'s>>,
    said: Diagnostics,
}

impl<'s> Reading<'s> {
    fn of(source: &'s str) -> Self {
        let mut assembly = Assembly::default();
        for statement in Scanner::new(source) {
            match statement {
                Ok(statement) => assembly.statement(&statement),
                Err(error) => assembly.said.error(error.at, error.problem),
            }
        }
        assembly.finish()
    }
}

/// The entries so far and the one being read.
#[derive(Default)]
struct Assembly<'s> {
    said: Diagnostics,
    secrets: Vec<Word<'s>>,
    profiles: BTreeMap<UserId, Draft>,
    users: BTreeMap<UserId, UserEntry>,
    current: Option<Draft>,
    /// A USER entry has been met, so no PROFILE may follow.
    in_users: bool,
}

impl<'s> Assembly<'s> {
    fn statement(&mut self, statement: &Statement<'s>) {
        let Some(word) = statement.words.first() else {
            return;
        };
        let Some(kind) = verbs::find(word.text) else {
            let shown = word.text.chars().take(40).collect();
            self.said.error(word.at, Problem::UnknownStatement(shown));
            return;
        };
        let mut secrets = std::mem::take(&mut self.secrets);
        let mut operands = Operands::new(kind.name, statement, &mut secrets);
        if let Err(error) = self.read(kind, &mut operands) {
            self.said.error(error.at, error.problem);
        }
        self.secrets = secrets;
    }

    /// Checks that a statement may stand where it does, and reads it.
    fn read(&mut self, kind: &StatementKind, operands: &mut Operands) -> Parsed<()> {
        let at = operands.statement.at();
        let name = self.current.as_ref().map_or(EntryName::Header, |draft| draft.name);
        let sequence = Err(DirectoryError { at, problem: Problem::Sequence(name) });
        match (kind.verb, kind.section) {
            (Verb::User, _) => return self.begin_user(operands),
            (Verb::Profile, _) if self.in_users => {
                self.begin(EntryName::Unreadable, at, None);
                return sequence;
            }
            (Verb::Profile, _) => return self.begin_profile(operands),
            (Verb::Unsupported(why), section) => {
                if section == Section::Entry {
                    self.begin(EntryName::Unreadable, at, None);
                }
                return Err(DirectoryError { at, problem: Problem::Unsupported(kind.name, why) });
            }
            (_, Section::Header) if self.current.is_some() => return sequence,
            (_, Section::Header) => {
                self.said.warn(at, Remark::NoEffect(kind.name.to_owned()));
                return Ok(());
            }
            _ => {}
        }
        let Some(draft) = self.current.as_mut() else {
            return sequence;
        };
        let first = draft.statements == 0;
        draft.statements += 1;
        if kind.section == Section::Device {
            draft.in_devices = true;
        } else if draft.in_devices {
            return sequence;
        }
        match kind.verb {
            Verb::Include => self.include(first, operands),
            verb => draft.apply(verb, operands, &mut self.said),
        }
    }

    /// Ends the entry being read and begins another.
    fn begin(&mut self, name: EntryName, at: Position, head: Option<grammar::UserOperands>) {
        self.end_entry();
        self.current = Some(Draft::new(name, at, head));
    }

    fn begin_user(&mut self, operands: &mut Operands) -> Parsed<()> {
        let at = operands.statement.at();
        self.in_users = true;
        self.begin(EntryName::Unreadable, at, None);
        let userid = grammar::entry_name(operands)?;
        if let Some(present) = self.users.get(&userid) {
            let problem = Problem::DuplicateEntry { name: EntryName::User(userid), first: present.line };
            return Err(DirectoryError { at, problem });
        }
        self.current = Some(Draft::new(EntryName::User(userid), at, None));
        let head = grammar::user(operands)?;
        if head.ignored {
            let remark = "USER: priority and line-editing characters".to_owned();
            self.said.warn(at, Remark::NoEffect(remark));
        }
        if userid.looks_like_spool_id() {
            self.said.warn(at, Remark::SpoolIdName(userid));
        }
        if head.password == Password::NoPass {
            self.said.warn(at, Remark::NoPassword(userid));
        }
        self.current = Some(Draft::new(EntryName::User(userid), at, Some(head)));
        Ok(())
    }

    fn begin_profile(&mut self, operands: &mut Operands) -> Parsed<()> {
        let at = operands.statement.at();
        self.begin(EntryName::Unreadable, at, None);
        let name = grammar::entry_name(operands)?;
        if let Some(present) = self.profiles.get(&name) {
            let problem = Problem::DuplicateEntry { name: EntryName::Profile(name), first: present.at.line };
            return Err(DirectoryError { at, problem });
        }
        self.current = Some(Draft::new(EntryName::Profile(name), at, None));
        operands.finish()
    }

    fn include(&mut self, first: bool, operands: &mut Operands) -> Parsed<()> {
        let at = operands.statement.at();
        let Some(draft) = self.current.as_mut() else {
            return Ok(());
        };
        let word = operands.require("name of a profile")?;
        let name: UserId = operands.name_of(word)?;
        operands.finish()?;
        if !first || matches!(draft.name, EntryName::Profile(_)) {
            return Err(DirectoryError { at, problem: Problem::IncludeNotFirst });
        }
        let unknown = DirectoryError { at: word.at, problem: Problem::UnknownProfile(name) };
        let profile = self.profiles.get(&name).ok_or(unknown)?;
        draft.include(name, profile);
        Ok(())
    }

    fn end_entry(&mut self) {
        let Some(draft) = self.current.take() else {
            return;
        };
        if let EntryName::Profile(name) = draft.name {
            for line in draft.fixed_extents() {
                self.said.error(Position { line, column: 1 }, Problem::DiskInProfile);
            }
            self.profiles.insert(name, draft);
        } else if let Some(entry) = draft.finish(&mut self.said) {
            self.users.insert(entry.userid, entry);
        }
    }

    fn finish(mut self) -> Reading<'s> {
        self.end_entry();
        let directory = Directory { users: self.users };
        let mut said = self.said;
        if directory.users.is_empty() && said.errors.is_empty() {
            said.error(Position { line: 1, column: 1 }, Problem::Empty);
        }
        extents::check(&directory, &mut said);
        remark_on_disks(&directory, &mut said);
        Reading { directory, secrets: self.secrets, said: said.sorted() }
    }
}

/// Links to disks that nobody has, and disks that are not what z/VM makes of them.
fn remark_on_disks(directory: &Directory, said: &mut Diagnostics) {
    let mut named = BTreeSet::new();
    for entry in directory.users.values() {
        for disk in &entry.minidisks {
            let (at, vdev) = (Position { line: disk.line, column: 1 }, disk.vdev);
            if matches!(disk.extent, Extent::Device { .. }) {
                said.warn(at, Remark::RealDevice { vdev });
            } else if extents::is_full_pack(disk) {
                said.warn(at, Remark::FullPack { vdev });
            }
        }
        let dangling = entry.links.iter().filter(|link| directory.minidisk(&link.owner, link.vdev).is_none());
        for link in dangling {
            // A link in a profile is every user's, but is said once.
            if named.insert(link.line) {
                let (owner, vdev) = (link.owner, link.vdev);
                said.warn(Position { line: link.line, column: 1 }, Remark::LinkTarget { owner, vdev });
            }
        }
    }
}
