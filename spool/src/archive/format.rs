//! The bytes of an archive. Pure encoding and decoding; integers are little-endian. Described in docs/spxtape.md.
//!
//! ```text
//! archive = label, file..., END
//! file    = FILE, DATA..., WHOLE or VOID
//! label   = magic[8] version:u32 zero:u32 store:u64 made:u64 system[8] zero[20] crc:u32              (64 bytes)
//! frame   = magic:u32 kind:u32 length:u32 sequence:u32 crc:u32 payload[length]                       (20 bytes + length)
//! ```
//!
//! A frame's CRC covers its header without the CRC, and the payload; its sequence is its number in the archive, so a frame that is lost, doubled
//! or out of place shows.

use super::{ArchiveError, Label};
use crate::attributes::{Attributes, Class, Copies, DataSetName, Device, FileInfo, FileName, Hold, Queue, Spid, Tag, Userid, Word};
use crate::block::PAYLOAD_MAX;

/// Bytes of a label.
pub const LABEL: usize = 64;
/// Bytes of a frame before its payload.
pub const FRAME: usize = 20;
/// Bytes of what FILE says.
pub const FILE: usize = 256;
/// Bytes of what WHOLE says.
pub const WHOLE: usize = 16;
/// Bytes of what END says.
pub const END: usize = 24;
/// The version of this layout.
pub const VERSION: u32 = 1;

const LABEL_MAGIC: [u8; 8] = *b"CP64SPXT";
const FRAME_MAGIC: u32 = u32::from_le_bytes(*b"SPXF");

/// What a frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The attributes of the file that follows.
    File = 1,
    /// Records.
    Data = 2,
    /// The file is whole: its records and their bytes.
    Whole = 3,
    /// The file could not be read to its end, and is none.
    Void = 4,
    /// The end: files that are whole, their records and bytes.
    End = 5,
}

impl Kind {
    fn of(number: u32) -> Option<Self> {
        [Self::File, Self::Data, Self::Whole, Self::Void, Self::End].into_iter().find(|kind| *kind as u32 == number)
    }

    /// Whether a payload of that many bytes fits.
    fn takes(self, length: usize) -> bool {
        match self {
            Self::File => length == FILE,
            Self::Data => (1..=PAYLOAD_MAX).contains(&length),
            Self::Whole => length == WHOLE,
            Self::Void => length == 0,
            Self::End => length == END,
        }
    }
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: Kind,
    /// Bytes of the payload.
    pub length: usize,
    sequence: u32,
    crc: u32,
}

impl Frame {
    /// The bytes before `payload` in the frame of that number.
    pub fn seal(kind: Kind, sequence: u32, payload: &[u8]) -> [u8; FRAME] {
        let mut bytes = [0; FRAME];
        put(&mut bytes, 0, &FRAME_MAGIC.to_le_bytes());
        put(&mut bytes, 4, &(kind as u32).to_le_bytes());
        put(&mut bytes, 8, &u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        put(&mut bytes, 12, &sequence.to_le_bytes());
        let crc = crc(&bytes, payload);
        put(&mut bytes, 16, &crc.to_le_bytes());
        bytes
    }

    /// Reads the bytes before a payload, or says what is wrong.
    pub fn decode(bytes: &[u8; FRAME]) -> Result<Self, &'static str> {
        let length = usize::try_from(u32_at(bytes, 8)).unwrap_or(usize::MAX);
        let kind = Kind::of(u32_at(bytes, 4)).filter(|kind| kind.takes(length) && u32_at(bytes, 0) == FRAME_MAGIC);
        let kind = kind.ok_or("no frame begins here")?;
        Ok(Self { kind, length, sequence: u32_at(bytes, 12), crc: u32_at(bytes, 16) })
    }

    /// Whether this is the frame of that number with that payload.
    pub fn verify(&self, header: &[u8; FRAME], payload: &[u8], sequence: u32) -> Result<(), &'static str> {
        if crc(header, payload) != self.crc {
            return Err("the checksum of a frame is wrong");
        }
        if self.sequence != sequence { Err("a frame is missing or out of place") } else { Ok(()) }
    }
}

fn crc(header: &[u8; FRAME], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..FRAME - 4]);
    hasher.update(payload);
    hasher.finalize()
}

impl Label {
    /// The bytes at the beginning of the archive.
    pub(super) fn encode(&self) -> [u8; LABEL] {
        let mut bytes = [0; LABEL];
        put(&mut bytes, 0, &LABEL_MAGIC);
        put(&mut bytes, 8, &VERSION.to_le_bytes());
        put(&mut bytes, 16, &self.store.to_le_bytes());
        put(&mut bytes, 24, &self.made.to_le_bytes());
        put(&mut bytes, 32, self.system.padded());
        let crc = crc32fast::hash(&bytes[..LABEL - 4]);
        put(&mut bytes, LABEL - 4, &crc.to_le_bytes());
        bytes
    }

