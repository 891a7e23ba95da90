//! Extents on the host's file system: plain ones, and ones built on layers.

use proptest::prelude::*;

use super::*;
use crate::edf::{DateTime, EdfError, FileId, FileSystem, RecordFormat};

fn header() -> Header {
    Header { owner: "CMSUSER".into(), vdev: 0x191, device: DeviceType::Ckd3390 { cylinders: 5 } }
}

fn made() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("CMSUSER.0191");
    drop(Extent::create(&path, &header()).unwrap());
    (directory, path)
}

#[test]
fn a_new_minidisk_is_sparse_private_zero_and_says_whose_it_is() {
    let (directory, path) = made();
    let extent = Extent::open(&path, Access::Read).unwrap();
    assert_eq!((extent.header(), extent.blocks(), extent.access()), (&header(), 900, Access::Read));
    let mut last = [1; BLOCK_SIZE];
    extent.read_at(900, &mut last).unwrap();
    assert_eq!(last, [0; BLOCK_SIZE]);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.len(), metadata.mode() & 0o777), (901 * 4096, 0o600));
    assert!(metadata.blocks() * 512 < 100 * 4096, "it takes {} blocks of 512", metadata.blocks());
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["CMSUSER.0191"]);
}

#[test]
fn block_one_follows_the_header() {
    let (_directory, path) = made();
    let extent = Extent::open(&path, Access::Write).unwrap();
    extent.write_at(1, &[7; BLOCK_SIZE]).unwrap();
    extent.write_at(899, &[8; 2 * BLOCK_SIZE]).unwrap();
    extent.flush().unwrap();
    drop(extent);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[..BLOCK_SIZE], header().to_bytes(None));
    assert_eq!((bytes[BLOCK_SIZE], bytes[2 * BLOCK_SIZE], bytes[900 * BLOCK_SIZE]), (7, 0, 8));
    assert_eq!(bytes.len(), 901 * BLOCK_SIZE);
}

#[test]
fn blocks_that_are_not_on_the_minidisk_are_refused() {
    let (_directory, path) = made();
    let extent = Extent::open(&path, Access::Write).unwrap();
    let mut two = [0; 2 * BLOCK_SIZE];
    for first in [0, 900, 901, u32::MAX] {
        assert!(matches!(extent.read_at(first, &mut two), Err(ExtentError::Range { .. })));
        assert!(matches!(extent.write_at(first, &two), Err(ExtentError::Range { .. })));
    }
    assert!(matches!(extent.read_at(1, &mut two[..100]), Err(ExtentError::Range { .. })));
    assert_eq!(fs::metadata(&path).unwrap().len(), 901 * 4096);
}

#[test]
fn a_writer_is_alone_and_readers_are_many() {
    let (_directory, path) = made();
    let held = |access| matches!(Extent::open(&path, access), Err(ExtentError::Held(_)));
    let writer = Extent::open(&path, Access::Write).unwrap();
    assert!(held(Access::Write) && held(Access::Read));
    drop(writer);
    let readers = [Extent::open(&path, Access::Read).unwrap(), Extent::open(&path, Access::Read).unwrap()];
    assert!(held(Access::Write));
    assert!(matches!(readers[0].write_at(1, &[0; BLOCK_SIZE]), Err(ExtentError::ReadOnly(_))));
    drop(readers);
    assert!(Extent::open(&path, Access::Write).is_ok());
}

#[test]
fn the_creator_holds_the_minidisk_from_the_first_moment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("NEW.0191");
    let created = Extent::create(&path, &header()).unwrap();
    assert!(matches!(Extent::open(&path, Access::Read), Err(ExtentError::Held(_))));
    created.write_at(5, &[1; BLOCK_SIZE]).unwrap();
}

