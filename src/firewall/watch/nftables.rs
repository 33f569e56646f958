//! Watching nftables: a table of our own has the kernel trace each new connection to a gate's port,
//! and `nft monitor trace` prints what became of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::error::WatchError;
use super::follower::Follower;
use super::refusal::RefusedConnection;
use super::trace::{TraceEvent, Traces};
use crate::firewall::nftables::{GATES, Nft};
use crate::shutdown::Shutdown;

/// Prefix of a watch's table, `dlvgatewatch_PID`. No gate's table begins so.
const PREFIX: &str = "dlvgatewatch_";

/// Before the gates' own chains (-300 and 300), which a packet has to reach with its trace switched
/// on.
const PRIORITY: i64 = -450;

/// The hooks on which gates have chains.
const HOOKS: [&str; 2] = ["input", "output"];

const MONITOR: [&str; 3] = ["-n", "monitor", "trace"];

/// How often it is looked for new gates: one call of nft, a few milliseconds.
const LOOK: Duration = Duration::from_secs(1);

/// A running watch.
pub(super) struct Tracing {
    nft: Nft,
    monitor: Follower,
    traces: Traces,
    /// The ports that our table names.
    ports: BTreeSet<u16>,
    look: Interval,
}

impl Tracing {
    pub(super) async fn start(path: PathBuf) -> Result<Tracing, WatchError> {
        let nft = Nft::new(path);
        let tables = nft.tables().await?;
        let ports = gates(&tables);
        nft.load(&install(&ports, &dead(&tables, is_running))).await?;
        let monitor = match Follower::start(nft.path(), &MONITOR) {
            Ok(monitor) => monitor,
            Err(said) => {
                remove(&nft).await?;
                let path = nft.path().to_owned();
                return Err(WatchError::NoProgram { path, said, remedy: "see `nft --version`" });
            }
        };
        tell(&ports);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Tracing { nft, monitor, traces: Traces::new(GATES), ports, look })
    }

    pub(super) async fn next(&mut self, stop: &Shutdown) -> Result<Option<RefusedConnection>, WatchError> {
        loop {
            let line = tokio::select! {
                line = self.monitor.line() => line,
                _ = self.look.tick() => {
                    self.follow_gates().await?;
                    continue;
                }
                _ = stop.begun() => return Ok(None),
            };
            let Ok(Some(line)) = line else {
                let (status, said) = self.monitor.ended().await;
                return Err(WatchError::Ended { path: self.monitor.path().to_owned(), status, said });
            };
            match self.traces.line(&line) {
                Some(TraceEvent::Refused(refused)) => return Ok(Some(refused)),
                Some(TraceEvent::Lost) => tracing::warn!(
                    target: "dlvgate::firewall",
                    "the kernel was faster than nft: some refusals are missing"
                ),
                None => {}
            }
        }
    }

    pub(super) async fn end(self) -> Result<(), WatchError> {
        self.monitor.end().await;
        remove(&self.nft).await
    }

    /// Updates the set of the ports of all gates. A `flush ruleset` may have removed our table.
    async fn follow_gates(&mut self) -> Result<(), WatchError> {
        let tables = self.nft.tables().await?;
        let (ports, own) = (gates(&tables), own_table());
        let is_there = tables.iter().any(|(family, name)| family == "inet" && *name == own);
        if is_there && ports == self.ports {
            return Ok(());
        }
        self.nft.load(&install(&ports, &[])).await?;
        if ports != self.ports {
            tell(&ports);
        }
        self.ports = ports;
        Ok(())
    }
}

fn tell(ports: &BTreeSet<u16>) {
    if ports.is_empty() {
        tracing::info!(target: "dlvgate::firewall", "watching: no gate now, waiting for new ones");
    } else {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        tracing::info!(target: "dlvgate::firewall", ports = ports.join(","), "watching the gates");
    }
}

fn own_table() -> String {
    format!("{PREFIX}{}", std::process::id())
}

/// The ports of all gates, ours or not: `dlvgate_PID_PORT`.
fn gates(tables: &[(String, String)]) -> BTreeSet<u16> {
    let own = tables.iter().filter(|(family, _)| family == "inet").filter_map(|(_, name)| {
        let (_pid, port) = name.strip_prefix(GATES)?.rsplit_once('_')?;
        port.parse().ok()
    });
    own.collect()
}

/// The tables of watches that were killed.
fn dead(tables: &[(String, String)], is_running: impl Fn(i32) -> bool) -> Vec<String> {
    let left = tables.iter().filter(|(family, name)| {
        let pid = name.strip_prefix(PREFIX).and_then(|pid| pid.parse().ok());
        family == "inet" && pid.is_some_and(|pid| !is_running(pid))
    });
    left.map(|(_, name)| name.clone()).collect()
}

fn is_running(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Our table, whatever of it there is now, and without those of others that are dead.
fn install(ports: &BTreeSet<u16>, dead: &[String]) -> Value {
    let own = own_table();
    let mut commands: Vec<Value> = dead.iter().flat_map(|name| without(name)).collect();
    commands.extend(without(&own));
    commands.push(json!({"add": {"table": {"family": "inet", "name": own}}}));
    let mut set = json!({"family": "inet", "table": own, "name": "ports", "type": "inet_service"});
    if !ports.is_empty() {
        set["elem"] = json!(ports);
    }
    commands.push(json!({"add": {"set": set}}));
    for hook in HOOKS {
        commands.push(json!({"add": {"chain": {
            "family": "inet", "table": own, "name": hook, "type": "filter", "hook": hook,
            "prio": PRIORITY, "policy": "accept",
        }}}));
        commands.push(json!({"add": {"rule": {"family": "inet", "table": own, "chain": hook, "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": "@ports"}},
            {"match": {
                "op": "==",
                "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]},
                "right": "syn",
            }},
            {"mangle": {"key": {"meta": {"key": "nftrace"}}, "value": 1}},
        ]}}}));
    }
    json!({ "nftables": commands })
}

/// Deletes a table, there or not: deleting a missing one would fail, so it is added first.
fn without(name: &str) -> [Value; 2] {
    let table = json!({"table": {"family": "inet", "name": name}});
    [json!({ "add": table }), json!({ "delete": table })]
}

async fn remove(nft: &Nft) -> Result<(), WatchError> {
    let own = own_table();
    let removed = nft.load(&json!({ "nftables": without(&own) })).await;
    removed.map_err(|error| WatchError::Left {
        what: format!("the table inet {own}"),
        said: error.to_string(),
        remedy: format!("sudo nft delete table inet {own}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Vec<(String, String)> {
        let names = ["dlvgate_1_40001", "dlvgate_22_2345", "dlvgatewatch_1", "dlvgatewatch_2", "dlvgate_x"];
        let own = names.map(|name| ("inet".to_owned(), name.to_owned()));
        own.into_iter().chain([("ip".to_owned(), "dlvgate_3_9".to_owned())]).collect()
    }

    #[test]
    fn the_gates_ports_are_read_off_their_tables_names() {
        assert_eq!(gates(&tables()), BTreeSet::from([2345, 40001]));
    }

    #[test]
    fn only_a_dead_watch_s_table_is_left_behind() {
        assert_eq!(dead(&tables(), |pid| pid == 1), ["dlvgatewatch_2"]);
        assert!(is_running(1) && is_running(std::process::id().try_into().unwrap()));
    }
}
