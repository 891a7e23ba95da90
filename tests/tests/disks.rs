//! `cp64 disk`: whole minidisks from the host.

use std::fs;
use std::os::unix::fs::FileExt;

use tests::{System, assert_line};

#[test]
fn a_folder_goes_into_a_minidisk_and_comes_out_again() {
    let system = System::start();
    let folder = tempfile::tempdir().unwrap();
    let (into, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&into).unwrap();
    for (name, text) in [("profile.exec", "/* */\n"), ("notes.txt", "one\n\ntwo\n"), ("picture.bin", "\0\u{1}")] {
        fs::write(into.join(name), text).unwrap();
    }
    let (into, out) = (into.to_str().unwrap(), out.to_str().unwrap());
    assert_line(&system.cp64(&["disk", "import", "CMSUSER", "191", into], b"").succeeded().output, "^3 files taken in$");
    assert_line(&system.session("CMSUSER", "type notes txt a\n"), "^two$");
    let refused = system.cp64(&["disk", "import", "CMSUSER", "191", into], b"").failed(1);
    assert_line(&refused.errors, "^cp64: There are files already: NOTES TXT, PICTURE BIN, PROFILE EXEC$");
    system.cp64(&["disk", "import", "CMSUSER", "191", into, "--replace"], b"").succeeded();
    assert_line(&system.cp64(&["disk", "export", "CMSUSER", "191", out], b"").succeeded().output, "^3 files copied to ");
    for (name, original) in [("PROFILE.EXEC", "profile.exec"), ("NOTES.TXT", "notes.txt"), ("PICTURE.BIN", "picture.bin")] {
        let (came, went) = (format!("{out}/{name}"), format!("{into}/{original}"));
        assert_eq!(fs::read(&came).unwrap(), fs::read(&went).unwrap());
        let seconds = |path: &str| fs::metadata(path).unwrap().modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(seconds(&came), seconds(&went), "the date goes both ways");
    }
    fs::write(format!("{into}/name.with.points"), "x").unwrap();
    let refused = system.cp64(&["disk", "import", "CMSUSER", "191", into, "--replace"], b"").failed(1);
    assert_line(&refused.errors, "name.with.points: Invalid character");
    let skipped = system.cp64(&["disk", "import", "CMSUSER", "191", into, "--replace", "--skip"], b"").succeeded();
    assert_line(&skipped.errors, "^cp64: left out .*name.with.points");
}

#[test]
fn text_of_other_systems_is_ebcdic_on_the_disk_and_utf_8_on_the_host() {
    let system = System::start();
    let put = |bytes: &[u8]| system.cp64(&["disk", "put", "CMSUSER", "191", "-", "MEMO", "TEXT", "--ebcdic"], bytes);
    put("Grüße\n\nend\n".as_bytes()).succeeded();
    let raw = system.cp64(&["disk", "get", "CMSUSER", "191", "MEMO", "TEXT", "-", "--raw"], b"").succeeded().bytes;
    assert_eq!(raw, [0xC7, 0x99, 0xDC, 0x59, 0x85, 0x40, 0x85, 0x95, 0x84]);
    let got = system.cp64(&["disk", "get", "CMSUSER", "191", "MEMO", "TEXT", "-", "--ebcdic"], b"").succeeded().bytes;
    assert_eq!(got, "Grüße\n\nend\n".as_bytes());
    assert_line(&put("1 €\n".as_bytes()).failed(1).errors, "^cp64: Line 1 has a character that EBCDIC code page 1047 does not have");
}

#[test]
fn a_minidisk_is_formatted_from_the_host_in_any_block_size_and_cms_uses_it() {
    let system = System::start();
    system.disk_put("CMSUSER", "OLD", "FILE", b"old\n").succeeded();
    let format = |more: &[&str]| system.cp64(&[&["disk", "format", "CMSUSER", "191", "small"], more].concat(), b"");
    assert_line(&format(&[]).failed(1).errors, "holds 1 files; --force formats it");
    format(&["--force", "--blksize", "800"]).failed(1);
    assert_line(&format(&["--force", "--blksize", "512"]).succeeded().output, "^CMSUSER 0191: 72000 blocks of 512 bytes formatted$");
    let session = system.session("CMSUSER", "query disk a\ncopyfile listfile helpcms s = = a\n");
    assert_line(&session, "^SMALL  191  A   R/W    50 3390  512        0 ");
    let copy = system.cp64(&["disk", "get", "CMSUSER", "191", "LISTFILE", "HELPCMS", "-"], b"").succeeded().bytes;
    assert_eq!(copy, system.cp64(&["disk", "get", "MAINT", "190", "LISTFILE", "HELPCMS", "-"], b"").succeeded().bytes);
    assert_line(&system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded().output, "sound");
}

