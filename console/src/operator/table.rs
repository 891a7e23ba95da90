//! What part of the machines the table shows, in which order, and which one is chosen. Pure; CP orders and filters them (`picture`).

use crate::wire::{Cursor, Order, Snapshot, Window};

impl Order {
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
}

/// The arrangement of the machines table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What the rows are ordered by.
    pub order: Order,
    /// The order is turned round.
    pub descending: bool,
    /// Only machines with this in userid, state, system or console are shown; any case.
    pub filter: String,
    /// Rows that pass the filter.
    matching: usize,
    /// Row of the first machine that CP told of, and how many it told of.
    from: usize,
    told: usize,
    /// The chosen user; stays the same user while rows move. None while CP is asked who is in the chosen row.
    chosen: Option<String>,
    /// Row of the choice, when there is one.
    cursor: Option<usize>,
    /// First row in the window.
    top: usize,
}

impl Table {
    /// Orders by `key`, the natural way round for it.
    pub fn order_by(&mut self, order: Order) {
        self.order = order;
        self.descending = order.largest_first();
    }

    /// Orders by the neighbouring column among `orders`; past the last comes the first.
    pub fn order_by_neighbour(&mut self, orders: &[Order], right: bool) {
        let at = orders.iter().position(|order| *order == self.order).unwrap_or(0);
        let next = if right { at + 1 } else { at + orders.len() - 1 };
        if let Some(order) = orders.get(next % orders.len().max(1)) {
            self.order_by(*order);
        }
    }

    /// What CP is to tell for a window of `height` rows; `follow` keeps the chosen user in it.
    pub fn window(&self, height: usize, follow: bool) -> Window {
        let rows = u32::try_from(height).unwrap_or(u32::MAX);
        Window {
            order: self.order,
            descending: self.descending,
            filter: self.filter.clone(),
            first: self.top as u64,
            rows,
            // One page on either side: the next key finds its rows here.
            margin: rows,
            cursor: self.cursor.map(|row| Cursor { userid: self.chosen.clone(), row: row as u64 }),
            follow,
            ..Window::default()
        }
    }

    /// Takes what CP told.
    pub fn take(&mut self, snapshot: &Snapshot) {
        // What a peer claims is kept small enough to count on from.
        let row = |row: u64| row.min(u32::MAX.into()) as usize;
        self.matching = row(snapshot.matching).max(snapshot.machines.len());
        (self.from, self.told) = (row(snapshot.from).min(self.matching - snapshot.machines.len()), snapshot.machines.len());
        self.top = row(snapshot.first).min(self.matching);
        if self.cursor.is_some() {
            self.cursor = snapshot.cursor.as_ref().map(|(at, _)| row(*at));
            self.chosen = snapshot.cursor.as_ref().map(|(_, userid)| userid.clone());
        }
    }

    /// Moves the choice by `rows`; chooses the first in the window when none was chosen. Says whether CP must be asked for what is shown then.
    pub fn step(&mut self, rows: isize, snapshot: &Snapshot, height: usize) -> bool {
        let Some(last) = self.matching.checked_sub(1) else { return false };
        let row = self.cursor.map_or(self.top, |cursor| cursor.saturating_add_signed(rows)).min(last);
        self.cursor = Some(row);
        self.chosen = row.checked_sub(self.from).and_then(|n| snapshot.machines.get(n)).map(|machine| machine.userid.clone());
        let before = self.top;
        self.top = self.top.min(row).max((row + 1).saturating_sub(height)).min(self.matching.saturating_sub(height));
        self.top != before || self.chosen.is_none()
    }

    /// Rows that pass the filter.
    pub fn len(&self) -> usize {
        self.matching
    }

    /// The chosen user.
    pub fn chosen(&self) -> Option<&str> {
        self.chosen.as_deref()
    }

