//! What is drawn, at the design size, at a large size and without colour.

use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use crate::operator::Ending;
use crate::operator::layout;
use crate::operator::panes::machines::tests::FORMATTED;
use crate::operator::state::{Channel, Event, Overlay, State};
use crate::operator::theme::{Look, Theme};
use crate::wire::{ConsoleState, DeviceView, LineKind, Reply};

use super::{
    OPERATOR, arrives, control, drawn, empty, fill, full, has_color, later, press, screen, system, text, types, update, watched, weights,
};

const DESIGN: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (132, 43);

/// The rows of one pane, cut out of the whole screen.
fn pane(state: &State, of: impl Fn(layout::Screen) -> ratatui::layout::Rect) -> String {
    let place = of(layout::screen(state.area()));
    let (top, height) = (usize::from(place.y), usize::from(place.height));
    screen(state).lines().skip(top).take(height).map(|row| format!("{row}\n")).collect()
}

#[test]
fn the_design_size() {
    assert_snapshot!(screen(&full(DESIGN, 40)));
}

#[test]
fn the_large_size() {
    assert_snapshot!(screen(&full(LARGE, 40)));
}

#[test]
fn without_colour_weights_carry_the_differences() {
    let mut state = full(DESIGN, 40);
    state.theme = Theme::new(Look::Plain);
    press(&mut state, KeyCode::F(2));
    let terminal = drawn(&state);
    let buffer = terminal.backend().buffer();
    assert!(!has_color(buffer));
    assert_snapshot!(format!("{}\n{}", text(buffer), weights(buffer)));
}

#[test]
fn no_overlay_and_no_console_brings_colour_back() {
    let mut state = full(DESIGN, 4);
    state.theme = Theme::new(Look::Plain);
    for keys in [vec![KeyCode::F(1)], vec![KeyCode::F(3)], vec![KeyCode::F(6)], vec![KeyCode::F(2), KeyCode::Enter]] {
        keys.into_iter().for_each(|key| drop(press(&mut state, key)));
        assert!(!has_color(drawn(&state).backend().buffer()));
        press(&mut state, KeyCode::Esc);
    }
}

#[test]
fn header() {
    let mut state = full(DESIGN, 2);
    let normal = pane(&state, |s| s.bar) + &pane(&state, |s| s.meters);
    state.watch.snapshot.processors =
        (0..64).map(|n| crate::wire::ProcessorView { busy_percent: n as f32 * 1.6, ..Default::default() }).collect();
    let many = pane(&state, |s| s.meters);
    later(&mut state, 600);
    later(&mut state, 7_000);
    let silent = pane(&state, |s| s.bar);
    assert_snapshot!(format!("{normal}{many}{silent}{}", pane(&empty(DESIGN), |s| s.bar)));
}

#[test]
fn machines_chosen_ordered_and_filtered() {
    let mut state = full(DESIGN, 40);
    press(&mut state, KeyCode::F(4));
    press(&mut state, KeyCode::F(4));
    types(&mut state, "/run");
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Down);
    assert_snapshot!(pane(&state, |s| s.upper));
}

#[test]
fn a_wide_table_shows_what_each_machine_used_lately() {
    assert_snapshot!(pane(&watched((170, 30), 40), |s| s.upper));
    let mut narrow = watched(LARGE, 40);
    assert!(!screen(&narrow).contains("Last "), "no room");
    update(&mut narrow, Event::Resize(140, 43));
    assert!(screen(&narrow).contains("Last 18 s"), "{}", screen(&narrow));
}

#[test]
fn all_about_a_machine() {
    let mut state = watched(DESIGN, 40);
    types(&mut state, "/r0009");
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::F(9));
    let busy = screen(&state);
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::F(9));
    press(&mut state, KeyCode::Down);
    assert_snapshot!(format!("{busy}\n{}", screen(&state)));
}

#[test]
fn all_about_a_machine_large() {
    let mut state = watched((170, 48), 40);
    press(&mut state, KeyCode::F(2));
    (0..4).for_each(|_| drop(press(&mut state, KeyCode::Down)));
    press(&mut state, KeyCode::F(9));
    assert_snapshot!(screen(&state));
}

