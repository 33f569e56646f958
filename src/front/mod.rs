//! The front: where clients connect, who may, and how many.

mod address;
mod allowlist;
mod bound;
mod connection_limit;
mod peer_uid;
mod unix;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use address::{Listen, ListenAddress, resolve, resolve_peer};
pub use allowlist::{Allowlist, UnusableAllowlist};
pub use bound::Bound;
#[cfg(all(fuzzing, target_os = "linux"))]
pub use peer_uid::fuzzing;
pub use peer_uid::{CannotTell, PeerUids};
pub use unix::SocketFile;

use crate::session::{self, ClientInfo, EndReason, SessionOutcome, SessionSettings, Transport};
use crate::shutdown::Shutdown;
use connection_limit::ConnectionLimit;

/// A laptop that fell asleep never says goodbye: after this silence the kernel asks, and again at
/// the interval.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// How long to wait before accepting again when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

enum Listener {
    /// At one address; for loopback of both families at two.
    Tcp(TcpListener, Option<TcpListener>),
    Unix(SocketFile),
}

/// A connected client, for the log.
struct ClientLabel {
    /// For the log.
    name: String,
    /// Over TCP.
    ip: Option<IpAddr>,
}

/// A front at which clients can connect.
pub struct Front {
    listener: Listener,
    name: String,
    allowlist: Allowlist,
    /// Asked for connections of this machine; `None` lets every user in.
    peer_uids: Option<PeerUids>,
}

impl Front {
    /// Lets clients connect to an address.
    ///
    /// # Errors
    /// If another program listens there, which Linux says only now.
    pub fn on(bound: Bound, allowlist: Allowlist, peer_uids: Option<PeerUids>) -> io::Result<Front> {
        let name = bound.name().to_string();
        let (one, other) = bound.listen()?;
        Ok(Front { listener: Listener::Tcp(one, other), name, allowlist, peer_uids })
    }

    /// A front on a Unix socket.
    pub fn at(socket: SocketFile, peer_uids: Option<PeerUids>) -> Front {
        let name = socket.path().display().to_string();
        Front { listener: Listener::Unix(socket), name, allowlist: Allowlist::default(), peer_uids }
    }

    /// Where clients connect, as a ready line has it: an address, or a Unix socket's path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Serves sessions until it is to stop, with `once` until the first session's end, or until
    /// `over`; then no client is let in. Returns the last session's outcome when all sessions have
    /// cleaned up.
    pub async fn serve(
        self,
        settings: Arc<SessionSettings>,
        once: bool,
        over: impl Future<Output = ()>,
        stop: Shutdown,
    ) -> Option<SessionOutcome> {
        let mut over = std::pin::pin!(over);
        // Without --allow all are this machine's, and of one user.
        let of_address = self.allowlist.names_peers().then_some(settings.max_sessions_per_address);
        let connection_limit = ConnectionLimit::new(settings.max_sessions, of_address);
        let mut sessions = JoinSet::new();
        let (open, closing) = watch::channel(());
        let mut number = 0;
        let mut last = None;
        loop {
            tokio::select! {
                accepted = self.accept() => {
                    let Some((client, peer)) = accepted else { continue };
                    let place = match connection_limit.take(peer.ip) {
                        Ok(place) => place,
                        Err(full) => {
                            tracing::warn!(target: "dlvgate::front", peer = peer.name, "closed: {full}");
                            continue;
                        }
                    };
                    number += 1;
                    let (settings, stop, closing) = (Arc::clone(&settings), stop.clone(), closing.clone());
                    sessions.spawn(async move {
                        let place = place; // until the end
                        let client_info = ClientInfo {
                            name: &peer.name,
                            sessions: place.sessions.clone(),
                            closing: Some(closing),
                        };
                        session::run(client, client_info, number, &settings, &stop).await
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
        drop((self.listener, open));
        while let Some(ended) = sessions.join_next().await {
            last = settle(ended).or(last);
        }
        last
    }

    /// Returns the next client that is let in, with its name for the log. Cancel safe.
    async fn accept(&self) -> Option<(Transport, ClientLabel)> {
        let accepted = match &self.listener {
            Listener::Tcp(one, None) => one.accept().await.map(|(client, peer)| self.admit(client, peer)),
            Listener::Tcp(one, Some(other)) => tokio::select! {
                accepted = one.accept() => accepted.map(|(client, peer)| self.admit(client, peer)),
                accepted = other.accept() => accepted.map(|(client, peer)| self.admit(client, peer)),
            },
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

    fn admit(&self, client: TcpStream, peer: SocketAddr) -> Option<(Transport, ClientLabel)> {
        let peer = canonical(peer);
        if !self.allowlist.admits(peer) {
            tracing::warn!(target: "dlvgate::front", %peer, "closed: {}", self.allowlist);
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
            // it is closed already
            tracing::debug!(target: "dlvgate::front", %peer, %error, "the connection takes no options");
        }
        Some((Transport::Tcp(client), ClientLabel { name: peer.to_string(), ip: Some(peer.ip()) }))
    }

    fn admit_from_socket(&self, client: UnixStream) -> Option<(Transport, ClientLabel)> {
        let peer = self.name.clone();
        if let Some(Err(why)) = self.peer_uids.as_ref().map(|peer_uids| peer_uids.admit_credentials(&client))
        {
            tracing::warn!(target: "dlvgate::front", peer, "closed: {why}");
            return None;
        }
        Some((Transport::Unix(client), ClientLabel { name: peer, ip: None }))
    }

    /// A client of this machine must be of our own user, whichever of the machine's addresses it
    /// comes from.
    fn owned(&self, client: &TcpStream, peer: SocketAddr) -> Result<(), String> {
        match &self.peer_uids {
            Some(peer_uids) => peer_uids.admit(peer, client.local_addr().map_err(|error| error.to_string())?),
            None => Ok(()),
        }
    }
}

/// An IPv4 client of a front of both families as what it is.
fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, peer.port())),
        IpAddr::V6(_) => peer, // with its interface
    }
}

/// A session's end, where it was one: not of a client that said no message. A panic harms its
/// session alone, and is said.
fn settle(ended: Result<SessionOutcome, tokio::task::JoinError>) -> Option<SessionOutcome> {
    match ended {
        Ok(SessionOutcome::NoSession | SessionOutcome::Session(EndReason::FirstMessageTimeout { .. })) => {
            None
        }
        Ok(session) => Some(session),
        Err(error) => {
            tracing::error!(target: "dlvgate::front", %error, "a session's task failed");
            None
        }
    }
}
