//! Vector registers of a machine that is on no processor, as values, whichever back end saved them.
//!
//! The software processor saves them plain, KVM in the layout of XSAVE (Intel SDM volume 1, 13.4) of which a machine can reach the legacy area only: it is promised x87 and SSE2.
//! A debugger reads both and stores the plain form, which both back ends load.

use soft_processor::{Fpu, State};

use super::VectorState;

/// Words of the plain form: control words, eight x87 and sixteen SSE registers of 16 bytes.
const PLAIN_WORDS: usize = 3 + 24 * 4;
/// Bytes of the legacy area, which is also what FXSAVE stores.
pub const LEGACY_AREA: usize = 512;
/// XSTATE_BV: x87 and SSE.
const X87: u32 = 1;
const SSE: u32 = 2;

/// Vector registers of a machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vectors {
    /// x87.
    pub fpu: Fpu,
    /// XMM0 to XMM15.
    pub xmm: [u128; 16],
    /// SSE control and status.
    pub mxcsr: u32,
}

impl Default for Vectors {
    /// As after FNINIT, with the default MXCSR.
    fn default() -> Self {
        Self { fpu: Fpu::default(), xmm: [0; 16], mxcsr: 0x1f80 }
    }
}

impl Vectors {
    /// Those of a processor's state.
    pub fn get(state: &State) -> Self {
        Self { fpu: state.fpu, xmm: state.xmm, mxcsr: state.mxcsr }
    }

    /// Puts them into one.
    pub fn put(self, state: &mut State) {
        (state.fpu, state.xmm, state.mxcsr) = (self.fpu, self.xmm, self.mxcsr);
    }

    /// The plain form.
    pub(crate) fn saved(&self) -> VectorState {
        let Fpu { control, status, in_use, opcode, .. } = self.fpu;
        let mut words = vec![self.mxcsr, u32::from(control) | u32::from(status) << 16, u32::from(in_use) | u32::from(opcode) << 16];
        for value in self.fpu.registers.iter().chain(&self.xmm) {
            words.extend((0..4).map(|part| (value >> (32 * part)) as u32));
        }
        VectorState(words)
    }

    /// From either form; nothing when it is neither.
    pub(crate) fn from_saved(saved: &VectorState) -> Option<Self> {
        match saved.0.len() {
            PLAIN_WORDS => Some(Self::from_plain(&saved.0)),
            length if length * 4 > LEGACY_AREA => Some(Self::from_xsave(&saved.0)),
            _ => None,
        }
    }

    /// From the plain form alone.
    pub(crate) fn plain(saved: &VectorState) -> Option<Self> {
        (saved.0.len() == PLAIN_WORDS).then(|| Self::from_plain(&saved.0))
    }

    fn from_plain(words: &[u32]) -> Self {
        Self {
            fpu: Fpu {
                registers: std::array::from_fn(|number| quad(words, 3 + 4 * number)),
                control: words[1] as u16,
                status: (words[1] >> 16) as u16,
                in_use: words[2] as u8,
                opcode: (words[2] >> 16) as u16,
                ..Fpu::default()
            },
            xmm: std::array::from_fn(|number| quad(words, 35 + 4 * number)),
            mxcsr: words[0],
        }
    }

    fn from_xsave(words: &[u32]) -> Self {
        let mut vectors = Self::default();
        let components = words[LEGACY_AREA / 4];
        if components & X87 != 0 {
            let status = (words[0] >> 16) as u16;
            let top = usize::from(status >> 11 & 7);
            vectors.fpu = Fpu {
                control: words[0] as u16,
                status,
                in_use: words[1] as u8,
                opcode: (words[1] >> 16) as u16 & 0x7ff,
                instruction: u64::from(words[2]) | u64::from(words[3]) << 32,
                operand: u64::from(words[4]) | u64::from(words[5]) << 32,
                ..vectors.fpu
            };
            for place in 0..8 {
                vectors.fpu.registers[(top + place) % 8] = quad(words, 8 + 4 * place) & ((1 << 80) - 1);
            }
        }
        if components & SSE != 0 {
            vectors.mxcsr = words[6];
            vectors.xmm = std::array::from_fn(|number| quad(words, 40 + 4 * number));
        }
        vectors
    }

    /// What FXSAVE stores in 64-bit mode, in words: the legacy area.
    pub fn legacy(&self) -> [u32; LEGACY_AREA / 4] {
        let mut words = [0; LEGACY_AREA / 4];
        let fpu = &self.fpu;
        words[0] = u32::from(fpu.control) | u32::from(fpu.status) << 16;
        words[1] = u32::from(fpu.in_use) | u32::from(fpu.opcode) << 16;
        (words[2], words[3]) = (fpu.instruction as u32, (fpu.instruction >> 32) as u32);
        (words[4], words[5]) = (fpu.operand as u32, (fpu.operand >> 32) as u32);
        (words[6], words[7]) = (self.mxcsr, 0xffff);
        let top = usize::from(fpu.status >> 11 & 7);
        let mut store = |place: usize, value: u128| (0..4).for_each(|part| words[place + part] = (value >> (32 * part)) as u32);
        for place in 0..8 {
            store(8 + 4 * place, fpu.registers[(top + place) % 8]);
        }
        for (number, &value) in self.xmm.iter().enumerate() {
            store(40 + 4 * number, value);
        }
        words
    }

    /// The layout of XSAVE in so many words, for KVM.
    pub(crate) fn xsave(&self, words: usize) -> VectorState {
        let mut area = vec![0; words];
        area[..LEGACY_AREA / 4].copy_from_slice(&self.legacy());
        // Which bits of MXCSR there are is told, not set.
        area[7] = 0;
        area[LEGACY_AREA / 4] = X87 | SSE;
        VectorState(area)
    }
}

/// Four words as a number.
fn quad(words: &[u32], at: usize) -> u128 {
    (0..4).rev().fold(0, |all, part| all << 32 | u128::from(words[at + part]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_vector_registers_come_back_as_they_were() {
        let mut vectors = Vectors { mxcsr: 0x9fc0, ..Vectors::default() };
        vectors.fpu = Fpu { control: 0x27f, status: 0x3801, in_use: 0x81, opcode: 0x123, ..vectors.fpu };
        for (number, register) in vectors.fpu.registers.iter_mut().chain(&mut vectors.xmm).enumerate() {
            *register = (number as u128 + 1) * 0x0123_4567_89ab_cdef_0123;
        }
        vectors.fpu.registers.iter_mut().for_each(|register| *register &= (1 << 80) - 1);
        assert_eq!(Vectors::from_saved(&vectors.saved()), Some(vectors));
        assert_eq!(Vectors::from_saved(&vectors.xsave(1024)), Some(vectors), "through the layout of XSAVE");
        assert_eq!(Vectors::plain(&vectors.xsave(1024)), None);
        assert_eq!(Vectors::from_saved(&VectorState(vec![0; 7])), None);
        assert_eq!(Vectors::from_saved(&VectorState(vec![0; 1024])), Some(Vectors::default()), "components that are initial");
    }
}
