//! Names of addresses, out of the ELF file that was running.

use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSymbol, SymbolKind, elf};

/// What an address is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its first address.
    pub address: u64,
    /// Bytes; 0 when the file does not say.
    pub size: u64,
    /// Its name.
    pub name: String,
}

/// Functions and data of a program, by address.
#[derive(Debug, Default)]
pub struct Symbols(Vec<Symbol>);

impl Symbols {
    /// Those of an ELF file of either class.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn of(bytes: &[u8]) -> Result<Self, object::Error> {
        const CLASS: usize = 4;
        let mut symbols = if bytes.get(CLASS) == Some(&elf::ELFCLASS32) {
            taken(&ElfFile::<elf::FileHeader32<Endianness>>::parse(bytes)?)
        } else {
            taken(&ElfFile::<elf::FileHeader64<Endianness>>::parse(bytes)?)
        };
        symbols.sort_by_key(|symbol| symbol.address);
        Ok(Self(symbols))
    }

    /// The symbol that an address is in, with its distance from the beginning.
    pub fn at(&self, address: u64) -> Option<String> {
        let place = self.0.partition_point(|symbol| symbol.address <= address);
        let symbol = self.0[..place].iter().rev().take(8).find(|symbol| symbol.size == 0 || address - symbol.address < symbol.size)?;
        Some(if address == symbol.address { symbol.name.clone() } else { format!("{}+{:X}", symbol.name, address - symbol.address) })
    }

    /// The symbol of that name.
    pub fn named(&self, name: &str) -> Option<&Symbol> {
        self.0.iter().find(|symbol| symbol.name == name)
    }
}

fn taken<'a>(file: &impl Object<'a>) -> Vec<Symbol> {
    let wanted = |kind| matches!(kind, SymbolKind::Text | SymbolKind::Data | SymbolKind::Unknown);
    let mut symbols = Vec::new();
    for symbol in file.symbols() {
        let name = symbol.name().unwrap_or_default();
        if symbol.is_definition() && wanted(symbol.kind()) && !name.is_empty() {
            symbols.push(Symbol { address: symbol.address(), size: symbol.size(), name: name.to_string() });
        }
    }
    symbols
}
