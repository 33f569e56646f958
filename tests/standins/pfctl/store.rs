//! The state directory: state.json, journal.jsonl, faults.json and the lock.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::lock;
use crate::model::State;

pub struct Store {
    folder: PathBuf,
    _lock: File,
}

impl Store {
    /// Waits until no other invocation works on this folder.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let held = lock::exclusive(&folder.join("lock"))?;
        Ok(Self { folder, _lock: held })
    }

    /// `None`: nothing has run here yet.
    pub fn load(&self) -> io::Result<Option<State>> {
        match self.read("state.json")? {
            Some(text) => Ok(Some(serde_json::from_str(&text)?)),
            None => Ok(None),
        }
    }

    pub fn save(&self, state: &State) -> io::Result<()> {
        self.replace("state.json", &serde_json::to_string_pretty(state)?)
    }

    pub fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.folder.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Readers without the lock see the old content or the new one.
    pub fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let candidate = self.folder.join(format!("{name}.new"));
        fs::write(&candidate, text)?;
        fs::rename(candidate, self.folder.join(name))
    }

    /// Appends one line, in one write.
    pub fn journal(&self, line: &serde_json::Value) -> io::Result<()> {
        let mut file = File::options().create(true).append(true).open(self.folder.join("journal.jsonl"))?;
        file.write_all(format!("{line}\n").as_bytes())
    }
}

/// Microseconds since the epoch.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parallel_invocations_lose_no_change() {
        let folder = std::env::temp_dir().join(format!("standin-pfctl-store-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let store = Store::open(folder.clone()).unwrap();
                        let mut state = store.load().unwrap().unwrap_or_default();
                        state.boot += 1;
                        store.save(&state).unwrap();
                        store.journal(&serde_json::json!({ "t": now() })).unwrap();
                    }
                });
            }
        });
        let store = Store::open(folder.clone()).unwrap();
        assert_eq!(store.load().unwrap().unwrap().boot, 160);
        let journal = store.read("journal.jsonl").unwrap().unwrap();
        let times: Vec<u64> = journal
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["t"].as_u64().unwrap())
            .collect();
        assert_eq!(times.len(), 160);
        assert!(times.is_sorted(), "the journal is in the order of time");
        fs::remove_dir_all(folder).unwrap();
    }
}
