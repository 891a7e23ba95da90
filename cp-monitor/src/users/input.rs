//! What a person types: which of it is for CP and which for the machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use console::presentation::inbound::Inbound;
use console::presentation::outbound::Command;
use console::wire::{ConsoleState, LineKind};
use console::{LineEdit, logical_lines};

use super::{Answered, Answering, Asleep, User, Wake};
use crate::command::{self, Origin};
use crate::dispatcher::policy::Wakeup;

impl User {
    /// One physical line from the terminal. It is split into logical lines; each goes to CP or to the machine.
    pub fn type_line(self: &Arc<Self>, text: &str) {
        self.active();
        if self.answer(text) {
            return;
        }
        let hidden = self.console.state() == ConsoleState::VmRead { hidden: true };
        let edit = if hidden { LineEdit::OFF } else { self.session.lock().settings.edit };
        // A SLEEP that the machine issued goes on until the machine has the lines: what stands behind the SLEEP must not run before it can
        // be told why it was woken.
        let issued = self.end_typed_sleep();
        for line in logical_lines(text, &edit) {
            if self.is_gone() {
                return;
            }
            if self.echoed(&line.text) {
                continue;
            }
            if line.to_cp || self.console.state() == ConsoleState::CpRead {
                self.awaken();
                self.command_typed(&line.text);
            } else {
                self.line_for_machine(line.text);
            }
        }
        self.end_sleep(|asleep| issued == Some(asleep.number));
        self.end_disturbed_sleep();
    }

    /// A CP command from the console; an empty one is nothing, except that `#CP` alone enters CP READ.
    pub fn command_typed(self: &Arc<Self>, text: &str) {
        if text.trim().is_empty() {
            if self.console.state() != ConsoleState::CpRead {
                self.enter_cp();
            }
            return;
        }
        let execute = || command::execute(&self.cp, Origin::console(self), text);
        let reply = self.answered(execute, |reply| {
            if reply.asks.is_none() {
                self.say_cp(&reply.lines);
            }
        });
        if let Some(prompt) = reply.asks {
            let text = text.to_string();
            self.ask(prompt, Box::new(move |user, password| user.command_typed(&command::with_password(&text, password))));
        }
    }

    /// Asks for a password: the next line that is typed goes to `answered` and is neither shown nor kept. The attention key answers with
    /// nothing.
    pub fn ask(self: &Arc<Self>, prompt: &str, answered: Answered) {
        {
            let mut rest = self.rest.lock();
            // LOGOFF looks for a question after it said so.
            if self.is_gone() {
                return;
            }
            rest.asked = Some(answered);
        }
        self.console.write(LineKind::Prompt, prompt);
        self.with_machine(|_| ());
    }

    /// Gives a line to the question that CP asked. False when there is none.
    fn answer(self: &Arc<Self>, text: &str) -> bool {
        let Some(answered) = self.rest.lock().asked.take() else { return false };
        // The read is over before anything else begins: a script must not take it for another.
        let answering = Answering::begin(self);
        self.console.set_state(ConsoleState::Running);
        answered(self, text);
        drop(answering);
        self.with_machine(|_| ());
        true
    }

    /// Drops a question that nobody will answer.
    pub(super) fn forget_question(&self) {
        drop(self.rest.lock().asked.take());
    }

    fn line_for_machine(&self, text: String) {
        if !self.with_machine_for(Wakeup::Console, |machine| machine.line_typed(text)) {
            self.console.write(LineKind::Cp, "NOT ACCEPTED: the machine has not read the lines typed before");
        }
    }

    /// A key was pressed on the machine's full screen.
    pub fn press_key(self: &Arc<Self>, key: &Inbound) {
        if self.console.press(key) {
            let issued = self.end_typed_sleep();
            self.screen_key();
            self.end_sleep(|asleep| issued == Some(asleep.number));
            self.end_disturbed_sleep();
        }
    }

    /// Keys were typed at a terminal that shows the machine's text screen.
    pub fn type_keys(&self, bytes: &[u8]) {
        self.with_machine_for(Wakeup::Console, |machine| machine.keys_typed(bytes));
    }

