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
    /// It waits for something long.
    Dormant,
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
