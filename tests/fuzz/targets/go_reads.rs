//! What dlvgate believes of a client's stream is what Go's own libraries read from it, and what a
//! user forces is what they find: google/go-dap and net/rpc/jsonrpc, each built with every Go that
//! is there, see each stream that passes.
//!
//! What differs all the same is counted, by its reason: [`Reason`], docs/dev/fuzzing.md.
#![no_main]

use std::cell::RefCell;
use std::fmt::Debug;

use dlvgate::session::MessageRewrites;
use dlvgate::session::fuzzing::{Passed, carry};
use dlvgate_fuzz::odd::{self, Dice};
use dlvgate_fuzz::oracle::{End, Message, Oracle, Reader, Seen};
use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::jsonrpc::ID_MAX;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_protocol_fuzz::chunks::{self, Cuts};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Streams of an input: a question costs the oracles as much as several streams.
const STREAMS: usize = 8;

/// Longest stream that is carried byte by byte, too, which takes longest.
const BY_BYTES: usize = 300;

/// Streams between two lines that tell the counts.
const TOLD_EVERY: u64 = 50_000;

/// What a user of this target forces, and what it sets.
const FORCE: [(&str, &str); 4] =
    [("program", "\"/forced\""), ("mode", "\"debug\""), ("env", "{\"F\":\"1\"}"), ("stopOnEntry", "true")];
const SET: (&str, &str) = ("backend", "\"set\"");

/// Why dlvgate and Go may differ.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// dlv ended the session at an earlier message of the stream; dlvgate names what the client
    /// says until the connection is gone.
    AfterTheEnd,
    /// dlv ends the session on a wrong type below a message's top. dlvgate does not know the types,
    /// and names the request.
    Mistyped,
    /// dlv answers that it knows no such message, which dlvgate calls no message.
    FirstMessageTimeout,
    /// `null` in place of a JSON-RPC object: dlv answers that it knows no such method, dlvgate ends
    /// the session.
    Null,
    /// An id that is an object or array, no UTF-8, or longer than dlvgate keeps: it owes no answer.
    Id,
    /// A name longer than dlvgate keeps is told by its beginning.
    LongName,
}

#[derive(Default)]
struct Counts {
    streams: u64,
    messages: u64,
    starts: u64,
    refused: u64,
    reasons: [u64; 6],
}

struct State {
    oracles: Vec<Oracle>,
    amendments: MessageRewrites,
    counts: Counts,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State {
        oracles: Oracle::all(),
        amendments: MessageRewrites::new(
            Vec::new(),
            vec![format!("{}={}", SET.0, SET.1).parse().expect("an argument")],
            FORCE.iter().map(|(key, value)| format!("{key}={value}").parse().expect("an argument")).collect(),
        ),
        counts: Counts::default(),
    });
}

/// A stream, and what became of it without and with the forced arguments.
struct Carried {
    protocol: Protocol,
    wire: Vec<u8>,
    plain: Passed,
    forced: Passed,
}

impl Carried {
    fn new(protocol: Protocol, wire: Vec<u8>, cuts: &Cuts, amendments: &MessageRewrites) -> Carried {
        let none = MessageRewrites::default();
        let plain = carry(protocol, &none, std::iter::once(&wire[..]));
        let forced = carry(protocol, amendments, std::iter::once(&wire[..]));
        let cut = || chunks::each(&wire, cuts.clone());
        same_by_cuts(&plain, &carry(protocol, &none, cut()));
        same_by_cuts(&forced, &carry(protocol, amendments, cut()));
        if wire.len() < BY_BYTES {
            same_by_cuts(&plain, &carry(protocol, &none, wire.chunks(1)));
        }
        Carried { protocol, wire, plain, forced }
    }

    /// What Go is asked to read.
    fn streams(&self) -> [(Reader, &[u8]); 2] {
        match self.protocol {
            Protocol::Dap => [(Reader::Dap, &self.plain.bytes), (Reader::Dap, &self.forced.bytes)],
            Protocol::JsonRpc => [(Reader::Rpc, &self.wire), (Reader::Rpc, &self.forced.bytes)],
        }
    }
}

