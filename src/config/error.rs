//! What is wrong with a configuration file, with its place.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// An error in a file.
#[derive(Debug)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum What {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It belongs to somebody else.
    Foreign {
        /// To this user.
        uid: u32,
    },
    /// Everybody can write it.
    Writable,
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
    /// A key that only the user may set.
    NotTheProjects {
        /// The key.
        key: String,
        /// Why.
        why: &'static str,
    },
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        match &self.what {
            What::Unreadable(error) => error.fmt(f),
            What::Foreign { uid } => write!(
                f,
                "it belongs to user {uid}, who could set what you run; take it over (chown), or name it: --config FILE"
            ),
            What::Writable => {
                f.write_str("everybody can write it; `chmod o-w` it, or name it: --config FILE")
            }
            What::NoToml { said } => f.write_str(said.trim()),
            What::UnknownKey { key, nearest: Some(nearest) } => {
                write!(f, "there is no setting `{key}`; did you mean `{nearest}`?")
            }
            What::UnknownKey { key, nearest: None } => {
                write!(f, "there is no setting `{key}`; `dlvgate config` lists them all")
            }
            What::BadValue { key, why } => write!(f, "{key}: {why}"),
            What::NotTheProjects { key, why } => write!(
                f,
                "{key}: a project's file may not say this: {why}. Say it in your own file \
                 (~/.config/dlvgate/dlvgate.toml), with a flag, or in a variable"
            ),
        }
    }
}
