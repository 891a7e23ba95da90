//! The control program as a whole: what is shared by every user, and its start and end.

pub mod allowance;
pub mod data;
mod first_start;
mod host;
pub mod minidisks;
mod operator;
mod shutdown;
mod snapshot;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use spool::{Spool, SpoolError, StartMode};

use crate::accounting::Ledger;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::directory::{self, Directory};
use crate::dispatcher::Dispatcher;
use crate::links::LinkTable;
use crate::metrics::Counters;
use crate::paging::{self, Pager};
use crate::pc::Promised;
use crate::processor::kvm::PartitionError;
use crate::processor::kvm::machine::interprets_ring_0;
use crate::processor::{Kind, Processor, Processors};
use crate::prop::{self, Prop};
use crate::real_devices::RealDevices;
use crate::real_devices::settings::Statements;
use crate::storage::paging::{HostFile, PagingSpace};
use crate::storage::{ImageError, SavedSystem, Storage, StorageError};
use crate::users::idle::Limit;
use crate::users::{User, Users};
use crate::workers::Workers;

use allowance::{Capacity, Room};
pub use data::{DataDirectory, DataError};
pub use host::Terminals;
use minidisks::MinidiskError;
pub use snapshot::Load;

/// Threads for what may block.
const WORKERS: usize = 4;

/// How a system is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub directory: PathBuf,
    /// The system identifier, 1 to 8 characters.
    pub system_id: String,
    /// Real processors (dispatcher threads).
    pub processors: usize,
    /// What they are.
    pub processor: Kind,
    /// KVM was asked for, so PC machines run on it whatever that costs.
    pub insist_on_kvm: bool,
    /// The host processor that each of them stays on; empty: wherever the host likes.
    pub affinity: Vec<usize>,
    /// Real storage, in bytes.
    pub storage: u64,
    /// Size of the paging file, in bytes; 0 is none.
    pub paging: u64,
    /// What becomes of the spool.
    pub start: StartMode,
    /// Bytes that all spool files together may take; none is what the host has.
    pub spool_limit: Option<u64>,
    /// Real printers, punches and readers.
    pub devices: Statements,
}

