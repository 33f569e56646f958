//! The server's side of the control socket.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use super::folder;
use super::wire::{Answer, Ask, REQUEST_LIMIT, Request, ServerStatus, VERSION};
use crate::session::OpenSessions;
use crate::shutdown::Trigger;
use crate::users::is_one_user;

/// Connections that are answered at once; others wait.
const CONNECTIONS: usize = 8;

/// How long a request and its answer may take: a client sends it at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before accepting again when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a socket is made: the folder may be removed just then by another server that ends.
const TRIES: u32 = 3;

/// The reason of a stop by this socket, in the log and for clients.
const STOPPED: &str = "dlvgate stop";

/// What is known of a server when it starts.
#[derive(Clone, Debug)]
pub struct AboutServer {
    /// Where clients connect.
    pub front: String,
    /// What a client gets: dlv's command line without its listen address.
    pub serves: String,
    /// The folder that dlv runs in.
    pub folder: PathBuf,
}

/// A control socket that is served until [`ControlServer::end`].
#[derive(Debug)]
pub struct ControlServer {
    task: JoinHandle<()>,
    file: ControlFile,
}

/// The socket's file, removed with this; and its folder, if it is empty then.
#[derive(Debug)]
struct ControlFile {
    name: PathBuf,
    /// Device and inode: the file that is ours.
    made: Option<(u64, u64)>,
}

struct Served {
    about: AboutServer,
    since: u64,
    sessions: Arc<OpenSessions>,
    trigger: Trigger,
}

impl ControlServer {
    /// Makes the socket and serves it.
    ///
    /// # Errors
    /// If no folder or socket can be made.
    pub async fn start(
        about: AboutServer,
        sessions: Arc<OpenSessions>,
        trigger: Trigger,
    ) -> io::Result<ControlServer> {
        let uid = nix::unistd::geteuid().as_raw();
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        let mut bound = None;
        for folder in folder::of_user(uid) {
            match bind(&folder, uid).await {
                Ok(made) => {
                    bound = Some(made);
                    break;
                }
                Err(error) => {
                    refused = io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
                }
            }
        }
        let Some((listener, file)) = bound else { return Err(refused) };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let served = Arc::new(Served { about, since, sessions, trigger });
        Ok(ControlServer { task: tokio::spawn(serve(listener, served)), file })
    }

