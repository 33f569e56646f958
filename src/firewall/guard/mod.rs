//! The guard: the small privileged process that holds the gates.

mod helper;

pub use helper::{ARGUMENTS, HELPER};
