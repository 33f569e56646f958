//! The gate in nftables, with the real nft and the kernel's own packet filter, in a network
//! namespace for each test.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use dlvgate::firewall::{Firewall, FirewallMode, Parts, Peer};
use dlvgate_test_support::PATIENCE;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::session_log::WHOLE_SESSION;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::nftables_refuses;

for_every_dlv!(session_passes_a_dropping_host_and_restores_it, killed_dlv_leaves_no_rule,);

/// A host that lets the front be reached and drops everything else, loopback and established
/// connections included: in a table laid out as ufw has it, by policy; in one of its own, by rule;
/// and on the way out.
pub const HOST: &str = "
table ip filter {
    chain ufw-user-input { tcp dport 2345 accept comment \"the front\"; tcp sport 2345 accept; }
    chain INPUT { type filter hook input priority filter; policy drop; counter jump ufw-user-input; }
    chain FORWARD { type filter hook forward priority filter; policy drop; }
}
table inet own {
    set open { type inet_service; flags interval; elements = { 22, 2345, 8000-8010 }; }
    chain in { type filter hook input priority filter + 5; policy accept; tcp sport 2345 accept; tcp dport != @open drop; }
    chain out { type filter hook output priority filter; policy drop; tcp dport 2345 accept; tcp sport 2345 accept; }
}
table ip6 filter {
    chain INPUT { type filter hook input priority filter; policy drop; }
}
";

/// `nobody` on Debian.
const OTHER_USER: u32 = 65_534;

fn serve(dlv: &Pair, namespace: &Namespace) -> Serve {
    Serve::with(dlv).flags(["--firewall", "nftables", "--listen", "127.0.0.1:2345"]).inside(namespace)
}

/// How long a connection attempt is watched whose packets may be dropped without a word.
const DROPPED: Duration = Duration::from_secs(1);

/// What the test's own user gets who connects to a port on 127.0.0.1 from another loopback address.
fn connect_from_other_address(port: u16) -> std::io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into())?;
    socket.connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)).into(), DROPPED)
}

/// Neither another user nor another address reaches this port.
pub fn assert_guarded(namespace: &Namespace, port: u16) {
    let answer = namespace.connect_as(OTHER_USER, port);
    assert!(answer.contains("Connection refused"), "another user: {answer:?}");
    // The host drops the reset that our rule sends.
    let blocked = namespace.inside(|| connect_from_other_address(port));
    assert!(blocked.is_err(), "another address");
}

/// This user's processes alone reach this port; not even root's do.
pub fn assert_guarded_as(namespace: &Namespace, port: u16, user: u32) {
    assert_eq!(namespace.connect_as(user, port), "", "the user's own");
    for other in [0, user - 1] {
        let answer = namespace.connect_as(other, port);
        assert!(answer.contains("Connection refused"), "user {other}: {answer:?}");
    }
}

pub fn counters_at_zero(ruleset: &str) -> String {
    let is_count = |line: &&str| line.contains("\"packets\":") || line.contains("\"bytes\":");
    ruleset.lines().filter(|line| !is_count(line)).collect::<Vec<_>>().join("\n")
}

pub fn assert_same(before: &str, namespace: &Namespace) {
    assert_eq!(counters_at_zero(&namespace.ruleset()), counters_at_zero(before));
}

fn session_passes_a_dropping_host_and_restores_it(dlv: &Pair) {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let (before, program) = (namespace.ruleset(), Program::built(dlv, "demo"));
    let server = serve(dlv, &namespace).start();
    let client = namespace.inside(|| server.client());
    let (debug, thread) = Debug::stopped_at(client, &program, "// breakpoint: order");
    let ports = server.dlv_ports();
    assert_eq!(ports.len(), 1);
    assert_guarded(&namespace, ports[0]);
    let during = namespace.ruleset();
    let mark = format!("\"dlvgate:{}:{}\"", server.guard().pid, ports[0]);
    assert!(during.contains(&mark), "no {mark} in {during}");
    debug.run_out(thread);
    server.closed(1);
    assert_same(&before, &namespace);
    let transitions = server.log.of(1);
    let names: Vec<&str> = transitions.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, WHOLE_SESSION);
    for one in transitions.iter().filter(|one| one.name.starts_with("gate_")) {
        assert_eq!(one.line["firewall"], "nftables", "{}", one.line);
    }
}

fn killed_dlv_leaves_no_rule(dlv: &Pair) {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let (before, program) = (namespace.ruleset(), Program::built(dlv, "demo"));
    let server = serve(dlv, &namespace).start();
    let client = namespace.inside(|| server.client());
    let (debug, _) = Debug::stopped_at(client, &program, "// breakpoint: order");
    server.dlv().signal(Signal::SIGKILL);
    debug.client.event("terminated");
    debug.client.eof();
    server.closed(1);
    assert_same(&before, &namespace);
}

#[test]
fn dropping_host_without_a_gate_blocks_dlv() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let server = Serve::with(&Pair::any()).flags(["--listen", "127.0.0.1:2345"]).inside(&namespace).start();
    let mut client = namespace.inside(|| server.client());
    client.refused("initialize", initialize_arguments());
    drop(client);
    server.closed(1);
}

