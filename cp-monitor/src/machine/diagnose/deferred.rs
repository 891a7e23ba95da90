//! A DIAGNOSE that waits for a worker: what it was asked, and nothing of the machine's storage.
//!
//! Thousands of machines may wait for the few workers, and each may have named a megabyte. So the dispatcher thread only looks that the
//! operands are there; a worker copies them when it begins, and no more are copied than there are workers. The machine waits meanwhile and
//! changes nothing. Should a page of them have been paged out in the queue, the DIAGNOSE is done again from the start.

use super::{INSTRUCTION, Job, Refused, access};
use crate::machine::{Machine, Wait};

/// What a worker does first, under the machine's lock: takes the operands out of its storage. Nothing may have happened when it refuses.
pub(super) type Begin = fn(&mut Machine, [u64; 6]) -> Result<Job, Refused>;

/// A DIAGNOSE in the workers' queue. As plain values, it can hold no copy of anything.
#[derive(Clone, Copy)]
pub(super) struct Deferred {
    pub(super) begin: Begin,
    pub(super) operands: [u64; 6],
}

/// The life of the machine that a DIAGNOSE belongs to, and the instruction behind it.
#[derive(Clone, Copy)]
pub(super) struct Issued {
    pub(super) generation: u64,
    pub(super) address: u64,
}

impl Machine {
    /// The machine waits for a worker, who carries out the DIAGNOSE that it has just issued.
    pub(super) fn issue(&mut self, device: Option<u16>) -> Issued {
        Issued { generation: self.wait_for_worker(device), address: self.context.registers.rip }
    }

    /// A worker's beginning: the job with its operands, or nothing when the machine does not wait for it any more: it was reset, its
    /// DIAGNOSE was a program interruption, or is done again when a page has come.
    pub(super) fn take_up(&mut self, issued: Issued, deferred: Deferred) -> Option<Job> {
        if self.generation() != issued.generation || self.wait() != Some(Wait::Worker) {
            return None;
        }
        match (deferred.begin)(self, deferred.operands) {
            Ok(job) => return Some(job),
            Err(Refused::Check(check)) => {
                self.wait = None;
                self.program_check(check);
            }
            Err(Refused::Missing(missing)) => {
                self.wait = None;
                // A machine that was sent elsewhere meanwhile (BEGIN, STORE PSW) has given it up.
                if self.context.registers.rip == issued.address {
                    self.context.registers.rip = issued.address.wrapping_sub(INSTRUCTION);
                    self.wait_for_page(missing);
                }
            }
        }
        None
    }
}

/// Looks that so much of the machine's storage can be read, page by page, and copies nothing. What is on the paging file is waited for.
pub(super) fn present(machine: &mut Machine, address: u64, length: u64) -> Result<(), Refused> {
    let mut at = address;
    let end = address.checked_add(length).ok_or_else(|| access(address, false)(crate::storage::AccessError::Addressing(address)))?;
    while at < end {
        machine.space.read(at, &mut [0]).map_err(access(address, false))?;
        at = (at | (abi::PAGE - 1)).saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Completion, Step, blocks, commands, spool};
    use super::*;
    use crate::machine::page_wait::tests::{BUFFER, bring, machine_away};

    fn nothing_to_do(machine: &mut Machine, [address, ..]: [u64; 6]) -> Result<Job, Refused> {
        super::super::fetch(machine, address, 4, 4)?;
        Ok(Box::new(|_| Step::Done(Completion::status(0))))
    }

    const DEFERRED: Deferred = Deferred { begin: nothing_to_do, operands: [BUFFER, 0, 0, 0, 0, 0] };

    /// A machine that has just issued a DIAGNOSE, with its operand's page where it is in `machine_away`: on the paging file.
    fn issued() -> (Machine, Issued) {
        let mut machine = machine_away();
        machine.wait = None;
        let issued = machine.issue(None);
        (machine, issued)
    }

    #[test]
    fn a_diagnose_that_waits_for_a_worker_holds_no_copy_of_its_operands() {
        fn is_plain<T: Copy>(_: &T) {}
        let (mut machine, _) = issued();
        machine.space.page_in_now(BUFFER).unwrap();
        // A list of one write of a block, as X'250' takes it; and records, and a command.
        let request = abi::BlockRequest { operation: 1, block: 1, buffer: BUFFER };
        machine.space.write(BUFFER, zerocopy::IntoBytes::as_bytes(&request)).unwrap();
        let answers = [
            Ok(blocks::transfer([abi::block_io::READ_WRITE, 0x191, BUFFER, 1, 0, 0])),
            spool::output(&mut machine, [0xd, BUFFER, 4096, 0, 0, 0]),
            commands::command(&mut machine, [BUFFER, 16, 0, 0, 0, 0]),
        ];
        for answer in answers {
            let Ok(Answer::Deferred(deferred)) = answer else { panic!("a worker has to do it") };
            is_plain(&deferred);
        }
    }

    #[test]
    fn operands_that_were_paged_out_in_the_queue_are_brought_in_and_the_diagnose_done_again() {
        let (mut machine, issued) = issued();
        assert!(machine.take_up(issued, DEFERRED).is_none());
        assert_eq!((machine.wait(), machine.context.registers.rip), (None, 0x1000 - INSTRUCTION));
        bring(&mut machine);
        assert!(machine.is_ready());
        machine.context.registers.rip = 0x1000;
        let again = machine.issue(None);
        assert!(machine.take_up(again, DEFERRED).is_some());
        assert_eq!(machine.wait(), Some(Wait::Worker), "until the worker is done");
    }

    #[test]
    fn a_machine_that_was_reset_or_sent_elsewhere_does_not_do_it_again() {
        let (mut machine, issued) = issued();
        machine.go_on_at(0x4000);
        assert!(machine.take_up(issued, DEFERRED).is_none());
        assert_eq!((machine.context.registers.rip, machine.missing_page(), machine.is_ready()), (0x4000, None, true));
        let (mut machine, issued) = self::issued();
        machine.reset();
        assert!(machine.take_up(issued, DEFERRED).is_none());
        assert_eq!(machine.missing_page(), None);
    }

    #[test]
    fn an_operand_outside_the_machine_is_a_program_interruption_in_the_worker_too() {
        let (mut machine, issued) = issued();
        let outside = Deferred { operands: [u64::MAX - 1, 0, 0, 0, 0, 0], ..DEFERRED };
        assert!(machine.take_up(issued, outside).is_none());
        assert_eq!((machine.wait(), machine.missing_page()), (None, None));
        assert!(machine.check.is_some());
        for (address, length) in [(u64::MAX - 1, 4), (1 << 20, 1), ((1 << 20) - 1, 2)] {
            assert!(matches!(present(&mut machine, address, length), Err(Refused::Check(_))), "{address:X}");
        }
    }
}
