//! `dlvgate serve`: a front at which each client gets a dlv of its own, or all share one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::sync::Semaphore;

use super::common_args::{CommonArgs, cannot_listen, close_front, open_front};
use super::exit::{FAILURE, usage};
use super::next_steps;
use super::preflight;
use super::warm::WarmArgs;
use crate::control::{AboutServer, ControlServer};
use crate::delve::{API_PREFIX, Argv, DAP_PREFIX, Launcher, Serves, Streams, check, inherited};
use crate::firewall::{Firewall, Gate};
use crate::front::{Allowlist, Bound, Front, Listen, ListenAddress, PeerUids, resolve, resolve_peer};
use crate::privilege::Caller;
use crate::rlimit;
use crate::session::{
    self, ClientInfo, DelveSource, OpenSessions, SessionOutcome, SessionSettings, SharedDelve, Transport,
    Upstream,
};
use crate::shell::quoted;
use crate::shutdown::{self, Shutdown, Signals, Trigger};
use crate::stdio;

/// Serve debugging clients: each gets its own dlv, with firewall rules for its port
///
/// Without a command after `--`, each DAP client gets a `dlv dap`, and names its program in its
/// launch request. With a command (exec, debug, test, attach or core, as dlv takes it), dlv is
/// headless: GoLand's Go Remote and DAP clients (`attach`, mode `remote`) connect to the same port.
/// With dlv's `--accept-multiclient` all clients share one dlv, which continues when they leave.
///
/// When dlvgate is ready, it prints `DAP server listening at: HOST:PORT` (headless: `API server …`)
/// on standard output, as dlv does; the log goes to standard error. dlv is started when a client
/// sends its first header, or ahead with --warm, so port scans and health checks start nothing.
/// SIGINT, SIGTERM or SIGHUP ends every session and cleans up; a second signal does not wait for
/// dlv.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate serve --listen 127.0.0.1:2345
  dlvgate serve -- exec ./server --accept-multiclient -- --config dev.toml
  dlvgate serve --listen :2345 --allow 192.0.2.5 -- debug ./cmd/server
  dlvgate serve --warm 1
  dlvgate serve --stdio
  dlvgate serve --listen 127.0.0.1:0 --once -- --check-go-version=false")]
pub(super) struct ServeArgs {
    /// Where clients connect: HOST:PORT, PORT on this machine only, or :PORT for every address,
    /// IPv4 and IPv6. Port 0 means any free port; fd:N is a listening socket passed by systemd
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:2345", env = "DLVGATE_LISTEN")]
    listen: Listen,
    /// Serve one client on standard input and output instead of listening
    #[arg(long, conflicts_with = "once")]
    stdio: bool,
    /// The folder that dlv runs in; relative programs and Go modules are resolved from it [default:
    /// this one]
    #[arg(long, value_name = "DIR", env = "DLVGATE_DLV_CWD")]
    dlv_cwd: Option<PathBuf>,
    /// Use a running dlv instead of starting one: a `dlv dap`, which serves one session at a time,
    /// or with --headless a headless one. If it listens on loopback, its port gets rules
    #[arg(long, value_name = "ADDR", conflicts_with = "dlv_words")]
    upstream: Option<ListenAddress>,
    /// The dlv at --upstream was started with --headless: it also speaks JSON-RPC
    #[arg(long, requires = "upstream")]
    headless: bool,
    /// Exit after the first session; connections that send no data do not count
    #[arg(long)]
    once: bool,
    /// Under sudo: stay root, and run dlv and the debugged program as root too
    #[arg(long)]
    as_root: bool,
    #[command(flatten)]
    warm: WarmArgs,
    #[command(flatten)]
    common: CommonArgs,
    /// After `--`: a command for a headless dlv, with its flags; or flags for `dlv dap`
    #[arg(last = true, value_name = "DLV COMMAND OR FLAGS")]
    dlv_words: Vec<OsString>,
}

/// The front of `--stdio`, for the log and `dlvgate ps`.
const STDIN: &str = "standard input";

/// The socket that `--listen fd:N` names. To be called before anything is opened, which could have
/// that number.
///
/// # Errors
/// If there is none, or it is not a TCP socket with an address.
pub(super) fn passed(args: &ServeArgs) -> anyhow::Result<Option<Bound>> {
    let number = match args.listen {
        Listen::Passed(number) if !args.stdio => number,
        _ => return Ok(None),
    };
    let socket = inherited(number).ok_or_else(|| {
        usage(format_args!("--listen fd:{number}: no such descriptor is open; a systemd socket unit, or `systemd-socket-activate`, passes it"))
    })?;
    let bound =
        Bound::passed(socket).map_err(|error| usage(format_args!("--listen fd:{number}: {error}")))?;
    Ok(Some(bound))
}

