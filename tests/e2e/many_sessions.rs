//! Two hundred sessions at random, eight at a time, while others keep trying to get in.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::link::{Link, OTHER, PEER, SERVER, connect};
use dlvgate_test_support::namespace::count;
use dlvgate_test_support::process::descriptors;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::random::{Random, seed};
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::strangers::{Door, NOBODY, meanwhile};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;

use crate::nftables::counters_at_zero;

const SESSIONS: usize = 200;
const AT_ONCE: u64 = 8;
/// First packets of hundreds of thousands that may be under way just when one of 400 changes of the
/// ruleset is made.
const SLIPPED: u64 = 3;
/// What a noisy machine may take; a quiet one needs a third of it.
const LIMIT: Duration = Duration::from_secs(180);

const FRONT: u16 = 2345;
/// More ports than sessions at once: one in use is not had again at once.
const FIRST: u16 = 42_000;
const LAST: u16 = 42_015;

/// Everything is answered with a reset, so that who tries can try often.
const HOST: &str = "
table inet host {
    chain in { type filter hook input priority filter; policy drop; tcp flags & rst == rst accept; tcp dport { 2345, 42000-42015 } reject with tcp reset; }
}
";

/// Counts the first packets of connections: of another user as they leave, and of everybody after
/// all filtering.
const WITNESS: &str = "
table inet witness {
    chain sent {
        type filter hook output priority -400; policy accept;
        oifname lo meta skuid 65534 tcp dport 42000-42015 tcp flags & (syn | ack) == syn meta mark set 65534 counter comment \"sent by another user\"
    }
    chain came {
        type filter hook input priority 400; policy accept;
        tcp flags & (syn | ack) != syn accept
        tcp dport 2345 ip saddr != 192.0.2.5 counter comment \"to the front from another address\"
        tcp dport 2345 ip saddr 192.0.2.5 counter comment \"to the front from the peer\"
        tcp dport 42000-42015 iifname != lo counter comment \"to dlv from another host\"
        tcp dport 42000-42015 iifname lo ip saddr != 127.0.0.1 counter comment \"to dlv from another address\"
        tcp dport 42000-42015 meta mark 65534 counter comment \"to dlv by another user\"
        tcp dport 42000-42015 iifname lo ip saddr 127.0.0.1 meta mark 0 counter comment \"to dlv by dlvgate\"
    }
}
";

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// What others try on the server's host and on the peer's.
fn doors() -> (Vec<Door>, Vec<Door>) {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for port in FIRST..=LAST {
        for (from, user) in [("127.0.0.1", NOBODY), ("127.0.0.2", 0), ("127.0.0.2", NOBODY)] {
            here.push(Door { from, to: at("127.0.0.1", port), user });
        }
        for (from, port) in [(OTHER, FRONT), (OTHER, port), (PEER, port)] {
            there.push(Door { from, to: at(SERVER, port), user: 0 });
        }
    }
    (here, there)
}

/// The clients of all sessions, and how many there have been.
struct Clients<'a> {
    program: &'a Program,
    served: AtomicUsize,
    until: Instant,
}

