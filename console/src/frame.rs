//! Frames on a stream: a little-endian `u32` length and that many bytes of postcard. For both sides of [`crate::wire`].

use std::io::{self, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::wire::FRAME_MAX;

/// Longest frame a terminal sends after its first, in bytes: a line and what is around it, with room.
pub const INPUT_FRAME_MAX: usize = 64 << 10;

/// What can be wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than the receiver takes.
    #[error("Frame of {length} bytes is longer than {max}")]
    TooLong {
        /// Length announced.
        length: usize,
        /// Longest taken.
        max: usize,
    },
    /// The stream ended inside a frame.
    #[error("Stream ended inside a frame")]
    Truncated,
    /// The bytes are not what the protocol says.
    #[error("Frame cannot be understood")]
    Malformed(#[source] postcard::Error),
    /// The connection failed.
    #[error("Connection failed")]
    Io(#[from] io::Error),
}

/// A value as one frame.
///
/// # Errors
/// It would be longer than any frame may be.
pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = postcard::to_extend(value, vec![0; 4]).map_err(FrameError::Malformed)?;
    let length = bytes.len() - 4;
    match u32::try_from(length) {
        Ok(prefix) if length <= FRAME_MAX => bytes[..4].copy_from_slice(&prefix.to_le_bytes()),
        _ => {
            return Err(FrameError::TooLong { length, max: FRAME_MAX });
        }
    }
    Ok(bytes)
}

/// The value of a frame's bytes, all of them.
///
/// # Errors
/// They are not what the protocol says.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(FrameError::Malformed(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(FrameError::Malformed(error)),
    }
}

fn length_of(prefix: [u8; 4], max: usize) -> Result<u64, FrameError> {
    let length = u32::from_le_bytes(prefix);
    if length as usize > max {
        return Err(FrameError::TooLong { length: length as usize, max });
    }
    Ok(u64::from(length))
}

/// Reads the bytes of one frame; `None` when the stream ends between frames. Memory grows with the bytes that arrive, not with the length announced.
pub(crate) fn read_bytes(stream: &mut impl Read, max: usize) -> Result<Option<Vec<u8>>, FrameError> {
    let mut prefix = Vec::with_capacity(4);
    stream.by_ref().take(4).read_to_end(&mut prefix)?;
    if prefix.is_empty() {
        return Ok(None);
    }
    let length = length_of(prefix.try_into().map_err(|_| FrameError::Truncated)?, max)?;
    let mut bytes = Vec::new();
    stream.by_ref().take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(FrameError::Truncated);
    }
    Ok(Some(bytes))
}

/// Reads one frame; `None` when the stream ends between frames.
///
/// # Errors
/// [`FrameError`].
pub fn read<T: DeserializeOwned>(stream: &mut impl Read, max: usize) -> Result<Option<T>, FrameError> {
    read_bytes(stream, max)?.map(|bytes| decode(&bytes)).transpose()
}

/// [`read_bytes`] for a tokio stream. Not cancel safe.
pub(crate) async fn receive_bytes(stream: &mut (impl AsyncRead + Unpin), max: usize) -> Result<Option<Vec<u8>>, FrameError> {
    let mut prefix = Vec::with_capacity(4);
    stream.take(4).read_to_end(&mut prefix).await?;
    if prefix.is_empty() {
        return Ok(None);
    }
    let length = length_of(prefix.try_into().map_err(|_| FrameError::Truncated)?, max)?;
    let mut bytes = Vec::new();
    stream.take(length).read_to_end(&mut bytes).await?;
    if (bytes.len() as u64) < length {
        return Err(FrameError::Truncated);
    }
    Ok(Some(bytes))
}

/// [`read`] for a tokio stream. Not cancel safe.
pub(crate) async fn receive<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin), max: usize) -> Result<Option<T>, FrameError> {
    receive_bytes(stream, max).await?.map(|bytes| decode(&bytes)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ClientFrame, ConsoleState, Hello, Line, LineKind, Reply};
    use proptest::prelude::*;

    #[test]
    fn frames_come_back_as_they_went() {
        let mut stream = encode(&Reply::State(ConsoleState::VmRead { hidden: true })).unwrap();
        stream.extend(encode(&Reply::Output(Line { text: "é".into(), kind: LineKind::Guest })).unwrap());
        let mut stream = stream.as_slice();
        assert!(matches!(read(&mut stream, FRAME_MAX), Ok(Some(Reply::State(ConsoleState::VmRead { hidden: true })))));
        assert!(matches!(read(&mut stream, FRAME_MAX), Ok(Some(Reply::Output(line))) if line.text == "é"));
        assert!(matches!(read::<Reply>(&mut stream, FRAME_MAX), Ok(None)));
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
        let mut stream: &[u8] = &[0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        assert!(matches!(read::<Reply>(&mut stream, FRAME_MAX), Err(FrameError::TooLong { length: 0xffff_ffff, .. })));
        assert!(matches!(encode(&ClientFrame::Line("x".repeat(FRAME_MAX))), Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn a_cut_frame_is_told_from_a_closed_connection() {
        let whole = encode(&ClientFrame::Line("listfile".into())).unwrap();
        for cut in 1..whole.len() {
            assert!(matches!(read::<ClientFrame>(&mut &whole[..cut], FRAME_MAX), Err(FrameError::Truncated)), "{cut}");
        }
    }

    #[test]
    fn bytes_after_the_value_are_an_error() {
        let mut bytes = postcard::to_allocvec(&ClientFrame::Attention).unwrap();
        assert!(decode::<ClientFrame>(&bytes).is_ok());
        bytes.push(0);
        assert!(decode::<ClientFrame>(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = decode::<Hello>(&bytes);
            let _ = decode::<ClientFrame>(&bytes);
            let _ = decode::<Reply>(&bytes);
            let mut stream = bytes.as_slice();
            while let Ok(Some(_)) = read::<ClientFrame>(&mut stream, INPUT_FRAME_MAX) {}
        }
    }
}
