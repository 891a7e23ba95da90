//! One accounting record, and the line of a file that it is.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Version of the records that this program writes and reads. A field that is new does not change it: unknown ones are passed over.
pub const VERSION: u32 = 1;
/// Longest line of a file, in bytes; a record is far shorter.
pub const LINE_MAX: usize = 4096;

/// Why a record was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// LOGOFF.
    Logoff,
    /// FORCE.
    Force,
    /// SHUTDOWN.
    Shutdown,
    /// ACNT: the session goes on.
    Acnt,
}

impl Why {
    /// The word for it, as in the file.
    pub fn word(self) -> &'static str {
        match self {
            Why::Logoff => "logoff",
            Why::Force => "force",
            Why::Shutdown => "shutdown",
            Why::Acnt => "acnt",
        }
    }
}

/// What was used between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Seconds logged on.
    pub connect_seconds: u64,
    /// Processor time of the machine, in microseconds.
    pub virtual_us: u64,
    /// The same and CP's work for it.
    pub total_us: u64,
    /// Disk and spool requests.
    pub io: u64,
    /// Records read from spool files.
    pub cards_read: u64,
    /// Records punched.
    pub cards_punched: u64,
    /// Records printed.
    pub lines_printed: u64,
    /// Pages that came from the paging file.
    #[serde(default)]
    pub page_reads: u64,
    /// Pages that went there.
    #[serde(default)]
    pub page_writes: u64,
}

impl Used {
    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            connect_seconds: of(self.connect_seconds, other.connect_seconds),
            virtual_us: of(self.virtual_us, other.virtual_us),
            total_us: of(self.total_us, other.total_us),
            io: of(self.io, other.io),
            cards_read: of(self.cards_read, other.cards_read),
            cards_punched: of(self.cards_punched, other.cards_punched),
            lines_printed: of(self.lines_printed, other.lines_printed),
            page_reads: of(self.page_reads, other.page_reads),
            page_writes: of(self.page_writes, other.page_writes),
        }
    }
}

impl Add for Used {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }
}

impl Sub for Used {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }
}

/// What a user used from `from` to `to`: a session, or the part of it since the last record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// The system identifier.
    pub system: String,
    /// Who.
    pub userid: String,
    /// The account number of the directory entry; none: the userid stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why it was made.
    pub why: Why,
    /// Who used FORCE or ACNT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it begins, in seconds since 1970 UTC: the logon, or the last record.
    pub from: u64,
    /// When it ends.
    pub to: u64,
    /// What was used between.
    #[serde(flatten)]
    pub used: Used,
    /// Pages in real storage when it ended.
    pub resident_pages: u64,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The end of the line is missing.
    #[error("Its end is missing")]
    Torn,
    /// The checksum is not that of the line.
    #[error("It is damaged")]
    Damaged,
    /// The record is not one that this program knows.
    #[error("It is of version {0}, this program knows version {VERSION}")]
    Version(u32),
    /// The checksum is right and the text is no record.
    #[error("It is no accounting record: {0}")]
    Foreign(String),
}

impl Record {
    /// The account that it is charged to.
    pub fn charged_to(&self) -> &str {
        self.account.as_deref().unwrap_or(&self.userid)
    }

    /// The record as a line, with its end.
    pub fn line(&self) -> String {
        // Plain data with text keys: it always serialises.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
    }

    /// The record of a line, given with its end.
    ///
    /// # Errors
    /// [`LineError`]: whatever the bytes are.
    pub fn of_line(line: &[u8]) -> Result<Self, LineError> {
        let line = line.strip_suffix(b"\n").ok_or(LineError::Torn)?;
        let (sum, json) = line.split_at_checked(9).ok_or(LineError::Damaged)?;
        if *sum != *format!("{:08x} ", crc32fast::hash(json)).as_bytes() {
            return Err(LineError::Damaged);
        }
        let foreign = |error: serde_json::Error| LineError::Foreign(error.to_string());
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(json).map_err(foreign)?;
        if version != VERSION {
            return Err(LineError::Version(version));
        }
        serde_json::from_slice(json).map_err(foreign)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn record(userid: &str, to: u64) -> Record {
        Record {
            version: VERSION,
            system: "CP64".to_string(),
            userid: userid.to_string(),
            account: None,
            why: Why::Logoff,
            by: None,
            from: to - 60,
            to,
            used: Used {
                connect_seconds: 60,
                virtual_us: 1500,
                total_us: 2000,
                io: 7,
                cards_read: 1,
                cards_punched: 2,
                lines_printed: 3,
                page_reads: 4,
                page_writes: 5,
            },
            resident_pages: 25,
        }
    }

    #[test]
    fn a_record_is_one_line_of_json_behind_its_checksum() {
        let line = record("CMSUSER", 1_795_000_000).line();
        assert_eq!(line.lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line[9..]).unwrap();
        assert_eq!((&json["userid"], &json["why"], &json["virtual_us"]), (&"CMSUSER".into(), &"logoff".into(), &1500.into()));
        assert!(json.get("by").is_none() && json.get("account").is_none());
        assert_eq!(Record::of_line(line.as_bytes()).unwrap(), record("CMSUSER", 1_795_000_000));
    }

    #[test]
    fn another_version_and_another_program_are_named() {
        let line = |json: &str| format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
        assert_eq!(Record::of_line(line(r#"{"version":2}"#).as_bytes()), Err(LineError::Version(2)));
        assert!(matches!(Record::of_line(line(r#"{"version":1}"#).as_bytes()), Err(LineError::Foreign(_))));
        assert!(matches!(Record::of_line(line("hello").as_bytes()), Err(LineError::Foreign(_))));
        let newer = record("A", 100).line().replace("\"version\":1", "\"version\":1,\"later\":[1]");
        let newer = line(newer[9..].trim_end());
        assert_eq!(Record::of_line(newer.as_bytes()), Ok(record("A", 100)), "an unknown field is passed over");
        let older = record("A", 100).line().replace(",\"page_reads\":4,\"page_writes\":5", "");
        let older = Record::of_line(line(older[9..].trim_end()).as_bytes()).unwrap();
        assert_eq!((older.used.io, older.used.page_reads, older.used.page_writes), (7, 0, 0), "a record from before they were counted");
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed_and_no_bytes_are_a_panic(at in 0..200_usize, to in any::<u8>(), noise in prop::collection::vec(any::<u8>(), 0..100)) {
            let good = record("CMSUSER", 1_795_000_000).line().into_bytes();
            let mut bad = good.clone();
            let at = at % bad.len();
            bad[at] = to;
            prop_assert!(bad == good || Record::of_line(&bad).is_err());
            prop_assert!(Record::of_line(&good[..at]).is_err());
            let _ = Record::of_line(&noise);
        }
    }
}
