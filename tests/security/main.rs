//! People who want it to fail: other users, other addresses, crowds, browsers, projects that ask
//! for too much, and texts that a terminal would obey. `docs/security.md` names the test of each
//! promise.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod browser;
mod consent;
mod crowds;
mod guard;
mod lost;
mod lost_parts;
mod lost_results;
mod lost_streams;
mod owners;
mod place;
mod promises;
mod strangers;
mod terminal;
