//! pf's rules as text.

mod ruleset;
mod token;

pub(crate) use token::TokenNotes;
