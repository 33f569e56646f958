//! Random rulesets, as pf.conf has them, and random packets.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The anchors that may hold rules, each with the names by which its rules may call others. `10` is
/// before `9`, and capitals before small letters. Nothing calls back up: pf forbids no circle, but
/// no evaluator gets out of one.
const ANCHORS: [(&str, &[&str]); 8] = [
    ("com.apple", &["9", "10/*", "*", "/other", "/other/*"]),
    ("com.apple/10", &["deep", "*"]),
    ("com.apple/10/deep", &[]),
    ("com.apple/9", &["deep/*", "*", "/other"]),
    ("com.apple/B", &[]),
    ("com.apple/a", &[]),
    ("other", &["*"]),
    ("other/child", &[]),
];

const MAIN_CALLS: &[&str] =
    &["com.apple/*", "com.apple", "com.apple/9", "com.apple/10/*", "other", "other/*", "*"];

/// The rules of gates, as they are loaded.
const OURS: &[&str] = &[
    "pass in quick proto tcp from <peers> to any port 2345 no state label \"dlvgate:2345\"\n",
    "pass out quick proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:2345\"\n",
    "pass in quick on en0 inet6 proto tcp from fe80::1 to any port 2345 no state label \"dlvgate:2345\"\n",
    "pass out quick on en0 inet6 proto tcp from any port 2345 to fe80::1 flags A/A no state label \"dlvgate:2345\"\n",
    "block return-icmp out log quick on lo0 proto tcp from any to any port 2345 user != 501 label \"dlvgate:2345:user\"\n",
    "pass quick on lo0 proto tcp from <peers> to any port 2345 no state label \"dlvgate:2345\"\n",
    "pass quick on lo0 proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:2345\"\n",
    "block return in log quick proto tcp from any to any port 2345 label \"dlvgate:2345:deny\"\n",
];

/// One machine's pf.
#[derive(Clone, Debug)]
pub struct Setup {
    pub enabled: bool,
    /// Whether pfctl prints names for ports.
    pub names: bool,
    pub skip_loopback: bool,
    pub main: String,
    pub anchors: Vec<(&'static str, String)>,
    /// The first ones may leave a state behind.
    pub packets: Vec<Packet>,
}

#[derive(Clone, Debug)]
pub struct Packet {
    pub direction: &'static str,
    pub interface: &'static str,
    pub from: &'static str,
    pub from_port: u16,
    pub to: &'static str,
    pub port: u16,
    pub uid: Option<u32>,
    pub fragments: bool,
}

pub fn setup(packets: usize) -> impl Strategy<Value = Setup> {
    let anchors: Vec<_> = ANCHORS
        .iter()
        .map(|(path, calls)| option::weighted(0.6, ruleset(calls, 4)).prop_map(move |text| (*path, text)))
        .collect();
    (
        // Seldom enough to leave most packets to the rules, often enough that no run of 200 is
        // without.
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.5),
        prop::bool::weighted(0.2),
        ruleset(MAIN_CALLS, 7),
        anchors,
        vec(packet(), packets),
    )
        .prop_map(|(enabled, names, skip_loopback, main, anchors, packets)| Setup {
            enabled,
            names,
            skip_loopback,
            main,
            anchors: anchors.into_iter().filter_map(|(path, text)| Some((path, text?))).collect(),
            packets,
        })
}

/// Tables, then rules and anchor lines in any order.
fn ruleset(calls: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let rule = || prop_oneof![8 => rule(), 1 => word(OURS).prop_map(str::to_owned)];
    let line =
        if calls.is_empty() { rule().boxed() } else { prop_oneof![2 => rule(), 1 => anchor(calls)].boxed() };
    let table = select(vec![
        "",
        "table <peers> persist { 10.0.0.9, 2001:db8::9 }\n",
        "table <peers> persist { 10.0.0.0/24, !10.0.0.9, 2001:db8::/32 }\n",
        "table <others> persist { 10.0.0.7 }\n",
        "table <peers> persist\n",
    ]);
    (table, vec(scrub(calls), 0..=2), vec(line, 1..=most))
        .prop_map(|(table, scrub, lines)| format!("{table}{}{}", scrub.concat(), lines.concat()))
}

/// Scrub rules and anchors of such. Most take a part of the packets only, so that later ones count
/// too.
fn scrub(calls: &'static [&'static str]) -> impl Strategy<Value = String> {
    let rule = (
        word(&["scrub", "scrub", "scrub", "no scrub"]),
        seldom(&["in ", "out "], 0.5),
        seldom(&["on en0 ", "on ! en0 ", "on lo0 "], 0.4),
        seldom(&["inet ", "inet6 "], 0.2),
        seldom(&["proto tcp ", "proto udp "], 0.4),
        word(&["all", "from <peers> to any", "from ! <peers> to any", "from any to <others>"]),
        seldom(&[" no-df"], 0.2),
        word(&["", " fragment reassemble", " fragment reassemble", " fragment crop", " fragment drop-ovl"]),
    )
        .prop_map(|(action, direction, interface, family, protocol, hosts, no_df, fragments)| {
            let options = if action == "scrub" { format!("{no_df}{fragments}") } else { String::new() };
            format!("{action} {direction}{interface}{family}{protocol}{hosts}{options}\n")
        });
    if calls.is_empty() {
        return rule.boxed();
    }
    let anchor = (word(calls), word(&["", "", "in ", "on en0 ", "proto tcp ", "inet6 "]))
        .prop_map(|(name, conditions)| format!("scrub-anchor \"{name}\" {conditions}\n"));
    prop_oneof![1 => rule, 1 => anchor].boxed()
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    select(words)
}

