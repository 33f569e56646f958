//! Decides which texts stay, by type and key. A text that is not named here is a secret.

use super::shapes::LAUNCH;
use super::texts::Treatment;

/// Arguments of `launch` and `attach` that are one of a few words. All others are the user's:
/// environment, arguments, flags.
const LAUNCH_WORDS: [&str; 6] = ["mode", "request", "type", "backend", "outputMode", "console"];

/// Keys of one of a few words.
const WORDS: [&str; 30] = [
    "reason",
    "category",
    "kind",
    "visibility",
    "attributes",
    "presentationHint",
    "filter",
    "filters",
    "filterId",
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
    "request",
    "stopReason",
    "Backend",
    "mode",
    "supportedChecksumAlgorithms",
    "algorithm",
    "areas",
    "group",
    "appliesTo",
    "symbolStatus",
];

/// Keys of names in a program.
const NAMES: [&str; 8] =
    ["name", "Name", "functionName", "FunctionName", "FnName", "RootFuncName", "Funcs", "ImportPath"];

/// Keys of types.
const TYPES: [&str; 8] =
    ["type", "Type", "realType", "RealType", "Types", "typeName", "fullTypeName", "GoType"];

/// Keys of places of files.
const PATHS: [&str; 12] = [
    "path",
    "Path",
    "file",
    "File",
    "Filename",
    "Files",
    "Sources",
    "symbolFilePath",
    "Loc",
    "DirectoryPath",
    "ImagePath",
    "cwd",
];

/// Keys of expressions.
const EXPRESSIONS: [&str; 12] = [
    "expression",
    "evaluateName",
    "condition",
    "hitCondition",
    "Expr",
    "expr",
    "Symbol",
    "Cond",
    "HitCond",
    "ExprString",
    "WatchExpr",
    "dataId",
];

/// Keys of addresses in memory.
const ADDRESSES: [&str; 4] =
    ["memoryReference", "instructionPointerReference", "instructionReference", "address"];

/// Keys of versions.
const VERSIONS: [&str; 4] =
    ["DelveVersion", "TargetGoVersion", "MinSupportedVersionOfGo", "MaxSupportedVersionOfGo"];

/// Gives what of a text stays that is a member of this type, or in a list that is one.
pub(super) fn of(owner: &str, key: &str) -> Treatment {
    match (owner, key) {
        (LAUNCH, "program" | "cwd" | "dlvCwd" | "output") => Treatment::Path,
        (LAUNCH, key) if LAUNCH_WORDS.contains(&key) => Treatment::Word,
        (LAUNCH, _) => Treatment::Secret,
        ("Source" | "Module", "name") => Treatment::Path,
        // From dlv 1.27 on the program's command line.
        ("ProcessEvent.body", "name") => Treatment::Secret,
        ("api.DebuggerCommand", "name")
        | ("ExceptionBreakpointsFilter", "label")
        | ("ColumnDescriptor" | "CompletionItem", "type") => Treatment::Word,
        ("api.Breakpoint" | "rpc2.CreateWatchpointOut", "variables") => Treatment::Expression,
        (_, "Time") => Treatment::Time,
        (_, key) if WORDS.contains(&key) => Treatment::Word,
        (_, key) if NAMES.contains(&key) => Treatment::Name,
        (_, key) if TYPES.contains(&key) => Treatment::Type,
        (_, key) if PATHS.contains(&key) => Treatment::Path,
        (_, key) if EXPRESSIONS.contains(&key) => Treatment::Expression,
        (_, key) if ADDRESSES.contains(&key) => Treatment::Address,
        (_, key) if VERSIONS.contains(&key) => Treatment::Version,
        _ => Treatment::Secret,
    }
}

/// Tells whether a number stays: of the arguments that start a program, all but a few are the
/// user's.
pub(super) fn keeps_number(owner: &str, key: &str, kind: &str) -> bool {
    kind == "number" && (owner != LAUNCH || matches!(key, "processId" | "port" | "stackTraceDepth"))
}

/// Tells whether a request says how the program is started.
pub(super) fn starts_the_program(name: &str) -> bool {
    matches!(name, "launch" | "attach" | "restart")
}
