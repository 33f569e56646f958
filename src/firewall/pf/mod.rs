//! macOS's packet filter, through `/sbin/pfctl`.
//!
//! Each gate is an anchor of its own below `com.apple`, which the stock main ruleset evaluates: no
//! file is edited, and no other program's rules are touched. pf is enabled by a counted token, held
//! while there is a gate. Opening is load, enable, read back; rules that cannot be read back are
//! removed, and the gate is refused.
//!
//! An anchor is a gate while it has rules: an emptied one stays listed for good. So anchors have
//! few names, that of a slot (`slots`), and only anchors that pf lists are flushed: flushing a
//! missing anchor would create it.

mod error;
pub mod explain;
#[cfg(fuzzing)]
pub mod fuzzing;
mod pfctl;
mod ruleset;
mod slots;
mod token;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::Peer;
use super::backend::{GateOpenError, GateOwner, LoadedGate};
use crate::failpoint;
pub use error::PfError;
pub use pfctl::PFCTL;
pub(super) use pfctl::Pfctl;
use ruleset::{GateRuleset, gate_of};
pub(super) use ruleset::{LINES_BEFORE_RULES, anchor, slot_of};
use slots::{AnchorSlot, SLOTS, Slots};
pub(crate) use token::TokenNotes;
use token::{EnableToken, is_stale};

/// How long it is waited for a slot of a guard that was killed: a pfctl of that guard may hold it
/// still, and ends by itself.
const SLOT_LIMIT: Duration = Duration::from_secs(2);

/// How often it is tried.
const SLOT_POLL: Duration = Duration::from_millis(20);

/// The gates that this process holds in pf.
pub(super) struct Pf {
    pfctl: Pfctl,
    owner: GateOwner,
    notes: Arc<dyn TokenNotes>,
    slots: Slots,
    /// Calls are made one after another: the token's life depends on the set of gates.
    held: Mutex<PfState>,
}

#[derive(Default)]
struct PfState {
    /// By port.
    gates: BTreeMap<u16, PfGate>,
    token: Option<EnableToken>,
}

/// A gate of ours, or what may be left of one.
struct PfGate {
    slot: AnchorSlot,
    /// This machine's addresses at which it is the gate; none: all.
    at: Vec<IpAddr>,
    is_loaded: bool,
}

/// A slot with rules in it.
#[derive(Clone, Debug)]
pub(super) struct Filled {
    pub(super) slot: u16,
    /// The gate that its rules are; `None`: they are not dlvgate's.
    pub(super) gate: Option<LoadedGate>,
}

impl Pf {
    pub(super) fn new(path: PathBuf, owner: GateOwner, notes: Arc<dyn TokenNotes>) -> Pf {
        let slots = Slots::new(notes.folder());
        Pf { pfctl: Pfctl::new(path), owner, notes, slots, held: Mutex::default() }
    }

    /// Whether pf can be used: it answers us, and its main ruleset evaluates `com.apple/*`.
    pub(super) async fn check(&self) -> Result<(), PfError> {
        self.pfctl.run(&["-s", "info"], "").await?;
        self.main_evaluates_us("com.apple/*").await
    }

    /// Whether pf is enabled; one that is not passes everything.
    pub(super) async fn is_filtering(&self) -> Result<bool, PfError> {
        let info = self.pfctl.run(&["-s", "info"], "").await?.stdout;
        Ok(info.lines().any(|line| line.trim_start().starts_with("Status: Enabled")))
    }

