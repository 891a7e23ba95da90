//! The routing table of the programmable operator: statements, comparison entries, and which entry a message is for. Pure.
//!
//! The shape is z/VM's: configuration statements, ROUTE, then entries in fixed columns.
//!
//! ```text
//!   *TEXT                    SCOL ECOL TYPE USERID NODEID ACTION PARM
//!   column 1 to 25, 27 to 29, 31 to 33, 35 to 36, 38 to 45, 47 to 54, 56 to 63, from 65
//! ```

use std::fmt;

use crate::directory::UserId;

/// Longest table, in lines.
pub const LINES_MAX: usize = 2000;
/// Longest line, in characters.
const LINE_MAX: usize = 255;
/// Errors that are told of one table.
const ERRORS_MAX: usize = 20;
/// Classes of messages that can be heard: MSG, WNG, CP, SMSG, and lines of other consoles (SCIF).
pub const TYPES: [u8; 5] = [1, 2, 3, 4, 8];

/// A message as the programmable operator hears it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its class, as IUCV numbers them.
    pub class: u8,
    /// Whose it is.
    pub from: UserId,
    /// The text without a header.
    pub text: String,
}

/// Whether and what is written into the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logging {
    /// Nothing.
    Off,
    /// Messages for which there is an entry.
    #[default]
    On,
    /// Every message.
    All,
}

impl Logging {
    /// By its name.
    pub fn of(word: &str) -> Option<Self> {
        [("OFF", Self::Off), ("ON", Self::On), ("ALL", Self::All)]
            .into_iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name))
            .map(|(_, of)| of)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::On => "ON",
            Self::All => "ALL",
        }
    }
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing more: the message is dealt with.
    Nothing,
    /// CP commands, one after the other.
    Commands(Vec<String>),
    /// An EXEC in the machine of the table's MACHINE statement, with a parameter.
    Exec(String, String),
    /// The message goes to the logical operator.
    ToLogicalOperator,
}

/// One comparison entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its line in the table, from 1.
    pub line: usize,
    text: Vec<Piece>,
    /// First column looked at, from 0.
    start: usize,
    /// Column behind the last one looked at.
    end: Option<usize>,
    class: Option<u8>,
    userid: String,
    /// What it does.
    pub action: Action,
}

/// A text that must be there, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    text: String,
    /// Anything may stand before it, not only blanks.
    anywhere: bool,
    /// It must not be there.
    not: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Who gets what TOLGLOPR passes on.
    pub logical_operator: UserId,
    /// In whose machine EXECs run.
    pub machine: UserId,
    /// What the log is to have at first.
    pub logging: Logging,
    /// The entries in their order: the first that fits is taken.
    pub entries: Vec<Entry>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line {}: {}", self.line, self.why)
    }
}

/// The characters that the text of entries is written with: TEXTSYM.
struct Symbols {
    blank: char,
    arbitrary: char,
    not: char,
}

/// Reads a table.
///
/// # Errors
/// Everything that is wrong with it, by line; at most twenty.
pub fn parse(text: &str, operator: UserId) -> Result<Table, Vec<Fault>> {
    let mut table = Table { logical_operator: operator, machine: operator, logging: Logging::default(), entries: Vec::new() };
    let mut symbols = Symbols { blank: '/', arbitrary: '$', not: '^' };
    let mut faults = Vec::new();
    let mut routing = false;
    for (number, line) in text.lines().enumerate().map(|(n, line)| (n + 1, line.trim_end())) {
        if number > LINES_MAX {
            faults.push(Fault { line: number, why: format!("a table has at most {LINES_MAX} lines") });
            break;
        }
        if line.is_empty() || line.starts_with('*') {
            continue;
        }
        let read = match routing {
            _ if line.chars().count() > LINE_MAX => Err(format!("it is longer than {LINE_MAX} characters")),
            _ if line.chars().any(char::is_control) => Err("it holds a control character".to_string()),
            true => entry(number, line, &symbols).map(|entry| table.entries.push(entry)),
            false => statement(line, &mut table, &mut symbols).map(|begins| routing = begins),
        };
        if let Err(why) = read {
            faults.push(Fault { line: number, why });
        }
    }
    if !routing && faults.is_empty() {
        faults.push(Fault { line: text.lines().count().max(1), why: "there is no ROUTE statement".to_string() });
    }
    faults.truncate(ERRORS_MAX);
    if faults.is_empty() { Ok(table) } else { Err(faults) }
}

