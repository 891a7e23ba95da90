//! Many reads of the host that wait for its disk together, by io_uring. Where the kernel has none, or does not let us, there is no answer and
//! the caller reads one after the other.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::AsRawFd;

use io_uring::{IoUring, opcode, types};

/// Reads that are under way together.
const DEPTH: usize = 256;

/// One read: from a place in a file into pieces of storage.
pub(super) struct Read<'a> {
    pub(super) file: &'a File,
    pub(super) at: u64,
    pub(super) into: Vec<libc::iovec>,
}

/// A thread's ring: none yet, none possible, or one.
enum Ring {
    Untried,
    Impossible,
    Open(Box<IoUring>),
}

thread_local! {
    static RING: RefCell<Ring> = const { RefCell::new(Ring::Untried) };
}

/// Reads everything and waits for the end. Whether all of it came, or `None` when there is no io_uring.
///
/// # Safety
/// The pieces must be memory that the host may store into until this returns.
pub(super) unsafe fn read_all(reads: &[Read<'_>]) -> Option<bool> {
    RING.with_borrow_mut(|ring| {
        if let Ring::Untried = ring {
            *ring = IoUring::new(DEPTH as u32).map_or(Ring::Impossible, |ring| Ring::Open(Box::new(ring)));
        }
        let Ring::Open(open) = ring else { return None };
        let mut whole = true;
        for part in reads.chunks(DEPTH) {
            // SAFETY: the caller's promise.
            match unsafe { read_part(open, part) } {
                Some(came) => whole &= came,
                None => {
                    *ring = Ring::Impossible;
                    return None;
                }
            }
        }
        Some(whole)
    })
}

/// Reads what one filling of the ring holds. `None` when the kernel took nothing of it.
///
/// # Safety
/// As [`read_all`].
unsafe fn read_part(ring: &mut IoUring, reads: &[Read<'_>]) -> Option<bool> {
    for (number, read) in reads.iter().enumerate() {
        let fd = types::Fd(read.file.as_raw_fd());
        let entry = opcode::Readv::new(fd, read.into.as_ptr(), read.into.len() as u32).offset(read.at).build().user_data(number as u64);
        // SAFETY: file, vectors and the memory they name outlive the request: this function returns when all have ended. The ring was empty,
        // so there is room.
        unsafe { ring.submission().push(&entry) }.ok()?;
    }
    let mut left = reads.len();
    let mut whole = true;
    while left > 0 {
        if let Err(error) = ring.submit_and_wait(1)
            && !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY))
            && ring.submission().len() == reads.len()
        {
            return None;
        }
        for ended in ring.completion() {
            left -= 1;
            let wanted: usize = reads[ended.user_data() as usize].into.iter().map(|piece| piece.iov_len).sum();
            whole &= usize::try_from(ended.result()) == Ok(wanted);
        }
    }
    Some(whole)
}
