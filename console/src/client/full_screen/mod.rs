//! A program's screen at this end: drawn, and typed into as at a 3270.
//!
//! Two threads meet here. The showing thread hands over what the program writes, and draws it; the typing thread reads keys, and draws what
//! they do. Each draws under the lock of [`View`], so a picture is never half of one and half of another.

mod draw;
mod keyboard;
mod keys;
mod single;

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::event::{self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::terminal;
use crate::presentation::Size;
use crate::text;
use crate::wire::ClientFrame;
use draw::Picture;
use keyboard::{Key, Keyboard, Pressed};
use keys::Done;

/// How long a change of the terminal's size may go unnoticed.
const LOOK_UP: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
/// How long the rest of a key may take that begins with ESC. Slower, it is ESC and another key.
const ESCAPE: Duration = Duration::from_millis(25);

/// A program's screen, whether or not it is on the terminal now.
#[derive(Debug)]
pub(super) struct FullScreen {
    view: Mutex<View>,
    /// Wakes the typing thread: a byte for each time.
    bell: (UnixStream, UnixStream),
}

#[derive(Debug)]
struct View {
    keyboard: Keyboard,
    /// What is on the terminal; nothing: something else is.
    picture: Option<Picture>,
    colour: bool,
    /// The typing thread is to leave.
    leave: bool,
}

/// Why the screen is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Something else is to be shown.
    Asked,
    /// The terminal hung up.
    HungUp,
}

impl FullScreen {
    pub(super) fn new(colour: bool) -> io::Result<Self> {
        let bell = UnixStream::pair()?;
        bell.0.set_nonblocking(true)?;
        bell.1.set_nonblocking(true)?;
        Ok(Self { view: Mutex::new(View { keyboard: Keyboard::new(), picture: None, colour, leave: false }), bell })
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A program's write: shown at once when its screen is on the terminal. What makes no sense changes nothing.
    pub(super) fn obey(&self, record: &[u8], size: Size, single_keys: bool) {
        let mut view = self.view();
        view.keyboard.set_single(single_keys);
        match view.keyboard.obey(record, size) {
            Ok(alarm) => view.draw(alarm),
            Err(error) => tracing::debug!(%error, "CP sent what is no data stream"),
        }
    }

    /// The program has gone: the next one begins with an empty screen.
    pub(super) fn forget(&self) {
        self.view().keyboard = Keyboard::new();
    }

    /// Has the typing thread leave.
    pub(super) fn leave(&self) {
        self.view().leave = true;
        // A bell that is full has rung.
        let _ = (&self.bell.0).write(&[0]);
    }

    /// Shows the screen and takes keys until something else is to be shown. `send` passes on what is for CP.
    pub(super) fn run(&self, send: impl Fn(ClientFrame) -> bool) -> io::Result<Left> {
        let mut taken = Taken::take()?;
        self.begin();
        let mut escaped = false;
        let left = loop {
            if self.view().leave {
                break Left::Asked;
            }
            match self.wait()? {
                Woken::HungUp => break Left::HungUp,
                Woken::Bell => continue,
                Woken::Keys => {}
            }
            // What came together is drawn together: a paste, a key held down.
            while event::poll(if escaped { ESCAPE } else { Duration::ZERO })? {
                let (event, single) = (event::read()?, self.view().keyboard.is_single());
                let done = if single { single::meaning(event) } else { keys::meaning(event, std::mem::take(&mut escaped)) };
                let Some(done) = done else { continue };
                match done {
                    Done::Escape => escaped = true,
                    Done::Suspend => {
                        drop(taken);
                        // Stops here until the shell lets it go on.
                        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP);
                        taken = Taken::take()?;
                        self.begin();
                    }
                    done => {
                        if !self.act(done, &send) {
                            break;
                        }
                    }
                }
            }
            self.view().draw(false);
        };
        let mut view = self.view();
        (view.picture, view.leave) = (None, false);
        drop(view);
        drop(taken);
        Ok(left)
    }

    /// Takes the terminal's size and draws everything.
    fn begin(&self) {
        let (columns, rows) = terminal::size();
        let mut view = self.view();
        view.picture = Some(Picture::new(columns, rows, view.colour));
        view.draw(false);
    }

    /// Does what a key means; false when nothing can be sent any more.
    fn act(&self, done: Done, send: &impl Fn(ClientFrame) -> bool) -> bool {
        let mut view = self.view();
        let pressed = match done {
            Done::Key(key) => view.keyboard.press(key),
            Done::Paste(text) => view.paste(&text),
            Done::Attention => return send(ClientFrame::Attention),
            Done::Typed(bytes) => return send(ClientFrame::Typed(bytes)),
            Done::Resize(columns, rows) => {
                view.picture = Some(Picture::new(columns, rows, view.colour));
                return send(ClientFrame::Resize { columns, rows });
            }
            Done::Redraw => {
                drop(view);
                self.begin();
                return true;
            }
            Done::Escape | Done::Suspend => return true,
        };
        match pressed {
            Pressed::Local => true,
            Pressed::Refused => {
                terminal::put("\x07");
                true
            }
            Pressed::Sent(data) => send(ClientFrame::Key(data)),
        }
    }

    fn wait(&self) -> io::Result<Woken> {
        let stdin = io::stdin();
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.bell.1, PollFlags::IN)];
        match rustix::event::poll(&mut waiting, Some(&LOOK_UP)) {
            Err(Errno::INTR) => return Ok(Woken::Keys),
            other => other?,
        };
        if waiting[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Ok(Woken::HungUp);
        }
        if waiting[1].revents().contains(PollFlags::IN) {
            // Rung once or often: once is enough.
            let _ = (&self.bell.1).read(&mut [0; 64]);
            return Ok(Woken::Bell);
        }
        Ok(Woken::Keys)
    }
}

enum Woken {
    /// Keys, a size, or time to look.
    Keys,
    Bell,
    HungUp,
}

impl View {
    fn draw(&mut self, alarm: bool) {
        let Some(picture) = &mut self.picture else { return };
        let mut text = picture.draw(&self.keyboard);
        if alarm {
            text.push('\x07');
        }
        if !text.is_empty() {
            terminal::put(&format!("\x1b[?2026h{text}\x1b[?2026l"));
        }
    }

    /// Types pasted text; a new line goes to the next row that can be typed into. It ends where nothing can be typed.
    fn paste(&mut self, text: &str) -> Pressed {
        for c in text.replace("\r\n", "\n").chars() {
            let key = match c {
                '\n' | '\r' => Key::NewLine,
                '\t' => Key::Tab,
                c if text::is_control(c) => continue,
                c => Key::Character(c),
            };
            if self.keyboard.press(key) == Pressed::Refused {
                return Pressed::Refused;
            }
        }
        Pressed::Local
    }
}

/// The terminal while it shows a program's screen; given back when dropped.
struct Taken;

impl Taken {
    fn take() -> io::Result<Self> {
        terminal::shows_program(true);
        enable_raw_mode()?;
        let taken = Self;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableMouseCapture)?;
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A terminal that is gone takes nothing.
        let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
        terminal::shows_program(false);
    }
}
