//! The deck form of DISK DUMP: a file in cards that bring it back exactly.
//!
//! ```text
//! columns  1-4    X'02' and CMS in EBCDIC: a card of such a deck
//!          5      blank, or N: the end card
//!          6-55   50 bytes of the file, the last card filled with zeros; of a varying record two bytes of length stand before it.
//!                 End card: what the directory entry of the file has behind the name, as on a disk, 48 bytes
//!          56-57  blank
//!          58-75  file name, type and mode in EBCDIC
//!          76-80  number of the card in the file, from 00001, in EBCDIC
//! ```
//!
//! Source: CMS Command and Macro Reference, DISK. A deck whose fixed columns are ASCII is taken too. Pure; what is loaded is taken for hostile.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::ebcdic;
use minidisk::edf::{ATTRIBUTES, FileEntry, FileId, MAX_RECORD, RecordFormat};

/// Bytes in a card.
const CARD: usize = 80;
/// Bytes of the file in a card.
const DATA: usize = 50;

/// Makes the cards of a file.
pub struct Dumper {
    entry: FileEntry,
    pending: Vec<u8>,
    sequence: u32,
}

impl Dumper {
    /// Begins with a file.
    pub fn new(entry: &FileEntry) -> Self {
        Self { entry: entry.clone(), pending: Vec::new(), sequence: 0 }
    }

    /// Adds a record and takes the cards that became complete.
    pub fn record(&mut self, record: &[u8]) -> Vec<[u8; CARD]> {
        if self.entry.format == RecordFormat::Variable {
            // A record of a file is at most 65,535 bytes long.
            self.pending.extend_from_slice(&(record.len() as u16).to_be_bytes());
        }
        self.pending.extend_from_slice(record);
        let whole = self.pending.len() / DATA * DATA;
        let data: Vec<u8> = self.pending.drain(..whole).collect();
        data.chunks(DATA).map(|data| self.card(b' ', data)).collect()
    }

    /// Takes the last cards: what is left, and the end card.
    pub fn finish(mut self) -> Vec<[u8; CARD]> {
        let rest = core::mem::take(&mut self.pending);
        let mut cards = Vec::new();
        if !rest.is_empty() {
            cards.push(self.card(b' ', &rest));
        }
        let attributes = self.entry.attributes();
        cards.push(self.card(b'N', &attributes));
        cards
    }

    fn card(&mut self, kind: u8, data: &[u8]) -> [u8; CARD] {
        self.sequence += 1;
        let (id, mode) = (&self.entry.id, self.entry.mode);
        let columns = format!("{:<8}{:<8}A{mode}{:05}", id.name(), id.file_type(), self.sequence % 100_000);
        let mut card = [b' '; CARD];
        card[1..4].copy_from_slice(b"CMS");
        card[4] = kind;
        card[57..].copy_from_slice(columns.as_bytes());
        ebcdic::encode(&mut card);
        card[0] = 2;
        let place = &mut card[5..5 + DATA];
        place.fill(0);
        place[..data.len()].copy_from_slice(data);
        card
    }
}

/// Whether a card belongs to such a deck.
pub fn is_dump(card: &[u8]) -> bool {
    card.len() == CARD && card[0] == 2 && matches!(&card[1..4], [0xc3, 0xd4, 0xe2] | b"CMS")
}

/// What is wrong with a deck.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDeck {
    /// A card that belongs to no such deck.
    #[error("Card {0} is no card of DISK DUMP")]
    Card(u64),
    /// A card has another number or name than the one that should come.
    #[error("Card {0} is missing or out of order")]
    Sequence(u64),
    /// The name or the attributes of the file cannot be.
    #[error("Card {0} has an invalid file identifier or attributes")]
    File(u64),
    /// The data does not have the records that the end card promises.
    #[error("The data before card {0} does not make the records of the file")]
    Data(u64),
    /// The end card is not there.
    #[error("End card missing from input deck")]
    NoEnd,
}