    /// A key waits for the machine to read it.
    pub fn screen_key(&self) {
        let read = || self.console.read_screen(Command::ReadModified).ok().flatten();
        self.with_machine_for(Wakeup::Console, |machine| machine.key_pressed(read));
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

    /// Sleeps until the time is over, a line is typed or the attention key is pressed; then `wake` says how it goes on.
    /// Nothing of it is left when the user logs off.
    pub fn fall_asleep(self: &Arc<Self>, time: Option<Duration>, wake: Wake) {
        self.awaken();
        self.begin_sleep(time, wake);
        self.end_disturbed_sleep();
    }

    /// Ends a SLEEP that was typed; the number of one that the machine issued.
    fn end_typed_sleep(&self) -> Option<u64> {
        self.end_sleep(|asleep| !asleep.is_issued());
        self.rest.lock().asleep.as_ref().map(|asleep| asleep.number)
    }

    /// Ends a SLEEP that the machine issued when it has been given its attention since: what was typed just before the SLEEP began would
    /// be taken up only when its time is over.
    fn end_disturbed_sleep(&self) {
        if self.rest.lock().asleep.is_none() {
            return;
        }
        let machine = self.lock_machine();
        let wake = if machine.attention_due() { self.take_sleep(Asleep::is_issued) } else { None };
        drop(machine);
        self.wake(wake);
    }

    fn begin_sleep(self: &Arc<Self>, time: Option<Duration>, wake: Wake) {
        let mut rest = self.rest.lock();
        // LOGOFF looks for a sleep after it said so.
        if self.is_gone() {
            return;
        }
        rest.sleeps += 1;
        let number = rest.sleeps;
        let alarm = time.map(|time| {
            let user = Arc::downgrade(self);
            let ring = move || {
                if let Some(user) = user.upgrade() {
                    user.end_sleep(|asleep| asleep.number == number);
                }
            };
            self.cp.workers.submit_after(time, Box::new(ring))
        });
        rest.asleep = Some(Asleep { number, alarm, wake });
    }

    /// Ends a SLEEP.
    pub fn awaken(&self) {
        self.end_sleep(|_| true);
    }

    /// Ends the SLEEP if it is one of those.
    fn end_sleep(&self, which: impl Fn(&Asleep) -> bool) {
        self.wake(self.take_sleep(which));
    }

    /// What follows a SLEEP.
    fn wake(&self, wake: Option<Wake>) {
        match wake {
            None => {}
            Some(Wake::Diagnose(job)) => self.cp.workers.submit(job),
            Some(Wake::Console { begins: true }) => drop(self.begin(None)),
            Some(Wake::Console { begins: false }) => self.with_machine(|_| ()),
        }
    }

    /// Takes the SLEEP away if it is one of those; the answer is what was to follow it.
    pub(super) fn take_sleep(&self, which: impl Fn(&Asleep) -> bool) -> Option<Wake> {
        let asleep = self.rest.lock().asleep.take_if(|asleep| which(asleep))?;
        if let Some(alarm) = asleep.alarm {
            self.cp.workers.cancel(alarm);
        }
        Some(asleep.wake)
    }

    /// CP stops reading the console (IPL).
    pub fn cp_read_ends(&self) {
        self.cp_read.store(false, Ordering::Release);
    }

    /// The attention key: ends ECHO and enters CP, unless TERMINAL BRKKEY took that from it.
    pub fn attention(self: &Arc<Self>) {
        self.active();
        self.answer("");
        self.awaken();
        self.rest.lock().echo = 0;
        if self.console.preferences().break_key.is_some() {
            self.enter_cp();
        }
    }

    /// CP reads the console, and the machine stops unless SET RUN is ON.
    pub fn enter_cp(&self) {
        let run = self.session.lock().settings.run;
        self.cp_read.store(true, Ordering::Release);
        self.with_machine(|machine| {
            if !run {
                machine.stop();
            }
        });
    }

    /// BEGIN: CP stops reading and the machine goes on. False when nothing is IPLed.
    pub fn begin(&self, address: Option<u64>) -> bool {
        self.with_machine_for(Wakeup::Console, |machine| {
            if !machine.begin(address) {
                return false;
            }
            self.cp_read.store(false, Ordering::Release);
            if let Some(why) = machine.disabled_wait() {
                self.enter_cp_mode(machine, &why);
            }
            true
        })
    }
}
