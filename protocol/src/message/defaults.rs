//! Arguments that a user adds to every `launch` and `attach`, because the client has no field for
//! them.

use serde_json::value::RawValue;

use super::members::Members;
use crate::envelope::MessageKind;
use crate::frame::DELVE_MAX_BODY;
use crate::paths::PathRule;
use crate::scan;

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
#[non_exhaustive]
pub enum ArgumentError {
    /// No `=`, or nothing before it.
    #[error("`{0}` has no `=`")]
    NoEquals(String),
    /// What follows it is not JSON.
    #[error("`{value}` is not JSON: {said}")]
    NoJson {
        /// The key.
        key: String,
        /// What stands for the value.
        value: String,
        /// Why it is not JSON.
        said: String,
    },
}

impl std::fmt::Display for Argument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// Reads `KEY=JSON`: `stopOnEntry=true`, `mode="exec"`.
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

/// A `launch`, `attach` or `restart` to which nothing can be added, so that dlv must not get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// There is nothing to put it in.
    #[error("the request's `arguments` are not an object: nothing can be added to them")]
    NoObject,
    /// dlv would put both together.
    #[error("the request's `arguments` have `arguments` twice: nothing can be added to them")]
    Twice,
    /// dlv would close the connection.
    #[error(
        "with what is added to its arguments the request has {len} bytes, and dlv takes {DELVE_MAX_BODY} at most"
    )]
    TooLong {
        /// Its length with the added arguments.
        len: usize,
    },
}

/// Where dlv looks for the arguments of a start.
#[derive(Clone, Copy)]
enum ArgumentsPlace {
    /// `launch`, `attach`: in the request's `arguments`.
    Start,
    /// `restart`: in `arguments` of the request's `arguments`, where there are any. Without them
    /// dlv keeps those it has.
    Restart,
}

impl ArgumentsPlace {
    fn of(command: &str) -> Option<ArgumentsPlace> {
        match command {
            "launch" | "attach" => Some(ArgumentsPlace::Start),
            "restart" => Some(ArgumentsPlace::Restart),
            _ => None,
        }
    }
}

/// Arguments to add to `launch` and `attach` (DAP: they are the adapter's own; Delve's are in
/// `Documentation/usage` and `service/dap/types.go`), and to the arguments that a `restart`
/// carries.
///
/// ```
/// use dlvgate_protocol::message::LaunchDefaults;
///
/// let set = vec!["stopOnEntry=true".parse()?];
/// let defaults = LaunchDefaults { set, ..LaunchDefaults::default() };
/// let launch = br#"{"seq":2,"type":"request","command":"launch","arguments":{"mode":"exec"}}"#;
/// let merged = defaults.merge(launch)?.expect("the client has no such argument");
/// assert!(merged.ends_with(br#""arguments":{"mode":"exec","stopOnEntry":true}}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LaunchDefaults {
    /// Put in where the client has no such key.
    pub set: Vec<Argument>,
    /// Put in instead of what the client has.
    pub force: Vec<Argument>,
    /// Appended to `substitutePath`, so that the client's own rules are tried first.
    pub substitute_path: Vec<PathRule>,
}

