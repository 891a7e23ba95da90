//! Disk images of other programs: raw and qcow2.
//!
//! A raw image is the blocks of the minidisk, one after the other; with a CMS file system on it that is the CKD-style image that
//! other EDF tools read. qcow2 is read and written by the library imago. An image may be hostile: one that refers to other
//! files (a backing image, an external data file) is refused. Talks to [`crate::extent`] and the host's file system.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use imago::file::File as ImageFile;
use imago::qcow2::Qcow2;
use imago::{DenyImplicitOpenGate, FormatAccess, FormatCreateBuilder, FormatDriverBuilder, StorageOpenOptions};

use crate::edf::BLOCK_SIZE;
use crate::extent::{Extent, ExtentError};
use crate::sparse;

/// Bytes that are moved at once.
const PIECE: usize = 1 << 20;

/// Kind of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The blocks and nothing else.
    Raw,
    /// QEMU's qcow2.
    Qcow2,
}

/// What goes wrong with an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The minidisk.
    #[error(transparent)]
    Extent(#[from] ExtentError),
    /// The image.
    #[error("{path}: {source}")]
    Image {
        /// Its file.
        path: String,
        /// What was said.
        source: io::Error,
    },
    /// The image is larger than the minidisk, or its size is no whole number of blocks.
    #[error("{path}: The image has {image} bytes, the minidisk {minidisk}")]
    Size {
        /// The image.
        path: String,
        /// Its size.
        image: u64,
        /// That of the minidisk.
        minidisk: u64,
    },
}

/// Writes the content of a minidisk to an image, a new file, and makes it durable.
pub fn export(disk: &Extent, path: &Path, kind: Kind) -> Result<(), ImageError> {
    let told = |source| told(path, source);
    let size = u64::from(disk.blocks()) * BLOCK_SIZE as u64;
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path).map_err(told)?;
    let done = match kind {
        Kind::Raw => file.set_len(size).map_err(told).and_then(|()| each(disk, |at, bytes| file.write_all_at(bytes, at).map_err(told))),
        Kind::Qcow2 => file.try_clone().map_err(told).and_then(|file| export_qcow2(disk, file, path, size)),
    };
    done.and_then(|()| file.sync_all().map_err(told)).inspect_err(|_| drop(std::fs::remove_file(path)))
}

fn told(path: &Path, source: io::Error) -> ImageError {
    ImageError::Image { path: path.display().to_string(), source }
}

/// Hands out what of the disk is not zeros.
fn each(disk: &Extent, mut write: impl FnMut(u64, &[u8]) -> Result<(), ImageError>) -> Result<(), ImageError> {
    disk.each_data(|first, bytes| write(u64::from(first - 1) * BLOCK_SIZE as u64, bytes))
}

fn export_qcow2(disk: &Extent, file: File, path: &Path, size: u64) -> Result<(), ImageError> {
    let told = |source| told(path, source);
    let storage = ImageFile::from_open_file(file, StorageOpenOptions::new().write(true).filename(path)).map_err(told)?;
    let image = Qcow2::<ImageFile>::create_builder(storage)
        .size(size)
        .create_open(DenyImplicitOpenGate::default(), |storage| Ok(Qcow2::builder(storage).backing(None).write(true)))
        .map_err(told)?;
    let image = FormatAccess::new(image);
    each(disk, |at, bytes| image.write(bytes, at).map_err(told))?;
    image.flush().map_err(told)
}

