//! A session at a terminal: one line is edited while output arrives.
//!
//! What stands before the line is the console's state: `VM>` the guest reads, `CP>` CP reads and the machine is stopped, `...` the machine
//! runs and what is typed waits for it. When the guest asks with a prompt of its own, that stands there instead.
//! Ctrl-C is attention (PA1), Ctrl-D twice disconnects, Ctrl-Z suspends the client as any program.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;
use rustyline::error::ReadlineError;

use super::Options;
use super::call::{ClientError, Connection, Sender};
use super::editor::{self, LineEditor};
use super::full_screen::Left;
use super::paint;
use super::screen::{Begin, Edited, Screen};
use super::terminal::{self, Terminal};
use crate::presentation::Size;
use crate::text;
use crate::wire::{ClientFrame, ConsoleState, Ending, LineKind, Reply};

/// How long after a line its answer is waited for before the next line can be typed: output and the next prompt usually come within it,
/// and stand on the screen as a shell's would.
const PATIENCE: Duration = Duration::from_millis(120);

/// For how long it is known what files there are.
const FILES_KNOWN: Duration = Duration::from_secs(2);

/// How long CP may take to say good-bye after a disconnect.
const GOODBYE: Duration = Duration::from_secs(5);

/// Most text shown in one piece, in bytes.
const PIECE: usize = 64 << 10;

/// Runs the session on `connection`, which has asked to log on, and answers how it ended.
pub(super) fn run(mut connection: Connection, options: Options) -> Result<Ending, ClientError> {
    let colour = !options.no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (observer, watcher) = (options.logon.attach, options.logon.observe);
    let size = (options.logon.terminal.columns, options.logon.terminal.rows);
    let history = options.history.as_deref();
    let terminal = Terminal::take().map_err(ClientError::Terminal)?;
    let screen = Arc::new(Screen::new(colour).map_err(ClientError::Terminal)?);
    let line = Arc::new(Mutex::new(connection.sender()?));
    let _signals = terminal
        .watch_signals({
            let (screen, line) = (Arc::clone(&screen), Arc::clone(&line));
            move || {
                if screen.is_users_interrupt() {
                    let _ = send(&line, &ClientFrame::Attention);
                }
            }
        })
        .map_err(ClientError::Terminal)?;
    let failed = |error| ClientError::Terminal(editor::io_error(error));
    let mut editor = editor::new(&screen, options.words, history, colour).map_err(failed)?;
    log_on(&mut connection, &mut editor, &screen, colour)?;

    let printer = editor.create_external_printer().map_err(failed)?;
    let showing = Showing {
        connection,
        screen: Arc::clone(&screen),
        line: Arc::clone(&line),
        printer,
        colour,
        // As CP was told: the terminal may have another size since.
        size,
        text: String::new(),
        prompt: None,
        owner: !observer && !watcher,
        asked_files: None,
    };
    let showing = thread::spawn(move || showing.run());
    let mut typing = Typing { screen, line: Arc::clone(&line), history: options.history.clone(), colour, observer, watcher, told: false };
    let ended = typing.run(editor);
    line.lock().unwrap_or_else(PoisonError::into_inner).close();
    let _ = showing.join();
    if let Some(text) = ended.as_ref().ok().and_then(|ending| farewell(*ending, observer)) {
        terminal::put(&paint::remark(text, colour));
    }
    ended
}

/// What is said after the session, when CP's own words leave something open.
fn farewell(ending: Ending, observer: bool) -> Option<&'static str> {
    match ending {
        Ending::LoggedOff => None,
        Ending::Disconnected if observer => None,
        Ending::Disconnected => Some("The machine goes on. Log on again to reconnect."),
        Ending::TakenOver => Some("Another terminal has taken this console over."),
        Ending::Shutdown => Some("The system is shut down."),
    }
}

fn send(line: &Mutex<Sender>, frame: &ClientFrame) -> Result<(), ClientError> {
    line.lock().unwrap_or_else(PoisonError::into_inner).send(frame)
}

/// What comes before the session: passwords and refusals.
fn log_on(connection: &mut Connection, editor: &mut LineEditor, screen: &Screen, colour: bool) -> Result<(), ClientError> {
    loop {
        match connection.receive()? {
            Reply::Accepted { .. } => return Ok(()),
            Reply::Output(line) => terminal::put(&paint::line(&line, colour)),
            Reply::Password(prompt) => {
                let (above, prompt) = split_prompt(&prompt);
                terminal::put(&above);
                screen.ask_secret();
                let password = loop {
                    screen.begin_edit(Duration::ZERO);
                    let (password, _) = edit(editor, screen, &prompt);
                    match password {
                        Err(error) if editor::is_no_text(&error) => refuse_line(colour),
                        password => break password,
                    }
                };
                screen.answered();
                match password {
                    Ok(password) => connection.send(&ClientFrame::Line(password))?,
                    Err(ReadlineError::Eof | ReadlineError::Interrupted) => {
                        return Err(ClientError::NoPassword);
                    }
                    Err(error) => return Err(ClientError::Terminal(editor::io_error(error))),
                }
            }
            _ => return Err(ClientError::Unexpected),
        }
    }
}

