//! One channel of the 8254: a counter in one of six modes, evaluated when somebody asks, from the count at which it was started.

/// Which bytes of a count a read or write moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Access {
    Low,
    High,
    #[default]
    Both,
}

/// A channel. Times are counts of the chip's clock since the machine began.
#[derive(Clone, Debug, Default)]
pub(super) struct Channel {
    mode: u8,
    access: Access,
    bcd: bool,
    /// Programmed count; 0 until the first.
    count: u32,
    /// When counting began; `None` while it waits for a count or a trigger.
    start: Option<u64>,
    /// The gate is low: counting stands since then.
    stopped_at: Option<u64>,
    low_written: Option<u8>,
    high_next: bool,
    latched: Option<u16>,
    latched_status: Option<u8>,
}

impl Channel {
    pub(super) fn new(gate: bool) -> Self {
        Self { stopped_at: (!gate).then_some(0), ..Self::default() }
    }

    pub(super) fn control(&mut self, word: u8, now: u64) {
        let access = match word >> 4 & 3 {
            0 => return self.latch(now),
            1 => Access::Low,
            2 => Access::High,
            _ => Access::Both,
        };
        let mode = match word >> 1 & 7 {
            mode @ 0..=5 => mode,
            mode => mode - 4,
        };
        let stopped_at = self.stopped_at;
        *self = Self { mode, access, bcd: word & 1 != 0, stopped_at, ..Self::default() };
    }

    pub(super) fn latch(&mut self, now: u64) {
        if self.latched.is_none() {
            self.latched = Some(self.value(now));
        }
    }

    pub(super) fn latch_status(&mut self, now: u64) {
        let access = match self.access {
            Access::Low => 1,
            Access::High => 2,
            Access::Both => 3,
        };
        let flags = u8::from(self.output(now)) << 7 | u8::from(self.start.is_none()) << 6;
        self.latched_status.get_or_insert(flags | access << 4 | self.mode << 1 | u8::from(self.bcd));
    }

    pub(super) fn write(&mut self, value: u8, now: u64) {
        let value = u32::from(value);
        let raw = match (self.access, self.low_written.take()) {
            (Access::Low, _) => value,
            (Access::High, _) => value << 8,
            (Access::Both, None) => {
                self.low_written = Some(value as u8);
                if self.mode == 0 {
                    // The data sheet: the first byte stops mode 0.
                    self.start = None;
                }
                return;
            }
            (Access::Both, Some(low)) => value << 8 | u32::from(low),
        };
        let count = if self.bcd { from_bcd(raw) } else { raw };
        self.count = match (count, self.bcd) {
            (0, true) => 10_000,
            (0, false) => 0x1_0000,
            (count, _) => count,
        };
        // Modes 1 and 5 wait for the gate.
        if !matches!(self.mode, 1 | 5) {
            self.start = Some(now);
            self.stopped_at = self.stopped_at.map(|_| now);
        }
    }

    pub(super) fn read(&mut self, now: u64) -> u8 {
        if let Some(status) = self.latched_status.take() {
            return status;
        }
        let value = self.latched.unwrap_or_else(|| self.value(now));
        let high = match self.access {
            Access::Low => false,
            Access::High => true,
            Access::Both => self.high_next,
        };
        if self.access == Access::Both {
            self.high_next = !high;
        }
        if high || self.access != Access::Both {
            self.latched = None;
        }
        if high { (value >> 8) as u8 } else { value as u8 }
    }

    pub(super) fn set_gate(&mut self, high: bool, now: u64) {
        match (self.stopped_at, high) {
            (None, false) => self.stopped_at = Some(now),
            (Some(since), true) => {
                self.stopped_at = None;
                match self.mode {
                    // A rising gate loads the count anew, or triggers.
                    1 | 2 | 3 | 5 if self.count > 0 => self.start = Some(now),
                    _ => self.start = self.start.map(|start| start + (now - since)),
                }
            }
            _ => {}
        }
    }

    fn elapsed(&self, now: u64) -> Option<u64> {
        // In the triggered modes the level of the gate does not matter.
        let now = match self.stopped_at {
            Some(since) if !matches!(self.mode, 1 | 5) => since,
            _ => now,
        };
        Some(now.saturating_sub(self.start?))
    }

    fn value(&self, now: u64) -> u16 {
        let Some(elapsed) = self.elapsed(now) else { return self.encode(u64::from(self.count)) };
        let count = u64::from(self.count);
        let modulus = if self.bcd { 10_000 } else { 0x1_0000 };
        let left = match self.mode {
            2 => count - elapsed % count,
            3 => (count - 2 * elapsed % count) & !1,
            _ => (count + modulus - elapsed % modulus) % modulus,
        };
        self.encode(left)
    }

    fn encode(&self, value: u64) -> u16 {
        if self.bcd { (0..4).fold(0, |sum, digit| sum | ((value / 10_u64.pow(digit) % 10) as u16) << (4 * digit)) } else { value as u16 }
    }

    /// The output pin.
    pub(super) fn output(&self, now: u64) -> bool {
        let count = u64::from(self.count);
        let Some(elapsed) = self.elapsed(now) else { return self.mode != 0 };
        match self.mode {
            0 | 1 => elapsed >= count,
            _ if matches!(self.mode, 2 | 3) && self.stopped_at.is_some() => true,
            2 => elapsed % count != count - 1 || count == 1,
            3 => elapsed % count < count.div_ceil(2),
            _ => elapsed != count,
        }
    }

    /// When the output next rises after `now`.
    pub(super) fn next_rise(&self, now: u64) -> Option<u64> {
        let start = self.start?;
        let count = u64::from(self.count);
        if self.stopped_at.is_some() && !matches!(self.mode, 1 | 5) {
            return None;
        }
        let rise = match self.mode {
            0 | 1 => start + count,
            2 | 3 => start + (now.saturating_sub(start) / count + 1) * count,
            _ => start + count + 1,
        };
        (rise > now).then_some(rise)
    }
}

fn from_bcd(raw: u32) -> u32 {
    (0..4).fold(0, |sum, digit| sum + (raw >> (4 * digit) & 15) * 10_u32.pow(digit)).min(9_999)
}