/// Makes the content of an image that of a minidisk that nobody uses; the image may be smaller, the rest is zeros then. The minidisk is the
/// old one or the new one.
pub fn import(disk: &Path, path: &Path, kind: Kind) -> Result<(), ImageError> {
    let told = |source| told(path, source);
    let source = Source::open(path, kind)?;
    let image = source.size().map_err(told)?;
    Extent::replace(disk, |new| {
        let minidisk = u64::from(new.blocks()) * BLOCK_SIZE as u64;
        if image > minidisk || !image.is_multiple_of(BLOCK_SIZE as u64) {
            return Err(ImageError::Size { path: path.display().to_string(), image, minidisk });
        }
        let mut bytes = vec![0; PIECE];
        let mut at = 0;
        while let Some(start) = source.next_data(at, image).map_err(told)? {
            at = start / BLOCK_SIZE as u64 * BLOCK_SIZE as u64;
            let piece = &mut bytes[..PIECE.min((image - at) as usize)];
            source.read(piece, at).map_err(told)?;
            write_blocks(new, at, piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    })
}

/// Writes a piece that begins with a block; blocks of zeros are left out.
fn write_blocks(new: &Extent, at: u64, piece: &[u8]) -> Result<(), ExtentError> {
    for (block, bytes) in (at / BLOCK_SIZE as u64 + 1..).zip(piece.chunks(BLOCK_SIZE)) {
        if bytes.iter().any(|&byte| byte != 0) {
            // The image is not larger than the disk, so the number fits.
            new.write_at(block as u32, bytes)?;
        }
    }
    Ok(())
}

/// An image that is read.
enum Source {
    Raw(File),
    Qcow2(Box<FormatAccess<ImageFile>>),
}

impl Source {
    fn open(path: &Path, kind: Kind) -> Result<Source, ImageError> {
        let told = |source| told(path, source);
        let file = File::open(path).map_err(told)?;
        if kind == Kind::Raw {
            return Ok(Source::Raw(file));
        }
        let storage = ImageFile::from_open_file(file, StorageOpenOptions::new().filename(path)).map_err(told)?;
        let image = Qcow2::<ImageFile>::builder(storage).open(DenyImplicitOpenGate::default()).map_err(told)?;
        Ok(Source::Qcow2(Box::new(FormatAccess::new(image))))
    }

    fn size(&self) -> io::Result<u64> {
        match self {
            Source::Raw(file) => Ok(file.metadata()?.len()),
            Source::Qcow2(image) => Ok(image.size()),
        }
    }

    /// The next place from `from` on that may hold something else than zeros.
    fn next_data(&self, from: u64, end: u64) -> io::Result<Option<u64>> {
        match self {
            Source::Raw(file) => Ok(sparse::next_data(file, from, end)?.map(|range| range.start)),
            Source::Qcow2(_) => Ok((from < end).then_some(from)),
        }
    }

    fn read(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Source::Raw(file) => file.read_exact_at(into, at),
            Source::Qcow2(image) => image.read(into, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::{Access, DeviceType, Header};

    fn disk(folder: &Path, name: &str) -> std::path::PathBuf {
        let path = folder.join(name);
        let header = Header { owner: "IMAGE".into(), vdev: 0x191, device: DeviceType::Ckd3390 { cylinders: 3 } };
        drop(Extent::create(&path, &header).unwrap());
        path
    }

    fn content(path: &Path) -> Vec<u8> {
        let extent = Extent::open(path, Access::Read).unwrap();
        let mut all = vec![0; extent.blocks() as usize * BLOCK_SIZE];
        extent.read_at(1, &mut all).unwrap();
        all
    }

    #[test]
    fn images_of_every_kind_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (disk(folder.path(), "ONE.0191"), disk(folder.path(), "TWO.0191"));
        let extent = Extent::open(&one, Access::Write).unwrap();
        for block in [1u32, 2, 3, 77, 300, 540] {
            extent.write_at(block, &[block as u8; BLOCK_SIZE]).unwrap();
        }
        // Also when what it holds lies in several layers.
        extent.snapshot("s").unwrap();
        extent.write_at(78, &[78; BLOCK_SIZE]).unwrap();
        extent.flush().unwrap();
        extent.set_access(Access::Read).unwrap();
        for kind in [Kind::Raw, Kind::Qcow2] {
            let image = folder.path().join(format!("{kind:?}"));
            export(&extent, &image, kind).unwrap();
            assert!(matches!(export(&extent, &image, kind), Err(ImageError::Image { .. })), "a file that exists is left alone");
            import(&two, &image, kind).unwrap();
            assert!(content(&one) == content(&two), "{kind:?}");
            let taken = std::fs::metadata(&image).map(|metadata| std::os::unix::fs::MetadataExt::blocks(&metadata) * 512).unwrap();
            assert!(taken < 1 << 20, "{kind:?} takes {taken} bytes");
        }
        assert_eq!(std::fs::read(folder.path().join("Raw")).unwrap(), content(&one));
    }

    #[test]
    fn images_that_do_not_fit_or_are_none_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = disk(folder.path(), "DISK.0191");
        Extent::open(&path, Access::Write).unwrap().write_at(1, &[7; BLOCK_SIZE]).unwrap();
        let before = content(&path);
        let image = folder.path().join("image");
        for bytes in [vec![1; 541 * BLOCK_SIZE], vec![1; 100]] {
            std::fs::write(&image, bytes).unwrap();
            assert!(matches!(import(&path, &image, Kind::Raw), Err(ImageError::Size { .. })));
        }
        for bytes in [&b""[..], b"QFI\xfb garbage", &[0; 8192]] {
            std::fs::write(&image, bytes).unwrap();
            assert!(matches!(import(&path, &image, Kind::Qcow2), Err(ImageError::Image { .. })));
        }
        // An image that names another file of the host as what it is built on: version 2, backing file at offset 72.
        let mut hostile = vec![0; 65_536 * 4];
        hostile[..8].copy_from_slice(b"QFI\xfb\0\0\0\x02");
        hostile[8..20].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 72, 0, 0, 0, 11]);
        hostile[20..32].copy_from_slice(&[0, 0, 0, 16, 0, 0, 0, 0, 0, 0x10, 0, 0]);
        hostile[36..56].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
        hostile[56..60].copy_from_slice(&[0, 0, 0, 1]);
        hostile[72..83].copy_from_slice(b"/etc/passwd");
        std::fs::write(&image, hostile).unwrap();
        assert!(matches!(import(&path, &image, Kind::Qcow2), Err(ImageError::Image { .. })));
        assert!(content(&path) == before);
    }
}
