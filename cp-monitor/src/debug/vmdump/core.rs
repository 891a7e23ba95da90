//! A dump as an ELF core file, as Linux writes them for its own processes: each virtual processor is a thread, each mapping a segment.
//!
//! The machine's storage stands in the file once, with holes where it is zeros, and segments point into it. A processor of 32 bits has a file of 32 bits: debuggers
//! take the registers of the one with programs of the other for what they are not. Sources: the ELF specification, `struct elf_prstatus` and `user_regs_struct` of Linux.

use std::io::{self, Seek, SeekFrom, Write};

use object::elf::{
    ELFCLASS32, ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_386, EM_X86_64, ET_CORE, EV_CURRENT, FileHeader32, FileHeader64, Ident, NT_FPREGSET,
    NT_PRSTATUS, NT_PRXFPREG, PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE, ProgramHeader32, ProgramHeader64,
};
use object::endian::{LittleEndian as Little, U16, U32, U64};
use object::pod::bytes_of;
use soft_processor::State;

use super::mappings::{Mapping, TooMany, mappings};
use super::{Dump, Kind};
use crate::processor::vectors::Vectors;

/// SIGTRAP: what the machine stopped with, as far as a debugger must know.
const SIGNAL: u16 = 5;
/// Where storage may begin in the file.
const ALIGNMENT: u64 = 4096;

/// Why there is no core file.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// Nothing could be looked at.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// A core file of 32 bits has no place for it.
    #[error("Storage beyond 4 GiB has no place in a core file of 32 bits")]
    TooLarge,
    /// The host does not take it.
    #[error("The core file cannot be written: {0}")]
    Host(#[from] io::Error),
}

/// Which addresses the segments have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Those of the storage.
    Physical,
    /// Those that a processor of that number uses, by its page tables.
    Linear(usize),
}

/// Where what the processor can reach is in the dump: mappings, less what was not dumped.
///
/// # Errors
/// [`TooMany`].
pub fn reachable(dump: &Dump, addresses: Addresses) -> Result<Vec<Mapping>, TooMany> {
    let storage = dump.head.storage;
    let all = match (dump.head.kind, addresses) {
        (Kind::Pc, Addresses::Linear(number)) => {
            let state = &dump.states[number.min(dump.states.len() - 1)];
            mappings(state, storage, &|address, into| dump.storage(address, into))?
        }
        _ => vec![Mapping { linear: 0, physical: 0, length: storage }],
    };
    let mut parts = Vec::new();
    for mapping in all {
        let last = mapping.physical + (mapping.length - 1);
        for &(from, to) in dump.ranges.iter().filter(|range| range.0 <= last && mapping.physical <= range.1) {
            let (first, last) = (from.max(mapping.physical), to.min(last));
            parts.push(Mapping { linear: mapping.linear + (first - mapping.physical), physical: first, length: last - first + 1 });
        }
        if parts.len() >= usize::from(u16::MAX) - 1 {
            return Err(TooMany);
        }
    }
    Ok(parts)
}

/// Whether a processor executes code of less than 64 bits in a system of less than 64 bits.
fn is_narrow(dump: &Dump) -> bool {
    const ACTIVE: u64 = 1 << 10;
    dump.states[0].efer & ACTIVE == 0
}

/// Writes the core file.
///
/// # Errors
/// [`CoreError`].
pub fn write(dump: &Dump, addresses: Addresses, output: &mut (impl Write + Seek)) -> Result<(), CoreError> {
    let narrow = is_narrow(dump);
    let segments = reachable(dump, addresses)?;
    let notes = notes(dump, narrow);
    let (header, entry) = if narrow {
        (size_of::<FileHeader32<Little>>(), size_of::<ProgramHeader32<Little>>())
    } else {
        (size_of::<FileHeader64<Little>>(), size_of::<ProgramHeader64<Little>>())
    };
    let notes_at = (header + entry * (segments.len() + 1)) as u64;
    let storage_at = (notes_at + notes.len() as u64).next_multiple_of(ALIGNMENT);
    if narrow && storage_at + dump.head.storage > u64::from(u32::MAX) {
        return Err(CoreError::TooLarge);
    }
    output.write_all(&file_header(narrow, segments.len() as u16 + 1))?;
    let note = Segment { kind: PT_NOTE, flags: 0, offset: notes_at, address: 0, physical: 0, length: notes.len() as u64 };
    output.write_all(&note.header(narrow))?;
    for Mapping { linear, physical, length } in segments {
        let load = Segment { kind: PT_LOAD, flags: PF_R | PF_W | PF_X, offset: storage_at + physical, address: linear, physical, length };
        output.write_all(&load.header(narrow))?;
    }
    output.write_all(&notes)?;
    for (address, piece) in &dump.pieces {
        output.seek(SeekFrom::Start(storage_at + address))?;
        output.write_all(piece)?;
    }
    // The last byte of storage makes the file as long as it must be; what no piece wrote stays a hole.
    let mut last = [0];
    dump.storage(dump.head.storage - 1, &mut last);
    output.seek(SeekFrom::Start(storage_at + dump.head.storage - 1))?;
    Ok(output.write_all(&last)?)
}

