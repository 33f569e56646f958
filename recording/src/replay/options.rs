//! How a recording is played.

use std::sync::Arc;
use std::time::Duration;

use dlvgate_protocol::message::Argument;

use super::path_map::PathMap;
use super::script::Script;
use crate::difference::Ignore;

/// How fast the recording is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Everything at once.
    #[default]
    AtOnce,
    /// With the recorded delays.
    AsRecorded,
}

/// How a recording's client is played.
pub(super) struct ClientOptions {
    pub(super) script: Arc<Script>,
    pub(super) pace: Pace,
    pub(super) timeout: Duration,
    pub(super) folders: PathMap,
    pub(super) ignored: Vec<Ignore>,
    pub(super) set: Vec<Argument>,
}
