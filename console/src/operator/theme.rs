//! Colours and weights. The sixteen colours of the terminal's own palette, so that light and dark terminals both work; without colour
//! the same differences are carried by bold, reverse and underline.

use ratatui::style::{Color, Modifier, Style};

use crate::wire::LineKind;

/// The styles of the screen.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    color: bool,
}

impl Theme {
    /// With colour, or with weights only.
    pub fn new(color: bool) -> Self {
        Self { color }
    }

    fn pick(self, color: Color, without: Modifier) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new().add_modifier(without) }
    }

    /// The first row.
    pub fn bar(self) -> Style {
        if self.color {
            Style::new().fg(Color::White).bg(Color::Blue).add_modifier(Modifier::BOLD)
        } else {
            Style::new().add_modifier(Modifier::REVERSED)
        }
    }

    /// Lines between panes, and what is not important now.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The name of a pane or a column.
    pub fn heading(self) -> Style {
        self.pick(Color::Cyan, Modifier::BOLD)
    }

    /// The name of the pane that keys go to.
    pub fn active(self) -> Style {
        self.heading().add_modifier(Modifier::REVERSED)
    }

    /// A key in the legend.
    pub fn key(self) -> Style {
        self.pick(Color::Cyan, Modifier::BOLD)
    }

    /// The chosen row while keys go to the table.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A bar by how full it is, in percent.
    pub fn load(self, percent: f32) -> Style {
        match percent {
            p if p >= 95.0 => self.pick(Color::Red, Modifier::BOLD),
            p if p >= 80.0 => self.pick(Color::Yellow, Modifier::empty()),
            _ => self.pick(Color::Green, Modifier::empty()),
        }
    }

    /// The state of a machine in the table.
    pub fn state(self, state: &str) -> Style {
        match state {
            "running" | "RUNNING" | "ready" => self.pick(Color::Green, Modifier::BOLD),
            "CP READ" => self.pick(Color::Yellow, Modifier::empty()),
            _ => Style::new(),
        }
    }

    /// A console line by who speaks.
    pub fn line(self, kind: LineKind) -> Style {
        match kind {
            LineKind::Cp => self.pick(Color::Cyan, Modifier::empty()),
            LineKind::Guest => Style::new(),
            LineKind::Prompt => Style::new().add_modifier(Modifier::BOLD),
            LineKind::Message => self.pick(Color::Yellow, Modifier::BOLD),
            LineKind::Warning => self.pick(Color::LightRed, Modifier::REVERSED).add_modifier(Modifier::BOLD),
            LineKind::Input => self.pick(Color::Green, Modifier::UNDERLINED),
        }
    }

    /// A hint that stands for some seconds.
    pub fn hint(self) -> Style {
        self.pick(Color::Yellow, Modifier::BOLD)
    }

    /// What must not be missed.
    pub fn alarm(self) -> Style {
        self.pick(Color::LightRed, Modifier::REVERSED).add_modifier(Modifier::BOLD)
    }
}
