//! `dlvgate firewall explain`, against a stand-in for pfctl that decides packets by an evaluator of
//! its own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod agreement;
mod cli;
mod pf;
mod random;
