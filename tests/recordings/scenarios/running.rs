//! Letting the program run, and stopping it.

use dlvgate_test_support::debug::{Debug, breakpoints, build, exec};
use serde_json::{Value, json};

use super::{Listens, Scenario, Stage};

pub const ALL: &[fn() -> Scenario] = &[
    || Scenario { name: "stepping", program: "demo", listens: Listens::Dap, play: stepping, ignore: &[] },
    || Scenario {
        name: "breakpoints",
        program: "demo",
        listens: Listens::Dap,
        play: kinds_of_breakpoints,
        ignore: &[],
    },
    || Scenario {
        name: "data-breakpoint",
        program: "demo",
        listens: Listens::Dap,
        play: data_breakpoint,
        ignore: &[],
    },
    || Scenario {
        name: "stop-on-entry",
        program: "demo",
        listens: Listens::Dap,
        play: stop_on_entry,
        ignore: &[],
    },
    || Scenario {
        name: "pause",
        program: "loop",
        listens: Listens::Dap,
        play: pause,
        ignore: WHERE_IT_STANDS,
    },
    || Scenario { name: "attach", program: "loop", listens: Listens::Attaches, play: attach, ignore: &[] },
    || Scenario { name: "restart", program: "demo", listens: Listens::Builds, play: restart, ignore: &[] },
    || Scenario { name: "output-flood", program: "flood", listens: Listens::Dap, play: flood, ignore: &[] },
];

/// A program that is paused may be anywhere.
const WHERE_IT_STANDS: &[&str] =
    &["stackTrace.body", "threads.body.threads[].name", "stopped.body.threadId", "output.stdout", "pause"];

fn stepping(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: call");
    assert_eq!(debug.step("stepIn", thread)["name"], "main.total");
    debug.step("next", thread);
    debug.step("next", thread);
    assert_eq!(debug.step("stepOut", thread)["name"], "main.main");
    debug.step("next", thread);
    debug.run_out(thread);
}

fn kinds_of_breakpoints(stage: &Stage<'_>) {
    let (main, iteration) = (stage.program.main(), stage.program.line("// breakpoint: iteration"));
    let mut client = stage.client().initialize();
    let launch = client.send("launch", exec(stage.program));
    client.event("initialized");
    let shipped = stage.program.line("// breakpoint: goroutine");
    let wanted = json!([
        {"line": iteration, "condition": "i == 4"},
        {"line": shipped, "logMessage": "shipped {order.ID}"},
    ]);
    client.ok("setBreakpoints", breakpoints(&main, wanted));
    client.ok("setFunctionBreakpoints", json!({"breakpoints": [{"name": "main.total"}]}));
    client.ok("configurationDone", Value::Null);
    client.response(launch);
    let mut debug = Debug { client };
    let thread = debug.stop("function breakpoint");
    let set = debug
        .client
        .ok("setBreakpoints", breakpoints(&main, json!([{"line": iteration, "condition": "i == 4"}])));
    assert_eq!(set["breakpoints"][0]["verified"], true);
    debug.go_on(thread);
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    assert_eq!(debug.evaluate(&top, "i"), "4");
    let counted = json!([{"line": iteration, "hitCondition": "> 5"}]);
    debug.client.ok("setBreakpoints", breakpoints(&main, counted));
    debug.run_out(thread);
}

/// dlv 1.27 has watchpoints over DAP; older ones answer that they do not know the request.
fn data_breakpoint(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: iteration");
    let top = debug.top(thread);
    let scopes = debug.client.ok("scopes", json!({"frameId": top["id"]}));
    let reference = &scopes["scopes"][0]["variablesReference"];
    debug.variables(&json!({"variablesReference": reference}));
    let main = stage.program.main();
    debug.client.ok("setBreakpoints", breakpoints(&main, json!([])));
    let watched = json!({"variablesReference": reference, "name": "total"});
    let information = debug.client.ask("dataBreakpointInfo", watched);
    assert_eq!(information["success"], stage.dlv.at_least(1, 27), "{information}");
    if stage.dlv.at_least(1, 27) {
        let wanted =
            json!({"breakpoints": [{"dataId": information["body"]["dataId"], "accessType": "write"}]});
        let set = debug.client.ok("setDataBreakpoints", wanted);
        if set["breakpoints"][0]["verified"] == true {
            debug.go_on(thread);
            debug.stop("data breakpoint");
            debug.client.ok("setDataBreakpoints", json!({"breakpoints": []}));
        }
    }
    debug.run_out(thread);
}

fn stop_on_entry(stage: &Stage<'_>) {
    let mut launch = exec(stage.program);
    launch["stopOnEntry"] = json!(true);
    let line = stage.program.line("// breakpoint: order");
    let mut debug = Debug::begin(stage.client(), "launch", launch, &stage.program.main(), &[line]);
    let thread = debug.stop("entry");
    debug.go_on(thread);
    let thread = debug.stop("breakpoint");
    debug.client.ok("setExceptionBreakpoints", json!({"filters": []}));
    debug.run_out(thread);
}

fn pause(stage: &Stage<'_>) {
    let (main, tick) = (stage.program.main(), "// breakpoint: tick");
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, tick);
    debug.client.ok("setBreakpoints", breakpoints(&main, json!([])));
    debug.go_on(thread);
    debug.client.ok("pause", json!({"threadId": 1}));
    // The thread that stands may be the runtime's, without a goroutine; the first goroutine is
    // always there.
    assert_eq!(debug.client.event("stopped")["reason"], "pause");
    debug.client.ok("threads", Value::Null);
    debug.stack(1);
    let line = stage.program.line(tick);
    debug.client.ok("setBreakpoints", breakpoints(&main, json!([{"line": line}])));
    debug.go_on(1);
    debug.stop("breakpoint");
    debug.disconnect();
}

fn attach(stage: &Stage<'_>) {
    let arguments = json!({"mode": "local", "processId": stage.pid});
    let line = stage.program.line("// breakpoint: tick");
    let mut debug = Debug::begin(stage.client(), "attach", arguments, &stage.program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    assert_eq!(debug.top(thread)["line"], line);
    debug.client.ok("disconnect", json!({"terminateDebuggee": false}));
    debug.client.eof();
}

fn restart(stage: &Stage<'_>) {
    let (main, call) = (stage.program.main(), stage.program.line("// breakpoint: call"));
    let launch = build("debug", stage.program);
    let mut debug = Debug::begin(stage.client(), "launch", launch.clone(), &main, &[call]);
    let mut thread = debug.stop("breakpoint");
    if stage.dlv.at_least(1, 27) {
        let restart = debug.client.send("restart", json!({"arguments": launch}));
        debug.client.event("initialized");
        let order = stage.program.line("// breakpoint: order");
        debug.client.ok("setBreakpoints", breakpoints(&main, json!([{"line": order}])));
        debug.client.ok("configurationDone", json!({}));
        assert_eq!(debug.client.response(restart)["success"], true);
        thread = debug.stop("breakpoint");
        assert_eq!(debug.top(thread)["line"], order);
    } else {
        debug.client.refused("restart", json!({"arguments": launch}));
    }
    debug.run_out(thread);
}

fn flood(stage: &Stage<'_>) {
    let mut launch = exec(stage.program);
    launch["outputMode"] = json!("remote");
    let mut debug = Debug::begin(stage.client(), "launch", launch, &stage.program.main(), &[]);
    debug.client.event("terminated");
    if stage.dlv.at_least(1, 27) {
        assert!(debug.client.output(Some("stdout")).contains("line 20000 of"));
    }
    debug.client.ok("disconnect", json!({}));
    debug.client.eof();
}