/// `passed`: the socket, where the address is none.
pub(super) async fn run(args: ServeArgs, passed: Option<Bound>) -> anyhow::Result<ExitCode> {
    let argv = check(&args.dlv_words).map_err(usage)?;
    if let Some(folder) = args.dlv_cwd.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(usage(format_args!("--dlv-cwd {}: there is no such folder", folder.display())));
    }
    let (trigger, stop) = shutdown::channel();
    let signals = tokio::spawn(Signals::listen()?.pass_on(trigger.clone()));
    let bound_front = if args.stdio { None } else { Some(BoundFront::new(&args, passed).await?) };
    let is_reachable = bound_front.as_ref().is_some_and(|bound_front| bound_front.is_reachable);
    let firewall = args.common.firewall(args.upstream.is_none(), is_reachable, args.as_root).await?;
    tracing::info!(target: "dlvgate::firewall", backend = firewall.name(), "{firewall}");
    let front_gate = match &bound_front {
        Some(bound_front) if is_reachable => {
            Some(open_front(&firewall, &bound_front.bound, &args.common.allow).await?)
        }
        _ => None,
    };
    let caller = Caller::of_sudo().filter(|_| !args.as_root);
    if let Some(caller) = &caller {
        caller.become_for_good().with_context(|| format!("cannot go on as {caller} instead of root"))?;
        tracing::info!(target: "dlvgate", "continues as {caller}, and dlv too (--as-root keeps root)");
    }
    let serves = argv.serves();
    let served = served(&args, &argv);
    let launcher = launcher(&args, argv, caller.as_ref());
    let recorder = args.common.recorder(launcher.as_ref(), &firewall)?;
    let checked = launcher.clone();
    let upstream = upstream(&args, launcher, &firewall, &stop).await?;
    let running = match &upstream {
        Upstream::Running(address) => Some(*address),
        _ => None,
    };
    preflight::warn(&args.common, checked.as_ref(), running, is_reachable);
    let (shared, spares) = match &upstream {
        Upstream::Shared(shared) => (Some(Arc::clone(shared)), None),
        Upstream::Warm(spares) => (None, Some(Arc::clone(spares))),
        _ => (None, None),
    };
    let max_sessions = match upstream {
        // `dlv dap` serves one client and leaves a second one hanging.
        Upstream::Running(_) => 1,
        _ if args.once || args.stdio => 1,
        _ => usize::from(args.common.max_sessions),
    };
    rlimit::make_room(max_sessions);
    let open_sessions = Arc::new(OpenSessions::default());
    let settings = SessionSettings {
        upstream,
        firewall: firewall.clone(),
        max_sessions,
        max_sessions_per_address: args.common.max_sessions_per_address(max_sessions),
        slots: Arc::new(Semaphore::new(max_sessions)),
        rewrites: args.common.rewrites(),
        recorder,
        observer: None,
        open_sessions: Some(Arc::clone(&open_sessions)),
    };
    let folder = args.dlv_cwd.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let about = |front: &str| AboutServer { front: front.to_owned(), serves: served, folder };
    let mut control = None;
    let serving = async {
        match bound_front {
            Some(bound_front) => {
                let prefix =
                    if serves == Some(Serves::Both) || args.headless { API_PREFIX } else { DAP_PREFIX };
                let front = bound_front.open()?;
                control = start_control(about(front.name()), open_sessions, trigger.clone()).await;
                // in dlv's own words: clients wait for it
                stdio::announce(&format!("{prefix}{}", front.name()));
                next_steps::print(front.name(), prefix == API_PREFIX);
                if let Some(spares) = &spares {
                    spares.start();
                }
                Ok(front.serve(Arc::new(settings), args.once, std::future::pending(), stop).await)
            }
            None => {
                control = start_control(about(STDIN), open_sessions, trigger.clone()).await;
                let client = ClientInfo::alone(STDIN);
                Ok(Some(session::run(Transport::stdio(), client, 1, &settings, &stop).await))
            }
        }
    };
    let served = guarded(serving, &firewall, front_gate.as_ref(), &trigger).await;
    if let Some(shared) = shared {
        shared.end().await;
    }
    if let Some(spares) = &spares {
        spares.end().await;
    }
    signals.abort();
    let last = served?;
    finish(firewall, front_gate).await?;
    // Last of all: `dlvgate stop` waits until it is gone.
    if let Some(control) = control {
        control.end().await;
    }
    let alone = args.once || args.stdio;
    let failed = alone && matches!(&last, Some(SessionOutcome::Session(cause)) if !cause.is_success());
    let failed = failed || (args.stdio && matches!(last, Some(SessionOutcome::NoSession)));
    Ok(if failed { ExitCode::from(FAILURE) } else { ExitCode::SUCCESS })
}

/// The control socket. Without one the server is served all the same, and `dlvgate ps` does not
/// show it.
async fn start_control(
    about: AboutServer,
    sessions: Arc<OpenSessions>,
    trigger: Trigger,
) -> Option<ControlServer> {
    match ControlServer::start(about, sessions, trigger).await {
        Ok(control) => Some(control),
        Err(error) => {
            tracing::warn!(target: "dlvgate", %error, "no control socket: `dlvgate ps` does not show this server");
            None
        }
    }
}

