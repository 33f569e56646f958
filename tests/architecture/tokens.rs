//! Splits Rust source into the tokens that matter for paths, without what only tests see.

/// One token. Literals, lifetimes and comments are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// An identifier or a keyword, without `r#`.
    Word(String),
    /// `::`.
    Path,
    /// Any other character.
    Mark(char),
}

/// The tokens of a file, without the items that only tests and fuzz targets compile.
pub fn tokens(source: &str) -> Vec<Token> {
    without_tests(&split(source))
}

fn split(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        match chars[at] {
            '/' if next == Some('/') => at = line_end(&chars, at),
            '/' if next == Some('*') => at = block_comment_end(&chars, at),
            '"' => at = string_end(&chars, at + 1),
            '\'' => at = quote_end(&chars, at),
            ':' if next == Some(':') => {
                tokens.push(Token::Path);
                at += 2;
            }
            first if first.is_alphanumeric() || first == '_' => {
                let from = at;
                while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
                let word: String = chars[from..at].iter().collect();
                match (word.as_str(), chars.get(at)) {
                    ("b" | "c", Some('"')) => {}
                    ("b", Some('\'')) => at = quote_end(&chars, at),
                    ("r" | "br" | "cr", Some('"' | '#')) => match raw_string_end(&chars, at) {
                        Some(end) => at = end,
                        // A raw identifier: `r#type`.
                        None => at += 1,
                    },
                    _ if first.is_numeric() => {}
                    _ => tokens.push(Token::Word(word)),
                }
            }
            space if space.is_whitespace() => at += 1,
            mark => {
                tokens.push(Token::Mark(mark));
                at += 1;
            }
        }
    }
    tokens
}

fn line_end(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|&char| char == '\n').map_or(chars.len(), |length| from + length)
}

fn block_comment_end(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) if depth == 1 => return at + 2,
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of a raw string whose hashes or quote begin at `from`; none for a raw identifier.
fn raw_string_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|&&char| char == '#').count();
    let mut at = from + hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    loop {
        at += 1;
        let rest = chars.get(at..)?;
        if rest.first() == Some(&'"')
            && rest[1..].iter().take(hashes).filter(|&&char| char == '#').count() == hashes
        {
            return Some(at + 1 + hashes);
        }
    }
}

/// The end of a character literal, or of the quote of a lifetime.
fn quote_end(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => {
            let rest = chars.get(from + 3..).unwrap_or_default();
            from + 4 + rest.iter().position(|&char| char == '\'').unwrap_or(rest.len())
        }
        (_, Some('\'')) => from + 3,
        _ => from + 1,
    }
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((condition, end)) = cfg_attribute(tokens, at)
            && !can_be(condition, true)
        {
            at = item_end(tokens, end);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// What stands in the `#[cfg(…)]` that begins here, and the index behind it.
fn cfg_attribute(tokens: &[Token], at: usize) -> Option<(&[Token], usize)> {
    let [Token::Mark('#'), Token::Mark('['), Token::Word(cfg), ..] = tokens.get(at..)? else { return None };
    let end = group_end(tokens, at + 1);
    (cfg == "cfg").then(|| (&tokens[at + 4..end - 2], end))
}

/// The index behind the bracket that matches the one at `open`.
pub fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Whether a condition can have this value where neither tests nor fuzz targets are built.
fn can_be(condition: &[Token], value: bool) -> bool {
    let name = match condition.first() {
        Some(Token::Word(name)) => name.as_str(),
        _ => return false,
    };
    let inner = || condition.get(2..condition.len().saturating_sub(1)).unwrap_or_default();
    match name {
        "test" | "fuzzing" => !value,
        "not" => can_be(inner(), !value),
        "all" | "any" => {
            let mut parts = operands(inner()).into_iter();
            if (name == "all") == value {
                parts.all(|part| can_be(part, value))
            } else {
                parts.any(|part| can_be(part, value))
            }
        }
        _ => true,
    }
}

fn operands(list: &[Token]) -> Vec<&[Token]> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while at < list.len() {
        match list[at] {
            Token::Mark(',') => {
                parts.push(&list[from..at]);
                (from, at) = (at + 1, at + 1);
            }
            Token::Mark('(') => at = group_end(list, at),
            _ => at += 1,
        }
    }
    if from < list.len() {
        parts.push(&list[from..]);
    }
    parts
}

/// The index behind the item, field or statement that begins here.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while let [Token::Mark('#'), Token::Mark('['), ..] = tokens[at..] {
        at = group_end(tokens, at + 1);
    }
    let keyword = tokens[at..].iter().find_map(|token| match token {
        Token::Word(word) if !["pub", "crate", "super", "in", "async", "unsafe"].contains(&word.as_str()) => {
            Some(word.as_str())
        }
        _ => None,
    });
    let to_semicolon = matches!(keyword, Some("use" | "const" | "static" | "type" | "let"));
    let to_block = matches!(keyword, Some("fn" | "mod" | "impl" | "struct" | "enum" | "trait"));
    while at < tokens.len() {
        match tokens[at] {
            Token::Mark(';') => return at + 1,
            Token::Mark(',') if !to_semicolon && !to_block => return at + 1,
            Token::Mark(')' | ']' | '}') => return at,
            Token::Mark('{') if !to_semicolon => return group_end(tokens, at),
            Token::Mark('(' | '[' | '{') => at = group_end(tokens, at),
            _ => at += 1,
        }
    }
    at
}
