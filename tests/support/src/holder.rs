//! `dlvgate firewall …` as a user types it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use crate::paths;
use crate::process::is_alive;
use crate::{PATIENCE, poll};

/// A `dlvgate firewall …` with these words, not started.
pub fn firewall(prefix: &[&str], words: &[&str]) -> Command {
    let line = [prefix, &[paths::dlvgate(), "firewall"], words].concat();
    let mut command = Command::new(line[0]);
    command.args(&line[1..]);
    command
}

/// Runs one that ends by itself.
pub fn says(command: &mut Command) -> (Output, String) {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8_lossy(&text).into_owned())
}

/// A running `firewall open`.
pub struct Holder {
    child: Child,
    /// What it said when the gate stood.
    pub line: String,
}

impl Holder {
    /// Starts it and waits until the gate stands.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).unwrap();
        assert!(line.starts_with("open: "), "{line:?}");
        Self { child, line }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// The process id of its guard.
    pub fn guard(&self) -> i32 {
        self.guard_if_any().expect("a guard runs")
    }

    fn guard_if_any(&self) -> Option<i32> {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// Writes to its standard input.
    pub fn write(&mut self, text: &str) {
        self.child.stdin.as_mut().expect("a pipe").write_all(text.as_bytes()).unwrap();
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        self.child.stdin.take();
    }

    /// Whether it runs still.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended.
    pub fn exit(&mut self) -> ExitStatus {
        poll(PATIENCE, || self.child.try_wait().unwrap()).expect("it ends")
    }
}

impl Drop for Holder {
    /// What the guard needs to close is the test's.
    fn drop(&mut self) {
        let guard = self.guard_if_any();
        let _ = self.child.kill();
        let _ = self.child.wait();
        poll(PATIENCE, || (!guard.is_some_and(is_alive)).then_some(()));
    }
}
