//! DIAGNOSE: what a CMS machine may ask of CP. The contract is the `abi` crate; this is CP's side of it.
//!
//! A DIAGNOSE either ends at once, on the dispatcher thread, or is handed to a worker because it may block: then the machine
//! waits, the worker copies its operands out (`deferred`), and the completion is stored when it is done.
//! Every address an operand names goes through the machine's own storage ([`crate::storage::AddressSpace`]), which checks it.

mod blocks;
mod commands;
mod deferred;
mod screen;
mod spool;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use abi::{Identification, PseudoTimer, SavedState, code, console, mask};
use console::{HIDDEN, NO_LINE, NO_WAIT, PROMPT};
use zerocopy::{FromBytes, IntoBytes};

use super::{Machine, Missing, ProgramCheck};
use crate::dispatcher::meter::thread_time;
use crate::metrics::counters::Trouble;
use crate::storage::AccessError;
use crate::users::{Devices, User, Wake};
use ::console::wire::LineKind;
pub(super) use blocks::Lists;
use deferred::{Deferred, Issued};

/// How long a machine waits after a line that its terminal is too slow for. A terminal takes hundreds of lines in that time; one that
/// takes none loses lines in the end, and the machine goes on.
const CONGESTION_PAUSE: Duration = Duration::from_millis(2);

/// DIAGNOSE X'24': the return code for a number without a device.
const NO_SUCH_DEVICE: u64 = 3;

/// RAX of a DIAGNOSE that CP could not carry out, should its machine go on: the number of the message.
const INTERNAL_ERROR: u64 = 9151;

/// What the machine's slice does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Go on (the slice loop sees by itself when the machine waits now).
    GoOn,
    /// Give the processor to somebody else first.
    Yield,
}

/// What a worker found: RAX, RDX and what goes into the machine's storage.
#[derive(Debug, Default)]
pub(crate) struct Completion {
    /// RAX.
    pub status: u64,
    /// RDX.
    pub value: u64,
    /// Addresses and the bytes for them.
    pub stores: Vec<(u64, Vec<u8>)>,
}

impl Completion {
    /// A return code alone.
    pub fn status(status: u64) -> Self {
        Self { status, ..Self::default() }
    }
}

/// How a DIAGNOSE is answered.
enum Answer {
    /// RAX and RDX.
    Now(u64, u64),
    /// The registers are as they should be.
    Done,
    /// Done, and the slice is given up.
    Yield,
    /// Done without a worker after all, because nothing had to wait.
    Completed(Completion),
    /// A worker does it.
    Worker(Job),
    /// A worker does it, and takes its operands out of the machine first.
    Deferred(Deferred),
    /// Done, with zeros, and the machine goes on after that time.
    Pause(Duration),
}

/// What is done outside the dispatcher.
type Job = Box<dyn FnOnce(&Arc<User>) -> Step + Send>;

/// How far a job came.
enum Step {
    /// To its end.
    Done(Completion),
    /// To a SLEEP; the rest follows when that is over. No worker is kept for it.
    Sleep(Option<Duration>, Job),
    /// To a question for a password; the rest is made of the answer.
    Ask(&'static str, Box<dyn FnOnce(&str) -> Job + Send>),
}

/// A job that goes to its end at once.
fn worker(job: impl FnOnce(&Arc<User>) -> Completion + Send + 'static) -> Answer {
    Answer::Worker(Box::new(move |user| Step::Done(job(user))))
}

/// Why a DIAGNOSE is not carried out.
#[derive(Debug)]
enum Refused {
    /// It is a program interruption.
    Check(ProgramCheck),
    /// A page of its operands is not there. It is done again from the start, so nothing of it may have happened.
    Missing(Missing),
}

impl Refused {
    /// An operand that storage refused.
    fn access(address: u64, error: AccessError, write: bool) -> Self {
        match Missing::of(error, write) {
            Some(missing) => Self::Missing(missing),
            None => Self::Check(ProgramCheck::access(address, error)),
        }
    }

