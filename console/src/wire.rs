//! What travels between a terminal client and CP over the unix socket of the data directory.
//!
//! A frame is a little-endian `u32` length and that many bytes of postcard. The client speaks first with one [`Hello`]; CP answers with
//! [`Reply`] frames. After [`Reply::Accepted`] of a console request both sides send until one ends.
//! Everything here is data that a peer may forge: lengths are bounded by [`FRAME_MAX`], text by the receiver.

use serde::{Deserialize, Serialize};

/// Version of this protocol; CP refuses another.
pub const VERSION: u16 = 4;
/// Longest frame either side accepts, in bytes.
pub const FRAME_MAX: usize = 8 << 20;

/// The first frame of a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`] of the client.
    pub version: u16,
    /// What the connection is for.
    pub request: Request,
}

/// What a connection is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Log on (or reconnect) and be that user's console.
    Logon(Logon),
    /// One CP command with the authority of the system's owner; answered by [`Reply::Answer`], then closed.
    Command(String),
    /// A host file into a user's reader; answered by [`Reply::Answer`].
    Punch(Punch),
    /// A stream of [`Reply::Snapshot`], one per [`ClientFrame::Poll`].
    Watch,
}

/// A LOGON from a terminal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Logon {
    /// The user to be.
    pub userid: String,
    /// The user whose password is given (`LOGON x BY y`).
    pub by: Option<String>,
    /// Asked for by [`Reply::Password`] when the peer's credentials are not enough.
    pub password: Option<String>,
    /// Take the console over when the user is logged on elsewhere.
    pub here: bool,
    /// Share the console with whoever has it (operator screen): sees and types, logs nobody on.
    pub attach: bool,
    /// Skip the directory's IPL statement.
    pub no_ipl: bool,
    /// The terminal at this end.
    pub terminal: Terminal,
}

/// The terminal at the client's end.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Terminal {
    /// Columns; 0 when unknown.
    pub columns: u16,
    /// Rows; 0 when unknown.
    pub rows: u16,
    /// Input is no terminal: no MORE... pauses, no prompts.
    pub script: bool,
}

/// A host file on its way into a reader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Punch {
    /// Receiving user.
    pub to: String,
    /// File name and type, 1 to 8 characters each.
    pub name: String,
    /// File type.
    pub file_type: String,
    /// Spool class.
    pub class: char,
    /// Tag, empty for none.
    pub tag: String,
    /// The records.
    pub records: Vec<Vec<u8>>,
}

/// Frames a client sends after its [`Hello`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ClientFrame {
    /// A line was entered (without its end). Also the answer to a password prompt.
    Line(String),
    /// The attention key (PA1): enter CP.
    Attention,
    /// The terminal's size changed.
    Resize {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// Leave the session running and disconnect.
    Disconnect,
    /// Watch: send a snapshot now.
    Poll,
}

/// Frames CP sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The request is granted; console frames follow.
    Accepted {
        /// System identifier.
        system: String,
        /// The user logged on.
        userid: String,
    },
    /// CP wants a password in a [`ClientFrame::Line`]; do not show it.
    Password(String),
    /// Refused or failed: message number and text. The connection closes.
    Refused {
        /// CP message number.
        code: u32,
        /// Message line.
        message: String,
    },
    /// A console line.
    Output(Line),
    /// So many lines were dropped because this client was slow or away for too long.
    Lost(u64),
    /// The console's state changed.
    State(ConsoleState),
    /// The answer to a command.
    Answer(Answer),
    /// The system as it is now.
    Snapshot(Box<Snapshot>),
    /// The session is over: logged off, forced, disconnected or shut down. The connection closes.
    Ended(Ending),
}

/// A line of console output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The text, without its end and without control characters.
    pub text: String,
    /// Who speaks.
    pub kind: LineKind,
}

/// Who speaks a console line; terminals may colour by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineKind {
    /// CP's response or message.
    Cp,
    /// The guest's output.
    Guest,
    /// The guest's prompt: input follows on the same line.
    Prompt,
    /// MSG from another user.
    Message,
    /// WNG, or another line that must not be missed.
    Warning,
    /// What somebody typed on this console (shown to observers and after reconnect).
    Input,
}

