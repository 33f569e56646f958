//! Walks along a stream of JSON-RPC objects and reports boundaries and envelopes.

use super::envelope::RpcEnvelope;
use super::fields::{self, RpcFields};
use crate::json::exact::Exact;
use crate::json::{Walker, is_white_space};

/// What [`RpcScanner::step`] took, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcStep {
    /// Bytes taken from the front of the input; at least one where the input is not empty.
    pub consumed: usize,
    /// What those bytes are.
    pub part: RpcPart,
    /// The object's envelope. `Some` exactly once for each whole object: in the first step in
    /// which it is known, at the latest in the one with `end: true`; of a request, in that one.
    pub envelope: Option<RpcEnvelope>,
}

/// What the bytes of a step are. A step never spans two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcPart {
    /// White space between objects.
    Between,
    /// Some of an object.
    Object {
        /// Whether its closing brace is among them.
        end: bool,
    },
}

/// Why a stream is not, or no longer, a stream of JSON objects. Delve closes such a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonRpcError {
    /// Something other than an object or white space came between objects.
    #[error("expected a JSON object, found the byte '{}'", std::ascii::escape_default(*.byte))]
    NotAnObject {
        /// The first byte of what came.
        byte: u8,
    },
    /// An object's top level is not JSON; of a request, anything in it.
    #[error("malformed JSON object: unexpected byte '{}'", std::ascii::escape_default(*.byte))]
    Malformed {
        /// The byte that JSON does not allow here.
        byte: u8,
    },
}

/// Follows one direction of one connection. It keeps nothing of an object but its envelope.
///
/// Unlike a DAP body an object has no announced length: each byte is looked at, those of strings
/// at memory speed. There is no limit of an object's size.
///
/// ```
/// use dlvgate_protocol::jsonrpc::{RpcKind, RpcScanner};
///
/// let step = RpcScanner::new().step(br#"{"method":"RPCServer.State","params":[],"id":7}"#)?;
/// let envelope = step.envelope.expect("a whole object");
/// assert_eq!(envelope.id.expect("it has one").as_str(), "7");
/// assert!(matches!(envelope.kind, RpcKind::Request { method } if method == "RPCServer.State"));
/// # Ok::<(), dlvgate_protocol::jsonrpc::JsonRpcError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RpcScanner {
    walk: ObjectMode,
    fields: RpcFields,
    inside: bool,
    /// The present object's envelope has been reported.
    reported: bool,
    failed: Option<JsonRpcError>,
}

/// How an object is read.
#[derive(Clone, Debug)]
enum ObjectMode {
    /// For the first of equal keys.
    First(Walker),
    /// As Go does.
    Exact(Box<Exact>),
}

impl ObjectMode {
    fn reset(&mut self) {
        match self {
            ObjectMode::First(walker) => walker.reset(),
            ObjectMode::Exact(walker) => walker.reset(),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            ObjectMode::First(walker) => walker.is_done(),
            ObjectMode::Exact(walker) => walker.is_done(),
        }
    }

    fn is_broken(&self) -> bool {
        match self {
            ObjectMode::First(walker) => walker.is_broken(),
            ObjectMode::Exact(walker) => walker.is_broken(),
        }
    }

    /// Takes bytes up to a field that is found, and what it says; returns how many.
    fn advance(&mut self, input: &[u8], fields: &mut RpcFields) -> usize {
        match self {
            ObjectMode::First(walker) => {
                let advance = walker.advance(input);
                if let Some((field, value)) = advance.found {
                    // Later fields change nothing: the envelope may have been reported already.
                    if !fields.are_enough() {
                        fields.take(field, value, walker);
                    }
                }
                advance.consumed
            }
            ObjectMode::Exact(walker) => {
                let advance = walker.advance(input);
                if let Some((field, value)) = advance.found {
                    fields.take_last(field, value, walker);
                }
                advance.consumed
            }
        }
    }
}

impl RpcScanner {
    /// Returns a scanner between objects, of either side.
    pub fn new() -> RpcScanner {
        RpcScanner::with(ObjectMode::First(Walker::new(fields::NAMES)))
    }

