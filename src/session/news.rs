//! What the messages of a DAP session say that its user wants to know: what is debugged, and where
//! it is stopped.
//!
//! Only few messages are read, and only such that lie whole in one chunk, as these do; of one that
//! does not, nothing is known.

use dlvgate_protocol::conversation::Message;
use serde::Deserialize;

/// Something that a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SessionNews {
    /// The client asks for a program: `debug ./cmd/server`.
    Started(String),
    /// dlv could not start it, for this reason.
    NotStarted(String),
    /// The program is stopped at this place.
    Stopped {
        /// DAP's reason, such as `breakpoint`.
        reason: String,
        /// Path and line of the innermost frame.
        at: String,
    },
    /// The program runs.
    Running,
    /// The program has ended with this code.
    Exited(i64),
}

/// Requests that make the program run.
const RUNS: [&str; 6] = ["continue", "next", "stepIn", "stepOut", "reverseContinue", "stepBack"];

/// Reads one direction's messages.
#[derive(Debug, Default)]
pub(super) struct NewsReader {
    /// The reason of a stop whose place is not known yet: the client's next stack trace has it.
    stopped: Option<String>,
    found: Vec<SessionNews>,
}

impl NewsReader {
    /// Takes what was found since the last call.
    pub(super) fn take(&mut self) -> Vec<SessionNews> {
        std::mem::take(&mut self.found)
    }

