//! A socket that goes with a request, from the proxy to the guard.
//!
//! A front is gated before it listens, and until then the kernel shows no listener at its port. So
//! its own socket comes along (SCM_RIGHTS), which shows whose it is and where it is bound.
//!
//! To close what a caller has passed may take as long as the caller likes: a socket lingers, a file
//! system of the caller's is asked. So the guard's own thread closes nothing of it, nor receives
//! it, since the kernel closes there what there is no room for.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use socket2::{SockRef, Type};
use tokio::io::{AsyncRead, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;

/// Sockets that are kept for requests that are not read yet. One comes with a request, and one
/// request is asked at a time; more are closed.
const MOST: usize = 4;

/// Descriptors that wait to be closed, where closing one takes its time. More stay open, until the
/// guard has no number left for those of its caller.
const TO_CLOSE: usize = 64;

/// Reads ahead of the guard's: one request is asked at a time.
const CHUNKS: usize = 4;

/// Bytes of one read.
const CHUNK: usize = 4096;

/// A descriptor that a caller has passed, which another thread closes.
#[derive(Debug)]
pub(super) struct PassedDescriptor(Option<OwnedFd>);

impl PassedDescriptor {
    /// `None` while it is dropped.
    pub(super) fn descriptor(&self) -> Option<&OwnedFd> {
        self.0.as_ref()
    }
}

impl Drop for PassedDescriptor {
    fn drop(&mut self) {
        static CLOSER: OnceLock<SyncSender<OwnedFd>> = OnceLock::new();
        let closer = CLOSER.get_or_init(|| {
            let (closer, to_close) = sync_channel(TO_CLOSE);
            // Where there is no thread, the channel is closed, and the descriptor stays open.
            let _ = std::thread::Builder::new()
                .name("closer".to_owned())
                .spawn(move || to_close.iter().for_each(drop));
            closer
        });
        if let Some(Err(refused)) = self.0.take().map(|descriptor| closer.try_send(descriptor)) {
            std::mem::forget(refused);
        }
    }
}

/// Sockets that came, in order. A copy that is kept keeps a front's port taken and its clients
/// waiting, when the front itself is closed.
#[derive(Clone, Debug, Default)]
pub(super) struct PassedSockets(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    sockets: VecDeque<PassedDescriptor>,
    /// They are closed as they come.
    refused: bool,
}

impl PassedSockets {
    /// The first.
    pub(super) fn take(&self) -> Option<PassedDescriptor> {
        self.kept().sockets.pop_front()
    }

    /// Closes all.
    pub(super) fn forget(&self) {
        self.kept().sockets.clear();
    }

    /// Closes all, and each that comes: this guard does not ask whose they are.
    pub(super) fn refuse(&self) {
        *self.kept() = Kept { refused: true, ..Kept::default() };
    }

    fn came(&self, socket: OwnedFd) {
        let mut kept = self.kept();
        // No program that the guard runs gets a socket of its caller's.
        let is_kept =
            fcntl_setfd(&socket, FdFlags::CLOEXEC).is_ok() && !kept.refused && kept.sockets.len() < MOST;
        let socket = PassedDescriptor(Some(socket));
        if is_kept {
            kept.sockets.push_back(socket);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests as they come over a Unix socket, read by a thread of its own.
pub(super) struct SocketRequests {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// The rest of the last one.
    rest: Vec<u8>,
}

impl SocketRequests {
    /// # Errors
    /// If the system has no thread for it.
    pub(super) fn new(
        stream: std::os::unix::net::UnixStream,
        passed: PassedSockets,
    ) -> io::Result<SocketRequests> {
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        std::thread::Builder::new().name("requests".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Err(error) = pass_on(stream, &passed, &sender).await {
                    let _ = sender.send(Err(error)).await;
                }
            });
        })?;
        Ok(SocketRequests { chunks, rest: Vec::new() })
    }
}

/// Passes on what comes, to its end.
async fn pass_on(
    stream: std::os::unix::net::UnixStream,
    passed: &PassedSockets,
    to: &mpsc::Sender<io::Result<Vec<u8>>>,
) -> io::Result<()> {
    let stream = UnixStream::from_std(stream)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = stream.async_io(Interest::READABLE, || receive(&stream, passed, &mut buffer)).await?;
        if length == 0 || to.send(Ok(buffer[..length].to_vec())).await.is_err() {
            return Ok(());
        }
    }
}

fn receive(stream: &UnixStream, passed: &PassedSockets, buffer: &mut [u8]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(stream, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::empty())?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(sockets) = message {
            sockets.for_each(|socket| passed.came(socket));
        }
    }
    Ok(received.bytes)
}

impl AsyncRead for SocketRequests {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.chunks.poll_recv(cx)) {
                Some(chunk) => self.rest = chunk?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Poll::Ready(Ok(()))
    }
}

/// Writes a line with which this socket goes.
pub(super) async fn send(pipe: &mut OwnedWriteHalf, line: &[u8], socket: BorrowedFd<'_>) -> io::Result<()> {
    let sent = pipe.as_ref().async_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let sockets = [socket];
        ancillary.push(SendAncillaryMessage::ScmRights(&sockets)); // there is room for one
        Ok(sendmsg(pipe.as_ref(), &[IoSlice::new(line)], &mut ancillary, SendFlags::empty())?)
    });
    let sent = sent.await?;
    pipe.write_all(&line[sent..]).await
}

/// Whether this user has bound this socket to this port, in this machine's own network. Returns the
/// address.
///
/// # Errors
/// Says why the socket is not the caller's own at this port.
pub(super) fn check(socket: &OwnedFd, port: u16, uid: u32) -> Result<IpAddr, String> {
    let unlike = |why: String| format!("the socket that came for port {port} {why}");
    let unreadable = |error: io::Error| unlike(format!("cannot be looked at: {error}"));
    let seen = SockRef::from(socket);
    let is_tcp = seen.r#type().map_err(unreadable)? == Type::STREAM && seen.tcp_nodelay().is_ok();
    let address = seen.local_addr().map_err(unreadable)?.as_socket();
    let address = match address {
        Some(address) if is_tcp && address.port() == port => address.ip(),
        Some(address) if is_tcp => return Err(unlike(format!("is bound to port {}", address.port()))),
        _ => return Err(unlike("is not a TCP socket".to_owned())),
    };
    if seen.peer_addr().is_ok() {
        return Err(unlike("is one end of a connection".to_owned()));
    }
    let owner = nix::sys::stat::fstat(socket.as_fd()).map_err(|errno| unreadable(errno.into()))?.st_uid;
    if owner != uid {
        return Err(unlike(format!(
            "was made by user {owner}, and not by {uid}: of a systemd socket unit, let a user's own manager (`systemctl --user`) make it"
        )));
    }
    match is_of_this_network(socket).map_err(unreadable)? {
        true => Ok(address),
        false => Err(unlike("is of another network namespace".to_owned())),
    }
}

/// A kernel that does not say is older than 5.14. What a user gains there who passes a socket from
/// elsewhere, a gate at a port without a listener, they have as well by binding it here for a
/// moment.
#[cfg(target_os = "linux")]
fn is_of_this_network(socket: &OwnedFd) -> io::Result<bool> {
    Ok(crate::sockets::is_of_this_network(socket)?.unwrap_or(true))
}

/// There is one network.
#[cfg(not(target_os = "linux"))]
fn is_of_this_network(_: &OwnedFd) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests;
