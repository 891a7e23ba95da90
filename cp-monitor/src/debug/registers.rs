//! All registers of a machine as the software processor's [`State`], whichever kind of machine it is and whatever runs it.
//!
//! A CMS machine owns general registers, instruction address, flags and vector registers; the rest of its state is the partition's and the same for all of them.

use soft_processor::State;

use crate::machine::Machine;
use crate::pc::Pc;
use crate::processor::MACHINE_FLAGS;
use crate::processor::soft::machine_state;
use crate::processor::vectors::Vectors;

/// What is wrong with registers that somebody wants to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// CR0.PG without CR0.PE.
    #[error("paging needs protected mode")]
    Paging,
    /// EFER.LME and CR0.PG without CR4.PAE.
    #[error("long mode needs physical address extension")]
    Long,
}

impl Machine {
    /// How many virtual processors it has.
    pub fn processors(&self) -> usize {
        self.pc().map_or(1, Pc::processors)
    }

    /// The registers of a processor; of the last one for a number that is too high.
    pub fn state(&self, number: usize) -> State {
        if let Some(pc) = self.pc() {
            return pc.state(number);
        }
        let mut state = machine_state(&self.context.registers, 0);
        self.context.vectors.as_deref().and_then(Vectors::from_saved).unwrap_or_default().put(&mut state);
        state
    }

    /// Sets them. Of a CMS machine only those that it owns are set.
    pub fn set_state(&mut self, number: usize, state: &State) {
        if let Some(pc) = self.pc_mut() {
            pc.set_state(number, state);
            return;
        }
        let before = self.state(0);
        let registers = &mut self.context.registers;
        registers.general = state.general;
        registers.rflags = state.rflags & MACHINE_FLAGS;
        if state.rip != before.rip {
            self.go_on_at(state.rip);
        }
        if Vectors::get(state) != Vectors::get(&before) {
            self.context.vectors = Some(Box::new(Vectors::get(state).saved()));
        }
    }
}

/// Control registers that belong together, checked, with long mode active as they say.
///
/// # Errors
/// [`Impossible`]: no processor is in such a state.
pub fn settled(mut state: State) -> Result<State, Impossible> {
    const PROTECTED: u64 = 1;
    const PAGING: u64 = 1 << 31;
    const EXTENSION: u64 = 1 << 5;
    const ENABLED: u64 = 1 << 8;
    const ACTIVE: u64 = 1 << 10;
    let paging = state.cr0 & PAGING != 0;
    if paging && state.cr0 & PROTECTED == 0 {
        return Err(Impossible::Paging);
    }
    let long = paging && state.efer & ENABLED != 0;
    if long && state.cr4 & EXTENSION == 0 {
        return Err(Impossible::Long);
    }
    state.efer = state.efer & !ACTIVE | if long { ACTIVE } else { 0 };
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{AddressSpace, Storage};

    #[test]
    fn a_cms_machine_keeps_what_it_owns() {
        let storage = Storage::new(64).unwrap();
        let mut machine = Machine::new(AddressSpace::new(&storage, 1 << 20).unwrap());
        let mut state = machine.state(0);
        (state.general[3], state.rip, state.xmm[5], state.cr0) = (7, 0x2000, 9, 0);
        machine.set_state(0, &state);
        let now = machine.state(0);
        assert_eq!((now.general[3], now.rip, now.xmm[5], now.cr0), (7, 0x2000, 9, 0x8001_0033));
    }

    #[test]
    fn control_registers_that_no_processor_has_are_refused() {
        let state = |cr0, cr4, efer| settled(State { cr0, cr4, efer, ..State::reset() }).map(|state| state.efer);
        assert_eq!(state(0x8000_0000, 0, 0), Err(Impossible::Paging));
        assert_eq!(state(0x8000_0001, 0, 0x100), Err(Impossible::Long));
        assert_eq!(state(0x8000_0001, 0x20, 0x100), Ok(0x500));
        assert_eq!(state(0x0000_0001, 0x20, 0x500), Ok(0x100));
    }
}