    fn specification() -> Self {
        Self::Check(ProgramCheck::specification())
    }
}

/// What storage's refusal of the operand at `address` means.
fn access(address: u64, write: bool) -> impl FnOnce(AccessError) -> Refused {
    move |error| Refused::access(address, error, write)
}

type Answered = Result<Answer, Refused>;

/// Bytes of the instruction that is DIAGNOSE, `OUT imm8, EAX`.
pub(super) const INSTRUCTION: u64 = 2;

/// The six operands in the order of the contract.
fn operands(machine: &Machine) -> [u64; 6] {
    let gpr = &machine.context.registers.general;
    [gpr[7], gpr[6], gpr[2], gpr[1], gpr[8], gpr[9]]
}

/// Carries out the DIAGNOSE that the machine's registers describe.
pub(super) fn carry_out(user: &Arc<User>, machine: &mut Machine) -> Next {
    let number = machine.context.registers.general[0] as u32;
    let operands = operands(machine);
    match answer(user, machine, number, operands) {
        Ok(Answer::Now(status, value)) => machine.set_result(status, value),
        Ok(Answer::Done) => {}
        Ok(Answer::Yield) => {
            machine.set_result(0, 0);
            return Next::Yield;
        }
        Ok(Answer::Completed(done)) => machine.finish(done.status, done.value, &done.stores),
        Ok(Answer::Worker(job)) => {
            let (user, generation) = (Arc::clone(user), machine.wait_for_worker(device_of(number, operands[0])));
            let cp = Arc::clone(user.cp());
            cp.workers.submit(Box::new(move || work(&user, generation, job)));
        }
        Ok(Answer::Deferred(deferred)) => {
            let (user, issued) = (Arc::clone(user), machine.issue(device_of(number, operands[0])));
            let cp = Arc::clone(user.cp());
            cp.workers.submit(Box::new(move || begin(&user, issued, deferred)));
        }
        Ok(Answer::Pause(time)) => {
            let (user, generation) = (Arc::clone(user), machine.wait_for_worker(None));
            let cp = Arc::clone(user.cp());
            let go_on = move || user.with_machine(|machine| machine.complete(generation, 0, 0, &[]));
            cp.workers.submit_after(time, Box::new(go_on));
        }
        Err(Refused::Check(check)) => machine.program_check(check),
        Err(Refused::Missing(missing)) => {
            machine.context.registers.rip = machine.context.registers.rip.wrapping_sub(INSTRUCTION);
            machine.wait_for_page(missing);
        }
    }
    Next::GoOn
}

/// A worker's beginning with operands that are still in the machine.
fn begin(user: &Arc<User>, issued: Issued, deferred: Deferred) {
    let start = thread_time();
    let job = catch_unwind(AssertUnwindSafe(|| user.with_machine(|machine| machine.take_up(issued, deferred))));
    user.charge(thread_time().saturating_sub(start));
    match job {
        Ok(Some(job)) => work(user, issued.generation, job),
        Ok(None) => {}
        Err(_) => break_off(user, issued.generation),
    }
}

/// A worker's part: carries out the job of a machine that waits for it since `generation`, and what follows it.
fn work(user: &Arc<User>, generation: u64, job: Job) {
    // What it stores may have to be held for a page.
    user.cp().storage.wait_for_held();
    let start = thread_time();
    let step = catch_unwind(AssertUnwindSafe(|| job(user)));
    // The machine had it done: it is charged for it as for what CP does within its slices.
    user.charge(thread_time().saturating_sub(start));
    match step {
        Ok(Step::Done(Completion { status, value, stores })) => {
            user.with_machine(|machine| machine.complete(generation, status, value, &stores));
        }
        Ok(Step::Sleep(time, rest)) => {
            let sleeper = Arc::clone(user);
            user.fall_asleep(time, Wake::Diagnose(Box::new(move || work(&sleeper, generation, rest))));
        }
        Ok(Step::Ask(prompt, rest)) => {
            let go_on = move |user: &Arc<User>, answer: &str| {
                let (user, job) = (Arc::clone(user), rest(answer));
                let cp = Arc::clone(user.cp());
                cp.workers.submit(Box::new(move || work(&user, generation, job)));
            };
            user.ask(prompt, Box::new(go_on));
        }
        Err(_) => break_off(user, generation),
    }
}

/// A DIAGNOSE that made CP panic has ended; its machine is in CP mode.
fn break_off(user: &Arc<User>, generation: u64) {
    user.with_machine(|machine| {
        user.cp().counters.count_trouble(Trouble::Internal);
        if machine.generation() == generation {
            machine.complete(generation, INTERNAL_ERROR, 0, &[]);
            user.enter_cp_mode(machine, "HCPMCP9151W CP entered; an internal error in CP ended this machine's DIAGNOSE");
        }
    });
}

/// The device that a DIAGNOSE does I/O on.
fn device_of(number: u32, first: u64) -> Option<u16> {
    let is_io = matches!(number, code::BLOCK_IO | code::UNIT_RECORD_WRITE | code::SPOOL_INPUT);
    u16::try_from(first).ok().filter(|_| is_io)
}

fn answer(user: &Arc<User>, machine: &mut Machine, number: u32, operands: [u64; 6]) -> Answered {
    let [first, second, third, ..] = operands;
    match number {
        code::IDENTIFICATION => identification(user, machine, first, second),
        code::COMMAND => commands::command(machine, operands),
        code::PSEUDO_TIMER => store(machine, first, pseudo_timer(user).as_bytes(), 0),
        code::RELEASE_PAGES => Ok(release(user, machine, first, second)),
        code::SPOOL_INPUT => spool::input(machine, operands),
        code::SPOOL_ATTRIBUTES => spool::attributes(machine, operands),
        code::DEVICE_TYPE => Ok(device_type(user, first, second)),
        code::YIELD => Ok(Answer::Yield),
        code::FULL_SCREEN => screen::full_screen(user, machine, operands),
        code::DISPLAY_DATA => screen::display(user, machine, first, second),
        code::STORAGE_SIZE => Ok(Answer::Now(0, machine.space.size())),
        code::LOAD_PSW => load_psw(user, machine, first),
        code::SET_MASK => Ok(set_mask(machine, first)),
        code::CONSOLE_WRITE => console_write(user, machine, first, second, third),
        code::CONSOLE_READ => console_read(user, machine, first, second, third),
        code::UNIT_RECORD_WRITE => spool::output(machine, operands),
        code::BLOCK_IO => blocks::block_io(user, machine, operands),
        _ => Err(Refused::specification()),
    }
}

/// Reads an operand's storage: at most `limit` bytes, else a specification exception. To be done before anything else is: it may
/// turn out that a page must be waited for.
fn fetch(machine: &mut Machine, address: u64, length: u64, limit: u64) -> Result<Vec<u8>, Refused> {
    if length > limit {
        return Err(Refused::specification());
    }
    let mut bytes = vec![0; length as usize];
    machine.space.read(address, &mut bytes).map_err(access(address, false))?;
    Ok(bytes)
}

/// Stores an answer and ends with RDX = `value`.
fn store(machine: &mut Machine, address: u64, bytes: &[u8], value: u64) -> Answered {
    machine.space.write(address, bytes).map_err(access(address, true))?;
    Ok(Answer::Now(0, value))
}

fn identification(user: &User, machine: &mut Machine, buffer: u64, length: u64) -> Answered {
    let data = Identification {
        system_name: *b"CP-64   ",
        version: abi::VERSION,
        reserved: 0,
        userid: padded(user.id.as_str()),
        system_id: padded(&user.cp().config.system_id),
        release: padded(crate::RELEASE),
    };
    let bytes = &data.as_bytes()[..size_of::<Identification>().min(length as usize)];
    store(machine, buffer, bytes, bytes.len() as u64)
}

fn pseudo_timer(user: &User) -> PseudoTimer {
    let now = user.cp().clock.now();
    PseudoTimer {
        date: padded(&now.strftime("%Y-%m-%d").to_string()),
        zone: padded(&now.strftime("%Z").to_string()),
        time: padded(&now.strftime("%H:%M:%S").to_string()),
        unix_seconds: now.timestamp().as_second().max(0) as u64,
        zone_seconds: i64::from(now.offset().seconds()),
        virtual_us: user.usage.virtual_us(),
        total_us: user.usage.total_us(),
    }
}

/// Text as a blank-padded field; what does not fit is cut.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    for (place, byte) in field.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    field
}

