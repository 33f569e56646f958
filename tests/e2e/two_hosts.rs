//! A client on another host: two network namespaces on a wire, and a server that drops everything
//! by default.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::link::{BEYOND, DROPPED, Link, OTHER, OTHER_V6, PEER, PEER_V6, SERVER, SERVER_V6};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::session_log::WHOLE_SESSION;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;

for_every_dlv!(allowed_address_alone_debugs_and_rules_return);

/// Everything is dropped but what IPv6 needs to find its neighbours: no counter, so that every byte
/// counts.
pub const HOST: &str = "
table inet host {
    chain in { type filter hook input priority filter; policy drop; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; }
    chain forward { type filter hook forward priority filter; policy drop; }
}
";

/// The server's link-local address, as the peer's host knows it: its wire is the interface after
/// loopback.
const SERVER_ON_THE_LINK: &str = "[fe80::1%2]:2345";

/// A host that drops what leaves, too.
pub const NOTHING_LEAVES: &str = "
table inet out {
    chain out { type filter hook output priority filter; policy drop; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; }
}
";

pub fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 2345)
}

/// Two hosts, of which the server's drops everything, and its ruleset word for word.
fn host() -> Option<(Link, String)> {
    let link = Link::new()?;
    link.server.nft(HOST);
    let before = link.server.printed();
    Some((link, before))
}

/// A server of that host's that is gated in nftables.
pub fn serve(dlv: &Pair, server: &Namespace, listen: impl ToString, allow: &str) -> Serve {
    let listen = listen.to_string();
    Serve::with(dlv).flags(["--firewall", "nftables", "--listen", &listen, "--allow", allow]).inside(server)
}

fn dlv_port(server: &Server) -> u16 {
    let ports = server.ports();
    ports.into_iter().find(|port| *port != server.front().port()).expect("dlv listens")
}

/// A whole session from this address of the peer's host; during it the other address gets nothing.
/// `count` is how many there have been then.
pub fn a_session(link: &Link, server: &Server, dlv: &Pair, peer: &str, other: &str, count: usize) {
    let (program, front) =
        (Program::built(dlv, "demo"), at(if peer.contains(':') { SERVER_V6 } else { SERVER }));
    let client = Client::over(link.connect(peer, front).expect("the peer may"));
    let (mut debug, thread) = Debug::stopped_at(client, &program, "// breakpoint: order");
    let refused = link.connect(other, front).expect_err("another address");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "it gets a reset");
    let delve = SocketAddr::new(front.ip(), dlv_port(server));
    assert!(link.connect(peer, delve).is_err(), "dlv's own port is not for other hosts");
    let frame = debug.top(thread);
    assert_eq!(debug.evaluate(&frame, "order.ID"), "7");
    assert_eq!(debug.step("next", thread)["line"], program.line("// breakpoint: call"));
    assert!(link.connect(other, front).is_err(), "another address, a step later");
    debug.run_out(thread);
    server.closed(count);
    let names = server.log.of(count as u64).into_iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names, WHOLE_SESSION);
}

pub fn ends(mut server: Server) {
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
}

fn allowed_address_alone_debugs_and_rules_return(dlv: &Pair) {
    let Some((link, before)) = host() else { return };
    let dropped = link.connect(PEER, at(SERVER)).expect_err("nothing is open before");
    assert_eq!(dropped.kind(), ErrorKind::TimedOut, "the SYN is dropped, not answered");
    let server = serve(dlv, &link.server, at(SERVER), PEER).start();
    let with_front = link.server.printed();
    a_session(&link, &server, dlv, PEER, OTHER, 1);
    assert_eq!(link.server.printed(), with_front, "of the session nothing is left");
    ends(server);
    assert_eq!(link.server.printed(), before);
    let dropped = link.connect(PEER, at(SERVER)).expect_err("nothing is open after");
    assert_eq!(dropped.kind(), ErrorKind::TimedOut);
}

