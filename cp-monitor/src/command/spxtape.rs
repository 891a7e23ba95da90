//! SPXTAPE: spool files to and from an archive in a file of the host.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use spool::{ArchiveError, ArchiveReport, DumpOptions, FileInfo, LoadOptions, Progress, Selection, Userid};

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, invalid_operand, invalid_option};
use super::operands::is;
use super::spool::{class, dest, form, queue_of, spid};
use crate::system::Cp;
use crate::users::{User, spool_userid};

/// Where archives are, in the data directory. Users of a guest name no other folder of the host.
const FOLDER: &str = "spxtape";
/// Files between two lines of progress.
const EVERY: u64 = 1000;
/// Archives that a general user may have: each holds no more than the user's spool files, which are bounded.
const ARCHIVES_MAX: usize = 8;
/// One at a time.
static TURN: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
/// Most files that SCAN lists.
const LISTED: usize = 10_000;

/// SPXTAPE {DUMP|LOAD|SCAN} archive [USERID userid|*] [ALL|queue] [spid...] [CLASS c] [FORM f] [DEST d] [PURGE] [REPLACE] [NODUP]
pub(super) fn spxtape(invocation: &mut Invocation<'_>) -> Outcome {
    let what = invocation.operands.word()?;
    let name = archive_name(invocation.operands.word()?)?;
    let asked = Asked::take(invocation)?;
    let mut folder = invocation.cp.data().root().join(FOLDER);
    let general = !invocation.has_class("DE");
    if general {
        folder.push(invocation.user()?.id.as_str());
    }
    let path = folder.join(&name);
    // It may take minutes, and the threads for what blocks are few.
    let Some(_turn) = TURN.try_lock() else { return Err(error("SPX", 9442, "Another SPXTAPE is in progress")) };
    if is(what, "DUMP") {
        asked.allow(&["PURGE", "REPLACE"])?;
        std::fs::create_dir_all(&folder).map_err(|error| failed("DUMP", &ArchiveError::from(error)))?;
        if general && !path.exists() && std::fs::read_dir(&folder).map_or(0, Iterator::count) >= ARCHIVES_MAX {
            return Err(error("SPX", 9441, "You have eight archives; REPLACE one"));
        }
        dump(invocation, path, &name, &asked)
    } else if is(what, "LOAD") {
        asked.allow(&["NODUP"])?;
        load(invocation, path, &name, &asked)
    } else if is(what, "SCAN") {
        asked.allow(&[])?;
        scan(invocation, path, &name, &asked)
    } else {
        Err(invalid_operand(what))
    }
}

/// The name of an archive: letters, digits and `. _ -`, not beginning with a full stop. It cannot lead out of the folder.
fn archive_name(word: &str) -> Result<String, Message> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if word.starts_with('.') || word.len() > 64 || !word.chars().all(fits) {
        return Err(invalid_operand(word));
    }
    Ok(word.to_ascii_lowercase())
}

/// Which files, and the options that were given.
struct Asked<'a> {
    selection: Selection,
    options: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    /// Class D and E mean everybody's files and may name a user, class G its own.
    fn take(invocation: &mut Invocation<'a>) -> Result<Self, Message> {
        let all = invocation.has_class("DE");
        let own = spool_userid(&invocation.user()?.id);
        let mut asked = Self { selection: Selection { owner: (!all).then_some(own), ..Selection::default() }, options: Vec::new() };
        while let Some(word) = invocation.operands.next_word() {
            let selection = &mut asked.selection;
            if is(word, "STDspool") || is(word, "SPOOL") || is(word, "ALL") {
                selection.queue = None;
            } else if let Some(queue) = queue_of(word) {
                selection.queue = Some(queue);
            } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
                selection.spids.push(spid(word)?);
            } else if is(word, "CLass") {
                selection.class = Some(class(invocation.operands.word()?)?);
            } else if is(word, "FORM") {
                selection.form = Some(form(invocation.operands.word()?)?);
            } else if is(word, "DEST") {
                selection.dest = Some(dest(invocation.operands.word()?)?);
            } else if ["PURGE", "NODUP", "REPLACE"].iter().any(|option| is(word, option)) {
                asked.options.push(word);
            } else if word == "*" {
                selection.owner = Some(own);
            } else if is(word, "USERid") || is(word, "U") {
                selection.owner = owner(invocation, all, own)?;
            } else {
                return Err(invalid_option(word));
            }
        }
        Ok(asked)
    }

    fn allow(&self, options: &[&str]) -> Result<(), Message> {
        let wrong = self.options.iter().find(|word| !options.iter().any(|option| is(word, option)));
        wrong.map_or(Ok(()), |word| Err(invalid_option(word)))
    }

    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|word| is(word, option))
    }
}

fn owner(invocation: &mut Invocation<'_>, all: bool, own: Userid) -> Result<Option<Userid>, Message> {
    let id = invocation.user_operand()?;
    let named = spool_userid(&id);
    if named != own && !all {
        return Err(invalid_operand(id.as_str()));
    }
    Ok((id.as_str() != "SYSTEM").then_some(named))
}

fn dump(invocation: &Invocation<'_>, path: PathBuf, name: &str, asked: &Asked<'_>) -> Outcome {
    let cp = invocation.cp;
    let system = Userid::new(&cp.config.system_id).map_err(|problem| error("SPX", 9438, problem.to_string()))?;
    let options = DumpOptions { system, now: cp.clock.unix_seconds(), purge: asked.has("PURGE"), replace: asked.has("REPLACE") };
    let mut shown = Shown::new(cp, invocation.user()?, "DUMP");
    let report = cp.spool.dump(&path, &asked.selection, &options, &mut |progress| shown.progress(&progress));
    finish("DUMP", "DUMPED", name, report, shown.passed)
}

