//! The real-time clock and its battery-backed storage (CMOS).
//!
//! The time is a start time handed in and what the machine's clock says has passed since. Pure: [`Rtc::advance`] notes what came due,
//! [`Rtc::interrupts`] is the line, [`Rtc::next_event`] when it may change.

mod date;
pub mod spec;

use crate::Nanoseconds;
use date::{Date, SECOND};
use spec::{ALARM, BINARY, HOURS_24, INTERRUPT, PERIODIC, SET, UPDATE, UPDATING, UPDATING_NS, register};

const SIZE: usize = 128;

/// The clock.
#[derive(Clone, Debug)]
pub struct Rtc {
    index: u8,
    storage: [u8; SIZE],
    /// Seconds since 1970 when the machine's clock was 0.
    start: i64,
    flags: u8,
    /// Up to when flags are known.
    seen: Nanoseconds,
    /// The time the clock stands at while it is set.
    standing: Option<Nanoseconds>,
}

impl Rtc {
    /// A clock that shows `start` (seconds since 1970, UTC) when the machine's clock is 0, in a machine with so many bytes of memory.
    pub fn new(start: i64, memory: u64) -> Self {
        let mut storage = [0; SIZE];
        storage[usize::from(register::A)] = 0x26;
        storage[usize::from(register::B)] = HOURS_24;
        storage[usize::from(register::D)] = 0x80;
        // A keyboard, a display of 80 columns, a numeric coprocessor.
        storage[usize::from(register::EQUIPMENT)] = 0x2e;
        let mut word = |at: u8, value: u64| {
            let bytes = (value.min(0xffff) as u16).to_le_bytes();
            storage[usize::from(at)..usize::from(at) + 2].copy_from_slice(&bytes);
        };
        word(register::BASE_MEMORY, 640);
        word(register::EXTENDED_MEMORY, memory.saturating_sub(1 << 20) >> 10);
        word(register::EXTENDED_MEMORY_AGAIN, memory.saturating_sub(1 << 20) >> 10);
        word(register::MEMORY_ABOVE_16M, memory.saturating_sub(16 << 20) >> 16);
        Self { index: 0, storage, start, flags: 0, seen: 0, standing: None }
    }

    /// The machine was reset: interrupts go off, time and storage stay.
    pub fn reset(&mut self) {
        self.storage[usize::from(register::B)] &= !(PERIODIC | ALARM | UPDATE);
        self.flags = 0;
    }

    fn b(&self) -> u8 {
        self.storage[usize::from(register::B)]
    }

    /// Nanoseconds between two periodic interrupts; 0 is never.
    fn period(&self) -> u64 {
        match self.storage[usize::from(register::A)] & 0xf {
            0 => 0,
            // 1 and 2 are 256 and 128 Hz, the others 32768 Hz halved less one times.
            rate @ (1 | 2) => SECOND / (256 >> (rate - 1)),
            rate => SECOND * (1 << (rate - 1)) / 32_768,
        }
    }

    fn seconds(&self, now: Nanoseconds) -> i64 {
        self.start + (self.standing.unwrap_or(now) / SECOND) as i64
    }

    fn is_alarm(&self, date: &Date) -> bool {
        let matches = |at: u8, value: u8| {
            let wanted = self.storage[usize::from(at)];
            wanted >= 0xc0 || wanted == value
        };
        matches(register::SECONDS_ALARM, self.encode(date.second))
            && matches(register::MINUTES_ALARM, self.encode(date.minute))
            && matches(register::HOURS_ALARM, self.hour(date.hour))
    }

    /// Notes what came due up to `now`.
    pub fn advance(&mut self, now: Nanoseconds) {
        if now <= self.seen {
            return;
        }
        let period = self.period();
        if period > 0 && now / period > self.seen / period {
            self.flags |= PERIODIC;
        }
        let (from, to) = (self.seen / SECOND, now / SECOND);
        if to > from && self.standing.is_none() {
            self.flags |= UPDATE;
            // An alarm repeats within a day.
            let first = from.max(to.saturating_sub(86_400)) + 1;
            if self.flags & ALARM == 0 && (first..=to).any(|second| self.is_alarm(&Date::of(self.start + second as i64))) {
                self.flags |= ALARM;
            }
        }
        self.seen = now;
    }

    /// The interrupt line.
    pub fn interrupts(&self) -> bool {
        self.flags & self.b() & (PERIODIC | ALARM | UPDATE) != 0
    }

