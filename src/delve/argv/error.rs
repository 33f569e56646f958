//! Why dlv's command line cannot be read.

/// Why a command line cannot be read; dlv says so too, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// `--headless=maybe`.
    #[error("--{flag}={value} is neither true nor false")]
    NotABool {
        /// The flag.
        flag: String,
        /// Its value.
        value: String,
    },
    /// The last word is a flag that takes a value.
    #[error("--{flag} needs a value")]
    NoValue {
        /// The flag.
        flag: String,
    },
}
