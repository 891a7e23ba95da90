//! Loads and stores of instructions: memory operands, the stack, and the slow ways of both.

use crate::bus::Flow;
use crate::core::{Core, Env, FLAT, Op, Raised, STACK, Step, last, vector};
use crate::state::State;
use crate::tlb::CODE;
use crate::translate::Access;

impl Core {
    /// Offset of the memory operand in its segment.
    #[inline(always)]
    pub(crate) fn offset(&self, op: &Op) -> u64 {
        let base = self.regs[op.base as usize];
        let index = self.regs[op.index as usize];
        base.wrapping_add(index << (op.scale & 3)).wrapping_add(op.displacement) & (u64::MAX >> (op.shrink & 63))
    }

    /// Linear address of the memory operand of `S` bytes.
    #[inline(always)]
    pub(crate) fn linear<const S: usize>(&mut self, op: &Op, access: Access) -> Result<u64, Raised> {
        self.segmented(op.segment, self.offset(op), S as u64, access)
    }

    /// Linear address of `size` bytes at `offset` in a segment.
    #[inline(always)]
    pub(crate) fn segmented(&mut self, segment: u8, offset: u64, size: u64, access: Access) -> Result<u64, Raised> {
        if segment >= FLAT {
            // What is loaded in parts must not begin before it is clear that it does not end beyond.
            if !matches!(size, 1 | 2 | 4 | 8) {
                self.within_4_gib(segment, offset, size)?;
            }
            Ok(self.bases[(segment & 15) as usize].wrapping_add(offset))
        } else {
            self.checked(segment, offset, size, access)
        }
    }

    /// The same with the checks of protected mode and real mode.
    fn checked(&mut self, segment: u8, offset: u64, size: u64, access: Access) -> Result<u64, Raised> {
        let s = &self.s.segments[segment as usize];
        let last = offset.wrapping_add(size - 1);
        let expand_down = s.attributes & 0x1c == 0x14;
        let inside = if expand_down {
            let highest = if s.attributes & 1 << 14 != 0 { 0xffff_ffff } else { 0xffff };
            offset > u64::from(s.limit) && last <= highest
        } else {
            last <= u64::from(s.limit)
        };
        let code = s.attributes & 8 != 0;
        let readable = !code || s.attributes & 2 != 0;
        let writable = !code && s.attributes & 2 != 0;
        let permitted = !self.protected() || s.attributes & 0x90 == 0x90 && if access == Access::Write { writable } else { readable };
        if inside && permitted {
            return Ok(s.base.wrapping_add(offset) & 0xffff_ffff);
        }
        Err(if segment as usize == State::SS { self.raise_with(vector::SS, 0) } else { self.protection() })
    }

    /// Loads `S` bytes of the memory operand.
    #[inline(always)]
    pub(crate) fn load<const S: usize>(&mut self, env: &mut Env, op: &Op) -> Result<u64, Raised> {
        let address = self.linear::<S>(op, Access::Read)?;
        self.read::<S>(env, op, address)
    }

    /// Stores `S` bytes into the memory operand.
    #[inline(always)]
    pub(crate) fn store<const S: usize>(&mut self, env: &mut Env, op: &Op, value: u64) -> Step {
        let address = self.linear::<S>(op, Access::Write)?;
        self.write::<S>(env, op, address, value)
    }

    /// Loads `S` bytes at a linear address.
    #[inline(always)]
    pub(crate) fn read<const S: usize>(&mut self, env: &mut Env, op: &Op, address: u64) -> Result<u64, Raised> {
        match env.tlb.reads.find::<S>(address, self.key) {
            Some(window) => Ok(window.get::<S>(address)),
            None => self.read_slowly(env, op, address, S, self.is_user()),
        }
    }

    /// Stores `S` bytes at a linear address. Nothing is stored if it faults.
    #[inline(always)]
    pub(crate) fn write<const S: usize>(&mut self, env: &mut Env, op: &Op, address: u64, value: u64) -> Step {
        match env.tlb.writes.find::<S>(address, self.key) {
            Some(window) => {
                window.put::<S>(address, value);
                Ok(())
            }
            None => self.write_slowly(env, op, address, S, value, self.is_user()),
        }
    }

    /// Loads `S` bytes of the memory operand and stores what `change` makes of them. `change` runs when no fault can happen any more.
    #[inline(always)]
    pub(crate) fn modify<const S: usize>(&mut self, env: &mut Env, op: &Op, change: impl FnOnce(&mut Self, u64) -> u64) -> Step {
        let address = self.linear::<S>(op, Access::Write)?;
        self.modify_at::<S>(env, op, address, change)
    }

