//! `dlvgate stop`: ends a server or a session.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

use super::exit::usage;
use crate::control::{FoundServer, Request, ask, servers};
use crate::stdio::say;

/// How long an end may take: dlv has a grace of its own, and a build is finished first.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Stop a server or a session
///
/// Without a number: the server, if one alone is running. N is a server's process id, or a session's
/// number, as `dlvgate ps` prints them; with several servers write PID/N for a session. Its gate,
/// dlv and program are gone when the command returns.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate stop              # the only server
  dlvgate stop 4711         # the server with this process id
  dlvgate stop 2            # session 2
  dlvgate stop 4711/2       # session 2 of this server")]
pub(super) struct StopArgs {
    /// The server or session
    #[arg(value_name = "N")]
    number: Option<Number>,
    /// Do not wait for the end
    #[arg(long)]
    no_wait: bool,
}

/// What a number names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// A server's process id, or a session's number.
    One(u64),
    /// A session of this server.
    Session { pid: u32, session: u64 },
}

impl std::str::FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Number, String> {
        let wrong = |_| format!("`{text}` is not a number of `dlvgate ps`; write 4711, 2 or 4711/2");
        match text.split_once('/') {
            Some((pid, session)) => Ok(Number::Session {
                pid: pid.parse().map_err(wrong)?,
                session: session.parse().map_err(wrong)?,
            }),
            None => text.trim_start_matches('#').parse().map(Number::One).map_err(wrong),
        }
    }
}

pub(super) async fn run(args: StopArgs) -> anyhow::Result<ExitCode> {
    let found = servers().await;
    let (server, session) = named(&found, args.number)?;
    ask(&server.socket, &Request::stop(session)).await?;
    let pid = server.status.pid;
    let name = session
        .map_or_else(|| format!("server {pid}"), |session| format!("session {session} of server {pid}"));
    if args.no_wait {
        return Ok(ExitCode::SUCCESS);
    }
    let late = Instant::now() + PATIENCE;
    while is_there(server, session).await {
        if Instant::now() > late {
            bail!(
                "{name} has not ended within {} s; `dlvgate stop` again does not wait for dlv",
                PATIENCE.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
    say!("stopped {name}");
    Ok(ExitCode::SUCCESS)
}

/// Finds the server, and the session if one is named.
fn named(found: &[FoundServer], number: Option<Number>) -> anyhow::Result<(&FoundServer, Option<u64>)> {
    let of_pid = |pid: u32| found.iter().find(|server| server.status.pid == pid);
    let has =
        |server: &FoundServer, number: u64| server.status.sessions.iter().any(|one| one.number == number);
    match (found, number) {
        ([], _) => bail!("no dlvgate server is running"),
        ([server], None) => Ok((server, None)),
        (_, None) => {
            Err(usage(format_args!("{} servers are running; say which: {}", found.len(), pids(found))))
        }
        (_, Some(Number::Session { pid, session })) => match of_pid(pid) {
            Some(server) => Ok((server, Some(session))),
            None => bail!("no server has the process id {pid}: {}", pids(found)),
        },
        (_, Some(Number::One(number))) => {
            if let Some(server) = u32::try_from(number).ok().and_then(of_pid) {
                return Ok((server, None));
            }
            let with: Vec<&FoundServer> = found.iter().filter(|server| has(server, number)).collect();
            match with[..] {
                [server] => Ok((server, Some(number))),
                [] => bail!("no server and no session has the number {number}; `dlvgate ps` lists them"),
                _ => Err(usage(format_args!(
                    "{} servers have a session {number}; write PID/{number}: {}",
                    with.len(),
                    pids(found)
                ))),
            }
        }
    }
}

fn pids(found: &[FoundServer]) -> String {
    let pids: Vec<String> = found.iter().map(|server| server.status.pid.to_string()).collect();
    pids.join(", ")
}

async fn is_there(server: &FoundServer, session: Option<u64>) -> bool {
    let Ok(answer) = ask(&server.socket, &Request::status()).await else { return false };
    let Some(status) = answer.server.filter(|status| status.pid == server.status.pid) else { return false };
    session.is_none_or(|number| status.sessions.iter().any(|one| one.number == number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ServerStatus;
    use crate::session::{SessionState, SessionStatus};

    fn server(pid: u32, sessions: &[u64]) -> FoundServer {
        let session = |number: &u64| SessionStatus {
            number: *number,
            client: String::new(),
            protocol: String::new(),
            state: SessionState::Open,
            since: 0,
            dlv: None,
            program: None,
            stopped: None,
        };
        let status = ServerStatus {
            pid,
            dlvgate: String::new(),
            front: String::new(),
            serves: String::new(),
            folder: String::new(),
            since: 0,
            sessions: sessions.iter().map(session).collect(),
        };
        FoundServer { socket: format!("/{pid}").into(), status }
    }

    #[test]
    fn number_names_one_server_or_session() {
        let found = [server(4711, &[1, 2]), server(4712, &[1])];
        let named = |text: &str, found: &[FoundServer]| {
            let number = (!text.is_empty()).then(|| text.parse().unwrap());
            named(found, number)
                .map(|(server, session)| (server.status.pid, session))
                .map_err(|error| error.to_string())
        };
        assert_eq!(named("", &found[..1]), Ok((4711, None)));
        assert_eq!(named("4712", &found), Ok((4712, None)));
        assert_eq!(named("2", &found), Ok((4711, Some(2))));
        assert_eq!(named("#2", &found), Ok((4711, Some(2))));
        assert_eq!(named("4712/1", &found), Ok((4712, Some(1))));
        for (text, found, said) in [
            ("", &found[..0], "no dlvgate server"),
            ("", &found[..], "4711, 4712"),
            ("1", &found[..], "PID/1"),
            ("3", &found[..], "no server and no session"),
            ("1/1", &found[..], "4711, 4712"),
        ] {
            assert!(named(text, found).unwrap_err().contains(said), "{text}");
        }
        assert!("x".parse::<Number>().is_err() && "1/x".parse::<Number>().is_err());
    }
}
