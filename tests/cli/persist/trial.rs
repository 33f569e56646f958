//! A folder that stands for a system, with its files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use dlvgate_test_support::standin;
use tempfile::TempDir;

/// macOS's own pf.conf, as far as pf reads it.
pub const STOCK: &str = "scrub-anchor \"com.apple/*\"\nnat-anchor \"com.apple/*\"\nrdr-anchor \"com.apple/*\"\n\
                         dummynet-anchor \"com.apple/*\"\nanchor \"com.apple/*\"\n";

/// One that has lost the anchor.
pub const WITHOUT_ANCHOR: &str =
    "# a recipe\nset block-policy return\nblock in quick proto tcp from any to any port 9\npass out\n";

/// A system in a folder.
pub struct Trial {
    folder: TempDir,
    layout: &'static str,
    with_pf: bool,
}

/// How a command ended: its exit code, and all that it said.
pub struct Said {
    pub code: i32,
    pub text: String,
}

impl Said {
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.text);
        self.text
    }

    pub fn refused(self) -> String {
        assert_eq!(self.code, 1, "{}", self.text);
        self.text
    }
}

impl Trial {
    pub fn new(layout: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trial = Self { folder, layout, with_pf: false };
        trial.put("/etc/pf.conf", STOCK);
        trial.put("/etc/nftables.conf", "table inet theirs { }\n");
        trial
    }

    /// With a pf that loads its files.
    pub fn with_pf(mut self) -> Self {
        self.with_pf = true;
        self
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path.trim_start_matches('/'))
    }

    pub fn put(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn get(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// Beside the system.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.beside("pf-state")
    }

    /// `dlvgate firewall WORDS`, in this system.
    pub fn firewall(&self, words: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        command.arg("firewall").args(words).args(["--layout", self.layout, "--root"]).arg(self.at("/"));
        command.env("STANDIN_PF_STATE", self.state()).env_remove("SUDO_USER");
        if self.with_pf {
            command.arg("--pfctl").arg(standin::built());
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Said { code: output.status.code().unwrap(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// What pf answers.
    pub fn pfctl(&self, words: &[&str]) -> String {
        let output =
            Command::new(standin::built()).args(words).env("STANDIN_PF_STATE", self.state()).output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    }

    /// From now on calls go wrong; see tests/standins/pfctl/README.md.
    pub fn fault(&self, fault: &serde_json::Value) {
        fs::create_dir_all(self.state()).unwrap();
        fs::write(self.state().join("faults.json"), fault.to_string()).unwrap();
    }

    /// Every file with its content and mode, and every folder.
    pub fn everything(&self) -> BTreeMap<PathBuf, Option<(Vec<u8>, u32)>> {
        let mut all = BTreeMap::new();
        gather(&self.at("/"), &mut all);
        all
    }
}

fn gather(folder: &Path, all: &mut BTreeMap<PathBuf, Option<(Vec<u8>, u32)>>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, all);
            all.insert(path, None);
        } else {
            let mode = entry.metadata().unwrap().permissions().mode();
            all.insert(path.clone(), Some((fs::read(&path).unwrap(), mode)));
        }
    }
}
