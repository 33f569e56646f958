//! Who may debug, write, and load rules.

pub(super) mod debugging;
pub(super) mod folders;
pub(super) mod guard;
