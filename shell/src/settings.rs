//! SET, and what it sets: switches that change what CMS does, and the words of settings that this CMS keeps but that change nothing here.
//!
//! The second kind exists because profiles and EXECs written for z/VM set them and ask for them. HELP SET says which is which.

use alloc::format;
use alloc::string::String;

use crate::cp::Cp;
use crate::message::Outcome;
use crate::repository::Emsg;
use crate::session::Shell;
use crate::translation::{self, Translation};
use crate::words::{Words, field, is};

/// What SET sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Commands that CMS does not know go to CP.
    pub implied_cp: bool,
    /// The name of an EXEC is a command.
    pub implied_exec: bool,
    /// Commands may be abbreviated.
    pub abbreviations: bool,
    /// The Ready message has no times.
    pub short_ready: bool,
    /// REXX programs are traced from their first clause.
    pub exec_trace: bool,
    /// How much of a message is shown.
    pub emsg: Emsg,
    /// What stands for the characters that are typed.
    pub input: Translation,
    /// What stands for the characters that are shown.
    pub output: Translation,
    /// The words of [`KEPT`], padded with blanks.
    pub(crate) kept: [[u8; 8]; KEPT.len()],
}

/// A setting that is kept and shown.
struct Kept {
    /// Its name, the shortest abbreviation in capitals.
    form: &'static str,
    /// The words that it takes; none: any word.
    words: &'static [&'static str],
    /// What it is after IPL.
    first: &'static str,
}

const ON_OFF: &[&str] = &["ON", "OFF"];

/// The settings that change nothing in this CMS.
const KEPT: [Kept; 16] = [
    Kept { form: "APL", words: ON_OFF, first: "OFF" },
    Kept { form: "AUTODump", words: &["ALL", "CMS", "DCSS", "ENTIREVM", "OFF"], first: "OFF" },
    Kept { form: "AUTOREAD", words: ON_OFF, first: "ON" },
    Kept { form: "BLIP", words: &[], first: "OFF" },
    Kept { form: "FULLSCReen", words: &["OFF"], first: "OFF" },
    Kept { form: "INSTSEG", words: ON_OFF, first: "OFF" },
    Kept { form: "KEYPROTect", words: ON_OFF, first: "OFF" },
    Kept { form: "LANGuage", words: &["AMENG", "UCENG"], first: "AMENG" },
    Kept { form: "LDRTBLS", words: &[], first: "3" },
    Kept { form: "NONDISP", words: &[], first: "" },
    Kept { form: "PROTect", words: ON_OFF, first: "ON" },
    Kept { form: "REDTYPE", words: ON_OFF, first: "OFF" },
    Kept { form: "RELPage", words: ON_OFF, first: "ON" },
    Kept { form: "REMOTE", words: ON_OFF, first: "OFF" },
    Kept { form: "RORESPECT", words: ON_OFF, first: "OFF" },
    Kept { form: "TEXT", words: ON_OFF, first: "OFF" },
];

impl Settings {
    /// As after IPL.
    pub const NEW: Self = Self {
        implied_cp: true,
        implied_exec: true,
        abbreviations: true,
        short_ready: false,
        exec_trace: false,
        emsg: Emsg::On,
        input: Translation::NONE,
        output: Translation::NONE,
        kept: first_words(),
    };
}

/// The words of [`KEPT`] after IPL.
const fn first_words() -> [[u8; 8]; KEPT.len()] {
    let mut all = [[b' '; 8]; KEPT.len()];
    let mut at = 0;
    while at < KEPT.len() {
        let word = KEPT[at].first.as_bytes();
        let mut place = 0;
        while place < word.len() {
            all[at][place] = word[place];
            place += 1;
        }
        at += 1;
    }
    all
}

/// Where a switch is kept, and its words when it is on and off.
type Switch = (&'static str, fn(&mut Settings) -> &mut bool, [&'static str; 2]);

