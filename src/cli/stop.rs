//! `dlvgate stop`: ends a server or a session.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

use super::exit::usage;
use crate::control::{FoundServer, Request, ServerStatus, Servers, ask, servers};
use crate::escape::on_one_line;
use crate::stdio::say;

/// How long an end may take: dlv has a grace of its own, and a build is finished first.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Stop a server or a session
///
/// Without a number: the server, if one alone is running. N is a server's process id, or a
/// session's number, as `dlvgate ps` prints them; #N is a session, and PID/N the session of a
/// server. When the command returns, its gate, dlv and program are gone. A dlv that several
/// sessions share, and one at --upstream, stays when a session is stopped.
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
    /// A session's number.
    OfSession(u64),
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
            None => match text.strip_prefix('#') {
                Some(number) => number.parse().map(Number::OfSession).map_err(wrong),
                None => text.parse().map(Number::One).map_err(wrong),
            },
        }
    }
}

pub(super) async fn run(args: StopArgs) -> anyhow::Result<ExitCode> {
    let Servers { found, silent } = servers().await;
    if let ([], Some(error)) = (&found[..], silent.first()) {
        bail!("{}", on_one_line(&error.to_string()));
    }
    let (server, session) = named(&found, args.number)?;
    ask(&server.socket, &Request::stop(session)).await?;
    let name = name(server, session);
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
    let has =
        |server: &FoundServer, number: u64| server.status.sessions.iter().any(|one| one.number == number);
    let is = |server: &FoundServer, pid: u64| u64::from(server.status.pid) == pid;
    let what = match number {
        None => "this".to_owned(),
        Some(Number::One(number)) => format!("number {number}"),
        Some(Number::OfSession(number)) => format!("session {number}"),
        Some(Number::Session { pid, session }) => format!("session {session} of server {pid}"),
    };
    let matching = found.iter().flat_map(|server| {
        let (server_itself, session) = match number {
            None => (true, None),
            Some(Number::One(number)) => (is(server, number), has(server, number).then_some(number)),
            Some(Number::OfSession(number)) => (false, has(server, number).then_some(number)),
            Some(Number::Session { pid, session }) => (false, is(server, pid.into()).then_some(session)),
        };
        let itself = server_itself.then_some((server, None));
        itself.into_iter().chain(session.map(|session| (server, Some(session))))
    });
    match matching.collect::<Vec<_>>()[..] {
        [] if found.is_empty() => bail!("no dlvgate server is running"),
        [] => bail!("there is no {what}; `dlvgate ps` lists the servers and sessions"),
        [one] => Ok(one),
        ref several => {
            let names: Vec<String> = several.iter().map(|(server, session)| name(server, *session)).collect();
            Err(usage(format_args!("{what} may be {}; write PID, #N or PID/N", names.join(", or "))))
        }
    }
}

/// A server, or a session of it, in words.
fn name(server: &FoundServer, session: Option<u64>) -> String {
    let ServerStatus { pid, front, .. } = &server.status;
    let server = format!("server {pid} at {}", on_one_line(front));
    session.map_or(server.clone(), |session| format!("session {session} of {server}"))
}

/// Whether it is still there; so counts a server that does not answer.
async fn is_there(server: &FoundServer, session: Option<u64>) -> bool {
    match ask(&server.socket, &Request::status()).await {
        Ok(answer) => match (answer.server, session) {
            (Some(status), Some(number)) => status.sessions.iter().any(|one| one.number == number),
            (status, _) => status.is_some(),
        },
        Err(error) => !error.is_gone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSocket;
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
        FoundServer { socket: ControlSocket { path: format!("/{pid}").into(), uid: 0 }, status }
    }

    #[test]
    fn number_names_one_server_or_session() {
        let found = [server(4711, &[1, 2]), server(4712, &[1]), server(1, &[4])];
        let named = |text: &str, found: &[FoundServer]| {
            let number = (!text.is_empty()).then(|| text.parse().unwrap());
            let named = named(found, number).map(|(server, session)| (server.status.pid, session));
            named.map_err(|error| error.to_string())
        };
        assert_eq!(named("", &found[..1]), Ok((4711, None)));
        assert_eq!(named("4712", &found), Ok((4712, None)));
        assert_eq!(named("2", &found), Ok((4711, Some(2))));
        assert_eq!(named("#4", &found), Ok((1, Some(4))));
        assert_eq!(named("4712/1", &found), Ok((4712, Some(1))));
        assert_eq!(named("4712/9", &found), Ok((4712, Some(9))), "the server says that there is none");
        let twins = [server(7, &[1]), server(7, &[])];
        for (text, found, said) in [
            ("", &found[..0], "no dlvgate server"),
            ("", &found[..], "server 4711 at , or server 4712 at "),
            (
                "1",
                &found[..],
                "session 1 of server 4711 at , or session 1 of server 4712 at , or server 1 at ",
            ),
            ("#1", &found[..], "session 1 of server 4711"),
            ("3", &found[..], "there is no number 3"),
            ("8/1", &found[..], "there is no session 1 of server 8"),
            ("7", &twins[..], "server 7 at , or server 7 at "),
        ] {
            let refused = named(text, found).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
        for text in ["x", "1/x", "#", "-1", ""] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }
}
