//! `--warm`: which servers can have spare dlvs, and how many.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use crate::delve::{Launcher, Serves, check};
use crate::firewall::Firewall;
use crate::session::{MAX_SPARES, Spares};
use crate::shutdown::Shutdown;

/// Spares.
#[derive(Debug, Args)]
pub(super) struct WarmArgs {
    /// Start N spare `dlv dap` ahead, with their rules and connection, so that a client does not
    /// wait for dlv; at most 8
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=i64::from(MAX_SPARES)), env = "DLVGATE_WARM")]
    warm: u16,
    /// End the spares after this many seconds without a session; the next client starts them again
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..), env = "DLVGATE_WARM_IDLE")]
    warm_idle: u32,
}

impl WarmArgs {
    /// The spares of a server with at most so many sessions; `None` if it has none.
    pub(super) fn spares(
        &self,
        launcher: &Launcher,
        firewall: &Firewall,
        max_sessions: usize,
        once: bool,
        stop: &Shutdown,
    ) -> Option<Arc<Spares>> {
        // No session could have more of them.
        let size = usize::from(self.warm).min(max_sessions);
        if size == 0 || launcher.argv.serves() != Some(Serves::Dap) {
            return None;
        }
        let idle = Duration::from_secs(self.warm_idle.into());
        Some(Spares::new(launcher.clone(), firewall.clone(), size, idle, once, stop.clone()))
    }
}

/// Looks for flags with which `--warm` means nothing. A variable or a file that says it is about
/// other times.
pub(super) fn contradiction(serve: &ArgMatches) -> Option<String> {
    let is_given = |id: &str| serve.value_source(id) == Some(ValueSource::CommandLine);
    let warm = *serve.get_one::<u16>("warm")?;
    if !is_given("warm") || warm == 0 {
        return None;
    }
    let words: Vec<OsString> = serve.get_many("dlv_words").into_iter().flatten().cloned().collect();
    let is_headless = check(&words).is_ok_and(|argv| argv.serves() == Some(Serves::Both));
    if is_given("upstream") {
        Some("--warm cannot be used with --upstream, whose dlv runs already: leave --warm out".to_owned())
    } else if is_given("stdio") {
        Some(
            "--warm cannot be used with --stdio: its one client is there when dlvgate starts, and nothing can be started \
             ahead of it. Leave --warm out, or let a server run: --listen ADDR instead of --stdio"
                .to_owned(),
        )
    } else if is_headless {
        Some(
            "--warm starts `dlv dap` ahead, and the command after `--` makes dlv headless: leave --warm out. With dlv's \
             --accept-multiclient one dlv serves all clients, and stays when they leave"
                .to_owned(),
        )
    } else if is_given("once") && warm > 1 {
        Some("--once serves one session: --warm 1 is all that it can use".to_owned())
    } else {
        None
    }
}