/// A header with leading zeros goes on as it came where it is not cut, and without them where it
/// is.
fn same_by_cuts(whole: &Passed, cut: &Passed) {
    let said = || lossy(&whole.bytes);
    assert_eq!(whole.believed, cut.believed, "{}", said());
    assert_eq!((&whole.refused, &whole.broken), (&cut.refused, &cut.broken), "{}", said());
    assert_eq!(without_zeros(&whole.bytes), without_zeros(&cut.bytes));
}

fn without_zeros(bytes: &[u8]) -> String {
    let mut parts = lossy(bytes);
    while parts.contains("Content-Length: 0") {
        parts = parts.replace("Content-Length: 0", "Content-Length: ");
    }
    parts
}

fn lossy(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl Counts {
    fn differs(&mut self, reason: Reason) {
        self.reasons[reason as usize] += 1;
    }

    fn check(&mut self, carried: &Carried, plain: &Seen, forced: &Seen) {
        self.streams += 1;
        self.messages += plain.messages.len() as u64;
        self.refused += carried.forced.refused.len() as u64;
        match carried.protocol {
            Protocol::Dap => {
                self.same_dap(&carried.plain, plain);
                self.same_dap(&carried.forced, forced);
                self.is_forced(carried, plain, forced);
            }
            Protocol::JsonRpc => {
                assert!(carried.wire.starts_with(&carried.forced.bytes), "{}", lossy(&carried.wire));
                self.same_rpc(&carried.plain, plain);
                self.same_rpc(&carried.forced, plain);
            }
        }
        if self.streams % TOLD_EVERY == 0 {
            eprintln!("stat::streams: {}", self.streams);
            eprintln!(
                "stat::messages: {}, starts: {}, refused: {}",
                self.messages, self.starts, self.refused
            );
            eprintln!("stat::reasons: {:?}", self.reasons);
        }
    }

    fn same_dap(&mut self, passed: &Passed, seen: &Seen) {
        let said = || lossy(&passed.bytes);
        assert_ne!(seen.end, End::Header, "a header that dlv does not take: {}", said());
        for (at, message) in seen.messages.iter().enumerate() {
            let believed =
                passed.believed.get(at).unwrap_or_else(|| panic!("{message:?} was not seen: {}", said()));
            self.same(believed, message, &said);
        }
        self.same_end(passed, seen, &said);
    }

    fn same_rpc(&mut self, passed: &Passed, seen: &Seen) {
        let said = || lossy(&passed.bytes);
        for (at, message) in seen.messages.iter().enumerate() {
            match passed.believed.get(at) {
                Some(believed) => self.same(believed, message, &said),
                None => {
                    let reason = passed.broken.as_deref().unwrap_or_default();
                    assert!(
                        reason.contains("found the byte 'n'") && message.name.is_empty(),
                        "{message:?}: {}",
                        said()
                    );
                    self.differs(Reason::Null);
                    return;
                }
            }
        }
        // Where dlvgate broke off there is nothing beyond, unless Go broke off before.
        if passed.broken.is_none() || passed.believed.len() > seen.messages.len() {
            self.same_end(passed, seen, &said);
        }
    }

    /// Compares the bytes beyond those that Go read.
    fn same_end(&mut self, passed: &Passed, seen: &Seen, said: &impl Fn() -> String) {
        let beyond = passed.believed.len() - seen.messages.len();
        if seen.end == End::Body {
            // go-dap's last message is among those that were read, net/rpc's is not.
            let bad = &passed.believed[seen.messages.len()..];
            let is_rpc = !seen.messages.iter().any(|message| message.kind == "bad" || message.mistyped);
            if is_rpc {
                assert_eq!(bad.first(), Some(&conversation::Message::Unknown), "{}", said());
            }
            if beyond > usize::from(is_rpc) {
                self.differs(Reason::AfterTheEnd);
            }
        } else {
            assert_eq!(beyond, 0, "{:?} were not read: {}", passed.believed, said());
        }
    }

    fn same(&mut self, believed: &conversation::Message, message: &Message, said: &impl Fn() -> String) {
        use conversation::Message as Is;
        let is_same = match (believed, message.kind.as_str()) {
            (Is::Unknown, "bad") => true,
            (Is::Unknown, "other") => {
                self.differs(Reason::FirstMessageTimeout);
                message.unknown
            }
            (Is::Request { key, name }, "request") => {
                self.same_key(*key, message) && self.same_name(name, message)
            }
            (Is::Reply { key, name: Some(name), success }, "response") => {
                *key == Some(Key::Seq(message.request_seq))
                    && *success == message.success
                    && self.same_name(name, message)
            }
            (Is::Event { name }, "event") => self.same_name(name, message),
            _ => false,
        };
        assert!(is_same, "{believed:?} and {message:?}: {}", said());
        if message.mistyped {
            self.differs(Reason::Mistyped);
        }
    }

    fn same_key(&mut self, key: Option<Key>, message: &Message) -> bool {
        let raw = message.id.as_str();
        match key {
            Some(Key::Seq(seq)) => seq == message.seq,
            Some(Key::Id(id)) => id.as_str() == raw,
            None if raw == "null" => true,
            None => {
                self.differs(Reason::Id);
                let is_text = serde_json::from_str::<IgnoredAny>(raw).is_ok() && !raw.contains('\u{fffd}');
                !is_text || raw.len() > ID_MAX || raw.starts_with(['{', '['])
            }
        }
    }

    fn same_name(&mut self, name: &Name, message: &Message) -> bool {
        if name.is_truncated() {
            self.differs(Reason::LongName);
            return message.name.len() > name.as_str().len() && message.name.starts_with(name.as_str());
        }
        *name == *message.name
    }

    /// A start has the forced arguments, and all else as the client has it.
    fn is_forced(&mut self, carried: &Carried, plain: &Seen, forced: &Seen) {
        let said = || lossy(&carried.wire);
        let ended = plain.end == End::Body;
        let mut plain =
            plain.messages.iter().enumerate().filter(|(at, _)| !carried.forced.refused.contains(at));
        for message in &forced.messages {
            let before = plain.next().map(|(_, before)| before);
            let Some(config) = &message.config else { continue };
            self.starts += 1;
            for (key, value) in FORCE {
                let value: Value = serde_json::from_str(value).expect("JSON");
                assert_eq!(config[key], value, "{key}: {}", said());
            }
            // dlv might have ended the session on the bytes that are refused or replaced.
            let Some(before) = before else {
                assert!(ended, "{message:?} was not there: {}", said());
                return;
            };
            assert_eq!((&before.kind, before.seq, &before.name), (&message.kind, message.seq, &message.name));
            let Some(own) = &before.config else { continue };
            let (mut own, mut config) = (own.clone(), config.clone());
            if own[SET.0] != config[SET.0] {
                assert_eq!((&own[SET.0], &config[SET.0]), (&json!(""), &json!("set")), "{}", said());
            }
            for value in [&mut own, &mut config] {
                let members = value.as_object_mut().expect("an object");
                FORCE.iter().for_each(|(key, _)| drop(members.remove(*key)));
                members.remove(SET.0);
            }
            assert_eq!(own, config, "{}", said());
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&form, input)) = input.split_first() else { return };
    let Some((cuts, rest)) = Cuts::of(input) else { return };
    STATE.with_borrow_mut(|state| {
        let State { oracles, amendments, counts } = state;
        let mut dice = Dice::new(rest);
        let streams = match form % 5 {
            0 => vec![(Protocol::Dap, rest.to_vec())],
            1 => vec![(
                Protocol::Dap,
                [format!("Content-Length: {}\r\n\r\n", rest.len()).as_bytes(), rest].concat(),
            )],
            2 => vec![(Protocol::JsonRpc, rest.to_vec())],
            3 => (0..STREAMS).map(|_| (Protocol::Dap, odd::dap(&mut dice))).collect(),
            _ => (0..STREAMS).map(|_| (Protocol::JsonRpc, odd::rpc(&mut dice))).collect(),
        };
        let carried: Vec<_> = streams
            .into_iter()
            .map(|(protocol, wire)| Carried::new(protocol, wire, &cuts, amendments))
            .collect();
        let asked: Vec<_> = carried.iter().flat_map(Carried::streams).collect();
        oracles.iter_mut().for_each(|oracle| oracle.ask(&asked));
        for oracle in oracles {
            for one in &carried {
                let (plain, forced) = (oracle.hear(), oracle.hear());
                counts.check(one, &plain, &forced);
            }
        }
    });
});
