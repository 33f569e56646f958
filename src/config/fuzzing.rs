//! A configuration file's text, as its fuzz target sees it.

use super::{Entry, file};

/// Reads it. The error has a line where there is one.
///
/// # Errors
/// Where it is no TOML.
pub fn parse(text: &str) -> Result<Vec<Entry>, (Option<usize>, String)> {
    file::parse(text)
}
