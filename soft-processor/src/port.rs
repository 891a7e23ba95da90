//! IN and OUT, and who may use a port.

use crate::bus::Flow;
use crate::core::{Core, Env, Op, Step};

impl Core {
    /// #GP(0) unless the privilege level is at most IOPL, outside virtual-8086 mode, or the task's permission map opens the port.
    pub(crate) fn may_use_port(&mut self, env: &mut Env, op: &Op, port: u16, size: u8) -> Step {
        if !self.is_virtual() && self.cpl() <= (self.modes >> 12) as u8 & 3 {
            return Ok(());
        }
        let tr = self.s.tr;
        let available = tr.attributes & 0x9d == 0x89;
        if available && tr.limit >= 0x67 {
            let map = self.read_slowly(env, op, tr.base + 0x66, 2, false)?;
            let at = map + u64::from(port >> 3);
            if at < u64::from(tr.limit) {
                let bits = self.read_slowly(env, op, tr.base + at, 2, false)?;
                if bits >> (port & 7) & ((1 << size) - 1) == 0 {
                    return Ok(());
                }
            }
        }
        Err(self.protection())
    }

    /// One OUT.
    pub(crate) fn output(&mut self, env: &mut Env, op: &Op, port: u16, size: u8, value: u32) {
        let cycle = self.cycle(env.memory, op);
        if env.bus.port_out(cycle, port, size, value) == Flow::Leave {
            self.leave = true;
        }
        self.note_port(port, size);
        self.after_bus_write();
    }
}

/// Port number: the immediate, or DX.
fn port<const DX: bool>(core: &Core, op: &Op) -> u16 {
    if DX { core.regs[2] as u16 } else { op.immediate as u16 }
}

/// IN.
pub(crate) fn input<const S: usize, const DX: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let port = port::<DX>(core, op);
    core.may_use_port(env, op, port, S as u8)?;
    let cycle = core.cycle(env.memory, op);
    let value = env.bus.port_in(cycle, port, S as u8);
    core.note_port(port, S as u8);
    core.set::<S>(0, u64::from(value));
    core.look();
    Ok(())
}

/// OUT.
pub(crate) fn output<const S: usize, const DX: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let port = port::<DX>(core, op);
    core.may_use_port(env, op, port, S as u8)?;
    core.output(env, op, port, S as u8, core.get::<S>(0) as u32);
    Ok(())
}
