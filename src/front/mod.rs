//! The front: where clients connect, who may, and how many.

mod address;
mod admission;
mod owner;
mod places;
mod unix;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

pub use address::{Listen, ListenAddress, resolve};
pub use admission::Admission;
#[cfg(all(fuzzing, target_os = "linux"))]
pub use owner::fuzzing;
pub use owner::{CannotTell, Owners};
pub use unix::SocketFile;

use crate::privilege::Caller;
use crate::session::{self, Link, Outcome, Settings, Visitor};
use crate::shutdown::Shutdown;
use places::Places;

/// Connections that may be waiting to be accepted: a port scanner must not crowd a client out.
const BACKLOG: i32 = 128;

/// A laptop that fell asleep never says goodbye: after this silence the kernel asks, and again at the interval.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// How long to wait before accepting again when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An address that is ours, at which nobody can connect yet.
pub struct Bound {
    socket: Socket,
    address: SocketAddr,
}

impl Bound {
    /// Takes `address`; port 0 lets the system choose. What comes before [`Bound::listen`] may be slow: a client is
    /// refused meanwhile, as before, and does not wait.
    ///
    /// # Errors
    /// Where the system refuses the address.
    pub fn new(address: SocketAddr) -> io::Result<Bound> {
        Bound::of(Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?, address)
    }

    /// The same under sudo, with a socket that is the caller's, as the front will be: the guard holds its caller to their own.
    ///
    /// # Errors
    /// As [`Bound::new`], or where the caller's user cannot be taken on and put off again.
    pub fn new_of(caller: &Caller, address: SocketAddr) -> io::Result<Bound> {
        let (domain, protocol) = (Domain::for_address(address), Some(Protocol::TCP));
        Bound::of(caller.meanwhile(|| Socket::new(domain, Type::STREAM, protocol))??, address)
    }

    fn of(socket: Socket, address: SocketAddr) -> io::Result<Bound> {
        socket.set_reuse_address(true)?; // a server that was just stopped leaves connections in TIME_WAIT
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Bound { socket, address })
    }

    /// A socket that we were started with, and at which clients may connect already.
    ///
    /// # Errors
    /// Where it is no TCP socket, or has no address.
    pub fn passed(descriptor: OwnedFd) -> io::Result<Bound> {
        let socket = Socket::from(descriptor);
        let address = socket.local_addr()?.as_socket();
        match address {
            Some(address) if socket.r#type()? == Type::STREAM && address.port() != 0 => {
                socket.set_nonblocking(true)?;
                Ok(Bound { socket, address })
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no TCP socket that has an address")),
        }
    }

    /// The socket, for who has to see whose it is and where it is bound.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The address that it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets clients connect.
    ///
    /// # Errors
    /// Where another program listens there, which Linux says only now.
    pub fn listen(self, admission: Admission, owners: Option<Owners>) -> io::Result<Front> {
        self.socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(self.socket.into())?;
        Ok(Front { listener: Listener::Tcp(listener), name: self.address.to_string(), admission, owners })
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(SocketFile),
}

/// Who has connected.
struct Peer {
    /// For the log.
    name: String,
    /// Over TCP.
    ip: Option<IpAddr>,
}

/// A front at which clients can connect.
pub struct Front {
    listener: Listener,
    name: String,
    admission: Admission,
    /// Asked for connections of this machine; `None` lets every user in.
    owners: Option<Owners>,
}

impl Front {
    /// A front on a Unix socket.
    pub fn at(socket: SocketFile, owners: Option<Owners>) -> Front {
        let name = socket.path().display().to_string();
        Front { listener: Listener::Unix(socket), name, admission: Admission::default(), owners }
    }

