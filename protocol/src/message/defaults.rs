//! Arguments that a user adds to every `launch` and `attach`, because the client has no field for them.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::paths::Rule;

/// One argument of `launch` or `attach` with its value as JSON.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Box<RawValue>,
}

/// An argument that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// No `=`.
    #[error("`{0}` has no `=`: write KEY=JSON, such as stopOnEntry=true")]
    NoEquals(String),
    /// What follows it is no JSON.
    #[error("`{value}` is no JSON: {said}. A text needs quotes: '{key}=\"{value}\"'")]
    NoJson {
        /// The key.
        key: String,
        /// What stands for the value.
        value: String,
        /// What is wrong with it.
        said: String,
    },
}

impl std::fmt::Display for Argument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl std::str::FromStr for Argument {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Argument, ArgumentError> {
        let no_equals = || ArgumentError::NoEquals(text.to_owned());
        let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(no_equals)?;
        match serde_json::from_str(value) {
            Ok(value) => Ok(Argument { key: key.to_owned(), value }),
            Err(error) => Err(ArgumentError::NoJson {
                key: key.to_owned(),
                value: value.to_owned(),
                said: error.to_string(),
            }),
        }
    }
}

/// What is added to the arguments of `launch` and `attach` (DAP: they are the adapter's own; Delve's are in
/// `Documentation/usage` and `service/dap/types.go`).
#[derive(Clone, Debug, Default)]
pub struct LaunchDefaults {
    /// Put in where the client has no such key.
    pub set: Vec<Argument>,
    /// Put in instead of what the client has.
    pub force: Vec<Argument>,
    /// Appended to `substitutePath`, so that the client's own rules are tried first.
    pub substitute_path: Vec<Rule>,
}

impl LaunchDefaults {
    /// Whether nothing is added.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.force.is_empty() && self.substitute_path.is_empty()
    }

    /// The body of a `launch` or `attach` request with what is added. `None` where the body is another message's, is no
    /// JSON, or need not be changed. Only `arguments` is changed; all else keeps its text and order.
    pub fn merge(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut message: Members = serde_json::from_slice(body).ok()?;
        let says = |key: &str, texts: &[&str]| {
            let text = message.get(key).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
            text.is_some_and(|text| texts.contains(&text.as_str()))
        };
        if self.is_empty() || !says("type", &["request"]) || !says("command", &["launch", "attach"]) {
            return None;
        }
        let mut arguments: Members = match message.get("arguments") {
            Some(raw) if raw.get() != "null" => serde_json::from_str(raw.get()).ok()?,
            _ => Members::default(),
        };
        let absent = |one: &&Argument| arguments.get(&one.key).is_none();
        let different =
            |one: &&Argument| arguments.get(&one.key).is_none_or(|own| own.get() != one.value.get());
        let added: Vec<&Argument> =
            self.set.iter().filter(absent).chain(self.force.iter().filter(different)).collect();
        let mut changed = !added.is_empty();
        for Argument { key, value } in added {
            arguments.put(key, value.clone());
        }
        if !self.substitute_path.is_empty() {
            let own = arguments.get("substitutePath").map_or("null", RawValue::get);
            // What is no list is dlv's to refuse.
            if let Ok(own) = serde_json::from_str::<Option<Vec<Box<RawValue>>>>(own) {
                let added = self.substitute_path.iter().filter_map(|rule| to_raw_value(rule).ok());
                let all: Vec<_> = own.unwrap_or_default().into_iter().chain(added).collect();
                arguments.put("substitutePath", to_raw_value(&all).ok()?);
                changed = true;
            }
        }
        if !changed {
            return None;
        }
        message.put("arguments", to_raw_value(&arguments).ok()?);
        serde_json::to_vec(&message).ok()
    }
}

