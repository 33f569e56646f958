//! What a session decides.

mod message_rewrites;
mod half_duplex;
mod end_reason;
mod filter;
mod lifecycle;
mod warm;
mod conversation;