    /// When the line may rise.
    pub fn next_event(&self) -> Option<Nanoseconds> {
        if self.interrupts() {
            return None;
        }
        let next = |period: u64| (self.seen / period + 1) * period;
        let periodic = (self.b() & PERIODIC != 0 && self.period() > 0).then(|| next(self.period()));
        let second = (self.b() & (ALARM | UPDATE) != 0 && self.standing.is_none()).then(|| next(SECOND));
        periodic.into_iter().chain(second).min()
    }

    fn encode(&self, value: u8) -> u8 {
        if self.b() & BINARY != 0 { value } else { (value / 10) << 4 | (value % 10) }
    }

    fn decode(&self, value: u8) -> u8 {
        if self.b() & BINARY != 0 { value } else { (value >> 4).wrapping_mul(10).wrapping_add(value & 0xf) }
    }

    fn hour(&self, hour: u8) -> u8 {
        if self.b() & HOURS_24 != 0 {
            return self.encode(hour);
        }
        let afternoon = if hour >= 12 { 0x80 } else { 0 };
        self.encode((hour + 11) % 12 + 1) | afternoon
    }

    fn hour_written(&self, value: u8) -> u8 {
        if self.b() & HOURS_24 != 0 {
            return self.decode(value);
        }
        self.decode(value & 0x7f) % 12 + if value & 0x80 != 0 { 12 } else { 0 }
    }

    /// Reads the index port (0) or the data port (1).
    pub fn read(&mut self, offset: u16, now: Nanoseconds) -> u8 {
        if offset == 0 {
            return 0xff;
        }
        self.advance(now);
        let date = Date::of(self.seconds(now));
        match self.index {
            register::SECONDS => self.encode(date.second),
            register::MINUTES => self.encode(date.minute),
            register::HOURS => self.hour(date.hour),
            register::WEEKDAY => self.encode(date.weekday),
            register::DAY => self.encode(date.day),
            register::MONTH => self.encode(date.month),
            register::YEAR => self.encode(date.year.rem_euclid(100) as u8),
            register::CENTURY => self.encode(date.year.div_euclid(100).rem_euclid(100) as u8),
            register::A => {
                let updating = self.standing.is_none() && now % SECOND >= SECOND - UPDATING_NS;
                self.storage[usize::from(register::A)] | if updating { UPDATING } else { 0 }
            }
            register::C => {
                let any = if self.interrupts() { INTERRUPT } else { 0 };
                std::mem::take(&mut self.flags) | any
            }
            index => self.storage[usize::from(index)],
        }
    }

    /// Writes the index port (0) or the data port (1).
    pub fn write(&mut self, offset: u16, value: u8, now: Nanoseconds) {
        if offset == 0 {
            self.index = value & 0x7f;
            return;
        }
        self.advance(now);
        match self.index {
            register::C | register::D => {}
            register::A => self.storage[usize::from(register::A)] = value & !UPDATING,
            register::B => self.write_b(value, now),
            register::CENTURY => self.set_date(value, now),
            index if index <= register::YEAR && !matches!(index, 1 | 3 | 5) => self.set_date(value, now),
            index => self.storage[usize::from(index)] = value,
        }
    }

    fn write_b(&mut self, value: u8, now: Nanoseconds) {
        match (value & SET != 0, self.standing) {
            (true, None) => self.standing = Some(now),
            (false, Some(since)) => {
                // It goes on from where it stood.
                self.start -= (now / SECOND) as i64 - (since / SECOND) as i64;
                self.standing = None;
            }
            _ => {}
        }
        self.storage[usize::from(register::B)] = value;
    }

    fn set_date(&mut self, value: u8, now: Nanoseconds) {
        let mut date = Date::of(self.seconds(now));
        let before = date.seconds();
        let number = self.decode(value);
        match self.index {
            register::SECONDS => date.second = number.min(59),
            register::MINUTES => date.minute = number.min(59),
            register::HOURS => date.hour = self.hour_written(value).min(23),
            register::DAY => date.day = number.clamp(1, 31),
            register::MONTH => date.month = number.clamp(1, 12),
            register::YEAR => date.year = date.year.div_euclid(100) * 100 + i64::from(number.min(99)),
            register::CENTURY => date.year = i64::from(number.clamp(19, 99)) * 100 + date.year.rem_euclid(100),
            _ => return,
        }
        self.start += date.seconds() - before;
    }

