//! Where the clients of a dlv that runs in our place are served, from what its command line says.

use std::io;
use std::path::Path;

use anyhow::bail;
use tokio::net::{TcpStream, UnixStream};

use crate::cli::common_args::cannot_listen;
use crate::delve::Argv;
use crate::escape::printable;
use crate::firewall::Peer;
use crate::front::{
    Allowlist, Bound, Front, ListenAddress, PeerUids, SocketFile, UnusableAllowlist, resolve, resolve_peer,
};
use crate::session::Transport;
use crate::stdio::post;

/// dlv's own default.
const DEFAULT: &str = "127.0.0.1:0";

/// What an address of a Unix socket begins with.
const UNIX: &str = "unix:";

/// Where clients are served.
pub(super) enum ListenEndpoint {
    /// Clients can connect already: over loopback there is nothing to wait for, and some try only
    /// once.
    Open(Open),
    /// Other machines could connect, once its port is gated.
    Reachable { bound: Bound, allowlist: Allowlist, peer_uids: Option<PeerUids> },
}

/// Where clients come from.
pub(super) enum Open {
    /// They connect.
    Front(Front),
    /// The one client was waiting for us to connect. Its user is checked when it speaks.
    Client(Transport, Option<PeerUids>),
}

impl Open {
    /// What the ready line says; nothing where there is none.
    pub(super) fn name(&self) -> String {
        match self {
            Open::Front(front) => front.name().to_owned(),
            Open::Client(..) => String::new(),
        }
    }
}

impl ListenEndpoint {
    /// The place that a command line names. `None` if it is not an address to listen on, which dlv
    /// can say better.
    ///
    /// # Errors
    /// If dlv could listen, and we refuse to.
    pub(super) async fn of(
        argv: &Argv,
        allow: &[Peer],
        peer_uids: Option<PeerUids>,
    ) -> anyhow::Result<Option<ListenEndpoint>> {
        if let Some(client) = argv.client_addr() {
            let client = client.to_string_lossy();
            return match dial(&client).await {
                Ok(link) => Ok(Some(ListenEndpoint::Open(Open::Client(link, peer_uids)))),
                Err(_) => Ok(None),
            };
        }
        let listen = argv.listen().map_or(DEFAULT.into(), |listen| listen.to_string_lossy());
        if let Some(path) = listen.strip_prefix(UNIX) {
            let socket = SocketFile::bind(Path::new(path));
            return Ok(socket
                .ok()
                .map(|socket| ListenEndpoint::Open(Open::Front(Front::at(socket, peer_uids)))));
        }
        let Ok(asked) = listen.parse::<ListenAddress>() else { return Ok(None) };
        let Ok(mut address) = resolve(&asked).await else { return Ok(None) };
        if address.ip().is_unspecified() {
            if allow.is_empty() {
                post!(
                    "dlvgate: only this machine can connect: {} is every address, and anyone who connects to a debugger can \
                     run any program here. To let others in, say who: DLVGATE_ALLOW=ADDRESS,NETWORK/BITS",
                    printable(&listen)
                );
                let bound = Bound::loopback(address.port()).ok();
                let front = bound.and_then(|bound| Front::on(bound, Allowlist::default(), peer_uids).ok());
                return Ok(front.map(|front| ListenEndpoint::Open(Open::Front(front))));
            }
            // dlv takes both families, whichever way every address is written.
            let every = format!(":{}", address.port()).parse();
            address = resolve(&every.unwrap_or(asked)).await?;
        }
        let allowlist = match Allowlist::new(address.ip(), allow.to_vec()) {
            Ok(allowlist) => allowlist,
            Err(UnusableAllowlist::Never { peer, never }) => bail!("DLVGATE_ALLOW: {peer}: {never}"),
            Err(UnusableAllowlist::OpenToAll { front }) => bail!(
                "{front} can be reached from other machines, and anyone who connects to a debugger can run any program here. Say \
                 who may: DLVGATE_ALLOW=ADDRESS,NETWORK/BITS; or listen on 127.0.0.1"
            ),
        };
        let bound = match Bound::new(address) {
            Ok(bound) => bound,
            Err(_) => return Ok(None),
        };
        if !address.ip().to_canonical().is_loopback() {
            return Ok(Some(ListenEndpoint::Reachable { bound, allowlist, peer_uids }));
        }
        Ok(Front::on(bound, allowlist, peer_uids).ok().map(|front| ListenEndpoint::Open(Open::Front(front))))
    }

    /// Whether other machines can connect.
    pub(super) fn is_reachable(&self) -> bool {
        self.reachable().is_some()
    }

    /// The address that other machines can reach.
    pub(super) fn reachable(&self) -> Option<&Bound> {
        match self {
            ListenEndpoint::Open(_) => None,
            ListenEndpoint::Reachable { bound, .. } => Some(bound),
        }
    }

    /// Lets clients connect. `None` where another program listens there.
    ///
    /// # Errors
    /// If the system refuses for another reason.
    pub(super) fn open(self) -> anyhow::Result<Option<Open>> {
        let (bound, allowlist, peer_uids) = match self {
            ListenEndpoint::Open(open) => return Ok(Some(open)),
            ListenEndpoint::Reachable { bound, allowlist, peer_uids } => (bound, allowlist, peer_uids),
        };
        let address = bound.address();
        match Front::on(bound, allowlist, peer_uids) {
            Ok(front) => Ok(Some(Open::Front(front))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(cannot_listen(address, &error)),
        }
    }
}

/// Connects to the client that `--client-addr` names.
async fn dial(client: &str) -> io::Result<Transport> {
    if let Some(path) = client.strip_prefix(UNIX) {
        return Ok(Transport::Unix(UnixStream::connect(path).await?));
    }
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    let address: ListenAddress = client.parse().map_err(invalid)?;
    let stream = TcpStream::connect(resolve_peer(&address).await?).await?;
    stream.set_nodelay(true)?;
    Ok(Transport::Tcp(stream))
}
