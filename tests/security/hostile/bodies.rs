//! Bodies that are not JSON, not a message, or too long.

use dlvgate_test_support::frames::frame;

use super::input::Expected::{Answered, PassedOn};
use super::input::Input;
use super::place::Place;

/// Deeper, or more, than any real message has.
const MANY: usize = 1_000_000;

/// What a terminal would obey, escaped as JSON has it.
const HOSTILE: &str = r"\u001b[2J\u001b]0;title\u0007\u009b31m\u202e\r\n2026-11-28T00:00:00Z ERROR forged";

/// A body that reaches dlv, whose answer or end the client hears.
fn body(name: &'static str, body: &'static str) -> Input {
    Input::frames(name, PassedOn, || body.to_owned())
}

/// A request with these arguments.
fn request(arguments: &str) -> String {
    format!(r#"{{"seq":1,"type":"request","command":"threads","arguments":{arguments}}}"#)
}

/// A request with something else in place of its number.
fn seq(name: &'static str, number: &'static str) -> Input {
    Input::frames(name, PassedOn, move || {
        format!(r#"{{"seq":{number},"type":"request","command":"threads"}}"#)
    })
}

/// A request whose displayed parts are hostile.
fn hostile(name: &'static str, text: &'static str) -> Input {
    Input::frames(name, PassedOn, move || text.replace("HOSTILE", HOSTILE))
}

pub fn inputs() -> Vec<Input> {
    vec![
        body("a_body_that_is_no_json", "hello, this is no JSON"),
        body("an_array", "[1,2]"),
        body("a_number", "7"),
        body("a_string", r#""threads""#),
        body("null", "null"),
        body("white_space", "    "),
        body(
            "json_behind_a_byte_order_mark",
            "\u{feff}{\"seq\":1,\"type\":\"request\",\"command\":\"threads\"}",
        ),
        body("two_objects_in_one_body", r#"{"seq":1,"type":"request","command":"threads"}{"seq":2}"#),
        body("an_object_that_is_not_closed", r#"{"seq":1,"type":"request","command":"threads""#),
        body("no_members", "{}"),
        body(
            "every_member_twice",
            r#"{"seq":1,"seq":2,"type":"request","type":"event","command":"threads","command":"disconnect"}"#,
        ),
        body("a_type_that_is_a_number", r#"{"seq":1,"type":7,"command":"threads"}"#),
        body("a_type_that_is_unknown", r#"{"seq":1,"type":"nonsense","command":"threads"}"#),
        body("a_command_that_is_an_object", r#"{"seq":1,"type":"request","command":{"a":[]}}"#),
        body("no_command", r#"{"seq":1,"type":"request"}"#),
        body("a_lone_surrogate", r#"{"seq":1,"type":"request","command":"\ud800threads"}"#),
        body("nuls_in_the_command", r#"{"seq":1,"type":"request","command":"\u0000\u0000"}"#),
        body("nuls_as_they_are", "{\"seq\":1,\"type\":\"request\",\"command\":\"\0\0\"}"),
        seq("a_seq_of_two_to_the_63", "9223372036854775808"),
        seq("a_seq_below_zero", "-1"),
        seq("a_seq_beyond_every_number", "1e400"),
        seq("a_seq_with_a_fraction", "1.5"),
        seq("a_seq_that_is_a_string", r#""1""#),
        seq("a_seq_that_is_an_array", "[1]"),
        seq("the_least_seq", "-9223372036854775808"),
        hostile("a_command_that_clears_the_terminal", r#"{"seq":1,"type":"request","command":"HOSTILE"}"#),
        hostile("a_type_that_clears_the_terminal", r#"{"seq":1,"type":"HOSTILE","command":"HOSTILE"}"#),
        hostile("an_event_that_clears_the_terminal", r#"{"seq":1,"type":"event","event":"HOSTILE"}"#),
        hostile(
            "a_client_with_a_name_that_clears_the_terminal",
            r#"{"seq":1,"type":"request","command":"initialize","arguments":{"clientID":"HOSTILE","clientName":"HOSTILE","adapterID":"HOSTILE","locale":"HOSTILE"}}"#,
        ),
        Input::says("a_command_that_is_no_utf_8", PassedOn, || {
            let body = b"{\"seq\":1,\"type\":\"request\",\"command\":\"\xff\xfe\xc0\x80\"}";
            [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
        }),
        Input::frames("a_million_arrays_in_each_other", PassedOn, || {
            request(&("[".repeat(MANY) + &"]".repeat(MANY)))
        }),
        Input::frames("a_million_arrays_that_are_not_closed", PassedOn, || "[".repeat(MANY)),
        Input::frames("a_million_arrays_before_the_command", PassedOn, || {
            format!(
                r#"{{"arguments":{}{},"seq":1,"type":"request","command":"threads"}}"#,
                "[".repeat(MANY),
                "]".repeat(MANY)
            )
        }),
        Input::frames("objects_in_each_other_half_a_million_deep", PassedOn, || {
            request(&(r#"{"":"#.repeat(MANY / 2) + "1" + &"}".repeat(MANY / 2)))
        }),
        Input::frames("a_number_of_a_million_digits", PassedOn, || request(&"9".repeat(MANY))),
        Input::frames("a_hundred_thousand_members", PassedOn, || {
            let members: Vec<String> = (0..MANY / 10).map(|count| format!("\"a{count}\":{count}")).collect();
            request(&format!("{{{}}}", members.join(",")))
        }),
        Input::frames("a_command_of_a_megabyte", PassedOn, || {
            format!(r#"{{"seq":1,"type":"request","command":"{}"}}"#, "c".repeat(MANY))
        }),
        Input::frames("a_member_with_a_name_of_a_megabyte", PassedOn, || {
            format!(r#"{{"{}":1,"seq":1,"type":"request","command":"threads"}}"#, "n".repeat(MANY))
        }),
        Input::frames("as_much_as_dlv_takes", PassedOn, || {
            let rest = 4 * 1024 * 1024 - request("").len() - 2;
            request(&format!("\"{}\"", "x".repeat(rest)))
        }),
        Input::frames("a_body_of_five_mebibytes", Answered("4 MiB"), || {
            request(&format!("\"{}\"", "x".repeat(5 * 1024 * 1024)))
        })
        .starting(1..=1),
        Input::frames("nothing_at_all", Answered("length 0"), String::new).starting(1..=1),
        Input::says("fifty_thousand_times_nothing", Answered("length 0"), || frame("").repeat(50_000))
            .starting(1..=1),
    ]
}

#[test]
fn no_body_harms_anybody() {
    Place::played().suffers("bodies", inputs());
}
