//! Logging on and off: making a user's machine, console, devices and links, and giving them back.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use console::wire::{ConsoleState, Ending, LineKind};
use console::{Limits, VirtualConsole};
use minidisk::extent::ExtentError;
use parking_lot::Mutex;

use super::{Device, Devices, Disk, Line, Output, Route, SessionState, Settings, Usage, User, spool_userid};
use crate::accounting::Why;
use crate::clock;
use crate::command::{self, Origin};
use crate::directory::{ConsoleKind, DeviceNumber, DeviceType, Directory, Extent, IplSystem, LinkMode, MachineKind, UserEntry, UserId};
use crate::dispatcher::policy::{Entitlement, Wakeup};
use crate::links::{LinkError, Others, TemporaryError, described};
use crate::machine::Machine;
use crate::paging::Standing;
use crate::storage::{AddressSpace, StorageError};
use crate::system::{Cp, minidisks};

/// How somebody logs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// At a logical terminal.
    Terminal,
    /// By XAUTOLOG, without a terminal.
    Autolog,
    /// As the system's operator at start.
    Operator,
}

/// Why a logon did not happen.
#[derive(Debug, thiserror::Error)]
pub enum LogonError {
    /// The user was logged on by someone else meanwhile.
    #[error("Already logged on")]
    Present(Arc<User>),
    /// Real storage cannot give the machine its storage.
    #[error("Storage of the virtual machine cannot be provided: {0}")]
    Storage(#[from] StorageError),
    /// The system is going down.
    #[error("System shutdown is in progress")]
    Shutdown,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id)
    }
}

/// Logs a user on: everything but the IPL, which [`start_up`] does once a terminal is attached.
pub fn log_on(cp: &Arc<Cp>, directory: &Directory, entry: &UserEntry, way: Way) -> Result<Arc<User>, LogonError> {
    if cp.is_shutting_down() {
        return Err(LogonError::Shutdown);
    }
    let user = Arc::new(make_user(cp, entry, way)?);
    // Before anybody can find the user and log it off again.
    let dispatch = cp.dispatcher.admit(Arc::clone(&user), user.entitlement());
    let _ = user.dispatch.set(dispatch);
    user.watch_console();
    user.set_ears(user.ears_of_directory());
    user.active();
    if way == Way::Operator
        && let Some(console) = user.devices.lock().console_mut()
    {
        // What the operator was told and did is kept from the start.
        console.set_spooling(&user, true, true);
    }
    if let Err(present) = cp.users.insert(&user) {
        cp.dispatcher.dismiss(dispatch);
        return Err(LogonError::Present(present));
    }
    if cp.is_shutting_down() {
        // SHUTDOWN began after the look above and may have counted its users already.
        log_off(&user, None, Ending::Shutdown);
        return Err(LogonError::Shutdown);
    }
    greet(&user, directory);
    cp.counters.logons.fetch_add(1, Ordering::Relaxed);
    cp.note_logon(&user, way);
    Ok(user)
}

fn make_user(cp: &Arc<Cp>, entry: &UserEntry, way: Way) -> Result<User, StorageError> {
    let space = AddressSpace::new(&cp.storage, entry.storage.bytes())?;
    let line = match way {
        Way::Terminal => Line::Logical(cp.next_line()),
        Way::Autolog => Line::Disconnected,
        Way::Operator => Line::System,
    };
    let console = VirtualConsole::new(Limits::default());
    // Until `start_up` has loaded what the directory says, nobody reads: a script must not give its first line to CP.
    console.set_state(if way == Way::Operator { ConsoleState::CpRead } else { ConsoleState::Running });
    // CMS shows full screens by itself; the text screen of a PC is shown when its console is a display.
    let is_display = entry.console.as_ref().is_some_and(|console| console.kind == ConsoleKind::Display);
    let settings = Settings { full_screen: entry.machine == MachineKind::Pc && is_display, ..Settings::default() };
    let standing = Standing::of(Arc::clone(space.gauge()), cp.started.elapsed());
    Ok(User {
        id: entry.userid,
        entry: entry.clone(),
        logged_on_at: cp.clock.now(),
        logged_on: Instant::now(),
        console,
        session: Mutex::new(SessionState { line, settings }),
        machine: Mutex::new(Machine::new(space)),
        devices: Mutex::new(Devices::of_entry(entry, entry.dist())),
        usage: Usage::default(),
        accounted: Mutex::default(),
        standing,
        storage: AtomicU64::new(entry.storage.bytes()),
        processors: AtomicU8::new(entry.processors),
        rest: Mutex::default(),
        eyes: Mutex::default(),
        debug: crate::debug::Debugging::default(),
        activity: super::idle::Activity::default(),
        complained: Mutex::default(),
        wrong_passwords: AtomicU32::new(0),
        last_seen: Mutex::default(),
        cp_read: AtomicBool::new(false),
        answering: AtomicU32::new(0),
        gone: AtomicBool::new(false),
        entitlement: Mutex::new(Entitlement::of(entry)),
        dispatch: OnceLock::new(),
        cp: Arc::clone(cp),
    })
}

