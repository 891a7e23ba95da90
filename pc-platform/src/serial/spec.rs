//! Registers of the 16550A (National Semiconductor data sheet, 1995).

/// First port of COM1, and its interrupt.
pub const COM1: (u16, u8) = (0x3f8, 4);
/// First port of COM2, and its interrupt.
pub const COM2: (u16, u8) = (0x2f8, 3);
/// Bytes in the receiver's FIFO.
pub const FIFO: usize = 16;

/// Interrupt enable: received data, transmitter empty, line status, modem status.
pub mod enable {
    #![allow(missing_docs)]
    pub const RECEIVED: u8 = 1;
    pub const TRANSMITTER: u8 = 2;
    pub const LINE: u8 = 4;
    pub const MODEM: u8 = 8;
}

/// Interrupt identification.
pub mod identification {
    #![allow(missing_docs)]
    pub const NONE: u8 = 1;
    pub const MODEM: u8 = 0;
    pub const TRANSMITTER: u8 = 2;
    pub const RECEIVED: u8 = 4;
    pub const LINE: u8 = 6;
    pub const TIMEOUT: u8 = 0xc;
    pub const FIFOS: u8 = 0xc0;
}

/// Line control: the divisor is at offsets 0 and 1.
pub const DIVISOR_LATCH: u8 = 0x80;
/// Line status: data ready, overrun, transmitter holding register and transmitter empty.
pub mod line {
    #![allow(missing_docs)]
    pub const READY: u8 = 1;
    pub const OVERRUN: u8 = 2;
    pub const EMPTY: u8 = 0x60;
}

/// Modem control.
pub mod modem {
    #![allow(missing_docs)]
    pub const DTR: u8 = 1;
    pub const RTS: u8 = 2;
    pub const OUT1: u8 = 4;
    pub const OUT2: u8 = 8;
    pub const LOOP: u8 = 0x10;
    /// Status: clear to send, data set ready, carrier.
    pub const CONNECTED: u8 = 0xb0;
}
