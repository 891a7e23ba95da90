//! A connection to a terminal: bytes in and out, records of 3270 data.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::negotiation::{Agreement, Negotiation};
use super::telnet::{Event, Telnet, TooLong, record};
use crate::presentation::inbound::Aid;
use crate::presentation::{READ_PARTITION_QUERY, Terminal};

/// How long a terminal may take to answer a query; many do not answer at all.
const QUERY_PATIENCE: Duration = Duration::from_secs(3);
/// Types of a TN3270E message.
const DATA: u8 = 0;
const BIND_IMAGE: u8 = 3;
/// A BIND that every emulator takes: LU type 2; X'03' at 24 has its default size be 24 by 80 and its alternate size the largest it has.
const BIND: [u8; 29] = [
    0x31, 0x01, 0x03, 0x03, 0xb1, 0x90, 0x30, 0x80, 0x00, 0x80, 0x87, 0xf8, 0x87, 0x00, 0x02, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00,
];

/// Why a connection ends before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("Terminal went away")]
    Gone,
    #[error("Terminal did not answer in time")]
    TimedOut,
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("Connection failed")]
    Io(#[from] io::Error),
    #[error("CP failed on this request")]
    Host(#[from] tokio::task::JoinError),
}

/// What a terminal did.
#[derive(Debug)]
pub(super) enum Input {
    /// A record of 3270 data, from its AID on.
    Record(Vec<u8>),
    /// ATTN, or SYSREQ of TN3270.
    Attention,
    /// SYSREQ of TN3270E: the terminal shows an empty screen now and waits for CP's.
    SysReq,
    /// Text from a terminal that talks lines.
    Text(Vec<u8>),
}

/// Whatever a terminal is connected by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A terminal's connection.
pub(super) struct Line<S> {
    stream: S,
    telnet: Telnet,
    negotiation: Negotiation,
    events: VecDeque<Event>,
    /// Records have the header of TN3270E.
    headers: bool,
    /// Refusals of options, to go with what is sent next.
    unsent: Vec<u8>,
}

impl<S: Stream> Line<S> {
    pub(super) fn new(stream: S, system: &str) -> Self {
        Self {
            stream,
            telnet: Telnet::default(),
            negotiation: Negotiation::new(system),
            events: VecDeque::new(),
            headers: false,
            unsent: Vec::new(),
        }
    }

    /// Agrees on how to talk, within `patience`; a peer that says nothing of Telnet talks lines.
    pub(super) async fn agree(&mut self, patience: Duration) -> Result<Agreement, LineError> {
        let until = Instant::now() + patience;
        loop {
            let output = self.negotiation.take_output();
            self.send(&output).await?;
            match timeout_at(until, self.event()).await {
                Ok(event) => {
                    if let Some(agreement) = self.negotiation.take(&event?) {
                        let output = self.negotiation.take_output();
                        self.send(&output).await?;
                        return self.begin(agreement).await;
                    }
                }
                Err(_) => return Ok(self.negotiation.give_up()),
            }
        }
    }

    async fn begin(&mut self, mut agreement: Agreement) -> Result<Agreement, LineError> {
        match &mut agreement {
            Agreement::Lines => self.events.extend(self.telnet.without_records()),
            Agreement::Classic(terminal) => self.query(terminal).await?,
            Agreement::Extended { terminal, bind, .. } => {
                self.headers = true;
                if *bind {
                    self.send(&record(&[BIND_IMAGE, 0, 0, 0, 0], &BIND)).await?;
                }
                self.query(terminal).await?;
            }
        }
        Ok(agreement)
    }

    async fn query(&mut self, terminal: &mut Terminal) -> Result<(), LineError> {
        if !terminal.answers_queries() {
            return Ok(());
        }
        self.send_record(&READ_PARTITION_QUERY).await?;
        let answer = async {
            loop {
                if let Input::Record(record) = self.input().await?
                    && record.first() == Some(&Aid::StructuredField.to_byte())
                {
                    return Ok::<_, LineError>(record);
                }
            }
        };
        if let Ok(record) = timeout(QUERY_PATIENCE, answer).await {
            terminal.answered(&record?);
        }
        Ok(())
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        self.unsent.extend(bytes);
        self.stream.write_all(&std::mem::take(&mut self.unsent)).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a command and its data.
    pub(super) async fn send_record(&mut self, data: &[u8]) -> Result<(), LineError> {
        let header: &[u8] = if self.headers { &[DATA, 0, 0, 0, 0] } else { &[] };
        self.send(&record(header, data)).await
    }

    /// The next thing the terminal did. Cancel safe.
    pub(super) async fn input(&mut self) -> Result<Input, LineError> {
        loop {
            match self.event().await? {
                Event::Record(data) if self.headers => {
                    // Responses and other types are nobody's.
                    if let [DATA, _, _, _, _, data @ ..] = data.as_slice() {
                        return Ok(Input::Record(data.to_vec()));
                    }
                }
                // The test request that SYSREQ sends.
                Event::Record(data) if data.starts_with(&[0x01, 0x6c]) => return Ok(Input::Attention),
                Event::Record(data) => return Ok(Input::Record(data)),
                Event::Break | Event::Interrupt => return Ok(Input::Attention),
                Event::AbortOutput => return Ok(Input::SysReq),
                event => {
                    self.negotiation.take(&event);
                    self.unsent.extend(self.negotiation.take_output());
                }
            }
        }
    }

    /// The next text or attention of a terminal that talks lines. Cancel safe.
    pub(super) async fn text(&mut self) -> Result<Input, LineError> {
        loop {
            match self.event().await? {
                Event::Text(data) | Event::Record(data) => return Ok(Input::Text(data)),
                Event::Break | Event::Interrupt | Event::AbortOutput => return Ok(Input::Attention),
                Event::Negotiate(..) | Event::Subnegotiation(..) => {}
            }
        }
    }

    async fn event(&mut self) -> Result<Event, LineError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), LineError> {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes).await? {
            0 => Err(LineError::Gone),
            count => {
                self.events.extend(self.telnet.receive(&bytes[..count])?);
                Ok(())
            }
        }
    }

    /// Says that nothing more comes.
    pub(super) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }
}
