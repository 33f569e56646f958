//! A packet's way from base chain to base chain, and what comes of it in the end.

use super::explanation::{Also, Doubt, Explanation, NftReason, Settled};
use super::loaded::LoadedNft;
use super::packet::{ChainPacket, Tracked};
use super::walk::{ChainWalk, End, name};
use crate::firewall::explain::{Decision, Fate, PacketDirection, PacketQuery, Verdict};
use crate::firewall::nftables::listing::Chain;

/// Where connection tracking gets to see a packet, on the first hook of each direction
/// (`NF_IP_PRI_CONNTRACK`).
const TRACKING: i64 = -200;

/// Where the kernel does all address translation, whatever the chains' own priorities say:
/// `NF_IP_PRI_NAT_DST` on the first hook of each direction and `NF_IP_PRI_NAT_SRC` on the second.
const NEW_DESTINATION: i64 = -100;
const NEW_SOURCE: i64 = 100;

/// Says what nftables does with the packet.
pub fn explain(loaded: &LoadedNft, question: &PacketQuery) -> Explanation {
    let mut packet = ChainPacket { question, tracked: Tracked::NotYet, translated: None };
    let (mut also, mut doubts, mut met) = (Vec::new(), Vec::<Doubt>::new(), Vec::new());
    let mut blocked: Option<Settled> = None;
    for (number, hook) in hooks(question.direction).into_iter().enumerate() {
        for chain in base_chains(loaded, question, hook, number == 0) {
            let is_nat = chain.kind.as_deref() == Some("nat");
            if is_nat && !is_translated(&packet) {
                continue;
            }
            packet.tracked = tracked(loaded, &packet, number == 0, priority(chain, number == 0));
            let mut end = ChainWalk::new(loaded, &mut packet).base_chain(chain);
            if is_nat {
                end = not_asked_always(end);
            }
            met.push(name(chain));
            let is_certain = is_certain_block(&end) && doubts.iter().all(|doubt| doubt.decision.is_some());
            doubts.extend(end.doubts);
            let Some(why) = end.why else {
                let accepted = end.rule.filter(|_| blocked.is_none());
                also.extend(accepted.map(|place| Also {
                    place,
                    decision: Decision::Pass,
                    fate: Fate::OwnChain,
                }));
                continue;
            };
            let settled = Settled { decision: Decision::Block, why, rule: end.rule };
            if is_certain {
                let verdict = Verdict::Block;
                let mut notes = notes(loaded, question);
                notes.extend(blocked.iter().filter_map(decided_before));
                notes.extend(doubts.iter().filter_map(dropped_before));
                let question = question.clone();
                return Explanation { question, verdict, settled, also, doubts: Vec::new(), notes };
            }
            blocked.get_or_insert(settled);
        }
    }
    let settled = blocked.unwrap_or_else(|| Settled::pass(NftReason::NothingDrops { chains: met }));
    // A doubt with the same decision is none.
    doubts.retain(|doubt| doubt.decision != Some(settled.decision));
    let verdict = if doubts.is_empty() { settled.decision.into() } else { Verdict::Unknown };
    let notes = notes(loaded, question);
    Explanation { question: question.clone(), verdict, settled, also, doubts, notes }
}

/// A packet that is dropped for certain may have been dropped before: the verdict is the same, by
/// another rule.
fn dropped_before(doubt: &Doubt) -> Option<String> {
    let reasons = Some(doubt.reasons.join("; ")).filter(|_| doubt.decision == Some(Decision::Block))?;
    Some(match &doubt.place {
        Some(place) => format!("{place} may drop it before ({reasons}): {}", place.rule),
        None => format!("it may be dropped elsewhere: {reasons}"),
    })
}

/// The same of a chain that drops it unless a doubtful rule accepts it there.
fn decided_before(settled: &Settled) -> Option<String> {
    match (&settled.rule, &settled.why) {
        (Some(place), _) => Some(format!("{place} may drop it before: {}", place.rule)),
        (None, NftReason::Policy { chain }) => Some(format!("the policy of {chain} may drop it before")),
        _ => None,
    }
}

/// Whether the packet is dropped here whatever is in doubt, if it gets here as it is.
fn is_certain_block(end: &End) -> bool {
    let mut doubts = end.doubts.iter();
    end.decision == Decision::Block && doubts.all(|doubt| doubt.decision == Some(Decision::Block))
}