    /// Reads a whole message.
    pub(super) fn read(&mut self, message: &Message, body: &[u8]) {
        // Names are compared, and not read: most messages are none of these.
        let found = match message {
            Message::Request { name, .. } if name == "launch" => {
                read(body).map(|start| started("launch", start))
            }
            Message::Request { name, .. } if name == "attach" => {
                read(body).map(|start| started("attach", start))
            }
            Message::Event { name } if name == "stopped" => {
                self.stopped = read(body).map(|stopped: Event<StoppedBody>| stopped.body.reason);
                None
            }
            Message::Event { name } if name == "exited" => {
                read(body).map(|exited: Event<ExitedBody>| SessionNews::Exited(exited.body.exit_code))
            }
            Message::Reply { name: Some(name), success: true, .. }
                if self.stopped.is_some() && name == "stackTrace" =>
            {
                self.stopped.take().and_then(|reason| place(reason, body))
            }
            Message::Reply { name: Some(name), success: true, .. }
                if RUNS.iter().any(|runs| name == *runs) =>
            {
                self.stopped = None;
                Some(SessionNews::Running)
            }
            Message::Reply { name: Some(name), success: false, .. }
                if name == "launch" || name == "attach" =>
            {
                read(body).map(|failed: Failed| SessionNews::NotStarted(failed.text()))
            }
            _ => None,
        };
        self.found.extend(found);
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    arguments: StartArguments,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartArguments {
    mode: Option<String>,
    program: Option<String>,
    process_id: Option<i64>,
}

#[derive(Deserialize)]
struct Event<T> {
    body: T,
}

#[derive(Deserialize)]
struct StoppedBody {
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExitedBody {
    exit_code: i64,
}

/// A reply that says no: dlv has the reason in `body.error.format`.
#[derive(Deserialize)]
struct Failed {
    message: Option<String>,
    body: Option<FailedBody>,
}

#[derive(Deserialize)]
struct FailedBody {
    error: Option<FailedError>,
}

#[derive(Deserialize)]
struct FailedError {
    format: Option<String>,
}

#[derive(Deserialize)]
struct Stack {
    body: StackBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StackBody {
    stack_frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    line: i64,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Source {
    path: Option<String>,
}

fn started(request: &str, start: Start) -> SessionNews {
    let StartArguments { mode, program, process_id } = start.arguments;
    let mode = mode.unwrap_or_else(|| if request == "launch" { "debug" } else { "local" }.to_owned());
    SessionNews::Started(match (request, program, process_id) {
        ("launch", Some(program), _) => format!("{mode} {program}"),
        ("launch", None, _) => mode,
        (_, _, Some(pid)) => format!("attach {pid}"),
        _ => format!("attach, {mode}"),
    })
}

fn place(reason: String, body: &[u8]) -> Option<SessionNews> {
    let frame = read::<Stack>(body)?.body.stack_frames.into_iter().next()?;
    let path = frame.source.and_then(|source| source.path).unwrap_or_else(|| "?".to_owned());
    Some(SessionNews::Stopped { reason, at: format!("{path}:{}", frame.line) })
}

impl Failed {
    fn text(self) -> String {
        let of_body = self.body.and_then(|body| body.error).and_then(|error| error.format);
        of_body.or(self.message).unwrap_or_else(|| "no reason was given".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use dlvgate_protocol::sniff::Protocol;

    use super::*;

    fn news(bodies: &[&str]) -> Vec<SessionNews> {
        let mut reader = NewsReader::default();
        for body in bodies {
            let body = body.as_bytes();
            reader.read(&Message::of_client(Protocol::Dap, body), body);
        }
        reader.take()
    }

    #[test]
    fn start_is_named_by_its_mode_and_program() {
        for (body, says) in [
            (
                r#"{"seq":2,"type":"request","command":"launch","arguments":{"mode":"exec","program":"./bin/server"}}"#,
                "exec ./bin/server",
            ),
            (
                r#"{"seq":2,"type":"request","command":"launch","arguments":{"program":"/home/me/shop"}}"#,
                "debug /home/me/shop",
            ),
            (r#"{"seq":2,"type":"request","command":"launch"}"#, "debug"),
            (
                r#"{"seq":2,"type":"request","command":"attach","arguments":{"processId":4711}}"#,
                "attach 4711",
            ),
            (
                r#"{"seq":2,"type":"request","command":"attach","arguments":{"mode":"remote"}}"#,
                "attach, remote",
            ),
        ] {
            assert_eq!(news(&[body]), [SessionNews::Started(says.to_owned())]);
        }
    }

    #[test]
    fn failed_start_gives_dlv_s_reason() {
        let refused = r#"{"seq":0,"type":"response","request_seq":2,"success":false,"command":"launch","message":"Failed to launch",
                          "body":{"error":{"id":3000,"format":"Failed to launch: no Go files"}}}"#;
        assert_eq!(news(&[refused]), [SessionNews::NotStarted("Failed to launch: no Go files".to_owned())]);
    }

    #[test]
    fn stop_is_told_with_the_place_of_the_next_stack_trace() {
        let stopped =
            r#"{"seq":0,"type":"event","event":"stopped","body":{"reason":"breakpoint","threadId":1}}"#;
        let stack = r#"{"seq":0,"type":"response","request_seq":9,"success":true,"command":"stackTrace",
                        "body":{"stackFrames":[{"id":1000,"name":"main.main","source":{"path":"/src/main.go"},"line":12},{"id":1001,"line":1}]}}"#;
        let goes_on = r#"{"seq":0,"type":"response","request_seq":10,"success":true,"command":"next"}"#;
        let expected =
            SessionNews::Stopped { reason: "breakpoint".to_owned(), at: "/src/main.go:12".to_owned() };
        assert_eq!(news(&[stack, stopped, stack, stack]), [expected], "once a stop");
        assert_eq!(news(&[stopped, goes_on, stack]), [SessionNews::Running]);
        let exited = r#"{"seq":0,"type":"event","event":"exited","body":{"exitCode":3}}"#;
        assert_eq!(news(&[exited]), [SessionNews::Exited(3)]);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for body in [
            r#"{"seq":2,"type":"request","command":"launch","arguments":[]}"#,
            r#"{"type":"event","event":"stopped","body":{"reason":7}}"#,
            r#"{"type":"event","event":"exited"}"#,
            r#"{"type":"response","request_seq":9,"success":true,"command":"stackTrace","body":{}}"#,
        ] {
            assert_eq!(news(&[body]), [], "{body}");
        }
    }
}
