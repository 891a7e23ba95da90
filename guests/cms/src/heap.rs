//! The heap: from the end of the image towards the end of storage, grown on demand and given back after each command,
//! so that an idle machine keeps few pages.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, Ordering};

use talc::base::{Talc, binning::Binning};
use talc::source::Source;
use talc::{DefaultBinning, min_first_heap_size};

use crate::diagnose;

/// Storage is added to the heap in steps of this many bytes. Small: what the allocator writes at the end of a step is a touched page.
const STEP: usize = 16 * 1024;

/// The image's heap.
#[global_allocator]
pub static HEAP: Heap = Heap(UnsafeCell::new(Talc::new(Storage { end: None, next: 0, limit: 0 })));

/// Where the heap gets storage from.
#[derive(Debug)]
struct Storage {
    /// End of what the allocator has, once it has any.
    end: Option<NonNull<u8>>,
    /// Address of the first byte not given out.
    next: usize,
    /// End of storage.
    limit: usize,
}

// SAFETY: acquire touches the allocator only through the reference it is given and allocates nothing.
unsafe impl Source for Storage {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let first = if talc.source.end.is_none() { min_first_heap_size::<B>() } else { 0 };
        let wanted = layout
            .size()
            .checked_add(layout.align())
            .and_then(|bytes| bytes.checked_add(first + 256))
            .and_then(|bytes| bytes.checked_next_multiple_of(STEP))
            .ok_or(())?;
        let start = talc.source.next;
        let new_end = start.checked_add(wanted).filter(|&end| end <= talc.source.limit).ok_or(())?;
        let end = match talc.source.end {
            // SAFETY: start..new_end lies between the end of the image and the end of storage and was never given out.
            None => unsafe { talc.claim(start as *mut u8, wanted) }.ok_or(())?,
            // SAFETY: `end` is the heap's end as the allocator last answered it; the storage behind it is free.
            Some(end) => unsafe { talc.extend(end, new_end as *mut u8) },
        };
        talc.source.end = Some(end);
        talc.source.next = new_end;
        Ok(())
    }
}

/// The last request for storage could not be met.
static EXHAUSTED: AtomicBool = AtomicBool::new(false);

/// Whether the last request for storage could not be met.
pub fn exhausted() -> bool {
    EXHAUSTED.load(Ordering::Relaxed)
}

/// The allocator, for a machine with one processor.
pub struct Heap(UnsafeCell<Talc<Storage, DefaultBinning>>);

// SAFETY: a machine has one processor, and no interruption handler allocates.
unsafe impl Sync for Heap {}

impl Heap {
    /// Makes the heap empty, with the storage between the two addresses to grow in. Everything allocated is forgotten.
    ///
    /// # Safety
    /// Nothing allocated may be used any more, and nothing else may use that storage.
    pub unsafe fn reset(&self, start: usize, limit: usize) {
        // SAFETY: one processor; the caller vouches that no allocation lives. The old allocator owns nothing to drop.
        let used = unsafe {
            let used = (*self.0.get()).source.next;
            self.0.get().write(Talc::new(Storage { end: None, next: start, limit }));
            used
        };
        // Nothing to give back at IPL.
        release_pages(start, used);
    }

    /// Gives back the storage behind the last allocation.
    pub fn trim(&self) {
        // SAFETY: one processor, and this runs outside the allocator.
        let talc = unsafe { &mut *self.0.get() };
        let Some(end) = talc.source.end else { return };
        // One step is kept: a command that allocates a little again touches the same pages.
        // SAFETY: `end` is the heap's end as the allocator last answered it.
        let keep = unsafe { talc.reserved(end) }.up_to.as_ptr() as usize;
        let new_end = keep.next_multiple_of(diagnose::PAGE) + STEP;
        if new_end >= end.as_ptr() as usize {
            return;
        }
        // SAFETY: as above; truncate never goes below what is allocated.
        let Some(shorter) = (unsafe { talc.truncate(end, new_end as *mut u8) }) else {
            return;
        };
        let old_next = talc.source.next;
        talc.source.end = Some(shorter);
        talc.source.next = shorter.as_ptr() as usize;
        release_pages(talc.source.next, old_next);
    }
}

/// Releases the whole pages between two addresses.
fn release_pages(start: usize, end: usize) {
    let first = start.next_multiple_of(diagnose::PAGE);
    let last = end / diagnose::PAGE * diagnose::PAGE;
    if first < last {
        // SAFETY: the callers own this storage and nothing in it is live.
        unsafe { diagnose::release_pages(first, last - 1) };
    }
}

// SAFETY: the methods pass the caller's promises on to the allocator; one processor and no allocation in handlers.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one processor; the layout is the caller's, of non-zero size.
        let got = unsafe { (*self.0.get()).allocate(layout) };
        EXHAUSTED.store(got.is_none(), Ordering::Relaxed);
        got.map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: one processor; the caller got ptr from alloc with this layout.
        unsafe { (*self.0.get()).deallocate(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if new_size <= layout.size() {
            // SAFETY: one processor; as for dealloc, and the new size is not 0 and not greater.
            unsafe { (*self.0.get()).shrink(ptr, layout, new_size) };
            return ptr;
        }
        // SAFETY: as above.
        if unsafe { (*self.0.get()).try_grow_in_place(ptr, layout, new_size) } {
            return ptr;
        }
        // SAFETY: the caller vouches that new_size, rounded up to the alignment, is a valid size.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: new_size > 0.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            // SAFETY: both areas are valid for the old size and distinct.
            unsafe {
                core::ptr::copy_nonoverlapping(ptr, new, layout.size());
                self.dealloc(ptr, layout);
            }
        }
        new
    }
}