/// The hooks that a packet passes between the network and a program of this machine.
fn hooks(direction: PacketDirection) -> [&'static str; 2] {
    match direction {
        PacketDirection::In => ["prerouting", "input"],
        PacketDirection::Out => ["output", "postrouting"],
    }
}

/// The base chains of a hook that see this packet, in the order of their priorities.
fn base_chains<'a>(
    loaded: &'a LoadedNft,
    question: &PacketQuery,
    hook: &str,
    is_first: bool,
) -> Vec<&'a Chain> {
    let own = if question.from.is_ipv4() { "ip" } else { "ip6" };
    let mut chains: Vec<&Chain> = loaded
        .listing
        .chains
        .iter()
        .filter(|chain| {
            chain.hook.as_deref() == Some(hook)
                && (chain.family == "inet" || chain.family == own)
                && !loaded.listing.is_dormant(&chain.family, &chain.table)
        })
        .collect();
    chains.sort_by_key(|chain| priority(chain, is_first));
    chains
}

fn priority(chain: &Chain, is_first: bool) -> i64 {
    match (chain.kind.as_deref(), is_first) {
        (Some("nat"), true) => NEW_DESTINATION,
        (Some("nat"), false) => NEW_SOURCE,
        _ => chain.prio.unwrap_or_default(),
    }
}

/// Chains of type nat see what connection tracking knows, and each connection once: over the
/// loopback interface on its way out.
fn is_translated(packet: &ChainPacket<'_>) -> bool {
    let comes_back = packet.question.direction == PacketDirection::In
        && packet.question.interface.as_deref() == Some(packet.question.loopback);
    packet.tracked != Tracked::Untracked && !comes_back
}

/// A drop in a chain of type nat, in which nft(8) wants none, is in doubt: where no rule uses
/// connection tracking, the kernel does not ask the chain.
fn not_asked_always(mut end: End) -> End {
    if end.why.take().is_some() {
        let reasons =
            vec!["its chain is of type nat, and asked only of connections that are tracked".to_owned()];
        end.doubts.push(Doubt { place: end.rule.take(), decision: Some(Decision::Block), reasons });
        end.decision = Decision::Pass;
    }
    end
}

/// What connection tracking has of the packet at this priority.
fn tracked(loaded: &LoadedNft, packet: &ChainPacket<'_>, is_first: bool, priority: i64) -> Tracked {
    let question = packet.question;
    let over_loopback = question.interface.as_deref() == Some(question.loopback);
    if question.direction == PacketDirection::In && over_loopback {
        // It was tracked on its way out already, unless a rule there was against it.
        let mut statements = loaded.listing.rules.iter().flat_map(|rule| &rule.expr);
        return if statements.any(|statement| statement.get("notrack").is_some()) {
            Tracked::Unknown("whether a `notrack` matched on its way out is not known".to_owned())
        } else {
            Tracked::New
        };
    }
    match (&packet.tracked, is_first) {
        (Tracked::NotYet, true) if priority < TRACKING => Tracked::NotYet,
        (Tracked::NotYet, true) if priority == TRACKING => {
            Tracked::Unknown("connection tracking has the same priority as the chain".to_owned())
        }
        (Tracked::NotYet, _) => Tracked::New,
        (tracked, _) => tracked.clone(),
    }
}

/// Names chains and rules that nft does not show, or that are not evaluated.
fn notes(loaded: &LoadedNft, question: &PacketQuery) -> Vec<String> {
    let mut notes = Vec::new();
    let hook = match question.direction {
        PacketDirection::In => "ingress",
        PacketDirection::Out => "egress",
    };
    let elsewhere = loaded.listing.chains.iter().filter(|chain| {
        chain.hook.as_deref() == Some(hook) || (chain.family == "bridge" && chain.hook.is_some())
    });
    let elsewhere: Vec<String> = elsewhere.map(name).collect();
    if !elsewhere.is_empty() {
        notes.push(format!("these chains are not looked at, and may drop it too: {}", elsewhere.join(", ")));
    }
    if !loaded.legacy.is_empty() {
        notes.push(format!(
            "iptables-legacy is in use, whose rules nft does not show ({}); see `sudo iptables-legacy-save`",
            loaded.legacy.join(", ")
        ));
    }
    notes
}