/// One of the words, or nothing. Conditions are seldom, since rules have to match to contend with
/// each other.
fn seldom(words: &'static [&'static str], often: f64) -> impl Strategy<Value = &'static str> {
    option::weighted(often, select(words)).prop_map(Option::unwrap_or_default)
}

fn anchor(calls: &'static [&'static str]) -> impl Strategy<Value = String> {
    let conditions = word(&[
        "",
        "",
        "",
        "in ",
        "out ",
        "quick ",
        "in quick ",
        "on en0 ",
        "quick on ! lo0 ",
        "inet ",
        "proto tcp ",
    ]);
    (word(calls), conditions).prop_map(|(name, conditions)| format!("anchor \"{name}\" {conditions}\n"))
}

fn rule() -> impl Strategy<Value = String> {
    let start = (
        word(&["pass", "block drop", "block return", "pass", "block"]),
        seldom(&["in ", "in ", "out "], 0.3),
        seldom(&["log "], 0.2),
        seldom(&["quick "], 0.25),
        seldom(&["on en0 ", "on lo0 ", "on ! en0 ", "on ! lo0 "], 0.2),
        word(&["", "", "proto tcp ", "proto tcp ", "proto tcp ", "proto tcp ", "proto udp "]),
    );
    let end = (
        seldom(&["user = 501 ", "user != 501 ", "user > 500 ", "user unknown ", "user 400 >< 502 "], 0.2),
        seldom(&["flags S/SA ", "flags A/A ", "flags any ", "flags S/SAFR ", "flags /S "], 0.3),
        seldom(&["keep state ", "no state ", "no state "], 0.6),
        seldom(&["fragment "], 0.1),
        seldom(&["label \"a b\" "], 0.3),
    );
    (start, addresses(), end).prop_map(
        |((action, direction, log, quick, interface, protocol), (family, from, to, from_port, to_port), (user, flags, state, fragment, label))| {
            // pf.conf takes ports and users of TCP and UDP only, and flags of TCP.
            let ported = !protocol.is_empty();
            let only = |wanted: bool, part: &'static str| if wanted { part } else { "" };
            let (from_port, to_port, user) = (only(ported, from_port), only(ported, to_port), only(ported, user));
            let flags = only(protocol != "proto udp ", flags);
            let state = only(action.starts_with("pass") || state == "no state ", state);
            format!(
                "{action} {direction}{log}{quick}{interface}{family}{protocol}from {from} {from_port}to {to} {to_port}{user}{flags}{state}{fragment}{label}\n"
            )
        },
    )
}

/// The family, both hosts and both ports. Hosts of one rule are of one family.
fn addresses() -> impl Strategy<Value = (&'static str, &'static str, &'static str, &'static str, &'static str)>
{
    const ANY: &[&str] =
        &["any", "any", "any", "any", "any", "any", "any", "<peers>", "! <peers>", "! <others>"];
    const V4: &[&str] =
        &["any", "any", "10.0.0.9", "10.0.0.0/24", "! 10.0.0.9", "0.0.0.0/0", "! 10.0.0.0/29", "<peers>"];
    const V6: &[&str] =
        &["any", "any", "2001:db8::9", "2001:db8::/64", "! 2001:db8::9", "fe80::1", "! fe80::/10", "<peers>"];
    const PORT: &[&str] = &[
        "port 2345 ",
        "port != 2345 ",
        "port ssh ",
        "port != ssh ",
        "port 2340:2345 ",
        "port > 2344 ",
        "port <= 2345 ",
        "port 2344 >< 2346 ",
        "port 22 <> 2345 ",
        "port < 1024 ",
        "port >= 50000 ",
    ];
    let hosts = prop_oneof![
        4 => (seldom(&["inet ", "inet6 "], 0.3), word(ANY), word(ANY)),
        2 => (word(&["", "inet "]), word(V4), word(V4)),
        1 => (word(&["", "inet6 "]), word(V6), word(V6)),
    ];
    (hosts, seldom(PORT, 0.15), seldom(PORT, 0.6))
        .prop_map(|((family, from, to), from_port, to_port)| (family, from, to, from_port, to_port))
}

fn packet() -> impl Strategy<Value = Packet> {
    let hosts = prop_oneof![
        3 => (word(&["10.0.0.9", "10.0.0.7", "10.0.1.1"]), word(&["10.0.0.5", "10.0.0.9"])),
        1 => (word(&["2001:db8::9", "2001:db9::1"]), word(&["2001:db8::5", "2001:db8::9"])),
        1 => (word(&["fe80::1", "fe80::5"]), word(&["fe80::1", "fe80::5"])),
    ];
    let ports = (select(vec![50000, 50001, 1023, 2345]), select(vec![2345, 2345, 2344, 22, 8080]));
    let uid = select(vec![Some(0), Some(501), Some(501), None]);
    let way = (word(&["in", "in", "out"]), word(&["en0", "en0", "lo0", "en1"]));
    (way, hosts, ports, uid, prop::bool::weighted(0.4)).prop_map(
        |((direction, interface), (from, to), (from_port, port), uid, fragments)| Packet {
            direction,
            interface,
            from,
            from_port,
            to,
            port,
            uid,
            fragments,
        },
    )
}