fn release(user: &User, machine: &mut Machine, first: u64, last: u64) -> Answer {
    if let Err(error) = machine.space.release(first, last) {
        // What the machine would see of its storage is not certain any more.
        user.enter_cp_mode(machine, &format!("HCPPGF415W CP entered; {error}"));
    }
    Answer::Now(0, 0)
}

/// The devices may be busy with a close; then a worker waits for them.
fn device_type(user: &User, number: u64, buffer: u64) -> Answer {
    let describe = move |devices: &Devices| match devices.info(number) {
        None => Completion::status(NO_SUCH_DEVICE),
        Some(info) => Completion { stores: vec![(buffer, info.as_bytes().to_vec())], ..Completion::default() },
    };
    match user.devices.try_lock() {
        Some(devices) => Answer::Completed(describe(&devices)),
        None => worker(move |user| describe(&user.devices.lock())),
    }
}

fn load_psw(user: &User, machine: &mut Machine, address: u64) -> Answered {
    let bytes = fetch(machine, address, size_of::<SavedState>() as u64, u64::MAX)?;
    let state = SavedState::read_from_bytes(&bytes).map_err(|_| Refused::access(address, AccessError::Addressing(address), false))?;
    machine.context.registers.general = state.registers;
    machine.context.keep_vectors();
    machine.load_psw(state.psw);
    if let Some(why) = machine.disabled_wait() {
        user.enter_cp_mode(machine, &why);
    }
    Ok(Answer::Done)
}

