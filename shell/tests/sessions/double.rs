//! A double of CP: minidisks, spool and console in storage, and a terminal to type at.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::OnceLock;

use abi::{DeviceInfo, DisplayInfo, Identification, PseudoTimer, SpoolFileBlock, spool_input};
use minidisk::edf::{BlockDevice, DateTime, FileId, FileSystem, MemoryDisk, MemoryDiskError, RecordFormat};
use shell::cp::{Cp, DiskUnusable, Failure, Response, Tracing};
use shell::immediate::OwnImmediates;
use shell::module::ProgramServices;
use shell::session::{Session, Shell};

/// The moment at which every session takes place: Sunday 2026-11-22 14:41:41 UTC.
pub const NOW: i64 = 1_795_358_501;

/// A minidisk that stays what it is when CMS releases it.
#[derive(Clone)]
pub struct SharedDisk(Rc<RefCell<DiskState>>);

struct DiskState {
    disk: MemoryDisk,
    /// Writes that still succeed; none fails when it is `None`.
    writes_left: Option<u32>,
}

impl BlockDevice for SharedDisk {
    type Error = MemoryDiskError;

    fn blocks(&self) -> u32 {
        self.0.borrow().disk.blocks()
    }

    fn read_only(&self) -> bool {
        self.0.borrow().disk.read_only()
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), MemoryDiskError> {
        self.0.borrow_mut().disk.read(first, into)
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), MemoryDiskError> {
        let mut state = self.0.borrow_mut();
        match &mut state.writes_left {
            Some(0) => return Err(MemoryDiskError::Range(first)),
            Some(left) => *left -= 1,
            None => {}
        }
        state.disk.write(first, from)
    }

    fn flush(&mut self) -> Result<(), MemoryDiskError> {
        Ok(())
    }
}

/// A spool file: what CP tells of it, and its records as frames.
#[derive(Clone)]
pub struct SpoolFile {
    pub block: SpoolFileBlock,
    pub frames: Vec<u8>,
}

/// What the double holds.
#[derive(Default)]
pub struct World {
    pub userid: String,
    disks: BTreeMap<u32, SharedDisk>,
    /// Lines shown so far.
    pub screen: Vec<String>,
    /// Lines to be read.
    pub typed: VecDeque<String>,
    /// Immediate commands that are typed when so many more commands have been called: HO, SO and RO, and HB.
    pub tracing: VecDeque<Option<Tracing>>,
    pub batch_halted: bool,
    /// Immediate commands of EXECs. The CP command TYPED stands for somebody who types one.
    pub own_immediates: OwnImmediates,
    /// Nothing is shown.
    pub typing_halted: bool,
    /// CP commands that CMS has issued.
    pub commands: Vec<String>,
    /// Files in the reader.
    pub reader: Vec<SpoolFile>,
    /// Files closed to other users: receiver and file.
    pub sent: Vec<(String, SpoolFile)>,
    /// Files closed to the printer.
    pub printed: Vec<SpoolFile>,
    open_output: BTreeMap<u32, Vec<u8>>,
    /// The first bytes of storage.
    storage: Vec<u8>,
    /// Disks of other users, and the device numbers under which they are linked.
    of_others: BTreeMap<(String, u32), SharedDisk>,
    linked: Vec<u32>,
    reading: Option<(u32, usize)>,
    /// CP refuses unit record output.
    pub spool_full: bool,
    /// CP answers that when the reader is read.
    pub reader_status: Option<u64>,
    /// The terminal shows full screens of that size; the data streams written to it, and the keys that will be pressed: PF3 when there are none.
    pub display: Option<DisplayInfo>,
    pub streams: Vec<Vec<u8>>,
    pub keys: VecDeque<Vec<u8>>,
    /// Failures that ABEND asked for.
    pub failures: Vec<Failure>,
    pub remembered: Option<Session>,
    /// Processor time used so far, in microseconds: a little more at each look.
    used: u64,
    spid: u32,
}

/// CP as the shell sees it.
#[derive(Clone)]
pub struct Double(pub Rc<RefCell<World>>);

fn hexadecimal(word: &str) -> u32 {
    u32::from_str_radix(word, 16).expect("a device number")
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    field.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    field
}

