//! Headers that no client sends by mistake.

use crate::arena::Arena;
use crate::attack::{Attack, HOSTILE, Then, first, later, refused};

const BODY: &str = r#"{"seq":5,"type":"request","command":"threads"}"#;

/// A header and a body that is whole.
fn header(lines: &str) -> Vec<u8> {
    format!("{lines}\r\n\r\n{BODY}").into_bytes()
}

fn length(value: &str) -> Vec<u8> {
    header(&format!("Content-Length: {value}"))
}

pub fn all() -> Vec<Attack> {
    let many: String = (0..1_000_000).map(|count| format!("C-{count}: x\r\n")).collect();
    let utf_16: Vec<u8> = "Content-Length: 46\r\n\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let right = BODY.len().to_string();
    vec![
        refused("a negative length", length("-5"), "Content-Length"),
        refused("a length beyond 64 bits", length("99999999999999999999999999"), "Content-Length"),
        refused("a length of 64 bits plus the right one", length("18446744073709551662"), "Content-Length"),
        first("a length of 4 GiB plus the right one", length("4294967342"), Then::Told("4 MiB")),
        first("the largest length of 64 bits", length("18446744073709551615"), Then::Told("4 MiB")),
        refused("a length in hexadecimal", length("0x2e"), "Content-Length"),
        refused("a length with a sign", length("+46"), "Content-Length"),
        refused("a length with an exponent", length("4.6e1"), "Content-Length"),
        refused("a length of digits that are none in ASCII", length("٤٦"), "Content-Length"),
        refused("a length with a NUL", length("4\u{0}6"), "Content-Length"),
        refused("a length with a terminal's orders", length(HOSTILE), "Content-Length"),
        refused("no length at all", header("Content-Type: x"), "Content-Length"),
        refused("an empty length", length(""), "Content-Length"),
        first("a length with 4,000 zeros in front", length(&format!("{}46", "0".repeat(4000))), Then::GoesOn),
        refused(
            "two lengths that differ",
            header(&format!("Content-Length: {right}\r\nContent-Length: 5")),
            "Content-Length",
        ),
        first("spaces around everything", header(&format!("Content-Length  :   {right}  ")), Then::GoesOn),
        refused("a NUL in the name", header("Content\u{0}-Length: 46"), ""),
        refused("UTF-16", utf_16, ""),
        first("line feeds alone", format!("Content-Length: {right}\n\n{BODY}"), Then::GoesOn),
        first("carriage returns alone", format!("Content-Length: {right}\r\r{BODY}"), Then::Closed),
        refused("a folded header", header(&format!("Content-Length:\r\n {right}")), ""),
        // Only its beginning is there when a dlv is started for it.
        first("a line of 10 MB", [b"C: ".as_slice(), &vec![b'x'; 10_000_000]].concat(), Then::Told("header")),
        refused("a million lines", many, "header"),
        later(
            "a line of 10 MB in mid-session",
            [b"C: ".as_slice(), &vec![b'x'; 10_000_000]].concat(),
            Then::Told("header"),
        ),
        later("a terminal's orders as a header in mid-session", HOSTILE, Then::Told("header")),
        later("a length of 0, a thousand times", b"Content-Length: 0\r\n\r\n".repeat(1000), Then::GoesOn),
    ]
}

#[test]
fn headers_harm_nobody() {
    Arena::run(&[], &all());
}

/// The same in the log as people read it.
#[test]
fn headers_leave_a_log_that_a_terminal_can_show() {
    let arena = Arena::new(&["--log-format", "text"]);
    let mut told = 0;
    for attack in
        all().iter().filter(|attack| attack.is_first && !attack.starts_dlv && attack.bytes.len() < 9999)
    {
        let mut client = arena.server.client();
        let _ = client.try_raw(&attack.bytes);
        client.half_close_if_open();
        client.end();
        told += 1;
    }
    let lines = || arena.server.log.lines().iter().filter(|line| line.contains("refused")).count();
    crate::support::poll(crate::support::PATIENCE, || (lines() >= told).then_some(()))
        .expect("each is in the log");
    crate::arena::assert_quiet(&arena.server);
}
