//! TAPE: files to and from a tape image, and moving it. [`aws`] is the layout of an image, [`unit`] reads and writes it.
//!
//! A file on the tape is the deck of [`crate::dump`], as many cards in a block as fit, each file from a new block on. What mainframes have written
//! ([`mainframe`]) is read, not written.

mod aws;
mod labels;
mod mainframe;
mod transfer;
mod unit;

use alloc::format;
use alloc::string::String;

use crate::content::Code;
use crate::cp::Cp;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, is, number, vdev};

pub(crate) use transfer::TapeRecords;
pub(crate) use unit::Mounted;
use unit::{Next, Place, Unit};

/// Where the names of the files that were dumped, loaded or scanned go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    Terminal,
    Printer,
    Disk,
    None,
}

/// The options of TAPE.
#[derive(Clone, Debug)]
struct Options {
    unit: u8,
    /// A tape mark behind each file, not only behind the last one.
    marks: bool,
    listing: Listing,
    /// Tape marks to go on to; none: to the end of the tape.
    files: Option<u32>,
    /// Bytes in a block.
    block: usize,
    /// Labels: back to the load point afterwards.
    rewind: bool,
    /// LOAD: how the records are to be taken.
    code: Code,
}

/// Moving the tape.
const CONTROLS: [&str; 8] = ["BSF", "BSR", "ERG", "FSF", "FSR", "REW", "RUN", "WTM"];

impl<C: Cp> Shell<C> {
    /// TAPE.
    pub(crate) fn tape_command(&mut self, words: &Words) -> Outcome {
        let Some((function, operands)) = words.operands.split_first() else {
            return Err(self.fail(24, "047E", "No function specified"));
        };
        let options = self.tape_options(words)?;
        let mut unit = self.tape_unit(options.unit)?;
        let done = match function.as_str() {
            "DUMP" => self.tape_dump(&mut unit, operands, &options),
            "LOAD" => self.tape_load(&mut unit, operands, &options),
            "SCAN" => self.tape_scan(&mut unit, operands, &options, false),
            "SKIP" => self.tape_scan(&mut unit, operands, &options, true),
            "DVOL1" => self.show_volume_label(&mut unit, operands, &options),
            "WVOL1" => self.write_volume_label(&mut unit, operands, &options),
            "MODESET" if operands.is_empty() => Ok(()),
            control if CONTROLS.contains(&control) => self.tape_control(&mut unit, control, operands),
            "MODESET" => Err(self.bad_operand(&operands[0])),
            function => Err(self.fail(24, "014E", format!("Invalid function {function}"))),
        };
        // Also after an error the tape stands where it was left.
        self.leave_tape(unit);
        done
    }

    fn tape_options(&mut self, words: &Words) -> Result<Options, Rc> {
        let mut options =
            Options { unit: 1, marks: false, listing: Listing::Terminal, files: Some(1), block: 4096, rewind: true, code: Code::ByContent };
        let mut rest = words.options.iter().map(String::as_str);
        while let Some(option) = rest.next() {
            match option {
                "WTM" => options.marks = true,
                "NOWTM" => options.marks = false,
                "EOT" => options.files = None,
                "EOF" => options.files = Some(self.tape_value(option, rest.next(), |count: &u32| *count > 0)?),
                "DISK" => options.listing = Listing::Disk,
                "LEAVE" => options.rewind = false,
                "REWIND" => options.rewind = true,
                option if is(option, "EBcdic") => options.code = Code::Ebcdic,
                option if is(option, "BInary") => options.code = Code::Binary,
                "BLKSIZE" => options.block = self.tape_value(option, rest.next(), |size: &usize| matches!(size, 800 | 4096))?,
                option if is(option, "PRint") => options.listing = Listing::Printer,
                option if is(option, "NOPRint") => options.listing = Listing::None,
                option if is(option, "Term") => options.listing = Listing::Terminal,
                // What a real drive has to know.
                "7TRACK" | "9TRACK" | "18TRACK" => {}
                "DEN" => match rest.next().unwrap_or_default() {
                    "200" | "556" | "800" | "1600" | "6250" | "38K" | "XF" => {}
                    density => return Err(self.bad_value(option, density)),
                },
                "TRTCH" => match rest.next().unwrap_or_default() {
                    "O" | "OC" | "OT" | "E" | "ET" => {}
                    technique => return Err(self.bad_value(option, technique)),
                },
                option => match tape_number(option) {
                    Some(number) => options.unit = number,
                    None if option.starts_with("TAP") => return Err(self.fail(24, "027E", format!("Invalid device {option}"))),
                    None if vdev(option).is_some() => return Err(self.fail(24, "017E", format!("Invalid device address {option}"))),
                    None => return Err(self.bad_option(option)),
                },
            }
        }
        Ok(options)
    }

