//! The envelope of a message as clients and Delve usually write one, in a single look.

use crate::envelope::{Envelope, MessageKind, NAME_MAX, Name};

/// Digits of a number that fits in any case.
const USUAL_DIGITS: usize = 18;

/// The envelope at the beginning of `body`, where the envelope's fields come first, each once, and
/// all that a message of its type needs within `body`, with letters, integers and a space at most
/// behind a colon or comma. `None` says nothing: [`Walker`](crate::json::Walker) reads all other
/// layouts, and reads these the same.
pub(super) fn envelope(body: &[u8]) -> Option<Envelope> {
    front(body).map(|(envelope, _)| envelope)
}

/// As [`envelope`], with what follows the last of the fields.
pub(super) fn front(body: &[u8]) -> Option<(Envelope, &[u8])> {
    let mut rest = body.strip_prefix(b"{")?;
    let mut fields = FastFields::default();
    loop {
        rest = fields.take(rest)?;
        if let Some(envelope) = fields.envelope() {
            return Some((envelope, rest));
        }
        rest = match rest {
            [b',', b' ', rest @ ..] | [b',', rest @ ..] => rest,
            _ => return None,
        };
    }
}

/// The envelope of a whole `body` that is like that to its end. `None` says nothing.
pub(super) fn whole(body: &[u8]) -> Option<Envelope> {
    front(body).filter(|(_, rest)| is_tail(rest)).map(|(envelope, _)| envelope)
}

/// Whether `rest`, what follows [`front`], is all of the rest of a body, and has nothing more for
/// the envelope: nothing, or `arguments` with nothing but plain texts, integers and words in them.
/// `false` says nothing.
fn is_tail(rest: &[u8]) -> bool {
    match rest.strip_prefix(b",\"arguments\":") {
        Some(rest) => arguments(rest) == Some(b"}"),
        None => rest == b"}",
    }
}

/// What follows an object with nothing in it but scalars.
fn arguments(input: &[u8]) -> Option<&[u8]> {
    let mut rest = after_space(input).strip_prefix(b"{")?;
    if let Some(rest) = rest.strip_prefix(b"}") {
        return Some(rest);
    }
    loop {
        rest = after_space(after_text(rest)?.strip_prefix(b":")?);
        rest = match *rest.first()? {
            b'"' => after_text(rest)?,
            b'0'..=b'9' => integer(rest)?.1,
            b't' | b'f' => boolean(rest)?.1,
            _ => return None,
        };
        match rest.split_first()? {
            (b'}', rest) => return Some(rest),
            (b',', next) => rest = after_space(next),
            _ => return None,
        }
    }
}

fn after_space(input: &[u8]) -> &[u8] {
    input.strip_prefix(b" ").unwrap_or(input)
}

/// What follows a string without escapes.
fn after_text(input: &[u8]) -> Option<&[u8]> {
    let input = input.strip_prefix(b"\"")?;
    let end = input.iter().position(|&byte| IS_NOT_PLAIN[usize::from(byte)])?;
    input[end..].strip_prefix(b"\"")
}

/// Of each byte, whether it is a quotation mark, a backslash or a control character. One look in a
/// table is quicker than three comparisons.
static IS_NOT_PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < b' ' {
        table[control as usize] = true;
        control += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

#[derive(Default)]
struct FastFields<'a> {
    seq: Option<i64>,
    kind: Option<FastType>,
    command: Option<&'a [u8]>,
    event: Option<&'a [u8]>,
    request_seq: Option<i64>,
    success: Option<bool>,
}

#[derive(Clone, Copy)]
enum FastType {
    Request,
    Response,
    Event,
}

impl<'a> FastFields<'a> {
    /// Takes a field that has not come yet from the front; returns what follows.
    fn take(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        // Told by their second letters, all but two.
        match *input.get(1)? {
            b's' => match value_of(b"\"seq\":", input) {
                Some(value) => once(&mut self.seq, integer(value)?),
                None => once(&mut self.success, boolean(value_of(b"\"success\":", input)?)?),
            },
            b't' => once(&mut self.kind, kind(value_of(b"\"type\":", input)?)?),
            b'c' => once(&mut self.command, text(value_of(b"\"command\":", input)?)?),
            b'r' => once(&mut self.request_seq, integer(value_of(b"\"request_seq\":", input)?)?),
            b'e' => once(&mut self.event, text(value_of(b"\"event\":", input)?)?),
            _ => None,
        }
    }

