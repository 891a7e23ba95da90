//! What a user is entitled to, and what follows for one virtual processor.

use crate::directory::{Share, ShareAmount, ShareLimit, UserEntry};

/// What SHARE and QUICKDSP say of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entitlement {
    /// Share of the real processors.
    pub share: Share,
    /// Never on the eligible list.
    pub quickdsp: bool,
}

/// Weights are in this fixed point, as z/VM's are: 65536 is RELATIVE 1, or a tenth of a percent.
pub(super) const UNIT: u64 = 65_536;

/// Most that ABSOLUTE shares are given while users with RELATIVE shares want to run, in tenths of a percent: the others must not starve.
const ABSOLUTE_MOST: u64 = 990;

/// The two classes of shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Absolute,
    Relative,
}

impl Entitlement {
    /// What the directory says.
    pub fn of(entry: &UserEntry) -> Self {
        Self { share: entry.share, quickdsp: entry.options.quickdsp }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.share.normal {
            ShareAmount::Absolute { .. } => Kind::Absolute,
            ShareAmount::Relative(_) => Kind::Relative,
        }
    }

    /// Weight in its class of each of so many virtual processors.
    pub(super) fn weight(&self, virtual_processors: usize) -> u64 {
        let share = match self.share.normal {
            ShareAmount::Absolute { tenths } => tenths,
            ShareAmount::Relative(weight) => weight,
        };
        (u64::from(share.max(1)) * UNIT / virtual_processors.max(1) as u64).max(1)
    }

    /// The most that the user may have, if there is a most.
    pub(super) fn maximum(&self) -> Option<ShareAmount> {
        (self.share.limit != ShareLimit::NoLimit).then_some(self.share.maximum)
    }

    /// The maximum is kept although processors are idle.
    pub(super) fn is_hard(&self) -> bool {
        self.share.limit == ShareLimit::LimitHard
    }
}

/// Tenths of a percent of all processors that absolute and relative shares are due, when `absolute` is the sum of the absolute weights that
/// compete and `relative` that of the relative ones.
pub(super) fn division(absolute: u64, relative: u64) -> [u64; 2] {
    match (absolute, relative) {
        (_, 0) => [1000, 0],
        (0, _) => [0, 1000],
        _ => {
            let absolute = (absolute / UNIT).clamp(1, ABSOLUTE_MOST);
            [absolute, 1000 - absolute]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_shares_come_first_and_leave_something() {
        assert_eq!(division(300 * UNIT, 100 * UNIT), [300, 700]);
        assert_eq!(division(1500 * UNIT, UNIT), [990, 10]);
        assert_eq!(division(300 * UNIT, 0), [1000, 0]);
        assert_eq!(division(0, UNIT), [0, 1000]);
        assert_eq!(division(UNIT / 64, UNIT), [1, 999]);
    }

    #[test]
    fn the_share_is_split_over_the_virtual_processors() {
        let entitlement = Entitlement::default();
        assert_eq!(entitlement.weight(4) * 4, entitlement.weight(1));
        assert!(entitlement.maximum().is_none());
    }
}