/// What a user sees at logon, in z/VM's order: release, links that went wrong, spool files, when.
fn greet(user: &Arc<User>, directory: &Directory) {
    let cp = user.cp();
    let say = |text: String| user.console.write(LineKind::Cp, &text);
    say(format!("CP-64 Version {}, {} ({})", crate::RELEASE, crate::DESCRIPTION, cp.config.system_id));
    match cp.log_message() {
        None => say("There is no logmsg data".to_string()),
        Some(text) => text.lines().for_each(|line| say(line.to_string())),
    }
    let counts = cp.spool.counts(spool_userid(&user.id)).unwrap_or_default();
    say(command::spool_files_line(&counts));
    for disk in &user.entry.minidisks {
        link_at_logon(user, directory, user.id, disk.vdev, disk.vdev, disk.mode);
    }
    for link in &user.entry.links {
        link_at_logon(user, directory, link.owner, link.vdev, link.as_vdev, link.mode);
    }
    say(format!("LOGON AT {}", clock::full(&user.logged_on_at)));
}

fn link_at_logon(user: &Arc<User>, directory: &Directory, owner: UserId, vdev: DeviceNumber, at: DeviceNumber, mode: LinkMode) {
    if let Err(line) = link(user, directory, owner, vdev, at, mode).map(|line| line.map(|line| user.console.write(LineKind::Cp, &line))) {
        user.console.write(LineKind::Cp, &line.to_string());
    }
}

/// Links `owner`'s disk `vdev` as `at`. Answers the line that LINK shows, none when nobody else has the disk.
pub fn link(
    user: &Arc<User>,
    directory: &Directory,
    owner: UserId,
    vdev: DeviceNumber,
    at: DeviceNumber,
    mode: LinkMode,
) -> Result<Option<String>, command::Message> {
    let refuse = |number, why: String| Err(command::error("LNM", number, format!("{owner} {vdev} not linked; {why}")));
    let Some(minidisk) = directory.minidisk(&owner, vdev) else {
        return refuse(107, "not in CP directory".to_string());
    };
    if user.devices.lock().contains(at) {
        return refuse(110, format!("DASD {at} already defined"));
    }
    if minidisk.is_temporary() {
        if owner != user.id || at != vdev {
            return refuse(108, "a temporary disk is its owner's alone".to_string());
        }
        let (size, in_storage) = match minidisk.extent {
            Extent::Virtual { blocks } => (blocks, true),
            Extent::Temporary { size } => (size, false),
            _ => return Ok(None),
        };
        return define_temporary(user, at, minidisk.device, size, in_storage).map(|()| None);
    }
    let Some(blocks) = minidisk.blocks().and_then(|blocks| u32::try_from(blocks).ok()) else {
        return refuse(108, "it has no extent on a volume of this system".to_string());
    };
    let links = &user.cp().links;
    let linked = match links.link((owner, vdev), user.id, at, mode) {
        Ok(linked) => linked,
        Err(LinkError::InUse(others)) => {
            return refuse(numbered(104, &others), described(&others).unwrap_or_default());
        }
        Err(LinkError::Extent(error)) => {
            // The host's file names are the operator's business.
            user.cp().say_to_operator(&format!("{owner} {vdev} not linked for {}: {error}", user.id));
            return refuse(108, host_file_trouble(&error).to_string());
        }
    };
    if let Some(fault) = minidisks::fault(&linked.extent, owner, minidisk) {
        links.unlink((owner, vdev), user.id, at);
        return refuse(108, fault);
    }
    let disk = Disk {
        owner,
        owner_vdev: vdev,
        mode,
        read_only: linked.read_only,
        extent: Arc::clone(&linked.extent),
        device_type: minidisk.device.as_str().to_string(),
        volume: minidisk.volid.map_or_else(String::new, |volid| volid.to_string()),
        cylinders: minidisk.cylinders().unwrap_or(0),
        blocks,
    };
    let defined = {
        let mut devices = user.devices.lock();
        // LOGOFF takes the devices after it said that the user goes: a link made after that would stay for ever.
        !user.is_gone() && devices.define_disk(at, disk)
    };
    if !defined {
        links.unlink((owner, vdev), user.id, at);
        return refuse(110, format!("DASD {at} already defined"));
    }
    Ok(link_line(at, linked.read_only, linked.forced, &linked.others))
}

