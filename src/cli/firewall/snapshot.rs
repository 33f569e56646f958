//! `dlvgate firewall snapshot` and `rollback`: the system's files and rules as they are, and as
//! they were.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::system::{SystemArgs, show_or_do};
use crate::escape::printable;
use crate::firewall::persist::rollback::{self, ForeignChanges};
use crate::firewall::persist::snapshot;
use crate::stdio;

/// Save the files and rulesets that matter to a gate, with their hashes (as root)
///
/// Into a new folder: pf.conf and its anchors (on Linux /etc/nftables.conf), what dlvgate has
/// installed, and the rules as they are loaded. `rollback` brings it back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo dlvgate firewall snapshot /var/before-the-recipe
  sudo dlvgate firewall rollback /var/before-the-recipe --dry-run")]
pub(super) struct SnapshotArgs {
    /// The folder to make
    folder: PathBuf,
    #[command(flatten)]
    system: SystemArgs,
}

/// Bring back the files and rules of a snapshot (as root)
///
/// Restores every file, or none. Files that another program than dlvgate has changed since are
/// named and refused, and so are loaded rules that have changed; --force restores the snapshot's
/// all the same. A snapshot whose own hashes are wrong is always refused.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The snapshot's folder
    folder: PathBuf,
    /// Bring back what was changed since, too
    #[arg(long)]
    force: bool,
    /// Print every change as a diff, of files and of loaded rules, say which takes --force, and
    /// change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    system: SystemArgs,
}

pub(super) fn take(args: &SnapshotArgs) -> anyhow::Result<ExitCode> {
    let (layout, tools) = args.system.begin(false)?;
    for line in snapshot::take(&layout, &tools, &args.folder)? {
        stdio::print(&format!("{}\n", printable(&line)))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn roll_back(args: &RollbackArgs) -> anyhow::Result<ExitCode> {
    let (layout, tools) = args.system.begin(false)?;
    let foreign = match (args.force, args.dry_run) {
        (true, _) => ForeignChanges::Overwrite,
        (false, true) => ForeignChanges::Tell,
        (false, false) => ForeignChanges::Refuse,
    };
    let plan = rollback::plan(&layout, &tools, &args.folder, foreign)?;
    show_or_do(&plan, &layout, args.dry_run, "rolled back: everything is as it was in the snapshot")
}
