//! `dlvgate ps`: the servers that run, and their sessions.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::json;

use super::exit::FAILURE;
use crate::control::{FoundServer, ServerStatus, Servers, servers};
use crate::escape::{on_one_line, printable_json};
use crate::session::{SessionState, SessionStatus};
use crate::stdio;

/// List the running servers and their sessions
///
/// Prints each `dlvgate serve` of this user: its process id, where clients connect, what it serves,
/// the folder that dlv runs in, and how long it runs. Below it, each open session: its number, the
/// client's address, the protocol, its dlv, how far it is, for how long, what is debugged, and
/// where it is stopped (of DAP clients). The numbers are those of the log, and `dlvgate stop` takes
/// them. Exit code 1: a server does not answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate ps
  dlvgate ps --json | jq '.servers[].sessions[].client'
  dlvgate stop 2            # the session with this number")]
pub(super) struct PsArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: PsArgs) -> anyhow::Result<ExitCode> {
    let Servers { found, silent } = servers().await;
    let silent: Vec<String> = silent.iter().map(ToString::to_string).collect();
    if args.json {
        let servers: Vec<&ServerStatus> = found.iter().map(|server| &server.status).collect();
        let all = json!({ "servers": servers, "silent": silent }).to_string();
        stdio::print(&format!("{}\n", printable_json(&all)))?;
    } else {
        stdio::print(&page(&found, &silent, now()))?;
    }
    Ok(if silent.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}

fn page(found: &[FoundServer], silent: &[String], now: u64) -> String {
    let mut page = String::new();
    if found.is_empty() && silent.is_empty() {
        page.push_str("no dlvgate server is running\n");
    }
    for why in silent {
        let _ = writeln!(page, "{}", on_one_line(why));
    }
    for FoundServer { status, .. } in found {
        let ServerStatus { pid, front, serves, folder, since, sessions, .. } = status;
        let line = format!("server {pid} at {front}: {serves}, in {folder}, for {}", age(now, *since));
        let _ = writeln!(page, "{}", on_one_line(&line));
        if sessions.is_empty() {
            let _ = writeln!(page, "    no sessions");
        }
        for session in sessions {
            let _ = writeln!(page, "{}", on_one_line(&row(session, now)));
        }
    }
    page
}

fn row(session: &SessionStatus, now: u64) -> String {
    let state = match session.state {
        SessionState::Starting => "starting",
        SessionState::Open => "open",
        SessionState::Ending => "ending",
    };
    let delve = session.dlv.as_ref().map_or_else(String::new, |dlv| format!("dlv {}", dlv.pid));
    let mut row = format!(
        "    #{:<4} {:<21}  {:<8}  {delve:<11}  {state:<8}  {}",
        session.number,
        session.client,
        session.protocol,
        age(now, session.since)
    );
    if let Some(program) = &session.program {
        let _ = write!(row, "  {program}");
    }
    if let Some(place) = &session.stopped {
        let _ = write!(row, "  stopped at {place}");
    }
    row
}

fn age(now: u64, since: u64) -> String {
    let age = Duration::from_secs(now.saturating_sub(since));
    humantime::format_duration(age).to_string()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSocket;
    use crate::session::SessionDelve;

    #[test]
    fn page_has_a_line_a_server_and_a_session() {
        let session = SessionStatus {
            number: 2,
            client: "127.0.0.1:49018".to_owned(),
            protocol: "DAP".to_owned(),
            state: SessionState::Open,
            since: 1_000,
            dlv: Some(SessionDelve { pid: 4720, address: "127.0.0.1:40001".to_owned() }),
            program: Some("debug .".to_owned()),
            stopped: Some("/src/main.go:12 (breakpoint)".to_owned()),
        };
        let status = ServerStatus {
            pid: 4711,
            dlvgate: "0.1.0".to_owned(),
            front: "127.0.0.1:2345".to_owned(),
            serves: "dlv dap".to_owned(),
            folder: "/home/me/a\nb".to_owned(),
            since: 940,
            sessions: vec![session],
        };
        let socket = ControlSocket { path: "/run/user/1000/dlvgate/4711.sock".into(), uid: 1000 };
        let found = [FoundServer { socket, status }];
        assert_eq!(
            page(&found, &[], 1_061),
            "server 4711 at 127.0.0.1:2345: dlv dap, in /home/me/a⏎b, for 2m 1s\n    \
             #2    127.0.0.1:49018        DAP       dlv 4720     open      1m 1s  debug .  stopped at /src/main.go:12 (breakpoint)\n"
        );
        assert_eq!(page(&[], &[], 0), "no dlvgate server is running\n");
        assert_eq!(page(&[], &["it\nhangs".to_owned()], 0), "it⏎hangs\n");
    }
}
