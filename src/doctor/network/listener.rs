//! Who listens on the port that the client connects to.

use std::net::IpAddr;

use nix::unistd::{Uid, User};

use crate::doctor::context::{Context, sudo};
use crate::doctor::finding::{Finding, Group, State};
use crate::doctor::process::{Kind, Listener, Process, listeners};

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let port = context.port();
    let found = tokio::task::spawn_blocking(move || listeners(port)).await.unwrap_or_default();
    vec![judge(context, &found)]
}

fn judge(context: &Context, found: &[Listener]) -> Finding {
    let port = context.port();
    let finding = |state, seen: String| Finding::new(Group::Network, "listener", state, seen);
    let Some(listener) = found.iter().find(|one| kind(one) == Some(Kind::Other)).or(found.first()) else {
        return nobody(context);
    };
    let place = listener.address;
    let Some(process) = &listener.process else {
        let whose = listener.uid.and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
        let whose = whose.map_or_else(|| "another user".to_owned(), |user| user.name);
        let why = "only root is told which program it is; if it is dlv, it serves its own user only";
        return finding(
            State::Warning,
            format!("{whose} listens on {place}, with a program that is not told"),
        )
        .why(why)
        .mend(format!("sudo lsof -nP -iTCP:{port} -sTCP:LISTEN"));
    };
    match process.kind() {
        Kind::Other => finding(State::Bad, format!("{place} is taken by {}", process.name()))
            .why("neither dlv nor dlvgate can listen there, and a client that connects speaks to the wrong program. End it if it may go; else use another \
                  port, `dlvgate serve --listen 127.0.0.1:0` takes a free one")
            .mend(format!("{}kill {}", sudo_for(listener), process.pid)),
        Kind::Delve { single } if listener.waiting > 0 => taken(listener, process, single, finding),
        Kind::Delve { .. } | Kind::Dlvgate => reachable(context, found, process, finding),
    }
}

fn kind(listener: &Listener) -> Option<Kind> {
    listener.process.as_ref().map(Process::kind)
}

fn nobody(context: &Context) -> Finding {
    let port = context.port();
    let seen = format!("nobody listens on port {port}");
    let listen = match context.peer() {
        Some(peer) => format!("dlvgate serve --listen :{port} --allow {peer}"),
        None => format!("dlvgate serve --listen 127.0.0.1:{port}"),
    };
    if context.question.port.is_none() {
        return Finding::new(Group::Network, "listener", State::Note, format!("{seen} (GoLand's usual one)"));
    }
    Finding::new(Group::Network, "listener", State::Warning, seen)
        .why("a client that connects now is told `Connection refused`")
        .mend(listen)
}

fn taken(
    listener: &Listener,
    process: &Process,
    single: bool,
    finding: impl Fn(State, String) -> Finding,
) -> Finding {
    let seen = format!(
        "{} client(s) wait at {}, and {} does not take them",
        listener.waiting,
        listener.address,
        process.name()
    );
    let why = if single {
        "a dlv without --accept-multiclient serves one client; the others hang. dlvgate in its place starts a dlv for each"
    } else {
        "dlv is busy, or stopped itself"
    };
    finding(State::Bad, seen).why(why).mend(format!("{}kill {}", sudo_for(listener), process.pid))
}

/// dlv or dlvgate listens: where the client can get at it?
fn reachable(
    context: &Context,
    found: &[Listener],
    process: &Process,
    finding: impl Fn(State, String) -> Finding,
) -> Finding {
    let port = context.port();
    let list = found.iter().map(|one| one.address.to_string()).collect::<Vec<_>>().join(" and ");
    let (is_dlvgate, what) = match process.kind() {
        Kind::Dlvgate => (true, "dlvgate"),
        _ => (false, "dlv itself"),
    };
    let seen = format!("{what} listens on {list}: {}", process.name());
    match context.peer() {
        Some(peer) if found.iter().all(|one| one.address.ip().is_loopback()) => finding(State::Bad, seen)
            .why(format!("{list} can be reached from this machine only, and the client is on {peer}: `Connection refused`"))
            .mend(format!("kill {}", process.pid))
            .mend(format!("dlvgate serve --listen :{port} --allow {peer} &")),
        Some(peer) if found.iter().all(|one| is_of_other_family(one.address.ip(), peer)) => finding(State::Bad, seen)
            .why(format!("the client's address, {peer}, is of the other family: nothing listens for it"))
            .mend(format!("kill {}", process.pid))
            .mend(format!("dlvgate serve --listen :{port} --allow {peer} &")),
        None if found.iter().all(|one| one.address.ip() == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])) => {
            finding(State::Warning, seen)
                .why("a client that connects to 127.0.0.1 is refused; `localhost` may be either")
                .mend(format!("kill {}", process.pid))
                .mend(format!("dlvgate serve --listen 127.0.0.1:{port} &"))
        }
        _ if !is_dlvgate && found.iter().any(|one| one.address.ip().is_unspecified()) => finding(State::Warning, seen)
            .why("dlv asks nobody who they are: whoever reaches this port runs programs as you")
            .mend(format!("kill {}", process.pid))
            .mend(format!("dlvgate serve --listen 127.0.0.1:{port} &")),
        _ => finding(State::Good, seen),
    }
}

/// A listener on `::` takes IPv4 too, but for systems that are set otherwise.
fn is_of_other_family(listening: IpAddr, peer: IpAddr) -> bool {
    let any_six = listening.is_ipv6() && listening.is_unspecified();
    !any_six && listening.is_ipv4() != peer.to_canonical().is_ipv4()
}

fn sudo_for(listener: &Listener) -> &'static str {
    if listener.uid == Some(Uid::effective().as_raw()) { "" } else { sudo() }
}
