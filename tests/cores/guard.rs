//! What the guard decides, with its journal.

mod audit;
mod books;
pub mod duties;
mod error;
mod helper;
pub mod journal;
mod limits;
pub mod policy;
mod serve;
pub mod sweep;
mod system;
pub mod turns;
pub mod wire;

pub use error::GuardError;
