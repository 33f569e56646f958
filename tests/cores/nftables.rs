//! nftables' rules as JSON, and the proof that they are in force.

mod error;
mod gate;
mod listing;
mod nets;
mod proof;
mod ruleset;

pub use error::NftError;
