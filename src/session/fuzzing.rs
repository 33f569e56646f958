//! What passes from a client to dlv, as its fuzz target sees it.

use std::collections::VecDeque;

use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::sniff::Protocol;

use super::filter::{FilterEvent, MessageFilter};
use super::message_rewrites::MessageRewrites;

/// What became of a client's stream.
#[derive(Debug, Default, PartialEq)]
pub struct Passed {
    /// The bytes for dlv.
    pub bytes: Vec<u8>,
    /// What the log, the pending requests and the session believe of the messages in them.
    pub believed: Vec<Message>,
    /// Which messages, counted from 0, were refused.
    pub refused: Vec<usize>,
    /// Why the stream could not be followed to its end.
    pub broken: Option<String>,
    count: usize,
}

impl Passed {
    fn note(&mut self, event: FilterEvent) {
        match event {
            FilterEvent::Forwarded(message) => {
                self.believed.push(message);
                self.count += 1;
            }
            FilterEvent::NotForced { .. } => {
                self.refused.push(self.count);
                self.count += 1;
            }
            FilterEvent::EmptyBody | FilterEvent::TooLarge { .. } => {}
        }
    }
}

/// Carries a client's stream, cut into these chunks.
pub fn carry<'a>(
    protocol: Protocol,
    rewrites: &MessageRewrites,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Passed {
    let (mut filter, mut passed) = (MessageFilter::up(protocol, rewrites), Passed::default());
    for chunk in chunks {
        let (mut pieces, mut events) = (VecDeque::new(), Vec::new());
        let walked = filter.advance(chunk, &mut VecDeque::new(), &mut pieces, &mut events);
        events.into_iter().for_each(|event| passed.note(event));
        pieces.iter().for_each(|piece| passed.bytes.extend_from_slice(piece.bytes(chunk)));
        if let Err(error) = walked {
            passed.broken = Some(error.to_string());
            break;
        }
    }
    passed
}
