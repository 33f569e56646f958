use super::super::loaded::PfctlListings;
use super::super::{LOOPBACK, Services};
use super::*;

const STOCK: &str = "anchor \"com.apple/*\" all\n";

fn loaded(rulesets: &[(&str, &str)]) -> PfctlListings {
    let rules = rulesets.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
    PfctlListings {
        info: "Status: Enabled for 0 days 00:00:01           Debug: Urgent\n".to_owned(),
        rules,
        states: Some(String::new()),
        interfaces: Some("all\nen0\nlo0\n".to_owned()),
        ..PfctlListings::default()
    }
}

fn asked() -> PacketQuery {
    PacketQuery::new(LOOPBACK, 2345, "10.0.0.9".parse().unwrap())
}

fn answer(listings: &PfctlListings) -> Explanation {
    explain(&LoadedPf::parse(listings, &Services::default()), &asked())
}

/// The verdict and the line and anchor of the rule that decides.
fn decided(rulesets: &[(&str, &str)]) -> (Verdict, String) {
    let answer = answer(&loaded(rulesets));
    (answer.verdict, answer.settled.rule.map_or("default".to_owned(), |p| format!("{}:{}", p.anchor, p.line)))
}

#[test]
fn the_last_match_wins_unless_a_quick_one_came_first() {
    assert_eq!(decided(&[("", "block drop all\npass all no state\n")]), (Verdict::Pass, ":2".to_owned()));
    assert_eq!(
        decided(&[("", "block drop quick all\npass all no state\n")]),
        (Verdict::Block, ":1".to_owned())
    );
    assert_eq!(decided(&[("", "")]), (Verdict::Pass, "default".to_owned()));
}

#[test]
fn wildcard_evaluates_direct_children_by_name() {
    let rules = [
        ("", STOCK),
        ("com.apple", "block drop quick all\n"),
        ("com.apple/10", "pass quick all no state\n"),
        ("com.apple/10/x", "block drop quick all\n"),
        ("com.apple/9", "block drop quick all\n"),
    ];
    assert_eq!(decided(&rules), (Verdict::Pass, "com.apple/10:1".to_owned()));
}

#[test]
fn other_rules_that_match_are_named_with_their_fate() {
    let answer = answer(&loaded(&[("", "pass all no state\nblock drop quick all\npass in all no state\n")]));
    let fates: Vec<(usize, Fate)> = answer.also.iter().map(|also| (also.place.line, also.fate)).collect();
    assert_eq!(fates, [(1, Fate::Overridden), (3, Fate::NotReached)]);
}

#[test]
fn quick_anchor_ends_only_after_a_match_inside() {
    let quick = "anchor \"x\" quick all\nblock drop all\n";
    assert_eq!(decided(&[("", quick), ("x", "pass all no state\n")]), (Verdict::Pass, "x:1".to_owned()));
    assert_eq!(decided(&[("", quick), ("x", "pass out all no state\n")]), (Verdict::Block, ":2".to_owned()));
    // The kernel forgets a match at the next anchor that it steps into.
    let nested = [("", quick), ("x", "pass all no state\nanchor \"y\" all\n"), ("x/y", "")];
    assert_eq!(decided(&nested), (Verdict::Block, ":2".to_owned()));
    let kept =
        [("", quick), ("x", "pass out all no state\nanchor \"y\" all\n"), ("x/y", "pass all no state\n")];
    assert_eq!(decided(&kept), (Verdict::Pass, "x/y:1".to_owned()));
}

#[test]
fn unknown_rule_makes_verdict_unknown_if_decisive() {
    let unknown = "block drop in all tagged VPN\n";
    let answer = answer(&loaded(&[("", unknown)]));
    assert_eq!((answer.verdict, answer.settled.why), (Verdict::Unknown, PfReason::DefaultPass));
    assert_eq!(answer.doubts[0].reasons, ["`tagged VPN` is not understood"]);
    let overridden = format!("{unknown}pass all no state\n");
    assert_eq!(decided(&[("", &overridden)]), (Verdict::Pass, ":2".to_owned()));
    let quick = "block drop in quick all tagged VPN\npass all no state\n";
    assert_eq!(decided(&[("", quick)]).0, Verdict::Unknown);
    assert_eq!(decided(&[("", "match in all\npass all no state\n")]).0, Verdict::Unknown);
    // It is for another port, whatever the rest means.
    let other = "block drop in proto tcp from any to any port = 80 tagged VPN\n";
    assert_eq!(decided(&[("", other)]), (Verdict::Pass, "default".to_owned()));
}