/// Why the system did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The directory of users.
    #[error("{0}")]
    Directory(String),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Real storage.
    #[error("Real storage cannot be had: {0}")]
    Storage(#[from] StorageError),
    /// The processor.
    #[error("Processors cannot be started: {0}")]
    Partition(#[from] PartitionError),
    /// A minidisk of the first start.
    #[error(transparent)]
    Minidisk(#[from] MinidiskError),
    /// The CMS image.
    #[error("CMS cannot be loaded: {0}")]
    Image(#[from] ImageError),
    /// A thread, a socket.
    #[error("{what}: {source}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the host said.
        source: std::io::Error,
    },
}

/// The control program.
pub struct Cp {
    /// How it was started.
    pub config: Config,
    /// Time of day.
    pub clock: Clock,
    /// Who is logged on.
    pub users: Users,
    /// Spool files.
    pub spool: Spool,
    /// Real printers, punches and readers.
    pub real_devices: RealDevices,
    /// Minidisks in use.
    pub links: LinkTable,
    /// What sessions used, on record.
    pub ledger: Ledger,
    /// Who came and who was refused.
    pub audit: Audit,
    /// One-time codes that users show.
    pub codes: directory::totp::Codes,
    /// Rules that react to what OPERATOR hears.
    pub prop: Prop,
    /// Who runs.
    pub dispatcher: Arc<Dispatcher<User>>,
    /// Real storage.
    pub storage: Arc<Storage>,
    /// What PC machines are promised of the host's memory.
    pub pc_storage: Arc<Promised>,
    /// Whether KVM interprets the kernels of PC machines, once that is known.
    interprets: OnceLock<bool>,
    /// Who brings pages in and takes frames.
    pub pager: Pager,
    /// What is counted for all users together.
    pub counters: Counters,
    /// Threads for what may block.
    pub workers: Workers,
    /// When it was started.
    pub started: Instant,
    /// Processor load for INDICATE and the operator screen.
    pub load: Mutex<Load>,
    /// When the users' percentages were worked out.
    watched: Mutex<snapshot::Watched>,
    /// When the operator was last told that a record was lost.
    record_complained: Mutex<Option<Instant>>,
    /// Terminals that are dialed to lines of machines.
    pub dialed: AtomicU32,
    /// SET IDLETIME.
    pub idle_limit: Mutex<Option<Limit>>,
    /// Text that LOGON shows (SET LOGMSG).
    pub logmsg: Mutex<Vec<String>>,
    data: DataDirectory,
    online: RwLock<Arc<Directory>>,
    saved_systems: Vec<(String, Arc<SavedSystem>)>,
    processors: Processors,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lines: AtomicU32,
    down: AtomicBool,
    finished: (Mutex<bool>, Condvar),
    front_ends: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// A new paging file; an old one means nothing any more.
fn paging_space(config: &Config, data: &DataDirectory) -> Result<Option<PagingSpace>, StartError> {
    let path = data.paging();
    if config.paging == 0 {
        let _ = std::fs::remove_file(path);
        return Ok(None);
    }
    match HostFile::create(&path) {
        Ok(file) => Ok(Some(PagingSpace::new(Box::new(file), config.paging))),
        Err(source) => Err(DataError::Io { path, source }.into()),
    }
}

impl Cp {
    /// Starts the system in its data directory: stores, directory, storage, processors, operator.
    pub fn start(config: Config, data: DataDirectory) -> Result<Arc<Self>, StartError> {
        let clock = Clock::of_host();
        let online = data.load_directory(&clock)?;
        let (spool, report) = Spool::open(&data.spool(), config.start)?;
        let storage = Storage::with_paging((config.storage / abi::PAGE) as usize, paging_space(&config, &data)?)?;
        let processors = Processors::new(config.processor, &storage, config.processors)?;
        let cms = SavedSystem::from_elf(&storage, "CMS", crate::CMS_IMAGE)?;
        let workers = Workers::start(WORKERS).map_err(|source| StartError::Host { what: "Threads cannot be started", source })?;
        let cp = Arc::new(Self {
            clock,
            users: Users::default(),
            spool,
            real_devices: RealDevices::of(&config.devices, &data.root()),
            links: LinkTable::new(data.minidisks()),
            ledger: Ledger::new(data.accounting()),
            audit: Audit::open(&data.root()),
            codes: directory::totp::Codes::default(),
            prop: Prop::new(data.root().join("prop")),
            dispatcher: Dispatcher::new(config.processors),
            pager: Pager::new(&storage),
            interprets: OnceLock::new(),
            pc_storage: Promised::new(allowance::memory().amount),
            storage,
            counters: Counters::default(),
            workers,
            started: Instant::now(),
            load: Mutex::default(),
            watched: Mutex::default(),
            record_complained: Mutex::default(),
            dialed: AtomicU32::new(0),
            idle_limit: Mutex::default(),
            logmsg: Mutex::default(),
            data,
            online: RwLock::new(Arc::new(online)),
            saved_systems: vec![("CMS".to_string(), cms)],
            processors,
            threads: Mutex::default(),
            lines: AtomicU32::new(0),
            down: AtomicBool::new(false),
            finished: (Mutex::new(false), Condvar::new()),
            front_ends: OnceLock::new(),
            config,
        });
        paging::start(&cp).map_err(|source| StartError::Host { what: "Threads cannot be started", source })?;
        cp.start_processors()?;
        cp.start_thread("accounting", |cp| cp.settle_records())?;
        let rules = Arc::clone(&cp);
        cp.start_thread("prop", move |_| prop::act(&rules))?;
        cp.log_on_operator(&report);
        cp.watch_spool();
        let devices = RealDevices::start(&cp).map_err(|source| StartError::Host { what: "Devices cannot be started", source })?;
        cp.threads.lock().extend(devices);
        cp.start_thread("load", |cp| {
            while !cp.wait_finished(Duration::from_secs(1)) {
                cp.sample_load();
                cp.end_idle();
            }
        })?;
        Ok(cp)
    }

    fn start_processors(self: &Arc<Self>) -> Result<(), StartError> {
        for number in 0..self.config.processors {
            let cp = Arc::clone(self);
            let (ready, result) = std::sync::mpsc::channel();
            let thread = std::thread::Builder::new().name(format!("processor-{number}")).spawn(move || match cp.processor(number) {
                Ok(mut processor) => {
                    let _ = ready.send(Ok(()));
                    cp.dispatcher.drive(number, &mut *processor);
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            });
            let thread = thread.map_err(|source| StartError::Host { what: "Processor thread cannot be started", source })?;
            self.threads.lock().push(thread);
            if let Ok(Err(error)) = result.recv() {
                self.dispatcher.stop();
                return Err(error);
            }
        }
        Ok(())
    }

    /// A real processor for the calling thread.
    fn processor(&self, number: usize) -> Result<Box<dyn Processor>, StartError> {
        if let Some(&host) = self.config.affinity.get(number) {
            allowance::stay_on(host)
                .map_err(|source| StartError::Host { what: "A processor thread cannot stay on its host processor", source })?;
        }
        Ok(self.processors.processor(number)?)
    }

    fn start_thread(self: &Arc<Self>, name: &str, work: impl FnOnce(&Self) + Send + 'static) -> Result<(), StartError> {
        let cp = Arc::clone(self);
        let thread = std::thread::Builder::new().name(name.to_string()).spawn(move || work(&cp));
        thread.map(drop).map_err(|source| StartError::Host { what: "Thread cannot be started", source })
    }

    /// Whether a PC machine with so many processors runs on KVM: with one, if it was asked for or executes kernels at their speed. The first time it is measured, and
    /// the operator hears what came of it. May take a tenth of a second.
    pub fn runs_pc_on_kvm(&self, processors: usize) -> bool {
        if self.config.processor != Kind::Kvm || processors != 1 {
            return false;
        }
        self.config.insist_on_kvm || !self.kvm_interprets()
    }

    /// Whether KVM on this host interprets kernels, or does not run them. Measured the first time.
    pub fn kvm_interprets(&self) -> bool {
        *self.interprets.get_or_init(|| {
            let interprets = interprets_ring_0().unwrap_or(true);
            if interprets && !self.config.insist_on_kvm {
                self.say_to_operator("PC machines run on the software processor: KVM on this host interprets their kernels. Start with --processor kvm to run them on KVM all the same");
            }
            interprets
        })
    }

    /// Where PC machines run, as far as that is known.
    pub fn pc_processor(&self) -> Option<&'static str> {
        match (self.config.processor, self.config.insist_on_kvm, self.interprets.get()) {
            (Kind::Kvm, true, _) | (Kind::Kvm, false, Some(false)) => Some("KVM"),
            (Kind::Kvm, false, Some(true)) => Some("SOFT, KVM interprets their kernels"),
            (Kind::Soft, ..) | (Kind::Kvm, false, None) => None,
        }
    }

    /// The directory that is on line.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.online.read())
    }

    /// DIRECTXA: compiles `user.direct` and puts it on line, all or nothing. Answers warnings.
    pub fn compile_directory(&self) -> Result<Vec<String>, String> {
        let online = directory::store::put_online(&self.data.root()).map_err(|error| error.lines().join("\n"))?;
        let folder = self.data.minidisks();
        for (owner, minidisk) in minidisks::added(&self.directory(), &online.directory) {
            minidisks::make_blank(&folder, owner, minidisk).map_err(|error| error.to_string())?;
        }
        *self.online.write() = Arc::new(online.directory);
        self.limit_spool_files();
        Ok(online.warnings.iter().map(ToString::to_string).collect())
    }

    /// How many idle users fit into what the host allows this process.
    pub fn capacity(&self) -> Capacity {
        let room = Room {
            frames: self.storage.counts().total as u64,
            slots: self.storage.paging_figures().slots as u64,
            tables: u64::from(self.storage.table_frames()),
        };
        allowance::capacity(&allowance::memory(), &allowance::descriptors(), room)
    }

    /// The data directory.
    pub fn data(&self) -> &DataDirectory {
        &self.data
    }

    /// A saved system by name.
    pub fn saved_system(&self, name: &str) -> Option<&Arc<SavedSystem>> {
        self.saved_systems.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, system)| system)
    }

    /// A number for a logical terminal that nobody has.
    pub fn next_line(&self) -> u32 {
        self.lines.fetch_add(1, Ordering::Relaxed) & 0xffff
    }

    /// The text that LOGON shows.
    pub fn log_message(&self) -> Option<String> {
        let lines = self.logmsg.lock();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Whether SHUTDOWN was accepted.
    pub fn is_shutting_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    /// What ends the front ends at shutdown.
    pub fn on_shutdown(&self, end: Box<dyn Fn() + Send + Sync>) {
        let _ = self.front_ends.set(end);
    }

    /// Waits until SHUTDOWN is complete, for at most `timeout`; answers whether it is.
    pub fn wait_finished(&self, timeout: Duration) -> bool {
        let (finished, wake) = &self.finished;
        let mut finished = finished.lock();
        if !*finished {
            wake.wait_for(&mut finished, timeout);
        }
        *finished
    }
}
