//! A console with named ports: which are open, what was written to them and what is to be read from them.
//!
//! ```text
//!   queues       0 and 1: port 0 in and out      2 and 3: control in and out      4 and 5: port 1 in and out ...
//!   driver       ready -> told of each port; a port ready -> told its name and that the other end is there
//!   guest opens  -> Open, and for an input Read after Read into its buffers; at the end "the other end has gone": the guest reads end of file
//!   guest closes -> Close, and the other end is there again
//! ```
//!
//! What ports ask is done one thing after the other, and the machine does not run meanwhile: so what may wait is bounded by what one queue holds.

use std::collections::VecDeque;

use super::queue::{Broken, Chain};
use super::spec::console::{MULTIPORT, PORTS_MAX, event};
use crate::Storage;
use crate::port::{Operation, PIECE_MAX};

/// Queues of the control messages, to and from the driver.
pub(super) const CONTROL: [usize; 2] = [2, 3];
/// Messages for the driver that may wait; a driver that asks for more without taking them has lost its way.
const MESSAGES_MAX: usize = 64;
/// Port, event, value.
const MESSAGE: usize = 8;

/// A port.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    is_input: bool,
    open: bool,
    /// What was read for the guest and has not reached it.
    unread: VecDeque<u8>,
    /// Nothing more comes until it is opened again.
    at_end: bool,
}

/// Something that is to be asked, or is.
#[derive(Clone, Debug)]
enum Wanted {
    Open(usize),
    Close(usize),
    Read(usize),
    /// The bytes of this chain, which goes back then.
    Write(usize, Chain),
}

impl Wanted {
    fn port(&self) -> usize {
        match self {
            Self::Open(port) | Self::Close(port) | Self::Read(port) | Self::Write(port, _) => *port,
        }
    }
}

/// The ports behind their queues.
#[derive(Clone, Debug, Default)]
pub(super) struct Console {
    lines: Vec<Line>,
    messages: VecDeque<Vec<u8>>,
    wanted: VecDeque<Wanted>,
    pending: Option<Wanted>,
}

/// The port whose data a queue carries, and whether to the guest.
fn port_of(queue: usize) -> Option<(usize, bool)> {
    let pair = queue / 2;
    let port = match pair {
        0 => 0,
        1 => return None,
        pair => pair - 1,
    };
    Some((port, queue.is_multiple_of(2)))
}

/// The queue that carries a port's data to the guest.
fn input_queue(port: usize) -> usize {
    if port == 0 { 0 } else { 2 * (port + 1) }
}

impl Console {
    /// Ports with these names; those that are inputs have bytes for the guest.
    pub(super) fn new(ports: impl IntoIterator<Item = (String, bool)>) -> Self {
        let line = |(name, is_input)| Line { name, is_input, open: false, unread: VecDeque::new(), at_end: false };
        Self { lines: ports.into_iter().take(PORTS_MAX).map(line).collect(), ..Self::default() }
    }

    /// The same ports, as after power-on.
    pub(super) fn anew(&self) -> Self {
        Self::new(self.lines.iter().map(|line| (line.name.clone(), line.is_input)))
    }

    pub(super) fn features() -> u64 {
        MULTIPORT
    }

    /// Columns and rows, which it has not; how many ports.
    pub(super) fn config(&self) -> Vec<u8> {
        [&[0; 4][..], &(self.lines.len() as u32).to_le_bytes(), &[0; 4]].concat()
    }

    /// How many queues there are.
    pub(super) fn queues(&self) -> usize {
        2 * (self.lines.len() + 1)
    }

    /// Whether the driver offers its chains on this queue to be read by the device.
    pub(super) fn is_output(queue: usize) -> bool {
        !queue.is_multiple_of(2)
    }

    /// A chain that the driver offered on a queue to be read. `None` is a chain that goes back later.
    pub(super) fn take(&mut self, queue: usize, chain: Chain, storage: &dyn Storage) -> Result<Option<Chain>, Broken> {
        if queue == CONTROL[1] {
            self.hear(&chain.bytes(storage)?)?;
            return Ok(Some(chain));
        }
        let Some((port, false)) = port_of(queue) else { return Err(Broken) };
        match self.lines.get(port) {
            // Who writes to a reader, or to what nobody opened, writes to nothing.
            Some(line) if line.open && !line.is_input => {
                self.wanted.push_back(Wanted::Write(port, chain));
                Ok(None)
            }
            _ => Ok(Some(chain)),
        }
    }

