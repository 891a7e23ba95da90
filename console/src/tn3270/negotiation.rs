//! Agreeing with a terminal on how to talk: TN3270E, TN3270, or plain lines (RFC 2355, RFC 1576, RFC 1091). Pure.
//!
//! ```text
//!   DO TN3270E --- WILL --> device type --> functions --> TN3270E
//!        '-------- WONT --> DO TERMINAL-TYPE --- IBM-... --> EOR and BINARY both ways --> TN3270
//!                               '--------------- another, or WONT --> lines (NVT)
//! ```
//!
//! Of the functions of TN3270E a terminal is granted BIND-IMAGE and SYSREQ when it asks for them.

use super::telnet::{DO, DONT, Event, IAC, SB, SE, WILL, WONT, option};
use crate::presentation::Terminal;

/// TN3270E subnegotiation.
mod e {
    pub const CONNECT: u8 = 1;
    pub const DEVICE_TYPE: u8 = 2;
    pub const FUNCTIONS: u8 = 3;
    pub const IS: u8 = 4;
    pub const REASON: u8 = 5;
    pub const REJECT: u8 = 6;
    pub const REQUEST: u8 = 7;
    pub const SEND: u8 = 8;
    /// Reasons.
    pub const INVALID_DEVICE_TYPE: u8 = 4;
    /// Functions.
    pub const BIND_IMAGE: u8 = 0;
    pub const SYSREQ: u8 = 4;
}

/// Terminal type subnegotiation.
const TYPE_IS: u8 = 0;
const TYPE_SEND: u8 = 1;

/// Terminal types that are asked for before the peer is taken to be no 3270: it may offer several.
const TYPES_MAX: u8 = 4;
/// Longest name of a terminal type.
const NAME_MAX: usize = 40;

/// How the two sides talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// TN3270E.
    Extended {
        /// The terminal.
        terminal: Terminal,
        /// It waits for a BIND before it takes data.
        bind: bool,
        /// SYSREQ comes as a Telnet command.
        sysreq: bool,
    },
    /// TN3270.
    Classic(Terminal),
    /// Lines of text.
    Lines,
}

/// What a peer has agreed to of an option, in both directions.
#[derive(Clone, Copy, Debug, Default)]
struct Both {
    mine: bool,
    theirs: bool,
}

#[derive(Debug)]
enum Stage {
    /// Whether it knows TN3270E.
    Extended,
    /// TN3270E: its device type.
    DeviceType,
    /// TN3270E: functions.
    Functions(Terminal),
    /// Its terminal type: so many were named.
    Type(u8, String),
    /// The last options of TN3270.
    Records(Terminal),
    Agreed,
}

/// A negotiation under way.
#[derive(Debug)]
pub struct Negotiation {
    stage: Stage,
    system: String,
    binary: Both,
    records: Both,
    /// What is to be sent.
    out: Vec<u8>,
}

impl Negotiation {
    /// Begins one; `system` is the name by which a terminal is to know this end (LU name).
    pub fn new(system: &str) -> Self {
        let mut new =
            Self { stage: Stage::Extended, system: system.into(), binary: Both::default(), records: Both::default(), out: Vec::new() };
        new.verb(DO, option::TN3270E);
        new
    }

    /// Bytes for the peer.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The peer has said nothing for a while: it talks lines.
    pub fn give_up(&mut self) -> Agreement {
        self.agree(Agreement::Lines)
    }

    fn agree(&mut self, agreement: Agreement) -> Agreement {
        self.stage = Stage::Agreed;
        agreement
    }

    fn verb(&mut self, verb: u8, option: u8) {
        self.out.extend([IAC, verb, option]);
    }

    fn say(&mut self, option: u8, data: &[u8]) {
        self.out.extend([IAC, SB, option]);
        super::telnet::escape(data, &mut self.out);
        self.out.extend([IAC, SE]);
    }

    /// Takes one event in; answers the agreement when it is reached. Afterwards options are only refused.
    pub fn take(&mut self, event: &Event) -> Option<Agreement> {
        match event {
            Event::Negotiate(verb, option) => self.option(*verb, *option),
            Event::Subnegotiation(option::TN3270E, said) => self.extended(said),
            Event::Subnegotiation(option::TERMINAL_TYPE, said) => self.terminal_type(said),
            _ => None,
        }
    }

