//! The console of a virtual machine in line mode, as a 3270 shows it: output above, the line being typed below, the status in the corner.
//!
//! ```text
//!   row 1      output area: the newest line goes into the first free row
//!     ...
//!   row n-2
//!   row n-1    input area ...........................................
//!   row n      ................................  RUNNING    CP64
//! ```
//!
//! When the output area is full, the next line waits and the status is MORE...: after a while the alarm sounds, a while later the area is cleared
//! and output goes on. CLEAR and PA2 clear it at once, ENTER holds it (HOLDING) until ENTER or CLEAR (z/VM: Virtual Machine Operation, "The
//! 3270 screen"; TERMINAL MORE). Pure: time comes in as the time since the session began.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crate::presentation::{Cell, CodePage, Colour, FieldAttribute, Highlight, Size, Space, Style};
use crate::wire::{ConsoleState, Line, LineKind};

/// Columns of the status area.
const STATUS: usize = 19;
/// Columns of the status itself, before the system's name.
const STATE: usize = 11;
/// Rows that are not output.
const BELOW: usize = 2;
/// For how long NOT ACCEPTED shows.
const REFUSED: Duration = Duration::from_secs(3);

/// How long a full screen stays: TERMINAL MORE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct More {
    /// From full until the alarm.
    pub alarm: Duration,
    /// From the alarm until it is cleared.
    pub clear: Duration,
}

impl Default for More {
    /// 50 seconds and 10, as on z/VM.
    fn default() -> Self {
        Self { alarm: Duration::from_secs(50), clear: Duration::from_secs(10) }
    }
}

/// Why output stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    None,
    /// The screen is full since then; the alarm has sounded or not.
    More {
        since: Duration,
        alarmed: bool,
    },
    Holding,
}

/// What is to be done after an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The alarm sounds.
    pub alarm: bool,
}

/// One row of output.
struct Row {
    text: String,
    kind: LineKind,
}

/// The screen of a console in line mode.
pub struct LineMode {
    size: Size,
    page: CodePage,
    system: String,
    more: More,
    /// Rows in the output area, from the top.
    rows: Vec<Row>,
    /// Rows that do not fit.
    waiting: VecDeque<Row>,
    state: ConsoleState,
    pause: Pause,
    refused: Option<Duration>,
    /// There is output that came after the last key.
    unseen: bool,
}

impl LineMode {
    /// An empty screen of this size, of a terminal with this code page, with this system's name in the corner.
    pub fn new(size: Size, page: CodePage, system: &str, more: More) -> Self {
        let system = system.to_string();
        Self {
            size,
            page,
            system,
            more,
            rows: Vec::new(),
            waiting: VecDeque::new(),
            state: ConsoleState::Running,
            pause: Pause::None,
            refused: None,
            unseen: false,
        }
    }

    fn columns(&self) -> usize {
        usize::from(self.size.columns)
    }

    fn output_rows(&self) -> usize {
        usize::from(self.size.rows) - BELOW
    }

    /// Where the line being typed is: what is between its attribute and the status.
    pub fn input_area(&self) -> Range<usize> {
        self.output_rows() * self.columns() + 1..self.status_attribute()
    }

    fn status_attribute(&self) -> usize {
        self.size.positions() - STATUS - 2
    }

    /// Whether there is room for more output: while there is none, the console keeps it.
    pub fn takes_output(&self) -> bool {
        self.waiting.is_empty() && self.pause == Pause::None
    }

    /// TERMINAL MORE.
    pub fn set_more(&mut self, more: More) {
        self.more = more;
    }

    /// Output. What does not fit waits.
    pub fn show(&mut self, lines: impl IntoIterator<Item = Line>, now: Duration) {
        let columns = self.columns();
        for line in lines {
            let mut rest = line.text.chars().peekable();
            loop {
                let text: String = rest.by_ref().take(columns).collect();
                self.waiting.push_back(Row { text, kind: line.kind });
                if rest.peek().is_none() {
                    break;
                }
            }
        }
        self.fill(now);
    }

    /// The console's state.
    pub fn set_state(&mut self, state: ConsoleState) {
        self.state = state;
    }

