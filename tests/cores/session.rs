//! What a session decides.

mod amendments;
mod carrier;
mod cause;
mod lane;
mod lifecycle;
mod spare;
mod talk;
