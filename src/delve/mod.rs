//! Delve itself: where it is, how it is started, when it is ready, what it said, how it is stopped.

mod address;
mod argv;
mod error;
mod find;
#[cfg(fuzzing)]
pub mod fuzzing;
mod launch;
mod launch_fingerprint;
mod output;
mod ports;
mod process;
mod process_tree;
mod ready;
mod reaper;
mod socket_dir;
mod spawn;
mod stop;
mod streams;
mod terminal;

pub use address::Address;
pub use argv::{Argv, GivenError, ParseError, Serves, check};
pub use error::LaunchError;
pub use find::{FindError, find};
pub use launch::Launcher;
pub use launch_fingerprint::LaunchFingerprint;
pub use ports::{PortLease, PortPlan, PortPool};
pub use process::Delve;
pub use ready::{API_PREFIX, DAP_PREFIX, ReadyLine};
pub use reaper::{Reaper, reap};
pub use spawn::inherited;
pub use stop::Stopped;
pub use streams::{DelveLog, Streams};
