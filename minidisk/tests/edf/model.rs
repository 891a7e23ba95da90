//! Random work on a disk, compared with a map in memory that does the same.

use std::collections::BTreeMap;

use minidisk::edf::{BLOCK_SIZES, EdfError, FileId, FileSystem, Layout, MemoryDisk, RecordFormat};
use proptest::prelude::*;

use crate::{id, now, pattern};

/// What may be done; files are numbered 0 to 5.
#[derive(Clone, Debug)]
enum Act {
    Write {
        file: u8,
        fixed: Option<u32>,
        lengths: Vec<usize>,
    },
    Append {
        file: u8,
        lengths: Vec<usize>,
    },
    /// Writes over so many records from a place on; in a fixed file it may lie beyond the end.
    Replace {
        file: u8,
        place: f64,
        count: usize,
    },
    Mode {
        file: u8,
        mode: u8,
    },
    Erase {
        file: u8,
    },
    Rename {
        from: u8,
        to: u8,
    },
    Commit,
    Rollback,
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let lengths = || {
        prop_oneof![
            prop::collection::vec(1usize..200, 0..40),
            prop::collection::vec(prop_oneof![1usize..10, 4090usize..4100, 1usize..20_000], 0..8),
        ]
    };
    prop_oneof![
        4 => (0u8..6, prop::option::of(1u32..5000), lengths())
            .prop_map(|(file, fixed, lengths)| Act::Write { file, fixed, lengths }),
        4 => (0u8..6, lengths()).prop_map(|(file, lengths)| Act::Append { file, lengths }),
        4 => (0u8..6, 0.0..1.5f64, 0usize..20).prop_map(|(file, place, count)| Act::Replace { file, place, count }),
        1 => (0u8..6, 0u8..7).prop_map(|(file, mode)| Act::Mode { file, mode }),
        2 => (0u8..6).prop_map(|file| Act::Erase { file }),
        1 => (0u8..6, 0u8..6).prop_map(|(from, to)| Act::Rename { from, to }),
        3 => Just(Act::Commit),
        1 => Just(Act::Rollback),
        1 => Just(Act::Reopen),
    ]
}

fn name(file: u8) -> FileId {
    id(&format!("FILE{file}"), "DATA")
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq)]
struct File {
    format: RecordFormat,
    records: Vec<Vec<u8>>,
}

type Model = BTreeMap<FileId, File>;

fn records(format: RecordFormat, from: usize, lengths: &[usize]) -> Vec<Vec<u8>> {
    let length = |length: usize| match format {
        RecordFormat::Fixed(lrecl) => lrecl as usize,
        RecordFormat::Variable => length,
    };
    lengths.iter().enumerate().map(|(n, &l)| pattern(from + n, length(l))).collect()
}

/// Does one act to both. A full disk must leave everything as it was.
fn perform(disk: &mut FileSystem<MemoryDisk>, model: &mut Model, committed: &mut Model, act: &Act) {
    match act {
        Act::Write { file, fixed, lengths } => {
            let format = fixed.map_or(RecordFormat::Variable, RecordFormat::Fixed);
            let records = records(format, lengths.len(), lengths);
            match disk.write(&name(*file), 1, format, now(), &records) {
                Ok(()) => drop(model.insert(name(*file), File { format, records })),
                Err(error) => assert_eq!(error, EdfError::Full),
            }
        }
        Act::Append { file, lengths } => match model.get_mut(&name(*file)) {
            None => assert!(matches!(disk.extend(&name(*file)), Err(EdfError::NotFound(_)))),
            Some(known) => {
                let more = records(known.format, known.records.len(), lengths);
                match disk.append(&name(*file), now(), &more) {
                    Ok(()) => known.records.extend(more),
                    Err(error) => assert_eq!(error, EdfError::Full),
                }
            }
        },
        Act::Replace { file, place, count } => replace(disk, model, &name(*file), *place, *count),
        Act::Mode { file, mode } => {
            // A file of mode 6 changes at once, so what a rollback leaves of it is another matter: not here.
            let mode = if *mode == 6 { 5 } else { *mode };
            assert_eq!(disk.set_mode(&name(*file), mode).is_ok(), model.contains_key(&name(*file)));
        }
        Act::Erase { file } => {
            assert_eq!(disk.erase(&name(*file)).is_ok(), model.remove(&name(*file)).is_some());
        }
        Act::Rename { from, to } => {
            let allowed = model.contains_key(&name(*from)) && (from == to || !model.contains_key(&name(*to)));
            assert_eq!(disk.rename(&name(*from), &name(*to)).is_ok(), allowed);
            if allowed && let Some(file) = model.remove(&name(*from)) {
                model.insert(name(*to), file);
            }
        }
        Act::Commit => {
            disk.commit().unwrap();
            committed.clone_from(model);
        }
        Act::Rollback => {
            disk.rollback().unwrap();
            model.clone_from(committed);
        }
        Act::Reopen => {
            let device = MemoryDisk::from_bytes(disk.device().bytes().to_vec());
            *disk = FileSystem::open(device).unwrap();
            model.clone_from(committed);
        }
    }
}

/// Writes over records of one file in both.
fn replace(disk: &mut FileSystem<MemoryDisk>, model: &mut Model, id: &FileId, place: f64, count: usize) {
    let Some(file) = model.get_mut(id) else {
        assert!(matches!(disk.replace(id, 1, now(), ["x"]), Err(EdfError::NotFound(_))));
        return;
    };
    let first = (file.records.len() as f64 * place) as usize;
    let new: Vec<Vec<u8>> = match file.format {
        RecordFormat::Fixed(lrecl) => (0..count).map(|n| pattern(first + n + 77, lrecl as usize)).collect(),
        RecordFormat::Variable => {
            let old = file.records.iter().skip(first).take(count);
            old.enumerate().map(|(n, record)| pattern(first + n + 77, record.len())).collect()
        }
    };
    match disk.replace(id, first as u32 + 1, now(), &new) {
        Err(error) => assert_eq!(error, EdfError::Full),
        Ok(()) => {
            for (n, record) in new.into_iter().enumerate() {
                if file.records.len() <= first + n {
                    file.records.resize(first + n + 1, vec![0; record.len()]);
                }
                file.records[first + n] = record;
            }
        }
    }
}

fn compare(disk: &mut FileSystem<MemoryDisk>, model: &Model) {
    let ids: Vec<FileId> = disk.files().map(|file| file.id).collect();
    let found: Model = ids
        .into_iter()
        .map(|id| {
            let format = disk.find(&id).unwrap().format;
            (id, File { format, records: disk.read(&id).unwrap().map(Result::unwrap).collect() })
        })
        .collect();
    assert!(found == *model, "the disk has {:?}, it should have {:?}", found.keys(), model.keys());
    let report = disk.check().unwrap();
    assert!(report.is_clean(), "{}", report.findings[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_disk_does_what_a_map_does(size in 0usize..4, blocks in 30u32..200, acts in prop::collection::vec(act(), 1..40)) {
        let layout = Layout { label: "MODEL", cylinders: 0, block_size: BLOCK_SIZES[size], part: None };
        let mut disk = FileSystem::format_as(MemoryDisk::new(blocks), &layout, now()).unwrap();
        let (mut model, mut committed) = (Model::new(), Model::new());
        for act in &acts {
            perform(&mut disk, &mut model, &mut committed, act);
            compare(&mut disk, &model);
        }
    }
}
