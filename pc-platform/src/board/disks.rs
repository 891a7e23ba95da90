//! Requests of devices to disks and to the other ends of ports, and their ends.

use super::Board;
use crate::Storage;
use crate::disk::{Ended, Failed, Operation, Ticket, User};
use crate::ide;
use crate::port;
use crate::virtio::Work;

impl Board {
    /// Whether a request to a disk or a port is under way. The machine is best not run meanwhile: its time stands then, and the same requests take no time in every run.
    pub fn waits_for_disk(&self) -> bool {
        self.under_way > 0
    }

    fn begin(&mut self, user: User, disk: usize, operation: Operation) -> Option<Ended> {
        let ticket = Ticket { user, disk, life: self.life };
        let Some(found) = self.disks.get_mut(disk) else { return Some(Err(Failed)) };
        let ended = found.begin(ticket, operation);
        self.under_way += usize::from(ended.is_none());
        ended
    }

    pub(super) fn begin_ide(&mut self, channel: usize, request: ide::Request) {
        if let Some(ended) = self.begin(User::Ide, 2 * channel + request.drive, request.operation) {
            self.channels[channel].ended(ended);
        }
    }

    fn begin_port(&mut self, port: usize, operation: port::Operation) -> Option<Ended> {
        let ticket = Ticket { user: User::Port, disk: port, life: self.life };
        let Some(found) = self.ports.get_mut(port) else { return Some(Err(Failed)) };
        let ended = found.begin(ticket, operation);
        self.under_way += usize::from(ended.is_none());
        ended
    }

    /// Carries what a virtio device asks for to its disk or port, as long as there is nothing to wait for.
    pub(super) fn begin_virtio(&mut self, number: usize, work: Option<Work>, storage: &dyn Storage) {
        let mut next = work;
        while let Some(work) = next {
            next = match work {
                Work::Disk(operation) => {
                    let Some(ended) = self.begin(User::Virtio, number, operation) else { return };
                    self.virtio[number].disk_ended(ended, storage)
                }
                Work::Port(port, operation) => {
                    let Some(ended) = self.begin_port(port, operation) else { return };
                    self.virtio[number].port_ended(ended, storage)
                }
            };
        }
    }

    pub(super) fn begin_bios(&mut self, disk: usize, operation: Operation, storage: &dyn Storage) {
        if let Some(ended) = self.begin(User::Bios, disk, operation) {
            self.bios.disk_ended(ended, storage);
        }
    }

    /// A request that took time has ended. One of an earlier life is ignored.
    pub fn disk_ended(&mut self, ticket: Ticket, ended: Ended, storage: &dyn Storage) {
        if ticket.life != self.life || self.under_way == 0 {
            return;
        }
        self.under_way -= 1;
        match ticket.user {
            User::Ide => self.channels[ticket.disk / 2].ended(ended),
            User::Bios => self.bios.disk_ended(ended, storage),
            User::Virtio => {
                // The device of a disk has the disk's number.
                let next = self.virtio.get_mut(ticket.disk).and_then(|device| device.disk_ended(ended, storage));
                self.begin_virtio(ticket.disk, next, storage);
            }
            User::Port => {
                // The console is the last device.
                let number = self.virtio.len() - 1;
                let next = self.virtio[number].port_ended(ended, storage);
                self.begin_virtio(number, next, storage);
            }
        }
        self.after_access();
    }
}
