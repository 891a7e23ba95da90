//! The host's disk fails under a minidisk, or may only be read.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, MountOption,
    OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, Session, TimeOrNow, WriteFlags,
};
use tests::{Program, System, Terminal, assert_line, cp64, in_namespace};

const FOLDER: INodeNo = INodeNo::ROOT;
const DISK: INodeNo = INodeNo(2);
/// The host asks again every time.
const KEPT: Duration = Duration::ZERO;

/// What the disk below the file does not do any more.
#[derive(Default)]
struct Broken {
    writes: AtomicBool,
    syncs: AtomicBool,
}

/// A folder with one file, `disk`, that is kept in another file, on a disk that can break.
struct BreakingDisk {
    file: File,
    broken: Arc<Broken>,
}

impl BreakingDisk {
    /// Mounts the folder; it is gone with the namespace.
    fn mount(backing: &Path, folder: &Path) -> Arc<Broken> {
        let broken = Arc::new(Broken::default());
        let file = OpenOptions::new().read(true).write(true).open(backing).unwrap();
        let mut config = Config::default();
        config.mount_options = vec![MountOption::RW, MountOption::FSName("breaking".to_string())];
        fs::create_dir(folder).unwrap();
        let session = Session::new(Self { file, broken: Arc::clone(&broken) }, folder, &config).expect("FUSE can be used here");
        std::thread::spawn(move || session.run());
        broken
    }

    fn attributes(&self, request: &Request, ino: INodeNo) -> FileAttr {
        let metadata = self.file.metadata().unwrap();
        let (kind, perm) = if ino == FOLDER { (FileType::Directory, 0o755) } else { (FileType::RegularFile, 0o600) };
        let time = SystemTime::UNIX_EPOCH;
        FileAttr {
            ino,
            size: metadata.len(),
            blocks: metadata.blocks(),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm,
            nlink: 1,
            uid: request.uid(),
            gid: request.gid(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    fn sync(&self, reply: ReplyEmpty) {
        match self.broken.syncs.load(Ordering::SeqCst) {
            true => reply.error(Errno::EIO),
            false => reply.ok(),
        }
    }
}

impl Filesystem for BreakingDisk {
    fn lookup(&self, request: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == "disk" {
            true => reply.entry(&KEPT, &self.attributes(request, DISK), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&KEPT, &self.attributes(request, ino));
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        if let Some(size) = size {
            self.file.set_len(size).unwrap();
        }
        reply.attr(&KEPT, &self.attributes(request, ino));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(&self, _: &Request, _: INodeNo, _: FileHandle, offset: u64, size: u32, _: OpenFlags, _: Option<LockOwner>, reply: ReplyData) {
        let mut bytes = vec![0; size as usize];
        let read = self.file.read_at(&mut bytes, offset).unwrap();
        reply.data(&bytes[..read]);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        if self.broken.writes.load(Ordering::SeqCst) {
            return reply.error(Errno::EIO);
        }
        self.file.write_all_at(data, offset).unwrap();
        reply.written(data.len() as u32);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(reply);
    }
}

fn mount(arguments: &[&str], target: &Path) {
    Program::run(Command::new("mount").args(arguments).arg(target), b"").succeeded();
}

#[test]
fn a_host_disk_that_fails_is_an_error_for_the_guest_and_the_old_files_stay() {
    in_namespace("a_host_disk_that_fails_is_an_error_for_the_guest_and_the_old_files_stay", |place| {
        cp64();
        let mut system = System::prepare_at(&place.join("system"));
        system.run();
        let seed: String = (0..5000).map(|line| format!("line {line} of the seed\n")).collect();
        system.disk_put("CMSUSER", "SEED", "DATA", seed.as_bytes()).succeeded();
        system.shut_down();
        let (file, backing, folder) = (place.join("system/minidisks/CMSUSER.0191"), place.join("backing"), place.join("breaking"));
        fs::rename(&file, &backing).unwrap();
        let broken = BreakingDisk::mount(&backing, &folder);
        symlink(folder.join("disk"), &file).unwrap();
        system.run();
        let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
        let mut terminal = system.log_on("CMSUSER");
        assert_line(&terminal.command("copyfile seed data a before data a"), "^Ready;");
        for (first, what, name) in [(true, &broken.writes, "nowrite"), (false, &broken.syncs, "nosync")] {
            what.store(true, Ordering::SeqCst);
            let shown = terminal.command(&format!("copyfile seed data a {name} data a"));
            assert_line(&shown, r"^DMSCPY\d{3}S .*A\(191\)");
            assert_line(&shown, r"^Ready\(00100\); T=");
            // Not again for each block, or for each command of somebody who tries again.
            if first {
                operator.until("^[0-9:]+ HCPDSK954E I/O error on CMSUSER 0191");
            }
            what.store(false, Ordering::SeqCst);
            assert_line(&terminal.command(&format!("state {name} data a")), r"^Ready\(00028\)");
            assert_line(&terminal.command(&format!("copyfile seed data a {name} data a")), "^Ready;");
        }
        terminal.type_line("#cp logoff");
        terminal.ending();
        for name in ["SEED", "BEFORE", "NOWRITE", "NOSYNC"] {
            assert!(system.disk_get("CMSUSER", name, "DATA") == seed.as_bytes(), "{name} is not what was written");
        }
        system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
    });
}

#[test]
fn on_a_read_only_host_file_system_disks_are_read_and_a_system_does_not_start() {
    in_namespace("on_a_read_only_host_file_system_disks_are_read_and_a_system_does_not_start", |place| {
        cp64();
        let root = place.join("system");
        let mut system = System::prepare_at(&root);
        system.run();
        system.disk_put("CMSUSER", "SEED", "DATA", b"a line\n").succeeded();
        system.shut_down();
        let disks = root.join("minidisks");
        mount(&["--bind", disks.to_str().unwrap()], &disks);
        mount(&["-o", "remount,ro,bind"], &disks);
        system.run();
        let mut terminal = system.log_on("CMSUSER");
        assert_line(&terminal.command("query disk a"), "^.* 191 +A +R/O ");
        assert_line(&terminal.command("type seed data a"), "^a line$");
        assert_line(&terminal.command("copyfile seed data a other data a"), "^DMSCPY037E Filemode A\\(191\\) is accessed as read/only$");
        assert_line(&terminal.command("cp detach 191"), "^DASD 0191 DETACHED$");
        assert_line(&terminal.command("cp link * 191 191 mr"), "^HCPLNM101W DASD 0191 forced R/O; its host file may only be read$");
        assert_line(&terminal.command("cp detach 191"), "^DASD 0191 DETACHED$");
        assert_line(&terminal.command("cp link * 191 191 w"), "^HCPLNM108E CMSUSER 0191 not linked; its host file may only be read$");
        let refused = system.disk_put("CMSUSER", "OTHER", "DATA", b"a line\n").failed(1);
        assert_line(&refused.errors, "^cp64: CMSUSER 0191: .*Read-only file system");
        system.shut_down();
        mount(&["--bind", root.to_str().unwrap()], &root);
        mount(&["-o", "remount,ro,bind"], &root);
        let start = Program::run(Command::new(cp64()).args(["start", "--headless", "--system"]).arg(&root), b"").failed(1);
        assert_line(&start.errors, "^cp64: .*cp64.lock: Read-only file system");
        assert_eq!(start.errors.lines().count(), 1);
    });
}
