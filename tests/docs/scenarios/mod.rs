//! Runs a block, and checks its outcome.

pub mod configuration;
pub mod doctor;
pub mod firewall;
pub mod goland;
pub mod packages;
pub mod recordings;

use crate::pages::Block;
use crate::play;
use crate::stage::Stage;

/// Each command does what its kind does: it ends with exit code 0, or serves a client.
pub fn run(stage: &Stage, block: &Block) {
    play::as_printed(stage, block);
}
