//! The CP command language: a table of commands, searched in order, and what carries them out.
//!
//! Adding a command is one entry in [`TABLE`], one handler in its family's file and one help file in `docs/help/cp`.
//! A command that a user's privilege classes do not allow is answered like one that does not exist, as on VM.

mod accounting;
pub mod answer;
mod debug;
mod eyes;
mod gdb;
mod indicate;
mod link;
mod message;
mod minidisk;
pub mod operands;
mod operator;
mod paging;
mod pc;
mod pf_keys;
mod prop;
mod query;
mod scheduling;
mod session;
mod set;
mod spool;
pub mod spxtape;
pub(crate) mod storage;
mod trace;
mod unit_record;
mod vmdump;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::directory::{PrivilegeClasses, UserId};
use crate::system::Cp;
use crate::users::{Emsg, User};

pub use answer::{Answer, Message, Outcome, Severity, error};
pub use operands::Operands;
pub use prop::load_at_start as load_prop_at_start;
pub use query::{device_lines, spool_files_line};
pub use scheduling::share_text;
pub(crate) use session::close_unit_records;
pub use spool::{announce, close_output, finish_reading, print_screen, punch_from_host};

/// Who may use a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classes {
    /// Everyone.
    Any,
    /// Users with one of these privilege classes.
    Of(&'static str),
}

impl Classes {
    fn allow(self, classes: PrivilegeClasses) -> bool {
        match self {
            Classes::Any => true,
            Classes::Of(letters) => letters.chars().any(|letter| classes.contains(letter)),
        }
    }
}

