//! Of dlv only that it may not be there.

#[derive(Debug, thiserror::Error)]
#[error("no dlv")]
pub struct LaunchError;
