//! `cp64 disk mount`: a minidisk as a folder of the host, by FUSE.
//!
//! The minidisk is held as `cp64 disk` holds it, for as long as it is mounted: to be read beside machines that read, or written to alone.

mod tree;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, MountOption,
    OpenAccMode, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, Session, TimeOrNow, WriteFlags,
};
use minidisk::extent::{Access, Extent};
use minidisk::text::{Export, Import};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::copies::named;
use super::folders::host_time;
use super::{Ended, Readable, because, local, open, print, readable};
use tree::{Conversion, ROOT, Shown, Tree};

/// How long the host may keep what it was told: nobody but it changes the minidisk meanwhile.
const KEPT: Duration = Duration::from_secs(60);

/// Mounts a minidisk until a signal comes or somebody unmounts it.
pub(super) fn mount(root: &Path, disk: &Readable, folder: &Path, write: bool, ebcdic: bool) -> Ended {
    let opened = if write { open(root, disk.which, Access::Write) } else { readable(root, disk) };
    let opened = opened.map_err(|error| match error.contains("is held by another") {
        true => format!("{error}; a snapshot of it can be mounted (cp64 disk snapshot take)"),
        false => error,
    })?;
    let (import, export) = if ebcdic { (Import::Ebcdic, Export::Ebcdic) } else { (Import::Auto, Export::Auto) };
    let tree = Tree::new(opened, Conversion { import, export, now: || local(&jiff::Zoned::now()), host_time });
    let mut config = Config::default();
    let access = if write { MountOption::RW } else { MountOption::RO };
    config.mount_options =
        vec![access, MountOption::FSName("cp64".to_string()), MountOption::NoDev, MountOption::NoSuid, MountOption::NoAtime];
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound if folder.is_dir() => format!("{}: neither /dev/fuse nor fusermount3 can be used", folder.display()),
        _ => format!("{}: {error}", folder.display()),
    };
    let mut session = Session::new(Mounted { tree: Mutex::new(tree), writes: write }, folder, &config).map_err(failed)?;
    let mut end = session.unmount_callable();
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(because)?;
    let place = folder.to_path_buf();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() && end.unmount().is_err() {
            // Somebody is in it: it is gone from its place now, and at an end when they leave.
            let _ = rustix::mount::unmount(&place, rustix::mount::UnmountFlags::DETACH);
        }
    });
    let how = if write { "" } else { ", to be read only" };
    print(&format!("{} is mounted on {}{how}; Ctrl-C unmounts it\n", named(disk.which), folder.display()));
    session.run().map_err(because)?;
    Ok(ExitCode::SUCCESS)
}

/// What the host asks of the folder.
struct Mounted {
    tree: Mutex<Tree<Extent>>,
    writes: bool,
}

impl Mounted {
    fn tree(&self) -> MutexGuard<'_, Tree<Extent>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attributes(&self, request: &Request, shown: &Shown) -> FileAttr {
        let time = shown.modified.unwrap_or(SystemTime::UNIX_EPOCH);
        FileAttr {
            ino: INodeNo(shown.number),
            size: shown.size,
            blocks: shown.allocated.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind: FileType::RegularFile,
            perm: if self.writes { 0o644 } else { 0o444 },
            nlink: 1,
            uid: request.uid(),
            gid: request.gid(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    fn folder(&self, request: &Request) -> FileAttr {
        let shown = Shown { number: ROOT, size: 0, allocated: 0, modified: None };
        let perm = if self.writes { 0o755 } else { 0o555 };
        FileAttr { kind: FileType::Directory, perm, nlink: 2, ..self.attributes(request, &shown) }
    }
}

/// A name that a file could have here.
fn text(parent: INodeNo, name: &OsStr) -> tree::Result<&str> {
    if parent.0 != ROOT {
        return Err(Errno::ENOTDIR);
    }
    name.to_str().ok_or(Errno::EINVAL)
}

impl Filesystem for Mounted {
    fn destroy(&mut self) {
        self.tree().finish();
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        // What no file can be called is simply not there.
        let found = text(parent, name).map_err(|_| Errno::ENOENT).and_then(|name| self.tree().look_up(name));
        match found {
            Ok(shown) => reply.entry(&KEPT, &self.attributes(request, &shown), Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        if ino.0 == ROOT {
            return reply.attr(&KEPT, &self.folder(request));
        }
        let shown = self.tree().show(ino.0);
        match shown {
            Ok(shown) => reply.attr(&KEPT, &self.attributes(request, &shown)),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        if ino.0 == ROOT {
            return reply.error(Errno::EPERM);
        }
        let mut tree = self.tree();
        // Owners and permissions there are none; a program that sets them (cp -p) is not held up by that.
        let resized = size.map_or(Ok(()), |size| tree.resize(ino.0, size));
        match resized.and_then(|()| tree.show(ino.0)) {
            Ok(shown) => reply.attr(&KEPT, &self.attributes(request, &shown)),
            Err(errno) => reply.error(errno),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if !self.writes && flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(Errno::EROFS);
        }
        let opened = self.tree().open(ino.0);
        match opened {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.tree().read(ino.0, offset, size as usize) {
            Ok(bytes) => reply.data(bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.tree().write(ino.0, offset, data);
        match written {
            Ok(()) => reply.written(data.len() as u32),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, ino: INodeNo, _fh: FileHandle, _lock: LockOwner, reply: ReplyEmpty) {
        answer(reply, self.tree().save(ino.0));
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        answer(reply, self.tree().save(ino.0));
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        let mut tree = self.tree();
        // A mapping may have been written after the last close told of errors.
        let saved = tree.save(ino.0);
        tree.close(ino.0);
        answer(reply, saved);
    }

    fn create(&self, request: &Request, parent: INodeNo, name: &OsStr, _mode: u32, _umask: u32, _flags: i32, reply: ReplyCreate) {
        let created = text(parent, name).and_then(|name| self.tree().create(name));
        match created {
            Ok(shown) => {
                reply.created(&KEPT, &self.attributes(request, &shown), Generation(0), FileHandle(0), FopenFlags::empty());
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, text(parent, name).and_then(|name| self.tree().remove(name)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if flags.contains(RenameFlags::RENAME_EXCHANGE) {
            return reply.error(Errno::EINVAL);
        }
        let replace = !flags.contains(RenameFlags::RENAME_NOREPLACE);
        let names = text(parent, name).and_then(|from| Ok((from, text(newparent, newname)?)));
        answer(reply, names.and_then(|(from, to)| self.tree().rename(from, to, replace)));
    }

    fn readdir(&self, _: &Request, _ino: INodeNo, _fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let dots = [".", ".."].map(|name| (ROOT, FileType::Directory, name.to_string()));
        let files = self.tree().list().into_iter().map(|(number, name)| (number, FileType::RegularFile, name));
        for (place, (number, kind, name)) in dots.into_iter().chain(files).enumerate().skip(offset as usize) {
            if reply.add(INodeNo(number), place as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let (blocks, free, size, files) = self.tree().room();
        reply.statfs(blocks, free, free, files, free, size, 17, size);
    }
}

fn answer(reply: ReplyEmpty, done: tree::Result<()>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}
