//! Storage of a machine: a few regions of plain host memory at guest-physical addresses. The one file here that touches raw memory.
//!
//! A [`Window`] is a page of a region that a processor has translated an address to. It borrows the [`Memory`], so it cannot
//! outlive it, and every access through it is confined to its 4096 bytes: what a guest computes can never leave the region.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::tlb::Tlb;
use crate::trace::Traces;

/// Bytes in a page.
pub const PAGE: u64 = 4096;

/// Host memory at a guest-physical address.
pub struct Region {
    base: u64,
    length: u64,
    pointer: NonNull<u8>,
    /// The memory, when it is ours; it is used by its pointer only.
    _owned: Option<Vec<u64>>,
}

impl Region {
    /// `length` bytes of zeros at `base`; both multiples of 4096. The host gives pages when they are touched.
    pub fn owned(base: u64, length: u64) -> Self {
        let mut owned = vec![0_u64; (length / 8) as usize];
        let pointer = NonNull::from(owned.as_mut_slice()).cast();
        Self { base, length, pointer, _owned: Some(owned) }
    }

    /// `length` bytes of the caller's at `base`; both multiples of 4096.
    ///
    /// # Safety
    ///
    /// `pointer` must be valid for reads and writes of `length` bytes as long as the [`Memory`] made of this lives, and while a
    /// processor runs no other thread may store into bytes that it uses. What is stored by others between runs is to be told
    /// ([`Memory::changed_outside`]), or old code may run.
    pub unsafe fn mapped(base: u64, pointer: NonNull<u8>, length: u64) -> Self {
        Self { base, length, pointer, _owned: None }
    }
}

/// Why regions do not make a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// Base or length is not a multiple of 4096, or the region goes beyond 2^52.
    Unaligned,
    /// Two regions overlap.
    Overlap,
}

impl std::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unaligned => "Storage regions consist of whole pages below 2^52",
            Self::Overlap => "Storage regions overlap",
        })
    }
}

impl std::error::Error for LayoutError {}

/// Some bytes of a range are not storage; none was transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStorage;

impl std::fmt::Display for NotStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("The address is outside storage")
    }
}

impl std::error::Error for NotStorage {}

/// The storage of one machine. It can be sent to another thread, not shared between threads.
pub struct Memory {
    /// The largest first: it is found at once.
    regions: Vec<Region>,
    /// Different from all others in this process.
    identity: u64,
    /// 128-byte parts of each page that hold code which some processor has decoded.
    code: Vec<Cell<u32>>,
    /// Moves whenever such code may have changed. Never 0.
    epoch: Cell<u64>,
    /// Pages that became code so far: stores into them are looked at from then on.
    marked: Cell<u64>,
    /// Decoded code, which all processors of this storage share. A run takes it.
    traces: Cell<Option<Box<Traces>>>,
}

// SAFETY: the regions are owned, or their owner promised that they are valid for as long as this lives; not being `Sync`, only one
// thread at a time can use them through this.
unsafe impl Send for Memory {}

