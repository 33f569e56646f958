//! The guard alone is root, whether dlvgate is started with sudo or starts the guard with it.

use std::fs;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::link::{Link, OTHER, PEER, SERVER};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;

use crate::nftables::{HOST, assert_guarded_as, assert_same};
use crate::two_hosts::{self, at, ends};

/// `nobody` on Debian.
const CALLER: u32 = 65_534;

/// Real, effective, saved and file system uid of a process.
fn uids(pid: i32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    line.split_whitespace().map(|uid| uid.parse().unwrap()).collect()
}

fn groups(pid: i32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap().trim().to_owned()
}

/// A session during which dlvgate, dlv and the program are the caller's, and only the guard is
/// root's.
fn only_the_guard_is_root(server: &Server, namespace: &Namespace, guard: i32) {
    let program = Program::built(&Pair::any(), "demo");
    let client = namespace.inside(|| server.client());
    let (debug, thread) = Debug::stopped_at(client, &program, "// breakpoint: order");
    let debugged = server.programs("demo-binary");
    let reaper = server.reaper().expect("it runs");
    for pid in [server.dlv().pid, debugged[0].pid, reaper.pid] {
        assert_eq!(uids(pid), [CALLER; 4], "{:#?}", server.children());
        assert!(!groups(pid).split(' ').any(|group| group == "0"), "root's group: {}", groups(pid));
    }
    assert_eq!(uids(guard), [0; 4]);
    let port = server.ports().into_iter().find(|port| *port != server.front().port()).unwrap();
    assert_guarded_as(namespace, port, CALLER);
    debug.run_out(thread);
    server.closed(1);
}

#[test]
fn sudo_start_gets_a_gate_and_no_root_dlv() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let before = namespace.ruleset();
    let mut server = Serve::with(&Pair::any())
        .flags(["--firewall", "nftables", "--listen", "127.0.0.1:2345"])
        .env("SUDO_UID", CALLER.to_string())
        .inside(&namespace)
        .start();
    assert_eq!(uids(server.pid()), [CALLER; 4]);
    only_the_guard_is_root(&server, &namespace, server.guard().pid);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    assert_same(&before, &namespace);
}

/// Its socket is made before root is given back, and the guard lets its caller open only its own.
#[test]
fn front_of_who_calls_sudo_is_gated() {
    let Some(link) = Link::new() else { return };
    link.server.nft(two_hosts::HOST);
    let before = link.server.printed();
    let server = two_hosts::serve(&Pair::any(), &link.server, ":2345", PEER)
        .env("SUDO_UID", CALLER.to_string())
        .start();
    assert_eq!(uids(server.pid()), [CALLER; 4]);
    assert!(link.connect(OTHER, at(SERVER)).is_err(), "another address");
    Debug::begin_quietly(Client::over(link.connect(PEER, at(SERVER)).expect("the peer"))).disconnect();
    server.closed(1);
    ends(server);
    assert_eq!(link.server.printed(), before);
}

#[test]
fn who_asks_for_it_stays_root() {
    let server = Serve::with(&Pair::any()).flags(["--as-root"]).env("SUDO_UID", CALLER.to_string()).start();
    assert_eq!(uids(server.pid()), [0; 4]);
}
