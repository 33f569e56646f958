//! Walks along a stream of DAP messages and reports boundaries and envelopes.
//!
//! The scanner never asks anybody to wait: bytes can be forwarded while it looks at them. It keeps
//! no body.
//!
//! Of what Delve says ([`DapScanner::new`]) the first of equal keys counts, and once the envelope
//! is known the rest of the body is passed over by its length alone: Go writes no key twice. Of
//! what a client says ([`DapScanner::of_client`]) an envelope is what go-dap reads: keys without
//! case, of equal keys the last, and nothing where Go refuses the body. So it is known at the
//! body's end, and each byte is looked at.

mod fast_path;
mod fields;

use crate::envelope::{Envelope, MessageKind};
use crate::frame::{FrameError, Header, HeaderReader, Limits};
use crate::json::exact::Exact;
use crate::json::{Walker, is_white_space};
use fields::EnvelopeFields;

/// What [`DapScanner::step`] took, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DapStep {
    /// Bytes taken from the front of the input; at least one where the input is not empty.
    pub consumed: usize,
    /// What those bytes are.
    pub part: DapPart,
    /// The message's envelope. `Some` exactly once for each message with a body: in the first
    /// body step in which it is known, at the latest in the one with `end: true`; of what a client
    /// says, in that one.
    pub envelope: Option<Envelope>,
}

/// What the bytes of a step are. A step never spans two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DapPart {
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
pub struct DapScanner {
    header: HeaderReader,
    remaining: u64,
    walk: BodyMode,
    /// Of what a client says: the longest body that is read to its end.
    of_client: Option<u64>,
    fields: EnvelopeFields,
    /// The present body's envelope has been reported.
    reported: bool,
}

/// What a look at a body's front said, as long as nothing after it says otherwise.
type Usual = Option<Envelope>;

/// How a body is read.
#[derive(Clone, Debug)]
enum BodyMode {
    /// Until the envelope is known.
    Early(Walker),
    /// To its end, as Go does.
    Exact(Box<(Exact, Usual)>),
}

impl BodyMode {
    fn early() -> BodyMode {
        BodyMode::Early(Walker::new(fields::NAMES))
    }

    fn exact() -> BodyMode {
        BodyMode::Exact(Box::new((Exact::new(fields::ALL_NAMES), None)))
    }

    fn reset(&mut self) {
        match self {
            BodyMode::Early(walker) => walker.reset(),
            BodyMode::Exact(walk) => walk.0.reset(),
        }
    }
}

impl DapScanner {
    /// Returns a scanner between messages, for what Delve says.
    ///
    /// [`Limits::body`] is not enforced: the caller decides on [`Header::body_len`], and may go on
    /// scanning a body that it discards.
    pub fn new(limits: Limits) -> DapScanner {
        DapScanner::with(limits, BodyMode::early())
    }

    /// Returns a scanner between messages, for what a client says: envelopes are what go-dap reads.
    ///
    /// A body over [`Limits::body`] is one that the caller keeps back, and go-dap never reads: its
    /// envelope is reported as early as of what Delve says, since its end may never come.
    pub fn of_client(limits: Limits) -> DapScanner {
        DapScanner { of_client: Some(limits.body), ..DapScanner::with(limits, BodyMode::exact()) }
    }

