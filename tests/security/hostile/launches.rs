//! Launches that a real dlv has to refuse, without harm to other sessions.

use dlvgate_test_support::debug::initialize_arguments;
use dlvgate_test_support::frames::frame;
use serde_json::{Value, json};

use super::input::Expected::{Answered, PassedOn};
use super::input::{Expected, Input};
use super::place::Place;

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\r\n2026-11-28T00:00:00Z ERROR forged";

/// A session that begins with this launch.
fn launch(name: &'static str, expected: Expected, arguments: impl Fn() -> Value + 'static) -> Input {
    asks(name, expected, "launch", arguments)
}

fn asks(
    name: &'static str,
    expected: Expected,
    command: &'static str,
    arguments: impl Fn() -> Value + 'static,
) -> Input {
    let says = move || {
        let initialize = json!({"seq": 1, "type": "request", "command": "initialize", "arguments": initialize_arguments()});
        let asked = json!({"seq": 2, "type": "request", "command": command, "arguments": arguments()});
        [frame(&initialize.to_string()), frame(&asked.to_string())].concat()
    };
    // The answer comes before the client's end of file, which ends dlv.
    Input::does(name, expected, move |place| {
        let mut client = place.client();
        client.raw(&says());
        let response = client.response(2);
        assert_eq!(response["success"], false, "{response}");
        client
    })
    .starting(1..=1)
}

pub fn inputs() -> Vec<Input> {
    const FAILED: Expected = Answered("Failed to launch");
    vec![
        launch("no_arguments", FAILED, || Value::Null),
        launch("no_program", FAILED, || json!({"mode": "exec"})),
        launch("a_program_that_is_not_there", FAILED, || json!({"mode": "exec", "program": "/nonexistent"})),
        launch(
            "a_program_far_up_the_folders",
            FAILED,
            || json!({"mode": "exec", "program": "../".repeat(40) + "etc/passwd"}),
        ),
        launch("a_program_with_a_nul", FAILED, || json!({"mode": "exec", "program": "/bin/true\u{0}/x"})),
        launch(
            "a_program_with_a_path_of_a_megabyte",
            FAILED,
            || json!({"mode": "exec", "program": "/".to_owned() + &"p".repeat(1_000_000)}),
        ),
        launch("a_program_that_is_a_number", PassedOn, || json!({"mode": "exec", "program": 7})),
        launch("a_mode_that_is_unknown", FAILED, || json!({"mode": HOSTILE, "program": "/bin/true"})),
        launch(
            "a_folder_with_control_characters",
            FAILED,
            || json!({"mode": "debug", "program": HOSTILE, "cwd": HOSTILE, "dlvCwd": HOSTILE}),
        ),
        launch(
            "an_environment_with_control_characters",
            FAILED,
            || json!({"mode": "exec", "program": "/nonexistent", "env": {HOSTILE: HOSTILE, "A=B": "\u{0}"}}),
        ),
        launch(
            "flags_with_control_characters",
            FAILED,
            || json!({"mode": "exec", "program": "/nonexistent", "dlvFlags": [HOSTILE], "buildFlags": HOSTILE, "args": [HOSTILE]}),
        ),
        launch("a_hundred_thousand_substitutions", FAILED, || {
            let rules: Vec<Value> =
                (0..100_000).map(|count| json!({"from": format!("/a{count}"), "to": "/b"})).collect();
            json!({"mode": "exec", "program": "/nonexistent", "substitutePath": rules})
        }),
        launch(
            "a_substitution_that_is_no_pair",
            PassedOn,
            || json!({"mode": "exec", "program": "/nonexistent", "substitutePath": [{"from": ["x"]}, 7]}),
        ),
        launch(
            "a_backend_that_is_unknown",
            FAILED,
            || json!({"mode": "exec", "program": "/bin/true", "backend": HOSTILE}),
        ),
        asks(
            "an_attach_to_no_process",
            Answered("Failed to attach"),
            "attach",
            || json!({"mode": "local", "processId": 2_147_483_647}),
        ),
        asks(
            "an_attach_to_a_process_below_zero",
            PassedOn,
            "attach",
            || json!({"mode": "local", "processId": -1}),
        ),
    ]
}

#[test]
fn no_launch_harms_anybody_else() {
    Place::real().suffers("launches", inputs());
}
