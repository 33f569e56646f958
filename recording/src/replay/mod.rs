//! Playing a recording: [`Server`] plays dlv to a live client, [`Client`] plays the client to a
//! live dlv or proxy. Both are for tests of programs that speak to Delve, as much as for
//! `dlvgate replay`.

mod as_client;
mod as_dlv;
mod events;
mod folders;
mod matching;
mod numbers;
mod pieces;
mod player;
mod run;
mod script;
mod wire;

pub use crate::difference::{Difference, Ignore};
pub use as_client::{Client, Failure, Replayed};
pub use as_dlv::{Pace, Played, Server};
pub use player::{Early, Miss};
pub use script::Script;
