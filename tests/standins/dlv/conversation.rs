//! What it answers: enough of DAP for a session that runs, stops and ends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::sync::Arc;

use dlvgate_test_support::frames::{frame, split_first};
use serde_json::{Value, json};

use crate::strings::Strings;

/// Serves the one client that it ever has, as `dlv dap` does.
pub fn hold(strings: &Arc<Strings>, stream: TcpStream) {
    let stream = strings.connected(stream);
    let (mut bytes, mut chunk) = (Vec::new(), [0; 64 * 1024]);
    loop {
        match split_first(&bytes) {
            Ok(Some((request, used))) => {
                bytes.drain(..used);
                answer(strings, &stream, &request);
                if strings.resets() {
                    break;
                }
                continue;
            }
            Ok(None) => {}
            Err(_) => exit(0), // dlv closes without a word
        }
        match (&*stream).read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            _ if strings.resets() => break,
            _ => exit(0),
        }
    }
    // The last handle, and with it the connection.
    drop(stream);
    loop {
        std::thread::park();
    }
}

fn answer(strings: &Arc<Strings>, stream: &TcpStream, request: &Value) {
    let command = request["command"].as_str().unwrap_or_default();
    strings.moment(&format!("asked {command}"));
    if strings.resets() {
        return;
    }
    let body = match command {
        "initialize" => json!({"supportsConfigurationDoneRequest": true}),
        "threads" => json!({"threads": [{"id": 1, "name": "main"}]}),
        _ => json!({}),
    };
    say(
        stream,
        &json!({
            "seq": 0, "type": "response", "request_seq": request["seq"], "success": true, "command": command, "body": body
        }),
    );
    match command {
        "launch" => event(stream, "initialized", json!({})),
        "pause" => event(stream, "stopped", json!({"reason": "pause", "threadId": 1})),
        "disconnect" => {
            strings.moment("answered disconnect");
            if !strings.resets() {
                let _ = stream.shutdown(Shutdown::Both);
                strings.moment("closed");
                exit(0);
            }
        }
        _ => {}
    }
}

fn event(stream: &TcpStream, name: &str, body: Value) {
    say(stream, &json!({"seq": 0, "type": "event", "event": name, "body": body}));
}

fn say(mut stream: &TcpStream, message: &Value) {
    let _ = stream.write_all(&frame(&message.to_string()));
}
