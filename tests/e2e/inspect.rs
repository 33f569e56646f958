//! Looking at a stopped program: breakpoints, stack, variables, expressions.

use dlvgate_test_support::debug::{Debug, breakpoints, exec, named};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

for_every_dlv!(
    conditional_breakpoint_stops_when_true,
    a_deep_stack_is_shown_whole,
    nested_variables_open_level_by_level,
    expression_is_evaluated_and_a_wrong_one_explained,
    a_variable_is_changed,
    a_running_program_is_paused,
);

fn conditional_breakpoint_stops_when_true(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let mut client = server.client().initialize();
    let launch = client.send("launch", exec(&program));
    client.event("initialized");
    let line = program.line("// breakpoint: iteration");
    let conditional = json!([{"line": line, "condition": "i == 3"}]);
    client.ok("setBreakpoints", breakpoints(&program.main(), conditional));
    client.ok("configurationDone", json!({}));
    assert_eq!(client.response(launch)["success"], true);

    let mut debug = Debug { client };
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    assert_eq!(top["line"], line);
    assert_eq!(debug.evaluate(&top, "i"), "3");
    debug.run_out(thread);
    server.closed(1);
}

fn a_deep_stack_is_shown_whole(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "deep"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: bottom");
    let stack = debug.stack(thread);
    let recursive = stack.iter().filter(|frame| frame["name"] == stack[0]["name"]).count();
    assert!(recursive >= 50, "{recursive} frames of {}", stack[0]["name"]);
    assert!(stack.iter().any(|frame| frame["name"] == "main.main"));
    debug.run_out(thread);
    server.closed(1);
}

fn nested_variables_open_level_by_level(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let top = debug.top(thread);
    let locals = debug.locals(&top);
    let order = debug.variables(named(&locals, "order"));
    let customer = debug.variables(named(&order, "Customer"));
    let address = debug.variables(named(&customer, "Address"));
    assert_eq!(named(&address, "City")["value"], r#""Berlin""#);
    let lines = debug.variables(named(&order, "Lines"));
    let first = debug.variables(named(&lines, "[0]"));
    assert_eq!(named(&first, "Count")["value"], "2");
    debug.run_out(thread);
    server.closed(1);
}

fn expression_is_evaluated_and_a_wrong_one_explained(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let top = debug.top(thread);
    assert_eq!(debug.evaluate(&top, "len(order.Lines)"), "2");
    assert_eq!(debug.evaluate(&top, "order.Lines[1].Count + 40"), "43");
    let why = debug.client.refused("evaluate", json!({"expression": "nosuchthing", "frameId": top["id"]}));
    assert!(why.contains("nosuchthing"), "{why}");
    debug.run_out(thread);
    server.closed(1);
}

fn a_variable_is_changed(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: iteration");
    let top = debug.top(thread);
    let body = debug.client.ok("scopes", json!({"frameId": top["id"]}));
    let locals = body["scopes"][0]["variablesReference"].clone();
    debug.client.ok("setVariable", json!({"variablesReference": locals, "name": "total", "value": "1000"}));
    assert_eq!(debug.evaluate(&top, "total"), "1000");
    debug.client.ok("setBreakpoints", json!({"source": {"path": program.main()}, "breakpoints": []}));
    debug.run_out(thread);
    server.closed(1);
}

fn a_running_program_is_paused(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let mut debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    debug.client.ok("pause", json!({"threadId": 1}));
    // dlv does not say which thread.
    assert_eq!(debug.client.event("stopped")["reason"], "pause");
    let threads = debug.client.ok("threads", json!({}));
    assert!(threads["threads"].as_array().is_some_and(|threads| !threads.is_empty()), "{threads}");
    debug.disconnect();
    server.closed(1);
}
