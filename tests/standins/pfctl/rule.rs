//! One pass, block or anchor line, with its lists not yet expanded.

use crate::cursor::{Cursor, Parsed};
use crate::lexer::Kind;
use crate::model::{
    Action, AnchorCall, Comparison, Direction, Endpoint, Family, Flags, Fragments, Host, Interface, Operator,
};
use crate::services::{self, Services};

/// Longest label: PF_RULE_LABEL_SIZE less the closing zero.
const LABEL_MAX: usize = 63;
/// Longest table name: PF_TABLE_NAME_SIZE less the closing zero.
pub const TABLE_NAME_MAX: usize = 31;

/// A rule line with its lists.
#[derive(Debug)]
pub struct Line {
    pub action: Action,
    pub anchor: Option<AnchorCall>,
    pub direction: Option<Direction>,
    pub log: Option<String>,
    pub quick: bool,
    pub interfaces: Vec<Interface>,
    pub family: Option<Family>,
    pub protocols: Vec<String>,
    pub from: Side,
    pub to: Side,
    pub users: Vec<Comparison>,
    pub flags: Flags,
    /// `None`: neither `keep state` nor `no state` was written.
    pub keep_state: Option<bool>,
    pub fragment: bool,
    pub no_df: bool,
    pub fragments: Fragments,
    pub label: Option<String>,
}

/// Hosts and ports of `from` or `to`; empty lists are any.
#[derive(Debug, Default)]
pub struct Side {
    /// With the zone of `fe80::1%en0`.
    pub hosts: Vec<(Endpoint, Option<String>)>,
    pub ports: Vec<Comparison>,
}

/// What follows the action (and an anchor's name).
pub fn parse(
    c: &mut Cursor<'_>,
    action: Action,
    anchor: Option<AnchorCall>,
    services: &Services,
) -> Parsed<Line> {
    let mut line = Line {
        action,
        anchor,
        direction: None,
        log: None,
        quick: false,
        interfaces: Vec::new(),
        family: None,
        protocols: Vec::new(),
        from: Side::default(),
        to: Side::default(),
        users: Vec::new(),
        flags: Flags::Unset,
        keep_state: None,
        fragment: false,
        no_df: false,
        fragments: Fragments::Reassemble,
        label: None,
    };
    if c.word("in") {
        line.direction = Some(Direction::In);
    } else if c.word("out") {
        line.direction = Some(Direction::Out);
    }
    if c.word("log") {
        line.log = Some(log_options(c)?);
    }
    line.quick = c.word("quick");
    if line.quick && action == Action::Scrub {
        return c.refuse("scrub rules do not support 'quick'");
    }
    if c.word("on") {
        line.interfaces = c.one_or_list(|c| {
            let negated = c.mark("!");
            Ok(Interface { negated, name: c.string()? })
        })?;
    }
    if c.word("inet") {
        line.family = Some(Family::Inet);
    } else if c.word("inet6") {
        line.family = Some(Family::Inet6);
    }
    if c.word("proto") {
        line.protocols = c.one_or_list(|c| {
            let name = c.any_word()?;
            services::protocol(&name).map_or_else(|| c.refuse(format!("unknown protocol {name}")), Ok)
        })?;
    }
    if !c.word("all") {
        if c.word("from") {
            line.from = side(c, services)?;
        }
        if c.word("to") {
            line.to = side(c, services)?;
        }
    }
    while !c.at_end() {
        match action {
            Action::Scrub => scrub_option(c, &mut line)?,
            Action::NoScrub | Action::ScrubAnchor => return c.syntax_error(),
            _ => option(c, &mut line)?,
        }
    }
    Ok(line)
}

fn log_options(c: &mut Cursor<'_>) -> Parsed<String> {
    if !c.mark("(") {
        return Ok(String::new());
    }
    let mut words = Vec::new();
    while !c.mark(")") {
        let word = c.any_word()?;
        match word.as_str() {
            "all" | "user" => words.push(word),
            "to" => words.push(format!("to {}", c.any_word()?)),
            _ => return c.syntax_error(),
        }
        c.mark(",");
    }
    Ok(words.join(", "))
}

fn side(c: &mut Cursor<'_>, services: &Services) -> Parsed<Side> {
    let mut side = Side::default();
    if !c.is_word("port") {
        side.hosts = if c.word("any") { Vec::new() } else { c.one_or_list(host)? };
    }
    if c.word("port") {
        side.ports = c.one_or_list(|c| comparison(c, ':', |c, text| port(c, text, services)))?;
    }
    Ok(side)
}