    pub(super) async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), GateOpenError> {
        let mut held = self.held.lock().await;
        let slot = match self.free_slot().await {
            Ok(slot) => slot,
            Err(why) => return Err(GateOpenError { why: why.into(), may_be_left: false }),
        };
        held.gates.insert(port, PfGate { slot, at: at.to_vec(), is_loaded: false });
        match self.load_and_prove(&mut held, port, &GateRuleset::guarded(port, peers, at, self.owner)).await {
            Ok(()) => Ok(()),
            Err(why) => {
                let may_be_left = self.take_away(&mut held, port).await.is_err();
                Err(GateOpenError { why: why.into(), may_be_left })
            }
        }
    }

    pub(super) async fn shut(&self, port: u16) -> Result<(), PfError> {
        let mut held = self.held.lock().await;
        // there are no rules to shut
        let Some(gate) = held.gates.get_mut(&port) else { return Ok(()) };
        gate.is_loaded = true;
        let anchor = anchor(gate.slot.number);
        let rules = GateRuleset::shut(port, &gate.at, self.owner);
        self.pfctl.quiet(&["-a", &anchor, "-f", "-"], &rules.text()).await?;
        self.rules_are(&anchor, &rules).await
    }

    pub(super) async fn remove(&self, port: u16) -> Result<(), PfError> {
        let mut held = self.held.lock().await;
        self.take_away(&mut held, port).await
    }

    /// The first slot that no guard holds and whose anchor has no rules. Those of a guard that was
    /// killed keep their slot, until they are swept.
    async fn free_slot(&self) -> Result<AnchorSlot, PfError> {
        for number in 0..SLOTS {
            let Some(slot) = self.slots.hold(number).map_err(|said| PfError::NoSlotFile { said })? else {
                continue;
            };
            if self.rules_of(&anchor(number)).await?.is_empty() {
                return Ok(slot);
            }
        }
        Err(PfError::NoSlot { slots: SLOTS })
    }

    async fn load_and_prove(
        &self,
        held: &mut PfState,
        port: u16,
        rules: &GateRuleset,
    ) -> Result<(), PfError> {
        let Some(gate) = held.gates.get_mut(&port) else { return Ok(()) };
        let anchor = anchor(gate.slot.number);
        let text = rules.text();
        self.pfctl.quiet(&["-a", &anchor, "-n", "-f", "-"], &text).await?;
        self.pfctl.quiet(&["-a", &anchor, "-f", "-"], &text).await?;
        gate.is_loaded = true;
        failpoint::point("load").await;
        self.forget_a_lost_token(held).await?;
        if held.token.is_none() {
            held.token = Some(self.enable().await?);
        }
        self.is_enabled(&anchor, held.token.as_ref()).await?;
        self.main_evaluates_us(&anchor).await?;
        self.rules_are(&anchor, rules).await
    }

    /// One that could not be given back for certain may be gone all the same. While another gate is
    /// held it is not asked: that relies on it, and has to be told.
    async fn forget_a_lost_token(&self, held: &mut PfState) -> Result<(), PfError> {
        let Some(token) = held.token.filter(|_| held.gates.len() == 1) else { return Ok(()) };
        if !self.tokens().await?.contains(&token) {
            held.token = None;
        }
        Ok(())
    }

    async fn enable(&self) -> Result<EnableToken, PfError> {
        let mut taker = 0;
        let note = |pid| {
            taker = pid;
            self.notes.taking(pid)
        };
        let answer = match self.pfctl.run_noted("-E", note).await {
            Ok(answer) => answer,
            Err(error) => {
                self.give_back_untold(taker).await;
                return Err(error);
            }
        };
        failpoint::point("token").await;
        let Some(token) = EnableToken::parse(&answer.stderr, taker) else {
            self.give_back_untold(taker).await;
            return Err(PfError::Failed {
                arguments: "-E".to_owned(),
                status: "exit status 0, but no token".to_owned(),
                said: answer.stderr,
            });
        };
        if let Err(said) = self.notes.taken(taker, token.number) {
            self.give_back_untold(taker).await;
            return Err(PfError::NoJournal { said });
        }
        Ok(token)
    }

    /// A pfctl that failed may have taken its token all the same. If that is unknown, the
    /// note of it stays for the next guard.
    async fn give_back_untold(&self, taker: u32) {
        let Ok(tokens) = self.tokens().await else { return };
        let token = tokens.into_iter().find(|token| token.taker == taker);
        let given_back = match token {
            Some(token) => self.release(Some(token)).await.is_ok(),
            None => self.notes.released().is_ok(),
        };
        if !given_back {
            tracing::warn!(target: "dlvgate::firewall", taker, "an enable token of pf may be left");
        }
    }

    async fn is_enabled(&self, anchor: &str, token: Option<&EnableToken>) -> Result<(), PfError> {
        if !self.is_filtering().await? {
            return Err(not_evaluated(
                anchor,
                "pf is not enabled",
                "see `sudo pfctl -s info`, and who runs `pfctl -d`",
            ));
        }
        let tokens = self.tokens().await?;
        if token.is_some_and(|token| tokens.contains(token)) {
            return Ok(());
        }
        Err(not_evaluated(anchor, "our enable token is not listed", "see `sudo pfctl -s References`"))
    }

    async fn main_evaluates_us(&self, anchor: &str) -> Result<(), PfError> {
        let main = self.pfctl.run(&["-s", "rules"], "").await?.stdout;
        let Some(missing) = ruleset::missing_in_main(&main) else { return Ok(()) };
        Err(not_evaluated(
            anchor,
            &missing,
            "a VPN or a script may have loaded another ruleset: `sudo pfctl -s rules` shows it. It has to keep \
             Apple's anchors",
        ))
    }

    async fn rules_are(&self, anchor: &str, rules: &GateRuleset) -> Result<(), PfError> {
        let printed = self.pfctl.quiet(&["-a", anchor, "-s", "rules"], "").await?;
        let printed = lines(&printed);
        if rules.is(&printed) {
            return Ok(());
        }
        let missing = format!("what it prints of them is not what was loaded ({})", printed.join(" / "));
        Err(not_evaluated(
            anchor,
            &missing,
            "something else changes our anchor; see `sudo pfctl -v -s Anchors`",
        ))
    }

    /// Flushes the anchor, looks that it is empty, and with the last gate gives the token back. A
    /// step that fails does not keep the others from being tried, and the first failure is
    /// reported; but where pfctl hangs once, it is not waited for again and again.
    async fn take_away(&self, held: &mut PfState, port: u16) -> Result<(), PfError> {
        let is_last = held.gates.keys().all(|other| *other == port);
        let token = if is_last { held.token.take() } else { None };
        let flushed = match held.gates.get(&port) {
            Some(gate) => self.flush(&anchor(gate.slot.number), gate.is_loaded).await,
            None => Ok(()),
        };
        if matches!(flushed, Err(PfError::Hangs { .. })) {
            held.token = token; // the next gate uses it, and gives it back
            return flushed;
        }
        if flushed.is_ok() {
            held.gates.remove(&port); // whose rules are left keeps its slot
        }
        let released = self.release(token).await;
        if released.is_err() {
            held.token = token; // a forgotten token would keep pf enabled for good
        }
        flushed.and(released)
    }

    /// Empties an anchor that is there. `is_loaded`: rules were loaded into it, so it is; else pf
    /// is asked, and if it does not say, it is tried.
    async fn flush(&self, anchor: &str, is_loaded: bool) -> Result<(), PfError> {
        if !is_loaded {
            match self.anchors().await {
                Ok(listed) if !listed.iter().any(|one| one == anchor) => return Ok(()),
                Err(error @ PfError::Hangs { .. }) => return Err(error),
                _ => {}
            }
        }
        let rules = self.pfctl.run(&["-a", anchor, "-F", "rules"], "").await.map(drop);
        if matches!(rules, Err(PfError::Hangs { .. })) {
            return rules;
        }
        let tables = self.pfctl.run(&["-a", anchor, "-F", "Tables"], "").await.map(drop);
        rules.and(tables).and(self.is_empty(anchor).await)
    }

    async fn is_empty(&self, anchor: &str) -> Result<(), PfError> {
        let left = self.rules_of(anchor).await?;
        if left.is_empty() {
            return Ok(());
        }
        Err(PfError::RulesLeft { anchor: anchor.to_owned(), rules: lines(&left).join(" / ") })
    }

    /// The rules of an anchor. One that is not there has none: pfctl says so on standard error,
    /// with exit code 0.
    async fn rules_of(&self, anchor: &str) -> Result<String, PfError> {
        let rules = self.pfctl.run(&["-a", anchor, "-s", "rules"], "").await?.stdout;
        Ok(rules.trim().to_owned())
    }

    /// The anchors that there are, empty ones too.
    async fn anchors(&self) -> Result<Vec<String>, PfError> {
        let anchors = self.pfctl.run(&["-v", "-s", "Anchors"], "").await?.stdout;
        Ok(anchors.lines().map(|line| line.trim().to_owned()).collect())
    }

    /// A token that is no longer listed is gone: `pfctl -d` was run, or the machine rebooted. Its
    /// number may be another program's by now, so it is not released.
    async fn release(&self, token: Option<EnableToken>) -> Result<(), PfError> {
        let Some(token) = token else { return Ok(()) };
        if self.tokens().await?.contains(&token) {
            let arguments = ["-X", &token.to_string()];
            match self.pfctl.run(&arguments, "").await {
                Err(PfError::Failed { said, .. }) if is_stale(&said) => {}
                other => other.map(drop)?,
            }
            if self.tokens().await?.contains(&token) {
                return Err(PfError::Failed {
                    arguments: arguments.join(" "),
                    status: "exit status 0, but the token is still listed".to_owned(),
                    said: "see `sudo pfctl -s References`".to_owned(),
                });
            }
        }
        self.notes.released().map_err(|said| PfError::NoJournal { said })
    }

    /// Every gate of any guard.
    pub(super) async fn loaded(&self) -> Result<Vec<LoadedGate>, PfError> {
        Ok(self.filled().await?.into_iter().filter_map(|filled| filled.gate).collect())
    }

    /// Every slot with rules in it.
    pub(super) async fn filled(&self) -> Result<Vec<Filled>, PfError> {
        let mut filled = Vec::new();
        for slot in self.anchors().await?.iter().filter_map(|anchor| slot_of(anchor)) {
            let rules = self.rules_of(&anchor(slot)).await?;
            if !rules.is_empty() {
                let gate = rules.lines().find_map(gate_of).map(|(pid, port)| LoadedGate { pid, port });
                filled.push(Filled { slot, gate });
            }
        }
        Ok(filled)
    }

    /// The enable tokens: ours and others'.
    pub(super) async fn tokens(&self) -> Result<Vec<EnableToken>, PfError> {
        Ok(token::listed(&self.pfctl.run(&["-s", "References"], "").await?.stdout))
    }

    /// Removes the gates of a guard that is dead, and gives its token back: by its number, or where
    /// the guard was killed before it was told, by the process that took it.
    pub(super) async fn sweep(
        &self,
        pid: u32,
        ports: &[u16],
        token: Option<(u32, Option<u64>)>,
    ) -> Result<(), PfError> {
        for filled in self.filled().await? {
            let is_of_it = |gate: LoadedGate| gate.pid == pid && ports.contains(&gate.port);
            if filled.gate.is_some_and(is_of_it) {
                self.empty(&filled).await?;
            }
        }
        self.remove_stale_tables().await?;
        self.slots.remove_stale();
        let token = match token {
            Some((taker, Some(number))) => Some(EnableToken { taker, number }),
            Some((taker, None)) => self.tokens().await?.into_iter().find(|token| token.taker == taker),
            None => None,
        };
        self.release(token).await
    }

    /// Empties a slot whose guard is dead. It is held meanwhile, so that no gate takes it; where
    /// one did before, its rules are not those that were seen.
    async fn empty(&self, filled: &Filled) -> Result<(), PfError> {
        let slot = self.slot_of_the_dead(filled.slot).await?;
        let anchor = anchor(slot.number);
        let now = self.rules_of(&anchor).await?.lines().find_map(gate_of);
        if now.map(|(pid, port)| LoadedGate { pid, port }) == filled.gate {
            self.flush(&anchor, true).await?;
        }
        Ok(())
    }

    /// A guard that was killed between its two flushes leaves a table without rules.
    async fn remove_stale_tables(&self) -> Result<(), PfError> {
        for number in self.anchors().await?.iter().filter_map(|anchor| slot_of(anchor)) {
            let anchor = anchor(number);
            let Ok(Some(_slot)) = self.slots.hold(number) else { continue };
            let tables = self.pfctl.run(&["-a", &anchor, "-s", "Tables"], "").await?.stdout;
            if !tables.trim().is_empty() && self.rules_of(&anchor).await?.is_empty() {
                self.pfctl.run(&["-a", &anchor, "-F", "Tables"], "").await?;
            }
        }
        Ok(())
    }

    async fn slot_of_the_dead(&self, number: u16) -> Result<AnchorSlot, PfError> {
        let deadline = Instant::now() + SLOT_LIMIT;
        loop {
            match self.slots.hold(number) {
                Ok(Some(slot)) => return Ok(slot),
                Ok(None) if Instant::now() < deadline => sleep(SLOT_POLL).await,
                Ok(None) => return Err(PfError::SlotHeld { anchor: anchor(number) }),
                Err(said) => return Err(PfError::NoSlotFile { said }),
            }
        }
    }
}

fn lines(printed: &str) -> Vec<&str> {
    printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn not_evaluated(anchor: &str, missing: &str, remedy: &'static str) -> PfError {
    PfError::NotEvaluated { anchor: anchor.to_owned(), missing: missing.to_owned(), remedy }
}
