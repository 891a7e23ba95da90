//! A dump as lines.

use cp_monitor::debug::show;
use cp_monitor::debug::trace::{Range, disassemble};
use cp_monitor::debug::vmdump::mappings::translate;
use cp_monitor::debug::vmdump::symbols::Symbols;
use cp_monitor::debug::vmdump::{Dump, Kind};

use super::super::print;
use super::Options;

/// What is shown of an instruction address.
const CODE: usize = 16;

/// A dump on its way to the terminal.
pub(super) struct Shown<'a> {
    pub(super) dump: &'a Dump,
    pub(super) options: &'a Options,
    pub(super) symbols: Symbols,
}

impl Shown<'_> {
    pub(super) fn all(&self) -> Result<(), String> {
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