impl World {
    /// A CP command, as far as the sessions need it.
    fn command(&mut self, command: &str) -> Response {
        self.commands.push(command.to_string());
        let upper = command.to_ascii_uppercase();
        let words: Vec<_> = upper.split_whitespace().collect();
        let (code, text) = match words.as_slice() {
            ["CLOSE", device, operands @ ..] => self.close(device, operands),
            ["TYPED", word] => {
                self.own_immediates.typed(word.as_bytes());
                (0, String::new())
            }
            ["QUERY", "TIME"] => (0, "TIME IS 14:41:41 UTC SUNDAY 11/22/26\n".into()),
            ["SLEEP"] => (0, String::new()),
            ["MESSAGE", "NOBODY", ..] => (45, "HCPMSG045E NOBODY not logged on\n".into()),
            ["LINK", "TO", owner, vdev, "AS", own, ..] => self.link(owner, vdev, own),
            ["DETACH", vdev] if self.linked.contains(&hexadecimal(vdev)) => {
                self.linked.retain(|own| *own != hexadecimal(vdev));
                self.disks.remove(&hexadecimal(vdev));
                (0, String::new())
            }
            ["QUERY", "READER", "*", "ALL"] => self.query_reader(),
            ["SET", "EMSG", _] => (0, String::new()),
            ["MESSAGE" | "DETACH" | "PURGE", ..] => (0, String::new()),
            [first, ..] => (1, format!("HCPCMD001E Unknown CP command: {first}\n")),
            [] => (0, String::new()),
        };
        Response { code, text: text.into_bytes() }
    }

    fn link(&mut self, owner: &str, vdev: &str, own: &str) -> (u32, String) {
        match self.of_others.get(&(owner.to_string(), hexadecimal(vdev))) {
            Some(disk) => {
                self.disks.insert(hexadecimal(own), disk.clone());
                self.linked.push(hexadecimal(own));
                (0, String::new())
            }
            None => (107, format!("HCPLNK107E {owner} {vdev} not linked; not in CP directory\n")),
        }
    }

    fn query_reader(&self) -> (u32, String) {
        let mut text = String::from("ORIGINID FILE CLASS RECORDS  CPY HOLD DATE  TIME      NAME      TYPE     DIST\n");
        for file in &self.reader {
            let name = String::from_utf8_lossy(&file.block.name).into_owned();
            text.push_str(&format!(
                "{:<8} {:04} A PUN {:08} 001 NONE 11/22 14:41:41  {name}\n",
                self.userid, file.block.spid, file.block.records
            ));
        }
        (0, text)
    }

    fn close(&mut self, device: &str, operands: &[&str]) -> (u32, String) {
        let vdev = u32::from_str_radix(device, 16).expect("a device number");
        if vdev == 0xc {
            if let Some((spid, _)) = self.reading.take().filter(|_| !operands.contains(&"KEEP")) {
                self.reader.retain(|file| file.block.spid != spid);
            }
            return (0, String::new());
        }
        let frames = self.open_output.remove(&vdev).unwrap_or_default();
        let after = |word: &str, skip: usize| {
            let at = operands.iter().position(|operand| *operand == word)?;
            operands.get(at + skip).map(|operand| operand.to_string())
        };
        if operands.contains(&"PURGE") {
            return (0, String::new());
        }
        let (name, file_type) = (after("NAME", 1), after("NAME", 2));
        let device = if vdev == 0xe { b'P' } else { b'U' };
        let (name, file_type) = (name.unwrap_or_default(), file_type.unwrap_or_default());
        let file = self.spool_file(device, &name, &file_type, frames);
        match after("TO", 1) {
            Some(user) if user == "NOBODY" => {
                return (53, "HCPCLS053E NOBODY not in CP directory\n".into());
            }
            Some(user) => self.sent.push((user, file)),
            None if vdev == 0xe => self.printed.push(file),
            None => self.sent.push((self.userid.clone(), file)),
        }
        (0, "PUN FILE SENT\n".into())
    }

    fn spool_file(&mut self, device: u8, name: &str, file_type: &str, frames: Vec<u8>) -> SpoolFile {
        self.spid += 1;
        let block = SpoolFileBlock {
            spid: self.spid,
            copies: 1,
            records: 0,
            created: NOW as u64,
            origin: padded(&self.userid),
            owner: padded(&self.userid),
            name: padded(name),
            file_type: padded(file_type),
            dist: padded(""),
            form: padded("STANDARD"),
            class: b'A',
            device,
            hold: b'N',
            keep: b'N',
            reserved: [0; 44],
        };
        SpoolFile { block, frames }
    }

