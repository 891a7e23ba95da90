//! The bytes of a dump: [`MAGIC`], then frames of a tag, a length and a payload. docs/vmdump.md describes them.
//!
//! A record of a spool file is one frame, the first one with [`MAGIC`] before it, so that a file's records one behind the other are the dump, too.

use soft_processor::{Segment, State, Table};

/// How a dump begins.
pub const MAGIC: [u8; 8] = *b"CP64DUMP";
/// The version of everything here.
pub const VERSION: u32 = 1;
/// Most bytes of storage in a frame: a record of the spool has less than 64 KiB.
pub const PIECE: u64 = 32 << 10;
/// Bytes of HEAD: the words, the three names and the identification.
pub(super) const HEAD: usize = 4 * 4 + 8 + 8 + 3 * NAME + IDENTIFICATION;
pub(super) const NAME: usize = 8;
/// Most bytes of what a user says of a dump.
pub const IDENTIFICATION: usize = 100;

/// Tags of frames.
pub(super) const TAG_HEAD: [u8; 4] = *b"HEAD";
pub(super) const TAG_REGISTERS: [u8; 4] = *b"REGS";
pub(super) const TAG_RANGE: [u8; 4] = *b"RANG";
pub(super) const TAG_PAGES: [u8; 4] = *b"PAGE";
pub(super) const TAG_END: [u8; 4] = *b"ENDS";

/// What kind of machine was dumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its storage addresses are those of its instructions.
    Cms,
    /// Its storage addresses are physical.
    Pc,
}

impl Kind {
    /// As QUERY SET and the directory call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cms => "CMS",
            Kind::Pc => "PC",
        }
    }
}

/// What a dump says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The kind of machine.
    pub kind: Kind,
    /// Virtual processors.
    pub processors: u32,
    /// Bytes of the machine's storage.
    pub storage: u64,
    /// When it was dumped, in seconds since 1970-01-01 UTC.
    pub seconds: u64,
    /// Whose machine.
    pub user: String,
    /// What was IPLed in it.
    pub system: String,
    /// FORMAT of VMDUMP.
    pub format: String,
    /// What the user said of it.
    pub identification: String,
}

/// Makes the records of a dump, in their order: head, registers, ranges with their pages, end.
pub struct Writer {
    sum: crc32fast::Hasher,
    frames: u64,
}

impl Writer {
    /// A dump, and its first record.
    pub fn begin(head: &Head) -> (Self, Vec<u8>) {
        let mut writer = Self { sum: crc32fast::Hasher::new(), frames: 0 };
        writer.sum.update(&MAGIC);
        let mut payload = Vec::with_capacity(HEAD);
        for word in [VERSION, head.kind as u32, head.processors, 0] {
            payload.extend(word.to_le_bytes());
        }
        payload.extend(head.storage.to_le_bytes());
        payload.extend(head.seconds.to_le_bytes());
        for (text, length) in [(&head.user, NAME), (&head.system, NAME), (&head.format, NAME), (&head.identification, IDENTIFICATION)] {
            payload.extend(padded(text, length));
        }
        let record = [&MAGIC[..], &writer.frame(TAG_HEAD, &[&payload])].concat();
        (writer, record)
    }

    /// The registers of a processor; processors follow in order.
    pub fn registers(&mut self, state: &State) -> Vec<u8> {
        let mut payload = Vec::new();
        each_word(&mut state.clone(), &mut |word| payload.extend(word.to_le_bytes()));
        self.frame(TAG_REGISTERS, &[&payload])
    }

    /// Storage from the first to the last byte is dumped; what of it no page follows for is zeros.
    pub fn range(&mut self, first: u64, last: u64) -> Vec<u8> {
        self.frame(TAG_RANGE, &[&first.to_le_bytes(), &last.to_le_bytes()])
    }

    /// Storage, at most [`PIECE`] bytes.
    pub fn pages(&mut self, address: u64, bytes: &[u8]) -> Vec<u8> {
        self.frame(TAG_PAGES, &[&address.to_le_bytes(), bytes])
    }

    /// The last record: how many frames there are, and the CRC-32 of all before.
    pub fn end(mut self) -> Vec<u8> {
        let (frames, sum) = (self.frames, std::mem::take(&mut self.sum).finalize());
        self.frame(TAG_END, &[&frames.to_le_bytes(), &sum.to_le_bytes()])
    }

    fn frame(&mut self, tag: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>() as u32;
        let frame = [&tag[..], &length.to_le_bytes(), &parts.concat()].concat();
        self.sum.update(&frame);
        self.frames += 1;
        frame
    }
}

/// Text in so many bytes, blanks behind it; cut at a character.
fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes()[..text.floor_char_boundary(length)].to_vec();
    bytes.resize(length, b' ');
    bytes
}

/// Every register of a state in the order of a dump, each as one word or, of more than 64 bits, two. The same function takes a state apart and puts one together.
pub(super) fn each_word(state: &mut State, each: &mut dyn FnMut(&mut u64)) {
    state.general.iter_mut().for_each(&mut *each);
    each(&mut state.rip);
    each(&mut state.rflags);
    for segment in state.segments.iter_mut().chain([&mut state.ldtr, &mut state.tr]) {
        let Segment { selector, base, limit, attributes } = segment;
        narrow(selector, each);
        each(base);
        narrow(limit, each);
        narrow(attributes, each);
    }
    for Table { base, limit } in [&mut state.gdtr, &mut state.idtr] {
        each(base);
        narrow(limit, each);
    }
    for register in [&mut state.cr0, &mut state.cr2, &mut state.cr3, &mut state.cr4, &mut state.efer] {
        each(register);
    }
    state.debug.iter_mut().chain(&mut state.syscall).chain(&mut state.sysenter).for_each(&mut *each);
    for register in [&mut state.kernel_gs_base, &mut state.pat, &mut state.tsc_offset] {
        each(register);
    }
    let fpu = &mut state.fpu;
    fpu.registers.iter_mut().for_each(|register| wide(register, each));
    narrow(&mut fpu.control, each);
    narrow(&mut fpu.status, each);
    narrow(&mut fpu.in_use, each);
    narrow(&mut fpu.opcode, each);
    each(&mut fpu.instruction);
    each(&mut fpu.operand);
    state.xmm.iter_mut().for_each(|register| wide(register, each));
    narrow(&mut state.mxcsr, each);
    for flag in [&mut state.halted, &mut state.waits_for_start_up, &mut state.nmi_blocked] {
        let mut word = u64::from(*flag);
        each(&mut word);
        *flag = word != 0;
    }
}

fn narrow<T: Copy + Into<u64> + TryFrom<u64>>(value: &mut T, each: &mut dyn FnMut(&mut u64)) {
    let mut word = (*value).into();
    each(&mut word);
    // What does not fit was never written.
    *value = T::try_from(word).unwrap_or(*value);
}

fn wide(value: &mut u128, each: &mut dyn FnMut(&mut u64)) {
    let (mut low, mut high) = (*value as u64, (*value >> 64) as u64);
    each(&mut low);
    each(&mut high);
    *value = u128::from(high) << 64 | u128::from(low);
}