/// The switches.
const SWITCHES: [Switch; 6] = [
    ("IMPCP", |settings| &mut settings.implied_cp, ["ON", "OFF"]),
    ("IMPEX", |settings| &mut settings.implied_exec, ["ON", "OFF"]),
    ("ABbrev", |settings| &mut settings.abbreviations, ["ON", "OFF"]),
    ("EXECTRAC", |settings| &mut settings.exec_trace, ["ON", "OFF"]),
    ("RDYMsg", |settings| &mut settings.short_ready, ["SMSG", "LMSG"]),
    // Whether the standard abbreviations of CMS are in force, as SYNONYM (STD and (NOSTD. QUERY SYNONYM shows other things.
    ("SYNonym", |settings| &mut settings.abbreviations, ["ON", "OFF"]),
];

/// The place of a word in a table of forms.
fn place<'a>(mut forms: impl Iterator<Item = &'a str>, word: &str) -> Option<usize> {
    forms.position(|form| is(word, form))
}

fn switch(word: &str) -> Option<&'static Switch> {
    place(SWITCHES.iter().map(|(form, ..)| *form), word).map(|at| &SWITCHES[at])
}

fn kept(word: &str) -> Option<usize> {
    place(KEPT.iter().map(|kept| kept.form), word)
}

/// Whether CMS has that setting, so that SET and QUERY of it are not for CP.
pub(crate) fn is_setting(word: &str) -> bool {
    switch(word).is_some() || kept(word).is_some() || matches!(word, "EMSG" | "CMSTYPE")
}

/// The line with which QUERY shows a setting.
pub(crate) fn shown(settings: &mut Settings, word: &str) -> Option<String> {
    let line = |form: &str, value: &str| {
        let name: String = form.chars().take(8).map(|c| c.to_ascii_uppercase()).collect();
        Some(format!("{name:<8} = {value}"))
    };
    if word == "EMSG" {
        let name = Emsg::ALL.iter().find(|(_, known)| *known == settings.emsg).map_or("ON", |(name, _)| name);
        return line("EMSG", name);
    }
    if let Some((form, place, [on, off])) = switch(word).filter(|(form, ..)| *form != "SYNonym") {
        return line(form, if *place(settings) { on } else { off });
    }
    // What is typed can only be asked for while nothing is halted.
    if word == "CMSTYPE" {
        return line("CMSTYPE", "RT");
    }
    let at = kept(word)?;
    line(KEPT[at].form, &field(&settings.kept[at]))
}

impl<C: Cp> Shell<C> {
    /// SET.
    pub(crate) fn set_command(&mut self, words: &Words) -> Outcome {
        let (what, to) = (words.operand(0), words.operand(1));
        if is(what, "LINENd") {
            // Where a line ends is CP's to say: it makes the lines that CMS reads.
            return self.cp_command(&[b"TERMINAL ", words.text.as_slice()].concat());
        }
        if translation::is_translation(what) {
            return self.set_translation(words);
        }
        if !is_setting(what) {
            return self.cp_command(&[b"SET ", words.text.as_slice()].concat());
        }
        if let Some(surplus) = words.operands.get(2).or(words.options.first()) {
            return Err(self.bad_operand(surplus));
        }
        if what == "EMSG" {
            return self.set_emsg(to);
        }
        if what == "CMSTYPE" {
            match to {
                "HT" => self.cp.halt_typing(true),
                "RT" => self.cp.halt_typing(false),
                _ => return Err(self.bad_operand(to)),
            }
        } else if let Some((_, place, [on, off])) = switch(what) {
            let matches = |word: &str| to == word || (*on == "SMSG" && is(to, word));
            *place(&mut self.session.settings) = match to {
                _ if matches(on) => true,
                _ if matches(off) => false,
                _ => return Err(self.bad_operand(to)),
            };
        } else if let Some(at) = kept(what) {
            if to.is_empty() || !(KEPT[at].words.is_empty() || KEPT[at].words.contains(&to)) {
                return Err(self.bad_operand(to));
            }
            let mut word = [b' '; 8];
            word.iter_mut().zip(to.bytes()).for_each(|(place, byte)| *place = byte);
            self.session.settings.kept[at] = word;
        }
        self.cp.remember(&self.session);
        Ok(())
    }
}
