//! The time of day, as CP tells it: `hh:mm:ss zone WEEKDAY mm/dd/yy`.

use jiff::Zoned;

/// Where the time comes from; tests hold it still.
#[derive(Clone, Default)]
pub struct Clock {
    fixed: Option<Zoned>,
}

impl Clock {
    /// The host's clock in the host's time zone.
    pub fn of_host() -> Self {
        Self::default()
    }

    /// A clock that stands still.
    pub fn fixed(at: Zoned) -> Self {
        Self { fixed: Some(at) }
    }

    /// Now, in local time.
    pub fn now(&self) -> Zoned {
        self.fixed.clone().unwrap_or_else(Zoned::now)
    }

    /// Seconds since 1970-01-01 UTC; 0 before that.
    pub fn unix_seconds(&self) -> u64 {
        self.now().timestamp().as_second().max(0) as u64
    }
}

/// `22:42:30 EDT SATURDAY 08/31/13`: the end of every line that tells when.
pub fn full(at: &Zoned) -> String {
    at.strftime("%H:%M:%S %Z %A %m/%d/%y").to_string().to_uppercase()
}

/// Hours, minutes and seconds of a duration: `00:12:59`.
pub fn hours(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Processor time as LOGOFF shows it: minutes, seconds and hundredths, `000:01.25`.
pub fn processor_time(microseconds: u64) -> String {
    let hundredths = microseconds / 10_000;
    format!("{:03}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100)
}

/// The same without hundredths, as INDICATE USER shows it: `000:01`.
pub fn processor_minutes(microseconds: u64) -> String {
    let seconds = microseconds / 1_000_000;
    format!("{:03}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_the_time_as_cp_does() {
        let at: Zoned = "2013-08-31T22:42:30[America/New_York]".parse().expect("a time");
        assert_eq!(full(&at), "22:42:30 EDT SATURDAY 08/31/13");
        assert_eq!(hours(3 * 3600 + 62), "03:01:02");
        assert_eq!(processor_time(61_250_000), "001:01.25");
        assert_eq!(processor_minutes(61_950_000), "001:01");
    }
}
