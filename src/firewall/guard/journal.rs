//! The guard's journal: the open gates, on disk before the packet filter has them.
//!
//! One file a guard, replaced as a whole: written beside, fsynced, renamed. Its words are numbers,
//! addresses and two opaque marks; names of rules are made from the numbers, so that no journal can
//! name anybody else's rules.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::system;
use super::wire::Purpose;
use crate::firewall::{FirewallBackend, Peer};

/// Where the journals are: root's, and gone or stale after a reboot.
pub const FOLDER: &str = if cfg!(target_os = "macos") { "/var/run/dlvgate" } else { "/run/dlvgate" };

/// The version of the format.
const VERSION: u32 = 1;

/// Bytes of a journal: every gate with every peer, of the longest names, takes less than half of
/// it.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// What a guard holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardRecord {
    version: u32,
    /// The boot that it is from: rules and tokens end with it.
    boot: String,
    /// The network namespace that the rules are in; empty where the system has no such.
    network: String,
    /// The namespace in which the process ids mean something; empty where the system has no such.
    #[serde(default)]
    pids: String,
    /// Which packet filter.
    pub backend: FirewallBackend,
    /// The guard, whose process id is in the names of the rules.
    pub guard: ProcessIdentity,
    /// The process whose gates they are, as it said itself.
    pub proxy: Option<ProcessIdentity>,
    /// What they are for, as it said itself.
    pub purpose: Option<Purpose>,
    /// The user whose gates they are.
    pub uid: u32,
    /// The gates.
    pub gates: Vec<GateRecord>,
    /// What keeps pf enabled.
    pub token: Option<TokenRecord>,
}

/// A process, distinguished from a later one with the same id by its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessIdentity {
    /// Its id.
    pub pid: u32,
    /// When it was started, in the system's own form.
    pub started: String,
}

/// One gate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRecord {
    /// The port.
    pub port: u16,
    /// This machine's addresses at which it is gated; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<IpAddr>,
    /// Who passes.
    pub peers: Vec<Peer>,
    /// Seconds since the epoch when it was opened.
    pub since: u64,
    /// Blocked for everybody.
    pub shut: bool,
}

/// An enable token of pf.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// The pfctl that was about to take it: pf lists it beside the token.
    pub pid: u32,
    /// The token, once pfctl has printed it.
    pub token: Option<u64>,
}

impl ProcessIdentity {
    /// The process that has this id now.
    pub fn now(pid: u32) -> Option<ProcessIdentity> {
        system::started(pid).map(|started| ProcessIdentity { pid, started })
    }

    /// This process, also where the process table that it sees is of another namespace.
    fn own() -> Option<ProcessIdentity> {
        system::own_start().map(|started| ProcessIdentity { pid: std::process::id(), started })
    }

    /// The process that has this id now, where it is this user's, or has started us.
    pub(super) fn of_user(pid: u32, uid: u32) -> Option<ProcessIdentity> {
        let process = ProcessIdentity::now(pid)?;
        let has_started_us = u32::try_from(nix::unistd::getppid().as_raw()) == Ok(pid);
        let is_of_user = has_started_us || system::user(pid) == Some(uid);
        // Both answers are about one process: it kept its start.
        (is_of_user && process.is_alive()).then_some(process)
    }

    /// Whether it is this user's, and runs still.
    pub fn is_users(&self, uid: u32) -> bool {
        system::user(self.pid) == Some(uid) && self.is_alive()
    }

    /// Whether it runs still. One that the system hides counts as running.
    pub fn is_alive(&self) -> bool {
        match system::started(self.pid) {
            Some(started) => started == self.started,
            None => system::is_hidden(self.pid),
        }
    }
}

impl GuardRecord {
    /// Of a guard that holds nothing yet: this process.
    ///
    /// # Errors
    /// If the system does not say which boot this is, or when this process was started.
    pub fn begin(backend: FirewallBackend, uid: u32) -> io::Result<GuardRecord> {
        let unknown = |what: &str| io::Error::other(format!("the system does not say {what}"));
        Ok(GuardRecord {
            version: VERSION,
            boot: system::boot().ok_or_else(|| unknown("which boot this is"))?,
            network: system::network(),
            pids: system::pids(),
            backend,
            guard: ProcessIdentity::own().ok_or_else(|| unknown("when this process was started"))?,
            proxy: None,
            purpose: None,
            uid,
            gates: Vec::new(),
            token: None,
        })
    }

    /// Whether it is of the boot that runs now.
    pub fn is_of_this_boot(&self) -> bool {
        system::boot().as_ref() == Some(&self.boot)
    }

    /// Whether its rules are in the network that this process sees.
    pub fn is_of_this_network(&self) -> bool {
        system::network() == self.network
    }

    /// Whether its process ids are those of this process's namespace, and can be looked up. Those
    /// of another say nothing here: the guard may run where it is not seen.
    pub fn is_of_these_processes(&self) -> bool {
        system::pids() == self.pids && system::sees_processes()
    }

    /// Whether its guard is known to be dead. An unknown one counts as running.
    pub fn is_orphaned(&self) -> bool {
        self.is_of_these_processes() && !self.guard.is_alive()
    }

