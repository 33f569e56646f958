//! Commands that run no session: configuration files, `firewall explain`, `firewall install` and
//! its like, and what a package brings.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod config;
mod explain;
#[cfg(target_os = "linux")]
mod packages;
#[cfg(target_os = "linux")]
mod persist;
