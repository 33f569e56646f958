//! One replay of a recording's client: which message is sent when, and which have come.

mod outcome;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Duration;

use dlvgate_protocol::conversation;
use dlvgate_protocol::sniff::Protocol;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout};

use super::coalesce::Coalesced;
use super::id_map::IdMap;
use super::options::{ClientOptions, Pace};
use super::report::{Failure, GivenUp};
use super::script::Script;
use super::wire::{Incoming, send};
use crate::format::MESSAGE_MAX;
use crate::redact::Redactor;

/// After the last that was waited for, how long the server may take for the rest and its end.
const REST: Duration = Duration::from_secs(1);

/// How long an answer to a poll is waited for, which the one before may have anticipated.
const POLL_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers one after another that do not come, with nothing else of the recording: after them none
/// will. Another version of dlv leaves out single ones.
const SILENCES: usize = 2;

/// Messages that the recording does not have, and bytes in all, that are kept to be compared.
const EXTRA: usize = 100_000;
const KEPT: usize = 2 * MESSAGE_MAX;

/// Events that a client waits for before it goes on.
const WAITED_FOR: [&str; 3] = ["initialized", "stopped", "terminated"];

/// Requests that begin a program: where one fails that had succeeded, nothing of what was recorded
/// after it can come. After a restart that fails the program is still there.
const BEGINNINGS: [&str; 2] = ["launch", "attach"];

fn events(script: &Script) -> HashMap<String, VecDeque<usize>> {
    let mut all: HashMap<String, VecDeque<usize>> = HashMap::new();
    for (place, said) in script.said.iter().enumerate().filter(|(_, said)| said.answers.is_none()) {
        all.entry(said.name.clone()).or_default().push_back(place);
    }
    all
}

/// The state of a replay.
pub(super) struct ReplayState<'a> {
    options: &'a ClientOptions,
    script: &'a Script,
    incoming: Incoming<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// The recorded request that a live one is, by the number that it was sent with.
    keys: HashMap<String, usize>,
    /// The live message for each recorded one.
    heard: Vec<Option<Value>>,
    /// Live messages that were not recorded.
    extra: Vec<(String, Value)>,
    /// Recorded events of each name that have not come yet.
    events: HashMap<String, VecDeque<usize>>,
    numbers: IdMap,
    /// Set for a redacted recording: secrets are not compared.
    stars: Option<Redactor>,
    began: Instant,
    messages: usize,
    /// Bytes that came.
    bytes: usize,
    /// Messages that came and were recorded.
    matched: usize,
    /// Answers that did not come since anything did.
    silences: usize,
    /// Why nothing more is heard, where the connection has not just ended.
    given_up: Option<GivenUp>,
    /// The connection has ended.
    is_over: bool,
    /// The program has ended: it stops no more.
    is_terminated: bool,
    /// A request of [`BEGINNINGS`] that failed, as a place in [`Script::asked`], and what was said
    /// to it.
    failed: Option<(usize, Value)>,
    /// The output so far; it has the reason of a failed build.
    outputs: Vec<String>,
}