/// A statement before ROUTE; answers whether it is that.
fn statement(line: &str, table: &mut Table, symbols: &mut Symbols) -> Result<bool, String> {
    let mut words = line.split_whitespace();
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let operands: Vec<&str> = words.collect();
    let userid = |operands: &[&str]| match operands {
        // A node may stand behind it; there is one.
        [userid] | [userid, _] => userid.parse::<UserId>().map_err(|_| format!("{userid} is no userid")),
        _ => Err(format!("{verb} takes a userid")),
    };
    match verb.as_str() {
        "ROUTE" if operands.is_empty() => return Ok(true),
        "ROUTE" => return Err("ROUTE takes no operand".to_string()),
        "LGLOPR" => table.logical_operator = userid(&operands)?,
        "MACHINE" => table.machine = userid(&operands)?,
        "LOGGING" => match operands.as_slice() {
            [word] => table.logging = Logging::of(word).ok_or("LOGGING takes ON, OFF or ALL")?,
            _ => return Err("LOGGING takes ON, OFF or ALL".to_string()),
        },
        "TEXTSYM" => {
            let one = |word: &str| {
                let mut characters = word.chars();
                let first = characters.next().filter(|c| !c.is_alphanumeric());
                first.filter(|_| characters.next().is_none()).ok_or_else(|| format!("{word} is no single special character"))
            };
            let [blank, arbitrary, not] = operands.as_slice() else { return Err("TEXTSYM takes three characters".to_string()) };
            *symbols = Symbols { blank: one(blank)?, arbitrary: one(arbitrary)?, not: one(not)? };
            if symbols.blank == symbols.arbitrary || symbols.not == symbols.blank || symbols.not == symbols.arbitrary {
                return Err("the three characters of TEXTSYM must differ".to_string());
            }
        }
        _ => return Err(format!("{verb} is no statement; entries stand behind ROUTE")),
    }
    Ok(false)
}

/// The characters of columns `from` to `to`, from 1; the rest of the line when there is no `to`.
fn columns(line: &str, from: usize, to: Option<usize>) -> String {
    let field: String = line.chars().skip(from - 1).take(to.map_or(usize::MAX, |to| to - from + 1)).collect();
    field.trim().to_string()
}

fn entry(number: usize, line: &str, symbols: &Symbols) -> Result<Entry, String> {
    for gap in [26, 30, 34, 37, 46, 55, 64] {
        if line.chars().nth(gap - 1).is_some_and(|c| c != ' ') {
            return Err(format!("column {gap} must be blank: it stands between two fields"));
        }
    }
    let figure = |name: &str, from, to| {
        let field = columns(line, from, Some(to));
        match field.parse::<usize>() {
            _ if field.is_empty() => Ok(None),
            Ok(figure) if figure > 0 => Ok(Some(figure)),
            _ => Err(format!("{name} {field} is no number from 1 on")),
        }
    };
    let text = columns(line, 1, Some(25));
    let (start, end) = (figure("starting column", 27, 29)?.unwrap_or(1), figure("ending column", 31, 33)?);
    if end.is_some_and(|end| end < start) {
        return Err(format!("the ending column is before the starting column {start}"));
    }
    let class = figure("message class", 35, 36)?;
    let class = class.map(|class| {
        u8::try_from(class)
            .ok()
            .filter(|class| TYPES.contains(class))
            .ok_or_else(|| format!("message class {class} is not heard: 1 MSG, 2 WNG, 3 CP, 4 SMSG, 8 lines of other consoles"))
    });
    let userid = columns(line, 38, Some(45)).to_ascii_uppercase();
    let action = columns(line, 56, Some(63)).to_ascii_uppercase();
    let parameter = columns(line, 65, None);
    let action = match action.as_str() {
        "" if parameter.is_empty() => Action::Nothing,
        "" => return Err("there is a parameter and no action".to_string()),
        "TOLGLOPR" => Action::ToLogicalOperator,
        "CP" => {
            let commands: Vec<_> = parameter.split('#').map(str::trim).filter(|command| !command.is_empty()).map(str::to_string).collect();
            if commands.is_empty() {
                return Err("CP takes commands from column 65 on, with # between them".to_string());
            }
            Action::Commands(commands)
        }
        name if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@#$+-_".contains(&byte)) => {
            Action::Exec(name.to_string(), parameter)
        }
        name => return Err(format!("{name} is no name of an EXEC")),
    };
    Ok(Entry { line: number, text: pieces(&text, symbols)?, start: start - 1, end, class: class.transpose()?, userid, action })
}

