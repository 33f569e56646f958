//! What dlvgate relies on in pf: the same calls and connections with whichever pfctl there is.
//!
//! With `DLVGATE_TEST_PFCTL=/sbin/pfctl`, on a Mac and as root, it is the kernel that answers
//! (`make test-pf-real`); without it, a stand-in.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod anchors;
mod calls;
mod evaluated;
mod held;
mod kernel;
mod machine;
mod packets;
mod pfctl;
mod product;
mod readback;
mod service;
mod session;
mod texts;
mod tokens;
mod users;
