//! Frames, variables and threads that were given, and for how long they mean something (DAP,
//! "Lifetime of Objects References").

use std::collections::HashSet;

use serde_json::Value;

/// References by their kind.
#[derive(Debug, Default)]
pub(super) struct References {
    frames: HashSet<i64>,
    variables: HashSet<i64>,
    threads: HashSet<i64>,
    pub(super) is_running: bool,
}

/// A wrong reference: the rule it breaks, and its description.
pub(super) type Wrong = (&'static str, String);

impl References {
    /// The program goes on: what was given means nothing any more.
    pub(super) fn run(&mut self) {
        self.is_running = true;
        self.frames.clear();
        self.variables.clear();
    }

    /// The program stands.
    pub(super) fn stop(&mut self, event: &Value) {
        self.is_running = false;
        self.threads.extend(event["threadId"].as_i64());
    }

    /// An event names a thread.
    pub(super) fn thread(&mut self, thread: &Value) {
        self.threads.extend(thread.as_i64());
    }

    /// An answer gives references.
    pub(super) fn given(&mut self, command: &str, body: &Value) {
        let list = |name: &str| body[name].as_array().map(Vec::as_slice).unwrap_or_default();
        match command {
            "stackTrace" => {
                self.frames.extend(list("stackFrames").iter().filter_map(|one| one["id"].as_i64()))
            }
            "threads" => self.threads.extend(list("threads").iter().filter_map(|one| one["id"].as_i64())),
            _ => {}
        }
        let children = list("scopes").iter().chain(list("variables")).chain([body]);
        self.variables.extend(children.filter_map(|one| one["variablesReference"].as_i64()));
    }

    /// Returns what a request refers to and no earlier answer gave.
    pub(super) fn wrong(&self, command: &str, arguments: &Value) -> Option<Wrong> {
        let needs_a_stop =
            matches!(command, "stackTrace" | "scopes" | "variables" | "setVariable" | "exceptionInfo");
        if needs_a_stop && self.is_running {
            return Some(("while-running", format!("{command} while the program runs")));
        }
        let unknown = |key: &str, known: &HashSet<i64>, rule: &'static str| {
            let id = arguments[key].as_i64().filter(|id| *id != 0 && !known.contains(id))?;
            Some((rule, format!("{command} asks for {key} {id}, which was not given")))
        };
        unknown("frameId", &self.frames, "unknown-frame")
            .or_else(|| unknown("variablesReference", &self.variables, "unknown-variables"))
            .or_else(|| {
                let of_one =
                    matches!(command, "stackTrace" | "next" | "stepIn" | "stepOut" | "exceptionInfo");
                if of_one { unknown("threadId", &self.threads, "unknown-thread") } else { None }
            })
    }
}
