//! A packet's way: what comes before the rules, then the rules as the kernel walks through them.

use std::collections::BTreeSet;
use std::mem;

use super::explanation::{Also, Doubt, Explanation, PfReason, PfRulePlace, Settled};
use super::loaded::LoadedPf;
use super::matching::{Sight, fit};
use super::rule::{AnchorCall, PfRule, RuleAction};
use super::scrub::{Fragments, fragments};
use crate::firewall::explain::{Decision, Fate, PacketDirection, PacketQuery, Tristate, Verdict};

/// Says what pf does with the packet.
pub fn explain(loaded: &LoadedPf, question: &PacketQuery) -> Explanation {
    if question.fragments {
        return in_fragments(loaded, question);
    }
    let mut answer = seen(loaded, question, Sight::Whole);
    if answer.verdict == Verdict::Block && question.direction == PacketDirection::In {
        let pieces = in_fragments(loaded, &PacketQuery { fragments: true, ..question.clone() });
        if pieces.verdict == Verdict::Pass {
            answer.notes.push("in IP fragments it passes: --fragments says why".to_owned());
        }
    }
    answer
}

/// A packet in fragments: they are put together first, or the filter sees each by itself.
fn in_fragments(loaded: &LoadedPf, question: &PacketQuery) -> Explanation {
    let pieces = || seen(loaded, question, Sight::Fragment);
    let whole = || seen(loaded, question, Sight::Whole);
    if pieces().settled.is_before_the_rules() {
        return pieces();
    }
    match fragments(loaded, question) {
        Fragments::Together(place) => {
            let mut answer = whole();
            answer.notes.push(format!(
                "its fragments are put together first, by {place} (`{}`), unless their IPv4 header says \"don't fragment\": \
                 those are dropped",
                place.rule
            ));
            answer
        }
        Fragments::Apart(place) => {
            let mut answer = pieces();
            let cause = match place {
                Some(place) => format!("{place} (`{}`) does not put the fragments together", place.rule),
                None => "no scrub rule puts the fragments together".to_owned(),
            };
            let why = format!(
                "{cause}: each is judged by itself, and no rule that asks for a port or flags of TCP is looked at"
            );
            answer.notes.insert(0, why); // before what else is to be known
            answer
        }
        Fragments::Unknown(reasons) => {
            let (answer, other) = (whole(), pieces());
            if answer.verdict == other.verdict && answer.verdict != Verdict::Unknown {
                return answer;
            }
            let mut answer = other;
            answer.verdict = Verdict::Unknown;
            let reasons = reasons.into_iter().map(|why| format!("scrub: {why}")).collect();
            answer.doubts.push(Doubt { place: None, decision: None, reasons });
            answer
        }
    }
}

/// What the filter does with the packet as it sees it.
fn seen(loaded: &LoadedPf, question: &PacketQuery, sight: Sight) -> Explanation {
    if let Some(settled) = before_the_rules(loaded, question, sight) {
        return Explanation {
            question: question.clone(),
            verdict: settled.decision.into(),
            settled,
            also: Vec::new(),
            doubts: Vec::new(),
            notes: Vec::new(),
        };
    }
    let mut walk = PfWalk::new(loaded, question, sight);
    walk.ruleset("");
    let settled = walk.settled();
    let mut doubts: Vec<Doubt> = walk.doubts.into_iter().map(|own| own.doubt).collect();
    doubts.extend(translation(loaded, question));
    // A doubt that can only let the packet pass is none about a pass.
    if settled.decision == Decision::Block || !doubts.is_empty() {
        doubts.extend(may_pass_before_the_rules(loaded, question, sight));
    }
    let verdict = if doubts.is_empty() { settled.decision.into() } else { Verdict::Unknown };
    let mut notes = match sight {
        Sight::Whole => open_connections(loaded, question),
        Sight::Fragment => Vec::new(),
    };
    notes.extend(inert(loaded, question, sight, &walk.evaluated));
    if verdict == Verdict::Pass && question.direction == PacketDirection::In {
        notes.push(
            "macOS's Application Firewall is asked after pf, and may still refuse the program".to_owned(),
        );
    }
    Explanation { question: question.clone(), verdict, settled, also: walk.also, doubts, notes }
}

/// pf that is off, `set skip` and a state pass a packet before any rule is looked at (`pf_test`). A
/// fragment by itself has no state.
fn before_the_rules(loaded: &LoadedPf, question: &PacketQuery, sight: Sight) -> Option<Settled> {
    if !loaded.enabled {
        return Some(Settled::pass(PfReason::PfDisabled));
    }
    if let (Some(skipped), Some(name)) = (&loaded.skipped, &question.interface) {
        if skipped.contains(name) {
            return Some(Settled::pass(PfReason::Skip { interface: name.clone() }));
        }
    }
    if sight == Sight::Fragment {
        return None;
    }
    let mut states = loaded.states.iter().flat_map(|states| &states.tcp);
    let own = states.find(|state| state.is_certain(question) && state.takes(question))?;
    Some(Settled::pass(PfReason::State { state: own.text.clone() }))
}

