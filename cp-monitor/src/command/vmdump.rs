//! VMDUMP: a machine's registers and storage into a reader, for `cp64 dump`.

use std::sync::Arc;

use serde_json::json;
use spool::{Attributes, Class, Closed, Destination, Device, FileName, NewFile, OpenFile, Queue, Tag, Word};

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, invalid_operand, not_in_directory};
use super::operands::is;
use super::spool::{announce, spool_failed};
use super::storage::{Refused, outside, with_pages};
use crate::debug::trace::Range;
use crate::debug::vmdump::format::{IDENTIFICATION, PIECE};
use crate::debug::vmdump::{Head, Kind, Writer};
use crate::directory::{MachineKind, UserId};
use crate::machine::{Machine, Wait};
use crate::users::{User, spool_userid};

/// The channel command of a punch.
const PUNCH_COMMAND: u16 = 0x41;
/// Most ranges of a command.
const RANGES_MAX: usize = 64;

/// What VMDUMP is to do.
struct Asked {
    /// Nothing is all storage. A range may end at END, the last byte.
    ranges: Vec<Range>,
    to: UserId,
    format: Option<String>,
    identification: String,
}

/// VMDUMP [range ...] [TO {userid|*}] [FORMAT name] [DSS] [*text]
pub(super) fn vmdump(invocation: &mut Invocation<'_>) -> Outcome {
    let user = invocation.user()?.clone();
    let asked = Asked::take(invocation)?;
    if invocation.cp.directory().user(&asked.to).is_none() {
        return Err(not_in_directory(asked.to));
    }
    let (held, generation) = hold(&user);
    let dumped = dump(&user, &asked, generation);
    if held {
        user.with_machine(|machine| if machine.generation() == generation { machine.begin(None) } else { false });
    }
    let (closed, bytes) = dumped?;
    announce(invocation.cp, Some(&user), &closed);
    let file = &closed.file;
    let data = json!({ "to": asked.to, "spid": file.spid.number(), "bytes": bytes });
    Ok(Answer::line(
        data,
        format!("HCPVMD150I VMDUMP TO {} COMPLETE: RDR FILE {}, {} KiB of storage", asked.to, file.spid, bytes.div_ceil(1024)),
    ))
}

/// Keeps the machine from running, unless it waits for this command anyway. Whether it did, and which life of the machine this is.
fn hold(user: &User) -> (bool, u64) {
    let mut machine = user.lock_machine();
    let held = !machine.is_stopped() && machine.wait() != Some(Wait::Worker);
    if held {
        machine.stop();
    }
    (held, machine.generation())
}

impl Asked {
    fn take(invocation: &mut Invocation<'_>) -> Result<Self, Message> {
        let own = invocation.user()?.id;
        let mut asked = Self { ranges: Vec::new(), to: own, format: None, identification: String::new() };
        while let Some(word) = invocation.operands.peek() {
            if let Some(text) = invocation.operands.rest().strip_prefix('*') {
                let whole = text.trim();
                if whole.len() > IDENTIFICATION {
                    return Err(invalid_operand(whole));
                }
                asked.identification = whole.to_string();
                return Ok(asked);
            }
            invocation.operands.next_word();
            if is(word, "TO") {
                asked.to = invocation.user_operand()?;
            } else if is(word, "FORMAT") {
                let name = invocation.operands.word()?.to_ascii_uppercase();
                Word::new(&name).map_err(|_| invalid_operand(&name))?;
                asked.format = Some(name);
            } else if is(word, "DSS") || is(word, "ALL") {
                // Saved systems lie within the machine's storage: they are dumped with it.
            } else {
                asked.ranges.push(range(word)?);
            }
            if asked.ranges.len() > RANGES_MAX {
                return Err(invalid_operand(word));
            }
        }
        Ok(asked)
    }

    /// Whole pages in order, those that meet joined.
    fn pages(&self, storage: u64) -> Result<Vec<Range>, Message> {
        let all = [Range { first: 0, last: u64::MAX }];
        let mut wanted = if self.ranges.is_empty() { all.to_vec() } else { self.ranges.clone() };
        wanted.sort_by_key(|range| range.first);
        let mut pages: Vec<Range> = Vec::new();
        for range in wanted {
            let last = if range.last == u64::MAX { storage - 1 } else { range.last };
            if range.first >= storage || last >= storage {
                return Err(outside(range.first.max(storage)));
            }
            let (first, last) = (range.first & !0xfff, (last | 0xfff).min(storage - 1));
            match pages.last_mut() {
                Some(before) if first <= before.last.saturating_add(1) => before.last = before.last.max(last),
                _ => pages.push(Range { first, last }),
            }
        }
        Ok(pages)
    }
}

/// A range as everywhere, or up to END.
fn range(word: &str) -> Result<Range, Message> {
    let upper = word.to_ascii_uppercase();
    let range = match upper.strip_suffix("-END").or_else(|| upper.strip_suffix(":END")) {
        Some(first) => u64::from_str_radix(first, 16).ok().map(|first| Range { first, last: u64::MAX }),
        None => Range::parse(&upper),
    };
    range.ok_or_else(|| error("VMD", 4, format!("Invalid hexloc - {word}")))
}

/// What is between the beginning and the end of a dump.
struct Dumping<'a> {
    user: &'a User,
    generation: u64,
    writer: Writer,
    file: OpenFile,
    bytes: u64,
}

