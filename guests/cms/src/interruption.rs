//! Interruptions and abnormal ends: what happens when a command fails, and when a line is typed while one runs.
//!
//! Both handlers run on stacks of their own and allocate nothing. An abnormal end abandons stack and heap and starts the
//! shell again from the session that was kept outside them.

use core::arch::naked_asm;
use core::cell::UnsafeCell;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicUsize, Ordering};

use abi::{LOW_STORAGE, LowStorage, Psw, SavedState, mask, program};
use shell::cp::{Immediate, Tracing};
use shell::immediate::OwnImmediates;
use shell::session::Session;

use crate::diagnose;
use crate::text::{Line, TypedAhead};

/// Completion code of a panic in CMS itself (X'0FE').
pub const PANIC_CODE: i32 = 254;
/// Completion code when storage runs out: CMS's return code for it.
const STORAGE_CODE: i32 = 104;
/// Completion code of a command that HX ended.
const HALTED_CODE: i32 = 222;

/// A place that only the one processor touches: by its owner with the class of interruptions that also touches it disabled.
struct Place<T>(UnsafeCell<T>);
// SAFETY: one processor; each use says why nothing else is using the place.
unsafe impl<T> Sync for Place<T> {}

/// Stack of a handler.
#[repr(C, align(16))]
struct Stack([u8; 8192]);

/// Where the attention handler keeps the vector registers of the interrupted command.
#[repr(C, align(16))]
struct VectorRegisters([u8; 512]);

static PROGRAM_STACK: Place<Stack> = Place(UnsafeCell::new(Stack([0; 8192])));
static ATTENTION_STACK: Place<Stack> = Place(UnsafeCell::new(Stack([0; 8192])));
static VECTOR_REGISTERS: Place<VectorRegisters> = Place(UnsafeCell::new(VectorRegisters([0; 512])));
static SESSIONS: Place<[Session; 2]> = Place(UnsafeCell::new([Session::NEW; 2]));
static TYPED_AHEAD: Place<TypedAhead> = Place(UnsafeCell::new(TypedAhead::NEW));
static OWN_IMMEDIATES: Place<OwnImmediates> = Place(UnsafeCell::new(OwnImmediates::NONE));
static LAST_ABEND: Place<Option<Abend>> = Place(UnsafeCell::new(None));

/// The slot of SESSIONS that is in force.
static IN_FORCE: AtomicUsize = AtomicUsize::new(0);
/// There are lines in TYPED_AHEAD.
static LINES_TYPED: AtomicBool = AtomicBool::new(false);
/// HT was typed: the running command's lines are not shown.
static TYPING_HALTED: AtomicBool = AtomicBool::new(false);
/// HI, TS or TE was typed for the program that runs: its place in [`IMMEDIATES`], 0 for none.
static IMMEDIATE: AtomicU8 = AtomicU8::new(0);
/// What [`IMMEDIATE`] stands for.
const IMMEDIATES: [Immediate; 4] = [Immediate::None, Immediate::HaltInterpretation, Immediate::TraceStart, Immediate::TraceEnd];
/// HO, SO or RO was typed: its place in [`TRACINGS`], 0 for none.
static TRACING: AtomicU8 = AtomicU8::new(0);
/// What [`TRACING`] stands for.
const TRACINGS: [Option<Tracing>; 4] = [None, Some(Tracing::Halt), Some(Tracing::Suspend), Some(Tracing::Resume)];
/// HB was typed.
static BATCH_HALTED: AtomicBool = AtomicBool::new(false);
/// Not in a command: a failure now would repeat itself, so it stops the machine.
static STARTING: AtomicBool = AtomicBool::new(true);
/// Completion code of the abnormal end that is being recovered from.
static CODE: AtomicI32 = AtomicI32::new(0);

/// What is kept of an abnormal end for QUERY ABEND.
#[derive(Clone, Copy)]
pub struct Abend {
    /// PSW and general registers.
    pub state: SavedState,
    /// One of [`program`].
    pub code: u32,
    /// Address that the exception is about.
    pub address: u64,
}

