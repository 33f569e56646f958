//! A whole session: a client, `dlvgate serve`, and a dlv that listens already.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use dlvgate_test_support::frames::{frame, split_first};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::machine::{Machine, OTHER, PEER};
use crate::product::gates;
use crate::service::Service;

/// How long a message is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The next message, or `None` at the end.
fn next(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Value> {
    loop {
        if let Some((message, used)) = split_first(bytes).expect("DAP") {
            bytes.drain(..used);
            return Some(message);
        }
        let mut chunk = [0; 512];
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => bytes.extend(&chunk[..count]),
            _ => return None,
        }
    }
}

/// A dlv that says yes to everything and ends its connection after `disconnect`.
fn yes(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    while let Some(request) = next(&mut stream, &mut bytes) {
        let (seq, command) = (&request["seq"], &request["command"]);
        let response = json!({
            "seq": 0, "type": "response", "request_seq": seq, "success": true, "command": command,
        });
        if stream.write_all(&frame(&response.to_string())).is_err() || command == "disconnect" {
            break;
        }
    }
}

struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Client {
    fn connect(address: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream, bytes: Vec::new() }
    }

    /// Sends a request and takes the answer, which must be a yes.
    fn ask(&mut self, seq: u64, command: &str, arguments: &Value) {
        let request = json!({"seq": seq, "type": "request", "command": command, "arguments": arguments});
        self.stream.write_all(&frame(&request.to_string())).unwrap();
        let response = next(&mut self.stream, &mut self.bytes).expect("a response");
        assert_eq!(
            (&response["request_seq"], &response["success"]),
            (&json!(seq), &json!(true)),
            "{response}"
        );
    }
}

/// `dlvgate serve`, for one session; its log is shown where the test fails.
struct Server {
    dlvgate: Child,
    folder: TempDir,
    address: String,
}

impl Server {
    fn start(machine: &Machine, dlv: &Service) -> Server {
        let folder = tempfile::Builder::new().prefix("dlvgate-pf-session-").tempdir().unwrap();
        let mut serve = machine.dlvgate(&["serve", "--firewall", "pf", "--listen", "127.0.0.1:0", "--once"]);
        serve.args(["--upstream", &format!("{PEER}:{}", dlv.port()), "--journals"]);
        serve.arg(folder.path().join("journals")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut dlvgate = serve.stderr(File::create(folder.path().join("log")).unwrap()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(dlvgate.stdout.take().expect("a pipe")).read_line(&mut ready).unwrap();
        let address = ready.split_whitespace().last().unwrap_or_default().to_owned();
        Server { dlvgate, folder, address }
    }
}

impl Drop for Server {
    /// The guard of one that is killed closes everything.
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.dlvgate.kill();
            println!("{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
        let _ = self.dlvgate.wait();
    }
}

#[test]
fn session_is_open_to_its_dlvgate_alone() {
    let (machine, dlv) = (Machine::new(), Service::serving(yes));
    let mut server = Server::start(&machine, &dlv);
    let passes = |from: Ipv4Addr| machine.passes(from, &dlv);

    assert!(passes(PEER) && passes(OTHER), "before");
    let mut client = Client::connect(&server.address);
    client.ask(1, "initialize", &json!({"adapterID": "go"}));
    assert_eq!(gates(&machine, dlv.port()).len(), 1);
    assert!(passes(PEER) && !passes(OTHER), "during the session");
    client.ask(2, "disconnect", &json!({}));
    drop(client);
    assert!(server.dlvgate.wait().unwrap().success(), "--once ends with its session");
    assert_eq!(gates(&machine, dlv.port()), Vec::<String>::new());
    assert!(passes(PEER) && passes(OTHER), "afterwards");
}
