//! `dlvgate doctor` on machines with a planted fault: it names that fault first, and the printed
//! commands fix it. The machines are containers made here: this machine's own files below an
//! overlay, with namespaces of their own, real tools, a real dlv and Go.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod commands;
mod container;
mod fault;
mod faults;
mod harm;
mod healthy;
mod macos;
mod packages;
mod reach;
mod table;
mod words;
