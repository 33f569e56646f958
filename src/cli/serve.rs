//! `dlvgate serve`: a front at which each DAP connection gets a dlv of its own.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::sync::Semaphore;

use super::parts::PartsArgs;
use super::{FAILURE, usage};
use crate::delve::{Launcher, PortPlan, PortPool, check_extra_flags};
use crate::firewall::{Choice, Firewall, Gate, Peer};
use crate::front::{Admission, Bound, Front, ListenAddress, Owners, resolve};
use crate::privilege::Caller;
use crate::session::{Outcome, Settings, Upstream};
use crate::shutdown::{self, Signals};

/// Listen for DAP clients; each gets its own `dlv dap` behind a gate
///
/// When ready, `DAP server listening at: HOST:PORT` is the first line on standard output, as `dlv dap` prints
/// it; the log goes to standard error. dlv is started at a client's first byte, so a port scan or a health
/// check costs nothing. SIGINT, SIGTERM or SIGHUP ends every session and leaves nothing behind; a second one
/// does so without waiting.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate serve --listen 127.0.0.1:2345
  dlvgate serve --listen :2345 --allow 192.0.2.5 --dlv-port 40000-40010
  dlvgate serve --listen 127.0.0.1:0 --once -- --check-go-version=false")]
pub(super) struct ServeArgs {
    /// Where clients connect: HOST:PORT, or :PORT for every address; port 0 is any free one
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:2345")]
    listen: ListenAddress,
    /// Who may connect: an address, a network, or a link-local address with its interface (fe80::1%en0); needed where the
    /// front is not on loopback
    #[arg(long, value_name = "CIDR")]
    allow: Vec<Peer>,
    /// Over loopback, serve this user's clients only, as dlv does (Linux; elsewhere nobody can tell)
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    only_same_user: bool,
    /// The dlv to run [default: the first in PATH, then where `go install` and Homebrew put it]
    #[arg(long, value_name = "PATH", env = "DLVGATE_DLV")]
    dlv: Option<PathBuf>,
    /// The port that dlv listens on, on 127.0.0.1: 0 for any free one, N, or a range A-B
    #[arg(long, value_name = "N|A-B", default_value = "0")]
    dlv_port: PortPlan,
    /// The folder that dlv runs in: relative programs and Go modules are found from there [default: this one]
    #[arg(long, value_name = "DIR")]
    dlv_cwd: Option<PathBuf>,
    /// Use a `dlv dap` that listens already instead of starting one; it serves one session at a time. Its port is
    /// gated where it is on this machine
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["dlv", "dlv_cwd", "dlv_port", "start_timeout", "max_sessions", "dlv_flags"])]
    upstream: Option<ListenAddress>,
    /// Which packet filter guards dlv's port
    #[arg(long, value_enum, default_value_t = Choice::Auto, value_name = "BACKEND")]
    firewall: Choice,
    /// End with the first session; a connection that does not speak DAP is none
    #[arg(long)]
    once: bool,
    /// Sessions that may be open at once; a further client is told so
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    max_sessions: u16,
    /// Seconds that dlv may take until it listens
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    start_timeout: u16,
    /// Under sudo: stay root, and run dlv and the debugged program as root too
    #[arg(long)]
    as_root: bool,
    #[command(flatten)]
    parts: PartsArgs,
    /// Flags for `dlv dap`, after `--`
    #[arg(last = true, value_name = "DLV FLAGS")]
    dlv_flags: Vec<OsString>,
}

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    check_extra_flags(&args.dlv_flags).map_err(usage)?;
    if let Some(folder) = args.dlv_cwd.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(usage(format_args!("--dlv-cwd {}: there is no such folder", folder.display())));
    }
    let address = resolve(&args.listen)
        .await
        .map_err(|error| usage(format_args!("--listen {}: {error}", args.listen)))?;
    let admission = Admission::new(address.ip(), args.allow.clone()).map_err(usage)?;
    let (trigger, stop) = shutdown::channel();
    let signals = tokio::spawn(Signals::listen()?.pass_on(trigger.clone()));
    let owners = args.only_same_user.then(Owners::of_this_process);
    if owners.is_some() && !Owners::can_be_told() {
        tracing::info!(target: "dlvgate::front", "every user of this machine may connect: this system does not tell whose a connection is");
    }
    let bound = Bound::new(address).map_err(|error| cannot_listen(address, &error))?;

    let is_reachable = !address.ip().to_canonical().is_loopback();
    let firewall = Firewall::prepare(args.firewall, args.parts.parts(), is_reachable).await?;
    tracing::info!(target: "dlvgate::firewall", backend = firewall.name(), "{firewall}");
    let front_gate =
        if is_reachable { Some(open_front(&firewall, &bound, &args.allow).await?) } else { None };
    let caller = Caller::of_sudo().filter(|_| !args.as_root);
    if let Some(caller) = &caller {
        caller.become_for_good().with_context(|| format!("cannot go on as {caller} instead of root"))?;
        tracing::info!(target: "dlvgate", "goes on as {caller}, and dlv with it (--as-root keeps root)");
    }
    let upstream = upstream(&args, caller.as_ref()).await?;
    let max_sessions = match upstream {
        Upstream::Running(_) => 1, // `dlv dap` serves one client and leaves a second one hanging
        Upstream::Launch(_) if args.once => 1,
        Upstream::Launch(_) => usize::from(args.max_sessions),
    };
    let settings = Settings {
        upstream,
        firewall: firewall.clone(),
        max_sessions,
        slots: Arc::new(Semaphore::new(max_sessions)),
        observer: None,
    };
    let front = bound.listen(admission, owners).map_err(|error| cannot_listen(address, &error))?;
    announce(&front)?;
    let mut serving = std::pin::pin!(front.serve(Arc::new(settings), args.once, stop));
    let (last, lost) = tokio::select! {
        last = &mut serving => (last, None),
        lost = firewall.lost() => {
            tracing::error!(target: "dlvgate::firewall", "{lost}");
            trigger.stop("the end of the guard");
            (serving.await, Some(lost))
        }
    };
    signals.abort();
    if let Some(lost) = lost {
        return Err(lost.into());
    }
    if let Some(gate) = front_gate {
        close_front(gate).await;
    }
    firewall.end().await?;
    let failed = args.once && matches!(&last, Some(Outcome::Session(cause)) if !cause.is_success());
    Ok(if failed { ExitCode::from(FAILURE) } else { ExitCode::SUCCESS })
}

