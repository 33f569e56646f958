//! The frame reader: headers read the same however they are cut, hold no more than the limit, and
//! what it calls canonical is.
#![no_main]

use dlvgate_protocol::frame::{EXCERPT_MAX, FrameError, Header, HeaderReader, Limits, write_header};
use dlvgate_protocol_fuzz::chunks::{self, Cuts};
use libfuzzer_sys::fuzz_target;

/// The line ends that a line may have above its limit.
const LINE_END: usize = 2;

/// All that a stream of headers says, bodies left out: where each ends, and how the stream ends.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    headers: Vec<(usize, Header)>,
    error: Option<FrameError>,
    at_boundary: bool,
}

fn read<'a>(chunks: impl Iterator<Item = &'a [u8]>, limits: Limits) -> Seen {
    let mut reader = HeaderReader::new(limits);
    let mut seen = Seen::default();
    let mut at = 0;
    for chunk in chunks {
        let mut rest = chunk;
        while !rest.is_empty() {
            match reader.step(rest) {
                Ok((taken, header)) => {
                    assert!(taken > 0 && taken <= rest.len());
                    assert!(header.is_some() || taken == rest.len(), "bytes are left and nothing is said");
                    rest = &rest[taken..];
                    at += taken;
                    seen.headers.extend(header.map(|header| (at, header)));
                }
                Err(error) => {
                    assert_eq!(reader.step(rest), Err(error.clone()), "an error stays");
                    seen.error = Some(error);
                    return seen;
                }
            }
            assert!(reader.held() <= limits.header_line.saturating_add(LINE_END), "{}", reader.held());
        }
    }
    seen.at_boundary = reader.at_boundary();
    seen
}

/// What go-dap takes: `^Content-Length: ([0-9]+)$`, an `int`, and `\r\n\r\n`.
fn is_canonical(bytes: &[u8], header: Header) -> bool {
    let digits = bytes.strip_prefix(b"Content-Length: ").and_then(|rest| rest.strip_suffix(b"\r\n\r\n"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        && i64::try_from(header.body_len).is_ok()
}

fn check_words(error: &FrameError) {
    let said = error.to_string();
    assert!(said.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "control characters: {said:?}");
    assert!(said.len() < EXCERPT_MAX + 120, "{said}");
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, rest)) = Cuts::of(input) else { return };
    let Some((&[line, headers], wire)) = rest.split_first_chunk::<2>() else { return };
    // Limits from none to the usual ones.
    let limits = match (line, headers) {
        (255, _) => Limits::default(),
        _ => {
            Limits { header_line: usize::from(line), headers: usize::from(headers % 40), ..Limits::default() }
        }
    };
    let whole = read(std::iter::once(wire), limits);
    assert_eq!(whole, read(chunks::each(wire, cuts), limits));
    assert_eq!(whole, read(wire.chunks(1), limits));

    let mut begin = 0;
    for &(end, header) in &whole.headers {
        assert_eq!(header.canonical, is_canonical(&wire[begin..end], header));
        begin = end;
    }
    if let Some(&(_, header)) = whole.headers.last() {
        let mut written = Vec::new();
        write_header(header.body_len, &mut written);
        let again = read(std::iter::once(&written[..]), Limits::default());
        let expected = Header { canonical: i64::try_from(header.body_len).is_ok(), ..header };
        assert_eq!(again.headers, [(written.len(), expected)]);
    }
    if let Some(error) = &whole.error {
        check_words(error);
    }
});
