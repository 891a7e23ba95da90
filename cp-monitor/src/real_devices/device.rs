//! One real printer or punch: its state, and the thread that takes files from the queue.
//!
//! A file is purged only when its output is durable. What fails stops the device with a message to the operator, and the file stays.

use std::sync::Arc;
use std::time::Duration;

use spool::{Change, FileInfo, Queue, Selection, SpoolError};

use super::choice;
use super::job::Job;
use super::output::{OutputError, Setting, Sink};
use super::settings::Taking;
use crate::directory::DeviceNumber;
use crate::system::Cp;

/// How long a device sleeps when nobody tells it of work.
const LOOK: Duration = Duration::from_secs(60);

/// A printer or punch.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its number.
    pub number: DeviceNumber,
    /// The queue it works on.
    pub queue: Queue,
    /// Where its output goes.
    pub sink: Sink,
    /// What it takes.
    pub taking: Taking,
    /// START was said, and no DRAIN since.
    pub started: bool,
    /// Why it stopped, until START.
    pub stopped: Option<String>,
    /// The file being written.
    pub active: Option<FileInfo>,
    /// What the operator wants of the file being written.
    pub wanted: Option<Wanted>,
    /// REPEAT: copies more of the file being written.
    pub repeat: u32,
}

/// What the operator may do to a file that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// FLUSH: it is thrown away.
    Purge,
    /// FLUSH HOLD: it goes back into its queue, held.
    Hold,
    /// BACKSPACE: it is begun again.
    Again,
}

impl Device {
    /// `printer` or `punch`.
    pub fn kind(&self) -> &'static str {
        if self.queue == Queue::Punch { "punch" } else { "printer" }
    }

    /// Whether it takes files now.
    pub fn works(&self) -> bool {
        self.started && self.stopped.is_none()
    }

    /// What its state is called.
    pub fn state(&self) -> &'static str {
        match (&self.stopped, self.started, &self.active) {
            (Some(_), ..) => "STOPPED",
            (None, true, _) => "STARTED",
            (None, false, Some(_)) => "DRAINING",
            (None, false, None) => "DRAINED",
        }
    }
}

/// Works until the system ends.
pub fn run(cp: &Arc<Cp>, number: DeviceNumber) {
    let mut listed: (u64, Vec<FileInfo>) = (u64::MAX, Vec::new());
    loop {
        let Some((generation, device, held)) = cp.real_devices.wait_for_work(number, LOOK, listed.1.is_empty().then_some(listed.0)) else {
            return;
        };
        if generation != listed.0 || listed.1.is_empty() {
            match cp.spool.list(&Selection::default().on(device.queue)) {
                Ok(files) => {
                    let mut files = choice::in_order(files, &device.taking, &held);
                    files.reverse();
                    listed = (generation, files);
                }
                Err(error) => {
                    stop(cp, number, format!("the queue cannot be read: {error}"), None);
                    continue;
                }
            }
        }
        if let Some(file) = listed.1.pop() {
            write_file(cp, &device, &file);
        }
    }
}

/// Writes one file and takes it out of its queue.
fn write_file(cp: &Arc<Cp>, device: &Device, file: &FileInfo) {
    let one = Selection { serial: Some(file.serial), ..Selection::of(file.owner).on(device.queue).spid(file.spid) };
    // It may be gone or held since it was listed; another device may have it.
    let now = cp.spool.list(&one).ok().and_then(|files| files.into_iter().next());
    let Some(file) = now.filter(|file| file.attributes.hold == spool::Hold::None && device.taking.rank(file).is_ok()) else { return };
    if !cp.real_devices.begin(device.number, &file) {
        return;
    }
    let written = cp.spool.reader(file.owner, device.queue, file.spid).map_err(OutputError::from).and_then(|mut reader| {
        let job = Job::new(&file, cp.clock.now().time_zone().clone());
        let copies = u32::from(file.attributes.copies.number());
        let (shown, cancelled) = (device.number.to_string(), || cp.real_devices.is_cancelled(device.number));
        let setting = |copies| Setting {
            device: &shown,
            system: &cp.config.system_id,
            separator: device.taking.separator,
            copies,
            cancelled: &cancelled,
        };
        device.sink.write(&mut reader, &job, &setting(copies))?;
        // REPEAT while it was being written.
        while let more @ 1.. = cp.real_devices.take_repeat(device.number) {
            reader.restart();
            device.sink.write(&mut reader, &job, &setting(more))?;
        }
        Ok(())
    });
    let wanted = cp.real_devices.wanted(device.number);
    settle(cp, device, &file, &one, written, wanted);
    // Only now: another device must not take it in between.
    cp.real_devices.end(device.number);
}

/// What becomes of the file.
fn settle(cp: &Arc<Cp>, device: &Device, file: &FileInfo, one: &Selection, written: Result<(), OutputError>, wanted: Option<Wanted>) {
    let hold = |user: Option<bool>, system: Option<bool>| Change { user_hold: user, system_hold: system, ..Change::default() };
    let done = match written {
        // As on VM, a file that is kept is held: it is not to be printed again at once.
        Ok(()) if file.attributes.keep => cp.spool.change(one, &hold(Some(true), None)),
        Ok(()) => cp.spool.purge(one),
        Err(OutputError::Cancelled) => match wanted {
            Some(Wanted::Purge) => cp.spool.purge(one),
            Some(Wanted::Hold) => cp.spool.change(one, &hold(Some(true), None)),
            Some(Wanted::Again) | None => {
                cp.real_devices.changed();
                Ok(0)
            }
        },
        Err(OutputError::Spool(SpoolError::NoFile { .. })) => Ok(0),
        Err(OutputError::Spool(error)) => {
            // It would stand in the way of all others for ever.
            cp.say_to_operator(&format!("{} {} is put in system hold: {error}", file.owner, file.spid));
            cp.spool.change(one, &hold(None, Some(true)))
        }
        Err(OutputError::Device(reason)) => {
            stop(cp, device.number, reason, Some(file));
            return;
        }
    };
    if let Err(error) = done {
        stop(cp, device.number, format!("the queue cannot be changed: {error}"), Some(file));
    }
}

/// Stops a device until START, with a message.
fn stop(cp: &Arc<Cp>, number: DeviceNumber, reason: String, file: Option<&FileInfo>) {
    let Some(device) = cp.real_devices.stop_device(number, &reason) else { return };
    let stays = file.map_or_else(String::new, |file| format!("; file {} {} stays in its queue", file.owner, file.spid));
    let shown = device.queue.abbreviation();
    cp.say_to_operator(&format!("HCPRSP9436E {shown}  {number} stopped: {reason}{stays}. START {number} goes on"));
}
