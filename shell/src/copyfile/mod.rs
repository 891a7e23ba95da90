//! COPYFILE: copies, combines and converts files. [`convert`] is what it does with a record.

mod convert;
mod pack;
mod packing;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use convert::Spec;
use minidisk::edf::RecordFormat;

use crate::cp::Cp;
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::records::{Destination, Source, Target};
use crate::session::Shell;
use crate::words::{Words, is, number, without_trailing_blanks};

/// What to do with letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Upper,
    Lower,
}

/// The options of COPYFILE.
#[derive(Clone, Debug)]
struct Options {
    show: bool,
    replace: bool,
    append: bool,
    new_file: bool,
    old_date: bool,
    /// First record to copy, from 1.
    from: u32,
    /// Records to copy at most.
    count: u32,
    /// Copy from the first record that begins so.
    from_label: Option<String>,
    /// Copy up to the record that begins so.
    to_label: Option<String>,
    fixed: Option<bool>,
    lrecl: Option<u32>,
    case: Option<Case>,
    truncate: bool,
    fill: u8,
    overlay: bool,
    /// The lists of SPECS and TRANSLATE are asked for.
    prompt: bool,
    specs: Option<Vec<Spec>>,
    translation: Option<Box<[u8; 256]>>,
    /// PACK or UNPACK.
    packing: Option<packing::Packing>,
}

impl Options {
    /// Whether every record is copied as it is.
    fn keeps_records(&self) -> bool {
        self.count == u32::MAX
            && self.from_label.is_none()
            && self.to_label.is_none()
            && self.case.is_none()
            && self.specs.is_none()
            && self.translation.is_none()
    }
}

/// Fixed records copied at once.
const RUN: u32 = 256;
/// Lines of a list that ends with `++` at most.
const LIST_MAX: usize = 64 * 1024;

impl<C: Cp> Shell<C> {
    /// COPYFILE.
    pub(crate) fn copyfile_command(&mut self, words: &Words) -> Outcome {
        let mut options = self.copy_options(words)?;
        if words.operands.is_empty() || !words.operands.len().is_multiple_of(3) {
            return Err(self.incomplete());
        }
        let ids: Vec<&[String]> = words.operands.chunks(3).collect();
        let same = [String::from("="), String::from("="), String::from("=")];
        let (inputs, output) = match ids.as_slice() {
            [_] => (&ids[..], &same[..]),
            [inputs @ .., output] => (inputs, *output),
            [] => return Err(self.incomplete()),
        };
        if output == same.as_slice() && !options.append && !options.new_file {
            options.replace = true;
        }
        let target = Pattern::new(&output[0], &output[1]);
        if target.is_generic() {
            return Err(self.invalid_character(&format!("{target}")));
        }
        self.ask_lists(&mut options, words)?;
        let mut separate = false;
        let mut files = Vec::new();
        for input in inputs {
            let pattern = Pattern::new(&input[0], &input[1]);
            separate |= pattern.is_generic() && (target.name.contains('=') || target.file_type.contains('='));
            files.extend(self.copy_inputs(&pattern, &input[2])?);
        }
        if separate {
            return files.chunks(1).try_for_each(|file| self.copy(file, &target, &output[2], &options));
        }
        self.copy(&files, &target, &output[2], &options)
    }

    /// The files that one input fileid means.
    fn copy_inputs(&mut self, pattern: &Pattern, mode: &str) -> Result<Vec<Found>, Rc> {
        let spec = self.mode_spec(mode, ModeSpec::A)?;
        if pattern.is_generic() {
            return self.matching(pattern, spec);
        }
        Ok(Vec::from([self.locate(&pattern.name, &pattern.file_type, mode)?]))
    }

