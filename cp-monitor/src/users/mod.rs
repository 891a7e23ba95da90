//! Users who are logged on: each with a machine, a console, devices, settings and what they used.
//!
//! **Locks.** [`User::machine`] and [`User::devices`] are the outer ones; no thread waits for one while it holds the other (a dispatcher
//! thread, which has the machine, only tries the devices), nor while it holds one of another user. Under either,
//! the inner ones may be taken: [`User::session`], what SLEEP and ECHO have going on, the table of [`Users`], the link table, the spool;
//! one of these at a time, and last of all a console, the timer or the dispatcher. A line written to a console may be heard by others: then
//! what `eyes` keeps, the table of [`Users`] and the other's console are locked, one after the other; whoever has the table writes to no console.

mod accounts;
mod console_spool;
mod devices;
pub mod dial;
pub mod eyes;
pub mod files;
pub mod idle;
mod input;
mod logon;
mod reading;
pub mod recording;
mod secrets;
pub mod trend;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use console::VirtualConsole;
use console::wire::{ConsoleState, LineKind};
use jiff::Zoned;
use parking_lot::{Mutex, MutexGuard};

use crate::accounting::Used;
use crate::debug::{Debugging, Stop, Why};
use crate::directory::{UserEntry, UserId};
use crate::dispatcher::policy::{Entitlement, MachineId, Policy, Wakeup};
use crate::machine::{Machine, Wait};
use crate::paging::Standing;
use crate::pc::Pc;
use crate::system::Cp;
use crate::workers::{Alarm, Job};
use accounts::Accounted;
use trend::Trend;

pub use devices::{Console, Device, Devices, Disk, Output, Reader, Route, spool_userid};
pub use logon::{LogonError, Way, define_temporary, link, log_off, log_on, start_up, usage_line};
pub use reading::{Listed, Reading};

/// What a machine has used since logon.
#[derive(Default)]
pub struct Usage {
    /// Nanoseconds in the guest.
    pub virtual_ns: AtomicU64,
    /// Nanoseconds in the guest and in CP for it.
    pub total_ns: AtomicU64,
    /// Block and unit-record operations.
    io: AtomicU64,
    /// Records read from spool files.
    pub cards_read: AtomicU64,
    /// Records punched.
    pub cards_punched: AtomicU64,
    /// Records printed.
    pub lines_printed: AtomicU64,
    /// `total_ns` when a screen last looked.
    seen_ns: AtomicU64,
    /// Thousandths of one processor between the last two looks.
    busy: AtomicU32,
    /// The same in intervals, as long as screens look.
    pub trend: Mutex<Trend>,
}

impl Usage {
    /// Virtual processor time in microseconds.
    pub fn virtual_us(&self) -> u64 {
        self.virtual_ns.load(Ordering::Relaxed) / 1000
    }

    /// Virtual and CP time in microseconds.
    pub fn total_us(&self) -> u64 {
        self.total_ns.load(Ordering::Relaxed) / 1000
    }

    /// A screen looks, `interval` after the last look.
    pub fn sample(&self, interval: Duration) {
        let now = self.total_ns.load(Ordering::Relaxed);
        let used = now.saturating_sub(self.seen_ns.swap(now, Ordering::Relaxed));
        let thousandths = u128::from(used) * 1000 / interval.as_nanos().max(1);
        self.busy.store(u32::try_from(thousandths).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Percent of one processor between the last two looks.
    pub fn percent(&self) -> f32 {
        self.busy.load(Ordering::Relaxed) as f32 / 10.0
    }

    /// Counts one I/O operation.
    pub fn count_io(&self) {
        self.io.fetch_add(1, Ordering::Relaxed);
    }

    /// I/O operations so far.
    pub fn io(&self) -> u64 {
        self.io.load(Ordering::Relaxed)
    }
}

/// Where a user's console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// No terminal: `DSC`.
    Disconnected,
    /// The operator's screen: `SYSC`.
    System,
    /// A logical terminal: `L0003`.
    Logical(u32),
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Line::Disconnected => f.pad("DSC"),
            Line::System => f.pad("SYSC"),
            Line::Logical(number) => f.pad(&format!("L{number:04X}")),
        }
    }
}

/// What SET and TERMINAL change. Kept over disconnect and reconnect.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Messages from others are shown.
    pub msg: bool,
    /// Warnings are shown.
    pub wng: bool,
    /// CP's information messages are shown.
    pub imsg: bool,
    /// Special messages are accepted.
    pub smsg: bool,
    /// How numbered messages are shown.
    pub emsg: Emsg,
    /// The machine goes on while its user is in CP READ.
    pub run: bool,
    /// Terminal line editing.
    pub edit: console::LineEdit,
    /// Columns of the terminal, 0 when unknown.
    pub columns: u16,
    /// TERMINAL CONMODE 3270: the console shows the text screen of a PC machine.
    pub full_screen: bool,
    /// SET VTOD: when the clock of a PC machine begins at each IPL, in seconds since 1970; none is now.
    pub virtual_clock: Option<i64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            msg: true,
            wng: true,
            imsg: true,
            smsg: false,
            emsg: Emsg::On,
            run: false,
            edit: console::LineEdit::default(),
            columns: 0,
            full_screen: false,
            virtual_clock: None,
        }
    }
}