    /// Puts a file of those records into the reader.
    pub fn arrives(&mut self, device: u8, name: &str, file_type: &str, records: &[&[u8]]) -> u32 {
        let mut frames = Vec::new();
        for record in records {
            frames.extend((record.len() as u16).to_le_bytes());
            frames.extend(0x41u16.to_le_bytes());
            frames.extend(*record);
        }
        let file = self.spool_file(device, name, file_type, frames);
        let spid = file.block.spid;
        self.reader.push(file);
        spid
    }
}

impl SpoolFile {
    /// The records.
    pub fn records(&self) -> Vec<Vec<u8>> {
        self.framed().into_iter().map(|(_, record)| record).collect()
    }

    /// The channel commands and the records.
    pub fn framed(&self) -> Vec<(u16, Vec<u8>)> {
        let mut rest = self.frames.as_slice();
        let mut records = Vec::new();
        while let [l0, l1, c0, c1, after @ ..] = rest {
            let length = usize::from(u16::from_le_bytes([*l0, *l1]));
            records.push((u16::from_le_bytes([*c0, *c1]), after[..length].to_vec()));
            rest = &after[length..];
        }
        records
    }
}

impl Cp for Double {
    type Disk = SharedDisk;

    fn identification(&mut self) -> Identification {
        Identification {
            system_name: padded("CP-64"),
            version: abi::VERSION,
            reserved: 0,
            userid: padded(&self.0.borrow().userid),
            system_id: padded("NODE1"),
            release: padded("0.1.0"),
        }
    }

    fn timer(&mut self) -> PseudoTimer {
        let mut world = self.0.borrow_mut();
        world.used += 10_000;
        PseudoTimer {
            date: padded("2026-11-22"),
            zone: padded("UTC"),
            time: padded("14:41:41"),
            unix_seconds: NOW as u64,
            zone_seconds: 0,
            virtual_us: world.used,
            total_us: world.used * 2,
        }
    }

