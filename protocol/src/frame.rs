//! `Content-Length` framing, as in the DAP specification's overview, section "Base protocol".
//!
//! Reading is liberal: any header case, further headers, white space around names and values, a
//! bare line feed as line end. Writing is exactly what Delve takes: go-dap accepts nothing but
//! `^Content-Length: ([0-9]+)$` and `\r\n\r\n` (go-dap, `io.go`), and closes the connection on
//! anything else. [`Header::canonical`] distinguishes the two.

mod error;
mod header;
mod limits;

use bytes::{BufMut, Bytes, BytesMut};

pub use error::{EXCERPT_MAX, FrameError};
pub use header::{Header, HeaderReader};
pub use limits::{DELVE_MAX_BODY, Limits, MAX_HEADER_LINE, MAX_HEADERS, UNLIMITED_BODY};

use header::{END, NAME};

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
