//! The shell itself: IPL, the loop that reads and executes lines, the Ready message, and what survives an abnormal end.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::DateTime;

use crate::commands;
use crate::cp::{Cp, DiskUnusable};
use crate::disks::{Access, Disks, Mode, file_id};
use crate::exec::{self, InStorage, Positions, ProgramStack, Programs};
use crate::filedef::Definition;
use crate::fileid::ModeSpec;
use crate::globalv::Globals;
use crate::message::{Outcome, Rc};
use crate::module::{self, Modules};
use crate::rexx::Variables;
pub use crate::settings::Settings;
use crate::synonym::Synonyms;
use crate::tape::Mounted;
use crate::tools::History;
use crate::tracing::CallTrace;
use crate::words::{self, Words};

/// Name of this CMS in its banner and in QUERY CMSLEVEL.
pub(crate) const LEVEL: &str = concat!("CP-64 CMS V", env!("CARGO_PKG_VERSION"));

/// The return code of a command that nobody knows.
pub(crate) const UNKNOWN: Rc = Rc(-3);

/// The return code of a command that HX has ended.
pub(crate) const HALTED: Rc = Rc(222);

/// Completion codes of program interruptions.
const PROGRAM_INTERRUPTIONS: core::ops::RangeInclusive<i32> = 0x0c0..=0x0cf;

/// What survives an abnormal end: no pointers, so it can be kept outside the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The accessed disks, A to Z.
    pub disks: [Option<Access>; 26],
    /// What SET sets.
    pub settings: Settings,
    /// A command is writing to the punch or printer, or reading the reader.
    pub spooling: bool,
    /// A program is running: when it ends abnormally its registers are shown.
    pub in_program: bool,
    /// Virtual and total processor time at the last Ready message, in microseconds.
    charged: (u64, u64),
    /// The running command, padded with blanks.
    routine: [u8; 8],
}

impl Session {
    /// A session before anything was accessed.
    pub const NEW: Self =
        Self { disks: [None; 26], settings: Settings::NEW, spooling: false, in_program: false, charged: (0, 0), routine: *b"CMS     " };

    /// The running command.
    pub fn routine(&self) -> &str {
        // Words are cut to eight characters, not bytes: a name that does not fit is not shown.
        core::str::from_utf8(&self.routine).unwrap_or("?").trim_end()
    }

    /// Names the running command.
    fn set_routine(&mut self, name: &str) {
        self.routine = [b' '; 8];
        self.routine.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    }
}

/// CMS in one machine.
pub struct Shell<C: Cp> {
    pub(crate) cp: C,
    pub(crate) disks: Disks<C::Disk>,
    pub(crate) session: Session,
    /// The three letters of the running command in its messages.
    pub(crate) code: &'static str,
    /// EXECs within EXECs.
    pub(crate) exec_depth: u32,
    /// Lines that EXECs have left.
    pub(crate) program_stack: ProgramStack,
    /// Compiled EXECs.
    pub(crate) programs: Programs,
    /// The variables of the REXX program that has issued the running command.
    pub(crate) variables: Option<Variables>,
    /// Where EXECIO goes on reading.
    pub(crate) positions: Positions,
    /// Of which reader file EXECIO CARD has read how many records.
    pub(crate) cards: (u32, u32),
    /// What FILEDEF has defined.
    pub(crate) definitions: Vec<Definition>,
    /// Where the tapes stand.
    pub(crate) tapes: Vec<Mounted>,
    /// A user's own names for commands.
    pub(crate) synonyms: Synonyms,
    /// EXECs in storage.
    pub(crate) loaded: InStorage,
    /// Programs in storage.
    pub(crate) modules: Modules,
    /// What GLOBALV keeps.
    pub(crate) globals: Globals,
    /// The disks that VMLINK has linked: whose, their number, the number here.
    pub(crate) vmlinks: Vec<(String, u32, u32)>,
    /// The lines typed lately.
    pub(crate) history: History,
    /// What SVCTRACE has recorded.
    pub(crate) calls: CallTrace,
    /// The lines of an answer that is to be stacked.
    pub(crate) answer: Option<Vec<Vec<u8>>>,
}

impl<C: Cp> Shell<C> {
    /// CMS with nothing accessed.
    pub fn new(cp: C) -> Self {
        Self {
            cp,
            disks: Disks::new(),
            session: Session::NEW,
            code: "CMS",
            exec_depth: 0,
            program_stack: ProgramStack::new(),
            programs: Programs::default(),
            variables: None,
            positions: Positions::default(),
            cards: (0, 0),
            definitions: Vec::new(),
            tapes: Vec::new(),
            synonyms: Synonyms::default(),
            loaded: InStorage::default(),
            modules: Modules::default(),
            globals: Globals::default(),
            vmlinks: Vec::new(),
            history: History::default(),
            calls: CallTrace::default(),
            answer: None,
        }
    }

