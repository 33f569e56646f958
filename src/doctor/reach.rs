//! From the client's machine: what becomes of a connection to a port.
//!
//! A bare `dlv dap` serves one connection and ends, so connecting to look would use up its session.
//! Where the system can (Linux), the first check is half a handshake: the port's own system
//! answers, and the program never sees it. The program itself is asked only where the caller says
//! so.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::facts::process::{ListenerKind, listeners};

/// What dlvgate answers with its name; see `dlvgate_protocol::sniff`.
pub const PROBE: &[u8] = dlvgate_protocol::sniff::PROBE;

/// How the answer begins, also that of a dlvgate which does not know the probe.
const ANSWER: &str = "dlvgate";

/// How long a connection may take. A SYN is sent again after 1 s and 3 s: two lost ones are no
/// firewall.
pub const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer may take.
const ASK: Duration = Duration::from_secs(2);

/// Bytes of an answer that are read.
const ANSWER_LIMIT: usize = 1024;

/// How a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Way {
    /// The machine answers that no program listens.
    Refused,
    /// Nothing answers.
    Filtered,
    /// A router or a firewall on the way answers that there is no way.
    Unreachable {
        /// What the system says.
        said: String,
    },
    /// A program listens.
    Open,
    /// Only a whole connection would show it, and that was not asked for.
    NotTried,
}

/// The program that listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Who {
    /// dlvgate, in its own words.
    Dlvgate {
        /// Its answer.
        said: String,
    },
    /// A Delve.
    Delve {
        /// How it is known.
        said: String,
    },
    /// A program on this machine that passes connections on: it answers, whether or not anything
    /// does at its other end.
    Tunnel {
        /// What it is.
        said: String,
    },
    /// A tunnel that closed the connection at once.
    Nothing {
        /// What it is, and what that means.
        said: String,
    },
    /// Another program.
    Other {
        /// What it said, or its name.
        said: String,
    },
    /// It was not asked.
    NotAsked,
    /// It was asked, and closed the connection or kept silent.
    Silent {
        /// Which of the two.
        said: String,
    },
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The address that was tried.
    pub address: SocketAddr,
    /// How it went.
    pub way: Way,
    /// The program that listens, if there is one.
    pub who: Option<Who>,
    /// Milliseconds until the way was known; by a connection, until the answer.
    pub took_ms: u128,
}

/// Tries one address. `ask` allows speaking to the program that listens, which uses up a bare dlv's
/// only session.
pub async fn reach(address: SocketAddr, ask: bool) -> Reach {
    let began = Instant::now();
    let half = tokio::task::spawn_blocking(move || half_a_handshake(address)).await;
    let half = half.unwrap_or_else(|error| Some(Way::Unreachable { said: error.to_string() }));
    let mut took_ms = began.elapsed().as_millis();
    let (way, who) = match half {
        Some(Way::Open) => (Way::Open, Some(who_listens(address, ask).await)),
        Some(other) => (other, None),
        None => {
            let found = by_connecting(address, ask).await;
            took_ms = began.elapsed().as_millis();
            found
        }
    };
    Reach { address, way, who, took_ms }
}

async fn who_listens(address: SocketAddr, ask: bool) -> Who {
    match by_process(address).await {
        Some(Who::Tunnel { said }) if ask => through(said, asked(address).await),
        Some(who) => who,
        None if ask => asked(address).await,
        None => Who::NotAsked,
    }
}

/// Where half a handshake cannot be had: on this machine the process table tells, elsewhere a whole
/// connection only.
async fn by_connecting(address: SocketAddr, ask: bool) -> (Way, Option<Who>) {
    match by_process(address).await {
        Some(Who::Tunnel { said }) if ask => {
            return (Way::Open, Some(through(said, asked(address).await)));
        }
        Some(who) => return (Way::Open, Some(who)),
        None if !ask => return (Way::NotTried, None),
        None => {}
    }
    match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Err(_) => (Way::Filtered, None),
        Ok(Err(error)) => (failed(&error), None),
        Ok(Ok(stream)) => (Way::Open, Some(answer_of(stream, address).await)),
    }
}

/// What an answer through a tunnel means. A tunnel whose other end is refused has accepted before,
/// and closes.
fn through(tunnel: String, who: Who) -> Who {
    match who {
        Who::Silent { .. } => Who::Nothing {
            said: format!(
                "{tunnel}; it takes the connection and nothing answers: no server is at its other end, or one that is spent"
            ),
        },
        other => other,
    }
}

fn is_own(address: SocketAddr) -> bool {
    address.ip().is_loopback() || std::net::UdpSocket::bind((address.ip(), 0)).is_ok()
}

