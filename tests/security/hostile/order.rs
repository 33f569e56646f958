//! Messages that are in order each, and make no sense together.

use dlvgate_test_support::debug::initialize_arguments;
use dlvgate_test_support::frames::{frame, request};
use serde_json::{Value, json};

use super::input::Expected::{Answered, PassedOn};
use super::input::Input;
use super::place::Place;

const MANY: i64 = 10_000;

fn initialize(seq: i64) -> Vec<u8> {
    request(seq, "initialize", initialize_arguments())
}

/// These messages, after a session has begun.
fn after_initialize(name: &'static str, messages: impl Fn() -> Vec<u8> + 'static) -> Input {
    Input::says(name, PassedOn, move || [initialize(1), messages()].concat())
}

/// So many of them.
fn many(message: impl Fn(i64) -> Vec<u8>) -> Vec<u8> {
    (2..MANY + 2).flat_map(message).collect()
}

fn answer(seq: i64) -> Vec<u8> {
    let answer =
        json!({"seq": seq, "type": "response", "request_seq": seq, "success": true, "command": "disconnect"});
    frame(&answer.to_string())
}

pub fn inputs() -> Vec<Input> {
    vec![
        Input::says("a_launch_before_initialize", PassedOn, || request(1, "launch", json!({"token": "t"}))),
        Input::says("a_disconnect_before_anything", PassedOn, || request(1, "disconnect", json!({}))),
        Input::says("ten_thousand_initializes", PassedOn, || many(initialize)),
        after_initialize("ten_thousand_requests_with_the_same_number", || {
            many(|_| request(2, "threads", Value::Null))
        }),
        after_initialize("a_disconnect_twice", || {
            [request(2, "disconnect", json!({})), request(3, "disconnect", json!({}))].concat()
        }),
        after_initialize("ten_thousand_disconnects", || many(|seq| request(seq, "disconnect", json!({})))),
        after_initialize("ten_thousand_requests_after_the_disconnect", || {
            request(2, "disconnect", json!({}))
                .into_iter()
                .chain(many(|seq| request(seq, "next", Value::Null)))
                .collect()
        }),
        after_initialize("ten_thousand_launches_of_nothing", || {
            many(|seq| request(seq, "launchh", Value::Null))
        }),
        after_initialize("ten_thousand_answers_to_what_nobody_has_asked", || many(answer)),
        after_initialize("an_answer_that_says_it_is_over", || answer(1)),
        after_initialize("events_of_dlv_s_that_the_client_says", || {
            let event = |name: &str| frame(&json!({"seq": 2, "type": "event", "event": name}).to_string());
            ["initialized", "terminated", "exited", "process"].iter().flat_map(|name| event(name)).collect()
        }),
        after_initialize("a_cancel_of_what_is_not_under_way", || {
            request(2, "cancel", json!({"requestId": 99}))
        }),
        // Each is answered with what dlv has said last, which is as much as is kept of it.
        Input::says("five_thousand_requests_under_way_when_dlv_dies", Answered("dlv ended"), || {
            let asked: Vec<u8> = (3..5_003).flat_map(|seq| request(seq, "threads", Value::Null)).collect();
            let dies = json!({"how": "swallow", "bytes": asked.len()});
            [initialize(1), request(2, "misbehave", dies), asked].concat()
        })
        .starting(1..=1),
    ]
}

#[test]
fn no_order_of_messages_harms_anybody() {
    Place::played_aloud().suffers("order", inputs());
}
