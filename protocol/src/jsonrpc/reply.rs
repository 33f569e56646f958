//! The one reply that a proxy makes itself.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct RpcReply<'a> {
    id: &'a RawValue,
    result: (),
    error: &'a str,
}

/// Returns `{"id":ID,"result":null,"error":"TEXT"}` and a line feed, as Go's `net/rpc/jsonrpc`
/// writes it. An empty `text` would read as "unspecified error" in Go's client, and is sent as
/// that.
///
/// `id` is raw JSON, as [`Id::as_str`](super::Id::as_str) gives it; text that is not JSON is sent
/// as `null`.
pub fn error_reply(id: &str, text: &str) -> Bytes {
    let id = serde_json::from_str(id).unwrap_or(RawValue::NULL);
    let error = if text.is_empty() { "unspecified error" } else { text };
    // Cannot fail: strings and a valid raw value, into memory.
    let mut line = serde_json::to_vec(&RpcReply { id, result: (), error }).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_one_line_with_the_clients_id() {
        assert_eq!(
            error_reply("7", "no \"gate\"\n"),
            "{\"id\":7,\"result\":null,\"error\":\"no \\\"gate\\\"\\n\"}\n"
        );
        assert_eq!(error_reply("\"a\"", "x"), "{\"id\":\"a\",\"result\":null,\"error\":\"x\"}\n");
        assert_eq!(error_reply("null", "x"), "{\"id\":null,\"result\":null,\"error\":\"x\"}\n");
        for bad in ["", "1}", "abc", "1 2"] {
            assert_eq!(error_reply(bad, "x"), "{\"id\":null,\"result\":null,\"error\":\"x\"}\n");
        }
        assert_eq!(error_reply("1", ""), "{\"id\":1,\"result\":null,\"error\":\"unspecified error\"}\n");
    }
}
