//! What README.md and docs/*.md show is run as it is printed:
//! each ```sh block by the scenario that `claims` names for it, each `dlvgate …` in a line of text
//! as far as its words go, each configuration snippet by what reads it. Links lead somewhere, and
//! translations have the same commands.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod claims;
mod inline;
mod links;
mod pages;
mod play;
mod running;
mod scenarios;
mod snippets;
mod stage;
mod translated;
