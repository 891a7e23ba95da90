//! What a person types: which of it is for CP and which for the machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use console::wire::{ConsoleState, LineKind};
use console::{LineEdit, logical_lines};

use super::User;
use crate::command::{self, Origin};

impl User {
    /// One physical line from the terminal. It is split into logical lines; each goes to CP or to the machine.
    pub fn type_line(self: &Arc<Self>, text: &str) {
        let hidden = self.console.state() == ConsoleState::VmRead { hidden: true };
        let edit = if hidden { LineEdit::OFF } else { self.session.lock().settings.edit };
        self.awaken();
        for line in logical_lines(text, &edit) {
            if self.is_gone() {
                return;
            }
            if self.echoed(&line.text) {
                continue;
            }
            if line.to_cp || self.console.state() == ConsoleState::CpRead {
                self.command_typed(&line.text);
            } else {
                self.line_for_machine(line.text);
            }
        }
    }

    /// A CP command from the console; an empty one is nothing, except that `#CP` alone enters CP READ.
    fn command_typed(self: &Arc<Self>, text: &str) {
        if text.trim().is_empty() {
            if self.console.state() != ConsoleState::CpRead {
                self.attention();
            }
            return;
        }
        self.answered(|| command::execute(&self.cp, Origin::console(self), text), |reply| self.say_cp(&reply.lines));
    }

    fn line_for_machine(&self, text: String) {
        if !self.with_machine(|machine| machine.line_typed(text)) {
            self.console.write(LineKind::Cp, "NOT ACCEPTED: the machine has not read the lines typed before");
        }
    }

    /// ECHO: typed lines are repeated until END.
    pub fn begin_echo(&self, times: u32) {
        self.rest.lock().echo = times;
    }

    /// Repeats a line when ECHO is on; answers whether it was.
    fn echoed(&self, text: &str) -> bool {
        let times = self.rest.lock().echo;
        if times > 0 && text.trim().eq_ignore_ascii_case("END") {
            self.rest.lock().echo = 0;
            self.console.write(LineKind::Cp, "ECHO TERMINATED");
            return true;
        }
        (0..times).for_each(|_| self.console.write(LineKind::Cp, text));
        times > 0
    }

    /// The console shows RUNNING although the machine is stopped: it sleeps.
    pub fn fall_asleep(&self) {
        self.rest.lock().asleep = true;
        self.console.set_state(ConsoleState::Running);
    }

    /// Sleeps until the time is over, a line is typed, or the user is gone.
    pub fn slumber(&self, time: Option<Duration>) {
        let mut rest = self.rest.lock();
        rest.asleep = true;
        let until = time.map(|time| Instant::now() + time);
        while rest.asleep && !self.is_gone() {
            match until {
                None => self.awake.wait(&mut rest),
                Some(until) => {
                    if self.awake.wait_until(&mut rest, until).timed_out() {
                        break;
                    }
                }
            }
        }
        rest.asleep = false;
    }

    /// Ends a SLEEP.
    pub fn awaken(&self) {
        self.rest.lock().asleep = false;
        self.awake.notify_all();
    }

    /// CP stops reading the console (IPL).
    pub fn cp_read_ends(&self) {
        self.cp_read.store(false, Ordering::Release);
    }

    /// The attention key: CP reads, and the machine stops unless SET RUN is ON.
    pub fn attention(&self) {
        self.awaken();
        let settings = self.session.lock().settings.clone();
        if settings.break_key == "NONE" {
            return;
        }
        let run = settings.run;
        self.cp_read.store(true, Ordering::Release);
        self.with_machine(|machine| {
            if !run {
                machine.stop();
            }
        });
    }

    /// BEGIN: CP stops reading and the machine goes on. False when nothing is IPLed.
    pub fn begin(&self, address: Option<u64>) -> bool {
        self.cp_read.store(false, Ordering::Release);
        self.with_machine(|machine| machine.begin(address))
    }
}
