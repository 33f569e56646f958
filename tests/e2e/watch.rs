//! `dlvgate firewall watch` on Linux, with the real nft in a network namespace: who is refused at a
//! gate is told, and the ruleset is afterwards what it was.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::process::{children, has_ended};
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::watch::Watching;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// A rejected attempt is answered at once.
const REJECTED: Duration = Duration::from_secs(5);

/// What a gate's table holds, for port 2345 and two peers, one of which the host itself refuses.
const GATE: &str = "
table inet dlvgate_4711_2345 {
    set peers4 { type ipv4_addr; elements = { 127.0.0.1, 127.0.0.3 }; }
    chain input {
        type filter hook input priority raw; policy accept;
        iif lo ip saddr @peers4 tcp dport 2345 accept comment \"dlvgate:4711:2345\"
        tcp dport 2345 reject with tcp reset comment \"dlvgate:4711:2345\"
    }
}
table inet host {
    chain input { type filter hook input priority 0; policy accept; ip saddr 127.0.0.3 tcp dport 2345 reject with tcp reset; }
}
";

/// Tries to connect from this address to this port of 127.0.0.1, and is refused.
fn refused(namespace: &Namespace, from: [u8; 4], port: u16) {
    let answer = namespace.inside(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)).into(), REJECTED)
    });
    assert_eq!(answer.expect_err("it is guarded").kind(), ErrorKind::ConnectionRefused);
}

fn is_from(told: &Value, from: &str, port: u16) -> bool {
    told["from"] == from && told["port"] == port
}

#[test]
fn watch_tells_a_session_s_refusals_and_cleans_up() {
    let Some(namespace) = Namespace::new() else { return };
    let before = namespace.ruleset();
    // It starts first: a gate that opens later is watched too.
    let watching = Watching::start(Some(&namespace), &["--json"]);
    watching.says("no gate now");
    let server = Serve::with(&Pair::any()).flags(["--firewall", "nftables"]).inside(&namespace).start();
    let client = namespace.inside(|| server.client()).initialize();
    let port = server.ports().into_iter().find(|port| *port != server.front().port()).expect("dlv's port");
    let table = format!("table inet dlvgate_{}_{port}", server.guard().pid);

    let told =
        watching.tells(|| refused(&namespace, [127, 0, 0, 2], port), |told| is_from(told, "127.0.0.2", port));
    assert_eq!((&told["gate"], &told["direction"]), (&table.as_str().into(), &"in".into()), "{told}");
    assert_eq!((&told["interface"], &told["to"]), (&"lo".into(), &"127.0.0.1".into()), "{told}");
    assert!(told["from_port"].as_u64().is_some_and(|port| port > 0), "{told}");

    let other_user = || drop(namespace.connect_as(65_534, port));
    let told = watching.tells(other_user, |told| is_from(told, "127.0.0.1", port));
    assert_eq!((&told["gate"], &told["direction"]), (&table.as_str().into(), &"out".into()), "{told}");
    assert_eq!(told["rule"], "chain output", "{told}");

    Debug { client }.disconnect();
    server.closed(1);
    watching.ends_well(Signal::SIGINT);
    assert_eq!(namespace.ruleset(), before);
}

#[test]
fn each_attempt_is_one_line_and_other_rules_none() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(GATE);
    let before = namespace.ruleset();
    let watching = Watching::start(Some(&namespace), &["--json"]);
    watching.tells(
        || refused(&namespace, [127, 0, 0, 2], 2345),
        |told| is_from(told, "127.0.0.2", 2345) && told["interface"] == "lo",
    );
    refused(&namespace, [127, 0, 0, 3], 2345); // a peer, whom the host's own rule refuses
    refused(&namespace, [127, 0, 0, 1], 2345); // a peer, and no program listens
    refused(&namespace, [127, 0, 0, 4], 2345);
    watching.tells(|| (), |told| is_from(told, "127.0.0.4", 2345));
    let lines = watching.stdout.lines().join("\n");
    assert_eq!(lines.matches("\"from\":\"127.0.0.4\"").count(), 1, "{lines}");
    assert!(!lines.contains("127.0.0.3") && !lines.contains("\"from\":\"127.0.0.1\""), "{lines}");
    watching.ends_well(Signal::SIGTERM);
    assert_eq!(namespace.ruleset(), before);
}

