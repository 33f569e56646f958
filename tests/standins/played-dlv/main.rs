//! A stand-in for `dlv dap`, for tests that need many sessions quickly and answers that can be
//! foretold: the command line, the ready line and the order of messages are dlv's, and it has a
//! program that it has started. What a session is answered depends on its own token, so that an
//! answer to another session is seen. README.md beside this file has the requests.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};

use serde_json::{Value, json};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "version") {
        println!("Delve Debugger\nVersion: 1.27.1");
        return ExitCode::SUCCESS;
    }
    if !words.iter().any(|word| word == "dap") {
        eprintln!("Error: the stand-in is `dlv dap` only");
        return ExitCode::FAILURE;
    }
    // As dlv: without an address any free port.
    let address = words.iter().find_map(|word| word.strip_prefix("--listen=")).unwrap_or("127.0.0.1:0");
    match serve(address) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves its one client.
fn serve(address: &str) -> io::Result<ExitCode> {
    let listener = TcpListener::bind(address)?;
    println!("DAP server listening at: {}", listener.local_addr()?);
    io::stdout().flush()?;
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut session = Session { stream, token: String::new(), program: None, answers: 0, behind: 0 };
    let code = session.run();
    session.end_program();
    code
}

struct Session {
    stream: TcpStream,
    token: String,
    program: Option<Child>,
    /// Evaluations so far: the same question has another answer each time.
    answers: u64,
    /// Bytes behind the present request that were read with it.
    behind: usize,
}

impl Session {
    fn run(&mut self) -> io::Result<ExitCode> {
        let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            match self.stream.read(&mut chunk) {
                // As dlv: a client that is gone ends it, and is no failure.
                Ok(0) | Err(_) => return Ok(ExitCode::SUCCESS),
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            }
            let mut used = 0;
            while let Some((request, length)) = first(&bytes[used..]) {
                used += length;
                self.behind = bytes.len() - used;
                // As dlv: bytes that are not a message end the session without a word.
                let Some(request) = request else { return Ok(ExitCode::SUCCESS) };
                match self.answer(&request) {
                    Ok(None) => {}
                    Ok(Some(code)) => return Ok(code),
                    Err(_) => return Ok(ExitCode::SUCCESS),
                }
            }
            bytes.drain(..used);
        }
    }

    /// `Some` is the exit code of a stand-in that ends with this request.
    fn answer(&mut self, request: &Value) -> io::Result<Option<ExitCode>> {
        let arguments = &request["arguments"];
        match request["command"].as_str().unwrap_or_default() {
            "initialize" => self.respond(request, json!({"supportsConfigurationDoneRequest": true}))?,
            "launch" => {
                self.token = arguments["token"].as_str().unwrap_or_default().to_owned();
                let mut program = Command::new("sleep");
                // As dlv starts it: in a process group of its own, without input.
                let program = program.arg("10000").process_group(0).stdin(Stdio::null()).spawn()?;
                let (name, pid) = (&self.token, program.id());
                let process = json!({"name": name, "systemProcessId": pid, "delve": std::process::id()});
                self.program = Some(program);
                self.event("process", process)?;
                self.event("initialized", Value::Null)?;
                self.respond(request, Value::Null)?;
            }
            "evaluate" => {
                let expression = arguments["expression"].as_str().unwrap_or_default();
                let result = value(&self.token, expression, self.answers);
                self.answers += 1;
                self.respond(request, json!({"result": result, "variablesReference": 0}))?;
            }
            "flood" => {
                for count in 0..arguments["events"].as_u64().unwrap_or_default() {
                    let text = format!("{} {count} {}\n", self.token, "x".repeat(1000));
                    self.event("output", json!({"category": "stdout", "output": text}))?;
                }
                self.respond(request, Value::Null)?;
            }
            "continue" => {
                self.respond(request, json!({"allThreadsContinued": true}))?;
                self.event("stopped", json!({"reason": "breakpoint", "threadId": 1, "text": self.token}))?;
            }
            "disconnect" => {
                self.end_program();
                self.respond(request, Value::Null)?;
                self.event("terminated", Value::Null)?;
                self.stream.shutdown(Shutdown::Write)?;
                return Ok(Some(ExitCode::SUCCESS));
            }
            "misbehave" => return self.misbehave(arguments),
            _ => self.respond(request, Value::Null)?,
        }
        Ok(None)
    }

    fn misbehave(&mut self, arguments: &Value) -> io::Result<Option<ExitCode>> {
        match arguments["how"].as_str().unwrap_or_default() {
            "exit 0" => Ok(Some(ExitCode::SUCCESS)),
            "exit 3, program left" => {
                self.program = None; // dropped, it runs on
                Ok(Some(ExitCode::from(3)))
            }
            "cut off" => {
                self.stream
                    .write_all(b"Content-Length: 500\r\n\r\n{\"seq\":1,\"type\":\"event\",\"event\":\"out")?;
                Ok(Some(ExitCode::SUCCESS))
            }
            "swallow" => {
                eprint!("{}", "last words\n".repeat(10_000));
                let bytes = arguments["bytes"].as_u64().unwrap_or_default();
                let rest = bytes.saturating_sub(self.behind as u64);
                io::copy(&mut (&self.stream).take(rest), &mut io::sink())?;
                Ok(Some(ExitCode::from(3)))
            }
            "garbage" => {
                self.stream.write_all(b"\x1b[2J\0panic: garbage\r\n\r\n\xff\xfe")?;
                Ok(None)
            }
            // It reads no more, and does not end.
            _ => loop {
                std::thread::park();
            },
        }
    }

    fn respond(&mut self, request: &Value, body: Value) -> io::Result<()> {
        let mut response = json!({
            "seq": 0, "type": "response", "request_seq": request["seq"], "success": true,
            "command": request["command"]
        });
        if !body.is_null() {
            response["body"] = body;
        }
        self.say(&response)
    }

    fn event(&mut self, name: &str, body: Value) -> io::Result<()> {
        let mut event = json!({"seq": 0, "type": "event", "event": name});
        if !body.is_null() {
            event["body"] = body;
        }
        self.say(&event)
    }

    fn say(&mut self, message: &Value) -> io::Result<()> {
        let body = message.to_string();
        self.stream.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    fn end_program(&mut self) {
        if let Some(mut program) = self.program.take() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// What an expression comes to: FNV-1a of all that it depends on.
fn value(token: &str, expression: &str, count: u64) -> String {
    let text = format!("{token}/{expression}/{count}");
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

/// The first message, where it is whole, and its length; no message where it is none that dlv would
/// take.
fn first(bytes: &[u8]) -> Option<(Option<Value>, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let header = std::str::from_utf8(&bytes[..end - 4]).ok();
    let length = header.and_then(|text| text.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    let Some(length) = length else { return Some((None, end)) };
    let body = bytes.get(end..end + length)?;
    Some((serde_json::from_slice(body).ok().filter(Value::is_object), end + length))
}