    fn with(limits: Limits, walk: BodyMode) -> DapScanner {
        let header = HeaderReader::new(limits);
        let fields = EnvelopeFields::default();
        DapScanner { header, remaining: 0, walk, of_client: None, fields, reported: false }
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
    pub fn step(&mut self, input: &[u8]) -> Result<DapStep, FrameError> {
        if self.remaining > 0 {
            return Ok(self.body(input));
        }
        let (consumed, header) = self.header.step(input)?;
        let part = match header {
            None => DapPart::PartialHeader,
            Some(header) => {
                self.remaining = header.body_len;
                match (&self.walk, self.of_client) {
                    (BodyMode::Exact(_), Some(limit)) if header.body_len > limit => {
                        self.walk = BodyMode::early()
                    }
                    (BodyMode::Early(_), Some(limit)) if header.body_len <= limit => {
                        self.walk = BodyMode::exact()
                    }
                    _ => self.walk.reset(),
                }
                self.fields = EnvelopeFields::default();
                self.reported = false;
                DapPart::Header(header)
            }
        };
        Ok(DapStep { consumed, part, envelope: None })
    }

    /// Whether the stream stands between messages: no byte of the next header has been taken.
    pub fn at_boundary(&self) -> bool {
        self.remaining == 0 && self.header.at_boundary()
    }

    /// How many bytes of the present body are still to come; 0 outside a body.
    pub fn body_remaining(&self) -> u64 {
        self.remaining
    }

    fn body(&mut self, input: &[u8]) -> DapStep {
        let consumed = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len());
        self.remaining -= consumed as u64;
        let end = self.remaining == 0;
        let bytes = &input[..consumed];
        let DapScanner { walk, fields, reported, .. } = self;
        let envelope = match walk {
            _ if *reported => None,
            BodyMode::Early(walker) => walk_early(walker, fields, bytes, end),
            BodyMode::Exact(walk) => {
                let (walker, usual) = &mut **walk;
                let whole = if end && walker.is_at_start() { fast_path::whole(bytes) } else { None };
                whole.or_else(|| {
                    walk_exactly(walker, fields, usual, bytes);
                    end.then(|| match usual.take() {
                        _ if !walker.is_done() => NONE,
                        Some(usual) => usual,
                        None => fields.last_envelope(),
                    })
                })
            }
        };
        *reported |= envelope.is_some();
        DapStep { consumed, part: DapPart::Body { end }, envelope }
    }
}

/// What no message of the protocol says.
const NONE: Envelope = Envelope { seq: None, kind: MessageKind::Unknown };

/// The envelope as soon as it is known.
fn walk_early(
    walker: &mut Walker,
    fields: &mut EnvelopeFields,
    mut bytes: &[u8],
    end: bool,
) -> Option<Envelope> {
    if walker.is_at_start() {
        if let Some(usual) = fast_path::envelope(bytes) {
            return Some(usual);
        }
    }
    while !bytes.is_empty() && !walker.is_done() && !walker.is_broken() {
        let advance = walker.advance(bytes);
        bytes = &bytes[advance.consumed..];
        if let Some((field, value)) = advance.found {
            fields.take(field, value, walker);
            if fields.are_enough() {
                break;
            }
        }
    }
    (end || fields.are_enough()).then(|| fields.envelope())
}

fn walk_exactly(walker: &mut Exact, fields: &mut EnvelopeFields, usual: &mut Usual, mut bytes: &[u8]) {
    if walker.is_at_start() {
        *usual = None;
        if let Some((envelope, rest)) = fast_path::front(bytes) {
            *usual = Some(envelope);
            walker.resume();
            bytes = rest;
        }
    }
    while !bytes.is_empty() && !walker.is_broken() {
        if walker.is_done() {
            if !bytes.iter().all(|&byte| is_white_space(byte)) {
                walker.refuse();
            }
            return;
        }
        let advance = walker.advance(bytes);
        bytes = &bytes[advance.consumed..];
        if let Some((field, value)) = advance.found {
            if let Some(usual) = usual.take() {
                *fields = EnvelopeFields::of(usual);
            }
            fields.take_last(field, value, walker);
        }
    }
}

/// Reads the envelope of a whole body of Delve's; `None` if it is empty.
pub(crate) fn envelope(body: &[u8]) -> Option<Envelope> {
    whole(DapScanner::new(Limits::default()), body)
}

/// Reads the envelope of a whole body of a client's, as go-dap does; `None` if it is empty.
pub(crate) fn client_envelope(body: &[u8]) -> Option<Envelope> {
    whole(DapScanner::of_client(Limits::default()), body)
}

fn whole(mut scanner: DapScanner, body: &[u8]) -> Option<Envelope> {
    scanner.remaining = body.len() as u64;
    if body.is_empty() { None } else { scanner.body(body).envelope }
}

#[cfg(test)]
mod tests;
