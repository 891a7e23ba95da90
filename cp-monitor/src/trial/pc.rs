//! A PC machine by itself. Talks to [`crate::pc`] only.
//!
//! The next line is typed when the machine has read the one before it and is silent, by the machine's own clock. Halts take no time, unless somebody watches.

use std::time::Instant;

use pc_platform::Settings;
use pc_platform::image::{self, ImageError, Source};

use super::{End, Plan, Report};
use crate::pc::{Pc, TRIPLE_FAULT, Turn};

/// Instructions between two looks at the clock and the limits.
const CHUNK: u64 = 100_000;
/// Silence, in nanoseconds of the machine, after which the next line is typed: longer than a prompt takes to be written.
pub const PAUSE: u64 = 20_000_000;
/// When its clock begins: in 2024, so that dates are plausible and repeat.
const START_TIME: i64 = 1_704_067_200;

/// A machine with a kernel in it, at its first instruction.
///
/// # Errors
/// [`ImageError`], also when the storage is none that a PC machine can have.
pub fn machine(plan: &Plan<'_>) -> Result<Pc, ImageError> {
    let settings =
        Settings { storage: plan.storage, processors: plan.processors, start_time: START_TIME, disks: Vec::new(), ports: Vec::new() };
    let source = Source { image: plan.image, module: plan.module, command_line: plan.parm, storage: plan.storage };
    let loaded = image::load(&source)?;
    Ok(Pc::with_image(settings, &loaded))
}

/// Runs a kernel until it ends or a limit is reached.
///
/// # Errors
/// As [`machine`].
pub fn run(plan: &Plan<'_>) -> Result<Report, ImageError> {
    let mut pc = machine(plan)?;
    let began = Instant::now();
    let mut input = plan.input.iter();
    let mut output = Vec::new();
    let end = loop {
        let left = plan.instructions.saturating_sub(pc.instructions());
        if left == 0 {
            break End::Limit(format!("{} instructions", plan.instructions));
        }
        if let Some(end) = plan.limit(began, output.len()) {
            break end;
        }
        let turn = pc.run_by_itself(CHUNK.min(left));
        output.extend(pc.take_output());
        if let Some(end) = ended(&turn) {
            break end;
        }
        let silence = pc.silence();
        if pc.has_read_input() && (silence >= PAUSE || turn == Turn::Halted(None)) {
            match input.next() {
                Some(line) => {
                    pc.type_to_it(line);
                    continue;
                }
                None if turn == Turn::Halted(None) => break End::Ended("it waits, and nothing will happen".to_string()),
                None if silence >= plan.idle => break End::Ended("it waits for input".to_string()),
                None => {}
            }
        }
        match turn {
            Turn::Halted(Some(length)) => pc.skip(length),
            // Somebody typed, and it halts on: nothing can wake it.
            Turn::Halted(None) => break End::Ended("it waits, and reads nothing".to_string()),
            _ => {}
        }
    };
    let report = Report {
        end,
        output,
        instructions: pc.instructions(),
        machine_time: pc.time(),
        time: began.elapsed(),
        unread: input.len() + usize::from(!pc.has_read_input()),
    };
    Ok(report)
}

/// Whether a turn was the last one, and as what.
pub fn ended(turn: &Turn) -> Option<End> {
    match turn {
        Turn::Ended(why) if why.starts_with(TRIPLE_FAULT) => Some(End::Failed(why.clone())),
        Turn::Reset => Some(End::Failed("the guest reset the machine".to_string())),
        Turn::Ended(why) => Some(End::Ended(why.clone())),
        Turn::Disk => Some(End::Failed("it waits for a disk, and has none".to_string())),
        Turn::Ran | Turn::Halted(_) | Turn::Stopped(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

    fn plan(image: &[u8]) -> Plan<'_> {
        Plan {
            kind: super::super::Kind::Pc,
            image,
            module: &[],
            parm: "",
            storage: 8 << 20,
            processors: 1,
            input: Vec::new(),
            time: Duration::from_secs(60),
            instructions: 1_000_000,
            idle: 1_000_000_000,
            stop: &NEVER,
        }
    }

    /// 32 bits, a flat image: prints `A` on the serial line, then whatever follows.
    fn prints_then(code: &[u8]) -> Vec<u8> {
        [&[0x66, 0xba, 0xf8, 0x03, 0xb0, b'A', 0xee], code].concat()
    }

    #[test]
    fn an_end_a_failure_and_a_limit_are_told_apart_and_counts_repeat() {
        let halts = prints_then(&[0xfa, 0xf4]);
        let report = run(&plan(&halts)).unwrap();
        assert!(matches!(&report.end, End::Ended(why) if why.contains("disabled wait")), "{report:?}");
        assert_eq!((report.output.as_slice(), report.instructions), (&b"A"[..], 5));
        let faults = prints_then(&[0x31, 0xc9, 0xf7, 0xf1]);
        assert!(matches!(run(&plan(&faults)).unwrap().end, End::Failed(_)));
        let spins = prints_then(&[0xeb, 0xfe]);
        let report = run(&plan(&spins)).unwrap();
        assert_eq!((report.end, report.instructions), (End::Limit("1000000 instructions".to_string()), 1_000_000));
        assert_eq!(run(&Plan { time: Duration::ZERO, ..plan(&spins) }).unwrap().end, End::Limit("0 seconds".to_string()));
        assert_eq!(run(&plan(&[])).unwrap_err(), ImageError::Empty);
    }

    #[test]
    fn what_is_typed_and_not_read_is_counted() {
        let halts = prints_then(&[0xfa, 0xf4]);
        let report = run(&Plan { input: vec!["one".to_string(), "two".to_string()], ..plan(&halts) }).unwrap();
        assert_eq!(report.unread, 2);
    }
}