    fn option(&mut self, verb: u8, option: u8) -> Option<Agreement> {
        let on = matches!(verb, WILL | DO);
        match (option, verb, &self.stage) {
            (option::TN3270E, WILL, Stage::Extended) => {
                self.stage = Stage::DeviceType;
                self.say(option::TN3270E, &[e::SEND, e::DEVICE_TYPE]);
            }
            (option::TN3270E, WONT, Stage::Extended | Stage::DeviceType | Stage::Functions(_)) => self.ask_type(),
            (option::TERMINAL_TYPE, WILL, Stage::Type(0, _)) => self.say(option::TERMINAL_TYPE, &[TYPE_SEND]),
            (option::TERMINAL_TYPE, WONT, Stage::Type(..)) => return Some(self.agree(Agreement::Lines)),
            (option::BINARY | option::END_OF_RECORD, _, Stage::Records(_)) => {
                let both = if option == option::BINARY { &mut self.binary } else { &mut self.records };
                *(if matches!(verb, WILL | WONT) { &mut both.theirs } else { &mut both.mine }) = on;
                if !on {
                    return Some(self.agree(Agreement::Lines));
                }
                if self.binary.mine
                    && self.binary.theirs
                    && self.records.mine
                    && self.records.theirs
                    && let Stage::Records(terminal) = &self.stage
                {
                    let terminal = terminal.clone();
                    return Some(self.agree(Agreement::Classic(terminal)));
                }
            }
            // Answers to what was asked for.
            (
                option::TN3270E | option::TERMINAL_TYPE | option::BINARY | option::END_OF_RECORD | option::ECHO | option::SUPPRESS_GO_AHEAD,
                ..,
            ) => {}
            (_, WILL, _) => self.verb(DONT, option),
            (_, DO, _) => self.verb(WONT, option),
            _ => {}
        }
        None
    }

    fn ask_type(&mut self) {
        self.stage = Stage::Type(0, String::new());
        self.verb(DO, option::TERMINAL_TYPE);
    }

    fn terminal_type(&mut self, said: &[u8]) -> Option<Agreement> {
        let Stage::Type(count, before) = &self.stage else { return None };
        let Some((&TYPE_IS, name)) = said.split_first() else { return None };
        let (count, name) = (count + 1, text(name));
        if let Some(terminal) = Terminal::named(&name) {
            self.stage = Stage::Records(terminal);
            for option in [option::END_OF_RECORD, option::BINARY] {
                self.verb(DO, option);
                self.verb(WILL, option);
            }
            return None;
        }
        // The same name twice: there are no more.
        if count >= TYPES_MAX || *before == name {
            return Some(self.agree(Agreement::Lines));
        }
        self.stage = Stage::Type(count, name);
        self.say(option::TERMINAL_TYPE, &[TYPE_SEND]);
        None
    }

    fn extended(&mut self, said: &[u8]) -> Option<Agreement> {
        match (&self.stage, said) {
            (Stage::DeviceType, [e::DEVICE_TYPE, e::REQUEST, name @ ..]) => {
                let name = text(name.split(|&byte| byte == e::CONNECT).next().unwrap_or_default());
                match Terminal::named(&name) {
                    Some(terminal) => {
                        let lu = self.system.clone();
                        self.say(option::TN3270E, &[&[e::DEVICE_TYPE, e::IS], name.as_bytes(), &[e::CONNECT], lu.as_bytes()].concat());
                        self.stage = Stage::Functions(terminal);
                    }
                    None => {
                        self.say(option::TN3270E, &[e::DEVICE_TYPE, e::REJECT, e::REASON, e::INVALID_DEVICE_TYPE]);
                        self.verb(DONT, option::TN3270E);
                        self.ask_type();
                    }
                }
            }
            (Stage::Functions(terminal), [e::FUNCTIONS, verb @ (e::REQUEST | e::IS), wanted @ ..]) => {
                let granted: Vec<u8> = wanted.iter().copied().filter(|function| matches!(*function, e::BIND_IMAGE | e::SYSREQ)).collect();
                if granted == *wanted {
                    let terminal = terminal.clone();
                    if *verb == e::REQUEST {
                        self.say(option::TN3270E, &[&[e::FUNCTIONS, e::IS], wanted].concat());
                    }
                    let (bind, sysreq) = (granted.contains(&e::BIND_IMAGE), granted.contains(&e::SYSREQ));
                    return Some(self.agree(Agreement::Extended { terminal, bind, sysreq }));
                }
                self.say(option::TN3270E, &[&[e::FUNCTIONS, e::REQUEST][..], &granted].concat());
            }
            _ => {}
        }
        None
    }
}

