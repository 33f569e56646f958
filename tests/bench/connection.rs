//! The driver's end of a session. While it is measured it writes, reads and compares: nothing is
//! parsed.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::watchdog;

/// Numbers of requests all have seven digits, so that lengths do not change.
const FIRST: u32 = 1_000_000;
const DIGITS: usize = 7;
/// Longer than any header that is expected.
const HEADER: usize = 64;
/// A message that is not kept is read in such pieces, and has as many bytes as were asked for, but
/// for one repeated block.
const CHUNK: usize = 256 * 1024;
const MARGIN: usize = 80 * 1024;

/// A connection on which `initialize` has been answered.
pub struct Connection {
    stream: TcpStream,
    number: u32,
    input: Vec<u8>,
}

/// A request, or several in one write, and the bytes that answer it, of which only the numbers
/// change.
pub struct Exchange {
    request: Vec<u8>,
    request_numbers: Vec<usize>,
    answer: Vec<u8>,
    answer_numbers: Vec<usize>,
}

impl Exchange {
    /// The same so many times in one write.
    pub fn times(&self, count: usize) -> Exchange {
        let spread = |at: &[usize], step: usize| {
            (0..count).flat_map(|copy| at.iter().map(move |at| at + copy * step)).collect()
        };
        Exchange {
            request: self.request.repeat(count),
            request_numbers: spread(&self.request_numbers, self.request.len()),
            answer: self.answer.repeat(count),
            answer_numbers: spread(&self.answer_numbers, self.answer.len()),
        }
    }

    /// How many bytes the answer has.
    pub fn answer_bytes(&self) -> usize {
        self.answer.len()
    }

    fn number(bytes: &mut [u8], at: &[usize], first: u32) {
        for (at, number) in at.iter().zip(first..) {
            put(&mut bytes[*at..at + DIGITS], number);
        }
    }
}

