//! A printed rule's words.

/// One word of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word<'a> {
    /// A bare word; an operator, `!` and `{` are words too.
    Bare(&'a str),
    /// What stands between double quotes.
    Quoted(&'a str),
    /// What stands between parentheses.
    Group(&'a str),
}

/// A walk over a line's words.
pub(super) struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a str) -> Words<'a> {
        Words { rest: line.trim() }
    }

    /// Returns the rest of the line.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<Word<'a>> {
        split(self.rest).map(|(word, _)| word)
    }

    /// Takes the next word, if it is bare.
    pub(super) fn bare(&mut self) -> Option<&'a str> {
        match split(self.rest) {
            Some((Word::Bare(word), rest)) => {
                self.rest = rest;
                Some(word)
            }
            _ => None,
        }
    }

    /// Takes the next word, if it is quoted or bare.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        match split(self.rest) {
            Some((Word::Bare(word) | Word::Quoted(word), rest)) => {
                self.rest = rest;
                Some(word)
            }
            _ => None,
        }
    }

    /// Takes the next word, if it is a group.
    pub(super) fn group(&mut self) -> Option<&'a str> {
        match split(self.rest) {
            Some((Word::Group(text), rest)) => {
                self.rest = rest;
                Some(text)
            }
            _ => None,
        }
    }

    /// Takes this bare word, if it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let is_next = self.peek() == Some(Word::Bare(wanted));
        if is_next {
            self.bare();
        }
        is_next
    }
}

/// The first word and what follows it. A quote or parenthesis without its partner goes to the end
/// of the line.
fn split(text: &str) -> Option<(Word<'_>, &str)> {
    let enclosed = |end_mark: &str| {
        let text = &text[1..];
        let end = text.find(end_mark).unwrap_or(text.len());
        (&text[..end], text[end..].strip_prefix(end_mark).unwrap_or_default().trim_start())
    };
    match text.chars().next()? {
        '"' => {
            let (inner, rest) = enclosed("\"");
            Some((Word::Quoted(inner), rest))
        }
        '(' => {
            let (inner, rest) = enclosed(")");
            Some((Word::Group(inner), rest))
        }
        _ => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            Some((Word::Bare(&text[..end]), text[end..].trim_start()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_name_and_a_group_are_one_word_each() {
        let mut words = Words::new("label \"a (b) c\" keep state (max 3, if-bound) tag x");
        assert!(words.take("label"));
        assert_eq!(words.peek(), Some(Word::Quoted("a (b) c")));
        assert_eq!((words.group(), words.name()), (None, Some("a (b) c")));
        assert_eq!((words.bare(), words.bare()), (Some("keep"), Some("state")));
        assert_eq!((words.group(), words.rest()), (Some("max 3, if-bound"), "tag x"));
    }
}
