//! `dlvgate dlv`, and dlvgate under the name `dlv`: dlv's own command line, with the port guarded.

mod listen_endpoint;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, CommandFactory, FromArgMatches, Parser};
use nix::sys::signal::Signal;
use tokio::sync::Semaphore;
use tracing::Level;

use super::common_args::{CommonArgs, close_front, open_front};
use super::config_defaults;
use super::exit::FAILURE;
use super::log::{self, LogArgs};
use super::runtime::on_runtime;
use crate::config::{Config, ConfigError};
use crate::delve::{Argv, DelveLog, LaunchError, Launcher, PortPlan, PortPool, Streams, find};
use crate::escape::printable;
use crate::firewall::{Firewall, Gate};
use crate::front::{CannotTell, PeerUids};
use crate::rlimit;
use crate::session::{
    self, ClientInfo, DelveSource, EndReason, FIRST_BYTE, SessionOutcome, SessionSettings, SharedDelve,
    Transport, Upstream,
};
use crate::shutdown::{self, Shutdown, Signals, Trigger};
use crate::stdio::{self, post};
use listen_endpoint::{ListenEndpoint, Open};

/// Run dlv with its own command line, and guard the port where it listens
///
/// Every command line of dlv's works unchanged. `dap`, and debug, exec, test, attach, core and
/// replay with `--headless`, get a gate: clients connect to dlvgate at dlv's --listen, dlv listens
/// on a private port, and its ready line has dlvgate's address. Everything else (output, input,
/// signals, exit code) is dlv's. All other commands are dlv's alone.
///
/// The same happens where dlvgate is called `dlv`, by a link: put its folder first in PATH, or name
/// it in GoLand's `dlv.path`. Under sudo it stays root, as dlv does. Settings come from variables
/// (DLVGATE_DLV, DLVGATE_ALLOW, DLVGATE_FIREWALL, …), since the flags are dlv's.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "Examples:
  dlvgate dlv exec --headless --listen=127.0.0.1:2345 --accept-multiclient ./server
  ln -s \"$(command -v dlvgate)\" ~/bin/dlv"
)]
pub(super) struct DlvArgs {
    /// dlv's command line
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "DLV ARGUMENTS")]
    _words: Vec<OsString>,
}

/// For a command line with flags of dlvgate's before `dlv`: what comes after the word is dlv's,
/// `--` too.
pub(super) fn run_with(log: LogArgs, serve: ServeCommand) -> ExitCode {
    let words = std::env::args_os().skip_while(|word| word != "dlv").skip(1);
    run_logged(words.collect(), Some(log), serve)
}

/// Makes the command `serve`, whose flags are the keys of configuration files.
type ServeCommand = fn() -> clap::Command;