fn load(invocation: &Invocation<'_>, path: PathBuf, name: &str, asked: &Asked<'_>) -> Outcome {
    let cp = invocation.cp;
    let user = invocation.user()?;
    // A general user gets files as their own or not at all: nobody puts files into another's queue.
    let options = LoadOptions { selection: asked.selection.clone(), owner: None, no_duplicates: asked.has("NODUP") };
    let mut shown = Shown::new(cp, user, "LOAD");
    let report = cp.spool.load(&path, &options, &mut |progress| shown.progress(&progress));
    cp.real_devices.changed();
    finish("LOAD", "LOADED", name, report, shown.passed)
}

fn scan(invocation: &Invocation<'_>, path: PathBuf, name: &str, asked: &Asked<'_>) -> Outcome {
    let cp = invocation.cp;
    let mut shown = Shown::new(cp, invocation.user()?, "SCAN");
    shown.listing = true;
    let report = cp.spool.scan(&path, &asked.selection, &mut |progress| shown.progress(&progress));
    let listed = std::mem::take(&mut shown.listed);
    let mut answer = finish("SCAN", "SCANNED", name, report, shown.passed)?;
    let files: Vec<_> = listed.iter().map(super::query::file_data).collect();
    if let Some(data) = answer.data.as_object_mut() {
        data.insert("list".to_string(), json!(files));
    }
    let mut lines = vec![LIST_HEADING.to_string()];
    lines.extend(listed.iter().map(list_line));
    lines.append(&mut answer.lines);
    Ok(Answer { data: answer.data, lines })
}

/// The columns of SCAN.
pub const LIST_HEADING: &str = "OWNERID  QUE FILE CLASS RECORDS  CPY HOLD NAME     TYPE";

/// A file as SCAN lists it.
pub fn list_line(file: &FileInfo) -> String {
    let attributes = &file.attributes;
    let line = format!(
        "{:<8} {} {} {} {} {:08} {:03} {:<4} {:<8} {}",
        file.owner,
        file.queue.abbreviation(),
        file.spid,
        attributes.class,
        file.device.abbreviation(),
        file.records,
        attributes.copies.number(),
        attributes.hold.abbreviation(),
        attributes.name.name(),
        attributes.name.file_type()
    );
    line.trim_end().to_string()
}

/// What the user is shown while it goes on. A user who logs off ends it.
struct Shown<'a> {
    cp: &'a Cp,
    user: &'a Arc<User>,
    what: &'static str,
    done: u64,
    passed: Vec<String>,
    listing: bool,
    listed: Vec<FileInfo>,
}

impl<'a> Shown<'a> {
    fn new(cp: &'a Cp, user: &'a Arc<User>, what: &'static str) -> Self {
        Self { cp, user, what, done: 0, passed: Vec::new(), listing: false, listed: Vec::new() }
    }

    fn progress(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        match progress {
            Progress::Moving { .. } => {}
            Progress::Done { file, .. } => {
                self.done += 1;
                if self.listing && self.listed.len() < LISTED {
                    self.listed.push((*file).clone());
                }
                if self.done.is_multiple_of(EVERY) {
                    self.user.say_cp(&[format!("SPXTAPE {} IN PROGRESS: {:07} FILES", self.what, self.done)]);
                }
            }
            Progress::Passed { file, why } => {
                if self.passed.len() < LISTED {
                    self.passed.push(format!("{} {} {} passed over: {why}", file.owner, file.queue.abbreviation(), file.spid));
                }
            }
        }
        let ends = self.user.is_gone() || self.cp.is_shutting_down();
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn failed(what: &str, problem: &ArchiveError) -> Message {
    let number = match problem {
        ArchiveError::Exists(_) => 9439,
        ArchiveError::Foreign | ArchiveError::Version { .. } | ArchiveError::Damaged { .. } => 9440,
        _ => 9438,
    };
    // The host's paths are the operator's business.
    let text = if let ArchiveError::Exists(path) = problem {
        format!("{} is there already", path.file_name().unwrap_or_default().to_string_lossy())
    } else {
        problem.to_string()
    };
    error("SPX", number, format!("SPXTAPE {what} failed: {text}"))
}

/// The lines at the end: what was passed over, where the archive is damaged, how much there was.
fn finish(what: &str, done: &str, name: &str, report: Result<ArchiveReport, ArchiveError>, passed: Vec<String>) -> Outcome {
    let report = report.map_err(|problem| failed(what, &problem))?;
    let mut lines = passed;
    lines.extend(report.damage.iter().map(|damage| format!("{damage}")));
    lines.push(super::spool::count_line(usize::try_from(report.files).unwrap_or(usize::MAX), done));
    lines.push(format!(
        "SPXTAPE {what} COMPLETE: {name}, {} RECORDS, {} BYTES, {} FILES PASSED OVER",
        report.records, report.bytes, report.passed
    ));
    let data = json!({
        "archive": name, "system": report.label.system, "made": report.label.made, "files": report.files, "records": report.records,
        "bytes": report.bytes, "passed": report.passed, "damage": report.damage.as_ref().map(ToString::to_string),
    });
    Ok(Answer::of(data, lines))
}
