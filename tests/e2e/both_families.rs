//! `:PORT`: every address of both families, or an error; and clients that can never connect to a
//! front.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::Output;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::link::{Link, OTHER, OTHER_V6, PEER, PEER_V6, SERVER, SERVER_V6};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::process::listening_ports;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use socket2::{Domain, Socket, Type};

use crate::two_hosts::{HOST, a_session, at, ends, serve};

fn refused(flags: &[&str]) -> String {
    let Output { status, stdout, stderr } = Serve::with(&Pair::any()).flags(flags).run();
    assert!(status.code().is_some_and(|code| code != 0) && stdout.is_empty(), "{flags:?}");
    String::from_utf8(stderr).unwrap()
}

fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").map_err(|error| println!("not run: no IPv6 here ({error})")).is_ok()
}

/// A port that is taken at this address of IPv6, and there alone.
fn taken(address: Ipv6Addr) -> Socket {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_only_v6(true).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket.listen(1).unwrap();
    socket
}

fn port(socket: &Socket) -> u16 {
    socket.local_addr().unwrap().as_socket().unwrap().port()
}

#[test]
fn front_without_a_host_takes_both_families() {
    let Some(link) = Link::new() else { return };
    link.server.nft(HOST);
    let (before, dlv) = (link.server.printed(), Pair::any());
    let server = serve(&dlv, &link.server, ":2345", PEER).flags(["--allow", PEER_V6]).start();
    assert_eq!(server.front().to_string(), "0.0.0.0:2345", "clients read an IPv4 address only");
    a_session(&link, &server, &dlv, PEER, OTHER, 1);
    a_session(&link, &server, &dlv, PEER_V6, OTHER_V6, 2);
    let named = |line: &String| line.contains(&format!("DAP from {PEER}:"));
    assert!(server.log.lines().iter().any(named), "{:#?}", server.log.lines());
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn family_whose_port_is_taken_is_an_error() {
    if !has_ipv6() {
        return;
    }
    let four = TcpListener::bind("127.0.0.1:0").unwrap();
    for port in [port(taken_for_good(Ipv6Addr::LOCALHOST)), four.local_addr().unwrap().port()] {
        let said = refused(&["--listen", &format!(":{port}"), "--allow", "192.0.2.5"]);
        assert!(said.contains(&format!("cannot listen on [::]:{port}")) && said.contains("in use"), "{said}");
    }
}

/// Until the test's process ends.
fn taken_for_good(address: Ipv6Addr) -> &'static Socket {
    Box::leak(Box::new(taken(address)))
}

/// The kernel has IPv6, and no interface has: as in Docker's containers.
#[test]
fn host_with_ipv6_turned_off_serves_ipv4() {
    let Some(host) = Namespace::new() else { return };
    let off = host.command(&["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]).status();
    assert!(off.is_ok_and(|status| status.success()));
    let server = Serve::with(&Pair::any()).flags(["--listen", ":2345", "--allow", "127.0.0.1"]).inside(&host);
    let server = server.start();
    Debug::begin_quietly(host.inside(|| Client::connect(at("127.0.0.1")))).disconnect();
    server.closed(1);
    ends(server);
    let running =
        Dlv::new(&Pair::any(), Which::Command).args(["dap", "--listen=:2345"]).inside(&host).start();
    assert_eq!(running.ready(), at("127.0.0.1"));
    Debug::begin_quietly(host.inside(|| Client::connect(running.ready()))).disconnect();
}

/// Some clients take `localhost` for `::1` alone.
#[test]
fn dlv_s_place_on_loopback_takes_both_families() {
    if !has_ipv6() {
        return;
    }
    for listen in ["--listen=:0", "--listen=[::]:0", "--listen=0.0.0.0:0"] {
        for to in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let running = Dlv::new(&Pair::any(), Which::Command).args(["dap", listen]).start();
            assert_eq!(running.ready().ip(), Ipv4Addr::LOCALHOST, "{listen}");
            let front = SocketAddr::new(to, running.ready().port());
            Debug::begin_quietly(Client::connect(front)).disconnect();
        }
    }
    // Where one of them is another program's, dlv says so, as it does without us.
    let other = taken(Ipv6Addr::LOCALHOST);
    let listen = format!("--listen=:{}", port(&other));
    let mut running = Dlv::new(&Pair::any(), Which::Command).args(["dap", &listen]).start();
    let ended = running.ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("address already in use"), "{}", ended.stdout);
}

#[test]
fn dlv_s_place_without_a_host_takes_both_families() {
    let Some(link) = Link::new() else { return };
    for (listen, from, to) in [(":2345", PEER, SERVER), ("0.0.0.0:2345", PEER_V6, SERVER_V6)] {
        let start = Dlv::new(&Pair::any(), Which::Command).args(["dap", "--listen", listen]);
        let allow = format!("{PEER},{PEER_V6}");
        let running = start.env("DLVGATE_ALLOW", allow).inside(&link.server).start();
        assert_eq!(running.ready().to_string(), "0.0.0.0:2345", "{listen}");
        let client = link.connect(from, at(to)).expect("it is allowed");
        Debug::begin_quietly(Client::over(client)).disconnect();
    }
}

#[test]
fn client_that_can_never_connect_is_refused() {
    for (listen, allow, why) in [
        ("0.0.0.0:0", "2001:db8::5", "which takes IPv4 only; `--listen :PORT` takes both"),
        ("[::1]:0", "127.0.0.1", "which takes IPv6 only"),
        ("127.0.0.1:0", "203.0.113.7", "another machine can never connect to 127.0.0.1"),
        (":0", "0.0.0.0", "no client has such an address"),
    ] {
        let said = refused(&["--listen", listen, "--allow", "127.0.0.0/8", "--allow", allow]);
        let named = if listen == "[::1]:0" { "--allow 127.0.0.0/8" } else { &format!("--allow {allow}") };
        assert!(said.contains(named) && said.contains(why), "{listen}: {said}");
    }
    let start = Dlv::new(&Pair::any(), Which::Command).args(["dap", "--listen=127.0.0.1:0"]);
    let ended = start.env("DLVGATE_ALLOW", "2001:db8::5").start().ended();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("DLVGATE_ALLOW: 2001:db8::5: an IPv6 address"), "{}", ended.stderr);
}

/// It is this machine, so that its port is gated as on 127.0.0.1.
#[test]
fn upstream_without_a_host_is_on_loopback() {
    let upstream = dlvgate_test_support::upstream::Upstream::start();
    for host in ["", "0.0.0.0", "[::]"] {
        let server = Serve::with(&Pair::any())
            .flags(["--upstream", &format!("{host}:{}", upstream.address.port())])
            .start();
        assert_eq!(listening_ports(&server.processes()), [server.front().port()]);
        let mut client = server.client();
        client.send("threads", serde_json::json!({}));
        server.log.wait_for("gate_open", 1);
        server.log.wait_for("forwarding", 1);
    }
}
