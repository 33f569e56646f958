//! `Content-Length` framing, as in the DAP specification's overview, section "Base protocol".
//!
//! Reading is liberal: any header case, further headers, white space around names and values, a
//! bare line feed as line end. Writing is exactly what Delve takes: go-dap accepts nothing but
//! `^Content-Length: ([0-9]+)$` and `\r\n\r\n` (go-dap, `io.go`), and closes the connection on
//! anything else. [`Header::canonical`] tells the two apart.

mod error;
mod header;

use bytes::{BufMut, Bytes, BytesMut};

pub use error::{EXCERPT_MAX, FrameError};
pub use header::{Header, HeaderReader};

/// Longest header line taken by default, in bytes without its line end.
///
/// A `Content-Length` line has some 25; a proxy or editor that adds headers stays far below this.
pub const MAX_HEADER_LINE: usize = 4096;

/// Most header lines of one message taken by default, without the blank line.
///
/// Known clients send one or two.
pub const MAX_HEADERS: usize = 32;

/// A body limit that no body reaches.
pub const UNLIMITED_BODY: u64 = u64::MAX;

/// Longest body that Delve takes from a client, in bytes: 4 MiB (go-dap's inbound limit).
///
/// Delve closes the connection without a word on a longer one. What Delve sends may be longer.
pub const DELVE_MAX_BODY: u64 = 4 * 1024 * 1024;

const NAME: &[u8] = b"Content-Length: ";
const END: &[u8] = b"\r\n\r\n";

/// What a reader takes before it gives up on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest header line, in bytes without its line end.
    pub header_line: usize,
    /// Most header lines of one message, without the blank line.
    pub headers: usize,
    /// Longest body, in bytes. Only [`FrameCodec`](crate::codec::FrameCodec) enforces it; a
    /// [`Scanner`](crate::scan::DapScanner) leaves the decision to its caller.
    pub body: u64,
}

impl Default for Limits {
    /// [`MAX_HEADER_LINE`], [`MAX_HEADERS`] and [`UNLIMITED_BODY`].
    fn default() -> Limits {
        Limits { header_line: MAX_HEADER_LINE, headers: MAX_HEADERS, body: UNLIMITED_BODY }
    }
}

/// Writes exactly `Content-Length: N\r\n\r\n` for a body of `body_len` bytes, at most 40 bytes.
///
/// # Panics
///
/// As [`BufMut::put_slice`] does: if `out` is of fixed size and too small. `Vec` and `BytesMut`
/// grow.
pub fn write_header(body_len: u64, out: &mut impl BufMut) {
    // 20 digits hold u64::MAX.
    let mut digits = [0_u8; 20];
    let mut first = digits.len();
    let mut rest = body_len;
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(NAME);
    out.put_slice(&digits[first..]);
    out.put_slice(END);
}

/// Returns header and body as one message, ready to be sent.
///
/// ```
/// use dlvgate_protocol::frame::{HeaderReader, Limits, frame};
///
/// let wire = frame(b"{}");
/// assert_eq!(wire, "Content-Length: 2\r\n\r\n{}");
/// let (consumed, header) = HeaderReader::new(Limits::default()).step(&wire)?;
/// let header = header.expect("a whole header");
/// assert_eq!((&wire[consumed..], header.body_len), (&b"{}"[..], 2));
/// # Ok::<(), dlvgate_protocol::frame::FrameError>(())
/// ```
pub fn frame(body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(NAME.len() + 20 + END.len() + body.len());
    write_header(body.len() as u64, &mut out);
    out.put_slice(body);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delve_takes_four_mebibytes() {
        assert_eq!(DELVE_MAX_BODY, 4_194_304);
    }

    #[test]
    fn a_header_is_written_as_delve_wants_it() {
        for (len, text) in [(0, "0"), (7, "7"), (10, "10"), (u64::MAX, "18446744073709551615")] {
            let mut out = Vec::new();
            write_header(len, &mut out);
            assert_eq!(out, format!("Content-Length: {text}\r\n\r\n").into_bytes());
        }
    }

    #[test]
    fn a_frame_counts_bytes_not_characters() {
        assert_eq!(
            &frame("{\"a\":\"ä\"}".as_bytes())[..],
            "Content-Length: 10\r\n\r\n{\"a\":\"ä\"}".as_bytes()
        );
    }
}
