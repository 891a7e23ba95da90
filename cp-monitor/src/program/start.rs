//! `cp64 start`: the system itself.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::{Args, ValueEnum};
use console::tls::Files;
use cp_monitor::clock::Clock;
use cp_monitor::command;
use cp_monitor::processor::{self, kvm};
use cp_monitor::system::allowance::{self, Bound};
use cp_monitor::system::data::SystemFile;
use cp_monitor::system::{Config, Cp, DataDirectory};
use spool::StartMode;

use super::front_ends::{Addresses, At, FrontEnds};
use super::{Ended, Place, because, talk};

/// What the detached process writes when logons are accepted.
const READY: &str = "CP-64 is ready";
/// Most real processors.
const PROCESSORS_MAX: usize = 64;

/// Options of a start.
#[derive(Args, Clone)]
pub struct Options {
    /// Run without the operator screen
    #[arg(long)]
    headless: bool,
    /// With --headless: go on in the background and return when logons are accepted
    #[arg(long, requires = "headless")]
    detach: bool,
    /// Keep the spool as it is (the default)
    #[arg(long, group = "spool_start")]
    warm: bool,
    /// Keep the spool, skipping files that cannot be read
    #[arg(long, group = "spool_start")]
    force: bool,
    /// Drop spool files; the old spool is set aside
    #[arg(long, group = "spool_start")]
    cold: bool,
    /// Drop everything in the spool
    #[arg(long, group = "spool_start")]
    clean: bool,
    /// Real processors to use [default: all that this process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    processors: Option<u16>,
    /// Keep each processor thread on one host processor: of these, such as 0,2-3, or of all
    #[arg(long, value_name = "LIST", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    affinity: Option<String>,
    /// What runs the machines
    #[arg(long, value_enum, default_value = "auto")]
    processor: Kind,
    /// Real storage for machines, such as 4G [default: three quarters of the memory that this process may use]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    storage: Option<u64>,
    /// Paging file for when storage runs short, such as 8G; 0 is none [default: twice the storage, at most half the free disk]
    #[arg(long, value_name = "SIZE", value_parser = paging_size)]
    paging: Option<u64>,
    /// Serve metrics for Prometheus there, such as 127.0.0.1:9064 [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<String>,
    /// With --metrics: at an address that other hosts reach, too
    #[arg(long)]
    metrics_open: bool,
    /// Serve 3270 terminals (TN3270, TN3270E) there, such as 127.0.0.1:3270 [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    tn3270: Option<String>,
    /// With --tn3270: at an address that other hosts reach, too; Telnet is not encrypted
    #[arg(long)]
    tn3270_open: bool,
    /// Serve 3270 terminals by TLS there, such as 0.0.0.0:3271 [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    tn3270_tls: Option<String>,
    /// Serve browsers there, such as 127.0.0.1:8064; only this host reaches that [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    web: Option<String>,
    /// Serve browsers by TLS there, such as 0.0.0.0:8443 [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    web_tls: Option<String>,
    /// The certificate for TLS, as PEM [default: one that signs itself, made at the first start]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Serve SSH there, such as 0.0.0.0:2222; users need a password or a key (cp64 user key) [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    ssh: Option<String>,
    /// With --ssh: end a terminal at which nobody types for that long, such as 30m or 8h [default: never]
    #[arg(long, value_name = "TIME", value_parser = time)]
    ssh_idle: Option<Duration>,
    /// With --ssh: end a connection after that long in all [default: never]
    #[arg(long, value_name = "TIME", value_parser = time)]
    ssh_absolute: Option<Duration>,
    #[command(flatten)]
    theme: talk::Theme,
    /// The background process of --detach.
    #[arg(long, hide = true)]
    background: bool,
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Kind {
    /// KVM where the host has it, else software
    Auto,
    /// KVM
    Kvm,
    /// The software processor, on any host
    Soft,
}

impl Kind {
    /// What it is on this host; without KVM, why it is software if nobody asked for that.
    fn on_this_host(self) -> Result<(processor::Kind, Option<String>), String> {
        if self == Kind::Soft {
            return Ok((processor::Kind::Soft, None));
        }
        match kvm::probe() {
            Ok(_) => Ok((processor::Kind::Kvm, None)),
            Err(why) if self == Kind::Auto => Ok((processor::Kind::Soft, Some(because(why)))),
            Err(why) => Err(because(why)),
        }
    }
}

/// Bytes of `4G`, `512M`.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.to_ascii_uppercase().strip_suffix(['M', 'G']) {
        Some(digits) if text.ends_with(['G', 'g']) => (digits.to_string(), 30),
        Some(digits) => (digits.to_string(), 20),
        None => return Err("a number followed by M or G, such as 4G".to_string()),
    };
    let number: u64 = digits.parse().map_err(|_| "a number followed by M or G, such as 4G".to_string())?;
    number.checked_mul(1 << shift).ok_or_else(|| "4096G at most".to_string())
}

