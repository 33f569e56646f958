//! The side that asks servers.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::folder;
use super::wire::{ANSWER_LIMIT, Answer, Request, ServerStatus};
use crate::users::sudo_uid;

/// How long a server may take to answer. It takes less than a millisecond, and more only while the
/// machine is very busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sockets of a folder that are asked: a user has a few servers.
const MOST: usize = 64;

/// A server that has answered.
#[derive(Clone, Debug)]
pub struct FoundServer {
    /// Its control socket.
    pub socket: ControlSocket,
    /// What it said.
    pub status: ServerStatus,
}

/// The control socket of a user's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSocket {
    /// Its path.
    pub path: PathBuf,
    /// The user, who must be the one that listens there.
    pub uid: u32,
}

/// The servers of a user.
#[derive(Debug, Default)]
pub struct Servers {
    /// Those that have answered, the oldest first.
    pub found: Vec<FoundServer>,
    /// Those that listen and have not.
    pub silent: Vec<ControlError>,
}

/// A server cannot be asked, or refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The connection failed.
    #[error("the server at {} does not answer: {said}", socket.display())]
    NoAnswer {
        /// Its control socket.
        socket: PathBuf,
        /// What the system said.
        said: io::Error,
    },
    /// It refuses.
    #[error("the server at {} refuses: {why}", socket.display())]
    Refused {
        /// Its control socket.
        socket: PathBuf,
        /// Its words.
        why: String,
    },
}

impl ControlError {
    /// Whether the server is gone, and its socket with it or left.
    pub fn is_gone(&self) -> bool {
        matches!(self, ControlError::NoAnswer { said, .. } if is_gone(said))
    }
}

fn is_gone(said: &io::Error) -> bool {
    matches!(said.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

/// Whether the connection broke: the server is just ending.
fn is_ending(said: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(said.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// Finds the servers of this user, and under sudo of the caller too. Removes the sockets that
/// killed ones of this user have left.
pub async fn servers() -> Servers {
    let own = nix::unistd::geteuid().as_raw();
    let uids: Vec<u32> = [own].into_iter().chain(sudo_uid().filter(|uid| *uid != own)).collect();
    let mut asked = JoinSet::new();
    for uid in uids {
        for folder in folder::of_user(uid) {
            // Root removes nothing in another user's folder, who could put a link in its place.
            if uid == own {
                folder::sweep(&folder, uid).await;
            }
            let sockets = folder::sockets(&folder, uid).into_iter().filter(|path| folder::is_named(path));
            for path in sockets.take(MOST) {
                asked.spawn(status(ControlSocket { path, uid }));
            }
        }
    }
    let mut servers = Servers::default();
    for answer in asked.join_all().await {
        match answer {
            Ok(found) => servers.found.extend(found),
            Err(error) => servers.silent.push(error),
        }
    }
    servers.found.sort_by(|one, other| {
        let key = |server: &FoundServer| (server.status.since, server.socket.path.clone());
        key(one).cmp(&key(other))
    });
    servers
}

/// `None`: the server has ended meanwhile.
async fn status(socket: ControlSocket) -> Result<Option<FoundServer>, ControlError> {
    match ask(&socket, &Request::status()).await {
        Ok(answer) => Ok(answer.server.map(|status| FoundServer { socket, status })),
        Err(ControlError::NoAnswer { said, .. }) if is_gone(&said) || is_ending(&said) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends a request to a server, and returns its answer.
///
/// # Errors
/// If the server does not answer, or refuses.
pub async fn ask(socket: &ControlSocket, request: &Request) -> Result<Answer, ControlError> {
    let answered = tokio::time::timeout(PATIENCE, exchange(socket, request)).await;
    let answered = answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answered.map_err(|said| ControlError::NoAnswer { socket: socket.path.clone(), said })?;
    match answer.error {
        Some(why) => Err(ControlError::Refused { socket: socket.path.clone(), why }),
        None => Ok(answer),
    }
}

async fn exchange(socket: &ControlSocket, request: &Request) -> io::Result<Answer> {
    let server = UnixStream::connect(&socket.path).await?;
    // Behind a link there may be another user's.
    let uid = server.peer_cred()?.uid();
    if uid != socket.uid {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("it is user {uid}'s")));
    }
    let (reader, mut writer) = server.into_split();
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    let mut line = Vec::new();
    BufReader::new(reader.take(ANSWER_LIMIT)).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}
