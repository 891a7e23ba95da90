//! Programs: GENMOD makes MODULE files, LOADMOD and START run them, NUCXLOAD keeps them as nucleus extensions.

mod elf;
mod image;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

pub use elf::image as program_image;
pub use image::Image;
use image::Placed;

use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::fileid::{Found, ModeSpec};
use crate::message::{Outcome, Rc};
use crate::records::Target;
use crate::session::{Shell, rc};
use crate::words::{Words, first_word, is};

/// Largest file that GENMOD and LOADMOD read.
const FILE_MAX: usize = 16 << 20;
/// Programs that are in storage at once, called by each other; and nucleus extensions.
const DEPTH: u32 = 8;
const EXTENSIONS: usize = 100;

/// What a program may ask of CMS.
pub trait ProgramServices {
    /// Shows a line.
    fn write_line(&mut self, line: &[u8]);
    /// Reads a line from the program stack or the console.
    fn read_line(&mut self) -> Option<Vec<u8>>;
    /// Carries out a command as if it had been typed; its return code.
    fn command(&mut self, line: &[u8]) -> i32;
    /// Puts a line into the program stack, last or first.
    fn stack_line(&mut self, line: &[u8], last: bool);
}

impl<C: Cp> ProgramServices for Shell<C> {
    fn write_line(&mut self, line: &[u8]) {
        self.show_line(line);
    }

    fn read_line(&mut self) -> Option<Vec<u8>> {
        Shell::read_line(self)
    }

    fn command(&mut self, line: &[u8]) -> i32 {
        let (code, routine) = (self.code, String::from(self.session.routine()));
        let outcome = self.execute(line);
        self.running(&routine, code);
        outcome.err().map_or(0, |Rc(code)| code)
    }

    fn stack_line(&mut self, line: &[u8], last: bool) {
        Shell::stack_line(self, line.to_vec(), last);
    }
}

/// The programs that are in storage.
#[derive(Default)]
pub(crate) struct Modules {
    /// What LOADMOD has loaded.
    loaded: Option<(String, Placed)>,
    /// What NUCXLOAD has.
    extensions: Vec<(String, alloc::rc::Rc<Placed>)>,
    depth: u32,
}

impl Modules {
    /// The nucleus extension of that name.
    pub(crate) fn extension(&self, name: &str) -> Option<alloc::rc::Rc<Placed>> {
        self.extensions.iter().find(|(known, _)| known == name).map(|(_, placed)| placed.clone())
    }
}

/// The MODULE file of that name, in search order.
pub(crate) fn find<C: Cp>(shell: &Shell<C>, name: &str) -> Option<Found> {
    shell.disks.locate(&file_id(name, "MODULE")?, ModeSpec::ANY).ok()
}

impl<C: Cp> Shell<C> {
    /// GENMOD fn [ft [fm]]: a MODULE file from an executable.
    pub(crate) fn genmod_command(&mut self, words: &Words) -> Outcome {
        let mut options = words.options.iter();
        let mut name = words.operand(0);
        while let Some(option) = options.next() {
            match (option.as_str(), options.next()) {
                (option, Some(word)) if is(option, "NAME") => name = word,
                (option, None) if is(option, "NAME") => return Err(self.bad_value("NAME", "")),
                _ => return Err(self.bad_option(option)),
            }
        }
        let [source, rest @ ..] = words.operands.as_slice() else {
            return Err(self.fail(24, "001E", "No filename specified"));
        };
        if let Some(surplus) = rest.get(2) {
            return Err(self.bad_operand(surplus));
        }
        let file_type = rest.first().map_or("PROGRAM", String::as_str);
        let found = self.locate(source, file_type, rest.get(1).map_or("*", String::as_str))?;
        let bytes = self.whole_file(&found)?;
        let image = program_image(&bytes).map_err(|error| self.fail(32, "115E", format!("File {found} {error}")))?;
        drop(bytes);
        let Some(id) = file_id(name, "MODULE") else {
            return Err(self.invalid_character(&format!("{name} MODULE")));
        };
        let target = Target { mode: Mode::A, id, number: 1, format: RecordFormat::Fixed(image::LRECL) };
        let mut to = self.begin_file(target, false)?;
        let bytes = image.to_bytes();
        let written = bytes.chunks(image::LRECL as usize).try_for_each(|record| self.write_record(&mut to, record));
        let date = self.now();
        self.finish(to, written, date)
    }

    /// All bytes of a file.
    fn whole_file(&mut self, found: &Found) -> Result<Vec<u8>, Rc> {
        let mut source = self.open(found)?;
        let (mut bytes, mut record) = (Vec::new(), Vec::new());
        while self.next_record(&mut source, &mut record)? {
            if bytes.len() + record.len() > FILE_MAX || bytes.try_reserve(record.len()).is_err() {
                return Err(self.no_storage());
            }
            bytes.extend_from_slice(&record);
        }
        self.close(source)?;
        Ok(bytes)
    }

    /// What is in a MODULE file.
    fn module_image(&mut self, found: &Found) -> Result<Image, Rc> {
        let bytes = self.whole_file(found)?;
        Image::parse(&bytes).ok_or_else(|| self.fail(32, "116E", format!("File {found} is no module that GENMOD has made")))
    }

    /// Brings a MODULE file into storage.
    fn load_module(&mut self, found: &Found) -> Result<Placed, Rc> {
        match self.module_image(found)?.place() {
            Some(placed) => Ok(placed),
            None => Err(self.no_storage()),
        }
    }

