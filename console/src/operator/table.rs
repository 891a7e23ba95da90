//! Which machines the table shows, in which order, and which one is chosen. Pure.

use std::cmp::Ordering;

use crate::wire::MachineView;

/// What the table is ordered by: one per column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// User identification.
    #[default]
    Userid,
    /// Run state.
    State,
    /// Percent of a processor.
    Cpu,
    /// Virtual processor time.
    VirtCpu,
    /// Virtual and CP time.
    TotCpu,
    /// Defined storage.
    Storage,
    /// Storage resident in real frames.
    Resident,
    /// Share of the processors.
    Share,
    /// The system that was IPLed.
    System,
    /// Where the console is.
    Console,
}

impl Key {
    /// All, in the order of the columns.
    pub const ALL: [Self; 10] = [
        Self::Userid,
        Self::State,
        Self::Cpu,
        Self::VirtCpu,
        Self::TotCpu,
        Self::Storage,
        Self::Resident,
        Self::Share,
        Self::System,
        Self::Console,
    ];

    /// Heading of the column.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Userid => "Userid",
            Self::State => "State",
            Self::Cpu => "CPU%",
            Self::VirtCpu => "VIRTCPU",
            Self::TotCpu => "TOTCPU",
            Self::Storage => "Storage",
            Self::Resident => "Resident",
            Self::Share => "Share",
            Self::System => "System",
            Self::Console => "Console",
        }
    }

    /// Figures are looked at from the largest.
    pub fn largest_first(self) -> bool {
        matches!(self, Self::Cpu | Self::VirtCpu | Self::TotCpu | Self::Storage | Self::Resident)
    }

    fn compare(self, a: &MachineView, b: &MachineView) -> Ordering {
        match self {
            Self::Userid => a.userid.cmp(&b.userid),
            Self::State => a.state.cmp(&b.state),
            Self::Cpu => a.cpu_percent.total_cmp(&b.cpu_percent),
            Self::VirtCpu => a.virtual_us.cmp(&b.virtual_us),
            Self::TotCpu => a.total_us.cmp(&b.total_us),
            Self::Storage => a.storage.cmp(&b.storage),
            Self::Resident => a.resident_pages.cmp(&b.resident_pages),
            Self::Share => {
                let (a, b) = (share(&a.share), share(&b.share));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            }
            Self::System => a.system.cmp(&b.system),
            Self::Console => a.console.cmp(&b.console),
        }
    }
}

/// A share as kind and figure: `A5%` before `R100` before `R1000`.
fn share(text: &str) -> (Option<char>, f64) {
    let figure = text.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches('%');
    (text.chars().next(), figure.parse().unwrap_or(0.0))
}

/// The arrangement of the machines table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What the rows are ordered by.
    pub key: Key,
    /// The order is turned round.
    pub descending: bool,
    /// Only machines with this in userid, state, system or console are shown; any case.
    pub filter: String,
    /// Indexes into the snapshot's machines, in the order shown.
    rows: Vec<usize>,
    /// The chosen user; stays the same user while rows move.
    chosen: Option<String>,
    /// Row of the chosen user.
    cursor: usize,
    /// First row in the window.
    top: usize,
}

impl Table {
    /// Orders by `key`, the natural way round for it.
    pub fn order_by(&mut self, key: Key) {
        self.key = key;
        self.descending = key.largest_first();
    }

    /// Orders by the neighbouring column among `keys`; past the last comes the first.
    pub fn order_by_neighbour(&mut self, keys: &[Key], right: bool) {
        let at = keys.iter().position(|key| *key == self.key).unwrap_or(0);
        let next = if right { at + 1 } else { at + keys.len() - 1 };
        if let Some(key) = keys.get(next % keys.len().max(1)) {
            self.order_by(*key);
        }
    }

    /// Works out the rows for a new snapshot, order or filter. `follow` keeps the chosen user in the window.
    pub fn arrange(&mut self, machines: &[MachineView], height: usize, follow: bool) {
        let wanted = self.filter.trim().to_lowercase();
        self.rows.clear();
        self.rows.extend((0..machines.len()).filter(|&n| matches(&machines[n], &wanted)));
        let (key, descending) = (self.key, self.descending);
        self.rows.sort_by(|&a, &b| {
            let (a, b) = (&machines[a], &machines[b]);
            let order = key.compare(a, b);
            let order = if descending { order.reverse() } else { order };
            // Equal figures keep the users' order, so that idle machines do not dance.
            order.then_with(|| a.userid.cmp(&b.userid))
        });
        if let Some(chosen) = &self.chosen {
            let found = self.rows.iter().position(|&n| machines[n].userid == *chosen);
            self.choose(found.unwrap_or(self.cursor), machines);
        }
        self.settle(height, follow);
    }

    /// Moves the choice by `rows`; chooses the first in the window when none was chosen.
    pub fn step(&mut self, rows: isize, machines: &[MachineView], height: usize) {
        let from = if self.chosen.is_some() { self.cursor.saturating_add_signed(rows) } else { self.top };
        self.choose(from, machines);
        self.settle(height, true);
    }

    /// Rows that pass the filter.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The chosen user.
    pub fn chosen(&self) -> Option<&str> {
        self.chosen.as_deref()
    }

