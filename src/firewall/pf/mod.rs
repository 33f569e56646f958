//! macOS's packet filter, through `/sbin/pfctl`.
//!
//! Each gate is an anchor of its own below `com.apple`, which the stock main ruleset evaluates: no file is
//! edited and nobody else's rules are touched. pf is enabled by a counted token, held while there is a gate.
//! Opening is load, enable, read back; what cannot be read back is taken away again and refused.

pub mod explain;
#[cfg(fuzzing)]
pub mod fuzzing;
mod pfctl;
mod ruleset;
mod token;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::guard::Loaded;
use super::guard::driver::Refused;
use super::{FirewallError, Owner, Peer};
use crate::fault;
pub use pfctl::PFCTL;
pub(super) use pfctl::Pfctl;
use ruleset::{MAIN_ANCHOR, Ruleset, anchor, gate_of};
pub(crate) use token::TokenNotes;
use token::{Token, is_stale};

/// The gates that this process holds in pf.
pub(super) struct Pf {
    pfctl: Pfctl,
    owner: Owner,
    notes: Arc<dyn TokenNotes>,
    /// Calls are made one after another: the token's life depends on the set of gates.
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    ports: BTreeSet<u16>,
    token: Option<Token>,
}

impl Pf {
    pub(super) fn new(path: PathBuf, owner: Owner, notes: Arc<dyn TokenNotes>) -> Pf {
        Pf { pfctl: Pfctl::new(path), owner, notes, held: Mutex::default() }
    }

    /// Whether pf can be used: it answers us, and its main ruleset evaluates `com.apple/*`.
    pub(super) async fn check(&self) -> Result<(), FirewallError> {
        self.pfctl.run(&["-s", "info"], "").await?;
        self.main_evaluates_us("com.apple/*").await
    }

    /// Whether pf is enabled; one that is not passes everything.
    pub(super) async fn is_filtering(&self) -> Result<bool, FirewallError> {
        let info = self.pfctl.run(&["-s", "info"], "").await?.stdout;
        Ok(info.lines().any(|line| line.trim_start().starts_with("Status: Enabled")))
    }

    pub(super) async fn open(&self, port: u16, peers: &[Peer]) -> Result<(), Refused> {
        let mut held = self.held.lock().await;
        held.ports.insert(port);
        let opened =
            self.load_and_prove(&mut held, port, &Ruleset::guarded(port, peers, self.owner.uid)).await;
        match opened {
            Ok(()) => Ok(()),
            Err(why) => Err(Refused { why, may_be_left: self.take_away(&mut held, port).await.is_err() }),
        }
    }

    pub(super) async fn shut(&self, port: u16) -> Result<(), FirewallError> {
        let _held = self.held.lock().await;
        let rules = Ruleset::shut(port);
        let anchor = anchor(self.owner.pid, port);
        self.pfctl.quiet(&["-a", &anchor, "-f", "-"], &rules.text()).await?;
        self.rules_are(&anchor, &rules).await
    }

    pub(super) async fn remove(&self, port: u16) -> Result<(), FirewallError> {
        let mut held = self.held.lock().await;
        self.take_away(&mut held, port).await
    }

    async fn load_and_prove(&self, held: &mut Held, port: u16, rules: &Ruleset) -> Result<(), FirewallError> {
        let anchor = anchor(self.owner.pid, port);
        let text = rules.text();
        self.pfctl.quiet(&["-a", &anchor, "-n", "-f", "-"], &text).await?;
        self.pfctl.quiet(&["-a", &anchor, "-f", "-"], &text).await?;
        fault::point("load").await;
        self.forget_a_lost_token(held).await?;
        if held.token.is_none() {
            held.token = Some(self.enable().await?);
        }
        self.is_enabled(&anchor, held.token.as_ref()).await?;
        self.main_evaluates_us(&anchor).await?;
        self.rules_are(&anchor, rules).await
    }

    /// One that could not be given back for certain may be gone all the same. While another gate is held it is not asked: that
    /// relies on it, and has to be told.
    async fn forget_a_lost_token(&self, held: &mut Held) -> Result<(), FirewallError> {
        let Some(token) = held.token.filter(|_| held.ports.len() == 1) else { return Ok(()) };
        if !self.tokens().await?.contains(&token) {
            held.token = None;
        }
        Ok(())
    }

    async fn enable(&self) -> Result<Token, FirewallError> {
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
        fault::point("token").await;
        let Some(token) = Token::parse(&answer.stderr, taker) else {
            self.give_back_untold(taker).await;
            return Err(FirewallError::Pfctl {
                arguments: "-E".to_owned(),
                status: "exit status 0, but no token".to_owned(),
                said: answer.stderr,
            });
        };
        if let Err(said) = self.notes.taken(taker, token.number) {
            self.give_back_untold(taker).await;
            return Err(FirewallError::NoJournal { said });
        }
        Ok(token)
    }

    /// A pfctl that failed may have taken its token all the same. Where that cannot be told, the note of it stays for
    /// the next guard.
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

