//! The documentation's own ties: links that lead somewhere, and translations that have the same commands.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod links;
mod page;
mod translated;
