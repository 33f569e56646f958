//! What a user does in the debugger, in requests.

use std::path::Path;

use serde_json::{Value, json};

use crate::client::Client;
use crate::program::Program;

/// What every IDE says first.
pub fn initialize_arguments() -> Value {
    json!({
        "clientID": "e2e", "clientName": "dlvgate's end-to-end tests", "adapterID": "go", "pathFormat": "path",
        "linesStartAt1": true, "columnsStartAt1": true, "supportsVariableType": true,
        "supportsRunInTerminalRequest": false
    })
}

/// The arguments of a launch of a program that was built before.
pub fn exec(program: &Program) -> Value {
    json!({"mode": "exec", "program": program.binary})
}

/// The arguments of a launch from source, in mode `debug` or `test`.
pub fn build(mode: &str, program: &Program) -> Value {
    // Outside the module's own folder, `go build` does not find the module.
    json!({"mode": mode, "program": program.folder, "dlvCwd": program.folder, "cwd": program.folder})
}

/// Breakpoints of one source file.
pub fn breakpoints(file: &Path, breakpoints: Value) -> Value {
    json!({"source": {"path": file}, "breakpoints": breakpoints})
}

impl Client {
    /// Sends what every IDE says first, and waits for the answer.
    pub fn initialize(mut self) -> Self {
        self.ok("initialize", initialize_arguments());
        self
    }
}

/// A debugging session as the IDE holds it.
pub struct Debug {
    /// The connection, for requests that this has no word for.
    pub client: Client,
}

impl Debug {
    /// Initializes, sends `launch` or `attach`, sets breakpoints on these lines of the file, and
    /// lets the program go.
    pub fn begin(client: Client, command: &str, arguments: Value, file: &Path, lines: &[i64]) -> Self {
        Self::begin_quietly(client).configure(command, arguments, file, lines)
    }

    /// Initializes, and nothing more.
    pub fn begin_quietly(client: Client) -> Self {
        Self { client: client.initialize() }
    }

    /// As `begin`, after `initialize`.
    pub fn configure(mut self, command: &str, arguments: Value, file: &Path, lines: &[i64]) -> Self {
        // As LSP4IJ and VS Code do, the launch's response is not waited for.
        let launch = self.client.send(command, arguments);
        self.configured(launch, file, lines);
        self
    }

    fn configured(&mut self, launch: i64, file: &Path, lines: &[i64]) {
        self.client.event("initialized");
        if !lines.is_empty() {
            let wanted: Vec<Value> = lines.iter().map(|line| json!({"line": line})).collect();
            let set = self.client.ok("setBreakpoints", breakpoints(file, wanted.into()));
            for (breakpoint, line) in set["breakpoints"].as_array().expect("breakpoints").iter().zip(lines) {
                assert_eq!(breakpoint["verified"], true, "{set}");
                assert_eq!(breakpoint["line"], *line, "{set}");
            }
        }
        self.client.ok("configurationDone", Value::Null);
        let response = self.client.response(launch);
        assert_eq!(response["success"], true, "{response}");
    }

    /// A prebuilt program on which the client stopped at the line of main.go that holds `text`.
    pub fn stopped_at(client: Client, program: &Program, text: &str) -> (Self, i64) {
        let mut debug = Self::begin(client, "launch", exec(program), &program.main(), &[program.line(text)]);
        let thread = debug.stop("breakpoint");
        assert_eq!(debug.top(thread)["line"], program.line(text));
        (debug, thread)
    }

    /// Waits for a stop for this reason; gives the thread.
    pub fn stop(&mut self, reason: &str) -> i64 {
        let stopped = self.client.event("stopped");
        assert_eq!(stopped["reason"], reason, "{stopped}");
        stopped["threadId"].as_i64().expect("a thread")
    }

    /// The frames of a thread, innermost first.
    pub fn stack(&mut self, thread: i64) -> Vec<Value> {
        let body = self.client.ok("stackTrace", json!({"threadId": thread, "startFrame": 0, "levels": 200}));
        body["stackFrames"].as_array().expect("frames").clone()
    }

    /// The innermost frame.
    pub fn top(&mut self, thread: i64) -> Value {
        self.stack(thread)[0].clone()
    }

    /// The local variables of a frame.
    pub fn locals(&mut self, frame: &Value) -> Vec<Value> {
        let body = self.client.ok("scopes", json!({"frameId": frame["id"]}));
        let scopes = body["scopes"].as_array().expect("scopes");
        let locals =
            scopes.iter().find(|scope| scope["name"].as_str().is_some_and(|name| name.contains("Locals")));
        let reference = locals.unwrap_or_else(|| panic!("no locals: {body}"))["variablesReference"].clone();
        self.variables(&json!({"variablesReference": reference}))
    }

    /// The children of a variable.
    pub fn variables(&mut self, parent: &Value) -> Vec<Value> {
        let reference = &parent["variablesReference"];
        assert!(reference.as_i64().is_some_and(|one| one > 0), "has no children: {parent}");
        let body = self.client.ok("variables", json!({"variablesReference": reference}));
        body["variables"].as_array().expect("variables").clone()
    }

    /// The value of an expression in a frame.
    pub fn evaluate(&mut self, frame: &Value, expression: &str) -> String {
        let arguments = json!({"expression": expression, "frameId": frame["id"], "context": "watch"});
        let body = self.client.ok("evaluate", arguments);
        body["result"].as_str().expect("a result").to_owned()
    }

    /// Steps with `next`, `stepIn` or `stepOut`; gives where it stopped.
    pub fn step(&mut self, how: &str, thread: i64) -> Value {
        self.client.ok(how, json!({"threadId": thread}));
        let thread = self.stop("step");
        self.top(thread)
    }

    /// Lets the program run on.
    pub fn go_on(&mut self, thread: i64) {
        self.client.ok("continue", json!({"threadId": thread}));
    }

    /// Lets the program run to its end, and ends as an IDE does.
    pub fn run_out(mut self, thread: i64) {
        self.go_on(thread);
        self.client.event("terminated");
        self.disconnect();
    }

    /// Disconnects and waits until the server closes.
    pub fn disconnect(mut self) {
        self.client.ok("disconnect", json!({}));
        self.client.eof();
    }
}

/// The variable of this name.
pub fn named<'a>(variables: &'a [Value], name: &str) -> &'a Value {
    let found = variables.iter().find(|variable| variable["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} among {variables:#?}"))
}