/// What the variables set: there are no flags.
#[derive(Debug, Parser)]
struct FromVariables {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// How long dlv may take to say that it cannot listen; it may build a program first.
const REFUSAL: Duration = Duration::from_secs(600);

/// How often a script named `dlv` may have called us before this is a loop.
const MAX_CALLS: u8 = 4;

/// Counts that, where the dlv that is found is a script.
const CALLS: &str = "DLVGATE_CALLS";

/// dlv's command line, where this is one: `dlv …` by our own name, or `dlvgate dlv …`.
pub(super) fn command_line(mut words: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    let name = words.next()?;
    let is_dlv = Path::new(&name).file_name().is_some_and(|name| name == "dlv");
    if is_dlv || words.next()? == "dlv" {
        return Some(words.collect());
    }
    None
}

/// Runs dlv's command line and ends as dlv does; what keeps dlv from being run is said on standard
/// error.
pub(super) fn run(words: Vec<OsString>, serve: ServeCommand) -> ExitCode {
    run_logged(words, None, serve)
}

fn run_logged(words: Vec<OsString>, log: Option<LogArgs>, serve: ServeCommand) -> ExitCode {
    match run_or_say(words, log, serve) {
        Ok(status) => end_like(status),
        Err(error) => {
            post!("dlvgate: {}", printable(&format!("{error:#}")));
            ExitCode::from(FAILURE)
        }
    }
}

fn run_or_say(
    words: Vec<OsString>,
    log_flags: Option<LogArgs>,
    serve: ServeCommand,
) -> anyhow::Result<ExitStatus> {
    let argv = Argv::parse(words.clone()).ok().filter(|argv| argv.serves().is_some());
    // A descriptor of `--log-dest` is taken before anything else gets its number.
    let log = argv.as_ref().and_then(Argv::log_dest).map(DelveLog::new).unwrap_or(Ok(DelveLog::Standard));
    let config = match load_checked(serve) {
        // A command that does not listen is dlv's alone.
        Err(_) if argv.is_none() => Config::default(),
        config => config?,
    };
    if argv.is_some() {
        config_defaults::tell_passed_over(&config.passed_over);
    }
    let FromVariables { log: log_args, common } = from_variables(&config)?;
    let dlv = find(common.dlv.as_deref(), None)?;
    let calls = calls(&dlv)?;
    let Some(argv) = argv else {
        let failed = Command::new(&dlv).args(words).envs(calls).exec();
        return Err(failed).with_context(|| format!("{} cannot be started", dlv.display()));
    };
    log::init(&log_flags.unwrap_or(log_args), Level::ERROR);
    let gated = Gated { launcher: common.launcher(argv.clone(), Streams::Served), common, argv };
    on_runtime(gated.run(log, dlv, calls))
}

fn load_checked(serve: ServeCommand) -> Result<Config, ConfigError> {
    let config = config_defaults::load(None)?;
    config_defaults::check(&config, &serve())?;
    Ok(config)
}

/// The settings, from variables and files.
fn from_variables(config: &Config) -> anyhow::Result<FromVariables> {
    let command = config_defaults::with_defaults(FromVariables::command(), config);
    let matches = command.try_get_matches_from(["dlvgate dlv"]).map_err(|error| {
        let said = error.to_string();
        let said = said.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default().to_owned();
        anyhow::anyhow!("a DLVGATE_ variable cannot be used: {said}")
    })?;
    if let Some(why) = config_defaults::relative_dlv(&matches) {
        bail!("{why}");
    }
    Ok(FromVariables::from_arg_matches(&matches)?)
}

/// Notices a script named `dlv` that calls us, whom we would call for ever.
fn calls(dlv: &Path) -> anyhow::Result<Option<(&'static str, OsString)>> {
    let mut start = [0; 2];
    let is_script = std::fs::File::open(dlv)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start))
        .is_ok_and(|()| start == *b"#!");
    if !is_script {
        return Ok(None);
    }
    let before: u8 = std::env::var(CALLS).ok().and_then(|calls| calls.parse().ok()).unwrap_or(0);
    if before >= MAX_CALLS {
        bail!(
            "{} is a script that calls dlvgate again and again: set DLVGATE_DLV to the real dlv",
            dlv.display()
        );
    }
    Ok(Some((CALLS, (before + 1).to_string().into())))
}

/// Waits for the first byte of a client that we have connected to, and looks whose it is.
async fn known(client: &Transport, peer_uids: Option<&PeerUids>, stop: &Shutdown) -> Result<(), String> {
    let Some(peer_uids) = peer_uids else { return Ok(()) };
    tokio::select! {
        known = tokio::time::timeout(FIRST_BYTE, peer_uids.admit_dialled(client)) => {
            known.unwrap_or_else(|_| Err("it says nothing".to_owned()))
        }
        _ = stop.begun() => Ok(()), // the session ends as it begins
    }
}

fn unchecked(why: &CannotTell) {
    tracing::warn!(target: "dlvgate::front", "every user of this machine may connect: {why}");
}

/// Exits as dlv did, by the same signal where it was one.
fn end_like(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    if let Some(signal) = status.signal().and_then(|signal| Signal::try_from(signal).ok()) {
        stdio::settle();
        shutdown::die_of(signal);
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILURE))
}

/// A dlv that listens.
struct Gated {
    argv: Argv,
    launcher: Launcher,
    common: CommonArgs,
}

