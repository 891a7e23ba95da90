//! Page wait: a machine that needs a page which is not there stands aside, on no thread, until the pager has brought it.
//!
//! What the machine was about to do is done again once the page is there. An instruction is executed again, and so is a DIAGNOSE whose operands
//! had to be fetched; an interruption stays pending. Only what a DIAGNOSE had to *store* is kept here: its effects have taken place, so it must
//! not be done twice.

use super::Machine;
use crate::storage::AccessError;
use crate::storage::held::Hold;
use crate::storage::paging::Incoming;

/// A page that must come before the machine can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// An address in it.
    pub address: u64,
    /// It is to be stored into.
    pub write: bool,
}

impl Missing {
    /// The page that an access failed for, when bringing it in is all that is wanted.
    pub fn of(error: AccessError, write: bool) -> Option<Self> {
        match error {
            AccessError::Paged(address) | AccessError::NoFrames(address) => Some(Self { address, write }),
            AccessError::Addressing(_) | AccessError::Protection(_) | AccessError::Host(_) => None,
        }
    }
}

/// A machine's wait for a page.
pub(super) struct PageWait {
    missing: Missing,
    /// The pager knows of it.
    requested: bool,
}

/// The end of a DIAGNOSE that could not be stored yet.
pub(super) struct Owed {
    pub(super) status: u64,
    pub(super) value: u64,
    pub(super) stores: Vec<(u64, Vec<u8>)>,
    pub(super) hold: Hold,
}

/// What the pager has to do next for a machine.
pub enum Bring {
    /// Nothing: it does not wait for a page any more.
    Nothing,
    /// These are to be read, and to arrive.
    Read(Incoming),
    /// There is no frame.
    NoFrame,
}

impl Machine {
    /// The machine waits for this page.
    pub(super) fn wait_for_page(&mut self, missing: Missing) {
        self.page_wait = Some(PageWait { missing, requested: false });
    }

    /// What page it waits for.
    pub fn missing_page(&self) -> Option<Missing> {
        self.page_wait.as_ref().map(|wait| wait.missing)
    }

    /// Whether the pager is to be told of a page wait. True once for each.
    pub fn take_page_request(&mut self) -> bool {
        self.page_wait.as_mut().is_some_and(|wait| !std::mem::replace(&mut wait.requested, true))
    }

    /// For the pager: tries what the machine waits for.
    pub fn bring_in(&mut self) -> Bring {
        let Some(Missing { address, write }) = self.missing_page() else { return Bring::Nothing };
        match self.space.fault(address, write) {
            Err(AccessError::Paged(address)) => match self.space.page_in(address) {
                Some(incoming) => return Bring::Read(incoming),
                None => return Bring::NoFrame,
            },
            Err(AccessError::NoFrames(_)) => return Bring::NoFrame,
            // Any other error is for the machine to find when it does again what it was about to do.
            Ok(()) | Err(_) => {}
        }
        self.page_wait = None;
        self.settle();
        Bring::Nothing
    }

    /// The page cannot be brought. What is owed stays owed, and BEGIN tries again; false when CP holds too much already: then the machine is
    /// reset, because what its DIAGNOSE did cannot be told to it any more.
    #[must_use]
    pub fn page_failed(&mut self) -> bool {
        self.page_wait = None;
        let kept = self.owed.as_mut().is_none_or(|owed| owed.hold.is_kept_for_begin());
        if !kept {
            self.reset();
        }
        kept
    }