impl Memory {
    /// Storage made of these regions.
    pub fn new(mut regions: Vec<Region>) -> Result<Self, LayoutError> {
        for region in &regions {
            let end = region.base.checked_add(region.length).ok_or(LayoutError::Unaligned)?;
            if region.base % PAGE != 0 || region.length % PAGE != 0 || end > 1 << 52 {
                return Err(LayoutError::Unaligned);
            }
        }
        regions.sort_by_key(|region| region.base);
        if regions.windows(2).any(|pair| pair[0].base + pair[0].length > pair[1].base) {
            return Err(LayoutError::Overlap);
        }
        regions.sort_by_key(|region| std::cmp::Reverse(region.length));
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let pages = regions.iter().map(|region| region.length / PAGE).sum::<u64>() as usize;
        let identity = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { regions, identity, code: vec![Cell::new(0); pages], epoch: Cell::new(1), marked: Cell::new(0), traces: Cell::new(None) })
    }

    /// Loads bytes from a guest-physical address.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), NotStorage> {
        self.each_page(address, bytes.len(), |window, offset, range| window.load(offset, &mut bytes[range]))
    }

    /// Stores bytes at a guest-physical address. Changed code is noticed at the next run, or after the bus access that does it; changed page
    /// tables are, as on any processor, when translations are next forgotten.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), NotStorage> {
        self.each_page(address, bytes.len(), |window, offset, range| {
            let (at, size) = (address + range.start as u64, range.len() as u64);
            window.store(offset, &bytes[range]);
            self.stored(at, size);
        })
    }

    /// Bytes of all regions together.
    pub fn size(&self) -> u64 {
        self.regions.iter().map(|region| region.length).sum()
    }

    fn each_page(
        &self,
        address: u64,
        length: usize,
        mut each: impl FnMut(Window<'_>, usize, std::ops::Range<usize>),
    ) -> Result<(), NotStorage> {
        let end = address.checked_add(length as u64).ok_or(NotStorage)?;
        let mut page = address & !(PAGE - 1);
        while page < end {
            self.window(page).ok_or(NotStorage)?;
            page += PAGE;
        }
        let mut done = 0;
        while done < length {
            let at = address + done as u64;
            let offset = (at % PAGE) as usize;
            let part = (PAGE as usize - offset).min(length - done);
            each(self.window(at).ok_or(NotStorage)?, offset, done..done + part);
            done += part;
        }
        Ok(())
    }

    /// The page that holds a guest-physical address, if it is storage.
    #[inline]
    pub(crate) fn window(&self, address: u64) -> Option<Window<'_>> {
        let page = address & !(PAGE - 1);
        self.regions.iter().find_map(|region| {
            let offset = page.wrapping_sub(region.base);
            // SAFETY: `offset` is a multiple of the page size below the length, which is one too, so the page is in the region.
            (offset < region.length).then(|| Window { page: unsafe { region.pointer.add(offset as usize) }, memory: PhantomData })
        })
    }

    /// Decoded code is as in storage while this stays the same.
    #[inline(always)]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    /// Decoded code may differ from storage.
    fn code_changed(&self) {
        self.epoch.set(self.epoch.get() + 1);
    }

    /// Says that bytes of mapped regions may have changed in another way than by [`Memory::write`] and by processors of this storage: code is
    /// compared before it is executed again. Between two runs only.
    pub fn changed_outside(&self) {
        self.code_changed();
    }

    /// Takes the decoded code for a run.
    pub(crate) fn take_traces(&self) -> Box<Traces> {
        self.traces.take().unwrap_or_default()
    }

    /// Puts it back.
    pub(crate) fn put_traces(&self, traces: Box<Traces>) {
        self.traces.set(Some(traces));
    }

    /// Pages that became code so far.
    pub(crate) fn marked(&self) -> u64 {
        self.marked.get()
    }

    /// Bytes of one page were stored; whether decoded code was among them. What is decoded there again is marked again, so a page that
    /// was code once and is data now becomes plain.
    pub(crate) fn stored(&self, physical: u64, size: u64) -> bool {
        let Some(code) = self.page_number(physical).map(|page| &self.code[page]) else { return false };
        let found = code.get() & parts(physical, size) != 0;
        if found {
            code.set(code.get() & !parts(physical, size));
            self.code_changed();
        }
        found
    }

    /// Bytes of one page were decoded; whether they are the first of their page.
    pub(crate) fn decoded(&self, physical: u64, size: u64) -> bool {
        let Some(code) = self.page_number(physical).map(|page| &self.code[page]) else { return false };
        let before = code.get();
        code.set(before | parts(physical, size));
        if before == 0 {
            self.marked.set(self.marked.get() + 1);
        }
        before == 0
    }

    /// Whether a page holds decoded code.
    pub(crate) fn has_code(&self, physical: u64) -> bool {
        self.page_number(physical).is_some_and(|page| self.code[page].get() != 0)
    }

    /// A number for the page of a guest-physical address, if it is storage.
    fn page_number(&self, address: u64) -> Option<usize> {
        let mut before = 0;
        for region in &self.regions {
            let offset = address.wrapping_sub(region.base);
            if offset < region.length {
                return Some(((before + offset) / PAGE) as usize);
            }
            before += region.length;
        }
        None
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.regions.iter().map(|region| region.base..region.base + region.length)).finish()
    }
}

