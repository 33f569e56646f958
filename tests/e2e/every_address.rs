//! A front on every address of the machine, and what its gate alone decides: on hosts that would
//! let strangers in.

use std::io::ErrorKind;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::link::{Link, OTHER, PEER, PEER_V6, SERVER, SERVER_V6, connect};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::server::Server;
use dlvgate_test_support::strangers::{Door, NOBODY, meanwhile};
use dlvgate_test_support::toolchain::Pair;

use crate::two_hosts::{HOST, NOTHING_LEAVES, a_session, at, ends, serve};

/// What stays on the machine passes, as on most hosts; everything else is dropped.
const OPEN_TO_ITSELF: &str = "
table inet host {
    chain in { type filter hook input priority filter; policy drop; iif lo accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; }
}
";

/// A client of the machine's own gets a reset, whichever of its addresses it comes from and goes
/// to.
fn assert_own_clients_are_refused(server: &Namespace) {
    for (from, to) in [("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.1"), (SERVER, SERVER)] {
        let refused = server.inside(|| connect(from, at(to))).expect_err(from);
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{from}: it gets a reset");
    }
}

#[test]
fn wildcard_front_passes_peer_not_own_machine() {
    let Some(link) = Link::new() else { return };
    link.server.nft(OPEN_TO_ITSELF);
    let (before, dlv) = (link.server.printed(), Pair::any());
    let server = serve(&dlv, &link.server, ":2345", PEER).start();
    assert_own_clients_are_refused(&link.server);
    a_session(&link, &server, &dlv, PEER, OTHER, 1);
    assert_own_clients_are_refused(&link.server);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn dual_stack_front_knows_an_ipv4_peer() {
    let Some(link) = Link::new() else { return };
    link.server.nft(OPEN_TO_ITSELF);
    let (before, dlv) = (link.server.printed(), Pair::any());
    let server = serve(&dlv, &link.server, "[::]:2345", PEER).start();
    assert_own_clients_are_refused(&link.server);
    let refused = link.connect(PEER_V6, at(SERVER_V6)).expect_err("the same host over IPv6");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    a_session(&link, &server, &dlv, PEER, OTHER, 1);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

/// A front for the peer and for this machine's own clients.
fn for_the_machine_too(rules: &str) {
    let Some(link) = Link::new() else { return };
    link.server.nft(rules);
    let before = link.server.printed();
    let server = serve(&Pair::any(), &link.server, ":2345", PEER).flags(["--allow", "127.0.0.1"]).start();
    Debug::begin_quietly(Client::over(link.connect(PEER, at(SERVER)).expect("the peer"))).disconnect();
    let own = link.server.inside(|| connect("127.0.0.1", at("127.0.0.1"))).expect("this machine");
    Debug::begin_quietly(Client::over(own)).disconnect();
    assert!(link.connect(OTHER, at(SERVER)).is_err(), "another host's");
    server.closed(2);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn the_machine_itself_can_be_allowed_besides_a_peer() {
    for_the_machine_too(OPEN_TO_ITSELF);
}

#[test]
fn own_machine_can_be_allowed_on_a_dropping_host() {
    for_the_machine_too(&[HOST, NOTHING_LEAVES].concat());
}

/// Another user of the machine gets a connection, and nothing more.
#[test]
fn another_user_of_an_allowed_machine_is_refused() {
    let Some(link) = Link::new() else { return };
    let server = serve(&Pair::any(), &link.server, ":2345", "127.0.0.1").start();
    let door = Door { from: "127.0.0.1", to: at("127.0.0.1"), user: NOBODY };
    link.server.inside(|| door.opens());
    server.nothing_left();
    assert!(server.log.sessions_with("dlv_starting").is_empty());
    Debug::begin_quietly(link.server.inside(|| server_client(&server))).disconnect();
    server.closed(1);
}

fn server_client(server: &Server) -> Client {
    Client::connect(at(&server.front().ip().to_string()))
}

#[test]
fn host_without_rules_admits_only_the_peer() {
    let Some(link) = Link::new() else { return };
    let before = link.server.printed();
    let there = vec![Door { from: OTHER, to: at(SERVER), user: 0 }];
    let here = ["127.0.0.1", SERVER].map(|own| Door { from: own, to: at(own), user: 0 }).to_vec();
    let (tried, ()) = meanwhile(&[(&link.server, here), (&link.peer, there)], || {
        for _ in 0..5 {
            let server = serve(&Pair::any(), &link.server, ":2345", PEER).start();
            let client = Client::over(link.connect(PEER, at(SERVER)).expect("the peer may"));
            Debug::begin_quietly(client).disconnect();
            ends(server);
        }
    });
    for one in tried {
        assert!(one.opened.is_empty(), "{:?}", one.opened);
        assert!(one.times > 1_000, "hardly anybody tried: {}", one.times);
    }
    assert_eq!(link.server.printed(), before);
}
