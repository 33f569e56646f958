//! The control socket of a server: `dlvgate ps` and `dlvgate stop` use it.
//!
//! Each server has one, in a folder that its user alone may enter, and checks the user of every
//! connection (`folder`, `server`). A connection carries one request and one answer, each a
//! line of JSON (`wire`).

mod client;
mod folder;
mod server;
mod wire;

pub use client::{ControlError, ControlSocket, FoundServer, Servers, ask, servers};
pub use server::{AboutServer, ControlServer};
pub use wire::{Answer, Ask, Request, ServerStatus};
