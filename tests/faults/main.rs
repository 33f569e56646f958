//! The fault matrix: at each step of a session each fault, what the client sees of it, how dlvgate
//! ends, and that nothing stays. docs/reliability.md has its table; `DLVGATE_WRITE_DOCS=1` rewrites
//! it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bring;
mod cell;
mod clock;
mod disk;
mod fault;
mod inject;
mod left;
mod limits;
mod matrix;
mod seen;
mod stage;
mod step;
mod strings;
mod table;
mod view;