/// Doubts whether one of these does so. A new connection's source port is one that no state has,
/// unless it was said.
fn may_pass_before_the_rules(loaded: &LoadedPf, question: &PacketQuery, sight: Sight) -> Vec<Doubt> {
    let mut reasons = Vec::new();
    match &loaded.skipped {
        None => reasons.push("which interfaces `set skip` covers could not be read".to_owned()),
        Some(skipped) => {
            let possible = skipped.iter().filter(|name| question.is_on(name).is_none());
            reasons.extend(
                possible.map(|name| {
                    format!("`set skip` covers {name}: the interface was not given (--interface)")
                }),
            );
        }
    }
    match &loaded.states {
        _ if question.from_port.is_none() || sight == Sight::Fragment => {}
        None => reasons.push("the states could not be read".to_owned()),
        Some(states) => {
            let possible = states.tcp.iter().find(|state| state.takes(question));
            reasons.extend(possible.map(|state| format!("it may belong to the state `{}`", state.text)));
            if states.unreadable > 0 {
                reasons.push(format!("{} states could not be read", states.unreadable));
            }
        }
    }
    let doubt = |reason| Doubt { place: None, decision: Some(Decision::Pass), reasons: vec![reason] };
    reasons.into_iter().map(doubt).collect()
}

/// Translation comes before the filter, and changes what the filter sees. It is not evaluated.
fn translation(loaded: &LoadedPf, question: &PacketQuery) -> Vec<Doubt> {
    let other = match question.direction {
        PacketDirection::In => "nat ",
        PacketDirection::Out => "rdr ",
    };
    let mut doubts = Vec::new();
    for (path, ruleset) in &loaded.rulesets {
        for rule in ruleset.translation.iter().filter(|rule| !rule.starts_with(other)) {
            let place =
                if path.is_empty() { "the main ruleset".to_owned() } else { format!("the anchor {path}") };
            let reason = format!(
                "`{rule}` ({place}) may translate it before the filter's rules, and is not evaluated"
            );
            doubts.push(Doubt { place: None, decision: None, reasons: vec![reason] });
        }
    }
    doubts
}

/// Connections of this peer to this port that pf passes whatever the rules say.
fn open_connections(loaded: &LoadedPf, question: &PacketQuery) -> Vec<String> {
    let states = loaded.states.iter().flat_map(|states| &states.tcp);
    let open = states.filter(|state| question.from_port.is_none() && state.takes(question));
    open.map(|state| {
        format!("an open connection passes by its state, whatever the rules say: {}", state.text)
    })
    .collect()
}

/// Anchors with a rule that matches, which nothing evaluates: what a `load anchor` without an
/// `anchor` line makes.
fn inert(
    loaded: &LoadedPf,
    question: &PacketQuery,
    sight: Sight,
    evaluated: &BTreeSet<String>,
) -> Vec<String> {
    let mut notes = Vec::new();
    for (path, ruleset) in loaded.rulesets.iter().filter(|(path, _)| !evaluated.contains(*path)) {
        let mut rules = ruleset.rules.iter().flatten();
        let matching = rules.find(|(_, rule)| {
            matches!(rule.action, RuleAction::Pass | RuleAction::Block)
                && fit(rule, path, loaded, question, sight) == Tristate::Yes
        });
        if let Some((line, rule)) = matching {
            notes.push(format!(
                "line {line} of the anchor {path} would match, but no rule evaluates this anchor: {}",
                rule.text
            ));
        }
    }
    notes
}

/// Whether a rule matched since the flag was last cleared: the kernel's `*match`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matched {
    No,
    Maybe,
    Yes,
}

/// A doubt about a rule, as long as the walk goes on.
struct OwnDoubt {
    doubt: Doubt,
    /// Whether it ends the evaluation if it matches; else a later match overrides it.
    quick: bool,
    /// Counts the doubts of this walk.
    number: usize,
}

struct PfWalk<'a> {
    loaded: &'a LoadedPf,
    question: &'a PacketQuery,
    sight: Sight,
    /// The last rule that surely matches.
    last: Option<(PfRulePlace, Decision)>,
    /// What ended the evaluation. The walk goes on, to see which rules are not reached.
    ended: Option<PfReason>,
    matched: Matched,
    also: Vec<Also>,
    doubts: Vec<OwnDoubt>,
    doubted: usize,
    /// Why it is not certain that the rules at hand are evaluated at all.
    context: Vec<String>,
    /// The anchors that are being evaluated, outermost first.
    within: Vec<String>,
    evaluated: BTreeSet<String>,
}

