//! Checks the permissions to debug, to write, and to load rules.

pub(super) mod debugging;
pub(super) mod folders;
pub(super) mod guard;