/// SET EMSG: how a numbered message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emsg {
    /// Code and text.
    On,
    /// Neither.
    Off,
    /// The text alone.
    Text,
    /// The code alone.
    Code,
}

/// The changing part of a session.
pub struct SessionState {
    /// Where the console is.
    pub line: Line,
    /// SET and TERMINAL values.
    pub settings: Settings,
}

impl SessionState {
    /// The terminal leaves; answers where it was. The operator's place stays the operator's.
    pub fn leave(&mut self) -> Line {
        let line = self.line;
        if line != Line::System {
            self.line = Line::Disconnected;
        }
        line
    }
}

/// What to do with the answer to a question of CP.
pub type Answered = Box<dyn FnOnce(&Arc<User>, &str) + Send>;

/// What ECHO, SLEEP and questions of CP have going on.
#[derive(Default)]
struct Rest {
    /// Times a typed line is repeated; 0 when ECHO is off.
    echo: u32,
    asleep: Option<Asleep>,
    /// CP asked for a password: the next line is it.
    asked: Option<Answered>,
    /// SLEEPs so far, so that an alarm ends its own and no later one.
    sleeps: u64,
    /// A terminal that is dialed to the machine's line.
    dialed: Option<dial::Dialed>,
}

/// A SLEEP.
struct Asleep {
    number: u64,
    alarm: Option<Alarm>,
    wake: Wake,
}

impl Asleep {
    /// The machine issued it.
    fn is_issued(&self) -> bool {
        matches!(self.wake, Wake::Diagnose(_))
    }
}

/// How it goes on after a SLEEP.
pub enum Wake {
    /// The machine issued it: the rest of its DIAGNOSE, for a worker.
    Diagnose(Job),
    /// It was typed: a machine that ran before begins again.
    Console {
        /// It ran.
        begins: bool,
    },
}

/// One user who is logged on.
pub struct User {
    /// Who.
    pub id: UserId,
    /// The directory entry as it was at logon.
    pub entry: UserEntry,
    /// When, in local time.
    pub logged_on_at: Zoned,
    /// When, for CONNECT=.
    pub logged_on: Instant,
    /// The virtual console.
    pub console: Arc<VirtualConsole>,
    /// Connection and settings.
    pub session: Mutex<SessionState>,
    /// The virtual machine.
    pub machine: Mutex<Machine>,
    /// Virtual devices.
    pub devices: Mutex<Devices>,
    /// What was used.
    pub usage: Usage,
    /// Up to where that is on record.
    accounted: Mutex<Accounted>,
    /// What the pager knows of the machine.
    pub standing: Standing,
    /// Storage the machine has, in bytes (DEFINE STORAGE changes it).
    pub storage: AtomicU64,
    /// Virtual processors of a PC machine from its next IPL on (DEFINE CPU changes it).
    pub processors: AtomicU8,
    rest: Mutex<Rest>,
    /// Who else hears the console.
    eyes: Mutex<eyes::Eyes>,
    /// Who looks into the machine.
    pub debug: Debugging,
    /// When somebody last typed.
    activity: idle::Activity,
    complained: Mutex<Option<Instant>>,
    /// Wrong passwords given to LINK since logon.
    pub wrong_passwords: AtomicU32,
    /// What a display last saw IPLed in the machine.
    pub last_seen: Mutex<String>,
    /// CP reads the console although the machine may run (SET RUN ON).
    cp_read: AtomicBool,
    /// Commands whose response is not written yet.
    answering: AtomicU32,
    gone: AtomicBool,
    entitlement: Mutex<Entitlement>,
    dispatch: OnceLock<MachineId>,
    cp: Arc<Cp>,
}

impl User {
    /// The control program.
    pub fn cp(&self) -> &Arc<Cp> {
        &self.cp
    }

    /// The distribution code that files of the user begin with: of the ACCOUNT statement, else the userid.
    pub fn dist(&self) -> Option<spool::Word> {
        self.entry.dist()
    }