/// Gives a user a disk of zeros that is gone at DETACH or LOGOFF: so many cylinders or 512-byte blocks, on the host's disk or in its storage.
pub fn define_temporary(user: &Arc<User>, at: DeviceNumber, kind: DeviceType, size: u32, in_storage: bool) -> Result<(), command::Message> {
    let refuse = |why: String| Err(command::error("DFN", 91, format!("DASD {at} not defined; {why}")));
    let blocks = u32::try_from(kind.blocks_of_4k(size)).unwrap_or(0);
    if size == 0 || size > kind.volume_limit() || blocks == 0 {
        return refuse("that is no size for such a device".to_string());
    }
    let device = if kind.is_ckd() && kind.as_str() == "3390" {
        minidisk::extent::DeviceType::Ckd3390 { cylinders: size }
    } else {
        minidisk::extent::DeviceType::Fb512 { blocks: blocks * 8 }
    };
    let header = minidisk::extent::Header { owner: user.id.to_string(), vdev: at.0, device };
    let extent = match user.cp().links.temporary(&header, in_storage) {
        Ok(extent) => extent,
        Err(error @ (TemporaryError::NoStorage | TemporaryError::UserLimit)) => return refuse(error.to_string()),
        Err(TemporaryError::Extent(error)) => {
            // The host's file names are the operator's business.
            user.cp().say_to_operator(&format!("DASD {at} not defined for {}: {error}", user.id));
            return refuse("temp space not available".to_string());
        }
    };
    let disk = Disk {
        owner: user.id,
        owner_vdev: at,
        mode: LinkMode::Mw,
        read_only: false,
        extent,
        device_type: kind.as_str().to_string(),
        volume: if in_storage { "(VDSK)" } else { "(TEMP)" }.to_string(),
        cylinders: if kind.is_ckd() { size } else { 0 },
        blocks,
    };
    if user.is_gone() || !user.devices.lock().define_disk(at, disk) {
        return Err(command::error("DFN", 92, format!("Device {at} already defined")));
    }
    Ok(())
}

fn host_file_trouble(error: &ExtentError) -> &'static str {
    match error {
        ExtentError::Held(_) => "it is in use by a program of the host",
        ExtentError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => "its host file is missing",
        error if error.is_read_only() => "its host file may only be read",
        _ => "its host file cannot be used; the operator is told why",
    }
}

/// Which of three messages in a row tells what the others have: they read, they write, or both.
fn numbered(first: u32, others: &Others) -> u32 {
    match (others.writers > 0, others.readers > 0) {
        (false, _) => first,
        (true, false) => first + 1,
        (true, true) => first + 2,
    }
}

fn link_line(at: DeviceNumber, read_only: bool, forced: bool, others: &Others) -> Option<String> {
    let rest = described(others);
    if forced {
        return Some(format!(
            "HCPLNM{}W DASD {at} forced R/O; {}",
            numbered(101, others),
            rest.as_deref().unwrap_or("its host file may only be read")
        ));
    }
    let access = if read_only { "R/O" } else { "R/W" };
    rest.map(|rest| format!("DASD {at} LINKED {access}; {rest}"))
}

/// COMMAND statements and the IPL of the directory entry; then the console shows who reads.
pub fn start_up(user: &Arc<User>, no_ipl: bool) {
    load_as_directed(user, no_ipl);
    user.with_machine_for(Wakeup::Console, |_| ());
}

fn load_as_directed(user: &Arc<User>, no_ipl: bool) {
    for text in &user.entry.commands {
        if user.is_gone() {
            return;
        }
        let reply = command::execute(user.cp(), Origin::user(user), text);
        user.say_cp(&reply.lines);
    }
    let Some(statement) = user.entry.ipl.as_ref().filter(|_| !no_ipl && !user.is_gone()) else { return };
    let system = match &statement.system {
        IplSystem::Device(vdev) => vdev.to_string(),
        IplSystem::Named(name) => name.clone(),
    };
    let parm = statement.parm.as_deref().map_or_else(String::new, |parm| format!(" PARM {parm}"));
    let reply = command::execute(user.cp(), Origin::user(user), &format!("IPL {system}{parm}"));
    user.say_cp(&reply.lines);
}

