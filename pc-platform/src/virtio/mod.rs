//! Virtio devices on MMIO: disks, a source of random numbers, and a console with named ports.
//!
//! Queues are the guest's storage, and hostile: an index that runs away, a chain that is a loop, an address outside storage leave the device with
//! [`spec::status::NEEDS_RESET`], where it stays until the driver resets it. Pure: the board gives storage, and carries requests to disks and ports.

mod block;
mod console;
mod queue;
pub mod spec;

use crate::Storage;
use crate::disk::{Ended, Operation};
use crate::ide::Drive;
use crate::port;
use block::Asked;
use console::Console;
use queue::{Broken, Chain, Queue};
use spec::{MAGIC, QUEUE_MAX, RNG_DEVICE, VENDOR, VERSION, VERSION_1, register, status};

/// Most random bytes for one request.
const RANDOM_MAX: usize = 4096;

/// What a device is.
#[derive(Clone, Debug)]
enum Kind {
    /// The disk with that number on the board.
    Block { drive: Drive, number: usize, pending: Option<Chain> },
    /// Random numbers: the state of SplitMix64, seeded from outside.
    Rng { state: u64 },
    /// Ports.
    Console(Console),
}

/// What a device asks of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Of the disk with the device's number.
    Disk(Operation),
    /// Of the other end of this port.
    Port(usize, port::Operation),
}

/// A device behind its registers.
#[derive(Clone, Debug)]
pub struct Virtio {
    kind: Kind,
    queues: Vec<Queue>,
    selected: u32,
    features: [u32; 2],
    device_select: u32,
    driver_select: u32,
    status: u32,
    interrupt: u32,
}

impl Virtio {
    fn new(kind: Kind) -> Self {
        let queues = if let Kind::Console(console) = &kind { console.queues() } else { 1 };
        let queues = vec![Queue::default(); queues];
        Self { kind, queues, selected: 0, features: [0; 2], device_select: 0, driver_select: 0, status: 0, interrupt: 0 }
    }

    /// A block device for the disk with that number.
    pub fn block(drive: Drive, number: usize) -> Self {
        Self::new(Kind::Block { drive, number, pending: None })
    }

    /// A source of random numbers. They follow from the seed: a machine's run repeats with them, and they are no secret from whoever knows it.
    pub fn rng(seed: u64) -> Self {
        Self::new(Kind::Rng { state: seed })
    }

    /// A console with ports of these names; those that are inputs have bytes for the guest.
    pub fn console(ports: impl IntoIterator<Item = (String, bool)>) -> Self {
        Self::new(Kind::Console(Console::new(ports)))
    }

    /// The interrupt line.
    pub fn interrupts(&self) -> bool {
        self.interrupt != 0
    }

    fn features(&self) -> u64 {
        let own = match self.kind {
            Kind::Block { drive, .. } => block::features(drive),
            Kind::Rng { .. } => 0,
            Kind::Console(_) => Console::features(),
        };
        VERSION_1 | own
    }

    fn read_config(&self, at: u64, size: u8) -> u64 {
        let config = match &self.kind {
            Kind::Block { drive, .. } => block::config(*drive),
            Kind::Rng { .. } => Vec::new(),
            Kind::Console(console) => console.config(),
        };
        let bytes = (at..at + u64::from(size)).map(|at| config.get(at as usize).copied().unwrap_or(0));
        bytes.enumerate().fold(0, |value, (place, byte)| value | u64::from(byte) << (8 * place))
    }

    /// Reads a register; the configuration by 1, 2, 4 or 8 bytes.
    pub fn read(&self, offset: u64, size: u8) -> u64 {
        if let Some(at) = offset.checked_sub(register::CONFIG) {
            return self.read_config(at, size);
        }
        let queue = self.queues.get(self.selected as usize);
        u64::from(match offset {
            register::MAGIC => MAGIC,
            register::VERSION => VERSION,
            register::DEVICE => match self.kind {
                Kind::Block { .. } => spec::block::DEVICE,
                Kind::Rng { .. } => RNG_DEVICE,
                Kind::Console(_) => spec::console::DEVICE,
            },
            register::VENDOR => VENDOR,
            register::DEVICE_FEATURES if self.device_select < 2 => (self.features() >> (32 * self.device_select)) as u32,
            register::QUEUE_SIZE_MAX => queue.map_or(0, |_| u32::from(QUEUE_MAX)),
            register::QUEUE_READY => queue.map_or(0, |queue| u32::from(queue.ready)),
            register::INTERRUPT_STATUS => self.interrupt,
            register::STATUS => self.status,
            _ => 0,
        })
    }