    /// IPL: the banner, the disks, and the first line, before which PROFILE EXEC runs.
    ///
    /// SYSPROF EXEC of the system disk runs first of all, unless PARM has NOSPROF. The PARM text AUTOCR stands for an empty first line. A first
    /// line `ACCESS (NOPROF` keeps PROFILE EXEC from running.
    pub fn ipl(&mut self, parm: &[u8]) {
        let timer = self.cp.timer();
        self.session.charged = (timer.virtual_us, timer.total_us);
        let (date, time) = (words::field(&timer.date), words::field(&timer.time));
        self.say(format!("{LEVEL}    {date} {}", time.get(..5).unwrap_or(&time)));
        self.access_standard_disks();
        let parm = Words::parse(parm);
        let has = |wanted: &str| core::iter::once(&parm.command).chain(&parm.operands).any(|word| word == wanted);
        if !has("NOSPROF") {
            self.system_profile();
        }
        let automatic = has("AUTOCR");
        let line = match automatic {
            true => Vec::new(),
            false => self.console_line().unwrap_or_default(),
        };
        let words = Words::parse(&line);
        let no_profile = words::is(&words.command, "ACcess") && words.options.iter().any(|option| option == "NOPROF");
        if !no_profile && let Some(profile) = exec::find(self, "PROFILE") {
            self.begin("PROFILE");
            let outcome = self.run_exec(&profile, b"");
            self.end();
            if line.is_empty() {
                return self.ready(outcome);
            }
        }
        match line.is_empty() {
            true => self.ready(Ok(())),
            false => self.enter(&line),
        }
    }

    /// Runs SYSPROF EXEC, which is the system's: only the system disk and its extensions are searched. What it returns changes nothing.
    fn system_profile(&mut self) {
        let spec = ModeSpec { mode: Some(Mode::S), number: None };
        if let Some(profile) = file_id("SYSPROF", "EXEC").and_then(|id| self.disks.locate(&id, spec).ok()) {
            self.begin("SYSPROF");
            // Its messages have been shown.
            let _ = self.run_exec(&profile, b"");
            self.end();
        }
    }

    /// Accesses 190 as S, 19E as its extension and 191 as A, where they exist.
    fn access_standard_disks(&mut self) {
        let system = Access { force_read_only: true, ..Access::of(0x190) };
        let tools = Access { extension_of: Some(Mode::S), ..Access::of(0x19e) };
        self.code = "ACC";
        for (mode, access) in [(Mode::S, system), (Mode::Y, tools), (Mode::A, Access::of(0x191))] {
            match self.cp.disk(access.vdev) {
                // A disk that cannot be used is named in a message; CMS goes on without it.
                Ok(device) => drop(self.access_device(mode, access, device)),
                Err(DiskUnusable::NotAttached) => {}
                Err(error) => drop(self.disk_unusable(mode, access.vdev, error)),
            }
        }
        self.code = "CMS";
    }

    /// CMS after an abnormal end with that completion code: the disks accessed again, the settings as they were.
    pub fn recover(cp: C, session: Session, code: i32) -> Self {
        let mut shell = Self::new(cp);
        shell.session.settings = session.settings;
        shell.session.charged = session.charged;
        shell.globals.recovered = true;
        if session.spooling {
            // What a failed command had written must not go out with the next file, and what it was reading is kept.
            for command in ["CLOSE 00D PURGE", "CLOSE 00E PURGE", "CLOSE 00C KEEP"] {
                shell.cp.command(command.as_bytes());
            }
        }
        shell.code = "ACC";
        for (index, access) in session.disks.iter().enumerate() {
            if let Some(access) = access {
                // As at IPL: the message has been shown.
                let _ = shell.access(Mode::at(index), *access);
            }
        }
        if session.in_program && PROGRAM_INTERRUPTIONS.contains(&code) {
            shell.cp.last_abend().iter().for_each(|line| shell.show_line(line));
        }
        shell.ready(Err(Rc(code)));
        shell
    }

    /// Whether a disk is accessed.
    pub fn has_disks(&self) -> bool {
        self.disks.iter().next().is_some()
    }

    /// Reads lines and executes them, as long as there are any.
    pub fn run(&mut self) {
        while let Some(line) = self.read_line() {
            self.enter(&line);
        }
    }

    /// Puts lines where they are read before what is typed: the program stack.
    pub fn types(&mut self, lines: Vec<Vec<u8>>) {
        lines.into_iter().for_each(|line| self.program_stack.push(line));
    }

