//! TAPE and MOVEFILE on tape images.

use minidisk::edf::RecordFormat;

use crate::double::User;
use crate::foreign::e;

/// A user with files to dump.
fn user() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.add_disk(0x192, "MNT192", 900);
    user.has_file(0x191, "ONE DATA", 1, &["first", "second line"]);
    user.has_records(0x191, "TWO DATA", 2, RecordFormat::Fixed(10), &["0123456789"; 1000]);
    user.has_file(0x191, "HELLO EXEC", 1, &["/* */ say 'hello'"]);
    user.ipl("AUTOCR", &[]);
    user.does("access 192 b");
    user
}

#[test]
fn what_is_dumped_is_loaded_again_with_its_format_and_date() {
    let mut user = user();
    assert_eq!(user.does("tape dump * data a"), ["DUMPING.....", "  ONE DATA A1", "  TWO DATA A2"]);
    // The next one belongs to the same file of the tape.
    assert_eq!(user.does("tape dump hello exec"), ["DUMPING.....", "  HELLO EXEC A1"]);
    user.does("tape rew");
    assert_eq!(user.does("tape scan"), ["SCANNING.....", "  ONE DATA A1", "  TWO DATA A2", "  HELLO EXEC A1"]);
    user.does("tape rew");
    assert_eq!(user.does("tape load * * b"), ["LOADING.....", "  ONE DATA B1", "  TWO DATA B2", "  HELLO EXEC B1"]);
    assert_eq!(user.file_on(0x192, "ONE DATA"), ["first", "second line"]);
    assert_eq!(user.file_on(0x192, "TWO DATA").len(), 1000);
    assert_eq!(user.does("listfile two data b (format").last().map(|line| line[18..].trim().to_string()), Some("B2 F         10".into()));
    assert_eq!(user.does("compare two data a two data b").len(), 1);
}

#[test]
fn a_tape_is_byte_by_byte_in_aws_format() {
    let mut user = user();
    user.does("tape dump one data (blksize 800");
    let image = user.bytes_on(0x191, "TAP1 AWSTAPE");
    // One block of one data card and the end card, and a tape mark.
    assert_eq!(image.len(), 6 + 160 + 6);
    assert_eq!(image[..6], [160, 0, 0, 0, 0xa0, 0]);
    assert_eq!(image[6..11], [0x02, 0xc3, 0xd4, 0xe2, 0x40]);
    assert_eq!(image[11..18], [0, 5, b'f', b'i', b'r', b's', b't']);
    assert_eq!(image[166..], [0, 0, 160, 0, 0x40, 0]);
    // A second file of the tape, behind the mark.
    user.does("tape fsf");
    user.does("tape wtm 2");
    let image = user.bytes_on(0x191, "TAP1 AWSTAPE");
    assert_eq!(image[166..], [0, 0, 160, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0]);
}

#[test]
fn the_tape_is_moved_over_blocks_and_marks_in_both_directions() {
    let mut user = user();
    user.does("tape dump * data a (wtm noprint");
    user.does("tape dump hello exec a (wtm noprint");
    let end = (40, vec!["DMSTAP058E End-of-file or end-of-tape".to_string()]);
    // Behind the last mark; the three files are one mark apart.
    assert_eq!(user.fails("tape fsr"), end);
    user.does("tape bsf");
    assert_eq!(user.fails("tape fsr"), end, "the mark itself");
    user.does("tape bsf 2");
    user.does("tape fsf");
    assert_eq!(user.does("tape scan"), ["SCANNING.....", "  HELLO EXEC A1"]);
    user.does("tape rew");
    assert_eq!(user.fails("tape bsr"), end);
    assert_eq!(user.fails("tape bsf"), end);
    user.does("tape fsf 1");
    user.does("tape fsr 3");
    user.does("tape bsr 3");
    assert_eq!(user.fails("tape bsr"), end, "a mark stands before it");
    user.does("tape rew");
    assert_eq!(user.does("tape skip two data (eof 2"), ["SKIPPING.....", "  ONE DATA A1", "  TWO DATA A2"]);
    user.does("tape fsf");
    assert_eq!(user.does("tape load hello exec b"), ["LOADING.....", "  HELLO EXEC B1"]);
    user.does("tape run");
    assert_eq!(user.does("tape scan two data (eot"), ["SCANNING.....", "  ONE DATA A1", "  TWO DATA A2"]);
    assert_eq!(user.does("tape load two data b"), ["LOADING.....", "  TWO DATA B2"], "SCAN stops before the file");
    assert_eq!(user.fails("tape fsf 9"), end);
    user.does("tape rew");
    assert_eq!(user.does("tape scan (eot disk"), [""; 0]);
    assert_eq!(user.file_on(0x191, "TAPE MAP"), ["SCANNING.....", "ONE DATA A1", "TWO DATA A2", "HELLO EXEC A1"]);
    user.does("tape rew");
    user.does("tape scan (print");
    assert_eq!(user.world.borrow().printed.len(), 1);
    for control in ["erg", "modeset", "rew 1"] {
        user.does(&format!("tape {control}"));
    }
}

