//! The side that asks servers.

use std::io;
use std::path::{Path, PathBuf};
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

/// A server that has answered.
#[derive(Clone, Debug)]
pub struct FoundServer {
    /// Its control socket.
    pub socket: PathBuf,
    /// What it said.
    pub status: ServerStatus,
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
    #[error("{0}")]
    Refused(String),
}

/// Finds the servers of this user, and under sudo of the caller too. Removes the sockets that
/// killed ones have left.
pub async fn servers() -> Vec<FoundServer> {
    let own = nix::unistd::geteuid().as_raw();
    let uids: Vec<u32> = [own].into_iter().chain(sudo_uid()).collect();
    let mut asked = JoinSet::new();
    for uid in uids {
        for folder in folder::of_user(uid) {
            for socket in folder::sockets(&folder, uid) {
                asked.spawn(status(socket, uid == own));
            }
        }
    }
    let mut found: Vec<FoundServer> = asked.join_all().await.into_iter().flatten().collect();
    found.sort_by_key(|server| (server.status.since, server.status.pid));
    found
}

/// `is_ours`: the folder is. Root removes nothing in another user's, who could put a link in its
/// place just then.
async fn status(socket: PathBuf, is_ours: bool) -> Option<FoundServer> {
    match ask(&socket, &Request::status()).await {
        Ok(answer) => answer.server.map(|status| FoundServer { socket, status }),
        Err(ControlError::NoAnswer { said, .. }) if said.kind() == io::ErrorKind::ConnectionRefused => {
            if is_ours {
                let _ = std::fs::remove_file(&socket);
                let _ = socket.parent().map(std::fs::remove_dir); // only an empty one goes
            }
            None
        }
        Err(error) => {
            tracing::warn!(target: "dlvgate", "{error}");
            None
        }
    }
}

/// Sends a request to a server, and returns its answer.
///
/// # Errors
/// If the server does not answer, or refuses.
pub async fn ask(socket: &Path, request: &Request) -> Result<Answer, ControlError> {
    let answered = tokio::time::timeout(PATIENCE, exchange(socket, request)).await;
    let answered = answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answered.map_err(|said| ControlError::NoAnswer { socket: socket.to_owned(), said })?;
    match answer.error {
        Some(why) => Err(ControlError::Refused(why)),
        None => Ok(answer),
    }
}

async fn exchange(socket: &Path, request: &Request) -> io::Result<Answer> {
    let server = UnixStream::connect(socket).await?;
    let (reader, mut writer) = server.into_split();
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    let mut line = Vec::new();
    BufReader::new(reader.take(ANSWER_LIMIT)).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}