    fn write_line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line).into_owned();
        let mut world = self.0.borrow_mut();
        if !world.typing_halted {
            world.screen.push(line);
        }
    }

    fn read_line(&mut self) -> Option<Vec<u8>> {
        self.0.borrow_mut().typed.pop_front().map(String::into_bytes)
    }

    fn command(&mut self, command: &[u8]) -> Response {
        self.0.borrow_mut().command(&String::from_utf8_lossy(command))
    }

    fn command_to_console(&mut self, command: &[u8]) -> u32 {
        let response = self.command(command);
        let text = String::from_utf8_lossy(&response.text).into_owned();
        self.0.borrow_mut().screen.extend(text.lines().map(String::from));
        response.code
    }

    fn display(&mut self) -> Option<DisplayInfo> {
        self.0.borrow().display
    }

    fn write_screen(&mut self, _: u64, stream: &[u8]) -> bool {
        self.0.borrow_mut().streams.push(stream.to_vec());
        true
    }

    fn read_screen(&mut self) -> Option<Vec<u8>> {
        Some(self.0.borrow_mut().keys.pop_front().unwrap_or_else(|| vec![0xf3]))
    }

    fn device(&mut self, vdev: u32) -> Option<DeviceInfo> {
        let world = self.0.borrow();
        let mut info = DeviceInfo { number: vdev, ..DeviceInfo::default() };
        match (vdev, world.disks.get(&vdev)) {
            (0xc..=0xe, _) => info.class = vdev - 0xa,
            (_, Some(disk)) => {
                info.class = abi::device::DASD;
                info.blocks = disk.blocks();
                info.cylinders = disk.blocks() / 180;
                info.name = padded("3390");
            }
            _ => return None,
        }
        Some(info)
    }

    fn disk(&mut self, vdev: u32) -> Result<SharedDisk, DiskUnusable> {
        self.0.borrow().disks.get(&vdev).cloned().ok_or(DiskUnusable::NotAttached)
    }

    fn write_unit_record(&mut self, vdev: u32, records: &[u8]) -> Result<(), u64> {
        let mut world = self.0.borrow_mut();
        if world.spool_full {
            return Err(abi::unit_record::SPOOL_ERROR);
        }
        world.open_output.entry(vdev).or_default().extend(records);
        Ok(())
    }

    fn reader_file(&mut self, spid: u32) -> Option<SpoolFileBlock> {
        let world = self.0.borrow();
        world.reader.iter().find(|file| spid == 0 || file.block.spid == spid).map(|file| file.block)
    }

    fn select_reader_file(&mut self, spid: u32) -> Result<(), u64> {
        self.reader_file(spid).ok_or(spool_input::NO_FILE)?;
        self.0.borrow_mut().reading = Some((spid, 0));
        Ok(())
    }

    fn read_reader(&mut self, buffer: &mut Vec<u8>) -> Result<bool, u64> {
        let mut world = self.0.borrow_mut();
        if let Some(status) = world.reader_status {
            return Err(status);
        }
        let (spid, at) = world.reading.ok_or(spool_input::NO_FILE)?;
        let file = world.reader.iter().find(|file| file.block.spid == spid).ok_or(spool_input::NO_FILE)?;
        // Three records at a time, so that commands meet the ends of buffers.
        let records: Vec<_> = file.framed().into_iter().skip(at).take(3).collect();
        buffer.clear();
        for (command, record) in &records {
            buffer.extend((record.len() as u16).to_le_bytes());
            buffer.extend(command.to_le_bytes());
            buffer.extend(record);
        }
        world.reading = Some((spid, at + records.len()));
        Ok(!records.is_empty())
    }

    fn storage(&mut self, address: u64, length: usize) -> Option<Vec<u8>> {
        let world = self.0.borrow();
        let from = usize::try_from(address).ok()?;
        world.storage.get(from..from.checked_add(length)?).map(<[u8]>::to_vec)
    }

    fn store(&mut self, address: u64, bytes: &[u8]) -> bool {
        let mut world = self.0.borrow_mut();
        let place = usize::try_from(address).ok().and_then(|from| world.storage.get_mut(from..from.checked_add(bytes.len())?));
        place.map(|place| place.copy_from_slice(bytes)).is_some()
    }

    /// The double cannot enter a program: it says that one was called, and answers the length of its arguments. After `command` they are
    /// a command that the program gives, and its return code the program's.
    fn call_program(_: usize, arguments: &[u8], services: &mut dyn ProgramServices) -> i32 {
        if let Some(command) = arguments.strip_prefix(b"command ") {
            return services.command(command);
        }
        services.write_line(&[b"called with ", arguments].concat());
        arguments.len() as i32
    }

    fn tracing(&mut self) -> Option<Tracing> {
        self.0.borrow_mut().tracing.pop_front().flatten()
    }

    fn own_immediates<T>(&mut self, work: impl FnOnce(&mut OwnImmediates) -> T) -> T {
        work(&mut self.0.borrow_mut().own_immediates)
    }

    fn batch_halted(&mut self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().batch_halted)
    }

    fn halt_typing(&mut self, halted: bool) {
        self.0.borrow_mut().typing_halted = halted;
    }

    fn remember(&mut self, session: &Session) {
        self.0.borrow_mut().remembered = Some(*session);
    }

    fn begin_command(&mut self, session: &Session) {
        self.remember(session);
    }

    fn end_command(&mut self) {
        let mut world = self.0.borrow_mut();
        world.typing_halted = false;
        world.own_immediates = OwnImmediates::NONE;
    }

    fn halt(&mut self) {
        let mut world = self.0.borrow_mut();
        let routine = world.remembered.map(|session| session.routine().to_string()).unwrap_or_default();
        world.screen.push(format!("DMSABE222I {routine} halted by HX"));
    }

    fn fail(&mut self, failure: Failure) {
        self.0.borrow_mut().failures.push(failure);
    }

    fn last_abend(&mut self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// The number of a message of CMS, with its letters.
fn message_number(line: &str) -> Option<&str> {
    let (number, _) = line.split_once(' ')?;
    let letters = number.strip_prefix("DMS")?;
    letters.as_bytes().get(3).is_some_and(u8::is_ascii_digit).then_some(number)
}

/// Whether a message is in the help of a command.
fn is_explained(number: &str) -> bool {
    static HELP: OnceLock<String> = OnceLock::new();
    let help = HELP.get_or_init(|| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/help/cms");
        let files = std::fs::read_dir(folder).expect("help files");
        files.map(|file| std::fs::read_to_string(file.expect("a help file").path()).expect("text")).collect()
    });
    help.contains(&format!("    {number} "))
}