unsafe extern "C" {
    static __stack_bottom: u8;
    static __stack_top: u8;
}

/// Puts the new PSWs of the two classes in place. Run once at IPL with every class disabled.
pub fn install() {
    let (program, attention) = (PROGRAM_STACK.0.get() as u64, ATTENTION_STACK.0.get() as u64);
    let low = LowStorage {
        program_new: handler(program_interruption as *const () as u64, program),
        attention_new: handler(attention_interruption as *const () as u64, attention),
        ..LowStorage::default()
    };
    // SAFETY: low storage is there in every machine, is nothing of ours, and every class is disabled.
    unsafe { (LOW_STORAGE as *mut LowStorage).write_volatile(low) };
}

/// The new PSW of a handler: entered as if called, so its stack pointer is 8 below a multiple of 16.
fn handler(address: u64, stack: u64) -> Psw {
    Psw { address, stack: stack + size_of::<Stack>() as u64 - 8, flags: 2, mask: 0 }
}

/// A copy of low storage.
fn low_storage() -> LowStorage {
    // SAFETY: low storage is there in every machine; it is integers only.
    unsafe { (LOW_STORAGE as *const LowStorage).read_volatile() }
}

/// Keeps the session for recovery: written beside the one in force, which changes with the number of the slot, so that a
/// handler that comes between never sees half of each.
pub fn remember(session: &Session) {
    let next = 1 - IN_FORCE.load(Ordering::Relaxed);
    // SAFETY: handlers read only the slot in force, and this is the other one.
    unsafe { (*SESSIONS.0.get())[next] = *session };
    IN_FORCE.store(next, Ordering::Release);
}

/// The session as last kept.
pub fn session() -> Session {
    // SAFETY: the slot in force is written by nobody.
    unsafe { (*SESSIONS.0.get())[IN_FORCE.load(Ordering::Acquire)] }
}

/// A command begins: what fails now ends only the command, and HX is heard.
pub fn begin_command(session: &Session) {
    remember(session);
    STARTING.store(false, Ordering::Relaxed);
    diagnose::set_mask(mask::ATTENTION);
}

/// The command has ended.
pub fn end_command() {
    diagnose::set_mask(0);
    forget_own_immediates();
    TYPING_HALTED.store(false, Ordering::Relaxed);
    IMMEDIATE.store(0, Ordering::Relaxed);
    BATCH_HALTED.store(false, Ordering::Relaxed);
}

/// The immediate commands of EXECs are gone. Attention is disabled.
fn forget_own_immediates() {
    // SAFETY: with attention disabled nothing else touches the place.
    unsafe { OWN_IMMEDIATES.0.get().write(OwnImmediates::NONE) };
}

/// Takes the immediate command for the program that runs. Without a DIAGNOSE: a program asks after every few clauses.
pub fn take_immediate() -> Immediate {
    // Two plain operations, not an exchange: what is typed between them is the same user's, a moment later.
    let typed = IMMEDIATE.load(Ordering::Relaxed);
    if typed == 0 {
        return Immediate::None;
    }
    IMMEDIATE.store(0, Ordering::Relaxed);
    IMMEDIATES[usize::from(typed) % IMMEDIATES.len()]
}

/// Does something with the immediate commands of EXECs.
pub fn own_immediates<T>(work: impl FnOnce(&mut OwnImmediates) -> T) -> T {
    let old = diagnose::set_mask(0);
    // SAFETY: with attention disabled the handler does not touch the place, and what is done with it reads and writes only it.
    let answer = work(unsafe { &mut *OWN_IMMEDIATES.0.get() });
    diagnose::set_mask(old);
    answer
}

/// Takes the last of HO, SO and RO.
pub fn take_tracing() -> Option<Tracing> {
    let typed = TRACING.load(Ordering::Relaxed);
    if typed != 0 {
        TRACING.store(0, Ordering::Relaxed);
    }
    TRACINGS[usize::from(typed) % TRACINGS.len()]
}

