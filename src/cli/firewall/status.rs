//! `dlvgate firewall status`: the open gates, for whom, since when, and whose they are.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::cli::test_hooks::TestHookArgs;
use crate::escape::{printable, printable_json};
use crate::firewall::guard::wire::Purpose;
use crate::firewall::status::{
    FilterStatus, GuardStatus, PolicyStatus, Status, Untold, from_filter, from_journals, is_of_a_process,
};
use crate::firewall::{FirewallBackend, LoadedGate};
use crate::stdio;

/// Print what dlvgate has opened: ports, peers, since when, whose, and pf's tokens
///
/// Any user may ask; the answer comes from the guards' journals. Root also sees what the packet
/// filter itself holds: whether it filters at all, gates whose rules were flushed, rules that no
/// journal mentions, and enable tokens of others.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate firewall status
  sudo dlvgate firewall status --json")]
pub(super) struct StatusArgs {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    parts: TestHookArgs,
}

pub(super) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let mut status = from_journals(&args.parts.journals())?;
    let programs = args.parts.programs();
    let may_look = nix::unistd::geteuid().is_root() || programs.pfctl.is_some() || programs.nft.is_some();
    if may_look {
        if let Err(error) = from_filter(&mut status, args.parts.backend, &programs).await {
            tracing::warn!(target: "dlvgate::firewall", "the packet filter was not asked: {error}");
        }
    }
    let text = match args.json {
        true => format!("{}\n", printable_json(&serde_json::to_string(&status)?)),
        false => printable(&page(&status, may_look)).into_owned(),
    };
    stdio::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn page(status: &Status, may_look: bool) -> String {
    let mut page = String::new();
    for guard in &status.guards {
        describe(guard, &mut page);
    }
    if status.guards.is_empty() {
        page.push_str("no port is guarded\n");
    }
    describe_policy(&status.policy, &mut page);
    for doubtful in &status.doubtful {
        let _ = writeln!(page, "not trusted: {doubtful}");
    }
    match &status.filter {
        Some(filter) => describe_filter(filter, &mut page),
        None if !may_look => page.push_str("(with sudo: what the packet filter itself holds)\n"),
        None => {}
    }
    page
}

fn describe(guard: &GuardStatus, page: &mut String) {
    let purpose = match guard.purpose {
        Some(Purpose::Sessions) => "debugging sessions",
        Some(Purpose::Open) => "opened by hand",
        Some(Purpose::Sweep) | None => "unknown",
    };
    let proxy = guard.proxy.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
    let _ = write!(
        page,
        "{}, user {}, process {proxy}, guard {} ({purpose})",
        guard.backend, guard.uid, guard.pid
    );
    if let Some(token) = guard.token {
        let _ = write!(page, ", token {token}");
    }
    if !guard.is_told {
        page.push_str(", in another PID namespace: it cannot be checked from here whether it runs");
    }
    page.push_str(match (guard.is_alive, guard.is_here) {
        (true, true) => "\n",
        (true, false) => ", in another network namespace\n",
        (false, true) => ": it was KILLED, and this is left; `sudo dlvgate firewall sweep` closes it\n",
        (false, false) => {
            ": it was KILLED, in another network namespace; `dlvgate firewall sweep` there closes what is left\n"
        }
    });
    for gate in &guard.gates {
        let peers: Vec<String> = gate.peers.iter().map(ToString::to_string).collect();
        let state = if gate.shut { "shut".to_owned() } else { format!("open to {}", peers.join(", ")) };
        let addresses: Vec<String> = gate.at.iter().map(ToString::to_string).collect();
        let at = if addresses.is_empty() { String::new() } else { format!("at {} ", addresses.join(", ")) };
        let _ = writeln!(page, "    port {:<5} {at}{state}, opened {} ago", gate.port, age(gate.since));
    }
}

fn describe_policy(policy: &PolicyStatus, page: &mut String) {
    if let Some(why) = &policy.refused {
        let _ = writeln!(page, "{why}");
    }
    if !policy.users.is_empty() {
        let _ = writeln!(page, "policy of {}:", policy.file);
    }
    for (user, allowance) in &policy.users {
        let (ports, peers) = (allowance.ports_in_words(), allowance.peers_in_words());
        let _ = writeln!(page, "    {user} may open ports {ports} for {peers}");
    }
}

fn describe_filter(filter: &FilterStatus, page: &mut String) {
    let FilterStatus { backend, is_filtering, untold, missing, other_tokens } = filter;
    let _ = writeln!(
        page,
        "{backend}: {}",
        match (backend, is_filtering) {
            (FirewallBackend::Pf, true) => "enabled",
            (FirewallBackend::Pf, false) => "not enabled: everything passes",
            (FirewallBackend::Nftables, true) => "there are chains that could drop what comes in",
            (FirewallBackend::Nftables, false) => "no chain could drop what comes in",
        }
    );
    for LoadedGate { pid, port } in missing {
        let _ = writeln!(page, "    port {port}: the rules of guard {pid} are GONE; they were flushed");
    }
    for gate in untold {
        let _ = writeln!(page, "    rules that no journal names: {}", removal(gate));
    }
    for token in other_tokens {
        let _ = writeln!(page, "    enable token {token} is another program's");
    }
}

/// How to get rid of it by hand. What a process holds that runs is that process's.
fn removal(untold: &Untold) -> String {
    if let Some(LoadedGate { pid, port }) = untold.gate.as_ref().filter(|gate| is_of_a_process(gate)) {
        return format!(
            "of port {port}, named after process {pid}, which runs: look at it, `ps -fp {pid}`, before anything else"
        );
    }
    match untold {
        Untold { gate: None, anchor: Some(anchor) } => {
            format!("see `sudo pfctl -a {anchor} -s rules`; they are not dlvgate's")
        }
        Untold { anchor: Some(anchor), .. } => format!("`sudo pfctl -a {anchor} -F rules`"),
        Untold { gate: Some(LoadedGate { pid, port }), anchor: None } => format!(
            "`sudo nft delete table inet dlvgate_{pid}_{port}`, and what `sudo nft -a list ruleset | grep \
             dlvgate:{pid}:{port}` shows"
        ),
        Untold { gate: None, anchor: None } => "see `sudo nft -a list ruleset | grep dlvgate`".to_owned(),
    }
}

fn age(since: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(since, |now| now.as_secs());
    match now.saturating_sub(since) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
