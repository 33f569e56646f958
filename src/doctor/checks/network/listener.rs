//! Checks which program listens on the port that the client connects to.

use std::net::IpAddr;

use crate::doctor::context::Context;
use crate::doctor::facts::process::{ListenerKind, ListeningProcess, Process, debuggers, listeners, process};
use crate::doctor::finding::{CheckGroup, Finding, Health};

use super::restart::{WantedFront, restarted};

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let port = context.port();
    let found = tokio::task::spawn_blocking(move || listeners(port)).await.unwrap_or_default();
    if found.is_empty() {
        let others = tokio::task::spawn_blocking(fronts).await.unwrap_or_default();
        return vec![nothing(context, &others)];
    }
    vec![judge(context, &found)]
}

/// Seconds that a dlvgate or dlv may take to end: twice what it gives its dlv before it kills it.
const ENDS_WITHIN: u32 = 10;

fn finding(state: Health, seen: String) -> Finding {
    Finding::new(CheckGroup::Network, "listener", state, seen)
}

fn front(context: &Context) -> WantedFront {
    WantedFront { port: context.port(), peer: context.peer() }
}

/// What another program is in the way of: no command here ends a program that is not dlv or
/// dlvgate.
fn judge(context: &Context, found: &[ListeningProcess]) -> Finding {
    let port = context.port();
    let in_the_way = found.iter().find(|one| kind(one) == Some(ListenerKind::Other));
    let tunnel = || found.iter().find(|one| matches!(kind(one), Some(ListenerKind::Tunnel(_))));
    let Some(listener) = in_the_way.or_else(tunnel).or(found.first()) else {
        return nothing(context, &[]);
    };
    let place = listener.address;
    let Some(process) = &listener.process else {
        let whose = listener.user().unwrap_or_else(|| "another user".to_owned());
        let why = "only root can see which program it is; if it is dlv, it serves its own user only";
        return finding(Health::Warning, format!("{whose} listens on {place}, with an unknown program"))
            .why(why)
            .remedy(format!("sudo lsof -nP -iTCP:{port} -sTCP:LISTEN"));
    };
    match process.kind() {
        ListenerKind::Other => finding(Health::Bad, format!("{place} is taken by {}", listener.name()))
            .why(
                "neither dlv nor dlvgate can listen there, and a client that connects speaks to the wrong program. Take another \
                 port, here and in the client: with port 0 dlvgate takes a free one, and says which",
            )
            .remedy(WantedFront { port: 0, ..front(context) }.serve()),
        ListenerKind::Tunnel(what) => tunnelled(context, found, listener, process, what),
        ListenerKind::Delve { single } if listener.waiting > 0 => taken(context, listener, process, single),
        ListenerKind::Delve { .. } | ListenerKind::Dlvgate => reachable(context, found, listener, process),
    }
}

fn kind(listener: &ListeningProcess) -> Option<ListenerKind> {
    listener.process.as_ref().map(Process::kind)
}

impl WantedFront {
    /// A server for any program; the client names it.
    fn serve(self) -> String {
        let allow = self.peer.map_or_else(String::new, |peer| format!(" --allow {peer}"));
        format!("dlvgate serve --listen {}{allow}", self.listen())
    }
}

/// Where a client can connect at other ports: not a dlv behind a dlvgate.
fn fronts() -> Vec<ListeningProcess> {
    let is_behind = |one: &ListeningProcess| {
        let parent = one.process.as_ref().and_then(|one| process(one.parent));
        parent.is_some_and(|parent| parent.kind() == ListenerKind::Dlvgate)
    };
    debuggers().into_iter().filter(|one| !is_behind(one)).collect()
}

fn nothing(context: &Context, others: &[ListeningProcess]) -> Finding {
    let port = context.port();
    let named = |one: &ListeningProcess| {
        let what = if kind(one) == Some(ListenerKind::Dlvgate) { "dlvgate" } else { "dlv" };
        let pid = one.process.as_ref().map_or(0, |process| process.pid);
        format!("{what} (process {pid}) listens on {}", one.address)
    };
    let elsewhere: String = others.iter().map(|one| format!("; {}", named(one))).collect();
    let from = context.peer().map_or_else(String::new, |peer| format!(" --from {peer}"));
    let look = others.first().map(|one| format!("dlvgate doctor --port {}{from}", one.address.port()));
    if context.question.port.is_none() {
        let seen = format!("nothing listens on port {port} (GoLand's usual one){elsewhere}");
        let note = finding(Health::Note, seen);
        return match look {
            Some(look) => note.why("where the client connects to that port, ask about it").remedy(look),
            None => note,
        };
    }
    let seen = format!("nothing listens on port {port}{elsewhere}");
    let refused = "a client that connects now gets `Connection refused`";
    match look {
        Some(look) => finding(Health::Bad, seen)
            .why(format!("{refused}: give it the other port, or start a server on this one"))
            .remedy(look),
        None => finding(Health::Bad, seen).why(refused),
    }
    .remedy(front(context).serve())
}