    /// The envelope, once all is there that its type needs.
    fn envelope(&self) -> Option<Envelope> {
        let kind = match self.kind? {
            FastType::Request => MessageKind::Request { command: Name::usual(self.command?) },
            FastType::Response => MessageKind::Response {
                request_seq: self.request_seq?,
                success: self.success?,
                command: Name::usual(self.command?),
            },
            FastType::Event => MessageKind::Event { event: Name::usual(self.event?) },
        };
        Some(Envelope { seq: Some(self.seq?), kind })
    }
}

fn once<'a, T>(field: &mut Option<T>, (value, rest): (T, &'a [u8])) -> Option<&'a [u8]> {
    if field.is_some() {
        return None;
    }
    *field = Some(value);
    Some(rest)
}

/// What follows `key`, which ends with its colon.
fn value_of<'a, const N: usize>(key: &[u8; N], input: &'a [u8]) -> Option<&'a [u8]> {
    after(key, input).map(after_space)
}

/// What follows `text`, whose length is known here: a comparison of a few words.
fn after<'a, const N: usize>(text: &[u8; N], input: &'a [u8]) -> Option<&'a [u8]> {
    input.split_first_chunk().filter(|(first, _)| *first == text).map(|(_, rest)| rest)
}

fn kind(input: &[u8]) -> Option<(FastType, &[u8])> {
    match *input.get(3)? {
        b'q' => Some((FastType::Request, after(b"\"request\"", input)?)),
        b's' => Some((FastType::Response, after(b"\"response\"", input)?)),
        _ => Some((FastType::Event, after(b"\"event\"", input)?)),
    }
}

fn integer(input: &[u8]) -> Option<(i64, &[u8])> {
    let (mut value, mut len) = (0, 0);
    let end = loop {
        match input.get(len)? {
            digit @ b'0'..=b'9' if len < USUAL_DIGITS => value = value * 10 + i64::from(digit - b'0'),
            other => break *other,
        }
        len += 1;
    };
    // No leading zeros, and the number ends here: a fraction or exponent would go on.
    let is_usual = len > 0 && (input[0] != b'0' || len == 1) && matches!(end, b',' | b'}');
    is_usual.then(|| (value, &input[len..]))
}

fn boolean(input: &[u8]) -> Option<(bool, &[u8])> {
    let (value, rest) = match input {
        [b't', b'r', b'u', b'e', rest @ ..] => (true, rest),
        [b'f', b'a', b'l', b's', b'e', rest @ ..] => (false, rest),
        _ => return None,
    };
    matches!(rest.first(), Some(b',' | b'}')).then_some((value, rest))
}

