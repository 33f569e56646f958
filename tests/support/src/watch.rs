//! A running `dlvgate firewall watch`.

use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::namespace::Namespace;
use crate::paths;
use crate::process::{self, is_alive};
use crate::session_log::Log;
use crate::{PATIENCE, poll};

/// Killed when dropped.
pub struct Watching {
    child: Child,
    /// Its standard output so far.
    pub stdout: Log,
    /// Its standard error so far.
    pub stderr: Log,
}

impl Watching {
    /// Starts it with these flags; with a namespace, in there.
    pub fn start(namespace: Option<&Namespace>, flags: &[&str]) -> Self {
        let program = paths::dlvgate();
        let mut command = match namespace {
            Some(namespace) => namespace.command(&[program]),
            None => Command::new(program),
        };
        command.args(["firewall", "watch"]).args(flags).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (Log::default(), Log::default());
        stdout.follow(child.stdout.take().expect("a pipe"));
        stderr.follow(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Does `provoke` until the watch has told of something that `wanted` takes for it.
    pub fn tells(&self, provoke: impl Fn(), wanted: impl Fn(&Value) -> bool) -> Value {
        let told = || {
            provoke();
            let lines = self.stdout.lines();
            let mut told = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
            told.find(|value| wanted(value))
        };
        poll(PATIENCE, told).unwrap_or_else(|| panic!("not told: {:#?}", self.stdout.lines()))
    }

    /// Waits for these words on standard error.
    pub fn says(&self, words: &str) {
        let said = || self.stderr.lines().iter().any(|line| line.contains(words)).then_some(());
        poll(PATIENCE, said).unwrap_or_else(|| panic!("no {words:?} in {:#?}", self.stderr.lines()));
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        process::signal_pid(i32::try_from(self.pid()).expect("a pid"), signal);
    }

    /// Waits until it has ended.
    pub fn exit(&mut self) -> ExitStatus {
        poll(PATIENCE, || self.child.try_wait().unwrap()).expect("the watch ends")
    }

    /// Signals it, and expects that it ends well, with nothing running that it started.
    pub fn ends_well(mut self, signal: Signal) {
        let children = process::children(i32::try_from(self.pid()).expect("a pid"));
        self.signal(signal);
        assert_eq!(self.exit().code(), Some(0), "{:#?}", self.stderr.lines());
        let left: Vec<i32> = children.into_iter().filter(|pid| is_alive(*pid)).collect();
        assert!(left.is_empty(), "left running: {left:?}");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
