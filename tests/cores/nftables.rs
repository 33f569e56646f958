//! nftables' rules as JSON, and the proof that they are in force.

mod error;
mod gate;
mod listing;
mod cidr;
mod verify;
mod ruleset;

pub use error::NftError;