#[test]
fn a_file_that_exists_is_never_replaced() {
    let (directory, path) = made();
    fs::write(&path, "precious").unwrap();
    assert!(matches!(Extent::create(&path, &header()), Err(ExtentError::Exists(_))));
    // Also when it appears between the look and the link.
    let temporary = directory.path().join("temporary");
    fs::write(&temporary, "new").unwrap();
    assert!(matches!(publish(&temporary, &path), Err(ExtentError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn files_that_are_not_what_they_should_be_are_named_and_left_alone() {
    let (directory, path) = made();
    let sound = fs::read(&path).unwrap();
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = Extent::open(&path, Access::Write).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
        error
    };
    let with_header = |header: [u8; BLOCK_SIZE]| [&header[..], &sound[BLOCK_SIZE..]].concat();
    assert!(matches!(error(b""), ExtentError::Foreign(_)));
    assert!(matches!(error(&[0; 8192]), ExtentError::Foreign(_)));
    assert!(matches!(error(&sound[..sound.len() - 1]), ExtentError::Size { expected: 3_690_496, actual: 3_690_495, .. }));
    assert!(matches!(error(&[&sound[..], b"x"].concat()), ExtentError::Size { .. }));
    let mut torn = header().to_bytes(None);
    torn[header::at::OWNER] = b'X';
    assert!(matches!(error(&with_header(torn)), ExtentError::Torn(_)));
    let sealed = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = header().to_bytes(None);
        change(&mut bytes);
        let crc = crc32fast::hash(&bytes[..header::at::CRC]);
        bytes[header::at::CRC..].copy_from_slice(&crc.to_le_bytes());
        with_header(bytes)
    };
    assert!(matches!(error(&sealed(&|b| b[header::at::VERSION] = 9)), ExtentError::Version { version: 9, .. }));
    assert!(matches!(error(&sealed(&|b| b[header::at::DEVICE] = 9)), ExtentError::BadHeader { .. }));
    assert!(matches!(error(&sealed(&|b| b[header::at::SIZE..header::at::SIZE + 4].fill(0))), ExtentError::BadHeader { .. }));
    assert!(matches!(error(&sealed(&|b| b[header::at::SIZE..header::at::SIZE + 4].fill(255))), ExtentError::BadHeader { .. }));
    assert!(matches!(error(&sealed(&|b| b[header::at::OWNER] = 0x1b)), ExtentError::BadHeader { .. }));
    assert!(matches!(Extent::open(directory.path(), Access::Read), Err(ExtentError::Foreign(_))));
    assert!(matches!(Extent::open(&directory.path().join("none"), Access::Read), Err(ExtentError::Io { .. })));
}

#[test]
fn headers_that_no_minidisk_has_create_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("BAD");
    for bad in [
        Header { owner: String::new(), ..header() },
        Header { owner: "NINECHARS".into(), ..header() },
        Header { owner: "A B".into(), ..header() },
        Header { device: DeviceType::Ckd3390 { cylinders: 0 }, ..header() },
        Header { device: DeviceType::Ckd3390 { cylinders: u32::MAX }, ..header() },
        Header { device: DeviceType::Fb512 { blocks: 7 }, ..header() },
    ] {
        assert!(matches!(Extent::create(&path, &bad), Err(ExtentError::BadHeader { .. })));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    assert_eq!(DeviceType::Fb512 { blocks: 8007 }.blocks(), 1000);
}

#[test]
fn a_full_host_is_told_apart() {
    let full = io_error(Path::new("x"), io::Error::from(io::ErrorKind::StorageFull));
    assert!(matches!(full, ExtentError::NoSpace(_)));
    // A device that is always full, with the error of a real write.
    let device = OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
    let layer = Layer::load(device, &header(), None, Path::new("/dev/full")).unwrap();
    let extent = Extent::assembled(Path::new("/dev/full"), &header(), Access::Write, vec![Arc::new(layer)]);
    assert!(matches!(extent.write_at(1, &[0; BLOCK_SIZE]), Err(ExtentError::NoSpace(_))));
}

#[test]
fn a_reader_becomes_the_only_writer_and_a_reader_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    drop(Extent::create(&path, &header()).unwrap());
    let (one, other) = (Extent::open(&path, Access::Read).unwrap(), Extent::open(&path, Access::Read).unwrap());
    assert!(matches!(one.set_access(Access::Write), Err(ExtentError::Held(_))), "another reader is there");
    drop(other);
    one.set_access(Access::Write).unwrap();
    one.write_at(1, &[7; BLOCK_SIZE]).unwrap();
    assert!(matches!(Extent::open(&path, Access::Read), Err(ExtentError::Held(_))));
    one.set_access(Access::Read).unwrap();
    assert!(matches!(one.write_at(1, &[7; BLOCK_SIZE]), Err(ExtentError::ReadOnly(_))));
    Extent::open(&path, Access::Read).unwrap();
}

#[test]
fn a_file_system_lives_on_an_extent_and_readers_share_it() {
    let (_directory, path) = made();
    let mut extent = Extent::open(&path, Access::Write).unwrap();
    let now = DateTime::from_unix_seconds(1_795_358_501);
    let id = FileId::new("PROFILE", "EXEC").unwrap();
    let mut disk = FileSystem::format(&mut extent, "CMS191", 5, now).unwrap();
    disk.write(&id, 1, RecordFormat::Variable, now, ["/* */", "say hello"]).unwrap();
    disk.commit().unwrap();
    drop(extent);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut disk = FileSystem::open(Extent::open(&path, Access::Read).unwrap()).unwrap();
                let records: Vec<Vec<u8>> = disk.read(&id).unwrap().map(Result::unwrap).collect();
                assert_eq!(records, [&b"/* */"[..], b"say hello"]);
            });
        }
    });
    let mut disk = FileSystem::open(Extent::open(&path, Access::Read).unwrap()).unwrap();
    assert!(disk.check().unwrap().is_clean());
    assert!(matches!(disk.erase(&id), Err(EdfError::ReadOnly)));
}

