//! A local APIC: what a processor is interrupted by, and how it interrupts others.

use super::spec::{ENABLED, ERROR_RECEIVE, ERROR_REGISTER, ERROR_SEND, VERSION, lvt, register};
use super::timer::Timer;
use super::{Delivery, Message};
use crate::Nanoseconds;

/// Whom an interrupt between processors goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shorthand {
    /// To the destination of the message.
    Destination,
    /// To the sender.
    Oneself,
    /// To all.
    All,
    /// To all but the sender.
    Others,
}

/// What writing a register asks the board for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// An interrupt between processors.
    Send(Message, Shorthand),
    /// The end of a level-triggered interrupt, for the I/O APIC.
    EndOfLevel(u8),
}

type Vectors = [u32; 8];

fn set(vectors: &mut Vectors, vector: u8, value: bool) {
    let (word, bit) = (usize::from(vector / 32), 1 << (vector % 32));
    if value { vectors[word] |= bit } else { vectors[word] &= !bit }
}

fn is_set(vectors: &Vectors, vector: u8) -> bool {
    vectors[usize::from(vector / 32)] >> (vector % 32) & 1 != 0
}

fn highest(vectors: &Vectors) -> Option<u8> {
    let (word, bits) = vectors.iter().enumerate().rev().find(|(_, bits)| **bits != 0)?;
    Some((word * 32) as u8 + (31 - bits.leading_zeros()) as u8)
}

/// A local APIC.
#[derive(Clone, Debug)]
pub struct LocalApic {
    id: u8,
    /// It is there at all: IA32_APIC_BASE can switch it off.
    on: bool,
    task_priority: u8,
    logical: u32,
    format: u32,
    spurious: u32,
    requests: Vectors,
    in_service: Vectors,
    levels: Vectors,
    local: [u32; lvt::COUNT],
    errors: u32,
    /// Errors as last latched by a write.
    shown_errors: u32,
    command: [u32; 2],
    timer: Timer,
}

impl LocalApic {
    /// As firmware leaves it: the first processor's is wired to the 8259.
    pub fn new(id: u8) -> Self {
        let mut apic = Self::after_reset(id);
        if id == 0 {
            apic.local[lvt::LINT0] = 0x700;
            apic.local[lvt::LINT1] = 0x400;
            apic.spurious |= ENABLED;
        }
        apic
    }

    fn after_reset(id: u8) -> Self {
        Self {
            id,
            on: true,
            task_priority: 0,
            logical: 0,
            format: u32::MAX,
            spurious: 0xff,
            requests: [0; 8],
            in_service: [0; 8],
            levels: [0; 8],
            local: [lvt::MASKED; lvt::COUNT],
            errors: 0,
            shown_errors: 0,
            command: [0; 2],
            timer: Timer::default(),
        }
    }

    /// IA32_APIC_BASE switches it on or off. Nothing is left of what it was.
    pub fn switch(&mut self, on: bool) {
        if on != self.on {
            *self = Self { on, ..Self::after_reset(self.id) };
        }
    }

    /// Whether it is there.
    pub fn is_on(&self) -> bool {
        self.on
    }

    fn is_enabled(&self) -> bool {
        self.on && self.spurious & ENABLED != 0
    }

    /// Priority class and subclass that the processor works at.
    pub fn processor_priority(&self) -> u8 {
        let served = highest(&self.in_service).unwrap_or(0);
        if self.task_priority >> 4 >= served >> 4 { self.task_priority } else { served & 0xf0 }
    }

    /// The vector that would interrupt the processor now.
    pub fn pending(&self) -> Option<u8> {
        highest(&self.requests).filter(|vector| self.is_enabled() && vector >> 4 > self.processor_priority() >> 4)
    }

    /// Whether interrupts of the 8259 come through, as they do where there is no APIC.
    pub fn takes_external(&self) -> bool {
        let line = self.local[lvt::LINT0];
        !self.on || line & lvt::MASKED == 0 && line >> 8 & 7 == 7
    }

    /// The processor's acknowledgement: the vector; the spurious one when nothing is pending any more.
    pub fn acknowledge(&mut self) -> u8 {
        let Some(vector) = self.pending() else { return self.spurious as u8 };
        set(&mut self.requests, vector, false);
        set(&mut self.in_service, vector, true);
        vector
    }