/// What a card of a deck is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the file.
    Data([u8; DATA]),
    /// The end of a file, and its entry.
    End(FileEntry),
}

/// Takes decks apart, one file behind the other.
#[derive(Debug, Default)]
pub struct Loader {
    /// The file whose cards come in, and its last card's number.
    current: Option<(FileId, u32)>,
    cards: u64,
}

impl Loader {
    /// Takes a card.
    ///
    /// # Errors
    /// [`BadDeck`]; nothing that comes after it means anything.
    pub fn card(&mut self, card: &[u8]) -> Result<Piece, BadDeck> {
        self.cards += 1;
        if !is_dump(card) {
            return Err(BadDeck::Card(self.cards));
        }
        let mut columns: [u8; CARD] = core::array::from_fn(|at| card[at]);
        if card[1] == 0xc3 {
            ebcdic::decode(&mut columns);
        }
        let text = |from: usize, to: usize| String::from_utf8_lossy(&columns[from..to]).trim().to_ascii_uppercase();
        let id = FileId::new(&text(57, 65), &text(65, 73)).map_err(|_| BadDeck::File(self.cards))?;
        let number = text(75, 80).parse::<u32>().map_err(|_| BadDeck::Sequence(self.cards))?;
        match &self.current {
            None if number == 1 => {}
            Some((current, last)) if *current == id && number == (last + 1) % 100_000 => {}
            _ => return Err(BadDeck::Sequence(self.cards)),
        }
        let data: [u8; DATA] = core::array::from_fn(|at| card[5 + at]);
        if columns[4] != b'N' {
            self.current = Some((id, number));
            return Ok(Piece::Data(data));
        }
        let attributes: [u8; ATTRIBUTES] = core::array::from_fn(|at| data[at]);
        self.current = None;
        FileEntry::from_attributes(id, &attributes).map(Piece::End).ok_or(BadDeck::File(self.cards))
    }

    /// Cards so far.
    pub fn cards(&self) -> u64 {
        self.cards
    }

    /// Ends: nothing may be left over.
    ///
    /// # Errors
    /// [`BadDeck::NoEnd`].
    pub fn finish(&self) -> Result<(), BadDeck> {
        if self.current.is_some() || self.cards == 0 { Err(BadDeck::NoEnd) } else { Ok(()) }
    }
}

/// The records in the data of a file. At most one record is held at any time.
#[derive(Debug)]
pub struct Records {
    format: RecordFormat,
    left: u32,
    pending: Vec<u8>,
}

impl Records {
    /// Of a file with that entry.
    pub fn of(entry: &FileEntry) -> Self {
        Self { format: entry.format, left: entry.records, pending: Vec::new() }
    }

    /// Adds the data of a card; `false` when it can belong to no record: every one has come, or what waits is more than any record has.
    pub fn add(&mut self, data: &[u8]) -> bool {
        self.pending.extend_from_slice(data);
        self.left > 0 && self.pending.len() <= 2 + MAX_RECORD as usize + DATA
    }

    /// The next record that is complete.
    pub fn next_record(&mut self) -> Option<Vec<u8>> {
        if self.left == 0 {
            return None;
        }
        let (skip, length) = match self.format {
            RecordFormat::Fixed(lrecl) => (0, lrecl as usize),
            RecordFormat::Variable => match self.pending[..] {
                [high, low, ..] => (2, usize::from(u16::from_be_bytes([high, low]))),
                _ => return None,
            },
        };
        if self.pending.len() < skip + length || length == 0 {
            return None;
        }
        let record = self.pending[skip..skip + length].to_vec();
        self.pending.drain(..skip + length);
        self.left -= 1;
        Some(record)
    }

    /// Whether every record came, and nothing but zeros is left of the last card.
    pub fn is_complete(&self) -> bool {
        self.left == 0 && self.pending.len() < DATA && self.pending.iter().all(|&byte| byte == 0)
    }
}
