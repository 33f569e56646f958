//! What the messages of a DAP session say that its user wants to know: what is debugged, and where
//! it is stopped.
//!
//! Only few messages are read, and none that is longer than [`LONGEST`].

use std::collections::VecDeque;

use dlvgate_protocol::conversation::{Key, Message};
use serde::Deserialize;

use crate::escape::on_one_line;

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
    /// The client asks for the stack of a thread, with this number: see
    /// [`NewsReader::expect_stack`].
    AskedForStack {
        /// The request's `seq`.
        seq: i64,
        /// The thread.
        thread: i64,
    },
}

/// Requests that start a program.
const STARTS: [&str; 2] = ["launch", "attach"];

/// The request for a stack trace.
const STACK: &str = "stackTrace";

/// Requests that make the program run.
const RUNS: [&str; 6] = ["continue", "next", "stepIn", "stepOut", "reverseContinue", "stepBack"];

/// Bytes of the longest message that is read: a stack trace of a hundred frames fits.
const LONGEST: usize = 64 * 1024;

/// Bytes for which memory is kept between two messages.
const KEPT: usize = 1024;

/// Requests for stack traces that wait for their answers; a client has a few under way.
const ASKED: usize = 16;

/// Characters of a program, a place or a reason.
const WORDS: usize = 200;

/// Characters of dlv's reason why it could not start a program.
const REASON: usize = 1000;

/// Reads one direction's messages.
#[derive(Debug, Default)]
pub(super) struct NewsReader {
    /// The thread and the reason of a stop whose place is not known yet.
    stopped: Option<(i64, String)>,
    /// Number and thread of the client's requests for a stack from its innermost frame on.
    asked: VecDeque<(i64, i64)>,
    /// The present body, if it came in parts and may be of interest.
    body: Vec<u8>,
    /// The present message, once it is known and of interest.
    wanted: Option<Message>,
    /// The present message is of no interest.
    skips: bool,
    found: Vec<SessionNews>,
}

impl NewsReader {
    /// Takes what was found since the last call.
    pub(super) fn take(&mut self) -> Vec<SessionNews> {
        std::mem::take(&mut self.found)
    }

    /// The client has asked for the stack of a thread.
    pub(super) fn expect_stack(&mut self, seq: i64, thread: i64) {
        if self.asked.len() == ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back((seq, thread));
    }

    /// Takes the next part of a body. `message`: it is known from this part on which one it is.
    pub(super) fn take_body(&mut self, part: &[u8], message: Option<Message>, end: bool) {
        if let Some(message) = message {
            match self.wants(&message) {
                true => self.wanted = Some(message),
                false => self.skips = true,
            }
        }
        match self.wanted {
            Some(message) if end && self.body.is_empty() && !self.skips => self.read(&message, part),
            _ if self.skips || (end && self.wanted.is_none()) => {}
            _ if self.body.len() + part.len() > LONGEST => self.skips = true,
            wanted => {
                self.body.extend_from_slice(part);
                if let Some(message) = wanted.filter(|_| end) {
                    let body = std::mem::take(&mut self.body);
                    self.read(&message, &body);
                    self.body = body;
                }
            }
        }
        if end {
            (self.wanted, self.skips) = (None, false);
            self.body.clear();
            self.body.shrink_to(KEPT);
        }
    }

    /// Names are compared, and not read: most messages are none of these.
    fn wants(&self, message: &Message) -> bool {
        match message {
            Message::Request { name, .. } => STARTS.iter().any(|start| name == *start) || name == STACK,
            Message::Event { name } => name == "stopped" || name == "exited",
            Message::Reply { name: Some(name), success: true, .. } => {
                self.stopped.is_some() && name == STACK || RUNS.iter().any(|runs| name == *runs)
            }
            Message::Reply { name: Some(name), success: false, .. } => {
                STARTS.iter().any(|start| name == *start)
            }
            Message::Reply { name: None, .. } | Message::Unknown => false,
        }
    }

    fn read(&mut self, message: &Message, body: &[u8]) {
        let found = match message {
            Message::Request { key: Some(Key::Seq(seq)), name } if name == STACK => {
                read(body).and_then(|asked: Asked| asked.news(*seq))
            }
            Message::Request { name, .. } => read(body).map(|start| started(name.as_str(), start)),
            Message::Event { name } if name == "stopped" => {
                let stopped: Option<Event<StoppedBody>> = read(body);
                self.stopped = stopped.and_then(|event| Some((event.body.thread_id?, event.body.reason)));
                None
            }
            Message::Event { .. } => {
                read(body).map(|exited: Event<ExitedBody>| SessionNews::Exited(exited.body.exit_code))
            }
            Message::Reply { key, name: Some(name), success: true } if name == STACK => {
                self.place(*key, body)
            }
            Message::Reply { success: true, .. } => {
                self.stopped = None;
                Some(SessionNews::Running)
            }
            Message::Reply { .. } => {
                read(body).map(|failed: Failed| SessionNews::NotStarted(cut(&failed.text(), REASON)))
            }
            Message::Unknown => None,
        };
        self.found.extend(found);
    }

    /// The innermost frame of the thread that is stopped.
    fn place(&mut self, key: Option<Key>, body: &[u8]) -> Option<SessionNews> {
        let Some(Key::Seq(seq)) = key else { return None };
        let at = self.asked.iter().position(|(asked, _)| *asked == seq)?;
        let (_, thread) = self.asked.remove(at)?;
        let (stopped, reason) = self.stopped.take_if(|(stopped, _)| *stopped == thread)?;
        debug_assert_eq!(stopped, thread);
        let frame = read::<Stack>(body)?.body.stack_frames.into_iter().next()?;
        let path = frame.source.and_then(|source| source.path).unwrap_or_else(|| "?".to_owned());
        let (reason, path) = (on_one_line(&reason), on_one_line(&path));
        Some(SessionNews::Stopped {
            reason: cut(&reason, WORDS),
            at: format!("{}:{}", cut(&path, WORDS), frame.line),
        })
    }
}