    /// What firmware left in a cell of the storage, for the board.
    pub fn cell(&self, index: u8) -> u8 {
        self.storage[usize::from(index) % SIZE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 951_827_696;

    fn cell(rtc: &mut Rtc, index: u8, now: Nanoseconds) -> u8 {
        rtc.write(0, index, now);
        rtc.read(1, now)
    }

    fn set(rtc: &mut Rtc, index: u8, value: u8, now: Nanoseconds) {
        rtc.write(0, index, now);
        rtc.write(1, value, now);
    }

    #[test]
    fn it_shows_the_start_time_and_what_passed_since() {
        let mut rtc = Rtc::new(START, 64 << 20);
        let now = 4 * SECOND;
        let shown: Vec<u8> = [0, 2, 4, 6, 7, 8, 9, 0x32].into_iter().map(|index| cell(&mut rtc, index, now)).collect();
        assert_eq!(shown, [0x00, 0x35, 0x12, 0x03, 0x29, 0x02, 0x00, 0x20]);
        set(&mut rtc, register::B, BINARY, now);
        assert_eq!(cell(&mut rtc, register::HOURS, now), 0x80 | 12, "12 hours, noon");
        assert_eq!(cell(&mut rtc, register::MINUTES, now), 35);
    }

    #[test]
    fn an_update_is_announced_before_each_second() {
        let mut rtc = Rtc::new(START, 0);
        assert_eq!(cell(&mut rtc, register::A, SECOND - UPDATING_NS - 1) & UPDATING, 0);
        assert_eq!(cell(&mut rtc, register::A, SECOND - 1) & UPDATING, UPDATING);
        assert_eq!(cell(&mut rtc, register::A, SECOND) & UPDATING, 0);
    }

    #[test]
    fn the_time_can_be_set_and_stands_meanwhile() {
        let mut rtc = Rtc::new(START, 0);
        set(&mut rtc, register::B, SET | HOURS_24, 0);
        let hour = SECOND * 3600;
        for (index, value) in [(9, 0x26), (8, 0x11), (7, 0x22), (4, 0x07), (2, 0x08), (0, 0x09)] {
            set(&mut rtc, index, value, hour);
        }
        assert_eq!(cell(&mut rtc, register::SECONDS, hour + 30 * SECOND), 0x09);
        set(&mut rtc, register::B, HOURS_24, hour + 30 * SECOND);
        let shown: Vec<u8> = [0, 2, 4, 7, 8, 9].into_iter().map(|index| cell(&mut rtc, index, hour + 31 * SECOND)).collect();
        assert_eq!(shown, [0x10, 0x08, 0x07, 0x22, 0x11, 0x26]);
    }

    #[test]
    fn periodic_interrupts_come_at_their_rate_until_c_is_read() {
        let mut rtc = Rtc::new(START, 0);
        set(&mut rtc, register::B, HOURS_24 | PERIODIC, 0);
        let period = SECOND / 1024;
        assert_eq!(rtc.next_event(), Some(period), "1024 Hz after reset");
        rtc.advance(period);
        assert!(rtc.interrupts());
        assert_eq!(cell(&mut rtc, register::C, period), INTERRUPT | PERIODIC);
        assert!(!rtc.interrupts());
        assert_eq!(rtc.next_event(), Some(2 * period));
    }

    #[test]
    fn the_alarm_comes_at_its_second_and_with_wildcards_each_minute() {
        let mut rtc = Rtc::new(START, 0);
        set(&mut rtc, register::SECONDS_ALARM, 0x05, 0);
        set(&mut rtc, register::MINUTES_ALARM, 0xff, 0);
        set(&mut rtc, register::HOURS_ALARM, 0xc0, 0);
        set(&mut rtc, register::B, HOURS_24 | ALARM, 0);
        rtc.advance(8 * SECOND);
        assert!(!rtc.interrupts());
        rtc.advance(9 * SECOND);
        assert_eq!(cell(&mut rtc, register::C, 9 * SECOND), INTERRUPT | ALARM | UPDATE | PERIODIC);
        rtc.advance(69 * SECOND);
        assert!(rtc.interrupts());
    }

    #[test]
    fn memory_is_told_in_kilobytes_and_in_64_kilobytes() {
        let mut rtc = Rtc::new(START, 512 << 20);
        let mut word = |index| u16::from_le_bytes([cell(&mut rtc, index, 0), cell(&mut rtc, index + 1, 0)]);
        assert_eq!((word(0x15), word(0x17), word(0x30), word(0x34)), (640, 0xffff, 0xffff, 496 * 16));
        set(&mut rtc, register::SHUTDOWN, 0x0a, 0);
        rtc.reset();
        assert_eq!(rtc.cell(register::SHUTDOWN), 0x0a);
    }
}