/// Has a line edited that began with [`Screen::begin_edit`]. The key that leaves is the end of the input.
fn edit(editor: &mut LineEditor, screen: &Screen, prompt: &str) -> (Result<String, ReadlineError>, Edited) {
    let entered = editor.readline(prompt);
    let edited = screen.end_edit();
    (if edited.left { entered.and(Err(ReadlineError::Eof)) } else { entered }, edited)
}

/// Drops a line that is no text, and what was pasted behind it: half a line must not become a command.
fn refuse_line(colour: bool) {
    terminal::discard_typed();
    terminal::put(&paint::remark("Not sent: not UTF-8 text. What was pasted with it is dropped too.", colour));
}

/// A prompt of several lines: those above, and the one that is typed behind.
fn split_prompt(prompt: &str) -> (String, String) {
    let mut lines: Vec<String> = text::lines(prompt).collect();
    let last = lines.pop().unwrap_or_default() + " ";
    (lines.into_iter().map(|line| line + "\n").collect(), last)
}

/// The thread that edits lines and sends them.
struct Typing {
    screen: Arc<Screen>,
    line: Arc<Mutex<Sender>>,
    history: Option<PathBuf>,
    colour: bool,
    /// The console is somebody else's.
    observer: bool,
    /// What is typed goes nowhere.
    watcher: bool,
    /// What attention does has been explained.
    told: bool,
}

impl Typing {
    fn run(&mut self, mut editor: LineEditor) -> Result<Ending, ClientError> {
        // Whether Ctrl-D was the last key: the second one disconnects.
        let mut leaving = false;
        let mut failed = None;
        loop {
            let prompt = match self.screen.begin_edit(PATIENCE) {
                Begin::Edit(prompt) => prompt,
                Begin::Program => {
                    leaving = false;
                    match self.screen.show_program(|frame| send(&self.line, &frame).is_ok()) {
                        Ok(Left::Asked) => continue,
                        // Reading from a terminal that hung up ends the edit.
                        Ok(Left::HungUp) => break,
                        Err(error) => {
                            failed = Some(ClientError::Terminal(error));
                            break;
                        }
                    }
                }
                Begin::Over => break,
            };
            if let Some(text) = self.screen.way_back() {
                self.remark(text);
            }
            let (entered, edited) = edit(&mut editor, &self.screen, prompt.as_deref().unwrap_or(paint::MARKER));
            let left = std::mem::take(&mut leaving);
            let sent = match entered {
                Ok(line) if line.is_empty() && self.screen.back_to_program() => continue,
                Ok(line) => {
                    if !edited.secret {
                        editor::remember(&mut editor, self.history.as_deref(), &line);
                    }
                    self.enter(&line)
                }
                Err(ReadlineError::Interrupted) if edited.woken => {
                    // The editor left an empty line behind.
                    terminal::put("\x1b[A\r\x1b[J");
                    Ok(())
                }
                Err(ReadlineError::Interrupted) => self.attention(),
                Err(ReadlineError::Eof) if left && !edited.touched => {
                    let _ = send(&self.line, &ClientFrame::Disconnect);
                    break;
                }
                Err(ReadlineError::Eof) => {
                    leaving = true;
                    self.remark(if self.observer {
                        "Ctrl-D again leaves this console."
                    } else {
                        "Ctrl-D again disconnects: the machine goes on. LOGOFF ends the session."
                    });
                    Ok(())
                }
                Err(error) if editor::is_no_text(&error) => {
                    refuse_line(self.colour);
                    Ok(())
                }
                Err(error) => {
                    failed = Some(ClientError::Terminal(editor::io_error(error)));
                    break;
                }
            };
            // A connection that cannot be sent on ends: the showing thread says how.
            if sent.is_err() {
                break;
            }
        }
        // What is left is shown without the editor. Its printer, if it is stuck, comes free with it.
        self.screen.leave();
        drop(editor);
        if let Some(error) = failed {
            return Err(error);
        }
        self.screen.ending(GOODBYE).unwrap_or(Err(ClientError::Lost))
    }

    /// Sends what was entered; pasted text is several lines.
    fn enter(&self, text: &str) -> Result<(), ClientError> {
        self.screen.answered();
        if self.watcher {
            self.remark("This console is only observed: nothing was sent. Ctrl-D twice leaves it.");
            return Ok(());
        }
        for line in text.split('\n') {
            send(&self.line, &ClientFrame::Line(text::typed(line)))?;
        }
        Ok(())
    }

