//! The front: where clients connect, who may, and how many.

mod address;
mod admission;
mod owner;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use address::{ListenAddress, resolve};
pub use admission::Admission;
pub use owner::Owners;

use crate::session::{self, Outcome, Settings};
use crate::shutdown::Shutdown;

/// Connections that may be waiting to be accepted: a port scanner must not crowd a client out.
const BACKLOG: i32 = 128;

/// Connections that have not spoken yet. Each costs a descriptor, of which macOS gives 256 to a process, and nothing
/// else; what exceeds this is closed.
const MAX_SILENT: usize = 64;

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
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?; // a server that was just stopped leaves connections in TIME_WAIT
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Bound { socket, address })
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
        Ok(Front { listener, address: self.address, admission, owners })
    }
}

/// A front at which clients can connect.
pub struct Front {
    listener: TcpListener,
    address: SocketAddr,
    admission: Admission,
    /// Asked for loopback connections; `None` lets every user in.
    owners: Option<Owners>,
}

impl Front {
    /// The address that it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves sessions until told to stop, or with `once` until the first session's end. Returns when all
    /// sessions have left nothing behind, with the last session's outcome.
    pub async fn serve(self, settings: Arc<Settings>, once: bool, stop: Shutdown) -> Option<Outcome> {
        let silent = Arc::new(Semaphore::new(MAX_SILENT + settings.max_sessions));
        let mut sessions = JoinSet::new();
        let mut number = 0;
        let mut last = None;
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Some((client, peer)) = self.admit(accepted).await else { continue };
                    let Ok(place) = Arc::clone(&silent).try_acquire_owned() else {
                        tracing::warn!(target: "dlvgate::front", %peer, limit = MAX_SILENT, "closed: too many silent connections");
                        continue;
                    };
                    number += 1;
                    let (settings, stop) = (Arc::clone(&settings), stop.clone());
                    sessions.spawn(async move {
                        let _place = place;
                        session::run(client, peer, number, &settings, &stop).await
                    });
                }
                Some(ended) = sessions.join_next() => {
                    last = settle(ended).or(last);
                    if once && last.is_some() {
                        break;
                    }
                }
                _ = stop.begun() => break,
            }
        }
        drop(self.listener);
        while let Some(ended) = sessions.join_next().await {
            last = settle(ended).or(last);
        }
        last
    }

    async fn admit(&self, accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, SocketAddr)> {
        let (client, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "dlvgate::front", %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                return None;
            }
        };
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
        Some((client, peer))
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
