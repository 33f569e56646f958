//! `--probe`: from the client's machine.

use std::io::{self, BufRead, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::cli::exit::{FAILURE, usage};
use crate::doctor::reach::{CONNECT, Reach, Way, Who, reach};
use crate::escape::{Printable, printable_json};
use crate::stdio::{self, ask};

/// What asking may cost.
const COST: &str = "a dlv that serves one client (`dlv dap`) would take the question for it, and end; dlvgate and others lose nothing";

pub(super) async fn run(target: &str, ask: bool, json: bool) -> anyhow::Result<ExitCode> {
    if !target.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        return Err(usage(format_args!(
            "--probe {target}: write HOST:PORT, such as dev.example.com:2345 or [2001:db8::5]:2345"
        )));
    }
    let found: Vec<SocketAddr> = tokio::net::lookup_host(target)
        .await
        .with_context(|| {
            format!("the name in {target} has no address: is it spelled right, and is a VPN needed for it?")
        })?
        .collect();
    let Some(first) = found.first() else { bail!("the name in {target} has no address") };
    let port = first.port();
    let mut all = Vec::new();
    for address in found {
        if !json {
            ask!("{}", progress(address));
        }
        let mut one = reach(address, ask).await;
        let is_open_to_ask =
            matches!(one.who, Some(Who::NotAsked | Who::Tunnel { .. })) || one.way == Way::NotTried;
        if is_open_to_ask && !json && !ask && may_ask(&one)? {
            one = reach(address, true).await;
        }
        all.push(one);
    }
    let is_there = |one: &Reach| !matches!(one.who, Some(Who::Nothing { .. }));
    let is_open = all.iter().any(|one| one.way == Way::Open && is_there(one));
    if json {
        stdio::print(&format!("{}\n", printable_json(&serde_json::to_string(&all)?)))?;
    } else {
        for one in &all {
            describe(one, port)?;
        }
    }
    Ok(if is_open { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}

fn progress(address: SocketAddr) -> String {
    if io::stderr().is_terminal() {
        format!("trying {address}, for {} s at most\n", CONNECT.as_secs())
    } else {
        String::new()
    }
}

fn may_ask(one: &Reach) -> io::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    let question = match one.way {
        Way::NotTried => "This system can tell only by connecting. Connect, and ask who is there?",
        _ => "A program listens there. Ask which one?",
    };
    ask!("{question} ({COST}) [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn describe(one: &Reach, port: u16) -> io::Result<()> {
    let mut out = Printable(stdio::stdout());
    let Reach { address, way, who, took_ms } = one;
    let own = own_address(address.ip()).map_or_else(|| "ADDR".to_owned(), |own| own.to_string());
    match way {
        Way::Refused => {
            writeln!(out, "✗ {address}: refused, after {took_ms} ms")?;
            writeln!(
                out,
                "    the machine is there and says that no program listens on this port (or a firewall there says so for it)."
            )?;
            writeln!(out, "    On that machine:\n      $ dlvgate doctor --port {port} --from {own}")
        }
        Way::Filtered => {
            writeln!(out, "✗ {address}: filtered, no answer within {} s", CONNECT.as_secs())?;
            writeln!(
                out,
                "    a firewall there or on the way drops what is sent to this port, or the machine is off."
            )?;
            writeln!(out, "    On that machine:\n      $ sudo dlvgate doctor --port {port} --from {own}")
        }
        Way::NotTried => {
            writeln!(
                out,
                "? {address}: not tried: this system can tell only by connecting, and {COST}; --identify connects"
            )
        }
        Way::Unreachable { said } => writeln!(out, "✗ {address}: not reached: {said}"),
        Way::Open => {
            let who = match who {
                Some(Who::Nothing { said }) => {
                    writeln!(out, "✗ {address}: nothing answers, after {took_ms} ms; {said}")?;
                    return writeln!(
                        out,
                        "    On the machine that it leads to:\n      $ dlvgate doctor --port {port}"
                    );
                }
                Some(Who::Tunnel { said }) => {
                    return writeln!(
                        out,
                        "? {address}: {said}. Whether anything listens at its other end is not known without a connection: {COST}; \
                         --identify asks"
                    );
                }
                Some(Who::Dlvgate { said }) => format!("dlvgate is there ({said})"),
                Some(Who::Delve { said }) => format!("dlv itself is there ({said})"),
                Some(Who::Other { said }) => format!("something else is there ({said})"),
                Some(Who::Silent { said }) => format!("it does not say what it is ({said})"),
                Some(Who::NotAsked) | None => format!("it was not asked what it is: {COST}; --identify asks"),
            };
            writeln!(out, "✓ {address}: open, after {took_ms} ms; {who}")
        }
    }
}

/// The address that the other machine sees, where nothing translates it.
fn own_address(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((peer, 9)).ok()?; // nothing is sent
    Some(socket.local_addr().ok()?.ip())
}