#[test]
fn a_damaged_minidisk_is_explained_and_repaired_after_a_copy_was_made() {
    let mut system = System::start();
    for number in 0..3 {
        system.disk_put("CMSUSER", &format!("F{number}"), "DATA", b"kept\n").succeeded();
    }
    system.shut_down();
    let host = system.directory().join("minidisks/CMSUSER.0191");
    let damage = |at: u64, bytes: &[u8]| fs::OpenOptions::new().write(true).open(&host).unwrap().write_all_at(bytes, at).unwrap();
    // The label is gone: block 3 behind the header of one block.
    damage(3 * 4096, &[0xFF; 4096]);
    let damaged = fs::read(&host).unwrap();
    let check = |more: &[&str]| system.cp64(&[&["disk", "check", "CMSUSER", "191"], more].concat(), b"");
    assert_line(&check(&[]).failed(1).errors, "not CMS formatted");
    let repaired = check(&["--repair"]).succeeded().output;
    assert_line(&repaired, "^The label is lost; a new one is written$");
    assert_line(&repaired, "^The file system is sound now$");
    let copy = repaired.lines().next().unwrap().strip_prefix("Copied as it was to ").unwrap();
    assert!(fs::read(copy).unwrap() == damaged, "the copy is the disk as it was");
    assert_eq!(system.disk_get("CMSUSER", "F2", "DATA"), b"kept\n");
    assert_line(&check(&["--repair"]).succeeded().output, "nothing was changed");
    // The count of blocks in use in the label, by the check of the whole system.
    damage(3 * 4096 + 0x20, &[0, 0, 9, 9]);
    assert_line(&system.check().failed(1).output, "^minidisk CMSUSER.0191: The label counts 2313 blocks in use");
    let repaired = system.cp64(&["check", "--repair"], b"").succeeded().output;
    assert_line(&repaired, "^minidisk CMSUSER.0191: copied as it was to ");
    assert_line(&system.check().succeeded().output, "^All stores are sound$");
}

/// The records of a file of CMSUSER's 191, or of a snapshot of it.
fn got(system: &System, name: &str, more: &[&str]) -> Vec<u8> {
    system.cp64(&[&["disk", "get", "CMSUSER", "191", name, "DATA", "-"], more].concat(), b"").succeeded().bytes
}