/// Takes HB.
pub fn take_batch_halted() -> bool {
    BATCH_HALTED.swap(false, Ordering::Relaxed)
}

/// HT or RT by SET CMSTYPE.
pub fn halt_typing(halted: bool) {
    TYPING_HALTED.store(halted, Ordering::Relaxed);
}

/// Whether HT was typed while the running command runs.
pub fn typing_halted() -> bool {
    TYPING_HALTED.load(Ordering::Relaxed)
}

/// Takes a line that was typed while a command ran; answers its length.
pub fn take_typed_line(buffer: &mut [u8]) -> Option<usize> {
    // Without a DIAGNOSE when there is nothing to take, which is nearly always.
    if !LINES_TYPED.load(Ordering::Relaxed) {
        return None;
    }
    let old = diagnose::set_mask(0);
    // SAFETY: with attention disabled the handler does not touch the place.
    let taken = unsafe { (*TYPED_AHEAD.0.get()).take(buffer) };
    LINES_TYPED.store(taken.is_some(), Ordering::Relaxed);
    diagnose::set_mask(old);
    taken
}

/// The last program interruption, if there was one.
pub fn last_abend() -> Option<Abend> {
    // SAFETY: it is written only on the way into recovery.
    unsafe { LAST_ABEND.0.get().read() }
}

/// Program interruption: says what and where, then recovers.
extern "C" fn program_interruption() -> ! {
    let low = low_storage();
    let psw = low.program_old.psw;
    let record = Abend { state: low.program_old, code: low.program_code, address: low.program_address };
    // SAFETY: readers run only outside the handlers, and this handler never returns to them.
    unsafe { LAST_ABEND.0.get().write(Some(record)) };
    let (what, completion) = exception(&low);
    let mut line = Line::new();
    // A line that is full is cut: there is nothing better to do here.
    let _ = write!(line, "DMSITP141T {what} exception occurred at {:016X} in routine {}", psw.address, session().routine());
    report(&line);
    abend(completion)
}

/// Name and completion code of a program interruption (X'0Cn' as on System/370).
fn exception(low: &LowStorage) -> (&'static str, i32) {
    let bottom = (&raw const __stack_bottom) as u64;
    let beyond_stack = low.program_address < bottom && low.program_address + 4 * abi::PAGE >= bottom;
    let stack_near = low.program_old.psw.stack <= bottom + abi::PAGE;
    let name = match low.program_code {
        program::PROTECTION if beyond_stack && stack_near => "Stack overflow",
        program::OPERATION => "Operation",
        program::PRIVILEGED => "Privileged operation",
        program::PROTECTION => "Protection",
        program::ADDRESSING => "Addressing",
        program::SPECIFICATION => "Specification",
        program::DATA => "Data",
        program::DIVIDE => "Divide",
        program::DEBUG_EVENT => "Debug event",
        _ => "Unknown",
    };
    (name, 0x0c0 + (low.program_code as i32 & 0x0f))
}

/// Attention: keeps the vector registers, looks at what was typed, and goes on where the command was.
#[unsafe(naked)]
unsafe extern "C" fn attention_interruption() {
    naked_asm!(
        "fxsave64 [rip + {vectors}]",
        "sub rsp, 8",
        "call {look}",
        "fxrstor64 [rip + {vectors}]",
        "mov edi, {old}",
        "mov eax, {load_psw}",
        "out {port}, eax",
        "ud2",
        vectors = sym VECTOR_REGISTERS,
        look = sym look_at_typed_lines,
        old = const LOW_STORAGE as usize + core::mem::offset_of!(LowStorage, attention_old),
        load_psw = const abi::code::LOAD_PSW,
        port = const abi::DIAGNOSE_PORT,
    )
}

