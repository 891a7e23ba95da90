//! The 8254 interval timer: three channels at 1.193182 MHz. Channel 0 drives interrupt 0; channel 2 is read by port 61.
//!
//! Pure: each access says what time it is. [`Pit::next_rise`] says when the output of channel 0 next rises.

mod channel;
pub mod spec;

use crate::Nanoseconds;
use channel::Channel;
use spec::{CHANNEL, CONTROL, GATE_2, HERTZ, KEPT_61, OUT_2, REFRESH, REFRESH_NS};

const SECOND: u128 = 1_000_000_000;

fn counts(now: Nanoseconds) -> u64 {
    (u128::from(now) * u128::from(HERTZ) / SECOND) as u64
}

/// The first nanosecond of a count.
fn nanoseconds(count: u64) -> Nanoseconds {
    (u128::from(count) * SECOND).div_ceil(u128::from(HERTZ)) as Nanoseconds
}

/// The chip, and port 61.
#[derive(Clone, Debug)]
pub struct Pit {
    channels: [Channel; 3],
    port_61: u8,
}

impl Default for Pit {
    fn default() -> Self {
        Self { channels: [Channel::new(true), Channel::new(true), Channel::new(false)], port_61: 0 }
    }
}

impl Pit {
    /// Reads one of ports 40 to 43.
    pub fn read(&mut self, port: u16, now: Nanoseconds) -> u8 {
        match self.channels.get_mut(usize::from(port.wrapping_sub(CHANNEL))) {
            Some(channel) => channel.read(counts(now)),
            None => 0xff,
        }
    }

    /// Writes one of ports 40 to 43.
    pub fn write(&mut self, port: u16, value: u8, now: Nanoseconds) {
        let now = counts(now);
        if port == CONTROL {
            return self.control(value, now);
        }
        if let Some(channel) = self.channels.get_mut(usize::from(port.wrapping_sub(CHANNEL))) {
            channel.write(value, now);
        }
    }

    fn control(&mut self, word: u8, now: u64) {
        if let Some(channel) = self.channels.get_mut(usize::from(word >> 6)) {
            return channel.control(word, now);
        }
        // Read-back: of the channels named, the count, the status, or both. The bits are low when asked for.
        for (number, channel) in self.channels.iter_mut().enumerate() {
            if word & 2 << number == 0 {
                continue;
            }
            if word & 0x10 == 0 {
                channel.latch_status(now);
            }
            if word & 0x20 == 0 {
                channel.latch(now);
            }
        }
    }

    /// Reads port 61.
    pub fn read_61(&self, now: Nanoseconds) -> u8 {
        let refresh = if (now / REFRESH_NS).is_multiple_of(2) { 0 } else { REFRESH };
        let output = if self.channels[2].output(counts(now)) { OUT_2 } else { 0 };
        self.port_61 | refresh | output
    }

    /// Writes port 61.
    pub fn write_61(&mut self, value: u8, now: Nanoseconds) {
        self.port_61 = value & KEPT_61;
        self.channels[2].set_gate(value & GATE_2 != 0, counts(now));
    }

    /// The output of channel 0.
    pub fn output(&self, now: Nanoseconds) -> bool {
        self.channels[0].output(counts(now))
    }

