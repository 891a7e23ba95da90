//! Which machines a picture of the system tells of: ordered, filtered and cut to the window that a screen shows. Pure.
//!
//! CP arranges its users here, the tests of the screen pretended ones. Nothing is formatted that is not shown.

use std::sync::Arc;

use crate::wire::{Cursor, MACHINES_MAX, MachineView, NAMES_MAX, Order, Snapshot, Window};

/// A machine, as far as it is ordered and filtered by.
pub trait Row {
    /// Whose.
    fn userid(&self) -> &str;

    /// What it is ordered by. Not asked for [`Order::Userid`].
    fn figure(&self, order: Order) -> Figure;

    /// Whether userid, state, system or console contain this text in lower case.
    fn has(&self, text: &str) -> bool;
}

/// What a row is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// An amount.
    Number(u64),
    /// A word.
    Text(String),
    /// A share: kind and hundredths.
    Share(Option<char>, u64),
}

impl Figure {
    /// A percentage; what is no number comes last.
    pub fn percent(percent: f32) -> Self {
        Self::Number(if percent.is_nan() { u64::MAX } else { (f64::from(percent.max(0.0)) * 1000.0) as u64 })
    }

    /// `A5%` before `R100` before `R1000`.
    pub fn share(text: &str) -> Self {
        let figure = text.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches('%');
        Self::Share(text.chars().next(), (figure.parse::<f64>().unwrap_or(0.0) * 100.0) as u64)
    }
}

/// Tells in `snapshot` what `window` asks for of machines that come in the order of their userids; `view` makes the view of one.
pub fn tell<R: Row>(snapshot: &mut Snapshot, all: &[R], window: &Window, view: impl Fn(&R) -> MachineView) {
    let arranged = arrange(all, window);
    snapshot.logged_on = all.len() as u64;
    snapshot.matching = arranged.matching;
    snapshot.first = arranged.first;
    snapshot.from = arranged.from;
    snapshot.machines = arranged.rows.iter().map(|&n| view(&all[n])).collect();
    snapshot.cursor = arranged.cursor.map(|(row, n)| (row, all[n].userid().to_owned()));
    snapshot.about = window.about.as_ref().and_then(|userid| find(all, userid)).map(|n| view(&all[n]));
    snapshot.names = window.naming.as_ref().map_or_else(Vec::new, |begin| names(all, begin));
}

/// Whether a userid is of a pattern in which `*` stands for any characters and `%` for one.
fn fits(pattern: &str, userid: &str) -> bool {
    let (pattern, userid) = (pattern.as_bytes(), userid.as_bytes());
    // Where the last star was, and up to where it stands for something: a pattern may be as long as a line.
    let (mut p, mut u, mut star) = (0, 0, None);
    while u < userid.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, u));
                p += 1;
            }
            Some(c) if *c == b'%' || *c == userid[u] => (p, u) = (p + 1, u + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, u) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Rows by their places in what was arranged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Arranged {
    /// How many pass the filter.
    matching: u64,
    /// First row of the window.
    first: u64,
    /// Row of the first of `rows`.
    from: u64,
    /// The window with its margins.
    rows: Vec<usize>,
    /// The chosen row, and who is in it.
    cursor: Option<(u64, usize)>,
}

fn arrange<R: Row>(all: &[R], window: &Window) -> Arranged {
    let wanted = window.filter.trim().to_lowercase();
    let pattern = wanted.contains(['*', '%']);
    let passes = |row: &R| if pattern { fits(&wanted, &row.userid().to_lowercase()) } else { wanted.is_empty() || row.has(&wanted) };
    let rows = ordered((0..all.len()).filter(|&n| passes(&all[n])), all, window);
    let height = window.rows.min(MACHINES_MAX) as usize;
    let cursor = window.cursor.as_ref().and_then(|cursor| row_of(cursor, all, &rows));
    let mut first = usize::try_from(window.first).unwrap_or(usize::MAX);
    if window.follow
        && let Some(row) = cursor
    {
        first = first.min(row).max((row + 1).saturating_sub(height));
    }
    first = first.min(rows.len().saturating_sub(height));
    let margin = (window.margin as usize).min((MACHINES_MAX as usize - height) / 2);
    let from = first.saturating_sub(margin);
    let to = (first + height + margin).min(rows.len());
    Arranged {
        matching: rows.len() as u64,
        first: first as u64,
        from: from as u64,
        cursor: cursor.map(|row| (row as u64, rows[row])),
        rows: rows[from..to].to_vec(),
    }
}