#[test]
fn doubtful_anchor_makes_its_rules_doubtful() {
    let rules = [("", "anchor \"x\" all tagged VPN\n"), ("x", "block drop quick all\n")];
    assert_eq!(decided(&rules).0, Verdict::Unknown);
    let quick = [("", "anchor \"x\" quick all\npass all no state\n"), ("x", "block drop all tagged VPN\n")];
    assert_eq!(decided(&quick).0, Verdict::Unknown);
}

#[test]
fn an_anchor_that_evaluates_itself_ends_in_a_doubt() {
    assert_eq!(decided(&[("", "anchor \"x\" all\n"), ("x", "anchor \"/x\" all\n")]).0, Verdict::Unknown);
}

#[test]
fn missing_option_is_named_where_a_rule_needs_it() {
    for (rule, option) in [
        ("block drop on en0 all\n", "--interface"),
        ("block drop proto tcp from any to any user = 501\n", "--uid"),
        ("block drop inet from any to 10.0.0.5\n", "--to"),
        ("block drop proto tcp from any port = 5000 to any\n", "--from-port"),
    ] {
        let answer = answer(&loaded(&[("", rule)]));
        assert_eq!(answer.verdict, Verdict::Unknown, "{rule}");
        assert!(answer.doubts[0].reasons[0].contains(option), "{rule}");
    }
    for rule in ["block drop on lo0 all\n", "block drop inet6 from any to ::1\n"] {
        assert_eq!(decided(&[("", rule)]), (Verdict::Pass, "default".to_owned()), "{rule}");
    }
}

#[test]
fn disabled_pf_skip_and_state_pass_before_rules() {
    let mut listings = loaded(&[("", "block drop quick all\n")]);
    let mut question = asked();
    (question.interface, question.to, question.from_port) =
        (Some("en0".to_owned()), Some("10.0.0.5".parse().unwrap()), Some(52998));
    let why = |listings: &PfctlListings, question: &PacketQuery| {
        explain(&LoadedPf::parse(listings, &Services::default()), question).settled.why
    };
    assert_eq!(why(&listings, &question), PfReason::Quick);
    listings.states =
        Some("ALL tcp 10.0.0.5:2345 <- 10.0.0.9:52998       ESTABLISHED:ESTABLISHED\n".to_owned());
    assert!(matches!(why(&listings, &question), PfReason::State { .. }));
    // A new connection comes from another port; the open one is told of.
    assert_eq!(why(&listings, &asked()), PfReason::Quick);
    assert!(answer(&listings).notes[0].contains("10.0.0.9:52998"));
    listings.interfaces = Some("en0 (skip)\n".to_owned());
    assert!(matches!(why(&listings, &question), PfReason::Skip { .. }));
    listings.info = "Status: Disabled\n".to_owned();
    assert_eq!(why(&listings, &question), PfReason::PfDisabled);
}

#[test]
fn unread_skips_and_translation_are_no_silent_no() {
    let mut listings = loaded(&[("", "block drop all\n")]);
    listings.interfaces = None;
    assert_eq!(answer(&listings).verdict, Verdict::Unknown);
    listings.rules.insert(String::new(), Some("pass all no state\n".to_owned()));
    assert_eq!(answer(&listings).verdict, Verdict::Pass, "a skip would pass it too");
    let rdr = "rdr on en0 inet proto tcp from any to any port = 2345 -> 127.0.0.1 port 80\n";
    listings.translation.insert(String::new(), rdr.to_owned());
    assert_eq!(answer(&listings).verdict, Verdict::Unknown);
}

#[test]
fn an_anchor_that_nothing_evaluates_is_told_of() {
    let answer = answer(&loaded(&[("", STOCK), ("mine", "block drop quick all\n")]));
    assert_eq!(answer.verdict, Verdict::Pass);
    assert!(answer.notes[0].contains("no rule evaluates this anchor"), "{:?}", answer.notes);
}

const GATE: &str = "scrub in all fragment reassemble\n\
                    block return in log quick proto tcp from any to any port = 2345 label \"dlvgate:1:2345:deny\"\n";