/// Acts on immediate commands among the typed lines; keeps the others for the next read.
extern "C" fn look_at_typed_lines() {
    let mut buffer = [0; 1024];
    while let Some(length) = diagnose::console_read(&mut buffer, abi::console::NO_WAIT) {
        let line = &buffer[..length];
        let mut word = [0; 2];
        if let [first, second] = line.trim_ascii() {
            word = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
        }
        match &word {
            b"HX" => halt_execution(),
            // SAFETY: who else uses the place disables attention for the time.
            _ if unsafe { (*OWN_IMMEDIATES.0.get()).typed(line) } => {}
            b"HT" => TYPING_HALTED.store(true, Ordering::Relaxed),
            b"RT" => TYPING_HALTED.store(false, Ordering::Relaxed),
            b"HI" => IMMEDIATE.store(1, Ordering::Relaxed),
            b"TS" => IMMEDIATE.store(2, Ordering::Relaxed),
            b"TE" => IMMEDIATE.store(3, Ordering::Relaxed),
            b"HO" => TRACING.store(1, Ordering::Relaxed),
            b"SO" => TRACING.store(2, Ordering::Relaxed),
            b"RO" => TRACING.store(3, Ordering::Relaxed),
            b"HB" => BATCH_HALTED.store(true, Ordering::Relaxed),
            // SAFETY: the command that might be using the place disables attention for the time.
            _ if unsafe { (*TYPED_AHEAD.0.get()).put(line) } => LINES_TYPED.store(true, Ordering::Relaxed),
            _ => diagnose::console_write(b"DMSCRD139S Too many lines typed ahead; the last one is lost", 0),
        }
    }
}

/// HX: ends the running command.
pub fn halt_execution() -> ! {
    diagnose::set_mask(0);
    // SAFETY: with attention disabled nothing else touches the place; HX also forgets what was typed ahead, as in CMS.
    unsafe { (*TYPED_AHEAD.0.get()).clear() };
    let mut line = Line::new();
    // A line that is full is cut.
    let _ = write!(line, "DMSABE222I {} halted by HX", session().routine());
    report(&line);
    abend(HALTED_CODE)
}

/// A panic in CMS itself, or storage ran out.
pub fn panicked(info: &core::panic::PanicInfo) -> ! {
    let session = session();
    let routine = session.routine();
    let mut line = Line::new();
    // A line that is full is cut.
    if crate::heap::exhausted() {
        let _ = write!(line, "DMSFRE109S Virtual storage capacity exceeded in routine {routine}");
        report(&line);
        abend(STORAGE_CODE)
    }
    let _ = write!(line, "DMSABE148T System abend 0FE called from routine {routine}: {}", info.message());
    report(&line);
    if let Some(location) = info.location() {
        let mut line = Line::new();
        let _ = write!(line, "  at {}:{}", location.file(), location.line());
        report(&line);
    }
    abend(PANIC_CODE)
}

/// Shows a line whatever HT says.
fn report(line: &Line) {
    diagnose::console_write(line.as_bytes(), 0);
}

/// Ends the running command abnormally with that completion code: abandons the stack and recovers, or stops when that has just failed.
pub fn abend(code: i32) -> ! {
    diagnose::set_mask(0);
    forget_own_immediates();
    if STARTING.swap(true, Ordering::Relaxed) {
        diagnose::console_write(b"DMSABE152T System abend while CMS was starting: the machine stops. IPL it again", 0);
        diagnose::disabled_wait()
    }
    TYPING_HALTED.store(false, Ordering::Relaxed);
    CODE.store(code, Ordering::Relaxed);
    // SAFETY: nothing on the old stack is used again: recovery starts from statics only.
    unsafe { restart() }
}

/// Enters recovery on an empty stack, with vector control words as at IPL.
#[unsafe(naked)]
unsafe extern "C" fn restart() -> ! {
    naked_asm!(
        "lea rsp, [rip + {top}]",
        "xor ebp, ebp",
        "fninit",
        "push 0x1f80",
        "ldmxcsr [rsp]",
        "pop rax",
        "call {recover}",
        "ud2",
        top = sym __stack_top,
        recover = sym recover,
    )
}

/// Recovers with the completion code that was kept.
extern "C" fn recover() -> ! {
    crate::recover(CODE.load(Ordering::Relaxed))
}
