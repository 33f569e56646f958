//! pf.conf's statements, in the subset that macOS's own files and guards of ports use. Anything
//! else is a syntax error.

use std::collections::BTreeMap;

use crate::anchor_path;
use crate::cursor::{Cursor, Parsed, Refusal};
use crate::expand::expand;
use crate::lexer::{Kind, Lexer, Statement, Token};
use crate::model::{Action, AnchorCall, Rule, Table, TableEntry};
use crate::rule;
use crate::services::Services;

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Macro(String, String),
    /// `set skip on`.
    Skip(Vec<String>),
    /// Another `set`: parsed, without effect here.
    Set(String),
    /// With whether addresses were written: without, a table keeps those that it has.
    Table(String, Table, bool),
    /// A rule line, expanded.
    Rules(Vec<Rule>),
    /// Anchor path and file.
    LoadAnchor(String, String),
}

/// A parsed file.
#[derive(Debug, Default)]
pub struct Config {
    pub items: Vec<Item>,
    pub refusals: Vec<Refusal>,
}

/// Parses a file that is loaded into `anchor`. Every bad line is reported, as pfctl goes on after
/// an error.
pub fn parse(text: &str, anchor: &str, services: &Services) -> Config {
    let mut config = Config::default();
    let mut macros = BTreeMap::new();
    let mut lexer = Lexer::new(text);
    let mut stage = 0;
    loop {
        match lexer.next(&macros) {
            Statement::End => return config,
            Statement::Bad(line, message) => config.refusals.push(Refusal { line, message }),
            Statement::Tokens(tokens) => {
                let item =
                    statement(&tokens, anchor, services).and_then(|item| in_order(item, &mut stage, &tokens));
                match item {
                    Ok(item) => {
                        if let Item::Macro(name, value) = &item {
                            macros.insert(name.clone(), value.clone());
                        }
                        config.items.push(item);
                    }
                    Err(refusal) => config.refusals.push(refusal),
                }
            }
        }
    }
}

/// Options, normalization, translation, dummynet, filtering: a file keeps this order.
fn in_order(item: Item, stage: &mut u8, tokens: &[Token]) -> Parsed<Item> {
    let own = match &item {
        Item::Skip(_) | Item::Set(_) => 1,
        Item::Rules(rules) => match rules.first().map(|r| r.action) {
            Some(Action::Scrub | Action::NoScrub | Action::ScrubAnchor) => 2,
            Some(Action::NatAnchor | Action::RdrAnchor) => 3,
            Some(Action::DummynetAnchor) => 4,
            _ => 5,
        },
        _ => return Ok(item),
    };
    if own < *stage {
        return Cursor::new(tokens)
            .refuse("Rules must be in order: options, normalization, queueing, translation, filtering");
    }
    *stage = own;
    Ok(item)
}

fn statement(tokens: &[Token], anchor: &str, services: &Services) -> Parsed<Item> {
    let c = &mut Cursor::new(tokens);
    if let [Token { kind: Kind::Word(name), .. }, Token { kind: Kind::Mark("="), .. }, rest @ ..] = tokens {
        let parts: Option<Vec<&str>> = rest
            .iter()
            .map(|t| match &t.kind {
                Kind::Word(text) | Kind::Quoted(text) => Some(text.as_str()),
                Kind::Mark(_) => None,
            })
            .collect();
        return match parts {
            Some(parts) if !parts.is_empty() => Ok(Item::Macro(name.clone(), parts.join(" "))),
            _ => c.syntax_error(),
        };
    }
    let word = c.any_word()?;
    let action = match word.as_str() {
        "set" => return set(c),
        "table" => return table(c),
        "load" => return load_anchor(c, anchor),
        "pass" => Action::Pass,
        "block" if c.word("return") => Action::BlockReturn,
        "block" if c.word("return-icmp") => Action::BlockReturnIcmp,
        "scrub" => Action::Scrub,
        "no" if c.word("scrub") => Action::NoScrub,
        "block" => {
            c.word("drop");
            Action::BlockDrop
        }
        "anchor" => Action::Anchor,
        "scrub-anchor" => Action::ScrubAnchor,
        "nat-anchor" => Action::NatAnchor,
        "rdr-anchor" => Action::RdrAnchor,
        "dummynet-anchor" => Action::DummynetAnchor,
        _ => return Cursor::new(tokens).syntax_error(),
    };
    let call = match action {
        Action::Pass | Action::BlockDrop | Action::BlockReturn | Action::BlockReturnIcmp => None,
        Action::Scrub | Action::NoScrub => None,
        _ => Some(anchor_call(c, anchor)?),
    };
    let line = rule::parse(c, action, call, services)?;
    Ok(Item::Rules(expand(c, &line)?))
}

