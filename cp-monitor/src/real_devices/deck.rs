//! Host files as card decks, and the ID card that says whose a deck is. Pure but for reading.
//!
//! ```text
//! ID userid [CLASS c] [NAME fn [ft]] [TAG text]       from column 1 of the first card; USERID for ID; ASCII or EBCDIC
//! ```

use std::io::{self, BufRead, Read};

use minidisk::ebcdic::to_latin1;
use spool::{Class, DataSetName, FileName, Tag, Userid, Word};

/// Columns of a card.
const CARD: usize = 80;
/// Longest record that the spool takes, in bytes.
pub const RECORD_MAX: usize = 65_535;

/// What the bytes of a deck are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Lines of text: a record each, without its end.
    Text,
    /// Cards of 80 columns in EBCDIC, which become text.
    Ebcdic,
    /// Cards of 80 columns, kept as they are (NETDATA, object decks).
    Binary,
}

/// Why a deck cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DeckError {
    /// A line longer than a record.
    #[error("Line {0} is longer than 65535 bytes")]
    LineTooLong(u64),
    /// The host.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Coding {
    /// What bytes that begin so are most likely to be.
    pub fn of(beginning: &[u8]) -> Self {
        let blank = |byte: &u8| *byte == 0x40;
        let ebcdic = |byte: &u8| (0x40..0xff).contains(byte);
        if beginning.len() >= CARD && beginning.iter().all(ebcdic) && beginning.iter().any(blank) {
            return Self::Ebcdic;
        }
        let valid = match std::str::from_utf8(beginning) {
            Ok(text) => text,
            // A character may be cut off where the beginning ends.
            Err(error) if error.error_len().is_none() => std::str::from_utf8(&beginning[..error.valid_up_to()]).unwrap_or_default(),
            Err(_) => return Self::Binary,
        };
        let text = valid.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}'));
        if text { Self::Text } else { Self::Binary }
    }
}

/// A deck, read record by record.
pub struct Deck<R> {
    input: R,
    coding: Coding,
    records: u64,
}

impl<R: BufRead> Deck<R> {
    /// Reads a deck in that coding, or in the one that its beginning looks like.
    ///
    /// # Errors
    /// When the host cannot read.
    pub fn new(mut input: R, coding: Option<Coding>) -> Result<Self, DeckError> {
        let coding = match coding {
            Some(coding) => coding,
            None => Coding::of(input.fill_buf()?),
        };
        Ok(Self { input, coding, records: 0 })
    }

    /// The next record, none at the end.
    ///
    /// # Errors
    /// [`DeckError`].
    pub fn next_record(&mut self) -> Result<Option<Vec<u8>>, DeckError> {
        let record = match self.coding {
            Coding::Text => self.line()?,
            Coding::Ebcdic => self.card(0x40)?.map(|card| {
                let text: String = card.iter().map(|&byte| char::from(to_latin1(byte))).collect();
                text.trim_end().as_bytes().to_vec()
            }),
            Coding::Binary => self.card(0)?,
        };
        self.records += u64::from(record.is_some());
        Ok(record)
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, DeckError> {
        let mut line = Vec::new();
        // An end of line may be two bytes.
        if self.input.by_ref().take(RECORD_MAX as u64 + 2).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        if line.len() > RECORD_MAX { Err(DeckError::LineTooLong(self.records + 1)) } else { Ok(Some(line)) }
    }

    fn card(&mut self, filler: u8) -> Result<Option<Vec<u8>>, DeckError> {
        let mut card = Vec::with_capacity(CARD);
        if self.input.by_ref().take(CARD as u64).read_to_end(&mut card)? == 0 {
            return Ok(None);
        }
        card.resize(CARD, filler);
        Ok(Some(card))
    }
}

/// What an ID card says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdCard {
    /// Whose reader the deck goes to.
    pub userid: Userid,
    /// Class, A when not said.
    pub class: Class,
    /// Name and type.
    pub name: FileName,
    /// Tag.
    pub tag: Tag,
}

impl IdCard {
    /// Reads a card; `None` when it is no ID card, or one with a mistake.
    pub fn parse(card: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(card).ok()?;
        let mut words = text.split_ascii_whitespace().peekable();
        // From column 1 on.
        if text.starts_with(' ') || !matches!(words.next()?.to_ascii_uppercase().as_str(), "ID" | "USERID") {
            return None;
        }
        let userid = Userid::new(&words.next()?.to_ascii_uppercase()).ok()?;
        let mut id = Self { userid, class: Class::A, name: FileName::None, tag: Tag::default() };
        while let Some(word) = words.next() {
            match word.to_ascii_uppercase().as_str() {
                "CLASS" => id.class = class(words.next()?)?,
                "NAME" => {
                    let first = words.next()?.to_ascii_uppercase();
                    let second = words.next_if(|word| !["CLASS", "TAG"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)));
                    id.name = name(&first, second.map(str::to_ascii_uppercase).as_deref())?;
                }
                "TAG" => {
                    id.tag = Tag::new(&words.by_ref().collect::<Vec<_>>().join(" ")).ok()?;
                }
                _ => return None,
            }
        }
        Some(id)
    }
}

