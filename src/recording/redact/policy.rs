//! Which texts may stay: a list of what is known to be harmless. What is not on it is a secret.

use super::texts::Treatment;

/// Requests and events whose fields are known.
const KNOWN: [&str; 51] = [
    "initialize",
    "launch",
    "attach",
    "restart",
    "disconnect",
    "terminate",
    "configurationDone",
    "setBreakpoints",
    "setFunctionBreakpoints",
    "setExceptionBreakpoints",
    "setInstructionBreakpoints",
    "dataBreakpointInfo",
    "setDataBreakpoints",
    "breakpointLocations",
    "threads",
    "stackTrace",
    "scopes",
    "variables",
    "setVariable",
    "evaluate",
    "setExpression",
    "source",
    "exceptionInfo",
    "modules",
    "loadedSources",
    "completions",
    "disassemble",
    "readMemory",
    "writeMemory",
    "continue",
    "next",
    "stepIn",
    "stepOut",
    "stepBack",
    "reverseContinue",
    "pause",
    "goto",
    "gotoTargets",
    "stepInTargets",
    "cancel",
    "initialized",
    "stopped",
    "continued",
    "exited",
    "terminated",
    "output",
    "process",
    "breakpoint",
    "thread",
    "capabilities",
    "invalidated",
];

/// Keys whose texts say nothing of the program's data.
const KEPT: [&str; 44] = [
    "type",
    "realType",
    "command",
    "event",
    "method",
    "reason",
    "category",
    "kind",
    "visibility",
    "attributes",
    "presentationHint",
    "filter",
    "filters",
    "context",
    "granularity",
    "accessType",
    "accessTypes",
    "startMethod",
    "exceptionId",
    "breakMode",
    "pathFormat",
    "adapterID",
    "clientID",
    "clientName",
    "locale",
    "stopReason",
    "DelveVersion",
    "APIVersion",
    "Backend",
    "TargetGoVersion",
    "MinSupportedVersionOfGo",
    "MaxSupportedVersionOfGo",
    "Time",
    "LocationExpr",
    "functionName",
    "Funcs",
    "Types",
    "RootFuncName",
    "mode",
    "columnType",
    "hitCount",
    "supportedChecksumAlgorithms",
    "instructionPointerReference",
    "memoryReference",
];

/// Keys of places of files.
const PATHS: [&str; 10] =
    ["path", "file", "File", "Filename", "program", "cwd", "dlvCwd", "Sources", "symbolFilePath", "Loc"];

/// Keys of expressions.
const EXPRESSIONS: [&str; 13] = [
    "expression",
    "evaluateName",
    "condition",
    "hitCondition",
    "Expr",
    "Symbol",
    "Cond",
    "HitCond",
    "HitCondition",
    "ExprString",
    "WatchExpr",
    "dataId",
    "Variables",
];

/// Arguments of `launch` and `attach` that stay. All others are the user's: environment, arguments, flags.
const LAUNCH: [&str; 7] = ["mode", "request", "type", "backend", "outputMode", "stopOnEntry", "console"];

/// Where a text is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The command, method or event, where it is known.
    pub(super) name: &'a str,
    /// How deep in arguments: 0 for the message itself.
    pub(super) depth: usize,
    /// The key that it is under, or its list.
    pub(super) key: &'a str,
    /// The key that its object is under.
    pub(super) parent: &'a str,
}

/// Whether the fields of a message are known.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || name.starts_with("RPCServer.")
}

/// Whether this is below the arguments of a request that says how the program is started.
pub(super) fn starts_the_program(name: &str) -> bool {
    matches!(name, "launch" | "attach" | "restart" | "RPCServer.Restart")
}

/// What of a text stays.
pub(super) fn of(place: Place<'_>) -> Treatment {
    let Place { name, depth, key, parent } = place;
    if depth == 0 {
        return if matches!(key, "type" | "command" | "event" | "method" | "id") {
            Treatment::Keep
        } else {
            Treatment::Secret
        };
    }
    if !is_known(name) {
        return Treatment::Secret;
    }
    if starts_the_program(name) && depth <= 3 && !matches!(parent, "body" | "error" | "result") {
        return match key {
            _ if !matches!(parent, "arguments" | "params") => Treatment::Secret,
            "program" | "cwd" | "dlvCwd" | "output" => Treatment::Path,
            _ if LAUNCH.contains(&key) => Treatment::Keep,
            _ => Treatment::Secret,
        };
    }
    if parent == "env" || matches!(key, "env" | "args" | "TargetCommandLine" | "NewArgs" | "labels") {
        return Treatment::Secret;
    }
    match key {
        "name" if matches!(parent, "source" | "sources") || name == "process" => Treatment::Path,
        "label" if parent == "exceptionBreakpointFilters" => Treatment::Keep,
        "name" | "Name" | "label" => Treatment::Name,
        _ if KEPT.contains(&key) => Treatment::Keep,
        _ if PATHS.contains(&key) => Treatment::Path,
        _ if EXPRESSIONS.contains(&key) => Treatment::Expression,
        _ => Treatment::Secret,
    }
}