    /// The same at a linear address.
    #[inline(always)]
    pub(crate) fn modify_at<const S: usize>(
        &mut self,
        env: &mut Env,
        op: &Op,
        address: u64,
        change: impl FnOnce(&mut Self, u64) -> u64,
    ) -> Step {
        if let Some(window) = env.tlb.writes.find::<S>(address, self.key) {
            let value = window.get::<S>(address);
            let value = change(self, value);
            window.put::<S>(address, value);
            return Ok(());
        }
        self.probe(env, op, address, S as u64)?;
        let value = self.read::<S>(env, op, address)?;
        let value = change(self, value);
        self.write::<S>(env, op, address, value)
    }

    /// Flat segments end with the 4 GiB, outside 64-bit mode: an access does not go on at 0. Such ones always come the slow way.
    fn within_4_gib(&mut self, segment: u8, address: u64, size: u64) -> Step {
        if self.mode.is_long() || segment < FLAT || address + size - 1 <= 0xffff_ffff {
            return Ok(());
        }
        Err(if segment == STACK { self.raise_with(vector::SS, 0) } else { self.protection() })
    }

    /// Raises what a store of `size` bytes would raise.
    pub(crate) fn probe(&mut self, env: &mut Env, op: &Op, address: u64, size: u64) -> Step {
        self.within_4_gib(op.segment, address, size)?;
        self.place(env, op, address, Access::Write, self.is_user())?;
        let last = self.cut(address.wrapping_add(size - 1));
        if last & !0xfff != address & !0xfff {
            self.place(env, op, last & !0xfff, Access::Write, self.is_user())?;
        }
        Ok(())
    }