    /// The options of COPYFILE.
    fn copy_options(&mut self, words: &Words) -> Result<Options, Rc> {
        let mut options = Options {
            show: false,
            replace: false,
            append: false,
            new_file: false,
            old_date: false,
            from: 1,
            count: u32::MAX,
            from_label: None,
            to_label: None,
            fixed: None,
            lrecl: None,
            case: None,
            truncate: false,
            fill: b' ',
            overlay: false,
            prompt: true,
            specs: None,
            translation: None,
            packing: None,
        };
        let mut rest = words.options.iter().map(String::as_str);
        while let Some(option) = rest.next() {
            match option {
                option if is(option, "Type") => options.show = true,
                option if is(option, "NOType") => options.show = false,
                option if is(option, "REPlace") => options.replace = true,
                option if is(option, "APpend") => options.append = true,
                option if is(option, "NEWFile") => options.new_file = true,
                option if is(option, "OLDDate") => options.old_date = true,
                option if is(option, "NEWDate") => options.old_date = false,
                option if is(option, "UPcase") => options.case = Some(Case::Upper),
                option if is(option, "LOwcase") => options.case = Some(Case::Lower),
                option if is(option, "EBcdic") => options.translation = Some(Box::new(convert::keypunch())),
                option if is(option, "TRUnc") => options.truncate = true,
                option if is(option, "NOTRunc") => options.truncate = false,
                option if is(option, "OVly") => options.overlay = true,
                option if is(option, "PAck") => options.packing = Some(packing::Packing::Pack),
                option if is(option, "UNPack") => options.packing = Some(packing::Packing::Unpack),
                option if is(option, "PRompt") => options.prompt = true,
                option if is(option, "NOPRompt") => options.prompt = false,
                // Their lists are asked for when the rest of the command is known to be right.
                option if is(option, "SPecs") || is(option, "TRAnslate") || is(option, "NOSPecs") => {}
                option => self.copy_value_option(option, rest.next().unwrap_or(""), &mut options)?,
            }
        }
        if options.append && (options.replace || options.new_file || options.fixed.is_some() || options.lrecl.is_some()) {
            return Err(self.fail(24, "042E", "APPEND goes with neither REPLACE, NEWFILE, RECFM nor LRECL"));
        }
        if options.overlay && (options.append || options.new_file) {
            return Err(self.fail(24, "042E", "OVLY goes with neither APPEND nor NEWFILE"));
        }
        if options.packing.is_some() {
            self.packing_alone(words)?;
        }
        Ok(options)
    }

    /// Asks for the lists that SPECS and TRANSLATE need.
    fn ask_lists(&mut self, options: &mut Options, words: &Words) -> Outcome {
        let wanted = |form: &str| words.options.iter().any(|option| is(option, form));
        if wanted("TRAnslate") {
            let list = self.ask_list(options.prompt, "601R", "Enter translation list:")?;
            let table = convert::translation(&list).map_err(|wrong| self.bad_list("translation", "063E", &wrong))?;
            // Behind EBCDIC it is about the characters that EBCDIC makes.
            let before = options.translation.take().map_or(core::array::from_fn(|byte| byte as u8), |before| *before);
            options.translation = Some(Box::new(before.map(|byte| table[usize::from(byte)])));
        }
        if wanted("SPecs") {
            let list = self.ask_list(options.prompt, "602R", "Enter specification list:")?;
            let specs = convert::specs(&list).map_err(|wrong| self.bad_list("specification", "064E", &wrong))?;
            if specs.is_empty() {
                return Err(self.fail(24, "063E", "No specification list entered"));
            }
            options.specs = Some(specs);
        }
        Ok(())
    }

    /// A list from the console. A line that ends with `++` goes on in the next one.
    fn ask_list(&mut self, prompt: bool, number: &str, text: &str) -> Result<Vec<u8>, Rc> {
        if prompt {
            self.note(number, text);
        }
        let mut list = Vec::new();
        while let Some(line) = self.answer_line()? {
            let line = line.trim_ascii_end();
            let (line, more) = line.strip_suffix(b"++").map_or((line, false), |line| (line, true));
            list.extend_from_slice(line);
            list.push(b' ');
            if !more {
                break;
            }
            if list.len() > LIST_MAX {
                return Err(self.fail(24, "065E", format!("A list has at most {LIST_MAX} bytes")));
            }
        }
        Ok(list)
    }