fn ordered<R: Row>(matching: impl Iterator<Item = usize>, all: &[R], window: &Window) -> Vec<usize> {
    if window.order == Order::Userid {
        let mut rows: Vec<usize> = matching.collect();
        if window.descending {
            rows.reverse();
        }
        return rows;
    }
    let mut keyed: Vec<(Figure, usize)> = matching.map(|n| (all[n].figure(window.order), n)).collect();
    // Equal figures keep the users' order, so that idle machines do not dance.
    match window.descending {
        false => keyed.sort_by(|(a, _), (b, _)| a.cmp(b)),
        true => keyed.sort_by(|(a, _), (b, _)| b.cmp(a)),
    }
    keyed.into_iter().map(|(_, n)| n).collect()
}

fn row_of<R: Row>(cursor: &Cursor, all: &[R], rows: &[usize]) -> Option<usize> {
    let found = cursor.userid.as_ref().and_then(|userid| rows.iter().position(|&n| all[n].userid() == userid));
    let row = found.unwrap_or_else(|| usize::try_from(cursor.row).unwrap_or(usize::MAX));
    rows.len().checked_sub(1).map(|last| row.min(last))
}

/// Where this user is among machines in the order of their userids.
fn find<R: Row>(all: &[R], userid: &str) -> Option<usize> {
    all.binary_search_by(|row| row.userid().cmp(userid)).ok()
}

/// Userids that begin so, in any case.
fn names<R: Row>(all: &[R], begin: &str) -> Vec<String> {
    let begins = |userid: &str| userid.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin));
    all.iter().map(Row::userid).filter(|userid| begins(userid)).take(NAMES_MAX).map(str::to_owned).collect()
}

impl<R: Row + ?Sized> Row for Arc<R> {
    fn userid(&self) -> &str {
        (**self).userid()
    }

    fn figure(&self, order: Order) -> Figure {
        (**self).figure(order)
    }

    fn has(&self, text: &str) -> bool {
        (**self).has(text)
    }
}

impl Row for MachineView {
    fn userid(&self) -> &str {
        &self.userid
    }

    fn figure(&self, order: Order) -> Figure {
        match order {
            Order::Userid => Figure::Text(self.userid.clone()),
            Order::State => Figure::Text(self.state.clone()),
            Order::Cpu => Figure::percent(self.cpu_percent),
            Order::VirtCpu => Figure::Number(self.virtual_us),
            Order::TotCpu => Figure::Number(self.total_us),
            Order::Storage => Figure::Number(self.storage),
            Order::Resident => Figure::Number(self.resident_pages),
            Order::Share => Figure::share(&self.share),
            Order::System => Figure::Text(self.system.clone()),
            Order::Console => Figure::Text(self.console.clone()),
        }
    }

    fn has(&self, wanted: &str) -> bool {
        [&self.userid, &self.state, &self.system, &self.console].into_iter().any(|text| text.to_lowercase().contains(wanted))
    }
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