/// Logs a user off: closes spool files, drops links and the machine, ends the console. Done once, however often it is asked for.
/// `forced_by` names who used FORCE.
pub fn log_off(user: &Arc<User>, forced_by: Option<&UserId>, ending: Ending) {
    if user.gone.swap(true, Ordering::AcqRel) {
        return;
    }
    let cp = user.cp();
    // It will not go on: what it was to do is dropped.
    drop(user.take_sleep(|_| true));
    user.forget_question();
    user.undial();
    if let Some(&id) = user.dispatch.get() {
        cp.dispatcher.dismiss(id);
    }
    user.kick();
    let resident_pages = {
        let mut machine = user.machine.lock();
        let resident_pages = machine.space.resident_pages();
        if let Err(error) = machine.clear() {
            tracing::warn!("Storage of {} is not cleared at logoff: {error}", user.id);
        }
        resident_pages
    };
    let mut devices = std::mem::take(&mut *user.devices.lock());
    for (_, device) in devices.iter_mut() {
        if let Device::Output(output) = device {
            close_at_end(user, output);
        }
    }
    let why = match (ending, forced_by) {
        (Ending::Shutdown, _) => Why::Shutdown,
        (_, Some(_)) => Why::Force,
        (_, None) => Why::Logoff,
    };
    user.account(why, forced_by, resident_pages);
    for line in logoff_lines(user) {
        user.console.write(LineKind::Cp, &line);
    }
    if let Some(console) = devices.console_mut() {
        console.set_spooling(user, false, true);
        close_at_end(user, &mut console.output);
    }
    unlink_disks(user, devices);
    user.close_eyes();
    cp.users.remove(user);
    cp.counters.logoffs.fetch_add(1, Ordering::Relaxed);
    user.console.end(ending);
    cp.note_logoff(user, forced_by);
}

/// Closes the file in progress; when it cannot go where SPOOL says, it stays with its maker and is not lost.
fn close_at_end(user: &Arc<User>, output: &mut Output) {
    let mut closed = command::close_output(user, output);
    if closed.is_err() && output.open.is_some() {
        output.route = Route::Own;
        closed = command::close_output(user, output);
    }
    if let Err(message) = closed {
        user.console.write(LineKind::Cp, &format!("Spool file of a {} is lost: {message}", output.shown()));
    }
}

fn unlink_disks(user: &Arc<User>, devices: Devices) {
    for (number, device) in devices.into_iter() {
        if let Device::Disk(disk) = device {
            user.cp().links.unlink((disk.owner, disk.owner_vdev), user.id, number);
        }
    }
}

/// `CONNECT= ... VIRTCPU= ... TOTCPU= ...`, of LOGOFF and QUERY TIME.
pub fn usage_line(user: &User) -> String {
    format!(
        "CONNECT= {} VIRTCPU= {} TOTCPU= {}",
        clock::hours(user.logged_on.elapsed().as_secs()),
        clock::processor_time(user.usage.virtual_us()),
        clock::processor_time(user.usage.total_us())
    )
}

fn logoff_lines(user: &User) -> [String; 2] {
    [usage_line(user), format!("LOGOFF AT {}", clock::full(&user.cp().clock.now()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_forced_read_only_says_who_has_the_disk() {
        let readers = |count, one: &str| Others { readers: count, reader: one.parse().ok(), ..Others::default() };
        let writers = |one: &str| Others { writers: 1, writer: one.parse().ok(), ..Others::default() };
        let line = |others: &Others| link_line(DeviceNumber(0x291), true, true, others).unwrap();
        assert_eq!(line(&readers(1, "MAINT")), "HCPLNM101W DASD 0291 forced R/O; R/O BY MAINT");
        assert_eq!(line(&writers("MAINT")), "HCPLNM102W DASD 0291 forced R/O; R/W BY MAINT");
        let both = Others { readers: 1, reader: "CMSUSER".parse().ok(), ..writers("MAINT") };
        assert_eq!(line(&both), "HCPLNM103W DASD 0291 forced R/O; R/W BY MAINT; R/O BY CMSUSER");
        assert_eq!(link_line(DeviceNumber(0x291), true, false, &Others::default()), None, "nobody else has it");
    }
}
