//! `dlvgate firewall install`: the helper, and who may start it.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::system::{SystemArgs, show_or_do};
use crate::cli::exit::usage;
use crate::firewall::Peer;
use crate::firewall::guard::policy::{Allowance, PortRange};
use crate::firewall::persist::PersistError;
use crate::firewall::persist::install::{Wanted, plan};

/// Install the guard's helper, so that gates need no password (as root)
///
/// Puts a copy of this program where only root can change it, and lets one user start exactly its
/// guard, by sudo and without a password: a process that opens and closes gates for that user's
/// debugging, and takes nothing else. The sudoers entry is checked by visudo before it is in place.
/// A step that fails undoes the ones before it.
///
/// A user's guard opens ports that the user's own processes listen on, from 1024 up, for private
/// networks and for public ones of a site's size. --ports and --peers hold the user to less, or let
/// in more: a file of root's that the guard reads when it starts, and that `status` shows. A second
/// `install` changes what it names and leaves the rest.
///
/// With --open, a port is open for its peers after each boot, until `uninstall`. With --pf-conf, a
/// pf.conf that has lost `anchor "com.apple/*"` or `scrub-anchor "com.apple/*"`, macOS's own lines,
/// gets them back, between marks: a copy is checked by pfctl, the file is backed up, replaced,
/// loaded, and what pf then holds is verified; else it is put back. Nothing else edits pf.conf.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo dlvgate firewall install
  sudo dlvgate firewall install --dry-run
  sudo dlvgate firewall install --user alice --ports 30000-30099 --peers 192.0.2.0/24
  sudo dlvgate firewall install --open 2345 --from 192.0.2.5
  dlvgate firewall install --root /tmp/trial --user alice")]
pub(super) struct InstallArgs {
    /// The user who may start the guard [default: who called sudo]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The ports that the user's guard may open: A-B, or one; may be repeated [default: 1024-65535]
    #[arg(long, value_name = "A-B")]
    ports: Vec<PortRange>,
    /// The networks for which it may open them; may be repeated, and loopback is always one
    /// [default: private networks, and public ones up to /16, or /48 of IPv6]
    #[arg(long, value_name = "CIDR")]
    peers: Vec<Peer>,
    /// A port that is to be open after each boot
    #[arg(long, value_name = "PORT", requires = "from", value_parser = clap::value_parser!(u16).range(1024..))]
    open: Option<u16>,
    /// For whom it is open
    #[arg(long, value_name = "ADDR", requires = "open")]
    from: Vec<Peer>,
    /// Give pf.conf the line that gates need, where it has lost it (macOS)
    #[arg(long)]
    pf_conf: bool,
    /// Overwrite files that dlvgate did not write
    #[arg(long)]
    force: bool,
    /// Print every change as a diff, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    system: SystemArgs,
}

pub(super) fn run(args: &InstallArgs) -> anyhow::Result<ExitCode> {
    let (layout, tools) = args.system.begin(args.dry_run)?;
    let user = match args.user.clone().or_else(caller) {
        Some(user) => user,
        None => return Err(PersistError::NoUser.into()),
    };
    if layout.is_system() && !matches!(nix::unistd::User::from_name(&user), Ok(Some(_))) {
        return Err(usage(format_args!("--user {user}: there is no such user")));
    }
    let own = std::env::current_exe().context("this program's own file cannot be found")?;
    let program = std::fs::read(&own).with_context(|| format!("cannot read {}", own.display()))?;
    let wanted = Wanted {
        user: Some(user.clone()),
        allowance: Allowance { ports: said(&args.ports), peers: said(&args.peers) },
        openings: args.open.map(|port| (port, args.from.clone())).into_iter().collect(),
        pf_conf: args.pf_conf,
        force: args.force,
    };
    let plan = plan(&layout, &tools, &wanted, program)?;
    let done = format!("installed: {user} may start the guard without a password");
    show_or_do(&plan, &layout, args.dry_run, &done)
}

fn said<T: Clone>(values: &[T]) -> Option<Vec<T>> {
    (!values.is_empty()).then(|| values.to_vec())
}

fn caller() -> Option<String> {
    std::env::var("SUDO_USER").ok().filter(|user| user != "root")
}