/// What a client gets, as a command line.
fn served(args: &ServeArgs, argv: &Argv) -> String {
    if let Some(upstream) = &args.upstream {
        return format!("the dlv at {upstream}");
    }
    let is_implied = argv.command() == Some("dap") && argv.words().len() > args.dlv_words.len();
    let begin = if is_implied { "dlv dap" } else { "dlv" };
    let words = args.dlv_words.iter().map(quoted);
    [begin.to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// Stops serving if the guard or the front's gate is lost, and reports it.
async fn guarded<T>(
    serving: impl Future<Output = anyhow::Result<T>>,
    firewall: &Firewall,
    front: Option<&Gate>,
    trigger: &Trigger,
) -> anyhow::Result<T> {
    let mut serving = std::pin::pin!(serving);
    let (why, lost) = tokio::select! {
        served = &mut serving => return served,
        lost = firewall.lost() => ("the end of the guard", anyhow::Error::from(lost)),
        lost = Gate::loss_of(front) => ("the end of the front's gate", lost.into()),
    };
    trigger.stop(why);
    tracing::error!(target: "dlvgate::firewall", "{lost}");
    let _ = serving.await;
    Err(lost)
}

async fn finish(firewall: Firewall, front_gate: Option<Gate>) -> anyhow::Result<()> {
    if let Some(gate) = front_gate {
        close_front(gate).await;
    }
    Ok(firewall.end().await?)
}

/// The front before it is open.
struct BoundFront {
    bound: Bound,
    is_reachable: bool,
    allowlist: Allowlist,
    peer_uids: Option<PeerUids>,
}

impl BoundFront {
    async fn new(args: &ServeArgs, passed: Option<Bound>) -> anyhow::Result<BoundFront> {
        let address = match (&args.listen, &passed) {
            (_, Some(bound)) => bound.address(),
            (Listen::At(address), None) => resolve(address)
                .await
                .map_err(|error| usage(format_args!("--listen {}: {error}", args.listen)))?,
            (Listen::Passed(_), None) => anyhow::bail!("--listen {}: no socket was passed", args.listen),
        };
        let allowed = args.common.allow.clone();
        let allowlist = match &passed {
            Some(bound) => Allowlist::passed(bound, allowed),
            None => Allowlist::new(address.ip(), allowed),
        }
        .map_err(usage)?;
        let peer_uids = match args.common.only_same_user {
            Some(false) => None,
            _ => Some(PeerUids::of_this_process()?),
        };
        let bound = match passed {
            Some(bound) => bound,
            None => match Caller::of_sudo().filter(|_| !args.as_root) {
                Some(caller) => Bound::new_of(&caller, address),
                None => Bound::new(address),
            }
            .map_err(|error| cannot_listen(address, &error))?,
        };
        Ok(BoundFront {
            bound,
            is_reachable: !address.ip().to_canonical().is_loopback(),
            allowlist,
            peer_uids,
        })
    }

    fn open(self) -> anyhow::Result<Front> {
        let address = self.bound.address();
        Front::on(self.bound, self.allowlist, self.peer_uids).map_err(|error| cannot_listen(address, &error))
    }
}

/// How dlv is started; `None` if one runs already.
fn launcher(args: &ServeArgs, argv: Argv, caller: Option<&Caller>) -> Option<Launcher> {
    if args.upstream.is_some() {
        return None;
    }
    let streams = if args.stdio { Streams::Aside } else { Streams::Served };
    let mut launcher = args.common.launcher(argv, streams);
    launcher.folder = args.dlv_cwd.clone();
    launcher.environment = caller.map(Caller::environment).unwrap_or_default();
    Some(launcher)
}

async fn upstream(
    args: &ServeArgs,
    launcher: Option<Launcher>,
    firewall: &Firewall,
    stop: &Shutdown,
) -> anyhow::Result<Upstream> {
    let Some(launcher) = launcher else {
        let address = args.upstream.as_ref().context("no --upstream")?;
        let found = resolve_peer(address)
            .await
            .map_err(|error| usage(format_args!("--upstream {address}: {error}")))?;
        if !found.ip().is_loopback() {
            tracing::info!(target: "dlvgate::firewall", upstream = %found, "no gate: the upstream is not on loopback, so dlvgate cannot guard its port");
        }
        return Ok(match args.headless {
            true => share(DelveSource::Running(found), firewall, stop),
            false => Upstream::Running(found),
        });
    };
    if !launcher.argv.multiclient() {
        let max_sessions = if args.once { 1 } else { usize::from(args.common.max_sessions) };
        let spares = args.warm.spares(&launcher, firewall, max_sessions, args.once, stop);
        return Ok(match spares.filter(|_| !args.stdio) {
            Some(spares) => Upstream::Warm(spares),
            None => Upstream::Launch(Box::new(launcher)),
        });
    }
    let continues = launcher.argv.continues();
    let shared = share(DelveSource::Launch(Box::new(launcher)), firewall, stop);
    if let (Upstream::Shared(shared), true) = (&shared, continues) {
        shared.start();
    }
    Ok(shared)
}

fn share(source: DelveSource, firewall: &Firewall, stop: &Shutdown) -> Upstream {
    Upstream::Shared(SharedDelve::new(source, firewall.clone(), String::new(), None, stop.clone()))
}