    /// Writes a register. Answers what a disk or a port is to do.
    pub fn write(&mut self, offset: u64, value: u32, storage: &dyn Storage) -> Option<Work> {
        match offset {
            register::DEVICE_FEATURES_SELECT => self.device_select = value,
            register::DRIVER_FEATURES_SELECT => self.driver_select = value,
            register::DRIVER_FEATURES => {
                if let Some(word) = self.features.get_mut(self.driver_select as usize) {
                    *word = value;
                }
            }
            register::QUEUE_SELECT => self.selected = value,
            register::INTERRUPT_ACK => self.interrupt &= !value,
            register::STATUS => self.set_status(value),
            register::QUEUE_NOTIFY => return self.serve(value as usize, storage),
            _ => self.set_queue(offset, value),
        }
        None
    }

    fn set_queue(&mut self, offset: u64, value: u32) {
        let Some(queue) = self.queues.get_mut(self.selected as usize) else { return };
        let area = match offset & !7 {
            register::QUEUE_DESCRIPTORS => 0,
            register::QUEUE_DRIVER => 1,
            register::QUEUE_DEVICE => 2,
            _ if offset == register::QUEUE_SIZE => return queue.size = value.min(u32::from(u16::MAX)) as u16,
            _ if offset == register::QUEUE_READY => {
                return *queue = Queue { size: queue.size, areas: queue.areas, ready: value & 1 != 0, ..Queue::default() };
            }
            _ => return,
        };
        let shift = 8 * (offset & 4);
        queue.areas[area] = queue.areas[area] & !(0xffff_ffff << shift) | u64::from(value) << shift;
    }

    fn set_status(&mut self, value: u32) {
        if value == 0 {
            return self.reset();
        }
        let wanted = u64::from(self.features[1]) << 32 | u64::from(self.features[0]);
        // A console without named ports would be another device.
        let needed = VERSION_1 | if let Kind::Console(_) = self.kind { Console::features() } else { 0 };
        // A driver that wants what there is not, or the legacy, finds FEATURES_OK off.
        let refused = wanted & !self.features() != 0 || wanted & needed != needed;
        let value = if refused { value & !status::FEATURES_OK } else { value };
        self.status = value | self.status & status::NEEDS_RESET;
    }

    /// As after power-on. What a disk still does for it belongs to nobody.
    pub fn reset(&mut self) {
        let kind = match &self.kind {
            Kind::Block { drive, number, .. } => Kind::Block { drive: *drive, number: *number, pending: None },
            Kind::Rng { state } => Kind::Rng { state: *state },
            Kind::Console(console) => Kind::Console(console.anew()),
        };
        *self = Self::new(kind);
    }

    /// Serves a queue until it is empty or somebody has to do something.
    fn serve(&mut self, number: usize, storage: &dyn Storage) -> Option<Work> {
        let usable = self.status & (status::DRIVER_OK | status::NEEDS_RESET) == status::DRIVER_OK;
        let busy = matches!(&self.kind, Kind::Block { pending: Some(_), .. });
        if !usable || busy || number >= self.queues.len() {
            return None;
        }
        let served = if let Kind::Console(_) = self.kind { self.serve_console(Some(number), storage) } else { self.serve_all(storage) };
        served.unwrap_or_else(|Broken| {
            self.break_off();
            None
        })
    }

    fn serve_all(&mut self, storage: &dyn Storage) -> Result<Option<Work>, Broken> {
        // No more than can be there at once: a driver that adds more notifies again.
        for _ in 0..QUEUE_MAX {
            match self.serve_one(storage)? {
                Served::Nothing => return Ok(None),
                Served::One => {}
                Served::Disk(operation) => return Ok(Some(Work::Disk(operation))),
            }
        }
        Ok(None)
    }