/// A block that says what it is.
fn block(value: u8) -> Vec<u8> {
    vec![value; BLOCK_SIZE]
}

/// The first bytes of every block of an extent.
fn firsts(extent: &Extent) -> Vec<u8> {
    let mut all = vec![0; extent.blocks() as usize * BLOCK_SIZE];
    extent.read_at(1, &mut all).unwrap();
    all.chunks(BLOCK_SIZE).inspect(|block| assert!(block.iter().all(|&byte| byte == block[0]))).map(|block| block[0]).collect()
}

fn named(owner: &str) -> Header {
    Header { owner: owner.into(), ..header() }
}

fn layers_in(folder: &Path) -> usize {
    fs::read_dir(folder.join("layers")).map_or(0, |entries| entries.count() - 1)
}

#[test]
fn a_thousand_clones_hold_only_what_differs_and_go_their_own_ways() {
    let (directory, path) = made();
    let template = Extent::open(&path, Access::Write).unwrap();
    (1..=900).for_each(|number| template.write_at(number, &block(number as u8)).unwrap());
    let before = firsts(&template);
    let clones: Vec<(PathBuf, Header)> =
        (0..1000).map(|n| (directory.path().join(format!("C{n}.0191")), named(&format!("C{n}")))).collect();
    template.clone_to(clones.iter().map(|(path, header)| (path.as_path(), header))).unwrap();
    template.write_at(1, &block(77)).unwrap();
    for (number, (path, header)) in clones.iter().enumerate().step_by(99) {
        assert!(fs::metadata(path).unwrap().blocks() * 512 <= 16 << 10, "a clone takes next to nothing");
        let clone = Extent::open(path, Access::Write).unwrap();
        assert_eq!((clone.header(), clone.layers_below(), clone.own_blocks()), (header, 1, Some(0)));
        assert!(firsts(&clone) == before, "what the template got later is not seen");
        clone.write_at(2, &block(number as u8)).unwrap();
        drop(clone);
        let clone = Extent::open(path, Access::Read).unwrap();
        let mut expected = before.clone();
        expected[1] = number as u8;
        assert!(firsts(&clone) == expected);
        let mut files = Vec::new();
        let whole = clone.read_with(1, 4, false, |_, at, part| {
            files.push((at, part));
            Ok(true)
        });
        assert!(whole.unwrap() && files.len() == 3, "block 2 is its own: {files:?}");
    }
    assert_eq!(layers_in(directory.path()), 1);
    // A template that has not changed is not frozen again.
    template.clone_to([(directory.path().join("D.0191").as_path(), &named("D"))]).unwrap();
    template.clone_to([(directory.path().join("E.0191").as_path(), &named("E"))]).unwrap();
    assert_eq!(layers_in(directory.path()), 2);
    assert!(matches!(template.clone_to([(path.as_path(), &header())]), Err(ExtentError::Exists(_))));
    let small = Header { device: DeviceType::Ckd3390 { cylinders: 4 }, ..named("F") };
    assert!(matches!(template.clone_to([(directory.path().join("F").as_path(), &small)]), Err(ExtentError::BadHeader { .. })));
}

