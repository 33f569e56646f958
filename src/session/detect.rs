//! The first bytes of a connection: whether it speaks at all, and what. A client has said its first
//! header, or in JSON-RPC its first request, before it counts as one.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dlvgate_protocol::frame::{HeaderReader, Limits};
use dlvgate_protocol::jsonrpc;
use dlvgate_protocol::sniff::{PROBE, Protocol, sniff};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

use super::conversation::PendingRequests;
use super::end_reason::EndReason;

/// How long a connection may stay silent, or not get to the end of what it begins with. Clients
/// speak at once; a forgotten probe must not hold a descriptor.
pub const FIRST_BYTE: Duration = Duration::from_secs(60);

/// Bytes that are held while dlv starts and the gate opens; then the kernel's buffers make the
/// client wait.
const HELD: usize = 64 * 1024;

/// How long the rest of a JSON-RPC request is waited for, to answer it by its id.
const REST_OF_REQUEST: Duration = Duration::from_millis(500);

/// What a connection turned out to be.
pub(super) enum Detected {
    /// A client with its first bytes.
    Client(Protocol, PrefixBuffer),
    /// Nothing that we serve: what to answer before closing.
    Refused { why: String, answer: Bytes },
    /// `dlvgate doctor --probe` asks who is there.
    Probed { answer: Bytes },
    /// Closed, reset or silent for too long: there is no client to answer.
    Nothing { why: String },
}

/// The bytes that were read and not yet forwarded.
#[derive(Default)]
pub(super) struct PrefixBuffer {
    pub(super) bytes: BytesMut,
    /// The client has closed its sending half.
    ended: bool,
}

impl PrefixBuffer {
    /// Keeps reading, within [`HELD`], while something else is waited for. Returns only where the
    /// connection was reset.
    pub(super) async fn keep_reading(&mut self, client: &mut (impl AsyncRead + Unpin)) -> io::Error {
        while !self.ended && self.bytes.len() < HELD {
            match client.read_buf(&mut self.bytes).await {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(error) => return error,
            }
        }
        std::future::pending().await
    }
}

/// Waits for the first byte, and what belongs to it, and says what speaks. `json_rpc`: whether the
/// dlv behind us does.
pub(super) async fn open(client: &mut (impl AsyncRead + Unpin), json_rpc: bool) -> Detected {
    let deadline = Instant::now() + FIRST_BYTE;
    let mut hold = PrefixBuffer::default();
    hold.bytes.reserve(4096);
    match tokio::time::timeout_at(deadline, client.read_buf(&mut hold.bytes)).await {
        Err(_) => {
            return Detected::Nothing { why: super::end_reason::silent(FIRST_BYTE) };
        }
        Ok(Err(error)) => {
            return Detected::Nothing { why: error.to_string() };
        }
        Ok(Ok(0)) => {
            return Detected::Nothing { why: "closed without a byte".to_owned() };
        }
        Ok(Ok(_)) => {}
    }
    match sniff(hold.bytes[0]) {
        Some(Protocol::Dap) => {
            begun(client, hold, StartCondition::Dap(HeaderReader::new(Limits::default())), deadline).await
        }
        Some(Protocol::JsonRpc) if json_rpc => {
            begun(client, hold, StartCondition::JsonRpc(Box::new(jsonrpc::RpcScanner::of_client())), deadline)
                .await
        }
        Some(Protocol::JsonRpc) => refuse_json_rpc(client, hold).await,
        None if PROBE.starts_with(&hold.bytes) || hold.bytes.starts_with(PROBE) => {
            let serves = if json_rpc { "DAP and Delve's JSON-RPC" } else { "DAP" };
            Detected::Probed {
                answer: format!("dlvgate {}: serves {serves}\n", env!("CARGO_PKG_VERSION")).into(),
            }
        }
        None => {
            let first = hold.bytes[0];
            let text = format!(
                "the first byte is {first:#04x}: this is neither DAP (`Content-Length: N`) nor Delve's JSON-RPC (`{{`)"
            );
            Detected::Refused { answer: Bytes::from(format!("dlvgate: {text}\n")), why: text }
        }
    }
}