    /// When the output of channel 0 next rises after `now`.
    pub fn next_rise(&self, now: Nanoseconds) -> Option<Nanoseconds> {
        self.channels[0].next_rise(counts(now)).map(nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nanosecond at which that many counts have passed.
    fn at(count: u64) -> Nanoseconds {
        nanoseconds(count)
    }

    fn programmed(control: u8, count: u16) -> Pit {
        let mut pit = Pit::default();
        pit.write(CONTROL, control, 0);
        pit.write(CHANNEL, count as u8, 0);
        pit.write(CHANNEL, (count >> 8) as u8, 0);
        pit
    }

    fn read_16(pit: &mut Pit, now: Nanoseconds) -> u16 {
        let low = pit.read(CHANNEL, now);
        u16::from_le_bytes([low, pit.read(CHANNEL, now)])
    }

    #[test]
    fn mode_0_counts_down_once_and_its_output_rises_at_the_end() {
        let mut pit = programmed(0x30, 1000);
        assert_eq!(read_16(&mut pit, at(1)), 999);
        assert!(!pit.output(at(999)));
        assert!(pit.output(at(1000)));
        assert_eq!(pit.next_rise(0), Some(at(1000)));
        assert_eq!(pit.next_rise(at(1000)), None);
        assert_eq!(read_16(&mut pit, at(1001)), 0xffff, "it goes on counting");
    }

    #[test]
    fn mode_2_is_low_for_one_count_of_each_period() {
        let mut pit = programmed(0x34, 11_932);
        assert!(pit.output(at(11_930)) && !pit.output(at(11_931)) && pit.output(at(11_932)));
        assert_eq!(pit.next_rise(at(11_932)), Some(at(23_864)));
        assert_eq!(read_16(&mut pit, at(11_933)), 11_931);
    }

    #[test]
    fn mode_3_is_a_square_wave_that_counts_by_two() {
        let mut pit = programmed(0x36, 10);
        let wave: Vec<bool> = (0..20).map(|count| pit.output(at(count))).collect();
        assert_eq!(wave[..10], [true, true, true, true, true, false, false, false, false, false]);
        assert_eq!(wave[..10], wave[10..]);
        assert_eq!(read_16(&mut pit, at(1)), 8);
        let odd = programmed(0x36, 5);
        assert_eq!((0..5).map(|count| odd.output(at(count))).collect::<Vec<_>>(), [true, true, true, false, false]);
    }

    #[test]
    fn modes_4_and_5_strobe_for_one_count() {
        let pit = programmed(0x38, 7);
        assert!(pit.output(at(6)) && !pit.output(at(7)) && pit.output(at(8)));
        let mut pit = Pit::default();
        pit.write(CONTROL, 0xba, 0);
        [7, 0].into_iter().for_each(|byte| pit.write(CHANNEL + 2, byte, 0));
        pit.write_61(GATE_2, at(100));
        assert_eq!(pit.read_61(at(107)) & OUT_2, 0, "triggered by the gate");
        assert_eq!(pit.read_61(at(108)) & OUT_2, OUT_2);
    }

    #[test]
    fn a_count_of_zero_is_the_longest() {
        assert_eq!(programmed(0x34, 0).next_rise(0), Some(at(0x1_0000)));
        assert_eq!(programmed(0x35, 0).next_rise(0), Some(at(10_000)), "in BCD");
    }

    #[test]
    fn bcd_counts_are_read_in_bcd() {
        let mut pit = programmed(0x35, 0x1000);
        assert_eq!(read_16(&mut pit, at(1)), 0x0999);
    }

    #[test]
    fn a_latched_count_stays_until_it_is_read() {
        let mut pit = programmed(0x34, 1000);
        pit.write(CONTROL, 0x00, at(100));
        pit.write(CONTROL, 0x00, at(200));
        assert_eq!(read_16(&mut pit, at(300)), 900);
        assert_eq!(read_16(&mut pit, at(300)), 700);
    }

    #[test]
    fn read_back_gives_status_and_then_the_count() {
        let mut pit = programmed(0x34, 1000);
        pit.write(CONTROL, 0xc2, at(10));
        assert_eq!(pit.read(CHANNEL, at(50)), 0x80 | 0x34);
        assert_eq!(read_16(&mut pit, at(50)), 990);
        pit.write(CONTROL, 0x30, at(60));
        pit.write(CONTROL, 0xe2, at(60));
        assert_eq!(pit.read(CHANNEL, at(60)), 0x70, "null count, output low");
    }

    #[test]
    fn channel_2_is_gated_by_port_61_as_calibrations_of_the_tsc_do() {
        let mut pit = Pit::default();
        pit.write_61(0, 0);
        pit.write(CONTROL, 0xb0, 0);
        [0xff, 0x0f].into_iter().for_each(|byte| pit.write(CHANNEL + 2, byte, 0));
        assert_eq!(pit.read_61(at(10_000)) & OUT_2, 0, "it stands");
        pit.write_61(GATE_2, at(10_000));
        assert_eq!(pit.read_61(at(14_094)) & OUT_2, 0);
        assert_eq!(pit.read_61(at(14_095)) & OUT_2, OUT_2);
    }

    #[test]
    fn the_refresh_bit_of_port_61_changes_with_time() {
        let pit = Pit::default();
        assert_ne!(pit.read_61(0) & REFRESH, pit.read_61(REFRESH_NS) & REFRESH);
    }
}
