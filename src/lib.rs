//! dlvgate: a proxy between a debugging client and Delve. It starts dlv, guards its port in the
//! packet filter, forwards the session untouched, and leaves nothing behind.
//!
//! Arrows between the parts point down only: [`cli`] knows [`doctor`], and [`cli`] and [`front`]
//! know [`session`], which knows [`delve`] and [`firewall`]; recordings are
//! [`dlvgate_recording`]'s, the protocol's bytes [`dlvgate_protocol`]'s. `docs/architecture.md` tells the whole story.

// These macros panic where they cannot write; `stdio` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod config;
pub mod delve;
mod descriptors;
pub mod doctor;
mod fault;
pub mod firewall;
pub mod front;
pub mod printable;
pub mod privilege;
#[cfg(target_os = "linux")]
mod process_stat;
#[cfg(test)]
#[path = "../tests/support/script.rs"]
mod script;
pub mod session;
mod shell;
pub mod shutdown;
mod sockets;
pub mod stdio;
mod users;
mod variables;
