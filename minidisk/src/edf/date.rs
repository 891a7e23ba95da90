//! Date and time as EDF keeps it: local time to the second, packed decimal, years 1900 to 2099.

use core::fmt;

/// A local date and time. The default is 1900-01-01 00:00:00, which is also what an unreadable date on a disk becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// 1900 to 2099.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Default for DateTime {
    fn default() -> Self {
        DateTime { year: 1900, month: 1, day: 1, hour: 0, minute: 0, second: 0 }
    }
}

impl DateTime {
    /// The moment `seconds` after 1970-01-01 00:00:00, counted in the same (local) time. What lies outside 1900 to 2099 is
    /// moved to the nearer end.
    pub fn from_unix_seconds(seconds: i64) -> DateTime {
        const FIRST: i64 = -2_208_988_800; // 1900-01-01 00:00:00
        const LAST: i64 = 4_102_444_799; // 2099-12-31 23:59:59
        let seconds = seconds.clamp(FIRST, LAST);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days to civil date by eras of 400 years that begin on 1 March (Howard Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        DateTime {
            year: (year_of_era + era * 400 + i64::from(month <= 2)) as u16,
            month: month as u8,
            day: (day_of_year - (153 * march_month + 2) / 5 + 1) as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// Seconds since 1970-01-01 00:00:00 of a valid date; of any other those of the default.
    pub fn to_unix_seconds(self) -> i64 {
        let date = if self.is_valid() { self } else { DateTime::default() };
        let (month, year) = (i64::from(date.month), i64::from(date.year) - i64::from(date.month <= 2));
        // The other way round than below.
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(date.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        days * 86_400 + i64::from(date.hour) * 3600 + i64::from(date.minute) * 60 + i64::from(date.second)
    }

    /// The date that many seconds later, moved to the nearer end of the years when it lies outside them.
    pub fn plus_seconds(self, seconds: i64) -> DateTime {
        Self::from_unix_seconds(self.to_unix_seconds().saturating_add(seconds))
    }

    /// Whether every part is in its range.
    pub fn is_valid(&self) -> bool {
        let leap = self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days = match self.month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        (1900..=2099).contains(&self.year) && (1..=days).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second < 60
    }

    /// The six packed-decimal bytes `yymmddhhmmss`, and whether the year is 20yy.
    pub(crate) fn to_packed(self) -> ([u8; 6], bool) {
        let valid = if self.is_valid() { self } else { DateTime::default() };
        let pack = |n: u8| ((n / 10) << 4) | (n % 10);
        let yy = (valid.year % 100) as u8;
        ([yy, valid.month, valid.day, valid.hour, valid.minute, valid.second].map(pack), valid.year >= 2000)
    }

    /// The date those bytes hold, or `None` when they hold none.
    pub(crate) fn from_packed(bytes: [u8; 6], century: bool) -> Option<DateTime> {
        if bytes.iter().any(|b| b >> 4 > 9 || b & 15 > 9) {
            return None;
        }
        let [yy, month, day, hour, minute, second] = bytes.map(|b| (b >> 4) * 10 + (b & 15));
        let year = u16::from(yy) + if century { 2000 } else { 1900 };
        let date = DateTime { year, month, day, hour, minute, second };
        date.is_valid().then_some(date)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DateTime { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn unix_seconds_become_the_civil_date() {
        let shown = |seconds| DateTime::from_unix_seconds(seconds).to_string();
        assert_eq!(shown(0), "1970-01-01 00:00:00");
        assert_eq!(shown(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(shown(1_795_358_501), "2026-11-22 14:41:41");
        assert_eq!(shown(i64::MIN), "1900-01-01 00:00:00");
        assert_eq!(shown(i64::MAX), "2099-12-31 23:59:59");
        for seconds in [-2_208_988_800, -1, 0, 951_782_400, 1_077_926_399, 1_795_358_501, 4_102_444_799] {
            assert_eq!(DateTime::from_unix_seconds(seconds).to_unix_seconds(), seconds);
        }
        assert_eq!(DateTime::from_unix_seconds(0).plus_seconds(-3600).to_string(), "1969-12-31 23:00:00");
    }

    #[test]
    fn packed_dates_come_back_and_bad_ones_do_not() {
        let date = DateTime { year: 2026, month: 11, day: 22, hour: 14, minute: 41, second: 9 };
        assert_eq!(date.to_packed(), ([0x26, 0x11, 0x22, 0x14, 0x41, 0x09], true));
        assert_eq!(DateTime::from_packed([0x26, 0x11, 0x22, 0x14, 0x41, 0x09], true), Some(date));
        assert_eq!(DateTime::from_packed([0x99, 0x12, 0x31, 0, 0, 0], false).unwrap().year, 1999);
        assert_eq!(DateTime::from_packed([0x26, 0x02, 0x29, 0, 0, 0], true), None);
        assert_eq!(DateTime::from_packed([0x26, 0x1a, 0x01, 0, 0, 0], true), None);
    }
}
