//! The host's own processor: cases run in a child process, from signal handler to signal handler. Each case ends by an exception, if by no other
//! then by the INT3 after its code; the kernel then shows all registers, the vector, the error code and the address.
#![allow(unsafe_code)]

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::case::{CODE, CODE_16, CODE_BYTES, Case, DATA, DATA_16, DATA_BYTES, Outcome, Width};

/// Shared between parent and child.
pub struct Batch {
    cases: *mut Case,
    outcomes: *mut Outcome,
    started: *mut usize,
    capacity: usize,
}

// What the handlers of the child work on.
static CASES: AtomicPtr<Case> = AtomicPtr::new(null_mut());
static OUTCOMES: AtomicPtr<Outcome> = AtomicPtr::new(null_mut());
static STARTED: AtomicPtr<usize> = AtomicPtr::new(null_mut());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// General registers of a `ucontext` in the order of the encoding.
const ORDER: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

fn map(length: usize, at: u64, shared: bool, protection: i32) -> *mut u8 {
    let place = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    let fixed = if at == 0 { 0 } else { libc::MAP_FIXED_NOREPLACE };
    // SAFETY: anonymous memory, at a free place.
    let address = unsafe { libc::mmap(at as *mut _, length, protection, place | fixed | libc::MAP_ANONYMOUS, -1, 0) };
    assert_ne!(address, libc::MAP_FAILED, "mmap of {length} bytes at {at:#x} failed");
    address.cast()
}

/// Makes the segments of 16-bit code in this process and those it forks; whether the kernel lets.
pub fn has_segments_16() -> bool {
    // An entry as modify_ldt takes it: number, base, limit, and flags: contents from bit 1 on (2 is code, 0 data), usable is bit 6.
    let entry = |selector: u16, base: u64, contents: u32| [u32::from(selector) >> 3, base as u32, 0xffff, contents << 1 | 1 << 6];
    [entry(CODE_16, CODE, 2), entry(DATA_16, DATA, 0)].iter().all(|entry| {
        // SAFETY: writes one entry of the local descriptor table, which nothing else in this process uses.
        unsafe { libc::syscall(libc::SYS_modify_ldt, 1, entry.as_ptr(), size_of_val(entry)) == 0 }
    })
}

impl Batch {
    /// Room for so many cases.
    pub fn new(capacity: usize) -> Self {
        let both = libc::PROT_READ | libc::PROT_WRITE;
        Self {
            cases: map(capacity * size_of::<Case>(), 0, true, both).cast(),
            outcomes: map(capacity * size_of::<Outcome>(), 0, true, both).cast(),
            started: map(4096, 0, true, both).cast(),
            capacity,
        }
    }

    /// Runs the cases; their outcomes, or the number of the case that the child did not survive.
    pub fn run(&mut self, cases: &[Case]) -> Result<&[Outcome], usize> {
        assert!(cases.len() <= self.capacity);
        // SAFETY: the mappings have room for `capacity` of each; the child is the only other user and ends before this returns. In the child only
        // system calls and plain stores follow the fork.
        unsafe {
            std::ptr::copy_nonoverlapping(cases.as_ptr(), self.cases, cases.len());
            *self.started = 0;
            let child = libc::fork();
            assert!(child >= 0, "fork failed");
            if child == 0 {
                self.child(cases.len());
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
                Ok(std::slice::from_raw_parts(self.outcomes, cases.len()))
            } else {
                Err((*self.started).saturating_sub(1))
            }
        }
    }

    /// # Safety
    ///
    /// In a child process that does nothing else.
    unsafe fn child(&self, count: usize) -> ! {
        CASES.store(self.cases, Ordering::Relaxed);
        OUTCOMES.store(self.outcomes, Ordering::Relaxed);
        STARTED.store(self.started, Ordering::Relaxed);
        COUNT.store(count, Ordering::Relaxed);
        let both = libc::PROT_READ | libc::PROT_WRITE;
        map(DATA_BYTES, DATA, false, both);
        let only_read = map(4096, DATA + DATA_BYTES as u64, false, libc::PROT_READ);
        map(4096, CODE, false, both | libc::PROT_EXEC);
        let stack = map(1 << 16, 0, false, both);
        // SAFETY: this process belongs to the cases; the handler returns to them and to nothing else.
        unsafe {
            only_read.read_volatile();
            libc::alarm(20);
            let alternate = libc::stack_t { ss_sp: stack.cast(), ss_flags: 0, ss_size: 1 << 16 };
            libc::sigaltstack(&alternate, null_mut());
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP] {
                libc::sigaction(signal, &action, null_mut());
            }
            libc::raise(libc::SIGTRAP);
            libc::_exit(2)
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, used by nobody any more.
        unsafe {
            libc::munmap(self.cases.cast(), self.capacity * size_of::<Case>());
            libc::munmap(self.outcomes.cast(), self.capacity * size_of::<Outcome>());
            libc::munmap(self.started.cast(), 4096);
        }
    }
}

