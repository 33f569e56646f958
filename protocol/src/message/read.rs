//! The requests that a proxy looks into.
//!
//! Lenient throughout: every field is optional, one of an unexpected type counts as absent, and
//! unknown fields are passed over. What a client may send is for Delve to judge.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::is_white_space;

/// A request with its arguments unread (DAP specification, `Request`).
///
/// ```
/// use dlvgate_protocol::message::{LaunchArguments, Request};
///
/// let body = br#"{"seq":2,"type":"request","command":"launch","arguments":{"mode":"test"}}"#;
/// let request = Request::parse(body)?;
/// assert_eq!(request.command, "launch");
/// let launch: LaunchArguments = request.arguments_as()?;
/// assert_eq!(launch.mode.as_deref(), Some("test"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The client's number for the request; `None` where absent or no integer.
    #[serde(default, deserialize_with = "lenient")]
    pub seq: Option<i64>,
    /// The command.
    #[serde(borrow)]
    pub command: Cow<'a, str>,
    /// The command's arguments as they were written.
    #[serde(borrow, default)]
    pub arguments: Option<&'a RawValue>,
}

impl<'a> Request<'a> {
    /// Reads the body of a message that is known to be a request.
    ///
    /// # Errors
    ///
    /// Where `body` is not a JSON object with a string `command`.
    pub fn parse(body: &'a [u8]) -> Result<Request<'a>, serde_json::Error> {
        expect_object(body)?;
        serde_json::from_slice(body)
    }

    /// Reads the arguments as one of the types of this module; absent ones are the default.
    ///
    /// # Errors
    ///
    /// Where the arguments are not a JSON object.
    pub fn arguments_as<T: DeserializeOwned + Default>(&self) -> Result<T, serde_json::Error> {
        let Some(raw) = self.arguments else { return Ok(T::default()) };
        expect_object(raw.get().as_bytes())?;
        serde_json::from_str(raw.get())
    }
}

/// Arguments of `initialize` (DAP specification, `InitializeRequestArguments`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InitializeArguments {
    /// The client's id: `vscode`, `lsp4ij.debug`, ...
    #[serde(rename = "clientID", deserialize_with = "lenient")]
    pub client_id: Option<String>,
    /// The client's name for people.
    #[serde(deserialize_with = "lenient")]
    pub client_name: Option<String>,
    /// The adapter that the client believes it speaks to.
    #[serde(rename = "adapterID", deserialize_with = "lenient")]
    pub adapter_id: Option<String>,
    /// `path` or `uri`; Delve takes `path` only.
    #[serde(deserialize_with = "lenient")]
    pub path_format: Option<String>,
    /// Delve takes `true` only, and refuses the request where it is missing.
    #[serde(deserialize_with = "lenient")]
    pub lines_start_at1: Option<bool>,
    /// Delve takes `true` only, and refuses the request where it is missing.
    #[serde(deserialize_with = "lenient")]
    pub columns_start_at1: Option<bool>,
}

/// Arguments of `launch` (Delve, `service/dap/types.go`, `LaunchConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LaunchArguments {
    /// `debug` (where absent), `test`, `exec`, `replay` or `core`.
    #[serde(deserialize_with = "lenient")]
    pub mode: Option<String>,
    /// A package's folder, or the binary for mode `exec`.
    #[serde(deserialize_with = "lenient")]
    pub program: Option<String>,
    /// The debugged program's working folder.
    #[serde(deserialize_with = "lenient")]
    pub cwd: Option<String>,
    /// The folder that Delve builds in.
    #[serde(deserialize_with = "lenient")]
    pub dlv_cwd: Option<String>,
    /// Where Delve writes the binary that it builds.
    #[serde(deserialize_with = "lenient")]
    pub output: Option<String>,
    /// `local` or `remote`: who prints the debugged program's output.
    #[serde(deserialize_with = "lenient")]
    pub output_mode: Option<String>,
    /// Run without debugging.
    #[serde(deserialize_with = "lenient")]
    pub no_debug: Option<bool>,
    /// Stop before the first statement.
    #[serde(deserialize_with = "lenient")]
    pub stop_on_entry: Option<bool>,
}

