//! File names in a JSON-RPC stream: the same bytes go on however it is cut, nothing but the strings
//! of the keys named is changed, and what is kept back is bounded.
#![no_main]

use std::collections::VecDeque;
use std::sync::Arc;

use dlvgate_protocol::jsonrpc::rewrite::{DEPTH_MAX, PATH_MAX, RewritePiece, Rewriter};
use dlvgate_protocol::paths::{PathRule, PathRules};
use dlvgate_protocol_fuzz::chunks::{self, Cuts};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fn rewritten<'a>(chunks: impl Iterator<Item = &'a [u8]>, mut rewriter: Rewriter) -> Vec<u8> {
    let mut out = Vec::new();
    let mut pieces = VecDeque::new();
    for chunk in chunks {
        rewriter.advance(chunk, &mut pieces);
        for piece in pieces.drain(..) {
            match piece {
                RewritePiece::Chunk(range) => out.extend_from_slice(&chunk[range]),
                RewritePiece::Own(bytes) => out.extend_from_slice(&bytes),
            }
        }
        let (held, levels) = rewriter.held();
        assert!(held <= PATH_MAX && levels <= DEPTH_MAX, "{held} bytes, {levels} levels");
    }
    out
}

/// A key as Go compares it.
fn folded(key: &str) -> String {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

/// The same value with the strings of these keys left out.
fn without_paths(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(without_paths).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let value = match folded(key).as_str() {
                    "file" | "loc" | "locexpr" | "substitutelocexpr" | "directorypath"
                        if value.is_string() =>
                    {
                        Value::Null
                    }
                    "sources" | "files" => strings_left_out(value),
                    _ => without_paths(value),
                };
                (key.clone(), value)
            });
            members.collect()
        }
        other => other.clone(),
    }
}

fn strings_left_out(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::Null,
        Value::Array(values) => values.iter().map(strings_left_out).collect(),
        other => without_paths(other),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, wire)) = Cuts::of(input) else { return };
    let rule = |client: &str, server: &str| PathRule { client: client.to_owned(), server: server.to_owned() };
    let rules = Arc::new(PathRules::new(vec![
        rule("/home/me/shop", "/go/src/shop"),
        rule("C:\\w", "/w"),
        rule("/", "/x"),
    ]));
    for rewriter in [Rewriter::to_server(rules.clone()), Rewriter::to_client(rules)] {
        let whole = rewritten(std::iter::once(wire), rewriter.clone());
        // A name that is held when the stream ends is not sent, however the stream is cut.
        assert_eq!(whole, rewritten(chunks::each(wire, cuts.clone()), rewriter.clone()));
        assert_eq!(whole, rewritten(wire.chunks(1), rewriter));
        if let Ok(before) = serde_json::from_slice::<Value>(wire) {
            let after: Value = serde_json::from_slice(&whole).expect("JSON stays JSON");
            assert_eq!(without_paths(&before), without_paths(&after));
        }
    }
    let nothing = Arc::new(PathRules::default());
    let same = rewritten(std::iter::once(wire), Rewriter::to_client(nothing));
    assert!(wire.starts_with(&same), "without a rule nothing is changed");
});
