//! `cp64 dump`: reads what VMDUMP wrote, out of an archive, out of the records of a spool file, or out of the spool itself; and makes a core file of it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use console::client;
use cp_monitor::debug::show;
use cp_monitor::debug::trace::{Range, disassemble};
use cp_monitor::debug::vmdump::core::{self, Addresses};
use cp_monitor::debug::vmdump::format::MAGIC;
use cp_monitor::debug::vmdump::mappings::translate;
use cp_monitor::debug::vmdump::symbols::Symbols;
use cp_monitor::debug::vmdump::{Dump, Kind};
use cp_monitor::directory::UserId;
use cp_monitor::system::{DataDirectory, DataError};
use spool::{ArchiveReader, FileInfo, Queue, Selection, Spid, Spool, StartMode, Userid};

use super::spool::Passage;
use super::{Ended, Place, because, print, whole};

/// What is shown of an instruction address.
const CODE: usize = 16;

/// Which dump, and what is to be done with it.
#[derive(Args)]
pub struct Options {
    /// An archive of spool files, or the records of a dump; without it a file in the reader of --user
    file: Option<PathBuf>,
    /// Whose dump
    #[arg(long)]
    user: Option<UserId>,
    /// Number of the spool file; the newest dump when it is not said
    #[arg(long)]
    spid: Option<u16>,
    /// Show storage: ADDRESS, FIRST-LAST, FIRST.LENGTH in hexadecimal, or a symbol
    #[arg(long, value_name = "RANGE")]
    range: Vec<String>,
    /// Show storage as instructions
    #[arg(long, value_name = "RANGE")]
    code: Vec<String>,
    /// Take the names of addresses from this ELF file
    #[arg(long, value_name = "ELF")]
    symbols: Option<PathBuf>,
    /// Addresses of a PC machine are those of its storage, not through its page tables
    #[arg(long)]
    physical: bool,
    /// The processor whose page tables are used
    #[arg(long, default_value_t = 0)]
    processor: usize,
    /// Write a core file that gdb opens
    #[arg(long, value_name = "OUT")]
    core: Option<PathBuf>,
    /// Replace a core file of that name
    #[arg(long)]
    replace: bool,
}