/// One command.
pub struct Command {
    /// Name; leading capitals are the minimum abbreviation.
    pub pattern: &'static str,
    /// Its file in `docs/help/cp`.
    pub help: &'static str,
    /// Who may use it.
    pub classes: Classes,
    /// What it is for, in a few words, for completion and menus.
    pub summary: &'static str,
    handler: fn(&mut Invocation<'_>) -> Outcome,
}

/// Every CP command. The first entry that matches wins, so the order settles abbreviations (`D` is DISPLAY, `LOG` is LOGOFF, `L` is LOGON).
pub const TABLE: &[Command] = &[
    command("LOGoff", "LOGOFF", Classes::Any, "end the session", session::logoff),
    command("LOGOUt", "LOGOFF", Classes::Any, "end the session", session::logoff),
    command("Logon", "LOGON", Classes::Any, "log on (from a terminal)", session::logon),
    command("LOGIn", "LOGON", Classes::Any, "log on (from a terminal)", session::logon),
    command("ACNT", "ACNT", Classes::Of("A"), "put on record what users used", accounting::acnt),
    command("AT", "AT", Classes::Any, "issue a command at a system", eyes::at),
    command("ADSTOP", "ADSTOP", Classes::Of("G"), "stop the machine at an address", trace::address_stop),
    command("BAckspace", "BACKSPAC", Classes::Of("D"), "begin the file on a printer or punch again", unit_record::backspace),
    command("Begin", "BEGIN", Classes::Of("G"), "let the machine go on", session::begin),
    command("CHange", "CHANGE", Classes::Of("DG"), "change attributes of spool files", spool::change),
    command("Close", "CLOSE", Classes::Of("G"), "close a reader, printer or punch", spool::close),
    command("Display", "DISPLAY", Classes::Of("G"), "show storage, registers and PSW", debug::display),
    command("DEFine", "DEFINE", Classes::Of("G"), "define devices and storage", link::define),
    command("DETach", "DETACH", Classes::Of("BG"), "take a device away", link::detach),
    command("DIRECTXA", "DIRECTXA", Classes::Of("ABC"), "put the user directory on line", operator::directxa),
    command("DISConnect", "DISCONN", Classes::Any, "leave; the machine goes on", session::disconnect),
    command("DRain", "DRAIN", Classes::Of("D"), "stop a printer, punch or reader", unit_record::drain),
    command("ECho", "ECHO", Classes::Of("G"), "repeat what is typed, to test a terminal", session::echo),
    command("EXTernal", "EXTERNAL", Classes::Of("G"), "make an external interruption", debug::external),
    command("Flush", "FLUSH", Classes::Of("D"), "give up the file on a printer or punch", unit_record::flush),
    command("FORCE", "FORCE", Classes::Of("A"), "log a user off", operator::force),
    command("FOR", "FOR", Classes::Of("CG"), "issue a command for another user", eyes::for_user),
    command("FRee", "FREE", Classes::Of("D"), "release a user's output", unit_record::free),
    command("GIVE", "GIVE", Classes::Of("B"), "give a disk to another user", minidisk::give),
    command("HELP", "HELP", Classes::Any, "explain a command", session::help),
    command("HOld", "HOLD", Classes::Of("D"), "hold a user's output", unit_record::hold),
    command("INDicate", "INDICATE", Classes::Of("EG"), "show load and what users use", indicate::indicate),
    command("Ipl", "IPL", Classes::Of("G"), "load an operating system", session::ipl),
    command("LINK", "LINK", Classes::Of("G"), "use a minidisk of your own or another's", link::link),
    command("Message", "MESSAGE", Classes::Any, "send a line to a user", message::message),
    command("MSG", "MESSAGE", Classes::Any, "send a line to a user", message::message),
    command("MSGNOH", "MESSAGE", Classes::Of("B"), "send a line without a header", message::message_no_header),
    command("ORDer", "ORDER", Classes::Of("DG"), "put spool files in order", spool::order),
    command("PROP", "PROP", Classes::Of("AC"), "rules that react to messages", prop::prop),
    command("PURge", "PURGE", Classes::Of("DG"), "throw spool files away", spool::purge),
    command("Query", "QUERY", Classes::Any, "ask CP for information", query::query),
    command("RECORDing", "RECORD", Classes::Of("ABCEF"), "set whether accounting records are made", accounting::recording),
    command("REPeat", "REPEAT", Classes::Of("D"), "make more copies of the file on a printer", unit_record::repeat),
    command("SEND", "SEND", Classes::Of("CG"), "type at another user's console", eyes::send),
    command("SET", "SET", Classes::Any, "set how CP treats you", set::set),
    command("SHUTDOWN", "SHUTDOWN", Classes::Of("A"), "end the system", operator::shutdown),
    command("SLeep", "SLEEP", Classes::Any, "let the machine sleep", session::sleep),
    command("SNAPshot", "SNAPSHOT", Classes::Of("BG"), "keep a minidisk as it is now", minidisk::snapshot),
    command("SMsg", "SMSG", Classes::Of("G"), "send a special message", message::special),
    command("SPool", "SPOOL", Classes::Of("G"), "set where unit record files go", spool::spool),
    command("SPXtape", "SPXTAPE", Classes::Of("DEG"), "archive spool files", spxtape::spxtape),
    command("STArt", "START", Classes::Of("D"), "start a printer, punch or reader", unit_record::start),
    command("STore", "STORE", Classes::Of("G"), "change storage and registers", debug::store),
    command("SYStem", "SYSTEM", Classes::Of("G"), "reset or clear the machine", session::system),
    command("TAg", "TAG", Classes::Of("G"), "attach text to spool files", spool::tag),
    command("TERMinal", "TERMINAL", Classes::Of("G"), "set how the terminal behaves", set::terminal),
    command("TRace", "TRACE", Classes::Of("G"), "follow what the machine does", trace::trace),
    command("TRANsfer", "TRANSFER", Classes::Of("DG"), "move spool files to another user", spool::transfer),
    command("VMDump", "VMDUMP", Classes::Of("G"), "dump the machine into a reader", vmdump::vmdump),
    command("Warning", "WARNING", Classes::Of("ABC"), "send an urgent line to users", message::warning),
    command("WNG", "WARNING", Classes::Of("ABC"), "send an urgent line to users", message::warning),
    command("XAUTOLOg", "XAUTOLOG", Classes::Of("ABG"), "log a user on without a terminal", operator::xautolog),
    command("AUTOLOg", "XAUTOLOG", Classes::Of("AB"), "log a user on without a terminal", operator::xautolog),
    command("*", "COMMENT", Classes::Any, "a comment", session::comment),
];

const fn command(
    pattern: &'static str,
    help: &'static str,
    classes: Classes,
    summary: &'static str,
    handler: fn(&mut Invocation<'_>) -> Outcome,
) -> Command {
    Command { pattern, help, classes, summary, handler }
}

/// Where a command comes from.
#[derive(Clone)]
pub struct Origin {
    user: Option<Arc<User>>,
    /// With every class, whatever the user's directory entry says.
    every_class: bool,
    by: Issued,
}

/// By what a command is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Issued {
    Console,
    Program,
    Host,
}

impl Origin {
    /// Issued by that user's machine, or in its name.
    pub fn user(user: &Arc<User>) -> Self {
        Self { user: Some(Arc::clone(user)), every_class: false, by: Issued::Program }
    }