impl<'a> ReplayState<'a> {
    pub(super) fn new(options: &'a ClientOptions, server: TcpStream) -> ReplayState<'a> {
        let (reader, writer) = server.into_split();
        let script = &*options.script;
        ReplayState {
            options,
            script,
            incoming: Incoming::new(reader, script.protocol()),
            writer,
            keys: HashMap::new(),
            heard: vec![None; script.said.len()],
            extra: Vec::new(),
            events: events(script),
            numbers: IdMap::default(),
            stars: script.header.redacted.then(|| Redactor::with_stars(&script.header)),
            began: Instant::now(),
            messages: 0,
            bytes: 0,
            matched: 0,
            silences: 0,
            given_up: None,
            is_over: false,
            is_terminated: false,
            failed: None,
            outputs: Vec::new(),
        }
    }

    /// Messages that came.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Why the server was not heard to its end.
    pub(super) fn given_up(&mut self) -> Option<GivenUp> {
        self.given_up.take()
    }

    fn give_up(&mut self, why: GivenUp) {
        self.given_up.get_or_insert(why);
        self.is_over = true;
    }

    /// Whether there is nothing to be waited for.
    fn is_done(&self) -> bool {
        self.is_over || self.failed.is_some()
    }

    /// Gives how many requests were sent.
    pub(super) async fn play(&mut self) -> usize {
        let sent = self.converse().await;
        let _ = self.writer.shutdown().await;
        self.hear_until(Instant::now() + REST).await;
        sent
    }

    async fn converse(&mut self) -> usize {
        let mut waited = 0;
        for (place, asked) in self.script.asked.iter().enumerate() {
            let before = self.script.said.partition_point(|said| said.asked_before <= place);
            while waited < before && !self.is_done() {
                self.wait_for(waited, self.options.timeout).await;
                waited += 1;
            }
            if self.options.pace == Pace::AsRecorded {
                self.hear_until(self.began + asked.at).await;
            }
            if self.is_done() || self.ask(place).await.is_err() {
                return place;
            }
        }
        while waited < self.script.said.len() && !self.is_done() {
            self.wait_for(waited, self.options.timeout).await;
            waited += 1;
        }
        self.script.asked.len()
    }

    async fn ask(&mut self, place: usize) -> io::Result<()> {
        let asked = &self.script.asked[place];
        let mut message = asked.message.clone();
        let Value::Object(members) = &mut message else { return Ok(()) };
        let (number, key) = match self.script.protocol() {
            Protocol::Dap => ("seq", "arguments"),
            Protocol::JsonRpc => ("id", "params"),
        };
        if asked.key.is_some() {
            let own = place + 1;
            members.insert(number.to_owned(), own.into());
            self.keys.insert(own.to_string(), place);
        }
        self.is_terminated &= asked.name != "restart";
        if let Some(arguments) = members.get_mut(key) {
            self.options.folders.to_live(arguments);
            self.numbers.to_live(&asked.name, arguments);
            if matches!(asked.name.as_str(), "launch" | "attach") {
                self.set(arguments);
            }
        }
        let body = serde_json::to_vec(&message)?;
        let sent = timeout(self.options.timeout, send(&mut self.writer, self.script.protocol(), &body));
        match sent.await {
            Ok(sent) => sent,
            Err(late) => {
                self.give_up(GivenUp::DoesNotRead { name: asked.name.clone(), line: asked.line });
                Err(late.into())
            }
        }
    }

    fn set(&self, arguments: &mut Value) {
        let Value::Object(members) = arguments else { return };
        for argument in &self.options.set {
            let value = serde_json::from_str(argument.value.get()).unwrap_or_default();
            members.insert(argument.key.clone(), value);
        }
    }

    /// Waits for a recorded message, if it is one that is worth waiting for.
    async fn wait_for(&mut self, said: usize, timeout: Duration) {
        let expected = &self.script.said[said];
        let is_event = expected.answers.is_none();
        if is_event && !WAITED_FOR.contains(&expected.name.as_str()) {
            return;
        }
        let is_polled = Coalesced::of(expected) == Some(Coalesced::Polled);
        let deadline = Instant::now() + if is_polled { timeout.min(POLL_TIMEOUT) } else { timeout };
        let before = self.matched;
        while self.heard[said].is_none()
            && !self.is_done()
            && !(is_event && self.is_terminated)
            && Instant::now() < deadline
        {
            self.hear(deadline).await;
        }
        let is_missed = self.heard[said].is_none() && !self.is_done() && !is_event && !is_polled;
        if is_missed && self.matched == before {
            self.silences += 1;
            if self.matched == 0 || self.silences == SILENCES {
                let (name, line) = (expected.name.clone(), expected.line);
                self.give_up(GivenUp::Silent { name, line, timeout });
            }
        }
    }

    async fn hear_until(&mut self, deadline: Instant) {
        while !self.is_over && Instant::now() < deadline {
            self.hear(deadline).await;
        }
    }

    async fn hear(&mut self, deadline: Instant) {
        match tokio::time::timeout_at(deadline, self.incoming.next()).await {
            Err(_) => {}
            Ok(Ok(Some(body))) => self.heard(&body),
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                self.give_up(GivenUp::Unreadable(error.to_string()));
            }
            Ok(Ok(None) | Err(_)) => self.is_over = true,
        }
    }