/// A tunnel is where it should be; what matters is at its other end.
fn tunnelled(
    context: &Context,
    found: &[ListeningProcess],
    listener: &ListeningProcess,
    process: &Process,
    what: &str,
) -> Finding {
    let port = context.port();
    let seen = format!("{what} listens on {}: {}", listener.address, listener.name());
    if let Some(peer) = context.peer().filter(|_| found.iter().all(|one| one.address.ip().is_loopback())) {
        return finding(Health::Bad, seen)
            .why(format!(
                "it can be reached from this machine only, and the client is on {peer}: it needs a tunnel of its own, made there"
            ))
            .remedy(format!("dlvgate doctor --port {port}"));
    }
    let is_ssh = process.program.rsplit('/').next() == Some("ssh");
    let far =
        if is_ssh { "the machine that it leads to" } else { "the machine or container that it leads to" };
    finding(Health::Note, seen)
        .why(format!(
            "that is fine: the client connects to it, and dlv or dlvgate listens on {far}. Run `dlvgate doctor` there; from here a \
             connection tells whether anything answers"
        ))
        .remedy(format!("dlvgate doctor --probe {} --identify", reached(listener.address.ip(), port)))
}

/// The address to connect to from here.
fn reached(listening: IpAddr, port: u16) -> String {
    match listening {
        IpAddr::V4(ip) if ip.is_unspecified() => format!("127.0.0.1:{port}"),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("[::1]:{port}"),
        ip => std::net::SocketAddr::new(ip, port).to_string(),
    }
}

fn taken(context: &Context, listener: &ListeningProcess, process: &Process, single: bool) -> Finding {
    let seen = format!(
        "{} client(s) wait at {}, and {} does not take them",
        listener.waiting,
        listener.address,
        process.name()
    );
    if !single {
        return finding(Health::Bad, seen)
            .why("dlv is busy, or stopped itself; a process in state T goes on with `fg` in its terminal")
            .remedy(format!("ps -o pid,stat,etime,command -p {}", process.pid));
    }
    let why = "a dlv without --accept-multiclient serves one client; the others hang. dlvgate in its place starts a dlv for each";
    again(context, listener, process, finding(Health::Bad, seen), why)
}

/// dlv or dlvgate listens: where the client can get at it?
fn reachable(
    context: &Context,
    found: &[ListeningProcess],
    listener: &ListeningProcess,
    process: &Process,
) -> Finding {
    let list = found.iter().map(|one| one.address.to_string()).collect::<Vec<_>>().join(" and ");
    let (is_dlvgate, what) = match process.kind() {
        ListenerKind::Dlvgate => (true, "dlvgate"),
        _ => (false, "dlv itself"),
    };
    let seen = format!("{what} listens on {list}: {}", process.name());
    let again = |state, why: &str| again(context, listener, process, finding(state, seen.clone()), why);
    match context.peer() {
        Some(peer) if found.iter().all(|one| one.address.ip().is_loopback()) => again(
            Health::Bad,
            &format!(
                "{list} can be reached from this machine only, and the client is on {peer}: `Connection refused`"
            ),
        ),
        Some(peer) if found.iter().all(|one| is_of_other_family(one.address.ip(), peer)) => again(
            Health::Bad,
            &format!("the client's address, {peer}, is of the other family: nothing listens for it"),
        ),
        None if found.iter().all(|one| one.address.ip() == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])) => again(
            Health::Warning,
            "a client that connects to 127.0.0.1 is refused; `localhost` may be either",
        ),
        _ if !is_dlvgate && found.iter().any(|one| one.address.ip().is_unspecified()) => again(
            Health::Warning,
            "dlv asks for no password: every client that reaches this port runs programs as you",
        ),
        _ => finding(Health::Good, seen.clone()),
    }
}

/// Ends a process and waits until it is gone: the next server fails as long as it holds the port.
fn ended(pid: u32) -> String {
    format!(
        "kill {pid}; for i in $(seq {ENDS_WITHIN}0); do kill -0 {pid} 2>/dev/null || break; sleep 0.1; done"
    )
}

