//! `--substitute-path`, `--launch-set` and `--launch-force`: for clients that have no field for them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::for_every_dlv;
use crate::support::debug::{breakpoints, initialize_arguments};
use crate::support::dropin::{Dlv, Which};
use crate::support::frames::frame;
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use crate::support::rpc::Rpc;
use crate::support::server::Serve;
use crate::support::toolchain::Pair;

for_every_dlv!(
    a_dap_client_with_its_sources_elsewhere_stops_at_its_breakpoint,
    goland_with_its_sources_elsewhere_stops_at_its_breakpoint,
    what_the_user_adds_to_a_launch_reaches_dlv,
);

/// Where the client believes that the sources are.
const ELSEWHERE: &str = "/nowhere/on/this/machine";

fn rule(program: &Program) -> String {
    format!("{ELSEWHERE}={}", program.folder.display())
}

fn main_there() -> PathBuf {
    Path::new(ELSEWHERE).join("main.go")
}

fn a_dap_client_with_its_sources_elsewhere_stops_at_its_breakpoint(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let server = Serve::with(dlv).flags(["--substitute-path", &rule(&program)]).start();
    let mut client = server.client();
    client.ok("initialize", initialize_arguments());
    let own = json!([{"from": "/of/the/client", "to": "/on/the/server"}]);
    let launch =
        client.send("launch", json!({"mode": "exec", "program": program.binary, "substitutePath": own}));
    client.event("initialized");
    let line = program.line("// breakpoint: order");
    let set = client.ok("setBreakpoints", breakpoints(&main_there(), json!([{"line": line}])));
    assert_eq!(set["breakpoints"][0]["verified"], true, "{set}");
    client.ok("configurationDone", Value::Null);
    assert_eq!(client.response(launch)["success"], true);
    let thread = client.event("stopped")["threadId"].clone();
    let stack = client.ok("stackTrace", json!({"threadId": thread, "startFrame": 0, "levels": 9}));
    assert_eq!(stack["stackFrames"][0]["source"]["path"], json!(main_there()), "{stack}");
}

fn goland_with_its_sources_elsewhere_stops_at_its_breakpoint(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let line = program.line("// breakpoint: order");
    let words = ["exec", "--headless", "--api-version=2", binary];
    let running =
        Dlv::new(dlv, Which::Link).env("DLVGATE_SUBSTITUTE_PATH", rule(&program)).args(words).start();
    let server =
        Serve::with(dlv).flags(["--substitute-path", &rule(&program)]).dlv_flags(["exec", binary]).start();
    for front in [running.ready(), server.front()] {
        let mut goland = Rpc::connect(front);
        assert_eq!(goland.break_at(&main_there(), line)["file"], json!(main_there()));
        let state = goland.run();
        assert_eq!(state["currentThread"]["file"], json!(main_there()), "{state}");
        assert_eq!(goland.stack()[0]["file"], json!(main_there()));
        let sources = goland.call("ListSources", json!({"Filter": "main.go"}));
        assert!(sources["Sources"].as_array().unwrap().contains(&json!(main_there())), "{sources}");
        let found = goland.call(
            "FindLocation",
            json!({"Scope": {"GoroutineID": -1}, "Loc": format!("{}:{line}", main_there().display())}),
        );
        assert_eq!(found["Locations"][0]["file"], json!(main_there()), "{found}");
        assert_eq!(goland.eval("order.Customer.Address.City"), "Berlin", "values are not touched");
    }
}

fn what_the_user_adds_to_a_launch_reaches_dlv(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let forced = format!("program={}", json!(program.binary));
    let flags =
        ["--launch-set", "mode=\"exec\"", "--launch-set", "stopOnEntry=true", "--launch-force", &forced];
    let server = Serve::with(dlv).flags(flags).start();
    let mut client = server.client();
    client.ok("initialize", initialize_arguments());
    let launch = client.send("launch", json!({"program": "/nonexistent"}));
    client.event("initialized");
    client.ok("configurationDone", Value::Null);
    assert_eq!(client.response(launch)["success"], true);
    assert_eq!(client.event("stopped")["reason"], "entry");
}

/// The bytes themselves.
#[test]
fn only_a_launch_or_attach_is_changed_and_nothing_without_a_rule() {
    for (flags, launched) in [
        (&[][..], r#"{"seq":2,"type":"request","command":"launch","arguments":{"mode": "exec"}}"#),
        (
            &["--launch-set", "mode=\"debug\"", "--launch-set", "stopOnEntry=true"],
            r#"{"seq":2,"type":"request","command":"launch","arguments":{"mode":"exec","stopOnEntry":true}}"#,
        ),
    ] {
        let recorder = Recorder::new();
        let address = recorder.address().to_string();
        let server = Serve::with(&Pair::any()).flags(["--upstream", &address]).flags(flags).start();
        let around = [
            r#"{"seq":1, "type":"request","command":"initialize","arguments":{ "adapterID":"go"}}"#,
            r#"{"seq":3, "type":"request","command":"threads"}"#,
        ];
        let launch = r#"{"seq":2,"type":"request","command":"launch","arguments":{"mode": "exec"}}"#;
        let mut client = server.client();
        client.raw(&[frame(around[0]), frame(launch), frame(around[1])].concat());
        let expected = [frame(around[0]), frame(launched), frame(around[1])].concat();
        assert_eq!(
            String::from_utf8(recorder.wait(expected.len())).unwrap(),
            String::from_utf8(expected).unwrap()
        );
    }
}
