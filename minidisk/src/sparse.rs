//! Copying host files with holes: what takes no room in one takes none in the other.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// Bytes that are moved at once.
const PIECE: usize = 1 << 20;

/// The first range of a file from `from` on that holds data, up to `end`; `None` when only a hole is left.
///
/// On a host file system that knows no holes the whole rest is data.
pub fn next_data(file: &File, from: u64, end: u64) -> io::Result<Option<std::ops::Range<u64>>> {
    if from >= end {
        return Ok(None);
    }
    let start = match seek(file, SeekFrom::Data(from)) {
        Ok(start) if start < end => start,
        Ok(_) | Err(Errno::NXIO) => return Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some(from..end)),
        Err(error) => return Err(error.into()),
    };
    let stop = match seek(file, SeekFrom::Hole(start)) {
        Ok(stop) => stop.min(end),
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NXIO) => end,
        Err(error) => return Err(error.into()),
    };
    Ok(Some(start..stop.max(start + 1)))
}

/// Makes `to`, a new file, hold what `from` holds, and makes it durable.
pub fn copy(from: &File, to: &File) -> io::Result<()> {
    let length = from.metadata()?.len();
    to.set_len(length)?;
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    while let Some(range) = next_data(from, at, length)? {
        at = range.start;
        while at < range.end {
            let piece = &mut buffer[..PIECE.min((range.end - at) as usize)];
            from.read_exact_at(piece, at)?;
            to.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
    }
    to.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_copy_has_the_same_bytes_and_the_same_holes() {
        let from = tempfile::tempfile().unwrap();
        from.set_len(64 << 20).unwrap();
        from.write_all_at(b"start", 0).unwrap();
        from.write_all_at(&vec![7; 2 << 20], 20_000_000).unwrap();
        from.write_all_at(b"end", (64 << 20) - 3).unwrap();
        let to = tempfile::tempfile().unwrap();
        copy(&from, &to).unwrap();
        let (mut one, mut two) = (vec![0; 64 << 20], vec![0; 64 << 20]);
        from.read_exact_at(&mut one, 0).unwrap();
        to.read_exact_at(&mut two, 0).unwrap();
        assert!(one == two);
        assert!(to.metadata().unwrap().blocks() * 512 <= from.metadata().unwrap().blocks() * 512 + (64 << 10));
    }
}