    /// The state shown.
    pub fn state(&self) -> ConsoleState {
        self.state
    }

    /// What was typed could not be taken.
    pub fn refuse(&mut self, now: Duration) {
        self.refused = Some(now + REFUSED);
    }

    /// Puts waiting rows on the screen; a full one pauses.
    fn fill(&mut self, now: Duration) {
        while self.pause == Pause::None
            && let Some(row) = self.waiting.pop_front()
        {
            if self.rows.len() < self.output_rows() {
                self.unseen |= row.kind != LineKind::Input;
                self.rows.push(row);
                continue;
            }
            self.waiting.push_front(row);
            if self.more.alarm + self.more.clear == Duration::ZERO {
                self.rows.clear();
            } else {
                self.pause = Pause::More { since: now, alarmed: false };
            }
        }
    }

    /// CLEAR, and PA2: empties the output area and goes on.
    pub fn clear(&mut self, now: Duration) {
        self.pause = Pause::None;
        self.unseen = false;
        self.rows.clear();
        self.fill(now);
    }

    /// A key was pressed: what is shown was seen.
    pub fn seen(&mut self) {
        self.unseen = false;
    }

    /// A program takes the screen. What was not seen stays first, as if the screen were full; whether it does.
    pub fn make_room(&mut self, now: Duration) -> bool {
        if self.unseen && self.pause == Pause::None && self.more.alarm + self.more.clear > Duration::ZERO {
            self.pause = Pause::More { since: now, alarmed: false };
        }
        self.pause != Pause::None
    }

    /// Output breaks into a program's screen: it stands on a screen of its own, which is held.
    pub fn break_in(&mut self, lines: impl IntoIterator<Item = Line>, now: Duration) {
        self.clear(now);
        self.show(lines, now);
        if self.pause == Pause::None {
            self.pause = Pause::Holding;
        }
    }

    /// ENTER while output stands still: holds the screen, or lets go of it.
    pub fn enter(&mut self, now: Duration) {
        match self.pause {
            Pause::None => {}
            Pause::More { .. } => self.pause = Pause::Holding,
            Pause::Holding => self.pause = Pause::More { since: now, alarmed: false },
        }
    }

    /// When [`LineMode::tick`] has something to do, if ever.
    pub fn deadline(&self) -> Option<Duration> {
        let pause = match self.pause {
            Pause::More { since, alarmed: false } => Some(since + self.more.alarm),
            Pause::More { since, alarmed: true } => Some(since + self.more.alarm + self.more.clear),
            _ => None,
        };
        [pause, self.refused].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration) -> Effects {
        self.refused = self.refused.filter(|&until| until > now);
        let Pause::More { since, alarmed } = self.pause else { return Effects::default() };
        if now >= since + self.more.alarm + self.more.clear {
            self.clear(now);
            return Effects::default();
        }
        let alarm = !alarmed && now >= since + self.more.alarm;
        self.pause = Pause::More { since, alarmed: alarmed || alarm };
        Effects { alarm }
    }

    /// The status: eleven columns at most.
    pub fn status(&self) -> &'static str {
        match (self.refused, self.pause, self.state) {
            (Some(_), _, _) => "NOT ACCEPTED",
            (_, Pause::More { .. }, _) => "MORE...",
            (_, Pause::Holding, _) => "HOLDING",
            (_, Pause::None, ConsoleState::Running) => "RUNNING",
            (_, Pause::None, ConsoleState::VmRead { .. }) => "VM READ",
            (_, Pause::None, ConsoleState::CpRead) => "CP READ",
        }
    }

    /// The whole screen, with `typed` in the input area and the cursor behind it.
    pub fn screen(&self, typed: &str) -> Space {
        let mut space = Space::new(self.size);
        for (index, row) in self.rows.iter().enumerate() {
            space.write(self.size.at(index, 0), &self.page.encode_text(&row.text), style(row.kind));
        }
        let input = self.input_area();
        let secret = self.state == ConsoleState::VmRead { hidden: true };
        space.put(input.start - 1, Cell::attribute(if secret { FieldAttribute::SECRET } else { FieldAttribute::INPUT }));
        let typed: Vec<u8> = self.page.encode_text(typed).into_iter().take(input.len()).collect();
        space.write(input.start, &typed, Style::default());
        space.set_cursor((input.start + typed.len()).min(input.end - 1));
        space.put(
            input.end,
            Cell { style: Style { colour: Colour::Neutral, ..Style::default() }, ..Cell::attribute(FieldAttribute::SKIPPED.intensified()) },
        );
        let status = self.status();
        let gap = STATE.max(status.len() + 1) - status.len();
        let corner: String = format!("{status}{:gap$}{}", "", self.system).chars().take(STATUS).collect();
        space.write(input.end + 1, &self.page.encode_text(&corner), Style::default());
        // The last position rules the output area, which begins at the first.
        space.put(self.size.positions() - 1, Cell::attribute(FieldAttribute::TEXT));
        space
    }
}

