//! The programmable operator (PROP): what OPERATOR hears is compared with a routing table, and the first entry that fits acts.
//!
//! It is CP's own and no service machine: a table then works from the first message of a start on, whether or not a machine runs, and CMS has
//! no way to be handed messages with sender and class. EXECs run in a machine of the table's choice, to which they are typed as lines.
//! Messages wait in a bounded queue for a thread of their own, so whoever writes one never waits for a rule.

mod pace;
pub mod table;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use console::wire::LineKind;
use parking_lot::{Condvar, Mutex};

use crate::command::{self, Origin};
use crate::directory::UserId;
use crate::machine::Wait;
use crate::system::Cp;
use pace::{May, Pace, REST};
use table::{Action, Heard, Logging, Table, substituted};

/// Messages that may wait.
const QUEUE_MAX: usize = 1000;
/// Longest text of a message that is looked at, in characters.
const TEXT_MAX: usize = 1000;
/// Bytes of one day's log.
const LOG_MAX: u64 = 16 << 20;
/// How PROP's own messages begin; they are not heard.
const OWN: &str = "HCPPRP";

/// The programmable operator of a system.
pub struct Prop {
    /// A table is in force.
    active: AtomicBool,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    at_work: Mutex<Option<AtWork>>,
    heard: AtomicU64,
    lost: AtomicU64,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Heard>,
    ended: bool,
}

/// A table in force.
struct AtWork {
    table: Arc<Table>,
    logging: Logging,
    /// Of each entry when it acted, and how often.
    entries: Vec<(Pace, u64)>,
}

/// What QUERY PROP tells.
pub struct Standing {
    /// The table.
    pub table: Arc<Table>,
    /// What the log has.
    pub logging: Logging,
    /// How often each entry acted.
    pub acted: Vec<u64>,
    /// Messages heard since CP started.
    pub heard: u64,
    /// Messages that came too fast.
    pub lost: u64,
}

impl Prop {
    /// Without a table; its log is in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            active: AtomicBool::new(false),
            waiting: Mutex::default(),
            changed: Condvar::new(),
            at_work: Mutex::default(),
            heard: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            log: Mutex::new(Log { folder, day: String::new(), file: None, bytes: 0 }),
        }
    }

    /// Puts a table in force.
    pub fn load(&self, table: Table) {
        let entries = table.entries.iter().map(|_| (Pace::default(), 0)).collect();
        *self.at_work.lock() = Some(AtWork { logging: table.logging, table: Arc::new(table), entries });
        self.active.store(true, Ordering::Release);
    }

    /// Takes it out of force; answers whether there was one.
    pub fn stop(&self) -> bool {
        self.active.store(false, Ordering::Release);
        self.waiting.lock().messages.clear();
        self.at_work.lock().take().is_some()
    }

    /// Changes what the log has; answers whether there is a table.
    pub fn set_logging(&self, logging: Logging) -> bool {
        self.at_work.lock().as_mut().map(|at_work| at_work.logging = logging).is_some()
    }

    /// What is in force.
    pub fn standing(&self) -> Option<Standing> {
        let at_work = self.at_work.lock();
        let at_work = at_work.as_ref()?;
        Some(Standing {
            table: Arc::clone(&at_work.table),
            logging: at_work.logging,
            acted: at_work.entries.iter().map(|(_, acted)| *acted).collect(),
            heard: self.heard.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        })
    }

    /// OPERATOR hears a message. Never waits; called under any lock but PROP's own.
    pub fn hear(&self, class: u8, from: UserId, text: &str) {
        if !self.active.load(Ordering::Acquire) || text.starts_with(OWN) {
            return;
        }
        self.heard.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock();
        if waiting.messages.len() >= QUEUE_MAX {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.messages.push_back(Heard { class, from, text: text.chars().take(TEXT_MAX).collect() });
        self.changed.notify_one();
    }

    /// Ends the thread that acts.
    pub fn end(&self) {
        self.waiting.lock().ended = true;
        self.changed.notify_one();
    }

    /// Waits for the next message; none at the end.
    fn next(&self) -> Option<Heard> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.ended {
                return None;
            }
            if let Some(heard) = waiting.messages.pop_front() {
                return Some(heard);
            }
            self.changed.wait(&mut waiting);
        }
    }

    /// What to do with a message: the line and action of the entry for it, and whether it may act; then what the log has.
    fn judged(&self, heard: &Heard, now: std::time::Duration) -> Option<(Option<Judged>, Logging)> {
        let mut at_work = self.at_work.lock();
        let at_work = at_work.as_mut()?;
        let found = at_work.table.entries.iter().position(|entry| entry.fits(heard));
        let judged = found.map(|at| {
            let (pace, acted) = &mut at_work.entries[at];
            let may = if at_work.table.entries[at].action == Action::Nothing { May::Act } else { pace.comes(now) };
            *acted += u64::from(may == May::Act);
            Judged { table: Arc::clone(&at_work.table), at, may }
        });
        Some((judged, at_work.logging))
    }
}