    /// A fixed or lowest-priority interrupt arrives.
    pub fn receive(&mut self, vector: u8, level: bool) {
        if vector < 16 {
            return self.error(ERROR_RECEIVE);
        }
        if self.is_enabled() {
            set(&mut self.requests, vector, true);
            set(&mut self.levels, vector, level);
        }
    }

    /// Whether a message with this destination is for it.
    pub fn is_addressed(&self, destination: u8, logical: bool) -> bool {
        if !logical {
            return destination == self.id || destination == 0xff;
        }
        let own = (self.logical >> 24) as u8;
        if self.format >> 28 == 0xf { own & destination != 0 } else { own >> 4 == destination >> 4 && own & destination & 0xf != 0 }
    }

    fn error(&mut self, bit: u32) {
        let fresh = self.errors & bit == 0;
        self.errors |= bit;
        let line = self.local[lvt::ERROR];
        // An error vector below 16 would be an error itself.
        if fresh && line & lvt::MASKED == 0 && line as u8 >= 16 {
            self.receive(line as u8, false);
        }
    }

    /// Lets the timer do what is due.
    pub fn advance(&mut self, now: Nanoseconds) {
        let line = self.local[lvt::TIMER];
        if self.timer.over(now) && line & lvt::MASKED == 0 {
            self.receive(line as u8, false);
        }
    }

    /// When the timer wants to be looked at.
    pub fn next_event(&self) -> Option<Nanoseconds> {
        self.timer.due().filter(|_| self.local[lvt::TIMER] & lvt::MASKED == 0)
    }

    /// Reads a register.
    pub fn read(&mut self, offset: u64, now: Nanoseconds) -> u32 {
        let word = (offset >> 4 & 7) as usize;
        match offset & !0xf {
            register::ID => u32::from(self.id) << 24,
            register::VERSION => VERSION,
            register::TPR => u32::from(self.task_priority),
            register::PPR => u32::from(self.processor_priority()),
            register::APR | register::EOI => 0,
            register::LDR => self.logical,
            register::DFR => self.format,
            register::SPURIOUS => self.spurious,
            register::ISR..register::TMR => self.in_service[word],
            register::TMR..register::IRR => self.levels[word],
            register::IRR..register::ESR => self.requests[word],
            register::ESR => self.shown_errors,
            register::ICR_LOW => self.command[0],
            register::ICR_HIGH => self.command[1],
            at @ register::LVT_TIMER..=register::LVT_ERROR => self.local[(at - register::LVT_TIMER) as usize >> 4],
            register::INITIAL_COUNT => self.timer.initial,
            register::CURRENT_COUNT => self.timer.current(now),
            register::DIVIDE => self.timer.divide,
            _ => {
                self.error(ERROR_REGISTER);
                0
            }
        }
    }

    /// Writes a register.
    pub fn write(&mut self, offset: u64, value: u32, now: Nanoseconds) -> Option<Command> {
        match offset & !0xf {
            register::TPR => self.task_priority = value as u8,
            register::EOI => return self.end_of_interrupt(),
            register::LDR => self.logical = value & 0xff00_0000,
            register::DFR => self.format = value | 0x0fff_ffff,
            register::SPURIOUS => self.set_spurious(value),
            register::ESR => self.shown_errors = std::mem::take(&mut self.errors),
            register::ICR_LOW => {
                self.command[0] = value & 0x000c_cfff;
                return self.send();
            }
            register::ICR_HIGH => self.command[1] = value & 0xff00_0000,
            at @ register::LVT_TIMER..=register::LVT_ERROR => self.set_local((at - register::LVT_TIMER) as usize >> 4, value),
            register::INITIAL_COUNT => self.timer.begin(value, now),
            register::DIVIDE => self.timer.set_divide(value, now),
            // Read only, or written by systems that try.
            register::ID | register::VERSION | register::CURRENT_COUNT | register::APR | register::PPR => {}
            register::ISR..register::ESR => {}
            _ => self.error(ERROR_REGISTER),
        }
        None
    }

    fn set_spurious(&mut self, value: u32) {
        self.spurious = value & 0x3ff;
        if !self.is_enabled() {
            self.local.iter_mut().for_each(|line| *line |= lvt::MASKED);
        }
    }

