//! Tests a debugging client without dlv and without Go: a recording answers in their place.
//!
//! `cargo run -p dlvgate-recording --example replay_as_dlv`; the client here is a few lines of DAP,
//! yours is the editor or plugin.

use std::io;
use std::sync::Arc;

use dlvgate_protocol::codec::FrameCodec;
use dlvgate_recording::replay::{Pace, Script, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder};

const SESSION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/session.jsonl");

/// As little of a client as shows that something answers.
struct Editor {
    stream: TcpStream,
    codec: FrameCodec,
    received: bytes::BytesMut,
    seq: i64,
}

impl Editor {
    async fn ask(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        self.seq += 1;
        let request = json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        let mut wire = bytes::BytesMut::new();
        self.codec.encode(request.to_string().into_bytes().into(), &mut wire).map_err(io::Error::other)?;
        self.stream.write_all(&wire).await?;
        loop {
            let message = self.message().await?;
            if message["request_seq"] == self.seq {
                return Ok(message);
            }
        }
    }

    async fn event(&mut self, name: &str) -> io::Result<Value> {
        loop {
            let message = self.message().await?;
            if message["event"] == name {
                return Ok(message);
            }
        }
    }

    async fn message(&mut self) -> io::Result<Value> {
        loop {
            if let Some(body) = self.codec.decode(&mut self.received).map_err(io::Error::other)? {
                return Ok(serde_json::from_slice(&body)?);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

async fn debug(editor: &mut Editor) -> io::Result<String> {
    editor.ask("initialize", json!({"adapterID": "go"})).await?;
    editor.ask("launch", json!({"mode": "debug", "program": "/my/checkout/demo"})).await?;
    let breakpoints = json!({"source": {"path": "/my/checkout/demo/main.go"}, "breakpoints": [{"line": 58}]});
    let set = editor.ask("setBreakpoints", breakpoints).await?;
    println!("the breakpoint is in {}", set["body"]["breakpoints"][0]["source"]["path"]);
    editor.ask("configurationDone", Value::Null).await?;
    let stopped = editor.event("stopped").await?;
    let stack = editor.ask("stackTrace", json!({"threadId": stopped["body"]["threadId"]})).await?;
    let frame = &stack["body"]["stackFrames"][0];
    println!("stopped in {} at line {}", frame["name"], frame["line"]);
    let asked = json!({"expression": "len(order.Lines)", "frameId": frame["id"], "context": "watch"});
    let evaluated = editor.ask("evaluate", asked).await?;
    editor.ask("disconnect", json!({})).await?;
    Ok(evaluated["body"]["result"].to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let script = Arc::new(Script::load(SESSION.as_ref())?);
    let server = Server::bind("127.0.0.1:0", script, Pace::AtOnce).await?;
    let stream = TcpStream::connect(server.address()).await?;
    let mut editor =
        Editor { stream, codec: FrameCodec::default(), received: bytes::BytesMut::new(), seq: 0 };
    let (played, debugged) = tokio::join!(server.serve_one(), debug(&mut editor));
    let (played, lines) = (played?, debugged?);
    println!("the order has {lines} lines\n{played}");
    assert!(played.is_success(), "the recording has an answer to everything");
    Ok(())
}
