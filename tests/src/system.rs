//! A running system in a data directory of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::wait;
use crate::{PATIENCE, Program, Terminal, Watchdog, cp64, wait_for};

/// A system that a test started. It ends with the value; the data directory goes with it.
pub struct System {
    root: PathBuf,
    /// What CP says on standard error goes beside the data directory, not into it.
    complaints: PathBuf,
    arguments: Vec<String>,
    server: Option<Child>,
    _place: TempDir,
    _watchdog: Watchdog,
}

impl System {
    /// Starts a new system.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a new system with these options of `cp64 start`.
    pub fn start_with(options: &[&str]) -> Self {
        let mut system = Self::prepare(options);
        system.run();
        system
    }

    /// A place for a system that does not run yet.
    pub fn prepare(options: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let root = place.path().join("system");
        let complaints = place.path().join("complaints");
        let mut system = Self { root, complaints, arguments: Vec::new(), server: None, _place: place, _watchdog: Watchdog::new() };
        system.use_options(options);
        system
    }

    /// The same with its data directory elsewhere.
    pub fn prepare_at(root: &Path) -> Self {
        let mut system = Self::prepare(&[]);
        system.root = root.to_path_buf();
        system
    }

    /// From now on it starts with these options of `cp64 start`.
    pub fn use_options(&mut self, options: &[&str]) {
        self.arguments = options.iter().map(|option| (*option).to_string()).collect();
    }

    /// Starts it, for the first time or again.
    ///
    /// # Panics
    /// When it does not come up; what it complains of is shown.
    pub fn run(&mut self) {
        assert!(self.try_run(), "CP-64 does not start: {}", self.complaints());
    }

    /// Starts it; false when it ends instead of accepting logons.
    pub fn try_run(&mut self) -> bool {
        let complaints = File::create(&self.complaints).expect("a file in the temporary directory");
        let mut command = Command::new(cp64());
        command.args(["start", "--headless", "--system"]).arg(&self.root).args(&self.arguments);
        // All of these tests on another processor: CP64_TEST_PROCESSOR=soft.
        if let Some(kind) = std::env::var_os("CP64_TEST_PROCESSOR")
            && !self.arguments.iter().any(|argument| argument == "--processor")
        {
            command.arg("--processor").arg(kind);
        }
        self.run_command(command.stderr(complaints))
    }

