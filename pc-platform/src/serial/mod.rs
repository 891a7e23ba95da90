//! A 16550A serial port with FIFOs.
//!
//! What is sent leaves at once: the transmitter is always empty. What is received waits in [`Serial::receive`]'s queue and enters the FIFO as it has room,
//! so nothing that a person types is overrun. Pure: the board asks for the interrupt line after each access.

pub mod spec;

use std::collections::VecDeque;

use spec::{DIVISOR_LATCH, FIFO, enable, identification, line, modem};

/// Bytes that may wait to be received; more are not taken.
pub const WAITING_MAX: usize = 64 << 10;

/// A serial port.
#[derive(Clone, Debug, Default)]
pub struct Serial {
    enabled: u8,
    fifos: bool,
    trigger: usize,
    line_control: u8,
    modem_control: u8,
    modem_changes: u8,
    errors: u8,
    scratch: u8,
    divisor: [u8; 2],
    received: VecDeque<u8>,
    waiting: VecDeque<u8>,
    transmitter_asks: bool,
    sent: Vec<u8>,
    /// Somebody is at the other end.
    carrier: bool,
}

impl Serial {
    /// As after reset, with somebody at the other end.
    pub fn new() -> Self {
        Self { divisor: [12, 0], trigger: 1, carrier: true, ..Self::default() }
    }

    /// As after reset, with nobody at the other end.
    pub fn unconnected() -> Self {
        Self { carrier: false, ..Self::new() }
    }

    /// Somebody comes to the other end, or goes: what was sent from there and not received goes too.
    pub fn connect(&mut self, carrier: bool) {
        let before = self.modem_status();
        self.carrier = carrier;
        self.note_modem(before);
        self.waiting.clear();
    }

    /// Whether somebody is at the other end.
    pub fn is_connected(&self) -> bool {
        self.carrier
    }

    /// Whether the guest has the port open: data terminal ready.
    pub fn is_open(&self) -> bool {
        self.modem_control & modem::DTR != 0
    }

