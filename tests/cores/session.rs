//! What a session decides.

mod amendments;
mod carrier;
mod cause;
mod ear;
mod lane;
mod ledger;
mod lifecycle;
mod spare;
mod talk;