/// An entry that is for a message.
struct Judged {
    table: Arc<Table>,
    at: usize,
    may: May,
}

/// Acts on messages until the system ends.
pub fn act(cp: &Arc<Cp>) {
    while let Some(heard) = cp.prop.next() {
        let Some((judged, logging)) = cp.prop.judged(&heard, cp.started.elapsed()) else { continue };
        let Some(Judged { table, at, may }) = judged else {
            if logging == Logging::All {
                log(cp, &heard, "", "");
            }
            continue;
        };
        let entry = &table.entries[at];
        let outcome = match may {
            May::Act => carry_out(cp, &table, &entry.action, &heard),
            May::Nothing => "it rests".to_string(),
            May::RestNow => {
                let seconds = REST.as_secs();
                let text = format!("{OWN}9461W The entry in line {} acts too often; it rests for {seconds} seconds", entry.line);
                cp.say_to_operator(&text);
                "it rests from now on".to_string()
            }
        };
        if logging != Logging::Off {
            log(cp, &heard, &format!("line {}", entry.line), &outcome);
        }
    }
}

/// Does what an entry says; answers what came of it, for the log.
fn carry_out(cp: &Arc<Cp>, table: &Table, action: &Action, heard: &Heard) -> String {
    match action {
        Action::Nothing => String::new(),
        Action::Commands(commands) => {
            let done = commands.iter().map(|line| {
                let line = substituted(line, heard);
                let reply = command::execute(cp, Origin::host(cp), &line);
                let answer = reply.lines.first().map_or("", String::as_str);
                format!("{line} ({}){}{answer}", reply.code, if answer.is_empty() { "" } else { " " })
            });
            done.collect::<Vec<_>>().join("; ")
        }
        Action::Exec(name, parameter) => {
            let parameter = substituted(parameter, heard);
            let line = format!("EXEC {name} {} {} {} {} {}", heard.from, cp.config.system_id, heard.class, parameter, heard.text.trim());
            let Some(user) = cp.users.get(&table.machine) else {
                cp.say_to_operator(&format!("{OWN}9462E EXEC {name} not run; {} is not logged on", table.machine));
                return format!("{} is not logged on", table.machine);
            };
            let accepted = user.with_machine(|machine| {
                // A password is typed by a person; nobody else answers for one.
                let secret = matches!(machine.wait(), Some(Wait::ConsoleRead { hidden: true, .. }));
                !secret && machine.system().is_some() && machine.line_typed(line.clone())
            });
            if !accepted {
                cp.say_to_operator(&format!("{OWN}9462E EXEC {name} not run; the machine of {} takes no line", table.machine));
                return format!("{} takes no line", table.machine);
            }
            format!("{}: {line}", table.machine)
        }
        Action::ToLogicalOperator => match cp.users.get(&table.logical_operator) {
            // It has the message already.
            Some(user) if user.id == cp.operator_id() => String::new(),
            Some(user) => {
                let time = cp.clock.now().strftime("%H:%M:%S").to_string();
                user.console.write(LineKind::Message, &format!("{time}  * MSG FROM {:<8}: {}", heard.from, heard.text));
                format!("to {}", user.id)
            }
            None => format!("{} is not logged on", table.logical_operator),
        },
    }
}

/// The log: a file for each day.
struct Log {
    folder: PathBuf,
    day: String,
    file: Option<File>,
    bytes: u64,
}

impl Log {
    fn write(&mut self, day: &str, line: &str) -> std::io::Result<()> {
        if self.day != day || self.file.is_none() {
            let path = self.folder.join(format!("{day}.log"));
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
            (self.bytes, self.day) = (file.metadata()?.len(), day.to_string());
            self.file = Some(file);
        }
        if self.bytes + line.len() as u64 > LOG_MAX {
            return Ok(());
        }
        self.bytes += line.len() as u64;
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(line.as_bytes()))
    }
}

/// One line of the log. A log that cannot be written ends logging, with a message.
fn log(cp: &Cp, heard: &Heard, entry: &str, outcome: &str) {
    let now = cp.clock.now();
    let (day, time) = (now.strftime("%Y%m%d").to_string(), now.strftime("%H:%M:%S").to_string());
    let line = format!("{time} {} {:<8} {entry:<9} {} => {outcome}\n", heard.class, heard.from, heard.text.trim());
    let written = cp.prop.log.lock().write(&day, &line);
    if let Err(error) = written {
        cp.prop.set_logging(Logging::Off);
        cp.say_to_operator(&format!("{OWN}9463E PROP's log is not written any more: {error}"));
    }
}

/// A table of a host file: a message for the operator when it cannot be used.
///
/// # Errors
/// Every line that is wrong, or what the host says.
pub fn read_host_file(path: &Path, operator: UserId) -> Result<Table, Vec<String>> {
    let failed = |why: String| vec![format!("{}: {why}", path.display())];
    let text = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| failed("it is not UTF-8 text".to_string()))?;
    table::parse(&text, operator).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}
