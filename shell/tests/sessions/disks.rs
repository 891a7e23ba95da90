//! ACCESS, RELEASE, FORMAT, QUERY DISK, QUERY ACCESSED, QUERY SEARCH.

use minidisk::edf::MemoryDisk;

use crate::double::User;

/// A user with 191 as A, and 192 and 193 not accessed.
fn user() -> User {
    let mut user = User::before_ipl("CMSUSER");
    for (vdev, label) in [(0x191, "MNT191"), (0x192, "MNT192"), (0x193, "MNT193")] {
        user.add_disk(vdev, label, 900);
        user.has_file(vdev, "SAME FILE", 1, &[label]);
    }
    user.has_file(0x192, "SECRET FILE", 0, &["private"]);
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn access_replaces_what_stands_under_the_letter() {
    let mut user = user();
    assert!(user.does("access 192 b").is_empty());
    assert_eq!(user.does("access 193 b"), ["DMSACC724I 193 replaces B (192)"]);
    assert_eq!(user.does("type same file b")[1], "MNT193");
    assert!(user.does("acc 193 b").is_empty());
}

#[test]
fn a_disk_that_may_be_written_is_accessed_once() {
    let mut user = user();
    assert_eq!(user.does("access 191 c"), ["DMSACC726I 191 A released"]);
    assert_eq!(user.fails("listfile * * a").0, 36);
    user.make_read_only(0x192);
    assert_eq!(user.does("access 192 d"), ["DMSACC723I D (192) R/O"]);
    assert_eq!(user.does("access 192 e"), ["DMSACC725I 192 also = D", "DMSACC723I E (192) R/O"]);
}

#[test]
fn extensions_are_read_only_and_searched_with_their_disk() {
    let mut user = user();
    assert_eq!(user.does("access 192 b/a"), ["DMSACC723I B/A (192) R/O"]);
    user.does("erase same file a");
    assert_eq!(user.does("type same file a")[1], "MNT192");
    assert_eq!(user.fails("erase same file b").0, 36);
    assert_eq!(user.does("query search"), ["MNT191  191  A    R/W", "MNT192  192  B/A  R/O"]);
}

#[test]
fn the_search_order_is_the_alphabet() {
    let mut user = user();
    user.does("access 193 c");
    user.does("access 192 b");
    assert_eq!(user.does("type same file *")[1], "MNT191");
    user.does("release a");
    assert_eq!(user.does("type same file")[1], "MNT192");
    assert_eq!(user.does("listfile same * *"), ["SAME     FILE     B1", "SAME     FILE     C1"]);
}

#[test]
fn private_files_are_hidden_on_read_only_disks() {
    let mut user = user();
    user.does("access 192 b");
    assert_eq!(user.does("type secret file b")[1], "private");
    user.does("access 192 b (forcero");
    assert_eq!(user.fails("type secret file b").0, 28);
    assert_eq!(user.does("listfile * * b"), ["SAME     FILE     B1"]);
    user.does("access 192 b (forcero mode0");
    assert_eq!(user.does("type secret file b")[1], "private");
}

#[test]
fn access_takes_a_subset_of_the_files() {
    let mut user = user();
    user.does("access 192 b secret *");
    assert_eq!(user.does("listfile * * b"), ["SECRET   FILE     B0"]);
    let none = user.fails("access 193 c no *");
    assert_eq!(none, (28, vec!["DMSACC060E File(s) not found; disk C(193) will not be accessed".into()]));
    assert_eq!(user.fails("listfile * * c").0, 36);
}

#[test]
fn access_says_what_is_wrong() {
    let mut user = user();
    user.attach(0x194, MemoryDisk::new(180));
    assert_eq!(user.fails("access 195 b"), (100, vec!["DMSACC113S B(195) not attached".into()]));
    let unformatted = "DMSACC112S B(194) device error: The disk is not CMS formatted";
    assert_eq!(user.fails("access 194 b"), (100, vec![unformatted.into()]));
    assert_eq!(user.fails("access xyz b"), (24, vec!["DMSACC017E Invalid device address XYZ".into()]));
    assert_eq!(user.fails("access 192 s"), (24, vec!["DMSACC048E Invalid filemode S".into()]));
    assert_eq!(user.fails("access 192 b1").0, 24);
    assert_eq!(user.fails("access 192 b (nonsense").0, 24);
}

#[test]
fn release_takes_a_letter_or_a_device_and_detaches_on_request() {
    let mut user = user();
    user.does("access 192 b");
    user.does("release b");
    assert_eq!(user.fails("release b"), (36, vec!["DMSARE069E Filemode B not accessed".into()]));
    assert_eq!(user.fails("release 0200"), (36, vec!["DMSARE069E Disk 200 not accessed".into()]));
    user.does("access 192 b");
    user.does("rel 192 (det");
    assert_eq!(user.world.borrow().commands, ["DETACH 192"]);
    assert_eq!(user.fails("listfile * * b").0, 36);
    assert_eq!(user.fails("release").0, 24);
}

#[test]
fn a_detached_disk_is_an_error_not_a_dead_shell() {
    let mut user = user();
    user.does("access 192 b");
    user.detach(0x192);
    user.does("listfile * * b");
    assert_eq!(user.fails("access 192 b").0, 100);
    assert_eq!(user.does("type same file a")[1], "MNT191");
}

#[test]
fn query_disk_has_the_columns_of_cms() {
    let mut user = user();
    assert_eq!(
        user.does("q disk"),
        [
            "LABEL  VDEV M  STAT   CYL TYPE BLKSZ   FILES  BLKS USED-(%) BLKS LEFT  BLK TOTAL",
            "MNT191 191  A   R/W     5 3390 4096        1          7-01        893        900",
        ]
    );
    assert_eq!(user.fails("q disk z").0, 36);
}

#[test]
fn format_asks_before_it_erases() {
    let mut user = user();
    user.types(&["0"]);
    let (code, shown) = user.fails("format 192 b");
    let question = "DMSFOR603R FORMAT will erase all files on disk B(192). Do you wish to continue?";
    assert_eq!((code, shown), (8, vec![question.into(), "Enter 1 (YES) or 0 (NO).".into()]));
    assert!(user.disk_has(0x192, "SAME FILE"));
}

#[test]
fn format_asks_again_until_it_understands_and_accesses_the_disk() {
    let mut user = user();
    user.types(&["what", "yes", "", "bad!", "newlabel"]);
    let shown = user.does("format 192 b");
    assert_eq!(shown[2], "DMSFOR604R Enter 1 (YES) or 0 (NO).");
    assert_eq!(shown.iter().filter(|line| *line == "DMSFOR605R Enter disk label:").count(), 3);
    assert_eq!(shown[shown.len() - 2..], ["DMSFOR733I Formatting disk B", "DMSFOR732I 5 cylinders formatted on B(192)"]);
    assert_eq!(user.does("q search")[1], "NEWLAB  192  B    R/W");
    assert!(!user.disk_has(0x192, "SAME FILE"));
}

#[test]
fn format_label_keeps_the_files() {
    let mut user = user();
    user.types(&["fresh"]);
    user.does("format 192 b (label");
    assert_eq!(user.does("q search")[1], "FRESH   192  B    R/W");
    assert_eq!(user.does("type same file b")[1], "MNT192");
}

#[test]
fn format_takes_every_block_size_and_files_live_on_them() {
    for size in ["512", "1K", "2048", "4k"] {
        let mut user = user();
        user.types(&["yes", "small"]);
        user.does(&format!("format 192 b (blksize {size}"));
        let bytes =
            size.to_uppercase().strip_suffix('K').map_or_else(|| size.to_string(), |k| format!("{}", k.parse::<u32>().unwrap() * 1024));
        let shown = &user.does("q disk b")[1];
        assert!(shown.starts_with("SMALL  192  B   R/W     5 3390 ") && shown.contains(&format!(" {bytes:>4} ")), "{shown}");
        user.does("copyfile same file a = = b");
        assert_eq!(user.does("type same file b")[1], user.does("type same file a")[1]);
    }
}

#[test]
fn recomp_changes_how_much_of_a_disk_is_used_and_keeps_the_files() {
    let mut user = user();
    let shown = user.does("format 192 b 2 (recomp");
    assert_eq!(shown.last().unwrap(), "DMSFOR732I 2 cylinders formatted on B(192)");
    assert!(user.does("q disk b")[1].ends_with("        360"));
    assert_eq!(user.does("type same file b")[1], "MNT192");
    let shown = user.does("format 192 b (recomp");
    assert_eq!(shown.last().unwrap(), "DMSFOR732I 5 cylinders formatted on B(192)");
    user.types(&["yes", "half"]);
    assert_eq!(user.does("format 192 b 3").last().unwrap(), "DMSFOR732I 3 cylinders formatted on B(192)");
    assert!(user.does("q disk b")[1].ends_with("        540"));
}

#[test]
fn format_refuses_what_cannot_be_formatted() {
    let mut user = user();
    user.make_read_only(0x193);
    assert_eq!(user.fails("format 193 b").0, 36);
    assert_eq!(user.fails("format 192 s"), (24, vec!["DMSFOR048E Invalid filemode S".into()]));
    assert_eq!(user.fails("format 00c b").0, 88);
    assert_eq!(user.fails("format 199 b").0, 100);
    assert_eq!(user.fails("format 192 b (blksize 800").0, 24);
    assert_eq!(user.fails("format 192 b (blksize 8k").0, 24);
    assert_eq!(user.fails("format 192 b (label recomp").0, 24);
    assert_eq!(user.fails("format 192 b 0").0, 24);
    assert_eq!(user.fails("format 192 b 3 (label").0, 24);
    assert_eq!(user.fails("format 192").0, 24);
    // At the end of the console's input nothing is formatted.
    assert_eq!(user.fails("format 192 b").0, 8);
    assert!(user.disk_has(0x192, "SAME FILE"));
}

#[test]
fn access_with_erase_leaves_an_empty_disk_and_only_one_that_may_be_written() {
    let mut user = user();
    assert!(user.does("access 192 b (erase").is_empty());
    assert_eq!(user.fails("listfile * * b").0, 28);
    user.does("access 192 c (mode0");
    assert_eq!(user.fails("listfile * * c").0, 28, "private files are erased too");
    user.make_read_only(0x193);
    assert_eq!(user.fails("access 193 d (erase").0, 36);
    assert_eq!(user.does("listfile * * d"), ["SAME     FILE     D1"]);
    assert_eq!(user.fails("access 191 e/a (erase").0, 36);
}
