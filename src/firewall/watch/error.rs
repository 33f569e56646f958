//! Why refusals cannot be watched.

use std::path::PathBuf;

use crate::firewall::nftables::NftError;

/// A failure of a watch. Each message says what failed and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A program could not be started.
    #[error("{} cannot be run ({said}); {remedy}", path.display())]
    NoProgram {
        /// The program that was tried.
        path: PathBuf,
        /// What the system said.
        said: std::io::Error,
        /// Where it comes from.
        remedy: &'static str,
    },
    /// Watching is for root.
    #[error(
        "only root may watch the packet filter ({said}); run it with sudo: `sudo dlvgate firewall watch`"
    )]
    NotRoot {
        /// The program's own words.
        said: String,
    },
    /// The program that prints the events ended.
    #[error("{} ended, so no more refusals can be reported ({status}): {said}", path.display())]
    Ended {
        /// The program.
        path: PathBuf,
        /// The exit status, in words.
        status: String,
        /// The end of its standard error.
        said: String,
    },
    /// ifconfig failed.
    #[error("`ifconfig {arguments}` failed ({status}): {said}; see `ifconfig pflog0`")]
    Ifconfig {
        /// The arguments.
        arguments: String,
        /// The exit status, in words.
        status: String,
        /// Its standard error.
        said: String,
    },
    /// What the watch made could not be taken away again.
    #[error("{what} is left ({said}); remove it with `{remedy}`")]
    Left {
        /// The table or interface.
        what: String,
        /// What went wrong.
        said: String,
        /// The command that removes it.
        remedy: String,
    },
    /// nftables.
    #[error(transparent)]
    Nft(NftError),
}

/// Where nft comes from.
const NFT: &str = "it is nftables' own tool: install it (`apt-get install nftables`)";

impl From<NftError> for WatchError {
    fn from(error: NftError) -> WatchError {
        match error {
            NftError::NoNft { path, said } => WatchError::NoProgram { path, said, remedy: NFT },
            NftError::NotRoot { said } => WatchError::NotRoot { said },
            other => WatchError::Nft(other),
        }
    }
}
