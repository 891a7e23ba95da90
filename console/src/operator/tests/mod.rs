//! Tests of the whole screen: what is drawn at fixed sizes, what keys do, and the loop against a pretended system.

mod keys;
mod screens;
mod whole;

use std::cell::RefCell;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use crate::picture::tell;
use crate::wire::{
    ClientFrame, ConsoleState, DeviceView, FileView, Line, LineKind, MachineDetail, MachineView, ProcessorView, Reply, Snapshot, SpoolView,
    StorageView, Window,
};

use super::app::picture;
use super::completion::Word;
use super::state::{Channel, Effect, Event, State};
use super::theme::Look;
use super::update;

/// The channel of OPERATOR's console.
pub const OPERATOR: Channel = Channel::Console(0);

/// Commands the pretended CP knows.
pub fn words() -> Vec<Word> {
    [("QUERY", 1), ("MESSAGE", 1), ("DISPLAY", 1), ("DISCONN", 5), ("FORCE", 5), ("LOGON", 1), ("SHUTDOWN", 8)]
        .map(|(name, minimum)| Word { name: name.to_owned(), minimum })
        .into()
}

fn help(name: &str) -> Option<String> {
    (name == "QUERY").then(|| "# QUERY\n\n## Syntax\n\n    Query Names\n\nShows who is logged on.\x1b[2J".to_owned())
}

thread_local! {
    /// The system that the pretended CP tells of; none: it does not answer.
    static PICTURE: RefCell<Option<Snapshot>> = const { RefCell::new(None) };
}

/// What CP tells of a system through a window.
pub fn seen_through(mut picture: Snapshot, window: &Window) -> Snapshot {
    let all = std::mem::take(&mut picture.machines);
    tell(&mut picture, &all, window, |machine| {
        let trend = &machine.trend[machine.trend.len().saturating_sub(window.trend as usize)..];
        MachineView { trend: trend.to_vec(), ..machine.clone() }
    });
    picture
}

/// An event, and CP's answers to what the screen asks for; returns what else is to be done.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut left = Vec::new();
    let mut effects: Vec<Effect> = update::update(state, event);
    while !effects.is_empty() {
        let mut answers = Vec::new();
        for effect in effects {
            let picture = PICTURE.with_borrow(Clone::clone);
            match (effect, picture) {
                (Effect::Send(Channel::Watch, ClientFrame::Poll(window)), Some(picture)) => answers.push(seen_through(picture, &window)),
                (Effect::Send(Channel::Watch, ClientFrame::Poll(_)), None) => {}
                (effect, _) => left.push(effect),
            }
        }
        let answered = |answer| update::update(state, Event::Reply(Channel::Watch, Box::new(Reply::Snapshot(Box::new(answer)))));
        effects = answers.into_iter().flat_map(answered).collect();
    }
    left
}

/// A screen of this size that knows nothing yet.
pub fn empty(size: (u16, u16)) -> State {
    PICTURE.set(None);
    State::new(size, Look::Dark, true, words(), help)
}

/// A system with `count` machines; the same every time.
pub fn system(count: usize) -> Snapshot {
    let states = ["VM READ", "idle", "running", "CP READ", "I/O wait"];
    let machine = |n: usize| MachineView {
        userid: match n {
            0 => "OPERATOR".to_owned(),
            1 => "MAINT".to_owned(),
            n => format!("USER{n:04}"),
        },
        state: states[n * 3 % 5].to_owned(),
        console: if n.is_multiple_of(3) { "DSC".to_owned() } else { format!("L{n:04}") },
        system: if n % 5 == 4 { String::new() } else { "CMS".to_owned() },
        cpu_percent: if states[n * 3 % 5] == "running" { 12.5 + n as f32 } else { 0.0 },
        virtual_us: n as u64 * 12_345_678,
        total_us: n as u64 * 13_345_678,
        storage: (16 + n as u64 % 3 * 16) << 20,
        resident_pages: 40 + n as u64 * 13 % 4000,
        share: if n.is_multiple_of(11) { "A5%" } else { "R100" }.to_owned(),
        io: n as u64 * 7,
        logged_on: 1_795_000_000 + n as u64,
        trend: Vec::new(),
    };
    let mut machines: Vec<MachineView> = (0..count).map(machine).collect();
    machines.sort_by(|a, b| a.userid.cmp(&b.userid));
    let processor = |number: u32| ProcessorView {
        number,
        kind: "kvm".to_owned(),
        busy_percent: [96.0, 41.5][number as usize % 2],
        stolen_percent: [0.0, 12.3][number as usize % 2],
        running: if number == 0 { "USER0004".to_owned() } else { String::new() },
        trend: (0..60).map(|n| [20.0, 95.0, 60.0, 0.0][(n + number as usize) % 4]).collect(),
    };
    let device = |kind: &str, number: &str, state: &str, file: &str, stopped: &str| DeviceView {
        number: number.to_owned(),
        kind: kind.to_owned(),
        state: state.to_owned(),
        classes: if kind == "RDR" { "" } else { "A" }.to_owned(),
        form: if kind == "RDR" { "" } else { "STANDARD" }.to_owned(),
        file: file.to_owned(),
        stopped: stopped.to_owned(),
    };
    let file = |n: u64| FileView {
        owner: format!("USER{n:04}"),
        spid: format!("{n:04}"),
        queue: if n % 5 == 4 { "PRT" } else { "RDR" }.to_owned(),
        class: 'A',
        records: n * 1234,
        copies: 1,
        hold: if n % 4 == 3 { "USER" } else { "NONE" }.to_owned(),
        name: format!("PAPER{n} SCRIPT"),
        origin: "MAINT".to_owned(),
        created: 1_795_012_000 - n * 3600,
    };
    Snapshot {
        system: "CP64SYS".to_owned(),
        release: "0.1.0".to_owned(),
        time: "14:41:46".to_owned(),
        now: 1_795_012_345,
        utc_offset: 3600,
        uptime_seconds: 3 * 86_400 + 4 * 3600 + 12 * 60 + 33,
        logged_on: count as u64,
        matching: count as u64,
        machines,
        processors: (0..2).map(processor).collect(),
        spool: SpoolView { reader: 12, printer: 3, punch: 0, bytes: 4_400_000, files: (1..=15).map(file).collect() },
        devices: vec![
            device("RDR", "000C", "STARTED", "", ""),
            device("PUN", "000D", "DRAINED", "", ""),
            device("PRT", "000E", "STARTED", "USER0004 0012", ""),
            device("PRT", "001E", "STOPPED", "", "the folder is full"),
        ],
        storage: StorageView { frames: 262_144, in_use: 110_000, shared: 400 },
        detail: MachineDetail {
            devices: (0..14)
                .map(|n| format!("DASD {:04X} 3390 USR{n:03} R/W        100 CYL ON DASD  USR{n:03} {n:04} SUBCHANNEL = {n:04X}", 0x190 + n))
                .collect(),
            heard_by: "OBSERVER MAINT".to_owned(),
            recorded: true,
            recent: lines(),
        },
        ..Snapshot::default()
    }
}

