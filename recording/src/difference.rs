//! Where two messages say different things.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::normalize;

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The message's line in the recording; none where it has no such message.
    pub line: Option<u64>,
    /// Command or event, then the way to the value: `stackTrace.body.stackFrames[0].line`.
    pub path: String,
    /// The recorded value, as JSON; none where there was nothing.
    pub recorded: Option<String>,
    /// The live value.
    pub live: Option<String>,
}

/// Longest value that is shown, in characters.
const SHOWN: usize = 160;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map_or_else(String::new, |line| format!("line {line}: "));
        let same = common_prefix(self.recorded.as_deref(), self.live.as_deref());
        let short = |value: &Option<String>| match value {
            None => "nothing".to_owned(),
            Some(text) => excerpt(text, same),
        };
        write!(
            f,
            "{line}{}\n    recorded  {}\n    live      {}",
            self.path,
            short(&self.recorded),
            short(&self.live)
        )
    }
}

fn common_prefix(one: Option<&str>, other: Option<&str>) -> usize {
    let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// The value where it begins to differ.
fn excerpt(text: &str, same: usize) -> String {
    let skipped = if text.chars().count() > SHOWN { same.saturating_sub(SHOWN / 4) } else { 0 };
    let shown: String = text.chars().skip(skipped).take(SHOWN).collect();
    let is_cut = skipped + SHOWN < text.chars().count();
    format!("{}{shown}{}", if skipped > 0 { "…" } else { "" }, if is_cut { "…" } else { "" })
}

/// Values that may differ: a path as in [`Difference::path`], with `[]` for any element, `*` for
/// any one name, `**` for any number of them, and all that is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore(Vec<String>);

impl FromStr for Ignore {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Ignore, Infallible> {
        Ok(Ignore(segments(text)))
    }
}

impl Ignore {
    /// Tells whether this path, or one above it, is meant.
    pub fn covers(&self, path: &str) -> bool {
        let path = segments(path);
        covers(&self.0, &path)
    }
}

fn covers(pattern: &[String], path: &[String]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return true };
    match path.split_first() {
        _ if first == "**" => (0..=path.len()).any(|skipped| covers(rest, &path[skipped..])),
        Some((segment, below)) => {
            let is = first == segment || first == "*" || (first == "[]" && segment.starts_with('['));
            is && covers(rest, below)
        }
        None => false,
    }
}

fn segments(path: &str) -> Vec<String> {
    let path = path.trim_start_matches('.').replace('[', ".[");
    path.split('.').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

/// Appends where `live` differs from `recorded`, both in their normal form. `path` is what they
/// are.
pub(crate) fn compare(
    line: Option<u64>,
    path: &str,
    recorded: &Value,
    live: &Value,
    found: &mut Vec<Difference>,
) {
    match (recorded, live) {
        _ if recorded == live => {}
        (Value::String(one), Value::String(other)) if normalize::alike(one, other) => {}
        (Value::Object(one), Value::Object(other)) => {
            for (key, value) in one {
                let path = format!("{path}.{key}");
                match other.get(key) {
                    Some(other) => compare(line, &path, value, other, found),
                    None => found.push(difference(line, path, Some(value), None)),
                }
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                found.push(difference(line, format!("{path}.{key}"), None, Some(value)));
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for place in 0..one.len().max(other.len()) {
                let path = format!("{path}[{place}]");
                match (one.get(place), other.get(place)) {
                    (Some(one), Some(other)) => compare(line, &path, one, other, found),
                    (one, other) => found.push(difference(line, path, one, other)),
                }
            }
        }
        _ => found.push(difference(line, path.to_owned(), Some(recorded), Some(live))),
    }
}

fn difference(line: Option<u64>, path: String, recorded: Option<&Value>, live: Option<&Value>) -> Difference {
    let text = |value: Option<&Value>| value.map(Value::to_string);
    Difference { line, path, recorded: text(recorded), live: text(live) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(recorded: Value, live: Value) -> Vec<String> {
        let mut found = Vec::new();
        compare(Some(3), "x", &recorded, &live, &mut found);
        found.into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn each_value_that_differs_is_found_once_with_its_way() {
        let recorded = json!({"a": 1, "b": [1, {"c": 2}], "gone": 1});
        let live = json!({"b": [1, {"c": 3}, 4], "a": 1, "new": null});
        assert_eq!(found(recorded.clone(), live), ["x.b[1].c", "x.b[2]", "x.gone", "x.new"]);
        assert!(found(recorded.clone(), recorded).is_empty());
    }

    #[test]
    fn what_is_ignored_is_a_way_with_all_below_it() {
        let covers = |pattern: &str, path| pattern.parse::<Ignore>().unwrap().covers(path);
        assert!(covers("stackTrace.body.stackFrames[].line", "stackTrace.body.stackFrames[3].line"));
        assert!(covers("*.body", "threads.body.threads[0].name"));
        assert!(covers("stopped", "stopped.body.text"));
        assert!(covers("**.value", "a.b[2].value.c") && covers("**", "a") && !covers("**.value", "a.values"));
        assert!(!covers("stackTrace.body.stackFrames[1]", "stackTrace.body.stackFrames[2].line"));
        assert!(!covers("stackTrace.body.x.y", "stackTrace.body.x"));
    }
}