fn set_mask(machine: &mut Machine, new: u64) -> Answer {
    let old = machine.mask;
    machine.mask = new as u32 & (mask::EXTERNAL | mask::IO | mask::ATTENTION);
    Answer::Now(0, u64::from(old))
}

fn console_write(user: &User, machine: &mut Machine, address: u64, length: u64, flags: u64) -> Answered {
    let bytes = fetch(machine, address, length.min(abi::CONSOLE_LINE_MAX), abi::CONSOLE_LINE_MAX)?;
    user.console.end_screen();
    let kind = if flags & PROMPT != 0 { LineKind::Prompt } else { LineKind::Guest };
    user.console.write(kind, &String::from_utf8_lossy(&bytes));
    if user.console.congested() {
        return Ok(Answer::Pause(CONGESTION_PAUSE));
    }
    Ok(Answer::Now(0, 0))
}

fn console_read(user: &Arc<User>, machine: &mut Machine, buffer: u64, length: u64, flags: u64) -> Answered {
    let hidden = flags & HIDDEN != 0;
    if let Some(line) = machine.typed.pop_front() {
        if machine.typed.is_empty() {
            machine.pending.attention = false;
        }
        machine.give_line(buffer, length, &line);
        return Ok(Answer::Done);
    }
    if flags & NO_WAIT != 0 {
        return Ok(Answer::Now(NO_LINE, 0));
    }
    user.console.end_screen();
    machine.wait_for_line(buffer, length, hidden);
    user.show_state(machine);
    Ok(Answer::Done)
}