    async fn is_enabled(&self, anchor: &str, token: Option<&Token>) -> Result<(), FirewallError> {
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

    async fn main_evaluates_us(&self, anchor: &str) -> Result<(), FirewallError> {
        let main = self.pfctl.run(&["-s", "rules"], "").await?.stdout;
        if main.lines().any(|line| line.trim().starts_with(MAIN_ANCHOR)) {
            return Ok(());
        }
        Err(not_evaluated(
            anchor,
            "the main ruleset has no line `anchor \"com.apple/*\"`, so nothing evaluates them",
            "a VPN or a script may have replaced the ruleset: `sudo pfctl -f /etc/pf.conf` loads the system's own again",
        ))
    }

    async fn rules_are(&self, anchor: &str, rules: &Ruleset) -> Result<(), FirewallError> {
        let printed = self.pfctl.quiet(&["-a", anchor, "-s", "rules"], "").await?;
        let printed: Vec<&str> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
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

    /// Flushes the anchor, looks that it is empty, and with the last gate gives the token back. A step that fails does
    /// not keep the others from being tried, and the first failure is reported; but where pfctl hangs once, it is not
    /// waited for again and again.
    async fn take_away(&self, held: &mut Held, port: u16) -> Result<(), FirewallError> {
        held.ports.remove(&port);
        let token = if held.ports.is_empty() { held.token.take() } else { None };
        let anchor = anchor(self.owner.pid, port);
        let flushed = self.flush(&anchor).await;
        if matches!(flushed, Err(FirewallError::PfctlHangs { .. })) {
            held.token = token; // the next gate uses it, and gives it back
            return flushed;
        }
        let released = self.release(token).await;
        if released.is_err() {
            held.token = token; // one that nobody knows of any more would keep pf enabled for good
        }
        flushed.and(released)
    }

    async fn flush(&self, anchor: &str) -> Result<(), FirewallError> {
        let rules = self.pfctl.run(&["-a", anchor, "-F", "rules"], "").await.map(drop);
        if matches!(rules, Err(FirewallError::PfctlHangs { .. })) {
            return rules;
        }
        let tables = self.pfctl.run(&["-a", anchor, "-F", "Tables"], "").await.map(drop);
        rules.and(tables).and(self.is_empty(anchor).await)
    }

    /// An anchor that is gone altogether is reported on standard error, with exit code 0.
    async fn is_empty(&self, anchor: &str) -> Result<(), FirewallError> {
        let arguments = ["-a", anchor, "-s", "rules"];
        let left = self.pfctl.run(&arguments, "").await?.stdout;
        if left.trim().is_empty() {
            return Ok(());
        }
        Err(FirewallError::RulesLeft { anchor: anchor.to_owned(), rules: left.trim().replace('\n', " / ") })
    }

    /// One that is not listed any more is gone: somebody ran `pfctl -d`, or the machine was started anew. Its number may
    /// be somebody else's by now, and is not given back.
    async fn release(&self, token: Option<Token>) -> Result<(), FirewallError> {
        let Some(token) = token else { return Ok(()) };
        if self.tokens().await?.contains(&token) {
            let arguments = ["-X", &token.to_string()];
            match self.pfctl.run(&arguments, "").await {
                Err(FirewallError::Pfctl { said, .. }) if is_stale(&said) => {}
                other => other.map(drop)?,
            }
            if self.tokens().await?.contains(&token) {
                return Err(FirewallError::Pfctl {
                    arguments: arguments.join(" "),
                    status: "exit status 0, but the token is still listed".to_owned(),
                    said: "see `sudo pfctl -s References`".to_owned(),
                });
            }
        }
        self.notes.released().map_err(|said| FirewallError::NoJournal { said })
    }

    /// Every gate of any guard.
    pub(super) async fn loaded(&self) -> Result<Vec<Loaded>, FirewallError> {
        let anchors = self.pfctl.run(&["-v", "-s", "Anchors"], "").await?.stdout;
        Ok(anchors
            .lines()
            .filter_map(|line| gate_of(line.trim()))
            .map(|(pid, port)| Loaded { pid, port })
            .collect())
    }

    /// The enable tokens: ours and others'.
    pub(super) async fn tokens(&self) -> Result<Vec<Token>, FirewallError> {
        Ok(token::listed(&self.pfctl.run(&["-s", "References"], "").await?.stdout))
    }

    /// Removes the gates of a guard that is dead, and gives its token back: by its number, or where the guard was killed
    /// before it was told, by the process that took it.
    pub(super) async fn sweep(
        &self,
        pid: u32,
        ports: &[u16],
        token: Option<(u32, Option<u64>)>,
    ) -> Result<(), FirewallError> {
        for port in ports {
            self.flush(&anchor(pid, *port)).await?;
        }
        let token = match token {
            Some((taker, Some(number))) => Some(Token { taker, number }),
            Some((taker, None)) => self.tokens().await?.into_iter().find(|token| token.taker == taker),
            None => None,
        };
        self.release(token).await
    }
}

fn not_evaluated(anchor: &str, missing: &str, remedy: &'static str) -> FirewallError {
    FirewallError::NotEvaluated { anchor: anchor.to_owned(), missing: missing.to_owned(), remedy }
}