fn file_header(narrow: bool, segments: u16) -> Vec<u8> {
    let ident = Ident {
        magic: ELFMAG,
        class: if narrow { ELFCLASS32 } else { ELFCLASS64 },
        data: ELFDATA2LSB,
        version: EV_CURRENT,
        os_abi: 0,
        abi_version: 0,
        padding: [0; 7],
    };
    let half = |value| U16::new(Little, value);
    let word = |value| U32::new(Little, value);
    if narrow {
        let header = size_of::<FileHeader32<Little>>();
        return bytes_of(&FileHeader32::<Little> {
            e_ident: ident,
            e_type: half(ET_CORE),
            e_machine: half(EM_386),
            e_version: word(EV_CURRENT.into()),
            e_entry: word(0),
            e_phoff: word(header as u32),
            e_shoff: word(0),
            e_flags: word(0),
            e_ehsize: half(header as u16),
            e_phentsize: half(size_of::<ProgramHeader32<Little>>() as u16),
            e_phnum: half(segments),
            e_shentsize: half(0),
            e_shnum: half(0),
            e_shstrndx: half(0),
        })
        .to_vec();
    }
    let header = size_of::<FileHeader64<Little>>();
    bytes_of(&FileHeader64::<Little> {
        e_ident: ident,
        e_type: half(ET_CORE),
        e_machine: half(EM_X86_64),
        e_version: word(EV_CURRENT.into()),
        e_entry: U64::new(Little, 0),
        e_phoff: U64::new(Little, header as u64),
        e_shoff: U64::new(Little, 0),
        e_flags: word(0),
        e_ehsize: half(header as u16),
        e_phentsize: half(size_of::<ProgramHeader64<Little>>() as u16),
        e_phnum: half(segments),
        e_shentsize: half(0),
        e_shnum: half(0),
        e_shstrndx: half(0),
    })
    .to_vec()
}

/// An entry of the program header table.
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    physical: u64,
    length: u64,
}

impl Segment {
    fn header(&self, narrow: bool) -> Vec<u8> {
        let Self { kind, flags, offset, address, physical, length } = *self;
        let word = |value| U32::new(Little, value);
        let long = |value| U64::new(Little, value);
        if narrow {
            let short = |value: u64| U32::new(Little, value as u32);
            return bytes_of(&ProgramHeader32::<Little> {
                p_type: word(kind),
                p_offset: short(offset),
                p_vaddr: short(address),
                p_paddr: short(physical),
                p_filesz: short(length),
                p_memsz: short(length),
                p_flags: word(flags),
                p_align: word(1),
            })
            .to_vec();
        }
        bytes_of(&ProgramHeader64::<Little> {
            p_type: word(kind),
            p_flags: word(flags),
            p_offset: long(offset),
            p_vaddr: long(address),
            p_paddr: long(physical),
            p_filesz: long(length),
            p_memsz: long(length),
            p_align: long(1),
        })
        .to_vec()
    }
}

fn notes(dump: &Dump, narrow: bool) -> Vec<u8> {
    let mut notes = Vec::new();
    for (number, state) in dump.states.iter().enumerate() {
        let vectors: Vec<u8> = Vectors::get(state).legacy().iter().flat_map(|word| word.to_le_bytes()).collect();
        let status = if narrow { status_32(number, state) } else { status_64(number, state) };
        note(&mut notes, "CORE", NT_PRSTATUS, &status);
        if narrow {
            note(&mut notes, "LINUX", NT_PRXFPREG, &vectors);
        } else {
            note(&mut notes, "CORE", NT_FPREGSET, &vectors);
        }
    }
    notes
}

fn note(notes: &mut Vec<u8>, name: &str, kind: u32, description: &[u8]) {
    for word in [name.len() as u32 + 1, description.len() as u32, kind] {
        notes.extend(word.to_le_bytes());
    }
    notes.extend(name.bytes());
    notes.resize((notes.len() + 1).next_multiple_of(4), 0);
    notes.extend(description);
    notes.resize(notes.len().next_multiple_of(4), 0);
}

/// `struct elf_prstatus` up to the registers: signal 12, pid at `pid_at`.
fn status(number: usize, pid_at: usize, registers_at: usize) -> Vec<u8> {
    let mut bytes = vec![0; registers_at];
    bytes[0..4].copy_from_slice(&u32::from(SIGNAL).to_le_bytes());
    bytes[12..14].copy_from_slice(&SIGNAL.to_le_bytes());
    bytes[pid_at..pid_at + 4].copy_from_slice(&(number as u32 + 1).to_le_bytes());
    bytes
}