    /// Stores what is owed to the machine, as far as the pages are there.
    pub(super) fn settle(&mut self) {
        if self.page_wait.is_none()
            && let Some(owed) = self.owed.take()
        {
            self.finish(owed.status, owed.value, &owed.stores);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use abi::{LOW_STORAGE, LowStorage, Psw, mask, program};
    use zerocopy::{FromBytes, IntoBytes};

    use super::super::{ProgramCheck, Wait};
    use super::*;
    use crate::storage::held::{Bytes, STUCK_MAX};
    use crate::storage::paging::{HostFile, PagingSpace};
    use crate::storage::{AddressSpace, Storage};

    pub(in crate::machine) const BUFFER: u64 = 0x6000;

    /// A machine at X'1000' that waits for a line, with all its pages on the paging file.
    pub(in crate::machine) fn machine_away() -> Machine {
        let place = tempfile::tempdir().unwrap();
        let file = HostFile::create(&place.path().join("paging")).unwrap();
        let paging = PagingSpace::new(Box::new(file), 1 << 20);
        let storage: Arc<Storage> = Storage::with_paging(1024, Some(paging)).unwrap();
        let mut machine = Machine::new(AddressSpace::new(&storage, 1 << 20).unwrap());
        let psw = |address| Psw { address, stack: 0x8000, flags: 0, mask: 0 };
        let low = LowStorage { program_new: psw(0x2000), attention_new: psw(0x4000), ..LowStorage::default() };
        machine.space.write(LOW_STORAGE, low.as_bytes()).unwrap();
        // Far from each other, so that no page comes along with the one before.
        for page in 0..200 {
            machine.space.write(BUFFER + page * 0x1000, &[1]).unwrap();
        }
        machine.context.registers.rip = 0x1000;
        machine.system = Some("TEST".to_string());
        machine.stopped = false;
        machine.wait = Some(Wait::ConsoleRead { buffer: BUFFER, length: 80, hidden: false });
        machine.space.page_out_now(1000).unwrap();
        machine
    }

    /// The pager's part, once; how many pages came.
    pub(in crate::machine) fn bring(machine: &mut Machine) -> usize {
        assert!(machine.take_page_request(), "the pager is told");
        assert!(!machine.take_page_request(), "and once");
        let Bring::Read(mut incoming) = machine.bring_in() else { panic!("the page is on the paging file") };
        incoming.read().unwrap();
        let pages = incoming.pages();
        machine.space.arrive(incoming);
        assert!(matches!(machine.bring_in(), Bring::Nothing));
        pages
    }

    fn bytes(machine: &mut Machine, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        machine.space.read(address, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_typed_line_waits_for_the_page_of_its_buffer() {
        let mut machine = machine_away();
        assert!(machine.line_typed("listfile".to_string()));
        assert!(!machine.is_ready() && machine.wait().is_none(), "the line is taken, the read is over");
        assert!(bring(&mut machine) > 1, "what went out together comes together");
        assert!(machine.is_ready());
        assert_eq!(bytes(&mut machine, BUFFER, 8), b"listfile");
        assert_eq!((machine.context.registers.general[0], machine.context.registers.general[2]), (0, 8));
    }

    #[test]
    fn a_result_of_several_stores_is_stored_page_after_page() {
        let mut machine = machine_away();
        machine.wait = Some(Wait::Worker);
        let far = BUFFER + 150 * 0x1000;
        machine.complete(machine.generation(), 4, 9, &[(BUFFER, vec![7; 10]), (far, vec![8; 10])]);
        bring(&mut machine);
        assert_eq!(machine.missing_page(), Some(Missing { address: far, write: true }), "one after the other");
        assert!(!machine.is_ready() && machine.context.registers.general[0] != 4);
        bring(&mut machine);
        assert!(machine.is_ready());
        assert_eq!((bytes(&mut machine, BUFFER, 1), bytes(&mut machine, far, 1)), (vec![7], vec![8]));
        assert_eq!((machine.context.registers.general[0], machine.context.registers.general[2]), (4, 9));
    }

    #[test]
    fn an_interruption_whose_low_storage_is_away_stays_pending() {
        let mut machine = machine_away();
        machine.wait = None;
        machine.mask = mask::ATTENTION;
        machine.line_typed("hello".to_string());
        machine.program_check(ProgramCheck { code: program::PROTECTION, vector: 14, address: 0x5008 });
        machine.take_interruption().unwrap();
        assert_eq!((machine.context.registers.rip, machine.is_ready()), (0x1000, false));
        bring(&mut machine);
        machine.take_interruption().unwrap();
        assert_eq!(machine.context.registers.rip, 0x2000);
        let low = LowStorage::read_from_bytes(&bytes(&mut machine, LOW_STORAGE, size_of::<LowStorage>())).unwrap();
        assert_eq!((low.program_code, low.program_old.psw.address), (program::PROTECTION, 0x1000));
    }

    #[test]
    fn of_a_thousand_large_results_whose_pages_never_come_so_many_are_kept_and_the_other_machines_are_reset() {
        const RESULT: usize = 1 << 20;
        let place = tempfile::tempdir().unwrap();
        let file = HostFile::create(&place.path().join("paging")).unwrap();
        let storage = Storage::with_paging(1024, Some(PagingSpace::new(Box::new(file), 8 << 20))).unwrap();
        let mut kept = Vec::new();
        for number in 0..1000 {
            let mut machine = Machine::new(AddressSpace::new(&storage, 2 << 20).unwrap());
            machine.space.write(BUFFER, &[1]).unwrap();
            machine.space.page_out_now(10).unwrap();
            machine.system = Some("TEST".to_string());
            machine.stopped = false;
            machine.wait = Some(Wait::Worker);
            machine.complete(machine.generation(), 0, 0, &[(BUFFER, vec![number as u8; RESULT])]);
            assert_eq!(storage.held().coming, RESULT as u64);
            if machine.page_failed() {
                kept.push(machine);
            } else {
                assert!(machine.is_stopped() && machine.system().is_none() && machine.owed.is_none());
            }
        }
        assert_eq!((kept.len() * RESULT) as u64, STUCK_MAX);
        assert_eq!(storage.held(), Bytes { coming: 0, stuck: STUCK_MAX });
        kept.truncate(1);
        assert_eq!(storage.held().stuck, RESULT as u64, "who logs off or is reset gives it back");
    }

    #[test]
    fn what_is_owed_survives_a_page_that_does_not_come_and_not_a_reset() {
        let mut machine = machine_away();
        machine.line_typed("listfile".to_string());
        assert!(machine.take_page_request());
        assert!(machine.page_failed());
        machine.stop();
        assert!(!machine.is_ready());
        assert!(machine.begin(None));
        // The slice begins with what is owed.
        machine.settle();
        assert!(!machine.is_ready());
        bring(&mut machine);
        assert_eq!(bytes(&mut machine, BUFFER, 8), b"listfile");
        let mut machine = machine_away();
        machine.line_typed("listfile".to_string());
        machine.reset();
        assert!(matches!(machine.bring_in(), Bring::Nothing));
        assert_eq!(machine.missing_page(), None);
        machine.space.page_in_now(BUFFER).unwrap();
        assert_eq!(bytes(&mut machine, BUFFER, 8), [1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
