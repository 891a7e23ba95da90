//! The operator's log: what CP tells the operator of logons, logoffs and trouble.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use console::wire::LineKind;
use minidisk::extent::ExtentError;
use spool::{SpoolError, SpoolEvent, StartReport};

use super::Cp;
use crate::accounting::ledger::Appended;
use crate::accounting::{LedgerError, Record};
use crate::directory::UserId;
use crate::metrics::counters::Trouble;
use crate::users::{Disk, Line, User, Way, log_on, spool_userid};

/// The same for the paging file, whoever's pages it is about.
const PAGING_PAUSE: Duration = Duration::from_secs(10);
/// How long after a line about trouble the next one of the same user is shown.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

impl Cp {
    /// Who the operator is.
    pub fn operator_id(&self) -> UserId {
        "OPERATOR".parse().expect("OPERATOR is a userid")
    }

    /// A line for the operator's console, and the log.
    pub fn say_to_operator(&self, text: &str) {
        tracing::info!("{text}");
        self.prop.hear(3, self.operator_id(), text);
        if let Some(operator) = self.users.get(&self.operator_id()) {
            let now = self.clock.now().strftime("%H:%M:%S").to_string();
            operator.console.write(LineKind::Cp, &format!("{now} {text}"));
        }
    }

    /// Logs the operator on and says how the start went.
    pub(super) fn log_on_operator(self: &Arc<Self>, report: &StartReport) {
        let directory = self.directory();
        match directory.user(&self.operator_id()) {
            None => tracing::warn!("There is no user {} in the directory; nobody is the operator", self.operator_id()),
            Some(entry) => {
                if let Err(error) = log_on(self, &directory, entry, Way::Operator) {
                    tracing::error!("The operator cannot be logged on: {error}");
                }
            }
        }
        self.say_to_operator(&format!("HCPWRS2513I Spool files available {:>8}", report.files.all()));
        for file in &report.skipped {
            self.say_to_operator(&format!(
                "Spool file {} {} of {} is damaged and was skipped",
                file.queue.abbreviation(),
                file.spid,
                file.owner
            ));
        }
        for (path, why) in &report.passed_over {
            self.say_to_operator(&format!("{} was passed over: {why}", path.display()));
        }
        if let Some(path) = &report.set_aside {
            self.say_to_operator(&format!("The old spool was set aside as {}", path.display()));
        }
        self.say_to_operator("HCPCPI966I Initialization complete");
    }

    /// `GRAF L0003 LOGON  AS  MAINT    USERS = 12`
    pub fn note_logon(&self, user: &User, way: Way) {
        let count = self.users.count();
        let id = user.id;
        match way {
            Way::Operator => {}
            Way::Autolog => self.say_to_operator(&format!("AUTO LOGON  ***       {id:<8} USERS = {count}")),
            Way::Terminal => {
                let line = user.session.lock().line;
                self.say_to_operator(&format!("GRAF {line} LOGON  AS  {id:<8} USERS = {count}"));
            }
        }
    }

    /// `USER DSC   LOGOFF AS  LINUX2   USERS = 31    FORCED BY MAINT`
    pub fn note_logoff(&self, user: &User, forced_by: Option<&UserId>) {
        let forced = forced_by.map_or_else(String::new, |who| format!("    FORCED BY {who}"));
        let place = place(user.session.lock().line);
        self.audit.record("logoff", &user.id.to_string(), "", forced.trim());
        self.say_to_operator(&format!("{place} LOGOFF AS  {:<8} USERS = {}{forced}", user.id, self.users.count()));
    }

    /// `GRAF L0003 DISCONNECT MAINT    USERS = 12`; `line` is the terminal it is about.
    pub fn note_line(&self, user: &User, line: Line, what: &str) {
        let place = place(line);
        self.say_to_operator(&format!("{place} {what} {:<8} USERS = {}", user.id, self.users.count()));
    }

    /// `GRAF L0003 DIAL   TO  LINUX    DIALED = 1`
    pub fn note_dial(&self, id: &UserId, line: Line, begins: bool) {
        let count = self.dialed.load(Ordering::Relaxed);
        let (event, what) = if begins { ("dial", "DIAL   TO ") } else { ("drop", "DROP   FROM") };
        self.audit.record(event, &id.to_string(), &line.to_string(), "");
        self.say_to_operator(&format!("{} {what} {:<8} DIALED = {count}", place(line), id));
    }

