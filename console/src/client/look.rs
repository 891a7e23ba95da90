//! Looking at a console from a pipe: its lines come out as they are written, until it ends or nobody reads them any more.

use std::io::Write;

use super::call::{ClientError, Connection};
use crate::text;
use crate::wire::{Ending, Reply};

/// Shows what arrives. A peer may send anything: every line is made harmless.
pub(super) fn run(mut connection: Connection, output: &mut impl Write, notices: &mut impl Write) -> Result<Ending, ClientError> {
    loop {
        let written = match connection.receive()? {
            Reply::Output(line) => text::lines(&line.text).try_for_each(|line| writeln!(output, "{line}")),
            Reply::Lost(lines) => writeln!(notices, "{lines} lines were lost: they came faster than they were taken"),
            Reply::Accepted { .. } | Reply::State(_) => Ok(()),
            Reply::Ended(ending) => {
                // Whoever reads it may be gone; the console is over in any case.
                let _ = output.flush();
                return Ok(ending);
            }
            Reply::Password(_) => return Err(ClientError::NoPassword),
            _ => return Err(ClientError::Unexpected),
        };
        let written = written.and_then(|()| if connection.has_more() { Ok(()) } else { output.flush() });
        if written.is_err() {
            return Ok(Ending::Disconnected);
        }
    }
}
