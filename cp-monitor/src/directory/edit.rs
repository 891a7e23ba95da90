//! Changes that host tools make to the source: add a user, remove one, set a password. All other text stays as people wrote it.
//!
//! Pure: source in, source out. What comes out has been checked; [`super::store::update`] puts it on line.

use std::fmt::Write as _;
use std::ops::Range;

use thiserror::Error;

use super::compile::parse_outline;
use super::diagnostic::DirectoryError;
use super::extents;
use super::model::Directory;
use super::names::{DeviceNumber, LinkMode, PrivilegeClasses, StorageSize, UserId, Volid};
use super::password::Password;
use super::scan::{self, Scanner, Statement};
use super::verbs::{self, Section, Verb};

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// The source, before or after the change, is no good directory.
    #[error("Directory source has {} error(s); first: {}", .0.len(), first(.0))]
    Source(Vec<DirectoryError>),
    /// There is such a user already.
    #[error("User {0} is already in the directory")]
    UserExists(UserId),
    /// There is no such user.
    #[error("User {0} is not in the directory")]
    NoSuchUser(UserId),
    /// No volume has that many free cylinders.
    #[error("No volume has {0} free cylinders")]
    NoRoom(u32),
}

fn first(errors: &[DirectoryError]) -> String {
    errors.first().map_or_else(String::new, DirectoryError::to_string)
}

/// A user to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Name.
    pub userid: UserId,
    /// How the user may log on.
    pub password: Password,
    /// Storage at logon.
    pub storage: StorageSize,
    /// The most storage.
    pub max_storage: StorageSize,
    /// Privilege classes.
    pub classes: PrivilegeClasses,
    /// The profile to include.
    pub profile: Option<UserId>,
    /// Minidisks, placed where volumes have room.
    pub minidisks: Vec<NewMinidisk>,
}

/// A 3390 minidisk to be added; nobody else has a password for it.
#[derive(Clone, Copy, Debug)]
pub struct NewMinidisk {
    /// Its device number.
    pub vdev: DeviceNumber,
    /// Its size.
    pub cylinders: u32,
    /// How the owner is linked to it.
    pub mode: LinkMode,
}

/// Adds a user behind the last entry. Minidisks go to the first of the volumes USR001 to USR999 that has room.
///
/// # Errors
/// [`EditError::UserExists`], [`EditError::NoRoom`], or [`EditError::Source`] when the source or what would come of it has errors (a reserved name,
/// an unknown profile).
pub fn add_user(source: &str, new: &NewUser) -> Result<String, EditError> {
    let mut directory = parse_outline(source).map_err(EditError::Source)?;
    if directory.users.contains_key(&new.userid) {
        return Err(EditError::UserExists(new.userid));
    }
    let mut entry = String::new();
    let NewUser { userid, storage, max_storage, classes, .. } = new;
    let password = new.password.operand();
    // Writing to a String cannot fail.
    let _ = writeln!(entry, "USER {userid} {password} {storage} {max_storage} {classes}");
    if let Some(profile) = &new.profile {
        let _ = writeln!(entry, "  INCLUDE {profile}");
    }
    for disk in &new.minidisks {
        let (volid, start) = room_for(&directory, disk.cylinders).ok_or(EditError::NoRoom(disk.cylinders))?;
        let (vdev, cylinders, mode) = (disk.vdev, disk.cylinders, disk.mode);
        let _ = writeln!(entry, "  MDISK {vdev} 3390 {start:05} {cylinders:05} {volid} {mode}");
        // The next disk must not be given the same room.
        directory = parse_outline(&joined(source, &entry)).map_err(EditError::Source)?;
    }
    checked(joined(source, &entry))
}

fn joined(source: &str, entry: &str) -> String {
    let line_end = if source.is_empty() || source.ends_with('\n') { "" } else { "\n" };
    format!("{source}{line_end}\n{entry}")
}

fn room_for(directory: &Directory, cylinders: u32) -> Option<(Volid, u32)> {
    let volumes = (1..=999).filter_map(|number| format!("USR{number:03}").parse::<Volid>().ok());
    let mut found = volumes.filter_map(|volid| Some((volid, extents::free_cylinders(directory, volid, cylinders)?)));
    found.next()
}

/// Removes a user's entry: from its USER statement to its last statement, with comments between them. Comments before and behind it stay.
///
/// # Errors
/// [`EditError::NoSuchUser`], or [`EditError::Source`] when the source has errors.
pub fn remove_user(source: &str, userid: UserId) -> Result<String, EditError> {
    let (_, lines) = entry(source, userid)?;
    let (before, mut behind) = (&source[..lines.start], &source[lines.end..]);
    // One of the two blank lines that set the entry apart goes with it.
    if before.is_empty() || before.ends_with("\n\n") {
        behind = behind.strip_prefix('\n').unwrap_or(behind);
    }
    let edited = format!("{before}{behind}");
    // The last user may go: then the source has no entry, which only DIRECTXA minds.
    Ok(edited)
}

/// Replaces the password operand of a user's USER statement.
///
/// # Errors
/// [`EditError::NoSuchUser`], or [`EditError::Source`] when the source has errors.
pub fn set_password(source: &str, userid: UserId, password: &Password) -> Result<String, EditError> {
    let (operand, _) = entry(source, userid)?;
    checked(scan::splice(source, [(operand, password.operand())]))
}

fn checked(edited: String) -> Result<String, EditError> {
    parse_outline(&edited).map_err(EditError::Source)?;
    Ok(edited)
}

/// Where a user's password operand stands, and the lines of the whole entry.
fn entry(source: &str, userid: UserId) -> Result<(Range<usize>, Range<usize>), EditError> {
    parse_outline(source).map_err(EditError::Source)?;
    let statements: Vec<_> = Scanner::new(source).filter_map(Result::ok).collect();
    let section = |statement: &Statement| statement.words.first().and_then(|word| verbs::find(word.text));
    let is_user = |statement: &&Statement| {
        section(statement).is_some_and(|kind| kind.verb == Verb::User)
            && statement.words.get(1).and_then(|word| word.text.parse().ok()) == Some(userid)
    };
    let mut from = statements.iter().skip_while(|statement| !is_user(statement));
    let missing = EditError::NoSuchUser(userid);
    let user = from.next().ok_or(missing.clone())?;
    let operand = user.words.get(2).ok_or(missing)?;
    let own = from.take_while(|statement| section(statement).is_none_or(|kind| kind.section != Section::Entry));
    let end = own.last().map_or(user.lines.end, |statement| statement.lines.end);
    Ok((operand.offset..operand.end(), user.lines.start..end))
}
