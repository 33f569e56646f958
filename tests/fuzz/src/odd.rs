//! Messages of clients with everything in them that Go's decoder reads otherwise than one thinks.

/// Choices: a fuzzer's bytes first, then a sequence that follows from them.
#[derive(Debug)]
pub struct Dice<'a> {
    bytes: &'a [u8],
    state: u64,
}

impl<'a> Dice<'a> {
    /// Choices that these bytes begin.
    pub fn new(bytes: &'a [u8]) -> Dice<'a> {
        let state = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Dice { bytes, state: state | 1 }
    }

    /// A number below `count`, which is 256 at most.
    pub fn below(&mut self, count: usize) -> usize {
        if let Some((&byte, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            return usize::from(byte) % count;
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as usize % count
    }

    /// Once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

const VALUES: &[&[u8]] = &[
    b"null",
    b"0",
    b"1",
    b"-0",
    b"-1",
    b"1.0",
    b"1e2",
    b"12E-1",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"1e400",
    b"true",
    b"false",
    b"\"\"",
    b"\"x\"",
    b"\"launch\"",
    b"\"attach\"",
    b"\"restart\"",
    b"\"threads\"",
    b"\"Launch\"",
    b"\"l\\u0061unch\"",
    b"\"request\"",
    b"\"re\\u0071uest\"",
    b"\"response\"",
    b"\"event\"",
    b"\"Request\"",
    b"[]",
    b"[1,\"a\"]",
    b"{}",
    b"{\"program\":\"/other\"}",
    b"[[{}]]",
    b"\"\\ud800\"",
    b"\"\\udc00\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\\ud83d\\ud83d\\ude00\"",
    b"\"\\ud800\\u0041\"",
    b"\"\xff\"",
    b"\"\xe2\x84\"",
    b"\"\xc5\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xf0\x9f\x98\x80\"",
    b"\"\\n\\t\\\\\\/\\\"\"",
    b"\"<&>\\u2028\"",
    b"\"RPCServer.State\"",
    b"\"RPCServer.Detach\"",
    b"[{\"Kill\":true}]",
    b"[null]",
    b"[{\"from\":\"/a\",\"to\":\"/b\"}]",
    b"{\"A\":\"1\",\"B\":null}",
];

/// Texts that are not JSON: seldom, since dlv reads nothing after them.
const NO_VALUES: &[&[u8]] = &[
    b"01",
    b"-",
    b"1.",
    b"+1",
    b".5",
    b"1e",
    b"tru",
    b"nul",
    b"True",
    b"NaN",
    b"\"\\q\"",
    b"\"\\u12\"",
    b"\"\\u12G4\"",
    b"\"\t\"",
    b"\"\x00\"",
    b"\"",
    b"'x'",
    b"{",
    b"[",
    b"]",
    b"}",
    b"{]",
    b"[}",
    b"{,}",
    b"[,]",
    b"[1,]",
    b"{\"a\"}",
    b"",
    b"//",
    b"\xef\xbb\xbf1",
    b"1 2",
    b"{\"a\":1}}",
];

const KEYS: &[&str] = &[
    "seq",
    "type",
    "command",
    "arguments",
    "event",
    "request_seq",
    "success",
    "message",
    "body",
    "method",
    "params",
    "id",
    "program",
    "mode",
    "args",
    "env",
    "stopOnEntry",
    "substitutePath",
    "dlvCwd",
    "backend",
    "request",
    "noDebug",
    "buildFlags",
    "x",
];

const WHITE: &[&[u8]] = &[b"", b" ", b"\n", b"\r\n\t", b"\x0c", b"\xc2\xa0", b"\xef\xbb\xbf"];

/// A key with its value.
type Member = (Vec<u8>, Vec<u8>);

/// A client's stream of DAP.
pub fn dap(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    for seq in 1..2 + dice.below(3) {
        let body = dap_body(dice, seq);
        header(dice, body.len(), &mut stream);
        stream.extend_from_slice(&body);
    }
    junk(dice, &mut stream);
    stream
}

/// The body of a message of DAP.
pub fn dap_body(dice: &mut Dice<'_>, seq: usize) -> Vec<u8> {
    let commands =
        ["launch", "launch", "attach", "restart", "threads", "evaluate", "disconnect", "LAUNCH", "none"];
    let command = dice.of(&commands);
    let mut arguments = object_of_a_start(dice);
    if command == "restart" || dice.one_in(16) {
        let mut outer = vec![member("arguments", &arguments)];
        mutate(dice, &mut outer);
        arguments = object(dice, &outer);
    }
    let kind = if dice.one_in(12) { dice.of(&["event", "response", "Request", ""]) } else { "request" };
    let mut members = vec![
        member("seq", seq.to_string().as_bytes()),
        member("type", quoted(kind).as_bytes()),
        member("command", quoted(command).as_bytes()),
        member("arguments", &arguments),
    ];
    mutate(dice, &mut members);
    let mut body = object(dice, &members);
    junk(dice, &mut body);
    body
}

/// A client's stream of JSON-RPC.
pub fn rpc(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    for id in 1..2 + dice.below(3) {
        let method = dice.of(&["RPCServer.State", "RPCServer.Detach", "RPCServer.Command", "x"]);
        let mut params = vec![member("Kill", b"true"), member("Loc", b"\"/a.go:1\"")];
        mutate(dice, &mut params);
        let params = [b"[", &object(dice, &params)[..], b"]"].concat();
        let mut members = vec![
            member("method", quoted(method).as_bytes()),
            member("params", &params),
            member("id", id.to_string().as_bytes()),
        ];
        mutate(dice, &mut members);
        stream.extend_from_slice(&object(dice, &members));
        stream.extend_from_slice(dice.of(&[&b""[..], b"\n", b" \r\n"]));
    }
    if dice.one_in(8) {
        stream.extend_from_slice(value(dice));
    }
    junk(dice, &mut stream);
    stream
}

fn object_of_a_start(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut members = vec![member("mode", b"\"exec\""), member("program", b"\"/other\"")];
    let more: [(&str, &[u8]); 6] = [
        ("env", b"{\"A\":\"1\"}"),
        ("args", b"[\"a\"]"),
        ("stopOnEntry", b"false"),
        ("request", b"\"launch\""),
        ("substitutePath", b"[{\"from\":\"/a\",\"to\":\"/b\"}]"),
        ("dlvCwd", b"\"/x\""),
    ];
    for (key, value) in more {
        if dice.one_in(2) {
            members.push(member(key, value));
        }
    }
    mutate(dice, &mut members);
    object(dice, &members)
}

fn member(key: &str, value: &[u8]) -> Member {
    (key.as_bytes().to_vec(), value.to_vec())
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn value(dice: &mut Dice<'_>) -> &'static [u8] {
    let all = if dice.one_in(12) { NO_VALUES } else { VALUES };
    dice.of(all)
}

fn mutate(dice: &mut Dice<'_>, members: &mut Vec<Member>) {
    for _ in 0..dice.below(4) {
        let at = dice.below(members.len());
        match dice.below(8) {
            0 => {
                let again = members[at].clone();
                let to = dice.below(members.len() + 1);
                members.insert(to, again);
            }
            1 => {
                let (key, _) = members[at].clone();
                members.push((key, value(dice).to_vec()));
            }
            2 => {
                let to = dice.below(members.len());
                members.swap(at, to);
            }
            3 => members[at].1 = value(dice).to_vec(),
            4 => members.push(member(dice.of(KEYS), value(dice))),
            5 | 6 => members[at].0 = written_otherwise(dice, &members[at].0),
            _ => {
                let (key, value) = members[at].clone();
                let key = written_otherwise(dice, &key);
                let to = dice.below(members.len() + 1);
                members.insert(to, (key, value));
            }
        }
    }
}

/// The key in another case, with escapes, with one of the two other letters; now and then another
/// one.
fn written_otherwise(dice: &mut Dice<'_>, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in key {
        match dice.below(12) {
            0..=2 => out.push(byte.to_ascii_uppercase()),
            3 => out.push(byte.to_ascii_lowercase()),
            4 => out.extend_from_slice(format!("\\u{:04x}", byte).as_bytes()),
            5 => out.extend_from_slice(format!("\\u{:04X}", byte.to_ascii_uppercase()).as_bytes()),
            6 if byte.eq_ignore_ascii_case(&b's') => {
                out.extend_from_slice(dice.of(&["\u{17f}", "\\u017f"]).as_bytes())
            }
            6 if byte.eq_ignore_ascii_case(&b'k') => {
                out.extend_from_slice(dice.of(&["\u{212a}", "\\u212A"]).as_bytes())
            }
            7 if dice.one_in(8) => {
                out.extend_from_slice(dice.of(&[&b"\xff"[..], b"\\ud800", b"\\q", b"\xc5", b"\\"]))
            }
            _ => out.push(byte),
        }
    }
    out
}

fn object(dice: &mut Dice<'_>, members: &[Member]) -> Vec<u8> {
    let mut out = b"{".to_vec();
    for (at, (key, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        white(dice, &mut out);
        out.push(b'"');
        out.extend_from_slice(key);
        out.push(b'"');
        white(dice, &mut out);
        out.push(b':');
        white(dice, &mut out);
        out.extend_from_slice(value);
    }
    white(dice, &mut out);
    out.push(b'}');
    out
}

fn white(dice: &mut Dice<'_>, out: &mut Vec<u8>) {
    if dice.one_in(12) {
        let common = 4 + usize::from(dice.one_in(16)) * (WHITE.len() - 4);
        out.extend_from_slice(WHITE[dice.below(common)]);
    }
}

/// Now and then a byte more, less, or another.
fn junk(dice: &mut Dice<'_>, bytes: &mut Vec<u8>) {
    if bytes.is_empty() || !dice.one_in(16) {
        return;
    }
    let at = (dice.below(256) * 256 + dice.below(256)) % bytes.len();
    match dice.below(4) {
        0 => bytes.insert(at, dice.below(256) as u8),
        1 => drop(bytes.remove(at)),
        2 => bytes[at] = dice.below(256) as u8,
        _ => bytes.truncate(at),
    }
}

fn header(dice: &mut Dice<'_>, len: usize, out: &mut Vec<u8>) {
    let canonical = format!("Content-Length: {len}\r\n\r\n");
    let text = if dice.one_in(6) {
        match dice.below(12) {
            0 => format!("content-length:{len}\r\n\r\n"),
            1 => format!("Content-Type: x\r\nContent-Length: {len}\r\n\r\n"),
            2 => format!("Content-Length: {len}\n\n"),
            3 => format!("Content-Length:  00{len} \r\nx-a: b\r\n\r\n"),
            4 => format!("Content-Length: {len}\r\nContent-Length: {len}\r\n\r\n"),
            5 => format!("Content-Length: {}\r\n\r\n", len + 1),
            6 => format!("Content-Length: {}\r\n\r\n", len.saturating_sub(1)),
            7 => "Content-Length: 0\r\n\r\n".to_owned() + &canonical,
            8 => format!("Content-Length: +{len}\r\n\r\n"),
            9 => format!("Content-Length: 0000000000000000000000{len}\r\n\r\n"),
            10 => "Content-Length: 99999999999999999999\r\n\r\n".to_owned(),
            _ => format!("Content-Length: {len}\r\r\n\r\n"),
        }
    } else {
        canonical
    };
    out.extend_from_slice(text.as_bytes());
}
