//! What the kernel would hold: rulesets, tables, tokens, states.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use crate::net::Net;

/// The whole of pf's memory. A reboot replaces it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub enabled: bool,
    /// `pfctl -e` holds one reference that no token names.
    pub bare_reference: bool,
    pub tokens: Vec<Token>,
    /// Counts the boots; a new boot has other tokens.
    pub boot: u64,
    /// Tokens handed out since the first boot, so that no two are alike.
    pub tokens_made: u64,
    /// Microseconds since the epoch of the last enable or disable; 0 is never.
    pub status_since: u64,
    /// `set skip on`.
    pub skip: BTreeSet<String>,
    /// By anchor path; the main ruleset is "".
    pub rulesets: BTreeMap<String, Ruleset>,
    pub states: Vec<Connection>,
}

/// An enable reference of `pfctl -E`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub token: u64,
    pub pid: u32,
    /// Microseconds since the epoch.
    pub taken: u64,
}

/// One anchor's rules, by the lists that pf keeps, and its tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ruleset {
    pub scrub: Vec<Rule>,
    pub nat: Vec<Rule>,
    pub rdr: Vec<Rule>,
    pub dummynet: Vec<Rule>,
    pub filter: Vec<Rule>,
    pub tables: BTreeMap<String, Table>,
    pub loader: Loader,
}

/// The process that loaded the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Loader {
    pub uid: u32,
    pub pid: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub persist: bool,
    pub constant: bool,
    pub addresses: Vec<TableEntry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEntry {
    pub negated: bool,
    pub net: Net,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Pass,
    BlockDrop,
    BlockReturn,
    BlockReturnIcmp,
    Anchor,
    Scrub,
    NoScrub,
    ScrubAnchor,
    NatAnchor,
    RdrAnchor,
    DummynetAnchor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    In,
    Out,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    Inet,
    Inet6,
}

/// A rule as the kernel holds it: every list is expanded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub action: Action,
    pub anchor: Option<AnchorCall>,
    pub direction: Option<Direction>,
    /// `Some("")` is plain `log`, `Some("to pflog1")` is `log (to pflog1)`.
    pub log: Option<String>,
    pub quick: bool,
    pub interface: Option<Interface>,
    pub family: Option<Family>,
    pub protocol: Option<String>,
    pub from: Endpoint,
    pub to: Endpoint,
    pub user: Option<Comparison>,
    pub flags: Flags,
    pub keep_state: bool,
    /// `fragment`: for fragments that nothing has put together.
    pub fragment: bool,
    pub no_df: bool,
    /// What a scrub rule does with fragments.
    pub fragments: Fragments,
    pub label: Option<String>,
    pub evaluations: u64,
    pub packets: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnchorCall {
    /// As written, without the wildcard.
    pub name: String,
    /// From the root, without the wildcard.
    pub path: String,
    pub wildcard: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    pub negated: bool,
    pub name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub negated: bool,
    pub host: Host,
    pub port: Option<Comparison>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Host {
    #[default]
    Any,
    Net(Net),
    Table(String),
}

/// pf's operators on ports and uids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `a:b`, both ends included.
    Range,
    /// `a >< b`, both ends excluded.
    Between,
    /// `a <> b`.
    Outside,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    pub operator: Operator,
    pub low: u32,
    pub high: u32,
}

/// What a scrub rule does with fragments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fragments {
    /// They are put together.
    #[default]
    Reassemble,
    /// They go on one by one, without overlaps.
    Crop,
    /// The same, and overlapping ones are dropped.
    DropOverlaps,
}

/// TCP flags of a rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Flags {
    #[default]
    Unset,
    Any,
    Mask(String, String),
}

/// A state: the packet that made it, from its sender's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    pub direction: Direction,
    pub protocol: String,
    pub source: IpAddr,
    pub source_port: u16,
    pub destination: IpAddr,
    pub destination_port: u16,
    pub anchor: String,
    pub rule: String,
}

/// A uid that no socket gave: `user unknown`.
pub const UNKNOWN_USER: u32 = u32::MAX;

impl Comparison {
    pub fn equal(value: u32) -> Self {
        Self { operator: Operator::Equal, low: value, high: 0 }
    }

    pub fn matches(&self, value: u32) -> bool {
        match self.operator {
            Operator::Equal => value == self.low,
            Operator::NotEqual => value != self.low,
            Operator::Less => value < self.low,
            Operator::LessOrEqual => value <= self.low,
            Operator::Greater => value > self.low,
            Operator::GreaterOrEqual => value >= self.low,
            Operator::Range => value >= self.low && value <= self.high,
            Operator::Between => value > self.low && value < self.high,
            Operator::Outside => value < self.low || value > self.high,
        }
    }
}

impl Ruleset {
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        [&self.scrub, &self.nat, &self.rdr, &self.dummynet, &self.filter].into_iter().flatten()
    }

    pub fn refers_to_table(&self, name: &str) -> bool {
        self.rules().any(|rule| {
            [&rule.from.host, &rule.to.host].into_iter().any(|h| *h == Host::Table(name.to_owned()))
        })
    }
}

impl State {
    /// The ruleset of a path, made with all its parents if it is not there. It never goes away
    /// again: since macOS 13.1 anchors are counted references, and the counts leak.
    pub fn ruleset_mut(&mut self, path: &str) -> &mut Ruleset {
        for (at, _) in path.match_indices('/') {
            self.rulesets.entry(path[..at].to_owned()).or_default();
        }
        self.rulesets.entry(path.to_owned()).or_default()
    }

    /// Direct children's full paths in string order.
    pub fn children(&self, path: &str) -> Vec<&str> {
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.rulesets
            .keys()
            .map(String::as_str)
            .filter(|p| !p.is_empty() && p.strip_prefix(&below).is_some_and(|rest| !rest.contains('/')))
            .collect()
    }
}
