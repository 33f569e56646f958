//! Delve's JSON-RPC: objects are told apart however they are cut, as another parser tells them
//! apart, and say the same.
#![no_main]

use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::jsonrpc::{
    ID_MAX, JsonRpcError, RpcEnvelope, RpcKind, RpcPart, RpcScanner, error_reply,
};
use dlvgate_protocol_fuzz::chunks::{self, Cuts};
use dlvgate_protocol_fuzz::members::Members;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// Where each object begins and ends, and what it says.
    objects: Vec<(usize, usize, RpcEnvelope)>,
    error: Option<JsonRpcError>,
    at_boundary: bool,
}

fn scan<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Seen {
    let mut scanner = RpcScanner::new();
    let mut seen = Seen::default();
    let (mut at, mut begin, mut envelope) = (0, None, None);
    for chunk in chunks {
        let mut rest = chunk;
        while !rest.is_empty() {
            let step = match scanner.step(rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(scanner.step(rest), Err(error), "an error stays");
                    seen.error = Some(error);
                    return seen;
                }
            };
            assert!(step.consumed > 0 && step.consumed <= rest.len());
            assert!(step.envelope.is_none() || envelope.is_none(), "reported twice");
            envelope = envelope.or(step.envelope);
            let from = at;
            at += step.consumed;
            rest = &rest[step.consumed..];
            match step.part {
                RpcPart::Between => assert!(begin.is_none() && step.envelope.is_none()),
                RpcPart::Object { end } => {
                    let from = *begin.get_or_insert(from);
                    if end {
                        assert!(scanner.at_boundary());
                        seen.objects.push((from, at, envelope.take().expect("reported by the end")));
                        begin = None;
                    }
                }
            }
        }
    }
    seen.at_boundary = scanner.at_boundary();
    seen
}

/// The objects of a stream as another parser reads them; `None` if it does not take the whole.
fn parsed(wire: &[u8]) -> Option<Vec<(usize, usize)>> {
    let mut stream = serde_json::Deserializer::from_slice(wire).into_iter::<Value>();
    let mut objects = Vec::new();
    loop {
        let from = stream.byte_offset();
        match stream.next() {
            None => return Some(objects),
            Some(Ok(value)) if value.is_object() => {
                let white = wire[from..].iter().position(|byte| *byte == b'{')?;
                objects.push((from + white, stream.byte_offset()));
            }
            Some(_) => return None,
        }
    }
}

fn check_meaning(object: &[u8], seen: RpcEnvelope) {
    let Some(members) = Members::of(object) else { return };
    let id =
        members.get("id").filter(|id| *id != "null" && id.len() <= ID_MAX && !id.starts_with(['{', '[']));
    let decided = |key| members.position(key);
    // The envelope is out once there are an id and a method or an error; what comes later changes
    // nothing.
    let enough = decided("id").zip([decided("method"), decided("error")].into_iter().flatten().min());
    let last = enough.map_or(usize::MAX, |(id, other)| id.max(other));
    let within = |key: &str| members.position(key).is_some_and(|at| at <= last);
    let kind = if within("method") {
        members
            .string("method")
            .map_or(RpcKind::Unknown, |method| RpcKind::Request { method: Name::new(&method) })
    } else if within("error") || within("result") {
        let failed = within("error") && members.get("error") != Some("null");
        RpcKind::Reply { success: !failed }
    } else {
        RpcKind::Unknown
    };
    let said = String::from_utf8_lossy(object);
    assert_eq!(seen.id.as_ref().map(|id| id.as_str()), id, "{said}");
    assert_eq!(seen.kind, kind, "{said}");
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, wire)) = Cuts::of(input) else { return };
    let whole = scan(std::iter::once(wire));
    assert_eq!(whole, scan(chunks::each(wire, cuts)));
    assert_eq!(whole, scan(wire.chunks(1)));
    if let Some(objects) = parsed(wire) {
        let seen: Vec<_> = whole.objects.iter().map(|&(from, to, _)| (from, to)).collect();
        assert_eq!(seen, objects, "a well-formed stream is never misread");
        assert!(whole.error.is_none() && whole.at_boundary);
    }
    for &(from, to, envelope) in &whole.objects {
        check_meaning(&wire[from..to], envelope);
        if let Some(id) = envelope.id {
            let reply = error_reply(id.as_str(), "no");
            let read = scan(std::iter::once(&reply[..]));
            assert_eq!(
                read.objects[0].2,
                RpcEnvelope { id: Some(id), kind: RpcKind::Reply { success: false } }
            );
        }
    }
});