/// Writes the dump; its file, and how many bytes of storage are in it.
fn dump(user: &Arc<User>, asked: &Asked, generation: u64) -> Result<(Closed, u64), Message> {
    let (head, states) = {
        let machine = user.lock_machine();
        if user.entry.machine == MachineKind::Pc && machine.pc().is_none() {
            return Err(error("VMD", 163, "The virtual machine has no system; use IPL first"));
        }
        let states: Vec<_> = (0..machine.processors()).map(|number| machine.state(number)).collect();
        (head(user, &machine, asked), states)
    };
    let ranges = asked.pages(head.storage)?;
    let file = begin(user, &head)?;
    let (writer, first) = Writer::begin(&head);
    let mut dumping = Dumping { user, generation, writer, file, bytes: 0 };
    dumping.append(&first)?;
    for state in &states {
        let record = dumping.writer.registers(state);
        dumping.append(&record)?;
    }
    for range in ranges {
        dumping.range(range)?;
    }
    let Dumping { writer, mut file, bytes, .. } = dumping;
    file.append(PUNCH_COMMAND, &writer.end()).map_err(spool_failed)?;
    let to = Destination { owner: spool_userid(&asked.to), queue: Queue::Reader };
    let closed = user.cp().spool.close(file, to).map_err(|problem| spool_failed(problem.error))?;
    Ok((closed, bytes))
}

fn head(user: &User, machine: &Machine, asked: &Asked) -> Head {
    let (kind, storage) = match machine.pc() {
        Some(pc) => (Kind::Pc, pc.storage().size()),
        None => (Kind::Cms, machine.space.size()),
    };
    Head {
        kind,
        processors: machine.processors() as u32,
        storage,
        seconds: user.cp().clock.unix_seconds(),
        user: user.id.to_string(),
        system: machine.system().unwrap_or_default().to_string(),
        format: asked.format.clone().unwrap_or_else(|| kind.name().to_string()),
        identification: asked.identification.clone(),
    }
}

fn begin(user: &User, head: &Head) -> Result<OpenFile, Message> {
    let word = |text: &str| Word::new(text).map_err(|problem| invalid_operand(&problem.to_string()));
    let attributes = Attributes {
        class: Class::new('V').map_err(|problem| invalid_operand(&problem.to_string()))?,
        name: FileName::File(word(&head.format)?, Some(word("VMDUMP")?)),
        tag: Tag::new(&head.identification).map_err(|problem| invalid_operand(&problem.to_string()))?,
        ..Attributes::default()
    };
    let created = user.cp().clock.unix_seconds();
    Ok(user.cp().spool.create(NewFile { origin: spool_userid(&user.id), device: Device::Punch, created, attributes }))
}

impl Dumping<'_> {
    fn append(&mut self, record: &[u8]) -> Result<(), Message> {
        self.file.append(PUNCH_COMMAND, record).map_err(spool_failed)
    }

    fn range(&mut self, range: Range) -> Result<(), Message> {
        let record = self.writer.range(range.first, range.last);
        self.append(&record)?;
        let mut next = range.first;
        while let Some((address, bytes)) = with_pages(self.user, &mut |machine| piece(machine, self.generation, next, range.last))? {
            if bytes.iter().any(|&byte| byte != 0) {
                let record = self.writer.pages(address, &bytes);
                self.append(&record)?;
                self.bytes += bytes.len() as u64;
            }
            match address.checked_add(bytes.len() as u64) {
                Some(after) if after <= range.last => next = after,
                _ => break,
            }
        }
        Ok(())
    }
}

/// The next piece of storage that may be something else than zeros.
fn piece(machine: &mut Machine, generation: u64, from: u64, last: u64) -> Result<Option<(u64, Vec<u8>)>, Refused> {
    if machine.generation() != generation {
        return Err(error("VMD", 9464, "The machine was reset while it was dumped").into());
    }
    let bytes = |first: u64| vec![0; (last - first).saturating_add(1).min(PIECE) as usize];
    if let Some(pc) = machine.pc() {
        let mut bytes = bytes(from);
        pc.read(from, &mut bytes).map_err(|_| outside(from))?;
        return Ok(Some((from, bytes)));
    }
    let Some(first) = machine.space.next_touched(from).filter(|&first| first <= last) else { return Ok(None) };
    let first = first.max(from);
    let mut bytes = bytes(first);
    machine.space.read(first, &mut bytes).map_err(|error| Refused::access(first, error, false))?;
    Ok(Some((first, bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_whole_pages_and_joined() {
        let asked = |words: &[&str]| Asked {
            ranges: words.iter().map(|word| range(word).expect("a range")).collect(),
            to: "CMSUSER".parse().expect("a userid"),
            format: None,
            identification: String::new(),
        };
        let pages = |words: &[&str]| {
            asked(words).pages(0x10_0000).map(|pages| pages.iter().map(|page| (page.first, page.last)).collect::<Vec<_>>())
        };
        assert_eq!(pages(&[]), Ok(vec![(0, 0xf_ffff)]));
        assert_eq!(pages(&["5010.4", "1ff0:2010", "0-fff", "f0000-end"]), Ok(vec![(0, 0x2fff), (0x5000, 0x5fff), (0xf_0000, 0xf_ffff)]));
        assert!(pages(&["100000"]).is_err() && pages(&["0-100000"]).is_err());
        assert!(range("END").is_err() && range("2-1").is_err());
    }
}