impl Gated {
    async fn run(
        mut self,
        log: std::io::Result<DelveLog>,
        dlv: PathBuf,
        calls: Option<(&'static str, OsString)>,
    ) -> anyhow::Result<ExitStatus> {
        self.launcher.program = Some(dlv);
        self.launcher.environment.extend(calls);
        self.launcher.limit = None; // dlv has none, and builds first
        let (trigger, stop) = shutdown::patient_channel();
        let signals = tokio::spawn(Signals::listen()?.pass_on(trigger.clone()));
        let log = match log {
            Ok(log) => log,
            Err(error) if error.raw_os_error() == Some(nix::libc::EBADF) => {
                let number = self.argv.log_dest().unwrap_or_default().to_string_lossy();
                bail!(
                    "--log-dest {number}: this descriptor is not open, so no client would learn where dlv listens"
                );
            }
            Err(_) => return self.refused(self.argv.clone(), DelveLog::Standard, &stop).await,
        };
        let peer_uids = match self.common.only_same_user.or(self.argv.only_same_user()) {
            Some(false) => None,
            Some(true) => Some(PeerUids::of_this_process()?),
            // As dlv does by default: it checks the user where it can (Linux), and lets every user
            // in elsewhere.
            None => PeerUids::of_this_process().inspect_err(unchecked).ok(),
        };
        let place = match ListenEndpoint::of(&self.argv, &self.common.allow, peer_uids).await? {
            Some(place) => place,
            None => return self.refused(self.argv.clone().unmoved(), log, &stop).await,
        };
        self.launcher.streams = Streams::InPlace(log.clone());
        let firewall = self.common.firewall(true, place.is_reachable(), true).await?;
        let front_gate = match place.reachable() {
            Some(bound) => Some(open_front(&firewall, bound, &self.common.allow).await?),
            None => None,
        };
        let ended = match place.open() {
            Ok(Some(open)) => self.serve(open, &firewall, front_gate.as_ref(), &trigger, &stop).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        if let Some(gate) = front_gate {
            close_front(gate).await;
        }
        firewall.end().await?;
        let ended = match ended? {
            Some(status) => Ok(status),
            None => self.refused(self.argv.clone().unmoved(), log, &stop).await,
        };
        signals.abort();
        ended
    }

    /// Starts dlv and serves its clients until it ends.
    async fn serve(
        &self,
        open: Open,
        firewall: &Firewall,
        front_gate: Option<&Gate>,
        trigger: &Trigger,
        stop: &Shutdown,
    ) -> anyhow::Result<Option<ExitStatus>> {
        let max_sessions = if self.argv.multiclient() { usize::from(self.common.max_sessions) } else { 1 };
        rlimit::make_room(max_sessions);
        let source = DelveSource::Launch(Box::new(self.launcher.clone()));
        let shared = SharedDelve::new(source, firewall.clone(), open.name(), None, stop.clone());
        let settings = Arc::new(SessionSettings {
            upstream: Upstream::Shared(Arc::clone(&shared)),
            firewall: firewall.clone(),
            max_sessions,
            max_sessions_per_address: self.common.max_sessions_per_address(max_sessions),
            slots: Arc::new(Semaphore::new(max_sessions)),
            rewrites: self.common.rewrites(),
            recorder: self.common.recorder(Some(&self.launcher), firewall)?,
            observer: None,
            open_sessions: None,
        });
        shared.start();
        let over = async {
            shared.ended().await;
        };
        let serving = async {
            let mut refused = None;
            match open {
                Open::Front(front) => drop(front.serve(settings, false, over, stop.clone()).await),
                Open::Client(client, peer_uids) => match known(&client, peer_uids.as_ref(), stop).await {
                    Ok(()) => {
                        let client_info = ClientInfo::alone("the client at --client-addr");
                        let outcome = session::run(client, client_info, 1, &settings, stop).await;
                        if matches!(outcome, SessionOutcome::NoSession) {
                            trigger.stop("a client that says nothing");
                        }
                    }
                    Err(why) => {
                        trigger.stop("a client that is refused");
                        refused = Some(why);
                    }
                },
            }
            (shared.ended().await, refused)
        };
        let mut serving = std::pin::pin!(serving);
        let (ended, refused) = tokio::select! {
            served = &mut serving => served,
            lost = firewall.lost() => {
                trigger.stop("the end of the guard");
                serving.await;
                return Err(lost.into());
            }
            lost = Gate::loss_of(front_gate) => {
                trigger.stop("the end of the front's gate");
                serving.await;
                return Err(lost.into());
            }
        };
        if let Some(why) = refused {
            bail!("the client at --client-addr is refused: {why}");
        }
        match (&*ended.cause, ended.status) {
            (
                EndReason::DlvEnded { .. }
                | EndReason::Stopped { .. }
                | EndReason::NoDlv(LaunchError::Ended { .. }),
                Some(status),
            ) => Ok(Some(status)),
            (cause, _) => bail!("{cause}"),
        }
    }

    /// Runs dlv where it cannot listen or log, for what it says of that. Should it listen after
    /// all, it is ended: nothing would guard it.
    async fn refused(&self, argv: Argv, log: DelveLog, stop: &Shutdown) -> anyhow::Result<ExitStatus> {
        let streams = Streams::InPlace(log);
        let ports = PortPool::new(PortPlan::Any); // it listens where the words say
        let launcher = Launcher { argv, streams, ports, ..self.launcher.clone() };
        let mut delve = launcher.spawn()?;
        let ready = tokio::select! {
            ready = delve.ready(Some(REFUSAL)) => ready,
            _ = stop.begun() => {
                let stopped = delve.stop(Signal::SIGTERM, std::future::pending()).await;
                return stopped.status.context("dlv's exit status is not known");
            }
        };
        match ready {
            Err(LaunchError::Ended { status, .. }) => Ok(status),
            Err(error) => Err(error.into()),
            Ok(()) => {
                delve.stop(Signal::SIGTERM, std::future::pending()).await;
                let listen = self.argv.listen().unwrap_or_default().to_string_lossy().into_owned();
                bail!(
                    "dlvgate could not listen at {listen} and dlv could; it was ended, since nothing guarded it. Try again"
                )
            }
        }
    }
}
