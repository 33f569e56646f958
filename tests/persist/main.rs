//! `dlvgate firewall install`, `uninstall`, `snapshot` and `rollback`, in folders that stand for a
//! system, and once in the system itself, within a mount namespace.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod advice;
mod install;
mod pf_conf;
mod snapshot;
mod system;
mod trial;
