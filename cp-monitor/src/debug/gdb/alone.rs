//! A server without a socket, a user and a dispatcher, for fuzzing: bytes of a peer, and a machine that nobody else runs.

use std::io::sink;
use std::sync::atomic::{AtomicBool, Ordering};

use gdbstub::common::Signal;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{GdbStub, MultiThreadStopReason};
use parking_lot::Mutex;
use pc_platform::Settings;
use rustix::event::{EventfdFlags, eventfd};
use soft_processor::State;

use super::target::{Debugged, Subject};
use super::{Session, Wire, pump, report};
use crate::command::Message;
use crate::command::answer::invalid_operand;
use crate::command::storage::Refused;
use crate::machine::Machine;
use crate::pc::Pc;
use crate::storage::{AddressSpace, Storage};

/// Bytes of storage of the machine.
const STORAGE: u64 = 1 << 20;
/// Frames of real storage.
const FRAMES: usize = 64;
/// Where its code is: a jump to itself.
const START: u64 = 0x7c00;
const CODE: [u8; 2] = [0xeb, 0xfe];
/// Instructions that it executes when it is let run.
const RUN: u64 = 200;

struct Alone(Mutex<Machine>);

impl Subject for Alone {
    fn change(&self, change: &mut dyn FnMut(&mut Machine)) {
        change(&mut self.0.lock());
    }

    fn look(&self, look: &mut dyn FnMut(&mut Machine)) {
        look(&mut self.0.lock());
    }

    fn begin(&self) -> bool {
        self.0.lock().begin(None)
    }

    fn reach(&self, attempt: &mut dyn FnMut(&mut Machine) -> Result<usize, Refused>) -> Result<usize, Message> {
        attempt(&mut self.0.lock()).map_err(|refused| match refused {
            Refused::Because(message) => message,
            Refused::Missing(missing) => invalid_operand(&format!("{:X}", missing.address)),
        })
    }

    fn interrupted(&self) {}
}

fn machine(pc: bool) -> Option<Machine> {
    let storage = Storage::new(FRAMES).ok()?;
    let mut machine = Machine::new(AddressSpace::new(&storage, STORAGE).ok()?);
    if pc {
        let settings = Settings { storage: STORAGE, processors: 2, start_time: 0, disks: Vec::new(), ports: Vec::new() };
        machine.ipl_pc(Pc::new(settings), "FUZZ").ok()?;
        machine.pc()?.write(START, &CODE).ok()?;
    } else {
        machine.space.write(START, &CODE).ok()?;
    }
    let mut state = machine.state(0);
    state.rip = START;
    if pc {
        state.segments[State::CS].base = 0;
    }
    machine.set_state(0, &state);
    Some(machine)
}

/// Answers a peer that sends these bytes, to its end or to that of the conversation. What it lets run runs for a moment and is then interrupted.
pub fn converse(bytes: &[u8], pc: bool) {
    let (Some(machine), Ok(event)) = (machine(pc), eventfd(0, EventfdFlags::CLOEXEC)) else { return };
    let session = Session { stop: Mutex::default(), event, running: AtomicBool::new(false) };
    let mut target = Debugged::new(Box::new(Alone(Mutex::new(machine))));
    let Ok(stub) = GdbStub::builder(Wire::new(sink())).build() else { return };
    let Ok(mut stub) = stub.run_state_machine(&mut target) else { return };
    for &byte in bytes {
        stub = match pump(stub, &mut target, byte) {
            Ok(GdbStubStateMachine::Disconnected(_)) | Err(_) => return,
            Ok(stub) => stub,
        };
        target.resume_if_asked(&session);
        if session.running.swap(false, Ordering::SeqCst) {
            target.run_alone(RUN);
        }
        let ran = matches!(stub, GdbStubStateMachine::Running(_));
        let reason = MultiThreadStopReason::SignalWithThread { tid: target.current(), signal: Signal::SIGINT };
        if let Some(stop) = target.take_stop().or(ran.then_some(reason)) {
            let Ok(after) = report(stub, &mut target, stop) else { return };
            stub = after;
        }
    }
}
