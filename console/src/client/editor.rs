//! The line editor's knowledge of the session: prompts that follow the console's state, secrets that are not shown, command names by TAB.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext, EventHandler, Helper, KeyEvent,
    RepeatCount,
};

use super::names::Names;
use super::paint;
use super::screen::Screen;

/// Lines of history kept.
const HISTORY_MAX: usize = 1000;

/// The editor of a session.
pub(super) type LineEditor = Editor<Assistance, FileHistory>;

/// What the editor asks while a line is typed.
pub(super) struct Assistance {
    screen: Arc<Screen>,
    words: Vec<String>,
    colour: bool,
}

/// An editor for `screen` with the lines of `history`.
pub(super) fn new(screen: &Arc<Screen>, words: Vec<String>, history: Option<&Path>, colour: bool) -> rustyline::Result<LineEditor> {
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        // Prompts are drawn by the highlighter; whether in colour is decided there.
        .color_mode(ColorMode::Forced)
        .build();
    let mut editor = Editor::with_config(config)?;
    let leave = Leave { screen: Arc::clone(screen) };
    editor.bind_sequence(KeyEvent::ctrl('D'), EventHandler::Conditional(Box::new(leave)));
    editor.set_helper(Some(Assistance { screen: Arc::clone(screen), words, colour }));
    if let Some(path) = history
        && let Err(error) = editor.load_history(path)
    {
        tracing::debug!(%error, "No history");
    }
    Ok(editor)
}

/// Ctrl-D on an empty line. It ends the edit as an empty line does: an edit that ends with an error takes with it whatever was typed behind,
/// a second Ctrl-D for one.
struct Leave {
    screen: Arc<Screen>,
}

impl ConditionalEventHandler for Leave {
    fn handle(&self, _event: &Event, _count: RepeatCount, _positive: bool, context: &EventContext) -> Option<Cmd> {
        context.line().is_empty().then(|| {
            self.screen.left();
            Cmd::AcceptLine
        })
    }
}

/// Keeps an entered line for this session and the next ones, unless it may hold a secret.
pub(super) fn remember(editor: &mut LineEditor, history: Option<&Path>, line: &str) {
    if line.trim().is_empty() || may_be_secret(line) {
        return;
    }
    // A history that cannot be written is not worth a session.
    if let Ok(true) = editor.add_history_entry(line)
        && let Some(path) = history
    {
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = editor.append_history(path);
    }
}

/// Whether a command line has a password in it: commands that take one, and whatever calls an operand so.
fn may_be_secret(line: &str) -> bool {
    let upper = line.to_ascii_uppercase();
    let mut words = upper.split([' ', '#']).filter(|word| !word.is_empty()).skip_while(|word| *word == "CP");
    let command = words.next().unwrap_or_default();
    let operands = words.count();
    upper.contains("PASS")
        || (command.starts_with("AUTOLO") && operands > 1)
        || (matches!(command, "LOGON" | "LOGIN" | "L" | "LO" | "LOGO") && operands > 1)
        || (command == "LINK" && operands > 4)
}

impl Highlighter for Assistance {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        let state = self.screen.drawn();
        // The searching prompt, and a guest's own, stand as they are.
        if !default || prompt != paint::MARKER { Cow::Borrowed(prompt) } else { Cow::Borrowed(paint::marker(state, self.colour)) }
    }

    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        Cow::Borrowed(if self.screen.is_secret() { "" } else { line })
    }

    fn highlight_char(&self, line: &str, _pos: usize, _kind: CmdKind) -> bool {
        self.screen.typed(!line.is_empty());
        self.screen.is_secret()
    }
}

impl Completer for Assistance {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        if self.screen.is_secret() {
            return Ok((pos, Vec::new()));
        }
        Ok(complete(&self.words, &self.screen.names(), &line[..pos]))
    }
}

/// Where the word before the cursor begins and what it could be: the first word of a logical line, and the one after CP, is a command, others
/// are files. The candidates come in the case that is typed.
fn complete(words: &[String], names: &Names, typed: &str) -> (usize, Vec<String>) {
    let start = typed.rfind([' ', '#']).map_or(0, |blank| blank + 1);
    let word = &typed[start..];
    let before = typed[..start].rsplit('#').next().unwrap_or_default().trim();
    let lower = typed.chars().any(|c| c.is_ascii_lowercase());
    let in_case = |candidate: &String| if lower { candidate.to_ascii_lowercase() } else { candidate.clone() } + " ";
    if !(before.is_empty() || before.eq_ignore_ascii_case("CP")) {
        let last = before.rsplit(' ').next().unwrap_or_default();
        return (start, names.complete(last, word).iter().map(in_case).collect());
    }
    let upper = word.to_ascii_uppercase();
    (start, words.iter().filter(|candidate| candidate.to_ascii_uppercase().starts_with(&upper)).map(in_case).collect())
}

impl Hinter for Assistance {
    type Hint = String;
}
impl Validator for Assistance {}
impl Helper for Assistance {}

/// Whether an edit ended because what was typed is no text.
pub(super) fn is_no_text(error: &ReadlineError) -> bool {
    matches!(error, ReadlineError::Io(error) if error.kind() == io::ErrorKind::InvalidData)
}

/// The host's error in an editor's error.
pub(super) fn io_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(typed: &str) -> Vec<String> {
        let mut names = Names::default();
        names.learn("MEMO     TXT      A1");
        complete(&["QUERY".into(), "QUIT".into(), "LISTFILE".into()], &names, typed).1
    }

    #[test]
    fn the_first_word_is_completed_in_the_case_it_is_typed() {
        assert_eq!(completed("QU"), ["QUERY ", "QUIT "]);
        assert_eq!(completed("list"), ["listfile "]);
        assert_eq!(completed("#CP Q"), ["QUERY ", "QUIT "]);
        assert_eq!(completed("cp que"), ["query "]);
        assert_eq!(completed("listfile#qui"), ["quit "]);
        assert_eq!(completed("type que"), [""; 0]);
        assert_eq!((completed("type m"), completed("TYPE MEMO ")), (vec!["memo ".to_string()], vec!["TXT ".to_string()]));
    }

    #[test]
    fn lines_with_passwords_are_not_kept() {
        for line in [
            "#CP LINK MAINT 191 192 MR secret",
            "link maint 191 192 rr PASS= x",
            "AUTOLOG LINUX1 secret",
            "cp xautolog linux1 password secret",
            "logon cmsuser secret",
        ] {
            assert!(may_be_secret(line), "{line}");
        }
        for line in ["LINK MAINT 191 192 RR", "listfile * * a", "logoff", "#CP QUERY NAMES"] {
            assert!(!may_be_secret(line), "{line}");
        }
    }
}
