//! pf's rules as text.

mod error;
mod ruleset;
mod token;

pub use error::PfError;
pub(crate) use token::TokenNotes;
