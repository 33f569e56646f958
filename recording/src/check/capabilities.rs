//! Which requests need which capability (DAP, "Capabilities").

use std::collections::HashSet;

use serde_json::Value;

/// Requests that an adapter has only where it says so.
const REQUESTS: [(&str, &str); 24] = [
    ("configurationDone", "supportsConfigurationDoneRequest"),
    ("setFunctionBreakpoints", "supportsFunctionBreakpoints"),
    ("setVariable", "supportsSetVariable"),
    ("setExpression", "supportsSetExpression"),
    ("stepBack", "supportsStepBack"),
    ("reverseContinue", "supportsStepBack"),
    ("restartFrame", "supportsRestartFrame"),
    ("goto", "supportsGotoTargetsRequest"),
    ("gotoTargets", "supportsGotoTargetsRequest"),
    ("stepInTargets", "supportsStepInTargetsRequest"),
    ("completions", "supportsCompletionsRequest"),
    ("modules", "supportsModulesRequest"),
    ("loadedSources", "supportsLoadedSourcesRequest"),
    ("restart", "supportsRestartRequest"),
    ("exceptionInfo", "supportsExceptionInfoRequest"),
    ("terminate", "supportsTerminateRequest"),
    ("terminateThreads", "supportsTerminateThreadsRequest"),
    ("cancel", "supportsCancelRequest"),
    ("dataBreakpointInfo", "supportsDataBreakpoints"),
    ("setDataBreakpoints", "supportsDataBreakpoints"),
    ("readMemory", "supportsReadMemoryRequest"),
    ("writeMemory", "supportsWriteMemoryRequest"),
    ("disassemble", "supportsDisassembleRequest"),
    ("setInstructionBreakpoints", "supportsInstructionBreakpoints"),
];

/// Fields of a breakpoint that need one.
const BREAKPOINTS: [(&str, &str); 3] = [
    ("condition", "supportsConditionalBreakpoints"),
    ("hitCondition", "supportsHitConditionalBreakpoints"),
    ("logMessage", "supportsLogPoints"),
];

/// The offered capabilities.
#[derive(Debug, Default)]
pub(super) struct Capabilities {
    offered: HashSet<String>,
    filters: HashSet<String>,
}

impl Capabilities {
    /// An answer to initialize, or an event `capabilities`.
    pub(super) fn take(&mut self, capabilities: &Value) {
        let Value::Object(members) = capabilities else { return };
        for (name, value) in members {
            match value {
                Value::Bool(true) => drop(self.offered.insert(name.clone())),
                Value::Bool(false) => drop(self.offered.remove(name)),
                Value::Array(filters) if name == "exceptionBreakpointFilters" => {
                    let names = filters.iter().filter_map(|filter| filter["filter"].as_str());
                    self.filters.extend(names.map(str::to_owned));
                }
                _ => {}
            }
        }
    }

    /// What a request needs and was not offered.
    pub(super) fn missing(&self, command: &str, arguments: &Value) -> Vec<&'static str> {
        let mut needed: Vec<&'static str> =
            REQUESTS.iter().filter(|(name, _)| *name == command).map(|(_, capability)| *capability).collect();
        let breakpoints = arguments["breakpoints"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (field, capability) in BREAKPOINTS {
            let is_used = |one: &Value| one[field].as_str().is_some_and(|text| !text.is_empty());
            needed.extend(breakpoints.iter().any(is_used).then_some(capability));
        }
        match (command, arguments["context"].as_str()) {
            ("evaluate", Some("hover")) => needed.push("supportsEvaluateForHovers"),
            ("evaluate", Some("clipboard")) => needed.push("supportsClipboardContext"),
            _ => {}
        }
        if arguments["granularity"].is_string() {
            needed.push("supportsSteppingGranularity");
        }
        needed.retain(|capability| !self.offered.contains(*capability));
        needed
    }

    /// Exception filters that were not offered.
    pub(super) fn unknown_filters<'a>(&'a self, arguments: &'a Value) -> impl Iterator<Item = &'a str> {
        let filters = arguments["filters"].as_array().map(Vec::as_slice).unwrap_or_default();
        filters.iter().filter_map(Value::as_str).filter(|filter| !self.filters.contains(*filter))
    }
}