#[test]
fn blocks_of_an_overlay_count_only_once_they_were_flushed() {
    let (directory, path) = made();
    let disk = Extent::open(&path, Access::Write).unwrap();
    disk.write_at(5, &block(1)).unwrap();
    disk.snapshot("before").unwrap();
    disk.write_at(5, &block(2)).unwrap();
    disk.write_at(6, &block(2)).unwrap();
    // What the host has at this moment is what is left after kill -9: the blocks are there, the map does not name them.
    let killed = directory.path().join("KILLED.0191");
    fs::copy(&path, &killed).unwrap();
    assert_eq!(firsts(&Extent::open(&killed, Access::Read).unwrap())[4..6], [1, 0]);
    assert_eq!(firsts(&disk)[4..6], [2, 2]);
    disk.flush().unwrap();
    fs::copy(&path, &killed).unwrap();
    assert_eq!(firsts(&Extent::open(&killed, Access::Read).unwrap())[4..6], [2, 2]);
}

#[test]
fn snapshots_are_taken_in_use_listed_restored_and_deleted() {
    let (directory, path) = made();
    let disk = Extent::open(&path, Access::Write).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (1..=255u8).for_each(|value| disk.write_at(u32::from(value), &block(value)).unwrap()));
        for number in 0..5 {
            disk.snapshot(&format!("s{number}")).unwrap();
        }
        writer.join().unwrap();
    });
    let names = || snapshots(&path).unwrap().into_iter().map(|snapshot| snapshot.name).collect::<Vec<_>>();
    assert_eq!(names(), ["s0", "s1", "s2", "s3", "s4"]);
    assert!(matches!(disk.snapshot("s3"), Err(ExtentError::Exists(_))));
    for bad in ["", "a b", "../x", "a.b", &"x".repeat(33)] {
        assert!(matches!(disk.snapshot(bad), Err(ExtentError::SnapshotName(_))), "{bad:?}");
    }
    let seen: Vec<u8> = (1..=255).chain(std::iter::repeat_n(0, 645)).collect();
    assert!(firsts(&disk) == seen);
    // Each snapshot holds what was written until then: a beginning of the whole.
    let mut last = 0;
    for name in names() {
        let snapshot = Extent::open(&snapshot_file(&path, &name).unwrap(), Access::Read).unwrap();
        let written = firsts(&snapshot).iter().position(|&value| value == 0).unwrap();
        assert!(firsts(&snapshot)[..written] == seen[..written] && written >= last);
        last = written;
    }
    let file = snapshot_file(&path, "s0").unwrap();
    assert!(matches!(Extent::open(&file, Access::Write), Err(ExtentError::ReadOnly(_))));
    assert!(matches!(Extent::restore(&path, "s0", "kept"), Err(ExtentError::Held(_))), "it is in use");
    drop(disk);
    assert!(matches!(Extent::restore(&path, "none", "kept"), Err(ExtentError::NoSnapshot(_))));
    Extent::restore(&path, "s0", "kept").unwrap();
    let restored = firsts(&Extent::open(&path, Access::Read).unwrap());
    assert!(restored == firsts(&Extent::open(&file, Access::Read).unwrap()));
    Extent::restore(&path, "kept", "back").unwrap();
    assert!(firsts(&Extent::open(&path, Access::Read).unwrap()) == seen);
    for name in names() {
        Extent::delete_snapshot(&path, &name).unwrap();
    }
    assert!(matches!(Extent::delete_snapshot(&path, "s0"), Err(ExtentError::NoSnapshot(_))));
    assert!(layers_in(directory.path()) > 0, "the disk itself is built on some");
    Extent::flatten(&path).unwrap();
    assert_eq!(layers_in(directory.path()), 0);
    let flat = Extent::open(&path, Access::Read).unwrap();
    assert_eq!((flat.layers_below(), flat.own_blocks()), (0, None));
    assert!(firsts(&flat) == seen);
}

