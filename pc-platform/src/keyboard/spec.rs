//! Registers of the 8042 keyboard controller of a PC/AT and the commands of a PS/2 keyboard.

/// Data port, and status and command port.
pub const PORTS: [u16; 2] = [0x60, 0x64];
/// The keyboard's interrupt.
pub const IRQ: u8 = 1;

/// Status.
#[allow(missing_docs)]
pub mod status {
    pub const OUTPUT_FULL: u8 = 1;
    pub const SYSTEM: u8 = 4;
    pub const COMMAND: u8 = 8;
    pub const UNLOCKED: u8 = 0x10;
}

/// Command byte.
#[allow(missing_docs)]
pub mod mode {
    pub const INTERRUPT: u8 = 1;
    pub const SYSTEM: u8 = 4;
    pub const DISABLED: u8 = 0x10;
    pub const AUX_DISABLED: u8 = 0x20;
    pub const TRANSLATE: u8 = 0x40;
}

/// Output port: not reset, A20.
pub const NOT_RESET: u8 = 1;
/// See [`NOT_RESET`].
pub const A20: u8 = 2;

/// Answers of the keyboard.
pub const ACKNOWLEDGE: u8 = 0xfa;
/// Asks for the last byte again.
pub const RESEND: u8 = 0xfe;
/// The self-test went well.
pub const TESTED: u8 = 0xaa;
