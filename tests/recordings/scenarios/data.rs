//! Looking at data.

use std::process::Command;

use dlvgate_test_support::debug::{Debug, build, named};
use dlvgate_test_support::paths::repository;
use serde_json::{Value, json};

use super::{Listens, Scenario, Stage};

pub const ALL: &[fn() -> Scenario] = &[
    || Scenario { name: "debug", program: "demo", listens: Listens::Builds, play: debug, ignore: &[] },
    || Scenario { name: "change", program: "demo", listens: Listens::Dap, play: change, ignore: &[] },
    || Scenario { name: "deep-data", program: "deep", listens: Listens::Dap, play: deep_data, ignore: &[] },
    || Scenario { name: "large-data", program: "deep", listens: Listens::Dap, play: large_data, ignore: &[] },
    || Scenario { name: "text", program: "deep", listens: Listens::Dap, play: text, ignore: &[] },
    || Scenario { name: "deep-stack", program: "deep", listens: Listens::Dap, play: deep_stack, ignore: &[] },
    || Scenario {
        name: "goroutines",
        program: "goroutines",
        listens: Listens::Dap,
        play: goroutines,
        ignore: &[],
    },
    || Scenario { name: "test", program: "calc", listens: Listens::Builds, play: test, ignore: &[] },
    || Scenario { name: "editor", program: "demo", listens: Listens::Builds, play: editor, ignore: &[] },
];

fn debug(stage: &Stage<'_>) {
    let line = stage.program.line("// breakpoint: order");
    let launch = build("debug", stage.program);
    let mut debug = Debug::begin(stage.client(), "launch", launch, &stage.program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    assert_eq!(top["line"], line);
    let locals = debug.locals(&top);
    let order = debug.variables(named(&locals, "order"));
    let customer = debug.variables(named(&order, "Customer"));
    assert_eq!(named(&customer, "Name")["value"], "\"Zoë Müller\"");
    assert_eq!(debug.evaluate(&top, "len(order.Lines)"), "2");
    debug.run_out(thread);
}

fn change(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: call");
    let top = debug.top(thread);
    let locals = debug.client.ok("scopes", json!({"frameId": top["id"]}));
    let reference = locals["scopes"][0]["variablesReference"].clone();
    let variables = debug.variables(&json!({"variablesReference": reference}));
    let order = named(&variables, "order");
    let changed = json!({"variablesReference": order["variablesReference"], "name": "ID", "value": "8"});
    debug.client.ok("setVariable", changed);
    assert_eq!(debug.evaluate(&top, "order.ID"), "8");
    let why = debug
        .client
        .refused("evaluate", json!({"expression": "nobody", "frameId": top["id"], "context": "repl"}));
    assert!(why.contains("nobody"), "{why}");
    let help = json!({"expression": "dlv help", "frameId": top["id"], "context": "repl"});
    assert!(debug.client.ask("evaluate", help)["success"].is_boolean());
    debug.run_out(thread);
}

fn deep_data(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: data");
    let top = debug.top(thread);
    let locals = debug.locals(&top);
    let tree = debug.variables(named(&locals, "tree"));
    let inner = debug.variables(&tree[0]);
    let root = debug.variables(named(&inner, "Root"));
    for part in ["Leaves", "Up"] {
        let child = named(&root, part);
        if child["variablesReference"] != 0 {
            debug.variables(child);
        }
    }
    let any = debug.variables(named(&inner, "Any"));
    for child in any.iter().filter(|child| child["variablesReference"] != 0) {
        debug.variables(child);
    }
    debug.run_out(thread);
}

fn large_data(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: data");
    let top = debug.top(thread);
    let locals = debug.locals(&top);
    let big = named(&locals, "big");
    for start in [0, 100, 4900] {
        let page = json!({"variablesReference": big["variablesReference"], "filter": "indexed", "start": start, "count": 100});
        let body = debug.client.ok("variables", page);
        let elements = body["variables"].as_array().unwrap();
        assert_eq!(elements[0]["value"], (start * start).to_string());
    }
    debug.run_out(thread);
}

fn text(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: data");
    let top = debug.top(thread);
    for field in ["Long", "Accents", "Wide", "Emoji", "Quotes", "Bytes"] {
        debug.evaluate(&top, &format!("tree.Text.{field}"));
    }
    let copied = json!({"expression": "tree.Text.Long", "frameId": top["id"], "context": "clipboard"});
    let whole = debug.client.ok("evaluate", copied);
    assert!(whole["result"].as_str().unwrap().len() > 4_000);
    debug.run_out(thread);
}

fn deep_stack(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: bottom");
    for start in [0, 20, 90] {
        let page = json!({"threadId": thread, "startFrame": start, "levels": 20});
        let body = debug.client.ok("stackTrace", page);
        assert!(!body["stackFrames"].as_array().unwrap().is_empty());
    }
    debug.run_out(thread);
}

fn goroutines(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: waiting");
    let body = debug.client.ok("threads", Value::Null);
    let threads = body["threads"].as_array().unwrap();
    let is_worker = |one: &&Value| one["name"].as_str().unwrap().contains("main.worker");
    let workers: Vec<_> = threads.iter().filter(is_worker).cloned().collect();
    assert_eq!(workers.len(), 300);
    for worker in [&workers[0], &workers[299]] {
        let stack = debug.stack(worker["id"].as_i64().unwrap());
        assert!(stack.iter().any(|frame| frame["name"] == "main.worker"), "{stack:?}");
    }
    debug.run_out(thread);
}

fn test(stage: &Stage<'_>) {
    let file = stage.program.folder.join("calc.go");
    let line = dlvgate_test_support::program::line_of(&file, "// breakpoint: sum");
    let mut launch = build("test", stage.program);
    launch["args"] = json!(["-test.run", "^TestSum$"]);
    let mut debug = Debug::begin(stage.client(), "launch", launch, &file, &[line]);
    for sum in ["0", "1", "3"] {
        let thread = debug.stop("breakpoint");
        let top = debug.top(thread);
        assert_eq!(debug.evaluate(&top, "sum"), sum);
        debug.go_on(thread);
    }
    debug.client.event("terminated");
    debug.disconnect();
}

/// A client from another project: that of VS Code's own tests.
fn editor(stage: &Stage<'_>) {
    let script = repository().join("tests/clients/testsupport/session.mjs");
    let mut session = Command::new("node");
    session.arg(script).arg(stage.front.port().to_string()).arg(&stage.program.folder);
    let output = session.current_dir(&stage.program.folder).output().expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
}