fn class(word: &str) -> Option<Class> {
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Class::new(letter.to_ascii_uppercase()).ok(),
        _ => None,
    }
}

fn name(first: &str, second: Option<&str>) -> Option<FileName> {
    match second {
        Some(second) => Some(FileName::File(Word::new(first).ok()?, Some(Word::new(second).ok()?))),
        None if first.len() > 8 => DataSetName::new(first).ok().map(FileName::DataSet),
        None => Word::new(first).ok().map(|first| FileName::File(first, None)),
    }
}

/// `NAME.TYPE` of the host as a spool file's name: at most eight characters each, what CMS does not take left out.
pub fn name_of_host_file(given: &str) -> (Word, Word) {
    let (name, file_type) = given.split_once(['.', ' ']).unwrap_or((given, "FILE"));
    let plain = |text: &str, absent: &str| {
        let kept: String = text.to_uppercase().chars().filter(|c| c.is_ascii_alphanumeric() || "#@+$-:_".contains(*c)).take(8).collect();
        Word::new(if kept.is_empty() { absent } else { &kept })
    };
    let sure = |text, absent| plain(text, absent).or_else(|_| Word::new(absent)).expect("a few capital letters are a name");
    (sure(name, "HOST"), sure(file_type, "FILE"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minidisk::ebcdic::from_latin1;
    use proptest::prelude::*;

    fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut deck = Deck::new(bytes, None).unwrap();
        std::iter::from_fn(|| deck.next_record().unwrap()).collect()
    }

    fn ebcdic(cards: &[&str]) -> Vec<u8> {
        cards.iter().flat_map(|card| format!("{card:<80}").bytes().map(from_latin1).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn a_deck_is_read_as_what_it_looks_like() {
        assert_eq!(records(b"one\r\ntwo\n\nlast"), [b"one".to_vec(), b"two".to_vec(), vec![], b"last".to_vec()]);
        assert_eq!(records(&ebcdic(&["ID CMSUSER", "//JOB 'A'"])), [b"ID CMSUSER".to_vec(), b"//JOB 'A'".to_vec()]);
        let netdata = [&[0x1c, 0xe0, 0xc9, 0xd5, 0xd4, 0xd9, 0xf0, 0xf1][..], &[0; 100]].concat();
        let cards = records(&netdata);
        assert_eq!(cards.iter().map(Vec::len).collect::<Vec<_>>(), [80, 80]);
        assert_eq!(cards.concat()[..108], netdata);
        assert_eq!(records(b""), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_is_a_record_up_to_its_longest() {
        let longest = [vec![b'x'; RECORD_MAX], b"\nshort\n".to_vec()].concat();
        assert_eq!(records(&longest).iter().map(Vec::len).collect::<Vec<_>>(), [RECORD_MAX, 5]);
        let mut deck = Deck::new(&[b'x'; RECORD_MAX + 1][..], Some(Coding::Text)).unwrap();
        assert!(matches!(deck.next_record(), Err(DeckError::LineTooLong(1))));
    }

    #[test]
    fn id_cards_are_those_of_the_manual() {
        let id = IdCard::parse(b"ID cmsuser CLASS b NAME job deck TAG vm2 maint   50").unwrap();
        assert_eq!((id.userid.as_str(), id.class.as_char()), ("CMSUSER", 'B'));
        assert_eq!((id.name.name(), id.name.file_type(), id.tag.as_str()), ("JOB", "DECK", "vm2 maint 50"));
        assert_eq!(IdCard::parse(b"USERID MAINT NAME MY.LONG.DATASET").unwrap().name.name(), "MY.LONG.DATASET");
        assert_eq!(IdCard::parse(b"USERID MAINT NAME JOB CLASS C").unwrap().class.as_char(), 'C');
        for bad in [
            "",
            " ID CMSUSER",
            "ID",
            "IDX CMSUSER",
            "ID TOOLONGNAME",
            "ID A/B",
            "ID CMSUSER CLASS",
            "ID CMSUSER CLASS ??",
            "ID CMSUSER FROB",
            "ID CMSUSER NAME",
        ] {
            assert_eq!(IdCard::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn host_names_become_names_of_cms() {
        let named = |given| {
            let (name, file_type) = name_of_host_file(given);
            format!("{name} {file_type}")
        };
        assert_eq!(named("my-report.listing.gz"), "MY-REPOR LISTINGG");
        assert_eq!(named("../../etc/passwd"), "HOST ETCPASSW");
        assert_eq!(named("\u{1b}[2J.\n"), "2J FILE");
        assert_eq!(named(""), "HOST FILE");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_deck_and_any_card_is_read(bytes in prop::collection::vec(any::<u8>(), 0..1000)) {
            let whole = records(&bytes);
            prop_assert!(whole.iter().all(|record| record.len() <= RECORD_MAX));
            let _ = IdCard::parse(&bytes);
        }
    }
}
