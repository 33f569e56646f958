//! Which keys and which kinds of values the two protocols fix, read from the tables that
//! `shapes/generate` writes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Tables in text: types with their members, the kind of each message, and the words that the
/// protocol names.
const TABLES: [&str; 2] = [include_str!("shapes/dap.txt"), include_str!("shapes/delve.txt")];

/// The kind of what no schema fixes: every key and value in it is the user's or the program's own.
pub(super) const ANY: &str = "any";

/// The type of the arguments that say how a program is started: what DAP and Delve's own
/// configuration have.
pub(super) const LAUNCH: &str = "launch arguments";

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::read(&TABLES));

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// The members of each type and their kinds.
    types: HashMap<&'static str, HashMap<&'static str, &'static str>>,
    /// The kind of a message's arguments, body, parameters or result, by what it is and its name.
    messages: HashMap<(&'static str, &'static str), &'static str>,
    words: HashSet<&'static str>,
}

impl Shapes {
    /// Gives the tables of both protocols.
    pub(super) fn all() -> &'static Shapes {
        &SHAPES
    }

    fn read(tables: &[&'static str]) -> Shapes {
        let mut shapes = Shapes::default();
        let mut members: &str = "";
        for line in tables.iter().flat_map(|table| table.lines()) {
            let (head, rest) = line.trim_start().split_once(' ').unwrap_or((line, ""));
            match head {
                "#" => {}
                _ if line.starts_with(' ') => {
                    shapes.types.entry(members).or_default().insert(head, rest);
                }
                "type" => {
                    members = rest;
                    shapes.types.entry(rest).or_default();
                }
                "word" => {
                    shapes.words.insert(rest);
                }
                what => {
                    let (name, kind) = rest.split_once(' ').unwrap_or((rest, ANY));
                    // Delve's own launch arguments come after DAP's, and both are one type here.
                    let is_launch = what == "request" && matches!(name, "launch" | "attach");
                    if is_launch {
                        let more = shapes.types.get(kind).cloned().unwrap_or_default();
                        shapes.types.entry(LAUNCH).or_default().extend(more);
                    }
                    shapes.messages.insert((what, name), if is_launch { LAUNCH } else { kind });
                }
            }
        }
        // Editors say these in the same object, for themselves.
        let own = ["type", "request", "console", "name"];
        shapes.types.entry(LAUNCH).or_default().extend(own.map(|key| (key, "string")));
        shapes
    }

    /// Gives the kind of a message's contents: `request`, `response`, `event`, `params` or
    /// `result`.
    pub(super) fn message(&self, what: &str, name: &str) -> &'static str {
        self.messages.get(&(what, name) as &(&str, &str)).copied().unwrap_or(ANY)
    }

    /// Gives the kind of a member, where the schema has it.
    pub(super) fn member(&self, kind: &str, key: &str) -> Option<&'static str> {
        self.types.get(kind)?.get(key).copied()
    }

    /// Tells whether a message of this name is in a protocol.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let kinds = ["request", "response", "event", "params"];
        name != "*" && kinds.iter().any(|what| self.messages.contains_key(&(*what, name) as &(&str, &str)))
    }

    /// Tells whether the protocol itself names this text.
    pub(super) fn has_word(&self, text: &str) -> bool {
        self.words.contains(text)
    }

    /// Tells whether an argument of `launch` or `attach` is known.
    pub(super) fn has_launch_argument(&self, key: &str) -> bool {
        self.member(LAUNCH, key).is_some()
    }

    #[cfg(test)]
    pub(super) fn messages(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> + '_ {
        self.messages.iter().map(|((what, name), kind)| (*what, *name, *kind))
    }

    #[cfg(test)]
    pub(super) fn members(&self, kind: &str) -> Option<&HashMap<&'static str, &'static str>> {
        self.types.get(kind)
    }
}

/// Gives the kind of a list's elements, or [`ANY`].
pub(super) fn element(kind: &'static str) -> &'static str {
    kind.strip_prefix("[] ").unwrap_or(ANY)
}

/// Gives the kind of a map's values, where it is a map.
pub(super) fn map_value(kind: &'static str) -> Option<&'static str> {
    kind.strip_prefix("map ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_both_protocols() {
        let shapes = Shapes::all();
        assert_eq!(shapes.message("event", "stopped"), "StoppedEvent.body");
        assert_eq!(shapes.member("StoppedEvent.body", "reason"), Some("string"));
        assert_eq!(shapes.message("params", "RPCServer.Eval"), "rpc2.EvalIn");
        assert_eq!(shapes.message("request", "launch"), LAUNCH);
        for key in ["noDebug", "program", "substitutePath", "type", "processId"] {
            assert!(shapes.has_launch_argument(key), "{key}");
        }
        assert!(shapes.has_word("data breakpoint") && !shapes.has_word("anything"));
        assert!(shapes.has_name("evaluate") && !shapes.has_name("*") && !shapes.has_name("error"));
        assert_eq!((element("[] Thread"), map_value("map string")), ("Thread", Some("string")));
        // Every kind that is said is there.
        for kind in shapes.types.values().flat_map(HashMap::values).chain(shapes.messages.values()) {
            let inner = kind.trim_start_matches("[] ").trim_start_matches("map ").trim_start_matches("[] ");
            let is_known = ["string", "number", "bool", ANY].contains(&inner);
            assert!(is_known || shapes.types.contains_key(inner), "{kind}");
        }
    }
}
