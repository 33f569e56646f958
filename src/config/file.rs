//! The lines of a configuration file.

use toml::Value;
use toml::de::DeTable;

/// One key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigEntry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// The line of the key, counted from 1.
    pub line: usize,
}

/// Reads a file's text. The error has a line where there is one.
pub(super) fn parse(text: &str) -> Result<Vec<ConfigEntry>, (Option<usize>, String)> {
    let line_at = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let failed =
        |error: toml::de::Error| (error.span().map(|span| line_at(span.start)), error.message().to_owned());
    let places = DeTable::parse(text).map_err(failed)?;
    let mut values: toml::Table = text.parse().map_err(failed)?;
    let mut entries: Vec<ConfigEntry> = places
        .get_ref()
        .keys()
        .filter_map(|key| {
            let value = values.remove(key.get_ref().as_ref())?;
            Some(ConfigEntry { key: key.get_ref().to_string(), value, line: line_at(key.span().start) })
        })
        .collect();
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_line() {
        let text = "# ours\nlisten = \"127.0.0.1:1\"\n\n[launch-default]\nstopOnEntry = true\n";
        let lines: Vec<_> = parse(text).unwrap().into_iter().map(|entry| (entry.key, entry.line)).collect();
        assert_eq!(lines, [("listen".to_owned(), 2), ("launch-default".to_owned(), 4)]);
    }

    #[test]
    fn what_is_no_toml_is_said_with_its_line() {
        for text in ["a = 1\nb = \n", "a = 1\nlisten = 127.0.0.1:1\n", "a = 1\na = 2\n"] {
            let (line, said) = parse(text).unwrap_err();
            assert_eq!(line, Some(2), "{said}");
        }
    }
}
