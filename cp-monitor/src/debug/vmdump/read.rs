//! Reads a dump, believing nothing in it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use soft_processor::State;

use super::format::{self, Head, IDENTIFICATION, Kind, MAGIC, NAME, PIECE, VERSION, each_word};

/// Most virtual processors of any machine.
const PROCESSORS: u32 = 64;
/// Most storage of any machine.
const STORAGE: u64 = 512 << 30;
/// Most bytes of a payload that is no storage.
const SMALL: usize = 64 << 10;

/// Why bytes are no dump.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// They begin otherwise.
    #[error("It is no dump of VMDUMP")]
    Foreign,
    /// A version of another program.
    #[error("The dump has version {0}, this program knows version {VERSION}")]
    Version(u32),
    /// The end is missing.
    #[error("The dump is not whole: it ends at byte {0}")]
    Short(u64),
    /// Bytes that no VMDUMP wrote.
    #[error("The dump is damaged at byte {at}: {what}")]
    Damaged {
        /// Where the frame begins.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The host cannot read it.
    #[error("The dump cannot be read: {0}")]
    Host(#[from] io::Error),
}

/// A dump in memory.
#[derive(Debug)]
pub struct Dump {
    /// What it says of itself.
    pub head: Head,
    /// Registers of each processor.
    pub states: Vec<State>,
    /// First and last addresses of what was dumped, in order.
    pub ranges: Vec<(u64, u64)>,
    /// Storage by its address. What is in a range and not here is zeros.
    pub pieces: BTreeMap<u64, Vec<u8>>,
}

/// Bytes with their place, for errors.
struct Source<R> {
    input: R,
    at: u64,
    sum: crc32fast::Hasher,
}

impl<R: Read> Source<R> {
    fn bytes(&mut self, length: usize) -> Result<Vec<u8>, DumpError> {
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        self.at += read as u64;
        if read == length { Ok(bytes) } else { Err(DumpError::Short(self.at)) }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

impl Dump {
    /// Reads a dump to its end.
    ///
    /// # Errors
    /// [`DumpError`].
    pub fn read(input: impl Read) -> Result<Self, DumpError> {
        let mut source = Source { input, at: 0, sum: crc32fast::Hasher::new() };
        let magic =
            source.bytes(MAGIC.len()).map_err(|error| if matches!(error, DumpError::Short(_)) { DumpError::Foreign } else { error })?;
        if magic != MAGIC {
            return Err(DumpError::Foreign);
        }
        source.sum.update(&magic);
        let mut dump = None;
        let mut frames = 0;
        loop {
            let at = source.at;
            let damaged = |what| DumpError::Damaged { at, what };
            let header = source.bytes(8)?;
            let (tag, length) = (&header[..4], word(&header, 4) as usize);
            if length > SMALL {
                return Err(damaged("a frame is too long"));
            }
            let before = source.sum.clone();
            let payload = source.bytes(length)?;
            source.sum.update(&header);
            source.sum.update(&payload);
            if tag == format::TAG_HEAD && dump.is_none() {
                dump = Some(Self {
                    head: head(&payload).map_err(|wrong| wrong.error(at))?,
                    states: Vec::new(),
                    ranges: Vec::new(),
                    pieces: BTreeMap::new(),
                });
            } else {
                let dump = dump.as_mut().ok_or(damaged("the head is missing"))?;
                if tag == format::TAG_END {
                    dump.end(&payload, frames, &before.finalize()).map_err(damaged)?;
                    break;
                }
                dump.take(tag, &payload).map_err(damaged)?;
            }
            frames += 1;
        }
        dump.ok_or(DumpError::Foreign)
    }

    fn take(&mut self, tag: &[u8], payload: &[u8]) -> Result<(), &'static str> {
        if tag == format::TAG_REGISTERS {
            if self.states.len() as u32 >= self.head.processors {
                return Err("there are more registers than processors");
            }
            self.states.push(state(payload)?);
        } else if tag == format::TAG_RANGE {
            let [first, last] = exactly::<16>(payload).map(|bytes| [long(&bytes, 0), long(&bytes, 8)])?;
            let after = self.ranges.last().is_none_or(|before| before.1 < first);
            if !after || last < first || last >= self.head.storage {
                return Err("a range is none of the machine's storage");
            }
            self.ranges.push((first, last));
        } else if tag == format::TAG_PAGES {
            if payload.len() <= 8 || payload.len() as u64 > 8 + PIECE {
                return Err("a piece of storage has no length, or too much");
            }
            let (address, bytes) = (long(payload, 0), payload[8..].to_vec());
            let last = address.checked_add(bytes.len() as u64 - 1).ok_or("a piece of storage wraps around")?;
            let within = self.ranges.last().is_some_and(|range| range.0 <= address && last <= range.1);
            let after = self.pieces.last_key_value().is_none_or(|(&before, piece)| before + piece.len() as u64 <= address);
            if !within || !after {
                return Err("a piece of storage is out of place");
            }
            self.pieces.insert(address, bytes);
        } else {
            return Err("a frame of no known kind");
        }
        Ok(())
    }

    fn end(&self, payload: &[u8], frames: u64, sum: &u32) -> Result<(), &'static str> {
        let bytes = exactly::<12>(payload)?;
        if long(&bytes, 0) != frames || word(&bytes, 8) != *sum {
            return Err("what came before is not what was written");
        }
        if self.states.len() as u32 != self.head.processors {
            return Err("registers of a processor are missing");
        }
        Ok(())
    }

    /// Copies storage out. False when some of it was not dumped.
    pub fn storage(&self, address: u64, into: &mut [u8]) -> bool {
        let Some(last) = address.checked_add((into.len() as u64).max(1) - 1) else { return false };
        let mut next = address;
        for &(from, to) in &self.ranges {
            if from <= next && next <= to {
                if to >= last {
                    next = u64::MAX;
                    break;
                }
                next = to + 1;
            }
        }
        if next != u64::MAX {
            return false;
        }
        into.fill(0);
        let before = self.pieces.range(..address).next_back();
        for (&start, piece) in before.into_iter().chain(self.pieces.range(address..=last)) {
            let end = start + piece.len() as u64;
            let (from, to) = (start.max(address), end.min(last.saturating_add(1)));
            if from < to {
                into[(from - address) as usize..(to - address) as usize]
                    .copy_from_slice(&piece[(from - start) as usize..(to - start) as usize]);
            }
        }
        true
    }
}

/// What is wrong with a head.
enum Wrong {
    Version(u32),
    Damaged(&'static str),
}

impl Wrong {
    fn error(self, at: u64) -> DumpError {
        match self {
            Wrong::Version(version) => DumpError::Version(version),
            Wrong::Damaged(what) => DumpError::Damaged { at, what },
        }
    }
}

fn exactly<const LENGTH: usize>(payload: &[u8]) -> Result<[u8; LENGTH], &'static str> {
    payload.try_into().map_err(|_| "a frame has another length than its kind")
}

fn head(payload: &[u8]) -> Result<Head, Wrong> {
    if payload.len() >= 4 && word(payload, 0) != VERSION {
        return Err(Wrong::Version(word(payload, 0)));
    }
    let bytes = exactly::<{ format::HEAD }>(payload).map_err(Wrong::Damaged)?;
    let kind = match word(&bytes, 4) {
        kind if kind == Kind::Cms as u32 => Kind::Cms,
        kind if kind == Kind::Pc as u32 => Kind::Pc,
        _ => return Err(Wrong::Damaged("there is no such kind of machine")),
    };
    let (processors, storage) = (word(&bytes, 8), long(&bytes, 16));
    if !(1..=PROCESSORS).contains(&processors) || storage == 0 || storage > STORAGE {
        return Err(Wrong::Damaged("there is no machine of that size"));
    }
    let text = |at: usize, length: usize| {
        let text = String::from_utf8_lossy(&bytes[at..at + length]).trim_end().to_string();
        text.chars().map(|character| if character.is_control() { '.' } else { character }).collect()
    };
    Ok(Head {
        kind,
        processors,
        storage,
        seconds: long(&bytes, 24),
        user: text(32, NAME),
        system: text(32 + NAME, NAME),
        format: text(32 + 2 * NAME, NAME),
        identification: text(32 + 3 * NAME, IDENTIFICATION),
    })
}

fn state(payload: &[u8]) -> Result<State, &'static str> {
    let mut state = State::reset();
    let mut words = payload.chunks_exact(8).map(|bytes| long(bytes, 0));
    let mut short = !payload.len().is_multiple_of(8);
    each_word(&mut state, &mut |word| match words.next() {
        Some(value) => *word = value,
        None => short = true,
    });
    if short || words.next().is_some() { Err("registers are too few or too many") } else { Ok(state) }
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;

    fn dumped() -> Vec<u8> {
        let head = Head {
            kind: Kind::Pc,
            processors: 2,
            storage: 1 << 20,
            seconds: 1_700_000_000,
            user: "PCUSER".to_string(),
            system: "TIMER".to_string(),
            format: "PC".to_string(),
            identification: "it hangs".to_string(),
        };
        let (mut writer, first) = Writer::begin(&head);
        let state = State { rip: 0x1234, halted: true, ..State::reset() };
        let mut records = vec![first, writer.registers(&state), writer.registers(&State::reset())];
        records.push(writer.range(0, 0xffff));
        records.push(writer.pages(0x1000, &[7; 0x2000]));
        records.push(writer.range(0x1_0000, 0x1_0fff));
        records.push(writer.end());
        records.concat()
    }

    #[test]
    fn a_dump_comes_back_as_it_was() {
        let dump = Dump::read(dumped().as_slice()).unwrap();
        assert_eq!((dump.head.user.as_str(), dump.head.identification.as_str(), dump.states.len()), ("PCUSER", "it hangs", 2));
        assert_eq!(dump.states[0], State { rip: 0x1234, halted: true, ..State::reset() });
        let mut bytes = [1; 4];
        assert!(dump.storage(0x0ffe, &mut bytes));
        assert_eq!(bytes, [0, 0, 7, 7]);
        assert!(dump.storage(0xfffe, &mut bytes), "from one range into the next");
        assert!(!dump.storage(0x1_0ffe, &mut bytes) && !dump.storage(u64::MAX, &mut bytes));
    }

    #[test]
    fn every_byte_that_is_cut_off_or_changed_is_noticed() {
        let whole = dumped();
        for length in 0..whole.len() {
            let error = Dump::read(&whole[..length]).unwrap_err();
            assert!(matches!(error, DumpError::Short(_) | DumpError::Foreign), "{length}: {error}");
        }
        for at in (0..whole.len()).step_by(7) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert!(Dump::read(changed.as_slice()).is_err(), "{at}");
        }
    }
}