impl<'a> PfWalk<'a> {
    fn new(loaded: &'a LoadedPf, question: &'a PacketQuery, sight: Sight) -> PfWalk<'a> {
        PfWalk {
            loaded,
            question,
            sight,
            last: None,
            ended: None,
            matched: Matched::No,
            also: Vec::new(),
            doubts: Vec::new(),
            doubted: 0,
            context: Vec::new(),
            within: Vec::new(),
            evaluated: BTreeSet::new(),
        }
    }

    fn settled(&mut self) -> Settled {
        let why = self.ended.take();
        match self.last.take() {
            None => Settled::pass(PfReason::DefaultPass),
            Some((rule, decision)) => {
                Settled { decision, why: why.unwrap_or(PfReason::LastMatch), rule: Some(rule) }
            }
        }
    }

    fn ruleset(&mut self, path: &str) {
        self.evaluated.insert(path.to_owned());
        let Some(ruleset) = self.loaded.rulesets.get(path) else { return };
        let Some(rules) = &ruleset.rules else {
            let reasons = vec![match path {
                "" => "the tables of the main ruleset could not be read".to_owned(),
                path => format!("the rules or tables of the anchor {path} could not be read"),
            }];
            return self.doubt(Doubt { place: None, decision: None, reasons }, true);
        };
        for (line, rule) in rules {
            let reasons = match fit(rule, path, self.loaded, self.question, self.sight) {
                Tristate::No => continue,
                Tristate::Yes => Vec::new(),
                Tristate::Unknown(reasons) => reasons,
            };
            let place = PfRulePlace { anchor: path.to_owned(), line: *line, rule: rule.text.clone() };
            match &rule.action {
                RuleAction::Anchor(call) => self.anchor(rule, place, call, reasons),
                RuleAction::Pass => self.rule(rule, place, Some(Decision::Pass), reasons),
                RuleAction::Block => self.rule(rule, place, Some(Decision::Block), reasons),
                RuleAction::Scrub(_) | RuleAction::Unknown => self.rule(rule, place, None, reasons),
            }
        }
    }

    fn rule(&mut self, rule: &PfRule, place: PfRulePlace, decision: Option<Decision>, reasons: Vec<String>) {
        let is_sure = reasons.is_empty() && self.context.is_empty();
        let Some(decision) = decision.filter(|_| is_sure) else {
            let quick = rule.quick || decision.is_none();
            let reasons = self.context.iter().cloned().chain(reasons).collect();
            return self.doubt(Doubt { place: Some(place), decision, reasons }, quick);
        };
        if self.ended.is_some() {
            return self.also.push(Also { place, decision, fate: Fate::NotReached });
        }
        if let Some((place, decision)) = self.last.replace((place, decision)) {
            self.also.push(Also { place, decision, fate: Fate::Overridden });
        }
        self.doubts.retain(|own| own.quick);
        self.matched = Matched::Yes;
        if rule.quick {
            self.ended = Some(PfReason::Quick);
        }
    }

    fn doubt(&mut self, doubt: Doubt, quick: bool) {
        if self.ended.is_none() {
            self.doubts.push(OwnDoubt { doubt, quick, number: self.doubted });
            self.doubted += 1;
            self.matched = self.matched.max(Matched::Maybe);
        }
    }

    /// `pf_step_into_anchor` clears the flag of a match. `pf_step_out_of_anchor` asks it where the
    /// anchor line has `quick`, and clears it after each child of a wildcard. So a match before a
    /// nested anchor in which nothing matches does not count for the outer line's `quick`; nor does
    /// one within a nested wildcard.
    fn anchor(&mut self, rule: &PfRule, place: PfRulePlace, call: &AnchorCall, reasons: Vec<String>) {
        let (path, is_wildcard) = call.path(&place.anchor);
        let name = if is_wildcard { format!("{path}/*") } else { path.clone() };
        if self.within.contains(&name) {
            let reasons = vec![format!("the anchor {name} evaluates itself")];
            return self.doubt(Doubt { place: Some(place), decision: None, reasons }, true);
        }
        let is_sure = reasons.is_empty() && self.context.is_empty();
        let context = self.context.len();
        self.context.extend(reasons);
        self.within.push(name);
        let before = mem::replace(&mut self.matched, Matched::No);
        let first_doubt = self.doubted;
        let mut inside = Matched::No;
        if is_wildcard {
            for child in self.loaded.children(&path) {
                self.ruleset(child);
                inside = inside.max(mem::replace(&mut self.matched, Matched::No));
            }
        } else {
            self.ruleset(&path);
            inside = self.matched;
        }
        self.within.pop();
        self.context.truncate(context);
        if !is_sure && self.matched != before {
            self.matched = Matched::Maybe;
        }
        if !rule.quick || self.ended.is_some() {
            return;
        }
        if inside == Matched::Yes {
            self.ended = Some(PfReason::QuickAnchor { line: place });
        } else {
            self.doubts.iter_mut().filter(|own| own.number >= first_doubt).for_each(|own| own.quick = true);
        }
    }
}

#[cfg(test)]
mod tests;
