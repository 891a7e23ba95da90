//! Descriptors and segment registers.

use crate::core::{Core, Env, Op, Raised, Step, vector};
use crate::state::{Segment, State};
use crate::translate::Access;

/// A descriptor as it lies in its table.
#[derive(Clone, Copy)]
pub(crate) struct Descriptor {
    pub(crate) raw: u64,
    /// Linear address.
    at: u64,
}

impl Descriptor {
    pub(crate) fn attributes(self) -> u16 {
        (self.raw >> 40) as u16 & 0xf0ff
    }

    pub(crate) fn dpl(self) -> u8 {
        (self.raw >> 45) as u8 & 3
    }

    pub(crate) fn present(self) -> bool {
        self.raw >> 47 & 1 != 0
    }

    pub(crate) fn is_code(self) -> bool {
        self.raw >> 43 & 3 == 3
    }

    pub(crate) fn conforming(self) -> bool {
        self.is_code() && self.raw >> 42 & 1 != 0
    }

    /// Of a code segment: L without D.
    pub(crate) fn is_long(self) -> bool {
        self.raw >> 53 & 3 == 1
    }

    fn is_data(self) -> bool {
        self.raw >> 43 & 3 == 2
    }

    fn writable(self) -> bool {
        self.is_data() && self.raw >> 41 & 1 != 0
    }

    fn readable(self) -> bool {
        self.is_data() || self.is_code() && self.raw >> 41 & 1 != 0
    }

    /// Type of a system segment or gate, or 0 for code and data.
    pub(crate) fn system_type(self) -> u8 {
        if self.raw >> 44 & 1 != 0 { 0 } else { (self.raw >> 40) as u8 & 15 }
    }

    /// As a register's hidden part.
    pub(crate) fn segment(self, selector: u16) -> Segment {
        let raw = self.raw;
        let limit = (raw & 0xffff | raw >> 32 & 0xf_0000) as u32;
        Segment {
            selector,
            base: raw >> 16 & 0xff_ffff | raw >> 32 & 0xff00_0000,
            limit: if raw >> 55 & 1 != 0 { limit << 12 | 0xfff } else { limit },
            attributes: self.attributes(),
        }
    }
}

impl Core {
    /// Loads of the processor itself, whatever the privilege level.
    pub(crate) fn read_system<const S: usize>(&mut self, env: &mut Env, op: &Op, address: u64) -> Result<u64, Raised> {
        self.read_slowly(env, op, address, S, false)
    }

    /// The descriptor of a selector; `outside` is what is raised if it is beyond its table.
    pub(crate) fn descriptor(&mut self, env: &mut Env, op: &Op, selector: u16, outside: u8) -> Result<Descriptor, Raised> {
        let offset = u64::from(selector & !7);
        let (base, limit) = if selector & 4 == 0 {
            (self.s.gdtr.base, u32::from(self.s.gdtr.limit))
        } else {
            (self.s.ldtr.base, if self.s.ldtr.attributes & 0x80 != 0 { self.s.ldtr.limit } else { 0 })
        };
        if offset + 7 > u64::from(limit) {
            return Err(self.raise_with(outside, u32::from(selector & !3)));
        }
        let at = base.wrapping_add(offset);
        let raw = self.read_system::<8>(env, op, at)?;
        Ok(Descriptor { raw, at })
    }

    /// The upper half of a descriptor of 16 bytes.
    pub(crate) fn upper_half(&mut self, env: &mut Env, op: &Op, selector: u16) -> Result<u64, Raised> {
        let next = selector.checked_add(8).ok_or(vector::GP).map_err(|vector| self.raise_with(vector, u32::from(selector & !3)))?;
        Ok(self.descriptor(env, op, next, vector::GP)?.raw)
    }

    /// Sets the accessed bit in the table.
    pub(crate) fn accessed(&mut self, env: &mut Env, op: &Op, descriptor: &mut Descriptor) -> Step {
        if descriptor.raw >> 40 & 1 == 0 {
            descriptor.raw |= 1 << 40;
            self.write_slowly(env, op, descriptor.at + 5, 1, descriptor.raw >> 40 & 0xff, false)?;
        }
        Ok(())
    }

