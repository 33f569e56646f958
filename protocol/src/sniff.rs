//! Detects a connection's protocol by its first byte.
//!
//! Delve's headless server looks at the same byte to serve both protocols on one port
//! (Delve, `service/rpccommon/server.go`, `serveConnectionDemux`).

use crate::json::is_white_space;

/// What a client speaks to Delve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The Debug Adapter Protocol: `Content-Length` framed messages.
    Dap,
    /// Delve's JSON-RPC API v2: JSON objects, one after another.
    JsonRpc,
}

/// What asks whether a dlvgate is there. It is neither protocol, costs nothing, and is answered
/// with one line that begins `dlvgate`. It ends as a DAP header does, so that a dlv sees at once
/// that it is none, and does not wait for the rest.
pub const PROBE: &[u8] = b"dlvgate?\r\n\r\n";

/// Tells the protocol from the first byte of a connection.
///
/// `C` or `c` begins a `Content-Length` header. `{` or JSON white space (space, tab, line feed,
/// carriage return) begins a JSON-RPC object. `None` is neither: an HTTP request, a TLS handshake,
/// a port scan.
///
/// ```
/// use dlvgate_protocol::sniff::{Protocol, sniff};
///
/// assert_eq!(sniff(b'C'), Some(Protocol::Dap));
/// assert_eq!(sniff(b'{'), Some(Protocol::JsonRpc));
/// assert_eq!(sniff(b'G'), None); // GET / HTTP/1.1
/// ```
pub fn sniff(first: u8) -> Option<Protocol> {
    match first {
        b'C' | b'c' => Some(Protocol::Dap),
        b'{' => Some(Protocol::JsonRpc),
        byte if is_white_space(byte) => Some(Protocol::JsonRpc),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_byte_decides_dap_or_json_rpc() {
        assert_eq!(sniff(b'C'), Some(Protocol::Dap));
        assert_eq!(sniff(b'c'), Some(Protocol::Dap));
        for byte in *b"{ \t\r\n" {
            assert_eq!(sniff(byte), Some(Protocol::JsonRpc));
        }
        for byte in *b"GX[\0\x16\x0b" {
            assert_eq!(sniff(byte), None);
        }
        assert_eq!(sniff(PROBE[0]), None);
    }
}