    fn shown<'a>(machines: &'a [MachineView], window: &Window) -> Vec<&'a str> {
        arrange(machines, window).rows.into_iter().map(|n| machines[n].userid.as_str()).collect()
    }

    #[test]
    fn patterns_are_of_userids() {
        for (pattern, userid, fit) in [
            ("stud*", "student1", true),
            ("stud*", "astud", false),
            ("*1", "student1", true),
            ("s%ud*1", "student1", true),
            ("*d*n*", "student1", true),
            ("%", "ab", false),
            ("*", "", true),
            ("a*b*c", "axxbxx", false),
        ] {
            assert_eq!(fits(pattern, userid), fit, "{pattern} {userid}");
        }
    }

    #[test]
    fn orders_by_a_figure_from_the_largest_and_by_name_among_equals() {
        let machines = machines(&[("A", 0.0), ("B", 5.0), ("C", f32::NAN), ("D", 0.0)]);
        let mut window = Window { order: Order::Cpu, descending: true, ..Window::everything() };
        assert_eq!(shown(&machines, &window), ["C", "B", "A", "D"]);
        window.descending = false;
        assert_eq!(shown(&machines, &window), ["A", "D", "B", "C"]);
        window.order = Order::Userid;
        assert_eq!(shown(&machines, &window), ["A", "B", "C", "D"]);
        window.descending = true;
        assert_eq!(shown(&machines, &window), ["D", "C", "B", "A"]);
    }

    #[test]
    fn shares_are_ordered_by_kind_and_figure() {
        let mut machines = machines(&[("A", 0.0), ("B", 0.0), ("C", 0.0), ("D", 0.0)]);
        for (machine, share) in machines.iter_mut().zip(["R1000", "A10%", "R200", "A5.5%"]) {
            machine.share = share.into();
        }
        assert_eq!(shown(&machines, &Window { order: Order::Share, ..Window::everything() }), ["D", "B", "C", "A"]);
    }

    #[test]
    fn the_filter_looks_at_user_state_system_and_console() {
        let machines = machines(&[("MAINT", 0.0), ("OPERATOR", 0.0), ("RUNNER", 3.0)]);
        let filtered = |text: &str| shown(&machines, &Window { filter: text.into(), ..Window::everything() });
        assert_eq!(filtered(" Run "), ["RUNNER"]);
        assert_eq!(filtered("vm read"), ["MAINT", "OPERATOR"]);
        assert!(filtered("nobody").is_empty());
    }

    #[test]
    fn the_window_follows_a_chosen_user_and_stays_within_the_rows() {
        let all = machines(&[("A", 0.0), ("B", 5.0), ("C", 1.0)]);
        let chosen = |userid: &str, row| Some(Cursor { userid: Some(userid.into()), row });
        let mut window = Window { order: Order::Cpu, descending: true, rows: 2, cursor: chosen("A", 0), follow: true, ..Window::default() };
        let arranged = arrange(&all, &window);
        assert_eq!((arranged.first, arranged.cursor), (1, Some((2, 0))));
        assert_eq!(shown(&all, &window), ["C", "A"]);
        window.follow = false;
        assert_eq!(shown(&all, &window), ["B", "C"], "nobody looks at the chosen one");
        // Whoever has gone: the row is chosen.
        window.cursor = chosen("GONE", 1);
        assert_eq!(arrange(&all, &window).cursor, Some((1, 2)));
        window.cursor = Some(Cursor { userid: None, row: u64::MAX });
        window.first = u64::MAX;
        let arranged = arrange(&all, &window);
        assert_eq!((arranged.first, arranged.cursor), (1, Some((2, 0))));
        assert_eq!(arrange::<MachineView>(&[], &window), Arranged::default());
    }

    #[test]
    fn margins_are_told_too_and_no_more_than_a_frame_holds() {
        let all: Vec<MachineView> = (0..25_000).map(|n| MachineView { userid: format!("U{n:05}"), ..Default::default() }).collect();
        let window = Window { first: 100, rows: 10, margin: 10, ..Window::default() };
        let arranged = arrange(&all, &window);
        assert_eq!((arranged.first, arranged.from, arranged.rows.len(), arranged.matching), (100, 90, 30, 25_000));
        let greedy = Window { rows: u32::MAX, margin: u32::MAX, ..Window::default() };
        assert_eq!(arrange(&all, &greedy).rows.len(), MACHINES_MAX as usize);
        assert_eq!(find(&all, "U00077"), Some(77));
        assert_eq!(find(&all, "V"), None);
        assert_eq!(names(&all, "u0007").len(), 10);
        assert_eq!(names(&all, "").len(), NAMES_MAX);
        assert!(names(&all, "日").is_empty());
    }
}
