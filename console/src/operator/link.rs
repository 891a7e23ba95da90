//! Connections to CP: the one place here that knows of sockets. Frames go out on the caller's thread, come in on a thread per connection
//! and end up as events.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use crate::wire::{ClientFrame, FRAME_MAX, Hello, Reply, Request, VERSION};

use super::state::{Channel, Event};

/// A CP that does not take a frame for so long is gone: the screen must not hang with it.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// A system to connect to.
pub trait System {
    /// Opens a connection. Its replies, and at last [`Event::Closed`], go to `events`.
    fn open(
        &mut self,
        channel: Channel,
        request: Request,
        events: &SyncSender<Event>,
    ) -> io::Result<Box<dyn Conversation>>;
}

/// An open connection; dropped, it closes.
pub trait Conversation {
    /// Sends a frame.
    fn send(&mut self, frame: &ClientFrame) -> io::Result<()>;
}

/// A running CP behind its unix socket.
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// The CP that listens there.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }
}

impl System for Socket {
    fn open(
        &mut self,
        channel: Channel,
        request: Request,
        events: &SyncSender<Event>,
    ) -> io::Result<Box<dyn Conversation>> {
        let mut stream = UnixStream::connect(&self.path)?;
        stream.set_write_timeout(Some(SEND_LIMIT))?;
        write_frame(
            &mut stream,
            &Hello {
                version: VERSION,
                request,
            },
        )?;
        let (mut incoming, events) = (stream.try_clone()?, events.clone());
        let listener = thread::Builder::new().name(format!("operator {channel:?}"));
        listener.spawn(move || {
            let why = loop {
                match read_frame(&mut incoming) {
                    Ok(reply) => {
                        // Nobody listens any more: the screen was left.
                        if events.send(Event::Reply(channel, Box::new(reply))).is_err() {
                            return;
                        }
                    }
                    Err(e) => break e.to_string(),
                }
            };
            let _ = events.send(Event::Closed(channel, why));
        })?;
        Ok(Box::new(Line { stream }))
    }
}

struct Line {
    stream: UnixStream,
}

impl Conversation for Line {
    fn send(&mut self, frame: &ClientFrame) -> io::Result<()> {
        write_frame(&mut self.stream, frame)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Wakes the listening thread; an error means the peer was faster.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Writes one frame: little-endian length, then postcard.
fn write_frame(to: &mut impl Write, frame: &impl serde::Serialize) -> io::Result<()> {
    let body = postcard::to_stdvec(frame).map_err(io::Error::other)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|&n| n as usize <= FRAME_MAX);
    let length = length.ok_or_else(|| io::Error::other("The frame is too long"))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(&body);
    to.write_all(&bytes)
}

/// Reads one frame. Storage grows with what really arrives, not with what the length promises.
fn read_frame(from: &mut impl Read) -> io::Result<Reply> {
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(ended)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_MAX {
        return Err(io::Error::other(format!(
            "CP announced a frame of {length} bytes, {FRAME_MAX} are allowed"
        )));
    }
    let mut body = Vec::new();
    from.take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Err(ended(io::ErrorKind::UnexpectedEof.into()));
    }
    postcard::from_bytes(&body)
        .map_err(|_| io::Error::other("CP sent a frame that this program does not understand"))
}

fn ended(e: io::Error) -> io::Error {
    if e.kind() == io::ErrorKind::UnexpectedEof {
        io::Error::other("CP closed the connection")
    } else {
        e
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ConsoleState;
    use proptest::prelude::*;
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, &Reply::State(ConsoleState::CpRead)).unwrap();
        write_frame(&mut pipe, &Reply::Lost(7)).unwrap();
        let mut pipe = pipe.as_slice();
        assert!(matches!(
            read_frame(&mut pipe).unwrap(),
            Reply::State(ConsoleState::CpRead)
        ));
        assert!(matches!(read_frame(&mut pipe).unwrap(), Reply::Lost(7)));
        assert_eq!(
            read_frame(&mut pipe).unwrap_err().to_string(),
            "CP closed the connection"
        );
    }

    #[test]
    fn an_oversized_frame_is_refused_before_it_is_read() {
        let mut pipe = &[0xff, 0xff, 0xff, 0x7f, 0][..];
        assert!(
            read_frame(&mut pipe)
                .unwrap_err()
                .to_string()
                .contains("allowed")
        );
    }

    #[test]
    fn a_conversation_over_a_real_socket_from_hello_to_hanging_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console");
        let listener = UnixListener::bind(&path).unwrap();
        let cp = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            write_frame(&mut stream, &Reply::Lost(3)).unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let (sender, events) = sync_channel(8);
        let mut line = Socket::new(&path)
            .open(Channel::Watch, Request::Watch, &sender)
            .unwrap();
        let Ok(Event::Reply(Channel::Watch, reply)) = events.recv() else {
            panic!("no reply")
        };
        assert!(matches!(*reply, Reply::Lost(3)));
        line.send(&ClientFrame::Poll).unwrap();
        drop(line);
        assert!(matches!(
            events.recv(),
            Ok(Event::Closed(Channel::Watch, _))
        ));
        let mut expected = Vec::new();
        write_frame(
            &mut expected,
            &Hello {
                version: VERSION,
                request: Request::Watch,
            },
        )
        .unwrap();
        write_frame(&mut expected, &ClientFrame::Poll).unwrap();
        assert_eq!(cp.join().unwrap(), expected, "hello, one poll, the end");
    }

    proptest! {
        #[test]
        fn any_bytes_from_the_peer_are_a_reply_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut framed = (bytes.len() as u32).to_le_bytes().to_vec();
            framed.extend(&bytes);
            let _ = read_frame(&mut framed.as_slice());
            let _ = read_frame(&mut bytes.as_slice());
        }
    }
}
