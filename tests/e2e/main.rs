//! End-to-end tests: a real dlv behind a real `dlvgate serve`, and a client of the tests' own. One
//! file for each thing that a user does. What the tests read of processes and ports comes from
//! /proc.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod amended;
mod attach;
mod auto;
mod bad_input;
mod both_families;
mod connect;
mod control;
mod cut_short;
mod disconnect;
mod dlv_dies;
mod dropin;
mod every_address;
mod firewall_commands;
mod folder;
mod gate;
mod headless;
mod inspect;
mod killed;
mod launch;
mod many_sessions;
mod nftables;
mod nftables_refuses;
mod no_dlv;
mod npm_client;
mod on_a_socket;
mod other_user;
mod ports;
mod proxy_dies;
mod reaper;
mod restart;
mod scale;
mod several;
mod signals;
mod start;
mod statements;
mod stdio;
mod stepping;
mod terminal_log;
mod transitions;
mod two_hosts;
mod two_users;
mod under_sudo;
mod upstream;
mod warm;
mod warm_flags;
mod warm_gate;
mod watch;
mod watch_pf;
mod wire;
