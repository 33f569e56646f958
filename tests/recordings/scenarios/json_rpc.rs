//! Delve's own protocol: `dlv connect`, and a client as GoLand is one; and DAP to a headless dlv.

use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::rpc::Rpc;
use serde_json::json;

use super::{Listens, Scenario, Stage};

pub const ALL: &[fn() -> Scenario] = &[
    || Scenario { name: "connect", program: "demo", listens: Listens::Headless, play: connect, ignore: &[] },
    || Scenario {
        name: "connect-restart",
        program: "demo",
        listens: Listens::Headless,
        play: connect_restart,
        ignore: &[],
    },
    || Scenario {
        name: "connect-panic",
        program: "panics",
        listens: Listens::Headless,
        play: connect_panic,
        ignore: &[],
    },
    || Scenario { name: "goland", program: "demo", listens: Listens::Headless, play: goland, ignore: &[] },
    || Scenario {
        name: "goland-halt",
        program: "loop",
        listens: Listens::Headless,
        play: halt,
        ignore: ANYWHERE,
    },
    || Scenario {
        name: "goland-goroutines",
        program: "goroutines",
        listens: Listens::Headless,
        play: goroutines,
        ignore: &[],
    },
    || Scenario {
        name: "remote-attach",
        program: "demo",
        listens: Listens::Headless,
        play: remote_attach,
        ignore: &[],
    },
];

/// A program that is halted may be anywhere.
const ANYWHERE: &[&str] = &["RPCServer.Command.result.State", "RPCServer.State.result.State"];

fn typed(stage: &Stage<'_>, typed: &str, wanted: &[&str]) {
    let front = stage.front.to_string();
    let words = ["connect", &front, "--allow-non-terminal-interactive=true"];
    let ended =
        Dlv::new(stage.dlv, Which::Real).args(words).env("TERM", "dumb").start_with_input(typed).ended();
    for text in wanted {
        assert!(ended.stdout.contains(text), "no {text:?} in {ended:#?}");
    }
}

fn connect(stage: &Stage<'_>) {
    let order = stage.program.line("// breakpoint: order");
    let commands = format!(
        "break main.go:{order}\ncontinue\nprint order.ID\nlocals\nstack\ngoroutines\nnext\nstep\nstepout\nbreakpoints\nclearall\nexit\ny\n"
    );
    typed(stage, &commands, &["Breakpoint 1", "(dlv) 7", "main.main"]);
}

fn connect_restart(stage: &Stage<'_>) {
    let order = stage.program.line("// breakpoint: order");
    let commands = format!(
        "break main.go:{order}\ncontinue\nset order.ID = 8\nprint order.ID\nrestart\ncontinue\nprint order.ID\nexit\ny\n"
    );
    typed(stage, &commands, &["(dlv) 8", "Process restarted", "(dlv) 7"]);
}

fn connect_panic(stage: &Stage<'_>) {
    typed(stage, "continue\nstack\nprint nothing\nexit\ny\n", &["nil map"]);
}

fn goland(stage: &Stage<'_>) {
    let mut rpc = Rpc::connect(stage.front);
    rpc.call("SetApiVersion", json!({"APIVersion": 2}));
    rpc.call("GetVersion", json!({}));
    rpc.break_at(&stage.program.main(), stage.program.line("// breakpoint: call"));
    let state = rpc.run();
    assert_eq!(state["currentThread"]["line"], stage.program.line("// breakpoint: call"));
    assert_eq!(rpc.stack()[0]["function"]["name"], "main.main");
    assert_eq!(rpc.eval("order.ID"), "7");
    let scope = json!({"GoroutineID": -1, "Frame": 0});
    let config = json!({"FollowPointers": true, "MaxVariableRecurse": 1, "MaxStringLen": 64, "MaxArrayValues": 64, "MaxStructFields": -1});
    rpc.call("ListLocalVars", json!({"Scope": scope, "Cfg": config}));
    rpc.call("Set", json!({"Scope": scope, "Symbol": "order.ID", "Value": "9"}));
    assert_eq!(rpc.eval("order.ID"), "9");
    rpc.refused("Eval", json!({"Scope": scope, "Expr": "nobody", "Cfg": config}));
    rpc.call("Command", json!({"name": "next"}));
    rpc.call("Command", json!({"name": "step"}));
    rpc.call("State", json!({"NonBlocking": true}));
    rpc.call("Detach", json!({"Kill": true}));
    rpc.eof();
}

fn halt(stage: &Stage<'_>) {
    let mut rpc = Rpc::connect(stage.front);
    rpc.call("SetApiVersion", json!({"APIVersion": 2}));
    let running = rpc.send("Command", json!({"name": "continue"}));
    let state = rpc.call("State", json!({"NonBlocking": true}));
    assert_eq!(state["State"]["Running"], true, "{state}");
    rpc.call("Command", json!({"name": "halt"}));
    rpc.answer(running);
    rpc.break_at(&stage.program.main(), stage.program.line("// breakpoint: tick"));
    let state = rpc.run();
    assert_eq!(state["currentThread"]["line"], stage.program.line("// breakpoint: tick"));
    rpc.call("Detach", json!({"Kill": true}));
    rpc.eof();
}

fn goroutines(stage: &Stage<'_>) {
    let mut rpc = Rpc::connect(stage.front);
    rpc.call("SetApiVersion", json!({"APIVersion": 2}));
    rpc.break_at(&stage.program.main(), stage.program.line("// breakpoint: waiting"));
    rpc.run();
    let listed = rpc.call("ListGoroutines", json!({"Start": 0, "Count": 0}));
    assert!(listed["Goroutines"].as_array().unwrap().len() > 300);
    rpc.call("Detach", json!({"Kill": true}));
    rpc.eof();
}

fn remote_attach(stage: &Stage<'_>) {
    let line = stage.program.line("// breakpoint: order");
    let arguments = json!({"mode": "remote"});
    let mut debug = Debug::begin(stage.client(), "attach", arguments, &stage.program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    assert_eq!(debug.evaluate(&top, "order.ID"), "7");
    debug.client.ok("disconnect", json!({"terminateDebuggee": true}));
    debug.client.eof();
}
