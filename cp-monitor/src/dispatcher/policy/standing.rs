//! The scheduler as displays see it.

use super::MachineId;

/// Which list a machine is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// It is ready, runs or pauses: `Q`.
    Dispatch,
    /// In the dispatch list, and has had its maximum share: `L`.
    Limit,
    /// Storage has no room for it: `E`.
    Eligible,
}

/// What a machine in the dispatch list does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It is ready.
    Ready,
    /// It waits, and its transaction is not over.
    Idle,
}

/// Where one machine stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Which.
    pub id: MachineId,
    /// Its list.
    pub list: List,
    /// Class of its transaction: 0 for QUICKDSP, 1 to 3.
    pub class: u8,
    /// What it does.
    pub state: State,
    /// It has interactive bias.
    pub bias: bool,
    /// Seconds by which it is ahead of what it is due; negative when it is behind.
    pub lead: f64,
}

/// How many machines are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Members of the dispatch list of class 0 to 3.
    pub dispatch: [usize; 4],
    /// Of these, loading.
    pub loading: [usize; 4],
    /// Members of the eligible list of class 1 to 3.
    pub eligible: [usize; 3],
    /// Dormant machines.
    pub dormant: usize,
    /// Members of the limit list.
    pub limited: usize,
    /// Machines that are ready and wait for a processor.
    pub ready: usize,
}

/// Who was active in an interval, by where it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// In the dispatch list.
    pub dispatch: usize,
    /// On the eligible list.
    pub eligible: usize,
    /// Dormant by now.
    pub dormant: usize,
}
