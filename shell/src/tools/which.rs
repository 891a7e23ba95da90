//! WHICH: what a command line would run. HISTORY: the lines typed lately.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::commands;
use crate::cp::Cp;
use crate::exec;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, number};

/// Lines that are kept.
const KEPT: usize = 50;

/// The lines typed lately, with the number of the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    lines: VecDeque<Vec<u8>>,
    typed: u64,
}

impl History {
    /// Keeps a line.
    pub(crate) fn add(&mut self, line: &[u8]) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_vec());
        self.typed += 1;
    }
}

impl<C: Cp> Shell<C> {
    /// WHICH: an EXEC, a nucleus extension, a command of CMS, a module, or CP, in the order in which they are looked for.
    pub(crate) fn which_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        let [name] = words.operands.as_slice() else {
            return Err(self.bad_operand(words.operands.get(1).map_or("", String::as_str)));
        };
        let settings = self.session.settings;
        for word in core::iter::once(name.clone()).chain(self.synonyms.command(name, settings.abbreviations)) {
            if settings.implied_exec
                && let Some(found) = exec::find(self, &word)
            {
                let loaded = if self.loaded.has(&found) { ", in storage" } else { "" };
                self.say(format!("{name} is the EXEC {found}{loaded}"));
                return Ok(());
            }
            if let Some(command) = commands::find::<C>(&word, settings.abbreviations) {
                self.say(format!("{name} is the CMS command {}", command.name));
                return Ok(());
            }
        }
        match settings.implied_cp {
            true => self.say(format!("{name} is passed to CP")),
            false => return Err(self.fail(28, "002E", format!("Command {name} not found"))),
        }
        Ok(())
    }

    /// HISTORY [n]: the last lines, each with its number.
    pub(crate) fn history_command(&mut self, words: &Words) -> Outcome {
        let wanted = match (words.operands.as_slice(), words.options.first()) {
            (_, Some(option)) => return Err(self.bad_option(option)),
            ([], _) => KEPT,
            ([word], _) => number(word).ok_or_else(|| self.bad_operand(word))?,
            ([_, surplus, ..], _) => return Err(self.bad_operand(surplus)),
        };
        let first = self.history.lines.len().saturating_sub(wanted);
        let before = self.history.typed - self.history.lines.len() as u64;
        let lines: Vec<Vec<u8>> = self.history.lines.iter().skip(first).cloned().collect();
        for (at, line) in (first as u64..).zip(lines) {
            let mut shown = format!("{:>5}  ", before + at + 1).into_bytes();
            shown.extend_from_slice(&line);
            self.show_line(&shown);
        }
        Ok::<(), Rc>(())
    }
}