/// `/abc/def/`: blanks may stand between; `$abc$def$`: anything may; `/^abc/`: it must not be there.
fn pieces(text: &str, symbols: &Symbols) -> Result<Vec<Piece>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let separates = |c: char| c == symbols.blank || c == symbols.arbitrary;
    if !text.starts_with(separates) || !text.ends_with(separates) || text.chars().count() < 3 {
        return Err(format!("the text must begin and end with {} or {}", symbols.blank, symbols.arbitrary));
    }
    let mut pieces = Vec::new();
    let mut characters = text.chars();
    let mut separator = characters.next().unwrap_or(symbols.blank);
    let mut now = String::new();
    for c in characters {
        if !separates(c) {
            now.push(c);
            continue;
        }
        let not = now.starts_with(symbols.not);
        let piece = now.trim_start_matches(symbols.not).to_lowercase();
        if piece.is_empty() {
            return Err("there is nothing between two separators of the text".to_string());
        }
        pieces.push(Piece { text: piece, anywhere: separator == symbols.arbitrary, not });
        (separator, now) = (c, String::new());
    }
    Ok(pieces)
}

impl Entry {
    /// Whether it is for this message.
    pub fn fits(&self, heard: &Heard) -> bool {
        let whose = match self.userid.strip_suffix('*') {
            Some(begin) => heard.from.as_str().starts_with(begin),
            None => self.userid.is_empty() || self.userid == heard.from.as_str(),
        };
        whose && self.class.is_none_or(|class| class == heard.class) && self.has_text(&heard.text)
    }

    fn has_text(&self, text: &str) -> bool {
        let end = self.end.unwrap_or(usize::MAX);
        let looked_at: String = text.chars().take(end).skip(self.start).flat_map(char::to_lowercase).collect();
        let mut rest = looked_at.as_str();
        for piece in &self.text {
            let found = if piece.anywhere {
                rest.find(&piece.text).map(|at| &rest[at + piece.text.len()..])
            } else {
                // A text that itself begins with blanks stands where it stands.
                rest.strip_prefix(&piece.text).or_else(|| rest.trim_start_matches(' ').strip_prefix(&piece.text))
            };
            match (found, piece.not) {
                (Some(behind), false) => rest = behind,
                (None, true) => {}
                _ => return false,
            }
        }
        true
    }
}