/// A front that other machines can reach is gated for as long as the server runs.
async fn open_front(firewall: &Firewall, bound: &Bound, allow: &[Peer]) -> anyhow::Result<Gate> {
    let port = bound.address().port();
    let gate = firewall
        .open(port, allow)
        .await
        .with_context(|| format!("the front's port {port} cannot be gated"))?;
    if firewall.is_off().is_none() {
        tracing::info!(target: "dlvgate::firewall", port, "the front's port is guarded");
    }
    Ok(gate)
}

/// What fails here is tried again by the guard when it ends.
async fn close_front(gate: Gate) {
    let port = gate.port();
    let closed = match gate.shut().await {
        Ok(()) => gate.remove().await,
        failed => failed,
    };
    if let Err(error) = closed {
        tracing::error!(target: "dlvgate::firewall", port, %error, "the gate of the front could not be closed");
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "; `lsof -nP -iTCP:{} -sTCP:LISTEN` says who does. End that, or use another port (0: any)",
                address.port()
            )
        }
        io::ErrorKind::PermissionDenied => "; use a port above 1023".to_owned(),
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address".to_owned(),
        _ => String::new(),
    };
    anyhow::anyhow!("cannot listen on {address}: {error}{remedy}")
}

async fn upstream(args: &ServeArgs, caller: Option<&Caller>) -> anyhow::Result<Upstream> {
    if let Some(address) = &args.upstream {
        let found =
            resolve(address).await.map_err(|error| usage(format_args!("--upstream {address}: {error}")))?;
        if !found.ip().is_loopback() {
            tracing::info!(target: "dlvgate::firewall", upstream = %found, "no gate: the upstream is not on loopback");
        }
        return Ok(Upstream::Running(found));
    }
    Ok(Upstream::Launch(Launcher {
        program: args.dlv.clone(),
        folder: args.dlv_cwd.clone(),
        environment: caller.map(Caller::environment).unwrap_or_default(),
        flags: args.dlv_flags.clone(),
        ports: PortPool::new(args.dlv_port),
        limit: Duration::from_secs(args.start_timeout.into()),
    }))
}

/// The ready line, in dlv's own words: clients wait for it.
fn announce(front: &Front) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "DAP server listening at: {}", front.address())?;
    stdout.flush()
}
