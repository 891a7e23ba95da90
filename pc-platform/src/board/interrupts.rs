//! Interrupt lines and messages: from devices to the 8259s and the I/O APIC, from there to processors; and what happens by itself with time.

use super::{Board, Signal};
use crate::Nanoseconds;
use crate::apic::{Command, Delivery, LocalApic, Message, Shorthand, spec as apic};
use crate::virtio::spec as virtio;
use crate::{ide, keyboard, rtc, serial};

/// The timer's interrupt, and the pin of the I/O APIC that it is wired to.
const TIMER: (u8, usize) = (0, 2);

/// IA32_APIC_BASE.
const APIC_BASE: u32 = 0x1b;
/// Its bits: the processor that starts, the APIC is enabled.
const FIRST_PROCESSOR: u64 = 0x100;
const APIC_ENABLED: u64 = 0x800;

impl Board {
    /// Whether an interrupt wants in at a processor.
    pub fn interrupt_pending(&self, processor: usize) -> bool {
        let Some(local) = self.local_apics.get(processor) else { return false };
        local.pending().is_some() || local.takes_external() && self.pic.output()
    }

    /// A processor takes an interrupt: its vector.
    pub fn acknowledge(&mut self, processor: usize) -> u8 {
        let vector = match self.local_apics.get_mut(processor) {
            Some(local) if local.pending().is_some() || !local.takes_external() => local.acknowledge(),
            _ => self.pic.acknowledge(),
        };
        self.reckon();
        vector
    }

    /// Whether a processor is to take a non-maskable interrupt; asking takes it.
    pub fn take_nmi(&mut self, processor: usize) -> bool {
        self.nmi.get_mut(processor).is_some_and(std::mem::take)
    }

    /// CR8 of a processor: the class of its task priority.
    pub fn task_priority(&mut self, processor: usize) -> u8 {
        let now = self.now;
        self.local_apics.get_mut(processor).map_or(0, |local| (local.read(apic::register::TPR, now) >> 4) as u8)
    }

    /// Sets CR8.
    pub fn set_task_priority(&mut self, processor: usize, class: u8) {
        let now = self.now;
        if let Some(local) = self.local_apics.get_mut(processor) {
            local.write(apic::register::TPR, u32::from(class & 0xf) << 4, now);
        }
    }

    /// An MSR that is the platform's.
    pub fn read_msr(&self, processor: usize, register: u32) -> Option<u64> {
        let local = self.local_apics.get(processor).filter(|_| register == APIC_BASE)?;
        let first = if processor == 0 { FIRST_PROCESSOR } else { 0 };
        Some(apic::LOCAL | first | if local.is_on() { APIC_ENABLED } else { 0 })
    }

    /// Writes one; false when there is none, or the value is none that can be. The APIC stays where it is.
    pub fn write_msr(&mut self, processor: usize, register: u32, value: u64) -> bool {
        let possible = self.read_msr(processor, register).is_some_and(|now| (now ^ value) & !APIC_ENABLED == 0);
        if possible {
            self.local_apics[processor].switch(value & APIC_ENABLED != 0);
            self.reckon();
        }
        possible
    }

    /// Brings the devices up to a time. Time does not go back.
    pub fn advance(&mut self, now: Nanoseconds) {
        let before = self.now;
        self.now = before.max(now);
        if self.now < self.due {
            return;
        }
        if let Some(rise) = self.pit.next_rise(before)
            && rise <= self.now
        {
            // Each rise is an edge; several at once are one, as for any system that did not look meanwhile.
            self.set_line(TIMER.0, false);
            self.set_line(TIMER.0, true);
        }
        self.rtc.advance(self.now);
        let now = self.now;
        self.local_apics.iter_mut().for_each(|local| local.advance(now));
        self.update_lines();
        self.reckon();
    }