    /// Rows of the window as (number of the row, index of the machine).
    pub fn window(&self, height: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.rows.iter().copied().enumerate().skip(self.top).take(height)
    }

    /// Rows above and below the window.
    pub fn hidden(&self, height: usize) -> (usize, usize) {
        (self.top, self.rows.len().saturating_sub(self.top + height))
    }

    /// Whether this row is the chosen one.
    pub fn is_chosen(&self, row: usize) -> bool {
        self.chosen.is_some() && row == self.cursor
    }

    fn choose(&mut self, row: usize, machines: &[MachineView]) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
        self.chosen = self.rows.get(self.cursor).map(|&n| machines[n].userid.clone());
    }

    /// Keeps the window within the rows and, if asked, around the chosen one.
    fn settle(&mut self, height: usize, follow: bool) {
        if follow && self.chosen.is_some() {
            self.top = self.top.min(self.cursor).max((self.cursor + 1).saturating_sub(height));
        }
        self.top = self.top.min(self.rows.len().saturating_sub(height));
    }
}

fn matches(machine: &MachineView, wanted: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    wanted.is_empty() || has(&machine.userid) || has(&machine.state) || has(&machine.system) || has(&machine.console)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines(of: &[(&str, f32)]) -> Vec<MachineView> {
        let view = |&(userid, cpu): &(&str, f32)| MachineView {
            userid: userid.into(),
            cpu_percent: cpu,
            state: if cpu > 0.0 { "running" } else { "VM READ" }.into(),
            ..Default::default()
        };
        of.iter().map(view).collect()
    }

    fn shown<'a>(table: &Table, machines: &'a [MachineView], height: usize) -> Vec<&'a str> {
        table.window(height).map(|(_, n)| machines[n].userid.as_str()).collect()
    }

    #[test]
    fn orders_by_a_figure_from_the_largest_and_by_name_among_equals() {
        let machines = machines(&[("D", 0.0), ("B", 5.0), ("A", 0.0), ("C", f32::NAN)]);
        let mut table = Table::default();
        table.order_by(Key::Cpu);
        table.arrange(&machines, 9, false);
        assert_eq!(shown(&table, &machines, 9), ["C", "B", "A", "D"]);
        table.descending = false;
        table.arrange(&machines, 9, false);
        assert_eq!(shown(&table, &machines, 9), ["A", "D", "B", "C"]);
    }

    #[test]
    fn shares_are_ordered_by_kind_and_figure() {
        let mut machines = machines(&[("A", 0.0), ("B", 0.0), ("C", 0.0), ("D", 0.0)]);
        for (machine, share) in machines.iter_mut().zip(["R1000", "A10%", "R200", "A5.5%"]) {
            machine.share = share.into();
        }
        let mut table = Table::default();
        table.order_by(Key::Share);
        table.arrange(&machines, 9, false);
        assert_eq!(shown(&table, &machines, 9), ["D", "B", "C", "A"]);
    }

    #[test]
    fn the_filter_looks_at_user_state_system_and_console() {
        let machines = machines(&[("MAINT", 0.0), ("OPERATOR", 0.0), ("RUNNER", 3.0)]);
        let mut table = Table { filter: " Run ".into(), ..Default::default() };
        table.arrange(&machines, 9, false);
        assert_eq!(shown(&table, &machines, 9), ["RUNNER"]);
        table.filter = "vm read".into();
        table.arrange(&machines, 9, false);
        assert_eq!(shown(&table, &machines, 9), ["MAINT", "OPERATOR"]);
    }

    #[test]
    fn the_chosen_user_stays_chosen_while_rows_move() {
        let mut all = machines(&[("A", 9.0), ("B", 5.0), ("C", 1.0)]);
        let mut table = Table::default();
        table.order_by(Key::Cpu);
        table.arrange(&all, 2, true);
        table.step(0, &all, 2);
        assert_eq!(table.chosen(), Some("A"));
        all[0].cpu_percent = 0.0;
        table.arrange(&all, 2, true);
        assert_eq!(table.chosen(), Some("A"));
        assert_eq!(shown(&table, &all, 2), ["C", "A"], "the window followed");
    }

    #[test]
    fn when_the_chosen_user_leaves_the_next_row_is_chosen() {
        let all = machines(&[("A", 0.0), ("B", 0.0), ("C", 0.0)]);
        let mut table = Table::default();
        table.arrange(&all, 9, true);
        table.step(0, &all, 9);
        table.step(1, &all, 9);
        let fewer = machines(&[("A", 0.0), ("C", 0.0)]);
        table.arrange(&fewer, 9, true);
        assert_eq!(table.chosen(), Some("C"));
        table.arrange(&[], 9, true);
        assert_eq!(table.chosen(), None);
        table.step(5, &[], 9);
        assert_eq!(table.chosen(), None);
    }

    #[test]
    fn the_neighbouring_column_wraps_round() {
        let mut table = Table::default();
        table.order_by_neighbour(&Key::ALL, false);
        assert_eq!(table.key, Key::Console);
        table.order_by_neighbour(&Key::ALL, true);
        assert_eq!(table.key, Key::Userid);
    }
}