fn host(c: &mut Cursor<'_>) -> Parsed<(Endpoint, Option<String>)> {
    let negated = c.mark("!");
    if negated && c.is_word("any") {
        return c.syntax_error();
    }
    if c.word("any") {
        return Ok((Endpoint::default(), None));
    }
    if c.mark("<") {
        let name = table_name(c)?;
        c.expect_mark(">")?;
        return Ok((Endpoint { negated, host: Host::Table(name), port: None }, None));
    }
    let (net, zone) = c.address()?;
    Ok((Endpoint { negated, host: Host::Net(net), port: None }, zone))
}

pub fn table_name(c: &mut Cursor<'_>) -> Parsed<String> {
    let name = c.string()?;
    if name.len() > TABLE_NAME_MAX {
        return c.refuse(format!("table name '{name}' too long"));
    }
    Ok(name)
}

fn port(c: &Cursor<'_>, text: &str, services: &Services) -> Parsed<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<u16>() {
            Ok(number) => Ok(number.into()),
            Err(_) => c.refuse(format!("illegal port value {text}")),
        };
    }
    services.port(text).map_or_else(|| c.refuse(format!("unknown port {text}")), |p| Ok(p.into()))
}

fn user(c: &Cursor<'_>, text: &str) -> Parsed<u32> {
    match text {
        "root" => Ok(0),
        "unknown" => Ok(crate::model::UNKNOWN_USER),
        number => number.parse().or_else(|_| c.refuse(format!("unknown user {number}"))),
    }
}

/// `N`, `= N`, `!= N`, `< N`, `A:B`, `A >< B`, `A <> B`.
fn comparison(
    c: &mut Cursor<'_>,
    range: char,
    value: impl Fn(&Cursor<'_>, &str) -> Parsed<u32>,
) -> Parsed<Comparison> {
    const UNARY: [(&str, Operator); 6] = [
        ("=", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    for (mark, operator) in UNARY {
        if c.mark(mark) {
            let word = c.any_word()?;
            return Ok(Comparison { operator, low: value(c, &word)?, high: 0 });
        }
    }
    let word = c.any_word()?;
    if let Some((low, high)) = word.split_once(range) {
        return Ok(Comparison { operator: Operator::Range, low: value(c, low)?, high: value(c, high)? });
    }
    let low = value(c, &word)?;
    for (mark, operator) in [("><", Operator::Between), ("<>", Operator::Outside)] {
        if c.mark(mark) {
            let word = c.any_word()?;
            return Ok(Comparison { operator, low, high: value(c, &word)? });
        }
    }
    Ok(Comparison::equal(low))
}

fn option(c: &mut Cursor<'_>, line: &mut Line) -> Parsed<()> {
    if c.word("user") {
        line.users = c.one_or_list(|c| comparison(c, '\0', user))?;
    } else if c.word("flags") {
        line.flags = flags(c)?;
    } else if c.word("keep") || c.word("modulate") {
        c.expect_word("state")?;
        line.keep_state = Some(true);
    } else if c.word("no") {
        c.expect_word("state")?;
        line.keep_state = Some(false);
    } else if c.word("fragment") {
        line.fragment = true;
    } else if c.word("label") {
        let label = c.string()?;
        if label.len() > LABEL_MAX {
            return c.refuse(format!("rule label too long (max {LABEL_MAX} chars)"));
        }
        line.label = Some(label);
    } else {
        return c.syntax_error();
    }
    Ok(())
}

fn scrub_option(c: &mut Cursor<'_>, line: &mut Line) -> Parsed<()> {
    if c.word("no-df") {
        line.no_df = true;
        return Ok(());
    }
    c.expect_word("fragment")?;
    line.fragments = match c.any_word()?.as_str() {
        "reassemble" => Fragments::Reassemble,
        "crop" => Fragments::Crop,
        "drop-ovl" => Fragments::DropOverlaps,
        _ => return c.syntax_error(),
    };
    Ok(())
}

fn flags(c: &mut Cursor<'_>) -> Parsed<Flags> {
    const KNOWN: &str = "FSRPAUEW";
    if c.word("any") {
        return Ok(Flags::Any);
    }
    let set = match c.peek() {
        Some(Kind::Word(_)) => c.any_word()?,
        _ => String::new(),
    };
    c.expect_mark("/")?;
    let mask = c.any_word()?;
    if set.chars().chain(mask.chars()).any(|f| !KNOWN.contains(f)) {
        return c.refuse(format!("bad flags {set}/{mask}"));
    }
    Ok(Flags::Mask(set, mask))
}