#[test]
fn labels_are_written_and_shown() {
    let mut user = user();
    assert_eq!(user.fails("tape dvol1"), (100, vec!["DMSTAP113S TAP1(181) not attached: there is no TAP1 AWSTAPE A1".into()]));
    user.does("tape wvol1 vol001 bob");
    let shown = user.does("tape dvol1");
    assert_eq!(shown, [format!("VOL1VOL0010{:30}BOB{:36}", "", "")]);
    let image = user.bytes_on(0x191, "TAP1 AWSTAPE");
    assert_eq!(image[6..10], [0xe5, 0xd6, 0xd3, 0xf1]);
    assert_eq!(image.len(), 2 * 86 + 6);
    user.does("tape fsf");
    user.does("tape dump one data");
    user.does("tape rew");
    // The label stays, and is no file.
    assert_eq!(user.fails("tape load"), (32, vec!["DMSTAP057E Invalid record format: no TAPE or VMFPLC2 has written this".into()]));
    user.does("tape rew");
    user.does("tape fsf");
    user.does("tape load one data b");
    user.does("tape wtm (tap2");
    assert_eq!(user.fails("tape dvol1 (tap2"), (32, vec!["DMSTAP431E TAP2(182) VOL1 label missing".into()]));
    assert_eq!(user.fails("tape wvol1 toolong").0, 24);
    assert_eq!(user.fails("tape wvol1").0, 24);
}

#[test]
fn filedef_says_which_file_is_the_tape_and_movefile_takes_its_records() {
    let mut user = user();
    user.does("filedef tap2 disk backup awstape b");
    user.does("filedef in disk two data a");
    user.does("filedef out tap2 (recfm fb lrecl 10 block 400");
    user.does("movefile in out");
    let image = user.bytes_on(0x192, "BACKUP AWSTAPE");
    assert_eq!(image.len(), 25 * 406 + 6);
    assert_eq!(image[..6], [0x90, 1, 0, 0, 0xa0, 0]);
    user.does("tape rew (182");
    user.does("filedef back disk back data b");
    user.does("movefile out back");
    assert_eq!(user.file_on(0x192, "BACK DATA").len(), 1000);
    user.does("tape rew (tap2");
    user.does("filedef raw tap2");
    user.does("movefile raw back");
    assert_eq!(user.file_on(0x192, "BACK DATA").len(), 25, "each block is a record");
    assert_eq!(user.fails("filedef x tap99").0, 24);
    assert!(user.does("query filedef").contains(&"OUT      TAP2".to_string()));
}

#[test]
fn wrong_words_are_named() {
    let mut user = user();
    for (line, code, message) in [
        ("tape", 24, "DMSTAP047E No function specified"),
        ("tape nonsense", 24, "DMSTAP014E Invalid function NONSENSE"),
        ("tape dump", 24, "DMSTAP042E No fileid(s) specified"),
        ("tape dump one", 24, "DMSTAP023E No filetype specified"),
        ("tape dump no file a", 28, "DMSTAP002E File NO FILE A not found"),
        ("tape rew (nonsense", 24, "DMSTAP003E Invalid option: NONSENSE"),
        ("tape rew (tapx", 24, "DMSTAP027E Invalid device TAPX"),
        ("tape rew (191", 24, "DMSTAP017E Invalid device address 191"),
        ("tape scan (eof 0", 24, "DMSTAP029E Invalid parameter 0 in the option EOF field"),
        ("tape dump one data a (blksize 17", 24, "DMSTAP029E Invalid parameter 17 in the option BLKSIZE field"),
        ("tape fsf x", 24, "DMSTAP070E Invalid parameter X"),
        ("tape rew", 100, "DMSTAP113S TAP1(181) not attached: there is no TAP1 AWSTAPE A1"),
    ] {
        assert_eq!(user.fails(line), (code, vec![message.to_string()]), "{line}");
    }
    user.does("tape dump one data (noprint");
    user.does("tape rew");
    assert_eq!(user.fails("tape load two data b"), (28, vec!["LOADING.....".into(), "DMSTAP002E File TWO DATA not found".into()]));
    user.make_read_only(0x191);
    user.enters("access 191 a");
    assert_eq!(user.fails("tape wtm"), (36, vec!["DMSTAP043E TAP1(181) is file protected".into()]));
}

