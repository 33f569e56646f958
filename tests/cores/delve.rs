//! Of dlv only where it listens, and that it may not be there.

mod address;

pub use address::Address;

#[derive(Debug, thiserror::Error)]
#[error("no dlv")]
pub struct LaunchError;
