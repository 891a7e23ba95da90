//! One file of a minidisk: all blocks, or those that differ from the layer below.
//!
//! An overlay has a map, a bit for each block that it holds, between header and blocks. A block is written first and its bit set in storage;
//! [`Layer::flush`] makes the blocks durable, then writes the map, then makes that durable. So after a crash the map never names a block
//! that was lost: such a block reads as it did before, in the layer below.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::{ExtentError, io_error};
use super::header::{Header, LayerId};
use crate::edf::BLOCK_SIZE;
use crate::sparse;

/// One file of a minidisk.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) file: File,
    /// The layer that has what this one lacks.
    pub(super) base: Option<LayerId>,
    /// Where block 1 stands.
    data_at: u64,
    /// None: it holds every block.
    map: Option<Map>,
}

#[derive(Debug)]
struct Map {
    words: Vec<AtomicU64>,
    /// For each block of the map on the host: it differs from what is here.
    changed: Vec<AtomicBool>,
    /// Held while the map is written, so that no flush ends before one that has taken its changes.
    writing: Mutex<()>,
}

/// Words of the map in a block of the host's file.
const WORDS: usize = BLOCK_SIZE / 8;

impl Layer {
    /// Reads the map of an open file whose header was read.
    pub(super) fn load(file: File, header: &Header, base: Option<LayerId>, path: &Path) -> Result<Layer, ExtentError> {
        let map = match base {
            None => None,
            Some(_) => Some(Map::load(&file, header).map_err(|source| io_error(path, source))?),
        };
        Ok(Layer { file, base, data_at: header.data_at(base), map })
    }

    /// Whether it holds a block.
    pub(super) fn holds(&self, block: u32) -> bool {
        self.map.as_ref().is_none_or(|map| map.contains(block))
    }

    /// Whether it holds every block.
    pub(super) fn is_whole(&self) -> bool {
        self.map.is_none()
    }

    /// Whether it holds no block.
    pub(super) fn is_empty(&self) -> bool {
        self.map.as_ref().is_some_and(|map| map.words.iter().all(|word| word.load(Ordering::Acquire) == 0))
    }

    /// Blocks that it holds, if it does not hold all.
    pub(super) fn held(&self) -> Option<u32> {
        let map = self.map.as_ref()?;
        Some(map.words.iter().map(|word| word.load(Ordering::Acquire).count_ones()).sum())
    }

    /// Where a block stands in the file.
    pub(super) fn offset(&self, block: u32) -> u64 {
        self.data_at + u64::from(block - 1) * BLOCK_SIZE as u64
    }

    /// The first run of blocks from `from` to `last` that it holds and that are no hole of the file: first and last of them.
    pub(super) fn next_data(&self, from: u32, last: u32) -> io::Result<Option<(u32, u32)>> {
        if from > last {
            return Ok(None);
        }
        let Some(map) = &self.map else {
            let found = sparse::next_data(&self.file, self.offset(from), self.offset(last) + BLOCK_SIZE as u64)?;
            let block = |at: u64| ((at - self.data_at) / BLOCK_SIZE as u64) as u32 + 1;
            return Ok(found.map(|range| (block(range.start), block(range.end - 1))));
        };
        let Some(first) = map.next_held(from, last) else { return Ok(None) };
        let run = (first..=last).take_while(|&block| map.contains(block)).count() as u32;
        Ok(Some((first, first + run - 1)))
    }

    /// Blocks were written to the file: it holds them now.
    pub(super) fn written(&self, first: u32, count: u32) {
        if let Some(map) = &self.map {
            (first..first + count).for_each(|block| map.insert(block));
        }
    }

    /// Makes every block written so far durable.
    pub(super) fn flush(&self) -> io::Result<()> {
        let Some(map) = self.map.as_ref() else { return self.file.sync_data() };
        let _writing = map.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let pages: Vec<usize> = (0..map.changed.len()).filter(|&page| map.changed[page].swap(false, Ordering::AcqRel)).collect();
        if pages.is_empty() {
            return self.file.sync_data();
        }
        // The blocks of every bit in the copies were written before the bit was set, so they become durable first.
        let copies: Vec<(usize, Vec<u8>)> = pages.iter().map(|&page| (page, map.page(page))).collect();
        let written = self.file.sync_data().and_then(|()| {
            copies.iter().try_for_each(|(page, bytes)| self.file.write_all_at(bytes, ((page + 1) * BLOCK_SIZE) as u64))?;
            self.file.sync_data()
        });
        written.inspect_err(|_| pages.iter().for_each(|&page| map.changed[page].store(true, Ordering::Release)))
    }

    /// Whether blocks were written that only a flush would let the host's file know of.
    pub(super) fn is_ahead(&self) -> bool {
        self.map.as_ref().is_some_and(|map| map.changed.iter().any(|page| page.load(Ordering::Acquire)))
    }
}

impl Map {
    /// The map of an overlay; holes of the file are empty parts.
    fn load(file: &File, header: &Header) -> io::Result<Map> {
        let length = header.map_bytes();
        let (start, end) = (BLOCK_SIZE as u64, (BLOCK_SIZE + length) as u64);
        let mut bytes = vec![0; length];
        let mut at = start;
        while let Some(range) = sparse::next_data(file, at, end)? {
            file.read_exact_at(&mut bytes[(range.start - start) as usize..(range.end - start) as usize], range.start)?;
            at = range.end;
        }
        let words = bytes.as_chunks::<8>().0.iter().map(|&word| AtomicU64::new(u64::from_le_bytes(word))).collect();
        let changed = (0..length / BLOCK_SIZE).map(|_| AtomicBool::new(false)).collect();
        Ok(Map { words, changed, writing: Mutex::new(()) })
    }

    fn contains(&self, block: u32) -> bool {
        let place = block as usize - 1;
        self.words.get(place / 64).is_some_and(|word| word.load(Ordering::Acquire) & (1 << (place % 64)) != 0)
    }

    fn next_held(&self, from: u32, last: u32) -> Option<u32> {
        let mut block = from;
        while block <= last {
            let place = block as usize - 1;
            let rest = self.words.get(place / 64)?.load(Ordering::Acquire) >> (place % 64);
            if rest != 0 {
                return Some(block + rest.trailing_zeros()).filter(|&block| block <= last);
            }
            block = (place / 64 * 64 + 65) as u32;
        }
        None
    }

    fn insert(&self, block: u32) {
        let place = block as usize - 1;
        let before = self.words[place / 64].fetch_or(1 << (place % 64), Ordering::AcqRel);
        if before & (1 << (place % 64)) == 0 {
            self.changed[place / 64 / WORDS].store(true, Ordering::Release);
        }
    }

    /// A block of the map as it stands in the host's file.
    fn page(&self, page: usize) -> Vec<u8> {
        self.words[page * WORDS..(page + 1) * WORDS].iter().flat_map(|word| word.load(Ordering::Acquire).to_le_bytes()).collect()
    }
}