    fn set_local(&mut self, number: usize, value: u32) {
        let masked = if self.is_enabled() { 0 } else { lvt::MASKED };
        self.local[number] = value & lvt::WRITABLE[number] | masked;
        if number == lvt::TIMER {
            self.timer.set_periodic(value & lvt::PERIODIC != 0);
        }
    }

    fn end_of_interrupt(&mut self) -> Option<Command> {
        let vector = highest(&self.in_service)?;
        set(&mut self.in_service, vector, false);
        is_set(&self.levels, vector).then_some(Command::EndOfLevel(vector))
    }

    fn send(&mut self) -> Option<Command> {
        let word = self.command[0];
        let delivery = Delivery::of(word >> 8)?;
        let vector = word as u8;
        // INIT level de-assert: nothing has come of it since the Pentium 4.
        if delivery == Delivery::Init && word & 0xc000 == 0x8000 {
            return None;
        }
        if matches!(delivery, Delivery::Fixed | Delivery::LowestPriority) && vector < 16 {
            self.error(ERROR_SEND);
            return None;
        }
        let shorthand = [Shorthand::Destination, Shorthand::Oneself, Shorthand::All, Shorthand::Others][(word >> 18 & 3) as usize];
        let destination = (self.command[1] >> 24) as u8;
        let message = Message { vector, delivery, level: false, destination, logical: word & 0x800 != 0 };
        Some(Command::Send(message, shorthand))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled(id: u8) -> LocalApic {
        let mut apic = LocalApic::new(id);
        apic.write(register::SPURIOUS, 0x1ff, 0);
        apic
    }

    #[test]
    fn switched_off_it_lets_the_8259_through_and_comes_back_as_after_reset() {
        let mut apic = enabled(0);
        apic.write(register::LVT_TIMER, 0x40, 0);
        apic.write(register::INITIAL_COUNT, 1000, 0);
        apic.receive(0x50, false);
        assert!(apic.next_event().is_some());
        apic.switch(false);
        apic.receive(0x51, false);
        assert_eq!((apic.pending(), apic.next_event(), apic.takes_external()), (None, None, true));
        apic.switch(true);
        apic.receive(0x52, false);
        assert_eq!((apic.pending(), apic.takes_external(), apic.read(register::SPURIOUS, 0)), (None, false, 0xff));
    }

    #[test]
    fn vectors_are_served_by_their_class_and_wait_for_the_end_of_higher_ones() {
        let mut apic = enabled(1);
        [0x31, 0x52, 0x55].into_iter().for_each(|vector| apic.receive(vector, false));
        assert_eq!(apic.acknowledge(), 0x55);
        assert_eq!(apic.pending(), None, "52 is of the same class");
        assert_eq!(apic.read(register::PPR, 0), 0x50);
        assert_eq!((apic.read(register::ISR + 0x20, 0), apic.read(register::IRR + 0x20, 0)), (1 << 21, 1 << 18));
        apic.receive(0x61, false);
        assert_eq!(apic.acknowledge(), 0x61);
        apic.write(register::EOI, 0, 0);
        apic.write(register::EOI, 0, 0);
        assert_eq!(apic.acknowledge(), 0x52);
        apic.write(register::EOI, 0, 0);
        apic.write(register::TPR, 0x30, 0);
        assert_eq!(apic.pending(), None, "31 is not above the task's class");
        apic.write(register::TPR, 0x2f, 0);
        assert_eq!(apic.pending(), Some(0x31));
    }

    #[test]
    fn what_is_gone_when_it_is_acknowledged_is_spurious() {
        let mut apic = enabled(1);
        assert_eq!(apic.acknowledge(), 0xff);
        assert_eq!(apic.read(register::ISR + 0x70, 0), 0);
    }

    #[test]
    fn the_timer_counts_at_1_ghz_through_its_divider() {
        let mut apic = enabled(0);
        apic.write(register::DIVIDE, 0b1011, 0);
        apic.write(register::LVT_TIMER, 0x20 | lvt::PERIODIC, 0);
        apic.write(register::INITIAL_COUNT, 10_000_000, 1000);
        assert_eq!(apic.next_event(), Some(10_001_000));
        assert_eq!(apic.read(register::CURRENT_COUNT, 1001), 9_999_999);
        apic.advance(10_000_999);
        assert_eq!(apic.pending(), None);
        apic.advance(10_001_000);
        assert_eq!(apic.acknowledge(), 0x20);
        assert_eq!(apic.next_event(), Some(20_001_000));
        apic.advance(45_000_000);
        assert_eq!(apic.next_event(), Some(50_001_000), "it keeps its phase");
        apic.write(register::DIVIDE, 0b0001, 50_000_000);
        assert_eq!(apic.next_event(), Some(50_004_000), "1000 counts of 4 ns are left");
    }

    #[test]
    fn a_one_shot_ends_and_a_masked_timer_is_nobodys_event() {
        let mut apic = enabled(0);
        apic.write(register::LVT_TIMER, 0x20, 0);
        apic.write(register::INITIAL_COUNT, 50, 0);
        assert_eq!(apic.next_event(), Some(100), "by two after reset");
        apic.advance(100);
        assert_eq!((apic.pending(), apic.next_event(), apic.read(register::CURRENT_COUNT, 200)), (Some(0x20), None, 0));
        apic.write(register::LVT_TIMER, 0x20 | lvt::MASKED, 0);
        apic.write(register::INITIAL_COUNT, 50, 200);
        assert_eq!(apic.next_event(), None);
    }

    #[test]
    fn the_end_of_a_level_is_told() {
        let mut apic = enabled(1);
        apic.receive(0x40, true);
        apic.receive(0x51, false);
        apic.acknowledge();
        assert_eq!(apic.write(register::EOI, 0, 0), None);
        apic.acknowledge();
        assert_eq!(apic.write(register::EOI, 0, 0), Some(Command::EndOfLevel(0x40)));
    }

    #[test]
    fn a_disabled_apic_takes_nothing_and_masks_its_vectors() {
        let mut apic = LocalApic::new(1);
        apic.receive(0x40, false);
        apic.write(register::LVT_TIMER, 0x20, 0);
        assert_eq!((apic.pending(), apic.read(register::LVT_TIMER, 0)), (None, 0x20 | lvt::MASKED));
        let mut first = LocalApic::new(0);
        assert!(first.takes_external());
        first.write(register::SPURIOUS, 0xff, 0);
        assert!(!first.takes_external());
    }

    #[test]
    fn an_init_and_a_start_up_message_leave_as_written() {
        let mut apic = enabled(0);
        apic.write(register::ICR_HIGH, 3 << 24, 0);
        let sent = |delivery, vector| {
            let message = Message { vector, delivery, level: false, destination: 3, logical: false };
            Some(Command::Send(message, Shorthand::Destination))
        };
        assert_eq!(apic.write(register::ICR_LOW, 0xc500, 0), sent(Delivery::Init, 0));
        assert_eq!(apic.write(register::ICR_LOW, 0x8500, 0), None, "de-assert");
        assert_eq!(apic.write(register::ICR_LOW, 0x4607, 0), sent(Delivery::StartUp, 7));
        assert_eq!(apic.read(register::ICR_LOW, 0) & 0x1000, 0, "delivered at once");
    }

    #[test]
    fn errors_are_latched_by_a_write() {
        let mut apic = enabled(0);
        apic.write(register::LVT_ERROR, 0x33, 0);
        assert_eq!(apic.write(register::ICR_LOW, 0x0005, 0), None);
        assert_eq!(apic.read(register::ESR, 0), 0);
        apic.write(register::ESR, 0, 0);
        assert_eq!((apic.read(register::ESR, 0), apic.pending()), (ERROR_SEND, Some(0x33)));
        apic.read(0x3f0, 0);
        apic.write(register::ESR, 0, 0);
        assert_eq!(apic.read(register::ESR, 0), ERROR_REGISTER);
    }

    #[test]
    fn logical_destinations_are_flat_or_in_clusters() {
        let mut apic = enabled(2);
        apic.write(register::LDR, 0x2400_0000, 0);
        assert!(apic.is_addressed(0x04, true) && !apic.is_addressed(0x08, true));
        apic.write(register::DFR, 0, 0);
        assert!(apic.is_addressed(0x24, true) && !apic.is_addressed(0x34, true) && !apic.is_addressed(0x28, true));
        assert!(apic.is_addressed(2, false) && apic.is_addressed(0xff, false) && !apic.is_addressed(1, false));
    }
}