const STOCK_SCRUB: &str =
    "scrub-anchor \"com.apple/*\" all fragment reassemble\nanchor \"com.apple/*\" all\n";

fn of_fragments(rulesets: &[(&str, &str)]) -> Explanation {
    let question = PacketQuery { fragments: true, ..asked() };
    explain(&LoadedPf::parse(&loaded(rulesets), &Services::default()), &question)
}

#[test]
fn fragments_pass_a_port_unless_put_together() {
    let bare = GATE.split_once('\n').unwrap().1;
    let apart = of_fragments(&[("", STOCK_SCRUB), ("com.apple/x", bare)]);
    assert_eq!((apart.verdict, &apart.settled.why), (Verdict::Pass, &PfReason::DefaultPass));
    assert!(apart.notes[0].contains("no scrub rule puts the fragments together"), "{:?}", apart.notes);
    let together = of_fragments(&[("", STOCK_SCRUB), ("com.apple/x", GATE)]);
    assert_eq!(together.verdict, Verdict::Block);
    assert_eq!(together.settled.rule.unwrap().line, 2);
    assert!(together.notes[0].contains("line 1 of the anchor com.apple/x"), "{:?}", together.notes);
    let whole = answer(&loaded(&[("", STOCK_SCRUB), ("com.apple/x", bare)]));
    assert_eq!(whole.verdict, Verdict::Block);
    assert!(whole.notes[0].contains("in IP fragments it passes"), "{:?}", whole.notes);
    assert_eq!(answer(&loaded(&[("", STOCK_SCRUB), ("com.apple/x", GATE)])).notes, [""; 0]);
}

#[test]
fn first_scrub_rule_that_takes_the_fragments_decides() {
    for (main, verdict) in [
        (STOCK_SCRUB.to_owned(), Verdict::Block),
        (STOCK.to_owned(), Verdict::Pass),
        (format!("no scrub in all\n{STOCK_SCRUB}"), Verdict::Pass),
        (format!("scrub in all fragment crop\n{STOCK_SCRUB}"), Verdict::Pass),
        (format!("scrub in proto tcp all no-df fragment reassemble\n{STOCK_SCRUB}"), Verdict::Block),
        (format!("no scrub in proto udp all\n{STOCK_SCRUB}"), Verdict::Block),
        // It was not said whether it comes in on en0.
        (format!("no scrub in on en0 all\n{STOCK_SCRUB}"), Verdict::Unknown),
        (format!("scrub in on en0 all fragment reassemble\n{STOCK_SCRUB}"), Verdict::Block),
    ] {
        let answer = of_fragments(&[("", &main), ("com.apple/x", GATE)]);
        assert_eq!(answer.verdict, verdict, "{main}{answer}");
    }
}

#[test]
fn fragment_rule_is_for_fragments_that_are_apart() {
    let rules = [("", "block drop quick from any to any fragment\n")];
    assert_eq!(
        (of_fragments(&rules).verdict, answer(&loaded(&rules)).verdict),
        (Verdict::Block, Verdict::Pass)
    );
    let scrubbed = [("", "scrub in all fragment reassemble\nblock drop quick from any to any fragment\n")];
    assert_eq!(of_fragments(&scrubbed).verdict, Verdict::Pass);
}

#[test]
fn fragment_apart_is_asked_for_no_user_and_no_state() {
    let mut listings = loaded(&[("", "block drop quick proto tcp all user = 501\n")]);
    listings.states =
        Some("ALL tcp 10.0.0.5:2345 <- 10.0.0.9:52998       ESTABLISHED:ESTABLISHED\n".to_owned());
    let question = PacketQuery {
        fragments: true,
        from_port: Some(52998),
        to: Some("10.0.0.5".parse().unwrap()),
        ..asked()
    };
    let answer = explain(&LoadedPf::parse(&listings, &Services::default()), &question);
    assert_eq!((answer.verdict, answer.settled.why), (Verdict::Block, PfReason::Quick));
}

#[test]
fn star_in_the_main_ruleset_is_an_anchor_of_that_name() {
    let rules = [("", "anchor \"*\" all\n"), ("x", "block drop quick all\n")];
    assert_eq!(decided(&rules), (Verdict::Pass, "default".to_owned()));
    let named = [("", "anchor \"*\" all\n"), ("*", "block drop quick all\n")];
    assert_eq!(decided(&named), (Verdict::Block, "*:1".to_owned()));
}