#[test]
fn a_snapshot_is_taken_while_the_disk_is_in_use_and_the_disk_goes_back_to_it() {
    let system = System::start();
    system.disk_put("CMSUSER", "ONE", "DATA", b"first\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    // By the user, and by the host while the user has the disk.
    assert_line(&terminal.command("cp snapshot 191 by-user"), "^SNAPSHOT by-user OF CMSUSER 0191 TAKEN$");
    assert_line(&terminal.command("cp snapshot 191 by-user"), "^HCPSNP9161E Snapshot of CMSUSER 0191 not taken; .*exists$");
    assert_line(&terminal.command("cp snapshot maint 190 mine"), "^HCPSNP107E ");
    terminal.command("erase one data a");
    let snapshot = |arguments: &[&str]| system.cp64(&[&["disk", "snapshot"], arguments].concat(), b"");
    assert_line(&snapshot(&["take", "CMSUSER", "191", "by-host"]).succeeded().output, "^Snapshot by-host of CMSUSER 0191 taken$");
    terminal.command("copyfile profile exec a two data a");
    assert_line(&terminal.command("cp query snapshots 191"), "^20.* by-user$");
    let built = "^It holds [0-9]+ blocks itself and is built on 2 layers$";
    assert_line(&terminal.command("cp query mdisk 191 location"), built);
    let located = system.cp_says("QUERY MDISK CMSUSER 191 LOCATION");
    assert_line(&located, "^Host file .*/minidisks/CMSUSER.0191$");
    assert_line(&located, "^Linked R/W BY CMSUSER$");
    // A snapshot is read while the disk is written.
    assert_eq!(got(&system, "ONE", &["--snapshot", "by-user"]), b"first\n");
    system.cp64(&["disk", "get", "CMSUSER", "191", "ONE", "DATA", "-", "--snapshot", "by-host"], b"").failed(1);
    assert_line(&snapshot(&["restore", "CMSUSER", "191", "by-user"]).failed(1).errors, "held by another");
    terminal.type_line("logoff");
    terminal.ending();
    assert_line(
        &snapshot(&["restore", "CMSUSER", "191", "by-user"]).succeeded().output,
        "is as of snapshot by-user; what it held is snapshot before-20",
    );
    assert_eq!(got(&system, "ONE", &[]), b"first\n");
    let listed = snapshot(&["ls", "CMSUSER", "191"]).succeeded().output;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!((names.len(), &names[..2]), (3, &["by-user", "by-host"][..]));
    for name in names {
        snapshot(&["rm", "CMSUSER", "191", name]).succeeded();
    }
    assert_line(&system.session("CMSUSER", "type one data a\n"), "^first$");
    system.cp64(&["disk", "flatten", "CMSUSER", "191"], b"").succeeded();
    let layers = fs::read_dir(system.directory().join("minidisks/layers")).unwrap().count();
    assert_eq!(layers, 1, "only the lock is left");
}

#[test]
fn clones_share_a_template_and_go_their_own_ways() {
    let system = System::start();
    let users: Vec<String> = (0..12).map(|number| format!("U{number}")).collect();
    let entry =
        |(number, user)| format!("USER {user} AUTOONLY 32M 32M G\n  INCLUDE CMSDFLT\n  MDISK 191 3390 {} 2 CLONES MR\n", 1 + 2 * number);
    let source = system.directory().join("user.direct");
    let text = fs::read_to_string(&source).unwrap() + &users.iter().enumerate().map(entry).collect::<String>();
    fs::write(&source, text).unwrap();
    system.cp("DIRECTXA").succeeded();
    system.add_user("TEMPLATE");
    system.disk_put("TEMPLATE", "LESSON", "ONE", b"read this\n").succeeded();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let clone = |more: &[&str]| system.cp64(&[&["disk", "clone", "TEMPLATE", "191", "191"], &names[..], more].concat(), b"");
    assert_line(&clone(&[]).succeeded().output, "^12 clones of TEMPLATE 0191 made$");
    system.disk_put(names[0], "MINE", "DATA", b"mine\n").succeeded();
    system.disk_put("TEMPLATE", "LESSON", "ONE", b"changed later\n").succeeded();
    for name in [names[0], names[11]] {
        assert_line(&system.session(name, "type lesson one a\n"), "^read this$");
    }
    assert_line(&system.cp64(&["disk", "ls", names[0], "191"], b"").succeeded().output, "^MINE ");
    let taken =
        std::os::unix::fs::MetadataExt::blocks(&fs::metadata(system.directory().join(format!("minidisks/{}.0191", names[5]))).unwrap());
    assert!(taken * 512 <= 64 << 10, "an unchanged clone takes {} KiB", taken / 2);
    assert_line(&clone(&[]).failed(1).errors, "^cp64: U0 0191 holds files; --force replaces it$");
    clone(&["--force"]).succeeded();
    assert_line(&system.session(names[0], "type lesson one a\n"), "^changed later$");
    assert_line(&system.cp64(&["disk", "clone", "MAINT", "190", "191", names[0]], b"").failed(1).errors, "blocks");
}

#[test]
fn minidisks_are_copied_dumped_and_restored_with_checksums() {
    let system = System::start();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    system.add_user("OTHER");
    system.add_user("THIRD");
    let text: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
    system.disk_put("OTHER", "BIG", "DATA", text.as_bytes()).succeeded();
    let disk = |arguments: &[&str]| system.cp64(&[&["disk"], arguments].concat(), b"");
    assert_line(
        &disk(&["copy", "OTHER", "191", "THIRD", "191"]).succeeded().output,
        "^OTHER 0191 copied to THIRD 0191, 360 blocks, checksum [0-9a-f]{8}$",
    );
    assert_eq!(system.disk_get("THIRD", "BIG", "DATA"), text.as_bytes());
    disk(&["copy", "OTHER", "191", "THIRD", "191"]).failed(1);
    assert_line(&disk(&["copy", "CMSUSER", "191", "THIRD", "191", "--force"]).failed(1).errors, "It has 9000 blocks, the minidisk 360");
    assert_line(&disk(&["dump", "OTHER", "191", &file("dump")]).succeeded().output, "^OTHER 0191 dumped, 360 blocks, checksum");
    system.disk_put("OTHER", "BIG", "DATA", b"gone\n").succeeded();
    disk(&["restore", "OTHER", "191", &file("dump"), "--force"]).succeeded();
    assert_eq!(system.disk_get("OTHER", "BIG", "DATA"), text.as_bytes());
    let mut dump = fs::read(file("dump")).unwrap();
    let middle = dump.len() / 2;
    dump[middle] ^= 1;
    fs::write(file("bad"), &dump).unwrap();
    assert_line(
        &disk(&["restore", "OTHER", "191", &file("bad"), "--force"]).failed(1).errors,
        "The dump is damaged: the checksum of a piece is wrong",
    );
    fs::write(file("cut"), &dump[..100]).unwrap();
    assert_line(&disk(&["restore", "OTHER", "191", &file("cut"), "--force"]).failed(1).errors, "incomplete");
    for kind in ["raw", "qcow2"] {
        disk(&["export", "OTHER", "191", &file(kind), "--as", kind]).succeeded();
        disk(&["export", "OTHER", "191", &file(kind), "--as", kind]).failed(1);
        disk(&["import", "THIRD", "191", &file(kind), "--as", kind]).failed(1);
        disk(&["import", "THIRD", "191", &file(kind), "--as", kind, "--force"]).succeeded();
        assert_eq!(system.disk_get("THIRD", "BIG", "DATA"), text.as_bytes(), "{kind}");
    }
    assert_eq!(fs::metadata(file("raw")).unwrap().len(), 360 * 4096);
    assert_eq!(system.disk_get("OTHER", "BIG", "DATA"), text.as_bytes(), "what failed changed nothing");
}

#[test]
fn a_whole_system_is_backed_up_and_restored_elsewhere() {
    let mut system = System::start();
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup").to_str().unwrap().to_string();
    system.disk_put("CMSUSER", "ONE", "DATA", b"kept\n").succeeded();
    system.cp64(&["disk", "snapshot", "take", "CMSUSER", "191", "before"], b"").succeeded();
    system.disk_put("CMSUSER", "TWO", "DATA", b"later\n").succeeded();
    system.session("CMSUSER", "sendfile one data a maint\n");
    assert_line(&system.cp64(&["backup", &backup], b"").failed(1).errors, "running|in use|held");
    system.shut_down();
    assert_line(&system.cp64(&["backup", &backup], b"").succeeded().output, "^[0-9]+ files backed up, [0-9]+ bytes, checksum [0-9a-f]{8}$");
    assert_line(&system.cp64(&["restore", &backup], b"").failed(1).errors, "is not empty");
    assert_line(&system.cp64(&["restore", &backup, "--verify"], b"").succeeded().output, "every checksum is right");
    let other = folder.path().join("other");
    let at = |arguments: &[&str]| {
        let place = ["--system", other.to_str().unwrap()];
        tests::Program::cp64(arguments.iter().chain(&place), b"")
    };
    let mut bytes = fs::read(&backup).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let damaged = folder.path().join("damaged");
    fs::write(&damaged, &bytes).unwrap();
    at(&["restore", damaged.to_str().unwrap()]).failed(1);
    assert!(!other.exists(), "nothing is left of a backup that is damaged");
    at(&["restore", &backup]).succeeded();
    assert_line(&at(&["check"]).succeeded().output, "^All stores are sound$");
    assert_eq!(at(&["disk", "get", "CMSUSER", "191", "TWO", "DATA", "-"]).succeeded().bytes, b"later\n");
    assert_line(&at(&["disk", "ls", "CMSUSER", "191", "--snapshot", "before"]).succeeded().output, "^ONE ");
    let same = |name: &str| fs::read(system.directory().join(name)).unwrap() == fs::read(other.join(name)).unwrap();
    assert!(same("user.direct") && same("spool/index.redb") && same("minidisks/MAINT.0190"));
}