    /// Typed on that user's console.
    pub fn console(user: &Arc<User>) -> Self {
        Self { by: Issued::Console, ..Self::user(user) }
    }

    /// From the host, with the authority of the system's owner: as the operator, with every class. A directory that gives the operator
    /// too few must not lock its owner out.
    pub fn host(cp: &Cp) -> Self {
        Self { user: cp.users.get(&cp.operator_id()), every_class: true, by: Issued::Host }
    }
}

/// A command on its way.
pub struct Invocation<'a> {
    /// The control program.
    pub cp: &'a Arc<Cp>,
    /// Where it comes from.
    pub origin: &'a Origin,
    /// The classes it is issued with.
    pub classes: PrivilegeClasses,
    /// The word it was called by.
    pub word: &'a str,
    /// What follows the word.
    pub operands: Operands<'a>,
    /// See [`Reply::asks`].
    asks: Option<&'static str>,
    /// The code of a command that it passed on; 0 when all is well.
    code: u32,
}

impl Invocation<'_> {
    /// The user who issues it; from the host without an operator there is none, and commands about one's own machine are refused.
    pub fn user(&self) -> Result<&Arc<User>, Message> {
        self.origin.user.as_ref().ok_or_else(|| error("CFC", 45, "OPERATOR not logged on"))
    }

    /// Who issues it, for messages to others.
    pub fn issuer(&self) -> UserId {
        self.origin.user.as_ref().map_or_else(|| self.cp.operator_id(), |user| user.id)
    }

    /// Whether it is issued with one of these classes.
    pub fn has_class(&self, letters: &'static str) -> bool {
        Classes::Of(letters).allow(self.classes)
    }

    /// Another user who must be logged on: 045E.
    pub fn logged_on(&self, id: &UserId) -> Result<Arc<User>, Message> {
        self.cp.users.get(id).ok_or_else(|| answer::not_logged_on(id))
    }

    /// `*` is the issuer, else a userid.
    pub fn user_operand(&mut self) -> Result<UserId, Message> {
        if self.operands.take("*") { Ok(self.user()?.id) } else { self.operands.userid() }
    }
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Number of the message, 0 when all is well.
    pub code: u32,
    /// What is shown.
    pub lines: Vec<String>,
    /// The response as data.
    pub data: Value,
    /// It was not done because a password is wanted, with this prompt. Who can ask for it does, and issues the command again, with ` PASS= ` and
    /// the answer behind it.
    pub asks: Option<&'static str>,
}

impl Reply {
    /// The reply as one JSON value: `code`, `data` and `lines`.
    pub fn json(&self) -> Value {
        json!({ "code": self.code, "data": self.data, "lines": self.lines })
    }

