//! From the client's machine: what becomes of a connection to a port.
//!
//! A bare `dlv dap` serves one connection and ends: whoever connects and leaves has spent its session. So the first look, where the
//! system can do it (Linux), is half a handshake: the port's own system answers, and the program is never told of it. Who listens
//! is asked only where the caller says so.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::process::{Kind, listeners};

/// What dlvgate answers with its name; see `dlvgate_protocol::sniff`.
pub const PROBE: &[u8] = dlvgate_protocol::sniff::PROBE;

/// How the answer begins, also that of a dlvgate which does not know the probe.
const ANSWER: &str = "dlvgate";

/// How long a connection may take. A SYN is sent again after 1 s and 3 s: two lost ones are no firewall.
pub const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer may take.
const ASK: Duration = Duration::from_secs(2);

/// Bytes of an answer that are read.
const ANSWER_LIMIT: usize = 1024;

/// How a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Way {
    /// The machine answers that nobody listens.
    Refused,
    /// Nothing answers.
    Filtered,
    /// A router or a firewall on the way answers that there is no way.
    Unreachable {
        /// What the system says.
        said: String,
    },
    /// Somebody listens.
    Open,
}

/// Who listens.
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
    /// Who listens, where somebody does.
    pub who: Option<Who>,
    /// Milliseconds until the way was known.
    pub took_ms: u128,
}

/// Tries one address. `ask`: whoever listens may be spoken to, although a bare dlv's only session is spent by it.
pub async fn reach(address: SocketAddr, ask: bool) -> Reach {
    let began = Instant::now();
    let half = tokio::task::spawn_blocking(move || half_a_handshake(address)).await;
    let half = half.unwrap_or_else(|error| Some(Way::Unreachable { said: error.to_string() }));
    let mut took_ms = began.elapsed().as_millis();
    let is_here = is_own(address);
    let (way, who) = match half {
        Some(Way::Open) if is_here => (Way::Open, Some(by_process(address, ask).await)),
        Some(Way::Open) if ask => (Way::Open, Some(asked(address).await)),
        Some(Way::Open) => (Way::Open, Some(Who::NotAsked)),
        Some(other) => (other, None),
        // Without half a handshake only a whole one tells.
        None if is_here => match by_process(address, ask).await {
            Who::NotAsked => (Way::Refused, None),
            who => (Way::Open, Some(who)),
        },
        None if ask => {
            let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
            took_ms = began.elapsed().as_millis();
            match connected {
                Err(_) => (Way::Filtered, None),
                Ok(Err(error)) => (failed(&error), None),
                Ok(Ok(stream)) => (Way::Open, Some(answer_of(stream, address).await)),
            }
        }
        None => (
            Way::Unreachable {
                said: "not tried: only a whole connection tells, which may spend dlv's session".to_owned(),
            },
            None,
        ),
    };
    Reach { address, way, who, took_ms }
}

fn is_own(address: SocketAddr) -> bool {
    address.ip().is_loopback() || std::net::UdpSocket::bind((address.ip(), 0)).is_ok()
}

/// On this machine the process table tells, and nobody needs to be spoken to.
async fn by_process(address: SocketAddr, ask: bool) -> Who {
    let found = tokio::task::spawn_blocking(move || listeners(address.port())).await.unwrap_or_default();
    let is_this = |ip: std::net::IpAddr| ip.is_unspecified() || ip == address.ip();
    let listener = found.into_iter().find(|listener| is_this(listener.address.ip()));
    let Some(process) = listener.and_then(|listener| listener.process) else {
        return if ask { asked(address).await } else { Who::NotAsked };
    };
    let said = process.name();
    match process.kind() {
        Kind::Dlvgate => Who::Dlvgate { said },
        Kind::Delve { .. } => Who::Delve { said },
        Kind::Other => Who::Other { said },
    }
}

async fn asked(address: SocketAddr) -> Who {
    match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => answer_of(stream, address).await,
        _ => Who::Silent { said: "it did not let us connect a second time".to_owned() },
    }
}

/// dlvgate answers the probe; an SSH, HTTP or other server says something of its own; a dlv closes without a word.
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

/// `None` where this system sends the last part of the handshake at once.
#[cfg(not(target_os = "linux"))]
fn half_a_handshake(_: SocketAddr) -> Option<Way> {
    None
}

/// The other system has answered our SYN; ours, told that data will follow (tcp(7), `TCP_QUICKACK` off), waits with its ACK. Closing
/// with a reset before it leaves nothing to be accepted.
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
