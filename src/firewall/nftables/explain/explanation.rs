//! nftables' part of the answer: where its rules stand, and why it comes to a decision.

use std::fmt;

use serde::Serialize;

use crate::firewall::explain::{self, Standing};

/// The whole answer. Displayed, it is a page for people.
pub type Explanation = explain::Explanation<NftRulePlace, NftReason>;

pub(super) type Also = explain::Also<NftRulePlace>;
pub(super) type Doubt = explain::Doubt<NftRulePlace>;
pub(super) type Settled = explain::Settled<NftRulePlace, NftReason>;

/// Why it comes to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum NftReason {
    /// A rule drops it.
    Drop,
    /// A rule rejects it, and the sender gets an answer.
    Reject,
    /// No rule of a base chain decides, and the chain's policy is to drop.
    Policy {
        /// Family, table and name of the chain.
        chain: String,
    },
    /// No base chain that it meets drops it.
    NothingDrops {
        /// These chains, in the order in which it meets them.
        chains: Vec<String>,
    },
}

/// A rule and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NftRulePlace {
    /// The table's family: `inet`, `ip` or `ip6`.
    pub family: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The rule's handle, which is its own in its table.
    pub handle: u64,
    /// As `nft -n` prints it.
    pub rule: String,
}

impl Standing for NftRulePlace {
    fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for NftRulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handle {} in the chain {} {} {}", self.handle, self.family, self.table, self.chain)
    }
}

impl fmt::Display for NftReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NftReason::Drop => f.write_str("a drop ends the packet's way, whatever other chains say"),
            NftReason::Reject => {
                f.write_str("a reject ends the packet's way and tells its sender, whatever other chains say")
            }
            NftReason::Policy { chain } => {
                write!(f, "no rule of the chain {chain} accepts it, and the chain's policy is to drop")
            }
            NftReason::NothingDrops { chains } if chains.is_empty() => {
                f.write_str("it meets no base chain, and nothing else in nftables drops")
            }
            NftReason::NothingDrops { chains } => {
                write!(f, "no base chain that it meets drops it: {}", chains.join(", "))
            }
        }
    }
}
