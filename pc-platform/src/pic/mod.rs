//! The pair of 8259A interrupt controllers of a PC: fifteen inputs, one output to the processor.
//!
//! Pure: inputs are set by [`Pic::set_input`], the output is [`Pic::output`], the processor's acknowledgement is
//! [`Pic::acknowledge`]. An edge that was seen is kept until it is acknowledged, as the chip sets of PCs do.

pub mod spec;

use spec::{
    ALWAYS_EDGE, CASCADE, ELCR, ICW1, ICW1_IC4, ICW1_LEVEL, ICW1_SINGLE, ICW4_AUTO_EOI, ICW4_NESTED, MASTER, OCW3, OCW3_POLL, SLAVE,
};

/// Which initialization word is expected at the data port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Mask,
    Icw2,
    Icw3,
    Icw4,
}

/// One 8259A.
#[derive(Clone, Debug, Default)]
struct Chip {
    requests: u8,
    in_service: u8,
    mask: u8,
    inputs: u8,
    level: u8,
    all_level: bool,
    vector: u8,
    expects: Expects,
    single: bool,
    needs_icw4: bool,
    auto_eoi: bool,
    rotate_on_auto_eoi: bool,
    nested: bool,
    special_mask: bool,
    reads_in_service: bool,
    polled: bool,
    /// The input of the lowest priority; the next one has the highest.
    lowest: u8,
}

impl Chip {
    fn new() -> Self {
        Self { lowest: 7, ..Self::default() }
    }

    fn is_level(&self, bit: u8) -> bool {
        self.all_level || self.level & bit != 0
    }

    fn set_input(&mut self, input: u8, high: bool) {
        let bit = 1 << input;
        if high {
            if self.is_level(bit) || self.inputs & bit == 0 {
                self.requests |= bit;
            }
            self.inputs |= bit;
        } else {
            if self.is_level(bit) {
                self.requests &= !bit;
            }
            self.inputs &= !bit;
        }
    }

    /// The highest of some inputs in the order of priority now: how many are above it, and which it is.
    fn highest(&self, of: u8) -> Option<(u8, u8)> {
        (0..8).map(|rank| (rank, (self.lowest + 1 + rank) & 7)).find(|(_, input)| of & 1 << input != 0)
    }

    /// The input that is to be served now.
    fn candidate(&self, is_master: bool) -> Option<u8> {
        let (rank, input) = self.highest(self.requests & !self.mask)?;
        let mut blocking = self.in_service;
        if self.special_mask {
            blocking &= !self.mask;
        }
        if self.nested && is_master {
            blocking &= !(1 << CASCADE);
        }
        self.highest(blocking).is_none_or(|(served, _)| rank < served).then_some(input)
    }

    fn serve(&mut self, input: u8) {
        let bit = 1 << input;
        if !self.is_level(bit) {
            self.requests &= !bit;
        }
        if !self.auto_eoi {
            self.in_service |= bit;
        } else if self.rotate_on_auto_eoi {
            self.lowest = input;
        }
    }

    fn write_command(&mut self, value: u8) {
        if value & ICW1 != 0 {
            // The data sheet: edges are forgotten, the mask is cleared, input 7 is lowest, reads are of requests.
            let fresh = Self { inputs: self.inputs, level: self.level, ..Self::new() };
            *self = fresh;
            self.all_level = value & ICW1_LEVEL != 0;
            self.single = value & ICW1_SINGLE != 0;
            self.needs_icw4 = value & ICW1_IC4 != 0;
            self.expects = Expects::Icw2;
            let levels = if self.all_level { 0xff } else { self.level };
            self.requests = self.inputs & levels;
        } else if value & OCW3 != 0 {
            if value & 0x40 != 0 {
                self.special_mask = value & 0x20 != 0;
            }
            self.polled = value & OCW3_POLL != 0;
            if value & 2 != 0 {
                self.reads_in_service = value & 1 != 0;
            }
        } else {
            self.write_ocw2(value);
        }
    }

    fn write_ocw2(&mut self, value: u8) {
        let named = value & 7;
        let highest = self.highest(self.in_service).map(|(_, input)| input);
        let ended = match value >> 5 {
            0 | 4 => {
                self.rotate_on_auto_eoi = value & 0x80 != 0;
                return;
            }
            1 | 5 => highest,
            3 | 7 => Some(named),
            6 => {
                self.lowest = named;
                return;
            }
            _ => return,
        };
        let Some(ended) = ended else { return };
        self.in_service &= !(1 << ended);
        if value & 0x80 != 0 {
            self.lowest = ended;
        }
    }

    fn write_data(&mut self, value: u8) {
        let last = if self.needs_icw4 { Expects::Icw4 } else { Expects::Mask };
        match self.expects {
            Expects::Mask => self.mask = value,
            Expects::Icw2 => {
                self.vector = value & 0xf8;
                self.expects = if self.single { last } else { Expects::Icw3 };
            }
            Expects::Icw3 => self.expects = last,
            Expects::Icw4 => {
                self.auto_eoi = value & ICW4_AUTO_EOI != 0;
                self.nested = value & ICW4_NESTED != 0;
                self.expects = Expects::Mask;
            }
        }
    }
}