    /// Starts it by this command, which must stay in the foreground and say on standard output that it runs.
    pub fn run_command(&mut self, command: &mut Command) -> bool {
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("cp64 can be started");
        let output = server.stdout.take().expect("it is piped");
        let (said, hears) = channel();
        // The thread stays so that the pipe stays open.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                drop(said.send(line));
            }
        });
        self.server = Some(server);
        let up = hears.recv_timeout(PATIENCE).is_ok_and(|line| line.contains("is running in"));
        if !up {
            self.wait_ended();
        }
        up
    }

    /// What CP wrote on standard error.
    pub fn complaints(&self) -> String {
        fs::read_to_string(&self.complaints).unwrap_or_default()
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.root
    }

    /// The socket that terminals connect to.
    pub fn socket(&self) -> PathBuf {
        self.root.join("cp64.socket")
    }

    /// The process id of CP.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("CP runs").id()
    }

    /// Whether CP's process is still there.
    pub fn is_running(&mut self) -> bool {
        self.server.as_mut().is_some_and(|server| matches!(server.try_wait(), Ok(None)))
    }

    /// `cp64 ARGUMENTS --system DIRECTORY`, with that standard input.
    pub fn cp64(&self, arguments: &[&str], input: &[u8]) -> Program {
        let mut all: Vec<&std::ffi::OsStr> = arguments.iter().map(|argument| (*argument).as_ref()).collect();
        // Behind `cp` everything belongs to the command, so the place comes before it.
        let at = 1.min(all.len());
        all.splice(at..at, ["--system".as_ref(), self.root.as_os_str()]);
        Program::cp64(all, input)
    }

    /// A session that is not at a terminal: `cp64 logon USER` with the lines as input.
    pub fn script(&self, user: &str, lines: &str) -> Program {
        self.cp64(&["logon", user], lines.as_bytes())
    }

    /// A session that is not at a terminal and should end well; its output.
    #[track_caller]
    pub fn session(&self, user: &str, lines: &str) -> String {
        self.script(user, lines).succeeded().output
    }

    /// `cp64 cp COMMAND`.
    pub fn cp(&self, command: &str) -> Program {
        self.cp64(&["cp", command], b"")
    }

    /// The response of a CP command that should be carried out.
    #[track_caller]
    pub fn cp_says(&self, command: &str) -> String {
        self.cp(command).succeeded().output
    }

    /// `cp64 cp --json COMMAND` as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn cp_json(&self, command: &str) -> Value {
        let answer = self.cp64(&["cp", "--json", command], b"");
        serde_json::from_str(&answer.output).unwrap_or_else(|error| panic!("{error} in the answer {answer:?}"))
    }

    /// Virtual and total processor time of every user who is logged on, in microseconds, all of one moment.
    ///
    /// # Panics
    /// When CP does not answer.
    pub fn processor_times(&self) -> BTreeMap<String, (u64, u64)> {
        let mut watch = console::client::watch(&self.socket()).expect("CP listens");
        let told = watch.snapshot(&console::wire::Window::everything()).expect("CP answers");
        told.machines.into_iter().map(|machine| (machine.userid, (machine.virtual_us, machine.total_us))).collect()
    }

    /// Waits until the user's machine has run for more than so many microseconds since logon.
    pub fn wait_until_it_ran(&self, user: &str, virtual_us: u64) {
        wait_for(&format!("{user} to run"), || self.processor_times().get(user).filter(|times| times.0 > virtual_us).map(drop));
    }

    /// Virtual processor times when every slice is charged: what a machine showed last is on the screen before.
    pub fn settled_times(&self) -> BTreeMap<String, u64> {
        let times = || self.processor_times().into_iter().map(|(user, times)| (user, times.0)).collect();
        wait_for("the last slices to be charged", || {
            let before: BTreeMap<_, _> = times();
            thread::sleep(Duration::from_millis(300));
            (times() == before).then_some(before)
        })
    }

    /// A terminal that is logged on as this user, at the first Ready of CMS.
    pub fn log_on(&self, user: &str) -> Terminal {
        let mut terminal = Terminal::log_on(&self.socket(), user);
        terminal.ready();
        terminal
    }

    /// Adds a general user with a small 191 disk.
    pub fn add_user(&self, user: &str) {
        self.cp64(&["user", "add", user, "--cylinders", "2"], b"").succeeded();
    }

    /// Adds general users without a 191 disk, `U0001` and so on: one statement each in `user.direct`, put on line at once.
    ///
    /// # Panics
    /// When CP does not take the directory.
    pub fn add_users(&self, count: usize) -> Vec<String> {
        let names: Vec<_> = (1..=count).map(|number| format!("U{number:04}")).collect();
        let statements: String = names.iter().map(|name| format!("USER {name} AUTOONLY 32M 32M G\n  INCLUDE CMSDFLT\n")).collect();
        let source = self.root.join("user.direct");
        let text = fs::read_to_string(&source).expect("a system has a directory");
        fs::write(&source, text + &statements).expect("the directory can be written");
        self.cp("DIRECTXA").succeeded();
        names
    }

    /// `cp64 disk put`: a file of these bytes onto a 191 disk.
    pub fn disk_put(&self, user: &str, name: &str, file_type: &str, bytes: &[u8]) -> Program {
        self.cp64(&["disk", "put", user, "191", "-", name, file_type], bytes)
    }

    /// `cp64 disk get`: the bytes of a file on a 191 disk.
    #[track_caller]
    pub fn disk_get(&self, user: &str, name: &str, file_type: &str) -> Vec<u8> {
        self.cp64(&["disk", "get", user, "191", name, file_type, "-"], b"").succeeded().bytes
    }

    /// `cp64 punch`: these lines into a user's reader.
    pub fn punch(&self, user: &str, name: &str, lines: &str) -> Program {
        self.cp64(&["punch", "-", "--to", user, "--name", name], lines.as_bytes())
    }

    /// Kills CP as the kernel would, without a word.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.kill());
            drop(server.wait());
        }
    }

    /// Ends CP in order.
    ///
    /// # Panics
    /// When it does not end.
    pub fn shut_down(&mut self) {
        self.cp("SHUTDOWN").succeeded();
        self.wait_ended();
    }

    /// Waits for CP to end; its exit code.
    ///
    /// # Panics
    /// When it goes on.
    pub fn wait_ended(&mut self) -> i32 {
        let Some(mut server) = self.server.take() else { return 0 };
        let ended = wait(&mut server, PATIENCE);
        drop(server.kill());
        let code = server.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        assert!(ended, "CP goes on: {}", self.complaints());
        code
    }

    /// `cp64 check`.
    pub fn check(&self) -> Program {
        self.cp64(&["check"], b"")
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("CP wrote:\n{}", self.complaints());
        }
        self.kill();
    }
}