/// The 128-byte parts of a page that some of its bytes lie in, a bit for each.
fn parts(physical: u64, size: u64) -> u32 {
    let (first, last) = ((physical & 0xfff) / 128, ((physical & 0xfff) + size - 1) / 128);
    u32::MAX >> (31 - (last - first)) << first
}

/// A page of storage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window<'m> {
    page: NonNull<u8>,
    memory: PhantomData<&'m Memory>,
}

impl Window<'_> {
    /// Loads `SIZE` (1, 2, 4 or 8) bytes at an offset of which the caller knows that they lie in the page; if they do not, the
    /// access is moved into it.
    #[inline(always)]
    pub(crate) fn get<const SIZE: usize>(self, offset: u64) -> u64 {
        let at = (offset & (PAGE - 1)).min(PAGE - SIZE as u64) as usize;
        // SAFETY: `page` is a whole page of a region that `memory` keeps alive, and `at + SIZE` is at most its size.
        unsafe {
            let from = self.page.add(at);
            match SIZE {
                1 => u64::from(from.read()),
                2 => u64::from(from.cast::<u16>().read_unaligned()),
                4 => u64::from(from.cast::<u32>().read_unaligned()),
                _ => from.cast::<u64>().read_unaligned(),
            }
        }
    }

    /// Stores the low `SIZE` bytes of a value; offsets as in [`Window::get`].
    #[inline(always)]
    pub(crate) fn put<const SIZE: usize>(self, offset: u64, value: u64) {
        let at = (offset & (PAGE - 1)).min(PAGE - SIZE as u64) as usize;
        // SAFETY: as in `get`; regions are writable.
        unsafe {
            let to = self.page.add(at);
            match SIZE {
                1 => to.write(value as u8),
                2 => to.cast::<u16>().write_unaligned(value as u16),
                4 => to.cast::<u32>().write_unaligned(value as u32),
                _ => to.cast::<u64>().write_unaligned(value),
            }
        }
    }

    /// Loads bytes; the range must lie in the page.
    pub(crate) fn load(self, offset: usize, bytes: &mut [u8]) {
        assert!(offset + bytes.len() <= PAGE as usize);
        // SAFETY: the range is in the page (asserted); `bytes` is a Rust object, which no region overlaps.
        unsafe { std::ptr::copy_nonoverlapping(self.page.add(offset).as_ptr(), bytes.as_mut_ptr(), bytes.len()) }
    }

    /// Stores bytes; the range must lie in the page.
    pub(crate) fn store(self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= PAGE as usize);
        // SAFETY: as in `load`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.page.add(offset).as_ptr(), bytes.len()) }
    }

    /// Whether the page has these bytes at an offset.
    pub(crate) fn holds(self, offset: usize, bytes: &[u8]) -> bool {
        assert!(offset + bytes.len() <= PAGE as usize);
        // SAFETY: the range is in the page (asserted), and nobody stores into it during the comparison.
        unsafe { std::slice::from_raw_parts(self.page.add(offset).as_ptr(), bytes.len()) == bytes }
    }

    /// Copies bytes between two pages or within one, as if one at a time in ascending order does not matter: the ranges must not
    /// overlap in a way that it would (the caller's business; the result is otherwise as of a copy aside).
    pub(crate) fn copy(self, offset: usize, from: Window<'_>, source: usize, length: usize) {
        assert!(offset + length <= PAGE as usize && source + length <= PAGE as usize);
        // SAFETY: both ranges are in their pages (asserted); `copy` allows overlap.
        unsafe { std::ptr::copy(from.page.add(source).as_ptr(), self.page.add(offset).as_ptr(), length) }
    }

    /// Fills bytes with repetitions of the low `size` bytes of `value`.
    pub(crate) fn fill(self, offset: usize, length: usize, value: u64, size: usize) {
        assert!(offset + length <= PAGE as usize && length.is_multiple_of(size));
        if value == u64::from(value as u8) * ((u64::MAX / 255) >> (64 - 8 * size)) {
            // SAFETY: the range is in the page (asserted).
            unsafe { self.page.add(offset).write_bytes(value as u8, length) }
            return;
        }
        let bytes = value.to_le_bytes();
        for at in (offset..offset + length).step_by(size) {
            self.store(at, &bytes[..size]);
        }
    }
}

