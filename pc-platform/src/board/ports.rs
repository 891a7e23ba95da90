//! Which device answers which port.

use std::ops::RangeInclusive;

use crate::bios::rom;
use crate::{display, ide, keyboard, pic, pit, rtc, serial};

/// Devices by their ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Pic,
    Pit,
    Port61,
    Keyboard,
    Rtc,
    /// A20 and reset.
    Port92,
    Serial(usize),
    /// First port of the channel.
    Ide(usize, u16),
    IdeControl(usize),
    Display,
    PciAddress,
    PciData,
    /// Bytes that are shown on the console.
    DebugConsole,
    DebugExit,
    PowerOff,
    /// A text that switches off.
    PowerOffText,
    Bios,
    /// There, and of no effect: POST codes, DMA pages, the rest of a VGA.
    Silent,
}

const fn one(port: u16) -> RangeInclusive<u16> {
    port..=port
}

const PORTS: [(RangeInclusive<u16>, Unit); 32] = [
    (pic::spec::MASTER[0]..=pic::spec::MASTER[1], Unit::Pic),
    (pic::spec::SLAVE[0]..=pic::spec::SLAVE[1], Unit::Pic),
    (pic::spec::ELCR[0]..=pic::spec::ELCR[1], Unit::Pic),
    (pit::spec::CHANNEL..=pit::spec::CONTROL, Unit::Pit),
    (one(pit::spec::PORT_61), Unit::Port61),
    (one(keyboard::spec::PORTS[0]), Unit::Keyboard),
    (one(keyboard::spec::PORTS[1]), Unit::Keyboard),
    (rtc::spec::PORTS[0]..=rtc::spec::PORTS[1], Unit::Rtc),
    (one(0x92), Unit::Port92),
    (serial::spec::COM1.0..=serial::spec::COM1.0 + 7, Unit::Serial(0)),
    (serial::spec::COM2.0..=serial::spec::COM2.0 + 7, Unit::Serial(1)),
    (0x1f0..=0x1f7, Unit::Ide(0, 0x1f0)),
    (0x170..=0x177, Unit::Ide(1, 0x170)),
    (one(0x3f6), Unit::IdeControl(0)),
    (one(0x376), Unit::IdeControl(1)),
    (display::spec::PORTS[0]..=display::spec::PORTS[1], Unit::Display),
    (one(display::spec::STATUS), Unit::Display),
    (0xcf8..=0xcfb, Unit::PciAddress),
    (0xcfc..=0xcff, Unit::PciData),
    (one(0xe9), Unit::DebugConsole),
    (0xf4..=0xf7, Unit::DebugExit),
    (one(0x501), Unit::DebugExit),
    (0x604..=0x605, Unit::PowerOff),
    (0xb004..=0xb005, Unit::PowerOff),
    (one(0x8900), Unit::PowerOffText),
    (one(rom::PORT), Unit::Bios),
    (0x80..=0x8f, Unit::Silent),
    (0x00..=0x0f, Unit::Silent),
    (0xc0..=0xdf, Unit::Silent),
    (0xf0..=0xf1, Unit::Silent),
    (0x3c0..=0x3cf, Unit::Silent),
    (0x378..=0x37a, Unit::Silent),
];

/// The device at a port.
pub(super) fn unit(port: u16) -> Option<Unit> {
    PORTS.iter().find(|(range, _)| range.contains(&port)).map(|(_, unit)| *unit)
}

/// Whether an access of more than a byte is one access to the device, not several.
pub(super) fn is_wide(unit: Unit, port: u16) -> bool {
    match unit {
        Unit::Ide(_, first) => port == first,
        Unit::PciAddress | Unit::PciData | Unit::DebugExit | Unit::PowerOff | Unit::Bios => true,
        _ => false,
    }
}

const _: () = assert!(ide::spec::CHANNELS[0].0 == 0x1f0 && ide::spec::CHANNELS[1].1 == 0x376);
