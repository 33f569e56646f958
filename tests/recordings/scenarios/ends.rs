//! Ends of a program and of a session, and what goes wrong.

use dlvgate_test_support::debug::{Debug, build, exec};
use serde_json::{Value, json};

use super::{Listens, Scenario, Stage};

pub const ALL: &[fn() -> Scenario] = &[
    || Scenario { name: "exit-code", program: "exit3", listens: Listens::Dap, play: exit_code, ignore: &[] },
    || Scenario { name: "panic", program: "panics", listens: Listens::Dap, play: panic, ignore: &[] },
    || Scenario {
        name: "compile-error",
        program: "broken",
        listens: Listens::Builds,
        play: compile_error,
        ignore: &[],
    },
    || Scenario {
        name: "disconnect-running",
        program: "loop",
        listens: Listens::Dap,
        play: disconnect_running,
        ignore: &["output.stdout", "stopped.body.threadId"],
    },
    || Scenario {
        name: "wrong-requests",
        program: "demo",
        listens: Listens::Dap,
        play: wrong_requests,
        ignore: &[],
    },
];

fn exit_code(stage: &Stage<'_>) {
    let debug = Debug::begin(stage.client(), "launch", exec(stage.program), &stage.program.main(), &[]);
    debug.client.event("terminated");
    debug.disconnect();
}

fn panic(stage: &Stage<'_>) {
    let mut debug = Debug::begin(stage.client(), "launch", exec(stage.program), &stage.program.main(), &[]);
    let thread = debug.stop("exception");
    let information = debug.client.ok("exceptionInfo", json!({"threadId": thread}));
    assert!(information["description"].as_str().unwrap().contains("nil map"), "{information}");
    let frames = debug.stack(thread);
    assert!(frames.iter().any(|frame| frame["name"] == "main.main"));
    debug.disconnect();
}

fn compile_error(stage: &Stage<'_>) {
    let mut client = stage.client().initialize();
    let why = client.refused("launch", build("debug", stage.program));
    assert!(!why.is_empty());
    // dlv is still there, for another try.
    let again =
        client.refused("launch", json!({"mode": "exec", "program": stage.program.folder.join("none")}));
    assert!(!again.is_empty());
    client.ok("disconnect", json!({}));
    client.eof();
}

fn disconnect_running(stage: &Stage<'_>) {
    let mut debug = Debug::begin(stage.client(), "launch", exec(stage.program), &stage.program.main(), &[]);
    let refused = debug.client.ask("stackTrace", json!({"threadId": 1}));
    assert_eq!(refused["success"], false, "{refused}");
    debug.client.ok("disconnect", json!({"terminateDebuggee": true}));
    debug.client.eof();
}

fn wrong_requests(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: order");
    for (command, arguments) in [
        ("nonsense", Value::Null),
        ("terminate", json!({})),
        ("cancel", json!({"requestId": 1})),
        ("scopes", json!({"frameId": 99_999})),
        ("variables", json!({"variablesReference": 99_999})),
        ("stackTrace", json!({"threadId": 99_999})),
    ] {
        assert_eq!(debug.client.ask(command, arguments)["success"], false, "{command}");
    }
    debug.run_out(thread);
}