    /// Executes a line from the console and shows the Ready message. An empty line asks who is there.
    pub fn enter(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return self.say("CMS");
        }
        self.history.add(line);
        self.begin("CMS");
        let outcome = self.execute(line);
        self.end();
        self.ready(outcome);
    }

    /// From now on a failure ends only what is running.
    fn begin(&mut self, routine: &str) {
        self.session.set_routine(routine);
        self.cp.begin_command(&self.session);
    }

    /// Nothing is running any more.
    fn end(&mut self) {
        self.session.spooling = false;
        self.session.in_program = false;
        self.answer = None;
        self.exec_depth = 0;
        self.positions = Positions::default();
        self.cp.end_command();
    }

    /// Says which command is running.
    pub(crate) fn running(&mut self, name: &str, code: &'static str) {
        self.session.set_routine(name);
        self.code = code;
        self.cp.remember(&self.session);
    }

    /// The spool devices are in use: an abnormal end has to close them.
    pub(crate) fn spooling(&mut self, in_use: bool) {
        self.session.spooling = in_use;
        self.cp.remember(&self.session);
    }

    /// Executes a command line and says when nobody knows the command.
    pub(crate) fn execute(&mut self, line: &[u8]) -> Outcome {
        self.carry_out(line).unwrap_or_else(|| {
            self.say("Unknown CP/CMS command");
            Err(UNKNOWN)
        })
    }

    /// Executes a command line: comment, EXEC, CMS command, CP command. None: nobody knows the command.
    pub(crate) fn carry_out(&mut self, line: &[u8]) -> Option<Outcome> {
        self.carry_out_as(line, self.session.settings)
    }

    /// As [`Shell::carry_out`], with the search that these settings mean.
    pub(crate) fn carry_out_as(&mut self, line: &[u8], settings: Settings) -> Option<Outcome> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"*") {
            return Some(Ok(()));
        }
        if line.len() > abi::COMMAND_MAX as usize {
            return Some(Err(self.fail(32, "083E", format!("A command line has at most {} bytes", abi::COMMAND_MAX))));
        }
        self.traced(line, |shell| shell.look_up(line, settings))
    }

    /// Looks for what a line is for, and does it.
    fn look_up(&mut self, line: &[u8], settings: Settings) -> Option<Outcome> {
        let words = Words::parse(line);
        if settings.implied_exec
            && let Some(exec) = exec::find(self, &words.command)
        {
            self.running(&words.command, "EXC");
            return Some(self.run_exec(&exec, &words.text));
        }
        let synonym = self.synonyms.command(&words.command, settings.abbreviations);
        if settings.implied_exec
            && let Some(exec) = synonym.as_ref().and_then(|name| exec::find(self, name))
        {
            self.running(&words.command, "EXC");
            return Some(self.run_exec(&exec, &words.text));
        }
        if let Some(extension) = self.modules.extension(&words.command) {
            return Some(self.run_extension(&words.command, &extension, &words.text));
        }
        let found = commands::find::<C>(&words.command, settings.abbreviations);
        // A synonym goes before an abbreviation, and a command's own name before a synonym.
        let command = match synonym {
            Some(name) if found.is_none_or(|command| command.name != words.command) => {
                commands::find::<C>(&name, settings.abbreviations).or(found)
            }
            _ => found,
        };
        // The name of a module goes before an abbreviation.
        if command.is_none_or(|command| command.name != words.command)
            && let Some(module) = module::find(self, &words.command)
        {
            return Some(self.run_module(&words.command, &module, &words.text));
        }
        if let Some(command) = command {
            self.running(command.name, command.code);
            return Some((command.run)(self, &words));
        }
        if settings.implied_cp {
            self.running(&words.command, "CMS");
            // CP may have to ask for a password, which it does when the response is the console's.
            if words.command == "LINK" {
                return Some(self.cp_command(line));
            }
            let response = self.cp.command(line);
            // Message 1 is CP's own unknown command.
            if response.code != 1 {
                self.show(&response.text);
                return Some(rc(response.code as i32));
            }
        }
        None
    }

    /// The Ready message, with the processor time used since the last one.
    pub(crate) fn ready(&mut self, outcome: Outcome) {
        let code = outcome.err().map_or(String::new(), |Rc(code)| format!("({code:05})"));
        if self.session.settings.short_ready {
            return self.say(format!("Ready{code};"));
        }
        let timer = self.cp.timer();
        let used = |now: u64, before: u64| {
            let hundredths = now.saturating_sub(before) / 10_000;
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        };
        let (own, total) = (used(timer.virtual_us, self.session.charged.0), used(timer.total_us, self.session.charged.1));
        self.session.charged = (timer.virtual_us, timer.total_us);
        self.say(format!("Ready{code}; T={own}/{total} {}", words::field(&timer.time)));
    }
}

impl<C: Cp> Shell<C> {
    /// Shows a response of CP.
    pub(crate) fn show(&mut self, response: &[u8]) {
        let lines = response.strip_suffix(b"\n").unwrap_or(response);
        if !lines.is_empty() {
            lines.split(|&byte| byte == b'\n').for_each(|line| self.show_line(line));
        }
    }

    /// Executes a CP command; its response goes to the console.
    pub(crate) fn cp_command(&mut self, command: &[u8]) -> Outcome {
        rc(self.cp.command_to_console(command) as i32)
    }

    /// Local date and time, as the file system wants it.
    pub(crate) fn now(&mut self) -> DateTime {
        let timer = self.cp.timer();
        DateTime::from_unix_seconds((timer.unix_seconds as i64).saturating_add(timer.zone_seconds))
    }
}

/// A return code as an outcome.
pub(crate) fn rc(code: i32) -> Outcome {
    if code == 0 { Ok(()) } else { Err(Rc(code)) }
}
