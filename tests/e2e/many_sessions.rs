//! Two hundred sessions at random, eight at a time, while others keep trying to get in.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;

use crate::nftables::counters_at_zero;
use crate::support::client::Client;
use crate::support::debug::{Debug, exec, initialize_arguments};
use crate::support::link::{Link, OTHER, PEER, SERVER, connect};
use crate::support::process;
use crate::support::program::Program;
use crate::support::server::{Serve, Server};
use crate::support::toolchain::Pair;

const SESSIONS: usize = 200;
const AT_ONCE: usize = 8;
const FRONT: u16 = 2345;
/// More ports than sessions at once: one in use is not had again at once.
const FIRST: u16 = 42_000;
const LAST: u16 = 42_031;

/// Everything is answered with a reset, so that who tries can try often. What gets out all the same is counted: an
/// answer to a connection that nobody may make.
const HOST: &str = "
table inet host {
    chain in { type filter hook input priority filter; policy drop; tcp flags & rst == rst accept; tcp dport { 2345, 42000-42031 } reject with tcp reset; }
}
table inet witness {
    chain out {
        type filter hook output priority 200; policy accept;
        oifname != \"lo\" tcp sport 42000-42031 tcp flags & (syn | ack) == syn | ack counter comment \"dlv to others\"
        oifname != \"lo\" tcp sport 2345 ip daddr != 192.0.2.5 tcp flags & (syn | ack) == syn | ack counter comment \"front to others\"
        oifname != \"lo\" tcp sport 2345 ip daddr 192.0.2.5 tcp flags & (syn | ack) == syn | ack counter comment \"front to the peer\"
    }
}
";

/// A sequence without a pattern that matters (Knuth's constants); the same seed gives the same again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// One session, or `false` where all places are taken: those that are on their way out hold theirs still.
fn a_session(random: &mut Random, program: &Program) -> bool {
    let to = SocketAddr::new(SERVER.parse().unwrap(), FRONT);
    let mut client = Client::over(connect(PEER, to).expect("the peer may always"));
    let kind = random.below(6);
    match kind {
        0 => {
            drop(client);
            return true;
        }
        1 => {
            client.send("initialize", initialize_arguments());
            client.reset();
            return true;
        }
        _ => {}
    }
    let answer = client.ask("initialize", initialize_arguments());
    if answer["success"] == false {
        assert!(answer["message"].as_str().unwrap().contains("--max-sessions"), "{answer}");
        return false;
    }
    match kind {
        2 => client.reset(),
        3 => drop(client),
        4 => Debug { client }.disconnect(),
        _ => {
            let main = program.main();
            let line = program.line("// breakpoint: order");
            let mut debug = Debug { client }.configure("launch", exec(program), &main, &[line]);
            debug.stop("breakpoint");
            debug.disconnect();
        }
    }
    true
}

/// Keeps trying from this address until told to stop; every try must fail. Returns how often it tried.
fn keeps_trying(from: &str, to: &str, ports: &[u16], stop: &AtomicBool) -> usize {
    let (mut tries, to): (usize, IpAddr) = (0, to.parse().unwrap());
    while !stop.load(Ordering::Relaxed) {
        for port in ports {
            let tried = connect(from, SocketAddr::new(to, *port));
            assert!(tried.is_err(), "{from} reached port {port}, try {tries}");
            tries += 1;
        }
    }
    tries
}

/// The same on the server's own loopback, as another of its users: a shell that says where it got through.
fn another_user_keeps_trying(link: &Link, stop: &AtomicBool) -> (usize, String) {
    let (mut tries, mut through) = (0, String::new());
    let every_port = format!(
        "for port in {{{FIRST}..{LAST}}}; do : 2>/dev/null <>/dev/tcp/127.0.0.1/$port && echo through $port; done 2>/dev/null"
    );
    while !stop.load(Ordering::Relaxed) {
        through.push_str(&link.server.says_as(65_534, &every_port));
        tries += usize::from(LAST - FIRST) + 1;
    }
    (tries, through)
}

