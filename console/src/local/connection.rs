//! One connection, from its first frame to its last. What a peer sends is hostile: whatever is out of order ends the connection with a refusal.

use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Bounds;
use super::screen::{Attached, ScreenOf};
use crate::calls::{Calls, enter, overdue, press};
use crate::door::{Door, Place};
use crate::frame::{self, FrameError, INPUT_FRAME_MAX};
use crate::text;
use crate::virtual_console::{ConsoleEvent, Role};
use crate::wire::{ClientFrame, Ending, FRAME_MAX, Hello, Line, LineKind, Logon, Punch, Reply, Request, Terminal, VERSION};
use crate::{Deck, LogonRefusal, Peer, PeerOrigin, Session, WRONG_PASSWORD};

/// Refused because the connection does not keep to the protocol.
const NOT_UNDERSTOOD: u32 = 1;
/// `HCPCFC015E`: not before LOGON.
const NOT_BEFORE_LOGON: u32 = 15;
/// `HCPDIA055E`: no line.
const NO_LINE: u32 = 55;

/// Why a connection ends before its time. Nobody is told but the log.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("Peer did not answer in time")]
    TimedOut(#[from] tokio::time::error::Elapsed),
    #[error("Peer went away")]
    Gone,
    #[error("CP failed on this request")]
    Host(#[from] tokio::task::JoinError),
}

impl From<std::io::Error> for ConnectionError {
    fn from(error: std::io::Error) -> Self {
        Self::Frame(FrameError::Io(error))
    }
}

/// What every connection needs to know.
pub(super) struct Caller {
    pub(super) calls: Calls,
    pub(super) owner: u32,
    pub(super) bounds: Bounds,
    pub(super) door: Arc<Door>,
}

/// The two halves of the stream.
struct Wire {
    input: BufReader<OwnedReadHalf>,
    output: OwnedWriteHalf,
}

impl Wire {
    async fn receive(&mut self) -> Result<ClientFrame, ConnectionError> {
        frame::receive(&mut self.input, INPUT_FRAME_MAX).await?.ok_or(ConnectionError::Gone)
    }

    async fn send(&mut self, reply: &Reply) -> Result<(), ConnectionError> {
        Ok(self.output.write_all(&frame::encode(reply)?).await?)
    }

    async fn refuse(&mut self, code: u32, message: impl Into<String>) -> Result<(), ConnectionError> {
        self.send(&Reply::Refused { code, message: message.into() }).await
    }
}

impl Caller {
    /// Serves `stream` until either side is done.
    pub(super) async fn serve(self, stream: UnixStream) {
        let peer = match stream.peer_cred() {
            Ok(credentials) => {
                Peer { origin: PeerOrigin::Account(credentials.uid()), owner: credentials.uid() == self.owner || credentials.uid() == 0 }
            }
            Err(error) => {
                tracing::warn!(%error, "A peer without credentials is cut");
                return;
            }
        };
        let (input, output) = stream.into_split();
        let mut line = Wire { input: BufReader::new(input), output };
        let done = match self.door.enter(&peer) {
            Some(place) => self.request(&peer, &mut line, place).await,
            None => line.refuse(NO_LINE, "HCPDIA055E Line(s) not available").await,
        };
        if let Err(error) = done {
            tracing::debug!(%peer, %error, "Connection ended");
        }
    }

    async fn request(&self, peer: &Peer, line: &mut Wire, place: Place) -> Result<(), ConnectionError> {
        let bytes = match timeout(self.bounds.hello, frame::receive_bytes(&mut line.input, INPUT_FRAME_MAX)).await? {
            Ok(bytes) => bytes.ok_or(ConnectionError::Gone)?,
            Err(error @ FrameError::TooLong { .. }) => {
                return line.refuse(NOT_UNDERSTOOD, error.to_string()).await;
            }
            Err(error) => return Err(error.into()),
        };
        // The version stands first, so that another version of everything behind it can be told from garbage.
        if let Ok((version, _)) = postcard::take_from_bytes::<u16>(&bytes)
            && version != VERSION
        {
            let message =
                format!("This system speaks version {VERSION} of the console protocol, the program at your end version {version}");
            return line.refuse(NOT_UNDERSTOOD, message).await;
        }
        let request = match frame::decode::<Hello>(&bytes) {
            Ok(hello) => hello.request,
            Err(error) => return line.refuse(NOT_UNDERSTOOD, error.to_string()).await,
        };
        drop(bytes);
        match request {
            Request::Logon(request) => self.logon(peer, line, request, place).await,
            _ if !peer.owner => line.refuse(NOT_BEFORE_LOGON, "HCPCFC015E Command not valid before LOGON").await,
            Request::Command(command) => {
                drop(place);
                let answer = self.calls.ask(peer, move |host, peer| host.command(peer, &command)).await?;
                line.send(&Reply::Answer(answer)).await
            }
            Request::Punch(file) => {
                drop(place);
                self.punch(peer, line, file).await
            }
            Request::Watch => {
                drop(place);
                self.watch(peer, line).await
            }
        }
    }

    /// Takes a host file as it comes. Where the peer goes away before its end, nothing of it stays.
    async fn punch(&self, peer: &Peer, line: &mut Wire, file: Punch) -> Result<(), ConnectionError> {
        let mut deck = match self.calls.ask(peer, move |host, peer| host.punch(peer, file)).await? {
            Ok(deck) => deck,
            Err(answer) => return line.send(&Reply::Answer(answer)).await,
        };
        line.send(&Reply::Ready).await?;
        loop {
            let frame = frame::receive(&mut line.input, FRAME_MAX).await;
            // What has to do with the disk, to drop it too, on a thread that may wait.
            let step = tokio::task::spawn_blocking(move || take(deck, frame)).await?;
            match step? {
                Step::On(next) => deck = next,
                Step::Over(reply) => return line.send(&reply).await,
            }
        }
    }

    async fn watch(&self, peer: &Peer, line: &mut Wire) -> Result<(), ConnectionError> {
        loop {
            let window = match line.receive().await? {
                ClientFrame::Poll(window) => window,
                ClientFrame::Disconnect => return Ok(()),
                _ => {
                    return line.refuse(NOT_UNDERSTOOD, "Only polls are taken here").await;
                }
            };
            let snapshot = self.calls.ask(peer, move |host, peer| host.snapshot(peer, &window)).await?;
            line.send(&Reply::Snapshot(Box::new(snapshot))).await?;
        }
    }

    async fn logon(&self, peer: &Peer, line: &mut Wire, mut request: Logon, place: Place) -> Result<(), ConnectionError> {
        let mut tries = 0;
        let session = loop {
            let asked = request.clone();
            let given = request.password.take().is_some();
            match self.calls.logon(peer, asked).await? {
                Ok(session) => break session,
                Err(LogonRefusal::Refused { code: WRONG_PASSWORD, message }) if given => {
                    tries += 1;
                    tokio::time::sleep(self.bounds.delay).await;
                    if tries >= self.bounds.tries {
                        return line.refuse(WRONG_PASSWORD, message).await;
                    }
                    line.send(&Reply::Output(Line { text: message, kind: LineKind::Cp })).await?;
                }
                Err(LogonRefusal::Refused { code, message }) => {
                    return line.refuse(code, message).await;
                }
                Err(LogonRefusal::NeedPassword { prompt }) => request.password = Some(self.password(line, prompt).await?),
            }
        };
        drop(place);
        self.session(line, session, request.terminal).await
    }

    async fn password(&self, line: &mut Wire, prompt: String) -> Result<String, ConnectionError> {
        line.send(&Reply::Password(prompt)).await?;
        let answer = async {
            loop {
                match line.receive().await? {
                    ClientFrame::Line(password) => return Ok(password),
                    ClientFrame::Disconnect => return Err(ConnectionError::Gone),
                    _ => {}
                }
            }
        };
        timeout(self.bounds.password, answer).await?
    }

    /// The console of a session that CP granted. Whatever ends it, CP is told when the owner's terminal went away.
    async fn session(&self, line: &mut Wire, mut session: Session, terminal: Terminal) -> Result<(), ConnectionError> {
        let Some(attachment) = session.take_attachment() else {
            return Err(ConnectionError::Gone);
        };
        let session = Arc::new(session);
        let size = (terminal.columns, terminal.rows);
        let mut attachment = Attached::new(attachment, terminal);
        let Wire { input, output } = line;
        let accepted = Reply::Accepted { system: session.system.clone(), userid: session.userid.clone() };
        let greeted = async {
            output.write_all(&frame::encode(&accepted)?).await?;
            Ok(self.calls.tell(&session, move |host, session| host.resize(session, size.0, size.1)).await?)
        };
        let ended = match greeted.await {
            Ok(()) => {
                let screen = Arc::clone(&attachment.screen);
                // What the console does not say comes beside it, one answer at a time.
                let (aside, mut answers) = mpsc::channel(1);
                let mut listening = pin!(self.listen(&session, &screen, input, &aside));
                tokio::select! {
                    ended = show(&session, &mut attachment, output, &mut answers) => match ended {
                        Ok(_) => Ok(Leave::Ended),
                        // It cannot be written to any more, but what it said before it went still counts.
                        Err(error) => timeout(self.bounds.drain, listening).await.unwrap_or(Err(error)),
                    },
                    left = &mut listening => left,
                    () = overdue(&session, self.bounds.drain) => Ok(Leave::Ended),
                }
            }
            Err(error) => Err(error),
        };
        let by_request = matches!(ended, Ok(Leave::Asked));
        if !matches!(ended, Ok(Leave::Ended)) && session.role == Role::Owner && session.owns_console() {
            self.calls.tell(&session, move |host, session| host.disconnected(session, by_request)).await?;
        }
        if by_request {
            // What CP says at DISCONNECT, and the end, are still to be shown.
            if session.role != Role::Owner {
                output.write_all(&frame::encode(&Reply::Ended(Ending::Disconnected))?).await?;
            } else {
                timeout(self.bounds.drain, show(&session, &mut attachment, output, &mut mpsc::channel(1).1)).await??;
            }
        }
        ended.map(|_| ())
    }

    /// Passes what the terminal sends on to CP, one frame after the other.
    async fn listen(
        &self,
        session: &Arc<Session>,
        screen: &ScreenOf,
        input: &mut BufReader<OwnedReadHalf>,
        aside: &mpsc::Sender<Reply>,
    ) -> Result<Leave, ConnectionError> {
        loop {
            match frame::receive(input, INPUT_FRAME_MAX).await?.ok_or(ConnectionError::Gone)? {
                // What a watcher types goes nowhere.
                ClientFrame::Line(_) | ClientFrame::Attention if session.role == Role::Watcher => {}
                ClientFrame::Line(line) => {
                    let line = text::typed(&line);
                    self.calls.tell(session, move |host, session| enter(host, session, line)).await?;
                }
                ClientFrame::Attention => self.calls.tell(session, |host, session| host.attention(session)).await?,
                ClientFrame::Key(sent) => {
                    if let Some(key) = screen.pressed(&sent) {
                        self.calls.tell(session, move |host, session| press(host, session, &key)).await?;
                    }
                }
                ClientFrame::Typed(bytes) if session.role != Role::Watcher && session.console.preferences().single_keys => {
                    self.calls.tell(session, move |host, session| host.typed(session, &bytes)).await?;
                }
                ClientFrame::Typed(_) => {}
                ClientFrame::Resize { columns, rows } => {
                    screen.resize(session, columns, rows);
                    self.calls.tell(session, move |host, session| host.resize(session, columns, rows)).await?;
                }
                ClientFrame::Disconnect => return Ok(Leave::Asked),
                // Whose console it is may know the files; who shares it is somebody else.
                ClientFrame::Files if session.role == Role::Owner => {
                    // What is typed meanwhile does not wait for the disk. Who asks again before the answer gets one.
                    if let Ok(place) = aside.clone().try_reserve_owned() {
                        let (calls, session) = (self.calls.clone(), Arc::clone(session));
                        tokio::spawn(async move {
                            let files = calls.answer(&session, |host, session| host.files(session)).await;
                            drop(place.send(Reply::Files(files.unwrap_or_default())));
                        });
                    }
                }
                ClientFrame::Files | ClientFrame::Poll(_) | ClientFrame::Records(_) | ClientFrame::Close => {}
            }
        }
    }
}

/// What comes of a frame about a deck.
enum Step {
    /// More may come.
    On(Box<dyn Deck>),
    /// Nothing comes after this.
    Over(Reply),
}

fn take(mut deck: Box<dyn Deck>, frame: Result<Option<ClientFrame>, FrameError>) -> Result<Step, ConnectionError> {
    Ok(match frame?.ok_or(ConnectionError::Gone)? {
        ClientFrame::Records(records) => match deck.add(&records) {
            Ok(()) => Step::On(deck),
            Err(answer) => Step::Over(Reply::Answer(answer)),
        },
        ClientFrame::Close => Step::Over(Reply::Answer(deck.close())),
        _ => Step::Over(Reply::Refused { code: NOT_UNDERSTOOD, message: "Only records are taken here".into() }),
    })
}

/// Why a session's connection is over.
enum Leave {
    /// The console ended and the terminal was told.
    Ended,
    /// The terminal asked to disconnect.
    Asked,
}

/// Sends console events until the end was sent. A terminal that takes none makes this wait, and the console drop lines for it.
async fn show(
    session: &Session,
    attachment: &mut Attached,
    output: &mut OwnedWriteHalf,
    answers: &mut mpsc::Receiver<Reply>,
) -> Result<Ending, ConnectionError> {
    loop {
        let event = tokio::select! {
            event = attachment.attachment.next() => event,
            Some(answer) = answers.recv() => {
                output.write_all(&frame::encode(&answer)?).await?;
                continue;
            }
        };
        let (bytes, ended) = match event {
            ConsoleEvent::Screen(picture) => match attachment.screen.follow(&picture, session.console.preferences().single_keys) {
                Some(reply) => (frame::encode(&reply)?, None),
                None => continue,
            },
            ConsoleEvent::LineMode => {
                attachment.screen.covered();
                (frame::encode(&Reply::LineMode)?, None)
            }
            ConsoleEvent::Lines(lines) => {
                let mut bytes = Vec::new();
                for line in lines {
                    bytes.extend(frame::encode(&Reply::Output(line))?);
                }
                (bytes, None)
            }
            ConsoleEvent::Lost(lines) => (frame::encode(&Reply::Lost(lines))?, None),
            ConsoleEvent::State(state) => (frame::encode(&Reply::State(state))?, None),
            ConsoleEvent::Ended(ending) => (frame::encode(&Reply::Ended(ending))?, Some(ending)),
        };
        output.write_all(&bytes).await?;
        if let Some(ending) = ended {
            return Ok(ending);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Answer, Snapshot, Window};
    use crate::{Host, Logo, Proof, Visited};

    /// A CP that must not be asked anything.
    struct Nobody;

    impl Host for Nobody {
        fn logo(&self) -> Logo {
            unreachable!("logo")
        }
        fn authenticate(&self, _: &Peer, _: &str, _: &Proof) -> bool {
            unreachable!("authenticate")
        }
        fn wants_code(&self, _: &str) -> bool {
            unreachable!("wants_code")
        }
        fn takes_code(&self, _: &str, _: &str) -> bool {
            unreachable!("takes_code")
        }
        fn visited(&self, _: &Peer, _: &str, _: Visited) {
            unreachable!("visited")
        }
        fn logon(&self, _: &Peer, _: &Logon) -> Result<Session, LogonRefusal> {
            unreachable!("logon")
        }
        fn dial(&self, _: &Peer, _: &str, _: Option<u16>) -> Result<Session, LogonRefusal> {
            unreachable!("dial")
        }
        fn input(&self, _: &Session, _: String) {
            unreachable!("input")
        }
        fn key(&self, _: &Session, _: &crate::presentation::inbound::Inbound) {
            unreachable!("key")
        }
        fn typed(&self, _: &Session, _: &[u8]) {
            unreachable!("typed")
        }
        fn attention(&self, _: &Session) {
            unreachable!("attention")
        }
        fn disconnected(&self, _: &Session, _: bool) {
            unreachable!("disconnected")
        }
        fn resize(&self, _: &Session, _: u16, _: u16) {
            unreachable!("resize")
        }
        fn copy_screen(&self, _: &Session, _: Vec<String>) {
            unreachable!("copy_screen")
        }
        fn files(&self, _: &Session) -> Vec<(String, String)> {
            unreachable!("files")
        }
        fn command(&self, _: &Peer, _: &str) -> Answer {
            unreachable!("command")
        }
        fn punch(&self, _: &Peer, _: Punch) -> Result<Box<dyn Deck>, Answer> {
            unreachable!("punch")
        }
        fn snapshot(&self, _: &Peer, _: &Window) -> Snapshot {
            unreachable!("snapshot")
        }
    }

    /// What an account that is not the owner is answered to `hello`.
    async fn answer_to_a_stranger(hello: &[u8]) -> Option<Reply> {
        let stranger = Peer { origin: PeerOrigin::Account(12345), owner: false };
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (input, output) = ours.into_split();
        let mut wire = Wire { input: BufReader::new(input), output };
        let caller = Caller { calls: Calls::new(Arc::new(Nobody), 1), owner: 0, bounds: Bounds::default(), door: Door::new(1, 1) };
        let place = caller.door.enter(&stranger).unwrap();
        let (mut input, mut output) = theirs.into_split();
        output.write_all(hello).await.unwrap();
        let _ = caller.request(&stranger, &mut wire, place).await;
        drop(wire);
        frame::receive(&mut input, FRAME_MAX).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_owner_commands_punches_and_watches() {
        let file = Punch { to: "A".into(), name: "A".into(), file_type: "A".into(), class: 'A', tag: String::new() };
        for request in [Request::Command("SHUTDOWN".into()), Request::Punch(file), Request::Watch] {
            let hello = frame::encode(&Hello { version: VERSION, request }).unwrap();
            let answer = answer_to_a_stranger(&hello).await;
            assert!(matches!(answer, Some(Reply::Refused { code: NOT_BEFORE_LOGON, .. })), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_stranger_gets_no_room_for_a_long_frame() {
        let long = u32::try_from(INPUT_FRAME_MAX + 1).unwrap().to_le_bytes();
        let answer = answer_to_a_stranger(&long).await;
        assert!(matches!(answer, Some(Reply::Refused { code: NOT_UNDERSTOOD, .. })), "{answer:?}");
    }
}
