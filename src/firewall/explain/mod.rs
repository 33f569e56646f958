//! What the explanations of pf and of nftables have in common: the packet that is asked about,
//! three-valued conditions, and the answer in words or as JSON.

mod explanation;
mod question;
mod report;
mod tristate;

pub use explanation::{Also, Decision, Doubt, Explanation, Fate, Settled, Standing, Verdict};
pub use question::{PacketDirection, PacketQuery};
pub(super) use tristate::Tristate;
