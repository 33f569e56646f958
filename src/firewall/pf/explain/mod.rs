//! Which rule decides: what pf does with the first packet of a TCP connection, whole or in
//! fragments, and why.
//!
//! [`read`] asks pfctl for all that pf holds. The rest works without I/O: [`LoadedPf`] parses
//! what pfctl prints, [`explain`] walks through it as the kernel does, and [`Explanation`] says
//! what came of it, in words or as JSON.
//!
//! The order of evaluation is that of `pf_normalize_ip`, `pf_test_rule`, `pf_test_fragment`,
//! `pf_step_into_anchor` and `pf_step_out_of_anchor` in xnu's `bsd/net/pf.c`; the listings' form is
//! that of pfctl's `pfctl_parser.c`. A part that is not understood is never taken for a match or
//! for none: where it could change the answer, the answer is unknown.

mod address;
mod compare;
mod explanation;
mod loaded;
mod matching;
mod parse;
mod read;
mod rule;
mod scrub;
mod services;
mod states;
mod walk;
mod words;

pub use explanation::{Explanation, PfReason, PfRulePlace};
pub use loaded::{LoadedPf, PfctlListings};
pub use read::read;
pub use services::Services;
pub use walk::explain;

/// macOS's loopback interface.
pub const LOOPBACK: &str = "lo0";
