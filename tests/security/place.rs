//! A home, and a project of another author.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Both, in a folder of their own.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self::called("project")
    }

    /// With a project's folder of this name.
    pub fn called(project: &str) -> Self {
        let place = Self { folder: tempfile::Builder::new().prefix("dlvgate-security-").tempdir().unwrap() };
        std::fs::create_dir_all(place.path("home")).unwrap();
        std::fs::create_dir_all(place.path(project)).unwrap();
        std::os::unix::fs::symlink(project, place.path("here")).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The project's folder.
    pub fn project(&self) -> PathBuf {
        self.path("here").canonicalize().unwrap()
    }

    /// Writes the project's file.
    pub fn asks(&self, text: &str) -> PathBuf {
        let file = self.project().join("dlvgate.toml");
        std::fs::write(&file, text).unwrap();
        file
    }

    /// dlvgate in the project's folder, without the tests' own variables and without a terminal.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        command.args(words).env_clear().env("HOME", self.path("home")).env("PATH", "/usr/bin:/bin");
        command.current_dir(self.project()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, &[])
    }

    /// With these variables besides.
    pub fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(words);
        command.envs(variables.iter().copied());
        // What serves although it must not is ended.
        let mut limited = Command::new("timeout");
        limited
            .args(["--kill-after=5", "30"])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear();
        limited.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        Ran::from(limited.current_dir(self.project()).stdin(Stdio::null()).output().unwrap())
    }

    /// Where consents are.
    pub fn consents(&self) -> Vec<PathBuf> {
        let folder = self.path("home/.local/state/dlvgate/trusted");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A word for `sh`.
pub fn quoted(word: &Path) -> String {
    format!("'{}'", word.display().to_string().replace('\'', r"'\''"))
}
