//! RDRLIST: the files in the reader, and commands on them by their place in the list. Until there are full-screen consoles it works line by line.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::Outcome;
use crate::session::Shell;
use crate::words::Words;

/// What a line typed in the list asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Request {
    /// Show the list again.
    Refresh,
    Quit,
    /// A command on the file at that place, from 0.
    On(usize, String),
    /// A command as it is.
    Command(String),
}

/// Columns of a line of the list, up to CP's column DIST.
const LINE: usize = 75;

impl Request {
    /// `n command`, `QUIT`, an empty line, or any command.
    fn parse(line: &str, files: usize) -> Self {
        let line = line.trim();
        let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match first.parse::<usize>() {
            _ if line.is_empty() => Self::Refresh,
            _ if ["QUIT", "Q"].iter().any(|word| line.eq_ignore_ascii_case(word)) => Self::Quit,
            Ok(number) if (1..=files).contains(&number) && !rest.trim().is_empty() => Self::On(number - 1, String::from(rest.trim())),
            _ => Self::Command(String::from(line)),
        }
    }
}

/// The command for a file of the reader: the spool id stands where `/` stands, or behind the command's name.
fn command(request: &str, spid: &str) -> String {
    if request.split_whitespace().any(|word| word == "/") {
        let words: Vec<&str> = request.split_whitespace().map(|word| if word == "/" { spid } else { word }).collect();
        return words.join(" ");
    }
    match request.split_once(char::is_whitespace) {
        Some((name, rest)) => format!("{name} {spid} {rest}"),
        None => format!("{request} {spid}"),
    }
}

impl<C: Cp> Shell<C> {
    /// RDRLIST.
    pub(crate) fn rdrlist_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        if let Some(surplus) = words.operands.first() {
            return Err(self.bad_operand(surplus));
        }
        let mut show = true;
        loop {
            let response = self.cp.command(b"QUERY READER * ALL");
            let text = String::from_utf8_lossy(&response.text).into_owned();
            let mut lines = text.lines();
            let heading = lines.next().unwrap_or_default();
            let files: Vec<&str> = lines.filter(|line| spid(line).is_some()).collect();
            if files.is_empty() {
                self.note("075I", "No reader files");
                return Ok(());
            }
            if show {
                // CP's lines are as wide as a terminal: the number stands in the room of the last column.
                let cut = |line: &str| line.chars().take(LINE).collect::<String>();
                self.say(cut(&format!(" No  {heading}")).trim_end());
                for (at, file) in files.iter().enumerate() {
                    self.say(cut(&format!("{:>3}  {file}", at + 1)).trim_end());
                }
                self.say("Enter: n command (RECEIVE, PEEK, DISCARD, TRANSFER...), or a command;");
                self.say("an empty line shows the list again, QUIT ends it");
            }
            let Some(line) = self.answer_line()? else { return Ok(()) };
            let request = Request::parse(&String::from_utf8_lossy(&line), files.len());
            show = request == Request::Refresh;
            let line = match request {
                Request::Refresh => continue,
                Request::Quit => return Ok(()),
                Request::On(at, wanted) => command(&wanted, files.get(at).and_then(|file| spid(file)).unwrap_or_default()),
                Request::Command(line) => line,
            };
            // What the command says is its message; the list goes on.
            if let Err(crate::message::Rc(code)) = self.execute(line.as_bytes()) {
                self.say(format!("+++ R({code:05}) +++"));
            }
            self.running("RDRLIST", "RDL");
        }
    }
}

/// The spool id in a line of QUERY READER: the second word, four digits.
fn spid(line: &str) -> Option<&str> {
    line.split_whitespace().nth(1).filter(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_for_a_file_or_for_cms() {
        assert_eq!(Request::parse("2 peek", 3), Request::On(1, "peek".into()));
        assert_eq!(Request::parse("4 peek", 3), Request::Command("4 peek".into()));
        assert_eq!([" quit ", "q"].map(|line| Request::parse(line, 3)), [Request::Quit, Request::Quit]);
        assert_eq!(Request::parse("", 3), Request::Refresh);
        assert_eq!(command("receive / new file a", "0007"), "receive 0007 new file a");
        assert_eq!(command("receive new file", "0007"), "receive 0007 new file");
        assert_eq!(command("discard", "0007"), "discard 0007");
    }
}
