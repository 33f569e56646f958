//! The promises of `docs/security.md`, which names the test of each: against other users, other
//! addresses, crowds, browsers, projects that ask for too much, texts that a terminal would obey,
//! and clients that send what does harm.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod browser;
mod consent;
mod crowds;
mod guard;
mod hostile;
mod lost;
mod lost_parts;
mod lost_results;
mod lost_streams;
mod owners;
mod place;
mod promises;
mod strangers;
mod terminal;
