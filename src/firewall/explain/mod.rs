//! What the explanations of pf and of nftables have in common: the packet that is asked about,
//! three-valued conditions, and the answer in words or as JSON.

mod explanation;
mod fit;
mod question;
mod report;

pub use explanation::{Also, Decision, Doubt, Explanation, Fate, Settled, Standing, Verdict};
pub(super) use fit::Fit;
pub use question::{Direction, Question};