/// A command or parameter with what it says of the message in place: `&USERID`, `&TYPE`, `&TEXT`, and `&W1` to `&W9`, its words. What
/// comes from the message never adds a command: a line is cut into commands before.
pub fn substituted(line: &str, heard: &Heard) -> String {
    let mut done = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('&') {
        done.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = rest[..length].to_ascii_uppercase();
        match name.as_str() {
            "USERID" => done.push_str(heard.from.as_str()),
            "TYPE" => done += &heard.class.to_string(),
            "TEXT" => done.push_str(heard.text.trim()),
            _ => match name.strip_prefix('W').and_then(|n| n.parse::<usize>().ok()).filter(|n| (1..=9).contains(n)) {
                Some(word) => done.push_str(heard.text.split_whitespace().nth(word - 1).unwrap_or_default()),
                None => {
                    done.push('&');
                    done.push_str(&rest[..length]);
                }
            },
        }
        rest = &rest[length..];
    }
    done.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn operator() -> UserId {
        "OPERATOR".parse().unwrap()
    }

    /// An entry in its columns.
    fn row(text: &str, scol: &str, ecol: &str, class: &str, userid: &str, action: &str, parm: &str) -> String {
        format!("{text:<25} {scol:>3} {ecol:>3} {class:>2} {userid:<8} {:<8} {action:<8} {parm}", "")
    }

    fn heard(class: u8, from: &str, text: &str) -> Heard {
        Heard { class, from: from.parse().unwrap(), text: text.to_string() }
    }

    fn fits(entry: &str, message: &Heard) -> bool {
        let table = parse(&format!("ROUTE\n{entry}\n"), operator()).unwrap_or_else(|faults| panic!("{faults:?}"));
        table.entries[0].fits(message)
    }

    #[test]
    fn texts_are_found_as_their_separators_say() {
        for (text, message, found) in [
            ("/FEEDBACK /", "feedback please", true),
            ("/FEEDBACK /", "  feedback please", true),
            ("/FEEDBACK /", "no feedback ", false),
            ("$FEEDBACK$", "no feedback", true),
            ("$tape$mount$", "TAPE 181 please MOUNT it", true),
            ("$mount$tape$", "TAPE 181 please MOUNT it", false),
            ("/tape/mount/", "TAPE    MOUNT", true),
            ("/tape/mount/", "TAPE 1 MOUNT", false),
            ("$error$^disk$", "an error of a printer", true),
            ("$error$^disk$", "an error of a disk", false),
            ("/^ready/", "RUNNING", true),
            ("", "anything", true),
        ] {
            assert_eq!(fits(&row(text, "", "", "", "", "CP", "Q T"), &heard(3, "A", message)), found, "{text} {message}");
        }
    }

    #[test]
    fn columns_class_and_user_narrow() {
        let message = heard(1, "STUDENT1", "GRAF L0001 LOGON  AS  MAINT");
        for (entry, found) in [
            (row("/LOGON/", "12", "16", "", "", "X", ""), true),
            (row("/LOGON/", "11", "15", "", "", "X", ""), false),
            (row("$LOGON$", "", "10", "", "", "X", ""), false),
            (row("", "", "", "1", "STUDENT1", "X", ""), true),
            (row("", "", "", "2", "", "X", ""), false),
            (row("", "", "", "", "stud*", "X", ""), true),
            (row("", "", "", "", "MAINT", "X", ""), false),
        ] {
            assert_eq!(fits(&entry, &message), found, "{entry}");
        }
    }

    #[test]
    fn a_table_says_who_and_what() {
        let text = format!(
            "* a comment\nlglopr maint cp64\nMACHINE BATCH1\nTEXTSYM ! ? -\nLOGGING ALL\nROUTE\n{}\n{}\n{}\n",
            row("!A!", "", "", "3", "", "CP", "FORCE &USERID # MSG MAINT it was &W2"),
            row("?b?", "", "", "", "", "restart", "now"),
            row("?c?-d?", "", "", "", "", "", "")
        );
        let table = parse(&text, operator()).unwrap();
        assert_eq!((table.logical_operator.as_str(), table.machine.as_str(), table.logging), ("MAINT", "BATCH1", Logging::All));
        let actions: Vec<_> = table.entries.iter().map(|entry| (entry.line, entry.action.clone())).collect();
        assert_eq!(
            actions,
            [
                (7, Action::Commands(vec!["FORCE &USERID".into(), "MSG MAINT it was &W2".into()])),
                (8, Action::Exec("RESTART".into(), "now".into())),
                (9, Action::Nothing),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_line() {
        let text = format!(
            "LOGGING SOME\nFORCE MAINT\nTEXTSYM / / ^\nROUTE\n{}\n{}\n{}\n{}\n{}\n{}\n",
            row("LOGON", "", "", "", "", "X", ""),
            row("/a/", "9", "3", "", "", "X", ""),
            row("/a/", "x", "", "", "", "X", ""),
            row("/a/", "", "", "7", "", "X", ""),
            row("/a/", "", "", "", "", "CP", ""),
            "/a text that is longer than its field is/  CP"
        );
        let faults: Vec<_> = parse(&text, operator()).unwrap_err().iter().map(ToString::to_string).collect();
        let begins = [
            "Line 1: LOGGING takes",
            "Line 2: FORCE is no statement",
            "Line 3: the three",
            "Line 5: the text must begin",
            "Line 6: the ending",
        ];
        for (fault, begin) in faults.iter().zip(begins) {
            assert!(fault.starts_with(begin), "{fault}");
        }
        assert_eq!(faults.len(), 9, "{faults:?}");
        assert!(faults[8].contains("column 26 must be blank"), "{faults:?}");
        assert_eq!(parse("", operator()).unwrap_err()[0].why, "there is no ROUTE statement");
    }

    #[test]
    fn what_comes_from_a_message_stands_where_it_is_wanted() {
        let message = heard(8, "CMSUSER", "disk 191 # FORCE MAINT");
        assert_eq!(substituted("MSG OP &userid: &W2, &W9. &TEXT&", &message), "MSG OP CMSUSER: 191, . disk 191 # FORCE MAINT&");
        assert_eq!(substituted("&NOTHING &type", &message), "&NOTHING 8");
    }

    proptest! {
        #[test]
        fn any_table_and_any_message_are_dealt_with(table in "(ROUTE\n)?(\\PC{0,80}\n){0,6}", text in "\\PC{0,60}", columns in "[ -~]{0,70}") {
            let message = heard(3, "A", &text);
            for source in [table, format!("ROUTE\n{columns}")] {
                if let Ok(table) = parse(&source, operator()) {
                    for entry in &table.entries {
                        let _ = entry.fits(&message);
                    }
                }
            }
            let _ = substituted(&text, &message);
        }
    }
}
