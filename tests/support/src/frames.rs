//! The wire, read strictly: what the server sends must be exactly `Content-Length: N\r\n\r\n` and N
//! bytes of JSON.

use serde_json::{Value, json};

/// The framed bytes of `body`.
pub fn frame(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The framed bytes of a request.
pub fn request(seq: i64, command: &str, arguments: Value) -> Vec<u8> {
    let request = json!({"seq": seq, "type": "request", "command": command, "arguments": arguments});
    frame(&request.to_string())
}

/// The next message at the front of `bytes`: `Ok(None)` while it is not complete, an error for any
/// byte that the protocol does not allow there.
pub fn split_first(bytes: &[u8]) -> Result<Option<(Value, usize)>, String> {
    const HEADER: &[u8] = b"Content-Length: ";
    let common = bytes.len().min(HEADER.len());
    if bytes[..common] != HEADER[..common] {
        return Err(format!("not a Content-Length header: {:?}", excerpt(bytes)));
    }
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > 64 {
            Err(format!("no end of header: {:?}", excerpt(bytes)))
        } else {
            Ok(None)
        };
    };
    let digits = String::from_utf8_lossy(&bytes[HEADER.len()..end]).into_owned();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("not a length: {digits:?}"));
    }
    let length: usize = digits.parse().map_err(|error| format!("{digits:?}: {error}"))?;
    let start = end + 4;
    let Some(body) = bytes.get(start..start + length) else {
        return Ok(None);
    };
    let message = serde_json::from_slice(body)
        .map_err(|error| format!("body is not JSON ({error}): {:?}", excerpt(body)))?;
    Ok(Some((message, start + length)))
}

/// Every message in `bytes`, which must hold nothing else.
pub fn split_all(mut bytes: &[u8]) -> Result<Vec<Value>, String> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        match split_first(bytes)? {
            Some((message, used)) => {
                messages.push(message);
                bytes = &bytes[used..];
            }
            None => return Err(format!("cut off: {:?}", excerpt(bytes))),
        }
    }
    Ok(messages)
}

fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned()
}

#[test]
fn the_oracle_takes_strict_frames_and_nothing_else() {
    let mut wire = frame(r#"{"seq":1}"#);
    assert_eq!(split_all(&wire).unwrap().len(), 1);
    wire.pop();
    assert_eq!(split_first(&wire), Ok(None));
    for bad in [
        "content-length: 2\r\n\r\n{}",
        "Content-Length: 2\n\n{}",
        "Content-Length:2\r\n\r\n{}",
        "Content-Length: 2\r\nX: y\r\n\r\n{}",
        "Content-Length: 2\r\n\r\n{}x",
    ] {
        assert!(split_all(bad.as_bytes()).is_err(), "{bad:?}");
    }
}
