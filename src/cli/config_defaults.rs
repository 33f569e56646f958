//! Settings from configuration files: they become the defaults of flags, so that a flag wins over a
//! variable, a variable over the project's file, that over the user's, and that over dlvgate's own
//! default; and one parser reads them all.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::ArgAction;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use toml::Value;

use super::consent;
use crate::config::{
    Config, ConfigEntry, ConfigError, ConfigFile, ConfigProblem, Consent, FileOwner, PassedOver,
};
use crate::escape::printable;
use crate::privilege::Caller;
use crate::stdio::post;
use crate::variables;

/// Flags of `serve` that are for one run, and not for a configuration file.
const NO_SETTINGS: [&str; 8] =
    ["once", "stdio", "upstream", "headless", "as_root", "config", "verbose", "quiet"];

/// Reads the files that are in force.
///
/// # Errors
/// See [`Config::load`].
pub(super) fn load(named: Option<&Path>) -> Result<Config, ConfigError> {
    let folder = std::env::current_dir().unwrap_or_default();
    let named = match named {
        Some(named) => Some(named.to_owned()),
        None => variables::file("DLVGATE_CONFIG").map_err(|error| ConfigError {
            path: error.path.clone(),
            line: None,
            what: ConfigProblem::Unreadable(io::Error::other(error)),
        })?,
    };
    Config::load(named.as_deref(), &folder, home().as_deref())
}

/// Says which files are not looked at.
pub(super) fn tell_passed_over(files: &[PassedOver]) {
    for file in files {
        post!("dlvgate: {}", printable(&file.to_string()));
    }
}

/// The home folder of who runs this: under sudo, of who called it.
pub(super) fn home() -> Option<PathBuf> {
    match Caller::of_sudo() {
        Some(caller) => Some(caller.home().to_owned()),
        None => variables::folder("HOME"),
    }
}

/// The file that `--config` names: it has to be known before anything else is read.
pub(super) fn named(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--config" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(PathBuf::from(path));
        }
    }
    None
}

/// The flags of `command` that are settings.
pub(super) fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        let hidden = arg.is_hide_set() || NO_SETTINGS.contains(&arg.get_id().as_str());
        arg.get_long().is_some()
            && !hidden
            && !matches!(arg.get_action(), ArgAction::Help | ArgAction::Version)
    })
}

/// The key of a setting: its flag without dashes.
pub(super) fn key(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

/// Checks every entry of every file, against all settings of the `known` command.
///
/// # Errors
/// Names the first that is unknown, cannot be taken, or is not the project's to say without the
/// user's consent.
pub(super) fn check(config: &Config, known: &Command) -> Result<(), ConfigError> {
    visit(config, known, |file, asked| match file.consent {
        Consent::Given => Ok(()),
        other => Err(ConfigProblem::NoConsent {
            key: asked.entry.key.clone(),
            why: asked.does,
            outdated: other == Consent::Outdated,
        }),
    })
}

/// An entry that needs the user's consent, and what it does.
pub(super) struct ConsentQuestion<'a> {
    pub(super) entry: &'a ConfigEntry,
    pub(super) does: String,
    /// Its values in force, where these are others than the file's words.
    pub(super) split: Option<Vec<String>>,
}

/// The entries that need the user's consent, given or not.
///
/// # Errors
/// Names the first that is unknown or cannot be taken.
pub(super) fn asked<'a>(
    config: &'a Config,
    known: &Command,
) -> Result<Vec<ConsentQuestion<'a>>, ConfigError> {
    let mut all = Vec::new();
    visit(config, known, |_, asked| {
        all.push(asked);
        Ok(())
    })?;
    Ok(all)
}

