//! A program that prints a line for each event, for as long as it is watched.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Split};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::parent_death::end_with_us;

/// How much of standard error is kept, for the message where the program ends by itself.
const SAID_LIMIT: usize = 4096;

/// The running program.
pub(super) struct Follower {
    path: PathBuf,
    child: Child,
    lines: Split<BufReader<ChildStdout>>,
    stderr: Option<ChildStderr>,
    said: Vec<u8>,
}

impl Follower {
    pub(super) fn start(path: &Path, arguments: &[&str]) -> io::Result<Follower> {
        let mut command = Command::new(path);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0) // a terminal's Ctrl-C is for us, who end it
            .kill_on_drop(true);
        let mut child = end_with_us(&mut command).spawn()?;
        let no_pipe = || io::Error::other("it has no output");
        let stdout = child.stdout.take().ok_or_else(no_pipe)?;
        let stderr = child.stderr.take();
        let lines = BufReader::new(stdout).split(b'\n');
        Ok(Follower { path: path.to_owned(), child, lines, stderr, said: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next line, or `None` if the program has ended. Nothing is lost where the future is
    /// dropped.
    pub(super) async fn line(&mut self) -> io::Result<Option<String>> {
        let mut buffer = [0; 512];
        loop {
            tokio::select! {
                line = self.lines.next_segment() => {
                    return Ok(line?.map(|line| String::from_utf8_lossy(&line).into_owned()));
                }
                Some(count) = read(&mut self.stderr, &mut buffer) => match count? {
                    0 => self.stderr = None,
                    count => self.keep(&buffer[..count]),
                },
            }
        }
    }

    /// Waits for the end of a program whose output has ended: its status, and the end of what it
    /// said.
    pub(super) async fn ended(&mut self) -> (String, String) {
        // Its output has ended, so it may be about to; one that goes on is of no use any more.
        let _ = self.child.start_kill();
        let mut buffer = [0; 512];
        while let Some(Ok(count @ 1..)) = read(&mut self.stderr, &mut buffer).await {
            self.keep(&buffer[..count]);
        }
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let said = String::from_utf8_lossy(&self.said);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        (status, lines.join("; "))
    }

    /// Ends it.
    pub(super) async fn end(mut self) {
        // It fails only where the program is gone already.
        let _ = self.child.kill().await;
    }

    fn keep(&mut self, more: &[u8]) {
        self.said.extend_from_slice(more);
        let excess = self.said.len().saturating_sub(SAID_LIMIT);
        self.said.drain(..excess);
    }
}

/// `None` if there is nothing to read from any more.
async fn read(stderr: &mut Option<ChildStderr>, buffer: &mut [u8]) -> Option<io::Result<usize>> {
    Some(stderr.as_mut()?.read(buffer).await)
}