#[test]
fn an_interrupted_freeze_is_forgotten_by_the_next_writer() {
    let (directory, path) = made();
    let disk = Extent::open(&path, Access::Write).unwrap();
    disk.write_at(1, &block(1)).unwrap();
    drop(disk);
    // The moment between the two names.
    fs::create_dir(directory.path().join("layers")).unwrap();
    fs::write(directory.path().join("layers/lock"), "").unwrap();
    fs::hard_link(&path, directory.path().join("layers/0123456789abcdef")).unwrap();
    assert_eq!(firsts(&Extent::open(&path, Access::Read).unwrap())[0], 1);
    let disk = Extent::open(&path, Access::Write).unwrap();
    assert_eq!(layers_in(directory.path()), 0);
    disk.snapshot("s").unwrap();
    assert_eq!(layers_in(directory.path()), 1);
}

#[test]
fn layers_that_are_missing_wrong_or_endless_are_named() {
    let (directory, path) = made();
    let disk = Extent::open(&path, Access::Write).unwrap();
    disk.write_at(1, &block(1)).unwrap();
    let layer = disk.freeze().unwrap();
    drop(disk);
    let file = directory.path().join("layers").join(layer.to_string());
    let sound = fs::read(&file).unwrap();
    let error = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        Extent::open(&path, Access::Read).unwrap_err()
    };
    assert!(matches!(error(b"no layer"), ExtentError::Layer { .. }));
    let other = Header { device: DeviceType::Ckd3390 { cylinders: 1 }, ..header() };
    let short = [&other.to_bytes(None)[..], &vec![0; 180 * BLOCK_SIZE]].concat();
    assert!(matches!(error(&short), ExtentError::Layer { .. }));
    // A layer that is built on itself.
    let circle = [&header().to_bytes(Some(layer))[..], &vec![0; header().map_bytes() + 900 * BLOCK_SIZE]].concat();
    assert!(matches!(error(&circle), ExtentError::TooDeep(_)));
    assert_eq!(collect(directory.path()).unwrap(), 0, "an endless chain ends there too");
    fs::remove_file(&file).unwrap();
    let missing = Extent::open(&path, Access::Read).unwrap_err();
    assert!(missing.to_string().contains(&format!("Layer {layer}, on which the minidisk is built, is missing")), "{missing}");
    fs::write(&file, &sound).unwrap();
    assert_eq!(firsts(&Extent::open(&path, Access::Read).unwrap())[0], 1);
    // Nothing is removed while there is a header that cannot be read.
    let mut torn = header().to_bytes(None);
    torn[header::at::OWNER] = b'X';
    fs::write(directory.path().join("TORN.0191"), torn).unwrap();
    assert!(matches!(collect(directory.path()), Err(ExtentError::Torn(_))));
}

