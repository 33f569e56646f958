//! `--substitute-path`, `--launch-default` and `--launch-override`: for clients that have no field
//! for them.

use std::path::{Path, PathBuf};

use dlvgate_test_support::debug::{breakpoints, initialize_arguments};
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::recorder::Recorder;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::{Value, json};

for_every_dlv!(
    dap_client_with_other_paths_hits_its_breakpoint,
    goland_with_other_paths_hits_its_breakpoint,
    what_the_user_adds_to_a_launch_reaches_dlv,
    evasion_of_a_forced_program_runs_the_forced_one,
    launch_that_takes_no_program_is_refused,
    restart_keeps_the_forced_arguments,
    method_that_comes_twice_is_logged_as_dlv_runs_it,
);

/// Where the client believes that the sources are.
const ELSEWHERE: &str = "/nowhere/on/this/machine";

fn rule(program: &Program) -> String {
    format!("{ELSEWHERE}={}", program.folder.display())
}

fn main_there() -> PathBuf {
    Path::new(ELSEWHERE).join("main.go")
}

fn dap_client_with_other_paths_hits_its_breakpoint(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let server = Serve::with(dlv).flags(["--substitute-path", &rule(&program)]).start();
    let mut client = server.client().initialize();
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

fn goland_with_other_paths_hits_its_breakpoint(dlv: &Pair) {
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
    let flags = [
        "--launch-default",
        "mode=\"exec\"",
        "--launch-default",
        "stopOnEntry=true",
        "--launch-override",
        &forced,
    ];
    let server = Serve::with(dlv).flags(flags).start();
    let mut client = server.client().initialize();
    let launch = client.send("launch", json!({"program": "/nonexistent"}));
    client.event("initialized");
    client.ok("configurationDone", Value::Null);
    assert_eq!(client.response(launch)["success"], true);
    assert_eq!(client.event("stopped")["reason"], "entry");
}

/// Launches of a program that is not there, in words that dlv reads and a proxy may not.
const EVASIONS: &[&[u8]] = &[
    br#"{"seq":900,"type":"request","command":"launch","arguments":{"program":"/other","Program":"/nonexistent"}}"#,
    br#"{"seq":900,"type":"request","command":"launch","arguments":{"\u0070rogram":"/nonexistent"}}"#,
    br#"{"seq":900,"type":"request","command":"launch","arguments":{},"Arguments":{"PROGRAM":"/nonexistent"}}"#,
    "{\"seq\":900,\"type\":\"request\",\"command\":\"launch\",\"argument\u{17f}\":{\"program\":\"/nonexistent\"}}".as_bytes(),
    br#"{"seq":900,"type":"request","command":"threads","Command":"launch","arguments":{"program":"/nonexistent"}}"#,
    br#"{"seq":900,"type":"request","command":"threads","command":"launch","arguments":{"program":"/nonexistent"}}"#,
    br#"{"seq":900,"type":"event","command":"launch","arguments":{"program":"/nonexistent"},"Type":"request"}"#,
    b"{\"seq\":900,\"type\":\"request\",\"command\":\"launch\",\"arguments\":{\"program\":\"/nonexistent\",\"x\":\"\xff\"}}",
    br#"{"seq":900,"type":"request","command":"launch","arguments":{"program":"/nonexistent","x":"\ud800"}}"#,
];

fn framed(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn forced(dlv: &Pair) -> (Program, Serve) {
    let program = Program::built(dlv, "demo");
    let binary = format!("program={}", json!(program.binary));
    let flags = [
        "--launch-default",
        "stopOnEntry=true",
        "--launch-override",
        "mode=\"exec\"",
        "--launch-override",
        &binary,
    ];
    let server = Serve::with(dlv).flags(flags);
    (program, server)
}

fn evasion_of_a_forced_program_runs_the_forced_one(dlv: &Pair) {
    let (_program, server) = forced(dlv);
    let server = server.start();
    for (at, evasion) in EVASIONS.iter().enumerate() {
        let mut client = server.client().initialize();
        let launch = framed(evasion);
        // In one piece, and so that the command comes after a cut.
        let cut = if at % 2 == 0 { launch.len() } else { 30 + at };
        client.raw(&launch[..cut]);
        client.raw(&launch[cut..]);
        client.event("initialized");
        client.ok("configurationDone", Value::Null);
        let said = String::from_utf8_lossy(evasion);
        assert_eq!(client.response(900)["success"], true, "{said}");
        assert_eq!(client.event("stopped")["reason"], "entry", "{said}");
        client.ok("disconnect", json!({"terminateDebuggee": true}));
        client.eof();
    }
}

fn launch_that_takes_no_program_is_refused(dlv: &Pair) {
    let (program, server) = forced(dlv);
    let server = server.start();
    let mut client = server.client().initialize();
    for arguments in [json!(["/nonexistent"]), json!("/nonexistent"), json!(7)] {
        let refused = client.refused("launch", arguments);
        assert!(refused.contains("not an object") && refused.contains("session goes on"), "{refused}");
    }
    let launch = client.send("launch", json!({"program": program.binary}));
    client.event("initialized");
    client.ok("configurationDone", Value::Null);
    assert_eq!(client.response(launch)["success"], true, "the session goes on");
}

/// dlv 1.26 and later take the arguments of a start again; those before know no restart.
fn restart_keeps_the_forced_arguments(dlv: &Pair) {
    let (program, server) = forced(dlv);
    let server = server.flags(["--launch-override", "args=[\"forced\"]"]).start();
    let mut client = server.client();
    let can = client.ok("initialize", initialize_arguments())["supportsRestartRequest"].clone();
    if can != json!(true) {
        return;
    }
    let launch = client.send("launch", json!({"stopOnEntry": false}));
    client.event("initialized");
    let line = program.line("// breakpoint: order");
    client.ok("setBreakpoints", breakpoints(&program.folder.join("main.go"), json!([{"line": line}])));
    client.ok("configurationDone", Value::Null);
    client.response(launch);
    client.event("stopped");
    let again = json!({"arguments": {"request": "launch", "rebuild": false, "Args": ["an", "other"], "stopOnEntry": false}});
    client.ok("restart", again);
    client.event("initialized");
    client.ok("configurationDone", Value::Null);
    let thread = client.event("stopped")["threadId"].clone();
    let stack = client.ok("stackTrace", json!({"threadId": thread, "startFrame": 0, "levels": 1}));
    let frame = stack["stackFrames"][0]["id"].clone();
    let args =
        client.ok("evaluate", json!({"expression": "os.Args[1]", "frameId": frame, "context": "repl"}));
    assert_eq!(args["result"], "\"forced\"", "{args}");
}

fn method_that_comes_twice_is_logged_as_dlv_runs_it(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let server = Serve::with(dlv).flags(["--log", "trace"]).dlv_flags(["exec", binary]).start();
    let mut goland = Rpc::connect(server.front());
    goland
        .raw(br#"{"method":"RPCServer.ListSources","params":[{}],"Method":"RPCServer.GetVersion","id":77}"#);
    let answer = goland.answer(77);
    assert!(answer["result"]["DelveVersion"].is_string(), "{answer}");
    let logged = || server.log.lines().into_iter().find(|line| line.contains("client: request 77 "));
    let line = poll(PATIENCE, logged).expect("the request is logged");
    assert!(line.contains("request 77 RPCServer.GetVersion"), "{line}");
}

/// The bytes themselves.
#[test]
fn only_launch_and_attach_change_and_only_by_rule() {
    for (flags, launched) in [
        (&[][..], r#"{"seq":2,"type":"request","command":"launch","arguments":{"mode": "exec"}}"#),
        (
            &["--launch-default", "mode=\"debug\"", "--launch-default", "stopOnEntry=true"],
            r#"{"seq":2,"type":"request","command":"launch","arguments":{"mode": "exec","stopOnEntry":true}}"#,
        ),
    ] {
        let recorder = Recorder::start();
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
