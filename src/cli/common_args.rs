//! What `serve` and `dlv` have in common: who may connect, how dlv is run, who guards its port.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use dlvgate_protocol::message::Argument;
use dlvgate_protocol::paths::PathRule;
use dlvgate_recording::{About, Recorder, format};

use super::assignments;
use super::test_hooks::TestHookArgs;
use super::versions::InstalledDelve;
use crate::delve::{Argv, Launcher, PortPlan, PortPool, Reaper, Streams};
use crate::firewall::{Disabled, Firewall, FirewallError, FirewallMode, Gate, Parts, Peer};
use crate::front::Bound;
use crate::session::MessageRewrites;

/// What recordings name as the program that wrote them.
pub(super) const TOOL: &str = concat!("dlvgate ", env!("CARGO_PKG_VERSION"));

/// How long dlv may take until it listens, and where it builds a program first.
const START: u16 = 30;
const BUILD_AND_START: u16 = 600;

/// Settings of every session.
#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    /// Who may connect: an address, a network, or a link-local address with its interface
    /// (fe80::1%en0). Required if other machines can reach the front
    #[arg(long, value_name = "CIDR", env = "DLVGATE_ALLOW", value_delimiter = ',')]
    pub(super) allow: Vec<Peer>,
    /// Refuse clients of other users of this machine, as dlv does over loopback [default: true; for
    /// `dlvgate dlv`, the value of dlv's own flag]
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, env = "DLVGATE_ONLY_SAME_USER")]
    pub(super) only_same_user: Option<bool>,
    /// The dlv to run [default: the first in PATH, then where `go install` and Homebrew put it]
    #[arg(long, value_name = "PATH", env = "DLVGATE_DLV")]
    pub(super) dlv: Option<PathBuf>,
    /// The port on 127.0.0.1 that dlv listens on: 0 (any free port), N, or a range A-B; or `unix`:
    /// dlv (1.22.1 or newer) listens on a Unix socket that only you can open, which needs no rules
    #[arg(long, value_name = "N|A-B|unix", default_value = "0", env = "DLVGATE_DLV_PORT")]
    pub(super) dlv_port: PortPlan,
    /// Which packet filter guards dlv's port
    #[arg(long, value_enum, default_value_t = FirewallMode::Auto, value_name = "BACKEND", env = "DLVGATE_FIREWALL")]
    pub(super) firewall: FirewallMode,
    /// Most sessions at once; a further client gets an error
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..), env = "DLVGATE_MAX_SESSIONS")]
    pub(super) max_sessions: u16,
    /// Most sessions at once from one address [default: half, rounded up, if --allow names more
    /// than one address; else all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), env = "DLVGATE_MAX_SESSIONS_PER_ADDRESS")]
    pub(super) max_sessions_per_address: Option<u16>,
    /// Seconds to wait until dlv listens [default: 30; 600 for `debug` and `test`, which build
    /// first]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..), env = "DLVGATE_START_TIMEOUT")]
    pub(super) start_timeout: Option<u16>,
    /// Map a folder on the client's machine to the same folder on dlv's: CLIENT=SERVER. In DAP it
    /// is added to each `launch` and `attach`, after the client's own `substitutePath`; in JSON-RPC
    /// (GoLand) it changes every file name, both ways
    #[arg(long, value_name = "CLIENT=SERVER", env = "DLVGATE_SUBSTITUTE_PATH", value_delimiter = ',', value_parser = assignments::rule)]
    substitute_path: Vec<PathRule>,
    /// Add an argument to each `launch` and `attach` (and a `restart` with new arguments) that does
    /// not have it: stopOnEntry=true, buildFlags='"-tags=x"'
    #[arg(long, value_name = "KEY=JSON", env = "DLVGATE_LAUNCH_DEFAULT", value_delimiter = '\n', value_parser = assignments::argument)]
    launch_default: Vec<Argument>,
    /// Set an argument of each `launch` and `attach`, whatever the client sends; a request in which
    /// it cannot be set is refused
    #[arg(long, value_name = "KEY=JSON", env = "DLVGATE_LAUNCH_OVERRIDE", value_delimiter = '\n', value_parser = assignments::argument)]
    launch_override: Vec<Argument>,
    /// Record each session in a file in this folder: every message with its time, readable only by
    /// you. See `dlvgate show --help`
    #[arg(long, value_name = "DIR", env = "DLVGATE_RECORD")]
    pub(super) record: Option<PathBuf>,
    /// Replace texts that are not words of the protocol (values, names, output, paths) in the
    /// recording by placeholders of the same length
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, env = "DLVGATE_REDACT")]
    pub(super) redact: bool,
    #[command(flatten)]
    pub(super) parts: TestHookArgs,
}

impl CommonArgs {
    /// The packet filter, as far as there is a port for it: dlv's, or a front's that other machines
    /// can reach. `as_root`: under sudo dlv is root's all the same.
    ///
    /// # Errors
    /// As [`Firewall::prepare`].
    pub(super) async fn firewall(
        &self,
        starts_dlv: bool,
        is_reachable: bool,
        as_root: bool,
    ) -> anyhow::Result<Firewall> {
        let has_port = !starts_dlv || self.dlv_port != PortPlan::Unix || is_reachable;
        let parts = Parts { as_root, ..self.parts.parts() };
        Ok(match has_port {
            true => Firewall::prepare(self.firewall, parts, is_reachable).await.map_err(or_without_filter)?,
            false => Firewall::off(Disabled::NoPort),
        })
    }

