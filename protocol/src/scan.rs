//! Walks along a stream of DAP messages and reports boundaries and envelopes.
//!
//! The scanner never asks anybody to wait: bytes can be forwarded while it looks at them. It keeps
//! no body, and once it knows an envelope it passes over the rest of the body by its length alone.

mod fields;
mod usual;

use crate::envelope::Envelope;
use crate::frame::{FrameError, Header, HeaderReader, Limits};
use crate::json::Walker;
use fields::Fields;

/// What [`Scanner::step`] took, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes taken from the front of the input; at least one where the input is not empty.
    pub consumed: usize,
    /// What those bytes are.
    pub part: Part,
    /// The message's envelope. `Some` exactly once for each message with a body: in the first
    /// body step in which it is known, at the latest in the one with `end: true`.
    pub envelope: Option<Envelope>,
}

/// What the bytes of a step are. A step never spans two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Some of a header, which goes on.
    PartialHeader,
    /// The rest of a header, its blank line included. With a `body_len` of 0 the message is whole
    /// and no body step follows.
    Header(Header),
    /// Some of a body.
    Body {
        /// Whether the body's last byte is among them.
        end: bool,
    },
}

/// Follows one direction of one connection.
#[derive(Clone, Debug)]
pub struct Scanner {
    header: HeaderReader,
    remaining: u64,
    walker: Walker,
    fields: Fields,
    /// The present body's envelope has been reported.
    reported: bool,
}

impl Scanner {
    /// Returns a scanner between messages.
    ///
    /// [`Limits::body`] is not enforced: the caller decides on [`Header::body_len`], and may go on
    /// scanning a body that it discards.
    pub fn new(limits: Limits) -> Scanner {
        Scanner {
            header: HeaderReader::new(limits),
            remaining: 0,
            walker: Walker::new(fields::NAMES),
            fields: Fields::default(),
            reported: false,
        }
    }

    /// Takes some bytes from the front of `input` (not empty) and says what they are.
    ///
    /// Call it again with the bytes that are left. What a stream yields does not depend on how it
    /// is cut into inputs, but for how many partial headers and bodies it is reported in, and in
    /// which of a body's steps the envelope comes.
    ///
    /// # Errors
    ///
    /// Where a header is malformed or over a limit; see [`FrameError`]. Every further call returns
    /// the same error, since where the next message begins is unknown. A body never is an error.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, FrameError> {
        if self.remaining > 0 {
            return Ok(self.body(input));
        }
        let (consumed, header) = self.header.step(input)?;
        let part = match header {
            None => Part::PartialHeader,
            Some(header) => {
                self.remaining = header.body_len;
                self.walker.reset();
                self.fields = Fields::default();
                self.reported = false;
                Part::Header(header)
            }
        };
        Ok(Step { consumed, part, envelope: None })
    }

    /// Whether the stream stands between messages: no byte of the next header has been taken.
    pub fn at_boundary(&self) -> bool {
        self.remaining == 0 && self.header.at_boundary()
    }

    /// How many bytes of the present body are still to come; 0 outside a body.
    pub fn body_remaining(&self) -> u64 {
        self.remaining
    }

    fn body(&mut self, input: &[u8]) -> Step {
        let consumed = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len());
        self.remaining -= consumed as u64;
        let end = self.remaining == 0;
        let mut envelope = None;
        if !self.reported && self.walker.is_at_start() {
            envelope = usual::envelope(&input[..consumed]);
            self.reported = envelope.is_some();
        }
        if !self.reported {
            self.walk(&input[..consumed]);
            if end || self.fields.are_enough() {
                self.reported = true;
                envelope = Some(self.fields.envelope());
            }
        }
        Step { consumed, part: Part::Body { end }, envelope }
    }

    fn walk(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.walker.is_done() && !self.walker.is_broken() {
            let advance = self.walker.advance(bytes);
            bytes = &bytes[advance.consumed..];
            if let Some((field, value)) = advance.found {
                self.fields.take(field, value, &self.walker);
                if self.fields.are_enough() {
                    return;
                }
            }
        }
    }
}

/// Reads the envelope of a whole body; `None` where it is empty.
pub(crate) fn envelope(body: &[u8]) -> Option<Envelope> {
    let mut scanner = Scanner::new(Limits::default());
    scanner.remaining = body.len() as u64;
    if body.is_empty() { None } else { scanner.body(body).envelope }
}

#[cfg(test)]
mod tests;
