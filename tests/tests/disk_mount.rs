//! `cp64 disk mount`: a minidisk as a folder of the host. Needs `/dev/fuse`.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tests::{System, assert_line, cp64, wait_for};

/// A mounted minidisk. It is unmounted at the end, whatever happens.
struct Mount(Child);

impl Mount {
    fn new(system: &System, folder: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(cp64());
        command.args(["disk", "mount", "CMSUSER", "191"]).arg(folder).args(more).arg("--system").arg(system.directory());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_line(&line, "^CMSUSER 0191 is mounted on .*; Ctrl-C unmounts it$");
        Self(child)
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Ctrl-C.
    fn end(mut self) {
        self.signal(rustix::process::Signal::INT);
        let status = wait_for("the unmount", || self.0.try_wait().unwrap());
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.signal(rustix::process::Signal::TERM);
            drop(self.0.wait());
        }
    }
}

#[test]
fn a_minidisk_is_read_through_a_folder_beside_machines_that_read() {
    let system = System::start();
    let text = "/* */\n\nsay 'hello'\n".repeat(3000);
    system.disk_put("CMSUSER", "PROFILE", "EXEC", text.as_bytes()).succeeded();
    system.disk_put("CMSUSER", "PICTURE", "BIN", b"\0\x01\x02").succeeded();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let mount = Mount::new(&system, folder, &[]);
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["PICTURE.BIN", "PROFILE.EXEC"]);
    assert_eq!(fs::read_to_string(folder.join("PROFILE.EXEC")).unwrap(), text);
    assert_eq!(fs::read(folder.join("picture.bin")).unwrap(), b"\0\x01\x02", "CMS has capitals only");
    assert_eq!(fs::metadata(folder.join("PROFILE.EXEC")).unwrap().len(), text.len() as u64);
    let mut file = fs::File::open(folder.join("PROFILE.EXEC")).unwrap();
    file.seek(SeekFrom::Start(50_001)).unwrap();
    let mut part = [0; 100];
    file.read_exact(&mut part).unwrap();
    assert_eq!(part, text.as_bytes()[50_001..50_101]);
    drop(file);
    let refused = fs::write(folder.join("NEW.FILE"), "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(fs::read(folder.join("no.such")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_line(&system.session("MAINT", "cp detach 191\ncp link cmsuser 191 391 rr\nquery search\n"), "Ready");
    mount.end();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "nothing is left");
}

#[test]
fn what_is_written_through_a_folder_is_on_the_minidisk_and_no_machine_is_there_meanwhile() {
    let system = System::start();
    system.disk_put("CMSUSER", "OLD", "FILE", b"old\n").succeeded();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let mount = Mount::new(&system, folder, &["--write"]);
    fs::write(folder.join("notes.txt"), "one\n\ntwo\n").unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(folder.join("notes.txt")).unwrap();
    file.write_all(b"three\n").unwrap();
    file.sync_all().unwrap();
    drop(file);
    fs::copy(cp64(), folder.join("cp64.bin")).map(drop).unwrap_or_else(|error| assert_eq!(error.kind(), ErrorKind::StorageFull));
    drop(fs::remove_file(folder.join("cp64.bin")));
    fs::rename(folder.join("old.file"), folder.join("new.file")).unwrap();
    assert_eq!(fs::write(folder.join("name.with.points"), "x").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(fs::create_dir(folder.join("sub")).is_err());
    // The machine comes up without its disk, and says so.
    assert_line(&system.session("CMSUSER", "query disk\n"), "^HCPLNM108E CMSUSER 0191 not linked; it is in use by a program of the host$");
    let second = system.cp64(&["disk", "mount", "CMSUSER", "191", "/", "--write"], b"").failed(1);
    assert_line(&second.errors, "^cp64: CMSUSER 0191: .*held by another.*; a snapshot of it can be mounted");
    mount.end();
    let session = system.session("CMSUSER", "type notes txt a\nlistfile * * a (date\n");
    assert_line(&session, "^three$");
    assert_eq!(system.disk_get("CMSUSER", "NOTES", "TXT"), b"one\n\ntwo\nthree\n");
    assert_eq!(system.disk_get("CMSUSER", "NEW", "FILE"), b"old\n");
    system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
}

#[test]
fn a_kill_leaves_the_old_file_or_the_new_one() {
    let system = System::start();
    system.disk_put("CMSUSER", "FILE", "DATA", b"old\n").succeeded();
    let place = tempfile::tempdir().unwrap();
    let mut mount = Mount::new(&system, place.path(), &["--write"]);
    let mut file = fs::OpenOptions::new().write(true).open(place.path().join("file.data")).unwrap();
    file.write_all(b"new\n").unwrap();
    mount.signal(rustix::process::Signal::KILL);
    drop(mount.0.wait());
    drop(file);
    // The host takes the folder away when nobody serves it; root or fusermount3 clears the name.
    let cleared = rustix::mount::unmount(place.path(), rustix::mount::UnmountFlags::DETACH).is_ok()
        || Command::new("fusermount3").arg("-uz").arg(place.path()).status().is_ok_and(|status| status.success());
    assert!(cleared);
    assert_eq!(system.disk_get("CMSUSER", "FILE", "DATA"), b"old\n");
    system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
}
