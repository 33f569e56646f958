//! Makes text of others safe for a terminal: from a client, dlv, the debugged program, a file.
//!
//! Characters that could move the cursor, change the terminal, or reorder a line are replaced. What
//! [`show`](crate::show) prints has passed through this module.

use std::borrow::Cow;

/// Stands for each character that is not shown.
pub const REPLACED: char = '·';

/// Replaces control characters, except line feeds and tabs.
///
/// ```
/// use dlvgate_recording::escape::printable;
///
/// assert_eq!(printable("a\x1b[2Jb\n"), "a·[2Jb\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|char| if is_harmless(char) { char } else { REPLACED }).collect())
}

/// Does the same, and puts all on one line: a line feed is `⏎`, a tab a space.
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    match printable(text) {
        same if !same.contains(['\n', '\t']) => same,
        other => Cow::Owned(other.chars().map(|char| line_bound(char).unwrap_or(char)).collect()),
    }
}

/// Returns what stands for a character on one line; `None` if it stays.
pub fn line_bound(char: char) -> Option<char> {
    match char {
        '\n' => Some('⏎'),
        '\t' => Some(' '),
        other => (!is_harmless(other)).then_some(REPLACED),
    }
}

/// Tells whether a terminal shows a character as itself, in its place.
pub fn is_visible(char: char) -> bool {
    is_harmless(char) && !char.is_control()
}

/// Tells whether [`printable`] keeps a character.
///
/// It replaces C0 and C1 (U+0000 to U+001F, U+007F to U+009F) except line feed and tab; characters
/// that write in another direction (Unicode's Bidi_Control) or end a line (U+2028, U+2029); and
/// tags (U+E0000 to U+E007F), which are not seen.
pub fn is_harmless(char: char) -> bool {
    match char {
        '\n' | '\t' => true,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        '\u{e0000}'..='\u{e007f}' => false,
        other => !other.is_control(),
    }
}

/// Escapes such characters in JSON, which keeps its meaning: JSON escapes C0's itself (RFC 8259,
/// section 7), and others may stand in strings alone.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if json.chars().all(is_harmless) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for char in json.chars() {
        if is_harmless(char) {
            out.push(char);
        } else {
            char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What changes a terminal's title, moves its cursor, or writes backwards.
    const HOSTILE: &str =
        "a\x1b]0;title\x07b\x1b[2Jc\u{9b}31md\u{202e}e\u{2066}f\rg\x08h\0i\u{7f}j\u{2028}k\u{e0041}";

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        assert_eq!(printable(HOSTILE), "a·]0;title·b·[2Jc·31md·e·f·g·h·i·j·k·");
        assert_eq!(printable("größer\n\tüber 日本 👩‍💻"), "größer\n\tüber 日本 👩‍💻");
        assert_eq!(on_one_line("a\n\tb"), "a⏎ b");
    }

    #[test]
    fn escaped_json_keeps_its_meaning() {
        let json = serde_json::to_string(HOSTILE).unwrap();
        let shown = printable_json(&json);
        assert!(shown.chars().all(is_harmless) && json.contains('\u{9b}'), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), HOSTILE);
    }
}