/// The two chips.
#[derive(Clone, Debug)]
pub struct Pic {
    chips: [Chip; 2],
}

impl Default for Pic {
    fn default() -> Self {
        // Before it is initialized the chip's state is undefined: here nothing comes through.
        let masked = Chip { mask: 0xff, ..Chip::new() };
        Self { chips: [masked.clone(), masked] }
    }
}

impl Pic {
    /// Sets interrupt input 0 to 15 (2 is the cascade and ignored).
    pub fn set_input(&mut self, input: u8, high: bool) {
        if input < 16 && input != CASCADE {
            self.chips[usize::from(input / 8)].set_input(input % 8, high);
            self.cascade();
        }
    }

    fn cascade(&mut self) {
        let asks = self.chips[1].candidate(false).is_some();
        // The second chip's output drops when it is acknowledged, so each request is an edge of its own.
        self.chips[0].set_input(CASCADE, asks);
        if !asks {
            self.chips[0].requests &= !(1 << CASCADE);
        }
    }

    /// Whether an input's requests are held back by its mask.
    pub fn is_masked(&self, input: u8) -> bool {
        self.chips[usize::from(input >> 3 & 1)].mask & 1 << (input % 8) != 0
    }

    /// The line to the processor.
    pub fn output(&self) -> bool {
        self.chips[0].candidate(true).is_some()
    }

    /// The processor's acknowledgement: the vector. Without a request it is that of input 7, which is then not in service (a spurious
    /// interrupt).
    pub fn acknowledge(&mut self) -> u8 {
        let Some(input) = self.chips[0].candidate(true) else { return self.chips[0].vector | 7 };
        self.chips[0].serve(input);
        if input != CASCADE {
            return self.chips[0].vector | input;
        }
        let vector = match self.chips[1].candidate(false) {
            Some(second) => {
                self.chips[1].serve(second);
                self.chips[1].vector | second
            }
            None => self.chips[1].vector | 7,
        };
        self.chips[0].set_input(CASCADE, false);
        self.cascade();
        vector
    }

    /// Reads a port of [`spec`]; `None` when it is no port of ours.
    pub fn read(&mut self, port: u16) -> Option<u8> {
        let (number, register) = place(port)?;
        let value = self.read_chip(number, register);
        self.cascade();
        Some(value)
    }

    fn read_chip(&mut self, number: usize, register: Register) -> u8 {
        let chip = &mut self.chips[number];
        if register == Register::Level {
            return chip.level;
        }
        if chip.polled {
            chip.polled = false;
            return match chip.candidate(number == 0) {
                Some(input) => {
                    chip.serve(input);
                    0x80 | input
                }
                None => 0,
            };
        }
        match register {
            Register::Data => chip.mask,
            _ if chip.reads_in_service => chip.in_service,
            _ => chip.requests,
        }
    }

