//! A small DAP client, written from the specification alone. It keeps every message in the order of
//! arrival.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::SockRef;

use crate::{PATIENCE, frames};

/// One message as it came.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When its last byte was there.
    pub at: Instant,
    /// Its body.
    pub message: Value,
    taken: bool,
}

/// How the server's side of the connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// In order.
    Eof,
    /// By an error, which it names.
    Broken(String),
}

#[derive(Default)]
struct Inbox {
    arrivals: Vec<Arrival>,
    /// Every byte that came.
    bytes: Vec<u8>,
    /// Why the bytes are no strict DAP, if they are not.
    not_dap: Option<String>,
    end: Option<(End, Instant)>,
}

type Shared = Arc<(Mutex<Inbox>, Condvar)>;

/// A connection to an address that speaks DAP.
pub struct Client {
    stream: TcpStream,
    reader: Option<JoinHandle<()>>,
    with_reset: bool,
    shared: Shared,
    seq: i64,
}

impl Client {
    /// Connects; sends nothing.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
        Self::over(stream)
    }

    /// Over a connection that is there.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        // Against a server that never reads: a test must fail, not hang.
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let shared = Shared::default();
        let (mut reader, inbox) = (stream.try_clone().unwrap(), Arc::clone(&shared));
        let reader = std::thread::spawn(move || read_all(&mut reader, &inbox));
        Self { stream, reader: Some(reader), with_reset: false, shared, seq: 0 }
    }

    /// Sends these bytes and nothing else.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.try_raw(bytes).expect("the server takes bytes");
    }

    /// As `raw`, for a server that may close while it is being written to.
    pub fn try_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next request as text, with the `seq` that its response will name.
    pub fn compose(&mut self, command: &str, arguments: Value) -> (i64, String) {
        self.seq += 1;
        let mut request = json!({"seq": self.seq, "type": "request", "command": command});
        if !arguments.is_null() {
            request["arguments"] = arguments;
        }
        (self.seq, request.to_string())
    }

    /// Sends a request and does not wait.
    pub fn send(&mut self, command: &str, arguments: Value) -> i64 {
        let (seq, body) = self.compose(command, arguments);
        self.raw(&frames::frame(&body));
        seq
    }

    /// Sends a request and waits for its response.
    pub fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.send(command, arguments);
        self.response(seq)
    }

    /// Sends a request that must succeed; gives the response's body.
    pub fn ok(&mut self, command: &str, arguments: Value) -> Value {
        let response = self.ask(command, arguments);
        assert_eq!(response["success"], true, "{command} failed: {response}");
        response["body"].clone()
    }

    /// Sends a request that must fail; gives what a user is shown.
    pub fn refused(&mut self, command: &str, arguments: Value) -> String {
        let response = self.ask(command, arguments);
        assert_eq!(response["success"], false, "{command} must fail: {response}");
        assert_eq!(response["command"], command, "{response}");
        error_text(&response)
    }

    /// Waits for the response to request `seq`.
    pub fn response(&self, seq: i64) -> Value {
        let wanted = |message: &Value| message["type"] == "response" && message["request_seq"] == seq;
        self.take(&wanted, &format!("a response to request {seq}")).message
    }

    /// Waits for the next event of this name that was not waited for before.
    pub fn event(&self, name: &str) -> Value {
        self.arrival(name).message["body"].clone()
    }

    /// As `event`, with the time of its arrival.
    pub fn arrival(&self, name: &str) -> Arrival {
        let wanted = |message: &Value| message["type"] == "event" && message["event"] == name;
        self.take(&wanted, &format!("event {name}"))
    }

    fn take(&self, wanted: &dyn Fn(&Value) -> bool, what: &str) -> Arrival {
        let deadline = Instant::now() + PATIENCE;
        let mut inbox = self.inbox();
        loop {
            let found = inbox.arrivals.iter_mut().find(|one| !one.taken && wanted(&one.message));
            if let Some(arrival) = found {
                arrival.taken = true;
                return arrival.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if inbox.end.is_some() || inbox.not_dap.is_some() || left.is_zero() {
                let (over, bad, came) = (inbox.end.clone(), inbox.not_dap.clone(), transcript(&inbox));
                drop(inbox);
                panic!("{what} did not come (end: {over:?}, not DAP: {bad:?}); what came:\n{came}");
            }
            inbox = self.shared.1.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the server has closed; gives how, and when.
    pub fn end(&self) -> (End, Instant) {
        let deadline = Instant::now() + PATIENCE;
        let mut inbox = self.inbox();
        loop {
            if let Some(end) = inbox.end.clone() {
                return end;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let transcript = transcript(&inbox);
                drop(inbox);
                panic!("the server does not close; what came:\n{transcript}");
            }
            inbox = self.shared.1.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How the server closed, if it has.
    pub fn end_if_any(&self) -> Option<End> {
        self.inbox().end.clone().map(|(end, _)| end)
    }

    /// Waits for an orderly end of file after nothing but whole messages.
    pub fn eof(&self) {
        let (end, _) = self.end();
        assert_eq!(end, End::Eof, "what came:\n{}", self.transcript());
        assert_eq!(self.inbox().not_dap, None);
    }

    /// Waits until `enough` of the bytes that came, or the end, and gives them all: for what is not
    /// DAP.
    pub fn bytes(&self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        let mut inbox = self.inbox();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if enough(&inbox.bytes) || inbox.end.is_some() || left.is_zero() {
                return inbox.bytes.clone();
            }
            inbox = self.shared.1.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything that came so far, in order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.inbox().arrivals.clone()
    }

    /// The texts of all output events of a category so far, joined.
    pub fn output(&self, category: Option<&str>) -> String {
        let is_output = |message: &Value| {
            message["event"] == "output"
                && category.is_none_or(|wanted| message["body"]["category"] == wanted)
        };
        let inbox = self.inbox();
        let outputs = inbox.arrivals.iter().filter(|arrival| is_output(&arrival.message));
        outputs.filter_map(|arrival| arrival.message["body"]["output"].as_str()).collect()
    }

    /// Everything that came, for a failing test's message.
    pub fn transcript(&self) -> String {
        transcript(&self.inbox())
    }

    /// End of file towards the server; its answers can still come.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// As `half_close`, towards a server that may have closed before.
    pub fn half_close_if_open(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes, and waits until the server has closed too.
    pub fn eof_after_close(self) {
        self.half_close();
        self.eof();
    }

    /// Ends the connection with a RST.
    pub fn reset(mut self) {
        self.with_reset = true;
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    /// Closes both directions; errors mean that the server was first.
    fn drop(&mut self) {
        if self.with_reset {
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        } else {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        // Sends nothing, but ends the reading thread, whose second handle would keep the socket
        // open.
        let _ = self.stream.shutdown(Shutdown::Read);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Ends a connection with a RST.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// What a user is shown of a failed response: `body.error.format` where there is one, else
/// `message`.
pub fn error_text(response: &Value) -> String {
    let text = response["body"]["error"]["format"].as_str().or(response["message"].as_str());
    text.unwrap_or_else(|| panic!("an error without a text: {response}")).to_owned()
}

fn transcript(inbox: &Inbox) -> String {
    let lines = inbox.arrivals.iter().map(|arrival| {
        let line = arrival.message.to_string();
        line.chars().take(600).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn read_all(stream: &mut TcpStream, shared: &Shared) {
    let (mut chunk, mut parsed) = (vec![0; 64 * 1024], 0);
    loop {
        let result = stream.read(&mut chunk);
        let mut inbox = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(0) => inbox.end = Some((End::Eof, Instant::now())),
            Ok(count) => inbox.bytes.extend_from_slice(&chunk[..count]),
            Err(error) => inbox.end = Some((End::Broken(error.to_string()), Instant::now())),
        }
        while inbox.not_dap.is_none() {
            match frames::split_first(&inbox.bytes[parsed..]) {
                Ok(Some((message, used))) => {
                    parsed += used;
                    inbox.arrivals.push(Arrival { at: Instant::now(), message, taken: false });
                }
                Ok(None) => break,
                Err(why) => inbox.not_dap = Some(why),
            }
        }
        let over = inbox.end.is_some();
        if over && parsed < inbox.bytes.len() {
            inbox.not_dap.get_or_insert("the last message is cut off".into());
        }
        drop(inbox);
        shared.1.notify_all();
        if over {
            return;
        }
    }
}
