//! Why the guard does not start confined.

use std::io;

/// Why the guard does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The caller's surroundings cannot be left.
    #[error("the guard cannot leave its caller's {what}: {said}; it holds no gate under them")]
    Surroundings {
        /// Which part of them.
        what: &'static str,
        /// What the system said.
        said: io::Error,
    },
    /// The kernel has this restriction, and did not take it.
    #[error("the guard cannot confine itself by {by}: {said}; it does not go on unconfined")]
    Unconfined {
        /// Which restriction.
        by: &'static str,
        /// What the kernel, or the library, said.
        said: String,
    },
}
