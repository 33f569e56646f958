//! A small client of Delve's JSON-RPC, as GoLand is one: bare objects without a line feed, answers
//! by `id` in any order.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::PATIENCE;

/// A connection to an address that speaks JSON-RPC.
pub struct Rpc {
    stream: TcpStream,
    /// Every byte that came.
    pub bytes: Vec<u8>,
    /// Where the next object begins.
    parsed: usize,
    /// Objects that came and were not waited for yet.
    waiting: Vec<Value>,
    /// The ids of all answers, in the order of arrival.
    pub order: Vec<i64>,
    id: i64,
}

impl Rpc {
    /// Connects; sends nothing.
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, PATIENCE).expect("it listens"))
    }

    /// Over a connection that is there.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, bytes: Vec::new(), parsed: 0, waiting: Vec::new(), order: Vec::new(), id: 0 }
    }

    /// Sends these bytes and nothing else.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes bytes");
    }

    /// Calls, and does not wait; gives the id.
    pub fn send(&mut self, method: &str, params: Value) -> i64 {
        self.id += 1;
        let request = json!({"method": format!("RPCServer.{method}"), "params": [params], "id": self.id});
        self.raw(request.to_string().as_bytes());
        self.id
    }

    /// Waits for the answer to this call.
    pub fn answer(&mut self, id: i64) -> Value {
        loop {
            if let Some(at) = self.waiting.iter().position(|answer| answer["id"] == id) {
                return self.waiting.remove(at);
            }
            assert!(
                self.read(),
                "the connection ended before the answer to {id}; what came: {}",
                self.text()
            );
        }
    }

    /// Calls; gives the result of a call that must succeed.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        let answer = self.answer(id);
        assert_eq!(answer["error"], Value::Null, "{method} failed: {answer}");
        answer["result"].clone()
    }

    /// Calls what must fail; gives the error and how long it took.
    pub fn refused(&mut self, method: &str, params: Value) -> (String, Duration) {
        let asked = Instant::now();
        let id = self.send(method, params);
        let answer = self.answer(id);
        (
            answer["error"].as_str().unwrap_or_else(|| panic!("{method} must fail: {answer}")).to_owned(),
            asked.elapsed(),
        )
    }

    /// A breakpoint on a line.
    pub fn break_at(&mut self, file: &std::path::Path, line: i64) -> Value {
        self.call("CreateBreakpoint", json!({"Breakpoint": {"file": file, "line": line}}))["Breakpoint"]
            .clone()
    }

    /// Runs until the next stop; gives the state.
    pub fn run(&mut self) -> Value {
        self.call("Command", json!({"name": "continue"}))["State"].clone()
    }

    /// An expression's value in the innermost frame.
    pub fn eval(&mut self, expression: &str) -> String {
        let scope = json!({"GoroutineID": -1, "Frame": 0});
        let config = json!({"FollowPointers": true, "MaxStringLen": 99});
        let result = self.call("Eval", json!({"Scope": scope, "Expr": expression, "Cfg": config}));
        result["Variable"]["value"].as_str().expect("a value").to_owned()
    }

    /// The innermost frames.
    pub fn stack(&mut self) -> Vec<Value> {
        let result = self.call("Stacktrace", json!({"Id": -1, "Depth": 20}));
        result["Locations"].as_array().expect("frames").clone()
    }

    /// Waits until the server closes.
    pub fn eof(&mut self) {
        while self.read() {}
        assert!(self.waiting.is_empty(), "{:?}", self.waiting);
    }

    /// Ends as a client does that simply goes.
    pub fn leave(self) {}

    fn read(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => return false,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return false,
            read => self.bytes.extend_from_slice(&chunk[..read.expect("an answer in time")]),
        }
        let mut objects =
            serde_json::Deserializer::from_slice(&self.bytes[self.parsed..]).into_iter::<Value>();
        while let Some(Ok(object)) = objects.next() {
            self.order.extend(object["id"].as_i64());
            self.waiting.push(object);
        }
        self.parsed += objects.byte_offset();
        true
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