    /// A word of a list that means nothing.
    fn bad_list(&mut self, which: &str, number: &str, wrong: &[u8]) -> Rc {
        let wrong = String::from_utf8_lossy(&wrong[..wrong.len().min(40)]).into_owned();
        self.fail(24, number, format!("Invalid {which} list at {wrong}"))
    }

    /// An option with a value.
    fn copy_value_option(&mut self, option: &str, value: &str, options: &mut Options) -> Outcome {
        let positive = number::<u32>(value).filter(|&number| number > 0);
        match option {
            option if is(option, "FRom") => {
                options.from = positive.ok_or_else(|| self.bad_value(option, value))?;
            }
            "FOR" => options.count = positive.ok_or_else(|| self.bad_value(option, value))?,
            option if is(option, "FRLabel") || is(option, "TOLabel") => {
                if value.is_empty() {
                    return Err(self.bad_value(option, value));
                }
                let label = if is(option, "FRLabel") { &mut options.from_label } else { &mut options.to_label };
                *label = Some(String::from(value));
            }
            option if is(option, "RECfm") => match value {
                "F" => options.fixed = Some(true),
                "V" => options.fixed = Some(false),
                _ => return Err(self.bad_value(option, value)),
            },
            option if is(option, "LRecl") => {
                let lrecl = positive.filter(|&lrecl| lrecl <= minidisk::edf::MAX_RECORD);
                options.lrecl = Some(lrecl.ok_or_else(|| self.bad_value(option, value))?);
            }
            option if is(option, "FIll") => {
                let fill = match value.as_bytes() {
                    [byte] => Some(*byte),
                    _ => u8::from_str_radix(value, 16).ok(),
                };
                options.fill = fill.ok_or_else(|| self.bad_value(option, value))?;
            }
            option => return Err(self.bad_option(option)),
        }
        Ok(())
    }

    /// Copies files, one behind the other, to one target.
    fn copy(&mut self, files: &[Found], target: &Pattern, mode: &str, options: &Options) -> Outcome {
        let Some(first) = files.first() else {
            return Ok(());
        };
        let target = self.copy_target(files, first, target, mode, options)?;
        let exists = self.exists(&target);
        if exists && !options.replace && !options.append && !options.overlay {
            self.writable(target.mode)?;
            return Err(self.fail(28, "024E", format!("File {target} already exists; specify REPLACE option")));
        }
        if let Some(packing) = options.packing {
            return self.repack(packing, files, target, options);
        }
        let mut under = match exists && options.overlay {
            true => Some(self.old_file(&target)?),
            false => None,
        };
        let mut to = self.begin_file(target.clone(), exists && options.append)?;
        let mut copied = files.iter().try_for_each(|file| self.copy_records(file, target.format, &mut to, &mut under, options));
        if let (Some(under), Ok(())) = (&mut under, copied) {
            copied = self.copy_rest(under, &mut to);
        }
        let date = if options.old_date { first.entry.modified } else { self.now() };
        self.finish(to, copied, date)?;
        if options.show {
            let which = if exists { "old file" } else { "new file" };
            files.iter().for_each(|file| self.note("721I", format!("Copy {file} {target} ({which})")));
        }
        Ok(())
    }

    /// The file that OVLY puts records over.
    fn old_file(&mut self, target: &Target) -> Result<Source, Rc> {
        let found = self.disks.get(target.mode).and_then(|disk| disk.system.find(&target.id).cloned());
        let Some(entry) = found else { return Err(self.not_found(target)) };
        self.open(&Found { mode: target.mode, entry })
    }

    /// Copies the records of an old file over which nothing was put.
    fn copy_rest(&mut self, under: &mut Source, to: &mut Destination) -> Outcome {
        let mut record = Vec::new();
        while self.next_record(under, &mut record)? {
            self.write_record(to, &record)?;
        }
        Ok(())
    }