fn status_64(number: usize, state: &State) -> Vec<u8> {
    let g = &state.general;
    let selector = |number: usize| u64::from(state.segments[number].selector);
    let base = |number: usize| state.segments[number].base;
    let registers = [
        // r15 to r12, rbp, rbx, r11 to r8, rax, rcx, rdx, rsi, rdi, and no system call.
        [g[15], g[14], g[13], g[12], g[5], g[3], g[11], g[10], g[9], g[8], g[0], g[1], g[2], g[6], g[7], u64::MAX],
        [
            state.rip,
            selector(State::CS),
            state.rflags,
            g[4],
            selector(State::SS),
            base(State::FS),
            base(State::GS),
            selector(State::DS),
            selector(State::ES),
            selector(State::FS),
            selector(State::GS),
            0,
            0,
            0,
            0,
            0,
        ],
    ];
    let mut bytes = status(number, 32, 112);
    bytes.extend(registers.as_flattened()[..27].iter().flat_map(|register| register.to_le_bytes()));
    // Floating point registers follow in a note of their own.
    bytes.extend(1_u64.to_le_bytes());
    bytes
}

fn status_32(number: usize, state: &State) -> Vec<u8> {
    let g = state.general.map(|register| register as u32);
    let selector = |number: usize| u32::from(state.segments[number].selector);
    let registers = [
        g[3],
        g[1],
        g[2],
        g[6],
        g[7],
        g[5],
        g[0],
        selector(State::DS),
        selector(State::ES),
        selector(State::FS),
        selector(State::GS),
        u32::MAX,
        state.rip as u32,
        selector(State::CS),
        state.rflags as u32,
        g[4],
        selector(State::SS),
    ];
    let mut bytes = status(number, 24, 72);
    bytes.extend(registers.iter().flat_map(|register| register.to_le_bytes()));
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use object::read::elf::{FileHeader, ProgramHeader};

    use super::super::{Head, Writer};
    use super::*;

    fn dump(kind: Kind, state: &State) -> Dump {
        let text = String::new;
        let head = Head {
            kind,
            processors: 1,
            storage: 0x1_0000,
            seconds: 0,
            user: text(),
            system: text(),
            format: text(),
            identification: text(),
        };
        let (mut writer, first) = Writer::begin(&head);
        let records = [first, writer.registers(state), writer.range(0x1000, 0x2fff), writer.pages(0x2000, &[5; 0x1000]), writer.end()];
        Dump::read(records.concat().as_slice()).unwrap()
    }

    #[test]
    fn segments_are_what_was_dumped_and_notes_are_as_long_as_debuggers_want_them() {
        let long = State { efer: 0x500, rip: 0x2000, ..State::reset() };
        let mut file = Cursor::new(Vec::new());
        write(&dump(Kind::Cms, &long), Addresses::Linear(0), &mut file).unwrap();
        let bytes = file.into_inner();
        let header = FileHeader64::<Little>::parse(bytes.as_slice()).unwrap();
        let segments = header.program_headers(Little, bytes.as_slice()).unwrap();
        assert_eq!(segments.len(), 2);
        let storage = segments[1].data(Little, bytes.as_slice()).unwrap();
        assert_eq!((segments[1].p_vaddr(Little), storage.len(), storage[0xfff], storage[0x1000]), (0x1000, 0x2000, 0, 5));
        let mut notes = segments[0].notes(Little, bytes.as_slice()).unwrap().unwrap();
        let lengths: Vec<_> = std::iter::from_fn(|| notes.next().unwrap()).map(|note| (note.n_type(Little), note.desc().len())).collect();
        assert_eq!(lengths, [(NT_PRSTATUS, 336), (NT_FPREGSET, 512)]);
    }

    #[test]
    fn a_system_of_32_bits_has_a_file_of_32_bits() {
        let mut file = Cursor::new(Vec::new());
        write(&dump(Kind::Pc, &State::reset()), Addresses::Linear(0), &mut file).unwrap();
        let bytes = file.into_inner();
        let header = FileHeader32::<Little>::parse(bytes.as_slice()).unwrap();
        let segments = header.program_headers(Little, bytes.as_slice()).unwrap();
        let mut notes = segments[0].notes(Little, bytes.as_slice()).unwrap().unwrap();
        let lengths: Vec<_> = std::iter::from_fn(|| notes.next().unwrap()).map(|note| (note.n_type(Little), note.desc().len())).collect();
        assert_eq!(lengths, [(NT_PRSTATUS, 144), (NT_PRXFPREG, 512)]);
    }
}
