//! The lines of a console that can be scrolled back to. Pure.

use std::collections::VecDeque;

use crate::wire::{Line, LineKind};

use super::text;

/// Lines kept; the oldest go first. CP keeps its own, longer record (the spooled console).
pub const LINES_MAX: usize = 5000;

/// A console's output, oldest first, and which part of it is looked at.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    lines: VecDeque<Line>,
    /// Lines that fell off the front: with it every line has a number that does not change.
    dropped: u64,
    /// Number of the line at the bottom of the window when scrolled back; none follows the output.
    held: Option<u64>,
}

/// One row of a window: a piece of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The piece.
    pub text: &'a str,
    /// Who spoke.
    pub kind: LineKind,
}

impl Transcript {
    /// Adds a line that arrived; it is made safe here.
    ///
    /// Input that answers a prompt joins the prompt's line, as it does on paper.
    pub fn push(&mut self, line: Line) {
        let text = text::clean(&line.text, text::LINE_MAX);
        if let Some(last) = self.lines.back_mut()
            && last.kind == LineKind::Prompt
            && line.kind == LineKind::Input
        {
            last.text.push_str(&text);
            last.kind = LineKind::Input;
            return;
        }
        if self.lines.len() >= LINES_MAX {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(Line { text, kind: line.kind });
    }

    /// Lines below the window: 0 when it follows the output.
    pub fn below(&self) -> u64 {
        self.held.map_or(0, |held| self.last().saturating_sub(held))
    }

    /// Whether the window stays where it is while output arrives.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Follows the output again.
    pub fn release(&mut self) {
        self.held = None;
    }

    /// The window's rows, top first, at most `height` of them.
    pub fn window(&self, width: u16, height: u16) -> Vec<Row<'_>> {
        self.window_from(self.bottom(width, height), width, height).0
    }

    /// One page (less a line of overlap) towards the oldest line.
    pub fn back(&mut self, width: u16, height: u16) {
        let (_, top) = self.window_from(self.bottom(width, height), width, height);
        self.hold(top.max(self.highest_bottom(width, height)));
    }

    /// One page towards the newest line; at the end it follows the output again.
    pub fn forward(&mut self, width: u16, height: u16) {
        let Some(held) = self.held else { return };
        let (mut bottom, mut rows) = (held, 0);
        while bottom < self.last() {
            let next = self.line(bottom + 1).map_or(1, |line| text::wrap(&line.text, width.into()).len());
            rows += next;
            if rows >= usize::from(height) && bottom > held {
                break;
            }
            bottom += 1;
        }
        self.hold(bottom);
    }

    /// To the oldest line.
    pub fn oldest(&mut self, width: u16, height: u16) {
        self.hold(self.highest_bottom(width, height));
    }

    fn hold(&mut self, bottom: u64) {
        self.held = (bottom < self.last()).then_some(bottom);
    }

    /// Number of the newest line; numbers start with 1.
    fn last(&self) -> u64 {
        self.dropped + self.lines.len() as u64
    }

    /// The line at the bottom of the window: never so near the oldest that the window is not full.
    fn bottom(&self, width: u16, height: u16) -> u64 {
        self.held.map_or(self.last(), |held| held.max(self.highest_bottom(width, height)).min(self.last()))
    }

    fn line(&self, number: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(number.checked_sub(self.dropped + 1)?).ok()?)
    }

    /// The lowest line number that fills the window when it stands at the bottom.
    fn highest_bottom(&self, width: u16, height: u16) -> u64 {
        let (mut rows, mut number) = (0, self.dropped);
        for line in &self.lines {
            rows += text::wrap(&line.text, width.into()).len();
            if rows > usize::from(height) {
                break;
            }
            number += 1;
        }
        number.max(self.dropped + 1)
    }

    /// Rows that end with line `bottom`, and the number of the topmost line shown whole or in part.
    fn window_from(&self, bottom: u64, width: u16, height: u16) -> (Vec<Row<'_>>, u64) {
        let height = usize::from(height);
        let (mut rows, mut number) = (Vec::new(), bottom);
        while let Some(line) = self.line(number) {
            rows.extend(text::wrap(&line.text, width.into()).into_iter().rev().map(|text| Row { text, kind: line.kind }));
            if rows.len() >= height {
                break;
            }
            number -= 1;
        }
        rows.truncate(height);
        rows.reverse();
        (rows, number.max(self.dropped + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Line {
        Line { text: text.into(), kind: LineKind::Cp }
    }

    fn counted(lines: usize) -> Transcript {
        let mut transcript = Transcript::default();
        (1..=lines).for_each(|n| transcript.push(said(&n.to_string())));
        transcript
    }

    fn shown(transcript: &Transcript) -> Vec<&str> {
        transcript.window(10, 3).into_iter().map(|row| row.text).collect()
    }

    #[test]
    fn the_window_follows_the_output_until_it_is_scrolled() {
        let mut transcript = counted(9);
        assert_eq!(shown(&transcript), ["7", "8", "9"]);
        transcript.back(10, 3);
        assert_eq!(shown(&transcript), ["5", "6", "7"]);
        transcript.push(said("10"));
        assert_eq!(shown(&transcript), ["5", "6", "7"], "new output does not move it");
        assert_eq!(transcript.below(), 3);
        transcript.forward(10, 3);
        assert_eq!(shown(&transcript), ["7", "8", "9"]);
        transcript.forward(10, 3);
        assert!(!transcript.is_held());
    }

    #[test]
    fn scrolling_stops_at_the_first_full_page() {
        let mut transcript = counted(5);
        (0..10).for_each(|_| transcript.back(10, 3));
        assert_eq!(shown(&transcript), ["1", "2", "3"]);
        transcript.release();
        transcript.oldest(10, 3);
        assert_eq!(shown(&transcript), ["1", "2", "3"]);
    }

    #[test]
    fn long_lines_take_as_many_rows_as_they_need() {
        let mut transcript = counted(1);
        transcript.push(said("abcdefghijklm"));
        assert_eq!(shown(&transcript), ["1", "abcdefghij", "klm"]);
        assert_eq!(transcript.window(10, 2).len(), 2);
    }

    #[test]
    fn old_lines_go_and_a_held_window_is_pushed_along() {
        let mut transcript = counted(LINES_MAX);
        transcript.oldest(10, 3);
        assert_eq!(shown(&transcript), ["1", "2", "3"]);
        (0..10).for_each(|_| transcript.push(said("new")));
        assert_eq!(shown(&transcript), ["11", "12", "13"], "what was looked at is gone; the oldest page is shown");
    }

    #[test]
    fn an_answer_stands_behind_its_prompt() {
        let mut transcript = Transcript::default();
        transcript.push(Line { text: "Enter name: ".into(), kind: LineKind::Prompt });
        transcript.push(Line { text: "ada".into(), kind: LineKind::Input });
        transcript.push(Line { text: "q time".into(), kind: LineKind::Input });
        assert_eq!(shown(&transcript), ["Enter name", ": ada", "q time"]);
    }

    #[test]
    fn an_empty_transcript_can_be_scrolled_every_way() {
        let mut transcript = Transcript::default();
        transcript.back(10, 3);
        transcript.forward(10, 3);
        transcript.oldest(10, 3);
        assert!(shown(&transcript).is_empty());
        assert_eq!(transcript.below(), 0);
    }
}
