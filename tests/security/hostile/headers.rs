//! Headers that are wrong, too long, too many, or are read in two ways.

use super::input::Expected::{Answered, Closed, PassedOn};
use super::input::Input;
use super::place::Place;

const BODY: &str = r#"{"seq":1,"type":"request","command":"threads"}"#;

/// These lines, and a body that is in order.
fn with(header: &str) -> Vec<u8> {
    format!("{header}\r\n\r\n{BODY}").into_bytes()
}

/// A header that must be refused with these words, before anything is started.
fn refused(name: &'static str, words: &'static str, header: &'static str) -> Input {
    Input::says(name, Answered(words), move || with(header))
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

pub fn inputs() -> Vec<Input> {
    const NUMBER: &str = "is not a number between 0 and";
    const NO_HEADER: &str = "is not a header line";
    vec![
        refused("a_content_length_of_letters", NUMBER, "Content-Length: abc"),
        refused("a_negative_content_length", NUMBER, "Content-Length: -5"),
        refused("a_content_length_with_a_plus_sign", NUMBER, "Content-Length: +46"),
        refused("a_hexadecimal_content_length", NUMBER, "Content-Length: 0x2e"),
        refused("a_content_length_with_an_exponent", NUMBER, "Content-Length: 4e1"),
        refused("a_content_length_with_a_space_in_it", NUMBER, "Content-Length: 4 6"),
        refused("a_content_length_of_wide_digits", NUMBER, "Content-Length: ４６"),
        refused(
            "a_content_length_that_overflows_128_bits",
            NUMBER,
            "Content-Length: 999999999999999999999999999999999999999999",
        ),
        refused("no_digits_at_all", NUMBER, "Content-Length: "),
        refused(
            "two_content_lengths_that_differ",
            "two different",
            "Content-Length: 46\r\nContent-Length: 5",
        ),
        refused("two_content_lengths_in_one_line", NUMBER, "Content-Length: 46, 46"),
        refused("no_content_length", "no Content-Length", "Content-Type: application/json"),
        refused("a_line_without_a_colon", NO_HEADER, "Content-Length 46"),
        refused("a_name_with_a_space_in_it", NO_HEADER, "Content Length: 46"),
        refused("a_folded_line", NO_HEADER, "Content-Length: 46\r\n and more"),
        refused("a_nul_in_the_number", NUMBER, "Content-Length: 4\u{0}6"),
        refused("a_nul_in_the_name", NO_HEADER, "Content\u{0}-Length: 46"),
        refused(
            "a_number_that_clears_the_terminal",
            NUMBER,
            "Content-Length: \u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m",
        ),
        refused("a_name_that_writes_backwards", NO_HEADER, "Content-\u{202e}Length: 46"),
        refused(
            "a_value_that_forges_an_entry_of_the_log",
            NUMBER,
            "Content-Length: 5\r2026-11-28T00:00:00Z ERROR forged",
        ),
        refused("a_space_before_the_name", "JSON-RPC", " Content-Length: 46"),
        Input::says("utf_16_with_a_mark", Answered("0xff"), || {
            utf16("\u{feff}Content-Length: 46\r\n\r\n{}", true)
        }),
        Input::says("utf_16_without_a_mark", Answered(NO_HEADER), || {
            utf16("Content-Length: 46\r\n\r\n{}", true)
        }),
        Input::says("utf_16_the_other_way_round", Answered("0x00"), || {
            utf16("Content-Length: 46\r\n\r\n{}", false)
        }),
        Input::says("a_content_length_far_beyond_the_limit", Answered("4 MiB"), || {
            with("Content-Length: 99999999999")
        })
        .starting(1..=1),
        Input::says("the_largest_content_length", Answered("4 MiB"), || {
            with("Content-Length: 18446744073709551615")
        })
        .starting(1..=1),
        Input::says("line_feeds_alone", PassedOn, || format!("Content-Length: 46\n\n{BODY}").into_bytes()),
        Input::says("carriage_returns_alone", Closed, || {
            format!("Content-Length: 46\r\r{BODY}").into_bytes()
        }),
        Input::says("two_content_lengths_that_agree", PassedOn, || {
            with("Content-Length: 46\r\nContent-Length: 46")
        }),
        Input::says("a_transfer_encoding", PassedOn, || {
            with("Content-Length: 46\r\nTransfer-Encoding: chunked")
        }),
        Input::says("a_header_that_ends_in_the_middle", Closed, || b"Content-Length: 4".to_vec()),
        // Its beginning alone is no mistake yet.
        Input::says("a_header_of_ten_megabytes", Answered("longer than the limit of 4096"), || {
            [b"Content-Note: ".as_slice(), &vec![b'x'; 10_000_000]].concat()
        })
        .starting(0..=1),
        Input::says("a_million_headers", Answered("over the limit of 32"), || {
            with(&"Content-Note: b\r\n".repeat(1_000_000))
        }),
    ]
}

#[test]
fn no_header_harms_anybody() {
    Place::played().suffers("headers", inputs());
}