#[test]
fn for_people_it_is_a_sentence() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(GATE);
    let watching = Watching::start(Some(&namespace), &[]);
    let sentence = " was refused at port 2345, in on lo, by chain input of the table inet dlvgate_4711_2345";
    let told = || {
        refused(&namespace, [127, 0, 0, 2], 2345);
        watching.stdout.lines().into_iter().find(|line| line.contains(sentence))
    };
    let line = poll(PATIENCE, told).unwrap_or_else(|| panic!("{:#?}", watching.stdout.lines()));
    assert!(line.contains("Z 127.0.0.2:"), "{line}");
}

#[test]
fn reloaded_ruleset_does_not_end_the_watch() {
    let Some(namespace) = Namespace::new() else { return };
    let watching = Watching::start(Some(&namespace), &["--json"]);
    watching.says("no gate now");
    namespace.nft(&format!("flush ruleset\n{GATE}"));
    watching.tells(|| refused(&namespace, [127, 0, 0, 2], 2345), |told| is_from(told, "127.0.0.2", 2345));
    watching.ends_well(Signal::SIGTERM);
}

#[test]
fn next_watch_removes_only_a_dead_watch_s_table() {
    let Some(namespace) = Namespace::new() else { return };
    let before = namespace.ruleset();
    let tables = || namespace.ruleset().matches("\"dlvgatewatch_").count();
    let mut killed = Watching::start(Some(&namespace), &[]);
    killed.says("no gate now");
    let with_one = tables();
    let monitor = children(i32::try_from(killed.pid()).unwrap());
    assert_eq!(monitor.len(), 1, "nft monitors");
    killed.signal(Signal::SIGKILL);
    killed.exit();
    assert!(poll(PATIENCE, || has_ended(monitor[0]).then_some(())).is_some(), "nft ends with its watch");
    assert_eq!(tables(), with_one, "no process could remove it");
    let first = Watching::start(Some(&namespace), &[]);
    first.says("no gate now");
    assert_eq!(tables(), with_one);
    let second = Watching::start(Some(&namespace), &[]);
    second.says("no gate now");
    assert_eq!(tables(), 2 * with_one);
    second.ends_well(Signal::SIGHUP);
    first.ends_well(Signal::SIGTERM);
    assert_eq!(namespace.ruleset(), before);
}

#[test]
fn ended_monitor_fails_and_leaves_no_table() {
    let Some(namespace) = Namespace::new() else { return };
    let before = namespace.ruleset();
    let nft = FakeDlv::new(
        "case \"$*\" in *monitor*) echo 'no such thing' >&2; exit 3;; *) PATH=$PATH:/usr/sbin exec nft \"$@\";; esac",
    );
    let mut watching =
        Watching::start(Some(&namespace), &["--nft", nft.path.to_str().expect("a path in UTF-8")]);
    assert_eq!(watching.exit().code(), Some(1));
    watching.says("ended, so no more refusals can be reported (exit status: 3): no such thing");
    assert_eq!(namespace.ruleset(), before);
}

#[test]
fn who_is_not_root_is_told_what_to_run() {
    let words = "Operation not permitted (you must be root)";
    let nft = FakeDlv::new(&format!("echo '{words}' >&2; exit 1"));
    let mut watching = Watching::start(None, &["--nft", nft.path.to_str().expect("a path in UTF-8")]);
    assert_eq!(watching.exit().code(), Some(1));
    watching.says("sudo dlvgate firewall watch");
    let mut watching = Watching::start(None, &["--nft", "/nonexistent/nft"]);
    assert_eq!(watching.exit().code(), Some(1));
    watching.says("apt-get install nftables");
}
