//! HELP in panels, on a terminal of 24 rows and 80 columns, and in plain lines: every topic of the project.

use std::collections::BTreeMap;

use abi::DisplayInfo;
use minidisk::ebcdic;

use crate::commands::{help_texts, reader};
use crate::double::User;

const ROWS: usize = 24;
const COLUMNS: usize = 80;
const PF7: u8 = 0xf7;
const PF8: u8 = 0xf8;

/// The rows that a data stream makes of an empty screen, taken apart by the description of the data stream (GA23-0059), not with the
/// program's own tables.
fn rows_of(stream: &[u8]) -> Vec<String> {
    let mut screen = vec![b' '; ROWS * COLUMNS];
    let (mut at, mut rest) = (0, &stream[1..]);
    loop {
        rest = match rest {
            // Set buffer address: six bits in each of two bytes.
            [0x11, high, low, after @ ..] => {
                at = usize::from(high & 0x3f) << 6 | usize::from(low & 0x3f);
                assert!(at < screen.len(), "an address outside of the screen");
                after
            }
            [0x1d, _, after @ ..] => {
                at += 1;
                after
            }
            [0x29, pairs, after @ ..] => {
                at += 1;
                &after[usize::from(*pairs) * 2..]
            }
            [0x13, after @ ..] => after,
            [character, after @ ..] => {
                assert!(*character >= 0x40, "an order in the text: {character:02x}");
                assert_ne!(at % COLUMNS, 0, "text runs into the next row");
                screen[at] = ebcdic::to_latin1(*character);
                at += 1;
                after
            }
            [] => break,
        };
    }
    screen.chunks(COLUMNS).map(|row| row.iter().map(|&byte| char::from(byte)).collect::<String>().trim_end().to_string()).collect()
}

/// A line of a help file as a panel shows it: a heading without its marks.
fn shown(line: &str) -> &str {
    let text = line.trim_start_matches('#');
    if text.len() < line.len() { text.strip_prefix(' ').unwrap_or(line) } else { line }.trim_end()
}

fn reader_at(display: bool) -> User {
    let user = reader();
    let size = DisplayInfo { flags: 1, code_page: 1047, default_rows: 24, default_columns: 80, rows: 24, columns: 80 };
    user.world.borrow_mut().display = display.then_some(size);
    user
}

#[test]
fn every_topic_is_walked_through_in_panels_to_its_last_line_and_back() {
    let mut user = reader_at(true);
    for (component, name, text) in help_texts() {
        let lines: Vec<&str> = text.lines().map(shown).collect();
        let pages = lines.len().div_ceil(ROWS - 4);
        let keys = (0..pages).map(|_| PF8).chain((0..pages).map(|_| PF7));
        user.world.borrow_mut().keys = keys.map(|key| vec![key, 0x40, 0x40]).collect();
        assert_eq!(user.does(&format!("help {component} {name}")), [""; 0], "a panel leaves no lines behind it");
        let streams = std::mem::take(&mut user.world.borrow_mut().streams);
        assert_eq!(streams.len(), 2 * pages + 1, "{component} {name}");
        let screens: Vec<Vec<String>> = streams.iter().map(|stream| rows_of(stream)).collect();
        for screen in &screens {
            assert!(screen[0].starts_with(&format!(" HELP {name}")) && screen[0].ends_with(&format!(" of {}", lines.len())), "{screen:?}");
            assert!(screen[ROWS - 2].starts_with(" ====>") && screen[ROWS - 1].starts_with(" F3=Quit"), "{screen:?}");
            let top: usize = screen[0].rsplit(' ').nth(2).and_then(|number| number.parse().ok()).expect("the number of the first line");
            for (row, line) in screen[1..ROWS - 3].iter().zip(lines[top - 1..].iter().chain(std::iter::repeat(&""))) {
                assert_eq!(row.strip_prefix(' ').unwrap_or(row), *line, "{component} {name}: a line is not cut");
            }
        }
        assert_eq!(screens[pages][ROWS - 3], " That was the last line", "{component} {name}");
        assert_eq!(screens.last(), screens.first(), "{component} {name}");
    }
}

#[test]
fn menus_and_tasks_are_looked_through_in_a_panel_or_shown_in_lines() {
    for (command, title) in [("help", "HELP"), ("help cp", "HELP CP"), ("help cms menu", "HELP CMS"), ("help tasks", "HELP TASKS")] {
        let lines = reader_at(false).does(command);
        assert!(lines.len() > ROWS / 2 && lines.iter().all(|line| line.len() < COLUMNS && !line.starts_with('#')), "{lines:?}");
        let mut user = reader_at(true);
        assert_eq!(user.does(command), [""; 0], "a panel leaves no lines behind it");
        let screen = rows_of(&std::mem::take(&mut user.world.borrow_mut().streams)[0]);
        let first = lines.iter().find(|line| !line.is_empty()).expect("a line");
        assert!(screen[0].starts_with(&format!(" {title} ")) && screen.iter().any(|row| row.trim() == first.trim()), "{screen:?}");
        assert_eq!(user.does(&format!("{command} (noscreen")), lines);
    }
}

#[test]
fn every_topic_is_shown_in_plain_lines() {
    for display in [false, true] {
        let mut user = reader_at(display);
        for (component, name, text) in help_texts() {
            let lines: Vec<&str> = text.lines().map(shown).collect();
            let plain: Vec<String> =
                user.does(&format!("help {component} {name} (noscreen")).iter().map(|line| line.trim_end().into()).collect();
            assert_eq!(plain, lines, "{component} {name}");
            assert!(lines.iter().all(|line| line.chars().count() < COLUMNS), "{component} {name}");
        }
        assert!(user.world.borrow().streams.is_empty());
    }
}

#[test]
fn help_names_the_abbreviation_of_every_command_and_says_what_its_options_mean() {
    let mut user = reader_at(false);
    let shortest: BTreeMap<String, String> = user.does("query synonym system")[2..]
        .iter()
        .filter_map(|line| line.split_once(' ').map(|(name, form)| (name.into(), form.trim().into())))
        .collect();
    for (component, name, text) in help_texts() {
        let section = |title: &str| {
            let begins = format!("## {title}");
            let lines: Vec<&str> =
                text.lines().skip_while(|line| *line != begins).skip(1).take_while(|line| !line.starts_with("## ")).collect();
            lines.join("\n")
        };
        let syntax = section("Syntax");
        // REXX is a language.
        assert!(!syntax.trim().is_empty() || name == "REXX", "{component} {name} has a syntax");
        if component != "cms" {
            continue;
        }
        if let Some(form) = shortest.get(&name) {
            let command = form.clone() + &name[form.len()..].to_ascii_lowercase();
            assert!(syntax.split_whitespace().any(|word| word == command), "{name} is {command} in {syntax}");
        }
        // Of words that exclude each other one may stand for all.
        let Some((_, options)) = syntax.split_once("[( [") else { continue };
        let meant = section("Options") + &section("Operands") + &section("What it does");
        for group in options.split('[') {
            let words: Vec<&str> = group.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1).collect();
            let mut options = words.iter().filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase())).peekable();
            let explained = options.peek().is_none() || options.any(|word| meant.contains(word));
            assert!(explained, "{name}: what does {group} mean?");
        }
    }
}