    fn heard(&mut self, body: &[u8]) {
        self.messages += 1;
        self.bytes += body.len();
        if self.extra.len() >= EXTRA || self.bytes > KEPT {
            self.give_up(GivenUp::TooMuch { mib: KEPT / 1024 / 1024, messages: EXTRA });
            return;
        }
        let message: Value = serde_json::from_slice(body).unwrap_or_default();
        let (name, place) = match conversation::Message::of(self.script.protocol(), body) {
            conversation::Message::Reply { key, .. } => {
                let request = key.and_then(|key| self.keys.get(&key.to_string()).copied());
                // dlv answers some requests twice: a restart, and later why it failed.
                let is_it = |said: &usize| {
                    let is_open = self.heard[*said].is_none();
                    is_open && self.script.said[*said].answers.is_some_and(|one| Some(one) == request)
                };
                let leads_to = request.map(|request| &self.script.asked[request].leads_to);
                let place = leads_to.and_then(|all| all.iter().copied().find(is_it));
                if let Some(request) = request.filter(|request| self.has_failed(*request, &message)) {
                    self.failed.get_or_insert_with(|| (request, message.clone()));
                }
                let name =
                    request.map_or("(an answer to nothing)", |request| &self.script.asked[request].name);
                (name.to_owned(), place)
            }
            conversation::Message::Event { name } => {
                let name = name.to_string();
                self.is_terminated |= name == "terminated";
                let output = message["body"]["output"].as_str().filter(|_| name == "output");
                self.outputs.extend(output.map(str::to_owned));
                let place = self.events.get_mut(&name).and_then(VecDeque::pop_front);
                (name, place)
            }
            conversation::Message::Request { name, .. } => (name.to_string(), None),
            conversation::Message::Unknown => ("(no message)".to_owned(), None),
        };
        match place {
            Some(place) => {
                let recorded = &self.script.said[place].message;
                self.numbers.learn(
                    &compared(&mut self.stars, &name, recorded),
                    &compared(&mut self.stars, &name, &message),
                );
                self.heard[place] = Some(message);
                (self.matched, self.silences) = (self.matched + 1, 0);
            }
            None => self.extra.push((name, message)),
        }
    }

    /// Whether this answer says that the program does not begin, which it did when it was recorded.
    fn has_failed(&self, request: usize, answer: &Value) -> bool {
        let asked = &self.script.asked[request];
        let is_failure = |said: &Value| said["success"] == false;
        let answers = asked.leads_to.iter().map(|said| &self.script.said[*said]);
        let mut recorded = answers.filter(|said| said.answers == Some(request));
        BEGINNINGS.contains(&asked.name.as_str())
            && is_failure(answer)
            && !recorded.any(|said| is_failure(&said.message))
    }

    /// The request that ended the replay, with all that was said of it: the answer, and what was
    /// put out.
    pub(super) fn failure(&self) -> Option<Failure> {
        let (request, answer) = self.failed.as_ref()?;
        let asked = &self.script.asked[*request];
        let words = [&answer["body"]["error"]["format"], &answer["message"]];
        let words = words.into_iter().filter_map(Value::as_str).find(|words| !words.is_empty());
        let why = format!("{}\n{}", words.unwrap_or("it does not say why"), self.outputs.concat());
        Some(Failure { line: asked.line, name: asked.name.clone(), why: why.trim_end().to_owned() })
    }
}

/// A message as it is compared. Values that a redacted recording lacks are starred.
fn compared<'a>(stars: &mut Option<Redactor>, name: &str, message: &'a Value) -> Cow<'a, Value> {
    match stars {
        Some(stars) => Cow::Owned(stars.answer(name, message.clone())),
        None => Cow::Borrowed(message),
    }
}
