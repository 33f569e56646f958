//! Errors in configuration files, with their places.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::others::Others;
use crate::shell::quoted_path;

/// An error in a file.
#[derive(Debug)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The problem.
    pub what: ConfigProblem,
}

/// A problem of a configuration file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It, or its folder, belongs to another user.
    Foreign {
        /// What does.
        path: PathBuf,
        /// The user.
        uid: u32,
    },
    /// Others can write it, or its folder.
    Writable {
        /// What can be written.
        path: PathBuf,
        /// By whom.
        by: Others,
    },
    /// It is not TOML.
    NoToml {
        /// What the parser says.
        said: String,
    },
    /// A key that nothing is set by.
    UnknownKey {
        /// The key.
        key: String,
        /// The one that it is nearest to.
        nearest: Option<String>,
    },
    /// A value that cannot be taken.
    BadValue {
        /// The key.
        key: String,
        /// Why not.
        why: String,
    },
    /// A key of a project's file that needs the user's consent.
    NoConsent {
        /// The key.
        key: String,
        /// What it does.
        why: String,
        /// The user has agreed to the file as it was before.
        outdated: bool,
    },
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// The file, or the folder that it lies in.
    fn subject(&self, path: &Path) -> String {
        if path == self.path { "it".to_owned() } else { format!("its folder {}", path.display()) }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        match &self.what {
            ConfigProblem::Unreadable(error) => error.fmt(f),
            ConfigProblem::Foreign { path, uid } => write!(
                f,
                "{} belongs to user {uid}, who could set what you run; if you trust that user, name the file: --config FILE",
                self.subject(path)
            ),
            ConfigProblem::Writable { path, by } if *path == self.path => write!(
                f,
                "{by} can write it, and could set what you run; `{} {}`, or name the file: --config FILE",
                by.remedy(),
                quoted_path(path)
            ),
            // A folder of several people's is theirs too: no command here takes it from them.
            ConfigProblem::Writable { path, by } => write!(
                f,
                "{by} can write {}, and could set what you run; keep the file in a folder that only you can write, or name \
                 it: --config FILE",
                self.subject(path)
            ),
            ConfigProblem::NoToml { said } => f.write_str(said.trim()),
            ConfigProblem::UnknownKey { key, nearest: Some(nearest) } => {
                write!(f, "there is no setting `{key}`; did you mean `{nearest}`?")
            }
            ConfigProblem::UnknownKey { key, nearest: None } => {
                write!(f, "there is no setting `{key}`; `dlvgate config` lists them all")
            }
            ConfigProblem::BadValue { key, why } => write!(f, "{key}: {why}"),
            ConfigProblem::NoConsent { key, why, outdated } => {
                let since = if *outdated { ", and the file has changed since you gave it" } else { "" };
                let path = quoted_path(&self.path);
                write!(
                    f,
                    "{key}: this needs your consent{since}: {why}. `dlvgate trust {path}` shows what the file asks for, and \
                     asks you. Or say it in your own file (~/.config/dlvgate/dlvgate.toml), with a flag, or in a variable"
                )
            }
        }
    }
}