    /// How many of all sessions one address may have open.
    pub(super) fn max_sessions_per_address(&self, max_sessions: usize) -> usize {
        let is_one_address = |peer: &Peer| peer.net().prefix_len() == peer.net().max_prefix_len();
        let usual = match &self.allow[..] {
            [] => max_sessions,
            [peer] if is_one_address(peer) => max_sessions,
            _ => max_sessions.div_ceil(2),
        };
        self.max_sessions_per_address.map_or(usual, usize::from).min(max_sessions)
    }

    /// Returns the rewrites of messages.
    pub(super) fn rewrites(&self) -> MessageRewrites {
        MessageRewrites::new(
            self.substitute_path.clone(),
            self.launch_default.clone(),
            self.launch_override.clone(),
        )
    }

    /// Returns the names of the arguments that are added to launches.
    pub(super) fn launch_arguments(&self) -> impl Iterator<Item = &str> {
        self.launch_default.iter().chain(&self.launch_override).map(|argument| argument.key.as_str())
    }

    /// Returns the sessions' recorder, if they are to be recorded. `launcher` starts the dlv; there
    /// is none for a dlv that runs already.
    pub(super) fn recorder(
        &self,
        launcher: Option<&Launcher>,
        firewall: &Firewall,
    ) -> anyhow::Result<Option<Arc<Recorder>>> {
        let Some(folder) = &self.record else { return Ok(None) };
        let here = std::env::current_dir().ok();
        let runs_in = launcher.and_then(|launcher| launcher.folder.clone().or(here));
        let settings = format::RecordedSettings {
            firewall: Some(firewall.name().to_owned()),
            folder: runs_in.map(|folder| folder.display().to_string()),
            dlv: launcher.map(|launcher| words(&launcher.argv)).unwrap_or_default(),
            substitute_path: self.substitute_path.iter().map(ToString::to_string).collect(),
            launch_default: self.launch_default.iter().map(ToString::to_string).collect(),
            launch_override: self.launch_override.iter().map(ToString::to_string).collect(),
        };
        let dlv = launcher.map(|launcher| InstalledDelve {
            program: launcher.program.clone(),
            environment: launcher.environment.clone(),
        });
        let versions = move || dlv.as_ref().map(InstalledDelve::versions).unwrap_or_default();
        let about = About { tool: TOOL.to_owned(), settings, redact: self.redact };
        let recorder = Recorder::new(folder, about, versions)
            .with_context(|| format!("--record {}: files cannot be written there", folder.display()))?;
        Ok(Some(recorder))
    }

    /// How dlv is started with this command line.
    pub(super) fn launcher(&self, argv: Argv, streams: Streams) -> Launcher {
        let usual = if argv.builds() { BUILD_AND_START } else { START };
        Launcher {
            program: self.dlv.clone(),
            folder: None,
            environment: Vec::new(),
            ports: PortPool::new(self.dlv_port),
            limit: Some(Duration::from_secs(self.start_timeout.unwrap_or(usual).into())),
            argv,
            streams,
            reaper: Reaper::ours(),
        }
    }
}

/// Names the flag that a server has for it. `firewall open` and `sweep` have none, nor would it
/// make sense there.
fn or_without_filter(error: FirewallError) -> anyhow::Error {
    match error.is_without_filter() {
        true => anyhow::anyhow!("{error}; or use --firewall off if nothing filters the port"),
        false => error.into(),
    }
}

/// dlv's command line as text.
fn words(argv: &Argv) -> Vec<String> {
    let words = argv.words().iter().map(|word| word.to_string_lossy().into_owned());
    let dap = argv.words().is_empty().then(|| "dap".to_owned());
    dap.into_iter().chain(words).collect()
}

/// A front that other machines can reach is gated for as long as the server runs.
pub(super) async fn open_front(firewall: &Firewall, bound: &Bound, allow: &[Peer]) -> anyhow::Result<Gate> {
    let port = bound.address().port();
    let gate = firewall
        .open_bound(port, allow, bound.socket())
        .await
        .with_context(|| format!("the front's port {port} cannot be gated"))?;
    if firewall.is_off().is_none() {
        tracing::info!(target: "dlvgate::firewall", port, "the front's port is guarded");
    }
    Ok(gate)
}

/// What fails here is tried again by the guard when it ends.
pub(super) async fn close_front(gate: Gate) {
    let port = gate.port();
    let closed = match gate.shut().await {
        Ok(()) => gate.remove().await,
        failed => failed,
    };
    if let Err(error) = closed {
        tracing::error!(target: "dlvgate::firewall", port, %error, "the gate of the front could not be closed");
    }
}

/// Says why an address cannot be listened on, and what to do.
pub(super) fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "; `lsof -nP -iTCP:{} -sTCP:LISTEN` says who does; with another port (0: any) both can run",
                address.port()
            )
        }
        io::ErrorKind::PermissionDenied => "; use a port above 1023".to_owned(),
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address".to_owned(),
        _ => String::new(),
    };
    anyhow::anyhow!("cannot listen on {address}: {error}{remedy}")
}
