//! Reads and writes whole messages: a `tokio_util` codec over [`frame`](crate::frame).

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::frame::{FrameError, HeaderReader, Limits, write_header};

/// Most bytes set aside on the word of a `Content-Length` alone; the rest as it comes.
const RESERVE_MAX: usize = 64 * 1024;

/// Why no message could be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes are not a DAP message, or one over a limit.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The stream ended inside a header.
    #[error("stream ended inside a message's header")]
    EndInHeader,
    /// The stream ended inside a body.
    #[error("stream ended inside a message's body, {missing} of {len} bytes before its end")]
    EndInBody {
        /// How many bytes of the body did not come.
        missing: u64,
        /// The length that the header announced, in bytes.
        len: u64,
    },
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Turns bytes into message bodies and bodies into framed messages.
///
/// A body is not looked into: it need not be JSON, and may be empty. A body over [`Limits::body`]
/// is an error before any byte of it is stored.
///
/// ```
/// use bytes::BytesMut;
/// use dlvgate_protocol::codec::{CodecError, FrameCodec};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = FrameCodec::default();
/// let mut wire = BytesMut::new();
/// codec.encode(r#"{"seq":1,"type":"event","event":"initialized"}"#.into(), &mut wire)?;
/// let body = codec.decode(&mut wire)?.expect("a whole message");
/// assert_eq!(body, r#"{"seq":1,"type":"event","event":"initialized"}"#);
/// assert!(codec.decode(&mut wire)?.is_none());
/// # Ok::<(), CodecError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrameCodec {
    limits: Limits,
    header: HeaderReader,
    /// Length of the body that is being waited for.
    body: Option<u64>,
}

impl FrameCodec {
    /// Returns a codec that stands between messages.
    pub fn new(limits: Limits) -> FrameCodec {
        FrameCodec { limits, header: HeaderReader::new(limits), body: None }
    }
}

impl Default for FrameCodec {
    fn default() -> FrameCodec {
        FrameCodec::new(Limits::default())
    }
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, CodecError> {
        if self.body.is_none() {
            let (consumed, header) = self.header.step(input)?;
            let _ = input.split_to(consumed);
            let Some(header) = header else { return Ok(None) };
            if header.body_len > self.limits.body {
                return Err(FrameError::BodyTooLong { len: header.body_len, limit: self.limits.body }.into());
            }
            self.body = Some(header.body_len);
        }
        let Some(body) = self.body else { return Ok(None) };
        match usize::try_from(body) {
            Ok(len) if input.len() >= len => {
                self.body = None;
                Ok(Some(input.split_to(len).freeze()))
            }
            // A body longer than memory can address is simply never complete.
            len => {
                let missing = len.unwrap_or(usize::MAX) - input.len();
                input.reserve(missing.min(RESERVE_MAX));
                Ok(None)
            }
        }
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, CodecError> {
        match self.decode(input)? {
            Some(body) => Ok(Some(body)),
            None => match self.body {
                Some(len) => Err(CodecError::EndInBody { missing: len - input.len() as u64, len }),
                None if self.header.at_boundary() => Ok(None),
                None => Err(CodecError::EndInHeader),
            },
        }
    }
}

impl Encoder<Bytes> for FrameCodec {
    type Error = CodecError;

    /// Appends header and body to `out`. It does not fail.
    fn encode(&mut self, body: Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
        write_header(body.len() as u64, out);
        out.extend_from_slice(&body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::frame;

    #[test]
    fn a_body_over_the_limit_is_refused_before_it_comes() {
        let mut codec = FrameCodec::new(Limits { body: 10, ..Limits::default() });
        let mut input = BytesMut::from(&frame(b"0123456789")[..]);
        assert_eq!(codec.decode(&mut input).unwrap().unwrap(), "0123456789");
        input.extend_from_slice(b"Content-Length: 11\r\n\r\n");
        let error = codec.decode(&mut input).unwrap_err();
        assert_eq!(error.to_string(), "body of 11 bytes is over the limit of 10 bytes");
    }

    #[test]
    fn a_huge_content_length_sets_no_memory_aside() {
        let mut codec = FrameCodec::default();
        let mut input = BytesMut::from(&b"Content-Length: 18446744073709551615\r\n\r\n{"[..]);
        assert!(codec.decode(&mut input).unwrap().is_none());
        assert!(input.capacity() <= 2 * RESERVE_MAX, "{}", input.capacity());
    }

    #[test]
    fn large_body_gets_bounded_memory_at_once() {
        let mut codec = FrameCodec::default();
        let mut input = BytesMut::from(&b"Content-Length: 1000000\r\n\r\n{"[..]);
        assert!(codec.decode(&mut input).unwrap().is_none());
        assert!(input.capacity() >= 64 * 1024, "{}", input.capacity());
    }

    #[test]
    fn eof_is_clean_only_between_messages() {
        let eof = |text: &str| FrameCodec::default().decode_eof(&mut BytesMut::from(text));
        assert!(eof("").unwrap().is_none());
        assert!(matches!(eof("Content-Le"), Err(CodecError::EndInHeader)));
        assert!(matches!(eof("A: b\r\n"), Err(CodecError::EndInHeader)));
        let cut = eof("Content-Length: 5\r\n\r\nabc").unwrap_err();
        assert_eq!(cut.to_string(), "stream ended inside a message's body, 2 of 5 bytes before its end");
        assert_eq!(eof("Content-Length: 0\r\n\r\n").unwrap().unwrap(), "");
    }
}
