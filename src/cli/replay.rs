//! `dlvgate replay`: a recording played as dlv, or as a client.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use dlvgate_protocol::message::Argument;
use dlvgate_protocol::paths::PathRule;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_recording::replay::{ClientPlayer, GivenUp, Ignore, Pace, Replayed, Script, Server};

use super::assignments;
use super::exit::{FAILURE, usage};
use crate::delve::{API_PREFIX, DAP_PREFIX};
use crate::escape::printable;
use crate::front::{ListenAddress, PeerUids, resolve, resolve_peer};
use crate::shutdown::{self, Signals};
use crate::stdio::{self, post};

/// Replay a recorded session: as dlv to a live client, or as the client to a live dlv or proxy
///
/// As dlv, replay sends the recorded answers. It matches requests by command and arguments, in any
/// order; process ids, addresses and folders may differ. A request without a recorded answer gets
/// an error and is reported at the end. An event is sent once the requests that preceded it have
/// arrived, or after 3 s without a request.
///
/// As client, replay sends each recorded request once the messages that preceded it have arrived,
/// with the frame, variable, thread, goroutine and breakpoint numbers and addresses of the live
/// session. It compares the answers with the recorded ones. If a launch or attach fails that
/// succeeded in the recording, replay ends.
///
/// Exit code: 0, or 1 if a message differs from the recording, is missing, or comes in the wrong
/// place.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate replay --as dlv --listen 127.0.0.1:2345 session.jsonl
  dlvgate replay --as client --connect 127.0.0.1:2345 session.jsonl
  dlvgate replay --as client --connect 127.0.0.1:2345 --map-path /home/ann/app=/home/me/app \\
      --ignore 'stackTrace.body.stackFrames[].line' session.jsonl")]
pub(super) struct ReplayArgs {
    /// Which side to play
    #[arg(long = "as", value_enum, value_name = "SIDE")]
    side: ReplaySide,
    /// As dlv: where the client connects; port 0 means any free port. The ready line is dlv's
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", conflicts_with = "connect")]
    listen: ListenAddress,
    /// As client: the address of the dlv or proxy
    #[arg(long, value_name = "ADDR", required_if_eq("side", "client"))]
    connect: Option<ListenAddress>,
    /// Keep the recorded delays between messages
    #[arg(long)]
    delays: bool,
    /// As dlv: refuse clients of other users, as dlv does
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = true, conflicts_with = "connect")]
    only_same_user: bool,
    /// As dlv: serve one client after another until a signal, not only one
    #[arg(long, conflicts_with = "connect")]
    keep_serving: bool,
    /// Map a recorded file or folder to where it is now. As dlv, the program's folder is taken from
    /// the client's launch request
    #[arg(long, value_name = "RECORDED=NOW", value_parser = assignments::rule)]
    map_path: Vec<PathRule>,
    /// As client: ignore differences in this value and below it:
    /// stackTrace.body.stackFrames[].line; * matches any name
    #[arg(long, value_name = "PATH", requires = "connect")]
    ignore: Vec<Ignore>,
    /// As client: replace an argument of `launch` and `attach`: processId=4711
    #[arg(long, value_name = "KEY=JSON", requires = "connect", value_parser = assignments::argument)]
    set: Vec<Argument>,
    /// As client: seconds to wait for each answer; then replay ends
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "connect")]
    timeout: u64,
    /// The recording
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReplaySide {
    /// dlv, for a live client
    Dlv,
    /// The client, for a live dlv or proxy
    Client,
}

pub(super) async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    if args.side == ReplaySide::Dlv && args.connect.is_some() {
        return Err(usage("--connect is for --as client; dlv listens: --listen ADDR"));
    }
    let script = Script::load(&args.file).with_context(|| args.file.display().to_string())?;
    for notice in script.notices() {
        post!("dlvgate: {}", printable(&format!("{}: {notice}", args.file.display())));
    }
    if script.requests() == 0 {
        bail!("{}: there is no request to play", args.file.display());
    }
    let pace = if args.delays { Pace::AsRecorded } else { Pace::AtOnce };
    match args.side {
        ReplaySide::Dlv => as_dlv(&args, Arc::new(script), pace).await,
        ReplaySide::Client => as_client(&args, Arc::new(script), pace).await,
    }
}

