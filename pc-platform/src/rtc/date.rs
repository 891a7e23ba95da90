//! The calendar: seconds since 1970 to date and time of day, and back.

pub(super) const SECOND: u64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// A moment as the clock shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: u8,
    pub(super) day: u8,
    /// Sunday is 1.
    pub(super) weekday: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Counting years from March puts the leap day last.
fn days(year: i64, month: u8, day: u8) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, month) = (year.div_euclid(400), i64::from(month));
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl Date {
    pub(super) fn of(seconds: i64) -> Self {
        let shifted = seconds.div_euclid(DAY) + 719_468;
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = shifted.div_euclid(146_097) * 400 + year_of_era + i64::from(month <= 2);
        let of_day = seconds.rem_euclid(DAY);
        Self {
            year,
            month: month as u8,
            day: day as u8,
            weekday: ((seconds.div_euclid(DAY) + 4).rem_euclid(7) + 1) as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
        }
    }

    /// Seconds since 1970. Parts that are out of range are taken as they are.
    pub(super) fn seconds(&self) -> i64 {
        let month = self.month.clamp(1, 12);
        let time = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days(self.year, month, self.day) * DAY + time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let date = |seconds| {
            let date = Date::of(seconds);
            (date.year, date.month, date.day, date.weekday, date.hour, date.minute, date.second)
        };
        assert_eq!(date(0), (1970, 1, 1, 5, 0, 0, 0));
        assert_eq!(date(951_827_696), (2000, 2, 29, 3, 12, 34, 56));
        assert_eq!(date(4_107_542_399), (2100, 2, 28, 1, 23, 59, 59));
    }

    #[test]
    fn every_day_of_some_centuries_comes_back() {
        for day in -40_000..60_000 {
            let seconds = day * DAY + 4711;
            assert_eq!(Date::of(seconds).seconds(), seconds);
        }
    }
}
