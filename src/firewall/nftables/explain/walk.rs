//! A packet's way through one base chain, as `nft_do_chain` goes.
//!
//! Where it is not known whether a rule matches, both ways are followed: the settled one, on which
//! it does not, and the doubtful ones. Where they meet again, at the same rule of the same chain,
//! they have the same future.

use super::explanation::{Doubt, NftReason, NftRulePlace};
use super::loaded::LoadedNft;
use super::packet::{ChainPacket, Tracked};
use super::statement::{ChainVerdict, Statement, read};
use crate::firewall::explain::{Decision, Tristate};
use crate::firewall::nftables::listing::{Chain, NftRule};

/// The kernel's limit of jumps within jumps (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;

/// The end of a base chain.
pub(super) struct End {
    pub(super) decision: Decision,
    /// The rule; `None`: the policy.
    pub(super) rule: Option<NftRulePlace>,
    /// Why the packet is dropped, if it is.
    pub(super) why: Option<NftReason>,
    /// What may end it otherwise.
    pub(super) doubts: Vec<Doubt>,
}

/// The ways on which the packet may be at some rule.
#[derive(Clone, Default)]
struct Flow {
    /// Whether the settled one is among them.
    settled: bool,
    /// Why it may be here, if it is not.
    reasons: Vec<String>,
}

impl Flow {
    fn doubtful(reasons: Vec<String>) -> Flow {
        Flow { settled: false, reasons }
    }

    fn is_dead(&self) -> bool {
        !self.settled && self.reasons.is_empty()
    }

    fn join(&mut self, other: Flow) {
        self.settled |= other.settled;
        self.reasons.extend(other.reasons);
        if self.settled {
            self.reasons.clear();
        }
    }

    /// Why something is in doubt that these reasons are about, if it is.
    fn with(&self, reasons: Vec<String>) -> Vec<String> {
        self.reasons.iter().cloned().chain(reasons).collect()
    }
}

/// A walk through one base chain.
pub(super) struct ChainWalk<'a, 'p> {
    pub(super) loaded: &'a LoadedNft,
    pub(super) packet: &'a mut ChainPacket<'p>,
    end: Option<End>,
    doubts: Vec<Doubt>,
    /// Whether the packet may have left the way that is walked, and not been dropped there: a
    /// certain verdict on this way is then not certain for the packet.
    may_be_elsewhere: bool,
    depth: usize,
}

impl<'a, 'p> ChainWalk<'a, 'p> {
    pub(super) fn new(loaded: &'a LoadedNft, packet: &'a mut ChainPacket<'p>) -> ChainWalk<'a, 'p> {
        ChainWalk { loaded, packet, end: None, doubts: Vec::new(), may_be_elsewhere: false, depth: 0 }
    }

    pub(super) fn base_chain(mut self, chain: &Chain) -> End {
        let way_out = self.chain(chain, Flow { settled: true, reasons: Vec::new() });
        let drops = chain.policy.as_deref() == Some("drop");
        let decision = if drops { Decision::Block } else { Decision::Pass };
        if !way_out.reasons.is_empty() {
            let policy = chain.policy.as_deref().unwrap_or("accept");
            let why = way_out.reasons.join("; ");
            let reasons = vec![format!("the policy of {}, {policy}, may decide: {why}", name(chain))];
            self.doubts.push(Doubt { place: None, decision: Some(decision), reasons });
        }
        let policy = || End {
            decision,
            rule: None,
            why: drops.then(|| NftReason::Policy { chain: name(chain) }),
            doubts: Vec::new(),
        };
        let mut end = self.end.unwrap_or_else(policy);
        end.doubts = self.doubts;
        end
    }

    /// Returns on which ways the packet comes out at the chain's end.
    fn chain(&mut self, chain: &Chain, mut flow: Flow) -> Flow {
        let mut way_out = Flow::default();
        let loaded = self.loaded;
        for rule in loaded.listing.rules_of(chain) {
            if flow.is_dead() {
                break;
            }
            self.rule(chain, rule, &mut flow, &mut way_out);
        }
        way_out.join(flow);
        way_out
    }

