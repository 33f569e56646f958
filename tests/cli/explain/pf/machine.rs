//! A pf of a test's own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use dlvgate_test_support::{script, standin};
use tempfile::TempDir;

/// A state folder, and a pfctl that uses it.
pub struct Pf {
    folder: TempDir,
}

impl Pf {
    /// As on a fresh Mac: off, with the stock ruleset.
    pub fn new() -> Pf {
        Pf::with("")
    }

    /// One that prints names for ports.
    pub fn naming_ports() -> Pf {
        Pf::with("STANDIN_PF_NAMES=1 ")
    }

    fn with(variables: &str) -> Pf {
        let folder = tempfile::Builder::new().prefix("dlvgate-explain-").tempdir().unwrap();
        let script = format!(
            "#!/bin/sh\n{variables}STANDIN_PF_STATE='{}' exec '{}' \"$@\"\n",
            folder.path().join("state").display(),
            standin::built().display()
        );
        let path = folder.path().join("pfctl");
        script::write(&path, &script);
        Pf { folder }
    }

    /// The pfctl of this folder.
    pub fn pfctl(&self) -> PathBuf {
        self.folder.path().join("pfctl")
    }

    /// Writes a file that a ruleset can name.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs pfctl, which must succeed, and returns its standard output.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> String {
        let mut command = Command::new(self.pfctl());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}\n{stdin}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `dlvgate firewall explain` with this pfctl.
    pub fn explain(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        command.args(["firewall", "explain", "--pfctl"]).arg(self.pfctl()).args(arguments);
        command.output().unwrap()
    }
}
