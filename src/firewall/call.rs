//! One call of a packet filter's program: fed, waited for within a limit, and out of a terminal's reach.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long one call may take. pfctl and nft answer in milliseconds; they wait only where another process holds the
/// packet filter, and a client is waiting for us meanwhile.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// It could not be started, or not be waited for.
    NotRun(io::Error),
    /// Its process id could not be noted; it was killed before it was fed.
    NotNoted(io::Error),
    /// It was killed after [`LIMIT`].
    Hangs,
}

/// Starts the command, has its process id noted, and only then feeds it.
pub(super) async fn call(
    mut command: Command,
    note: impl FnOnce(u32) -> io::Result<()>,
    stdin: &str,
) -> Result<Output, NoAnswer> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0) // a terminal's Ctrl-C must not stop it half-way
        .kill_on_drop(true)
        .spawn()
        .map_err(NoAnswer::NotRun)?;
    note(child.id().unwrap_or_default()).map_err(NoAnswer::NotNoted)?;
    let pipe = child.stdin.take();
    let answer = async {
        if let Some(mut pipe) = pipe {
            // A program that ends without reading says why on standard error.
            let _ = pipe.write_all(stdin.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(LIMIT, answer).await {
        Ok(output) => output.map_err(NoAnswer::NotRun),
        Err(_) => Err(NoAnswer::Hangs),
    }
}
