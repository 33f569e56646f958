//! dlvgate: a proxy between a debugging client and Delve. It starts dlv, guards its port in the
//! packet filter, forwards the session untouched, and leaves nothing behind.
//!
//! This is the program's own library, and no interface: a module is public where `main.rs`, a test
//! or a fuzz target uses it. Libraries for others are [`dlvgate_protocol`], the protocols' bytes,
//! and [`dlvgate_recording`], recordings and replay.
//!
//! Arrows between the parts point down only: [`cli`] knows `doctor`, and [`cli`] and [`front`] know
//! [`session`], which knows [`delve`] and [`firewall`]. `docs/architecture.md` has the whole
//! story.

// These macros panic where they cannot write; `stdio` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod config;
pub mod control;
pub mod delve;
mod doctor;
mod escape;
mod failpoint;
pub mod firewall;
pub mod front;
mod parent_death;
mod privilege;
#[cfg(target_os = "linux")]
mod process_stat;
mod rlimit;
pub mod session;
mod sha256;
mod shell;
mod shutdown;
mod sockets;
pub mod stdio;
mod users;
mod variables;

#[cfg(test)]
use dlvgate_test_support::script;