    /// Sets or clears the busy bit of a task state segment.
    pub(crate) fn set_busy(&mut self, env: &mut Env, op: &Op, descriptor: &mut Descriptor, busy: bool) -> Step {
        descriptor.raw = descriptor.raw & !(1 << 41) | u64::from(busy) << 41;
        self.write_slowly(env, op, descriptor.at + 5, 1, descriptor.raw >> 40 & 0xff, false)
    }

    /// Loads ES, SS, DS, FS or GS.
    pub(crate) fn load_segment(&mut self, env: &mut Env, op: &Op, register: usize, selector: u16) -> Step {
        if !self.protected() {
            self.load_paragraph(register, selector);
            return Ok(());
        }
        let loaded = if register == State::SS {
            self.stack_segment(env, op, selector, self.cpl(), vector::GP)?
        } else {
            self.data_segment(env, op, selector)?
        };
        self.s.segments[register] = loaded;
        self.segments_changed();
        Ok(())
    }

    /// Loads a segment register in real or virtual-8086 mode: a paragraph. The limit stays what it is, which is 64 KiB unless protected mode
    /// left another one.
    pub(crate) fn load_paragraph(&mut self, register: usize, selector: u16) {
        let segment = &mut self.s.segments[register];
        (segment.selector, segment.base) = (selector, u64::from(selector) << 4);
        self.segments_changed();
    }