    /// A control message of the driver.
    fn hear(&mut self, message: &[u8]) -> Result<(), Broken> {
        let Some(message) = message.get(..MESSAGE) else { return Err(Broken) };
        let half = |at: usize| u16::from_le_bytes([message[at], message[at + 1]]);
        let port = u32::from_le_bytes([message[0], message[1], message[2], message[3]]) as usize;
        let (event, value) = (half(4), half(6));
        match (event, value) {
            (event::DEVICE_READY, 1) => (0..self.lines.len()).try_for_each(|port| self.tell(port, event::PORT_ADD, 1, &[])),
            _ if port >= self.lines.len() => Ok(()),
            (event::PORT_READY, 1) => {
                let name = self.lines[port].name.clone().into_bytes();
                self.tell(port, event::PORT_NAME, 1, &name)?;
                self.tell(port, event::PORT_OPEN, 1, &[])
            }
            (event::PORT_OPEN, 1) if !self.lines[port].open => {
                let line = &mut self.lines[port];
                (line.open, line.at_end) = (true, false);
                line.unread.clear();
                self.wanted.push_back(Wanted::Open(port));
                Ok(())
            }
            (event::PORT_OPEN, 0) if self.lines[port].open => {
                self.lines[port].open = false;
                self.lines[port].unread.clear();
                self.wanted.push_back(Wanted::Close(port));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn tell(&mut self, port: usize, event: u16, value: u16, more: &[u8]) -> Result<(), Broken> {
        if self.messages.len() >= MESSAGES_MAX {
            return Err(Broken);
        }
        let port = port as u32;
        self.messages.push_back([&port.to_le_bytes()[..], &event.to_le_bytes(), &value.to_le_bytes(), more].concat());
        Ok(())
    }

    /// The queues on which there is something for the driver.
    pub(super) fn full_queues(&self) -> Vec<usize> {
        let inputs = self.lines.iter().enumerate().filter(|(_, line)| !line.unread.is_empty()).map(|(port, _)| input_queue(port));
        let control = (!self.messages.is_empty()).then_some(CONTROL[0]);
        control.into_iter().chain(inputs).collect()
    }

    /// Fills a chain of one of those queues; answers how many bytes.
    pub(super) fn fill(&mut self, queue: usize, chain: &Chain, storage: &dyn Storage) -> Result<u32, Broken> {
        let room = chain.room();
        if queue == CONTROL[0] {
            let message = self.messages.pop_front().unwrap_or_default();
            if message.len() > room {
                return Err(Broken);
            }
            chain.fill(0, &message, storage)?;
            return Ok(message.len() as u32);
        }
        let line = port_of(queue).and_then(|(port, _)| self.lines.get_mut(port)).ok_or(Broken)?;
        let length = line.unread.len().min(room);
        let bytes: Vec<u8> = line.unread.drain(..length).collect();
        chain.fill(0, &bytes, storage)?;
        Ok(length as u32)
    }

    /// What is to be asked next, if nothing is under way. Reads go on as long as what was read reaches the guest.
    pub(super) fn next(&mut self, storage: &dyn Storage) -> Result<Option<(usize, Operation)>, Broken> {
        if self.pending.is_some() {
            return Ok(None);
        }
        let more = || self.lines.iter().position(|line| line.open && line.is_input && !line.at_end && line.unread.is_empty());
        let Some(wanted) = self.wanted.pop_front().or_else(|| more().map(Wanted::Read)) else { return Ok(None) };
        let operation = match &wanted {
            Wanted::Open(_) => Operation::Open,
            Wanted::Close(_) => Operation::Close,
            Wanted::Read(_) => Operation::Read,
            Wanted::Write(_, chain) => Operation::Write(chain.bytes(storage)?),
        };
        let port = wanted.port();
        self.pending = Some(wanted);
        Ok(Some((port, operation)))
    }

    /// What was asked has ended. Answers the queue and the chain that goes back.
    pub(super) fn ended(&mut self, ended: Result<Vec<u8>, ()>) -> Result<Option<(usize, Chain)>, Broken> {
        match self.pending.take() {
            None | Some(Wanted::Open(_)) => Ok(None),
            Some(Wanted::Close(port)) => self.tell(port, event::PORT_OPEN, 1, &[]).map(|()| None),
            Some(Wanted::Read(port)) => {
                let bytes = ended.unwrap_or_default();
                let line = &mut self.lines[port];
                if bytes.is_empty() {
                    line.at_end = true;
                    return self.tell(port, event::PORT_OPEN, 0, &[]).map(|()| None);
                }
                line.unread.extend(&bytes[..bytes.len().min(PIECE_MAX)]);
                Ok(None)
            }
            Some(Wanted::Write(port, chain)) => Ok(Some((input_queue(port) + 1, chain))),
        }
    }
}