impl LaunchDefaults {
    /// Whether nothing is added.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.force.is_empty() && self.substitute_path.is_empty()
    }

    /// Whether a request of this command may be changed.
    pub fn concerns(&self, command: &str) -> bool {
        !self.is_empty() && ArgumentsPlace::of(command).is_some()
    }

    /// Returns the body of a `launch`, `attach` or `restart` request with the added arguments.
    /// `None`: dlv takes the body for another message or none, or it needs no change. Only
    /// `arguments` is changed; all else keeps its text and order. Keys are the same where Go takes
    /// them for the same field.
    ///
    /// # Errors
    /// If something is forced and cannot be, or dlv could not take the result: the request must
    /// not be passed on.
    pub fn merge(&self, body: &[u8]) -> Result<Option<Vec<u8>>, MergeError> {
        let Some(MessageKind::Request { command }) =
            scan::client_envelope(body).map(|envelope| envelope.kind)
        else {
            return Ok(None);
        };
        let Some(place) = ArgumentsPlace::of(command.as_str()).filter(|_| !self.is_empty()) else {
            return Ok(None);
        };
        let Some(mut message) = Members::of(body) else { return Ok(None) };
        let own = message.get("arguments");
        let amended = match place {
            ArgumentsPlace::Start => self.amend(own)?,
            ArgumentsPlace::Restart => self.amend_restart(own)?,
        };
        let Some(arguments) = amended else { return Ok(None) };
        message.put("arguments", arguments);
        let merged = message.into_bytes();
        if merged.len() as u64 > DELVE_MAX_BODY {
            return Err(MergeError::TooLong { len: merged.len() });
        }
        Ok(Some(merged))
    }

    /// Adds the arguments to those of the start within a restart's.
    fn amend_restart(&self, own: Option<&[u8]>) -> Result<Option<Vec<u8>>, MergeError> {
        let Some(own) = own.filter(|own| *own != b"null") else { return Ok(None) };
        let Some(mut arguments) = Members::of(own) else { return self.no_object() };
        let start = match arguments.count("arguments") {
            0 => return Ok(None),
            1 => arguments.get("arguments").filter(|start| *start != b"null"),
            // Go decodes one after the other into the same structure.
            _ => return if self.force.is_empty() { Ok(None) } else { Err(MergeError::Twice) },
        };
        let Some(start) = start else { return Ok(None) };
        let Some(amended) = self.amend(Some(start))? else { return Ok(None) };
        arguments.put("arguments", amended);
        Ok(Some(arguments.into_bytes()))
    }

    /// Adds the arguments to a start's; `None` if it has them already.
    fn amend(&self, own: Option<&[u8]>) -> Result<Option<Vec<u8>>, MergeError> {
        let mut arguments = match own {
            None | Some(b"null") => Members::default(),
            Some(own) => match Members::of(own) {
                Some(members) => members,
                None => return self.no_object(),
            },
        };
        let mut changed = false;
        for Argument { key, value } in &self.set {
            if arguments.count(key) == 0 {
                arguments.put(key, value.get().into());
                changed = true;
            }
        }
        for Argument { key, value } in &self.force {
            let is_so = arguments.count(key) == 1 && arguments.get(key) == Some(value.get().as_bytes());
            if !is_so {
                arguments.put(key, value.get().into());
                changed = true;
            }
        }
        if !self.substitute_path.is_empty() {
            // dlv refuses a value that is no list.
            if let Some(all) = self.with_paths(arguments.get("substitutePath")) {
                arguments.put("substitutePath", all);
                changed = true;
            }
        }
        Ok(changed.then(|| arguments.into_bytes()))
    }

    /// A list of path rules with ours behind them.
    fn with_paths(&self, own: Option<&[u8]>) -> Option<Vec<u8>> {
        let added = serde_json::to_vec(&self.substitute_path).ok()?;
        let Some(own) = own.filter(|own| *own != b"null") else { return Some(added) };
        let own = own.strip_prefix(b"[")?.strip_suffix(b"]")?.trim_ascii();
        let comma: &[u8] = if own.is_empty() { b"" } else { b"," };
        Some([b"[", own, comma, &added[1..]].concat())
    }

    /// Refuses it if an argument is forced. dlv refuses it too, but dlvgate does not depend on
    /// that.
    fn no_object<T>(&self) -> Result<Option<T>, MergeError> {
        if self.force.is_empty() { Ok(None) } else { Err(MergeError::NoObject) }
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
        defaults.merge(body.as_bytes()).unwrap().map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn client_arguments_win_unless_forced() {
        let defaults =
            defaults(&["stopOnEntry=true", "cwd=\"/x\""], &["mode=\"exec\"", "env={\"A\":\"1\"}"], &[]);
        let body = r#"{ "command" : "launch","seq":1, "type":"request","arguments":{"mode":"debug", "stopOnEntry": false ,"program":"\u002fx"}}"#;
        assert_eq!(
            merged(&defaults, body).unwrap(),
            r#"{"command" : "launch","seq":1,"type":"request","arguments":{"mode":"exec","stopOnEntry": false,"program":"\u002fx","cwd":"/x","env":{"A":"1"}}}"#
        );
    }

    #[test]
    fn argument_is_written_as_it_is_read() {
        let one = defaults(&["stopOnEntry=true"], &[], &[]);
        assert_eq!(one.set[0].to_string(), "stopOnEntry=true");
        for some in [one, defaults(&[], &["a=1"], &[]), defaults(&[], &[], &["/a=/b"])] {
            assert!(!some.is_empty());
        }
        assert!(defaults(&[], &[], &[]).is_empty());
    }

    #[test]
    fn duplicate_key_does_not_bypass_forced_value() {
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

    /// Each way of S6, and what else Go reads as `program`, `arguments`, `command` and `type`.
    const EVASIONS: &[&str] = &[
        r#"{"type":"request","command":"launch","arguments":{"program":"/own","Program":"/other"}}"#,
        r#"{"type":"request","command":"launch","arguments":{"PROGRAM":"/other"}}"#,
        r#"{"type":"request","command":"launch","arguments":{"\u0070rogra\u006D":"/other"}}"#,
        r#"{"type":"request","command":"launch","arguments":{"program":"/own"},"Arguments":{"program":"/other"}}"#,
        r#"{"type":"request","command":"launch","arguments":{"program":"/own"},"argument\u017f":{"program":"/other"}}"#,
        r#"{"type":"request","command":"threads","command":"launch","arguments":{"program":"/other"}}"#,
        r#"{"type":"request","command":"threads","Command":"launch","arguments":{"program":"/other"}}"#,
        r#"{"type":"event","command":"launch","arguments":{"program":"/other"},"TYPE":"request"}"#,
        r#"{"type":"request","command":"launch","arguments":{"program":"/other","x":"\ud800"}}"#,
        r#"{"type":"request","command":"launch","x":"\udc00","arguments":{"program":"/other"}}"#,
    ];

    #[test]
    fn evasion_of_what_is_forced_is_overruled() {
        let defaults = defaults(&[], &["program=\"/own\""], &[]);
        let invalid = br#"{"type":"request","command":"launch","arguments":{"program":"/other","x":"?"}}"#;
        let invalid: Vec<u8> = invalid.iter().map(|&byte| if byte == b'?' { 0xff } else { byte }).collect();
        let evasions = EVASIONS.iter().map(|text| text.as_bytes()).chain([&invalid[..]]);
        for body in evasions {
            let merged = defaults.merge(body).unwrap().unwrap();
            let text = String::from_utf8_lossy(&merged);
            assert!(!text.contains("/other") && text.contains(r#""program":"/own""#), "{text}");
            assert!(scan::client_envelope(&merged).is_some_and(
                |envelope| matches!(envelope.kind, MessageKind::Request { command } if command == "launch")
            ));
            assert_eq!(text.matches("rgument").count(), 1, "{text}");
        }
    }

    #[test]
    fn arguments_that_take_nothing_are_refused() {
        let forced = defaults(&[], &["program=\"/own\""], &[]);
        let body = |command: &str, arguments: &str| {
            format!(r#"{{"type":"request","command":"{command}","arguments":{arguments}}}"#)
        };
        for arguments in ["[1]", "7", "\"x\"", "true", "{},\"Arguments\":[{}]"] {
            for command in ["launch", "attach", "restart"] {
                let body = body(command, arguments);
                assert_eq!(forced.merge(body.as_bytes()), Err(MergeError::NoObject), "{body}");
                let set = defaults(&["a=1"], &[], &[]);
                assert_eq!(merged(&set, &body), None, "dlv's own refusal");
            }
        }
        let twice = body("restart", r#"{"arguments":{},"ARGUMENTS":{}}"#);
        assert_eq!(forced.merge(twice.as_bytes()), Err(MergeError::Twice));
        let long = body("launch", &format!("{{\"x\":\"{}\"}}", "x".repeat(DELVE_MAX_BODY as usize - 64)));
        assert!(matches!(forced.merge(long.as_bytes()), Err(MergeError::TooLong { .. })));
    }

    #[test]
    fn restart_gets_what_a_start_gets() {
        let defaults = defaults(&["stopOnEntry=true"], &["args=[\"own\"]"], &["/a=/b"]);
        let body = |arguments: &str| format!(r#"{{"type":"request","command":"restart"{arguments}}}"#);
        let own = body(r#","arguments":{"x":1,"arguments":{"request":"launch","Args":["other"]}}"#);
        assert_eq!(
            merged(&defaults, &own).unwrap(),
            body(concat!(
                r#","arguments":{"x":1,"arguments":{"request":"launch","args":["own"],"stopOnEntry":true,"#,
                r#""substitutePath":[{"from":"/a","to":"/b"}]}}"#
            ))
        );
        for none in ["", r#","arguments":null"#, r#","arguments":{}"#, r#","arguments":{"arguments":null}"#] {
            assert_eq!(merged(&defaults, &body(none)), None, "dlv keeps what it has: {none}");
        }
    }

    #[test]
    fn client_s_key_in_any_case_is_its_own() {
        let defaults = defaults(&["stopOnEntry=true", "bac\u{212a}end=\"x\""], &[], &["/a=/b"]);
        let body = r#"{"type":"request","command":"launch","arguments":{"stoponentry":false,"BACKEND":"y","SubstitutePath":[ {"from":"","to":""} ]}}"#;
        assert_eq!(
            merged(&defaults, body).unwrap(),
            body.replace(
                r#""SubstitutePath":[ {"from":"","to":""} ]"#,
                r#""substitutePath":[{"from":"","to":""},{"from":"/a","to":"/b"}]"#
            )
        );
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
    fn unchanged_request_is_not_rewritten() {
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
            r#"[1]"#,
            "{",
        ] {
            assert_eq!(merged(&defaults, body), None, "{body}");
        }
        assert_eq!(merged(&LaunchDefaults::default(), r#"{"type":"request","command":"launch"}"#), None);
    }

    #[test]
    fn argument_without_key_or_json_is_refused() {
        let refused = |text: &str| text.parse::<Argument>().unwrap_err();
        let ArgumentError::NoJson { key, value, .. } = refused("mode=exec") else { panic!("it is JSON") };
        assert_eq!((key.as_str(), value.as_str()), ("mode", "exec"));
        assert_eq!(refused("mode"), ArgumentError::NoEquals("mode".to_owned()));
        assert_eq!(refused("=1"), ArgumentError::NoEquals("=1".to_owned()));
    }
}
