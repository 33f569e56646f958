//! Text of others, for a terminal: from a client, dlv, the debugged program, a recording, a file, a
//! process, the packet filter. Characters that could move the cursor, change the terminal, or
//! reorder a line are replaced; which ones, [`dlvgate_recording::escape`] decides.

use std::io::{self, Write};

use dlvgate_recording::escape::{REPLACED, is_harmless};
pub use dlvgate_recording::escape::{is_visible, on_one_line, printable, printable_json};

/// What the lines of a log entry after its first begin with: each entry of the log itself begins
/// with its time.
const CONTINUED: &str = "    ";

/// Writes text through [`printable`]. What `write!` passes on is whole characters; half of one
/// becomes U+FFFD.
pub struct Printable<W>(pub W);

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(printable(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes JSON through [`printable_json`], each object with one call.
pub(crate) struct PrintableJson<W>(pub W);

impl<W: Write> Write for PrintableJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(printable_json(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes the entries of the log's text form, each with one call. Colours are the formatter's own:
/// it replaces the escape characters of what it is given.
pub(crate) struct LogEntries<W>(pub W);

impl<W: Write> Write for LogEntries<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(entry(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn entry(text: &str) -> String {
    let (text, end) = text.strip_suffix('\n').map_or((text, ""), |text| (text, "\n"));
    let mut out = String::with_capacity(text.len() + 1);
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let colour = colour(rest);
        let length = if colour == 0 { char.len_utf8() } else { colour };
        match char {
            '\n' => out.extend(["\n", CONTINUED]),
            _ if colour > 0 || is_harmless(char) => out.push_str(&rest[..length]),
            _ => out.push(REPLACED),
        }
        rest = &rest[length..];
    }
    out + end
}

/// The length of a colour that the text begins with (SGR, ECMA-48 8.3.117: `ESC [ 1 ; 31 m`), or 0.
fn colour(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\x1b[") else { return 0 };
    let end = rest.find(|char: char| !char.is_ascii_digit() && char != ';');
    end.filter(|end| rest[*end..].starts_with('m')).map_or(0, |end| end + "\x1b[m".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What changes a terminal's title, moves its cursor, or writes backwards.
    const HOSTILE: &str =
        "a\x1b]0;title\x07b\x1b[2Jc\u{9b}31md\u{202e}e\u{2066}f\rg\x08h\0i\u{7f}j\u{2028}k\u{e0041}";

    #[test]
    fn what_is_written_in_parts_is_as_harmless() {
        let mut out = Printable(Vec::new());
        write!(out, "{HOSTILE}ü").unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), format!("{}ü", printable(HOSTILE)));
    }

    #[test]
    fn log_entry_keeps_colours_and_stays_one_entry() {
        let coloured = "\x1b[2m2026\x1b[0m \x1b[1;33m WARN\x1b[0m a\rb\x1b[2Jc\x1b[md\n2026 INFO forged\n";
        let kept = "\x1b[2m2026\x1b[0m \x1b[1;33m WARN\x1b[0m a·b·[2Jc\x1b[md\n    2026 INFO forged\n";
        assert_eq!(entry(coloured), kept);
        for cut in ["\x1b", "\x1b[", "\x1b[31", "\x1b[31K"] {
            assert_eq!(entry(cut), cut.replace('\x1b', "·"));
        }
    }
}
