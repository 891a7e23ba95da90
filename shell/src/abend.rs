//! ABEND: makes a command fail on purpose, for teaching and for the tests.

use crate::cp::{Cp, Failure};
use crate::message::Outcome;
use crate::session::Shell;
use crate::words::Words;

/// The failures by name.
const FAILURES: [(&str, Failure); 9] = [
    ("OPERATIO", Failure::Operation),
    ("ADDRESSI", Failure::Addressing),
    ("PROTECTI", Failure::Protection),
    ("DIVIDE", Failure::Divide),
    ("PRIVILEG", Failure::Privileged),
    ("STACK", Failure::Stack),
    ("LOOP", Failure::Loop),
    ("PANIC", Failure::Panic),
    ("STORAGE", Failure::Storage),
];

impl<C: Cp> Shell<C> {
    /// ABEND.
    pub(crate) fn abend_command(&mut self, words: &Words) -> Outcome {
        let wanted = words.operands.first().map_or("OPERATIO", |word| word.as_str());
        // Words are cut to eight characters, and so are the names.
        let Some((_, failure)) = FAILURES.iter().find(|(name, _)| name.starts_with(wanted)) else {
            return Err(self.bad_operand(wanted));
        };
        self.cp.fail(*failure);
        Err(self.fail(8, "151E", "CP let the failure pass"))
    }
}