/// Arguments of `attach` (Delve, `service/dap/types.go`, `AttachConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AttachArguments {
    /// `local` (where absent) or `remote`.
    #[serde(deserialize_with = "lenient")]
    pub mode: Option<String>,
    /// The process to attach to, for mode `local`.
    #[serde(deserialize_with = "lenient")]
    pub process_id: Option<i64>,
    /// The debugged program's working folder.
    #[serde(deserialize_with = "lenient")]
    pub cwd: Option<String>,
    /// Stop once attached.
    #[serde(deserialize_with = "lenient")]
    pub stop_on_entry: Option<bool>,
}

/// Arguments of `disconnect` (DAP specification, `DisconnectArguments`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DisconnectArguments {
    /// The session is to be started again.
    #[serde(deserialize_with = "lenient")]
    pub restart: Option<bool>,
    /// What becomes of the debugged program; where absent: killed if launched, kept if attached.
    #[serde(deserialize_with = "lenient")]
    pub terminate_debuggee: Option<bool>,
    /// The debugged program is to stay suspended.
    #[serde(deserialize_with = "lenient")]
    pub suspend_debuggee: Option<bool>,
}

/// Rejects arrays: serde's derived readers accept an array of field values for an object, and no
/// client sends one.
fn expect_object(json: &[u8]) -> Result<(), serde_json::Error> {
    match json.iter().find(|&&byte| !is_white_space(byte)) {
        Some(b'[') => Err(serde::de::Error::custom("expected an object, found an array")),
        _ => Ok(()),
    }
}

/// A value of the expected type, or `None`.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialize_of_lsp4ij_is_read() {
        let body = br#"{"seq":1,"type":"request","command":"initialize","arguments":{"clientID":"lsp4ij.debug",
            "adapterID":"go","pathFormat":"path","linesStartAt1":true,"columnsStartAt1":true,"supportsVariableType":true}}"#;
        let request = Request::parse(body).unwrap();
        assert_eq!((request.seq, &*request.command), (Some(1), "initialize"));
        let arguments: InitializeArguments = request.arguments_as().unwrap();
        assert_eq!(arguments.client_id.as_deref(), Some("lsp4ij.debug"));
        assert_eq!(arguments.adapter_id.as_deref(), Some("go"));
        assert_eq!(arguments.path_format.as_deref(), Some("path"));
        assert_eq!((arguments.lines_start_at1, arguments.columns_start_at1), (Some(true), Some(true)));
    }

    #[test]
    fn odd_arguments_are_absent_not_an_error() {
        let body = br#"{"command":"l\u0061unch","arguments":{"mode":7,"program":"/x","env":{"A":null},"noDebug":"yes"}}"#;
        let request = Request::parse(body).unwrap();
        assert_eq!((request.seq, &*request.command), (None, "launch"));
        let arguments: LaunchArguments = request.arguments_as().unwrap();
        assert_eq!(arguments, LaunchArguments { program: Some("/x".into()), ..Default::default() });

        let request = Request::parse(br#"{"seq":2,"command":"disconnect","arguments":null}"#).unwrap();
        assert_eq!(request.arguments_as::<DisconnectArguments>().unwrap(), Default::default());
        let request = Request::parse(br#"{"command":"attach","arguments":{"processId":12}}"#).unwrap();
        assert_eq!(request.arguments_as::<AttachArguments>().unwrap().process_id, Some(12));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for body in ["", "[]", "{}", r#"{"command":1}"#, r#"[1,"launch",{}]"#, r#" [1,"launch"]"#] {
            assert!(Request::parse(body.as_bytes()).is_err(), "{body}");
        }
        let request = Request::parse(br#"{"command":"launch","arguments":["debug","/x"]}"#).unwrap();
        assert!(request.arguments_as::<LaunchArguments>().is_err());
    }
}
