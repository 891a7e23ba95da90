//! The session behind a channel: the same client program that people run at a local terminal, on a pseudo-terminal or between pipes.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use pty_process::OwnedWritePty;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::proofs::is_plain;
use crate::terminal_program::{Client, Wanted, hang_up};

/// Variables of the terminal's end that the client may know.
const VARIABLES: [&str; 5] = ["LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR", "COLORTERM"];
/// A time that no session reaches: ten years.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86400);
/// Longest value of one.
const VALUE_MAX: usize = 64;

/// What the other side asked for before the session began.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Type, columns and rows of its terminal; none: it has none.
    pub(super) terminal: Option<(String, u16, u16)>,
    wanted: Wanted,
    /// A line to enter instead of what is typed.
    pub(super) command: Option<String>,
}

impl Asked {
    /// A command line: `LOGON HERE` is no line for the machine but how to log on.
    pub(super) fn command(&mut self, line: String) {
        if line.split_whitespace().map(str::to_uppercase).eq(["LOGON", "HERE"]) {
            self.wanted.here = true;
        } else {
            self.command = Some(line);
        }
    }

    /// A variable, when it is one that may be set.
    pub(super) fn set(&mut self, name: &str, value: &str) -> bool {
        let may = VARIABLES.contains(&name) && value.len() <= VALUE_MAX && is_plain(value) && self.wanted.variables.len() < VARIABLES.len();
        if may {
            self.wanted.variables.push((name.into(), value.into()));
        }
        may
    }
}

/// Runs the session on `channel` and closes it.
pub(super) async fn run(channel: Channel<Msg>, handle: Handle, client: Client, userid: String, asked: Asked, idle: Option<Duration>) {
    let id = channel.id();
    let ended = match &asked.terminal {
        Some((kind, columns, rows)) if asked.command.is_none() => {
            let size = pty_process::Size::new((*rows).max(1), (*columns).max(1));
            on_terminal(channel, &client, &userid, &asked, (kind, size), idle).await
        }
        _ => between_pipes(channel, &handle, &client, &userid, &asked).await,
    };
    let code = match ended {
        Ok(status) => status.and_then(|status| status.code()).and_then(|code| u32::try_from(code).ok()).unwrap_or(255),
        Err(error) => {
            tracing::warn!(%error, "A session over SSH failed");
            255
        }
    };
    // The other side may be gone.
    let _ = handle.exit_status_request(id, code).await;
    let _ = handle.eof(id).await;
    let _ = handle.close(id).await;
}

async fn on_terminal(
    channel: Channel<Msg>,
    client: &Client,
    userid: &str,
    asked: &Asked,
    (kind, size): (&str, pty_process::Size),
    idle: Option<Duration>,
) -> io::Result<Option<ExitStatus>> {
    let (mut output, mut input, child) = client.on_terminal(userid, &asked.wanted, kind, size)?;
    let (mut said, voice) = channel.split();
    let mut voice = voice.make_writer();
    tokio::select! {
        // The client has closed its terminal, or nobody takes what it says any more.
        _ = copy(&mut output, &mut voice) => {}
        () = type_on_terminal(&mut said, &mut input, idle) => {}
    }
    hang_up((output, input), child).await
}

/// Passes on what is typed until the other side is gone, or types nothing for too long.
async fn type_on_terminal(said: &mut ChannelReadHalf, input: &mut OwnedWritePty, idle: Option<Duration>) {
    let wait = idle.unwrap_or(FOR_EVER);
    while let Ok(Some(message)) = timeout(wait, said.wait()).await {
        let done = match message {
            ChannelMsg::Data { data } => input.write_all(&data).await,
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                let cut = |number: u32| u16::try_from(number).unwrap_or(u16::MAX).max(1);
                input.resize(pty_process::Size::new(cut(row_height), cut(col_width))).map_err(io::Error::other)
            }
            ChannelMsg::Close => return,
            _ => Ok(()),
        };
        if done.is_err() {
            return;
        }
    }
}

async fn between_pipes(
    channel: Channel<Msg>,
    handle: &Handle,
    client: &Client,
    userid: &str,
    asked: &Asked,
) -> io::Result<Option<ExitStatus>> {
    let id = channel.id();
    let mut child = tokio::process::Command::new(&client.program)
        .args(client.arguments_for(userid, &asked.wanted))
        .env_clear()
        .envs(asked.wanted.variables.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(input), Some(mut output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("a child without its pipes"));
    };
    let (mut said, voice) = channel.split();
    let mut voice = voice.make_writer();
    let shown = async {
        let (output, errors) = tokio::join!(copy(&mut output, &mut voice), complain(errors, handle, id));
        drop((output, errors));
    };
    let typed = type_into(&mut said, input, asked.command.clone());
    tokio::select! {
        () = shown => child.wait().await.map(Some),
        () = typed => Ok(None),
    }
}

/// Gives a script what comes, or the one line; completes when the other side is gone.
async fn type_into(said: &mut ChannelReadHalf, input: impl AsyncWrite + Unpin, command: Option<String>) {
    let mut input = Some(input);
    if let Some(command) = command
        && let Some(mut input) = input.take()
    {
        // A client that ends at once does not read it.
        drop(input.write_all(format!("{command}\n").as_bytes()).await);
    }
    while let Some(message) = said.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                let taken = match &mut input {
                    Some(into) => into.write_all(&data).await.is_ok(),
                    None => false,
                };
                if !taken {
                    input = None;
                }
            }
            ChannelMsg::Eof => input = None,
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut bytes = vec![0; 32 << 10];
    loop {
        match from.read(&mut bytes).await? {
            0 => return to.flush().await,
            count => to.write_all(&bytes[..count]).await?,
        }
    }
}

async fn complain(mut errors: impl AsyncRead + Unpin, handle: &Handle, id: ChannelId) -> io::Result<()> {
    let mut bytes = vec![0; 4096];
    loop {
        let count = errors.read(&mut bytes).await?;
        if count == 0 || handle.extended_data(id, 1, bytes[..count].to_vec()).await.is_err() {
            return Ok(());
        }
    }
}
