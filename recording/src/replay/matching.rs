//! Which recorded request is meant by a live one: by what it asks, not by its place.

use serde_json::Value;

use super::script::{RecordedRequest, Script};
use crate::normalize;

/// What a live request is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// This recorded one.
    Found(usize),
    /// None.
    None { why: String },
}

/// Requests that mean the same whatever their arguments say: there is one of them at a time, and
/// clients differ in what they declare of themselves.
const WITHOUT_ARGUMENTS: [&str; 20] = [
    "initialize",
    "launch",
    "attach",
    "configurationDone",
    "threads",
    "continue",
    "next",
    "stepIn",
    "stepOut",
    "pause",
    "restart",
    "terminate",
    "disconnect",
    "setExceptionBreakpoints",
    "RPCServer.GetVersion",
    "RPCServer.SetApiVersion",
    "RPCServer.Detach",
    "RPCServer.State",
    "RPCServer.IsMulticlient",
    "RPCServer.LastModified",
];

/// Arguments that say how much of the same is wanted.
const HOW_MUCH: [&str; 13] = [
    "levels",
    "startFrame",
    "format",
    "count",
    "start",
    "filter",
    "granularity",
    "singleThread",
    "context",
    "Depth",
    "Cfg",
    "Opts",
    "ReturnInfoLoadConfig",
];

/// How well two requests of the same name agree: the smaller the better.
fn distance(recorded: &RecordedRequest, live: &Value, loose: &Value) -> Option<u8> {
    if recorded.normal == *live {
        Some(0)
    } else if without(&recorded.normal) == *loose {
        Some(1)
    } else {
        WITHOUT_ARGUMENTS.contains(&recorded.name.as_str()).then_some(2)
    }
}

fn without(arguments: &Value) -> Value {
    match arguments {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| !HOW_MUCH.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        Value::Array(values) => values.iter().map(without).collect(),
        other => other.clone(),
    }
}

/// Finds the recorded request. `epoch`: how many requests that drive the program came before;
/// `is_played`: the recorded request was matched before.
///
/// What drives the program is played once, in its order. Anything else is answered as it was at the
/// same stop, else as it was at the nearest one that has it.
pub(super) fn find(
    script: &Script,
    name: &str,
    live: &Value,
    epoch: usize,
    is_played: impl Fn(usize) -> bool,
) -> Match {
    let live = normalize::request(live);
    let loose = without(&live);
    let all = script.asked.iter().enumerate().filter(|(_, recorded)| recorded.name == name);
    let rated = all.filter_map(|(at, recorded)| {
        let played = is_played(at);
        if recorded.is_driver && played {
            return None;
        }
        let distance = distance(recorded, &live, &loose)?;
        // At one stop each is taken in its turn, then the last once more.
        let turn = if played { usize::MAX - at } else { at };
        Some(((recorded.epoch.abs_diff(epoch), distance, played, turn), at))
    });
    if let Some((_, at)) = rated.min() {
        return Match::Found(at);
    }
    let same = script.asked.iter().filter(|recorded| recorded.name == name).count();
    let why = match same {
        0 => "the recording has no such request".to_owned(),
        _ if script.asked.iter().any(|recorded| recorded.name == name && recorded.is_driver) => {
            format!("the recording has it {same} time(s), and each was played")
        }
        _ => format!("the recording has it {same} time(s), with other arguments"),
    };
    Match::None { why }
}