    /// Returns a scanner between objects that a client sends: each is the request that Go's
    /// net/rpc/jsonrpc reads, with keys in any case, and the last of equal ones.
    pub fn of_client() -> RpcScanner {
        RpcScanner::with(ObjectMode::Exact(Box::new(Exact::new(fields::REQUEST_NAMES))))
    }

    fn with(walk: ObjectMode) -> RpcScanner {
        RpcScanner { walk, fields: RpcFields::default(), inside: false, reported: false, failed: None }
    }

    /// Takes some bytes from the front of `input` (not empty) and says what they are.
    ///
    /// Call it again with the bytes that are left. What a stream yields does not depend on how it
    /// is cut into inputs, but for the number of steps and the step in which an envelope comes.
    ///
    /// # Errors
    ///
    /// Where the stream is no stream of JSON objects; see [`JsonRpcError`]. Every further call
    /// returns the same error, since where the next object begins is unknown.
    pub fn step(&mut self, input: &[u8]) -> Result<RpcStep, JsonRpcError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !self.inside {
            let white = input.iter().position(|&byte| !is_white_space(byte));
            match white {
                Some(0) if input[0] == b'{' => self.begin(),
                Some(0) => return Err(self.fail(JsonRpcError::NotAnObject { byte: input[0] })),
                _ => {
                    let consumed = white.unwrap_or(input.len());
                    return Ok(RpcStep { consumed, part: RpcPart::Between, envelope: None });
                }
            }
        }
        self.object(input)
    }

    /// Whether the stream stands between objects.
    pub fn at_boundary(&self) -> bool {
        !self.inside && self.failed.is_none()
    }

    fn begin(&mut self) {
        self.inside = true;
        self.reported = false;
        self.fields = RpcFields::default();
        self.walk.reset();
    }

    fn fail(&mut self, error: JsonRpcError) -> JsonRpcError {
        self.failed = Some(error);
        error
    }

    fn object(&mut self, input: &[u8]) -> Result<RpcStep, JsonRpcError> {
        let mut consumed = 0;
        while consumed < input.len() && !self.walk.is_done() {
            consumed += self.walk.advance(&input[consumed..], &mut self.fields);
            if self.walk.is_broken() {
                // What precedes the bad byte is reported first, then the error.
                let byte = input[consumed.min(input.len() - 1)];
                let error = self.fail(JsonRpcError::Malformed { byte });
                if consumed == 0 {
                    return Err(error);
                }
                return Ok(self.report(consumed, false));
            }
        }
        let end = self.walk.is_done();
        self.inside = !end;
        Ok(self.report(consumed, end))
    }

    fn report(&mut self, consumed: usize, end: bool) -> RpcStep {
        let envelope = match self.walk {
            ObjectMode::First(_) if !self.reported && (end || self.fields.are_enough()) => {
                Some(self.fields.envelope())
            }
            ObjectMode::Exact(_) if end => Some(self.fields.request()),
            _ => None,
        };
        self.reported |= envelope.is_some();
        RpcStep { consumed, part: RpcPart::Object { end }, envelope }
    }
}