/// The digits of a number, without allocating.
fn put(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl Connection {
    /// Connects, for JSON-RPC.
    pub fn open_rpc(address: SocketAddr) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, number: FIRST, input: Vec::new() })
    }

    /// Connects and initializes.
    pub fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        let mut connection = Connection::open_rpc(address)?;
        connection.initialize()?;
        Ok(connection)
    }

    fn initialize(&mut self) -> anyhow::Result<()> {
        let arguments =
            json!({"clientID": "bench", "adapterID": "go", "pathFormat": "path", "linesStartAt1": true});
        self.learn("initialize", &arguments).map(drop)
    }

    /// Asks once, reads the answer strictly, and keeps it to be compared with. Events before the
    /// response are part of the answer.
    pub fn learn(&mut self, command: &str, arguments: &Value) -> anyhow::Result<Exchange> {
        let number = self.take_numbers(1);
        let request = compose(number, command, arguments);
        self.stream.write_all(&request)?;
        let mut answer = Vec::new();
        loop {
            let start = answer.len();
            let message = self.message(&mut answer)?;
            if message["type"] == "response" {
                ensure!(message["request_seq"] == number, "an answer to another request: {message}");
                ensure!(
                    message["success"] == true && message["command"] == command,
                    "not the answer: {message}"
                );
                let request_numbers = vec![position(&request, number)?];
                let answer_numbers = vec![start + position(&answer[start..], number)?];
                self.input.resize(self.input.len().max(answer.len()), 0);
                watchdog::progress();
                return Ok(Exchange { request, request_numbers, answer, answer_numbers });
            }
        }
    }

    /// The same of Delve's JSON-RPC, in which a new line ends an answer.
    pub fn learn_rpc(&mut self, method: &str, argument: &Value) -> anyhow::Result<Exchange> {
        let number = self.take_numbers(1);
        let request = format!(r#"{{"method":"{method}","params":[{argument}],"id":{number}}}"#) + "\n";
        self.stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        while answer.last() != Some(&b'\n') {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).context("the connection ended within an answer")?;
            answer.extend_from_slice(&byte);
        }
        let message: Value = serde_json::from_slice(&answer)?;
        ensure!(message["id"] == number && message["error"].is_null(), "not the answer: {message}");
        let request_numbers = vec![position(request.as_bytes(), number)?];
        let answer_numbers = vec![position(&answer, number)?];
        Ok(Exchange { request: request.into_bytes(), request_numbers, answer, answer_numbers })
    }

    /// The next message, added to `bytes` with its header.
    fn message(&mut self, bytes: &mut Vec<u8>) -> anyhow::Result<Value> {
        let (length, body) = self.header(bytes)?;
        bytes.resize(body + length, 0);
        self.stream.read_exact(&mut bytes[body..]).context("the connection ended within a body")?;
        Ok(serde_json::from_slice(&bytes[body..])?)
    }

    /// Reads one header, added to `bytes`; gives the body's length and where it begins.
    fn header(&mut self, bytes: &mut Vec<u8>) -> anyhow::Result<(usize, usize)> {
        let start = bytes.len();
        while !bytes[start..].ends_with(b"\r\n\r\n") {
            ensure!(
                bytes.len() - start < HEADER,
                "no header: {:?}",
                String::from_utf8_lossy(&bytes[start..])
            );
            let mut byte = [0];
            self.stream.read_exact(&mut byte).context("the connection ended where a message was expected")?;
            bytes.extend_from_slice(&byte);
        }
        let header = std::str::from_utf8(&bytes[start..])?;
        let length =
            header.trim_end().strip_prefix("Content-Length: ").context("not a Content-Length header")?;
        Ok((length.parse()?, bytes.len()))
    }

    fn take_numbers(&mut self, count: usize) -> u32 {
        let first = self.number;
        self.number += u32::try_from(count).unwrap_or(u32::MAX);
        first
    }

    /// Asks and reads the answer; how long that took.
    pub fn ask(&mut self, exchange: &mut Exchange) -> anyhow::Result<Duration> {
        let first = self.take_numbers(exchange.request_numbers.len());
        Exchange::number(&mut exchange.request, &exchange.request_numbers, first);
        let length = exchange.answer.len();
        self.input.resize(self.input.len().max(length), 0);
        let begin = Instant::now();
        self.stream.write_all(&exchange.request)?;
        self.stream.read_exact(&mut self.input[..length]).context("the connection ended within an answer")?;
        let took = begin.elapsed();
        let [.., last] = exchange.answer_numbers[..] else { anyhow::bail!("an answer without a number") };
        let mut expected = [0; DIGITS];
        put(&mut expected, self.number - 1);
        ensure!(
            self.input[last..last + DIGITS] == expected,
            "an answer to another request, or bytes are missing"
        );
        Ok(took)
    }

    /// Whether the last answer was right to the last byte.
    pub fn check(&mut self, exchange: &mut Exchange) -> anyhow::Result<()> {
        let first = self.number - u32::try_from(exchange.answer_numbers.len())?;
        Exchange::number(&mut exchange.answer, &exchange.answer_numbers, first);
        ensure!(
            self.input[..exchange.answer.len()] == exchange.answer,
            "an answer has other bytes than the first one"
        );
        watchdog::progress();
        Ok(())
    }

    /// Asks for a message that is too large to be kept, of about so many bytes, and reads it.
    pub fn swallow(&mut self, command: &str, arguments: &Value, bytes: usize) -> anyhow::Result<()> {
        let number = self.take_numbers(1);
        self.stream.write_all(&compose(number, command, arguments))?;
        let (length, _) = self.header(&mut Vec::new())?;
        ensure!(length.abs_diff(bytes) < MARGIN, "{bytes} bytes were asked for, and {length} come");
        let (mut left, mut chunk) = (length, vec![0; CHUNK]);
        let mut last = 0;
        while left > 0 {
            let most = left.min(CHUNK);
            match self.stream.read(&mut chunk[..most])? {
                0 => anyhow::bail!("the connection ended {left} bytes before a message's end"),
                count => (left, last) = (left - count, chunk[count - 1]),
            }
            watchdog::progress();
        }
        ensure!(last == b'}', "a message that does not end where it should");
        Ok(())
    }

    /// Goes away, as an editor that was closed. A real dlv may still say something.
    pub fn leave(mut self) -> anyhow::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        // A dlv that ends with bytes unread resets the connection.
        let _ = self.stream.read_to_end(&mut Vec::new());
        Ok(())
    }

    /// Ends the session as a client that goes away, and waits for the other side's end of file.
    pub fn close(mut self) -> anyhow::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let rest = self.stream.read(&mut [0])?;
        ensure!(rest == 0, "bytes after the last answer");
        Ok(())
    }
}

fn compose(number: u32, command: &str, arguments: &Value) -> Vec<u8> {
    let body =
        format!(r#"{{"seq":{number},"type":"request","command":"{command}","arguments":{arguments}}}"#);
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Where a number is in a message.
fn position(message: &[u8], number: u32) -> anyhow::Result<usize> {
    let digits = number.to_string().into_bytes();
    ensure!(digits.len() == DIGITS, "{number} has not {DIGITS} digits");
    let found = message.windows(DIGITS).position(|some| some == digits);
    found.context("a message without its number")
}