/// Checks every entry, and says which need consent, and what they do.
fn visit<'a>(
    config: &'a Config,
    known: &Command,
    mut needs_consent: impl FnMut(&'a ConfigFile, ConsentQuestion<'a>) -> Result<(), ConfigProblem>,
) -> Result<(), ConfigError> {
    for file in &config.files {
        for entry in &file.entries {
            let failed = |what| ConfigError { path: file.path.clone(), line: Some(entry.line), what };
            let Some(arg) = settings(known).find(|arg| key(arg) == entry.key) else {
                return Err(failed(unknown(&entry.key, known)));
            };
            let bad = |why| failed(ConfigProblem::BadValue { key: entry.key.clone(), why });
            let words = words(arg, file, entry).map_err(bad)?;
            // One word can be several values: `launch-default`'s are separated by line ends.
            let values = in_force(arg, &words).map_err(bad)?;
            let is_users = |other: &ConfigFile| {
                other.owner == FileOwner::User && other.entries.iter().any(|one| one.key == entry.key)
            };
            let hides_users = config.files.iter().any(is_users);
            if let Some(does) = consent::needed(file, entry, &values, hides_users) {
                let split = (values != words).then_some(values);
                needs_consent(file, ConsentQuestion { entry, does, split }).map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn unknown(key: &str, known: &Command) -> ConfigProblem {
    let distance = |other: &str| strsim::damerau_levenshtein(&key.replace('_', "-"), other);
    let nearest = settings(known).map(self::key).min_by_key(|other| distance(other));
    let nearest = nearest.filter(|other| distance(other) <= other.len().div_ceil(2)).map(str::to_owned);
    ConfigProblem::UnknownKey { key: key.to_owned(), nearest }
}

/// The values that the flag's own parser makes of these words: split at its delimiter, each one
/// valid.
fn in_force(arg: &Arg, words: &[String]) -> Result<Vec<String>, String> {
    let alone = Command::new("dlvgate").no_binary_name(true).arg(
        arg.clone().required(false).global(false).default_values(Vec::<String>::new()).env(None::<&str>),
    );
    let given = words.iter().map(|word| format!("--{}={word}", key(arg)));
    match alone.try_get_matches_from(given) {
        Ok(matches) => {
            let values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
            Ok(values.map(|value| value.to_string_lossy().into_owned()).collect())
        }
        Err(error) => {
            let text = error.to_string();
            let said = text.lines().take_while(|line| !line.starts_with("For more information"));
            let said: Vec<&str> = said.map(str::trim).filter(|line| !line.is_empty()).collect();
            Err(said.join(" ").trim_start_matches("error: ").to_owned())
        }
    }
}

/// The values that an entry sets its flag to.
fn values(arg: &Arg, file: &ConfigFile, entry: &ConfigEntry) -> Result<Vec<String>, String> {
    in_force(arg, &words(arg, file, entry)?)
}

/// The words that say an entry on the command line.
fn words(arg: &Arg, file: &ConfigFile, entry: &ConfigEntry) -> Result<Vec<String>, String> {
    let is_list = matches!(arg.get_action(), ArgAction::Append);
    let folder = file.folder();
    let word = |value: &Value| match value {
        Value::String(text) => Ok(in_folder(&entry.key, text, folder)),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(on) => Ok(on.to_string()),
        Value::Table(rule) if entry.key == "substitute-path" => {
            let side = |name: &str| rule.get(name).and_then(Value::as_str);
            match (side("from"), side("to")) {
                (Some(from), Some(to)) => Ok(format!("{from}={to}")),
                _ => Err("a rule is \"CLIENT=SERVER\", or { from = \"CLIENT\", to = \"SERVER\" }".to_owned()),
            }
        }
        other => Err(format!("a {} is not a value for it", other.type_str())),
    };
    match &entry.value {
        Value::Array(values) if is_list => values.iter().map(word).collect(),
        Value::Array(_) => Err("it takes one value, not a list".to_owned()),
        Value::Table(members) if is_list && entry.key.starts_with("launch-") => {
            members.iter().map(|(name, value)| Ok(format!("{name}={}", json(value)?))).collect()
        }
        value => Ok(vec![word(value)?]),
    }
}

/// A path in a file starts from the file's folder.
fn in_folder(key: &str, text: &str, folder: &Path) -> String {
    let is_path = key == "dlv-cwd" || key == "record" || (key == "dlv" && text.contains('/'));
    if is_path { folder.join(text).display().to_string() } else { text.to_owned() }
}

fn json(value: &Value) -> Result<serde_json::Value, String> {
    if let Value::Datetime(_) = value {
        return Err("JSON has no dates; write it as a text".to_owned());
    }
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// The command with what the files set as the defaults of its flags, as far as it has them.
pub(super) fn with_defaults(mut command: Command, config: &Config) -> Command {
    let ids: Vec<(String, String)> =
        settings(&command).map(|arg| (arg.get_id().to_string(), key(arg).to_owned())).collect();
    for (id, key) in ids {
        let Some((file, entry)) = config.get(&key) else { continue };
        command = command.mut_arg(id, |arg| match values(&arg, file, entry) {
            Ok(values) => arg.default_values(values),
            Err(_) => arg, // `check` has said so
        });
    }
    command
}

/// Looks for a DLVGATE_DLV that is another program in each folder.
pub(super) fn relative_dlv(matches: &ArgMatches) -> Option<String> {
    let is_of_variable = matches.value_source("dlv") == Some(ValueSource::EnvVariable);
    let path = matches.get_one::<PathBuf>("dlv").filter(|_| is_of_variable)?;
    // A name alone is looked up in PATH.
    (path.is_relative() && path.components().count() > 1).then(|| {
        let path = path.display();
        format!(
            "DLVGATE_DLV={path}: write an absolute path; a relative one is another program in each folder"
        )
    })
}

/// Flags that say how a dlv is started, which one that listens already has no use for. Two flags
/// contradict each other; a variable or a file that says one of them is about the other times.
const STARTS_DLV: [&str; 4] = ["dlv", "dlv_cwd", "dlv_port", "start_timeout"];

/// Looks for flags that contradict `--upstream` or `--warm`, and a variable that cannot be meant.
pub(super) fn contradiction(serve: &ArgMatches) -> Option<String> {
    relative_dlv(serve).or_else(|| starts_dlv(serve)).or_else(|| super::warm::contradiction(serve))
}

fn starts_dlv(serve: &ArgMatches) -> Option<String> {
    let is_given = |id: &str| serve.value_source(id) == Some(ValueSource::CommandLine);
    let flag = STARTS_DLV.into_iter().find(|id| is_given(id)).filter(|_| is_given("upstream"))?;
    let flag = flag.replace('_', "-");
    Some(format!("--{flag} cannot be used with --upstream, whose dlv runs already"))
}

#[cfg(test)]
mod tests;
