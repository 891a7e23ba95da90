//! Everything the screen knows, what can happen to it, and what it can ask for. Data only; `update` changes it, `draw` shows it.

use std::collections::VecDeque;
use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use crate::wire::{ClientFrame, MachineView, Order, Reply, Request, Snapshot, TREND_MAX, Window};

use super::completion::Word;
use super::editor::Editor;
use super::held::Held;
use super::session::Session;
use super::table::Table;
use super::theme::{Look, Theme};
use super::update::Tour;
use super::{Ending, layout, panes};

/// A connection to CP, as the screen names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Snapshots.
    Watch,
    /// A console, by the number of its [`Session`]: a later one is told from an earlier one whose frames are still on their way.
    Console(u32),
    /// One command with the owner's authority.
    Order,
}

/// What happens to the screen.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time goes on: time since the screen started.
    Tick(Duration),
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has a new size: columns, rows.
    Resize(u16, u16),
    /// CP sent something.
    Reply(Channel, Box<Reply>),
    /// A connection is gone, and why.
    Closed(Channel, String),
    /// This process was told to end: the signal's number.
    Signal(i32),
    /// Something in this process that the operator should see.
    Notice(String),
}

/// What the screen asks for.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open a connection.
    Open(Channel, Request),
    /// Send on it.
    Send(Channel, ClientFrame),
    /// Close it.
    Close(Channel),
    /// Keep a command in the history file.
    Remember(String),
    /// Draw although nothing but time happened.
    Draw,
    /// Wipe the terminal and draw everything.
    Repaint,
    /// Leave.
    End(Ending),
}

/// What fills the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The operator screen.
    Main,
    /// OPERATOR's own console on the whole terminal.
    OperatorConsole,
    /// The console in [`State::guest`].
    GuestConsole,
}

/// What the large pane shows where there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// Machines.
    Machines,
    /// Processors.
    Processors,
    /// Spool and storage.
    Spool,
    /// Spool files.
    Files,
}

/// What keys of the main screen go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The command line.
    Command,
    /// The machines table.
    Machines,
    /// The filter of the machines table.
    Filter,
}

/// What lies over everything.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Help, scrolled down by some lines.
    Help {
        /// What it is about.
        title: String,
        /// The text.
        lines: Vec<String>,
        /// First line shown.
        top: usize,
    },
    /// Everything about one machine.
    Details {
        /// Whose.
        userid: String,
        /// Which of its pages, where not all fit.
        page: usize,
    },
    /// What can be done with a machine.
    Actions {
        /// Whose.
        userid: String,
        /// The chosen action.
        at: usize,
    },
    /// A line that cannot be taken back is to be entered?
    Confirm {
        /// The line.
        line: String,
    },
    /// What is meant by leaving?
    Leave,
    /// SHUTDOWN was ordered.
    ShuttingDown,
    /// The end; shown until a key or the time.
    Closing {
        /// How it ends.
        ending: Ending,
        /// When it ends by itself.
        at: Duration,
    },
}

/// What is known of the system.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The last picture; its strings are safe to show.
    pub snapshot: Snapshot,
    /// When it came.
    pub came: Option<Duration>,
    /// When the next was asked for, until it comes.
    pub asked: Option<Duration>,
    /// Something is to be shown that no picture told of: the next is wanted at once, and one that was asked for before is not enough.
    pub wanted: bool,
    /// Why there is none.
    pub refused: Option<String>,
}

