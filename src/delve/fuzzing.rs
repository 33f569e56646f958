//! What dlv prints, as its fuzz target sees it.

use super::ReadyLine;
use super::ready::Preamble;

/// The parts of dlv's output.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// The bytes passed on, before the ready line and after it.
    pub passed: Vec<u8>,
    /// The ready line, and how many bytes had been passed before it.
    pub ready: Option<(ReadyLine, usize)>,
    /// The most bytes that were held back before a ready line was complete.
    pub held: usize,
}

/// Reads dlv's output, chunk by chunk.
pub fn printed<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Printed {
    let (mut preamble, mut printed) = (Preamble::default(), Printed::default());
    let mut came = 0;
    for chunk in chunks {
        if printed.ready.is_some() {
            printed.passed.extend_from_slice(chunk);
            continue;
        }
        came += chunk.len();
        let found = preamble.take(chunk, &mut printed.passed);
        if let Some((ready, rest)) = found {
            printed.ready = Some((ready, printed.passed.len()));
            printed.passed.extend(rest);
        } else {
            printed.held = printed.held.max(came - printed.passed.len());
        }
    }
    if printed.ready.is_none() {
        printed.passed.extend(preamble.rest());
    }
    printed
}