fn size(text: &str) -> Result<u64, String> {
    bytes(text).and_then(|bytes| if (16 << 20..=1 << 42).contains(&bytes) { Ok(bytes) } else { Err("between 16M and 4096G".to_string()) })
}

fn paging_size(text: &str) -> Result<u64, String> {
    match text {
        "0" => Ok(0),
        _ => bytes(text)
            .and_then(|bytes| if (1 << 20..=1 << 43).contains(&bytes) { Ok(bytes) } else { Err("0, or between 1M and 8192G".to_string()) }),
    }
}

/// A time as `90s`, `30m`, `12h`: a second to a year.
fn time(text: &str) -> Result<Duration, String> {
    let why = || format!("{text}: a time is a number followed by s, m or h, such as 30m, and at most a year");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(why)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(why()),
    };
    let seconds =
        number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|seconds| (1..=366 * 86400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(why)
}

impl Options {
    fn start_mode(&self) -> StartMode {
        match (self.force, self.cold, self.clean) {
            (true, _, _) => StartMode::Force,
            (_, true, _) => StartMode::Cold,
            (_, _, true) => StartMode::Clean,
            _ => StartMode::Warm,
        }
    }
}

/// Starts the system; ends with it.
pub fn run(place: &Place, options: &Options) -> Ended {
    let directory = place.directory()?;
    if options.detach && !options.background {
        return detach(&directory);
    }
    let screen = !options.headless;
    if screen && !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err("The operator screen needs a terminal; use --headless to run without it".to_string());
    }
    // Before anything is written: is there a processor to run machines on?
    let (kind, why) = options.processor.on_this_host()?;
    if let Some(why) = why {
        eprintln!("cp64: Machines run on the software processor, slower than with KVM. {why}");
    }
    // Whatever this process makes is its owner's alone: spool files and minidisks are people's own.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    allowance::descriptors();
    let data = DataDirectory::hold(&directory).map_err(because)?;
    if options.background {
        rustix::process::setsid().map_err(because)?;
    }
    log_to(&directory, screen || options.background)?;
    let (cp, listening) = bring_up(data, &directory, options, kind)?;
    let ended = if screen { watch_screen(&cp, &directory, options) } else { serve(&cp, options) };
    cp.shut_down();
    while !cp.wait_finished(Duration::from_secs(60)) {}
    drop(listening);
    ended
}

/// The front ends, stopped once.
type Listening = Arc<Mutex<Option<FrontEnds>>>;

fn bring_up(data: DataDirectory, directory: &Path, options: &Options, processor: processor::Kind) -> Result<(Arc<Cp>, Listening), String> {
    let settings = data.settings(&Clock::of_host()).map_err(because)?;
    let socket = data.socket();
    let memory = allowance::memory();
    let (processors, affinity) = processors(options, &settings)?;
    let storage = real_storage(options, &settings, &memory)?;
    let paging = paging(options, &settings, storage, directory)?;
    let spool_limit = settings.spool.as_deref().map(size).transpose().map_err(|why| format!("system.toml: spool is {why}"))?;
    let addresses = addresses(options, &settings)?;
    let config = Config {
        devices: settings.devices(),
        spool_limit,
        directory: directory.to_path_buf(),
        system_id: settings.system_id.clone(),
        processors,
        processor,
        insist_on_kvm: options.processor == Kind::Kvm,
        affinity,
        storage,
        paging,
        start: options.start_mode(),
    };
    let cp = Cp::start(config, data).map_err(because)?;
    say_what_fits(&cp, &memory);
    command::load_prop_at_start(&cp);
    let begun = as_set(&cp, &settings).and_then(|()| FrontEnds::start(&cp, &socket, &addresses));
    let listening = match begun {
        Ok(begun) => Arc::new(Mutex::new(Some(begun))),
        Err(why) => {
            cp.shut_down();
            cp.wait_finished(Duration::from_secs(60));
            return Err(why);
        }
    };
    let at_end = Arc::clone(&listening);
    cp.on_shutdown(Box::new(move || {
        if let Some(front_ends) = at_end.lock().ok().and_then(|mut slot| slot.take()) {
            front_ends.stop();
        }
    }));
    on_signals(&cp)?;
    Ok((cp, listening))
}

