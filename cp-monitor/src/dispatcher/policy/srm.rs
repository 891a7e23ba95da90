//! The settings of SET SRM.

use std::time::Duration;

/// The system resource manager's settings, with z/VM's names and defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Srm {
    /// DSPSLICE: the longest slice of a machine that others wait behind. 5 ms: long enough that a switch (tens of microseconds) is noise, short
    /// enough that nobody feels two of them.
    pub slice: Duration,
    /// IABIAS intensity: of 100 choices, so many go to machines with interactive bias although others wait.
    pub bias_intensity: u32,
    /// IABIAS duration: slices that a machine may use with bias after a console line.
    pub bias_slices: u32,
    /// STORBUF: percent of pageable storage that the working sets of transactions of class 1 and up, 2 and up, 3 may have.
    pub storage: [u32; 3],
    /// LDUBUF: percent of the paging capacity that loading users of class 1 and up, 2 and up, 3 may take.
    pub loading: [u32; 3],
    /// DSPBUF: most members of the dispatch list of class 1 and up, 2 and up, 3.
    pub members: [u32; 3],
}

impl Default for Srm {
    fn default() -> Self {
        Self {
            slice: Duration::from_millis(5),
            bias_intensity: 90,
            bias_slices: 2,
            storage: [300, 250, 200],
            loading: [100, 75, 60],
            members: [32767; 3],
        }
    }
}