/// Does it.
pub fn run(place: &Place, options: &Options) -> Ended {
    let dump = find(place, options)?;
    if options.processor >= dump.states.len() {
        return Err(format!("The machine has {} processors", dump.states.len()));
    }
    let symbols = match &options.symbols {
        None => Symbols::default(),
        Some(path) => {
            let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Symbols::of(&bytes).map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    let shown = Shown { dump: &dump, options, symbols };
    shown.all()?;
    if let Some(path) = &options.core {
        let addresses = if options.physical { Addresses::Physical } else { Addresses::Linear(options.processor) };
        if !options.replace && path.symlink_metadata().is_ok() {
            return Err(format!("{} is there already", path.display()));
        }
        whole::write(path, |output| core::write(&dump, addresses, output).map_err(|error| format!("{}: {error}", path.display())))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the dump that is meant.
fn find(place: &Place, options: &Options) -> Result<Dump, String> {
    if let Some(path) = &options.file {
        let shown = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut beginning = Vec::new();
        File::open(path)
            .map_err(|error| shown(&error))?
            .take(MAGIC.len() as u64)
            .read_to_end(&mut beginning)
            .map_err(|error| shown(&error))?;
        if beginning == MAGIC {
            let input = BufReader::new(File::open(path).map_err(|error| shown(&error))?);
            return Dump::read(input).map_err(|error| shown(&error));
        }
        return of_archive(path, options);
    }
    let user = options.user.ok_or("Name a file, or whose dump it is with --user")?;
    let root = place.existing()?;
    match DataDirectory::hold_existing(&root) {
        Ok(held) => of_spool(&held, user, options),
        Err(DataError::Running { .. }) => of_system(place, &root, user, options),
        Err(error) => Err(because(error)),
    }
}

/// The spool is opened here.
fn of_spool(held: &DataDirectory, user: UserId, options: &Options) -> Result<Dump, String> {
    let (spool, _) = Spool::open(&held.spool(), StartMode::Warm).map_err(because)?;
    let owner = Userid::new(user.as_str()).map_err(because)?;
    let files = spool.list(&Selection::of(owner).on(Queue::Reader)).map_err(because)?;
    let file = chosen(files, options)?;
    let mut records = spool.reader(file.owner, file.queue, file.spid).map_err(because)?;
    read(|| records.next_record().map(|record| record.map(|record| record.data.to_vec())).map_err(io::Error::other))
}

/// The running system archives it, by way of its own folder of archives.
fn of_system(place: &Place, root: &Path, user: UserId, options: &Options) -> Result<Dump, String> {
    let passage = Passage::new(root)?;
    let spid = options.spid.map_or_else(String::new, |spid| format!(" {spid:04}"));
    let command = format!("SPXTAPE DUMP {} USERID {user} RDR{spid} REPLACE", passage.name);
    let answer = client::command(&place.socket()?, &command).map_err(because)?;
    if answer.code == 0 { of_archive(&passage.path, options) } else { Err(answer.lines.join("\n")) }
}

fn of_archive(path: &Path, options: &Options) -> Result<Dump, String> {
    let shown = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let open = || {
        let file = File::open(path).map_err(|error| shown(&error))?;
        ArchiveReader::new(BufReader::new(file))
            .map_err(|error| format!("{}: neither a dump of VMDUMP nor an archive: {error}", path.display()))
    };
    let (mut files, mut archive) = (Vec::new(), open()?);
    while let Some(file) = archive.next_file().map_err(|error| shown(&error))? {
        files.push(file);
    }
    let wanted = chosen(files, options)?;
    let mut archive = open()?;
    while let Some(file) = archive.next_file().map_err(|error| shown(&error))? {
        if file == wanted {
            return read(|| archive.next_record().map(|record| record.map(|record| record.data.to_vec())).map_err(io::Error::other))
                .map_err(|error| shown(&error));
        }
    }
    Err(shown(&"the file changed while it was read"))
}

/// The dump that is meant among these files: the one with that number, or the newest.
fn chosen(files: Vec<FileInfo>, options: &Options) -> Result<FileInfo, String> {
    let spid = options.spid.map(Spid::new).transpose().map_err(because)?;
    let of_user = |file: &FileInfo| options.user.is_none_or(|user| file.owner.as_str() == user.as_str());
    let is_meant = |file: &FileInfo| match spid {
        Some(spid) => file.spid == spid,
        None => file.attributes.name.file_type() == "VMDUMP",
    };
    let found = files.into_iter().filter(|file| of_user(file) && is_meant(file)).max_by_key(|file| (file.created, file.serial));
    found.ok_or_else(|| "There is no such dump".to_string())
}

/// Reads a dump out of records.
fn read(next: impl FnMut() -> io::Result<Option<Vec<u8>>>) -> Result<Dump, String> {
    Dump::read(Records { next, record: Vec::new(), taken: 0 }).map_err(because)
}

/// Records one behind the other.
struct Records<F> {
    next: F,
    record: Vec<u8>,
    taken: usize,
}

impl<F: FnMut() -> io::Result<Option<Vec<u8>>>> Read for Records<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.record.len() {
            let Some(record) = (self.next)()? else { return Ok(0) };
            (self.record, self.taken) = (record, 0);
        }
        let length = into.len().min(self.record.len() - self.taken);
        into[..length].copy_from_slice(&self.record[self.taken..self.taken + length]);
        self.taken += length;
        Ok(length)
    }
}

/// A dump on its way to the terminal.
struct Shown<'a> {
    dump: &'a Dump,
    options: &'a Options,
    symbols: Symbols,
}

impl Shown<'_> {
    fn all(&self) -> Result<(), String> {
        let mut lines = self.head();
        for number in 0..self.dump.states.len() {
            lines.extend(self.processor(number));
        }
        for (word, is_code) in self.options.range.iter().map(|word| (word, false)).chain(self.options.code.iter().map(|word| (word, true)))
        {
            lines.push(String::new());
            let range = self.range(word)?;
            lines.extend(if is_code { self.code(range) } else { self.storage(range) });
        }
        print(&(lines.join("\n") + "\n"));
        Ok(())
    }

    fn head(&self) -> Vec<String> {
        let head = &self.dump.head;
        let made = i64::try_from(head.seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let made = made.map_or_else(|| head.seconds.to_string(), |made| made.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
        let ranges: Vec<_> = self.dump.ranges.iter().map(|(first, last)| format!("{first:X}-{last:X}")).collect();
        let system = if head.system.is_empty() { "nothing" } else { &head.system };
        let mut lines = vec![
            format!("{}: a {} machine with {system}, dumped {made}, FORMAT {}", head.user, head.kind.name(), head.format),
            format!("Storage {} KiB, in the dump {}; processors {}", head.storage >> 10, ranges.join(" "), head.processors),
        ];
        if !head.identification.is_empty() {
            lines.push(format!("\"{}\"", head.identification));
        }
        lines
    }

    fn processor(&self, number: usize) -> Vec<String> {
        let state = &self.dump.states[number];
        let waits = if state.halted { "  HALTED" } else { "" };
        let name = |address| self.symbols.at(address).map_or_else(String::new, |name| format!("  {name}"));
        let mut lines = vec![String::new(), format!("Processor {number}{waits}")];
        lines.push(format!("PSW = {:08X} {:016X}{}", state.rflags, state.rip, name(state.rip)));
        lines.extend(show::general(&state.general, 0, 15));
        lines.extend(
            show::GENERAL
                .iter()
                .zip(state.general)
                .filter_map(|(register, value)| Some(format!("  {register} = {}", self.symbols.at(value)?))),
        );
        if self.dump.head.kind == Kind::Pc {
            lines.extend([show::control(state), show::segments(state), show::specific(state)].concat());
        }
        lines.extend([show::floating(state, 0, 7), show::vectors(state, 0, 15)].concat());
        lines
    }

    fn range(&self, word: &str) -> Result<Range, String> {
        if let Some(symbol) = self.symbols.named(word) {
            return Ok(Range { first: symbol.address, last: symbol.address.saturating_add(symbol.size.max(1) - 1) });
        }
        Range::parse(word).ok_or_else(|| format!("{word} is no range of addresses, and no symbol"))
    }

    /// Copies storage by the addresses that were asked for. False when some of it is not there.
    fn load(&self, address: u64, into: &mut [u8]) -> bool {
        let state = &self.dump.states[self.options.processor];
        if self.options.physical || self.dump.head.kind == Kind::Cms {
            return self.dump.storage(address, into);
        }
        let mut done = 0;
        while done < into.len() {
            let at = address.wrapping_add(done as u64);
            let length = (into.len() - done).min(4096 - (at & 0xfff) as usize);
            let physical = translate(state, at, &|address, into| self.dump.storage(address, into));
            if !physical.is_some_and(|physical| self.dump.storage(physical, &mut into[done..done + length])) {
                return false;
            }
            done += length;
        }
        true
    }

    /// Lines up to the first that is not there.
    fn storage(&self, range: Range) -> Vec<String> {
        let mut lines = Vec::new();
        let mut address = range.first & !0xf;
        loop {
            let mut bytes = [0; 16];
            if !self.load(address, &mut bytes) {
                lines.push(format!("{address:08X}  not in the dump"));
                return lines;
            }
            lines.extend(self.symbols.at(address).filter(|name| !name.contains('+')).map(|name| format!("{name}:")));
            lines.push(show::storage(address, &bytes));
            match address.checked_add(16) {
                Some(next) if next <= range.last => address = next,
                _ => return lines,
            }
        }
    }

    fn code(&self, range: Range) -> Vec<String> {
        const MOST: u64 = 1 << 20;
        let length = (range.last - range.first).min(MOST) as usize + 1;
        let mut code = vec![0; length.max(CODE)];
        if !self.load(range.first, &mut code) {
            return vec![format!("{:08X}  not in the dump", range.first)];
        }
        disassemble(range.first, &code, self.dump.states[self.options.processor].code_width())
    }
}
