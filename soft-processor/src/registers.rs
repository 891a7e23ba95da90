//! Control registers and model-specific registers: what may be set, and what follows.

use crate::core::{
    CR0_NE, CR0_PE, CR0_PG, CR0_WP, CR4_DE, CR4_OSFXSR, CR4_OSXMMEXCPT, CR4_PAE, CR4_PCE, CR4_PGE, CR4_PSE, CR4_TSD, Core, EFER_LMA,
    EFER_LME, EFER_NXE, EFER_SCE, Env, Op, Step,
};
use crate::state::State;

/// Bits of CR0 that exist.
const CR0: u64 = CR0_PE | 0xe | 1 << 4 | CR0_NE | CR0_WP | 1 << 18 | 3 << 29 | CR0_PG;
/// Bits of CR4 that are offered.
const CR4: u64 = 3 | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | 1 << 6 | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

impl Core {
    /// Sets CR0 and with it the mode.
    pub(crate) fn set_cr0(&mut self, env: &mut Env, value: u64) -> Step {
        let paging = value & CR0_PG != 0;
        let impossible = paging && value & CR0_PE == 0 || value & 1 << 29 != 0 && value & 1 << 30 == 0 || value >> 32 != 0;
        let starts_long = paging && self.s.cr0 & CR0_PG == 0 && self.s.efer & EFER_LME != 0;
        let long_code = self.s.segments[State::CS].attributes & 1 << 13 != 0;
        let wrong_start = starts_long && (self.s.cr4 & CR4_PAE == 0 || long_code);
        let wrong_end = !paging && self.mode.is_long();
        if impossible || wrong_start || wrong_end {
            return Err(self.protection());
        }
        let changed = (self.s.cr0 ^ value) & (CR0_PE | CR0_PG | CR0_WP);
        self.s.cr0 = value & CR0 | 1 << 4;
        if paging && self.s.efer & EFER_LME != 0 {
            self.s.efer |= EFER_LMA;
        } else {
            self.s.efer &= !EFER_LMA;
        }
        if changed != 0 {
            self.forget_translations(env);
            self.segments_changed();
        }
        self.look();
        Ok(())
    }

    /// Sets the page table root; all translations are forgotten, global ones, too, which nobody can tell.
    pub(crate) fn set_cr3(&mut self, env: &mut Env, value: u64) -> Step {
        if self.long_active() && value >> crate::translate::PHYSICAL_BITS != 0 {
            return Err(self.protection());
        }
        self.s.cr3 = value;
        self.forget_translations(env);
        Ok(())
    }

    /// Sets CR4.
    pub(crate) fn set_cr4(&mut self, env: &mut Env, value: u64) -> Step {
        if value & !CR4 != 0 || self.long_active() && value & CR4_PAE == 0 {
            return Err(self.protection());
        }
        self.s.cr4 = value;
        self.forget_translations(env);
        Ok(())
    }

    /// The value of a model-specific register.
    pub(crate) fn read_msr(&mut self, env: &mut Env, op: &Op, number: u32) -> Option<u64> {
        Some(match number {
            0x10 => self.cycle(env.memory, op).now.wrapping_add(self.s.tsc_offset),
            // Feature control: locked, nothing enabled. Microcode revision, platform, feature configuration: none.
            0x3a => 1,
            0x17 | 0x8b | 0xce | 0x140 => 0,
            // Fast string operations.
            0x1a0 => 1,
            0x174..=0x176 => self.s.sysenter[(number - 0x174) as usize],
            0x277 => self.s.pat,
            0xc000_0080 => self.s.efer,
            0xc000_0081..=0xc000_0084 => self.s.syscall[(number - 0xc000_0081) as usize],
            0xc000_0100 => self.s.segments[State::FS].base,
            0xc000_0101 => self.s.segments[State::GS].base,
            0xc000_0102 => self.s.kernel_gs_base,
            _ => {
                let cycle = self.cycle(env.memory, op);
                return env.bus.read_msr(cycle, number);
            }
        })
    }

    /// Sets a model-specific register, if it exists and may have the value.
    pub(crate) fn write_msr(&mut self, env: &mut Env, op: &Op, number: u32, value: u64) -> bool {
        match number {
            0x10 => self.s.tsc_offset = value.wrapping_sub(self.cycle(env.memory, op).now),
            0x3a | 0x8b | 0x140 | 0x1a0 => {}
            0x174 => self.s.sysenter[0] = value & 0xffff_ffff,
            0x175 | 0x176 if Self::canonical(value) => self.s.sysenter[(number - 0x174) as usize] = value,
            0x277 if value.to_le_bytes().iter().all(|kind| matches!(kind, 0 | 1 | 4..=7)) => self.s.pat = value,
            0xc000_0080 => {
                let known = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
                if value & !known != 0 || (value ^ self.s.efer) & EFER_LME != 0 && self.s.cr0 & CR0_PG != 0 {
                    return false;
                }
                self.s.efer = value & !EFER_LMA | self.s.efer & EFER_LMA;
                self.forget_translations(env);
            }
            0xc000_0081 | 0xc000_0084 => self.s.syscall[(number - 0xc000_0081) as usize] = value,
            0xc000_0082 | 0xc000_0083 if Self::canonical(value) => self.s.syscall[(number - 0xc000_0081) as usize] = value,
            0xc000_0100 | 0xc000_0101 if Self::canonical(value) => {
                self.s.segments[if number & 1 == 0 { State::FS } else { State::GS }].base = value;
                self.segments_changed();
            }
            0xc000_0102 if Self::canonical(value) => self.s.kernel_gs_base = value,
            0x175 | 0x176 | 0x277 | 0xc000_0082 | 0xc000_0083 | 0xc000_0100..=0xc000_0102 => return false,
            _ => {
                let cycle = self.cycle(env.memory, op);
                let written = env.bus.write_msr(cycle, number, value);
                self.after_bus_write();
                return written;
            }
        }
        self.look();
        true
    }
}
