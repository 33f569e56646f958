//! Why nftables did not take, or does not hold, a gate.

use std::path::PathBuf;
use std::time::Duration;

/// A failure of nftables. Each message says what failed and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NftError {
    /// `nft` could not be started.
    #[error("{} cannot be run ({said}); nftables exists on Linux only: install it (`apt-get install nftables`)", path.display())]
    NoNft {
        /// The program that was tried.
        path: PathBuf,
        /// What the system said.
        said: std::io::Error,
    },
    /// The ruleset is for those only who have CAP_NET_ADMIN.
    #[error("nftables refuses us ({said}); run dlvgate with sudo")]
    NotRoot {
        /// nft's own words.
        said: String,
    },
    /// We may read the ruleset, but not change this part of it.
    #[error(
        "a table that filters incoming packets belongs to another program and takes no rule of ours ({said}); see `sudo nft list tables` for `flags owner`, and with firewalld set NftablesTableOwner=no in /etc/firewalld/firewalld.conf"
    )]
    Owned {
        /// nft's own words.
        said: String,
    },
    /// `nft` failed.
    #[error("`nft {arguments}` failed ({status}): {said}; see `sudo nft -a list ruleset`")]
    Failed {
        /// The arguments.
        arguments: String,
        /// The exit status, in words.
        status: String,
        /// Its standard error.
        said: String,
    },
    /// `nft` gave no answer in time and was killed.
    #[error("`nft {arguments}` did not answer within {} s and was killed; another program may hold the ruleset: see `ps -e | grep nft`", limit.as_secs())]
    Hangs {
        /// The arguments.
        arguments: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The ruleset could not be understood.
    #[error(
        "what `nft -n -j list ruleset` prints is not understood ({said}); is this nft 1.0 or later? See `nft --version`"
    )]
    Unreadable {
        /// The problem.
        said: String,
    },
    /// The transaction went through, yet the ruleset is not what was asked for.
    #[error(
        "nftables took the rules of {table}, but {missing}; another program may change the ruleset at the same time: see `sudo nft -a list ruleset`"
    )]
    NotInForce {
        /// Our table.
        table: String,
        /// What the read-back did not find.
        missing: String,
    },
    /// Rules are left that should be gone.
    #[error(
        "nftables still holds {left} of ours, marked {mark}; remove by hand what `sudo nft -a list ruleset | grep -w {mark}` shows"
    )]
    RulesLeft {
        /// What marks this gate's rules, and no other's.
        mark: String,
        /// The tables and rules that are left.
        left: String,
    },
}
