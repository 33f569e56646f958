//! Generators shared by the property tests.
#![allow(dead_code)]

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

/// As many cases as usual; under Miri, which takes some thousand times as long, a few, and none is
/// written down.
pub fn config() -> ProptestConfig {
    match cfg!(miri) {
        true => ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() },
        false => ProptestConfig::default(),
    }
}

/// Cuts `bytes` at the given places (taken modulo what is left, never empty).
pub fn cut<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut rest = bytes;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| 1 + size % rest.len());
        let (chunk, left) = rest.split_at(size);
        chunks.push(chunk);
        rest = left;
    }
    chunks
}

/// Chunk sizes: mostly a few bytes, sometimes many.
pub fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![4 => 0_usize..4, 2 => 0_usize..40, 1 => 0_usize..4000], 1..30)
}

/// Strings that a careless scanner would stumble over.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,8}",
        r#"["\\{}\[\],:/ \n\u{0}-\u{1f}]{0,12}"#,
        any::<String>(),
        "[a-zA-Zäß€😀]{50,80}",
        prop::sample::select(vec!["command", "type", "seq", "request", "event", "id", "error", "method"])
            .prop_map(String::from),
    ]
}

/// Any JSON value, nested, its keys often those of an envelope.
pub fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((text(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Writes a string with a choice of escapes: as it is, short escapes, or each character's number
/// (RFC 8259, section 7).
pub fn quoted(text: &str, style: u8) -> String {
    if style % 3 != 0 {
        return Value::from(text).to_string();
    }
    let mut out = String::from("\"");
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04x}"));
    }
    out + "\""
}

/// Writes an object field by field, in the order given, with white space of the given style.
pub fn object(fields: &[(String, Value)], style: u8) -> String {
    let space = ["", " ", "\n\t", "\r\n"][usize::from(style / 3) % 4];
    let fields: Vec<String> = fields
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => quoted(text, style.wrapping_add(1)),
                other => other.to_string(),
            };
            format!("{space}{}{space}:{space}{value}{space}", quoted(key, style))
        })
        .collect();
    format!("{space}{{{}{space}}}{space}", fields.join(","))
}
