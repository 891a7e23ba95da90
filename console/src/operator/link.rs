//! Connections to CP: the one place here that knows of sockets. Frames go out on the caller's thread, come in on a thread per connection
//! and end up as events.

use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use crate::client::{ClientError, Connection, Sender};
use crate::wire::{ClientFrame, Reply, Request};

use super::state::{Channel, Event};

/// A CP that does not take a frame for so long is gone: the screen must not hang with it.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// A system to connect to.
pub trait System {
    /// Opens a connection. Its replies, and at last [`Event::Closed`], go to `events`.
    fn open(&mut self, channel: Channel, request: Request, events: &SyncSender<Event>) -> Result<Box<dyn Conversation>, ClientError>;
}

/// An open connection; dropped, it closes.
pub trait Conversation {
    /// Sends a frame.
    fn send(&mut self, frame: &ClientFrame) -> Result<(), ClientError>;
}

/// A running CP behind its unix socket.
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// The CP that listens there.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl System for Socket {
    fn open(&mut self, channel: Channel, request: Request, events: &SyncSender<Event>) -> Result<Box<dyn Conversation>, ClientError> {
        let connection = Connection::open(&self.path, request)?;
        let sender = connection.sender()?;
        sender.limit(SEND_LIMIT)?;
        let events = events.clone();
        let listener = thread::Builder::new().name(format!("operator {channel:?}"));
        listener.spawn(move || listen(connection, channel, &events)).map_err(ClientError::Terminal)?;
        Ok(Box::new(Line(sender)))
    }
}

/// Hands frames on until the connection ends, or until nobody listens any more because the screen was left.
fn listen(mut connection: Connection, channel: Channel, events: &SyncSender<Event>) {
    let why = loop {
        let reply = match connection.receive() {
            Ok(reply) => reply,
            Err(ClientError::Refused { code, message }) => Reply::Refused { code, message },
            Err(e) => break reason(&e),
        };
        if events.send(Event::Reply(channel, Box::new(reply))).is_err() {
            return;
        }
    };
    let _ = events.send(Event::Closed(channel, why));
}

/// Why a connection is gone, to stand behind "The connection to CP is gone:".
pub fn reason(error: &ClientError) -> String {
    match error {
        ClientError::Lost => "CP closed it".to_owned(),
        other => other.to_string(),
    }
}

struct Line(Sender);

impl Conversation for Line {
    fn send(&mut self, frame: &ClientFrame) -> Result<(), ClientError> {
        self.0.send(frame)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Wakes the listening thread.
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::encode;
    use crate::wire::{Hello, VERSION, Window};
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn a_conversation_over_a_real_socket_from_hello_to_hanging_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console");
        let listener = UnixListener::bind(&path).unwrap();
        let cp = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&encode(&Reply::Lost(3)).unwrap()).unwrap();
            let refused = Reply::Refused { code: 3, message: "No".into() };
            stream.write_all(&encode(&refused).unwrap()).unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let (sender, events) = sync_channel(8);
        let mut line = Socket::new(&path).open(Channel::Watch, Request::Watch, &sender).unwrap();
        let Ok(Event::Reply(Channel::Watch, reply)) = events.recv() else { panic!("no reply") };
        assert!(matches!(*reply, Reply::Lost(3)));
        let Ok(Event::Reply(Channel::Watch, reply)) = events.recv() else { panic!("no refusal") };
        assert!(matches!(*reply, Reply::Refused { code: 3, .. }), "a refusal is a reply, the closing comes after it");
        let poll = ClientFrame::Poll(Box::new(Window { filter: "run".into(), ..Window::default() }));
        line.send(&poll).unwrap();
        drop(line);
        assert!(matches!(events.recv(), Ok(Event::Closed(Channel::Watch, _))));
        let hello = Hello { version: VERSION, request: Request::Watch };
        let expected = [encode(&hello).unwrap(), encode(&poll).unwrap()].concat();
        assert_eq!(cp.join().unwrap(), expected, "hello, one poll, the end");
    }

    #[test]
    fn bytes_that_are_no_frame_close_the_connection_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console");
        let listener = UnixListener::bind(&path).unwrap();
        let (sender, events) = sync_channel(8);
        let line = Socket::new(&path).open(Channel::Order, Request::Watch, &sender).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request").unwrap();
        let Ok(Event::Closed(Channel::Order, why)) = events.recv() else { panic!("not closed") };
        assert!(why.contains("longer than"), "{why}");
        drop(line);
    }

    #[test]
    fn a_cp_that_takes_nothing_does_not_hold_the_screen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console");
        let _silent = UnixListener::bind(&path).unwrap();
        let (sender, _events) = sync_channel(8);
        let mut line = Socket::new(&path).open(Channel::Watch, Request::Watch, &sender).unwrap();
        let started = std::time::Instant::now();
        let frame = ClientFrame::Line("x".repeat(1 << 20));
        assert!(line.send(&frame).is_err(), "more than the socket holds");
        assert!(started.elapsed() < SEND_LIMIT * 3);
    }
}