extern "C" fn handler(_: i32, _: *const libc::siginfo_t, context: *mut libc::ucontext_t) {
    // SAFETY: called by the kernel with a context to return to, in a child that runs nothing else; the cases are in shared memory.
    unsafe {
        // NT and ID would stay from case to case: the kernel does not set them from a context.
        std::arch::asm!("pushfq", "and qword ptr [rsp], {0}", "popfq", const !0x20_4000_i32);
        let started = STARTED.load(Ordering::Relaxed);
        let context = &mut (*context).uc_mcontext;
        let floating = &mut *context.fpregs;
        if *started > 0 {
            let outcome = &mut *OUTCOMES.load(Ordering::Relaxed).add(*started - 1);
            let registers = &mut outcome.registers;
            for (general, register) in registers.general.iter_mut().zip(ORDER) {
                *general = context.gregs[register as usize] as u64;
            }
            registers.rip = context.gregs[libc::REG_RIP as usize] as u64;
            registers.rflags = context.gregs[libc::REG_EFL as usize] as u64;
            outcome.vector = context.gregs[libc::REG_TRAPNO as usize] as u32;
            outcome.error = context.gregs[libc::REG_ERR as usize] as u32;
            outcome.address = context.gregs[libc::REG_CR2 as usize] as u64;
            registers.mxcsr = floating.mxcsr;
            registers.control = floating.cwd;
            registers.status = floating.swd;
            registers.in_use = floating.ftw as u8;
            registers.stack = std::ptr::from_ref(&floating._st).cast::<[u128; 8]>().read_unaligned();
            registers.xmm = std::ptr::from_ref(&floating._xmm).cast::<[u128; 16]>().read_unaligned();
            std::ptr::copy_nonoverlapping(DATA as *const u8, outcome.data.as_mut_ptr(), DATA_BYTES);
        }
        if *started == COUNT.load(Ordering::Relaxed) {
            libc::_exit(0);
        }
        let case = &*CASES.load(Ordering::Relaxed).add(*started);
        *started += 1;
        std::ptr::copy_nonoverlapping(case.data.as_ptr(), DATA as *mut u8, DATA_BYTES);
        std::ptr::copy_nonoverlapping(case.code.as_ptr(), CODE as *mut u8, CODE_BYTES);
        std::ptr::write_bytes((CODE as *mut u8).add(CODE_BYTES), 0, 4096 - CODE_BYTES);
        for (general, register) in case.registers.general.iter().zip(ORDER) {
            context.gregs[register as usize] = *general as i64;
        }
        context.gregs[libc::REG_RIP as usize] = case.registers.rip as i64;
        // Code and stack segment come from the context, data segments stay as they are loaded here.
        let (code, data) = match case.width {
            Width::Bits16 => (CODE_16, DATA_16),
            Width::Bits32 => (0x23, 0x2b),
            Width::Bits64 => (0x33, 0x2b),
        };
        let selectors = &mut context.gregs[libc::REG_CSGSFS as usize];
        *selectors = *selectors & 0x0000_ffff_ffff_0000 | i64::from(code) | i64::from(data) << 48;
        std::arch::asm!("mov ds, {0:x}", "mov es, {0:x}", in(reg) data);
        context.gregs[libc::REG_EFL as usize] = case.registers.rflags as i64;
        floating.mxcsr = case.registers.mxcsr;
        floating.cwd = case.registers.control;
        floating.swd = case.registers.status;
        floating.ftw = u16::from(case.registers.in_use);
        std::ptr::from_mut(&mut floating._st).cast::<[u128; 8]>().write_unaligned(case.registers.stack);
        std::ptr::from_mut(&mut floating._xmm).cast::<[u128; 16]>().write_unaligned(case.registers.xmm);
        // The header of the extended area says that x87 and SSE are to be loaded from here.
        let header = std::ptr::from_mut(floating).cast::<u8>().add(512).cast::<u64>();
        header.write_unaligned(header.read_unaligned() | 3);
    }
}
