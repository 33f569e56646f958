//! Configuration files: where they are, who may have written them, and what each line sets. What
//! the settings are and mean is the command line's affair.

mod consent;
mod error;
mod file;
#[cfg(fuzzing)]
pub mod fuzzing;
mod others;
mod search;

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use consent::{Consent, ConsentRecord, Consents};
pub use error::{ConfigError, ConfigProblem};
pub use file::ConfigEntry;
pub use others::Others;
pub use search::{NAME, PassedOver, project_file};

use crate::sha256::sha256;
use crate::variables;
use others::{owners, who_can_write};

/// The largest file that is read: one with every key has some kilobytes.
const LIMIT: u64 = 1024 * 1024;

/// The owner of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOwner {
    /// The project's. It comes with every clone, so it needs the user's consent to open anything to
    /// others or to choose a program.
    Project,
    /// The user's own.
    User,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// The path.
    pub path: PathBuf,
    /// The file's owner.
    pub owner: FileOwner,
    /// What it sets, in the order of its keys.
    pub entries: Vec<ConfigEntry>,
    /// The hash of what was read.
    pub sha256: String,
    /// Whether the user agrees to a project's file as it was read.
    pub consent: Consent,
}

impl ConfigFile {
    /// Reads a project's file, and looks up whether the user agrees to it.
    ///
    /// # Errors
    /// If it cannot be read, is not TOML, or may have been written by another user.
    pub fn of_project(path: &Path, consents: Option<&Consents>) -> Result<ConfigFile, ConfigError> {
        let mut file = read(path, FileOwner::Project)?;
        file.consent = consents.map(|all| all.to(&settled(path), &file.sha256)).unwrap_or_default();
        Ok(file)
    }

    /// The folder that relative paths in it start from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The place of an entry, as people and editors write it.
    pub fn place(&self, entry: &ConfigEntry) -> String {
        format!("{}:{}", self.path.display(), entry.line)
    }
}

/// All files that are in force, the strongest first.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Those that are there.
    pub files: Vec<ConfigFile>,
    /// Where one was looked for and is not.
    pub missing: Vec<PathBuf>,
    /// Those that another user could put in the user's way, and that are not looked at.
    pub passed_over: Vec<PassedOver>,
}

impl Config {
    /// Reads `named` instead of the project's file where it is given, else the first `dlvgate.toml`
    /// from `folder` upwards; and the user's, in `home`'s configuration folder.
    ///
    /// # Errors
    /// If a file cannot be read, is not TOML, or may have been written by another user.
    pub fn load(named: Option<&Path>, folder: &Path, home: Option<&Path>) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        match named {
            // Named on purpose, it is the user's.
            Some(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                config.files.push(read(&path, FileOwner::User)?);
            }
            None => match project_file(folder, &mut config.passed_over) {
                // In the folder of the user's own configuration, the file is the user's, not a
                // clone's.
                Some(path) if user_file(home).as_ref() == Some(&path) => {}
                Some(path) => config.files.push(ConfigFile::of_project(&path, Consents::of(home).as_ref())?),
                None => config.missing.push(folder.join(NAME)),
            },
        }
        if let Some(path) = user_file(home) {
            let is_known = config.files.iter().any(|file| file.path == path);
            if path.is_file() && !is_known {
                config.files.push(read(&path, FileOwner::User)?);
            } else if !is_known {
                config.missing.push(path);
            }
        }
        Ok(config)
    }

    /// What sets `key`, in the strongest file that does.
    pub fn get(&self, key: &str) -> Option<(&ConfigFile, &ConfigEntry)> {
        self.files.iter().find_map(|file| {
            let entry = file.entries.iter().find(|entry| entry.key == key)?;
            Some((file, entry))
        })
    }
}

fn user_file(home: Option<&Path>) -> Option<PathBuf> {
    let folder = match variables::folder("XDG_CONFIG_HOME") {
        Some(folder) => folder,
        None => home.filter(|home| home.is_absolute())?.join(".config"),
    };
    Some(folder.join("dlvgate").join(NAME))
}

/// The path by which a consent is remembered: the folder as it is, since relative paths in the file
/// start there.
pub fn settled(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

fn read(path: &Path, owner: FileOwner) -> Result<ConfigFile, ConfigError> {
    let failed = |what| ConfigError { path: path.to_owned(), line: None, what };
    // The text is read once, so that the same bytes are judged, hashed and parsed.
    let text = text(path, owner).map_err(failed)?;
    let entries = file::parse(&text).map_err(|(line, said)| ConfigError {
        path: path.to_owned(),
        line,
        what: ConfigProblem::NoToml { said },
    })?;
    let sha256 = sha256(text.as_bytes());
    Ok(ConfigFile { path: path.to_owned(), owner, entries, sha256, consent: Consent::None })
}

/// Refuses what others can write.
fn judge(path: &Path, meta: &Metadata) -> Result<(), ConfigProblem> {
    if !owners().contains(&meta.uid()) {
        return Err(ConfigProblem::Foreign { path: path.to_owned(), uid: meta.uid() });
    }
    match who_can_write(path, meta) {
        Some(by) => Err(ConfigProblem::Writable { path: path.to_owned(), by }),
        None => Ok(()),
    }
}

fn text(path: &Path, owner: FileOwner) -> Result<String, ConfigProblem> {
    let file = std::fs::File::open(path).map_err(ConfigProblem::Unreadable)?;
    let meta = file.metadata().map_err(ConfigProblem::Unreadable)?;
    if owner == FileOwner::Project {
        judge(path, &meta)?;
        // A user who can write a folder can replace this file by another file of the owner's.
        let target = path.canonicalize().map_err(ConfigProblem::Unreadable)?;
        for folder in [path.parent(), target.parent()].into_iter().flatten() {
            judge(folder, &folder.metadata().map_err(ConfigProblem::Unreadable)?)?;
        }
    }
    let mut text = String::new();
    let size = file.take(LIMIT + 1).read_to_string(&mut text).map_err(ConfigProblem::Unreadable)?;
    if size as u64 > LIMIT {
        let why = format!("it is larger than {LIMIT} bytes, which no configuration needs");
        return Err(ConfigProblem::Unreadable(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    Ok(text)
}
