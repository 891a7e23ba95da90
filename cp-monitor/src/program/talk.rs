//! Subcommands that talk to a running system: `cp`, `punch`, `operator`; and `help`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use console::client::{self, exit_code};
use console::{operator, wire};
use cp_monitor::{command, help};

use super::{Ended, Place, because, history, print};

/// Options of `cp64 cp`.
#[derive(Args)]
pub struct CpOptions {
    /// Answer with one JSON value
    #[arg(long)]
    json: bool,
    /// The command and its operands
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// One CP command; its response on standard output, its message number as exit code.
pub fn cp(place: &Place, options: &CpOptions) -> Ended {
    let answer = client::command(&place.socket()?, &options.command.join(" ")).map_err(because)?;
    if options.json {
        print(&format!("{}\n", answer.json));
    } else {
        let text: String = answer.lines.iter().map(|line| format!("{line}\n")).collect();
        if answer.code == 0 { print(&text) } else { eprint!("{text}") }
    }
    Ok(ExitCode::from(exit_code(answer.code)))
}

/// Options of `cp64 punch`.
#[derive(Args)]
pub struct PunchOptions {
    /// The file, or - for standard input
    file: PathBuf,
    /// The user whose reader it goes to
    #[arg(long, value_name = "USER")]
    to: String,
    /// File name and type it is given [default: from the file's own name]
    #[arg(long, value_name = "NAME.TYPE")]
    name: Option<String>,
    /// Spool class
    #[arg(long, default_value = "A")]
    class: char,
}

/// Longest record a reader takes, in bytes.
const RECORD_MAX: usize = 65_535;

/// A file into a reader: one record for each line.
pub fn punch(place: &Place, options: &PunchOptions) -> Ended {
    let (name, file_type) = punch_name(options);
    let records = read_records(&options.file)?;
    let file = wire::Punch { to: options.to.to_uppercase(), name, file_type, class: options.class.to_ascii_uppercase(), records };
    let answer = client::punch(&place.socket()?, file).map_err(because)?;
    let text: String = answer.lines.iter().map(|line| format!("{line}\n")).collect();
    if answer.code == 0 {
        print(&text)
    } else {
        eprint!("{text}")
    }
    Ok(ExitCode::from(exit_code(answer.code)))
}

fn read_records(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let input: Box<dyn Read> =
        if path.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(std::fs::File::open(path).map_err(failed)?) };
    let mut records = Vec::new();
    for line in BufReader::new(input).split(b'\n') {
        let mut line = line.map_err(failed)?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > RECORD_MAX {
            return Err(format!("{}: line {} is longer than {RECORD_MAX} bytes", path.display(), records.len() + 1));
        }
        records.push(line);
    }
    Ok(records)
}

/// `NAME.TYPE` cut to CMS file names: at most eight characters each, what CMS does not take left out.
fn punch_name(options: &PunchOptions) -> (String, String) {
    let given =
        options.name.clone().or_else(|| options.file.file_name().map(|name| name.to_string_lossy().into_owned())).unwrap_or_default();
    let (name, file_type) = given.split_once(['.', ' ']).unwrap_or((given.as_str(), "FILE"));
    let plain = |text: &str, absent: &str| {
        let kept: String = text.to_uppercase().chars().filter(|c| c.is_ascii_alphanumeric() || "#@+$-:_".contains(*c)).take(8).collect();
        if kept.is_empty() { absent.to_string() } else { kept }
    };
    (plain(name, "HOST"), plain(file_type, "FILE"))
}

/// Options of `cp64 operator`.
#[derive(Args)]
pub struct OperatorOptions {
    /// No colour
    #[arg(long)]
    no_color: bool,
}

/// The operator screen of a system that runs elsewhere.
pub fn operator(place: &Place, options: &OperatorOptions) -> Ended {
    screen(&place.socket()?, &place.directory()?, false, !options.no_color)
}

/// A command of the table as the screen completes it.
fn word(pattern: &str) -> operator::Word {
    operator::Word { name: pattern.to_uppercase(), minimum: command::operands::minimum(pattern) }
}

/// Shows the operator screen until it is left.
pub fn screen(socket: &Path, directory: &Path, owns_system: bool, color: bool) -> Ended {
    let words = command::TABLE.iter().map(|command| word(command.pattern)).collect();
    let options = operator::Options { owns_system, color, history: history(directory, "operator"), words, help: help::of_cp_command };
    match operator::run(socket, options).map_err(because)? {
        operator::Ending::Lost(reason) => Err(format!("The connection to CP is lost: {reason}")),
        operator::Ending::Shutdown => {
            print("SYSTEM SHUTDOWN COMPLETE\n");
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Options of `cp64 help`.
#[derive(Args)]
pub struct HelpOptions {
    /// A command of CP or CMS; without it, the list
    command: Option<String>,
}

/// The help file of a command.
pub fn help(options: &HelpOptions) -> Ended {
    let Some(word) = &options.command else {
        let names = |family: &[(&str, &str)]| family.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
        print(&format!("CP commands:\n{}\n\nCMS commands:\n{}\n", names(help::CP), names(help::CMS)));
        return Ok(ExitCode::SUCCESS);
    };
    let upper = word.to_uppercase();
    let cms = help::CMS.iter().find(|(name, _)| *name == upper).map(|(_, text)| (*text).to_string());
    match help::of_cp_command(word).into_iter().chain(cms).collect::<Vec<_>>().as_slice() {
        [] => Err(format!("There is no help for {word}; `cp64 help` lists the commands")),
        found => {
            print(&found.join("\n"));
            Ok(ExitCode::SUCCESS)
        }
    }
}