    fn rule(&mut self, chain: &Chain, rule: &NftRule, flow: &mut Flow, way_out: &mut Flow) {
        let mut reasons = Vec::new();
        for (number, statement) in rule.expr.iter().enumerate() {
            let is_last = number + 1 == rule.expr.len();
            match read(statement, is_last, self.packet, chain, self.loaded) {
                Statement::If(Tristate::No) => return,
                Statement::If(Tristate::Yes) | Statement::Nothing => {}
                Statement::If(Tristate::Unknown(more)) => reasons.extend(more),
                Statement::Untrack => {
                    self.untrack(flow.settled && !self.may_be_elsewhere && reasons.is_empty());
                }
                Statement::Opaque(words) => {
                    let reasons = flow.with([reasons.clone(), vec![words]].concat());
                    self.doubt(rule, None, reasons);
                }
                Statement::Verdicts(verdicts) => {
                    for (verdict, more) in verdicts {
                        let reasons = [reasons.clone(), more].concat();
                        self.verdict(chain, rule, &verdict, reasons, flow, way_out);
                    }
                    return;
                }
            }
        }
    }

    fn verdict(
        &mut self,
        chain: &Chain,
        rule: &NftRule,
        verdict: &ChainVerdict,
        reasons: Vec<String>,
        flow: &mut Flow,
        way_out: &mut Flow,
    ) {
        let is_sure = reasons.is_empty();
        // The ways that go on with the verdict; the others stay at this rule.
        let going = if is_sure { std::mem::take(flow) } else { Flow::doubtful(flow.with(reasons)) };
        let stays = matches!(
            verdict,
            ChainVerdict::Continue | ChainVerdict::Jump(_) | ChainVerdict::Drop | ChainVerdict::Reject
        );
        self.may_be_elsewhere |= !going.settled && !going.is_dead() && !stays;
        match verdict {
            ChainVerdict::Continue => flow.join(going),
            ChainVerdict::Return => way_out.join(going),
            ChainVerdict::Jump(target) | ChainVerdict::Goto(target) => {
                let out = self.called(chain, rule, target, going);
                if matches!(verdict, ChainVerdict::Goto(_)) {
                    way_out.join(out);
                } else {
                    flow.join(out);
                }
            }
            ChainVerdict::Accept
            | ChainVerdict::Drop
            | ChainVerdict::Reject
            | ChainVerdict::NewSource
            | ChainVerdict::Away(_) => {
                self.terminal(rule, verdict, going);
            }
        }
    }

    fn called(&mut self, from: &Chain, rule: &NftRule, target: &str, flow: Flow) -> Flow {
        let Some(chain) = self.loaded.chain(from, target).filter(|_| self.depth < DEPTH) else {
            self.doubt(rule, None, flow.with(vec![format!("the chain {target} is not there")]));
            return flow;
        };
        self.depth += 1;
        let out = self.chain(chain, flow);
        self.depth -= 1;
        out
    }

    fn terminal(&mut self, rule: &NftRule, verdict: &ChainVerdict, going: Flow) {
        if let ChainVerdict::Away(reason) = verdict {
            self.doubt(rule, None, going.with(vec![reason.clone()]));
        } else if !going.settled {
            self.doubt(rule, verdict.decision(), going.reasons);
        }
        if *verdict == ChainVerdict::NewSource {
            self.packet.translated =
                Some("an earlier rule may give it another source, which is not followed".to_owned());
        }
        if going.settled {
            self.end = Some(End {
                decision: verdict.decision().unwrap_or(Decision::Pass),
                rule: Some(self.place(rule)),
                why: match verdict {
                    ChainVerdict::Drop => Some(NftReason::Drop),
                    ChainVerdict::Reject => Some(NftReason::Reject),
                    _ => None,
                },
                doubts: Vec::new(),
            });
        }
    }

    /// It has no effect where connection tracking has had the packet already (`nft_notrack_eval`).
    fn untrack(&mut self, is_sure: bool) {
        if self.packet.tracked == Tracked::NotYet {
            self.packet.tracked = if is_sure {
                Tracked::Untracked
            } else {
                Tracked::Unknown("whether an earlier `notrack` matches is not known".to_owned())
            };
        }
    }

    fn doubt(&mut self, rule: &NftRule, decision: Option<Decision>, reasons: Vec<String>) {
        let place = Some(self.place(rule));
        self.doubts.push(Doubt { place, decision, reasons });
    }

    fn place(&self, rule: &NftRule) -> NftRulePlace {
        NftRulePlace {
            family: rule.family.clone(),
            table: rule.table.clone(),
            chain: rule.chain.clone(),
            handle: rule.handle,
            rule: self.loaded.text(rule),
        }
    }
}

/// A chain as people name it.
pub(super) fn name(chain: &Chain) -> String {
    format!("{} {} {}", chain.family, chain.table, chain.name)
}

#[cfg(test)]
mod tests;