/// Ends it and starts the same behind the front that this client needs, if it is the user's own and
/// all its arguments are known. Otherwise the remedy is a sentence.
fn again(
    context: &Context,
    listener: &ListeningProcess,
    process: &Process,
    finding: Finding,
    why: &str,
) -> Finding {
    let front = front(context);
    match restarted(process, front).filter(|_| listener.is_own()) {
        Some(command) => finding
            .why(format!(
                "{why}. The commands end it, with the sessions that are open there, and start the same again"
            ))
            .remedy(ended(process.pid))
            .remedy(format!("{command} &")),
        None => {
            let allow = front.peer.map_or_else(String::new, |peer| format!(" and `--allow {peer}`"));
            finding
                .why(format!(
                    "{why}. Where it was started, start it again, as `dlvgate serve` with `--listen {}`{allow} and the rest of its \
                     command as it is",
                    front.listen()
                ))
                .remedy(format!("ps -o user,pid,ppid,command -p {}", process.pid))
        }
    }
}

/// A listener on `::` takes IPv4 too, but for systems that are set otherwise.
fn is_of_other_family(listening: IpAddr, peer: IpAddr) -> bool {
    let any_six = listening.is_ipv6() && listening.is_unspecified();
    !any_six && listening.is_ipv4() != peer.to_canonical().is_ipv4()
}

#[cfg(test)]
mod tests {
    use nix::unistd::Uid;

    use super::*;
    use crate::doctor::context::DoctorQuestion;
    use crate::doctor::facts::process::tests::process;
    use crate::firewall::guard::journal::Journals;
    use crate::firewall::persist::Platform;
    use crate::firewall::{FirewallBackend, Programs};

    fn asked(from: Option<&str>) -> Context {
        Context::new(DoctorQuestion {
            port: Some(2345),
            from: from.map(|from| from.parse().unwrap()),
            dlv: None,
            platform: Platform::Linux,
            backend: FirewallBackend::Nftables,
            programs: Programs::default(),
            journals: Journals::new("/nonexistent"),
            settings: None,
        })
    }

    fn listener(address: &str, uid: u32, program: &str, command: &[&str]) -> ListeningProcess {
        let process = Some(process(program, command));
        ListeningProcess { address: address.parse().unwrap(), uid: Some(uid), waiting: 0, process }
    }

    fn commands(finding: &Finding) -> Vec<&str> {
        finding.remedies.iter().map(|remedy| remedy.command.as_str()).collect()
    }

    #[test]
    fn only_dlv_and_dlvgate_of_the_user_are_ended() {
        let us = Uid::effective().as_raw();
        let dlv = ["dlv", "exec", "--headless", "--listen=[::]:2345", "./a b"];
        for from in [None, Some("192.0.2.5")] {
            for (uid, program, words) in [
                (us, "/usr/bin/ssh", &["ssh", "-L", "2345:127.0.0.1:2345", "host"][..]),
                (us, "/usr/bin/python3.11", &["python3", "-m", "http.server"]),
                (us + 1, "/usr/bin/dlv", &dlv),
                (us + 1, "/usr/bin/dlvgate", &["dlvgate", "serve", "--listen", "[::1]:2345"]),
            ] {
                let found = [listener("127.0.0.1:2345", uid, program, words)];
                let finding = judge(&asked(from), &found);
                let all = commands(&finding);
                assert!(!all.iter().any(|command| command.contains("kill")), "{program}: {all:?}");
            }
            let found = [listener("[::]:2345", us, "/usr/bin/dlv", &dlv)];
            let finding = judge(&asked(from), &found);
            let front = from.map_or("127.0.0.1:2345".to_owned(), |from| format!(":2345 --allow {from}"));
            let again = format!("dlvgate serve --listen {front} -- exec --headless './a b' &");
            let all = commands(&finding);
            assert!(all[0].starts_with("kill 77; for ") && all[1..] == [again.as_str()], "{all:?}");
        }
    }

    #[test]
    fn busy_dlv_of_several_clients_is_not_ended() {
        let dlv = ["dlv", "exec", "--headless", "--accept-multiclient", "./a"];
        let mut busy = listener("127.0.0.1:2345", Uid::effective().as_raw(), "/usr/bin/dlv", &dlv);
        busy.waiting = 1;
        let finding = judge(&asked(None), &[busy]);
        assert_eq!(commands(&finding), ["ps -o pid,stat,etime,command -p 77"]);
    }

    #[test]
    fn server_at_another_port_is_named() {
        let us = Uid::effective().as_raw();
        let other = listener("127.0.0.1:2346", us, "/usr/bin/dlvgate", &["dlvgate", "serve"]);
        let finding = nothing(&asked(None), std::slice::from_ref(&other));
        assert_eq!(finding.state, Health::Bad);
        assert!(finding.seen.contains("dlvgate (process 77) listens on 127.0.0.1:2346"), "{}", finding.seen);
        assert_eq!(commands(&finding)[0], "dlvgate doctor --port 2346");
        let mut usual = asked(None);
        usual.question.port = None;
        assert_eq!(nothing(&usual, &[other]).state, Health::Note);
    }
}
