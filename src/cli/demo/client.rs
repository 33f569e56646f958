//! A small DAP client: asks, waits, and shows both.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use dlvgate_protocol::codec::FrameCodec;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use super::timeline::Timeline;

pub(super) struct DemoClient {
    stream: TcpStream,
    codec: FrameCodec,
    read: BytesMut,
    seq: i64,
    /// Messages that came while another one was waited for.
    early: Vec<Value>,
    timeline: Timeline,
}

impl DemoClient {
    pub(super) async fn connect(front: SocketAddr, timeline: Timeline) -> anyhow::Result<DemoClient> {
        let stream = TcpStream::connect(front).await?;
        stream.set_nodelay(true)?;
        timeline.line("client", &format!("connected to {front}"));
        Ok(DemoClient {
            stream,
            codec: FrameCodec::default(),
            read: BytesMut::new(),
            seq: 0,
            early: Vec::new(),
            timeline,
        })
    }

    /// Sends a request; returns its `seq`.
    pub(super) async fn send(&mut self, command: &str, arguments: Value) -> anyhow::Result<i64> {
        self.seq += 1;
        let request = json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        let mut framed = BytesMut::new();
        self.codec.encode(Bytes::from(request.to_string()), &mut framed)?;
        self.timeline.line("client", &format!("→ {command}"));
        self.stream.write_all(&framed).await?;
        Ok(self.seq)
    }

    /// Sends a request and waits for its answer's body.
    pub(super) async fn request(&mut self, command: &str, arguments: Value) -> anyhow::Result<Value> {
        let seq = self.send(command, arguments).await?;
        self.response(seq).await
    }

    /// The variables inside a scope or a variable.
    pub(super) async fn variables(&mut self, holder: &Value) -> anyhow::Result<Vec<Value>> {
        let reference = &holder["variablesReference"];
        let inside = self.request("variables", json!({"variablesReference": reference})).await?;
        Ok(inside["variables"].as_array().cloned().unwrap_or_default())
    }

    /// Waits for the answer to `seq`; a refusal is an error with its message.
    pub(super) async fn response(&mut self, seq: i64) -> anyhow::Result<Value> {
        let mut answer = self.wait_for(|message| message["request_seq"] == seq).await?;
        if answer["success"] == true {
            return Ok(answer["body"].take());
        }
        let short = answer["message"].as_str().unwrap_or_default();
        let long =
            answer.pointer("/body/error/format").and_then(Value::as_str).filter(|text| !text.contains('{'));
        bail!("{} failed: {}", answer["command"].as_str().unwrap_or("request"), long.unwrap_or(short))
    }

    /// Waits for an event's body.
    pub(super) async fn event(&mut self, name: &str) -> anyhow::Result<Value> {
        let mut event = self.wait_for(|message| message["event"] == name).await?;
        Ok(event["body"].take())
    }

    /// Waits until the other side closes.
    pub(super) async fn closed(&mut self) -> anyhow::Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    async fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        if let Some(place) = self.early.iter().position(&wanted) {
            return Ok(self.early.remove(place));
        }
        loop {
            let message = self.next().await?.context("the connection was closed before the answer came")?;
            if wanted(&message) {
                return Ok(message);
            }
            // A launch that failed never becomes `initialized`: its answer is the end of waiting
            // for anything.
            if message["success"] == false {
                self.early.push(message);
                let seq = self.early[self.early.len() - 1]["request_seq"].as_i64().unwrap_or_default();
                return Box::pin(self.response(seq)).await;
            }
            self.early.push(message);
        }
    }

    async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        use tokio::io::AsyncReadExt;
        loop {
            if let Some(body) = self.codec.decode(&mut self.read)? {
                let message: Value = serde_json::from_slice(&body)?;
                self.show(&message);
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn show(&self, message: &Value) {
        let name = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        match name("type").as_str() {
            "response" if message["success"] == true => {
                self.timeline.line("client", &format!("← {}", name("command")))
            }
            "response" => {
                self.timeline.line("client", &format!("← {} refused: {}", name("command"), name("message")))
            }
            _ if message["event"] == "output" => {
                let output = message.pointer("/body/output").and_then(Value::as_str).unwrap_or_default();
                self.timeline.line("client", &format!("← output: {}", output.trim_end()));
            }
            _ => self.timeline.line("client", &format!("← event {}", name("event"))),
        }
    }
}
