//! Records a session between a client and a server, then shows it.
//!
//! `cargo run -p dlvgate-recording --example record_session`. Client and server are played from a
//! recording here, so that neither dlv nor an editor is needed; yours connect to `front` and listen
//! at `upstream`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use dlvgate_protocol::sniff::sniff;
use dlvgate_recording::replay::{ClientPlayer, Pace, Script, Server};
use dlvgate_recording::show::{EntryFilter, EntryPrinter, Style, compare};
use dlvgate_recording::{About, Reader, Recorder, Sender, Tap, Versions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SESSION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/session.jsonl");

/// Forwards one direction, and records it.
async fn forward(
    from: Sender,
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    tap: &Tap,
) -> io::Result<()> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        // Where the disk is far behind, this waits for it, for a second at most.
        tap.room().await;
        let read = reader.read(&mut chunk).await?;
        if read == 0 {
            return writer.shutdown().await;
        }
        tap.heard(from, &chunk[..read]);
        writer.write_all(&chunk[..read]).await?;
    }
}

/// Serves one client, and records its session.
async fn serve_one(front: &TcpListener, upstream: &str, recorder: &Recorder) -> io::Result<()> {
    let (mut client, peer) = front.accept().await?;
    let mut first = [0];
    client.peek(&mut first).await?;
    let protocol = sniff(first[0]).ok_or(io::ErrorKind::InvalidData)?;
    let mut server = TcpStream::connect(upstream).await?;
    let tap = recorder.begin(protocol, 1, &peer.to_string());
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let forwarded = tokio::try_join!(
        forward(Sender::Client, from_client, to_server, &tap),
        forward(Sender::Dlv, from_server, to_client, &tap),
    );
    tap.end().await;
    forwarded.map(|_| ())
}

fn show(recording: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut reader = Reader::open(recording)?;
    let mut timeline = EntryPrinter::new(reader.header(), EntryFilter::default(), Style::Plain);
    let mut out = io::stdout().lock();
    while let Some(entry) = reader.entry()? {
        timeline.entry(&entry, &mut out)?;
    }
    println!("\n{}", timeline.summary());
    assert!(reader.is_complete(), "{:?}", reader.notices());
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let script = Arc::new(Script::load(SESSION.as_ref())?);
    let server = Server::bind("127.0.0.1:0", Arc::clone(&script), Pace::AtOnce).await?;
    let upstream = server.address().to_string();
    let front = TcpListener::bind("127.0.0.1:0").await?;
    let client = ClientPlayer::new(script);

    let folder = tempfile::tempdir()?;
    let about = About { tool: "record_session 1.0.0".to_owned(), ..About::default() };
    let recorder = Recorder::new(folder.path(), about, Versions::default)?;
    let (played, recorded, replayed) = tokio::join!(
        server.serve_one(),
        serve_one(&front, &upstream, &recorder),
        client.run(front.local_addr()?),
    );
    recorded?;
    assert!(played?.is_success(), "the recording has an answer to everything");
    let replayed = replayed?;
    assert!(replayed.is_same(), "{replayed}");

    let Some(recording) = std::fs::read_dir(folder.path())?.next() else { return Err("no file".into()) };
    let recording = recording?.path();
    show(&recording)?;
    let (alike, parting) = compare(Reader::open(SESSION.as_ref())?, Reader::open(&recording)?)?;
    assert!(parting.is_none(), "it is not the session that was played");
    println!("{alike} messages are as in the recording that was played");
    Ok(())
}
