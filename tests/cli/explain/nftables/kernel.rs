//! Two machines and a wire: what the kernel of the first does with packets.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::{PATIENCE, poll};
use nix::unistd::{Uid, setfsuid};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::random::{Packet, Way};

/// Addresses of the machine with the ruleset, of the other one, and of the first's loopback
/// interface.
const OWN: ([&str; 2], [&str; 2]) = (["10.1.0.1", "10.1.0.2"], ["fd01::1", "fd01::2"]);
const OTHER: ([&str; 3], [&str; 3]) =
    (["10.1.1.1", "10.1.2.1", "10.1.3.1"], ["fd01::11", "fd01::12", "fd01::1:1"]);
const LOOPBACK: ([&str; 3], [&str; 1]) = (["127.0.0.1", "127.0.0.2", "127.0.0.3"], ["::1"]);

/// The interface of the wire, on either machine.
pub const WIRE: &str = "eth1";

const MACS: [&str; 2] = ["02:00:00:00:00:01", "02:00:00:00:00:02"];

/// A packet with everything about it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub uid: u32,
}

pub struct Machines {
    pub host: Namespace,
    other: Namespace,
}

impl Machines {
    pub fn new() -> Option<Machines> {
        let (host, other) = (Namespace::new()?, Namespace::new()?);
        host.wire(&other, WIRE, MACS);
        let (own, others) = ([&OWN.0[..], &OWN.1].concat(), [&OTHER.0[..], &OTHER.1].concat());
        for (machine, own, others, mac) in [(&host, &own, &others, MACS[1]), (&other, &others, &own, MACS[0])]
        {
            for address in own {
                let with_bits =
                    if address.contains(':') { format!("{address}/64") } else { format!("{address}/16") };
                // Without the wait in which an address might turn out to be another host's.
                let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
                machine.ip(&[&["address", "add", &with_bits, "dev", WIRE], nodad].concat());
            }
            // Known neighbours need no address requests, which a ruleset might drop.
            for address in others {
                machine.ip(&["neigh", "add", address, "lladdr", mac, "dev", WIRE, "nud", "permanent"]);
            }
        }
        Some(Machines { host, other })
    }

    /// Loads a ruleset in place of whatever there is, with chains around it that note the packets.
    pub fn load(&self, ruleset: &str, way: Way) {
        let [first, last] = way.hooks();
        let note = |set: &str, hook: &str, priority: i32| {
            format!(
                "chain {set} {{ type filter hook {hook} priority {priority}; meta l4proto tcp tcp flags & (syn|ack) == syn add @{set} {{ tcp sport }}; }}\n"
            )
        };
        let mut script = "flush ruleset\ntable inet probe {\n".to_owned();
        for set in ["came", "passed"] {
            let _ = writeln!(script, "set {set} {{ type inet_service; size 65535; flags dynamic; }}");
        }
        let _ = write!(script, "{}{}}}\n{ruleset}", note("came", first, -500), note("passed", last, 500));
        while let Err(said) = self.host.try_nft(&script) {
            script = without_refused(&script, &said);
        }
    }

    /// Addresses and ports of this packet. Each has a source port of its own.
    pub fn addressed(way: Way, packet: &Packet, from_port: u16) -> Sent {
        let pick = |addresses: (&[&str], &[&str]), number: usize| -> IpAddr {
            let own = if packet.is_ipv4 { addresses.0 } else { addresses.1 };
            own[number % own.len()].parse().unwrap()
        };
        let (from, to) = match way {
            Way { over_loopback: true, .. } => {
                (pick((&LOOPBACK.0, &LOOPBACK.1), packet.from), pick((&LOOPBACK.0, &LOOPBACK.1), packet.to))
            }
            Way { comes_in: true, .. } => {
                (pick((&OTHER.0, &OTHER.1), packet.from), pick((&OWN.0, &OWN.1), packet.to))
            }
            _ => (pick((&OWN.0, &OWN.1), packet.from), pick((&OTHER.0, &OTHER.1), packet.to)),
        };
        Sent { from: (from, from_port).into(), to: (to, packet.port).into(), uid: packet.uid }
    }

    /// Sends a SYN each, and gives the source ports of those that passed, and the ruleset
    /// afterwards.
    pub fn send(&self, way: Way, packets: &[Sent]) -> (BTreeSet<u16>, Value) {
        let comes_over_the_wire = way.comes_in && !way.over_loopback;
        let sender = if comes_over_the_wire { &self.other } else { &self.host };
        // Open until all is noted: the second SYN comes after a second, and a closed socket sends
        // none.
        let _sockets: Vec<Socket> = sender.inside(|| packets.iter().map(connect).collect());
        poll(PATIENCE, || {
            let came = noted(&self.ruleset(), "came").len();
            (came == packets.len()).then_some(())
        })
        .expect("every packet gets as far as the first hook");
        // Those that came last have had the whole of a call of nft to pass.
        let ruleset = self.ruleset();
        (noted(&ruleset, "passed"), ruleset)
    }

    fn ruleset(&self) -> Value {
        let output = self.host.command(&["nft", "-n", "-j", "list", "ruleset"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// nft refuses rules whose parts go with each other never, and names their lines. Anything else it
/// has to take.
fn without_refused(script: &str, said: &str) -> String {
    let line = |words: &str| words.strip_prefix("/dev/stdin:")?.split(':').next()?.parse::<usize>().ok();
    let refused: BTreeSet<usize> = said.lines().filter_map(line).collect();
    let known = ["conflicting protocols", "cannot use tcp reset with this protocol"];
    let is_known = |line: &str| known.iter().any(|words| line.contains(words));
    let mut errors = said.lines().filter(|line| line.contains("Error: "));
    assert!(!refused.is_empty() && errors.all(is_known), "nft refuses {script}: {said}");
    let kept = script.lines().enumerate().filter(|(number, _)| !refused.contains(&(number + 1)));
    kept.map(|(_, line)| format!("{line}\n")).collect()
}

/// Begins to connect; what comes of it is not waited for.
fn connect(packet: &Sent) -> Socket {
    // A socket's user is that of the thread that makes it, for files.
    setfsuid(Uid::from_raw(packet.uid));
    let domain = if packet.from.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM, None).unwrap();
    setfsuid(Uid::from_raw(0));
    socket.set_reuse_address(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&packet.from.into()).unwrap();
    let _ = socket.connect(&packet.to.into());
    socket
}

fn noted(ruleset: &Value, set: &str) -> BTreeSet<u16> {
    let sets = ruleset["nftables"].as_array().unwrap().iter().map(|object| &object["set"]);
    let own = sets.filter(|own| own["table"] == "probe" && own["name"] == set);
    let elements = own.filter_map(|own| own["elem"].as_array()).flatten();
    elements.map(|port| u16::try_from(port.as_u64().unwrap()).unwrap()).collect()
}