/// What a client has to say before anything is started for it.
enum StartCondition {
    /// A header.
    Dap(HeaderReader),
    /// An object.
    JsonRpc(Box<jsonrpc::RpcScanner>),
}

impl StartCondition {
    fn protocol(&self) -> Protocol {
        match self {
            StartCondition::Dap(_) => Protocol::Dap,
            StartCondition::JsonRpc(_) => Protocol::JsonRpc,
        }
    }

    /// Whether it is whole with these bytes, which follow on those before.
    ///
    /// # Errors
    /// Why they are nothing of the protocol.
    fn is_whole_with(&mut self, mut bytes: &[u8]) -> Result<bool, String> {
        match self {
            StartCondition::Dap(header) => {
                let stepped = header.step(bytes);
                let (_, header) =
                    stepped.map_err(|why| format!("what the client sent is not framed as DAP: {why}"))?;
                Ok(header.is_some())
            }
            StartCondition::JsonRpc(object) => {
                while !bytes.is_empty() {
                    let step = object.step(bytes);
                    let step = step.map_err(|why| format!("what the client sent is not JSON-RPC: {why}"))?;
                    if matches!(step.part, jsonrpc::RpcPart::Object { end: true }) {
                        return Ok(true);
                    }
                    bytes = &bytes[step.consumed..];
                }
                Ok(false)
            }
        }
    }
}

/// Waits for the rest of what the client has begun with.
async fn begun(
    client: &mut (impl AsyncRead + Unpin),
    mut hold: PrefixBuffer,
    mut beginning: StartCondition,
    deadline: Instant,
) -> Detected {
    let protocol = beginning.protocol();
    let mut seen = 0;
    while hold.bytes.len() < HELD {
        match beginning.is_whole_with(&hold.bytes[seen..]) {
            Ok(true) => break,
            Ok(false) => seen = hold.bytes.len(),
            Err(why) => return refused(protocol, why),
        }
        match tokio::time::timeout_at(deadline, client.read_buf(&mut hold.bytes)).await {
            Err(_) => {
                return refused(protocol, EndReason::FirstMessageTimeout { limit: FIRST_BYTE }.to_string());
            }
            Ok(Err(error)) => return Detected::Nothing { why: error.to_string() },
            Ok(Ok(0)) => return Detected::Nothing { why: "closed in its first message".to_owned() },
            Ok(Ok(_)) => {}
        }
    }
    Detected::Client(protocol, hold)
}

fn refused(protocol: Protocol, why: String) -> Detected {
    Detected::Refused { answer: PendingRequests::new(protocol).remark(&why).unwrap_or_default(), why }
}

/// `dlv dap` would hang on it. The answer comes by the request's id, where that can be read in
/// time.
async fn refuse_json_rpc(client: &mut (impl AsyncRead + Unpin), mut hold: PrefixBuffer) -> Detected {
    let deadline = tokio::time::Instant::now() + REST_OF_REQUEST;
    let mut id = request_id(&hold.bytes);
    while id.is_none() && hold.bytes.len() < HELD {
        match tokio::time::timeout_at(deadline, client.read_buf(&mut hold.bytes)).await {
            Ok(Ok(read)) if read > 0 => id = request_id(&hold.bytes),
            _ => break,
        }
    }
    let text = "dlvgate: this port serves DAP (`dlv dap`), and this client speaks Delve's JSON-RPC, as GoLand's own \
                debugger does. Start a headless dlv for it instead: `dlvgate serve --listen ADDR -- exec ./program \
                --accept-multiclient`, which serves both";
    Detected::Refused {
        why: "the client speaks JSON-RPC, which `dlv dap` does not".to_owned(),
        answer: jsonrpc::error_reply(id.as_deref().unwrap_or("null"), text),
    }
}

/// The raw `id` of the first whole object.
fn request_id(bytes: &[u8]) -> Option<String> {
    let request: FirstRequest<'_> = serde_json::Deserializer::from_slice(bytes).into_iter().next()?.ok()?;
    Some(request.id.get().to_owned())
}