/// Lines of every kind.
pub fn lines() -> Vec<Line> {
    [
        (LineKind::Cp, "LOGON AT 14:00:00 UTC SUNDAY 11/22/26"),
        (LineKind::Guest, "Ready; T=0.01/0.01 14:00:00"),
        (LineKind::Message, "14:00:02  * MSG FROM MAINT   : the printer is out of paper"),
        (LineKind::Warning, "14:00:03  * WNG FROM SYSTEM  : spool space is 90% full"),
        (LineKind::Input, "query names"),
        (LineKind::Cp, "OPERATOR - SYSC, MAINT    -L0001, 日本語   - DSC"),
    ]
    .map(|(kind, text)| Line { kind, text: text.to_owned() })
    .into()
}

/// CP's frame arrives. A picture of the whole system is what CP tells of from now on, and arrives through the screen's window.
pub fn arrives(state: &mut State, channel: Channel, reply: Reply) -> Vec<Effect> {
    let reply = match reply {
        Reply::Snapshot(picture) => {
            PICTURE.set(Some((*picture).clone()));
            Reply::Snapshot(Box::new(seen_through(*picture, &state.window())))
        }
        reply => reply,
    };
    update(state, Event::Reply(channel, Box::new(reply)))
}

/// A screen on which everything has arrived.
pub fn full(size: (u16, u16), machines: usize) -> State {
    let mut state = empty(size);
    fill(&mut state, machines);
    state
}

/// A screen on which pictures have come for a minute and a half: every fifth machine's use rises and falls.
pub fn watched(size: (u16, u16), machines: usize) -> State {
    let mut state = full(size, machines);
    let mut picture = system(machines);
    for (n, machine) in picture.machines.iter_mut().enumerate() {
        // Milliseconds of each two seconds.
        let used = |round: usize| if n % 5 == 4 { [0, 20, 100, 400, 900, 1500, 2000, 700][(round / 2 + n) % 8] } else { 0 };
        machine.trend = (1..=45).map(|round| used(round) as f32 / 20.0).collect();
        machine.total_us += (1..=45).map(used).sum::<u64>() * 1000;
    }
    later(&mut state, 2_000);
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(picture)));
    state
}

/// Lets a picture of the system and OPERATOR's console arrive.
pub fn fill(state: &mut State, machines: usize) {
    arrives(state, Channel::Watch, Reply::Snapshot(Box::new(system(machines))));
    arrives(state, OPERATOR, Reply::Accepted { system: "CP64SYS".into(), userid: "OPERATOR".into() });
    lines().into_iter().for_each(|line| drop(arrives(state, OPERATOR, Reply::Output(line))));
    arrives(state, OPERATOR, Reply::State(ConsoleState::CpRead));
}

/// A key is pressed.
pub fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// A key is pressed with Ctrl.
pub fn control(state: &mut State, c: char) -> Vec<Effect> {
    update(state, Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)))
}

/// A text is typed.
pub fn types(state: &mut State, text: &str) {
    text.chars().for_each(|c| drop(press(state, KeyCode::Char(c))));
}

/// Time passes; CP does not answer.
pub fn later(state: &mut State, milliseconds: u64) -> Vec<Effect> {
    let now = state.now + Duration::from_millis(milliseconds);
    update::update(state, Event::Tick(now))
}

/// What is drawn now.
pub fn drawn(state: &State) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).expect("a test terminal");
    picture(&mut terminal, state).expect("drawn");
    terminal
}

/// The screen as text, one line per row.
pub fn screen(state: &State) -> String {
    text(drawn(state).backend().buffer())
}

/// A buffer as text. Cells behind a wide character hold nothing of their own.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                row.push_str(symbol);
                skip = super::text::columns(symbol).max(1);
            }
            skip -= 1;
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// The weights of a buffer, one letter per cell: Bold, Dim, Reversed, Underlined; lower case when bold as well.
pub fn weights(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        for x in 0..buffer.area.width {
            let modifier = buffer[(x, y)].modifier;
            let letter = match () {
                () if modifier.contains(Modifier::REVERSED) => 'R',
                () if modifier.contains(Modifier::UNDERLINED) => 'U',
                () if modifier.contains(Modifier::DIM) => 'D',
                () if modifier.contains(Modifier::BOLD) => 'B',
                () => ' ',
            };
            row.push(letter);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// Whether any cell has a colour.
pub fn has_color(buffer: &Buffer) -> bool {
    buffer.content.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
}