/// Translations that stay from run to run. They point into the storage they were made for, and are only lent to runs on that one.
pub(crate) struct Kept {
    /// Storage of the translations.
    identity: u64,
    /// None while they are lent.
    tables: Option<Box<Tlb<'static>>>,
}

// SAFETY: the windows are used on a thread only while they are lent, and then that thread borrows their storage.
unsafe impl Send for Kept {}

impl Kept {
    pub(crate) fn new() -> Self {
        Self { identity: 0, tables: None }
    }

    /// The translations, for a run on `memory`: empty if they were of another storage.
    pub(crate) fn lend<'m>(&mut self, memory: &'m Memory) -> Box<Tlb<'m>> {
        match self.tables.take() {
            // SAFETY: only the lifetime changes. Identities are never used twice, so this is the storage that the windows point into; its regions stay
            // where they are as long as it lives, and it is borrowed for 'm.
            Some(tables) if self.identity == memory.identity => unsafe { std::mem::transmute::<Box<Tlb<'static>>, Box<Tlb<'m>>>(tables) },
            _ => Tlb::new(),
        }
    }

    /// Takes them back after the run: all windows in them are of `memory`.
    pub(crate) fn take_back<'m>(&mut self, memory: &'m Memory, tables: Box<Tlb<'m>>) {
        self.identity = memory.identity;
        // SAFETY: only the lifetime changes, and nothing is loaded or stored through the windows before `lend` finds the same storage alive.
        self.tables = Some(unsafe { std::mem::transmute::<Box<Tlb<'m>>, Box<Tlb<'static>>>(tables) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_whole_pages_apart_from_each_other() {
        let layout =
            |regions: &[(u64, u64)]| Memory::new(regions.iter().map(|&(base, length)| Region::owned(base, length)).collect()).err();
        assert_eq!(layout(&[(0, 0xa0000), (0x10_0000, 0x10_0000)]), None);
        assert_eq!(layout(&[(0, 0x1001)]), Some(LayoutError::Unaligned));
        assert_eq!(layout(&[(8, 0x1000)]), Some(LayoutError::Unaligned));
        assert_eq!(layout(&[(!0xfff, 0x1000)]), Some(LayoutError::Unaligned));
        assert_eq!(layout(&[(0, 0x2000), (0x1000, 0x1000)]), Some(LayoutError::Overlap));
    }

    #[test]
    fn a_transfer_is_whole_or_not_at_all() {
        let memory = Memory::new(vec![Region::owned(0, 0x2000), Region::owned(0x4000, 0x1000)]).unwrap();
        assert_eq!(memory.write(0xffe, b"abcd"), Ok(()));
        assert_eq!(memory.write(0x1ffe, b"1234"), Err(NotStorage));
        assert_eq!(memory.write(u64::MAX, b"1234"), Err(NotStorage));
        let mut bytes = [0; 4];
        assert_eq!(memory.read(0xffe, &mut bytes), Ok(()));
        assert_eq!(&bytes, b"abcd");
        memory.read(0x1ffc, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 4]);
        assert_eq!((memory.page_number(0x4fff), memory.page_number(0x5000), memory.code.len()), (Some(2), None, 3));
    }

    #[test]
    fn fills_repeat_the_element() {
        let memory = Memory::new(vec![Region::owned(0, 0x1000)]).unwrap();
        let page = memory.window(0).unwrap();
        page.fill(8, 8, 0x0102_0304, 4);
        page.fill(16, 4, 0x7777, 2);
        assert_eq!((page.get::<8>(8), page.get::<8>(16)), (0x0102_0304_0102_0304, 0x7777_7777));
    }
}
