//! Which part of the terminal belongs to which pane. Pure, and the one place that knows: drawing and scrolling both ask here.

use ratatui::layout::Rect;

/// Columns and rows below which nothing useful can be shown.
pub const SMALLEST: (u16, u16) = (60, 16);
/// From this width on processors and spool have a column of their own.
const WIDE: u16 = 120;
/// Width of that column, with the line that divides it off.
const SIDE: u16 = 40;
/// From this width on that column is wide enough for histories of processors.
const VERY_WIDE: u16 = 190;
/// Its width then.
const WIDE_SIDE: u16 = 84;
/// Rows of the spool pane in that column.
const SPOOL_ROWS: u16 = 10;

/// The main screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// System, release, time.
    pub bar: Rect,
    /// Processors, storage and spool in one row.
    pub meters: Rect,
    /// The large pane: machines, or another when there is no column at the side. First row is its title.
    pub upper: Rect,
    /// Processors and spool, when there is room.
    pub side: Option<(Rect, Rect)>,
    /// The operator's console. First row is its title.
    pub messages: Rect,
    /// The command line.
    pub command: Rect,
    /// Function keys.
    pub legend: Rect,
}

/// One machine's console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console {
    /// Whose console.
    pub bar: Rect,
    /// Output.
    pub output: Rect,
    /// The input line.
    pub input: Rect,
    /// Function keys and, in the lower right corner, the state.
    pub legend: Rect,
}

fn row(area: Rect, y: u16, height: u16) -> Rect {
    Rect { y: area.y + y, height, ..area }
}

/// Divides the main screen.
pub fn screen(area: Rect) -> Screen {
    let body = area.height.saturating_sub(4);
    let high = (body * 3).div_ceil(5);
    let upper = row(area, 2, high);
    let (upper, side) = if area.width >= WIDE {
        let side = if area.width >= VERY_WIDE { WIDE_SIDE } else { SIDE };
        let width = area.width - side;
        let column = Rect { x: area.x + width, width: side, ..upper };
        let spool = SPOOL_ROWS.min(high / 2);
        let sides = (row(column, 0, high - spool), row(column, high - spool, spool));
        (Rect { width, ..upper }, Some(sides))
    } else {
        (upper, None)
    };
    Screen {
        bar: row(area, 0, 1),
        meters: row(area, 1, 1),
        upper,
        side,
        messages: row(area, 2 + high, body - high),
        command: row(area, area.height.saturating_sub(2), 1),
        legend: row(area, area.height.saturating_sub(1), 1),
    }
}

/// Divides the screen of one console.
pub fn console(area: Rect) -> Console {
    Console {
        bar: row(area, 0, 1),
        output: row(area, 1, area.height.saturating_sub(3)),
        input: row(area, area.height.saturating_sub(2), 1),
        legend: row(area, area.height.saturating_sub(1), 1),
    }
}

/// What is left of a pane below its title.
pub fn below_title(pane: Rect) -> Rect {
    Rect { y: pane.y + 1, height: pane.height.saturating_sub(1), ..pane }
}

/// Whether the terminal is too small to show anything.
pub fn too_small(area: Rect) -> bool {
    area.width < SMALLEST.0 || area.height < SMALLEST.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_belongs_to_exactly_one_pane_at_every_size() {
        for height in SMALLEST.1..120 {
            for width in [SMALLEST.0, 80, WIDE, VERY_WIDE, 300] {
                let area = Rect::new(0, 0, width, height);
                let s = screen(area);
                let mut panes = vec![s.bar, s.meters, s.upper, s.messages, s.command, s.legend];
                panes.extend(s.side.iter().flat_map(|&(a, b)| [a, b]));
                let covered: u32 = panes.iter().map(|pane| pane.area()).sum();
                assert_eq!(covered, area.area(), "{width}x{height}");
                assert!(panes.iter().all(|pane| area.intersection(*pane) == *pane));
                assert!(s.upper.height >= 4 && s.messages.height >= 3);
                let c = console(area);
                assert_eq!([c.bar, c.output, c.input, c.legend].iter().map(|r| r.height).sum::<u16>(), height);
            }
        }
    }
}