    fn of(outcome: Outcome, emsg: Emsg) -> Self {
        match outcome {
            Ok(Answer { data, lines }) => Self { code: 0, lines, data, asks: None },
            Err(message) => {
                let shown = match emsg {
                    Emsg::On => message.to_string().lines().map(str::to_string).collect(),
                    Emsg::Text => message.text.lines().map(str::to_string).collect(),
                    Emsg::Code => message.to_string().split(' ').next().map(str::to_string).into_iter().collect(),
                    Emsg::Off => Vec::new(),
                };
                let code = if message.severity == Severity::Info { 0 } else { message.number };
                Self { code, lines: shown, data: json!({ "message": message.to_string() }), asks: None }
            }
        }
    }
}

impl From<Reply> for console::wire::Answer {
    fn from(reply: Reply) -> Self {
        Self { code: reply.code, json: reply.json().to_string(), lines: reply.lines }
    }
}

/// Carries out one command line.
pub fn execute(cp: &Arc<Cp>, origin: Origin, text: &str) -> Reply {
    let emsg = origin.user.as_ref().map_or(Emsg::On, |user| user.session.lock().settings.emsg);
    let (mut asks, mut code) = (None, 0);
    let outcome = run(cp, &origin, text, &mut asks, &mut code);
    let reply = Reply::of(outcome, emsg);
    Reply { asks, code: if reply.code == 0 { code } else { reply.code }, ..reply }
}

fn run(cp: &Arc<Cp>, origin: &Origin, text: &str, asks: &mut Option<&'static str>, code: &mut u32) -> Outcome {
    let classes = match &origin.user {
        Some(user) if !origin.every_class => user.entry.classes,
        _ => "ABCDEFG".parse().unwrap_or_default(),
    };
    let mut operands = Operands::new(text);
    // CP is a prefix that may stand before any command.
    while operands.take("CP") {}
    let Some(word) = operands.next_word() else { return Ok(Answer::silent()) };
    if word.starts_with('*') {
        return Ok(Answer::silent());
    }
    let Some(command) = find(word, classes) else {
        put_on_record(cp, origin, word, None);
        return Err(answer::unknown_command(word));
    };
    put_on_record(cp, origin, word, Some((command, classes)));
    let mut invocation = Invocation { cp, origin, classes, word, operands, asks: None, code: 0 };
    let outcome = (command.handler)(&mut invocation);
    (*asks, *code) = (invocation.asks, invocation.code);
    outcome
}

/// What the audit log keeps of a command: its name, and the class that it is issued under or, `refused`, would need. What people type and what comes
/// from the host is kept; of what programs issue, which may be thousands a second, only what not everybody may. A word that is no command may be a
/// password in the wrong place, so it is not kept.
fn to_record(by: Issued, word: &str, issued: Option<(&Command, PrivilegeClasses)>) -> Option<(&'static str, String)> {
    let Some((command, classes)) = issued else {
        let command = TABLE.iter().find(|command| operands::is(word, command.pattern))?;
        let Classes::Of(letters) = command.classes else { return None };
        return Some((command.help, letters.to_string()));
    };
    let class = match command.classes {
        Classes::Any => None,
        Classes::Of(letters) => letters.chars().find(|&letter| classes.contains(letter)),
    };
    let kept = by != Issued::Program || class.is_some_and(|class| class != 'G');
    kept.then(|| (command.help, class.map_or_else(|| "ANY".to_string(), String::from)))
}

fn put_on_record(cp: &Cp, origin: &Origin, word: &str, issued: Option<(&Command, PrivilegeClasses)>) {
    let Some((name, class)) = to_record(origin.by, word, issued) else { return };
    let userid = origin.user.as_ref().map_or_else(|| cp.operator_id(), |user| user.id).to_string();
    let from = match origin.by {
        Issued::Console => "console",
        Issued::Program => "program",
        Issued::Host => "host",
    };
    cp.audit.record_command(issued.is_none(), &userid, from, name, &class);
    cp.tell_of_audit();
}

/// A command line that asked for a password, with the password behind it.
pub fn with_password(text: &str, password: &str) -> String {
    format!("{text} PASS= {}", password.split_whitespace().next().unwrap_or_default())
}

