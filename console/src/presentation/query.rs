//! What a terminal says it can: its type at the negotiation and its answer to a query (GA23-0059, "Query Reply").

use super::inbound::Aid;
use super::{CodePage, Size};

/// The structured field that asks: Read Partition, Query.
pub const READ_PARTITION_QUERY: [u8; 6] = [0xf3, 0x00, 0x05, 0x01, 0xff, 0x02];

/// A terminal, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its type as it named itself: `IBM-3278-2-E`.
    pub name: String,
    /// Sizes of Erase/Write and Erase/Write Alternate.
    pub sizes: (Size, Size),
    /// It takes extended colours and highlighting.
    pub extended: bool,
    /// Its code page.
    pub page: CodePage,
}

impl Terminal {
    /// From the type that a terminal names; `None` when it is no 3270.
    pub fn named(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let rest = upper.strip_prefix("IBM-")?;
        let alternate = match rest {
            "DYNAMIC" => Size::MODEL_2,
            _ => {
                let rest = rest.strip_prefix("3278-").or_else(|| rest.strip_prefix("3279-"))?;
                Size::of_model(rest.chars().next()?)?
            }
        };
        Some(Self { name: upper, sizes: (Size::MODEL_2, alternate), extended: false, page: CodePage::default() })
    }

    /// Whether it answers a query.
    pub fn answers_queries(&self) -> bool {
        self.name.ends_with("-E") || self.name == "IBM-DYNAMIC"
    }

    /// Takes in what it answered, the record from its AID on. What is damaged or makes no sense is passed over.
    pub fn answered(&mut self, record: &[u8]) {
        let mut data = record.strip_prefix(&[0x88]).unwrap_or_default();
        let mut page = None;
        let mut bracket = false;
        while let Some((&[high, low], _)) = data.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length < 4 || length > data.len() {
                break;
            }
            let (field, rest) = data.split_at(length);
            data = rest;
            if field[2] != 0x81 {
                continue;
            }
            match field[3] {
                0x81 => self.usable_area(field),
                0x85 => page = code_page(field),
                0x86 => self.extended = true,
                // The name of the program, in EBCDIC: x3270 reports 037 and means its own page.
                0xa1 => bracket = CodePage::Cp037.decode_text(field).to_ascii_lowercase().contains("x3270"),
                0xa6 => self.implicit_partition(field),
                _ => {}
            }
        }
        self.page = match page {
            Some(CodePage::Cp037) if bracket => CodePage::Bracket,
            Some(page) => page,
            None => self.page,
        };
    }

    fn usable_area(&mut self, field: &[u8]) {
        if self.name == "IBM-DYNAMIC"
            && let Some(size) = size_at(field, 6)
        {
            self.sizes.1 = size;
        }
    }

    fn implicit_partition(&mut self, field: &[u8]) {
        // Self-defining parameter X'01': default and alternate size.
        if self.name == "IBM-DYNAMIC"
            && field.get(6..8).is_some_and(|head| head[1] == 0x01)
            && let (Some(default), Some(alternate)) = (size_at(field, 9), size_at(field, 13))
        {
            self.sizes = (default, alternate);
        }
    }
}

/// What a terminal of these sizes answers to a query, from its AID on: to a program whose terminal CP is.
pub(crate) fn reply(sizes: (Size, Size), extended: bool) -> Vec<u8> {
    let (default, alternate) = sizes;
    let words = |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let area = words(&[alternate.columns, alternate.rows]);
    let mut codes = vec![0x80, 0x81, 0x85, 0x88, 0xa6];
    // Usable area: 14-bit addresses, in cells; a character set of code page 1047, with its descriptor; field mode; both sizes.
    let usable = [
        &[0x01, 0x00][..],
        &area,
        &[0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x07, 0x10],
        &words(&[alternate.positions() as u16]),
    ]
    .concat();
    let sets = [&[0x02, 0x00, 0x07, 0x10, 0, 0, 0, 0, 0x07, 0x00, 0x00, 0x00][..], &words(&[697, 1047])].concat();
    let partition = [&[0x00, 0x00, 0x0b, 0x01, 0x00][..], &words(&[default.columns, default.rows]), &area].concat();
    let mut fields = vec![(0x81, usable), (0x85, sets), (0x88, vec![0x00]), (0xa6, partition)];
    if extended {
        codes.extend([0x86, 0x87]);
        let colours = (0xf1..=0xf7u8).flat_map(|colour| [colour, colour]);
        fields.push((0x86, [0x00, 0x08, 0x00, 0xf4].into_iter().chain(colours).collect()));
        fields.push((0x87, vec![0x05, 0x00, 0xf0, 0xf1, 0xf1, 0xf2, 0xf2, 0xf4, 0xf4, 0xf8, 0xf8]));
    }
    fields.insert(0, (0x80, codes));
    let mut reply = vec![Aid::StructuredField.to_byte()];
    for (code, data) in fields {
        reply.extend(words(&[data.len() as u16 + 4]));
        reply.extend([0x81, code]);
        reply.extend(data);
    }
    reply
}