/// What lines look like by who speaks.
fn style(kind: LineKind) -> Style {
    let (colour, highlight) = match kind {
        LineKind::Guest | LineKind::Prompt => (Colour::Green, Highlight::Default),
        LineKind::Cp => (Colour::Turquoise, Highlight::Default),
        LineKind::Message => (Colour::Yellow, Highlight::Default),
        LineKind::Warning => (Colour::Red, Highlight::Intensify),
        LineKind::Input => (Colour::Neutral, Highlight::Default),
    };
    Style { colour, highlight, ..Style::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: CodePage = CodePage::Bracket;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn line(text: &str) -> Line {
        Line { text: text.to_string(), kind: LineKind::Guest }
    }

    fn mode() -> LineMode {
        LineMode::new(Size::MODEL_2, PAGE, "CP64", More::default())
    }

    fn lines(mode: &mut LineMode, numbers: Range<usize>, now: Duration) {
        mode.show(numbers.map(|number| line(&format!("line {number}"))), now);
    }

    #[test]
    fn lines_fill_the_screen_from_the_top_and_the_status_is_in_the_corner() {
        let mut mode = mode();
        lines(&mut mode, 1..3, at(0));
        mode.set_state(ConsoleState::VmRead { hidden: false });
        let screen = mode.screen("");
        assert_eq!(screen.row_text(0, PAGE), "line 1");
        assert_eq!(screen.row_text(1, PAGE), "line 2");
        assert_eq!(screen.row_text(23, PAGE), format!("{:60}VM READ    CP64", ""));
        assert_eq!((screen.cursor(), mode.input_area()), (22 * 80 + 1, 22 * 80 + 1..23 * 80 + 59));
        assert!(screen.ruling(5).is_protected() && !screen.ruling(22 * 80 + 1).is_protected());
    }

    #[test]
    fn a_full_screen_waits_then_sounds_then_goes_on() {
        let mut mode = mode();
        lines(&mut mode, 0..22, at(0));
        assert_eq!((mode.status(), mode.takes_output()), ("RUNNING", true), "full, but nothing more to show");
        lines(&mut mode, 22..25, at(5));
        assert_eq!((mode.status(), mode.takes_output(), mode.deadline()), ("MORE...", false, Some(at(55))));
        assert_eq!(mode.tick(at(54)), Effects::default());
        assert_eq!(mode.tick(at(55)), Effects { alarm: true });
        assert_eq!((mode.tick(at(56)), mode.deadline()), (Effects::default(), Some(at(65))));
        mode.tick(at(65));
        assert_eq!((mode.status(), mode.screen("").row_text(0, PAGE)), ("RUNNING", "line 22".to_string()));
        assert_eq!(mode.deadline(), None);
    }

    #[test]
    fn enter_holds_and_clear_goes_on() {
        let mut mode = mode();
        lines(&mut mode, 0..60, at(0));
        mode.enter(at(1));
        assert_eq!((mode.status(), mode.deadline()), ("HOLDING", None));
        mode.enter(at(100));
        assert_eq!((mode.status(), mode.deadline()), ("MORE...", Some(at(150))));
        mode.clear(at(101));
        assert_eq!((mode.status(), mode.screen("").row_text(0, PAGE)), ("MORE...", "line 22".to_string()));
        mode.clear(at(101));
        assert_eq!((mode.status(), mode.screen("").row_text(15, PAGE)), ("RUNNING", "line 59".to_string()));
        mode.clear(at(102));
        assert_eq!(mode.screen("").row_text(0, PAGE), "");
    }

    #[test]
    fn without_more_the_screen_never_waits() {
        let mut mode = mode();
        mode.set_more(More { alarm: at(0), clear: at(0) });
        lines(&mut mode, 0..50, at(0));
        assert_eq!((mode.status(), mode.screen("").row_text(0, PAGE)), ("RUNNING", "line 44".to_string()));
    }

    #[test]
    fn output_that_was_not_seen_stays_when_a_program_takes_the_screen() {
        let mut mode = mode();
        mode.show([Line { text: "xedit".into(), kind: LineKind::Input }], at(0));
        assert!(!mode.make_room(at(0)), "one's own line is seen");
        lines(&mut mode, 0..3, at(1));
        assert!(mode.make_room(at(1)));
        assert_eq!((mode.status(), mode.deadline()), ("MORE...", Some(at(51))));
        mode.clear(at(2));
        assert!(!mode.make_room(at(2)));
        lines(&mut mode, 0..3, at(3));
        mode.seen();
        assert!(!mode.make_room(at(3)));
        lines(&mut mode, 0..3, at(4));
        mode.set_more(More { alarm: at(0), clear: at(0) });
        assert!(!mode.make_room(at(4)), "who never waits does not wait here");
    }

    #[test]
    fn output_that_breaks_in_is_held_on_a_screen_of_its_own() {
        let mut mode = mode();
        lines(&mut mode, 0..5, at(0));
        mode.break_in([line("* MSG FROM OPERATOR")], at(1));
        assert_eq!((mode.status(), mode.takes_output(), mode.deadline()), ("HOLDING", false, None));
        assert_eq!((mode.screen("").row_text(0, PAGE), mode.screen("").row_text(1, PAGE)), ("* MSG FROM OPERATOR".into(), String::new()));
    }

    #[test]
    fn a_secret_is_typed_into_a_field_that_does_not_show() {
        let mut mode = mode();
        mode.set_state(ConsoleState::VmRead { hidden: true });
        assert!(mode.screen("").ruling(22 * 80 + 1).is_hidden());
    }

    #[test]
    fn what_is_not_accepted_says_so_for_a_moment() {
        let mut mode = mode();
        mode.refuse(at(1));
        assert_eq!((mode.status(), mode.deadline()), ("NOT ACCEPTED", Some(at(4))));
        assert!(mode.screen("kept").row_text(23, PAGE).ends_with("NOT ACCEPTED CP64"));
        mode.tick(at(4));
        assert_eq!(mode.status(), "RUNNING");
    }

    proptest! {
        #[test]
        fn no_line_is_lost_or_out_of_order(steps in prop::collection::vec((0..40_usize, 0..3_u8), 0..20)) {
            let mut mode = mode();
            let (mut written, mut seen, mut shown) = (0, 0, 0);
            for (now, (count, key)) in (0..).zip(steps) {
                lines(&mut mode, written..written + count, at(now));
                written += count;
                // Whatever is newly on the screen goes on where the last row was.
                let check = |mode: &LineMode, seen: &mut usize, shown: &mut usize| {
                    for row in &mode.rows[*shown..] {
                        assert_eq!(row.text, format!("line {seen}"));
                        *seen += 1;
                    }
                    *shown = mode.rows.len();
                };
                check(&mode, &mut seen, &mut shown);
                match key {
                    0 => { mode.clear(at(now)); shown = 0; check(&mode, &mut seen, &mut shown); }
                    1 => mode.enter(at(now)),
                    _ => {}
                }
            }
            prop_assert_eq!(seen + mode.waiting.len(), written);
        }

        #[test]
        fn any_text_fits(text in any::<String>(), typed in any::<String>(), model in prop::sample::select(vec!['2', '3', '4', '5'])) {
            let mut mode = LineMode::new(Size::of_model(model).unwrap(), PAGE, "SYSTEM12", More::default());
            mode.show([line(&text)], at(0));
            let screen = mode.screen(&typed);
            prop_assert_eq!(screen.attributes().count(), 3);
        }
    }
}
