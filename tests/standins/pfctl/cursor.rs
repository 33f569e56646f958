//! A walk over a statement's tokens.

use crate::lexer::{Kind, Token};

/// Why a statement is refused: pfctl's words after `FILE:LINE: `.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub line: usize,
    pub message: String,
}

pub type Parsed<T> = Result<T, Refusal>;

pub struct Cursor<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(tokens: &'a [Token]) -> Self {
        Self { tokens, at: 0 }
    }

    pub fn peek(&self) -> Option<&'a Kind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub fn refuse<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |t| t.line);
        Err(Refusal { line, message: message.into() })
    }

    pub fn syntax_error<T>(&self) -> Parsed<T> {
        self.refuse("syntax error")
    }

    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Kind::Word(w)) if w == word)
    }

    /// Takes the word if it is next.
    pub fn word(&mut self, word: &str) -> bool {
        let yes = self.is_word(word);
        self.at += usize::from(yes);
        yes
    }

    pub fn mark(&mut self, mark: &str) -> bool {
        let yes = matches!(self.peek(), Some(Kind::Mark(m)) if *m == mark);
        self.at += usize::from(yes);
        yes
    }

    pub fn any_word(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Kind::Word(word)) => {
                self.at += 1;
                Ok(word.clone())
            }
            _ => self.syntax_error(),
        }
    }

    /// A word or a quoted string, as pf's STRING.
    pub fn string(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Kind::Word(text) | Kind::Quoted(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => self.syntax_error(),
        }
    }

    pub fn expect_mark(&mut self, mark: &str) -> Parsed<()> {
        if self.mark(mark) { Ok(()) } else { self.syntax_error() }
    }

    pub fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.word(word) { Ok(()) } else { self.syntax_error() }
    }

    /// One item, or a list in braces with optional commas.
    pub fn one_or_list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if !self.mark("{") {
            return Ok(vec![item(self)?]);
        }
        let mut all = Vec::new();
        loop {
            // A macro that holds a list may stand inside a list.
            if self.mark("{") {
                while !self.mark("}") {
                    all.push(item(self)?);
                    self.mark(",");
                }
            } else {
                all.push(item(self)?);
            }
            self.mark(",");
            if self.mark("}") {
                return Ok(all);
            }
        }
    }

    pub fn address(&mut self) -> Parsed<(crate::model::Net, Option<String>)> {
        let word = self.any_word()?;
        let (text, zone) = match word.split_once('%') {
            Some((text, zone)) => (text.to_owned(), Some(zone.to_owned())),
            None => (word, None),
        };
        let full = if self.mark("/") { format!("{text}/{}", self.any_word()?) } else { text.clone() };
        match crate::model::Net::parse(&full) {
            Some(net) => Ok((net, zone)),
            None => self.refuse(format!("no IP address found for {text}")),
        }
    }
}
