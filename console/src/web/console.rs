//! A console in a browser: the terminal client on a pseudo-terminal, its bytes as messages of a WebSocket.
//!
//! From the browser: binary messages are typed, a text message `COLUMNSxROWS` is the terminal's size. To the browser: binary messages are shown.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use pty_process::{OwnedWritePty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::Shared;
use crate::terminal_program::{Wanted, hang_up};

/// Longest message of a browser, in bytes: a paste comes in pieces.
pub(super) const MESSAGE_MAX: usize = 64 << 10;
/// How long a client may take to leave when its terminal is gone.
const LEAVE: Duration = Duration::from_secs(5);
/// How long a browser that is there may be silent: it answers pings.
const PING: Duration = Duration::from_secs(30);
/// How long one message may take to be sent.
const SLOW: Duration = Duration::from_secs(60);

/// Why it ended, for the page.
const OVER: (u16, &str) = (1000, "The session is over");
const TIMED_OUT: (u16, &str) = (4001, "Nothing was typed for too long, or the time is over");
const FAILED: (u16, &str) = (1011, "The terminal program cannot be started");

/// Serves the console until either side is done.
pub(super) async fn serve(mut socket: WebSocket, shared: Arc<Shared>, cookie: [u8; 32], userid: String) {
    let why = run(&mut socket, &shared, &cookie, &userid).await;
    let frame = CloseFrame { code: why.0, reason: why.1.into() };
    // The browser may be gone.
    let _ = timeout(LEAVE, socket.send(Message::Close(Some(frame)))).await;
}

async fn run(socket: &mut WebSocket, shared: &Shared, cookie: &[u8; 32], userid: &str) -> (u16, &'static str) {
    let wanted = Wanted { variables: vec![("COLORTERM".into(), "truecolor".into()), ("LANG".into(), "C.UTF-8".into())], here: true };
    let (mut output, mut input, child) = match shared.client.on_terminal(userid, &wanted, "xterm-256color", Size::new(24, 80)) {
        Ok(started) => started,
        Err(error) => {
            tracing::warn!(%error, "A session in a browser failed");
            return FAILED;
        }
    };
    let mut bytes = vec![0; 16 << 10];
    let mut heard = Instant::now();
    // Typed and not taken yet: while there is some, the terminal is read as well, or each would wait for the other.
    let mut typed: Vec<u8> = Vec::new();
    let why = loop {
        let (ends, now) = {
            let (visits, now) = shared.visits();
            (visits.ends(cookie), now)
        };
        let Some(left) = ends.and_then(|ends| ends.checked_sub(now)).filter(|left| !left.is_zero()) else { break TIMED_OUT };
        let wake = Instant::now() + left.min(PING);
        tokio::select! {
            read = output.read(&mut bytes) => match read {
                // An error is the client's end of the terminal closed.
                Ok(0) | Err(_) => break OVER,
                Ok(count) => {
                    let message = Message::Binary(Bytes::copy_from_slice(&bytes[..count]));
                    if !matches!(timeout(SLOW, socket.send(message)).await, Ok(Ok(()))) {
                        break OVER;
                    }
                }
            },
            written = input.write(&typed), if !typed.is_empty() => match written {
                Ok(count) => drop(typed.drain(..count)),
                Err(_) => break OVER,
            },
            message = socket.recv(), if typed.is_empty() => match message {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if matches!(message, Message::Binary(_)) && { let (mut visits, now) = shared.visits(); visits.userid(cookie, now).is_none() } {
                        break TIMED_OUT;
                    }
                    match message {
                        Message::Binary(keys) => typed.extend(keys),
                        Message::Close(_) => break OVER,
                        Message::Text(text) => resize(&text, &input),
                        Message::Ping(_) | Message::Pong(_) => {}
                    }
                }
                _ => break OVER,
            },
            () = sleep_until(wake) => {
                let silent = heard.elapsed() > 3 * PING;
                if silent || !matches!(timeout(SLOW, socket.send(Message::Ping(Bytes::new()))).await, Ok(Ok(()))) {
                    break OVER;
                }
            }
        }
    };
    // Closing the terminal is how the client learns that its user is gone.
    // Nobody asks a browser's client how it ended.
    let _ = hang_up((output, input), child).await;
    why
}

/// The terminal's size, as `COLUMNSxROWS`; anything else is nothing.
fn resize(text: &str, input: &OwnedWritePty) {
    let size = text.split_once('x').and_then(|(columns, rows)| Some((columns.parse::<u16>().ok()?, rows.parse::<u16>().ok()?)));
    if let Some((columns, rows)) = size {
        // A client that is gone has no size.
        let _ = input.resize(Size::new(rows.max(1), columns.max(1)));
    }
}