    fn attention(&mut self) -> Result<(), ClientError> {
        self.screen.answered();
        if !std::mem::replace(&mut self.told, true) {
            self.remark("Attention: CP reads and the machine waits. BEGIN lets it go on.");
        }
        send(&self.line, &ClientFrame::Attention)
    }

    fn remark(&self, text: &str) {
        terminal::put(&paint::remark(text, self.colour));
    }
}

/// The thread that shows what arrives.
struct Showing<P> {
    connection: Connection,
    screen: Arc<Screen>,
    line: Arc<Mutex<Sender>>,
    printer: P,
    colour: bool,
    /// Size that CP was told.
    size: (u16, u16),
    /// Text not shown yet.
    text: String,
    /// A guest's prompt whose read has not come yet.
    prompt: Option<String>,
    /// The console is one's own.
    owner: bool,
    /// When CP was asked what files there are.
    asked_files: Option<Instant>,
}

impl<P: ExternalPrinter> Showing<P> {
    fn run(mut self) {
        // However this thread ends, the typing thread must not stay in the editor.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.show_all())).unwrap_or(Err(ClientError::Lost));
        let _ = self.flush();
        self.screen.end(ended);
    }

    fn show_all(&mut self) -> Result<Ending, ClientError> {
        loop {
            match self.connection.receive()? {
                Reply::Output(line) if line.kind == LineKind::Prompt => {
                    self.prompt_is_a_line();
                    self.prompt = Some(line.text);
                }
                Reply::Output(line) => {
                    self.prompt_is_a_line();
                    if line.kind == LineKind::Guest {
                        self.screen.names().learn(&line.text);
                    }
                    self.text += &paint::line(&line, self.colour);
                }
                Reply::Lost(lines) => {
                    let text = format!("{lines} lines were lost: they came faster than this terminal shows them");
                    self.text += &paint::remark(&text, self.colour);
                }
                Reply::State(state) => {
                    self.state(state)?;
                    self.ask_files(state)?;
                }
                Reply::Files(files) => self.screen.names().replace(files),
                Reply::Screen { rows, columns, data, single_keys } => {
                    self.prompt_is_a_line();
                    self.flush()?;
                    self.screen.program_writes(&data, Size { rows, columns }, single_keys);
                }
                Reply::LineMode => {
                    self.flush()?;
                    self.screen.program_leaves();
                }
                Reply::Ended(ending) => {
                    self.prompt_is_a_line();
                    return Ok(ending);
                }
                _ => return Err(ClientError::Unexpected),
            }
            if self.text.len() > PIECE || !self.connection.has_more() {
                self.flush()?;
                self.tell_size()?;
            }
        }
    }

    fn state(&mut self, state: ConsoleState) -> Result<(), ClientError> {
        self.flush()?;
        let prompt = match state {
            ConsoleState::VmRead { .. } => self.prompt.take().map(|prompt| text::typed(&prompt)),
            _ => None,
        };
        if let Some(prompt) = self.screen.set_state(state, prompt) {
            self.prompt = Some(prompt);
            self.prompt_is_a_line();
        }
        self.screen.redraw(&mut self.printer).map_err(ClientError::Terminal)
    }

    /// When the guest reads again it may have other files. They are asked for beside what is typed, and not more often than somebody types.
    fn ask_files(&mut self, state: ConsoleState) -> Result<(), ClientError> {
        let reads = matches!(state, ConsoleState::VmRead { hidden: false });
        if !reads || !self.owner || self.asked_files.is_some_and(|asked| asked.elapsed() < FILES_KNOWN) {
            return Ok(());
        }
        self.asked_files = Some(Instant::now());
        send(&self.line, &ClientFrame::Files)
    }

    /// A prompt that no read followed at once is shown as the line it is.
    fn prompt_is_a_line(&mut self) {
        if let Some(text) = self.prompt.take() {
            self.text += &paint::line(&crate::wire::Line { text, kind: LineKind::Prompt }, self.colour);
        }
    }

    fn flush(&mut self) -> Result<(), ClientError> {
        if self.text.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        self.screen.show(&text, &mut self.printer).map_err(ClientError::Terminal)
    }

    fn tell_size(&mut self) -> Result<(), ClientError> {
        let size = terminal::size();
        if size != std::mem::replace(&mut self.size, size) {
            send(&self.line, &ClientFrame::Resize { columns: size.0, rows: size.1 })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_prompt_is_typed_behind() {
        assert_eq!(split_prompt("Password:"), (String::new(), "Password: ".into()));
        let (above, prompt) = split_prompt("Enter your password,\nit \u{1b}[8mwill not appear");
        assert_eq!((above.as_str(), prompt.as_str()), ("Enter your password,\n", "it .[8mwill not appear "));
    }
}