async fn as_dlv(args: &ReplayArgs, script: Arc<Script>, pace: Pace) -> anyhow::Result<ExitCode> {
    let address = resolve(&args.listen)
        .await
        .map_err(|error| usage(format_args!("--listen {}: {error}", args.listen)))?;
    if !address.ip().is_loopback() {
        return Err(usage(format_args!(
            "--listen {address}: a recording is played on loopback only, since nothing guards it"
        )));
    }
    let prefix = if script.protocol() == Protocol::Dap { DAP_PREFIX } else { API_PREFIX };
    let mut server = Server::bind(address, script, pace)
        .await
        .map_err(|error| super::common_args::cannot_listen(address, &error))?;
    if args.only_same_user {
        let peer_uids = PeerUids::of_this_process()?;
        server = server.only(Box::new(move |peer, front| peer_uids.admit(peer, front)));
    }
    for rule in &args.map_path {
        server = server.map_path(&rule.client, &rule.server);
    }
    stdio::announce(&format!("{prefix}{}", server.address()));
    let (trigger, stop) = shutdown::channel();
    let signals = tokio::spawn(Signals::listen()?.pass_on(trigger));
    let mut is_success = true;
    loop {
        let played = tokio::select! {
            played = server.serve_one() => played?,
            _ = stop.begun() => break,
        };
        post!("{}", printable(&played.to_string()));
        is_success &= played.is_success();
        if !args.keep_serving {
            break;
        }
    }
    signals.abort();
    Ok(if is_success { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}

async fn as_client(args: &ReplayArgs, script: Arc<Script>, pace: Pace) -> anyhow::Result<ExitCode> {
    let connect = args.connect.as_ref().context("no --connect")?;
    let address =
        resolve_peer(connect).await.map_err(|error| usage(format_args!("--connect {connect}: {error}")))?;
    let mut client = ClientPlayer::new(script).pace(pace).timeout(Duration::from_secs(args.timeout));
    for rule in &args.map_path {
        client = client.map_path(&rule.client, &rule.server);
    }
    for argument in &args.set {
        client = client.set(argument.clone());
    }
    for ignore in &args.ignore {
        client = client.ignore(ignore.clone());
    }
    let replayed = client.run(address).await.with_context(|| {
        format!("{address} cannot be reached; is dlv there? `dlvgate serve --listen {address}` starts one for each client")
    })?;
    let is_same = replayed.is_same();
    stdio::print(&format!("{}\n", printable(&report(replayed))))?;
    Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}

/// How a replay went, with the flags that may change it.
fn report(mut replayed: Replayed) -> String {
    let mut text = String::new();
    if let Some(failure) = replayed.failure.take() {
        text += &format!("{failure}\n");
        if failure.name == "attach" {
            text += "--set processId=PID names another process\n";
        }
        text.push('\n');
    }
    if let Some(why) = replayed.given_up.take() {
        text += &why.to_string();
        if let GivenUp::Silent { .. } = why {
            text += "; --timeout is for a slow one";
        }
        text.push('\n');
    }
    text + &replayed.to_string()
}

#[cfg(test)]
mod tests {
    use dlvgate_recording::replay::Failure;

    use super::*;

    #[test]
    fn report_names_the_flags_that_may_help() {
        let mut replayed = Replayed::default();
        assert_eq!(report(replayed.clone()), replayed.to_string());
        let (name, why) = ("attach".to_owned(), "no such process".to_owned());
        replayed.failure = Some(Failure { line: 3, name, why });
        replayed.given_up =
            Some(GivenUp::Silent { name: "threads".to_owned(), line: 5, timeout: Duration::from_secs(2) });
        assert_eq!(
            report(replayed),
            "attach failed, and nothing after it was played:\nno such process\n\
             --set processId=PID names another process\n\n\
             the server is silent: no answer to threads (line 5) came within 2 s, and nothing else that was \
             recorded; --timeout is for a slow one\n\
             0 request(s) sent, 0 message(s) came, no difference"
        );
    }
}
