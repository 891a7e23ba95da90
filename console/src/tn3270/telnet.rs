//! The Telnet protocol as bytes and events (RFC 854, 855, 885). Pure; what is negotiated is [`super::negotiation`]'s to say.

/// Interpret as command.
pub const IAC: u8 = 255;
/// Option negotiation.
pub const DONT: u8 = 254;
/// See [`DONT`].
pub const DO: u8 = 253;
/// See [`DONT`].
pub const WONT: u8 = 252;
/// See [`DONT`].
pub const WILL: u8 = 251;
/// Subnegotiation begins.
pub const SB: u8 = 250;
/// Subnegotiation ends.
pub const SE: u8 = 240;
/// End of record.
pub const EOR: u8 = 239;
const BREAK: u8 = 243;
const INTERRUPT: u8 = 244;
const ABORT_OUTPUT: u8 = 245;

/// Options.
pub mod option {
    /// 8-bit data.
    pub const BINARY: u8 = 0;
    /// The server echoes.
    pub const ECHO: u8 = 1;
    /// No go-ahead.
    pub const SUPPRESS_GO_AHEAD: u8 = 3;
    /// Terminal type.
    pub const TERMINAL_TYPE: u8 = 24;
    /// Records.
    pub const END_OF_RECORD: u8 = 25;
    /// TN3270E (RFC 2355).
    pub const TN3270E: u8 = 40;
}

/// Longest record, line or subnegotiation that a peer may send, in bytes: a screen of the largest size with an attribute everywhere.
const RECORD_MAX: usize = 64 << 10;
const SUBNEGOTIATION_MAX: usize = 512;

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `WILL`, `WONT`, `DO` or `DONT` and the option.
    Negotiate(u8, u8),
    /// A subnegotiation: the option and what is said of it.
    Subnegotiation(u8, Vec<u8>),
    /// A record, ended by EOR.
    Record(Vec<u8>),
    /// Bytes of a peer that sends no records, see [`Telnet::without_records`].
    Text(Vec<u8>),
    /// Break.
    Break,
    /// Interrupt process.
    Interrupt,
    /// Abort output.
    AbortOutput,
}

/// A record or subnegotiation is longer than anybody may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Telnet record is too long")]
pub struct TooLong;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Data,
    Command,
    Option(u8),
    Subnegotiation,
    /// IAC inside a subnegotiation.
    SubnegotiationCommand,
}

/// One direction of a connection: what the peer sends.
#[derive(Debug)]
pub struct Telnet {
    state: State,
    data: Vec<u8>,
    subnegotiation: Vec<u8>,
    /// There are no records.
    text: bool,
}

impl Default for Telnet {
    fn default() -> Self {
        Self { state: State::Data, data: Vec::new(), subnegotiation: Vec::new(), text: false }
    }
}

impl Telnet {
    /// Takes bytes in, however they were cut.
    ///
    /// # Errors
    /// [`TooLong`]: the connection is to be ended.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let event = self.byte(byte);
            if event.is_some() {
                events.extend(self.take_text());
            }
            events.extend(event);
            if self.data.len() > RECORD_MAX || self.subnegotiation.len() > SUBNEGOTIATION_MAX {
                return Err(TooLong);
            }
        }
        events.extend(self.take_text());
        Ok(events)
    }

    /// From now on what comes is text. Answers what came already.
    pub fn without_records(&mut self) -> Option<Event> {
        self.text = true;
        self.take_text()
    }

    fn take_text(&mut self) -> Option<Event> {
        (self.text && !self.data.is_empty()).then(|| Event::Text(std::mem::take(&mut self.data)))
    }

    fn byte(&mut self, byte: u8) -> Option<Event> {
        let (state, event) = match (self.state, byte) {
            (State::Data, IAC) => (State::Command, None),
            (State::Data, byte) => {
                self.data.push(byte);
                (State::Data, None)
            }
            (State::Command, IAC) => {
                self.data.push(IAC);
                (State::Data, None)
            }
            (State::Command, WILL | WONT | DO | DONT) => (State::Option(byte), None),
            (State::Command, SB) => (State::Subnegotiation, None),
            (State::Command, EOR) => (State::Data, Some(Event::Record(std::mem::take(&mut self.data)))),
            (State::Command, BREAK) => (State::Data, Some(Event::Break)),
            (State::Command, INTERRUPT) => (State::Data, Some(Event::Interrupt)),
            (State::Command, ABORT_OUTPUT) => (State::Data, Some(Event::AbortOutput)),
            (State::Command, _) => (State::Data, None),
            (State::Option(verb), option) => (State::Data, Some(Event::Negotiate(verb, option))),
            (State::Subnegotiation, IAC) => (State::SubnegotiationCommand, None),
            (State::Subnegotiation, byte) | (State::SubnegotiationCommand, byte @ IAC) => {
                self.subnegotiation.push(byte);
                (State::Subnegotiation, None)
            }
            // SE; or something out of order, which ends it too.
            (State::SubnegotiationCommand, _) => {
                let mut said = std::mem::take(&mut self.subnegotiation).into_iter();
                (State::Data, said.next().map(|option| Event::Subnegotiation(option, said.collect())))
            }
        };
        self.state = state;
        event
    }
}

/// Data with every IAC doubled.
pub fn escape(data: &[u8], out: &mut Vec<u8>) {
    for &byte in data {
        out.push(byte);
        if byte == IAC {
            out.push(IAC);
        }
    }
}

/// A record: `header` and `data`, escaped, with its end.
pub fn record(header: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len() + data.len() + 8);
    escape(header, &mut out);
    escape(data, &mut out);
    out.extend([IAC, EOR]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn events_come_in_order() {
        let bytes = [IAC, WILL, 24, IAC, SB, 24, 0, b'I', IAC, IAC, IAC, SE, 0x7d, IAC, IAC, IAC, EOR, IAC, BREAK, b'x'];
        let mut telnet = Telnet::default();
        let events = telnet.receive(&bytes).unwrap();
        let text = telnet.without_records();
        let wanted =
            [Event::Negotiate(WILL, 24), Event::Subnegotiation(24, vec![0, b'I', IAC]), Event::Record(vec![0x7d, IAC]), Event::Break];
        assert_eq!((events, text), (wanted.to_vec(), Some(Event::Text(b"x".to_vec()))));
        let events = telnet.receive(&[b'a', IAC, IAC, IAC, INTERRUPT, b'b']).unwrap();
        assert_eq!(events, [Event::Text(vec![b'a', IAC]), Event::Interrupt, Event::Text(vec![b'b'])]);
    }

    #[test]
    fn a_record_without_end_is_too_long() {
        assert_eq!(Telnet::default().receive(&vec![0; RECORD_MAX + 1]), Err(TooLong));
        assert_eq!(Telnet::default().receive(&[&[IAC, SB][..], &[7; SUBNEGOTIATION_MAX + 1]].concat()), Err(TooLong));
    }

    proptest! {
        #[test]
        fn records_come_back_however_they_are_cut(data in prop::collection::vec(any::<u8>(), 0..300), cut in 1..20usize) {
            let mut telnet = Telnet::default();
            let events: Vec<Event> = record(&[0, IAC], &data).chunks(cut).flat_map(|part| telnet.receive(part).unwrap()).collect();
            prop_assert_eq!(events, [Event::Record([&[0, IAC][..], &data].concat())]);
        }

        #[test]
        fn garbage_is_harmless(bytes in prop::collection::vec(prop_oneof![Just(IAC), Just(SB), Just(SE), any::<u8>()], 0..500)) {
            let _ = Telnet::default().receive(&bytes);
        }
    }
}
