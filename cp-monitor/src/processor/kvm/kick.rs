//! How a run is ended from outside: one signal, a timer per processor, and a byte that KVM looks at.
//!
//! KVM polls `kvm_run.immediate_exit` when KVM_RUN begins, and a signal interrupts KVM_RUN while it runs. The handler stores 1 into
//! that byte of the processor its thread is running, so a signal is effective whether it lands before KVM_RUN or in it. The byte says
//! only "look": whether the slice is over is decided by the clock and by the kick flag, and a signal that means
//! neither is harmless. The order in the run loop (clear the byte, look, run) loses nothing: what comes after the look
//! sets the byte again.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// The signal. CP uses it for nothing else.
const SIGNAL: libc::c_int = libc::SIGUSR1;

thread_local! {
    /// `kvm_run.immediate_exit` of the processor that this thread runs. Constant initialiser and no destructor: access is a
    /// plain load, which a signal handler may do.
    static IMMEDIATE_EXIT: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
}

extern "C" fn look(_signal: libc::c_int) {
    let byte = IMMEDIATE_EXIT.get();
    if !byte.is_null() {
        // SAFETY: a non-null pointer is the live `immediate_exit` byte of a processor of this thread: `Look` takes it out before the
        // mapping goes away. All accesses to the byte are atomic or made by the kernel.
        unsafe { AtomicU8::from_ptr(byte) }.store(1, Ordering::SeqCst);
    }
}

/// Installs the handler, once per process.
fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        // SAFETY: an all-zero sigaction is a valid value of that plain C structure.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = look as extern "C" fn(libc::c_int) as usize;
        // Other system calls of the thread start again; KVM_RUN never does.
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: `action` is complete and the handler does only what a signal handler may.
        match unsafe { libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)),
        }
    });
    installed.map_err(io::Error::from_raw_os_error)
}

/// From now on signals to this thread are meant for no processor.
pub(super) fn deafen() {
    IMMEDIATE_EXIT.set(ptr::null_mut());
}

/// The `immediate_exit` byte of one processor.
pub(super) struct Look {
    byte: *mut u8,
}

impl Look {
    /// # Safety
    /// `byte` must stay valid for as long as the value lives, and be accessed only through it and by the kernel.
    pub(super) unsafe fn new(byte: *mut u8) -> io::Result<Self> {
        install()?;
        Ok(Self { byte })
    }

    /// From now on signals to this thread are meant for this processor. Answers whether they were not before.
    pub(super) fn listen(&self) -> bool {
        IMMEDIATE_EXIT.replace(self.byte) != self.byte
    }

    /// Sets the byte: 1 makes the next KVM_RUN return at once.
    pub(super) fn set(&self, value: u8) {
        // SAFETY: valid by the contract of `new`.
        unsafe { AtomicU8::from_ptr(self.byte) }.store(value, Ordering::SeqCst);
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if IMMEDIATE_EXIT.get() == self.byte {
            IMMEDIATE_EXIT.set(ptr::null_mut());
        }
    }
}

/// Interrupts the thread it was made on, from any thread. Harmless when that thread is gone: at worst another thread of CP looks in vain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread(libc::pid_t);

impl Thread {
    /// The calling thread.
    pub(super) fn current() -> Self {
        // SAFETY: the call has no preconditions.
        Self(unsafe { libc::gettid() })
    }

    /// Sends the signal.
    pub(super) fn interrupt(self) {
        // SAFETY: signals this process only; a thread that is gone gives ESRCH, which means there is nothing to interrupt.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), self.0, SIGNAL) };
    }
}

/// A timer that interrupts the thread it was made on.
pub(super) struct Timer(libc::timer_t);

impl Timer {
    /// A timer that is not running.
    pub(super) fn new() -> io::Result<Self> {
        install()?;
        // SAFETY: an all-zero sigevent is a valid value of that plain C structure.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        event.sigev_notify_thread_id = Thread::current().0;
        let mut timer = ptr::null_mut();
        // SAFETY: both pointers are to live, complete values.
        match unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) } {
            0 => Ok(Self(timer)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Interrupts once, `after` from now. At least a nanosecond: zero would stop the timer.
    pub(super) fn start(&self, after: Duration) {
        let seconds = libc::time_t::try_from(after.as_secs()).unwrap_or(libc::time_t::MAX);
        let nanoseconds = libc::c_long::from(after.subsec_nanos() as i32).max(i64::from(seconds == 0));
        let once = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec { tv_sec: seconds, tv_nsec: nanoseconds },
        };
        // SAFETY: the timer is ours and lives, `once` is a complete value with nanoseconds in range: the call cannot fail.
        unsafe { libc::timer_settime(self.0, 0, &raw const once, ptr::null_mut()) };
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: the timer is ours and is not used again.
        unsafe { libc::timer_delete(self.0) };
    }
}
