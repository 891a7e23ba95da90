//! A connection to CP, and the requests that are one question and one answer.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::frame::{self, FrameError};
use crate::local::reachable;
use crate::wire::{Answer, ClientFrame, FRAME_MAX, Hello, Punch, Reply, Request, Snapshot, VERSION, Window};

/// Bytes of records in a frame of [`punch`].
const PIECE: usize = 256 << 10;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error("No CP is running here: nobody answers on {0}")]
    NotRunning(PathBuf),
    /// The socket belongs to somebody else.
    #[error("{0} may be used by its owner only")]
    NotAllowed(PathBuf),
    /// CP refused: number and text of its message.
    #[error("{message}")]
    Refused {
        /// Message number.
        code: u32,
        /// Message line.
        message: String,
    },
    /// CP went away.
    #[error("The connection to CP was lost")]
    Lost,
    /// A password was asked for and there was none.
    #[error("A password is wanted, and the input ended")]
    NoPassword,
    /// CP answered something else than was asked.
    #[error("CP answered something that was not asked")]
    Unexpected,
    /// A frame could not be sent or understood.
    #[error("{0}")]
    Frame(FrameError),
    /// This end's terminal, or its files, failed.
    #[error("Cannot use the terminal: {0}")]
    Terminal(io::Error),
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        match error {
            // Killed in the middle of something: to the user there is no difference.
            FrameError::Truncated => Self::Lost,
            FrameError::Io(error)
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) =>
            {
                Self::Lost
            }
            error => Self::Frame(error),
        }
    }
}

impl ClientError {
    /// The exit code of a program that failed so: the low byte of the message number, and at least 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { code, .. } => exit_code(*code).max(1),
            _ => 1,
        }
    }
}

/// The exit code for a CP message number: 0 for none, else its low byte, and at least 1.
pub fn exit_code(message: u32) -> u8 {
    match (message, message.to_le_bytes()[0]) {
        (0, _) => 0,
        (_, low) => low.max(1),
    }
}

/// A connection that has said what it wants.
#[derive(Debug)]
pub struct Connection {
    input: BufReader<UnixStream>,
    output: UnixStream,
}

impl Connection {
    /// Connects to the socket of a running system and makes the request.
    ///
    /// # Errors
    /// No CP answers there, or the request is too long to send.
    pub fn open(socket: &Path, request: Request) -> Result<Self, ClientError> {
        let hello = frame::encode(&Hello { version: VERSION, request })?;
        let connected = reachable(socket).and_then(|(address, _directory)| UnixStream::connect(address));
        let mut output = connected.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => ClientError::NotRunning(socket.to_path_buf()),
            ErrorKind::PermissionDenied => ClientError::NotAllowed(socket.to_path_buf()),
            _ => ClientError::Frame(FrameError::Io(error)),
        })?;
        let input = BufReader::new(output.try_clone().map_err(FrameError::Io)?);
        // CP may refuse before it has read everything; what it says then is worth more than the broken pipe.
        match output.write_all(&hello) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(FrameError::Io(error).into()),
            _ => Ok(Self { input, output }),
        }
    }

    /// Waits for the next frame. A refusal is an error.
    ///
    /// # Errors
    /// CP refused, went away, or sent what cannot be understood.
    pub fn receive(&mut self) -> Result<Reply, ClientError> {
        match frame::read(&mut self.input, FRAME_MAX)? {
            Some(Reply::Refused { code, message }) => Err(ClientError::Refused { code, message }),
            Some(reply) => Ok(reply),
            None => Err(ClientError::Lost),
        }
    }

    /// Whether more has arrived than was received.
    pub(super) fn has_more(&self) -> bool {
        !self.input.buffer().is_empty()
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// CP went away, or the frame is too long.
    pub fn send(&mut self, frame: &ClientFrame) -> Result<(), ClientError> {
        Ok(self.output.write_all(&frame::encode(frame)?).map_err(FrameError::Io)?)
    }

    /// A second handle that sends, for another thread.
    ///
    /// # Errors
    /// The host has no descriptor left.
    pub(crate) fn sender(&self) -> Result<Sender, ClientError> {
        Ok(Sender(self.output.try_clone().map_err(FrameError::Io)?))
    }
}

/// The sending half of a [`Connection`].
#[derive(Debug)]
pub(crate) struct Sender(UnixStream);

impl Sender {
    /// Gives up sending after this time: for whoever must not hang with a CP that takes nothing.
    pub(crate) fn limit(&self, time: Duration) -> Result<(), ClientError> {
        Ok(self.0.set_write_timeout(Some(time)).map_err(FrameError::Io)?)
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, frame: &ClientFrame) -> Result<(), ClientError> {
        Ok(self.0.write_all(&frame::encode(frame)?).map_err(FrameError::Io)?)
    }

    /// Closes both directions, which wakes whoever waits in [`Connection::receive`].
    pub(crate) fn close(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

fn answer(socket: &Path, request: Request) -> Result<Answer, ClientError> {
    match Connection::open(socket, request)?.receive()? {
        Reply::Answer(answer) => Ok(answer),
        _ => Err(ClientError::Unexpected),
    }
}

/// One CP command with the authority of the system's owner.
///
/// # Errors
/// No CP answers on `socket`, or it refuses this account. A command that CP does not like is an [`Answer`] with a code.
pub fn command(socket: &Path, command: &str) -> Result<Answer, ClientError> {
    answer(socket, Request::Command(command.to_owned()))
}

/// A host file into a user's reader, whose records `next` gives one after the other until there is none. It may be of any length.
///
/// # Errors
/// As [`command`], and whatever `next` fails with: then CP keeps nothing of the file.
pub fn punch<E: From<ClientError>>(socket: &Path, file: Punch, mut next: impl FnMut() -> Result<Option<Vec<u8>>, E>) -> Result<Answer, E> {
    let mut connection = Connection::open(socket, Request::Punch(file))?;
    match connection.receive()? {
        Reply::Ready => {}
        Reply::Answer(answer) => return Ok(answer),
        _ => return Err(ClientError::Unexpected.into()),
    }
    loop {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < PIECE
            && let Some(record) = next()?
        {
            bytes += record.len() + 1;
            records.push(record);
        }
        let frame = if records.is_empty() { ClientFrame::Close } else { ClientFrame::Records(records) };
        match connection.send(&frame) {
            Ok(()) if !matches!(frame, ClientFrame::Close) => {}
            // CP takes no more, and has said why.
            Ok(()) | Err(ClientError::Lost) => break,
            Err(error) => return Err(error.into()),
        }
    }
    match connection.receive()? {
        Reply::Answer(answer) => Ok(answer),
        _ => Err(ClientError::Unexpected.into()),
    }
}

/// A running view of the system.
///
/// # Errors
/// No CP answers on `socket`.
pub fn watch(socket: &Path) -> Result<Watch, ClientError> {
    Ok(Watch { connection: Connection::open(socket, Request::Watch)? })
}

/// A connection that asks for one [`Snapshot`] after the other.
#[derive(Debug)]
pub struct Watch {
    connection: Connection,
}

impl Watch {
    /// The system as it is now, with the machines of the window; waits for the answer.
    ///
    /// # Errors
    /// CP refuses this account, or went away.
    pub fn snapshot(&mut self, window: &Window) -> Result<Snapshot, ClientError> {
        self.connection.send(&ClientFrame::Poll(Box::new(window.clone())))?;
        match self.connection.receive()? {
            Reply::Snapshot(snapshot) => Ok(*snapshot),
            _ => Err(ClientError::Unexpected),
        }
    }
}