#[test]
fn a_full_disk_leaves_the_tape_as_it_was() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.add_disk(0x192, "SMALL", 30);
    user.has_records(0x191, "BIG DATA", 1, RecordFormat::Fixed(80), &vec!["x".repeat(80); 2000]);
    user.has_file(0x191, "ONE DATA", 1, &["line"]);
    user.ipl("AUTOCR", &[]);
    user.does("access 192 b");
    user.does("filedef tap1 disk my awstape b");
    user.does("tape dump one data a (wtm");
    let before = user.bytes_on(0x192, "MY AWSTAPE");
    assert_eq!(user.fails("tape dump big data a"), (100, vec!["DMSTAP107S Disk B(192) is full".into()]));
    assert_eq!(user.bytes_on(0x192, "MY AWSTAPE"), before);
    // It stands where it stood.
    user.does("tape dump one data a (wtm");
    user.does("tape rew");
    assert_eq!(user.does("tape scan (eot").len(), 3);
}

/// A user whose TAP1 has these bytes.
fn with_image(bytes: &[u8]) -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_bytes(0x191, "TAP1 AWSTAPE", bytes);
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn images_that_are_none_are_named_and_do_no_harm() {
    for (bytes, reason) in [
        (&[80, 0, 0, 0, 0xa0][..], "it ends within a block"),
        (&[80, 0, 0, 0, 0xa0, 0, 1, 2], "it ends within a block"),
        (&[2, 0, 0, 0, 0x80, 0, 1, 2], "it ends within a block"),
        (&[0, 0, 0, 0, 0xa0, 0], "a header is none of AWS format"),
        (&[2, 0, 0, 0, 0xa1, 0, 1, 2], "blocks are compressed (HET), which is not supported"),
        (&[2, 0, 0, 0, 0x20, 0, 1, 2], "the parts of a block do not follow each other"),
        (&[2, 0, 0, 0, 0x80, 0, 1, 2, 0, 0, 2, 0, 0x40, 0], "the parts of a block do not follow each other"),
    ] {
        let mut user = with_image(bytes);
        assert_eq!(user.fails("tape fsr"), (100, vec![format!("DMSTAP110S Error reading TAP1(181): {reason}")]));
    }
    // The way back is checked against the way there.
    let mut user = with_image(&[1, 0, 0, 0, 0xa0, 0, 7, 1, 0, 9, 0, 0xa0, 0, 7]);
    user.does("tape fsr 2");
    user.does("tape bsr");
    assert_eq!(user.fails("tape bsr"), (100, vec!["DMSTAP110S Error reading TAP1(181): a header does not fit the one before it".into()]));
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "TAP1 AWSTAPE", 1, &["lines"]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.fails("tape fsr").0, 100);
}

/// A block of a tape image.
fn block(mark: &str, data: &[u8], previous: &mut u16) -> Vec<u8> {
    let bytes = [&[2], &e(mark)[..], data].concat();
    let length = bytes.len() as u16;
    let header = [&length.to_le_bytes()[..], &previous.to_le_bytes(), &[0xa0, 0]].concat();
    *previous = length;
    [header, bytes].concat()
}

/// What stands behind a file that TAPE of a mainframe has dumped: 82 bytes.
fn trailer(name: &str, format: &str, lrecl: u32, records: u16) -> Vec<u8> {
    let blank = |text: &str, width: usize| e(&format!("{text:width$}"));
    let (first, second) = name.split_once(' ').expect("a name and a type");
    let mut entry = [&[0, 0, 0, 1][..], &e("A1"), &records.to_be_bytes(), &[0, 0], &e(format), &[0]].concat();
    entry.extend(lrecl.to_be_bytes());
    entry.extend([&[0, 1][..], &e("81"), &[0x04, 0x17, 0x09, 0x30]].concat());
    entry.resize(64, 0);
    [entry, blank(first, 8), blank(second, 8), e("A1")].concat()
}

/// A tape as VM/370 and VM/SP leave it: cards in fixed records, varying text over two blocks, a load module, and a file of VMFPLC2.
fn mainframe_image() -> Vec<u8> {
    let mut previous = 0;
    let mut filled = |mark: &str, data: &[u8], length: usize| {
        let mut data = data.to_vec();
        data.resize(length.max(data.len()), 0);
        block(mark, &data, &mut previous)
    };
    let cards: Vec<u8> = (1..=12).flat_map(|at| e(&format!("{:80}", format!("CARD {at:02} OF THE DECK")))).collect();
    let text: Vec<u8> = ["First line", "and the second, which is in two blocks"]
        .iter()
        .flat_map(|line| [&(line.len() as u16).to_be_bytes()[..], &e(line)].concat())
        .collect();
    let headed = [&e("PROFILE EXEC    ")[..], &[0x04, 0x17, 0x09, 0x30], &trailer("X Y", "V", 20, 1)[..20], &[0; 32]].concat();
    [
        filled("CMS ", &cards[..800], 800),
        filled("CMS ", &cards[800..], 800),
        filled("CMSN", &trailer("OLD DECK", "F", 80, 12), 800),
        filled("CMSV", &text[..20], 0),
        filled("CMSV", &text[20..], 0),
        filled("CMSN", &trailer("OLD SCRIPT", "V", 38, 2), 0),
        filled("CMS0", &[], 800),
        filled("CMSF", &[0x47, 0xf0, 0, 0xff], 800),
        filled("CMSN", &trailer("OLD MODULE", "F", 804, 1), 0),
        filled("PLCH", &headed, 0),
        filled("PLCD", &[&[0, 11][..], &e("SAY (HELLO)")].concat(), 800),
        vec![0, 0, (previous & 0xff) as u8, (previous >> 8) as u8, 0x40, 0],
    ]
    .concat()
}

