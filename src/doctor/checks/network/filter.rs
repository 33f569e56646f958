//! Which rule of the packet filter decides about this client and this port.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use crate::doctor::context::{Context, sudo};
use crate::doctor::finding::{CheckGroup, Finding, Health};
use crate::firewall::explain::{Explanation, PacketQuery, Standing, Verdict};
use crate::firewall::nftables::NftError;
use crate::firewall::pf::{PFCTL, PfError};
use crate::firewall::{BackendError, FirewallBackend, nftables, pf};

use super::neighbours::{Manager, manager};

/// The names of ports that pfctl prints.
const SERVICES: &str = "/etc/services";

/// What stands in the rules of dlvgate's own gates.
const OURS: &str = "dlvgate";

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let from = context.question.from.unwrap_or(Ipv4Addr::LOCALHOST.into());
    vec![match context.question.backend {
        FirewallBackend::Pf => of_pf(context, from).await,
        FirewallBackend::Nftables => of_nftables(context, from).await,
    }]
}

async fn of_pf(context: &Context, from: IpAddr) -> Finding {
    use pf::explain::{LOOPBACK, LoadedPf, Services, explain, read};
    let question = PacketQuery::new(LOOPBACK, context.port(), from);
    let pfctl = context.question.programs.pfctl.clone().unwrap_or_else(|| PFCTL.into());
    match read(pfctl).await {
        Err(error) => unread(context, from, &error.into()),
        Ok(listings) => {
            let services = Services::parse(&fs::read_to_string(SERVICES).unwrap_or_default());
            judge(context, from, &explain(&LoadedPf::parse(&listings, &services), &question)).await
        }
    }
}

async fn of_nftables(context: &Context, from: IpAddr) -> Finding {
    use nftables::explain::{LOOPBACK, LoadedNft, explain, read};
    let question = PacketQuery::new(LOOPBACK, context.port(), from);
    let nft = context.question.programs.nft.clone().unwrap_or_else(nftables::find);
    let listings = match read(nft).await {
        Err(error) => return unread(context, from, &error.into()),
        Ok(listings) => listings,
    };
    match LoadedNft::parse(&listings) {
        Err(error) => {
            let seen = format!("what nft prints is not understood: {error}");
            Finding::new(CheckGroup::Network, "filter", Health::Unknown, seen)
        }
        Ok(loaded) => judge(context, from, &explain(&loaded, &question)).await,
    }
}

fn unread(context: &Context, from: IpAddr, error: &BackendError) -> Finding {
    let finding = |seen: String| Finding::new(CheckGroup::Network, "filter", Health::Unknown, seen);
    match error {
        BackendError::Pf(PfError::NotRoot { .. }) | BackendError::Nft(NftError::NotRoot { .. }) => {
            let again = format!("sudo dlvgate doctor --port {} --from {from}", context.port());
            finding("only root can see what the packet filter does".to_owned()).remedy(again)
        }
        BackendError::Nft(NftError::NoNft { .. }) => {
            // The kernel filters without it all the same.
            finding("nft is not installed, so it is not known what nftables does".to_owned())
                .remedy(context.install("nftables", "nftables", "nftables"))
        }
        other => finding(other.to_string()),
    }
}

async fn judge<P: Standing, W: fmt::Display>(
    context: &Context,
    from: IpAddr,
    explanation: &Explanation<P, W>,
) -> Finding {
    let port = context.port();
    let finding = |state, seen: String| Finding::new(CheckGroup::Network, "filter", state, seen);
    let sudo = sudo();
    let why = &explanation.settled.why;
    let rule = explanation.settled.rule.as_ref();
    match explanation.verdict {
        Verdict::Pass => {
            finding(Health::Good, format!("the packet filter lets {from} through to port {port}: {why}"))
        }
        Verdict::Unknown => {
            let doubt = explanation.doubts.first().map(|doubt| doubt.reasons.join("; ")).unwrap_or_default();
            finding(
                Health::Unknown,
                format!(
                    "whether the packet filter lets {from} through to port {port} cannot be told: {doubt}"
                ),
            )
            .remedy(format!("{sudo}dlvgate firewall explain --port {port} --from {from}"))
        }
        Verdict::Block => {
            let by = rule.map_or_else(String::new, |rule| format!("{rule}: {}", rule.rule()));
            let ours = rule.is_some_and(|rule| rule.rule().contains(OURS) || rule.to_string().contains(OURS));
            let finding = finding(
                Health::Bad,
                format!("the packet filter blocks {from} on its way to port {port}. {by} ({why})"),
            );
            if ours {
                return finding
                    .why("this is a gate of dlvgate's: it lets the addresses of --allow (or --from) through, and no others")
                    .remedy("dlvgate firewall status");
            }
            finding
                .why("the client waits until it times out, or gets `Connection refused` if the rule rejects")
                .remedy(opening(from, port).await)
        }
    }
}

/// What opens it: the program that manages the rules, where there is one, else a gate.
async fn opening(from: IpAddr, port: u16) -> String {
    let sudo = sudo();
    match manager().await {
        Some(Manager::Ufw) => format!("{sudo}ufw allow from {from} to any port {port} proto tcp"),
        Some(Manager::Firewalld) => {
            let family = if from.is_ipv4() { "ipv4" } else { "ipv6" };
            format!(
                "{sudo}firewall-cmd --add-rich-rule='rule family={family} source address={from} port port={port} protocol=tcp accept'"
            )
        }
        None => format!("{sudo}dlvgate firewall open --port {port} --from {from} --hold &"),
    }
}
