//! macOS's packet filter, through `/sbin/pfctl`.
//!
//! Each gate is an anchor of its own below `com.apple`, which the stock main ruleset evaluates: no file is
//! edited and nobody else's rules are touched. pf is enabled by a counted token, held while there is a gate.
//! Opening is load, enable, read back; what cannot be read back is taken away again and refused.

pub mod explain;
mod pfctl;
mod ruleset;
mod token;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use tokio::sync::Mutex;

use super::FirewallError;
pub use pfctl::PFCTL;
pub(super) use pfctl::Pfctl;
use ruleset::{MAIN_ANCHOR, Ruleset, anchor};
use token::{Token, is_stale};

/// The gates that this process holds in pf.
pub(super) struct Pf {
    pfctl: Pfctl,
    pid: u32,
    /// Calls are made one after another: the token's life depends on the set of gates.
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    ports: BTreeSet<u16>,
    token: Option<Token>,
}

impl Pf {
    pub(super) fn new(path: PathBuf) -> Pf {
        Pf { pfctl: Pfctl::new(path), pid: std::process::id(), held: Mutex::default() }
    }

    /// Whether pf can be used: it answers us, and its main ruleset evaluates `com.apple/*`.
    pub(super) async fn check(&self) -> Result<(), FirewallError> {
        self.pfctl.run(&["-s", "info"], "").await?;
        self.main_evaluates_us("com.apple/*").await
    }

    pub(super) async fn open(&self, port: u16, peers: &[IpAddr]) -> Result<(), FirewallError> {
        let mut held = self.held.lock().await;
        if !held.ports.insert(port) {
            return Err(FirewallError::AlreadyGuarded { port });
        }
        let opened = self.load_and_prove(&mut held, port, &Ruleset::guarded(port, peers)).await;
        if opened.is_err() {
            if let Err(error) = self.take_away(&mut held, port).await {
                tracing::warn!(target: "dlvgate::firewall", port, %error, "a refused gate may have left rules");
            }
        }
        opened
    }

    pub(super) async fn shut(&self, port: u16) -> Result<(), FirewallError> {
        let _held = self.held.lock().await;
        let rules = Ruleset::shut(port);
        let anchor = anchor(self.pid, port);
        self.pfctl.quiet(&["-a", &anchor, "-f", "-"], &rules.text()).await?;
        self.rules_are(&anchor, &rules).await
    }

    pub(super) async fn remove(&self, port: u16) -> Result<(), FirewallError> {
        let mut held = self.held.lock().await;
        self.take_away(&mut held, port).await
    }

    async fn load_and_prove(&self, held: &mut Held, port: u16, rules: &Ruleset) -> Result<(), FirewallError> {
        let anchor = anchor(self.pid, port);
        let text = rules.text();
        self.pfctl.quiet(&["-a", &anchor, "-n", "-f", "-"], &text).await?;
        self.pfctl.quiet(&["-a", &anchor, "-f", "-"], &text).await?;
        if held.token.is_none() {
            held.token = Some(self.enable().await?);
        }
        self.is_enabled(&anchor, held.token.as_ref()).await?;
        self.main_evaluates_us(&anchor).await?;
        self.rules_are(&anchor, rules).await
    }

    async fn enable(&self) -> Result<Token, FirewallError> {
        let answer = self.pfctl.run(&["-E"], "").await?;
        Token::parse(&answer.stderr).ok_or_else(|| FirewallError::Pfctl {
            arguments: "-E".to_owned(),
            status: "exit status 0, but no token".to_owned(),
            said: answer.stderr,
        })
    }

    async fn is_enabled(&self, anchor: &str, token: Option<&Token>) -> Result<(), FirewallError> {
        let info = self.pfctl.run(&["-s", "info"], "").await?.stdout;
        if !info.lines().any(|line| line.trim_start().starts_with("Status: Enabled")) {
            return Err(not_evaluated(
                anchor,
                "pf is not enabled",
                "see `sudo pfctl -s info`, and who runs `pfctl -d`",
            ));
        }
        let references = self.pfctl.run(&["-s", "References"], "").await?.stdout;
        if token.is_some_and(|token| token.listed_in(&references)) {
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
        let anchor = anchor(self.pid, port);
        let flushed = self.flush(&anchor).await;
        if matches!(flushed, Err(FirewallError::PfctlHangs { .. })) {
            held.token = token; // the next gate uses it, and gives it back
            return flushed;
        }
        flushed.and(self.release(token).await)
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

    async fn release(&self, token: Option<Token>) -> Result<(), FirewallError> {
        let Some(token) = token else { return Ok(()) };
        match self.pfctl.run(&["-X", token.as_str()], "").await {
            Err(FirewallError::Pfctl { said, .. }) if is_stale(&said) => {
                tracing::info!(target: "dlvgate::firewall", %token, said, "the enable token was gone already");
                Ok(())
            }
            other => other.map(drop),
        }
    }
}

impl fmt::Display for Pf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pf, through {}: each session's port is guarded", self.pfctl.path().display())
    }
}

fn not_evaluated(anchor: &str, missing: &str, remedy: &'static str) -> FirewallError {
    FirewallError::NotEvaluated { anchor: anchor.to_owned(), missing: missing.to_owned(), remedy }
}
