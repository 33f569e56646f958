//! Replacements of secrets: placeholders in a file, stars where two messages are compared.

use super::placeholder::Placeholders;
use super::texts::Replace;

/// The replacement of a secret.
#[derive(Debug)]
pub(super) enum Fill {
    /// One for each text, as long as it.
    Placeholders(Placeholders),
    /// The same for all: two messages that differ in their secrets alone are then equal.
    Stars,
}

impl Replace for Fill {
    fn secret(&mut self, text: &str) -> String {
        match self {
            Fill::Placeholders(placeholders) => placeholders.of(text),
            Fill::Stars => "*".to_owned(),
        }
    }

    /// Stars distinguish the identifiers of two expressions by their length, which a placeholder
    /// keeps.
    fn identifier(&mut self, word: &str) -> String {
        match self {
            Fill::Placeholders(placeholders) => placeholders.identifier(word),
            Fill::Stars => format!("*{}", word.len()),
        }
    }
}

impl Fill {
    /// Gives a path's placeholder. The folders of two paths are of different lengths.
    pub(super) fn outside(&mut self, path: &str) -> String {
        match self {
            Fill::Placeholders(_) => super::texts::outside(path, self),
            Fill::Stars => "*".to_owned(),
        }
    }
}
