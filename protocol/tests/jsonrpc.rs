//! The scanner reports the truth about a stream of JSON-RPC objects, however it is cut.
// Helpers outside #[test] functions may panic as well.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::jsonrpc::{
    ID_MAX, JsonRpcError, RpcEnvelope, RpcKind, RpcPart, RpcScanner, error_reply,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use support::{cut, json, object, sizes, text};

#[derive(Debug, Default, PartialEq)]
struct Seen {
    objects: Vec<(Vec<u8>, RpcEnvelope)>,
    error: Option<JsonRpcError>,
    at_boundary: bool,
}

fn scan(chunks: &[&[u8]]) -> Seen {
    let mut scanner = RpcScanner::new();
    let mut seen = Seen::default();
    let mut object = Vec::new();
    let mut envelope = None;
    for chunk in chunks {
        let mut rest = *chunk;
        while !rest.is_empty() {
            let step = match scanner.step(rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(scanner.step(rest), Err(error), "an error stays");
                    seen.error = Some(error);
                    return seen;
                }
            };
            assert!(step.consumed > 0);
            let (taken, left) = rest.split_at(step.consumed);
            assert!(step.envelope.is_none() || envelope.is_none(), "reported twice");
            envelope = envelope.or(step.envelope);
            match step.part {
                RpcPart::Between => {
                    assert!(taken.iter().all(u8::is_ascii_whitespace) && step.envelope.is_none())
                }
                RpcPart::Object { end } => {
                    object.extend_from_slice(taken);
                    assert_eq!(end, scanner.at_boundary());
                    if end {
                        let envelope = envelope.take().expect("reported by the end");
                        seen.objects.push((std::mem::take(&mut object), envelope));
                    }
                }
            }
            rest = left;
        }
    }
    seen.at_boundary = scanner.at_boundary();
    seen
}

fn fields() -> impl Strategy<Value = (Vec<(String, Value)>, u8)> {
    let id = || prop_oneof![3 => any::<u64>().prop_map(Value::from), 1 => json()];
    let error = prop_oneof![1 => Just(Value::Null), 1 => text().prop_map(Value::from), 1 => json()];
    let request = (id(), text(), json())
        .prop_map(|(id, method, params)| vec![("id", id), ("method", method.into()), ("params", params)]);
    let reply = (id(), json(), error)
        .prop_map(|(id, result, error)| vec![("id", id), ("result", result), ("error", error)]);
    let known = prop_oneof![request, reply]
        .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_string(), value)));
    // Never the name of a field that decides.
    let other = vec(("[a-z\\\\\"]{7,12}", json()), 0..3);
    let fields = (known, other).prop_map(|(known, other)| known.chain(other).collect::<Vec<_>>());
    (fields.prop_shuffle(), any::<u8>()).boxed()
}

fn oracle(fields: &[(String, Value)]) -> RpcKind {
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    match (get("method"), get("error")) {
        (Some(method), _) => RpcKind::Request { method: Name::new(method.as_str().unwrap()) },
        (None, error) => RpcKind::Reply { success: error.is_none_or(Value::is_null) },
    }
}

proptest! {
    #![proptest_config(support::config())]

    #[test]
    fn objects_are_told_apart_however_they_are_cut(
        objects in vec((fields(), "[ \t\r\n]{0,3}"), 1..5), sizes in sizes(),
    ) {
        let written: Vec<String> =
            objects.iter().map(|((fields, style), _)| object(fields, *style).trim().to_string()).collect();
        let wire: String = written.iter().zip(&objects).flat_map(|(text, (_, space))| [text, space.as_str()]).collect();
        let seen = scan(&cut(wire.as_bytes(), &sizes));
        prop_assert_eq!(&seen, &scan(&[wire.as_bytes()]));
        prop_assert!(seen.at_boundary && seen.error.is_none());
        prop_assert_eq!(seen.objects.len(), objects.len());
        for (((bytes, envelope), text), ((fields, _), _)) in seen.objects.iter().zip(&written).zip(&objects) {
            prop_assert_eq!(bytes, text.as_bytes());
            prop_assert_eq!(envelope.kind, oracle(fields), "{}", text);
            let id = fields.iter().find(|(key, _)| key == "id").map(|(_, value)| value).unwrap();
            match envelope.id {
                // As written: a full parse may round a float.
                Some(seen) if id.is_number() => prop_assert_eq!(seen.as_str(), id.to_string()),
                Some(seen) => prop_assert_eq!(&serde_json::from_str::<Value>(seen.as_str()).unwrap(), id),
                None => prop_assert!(
                    id.is_null() || id.is_object() || id.is_array() || id.as_str().is_some_and(|id| id.len() * 6 + 2 > ID_MAX)
                ),
            }
        }
    }

    #[test]
    fn garbage_reads_the_same_however_it_is_cut(
        pieces in vec(prop_oneof![
            3 => fields().prop_map(|(fields, style)| object(&fields, style).into_bytes()),
            1 => Just(b"{}".to_vec()), 1 => Just(b"}".to_vec()), 1 => Just(b"\"".to_vec()), 1 => vec(any::<u8>(), 0..4),
        ], 0..6),
        sizes in sizes(),
    ) {
        let wire = pieces.concat();
        prop_assert_eq!(scan(&cut(&wire, &sizes)), scan(&[&wire[..]]));
    }

    #[test]
    fn an_error_reply_is_read_back(id in any::<u64>(), text in text()) {
        let seen = scan(&[&error_reply(&id.to_string(), &text)]);
        prop_assert_eq!(seen.objects[0].1.id.unwrap().as_u64(), Some(id));
        prop_assert_eq!(seen.objects[0].1.kind, RpcKind::Reply { success: false });
        let reply: Value = serde_json::from_slice(&seen.objects[0].0).unwrap();
        prop_assert!(text.is_empty() || reply["error"] == text.as_str());
    }
}
