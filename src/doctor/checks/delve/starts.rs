//! Whether `dlv dap` really starts and answers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use dlvgate_protocol::codec::FrameCodec;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_util::codec::{Decoder, Encoder};

use super::installed::another;
use crate::delve::ReadyLine;
use crate::doctor::context::Context;
use crate::doctor::facts::tool::PATIENCE;
use crate::doctor::finding::{CheckGroup, Finding, Health};

/// How long it may take to end when it is asked to.
const FAREWELL: Duration = Duration::from_millis(400);

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let delves = context.delves().await;
    let Some(delve) = delves.chosen.as_ref().ok().filter(|delve| delve.version.is_some()) else {
        return Vec::new();
    };
    let began = Instant::now();
    let tried = tokio::time::timeout(PATIENCE - FAREWELL, try_it(&delve.path)).await;
    let took = began.elapsed().as_millis();
    vec![match tried {
        Err(_) => {
            let seen = format!("`dlv dap` did not answer initialize within {took} ms");
            let why =
                "on a very busy or freshly installed machine it may be slow; `dlvgate serve` gives it 30 s";
            Finding::new(CheckGroup::Delve, "starts", Health::Unknown, seen).why(why)
        }
        Ok(Ok(())) => {
            let seen = format!("`dlv dap` started and answered initialize, in {took} ms");
            Finding::new(CheckGroup::Delve, "starts", Health::Good, seen)
        }
        Ok(Err(why)) => {
            let seen = format!("`{} dap` does not serve: {why}", delve.path.display());
            another(
                context,
                Finding::new(CheckGroup::Delve, "starts", Health::Bad, seen).why("no session can begin"),
            )
        }
    }]
}

async fn try_it(path: &Path) -> Result<(), String> {
    let mut child = Command::new(path)
        .args(["dap", "--listen=127.0.0.1:0"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    match ready(&mut child).await {
        None => Err(last_words(child).await),
        Some(address) => {
            initialize(address)
                .await
                .map_err(|error| format!("{address} answers initialize with: {error}"))?;
            let _ = tokio::time::timeout(FAREWELL, child.wait()).await;
            Ok(())
        }
    }
}

async fn ready(child: &mut Child) -> Option<SocketAddr> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(ready) = ReadyLine::parse(&line) {
            return ready.address.tcp();
        }
    }
    None
}

async fn last_words(mut child: Child) -> String {
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(4096).read_to_string(&mut said).await;
    }
    let first = said.lines().map(str::trim).find(|line| !line.is_empty());
    first.unwrap_or("it ends and says nothing").to_owned()
}

async fn initialize(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut codec = FrameCodec::default();
    let arguments = json!({"clientID": "dlvgate-doctor", "adapterID": "go", "pathFormat": "path",
                           "linesStartAt1": true, "columnsStartAt1": true});
    for (seq, command, arguments) in [(1, "initialize", arguments), (2, "disconnect", json!({}))] {
        let request = json!({"seq": seq, "type": "request", "command": command, "arguments": arguments});
        let mut framed = BytesMut::new();
        codec.encode(Bytes::from(request.to_string()), &mut framed).map_err(std::io::Error::other)?;
        stream.write_all(&framed).await?;
        let answer = answer(&mut stream, &mut codec, command).await?;
        if command == "initialize" && answer["success"] != true {
            return Err(std::io::Error::other(answer.to_string()));
        }
    }
    Ok(())
}

async fn answer(stream: &mut TcpStream, codec: &mut FrameCodec, command: &str) -> std::io::Result<Value> {
    let mut read = BytesMut::new();
    loop {
        while let Some(body) = codec.decode(&mut read).map_err(std::io::Error::other)? {
            let message: Value = serde_json::from_slice(&body)?;
            if message["command"] == command {
                return Ok(message);
            }
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(std::io::Error::other("a closed connection"));
        }
    }
}
