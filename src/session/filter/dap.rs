//! DAP, framed by `Content-Length`.
//!
//! Bodies are passed on as ranges of the chunk they came in. A header goes on as it came where it
//! is what dlv takes, else as exactly `Content-Length: N\r\n\r\n`; of a header that a chunk's end
//! cuts, nothing goes on until it is whole.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::envelope::{Envelope, MessageKind};
use dlvgate_protocol::frame::{DELVE_MAX_BODY, FrameError, Limits, frame, write_header};
use dlvgate_protocol::message::{LaunchDefaults, MergeError};
use dlvgate_protocol::scan::{DapPart, DapScanner};

use super::event::FilterEvent;
use super::piece::{JoinedRange, Piece};
use crate::session::news::NewsReader;

/// The state between two chunks.
pub(in crate::session) struct DapFilter {
    scanner: DapScanner,
    /// Larger bodies are kept back.
    max_body: u64,
    /// The length of the present body in bytes.
    body_len: u64,
    /// A part of the present header came with an earlier chunk.
    header_cut: bool,
    /// The present message is kept back.
    kept_back: bool,
    /// Arguments to add to `launch`, `attach` and `restart`.
    defaults: Option<Arc<LaunchDefaults>>,
    /// The present body, which may turn out to be a request to be changed.
    held: Option<BytesMut>,
    /// Reads what a user wants to know, if that is wanted.
    pub(in crate::session) news: Option<Box<NewsReader>>,
}

impl DapFilter {
    /// What the client says. With `defaults` each message is held back until it is whole: of equal
    /// keys dlv takes the last, so that its last byte may make it a `launch`.
    pub(in crate::session) fn up(defaults: Option<Arc<LaunchDefaults>>) -> DapFilter {
        let limits = Limits { body: DELVE_MAX_BODY, ..Limits::default() };
        DapFilter::new(DapScanner::of_client(limits), DELVE_MAX_BODY, defaults)
    }

    /// What dlv says.
    pub(in crate::session) fn down() -> DapFilter {
        DapFilter::new(DapScanner::new(Limits::default()), u64::MAX, None)
    }

    fn new(scanner: DapScanner, max_body: u64, defaults: Option<Arc<LaunchDefaults>>) -> DapFilter {
        DapFilter {
            scanner,
            max_body,
            body_len: 0,
            header_cut: false,
            kept_back: false,
            defaults,
            held: None,
            news: None,
        }
    }

    /// See [`DapFilter::advance`](super::MessageFilter::advance).
    pub(in crate::session) fn advance(
        &mut self,
        chunk: &[u8],
        insert: &mut VecDeque<Bytes>,
        pieces: &mut VecDeque<Piece>,
        events: &mut Vec<FilterEvent>,
    ) -> Result<(), FrameError> {
        let mut run = JoinedRange::default();
        let mut at = 0;
        while at < chunk.len() {
            if !insert.is_empty() && self.scanner.at_boundary() {
                run.flush(pieces);
                pieces.extend(insert.drain(..).map(Piece::Own));
            }
            let step = match self.scanner.step(&chunk[at..]) {
                Ok(step) => step,
                Err(error) => {
                    run.flush(pieces);
                    return Err(error);
                }
            };
            let taken = at..at + step.consumed;
            at = taken.end;
            match step.part {
                DapPart::PartialHeader => self.header_cut = true,
                DapPart::Header(header) => {
                    self.body_len = header.body_len;
                    self.kept_back = self.body_len > self.max_body || self.body_len == 0;
                    if self.body_len == 0 {
                        events.push(FilterEvent::EmptyBody);
                    }
                    let as_it_came = header.canonical && !self.header_cut;
                    self.header_cut = false;
                    let may_change = self.defaults.is_some() && header.body_len <= DELVE_MAX_BODY;
                    self.held = (may_change && !self.kept_back).then(BytesMut::new);
                    if self.held.is_some() {
                        run.flush(pieces);
                    } else if !self.kept_back && as_it_came {
                        run.extend(taken, pieces);
                    } else if !self.kept_back {
                        run.flush(pieces);
                        let mut rewritten = BytesMut::new();
                        write_header(header.body_len, &mut rewritten);
                        pieces.push_back(Piece::Changed(rewritten.freeze()));
                    }
                }
                DapPart::Body { end } => {
                    let mut refused = None;
                    if let Some(held) = &mut self.held {
                        held.extend_from_slice(&chunk[taken.clone()]);
                        if end {
                            refused = self.let_go(step.envelope, pieces).err();
                        }
                    } else if !self.kept_back {
                        run.extend(taken.clone(), pieces);
                    }
                    if let Some(news) = self.news.as_mut().filter(|_| !self.kept_back && refused.is_none()) {
                        news.take_body(&chunk[taken], step.envelope.map(Message::from), end);
                    }
                    if let Some(envelope) = step.envelope {
                        let message = Message::from(envelope);
                        events.push(if let Some(reason) = refused {
                            FilterEvent::NotForced { message, reason }
                        } else if self.kept_back {
                            FilterEvent::TooLarge { message, body_len: self.body_len }
                        } else {
                            FilterEvent::Forwarded(message)
                        });
                    }
                }
            }
        }
        run.flush(pieces);
        if self.at_boundary() {
            pieces.extend(insert.drain(..).map(Piece::Own));
        }
        Ok(())
    }