fn count(ruleset: &str, comment: &str) -> u64 {
    let ruleset: serde_json::Value = serde_json::from_str(ruleset).unwrap();
    let rules = ruleset["nftables"].as_array().unwrap().iter().map(|one| &one["rule"]);
    let rule = rules.into_iter().find(|rule| rule["comment"] == comment).expect("the witness");
    let mut parts = rule["expr"].as_array().unwrap().iter();
    parts.find_map(|part| part["counter"]["packets"].as_u64()).expect("a counter")
}

fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

#[test]
fn two_hundred_sessions_at_random_leave_no_rule_and_let_nobody_else_in() {
    let Some(link) = Link::new() else { return };
    link.server.nft(HOST);
    let before = counters_at_zero(&link.server.ruleset());
    let program = Program::built(&Pair::any(), "demo");
    let flags = [
        "--firewall",
        "nftables",
        "--listen",
        "192.0.2.1:2345",
        "--allow",
        PEER,
        "--max-sessions",
        "8",
        "--dlv-port",
        "42000-42031",
    ];
    let mut server = Serve::with(&Pair::any()).flags(flags).inside(&link.server).start();
    let with_front = counters_at_zero(&link.server.ruleset());
    let at_rest = descriptors(&server);
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    println!("seed {seed}");

    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let dlv_ports: Vec<u16> = (FIRST..=LAST).collect();
    let (own, elsewhere) = std::thread::scope(|scope| {
        let (stop, link, dlv_ports) = (&stop, &link, &dlv_ports);
        let trying = [(OTHER, vec![FRONT]), (OTHER, dlv_ports.clone()), (PEER, dlv_ports.clone())];
        let elsewhere: Vec<_> = trying
            .into_iter()
            .map(|(from, ports)| {
                scope.spawn(move || link.peer.inside(|| keeps_trying(from, SERVER, &ports, stop)))
            })
            .collect();
        let own = scope.spawn(move || another_user_keeps_trying(link, stop));
        let sessions: Vec<_> = (0..AT_ONCE)
            .map(|worker| {
                let (served, program) = (&served, &program);
                scope.spawn(move || {
                    let mut random = Random(seed.wrapping_add(worker as u64));
                    link.peer.inside(|| {
                        while served.load(Ordering::Relaxed) < SESSIONS {
                            let one = usize::from(a_session(&mut random, program));
                            served.fetch_add(one, Ordering::Relaxed);
                        }
                    });
                })
            })
            .collect();
        let ended: Vec<_> = sessions.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|one| one.expect("every session goes as it should"));
        let elsewhere: usize = elsewhere.into_iter().map(|one| one.join().expect("nobody got in")).sum();
        (own.join().expect("the shell runs"), elsewhere)
    });
    println!("{elsewhere} tries from other hosts, {} by another user", own.0);
    assert_eq!(own.1, "", "another user of the server's host");
    assert!(elsewhere > 1_000 && own.0 > 1_000, "hardly anybody tried: {elsewhere}, {}", own.0);

    server.log.wait("no session is open", |transitions| {
        let named = |name: &str| transitions.iter().filter(|one| one.name == name).count();
        (named("first_byte") == named("closed")).then_some(())
    });
    server.nothing_left();
    let after = link.server.ruleset();
    assert_eq!(counters_at_zero(&after), with_front, "rules of a session are left");
    assert_eq!((count(&after, "dlv to others"), count(&after, "front to others")), (0, 0));
    assert!(count(&after, "front to the peer") >= SESSIONS as u64);
    assert!(descriptors(&server) <= at_rest + 1, "descriptors: {at_rest}, then {}", descriptors(&server));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    assert_eq!(counters_at_zero(&link.server.ruleset()), before);
    assert!(process::connections_to(FRONT) == 0);
}
