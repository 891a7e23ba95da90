//! What travels between a terminal client and CP over the unix socket of the data directory.
//!
//! A frame is a little-endian `u32` length and that many bytes of postcard. The client speaks first with one [`Hello`]; CP answers with
//! [`Reply`] frames. After [`Reply::Accepted`] of a console request both sides send until one ends.
//! Everything here is data that a peer may forge: lengths are bounded by [`FRAME_MAX`], text by the receiver.

use serde::{Deserialize, Serialize};

/// Version of this protocol; CP refuses another.
pub const VERSION: u16 = 10;
/// Longest frame either side accepts, in bytes.
pub const FRAME_MAX: usize = 8 << 20;
/// Most machines that one [`Snapshot`] tells of: it must fit into a frame.
pub const MACHINES_MAX: u32 = 20_000;
/// Most userids that one [`Snapshot`] names.
pub const NAMES_MAX: usize = 50;
/// Most files that one [`Reply::Files`] names.
pub const FILES_MAX: usize = 5000;
/// Seconds that one figure of [`MachineView::trend`] stands for.
pub const TREND_SECONDS: u64 = 2;
/// Most figures of [`MachineView::trend`]: two minutes.
pub const TREND_MAX: usize = 60;

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
    /// A host file into a user's reader: answered by [`Reply::Ready`], then [`ClientFrame::Records`] until [`ClientFrame::Close`], answered by
    /// [`Reply::Answer`]. A peer that goes away before leaves nothing. An answer that comes earlier says why CP takes no more.
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
    /// Of a console that is shared: only look, what is typed goes nowhere.
    pub observe: bool,
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
    /// The client draws the screens of programs: [`Reply::Screen`].
    pub draws: bool,
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
    /// Watch: send a snapshot now, with these of the machines.
    Poll(Box<Window>),
    /// Punch: the next records.
    Records(Vec<Vec<u8>>),
    /// Punch: that was all of them.
    Close,
    /// A key was pressed on a program's screen: what a 3270 sends, in code page 1047.
    Key(Vec<u8>),
    /// Keys were pressed while the screen takes each by itself: characters, and control sequences as an xterm sends them.
    Typed(Vec<u8>),
    /// The owner of a console wants to know what files its user has, to complete names: answered by [`Reply::Files`].
    Files,
}

/// Which of the machines a screen shows. CP tells of these and of no others, however many are logged on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What the rows are ordered by; among equals by userid.
    pub order: Order,
    /// The order is turned round (not that among equals).
    pub descending: bool,
    /// Only machines with this in userid, state, system or console; any case, empty for all.
    pub filter: String,
    /// First row of the window.
    pub first: u64,
    /// Rows of the window.
    pub rows: u32,
    /// Rows above and below it that are told too, so that the next key finds them there.
    pub margin: u32,
    /// The row that is chosen.
    pub cursor: Option<Cursor>,
    /// The window is to hold the cursor: it moves when it would not.
    pub follow: bool,
    /// A user of whom everything is shown.
    pub about: Option<String>,
    /// What the userids begin with that are to be named.
    pub naming: Option<String>,
    /// Figures of each machine's history.
    pub trend: u32,
    /// Spool files that are to be told.
    pub files: u32,
    /// Lines of the console of the user in `about`.
    pub lines: u32,
}

impl Window {
    /// Every machine by userid, as far as a frame holds them, without history.
    pub fn everything() -> Self {
        Self { rows: MACHINES_MAX, ..Self::default() }
    }
}

/// A chosen row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The user who is chosen; none: whoever is in that row.
    pub userid: Option<String>,
    /// The row of a user who is not there (any more).
    pub row: u64,
}

/// What machines are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// User identification.
    #[default]
    Userid,
    /// Run state.
    State,
    /// Percent of a processor.
    Cpu,
    /// Virtual processor time.
    VirtCpu,
    /// Virtual and CP time.
    TotCpu,
    /// Defined storage.
    Storage,
    /// Storage resident in real frames.
    Resident,
    /// Share of the processors.
    Share,
    /// The system that was IPLed.
    System,
    /// Where the console is.
    Console,
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
    /// Punch: the records may come.
    Ready,
    /// A program has the screen: this changes it, as a 3270 is told (a write command and its data, in code page 1047).
    Screen {
        /// Rows and columns of the alternate size, for which it is made.
        rows: u16,
        /// See `rows`.
        columns: u16,
        /// The command and its data.
        data: Vec<u8>,
        /// Each key is to be sent by itself, in [`ClientFrame::Typed`].
        single_keys: bool,
    },
    /// No program has the screen any more.
    LineMode,
    /// Names and types of the files on the user's disks, at most [`FILES_MAX`].
    Files(Vec<(String, String)>),
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
    /// Users logged on.
    pub logged_on: u64,
    /// Of these, users that pass the window's filter: rows 0 to that number.
    pub matching: u64,
    /// First row of the window, where CP moved it to.
    pub first: u64,
    /// Row of the first of `machines`.
    pub from: u64,
    /// The rows of the window and around it.
    pub machines: Vec<MachineView>,
    /// Row and userid of the chosen machine.
    pub cursor: Option<(u64, String)>,
    /// The machine that [`Window::about`] asks for, if it is logged on.
    pub about: Option<MachineView>,
    /// What there is to know of that machine besides its figures.
    pub detail: MachineDetail,
    /// What [`Window::naming`] asks for, at most [`NAMES_MAX`].
    pub names: Vec<String>,
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
    /// Percent of one processor in each of the last intervals of [`TREND_SECONDS`], the oldest first.
    pub trend: Vec<f32>,
}

/// Devices and console of one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineDetail {
    /// Its devices, a line for each, as QUERY VIRTUAL begins it.
    pub devices: Vec<String>,
    /// Who else hears its console: `SECUSER MAINT`, or empty.
    pub heard_by: String,
    /// Its console is recorded.
    pub recorded: bool,
    /// The last lines of its console, the oldest first.
    pub recent: Vec<Line>,
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
    /// Percent busy in each of the last intervals of [`TREND_SECONDS`], the oldest first, at most [`TREND_MAX`].
    pub trend: Vec<f32>,
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
    /// The newest files, the newest first, as many as were asked for; none when there are too many to look at.
    pub files: Vec<FileView>,
}

/// A spool file that waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileView {
    /// Whose.
    pub owner: String,
    /// Its number among the owner's.
    pub spid: String,
    /// `RDR`, `PRT` or `PUN`.
    pub queue: String,
    /// Spool class.
    pub class: char,
    /// Records.
    pub records: u64,
    /// Copies.
    pub copies: u32,
    /// `NONE`, `USER`, `SYS` or `USYS`.
    pub hold: String,
    /// Name and type.
    pub name: String,
    /// Who made it.
    pub origin: String,
    /// When, in seconds since 1970 UTC.
    pub created: u64,
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
