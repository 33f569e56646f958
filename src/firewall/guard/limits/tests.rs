use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::*;
use crate::firewall::FirewallBackend;

/// The caller, and another user.
const ALICE: u32 = 1000;
const BOB: u32 = 1001;

/// A system that answers what a test says.
#[derive(Clone, Default)]
pub(in super::super) struct Told(Arc<Mutex<Answers>>);

#[derive(Default)]
struct Answers {
    there: Vec<Occupant>,
    /// The port to which the caller has bound a socket that came along.
    bound: Option<u16>,
    is_blind: bool,
}

impl Told {
    /// This user is at this port now.
    pub(in super::super) fn comes(&self, port: u16, uid: u32, does: Does) -> &Told {
        self.add(port, SocketOwner::Uid(uid), does)
    }

    /// No user is at any port any more.
    pub(in super::super) fn all_go(&self) {
        self.0.lock().unwrap().there.clear();
    }

    /// From now on the system does not say.
    pub(in super::super) fn goes_blind(&self) {
        self.0.lock().unwrap().is_blind = true;
    }

    fn add(&self, port: u16, owner: SocketOwner, does: Does) -> &Told {
        self.put(([127, 0, 0, 1], port).into(), false, owner, does)
    }

    /// This user listens at this address too.
    pub(in super::super) fn listens(&self, local: &str, uid: u32) -> &Told {
        self.put(local.parse().unwrap(), false, SocketOwner::Uid(uid), Does::Listen)
    }

    fn put(&self, local: SocketAddr, only_v6: bool, owner: SocketOwner, does: Does) -> &Told {
        self.0.lock().unwrap().there.push(Occupant { local, only_v6, owner, does });
        self
    }

    fn bound(&self, port: u16) -> &Told {
        self.0.lock().unwrap().bound = Some(port);
        self
    }

    /// The limits of a user in such a system.
    pub(in super::super) fn limits(&self, uid: u32) -> CallerLimits {
        CallerLimits::of(uid, "alice".to_owned(), Allowance::default(), Box::new(self.clone()))
    }
}

impl Surroundings for Told {
    fn at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
        let answers = self.0.lock().unwrap();
        if answers.is_blind {
            return Err(io::Error::other("no answer"));
        }
        Ok(answers.there.iter().filter(|one| ports.contains(&one.local.port())).copied().collect())
    }

    fn has_interface(&self, name: &str) -> bool {
        name == "en0"
    }

    fn passed(&self, port: u16, _: u32) -> Result<IpAddr, String> {
        match self.0.lock().unwrap().bound.take() {
            Some(bound) if bound == port => Ok([127, 0, 0, 1].into()),
            other => Err(format!("bound: {other:?}")),
        }
    }

    fn forget_passed(&self) {
        self.0.lock().unwrap().bound = None;
    }
}

fn peers() -> Vec<Peer> {
    vec!["127.0.0.1".parse().unwrap(), "192.0.2.5".parse().unwrap()]
}

fn open(told: &Told, socket: bool) -> Result<(), String> {
    let opened = told.limits(ALICE).may_open(40001, &peers(), socket);
    opened.map(drop).map_err(|refusal| refusal.to_string())
}

#[test]
fn port_of_own_listener_is_opened() {
    let told = Told::default();
    told.comes(40001, ALICE, Does::Listen).comes(40001, ALICE, Does::Connect);
    assert_eq!(open(&told, false), Ok(()));
    told.add(40001, SocketOwner::NoProcess, Does::Connect);
    assert_eq!(open(&told, false), Ok(()), "what is left of a connection does not count");
}