    /// Finds out when something happens by itself. A timer whose interrupt nobody would get is not waited for.
    pub(super) fn reckon(&mut self) {
        let heard = !self.pic.is_masked(TIMER.0) || !self.io_apic.is_masked(TIMER.1);
        let timer = self.pit.next_rise(self.now).filter(|_| heard);
        let local = self.local_apics.iter().filter_map(LocalApic::next_event).min();
        self.due = [timer, local, self.rtc.next_event()].into_iter().flatten().min().unwrap_or(Nanoseconds::MAX);
    }

    /// The level of every line that has one.
    pub(super) fn update_lines(&mut self) {
        let lines = [
            (serial::spec::COM1.1, self.serial[0].interrupts()),
            (serial::spec::COM2.1, self.serial[1].interrupts()),
            (keyboard::spec::IRQ, self.keyboard.interrupts()),
            (rtc::spec::IRQ, self.rtc.interrupts()),
            (ide::spec::CHANNELS[0].2, self.channels[0].interrupts()),
            (ide::spec::CHANNELS[1].2, self.channels[1].interrupts()),
        ];
        let virtio = self.virtio.iter().zip(virtio::IRQS).map(|(device, irq)| (irq, device.interrupts()));
        let lines: Vec<(u8, bool)> = lines.into_iter().chain(virtio).collect();
        for (line, high) in lines {
            if (self.lines >> line & 1 != 0) != high {
                self.set_line(line, high);
            }
        }
    }

    fn set_line(&mut self, line: u8, high: bool) {
        self.lines = if high { self.lines | 1 << line } else { self.lines & !(1 << line) };
        self.pic.set_input(line, high);
        let pin = if line == TIMER.0 { TIMER.1 } else { usize::from(line) };
        self.io_apic.set_pin(pin, high);
        self.deliver_pins();
    }

    pub(super) fn deliver_pins(&mut self) {
        while let Some(message) = self.io_apic.next_message() {
            let addressed = |local: &LocalApic| local.is_addressed(message.destination, message.logical);
            let targets = self.targets(addressed);
            self.deliver(message, targets);
        }
    }

    fn targets(&self, addressed: impl Fn(&LocalApic) -> bool) -> u64 {
        self.local_apics.iter().enumerate().filter(|(_, local)| addressed(local)).fold(0, |set, (number, _)| set | 1 << number)
    }

    fn deliver(&mut self, message: Message, targets: u64) {
        let all = (0..self.local_apics.len()).filter(|number| targets >> number & 1 != 0);
        match message.delivery {
            Delivery::Fixed => all.for_each(|number| self.local_apics[number].receive(message.vector, message.level)),
            Delivery::LowestPriority => {
                if let Some(number) = all.min_by_key(|&number| self.local_apics[number].processor_priority()) {
                    self.local_apics[number].receive(message.vector, message.level);
                }
            }
            Delivery::Nmi => all.for_each(|number| self.nmi[number] = true),
            Delivery::Init => {
                for number in all.collect::<Vec<_>>() {
                    self.local_apics[number] = LocalApic::new(number as u8);
                    self.nmi[number] = false;
                    self.signal(Signal::Init(number));
                }
            }
            Delivery::StartUp => {
                all.collect::<Vec<_>>().into_iter().for_each(|number| self.signal(Signal::StartUp(number, message.vector)))
            }
            // The 8259 is wired to the first processor as it is.
            Delivery::External => {}
        }
    }

    pub(super) fn write_local(&mut self, processor: usize, offset: u64, value: u32) {
        let now = self.now;
        let Some(local) = self.local_apics.get_mut(processor).filter(|local| local.is_on()) else { return };
        match local.write(offset, value, now) {
            None => {}
            Some(Command::EndOfLevel(vector)) => {
                self.io_apic.end_of_interrupt(vector);
                self.deliver_pins();
            }
            Some(Command::Send(message, shorthand)) => {
                let oneself = 1_u64 << processor;
                let all = self.targets(|_| true);
                let targets = match shorthand {
                    Shorthand::Destination => self.targets(|local| local.is_addressed(message.destination, message.logical)),
                    Shorthand::Oneself => oneself,
                    Shorthand::All => all,
                    Shorthand::Others => all & !oneself,
                };
                self.deliver(message, targets);
            }
        }
    }
}