    /// Adds a gate.
    pub fn open(&mut self, port: u16, peers: Vec<Peer>, at: Vec<IpAddr>) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.gates.push(GateRecord { port, at, peers, since, shut: false });
    }

    /// Makes it look like one of a guard in another PID namespace.
    #[cfg(test)]
    pub(super) fn put_into_another_pid_namespace(&mut self) {
        self.pids = "pid:[1]".to_owned();
    }

    fn is_empty(&self) -> bool {
        self.gates.is_empty() && self.token.is_none()
    }
}

/// A journal that is there, and what was read of it.
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// What it says, or why it is not believed.
    pub record: Result<GuardRecord, String>,
}

/// The folder of the journals.
#[derive(Clone, Debug)]
pub struct Journals {
    folder: PathBuf,
}

impl Journals {
    /// The journals in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Journals {
        Journals { folder: folder.into() }
    }

    /// Makes the folder where it is missing, for us to write and all to read.
    ///
    /// # Errors
    /// If it cannot be made, or another user could write to it.
    pub fn prepare(&self) -> io::Result<()> {
        match fs::create_dir(&self.folder) {
            Ok(()) => fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let meta = fs::symlink_metadata(&self.folder)?;
        match belongs_to_others(&meta) {
            _ if !meta.is_dir() => Err(io::Error::other("it is not a folder")),
            Some(why) => Err(io::Error::other(why)),
            None => Ok(()),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes what a guard holds; returns when it is on disk. A guard that holds nothing has no
    /// journal.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn write(&self, record: &GuardRecord) -> io::Result<()> {
        let path = self.folder.join(format!("{}.json", record.guard.pid));
        if read(&path).is_ok_and(|there| there.is_some_and(|there| there.pids != record.pids)) {
            let why = "a guard of another PID namespace has this one's process id, and a journal by this name; try again";
            return Err(io::Error::other(why));
        }
        if record.is_empty() {
            return remove(&path);
        }
        let beside = self.draft(record.guard.pid);
        let written = write_beside(&beside, record).and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            let _ = remove(&beside); // a disk that is full has no use for a part of it
        }
        written?;
        File::open(&self.folder)?.sync_all()
    }

    /// Where the journal of this guard is written first.
    pub(super) fn draft(&self, pid: u32) -> PathBuf {
        self.folder.join(draft(pid))
    }

    /// Removes the drafts of guards of this PID namespace that were killed while they wrote.
    pub(super) fn remove_drafts(&self) {
        if !system::sees_processes() {
            return;
        }
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let end = draft_end();
        let whose = |name: &str| name.strip_prefix('.')?.strip_suffix(&end)?.parse::<u32>().ok();
        let pids = names.filter_map(|name| whose(name.to_str()?));
        for pid in pids.filter(|pid| ProcessIdentity::now(*pid).is_none() && !system::is_hidden(*pid)) {
            let _ = remove(&self.draft(pid));
        }
    }

    /// Every journal that is there, our own too.
    ///
    /// # Errors
    /// If the folder is there and cannot be read.
    pub fn read(&self) -> io::Result<Vec<Found>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        // One that has gone meanwhile is none.
        Ok(paths
            .into_iter()
            .filter_map(|path| Some(Found { record: read(&path).transpose()?, path }))
            .collect())
    }
}

/// The name under which a guard's journal is written, before it has its own.
fn draft(pid: u32) -> String {
    format!(".{pid}{}", draft_end())
}

/// What follows the process id: the number of its namespace, where the system has such.
fn draft_end() -> String {
    let number: String = system::pids().chars().filter(char::is_ascii_digit).collect();
    if number.is_empty() { ".new".to_owned() } else { format!("-{number}.new") }
}

fn write_beside(path: &Path, record: &GuardRecord) -> io::Result<()> {
    remove(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    serde_json::to_writer(&file, record)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Removes a file; one that is not there is gone already.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Option<GuardRecord>, String> {
    let text = match text(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
        Ok(text) => text,
    };
    believed(path, &text).map(Some)
}

/// What a journal's text says, or why it is not believed.
pub(super) fn believed(path: &Path, text: &[u8]) -> Result<GuardRecord, String> {
    let record: GuardRecord =
        serde_json::from_slice(text).map_err(|error| format!("it is corrupt: {error}"))?;
    if record.version != VERSION {
        return Err(format!("it is of version {}, not {VERSION}", record.version));
    }
    if path.file_stem() != Some(record.guard.pid.to_string().as_ref()) {
        return Err(format!("it is another's: it says guard {}", record.guard.pid));
    }
    Ok(record)
}

/// Reads a file that is ours alone to write.
fn text(path: &Path) -> io::Result<Vec<u8>> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if let Some(why) = belongs_to_others(&meta) {
        return Err(io::Error::other(why));
    }
    if meta.len() > SIZE_LIMIT {
        return Err(io::Error::other(format!("it is larger than {SIZE_LIMIT} bytes")));
    }
    fs::read(path)
}

/// Says why root must not believe this journal: another user could have written it. Other users may
/// read what root wrote.
fn belongs_to_others(meta: &fs::Metadata) -> Option<String> {
    let own = nix::unistd::geteuid().as_raw();
    if meta.uid() != own && meta.uid() != 0 {
        return Some(format!("it belongs to user {}", meta.uid()));
    }
    (meta.mode() & 0o022 != 0).then(|| "other users may write to it".to_owned())
}

#[cfg(test)]
mod tests;
