//! The runtime of a command.

use std::time::Duration;

/// How long what the debugged program printed last may take to be read from our standard output. A
/// reader that has stopped reading must not keep us.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// One thread serves every session: each is a few small reads and writes, and a hand-over between
/// threads costs more than they do. It is also the thread that dlv's life is tied to where the
/// system can do that.
pub(super) fn on_runtime<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_OUTPUT);
    result
}