    /// Passes on the held message, with the added arguments.
    ///
    /// # Errors
    /// If that cannot be added: nothing goes on.
    fn let_go(&mut self, envelope: Option<Envelope>, pieces: &mut VecDeque<Piece>) -> Result<(), MergeError> {
        let (Some(held), Some(defaults)) = (self.held.take(), &self.defaults) else { return Ok(()) };
        let may_change = envelope.is_some_and(
            |envelope| matches!(envelope.kind, MessageKind::Request { command } if defaults.concerns(command.as_str())),
        );
        let merged = if may_change { defaults.merge(&held)? } else { None };
        pieces.push_back(Piece::Changed(frame(merged.as_deref().unwrap_or(&held))));
        Ok(())
    }

    /// From now on no message goes on.
    pub(in crate::session) fn keep_back(&mut self) {
        (self.max_body, self.kept_back, self.held) = (0, true, None);
    }

    /// Between two messages.
    pub(in crate::session) fn at_boundary(&self) -> bool {
        self.scanner.at_boundary()
    }

    /// Bytes of the present body that are still to come.
    pub(in crate::session) fn body_remaining(&self) -> u64 {
        self.scanner.body_remaining()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that keeps back bodies above 60 bytes.
    fn narrow() -> DapFilter {
        DapFilter { max_body: 60, ..DapFilter::up(None) }
    }

    /// The commands, and whether they went on.
    fn commands(events: Vec<FilterEvent>) -> Vec<(String, bool)> {
        let named = events.into_iter().filter_map(|event| {
            let is_forwarded = matches!(event, FilterEvent::Forwarded(_));
            event.request().map(|(_, name)| (name.as_str().to_owned(), is_forwarded))
        });
        named.collect()
    }

    fn request(command: &str) -> String {
        let body = format!(r#"{{"seq":1,"type":"request","command":"{command}"}}"#);
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn carry(chunks: &[&[u8]], insert_before: usize, insert: &str) -> (String, Vec<(String, bool)>) {
        let (mut filter, mut events, mut sent) = (narrow(), Vec::new(), Vec::new());
        let mut inserts = VecDeque::new();
        for (index, chunk) in chunks.iter().enumerate() {
            if index == insert_before && !insert.is_empty() {
                inserts.push_back(Bytes::copy_from_slice(insert.as_bytes()));
            }
            let mut pieces = VecDeque::new();
            filter.advance(chunk, &mut inserts, &mut pieces, &mut events).unwrap();
            for piece in pieces {
                match piece {
                    Piece::Chunk(range) => sent.extend_from_slice(&chunk[range]),
                    Piece::Changed(bytes) | Piece::Own(bytes) => sent.extend_from_slice(&bytes),
                }
            }
        }
        (String::from_utf8(sent).unwrap(), commands(events))
    }

    #[test]
    fn what_dlv_takes_goes_on_in_one_piece() {
        let both = request("threads") + &request("next");
        let mut pieces = VecDeque::new();
        narrow().advance(both.as_bytes(), &mut VecDeque::new(), &mut pieces, &mut Vec::new()).unwrap();
        assert_eq!(pieces, [Piece::Chunk(0..both.len())]);
    }

    #[test]
    fn any_split_sends_the_same_bytes() {
        let both = request("threads") + &request("next");
        for cut in 1..both.len() {
            let (front, back) = both.as_bytes().split_at(cut);
            let (sent, commands) = carry(&[front, back], 9, "");
            assert_eq!(sent, both, "cut at {cut}");
            assert_eq!(commands.len(), 2);
        }
    }

    #[test]
    fn refused_header_is_normalized_and_body_untouched() {
        let strict = request("threads");
        let body = strict.split_once("\r\n\r\n").unwrap().1;
        for header in [
            "content-length: {}\r\n\r\n",
            "Content-Type: x\r\nContent-Length:{}\r\n\r\n",
            "Content-Length: {}\n\n",
        ] {
            let loose = header.replace("{}", &body.len().to_string()) + body;
            assert_eq!(carry(&[loose.as_bytes()], 9, "").0, strict, "{header:?}");
        }
    }

    #[test]
    fn rejected_body_sends_no_byte_and_is_reported() {
        let long = request(&"x".repeat(40));
        let (sent, commands) = carry(&[(long + &request("next")).as_bytes()], 9, "");
        assert_eq!(sent, request("next"));
        assert_eq!(commands, [("x".repeat(40), false), ("next".to_owned(), true)]);
    }

    /// Returns how many bytes pass of a message whose body of this length only begins, and the
    /// events.
    fn begun(mut filter: DapFilter, body_len: u64) -> (usize, Vec<FilterEvent>) {
        let (mut pieces, mut events) = (VecDeque::new(), Vec::new());
        let header = format!("Content-Length: {body_len}\r\n\r\n");
        filter.advance(header.as_bytes(), &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
        (pieces.iter().map(Piece::len).sum(), events)
    }

    #[test]
    fn only_what_dlv_would_close_on_is_kept_back() {
        for (filter, body_len, is_forwarded) in [
            (DapFilter::up(None), DELVE_MAX_BODY, true),
            (DapFilter::up(None), DELVE_MAX_BODY + 1, false),
            (DapFilter::down(), DELVE_MAX_BODY + 1, true),
        ] {
            let (sent, events) = begun(filter, body_len);
            assert!((sent > 0) == is_forwarded && events.is_empty(), "{body_len}: {events:?}");
        }
        assert_eq!(begun(DapFilter::up(None), 0), (0, vec![FilterEvent::EmptyBody]));
        let (mut filter, mut events) = (narrow(), Vec::new());
        let long = request(&"x".repeat(40));
        filter.advance(long.as_bytes(), &mut VecDeque::new(), &mut VecDeque::new(), &mut events).unwrap();
        let [FilterEvent::TooLarge { body_len, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!(body_len, 79);
    }

    #[test]
    fn an_empty_body_does_not_cost_the_session() {
        let sent = carry(&[("Content-Length: 0\r\n\r\n".to_owned() + &request("next")).as_bytes()], 9, "").0;
        assert_eq!(sent, request("next"));
    }

    #[test]
    fn bytes_of_our_own_go_between_two_messages() {
        let (first, second) = (request("threads"), request("next"));
        let both = first.clone() + &second;
        for cut in 1..both.len() {
            let (front, back) = both.as_bytes().split_at(cut);
            let sent = carry(&[front, back], 1, "OURS").0;
            let expected =
                if cut <= first.len() { first.clone() + "OURS" + &second } else { both.clone() + "OURS" };
            assert_eq!(sent, expected, "cut at {cut}");
        }
    }

    #[test]
    fn bytes_of_our_own_wait_for_the_end_of_a_message() {
        let (first, second) = (request("threads"), request("next"));
        let both = first.clone() + &second;
        for cut in 11..first.len() - 1 {
            let chunks = [&both.as_bytes()[..10], &both.as_bytes()[10..cut], &both.as_bytes()[cut..]];
            assert_eq!(carry(&chunks, 1, "OURS").0, first.clone() + "OURS" + &second, "cut at {cut}");
        }
    }

    fn carry_with_defaults(wire: &[u8], size: usize) -> String {
        let argument = "stopOnEntry=true".parse().unwrap();
        let defaults = LaunchDefaults { set: vec![argument], ..LaunchDefaults::default() };
        let (mut filter, mut sent) = (DapFilter::up(Some(Arc::new(defaults))), Vec::new());
        for chunk in wire.chunks(size) {
            let mut pieces = VecDeque::new();
            filter.advance(chunk, &mut VecDeque::new(), &mut pieces, &mut Vec::new()).unwrap();
            for piece in pieces {
                match piece {
                    Piece::Chunk(range) => sent.extend_from_slice(&chunk[range]),
                    Piece::Changed(bytes) | Piece::Own(bytes) => sent.extend_from_slice(&bytes),
                }
            }
        }
        String::from_utf8(sent).unwrap()
    }

    #[test]
    fn launch_alone_gets_the_user_s_arguments() {
        let framed = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let others = [
            request("threads"),
            framed(r#"{"arguments":{"a":1},"command":"evaluate","type":"request","seq":2}"#),
        ];
        let launch = r#"{"arguments":{"mode":"exec"},"command":"launch","type":"request","seq":3}"#;
        let more =
            r#"{"arguments":{"mode":"exec","stopOnEntry":true},"command":"launch","type":"request","seq":3}"#;
        let wire = others.concat() + &framed(launch) + &others.concat();
        let expected = others.concat() + &framed(more) + &others.concat();
        for size in 1..=wire.len() {
            assert_eq!(carry_with_defaults(wire.as_bytes(), size), expected, "by {size}");
        }
    }

    #[test]
    fn launch_and_attach_are_held_to_their_end() {
        for command in ["launch", "attach"] {
            let body = |arguments: &str| {
                format!(r#"{{"seq":3,"type":"request","command":"{command}","arguments":{arguments}}}"#)
            };
            let framed = |body: String| format!("Content-Length: {}\r\n\r\n{body}", body.len());
            let wire = framed(body(r#"{"mode":"exec"}"#));
            let expected = framed(body(r#"{"mode":"exec","stopOnEntry":true}"#));
            for size in 1..=wire.len() {
                assert_eq!(carry_with_defaults(wire.as_bytes(), size), expected, "by {size}");
            }
        }
    }

    #[test]
    fn message_is_held_while_it_may_become_a_launch() {
        let (mut filter, mut events, mut pieces) = (forced_filter(), Vec::new(), VecDeque::new());
        let body = r#"{"seq":1,"type":"request","command":"evaluate","x":1,"Command":"launch"}"#;
        let wire = frame(body.as_bytes());
        filter.advance(&wire[..wire.len() - 1], &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
        assert!(pieces.is_empty());
        filter.advance(&wire[wire.len() - 1..], &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
        let Some(Piece::Changed(sent)) = pieces.pop_front() else { panic!("nothing is sent") };
        assert!(sent.ends_with(br#""arguments":{"program":"/own"}}"#), "{sent:?}");
    }

    #[test]
    fn request_that_cannot_be_forced_is_not_sent() {
        let next = frame(br#"{"seq":2,"type":"request","command":"threads"}"#);
        let wire =
            [&frame(br#"{"seq":1,"type":"request","command":"launch","arguments":[]}"#)[..], &next].concat();
        for size in 1..=wire.len() {
            let (mut filter, mut events, mut sent) = (forced_filter(), Vec::new(), Vec::new());
            for chunk in wire.chunks(size) {
                let mut pieces = VecDeque::new();
                filter.advance(chunk, &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
                pieces.iter().for_each(|piece| sent.extend_from_slice(piece.bytes(chunk)));
            }
            assert_eq!(sent, next, "by {size}");
            let [FilterEvent::NotForced { message, reason }, FilterEvent::Forwarded(_)] = &events[..] else {
                panic!("{events:?}")
            };
            assert_eq!((message.to_string().as_str(), reason), ("request 1 launch", &MergeError::NoObject));
        }
    }

    #[test]
    fn kept_back_message_is_told_and_not_held() {
        let (mut filter, mut events, mut pieces) = (forced_filter(), Vec::new(), VecDeque::new());
        let wire = frame(br#"{"seq":1,"type":"request","command":"launch","arguments":{}}"#);
        filter.advance(&wire[..30], &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
        filter.keep_back();
        filter.advance(&wire[30..], &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
        filter.advance(&wire[..wire.len() - 1], &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
        assert!(pieces.is_empty() && filter.held.is_none());
        filter.advance(&wire[wire.len() - 1..], &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
        assert_eq!(commands(events), [("launch".to_owned(), false), ("launch".to_owned(), false)]);
        assert!(pieces.is_empty());
    }

    fn forced_filter() -> DapFilter {
        let force = vec!["program=\"/own\"".parse().unwrap()];
        DapFilter::up(Some(Arc::new(LaunchDefaults { force, ..LaunchDefaults::default() })))
    }
}
