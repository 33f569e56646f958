//! `dlvgate trust`: the user's consent to what a project's file asks for.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::{Args, Command};

use super::config_defaults::{self, ConsentQuestion};
use super::exit::{FAILURE, usage};
use crate::config::{Config, ConfigFile, Consent, Consents, NAME, project_file, settled};
use crate::escape::{on_one_line, printable, printable_json};
use crate::privilege::Caller;
use crate::stdio::{self, ask, say};

/// Agree to what a project's dlvgate.toml asks for
///
/// A project's own file comes with the project. Lines in it that let others in, choose a program,
/// take a gate away or have values written down are refused until you agree. Shows each such line
/// and what it does, asks, and remembers the file's path and the SHA-256 of its content: a changed
/// file needs your consent again. A program that the file names may change without that.
///
/// Consents are yours alone, in $XDG_STATE_HOME/dlvgate/trusted or ~/.local/state/dlvgate/trusted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate trust
  dlvgate trust ~/src/shop/dlvgate.toml --yes
  dlvgate trust --list
  dlvgate trust --revoke")]
pub(super) struct TrustArgs {
    /// The project's file, or its folder [default: the dlvgate.toml of this folder or one above]
    file: Option<PathBuf>,
    /// Do not ask
    #[arg(long, conflicts_with_all = ["list", "revoke"])]
    yes: bool,
    /// Print what was agreed to: when, the hash, the file
    #[arg(long, conflicts_with_all = ["file", "revoke"])]
    list: bool,
    /// Agree no more
    #[arg(long)]
    revoke: bool,
}

/// `serve` is the command whose settings a file has.
pub(super) fn run(args: &TrustArgs, serve: &Command) -> anyhow::Result<ExitCode> {
    if let Some(caller) = Caller::of_sudo() {
        return Err(usage(format_args!("consent is {caller}'s to give: run it without sudo")));
    }
    let home = config_defaults::home();
    let consents = Consents::of(home.as_deref()).context("neither HOME nor XDG_STATE_HOME names a folder")?;
    if args.list {
        return list(&consents);
    }
    let path = path(args.file.as_deref())?;
    if args.revoke {
        return revoke(&consents, &path);
    }
    let file = ConfigFile::of_project(&path, Some(&consents))?;
    let config = Config { files: vec![file], ..Config::default() };
    let asked = config_defaults::asked(&config, serve)?;
    let [file] = &config.files[..] else { bail!("there is no file") };
    let shown = on_one_line(&path.display().to_string()).into_owned();
    if asked.is_empty() {
        say!("{shown} asks for nothing that needs your consent");
        return Ok(ExitCode::SUCCESS);
    }
    ask!("{}", page(&shown, file, &asked));
    if file.consent == Consent::Given {
        say!("You have agreed to it already; `dlvgate trust --revoke` takes that back.");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !is_agreed()? {
        say!("not agreed");
        return Ok(ExitCode::from(FAILURE));
    }
    consents
        .give(&settled(&path), &file.sha256)
        .with_context(|| format!("the consent to {} cannot be remembered", path.display()))?;
    say!("agreed, as long as it does not change");
    Ok(ExitCode::SUCCESS)
}

/// The file that is meant.
fn path(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match named {
        Some(folder) if folder.is_dir() => folder.join(NAME),
        Some(file) => file.to_owned(),
        None => {
            let folder = std::env::current_dir().context("this folder is not there any more")?;
            let mut passed_over = Vec::new();
            let found = project_file(&folder, &mut passed_over);
            config_defaults::tell_passed_over(&passed_over);
            found.ok_or_else(|| usage(format_args!("there is no {NAME} in this folder, nor in one above")))?
        }
    };
    if path.file_name().is_none_or(|name| name != NAME) {
        return Err(usage(format_args!(
            "{}: a project's file is called {NAME}; one that is named with --config is yours and needs no consent",
            path.display()
        )));
    }
    Ok(std::path::absolute(&path)?)
}

fn page(shown: &str, file: &ConfigFile, asked: &[ConsentQuestion<'_>]) -> String {
    let mut page = format!("{shown} asks for:\n");
    for ConsentQuestion { entry, does, split } in asked {
        let value = serde_json::to_string(&entry.value).unwrap_or_default();
        let value = printable_json(&value);
        let _ = writeln!(page, "  line {}: {} = {value}", entry.line, on_one_line(&entry.key));
        for value in split.iter().flatten() {
            let _ = writeln!(page, "    is taken as: {}", on_one_line(value));
        }
        let _ = writeln!(page, "    {}", printable(does));
    }
    let changed =
        if file.consent == Consent::Outdated { "It has changed since you agreed to it. " } else { "" };
    let _ = writeln!(page, "{changed}Its SHA-256 is {}.", file.sha256);
    page
}

fn is_agreed() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(usage("there is no terminal to ask on; use --yes to agree"));
    }
    ask!("Agree to this? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn list(consents: &Consents) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    for given in consents.all()? {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(given.at)).unwrap_or(UNIX_EPOCH);
        let at = humantime::format_rfc3339_seconds(at);
        let _ = writeln!(text, "{at}  {}  {}", on_one_line(&given.sha256), on_one_line(&given.path));
    }
    stdio::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn revoke(consents: &Consents, path: &Path) -> anyhow::Result<ExitCode> {
    let shown = on_one_line(&path.display().to_string()).into_owned();
    if consents.revoke(&settled(path))? {
        say!("{shown}: your consent is revoked");
        return Ok(ExitCode::SUCCESS);
    }
    say!("{shown}: you have not agreed to it; `dlvgate trust --list` shows what you have");
    Ok(ExitCode::from(FAILURE))
}
