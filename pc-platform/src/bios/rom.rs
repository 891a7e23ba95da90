//! What a BIOS leaves in low storage: vectors, its data area, and code that does one thing, ask the board.
//!
//! Each vector leads to a stub that stores the registers on the caller's stack, says where, and writes to [`PORT`]. The board changes the
//! registers there and says in [`MAIL`] how the stub is to go on: return, wait for an interrupt and ask again, or halt.

/// The port that a stub asks by.
pub const PORT: u16 = 0xcb64;
/// Segment of the code.
pub const SEGMENT: u16 = 0xf000;
/// Where the code begins in it.
const CODE: u16 = 0xe000;
/// Where SP, SS and the answer are kept, in the segment of the code.
const MAIL_OFFSET: u16 = 0xdff0;
/// The same as an address.
pub const MAIL: u64 = ((SEGMENT as u64) << 4) + MAIL_OFFSET as u64;
/// Where the data area is.
pub(super) const DATA: u64 = 0x400;
/// Top of conventional storage in kilobytes, and the extended BIOS data area above it.
pub const CONVENTIONAL_KIB: u16 = 639;

/// Answers of the board.
pub(super) mod answer {
    pub(crate) const RETURN: u8 = 0;
    pub(crate) const ASK_AGAIN: u8 = 1;
    pub(crate) const HALT: u8 = 2;
}

/// Bytes of storage that go to an address.
pub type Placed = (u64, Vec<u8>);

/// Vectors that ask the board. The others return at once.
fn asks(vector: u8) -> bool {
    matches!(vector, 0 | 6 | 0x08..=0x1a | 0x70..=0x77)
}

fn code() -> (Vec<u8>, [u16; 256]) {
    let [low, high] = MAIL_OFFSET.to_le_bytes();
    let [low_2, high_2] = (MAIL_OFFSET + 2).to_le_bytes();
    let [low_4, high_4] = (MAIL_OFFSET + 4).to_le_bytes();
    let [port_low, port_high] = PORT.to_le_bytes();
    // pushad; push ds; push es
    let mut code = vec![0x66, 0x60, 0x1e, 0x06];
    let ask = code.len();
    // mov cs:[mail], sp; mov cs:[mail+2], ss; mov dx, port; out dx, al; cmp byte cs:[mail+4], 1
    code.extend([0x2e, 0x89, 0x26, low, high, 0x2e, 0x8c, 0x16, low_2, high_2]);
    code.extend([0xba, port_low, port_high, 0xee, 0x2e, 0x80, 0x3e, low_4, high_4, answer::ASK_AGAIN]);
    // jb return (+7); ja halt (+14); sti; hlt; cli; jmp ask
    code.extend([0x72, 7, 0x77, 14, 0xfb, 0xf4, 0xfa]);
    let back = ask as i8 - (code.len() as i8 + 2);
    code.extend([0xeb, back as u8]);
    // return: pop es; pop ds; popad; add sp, 2
    code.extend([0x07, 0x1f, 0x66, 0x61, 0x83, 0xc4, 0x02]);
    let plain_return = CODE + code.len() as u16;
    // iret; halt: cli; hlt; jmp halt
    code.extend([0xcf, 0x90, 0xfa, 0xf4, 0xeb, 0xfc]);
    let mut vectors = [plain_return; 256];
    for (vector, offset) in vectors.iter_mut().enumerate().filter(|(vector, _)| asks(*vector as u8)) {
        *offset = CODE + code.len() as u16;
        // push vector; jmp to the beginning
        code.extend([0x6a, vector as u8, 0xe9]);
        let back = (code.len() as u16 + 2).wrapping_neg();
        code.extend(back.to_le_bytes());
    }
    (code, vectors)
}

/// Vector table, data area, code, and what is at the processor's reset vector. `disks` is how many hard disks there are.
pub fn placed(disks: u8) -> Vec<Placed> {
    let (code, vectors) = code();
    let table = vectors.iter().flat_map(|offset| [offset.to_le_bytes(), SEGMENT.to_le_bytes()].concat()).collect();
    let at = |offset: u16| (u64::from(SEGMENT) << 4) + u64::from(offset);
    vec![
        (0, table),
        (DATA, data_area(disks)),
        (at(MAIL_OFFSET), vec![0; 8]),
        (at(CODE), code),
        // The processor's first instruction after a reset: halt; jmp halt. Nothing of ours starts there.
        (at(0xfff0), vec![0xfa, 0xf4, 0xeb, 0xfc]),
        // The date and the model, AT.
        (at(0xfff5), [b"11/22/26\0".as_slice(), &[0xfc]].concat()),
    ]
}

fn data_area(disks: u8) -> Vec<u8> {
    let mut area = vec![0; 0x100];
    let mut word = |at: usize, value: u16| area[at..at + 2].copy_from_slice(&value.to_le_bytes());
    word(0x00, 0x3f8);
    word(0x02, 0x2f8);
    word(0x0e, CONVENTIONAL_KIB * 64);
    word(0x10, super::EQUIPMENT);
    word(0x13, CONVENTIONAL_KIB);
    // The keyboard's ring: head, tail, and where it begins and ends.
    word(0x1a, 0x1e);
    word(0x1c, 0x1e);
    word(0x80, 0x1e);
    word(0x82, 0x3e);
    word(0x4a, 80);
    word(0x4c, 0x1000);
    word(0x63, 0x3d4);
    area[0x49] = 3;
    area[0x75] = disks;
    area[0x84] = 24;
    // An enhanced keyboard.
    area[0x96] = 0x10;
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stub_jumps_to_the_beginning_and_nothing_overlaps() {
        let (code, vectors) = code();
        let stub = usize::from(vectors[0x13] - CODE);
        assert_eq!(code[stub..stub + 3], [0x6a, 0x13, 0xe9]);
        let relative = i16::from_le_bytes([code[stub + 3], code[stub + 4]]);
        assert_eq!(stub as i16 + 5 + relative, 0);
        assert_eq!(code[usize::from(vectors[0x20] - CODE)], 0xcf, "iret");
        assert!(usize::from(CODE) + code.len() < 0xfff0);
        let halt = usize::from(vectors[0x20] - CODE) + 2;
        assert_eq!(code[halt..halt + 2], [0xfa, 0xf4]);
        assert_eq!((code[26], usize::from(code[27]) + 28), (0x77, halt), "{code:02x?}");
    }
}