#[test]
fn the_same_over_ipv6() {
    let Some((link, before)) = host() else { return };
    let dlv = Pair::any();
    assert!(link.connect(PEER_V6, at(SERVER_V6)).is_err());
    let server = serve(&dlv, &link.server, at(SERVER_V6), PEER_V6).start();
    a_session(&link, &server, &dlv, PEER_V6, OTHER_V6, 1);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn allowed_address_stays_dropped_without_a_gate() {
    let Some((link, before)) = host() else { return };
    let server = serve(&Pair::any(), &link.server, at(SERVER), PEER).firewall("off").start();
    let dropped = link.connect(PEER, at(SERVER)).expect_err("the host drops it");
    assert_eq!(dropped.kind(), ErrorKind::TimedOut);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn a_network_is_allowed_and_no_address_beside_it() {
    let Some((link, before)) = host() else { return };
    let dlv = Pair::any();
    let server = serve(&dlv, &link.server, at(SERVER), "192.0.2.0/28").start();
    a_session(&link, &server, &dlv, PEER, BEYOND, 1);
    a_session(&link, &server, &dlv, OTHER, BEYOND, 2);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn a_front_with_a_link_local_address_serves_its_link() {
    let Some((link, before)) = host() else { return };
    let server = serve(&Pair::any(), &link.server, "[fe80::1%wire0]:2345", "fe80::5%wire0").start();
    let client = link.peer.inside(|| Client::connect(SERVER_ON_THE_LINK.parse().unwrap()));
    Debug::begin_quietly(client).disconnect();
    server.closed(1);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn a_link_local_client_passes_through_its_interface() {
    let Some((link, before)) = host() else { return };
    let dlv = Pair::any();
    let server = serve(&dlv, &link.server, "[::]:2345", "fe80::5%wire0").start();
    let client = link.peer.inside(|| Client::connect(SERVER_ON_THE_LINK.parse().unwrap()));
    Debug::begin_quietly(client).disconnect();
    server.closed(1);
    assert!(link.connect(PEER_V6, at(SERVER_V6)).is_err(), "the same host by another address");
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn link_local_client_of_another_interface_is_refused() {
    let Some((link, before)) = host() else { return };
    for allowed in ["fe80::5%wire1", "fe80::6%wire0", "fe80::%wire1/64"] {
        let server = serve(&Pair::any(), &link.server, "[::]:2345", allowed).start();
        let to = SERVER_ON_THE_LINK.parse().unwrap();
        let refused = link.peer.inside(|| TcpStream::connect_timeout(&to, DROPPED)).expect_err(allowed);
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{allowed}: it gets a reset");
        ends(server);
    }
    assert_eq!(link.server.printed(), before);
}

#[test]
fn output_dropping_host_lets_answers_out() {
    let Some(link) = Link::new() else { return };
    link.server.nft(&[HOST, NOTHING_LEAVES].concat());
    let before = link.server.printed();
    for (listen, allow, to) in [
        (at(SERVER), "192.0.2.4/31", at(SERVER)),
        (at(SERVER_V6), "2001:db8::/64", at(SERVER_V6)),
        (at("::"), "fe80::%wire0/64", SERVER_ON_THE_LINK.parse().unwrap()),
    ] {
        let server = serve(&Pair::any(), &link.server, listen, allow).start();
        Debug::begin_quietly(link.peer.inside(|| Client::connect(to))).disconnect();
        server.closed(1);
        ends(server);
        assert_eq!(link.server.printed(), before, "{allow}");
    }
}

#[test]
fn ending_server_tells_the_client_before_the_gate() {
    let Some(link) = Link::new() else { return };
    link.server.nft(&[HOST, NOTHING_LEAVES].concat());
    let dlv = Pair::any();
    let (before, program) = (link.server.printed(), Program::built(&dlv, "demo"));
    let server = serve(&dlv, &link.server, at(SERVER), PEER).start();
    let client = Client::over(link.connect(PEER, at(SERVER)).unwrap());
    let (debug, _) = Debug::stopped_at(client, &program, "// breakpoint: order");
    ends(server);
    debug.client.event("terminated");
    debug.client.eof();
    assert_eq!(link.server.printed(), before);
}

#[test]
fn a_proxy_that_is_killed_leaves_no_front_open() {
    let Some((link, before)) = host() else { return };
    let server = serve(&Pair::any(), &link.server, at(SERVER), PEER).start();
    let _client = Client::over(link.connect(PEER, at(SERVER)).unwrap()).initialize();
    server.signal(Signal::SIGKILL);
    let gone = dlvgate_test_support::poll(std::time::Duration::from_secs(2), || {
        (link.server.printed() == before).then_some(())
    });
    assert!(gone.is_some(), "{}", link.server.printed());
}