    /// Guest-physical address of a byte for a data access.
    fn place(&mut self, env: &mut Env, op: &Op, address: u64, access: Access, user: bool) -> Result<u64, Raised> {
        if access == Access::Write {
            let entry = env.tlb.writes.at(address);
            if entry.tag & !CODE == address & !0xfff | self.key_of(user) {
                let physical = entry.physical | address & 0xfff;
                if entry.tag & CODE != 0 && !env.memory.has_code(physical) {
                    self.enter(env, address, physical, access, user);
                }
                return Ok(physical);
            }
        }
        if self.long_active() && !Self::canonical(address) {
            return Err(if op.segment == STACK { self.raise_with(vector::SS, 0) } else { self.protection() });
        }
        let physical = self.translate(env, address, access, user)?;
        self.enter(env, address, physical, access, user);
        Ok(physical)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn read_slowly(&mut self, env: &mut Env, op: &Op, address: u64, size: usize, user: bool) -> Result<u64, Raised> {
        self.within_4_gib(op.segment, address, size as u64)?;
        let first = self.place(env, op, address, Access::Read, user)?;
        self.note_access(address, size, false);
        let here = (4096 - (address & 0xfff)).min(size as u64) as usize;
        if here == size {
            return Ok(self.read_physical(env, op, first, size));
        }
        let second = self.place(env, op, self.cut(address.wrapping_add(here as u64)), Access::Read, user)?;
        let low = self.read_physical(env, op, first, here);
        Ok(low | self.read_physical(env, op, second, size - here) << (8 * here))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn write_slowly(&mut self, env: &mut Env, op: &Op, address: u64, size: usize, value: u64, user: bool) -> Step {
        self.within_4_gib(op.segment, address, size as u64)?;
        let first = self.place(env, op, address, Access::Write, user)?;
        self.note_access(address, size, true);
        let here = (4096 - (address & 0xfff)).min(size as u64) as usize;
        if here == size {
            self.write_physical(env, op, first, size, value);
            return Ok(());
        }
        let second = self.place(env, op, self.cut(address.wrapping_add(here as u64)), Access::Write, user)?;
        self.write_physical(env, op, first, here, value);
        self.write_physical(env, op, second, size - here, value >> (8 * here));
        Ok(())
    }

    /// Loads 1 to 8 bytes of one page.
    fn read_physical(&mut self, env: &mut Env, op: &Op, physical: u64, size: usize) -> u64 {
        if let Some(window) = env.memory.window(physical) {
            let mut bytes = [0; 8];
            window.load((physical & 0xfff) as usize, &mut bytes[..size]);
            return u64::from_le_bytes(bytes);
        }
        self.look();
        let mut value = 0;
        let mut done = 0;
        while done < size {
            let part = part(size - done);
            let cycle = self.cycle(env.memory, op);
            let read = env.bus.mmio_read(cycle, physical + done as u64, part as u8);
            value |= (read & (u64::MAX >> (64 - 8 * part))) << (8 * done);
            done += part;
        }
        value
    }

    /// Stores 1 to 8 bytes into one page.
    fn write_physical(&mut self, env: &mut Env, op: &Op, physical: u64, size: usize, value: u64) {
        if let Some(window) = env.memory.window(physical) {
            window.store((physical & 0xfff) as usize, &value.to_le_bytes()[..size]);
            self.stored(env, physical, size as u64);
            return;
        }
        let mut done = 0;
        while done < size {
            let part = part(size - done);
            let cycle = self.cycle(env.memory, op);
            let value = value >> (8 * done) & (u64::MAX >> (64 - 8 * part));
            if env.bus.mmio_write(cycle, physical + done as u64, part as u8, value) == Flow::Leave {
                self.leave = true;
            }
            done += part;
        }
        self.after_bus_write();
    }

    /// A device may have changed interrupts, and code.
    pub(crate) fn after_bus_write(&mut self) {
        self.pause();
    }

    /// Bytes of one page were stored: if decoded code is among them it is looked at again, from the next instruction on.
    pub(crate) fn stored(&mut self, env: &Env, physical: u64, size: u64) {
        if env.memory.stored(physical, size) {
            self.last = last::PAUSED;
        }
    }

    /// Pushes `S` bytes: the store comes first, so that a fault leaves the stack pointer alone.
    #[inline(always)]
    pub(crate) fn push<const S: usize>(&mut self, env: &mut Env, op: &Op, value: u64) -> Step {
        if self.mode.is_long() {
            let top = self.regs[4].wrapping_sub(S as u64);
            self.write_stack::<S>(env, op, top, value)?;
            self.regs[4] = top;
            return Ok(());
        }
        let mask = self.stack_mask();
        let top = self.regs[4].wrapping_sub(S as u64) & mask;
        let address = self.segmented(State::SS as u8, top, S as u64, Access::Write)?;
        self.write::<S>(env, op, address, value)?;
        self.regs[4] = self.regs[4] & !mask | top;
        Ok(())
    }

    /// Pops `S` bytes.
    #[inline(always)]
    pub(crate) fn pop<const S: usize>(&mut self, env: &mut Env, op: &Op) -> Result<u64, Raised> {
        let value = self.peek::<S>(env, op, 0)?;
        self.drop_stack(S as u64);
        Ok(value)
    }

    /// What is `distance` bytes above the top of the stack.
    #[inline(always)]
    pub(crate) fn peek<const S: usize>(&mut self, env: &mut Env, op: &Op, distance: u64) -> Result<u64, Raised> {
        if self.mode.is_long() {
            let address = self.regs[4].wrapping_add(distance);
            return match env.tlb.reads.find::<S>(address, self.key) {
                Some(window) => Ok(window.get::<S>(address)),
                None => self.read_slowly(env, &Op { segment: STACK, ..*op }, address, S, self.is_user()),
            };
        }
        let top = self.regs[4].wrapping_add(distance) & self.stack_mask();
        let address = self.segmented(State::SS as u8, top, S as u64, Access::Read)?;
        self.read::<S>(env, op, address)
    }

    /// Takes bytes off the stack.
    #[inline(always)]
    pub(crate) fn drop_stack(&mut self, bytes: u64) {
        let mask = self.stack_mask();
        self.regs[4] = self.regs[4] & !mask | self.regs[4].wrapping_add(bytes) & mask;
    }

    /// Stores on the stack of 64-bit mode.
    #[inline(always)]
    fn write_stack<const S: usize>(&mut self, env: &mut Env, op: &Op, address: u64, value: u64) -> Step {
        match env.tlb.writes.find::<S>(address, self.key) {
            Some(window) => {
                window.put::<S>(address, value);
                Ok(())
            }
            None => self.write_slowly(env, &Op { segment: STACK, ..*op }, address, S, value, self.is_user()),
        }
    }

    /// Linear address of 16 bytes, which #GP says must be aligned before it is asked whether they are within the segment.
    fn wide(&mut self, op: &Op, access: Access, aligned: bool) -> Result<u64, Raised> {
        if aligned && op.segment >= FLAT {
            let address = self.linear::<8>(op, access)?;
            return if address & 15 != 0 { Err(self.protection()) } else { Ok(address) };
        }
        let address = self.linear::<16>(op, access)?;
        if aligned && address & 15 != 0 { Err(self.protection()) } else { Ok(address) }
    }

    /// Loads 16 bytes of the memory operand; `aligned` raises #GP if they are not.
    pub(crate) fn load_wide(&mut self, env: &mut Env, op: &Op, aligned: bool) -> Result<u128, Raised> {
        let address = self.wide(op, Access::Read, aligned)?;
        let low = self.read::<8>(env, op, address)?;
        let high = self.read::<8>(env, op, self.cut(address.wrapping_add(8)))?;
        Ok(u128::from(low) | u128::from(high) << 64)
    }

    /// Stores 16 bytes.
    pub(crate) fn store_wide(&mut self, env: &mut Env, op: &Op, aligned: bool, value: u128) -> Step {
        let address = self.wide(op, Access::Write, aligned)?;
        self.probe(env, op, address, 16)?;
        self.write::<8>(env, op, address, value as u64)?;
        self.write::<8>(env, op, self.cut(address.wrapping_add(8)), (value >> 64) as u64)
    }
}

/// The largest power of two up to `left`: how odd pieces are cut for the bus.
fn part(left: usize) -> usize {
    1 << left.ilog2().min(3)
}