/// A size as width and height at an offset, when it is one that a screen can have.
fn size_at(field: &[u8], at: usize) -> Option<Size> {
    let word = |at: usize| Some(u16::from_be_bytes(*field.get(at..at + 2)?.first_chunk()?));
    let size = Size { columns: word(at)?, rows: word(at + 2)? };
    size.is_usable().then_some(size)
}

/// The code page of the base character set.
fn code_page(field: &[u8]) -> Option<CodePage> {
    // Flags with the length of a descriptor at 12; each ends with the coded graphic character set: set and page.
    let length = usize::from(*field.get(12)?);
    let last = field.get(13..13 + length)?.last_chunk::<2>()?;
    CodePage::numbered(u16::from_be_bytes(*last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn types_tell_sizes() {
        let size = |name| Terminal::named(name).map(|terminal| terminal.sizes.1);
        assert_eq!(size("IBM-3278-2"), Some(Size::MODEL_2));
        assert_eq!(size("ibm-3279-4-E"), Some(Size::MODEL_4));
        assert_eq!(size("IBM-3278-5-E@host"), Some(Size::MODEL_5));
        assert_eq!((size("xterm"), size("IBM-3277-2"), size("IBM-3278-9")), (None, None, None));
        assert!(Terminal::named("IBM-DYNAMIC").unwrap().answers_queries());
    }

    #[test]
    fn the_answer_to_a_query_tells_the_rest() {
        let mut terminal = Terminal::named("IBM-DYNAMIC").unwrap();
        // As x3270 4.1 with a screen of 132 by 27 answers: summary, usable area, character sets, colours, highlighting, program name,
        // implicit partition.
        let answer = "88\
            000e81808081848586878895a1a6\
            00178181010000840 01b01000a02e50002006f090c0dec000881840 00dec00\
            001b81858200090c000000000700100002b900250100f103c30136\
            00268186001000f4f1f1f2f2f3f3f4f4f5f5f6f6f7f7f8f8f9f9fafafbfbfcfcfdfdfefeffff\
            000f81870500f0f1f1f2f2f4f4f8f8\
            001281a1000000000000000006a7f3f2f7f0\
            001181a600000b01000050001800 84001b";
        terminal.answered(&bytes(&answer.replace(' ', "")));
        assert!(terminal.extended);
        assert_eq!(terminal.sizes.1, Size::MODEL_5);
        assert_eq!(terminal.page, CodePage::Bracket);
    }

    #[test]
    fn what_cp_answers_for_a_terminal_is_understood() {
        let sizes = (Size::MODEL_2, Size { rows: 62, columns: 160 });
        let mut terminal = Terminal::named("IBM-DYNAMIC").unwrap();
        terminal.answered(&reply(sizes, true));
        assert_eq!((terminal.sizes, terminal.extended, terminal.page), (sizes, true, CodePage::Cp1047));
        let mut terminal = Terminal::named("IBM-DYNAMIC").unwrap();
        terminal.answered(&reply((Size::MODEL_2, Size::MODEL_4), false));
        assert_eq!((terminal.sizes.1, terminal.extended), (Size::MODEL_4, false));
    }

    proptest! {
        #[test]
        fn any_answer_leaves_a_usable_terminal(answer in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut terminal = Terminal::named("IBM-DYNAMIC").unwrap();
            terminal.answered(&[&[0x88][..], &answer].concat());
            prop_assert!(terminal.sizes.0.is_usable() && terminal.sizes.1.is_usable());
        }
    }
}
