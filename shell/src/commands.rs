//! The command table: name, minimum abbreviation, the letters of its messages, and what runs it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::Outcome;
use crate::session::Shell;
use crate::words::{Words, abbreviates};

/// One command.
pub struct Command<C: Cp> {
    /// Its name.
    pub name: &'static str,
    /// Characters that an abbreviation must have.
    pub minimum: usize,
    /// The three letters of its messages.
    pub code: &'static str,
    /// What runs it.
    pub run: fn(&mut Shell<C>, &Words) -> Outcome,
}

/// An entry of the table.
const fn entry<C: Cp>(name: &'static str, minimum: usize, code: &'static str, run: fn(&mut Shell<C>, &Words) -> Outcome) -> Command<C> {
    Command { name, minimum, code, run }
}

impl<C: Cp> Shell<C> {
    /// The commands, in the order in which abbreviations are looked up.
    pub(crate) const COMMANDS: &'static [Command<C>] = &[
        entry("ABEND", 5, "ABE", Self::abend_command),
        entry("ACCESS", 2, "ACC", Self::access_command),
        entry("BROWSE", 3, "BRO", Self::browse_command),
        entry("CMSBATCH", 8, "BTC", Self::cmsbatch_command),
        entry("COMPARE", 4, "CMP", Self::compare_command),
        entry("COPYFILE", 4, "CPY", Self::copyfile_command),
        entry("CP", 2, "CPF", Self::explicit_cp_command),
        entry("DEBUG", 5, "DBG", Self::debug_command),
        entry("DESBUF", 6, "DES", Self::desbuf_command),
        entry("DIFF", 4, "DIF", Self::diff_command),
        entry("DISCARD", 4, "DIS", Self::discard_command),
        entry("DISK", 4, "DSK", Self::disk_command),
        entry("DROPBUF", 7, "DRB", Self::dropbuf_command),
        entry("ERASE", 5, "ERS", Self::erase_command),
        entry("ESTATE", 6, "STT", Self::state_command),
        entry("ESTATEW", 7, "STT", Self::statew_command),
        entry("EXEC", 4, "EXC", Self::exec_command),
        entry("EXECDROP", 5, "EXD", Self::execdrop_command),
        entry("EXECIO", 6, "EIO", Self::execio_command),
        entry("EXECLOAD", 8, "EXL", Self::execload_command),
        entry("EXECMAP", 5, "EXM", Self::execmap_command),
        entry("FILEDEF", 2, "FLD", Self::filedef_command),
        entry("FORMAT", 6, "FOR", Self::format_command),
        entry("GENMOD", 4, "MOD", Self::genmod_command),
        entry("GLOBALV", 7, "GLB", Self::globalv_command),
        entry("GREP", 4, "GRP", Self::grep_command),
        entry("HEAD", 4, "HED", Self::head_command),
        entry("HB", 2, "CMS", Self::idle_immediate_command),
        entry("HELP", 1, "HLP", Self::help_command),
        entry("HI", 2, "CMS", Self::idle_immediate_command),
        entry("HISTORY", 4, "HIS", Self::history_command),
        entry("HO", 2, "CMS", Self::idle_tracing_command),
        entry("HT", 2, "CMS", Self::idle_immediate_command),
        entry("HX", 2, "CMS", Self::idle_immediate_command),
        entry("IDENTIFY", 2, "IDE", Self::identify_command),
        entry("IMMCMD", 6, "IMM", Self::immcmd_command),
        entry("LISTFILE", 1, "LST", Self::listfile_command),
        entry("LOADMOD", 5, "LOD", Self::loadmod_command),
        entry("MAKEBUF", 7, "MKB", Self::makebuf_command),
        entry("MODMAP", 3, "MDP", Self::modmap_command),
        entry("MOVEFILE", 4, "MVE", Self::movefile_command),
        entry("NAMEFIND", 5, "NAM", Self::namefind_command),
        entry("NAMES", 5, "NAM", Self::names_command),
        entry("NOTE", 4, "NOT", Self::note_command),
        entry("NUCXDROP", 8, "NXD", Self::nucxdrop_command),
        entry("NUCXLOAD", 8, "NXL", Self::nucxload_command),
        entry("NUCXMAP", 7, "NXM", Self::nucxmap_command),
        entry("PEEK", 4, "PEK", Self::peek_command),
        entry("PRINT", 2, "PRT", Self::print_command),
        entry("PUNCH", 2, "PUN", Self::punch_command),
        entry("QUERY", 1, "QRY", Self::query_command),
        entry("RDRLIST", 4, "RDL", Self::rdrlist_command),
        entry("READCARD", 4, "RDC", Self::readcard_command),
        entry("RECEIVE", 7, "RCV", Self::receive_command),
        entry("RELEASE", 3, "ARE", Self::release_command),
        entry("RENAME", 1, "RNM", Self::rename_command),
        entry("RL", 2, "RDL", Self::rdrlist_command),
        entry("RO", 2, "CMS", Self::idle_tracing_command),
        entry("RT", 2, "CMS", Self::idle_immediate_command),
        entry("SENDFILE", 5, "SFI", Self::sendfile_command),
        entry("SF", 2, "SFI", Self::sendfile_command),
        entry("SENTRIES", 8, "SEN", Self::sentries_command),
        entry("SET", 3, "SET", Self::set_command),
        entry("SO", 2, "CMS", Self::idle_tracing_command),
        entry("SORT", 4, "SRT", Self::sort_command),
        entry("START", 3, "MOD", Self::start_command),
        entry("STATE", 5, "STT", Self::state_command),
        entry("STATEW", 6, "STT", Self::statew_command),
        entry("SVCTRACE", 4, "SVC", Self::svctrace_command),
        entry("SYNONYM", 3, "SYN", Self::synonym_command),
        entry("TAIL", 4, "TAI", Self::tail_command),
        entry("TAPE", 4, "TAP", Self::tape_command),
        entry("TELL", 4, "TEL", Self::tell_command),
        entry("TE", 2, "CMS", Self::idle_immediate_command),
        entry("TS", 2, "CMS", Self::idle_immediate_command),
        entry("TYPE", 1, "TYP", Self::type_command),
        entry("VMLINK", 3, "VML", Self::vmlink_command),
        entry("WC", 2, "WCN", Self::wc_command),
        entry("WHICH", 5, "WHI", Self::which_command),
        entry("XMITMSG", 7, "MGM", Self::xmitmsg_command),
    ];

    /// CP: the rest of the line is for CP.
    fn explicit_cp_command(&mut self, words: &Words) -> Outcome {
        self.cp_command(&words.text)
    }

    /// HB, HI, HT, HX, RT, TE and TS act on a command that runs; with none running there is nothing for them to do.
    fn idle_immediate_command(&mut self, _: &Words) -> Outcome {
        Ok(())
    }
}

/// The command of that name, or with abbreviations the first one that it abbreviates.
pub(crate) fn find<C: Cp>(word: &str, abbreviations: bool) -> Option<&'static Command<C>> {
    let table = Shell::<C>::COMMANDS;
    let exact = table.iter().find(|command| command.name == word);
    let abbreviated = || table.iter().find(|command| abbreviations && abbreviates(word, command.name, command.minimum));
    exact.or_else(abbreviated)
}

/// The names of all commands: HELP lists them, and each has a help file.
pub fn names<C: Cp>() -> Vec<String> {
    Shell::<C>::COMMANDS.iter().map(|command| String::from(command.name)).collect()
}
