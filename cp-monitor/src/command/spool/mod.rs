//! Spool commands: SPOOL CLOSE PURGE CHANGE ORDER TRANSFER TAG, and files that come from the host.
//!
//! [`options`] reads what they share; [`devices`] holds the commands about devices, [`files`] those about files in queues, [`moved`] the
//! lines about files that went from one user to another.

mod devices;
mod files;
mod moved;
mod options;

use std::sync::Arc;

use console::wire;
use spool::{Destination, OpenFile, Queue, Spid};

use super::Reply;
use super::answer::{Answer, Message, error, invalid_operand, not_in_directory};
use crate::directory::UserId;
use crate::system::Cp;
use crate::users::{Emsg, User, spool_userid};

pub(super) use devices::{close, spool, tag};
pub use devices::{close_output, finish_reading};
pub(super) use files::{change, count_line, order, purge, transfer};
pub use moved::announce;
use options::selection;
pub(super) use options::{class, dest, form, queue_of, spid};

use devices::CloseAs;

/// 042E: no such spool file.
fn missing_file(spid: Spid) -> Message {
    error("CSU", 42, format!("Spool file {spid} does not exist"))
}

/// What the spool refused, as a message of CP.
pub(super) fn spool_failed(problem: spool::SpoolError) -> Message {
    match problem {
        spool::SpoolError::NoFile { spid, .. } => missing_file(spid),
        spool::SpoolError::NoSpoolId(owner) => error("SPL", 439, format!("Spool files of {owner} are at their maximum of 9999")),
        problem @ spool::SpoolError::FileLimit { .. } => error("SPL", 439, problem.to_string()),
        problem => error("SPL", 9433, format!("Spool error: {problem}")),
    }
}

/// Begins a file of the host on its way into a user's reader.
///
/// # Errors
/// The answer, when it cannot go there.
pub fn punch_from_host(cp: &Arc<Cp>, file: wire::Punch) -> Result<Box<dyn console::Deck>, wire::Answer> {
    begin_deck(cp, &file).map(|deck| Box::new(deck) as _).map_err(answered)
}

/// A file of the host on its way into a reader.
struct HostDeck {
    cp: Arc<Cp>,
    open: OpenFile,
    to: UserId,
}

impl console::Deck for HostDeck {
    fn add(&mut self, records: &[Vec<u8>]) -> Result<(), wire::Answer> {
        records.iter().try_for_each(|record| self.open.append(PUNCH_COMMAND, record)).map_err(|problem| answered(spool_failed(problem)))
    }

    fn close(self: Box<Self>) -> wire::Answer {
        let Self { cp, open, to } = *self;
        let closed = cp.spool.close(open, Destination { owner: spool_userid(&to), queue: Queue::Reader });
        let answer = closed.map_err(|problem| spool_failed(problem.error)).map(|closed| {
            announce(&cp, None, &closed);
            let line = format!("RDR FILE {} SENT TO {to}: {} records", closed.file.spid, closed.file.records);
            Answer::line(super::query::file_data(&closed.file), line)
        });
        Reply::of(answer, Emsg::On).into()
    }
}

fn answered(problem: Message) -> wire::Answer {
    Reply::of(Err(problem), Emsg::On).into()
}

fn begin_deck(cp: &Arc<Cp>, file: &wire::Punch) -> Result<HostDeck, Message> {
    let to: UserId = file.to.parse().map_err(|_| super::answer::userid_missing())?;
    if cp.directory().user(&to).is_none() {
        return Err(not_in_directory(to));
    }
    let word = |text: &str| spool::Word::new(&text.to_uppercase()).map_err(|problem| invalid_operand(&problem.to_string()));
    let attributes = spool::Attributes {
        class: spool::Class::new(file.class).map_err(|_| error("CSP", 28, "Class missing or invalid"))?,
        name: match (file.name.as_str(), file.file_type.as_str()) {
            (name, "") if name.len() > 8 => spool::DataSetName::new(&name.to_uppercase())
                .map(spool::FileName::DataSet)
                .map_err(|problem| invalid_operand(&problem.to_string()))?,
            (name, "") => spool::FileName::File(word(name)?, None),
            (name, file_type) => spool::FileName::File(word(name)?, Some(word(file_type)?)),
        },
        tag: options::tag_text(&file.tag)?,
        ..spool::Attributes::default()
    };
    let new = spool::NewFile {
        origin: spool_userid(&cp.operator_id()),
        device: spool::Device::Reader,
        created: cp.clock.unix_seconds(),
        attributes,
    };
    Ok(HostDeck { cp: Arc::clone(cp), open: cp.spool.create(new), to })
}

/// The channel command of a printer: write and space one line.
const PRINT_COMMAND: u16 = 0x09;

/// Makes a printer file of what a screen shows, apart from what the user's printer has in progress.
///
/// # Errors
/// What the spool says.
pub fn print_screen(user: &User, rows: &[String]) -> Result<Spid, Message> {
    let cp = user.cp();
    let word = |text: &str| spool::Word::new(text).map_err(|problem| invalid_operand(&problem.to_string()));
    let attributes =
        spool::Attributes { name: spool::FileName::File(word("SCREEN")?, Some(word("COPY")?)), ..spool::Attributes::default() };
    let owner = spool_userid(&user.id);
    let mut open =
        cp.spool.create(spool::NewFile { origin: owner, device: spool::Device::Printer, created: cp.clock.unix_seconds(), attributes });
    rows.iter().try_for_each(|row| open.append(PRINT_COMMAND, row.as_bytes())).map_err(spool_failed)?;
    let closed = cp.spool.close(open, Destination { owner, queue: Queue::Printer }).map_err(|problem| spool_failed(problem.error))?;
    announce(cp, None, &closed);
    Ok(closed.file.spid)
}

/// The channel command of a punch: write, feed and select stacker.
const PUNCH_COMMAND: u16 = 0x41;