    /// Reads a label back.
    pub(super) fn decode(bytes: &[u8; LABEL]) -> Result<Self, ArchiveError> {
        if bytes[..8] != LABEL_MAGIC {
            return Err(ArchiveError::Foreign);
        }
        let damaged = ArchiveError::Damaged { at: 0, what: "the checksum of the label is wrong" };
        if crc32fast::hash(&bytes[..LABEL - 4]) != u32_at(bytes, LABEL - 4) {
            return Err(damaged);
        }
        match u32_at(bytes, 8) {
            VERSION => {}
            found => return Err(ArchiveError::Version { found, known: VERSION }),
        }
        let system = Userid::from_padded(&array(bytes, 32)).ok_or(damaged)?;
        Ok(Self { system, store: u64_at(bytes, 16), made: u64_at(bytes, 24) })
    }
}

const KEEP: u8 = 1;
const MSG: u8 = 2;
const COLLATED: u8 = 4;
const USER_HOLD: u8 = 8;
const SYSTEM_HOLD: u8 = 16;

const NO_NAME: u8 = 0;
const FN: u8 = 1;
const FN_FT: u8 = 2;
const DSNAME: u8 = 3;

const BLANK: [u8; 8] = [b' '; 8];

/// What FILE says of a file.
pub fn encode_file(file: &FileInfo) -> [u8; FILE] {
    let attributes = &file.attributes;
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    let number = |place: Option<usize>| place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX);
    let mut bytes = [0; FILE];
    put(&mut bytes, 0, file.owner.padded());
    put(&mut bytes, 8, file.origin.padded());
    put(&mut bytes, 16, &file.serial.to_le_bytes());
    put(&mut bytes, 24, &file.created.to_le_bytes());
    put(&mut bytes, 32, &file.records.to_le_bytes());
    put(&mut bytes, 40, &file.bytes.to_le_bytes());
    put(&mut bytes, 48, &file.longest.to_le_bytes());
    put(&mut bytes, 50, &file.spid.number().to_le_bytes());
    bytes[52] = number(Queue::ALL.iter().position(|queue| *queue == file.queue));
    bytes[53] = number(Device::ALL.iter().position(|device| *device == file.device));
    bytes[54] = attributes.class.into();
    bytes[55] = attributes.copies.number();
    bytes[56] = flag(attributes.keep, KEEP)
        | flag(attributes.msg, MSG)
        | flag(attributes.copies.collated(), COLLATED)
        | flag(attributes.hold.user(), USER_HOLD)
        | flag(attributes.hold.system(), SYSTEM_HOLD);
    bytes[57] = number(Some(attributes.tag.as_str().len()));
    for (at, word) in [(64, attributes.form), (72, attributes.dest), (80, attributes.dist)] {
        put(&mut bytes, at, &padded(word));
    }
    bytes[58] = encode_name(&attributes.name, &mut bytes[88..112]);
    put(&mut bytes, 112, attributes.tag.as_str().as_bytes());
    bytes
}

fn padded(word: Option<Word>) -> [u8; 8] {
    word.map_or(BLANK, |word| *word.padded())
}

/// Writes a name and answers of what kind it is.
fn encode_name(name: &FileName, bytes: &mut [u8]) -> u8 {
    match name {
        FileName::None => NO_NAME,
        FileName::File(name, None) => {
            put(bytes, 0, name.padded());
            FN
        }
        FileName::File(name, Some(file_type)) => {
            put(bytes, 0, name.padded());
            put(bytes, 8, file_type.padded());
            FN_FT
        }
        FileName::DataSet(name) => {
            put(bytes, 0, name.padded());
            DSNAME
        }
    }
}

/// Reads what FILE says; none when it says what no spool file can have.
pub fn decode_file(bytes: &[u8; FILE]) -> Option<FileInfo> {
    let flags = bytes[56];
    let is = |bit: u8| flags & bit != 0;
    let optional = |at: usize| -> Option<Option<Word>> {
        let word: [u8; 8] = array(bytes, at);
        if word == BLANK { Some(None) } else { text(&word).and_then(|text| Word::new(text).ok()).map(Some) }
    };
    let tag = bytes.get(112..112 + usize::from(bytes[57]))?;
    let attributes = Attributes {
        class: Class::try_from(bytes[54]).ok()?,
        hold: Hold::of(is(USER_HOLD), is(SYSTEM_HOLD)),
        keep: is(KEEP),
        msg: is(MSG),
        copies: Copies::new(bytes[55].into(), is(COLLATED)).ok()?,
        form: optional(64)?,
        dest: optional(72)?,
        dist: optional(80)?,
        name: decode_name(bytes[58], &array(bytes, 88))?,
        tag: Tag::new(std::str::from_utf8(tag).ok()?).ok()?,
    };
    let file = FileInfo {
        owner: Userid::from_padded(&array(bytes, 0))?,
        queue: *Queue::ALL.get(usize::from(bytes[52]))?,
        spid: Spid::new(u16::from_le_bytes(array(bytes, 50))).ok()?,
        serial: u64_at(bytes, 16),
        origin: Userid::from_padded(&array(bytes, 8))?,
        device: *Device::ALL.get(usize::from(bytes[53]))?,
        created: u64_at(bytes, 24),
        records: u64_at(bytes, 32),
        bytes: u64_at(bytes, 40),
        longest: u16::from_le_bytes(array(bytes, 48)),
        attributes,
    };
    // One file has one form in an archive: what is not used is zero.
    (encode_file(&file) == *bytes).then_some(file)
}

