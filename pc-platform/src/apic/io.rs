//! The I/O APIC: 24 pins, each with an entry that says which processors it interrupts and how.

use super::spec::{IO_VERSION, PIN_LEVEL, PIN_MASKED, PIN_REMOTE_IRR, PIN_WRITABLE, PINS};
use super::{Delivery, Message};

/// An I/O APIC.
#[derive(Clone, Debug)]
pub struct IoApic {
    id: u32,
    select: u8,
    entries: [u64; PINS],
    /// Lines as they are, before polarity.
    lines: u32,
    /// Edges and levels that wait to be delivered.
    requests: u32,
}

impl Default for IoApic {
    fn default() -> Self {
        Self { id: 0, select: 0, entries: [PIN_MASKED; PINS], lines: 0, requests: 0 }
    }
}

impl IoApic {
    /// Sets a pin; what is to be delivered is for [`IoApic::next_message`].
    pub fn set_pin(&mut self, pin: usize, high: bool) {
        let Some(entry) = self.entries.get(pin) else { return };
        let bit = 1 << pin;
        // Devices of a PC drive their lines active high; a pin programmed active low sees them through the wiring that inverts.
        let rises = high && self.lines & bit == 0;
        self.lines = if high { self.lines | bit } else { self.lines & !bit };
        if entry & PIN_LEVEL != 0 {
            self.requests = if high { self.requests | bit } else { self.requests & !bit };
        } else if rises && entry & PIN_MASKED == 0 {
            self.requests |= bit;
        }
    }

    /// Whether a pin's requests are held back by its mask.
    pub fn is_masked(&self, pin: usize) -> bool {
        self.entries.get(pin).is_none_or(|entry| entry & PIN_MASKED != 0)
    }

    /// The next interrupt that is to be delivered.
    pub fn next_message(&mut self) -> Option<Message> {
        for pin in 0..PINS {
            let entry = self.entries[pin];
            let waits = entry & PIN_MASKED != 0 || entry & PIN_LEVEL != 0 && entry & PIN_REMOTE_IRR != 0;
            if self.requests & 1 << pin == 0 || waits {
                continue;
            }
            let level = entry & PIN_LEVEL != 0;
            if level {
                self.entries[pin] |= PIN_REMOTE_IRR;
            } else {
                self.requests &= !(1 << pin);
            }
            let Some(delivery) = Delivery::of((entry >> 8) as u32) else { continue };
            let (destination, logical) = ((entry >> 56) as u8, entry & 0x800 != 0);
            return Some(Message { vector: entry as u8, delivery, level, destination, logical });
        }
        None
    }

    /// A processor ended the level-triggered interrupt of that vector: a line that is still up asks again.
    pub fn end_of_interrupt(&mut self, vector: u8) {
        for entry in self.entries.iter_mut().filter(|entry| **entry & PIN_LEVEL != 0 && **entry as u8 == vector) {
            *entry &= !PIN_REMOTE_IRR;
        }
    }

    /// Reads the select register (offset 0) or the window (10).
    pub fn read(&self, offset: u64) -> u32 {
        match (offset & !3, self.select) {
            (0x00, select) => u32::from(select),
            (0x10, 0 | 2) => self.id << 24,
            (0x10, 1) => IO_VERSION,
            (0x10, select) => {
                let entry = self.entries.get(usize::from(select.wrapping_sub(0x10) / 2)).filter(|_| select >= 0x10);
                entry.map_or(0, |entry| (entry >> (32 * u32::from(select & 1))) as u32)
            }
            _ => 0,
        }
    }

    /// Writes the select register (offset 0) or the window (10).
    pub fn write(&mut self, offset: u64, value: u32) {
        match (offset & !3, self.select) {
            (0x00, _) => self.select = value as u8,
            (0x10, 0) => self.id = value >> 24 & 0xf,
            (0x10, select @ 0x10..) => self.write_entry(usize::from((select - 0x10) / 2), select & 1 != 0, value),
            _ => {}
        }
    }

    fn write_entry(&mut self, pin: usize, high: bool, value: u32) {
        let Some(entry) = self.entries.get_mut(pin) else { return };
        let written = if high { *entry & 0xffff_ffff | u64::from(value) << 32 } else { *entry & !0xffff_ffff | u64::from(value) };
        let kept = *entry & PIN_REMOTE_IRR;
        *entry = written & PIN_WRITABLE | kept;
        if *entry & PIN_LEVEL == 0 {
            *entry &= !PIN_REMOTE_IRR;
            return;
        }
        let bit = 1 << pin;
        self.requests = self.requests & !bit | self.lines & bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(apic: &mut IoApic, pin: usize, low: u32, high: u32) {
        for (half, value) in [(1, high), (0, low)] {
            apic.write(0x00, 0x10 + 2 * pin as u32 + half);
            apic.write(0x10, value);
        }
    }

    fn entry_low(apic: &mut IoApic, pin: u32) -> u32 {
        apic.write(0, 0x10 + 2 * pin);
        apic.read(0x10)
    }

    #[test]
    fn it_has_24_pins_that_are_masked_after_reset() {
        let mut apic = IoApic::default();
        apic.write(0, 1);
        assert_eq!(apic.read(0x10) >> 16 & 0xff, 23);
        (0..24).for_each(|pin| assert_eq!(entry_low(&mut apic, pin), 0x1_0000));
        apic.write(0, 0xff);
        assert_eq!(apic.read(0x10), 0);
    }

    #[test]
    fn an_edge_is_delivered_once() {
        let mut apic = IoApic::default();
        program(&mut apic, 4, 0x24, 1 << 24);
        apic.set_pin(4, true);
        apic.set_pin(4, true);
        let sent = Message { vector: 0x24, delivery: Delivery::Fixed, level: false, destination: 1, logical: false };
        assert_eq!((apic.next_message(), apic.next_message()), (Some(sent), None));
        apic.set_pin(4, false);
        apic.set_pin(4, true);
        assert_eq!(apic.next_message(), Some(sent));
    }

    #[test]
    fn a_level_is_delivered_again_after_its_end_as_long_as_it_is_up() {
        let mut apic = IoApic::default();
        program(&mut apic, 5, 0x8845, 0);
        apic.set_pin(5, true);
        assert!(apic.next_message().is_some_and(|message| message.level && message.logical));
        assert_eq!(apic.next_message(), None);
        assert_eq!(entry_low(&mut apic, 5) & 0x4000, 0x4000, "remote IRR");
        apic.end_of_interrupt(0x45);
        assert!(apic.next_message().is_some());
        apic.set_pin(5, false);
        apic.end_of_interrupt(0x45);
        assert_eq!(apic.next_message(), None);
    }

    #[test]
    fn an_edge_while_masked_is_lost_and_a_level_is_not() {
        let mut apic = IoApic::default();
        apic.set_pin(4, true);
        program(&mut apic, 4, 0x24, 0);
        assert_eq!(apic.next_message(), None);
        program(&mut apic, 5, 0x1_8045, 0);
        apic.set_pin(5, true);
        assert_eq!(apic.next_message(), None);
        program(&mut apic, 5, 0x8045, 0);
        assert!(apic.next_message().is_some());
    }

    #[test]
    fn remote_irr_and_delivery_status_cannot_be_written() {
        let mut apic = IoApic::default();
        program(&mut apic, 5, 0xffff_ffff, 0);
        assert_eq!(entry_low(&mut apic, 5), 0x1_afff);
    }
}