    /// The MODULE file that a command names.
    fn module_operand(&mut self, words: &Words) -> Result<(String, Found), Rc> {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        let [name, rest @ ..] = words.operands.as_slice() else {
            return Err(self.fail(24, "001E", "No filename specified"));
        };
        if let Some(wrong) = rest.first().filter(|word| *word != "MODULE").or(rest.get(2)) {
            return Err(self.bad_operand(wrong));
        }
        let found = self.locate(name, "MODULE", rest.get(1).map_or("*", String::as_str))?;
        Ok((name.clone(), found))
    }

    /// MODMAP fn [MODULE [fm]]: the storage that a module wants, what of it the file has, where it is entered, and the places of addresses in it.
    pub(crate) fn modmap_command(&mut self, words: &Words) -> Outcome {
        let (name, found) = self.module_operand(words)?;
        let Image { entry, size, data, relocations } = self.module_image(&found)?;
        self.say("Name      Size (hex)  In the file  Entry point  Addresses");
        self.say(format!("{name:<8}  {size:>10X}  {:>11X}  {entry:>11X}  {:>9}", data.len(), relocations.len()));
        Ok(())
    }

    /// LOADMOD fn [MODULE [fm]]: START runs it.
    pub(crate) fn loadmod_command(&mut self, words: &Words) -> Outcome {
        let (name, found) = self.module_operand(words)?;
        // What was loaded before makes room.
        self.modules.loaded = None;
        self.modules.loaded = Some((name, self.load_module(&found)?));
        Ok(())
    }

    /// START [* arguments]: runs what LOADMOD has loaded.
    pub(crate) fn start_command(&mut self, words: &Words) -> Outcome {
        let (star, arguments) = first_word(&words.text);
        if !star.is_empty() && star != b"*" {
            return Err(self.bad_operand(&String::from_utf8_lossy(star).to_ascii_uppercase()));
        }
        let Some((name, placed)) = self.modules.loaded.take() else {
            return Err(self.fail(40, "021E", "No module is loaded; LOADMOD loads one"));
        };
        let outcome = self.enter_program(&name, placed.entry, arguments);
        // It may be started again, with the data that it has left.
        self.modules.loaded.get_or_insert((name, placed));
        outcome
    }

    /// Runs a MODULE file as a command.
    pub(crate) fn run_module(&mut self, name: &str, found: &Found, arguments: &[u8]) -> Outcome {
        self.running(name, "MOD");
        let placed = self.load_module(found)?;
        self.enter_program(name, placed.entry, arguments)
    }

    /// Runs a nucleus extension.
    pub(crate) fn run_extension(&mut self, name: &str, placed: &Placed, arguments: &[u8]) -> Outcome {
        self.enter_program(name, placed.entry, arguments)
    }

    /// Calls a program; its return code is what it returns.
    fn enter_program(&mut self, name: &str, entry: usize, arguments: &[u8]) -> Outcome {
        if self.modules.depth == DEPTH {
            return Err(self.fail(32, "084E", format!("More than {DEPTH} programs within each other")));
        }
        self.modules.depth += 1;
        let outer = core::mem::replace(&mut self.session.in_program, true);
        self.running(name, "MOD");
        let answer = C::call_program(entry, arguments, self);
        self.session.in_program = outer;
        self.cp.remember(&self.session);
        self.modules.depth -= 1;
        rc(answer)
    }

    /// NUCXLOAD name [module]: a module becomes a command of CMS until NUCXDROP or an abnormal end.
    pub(crate) fn nucxload_command(&mut self, words: &Words) -> Outcome {
        let push = match words.options.as_slice() {
            [] => false,
            [option] if is(option, "PUsh") => true,
            [option, ..] => return Err(self.bad_option(option)),
        };
        let (name, module) = match words.operands.as_slice() {
            [] => return Err(self.fail(24, "001E", "No filename specified")),
            [name] => (name.clone(), name.clone()),
            [name, module] => (name.clone(), module.clone()),
            [_, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        if self.modules.extension(&name).is_some() && !push {
            return Err(self.fail(1, "624E", format!("{name} is a nucleus extension already; NUCXDROP drops it, PUSH replaces it")));
        }
        if self.modules.extensions.iter().filter(|(known, _)| *known != name).count() == EXTENSIONS {
            return Err(self.no_storage());
        }
        let found = self.locate(&module, "MODULE", "*")?;
        let placed = self.load_module(&found)?;
        self.modules.extensions.retain(|(known, _)| *known != name);
        self.modules.extensions.push((name, alloc::rc::Rc::new(placed)));
        Ok(())
    }

    /// NUCXDROP {name|*} ...
    pub(crate) fn nucxdrop_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        if words.operands.is_empty() {
            return Err(self.bad_operand(""));
        }
        for name in &words.operands {
            if name != "*" && self.modules.extension(name).is_none() {
                return Err(self.fail(28, "616E", format!("{name} is no nucleus extension")));
            }
            self.modules.extensions.retain(|(known, _)| name != "*" && known != name);
        }
        Ok(())
    }

    /// NUCXMAP [name]: the nucleus extensions.
    pub(crate) fn nucxmap_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        if let Some(surplus) = words.operands.get(1) {
            return Err(self.bad_operand(surplus));
        }
        let wanted = words.operand(0);
        let named = self.modules.extensions.iter().filter(|(name, _)| wanted.is_empty() || name == wanted);
        let lines: Vec<String> =
            named.map(|(name, placed)| format!("{name:<8}  {:016X}  {:016X}  {:08X}", placed.entry, placed.base, placed.size)).collect();
        if lines.is_empty() && !wanted.is_empty() {
            return Err(self.fail(28, "616E", format!("{wanted} is no nucleus extension")));
        }
        if lines.is_empty() {
            self.say("No nucleus extensions");
            return Ok(());
        }
        self.say("Name      Entry             Origin            Bytes");
        lines.iter().for_each(|line| self.say(line));
        Ok(())
    }
}
