//! Recordings: made, read, shown and played. The sessions of `fixtures/sessions` are held against
//! both roles.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod as_client;
mod as_dlv;
mod checked;
mod large;
mod page;
mod read;
mod recorded;
mod redacted;
mod scenarios;
#[allow(dead_code, reason = "shared with what records the sessions")]
mod theatre;
