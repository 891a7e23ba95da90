//! NETDATA: the form in which SENDFILE sends a file, so that record lengths, record format, name and date survive exactly. TSO's TRANSMIT
//! makes the same (XMIT files).
//!
//! A transmission is a sequence of records, each cut into segments of at most 253 bytes: one byte of length (itself and the flags included),
//! one byte of flags (first, last, control), and data. Segments are packed without gaps into 80-byte punch records. Control records:
//! INMR01 who sends to whom, INMR02 what is done with a file (one for each utility), INMR03 its data follows, INMR04 for installations,
//! INMR06 the end, INMR07 an acknowledgement. They are made of text units: key, count, and that many values, each with its length;
//! integers are big-endian, text is EBCDIC, dates are GMT.
//!
//! Sources: "Netdata: A Transmission Format for Network Data" (J. D. Palmer, R. P. O'Hara, 1981); z/OS TSO/E Customization, "Format of
//! transmitted data".
//!
//! `encode` makes transmissions, `decode` takes them apart, `units` are the text units. All of it is pure: it talks to nobody. What
//! is decoded comes from another user and is taken for hostile.

mod decode;
mod encode;
mod units;

use alloc::string::String;

use minidisk::edf::{DateTime, RecordFormat};

pub use decode::{Bad, Decoder, Item};
pub use encode::{Encoder, acknowledgement};

/// Bytes in a punch record.
pub const CARD: usize = 80;
/// Data bytes in a segment.
const SEGMENT: usize = 253;
/// Largest control record that is looked at.
const CONTROL_MAX: usize = 4096;
/// Longest identifier of a transmission in an acknowledgement.
const IDENTIFIER_MAX: usize = 64;

/// Flags of a segment.
const FIRST: u8 = 0x80;
const LAST: u8 = 0x40;
const CONTROL: u8 = 0x20;
/// The segment numbers the record behind it; no data of the file.
const NUMBER: u8 = 0x10;

/// Keys of text units.
mod key {
    pub const DSNAM: u16 = 0x0002;
    pub const TERM: u16 = 0x0028;
    pub const DSORG: u16 = 0x003c;
    pub const LRECL: u16 = 0x0042;
    pub const RECFM: u16 = 0x0049;
    pub const TNODE: u16 = 0x1001;
    pub const TUID: u16 = 0x1002;
    pub const FNODE: u16 = 0x1011;
    pub const FUID: u16 = 0x1012;
    pub const LCHG: u16 = 0x1021;
    pub const CREAT: u16 = 0x1022;
    pub const FTIME: u16 = 0x1024;
    pub const FACK: u16 = 0x1026;
    pub const ERRCD: u16 = 0x1027;
    pub const UTILN: u16 = 0x1028;
    pub const SIZE: u16 = 0x102c;
    pub const FFM: u16 = 0x102d;
    pub const NUMF: u16 = 0x102f;
}

/// Bits of INMRECFM.
mod recfm {
    /// INMR03: the records of the transmission itself.
    pub const TRANSMISSION: u16 = 0x0001;
    /// Varying-length records without the four bytes of length that other systems put before each.
    pub const NO_LENGTH: u16 = 0x0002;
    /// Blanks were taken out, or the file was compressed.
    pub const PACKED: u16 = 0x000c;
    pub const BLOCKED: u16 = 0x1000;
    pub const VARIABLE: u16 = 0x4000;
    pub const FIXED: u16 = 0x8000;
}

/// INMDSORG: physical sequential.
const SEQUENTIAL: u16 = 0x4000;
/// INMUTILN of a file that is only copied.
const COPY: &str = "INMCOPY";

/// Who sends to whom, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Sending user and node.
    pub from: (String, String),
    /// Receiving user and node.
    pub to: (String, String),
    /// When it was sent (GMT).
    pub sent: Option<DateTime>,
    /// An acknowledgement is asked for, with that identifier.
    pub acknowledge: Option<String>,
    /// How many files it says it has.
    pub files: u32,
}

/// A file that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileControl {
    /// File name, as sent; empty when it has none.
    pub name: String,
    /// File type, as sent.
    pub file_type: String,
    /// File mode number.
    pub mode: u8,
    /// Record format.
    pub format: RecordFormat,
    /// Longest record, as sent.
    pub lrecl: u32,
    /// Date of last change (GMT).
    pub changed: Option<DateTime>,
    /// It is a note or a message, no file.
    pub is_note: bool,
}

/// What became of a transmission that asked for an acknowledgement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    /// When the transmission was sent (GMT).
    pub sent: Option<DateTime>,
    /// Name and type of the file; empty for a note.
    pub file: (String, String),
    /// File mode number.
    pub mode: Option<u8>,
    /// `RECEIVED`, `DELETED`; empty is received too.
    pub outcome: String,
    /// The identifier that the transmission had.
    pub identifier: String,
}

/// Whether a spool file that begins with this record is NETDATA.
pub fn is_netdata(first_record: &[u8]) -> bool {
    first_record.len() > 7 && first_record[1] & CONTROL != 0 && first_record[2..7] == units::ebcdic("INMR0")
}