#[test]
fn a_disk_that_was_frozen_too_often_says_so_and_goes_on() {
    let (_directory, path) = made();
    let disk = Extent::open(&path, Access::Write).unwrap();
    for number in 0.. {
        disk.write_at(1, &block(number)).unwrap();
        match disk.freeze() {
            Ok(_) => assert!(usize::from(number) < LAYERS_MAX),
            Err(error) => {
                assert!(matches!(error, ExtentError::TooDeep(_)));
                break;
            }
        }
    }
    disk.write_at(2, &block(9)).unwrap();
    drop(disk);
    let disk = Extent::open(&path, Access::Write).unwrap();
    assert_eq!((disk.layers_below(), firsts(&disk)[1]), (LAYERS_MAX - 1, 9));
    drop(disk);
    Extent::flatten(&path).unwrap();
    Extent::open(&path, Access::Write).unwrap().freeze().unwrap();
}

#[test]
fn temporary_disks_leave_nothing_behind_and_show_nothing_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    for place in [Some(folder.path()), None] {
        let disk = Extent::temporary(place, &header()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        disk.write_at(900, &block(9)).unwrap();
        disk.flush().unwrap();
        assert_eq!(firsts(&disk)[899], 9);
        assert!(disk.freeze().is_err() && firsts(&disk)[899] == 9, "it goes on");
        drop(disk);
        assert!(firsts(&Extent::temporary(place, &header()).unwrap()).iter().all(|&byte| byte == 0));
        let _ = fs::remove_dir_all(folder.path().join("layers"));
    }
    let none = Header { device: DeviceType::Fb512 { blocks: 0 }, ..header() };
    assert!(matches!(Extent::temporary(None, &none), Err(ExtentError::BadHeader { .. })));
}