#[test]
fn machines_that_cannot_be_watched() {
    let mut state = empty(DESIGN);
    arrives(&mut state, Channel::Watch, Reply::Refused { code: 3, message: "HCPCFC003E Invalid option".into() });
    assert_snapshot!(pane(&state, |s| s.upper));
}

#[test]
fn processors_and_spool() {
    let mut state = full(DESIGN, 4);
    press(&mut state, KeyCode::F(6));
    let processors = pane(&state, |s| s.upper);
    press(&mut state, KeyCode::F(6));
    assert_snapshot!(processors + &pane(&state, |s| s.upper));
}

#[test]
fn more_processors_than_rows_are_counted() {
    let mut state = full(DESIGN, 4);
    press(&mut state, KeyCode::F(6));
    state.watch.snapshot.processors = vec![Default::default(); 64];
    assert!(pane(&state, |s| s.upper).contains("and 55 more"), "{}", screen(&state));
}

#[test]
fn messages_scrolled_back() {
    let mut state = full(DESIGN, 4);
    (0..30).for_each(|n| state.operator.say(&format!("line {n}"), LineKind::Cp));
    press(&mut state, KeyCode::PageUp);
    state.operator.say("one more", LineKind::Cp);
    assert_snapshot!(pane(&state, |s| s.messages) + &pane(&state, |s| s.command));
}

#[test]
fn the_command_line_tells_what_an_abbreviation_means() {
    let mut state = full(DESIGN, 4);
    types(&mut state, "q");
    let meaning = pane(&state, |s| s.command);
    press(&mut state, KeyCode::Backspace);
    types(&mut state, "dis");
    press(&mut state, KeyCode::Tab);
    assert_snapshot!(meaning + &pane(&state, |s| s.command) + &pane(&state, |s| s.legend));
}

#[test]
fn a_line_longer_than_the_row_moves_left() {
    let mut state = full(DESIGN, 4);
    types(&mut state, &"abcdefghij".repeat(20));
    let row = pane(&state, |s| s.command);
    assert!(row.starts_with("===> ") && row.contains("abcdefghij ") && row.contains("CP READ   CP64SYS"), "{row}");
    let mut terminal = drawn(&state);
    assert_eq!(terminal.get_cursor_position().unwrap(), (59, 22).into());
}

#[test]
fn help_about_the_screen_and_about_a_command() {
    let mut state = full(DESIGN, 4);
    types(&mut state, "?");
    let keys = screen(&state);
    press(&mut state, KeyCode::End);
    let last = screen(&state);
    press(&mut state, KeyCode::Esc);
    types(&mut state, "q names");
    press(&mut state, KeyCode::F(1));
    assert_snapshot!(format!("{keys}\n{last}\n{}", screen(&state)));
}

#[test]
fn leaving_asks_what_is_meant() {
    let mut state = full(DESIGN, 4);
    press(&mut state, KeyCode::F(3));
    let owner = screen(&state);
    state.owns_system = false;
    assert_snapshot!(format!("{owner}\n{}", screen(&state)));
}

#[test]
fn last_words() {
    let mut state = full(DESIGN, 4);
    update(&mut state, Event::Closed(Channel::Watch, "CP closed the connection".into()));
    let lost = screen(&state);
    state.overlay = Some(Overlay::Closing { ending: Ending::Shutdown, at: Duration::from_secs(9) });
    assert_snapshot!(format!("{lost}\n{}", screen(&state)));
}

/// A console with a prompt up, seen from the main screen by F2, ENTER.
fn console(size: (u16, u16)) -> State {
    let mut state = full(size, 4);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Enter);
    let channel = Channel::Console(1);
    arrives(&mut state, channel, Reply::Accepted { system: "CP64SYS".into(), userid: "MAINT".into() });
    super::lines().into_iter().for_each(|line| drop(arrives(&mut state, channel, Reply::Output(line))));
    arrives(&mut state, channel, Reply::State(ConsoleState::VmRead { hidden: false }));
    types(&mut state, "listfile * * a");
    state
}

#[test]
fn a_machines_console() {
    assert_snapshot!(screen(&console(DESIGN)));
}

#[test]
fn a_machines_console_large() {
    assert_snapshot!(screen(&console(LARGE)));
}

