//! Delve itself: where it is, how it is started, when it is ready, what it said, how it is stopped.

mod argv;
mod family;
mod find;
mod launch;
mod output;
mod ports;
mod ready;
mod spawn;
mod stop;

pub use argv::{ForbiddenFlag, check_extra_flags};
pub use find::find;
pub use launch::{Delve, LaunchError, Launcher};
pub use ports::{PortLease, PortPlan, PortPool};
pub use ready::ReadyLine;
pub use stop::Stopped;
