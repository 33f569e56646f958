//! A configuration file's text, as its fuzz target sees it.

use super::{ConfigEntry, file};

/// Reads it. The error has a line where there is one.
///
/// # Errors
/// If it is not TOML.
pub fn parse(text: &str) -> Result<Vec<ConfigEntry>, (Option<usize>, String)> {
    file::parse(text)
}