#[test]
fn session_end_keeps_another_session_s_gate() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let before = namespace.ruleset();
    let server = serve(&Pair::any(), &namespace).start();
    let mut clients = [(); 2].map(|()| namespace.inside(|| server.client()).initialize());
    let both = server.dlv_ports();
    assert_eq!(both.len(), 2);
    both.iter().for_each(|port| assert_guarded(&namespace, *port));
    clients[0].ok("disconnect", json!({}));
    clients[0].eof();
    server.log.wait_for("closed", 1);
    let left = server.dlv_ports();
    assert_eq!(left.len(), 1);
    assert_guarded(&namespace, left[0]);
    let ended = both.into_iter().find(|port| *port != left[0]).unwrap();
    assert!(!namespace.ruleset().contains(&ended.to_string()), "the first left rules");
    clients[1].ok("disconnect", json!({}));
    clients[1].eof();
    server.closed(2);
    assert_same(&before, &namespace);
}

/// The ruleset is changed by this script in mid-session; the session ends well all the same, and
/// what is left is what the script made.
fn ends_well_although(script: &str) {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(script);
    let expected = namespace.ruleset();
    namespace.nft(&format!("flush ruleset\n{HOST}"));
    let server = serve(&Pair::any(), &namespace).start();
    let client = namespace.inside(|| server.client()).initialize();
    namespace.nft(script);
    Debug { client }.disconnect();
    server.closed(1);
    assert_same(&expected, &namespace);
    let names: Vec<String> = server.log.of(1).into_iter().map(|one| one.name).collect();
    assert_eq!(names, WHOLE_SESSION, "{:#?}", server.log.lines());
}

#[test]
fn flushed_ruleset_does_not_fail_the_session() {
    ends_well_although("flush ruleset");
}

#[test]
fn reloaded_ruleset_does_not_fail_the_session() {
    ends_well_although(
        "flush ruleset\ntable inet new {\nchain in { type filter hook input priority 0; policy accept; tcp dport 9 drop; }\n}\n",
    );
}

#[test]
fn a_signal_in_mid_session_leaves_no_rule() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let before = namespace.ruleset();
    let mut server = serve(&Pair::any(), &namespace).start();
    let client = namespace.inside(|| server.client()).initialize();
    server.signal(Signal::SIGTERM);
    client.eof();
    assert_eq!(server.exit().code(), Some(0));
    assert_same(&before, &namespace);
}

/// A connection through the gate that goes both ways.
fn connected(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let mut near =
        TcpStream::connect_timeout(&listener.local_addr().unwrap(), PATIENCE).expect("a peer passes");
    let (mut far, _) = listener.accept().unwrap();
    let mut byte = [0];
    near.write_all(b"?").unwrap();
    far.read_exact(&mut byte).unwrap();
    far.write_all(b"!").unwrap();
    near.read_exact(&mut byte).unwrap();
    (near, far)
}

fn shuts_at_once(address: IpAddr) {
    let Some(namespace) = Namespace::new() else { return };
    namespace.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = TcpListener::bind((address, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let parts = Parts { program: Some(env!("CARGO_BIN_EXE_dlvgate").into()), ..Parts::default() };
        let firewall = runtime.block_on(Firewall::prepare(FirewallMode::Nftables, parts, false)).unwrap();
        let peer = Peer::try_from(address).unwrap();
        let gate = runtime.block_on(firewall.open(at.port(), std::slice::from_ref(&peer))).unwrap();
        let (mut near, _far) = connected(&listener);
        if address.is_ipv4() {
            let refused = connect_from_other_address(at.port()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "no peer");
        }
        assert!(runtime.block_on(firewall.open(at.port(), &[peer])).is_err(), "it has a gate already");

        runtime.block_on(gate.shut()).unwrap();
        near.write_all(b"?").unwrap();
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        let answer = near.read(&mut [0]).unwrap_err();
        assert_eq!(answer.kind(), ErrorKind::ConnectionReset, "an open connection");
        let answer = TcpStream::connect_timeout(&at, Duration::from_secs(5)).unwrap_err();
        assert_eq!(answer.kind(), ErrorKind::ConnectionRefused, "a new connection");

        runtime.block_on(gate.remove()).unwrap();
        TcpStream::connect_timeout(&at, PATIENCE).expect("as if nothing had been");
        runtime.block_on(firewall.end()).unwrap();
    });
    assert!(!namespace.ruleset().contains("dlvgate"));
}

#[test]
fn a_gate_that_is_shut_ends_open_connections() {
    shuts_at_once(Ipv4Addr::LOCALHOST.into());
}

#[test]
fn shut_gate_ends_open_connections_over_ipv6() {
    shuts_at_once(Ipv6Addr::LOCALHOST.into());
}

#[test]
fn table_owned_by_another_program_is_explained() {
    let Some(namespace) = Namespace::new() else { return };
    let _owner = namespace.own_table(
        "theirs",
        "type filter hook input priority 0; policy accept;",
        "tcp dport 9 drop",
    );
    let before = namespace.ruleset();
    let server = serve(&Pair::any(), &namespace).start();
    let client = namespace.inside(|| server.client());
    nftables_refuses::assert_refused(&server, client, &["belongs to another program", "NftablesTableOwner"]);
    assert_same(&before, &namespace);
}
