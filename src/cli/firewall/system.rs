//! What `install`, `uninstall`, `snapshot` and `rollback` share: where, with which tools, and
//! showing or doing it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::escape::Printable;
use crate::firewall::persist::plan::Plan;
use crate::firewall::persist::{Layout, PersistError, Platform, Tools};
use crate::stdio;

/// Where it is done.
#[derive(Debug, Args)]
pub(super) struct SystemArgs {
    /// Try it in this folder, as if it were `/`; needs no root, and nothing of the system is
    /// touched
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Whose places and formats, for a trial
    #[arg(long, value_enum, value_name = "PLATFORM", default_value_t = Platform::NATIVE, hide = true, requires = "root")]
    layout: Platform,
    /// The pfctl to run, for tests
    #[arg(long, value_name = "PATH", hide = true)]
    pfctl: Option<PathBuf>,
}

impl SystemArgs {
    /// Where, and with which programs; who only looks needs not be root.
    ///
    /// # Errors
    /// If the system itself is to be changed, and this user may not.
    pub(super) fn begin(&self, only_looks: bool) -> Result<(Layout, Tools), PersistError> {
        if !only_looks && self.root.is_none() && !nix::unistd::geteuid().is_root() {
            return Err(PersistError::NotRoot);
        }
        let layout = Layout::new(self.root.clone(), self.layout);
        let tools = Tools::new(&layout, self.pfctl.clone());
        Ok((layout, tools))
    }
}

/// Shows the plan as a diff, or carries it out and says so.
pub(super) fn show_or_do(
    plan: &Plan,
    layout: &Layout,
    dry_run: bool,
    done: &str,
) -> anyhow::Result<ExitCode> {
    let mut stdout = Printable(stdio::stdout());
    if plan.is_empty() {
        writeln!(stdout, "nothing to do: everything is so already")?;
    } else if dry_run {
        stdout.write_all(plan.diff(layout)?.as_bytes())?;
    } else {
        plan.apply(layout)?;
        writeln!(stdout, "{done}")?;
    }
    for remark in plan.remarks() {
        writeln!(stdout, "{remark}")?;
    }
    Ok(ExitCode::SUCCESS)
}
