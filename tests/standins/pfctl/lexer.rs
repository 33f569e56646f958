//! pf.conf's tokens, a statement at a time, with macros put in.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A bare word, a number, an address, `1000:2000`.
    Word(String),
    /// In quotes.
    Quoted(String),
    Mark(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub kind: Kind,
    pub line: usize,
}

/// A statement, or why there is none.
#[derive(Debug, PartialEq)]
pub enum Statement {
    Tokens(Vec<Token>),
    /// A message for this line; the lexer has moved past the statement.
    Bad(usize, String),
    End,
}

pub struct Lexer {
    chars: Vec<(char, usize)>,
    at: usize,
}

const MARKS: [&str; 18] =
    ["><", "<>", "<=", ">=", "!=", "->", "{", "}", "(", ")", "<", ">", "=", "!", ",", "/", ";", "|"];

fn in_word(c: char) -> bool {
    !c.is_whitespace() && !"(){}<>!=/#,;|\"'$".contains(c)
}

impl Lexer {
    /// A backslash before the end of a line joins it with the next, in comments too.
    pub fn new(text: &str) -> Self {
        let mut chars = Vec::new();
        let mut line = 1;
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '\\' && rest.peek() == Some(&'\n') {
                rest.next();
                line += 1;
                continue;
            }
            chars.push((c, line));
            if c == '\n' {
                line += 1;
            }
        }
        Self { chars, at: 0 }
    }

    /// The next statement that holds a token. A line end inside braces does not end it.
    pub fn next(&mut self, macros: &BTreeMap<String, String>) -> Statement {
        let mut tokens: Vec<Token> = Vec::new();
        let mut depth = 0_usize;
        let mut bad: Option<(usize, String)> = None;
        while let Some(&(c, line)) = self.chars.get(self.at) {
            if c == '\n' {
                self.at += 1;
                if let Some((line, message)) = bad {
                    return Statement::Bad(line, message);
                }
                if depth == 0 && !tokens.is_empty() {
                    return Statement::Tokens(tokens);
                }
            } else if c == '#' {
                while self.chars.get(self.at).is_some_and(|(c, _)| *c != '\n') {
                    self.at += 1;
                }
            } else if c.is_whitespace() {
                self.at += 1;
            } else {
                match self.token(c, line, macros) {
                    Ok(Some(token)) => {
                        match token.kind {
                            Kind::Mark("{") => depth += 1,
                            Kind::Mark("}") => depth = depth.saturating_sub(1),
                            _ => {}
                        }
                        tokens.push(token);
                    }
                    Ok(None) => {}
                    Err(message) => bad = bad.or(Some((line, message))),
                }
            }
        }
        match (bad, tokens.last()) {
            (Some((line, message)), _) => Statement::Bad(line, message),
            // The file ended inside a statement: its last newline is missing, or a brace.
            (None, Some(last)) => Statement::Bad(last.line, "syntax error".to_owned()),
            (None, None) => Statement::End,
        }
    }

    fn token(
        &mut self,
        c: char,
        line: usize,
        macros: &BTreeMap<String, String>,
    ) -> Result<Option<Token>, String> {
        if c == '$' {
            self.at += 1;
            let name = self.take_while(|c| c.is_alphanumeric() || c == '_');
            let value = macros.get(&name).ok_or(format!("macro '{name}' not defined"))?;
            let value: Vec<(char, usize)> = format!(" {value} ").chars().map(|c| (c, line)).collect();
            self.chars.splice(self.at..self.at, value);
            return Ok(None);
        }
        if c == '"' || c == '\'' {
            self.at += 1;
            let text = self.take_while(|other| other != c && other != '\n');
            if self.chars.get(self.at).map(|(c, _)| *c) != Some(c) {
                return Err("syntax error".to_owned());
            }
            self.at += 1;
            return Ok(Some(Token { kind: Kind::Quoted(text), line }));
        }
        for mark in MARKS {
            if mark.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i).map(|(c, _)| *c) == Some(c))
            {
                self.at += mark.len();
                return Ok(Some(Token { kind: Kind::Mark(mark), line }));
            }
        }
        let word = self.take_while(in_word);
        if word.is_empty() {
            self.at += 1;
            return Err("syntax error".to_owned());
        }
        Ok(Some(Token { kind: Kind::Word(word), line }))
    }

    fn take_while(&mut self, want: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(&(c, _)) = self.chars.get(self.at) {
            if !want(c) {
                break;
            }
            text.push(c);
            self.at += 1;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Statement> {
        let mut lexer = Lexer::new(text);
        let macros = BTreeMap::from([("if".to_owned(), "en0".to_owned())]);
        let mut all = Vec::new();
        loop {
            match lexer.next(&macros) {
                Statement::End => return all,
                other => all.push(other),
            }
        }
    }

    #[test]
    fn a_missing_last_newline_is_a_syntax_error() {
        assert_eq!(
            words("pass\nblock"),
            [
                Statement::Tokens(vec![Token { kind: Kind::Word("pass".into()), line: 1 }]),
                Statement::Bad(2, "syntax error".into()),
            ]
        );
    }

    #[test]
    fn continued_line_with_comment_is_one_statement() {
        let all = words("# a comment\npass on \\\n $if # why\n");
        let Statement::Tokens(tokens) = &all[0] else { panic!("{all:?}") };
        assert_eq!(tokens[2], Token { kind: Kind::Word("en0".into()), line: 3 });
    }

    #[test]
    fn an_unknown_macro_is_named() {
        assert_eq!(words("pass on $nope\n"), [Statement::Bad(1, "macro 'nope' not defined".into())]);
    }
}