/// What `system.toml` says in the words of commands.
fn as_set(cp: &Arc<Cp>, settings: &SystemFile) -> Result<(), String> {
    let Some(operands) = &settings.idletime else { return Ok(()) };
    let reply = command::execute(cp, command::Origin::host(cp), &format!("SET IDLETIME {operands}"));
    if reply.code == 0 { Ok(()) } else { Err(format!("system.toml: idletime is no operand of SET IDLETIME: {}", reply.lines.join("; "))) }
}

/// How many processors, and the host processors that they stay on. The command line goes before `system.toml`.
fn processors(options: &Options, settings: &SystemFile) -> Result<(usize, Vec<usize>), String> {
    let asked = options.processors.or(settings.processors).map_or(0, usize::from);
    if asked > PROCESSORS_MAX {
        return Err(format!("system.toml: processors is 1 to {PROCESSORS_MAX}"));
    }
    let of_host = || allowance::processors().min(PROCESSORS_MAX);
    let Some(list) = options.affinity.as_ref().or(settings.affinity.as_ref()) else {
        return Ok((if asked == 0 { of_host() } else { asked }, Vec::new()));
    };
    let mut chosen = allowance::affinity(list, asked, &allowance::allowed_processors())?;
    let count = if asked > 0 { asked } else { chosen.len().min(of_host()) };
    chosen.truncate(count);
    Ok((count, chosen))
}

/// Bytes of real storage: as asked, or three quarters of the memory there is; taken from the host only as machines touch it.
fn real_storage(options: &Options, settings: &SystemFile, memory: &Bound) -> Result<u64, String> {
    let of_settings = settings.storage.as_deref().map(size).transpose().map_err(|why| format!("system.toml: storage is {why}"))?;
    Ok(options.storage.or(of_settings).unwrap_or_else(|| (memory.amount / 4 * 3).max(64 << 20) & !((1 << 20) - 1)))
}

/// Where to listen. The command line goes before `system.toml`.
fn addresses(options: &Options, settings: &SystemFile) -> Result<Addresses, String> {
    let at = |text: Option<&String>, open, example: &str, what: &str| -> Result<Option<At>, String> {
        let Some(text) = text else { return Ok(None) };
        let parsed = text.parse().map_err(|_| format!("{text}: an address and a port, such as {example}, is where {what} served"))?;
        Ok(Some(At { address: parsed, open }))
    };
    let limit = |asked: Option<Duration>, set: Option<&String>| {
        asked.map_or_else(|| set.map(|text| time(text)).transpose(), |asked| Ok(Some(asked)))
    };
    let metrics = options.metrics.as_ref().or(settings.metrics.as_ref());
    let ssh = options.ssh.as_ref().or(settings.ssh.as_ref());
    let tn3270 = options.tn3270.as_ref().or(settings.tn3270.as_ref());
    let tn3270_tls = options.tn3270_tls.as_ref().or(settings.tn3270_tls.as_ref());
    let web = options.web.as_ref().or(settings.web.as_ref());
    let web_tls = options.web_tls.as_ref().or(settings.web_tls.as_ref());
    let certificate = options.tls_certificate.as_ref().or(settings.tls_certificate.as_ref());
    let tls = match (certificate, options.tls_key.as_ref().or(settings.tls_key.as_ref())) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(Files { certificate: certificate.clone(), key: key.clone() }),
        _ => return Err("tls_certificate and tls_key belong together".to_string()),
    };
    Ok(Addresses {
        metrics: at(metrics, options.metrics_open || settings.metrics_open, "127.0.0.1:9064", "metrics are")?,
        tn3270: at(tn3270, options.tn3270_open || settings.tn3270_open, "127.0.0.1:3270", "3270 terminals are")?,
        tn3270_tls: at(tn3270_tls, true, "0.0.0.0:3271", "3270 terminals are")?.map(|at| at.address),
        ssh: at(ssh, true, "0.0.0.0:2222", "SSH is")?.map(|at| at.address),
        ssh_idle: limit(options.ssh_idle, settings.ssh_idle.as_ref())?,
        ssh_absolute: limit(options.ssh_absolute, settings.ssh_absolute.as_ref())?,
        web: at(web, true, "127.0.0.1:8064", "browsers are")?.map(|at| at.address),
        web_tls: at(web_tls, true, "0.0.0.0:8443", "browsers are")?.map(|at| at.address),
        tls,
    })
}

