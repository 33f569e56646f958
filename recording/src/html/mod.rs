//! A recording as one page: a sequence diagram and a latency timeline, without anything from a
//! network.

use std::io::{self, BufRead, Write};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 4] =
    [include_str!("data.js"), include_str!("rows.js"), include_str!("timeline.js"), include_str!("main.js")];

/// Where the recording goes.
const DATA: &str = "<!--DATA-->";

/// Writes the page of a recording, whose lines are taken as they are.
///
/// A `<` of theirs is written as JSON's `\u003c`: no text of a message can end the element that it
/// is in.
///
/// # Errors
/// If the recording cannot be read or the page not written.
pub fn page(title: &str, mut recording: impl BufRead, out: &mut impl Write) -> io::Result<()> {
    let escaped = title.replace('&', "&amp;").replace('<', "&lt;");
    let page = PAGE.replacen("/*CSS*/", STYLE, 1).replacen("/*JS*/", &SCRIPTS.concat(), 1);
    let page = page.replacen("<!--TITLE-->", &escaped, 1);
    let (before, after) = page.split_once(DATA).unwrap_or((&page, ""));
    out.write_all(before.as_bytes())?;
    loop {
        let bytes = recording.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'<', rest) {
            out.write_all(&rest[..at])?;
            out.write_all(b"\\u003c")?;
            rest = &rest[at + 1..];
        }
        out.write_all(rest)?;
        let len = bytes.len();
        recording.consume(len);
    }
    out.write_all(after.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_can_leave_its_element() {
        let recording = b"{\"recording\":1}\n{\"t\":1,\"from\":\"dlv\",\"message\":{\"x\":\"</script><img src=x onerror=alert(1)><!--\"}}\n";
        let mut out = Vec::new();
        page("a <b>", &recording[..], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("<title>a &lt;b></title>"));
        let data = text.split_once("id=\"recording\">").unwrap().1.split_once("</script>").unwrap().0;
        assert_eq!(data.replace("\\u003c", "<").as_bytes(), recording);
        for placeholder in ["/*CSS*/", "/*JS*/", "<!--"] {
            assert!(!text.contains(placeholder), "{placeholder}");
        }
        assert!(!text.contains("http://") && !text.contains("https://"), "nothing comes from a network");
    }
}
