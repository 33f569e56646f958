//! `dlvgate demo`: a whole session with a real dlv, shown as it happens.

mod client;
mod timeline;
mod tour;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use dlvgate_recording::{About, Recorder, format};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::common_args::TOOL;
use super::versions::InstalledDelve;
use crate::delve::{Address, Launcher, PortPlan, PortPool, Reaper, Streams, check};
use crate::firewall::{Firewall, FirewallBackend, FirewallMode, Parts, nftables};
use crate::front::{Allowlist, Bound, Front, PeerUids};
use crate::privilege::Caller;
use crate::session::{MessageRewrites, Observer, SessionSettings, Transition, TransitionEvent, Upstream};
use crate::shutdown::{self, Signals};
use crate::stdio;
use crate::variables;
use client::DemoClient;
use timeline::Timeline;

/// The program that is debugged, as it stands in fixtures/programs/demo.
const PROGRAM: &str = include_str!("../../../fixtures/programs/demo/main.go");
const GO_MOD: &str = include_str!("../../../fixtures/programs/demo/go.mod");

/// The lines to stop at carry these comments; the second is passed six times, and the condition
/// picks one.
const AT_ORDER: &str = "// breakpoint: order";
const IN_LOOP: &str = "// breakpoint: iteration";
const CONDITION: &str = "i == 4";

/// The dlv of the session, for a look afterwards: process id and address.
type Seen = Arc<Mutex<Option<(i32, Address)>>>;

/// How long the whole may take. The first build on a machine compiles Go's standard library.
const LIMIT: Duration = Duration::from_secs(300);

/// Debug a small Go program through the proxy and show what happens
///
/// Shows what doctor says of this machine; a session with the real dlv and a client that does what
/// an IDE does (breakpoint, stack, variables, continue, disconnect), with firewall rules if
/// possible; its recording, and the page made of it. Needs dlv and Go.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The dlv to run [default: the first in PATH, then where `go install` and Homebrew put it]
    #[arg(long, value_name = "PATH", env = "DLVGATE_DLV")]
    dlv: Option<PathBuf>,
    /// Which packet filter guards dlv's port [default: the system's own as root, where it is
    /// installed; else auto]
    #[arg(long, value_enum, value_name = "BACKEND")]
    firewall: Option<FirewallMode>,
    /// The folder for the recording and its page [default: a new temporary folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let timeline = Timeline::start();
    timeline.heading("What stands between a client and dlv on this machine");
    tour::show(&timeline, &[OsStr::new("doctor")], None, false)?;
    timeline.heading("A session");
    let (trigger, stop) = shutdown::channel();
    let stopped = stop.clone();
    let signals = tokio::spawn(Signals::listen()?.pass_on(trigger.clone()));
    let peer_uids = PeerUids::of_this_process()?;
    let bound = Bound::new(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let firewall =
        Firewall::prepare(args.firewall.unwrap_or_else(usual_choice), Parts::default(), false).await?;
    timeline.line("gate", &firewall.to_string());
    let caller = Caller::of_sudo();
    if let Some(caller) = &caller {
        caller.become_for_good().with_context(|| format!("cannot go on as {caller} instead of root"))?;
    }
    let project = tempfile::Builder::new()
        .prefix("dlvgate-demo-")
        .tempdir_in(variables::temporary())
        .context("no temporary folder")?;
    // macOS's /tmp is a link, and dlv reports where it leads
    let folder = project.path().canonicalize()?;
    std::fs::write(folder.join("main.go"), PROGRAM)?;
    std::fs::write(folder.join("go.mod"), GO_MOD)?;

    let out = match args.out {
        Some(out) => out,
        None => tempfile::Builder::new()
            .prefix("dlvgate-demo-recording-")
            .tempdir_in(variables::temporary())?
            .keep(),
    };
    let others = tour::recordings(&out);
    let environment = caller.as_ref().map(Caller::environment).unwrap_or_default();
    let installed = InstalledDelve { program: args.dlv.clone(), environment };
    let recorder = Recorder::new(&out, about(&firewall, &folder), move || installed.versions())
        .with_context(|| format!("no recording can be written to {}", out.display()))?;
    let address = bound.address();
    let front = Front::on(bound, Allowlist::default(), Some(peer_uids))?;
    timeline.line("front", &format!("DAP server listening at: {address}"));
    let seen = Arc::new(Mutex::new(None));
    let settings = SessionSettings {
        upstream: Upstream::Launch(Box::new(Launcher {
            program: args.dlv.clone(),
            folder: Some(folder.clone()),
            environment: caller.as_ref().map(Caller::environment).unwrap_or_default(),
            argv: check(&[])?,
            ports: PortPool::new(PortPlan::Any),
            limit: Some(Duration::from_secs(30)),
            streams: Streams::Served,
            reaper: Reaper::ours(),
        })),
        max_sessions: 1,
        max_sessions_per_address: 1,
        rewrites: MessageRewrites::default(),
        recorder: Some(recorder),
        slots: Arc::new(Semaphore::new(1)),
        observer: Some(observer(timeline.clone(), Arc::clone(&seen), firewall.name() != "off")),
        open_sessions: None,
        firewall: firewall.clone(),
    };
    let client = async {
        let session = debug(address, &folder, &timeline, firewall.name() != "off");
        let debugged = tokio::time::timeout(LIMIT, session)
            .await
            .unwrap_or_else(|_| bail!("no end within {} s", LIMIT.as_secs()));
        if debugged.is_err() {
            // a front that no session comes to waits for ever
            trigger.stop("the demo's client failed");
        }
        debugged
    };
    let (debugged, _) =
        tokio::join!(client, front.serve(Arc::new(settings), true, std::future::pending(), stop));
    firewall.end().await?;
    debugged?;
    let delve = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((pid, Address::Tcp(address))) = delve {
        nothing_left(pid, address, &timeline).await?;
    }
    timeline.heading("Its recording");
    tour::recording(&timeline, &out, &others)?;
    tokio::select! {
        () = stdio::written() => {} // a pager may take its time
        _ = stopped.begun() => {}
    }
    signals.abort();
    Ok(ExitCode::SUCCESS)
}