/// TAB pressed repeatedly.
#[derive(Clone, Debug)]
pub struct Completing {
    /// What stands in front of the completed word.
    pub before: String,
    /// What stands behind it.
    pub after: String,
    /// What it can be.
    pub candidates: Vec<String>,
    /// Which is shown.
    pub at: usize,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct State {
    /// Time since the screen started.
    pub now: Duration,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Styles.
    pub theme: Theme,
    /// The screen started the system, so it cannot leave it running.
    pub owns_system: bool,
    /// Command names for TAB.
    pub words: Vec<Word>,
    /// Help text of a command by its full name.
    pub help: fn(&str) -> Option<String>,
    /// The system.
    pub watch: Watch,
    /// The machines table.
    pub table: Table,
    /// The filter while it is typed.
    pub filter: Editor,
    /// OPERATOR's console; its input line is the command line.
    pub operator: Session,
    /// The machine's console that is open.
    pub guest: Option<Session>,
    /// Number of the console opened last; OPERATOR's first is 0.
    pub opened: u32,
    /// What fills the terminal.
    pub view: View,
    /// What the large pane shows.
    pub pane: Pane,
    /// The first spool file that its pane shows, counted from the newest.
    pub files_top: usize,
    /// What keys go to.
    pub focus: Focus,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// A hint in the last row and until when.
    pub hint: Option<(String, Duration)>,
    /// TAB pressed and nothing else since.
    pub completing: Option<Completing>,
    /// The command line when TAB asked CP for userids, until they come.
    pub naming: Option<String>,
    /// What waits for an answer.
    pub held: Held,
    /// Consoles come one after the other by themselves.
    pub tour: Option<Tour>,
    /// The console of the chosen machine is to be opened once it is known whose that is.
    pub stepping: bool,
    /// Lines that were pasted and wait for the command line.
    pub pasted: VecDeque<String>,
}

impl State {
    /// A screen that has heard nothing yet.
    pub fn new(size: (u16, u16), look: Look, owns_system: bool, words: Vec<Word>, help: fn(&str) -> Option<String>) -> Self {
        Self {
            now: Duration::ZERO,
            size,
            theme: Theme::new(look),
            owns_system,
            words,
            help,
            watch: Watch::default(),
            table: Table::default(),
            filter: Editor::default(),
            operator: Session::new(0, "OPERATOR"),
            guest: None,
            opened: 0,
            view: View::Main,
            pane: Pane::Machines,
            files_top: 0,
            focus: Focus::Command,
            overlay: None,
            hint: None,
            completing: None,
            naming: None,
            held: Held::default(),
            tour: None,
            stepping: false,
            pasted: VecDeque::new(),
        }
    }

    /// The whole terminal.
    pub fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.0, self.size.1)
    }

    /// The machines that CP told of last.
    pub fn machines(&self) -> &[MachineView] {
        &self.watch.snapshot.machines
    }

    /// This user's machine, if CP told of it.
    pub fn machine(&self, userid: &str) -> Option<&MachineView> {
        self.watch.snapshot.about.iter().chain(self.machines()).find(|machine| machine.userid == userid)
    }

    /// The user of whom everything is shown.
    pub fn about(&self) -> Option<&str> {
        match &self.overlay {
            Some(Overlay::Details { userid, .. } | Overlay::Actions { userid, .. }) => Some(userid),
            _ if self.view != View::Main => Some(&self.session().userid),
            _ => None,
        }
    }

    /// What CP is to tell of the machines.
    pub fn window(&self) -> Window {
        let trend = panes::machines::trend_of(layout::screen(self.area()).upper.width);
        let trend = if self.about().is_some() { TREND_MAX } else { trend };
        Window {
            about: self.about().map(str::to_owned),
            naming: self.naming.as_deref().map(|line| super::update::typed_userid(line).to_owned()),
            trend: trend as u32,
            files: if self.pane == Pane::Files { (self.files_top + self.files_height()) as u32 } else { 0 },
            lines: if matches!(self.overlay, Some(Overlay::Details { .. })) { u32::from(self.size.1) } else { 0 },
            ..self.table.window(self.table_height(), self.focus == Focus::Machines || self.view != View::Main)
        }
    }

    /// The console whose input line is in use.
    pub fn session(&self) -> &Session {
        match (&self.guest, self.view) {
            (Some(session), View::GuestConsole) => session,
            _ => &self.operator,
        }
    }

    /// The same, to be changed.
    pub fn session_mut(&mut self) -> &mut Session {
        match (&mut self.guest, self.view) {
            (Some(session), View::GuestConsole) => session,
            _ => &mut self.operator,
        }
    }

    /// Columns and rows in which the session's output is shown.
    pub fn output_size(&self) -> (u16, u16) {
        let area = match self.view {
            View::Main => panes::messages::lines_area(layout::screen(self.area()).messages, self),
            _ => layout::console(self.area()).output,
        };
        (area.width, area.height)
    }

    /// Rows of machines that are visible.
    pub fn table_height(&self) -> usize {
        panes::machines::rows(layout::screen(self.area()).upper).height.into()
    }

    /// Rows of spool files that are visible.
    pub fn files_height(&self) -> usize {
        panes::files::rows(layout::screen(self.area()).upper.height)
    }

    /// Columns of the table at this width.
    pub fn table_orders(&self) -> Vec<Order> {
        panes::machines::orders(layout::screen(self.area()).upper.width)
    }

    /// The system's name as far as it is known.
    pub fn system(&self) -> &str {
        &self.watch.snapshot.system
    }

    /// Shows a hint for some seconds.
    pub fn hint(&mut self, text: impl Into<String>) {
        self.hint = Some((text.into(), self.now + Duration::from_secs(5)));
    }
}
