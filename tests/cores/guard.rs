//! What the guard decides, with its journal.

mod audit;
mod journal_store;
pub mod state_machine;
mod error;
mod helper;
pub mod journal;
mod limits;
pub mod policy;
mod serve;
pub mod sweep;
mod system;
pub mod request_tracker;
pub mod wire;

pub use error::GuardError;