/// For how long a command line lets its machine SLEEP, when that is what it says; `Some(None)` is without end. Who issues commands for a
/// guest sees to it himself: the machine's other commands follow when it is over.
pub fn sleep_asked(text: &str) -> Option<Option<Duration>> {
    let mut operands = Operands::new(text);
    while operands.take("CP") {}
    if operands.take("SLeep") { session::sleep_time(&mut operands).ok() } else { None }
}

/// The command that `word` names for a user of these classes.
pub fn find(word: &str, classes: PrivilegeClasses) -> Option<&'static Command> {
    TABLE.iter().find(|command| command.classes.allow(classes) && operands::is(word, command.pattern))
}

/// Commands that users of these classes may issue: QUERY COMMANDS.
pub fn available(classes: PrivilegeClasses) -> impl Iterator<Item = &'static Command> {
    TABLE.iter().filter(move |command| command.classes.allow(classes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(word: &str, classes: &str) -> Option<&'static str> {
        find(word, classes.parse().unwrap()).map(|command| command.pattern)
    }

    #[test]
    fn abbreviations_are_those_of_the_manual() {
        for (word, pattern) in [
            ("q", "Query"),
            ("b", "Begin"),
            ("i", "Ipl"),
            ("d", "Display"),
            ("det", "DETach"),
            ("disc", "DISConnect"),
            ("disconn", "DISConnect"),
            ("log", "LOGoff"),
            ("l", "Logon"),
            ("m", "Message"),
            ("sp", "SPool"),
            ("sm", "SMsg"),
            ("tran", "TRANsfer"),
            ("term", "TERMinal"),
            ("c", "Close"),
            ("ch", "CHange"),
            ("pur", "PURge"),
            ("ind", "INDicate"),
            ("st", "STore"),
            ("sys", "SYStem"),
            ("send", "SEND"),
            ("for", "FOR"),
            ("at", "AT"),
        ] {
            assert_eq!(found(word, "G"), Some(pattern), "{word}");
        }
    }

    #[test]
    fn dangerous_commands_take_no_abbreviation() {
        for (word, pattern) in [("force", "FORCE"), ("shutdown", "SHUTDOWN"), ("link", "LINK"), ("prop", "PROP"), ("send", "SEND")] {
            assert_eq!(found(word, "AG"), Some(pattern));
            assert_eq!(found(&word[..word.len() - 1], "AG"), None, "{word}");
        }
    }

    #[test]
    fn a_command_is_on_record_by_its_name_and_class() {
        let kept = |by, word: &str, classes: &str| {
            let classes = classes.parse().unwrap();
            to_record(by, word, find(word, classes).map(|command| (command, classes)))
        };
        let record = |name, class: &str| Some((name, class.to_string()));
        assert_eq!(kept(Issued::Console, "det", "G"), record("DETACH", "G"));
        assert_eq!(kept(Issued::Console, "det", "BG"), record("DETACH", "B"));
        assert_eq!(kept(Issued::Console, "q", "G"), record("QUERY", "ANY"));
        assert_eq!(kept(Issued::Host, "shutdown", "ABCDEFG"), record("SHUTDOWN", "A"));
        assert_eq!(kept(Issued::Program, "FORCE", "AG"), record("FORCE", "A"), "what not everybody may");
        assert_eq!((kept(Issued::Program, "q", "AG"), kept(Issued::Program, "det", "G")), (None, None), "a program may issue thousands");
        assert_eq!(kept(Issued::Program, "FORCE", "G"), record("FORCE", "A"), "refused: what it would need");
        assert_eq!(kept(Issued::Console, "sesame", "G"), None, "it may be a password");
    }

    #[test]
    fn what_a_user_may_not_do_does_not_exist() {
        assert_eq!(found("SHUTDOWN", "G"), None);
        assert_eq!(found("SHUTDOWN", "A"), Some("SHUTDOWN"));
    }
}