    /// Bytes arrive at the port. Answers how many were taken.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(WAITING_MAX.saturating_sub(self.waiting.len()));
        self.waiting.extend(&bytes[..taken]);
        self.refill();
        taken
    }

    /// What was sent since the last time.
    pub fn take_sent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sent)
    }

    /// Bytes that were sent and not taken.
    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    /// Whether the guest wants interrupts for what arrives.
    pub fn listens(&self) -> bool {
        self.enabled & enable::RECEIVED != 0
    }

    /// Everything that arrived has been read.
    pub fn is_drained(&self) -> bool {
        self.received.is_empty() && self.waiting.is_empty()
    }

    fn refill(&mut self) {
        let room = if self.fifos { FIFO } else { 1 };
        while self.received.len() < room
            && let Some(byte) = self.waiting.pop_front()
        {
            self.received.push_back(byte);
        }
    }

    /// The reason for an interrupt, in the chip's order of priority.
    fn reason(&self) -> u8 {
        let asked = |bit| self.enabled & bit != 0;
        if asked(enable::LINE) && self.errors != 0 {
            identification::LINE
        } else if asked(enable::RECEIVED) && !self.received.is_empty() {
            // Fewer than the trigger level: nothing more comes at this moment, which is what the timeout says.
            if self.received.len() >= self.trigger { identification::RECEIVED } else { identification::TIMEOUT }
        } else if asked(enable::TRANSMITTER) && self.transmitter_asks {
            identification::TRANSMITTER
        } else if asked(enable::MODEM) && self.modem_changes != 0 {
            identification::MODEM
        } else {
            identification::NONE
        }
    }

    /// The interrupt line. The first PCs led it through OUT2; emulated ones never did, and teaching kernels (xv6) leave OUT2 low.
    pub fn interrupts(&self) -> bool {
        self.reason() != identification::NONE
    }

    fn modem_status(&self) -> u8 {
        if self.modem_control & modem::LOOP == 0 {
            return if self.carrier { modem::CONNECTED } else { 0 };
        }
        let has = |bit, status| if self.modem_control & bit != 0 { status } else { 0 };
        has(modem::RTS, 0x10) | has(modem::DTR, 0x20) | has(modem::OUT1, 0x40) | has(modem::OUT2, 0x80)
    }

    /// Reads a register, 0 to 7.
    pub fn read(&mut self, register: u16) -> u8 {
        let latched = self.line_control & DIVISOR_LATCH != 0;
        match register & 7 {
            at @ (0 | 1) if latched => self.divisor[usize::from(at)],
            0 => {
                let byte = self.received.pop_front().unwrap_or(0);
                self.refill();
                byte
            }
            1 => self.enabled,
            2 => {
                let reason = self.reason();
                if reason == identification::TRANSMITTER {
                    self.transmitter_asks = false;
                }
                reason | if self.fifos { identification::FIFOS } else { 0 }
            }
            3 => self.line_control,
            4 => self.modem_control,
            5 => {
                let ready = if self.received.is_empty() { 0 } else { line::READY };
                line::EMPTY | ready | std::mem::take(&mut self.errors)
            }
            6 => self.modem_status() | std::mem::take(&mut self.modem_changes),
            _ => self.scratch,
        }
    }

    /// Writes a register, 0 to 7.
    pub fn write(&mut self, register: u16, value: u8) {
        let latched = self.line_control & DIVISOR_LATCH != 0;
        match register & 7 {
            at @ (0 | 1) if latched => self.divisor[usize::from(at)] = value,
            0 => self.send(value),
            1 => {
                let asks_anew = value & !self.enabled & enable::TRANSMITTER != 0;
                self.transmitter_asks |= asks_anew;
                self.enabled = value & 0xf;
            }
            2 => self.control_fifos(value),
            3 => self.line_control = value,
            4 => {
                let before = self.modem_status();
                self.modem_control = value & 0x1f;
                self.note_modem(before);
            }
            7 => self.scratch = value,
            _ => {}
        }
    }

    fn note_modem(&mut self, before: u8) {
        let after = self.modem_status();
        // Ring is noted at its end, the others at each change.
        let ring = before & !after & 0x40;
        self.modem_changes |= ((before ^ after) & 0xb0 | ring) >> 4;
    }

    fn send(&mut self, byte: u8) {
        self.transmitter_asks = true;
        if self.modem_control & modem::LOOP == 0 {
            return self.sent.push(byte);
        }
        let room = if self.fifos { FIFO } else { 1 };
        if self.received.len() < room {
            self.received.push_back(byte);
        } else {
            self.errors |= line::OVERRUN;
        }
    }

    fn control_fifos(&mut self, value: u8) {
        let fifos = value & 1 != 0;
        // Whatever the FIFO holds goes when it is cleared, or when it is switched on or off.
        if value & 2 != 0 || fifos != self.fifos {
            self.received.clear();
        }
        self.fifos = fifos;
        self.trigger = if fifos { [1, 4, 8, 14][usize::from(value >> 6)] } else { 1 };
        self.refill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_written_are_sent_and_the_transmitter_is_always_empty() {
        let mut port = Serial::new();
        b"Hello".iter().for_each(|&byte| port.write(0, byte));
        assert_eq!(port.read(5), line::EMPTY);
        assert_eq!(port.take_sent(), b"Hello");
        assert_eq!(port.sent(), 0);
    }

    #[test]
    fn a_line_is_open_when_the_guest_says_so_and_carrier_comes_and_goes() {
        let mut port = Serial::unconnected();
        assert_eq!((port.read(6), port.is_open()), (0, false));
        port.write(4, modem::DTR);
        assert!(port.is_open());
        port.write(1, enable::MODEM);
        port.connect(true);
        assert!(port.interrupts());
        assert_eq!((port.read(6), port.read(6)), (modem::CONNECTED | modem::CONNECTED >> 4, modem::CONNECTED), "the change is told once");
        port.receive(b"xyz");
        port.connect(false);
        assert_eq!((port.read(0), port.is_drained()), (b'x', true), "what has not arrived does not");
        assert_eq!(port.read(6), modem::CONNECTED >> 4);
    }

    #[test]
    fn the_divisor_hides_data_and_interrupt_enable() {
        let mut port = Serial::new();
        port.write(3, 0x83);
        port.write(0, 1);
        port.write(1, 2);
        assert_eq!((port.read(0), port.read(1), port.sent()), (1, 2, 0));
        port.write(3, 3);
        assert_eq!((port.read(1), port.read(3)), (0, 3));
    }

    #[test]
    fn received_bytes_wait_for_room_and_come_in_order() {
        let mut port = Serial::new();
        let text: Vec<u8> = (0..40).collect();
        assert_eq!(port.receive(&text), 40);
        let read: Vec<u8> = (0..40)
            .map(|_| {
                assert_eq!(port.read(5) & line::READY, line::READY);
                port.read(0)
            })
            .collect();
        assert_eq!((read, port.read(5) & line::READY), (text, 0));
        assert!(port.is_drained());
        assert_eq!(port.receive(&vec![0; WAITING_MAX + 9]), WAITING_MAX, "there is an end to it");
    }

    #[test]
    fn interrupts_come_in_the_order_of_the_data_sheet() {
        let mut port = Serial::new();
        port.write(2, 0x81);
        port.receive(b"abc");
        assert!(!port.interrupts());
        port.write(1, 7);
        assert!(port.interrupts());
        assert_eq!(port.read(2), identification::FIFOS | identification::TIMEOUT);
        port.receive(b"defgh");
        assert_eq!(port.read(2), identification::FIFOS | identification::RECEIVED);
        (b'a'..=b'h').for_each(|byte| assert_eq!(port.read(0), byte));
        assert_eq!(port.read(2), identification::FIFOS | identification::TRANSMITTER);
        assert_eq!(port.read(2), identification::FIFOS | identification::NONE, "reading it took it away");
        assert!(!port.interrupts());
        port.write(0, b'x');
        assert!(port.interrupts());
    }

    #[test]
    fn loop_back_returns_bytes_and_modem_lines() {
        let mut port = Serial::new();
        port.write(4, modem::LOOP | modem::RTS | modem::OUT2);
        assert_eq!(port.read(6) & 0xf0, 0x90);
        port.write(0, 0x5a);
        port.write(0, 0x5b);
        assert_eq!((port.read(5) & 3, port.sent()), (3, 0), "ready, and one overrun");
        assert_eq!((port.read(0), port.read(5) & 3), (0x5a, 0));
        port.write(4, 0);
        assert_eq!(port.read(6) & 0xf0, modem::CONNECTED);
    }

    #[test]
    fn the_fifo_identifies_a_16550a_and_can_be_cleared() {
        let mut port = Serial::new();
        port.write(2, 1);
        assert_eq!(port.read(2) & 0xc0, 0xc0);
        port.write(7, 0x5a);
        assert_eq!(port.read(7), 0x5a);
        port.receive(b"old");
        port.write(2, 3);
        assert_eq!(port.read(5) & line::READY, 0);
        port.write(2, 0);
        assert_eq!(port.read(2) & 0xc0, 0);
    }
}