impl Clients<'_> {
    /// One of them after the other until there were enough.
    fn keep_coming(&self, mut random: Random) {
        while self.served.load(Ordering::Relaxed) < SESSIONS && Instant::now() < self.until {
            if random.below(8) == 0 {
                drop(client()); // without a byte: no session
            }
            if self.a_session(&mut random) {
                self.served.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// One session, or `false` if all places are taken: those that are on their way out hold
    /// theirs still.
    fn a_session(&self, random: &mut Random) -> bool {
        let mut client = client();
        let kind = random.below(6);
        if kind == 0 {
            client.send("initialize", initialize_arguments());
            client.reset();
            return true;
        }
        let answer = client.ask("initialize", initialize_arguments());
        if answer["success"] == false {
            assert!(answer["message"].as_str().unwrap().contains("--max-sessions"), "{answer}");
            return false;
        }
        let mut debug = Debug { client };
        if kind > 3 {
            let line = self.program.line("// breakpoint: order");
            debug = debug.configure("launch", exec(self.program), &self.program.main(), &[line]);
            let thread = debug.stop("breakpoint");
            for _ in 0..random.below(4) {
                debug.stack(thread);
            }
        }
        match kind {
            1 | 5 => debug.client.reset(),
            2 => drop(debug),
            _ => debug.disconnect(),
        }
        true
    }
}

fn client() -> Client {
    Client::over(connect(PEER, at(SERVER, FRONT)).expect("the peer may always"))
}

/// Nothing is open any more.
fn wait_until_closed(server: &Server) {
    server.log.wait("no session is open", |transitions| {
        let named = |name: &str| transitions.iter().filter(|one| one.name == name).count();
        (named("first_byte") == named("closed")).then_some(())
    });
    server.nothing_left();
}

fn descriptors_of(server: &Server) -> [usize; 2] {
    [server.pid(), server.guard().pid].map(descriptors)
}

/// The clients of all sessions, eight at a time.
fn run(link: &Link, clients: &Clients, seed: u64) {
    std::thread::scope(|scope| {
        for which in 0..AT_ONCE {
            let random = Random::new(seed, which);
            scope.spawn(move || link.peer.inside(|| clients.keep_coming(random)));
        }
    });
}

#[test]
fn random_sessions_leave_no_rule_and_admit_no_other() {
    let Some(link) = Link::new() else { return };
    link.server.nft(&[HOST, WITNESS].concat());
    let before = counters_at_zero(&link.server.ruleset());
    let program = Program::built(&Pair::any(), "demo");
    // A program listens on the host's other address too: the gate of dlv's port must not open it.
    let decoys = link.server.inside(|| {
        (FIRST..=LAST).map(|port| TcpListener::bind(at(SERVER, port)).unwrap()).collect::<Vec<_>>()
    });
    let flags = "--firewall nftables --listen 192.0.2.1:2345 --allow 192.0.2.5 --max-sessions 8 --dlv-port 42000-42015";
    let mut server = Serve::with(&Pair::any()).flags(flags.split(' ')).inside(&link.server).start();
    let with_front = counters_at_zero(&link.server.ruleset());
    Debug::begin_quietly(link.peer.inside(client)).disconnect();
    server.closed(1);
    let at_rest = descriptors_of(&server);

    let (seed, begun) = (seed(), Instant::now());
    let clients = Clients { program: &program, served: AtomicUsize::new(0), until: begun + LIMIT };
    let (here, there) = doors();
    let strangers = [(&link.server, here), (&link.peer, there)];
    let (tried, ()) = meanwhile(&strangers, || run(&link, &clients, seed));
    let served = clients.served.load(Ordering::Relaxed);
    let times: Vec<usize> = tried.iter().map(|one| one.times).collect();
    println!("{served} sessions in {:?}; tries here and there: {times:?}", begun.elapsed());
    assert!(served >= SESSIONS, "{served} sessions in {LIMIT:?}");
    tried.iter().for_each(|one| assert!(one.opened.is_empty(), "{:?}", one.opened));
    assert!(times.iter().all(|times| *times > 10_000), "hardly anybody tried");

    wait_until_closed(&server);
    let after = link.server.ruleset();
    assert_eq!(counters_at_zero(&after), with_front, "rules of a session are left");
    for stranger in
        ["to the front from another address", "to dlv from another host", "to dlv from another address"]
    {
        assert_eq!(count(&after, stranger), 0, "{stranger}");
    }
    // A packet that is under way on loopback while a ruleset is exchanged is sent under the old one
    // and received under the new one. Its connection is never made (above), since the next packet
    // of its sender is refused.
    let slipped = count(&after, "to dlv by another user");
    assert!(slipped <= SLIPPED, "{slipped} first packets of another user's reached dlv's port");
    assert!(count(&after, "sent by another user") > 1_000, "the witness sees nothing");
    assert!(count(&after, "to the front from the peer") > SESSIONS as u64);
    // A client that leaves meanwhile keeps a connection from being told of.
    let [made, tried] =
        ["upstream_connected", "gate_open"].map(|name| server.log.sessions_with(name).len() as u64);
    let came = count(&after, "to dlv by dlvgate");
    assert!(
        (made..=tried).contains(&came),
        "{came} connections came to dlv, {made} to {tried} were dlvgate's"
    );
    let stable = poll(PATIENCE, || (descriptors_of(&server) == at_rest).then_some(()));
    assert!(stable.is_some(), "descriptors: {at_rest:?}, then {:?}", descriptors_of(&server));

    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    assert_eq!(counters_at_zero(&link.server.ruleset()), before);
    drop(decoys);
}