#[test]
fn gate_is_at_its_listeners_addresses_or_at_all() {
    for (own, at) in [
        (&["127.0.0.1:40001"][..], &["127.0.0.1"][..]),
        (&["[::1]:40001", "127.0.0.1:40001", "127.0.0.1:40002"], &["127.0.0.1", "::1"]),
        (&["[::ffff:192.0.2.1]:40001"], &["192.0.2.1"]),
        (&["0.0.0.0:40001"], &[]),
        (&["127.0.0.1:40001", "[::]:40001"], &[]),
        (&["[::ffff:0.0.0.0]:40001"], &[]),
        (&["[fe80::1]:40001"], &[]),
    ] {
        let told = Told::default();
        own.iter().for_each(|local| _ = told.listens(local, ALICE));
        let opened = told.limits(ALICE).may_open(40001, &peers(), false).unwrap();
        assert_eq!(opened.iter().map(IpAddr::to_string).collect::<Vec<_>>(), at, "{own:?}");
    }
    let told = Told::default();
    (1..=9).for_each(|n| _ = told.listens(&format!("127.0.0.{n}:40001"), ALICE));
    assert_eq!(
        told.limits(ALICE).may_open(40001, &peers(), false),
        Ok(Vec::new()),
        "of more than a front has"
    );
    let told = Told::default();
    told.listens("[::]:40001", ALICE).bound(40001);
    assert_eq!(
        told.limits(ALICE).may_open(40001, &peers(), true),
        Ok(Vec::new()),
        "beside the one that came"
    );
}

#[test]
fn only_who_is_at_the_gate_s_address_is_a_stranger() {
    for (own, theirs, only_v6, is_stranger) in [
        ("127.0.0.1", "127.0.0.2:40001", false, false),
        ("192.0.2.1", "127.0.0.1:40001", false, false),
        ("127.0.0.1", "[::1]:40001", false, false),
        ("127.0.0.1", "[::]:40001", true, false),
        ("::1", "0.0.0.0:40001", false, false),
        ("127.0.0.1", "127.0.0.1:40001", false, true),
        ("127.0.0.1", "[::ffff:127.0.0.1]:40001", false, true),
        ("127.0.0.1", "0.0.0.0:40001", false, true),
        ("127.0.0.1", "[::]:40001", false, true),
        ("::1", "[::]:40001", true, true),
        ("0.0.0.0", "127.0.0.2:40001", false, true),
    ] {
        let told = Told::default();
        told.listens(&SocketAddr::new(own.parse().unwrap(), 40001).to_string(), ALICE);
        let at = told.limits(ALICE).may_open(40001, &peers(), false).unwrap();
        told.put(theirs.parse().unwrap(), only_v6, SocketOwner::Uid(BOB), Does::Listen);
        let opened = told.limits(ALICE).may_open(40001, &peers(), false);
        let later = told.limits(ALICE).strangers_at(&[(40001, at)].into()).unwrap();
        assert_eq!((opened.is_err(), !later.is_empty()), (is_stranger, is_stranger), "{own}, {theirs}");
    }
}

#[test]
fn port_without_a_listener_is_refused() {
    let told = Told::default();
    told.comes(40001, ALICE, Does::Connect).comes(40002, ALICE, Does::Listen);
    assert!(open(&told, false).unwrap_err().contains("no process of alice listens on port 40001"));
}

#[test]
fn port_of_another_user_is_refused() {
    for (uid, does, words) in [
        (BOB, Does::Listen, "user 1001 listens on port 40001"),
        (BOB, Does::Connect, "user 1001 has a connection from port 40001"),
        (BOB, Does::Wait, "user 1001 has bound port 40001"),
        (0, Does::Listen, "user 0 listens"),
        (0, Does::Connect, "user 0 has a connection"),
    ] {
        let told = Told::default();
        // Beside a listener of the caller's own too: SO_REUSEPORT, or another address.
        told.comes(40001, ALICE, Does::Listen).comes(40001, uid, does);
        let why = open(&told, false).unwrap_err();
        assert!(why.contains(words), "{why}");
        assert!(open(told.bound(40001), true).is_err(), "nor with a socket of the caller's");
    }
    let told = Told::default();
    told.comes(40001, ALICE, Does::Listen).add(40001, SocketOwner::NoProcess, Does::Listen);
    assert!(open(&told, false).unwrap_err().contains("of an unknown user"));
}

#[test]
fn bind_alone_ends_no_gate_of_another_user() {
    for (does, ends) in [(Does::Wait, false), (Does::Listen, true), (Does::Connect, true)] {
        let told = Told::default();
        told.comes(40001, ALICE, Does::Listen).comes(40001, BOB, does);
        let strangers = told.limits(ALICE).strangers_at(&[(40001, Vec::new())].into()).unwrap();
        assert_eq!(!strangers.is_empty(), ends, "{does:?}");
    }
}

