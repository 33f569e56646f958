//! What the guard decides, with its journal.

mod audit;
mod books;
pub(super) mod driver;
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

pub use driver::Loaded;
pub use error::GuardError;