    /// Stops serving and removes the socket.
    pub async fn end(self) {
        drop(self.file);
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Makes the folder, removes what killed servers have left there, and makes the socket. Another
/// server that ends may remove the folder meanwhile.
async fn bind(folder: &Path, uid: u32) -> io::Result<(UnixListener, ControlFile)> {
    let mut tries = 1;
    loop {
        folder::sweep(folder, uid).await;
        folder::make_private(folder, uid)?;
        match bind_in(folder).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => tries += 1,
            Err(error) => {
                let _ = std::fs::remove_dir(folder); // only an empty one goes
                return Err(error);
            }
            bound => return bound,
        }
    }
}

/// The socket listens before it has its name. A client that is refused removes the file, and a new
/// socket refuses clients for a moment: then the renaming fails.
async fn bind_in(folder: &Path) -> io::Result<(UnixListener, ControlFile)> {
    let name = folder::free_name(folder).await;
    let new = name.with_extension(format!("sock.{:x}", std::process::id())); // longer, so that both names fit
    let _ = std::fs::remove_file(&new); // of a killed process with our id
    let listener = UnixListener::bind(&new)?;
    match std::fs::rename(&new, &name) {
        Ok(()) => Ok((listener, ControlFile { made: identity(&name).ok(), name })),
        Err(error) => {
            let _ = std::fs::remove_file(&new);
            Err(error)
        }
    }
}

impl Drop for ControlFile {
    fn drop(&mut self) {
        if self.made.is_some() && identity(&self.name).ok() == self.made {
            let _ = std::fs::remove_file(&self.name);
        }
        if let Some(folder) = self.name.parent() {
            let _ = std::fs::remove_dir(folder); // only an empty one goes
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|meta| (meta.dev(), meta.ino()))
}

async fn serve(listener: UnixListener, served: Arc<Served>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((client, _)) => {
                    let served = Arc::clone(&served);
                    connections.spawn(async move {
                        let _ = tokio::time::timeout(PATIENCE, answer(client, &served)).await;
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Reads one request and answers it. A client that is gone gets no answer.
async fn answer(client: UnixStream, served: &Served) -> io::Result<()> {
    let uid = client.peer_cred()?.uid();
    let (reader, mut writer) = client.into_split();
    let answer = if is_allowed(uid) {
        let mut line = Vec::new();
        BufReader::new(reader.take(REQUEST_LIMIT)).read_until(b'\n', &mut line).await?;
        served.obey(&line)
    } else {
        Answer::refused(format!("this server is not user {uid}'s"))
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.shutdown().await
}

/// The server's own user, and root, which could stop it anyway. The uid that stands for several
/// users is no one's.
fn is_allowed(uid: u32) -> bool {
    uid == 0 || uid == nix::unistd::geteuid().as_raw() && is_one_user(uid)
}

impl Served {
    fn obey(&self, line: &[u8]) -> Answer {
        let request: Request = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => return Answer::refused(format!("this is not a request: {error}")),
        };
        if request.version != VERSION {
            let said = format!(
                "the server speaks version {VERSION}, and the request is of version {}",
                request.version
            );
            return Answer::refused(said);
        }
        let mut answer = Answer { version: VERSION, ..Answer::default() };
        match (request.request, request.session) {
            (Ask::Status, _) => answer.server = Some(self.status()),
            (Ask::Stop, None) => {
                self.trigger.stop(STOPPED);
                tracing::info!(target: "dlvgate", signal = STOPPED, "stopping");
            }
            (Ask::Stop, Some(number)) if self.sessions.stop(number, STOPPED) => {
                tracing::info!(target: "dlvgate::session", session = number, signal = STOPPED, "stopping");
            }
            (Ask::Stop, Some(number)) => return Answer::refused(format!("session {number} is not open")),
        }
        answer
    }

    fn status(&self) -> ServerStatus {
        ServerStatus {
            pid: std::process::id(),
            dlvgate: env!("CARGO_PKG_VERSION").to_owned(),
            front: self.about.front.clone(),
            serves: self.about.serves.clone(),
            folder: self.about.folder.display().to_string(),
            since: self.since,
            sessions: self.sessions.list(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown;

    fn served() -> (Served, shutdown::Shutdown) {
        let (trigger, stop) = shutdown::channel();
        let about = AboutServer {
            front: "127.0.0.1:2345".to_owned(),
            serves: "dlv dap".to_owned(),
            folder: "/home/me/shop".into(),
        };
        (Served { about, since: 7, sessions: Arc::default(), trigger }, stop)
    }

    #[test]
    fn only_what_is_asked_is_done() {
        let (served, stop) = served();
        for (line, said) in [
            (r#"{"version":1,"request":"status"}"#, None),
            (r#"{"version":1,"request":"stop","session":9}"#, Some("session 9 is not open")),
            (r#"{"version":2,"request":"stop"}"#, Some("speaks version 1")),
            (r#"{"version":1,"request":"restart"}"#, Some("not a request")),
            ("", Some("not a request")),
        ] {
            let error = served.obey(line.as_bytes()).error;
            assert_eq!(error.is_some(), said.is_some(), "{line}: {error:?}");
            assert!(error.unwrap_or_default().contains(said.unwrap_or_default()), "{line}");
            assert_eq!(stop.asked(), None, "{line}");
        }
        assert_eq!(served.obey(br#"{"version":1,"request":"stop"}"#).error, None);
        assert_eq!(stop.asked(), Some(STOPPED));
    }
}