fn decode_name(kind: u8, bytes: &[u8; 24]) -> Option<FileName> {
    let word = |at: usize| text(&bytes[at..at + 8]).and_then(|text| Word::new(text).ok());
    match kind {
        NO_NAME => Some(FileName::None),
        FN => Some(FileName::File(word(0)?, None)),
        FN_FT => Some(FileName::File(word(0)?, Some(word(8)?))),
        DSNAME => text(bytes).and_then(|name| DataSetName::new(name).ok()).map(FileName::DataSet),
        _ => None,
    }
}

/// The text of a blank-padded name.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches(' '))
}

/// Three numbers, as WHOLE (the first two) and END say them.
pub fn encode_sums(files: u64, records: u64, bytes: u64) -> [u8; END] {
    let mut sums = [0; END];
    for (at, number) in [(0, records), (8, bytes), (16, files)] {
        put(&mut sums, at, &number.to_le_bytes());
    }
    sums
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> FileInfo {
        FileInfo {
            owner: Userid::new("ALICE").unwrap(),
            queue: Queue::Printer,
            spid: Spid::new(9999).unwrap(),
            serial: 0x0102_0304_0506_0708,
            origin: Userid::new("BOB").unwrap(),
            device: Device::Console,
            created: 1_700_000_000,
            records: 12,
            bytes: 3456,
            longest: 132,
            attributes: Attributes {
                class: Class::T,
                hold: Hold::Both,
                keep: true,
                copies: Copies::new(255, true).unwrap(),
                dest: Some(Word::new("ROOM12").unwrap()),
                name: FileName::DataSet(DataSetName::new("SYS1.PROCLIB.OF.TWENTY4").unwrap()),
                tag: Tag::new(&"é".repeat(68)).unwrap(),
                ..Attributes::default()
            },
        }
    }

    #[test]
    fn a_file_reads_back_and_each_place_is_where_the_manual_says() {
        let file = file();
        let bytes = encode_file(&file);
        assert_eq!(decode_file(&bytes), Some(file));
        assert_eq!(&bytes[..16], b"ALICE   BOB     ");
        assert_eq!((bytes[50], bytes[51], bytes[52], bytes[53], bytes[54]), (0x0f, 0x27, 1, 3, b'T'));
        assert_eq!((bytes[55], bytes[56], bytes[57], bytes[58]), (255, 0b11111, 136, DSNAME));
        assert_eq!(&bytes[64..112], b"        ROOM12          SYS1.PROCLIB.OF.TWENTY4 ");
    }

    #[test]
    fn every_flipped_bit_of_a_label_shows() {
        let label = Label { system: Userid::new("CP64").unwrap(), store: 77, made: 1 };
        let bytes = label.encode();
        assert_eq!(Label::decode(&bytes).unwrap(), label);
        for bit in 0..LABEL * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Label::decode(&damaged).is_err(), "bit {bit} went unseen");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_file_or_none(at: prop::sample::Index, byte: u8, raw in prop::collection::vec(any::<u8>(), FILE)) {
            let _ = decode_file(&raw.try_into().unwrap());
            let mut bytes = encode_file(&file());
            let at = at.index(FILE);
            bytes[at] = byte;
            if let Some(file) = decode_file(&bytes) {
                prop_assert_eq!(encode_file(&file), bytes);
            }
        }

        #[test]
        fn any_flipped_bit_of_a_frame_shows(payload in prop::collection::vec(any::<u8>(), 1..300), at: prop::sample::Index) {
            let mut bytes = Frame::seal(Kind::Data, 5, &payload).to_vec();
            bytes.extend_from_slice(&payload);
            let whole = |bytes: &[u8]| {
                let (header, payload) = bytes.split_first_chunk::<FRAME>().unwrap();
                Frame::decode(header).is_ok_and(|frame| frame.length == payload.len() && frame.verify(header, payload, 5).is_ok())
            };
            prop_assert!(whole(&bytes));
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!whole(&bytes));
        }
    }
}
