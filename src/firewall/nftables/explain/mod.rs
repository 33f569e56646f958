//! Which rule decides: what nftables does with the first packet of a TCP connection, and why.
//!
//! [`read`] asks nft for the ruleset. The rest works without I/O: [`LoadedNft`] parses what nft
//! prints, [`explain`] walks through it as the kernel does, and [`Explanation`] says what came of
//! it, in words or as JSON.
//!
//! The order of evaluation is that of nft(8) and of `nft_do_chain` in Linux's
//! `net/netfilter/nf_tables_core.c`; the JSON's form is that of libnftables-json(5). A part that is
//! not understood is never taken for a match or for none: where it could change the answer, the
//! answer is unknown.

mod elements;
mod explanation;
mod hooks;
mod loaded;
mod matching;
mod packet;
mod read;
mod statement;
mod value;
mod walk;

pub use explanation::{Explanation, NftReason, NftRulePlace};
pub use hooks::explain;
pub use loaded::{LoadedNft, NftListings};
pub use read::read;

/// Linux's loopback interface.
pub const LOOPBACK: &str = "lo";