    /// Whether the user is logging off or gone.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Does something to the machine between its slices, then lets it go on if it can.
    pub fn with_machine<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        self.with_machine_for(Wakeup::Work, change)
    }

    /// The same, and says why the machine goes on.
    pub fn with_machine_for<T>(&self, why: Wakeup, change: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.lock_machine();
        let result = change(&mut machine);
        self.ask_for_page(&mut machine);
        self.show_state(&machine);
        let ready = machine.is_ready();
        drop(machine);
        if ready && let Some(&id) = self.dispatch.get() {
            self.cp.dispatcher.wake(id, why);
        }
        result
    }

    /// The machine, between its slices.
    pub fn lock_machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.try_lock().unwrap_or_else(|| {
            self.kick();
            self.machine.lock()
        })
    }

    /// Tells the pager when the machine has come to wait for a page.
    pub fn ask_for_page(&self, machine: &mut Machine) {
        if machine.take_page_request()
            && let Some(user) = self.cp.users.get(&self.id)
            && std::ptr::eq(&raw const *user, self)
        {
            self.cp.pager.request(user);
        }
    }

    /// Ends the machine's slice soon if it runs, so that its lock comes free.
    fn kick(&self) {
        if let Some(&id) = self.dispatch.get() {
            self.cp.dispatcher.kick(id);
        }
    }

    /// What the user is entitled to of the real processors.
    pub fn entitlement(&self) -> Entitlement {
        *self.entitlement.lock()
    }

    /// SET SHARE, SET QUICKDSP.
    pub fn entitle(&self, change: impl FnOnce(&mut Entitlement)) {
        let mut entitlement = self.entitlement.lock();
        change(&mut entitlement);
        if let Some(&id) = self.dispatch.get() {
            self.cp.dispatcher.with_policy(|policy, now| policy.entitled(id, *entitlement, now));
        }
    }

    /// The number that the dispatcher knows the machine by.
    pub fn dispatch_number(&self) -> Option<MachineId> {
        self.dispatch.get().copied()
    }

    /// Charges the user for what CP did on another thread.
    pub fn charge(&self, used: Duration) {
        self.usage.total_ns.fetch_add(used.as_nanos() as u64, Ordering::Relaxed);
        if let Some(&id) = self.dispatch.get() {
            self.cp.dispatcher.charge(id, used);
        }
    }

    /// Puts the machine into CP mode with a line that says why. A debugger is told, too.
    pub fn enter_cp_mode(&self, machine: &mut Machine, why: &str) {
        machine.stop();
        let cause = why.split_once("CP entered; ").map_or(why, |(_, cause)| cause);
        self.debug.tell(Stop { processor: 0, why: Why::Ended(cause.to_string()) });
        self.console.write(LineKind::Cp, why);
        self.show_state(machine);
    }

    /// Carries out a CP command of this user and lets `show` write its response before the console shows what the command made of
    /// the machine: a script must not take the new state for an invitation while the response is still to come.
    pub fn answered<T>(&self, command: impl FnOnce() -> T, show: impl FnOnce(&T)) -> T {
        let answering = Answering::begin(self);
        let reply = command();
        show(&reply);
        drop(answering);
        self.with_machine(|_| ());
        reply
    }

    /// Tells the console what the machine's state makes of it.
    pub fn show_state(&self, machine: &Machine) {
        if self.answering.load(Ordering::Acquire) > 0 {
            return;
        }
        let (asked, asleep) = {
            let rest = self.rest.lock();
            (rest.asked.is_some(), rest.asleep.is_some())
        };
        let state = if asked {
            ConsoleState::VmRead { hidden: true }
        } else if asleep {
            // A machine that sleeps shows RUNNING, stopped or not.
            ConsoleState::Running
        } else if machine.is_stopped() || self.cp_read.load(Ordering::Acquire) {
            ConsoleState::CpRead
        } else if let Some(Wait::ConsoleRead { hidden, .. }) = machine.wait() {
            ConsoleState::VmRead { hidden }
        } else if machine.pc().is_some_and(Pc::reads) {
            ConsoleState::VmRead { hidden: false }
        } else {
            ConsoleState::Running
        };
        self.console.set_state(state);
    }

    /// Writes CP's lines to the console.
    pub fn say_cp(&self, lines: &[String]) {
        for line in lines {
            self.console.write(LineKind::Cp, line);
        }
    }

    /// Whether a line about trouble may be shown again: not within `pause` of the last one.
    pub fn may_complain(&self, pause: Duration) -> bool {
        let mut last = self.complained.lock();
        let due = last.is_none_or(|at| at.elapsed() >= pause);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

/// A command whose response is not written yet; over when dropped, by a panic of the command too.
struct Answering<'a>(&'a User);

impl<'a> Answering<'a> {
    fn begin(user: &'a User) -> Self {
        user.answering.fetch_add(1, Ordering::AcqRel);
        Self(user)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The table of users who are logged on.
#[derive(Default)]
pub struct Users {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    present: BTreeMap<UserId, Arc<User>>,
    /// What those used who are gone.
    departed: Used,
}

impl Users {
    /// The user, if logged on.
    pub fn get(&self, id: &UserId) -> Option<Arc<User>> {
        self.table.lock().present.get(id).cloned()
    }

    /// Everyone, by userid.
    pub fn all(&self) -> Vec<Arc<User>> {
        self.table.lock().present.values().cloned().collect()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.table.lock().present.len()
    }

    /// Takes a user in; the one who is there already when there is one.
    fn insert(&self, user: &Arc<User>) -> Result<(), Arc<User>> {
        let mut table = self.table.lock();
        if let Some(present) = table.present.get(&user.id) {
            return Err(Arc::clone(present));
        }
        table.present.insert(user.id, Arc::clone(user));
        Ok(())
    }

    fn remove(&self, user: &User) {
        let mut table = self.table.lock();
        table.departed = table.departed + user.used();
        table.present.remove(&user.id);
    }

    /// What all users used since CP started, those who are gone too. It never becomes less.
    pub fn used(&self) -> Used {
        let table = self.table.lock();
        table.present.values().fold(table.departed, |sum, user| sum + user.used())
    }
}
