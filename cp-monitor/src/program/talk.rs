//! Subcommands that talk to a running system: `cp`, `punch`, `operator`; and `help`.

use std::io::{BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use console::client::{self, ClientError, exit_code};
use console::{operator, wire};
use cp_monitor::real_devices::deck::{Coding, Deck, DeckError, IdCard, name_of_host_file};
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
    /// The user whose reader it goes to; without it the first card must say so: ID userid [CLASS c] [NAME fn ft] [TAG text]
    #[arg(long, value_name = "USER")]
    to: Option<String>,
    /// File name and type it is given [default: from the ID card or the file's own name]
    #[arg(long, value_name = "NAME.TYPE")]
    name: Option<String>,
    /// Spool class [default: A, or that of the ID card]
    #[arg(long)]
    class: Option<char>,
    /// Lines of text, a record each
    #[arg(long, group = "coding")]
    text: bool,
    /// Cards of 80 columns in EBCDIC, which become text
    #[arg(long, group = "coding")]
    ebcdic: bool,
    /// Cards of 80 columns as they are
    #[arg(long, group = "coding")]
    binary: bool,
}

impl PunchOptions {
    /// What was said of the bytes; nothing means what they look like.
    fn coding(&self) -> Option<Coding> {
        match (self.text, self.ebcdic, self.binary) {
            (true, ..) => Some(Coding::Text),
            (_, true, _) => Some(Coding::Ebcdic),
            (.., true) => Some(Coding::Binary),
            _ => None,
        }
    }
}

/// A file into a reader.
pub fn punch(place: &Place, options: &PunchOptions) -> Ended {
    let mut deck = open_deck(options)?;
    let mut next = || deck.next_record().map_err(|error| failed(&options.file, &error));
    let host_name = options.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (name, file_type) = name_of_host_file(options.name.as_deref().unwrap_or(&host_name));
    let class = options.class.unwrap_or('A').to_ascii_uppercase();
    let mut file = wire::Punch { to: String::new(), name: name.to_string(), file_type: file_type.to_string(), class, tag: String::new() };
    match &options.to {
        Some(user) => file.to = user.to_uppercase(),
        None => {
            let card = next()?.and_then(|card| IdCard::parse(&card));
            let card = card.ok_or("The id card is missing or invalid: the first card must be ID userid ..., or give --to USER")?;
            file.to = card.userid.to_string();
            file.tag = card.tag.as_str().to_string();
            file.class = options.class.map_or(card.class.as_char(), |class| class.to_ascii_uppercase());
            if options.name.is_none() && card.name != spool::FileName::None {
                (file.name, file.file_type) = (card.name.name().to_string(), card.name.file_type().to_string());
            }
        }
    }
    let mut progress = PunchProgress { shown: std::io::stderr().is_terminal(), records: 0, bytes: 0, told: 0 };
    let answer = client::punch(&place.socket()?, file, || {
        let record = next().map_err(PunchError::Deck)?;
        record.iter().for_each(|record| progress.passed(record));
        Ok(record)
    });
    progress.end();
    let answer = answer.map_err(|error| match error {
        PunchError::Deck(error) => error,
        PunchError::Client(error) => because(error),
    })?;
    let text: String = answer.lines.iter().map(|line| format!("{line}\n")).collect();
    if answer.code == 0 {
        print(&text)
    } else {
        eprint!("{text}")
    }
    Ok(ExitCode::from(exit_code(answer.code)))
}

/// Why a deck did not arrive.
enum PunchError {
    /// It cannot be read.
    Deck(String),
    /// CP cannot be reached.
    Client(ClientError),
}

impl From<ClientError> for PunchError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// How far a long deck is, on standard error when somebody looks.
struct PunchProgress {
    shown: bool,
    records: u64,
    bytes: u64,
    /// Bytes when it was told last.
    told: u64,
}

impl PunchProgress {
    /// Bytes between two times it is told.
    const STEP: u64 = 4 << 20;

    fn passed(&mut self, record: &[u8]) {
        self.records += 1;
        self.bytes += record.len() as u64;
        if self.shown && self.bytes >= self.told + Self::STEP {
            self.told = self.bytes;
            eprint!("\r{} records, {} MiB \x1b[K", self.records, self.bytes >> 20);
        }
    }

    fn end(&self) {
        if self.told > 0 {
            eprint!("\r\x1b[K");
        }
    }
}

fn failed(path: &Path, error: &DeckError) -> String {
    format!("{}: {error}", path.display())
}

fn open_deck(options: &PunchOptions) -> Result<Deck<BufReader<Box<dyn Read>>>, String> {
    let path = &options.file;
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(|error| failed(path, &error.into()))?)
    };
    Deck::new(BufReader::with_capacity(64 << 10, input), options.coding()).map_err(|error| failed(path, &error))
}

/// Options of `cp64 operator`.
#[derive(Args)]
pub struct OperatorOptions {
    #[command(flatten)]
    theme: Theme,
    /// Go through the consoles of these users, one after the other: a userid with * and % for what varies
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, default_missing_value = "")]
    tour: Option<String>,
}

/// How the screen looks.
#[derive(Args, Clone)]
pub struct Theme {
    /// No colour
    #[arg(long)]
    no_color: bool,
    /// Colours of the screen
    #[arg(long, value_enum, default_value_t = Colours::Dark)]
    theme: Colours,
}

/// Themes by name.
#[derive(Clone, Copy, ValueEnum)]
enum Colours {
    /// For dark terminals
    Dark,
    /// For light terminals
    Light,
    /// High contrast
    Contrast,
    /// None, as --no-color
    Plain,
}

impl Theme {
    /// The look of the screen.
    pub fn look(&self) -> operator::Look {
        match self.theme {
            _ if self.no_color => operator::Look::Plain,
            Colours::Dark => operator::Look::Dark,
            Colours::Light => operator::Look::Light,
            Colours::Contrast => operator::Look::Contrast,
            Colours::Plain => operator::Look::Plain,
        }
    }
}

/// The operator screen of a system that runs elsewhere.
pub fn operator(place: &Place, options: &OperatorOptions) -> Ended {
    screen(&place.socket()?, &place.directory()?, false, options.theme.look(), options.tour.clone())
}

/// A command of the table as the screen completes it.
fn word(pattern: &str) -> operator::Word {
    operator::Word { name: pattern.to_uppercase(), minimum: command::operands::minimum(pattern) }
}

/// Shows the operator screen until it is left.
pub fn screen(socket: &Path, directory: &Path, owns_system: bool, look: operator::Look, tour: Option<String>) -> Ended {
    let words = command::TABLE.iter().map(|command| word(command.pattern)).collect();
    let options = operator::Options { owns_system, look, tour, history: history(directory, "operator"), words, help: help::of_cp_command };
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