/// What may be done to a family of disks.
#[derive(Clone, Debug)]
enum Act {
    Write { disk: usize, first: u32, value: u8, count: u32 },
    Clone { from: usize, to: usize },
    Snapshot { disk: usize },
    Restore { disk: usize },
    Delete { disk: usize },
    Flatten { disk: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let disk = || 0usize..4;
    prop_oneof![
        6 => (disk(), 1u32..40, any::<u8>(), 1u32..8).prop_map(|(disk, first, value, count)| Act::Write { disk, first, value, count }),
        2 => (disk(), disk()).prop_map(|(from, to)| Act::Clone { from, to }),
        2 => disk().prop_map(|disk| Act::Snapshot { disk }),
        1 => disk().prop_map(|disk| Act::Restore { disk }),
        1 => disk().prop_map(|disk| Act::Delete { disk }),
        1 => disk().prop_map(|disk| Act::Flatten { disk }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_family_of_disks_does_what_copies_would_do(acts in prop::collection::vec(act(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let header = |disk: usize| Header { owner: format!("U{disk}"), vdev: 0x191, device: DeviceType::Fb512 { blocks: 8 * 48 } };
        let path = |disk: usize| folder.path().join(format!("U{disk}.0191"));
        drop(Extent::create(&path(0), &header(0)).unwrap());
        let mut model: Vec<Option<Vec<u8>>> = vec![Some(vec![0; 48]), None, None, None];
        let mut saved: Vec<Option<Vec<u8>>> = vec![None; 4];
        for act in acts {
            match act {
                Act::Write { disk, first, value, count } => if let Some(known) = &mut model[disk] {
                    let extent = Extent::open(&path(disk), Access::Write).unwrap();
                    extent.write_at(first, &vec![value; count as usize * BLOCK_SIZE]).unwrap();
                    extent.flush().unwrap();
                    known[first as usize - 1..(first + count) as usize - 1].fill(value);
                },
                Act::Clone { from, to } => if model[from].is_some() && model[to].is_none() {
                    let extent = Extent::open(&path(from), Access::Write).unwrap();
                    extent.clone_to([(path(to).as_path(), &header(to))]).unwrap();
                    model[to] = model[from].clone();
                },
                Act::Snapshot { disk } => if model[disk].is_some() && saved[disk].is_none() {
                    Extent::open(&path(disk), Access::Write).unwrap().snapshot("s").unwrap();
                    saved[disk].clone_from(&model[disk]);
                },
                Act::Restore { disk } => if saved[disk].is_some() {
                    Extent::restore(&path(disk), "s", "kept").unwrap();
                    Extent::delete_snapshot(&path(disk), "kept").unwrap();
                    model[disk].clone_from(&saved[disk]);
                },
                Act::Delete { disk } => if saved[disk].take().is_some() {
                    Extent::delete_snapshot(&path(disk), "s").unwrap();
                },
                Act::Flatten { disk } => if model[disk].is_some() {
                    Extent::flatten(&path(disk)).unwrap();
                },
            }
            for disk in 0..4 {
                let check = |path: &Path, known: &Option<Vec<u8>>| if let Some(known) = known {
                    let extent = Extent::open(path, Access::Read).unwrap();
                    assert_eq!(&firsts(&extent), known);
                    let mut copy = vec![0; 48];
                    let copied: Result<(), ExtentError> = extent.each_data(|first, bytes| {
                        bytes.chunks(BLOCK_SIZE).zip(first as usize - 1..).for_each(|(block, at)| copy[at] = block[0]);
                        Ok(())
                    });
                    copied.unwrap();
                    assert_eq!(&copy, known, "what is not handed out is zeros");
                };
                check(&path(disk), &model[disk]);
                check(&snapshot_file(&path(disk), "s").unwrap(), &saved[disk]);
            }
        }
        // Nothing is kept that nobody needs: every layer is below some file.
        for disk in 0..4 {
            if model[disk].is_some() {
                Extent::flatten(&path(disk)).unwrap();
            }
            if saved[disk].is_some() {
                Extent::delete_snapshot(&path(disk), "s").unwrap();
            }
        }
        prop_assert_eq!(layers_in(folder.path()), 0);
    }
}

#[test]
fn a_write_that_the_host_lost_is_an_error_and_the_block_reads_as_before() {
    let (directory, path) = made();
    let template = Extent::open(&path, Access::Write).unwrap();
    template.write_at(5, &block(1)).unwrap();
    let clone = directory.path().join("C.0191");
    template.clone_to([(clone.as_path(), &named("C"))]).unwrap();
    let clone = Extent::open(&clone, Access::Write).unwrap();
    let lost = |errno: rustix::io::Errno| clone.write_with(5, 1, |_, _| Err(errno.into())).unwrap_err();
    assert!(matches!(lost(rustix::io::Errno::IO), ExtentError::Io { .. }));
    assert!(matches!(lost(rustix::io::Errno::NOSPC), ExtentError::NoSpace(_)));
    assert_eq!((clone.own_blocks(), firsts(&clone)[4]), (Some(0), 1));
    // A read of several places names the file that has each.
    clone.write_at(5, &block(2)).unwrap();
    let read = |places: &[Place<'_>]| places.iter().map(|place| (place.request, place.bytes.clone())).collect::<Vec<_>>();
    let places = clone.read_places(&[(4, 3), (5, 1)], read).unwrap();
    let piece = |from: usize, to: usize| from * BLOCK_SIZE..to * BLOCK_SIZE;
    assert_eq!(places, [(0, piece(0, 1)), (0, piece(1, 2)), (0, piece(2, 3)), (1, piece(0, 1))]);
    assert!(matches!(clone.read_places(&[(4, 3), (900, 2)], read), Err(ExtentError::Range { .. })));
}
