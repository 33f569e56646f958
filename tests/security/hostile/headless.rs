//! A front that speaks Delve's JSON-RPC too, before a real headless dlv that all clients share.

use dlvgate_test_support::frames::frame;

use super::input::Expected::{Answered, Closed, PassedOn};
use super::input::{Expected, Input};
use super::place::Place;

const MANY: usize = 1_000_000;

/// Sends it. dlv's is the only one, and was started before.
fn says(name: &'static str, expected: Expected, bytes: impl Fn() -> Vec<u8> + 'static) -> Input {
    Input::says(name, expected, bytes).starting(0..=0)
}

/// A call of a missing method, by its id.
fn call(id: &str) -> String {
    format!(r#"{{"method":"RPCServer.Nonsense","params":[{{}}],"id":{id}}}"#)
}

pub fn inputs() -> Vec<Input> {
    vec![
        calls("a_method_that_is_unknown", "Nonsense", || call("7")),
        calls("ten_thousand_unknown_methods", "Nonsense", || call("7").repeat(10_000)),
        calls("a_method_that_clears_the_terminal", "error", || {
            r#"{"method":"RPCServer.\u001b[2J\u009b\u202e\n","params":[{}],"id":7}"#.to_owned()
        }),
        calls("an_id_of_a_million_digits", "Nonsense", || call(&"9".repeat(MANY))),
        says("a_batch_where_calls_are_served", Answered("neither DAP"), || {
            format!("[{}]", call("7")).into_bytes()
        }),
        says("a_call_and_garbage", Answered("not JSON-RPC"), || b"{\"id\":7}}}}}\x1b[2J".to_vec()),
        says("braces_a_million_deep", Closed, || b"{\"a\":".repeat(MANY)),
        says("a_string_of_eight_megabytes_that_never_ends", Closed, || {
            [b"{\"method\":\"".as_slice(), &vec![b'm'; 8 * MANY]].concat()
        }),
        says("megabytes_of_white_space_before_nothing", Closed, || vec![b' '; 4 * MANY]),
        says("a_body_that_is_no_json_before_a_shared_dlv", PassedOn, || frame("no JSON")),
    ]
}

/// Calls, each of which is answered before the client goes.
fn calls(name: &'static str, text: &'static str, calls: impl Fn() -> String + 'static) -> Input {
    Input::does(name, Answered(text), move |place| {
        let mut client = place.client();
        let _ = client.try_raw(calls().as_bytes());
        client.bytes(|bytes| bytes.ends_with(b"}\n"));
        client
    })
}

#[test]
fn headless_input_harms_no_other_session() {
    Place::headless().suffers("headless", inputs());
}