/// A string of ASCII's letters that a [`Name`] holds, as commands and events are.
fn text(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let input = input.strip_prefix(b"\"")?;
    let len = input.iter().take(NAME_MAX + 1).position(|byte| !byte.is_ascii_alphabetic())?;
    Some((&input[..len], input[len..].strip_prefix(b"\"")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Limits, frame};
    use crate::scan::DapScanner;

    /// As it is read where nothing comes in one piece.
    fn by_bytes(body: &[u8]) -> Envelope {
        let mut scanner = DapScanner::new(Limits::default());
        let wire = frame(body);
        let steps = wire.chunks(1).map(|byte| scanner.step(byte).unwrap());
        steps.filter_map(|step| step.envelope).last().unwrap()
    }

    #[test]
    fn what_is_usual_is_read_in_one_look() {
        for body in [
            r#"{"seq":3,"type":"request","command":"next","arguments":{}}"#,
            r#"{"seq": 3, "type": "request", "command": "next"}"#,
            r#"{"command":"next","type":"request","seq":0}"#,
            r#"{"seq":0,"type":"response","request_seq":12,"success":true,"command":"variables","body":{"#,
            r#"{"seq":0,"type":"response","request_seq":12,"success":false,"command":""}"#,
            r#"{"type":"event","seq":123456789012345678,"event":"stopped","body":{}}"#,
        ] {
            assert_eq!(envelope(body.as_bytes()), Some(by_bytes(body.as_bytes())), "{body}");
        }
    }

    #[test]
    fn what_is_not_usual_is_left_to_the_walker() {
        for body in [
            "",
            "{",
            r#"{"seq":3,"type":"request""#,
            r#"{"seq":3,"type":"request","command":"ne"#,
            r#" {"seq":3,"type":"request","command":"next"}"#,
            r#"{"seq":03,"type":"request","command":"next"}"#,
            r#"{"seq":-3,"type":"request","command":"next"}"#,
            r#"{"seq":3.5,"type":"request","command":"next"}"#,
            r#"{"seq":3e1,"type":"request","command":"next"}"#,
            r#"{"seq":"3","type":"request","command":"next"}"#,
            r#"{"seq":1234567890123456789,"type":"request","command":"next"}"#,
            r#"{"seq":3,"seq":4,"type":"request","command":"next"}"#,
            r#"{"seq":3,"type":"re\u0071uest","command":"next"}"#,
            r#"{"seq":3,"type":"reply","command":"next"}"#,
            r#"{"seq":3,"type":"request","command":null}"#,
            r#"{"seq":3,"arguments":{},"type":"request","command":"next"}"#,
            r#"{"seq":3,"type":"response","request_seq":1,"success":truely,"command":"next"}"#,
            r#"{"seq":3,"type":"response","request_seq":1,"success":null,"command":"next"}"#,
        ] {
            assert_eq!(envelope(body.as_bytes()), None, "{body}");
        }
        let long = format!(r#"{{"seq":3,"type":"request","command":"{}"}}"#, "x".repeat(NAME_MAX + 1));
        assert_eq!(envelope(long.as_bytes()), None);
        assert_eq!(envelope(b"{\"seq\":3,\"type\":\"request\",\"command\":\"\xff\"}"), None);
    }

    #[test]
    fn mutated_requests_read_the_same_by_bytes() {
        let bodies = [
            &br#"{"seq":30,"type":"request","command":"next","arguments":{"a":"x", "b": 10,"c":true}}"#[..],
            br#"{"seq":30, "type":"request","command":"next","arguments":{}}"#,
            br#"{"seq":30,"type":"request","command":"next"}"#,
        ];
        let whole = |body: &[u8], size: usize| {
            let mut scanner = DapScanner::of_client(Limits::default());
            let wire = frame(body);
            let header = scanner.step(&wire).unwrap().consumed;
            wire[header..].chunks(size).filter_map(|bytes| scanner.step(bytes).unwrap().envelope).last()
        };
        for body in bodies {
            assert!(front(body).is_some_and(|(_, rest)| is_tail(rest)), "{}", String::from_utf8_lossy(body));
            for at in 0..body.len() {
                for byte in b"{}[]\",:\\ 0tn\xff\n-" {
                    let mut changed = body.to_vec();
                    changed[at] = *byte;
                    let said = String::from_utf8_lossy(&changed);
                    assert_eq!(whole(&changed, changed.len()), whole(&changed, 1), "{said}");
                }
            }
            let more = [&body[..body.len() - 1], b",\"Command\":\"x\"}"].concat();
            assert!(!is_tail(front(&more).unwrap().1));
        }
    }

    #[test]
    fn mutated_messages_read_the_same_by_bytes() {
        let body =
            br#"{"seq":30, "type":"response","request_seq":1,"success":true,"command":"next","body":{}}"#;
        for at in 0..body.len() {
            for byte in b"{}[]\",:\\ 0tn\xff" {
                let mut changed = body.to_vec();
                changed[at] = *byte;
                if let Some(read) = envelope(&changed) {
                    assert_eq!(read, by_bytes(&changed), "{}", String::from_utf8_lossy(&changed));
                }
            }
        }
    }
}
