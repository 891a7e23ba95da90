//! DIAGNOSE X'14', X'BC' and X'110': the guest's side of the spool.
//!
//! [`output`] writes, [`input`] reads and answers what files there are; [`buffer`] is the layout of the buffers that X'14' stores.

mod buffer;
mod input;
mod output;

use abi::SpoolFileBlock;
use spool::FileInfo;

pub(super) use input::{attributes, input};
pub(super) use output::output;

use super::padded;

/// What the contract says of a file: a closed one, or one being written, which has no owner and no number yet.
fn block_of(file: &FileInfo) -> SpoolFileBlock {
    SpoolFileBlock {
        spid: u32::from(file.spid.number()),
        records: file.records,
        owner: *file.owner.padded(),
        ..block_of_new(file.origin, file.device, file.created, &file.attributes)
    }
}

/// What is known of a file before it is closed.
fn block_of_new(origin: spool::Userid, device: spool::Device, created: u64, attributes: &spool::Attributes) -> SpoolFileBlock {
    let word = |word: Option<spool::Word>| padded(word.as_ref().map_or("", |word| word.as_str()));
    SpoolFileBlock {
        spid: 0,
        copies: u32::from(attributes.copies.number()),
        records: 0,
        created,
        origin: *origin.padded(),
        owner: padded(""),
        name: padded(attributes.name.name()),
        file_type: padded(attributes.name.file_type()),
        dist: word(attributes.dist),
        form: word(attributes.form),
        class: attributes.class.as_char() as u8,
        device: match device {
            spool::Device::Reader => b'R',
            spool::Device::Printer => b'P',
            spool::Device::Punch => b'U',
            spool::Device::Console => b'C',
        },
        hold: match attributes.hold {
            spool::Hold::None => b'N',
            spool::Hold::User => b'U',
            spool::Hold::System => b'S',
            spool::Hold::Both => b'B',
        },
        keep: if attributes.keep { b'Y' } else { b'N' },
        reserved: [0; 44],
    }
}
