//! One connection of the stand-in upstream: requests in, answers out, nothing allocated on the way.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::Context;

use super::replies::{DIGITS, Replies, Reply};

/// Requests are small; many can be in one read.
const INPUT: usize = 32 * 1024;
/// Answers to requests of one read go out in one write, up to so many bytes.
const OUTPUT: usize = 32 * 1024;
/// The largest answer that is kept as a whole.
const KEPT: usize = 4 * 1024 * 1024;
/// How many events of a flood are written at once.
const EVENTS: usize = 250;

/// What a request says that matters here.
struct Request<'a> {
    number: [u8; DIGITS],
    command: &'a [u8],
    /// The number in its arguments, if there is one: how many bytes, or events.
    count: usize,
}

/// A connection.
pub struct Conversation {
    stream: TcpStream,
    replies: Arc<Replies>,
    initialize: Reply,
    evaluate: Reply,
    continued: Reply,
    disconnect: Reply,
    eval: Reply,
    variables: HashMap<usize, Reply>,
    flood: Vec<u8>,
    output: Vec<u8>,
}

impl Conversation {
    /// Of a new connection.
    pub fn new(stream: TcpStream, replies: Arc<Replies>) -> anyhow::Result<Conversation> {
        stream.set_nodelay(true)?;
        Ok(Conversation {
            stream,
            initialize: replies.initialize.clone(),
            evaluate: replies.evaluate.clone(),
            continued: replies.continued.clone(),
            disconnect: replies.disconnect.clone(),
            eval: replies.eval.clone(),
            replies,
            variables: HashMap::new(),
            flood: Vec::new(),
            output: Vec::new(),
        })
    }

    /// Until the client's end of file, or its `disconnect`.
    pub fn hold(mut self) -> anyhow::Result<()> {
        let mut input = vec![0; INPUT];
        let (mut begin, mut end) = (0, 0);
        loop {
            while let Some((request, length)) = Request::first(&input[begin..end])? {
                begin += length;
                if !self.answer(&request)? {
                    return self.flush();
                }
            }
            self.flush()?;
            input.copy_within(begin..end, 0);
            (begin, end) = (0, end - begin);
            match self.stream.read(&mut input[end..])? {
                0 => return Ok(()),
                count => end += count,
            }
        }
    }

    /// Whether the conversation goes on.
    fn answer(&mut self, request: &Request) -> anyhow::Result<bool> {
        let (number, output) = (request.number, &mut self.output);
        match request.command {
            b"initialize" => output.extend_from_slice(self.initialize.to(number)),
            b"evaluate" if request.count == 2 => self.apart(number)?,
            b"evaluate" => output.extend_from_slice(self.evaluate.to(number)),
            b"variables" if request.count > KEPT => self.stream(number, request.count)?,
            b"variables" => self.variables(number, request.count)?,
            b"continue" => self.flood(number, request.count)?,
            b"RPCServer.Eval" => output.extend_from_slice(self.eval.to(number)),
            b"disconnect" => {
                output.extend_from_slice(self.disconnect.to(number));
                return Ok(false);
            }
            other => anyhow::bail!("a request that is not known: {}", String::from_utf8_lossy(other)),
        }
        if self.output.len() >= OUTPUT {
            self.flush()?;
        }
        Ok(true)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output)?;
            self.output.clear();
        }
        Ok(())
    }

    /// The header, then the body: dlv's library writes them so.
    fn apart(&mut self, number: [u8; DIGITS]) -> anyhow::Result<()> {
        self.flush()?;
        let (header, body) = self.evaluate.parts_to(number);
        self.stream.write_all(header)?;
        Ok(self.stream.write_all(body)?)
    }

    fn variables(&mut self, number: [u8; DIGITS], bytes: usize) -> anyhow::Result<()> {
        self.flush()?;
        if !self.variables.contains_key(&bytes) {
            self.variables.insert(bytes, self.replies.variables(bytes)?);
        }
        let reply = self.variables.get_mut(&bytes).context("it was put there")?;
        Ok(self.stream.write_all(reply.to(number))?)
    }

    fn stream(&mut self, number: [u8; DIGITS], bytes: usize) -> anyhow::Result<()> {
        self.flush()?;
        let mut parts = self.replies.streamed(bytes)?;
        self.stream.write_all(parts.start.to(number))?;
        for _ in 0..parts.times {
            self.stream.write_all(&parts.block)?;
        }
        Ok(self.stream.write_all(&parts.end)?)
    }

    /// The events, then the response: its arrival says that all have come.
    fn flood(&mut self, number: [u8; DIGITS], events: usize) -> anyhow::Result<()> {
        self.flush()?;
        if self.flood.is_empty() {
            self.flood = self.replies.flood(EVENTS);
        }
        for _ in 0..events / EVENTS {
            self.stream.write_all(&self.flood)?;
        }
        if events % EVENTS > 0 {
            self.stream.write_all(&self.replies.flood(events % EVENTS))?;
        }
        Ok(self.stream.write_all(self.continued.to(number))?)
    }
}

impl Request<'_> {
    /// The first request in these bytes, and how many it takes; `None` if it is not all there.
    fn first(bytes: &[u8]) -> anyhow::Result<Option<(Request<'_>, usize)>> {
        const HEADER: &[u8] = b"Content-Length: ";
        const END: &[u8] = b"\r\n\r\n";
        if bytes.first() == Some(&b'{') {
            return Self::first_rpc(bytes);
        }
        let common = bytes.len().min(HEADER.len());
        anyhow::ensure!(bytes[..common] == HEADER[..common], "a request without Content-Length");
        let (length, used) = decimal(&bytes[common..]);
        let end = common + used;
        let start = end + END.len();
        let Some(body) = bytes.get(start..start + length) else { return Ok(None) };
        anyhow::ensure!(&bytes[end..start] == END, "a header that is not the driver's");
        let request = Request::read(body).with_context(|| String::from_utf8_lossy(body).into_owned())?;
        Ok(Some((request, start + length)))
    }

    /// The same of Delve's JSON-RPC: a line each.
    fn first_rpc(bytes: &[u8]) -> anyhow::Result<Option<(Request<'_>, usize)>> {
        let Some(length) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let read = || {
            let rest = bytes[..length].strip_prefix(br#"{"method":""#)?;
            let command = &rest[..rest.iter().position(|byte| *byte == b'"')?];
            let number = rest.strip_suffix(b"}")?.last_chunk::<DIGITS>()?;
            Some(Request { number: *number, command, count: 0 })
        };
        let request = read().with_context(|| String::from_utf8_lossy(&bytes[..length]).into_owned())?;
        Ok(Some((request, length + 1)))
    }

    /// Reads what the driver writes: it has its keys in this order.
    fn read(body: &[u8]) -> Option<Request<'_>> {
        let rest = body.strip_prefix(br#"{"seq":"#)?;
        let (number, rest) = rest.split_first_chunk::<DIGITS>()?;
        let rest = rest.strip_prefix(br#","type":"request","command":""#)?;
        let (command, rest) = rest.split_at(rest.iter().position(|byte| *byte == b'"')?);
        let digit = rest.iter().position(u8::is_ascii_digit).unwrap_or(rest.len());
        Some(Request { number: *number, command, count: decimal(&rest[digit..]).0 })
    }
}

/// The number at the front, and its digits' count.
fn decimal(bytes: &[u8]) -> (usize, usize) {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold((0, 0), |(value, count), digit| (value * 10 + usize::from(digit - b'0'), count + 1))
}