    fn tape_value<T: core::str::FromStr>(&mut self, option: &str, word: Option<&str>, valid: impl Fn(&T) -> bool) -> Result<T, Rc> {
        let word = word.unwrap_or("");
        number(word).filter(valid).ok_or_else(|| self.bad_value(option, word))
    }

    /// `TAPE control [n]`
    fn tape_control(&mut self, unit: &mut Unit, control: &str, operands: &[String]) -> Outcome {
        let times = match operands {
            [] => 1,
            [word] => match number::<u32>(word).filter(|times| *times > 0) {
                Some(times) => times,
                None => return Err(self.bad_operand(word)),
            },
            [_, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        if control == "WTM" {
            return self.write_tape(unit, |shell, recording| {
                (0..times).try_for_each(|_| shell.put_mark(recording))?;
                Ok(recording.place())
            });
        }
        self.tape_ready(unit)?;
        match control {
            "REW" | "RUN" => unit.place = Place::LOAD_POINT,
            "FSF" => (0..times).try_for_each(|_| self.forward_file(unit))?,
            "FSR" => {
                for _ in 0..times {
                    match self.read_tape(unit)? {
                        Next::Block(_) => {}
                        Next::Mark | Next::End => return Err(self.end_of_tape()),
                    }
                }
            }
            "BSF" => {
                for _ in 0..times {
                    while !self.back_tape(unit)?.ok_or_else(|| self.end_of_tape())? {}
                }
            }
            "BSR" => {
                for _ in 0..times {
                    if self.back_tape(unit)? != Some(false) {
                        return Err(self.end_of_tape());
                    }
                }
            }
            // ERG: an image has no gaps to erase.
            _ => {}
        }
        Ok(())
    }

    /// Goes behind the next tape mark.
    fn forward_file(&mut self, unit: &mut Unit) -> Outcome {
        loop {
            match self.read_tape(unit)? {
                Next::Block(_) => {}
                Next::Mark => return Ok(()),
                Next::End => return Err(self.end_of_tape()),
            }
        }
    }

    /// A tape mark, the load point or the end of the tape came where something else was wanted.
    fn end_of_tape(&mut self) -> Rc {
        self.fail(40, "058E", "End-of-file or end-of-tape")
    }
}

/// The number of a unit: `TAP0` to `TAPF`, or its device number.
pub(crate) fn tape_number(word: &str) -> Option<u8> {
    if let Some(digit) = word.strip_prefix("TAP") {
        return vdev(digit).filter(|_| digit.len() == 1).map(|number| number as u8);
    }
    match vdev(word)? {
        number @ 0x180..=0x187 => Some((number - 0x180) as u8),
        number @ 0x288..=0x28f => Some((number - 0x280) as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::tape_number;

    #[test]
    fn units_have_names_and_numbers() {
        for (word, number) in
            [("TAP1", Some(1)), ("TAPF", Some(15)), ("181", Some(1)), ("288", Some(8)), ("TAP", None), ("TAP12", None), ("191", None)]
        {
            assert_eq!(tape_number(word), number, "{word}");
        }
    }
}
