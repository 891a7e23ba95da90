//! Colours and weights. The sixteen colours of the terminal's own palette; without colour the same differences are carried by bold, reverse
//! and underline.

use ratatui::style::{Color, Modifier, Style};

use crate::wire::LineKind;

/// How the screen looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// For terminals with a dark background.
    #[default]
    Dark,
    /// For terminals with a light background.
    Light,
    /// Black and white with strong marks, nothing faint.
    Contrast,
    /// No colour at all.
    Plain,
}

impl Look {
    /// All, in the order that Ctrl-T goes through.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::Contrast, Self::Plain];

    /// As options and hints name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
            Self::Plain => "plain",
        }
    }
}

/// What a style is for.
#[derive(Clone, Copy)]
enum Tone {
    Heading,
    Calm,
    Notice,
    Danger,
    Spoken,
    Typed,
}

/// The styles of the screen.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    look: Look,
}

impl Theme {
    /// In that look.
    pub fn new(look: Look) -> Self {
        Self { look }
    }

    /// The look.
    pub fn look(self) -> Look {
        self.look
    }

    /// The look after this one.
    pub fn next(self) -> Self {
        let at = Look::ALL.iter().position(|look| *look == self.look).unwrap_or(0);
        Self::new(Look::ALL[(at + 1) % Look::ALL.len()])
    }

    /// The colour of a tone, or the weight where there is none.
    fn pick(self, tone: Tone, without: Modifier) -> Style {
        let color = match (self.look, tone) {
            (Look::Plain, _) => return Style::new().add_modifier(without),
            (Look::Contrast, Tone::Notice | Tone::Danger) => {
                return Style::new().fg(Color::LightYellow).add_modifier(Modifier::BOLD | without);
            }
            (Look::Contrast, _) => return Style::new().fg(Color::White).add_modifier(Modifier::BOLD | without),
            (Look::Dark, Tone::Heading | Tone::Spoken) => Color::Cyan,
            (Look::Dark, Tone::Calm | Tone::Typed) => Color::Green,
            (Look::Dark, Tone::Notice) => Color::Yellow,
            (Look::Dark, Tone::Danger) => Color::LightRed,
            (Look::Light, Tone::Heading | Tone::Spoken) => Color::Blue,
            (Look::Light, Tone::Calm | Tone::Typed) => Color::Green,
            // Yellow on white cannot be read.
            (Look::Light, Tone::Notice) => Color::Magenta,
            (Look::Light, Tone::Danger) => Color::Red,
        };
        Style::new().fg(color)
    }

    /// The first row.
    pub fn bar(self) -> Style {
        match self.look {
            Look::Dark | Look::Light => Style::new().fg(Color::White).bg(Color::Blue).add_modifier(Modifier::BOLD),
            Look::Contrast => Style::new().fg(Color::Black).bg(Color::White).add_modifier(Modifier::BOLD),
            Look::Plain => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// Lines between panes, and what is not important now.
    pub fn faint(self) -> Style {
        match self.look {
            Look::Contrast => Style::new(),
            _ => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// The name of a pane or a column.
    pub fn heading(self) -> Style {
        self.pick(Tone::Heading, Modifier::BOLD)
    }

    /// The name of the pane that keys go to.
    pub fn active(self) -> Style {
        self.heading().add_modifier(Modifier::REVERSED)
    }

    /// A key in the legend.
    pub fn key(self) -> Style {
        self.pick(Tone::Heading, Modifier::BOLD)
    }

    /// The chosen row while keys go to the table.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A bar by how full it is, in percent.
    pub fn load(self, percent: f32) -> Style {
        match percent {
            p if p >= 95.0 && self.look == Look::Dark => Style::new().fg(Color::Red),
            p if p >= 95.0 => self.pick(Tone::Danger, Modifier::BOLD),
            p if p >= 80.0 => self.pick(Tone::Notice, Modifier::empty()),
            _ => self.pick(Tone::Calm, Modifier::empty()),
        }
    }

    /// The state of a machine in the table.
    pub fn state(self, state: &str) -> Style {
        match state {
            "running" | "RUNNING" | "ready" => self.pick(Tone::Calm, Modifier::BOLD),
            "CP READ" => self.pick(Tone::Notice, Modifier::empty()),
            _ => Style::new(),
        }
    }

    /// A console line by who speaks.
    pub fn line(self, kind: LineKind) -> Style {
        match kind {
            LineKind::Cp => self.pick(Tone::Spoken, Modifier::empty()),
            LineKind::Guest => Style::new(),
            LineKind::Prompt => Style::new().add_modifier(Modifier::BOLD),
            LineKind::Message => self.pick(Tone::Notice, Modifier::BOLD),
            LineKind::Warning => self.alarm(),
            LineKind::Input => self.pick(Tone::Typed, Modifier::UNDERLINED),
        }
    }

    /// A hint that stands for some seconds.
    pub fn hint(self) -> Style {
        self.pick(Tone::Notice, Modifier::BOLD)
    }

    /// What must not be missed.
    pub fn alarm(self) -> Style {
        self.pick(Tone::Danger, Modifier::REVERSED).add_modifier(Modifier::BOLD)
    }
}
