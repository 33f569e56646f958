//! How a command ends: its exit codes, and errors about the command line.

/// Exit codes of dlvgate's own commands: success, a failure, a usage error.
pub(crate) const FAILURE: u8 = 1;
pub(crate) const USAGE: u8 = 2;

/// What the user asked for cannot be done as asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

/// Turns an error about the command line into one.
pub(crate) fn usage(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::new(UsageError(error.to_string()))
}
