//! How CMS shows an error that ends a REXX program.

use alloc::format;

use crate::cp::Cp;
use crate::fileid::Found;
use crate::message::Rc;
use crate::rexx::Report;
use crate::session::Shell;

/// The return code of a program that an error ended is this and the number of the error.
pub(super) const RC: i32 = 20_000;

/// The number of CMS's message for each error, after the messages manual.
fn message(error: u16) -> u16 {
    match error {
        5 => 450,
        3 => 451,
        4 => 452,
        6..=15 => 447 + error,
        16 => 463,
        17 => 465,
        18 => 486,
        19 => 482,
        20 => 483,
        21 => 464,
        24 => 484,
        25 => 487,
        26 => 466,
        27 => 467,
        28 => 488,
        29 => 485,
        30 => 468,
        31 => 469,
        32 => 492,
        33 => 490,
        34 => 470,
        35 => 471,
        36 => 472,
        37 => 473,
        38 => 489,
        39 => 474,
        40..=45 => 435 + error,
        46 => 1106,
        _ => 481,
    }
}

impl<C: Cp> Shell<C> {
    /// Shows the clauses that were active and the messages; answers the return code.
    pub(super) fn show_report(&mut self, exec: &Found, report: &Report) -> Rc {
        for (line, text) in &report.traceback {
            let mut shown = format!("{line:6} +++ ").into_bytes();
            shown.extend_from_slice(text);
            self.show_line(&shown);
        }
        let (error, id) = (&report.error, exec.entry.id);
        let number = format!("DMSREX{:03}E", message(error.number()));
        self.say(format!("{number} Error {} running {id}, line {}: {}", error.number(), report.line, error.text()));
        if let Some(detail) = error.detail() {
            let mut line = format!("{number} Error {}.{}: ", error.number(), error.sub()).into_bytes();
            line.extend_from_slice(&detail);
            self.show_line(&line);
        }
        Rc(RC + i32::from(error.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rexx::error_text;
    use alloc::vec::Vec;

    #[test]
    fn help_knows_every_error_by_the_number_of_its_message() {
        let help = include_str!("../../../docs/help/cms/REXX.md");
        let errors: Vec<_> = (1..100).filter_map(|error| Some((error, error_text(error, 0)?))).collect();
        assert!(errors.len() > 45, "{errors:?}");
        for (error, text) in errors {
            let line = format!("    DMSREX{:03}E Error {error}: {text}", message(error));
            assert!(help.lines().any(|known| known == line), "{line}");
        }
    }
}