/// Chooses a gate for root where one is possible. Other users are not asked for a password.
fn usual_choice() -> FirewallMode {
    let is_root = nix::unistd::geteuid().is_root();
    match FirewallBackend::NATIVE {
        FirewallBackend::Pf if is_root => FirewallMode::Pf,
        FirewallBackend::Nftables if is_root && nftables::find().exists() => FirewallMode::Nftables,
        FirewallBackend::Pf | FirewallBackend::Nftables => FirewallMode::Auto,
    }
}

fn about(firewall: &Firewall, folder: &Path) -> About {
    let settings = format::RecordedSettings {
        firewall: Some(firewall.name().to_owned()),
        folder: Some(folder.display().to_string()),
        ..format::RecordedSettings::default()
    };
    About { tool: TOOL.to_owned(), settings, redact: false }
}

/// Looks instead of claiming.
async fn nothing_left(pid: i32, address: SocketAddr, timeline: &Timeline) -> anyhow::Result<()> {
    if TcpStream::connect(address).await.is_ok() {
        bail!("something still listens on dlv's port {address}");
    }
    if kill(Pid::from_raw(pid), None).is_ok() {
        bail!("dlv's process {pid} is still there");
    }
    timeline.line("check", &format!("{address} refuses connections, and process {pid} is gone"));
    Ok(())
}

/// The session's own transitions, in the demo's words; without a firewall there is no gate to speak
/// of.
fn observer(timeline: Timeline, seen: Seen, gated: bool) -> Observer {
    Arc::new(move |entry: &TransitionEvent| {
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = entry.delve.clone();
        let what = match entry.transition {
            Transition::GateOpening
            | Transition::GateOpen
            | Transition::GateShut
            | Transition::GateRemoved
                if !gated =>
            {
                return;
            }
            Transition::FirstByte => "the client has spoken; only now is anything started,",
            Transition::DlvStarting => "starting dlv",
            Transition::DlvReady => "dlv says that it listens:",
            Transition::GateOpening => "opening the gate,",
            Transition::GateOpen => "the gate is open:",
            Transition::SpareReady => "a dlv waits for a client:",
            Transition::UpstreamConnected => "connected to dlv at",
            Transition::Forwarding => "forwarding the client's first byte",
            Transition::Ending => "the session ends:",
            Transition::GateShut => "the gate is shut:",
            Transition::DlvStopped => "dlv has ended:",
            Transition::GateRemoved => "the gate is gone:",
            Transition::Closed => "the client's connection is closed",
        };
        timeline.line("session", format!("{what} {}", entry.detail).trim_end());
    })
}