    /// Where the copy goes and in which form.
    fn copy_target(&mut self, files: &[Found], first: &Found, target: &Pattern, mode: &str, options: &Options) -> Result<Target, Rc> {
        let Some(id) = target.derive(&first.entry.id) else {
            return Err(self.invalid_character(&format!("{target}")));
        };
        let spec = match mode {
            "=" => ModeSpec { mode: Some(first.mode), number: None },
            word => self.mode_spec(word, ModeSpec::A)?,
        };
        let Some(mode) = spec.mode else {
            return Err(self.fail(24, "048E", "Invalid filemode *"));
        };
        let existing = self.disks.get(mode).and_then(|disk| disk.system.find(&id)).filter(|_| options.append || options.overlay);
        let longest = files.iter().map(|file| file.entry.lrecl).max().unwrap_or(1).max(1);
        let fixed = options.fixed.unwrap_or(matches!(first.entry.format, RecordFormat::Fixed(_)));
        let format = match existing {
            Some(entry) => entry.format,
            None if fixed => RecordFormat::Fixed(options.lrecl.unwrap_or(match first.entry.format {
                RecordFormat::Fixed(lrecl) => lrecl,
                RecordFormat::Variable => longest,
            })),
            None => RecordFormat::Variable,
        };
        Ok(Target { mode, id, number: spec.number.unwrap_or(first.entry.mode), format })
    }

    /// Copies the records of one file that are meant.
    fn copy_records(
        &mut self,
        file: &Found,
        format: RecordFormat,
        to: &mut Destination,
        under: &mut Option<Source>,
        options: &Options,
    ) -> Outcome {
        let mut source = self.open(file)?;
        self.seek(&mut source, options.from)?;
        let mut record = Vec::new();
        if under.is_none() && options.keeps_records() && file.entry.format == format && matches!(format, RecordFormat::Fixed(_)) {
            // Nothing is to be done with any record: many at a time.
            while self.read_run(&mut source, RUN, &mut record)? > 0 {
                self.write_run(to, &record)?;
            }
            return self.close(source);
        }
        let mut copying = options.from_label.is_none();
        let mut left = options.count;
        // Words of a command line are capitals: letters of either case are the same here.
        let begins = |record: &[u8], label: &Option<String>| {
            let label = label.as_deref().map(str::as_bytes);
            label.is_some_and(|label| record.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label)))
        };
        while left > 0 && self.next_record(&mut source, &mut record)? {
            copying = copying || begins(&record, &options.from_label);
            if !copying {
                continue;
            }
            if begins(&record, &options.to_label) {
                break;
            }
            if under.is_some() || options.specs.is_some() || options.translation.is_some() {
                let mut old = Vec::new();
                if let Some(under) = under {
                    // Beyond its end there is nothing to put records over.
                    self.next_record(under, &mut old)?;
                }
                record = assembled(&record, old, options);
            }
            convert_record(&mut record, format, options);
            self.write_record(to, &record)?;
            left -= 1;
        }
        if !copying {
            let label = options.from_label.as_deref().unwrap_or_default();
            return Err(self.fail(32, "171E", format!("Label {label} not found in file {file}")));
        }
        self.close(source)
    }
}

/// The output record that a record makes over what was there.
fn assembled(record: &[u8], old: Vec<u8>, options: &Options) -> Vec<u8> {
    let mut out = old;
    match &options.specs {
        Some(specs) => convert::apply(specs, record, &mut out, options.fill),
        None => convert::overlay(record, 0, &mut out, options.fill),
    }
    if let Some(table) = &options.translation {
        out.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
    }
    out
}

/// Brings a record into the form of the target.
fn convert_record(record: &mut Vec<u8>, format: RecordFormat, options: &Options) {
    match options.case {
        Some(Case::Upper) => record.make_ascii_uppercase(),
        Some(Case::Lower) => record.make_ascii_lowercase(),
        None => {}
    }
    match format {
        RecordFormat::Fixed(lrecl) => record.resize(lrecl as usize, options.fill),
        RecordFormat::Variable => {
            record.truncate(options.lrecl.map_or(usize::MAX, |lrecl| lrecl as usize));
            if options.truncate {
                let length = without_trailing_blanks(record).len();
                record.truncate(length);
            }
            if record.is_empty() {
                record.push(options.fill);
            }
        }
    }
}