    /// Writes a port of [`spec`].
    pub fn write(&mut self, port: u16, value: u8) {
        let Some((number, register)) = place(port) else { return };
        let chip = &mut self.chips[number];
        match register {
            Register::Command => chip.write_command(value),
            Register::Data => chip.write_data(value),
            Register::Level => chip.level = value & !ALWAYS_EDGE[number],
        }
        self.cascade();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    Command,
    Data,
    Level,
}

fn place(port: u16) -> Option<(usize, Register)> {
    let chip = |ports: [u16; 2], number| {
        let at = ports.iter().position(|&one| one == port)?;
        Some((number, if at == 0 { Register::Command } else { Register::Data }))
    };
    let level = || ELCR.iter().position(|&one| one == port).map(|number| (number, Register::Level));
    chip(MASTER, 0).or_else(|| chip(SLAVE, 1)).or_else(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As every PC sets the pair up: vectors X'20' and X'28', nothing masked.
    fn pair(icw4: u8) -> Pic {
        let mut pic = Pic::default();
        for (ports, vector, wiring) in [(MASTER, 0x20, 4), (SLAVE, 0x28, 2)] {
            pic.write(ports[0], 0x11);
            [vector, wiring, icw4, 0].into_iter().for_each(|word| pic.write(ports[1], word));
        }
        pic
    }

    fn pulse(pic: &mut Pic, input: u8) {
        pic.set_input(input, true);
        pic.set_input(input, false);
    }

    #[test]
    fn the_highest_input_is_served_first_and_blocks_the_lower_until_its_end() {
        let mut pic = pair(1);
        pulse(&mut pic, 4);
        pulse(&mut pic, 1);
        assert_eq!(pic.acknowledge(), 0x21);
        assert!(!pic.output(), "4 waits for the end of 1");
        pulse(&mut pic, 0);
        assert_eq!(pic.acknowledge(), 0x20, "0 interrupts 1");
        pic.write(0x20, 0x20);
        assert!(!pic.output());
        pic.write(0x20, 0x20);
        assert_eq!(pic.acknowledge(), 0x24);
        pic.write(0x20, 0x0b);
        assert_eq!(pic.read(0x20), Some(0x10), "in service");
        pic.write(0x20, 0x64);
        assert_eq!(pic.read(0x20), Some(0), "a specific end");
    }

    #[test]
    fn the_second_chip_comes_through_the_first_and_both_need_an_end() {
        let mut pic = pair(1);
        pulse(&mut pic, 14);
        pulse(&mut pic, 8);
        assert_eq!(pic.acknowledge(), 0x28);
        assert!(!pic.output());
        pic.write(0xa0, 0x20);
        assert!(!pic.output(), "the first chip still serves the cascade");
        pic.write(0x20, 0x20);
        assert_eq!(pic.acknowledge(), 0x2e);
    }

    #[test]
    fn special_fully_nested_mode_lets_a_higher_input_of_the_second_chip_in() {
        let mut pic = pair(1);
        pulse(&mut pic, 14);
        pic.acknowledge();
        pulse(&mut pic, 8);
        assert!(!pic.output());
        let mut pic = pair(0x11);
        pulse(&mut pic, 14);
        pic.acknowledge();
        pulse(&mut pic, 8);
        assert_eq!(pic.acknowledge(), 0x28);
    }

    #[test]
    fn masks_hold_requests_back_and_reading_tells_both() {
        let mut pic = pair(1);
        pic.write(0x21, 0x02);
        pulse(&mut pic, 1);
        assert!(!pic.output());
        assert_eq!((pic.read(0x20), pic.read(0x21)), (Some(2), Some(2)));
        pic.write(0x21, 0);
        assert!(pic.output());
    }

    #[test]
    fn automatic_end_leaves_nothing_in_service_and_may_rotate() {
        let mut pic = pair(3);
        pic.write(0x20, 0x80);
        pulse(&mut pic, 1);
        pulse(&mut pic, 3);
        assert_eq!(pic.acknowledge(), 0x21);
        pulse(&mut pic, 1);
        assert_eq!(pic.acknowledge(), 0x23, "1 has become the lowest");
        assert_eq!(pic.acknowledge(), 0x21);
        pic.write(0x20, 0x0b);
        assert_eq!(pic.read(0x20), Some(0));
    }

    #[test]
    fn priorities_rotate_and_can_be_set() {
        let mut pic = pair(1);
        pic.write(0x20, 0xc3);
        pulse(&mut pic, 0);
        pulse(&mut pic, 4);
        assert_eq!(pic.acknowledge(), 0x24, "4 follows the lowest, 3");
        pic.write(0x20, 0xa0);
        pulse(&mut pic, 5);
        assert_eq!(pic.acknowledge(), 0x25, "the end of 4 rotated it to the lowest");
    }

    #[test]
    fn special_mask_mode_lets_lower_inputs_in_while_a_masked_one_is_served() {
        let mut pic = pair(1);
        pulse(&mut pic, 1);
        pic.acknowledge();
        pulse(&mut pic, 6);
        pic.write(0x21, 0x02);
        assert!(!pic.output());
        pic.write(0x20, 0x68);
        assert_eq!(pic.acknowledge(), 0x26);
        pic.write(0x20, 0x48);
        pulse(&mut pic, 7);
        assert!(!pic.output());
    }

    #[test]
    fn a_poll_is_an_acknowledgement() {
        let mut pic = pair(1);
        pulse(&mut pic, 3);
        pic.write(0x20, 0x0c);
        assert_eq!(pic.read(0x20), Some(0x83));
        assert!(!pic.output());
        pic.write(0x20, 0x0c);
        assert_eq!(pic.read(0x20), Some(0), "nothing asks");
    }

    #[test]
    fn a_level_that_goes_away_is_a_spurious_interrupt_7() {
        let mut pic = pair(1);
        pic.write(0x4d0, 0xff);
        assert_eq!(pic.read(0x4d0), Some(0xf8), "timer, keyboard and cascade stay edges");
        pic.set_input(5, true);
        assert!(pic.output());
        pic.set_input(5, false);
        assert!(!pic.output());
        assert_eq!(pic.acknowledge(), 0x27);
        pic.write(0x20, 0x0b);
        assert_eq!(pic.read(0x20), Some(0), "it is not in service");
    }

    #[test]
    fn a_level_that_stays_asks_again_after_its_end() {
        let mut pic = pair(1);
        pic.write(0x4d1, 0x08);
        pic.set_input(11, true);
        assert_eq!(pic.acknowledge(), 0x2b);
        assert!(!pic.output());
        pic.write(0xa0, 0x20);
        pic.write(0x20, 0x20);
        assert_eq!(pic.acknowledge(), 0x2b);
    }
}