    /// Takes what the driver offers on a queue, gives it what there is for it, and finds what is to be asked of a port.
    fn serve_console(&mut self, notified: Option<usize>, storage: &dyn Storage) -> Result<Option<Work>, Broken> {
        let Kind::Console(console) = &mut self.kind else { return Ok(None) };
        let mut interrupt = false;
        if let Some(number) = notified.filter(|number| Console::is_output(*number)) {
            for _ in 0..QUEUE_MAX {
                let Some(chain) = self.queues[number].take(storage)? else { break };
                if let Some(chain) = console.take(number, chain, storage)? {
                    interrupt |= self.queues[number].give_back(&chain, 0, storage)?;
                }
            }
        }
        for number in console.full_queues() {
            for _ in 0..QUEUE_MAX {
                if !console.full_queues().contains(&number) {
                    break;
                }
                let Some(chain) = self.queues[number].take(storage)? else { break };
                let written = console.fill(number, &chain, storage)?;
                interrupt |= self.queues[number].give_back(&chain, written, storage)?;
            }
        }
        if interrupt {
            self.interrupt |= 1;
        }
        Ok(console.next(storage)?.map(|(port, operation)| Work::Port(port, operation)))
    }

    /// The other end of a port has done what was asked of it. Answers what is to be asked next.
    pub fn port_ended(&mut self, ended: Ended, storage: &dyn Storage) -> Option<Work> {
        let served = self.console_ended(ended, storage);
        served.unwrap_or_else(|Broken| {
            self.break_off();
            None
        })
    }

    fn console_ended(&mut self, ended: Ended, storage: &dyn Storage) -> Result<Option<Work>, Broken> {
        let Kind::Console(console) = &mut self.kind else { return Ok(None) };
        if let Some((queue, chain)) = console.ended(ended.map_err(drop))? {
            self.interrupt |= u32::from(self.queues[queue].give_back(&chain, 0, storage)?);
        }
        self.serve_console(None, storage)
    }

    fn serve_one(&mut self, storage: &dyn Storage) -> Result<Served, Broken> {
        let Some(chain) = self.queues[0].take(storage)? else { return Ok(Served::Nothing) };
        let written = match &mut self.kind {
            Kind::Block { drive, number, pending } => match block::request(&chain, *drive, *number, storage)? {
                Asked::Disk(operation) => {
                    *pending = Some(chain);
                    return Ok(Served::Disk(operation));
                }
                Asked::Done(status, data) => block::answer(&chain, status, &data, storage)?,
            },
            Kind::Rng { state } => {
                let length = chain.room().min(RANDOM_MAX);
                let bytes: Vec<u8> = std::iter::repeat_with(|| random(state).to_le_bytes()).flatten().take(length).collect();
                chain.fill(0, &bytes, storage)?;
                length as u32
            }
            Kind::Console(_) => return Ok(Served::Nothing),
        };
        self.give_back(&chain, written, storage)?;
        Ok(Served::One)
    }

    fn give_back(&mut self, chain: &Chain, written: u32, storage: &dyn Storage) -> Result<(), Broken> {
        if self.queues[0].give_back(chain, written, storage)? {
            self.interrupt |= 1;
        }
        Ok(())
    }

    /// The disk has done what was asked of it. Answers what it is to do next.
    pub fn disk_ended(&mut self, ended: Ended, storage: &dyn Storage) -> Option<Work> {
        let Kind::Block { pending, .. } = &mut self.kind else { return None };
        let chain = pending.take()?;
        let answered = block::answer_disk(&chain, ended, storage).and_then(|written| self.give_back(&chain, written, storage));
        if answered == Err(Broken) {
            self.break_off();
        }
        self.serve(0, storage)
    }

    /// The driver is told that the device needs a reset, by an interrupt for its configuration.
    fn break_off(&mut self) {
        self.status |= status::NEEDS_RESET;
        self.interrupt |= 2;
    }
}

/// What became of the next chain.
enum Served {
    Nothing,
    One,
    Disk(Operation),
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod console_tests;
#[cfg(test)]
mod tests;
