//! The data directory: what is where in it, and that only one CP uses it.
//!
//! ```text
//! system.toml        what this system is called; its presence says that the first start was completed
//! user.direct        the directory source people edit
//! directory.online   the source that is on line
//! minidisks/         one file for each minidisk: USERID.VDEV
//! spool/             the spool
//! accounting/        accounting records
//! prop.rtable        the routing table of PROP; prop/, its logs
//! recordings/        consoles that were recorded (SET CONRECORD)
//! paging             pages of machines while CP runs; made by each start
//! cp64.lock          locked while CP runs; holds its process id
//! cp64.socket        where terminals connect while CP runs
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StartError;
use super::first_start;
use crate::clock::Clock;
use crate::directory::{self, Directory};
use crate::real_devices::settings::{
    PrinterStatement, PunchStatement, ReaderStatement, Statements, default_printers, default_punches, default_readers,
};

/// Version of the data directory's layout.
const LAYOUT: u32 = 1;

/// What goes wrong with a data directory.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another CP has it.
    #[error("CP-64 is already running in {} (process {pid})", directory.display())]
    Running {
        /// The data directory.
        directory: PathBuf,
        /// Process id of the holder, as it wrote it.
        pid: String,
    },
    /// No system was ever started here.
    #[error("There is no CP-64 system in {}", .0.display())]
    NoSystem(PathBuf),
    /// The directory has contents that CP did not make.
    #[error("{} holds {}, which is not part of a CP-64 system, or of one that has lost its system.toml; nothing was changed", directory.display(), found)]
    Foreign {
        /// The data directory.
        directory: PathBuf,
        /// The first thing found.
        found: String,
    },
    /// `system.toml` cannot be understood.
    #[error("{} cannot be used: {reason}", file.display())]
    Settings {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The host refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the host said.
        source: std::io::Error,
    },
}

/// `system.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemFile {
    /// Version of the layout.
    pub layout: u32,
    /// The system identifier, 1 to 8 letters and digits.
    pub system_id: String,
    /// As `--processors`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processors: Option<u16>,
    /// As `--affinity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<String>,
    /// As `--storage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// As `--paging`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paging: Option<String>,
    /// As `--metrics`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// As `--metrics-open`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub metrics_open: bool,
    /// As `--tn3270`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tn3270: Option<String>,
    /// As `--tn3270-open`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tn3270_open: bool,
    /// As `--tn3270-tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tn3270_tls: Option<String>,
    /// As `--web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
    /// As `--web-tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_tls: Option<String>,
    /// As `--tls-certificate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
    /// As `--tls-key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// As `--ssh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    /// As `--ssh-idle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_idle: Option<String>,
    /// As `--ssh-absolute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_absolute: Option<String>,
    /// Most that all spool files together may take, such as 10G; without it what the host has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<String>,
    /// As the operands of SET IDLETIME: `30 MIN LOGOFF`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idletime: Option<String>,
    /// Real printers.
    #[serde(default = "default_printers")]
    pub printer: Vec<PrinterStatement>,
    /// Real punches.
    #[serde(default = "default_punches")]
    pub punch: Vec<PunchStatement>,
    /// Real readers.
    #[serde(default = "default_readers")]
    pub reader: Vec<ReaderStatement>,
}

impl SystemFile {
    /// Its statements about real unit record devices.
    pub fn devices(&self) -> Statements {
        Statements { printers: self.printer.clone(), punches: self.punch.clone(), readers: self.reader.clone() }
    }
}

/// A data directory that this process holds.
pub struct DataDirectory {
    root: PathBuf,
    /// The lock is the open file: it ends with the process, however that ends.
    _lock: File,
}

impl DataDirectory {
    /// Takes the directory, making it when it does not exist. Nothing else is written yet.
    pub fn hold(root: &Path) -> Result<Self, DataError> {
        check_contents(root)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(|source| io(root, source))?;
        Ok(Self { root: root.to_path_buf(), _lock: lock(root)? })
    }

    /// Makes a system without disks, with this directory of users, in an empty directory, and takes it.
    pub(crate) fn bare(root: &Path, source: &str) -> Result<Self, StartError> {
        first_start::make_bare_system(root, source)?;
        Ok(Self::hold(root)?)
    }

    /// Takes the directory of a system that exists and is not running.
    pub fn hold_existing(root: &Path) -> Result<Self, DataError> {
        if !holds_a_system(root) {
            return Err(DataError::NoSystem(root.to_path_buf()));
        }
        Self::hold(root)
    }

    /// The directory itself.
    pub fn root(&self) -> PathBuf {
        self.root.clone()
    }

    /// The minidisks' files.
    pub fn minidisks(&self) -> PathBuf {
        minidisks(&self.root)
    }

    /// The spool.
    pub fn spool(&self) -> PathBuf {
        spool(&self.root)
    }

    /// Accounting records.
    pub fn accounting(&self) -> PathBuf {
        accounting(&self.root)
    }

