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
