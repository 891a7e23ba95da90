//! Programs for a machine of the running system: machine code, put together piece by piece and stored by CP's own STORE.

use crate::{System, Terminal};

/// Machine code that is put together piece by piece.
#[derive(Default)]
pub struct GuestCode(Vec<u8>);

impl GuestCode {
    /// Bytes so far.
    pub fn here(&self) -> usize {
        self.0.len()
    }

    /// An instruction.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// An instruction with a 32-bit operand at its end.
    pub fn with(&mut self, opcode: &[u8], operand: u32) {
        self.bytes(opcode);
        self.bytes(&operand.to_le_bytes());
    }

    /// `mov dword [place], value`
    pub fn set(&mut self, place: u32, value: u32) {
        self.with(&[0xc7, 0x04, 0x25], place);
        self.bytes(&value.to_le_bytes());
    }

    /// A jump (`0f 84` if zero, `0f 85` if not, `e9` always) to a place before it.
    pub fn back(&mut self, opcode: &[u8], place: usize) {
        let distance = place as i64 - (self.here() + opcode.len() + 4) as i64;
        self.with(opcode, distance as i32 as u32);
    }

    /// A jump to a place that [`GuestCode::land`] names later.
    pub fn ahead(&mut self, opcode: &[u8]) -> usize {
        self.with(opcode, 0);
        self.here()
    }

    /// The place of a jump made by [`GuestCode::ahead`].
    pub fn land(&mut self, jump: usize) {
        let distance = (self.here() - jump) as u32;
        self.0[jump - 4..jump].copy_from_slice(&distance.to_le_bytes());
    }

    /// Loads the PSW and the registers at that address.
    pub fn load_psw(&mut self, psw: u32) {
        self.with(&[0xb8], 0x100); // mov eax, LOAD PSW
        self.with(&[0xbf], psw); // mov edi
        self.bytes(&[0xe7, 0x83]); // out 0x83, eax
    }

    /// Makes a PSW: instruction address and mask.
    pub fn set_psw(&mut self, place: u32, address: u32, mask: u32) {
        [(0, address), (4, 0), (16, 2), (20, mask)].iter().for_each(|(at, value)| self.set(place + at, *value));
    }

    /// Changes the address of the PSW that was made first at that place.
    ///
    /// # Panics
    /// When none was.
    pub fn set_psw_again(&mut self, place: u32, address: u32) {
        let at = self.0.windows(4).position(|bytes| bytes == place.to_le_bytes()).expect("the PSW is made") + 4;
        self.0[at..at + 4].copy_from_slice(&address.to_le_bytes());
    }

    /// The code.
    pub fn code(&self) -> &[u8] {
        &self.0
    }
}

impl Terminal {
    /// A machine of that user in CP READ, out of a loop so that it waits for nothing.
    pub fn of_stopped_machine(system: &System, user: &str) -> Self {
        let mut terminal = system.log_on(user);
        // Several slices more than what the logon took.
        let before = system.processor_times()[user].0;
        terminal.type_line("abend loop");
        system.wait_until_it_ran(user, before + 20_000);
        terminal.attention();
        terminal.until_cp_read();
        terminal
    }

    /// Lets the machine run from there until it comes to a disabled wait with that address.
    pub fn run_until_wait(&mut self, from: u32, wait: u32) {
        self.look();
        self.type_line(&format!("BEGIN {from:X}"));
        self.until(&format!("disabled wait PSW 80000000 0*{wait:X}$"));
        self.until_cp_read();
    }

    /// Stores bytes into the machine.
    pub fn store(&mut self, at: u32, bytes: &[u8]) {
        for (at, part) in (at..).step_by(32).zip(bytes.chunks(32)) {
            let hex: String = part.iter().map(|byte| format!("{byte:02X}")).collect();
            self.look();
            self.type_line(&format!("STORE {at:X} {hex}"));
            self.until("^STORE COMPLETE");
        }
    }

    /// Bytes of the machine's storage, a multiple of 16.
    ///
    /// # Panics
    /// When CP does not show them.
    pub fn stored(&mut self, at: u32, length: u32) -> Vec<u8> {
        self.look();
        self.type_line(&format!("DISPLAY {at:X}.{length:X}"));
        let last = at + length - 16;
        let shown = self.until(&format!("^{last:08X}  "));
        let lines = shown.lines().filter(|line| line.get(8..10) == Some("  ") && line.ends_with('*'));
        let words = lines.flat_map(|line| line[10..45].split(' ').map(str::to_string).collect::<Vec<_>>());
        let byte = |word: &str, at: usize| u8::from_str_radix(&word[at..at + 2], 16).expect("CP shows bytes");
        words.flat_map(|word| [0, 2, 4, 6].map(|at| byte(&word, at))).collect()
    }
}
