//! The screen before LOGON. Pure.

use crate::Logo;
use crate::presentation::inbound::Inbound;
use crate::presentation::{Cell, CodePage, Colour, FieldAttribute, Size, Space, Style};

/// Rows of the fields, from the bottom of the screen.
const USERID: usize = 7;
const PASSWORD: usize = 6;
const COMMAND: usize = 4;
/// Column of what is typed, and how much goes in.
const TYPED: usize = 15;
const SHORT: usize = 32;
const LONG: usize = 60;

/// What somebody filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) userid: String,
    pub(super) password: String,
    pub(super) command: String,
}

fn field(size: Size, from_bottom: usize) -> usize {
    size.at(usize::from(size.rows) - from_bottom, TYPED)
}

/// The screen, with the userid typed before and what CP says.
pub(super) fn screen(logo: &Logo, size: Size, page: CodePage, userid: &str, message: &str) -> Space {
    let mut space = Space::new(size);
    let columns = usize::from(size.columns);
    let rows = usize::from(size.rows);
    let text = |space: &mut Space, row: usize, text: &str, colour: Colour| {
        let attribute = Cell { style: Style { colour, ..Style::default() }, ..Cell::attribute(FieldAttribute::SKIPPED) };
        space.put(size.at(row, 0), attribute);
        let codes: Vec<u8> = page.encode_text(text).into_iter().take(columns - 1).collect();
        space.write(size.at(row, 1), &codes, Style::default());
    };
    text(&mut space, 0, &logo.release, Colour::Turquoise);
    let room = rows - USERID - 5;
    let above = (room.saturating_sub(logo.lines.len())) / 2;
    for (index, line) in logo.lines.iter().take(room).enumerate() {
        text(&mut space, 2 + above + index, line, Colour::Green);
    }
    text(&mut space, rows - USERID - 2, "Fill in your USERID and PASSWORD and press ENTER", Colour::Turquoise);
    text(&mut space, rows - USERID - 1, "(Your password will not appear when you type it)", Colour::Turquoise);
    let entry = |space: &mut Space, from_bottom: usize, name: &str, attribute: FieldAttribute, length: usize| {
        text(space, rows - from_bottom, &format!("{name:<9}===>"), Colour::Turquoise);
        let start = field(size, from_bottom);
        let style = Style { colour: Colour::Neutral, ..Style::default() };
        space.put(start - 1, Cell { style, ..Cell::attribute(attribute) });
        space.put(start + length, Cell::attribute(FieldAttribute::SKIPPED));
        start
    };
    let start = entry(&mut space, USERID, "USERID", FieldAttribute::INPUT, SHORT);
    space.write(start, &page.encode_text(userid).into_iter().take(SHORT).collect::<Vec<_>>(), Style::default());
    let secret = entry(&mut space, PASSWORD, "PASSWORD", FieldAttribute::SECRET, SHORT);
    entry(&mut space, COMMAND, "COMMAND", FieldAttribute::INPUT, LONG);
    text(&mut space, rows - 2, message, Colour::Yellow);
    let corner = columns - 20;
    space.put(size.at(rows - 1, corner - 1), Cell::attribute(FieldAttribute::SKIPPED.intensified()));
    space.write(size.at(rows - 1, corner), &page.encode_text(&format!("{:<11}{}", "RUNNING", logo.system)), Style::default());
    space.set_cursor(if userid.is_empty() { start } else { secret });
    space
}

/// What was filled in, of the fields that were touched. A userid that stood there already is in `before`.
pub(super) fn filled(inbound: &Inbound, size: Size, page: CodePage, before: &str) -> Filled {
    let typed = |from_bottom| inbound.field(field(size, from_bottom)).map(|codes| page.decode_text(codes).trim().to_string());
    Filled {
        userid: typed(USERID).unwrap_or_else(|| before.to_string()),
        password: typed(PASSWORD).unwrap_or_default(),
        command: typed(COMMAND).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presentation::inbound::Aid;

    const PAGE: CodePage = CodePage::Bracket;

    #[test]
    fn what_is_typed_comes_back_and_the_password_does_not_show() {
        let logo = Logo { system: "CP64".into(), release: "CP-64 Version 1".into(), lines: vec!["Welcome".into()] };
        for size in [Size::MODEL_2, Size::MODEL_4, Size::MODEL_5] {
            let mut space = screen(&logo, size, PAGE, "", "HCPLGA050E no");
            let rows = usize::from(size.rows);
            assert_eq!(space.row_text(rows - 7, PAGE), " USERID   ===>");
            assert_eq!(space.row_text(rows - 2, PAGE), " HCPLGA050E no");
            assert!((0..rows).any(|row| space.row_text(row, PAGE) == " Welcome"));
            assert!(space.row_text(rows - 1, PAGE).ends_with("RUNNING    CP64"));
            for (from_bottom, text) in [(USERID, "alan"), (PASSWORD, "secret")] {
                let start = super::field(size, from_bottom);
                space.write(start, &PAGE.encode_text(text), Style::default());
                space.put(
                    start - 1,
                    Cell { field: space.cells()[start - 1].field.map(|field| field.modified(true)), ..space.cells()[start - 1] },
                );
            }
            assert!(!(0..rows).any(|row| space.row_text(row, PAGE).contains("secret")));
            let inbound = Inbound::parse(&space.read_modified(Aid::Enter, false), size).unwrap();
            let wanted = Filled { userid: "alan".into(), password: "secret".into(), command: String::new() };
            assert_eq!(filled(&inbound, size, PAGE, "OTHER"), wanted);
        }
    }
}
