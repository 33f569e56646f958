//! Resident sets, as Linux tells them.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Whether this system tells it.
pub fn can_be_told() -> bool {
    Path::new("/proc/self/smaps_rollup").exists()
}

/// The resident set of a process, in KiB; of processes that it has forked, their own pages and
/// their share of the rest.
pub fn resident(server: u32) -> anyhow::Result<f64> {
    // One that has ended meanwhile has nothing.
    let forks =
        forks(server)?.into_iter().map(|folder| field(&folder.join("smaps_rollup"), "Pss:").unwrap_or(0.0));
    Ok(field(&status(server), "VmRSS:")? + forks.sum::<f64>())
}

/// Lets the highest resident set so far be the present one; gives that, in KiB, forked processes
/// included.
pub fn forget_peak(server: u32) -> anyhow::Result<f64> {
    for folder in all(server)? {
        std::fs::write(folder.join("clear_refs"), "5").context("the highest resident set cannot be reset")?;
    }
    all(server)?.iter().map(|folder| field(&folder.join("status"), "VmRSS:")).sum()
}

/// The highest resident set since then, in KiB.
pub fn peak(server: u32) -> anyhow::Result<f64> {
    all(server)?.iter().map(|folder| field(&folder.join("status"), "VmHWM:")).sum()
}

fn status(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join("status")
}

/// The server's folder in /proc, and those of what it has forked.
fn all(server: u32) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = forks(server)?;
    folders.push(Path::new("/proc").join(server.to_string()));
    Ok(folders)
}

/// Processes of the server's group but itself.
fn forks(server: u32) -> anyhow::Result<Vec<PathBuf>> {
    let group = |folder: &Path| {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        // After the program's name, which is in brackets: state, parent, group.
        stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse::<u32>().ok()
    };
    let folders = std::fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path()));
    let own = Path::new("/proc").join(server.to_string());
    Ok(folders.filter(|folder| *folder != own && group(folder) == Some(server)).collect())
}

/// A value in KiB.
fn field(file: &Path, name: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let value =
        text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.with_context(|| format!("{} has no {name}", file.display()))
}