/// The status area of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsoleState {
    /// The machine runs; typed lines are stacked for it.
    Running,
    /// The guest waits for a line.
    VmRead {
        /// What is typed is not to be shown.
        hidden: bool,
    },
    /// CP waits for a command; the machine is stopped.
    CpRead,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// LOGOFF, or FORCE.
    LoggedOff,
    /// DISCONNECT; the machine goes on.
    Disconnected,
    /// Another terminal took the console over.
    TakenOver,
    /// SHUTDOWN.
    Shutdown,
}

/// The answer to a CP command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Number of the CP message, 0 when all is well.
    pub code: u32,
    /// The response as a terminal shows it.
    pub lines: Vec<String>,
    /// The same as JSON text.
    pub json: String,
}

/// A read-only picture of the system for the operator screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// System identifier and release.
    pub system: String,
    /// CP's release.
    pub release: String,
    /// Local time `hh:mm:ss`.
    pub time: String,
    /// The same in seconds since 1970 UTC.
    pub now: u64,
    /// Seconds that local time is ahead of UTC.
    pub utc_offset: i32,
    /// Seconds since CP started.
    pub uptime_seconds: u64,
    /// Everyone logged on, by userid.
    pub machines: Vec<MachineView>,
    /// Real processors.
    pub processors: Vec<ProcessorView>,
    /// The spool.
    pub spool: SpoolView,
    /// Real readers, punches and printers, as QUERY UR has them.
    pub devices: Vec<DeviceView>,
    /// Real storage.
    pub storage: StorageView,
}

/// One virtual machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineView {
    /// The user.
    pub userid: String,
    /// `running`, `ready`, `VM READ`, `CP READ`, `I/O wait`, `idle`, ...
    pub state: String,
    /// `L0003`, `DSC` or `SYSC`: as QUERY NAMES has it.
    pub console: String,
    /// What was IPLed: `CMS`, or empty.
    pub system: String,
    /// Percent of one real processor since the last snapshot that anyone took.
    pub cpu_percent: f32,
    /// Virtual processor time in microseconds.
    pub virtual_us: u64,
    /// Virtual and CP time in microseconds.
    pub total_us: u64,
    /// Defined storage in bytes.
    pub storage: u64,
    /// Pages that are in real storage.
    pub resident_pages: u64,
    /// `R100` or `A5%`.
    pub share: String,
    /// Disk and spool requests.
    pub io: u64,
    /// When it was logged on, in seconds since 1970 UTC.
    pub logged_on: u64,
}

/// One real processor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessorView {
    /// Number from 0.
    pub number: u32,
    /// Back end: `kvm` or `soft`.
    pub kind: String,
    /// Percent of its time in machines, smoothed over some seconds.
    pub busy_percent: f32,
    /// Percent of its time that the host took from the machines it ran.
    pub stolen_percent: f32,
    /// Whom it runs now, or empty.
    pub running: String,
}

/// The spool in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpoolView {
    /// Files in readers.
    pub reader: u64,
    /// Printer files.
    pub printer: u64,
    /// Punch files.
    pub punch: u64,
    /// Bytes that spool data takes on the host.
    pub bytes: u64,
}

/// A real unit record device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Device number: `000E`.
    pub number: String,
    /// `RDR`, `PUN` or `PRT`.
    pub kind: String,
    /// `STARTED`, `ACTIVE`, `DRAINED`, ...
    pub state: String,
    /// Classes that it takes; empty for a reader.
    pub classes: String,
    /// The form that is mounted; empty for a reader.
    pub form: String,
    /// The file that it works on: owner and number, or empty.
    pub file: String,
    /// Why it stopped, or empty.
    pub stopped: String,
}

/// Real storage in 4 KiB frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StorageView {
    /// Frames in the arena.
    pub frames: u64,
    /// Frames in use.
    pub in_use: u64,
    /// Of these, frames shared by saved systems.
    pub shared: u64,
}
