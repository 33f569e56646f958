//! dlv's ready line. It is the only proof of readiness that costs nothing: a probe connection would
//! spend the one session that `dlv dap` serves.

use super::address::Address;

/// `DAP server listening at: 127.0.0.1:38697` (Delve, `cmd/dlv/cmds/commands.go`; `API server …`
/// from a headless one), with the address to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyLine {
    /// The words before the address.
    pub prefix: &'static str,
    /// Where to dial: a wildcard address is replaced by its loopback.
    pub address: Address,
}

/// The ready line's beginning of `dlv dap`.
pub const DAP_PREFIX: &str = "DAP server listening at: ";

/// The ready line's beginning of a headless dlv.
pub const API_PREFIX: &str = "API server listening at: ";

impl ReadyLine {
    /// Reads one line, without its end. `None` is any other line.
    pub fn parse(line: &str) -> Option<ReadyLine> {
        let read = |prefix| Some((prefix, line.strip_prefix(prefix)?));
        let (prefix, address) = [DAP_PREFIX, API_PREFIX].into_iter().find_map(read)?;
        Some(ReadyLine { prefix, address: Address::of_ready_line(address.trim_end())? })
    }
}

/// What dlv prints up to its ready line, chunk by chunk.
#[derive(Debug, Default)]
pub(super) struct Preamble {
    /// The beginning of a line that may become the ready line.
    held: Vec<u8>,
    /// The present line is another one, and its beginning has gone on already.
    other: bool,
}

impl Preamble {
    /// Takes a chunk. Appends output to `passed` as soon as it cannot be the ready line any more.
    /// Returns the ready line with the bytes after it.
    pub(super) fn take(&mut self, chunk: &[u8], passed: &mut Vec<u8>) -> Option<(ReadyLine, Vec<u8>)> {
        for (at, byte) in chunk.iter().enumerate() {
            if self.other {
                passed.push(*byte);
                self.other = *byte != b'\n';
                continue;
            }
            self.held.push(*byte);
            if *byte == b'\n' {
                if let Some(ready) = ReadyLine::parse(String::from_utf8_lossy(&self.held).trim_end()) {
                    return Some((ready, chunk[at + 1..].to_vec()));
                }
                passed.append(&mut self.held);
            } else if !self.may_be_ready() {
                passed.append(&mut self.held);
                self.other = true;
            }
        }
        None
    }

    /// Returns the bytes held back, at the end of the output.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn may_be_ready(&self) -> bool {
        [DAP_PREFIX, API_PREFIX].iter().any(|prefix| {
            let shared = prefix.len().min(self.held.len());
            prefix.as_bytes()[..shared] == self.held[..shared] && self.held.len() < LONGEST
        })
    }
}

/// Bytes of a ready line; an address has some 50.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(line: &str) -> Option<String> {
        ReadyLine::parse(line).map(|ready| ready.address.to_string())
    }

    #[test]
    fn both_servers_announce_themselves() {
        assert_eq!(address("DAP server listening at: 127.0.0.1:38697").as_deref(), Some("127.0.0.1:38697"));
        assert_eq!(address("API server listening at: 127.0.0.1:38697\r").as_deref(), Some("127.0.0.1:38697"));
    }

    #[test]
    fn a_wildcard_is_dialled_on_loopback() {
        assert_eq!(address("DAP server listening at: [::]:4711").as_deref(), Some("127.0.0.1:4711"));
        assert_eq!(address("DAP server listening at: 0.0.0.0:4711").as_deref(), Some("127.0.0.1:4711"));
        assert_eq!(address("DAP server listening at: [::1]:4711").as_deref(), Some("[::1]:4711"));
    }

    #[test]
    fn a_unix_socket_is_announced_by_its_path() {
        assert_eq!(address("DAP server listening at: /run/a b/1").as_deref(), Some("unix:/run/a b/1"));
        assert_eq!(address("DAP server listening at: run/1"), None);
    }

    #[test]
    fn anything_else_is_no_ready_line() {
        for line in [
            "",
            "DAP server listening at: ",
            "DAP server listening at: x:1",
            " DAP server listening at: [::]:1",
        ] {
            assert_eq!(address(line), None, "{line:?}");
        }
    }

    #[test]
    fn output_around_the_ready_line_is_passed_unchanged() {
        let before = "Warning: a\n\nDAP server? no\nAPI server listening at: x\nprompt> x\n";
        let after = "API server listening at: 127.0.0.1:2\nmore";
        let all = format!("{before}API server listening at: 127.0.0.1:1\n{after}");
        for size in 1..all.len() {
            let (mut preamble, mut passed, mut found) = (Preamble::default(), Vec::new(), None);
            let mut later = Vec::new();
            for chunk in all.as_bytes().chunks(size) {
                match &mut found {
                    Some(_) => later.extend_from_slice(chunk),
                    None => {
                        if let Some((ready, rest)) = preamble.take(chunk, &mut passed) {
                            found = Some(ready);
                            later = rest;
                        }
                    }
                }
            }
            let ready = found.unwrap();
            assert_eq!((ready.prefix, ready.address), (API_PREFIX, Address::loopback(1)));
            assert_eq!((passed, later), (before.as_bytes().to_vec(), after.as_bytes().to_vec()), "by {size}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_passed_on_at_once() {
        let (mut preamble, mut passed) = (Preamble::default(), Vec::new());
        assert!(preamble.take(b"(dlv) ", &mut passed).is_none());
        assert_eq!(passed, b"(dlv) ");
        assert!(preamble.take(b"\nAPI serv", &mut passed).is_none());
        assert_eq!(preamble.rest(), b"API serv");
    }
}
