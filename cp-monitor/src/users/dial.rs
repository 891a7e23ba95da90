//! DIAL: a terminal at which nobody is logged on, connected to a line that a machine offers. A PC machine offers its second serial port while its
//! guest has that open (data terminal ready); whoever dials it has carrier, and who the caller is, is the guest's to ask.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use console::wire::{ConsoleState, Ending, LineKind};
use console::{Limits, VirtualConsole};

use super::{Line, User};
use crate::directory::DeviceNumber;
use crate::dispatcher::policy::Wakeup;

/// The line's device number: the port that the guest knows it by.
pub const LINE: DeviceNumber = DeviceNumber(0x2f8);

/// A terminal that is dialed to a line.
#[derive(Debug)]
pub struct Dialed {
    /// What the terminal shows: the line, and no more.
    console: Arc<VirtualConsole>,
    /// The logical device that the terminal is.
    pub terminal: Line,
}

impl User {
    /// Connects a terminal to the line, or to the line of that number.
    ///
    /// # Errors
    /// Number and text of the message: there is no such line (047), it is not available (055), it is busy (056).
    pub fn dial(&self, vdev: Option<DeviceNumber>, terminal: Line) -> Result<Arc<VirtualConsole>, (u32, String)> {
        if let Some(vdev) = vdev.filter(|vdev| *vdev != LINE) {
            return Err((47, format!("HCPDIA047E {} {vdev} does not exist", self.id)));
        }
        let begin = || {
            let mut rest = self.rest.lock();
            // LOGOFF looks for who is dialed after it said so.
            if rest.dialed.is_some() || self.is_gone() {
                return None;
            }
            let console = VirtualConsole::new(Limits::default());
            console.set_state(ConsoleState::Running);
            console.write(LineKind::Cp, &format!("DIALED TO {} {LINE}", self.id));
            rest.dialed = Some(Dialed { console: Arc::clone(&console), terminal });
            self.cp.dialed.fetch_add(1, Ordering::Relaxed);
            Some(console)
        };
        let not_available = || (55, format!("HCPDIA055E Line(s) not available on {}", self.id));
        let offered = self.with_machine_for(Wakeup::Console, |machine| machine.offer_line(begin));
        let console = match (offered, vdev) {
            (Some(Some(console)), _) => console,
            (Some(None), Some(vdev)) if !self.is_gone() => return Err((56, format!("HCPDIA056E Line {vdev} busy on {}", self.id))),
            _ => return Err(not_available()),
        };
        self.cp.note_dial(&self.id, terminal, true);
        Ok(console)
    }

    /// The console of the terminal that is dialed to the line.
    pub fn dialed_console(&self) -> Option<Arc<VirtualConsole>> {
        self.rest.lock().dialed.as_ref().map(|dialed| Arc::clone(&dialed.console))
    }

    /// The terminal that is dialed to the line.
    pub fn dialed_terminal(&self) -> Option<Line> {
        self.rest.lock().dialed.as_ref().map(|dialed| dialed.terminal)
    }

    /// Sends the terminal away; false when there is none. The line's carrier is the caller's to take away.
    pub fn end_dialed(self: &Arc<Self>) -> bool {
        let Some(dialed) = self.rest.lock().dialed.take() else { return false };
        self.cp.dialed.fetch_sub(1, Ordering::Relaxed);
        dialed.console.write(LineKind::Cp, &format!("DROP FROM {} {LINE}", self.id));
        dialed.console.end(Ending::Disconnected);
        // Those who run machines wait for no file and no other console.
        let (cp, id) = (Arc::clone(&self.cp), self.id);
        self.cp.workers.submit(Box::new(move || cp.note_dial(&id, dialed.terminal, false)));
        true
    }

    /// The terminal goes: of itself, by its attention key, or because the machine does.
    pub fn undial(self: &Arc<Self>) {
        if self.end_dialed() {
            self.with_machine(|machine| machine.connect_line(false));
        }
    }

    /// A line was typed at the terminal.
    pub fn dialed_line(&self, console: &VirtualConsole, text: &str) {
        console.set_state(ConsoleState::Running);
        if !self.with_machine_for(Wakeup::Console, |machine| machine.line_entered(text)) {
            console.write(LineKind::Cp, "NOT ACCEPTED: the machine has not read the lines typed before");
        }
    }
}
