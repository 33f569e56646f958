//! A command line that was started.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use dlvgate_test_support::dropin::Collected;
use dlvgate_test_support::process::{self, MARK};
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A running command. The stage ends it and its children.
pub struct Running {
    child: Child,
    pub stdout: Collected,
    pub stderr: Collected,
    mark: String,
    text: String,
}

impl Running {
    /// Starts it with pipes; its input is empty.
    pub fn start(mut command: Command, text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!("docs-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        command.env(MARK, &mark).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("nsenter runs");
        let stdout = Collected::from(child.stdout.take().expect("a pipe"));
        let stderr = Collected::from(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr, mark, text: text.to_owned() }
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> Ended {
        let status = poll(PATIENCE, || self.child.try_wait().unwrap());
        let status = status.unwrap_or_else(|| panic!("it does not end: {}", self.said()));
        // What it has left in the background writes to the same pipes.
        poll(PATIENCE, || process::marked(&self.mark).is_empty().then_some(()))
            .unwrap_or_else(|| panic!("{status}, and something still runs: {}", self.said()));
        Ended { code: status.code(), stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }

    /// Waits for a text on one of its streams.
    pub fn says(&self, wanted: &str) {
        let found = poll(PATIENCE, || {
            let over = self.stdout.has_ended() && self.stderr.has_ended();
            let said = self.stdout.text().contains(wanted) || self.stderr.text().contains(wanted);
            (said || over).then_some(said)
        });
        assert_eq!(found, Some(true), "{wanted:?} was not said: {}", self.said());
    }

    /// Ends it as its user does, with a signal to dlvgate.
    pub fn stop(self) -> Ended {
        let ours = process::marked(&self.mark).into_iter().filter(|one| {
            (one.is("dlvgate") || one.is("dlv")) && one.arguments.get(1).is_none_or(|word| word != "guard")
        });
        let all: Vec<_> = ours.collect();
        // What dlvgate has started is dlvgate's to end.
        let first = all.iter().find(|one| all.iter().all(|other| other.pid != one.parent));
        first.unwrap_or_else(|| panic!("it does not run: {}", self.said())).signal(Signal::SIGTERM);
        self.ended()
    }

    /// Ends it and all that it started with SIGKILL.
    pub fn kill(mut self) {
        poll(PATIENCE, || {
            let left = process::marked(&self.mark);
            // The guard, which came last, first: it must not see the others go.
            left.iter().rev().for_each(|one| one.signal(Signal::SIGKILL));
            let _ = self.child.try_wait();
            left.is_empty().then_some(())
        })
        .expect("they end");
    }

    /// What it is and said, for a failing test's message.
    pub fn said(&self) -> String {
        format!("{}\n{}\n{}", self.text, self.stdout.text(), self.stderr.text())
    }
}
