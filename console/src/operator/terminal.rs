//! The real terminal: taken over, read from, and given back clean on every way out.

use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, KeyEventKind};
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::app::wipe;
use super::state::Event;

/// How often the keyboard thread looks whether it should end, and whether the terminal has another size: 100 ms.
const LOOK_UP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// How long the threads get to end. One that a terminal's end caught in the middle of reading never does; it ends with the process.
const PARTING: Duration = Duration::from_secs(1);
/// Panics of other threads that are kept for after the screen.
const PANICS_MAX: usize = 16;

type PanicHook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// Whether standard input and output are both a terminal.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The terminal while the screen has it. Dropped, it is as it was before.
pub struct Screen {
    /// To draw on.
    pub terminal: Terminal<CrosstermBackend<Pictures>>,
    leaving: Arc<AtomicBool>,
    signals: Handle,
    threads: Vec<JoinHandle<()>>,
    hook: PanicHook,
    panics: Arc<Mutex<Vec<String>>>,
}

impl Screen {
    /// Takes the terminal over and starts to send keys and signals to `events`.
    pub fn enter(events: &SyncSender<Event>) -> io::Result<Self> {
        let signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
        let backend = CrosstermBackend::new(Pictures::default());
        let terminal = Terminal::new(backend)?;
        let panics = Arc::default();
        let hook = watch_panics(events.clone(), Arc::clone(&panics));
        let mut screen = Self { terminal, leaving: Arc::default(), signals: signals.handle(), threads: Vec::new(), hook, panics };
        // From here on dropping `screen` undoes whatever was done.
        TAKEN.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        wipe(&mut screen.terminal)?;
        screen.listen(events, signals)?;
        Ok(screen)
    }

    fn listen(&mut self, events: &SyncSender<Event>, mut signals: Signals) -> io::Result<()> {
        let (keys, leaving) = (events.clone(), Arc::clone(&self.leaving));
        self.threads.push(thread::Builder::new().name("operator keyboard".into()).spawn(move || read_keys(&keys, &leaving))?);
        let told = events.clone();
        self.threads.push(thread::Builder::new().name("operator signals".into()).spawn(move || {
            for number in signals.forever() {
                if told.send(Event::Signal(number)).is_err() {
                    return;
                }
            }
        })?);
        Ok(())
    }
}

/// Collects a picture and writes it at once, so that a terminal never shows half of one. What is left when the terminal was given back
/// (a panic in the middle of a picture) goes nowhere.
#[derive(Debug, Default)]
pub struct Pictures(Vec<u8>);

impl Write for Pictures {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let picture = std::mem::take(&mut self.0);
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(&picture)?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.signals.close();
        give_back();
        if thread::panicking() {
            // The hooks of a panicking thread cannot be changed, and its other threads end with the process.
            return;
        }
        let deadline = Instant::now() + PARTING;
        while self.threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let previous = Arc::clone(&self.hook);
        panic::set_hook(Box::new(move |info| previous(info)));
        for text in self.panics.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            eprintln!("{text}");
        }
    }
}

/// Whether the screen has the terminal. One process has one terminal, and its panic hook must know.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Who sets the modes of the terminal holds this, so that they are not set again behind the one who gives it back.
static MODES: Mutex<()> = Mutex::new(());

/// Gives the terminal back, once: a second time would move the cursor into what was printed since. Errors are not looked at: a terminal
/// that is gone needs nothing.
fn give_back() {
    let _modes = MODES.lock().unwrap_or_else(PoisonError::into_inner);
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(io::stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

/// A panic of the screen's own thread gives the terminal back before it is reported. A panic of another thread (CP runs in this process
/// when `cp64` started it) must not write over the screen: it is shown as a warning and reported when the terminal is free again.
fn watch_panics(events: SyncSender<Event>, panics: Arc<Mutex<Vec<String>>>) -> PanicHook {
    let own = thread::current().id();
    let previous: PanicHook = Arc::from(panic::take_hook());
    let report = Arc::clone(&previous);
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == own {
            give_back();
            report(info);
            return;
        }
        let text = info.to_string();
        let _ = events.try_send(Event::Notice(format!("* {}", text.replace('\n', " "))));
        let mut kept = panics.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < PANICS_MAX {
            kept.push(text);
        }
    }));
    previous
}

fn read_keys(events: &SyncSender<Event>, leaving: &AtomicBool) {
    while !leaving.load(Ordering::Relaxed) {
        match wait_for_keys().and_then(|()| hand_over_keys(events)) {
            Ok(true) => {}
            Ok(false) => return,
            // No keyboard is the same as a terminal that hung up.
            Err(_) => {
                let _ = events.send(Event::Signal(SIGHUP));
                return;
            }
        }
    }
}

/// Waits a moment for something to be typed. A terminal that hung up is an error here already: the reader that takes the keys apart would try
/// to read from it for ever.
fn wait_for_keys() -> io::Result<()> {
    let stdin = io::stdin();
    let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
    match rustix::event::poll(&mut waiting, Some(&LOOK_UP)) {
        Ok(_) if waiting[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Hands on what was typed and how large the terminal is now. Says whether anybody still listens.
fn hand_over_keys(events: &SyncSender<Event>) -> io::Result<bool> {
    while event::poll(Duration::ZERO)? {
        let event = match event::read()? {
            event::Event::Key(key) if key.kind != KeyEventKind::Release => Event::Key(key),
            event::Event::Paste(text) => Event::Paste(text),
            event::Event::Resize(columns, rows) => Event::Resize(columns, rows),
            _ => continue,
        };
        if events.send(event).is_err() {
            return Ok(false);
        }
    }
    tell_again()?;
    Ok(true)
}

/// The reader is told once of what was typed, and forgets it when it hears at the same moment that the terminal has another size. Modes that
/// are set, even as they were, make the kernel tell it again.
fn tell_again() -> io::Result<()> {
    let stdin = io::stdin();
    let mut typed = [PollFd::new(&stdin, PollFlags::IN)];
    let waits = rustix::event::poll(&mut typed, Some(&Timespec::default()));
    let _modes = MODES.lock().unwrap_or_else(PoisonError::into_inner);
    if waits.is_ok_and(|count| count > 0) && typed[0].revents() == PollFlags::IN && TAKEN.load(Ordering::SeqCst) {
        tcsetattr(&stdin, OptionalActions::Now, &tcgetattr(&stdin)?)?;
    }
    Ok(())
}
