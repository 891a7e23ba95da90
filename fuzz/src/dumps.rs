//! Dumps of VMDUMP: any bytes as a dump, and any bytes as the storage, page tables too, of one that is whole.

use std::io::{self, Seek, SeekFrom, Write};

use cp_monitor::debug::vmdump::core::{self, Addresses};
use cp_monitor::debug::vmdump::mappings::translate;
use cp_monitor::debug::vmdump::symbols::Symbols;
use cp_monitor::debug::vmdump::{Dump, Head, Kind, Writer};
use soft_processor::State;

/// Storage of the machine that the bytes are put into.
const STORAGE: u64 = 64 << 10;

/// A file of which nothing is kept.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Nowhere {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

/// Reads the bytes as a dump, and as an ELF file with symbols. A dump that can be read is made a core file of.
pub fn vmdump(bytes: &[u8]) {
    if let Ok(dump) = Dump::read(bytes) {
        look(&dump);
    }
    if let Ok(symbols) = Symbols::of(bytes) {
        symbols.at(0x10_0000);
        symbols.named("main");
    }
}

/// Puts the bytes into the storage of a machine, with registers out of them, and looks through its page tables.
///
/// # Panics
/// When a dump that was written cannot be read.
pub fn vmdump_storage(bytes: &[u8]) {
    let word = |at: usize| bytes.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
    let state = State { cr0: word(0) | 1, cr3: word(8) & (STORAGE - 1), cr4: word(16), efer: word(24), rip: word(32), ..State::reset() };
    let text = String::new;
    let head = Head {
        kind: Kind::Pc,
        processors: 1,
        storage: STORAGE,
        seconds: word(40),
        user: text(),
        system: text(),
        format: text(),
        identification: text(),
    };
    let (mut writer, first) = Writer::begin(&head);
    let storage = &bytes[..bytes.len().min(32 << 10)];
    let mut records = vec![first, writer.registers(&state), writer.range(0, STORAGE - 1)];
    if !storage.is_empty() {
        records.push(writer.pages(0, storage));
    }
    records.push(writer.end());
    let dump = Dump::read(records.concat().as_slice()).expect("it is whole");
    assert_eq!(dump.states, [state]);
    look(&dump);
}

/// Core files of it, and a few addresses.
fn look(dump: &Dump) {
    for addresses in [Addresses::Linear(0), Addresses::Physical] {
        drop(core::write(dump, addresses, &mut Nowhere));
    }
    for state in &dump.states {
        for linear in [0, 0xfff, 0x40_0000, 0xffff_ffff, state.rip, u64::MAX] {
            translate(state, linear, &|address, into| dump.storage(address, into));
        }
    }
}