    /// Rows of the window, as far as CP told of them: row of the window, number of the row, index of the machine.
    pub fn shown(&self, height: usize) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let told = self.from..self.from + self.told;
        (0..height).map(|y| (y, self.top + y)).filter(move |(_, row)| told.contains(row)).map(|(y, row)| (y, row, row - self.from))
    }

    /// Rows above and below the window.
    pub fn hidden(&self, height: usize) -> (usize, usize) {
        (self.top, self.matching.saturating_sub(self.top + height))
    }

    /// Row of the choice.
    pub fn chosen_row(&self) -> Option<usize> {
        self.cursor
    }

    /// Whether this row is the chosen one.
    pub fn is_chosen(&self, row: usize) -> bool {
        self.cursor == Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tell;
    use crate::wire::MachineView;

    /// CP's answer about these users.
    fn told(of: &[&str], window: &Window) -> Snapshot {
        let machines: Vec<MachineView> =
            of.iter().map(|userid| MachineView { userid: (*userid).into(), ..MachineView::default() }).collect();
        let mut snapshot = Snapshot::default();
        tell(&mut snapshot, &machines, window, MachineView::clone);
        snapshot
    }

    fn rows<'a>(table: &Table, snapshot: &'a Snapshot, height: usize) -> Vec<&'a str> {
        table.shown(height).map(|(_, _, n)| snapshot.machines[n].userid.as_str()).collect()
    }

    #[test]
    fn a_step_to_a_row_that_was_not_told_asks_who_is_there() {
        let users = ["A", "B", "C", "D", "E", "F", "G", "H"];
        let mut table = Table::default();
        let mut snapshot = told(&users, &table.window(2, true));
        table.take(&snapshot);
        assert_eq!((rows(&table, &snapshot, 2), snapshot.machines.len()), (vec!["A", "B"], 4));
        assert!(!table.step(0, &snapshot, 2) && !table.step(1, &snapshot, 2));
        assert_eq!(table.chosen(), Some("B"));
        assert!(table.step(1, &snapshot, 2), "the window moved: its margin is to be told");
        assert_eq!((table.chosen(), rows(&table, &snapshot, 2)), (Some("C"), vec!["B", "C"]));
        assert!(table.step(isize::MAX, &snapshot, 2));
        assert_eq!((table.chosen(), rows(&table, &snapshot, 2)), (None, vec![]), "nothing is shown that is not known");
        snapshot = told(&users, &table.window(2, true));
        table.take(&snapshot);
        assert_eq!((table.chosen(), rows(&table, &snapshot, 2)), (Some("H"), vec!["G", "H"]));
        assert_eq!(table.hidden(2), (6, 0));
    }

    #[test]
    fn when_the_chosen_user_leaves_the_next_row_is_chosen() {
        let mut table = Table::default();
        let snapshot = told(&["A", "B", "C"], &table.window(9, true));
        table.take(&snapshot);
        table.step(0, &snapshot, 9);
        table.step(1, &snapshot, 9);
        table.take(&told(&["A", "C"], &table.window(9, true)));
        assert_eq!(table.chosen(), Some("C"));
        table.take(&told(&[], &table.window(9, true)));
        assert_eq!(table.chosen(), None);
        assert!(!table.step(5, &Snapshot::default(), 9));
        assert_eq!(table.chosen(), None);
    }

    #[test]
    fn whatever_cp_claims_stays_within_bounds() {
        let mut table = Table::default();
        let claim = Snapshot {
            matching: 1,
            first: u64::MAX,
            from: u64::MAX,
            cursor: Some((u64::MAX, "X".into())),
            ..told(&["A"], &Window::everything())
        };
        table.cursor = Some(0);
        table.take(&claim);
        assert!(table.shown(9).all(|(_, _, n)| n < claim.machines.len()));
        table.step(isize::MIN, &claim, 9);
        table.step(isize::MAX, &claim, 0);
        assert!(table.shown(9).all(|(_, _, n)| n < claim.machines.len()));
    }

    #[test]
    fn the_neighbouring_column_wraps_round() {
        let mut table = Table::default();
        table.order_by_neighbour(&Order::ALL, false);
        assert_eq!(table.order, Order::Console);
        table.order_by_neighbour(&Order::ALL, true);
        assert_eq!(table.order, Order::Userid);
    }
}