    /// Where clients connect, as a ready line has it: an address, or a Unix socket's path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Serves sessions until told to stop, with `once` until the first session's end, or until `over`, after which nobody
    /// new is let in. Returns when all sessions have left nothing behind, with the last session's outcome.
    pub async fn serve(
        self,
        settings: Arc<Settings>,
        once: bool,
        over: impl Future<Output = ()>,
        stop: Shutdown,
    ) -> Option<Outcome> {
        let mut over = std::pin::pin!(over);
        // Without --allow all are this machine's, and of one user.
        let of_address = self.admission.names_somebody().then_some(settings.max_sessions_per_address);
        let places = Places::new(settings.max_sessions, of_address);
        let mut sessions = JoinSet::new();
        let mut number = 0;
        let mut last = None;
        loop {
            tokio::select! {
                accepted = self.accept() => {
                    let Some((client, peer)) = accepted else { continue };
                    let place = match places.take(peer.ip) {
                        Ok(place) => place,
                        Err(full) => {
                            tracing::warn!(target: "dlvgate::front", peer = peer.name, "closed: {full}");
                            continue;
                        }
                    };
                    number += 1;
                    let (settings, stop) = (Arc::clone(&settings), stop.clone());
                    sessions.spawn(async move {
                        let place = place; // until the end
                        let visitor = Visitor { name: &peer.name, sessions: place.sessions.clone() };
                        session::run(client, visitor, number, &settings, &stop).await
                    });
                }
                Some(ended) = sessions.join_next() => {
                    last = settle(ended).or(last);
                    if once && last.is_some() {
                        break;
                    }
                }
                _ = stop.begun() => break,
                () = &mut over => break,
            }
        }
        drop(self.listener);
        while let Some(ended) = sessions.join_next().await {
            last = settle(ended).or(last);
        }
        last
    }

    /// The next client that is let in, with its name for the log. Can be cancelled: nobody is lost.
    async fn accept(&self) -> Option<(Link, Peer)> {
        let accepted = match &self.listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(client, peer)| self.admit(client, peer)),
            Listener::Unix(socket) => socket.accept().await.map(|client| self.admit_from_socket(client)),
        };
        match accepted {
            Ok(admitted) => admitted,
            Err(error) => {
                tracing::warn!(target: "dlvgate::front", %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    fn admit(&self, client: TcpStream, peer: SocketAddr) -> Option<(Link, Peer)> {
        if !self.admission.admits(peer) {
            tracing::warn!(target: "dlvgate::front", %peer, "closed: {}", self.admission);
            return None;
        }
        if let Err(why) = self.owned(&client, peer) {
            tracing::warn!(target: "dlvgate::front", %peer, "closed: {why}");
            return None;
        }
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL);
        let tuned =
            client.set_nodelay(true).and_then(|()| SockRef::from(&client).set_tcp_keepalive(&keepalive));
        if let Err(error) = tuned {
            tracing::debug!(target: "dlvgate::front", %peer, %error, "the connection takes no options"); // it is closed already
        }
        Some((Link::Tcp(client), Peer { name: peer.to_string(), ip: Some(peer.ip()) }))
    }

    fn admit_from_socket(&self, client: UnixStream) -> Option<(Link, Peer)> {
        let peer = self.name.clone();
        match client.peer_cred().map(|peer| peer.uid()) {
            Ok(uid) if self.owners.as_ref().is_none_or(|owners| owners.include(uid)) => {
                Some((Link::Unix(client), Peer { name: peer, ip: None }))
            }
            Ok(uid) => {
                tracing::warn!(target: "dlvgate::front", peer, "closed: it is user {uid}'s");
                None
            }
            Err(error) => {
                tracing::warn!(target: "dlvgate::front", peer, %error, "closed: nobody can tell whose it is");
                None
            }
        }
    }

    /// On loopback the client must be of our own user, as dlv itself has it.
    fn owned(&self, client: &TcpStream, peer: SocketAddr) -> Result<(), String> {
        match &self.owners {
            Some(owners) if peer.ip().to_canonical().is_loopback() => {
                owners.admit(peer, client.local_addr().map_err(|error| error.to_string())?)
            }
            _ => Ok(()),
        }
    }
}

/// A session's end, where it was one. A panic harms its session alone, and is said.
fn settle(ended: Result<Outcome, tokio::task::JoinError>) -> Option<Outcome> {
    match ended {
        Ok(Outcome::NoSession) => None,
        Ok(session) => Some(session),
        Err(error) => {
            tracing::error!(target: "dlvgate::front", %error, "a session's task failed");
            None
        }
    }
}
