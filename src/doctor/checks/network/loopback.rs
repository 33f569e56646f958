//! Whether this machine reaches itself.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::doctor::context::{Context, sudo};
use crate::doctor::facts::files::edit;
use crate::doctor::finding::{CheckGroup, Finding, Health};

/// How long a connection to ourselves may take; it takes microseconds.
const LIMIT: Duration = Duration::from_secs(1);

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let (four, six) =
        tokio::join!(connects(Ipv4Addr::LOCALHOST.into()), connects(Ipv6Addr::LOCALHOST.into()));
    vec![loopback(context, four), ipv6(six), localhost().await]
}

enum ConnectOutcome {
    Connects,
    /// The address is not ours to listen on, or there is no way to it.
    NoAddress(String),
    /// It is ours, and nothing comes through.
    Dropped,
}

/// Packets to an interface that is down are lost without a word.
fn is_up() -> bool {
    let loopback = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_UP;
    getifaddrs().map_or(true, |mut all| all.any(|one| one.flags.contains(loopback)))
}

async fn connects(address: IpAddr) -> ConnectOutcome {
    if !is_up() {
        return ConnectOutcome::NoAddress("the loopback interface is down".to_owned());
    }
    let listener = match TcpListener::bind(SocketAddr::new(address, 0)).await {
        Ok(listener) => listener,
        Err(error) => return ConnectOutcome::NoAddress(error.to_string()),
    };
    let Ok(own) = listener.local_addr() else { return ConnectOutcome::Dropped };
    match tokio::time::timeout(LIMIT, TcpStream::connect(own)).await {
        Ok(Ok(_)) => ConnectOutcome::Connects,
        Ok(Err(error))
            if matches!(error.kind(), ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable) =>
        {
            ConnectOutcome::NoAddress(error.to_string())
        }
        Ok(Err(_)) | Err(_) => ConnectOutcome::Dropped,
    }
}

fn loopback(context: &Context, outcome: ConnectOutcome) -> Finding {
    let finding = |state, seen: String| Finding::new(CheckGroup::Network, "loopback", state, seen);
    match outcome {
        ConnectOutcome::Connects => finding(Health::Good, "127.0.0.1 reaches itself".to_owned()),
        ConnectOutcome::NoAddress(why) => {
            let up = if context.is_mac() { "ifconfig lo0 127.0.0.1 up" } else { "ip link set lo up" };
            finding(Health::Bad, format!("127.0.0.1 cannot be used: {why}"))
                .why("no client on this machine can connect to anything here")
                .remedy(format!("{}{up}", sudo()))
        }
        ConnectOutcome::Dropped => {
            let why = "a packet filter takes what this machine sends to itself; which rule does is below, where it can be told";
            let sudo = sudo();
            finding(
                Health::Warning,
                "connections from 127.0.0.1 to a free port of 127.0.0.1 do not get through".to_owned(),
            )
            .why(why)
            .remedy(format!("{sudo}dlvgate firewall explain --port {} --from 127.0.0.1", context.port()))
        }
    }
}

fn ipv6(outcome: ConnectOutcome) -> Finding {
    let finding = |state, seen: &str| Finding::new(CheckGroup::Network, "ipv6", state, seen);
    match outcome {
        ConnectOutcome::Connects => finding(Health::Good, "::1 reaches itself"),
        ConnectOutcome::NoAddress(_) => {
            finding(Health::Note, "there is no IPv6 loopback here; 127.0.0.1 does")
        }
        ConnectOutcome::Dropped => finding(
            Health::Note,
            "connections to ::1 do not get through; a client that takes `localhost` for ::1 needs 127.0.0.1",
        ),
    }
}

async fn localhost() -> Finding {
    let finding = |state, seen: String| Finding::new(CheckGroup::Network, "localhost", state, seen);
    let line = format!("printf '\\n127.0.0.1 localhost\\n' | {}tee -a /etc/hosts", sudo());
    let why = "IDEs and editors connect to `localhost` unless told otherwise";
    match lookup_host(("localhost", 0)).await {
        Err(error) => {
            finding(Health::Bad, format!("the name localhost is not known: {error}")).why(why).remedy(line)
        }
        Ok(addresses) => {
            let all: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            let list = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            match all.iter().find(|address| !address.is_loopback()) {
                Some(foreign) => finding(
                    Health::Bad,
                    format!("the name localhost is {list}: {foreign} is not this machine's own"),
                )
                .why(why)
                .undoable_remedies([edit(
                    sudo(),
                    "/etc/hosts",
                    &format!(
                        "/^[[:space:]]*{}[[:space:]].*localhost/s/^/# /",
                        foreign.to_string().replace('.', "[.]")
                    ),
                    "localhost",
                )]),
                None if all.is_empty() => {
                    finding(Health::Bad, "the name localhost has no address".to_owned()).why(why).remedy(line)
                }
                None => finding(Health::Good, format!("localhost is {list}")),
            }
        }
    }
}