/// A name from a peer.
fn text(bytes: &[u8]) -> String {
    bytes.iter().take(NAME_MAX).map(|&byte| char::from(byte)).filter(char::is_ascii_graphic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sub(option: u8, said: &[u8]) -> Event {
        Event::Subnegotiation(option, said.to_vec())
    }

    fn extended(name: &str) -> Event {
        sub(40, &[&[2, 7], name.as_bytes()].concat())
    }

    /// What is agreed after these events, and what was sent meanwhile.
    fn negotiate(events: &[Event]) -> (Option<Agreement>, Vec<u8>) {
        let mut negotiation = Negotiation::new("CP64");
        let agreed = events.iter().fold(None, |agreed, event| agreed.or(negotiation.take(event)));
        (agreed, negotiation.take_output())
    }

    #[test]
    fn tn3270e_with_and_without_functions() {
        let name = "IBM-3278-4-E";
        let terminal = Terminal::named(name).unwrap();
        let (agreed, _) = negotiate(&[Event::Negotiate(WILL, 40), extended(name), sub(40, &[3, 7])]);
        assert_eq!(agreed, Some(Agreement::Extended { terminal: terminal.clone(), bind: false, sysreq: false }));
        let (agreed, _) = negotiate(&[Event::Negotiate(WILL, 40), extended(name), sub(40, &[3, 7, 0, 4])]);
        assert_eq!(agreed, Some(Agreement::Extended { terminal: terminal.clone(), bind: true, sysreq: true }));
        // RESPONSES is not granted: what is left is asked for, and the terminal agrees.
        let all = [Event::Negotiate(WILL, 40), extended(name), sub(40, &[3, 7, 0, 2, 4])];
        let (none, sent) = negotiate(&all);
        assert!(none.is_none() && sent.ends_with(&[IAC, SB, 40, 3, 7, 0, 4, IAC, SE]));
        let (agreed, _) = negotiate(&[&all[..], &[sub(40, &[3, 4, 0, 4])]].concat());
        assert_eq!(agreed, Some(Agreement::Extended { terminal, bind: true, sysreq: true }));
    }

    #[test]
    fn tn3270_when_the_terminal_does_not_know_better() {
        let records = [Event::Negotiate(WILL, 25), Event::Negotiate(DO, 25), Event::Negotiate(WILL, 0), Event::Negotiate(DO, 0)];
        let begin = [Event::Negotiate(WONT, 40), Event::Negotiate(WILL, 24), sub(24, b"\0IBM-3279-2-E")];
        let (agreed, sent) = negotiate(&[&begin[..], &records].concat());
        assert_eq!(agreed, Some(Agreement::Classic(Terminal::named("IBM-3279-2-E").unwrap())));
        assert!(sent.ends_with(&[IAC, DO, 25, IAC, WILL, 25, IAC, DO, 0, IAC, WILL, 0]));
    }

    #[test]
    fn a_plain_terminal_gets_lines() {
        let begin = [Event::Negotiate(WONT, 40), Event::Negotiate(WILL, 24)];
        for rest in [&[sub(24, b"\0XTERM"), sub(24, b"\0XTERM")][..], &[sub(24, b"\0A"), sub(24, b"\0B"), sub(24, b"\0C"), sub(24, b"\0D")]]
        {
            assert_eq!(negotiate(&[&begin[..], rest].concat()).0, Some(Agreement::Lines));
        }
        assert_eq!(negotiate(&[Event::Negotiate(WONT, 40), Event::Negotiate(WONT, 24)]).0, Some(Agreement::Lines));
    }

    #[test]
    fn a_device_that_is_unknown_is_rejected_and_asked_the_other_way() {
        let (agreed, sent) = negotiate(&[Event::Negotiate(WILL, 40), extended("IBM-3287-1")]);
        assert!(agreed.is_none() && sent.ends_with(&[IAC, SB, 40, 2, 6, 5, 4, IAC, SE, IAC, DONT, 40, IAC, DO, 24]));
    }

    #[test]
    fn options_that_nobody_asked_for_are_refused() {
        let (_, sent) = negotiate(&[Event::Negotiate(WILL, 31), Event::Negotiate(DO, 99)]);
        assert!(sent.ends_with(&[IAC, DONT, 31, IAC, WONT, 99]));
    }

    proptest! {
        #[test]
        fn any_events_end_or_wait(events in prop::collection::vec(prop_oneof![
            (251..=254u8, prop::sample::select(vec![0u8, 1, 24, 25, 40, 99])).prop_map(|(verb, option)| Event::Negotiate(verb, option)),
            (prop::sample::select(vec![24u8, 40]), prop::collection::vec(0..9u8, 0..8)).prop_map(|(option, said)| Event::Subnegotiation(option, said)),
        ], 0..60)) {
            let (_, sent) = negotiate(&events);
            // A loop of refusals would never end; each event costs a bounded answer.
            prop_assert!(sent.len() <= 3 + events.len() * 64);
        }
    }
}
