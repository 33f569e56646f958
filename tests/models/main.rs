//! The promise "never a byte before the gate, never a gate after the end", for every interleaving:
//! sessions, spares and the shared dlv beside each other, over one pipe to the guard, with anything
//! failing or being killed at any point.
//!
//! What decides is the product's own: the order of a session (`Lifecycle`), what the guard does for
//! a request (`GuardState`), and whose an answer is (`RequestTracker`). The model adds what they
//! act on: the pipe, the packet filter, the disk and dlv.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod guard;
mod holders;
mod planted;
mod promises;
mod search;
mod settings;
mod world;
