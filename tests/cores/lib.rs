//! The parts of dlvgate that decide without I/O, as they are, and around them the few names that
//! they need. `.ci/mutants` puts them together, since the whole program takes too long to build for
//! each mutant.
#![allow(dead_code, unused_imports, reason = "what uses them is not here")]

mod delve;
mod failpoint;
mod firewall;
mod escape;
mod process_stat;
mod session;
mod shell;
mod sockets;
