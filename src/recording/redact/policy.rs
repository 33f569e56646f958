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

/// Keys of objects and lists in which the keys above mean what they mean here. Anything else, such as environment, labels or
/// what a client keeps for itself, has keys of somebody's own.
const CONTAINERS: [&str; 64] = [
    "arguments",
    "params",
    "body",
    "result",
    "breakpoints",
    "breakpoint",
    "Breakpoint",
    "Breakpoints",
    "breakPoint",
    "breakPointInfo",
    "DiscardedBreakpoints",
    "source",
    "stackFrames",
    "scopes",
    "variables",
    "threads",
    "capabilities",
    "exceptionBreakpointFilters",
    "presentationHint",
    "attributes",
    "filters",
    "accessTypes",
    "lines",
    "hitBreakpointIds",
    "Cfg",
    "LoadArgs",
    "LoadLocals",
    "ReturnInfoLoadConfig",
    "Scope",
    "EvalScope",
    "State",
    "Events",
    "Threads",
    "currentThread",
    "currentGoroutine",
    "SelectedGoroutine",
    "Goroutines",
    "Locations",
    "Locals",
    "Arguments",
    "locals",
    "Defers",
    "DeferredLoc",
    "DeferLoc",
    "Variable",
    "Variables",
    "ReturnValues",
    "children",
    "function",
    "currentLoc",
    "userCurrentLoc",
    "goStatementLoc",
    "startLoc",
    "addrs",
    "addrpid",
    "pcs",
    "pcpids",
    "hitCount",
    "Funcs",
    "Types",
    "Sources",
    "modules",
    "sources",
    "module",
];

/// Arguments of `launch` and `attach` that stay. All others are the user's: environment, arguments, flags.
const LAUNCH: [&str; 7] = ["mode", "request", "type", "backend", "outputMode", "stopOnEntry", "console"];

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The command, method or event, where it is known.
    name: &'a str,
    /// It is asked, not answered or told.
    is_asked: bool,
    /// It is directly in the message.
    is_top: bool,
    /// Somewhere above is a key of somebody's own.
    is_foreign: bool,
    /// The key that it is under, or its list.
    pub(super) key: &'a str,
    /// The key that its object is under.
    parent: &'a str,
}

impl<'a> Place<'a> {
    /// The message itself.
    pub(super) fn message(name: &'a str, is_asked: bool) -> Place<'a> {
        Place { name, is_asked, is_top: true, is_foreign: false, key: "", parent: "" }
    }

    /// A member of the object that is here; `is_first`: of the message itself.
    pub(super) fn member(self, key: &'a str, is_first: bool) -> Place<'a> {
        let is_foreign = self.is_foreign || !(is_first || CONTAINERS.contains(&self.key));
        Place { is_top: is_first, is_foreign, key, parent: self.key, ..self }
    }

    /// In the arguments that say how the program is started.
    fn is_launch(self) -> bool {
        self.is_asked && starts_the_program(self.name)
    }
}

/// Whether the fields of a message are known.
fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || name.starts_with("RPCServer.")
}

/// Whether a request says how the program is started.
pub(super) fn starts_the_program(name: &str) -> bool {
    matches!(name, "launch" | "attach" | "restart" | "RPCServer.Restart")
}

/// Whether a number says nothing of the program's data and of the user's.
pub(super) fn keeps_number(place: Place<'_>) -> bool {
    match place.key {
        _ if place.is_top => true,
        "id" if place.parent == "error" => true,
        _ if place.is_foreign || !is_known(place.name) => false,
        "processId" | "port" | "stackTraceDepth" => true,
        _ => !place.is_launch(),
    }
}

/// What of a text stays.
pub(super) fn of(place: Place<'_>) -> Treatment {
    let Place { name, key, parent, .. } = place;
    if place.is_top {
        let is_envelope = matches!(key, "type" | "command" | "event" | "method");
        return if is_envelope { Treatment::Keep } else { Treatment::Secret };
    }
    if place.is_foreign || !is_known(name) {
        return Treatment::Secret;
    }
    if place.is_launch() {
        return match key {
            _ if !matches!(parent, "arguments" | "params") => Treatment::Secret,
            "program" | "cwd" | "dlvCwd" | "output" => Treatment::Path,
            _ if LAUNCH.contains(&key) => Treatment::Keep,
            _ => Treatment::Secret,
        };
    }
    match key {
        "label" if parent == "exceptionBreakpointFilters" => Treatment::Keep,
        "name" if matches!(parent, "source" | "sources" | "modules" | "module") || name == "process" => {
            Treatment::Path
        }
        "name" | "Name" => Treatment::Name,
        _ if KEPT.contains(&key) => Treatment::Keep,
        _ if PATHS.contains(&key) => Treatment::Path,
        _ if EXPRESSIONS.contains(&key) => Treatment::Expression,
        _ => Treatment::Secret,
    }
}