    /// A session's record for accounting. What the host does not take is lost, and the operator is told, at most once a second.
    pub fn put_on_record(&self, record: &Record) {
        match self.ledger.append(record) {
            Ok(Appended { dropped, cut }) => {
                if cut > 0 {
                    self.say_to_operator(&format!("{cut} bytes of an unfinished accounting record were cut off"));
                }
                if let Some(path) = dropped {
                    self.say_to_operator(&format!("The oldest accounting records were dropped: {}", path.display()));
                }
            }
            Err(error) => self.record_trouble(&error),
        }
    }

    fn record_trouble(&self, error: &LedgerError) {
        self.counters.count_trouble(Trouble::Accounting);
        let mut last = self.record_complained.lock();
        if last.is_none_or(|at| at.elapsed() >= TROUBLE_PAUSE) {
            *last = Some(Instant::now());
            drop(last);
            self.say_to_operator(&format!("HCPACU9440E Accounting record lost ({} since start): {error}", self.ledger.status().lost));
        }
    }

    /// Makes records durable as they come, until the ledger is stopped.
    pub(super) fn settle_records(&self) {
        while let Some(settled) = self.ledger.settle() {
            if let Err(error) = settled {
                self.say_to_operator(&format!("HCPACU9441E Accounting records may not outlive the host: {error}"));
            }
        }
    }

    /// A spool file could not be written or read: its user and the operator are told.
    pub fn spool_trouble(&self, user: &User, error: &SpoolError) {
        self.counters.count_trouble(Trouble::Spool);
        self.trouble(user, &format!("HCPSPL9433E Spool error: {error}"));
    }

    /// Keeps users to their MAXSPOOL and the spool to its room, and tells the operator when it fills.
    pub(super) fn watch_spool(self: &Arc<Self>) {
        self.limit_spool_files();
        self.spool.limit_space(self.config.spool_limit);
        let cp = Arc::downgrade(self);
        self.spool.listen(move |event| {
            let Some(cp) = cp.upgrade() else { return };
            match event {
                SpoolEvent::Filling { percent: 100, .. } => {
                    cp.say_to_operator("HCPSPL440W Spool space is full; files being written are lost until files are purged");
                }
                SpoolEvent::Filling { percent, .. } => cp.say_to_operator(&format!("HCPSPL440W Spool space is {percent}% full")),
                SpoolEvent::Relieved(space) => cp.say_to_operator(&format!("HCPSPL441I Spool space is {}% full", space.percent())),
            }
        });
    }

    /// SPOOLFILE MAXSPOOL of the directory that is on line.
    pub(super) fn limit_spool_files(&self) {
        let directory = self.directory();
        let limits = directory.users.values().filter_map(|entry| entry.max_spool.map(|limit| (spool_userid(&entry.userid), limit)));
        self.spool.limit_files(limits);
    }

    /// A minidisk's host file could not be read or written: its user and the operator are told. The guest has its return code.
    pub fn disk_trouble(&self, user: &User, disk: &Disk, error: &ExtentError) {
        self.counters.count_trouble(Trouble::Disk);
        self.trouble(user, &format!("HCPDSK954E I/O error on {} {}: {error}", disk.owner, disk.owner_vdev));
    }

    /// Pages cannot go to the paging file: the operator is told, not at every attempt.
    pub fn paging_space_trouble(&self, why: &str) {
        if self.pager.may_complain(PAGING_PAUSE) {
            self.say_to_operator(&format!("HCPPGT400I Pages cannot be paged out; {why}"));
        }
    }

    /// A machine was stopped because a page could not be had; its user was told already.
    pub fn paging_trouble(&self, user: &User, text: &str) {
        if user.may_complain(TROUBLE_PAUSE) {
            self.say_to_operator(&format!("{text} (user {})", user.id));
        }
    }

    /// Tells user and operator, of one user at most once in [`TROUBLE_PAUSE`]: a guest may try again without end.
    fn trouble(&self, user: &User, text: &str) {
        if user.may_complain(TROUBLE_PAUSE) {
            user.console.write(LineKind::Warning, text);
            self.say_to_operator(&format!("{text} (user {})", user.id));
        }
    }
}

fn place(line: Line) -> String {
    match line {
        Line::Disconnected => "USER DSC  ".to_string(),
        line => format!("GRAF {line}"),
    }
}