#[test]
fn socket_that_came_stands_for_a_listener() {
    let told = Told::default();
    assert_eq!(open(told.bound(40001), true), Ok(()));
    assert!(open(&told, true).is_err(), "it counts once");
    assert!(open(told.bound(40002), true).is_err(), "and at its own port");
}

#[test]
fn port_of_which_nothing_is_told_is_refused() {
    let told = Told::default();
    told.goes_blind();
    assert!(open(&told, false).unwrap_err().contains("does not say who uses port 40001"));
}

#[test]
fn peer_on_an_absent_interface_is_refused() {
    let told = Told::default();
    told.comes(40001, ALICE, Does::Listen);
    let open = |peer: &str| told.limits(ALICE).may_open(40001, &[peer.parse().unwrap()], false);
    assert!(open("fe80::1%en0").is_ok());
    let why = open("fe80::1%en1").unwrap_err().to_string();
    assert!(why.contains("fe80::1%en1 is on an interface that this machine does not have"), "{why}");
}

#[test]
fn root_itself_is_not_limited() {
    let limits = CallerLimits::none(0);
    let everybody = ["0.0.0.0/0".parse().unwrap()];
    assert_eq!(limits.may_open(22, &everybody, false), Ok(Vec::new()), "at every address");
    assert!(!limits.are_there() && limits.strangers_at(&[(22, Vec::new())].into()).unwrap().is_empty());
}

fn record(uid: u32, gates: &[(u16, usize)]) -> GuardRecord {
    let mut record = GuardRecord::begin(FirewallBackend::Pf, uid).unwrap();
    for (port, count) in gates {
        record.open(*port, vec!["192.0.2.5".parse().unwrap(); *count], Vec::new());
    }
    record
}

#[test]
fn quota_counts_all_guards_of_the_user_alone() {
    let limits = Told::default().limits(ALICE);
    let gates = |count| -> Vec<(u16, usize)> { (0..count).map(|port| (40000 + port, 1)).collect() };
    let theirs = record(BOB, &gates(200));
    let half = u16::try_from(USER_GATES / 2).unwrap();
    let two = [record(ALICE, &gates(half)), record(ALICE, &gates(half)), theirs.clone()];
    assert_eq!(limits.keep_quota(two.iter()), Ok(()));
    let more = [record(ALICE, &gates(half)), record(ALICE, &gates(half + 1)), theirs.clone()];
    let why = limits.keep_quota(more.iter()).unwrap_err();
    assert!(why.contains("16 gates already, over all guards"), "{why}");
    let peers = [record(ALICE, &[(40000, 64), (40001, 64)]), record(ALICE, &[(40002, 64), (40003, 64)])];
    assert_eq!(limits.keep_quota(peers.iter()), Ok(()));
    let one = record(ALICE, &[(40004, 1)]);
    let why = limits.keep_quota(peers.iter().chain([&one, &theirs])).unwrap_err();
    assert!(why.contains("would have 257 peers"), "{why}");
}

#[test]
fn interfaces_of_peers_are_counted_once_a_gate() {
    let limits = Told::default().limits(ALICE);
    let gates = |count: u16| {
        let mut record = GuardRecord::begin(FirewallBackend::Pf, ALICE).unwrap();
        for port in 0..count {
            let peers = ["fe80::1%en0", "fe80::9%en0", "fe80::1%en1", "192.0.2.5"];
            record.open(40000 + port, peers.map(|peer| peer.parse().unwrap()).to_vec(), Vec::new());
        }
        [record]
    };
    assert_eq!(limits.keep_quota(gates(8).iter()), Ok(()));
    let why = limits.keep_quota(gates(9).iter()).unwrap_err();
    assert!(why.contains("would name 18 interfaces"), "{why}");
}

#[test]
fn port_gated_by_another_user_is_refused() {
    let limits = Told::default().limits(ALICE);
    let records = [record(ALICE, &[(40001, 1)]), record(BOB, &[(40002, 1)])];
    assert_eq!(limits.keep_out_of_others(40001, records.iter()), Ok(()));
    let why = limits.keep_out_of_others(40002, records.iter()).unwrap_err().to_string();
    assert!(why.contains("a gate of user 1001") && !why.contains("delete"), "{why}");
}
