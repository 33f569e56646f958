//! Typed DAP, as much of it as a proxy needs: what it reads (the requests that begin and end a
//! debugging session) and what it makes (errors, output, the end of a session).

mod build;
mod defaults;
mod members;
mod read;

pub use build::{error_response, output_event, success_response, terminated_event};
pub use defaults::{Argument, ArgumentError, LaunchDefaults, MergeError};
pub use read::{AttachArguments, DisconnectArguments, InitializeArguments, LaunchArguments, Request};