#[test]
fn a_console_that_is_over() {
    let mut state = console(DESIGN);
    arrives(&mut state, Channel::Console(1), Reply::Ended(crate::wire::Ending::LoggedOff));
    assert_snapshot!(screen(&state));
}

#[test]
fn too_small_says_so_and_can_be_left() {
    let mut state = full((59, 24), 4);
    assert_snapshot!(screen(&state));
    press(&mut state, KeyCode::F(3));
    assert!(screen(&state).contains("S Shut down  Esc Stay"));
}

#[test]
fn every_size_and_view_can_be_drawn() {
    for width in (0..60).step_by(7).chain([60, 61, 80, 119, 120, 132, 250]) {
        for height in [0, 1, 5, 15, 16, 17, 24, 43, 100] {
            let mut state = empty((width, height));
            drawn(&state);
            fill(&mut state, 40);
            for key in
                [KeyCode::F(2), KeyCode::F(6), KeyCode::F(6), KeyCode::F(1), KeyCode::PageDown, KeyCode::Esc, KeyCode::F(3), KeyCode::Esc]
            {
                press(&mut state, key);
                drawn(&state);
            }
            control(&mut state, 'c');
            press(&mut state, KeyCode::PageUp);
            drawn(&state);
        }
    }
}

#[test]
fn of_ten_thousand_machines_only_the_visible_are_formatted() {
    let mut state = empty(DESIGN);
    let before = FORMATTED.get();
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(system(10_000))));
    let shown = screen(&state);
    assert_eq!(FORMATTED.get() - before, state.table_height());
    assert!(shown.contains("1-10 of 10000"), "{shown}");
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::End);
    let before = FORMATTED.get();
    assert!(screen(&state).contains("USER9999"));
    assert_eq!(FORMATTED.get() - before, state.table_height());
}

#[test]
fn of_ten_thousand_histories_only_the_visible_are_drawn() {
    let mut state = empty((170, 48));
    let mut picture = system(10_000);
    picture.machines[9_876].trend = vec![50.0, 50.0];
    picture.machines[9_876].cpu_percent = 50_000.0;
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(picture.clone())));
    press(&mut state, KeyCode::F(4));
    press(&mut state, KeyCode::F(4));
    let before = FORMATTED.get();
    let shown = screen(&state);
    assert_eq!(FORMATTED.get() - before, state.table_height());
    assert!(state.machines().len() <= 3 * state.table_height(), "CP told of no more than the window and a page on either side");
    let first = shown.lines().nth(4).unwrap_or_default();
    assert!(first.starts_with(" USER9876 ") && first.contains(" ▅▅ "), "{shown}");
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::F(9));
    assert!(screen(&state).contains("in the last 4 s: highest 50.0, mean 50.0"), "{}", screen(&state));
    picture.machines.truncate(2);
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(picture)));
    assert!(screen(&state).contains("This user is not logged on."));
}

#[test]
fn nothing_from_outside_puts_a_control_character_on_the_screen() {
    let evil = "\x1b]0;x\x07\u{9b}2J\r\n\u{202e}é日\u{200d}";
    let mut state = full(LARGE, 3);
    let mut picture = system(3);
    for text in [&mut picture.system, &mut picture.release, &mut picture.time] {
        *text = evil.into();
    }
    for machine in &mut picture.machines {
        for text in [&mut machine.userid, &mut machine.state, &mut machine.console, &mut machine.system, &mut machine.share] {
            *text = evil.into();
        }
        machine.cpu_percent = f32::NAN;
        machine.trend = vec![f32::NAN; 100];
        machine.logged_on = u64::MAX;
        (machine.virtual_us, machine.total_us, machine.storage, machine.resident_pages) = (u64::MAX, u64::MAX, u64::MAX, u64::MAX);
    }
    for device in &mut picture.devices {
        let DeviceView { number, kind, state, classes, form, file, stopped } = device;
        for text in [number, kind, state, classes, form, file, stopped] {
            *text = evil.into();
        }
    }
    (picture.now, picture.utc_offset) = (0, i32::MAX);
    for processor in &mut picture.processors {
        (processor.kind, processor.running) = (evil.into(), evil.into());
        processor.busy_percent = f32::NEG_INFINITY;
    }
    (picture.spool.reader, picture.spool.printer, picture.spool.bytes) = (u64::MAX, u64::MAX, u64::MAX);
    (picture.storage.frames, picture.storage.in_use) = (1, u64::MAX);
    picture.uptime_seconds = u64::MAX;
    arrives(&mut state, Channel::Watch, Reply::Snapshot(Box::new(picture)));
    arrives(&mut state, OPERATOR, Reply::Password(evil.into()));
    arrives(&mut state, OPERATOR, Reply::Refused { code: 1, message: evil.into() });
    update(&mut state, Event::Notice(evil.into()));
    update(&mut state, Event::Paste(evil.into()));
    let safe = |shown: &str| shown.chars().all(|c| c == '\n' || (!c.is_control() && !('\u{200b}'..='\u{202e}').contains(&c)));
    assert!(safe(&screen(&state)), "{}", screen(&state));
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::F(9));
    assert!(safe(&screen(&state)), "{}", screen(&state));
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Enter);
    assert!(safe(&screen(&state)));
    update(&mut state, Event::Closed(Channel::Watch, evil.into()));
    assert!(safe(&screen(&state)));
}