/// Tells the operator how many users fit, and that more real storage was asked for than there is memory.
fn say_what_fits(cp: &Cp, memory: &Bound) {
    cp.say_to_operator(&cp.capacity().to_string());
    if let Some(percent) = allowance::quota() {
        cp.say_to_operator(&format!("The processor quota of the cgroup is {percent}% of one processor; time beyond it shows as stolen"));
    }
    if cp.config.storage > memory.amount {
        let mib = |bytes: u64| bytes >> 20;
        cp.say_to_operator(&format!(
            "Real storage of {}M is more than the {}M that CP may use ({}); machines that use it all may end CP",
            mib(cp.config.storage),
            mib(memory.amount),
            memory.by
        ));
    }
}

/// Bytes of the paging file: as asked, or what suits the storage and the disk.
fn paging(options: &Options, settings: &SystemFile, storage: u64, directory: &Path) -> Result<u64, String> {
    let of_settings = settings.paging.as_deref().map(paging_size).transpose().map_err(|why| format!("system.toml: paging is {why}"))?;
    Ok(options.paging.or(of_settings).unwrap_or_else(|| allowance::paging(storage, directory)))
}

/// SIGTERM, SIGINT and SIGHUP end the system in order.
fn on_signals(cp: &Arc<Cp>) -> Result<(), String> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(because)?;
    let cp = Arc::clone(cp);
    let spawned = std::thread::Builder::new().name("signals".to_string()).spawn(move || {
        for _ in signals.forever() {
            cp.shut_down();
        }
    });
    spawned.map(drop).map_err(because)
}

/// Without the screen: say that the system is up, and wait for its end.
fn serve(cp: &Arc<Cp>, options: &Options) -> Ended {
    let directory = cp.config.directory.display();
    if options.background {
        super::print(&format!("{READY}. {}\n", cp.capacity()));
    } else {
        super::print(&format!(
            "CP-64 {} is running in {directory}. End it with Ctrl-C or SHUTDOWN.\n{}\n",
            cp_monitor::RELEASE,
            cp.capacity()
        ));
    }
    while !cp.wait_finished(Duration::from_secs(3600)) {}
    Ok(ExitCode::SUCCESS)
}

fn watch_screen(cp: &Arc<Cp>, directory: &Path, options: &Options) -> Ended {
    let socket = cp.data().socket();
    talk::screen(&socket, directory, true, options.theme.look(), None)
}

/// Where CP's own log goes: a file when the terminal is taken or left, else standard error.
fn log_to(directory: &Path, file: bool) -> Result<(), String> {
    let builder = tracing_subscriber::fmt().with_target(false).with_max_level(tracing::Level::INFO);
    if file {
        let path = directory.join("cp64.log");
        let open =
            std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        builder.with_ansi(false).with_writer(Mutex::new(open)).init();
    } else {
        builder.with_ansi(false).with_writer(std::io::stderr).init();
    }
    Ok(())
}

/// Starts this program again in the background and waits for it to be ready, passing on what it complains of.
fn detach(directory: &Path) -> Ended {
    let program = std::env::current_exe().map_err(because)?;
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .arg("--background")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(because)?;
    let (Some(output), Some(mut complaints)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("The background process has no output".to_string());
    };
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).map_err(because)?;
    if let Some(capacity) = line.trim_end().strip_prefix(READY) {
        let capacity = capacity.trim_start_matches(['.', ' ']);
        super::print(&format!(
            "CP-64 {} is running in {} (process {})\n{capacity}\n",
            cp_monitor::RELEASE,
            directory.display(),
            child.id()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = Vec::new();
    complaints.read_to_end(&mut text).map_err(because)?;
    let status = child.wait().map_err(because)?;
    let _ = std::io::stderr().write_all(&text);
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        assert_eq!(
            (time("90s"), time("30m"), time("8h")),
            (Ok(Duration::from_secs(90)), Ok(Duration::from_secs(1800)), Ok(Duration::from_secs(28800)))
        );
        for text in ["", "m", "30", "0m", "-1m", "30 m", "9000h", "99999999999999999999s", "5\u{fc}"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
