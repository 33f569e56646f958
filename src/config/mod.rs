//! Configuration files: where they are, who may have written them, and what each line sets. What the settings are and mean
//! is the command line's affair.

mod error;
mod file;
#[cfg(fuzzing)]
pub mod fuzzing;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use error::{ConfigError, What};
pub use file::Entry;

/// A configuration file's name.
pub const NAME: &str = "dlvgate.toml";

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The project's: whoever clones it has it, so it may not open anything to others or choose a program.
    Project,
    /// The user's own.
    User,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is.
    pub owner: Owner,
    /// What it sets, in the order of its keys.
    pub entries: Vec<Entry>,
}

impl File {
    /// The folder that relative paths in it start from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The place of an entry, as people and editors write it.
    pub fn place(&self, entry: &Entry) -> String {
        format!("{}:{}", self.path.display(), entry.line)
    }
}

/// All files that are in force, the strongest first.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Those that are there.
    pub files: Vec<File>,
    /// Where one was looked for and is not.
    pub missing: Vec<PathBuf>,
}

impl Config {
    /// Reads `named` instead of the project's file where it is given, else the first `dlvgate.toml` from `folder` upwards;
    /// and the user's, in `home`'s configuration folder.
    ///
    /// # Errors
    /// Where a file cannot be read, is no TOML, or may have been written by somebody else.
    pub fn load(named: Option<&Path>, folder: &Path, home: Option<&Path>) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        match named {
            // Named on purpose, it is the user's.
            Some(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                config.files.push(read(&path, Owner::User)?);
            }
            None => {
                let found = folder.ancestors().map(|folder| folder.join(NAME)).find(|path| path.is_file());
                match found {
                    Some(path) => config.files.push(read(&path, Owner::Project)?),
                    None => config.missing.push(folder.join(NAME)),
                }
            }
        }
        if let Some(path) = user_file(home) {
            let is_known = config.files.iter().any(|file| file.path == path);
            if path.is_file() && !is_known {
                config.files.push(read(&path, Owner::User)?);
            } else if !is_known {
                config.missing.push(path);
            }
        }
        Ok(config)
    }

    /// What sets `key`, in the strongest file that does.
    pub fn get(&self, key: &str) -> Option<(&File, &Entry)> {
        self.files.iter().find_map(|file| {
            let entry = file.entries.iter().find(|entry| entry.key == key)?;
            Some((file, entry))
        })
    }
}

fn user_file(home: Option<&Path>) -> Option<PathBuf> {
    let folder = match std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => home?.join(".config"),
    };
    Some(folder.join("dlvgate").join(NAME))
}

fn read(path: &Path, owner: Owner) -> Result<File, ConfigError> {
    let failed = |what| ConfigError { path: path.to_owned(), line: None, what };
    let meta = path.metadata().map_err(|error| failed(What::Unreadable(error)))?;
    if owner == Owner::Project {
        let us = nix::unistd::geteuid().as_raw();
        let caller = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
        if ![Some(0), Some(us), caller].contains(&Some(meta.uid())) {
            return Err(failed(What::Foreign { uid: meta.uid() }));
        }
        if meta.mode() & 0o002 != 0 {
            return Err(failed(What::Writable));
        }
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(What::Unreadable(error)))?;
    let entries = file::parse(&text).map_err(|(line, said)| ConfigError {
        path: path.to_owned(),
        line,
        what: What::NoToml { said },
    })?;
    Ok(File { path: path.to_owned(), owner, entries })
}