/// An object whose members keep their order and text.
#[derive(Default)]
struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Of a key that comes twice the last, as dlv reads it.
    fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().rfind(|(own, _)| own == key).map(|(_, value)| &**value)
    }

    /// Of a key that came twice none is left but this.
    fn put(&mut self, key: &str, value: Box<RawValue>) {
        let mut is_first = true;
        self.0.retain(|(own, _)| own != key || std::mem::take(&mut is_first));
        match self.0.iter_mut().find(|(own, _)| own == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some(member) = map.next_entry()? {
                    members.0.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults(set: &[&str], force: &[&str], paths: &[&str]) -> LaunchDefaults {
        let arguments = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let substitute_path = paths.iter().map(|text| text.parse().unwrap()).collect();
        LaunchDefaults { set: arguments(set), force: arguments(force), substitute_path }
    }

    fn merged(defaults: &LaunchDefaults, body: &str) -> Option<String> {
        defaults.merge(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_client_s_own_win_unless_forced_and_nothing_else_changes() {
        let defaults =
            defaults(&["stopOnEntry=true", "cwd=\"/x\""], &["mode=\"exec\"", "env={\"A\":\"1\"}"], &[]);
        let body = r#"{ "command" : "launch","seq":1.0, "type":"request","arguments":{"mode":"debug", "stopOnEntry": false ,"program":"\u002fx"}}"#;
        assert_eq!(
            merged(&defaults, body).unwrap(),
            r#"{"command":"launch","seq":1.0,"type":"request","arguments":{"mode":"exec","stopOnEntry":false,"program":"\u002fx","cwd":"/x","env":{"A":"1"}}}"#
        );
    }

    #[test]
    fn an_argument_is_written_as_it_is_read_and_none_is_none() {
        let one = defaults(&["stopOnEntry=true"], &[], &[]);
        assert_eq!(one.set[0].to_string(), "stopOnEntry=true");
        for some in [one, defaults(&[], &["a=1"], &[]), defaults(&[], &[], &["/a=/b"])] {
            assert!(!some.is_empty());
        }
        assert!(defaults(&[], &[], &[]).is_empty());
    }

    #[test]
    fn a_key_that_comes_twice_does_not_get_past_what_is_forced() {
        let defaults = defaults(&[], &["mode=\"exec\""], &[]);
        for arguments in [
            r#""arguments":{"mode":"exec","mode":"debug"}"#,
            r#""arguments":{"mode":"exec"},"arguments":{"mode":"debug"}"#,
        ] {
            let body = format!(r#"{{"type":"request","command":"launch",{arguments}}}"#);
            assert_eq!(
                merged(&defaults, &body).unwrap(),
                r#"{"type":"request","command":"launch","arguments":{"mode":"exec"}}"#
            );
        }
    }

    #[test]
    fn arguments_are_made_where_there_are_none() {
        let defaults = defaults(&["mode=\"remote\""], &[], &[]);
        for arguments in ["", r#","arguments":null"#, r#","arguments":{}"#] {
            let body = format!(r#"{{"seq":1,"type":"request","command":"attach"{arguments}}}"#);
            let merged = merged(&defaults, &body).unwrap();
            assert!(merged.contains(r#""arguments":{"mode":"remote"}"#), "{merged}");
        }
    }

    #[test]
    fn path_rules_come_after_the_client_s_own() {
        let defaults = defaults(&[], &[], &["/a=/b"]);
        let body =
            |paths: &str| format!(r#"{{"type":"request","command":"launch","arguments":{{{paths}}}}}"#);
        let rule = r#"{"from":"/a","to":"/b"}"#;
        for (own, expected) in [
            (String::new(), format!(r#""substitutePath":[{rule}]"#)),
            (r#""substitutePath":null"#.into(), format!(r#""substitutePath":[{rule}]"#)),
            (
                r#""substitutePath":[{"from":"/c","to":"/d"}]"#.into(),
                format!(r#""substitutePath":[{{"from":"/c","to":"/d"}},{rule}]"#),
            ),
        ] {
            let merged = merged(&defaults, &body(&own)).unwrap();
            assert!(merged.contains(&expected), "{merged}");
        }
    }

    #[test]
    fn what_needs_no_change_is_not_written_anew() {
        let defaults = defaults(&["a=1"], &["b=2"], &["/a=/b"]);
        let body = r#"{"type":"request","command":"launch","arguments":{"a":3,"b":2,"substitutePath":7}}"#;
        assert_eq!(merged(&defaults, body), None);
    }

    #[test]
    fn other_messages_are_left_alone() {
        let defaults = defaults(&["x=1"], &[], &[]);
        for body in [
            r#"{"type":"request","command":"initialize","arguments":{}}"#,
            r#"{"type":"response","command":"launch"}"#,
            r#"{"type":"request","command":"launch","arguments":[1]}"#,
            r#"[1]"#,
            "{",
        ] {
            assert_eq!(merged(&defaults, body), None, "{body}");
        }
        assert_eq!(merged(&LaunchDefaults::default(), r#"{"type":"request","command":"launch"}"#), None);
    }

    #[test]
    fn a_value_that_is_no_json_is_refused_with_the_right_spelling() {
        let refused = "mode=exec".parse::<Argument>().unwrap_err().to_string();
        assert!(refused.contains("'mode=\"exec\"'"), "{refused}");
        assert!("mode".parse::<Argument>().unwrap_err().to_string().contains("KEY=JSON"));
        assert!("=1".parse::<Argument>().is_err());
    }
}
