//! Playing a recording: [`Server`] plays dlv to a live client, [`ClientPlayer`] plays the client to
//! a live dlv or proxy. Both are for tests of programs that speak to Delve.

mod as_client;
mod as_dlv;
mod coalesce;
mod events;
mod id_map;
mod matching;
mod options;
mod path_map;
mod player;
mod report;
mod run;
mod script;
mod wire;

pub use crate::difference::{Difference, Ignore};
pub use as_client::ClientPlayer;
pub use as_dlv::{Played, Server};
pub use options::Pace;
pub use player::{Early, Miss};
pub use report::{Failure, GivenUp, Replayed};
pub use script::Script;