/// What an IDE does, with every message checked.
async fn debug(front: SocketAddr, folder: &Path, timeline: &Timeline, gated: bool) -> anyhow::Result<()> {
    let mut client = DemoClient::connect(front, timeline.clone()).await?;
    let capabilities = json!({"clientID": "dlvgate-demo", "adapterID": "go", "pathFormat": "path",
                              "linesStartAt1": true, "columnsStartAt1": true});
    client.request("initialize", capabilities).await?;
    timeline.line("client", "the program is built now; a machine's first build can take a minute");
    let launch = client.send("launch", json!({"mode": "debug", "program": folder, "cwd": folder})).await?;
    client.event("initialized").await?;
    let source = folder.join("main.go");
    let breakpoints = json!({"source": {"path": source}, "breakpoints": [
        {"line": line_of(AT_ORDER)},
        {"line": line_of(IN_LOOP), "condition": CONDITION},
    ]});
    let set = client.request("setBreakpoints", breakpoints).await?;
    if list(&set["breakpoints"]).iter().any(|breakpoint| breakpoint["verified"] != true) {
        bail!("dlv did not take a breakpoint: {set}");
    }
    client.response(launch).await?;
    client.request("configurationDone", json!({})).await?;
    let thread = client.event("stopped").await?["threadId"].clone();
    look(&mut client, &thread, "order", "len(order.Lines)", timeline).await?;
    if gated {
        tour::show(timeline, &["firewall", "status"].map(OsStr::new), None, true)?;
    }
    client.request("continue", json!({"threadId": thread})).await?;
    let thread = client.event("stopped").await?["threadId"].clone();
    look(&mut client, &thread, "", "total + monthly*i", timeline).await?;
    client.request("continue", json!({"threadId": thread})).await?;
    client.event("terminated").await?;
    client.request("disconnect", json!({"terminateDebuggee": true})).await?;
    client.closed().await
}

/// What a stop shows: the stack, the locals, one of them unfolded, and an expression.
async fn look(
    client: &mut DemoClient,
    thread: &Value,
    unfold: &str,
    expression: &str,
    timeline: &Timeline,
) -> anyhow::Result<()> {
    let stack = client.request("stackTrace", json!({"threadId": thread, "levels": 2})).await?;
    let top = &stack["stackFrames"][0];
    let line = top["line"].as_u64().unwrap_or_default();
    let source = PROGRAM.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    timeline.text(&format!("stopped at main.go:{line}: {}", source.trim()));
    for frame in list(&stack["stackFrames"]) {
        timeline.text(&format!("  in {} (line {})", text(&frame["name"]), frame["line"]));
    }
    let scopes = client.request("scopes", json!({"frameId": top["id"]})).await?;
    for scope in list(&scopes["scopes"]) {
        for variable in client.variables(scope).await? {
            timeline.text(&format!("  {} = {}", text(&variable["name"]), text(&variable["value"])));
            if variable["name"] != unfold {
                continue;
            }
            for field in client.variables(&variable).await? {
                timeline.text(&format!("    .{} = {}", text(&field["name"]), text(&field["value"])));
            }
        }
    }
    let value = client.request("evaluate", json!({"expression": expression, "frameId": top["id"]})).await?;
    timeline.text(&format!("  {expression} = {}", text(&value["result"])));
    Ok(())
}

fn line_of(comment: &str) -> usize {
    PROGRAM.lines().position(|line| line.contains(comment)).map_or(1, |index| index + 1)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
