//! A machine by itself, for [`crate::trial`]: no user, no console, no disks.

use pc_platform::Settings;
use pc_platform::image::Loaded;

use super::bus::NANOSECONDS;
use super::{Pc, Turn};

impl Pc {
    /// A machine with an image in it, at its first instruction.
    pub(crate) fn with_image(settings: Settings, loaded: &Loaded) -> Self {
        let mut pc = Self::new(settings);
        pc.place(loaded);
        pc
    }

    /// Executes about so many instructions; what it writes waits for [`Pc::take_output`].
    pub fn run_by_itself(&mut self, instructions: u64) -> Turn {
        self.execute(instructions)
    }

    /// What it wrote since the last time, byte by byte.
    pub fn take_output(&mut self) -> Vec<u8> {
        let bytes = self.board().take_output();
        if !bytes.is_empty() {
            self.wrote_at = self.now;
        }
        bytes
    }

    /// Instructions that its processors have executed.
    pub fn instructions(&self) -> u64 {
        self.executed
    }

    /// Nanoseconds of its clock.
    pub fn time(&self) -> u64 {
        self.now * NANOSECONDS
    }

    /// Nanoseconds since it wrote or was typed at.
    pub fn silence(&self) -> u64 {
        (self.now - self.wrote_at) * NANOSECONDS
    }

    /// Whether everything typed was read.
    pub fn has_read_input(&self) -> bool {
        self.devices.board.is_input_read()
    }

    /// Types a line and Enter.
    pub fn type_to_it(&mut self, line: &str) {
        let bytes = [line.as_bytes(), b"\r"].concat();
        let taken = self.board().type_input(&bytes);
        if taken < bytes.len() {
            tracing::warn!("A line of {} bytes is too long for the machine: {taken} were typed", bytes.len());
        }
        self.wrote_at = self.now;
    }
}
