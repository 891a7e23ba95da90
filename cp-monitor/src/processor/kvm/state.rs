//! The state of a machine and of a vCPU in the form that KVM takes. Pure.
#![allow(unsafe_code)]

use std::io;

use kvm_bindings::{Xsave, kvm_dtable, kvm_regs, kvm_segment, kvm_sregs, kvm_xsave, kvm_xsave2};

use super::assist;
use crate::processor::{MACHINE_FLAGS, Registers, VectorState};

/// Flags that are always on while a machine runs: the reserved one, and interrupts (nothing is ever injected).
const FIXED_FLAGS: u64 = 0x202;
/// Paging with write protection for ring 0 too, protected mode, native x87 errors.
const CR0: u64 = 0x8001_0033;
/// Physical address extension, global pages off, SSE with its exceptions. No OSXSAVE: x87 and SSE2 are what a machine is promised.
const CR4: u64 = 0x0000_0620;
/// Long mode, no-execute; SYSCALL is off.
const EFER: u64 = 0xd00;
/// A flat segment.
pub(super) fn segment(selector: u16, kind: u8, privilege: u8, long: bool) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector,
        type_: kind,
        present: 1,
        dpl: privilege,
        db: u8::from(!long),
        s: 1,
        l: u8::from(long),
        g: 1,
        ..kvm_segment::default()
    }
}

/// System registers of a machine in ring 3 on processor `number`, made from those of the new vCPU. CR3 is still to be set.
pub(super) fn machine_system(mut system: kvm_sregs, processors: usize, number: usize) -> kvm_sregs {
    let ((gdt, gdt_limit), (idt, idt_limit), (tss, tss_base)) = (assist::gdt(processors), assist::idt(), assist::tss(number));
    (system.cr0, system.cr2, system.cr3, system.cr4, system.efer) = (CR0, 0, assist::parking_root(), CR4, EFER);
    system.cs = segment(assist::USER_CODE, 11, 3, true);
    system.ss = segment(assist::USER_DATA, 3, 3, false);
    (system.ds, system.es, system.fs, system.gs) = (system.ss, system.ss, system.ss, system.ss);
    system.tr = kvm_segment { base: tss_base, limit: assist::TSS_LIMIT, selector: tss, type_: 11, present: 1, ..kvm_segment::default() };
    system.ldt = kvm_segment { unusable: 1, ..kvm_segment::default() };
    system.gdt = kvm_dtable { base: gdt, limit: gdt_limit, ..kvm_dtable::default() };
    system.idt = kvm_dtable { base: idt, limit: idt_limit, ..kvm_dtable::default() };
    system.interrupt_bitmap = [0; 4];
    system
}

/// System registers for executing a stub in ring 0 with no machine there.
pub(super) fn parked_system(machine: &kvm_sregs) -> kvm_sregs {
    let mut system = *machine;
    system.cr3 = assist::parking_root();
    system.cs = segment(assist::SUPERVISOR_CODE, 11, 0, true);
    system.ss = segment(assist::SUPERVISOR_CODE + 8, 3, 0, false);
    system
}

/// Bytes of the XSAVE area, from what KVM_CAP_XSAVE2 says.
pub(super) fn xsave_bytes(capability: i32) -> usize {
    (capability.max(0) as usize).max(size_of::<kvm_xsave>())
}

/// Vector state after FNINIT with the default MXCSR, in the layout of XSAVE, `bytes` long.
pub(super) fn initial_vectors(bytes: usize) -> VectorState {
    let mut words = vec![0u32; bytes / 4];
    words[0] = 0x037f;
    // MXCSR, at byte 24 of the legacy area.
    words[6] = 0x1f80;
    // XSTATE_BV, at byte 512: x87 and SSE are given, every other component is initial.
    words[128] = 0b11;
    VectorState(words)
}

/// The area that KVM_SET_XSAVE takes; the state is at least a legacy area long.
pub(super) fn to_xsave(state: &VectorState) -> io::Result<Xsave> {
    let legacy = size_of::<kvm_xsave>() / 4;
    let extra = state.0.len().saturating_sub(legacy);
    let mut xsave = Xsave::new(extra).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    // SAFETY: the length of the flexible part is not changed.
    let area: &mut kvm_xsave2 = unsafe { xsave.as_mut_fam_struct() };
    area.xsave.region.copy_from_slice(&state.0[..legacy]);
    xsave.as_mut_slice().copy_from_slice(&state.0[legacy..]);
    Ok(xsave)
}

/// The state in an area that KVM_GET_XSAVE2 filled.
pub(super) fn from_xsave(xsave: &Xsave) -> VectorState {
    let mut words = xsave.as_fam_struct_ref().xsave.region.to_vec();
    words.extend_from_slice(xsave.as_slice());
    VectorState(words)
}

/// An area of `bytes` bytes for KVM_GET_XSAVE2 to fill.
pub(super) fn empty_xsave(bytes: usize) -> io::Result<Xsave> {
    let extra = bytes.saturating_sub(size_of::<kvm_xsave>()).div_ceil(4);
    Xsave::new(extra).map_err(|_| io::ErrorKind::OutOfMemory.into())
}

/// The machine's registers, with the flags that are not its own as they must be.
pub(super) fn to_kvm(registers: &Registers) -> kvm_regs {
    let [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15] = registers.general;
    let rflags = registers.rflags & MACHINE_FLAGS | FIXED_FLAGS;
    let rip = registers.rip;
    kvm_regs { rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags }
}

/// The machine's registers as KVM left them.
pub(super) fn from_kvm(regs: &kvm_regs) -> Registers {
    let r = regs;
    Registers {
        general: [r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15],
        rip: r.rip,
        rflags: r.rflags & MACHINE_FLAGS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_survive_the_way_there_and_back_in_the_order_of_the_encoding() {
        let registers = Registers { general: std::array::from_fn(|register| register as u64 + 100), rip: 7, rflags: MACHINE_FLAGS };
        let regs = to_kvm(&registers);
        assert_eq!((regs.rax, regs.rbx, regs.rsp, regs.rdi, regs.r8, regs.r15), (100, 103, 104, 107, 108, 115));
        assert_eq!(from_kvm(&regs), registers);
    }

    #[test]
    fn flags_that_are_not_the_machines_stay_as_they_must_be() {
        let flags = |rflags| to_kvm(&Registers { rflags, ..Registers::default() }).rflags;
        assert_eq!(flags(0), 0x202);
        assert_eq!(flags(!0) & 0x1b_7000, 0, "IOPL, NT, RF, VM, VIF, VIP");
    }

    #[test]
    fn vector_state_survives_the_way_there_and_back() {
        for bytes in [size_of::<kvm_xsave>(), 11008] {
            let mut state = initial_vectors(bytes);
            state.0[200] = 5;
            *state.0.last_mut().unwrap() = 6;
            assert_eq!(from_xsave(&to_xsave(&state).unwrap()).0, state.0);
            assert_eq!(from_xsave(&empty_xsave(bytes).unwrap()).0.len() * 4, bytes);
        }
    }
}