/// The text's first characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
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
#[serde(rename_all = "camelCase")]
struct StoppedBody {
    reason: String,
    thread_id: Option<i64>,
}

/// A request for a stack trace.
#[derive(Deserialize)]
struct Asked {
    arguments: AskedArguments,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedArguments {
    thread_id: i64,
    #[serde(default)]
    start_frame: i64,
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
    let words = match (request, program, process_id) {
        ("launch", Some(program), _) => format!("{mode} {program}"),
        ("launch", None, _) => mode,
        (_, _, Some(pid)) => format!("attach {pid}"),
        _ => format!("attach, {mode}"),
    };
    SessionNews::Started(cut(&on_one_line(&words), WORDS))
}

impl Asked {
    fn news(self, seq: i64) -> Option<SessionNews> {
        let AskedArguments { thread_id: thread, start_frame } = self.arguments;
        (start_frame == 0).then_some(SessionNews::AskedForStack { seq, thread })
    }
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
        news_in_parts(bodies, usize::MAX)
    }

    /// Bodies that come in parts of this size, as both directions' readers see them together.
    fn news_in_parts(bodies: &[&str], size: usize) -> Vec<SessionNews> {
        let (mut client, mut dlv, mut all) = (NewsReader::default(), NewsReader::default(), Vec::new());
        for body in bodies {
            let message = Message::of_client(Protocol::Dap, body.as_bytes());
            let is_request = matches!(message, Message::Request { .. });
            let reader = if is_request { &mut client } else { &mut dlv };
            let parts: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
            for (number, part) in parts.iter().enumerate() {
                let end = number + 1 == parts.len();
                // dlv's messages are known early, the client's at their ends.
                let is_known = if is_request { end } else { number == 0 };
                reader.take_body(part, is_known.then_some(message), end);
            }
            for news in client.take() {
                match news {
                    SessionNews::AskedForStack { seq, thread } => dlv.expect_stack(seq, thread),
                    news => all.push(news),
                }
            }
            all.extend(dlv.take());
        }
        all
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
    fn stop_has_the_place_of_the_thread_s_innermost_frame() {
        let stopped =
            r#"{"seq":0,"type":"event","event":"stopped","body":{"reason":"breakpoint","threadId":1}}"#;
        let ask = |seq: i64, thread: i64, start: i64| {
            format!(
                r#"{{"seq":{seq},"type":"request","command":"stackTrace","arguments":{{"threadId":{thread},"startFrame":{start},"levels":20}}}}"#
            )
        };
        let stack = |seq: i64, line: i64| {
            format!(
                r#"{{"seq":0,"type":"response","request_seq":{seq},"success":true,"command":"stackTrace",
                    "body":{{"stackFrames":[{{"id":1000,"name":"main.main","source":{{"path":"/src/main.go"}},"line":{line}}},{{"id":1001,"line":1}}]}}}}"#
            )
        };
        let goes_on = r#"{"seq":0,"type":"response","request_seq":10,"success":true,"command":"next"}"#;
        let at = |line: i64| SessionNews::Stopped {
            reason: "breakpoint".to_owned(),
            at: format!("/src/main.go:{line}"),
        };
        let (other, caller, top) = (ask(7, 2, 0), ask(8, 1, 1), ask(9, 1, 0));
        let session = [
            stopped,
            &other,
            &stack(7, 70),
            &caller,
            &stack(8, 80),
            &top,
            &stack(9, 90),
            &stack(9, 91),
            goes_on,
        ];
        for size in [1, 2, 7, 64, usize::MAX] {
            assert_eq!(news_in_parts(&session, size), [at(90), SessionNews::Running], "parts of {size}");
        }
        assert_eq!(news(&[stopped, goes_on, &top, &stack(9, 90)]), [SessionNews::Running], "it runs again");
        let exited = r#"{"seq":0,"type":"event","event":"exited","body":{"exitCode":3}}"#;
        assert_eq!(news(&[exited]), [SessionNews::Exited(3)]);
    }

    #[test]
    fn long_texts_are_cut_and_long_messages_are_not_read() {
        let launch = |length: usize| {
            format!(
                r#"{{"seq":2,"type":"request","command":"launch","arguments":{{"program":"{}\nx"}}}}"#,
                "p".repeat(length)
            )
        };
        let [SessionNews::Started(text)] = &news(&[&launch(60_000)])[..] else { panic!() };
        assert!(text.chars().count() == WORDS + 1 && !text.contains('\n'), "{text}");
        for size in [1024, usize::MAX] {
            let known: Vec<SessionNews> = news_in_parts(&[&launch(LONGEST), &launch(1)], size);
            let last = known.last();
            assert_eq!(last, Some(&SessionNews::Started("debug p⏎x".to_owned())), "parts of {size}");
        }
        let mut reader = NewsReader::default();
        let long = launch(LONGEST);
        let message = Message::of_client(Protocol::Dap, long.as_bytes());
        long.as_bytes().chunks(1000).for_each(|part| reader.take_body(part, None, false));
        assert!(reader.body.len() <= LONGEST);
        reader.take_body(b"", Some(message), true);
        assert!(reader.body.capacity() <= KEPT && reader.take().is_empty());
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