    /// Consoles that were recorded.
    pub fn recordings(&self) -> PathBuf {
        self.root.join("recordings")
    }

    /// The paging file.
    pub fn paging(&self) -> PathBuf {
        self.root.join("paging")
    }

    /// The terminals' socket.
    pub fn socket(&self) -> PathBuf {
        socket(&self.root)
    }

    /// `system.toml`, after a first start when there has been none.
    pub fn settings(&self, clock: &Clock) -> Result<SystemFile, StartError> {
        let file = self.root.join("system.toml");
        if file.exists() {
            first_start::forget_stage(&self.root)?;
        } else {
            first_start::make_system(&self.root, clock)?;
        }
        Ok(read_settings(&file)?)
    }

    /// The directory that is on line.
    pub(super) fn load_directory(&self, clock: &Clock) -> Result<Directory, StartError> {
        self.settings(clock)?;
        directory::store::load(&self.root).map_err(|error| StartError::Directory(error.to_string()))
    }
}

/// Whether a first start was completed there.
pub fn holds_a_system(root: &Path) -> bool {
    root.join("system.toml").is_file()
}

/// Where the minidisks of a system are.
pub fn minidisks(root: &Path) -> PathBuf {
    root.join("minidisks")
}

/// Where the spool of a system is.
pub fn spool(root: &Path) -> PathBuf {
    root.join("spool")
}

/// Where the accounting records of a system are.
pub fn accounting(root: &Path) -> PathBuf {
    root.join("accounting")
}

/// Where the terminals of a system connect.
pub fn socket(root: &Path) -> PathBuf {
    root.join("cp64.socket")
}

fn read_settings(file: &Path) -> Result<SystemFile, DataError> {
    let refuse = |reason: String| DataError::Settings { file: file.to_path_buf(), reason };
    let text = fs::read_to_string(file).map_err(|source| io(file, source))?;
    let settings: SystemFile =
        toml::from_str(&text).map_err(|error| refuse(misplaced(&text).unwrap_or_else(|| error.message().to_string())))?;
    if settings.layout != LAYOUT {
        return Err(refuse(format!("it is of layout {}, this CP knows layout {LAYOUT}", settings.layout)));
    }
    settings.devices().check().map_err(refuse)?;
    let id = &settings.system_id;
    if id.is_empty() || id.len() > 8 || !id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Err(refuse("system_id must be 1 to 8 capital letters and digits".to_string()));
    }
    Ok(settings)
}

/// `system.toml` of a system that there is.
///
/// # Errors
/// It cannot be read, or is wrong.
pub fn settings_of(root: &Path) -> Result<SystemFile, DataError> {
    read_settings(&root.join("system.toml"))
}

/// The keys of [`SystemFile`] that belong to no device.
const KEYS: [&str; 20] = [
    "layout",
    "system_id",
    "processors",
    "affinity",
    "storage",
    "paging",
    "metrics",
    "metrics_open",
    "tn3270",
    "tn3270_open",
    "tn3270_tls",
    "web",
    "web_tls",
    "tls_certificate",
    "tls_key",
    "ssh",
    "ssh_idle",
    "ssh_absolute",
    "spool",
    "idletime",
];

/// Says it when a key of the system stands behind the header of a device: in TOML it is a key of that device then.
fn misplaced(text: &str) -> Option<String> {
    let file: toml::Table = text.parse().ok()?;
    for kind in ["printer", "punch", "reader"] {
        let devices = file.get(kind).and_then(toml::Value::as_array);
        let key = devices
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_table)
            .flat_map(toml::Table::keys)
            .find(|key| KEYS.contains(&key.as_str()));
        if let Some(key) = key {
            return Some(format!(
                "{key} stands behind a [[{kind}]] and so belongs to that {kind}; it must stand above the first [[printer]], [[punch]] or [[reader]]"
            ));
        }
    }
    None
}

/// The settings of a new system.
pub(super) fn new_settings() -> SystemFile {
    SystemFile {
        layout: LAYOUT,
        system_id: "CP64".to_string(),
        processors: None,
        affinity: None,
        storage: None,
        paging: None,
        metrics: None,
        metrics_open: false,
        tn3270: None,
        tn3270_open: false,
        tn3270_tls: None,
        web: None,
        web_tls: None,
        tls_certificate: None,
        tls_key: None,
        ssh: None,
        ssh_idle: None,
        ssh_absolute: None,
        spool: None,
        idletime: None,
        printer: default_printers(),
        punch: default_punches(),
        reader: default_readers(),
    }
}

/// What may be in a directory before its first start: what a start makes before that, and what commands that found no system leave.
const BEFORE_FIRST_START: [&str; 4] = ["cp64.lock", "cp64.socket", "cp64.log", "history"];
/// What an interrupted first start may have moved into place.
const OF_FIRST_START: [&str; 4] = [first_start::STAGE, "minidisks", "user.direct", "directory.online"];

