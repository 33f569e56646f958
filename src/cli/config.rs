//! `dlvgate config`: the settings in force, and where each value comes from.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, Args, Command};
use serde_json::json;

use super::config_defaults::{self, key};
use super::exit::usage;
use crate::config::{Config, Consent};
use crate::escape::{on_one_line, printable_json};
use crate::stdio;

/// Print the settings that are in force, and where each comes from
///
/// A flag wins over a variable, a variable over the project's dlvgate.toml (found from this folder
/// upwards), that over yours (~/.config/dlvgate/dlvgate.toml), and that over the default.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// As JSON, for programs
    #[arg(long, conflicts_with = "example")]
    json: bool,
    /// Print a dlvgate.toml with every setting and its default instead
    #[arg(long)]
    example: bool,
}

/// A setting as it is in force.
struct Setting {
    key: String,
    values: Vec<String>,
    source: String,
}

/// `serve` is the command with the files' values as its defaults.
pub(super) fn run(args: &ConfigArgs, serve: Command, config: &Config) -> anyhow::Result<ExitCode> {
    if args.example {
        stdio::print(&example(&serve))?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = in_force(serve, config).map_err(usage)?;
    let text = if args.json { json(&settings, config)? } else { page(&settings, config) };
    stdio::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn json(settings: &[Setting], config: &Config) -> anyhow::Result<String> {
    let all: serde_json::Map<String, serde_json::Value> = settings
        .iter()
        .map(|one| (one.key.clone(), json!({"values": one.values, "source": one.source})))
        .collect();
    let files: Vec<&PathBuf> = config.files.iter().map(|file| &file.path).collect();
    let all = json!({"settings": all, "files": files, "missing": config.missing});
    Ok(format!("{}\n", printable_json(&serde_json::to_string_pretty(&all)?)))
}

fn page(settings: &[Setting], config: &Config) -> String {
    let mut page = String::new();
    for file in &config.files {
        let agreed = if file.consent == Consent::Given { ", and agreed to (`dlvgate trust`)" } else { "" };
        let _ = writeln!(page, "# read: {}{agreed}", on_one_line(&file.path.display().to_string()));
    }
    for path in &config.missing {
        let _ = writeln!(page, "# not there: {}", on_one_line(&path.display().to_string()));
    }
    let width = settings.iter().map(|one| one.key.len()).max().unwrap_or_default();
    let wide = settings.iter().map(|one| shown(one).chars().count()).max().unwrap_or_default();
    for one in settings {
        let _ = writeln!(page, "{:width$}  {:wide$}  {}", one.key, shown(one), on_one_line(&one.source));
    }
    page += "# to change one: --KEY VALUE, DLVGATE_KEY=VALUE, or `KEY = VALUE` in a file\n";
    page
}

fn shown(setting: &Setting) -> String {
    if setting.values.is_empty() {
        return "-".to_owned();
    }
    on_one_line(&setting.values.join(", ")).into_owned()
}

fn in_force(serve: Command, config: &Config) -> Result<Vec<Setting>, clap::Error> {
    let mut all: Vec<Arg> = config_defaults::settings(&serve).cloned().collect();
    all.sort_by(|one, other| key(one).cmp(key(other)));
    let matches = serve.no_binary_name(true).try_get_matches_from(Vec::<OsString>::new())?;
    let setting = |arg: &Arg| {
        let id = arg.get_id().as_str();
        let values = matches.get_raw(id).into_iter().flatten();
        let values = values.map(|value| value.to_string_lossy().into_owned()).collect();
        let source = match (matches.value_source(id), config.get(key(arg))) {
            (Some(ValueSource::EnvVariable), _) => {
                arg.get_env().unwrap_or_default().to_string_lossy().into_owned()
            }
            (Some(_), Some((file, entry))) => file.place(entry),
            _ => "default".to_owned(),
        };
        Setting { key: key(arg).to_owned(), values, source }
    };
    Ok(all.iter().map(setting).collect())
}

/// A file in which everything is said, and nothing set.
fn example(serve: &Command) -> String {
    let mut text = String::from(
        "# dlvgate.toml, in a project's folder or as ~/.config/dlvgate/dlvgate.toml.\n\
         # Flags and DLVGATE_* variables win over it. `dlvgate config` shows what is in force.\n",
    );
    for arg in config_defaults::settings(serve) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let value = match key(arg) {
            "allow" => r#"["192.0.2.5", "198.51.100.0/24"]"#.to_owned(),
            "dlv" => r#""/usr/local/bin/dlv""#.to_owned(),
            "dlv-cwd" => r#"".""#.to_owned(),
            "only-same-user" => "true".to_owned(),
            "start-timeout" => "30".to_owned(),
            "max-sessions-per-address" => "4".to_owned(),
            "log" => r#""info""#.to_owned(),
            "substitute-path" => r#"["/home/me/shop=/go/src/shop"]"#.to_owned(),
            "launch-default" | "launch-override" => "{ stopOnEntry = true }".to_owned(),
            _ => {
                let default = arg.get_default_values().first().map(|value| value.to_string_lossy());
                let default = default.unwrap_or_default();
                let is_bare = default.parse::<i64>().is_ok() || default == "true" || default == "false";
                if is_bare && key(arg) != "dlv-port" {
                    default.into_owned()
                } else {
                    format!("\"{default}\"")
                }
            }
        };
        text += &format!("\n# {}\n# {} = {value}\n", help.replace('\n', "\n# "), key(arg));
    }
    text
}