impl Default for RpcScanner {
    fn default() -> RpcScanner {
        RpcScanner::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Name;
    use crate::jsonrpc::RpcKind;

    /// The envelopes of a stream, and whether each came before its object's end.
    fn scan(wire: &str, chunk: usize) -> Result<Vec<RpcEnvelope>, JsonRpcError> {
        let mut scanner = RpcScanner::new();
        let mut envelopes = Vec::new();
        for mut rest in wire.as_bytes().chunks(chunk) {
            while !rest.is_empty() {
                let step = scanner.step(rest)?;
                assert!(step.consumed > 0);
                rest = &rest[step.consumed..];
                envelopes.extend(step.envelope);
            }
        }
        assert!(scanner.at_boundary());
        Ok(envelopes)
    }

    #[test]
    fn objects_need_no_line_feed_between_them() {
        let wire = concat!(
            r#"{"method":"RPCServer.State","params":[{"id":99}],"id":1}{"id":1,"result":{"error":"x"},"error":null}"#,
            "\n\r\t ",
            r#"{"id":"a\"b","result":null,"error":"could not {"}"#,
            r#"{}{"id":null,"result":1}"#,
        );
        for chunk in 1..=wire.len() {
            let found = scan(wire, chunk).unwrap();
            let ids: Vec<_> = found.iter().map(|found| found.id.map(|id| id.to_string())).collect();
            let a = r#""a\"b""#;
            assert_eq!(ids, [Some("1".into()), Some("1".into()), Some(a.into()), None, None]);
            let kinds: Vec<_> = found.iter().map(|found| found.kind).collect();
            assert_eq!(
                kinds,
                [
                    RpcKind::Request { method: Name::new("RPCServer.State") },
                    RpcKind::Reply { success: true },
                    RpcKind::Reply { success: false },
                    RpcKind::Unknown,
                    RpcKind::Reply { success: true },
                ]
            );
        }
    }

    #[test]
    fn later_fields_do_not_change_a_cut_envelope() {
        let wire = r#"{"id":1,"error":null,"method":"late","id":2}"#;
        for chunk in 1..=wire.len() {
            let found = scan(wire, chunk).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].id.and_then(|id| id.as_i64()), Some(1));
            assert_eq!(found[0].kind, RpcKind::Reply { success: true }, "by {chunk}");
        }
    }

    #[test]
    fn ids_are_numbers_or_text_of_bounded_length() {
        let id = |text: &str| scan(&format!(r#"{{"id":{text},"error":null}}"#), 7).unwrap()[0].id;
        assert_eq!(id("18446744073709551615").unwrap().as_u64(), Some(u64::MAX));
        assert_eq!(id("-1").unwrap().as_i64(), Some(-1));
        assert_eq!(id("\"7\"").unwrap().as_i64(), None);
        const ID: usize = crate::jsonrpc::ID_MAX;
        assert_eq!(id(&"1".repeat(ID)).unwrap().as_str().len(), ID);
        assert_eq!(id(&"1".repeat(ID + 1)), None);
        assert_eq!(id("\"a<&>b\"").unwrap().as_str(), r#""a\u003c\u0026\u003eb""#, "as Go repeats it");
        assert_eq!(id(&format!("\"{}\"", "<".repeat(ID / 6 + 1))), None);
        for text in ["null", "[1]", "{}", "1a", "01", "\"\\q\""] {
            assert_eq!(id(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_an_error_that_stays() {
        for chunk in 1..12 {
            assert_eq!(scan("GET /", chunk), Err(JsonRpcError::NotAnObject { byte: b'G' }));
            assert_eq!(scan("{} x", chunk), Err(JsonRpcError::NotAnObject { byte: b'x' }));
            assert_eq!(scan(r#"{"id":1]{}"#, chunk), Err(JsonRpcError::Malformed { byte: b']' }));
        }
    }

    #[test]
    fn client_s_object_is_the_request_go_reads() {
        let wire = concat!(
            r#"{"method":"RPCServer.State","params":[{"method":"x"}],"Method":"RPCServer.Detach","id":1,"ID":2}"#,
            r#"{"\u006dethod":"a","METHOD":null,"id":"b","result":1}{}{"method":"a","method":5,"id":3} {"Id":[1]}"#,
        );
        for chunk in 1..=wire.len() {
            let (mut scanner, mut found) = (RpcScanner::of_client(), Vec::new());
            for mut rest in wire.as_bytes().chunks(chunk) {
                while !rest.is_empty() {
                    let step = scanner.step(rest).unwrap();
                    assert!(step.envelope.is_none() || step.part == RpcPart::Object { end: true });
                    rest = &rest[step.consumed..];
                    found.extend(step.envelope);
                }
            }
            let ids: Vec<_> = found.iter().map(|found| found.id.map(|id| id.to_string())).collect();
            let id = |text: &str| Some(text.to_owned());
            assert_eq!(ids, [id("2"), id("\"b\""), None, id("3"), None], "by {chunk}");
            let request = |method: &str| RpcKind::Request { method: Name::new(method) };
            let kinds: Vec<_> = found.iter().map(|found| found.kind).collect();
            assert_eq!(
                kinds,
                [request("RPCServer.Detach"), request("a"), request(""), RpcKind::Unknown, request("")]
            );
        }
        let nested = RpcScanner::of_client().step(br#"{"params":[tru]}"#).unwrap();
        assert_eq!((nested.consumed, nested.envelope), (14, None), "Go refuses what is wrong at any depth");
    }
}