/// Refuses a directory that holds something else than a system, or than what an interrupted first start leaves. Disks and a directory
/// whose `system.toml` is lost are somebody's: only beside the stage of a first start are they new.
fn check_contents(root: &Path) -> Result<(), DataError> {
    if root.join("system.toml").exists() {
        return Ok(());
    }
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(io(root, source)),
    };
    let interrupted = root.join(first_start::STAGE).is_dir();
    for entry in entries {
        let name = entry.map_err(|source| io(root, source))?.file_name();
        let is_in = |known: &[&str]| known.iter().any(|known| name == *known);
        let known = is_in(&BEFORE_FIRST_START) || interrupted && is_in(&OF_FIRST_START);
        if !known {
            return Err(DataError::Foreign { directory: root.to_path_buf(), found: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}

fn lock(root: &Path) -> Result<File, DataError> {
    let path = root.join("cp64.lock");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(|source| io(&path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let pid = if pid.trim().is_empty() { "unknown".to_string() } else { pid.trim().to_string() };
            return Err(DataError::Running { directory: root.to_path_buf(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(io(&path, source)),
    }
    let write = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    write.map_err(|source| io(&path, source))?;
    Ok(file)
}

fn io(path: &Path, source: std::io::Error) -> DataError {
    DataError::Io { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_the_pid_of_the_first() {
        let root = tempfile::tempdir().unwrap();
        let _held = DataDirectory::hold(root.path()).unwrap();
        let error = DataDirectory::hold(root.path()).map(drop).unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
    }

    #[test]
    fn a_directory_with_other_peoples_files_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("thesis.tex"), "years of work").unwrap();
        let error = DataDirectory::hold(root.path()).map(drop).unwrap_err();
        assert!(error.to_string().contains("thesis.tex"), "{error}");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "something was written");
    }

    #[test]
    fn a_system_that_lost_its_settings_is_not_made_anew() {
        let root = tempfile::tempdir().unwrap();
        let disk = root.path().join("minidisks");
        fs::create_dir(&disk).unwrap();
        fs::write(disk.join("CMSUSER.0191"), "years of work").unwrap();
        let error = DataDirectory::hold(root.path()).map(drop).unwrap_err();
        assert!(error.to_string().contains("minidisks"), "{error}");
        // Beside the stage of a first start they are what that had made.
        fs::create_dir(root.path().join(first_start::STAGE)).unwrap();
        assert!(DataDirectory::hold(root.path()).is_ok());
    }

    #[test]
    fn a_key_behind_a_device_is_named_with_its_place() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("system.toml");
        let whole = toml::to_string(&new_settings()).unwrap();
        for key in KEYS {
            let last = format!("{whole}{key} = 1\n");
            fs::write(&file, &last).unwrap();
            let refused = read_settings(&file).unwrap_err().to_string();
            assert!(refused.contains(&format!("{key} stands behind a [[reader]]")), "{refused}");
            assert!(refused.contains("above the first [[printer]]"), "{refused}");
        }
        let only = "layout = 1\n[[punch]]\ndevice = \"000D\"\nfolder = \"p\"\nsystem_id = \"CP64\"\n";
        fs::write(&file, only).unwrap();
        assert!(read_settings(&file).unwrap_err().to_string().contains("system_id stands behind a [[punch]]"));
        // Another mistake is told as what it is.
        fs::write(&file, format!("{whole}colour = 1\n")).unwrap();
        assert!(read_settings(&file).unwrap_err().to_string().contains("colour"));
    }

    #[test]
    fn every_key_that_belongs_to_no_device_is_known() {
        let text = |some: &str| Some(some.to_string());
        let all = SystemFile {
            processors: Some(1),
            affinity: text("auto"),
            storage: text("1G"),
            paging: text("1G"),
            metrics: text("127.0.0.1:1"),
            metrics_open: true,
            tn3270: text("127.0.0.1:1"),
            tn3270_open: true,
            tn3270_tls: text("127.0.0.1:3"),
            web: text("127.0.0.1:4"),
            web_tls: text("127.0.0.1:5"),
            tls_certificate: Some("a.pem".into()),
            tls_key: Some("b.pem".into()),
            ssh: text("127.0.0.1:2"),
            ssh_idle: text("30m"),
            ssh_absolute: text("12h"),
            spool: text("1G"),
            idletime: text("30"),
            ..new_settings()
        };
        let table = toml::Table::try_from(all).unwrap();
        let keys: Vec<_> = table.keys().map(String::as_str).filter(|key| !["printer", "punch", "reader"].contains(key)).collect();
        let mut known = KEYS;
        known.sort_unstable();
        assert_eq!(keys, known);
    }

    #[test]
    fn settings_of_another_layout_are_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("system.toml");
        fs::write(&file, "layout = 9\nsystem_id = \"CP64\"\n").unwrap();
        assert!(read_settings(&file).unwrap_err().to_string().contains("layout 9"));
        fs::write(&file, "\u{0}garbage").unwrap();
        assert!(read_settings(&file).unwrap_err().to_string().contains("system.toml"));
    }
}
