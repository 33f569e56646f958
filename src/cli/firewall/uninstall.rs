//! `dlvgate firewall uninstall`: everything that `install` wrote goes.

use std::process::ExitCode;

use clap::Args;

use super::system::{SystemArgs, show_or_do};
use crate::firewall::persist::uninstall::plan;

/// Remove everything that `install` wrote, and nothing else (as root)
///
/// Works from the record that `install` wrote. A file that has changed since is named and
/// refused; --force removes it, and of pf.conf the marked lines only, whatever else was changed in
/// it. Gates that are open stay with their guards; `dlvgate firewall status` lists them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo dlvgate firewall uninstall --dry-run
  sudo dlvgate firewall uninstall")]
pub(super) struct UninstallArgs {
    /// Remove what was changed since, too
    #[arg(long)]
    force: bool,
    /// Print every change as a diff, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    system: SystemArgs,
}

pub(super) fn run(args: &UninstallArgs) -> anyhow::Result<ExitCode> {
    let (layout, tools) = args.system.begin(args.dry_run)?;
    let plan = plan(&layout, &tools, args.force)?;
    show_or_do(&plan, &layout, args.dry_run, "uninstalled: nothing of dlvgate is left")
}
