//! One call of a packet filter's program: fed, waited for within a limit, and out of a terminal's
//! reach.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// How long one call may take. pfctl and nft answer in milliseconds; they wait only where another
/// process holds the packet filter, and a client is waiting for us meanwhile.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// How long a killed call may take to end, so that it changes nothing any more when the next one
/// begins. One that the kernel holds is not waited for.
const END_LIMIT: Duration = Duration::from_secs(1);

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
    let (pipe, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let fed = async {
        if let Some(mut pipe) = pipe {
            // A program that ends without reading says why on standard error.
            let _ = pipe.write_all(stdin.as_bytes()).await;
        }
        Ok(())
    };
    let answer = async { tokio::try_join!(fed, child.wait(), all(stdout), all(stderr)) };
    match tokio::time::timeout(LIMIT, answer).await {
        Ok(answer) => {
            let ((), status, stdout, stderr) = answer.map_err(NoAnswer::NotRun)?;
            Ok(Output { status, stdout, stderr })
        }
        Err(_) => {
            let _ = tokio::time::timeout(END_LIMIT, child.kill()).await;
            Err(NoAnswer::Hangs)
        }
    }
}

async fn all(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut read).await?;
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    #[tokio::test]
    async fn a_call_that_hangs_is_gone_when_that_is_said() {
        let mut command = Command::new("sleep");
        command.arg("300");
        let mut pid = Pid::from_raw(0);
        let note = |id: u32| {
            pid = Pid::from_raw(id.try_into().unwrap());
            Ok(())
        };
        assert!(matches!(call(command, note, "").await, Err(NoAnswer::Hangs)));
        assert!(kill(pid, None).is_err(), "it is there, or was not waited for");
    }
}
