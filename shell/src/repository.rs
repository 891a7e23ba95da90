//! Messages from a repository: XMITMSG; and SET EMSG, which says how much of a message is shown.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::disks::file_id;
use crate::fileid::ModeSpec;
use crate::message::{Outcome, Rc};
use crate::rexx::Value;
use crate::session::Shell;
use crate::words::{Words, is, number};

/// How much is shown of a message with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emsg {
    /// Number and text.
    On,
    /// The number alone.
    Code,
    /// The text alone.
    Text,
    /// Nothing.
    Off,
}

impl Emsg {
    /// All, by name.
    pub(crate) const ALL: [(&'static str, Self); 4] = [("ON", Self::On), ("OFF", Self::Off), ("TEXT", Self::Text), ("CODE", Self::Code)];

    /// What is shown of a message: its identification, and its text.
    pub(crate) fn edit(self, identification: &str, text: &str) -> Option<String> {
        match self {
            Self::On => Some(format!("{identification} {text}")),
            Self::Code => Some(String::from(identification)),
            Self::Text => Some(String::from(text)),
            Self::Off => None,
        }
    }
}

/// CMS's own messages that programs may want to give, by number: severity and text, in which `&1` and so on stand for what is put in.
const OWN: &[(u32, char, &str)] = &[
    (1, 'E', "No filename specified"),
    (2, 'E', "File &1 &2 &3 not found"),
    (3, 'E', "Invalid option: &1"),
    (14, 'E', "Invalid function &1"),
    (19, 'E', "Identical fileids"),
    (24, 'E', "File &1 &2 &3 already exists"),
    (29, 'E', "Invalid parameter &1 in the option &2 field"),
    (37, 'E', "Filemode &1 is accessed as read/only"),
    (47, 'E', "No function specified"),
    (48, 'E', "Invalid filemode &1"),
    (54, 'E', "Incomplete fileid specified"),
    (62, 'E', "Invalid character &1 in fileid &2 &3"),
    (65, 'E', "&1 option specified twice"),
    (66, 'E', "&1 and &2 are conflicting options"),
    (69, 'E', "Filemode &1 not accessed"),
    (70, 'E', "Invalid parameter &1"),
    (104, 'S', "Error &1 reading file &2 &3 &4 from disk"),
    (105, 'S', "Error &1 writing file &2 &3 &4 on disk"),
    (107, 'S', "Disk &1(&2) is full"),
    (109, 'S', "Virtual storage capacity exceeded"),
    (386, 'E', "Missing operand(s)"),
    (389, 'E', "Invalid operand: &1"),
];

/// What XMITMSG is asked to do.
struct Request {
    number: u32,
    format: u32,
    line: u32,
    letter: Option<char>,
    application: String,
    caller: Option<String>,
    header: bool,
    display: bool,
    variable: bool,
}

/// Severity and text of the message of that number in CMS's own repository.
pub(crate) fn own_text(number: u32) -> Option<String> {
    OWN.iter().find(|(own, ..)| *own == number).map(|(_, severity, text)| format!("{severity} {text}"))
}

impl<C: Cp> Shell<C> {
    /// XMITMSG.
    pub(crate) fn xmitmsg_command(&mut self, words: &Words) -> Outcome {
        let text = String::from_utf8_lossy(&words.text).into_owned();
        let (text, _) = text.split_once('(').unwrap_or((&text, ""));
        let mut parts = substitutions(text).into_iter();
        let first = parts.next().unwrap_or_default();
        let Some(wanted) = number::<u32>(&first).filter(|wanted| (1..=9999).contains(wanted)) else {
            return Err(self.bad_operand(&first.to_ascii_uppercase()));
        };
        let request = self.message_request(wanted, words)?;
        let parts: Vec<String> = parts.collect();
        let Some((severity, lines)) = self.message_lines(&request)? else {
            let (number, format, line) = (request.number, request.format, request.line);
            let application = &request.application;
            return Err(self.fail(
                12,
                "814E",
                format!("Message number {number:04}, format {format:02}, line {line:02} was not found in application {application}"),
            ));
        };
        let caller = request.caller.clone().unwrap_or_else(|| String::from(self.code));
        let severity = request.letter.unwrap_or(severity);
        let identification = format!("{}{caller}{:03}{severity}", request.application, request.number);
        let mut shown = Vec::new();
        for line in lines {
            let line = filled(&line, &parts);
            match request.header {
                true => shown.extend(self.session.settings.emsg.edit(&identification, &line)),
                false => shown.push(line),
            }
        }
        if request.variable
            && let Some(variables) = self.variables.as_mut()
        {
            let count = Value::int(shown.len() as i64);
            let mut stored = variables.set(b"MESSAGE.0", count).is_ok();
            for (at, line) in shown.iter().enumerate() {
                stored &= variables.set(format!("MESSAGE.{}", at + 1).as_bytes(), Value::string(line.as_bytes())).is_ok();
            }
            if !stored {
                return Err(self.no_storage());
            }
        }
        if request.display {
            shown.iter().for_each(|line| self.say(line));
        }
        Ok(())
    }

    /// The options of XMITMSG.
    fn message_request(&mut self, wanted: u32, words: &Words) -> Result<Request, Rc> {
        let mut request = Request {
            number: wanted,
            format: 1,
            line: 1,
            letter: None,
            application: String::from("DMS"),
            caller: None,
            header: true,
            display: true,
            variable: false,
        };
        let mut options = words.options.iter();
        while let Some(option) = options.next() {
            match option.as_str() {
                option if is(option, "ERRmsg") || is(option, "DISPlay") => request.display = true,
                option if is(option, "NODISplay") => request.display = false,
                option if is(option, "HEader") => request.header = true,
                option if is(option, "NOHeader") => request.header = false,
                option if is(option, "VAR") => request.variable = true,
                option if ["APPLid", "CALLer", "FORmat", "LINE", "LETter"].iter().any(|known| is(option, known)) => {
                    let value = options.next().map_or("", String::as_str);
                    let short = (1..=3).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
                    let small = number::<u32>(value).filter(|number| *number <= 99);
                    match option {
                        option if is(option, "APPLid") && short => request.application = String::from(value),
                        option if is(option, "CALLer") && short => request.caller = Some(String::from(value)),
                        option if is(option, "FORmat") && small.is_some() => request.format = small.unwrap_or(1),
                        option if is(option, "LINE") && small.is_some() => request.line = small.unwrap_or(1),
                        option if is(option, "LETter") && value.len() == 1 => request.letter = value.chars().next(),
                        _ => return Err(self.bad_value(option, value)),
                    }
                }
                _ => return Err(self.bad_option(option)),
            }
        }
        if request.variable && self.variables.is_none() {
            return Err(self.fail(24, "631E", "The option VAR can only be used from a REXX EXEC"));
        }
        Ok(request)
    }

    /// The severity and the lines of a message: of CMS, or from the repository of an application, `applUME REPOS`.
    fn message_lines(&mut self, request: &Request) -> Result<Option<(char, Vec<String>)>, Rc> {
        let name = format!("{}UME", request.application);
        let found = file_id(&name, "REPOS").and_then(|id| self.disks.locate(&id, ModeSpec::ANY).ok());
        let Some(found) = found else {
            if request.application != "DMS" {
                return Err(self.fail(
                    28,
                    "813E",
                    format!("{name} REPOS, the message repository, was not found: message {} cannot be retrieved", request.number),
                ));
            }
            let own = OWN.iter().find(|(number, ..)| *number == request.number && request.format == 1 && request.line == 1);
            return Ok(own.map(|(_, severity, text)| (*severity, Vec::from([String::from(*text)]))));
        };
        let (mut sign, mut lines) = (None, Vec::new());
        self.each_line(&found, |_, _, line| {
            let text = String::from_utf8_lossy(line).into_owned();
            if text.trim().is_empty() || text.starts_with('*') {
                return Ok(true);
            }
            match sign {
                None => sign = text.chars().next(),
                Some(sign) => lines.extend(repository_line(&text, sign, request)),
            }
            Ok(true)
        })?;
        let severity = lines.first().map(|(severity, _)| *severity);
        let own = request.application == "DMS" && lines.is_empty();
        if own && let Some((_, severity, text)) = OWN.iter().find(|(number, ..)| *number == request.number) {
            return Ok(Some((*severity, Vec::from([String::from(*text)]))));
        }
        Ok(severity.map(|severity| (severity, lines.into_iter().map(|(_, text)| text).collect())))
    }

    /// SET EMSG.
    pub(crate) fn set_emsg(&mut self, to: &str) -> Outcome {
        // CP's own messages are shown in the same way.
        self.cp.command(format!("SET EMSG {to}").as_bytes());
        match Emsg::ALL.iter().find(|(name, _)| *name == to) {
            Some((_, emsg)) => self.session.settings.emsg = *emsg,
            None => return Err(self.bad_operand(to)),
        }
        self.cp.remember(&self.session);
        Ok(())
    }
}

/// The severity and the text of a line of a repository, when it is one of the message: the number in columns 1 to 4, the format in 5 and
/// 6, the line in 7 and 8, the severity in 9, the text from 11 on. `sign` is what substitutions begin with.
fn repository_line(text: &str, sign: char, request: &Request) -> Option<(char, String)> {
    let field = |from: usize, to: usize| number::<u32>(text.get(from..to)?.trim());
    let (found, format, line) = (field(0, 4)?, field(4, 6)?, field(6, 8)?);
    let severity = text.get(8..9)?.chars().next()?;
    let of_message = found == request.number && format == request.format && line >= request.line;
    of_message.then(|| (severity, text.get(10..).unwrap_or_default().trim_end().replace(sign, "&")))
}

/// The words of the operands; what stands in quotes is one, without them.
fn substitutions(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '\'' | '"' => rest[1..].split_once(first).unwrap_or((&rest[1..], "")),
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(String::from(word));
        rest = after.trim_start();
    }
    words
}

/// A text with what is put in: `&1` to `&20`. What is not given leaves nothing.
fn filled(text: &str, parts: &[String]) -> String {
    let mut out = String::new();
    let mut pieces = text.split('&');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take(2).take_while(u8::is_ascii_digit).count();
        match number::<usize>(&piece[..digits]).filter(|number| *number > 0) {
            Some(number) => {
                out.push_str(parts.get(number - 1).map_or("", String::as_str));
                out.push_str(&piece[digits..]);
            }
            None => {
                out.push('&');
                out.push_str(piece);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_with_words_and_quoted_strings() {
        let parts = substitutions(" MY  'two words' \"it's\" last ");
        assert_eq!(parts, ["MY", "two words", "it's", "last"]);
        assert_eq!(filled("&1-&2 & &3 &9.", &parts), "MY-two words & it's .");
        assert_eq!(substitutions("'open"), ["open"]);
    }

    #[test]
    fn the_setting_says_what_is_shown() {
        let shown = |emsg: Emsg| emsg.edit("DMSABC002E", "File not found");
        assert_eq!(shown(Emsg::On).as_deref(), Some("DMSABC002E File not found"));
        assert_eq!(shown(Emsg::Code).as_deref(), Some("DMSABC002E"));
        assert_eq!(shown(Emsg::Text).as_deref(), Some("File not found"));
        assert_eq!(shown(Emsg::Off), None);
    }
}