/// The local time of all sessions.
pub fn now() -> DateTime {
    DateTime::from_unix_seconds(NOW)
}

/// A user at a terminal.
pub struct User {
    pub shell: Shell<Double>,
    pub world: Rc<RefCell<World>>,
}

impl User {
    /// A user with a formatted, empty 191 who has IPLed CMS and read the first Ready message.
    pub fn new() -> Self {
        let mut user = Self::before_ipl("CMSUSER");
        user.add_disk(0x191, "MNT191", 900);
        user.ipl("AUTOCR", &[]);
        user
    }

    /// A machine without disks, not IPLed.
    pub fn before_ipl(userid: &str) -> Self {
        let world = Rc::new(RefCell::new(World { userid: userid.into(), storage: (0..=255).collect(), ..World::default() }));
        Self { shell: Shell::new(Double(world.clone())), world }
    }

    /// A machine whose A-disk has these EXECs, without the comment that each begins with, and these files, IPLed.
    pub fn with(execs: &[(&str, &[&str])], files: &[(&str, &[&str])]) -> Self {
        let mut user = Self::before_ipl("CMSUSER");
        user.add_disk(0x191, "MNT191", 900);
        for (name, lines) in execs {
            user.has_file(0x191, &format!("{name} EXEC"), 1, &[&["/* */"], *lines].concat());
        }
        for (id, lines) in files {
            user.has_file(0x191, id, 1, lines);
        }
        user.ipl("AUTOCR", &[]);
        user
    }

    /// The same without other files.
    pub fn with_execs(execs: &[(&str, &[&str])]) -> Self {
        Self::with(execs, &[])
    }

    /// IPLs CMS with that PARM and those lines already typed; answers what it shows.
    pub fn ipl(&mut self, parm: &str, typed: &[&str]) -> Vec<String> {
        self.types(typed);
        self.shell.ipl(parm.as_bytes());
        self.shown()
    }

    /// What CMS keeps for after an abnormal end.
    pub fn shell_session(&self) -> Session {
        self.world.borrow().remembered.expect("a session")
    }

    /// CMS starts again after an abnormal end.
    pub fn recovers(&mut self, session: Session) {
        self.shell = Shell::recover(Double(self.world.clone()), session, 222);
        self.shown();
    }

    /// IPL CMS again.
    pub fn restarts(&mut self) {
        self.shell = Shell::new(Double(self.world.clone()));
        self.ipl("AUTOCR", &[]);
    }

    /// Types lines ahead.
    pub fn types(&mut self, lines: &[&str]) {
        self.world.borrow_mut().typed.extend(lines.iter().map(|line| line.to_string()));
    }

    /// Enters a line; answers what CMS shows, the Ready message included.
    pub fn enters(&mut self, line: &str) -> Vec<String> {
        self.shell.enter(line.as_bytes());
        self.shown()
    }

    /// Enters a line that must end well; answers what CMS shows before the Ready message.
    pub fn does(&mut self, line: &str) -> Vec<String> {
        let mut shown = self.enters(line);
        let ready = shown.pop().unwrap_or_default();
        assert!(ready.starts_with("Ready;"), "{line}: {shown:?} {ready}");
        shown
    }

    /// Enters a line that must fail; answers the return code and what CMS shows before the Ready message.
    pub fn fails(&mut self, line: &str) -> (i32, Vec<String>) {
        let mut shown = self.enters(line);
        let ready = shown.pop().unwrap_or_default();
        let code = ready.strip_prefix("Ready(").and_then(|rest| rest.split_once(')')).map(|(code, _)| code);
        let code = code.and_then(|code| code.parse().ok());
        shown
            .iter()
            .filter_map(|line| message_number(line))
            .for_each(|number| assert!(is_explained(number), "HELP knows {number}: {line}"));
        (code.unwrap_or_else(|| panic!("{line}: {shown:?} {ready}")), shown)
    }