/// Finds the listener on this machine in the process table, where it may, without connecting.
async fn by_process(address: SocketAddr) -> Option<Who> {
    if !is_own(address) {
        return None;
    }
    let found = tokio::task::spawn_blocking(move || listeners(address.port())).await.unwrap_or_default();
    let is_this = |ip: std::net::IpAddr| {
        // On `::` both families are listened for.
        ip == address.ip() || (ip.is_unspecified() && (ip.is_ipv6() || address.is_ipv4()))
    };
    let listener = found.into_iter().find(|listener| is_this(listener.address.ip()))?;
    let process = listener.process?;
    let said = process.name();
    Some(match process.kind() {
        ListenerKind::Dlvgate => Who::Dlvgate { said },
        ListenerKind::Delve { .. } => Who::Delve { said },
        ListenerKind::Tunnel(what) => Who::Tunnel { said: format!("{what}, {said}") },
        ListenerKind::Other => Who::Other { said },
    })
}

async fn asked(address: SocketAddr) -> Who {
    match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => answer_of(stream, address).await,
        _ => Who::Silent { said: "it did not let us connect a second time".to_owned() },
    }
}

/// dlvgate answers the probe; an SSH, HTTP or other server says something of its own; a dlv closes
/// without a word.
async fn answer_of(mut stream: TcpStream, address: SocketAddr) -> Who {
    let said = tokio::time::timeout(ASK, exchange(&mut stream, PROBE)).await;
    drop(stream);
    match said {
        Ok(Ok(said)) if said.starts_with(ANSWER) => Who::Dlvgate { said },
        Ok(Ok(said)) if !said.is_empty() => Who::Other { said },
        Ok(_) => headless(address).await,
        Err(_) => Who::Silent { said: "it says nothing".to_owned() },
    }
}

/// A dlv that serves several clients says its version in JSON-RPC; one that served one is gone now.
async fn headless(address: SocketAddr) -> Who {
    const VERSION: &[u8] = br#"{"method":"RPCServer.GetVersion","params":[{}],"id":1}"#;
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
    let Ok(Ok(mut stream)) = stream else {
        return Who::Delve {
            said: "it closed the connection without a word, and does not listen any more: a dlv that serves one client".to_owned(),
        };
    };
    match tokio::time::timeout(ASK, exchange(&mut stream, VERSION)).await {
        Ok(Ok(said)) if said.contains("DelveVersion") => {
            Who::Delve { said: "it serves Delve's JSON-RPC".to_owned() }
        }
        _ => Who::Silent { said: "it closes connections without a word".to_owned() },
    }
}

async fn exchange(stream: &mut TcpStream, words: &[u8]) -> io::Result<String> {
    stream.write_all(words).await?;
    let mut answer = Vec::new();
    let mut chunk = [0; ANSWER_LIMIT];
    while answer.len() < ANSWER_LIMIT && !answer.contains(&b'\n') {
        match stream.read(&mut chunk).await? {
            0 => break,
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().chars().filter(|char| !char.is_control()).collect())
}

fn failed(error: &io::Error) -> Way {
    match error.kind() {
        ErrorKind::ConnectionRefused => Way::Refused,
        ErrorKind::TimedOut => Way::Filtered,
        _ => Way::Unreachable { said: error.to_string() },
    }
}

/// `None` if this system sends the last part of the handshake at once.
#[cfg(not(target_os = "linux"))]
fn half_a_handshake(_: SocketAddr) -> Option<Way> {
    None
}

/// The other system has answered our SYN; ours, told that data will follow (tcp(7), `TCP_QUICKACK`
/// off), waits with its ACK. Closing with a reset before it leaves nothing to be accepted.
#[cfg(target_os = "linux")]
fn half_a_handshake(address: SocketAddr) -> Option<Way> {
    use socket2::{Domain, Protocol, Socket, Type};
    let connect = || -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_tcp_quickack(false)?;
        socket.set_linger(Some(Duration::ZERO))?;
        let connected = socket.connect_timeout(&address.into(), CONNECT);
        drop(socket); // the reset
        connected
    };
    Some(match connect() {
        Ok(()) => Way::Open,
        Err(error) => failed(&error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_only_a_connection_tells_none_is_made_unasked() {
        let elsewhere = "192.0.2.5:2345".parse().unwrap();
        assert_eq!(by_connecting(elsewhere, false).await, (Way::NotTried, None));
        // Our own process is told without a connection.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (way, who) = by_connecting(listener.local_addr().unwrap(), false).await;
        assert_eq!(way, Way::Open);
        assert!(who.is_some());
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err());
        let free = listener.local_addr().unwrap();
        drop(listener);
        // A process that another test starts has the listener too, until its exec.
        while std::net::TcpStream::connect(free).is_ok() {}
        assert_eq!(by_connecting(free, true).await, (Way::Refused, None));
    }
}