#[test]
fn spool_files() {
    let mut state = full(DESIGN, 4);
    (0..3).for_each(|_| drop(press(&mut state, KeyCode::F(6))));
    let narrow = pane(&state, |s| s.upper);
    state.watch.snapshot.spool.files.clear();
    let too_many = pane(&state, |s| s.upper);
    assert!(too_many.contains("15 files are too many"));
    let mut wide = full(LARGE, 4);
    press(&mut wide, KeyCode::F(6));
    assert_snapshot!(format!("{narrow}{}", pane(&wide, |s| s.upper)));
}

#[test]
fn processors_with_their_histories() {
    let mut state = full(DESIGN, 4);
    press(&mut state, KeyCode::F(6));
    let mut very_wide = full((250, 60), 4);
    update(&mut very_wide, Event::Resize(250, 60));
    let place = layout::screen(very_wide.area()).side.expect("wide").0;
    let side: String = screen(&very_wide)
        .lines()
        .skip(place.y.into())
        .take(5)
        .map(|row| row.chars().skip(place.x.into()).collect::<String>() + "\n")
        .collect();
    assert_snapshot!(format!("{}{side}", pane(&state, |s| s.upper)));
}

#[test]
fn devices_and_console_of_a_machine() {
    let mut state = full(DESIGN, 4);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::F(9));
    press(&mut state, KeyCode::Right);
    let devices = screen(&state);
    press(&mut state, KeyCode::Right);
    assert_snapshot!(format!("{devices}\n{}", screen(&state)));
}

#[test]
fn actions_and_the_question() {
    let mut state = full(DESIGN, 4);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::F(11));
    press(&mut state, KeyCode::Up);
    let menu = screen(&state);
    press(&mut state, KeyCode::Enter);
    assert_snapshot!(format!("{menu}\n{}", screen(&state)));
}

#[test]
fn very_wide() {
    assert_snapshot!(screen(&watched((250, 60), 60)));
}

#[test]
fn every_theme_shows_the_same_text_and_plain_has_no_colour() {
    let mut state = full(DESIGN, 40);
    press(&mut state, KeyCode::F(2));
    let mut seen = Vec::new();
    for _ in Look::ALL {
        let terminal = drawn(&state);
        let buffer = terminal.backend().buffer().clone();
        seen.push((state.theme.look(), text(&buffer), buffer));
        control(&mut state, 't');
        state.hint = None;
    }
    assert_eq!(seen.iter().map(|(look, ..)| *look).collect::<Vec<_>>(), Look::ALL);
    assert!(seen.iter().all(|(_, text, _)| *text == seen[0].1), "themes change colours and nothing else");
    for (look, _, buffer) in &seen {
        assert_eq!(has_color(buffer), *look != Look::Plain, "{look:?}");
        let faint = buffer.content.iter().any(|cell| cell.modifier.contains(ratatui::style::Modifier::DIM));
        assert_eq!(faint, *look != Look::Contrast, "{look:?}");
        let yellow = buffer.content.iter().any(|cell| cell.fg == ratatui::style::Color::Yellow);
        assert!(!(yellow && *look == Look::Light), "yellow on white cannot be read");
    }
}