#[test]
fn tapes_of_mainframes_are_scanned_and_loaded_and_their_text_becomes_text() {
    let mut user = with_image(&mainframe_image());
    let files = ["  OLD DECK A1", "  OLD SCRIPT A1", "  OLD MODULE A1", "  PROFILE EXEC A1"];
    assert_eq!(user.does("tape scan")[1..], files);
    user.does("tape rew");
    assert_eq!(user.does("tape load")[1..], files);
    let deck = user.file_on(0x191, "OLD DECK");
    assert_eq!((deck.len(), deck[10].trim_end()), (12, "CARD 11 OF THE DECK"));
    assert_eq!(user.file_on(0x191, "OLD SCRIPT"), ["First line", "and the second, which is in two blocks"]);
    assert_eq!(user.file_on(0x191, "PROFILE EXEC"), ["SAY (HELLO)"]);
    // What is no text stays as it is.
    let module = user.bytes_on(0x191, "OLD MODULE");
    assert_eq!((module.len(), &module[798..]), (804, &[0, 0, 0x47, 0xf0, 0, 0xff][..]));
    let listed = user.does("listfile old * a (date noheader");
    assert!(listed[0].starts_with("OLD      DECK     A1 F         80         12"), "{listed:?}");
    assert!(listed.iter().all(|line| line.contains("4/17/81") && line.contains("9:30")), "{listed:?}");
    user.does("tape rew");
    user.does("tape skip old deck");
    user.does("tape load old script (binary");
    assert_eq!(user.bytes_on(0x191, "OLD SCRIPT")[..5], [0xc6, 0x89, 0x99, 0xa2, 0xa3]);
}

#[test]
fn tapes_of_mainframes_that_are_damaged_are_refused() {
    let (image, mut previous) = (mainframe_image(), 0);
    let bad = (32, vec!["DMSTAP057E Invalid record format: no TAPE or VMFPLC2 has written this".to_string()]);
    // A record less than the entry says, an entry without a name, and data that nothing announces.
    let few = [block("CMSF", &[1; 10], &mut previous), block("CMSN", &trailer("A B", "F", 10, 2), &mut previous)].concat();
    assert_eq!(with_image(&few).fails("tape load"), bad);
    let nameless = block("CMSN", &trailer(" B", "F", 10, 0), &mut 0);
    assert_eq!(with_image(&nameless).fails("tape scan"), bad);
    assert_eq!(with_image(&block("PLCD", &[0; 800], &mut 0)).fails("tape scan"), bad);
    assert_eq!(with_image(&image[..2000]).fails("tape load").0, 100);
    let open = block("CMSF", &[1; 10], &mut 0);
    let missing = (32, vec!["DMSTAP096E End card missing from tape: the file is incomplete".to_string()]);
    assert_eq!(with_image(&open).fails("tape load"), missing);
}

#[test]
fn changed_images_end_every_command_in_order() {
    let mut whole = user();
    whole.does("tape dump * data a (wtm noprint");
    let images = [whole.bytes_on(0x191, "TAP1 AWSTAPE"), mainframe_image()];
    let mut seed = 7u64;
    for image in images.iter().cycle().take(150) {
        let mut bytes = image[..3000.min(image.len())].to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (at, value) = ((seed >> 33) as usize % 400, (seed >> 20) as u8);
            bytes[at] = value;
        }
        let mut user = with_image(&bytes);
        for command in [
            "tape scan (eot",
            "tape rew",
            "tape load * * a (eot",
            "tape fsr 5",
            "tape bsr 5",
            "tape bsf",
            "tape dvol1",
            "tape wtm",
            "tape fsf",
        ] {
            // Whatever it says, it ends with a Ready message.
            let shown = user.enters(command);
            assert!(shown.last().is_some_and(|line| line.starts_with("Ready")), "{command}: {shown:?}");
        }
    }
}