fn anchor_call(c: &mut Cursor<'_>, within: &str) -> Parsed<AnchorCall> {
    let mut written = c.string()?;
    // Unquoted, `x/*` comes as three tokens.
    while c.mark("/") {
        written = format!("{written}/{}", c.any_word()?);
    }
    let mut path = match written.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => anchor_path::join(within, &written),
    };
    // Of the whole path (pf_anchor_setup): in the main ruleset `*` is an anchor of that name.
    let wildcard = path.ends_with("/*");
    let mut name = written;
    if wildcard {
        path.truncate(path.len() - 2);
        name = name.trim_end_matches('*').trim_end_matches('/').to_owned();
    }
    if let Err(message) = anchor_path::check(&path) {
        return c.refuse(message);
    }
    Ok(AnchorCall { name, path, wildcard })
}

fn set(c: &mut Cursor<'_>) -> Parsed<Item> {
    let option = c.any_word()?;
    if option == "skip" {
        c.expect_word("on")?;
        let names = c.one_or_list(Cursor::string)?;
        return if c.at_end() { Ok(Item::Skip(names)) } else { c.syntax_error() };
    }
    let allowed: &[&str] = match option.as_str() {
        "block-policy" => &["drop", "return"],
        "state-policy" => &["if-bound", "floating"],
        "optimization" => &["normal", "aggressive", "conservative", "high-latency", "satellite"],
        "ruleset-optimization" => &["none", "basic", "profile"],
        "debug" => &["none", "urgent", "misc", "loud"],
        "loginterface" => &[],
        _ => return c.syntax_error(),
    };
    let value = c.string()?;
    if !c.at_end() || (!allowed.is_empty() && !allowed.contains(&value.as_str())) {
        return c.syntax_error();
    }
    Ok(Item::Set(format!("{option} {value}")))
}

fn table(c: &mut Cursor<'_>) -> Parsed<Item> {
    c.expect_mark("<")?;
    let name = rule::table_name(c)?;
    c.expect_mark(">")?;
    let mut table = Table::default();
    let mut written = false;
    while !c.at_end() {
        if c.word("persist") {
            table.persist = true;
        } else if c.word("const") {
            table.constant = true;
        } else if c.mark("{") {
            written = true;
            while !c.mark("}") {
                let negated = c.mark("!");
                let (net, _) = c.address()?;
                let entry = TableEntry { negated, net };
                if !table.addresses.contains(&entry) {
                    table.addresses.push(entry);
                }
                c.mark(",");
            }
        } else {
            return c.syntax_error();
        }
    }
    Ok(Item::Table(name, table, written))
}

fn load_anchor(c: &mut Cursor<'_>, within: &str) -> Parsed<Item> {
    c.expect_word("anchor")?;
    let name = c.string()?;
    c.expect_word("from")?;
    let file = c.string()?;
    if !c.at_end() {
        return c.syntax_error();
    }
    let path = anchor_path::join(within, name.trim_start_matches('/'));
    match anchor_path::check(&path) {
        Ok(()) => Ok(Item::LoadAnchor(path, file)),
        Err(message) => c.refuse(message),
    }
}

#[cfg(test)]
mod tests;