    fn data_segment(&mut self, env: &mut Env, op: &Op, selector: u16) -> Result<Segment, Raised> {
        if selector & !3 == 0 {
            return Ok(Segment { selector, ..Segment::default() });
        }
        let mut descriptor = self.descriptor(env, op, selector, vector::GP)?;
        let error = u32::from(selector & !3);
        let level = self.cpl().max(selector as u8 & 3);
        if !descriptor.readable() || !descriptor.conforming() && level > descriptor.dpl() {
            return Err(self.raise_with(vector::GP, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        self.accessed(env, op, &mut descriptor)?;
        Ok(descriptor.segment(selector))
    }

    /// What SS becomes at privilege level `cpl`; `wrong` is the exception for a selector that will not do.
    pub(crate) fn stack_segment(&mut self, env: &mut Env, op: &Op, selector: u16, cpl: u8, wrong: u8) -> Result<Segment, Raised> {
        let error = u32::from(selector & !3);
        if selector & !3 == 0 {
            if self.mode.is_long() && cpl < 3 && selector as u8 & 3 == cpl {
                return Ok(null_stack(cpl));
            }
            return Err(self.raise_with(wrong, 0));
        }
        let mut descriptor = self.descriptor(env, op, selector, wrong)?;
        if selector as u8 & 3 != cpl || descriptor.dpl() != cpl || !descriptor.writable() {
            return Err(self.raise_with(wrong, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::SS, error));
        }
        self.accessed(env, op, &mut descriptor)?;
        Ok(descriptor.segment(selector))
    }

    /// LLDT.
    pub(crate) fn load_ldtr(&mut self, env: &mut Env, op: &Op, selector: u16) -> Step {
        if selector & !3 == 0 {
            self.s.ldtr = Segment { selector, ..Segment::default() };
            return Ok(());
        }
        let loaded = self.system_segment(env, op, selector, &[2])?.0;
        self.s.ldtr = loaded;
        Ok(())
    }

    /// LTR.
    pub(crate) fn load_tr(&mut self, env: &mut Env, op: &Op, selector: u16) -> Step {
        if selector & !3 == 0 {
            return Err(self.protection());
        }
        let kinds: &[u8] = if self.long_active() { &[9] } else { &[1, 9] };
        let (mut loaded, mut descriptor) = self.system_segment(env, op, selector, kinds)?;
        self.set_busy(env, op, &mut descriptor, true)?;
        loaded.attributes |= 2;
        self.s.tr = loaded;
        Ok(())
    }

    fn system_segment(&mut self, env: &mut Env, op: &Op, selector: u16, kinds: &[u8]) -> Result<(Segment, Descriptor), Raised> {
        let error = u32::from(selector & !3);
        if selector & 4 != 0 {
            return Err(self.raise_with(vector::GP, error));
        }
        let descriptor = self.descriptor(env, op, selector, vector::GP)?;
        if !kinds.contains(&descriptor.system_type()) {
            return Err(self.raise_with(vector::GP, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        let mut segment = descriptor.segment(selector);
        if self.long_active() {
            // System descriptors have 16 bytes there.
            let high = self.read_system::<8>(env, op, descriptor.at + 8)?;
            segment.base |= high << 32;
        }
        Ok((segment, descriptor))
    }

    /// Checks and reads a code segment for a jump or call that keeps the privilege level.
    pub(crate) fn code_segment(&mut self, env: &mut Env, op: &Op, selector: u16) -> Result<Segment, Raised> {
        let error = u32::from(selector & !3);
        if selector & !3 == 0 {
            return Err(self.protection());
        }
        let mut descriptor = self.descriptor(env, op, selector, vector::GP)?;
        let cpl = self.cpl();
        let level = if descriptor.conforming() { descriptor.dpl() <= cpl } else { descriptor.dpl() == cpl && selector as u8 & 3 <= cpl };
        let both = self.long_active() && descriptor.raw >> 53 & 3 == 3;
        if !descriptor.is_code() || !level || both {
            return Err(self.raise_with(vector::GP, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        self.accessed(env, op, &mut descriptor)?;
        Ok(descriptor.segment(selector & !3 | u16::from(cpl)))
    }

    /// Sets CS and the instruction address together, if the address is inside.
    pub(crate) fn enter_code(&mut self, code: Segment, target: u64) -> Step {
        let long = self.long_active() && code.attributes & 1 << 13 != 0;
        let inside = if long { Self::canonical(target) } else { target <= u64::from(code.limit) };
        if !inside {
            return Err(self.protection());
        }
        self.s.segments[State::CS] = code;
        self.rip = target;
        self.segments_changed();
        Ok(())
    }

    /// After a return to a less privileged level, segments that it may not use are null.
    pub(crate) fn drop_privileged_segments(&mut self, cpl: u8) {
        for register in [State::ES, State::DS, State::FS, State::GS] {
            let segment = &mut self.s.segments[register];
            let dpl = (segment.attributes >> 5) as u8 & 3;
            let conforming = segment.attributes & 0x1c == 0x1c;
            if segment.attributes & 0x80 != 0 && !conforming && dpl < cpl {
                // The base stays: that of GS may be the only way to the next kernel stack.
                *segment = Segment { base: segment.base, ..Segment::default() };
            }
        }
        self.segments_changed();
    }

    /// LAR, LSL, VERR, VERW: the descriptor, if the selector may be looked at.
    pub(crate) fn visible(&mut self, env: &mut Env, op: &Op, selector: u16) -> Result<Option<Descriptor>, Raised> {
        if selector & !3 == 0 {
            return Ok(None);
        }
        let limit = if selector & 4 == 0 { u32::from(self.s.gdtr.limit) } else { self.s.ldtr.limit };
        if u32::from(selector | 7) > limit {
            return Ok(None);
        }
        let descriptor = self.descriptor(env, op, selector, vector::GP)?;
        let level = self.cpl().max(selector as u8 & 3);
        Ok((descriptor.conforming() || level <= descriptor.dpl()).then_some(descriptor))
    }

    /// VERR, VERW: whether it may be read or written.
    pub(crate) fn verify(&mut self, env: &mut Env, op: &Op, selector: u16, access: Access) -> Result<bool, Raised> {
        let found = self.visible(env, op, selector)?;
        Ok(found.is_some_and(|d| if access == Access::Write { d.writable() } else { d.readable() }))
    }
}

/// SS without a descriptor, in 64-bit mode.
pub(crate) fn null_stack(cpl: u8) -> Segment {
    Segment { selector: u16::from(cpl), base: 0, limit: 0xffff_ffff, attributes: 0xc093 | u16::from(cpl) << 5 }
}

/// A segment of virtual-8086 mode.
pub(crate) fn paragraph(selector: u16) -> Segment {
    Segment { selector, base: u64::from(selector) << 4, limit: 0xffff, attributes: 0xf3 }
}

/// The flat segments that SYSCALL and its like load without a descriptor.
pub(crate) fn fixed(selector: u16, cpl: u8, code: bool, long: bool) -> Segment {
    let kind = if code { 0x9b } else { 0x93 };
    let width = if long { 0xa000 } else { 0xc000 };
    Segment { selector, base: 0, limit: 0xffff_ffff, attributes: width | kind | u16::from(cpl) << 5 }
}
