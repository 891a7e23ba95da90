//! Looking into machines that run: breakpoints, single steps, watched storage, and who is told. Talks to [`crate::pc`], [`crate::machine`] and [`crate::users`].
//!
//! ```text
//!   gdb -- gdb/ (a thread for each machine that has SET GDB ON)
//!                 |  steps, sets points, resumes                 TRACE, ADSTOP (commands)
//!                 v                                                  |
//!          Machine -> Pc (points.rs: where a run stops) <------------'
//!                 |
//!          a dispatcher thread sees Turn::Stopped -> User::stopped_at -> whoever waits is told
//! ```

pub mod gdb;
pub mod points;
pub mod registers;
pub mod show;
pub mod trace;
pub mod vmdump;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::machine::Machine;
use crate::users::User;
use gdb::{Server, Session};
pub use points::{Points, Stop, Why};

/// What of a user's machine is looked at from outside.
#[derive(Default)]
pub struct Debugging {
    /// The gdb server, when SET GDB is ON.
    pub server: Mutex<Option<Server>>,
    /// The gdb that is connected.
    session: Mutex<Option<Arc<Session>>>,
    /// Lines of traces that wait for the printer.
    pub(crate) printing: Mutex<Vec<String>>,
}

impl Debugging {
    /// Whether a gdb is connected.
    pub fn is_attached(&self) -> bool {
        self.session.lock().is_some()
    }

    /// The machine has stopped, as far as a gdb that is connected must know. True when there is one.
    pub(crate) fn tell(&self, stop: Stop) -> bool {
        let session = self.session.lock().clone();
        session.is_some_and(|session| session.stopped(stop))
    }
}

impl User {
    /// A system was loaded: with a gdb that is connected, the machine stays at its first instruction.
    pub(crate) fn loaded(&self, machine: &mut Machine) {
        if self.debug.is_attached() {
            machine.stop();
            self.debug.tell(Stop { processor: 0, why: Why::Loaded });
        }
    }

    /// The machine was reset: a gdb that lets it run is told.
    pub(crate) fn was_reset(&self) {
        self.debug.tell(Stop { processor: 0, why: Why::Reset });
    }

    /// The machine has come to a point: it is stopped, and whoever set the point is told.
    pub(crate) fn stopped_at(self: &Arc<Self>, machine: &mut Machine, stop: Stop) {
        machine.stop();
        // A trace has said it already.
        if !self.debug.tell(stop.clone()) && stop.why != Why::Traced {
            self.enter_cp_mode(machine, &stop.to_string());
        }
        self.show_state(machine);
    }
}