    /// What was shown since the last look.
    pub fn shown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.world.borrow_mut().screen)
    }

    /// Attaches an empty formatted disk.
    pub fn add_disk(&mut self, vdev: u32, label: &str, blocks: u32) {
        let system = FileSystem::format(MemoryDisk::new(blocks), label, blocks / 180, now());
        self.attach(vdev, system.expect("a formatted disk").into_device());
    }

    /// Attaches a disk.
    pub fn attach(&mut self, vdev: u32, disk: MemoryDisk) {
        let state = DiskState { disk, writes_left: None };
        self.world.borrow_mut().disks.insert(vdev, SharedDisk(Rc::new(RefCell::new(state))));
    }

    /// A disk becomes another user's, who lets it be linked.
    pub fn gives_away(&mut self, vdev: u32, owner: &str, as_vdev: u32) {
        let disk = self.detach(vdev);
        self.world.borrow_mut().of_others.insert((owner.into(), as_vdev), disk);
    }

    /// Takes a disk away, as DETACH does, or hands it to another user.
    pub fn detach(&mut self, vdev: u32) -> SharedDisk {
        self.world.borrow_mut().disks.remove(&vdev).expect("an attached disk")
    }

    /// From now on a disk may only be read.
    pub fn make_read_only(&mut self, vdev: u32) {
        self.world.borrow().disks[&vdev].0.borrow_mut().disk.set_read_only(true);
    }

    /// A disk takes only that many writes more.
    pub fn breaks_after(&mut self, vdev: u32, writes: Option<u32>) {
        self.world.borrow().disks[&vdev].0.borrow_mut().writes_left = writes;
    }

    /// Puts a file on a disk, before the disk is accessed.
    pub fn has_file(&mut self, vdev: u32, id: &str, mode: u8, lines: &[&str]) {
        self.has_records(vdev, id, mode, RecordFormat::Variable, lines);
    }

    /// Puts a file of that record format on a disk, before the disk is accessed.
    pub fn has_records(&mut self, vdev: u32, id: &str, mode: u8, format: RecordFormat, lines: &[impl AsRef<[u8]>]) {
        let disk = self.world.borrow().disks[&vdev].clone();
        let (name, file_type) = id.split_once(' ').expect("a name and a type");
        let id = FileId::new(name, file_type).expect("a file identifier");
        let mut system = FileSystem::open(disk).expect("a formatted disk");
        system.write(&id, mode, format, now(), lines).expect("room for the file");
        system.commit().expect("a commit");
    }

    /// Puts empty files on a disk, before the disk is accessed.
    pub fn has_empty_files(&mut self, vdev: u32, ids: impl Iterator<Item = FileId>) {
        let disk = self.world.borrow().disks[&vdev].clone();
        let mut system = FileSystem::open(disk).expect("a formatted disk");
        ids.for_each(|id| system.write(&id, 1, RecordFormat::Variable, now(), [""; 0]).expect("room for the file"));
        system.commit().expect("a commit");
    }

    /// Puts a string of bytes on a disk, as `cp64 disk put` keeps a file that is not made of lines.
    pub fn has_bytes(&mut self, vdev: u32, id: &str, bytes: &[u8]) {
        let records: Vec<_> = bytes.chunks(1).collect();
        self.has_records(vdev, id, 1, RecordFormat::Fixed(1), &records);
    }

    /// The records of a file as they are on the disk now, read by somebody else.
    pub fn file_on(&self, vdev: u32, id: &str) -> Vec<String> {
        let disk = self.world.borrow().disks[&vdev].clone();
        let (name, file_type) = id.split_once(' ').expect("a name and a type");
        let id = FileId::new(name, file_type).expect("a file identifier");
        let mut system = FileSystem::open(disk).expect("a formatted disk");
        let records = system.read(&id).expect("the file");
        records.map(|record| String::from_utf8_lossy(&record.expect("a record")).into_owned()).collect()
    }

    /// The bytes of a file's records, one behind the other.
    pub fn bytes_on(&self, vdev: u32, id: &str) -> Vec<u8> {
        let disk = self.world.borrow().disks[&vdev].clone();
        let (name, file_type) = id.split_once(' ').expect("a name and a type");
        let id = FileId::new(name, file_type).expect("a file identifier");
        let mut system = FileSystem::open(disk).expect("a formatted disk");
        let records = system.read(&id).expect("the file");
        records.flat_map(|record| record.expect("a record")).collect()
    }

    /// Whether a disk has such a file.
    pub fn disk_has(&self, vdev: u32, id: &str) -> bool {
        let disk = self.world.borrow().disks[&vdev].clone();
        let (name, file_type) = id.split_once(' ').expect("a name and a type");
        let id = FileId::new(name, file_type).expect("a file identifier");
        FileSystem::open(disk).expect("a formatted disk").find(&id).is_some()
    }
}
