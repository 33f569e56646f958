//! One sender's bytes, put together to messages again.

use bytes::{Bytes, BytesMut};
use dlvgate_protocol::frame::Limits;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_protocol::{jsonrpc, scan};

use crate::format::PART;

/// What the bytes make.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A whole message, and its header if that is not `Content-Length: N` alone.
    Message { header: Option<String>, body: Bytes },
    /// A piece of a long one.
    Part { bytes: Bytes, more: bool },
    /// No message.
    Unframed(Bytes),
}

/// Follows one sender. Keeps at most [`PART`] bytes.
pub(crate) struct Assembler {
    scanner: MessageScanner,
    header: Vec<u8>,
    is_usual: bool,
    body: BytesMut,
    /// Pieces of the present message were given away.
    in_parts: bool,
    lost: bool,
}

enum MessageScanner {
    Dap(Box<scan::DapScanner>),
    Rpc(Box<jsonrpc::RpcScanner>),
}

impl Assembler {
    pub(crate) fn new(protocol: Protocol) -> Assembler {
        let scanner = match protocol {
            Protocol::Dap => MessageScanner::Dap(Box::new(scan::DapScanner::new(Limits::default()))),
            Protocol::JsonRpc => MessageScanner::Rpc(Box::default()),
        };
        Assembler {
            scanner,
            header: Vec::new(),
            is_usual: true,
            body: BytesMut::new(),
            in_parts: false,
            lost: false,
        }
    }

    /// Takes the next bytes and appends what they complete.
    pub(crate) fn take(&mut self, mut bytes: &[u8], units: &mut Vec<Unit>) {
        while !bytes.is_empty() {
            if self.lost {
                units.push(Unit::Unframed(Bytes::copy_from_slice(bytes)));
                return;
            }
            match self.step(bytes, units) {
                Some(consumed) => bytes = &bytes[consumed..],
                None => {
                    self.end(units);
                    self.lost = true;
                }
            }
        }
    }

    /// How many bytes are understood; `None` if the stream cannot be followed any more.
    fn step(&mut self, bytes: &[u8], units: &mut Vec<Unit>) -> Option<usize> {
        let (consumed, is_body, is_end) = match &mut self.scanner {
            MessageScanner::Dap(scanner) => {
                let step = scanner.step(bytes).ok()?;
                if let scan::DapPart::Body { end } = step.part {
                    (step.consumed, true, end)
                } else {
                    self.header.extend_from_slice(&bytes[..step.consumed]);
                    match step.part {
                        scan::DapPart::Header(header) => {
                            self.is_usual = header.canonical;
                            (step.consumed, false, header.body_len == 0)
                        }
                        _ => (step.consumed, false, false),
                    }
                }
            }
            MessageScanner::Rpc(scanner) => {
                let step = scanner.step(bytes).ok()?;
                let end = step.part == jsonrpc::RpcPart::Object { end: true };
                (step.consumed, step.part != jsonrpc::RpcPart::Between, end)
            }
        };
        if is_body {
            self.body.extend_from_slice(&bytes[..consumed]);
        }
        if is_end {
            self.whole(units);
        } else if self.body.len() >= PART {
            self.in_parts = true;
            units.push(Unit::Part { bytes: self.body.split().freeze(), more: true });
        }
        Some(consumed)
    }

    fn whole(&mut self, units: &mut Vec<Unit>) {
        let header = std::mem::take(&mut self.header);
        let body = self.body.split().freeze();
        units.push(if std::mem::take(&mut self.in_parts) {
            Unit::Part { bytes: body, more: false }
        } else {
            let header = (!self.is_usual).then(|| String::from_utf8_lossy(&header).into_owned());
            Unit::Message { header, body }
        });
    }

    /// The stream has ended: what has no end is not a message.
    pub(crate) fn end(&mut self, units: &mut Vec<Unit>) {
        let mut rest = std::mem::take(&mut self.header);
        rest.extend_from_slice(&self.body.split());
        if !rest.is_empty() {
            units.push(Unit::Unframed(rest.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(protocol: Protocol, wire: &[u8], size: usize) -> Vec<Unit> {
        let (mut assembler, mut units) = (Assembler::new(protocol), Vec::new());
        wire.chunks(size).for_each(|chunk| assembler.take(chunk, &mut units));
        assembler.end(&mut units);
        units
    }

    fn message(header: Option<&str>, body: &'static str) -> Unit {
        Unit::Message { header: header.map(str::to_owned), body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn messages_are_the_same_however_they_are_cut() {
        let wire = b"Content-Length: 7\r\n\r\n{\"a\":1}content-length:2\n\n{}Content-Length: 0\r\n\r\nContent-Length: 9\r\n\r\n{\"b";
        for size in 1..wire.len() {
            let expected = [
                message(None, r#"{"a":1}"#),
                message(Some("content-length:2\n\n"), "{}"),
                message(None, ""),
                Unit::Unframed(Bytes::from_static(b"Content-Length: 9\r\n\r\n{\"b")),
            ];
            assert_eq!(assemble(Protocol::Dap, wire, size), expected, "by {size}");
            let rpc = assemble(Protocol::JsonRpc, b" {\"a\":1}\n{} {\"b", size);
            let cut = Unit::Unframed(Bytes::from_static(b"{\"b"));
            assert_eq!(rpc, [message(None, r#"{"a":1}"#), message(None, "{}"), cut], "by {size}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_kept_as_bytes() {
        for size in 1..20 {
            let units =
                assemble(Protocol::Dap, b"Content-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\nxyz", size);
            let mut rest = Vec::new();
            for unit in &units[1..] {
                let Unit::Unframed(bytes) = unit else { panic!("{unit:?}") };
                rest.extend_from_slice(bytes);
            }
            assert_eq!(rest, b"GET / HTTP/1.1\r\n\r\nxyz", "by {size}");
        }
    }

    #[test]
    fn a_long_message_comes_in_parts() {
        let text = "x".repeat(PART * 2 + 5);
        let wire = format!("Content-Length: {}\r\n\r\n{text}", text.len());
        let mut whole = Vec::new();
        let mut last = true;
        for unit in assemble(Protocol::Dap, wire.as_bytes(), 64 * 1024) {
            let Unit::Part { bytes, more } = unit else { panic!("a message of {} bytes", text.len()) };
            assert!(bytes.len() < PART + 64 * 1024);
            whole.extend_from_slice(&bytes);
            last = !more;
        }
        assert!(last && whole == text.as_bytes());
    }
}