#[derive(serde::Deserialize)]
struct FirstRequest<'a> {
    #[serde(borrow)]
    id: &'a serde_json::value::RawValue,
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn answer(bytes: &[u8]) -> Option<String> {
        match open(&mut &*bytes, false).await {
            Detected::Refused { answer, .. } => Some(String::from_utf8(answer.to_vec()).unwrap()),
            Detected::Client(_, hold) => {
                assert_eq!(&hold.bytes[..], bytes);
                None
            }
            Detected::Probed { answer } => Some(String::from_utf8(answer.to_vec()).unwrap()),
            Detected::Nothing { why } => Some(why),
        }
    }

    #[tokio::test]
    async fn probe_in_parts_is_answered() {
        for bytes in [&PROBE[..1], PROBE] {
            assert!(answer(bytes).await.unwrap().starts_with("dlvgate "), "{bytes:?}");
        }
        assert!(answer(b"date\n").await.unwrap().contains("0x64"));
    }

    #[tokio::test]
    async fn a_header_in_any_case_is_held_whole() {
        assert_eq!(answer(b"content-length: 5\r\n\r\n{").await, None);
    }

    /// The clock is the test's: it jumps to the deadline while nothing else happens.
    #[tokio::test(start_paused = true)]
    async fn begun_header_makes_no_client() {
        for (begun, json_rpc) in
            [(&b"Content-Le"[..], false), (b"Content-Length: 5\r\n", true), (b"{\"method\":", true)]
        {
            assert!(matches!(open(&mut &*begun, json_rpc).await, Detected::Nothing { .. }), "it closes");
            let (mut ours, mut theirs) = tokio::io::duplex(64);
            theirs.write_all(begun).await.unwrap();
            let before = Instant::now();
            let Detected::Refused { why, .. } = open(&mut ours, json_rpc).await else { panic!("{begun:?}") };
            assert!(why.contains("no message"), "{why}");
            assert_eq!(before.elapsed().as_secs(), FIRST_BYTE.as_secs());
        }
    }

    #[tokio::test]
    async fn slow_beginning_is_held_whole() {
        for (slow, json_rpc) in
            [(&b"Content-Length: 5\r\n\r\n"[..], false), (br#"{"method":"}","id":1}"#, true)]
        {
            let (mut ours, mut theirs) = tokio::io::duplex(1);
            let (opened, ()) =
                tokio::join!(open(&mut ours, json_rpc), async { theirs.write_all(slow).await.unwrap() });
            assert!(matches!(opened, Detected::Client(_, hold) if &hold.bytes[..] == slow));
        }
    }

    #[tokio::test]
    async fn garbage_makes_no_client() {
        for (garbage, json_rpc) in [(&b"Content-Length: x\r\n\r\n"[..], false), (b"{]", true), (b"{}]", true)]
        {
            let opened = open(&mut &*garbage, json_rpc).await;
            let is_refused =
                matches!(&opened, Detected::Refused { why, .. } if why.contains("what the client sent"));
            // What follows an object is the session's to refuse.
            assert_eq!(is_refused, garbage != b"{}]");
        }
    }

    #[tokio::test]
    async fn json_rpc_is_served_where_dlv_does() {
        let opened = open(&mut &b" {}"[..], true).await;
        assert!(matches!(opened, Detected::Client(Protocol::JsonRpc, hold) if &hold.bytes[..] == b" {}"));
    }

    #[tokio::test]
    async fn json_rpc_is_answered_by_its_id() {
        let text = answer(br#"{"method":"RPCServer.IsMulticlient","params":[{}],"id":7}"#).await.unwrap();
        assert!(text.contains(r#""id":7"#) && text.contains("headless"), "{text}");
    }

    #[tokio::test]
    async fn other_protocols_get_one_clear_line() {
        let text = answer(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(text.contains("0x47") && text.ends_with('\n'), "{text}");
    }

    #[tokio::test]
    async fn a_bad_header_is_answered_as_dap() {
        let text = answer(b"Content-Length: abc\r\n\r\n{}").await.unwrap();
        assert!(text.starts_with("Content-Length: ") && text.contains("abc"), "{text}");
    }
}
